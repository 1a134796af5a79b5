"""Typed search behind every choice of a row: scoped, two characters at least, twenty answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, true

from app import scope, search
from app.models import Elevator, MaintenanceTeam, Person, Region, ScoreRun, SpotDraw, Unit
from app.permissions import Actor, Verb
from app.rules.addresses import words_of
from app.wording import say, together


@dataclass(frozen=True, slots=True)
class Lookup:
    """What can be chosen: which columns are searched, what is shown. `public`: approved names that all may pick.

    A unit must be able to name a partner that is not yet in its scope; only name, code and region name are shown.
    """

    model: Any
    verb: Verb
    search: tuple[Any, ...]
    text: Callable[[Any], str]
    hint: Callable[[Any], str]
    narrow: Callable[[], Any] | None = None
    public: bool = False
    value: str = "id"


LOOKUPS: dict[str, Lookup] = {
    "elevators": Lookup(
        Elevator, Verb.ELEVATOR_READ, (Elevator.code, Elevator.registration_code, Elevator.address, Elevator.estate),
        lambda e: e.code, lambda e: e.place,
    ),
    "units": Lookup(Unit, Verb.UNIT_READ, (Unit.name, Unit.uscc), lambda u: u.name, lambda u: u.uscc),
    "maintenance_units": Lookup(
        Unit, Verb.HOME, (Unit.name, Unit.uscc), lambda u: u.name, lambda u: u.uscc,
        lambda: (Unit.is_maintenance, Unit.approved_version > 0), public=True,
    ),
    "use_units": Lookup(
        Unit, Verb.HOME, (Unit.name, Unit.uscc), lambda u: u.name, lambda u: u.uscc,
        lambda: (Unit.is_use, Unit.approved_version > 0), public=True,
    ),
    "inspection_units": Lookup(
        Unit, Verb.INSPECTION_EDIT, (Unit.name, Unit.uscc), lambda u: u.name, lambda u: u.uscc,
        lambda: (Unit.is_inspection, Unit.approved_version > 0),
    ),
    "persons": Lookup(
        Person, Verb.PERSON_READ, (Person.name, Person.certificate_no), lambda p: p.name,
        lambda p: p.certificate_no or "", lambda: (Person.left_on.is_(None),),
    ),
    # To look for what somebody did: whoever left is found, too. New work is given to `persons`.
    "persons_ever": Lookup(
        Person, Verb.PERSON_READ, (Person.name, Person.certificate_no), lambda p: p.name,
        lambda p: together(word for word in (p.certificate_no, say("已离职") if p.left_on else None) if word),
    ),
    "teams": Lookup(
        MaintenanceTeam, Verb.LEDGER_READ, (MaintenanceTeam.name,), lambda t: t.name, lambda t: t.unit.name,
        lambda: (MaintenanceTeam.disbanded_at.is_(None),),
    ),
    "regions": Lookup(Region, Verb.HOME, (Region.name, Region.code), lambda r: r.name, lambda r: r.code),
    "region_codes": Lookup(
        Region, Verb.HOME, (Region.name, Region.code), lambda r: r.name, lambda r: r.code, value="code"
    ),
    "score_runs": Lookup(
        ScoreRun, Verb.SCORE_READ, (ScoreRun.region_code, ScoreRun.digest),
        lambda r: say("%(from_on)s 至 %(to_on)s", from_on=r.from_on, to_on=r.to_on), lambda r: r.region_code,
    ),
    "spot_draws": Lookup(
        SpotDraw, Verb.SPOT_READ, (SpotDraw.number, SpotDraw.title), lambda d: d.number, lambda d: d.title
    ),
}  # fmt: skip


def find(session: Any, actor: Actor, name: str, words: str, limit: int = 20) -> list[dict[str, Any]]:
    """Rows whose searched columns contain every word; nothing where no word has two characters (`askable`)."""
    lookup = LOOKUPS[name]
    words = " ".join(words[:50].split())
    if not askable(words):
        return []
    statement = select(lookup.model)
    if not lookup.public:
        statement = scope.apply(statement, actor, lookup.model)
    elif lookup.model is Unit:
        # Own filings that are not approved yet can be chosen by their filer only.
        mine = or_(Unit.filed_by_unit_id == (actor.unit_id or 0), Unit.id == (actor.unit_id or 0))
        kind, approved = _public(lookup)
        statement = statement.where(kind, or_(approved, mine))
    if lookup.narrow is not None and not lookup.public:
        statement = statement.where(*lookup.narrow())
    statement = holding(session, statement, lookup.model, lookup.search, words, _seen(lookup, actor))
    statement = statement.order_by(lookup.model.id).limit(limit).execution_options(skip_scope=True)
    return [
        {"id": getattr(row, lookup.value), "text": lookup.text(row), "hint": lookup.hint(row)}
        for row in session.scalars(statement)
    ]


def _seen(lookup: Lookup, actor: Actor) -> Any:
    return true() if lookup.public else scope.criterion(lookup.model, actor)


def askable(words: str) -> bool:
    """Whether a word of these is long enough to be looked for everywhere: no index knows single characters, and a rare
    one would be looked for in every row there is.
    """
    return any(len(word) > 1 for word in words_of(words))


def holding(session: Any, statement: Any, model: Any, columns: Sequence[Any], words: str, seen: Any) -> Any:
    """Narrow a statement on a model to rows whose columns hold every word, by the search index where that helps."""
    wanted = words_of(words)
    found = search.find(session, columns, wanted, seen)
    if found is not None and not found.many:
        return statement.where(model.__mapper__.primary_key[0].in_(found.keys))
    held = [search.contains(columns, word) for word in wanted]
    return statement.where(*held) if found is None else statement.where(found.narrowing, *held)


def text_of(session: Any, name: str, key: Any) -> str:
    """The words of a chosen row as the current actor may see them; the bare key otherwise."""
    lookup = LOOKUPS.get(name)
    if lookup is None or key in (None, ""):
        return "" if key is None else str(key)
    statement = select(lookup.model).where(getattr(lookup.model, lookup.value) == key)
    if lookup.public:
        statement = statement.execution_options(skip_scope=True)
        mine = Unit.filed_by_unit_id == (scope.current().unit_id or 0)
        statement = statement.where(or_(_public(lookup)[1], mine))
    row = session.scalar(statement)
    return lookup.text(row) if row is not None else str(key)


def _public(lookup: Lookup) -> tuple[Any, Any]:
    """The two conditions of a public lookup: its kind, and being approved."""
    assert lookup.narrow is not None
    kind, approved = lookup.narrow()
    return kind, approved
