"""Check-in: the gate tells every reason at once, one visit is open at a time, the same key is the same visit."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import ContractElevator, StatusChange, Visit
from app.models.visit import is_open
from app.permissions import Role
from app.transaction import transaction
from app.workflows.on_site import presence
from app.workflows.visits import visits
from app.workflows.visits.visits import Position
from tests import deadlocks
from tests.factories import actor, make_account, make_contract, make_elevator, make_person, make_policy
from tests.workflows.visit_world import DAY, FAR, HERE, HOUR, MINUTE, START, arrive, leave, rules_of


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


def unapproved(session: Any, huzhou: Any, **fields: Any) -> Any:
    """An elevator of the firm that no officer has approved yet; with a label's token, as an older one may have."""
    waits = {"filing_state": "draft", "info_state": "new", "approved_version": 0, "approved_on": None}
    row = make_elevator(session, **({"maintenance_unit": huzhou.firm, "filed_by_unit_id": huzhou.firm.id}
        | waits | fields))  # fmt: skip
    session.commit()
    return row


def told_of(session: Any, who: Any, text: str) -> list[Any]:
    _, findings = presence.gate(session, who, text, HERE, START)
    return [f for f in findings if f.stops]


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize(
    ("state", "words"),
    [("draft", "还没有上报"), ("pending", "备案审核中"), ("rejected", "审核没有通过")],
)
def test_an_own_elevator_that_waits_for_approval_is_told_of(
    session: Any, huzhou: Any, state: str, words: str
) -> None:
    row = unapproved(session, huzhou, filing_state=state)
    for text in (row.code, f" {row.code.lower()}", row.public_token, f"https://tian.example/m/p/{row.public_token}"):
        [told] = told_of(session, huzhou.actor("worker"), text)
        assert told.rule == "这台电梯还没有通过审核" and words in told.found and row.code in told.found
        assert told.remedy and told.link is None  # a worker files nothing
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.check_in(session, huzhou.actor("worker"), row.code, HERE, START)
    assert rules_of(refusal) == {"这台电梯还没有通过审核"}
    clerk = make_account(session, Role.WORKER, Role.CLERK, unit=huzhou.firm, person=huzhou.worker)
    assert told_of(session, actor(clerk), row.code)[0].link == f"/elevators/{row.id}"


@pytest.mark.feature("MNT-02", "ACC-10")
def test_nobody_is_given_an_elevator_before_it_is_approved(session: Any, huzhou: Any) -> None:
    row = unapproved(session, huzhou)
    narrow = make_account(
        session, Role.WORKER, unit=huzhou.firm, person=make_person(session, huzhou.firm), sees_all_elevators=False
    )
    assert [f.rule for f in told_of(session, actor(narrow), row.code)] == ["这台电梯还没有通过审核"]


@pytest.mark.feature("MNT-02")
@pytest.mark.parametrize("state", ["draft", "pending", "rejected"])
def test_of_other_units_filings_nothing_is_told(session: Any, huzhou: Any, state: str) -> None:
    """Not even that they are there: word for word what a code says that nobody has."""
    other = unapproved(
        session, huzhou, maintenance_unit=huzhou.other_firm, filed_by_unit_id=huzhou.other_firm.id, filing_state=state
    )
    worker = huzhou.actor("worker")
    for text in (other.code, other.public_token):
        [told], [nobody] = told_of(session, worker, text), told_of(session, worker, "Z999999")
        assert (told.rule, told.remedy, told.link) == (nobody.rule, nobody.remedy, nobody.link)
        assert told.found == nobody.found.replace("Z999999", text.upper())


