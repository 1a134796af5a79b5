"""`flask export`: every kind in both formats, a region's part of it, and what is said when it cannot."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.listings import kinds
from app.models import MaintenanceOrder, OverduePeriod, Visit
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.approval.filing_fields import fields_of, label
from app.workflows.scores import scores
from tests.factories import World, make_ledger

AT = dt.datetime(2026, 5, 1, 1, tzinfo=dt.UTC)
# The columns that rules and README fix for past visits.
VISIT_COLUMNS = ["识别码", "单位", "维保员", "签到", "签退", "模式", "现场签名", "上传时间", "复核时间"]


@pytest.fixture
def lived(world: World) -> World:
    """A month of both firms: ledgers, visits, an order, missed limits."""
    session = world.session
    for elevator, unit, worker in (
        (world.own, world.firm, world.worker), (world.foreign, world.other_firm, world.other_worker)
    ):  # fmt: skip
        make_ledger(session, elevator, worker, next_half_month_on=dt.date(2026, 4, 16))
        for day in (1, 14):
            start = dt.datetime(2026, 3, day, 2, 0, 9, tzinfo=dt.UTC)
            session.add(
                Visit(
                    elevator_id=elevator.id, unit_id=unit.id, worker_id=worker.id, region_code=elevator.region_code,
                    visit_on=dt.date(2026, 3, day), checked_in_at=start, received_at=start, counted=True,
                    checked_out_at=start + dt.timedelta(minutes=30), state="valid", mode="sheet",
                )
            )  # fmt: skip
        common = {"elevator_id": elevator.id, "unit_id": unit.id, "region_code": elevator.region_code}
        session.add(MaintenanceOrder(**common, planned_on=dt.date(2026, 3, 1), level="annual", state="done"))
        session.add(MaintenanceOrder(**common, planned_on=dt.date(2026, 4, 1), level="half_month"))
        session.add(
            OverduePeriod(
                **common, anchor_on=dt.date(2026, 3, 14), limit_on=dt.date(2026, 3, 29), interval_days=15, judged_at=AT,
            )
        )  # fmt: skip
    session.commit()
    with transaction(session):
        scores.run(session, SYSTEM, "980400000000", dt.date(2026, 3, 1), dt.date(2026, 3, 31), None, AT)
    return world


def export(app: Any, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=["export", *words])


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


ROWS = {
    "units": 4, "elevators": 2, "ledgers": 2, "contracts": 2, "visits": 4, "orders": 4, "overdue": 2, "ledger": 6,
    "scores": 2,
}  # fmt: skip


@pytest.mark.feature("STA-01", "RPR-01")
def test_every_kind_is_written_in_both_formats_with_one_digest(app: Any, lived: World, tmp_path: Path) -> None:
    for kind in kinds.KINDS:
        told = {}
        for fmt in ("csv", "xlsx"):
            file = tmp_path / f"{kind}.{fmt}"
            answer = export(app, kind, str(file), "--json")
            assert answer.exit_code == 0, answer.output
            told[fmt] = json.loads(answer.stdout)
        assert told["csv"]["rows"] == told["xlsx"]["rows"] == ROWS[kind], kind
        digest = hashlib.sha256((tmp_path / f"{kind}.csv").read_bytes()).hexdigest()
        assert told["csv"]["sha256"] == told["xlsx"]["sha256"] == digest
        book = openpyxl.load_workbook(tmp_path / f"{kind}.xlsx")
        assert book.worksheets[0].max_row == ROWS[kind] + 1 and digest in {c.value for c in book["说明"]["B"]}
        assert len(table(tmp_path / f"{kind}.csv")) == ROWS[kind]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{k}.{f}" for k in ROWS for f in ("csv", "xlsx"))


@pytest.mark.feature("STA-01")
def test_a_region_is_its_subtree(app: Any, lived: World, tmp_path: Path) -> None:
    whole = {"units": 2, "elevators": 1, "ledgers": 1, "contracts": 1, "visits": 2, "orders": 2, "overdue": 1}
    for kind, rows in (whole | {"ledger": 3, "scores": 1}).items():
        file = tmp_path / f"{kind}.csv"
        answer = export(app, kind, str(file), "--region", "980403000000", "--json")
        assert json.loads(answer.stdout)["rows"] == rows == len(table(file)), kind


@pytest.mark.feature("STA-01")
def test_columns_carry_the_declared_labels_each_once() -> None:
    for name, listing in kinds.KINDS.items():
        labels = [str(c.label) for c in listing.columns]
        assert len(set(labels)) == len(labels), name
    for model, listing in ((kinds.Unit, kinds.UNITS), (kinds.Elevator, kinds.ELEVATORS)):
        names = fields_of(model)
        assert [str(c.label) for c in listing.columns][: len(names)] == [label(model, n) for n in names]
    assert [str(c.label) for c in kinds.VISITS.columns][: len(VISIT_COLUMNS)] == VISIT_COLUMNS


@pytest.mark.feature("STA-01")
def test_rows_are_in_the_words_of_the_templates(app: Any, lived: World, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    export(app, "elevators", str(file))
    own = next(row for row in table(file) if row["识别码"] == lived.own.code)
    assert own["维保单位"] == lived.firm.name and own["所在地区"] == "980402000000" and own["涉密"] == "否"
    assert own["品种"] == "曳引驱动乘客电梯" and own["投用日期"] == "2020-01-01" and own["状态"] == "在用"
    export(app, "units", str(file))
    assert {row["安全管理员电话"] for row in table(file)} == {"", "138****0001"}
    export(app, "contracts", str(file))
    assert {row["电梯"] for row in table(file)} == {lived.own.code, lived.foreign.code}
    export(app, "visits", str(file))
    first = table(file)[0]
    assert (first["签到"], first["签退"]) == ("2026-03-01 10:00:09", "2026-03-01 10:30:09")
    assert first["模式"] == "按上传维保单"
    export(app, "ledgers", str(file))
    assert {row["维保人员"] for row in table(file)} == {"王砚秋", "何一舟"}


@pytest.mark.feature("LED-01")
def test_the_ledger_sums_to_the_lost_points(app: Any, lived: World, tmp_path: Path) -> None:
    export(app, "scores", str(tmp_path / "s.csv"))
    export(app, "ledger", str(tmp_path / "l.csv"))
    for score in table(tmp_path / "s.csv"):
        mine = [row for row in table(tmp_path / "l.csv") if row["维保单位"] == score["维保单位"]]
        of_item = [row for row in mine if row["项目"] == "维护保养有效率"]
        lost = sum(Fraction(int(row["分子"]), int(row["分母"])) for row in of_item)
        assert mine and lost == 16 - Fraction(score["维护保养有效率"])
        assert {row["内容摘要"] for row in mine} == {score["内容摘要"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("elevators", "a.pdf"), "扩展名"),
        (("elevators", "a.csv", "--region", "98"), "没有区划代码为 98"),
        (("elevators", "a.csv", "--region", "110000000000"), "没有区划代码"),
        (("elevators", "nowhere/a.csv"), "写不了"),
        (("scores", "a.csv"), "还没有计算过"),
    ],
)
def test_what_cannot_be_written_is_said_and_leaves_nothing(
    app: Any, world: World, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    answer = export(app, words[0], str(tmp_path / words[1]), *words[2:])
    assert answer.exit_code == 1 and said in answer.output and "Traceback" not in answer.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.feature("STA-01")
def test_the_document_of_columns_is_the_one_that_the_command_prints(app: Any, world: World) -> None:
    answer = app.test_cli_runner().invoke(args=["export-columns"])
    document = (Path(__file__).resolve().parents[2] / "docs" / "workbooks.md").read_text(encoding="utf-8")
    kept = document.split("<!-- export columns -->")[1].split("<!-- /export columns -->")[0]
    assert answer.exit_code == 0 and kept.strip() == answer.stdout.strip(), "run flask export-columns and paste it"
