"""`flask provincial-simulator`: a register made of this database's elevators, to try the comparison with."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.commands import provincial_simulator as simulator
from app.extensions import db
from app.models import Elevator
from app.rules.provincial import FIELDS, UNITS


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(simulator_command)


@click.command("provincial-simulator")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Default: a free one.")
@click.option("--slow", default=0.0, type=click.FloatRange(0, 60), help="Seconds before each answer.")
@click.option("--errors", default=0.0, type=click.FloatRange(0, 1), help="Chance of a 5xx.")
@click.option("--malformed", default=0.0, type=click.FloatRange(0, 1), help="Chance of an answer cut in half.")
@click.option("--shift", is_flag=True, help="The list changes while it is read.")
@click.option("--limit", default=0, type=click.IntRange(0, 100_000), help="Calls a minute; more are 429.")
@click.option("--seed", default=1, show_default=True, help="The same seed differs alike.")
@with_appcontext
def simulator_command(
    port: int, slow: float, errors: float, malformed: float, shift: bool, limit: int, seed: int
) -> None:  # fmt: skip
    """Serve a provincial register on this machine alone; it prints the settings with which the product finds it."""
    statement = select(Elevator).where(Elevator.approved_version > 0, Elevator.is_secret.is_(False))
    rows = db.session.scalars(
        statement.options(joinedload(Elevator.maintenance_unit), joinedload(Elevator.use_unit)).order_by(Elevator.id)
    )
    items = simulator.invented([item_of(row) for row in rows], seed)
    db.session.rollback()
    faults = simulator.Faults(slow, errors, malformed, shift, limit)
    simulator.serve(simulator.Book(items, faults=faults, seed=seed), port, click.echo)


def item_of(row: Elevator) -> dict[str, Any]:
    """An elevator of ours as the register would send it."""
    found: dict[str, Any] = {"code": row.code, "region": row.region_code}
    for name in FIELDS:
        if name not in (*UNITS, "region"):
            value = getattr(row, name)
            found[name] = value.isoformat() if hasattr(value, "isoformat") else value
    for name in UNITS:
        unit = getattr(row, name)
        found[name] = None if unit is None else {"name": unit.name, "uscc": unit.uscc}
    return found
