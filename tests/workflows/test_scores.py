"""SCO-01 from the database: the worked examples, the ledger that sums, what was known when, and running it twice."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.models import (
    Contract,
    ContractElevator,
    OverduePeriod,
    Score,
    ScoreEntry,
    ScoreRun,
    StatusChange,
)
from app.models.score import lines_of
from app.rules.score_items import Item
from app.rules.scoring import ranked
from app.workflows.scores import score_facts
from tests.factories import make_elevator, make_policy
from tests.reference.score import lost
from tests.workflows.clock_world import add_visit, at, day, run, visit
from tests.workflows.score_world import put_cover, put_overdue, put_stop, put_visit, score

pytestmark = pytest.mark.feature("SCO-01")
DAY = dt.timedelta(days=1)


def of(session: Any, row: ScoreRun, unit: Any) -> Score:
    found = session.scalar(select(Score).where(Score.run_id == row.id, Score.unit_id == unit.id))
    assert found is not None
    return found


def entries(session: Any, held: Score) -> list[ScoreEntry]:
    return list(session.scalars(select(ScoreEntry).where(lines_of(held.id, Item.MAINTENANCE)).order_by(ScoreEntry.id)))


def assert_sums(session: Any, held: Score) -> None:
    """The ledger's exact fractions make what is missing from 16 points."""
    assert held.points is not None
    exact = 16 - lost(entries(session, held))
    assert held.points == Decimal(str(round(float(exact) + 1e-9, 2))).quantize(Decimal("0.01"))
    expected = Fraction(0) if held.due == 0 else 16 * (1 - Fraction(min(held.bad, held.due), held.due))
    assert exact == expected


