"""IMP-03: past repairs by workbook, with their true times, marked as taken over; undone again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import scope
from app.commands import imports as command
from app.models import AuditEntry, RepairOrder
from app.permissions import SYSTEM
from app.rules.past_repairs import PastRepair, past_findings
from app.rules.repairs import Step
from app.workflows.repair import repair_work, repairs
from tests.factories import World, make_policy
from tests.imports.ground import AT, checked, errors_of, imported, ran, told, workbook
from tests.imports.test_undoing import undone

pytestmark = pytest.mark.feature("IMP-03", "REP-03")
HEAD = [
    "识别码", "报修时间", "故障级别", "故障描述", "接单时间", "到场时间", "完成时间", "故障原因", "处理情况",
    "更换部件", "恢复运行", "维修员",
]  # fmt: skip
NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)


def line(world: World, day: str = "2026-03-02", **more: Any) -> list[Any]:
    row = {
        "code": world.own.code, "reported": "10:00", "level": "电梯故障停梯", "fault": "停在 6 楼", "accepted": "10:20",
        "started": "11:00", "ended": "12:00", "cause": "门系统", "action": "调整门刀", "parts": None, "restored": "是",
        "worker": world.worker.name,
    } | more  # fmt: skip
    for name in ("reported", "accepted", "started", "ended"):
        row[name] = f"{day} {row[name]}" if row[name] else None
    return list(row.values())


def all_rows(session: Any) -> list[RepairOrder]:
    session.expire_all()
    return list(session.scalars(select(RepairOrder).order_by(RepairOrder.reported_at)))


def test_past_repairs_keep_their_times_and_are_there_once(session: Any, world: World) -> None:
    make_policy(session, "repair_accept_hours", 1)
    make_policy(session, "repair_finish_hours", 24)
    session.commit()
    who = world.actor("region_admin")
    file = workbook(
        HEAD, line(world),
        line(world, "2026-03-03", accepted="11:30", started="11:40", cause=None, action=None, restored=None),
        line(world, "2026-03-04", accepted=None, started=None, worker=None, restored="否"),
        line(world, "2026-03-05", ended="09:00"), line(world, "2026-03-06", level="其他原因", fault=None),
        line(world, "2026-03-07", ended=None), line(world, "2026-03-08", worker="查无此人"),
    )  # fmt: skip
    batch = imported(session, who, "past_repairs", file)
    assert errors_of(session, batch) == {(5, "结束维修时间"), (6, "故障描述"), (7, "结束维修时间"), (8, "维修员")}
    first, second, third = all_rows(session)
    assert all(r.taken_over and r.state == "done" and r.unit_id == world.firm.id for r in (first, second, third))
    assert first.reported_at == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    assert (first.closed_at, first.heard_at) == (NOON, NOON)
    assert (first.accept_minutes, first.end_minutes, first.late_steps) == (20, 120, None)
    assert (first.level, first.cause, first.restored, first.source) == ("stopped", "door", True, "report")
    assert first.worker_id == world.worker.id and first.reported_by_id is None and first.due_at is None
    # An hour to accept: the second was late; of the third nobody kept when, so no limit judges it.
    assert second.late_steps == "accept" and second.cause is None
    assert (third.accept_hours, third.finish_hours, third.late_steps) == (None, 24, None)
    assert repairs.late_of(third, AT) == [] and repairs.late_of(second, AT) == [Step.ACCEPT]
    file.seek(0)
    again = checked(session, who, "past_repairs", file)
    assert (again.same_rows, again.bad_rows) == (3, 4)
    with pytest.raises(Exception, match="已处理"):
        repair_work.assign(session, world.actor("clerk"), first.id, world.worker.id, [], AT)
    session.rollback()
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows) == (3, 0) and not all_rows(session)
    said = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "repair.undo")
    assert session.scalar(said) == 3


def test_two_files_checked_before_either_is_imported_make_one_set_of_rows(session: Any, world: World) -> None:
    who = world.actor("region_admin")
    one, other = (checked(session, who, "past_repairs", workbook(HEAD, line(world))) for _ in range(2))
    assert (ran(session, who, one).done_rows, ran(session, who, other).done_rows) == (1, 0)
    assert told(session, other) == {2: "校验之后已存在"} and len(all_rows(session)) == 1


def test_who_repaired_tells_whose_it_was(session: Any, world: World) -> None:
    """The unit that the file names must be the one of the person; where it names none, the person's is it."""
    who = world.actor("region_admin")
    head, row = [*HEAD, "维保单位"], line(world)
    batch = checked(session, who, "past_repairs", workbook(head, [*row, world.other_firm.name]))
    assert errors_of(session, batch) == {(2, "维修员")}
    batch = imported(session, who, "past_repairs", workbook(head, [*line(world, worker=None), world.other_firm.name]))
    assert batch.done_rows == 1 and all_rows(session)[0].unit_id == world.other_firm.id


def test_only_a_regulator_takes_over_and_the_command_does_too(session: Any, world: World, tmp_path: Path) -> None:
    file = workbook(HEAD, line(world))
    with pytest.raises(Exception, match="接管"):
        checked(session, world.actor("clerk"), "past_repairs", file)
    path = tmp_path / "past.xlsx"
    path.write_bytes(file.getvalue())
    actor = SYSTEM.by("cli")
    with scope.acting(actor):
        summary = command._run(actor, "past_repairs", path, False, command.Told("both", (), (), None))
    assert summary["imported"] == 1 and all_rows(session)[0].taken_over


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, []),
        ({"accepted_at": NOON}, []),
        ({"ended_at": None}, ["结束维修时间"]),
        ({"accepted_at": NOON - dt.timedelta(hours=2)}, ["接单时间"]),
        ({"ended_at": NOON + dt.timedelta(days=1, seconds=1)}, ["结束维修时间"]),
        ({"ended_at": NOON + dt.timedelta(days=1)}, []),
        ({"level": "other"}, ["故障描述"]),
        ({"action": "修" * 500}, []),
        ({"action": "修" * 501}, ["处理情况"]),
    ],
)
def test_what_a_past_repair_must_say(more: dict[str, Any], found: list[str]) -> None:
    given = {"reported_at": NOON - dt.timedelta(hours=1), "ended_at": NOON, "level": "stopped"} | more
    assert [f.rule for f in past_findings(PastRepair(**given), NOON + dt.timedelta(days=1))] == found
