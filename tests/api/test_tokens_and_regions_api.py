"""Interface tokens of others, and the tree of regions, by the interface (INT-04, ACC-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import ApiToken
from app.permissions import Verb
from app.transaction import transaction
from app.workflows.access import api_tokens
from tests.api.callers import Caller, rules_of
from tests.api.test_own_api import in_person
from tests.factories import World

pytestmark = pytest.mark.feature("INT-04")


def made(world: World, persona: str) -> ApiToken:
    with transaction(world.session) as session:
        row, _text = api_tokens.make(
            session, world.actor(persona), f"{persona} 的系统", [Verb.ELEVATOR_READ.value],
            clock.today() + dt.timedelta(days=9), clock.now(),
        )  # fmt: skip
    return row


@pytest.mark.feature("ACC-15")
def test_tokens_are_listed_and_ended_by_who_keeps_accounts(app: Any, session: Any, world: World) -> None:
    theirs, foreign = made(world, "clerk"), made(world, "other_head")
    head, admin = Caller(app, world, "maintenance_head"), Caller(app, world, "region_admin")
    for keeper in (head, admin):
        rows = {row["id"]: row for row in keeper.get("/tokens").json["rows"]}
        assert theirs.id in rows and foreign.id not in rows
        assert rows[theirs.id]["verbs"] == ["elevator.read"] and rows[theirs.id]["live"]
        assert theirs.digest not in keeper.get("/tokens").text
        assert keeper.get(f"/tokens/{foreign.id}").status_code == 404
        assert keeper.post(f"/tokens/{foreign.id}/revoke").status_code == 404
    assert head.get(f"/tokens/{theirs.id}").json["account"]["id"] == world.accounts["clerk"].id
    assert Caller(app, world, "worker").get("/tokens").status_code == 403, "whoever keeps no accounts has no list"
    done = head.post(f"/tokens/{theirs.id}/revoke").json
    assert not done["live"] and done["why_dead"] == "已撤销"
    assert head.post(f"/tokens/{theirs.id}/revoke").json == done
    assert head.get("/tokens?tab=ended").json["count"] == 1
    mine = made(world, "worker")
    assert Caller(app, world, "clerk").post(f"/tokens/{mine.id}/revoke").status_code in (403, 404)
    own = Caller(app, world, "worker")
    assert rules_of(own.post(f"/tokens/{mine.id}/revoke"), 403) == {"令牌"}, "no token ends another of its owner's"
    himself = in_person(app, world, "worker")
    assert not himself.post(f"/tokens/{mine.id}/revoke").json["live"]


@pytest.mark.feature("INT-04")
def test_a_token_ends_itself_and_is_nobody_from_then_on(app: Any, session: Any, world: World) -> None:
    reader = Caller(app, world, "worker", [Verb.ELEVATOR_READ.value])
    key = session.scalars(select(ApiToken.id)).one()
    assert reader.get("/elevators").status_code == 200
    assert reader.post(f"/tokens/{key}/revoke").json["why_dead"] == "已撤销"
    assert reader.get("/elevators").status_code == 401


@pytest.mark.feature("ACC-01")
def test_regions_are_found(app: Any, world: World) -> None:
    clerk = Caller(app, world, "clerk", [Verb.UNIT_READ.value])
    rows = clerk.get("/regions").json["rows"]
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    found = clerk.get("/regions?under=980402000000").json["rows"]
    assert [row["name"] for row in found] == ["临河区", "明水街道"]
    assert clerk.get(f"/regions/{found[1]['id']}").json["parent_id"] == found[0]["id"]
    assert clerk.get("/regions?q=明水").json["count"] == 1 and clerk.get("/regions?q=980403").json["count"] == 1
    assert clerk.get("/regions?under=98").status_code == 422
    assert clerk.get("/regions/99999999").status_code == 404
