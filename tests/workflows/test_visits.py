"""Visits on the database: gate, check-in, check-out, sheet, review, approval, ageing; what the clock hears of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.errors import NotFound, Refusal
from app.models import (
    Attachment,
    ContractElevator,
    GradeCertificate,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    OverduePeriod,
    StatusChange,
    Visit,
)
from app.permissions import Role
from app.reference import all_items, items_for
from app.transaction import transaction
from app.workflows import ageing, audit, presence, schedule, visit_reviewers, visits
from app.workflows.visit_state import settle
from app.workflows.visits import CheckOut, Position
from tests.factories import (
    actor,
    make_account,
    make_clock,
    make_contract,
    make_elevator,
    make_ledger,
    make_person,
    make_policy,
)

HERE = Position(30.5, 120.5)
FAR = Position(30.6, 120.5)


def wall(*parts: int) -> dt.datetime:
    """The instant at which a clock on the wall in Shanghai shows this."""
    return dt.datetime(*parts, tzinfo=clock.SHANGHAI).astimezone(dt.UTC)  # type: ignore[misc,arg-type]


START = wall(2026, 3, 2, 9, 0)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def huzhou(session: Any, world: Any) -> Any:
    make_policy(session, "preset", "huzhou")
    session.commit()
    return world


def arrive(session: Any, world: Any, at: dt.datetime = START, who: str = "worker", **more: Any) -> Visit:
    with transaction(session):
        return visits.check_in(session, world.actor(who), more.pop("code", world.own.code), HERE, at, **more)


def answers(visit: Visit) -> dict[str, dict[str, Any]]:
    """Every item done and well, with a value where one is asked for."""
    items = items_for(visit.snapshot["category"], visit.level)
    return {i.code: {"result": "ok", "value": "合格" if i.needs_test else ""} for i in items}


def leave(session: Any, world: Any, visit: Visit, at: dt.datetime, **more: Any) -> Visit:
    done = CheckOut(**({"results": answers(visit), "problem": ""} | more))
    with transaction(session):
        return visits.check_out(session, world.actor("worker"), visit.id, world.own.code, HERE, done, at)


def file_of(session: Any, world: Any, kind: str) -> int:
    row = Attachment(
        entity="visit", kind=kind, name="现场.png", mime="image/png", size=1, sha256="0" * 64,
        unit_id=world.firm.id, region_code=world.firm.region_code, uploaded_by_id=world.accounts["worker"].id,
        uploaded_at=START,
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row.id


def rules_of(refusal: Any) -> set[str]:
    return {f.rule for f in refusal.value.findings if f.stops}


# --- reference data


@pytest.mark.feature("PLN-08")
@pytest.mark.parametrize(
    ("category", "level", "count"),
    [("3110", "half_month", 31), ("3110", "quarter", 44), ("3120", "half_year", 59), ("3130", "annual", 76),
     ("3210", "annual", 66), ("3430", "annual", 52), ("3310", "annual", 63), ("3410", "annual", 0),
     ("3420", "annual", 0)],
)  # fmt: skip
def test_items_are_cumulative_by_kind_and_level(category: str, level: str, count: int) -> None:
    assert len(items_for(category, level)) == count


@pytest.mark.feature("PLN-08")
def test_there_are_257_items_each_with_its_own_code() -> None:
    assert len({i.code for i in all_items()}) == len(all_items()) == 257


# --- check-in


@pytest.mark.feature("MNT-01")
def test_a_worker_on_site_checks_in(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    assert (visit.state, visit.counted, visit.visit_on) == ("open", False, dt.date(2026, 3, 2))
    assert visit.in_distance == 0
    assert visit.snapshot["unit"] == huzhou.firm.name
    assert visit.next_change_at == START + 8 * HOUR + dt.timedelta(seconds=1)
    change = session.scalars(select(StatusChange).where(StatusChange.entity == "visit")).all()
    assert change == []  # it began open: no step was taken


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize("text", ["{code}", " {code} ", "{token}", "https://tian.example/e/{token}", "/m/e/{token}/"])
def test_code_and_scanned_address_name_the_elevator(session: Any, huzhou: Any, text: str) -> None:
    own = huzhou.own
    found = presence.elevator_of(session, text.format(code=own.code, token=own.public_token))
    assert found is not None and found.id == own.id


@pytest.mark.feature("MNT-02")
@pytest.mark.feature("CON-04")
def test_all_failing_reasons_are_told_at_once(session: Any, huzhou: Any) -> None:
    huzhou.own.status = "suspended"
    huzhou.worker.certificate_until = dt.date(2026, 3, 1)
    session.query(ContractElevator).delete()
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_in(session, huzhou.actor("worker"), huzhou.own.code, FAR, START)
    assert {"电梯位置较远", "电梯已超有效期(脱保)", "证书已过有效期", "电梯已停用"} <= rules_of(refusal)
    assert all(f.remedy for f in refusal.value.findings if f.stops)
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("code", "position", "rule"),
    [("", HERE, "二维码非法无效"), ("Z999999", HERE, "电梯不存在"), (None, Position(), "定位未打开"),
     (None, FAR, "电梯位置较远")],
)  # fmt: skip
def test_one_reason_alone(session: Any, huzhou: Any, code: str | None, position: Position, rule: str) -> None:
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_in(session, huzhou.actor("worker"), huzhou.own.code if code is None else code, position, START)
    assert rules_of(refusal) == {rule}


@pytest.mark.feature("MNT-02")
def test_an_elevator_without_a_place_is_named(session: Any, huzhou: Any) -> None:
    huzhou.own.latitude = None
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_in(session, huzhou.actor("worker"), huzhou.own.code, HERE, START)
    assert rules_of(refusal) == {"电梯尚未标注位置"}


@pytest.mark.feature("ACC-14")
def test_the_main_account_does_no_maintenance(session: Any, huzhou: Any) -> None:
    both = make_account(
        session, Role.MAINTENANCE_HEAD, Role.WORKER, unit=huzhou.firm, person=huzhou.worker, is_main=True
    )
    session.commit()
    _, findings = presence.gate(session, actor(both), huzhou.own.code, HERE, START)
    assert "主账号不允许进行维保作业,请切换为子账号操作" in {f.rule for f in findings if f.stops}


@pytest.mark.feature("MNT-02")
def test_another_firms_elevator_is_refused(session: Any, huzhou: Any) -> None:
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_in(session, huzhou.actor("worker"), huzhou.foreign.code, HERE, START)
    assert "无电梯权限" in rules_of(refusal)


@pytest.mark.feature("ACC-10")
def test_a_sub_account_serves_only_what_it_was_given(session: Any, huzhou: Any) -> None:
    person = make_person(session, huzhou.firm)
    narrow = make_account(session, Role.WORKER, unit=huzhou.firm, person=person, sees_all_elevators=False)
    session.commit()
    _, findings = presence.gate(session, actor(narrow), huzhou.own.code, HERE, START)
    assert {f.rule for f in findings if f.stops} == {"无电梯权限"}


@pytest.mark.feature("MNT-02")
def test_a_second_open_visit_is_refused_and_names_the_first(session: Any, huzhou: Any) -> None:
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    session.commit()
    arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        arrive(session, huzhou, START + MINUTE, code=other.code)
    assert "已在其他电梯签到" in rules_of(refusal)
    assert huzhou.own.code in str(refusal.value)


@pytest.mark.feature("MNT-01")
def test_the_same_key_again_is_the_same_visit(session: Any, huzhou: Any) -> None:
    first = arrive(session, huzhou, client_key="k-1")
    again = arrive(session, huzhou, START + MINUTE, client_key="k-1")
    assert first.id == again.id
    assert session.scalar(select(func.count(Visit.id))) == 1


@pytest.mark.feature("MNT-02")
def test_a_check_in_in_the_future_is_refused(session: Any, huzhou: Any) -> None:
    with pytest.raises(Refusal):
        arrive(session, huzhou, START + HOUR, received_at=START)


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_check_out_forgotten_yesterday_does_not_lock_out(session: Any, huzhou: Any, elsewhere: bool) -> None:
    lift = huzhou.own
    if elsewhere:
        lift = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
        make_contract(session, huzhou.firm, [lift])
        session.commit()
    forgotten = arrive(session, huzhou)
    over = START + 8 * HOUR
    with pytest.raises(Refusal) as refusal:
        arrive(session, huzhou, over, code=lift.code)
    said = next(f for f in refusal.value.findings if f.rule in ("已在其他电梯签到", "这台电梯正在维保"))
    assert said.link == f"/m/visits/{forgotten.id}"
    assert not elsewhere or "或等它过期" in said.remedy
    session.rollback()
    late = over + dt.timedelta(seconds=1)
    _, findings = presence.gate(session, huzhou.actor("worker"), lift.code, HERE, late)
    assert [f.rule for f in findings if f.stops] == []
    again = arrive(session, huzhou, late, code=lift.code)
    session.expire_all()
    assert (session.get(Visit, forgotten.id).state, session.get(Visit, again.id).state) == ("void", "open")


@pytest.mark.feature("MNT-02")
@pytest.mark.feature("MNT-03")
def test_without_a_limit_of_hours_the_open_visit_is_the_way_out(session: Any, world: Any) -> None:
    make_policy(session, "preset", "nantong")
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    make_contract(session, world.firm, [other])
    session.commit()
    forgotten = arrive(session, world)
    later = START + 3 * DAY
    with pytest.raises(Refusal) as refusal:
        arrive(session, world, later, code=other.code)
    said = next(f for f in refusal.value.findings if f.rule == "已在其他电梯签到")
    assert "过期" not in said.remedy and said.link == f"/m/visits/{forgotten.id}"
    session.rollback()
    assert leave(session, world, session.get(Visit, forgotten.id), later).state == "valid"
    assert arrive(session, world, later + MINUTE, code=other.code).state == "open"


@pytest.mark.feature("MNT-02")
def test_what_ran_out_is_settled_every_few_minutes_without_a_job(session: Any, huzhou: Any, app: Any) -> None:
    from app.models import Job
    from app.tasks import nightly

    visit = arrive(session, huzhou)
    with app.app_context(), clock.frozen(START + 8 * HOUR):
        assert nightly.age_due() == 0
    with app.app_context(), clock.frozen(START + 8 * HOUR + dt.timedelta(seconds=1)):
        assert (nightly.age_due(), nightly.age_due()) == (1, 0)
    session.rollback()
    assert session.get(Visit, visit.id, populate_existing=True).state == "void"
    assert session.scalar(select(func.count(Job.id))) == 0


# --- quota


def used_up(session: Any, world: Any, elevators: int, twice: int) -> None:
    """Visits of March by the worker: on so many elevators, the first `twice` of them twice."""
    rows = []
    for number in range(elevators):
        lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        for turn in range(2 if number < twice else 1):
            at = wall(2026, 3, 1, 0, 5) + turn * HOUR
            rows.append(
                Visit(
                    elevator_id=lift.id, unit_id=world.firm.id, region_code=lift.region_code, worker_id=world.worker.id,
                    visit_on=dt.date(2026, 3, 1), checked_in_at=at, checked_out_at=at + HOUR, received_at=at,
                    state="valid", counted=True,
                )
            )  # fmt: skip
    session.add_all(rows)
    session.commit()


@pytest.mark.feature("PER-08")
def test_T15_the_visit_that_reaches_the_quota_passes_then_all_are_refused(session: Any, huzhou: Any) -> None:
    used_up(session, huzhou, 50, 49)
    last = session.scalars(select(Visit).order_by(Visit.id.desc())).first()
    assert last is not None
    code = session.get(type(huzhou.own), last.elevator_id).code
    make_contract(session, huzhou.firm, [session.get(type(huzhou.own), last.elevator_id)])
    session.commit()
    visit = arrive(session, huzhou, code=code)  # 99 + 1
    leave_at = START + 40 * MINUTE
    with transaction(session):
        visits.check_out(
            session,
            huzhou.actor("worker"),
            visit.id,
            code,
            HERE,
            CheckOut(results=answers(visit), problem=""),
            leave_at,
        )
    with pytest.raises(Refusal) as refusal:
        arrive(session, huzhou, leave_at + MINUTE, code=code)  # would add 0, refused all the same
    assert "您本月有效扫码维保次数已达上限" in rules_of(refusal)
    april = wall(2026, 4, 1, 8, 0)
    assert arrive(session, huzhou, april, code=code).state == "open"


@pytest.mark.feature("PER-07")
def test_an_approved_grade_raises_the_quota_and_a_claimed_one_does_not(session: Any, huzhou: Any) -> None:
    used_up(session, huzhou, 50, 50)
    grade = GradeCertificate(
        person_id=huzhou.worker.id, unit_id=huzhou.firm.id, region_code=huzhou.firm.region_code, grade="intermediate",
        certificate_no="DJ1", issued_on=dt.date(2025, 1, 1), state="submitted",
    )  # fmt: skip
    session.add(grade)
    session.commit()
    with pytest.raises(Refusal):
        arrive(session, huzhou)
    grade.state, grade.in_force_from = "approved", START - DAY
    session.commit()
    assert arrive(session, huzhou).state == "open"


@pytest.mark.feature("PER-08")
def test_two_phones_of_one_person_do_not_pass_together(session: Any, huzhou: Any, database: Any) -> None:
    other = make_elevator(session, maintenance_unit=huzhou.firm, use_unit=huzhou.use_unit)
    make_contract(session, huzhou.firm, [other])
    session.commit()
    who, codes = huzhou.actor("worker"), [huzhou.own.code, other.code]
    gate, outcome = threading.Barrier(2), []

    def phone(code: str) -> None:
        with Session(database.engine) as own:
            gate.wait()
            try:
                with transaction(own):
                    visits.check_in(own, who, code, HERE, START)
                outcome.append("in")
            except Refusal:
                outcome.append("refused")

    threads = [threading.Thread(target=phone, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["in", "refused"]
    session.rollback()  # what this session read before is not what is there now
    assert session.scalar(select(func.count(Visit.id))) == 1


@pytest.mark.feature("PER-08")
def test_two_accounts_of_one_human_do_not_pass_the_quota_together(session: Any, huzhou: Any, database: Any) -> None:
    """Entered by two firms he is two rows, each of which may have its open visit; the month's limit is one."""
    used_up(session, huzhou, 50, 49)  # 99 of 100
    twin = make_person(
        session, huzhou.other_firm, huzhou.worker.name, certificate_no=huzhou.worker.certificate_no,
        certificate_until=huzhou.worker.certificate_until,
    )  # fmt: skip
    account = make_account(session, Role.WORKER, unit=huzhou.other_firm, person=twin)
    session.commit()
    both = [(huzhou.actor("worker"), huzhou.own.code), (actor(account), huzhou.foreign.code)]
    gate, outcome = threading.Barrier(2), []

    def one(who: Any, code: str) -> None:
        with Session(database.engine) as own:
            gate.wait()
            try:
                with transaction(own):
                    visits.check_in(own, who, code, HERE, START)
                outcome.append("in")
            except Refusal as refusal:
                outcome.append(" ".join(f.rule for f in refusal.findings if f.stops))

    threads = [threading.Thread(target=one, args=pair) for pair in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["in", "您本月有效扫码维保次数已达上限"]


# --- check-out


@pytest.mark.feature("MNT-03")
def test_T04_34_59_is_refused_and_35_00_passes(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + 35 * MINUTE - dt.timedelta(seconds=1))
    assert rules_of(refusal) == {"维保时间不足"}
    assert leave(session, huzhou, visit, START + 35 * MINUTE).state == "awaiting"


@pytest.mark.feature("MNT-03")
def test_T04_eight_hours_are_valid_and_a_second_more_is_void(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    with transaction(session):
        assert settle(session, visit, START + 8 * HOUR).state == "open"
        assert settle(session, visit, START + 8 * HOUR + dt.timedelta(seconds=1)).state == "void"
    assert (visit.state, visit.counted, visit.state_reason) == ("void", False, "过期未签退")
    with pytest.raises(Refusal):
        leave(session, huzhou, visit, START + 8 * HOUR + MINUTE)


@pytest.mark.feature("MNT-04")
@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"results": {}}, "维保项目"),
        ({"results": {"A-1-01": {"result": "fine"}}}, "维保项目"),
        ({"results": {"Z-9-99": {"result": "ok"}}}, "维保项目"),
        ({"problem": None}, "没有填写"),
        ({"mode": "paper"}, "维保方式"),
        ({"note": "长" * 501}, "备注"),
    ],
)
def test_a_bad_check_out_says_what_is_missing(session: Any, huzhou: Any, more: dict[str, Any], rule: str) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR, **more)
    assert rule in str(refusal.value)
    session.refresh(visit)
    assert visit.checked_out_at is None


