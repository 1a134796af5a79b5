"""Inbox, channels, quiet hours and webhook by the interface (NTF-01): one's own and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from app import targets
from app.models import NoticeChoice, Notification
from app.permissions import Verb
from app.transaction import transaction
from app.workflows.core import outbox
from tests.api.callers import Caller, rules_of
from tests.api.test_own_api import in_person
from tests.factories import World
from tests.workflows.filing_world import AT

pytestmark = [pytest.mark.feature("NTF-01", "INT-04"), pytest.mark.usefixtures("on_its_day")]
HOOK = "https://hook.example.com/notify?key=abc"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to the public net, without asking anybody."""
    monkeypatch.setattr(targets, "_resolved", lambda host, port, named: "93.184.216.34")


def told(session: Any, world: World, *titles: str, persona: str = "clerk") -> None:
    with transaction(session):
        for title in titles:
            outbox.notify(session, AT, [world.accounts[persona].id], "job", title, link="/jobs/")
        outbox.deliver_inbox(session, AT)


def test_the_inbox_is_read(app: Any, session: Any, world: World) -> None:
    told(session, world, "甲", "乙", "丙")
    told(session, world, "别人的", persona="worker")
    clerk = Caller(app, world, "clerk")
    rows = clerk.get("/inbox").json["rows"]
    assert [row["title"] for row in rows] == ["丙", "乙", "甲"] and rows[0]["link"] == "/jobs/"
    first = clerk.post(f"/inbox/{rows[0]['id']}/read").json
    assert first["read_at"] and clerk.post(f"/inbox/{rows[0]['id']}/read").json == first
    assert [row["title"] for row in clerk.get("/inbox").json["rows"]] == ["乙", "甲", "丙"]
    assert clerk.get("/inbox?unread=1").json["count"] == 2 and clerk.get("/inbox?unread=0").json["count"] == 1
    assert clerk.get("/inbox?unread=2").status_code == 422
    foreign = session.query(Notification).filter_by(title="别人的").one()
    assert clerk.post(f"/inbox/{foreign.id}/read").status_code == 404
    assert clerk.post("/inbox/read").json == {"count": 2} and clerk.post("/inbox/read").json == {"count": 0}
    session.refresh(foreign)
    assert foreign.read_at is None
    assert Caller(app, world, "clerk", [Verb.UNIT_READ.value]).get("/inbox").status_code == 403


def test_channels_and_quiet_hours_are_chosen(app: Any, session: Any, world: World) -> None:
    clerk = Caller(app, world, "clerk")
    assert clerk.get("/notice-settings").json["channels"]["visit"] == []
    asked = {"channels": {"visit": ["email", "sms"]}, "quiet_from": "22:00", "quiet_until": "7:30"}
    kept = clerk.call("PUT", "/notice-settings", asked).json
    assert (kept["channels"]["visit"], kept["channels"]["job"]) == (["sms", "email"], [])
    assert (kept["quiet_from"], kept["quiet_until"]) == ("22:00", "07:30")
    assert clerk.get("/notice-settings").json == kept
    for wrong, rule in (
        ({"channels": {"visit": ["fax"]}}, "渠道"), ({"channels": {"nosuch": []}}, "通知种类"),
        ({"channels": {}, "quiet_from": "25:00"}, "免打扰"), ({"channels": {}, "quiet_from": "22:00"}, "免打扰"),
        ({"channels": {"visit": "sms"}}, "参数"),
    ):  # fmt: skip
        assert rules_of(clerk.call("PUT", "/notice-settings", wrong)) == {rule}
    assert clerk.get("/notice-settings").json == kept
    assert session.get(NoticeChoice, world.accounts["clerk"].id).quiet_from == 22 * 60
    assert Caller(app, world, "worker").get("/notice-settings").json["channels"]["visit"] == []


@pytest.mark.usefixtures("hook")
def test_a_webhook_is_set_tried_renewed_and_dropped(app: Any, session: Any, world: World) -> None:
    clerk = in_person(app, world, "clerk")
    assert rules_of(clerk.post("/notice-settings/webhook/test")) == {"网址回调"}
    made = clerk.call("PUT", "/notice-settings/webhook", {"url": HOOK})
    assert made.status_code == 200 and "no-store" in made.headers["Cache-Control"]
    assert made.json["settings"]["webhook"] == "hook.example.com" and "abc" not in str(made.json["settings"])
    secret = made.json["secret"]
    kept = session.get(NoticeChoice, world.accounts["clerk"].id).webhook_secret
    assert len(secret) > 30 and secret not in kept and secret not in clerk.get("/notice-settings").text
    renewed = clerk.call("PUT", "/notice-settings/webhook", {"url": HOOK}).json["secret"]
    assert renewed != secret
    tried = clerk.post("/notice-settings/webhook/test")
    assert tried.status_code == 201 and (tried.json["channel"], tried.json["state"]) == ("webhook", "queued")
    sent = clerk.get("/notice-settings/sent").json["rows"]
    assert [(row["address"], row["topic"]) for row in sent] == [("hook.example.com", "test")]
    assert Caller(app, world, "worker").get("/notice-settings/sent").json["count"] == 0
    assert clerk.call("DELETE", "/notice-settings/webhook").json["webhook"] is None
    assert rules_of(clerk.post("/notice-settings/webhook/test")) == {"网址回调"}


@pytest.mark.usefixtures("hook")
def test_a_token_sets_no_webhook_that_would_outlive_it(app: Any, session: Any, world: World) -> None:
    machine, himself = Caller(app, world, "clerk"), in_person(app, world, "clerk")
    assert rules_of(machine.call("PUT", "/notice-settings/webhook", {"url": HOOK}), 403) == {"本人办理"}
    assert session.get(NoticeChoice, world.accounts["clerk"].id) is None
    assert himself.call("PUT", "/notice-settings/webhook", {"url": HOOK}).status_code == 200
    assert machine.call("DELETE", "/notice-settings/webhook").json["webhook"] is None


@pytest.mark.parametrize(
    "url", ["", "http://hook.example.com/", "https://127.0.0.1/x", "https://u:p@example.com/", "ja"]
)
def test_no_webhook_leads_inside(app: Any, world: World, url: str) -> None:
    answer = in_person(app, world, "clerk").call("PUT", "/notice-settings/webhook", {"url": url})
    assert answer.status_code == 422 and answer.json["errors"], url
