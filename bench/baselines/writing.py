"""A workbook of the register in a process of its own, so that its memory can be told: ours, or XlsxWriter's.

`python -m bench.baselines.writing ours|xlsxwriter DATABASE DATA_DIR` prints seconds, rows and megabytes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from xlsxwriter import Workbook

from app import clock
from app.listing import Moment
from app.listings.elevators import ELEVATORS
from app.permissions import SYSTEM
from app.reports import exports
from bench.harness import peak_mb
from bench.world import open_vault

COLUMNS = (
    "code", "address", "estate", "category", "certificate_no", "use_unit", "maintenance_unit", "status",
    "next_inspection_on", "filing_state", "registration_code", "factory_no", "internal_no", "manufacturer",
    "rated_load", "rated_speed", "floors", "commissioned_on", "inspected_on", "is_secret",
)  # fmt: skip


def ours(url: str, path: Path) -> int:
    """The product's export of the list with these columns, digest and note included."""
    open_vault()
    with Session(sa.create_engine(url)) as session, exports.one_view(session):
        now = clock.now()
        query = ELEVATORS.read({"cols": ",".join(COLUMNS)})
        return exports.export(
            Moment(session, SYSTEM, clock.local_day(now), now), ELEVATORS, query, path, "xlsx", forget=True
        ).rows


def xlsxwriter(url: str, path: Path) -> int:
    """The same rows and columns, read by the driver and written with constant_memory."""
    names = ", ".join(
        {"use_unit": "u.name", "maintenance_unit": "m.name"}.get(name, f"e.{name}") for name in COLUMNS
    )
    statement = (
        f"SELECT {names} FROM elevator e LEFT JOIN unit u ON u.id = e.use_unit_id "
        "LEFT JOIN unit m ON m.id = e.maintenance_unit_id "
        "WHERE e.approved_version > 0 AND e.status <> 'scrapped' ORDER BY e.id DESC"
    )
    book = Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, COLUMNS)
    number = 0
    with sa.create_engine(url).connect().execution_options(yield_per=1000) as connection:
        for number, row in enumerate(connection.execute(sa.text(statement)), 1):
            sheet.write_row(number, 0, row)
    book.close()
    return number


def main(way: str, url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder:
        write: Any = {"ours": ours, "xlsxwriter": xlsxwriter}[way]
        start = time.perf_counter()
        rows = write(url, Path(folder) / "table.xlsx")
        took = time.perf_counter() - start
    mb = peak_mb()
    print(json.dumps({"seconds": took, "rows": rows, "mb": mb}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
