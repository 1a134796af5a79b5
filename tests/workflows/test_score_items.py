"""The five others as whole runs: worked examples, evidence that comes later, proofs, and who has nothing to count."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from app.errors import Refusal
from app.models import Complaint, Contract, ContractElevator, Score, ScoreEntry, ScoreRun
from app.models.score import lines_of
from app.permissions import SYSTEM
from app.rules.score_items import Item
from app.transaction import transaction
from app.workflows.public import past_complaints
from app.workflows.rescue import past_rescues
from app.workflows.scores import scores
from tests.factories import make_elevator, make_maintenance_unit, make_policy, make_use_unit
from tests.reference.items import Called, Changed, Complained, Inspected, Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_change, put_complaint, put_inspection, put_rescue
from tests.workflows.score_world import LATER, put_cover, put_visit, score

DAY, HOUR, MINUTE = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1)
ON = day("2024-05-06")
NOON = at(ON, 12)
YEAR = ("2024-01-01", "2024-12-31")


@pytest.fixture
def free(session: Any, world: Any) -> Any:
    """The world without its contracts."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    session.commit()
    return world


def of(session: Any, row: ScoreRun, unit: Any) -> Score:
    found = session.scalar(select(Score).where(Score.run_id == row.id, Score.unit_id == unit.id))
    assert found is not None
    return found


def lines(session: Any, held: Score, item: Item) -> list[ScoreEntry]:
    return list(session.scalars(select(ScoreEntry).where(lines_of(held.id, item)).order_by(ScoreEntry.id)))


def call(unit: str, level: int, begin: dt.datetime, minutes: int | None) -> Called:
    """Accepted after a minute, freed after so many more."""
    done = None if minutes is None else begin + MINUTE * (1 + minutes)
    return Called(unit, level, begin, begin + MINUTE, begin + MINUTE * 5, done, done)


def put_case(session: Any, elevator: Any, firms: dict[str, Any], *calls: Called, number: int = 0) -> Any:
    told = Trapped("A", elevator.id, NOON, calls, NOON + 5 * HOUR, "entrapment", "door_operator")
    return put_rescue(session, elevator, told, firms)


@pytest.mark.feature("SCO-02")
@pytest.mark.parametrize(("second", "points"), [(3, "16.50"), (1, "14.40")])
def test_T16_in_a_run(session: Any, free: Any, second: int, points: str) -> None:
    """Eight in time and two late at its own elevators, and help at another unit's."""
    firms = {"B": free.firm, "A": free.other_firm}
    own = {"A": free.firm, "B": free.other_firm}
    for number in range(10):
        put_case(session, free.own, own, call("A", 1, NOON, 30 if number < 8 else 31))
    for _ in range(second):
        put_case(session, free.foreign, firms, call("A", 1, NOON, None), call("B", 2, NOON + MINUTE, 30))
    session.commit()
    row = score(session, *YEAR)
    held = of(session, row, free.firm)
    assert (held.rescue_on_time, held.rescue_late, held.rescue_second) == (8, 2, second)
    assert held.rescue_points == Decimal(points)
    assert held.points is None
    assert held.total is None
    assert [line.rule for line in lines(session, held, Item.RESCUE)] == [
        "rescue_late", "rescue_late", *["rescue_made_up", "rescue_made_up", "rescue_bonus"][:second],
    ]  # fmt: skip
    other = of(session, row, free.other_firm)
    assert (other.rescue_late, other.rescue_points) == (second, Decimal("0.00"))
    assert other.rescue_rank == 2


