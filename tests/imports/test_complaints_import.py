"""IMP-03: past complaints by workbook, with their true times, marked as taken over; undone again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import scope
from app.commands import imports as command
from app.imports import words
from app.imports.columns import kinds
from app.imports.parsing import Unknown, parse, pieces
from app.models import AuditEntry, Complaint
from app.permissions import SYSTEM
from app.rules.other_scores import Outcome
from app.rules.past_complaints import PastComplaint, past_findings
from app.transaction import transaction
from app.views.data import import_pages
from app.workflows.privacy import retention
from app.workflows.public import complaints, past_complaints
from tests.factories import World
from tests.imports.ground import AT, checked, errors_of, imported, ran, rematched, told, workbook
from tests.imports.test_undoing import undone

pytestmark = pytest.mark.feature("IMP-03", "CMP-03")
HEAD = [
    "识别码", "投诉时间", "投诉问题", "投诉内容", "接单时间", "处理时间", "处理结果", "复核时间", "办结时间", "不属实",
    "投诉人", "联系电话",
]  # fmt: skip
NOON = dt.datetime(2026, 3, 4, 4, tzinfo=dt.UTC)


def line(world: World, day: str = "2026-03-02", **more: Any) -> list[Any]:
    row = {
        "code": world.own.code, "complained": "2026-03-02 10:00", "kinds": "异响、开关门不正常", "body": "关门时有响声",
        "accepted": "2026-03-02 12:00", "handled": "2026-03-04 10:00", "note": "调整门刀",
        "reviewed": "2026-03-05 10:00",
        "closed": None, "untrue": None, "name": "顾以宁", "phone": "13900000001",
    } | more  # fmt: skip
    return [value.replace("2026-03-02 10", f"{day} 10") if name == "complained" else value
            for name, value in row.items()]  # fmt: skip


def all_rows(session: Any) -> list[Complaint]:
    session.expire_all()
    return list(session.scalars(select(Complaint).order_by(Complaint.complained_at)))


def test_past_complaints_keep_their_times_and_are_there_once(session: Any, world: World) -> None:
    who = world.actor("region_admin")
    unknown = {"accepted": None, "handled": None, "reviewed": None, "note": None}
    file = workbook(
        HEAD, line(world),
        # A day and a bit to accept: late.
        line(world, "2026-03-01", accepted="2026-03-02 10:00:01"),
        line(world, "2026-02-02", **unknown, closed="2026-02-20 10:00"),
        line(world, "2026-02-01", closed="2026-03-06 10:00", untrue="是"),
        line(world, "2026-01-05", **unknown), line(world, "2026-01-06", accepted=None),
        line(world, "2026-01-07", kinds="其他", body=None), line(world, "2026-01-08", handled="2026-03-01 10:00"),
        line(world, "2026-01-09", phone="0571-88881234"), line(world, "2026-01-10", kinds="异响、平层不准"),
    )  # fmt: skip
    batch = imported(session, who, "past_complaints", file)
    assert errors_of(session, batch) == {
        (6, "办结时间"), (7, "接单时间"), (8, "情况说明"), (9, "处置时间"), (10, "投诉人手机"), (11, "投诉问题"),
    }  # fmt: skip
    untrue, unkept, late, good = all_rows(session)
    assert all(r.taken_over and r.state == "closed" and r.unit_id == world.firm.id for r in all_rows(session))
    assert (good.kinds, good.phone, good.name, good.handle_note) == (
        ["noise", "doors"], "13900000001", "顾以宁", "调整门刀"
    )  # fmt: skip
    assert good.complained_at == dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
    assert (good.closed_at, good.ended_at, good.late_steps) == (good.reviewed_at, None, None)
    assert (good.accept_hours, good.handle_hours, good.review_hours) == (24, 72, 48) and len(good.number) == 12
    judged = [complaints.outcome_of(row, AT) for row in (good, late, unkept, untrue)]
    # Of what nobody kept nothing is judged; what was untrue is nobody's.
    assert judged == [Outcome.ON_TIME, Outcome.LATE, None, None]
    assert (late.late_steps, unkept.late_steps, unkept.accept_hours, unkept.ended_at) == (
        "accept", None, 0, unkept.closed_at
    )  # fmt: skip
    assert untrue.is_untrue and untrue.ended_at == untrue.closed_at
    file.seek(0)
    again = checked(session, who, "past_complaints", file)
    assert (again.same_rows, again.bad_rows) == (4, 6)
    with pytest.raises(Exception, match="已办结"):
        complaints.accept(session, world.actor("worker"), good.id, AT)
    session.rollback()
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows) == (4, 0) and not all_rows(session)
    said = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "complaint.undo")
    assert session.scalar(said) == 4


def test_whom_it_came_from_is_not_taken_in_once_it_would_be_erased(session: Any, world: World) -> None:
    """A year after its end (`keep_complaints_days`) name and number go; so they do not come either."""
    row = {
        "elevator_id": world.own.id, "complained_at": "2025-11-18T02:00:00+00:00", "kinds": "other",
        "body": "请回电 13900000002", "name": "顾以宁", "phone": "13900000001",
    }  # fmt: skip
    ends = {"closed_at": "2025-11-19T02:00:00+00:00"}, {"closed_at": "2025-11-21T02:00:00+00:00"}
    who = world.actor("region_admin")
    with transaction(session):
        old, new = (past_complaints.take_over(session, who, row | end, AT) for end in ends)
    assert (old.name, old.phone, old.body) == (None, None, "请回电 139****0002")
    assert (new.name, new.phone, new.body) == ("顾以宁", "13900000001", "请回电 13900000002")


def test_the_words_of_nobody_are_masked_at_once_those_of_somebody_in_their_time(session: Any, world: World) -> None:
    """Retention looks for rows that name somebody."""
    row = {
        "elevator_id": world.own.id, "complained_at": "2026-11-01T02:00:00+00:00", "kinds": "other",
        "closed_at": "2026-11-02T02:00:00+00:00", "body": "请回电 13900000002，身份证 110101199003070011",
    }  # fmt: skip
    who, masked = world.actor("region_admin"), "请回电 139****0002，身份证 110***********0011"
    with transaction(session):
        nobodys, named, called = (
            past_complaints.take_over(session, who, row | more, AT)
            for more in ({}, {"name": "顾以宁"}, {"phone": "13900000001"})
        )
    assert nobodys.body == masked and named.body == called.body == row["body"]
    retention.run(session, SYSTEM, AT + dt.timedelta(days=400))
    session.expire_all()
    for one in (nobodys, named, called):
        assert (one.name, one.phone, one.body) == (None, None, masked)


def test_a_word_of_several_is_explained_once(session: Any, world: World) -> None:
    who, field = world.actor("region_admin"), "kinds"
    batch = checked(session, who, "past_complaints", workbook(
        HEAD, line(world, kinds="异响/平层不准"),
        line(world, "2026-03-03", kinds="平层不准", accepted="2026-03-03 11:00"),
    ))  # fmt: skip
    assert batch.bad_rows == 2 and [one["word"] for one in (batch.mapping or {})["asked"][field]] == ["平层不准"]
    chosen = words.decided(session, who, kinds()["past_complaints"], batch.mapping or {}, {(field, 0): "faults"})
    assert chosen == {field: {"平层不准": "faults"}}
    batch = rematched(session, who, batch, {}, words=chosen)
    assert (batch.bad_rows, ran(session, who, batch).done_rows) == (0, 2)
    assert [row.kinds for row in all_rows(session)] == [["noise", "faults"], ["faults"]]
    # What was said stays there to be changed.
    asked = (batch.mapping or {})["asked"][field]
    assert [(one["word"], one["value"], one["count"]) for one in asked] == [("平层不准", "faults", 2)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("异响", "noise"), ("异响，运行抖动", "shaking,noise"), ("噪音;异响", "noise"), ("", None),
     ("noise|doors", "noise,doors")],
)
def test_a_cell_of_several_choices(cell: str, value: str | None) -> None:
    spec = kinds()["past_complaints"].spec("kinds")
    assert spec is not None and parse(cell, spec) == value
    with pytest.raises(Unknown, match="平层"):
        parse(f"{cell}、平层", spec)


@pytest.mark.parametrize(
    ("cell", "words"),
    [("其他（空调、风扇）", ["其他（空调、风扇）"]), ("异响/其他(空调,风扇)；按钮失灵", [
        "异响", "其他(空调,风扇)", "按钮失灵",
     ]),
     ("其他（空调、风扇", ["其他（空调", "风扇"]), ("空调）、异响", ["空调）", "异响"]), ("、，", [])],
)  # fmt: skip
def test_what_stands_in_brackets_is_of_the_word_before_them(cell: str, words: list[str]) -> None:
    spec = kinds()["past_complaints"].spec("kinds")
    assert spec is not None and pieces(cell, spec) == words


def test_the_preview_says_several_choices_in_words(session: Any, world: World) -> None:
    shown = import_pages._Words(session, world.actor("region_admin"), kinds()["past_complaints"])
    assert [shown.text("kinds", held) for held in ("shaking,noise", "other", ["noise", "doors"], None)] == [
        "运行抖动、异响", "其他", "异响、开关门不正常", "空",
    ]  # fmt: skip


def test_two_files_checked_before_either_is_imported_make_one_set_of_rows(session: Any, world: World) -> None:
    who = world.actor("region_admin")
    one, other = (checked(session, who, "past_complaints", workbook(HEAD, line(world))) for _ in range(2))
    assert (ran(session, who, one).done_rows, ran(session, who, other).done_rows) == (1, 0)
    assert told(session, other) == {2: "校验之后已存在"} and len(all_rows(session)) == 1


def test_only_a_regulator_takes_over_and_the_command_does_too(session: Any, world: World, tmp_path: Path) -> None:
    file = workbook(HEAD, line(world))
    with pytest.raises(Exception, match="接管"):
        checked(session, world.actor("clerk"), "past_complaints", file)
    path = tmp_path / "past.xlsx"
    path.write_bytes(file.getvalue())
    actor = SYSTEM.by("cli")
    with scope.acting(actor):
        summary = command._run(actor, "past_complaints", path, False, command.Told("both", (), (), None))
    assert summary["imported"] == 1 and all_rows(session)[0].taken_over


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, []),
        ({"handled_at": None, "reviewed_at": None, "closed_at": NOON}, []),
        ({"reviewed_at": None}, ["办结时间"]),
        ({"accepted_at": None}, ["接单时间"]),
        ({"accepted_at": None, "handled_at": None}, ["处置时间"]),
        ({"closed_at": NOON - dt.timedelta(seconds=1)}, ["办结时间"]),
        ({"closed_at": NOON + dt.timedelta(days=1)}, []),
        ({"closed_at": NOON + dt.timedelta(days=1, seconds=1)}, ["办结时间"]),
        ({"kinds": ["noise", "other"]}, ["情况说明"]),
        ({"handle_note": "换" * 500}, []),
        ({"handle_note": "换" * 501, "name": "顾" * 41}, ["投诉人", "处置情况"]),
    ],
)
def test_what_a_past_complaint_must_say(more: dict[str, Any], found: list[str]) -> None:
    hour = dt.timedelta(hours=1)
    given = {
        "complained_at": NOON - 3 * hour, "accepted_at": NOON - 2 * hour, "handled_at": NOON - hour,
        "reviewed_at": NOON, "kinds": ["noise"],
    } | more  # fmt: skip
    assert [f.rule for f in past_findings(PastComplaint(**given), NOON + dt.timedelta(days=1))] == found