@pytest.mark.feature("MNT-04")
def test_repair_needs_its_story_not_applicable_its_reason_and_tests_their_value(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    items = items_for("3110", visit.level)
    tested = next(i for i in items if i.needs_test)
    plain = [i for i in items if not i.needs_test]
    results = answers(visit)
    results[plain[0].code] = {"result": "repair"}
    results[plain[1].code] = {"result": "na"}
    results[tested.code] = {"result": "ok", "value": ""}
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + HOUR, results=results)
    assert {"故障反馈", "不适用的理由", "实测值"} <= rules_of(refusal)
    results[plain[1].code]["reason"] = "本梯没有此部件"
    results[tested.code]["value"] = "0.8 mm"
    out = leave(session, huzhou, visit, START + HOUR, results=results, problem="门锁触点已更换")
    stored = {r["code"]: r for r in out.results}
    assert stored[plain[0].code]["result"] == "repair"
    assert stored[tested.code]["value"] == "0.8 mm"


@pytest.mark.feature("MNT-04")
def test_leaving_from_elsewhere_or_with_another_code_is_refused(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    done = CheckOut(results=answers(visit), problem="")
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_out(session, huzhou.actor("worker"), visit.id, huzhou.foreign.code, FAR, done, START + HOUR)
    assert {"同一台电梯", "电梯位置较远"} <= rules_of(refusal)


def test_another_workers_visit_is_not_found(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    done = CheckOut(results=answers(visit), problem="")
    with pytest.raises(Refusal), transaction(session):
        visits.check_out(session, huzhou.actor("other_worker"), visit.id, huzhou.own.code, HERE, done, START + HOUR)


# --- sheet, signature, review


@pytest.mark.feature("MNT-08")
def test_T05_the_sheet_has_24_hours_and_a_late_one_does_not_heal(session: Any, huzhou: Any) -> None:
    signature = file_of(session, huzhou, "signature")
    visit = arrive(session, huzhou)
    out_at = START + 40 * MINUTE
    leave(session, huzhou, visit, out_at, mode="sheet", results={}, signature_id=signature, signer="苏见山")
    assert (visit.state, visit.awaiting_sheet, visit.awaiting_review) == ("awaiting", True, False)
    assert visit.counted
    with transaction(session):
        assert settle(session, visit, out_at + 24 * HOUR).state == "awaiting"
        assert settle(session, visit, out_at + 24 * HOUR + dt.timedelta(seconds=1)).state == "nonconforming"
    sheet = file_of(session, huzhou, "sheet")
    with transaction(session):
        visits.upload_sheet(session, huzhou.actor("worker"), visit.id, [sheet], out_at + 26 * HOUR)
    assert (visit.state, visit.counted) == ("nonconforming", True)
    assert visit.sheet_at == out_at + 26 * HOUR


@pytest.mark.feature("MNT-07")
def test_T05_review_is_open_through_the_fifteenth_day(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    assert visit.review_due_at == wall(2026, 3, 18, 0, 0)
    reviewer = huzhou.actor("safety_officer")
    with transaction(session):
        visits.review(session, reviewer, visit.id, "已到场", wall(2026, 3, 17, 23, 59, 59))
    assert (visit.state, visit.review_opinion) == ("valid", "已到场")
    with pytest.raises(Refusal), transaction(session):
        visits.review(session, reviewer, visit.id, "", START + 20 * DAY)


@pytest.mark.feature("MNT-07")
def test_a_phone_of_the_firm_reviews_nothing(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    account = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.use_unit)
    for phone in (huzhou.worker.phone, huzhou.firm.head_phone):
        account.phone = phone
        session.commit()
        with pytest.raises(Refusal) as refusal, transaction(session):
            visits.review(session, actor(account), visit.id, "", START + DAY)
        assert rules_of(refusal) == {"复核人手机"}
    account.phone = "13812340000"
    child = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.use_unit, parent_user_id=account.id)
    account.parent_user_id = huzhou.accounts["maintenance_head"].id
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, actor(child), visit.id, "", START + DAY)
    assert rules_of(refusal) == {"复核人"}


@pytest.mark.feature("MNT-07")
def test_one_address_of_worker_and_reviewer_is_marked(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    phone = dataclasses.replace(huzhou.actor("worker"), address="203.0.113.7")
    audit.record(session, phone, START, "visit.check_out", "visit", visit.id)
    session.commit()
    reviewer = dataclasses.replace(huzhou.actor("safety_officer"), address="203.0.113.7")
    with transaction(session):
        visits.review(session, reviewer, visit.id, "", START + DAY)
    assert visit.reviewed_from == "203.0.113.7" and visit_reviewers.same_address(session, visit)
    visit.reviewed_from = "203.0.113.8"
    assert not visit_reviewers.same_address(session, visit)


@pytest.mark.feature("MNT-07")
def test_who_may_review(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    puppet = make_account(
        session, Role.SAFETY_OFFICER, unit=huzhou.use_unit, parent_user_id=huzhou.accounts["maintenance_head"].id
    )
    stranger = make_account(session, Role.SAFETY_OFFICER, unit=huzhou.other_use_unit)
    session.commit()
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, actor(puppet), visit.id, "", START + DAY)
    assert rules_of(refusal) == {"复核人"}
    with pytest.raises(NotFound), transaction(session):
        visits.review(session, actor(stranger), visit.id, "", START + DAY)
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, huzhou.actor("use_head"), visit.id, "长" * 141, START + DAY)
    assert rules_of(refusal) == {"意见"}


@pytest.mark.feature("MNT-07")
def test_signed_on_the_spot_is_valid_at_once(session: Any, huzhou: Any) -> None:
    signature = file_of(session, huzhou, "signature")
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE, signature_id=signature, signer="苏见山")
    assert (visit.state, visit.signer, visit.next_change_at) == ("valid", "苏见山", None)


