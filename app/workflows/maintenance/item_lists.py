"""Which maintenance items a visit does: the statutory list with the own ones of regions and units on it (PLN-08).

A visit keeps the name of its list (`Visit.item_version`), so its record always shows the texts of its day. What an own
list says never changes once it is in force: a process reads each once. Where nobody has one, nothing is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Text, bindparam, cast, func, literal_column, or_, select

from app.models import ItemSet, Visit
from app.policy import chain
from app.reference import CURRENT, items_for, kind_of, of_annex
from app.rules import item_lists
from app.rules.item_lists import Head, Item
from app.rules.levels import Level
from app.transaction import AnySession

_set: Any = ItemSet.__table__.c
_BAR: Any = literal_column("'|'")
_SPACE: Any = literal_column("' '")
# The own lists in force of the unit `unit` and of all regions, as one text: rides in a statement about something else,
# and whoever reads it hands it to `read`.
HEADS = (
    select(
        func.aggregate_strings(
            cast(_set.id, Text) + _BAR + _set.kind + _BAR
            + func.coalesce(cast(_set.unit_id, Text), literal_column("''")) + _BAR
            + _set.region_code + _BAR + cast(_set.from_on, Text),
            _SPACE,
        )
    )
    .where(_set.state == literal_column("'in_force'"), or_(_set.unit_id.is_(None), _set.unit_id == bindparam("unit")))
    .scalar_subquery()
)  # fmt: skip

# By database what was put together of own lists. They are never changed and never taken away.
SEEN: WeakKeyDictionary[Any, dict[tuple[str, str], tuple[Item, ...]]] = WeakKeyDictionary()
MOST_SEEN = 1000


def read(told: str | None) -> tuple[Head, ...]:
    """The lists that `HEADS` named."""
    found = (one.split("|") for one in (told or "").split())
    return tuple(
        Head(int(key), kind, int(unit) if unit else None, region, dt.date.fromisoformat(day))
        for key, kind, unit, region, day in found
    )


def heads(session: AnySession, unit_id: int | None) -> tuple[Head, ...]:
    """The own lists in force of a unit and of all regions."""
    return read(session.scalar(select(HEADS), {"unit": unit_id or 0}))


def holding(
    found: Iterable[Head], unit_id: int | None, region_code: str | None, kind: str, on: dt.date
) -> tuple[Head, ...]:
    """Which of them hold for a unit's visit in a region on a day."""
    return item_lists.holding(found, kind, unit_id, chain(region_code), on)


def version_for(
    found: Sequence[Head], unit_id: int | None, region_code: str | None, category: str | None, on: dt.date
) -> str:
    """The name of the list that a visit of the unit at an elevator of the region does on a day."""
    if not found:
        return CURRENT
    return item_lists.version_of(CURRENT, holding(found, unit_id, region_code, kind_of(category or ""), on))


def taken_along(
    found: Sequence[Head], unit_id: int | None, region_code: str | None, category: str | None, on: dt.date, told: str
) -> str:
    """The list that a phone without network says it carried, if that held a short while ago; else the day's own."""
    known = item_lists.carried(found, kind_of(category or ""), unit_id, chain(region_code), on, CURRENT)
    return told if told in known else version_for(found, unit_id, region_code, category, on)


def items_of(
    session: AnySession, category: str, level: Level | str, version: str | None = None
) -> tuple[Item, ...]:
    """The items of a service by the list of this name, cumulative, each level's in order."""
    base, own = item_lists.parts_of(version or CURRENT)
    if not own:
        return items_for(category, level, base)
    wanted = item_lists.up_to(level)
    return tuple(item for item in whole(session, kind_of(category, base), version or CURRENT) if item.level in wanted)


def of_visit(session: AnySession, visit: Visit) -> tuple[Item, ...]:
    """What a visit does or did."""
    return items_of(session, str((visit.snapshot or {}).get("category") or ""), visit.level, visit.item_version)


def whole(session: AnySession, kind: str, version: str) -> tuple[Item, ...]:
    """Every item of a kind by the list of this name."""
    base, own = item_lists.parts_of(version)
    if not own:
        return of_annex(kind, base)
    seen = SEEN.setdefault(session.get_bind(), {})
    if (version, kind) not in seen:
        if len(seen) >= MOST_SEEN:
            seen.clear()
        seen[(version, kind)] = _composed(session, kind, base, own)
    return seen[(version, kind)]


def _composed(session: AnySession, kind: str, base: str, own: Sequence[int]) -> tuple[Item, ...]:
    statement = select(_set.id, _set.rows).where(_set.id.in_(own), _set.kind == kind, _set.state == "in_force")
    rows: dict[int, Any] = {row.id: row.rows for row in session.execute(statement)}
    items = of_annex(kind, base)
    for key in own:
        items = item_lists.compose(items, rows.get(key, ()), kind)
    return items