@pytest.fixture
def free(session: Any, world: Any) -> Any:
    """The world without its two contracts, so that a test says itself who covers what."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    session.commit()
    return world


@pytest.mark.parametrize(
    ("first_on", "due"),
    [("2021-01-12", 15), ("2021-01-05", 16), ("2021-03-24", 11), ("2021-03-16", 11)],
)
def test_T9_due_from_the_first_visit(session: Any, world: Any, first_on: str, due: int) -> None:
    put_visit(session, world.own, world.firm, world.worker, day(first_on), "void")
    put_visit(session, world.own, world.firm, world.worker, day(first_on))
    put_visit(session, world.own, world.firm, world.worker, day(first_on) + 20 * DAY)
    session.commit()
    assert of(session, score(session, "2021-01-01", "2021-09-08"), world.firm).due == due


@pytest.mark.feature("LED-01")
@pytest.mark.parametrize(("due", "bad", "points"), [(15876, 175, "15.82"), (20565, 732, "15.43"), (825, 900, "0.00")])
def test_T10_points_of_real_figures(session: Any, world: Any, due: int, bad: int, points: str) -> None:
    """Elevators of 24 services each make up what was due; every failure is a missed period with its row."""
    end, whole, rest = day("2021-12-31"), due // 24, due % 24
    firsts = [end - 24 * 15 * DAY] * whole + ([end - rest * 15 * DAY] if rest else [])
    made = [make_elevator(session, maintenance_unit=world.firm) for _ in firsts]
    session.flush()
    for elevator, first_on in zip(made, firsts, strict=True):
        add_visit(session, elevator, world.worker, first_on, settled_at=at(first_on, 11))
    rows = [
        {
            "elevator_id": made[n % len(made)].id, "unit_id": world.firm.id, "region_code": world.firm.region_code,
            "anchor_on": day("2021-03-01"), "limit_on": day("2021-03-16") + n // len(made) * DAY,
            "interval_days": 15, "previous_missed": False, "judged_at": at(day("2021-12-31")), "withdrawn": False,
        }
        for n in range(bad)
    ]  # fmt: skip
    session.execute(OverduePeriod.__table__.insert(), rows)
    session.commit()
    held = of(session, score(session, "2021-01-01", "2021-12-31"), world.firm)
    assert (held.due, held.bad, held.points) == (due, bad, Decimal(points))
    assert_sums(session, held)
    capped = [e for e in entries(session, held) if e.rule == "cap"]
    assert len(capped) == (1 if bad > due else 0)


@pytest.mark.feature("MNT-06")
def test_a_visit_whose_label_is_looked_at_counts_until_it_is_turned_down(session: Any, world: Any) -> None:
    turned_down = at(day("2021-07-10"), 11)
    row = put_visit(session, world.own, world.firm, world.worker, day("2021-01-10"), "rejected")
    row.label_state, row.label_by, row.label_at, row.settled_at = "rejected", "regulator", turned_down, turned_down
    session.commit()
    before = of(session, score(session, "2021-01-01", "2021-06-30", turned_down - DAY), world.firm)
    assert (before.due, before.nonconforming, before.valid_visits) == (11, 0, 0)
    after = of(session, score(session, "2021-01-01", "2021-06-30", turned_down), world.firm)
    assert after.due == 0


def test_T11_each_unit_for_its_own_time(session: Any, free: Any) -> None:
    put_cover(session, free.firm, free.own, day("2021-01-01"), day("2021-03-31"))
    put_cover(session, free.other_firm, free.own, day("2021-04-01"), day("2021-12-31"))
    put_visit(session, free.own, free.firm, free.worker, day("2021-01-10"))
    put_visit(session, free.own, free.other_firm, free.other_worker, day("2021-04-05"))
    session.commit()
    row = score(session, "2021-01-01", "2021-06-30")
    assert of(session, row, free.firm).due == 5
    assert of(session, row, free.other_firm).due == 5


@pytest.mark.feature("CON-03")
@pytest.mark.parametrize(("contract_to", "overdue"), [("2021-05-08", 0), ("2021-05-09", 1)])
def test_T12_a_limit_counts_within_the_contract(session: Any, free: Any, contract_to: str, overdue: int) -> None:
    put_cover(session, free.firm, free.own, day("2021-01-01"), day(contract_to))
    session.commit()
    visit(session, free.own, free.worker, day("2021-04-24"))
    run(session, day("2021-05-10"))
    held = of(session, score(session, "2021-01-01", "2021-05-20"), free.firm)
    assert held.overdue == held.bad == overdue
    nobody = session.scalars(select(OverduePeriod).where(OverduePeriod.unit_id.is_(None))).all()
    assert len(nobody) == 1 - overdue
    assert held.uncovered == 1


@pytest.mark.feature("CON-03")
def test_unbinding_after_a_missed_limit_erases_nothing(session: Any, free: Any) -> None:
    bound = put_cover(session, free.firm, free.own, day("2021-01-01"), day("2021-12-31"))
    session.commit()
    visit(session, free.own, free.worker, day("2021-04-24"))
    run(session, day("2021-05-10"))
    bound.removed_at = at(day("2021-05-11"))
    session.commit()
    held = of(session, score(session, "2021-01-01", "2021-05-20"), free.firm)
    assert (held.overdue, held.uncovered) == (1, 1)


def test_T14_paused_days_shrink_what_is_due(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2024-01-10"))
    put_stop(session, world.own, day("2024-03-01"), day("2024-03-21"))
    session.commit()
    assert of(session, score(session, "2024-01-01", "2024-06-30"), world.firm).due == 10


@pytest.mark.feature("LED-01", "SCO-07")
def test_ledger_names_every_failure_and_forgives_with_reason(session: Any, world: Any) -> None:
    """One elevator has enough valid visits, the other not: its 不合规 costs, the first one's stands with 0."""
    second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    for n in range(7):
        put_visit(session, world.own, world.firm, world.worker, day("2021-01-01") + n * 14 * DAY)
    forgiven = put_visit(session, world.own, world.firm, world.worker, day("2021-02-02"), "nonconforming")
    put_visit(session, second, world.firm, world.worker, day("2021-01-01"))
    failed = put_visit(session, second, world.firm, world.worker, day("2021-01-15"), "nonconforming")
    missed = put_overdue(session, second, world.firm, day("2021-02-14"))
    session.commit()
    held = of(session, score(session, "2021-01-01", "2021-04-10"), world.firm)
    assert (held.due, held.bad, held.overdue, held.nonconforming, held.forgiven) == (12, 2, 1, 2, 1)
    assert (held.valid_visits, held.elevators, held.rank) == (8, 2, 1)
    told = {(e.rule, e.evidence, e.evidence_id, e.elevator_id): e for e in entries(session, held)}
    assert set(told) == {
        ("forgiven", "visit", forgiven.id, world.own.id),
        ("nonconforming", "visit", failed.id, second.id),
        ("overdue", "overdue", missed.id, second.id),
    }
    free_of_charge = told["forgiven", "visit", forgiven.id, world.own.id]
    assert (free_of_charge.numerator, free_of_charge.denominator) == ("0", "1")
    assert "有效维保 7 次" in free_of_charge.reason
    assert_sums(session, held)


def test_no_data_is_not_ranked_and_only_failures_are_zero(session: Any, world: Any) -> None:
    put_overdue(session, world.own, world.firm, day("2021-02-14"))
    session.commit()
    row = score(session, "2021-01-01", "2021-04-10")
    zero, nothing = of(session, row, world.firm), of(session, row, world.other_firm)
    assert (zero.points, zero.rank) == (Decimal("0.00"), 1)
    assert (nothing.points, nothing.rank, nothing.elevators) == (None, None, 1)
    assert_sums(session, zero)