@pytest.mark.feature("MNT-04")
def test_a_file_of_somebody_else_cannot_be_claimed(session: Any, huzhou: Any) -> None:
    number = file_of(session, huzhou, "signature")
    row = session.get(Attachment, number)
    row.uploaded_by_id = huzhou.accounts["other_worker"].id
    session.commit()
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal):
        leave(session, huzhou, visit, START + 40 * MINUTE, signature_id=number)


@pytest.mark.feature("MNT-09")
@pytest.mark.parametrize(
    ("decision", "state", "counted"), [("approved", "valid", True), ("rejected", "rejected", False)]
)
def test_quanzhou_asks_the_manager(session: Any, world: Any, decision: str, state: str, counted: bool) -> None:
    make_policy(session, "preset", "quanzhou")
    session.commit()
    visit = arrive(session, world)
    leave(session, world, visit, START + 5 * MINUTE)
    assert (visit.state, visit.counted) == ("pending", True)
    with transaction(session):
        visits.approve(session, world.actor("maintenance_head"), visit.id, decision, "照片不清", START + HOUR)
    assert (visit.state, visit.counted) == (state, counted)
    assert session.get(MaintenanceClock, world.own.id).last_visit_on == (visit.visit_on if counted else None)


@pytest.mark.feature("PER-09")
@pytest.mark.feature("ANO-01")
def test_nantong_lets_eight_elevators_stand(session: Any, world: Any) -> None:
    make_policy(session, "preset", "nantong")
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(9)]
    make_contract(session, world.firm, lifts)
    session.commit()
    states = []
    for number, lift in enumerate(lifts):
        at = START + number * 35 * MINUTE
        visit = arrive(session, world, at, code=lift.code)
        with transaction(session):
            visits.check_out(
                session, world.actor("worker"), visit.id, lift.code, HERE,
                CheckOut(results=answers(visit), problem=""), at + 31 * MINUTE,
            )  # fmt: skip
        states.append((visit.state, visit.counted))
    assert states == [("valid", True)] * 8 + [("abnormal", False)]


