"""`/api/v1/items` and `/item-sets`: what holds, and own lists within the caller's scope (PLN-08)."""

from __future__ import annotations

from typing import Any

import pytest

from app import clock
from app.reference import CURRENT
from app.rules.item_lists import Item
from app.rules.levels import Level
from app.transaction import transaction
from app.workflows.maintenance import item_sets
from tests.api.callers import Caller
from tests.factories import World

pytestmark = pytest.mark.feature("PLN-08", "INT-04")
NEW = Item("", "A", Level.ANNUAL, "轿厢内显示屏", "画面清晰，无破损", True, "lx")


def test_what_holds_and_its_versions_are_read(app: Any, session: Any, world: World) -> None:
    head, at = world.actor("maintenance_head"), clock.now()
    with transaction(session):
        made = item_sets.start(session, head, "A", at)
        given = [*item_sets.whole(session, made), NEW]
        item_sets.save(session, head, made.id, "恒枢版", clock.local_day(at), "", given, at)
        item_sets.submit(session, head, made.id, at)
    key = made.id
    caller = Caller(app, world, "maintenance_head")
    told = caller.get("/items/A").json
    assert (told["version"], told["counts"]["annual"], len(told["items"])) == (CURRENT, 76, 76)
    assert told["items"][0]["source"] == CURRENT
    waiting = caller.get("/item-sets?tab=waiting").json["rows"]
    assert [(row["id"], row["state"], row["own_items"]) for row in waiting] == [(key, "submitted", 1)]
    with transaction(session):
        row = session.get(type(made), key)
        item_sets.approve(session, world.actor("inspector"), key, row.row_version, "", at)
    told = caller.get("/items/A").json
    assert (told["version"], told["counts"]) == (
        f"{CURRENT}+{key}", {"half_month": 31, "quarter": 44, "half_year": 59, "annual": 77},
    )  # fmt: skip
    last = told["items"][-1]
    assert (last["item"], last["measure"], last["source"]) == (NEW.item, "lx", world.firm.name)
    one = caller.get(f"/item-sets/{key}").json
    assert (one["name"], one["state"], len(one["items"])) == ("恒枢版", "in_force", 77)
    assert caller.get("/items/3420").json["items"] == []
    assert caller.get("/items/E").status_code == 404
    stranger = Caller(app, world, "other_head")
    assert stranger.get(f"/item-sets/{key}").status_code == 404
    assert stranger.get("/item-sets").json["rows"] == [] and len(stranger.get("/items/A").json["items"]) == 76
