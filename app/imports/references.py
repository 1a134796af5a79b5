"""What cells name: regions and units, by code or name, with near names for what was not found."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select

from app.models import Region, Unit
from app.permissions import Actor
from app.rules.identifiers import normal_code
from app.transaction import AnySession

AT_ONCE = 400
# Names among which near ones are looked for, and how many words are looked up so.
MOST_NAMES = 50_000
MOST_NEAR_WORDS = 100
NEAR = 0.5
MOST_REGIONS = 400
Option = dict[str, Any]


def parts(keys: list[Any]) -> Iterable[list[Any]]:
    """Lists short enough for one IN."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def _bare(text: str) -> str:
    return "".join(text.split()).replace("/", "").replace(">", "")


class Regions:
    """Regions by code, by name where it is the only one, and by the names of the way down to it."""

    def __init__(self, session: AnySession, actor: Actor) -> None:
        found = session.execute(select(Region.id, Region.code, Region.name, Region.parent_id).order_by(Region.code))
        held = {number: (code, name, parent) for number, code, name, parent in found}
        self.by: dict[str, int | None] = {}
        self.names: dict[int, str] = {}
        self._words: dict[int, tuple[str, str, str]] = {}
        span = actor.region_span
        for number, (code, name, parent) in held.items():
            self.by[code] = number
            path, above = name, parent
            self._add(path, number)
            while above is not None:
                path, above = held[above][1] + path, held[above][2]
                self._add(path, number)
                # 临河区明水: many leave out that it is a street. 明水 alone may be a village or a road.
                if path.endswith("街道"):
                    self._add(path.removesuffix("街道"), number)
            self._words[number] = (name, path, code)
            if span is None or span[0] <= code < span[1]:
                self.names[number] = path

    def _add(self, name: str, number: int) -> None:
        self.by[name] = None if name in self.by and self.by[name] != number else number

    def is_several(self, text: str) -> bool:
        """Whether more than one region is called so: which is meant says its district."""
        bare = _bare(text)
        return bare in self.by and self.by[bare] is None

    def find(self, text: str) -> int | None:
        bare = _bare(text)
        padded = bare.ljust(12, "0") if bare.isascii() and bare.isdigit() else bare
        return self.by.get(bare) or self.by.get(padded)

    def shows(self, key: Any, text: str) -> bool:
        """Whether a text is what an export writes for this region: its name alone, the way down to it, or its code."""
        return text.strip() in self._words.get(key, ()) if isinstance(key, int) else False

    def code_of(self, key: Any) -> str | None:
        """A region's 12 digits by its row."""
        return self._words[key][2] if key in self._words else None

    def options(self) -> list[Option]:
        """What a word may be taken for: the regions that the actor is in charge of."""
        return [{"value": key, "label": name} for key, name in list(self.names.items())[:MOST_REGIONS]]


class UnitNames:
    """Units that the actor may name, by name and by 统一社会信用代码; one name may be several units'."""

    def __init__(self, session: AnySession, actor: Actor) -> None:
        self._session, self._actor = session, actor
        self._ids: dict[str, list[int]] = {}

    def look_up(self, names: set[str]) -> None:
        """Read the units of these names that were not read yet."""
        fresh = {n for n in names if n not in self._ids}
        asked = fresh | {normal_code(n) for n in fresh}
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for part in parts(sorted(asked)):
            statement = (
                select(Unit.id, Unit.name, Unit.uscc, Unit.approved_version)
                .where(or_(Unit.name.in_(part), Unit.uscc.in_(part)), self.nameable())
                .order_by(Unit.approved_version, Unit.id)
                .execution_options(skip_scope=True)
            )
            for number, name, code, version in self._session.execute(statement):
                for word in (name, code):
                    found.setdefault(word, {})[code] = (number, version)
        for name in fresh:
            held = (found.get(name) or found.get(normal_code(name)) or {}).values()
            # A draft of the same name stands back behind what is approved.
            self._ids[name] = [n for n, version in held if version] or [n for n, _ in held]

    def find(self, name: str) -> list[int]:
        """None, one, or all units of this name."""
        return self._ids.get(name, [])

    def nameable(self) -> Any:
        """Approved units can be named by all; drafts by their filer."""
        own = self._actor.unit_id or 0
        mine = or_(Unit.filed_by_unit_id == own, Unit.id == own)
        return or_(Unit.approved_version > 0, mine) if not self._actor.sees_everything else Unit.id > 0

    def may_name(self, key: int) -> str | None:
        """The name of the unit with this key, where the actor may name it."""
        statement = select(Unit.name).where(Unit.id == key, self.nameable()).execution_options(skip_scope=True)
        found: str | None = self._session.scalar(statement)
        return found

    def current(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Name and code of units that rows name already, whoever may see them."""
        found: dict[int, tuple[str, str]] = {}
        for part in parts(sorted(set(ids))):
            statement = select(Unit.id, Unit.name, Unit.uscc).where(Unit.id.in_(part))
            for key, name, code in self._session.execute(statement.execution_options(skip_scope=True)):
                found[key] = (name, code)
        return found

    def near(self, words: list[str]) -> dict[str, list[Option]]:
        """For each word the units that it may have meant, the likeliest first; several of one name by their codes."""
        words = words[:MOST_NEAR_WORDS]
        if not words:
            return {}
        statement = (
            select(Unit.id, Unit.name, Unit.uscc)
            .where(self.nameable())
            .order_by(Unit.id)
            .limit(MOST_NAMES)
            .execution_options(skip_scope=True)
        )
        held = [(key, name, code) for key, name, code in self._session.execute(statement)]
        pairs: dict[str, list[int]] = {}
        for at, (_key, name, _code) in enumerate(held):
            for pair in _pairs(name):
                pairs.setdefault(pair, []).append(at)
        return {word: [_option(held[at]) for at in _likeliest(word, held, pairs)] for word in words}


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def _likeliest(word: str, held: list[tuple[int, str, str]], pairs: dict[str, list[int]]) -> list[int]:
    # Pairs that nearly every name has (有限, 公司) tell nothing and would cost most.
    common = max(50, len(held) // 20)
    shared = Counter(at for p in _pairs(word) if len(found := pairs.get(p, [])) <= common for at in found)
    scored = [
        (difflib.SequenceMatcher(None, word, held[at][1]).ratio() + 0.3 * (word in held[at][1]), -at)
        for at, _ in shared.most_common(40)
    ]
    return [-at for score, at in sorted(scored, reverse=True)[:5] if score >= NEAR]


def _option(unit: tuple[int, str, str]) -> Option:
    return {"value": unit[0], "label": f"{unit[1]}　{unit[2]}"}