@pytest.mark.feature("MNT-02")
def test_of_two_with_one_code_the_furthest_is_told_and_one_in_force_goes_first(session: Any, huzhou: Any) -> None:
    waits = unapproved(session, huzhou, filing_state="pending")
    unapproved(session, huzhou, code=waits.code)
    [told] = told_of(session, huzhou.actor("worker"), waits.code)
    assert "备案审核中" in told.found
    unapproved(session, huzhou, code=huzhou.foreign.code)
    assert [f.rule for f in told_of(session, huzhou.actor("worker"), huzhou.foreign.code)] == ["无电梯权限"]
    unapproved(session, huzhou, code=huzhou.own.code)
    assert told_of(session, huzhou.actor("worker"), huzhou.own.code) == []


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
    assert said.link == f"/m/visits/{forgotten.id}" + ("" if elsewhere else f"?code={lift.code}")
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
    forgotten = arrive(session, world, code=world.own.public_token)
    later = START + 3 * DAY
    with pytest.raises(Refusal) as refusal:
        arrive(session, world, later, code=other.public_token)
    said = next(f for f in refusal.value.findings if f.rule == "已在其他电梯签到")
    assert "过期" not in said.remedy and said.link == f"/m/visits/{forgotten.id}"
    session.rollback()
    scanned = leave(session, world, session.get(Visit, forgotten.id), later, code=world.own.public_token)
    assert scanned.state == "valid"
    assert arrive(session, world, later + MINUTE, code=other.public_token).state == "open"


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


@pytest.mark.feature("MNT-02", "ACC-08")
def test_whose_account_was_ended_while_he_began_begins_nothing(session: Any, huzhou: Any) -> None:
    """He was let in a moment ago; nobody could end his visit."""
    worker = huzhou.actor("worker")
    huzhou.accounts["worker"].active = False
    session.commit()
    with pytest.raises(NotAllowed, match="账号刚刚注销"), transaction(session):
        visits.check_in(session, worker, huzhou.own.code, HERE, START)
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-02", "ACC-08")
@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")
def test_who_waits_for_the_end_of_his_account_sees_it(session: Any, huzhou: Any, database: Any) -> None:
    """Whoever ends an account holds its person, and looks that nothing runs: the check-in comes after it."""
    worker, code, refused = huzhou.actor("worker"), huzhou.own.code, []
    account, person = huzhou.accounts["worker"].id, huzhou.worker.id
    session.rollback()

    def phone() -> None:
        with Session(database.engine) as own, pytest.raises(NotAllowed) as found, transaction(own):
            visits.check_in(own, worker, code, HERE, START)
        refused.append(str(found.value))

    thread = threading.Thread(target=phone)
    with database.engine.begin() as ender:
        ender.execute(sql("SELECT 1 FROM person WHERE id = :id FOR UPDATE"), {"id": person})
        thread.start()
        assert deadlocks.awaited(ender)
        ender.execute(sql("UPDATE ab_user SET active = false WHERE id = :id"), {"id": account})
    thread.join()
    assert len(refused) == 1 and "账号刚刚注销" in refused[0]
    assert session.scalar(select(func.count(Visit.id))) == 0


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")
def test_who_is_on_site_is_found_however_many_others_are(session: Any, huzhou: Any) -> None:
    """By the indexes of open visits, though the planner, who looked at night, takes them for none."""
    first = arrive(session, huzhou)
    leave(session, huzhou, first, START + 40 * MINUTE)
    names = "elevator_id, unit_id, region_code, worker_id, level, visit_on, checked_in_at, received_at, snapshot"
    more = f"INSERT INTO visit ({names}, state) SELECT {names}, 'valid' FROM visit, generate_series(1, 2000)"
    session.execute(sql("UPDATE visit SET state = 'valid'"))
    session.execute(sql(more))
    session.execute(sql("ANALYZE visit"))
    dialect = session.get_bind().dialect
    for column, index in (
        (Visit.worker_id, "uq_visit_open_elevator_worker"), (Visit.elevator_id, "ix_visit_open_elevator"),
    ):  # fmt: skip
        asked = select(Visit.id).where(column == 1, is_open(Visit))
        words = str(asked.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        plan = " ".join(session.scalars(sql(f"EXPLAIN {words}")))
        assert f"{index} on visit" in plan and "Filter" not in plan, plan
    session.rollback()
