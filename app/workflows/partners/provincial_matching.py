"""Whose the register's units are among ours, and what of an item differs from what we have (INT-01)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.models import Elevator, ProvincialUnit, Unit
from app.models.among import among
from app.models.region import code_span
from app.rules.provincial import FIELDS, UNITS, Named, Theirs, Unlike, compare, near_names, normal_text
from app.transaction import AnySession

# Of the names that share most with one, so many are looked at closely.
MOST_LOOKED_AT = 60
_elevator: Any = Elevator.__table__.c
_unit: Any = Unit.__table__.c


@dataclass
class Units:
    """Our approved units by what the register may call them; read once a run."""

    by_uscc: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, list[int]] = field(default_factory=dict)
    linked: dict[tuple[str, str], int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    _pairs: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, session: AnySession) -> Units:
        found = cls()
        rows = session.execute(select(_unit.id, _unit.name, _unit.uscc).where(_unit.approved_version > 0))
        for key, name, uscc in rows:
            found.names[key] = name
            found.by_uscc[uscc] = key
            found.by_name.setdefault(normal_text(name), []).append(key)
        linked = select(ProvincialUnit.name, ProvincialUnit.uscc, ProvincialUnit.unit_id)
        for name, uscc, key in session.execute(linked.execution_options(skip_scope=True)):
            found.linked[name, uscc] = key
        return found

    def of(self, named: Named) -> int | None:
        """The unit with this code, else with exactly this name, else the one that a regulator linked; or nobody."""
        if named.uscc and named.uscc in self.by_uscc:
            return self.by_uscc[named.uscc]
        same = self.by_name.get(named.name, [])
        if len(same) == 1:
            return same[0]
        return self.linked.get((named.name, named.uscc))

    def near(self, named: Named) -> list[int]:
        """Units whose names are like it; suggestions."""
        if not named.name:
            return []
        if not self._pairs:
            for key, name in self.names.items():
                for pair in _pairs_of(name):
                    self._pairs.setdefault(pair, []).append(key)
        shared = Counter(key for pair in _pairs_of(named.name) for key in self._pairs.get(pair, ()))
        closest = [key for key, _count in shared.most_common(MOST_LOOKED_AT)]
        return near_names(named.name, [(key, self.names[key]) for key in closest])


def _pairs_of(name: str) -> set[str]:
    plain = normal_text(name)
    return {plain[n : n + 2] for n in range(len(plain) - 1)}


def standing(session: AnySession, codes: Sequence[str]) -> dict[str, Any]:
    """Our elevators in force with these codes, by code: one statement."""
    statement = select(
        _elevator.id, _elevator.code, _elevator.filing_state, _elevator.approved_version, _elevator.is_secret,
        _elevator.region_code, _elevator.maintenance_unit_id, _elevator.use_unit_id, _elevator.status,
        *(_elevator[name] for name in FIELDS if name not in (*UNITS, "region", "status")),
    ).where(among(session, _elevator.code, list(codes)), _elevator.approved_version > 0)
    return {row.code: row for row in session.execute(statement)}


def ours_of(row: Any) -> dict[str, Any]:
    """Our values under the register's names, days as texts."""
    found = {name: getattr(row, name) for name in FIELDS if name not in (*UNITS, "region")}
    found |= {
        "region": row.region_code, "maintenance_unit": row.maintenance_unit_id, "use_unit": row.use_unit_id,
    }  # fmt: skip
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in found.items()}


def ours_of_content(content: Mapping[str, Any], region_code: str, status: str) -> dict[str, Any]:
    """The same of a filing's content, which is what an edit starts from."""
    found = {name: content.get(name) for name in FIELDS if name not in (*UNITS, "region", "status")}
    return found | {
        "region": region_code, "status": status, "maintenance_unit": content.get("maintenance_unit_id"),
        "use_unit": content.get("use_unit_id"),
    }  # fmt: skip


def unlike(theirs: Theirs, ours: Mapping[str, Any], units: Units) -> list[Unlike]:
    """What differs. A unit that is nobody's of ours differs; a district is where its streets are."""
    said: dict[str, Any] = dict(theirs.values)
    for name in UNITS:
        named: Named = getattr(theirs, name)
        if not named.empty:
            said[name] = units.of(named) or -1
    place = said.get("region")
    if place is not None and ours.get("region"):
        low, high = code_span(place)
        if low <= str(ours["region"]) < high:
            said["region"] = ours["region"]
    return compare(said, ours)


def unknown_units(theirs: Theirs, units: Units) -> dict[str, list[int]]:
    """The sides of the item that are no unit of ours, each with the units whose names are like it."""
    found = {}
    for name in UNITS:
        named: Named = getattr(theirs, name)
        if not named.empty and units.of(named) is None:
            found[name] = units.near(named)
    return found
