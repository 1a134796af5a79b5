"""A workbook of elevators, half of them known and changed, half new: checked with every error found, and imported.

Beside it reading the file and storing its bare cells, the least that any import must do.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import sqlalchemy as sa
import xlsxwriter
from python_calamine import CalamineWorkbook
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, configure_mappers

from app import clock
from app.imports import batches, matching, writing
from app.imports.checking import Checker
from app.imports.columns import kinds
from app.imports.reading import read
from app.models import Elevator, Region, Version
from app.models.among import among
from app.models.choices import CATEGORY
from app.permissions import SYSTEM
from app.transaction import insert_rows, transaction
from app.workflows.approval.filing_fields import snapshot
from app.workflows.files import attachments
from bench.harness import NO_GOAL, Measured, at_most, figure, peak_mb, seconds, side_by_side, times_faster
from bench.world import World, open_vault
from tests.databases import ROOT
from tests.imports import foreign_register

HEAD = (
    "识别码", "品种", "地址", "所在地区", "楼盘", "制造日期", "投用日期", "出厂编号", "额定载重量", "额定速度", "层数",
    "备注",
)  # fmt: skip
# Each hundredth row has an error of its own.
WRONG = 100


class _TakenBack(Exception):
    """Everything was written; the world stays as it was."""


@figure("import.check", unit="s", goal=at_most(15))
def check(world: World) -> Measured:
    """As many rows as the world has elevators: read, parse, look up, compare, tell; beside reading alone."""
    kind = kinds()["elevators"]
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder, Session(world.database.engine) as session:
        path = Path(folder) / "elevators.xlsx"
        write(session, path, world.elevators)

        def ours() -> None:
            sheet = read(path, path.name, kind)
            match = matching.guess(kind, sheet.headings, sheet.samples)
            checker = Checker(session, SYSTEM, kind, clock.now(), match)
            assert sum(len(rows) for rows in checker.check(sheet)) == world.elevators
            session.rollback()

        def bare_read() -> None:
            CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()

        return side_by_side(ours, bare_read, rounds=1)


@contextlib.contextmanager
def workbook(world: World) -> Iterator[tuple[Session, Path]]:
    """A workbook of the world's size to bring in; what an import that is taken back leaves behind is swept away, or
    the figures after it would measure that.
    """
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder, Session(world.database.engine) as session:
        path = Path(folder) / "elevators.xlsx"
        write(session, path, world.elevators)
        attachments.use_folder(folder)
        yield session, path
    world.sweep()


@figure("import.all", unit="s", goal=at_most(2))
def whole(world: World) -> Measured:
    """Upload, check, every row kept with its errors, drafts with their versions and audit; beside read + bare COPY.

    Missed by far. What lies between: each row is stored three times (as read and judged, as a draft, as its version),
    and every step can be killed and taken up. The largest part of what the database does is the register's own: a new
    row stands in sixteen indexes, one of them over its pairs of characters; a known row's draft is opened in its page
    where that has room, and then moves it in none (`search.open_filings`). About half of all is Python: reading,
    judging, sealing, JSON.
    """
    with workbook(world) as (session, path):
        value = seconds(lambda: bring_in(session, path, world.elevators))
        return Measured(value, seconds(lambda: bare(session, path)))


@figure("import.in_place", unit="s", goal=NO_GOAL)
def in_place(world: World) -> Measured:
    """The same beside reading the file and writing it straight to where it belongs, each row once and unasked.

    The new half by COPY into the register with all its indexes, of the known half the one changed column by key.
    Nothing is judged, kept, versioned or audited: what the register's own storage costs anybody.
    """
    with workbook(world) as (session, path):
        value = seconds(lambda: bring_in(session, path, world.elevators))
        return Measured(value, seconds(lambda: plain(session, path)))


def plain(session: Session, path: Path) -> None:
    """What `in_place` is measured beside; all is taken back."""
    cells = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[1:]
    new, known = [row for row in cells if row[0][0] == "Z"], [row for row in cells if row[0][0] != "Z"]
    register: Any = Elevator.__table__
    regions = dict(session.execute(select(Region.code, Region.id)).all())
    category = {str(word): key for key, word in CATEGORY.items()}
    means: dict[str, Any] = {
        "category": category.get, "region_id": regions.get, "made_on": lambda _day: dt.date(2020, 1, 5),
        "commissioned_on": dt.date.fromisoformat, "rated_load": int, "floors": int,
    }  # fmt: skip
    labels = {spec.label: spec.name for spec in kinds()["elevators"].columns}
    columns = {labels[word]: values for word, values in zip(HEAD, zip(*new, strict=True), strict=True)}
    made = {name: list(map(means[name], values)) if name in means else values for name, values in columns.items()}
    made["region_code"] = columns["region_id"]
    made["public_token"] = [f"bench{number:010d}" for number in range(len(new))]
    made["created_at"] = made["updated_at"] = [clock.now()] * len(new)
    insert_rows(session, register, tuple(made), list(zip(*made.values(), strict=True)))
    estates = {row[0]: row[HEAD.index("楼盘")] for row in known}
    keys = session.execute(select(register.c.id, register.c.code).where(among(session, register.c.code, estates))).all()
    one = sa.update(register).where(register.c.id == sa.bindparam("key")).values(estate=sa.bindparam("word"))
    session.connection().execute(one, [{"key": key, "word": estates[code]} for key, code in keys])
    session.rollback()


# Rows that the way by objects is measured on; it takes as long for each of the others.
SAMPLED = 1000


@figure("import.orm", unit="s", goal=times_faster(25))
def orm(world: World) -> Measured:
    """The same import beside openpyxl and objects, a row at a time, which leaves the same drafts and versions.

    The goal was measured on a bare table; about half of it is reached. What that way does not: look for errors, keep
    every row as judged, audit, be killed and taken up, be taken back.
    """
    with workbook(world) as (session, path):
        return Measured(seconds(lambda: bring_in(session, path, world.elevators)), by_objects(session, path))


def by_objects(session: Session, path: Path) -> float:
    """Seconds that all rows would take: read whole, then a query, an object and its version a row."""
    begun = time.perf_counter()
    rows = list(openpyxl.load_workbook(path).active.iter_rows(min_row=2, values_only=True))
    read_in = time.perf_counter() - begun
    at, kind = clock.now(), kinds()["elevators"]
    fields = [next(spec for spec in kind.columns if spec.label == word) for word in HEAD]
    category = {str(word): code for code, word in CATEGORY.items()}
    regions = dict(session.execute(select(Region.code, Region.id)).all())

    def one(cells: tuple[Any, ...]) -> None:
        values = dict(zip((spec.name for spec in fields), cells, strict=True))
        values |= {
            "category": category[values["category"]], "region_id": regions[values["region_id"]],
            "made_on": dt.date(2020, 1, 5), "commissioned_on": dt.date.fromisoformat(values["commissioned_on"]),
        }  # fmt: skip
        row = session.scalar(select(Elevator).where(Elevator.code == values["code"]).limit(1))
        data = {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in values.items()}
        if row is None:
            row = Elevator(region_code=cells[3], **values)
            session.add(row)
        else:
            data = snapshot(row) | data
            row.filing_state = "draft"
        session.flush()
        number = row.approved_version + 1
        session.add(Version(entity="elevator", entity_id=row.id, number=number, data=data, edited_at=at))
        session.flush()

    def sampled() -> None:
        for cells in rows[:SAMPLED]:
            one(cells)

    with session.no_autoflush:
        taken = seconds(sampled)
    session.rollback()
    return read_in + taken * len(rows) / min(SAMPLED, len(rows))


@figure("import.memory", unit="MB", goal=at_most(250, of="value"))
def memory(world: World) -> Measured:
    """The most that a process of its own takes for the same import."""
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder:
        path = Path(folder) / "elevators.xlsx"
        with Session(world.database.engine) as session:
            write(session, path, world.elevators)
        arguments = [sys.executable, "-m", "bench.figures.imports", world.database.url, str(path), str(world.elevators)]
        told = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
        world.sweep()
        return Measured(float(told.stdout.split()[-1]))


FOREIGN_ROWS = 80_000


@figure("import.foreign", unit="s", goal=at_most(180, of="value"))
def foreign(world: World) -> Measured:
    """Another country's register of 80,000 rows: matched, words explained, imported; every row accounted for."""
    with tempfile.TemporaryDirectory(prefix="tian-bench-") as folder, Session(world.database.engine) as session:
        path = Path(folder) / "register.xlsx"
        fates = foreign_register.write(path, foreign_register.lines(FOREIGN_ROWS))
        attachments.use_folder(folder)
        taken = seconds(lambda: bring_in_foreign(session, path, fates))
    world.sweep()
    return Measured(taken)