# --- the clock


@pytest.mark.feature("PLN-01")
@pytest.mark.feature("PLN-03")
def test_a_visit_closes_the_order_and_moves_the_next_dates(session: Any, huzhou: Any) -> None:
    make_ledger(session, huzhou.own, huzhou.worker, next_half_month_on=dt.date(2026, 3, 4))
    make_clock(session, huzhou.own, dt.date(2026, 2, 17))
    session.commit()
    with transaction(session):
        made = schedule.run(session, dt.date(2026, 3, 2), START)
    assert made.orders_made == 1
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    order = session.scalars(select(MaintenanceOrder)).one()
    assert (order.state, order.visit_id) == ("done", visit.id)
    row = session.get(MaintenanceClock, huzhou.own.id)
    assert (row.last_visit_on, row.limit_on) == (dt.date(2026, 3, 2), dt.date(2026, 3, 17))
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert ledger.next_half_month_on == dt.date(2026, 3, 17)


@pytest.mark.feature("PLN-10")
def test_an_open_visit_that_dies_of_age_leaves_the_period_missed(session: Any, huzhou: Any) -> None:
    make_clock(session, huzhou.own, dt.date(2026, 2, 15))  # limit 03-02
    session.commit()
    arrive(session, huzhou, wall(2026, 3, 2, 20, 0))
    night = wall(2026, 3, 3, 0, 20)
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 3), night)
    assert session.scalar(select(func.count(OverduePeriod.id))) == 0  # it is waited for
    with transaction(session):
        summary = ageing.run(session, night + 5 * HOUR)
    assert summary.moved == {"void": 1}
    with transaction(session):
        schedule.run(session, dt.date(2026, 3, 4), night + DAY)
    assert session.scalars(select(OverduePeriod.limit_on)).all() == [dt.date(2026, 3, 2)]


