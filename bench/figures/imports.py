"""Checking a workbook of elevators against what stands, every error told; beside reading the file alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlalchemy.orm import Session

from app import clock
from app.imports.checking import Checker
from app.imports.columns import kinds
from app.imports.reading import read
from app.permissions import SYSTEM
from bench.harness import Measured, at_most, figure, side_by_side
from bench.world import World

HEAD = ("识别码", "品种", "地址", "所在地区", "楼盘", "制造日期")


@figure("import.check", unit="s", goal=at_most(40))
def check(world: World) -> Measured:
    """As many rows as the world has elevators, half of them known: read, parse, look up, compare, tell."""
    kind = kinds()["elevators"]
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder, Session(world.database.engine) as session:
        path = Path(folder) / "elevators.xlsx"
        write(path, world.elevators)

        def ours() -> None:
            rows = Checker(session, SYSTEM, kind, clock.today()).check(read(path, path.name, kind))
            assert len(rows) == world.elevators
            session.rollback()

        def bare() -> None:
            CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()

        return side_by_side(ours, bare, rounds=3)


def write(path: Path, rows: int) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEAD)
    for n in range(rows):
        code = str(200001 + n) if n % 2 else f"Z{n:07d}"
        sheet.write_row(n + 1, 0, (code, "自动扶梯", f"澜江路 {n} 号", "临河区明水街道", "导入小区", "2020年1月5日"))
    book.close()
