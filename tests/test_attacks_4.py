"""An attacker's fourth review, of what devices, strangers and offices send: each finding as the attack that it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.callers import Caller
from tests.factories import World
from tests.workflows.test_iot import bound, event

# --- devices


@pytest.mark.feature("INT-03")
@pytest.mark.parametrize(
    "poison",
    [
        {"sent_at": "0001-01-02T00:00:00+00:00"}, {"sent_at": "9999-12-30T00:00:00+00:00"},
        {"sent_at": -62135596800000}, {"events": [event("bad", data={"x": float("nan")})]},
        {"events": [event("bad", data={"x": [float("inf")]})]},
    ],
)  # fmt: skip
def test_one_wrong_message_stops_no_others(app: Any, world: World, poison: dict[str, Any]) -> None:
    """A maker's platform sends two hundred at once: one clock of the year 1, or one NaN, was a 500 for all of them."""
    bound(world)
    caller = Caller(app, world, "maintenance_head")
    good = {"device": "SN-001", "events": [event("good")]}
    sent = json.dumps({"messages": [{"device": "SN-001", "events": [event("other")]} | poison, good]})
    answer = caller.client.post(
        "/api/v1/iot/messages", data=sent, headers=caller.headers, content_type="application/json"
    )
    assert answer.status_code == 200 and answer.json["accepted"] >= 1, answer.text
    kept = {row["event_id"] for row in caller.get("/iot/events?tab=all").json["rows"]}
    assert "good" in kept and "bad" not in kept
