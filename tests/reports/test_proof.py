"""RPR-01: every export can be proved: as written, and the same when it is run again."""

from __future__ import annotations

import datetime as dt
import gc
import io
import json
import tracemalloc
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.listing import Column
from app.models import ExportRecord
from app.reports import complaints, given_out, proof, proof_reader, tables
from app.scratch import scratch
from app.transaction import transaction
from app.workflows.core import export_records
from tests.conftest import csrf
from tests.factories import World, make_complaint, make_elevator
from tests.views.test_as_of import invoke

pytestmark = pytest.mark.feature("RPR-01")
AT = dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
VALUES: list[list[Any]] = [
    ["甲", 1, 2.5, Decimal("16.00"), dt.date(2026, 3, 1), AT, True, "007", None],
    ["=1+1", -3, 1 / 3, Decimal("0.10"), dt.date(1890, 1, 1), AT + dt.timedelta(seconds=59), False, "1" * 17, ""],
    ["换\n行 ", 10**17, 1e-7, Decimal("123456789.123456"), None, None, None, "N,\"x\"", "末"],
]  # fmt: skip
LINES = st.lists(st.integers(0, 5), max_size=40)
KINDS = ("text", "number", "number", "number", "date", "instant", "bool", "code", "text")


def write(path: Path, rows: list[list[Any]]) -> tables.Written:
    columns = [
        Column(f"c{n}", f"列{n}", (lambda row, n=n: row[n]), kind) for n, kind in enumerate(KINDS)
    ]
    return tables.write([rows], columns, path, path.suffix[1:], title="表", as_of=AT, note=[("政策版本", "abc")])


def test_a_workbook_names_its_table_and_reads_back_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    written = write(path, VALUES)
    held = proof.read(path)
    assert (held.sha256, held.rows, held.note["行数"]) == (written.sha256, 3, "3")
    assert written.sha256 == write(tmp_path / "a.csv", VALUES).sha256 == proof.read(tmp_path / "a.csv").sha256
    write(tmp_path / "b.xlsx", VALUES)
    assert proof.difference(held, proof.read(tmp_path / "b.xlsx")).same


@pytest.mark.parametrize(("column", "value"), [(1, "乙"), (2, 2), (4, 16.01), (5, dt.date(2026, 3, 2)), (8, "008")])
def test_one_changed_cell_is_found(tmp_path: Path, column: int, value: Any) -> None:
    path = tmp_path / "a.xlsx"
    written = write(path, VALUES)
    before = proof.read(path)
    book = openpyxl.load_workbook(path)
    book.worksheets[0].cell(2, column).value = value
    book.save(path)
    held = proof.read(path)
    assert held.sha256 == written.sha256 and held.file != before.file
    difference = proof.difference(held, before)
    assert (difference.only_now, difference.only_file) == (1, 1)


def test_saved_again_without_a_change_is_another_file_with_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write(path, VALUES)
    before = proof.read(path)
    openpyxl.load_workbook(path).save(path)
    held = proof.read(path)
    assert held.file != before.file and proof.difference(held, before).same


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 18])
@pytest.mark.parametrize("text", [
    "", "\r\n", "\ufeff", "\ufeffa,甲\r\n1,\"x\ny\"\r\n1,\"x\ny\"\r\n", "a\r\n\r\nb\r\n梯", "a\r\r\nb\n",
    "\ufeff\ufeffa\r\n",
])  # fmt: skip
def test_lines_of_a_csv_are_what_stands_between_their_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    monkeypatch.setattr(proof, "BLOCK", block)
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    wanted = proof.Lines()
    lines = [line for line in text.removeprefix("\ufeff").split("\r\n") if line]
    for line in lines:
        wanted.add(proof_reader.digest(line.encode()))
    held = proof.read(path)
    assert held.lines.total() == len(lines) and not held.lines.beyond(wanted) and not wanted.beyond(held.lines)