def bring_in_foreign(session: Session, path: Path, fates: dict[str, int]) -> None:
    """As a person would: a first look, then what the words mean, then the import; taken back at last."""
    at = clock.now()
    region = session.scalar(select(Region.id).where(Region.level == "street").order_by(Region.code).limit(1))
    session.rollback()
    words = foreign_register.TOLD | {"region_id": dict.fromkeys(foreign_register.PLACES, region)}
    try:
        with transaction(session), path.open("rb") as stream:
            batch = batches.open_batch(session, SYSTEM, at, "elevators", stream, path.name, queued=False)
            number = batch.id
            batches.check(session, SYSTEM, number, path, at)
            session.refresh(batch)
            mapping: Any = batch.mapping
            batches.rematch(
                session, SYSTEM, number, at, columns=mapping["columns"], orders=mapping["orders"], words=words,
                measures=mapping["measures"], lenient=foreign_register.LENIENT, queued=False,
            )  # fmt: skip
            session.flush()
            counts = batches.check(session, SYSTEM, number, path, at)
            found = (counts["rows"], counts["new"], counts["same"], counts["bad"])
            good, repeat, bad = fates["good"], fates["repeat"], fates["bad"]
            assert found == (FOREIGN_ROWS, good, repeat, bad), counts
            batches.start(session, SYSTEM, number, at, queued=False)
            done = writing.run(session, SYSTEM, number, at, lambda *_: None)
            assert done == {"imported": good, "bad": bad}, done
            raise _TakenBack
    except _TakenBack:
        return