@pytest.mark.feature("SCO-02", "SCO-05", "POL-01", "LED-01")
def test_a_run_weighs_by_the_policy_of_the_periods_end(session: Any, free: Any, sign_in: Any) -> None:
    """What comes into force after the period weighs nothing in it; lines sum to what was lost whatever it is."""
    firms = {"B": free.firm, "A": free.other_firm}
    put_cover(session, free.firm, free.own, day("2024-01-01"), day("2024-12-31"))
    for _ in range(2):
        put_case(session, free.own, {"A": free.firm}, call("A", 1, NOON, 30))
        put_case(session, free.foreign, firms, call("A", 1, NOON, None), call("B", 2, NOON + MINUTE, 30))
    session.commit()

    def points(days: int) -> tuple[Any, ...]:
        row = score(session, *YEAR, region="980000000000", now=LATER + days * DAY)
        held = of(session, row, free.firm)
        for item in (Item.RESCUE, Item.FAULT):
            shown = held.rescue_points if item is Item.RESCUE else held.fault_points
            lost = sum(Fraction(int(e.numerator), int(e.denominator)) for e in lines(session, held, item))
            assert 16 - lost == Fraction(shown), item
        return held.rescue_points, held.fault_points

    # 16 + 2 × 0.5, and 16 × (1 − 1/1) − 0.5, not below 0.
    usual = points(0)
    assert usual == (Decimal("17.00"), Decimal("0.00"))
    make_policy(session, "score_second_bonus", 20, on=day("2025-01-01"))
    session.commit()
    assert points(1) == usual, "of the year after"
    make_policy(session, "score_second_bonus", 13, on=day("2024-12-31"))
    extra = [make_elevator(session, maintenance_unit=free.firm) for _ in range(9)]
    for one in extra:
        put_cover(session, free.firm, one, day("2024-01-01"), day("2024-12-31"))
    session.commit()
    assert points(2) == (Decimal("18.60"), Decimal("13.90"))
    make_policy(session, "score_trapped_twice", 33, on=day("2024-06-01"))
    session.commit()
    assert points(3) == (Decimal("18.60"), Decimal("11.10"))
    held = session.scalars(select(Score).where(Score.unit_id == free.firm.id).order_by(Score.id.desc())).first()
    browser = sign_in(free.accounts["platform_admin"])
    assert "× 1.3 =" in browser.get(f"/scores/{held.id}/items/rescue").text
    page = browser.get(f"/scores/{held.id}/items/fault").text
    assert "× 3.3" in page and "3.3、2、4 分" in page


@pytest.mark.feature("SCO-05")
def test_T17_in_a_run(session: Any, free: Any) -> None:
    """Ten elevators under contract, one with three entrapments in the year and one with two."""
    firms = {"A": free.firm}
    elevators = [make_elevator(session, maintenance_unit=free.firm) for _ in range(10)]
    for elevator in elevators:
        put_cover(session, free.firm, elevator, day("2024-01-01"), day("2024-12-31"))
    for place, times in ((0, 3), (1, 2)):
        for _ in range(times):
            put_case(session, elevators[place], firms)
    power = Trapped("A", elevators[5].id, NOON, (), NOON + HOUR, "entrapment", "power_cut")
    false = Trapped("A", elevators[6].id, NOON, (), NOON + HOUR, "false_alarm", "other_other")
    for told, elevator in ((power, elevators[5]), (false, elevators[6])):
        put_rescue(session, elevator, told, firms)
    session.commit()
    held = of(session, score(session, *YEAR), free.firm)
    assert held.fault_points == Decimal("10.30")
    counted = (held.fault_elevators, held.fault_faulty, held.fault_entrapments, held.fault_twice, held.fault_thrice)
    assert counted == (10, 2, 5, 1, 1)
    costs = [(line.elevator_id, line.rule) for line in lines(session, held, Item.FAULT) if line.numerator != "0"]
    first, second = elevators[0].id, elevators[1].id
    assert costs == [(first, "fault"), (second, "fault"), (first, "fault_often"), (second, "fault_often")]


@pytest.mark.feature("SCO-05")
def test_a_fault_is_of_the_unit_in_charge_and_of_its_period(session: Any, free: Any) -> None:
    firms = {"A": free.firm, "B": free.other_firm}
    put_cover(session, free.firm, free.own, day("2024-01-01"), day("2024-06-30"))
    put_cover(session, free.other_firm, free.own, day("2024-07-01"), day("2024-12-31"))
    put_case(session, free.own, firms)
    session.commit()
    year = score(session, *YEAR)
    assert of(session, year, free.firm).fault_points == Decimal("0.00")
    assert of(session, year, free.other_firm).fault_points == Decimal("16.00")
    # The second half: of the first unit nothing is under contract.
    half = score(session, "2024-07-01", "2024-12-31")
    assert session.scalar(select(Score).where(Score.run_id == half.id, Score.unit_id == free.firm.id)) is None


