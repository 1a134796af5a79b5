"""Contracts of a file (IMP-03) are written, with their elevators."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.imports.comparing import as_json, dated, exists
from app.models import Contract, ImportBatch, ImportRow
from app.permissions import Actor
from app.rules.identifiers import normal_code
from app.transaction import AnySession
from app.workflows.contracts import contracts


def write(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A new contract with its elevators, or what a row changes of one; of one that is over only what came with it."""
    data = dated(row.data or {})
    chosen = data.pop("elevator_ids", [])
    standing = session.get(Contract, row.entity_id) if row.entity_id is not None else None
    if standing is None and data.get("number"):
        same = select(Contract).where(Contract.number_key == normal_code(data["number"]))
        statement = scope.apply(same, actor, Contract)
        owner = actor.unit_id or data.get("unit_id")
        standing = session.scalar(statement.where(Contract.unit_id == owner).limit(1))
        if standing is not None:
            names, mode = (n for n in data if n in contracts.FIELDS), session.get_one(ImportBatch, batch_id).mode
            changes_since(row, mode, standing, names, "number", data["number"])
    new = standing is None
    if data or standing is None:
        standing = contracts.save(session, actor, standing, data, at)
    if new:
        standing.batch_id = batch_id
        standing.taken_over = actor.unit_id is None and standing.starts_on < clock.local_day(at)
    if chosen:
        contracts.bind(session, actor, standing.id, chosen, at, new=new)
    return standing.id


def changes_since(row: ImportRow, mode: str, standing: Any, names: Iterable[str], key: str, value: str) -> None:
    """Somebody wrote it since the check: the row changes that one, and an undo takes only that back.

    Where only new ones are wanted it is refused.
    """
    if mode == "new":
        raise exists(key, value)
    row.state, row.before = "changed", {name: as_json(getattr(standing, name)) for name in names}


def as_it_stands(row: ImportRow, standing: Any) -> None:
    """What a row changes is told by what it meets now, held: a change since the check is neither written over unseen
    by an undo, which gives back what this row took, nor told as this row's; one that is made already changes nothing.
    """
    now = {name: as_json(getattr(standing, name)) for name in row.data or {}}
    row.data = {name: value for name, value in (row.data or {}).items() if value != now[name]}
    row.before = {name: now[name] for name in row.data}
    row.state = "changed" if row.data else "same"
