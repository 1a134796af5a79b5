"""A list of elevators as a workbook, the product's way; beside XlsxWriter over the same rows read as objects."""

from __future__ import annotations

import tempfile
from pathlib import Path

import xlsxwriter
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app import clock
from app.listing import Moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator
from app.permissions import SYSTEM
from app.reports import exports
from bench.harness import Measured, at_most, figure, seconds
from bench.world import World


@figure("export.elevators", unit="s", goal=at_most(2.0))
def elevators(world: World) -> Measured:
    """Once each: at 100,000 rows either takes many seconds."""
    with tempfile.TemporaryDirectory() as folder, Session(world.database.engine) as session:

        def ours() -> None:
            now = clock.now()
            moment = Moment(session, SYSTEM, clock.local_day(now), now)
            query = ELEVATORS.read({})
            exports.export(moment, ELEVATORS, query, Path(folder) / "ours.xlsx", "xlsx", forget=True)

        def plain() -> None:
            columns = [c for n in ELEVATORS.default if (c := ELEVATORS.column(n)) is not None]
            book = xlsxwriter.Workbook(Path(folder) / "plain.xlsx", {"constant_memory": True})
            sheet = book.add_worksheet()
            statement = select(Elevator).options(*(selectinload(r) for r in (Elevator.maintenance_unit,)))
            for number, row in enumerate(session.scalars(statement.execution_options(yield_per=1000))):
                for place, column in enumerate(columns):
                    value = column.value(row)
                    sheet.write(number, place, value if isinstance(value, int | float) else str(value or ""))
            book.close()
            session.expunge_all()

        value = seconds(ours)
        session.rollback()
        return Measured(value, seconds(plain))
