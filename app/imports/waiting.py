"""Which rows of a batch are next: to be imported from the first, to be undone from the last.

They are looked for among few numbers at a time. Asked for the first of all that wait, the database reads all of them,
at each step again: of a hundred thousand rows that took longer than writing them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, func, select

from app.models import ImportRow
from app.models.among import among
from app.transaction import AnySession

GOOD = ("new", "changed")
# Rows of a step: each written by itself, and in sets.
STEP, STEP_OF_SETS = 100, 2000
# Elevators of a step whose past is taken over.
ELEVATORS = 20
# Numbers among which the next rows are looked for.
NUMBERS = 2 * STEP_OF_SETS
Where = tuple[ColumnElement[bool], ...]


def to_import(batch_id: int) -> Where:
    """What waits to be imported."""
    return ImportRow.batch_id == batch_id, ImportRow.state.in_(GOOD), ImportRow.applied.is_(False)


def last_number(session: AnySession, batch_id: int) -> int:
    """The number of the batch's last row."""
    return session.scalar(select(func.max(ImportRow.number)).where(ImportRow.batch_id == batch_id)) or 0


def after(last: int, end: int, find: Callable[[ColumnElement[bool]], Sequence[Any]]) -> Sequence[Any]:
    """The next rows after the last that `find` finds, which is asked of few numbers at a time."""
    while last < end:
        if rows := find(and_(ImportRow.number > last, ImportRow.number <= last + NUMBERS)):
            return rows
        last += NUMBERS
    return ()


def next_one_by_one(session: AnySession, waiting: Where, near: ColumnElement[bool]) -> Sequence[ImportRow]:
    statement = select(ImportRow).where(*waiting, near).order_by(ImportRow.number).limit(STEP)
    return session.scalars(statement).all()


def by_elevator(session: AnySession, waiting: Where) -> list[list[int]]:
    """What waits, step by step: all rows of some elevators, so that each clock is told its whole past at once."""
    found = session.execute(select(ImportRow.entity_id, ImportRow.id).where(*waiting).order_by(ImportRow.entity_id))
    of_one = [[key for _, key in rows] for _, rows in groupby(found, itemgetter(0))]
    some = range(0, len(of_one), ELEVATORS)
    return [[key for keys in of_one[at : at + ELEVATORS] for key in keys] for at in some]


def next_of_elevators(session: AnySession, waiting: Where, steps: list[list[int]]) -> Sequence[ImportRow]:
    """The rows of the next step that still wait; steps that are done are taken out."""
    while steps:
        statement = select(ImportRow).where(*waiting, among(session, ImportRow.id, steps.pop(0)))
        if rows := session.scalars(statement.order_by(ImportRow.number)).all():
            return rows
    return ()


class Judged(NamedTuple):
    """A row of the batch as its check left it."""

    id: int
    number: int
    state: str
    entity_id: int | None
    data: dict[str, Any]
    before: dict[str, Any] | None


def next_of_set(session: AnySession, waiting: Where, near: ColumnElement[bool]) -> list[Judged]:
    """The next rows of a set; their JSON is read in one go, not row by row."""
    kept = ImportRow.__table__.c
    columns = (kept.id, kept.number, kept.state, kept.entity_id, cast(kept.data, Text), cast(kept.before, Text))
    statement = select(*columns).where(*waiting, near).order_by(ImportRow.number).limit(STEP_OF_SETS)
    found = session.execute(statement).all()
    if not found:
        return []
    keys, numbers, states, entities, data, before = zip(*found, strict=True)
    held: Any = kept
    data, before = held.data.type.of_texts(data), held.before.type.of_texts(before)
    return list(map(Judged, keys, numbers, states, entities, [value or {} for value in data], before))


def before(session: AnySession, batch_id: int, number: int, most: int) -> Sequence[ImportRow]:
    """The next rows before this one that are to be undone."""
    waiting = (ImportRow.batch_id == batch_id, ImportRow.applied.is_(True), ImportRow.undo.is_(None))
    while number > 0:
        near = (ImportRow.number < number, ImportRow.number >= number - NUMBERS)
        statement = select(ImportRow).where(*waiting, *near).order_by(ImportRow.number.desc()).limit(most)
        if rows := session.scalars(statement).all():
            return rows
        number -= NUMBERS
    return ()