@pytest.mark.parametrize("room", [0, 1, 4096])
@given(own=LINES, other=LINES)
def test_lines_are_held_against_each_other_as_often_as_they_occur(own: list[int], other: list[int], room: int) -> None:
    def lines(numbers: list[int]) -> proof.Lines:
        made = proof.Lines()
        for n in numbers:
            made.add(bytes([n % 2, *[n] * (proof_reader.DIGEST_BYTES - 1)]))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "LEAST_ROOM", room)
        one, two = lines(own), lines(other)
    assert one.total() == len(own) and one.beyond(two) == (Counter(own) - Counter(other)).total()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_line_takes_as_much_room_however_much_it_says(tmp_path: Path, ending: str) -> None:
    def kept(length: int) -> int:
        path = tmp_path / f"{length}.{ending}"
        write(path, [[f"{n}".rjust(length, "长"), *VALUES[0][1:]] for n in range(2000)])
        proof.read(path)  # what a process reads once
        # All that is made meanwhile stays young: to look through it is not to look through what a whole run holds.
        gc.disable()
        tracemalloc.start()
        try:
            held = proof.read(path)
            gc.collect(0)
            assert held.rows == 2000
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()

    short, long = kept(10), kept(2000)
    assert long < 2 * short, (short, long)


@pytest.mark.parametrize("label", proof.DIGEST_LABELS)
def test_a_note_says_as_much_as_is_asked_of_it(tmp_path: Path, label: str) -> None:
    path, book = tmp_path / "a.xlsx", openpyxl.Workbook()
    book.active.append(["编号"])
    for line in (["内容", "长" * 30_000], [label, "a" * 30_000], ["行数", 0], ["政策版本"]):
        (book["说明"] if "说明" in book.sheetnames else book.create_sheet("说明")).append(line)
    book.save(path)
    held = proof.read(path)
    assert held.note == {label: "a" * 200, "行数": "0", "政策版本": ""}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "a\r\n梯".encode()[:-1], b"PK\x03\x04nothing"])
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    from app.errors import Refusal

    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(Refusal):
        proof.read(path)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_command_proves_and_says_what_changed(app: Any, world: World, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"e.{ending}"
    invoke(app, "export", "elevators", str(file))
    assert "再次导出，摘要相同" in invoke(app, "export", "--verify", str(file))
    make_elevator(world.session)
    world.session.commit()
    told = json.loads(invoke(app, "export", "--verify", str(file), "--json"))
    assert (told["intact"], told["same_now"], told["only_now"], told["only_file"]) == (True, False, 1, 0)
    if ending == "csv":
        file.write_text(file.read_text(encoding="utf-8").replace("云樾里", "云樾外", 1), encoding="utf-8")
        assert "没有找到" in invoke(app, "export", "--verify", str(file), code=1)
    else:
        book = openpyxl.load_workbook(file)
        book.worksheets[0].delete_rows(2)
        book.save(file)
        assert "改动过" in invoke(app, "export", "--verify", str(file), code=1)


def test_a_listed_export_is_recorded_and_proved_by_its_owner(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    token = csrf(browser, "/elevators/")
    wanted = {"query": "f_status=in_use", "cols": "code,address", "format": "xlsx", "csrf_token": token}
    made = browser.post("/exports/elevators", data=wanted)
    world.session.rollback()
    record = world.session.query(ExportRecord).one()
    assert (record.listing, record.rows, record.columns, record.made_by_id) == (
        "elevators", 1, ["code", "address"], world.accounts["inspector"].id
    )  # fmt: skip
    assert record.sha256 == made.headers["X-Table-SHA256"] and record.policy and "在用" in record.filter
    world.session.rollback()

    def send(who: Any, content: bytes) -> str:
        data = {"csrf_token": csrf(who, "/export-proof/"), "file": (io.BytesIO(content), "e.xlsx")}
        return str(who.post("/export-proof/", data=data).text)

    own = send(browser, made.data)
    assert "与写出时一致" in own and "摘要相同" in own
    other = send(sign_in(world.accounts["other_head"]), made.data)
    assert "与写出时一致" in other and "只为导出人本人" in other and "在用" not in other.split("与写出时一致")[1]
    assert "没有选择文件" in browser.post("/export-proof/", data={"csrf_token": csrf(browser, "/export-proof/")}).text
    assert "不是本平台" in send(browser, b"code,address\r\n1,2\r\n")


def prove(who: Any, content: bytes, name: str) -> str:
    data = {"csrf_token": csrf(who, "/export-proof/"), "file": (io.BytesIO(content), name)}
    return str(who.post("/export-proof/", data=data).text)


@pytest.mark.parametrize(("url", "page", "form"), [
    ("/reports/coverage/table", "/reports/coverage", {"by": "unit", "format": "csv"}),
    ("/reports/coverage/table", "/reports/coverage", {"by": "region", "format": "xlsx"}),
    ("/applications/ageing/table", "/applications/ageing", {"format": "xlsx"}),
    ("/reports/workbook", "/reports/", {"from_on": "2026-01-01", "to_on": "2026-03-01", "region": ""}),
])  # fmt: skip
def test_every_report_is_recorded_and_gives_the_same_again(
    world: World, sign_in: Any, url: str, page: str, form: dict[str, str]
) -> None:
    browser = sign_in(world.accounts["inspector"])
    made = browser.post(url, data=form | {"csrf_token": csrf(browser, page)})
    assert made.status_code == 200
    world.session.rollback()
    record = world.session.query(ExportRecord).one()
    assert record.policy and record.made_by_id == world.accounts["inspector"].id and record.filter
    assert record.sha256 == made.headers["X-Table-SHA256"]
    world.session.rollback()
    ending = form.get("format", "xlsx")
    said = prove(browser, made.data, f"r.{ending}")
    assert "与写出时一致" in said and "摘要相同" in said, said.split("<main")[-1]
    assert "只为导出人本人" in prove(sign_in(world.accounts["other_inspector"]), made.data, f"r.{ending}")
    if ending == "xlsx":
        book = openpyxl.load_workbook(io.BytesIO(made.data))
        book.worksheets[0].cell(2, 1).value = "改过"
        changed = io.BytesIO()
        book.save(changed)
        assert "被改动过" in prove(browser, changed.getvalue(), "r.xlsx")


def test_a_printed_form_is_known_by_its_bytes(world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from app.reports import pdf
    from tests.workflows.test_applications import suspend

    application = suspend(world)
    key, number = application.id, application.number
    monkeypatch.setattr(pdf, "render", lambda html: SimpleNamespace(content=b"%PDF-1.7 form"))
    browser = sign_in(world.accounts["inspector"])
    made = browser.get(f"/applications/{key}/form.pdf")
    world.session.rollback()
    record = world.session.query(ExportRecord).one()
    assert (record.listing, record.format) == ("application_form", "pdf") and number in record.filter
    world.session.rollback()
    assert "与写出时一致" in prove(browser, made.data, "form.pdf") and "打印件" in prove(browser, made.data, "form.pdf")
    assert "既不是本平台" in prove(browser, made.data + b" ", "form.pdf") or "没有找到" in prove(
        browser, made.data + b" ", "form.pdf"
    )


def test_the_daily_roots_are_recorded(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    made = browser.get("/audit/days.txt")
    assert made.status_code == 200
    world.session.rollback()
    record = world.session.query(ExportRecord).one()
    assert (record.listing, record.format, len(record.file)) == ("audit_days", "txt", 64)


def test_a_table_is_proved_by_the_columns_that_it_had(app: Any, world: World) -> None:
    """Columns that a later release added say nothing against what was given out before it."""
    make_complaint(world.session, world.own, AT)
    world.session.commit()
    inspector = world.actor("inspector")
    asked = {"by": "elevator", "from_on": "2026-02-01", "to_on": "2026-03-31"}
    earlier = [column.name for column in complaints.COLUMNS]
    with app.app_context(), scratch("test") as folder:
        path = folder / "old.csv"
        told, columns = given_out.write_table(
            world.session, inspector, "complaint_counts", asked, path, "csv", "投诉统计", AT, only=earlier
        )  # fmt: skip
        assert [column.name for column in columns] == earlier and told["rows"] == 1
        with transaction(world.session):
            record = export_records.keep(
                world.session, inspector, AT, "complaint_counts", told, query=given_out.query_of(asked), fmt="csv",
                columns=earlier,
            )  # fmt: skip
        found = proof.prove(world.session, path, export_records.of_table, inspector)
    assert found.record is record and found.intact and found.same