def test_equal_points_share_a_rank() -> None:
    made = ranked([(Decimal("15.00"), 1), (Decimal("16.00"), 2), (Decimal("16.00"), 3), (Decimal("14.99"), 4)])
    assert made == [(1, 2), (1, 3), (3, 1), (4, 4)]


def test_a_unit_without_any_contract_shows_its_uncovered_elevators(session: Any, free: Any) -> None:
    held = of(session, score(session, "2021-01-01", "2021-04-10"), free.firm)
    assert (held.uncovered, held.points, held.rank) == (1, None, None)


@pytest.mark.feature("POL-01")
def test_where_a_preset_counts_the_never_visited(session: Any, free: Any) -> None:
    """From the later of 在用 and the contract's first day; in huzhou such an elevator counts nothing."""
    make_policy(session, "never_visited", "contract", "980403000000")
    put_cover(session, free.firm, free.own, day("2021-01-01"), day("2021-12-31"))
    put_cover(session, free.other_firm, free.foreign, day("2021-01-01"), day("2021-12-31"))
    session.add(
        StatusChange(
            entity="elevator", entity_id=free.foreign.id, field="status", old="notified", new="in_use", verb="x",
            effective_on=day("2021-02-01"), known_at=at(day("2021-02-01")),
        )
    )  # fmt: skip
    session.commit()
    row = score(session, "2021-01-01", "2021-04-02")
    assert of(session, row, free.firm).due == 0
    assert of(session, row, free.other_firm).due == 4  # 60 days
    put_visit(session, free.foreign, free.other_firm, free.other_worker, day("2020-12-20"))
    session.commit()
    later = score(session, "2021-01-01", "2021-04-02", now=at(day("2030-01-02")))
    assert of(session, later, free.other_firm).due == 0


def test_a_contract_that_ended_before_the_period_leaves_nothing_due(session: Any, free: Any) -> None:
    """End = the last day of the unit's contract, which lies before the first visit of the period."""
    put_cover(session, free.firm, free.own, day("2020-01-01"), day("2020-12-31"))
    for on in ("2021-01-10", "2021-03-10"):
        put_visit(session, free.own, free.firm, free.worker, day(on))
    session.commit()
    held = of(session, score(session, "2021-01-01", "2021-06-30"), free.firm)
    assert (held.due, held.bad, held.points) == (0, 0, None)
    assert of(session, score(session, "2020-07-01", "2021-06-30"), free.firm).due == 0


def test_each_run_of_cover_counts_by_itself_and_days_of_another_unit_are_nobodys(session: Any, free: Any) -> None:
    """A to 03-31, B in April, A again: ⌊80/15⌋ + ⌊41/15⌋ for A, ⌊25/15⌋ for B; a renewal that joins on is no gap."""
    put_cover(session, free.firm, free.own, day("2021-01-01"), day("2021-02-10"))
    put_cover(session, free.firm, free.own, day("2021-02-11"), day("2021-03-31"))
    put_cover(session, free.other_firm, free.own, day("2021-04-01"), day("2021-04-30"))
    put_cover(session, free.firm, free.own, day("2021-05-01"), day("2021-12-31"))
    for firm, worker, on in (
        (free.firm, free.worker, "2021-01-10"), (free.firm, free.worker, "2021-04-20"),
        (free.firm, free.worker, "2021-05-20"), (free.other_firm, free.other_worker, "2021-04-05"),
    ):  # fmt: skip
        put_visit(session, free.own, firm, worker, day(on))
    session.commit()
    row = score(session, "2021-01-01", "2021-06-30")
    assert of(session, row, free.firm).due == 5 + 2
    assert of(session, row, free.other_firm).due == 1
    pair = score_facts.of_unit(session, row, free.firm.id)[0]
    assert (pair.first_on, pair.end_on) == (day("2021-01-10"), day("2021-03-31"))
    assert [(run.first_on, run.end_on) for run in pair.later] == [(day("2021-05-20"), day("2021-06-30"))]


def test_after_a_gap_an_unvisited_run_begins_on_its_first_day_where_the_preset_says_so(session: Any, free: Any) -> None:
    make_policy(session, "never_visited", "contract", "980402000000")
    put_cover(session, free.firm, free.own, day("2021-01-01"), day("2021-02-28"))
    put_cover(session, free.firm, free.own, day("2021-04-01"), day("2021-12-31"))
    put_visit(session, free.own, free.firm, free.worker, day("2021-01-10"))
    session.commit()
    assert of(session, score(session, "2021-01-01", "2021-06-30"), free.firm).due == 49 // 15 + 90 // 15


