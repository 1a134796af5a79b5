"""Corrections, annulments and late entries of inspections: the days are those of what stands, in any order."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.models import AuditEntry, Elevator, Inspection
from app.permissions import Actor
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.filing import filing
from tests.factories import World, make_elevator
from tests.workflows.inspection_world import AT, enter, inspecting
from tests.workflows.inspections.ground import annul, correct, days, set_up

pytestmark = pytest.mark.usefixtures("folder")
D = dt.date
Step = tuple[str, dt.date]


def known_before(world: World) -> None:
    set_up(world, commissioned_on=D(2019, 3, 15), next_inspection_on=D(2026, 4, 28))


@pytest.mark.feature("INS-01")
def test_a_wrong_number_put_right_moves_no_day(world: World) -> None:
    who = inspecting(world)
    known_before(world)
    whole = enter(world, who, done_on=D(2026, 1, 10), number="LH-2026-01O")
    test = enter(world, who, kind="test", done_on=D(2026, 6, 11), number="T-1")
    before = days(world)
    assert test.next_on == D(2027, 3, 31)
    right = correct(world, who, whole, "编号打错", done_on=D(2026, 1, 10), number="LH-2026-010")
    world.session.refresh(test)
    assert days(world) == before and test.next_on == D(2027, 3, 31)
    assert world.session.scalar(select(AuditEntry).where(AuditEntry.action == "inspection.retell")) is None
    # The new one has the old one's place: without it the 定期检验 is due again.
    annul(world, who, right)
    world.session.refresh(test)
    assert (test.next_on, days(world)[1]) == (D(2026, 3, 31), D(2026, 3, 31))


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("on", [D(2026, 1, 8), D(2026, 3, 3)])
def test_a_later_test_stands_on_what_took_the_place_of_the_old_one(world: World, on: dt.date) -> None:
    who = inspecting(world)
    known_before(world)
    whole = enter(world, who, done_on=D(2026, 1, 10))
    test = enter(world, who, kind="test", done_on=D(2026, 6, 11), number="T-1")
    correct(world, who, whole, done_on=on, number="LH-2026-0001")
    world.session.refresh(test)
    assert (test.next_on, days(world)[1]) == (D(2027, 3, 31), D(2027, 3, 31))
    annul(world, who, test)
    assert days(world)[:2] == (on, D(2027, 3, 31))


@pytest.mark.feature("INS-01")
def test_an_inspection_entered_late_answers_for_the_year_of_a_later_test(world: World) -> None:
    who = inspecting(world)
    known_before(world)
    test = enter(world, who, kind="test", done_on=D(2026, 6, 11), number="T-1")
    assert (test.next_on, days(world)[1]) == (D(2026, 3, 31), D(2026, 3, 31))
    late = enter(world, who, done_on=D(2026, 1, 10))
    world.session.refresh(test)
    assert (test.next_on, days(world)[:2]) == (D(2027, 3, 31), (D(2026, 6, 11), D(2027, 3, 31)))
    annul(world, who, late)
    world.session.refresh(test)
    assert (test.next_on, days(world)[1]) == (D(2026, 3, 31), D(2026, 3, 31))


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("test_came", ["before", "meanwhile", "taken over"])
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_entered_late_while_a_filing_is_under_review_it_answers_once_that_is_decided(
    world: World, verb: str, test_came: str
) -> None:
    who, head = inspecting(world), world.actor("maintenance_head")
    known_before(world)
    if test_came == "before":
        test = enter(world, who, kind="test", done_on=D(2026, 2, 1), number="T-1")
    with scope.acting(head), transaction(world.session):
        lift = world.session.get(Elevator, world.own.id)
        filing.save_draft(world.session, head, Elevator, lift, {"note": "改了备注"}, AT)
        application = filing.submit(world.session, head, lift, AT)
    if test_came == "meanwhile":
        test = enter(world, who, kind="test", done_on=D(2026, 2, 1), number="T-1")
    if test_came == "taken over":
        admin = world.actor("region_admin")
        test = enter(world, admin, kind="test", done_on=D(2026, 2, 1), number="T-1", taken_over=True)
    late = enter(world, who, done_on=D(2026, 1, 10))
    world.session.refresh(test)
    assert test.next_on == D(2026, 3, 31), "the register waits for the filing, and so does what stands on it"
    with transaction(world.session):
        applications.decide(
            world.session, world.actor("inspector"), application.id, verb, "请更正", application.row_version, AT
        )
    world.session.refresh(test)
    assert (test.next_on, test.next_kind) == (D(2027, 3, 31), "self_test")
    assert days(world)[:2] == (D(2026, 2, 1), D(2027, 3, 31))
    told = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "inspection.retell")).one()
    assert (told.entity_id, told.after["inspection"]) == (test.id, late.id)
    annul(world, who, late)
    world.session.refresh(test)
    assert (test.next_on, days(world)[1]) == (D(2026, 3, 31), D(2026, 3, 31))


def build(world: World, who: Actor, steps: list[Step], first: dt.date, due: dt.date) -> tuple[Elevator, list[Any]]:
    lift = make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, commissioned_on=first,
        next_inspection_on=due,
    )  # fmt: skip
    world.session.commit()
    rows: list[Inspection | None] = []
    for n, (kind, on) in enumerate(steps):
        try:
            rows.append(enter(world, who, lift.id, kind=kind, done_on=on, number=f"N{lift.id}-{n}"))
        except Refusal:
            world.session.rollback()
            rows.append(None)
    return lift, rows


def said(world: World, lift: Elevator, rows: list[Any]) -> tuple[Any, ...]:
    world.session.expire_all()
    return (lift.inspected_on, lift.next_inspection_on), [
        (row.kind, row.done_on, row.next_on, row.rule_on, row.next_kind) for row in rows if row is not None
    ]  # fmt: skip


def newest(world: World, lift: Elevator, rows: list[Any]) -> tuple[Any, ...]:
    """The register, and what the last record says: an older one may know of a later inspection that answers for it."""
    register, told = said(world, lift, rows)
    return register, told[-1:]


def drawn(rnd: random.Random) -> tuple[list[Step], dt.date, dt.date]:
    first = D(rnd.choice([2019, 2020, 2021, 2022]), rnd.randint(1, 12), 15)
    due = D(rnd.choice([2025, 2026]), rnd.randint(1, 12), 28)
    on = sorted({
        D(2024 if rnd.random() < 0.3 else rnd.choice([2025, 2026]), rnd.randint(1, 10), rnd.randint(1, 28))
        for _ in range(rnd.randint(2, 4))
    })  # fmt: skip
    return [(rnd.choice(["periodic", "test", "self_test", "periodic"]), day) for day in on], first, due


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("seed", range(6))
def test_whatever_stands_a_correction_of_the_number_moves_no_day(world: World, seed: int) -> None:
    who = inspecting(world)
    rnd = random.Random(seed)
    for _ in range(8):
        steps, first, due = drawn(rnd)
        lift, rows = build(world, who, steps, first, due)
        place = rnd.choice([n for n, row in enumerate(rows) if row is not None])
        kind, on = steps[place]
        # A test that is told again knows of a later inspection that answers for the day it had left due.
        told = said if kind == "periodic" else newest
        before = told(world, lift, rows)
        rows[place] = correct(world, who, rows[place], kind=kind, done_on=on, number=f"X{lift.id}")
        assert told(world, lift, rows) == before, (steps, first, due, place)


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("seed", range(6))
def test_an_inspection_annulled_leaves_what_those_that_are_left_would_say(world: World, seed: int) -> None:
    who = inspecting(world)
    rnd = random.Random(seed + 100)
    for _ in range(8):
        steps, first, due = drawn(rnd)
        full = [n for n, step in enumerate(steps) if step[0] == "periodic"]
        if not full:
            continue
        place = rnd.choice(full)
        lift, rows = build(world, who, steps, first, due)
        annul(world, who, rows[place])
        left = [row for n, row in enumerate(rows) if n != place]
        fresh, again = build(world, who, [step for n, step in enumerate(steps) if n != place], first, due)
        assert newest(world, lift, left) == newest(world, fresh, again), (steps, first, due, place)
        # Entered again, late, it answers as if it had come in its turn.
        kind, on = steps[place]
        enter(world, who, lift.id, kind=kind, done_on=on, number=f"Y{lift.id}")
        whole, turn = build(world, who, steps, first, due)
        turn.pop(place)
        assert newest(world, lift, left) == newest(world, whole, turn), (steps, first, due, place)
