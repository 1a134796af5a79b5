"""APL-01: what an upheld appeal moves, exactly and not before the decision."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, Refusal
from app.models import (
    Appeal,
    Complaint,
    Enforcement,
    Job,
    OverdueCorrection,
    OverduePeriod,
    Score,
    ScoreEntry,
    ScoreRun,
    StatusChange,
    Visit,
)
from app.models.score import lines_of
from app.rules.other_scores import Outcome
from app.rules.score_items import OTHERS, Item
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.maintenance import overdue
from app.workflows.oversight import enforcement
from app.workflows.oversight.enforcement import Entry
from app.workflows.public import complaints
from app.workflows.visits import visit_state
from tests.factories import World, make_policy
from tests.reference.items import Called, Trapped
from tests.workflows.appeals.ground import DAY, DECIDED, MADE, H, appeal, decide, do, item_lines, missed
from tests.workflows.clock_world import add_visit, at, day, limits, visit
from tests.workflows.item_world import MINUTE, NOON, put_rescue, scored_firm
from tests.workflows.score_world import score

pytestmark = pytest.mark.feature("APL-01")
FROM, TO = "2026-01-01", "2026-06-30"
LATER = at(day("2026-08-01"), 9)


def figures(world: World, as_of: dt.datetime) -> Score:
    run = score(world.session, FROM, TO, as_of, LATER, region="980402000000")
    world.session.expire_all()
    found = select(Score).where(Score.run_id == run.id, Score.unit_id == world.firm.id)
    return world.session.scalars(found).one()


def points(row: Score) -> Fraction:
    """Exactly, by its ledger."""
    assert row.points is not None
    return Fraction(16) - sum((Fraction(int(e.numerator), int(e.denominator)) for e in lines(row)), Fraction(0))


def lines(row: Score) -> list[ScoreEntry]:
    from sqlalchemy import inspect

    session = inspect(row).session
    assert session is not None
    return list(session.scalars(select(ScoreEntry).where(lines_of(row.id, Item.MAINTENANCE)).order_by(ScoreEntry.id)))


def nonconforming(world: World) -> Visit:
    with transaction(world.session):
        return add_visit(
            world.session, world.own, world.worker, day("2026-03-01"), state="nonconforming",
            settled_at=at(day("2026-03-17")), review_due_at=at(day("2026-03-17"), 0),
        )  # fmt: skip


def late_complaint(world: World) -> Complaint:
    """Accepted a day late, and closed."""
    form = {"name": "顾以宁", "phone": "13900001111", "body": "三楼抖动"}
    start = at(day("2026-05-01"), 9)
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, form, ["shaking"], (), start, None)
    do(world, "worker", complaints.accept, row.id, start + 48 * H)
    do(world, "worker", complaints.handle, row.id, "已更换导靴", start + 50 * H)
    return do(world, "safety_officer", complaints.review, row.id, True, "", start + 51 * H)


def talk(world: World, who: str = "inspector") -> Enforcement:
    given = Entry("talk", day("2026-05-06"), "三月以来多次超期", "十日内补做", reply_days=10)
    row = do(world, who, enforcement.draw_up, world.firm.id, given, at(day("2026-05-06"), 9))
    return do(world, who, enforcement.issue, row.id, at(day("2026-05-06"), 10))


@pytest.mark.parametrize("kind", ["visit", "overdue_period"])
def test_an_upheld_appeal_moves_the_score_exactly_by_the_row_and_not_before_the_decision(
    long: World, kind: str
) -> None:
    # Two failures, one of each kind: one is appealed against, the other stays.
    visit, late = nonconforming(long), missed(long)
    with transaction(long.session):
        # Fewer valid records than are due, so that nothing is forgiven.
        some = Visit.visit_on.between(day("2026-05-01"), day("2026-06-10"))
        for row in long.session.scalars(select(Visit).where(some)):
            row.state = "void"
    before = figures(long, MADE)
    wanted = {"visit": ("visit", visit.id), "overdue_period": ("overdue", late.id)}[kind]
    line = next(e for e in lines(before) if (e.evidence, e.evidence_id) == wanted)
    worth = Fraction(int(line.numerator), int(line.denominator))
    assert worth > 0 and before.bad == 2
    kept = {name: getattr(visit, name) for name in ("sheet_at", "reviewed_at", "checked_out_at", "review_due_at")}

    made = appeal(long, f"score_entry-{line.id}")
    assert decide(long, made).state == "approved"

    after = figures(long, DECIDED)
    assert points(after) - points(before) == worth
    assert after.due == before.due and after.bad == 1
    assert [(e.evidence, e.evidence_id) for e in lines(after)] == [
        (e.evidence, e.evidence_id) for e in lines(before) if e.id != line.id
    ]
    # A second run gives the same, and one as of an instant before the decision knows nothing of it.
    run = long.session.get(ScoreRun, after.run_id)
    assert score(long.session, FROM, TO, DECIDED, LATER + DAY, region="980402000000").digest == run.digest
    then = figures(long, DECIDED - dt.timedelta(seconds=1))
    assert points(then) == points(before) and then.bad == 2
    assert len(lines(then)) == len(lines(before))
    assert points(figures(long, LATER)) == points(after)
    # The record stays as it was; what it counts as is a correction of its own.
    long.session.expire_all()
    row = long.session.get(Visit, visit.id)
    assert {name: getattr(row, name) for name in kept} == kept
    asked = long.session.scalars(select(Appeal)).one()
    assert asked.state == "approved" and asked.in_force_from == DECIDED
    told = {label["msgid"] if isinstance(label, dict) else label: (a, b) for label, a, b in asked.figures or ()}
    assert str(told["不合格次数"]) == "('2', '1')"


def test_the_figures_before_and_after_are_those_of_the_runs(long: World) -> None:
    late = missed(long)
    before = figures(long, MADE)
    line = next(e for e in lines(before) if e.evidence_id == late.id)
    made = decide(long, appeal(long, f"score_entry-{line.id}"))
    after = figures(long, DECIDED)
    asked = long.session.scalars(select(Appeal)).one()
    told = {label: (a, b) for label, a, b in asked.figures or ()}
    old, new = told["维护保养有效率"]
    assert (old["args"]["points"], new["args"]["points"]) == (str(before.points), str(after.points))
    assert (asked.run_region, asked.run_from_on, asked.run_to_on) == ("980402000000", day(FROM), day(TO))
    # The officer may score: the run is entered to be made again, as of the decision.
    job = long.session.scalars(select(Job).where(Job.kind == "score")).one()
    assert dt.datetime.fromisoformat(job.params["as_of"]) == DECIDED and made.state == "approved"


def test_a_missed_period_is_withdrawn_by_a_correction_and_not_judged_again(long: World) -> None:
    late = missed(long)
    decide(long, appeal(long, f"overdue_period-{late.id}"))
    long.session.expire_all()
    row = long.session.get(OverduePeriod, late.id)
    correction = long.session.scalars(select(OverdueCorrection)).one()
    assert row.withdrawn and correction.known_at == DECIDED and "成立" in correction.reason
    assert correction.actor_id == long.accounts["inspector"].id
    # A record of another day has the clock judged anew: what was excused stays excused.
    from app.models import MaintenanceClock
    from app.rules.clock_history import MissedPeriod

    with transaction(long.session):
        clock_row = MaintenanceClock(elevator_id=long.own.id, region_code=long.own.region_code, limit_days=15)
        clock_row = long.session.merge(clock_row)
        again = [MissedPeriod(day("2026-03-26"), day("2026-04-10"), False),
                 MissedPeriod(day("2026-04-10"), day("2026-04-25"), True)]  # fmt: skip
        assert overdue.judge(long.session, clock_row, again, LATER) == 1
    assert limits(long.session, long.own) == [day("2026-04-25")]


def test_a_void_visit_that_counts_again_withdraws_what_it_disproves(world: World) -> None:
    """It never counted, so the limit was missed; upheld, the clock hears of it."""
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    with transaction(world.session):
        short = add_visit(
            world.session, world.own, world.worker, day("2026-03-14"), state="void", counted=False,
            checked_out_at=at(day("2026-03-14"), 9) + dt.timedelta(minutes=20), settled_at=at(day("2026-03-14"), 10),
        )  # fmt: skip
    visit(world.session, world.own, world.worker, day("2026-03-28"))
    assert limits(world.session, world.own) == [day("2026-03-16")]
    decide(world, appeal(world, f"visit-{short.id}"))
    assert limits(world.session, world.own) == []
    world.session.expire_all()
    row = world.session.get(Visit, short.id)
    assert row.state == "valid" and row.counted and row.appeal_upheld_at == DECIDED
    step = world.session.scalars(
        select(StatusChange).where(StatusChange.entity == "visit", StatusChange.verb == "appeal")
    ).one()
    assert (step.old, step.new) == ("void", "valid")
    # Settling it again, as the night does, leaves it so.
    with transaction(world.session):
        visit_state.settle(world.session, world.session.get(Visit, short.id), LATER)
    assert world.session.get(Visit, short.id).state == "valid"


def test_a_late_complaint_counts_as_in_time_from_the_decision_on(long: World) -> None:
    row = late_complaint(long)
    assert complaints.outcome_of(row, MADE) is Outcome.LATE
    made = appeal(long, f"complaint-{row.id}")
    decide(long, made)
    long.session.expire_all()
    row = long.session.get(Complaint, row.id)
    assert complaints.outcome_of(row, DECIDED) is Outcome.ON_TIME
    assert complaints.outcome_of(row, DECIDED - dt.timedelta(seconds=1)) is Outcome.LATE
    assert row.late_steps == "accept"  # written as it was
    told = {label: (a, b) for label, a, b in long.session.scalars(select(Appeal)).one().figures or ()}
    assert told["不及时"] == ["1", "0"] or told["不及时"] == ("1", "0")
    # One judged, one late: 0 points; afterwards all 16, which is what the one was worth.
    old, new = told["反馈处置及时率"]
    assert (old["args"]["points"], new["args"]["points"]) == ("0.00", "16.00")
    from app.listing import Moment
    from app.listings import complaints as listed

    now = Moment(long.session, long.actor("inspector"), LATER.date(), LATER)
    assert long.session.scalar(select(func.count()).select_from(Complaint).where(listed.late(now))) == 0
    assert long.session.scalar(select(func.count()).select_from(Complaint).where(listed.on_time())) == 1


def test_an_enforcement_is_taken_back_and_stood_until_then(long: World) -> None:
    row = talk(long)
    # Who drew it up does not decide, nor does he see it as his to decide on without being told why.
    made = appeal(long, f"enforcement-{row.id}")
    with pytest.raises(NotAllowed, match="作出记录的人员"):
        decide(long, made, who="inspector")
    shown = applications.checks_shown(long.session, long.actor("inspector"), made, DECIDED)
    assert any(f.stops and "作出记录的人员" in f.found for f in shown)
    decide(long, made, who="region_admin")
    long.session.expire_all()
    row = long.session.get(Enforcement, row.id)
    assert row.state == "withdrawn" and made.number in row.withdraw_reason
    assert enforcement.stands_at(row, DECIDED - H) and not enforcement.stands_at(row, DECIDED)


def item_score(world: World, as_of: dt.datetime) -> Score:
    run = score(world.session, "2024-01-01", "2024-12-31", as_of=as_of, now=LATER, region="980402000000")
    world.session.expire_all()
    found = select(Score).where(Score.run_id == run.id, Score.unit_id == world.firm.id)
    return world.session.scalars(found).one()


@pytest.mark.feature("SCO-02")
@pytest.mark.parametrize("name", ["rescue", "complaint", "inspection", "change"])
def test_an_upheld_appeal_moves_its_item_by_the_line_and_not_before_the_decision(world: World, name: str) -> None:
    scored_firm(world.session, world)
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 3650)
        if name == "rescue":
            # A second one in time, so that a line is worth half of it all.
            call = Called("A", 1, NOON, NOON + MINUTE, NOON + 5 * MINUTE, NOON + 9 * MINUTE)
            told = Trapped("A", world.own.id, NOON, (call,), NOON + H, "entrapment", "power_cut")
            put_rescue(world.session, world.own, told, {"A": world.firm})
        if name == "complaint":
            told_late = world.complaint
            told_late.accepted_at, told_late.late_steps, told_late.state = NOON + 48 * H, "accept", "closed"
            told_late.handled_at = told_late.reviewed_at = told_late.closed_at = NOON + 50 * H
    items = {"rescue": Item.RESCUE, "complaint": Item.FEEDBACK, "inspection": Item.INSPECTION, "change": Item.CHANGE}
    item = items[name]
    record = getattr(world, name)
    before = item_score(world, MADE)
    key = record.application_id if name == "change" else record.id
    line = next(e for e in item_lines(world, before, item) if e.evidence_id == key)
    worth = Fraction(int(line.numerator), int(line.denominator))
    assert worth > 0 and line.evidence == {"change": "application"}.get(name, name)
    kept = {one: getattr(record, one) for one in ("late_steps", "result", "is_fault", "late") if hasattr(record, one)}

    made = appeal(world, f"score_entry-{line.id}")
    # The inspection is of a 涉密 elevator.
    decider = "region_admin" if name == "inspection" else "inspector"
    assert decide(world, made, who=decider).state == "approved"

    points = f"{item}_points"
    after, then = item_score(world, DECIDED), item_score(world, DECIDED - dt.timedelta(seconds=1))
    assert Fraction(getattr(after, points)) - Fraction(getattr(before, points)) == worth
    assert [e.evidence_id for e in item_lines(world, after, item)] == [
        e.evidence_id for e in item_lines(world, before, item) if e.id != line.id
    ]
    assert getattr(then, points) == getattr(before, points)
    assert len(item_lines(world, then, item)) == len(item_lines(world, before, item))
    # What was written stays written; the other items do not move.
    world.session.expire_all()
    record = world.session.get(type(record), record.id)
    assert name == "change" or record.appeal_upheld_at == DECIDED
    assert kept and {one: getattr(record, one) for one in kept} == kept
    others = [f"{one}_points" for one in OTHERS if one is not item]
    assert [getattr(after, one) for one in others] == [getattr(before, one) for one in others]
    figures_ = world.session.scalars(select(Appeal)).one().figures or ()
    assert any(old != new for _label, old, new in figures_)
    with pytest.raises(Refusal):
        appeal(world, f"{'unit_change' if name == 'change' else name}-{record.id}", when=LATER)