def test_a_unit_without_contract_is_not_charged_for_anothers_days(session: Any, free: Any) -> None:
    put_cover(session, free.other_firm, free.own, day("2021-03-01"), day("2021-12-31"))
    for on in ("2021-01-10", "2021-04-10"):
        put_visit(session, free.own, free.firm, free.worker, day(on))
    session.commit()
    assert of(session, score(session, "2021-01-01", "2021-06-30"), free.firm).due == 49 // 15


# --- as known


@pytest.mark.feature("LED-01")
def test_what_was_judged_or_withdrawn_later_was_not_known(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_overdue(session, world.own, world.firm, day("2021-01-16"), corrected_at=at(day("2021-02-10")))
    put_overdue(session, world.own, world.firm, day("2021-01-31"))
    session.commit()
    told = {
        known: of(session, score(session, "2021-01-01", "2021-03-31", as_of=at(day(known), 12)), world.firm).overdue
        for known in ("2021-01-16", "2021-01-17", "2021-02-01", "2021-02-10")
    }
    assert told == {"2021-01-16": 0, "2021-01-17": 1, "2021-02-01": 2, "2021-02-10": 1}


@pytest.mark.feature("LED-01", "MNT-09")
def test_a_review_that_came_later_was_awaited_then(session: Any, world: Any) -> None:
    """Out 03-01, reviewed 03-20: awaited on 03-10, 不合规 from 03-17, and the late review heals nothing (T5)."""
    put_visit(session, world.own, world.firm, world.worker, day("2021-03-01"))
    late = add_visit(
        session, world.own, world.worker, day("2021-03-01"), state="nonconforming", signed_at=None,
        reviewed_at=at(day("2021-03-20"), 12), settled_at=at(day("2021-03-20"), 12),
    )  # fmt: skip
    intime = add_visit(
        session, world.own, world.worker, day("2021-03-02"), state="valid", signed_at=None,
        reviewed_at=at(day("2021-03-09"), 12), settled_at=at(day("2021-03-09"), 12),
    )  # fmt: skip
    session.commit()

    def known(on: str) -> tuple[int, int]:
        held = of(session, score(session, "2021-01-01", "2021-03-31", as_of=at(day(on), 0)), world.firm)
        return held.valid_visits, held.nonconforming

    assert late.id != intime.id
    assert known("2021-03-02") == (1, 0)
    assert known("2021-03-05") == (1, 0)
    assert known("2021-03-10") == (2, 0)
    assert known("2021-03-16") == (2, 0)
    assert known("2021-03-17") == (2, 1)
    assert known("2021-03-25") == (2, 1)


@pytest.mark.feature("LED-01", "MNT-09")
def test_age_counts_though_the_nightly_job_is_late(session: Any, world: Any) -> None:
    """The state that a record has by its age, now and when that instant is asked for again after it was settled."""
    row = add_visit(
        session, world.own, world.worker, day("2021-03-01"), state="awaiting", awaiting_review=True,
        settled_at=at(day("2021-03-01"), 11), next_change_at=at(day("2021-03-17"), 0),
    )  # fmt: skip
    session.commit()
    noon = at(day("2021-03-17"), 12)
    before = score(session, "2021-03-01", "2021-03-10", now=at(day("2021-03-16"), 23))
    after = score(session, "2021-03-01", "2021-03-10", now=noon)
    assert of(session, before, world.firm).nonconforming == 0
    assert of(session, after, world.firm).nonconforming == 1
    row.state, row.next_change_at, row.settled_at = "nonconforming", None, at(day("2021-03-18"))
    session.commit()
    assert score(session, "2021-03-01", "2021-03-10", as_of=noon).digest == after.digest


@pytest.mark.feature("LED-01")
def test_a_stop_ends_when_that_became_known(session: Any, world: Any) -> None:
    put_visit(session, world.own, world.firm, world.worker, day("2024-01-01"))
    put_stop(session, world.own, day("2024-03-01"), day("2024-04-01"))
    session.add(
        StatusChange(
            entity="elevator", entity_id=world.own.id, field="status", old="suspended", new="in_use", verb="x",
            effective_on=day("2024-04-01"), known_at=at(day("2024-04-03")),
        )
    )  # fmt: skip
    session.commit()
    blind = score(session, "2024-01-01", "2024-06-29", as_of=at(day("2024-04-02")))
    seeing = score(session, "2024-01-01", "2024-06-29", as_of=at(day("2024-04-04")))
    assert of(session, blind, world.firm).due == 4
    assert of(session, seeing, world.firm).due == 9


def test_state_is_provisional_until_16_days_after(session: Any, world: Any) -> None:
    states = [
        score(session, "2024-01-01", "2024-06-30", as_of=at(day(on), hour)).state
        for on, hour in (("2024-07-16", 23), ("2024-07-17", 0))
    ]
    assert states == ["provisional", "final"]