def bring_in(session: Session, path: Path, rows: int) -> None:
    """The product's import from upload to end, taken back at last."""
    at = clock.now()
    try:
        with transaction(session), path.open("rb") as stream:
            number = batches.open_batch(session, SYSTEM, at, "elevators", stream, path.name, queued=False).id
            counts = batches.check(session, SYSTEM, number, path, at)
            assert counts["rows"] == rows and counts["bad"] == -(-rows // WRONG), counts
            batches.start(session, SYSTEM, number, at, queued=False)
            done = writing.run(session, SYSTEM, number, at, lambda *_: None)
            assert done["imported"] == rows - counts["bad"], done
            raise _TakenBack
    except _TakenBack:
        return


# What a plain program would keep such a file in: a key, the code once, and two columns that a list is asked by.
BARE = sa.Table(
    "bench_bare", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("code", sa.String(20), unique=True), sa.Column("category", sa.String(20)),
    sa.Column("address", sa.String(200)), sa.Column("region", sa.String(12), index=True),
    sa.Column("estate", sa.String(80), index=True), sa.Column("made_on", sa.String(20)),
    sa.Column("commissioned_on", sa.Date), sa.Column("factory_no", sa.String(40)), sa.Column("rated_load", sa.Integer),
    sa.Column("rated_speed", sa.Numeric(5, 2)), sa.Column("floors", sa.Integer), sa.Column("note", sa.Text),
)  # fmt: skip
WHOLE_NUMBERS = (HEAD.index("额定载重量"), HEAD.index("层数"))


def bare(session: Session, path: Path) -> None:
    """Read the cells and store them in one table with four indexes; nothing is asked of them."""
    cells = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[1:]
    connection = session.connection()
    BARE.create(connection)
    names = [column.name for column in BARE.columns if not column.primary_key]
    for row in cells:
        for place in WHOLE_NUMBERS:
            row[place] = int(row[place])
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {BARE.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in cells:
                copy.write_row(row)
    else:
        marks = ", ".join("?" * len(names))
        insert = f"INSERT INTO {BARE.name} ({', '.join(names)}) VALUES ({marks})"
        connection.exec_driver_sql(insert, list(map(tuple, cells)))
    session.rollback()


def write(session: Session, path: Path, rows: int) -> None:
    """Half known codes with another estate, half new ones."""
    region = session.scalar(select(Region.code).where(Region.level == "street").order_by(Region.code).limit(1))
    known = list(session.scalars(
        select(Elevator.code).where(Elevator.filing_state == "approved").order_by(Elevator.id).limit(rows // 2)
    ))  # fmt: skip
    session.rollback()
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEAD)
    for n in range(rows):
        code = known[n // 2] if n % 2 and n // 2 < len(known) else f"Z{n:07d}"
        made = "2020年13月5日" if n % WRONG == 0 else "2020年1月5日"
        sheet.write_row(n + 1, 0, (
            code, "自动扶梯", f"澜江路 {n} 号", region, f"导入小区{n % 500}", made, "2021-02-03", f"F{n}", 1000,
            1.75, 12, "接管",
        ))  # fmt: skip
    book.close()


def main(url: str, path: str, rows: int) -> None:
    configure_mappers()
    attachments.use_folder(Path(path).parent)
    open_vault()
    with Session(create_engine(url)) as session:
        bring_in(session, Path(path), rows)
    print(peak_mb())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
