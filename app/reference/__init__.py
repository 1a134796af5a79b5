"""The product's own reference data: maintenance items by annex and level, versioned; records keep the version used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.rules.levels import Level
from app.wording import say

CURRENT = "T5002-2017"
_FILES = {CURRENT: "maintenance_items.json"}
# A longer service does all shorter ones too (T5002 annexes: 31/44/59/76 items for annex A).
_ORDER = (Level.HALF_MONTH, Level.QUARTER, Level.HALF_YEAR, Level.ANNUAL)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: what, to which requirement; `needs_test` asks for a measured value."""

    code: str
    annex: str
    level: Level
    item: str
    requirement: str
    needs_test: bool = False


@cache
def _load(version: str) -> tuple[dict[str, str], tuple[Item, ...]]:
    data: dict[str, Any] = json.loads((Path(__file__).parent / _FILES[version]).read_text(encoding="utf-8"))
    annexes = {category: name for name, held in data["annexes"].items() for category in held["categories"]}
    items = tuple(
        Item(
            r["code"], r["annex"], Level(r["level"]), say(r["item"]), say(r["requirement"]), r.get("needs_test", False)
        )
        for r in data["items"]
    )
    return annexes, items


@cache
def items_for(category: str, level: Level | str, version: str = CURRENT) -> tuple[Item, ...]:
    """The items of a service, cumulative, in the annex's order; none for 3410 and 3420, whose maker names them."""
    annexes, items = _load(version)
    annex = annexes.get(category)
    wanted = _ORDER[: _ORDER.index(Level(level)) + 1]
    return tuple(i for i in items if i.annex == annex and i.level in wanted)


def all_items(version: str = CURRENT) -> tuple[Item, ...]:
    """Every item of a version."""
    return _load(version)[1]
