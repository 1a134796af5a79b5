"""Contracts of a file (IMP-03) are written, with their elevators."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app import clock, scope
from app.imports import writing_since
from app.imports.comparing import dated
from app.models import Contract, ImportBatch, ImportRow
from app.permissions import Actor
from app.rules.identifiers import normal_code
from app.transaction import AnySession, lock
from app.workflows.contracts import contracts


def write(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A new contract with its elevators, or what a row changes of one; of one that is over only what came with it."""
    data = dated(row.data or {})
    chosen = data.pop("elevator_ids", [])
    standing = lock(session, Contract, row.entity_id) if row.entity_id is not None else None
    if standing is None and data.get("number"):
        same = select(Contract).where(Contract.number_key == normal_code(data["number"]))
        statement = scope.apply(same, actor, Contract).execution_options(populate_existing=True).with_for_update()
        owner = actor.unit_id or data.get("unit_id")
        standing = session.scalar(statement.where(Contract.unit_id == owner).limit(1))
        if standing is not None:
            writing_since.came_since(session.get_one(ImportBatch, batch_id).mode, "number", data["number"])
    if standing is not None:
        if not writing_since.as_it_stands(row, {n: getattr(standing, n) for n in (*contracts.FIELDS, "unit_id")}):
            return standing.id
        data = dated({name: value for name, value in (row.data or {}).items() if name != "elevator_ids"})
    new = standing is None
    if data or standing is None:
        standing = contracts.save(session, actor, standing, data, at)
    if new:
        standing.batch_id = batch_id
        standing.taken_over = actor.unit_id is None and standing.starts_on < clock.local_day(at)
    if chosen:
        made = contracts.bind(session, actor, standing.id, chosen, at, new=new)
        writing_since.only_these(row, "elevator_ids", [one.elevator_id for one in made])
    return standing.id
