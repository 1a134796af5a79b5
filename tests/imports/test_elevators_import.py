"""Elevators from file to rows: every error by cell, nothing half-done, twice changes nothing; on both databases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select

from app import scope
from app.errors import NotAllowed, Refusal
from app.imports import batches, checking, waiting, workbooks, writing
from app.models import Elevator, ImportRow, Version
from app.transaction import transaction
from app.workflows.filing import filing
from tests.imports.elevator_rows import LIFT, lift, world_id
from tests.imports.ground import AT, checked, errors_of, imported, workbook
from tests.statements import statements


@pytest.mark.feature("IMP-01")
def test_rows_become_drafts_and_a_second_import_changes_nothing(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = imported(session, who, "elevators", workbook(LIFT, lift(world, "700001"), lift(world, "700002")))
    assert (batch.state, batch.rows, batch.new_rows, batch.done_rows, batch.bad_rows) == ("done", 2, 2, 2, 0)
    rows = session.scalars(select(Elevator).where(Elevator.code.in_(["700001", "700002"]))).all()
    assert {(e.filing_state, e.status, e.maintenance_unit_id, e.made_on) for e in rows} == {
        ("draft", "notified", world.firm.id, dt.date(2020, 1, 5))
    }
    assert {e.region_code for e in rows} == {"980402001000"}
    again = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001"), lift(world, "700002")))
    assert (again.new_rows, again.changed_rows, again.same_rows) == (0, 0, 2)


@pytest.mark.feature("IMP-01")
def test_every_error_is_told_by_row_and_column(session: Any, world: Any) -> None:
    file = workbook(
        LIFT,
        lift(world, "700001", 品种="飞行电梯", 制造日期="2020-02-30"),
        lift(world, "700002", 所在地区="火星区", 使用单位="没有的单位"),
        lift(world, "", 地址=""),
        lift(world, "７０００ ０５"),
        lift(world, "700005"),
        lift(world, "700006", 涉密="也许"),
        lift(world, "700007", 制造日期="昨天"),
        lift(world, "700008"),
    )
    batch = checked(session, world.actor("clerk"), "elevators", file)
    assert errors_of(session, batch) == {
        (2, "品种"), (2, "制造日期"), (3, "所在地区"), (3, "使用单位"), (4, "识别码"), (4, "地址"),
        (5, "识别码"), (6, "识别码"), (7, "涉密"), (8, "制造日期"),
    }  # fmt: skip
    assert (batch.rows, batch.new_rows, batch.bad_rows) == (8, 1, 7)
    assert all(
        e["remedy"] for row in session.scalars(select(ImportRow).where(ImportRow.state == "bad")) for e in row.errors
    )


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("kept", [1, 5_000])
def test_a_file_of_many_parts_is_told_of_as_one_of_one_part(
    session: Any, world: Any, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Cells are read by columns, each distinct one once: what is remembered of them changes no judgement."""
    odd = [{"品种": "飞行电梯"}, {"制造日期": "昨天"}, {"涉密": "也许"}, {"所在地区": "火星区"}, {"地址": ""}, {}]
    rows = [lift(world, f"7001{n:02d}", **odd[n % 6], 楼盘=[1, 1.5, True, "1"][n % 4]) for n in range(24)]
    whole = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, *rows))
    kept_rows = session.scalars(select(ImportRow).order_by(ImportRow.number))
    told = [(r.number, r.state, r.data, r.errors) for r in kept_rows]
    assert (whole.bad_rows, whole.new_rows) == (20, 4)
    words: Any = whole.mapping
    monkeypatch.setattr(checking, "PART", 5)
    monkeypatch.setattr(checking, "MOST_KEPT", kept)
    parts = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, *rows))
    found = session.scalars(select(ImportRow).where(ImportRow.batch_id == parts.id).order_by(ImportRow.number))
    assert [(r.number, r.state, r.data, r.errors) for r in found] == told
    assert parts.mapping == words
    # Each word with how often it stands there, over all parts.
    asked = {line["word"]: line["count"] for line in words["asked"]["category"]}
    assert asked["飞行电梯"] == 4


@pytest.mark.feature("IMP-01")
def test_good_rows_go_in_and_bad_ones_come_back_as_a_workbook(session: Any, world: Any, tmp_path: Path) -> None:
    who = world.actor("clerk")
    file = workbook(LIFT, lift(world, "700001"), lift(world, "700002", 品种="飞行电梯"))
    batch = imported(session, who, "elevators", file)
    assert (batch.done_rows, batch.bad_rows) == (1, 1)
    with scope.acting(who):
        assert workbooks.write_bad_rows(session, batch, tmp_path / "bad.xlsx") == 1
    sheet = openpyxl.load_workbook(tmp_path / "bad.xlsx").active
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert rows[0] == [*LIFT, "错误说明"]
    assert rows[1][0] == "700002" and "飞行电梯" in rows[1][-1]
    # Mended and sent again, with the column of explanations still there.
    rows[1][1] = "自动扶梯"
    assert imported(session, who, "elevators", workbook(*rows)).done_rows == 1