@pytest.mark.feature("SCO-03")
def test_feedback_and_what_comes_later(session: Any, world: Any) -> None:
    """As known then a complaint is open; a new run knows that it became late; a proof of the first one stands."""
    told = Complained("A", world.own.id, NOON, NOON + 24 * HOUR, NOON + 30 * HOUR, NOON + 79 * HOUR)
    put_complaint(session, world.own, world.firm, told, LATER)
    put_complaint(session, world.own, world.firm, Complained("A", world.own.id, NOON, *[NOON + HOUR] * 3), LATER)
    untrue = Complained("A", world.own.id, NOON, ended=NOON + 60 * HOUR, untrue=True)
    put_complaint(session, world.own, world.firm, untrue, LATER)
    session.commit()
    early = of(session, score(session, *YEAR, as_of=NOON + 20 * HOUR), world.firm)
    assert (early.feedback_total, early.feedback_late, early.feedback_points) == (1, 0, Decimal("16.00"))
    before = score(session, *YEAR, as_of=NOON + 59 * HOUR)
    held = of(session, before, world.firm)
    assert (held.feedback_total, held.feedback_late) == (2, 1)
    after = of(session, score(session, *YEAR), world.firm)
    assert (after.feedback_total, after.feedback_late, after.feedback_points) == (2, 1, Decimal("8.00"))
    line = lines(session, after, Item.FEEDBACK)[0]
    assert (line.rule, line.evidence, line.happened_on) == ("feedback_late", "complaint", ON)
    assert session.get(Complaint, line.evidence_id).number
    assert score(session, *YEAR, as_of=NOON + 59 * HOUR).id == before.id


@pytest.mark.feature("SCO-04")
def test_a_failed_one_is_not_healed(session: Any, world: Any) -> None:
    other = make_elevator(session, maintenance_unit=world.firm)
    known = NOON
    for elevator, result, on in (
        (world.own, "failed", ON), (world.own, "passed_again", ON + 9 * DAY), (other, "passed", ON),
    ):  # fmt: skip
        fault = result != "passed"
        told = Inspected("A", elevator.id, on, "periodic", result, fault, known)
        put_inspection(session, elevator, world.firm, told)
    session.commit()
    held = of(session, score(session, *YEAR), world.firm)
    assert (held.inspection_total, held.inspection_failed, held.inspection_points) == (2, 1, Decimal("8.00"))
    assert [line.rule for line in lines(session, held, Item.INSPECTION)] == ["inspection_failed", "inspection_again"]


@pytest.mark.feature("SCO-04")
def test_a_self_test_that_a_unit_handed_in_counts_neither_way(session: Any, world: Any) -> None:
    lifts = [world.own, *(make_elevator(session, maintenance_unit=world.firm) for _ in range(5))]
    for elevator, kind, result, own in (
        (lifts[0], "periodic", "failed", False), (lifts[1], "self_test", "passed", True),
        (lifts[2], "self_test", "failed", True), (lifts[3], "self_test", "passed", False),
        (lifts[4], "test", "passed", False),
    ):  # fmt: skip
        told = Inspected("A", elevator.id, ON, kind, result, result == "failed", NOON, handed_in=own)
        put_inspection(session, elevator, world.firm, told)
    # Corrected twice by an officer it is still the unit's word; a 检测 in its place is a body's.
    before = put_inspection(
        session, lifts[5], world.firm,
        Inspected("A", lifts[5].id, ON, "self_test", "passed", False, NOON, NOON + HOUR, handed_in=True),
    )  # fmt: skip
    for number, kind in enumerate(("self_test", "self_test", "test")):
        begun = NOON + HOUR * (number + 1)
        told = Inspected("A", lifts[5].id, ON, kind, "passed", False, begun, begun + HOUR if number < 2 else None)
        after = put_inspection(session, lifts[5], world.firm, told)
        after.corrects_id, before = before.id, after
    session.commit()
    for hours in (0, 1, 2):
        held = of(session, score(session, *YEAR, as_of=NOON + HOUR * hours + HOUR / 2), world.firm)
        assert (held.inspection_total, held.inspection_failed) == (3, 1), hours
    held = of(session, score(session, *YEAR), world.firm)
    assert (held.inspection_total, held.inspection_failed) == (4, 1)


@pytest.mark.feature("SCO-06")
def test_one_late_use_unit_is_one_failure(session: Any, world: Any) -> None:
    others = [make_use_unit(session).id for _ in range(3)]
    steps = ((NOON, "submitted"),)
    for use_unit, days, how in (
        (others[0], 8, steps), (others[0], 9, steps), (others[1], 7, steps),
        (others[2], 20, (*steps, (NOON + DAY, "withdrawn"))),
    ):  # fmt: skip
        told = Changed("A", use_unit, ON - days * DAY, ON, how)
        put_change(session, world.own, world.firm, told)
    session.commit()
    held = of(session, score(session, *YEAR), world.firm)
    assert (held.change_total, held.change_late, held.change_points) == (2, 1, Decimal("8.00"))
    assert [line.rule for line in lines(session, held, Item.CHANGE)] == ["change_late", "change_again"]
    # As known while the last one was still asked for.
    then = of(session, score(session, *YEAR, as_of=NOON + HOUR), world.firm)
    assert (then.change_total, then.change_late) == (3, 2)