@pytest.mark.feature("MNT-08")
def test_ageing_twice_changes_nothing_the_second_time(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    late = wall(2026, 3, 18, 0, 0)
    with transaction(session):
        before = ageing.run(session, late - dt.timedelta(seconds=1))
        first = ageing.run(session, late)
        second = ageing.run(session, late + DAY)
    assert (before.looked_at, first.moved, second.looked_at) == (0, {"nonconforming": 1}, 0)
    session.expire_all()
    assert session.get(Visit, visit.id).state_reason == "使用单位未在时限内复核"


@pytest.mark.feature("MNT-10")
def test_a_record_stays_and_corrections_stand_beside_it(session: Any, huzhou: Any) -> None:
    visit = arrive(session, huzhou)
    leave(session, huzhou, visit, START + 40 * MINUTE)
    stored = (visit.results, visit.snapshot)
    huzhou.own.address = "改了的地址"
    session.commit()
    with transaction(session):
        note = visits.add_note(session, huzhou.actor("worker"), visit.id, "底坑照片见附件", START + DAY)
    session.expire_all()
    again = session.get(Visit, visit.id)
    assert (again.results, again.snapshot) == stored
    assert (note.visit_id, note.body) == (visit.id, "底坑照片见附件")
    with scope.acting(huzhou.actor("other_worker")), pytest.raises(NotFound), transaction(session):
        visits.add_note(session, huzhou.actor("other_worker"), visit.id, "x", START + DAY)
