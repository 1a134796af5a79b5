"""Inspections corrected and annulled: the register says what those that are left say."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, Refusal
from app.models import Inspection
from app.models.audit import AuditEntry
from app.permissions import Actor
from app.workflows.files import attachments
from tests.factories import World
from tests.workflows.inspection_world import enter, inspecting, report
from tests.workflows.inspections.ground import D, annul, correct, days, held, lift, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


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
