"""IMP-01, IMP-03: inspections by workbook: entered, corrected with a reason, taken over with their own days, undone."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app import scope
from app.commands import imports as command
from app.listing import moment
from app.models import Elevator, Inspection, InspectionClock, Version
from app.permissions import SYSTEM
from app.reports import exports
from tests.factories import World, make_elevator, make_unit
from tests.imports.ground import AT, checked, errors_of, imported, states, told, workbook
from tests.imports.test_undoing import reasons, undone
from tests.workflows.inspection_world import enter, inspecting

pytestmark = pytest.mark.feature("IMP-01")
HEAD = [
    "识别码", "检验类型", "报告编号", "检验日期", "检验结果", "不合格项", "涉及维保单位整改", "下次日期", "调整原因",
]  # fmt: skip
D = dt.date


def line(world: World, number: str = "LH-1", on: str = "2026-11-10", **values: Any) -> list[Any]:
    row: dict[str, Any] = {"code": world.own.code, "kind": "定期检验", "result": "合格"} | values
    more = (values.get(n) for n in ("items", "fault", "next", "why"))
    return [row["code"], row["kind"], number, on, row["result"], *more]


def all_rows(session: Any) -> list[Inspection]:
    session.expire_all()
    return list(session.scalars(select(Inspection).order_by(Inspection.done_on, Inspection.id)))


def set_up(world: World) -> None:
    world.own.commissioned_on, world.own.next_inspection_on = D(2020, 11, 15), D(2026, 11, 15)
    world.session.commit()


@pytest.mark.feature("INS-01")
def test_a_file_of_inspection_people_is_entered_and_moves_the_register(session: Any, world: World) -> None:
    set_up(world)
    who = inspecting(world)
    begun = D(2020, 11, 15)
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, commissioned_on=begun)
    session.commit()
    file = workbook(
        HEAD, line(world, result="不合格", items="主机渗油", fault="是"),
        line(world, "LH-2", "2026-11-18", result="复检合格", fault="是"),
        line(world, "LH-3", code=other.code, next="2027-10-31", why="隐患较多"),
    )
    batch = imported(session, who, "inspections", file)
    assert (batch.new_rows, batch.bad_rows, told(session, batch)) == (3, 0, {})
    rows = all_rows(session)
    assert [(r.number, r.result, r.is_fault, r.tested_by_id, r.taken_over) for r in rows] == [
        ("LH-1", "failed", True, who.unit_id, False), ("LH-3", "passed", False, who.unit_id, False),
        ("LH-2", "passed_again", True, who.unit_id, False),
    ]
    assert {r.unit_id for r in rows} >= {world.firm.id}
    assert session.get(Elevator, world.own.id).inspected_on == D(2026, 11, 18)
    assert session.get(Elevator, other.id).next_inspection_on == D(2027, 10, 31)
    assert session.get(InspectionClock, world.own.id).failed_id is None
    again = checked(session, who, "inspections", workbook(HEAD, line(world, "LH-2", "2026-11-18", result="复检合格")))
    assert (again.same_rows, len(all_rows(session))) == (1, 3)


def test_every_error_by_cell(session: Any, world: World) -> None:
    set_up(world)
    who = inspecting(world)
    file = workbook(
        HEAD, line(world, "", "2026-13-40", kind="体检", result="还行"), line(world, "1", "2026-11-21"),
        line(world, "2", result="不合格"), line(world, "3", result="复检合格"), line(world, "4", fault="是"),
        line(world, "5", next="2029-01-01", why="x"), line(world, "6", next="2027-01-01"),
        line(world, "7", code=world.foreign.code), line(world, "8", code="没有"),
    )  # fmt: skip
    batch = checked(session, who, "inspections", file)
    assert errors_of(session, batch) == {
        (2, "检验类型"), (2, "报告编号"), (2, "检验日期"), (2, "检验结果"), (3, "检验日期"), (4, "不合格项"),
        (5, "检验结果"), (6, "涉及维保单位整改"), (7, "下次日期"), (8, "调整原因"), (9, "识别码"), (10, "识别码"),
    }
    with scope.acting(who):
        assert all_rows(session) == []


@pytest.mark.parametrize("persona", ["maintenance_head", "use_head"])
def test_units_import_no_inspections(session: Any, world: World, persona: str) -> None:
    with pytest.raises(Exception, match="登记检验"):
        checked(session, world.actor(persona), "inspections", workbook(HEAD))


def test_the_regulator_names_who_signed(session: Any, world: World) -> None:
    set_up(world)
    unit = make_unit(session, "临河检测所", is_inspection=True)
    session.commit()
    head = [*HEAD, "检验单位"]
    file = workbook(head, [*line(world), "临河检测所"], [*line(world, "2"), "外省检测院"], [*line(world, "3"), None])
    batch = imported(session, world.actor("region_admin"), "inspections", file)
    assert errors_of(session, batch) == {(4, "检验单位")}
    assert [(r.tested_by, r.tested_by_id) for r in all_rows(session)] == [("临河检测所", unit.id), ("外省检测院", None)]


# --- export, edit, import again


def exported(session: Any, who: Any, path: Path, query: dict[str, str] | None = None) -> Any:
    with scope.acting(who):
        listing = exports.listing_of("inspections")
        whole = query or {"cols": ",".join(c.name for c in listing.columns)}
        exports.export(moment(session, who), listing, listing.read(whole), path, "xlsx", forget=False)
    return openpyxl.load_workbook(path)


def sent(book: Any) -> io.BytesIO:
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


@pytest.mark.feature("IMP-02")
@pytest.mark.feature("INS-01")
def test_exported_edited_and_imported_again(session: Any, world: World, tmp_path: Path) -> None:
    set_up(world)
    who = inspecting(world)
    enter(world, who, number="LH-1", result="failed", failed_items="主机渗油\n井道照明", is_fault=True)
    row = enter(world, who, number="=2+1", done_on=D(2026, 11, 18), result="passed_again")
    enter(world, who, number="007", kind="governor", done_on=D(2026, 11, 19), next_on=D(2028, 1, 1), next_reason="旧")
    book = exported(session, who, tmp_path / "a.xlsx")
    batch = checked(session, who, "inspections", sent(book), mode="update")
    assert set(states(session, batch).values()) == {"same"} and batch.rows == 3, told(session, batch)

    sheet = book.worksheets[0]
    heads = [c.value for c in sheet[1]]
    at = next(r for r in range(2, sheet.max_row + 1) if sheet.cell(r, heads.index("报告编号") + 1).value == "=2+1")
    sheet.cell(at, heads.index("检验日期") + 1).value = "2026-11-17"
    batch = checked(session, who, "inspections", sent(book), mode="update")
    assert errors_of(session, batch) == {(at, "更正原因")}
    sheet.cell(1, len(heads) + 1).value = "更正原因"
    sheet.cell(at, len(heads) + 1).value = "日期看错"
    batch = imported(session, who, "inspections", sent(book), mode="update")
    assert (batch.changed_rows, batch.same_rows, batch.bad_rows) == (1, 2, 0), told(session, batch)
    new = session.scalar(select(Inspection).where(Inspection.corrects_id == row.id))
    session.expire_all()
    assert (new.done_on, new.result, row.stands, row.end_reason) == (D(2026, 11, 17), "passed_again", False, "日期看错")
    assert session.get(Elevator, world.own.id).inspected_on == D(2026, 11, 17)


# --- taken back


def test_undone_it_ends_and_the_register_goes_back_unless_a_later_one_stands_on_it(session: Any, world: World) -> None:
    set_up(world)
    who = inspecting(world)
    batch = imported(session, who, "inspections", workbook(HEAD, line(world), line(world, "G", kind="限速器校验")))
    later = enter(world, who, number="后来", done_on=D(2026, 11, 19))
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows) == (1, 1)
    assert reasons(session, batch) == {2: f"之后又登记了检验 {later.number}"}
    lift = session.get(Elevator, world.own.id)
    assert (lift.governor_on, lift.inspected_on) == (None, D(2026, 11, 19))
    assert [r.end_reason for r in all_rows(session) if r.ended_at] == ["撤销导入"]


# --- taken over

PAST = [*HEAD[:5], "检验单位", "维保单位"]


@pytest.mark.feature("IMP-03")
def test_past_checks_keep_their_days_and_move_the_register_once(session: Any, world: World) -> None:
    set_up(world)
    who = world.actor("region_admin")
    code = world.own.code
    file = workbook(
        PAST,
        [code, "自行检测", "Z-5", "2025-11-03", "合格", "外省检测院", None],
        [code, "定期检验", "D-4", "2024-11-05", "复检合格", "外省检测院", world.other_firm.name],
        [code, "定期检验", "D-4x", "2024-10-20", "不合格", "外省检测院", world.other_firm.name],
        [code, "限速器校验", "X-1", "2025-02-01", "合格", "外省检测院", None],
    )
    batch = imported(session, who, "past_checks", file)
    assert errors_of(session, batch) == {(4, "不合格项")} and batch.done_rows == 3
    rows = all_rows(session)
    assert [(r.number, r.done_on, r.taken_over) for r in rows] == [
        ("D-4", D(2024, 11, 5), True), ("X-1", D(2025, 2, 1), True), ("Z-5", D(2025, 11, 3), True),
    ]
    assert (rows[0].unit_id, rows[2].unit_id) == (world.other_firm.id, world.firm.id)
    lift = session.get(Elevator, world.own.id)
    # Year 5 was one of self-test, year 6 is the next.
    assert (lift.inspected_on, lift.next_inspection_on, lift.governor_on) == (
        D(2025, 11, 3), D(2026, 11, 30), D(2025, 2, 1)
    )
    assert session.scalars(select(Version.number).order_by(Version.number)).all() == [2, 3]
    file.seek(0)
    again = checked(session, who, "past_checks", file)
    assert (again.same_rows, again.bad_rows, len(all_rows(session))) == (3, 1, 3)
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows) == (3, 0)
    lift = session.get(Elevator, world.own.id)
    assert (lift.inspected_on, lift.next_inspection_on, lift.governor_on) == (None, D(2026, 11, 15), None)


@pytest.mark.feature("IMP-03")
@pytest.mark.feature("INS-01")
def test_a_past_inspection_answers_for_the_year_of_a_later_test_that_stands_already(
    session: Any, world: World
) -> None:
    set_up(world)
    world.own.commissioned_on, world.own.next_inspection_on = D(2019, 3, 15), D(2026, 4, 28)
    session.commit()
    test = enter(world, inspecting(world), kind="test", done_on=D(2026, 6, 11), number="T-1")
    assert (test.next_on, test.next_kind) == (D(2026, 3, 31), "periodic")
    file = workbook(
        PAST,
        [world.own.code, "定期检验", "D-7", "2026-01-10", "合格", "外省检测院", None],
        [world.own.code, "自行检测", "Z-6", "2025-03-01", "合格", "外省检测院", None],
    )
    batch = imported(session, world.actor("region_admin"), "past_checks", file)
    rows = {row.number: row for row in all_rows(session)}
    assert (rows["T-1"].next_on, rows["T-1"].next_kind) == (D(2027, 3, 31), "self_test")
    lift = session.get(Elevator, world.own.id)
    assert (lift.inspected_on, lift.next_inspection_on) == (D(2026, 6, 11), D(2027, 3, 31))
    undone(session, world.actor("region_admin"), batch)
    rows = {row.number: row for row in all_rows(session)}
    assert rows["T-1"].next_on == D(2026, 3, 31)
    assert session.get(Elevator, world.own.id).next_inspection_on == D(2026, 3, 31)


@pytest.mark.feature("IMP-03")
def test_only_a_regulator_takes_over_and_the_command_does_too(session: Any, world: World, tmp_path: Path) -> None:
    set_up(world)
    file = workbook(PAST, [world.own.code, "定期检验", "D-1", "2021-11-05", "合格", "外省检测院", None])
    with pytest.raises(Exception, match="接管"):
        checked(session, inspecting(world), "past_checks", file)
    path = tmp_path / "past.xlsx"
    path.write_bytes(file.getvalue())
    actor = SYSTEM.by("cli")
    with scope.acting(actor):
        summary = command._run(actor, "past_checks", path, False, command.Told("both", (), (), None))
    assert summary["imported"] == 1 and all_rows(session)[0].taken_over
    assert AT.year == 2026
