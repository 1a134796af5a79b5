"""IMP-03: past rescues by workbook, with their true times, marked as taken over; undone again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import scope
from app.commands import imports as command
from app.models import Rescue, RescueDispatch
from app.permissions import SYSTEM
from app.rules.other_scores import Outcome
from app.workflows.rescue import rescue_answers, rescue_course
from tests.factories import World
from tests.imports.ground import AT, checked, errors_of, imported, workbook
from tests.imports.test_undoing import undone

pytestmark = pytest.mark.feature("IMP-03", "RES-05")
HEAD = [
    "识别码", "报警时间", "派单时间", "接单时间", "到达时间", "救出时间", "处置结果", "故障原因", "困人人数",
    "受伤人数", "救援级别", "二级救援单位", "二级派单时间",
]  # fmt: skip


def line(world: World, day: str = "2026-03-02", **more: Any) -> list[Any]:
    row = {
        "code": world.own.code, "reported": "10:00:00", "dispatched": "10:01:00", "accepted": "10:03:00",
        "arrived": "10:20:00", "done": "10:30:00", "outcome": "困人", "cause": "停电", "trapped": 2, "injured": 0,
        "level": None, "helper": None, "second": None,
    } | more  # fmt: skip
    times = ("reported", "dispatched", "accepted", "arrived", "done")
    stamped = [f"{day} {row[n]}" if row[n] else None for n in times]
    second = f"{day} {row['second']}" if row["second"] else None
    return [row["code"], *stamped, row["outcome"], row["cause"], row["trapped"], row["injured"], row["level"],
            row["helper"], second]  # fmt: skip


def all_rows(session: Any) -> list[Rescue]:
    session.expire_all()
    return list(session.scalars(select(Rescue).order_by(Rescue.reported_at)))


def test_past_rescues_keep_their_times_and_are_there_once(session: Any, world: World) -> None:
    who = world.actor("region_admin")
    file = workbook(
        HEAD, line(world),
        line(world, "2026-03-03", accepted="10:08:00", level="二级", helper=world.other_firm.name, second="10:05:00"),
        line(world, "2026-03-04", outcome="误报", cause=None, trapped=0, dispatched=None, accepted=None, arrived=None,
             done=None),
        line(world, "2026-03-05", done="09:00:00"), line(world, "2026-03-06", cause=None),
        line(world, "2026-03-07", level="二级"),
    )  # fmt: skip
    batch = imported(session, who, "past_rescues", file)
    assert errors_of(session, batch) == {(5, "救出时间"), (6, "故障原因"), (7, "二级救援单位"), (7, "二级派单时间")}
    first, second, none = all_rows(session)
    assert all(row.taken_over and row.unit_id == world.firm.id for row in (first, second, none))
    assert first.reported_at == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC) and first.number.startswith("JYQ-2026-")
    assert (first.status, first.cause, first.trapped, first.accept_minutes) == ("freed", "power_cut", 2, 3)
    assert rescue_course.outcome_of(first, AT) is Outcome.ON_TIME
    assert (second.level, second.late_steps) == (2, "accept")
    assert (none.status, none.outcome) == ("closed", "false_alarm")
    calls = session.scalars(select(RescueDispatch).where(RescueDispatch.rescue_id == second.id)
                            .order_by(RescueDispatch.id)).all()  # fmt: skip
    assert [(c.level, c.unit_id, c.end_reason) for c in calls] == [
        (1, world.firm.id, "escalated"), (2, world.other_firm.id, None)
    ]  # fmt: skip
    assert calls[1].done_at == second.done_at and calls[0].done_at is None
    file.seek(0)
    again = checked(session, who, "past_rescues", file)
    assert (again.same_rows, again.bad_rows) == (3, 3)
    with pytest.raises(Exception, match="已由"):
        rescue_answers.accept(session, world.actor("worker"), first.id, AT)
    session.rollback()
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows) == (3, 0)
    assert session.scalar(select(func.count()).select_from(RescueDispatch)) == 0 and not all_rows(session)


def test_only_a_regulator_takes_over_and_the_command_does_too(session: Any, world: World, tmp_path: Path) -> None:
    file = workbook(HEAD, line(world))
    with pytest.raises(Exception, match="接管"):
        checked(session, world.actor("clerk"), "past_rescues", file)
    path = tmp_path / "past.xlsx"
    path.write_bytes(file.getvalue())
    actor = SYSTEM.by("cli")
    with scope.acting(actor):
        summary = command._run(actor, "past_rescues", path, False, command.Told("both", (), (), None))
    assert summary["imported"] == 1 and all_rows(session)[0].taken_over
