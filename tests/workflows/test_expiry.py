"""Messages of papers that end (PER-06, UNT-10): to the person and the unit's main account, each step once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import clock
from app.errors import Refusal
from app.models import Commitment, GradeCertificate, Notification, ToldExpiry
from app.workflows.inspection import inspection_clocks
from app.workflows.papers import expiry
from tests.factories import World, make_elevator, make_person, make_policy
from tests.statements import statements

pytestmark = pytest.mark.feature("PER-06")
NOW = dt.datetime(2026, 3, 20, 8, 10, tzinfo=clock.SHANGHAI)
TODAY = dt.date(2026, 3, 20)


def told(world: World, days: int = 0) -> list[tuple[str, str]]:
    """Run the job some days on; who was told what by it, by persona."""
    before = set(world.session.scalars(select(Notification.id).execution_options(skip_scope=True)))
    world.session.commit()
    expiry.run(world.session, NOW + dt.timedelta(days=days))
    names = {account.id: name for name, account in world.accounts.items()}
    rows = world.session.scalars(
        select(Notification).where(Notification.topic == "expiry").order_by(Notification.id)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    return [(names[row.recipient_id], row.title) for row in rows if row.id not in before]


def ends(world: World, days: int, person: Any = None) -> None:
    (person or world.worker).certificate_until = TODAY + dt.timedelta(days=days)
    world.session.commit()


def test_the_person_and_the_main_account_are_told_at_each_step_once(world: World) -> None:
    ends(world, 60)
    words = "作业人员证还有 60 天到期"
    assert told(world) == [("maintenance_head", f"王砚秋的{words}"), ("worker", f"您的{words}")]
    assert told(world) == told(world, 1) == told(world, 29) == []
    assert [who for who, _ in told(world, 30)] == ["maintenance_head", "worker"]
    assert [title for _, title in told(world, 53)] == ["王砚秋的作业人员证还有 7 天到期", "您的作业人员证还有 7 天到期"]
    assert [title for _, title in told(world, 60)] == ["王砚秋的作业人员证今天到期", "您的作业人员证今天到期"]
    assert [title for _, title in told(world, 61)] == [
        "王砚秋的作业人员证已于 2026-05-19 到期", "您的作业人员证已于 2026-05-19 到期",
    ]  # fmt: skip
    assert told(world, 62) == told(world, 400) == []


def test_days_that_were_missed_are_caught_up_by_the_newest_step(world: World) -> None:
    ends(world, 60)
    assert len(told(world)) == 2
    assert [title for _, title in told(world, 56)] == ["王砚秋的作业人员证还有 4 天到期", "您的作业人员证还有 4 天到期"]


def test_a_notice_that_is_long_deleted_is_not_sent_again_and_a_renewed_paper_has_its_own(world: World) -> None:
    ends(world, 5)
    assert len(told(world)) == 2
    world.session.execute(delete(Notification))
    world.session.commit()
    assert told(world, 1) == []
    ends(world, 30)
    assert told(world, 1)[0][1] == "王砚秋的作业人员证还有 29 天到期"


def test_links_lead_where_each_may_go_and_the_words_name_the_way_out(world: World) -> None:
    ends(world, 7)
    told(world)
    rows = world.session.scalars(select(Notification).execution_options(skip_scope=True)).all()
    links = {row.recipient_id: row.link for row in rows}
    assert links[world.accounts["maintenance_head"].id] == f"/people/{world.worker.id}"
    assert links[world.accounts["worker"].id] == "/m/me/data"
    assert all("请在到期前换证" in str(row.body) for row in rows)


def test_several_people_of_a_unit_are_one_message_to_it_and_one_to_each(world: World) -> None:
    ends(world, 6)
    ends(world, 4, make_person(world.session, world.firm, "周晚舟"))
    found = told(world)
    assert found == [("maintenance_head", "2 人的作业人员证即将到期"), ("worker", "您的作业人员证还有 6 天到期")]
    first = select(Notification).order_by(Notification.id).limit(1)
    row = world.session.scalar(first.execution_options(skip_scope=True))
    assert row is not None and str(row.body).startswith("周晚舟 2026-03-24、王砚秋 2026-03-26。")
    assert row.link == "/people/?f_until_from=2026-03-24&f_until_to=2026-03-26"


def test_many_people_take_hardly_more_statements_than_one(world: World) -> None:
    people = [make_person(world.session, world.firm, f"员工{number}") for number in range(9)]
    ends(world, 6)
    with statements() as of_one:
        told(world)
    world.session.execute(delete(ToldExpiry))
    for person in people:
        ends(world, 6, person)
    with statements() as of_ten:
        assert told(world)[0][1] == "10 人的作业人员证即将到期"
    assert len(of_ten) <= len(of_one) + 1


def test_a_declaration_is_told_like_a_certificate(world: World) -> None:
    world.worker.declaration_until = TODAY + dt.timedelta(days=20)
    world.session.commit()
    words = "自我声明承诺书还有 20 天到期"
    assert told(world) == [("maintenance_head", f"王砚秋的{words}"), ("worker", f"您的{words}")]


def test_who_left_is_not_told_of_and_a_unit_without_main_account_is_told_by_who_keeps_its_people(world: World) -> None:
    ends(world, 5)
    world.accounts["maintenance_head"].active = False
    world.session.commit()
    assert [who for who, _ in told(world)] == ["clerk", "worker"]
    world.worker.left_on = TODAY
    world.session.commit()
    assert told(world, 5) == []


def test_the_policy_of_the_region_says_when(world: World) -> None:
    make_policy(world.session, "expiry_first_days", 45, region_code="980402000000")
    make_policy(world.session, "expiry_second_days", None, region_code="980402000000")
    ends(world, 60)
    ends(world, 60, world.other_worker)
    assert [who for who, _ in told(world)] == ["other_head", "other_worker"]
    assert [who for who, _ in told(world, 15)] == ["maintenance_head", "worker"]
    assert [who for who, _ in told(world, 30)] == ["other_head", "other_worker"]


@pytest.mark.feature("UNT-10")
def test_a_units_licence_is_told_to_its_main_account(world: World) -> None:
    world.firm.licence_until = TODAY + dt.timedelta(days=30)
    world.session.commit()
    assert told(world) == [("maintenance_head", "澜州恒枢电梯工程有限公司的许可证还有 30 天到期")]
    row = world.session.scalars(select(Notification).execution_options(skip_scope=True)).one()
    assert row.link == f"/units/{world.firm.id}"
    assert told(world) == [] and world.session.scalars(select(ToldExpiry.step)).all() == [30]


@pytest.mark.feature("PER-07", "UNT-08")
def test_of_grades_and_letters_only_the_one_that_lasts_longest_counts(world: World) -> None:
    place = {"unit_id": world.firm.id, "region_code": world.firm.region_code, "state": "approved"}
    day = dt.timedelta(days=1)
    for days in (10, 400):
        world.session.add(
            GradeCertificate(
                person_id=world.worker.id, grade="senior", certificate_no=f"DJ{days}", issued_on=TODAY - 400 * day,
                valid_until=TODAY + days * day, **place,
            )
        )  # fmt: skip
        world.session.add(Commitment(valid_from=TODAY - 400 * day, valid_until=TODAY + days * day, **place))
    world.session.commit()
    assert told(world) == []
    assert {title for _, title in told(world, 341)} == {
        "王砚秋的等级证书还有 59 天到期", "您的等级证书还有 59 天到期",
        "澜州恒枢电梯工程有限公司的维保承诺书还有 59 天到期",
    }  # fmt: skip


def test_what_another_run_is_telling_is_not_told(world: World) -> None:
    ends(world, 5)
    due = expiry.due_by_unit(world.session, TODAY)
    assert len(told(world)) == 2
    with world.session.begin_nested():
        assert expiry._tell(world.session, world.firm.id, due[0][1], TODAY, NOW) == (0, 0)


@pytest.mark.feature("INS-01")
@pytest.mark.feature("INS-02")
@pytest.mark.feature("WRN-01")
def test_units_are_told_of_inspections_and_checks_at_each_step_once(world: World) -> None:
    world.own.next_inspection_on, world.own.governor_on = TODAY + dt.timedelta(days=30), dt.date(2024, 3, 10)
    world.session.commit()
    inspection_clocks.refresh_all(world.session, NOW)
    code = world.own.code
    assert sorted(told(world)) == [
        ("maintenance_head", f"{code}的限速器校验已于 2026-03-10 到期"), ("use_head", f"{code}的检验还有 30 天到期"),
    ]  # fmt: skip
    assert told(world) == told(world, 1) == []
    assert told(world, 23) == [("use_head", f"{code}的检验还有 7 天到期")]
    world.own.status = "suspended"
    assert told(world, 31) == []


@pytest.mark.feature("INS-02")
def test_what_was_told_of_an_elevator_is_told_again_of_its_next_day(world: World) -> None:
    """Though another elevator is still late by the day of which it was told."""
    late = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    world.own.governor_on = late.governor_on = dt.date(2024, 3, 10)
    world.session.commit()
    inspection_clocks.refresh_all(world.session, NOW)
    assert told(world) == [("maintenance_head", "2 台电梯的限速器校验已经到期")]
    world.own.governor_on = TODAY
    world.session.commit()
    inspection_clocks.refresh_all(world.session, NOW)
    before = (dt.date(2028, 3, 10) - TODAY).days
    assert told(world, before) == [("maintenance_head", f"{world.own.code}的限速器校验还有 10 天到期")]


@pytest.mark.feature("INS-01")
def test_of_several_elevators_the_unit_hears_once(world: World) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
    nobody = make_elevator(world.session)
    for lift, days in ((world.own, 20), (other, 25), (nobody, 25)):
        lift.next_inspection_on = TODAY + dt.timedelta(days=days)
    assert told(world) == [("use_head", "2 台电梯的检验即将到期")]
    notice = world.session.scalar(select(Notification).execution_options(skip_scope=True))
    assert notice.link.startswith("/inspections/due/?tab=all&f_next_inspection_from=2026-04-09")


@pytest.mark.feature("INS-01", "INS-02")
def test_without_a_main_account_the_office_hears_and_no_worker(world: World) -> None:
    """Workers read inspections, and see the elevators that are theirs: a message of all of them is the office's."""
    world.own.next_inspection_on, world.own.governor_on = TODAY + dt.timedelta(days=30), dt.date(2024, 3, 10)
    for head in ("maintenance_head", "use_head"):
        world.accounts[head].active = False
    world.session.commit()
    inspection_clocks.refresh_all(world.session, NOW)
    heard = {who for who, _title in told(world)}
    assert "clerk" in heard and "safety_officer" in heard and not heard & {"worker", "colleague"}


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("count", [7, 14_000])
def test_a_unit_with_more_papers_than_a_statement_takes_is_told_of_all(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    if count < expiry.AT_ONCE:
        monkeypatch.setattr(expiry, "AT_ONCE", 2)
    due = [expiry.Due(expiry.PAPERS[7], key, TODAY, 7, None, "") for key in range(1, count + 1)]
    assert expiry._first_told(world.session, due, NOW) == due
    more = expiry.Due(expiry.PAPERS[7], count + 1, TODAY, 7, None, "")
    assert expiry._first_told(world.session, [*due, more], NOW) == [more]


def test_what_goes_wrong_with_one_unit_is_its_own_and_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends(world, 6)
    ends(world, 6, world.other_worker)
    tell = expiry._tell_unit

    def broken(session: Any, heads: list[int], due: list[expiry.Due], *more: Any) -> int:
        if due[0].person_id == world.worker.id:
            raise KeyError("out of order")
        return tell(session, heads, due, *more)

    assert world.firm.id < world.other_firm.id
    with monkeypatch.context() as now:
        now.setattr(expiry, "_tell_unit", broken)
        with pytest.raises(Refusal) as refused:
            told(world)
    assert "1 个单位没有通知" in refused.value.findings[0].found and "事件编号" in refused.value.findings[0].found
    assert f"papers of unit {world.firm.id}" in caplog.text
    assert world.session.scalars(select(ToldExpiry.entity_id)).all() == [world.other_worker.id]
    assert [who for who, _title in told(world)] == ["maintenance_head", "worker"], "made up for by the next run"