@pytest.mark.feature("SCO-07")
def test_the_total_and_who_has_none(session: Any, free: Any) -> None:
    put_cover(session, free.firm, free.own, day("2024-01-01"), day("2024-12-31"))
    put_visit(session, free.own, free.firm, free.worker, day("2024-01-10"))
    bare = make_maintenance_unit(session)
    elevator = make_elevator(session, maintenance_unit=bare)
    put_cover(session, bare, elevator, day("2024-12-01"), day("2024-12-31"))
    session.commit()
    row = score(session, *YEAR)
    held, none = of(session, row, free.firm), of(session, row, bare)
    assert (held.points, held.fault_points, held.total, held.total_rank) == (
        Decimal("16.00"), Decimal("16.00"), Decimal("96.00"), 1,
    )  # fmt: skip
    assert (held.rescue_points, held.rescue_rank, held.feedback_points) == (None, None, None)
    assert (none.points, none.fault_points, none.total, none.total_rank) == (None, Decimal("16.00"), None, None)


@pytest.mark.feature("SCO-03")
def test_only_maintenance_units_are_scored(session: Any, world: Any) -> None:
    """A use unit that takes complaints itself gets no score."""
    user = make_use_unit(session)
    put_complaint(session, world.own, user, Complained("A", world.own.id, NOON), LATER)
    session.commit()
    row = score(session, *YEAR)
    assert session.scalar(select(func.count()).where(Score.run_id == row.id, Score.unit_id == user.id)) == 0


@pytest.mark.feature("SCO-07", "LED-01")
def test_proofs(session: Any, world: Any) -> None:
    """A run of before the five proves what it holds; one whose evidence was changed behind its back says so."""
    put_complaint(session, world.own, world.firm, Complained("A", world.own.id, NOON), LATER)
    session.commit()
    row = score(session, *YEAR)
    assert row.items_digest
    session.execute(update(Complaint).values(unit_id=world.other_firm.id))
    session.commit()
    with pytest.raises(Refusal) as refused, transaction(session):
        scores.run(session, SYSTEM, None, day(YEAR[0]), day(YEAR[1]), row.as_of, LATER)
    assert "摘要" in refused.value.findings[0].found
    session.execute(update(ScoreRun).values(items_digest=None))
    session.commit()
    assert score(session, *YEAR, as_of=row.as_of).items_digest is None




@pytest.mark.feature("SCO-03", "LED-01")
def test_a_score_is_taken_away_with_all_its_lines(session: Any, world: Any) -> None:
    put_complaint(session, world.own, world.firm, Complained("A", world.own.id, NOON), LATER)
    session.commit()
    row = score(session, *YEAR)
    assert lines(session, of(session, row, world.firm), Item.FEEDBACK)
    with transaction(session):
        scores.take_away(session, [row.id])
    assert session.scalar(select(func.count()).select_from(ScoreEntry)) == 0


@pytest.mark.feature("LED-01", "IMP-03")
def test_what_was_taken_over_later_changes_no_score_of_before(session: Any, free: Any) -> None:
    """Records of another platform are known since they came: looking back before that, nothing counts them."""
    put_cover(session, free.firm, free.own, day("2024-01-01"), day("2024-12-31"))
    session.commit()
    came = LATER - DAY
    with transaction(session):
        lift = {"elevator_id": free.own.id}
        then, done = (NOON + HOUR).isoformat(), (NOON + 5 * HOUR).isoformat()
        rescue = past_rescues.take_over(session, SYSTEM, lift | {
            "reported_at": NOON.isoformat(), "dispatched_at": NOON.isoformat(), "accepted_at": then, "done_at": done,
            "outcome": "entrapment", "cause": "door_operator", "trapped": 1,
        }, came)  # fmt: skip
        told = past_complaints.take_over(session, SYSTEM, lift | {
            "complained_at": NOON.isoformat(), "accepted_at": (NOON + 2 * DAY).isoformat(),
            "handled_at": (NOON + 3 * DAY).isoformat(), "reviewed_at": (NOON + 4 * DAY).isoformat(), "kinds": "noise",
        }, came)  # fmt: skip
        rescue.created_at = told.created_at = came
    before = of(session, score(session, *YEAR, as_of=came - MINUTE), free.firm)
    assert (before.rescue_late, before.feedback_late, before.fault_elevators, before.fault_faulty) == (0, 0, 1, 0)
    after = of(session, score(session, *YEAR, as_of=came), free.firm)
    assert (after.rescue_late, after.feedback_late, after.fault_elevators, after.fault_faulty) == (1, 1, 1, 1)
