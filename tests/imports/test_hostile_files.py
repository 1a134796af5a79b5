"""Small files that would fill the machine, cells that are no values: told in words, and nothing hangs or dies."""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from app import scope
from app.errors import Refusal
from app.imports import sheet_reader
from app.imports.columns import kinds
from app.imports.reading import cells_of, read
from app.models import Contract, ImportBatch, ImportRow
from app.permissions import Role
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.handover.take_over import PastVisit, take_over
from tests.factories import ENDS_ON, STARTS_ON, make_account, make_contract
from tests.imports.ground import AT, checked, workbook

pytestmark = pytest.mark.feature("IMP-01")
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def packed(rows: str, target: str = "worksheets/sheet1.xml", place: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A workbook of one sheet, written by hand."""
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", TYPES)
        book.writestr("_rels/.rels", f'<Relationships xmlns="{links}"><Relationship Id="r" '
                      f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>')  # fmt: skip
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
                      '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>')  # fmt: skip
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{links}"><Relationship Id="r1" '
                      f'Type="{OFFICE}/worksheet" Target="{target}"/></Relationships>')  # fmt: skip
        book.writestr(place, f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>')
    return out.getvalue()


def cell(place: str, value: str = "1") -> str:
    number = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f'<row r="{number}"><c r="{place}"><v>{value}</v></c></row>'


BOMBS = {
    "corners": packed(cell("A1") + cell("XFD1048576")),
    "tall": packed(cell("A1") + cell("Z1000000")),
    "wide": packed('<row r="1">' + '<c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c>' + "</row>" + cell("A100000")),
    "backwards": packed(cell("XFD1048576") + cell("A1")),
    "elsewhere": packed(cell("A1") + cell("ZZ999999"), "odd.part", "xl/odd.part"),
    "no references": packed('<row r="1048576"><c><v>1</v></c></row><row r="1">' + "<c><v>1</v></c>" * 400 + "</row>"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_sheet_of_far_corners_is_refused_at_once(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    file.write_bytes(BOMBS[name])
    assert file.stat().st_size < 6000
    began = time.monotonic()
    with pytest.raises(Refusal, match="范围太大"):
        cells_of(file, "a.xlsx")
    assert time.monotonic() - began < 20


def test_an_old_workbook_of_far_corners_ends_within_its_memory(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    sheet.write(0, 0, 1)
    sheet.write(65535, 255, 1)
    book.save(str(tmp_path / "a.xls"))
    with pytest.raises(Refusal, match="范围太大"):
        cells_of(tmp_path / "a.xls", "a.xls")


def test_formatted_but_empty_cells_far_away_are_no_bomb(tmp_path: Path) -> None:
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>识别码</t></is></c></row>'
    rows = first + '<row r="1048576"><c r="B1048576" s="1"/></row>'
    (tmp_path / "a.xlsx").write_bytes(packed(rows))
    assert cells_of(tmp_path / "a.xlsx", "a.xlsx")[0][0] == "识别码"


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04rubbish", packed("<row"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600]
)
def test_what_is_broken_says_so(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(body)
    with pytest.raises(Refusal, match="不是能打开的 Excel 工作簿"):
        cells_of(tmp_path / "a.xlsx", "a.xlsx")


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_first_sheet_is_told_as_such(state: str, tmp_path: Path) -> None:
    """Whoever sees one sheet and has another read would never know what came in."""
    book = openpyxl.Workbook()
    book.active.append(["识别码", "地址"])
    book.create_sheet("看得见的").append(["识别码", "地址"])
    book.active = 1
    book.worksheets[0].sheet_state = state
    book.save(tmp_path / "登记.xlsx")
    with pytest.raises(Refusal, match="第一张工作表是隐藏的"):
        read(tmp_path / "登记.xlsx", "登记.xlsx", kinds()["elevators"])
    old = xlwt.Workbook()
    old.add_sheet("a").visibility = 1
    old.add_sheet("b")
    old.save(str(tmp_path / "旧.xls"))
    with pytest.raises(Refusal, match="第一张工作表是隐藏的"):
        read(tmp_path / "旧.xls", "旧.xls", kinds()["elevators"])


def test_a_number_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(packed(cell("A1", "1e999") + cell("A2", "-1e999") + cell("A3", "2.0")))
    rows = cells_of(tmp_path / "a.xlsx", "a.xlsx")
    assert [r[0] for r in rows] == ["inf", "-inf", 2] or rows[2][0] == 2
    assert sheet_reader.plain(float("nan")) == "nan"


def test_dates_and_texts_come_as_before(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(["识别码", "制造日期"], ["1", dt.date(2020, 1, 5)]).getvalue())
    assert cells_of(tmp_path / "a.xlsx", "a.xlsx")[1] == ["1", "2020-01-05"]


def test_a_ledger_of_an_unknown_elevator_with_a_date(session: Any, world: Any) -> None:
    head = world.actor("maintenance_head")
    batch = checked(session, head, "ledgers", workbook(["识别码", "下次年度维保"], ["999999", "2027-05-01"]))
    row = session.query(ImportRow).filter_by(batch_id=batch.id).one()
    assert (row.state, row.data["next_annual_on"]) == ("bad", "2027-05-01")


@pytest.mark.feature("IMP-03")
@pytest.mark.parametrize("column", ["签到", "签退", "上传时间", "复核时间", "现场签名"])
def test_a_visit_to_come_is_not_taken_over(session: Any, world: Any, column: str) -> None:
    labels = [s.label for s in kinds()["visits"].columns]
    assert column in labels
    values = {
        "识别码": world.own.code, "单位": world.firm.name, "维保员": world.worker.name,
        "签到": "2026-11-19 09:00", "签退": "2026-11-19 10:00",
    } | {column: "2026-11-20 10:01"}  # fmt: skip
    batch = checked(session, world.actor("region_admin"), "visits", workbook(list(values), list(values.values())))
    row = session.query(ImportRow).filter_by(batch_id=batch.id).one()
    assert row.state == "bad" and any(e["found"] == "晚于现在" and e["column"] == column for e in row.errors)


@pytest.mark.feature("IMP-03")
def test_nor_by_the_workflow(session: Any, world: Any) -> None:
    hour = dt.timedelta(hours=1)
    visit = PastVisit(world.own.id, world.firm.id, world.worker.id, AT - hour, AT + hour)
    with transaction(session):
        taken = take_over(session, world.actor("region_admin"), None, [visit], AT)
    assert taken.made == 0 and {f.found for f in taken.refused[0]} == {"晚于现在"}


def test_the_check_that_dies_leaves_no_batch_waiting(session: Any, world: Any) -> None:
    head = world.actor("maintenance_head")
    with scope.acting(head), transaction(session):
        job = jobs.enqueue(session, head, AT, "import_check", "校验", {})
        batch = ImportBatch(
            kind="units", state="checking", file_name="表.xlsx", job_id=job.id, created_by_id=head.user_id,
            created_at=AT,
        )  # fmt: skip
        session.add(batch)
    for _ in range(jobs.MOST_TRIES):
        with transaction(session):
            assert jobs.claim(session, job.id, AT)
        with transaction(session):
            jobs.reap(session, AT + dt.timedelta(hours=1), 60)
    session.expire_all()
    assert batch.state == "failed" and "意外中断" in batch.note


@pytest.mark.feature("CON-01")
def test_a_contract_number_written_otherwise_is_the_same(session: Any, world: Any) -> None:
    row = make_contract(session, world.firm, [], number="HT-2026-001")
    session.commit()
    heading = ["合同编号", "签订日期", "起始日期", "截止日期", "备注"]
    days = [STARTS_ON.isoformat(), STARTS_ON.isoformat(), ENDS_ON.isoformat(), "改"]
    file = workbook(heading, ["ｈｔ-2026 -001", *days])
    batch = checked(session, world.actor("clerk"), "contracts", file)
    found = session.query(ImportRow).filter_by(batch_id=batch.id).one()
    assert (found.state, found.entity_id, found.data) == ("changed", row.id, {"note": "改"})
    twice = checked(session, world.actor("clerk"), "contracts", workbook(heading, ["a-1", *days], ["A - 1", *days]))
    states = [r.state for r in session.query(ImportRow).filter_by(batch_id=twice.id)]
    assert states == ["bad", "bad"]


def test_a_narrowed_clerk_imports_his_own_elevators_only(session: Any, world: Any) -> None:
    clerk = make_account(session, Role.CLERK, unit=world.firm, sees_all_elevators=False)
    session.commit()
    from tests.factories import actor

    batch = checked(session, actor(clerk), "ledgers", workbook(["识别码"], [world.own.code]))
    assert session.query(ImportRow).filter_by(batch_id=batch.id).one().state == "bad"
    assert session.query(Contract).count() == 2


def test_read_still_finds_the_heading(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(["说明"], ["识别码", "下次年度维保"], ["1", "2027-05-01"]).getvalue())
    assert list(read(tmp_path / "a.xlsx", "a.xlsx", kinds()["ledgers"]).rows()) == [(3, ["1", "2027-05-01"])]
