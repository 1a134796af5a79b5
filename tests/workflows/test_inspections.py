"""INS-01, INS-02: who enters what, what it moves in the register, how it is put right; nothing is changed silently."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Elevator, Inspection, InspectionClock, Notification, StatusChange, Version
from app.models.audit import AuditEntry
from app.permissions import Actor
from app.rules.lifecycle import ApplicationKind
from app.transaction import transaction
from app.workflows.approval import submissions
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.filing import filing
from app.workflows.handover import lifecycle
from app.workflows.inspection import inspection_clocks, inspection_reports, inspections
from tests.factories import World, make_contract, make_elevator, make_policy
from tests.workflows.inspection_world import AT, TODAY, enter, entry, inspecting, report

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]
D = dt.date


def lift(world: World) -> Elevator:
    world.session.expire_all()
    row = world.session.get(Elevator, world.own.id)
    assert row is not None
    return row


def days(world: World) -> tuple[Any, ...]:
    row = lift(world)
    return row.inspected_on, row.next_inspection_on, row.governor_on


def held(world: World) -> InspectionClock:
    world.session.expire_all()
    row = world.session.get(InspectionClock, world.own.id)
    assert row is not None
    return row


def set_up(world: World, **values: Any) -> None:
    """The elevator as the register has it, before any record."""
    for name, value in ({"commissioned_on": D(2020, 11, 15), "next_inspection_on": D(2026, 11, 15)} | values).items():
        setattr(world.own, name, value)
    world.session.commit()


# --- entered


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


# --- who


def test_inspection_people_enter_for_the_elevators_where_their_unit_is(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who, tested_by="别的院", tested_by_id=world.firm.id)
    assert (row.tested_by_id, row.tested_by) == (who.unit_id, "临河特种设备检测院")
    with pytest.raises(NotFound):
        enter(world, who, world.foreign.id)
    world.own.is_secret = True
    world.session.commit()
    with pytest.raises(NotFound):
        enter(world, who, number="2")


def test_a_unit_that_is_no_inspection_unit_enters_nothing(world: World) -> None:
    set_up(world)
    who = replace(inspecting(world), unit_id=world.firm.id)
    with pytest.raises(Refusal, match="不是备案通过的检验单位"):
        enter(world, who)


@pytest.mark.parametrize("who", ["maintenance_head", "use_head", "worker", "safety_officer"])
def test_units_enter_no_inspection(world: World, who: str) -> None:
    with pytest.raises(NotAllowed):
        enter(world, world.actor(who))


def test_the_regulator_enters_by_name_or_by_unit_of_his_region_only(world: World) -> None:
    set_up(world)
    who = world.actor("inspector")
    assert enter(world, who).tested_by == "临河特种设备检测院"
    with pytest.raises(NotFound):
        enter(world, world.actor("other_inspector"), number="2")
    with pytest.raises(Refusal, match="不是备案通过的检验单位"):
        enter(world, who, number="3", tested_by_id=world.firm.id)


def test_not_before_the_filing_is_approved_nor_of_what_is_scrapped(world: World) -> None:
    set_up(world, status="scrapped")
    with pytest.raises(Refusal, match="报废"):
        enter(world, world.actor("inspector"))
    set_up(world, status="in_use", approved_version=0, filing_state="draft")
    with pytest.raises(Refusal, match="尚未审核通过"):
        enter(world, world.actor("inspector"))


# --- put right


def correct(world: World, who: Actor, row: Inspection, reason: str = "日期看错", **values: Any) -> Inspection:
    with scope.acting(who), transaction(world.session):
        return inspections.correct(world.session, who, row.id, entry(**values), reason, AT)


def annul(world: World, who: Actor, row: Inspection, reason: str = "登记错电梯") -> None:
    with scope.acting(who), transaction(world.session):
        inspections.annul(world.session, who, row.id, reason, AT)


def test_a_correction_is_a_record_of_its_own_and_moves_the_register_once(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    old = enter(world, who, scans=[report(world, who, entity="inspection")])
    new = correct(world, who, old, done_on=D(2026, 9, 12))
    world.session.expire_all()
    assert (old.done_on, old.stands, old.end_reason, old.ended_by) == (D(2026, 11, 10), False, "日期看错", who.name)
    assert (new.corrects_id, new.stands, new.done_on) == (old.id, True, D(2026, 9, 12))
    assert [f.name for f in attachments.of(world.session, "inspection", new.id)] == ["报告.pdf"]
    assert days(world)[:2] == (D(2026, 9, 12), D(2027, 11, 30))
    assert lift(world).approved_version == 3
    annul(world, who, new)
    assert days(world)[:2] == (None, D(2026, 11, 15))
    assert held(world).last_id is None


def test_a_correction_needs_a_reason_a_difference_and_a_record_that_counts(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who)
    with pytest.raises(Refusal, match="没有填写"):
        correct(world, who, row, reason=" ", number="新")
    with pytest.raises(Refusal, match="与原记录完全相同"):
        correct(world, who, row)
    new = correct(world, who, row, number="新")
    with pytest.raises(Refusal, match="已经更正或作废"):
        correct(world, who, row, number="又")
    with pytest.raises(NotAllowed, match="由其他单位出具"):
        correct(world, inspecting(world, name="乙院"), new, number="又")
    assert correct(world, world.actor("inspector"), new, number="监管更正", tested_by="临河特种设备检测院").stands


def test_taken_back_the_register_says_what_the_one_before_said(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    first = enter(world, who, done_on=D(2025, 11, 10), number="1")
    second = enter(world, who, done_on=D(2026, 11, 10), number="2")
    assert days(world)[:2] == (D(2026, 11, 10), D(2027, 11, 30))
    annul(world, who, first)
    assert days(world)[:2] == (D(2026, 11, 10), D(2027, 11, 30))
    annul(world, who, second)
    assert days(world)[:2] == (None, D(2026, 11, 15))


def self_tested(world: World, who: Actor) -> tuple[Inspection, Inspection]:
    """A 定期检验 of year 7, with a 检测 in the year after it."""
    set_up(world, commissioned_on=D(2019, 3, 15), next_inspection_on=D(2026, 3, 31))
    whole = enter(world, who, done_on=D(2026, 3, 1), number="定-7")
    assert days(world)[:2] == (D(2026, 3, 1), D(2027, 3, 31))
    return whole, enter(world, who, kind="test", done_on=D(2026, 6, 1), number="测-7")


def test_without_the_inspection_before_it_a_later_test_leaves_that_one_due(world: World) -> None:
    who = inspecting(world)
    whole, test = self_tested(world, who)
    assert (test.next_on, test.next_kind) == (D(2027, 3, 31), "self_test")
    annul(world, who, whole)
    world.session.refresh(test)
    assert (test.next_on, test.rule_on, test.next_kind) == (D(2026, 3, 31), D(2026, 3, 31), "periodic")
    assert days(world)[:2] == (D(2026, 6, 1), D(2026, 3, 31))
    assert held(world).next_kind == "periodic"
    told = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "inspection.retell")).one()
    assert (told.entity_id, told.before, told.after) == (
        test.id, {"next_on": "2027-03-31"}, {"next_on": "2026-03-31", "inspection": whole.id}
    )
    # What was due before both comes back with the test, and the 定期检验 done at last answers.
    annul(world, who, test, "整本登记错")
    assert days(world)[:2] == (None, D(2026, 3, 31))
    enter(world, who, done_on=D(2026, 11, 1), number="定-7补")
    assert days(world)[:2] == (D(2026, 11, 1), D(2027, 3, 31))


def test_one_test_after_another_is_told_anew_and_the_register_says_what_the_last_says(world: World) -> None:
    who = inspecting(world)
    whole, first = self_tested(world, who)
    last = enter(world, who, kind="self_test", done_on=D(2026, 9, 1), number="自-7")
    annul(world, who, whole)
    world.session.expire_all()
    assert [(row.next_on, row.next_kind) for row in (first, last)] == [(D(2026, 3, 31), "periodic")] * 2
    assert days(world)[:2] == (D(2026, 9, 1), D(2026, 3, 31))
    annul(world, who, last, "重复")
    assert days(world)[:2] == (D(2026, 6, 1), D(2026, 3, 31))
    annul(world, who, first, "重复")
    assert days(world)[:2] == (None, D(2026, 3, 31))


def test_corrected_within_its_year_it_still_answers_and_a_later_test_keeps_its_day(world: World) -> None:
    who = inspecting(world)
    whole, test = self_tested(world, who)
    whole = correct(world, who, whole, done_on=D(2026, 3, 5))
    world.session.refresh(test)
    assert test.next_on == D(2027, 3, 31)
    assert world.session.scalar(select(AuditEntry).where(AuditEntry.action == "inspection.retell")) is None
    # As another year's it does not.
    correct(world, who, whole, done_on=D(2025, 3, 5))
    world.session.refresh(test)
    assert (test.next_on, test.next_kind) == (D(2026, 3, 31), "periodic")
    assert days(world)[:2] == (D(2026, 6, 1), D(2026, 3, 31))


@pytest.mark.parametrize(("chosen", "left"), [(D(2027, 3, 1), D(2026, 3, 31)), (D(2026, 3, 20), D(2026, 3, 20))])
def test_a_day_that_a_person_set_stays_only_where_the_rule_still_lets_him(
    world: World, chosen: dt.date, left: dt.date
) -> None:
    who = inspecting(world)
    set_up(world, commissioned_on=D(2019, 3, 15), next_inspection_on=D(2026, 3, 31))
    whole = enter(world, who, done_on=D(2026, 2, 1), number="定-7")
    test = enter(
        world, who, kind="test", done_on=D(2026, 2, 10), number="测-7", next_on=chosen, next_reason="随小区统一安排"
    )
    annul(world, who, whole)
    world.session.refresh(test)
    assert (test.next_on, test.rule_on) == (left, D(2026, 3, 31))
    assert days(world)[:2] == (D(2026, 2, 10), left)


def test_a_failed_inspection_that_goes_moves_no_later_test(world: World) -> None:
    who = inspecting(world)
    _whole, test = self_tested(world, who)
    failed = enter(world, who, done_on=D(2026, 4, 1), number="定-7复", result="failed", failed_items="限速器铅封缺失")
    annul(world, who, failed)
    world.session.refresh(test)
    assert test.next_on == D(2027, 3, 31)


def test_a_kind_that_was_wrong_gives_back_one_day_and_moves_another(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    row = enter(world, who)
    correct(world, who, row, kind="governor")
    assert days(world) == (None, D(2026, 11, 15), D(2026, 11, 10))


# --- beside a filing


def test_while_a_filing_is_under_review_the_register_waits_for_it(world: World) -> None:
    set_up(world)
    who = inspecting(world)
    head = world.actor("maintenance_head")
    with scope.acting(head), transaction(world.session):
        filing.save_draft(world.session, head, Elevator, world.own, {"note": "改了备注"}, AT)
        application = filing.submit(world.session, head, world.own, AT)
    row = enter(world, who)
    assert row.replaced is None and days(world)[:2] == (None, D(2026, 11, 15))
    with pytest.raises(Refusal, match="正在审核"):
        annul(world, who, row)
    with transaction(world.session):
        applications.decide(
            world.session, world.actor("inspector"), application.id, "approve", "同意", application.row_version, AT
        )
    assert lift(world).note == "改了备注"
    assert days(world)[:2] == (D(2026, 11, 10), D(2027, 11, 30))


def test_a_draft_that_is_submitted_later_does_not_undo_it(world: World) -> None:
    set_up(world)
    head = world.actor("maintenance_head")
    with scope.acting(head), transaction(world.session):
        filing.save_draft(world.session, head, Elevator, world.own, {"note": "改了备注"}, AT)
    enter(world, inspecting(world))
    with scope.acting(head), transaction(world.session):
        application = filing.submit(world.session, head, lift(world), AT)
    with transaction(world.session):
        applications.decide(
            world.session, world.actor("inspector"), application.id, "approve", "同意", application.row_version, AT
        )
    assert (lift(world).note, days(world)[0]) == ("改了备注", D(2026, 11, 10))


# --- governor and brake, handed in by units


def hand_in(world: World, who: str = "clerk", scan: bool = True, **values: Any) -> Any:
    actor = world.actor(who)
    scans = [report(world, actor)] if scan else []
    given = {"kind": "governor", "number": "XSQ-1", "tested_by": "澜州恒枢电梯工程有限公司"} | values
    with scope.acting(actor), transaction(world.session):
        return inspection_reports.hand_in(world.session, actor, world.own.id, entry(**given), scans, AT)


def decide(world: World, application: Any, verb: str = "approve", opinion: str = "同意") -> None:
    with transaction(world.session):
        officer = world.actor("inspector")
        applications.decide(world.session, officer, application.id, verb, opinion, application.row_version, AT)


@pytest.mark.feature("INS-02")
def test_a_governor_report_counts_once_an_officer_approved_it(world: World) -> None:
    set_up(world)
    application = hand_in(world)
    row = world.session.get(Inspection, application.entity_id)
    assert row is not None
    assert (row.state, row.stands, row.next_on) == ("submitted", False, D(2028, 11, 10))
    assert days(world)[2] is None
    with pytest.raises(Refusal, match="已有办理中的检测、校验报告"):
        hand_in(world, number="XSQ-2")
    decide(world, application)
    assert days(world)[2] == D(2026, 11, 10)
    assert held(world).governor_due_on == D(2028, 11, 10)


@pytest.mark.feature("INS-02")
def test_a_brake_test_every_five_years_unless_policy_asks_for_none(world: World) -> None:
    set_up(world)
    decide(world, hand_in(world, "use_head", kind="brake", number="ZD-1"))
    assert (held(world).brake_on, held(world).brake_due_on) == (D(2026, 11, 10), D(2031, 11, 10))
    make_policy(world.session, "brake_months", None)
    world.session.commit()
    application = hand_in(world, kind="brake", number="ZD-2", done_on=D(2026, 11, 19))
    assert world.session.get(Inspection, application.entity_id).next_on is None


@pytest.mark.feature("INS-02")
@pytest.mark.parametrize(
    ("values", "word"),
    [({"kind": "periodic"}, "由检验单位登记"), ({"scan": False}, "没有上传报告"), ({"done_on": None}, "没有填写")],
)
def test_what_units_may_hand_in(world: World, values: dict[str, Any], word: str) -> None:
    with pytest.raises(Refusal, match=word):
        hand_in(world, **values)


@pytest.mark.feature("INS-02")
def test_a_rejected_report_moves_nothing_and_may_come_again(world: World) -> None:
    set_up(world)
    first = hand_in(world)
    decide(world, first, "reject", "看不清")
    assert world.session.get(Inspection, first.entity_id).state == "rejected"
    assert days(world)[2] is None
    decide(world, hand_in(world))
    assert days(world)[2] == D(2026, 11, 10)


@pytest.mark.feature("INS-02")
def test_a_stranger_hands_in_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        hand_in(world, "other_head")


@pytest.mark.feature("INS-02")
@pytest.mark.parametrize(
    ("category", "due", "brake"),
    [
        ("3110", D(2028, 11, 10), D(2031, 11, 10)), ("3210", D(2028, 11, 10), None), ("3310", None, None),
        ("3430", D(2031, 11, 10), None), ("3420", D(2028, 11, 10), D(2031, 11, 10)),
    ],
)
def test_by_kind_of_elevator(world: World, category: str, due: Any, brake: Any) -> None:
    set_up(world, category=category)
    who = inspecting(world)
    assert enter(world, who, kind="governor", number="g").next_on == due
    assert enter(world, who, kind="brake", number="b").next_on == brake


# --- 检测 of a body and 自行检测 of a unit


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("kind", ["test", "self_test"])
def test_both_answer_for_a_year_between_and_neither_for_one_of_inspection(world: World, kind: str) -> None:
    """安装监检合格 2023-11-15: year 1 (2024) and 4 (2027) are of 定期检验, 2 and 3 are not."""
    set_up(world, supervised_on=D(2023, 11, 15), commissioned_on=D(2023, 11, 15))
    who = inspecting(world)
    enter(world, who, number="D-1", done_on=D(2024, 11, 10))
    assert held(world).next_kind == "self_test"
    row = enter(world, who, kind=kind, number="J-2", done_on=D(2025, 11, 12))
    assert (row.next_on, row.next_kind) == (D(2026, 11, 30), "self_test")
    row = enter(world, who, kind=kind, number="J-3", done_on=D(2026, 11, 12))
    assert (row.next_on, row.next_kind) == (D(2027, 11, 30), "periodic")


@pytest.mark.feature("INS-01")
def test_a_unit_hands_in_its_own_self_test_and_an_officer_has_the_last_word(world: World) -> None:
    set_up(world, supervised_on=D(2024, 11, 15), commissioned_on=D(2024, 11, 15), next_inspection_on=D(2026, 11, 30))
    application = hand_in(world, "use_head", kind="self_test", number="ZJ-1", tested_by="澜州新禾物业服务有限公司")
    assert world.own.next_inspection_on == D(2026, 11, 30), "until then nothing moves"
    decide(world, application)
    row = world.session.get(Inspection, application.entity_id)
    assert (row.kind, row.stands, row.tested_by_id) == ("self_test", True, None)
    assert world.own.inspected_on == D(2026, 11, 10) and world.own.next_inspection_on == row.next_on
    with pytest.raises(Refusal, match="由检验单位登记"):
        hand_in(world, "use_head", kind="test", number="JC-1")


# --- a 定期检验 that only the register knows of


def known_from_the_register(world: World, **values: Any) -> None:
    """安装监检合格 2021-05-14: 2025 is a year of 定期检验, 2026 is none; no record tells of any."""
    set_up(world, **(
        {"supervised_on": D(2021, 5, 14), "commissioned_on": D(2021, 6, 1), "next_inspection_on": D(2025, 5, 31)}
        | values
    ))  # fmt: skip
    inspection_clocks.refresh_all(world.session, AT)


def own_test(world: World, **values: Any) -> Inspection:
    """A 自行检测 of June 2026 that the use unit handed in and an officer approved."""
    given = {"kind": "self_test", "number": "ZJ-1", "done_on": D(2026, 6, 10), "tested_by": "物业"} | values
    application = hand_in(world, "use_head", **given)
    decide(world, application)
    row = world.session.get(Inspection, application.entity_id)
    assert row is not None
    return row


@pytest.mark.parametrize("first", [{}, {"supervised_on": None, "commissioned_on": None}])
def test_no_self_test_clears_an_overdue_inspection_known_from_the_register_alone(
    world: World, first: dict[str, Any]
) -> None:
    known_from_the_register(world, **first)
    for number, on in (("ZJ-1", D(2026, 6, 10)), ("ZJ-2", D(2026, 11, 10))):
        row = own_test(world, number=number, done_on=on)
        assert (row.next_on, row.next_kind) == (D(2025, 5, 31), "periodic")
        assert days(world)[:2] == (on, D(2025, 5, 31))
        assert held(world).next_kind == "periodic"
    who = inspecting(world)
    row = enter(world, who, kind="test", number="JC-3", done_on=D(2026, 11, 11))
    assert (row.next_on, row.next_kind) == (D(2025, 5, 31), "periodic")
    row = enter(world, who, number="DJ-1", done_on=D(2026, 11, 12))
    assert days(world)[:2] == (D(2026, 11, 12), row.next_on) and row.next_on > TODAY


def test_a_self_test_that_was_due_by_the_register_moves_its_day(world: World) -> None:
    known_from_the_register(world, next_inspection_on=D(2026, 5, 31))
    assert held(world).next_kind == "self_test"
    row = own_test(world)
    assert (row.next_on, row.next_kind, days(world)[1]) == (D(2027, 5, 31), "self_test", D(2027, 5, 31))


def test_a_shortened_day_of_inspection_is_not_put_off_by_a_self_test(world: World) -> None:
    """Older than fifteen years: a 定期检验 each year. What set the day does not answer for it, however near."""
    known_from_the_register(world, supervised_on=D(2005, 5, 14), commissioned_on=D(2005, 6, 1))
    enter(world, inspecting(world), number="DJ-1", done_on=D(2026, 9, 1), next_on=D(2026, 11, 15), next_reason="隐患")
    row = own_test(world, done_on=D(2026, 11, 12))
    assert (row.next_on, row.next_kind, days(world)[1]) == (D(2026, 11, 15), "periodic", D(2026, 11, 15))


def test_between_handing_in_and_approval_the_inspection_was_done(world: World) -> None:
    known_from_the_register(world)
    application = hand_in(
        world, "use_head", kind="self_test", number="ZJ-1", done_on=D(2026, 6, 10), tested_by="物业"
    )
    assert world.session.get(Inspection, application.entity_id).next_on == D(2025, 5, 31)
    enter(world, inspecting(world), number="DJ-1", done_on=D(2026, 5, 20))
    decide(world, application)
    assert days(world)[:2] == (D(2026, 6, 10), D(2027, 5, 31))


def test_an_inspection_that_was_a_self_test_leaves_the_day_as_it_was(world: World) -> None:
    known_from_the_register(world)
    who = inspecting(world)
    row = enter(world, who, number="J-1", done_on=D(2026, 6, 10))
    assert days(world)[1] == D(2027, 5, 31)
    with scope.acting(who), transaction(world.session):
        given = entry(kind="test", number="J-1", done_on=D(2026, 6, 10))
        inspections.correct(world.session, who, row.id, given, "类型写错", AT)
    assert days(world)[:2] == (D(2026, 6, 10), D(2025, 5, 31))
    assert held(world).next_kind == "periodic"


# --- 检测 and 自行检测 answer for each other


@pytest.mark.parametrize(("failed", "again"), [("self_test", "test"), ("test", "self_test"), ("test", "test")])
def test_what_failed_as_one_is_answered_for_by_the_other(world: World, failed: str, again: str) -> None:
    """检测 of bodies stands as 自行检测 in records of old."""
    set_up(world)
    who = inspecting(world)
    first = enter(world, who, kind=failed, number="J-1", result="failed", failed_items="主机渗油")
    assert held(world).failed_id == first.id
    given = {"kind": again, "number": "J-2", "done_on": D(2026, 11, 15), "result": "passed_again"}
    assert enter(world, who, **given).result == "passed_again"
    assert held(world).failed_id is None


@pytest.mark.parametrize("kind", ["test", "self_test"])
def test_neither_answers_for_a_failed_inspection(world: World, kind: str) -> None:
    set_up(world)
    who = inspecting(world)
    enter(world, who, result="failed", failed_items="主机渗油")
    with pytest.raises(Refusal, match="没有待复检的不合格记录"):
        enter(world, who, kind=kind, number="J-2", done_on=D(2026, 11, 15), result="passed_again")


# --- clocks of all


@pytest.mark.feature("INS-02")
def test_the_night_tells_clocks_of_elevators_without_records_and_after_a_change_of_policy(world: World) -> None:
    set_up(world, governor_on=D(2025, 3, 1), next_inspection_on=D(2028, 11, 15))
    assert inspection_clocks.refresh_all(world.session, AT) == 2
    assert (held(world).governor_due_on, held(world).next_kind) == (D(2027, 3, 1), "self_test")
    assert inspection_clocks.refresh_all(world.session, AT) == 0
    make_policy(world.session, "governor_months", 12)
    make_policy(world.session, "inspection_years", "1")
    world.session.commit()
    assert inspection_clocks.refresh_all(world.session, AT) == 1
    assert (held(world).governor_due_on, held(world).next_kind) == (D(2026, 3, 1), "periodic")


def test_two_at_once_of_one_report_make_one(world: World) -> None:
    """What the check did not see the table's key does."""
    set_up(world)
    who = world.actor("inspector")
    with scope.acting(who), transaction(world.session):
        elevator = inspections.held(world.session, who, world.own.id)
        given = entry(tested_by="甲院")
        found = inspections.judged(world.session, who, elevator, given, AT)
        inspections.make(world.session, who, elevator, given, found, AT, counts=True)
        with pytest.raises(Refusal, match="刚刚已经登记"):
            inspections.make(world.session, who, elevator, given, found, AT, counts=True)


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize(
    ("kind", "may"), [("periodic", False), ("supervision", False), ("test", False), ("self_test", True)]
)
def test_nobody_inspects_what_he_maintains(world: World, kind: str, may: bool) -> None:
    who = inspecting(world)
    world.own.maintenance_unit_id = who.unit_id
    world.session.commit()
    if may:
        assert enter(world, who, kind=kind).id
    else:
        with pytest.raises(Refusal, match="由本单位维保或使用"):
            enter(world, who, kind=kind)
