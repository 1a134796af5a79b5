"""The REST resources for elevators and applications: scope, CSRF for cookies, the same decision as the page."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Elevator
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.workflows.filing_world import elevator_data, fresh, save, submit

pytestmark = pytest.mark.feature("LIF-07", "ELV-04")


def token(app: Any, world: World, persona: str) -> dict[str, str]:
    body = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db"}
    answer = app.test_client().post("/api/v1/security/login", json=body)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def waiting(world: World) -> Any:
    row = save(world.session, world.actor("maintenance_head"), Elevator, None, elevator_data(world))
    return submit(world.session, world.actor("maintenance_head"), row)


def test_elevators_within_scope(app: Any, world: World) -> None:
    headers, client = token(app, world, "maintenance_head"), app.test_client()
    found = client.get("/api/v1/elevators", headers=headers).json
    assert [row["code"] for row in found["rows"]] == [world.own.code] and found["count_is_exact"]
    one = client.get(f"/api/v1/elevators/{world.own.id}", headers=headers).json
    assert one["filed"]["address"] == world.own.address and one["status"] == "in_use"
    assert client.get(f"/api/v1/elevators/{world.foreign.id}", headers=headers).status_code == 404
    assert client.get("/api/v1/elevators").status_code == 401


@pytest.mark.parametrize("query", ["page=-1", "page=x", "size=0", "size=100000", "status=broken"])
def test_a_bad_parameter_is_named(app: Any, world: World, query: str) -> None:
    answer = app.test_client().get(f"/api/v1/elevators?{query}", headers=token(app, world, "clerk"))
    assert answer.status_code == 422 and answer.json["errors"][0]["field"] == query.split("=")[0]


def test_a_decision_by_token(app: Any, session: Any, world: World) -> None:
    application = waiting(world)
    client, headers = app.test_client(), token(app, world, "inspector")
    url = f"/api/v1/applications/{application.id}"
    seen = client.get(url, headers=headers).json
    assert seen["checks"] and {d["field"] for d in seen["differences"]} >= {"code", "address"}
    listed = client.get("/api/v1/applications?open=1", headers=headers).json["rows"]
    assert [row["number"] for row in listed] == [application.number]
    stale = client.post(f"{url}/decision", json={"verb": "approve", "seen_version": 1}, headers=headers)
    assert stale.status_code == 409 and stale.json["current_version"] == seen["row_version"]
    reasonless = {"verb": "reject", "seen_version": seen["row_version"]}
    assert client.post(f"{url}/decision", json=reasonless, headers=headers).status_code == 422
    done = client.post(
        f"{url}/decision", json={"verb": "approve", "seen_version": seen["row_version"]}, headers=headers
    )
    assert done.status_code == 200 and done.json["state"] == "approved"


@pytest.mark.parametrize(
    "body", [None, [], {"verb": "approve"}, {"verb": 1, "seen_version": 1}, {"verb": "approve", "seen_version": "x"},
             {"verb": "approve", "seen_version": True}, {"verb": "approve", "seen_version": 10**30}],
)  # fmt: skip
def test_a_bad_body_is_told(app: Any, world: World, body: Any) -> None:
    application = waiting(world)
    answer = app.test_client().post(
        f"/api/v1/applications/{application.id}/decision", json=body, headers=token(app, world, "inspector")
    )
    assert answer.status_code == 422 and answer.json["errors"]


def test_a_cookie_needs_a_token_against_forgery(session: Any, world: World, sign_in: Any) -> None:
    application = waiting(world)
    client = sign_in(world.accounts["inspector"])
    url = f"/api/v1/applications/{application.id}/decision"
    body = {"verb": "accept", "seen_version": application.row_version}
    assert client.post(url, json=body).status_code == 400
    fresh(session)
    assert application.state == "submitted"
    assert client.post(url, json=body, headers={"X-CSRFToken": csrf(client)}).status_code == 200


def test_units_decide_nothing(app: Any, session: Any, world: World) -> None:
    application = waiting(world)
    body = {"verb": "approve", "seen_version": application.row_version}
    for persona in ("maintenance_head", "use_head", "worker"):
        answer = app.test_client().post(
            f"/api/v1/applications/{application.id}/decision", json=body, headers=token(app, world, persona)
        )
        assert answer.status_code == 403, persona
    fresh(session)
    assert application.state == "submitted"
