"""Who checks in: the person behind an account, the rows that are the same human, his grade and his unit, at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from app import clock, scope, vault
from app.models import GradeCertificate, Person, Unit
from app.models.policy import policy_book
from app.permissions import Actor
from app.rules.identifiers import normal_code
from app.rules.quota import Grade, grade_limit, units_used
from app.transaction import Answer, AnySession, all_written, asked
from app.workflows.people import people
from app.workflows.people.people import QUOTA_KEYS, Quota


@dataclass(frozen=True, slots=True)
class Certified:
    """The person as a check-in needs him."""

    id: int
    name: str
    certificate_no: str | None
    certificate_until: dt.date | None
    declaration_until: dt.date | None
    region_code: str


@dataclass(frozen=True, slots=True)
class Employer:
    """The account's unit."""

    name: str
    approved_version: int


@dataclass(frozen=True, slots=True)
class Worker:
    """The account's person as far as the account sees him, its unit, all rows of the same human, his highest grade."""

    person: Certified | None = None
    unit: Employer | None = None
    human: frozenset[int] = frozenset()
    grade: Grade = Grade.GENERAL


def of(session: AnySession, actor: Actor, at: dt.datetime, *, held: bool = False) -> Worker:
    """The account's worker; `held`: until the transaction ends, so that no two accounts of one human pass together."""
    all_written(session)
    return from_answer(session, actor, at, asked(session, *asking(actor, at, held=held)), held=held)


def asking(actor: Actor, at: dt.datetime, *, held: bool) -> tuple[Any, dict[str, Any]]:
    """What `of` asks: the statement and its values, for whoever asks more by the same round trip."""
    kind, numbers = scope.outline(actor, Person)
    values = {"person": actor.person_id or 0, "unit": actor.unit_id or 0, "at": at, "today": clock.local_day(at)}
    return _statement(kind, held and not by_two_keys()), numbers | values


def from_answer(session: AnySession, actor: Actor, at: dt.datetime, answer: Answer, *, held: bool) -> Worker:
    """The worker by what was answered."""
    rows = {row[0]: row for row in answer.rows}
    if actor.person_id not in rows:
        return Worker(unit=_unit_alone(session, actor))
    *columns, unit_name, approved_version, _grades, seen = rows[actor.person_id]
    person = Certified(*columns)
    keys, grades = frozenset(rows), [Grade(name) for row in rows.values() for name in (row[-2] or "").split()]
    if by_two_keys() or person.certificate_no != (normal_code(person.certificate_no or "") or None):
        keys |= people.rows_of_human(session, person.id, held=held)
        grades = list(people.grades_in_force(session, keys, at).values())
    unit = None if unit_name is None else Employer(unit_name, approved_version)
    highest = max(grades, key=list(Grade).index, default=Grade.GENERAL)
    return Worker(person if seen else None, unit, keys, highest)


def by_two_keys() -> bool:
    """While the index is being made anew (`sealing`), rows of one human may carry indexes of different keys: they are
    found, and held, by a statement of their own."""
    return len(vault.key_names()[1]) > 1


def quota_of(session: AnySession, worker: Worker, month: Sequence[int], on: dt.date) -> Quota | None:
    """A worker's quota by the visits of his month, a number an elevator; None for an account without a person."""
    if worker.person is None:
        return None
    values = policy_book(session, worker.person.region_code, on).plain
    limits: Any = {grade: values[key] for grade, key in QUOTA_KEYS.items()}
    return Quota(worker.grade, units_used(dict(enumerate(month))), grade_limit(worker.grade, limits))


def _unit_alone(session: AnySession, actor: Actor) -> Employer | None:
    statement = select(Unit.name, Unit.approved_version).where(Unit.id == (actor.unit_id or 0))
    row = session.execute(statement.execution_options(skip_scope=True)).one_or_none()
    return None if row is None else Employer(*row)


# --- the statement

_person: Any = Person.__table__
_unit: Any = Unit.__table__
_me: Any = Person.__table__.alias("me").c
_grade: Any = GradeCertificate.__table__.c


@lru_cache(maxsize=256)
def _statement(kind: Actor, held: bool) -> Any:
    """For all accounts of a kind, which see of persons by the same rule."""

    def mine(column: Any) -> Any:
        return select(column).where(_me.id == bindparam("person")).scalar_subquery()

    person = _person.c
    grades = select(func.aggregate_strings(_grade.grade, " ")).where(
        _grade.person_id == person.id, *people.in_force(_grade)
    )
    statement = (
        select(
            *(person[field.name] for field in fields(Certified)), _unit.c.name.label("unit_name"),
            _unit.c.approved_version,
            grades.correlate(_person).scalar_subquery().label("grades"), scope.over(person, Person, kind),
        )
        .select_from(_person.outerjoin(_unit, _unit.c.id == bindparam("unit")))
        .where(or_(
            person.id == bindparam("person"), person.certificate_no == mine(_me.certificate_no),
            person.resident_id_index == mine(_me.resident_id_index),
        ))
        .order_by(person.id)
    )  # fmt: skip
    # In order of id, as everybody takes them.
    return statement.with_for_update(of=_person) if held else statement