@pytest.mark.feature("IMP-02")
def test_a_change_waits_as_a_draft_and_never_touches_the_status(session: Any, world: Any) -> None:
    batch = imported(session, world.actor("clerk"), "elevators", workbook(
        ["识别码", "品种", "地址", "所在地区", "楼盘", "申报状态"],
        [world.own.code, "曳引驱动乘客电梯", world.own.address, "临河区", "新名字", "报废"],
    ))  # fmt: skip
    assert (batch.changed_rows, batch.done_rows) == (1, 1)
    own = session.get(Elevator, world_id(world.own))
    assert (own.estate, own.status, own.filing_state) == ("云樾里小区", "in_use", "draft")
    draft = session.scalars(select(Version).where(Version.entity_id == own.id, Version.state == "draft")).one()
    assert draft.data["estate"] == "新名字"


@pytest.mark.feature("IMP-01")
def test_a_foreign_elevator_is_not_changed_by_its_code(session: Any, world: Any) -> None:
    number, code, firm = world.foreign.id, world.foreign.code, world.firm.id
    imported(session, world.actor("clerk"), "elevators", workbook(LIFT, lift(world, code)))
    foreign = session.get(Elevator, number)
    assert (foreign.estate, foreign.filing_state) == ("云樾里小区", "approved")
    rivals = session.scalars(select(Elevator).where(Elevator.code == code)).all()
    assert {e.filed_by_unit_id for e in rivals} == {None, firm}


@pytest.mark.feature("IMP-01")
def test_a_row_under_review_says_so(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    with scope.acting(who), transaction(session):
        filing.save_draft(session, who, Elevator, world.own, {"estate": "改"}, AT)
        filing.submit(session, who, world.own, AT)
    batch = checked(session, who, "elevators", workbook(LIFT, lift(world, world.own.code)))
    assert errors_of(session, batch) == {(2, "审核状态")}


@pytest.mark.feature("IMP-01")
def test_a_killed_import_goes_on_where_it_was(session: Any, world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(waiting, "STEP_OF_SETS", 3)
    who = world.actor("clerk")
    number = checked(session, who, "elevators", workbook(LIFT, *(lift(world, f"70{n:04d}") for n in range(8)))).id
    steps = []

    def dies(done: int, total: int, message: str) -> None:
        steps.append(done)
        if done == 6:
            raise KeyboardInterrupt

    with scope.acting(who):
        with transaction(session):
            batches.start(session, who, number, AT, queued=False)
        with pytest.raises(KeyboardInterrupt):
            writing.run(session, who, number, AT, dies)
        session.rollback()
        assert session.scalar(select(func.count(Elevator.id)).where(Elevator.code.like("70%"))) == 6
        assert writing.run(session, who, number, AT, lambda *_: None) == {"imported": 8, "bad": 0}
    codes = session.scalars(select(Elevator.code).where(Elevator.code.like("70%"))).all()
    assert len(codes) == len(set(codes)) == 8


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("kind", ["elevators", "ledgers"])
def test_good_rows_far_apart_are_all_found(session: Any, world: Any, monkeypatch: Any, kind: str) -> None:
    """They are looked for among few numbers at a time, and between them may be many that change nothing."""
    monkeypatch.setattr(waiting, "NUMBERS", 3)
    who, lines = world.actor("clerk"), [f"70{n:04d}" for n in range(20)]
    if kind == "elevators":
        imported(session, who, kind, workbook(LIFT, *(lift(world, code) for code in lines)))
        good = {0, 1, 9, 19}
        rows = [LIFT, *(lift(world, code, 楼盘="改" if n in good else "导入小区") for n, code in enumerate(lines))]
    else:
        # The others name no elevator.
        good, own, worker = {17}, world.own.code, world.worker.name
        rows = [["识别码", "维保人员"], *([own if n in good else code, worker] for n, code in enumerate(lines))]
    batch = imported(session, who, kind, workbook(*rows))
    assert batch.done_rows == len(good), errors_of(session, batch)
    applied = select(ImportRow.number).where(ImportRow.batch_id == batch.id, ImportRow.applied)
    assert {number - 2 for number in session.scalars(applied)} == good


@pytest.mark.feature("IMP-01")
def test_two_imports_of_one_file_make_one_set_of_rows(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    first = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001")))
    second = checked(session, who, "elevators", workbook(LIFT, lift(world, "700001")))
    assert (first.new_rows, second.new_rows) == (1, 1)
    for number in [first.id, second.id]:
        with scope.acting(who):
            with transaction(session):
                batches.start(session, who, number, AT, queued=False)
            writing.run(session, who, number, AT, lambda *_: None)
    assert session.scalar(select(func.count(Elevator.id)).where(Elevator.code == "700001")) == 1


@pytest.mark.feature("IMP-01")
def test_rights_of_an_import(session: Any, world: Any) -> None:
    with pytest.raises(NotAllowed):
        checked(session, world.actor("worker"), "elevators", workbook(LIFT, lift(world, "700001")))
    with pytest.raises(NotAllowed):
        checked(session, world.actor("clerk"), "visits", workbook(["识别码"], ["1"]))
    batch = checked(session, world.actor("clerk"), "elevators", workbook(LIFT, lift(world, "700001")))
    with pytest.raises(Refusal), transaction(session):
        batches.start(session, world.actor("maintenance_head"), batch.id, AT, queued=False)


@pytest.mark.feature("IMP-01")
def test_ten_thousand_rows_are_checked_without_a_query_a_row(session: Any, world: Any) -> None:
    file = workbook(LIFT, *(lift(world, f"8{n:05d}") for n in range(10_000)))
    who = world.actor("clerk")
    with statements() as seen:
        batch = checked(session, who, "elevators", file)
    assert (batch.rows, batch.new_rows, batch.bad_rows) == (10_000, 10_000, 0)
    assert len(seen) < 200
