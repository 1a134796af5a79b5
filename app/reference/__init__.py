"""The product's own reference data: maintenance items by annex and level, versioned; records keep the version used."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from app.rules.item_lists import Item as Item
from app.rules.item_lists import up_to
from app.rules.levels import Level
from app.wording import say

CURRENT = "T5002-2017"
_FILES = {CURRENT: "maintenance_items.json"}


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
    wanted = up_to(level)
    return tuple(i for i in items if i.annex == annex and i.level in wanted)


def kind_of(category: str, version: str = CURRENT) -> str:
    """What a list of items is for: the annex of the category, or the category itself where no annex names it."""
    return _load(version)[0].get(category, category)


@cache
def of_annex(annex: str, version: str = CURRENT) -> tuple[Item, ...]:
    """Every item of an annex; none for a kind that has no annex."""
    return tuple(i for i in _load(version)[1] if i.annex == annex)
