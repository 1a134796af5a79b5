"""SCO-02 and SCO-05 as known then: what the desk takes back later changes no score of before."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.models import RescueStep, Score, ScoreRun
from app.models.rescues_then import cases_then
from app.permissions import SYSTEM
from app.rules.score_items import Item
from app.transaction import transaction
from app.workflows.rescue import past_rescues, rescue_answers, rescue_desk, rescue_help
from app.workflows.scores import score_records, scores
from tests.factories import World
from tests.workflows.clock_world import day
from tests.workflows.rescues.ground import FORM, START, M, calls, dispatched, do, tick

pytestmark = pytest.mark.feature("SCO-02", "SCO-05", "RES-04")
FIRST, LAST, HOUR = day("2026-01-01"), day("2026-12-31"), dt.timedelta(hours=1)
THEN, LATER = START + 2 * HOUR, START + 30 * HOUR
FALSE = FORM | {"outcome": "false_alarm", "cause": "", "trapped": "0", "method": ""}


def run(world: World, as_of: dt.datetime, now: dt.datetime) -> ScoreRun:
    with transaction(world.session):
        return scores.run(world.session, SYSTEM, "980000000000", FIRST, LAST, as_of, now)


def seen(world: World, row: ScoreRun) -> tuple[Any, ...]:
    """What the run says of the unit, and what its page opens down to."""
    session = world.session
    session.expire_all()
    held = session.query(Score).filter_by(run_id=row.id, unit_id=world.firm.id).one()
    shown = {item: score_records.of_unit(session, row, world.firm.id, item) for item in (Item.RESCUE, Item.FAULT)}
    return (held.rescue_on_time, held.rescue_late, held.fault_entrapments), shown


def taken_back_after(world: World, row: Any, *deeds: Any) -> None:
    """A score of before is the same when it is counted again after the deeds, and so is what its page shows."""
    first = run(world, THEN, THEN + HOUR)
    before = seen(world, first)
    for number, (who, deed, *given) in enumerate(deeds):
        do(world, who, deed, row, *given, LATER + number * M)
    assert seen(world, first) == before
    assert run(world, THEN, LATER + HOUR).id == first.id, "the same digest is the same run"
    assert seen(world, run(world, LATER + HOUR, LATER + HOUR)) != before, "and yet something was done"


def test_a_rescue_that_was_freed_with_another_result(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.free, row, FORM, START + 20 * M)
    taken_back_after(
        world, row, ("agent", rescue_desk.step_back, "写错了"), ("worker", rescue_answers.free, FALSE)
    )


def test_a_false_alarm_that_was_none(world: World) -> None:
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    do(world, "worker", rescue_answers.free, row, FALSE, START + 20 * M)
    taken_back_after(world, row, ("agent", rescue_desk.step_back, "写错了"), ("worker", rescue_answers.free, FORM))


def test_a_late_acceptance_that_nobody_gave(world: World) -> None:
    """Late then by what had been done; taken back to the dispatch the call never was."""
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + 10 * M)
    taken_back_after(
        world, row, ("agent", rescue_desk.step_back, "没有人接"), ("agent", rescue_desk.step_back, "不该派")
    )


def test_an_escalated_call_that_the_desk_took_back_later(world: World) -> None:
    row = dispatched(world)
    while len(calls(world, row)) < 2:
        at = row.act_at
        assert at is not None and tick(world, at)
        world.session.refresh(row)
    assert [one.end_reason for one in calls(world, row)] == ["escalated", None]
    taken_back_after(world, row, ("agent", rescue_desk.step_back, "不该派"))


def test_one_that_another_unit_freed(world: World) -> None:
    """Whoever was relieved is under way again after the step back; looked back to, he was not."""
    row = dispatched(world)
    do(world, "worker", rescue_answers.accept, row, START + M)
    with transaction(world.session):
        second = rescue_help.call_out(
            world.session, world.actor("agent"), row, 2, START + 5 * M, unit=world.other_firm
        )
    do(world, "agent", rescue_answers.free, row, FORM, START + 50 * M, call_id=second.id)
    assert [one.end_reason for one in calls(world, row)] == ["relieved", None]
    taken_back_after(world, row, ("agent", rescue_desk.step_back, "没有救出"), ("agent", rescue_desk.step_back, "没到"))


@pytest.mark.feature("IMP-03")
@pytest.mark.parametrize("level", [1, 2])
def test_one_of_another_platform(world: World, level: int) -> None:
    """It came without steps, as it stood; what is taken back of it since was so then."""
    session = world.session
    times = {"reported_at": 0, "dispatched_at": 1, "second_at": 9, "accepted_at": 12, "arrived_at": 40, "done_at": 50}
    if level == 1:
        del times["second_at"]
    said = {name: (START + minutes * M).isoformat() for name, minutes in times.items()}
    helper = {"helper_id": world.other_firm.id} if level == 2 else {}
    with transaction(session):
        row = past_rescues.take_over(session, world.actor("region_admin"), said | helper | {
            "elevator_id": world.own.id, "level": level, "outcome": "entrapment", "cause": "door_vane", "trapped": 2,
            "injured": 0,
        }, START + HOUR)  # fmt: skip
        row.created_at = START + HOUR
    taken_back_after(world, row, ("agent", rescue_desk.step_back, "没有救出"), ("agent", rescue_desk.step_back, "没到"))
    kept = session.execute(
        select(RescueStep.verb, RescueStep.at).where(RescueStep.rescue_id == row.id).order_by(RescueStep.id)
    )
    second = [("dispatch", START + 9 * M)] if level == 2 else []
    assert [tuple(one) for one in kept] == [
        ("dispatch", START + M), *second, ("accept", START + 12 * M), ("arrive", START + 40 * M),
        ("free", START + 50 * M), ("back", LATER), ("back", LATER + M),
    ]  # fmt: skip


def test_one_of_which_only_the_outcome_was_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was taken over by an earlier version: cause and people are told by its row."""
    written = past_rescues.audit.record

    def record(*given: Any, after: dict[str, Any]) -> Any:
        kept = {name: value for name, value in after.items() if name in ("number", "elevator_id", "outcome")}
        return written(*given, after=kept)

    monkeypatch.setattr(past_rescues.audit, "record", record)
    session = world.session
    times = {"reported_at": 0, "dispatched_at": 1, "accepted_at": 12, "arrived_at": 40, "done_at": 50}
    said = {name: (START + minutes * M).isoformat() for name, minutes in times.items()}
    with transaction(session):
        row = past_rescues.take_over(session, world.actor("region_admin"), said | {
            "elevator_id": world.own.id, "level": 1, "outcome": "entrapment", "cause": "power_cut", "trapped": 2,
            "injured": 0,
        }, START + HOUR)  # fmt: skip
    monkeypatch.undo()
    do(world, "agent", rescue_desk.step_back, row, "没有救出", LATER)
    then = cases_then(session, [row.id], LATER - M)[row.id]
    assert (then.outcome, then.cause, then.trapped) == ("entrapment", "power_cut", 2)
