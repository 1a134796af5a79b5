"""What a file may be, what its cells say, and the template that is read back as it is."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.errors import Refusal
from app.imports import parsing, workbooks
from app.imports.columns import kinds
from app.imports.matching import guess
from app.imports.reading import read
from tests.imports.ground import checked


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("表.csv", "1,2\n3,4\n", "没有找到表头"),
        ("表.csv", "识别码,品种,地址,所在地区\n", "没有数据行"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(session: Any, world: Any, name: str, body: str, word: str) -> None:
    batch = checked(session, world.actor("clerk"), "elevators", io.BytesIO(body.encode()), name)
    assert batch.state == "failed" and word in (batch.note or "")


@pytest.mark.feature("IMP-01")
def test_gb18030_csv_and_a_title_above_the_heading_are_read(session: Any, world: Any) -> None:
    text = "某某公司清单,,,\n识别码*,品种,地址,所在地区\n'700001,自动扶梯,澜江路,临河区\n'=1+1,自动扶梯,x,临河区\n"
    batch = checked(session, world.actor("clerk"), "elevators", io.BytesIO(text.encode("gb18030")), "清单.csv")
    assert batch.rows == 2 and batch.state == "checked"


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("表.xlsx", b"not a workbook"),
        ("表.xlsx", b""),
        ("图.xlsx", b"\x89PNG\r\n\x1a\n" + b"0" * 100),
        ("表.exe", b"MZ"),
    ],
)
def test_what_is_no_workbook_is_refused_at_the_door(session: Any, world: Any, name: str, body: bytes) -> None:
    with pytest.raises(Refusal):
        checked(session, world.actor("clerk"), "elevators", io.BytesIO(body), name)


@pytest.mark.feature("IMP-01")
def test_a_bomb_is_refused(session: Any, world: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("xl/workbook.xml", b"0" * (500 * 1024 * 1024))
    out.seek(0)
    with pytest.raises(Refusal):
        checked(session, world.actor("clerk"), "elevators", out)


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    "name",
    [
        "units", "elevators", "persons", "ledgers", "orders", "contracts", "visits", "invitations", "insurance",
        "accounts", "inspections", "past_checks", "past_rescues", "past_repairs", "past_complaints",
        "components", "landing_doors",
    ],
)
def test_the_template_is_read_back_as_it_is(name: str, tmp_path: Path, session: Any) -> None:
    kind = kinds()[name]
    workbooks.write_template(kind, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert [c.value for c in book.worksheets[0][1]] == [s.label for s in kind.columns]
    book.worksheets[0].append(["1"] * len(kind.columns))
    book.save(tmp_path / "t.xlsx")
    sheet = read(tmp_path / "t.xlsx", "t.xlsx", kind)
    assert guess(kind, sheet.headings, sheet.samples).columns == [s.name for s in kind.columns]


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize(
    "cell",
    [
        "2026-1-5",
        "2026/01/05",
        "2026.1.5",
        "2026年1月5日",
        "20260105",
        "２０２６-１-５",
        46027,
        "46027",
        "2026-01-05 00:00:00",
    ],
)
def test_a_date_in_any_usual_form(cell: Any) -> None:
    assert parsing.day(cell) == dt.date(2026, 1, 5)


@pytest.mark.feature("IMP-01")
@pytest.mark.parametrize("cell", ["2026-02-30", "昨天", "9999-12-31", "1-1", "#VALUE!", "12345678901"])
def test_what_is_no_date_is_told(cell: str) -> None:
    with pytest.raises(parsing.Bad):
        parsing.day(cell)


def test_an_instant_is_shanghai_time() -> None:
    assert parsing.instant("2026-01-05 09:30") == dt.datetime(2026, 1, 5, 1, 30, tzinfo=dt.UTC)
    assert parsing.instant("2026年1月5日 9时30分") == dt.datetime(2026, 1, 5, 1, 30, tzinfo=dt.UTC)
    with pytest.raises(parsing.Bad):
        parsing.instant("2026-01-05")
