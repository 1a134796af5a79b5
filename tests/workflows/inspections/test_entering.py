"""INS-01, INS-02: an inspection as it is entered, what it moves in the register and what is wrong with it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.models import Notification, StatusChange, Version
from app.models.audit import AuditEntry
from app.rules.lifecycle import ApplicationKind
from app.transaction import transaction
from app.workflows.approval import submissions
from app.workflows.handover import lifecycle
from tests.factories import World, make_contract, make_elevator, make_policy
from tests.workflows.inspection_world import TODAY, enter, inspecting
from tests.workflows.inspections.ground import D, days, held, lift, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


def test_it_moves_the_register_as_a_version_and_the_days_follow_the_rule(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who)
    # Year 6 is one of self-test; an inspection in it is more than was asked. Year 7 is one of inspection.
    assert (row.next_on, row.next_kind, row.rule_on, row.stands) == (D(2027, 11, 30), "periodic", D(2027, 11, 30), True)
    assert days(world) == (D(2026, 11, 10), D(2027, 11, 30), None)
    assert (held(world).last_id, held(world).next_kind, held(world).failed_id) == (row.id, "periodic", None)
    version = world.session.scalar(select(Version).where(Version.entity == "elevator"))
    assert version is not None
    assert (version.number, version.state, version.in_force_from) == (2, "approved", TODAY)
    assert version.data["next_inspection_on"] == "2027-11-30" and "LH-2026-0001" in str(version.reason)
    assert lift(world).approved_version == 2
    actions = world.session.scalars(select(AuditEntry.action)).all()
    assert {"inspection.enter", "elevator.inspection"} <= set(actions)
    # As of the day before, the register says what it said; nothing was moved by a status.
    assert world.session.scalar(select(StatusChange).where(StatusChange.entity == "elevator")) is None


def test_the_unit_that_answered_on_that_day_is_kept(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    assert enter(world, who).unit_id == world.firm.id
    with transaction(world.session):
        old = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit)
        make_contract(
            world.session, world.other_firm, [old], starts_on=D(2024, 1, 1), ends_on=D(2025, 12, 31), number="旧-1"
        )
    row = enter(world, who, old.id, done_on=D(2025, 12, 31), number="LH-2025-9")
    assert row.unit_id == world.other_firm.id


def test_before_the_register_knew_the_elevator_nobody_answers(world: World) -> None:
    set_up(world, approved_on=D(2026, 10, 1))
    row = enter(world, inspecting(world), done_on=D(2019, 6, 1), number="旧报告")
    assert row.unit_id is None


def test_an_older_record_moves_nothing(world: World) -> None:
    set_up(world, inspected_on=D(2026, 11, 12), next_inspection_on=D(2027, 11, 30))
    row = enter(world, inspecting(world), done_on=D(2026, 11, 11))
    assert row.replaced == {}
    assert days(world)[:2] == (D(2026, 11, 12), D(2027, 11, 30))
    assert world.session.scalar(select(Version)) is None


def test_a_failed_one_moves_no_day_is_told_and_waits_for_its_second(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who, result="failed", failed_items="主机渗油", is_fault=True, next_on=D(2027, 1, 1))
    assert (row.next_on, row.next_kind) == (None, None)
    assert days(world)[:2] == (None, D(2026, 11, 15))
    assert (held(world).failed_id, held(world).failed_on) == (row.id, D(2026, 11, 10))
    told = world.session.execute(select(Notification.recipient_id, Notification.link)).all()
    assert {link for _, link in told} == {f"/inspections/{row.id}"}
    wanted = {world.accounts[n].id for n in ("maintenance_head", "clerk", "use_head", "safety_officer")}
    assert {key for key, _ in told} == wanted
    again = enter(world, who, result="passed_again", number="LH-2026-0002", done_on=D(2026, 11, 18), is_fault=True)
    assert days(world)[:2] == (D(2026, 11, 18), D(2027, 11, 30))
    assert (held(world).failed_id, held(world).last_id) == (None, again.id)


def test_a_self_test_does_not_answer_for_a_failed_inspection(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who, result="failed", failed_items="主机渗油")
    enter(world, who, kind="self_test", number="Z-1", done_on=D(2026, 11, 15))
    assert held(world).failed_id == row.id


@pytest.mark.feature("LIF-03")
def test_what_failed_is_not_started_again_and_past_its_day_neither(world: World) -> None:
    set_up(world, status="suspended", next_inspection_on=D(2027, 11, 30))
    who = inspecting(world)
    asked = submissions.Asked(TODAY, TODAY, "恢复使用")

    def stopped() -> set[str | None]:
        found = lifecycle.findings(world.session, ApplicationKind.REACTIVATION.value, lift(world), asked)
        return {f.rule for f in found if f.stops}

    assert not stopped() & {"检验结果", "检验有效期"}
    enter(world, who, result="failed", failed_items="主机渗油")
    assert "检验结果" in stopped()
    enter(world, who, result="passed_again", number="2", done_on=D(2026, 11, 18))
    assert not stopped() & {"检验结果", "检验有效期"}
    world.own.next_inspection_on = D(2026, 11, 19)
    world.session.commit()
    assert "检验有效期" in stopped()


def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    with pytest.raises(Refusal) as caught:
        enter(world, who, kind="", number=" ", result="maybe", done_on=D(2026, 11, 21))
    assert {f.field for f in caught.value.findings} == {"kind", "number", "result", "done_on"}


@pytest.mark.parametrize(
    ("next_on", "reason", "wrong"),
    [
        (D(2028, 1, 31), "省内规定", None), (D(2028, 2, 1), "省内规定", "next_on"), (D(2027, 6, 1), "", "next_reason"),
        (D(2027, 11, 30), "", None), (D(2026, 11, 10), "缩短", "next_on"),
    ],
)  # fmt: skip
def test_the_next_day_may_be_another_within_bounds_and_with_a_reason(
    world: World, next_on: dt.date, reason: str, wrong: str | None
) -> None:
    set_up(world)
    who = inspecting(world)
    if wrong is None:
        row = enter(world, who, next_on=next_on, next_reason=reason)
        assert (row.next_on, row.rule_on, row.next_reason) == (
            next_on, D(2027, 11, 30), reason or None
        )
        assert days(world)[1] == next_on
    else:
        with pytest.raises(Refusal) as caught:
            enter(world, who, next_on=next_on, next_reason=reason)
        assert {f.field for f in caught.value.findings} == {wrong}


def test_policy_says_the_years(world: World) -> None:
    make_policy(world.session, "inspection_years", "1,3,6")
    make_policy(world.session, "inspection_due_at", "day")
    set_up(world)
    row = enter(world, inspecting(world))
    assert (row.next_on, row.next_kind) == (D(2027, 11, 15), "periodic")
    row = enter(world, inspecting(world, name="乙院"), kind="self_test", number="9", done_on=D(2026, 11, 11))
    assert row.next_on == D(2027, 11, 15)


def test_the_same_report_twice_is_refused_however_it_is_written(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    first = enter(world, who)
    with pytest.raises(Refusal, match="已经登记") as caught:
        enter(world, who, number="ｌｈ－2026－0001")
    assert caught.value.findings[0].link == f"/inspections/{first.id}"
