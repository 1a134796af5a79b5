"""一人一企 (PER-04): a human is active in one unit only, anywhere in the register; known by the ID number.

Who asks learns whether the number is taken, and of another unit nothing: neither its name nor since when; and that
for so many numbers a day only (`asking`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.errors import Finding, Refusal, raise_failing
from app.models import Person
from app.models.sealed import holding
from app.permissions import Actor
from app.rules.identifiers import mask_resident_id
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import asking

RULE = "一人一企"


def with_number(*resident_ids: str) -> Any:
    """The condition that a person has one of these ID numbers: the one place that knows how they are asked for."""
    return holding(Person.resident_id, *resident_ids)


def holder(session: AnySession, resident_id: str, besides: int | None = None) -> Person | None:
    """Who is active under this number, in whatever unit; read outside scope."""
    statement = select(Person).where(with_number(resident_id), Person.left_on.is_(None), Person.id != (besides or 0))
    return session.scalar(statement.limit(1).execution_options(skip_scope=True, populate_existing=True))


def same_humans(session: AnySession, people: Mapping[int, Person]) -> dict[int, set[int]]:
    """By person the rows of that very human in whatever unit, those that he left among them."""
    numbers = {key: person.resident_id for key, person in people.items() if person.resident_id}
    rows: dict[str, set[int]] = defaultdict(set)
    statement = select(Person).where(with_number(*set(numbers.values())))
    for row in session.scalars(statement.execution_options(skip_scope=True)) if numbers else ():
        rows[str(row.resident_id)].add(row.id)
    return {key: rows[number] for key, number in numbers.items()}


def finding(session: AnySession, unit_id: int | None, resident_id: str, person_id: int | None = None) -> Finding:
    """Whether this number is free for the unit: nobody else is active under it."""
    other = holder(session, resident_id, person_id)
    shown = mask_resident_id(resident_id)
    if other is None:
        return Finding(RULE, True, say("%(shown)s 没有在其他单位任职", shown=shown), field="resident_id")
    if other.unit_id == unit_id:
        found, remedy = (
            say("%(shown)s 已是本单位人员 %(name)s", shown=shown, name=other.name),
            "请打开此人的资料，不要重复登记",
        )
    else:
        found, remedy = say("%(shown)s 现在其他单位在职", shown=shown), "请本人先在原单位办完离职交接，再登记到本单位"
    return Finding(RULE, False, found, remedy, field="resident_id", value=shown)


def asked(
    session: AnySession, actor: Actor, resident_id: str, person_id: int | None, at: dt.datetime,
    unit_id: int | None = None,
) -> Finding:  # fmt: skip
    """`finding` for a number that somebody of a unit typed, for his own unit or another: within the limits of
    `asking`."""
    into = actor.unit_id if unit_id is None else unit_id
    told = finding(session, into, resident_id, person_id)
    elsewhere = not told.ok and not _is_ours(session, into, resident_id, person_id)
    shown = mask_resident_id(resident_id)
    over = asking.ask(
        session, actor, resident_id, taken=elsewhere, rule=RULE, shown=shown, field="resident_id", at=at
    )  # fmt: skip
    return told if over is None or (not told.ok and not elsewhere) else over


def _is_ours(session: AnySession, unit_id: int | None, resident_id: str, person_id: int | None) -> bool:
    other = holder(session, resident_id, person_id)
    return other is not None and other.unit_id == unit_id


def keep(session: AnySession, person: Person) -> None:
    """Write the person; where somebody took the same human on in this very moment, the refusal of `finding`."""
    number, unit_id, key = person.resident_id, person.unit_id, person.id
    try:
        with session.begin_nested():
            session.add(person)
            session.flush()
    except IntegrityError:
        if number is None:
            raise
        raise_failing([finding(session, unit_id, number, key)])
        shown = mask_resident_id(number)
        said = Finding(
            RULE, False, say("%(shown)s 刚刚被登记", shown=shown), "请刷新后核对", field="resident_id", value=shown
        )
        raise Refusal(said) from None
