"""However a call is refused, the answer has one shape; and what a rule says is what the page says (INT-04)."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import text

from app.permissions import Verb
from app.workflows.core import outbox
from tests.api.callers import PDF, Caller
from tests.api.test_own_api import in_person
from tests.conftest import csrf
from tests.factories import World

pytestmark = pytest.mark.feature("INT-04")
FINDING = {"rule", "ok", "found", "remedy", "field", "value", "link", "level"}


def shaped(answer: Any, status: int) -> None:
    """The one shape: a sentence, the findings in full, and the request's number for whoever asks about it."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json" and set(answer.json) - {"current_version"} == {
        "message", "errors", "request_id",
    }  # fmt: skip
    assert answer.json["message"] and answer.json["request_id"] and answer.json["errors"]
    for one in answer.json["errors"]:
        assert set(one) == FINDING and one["rule"] and one["found"] and one["ok"] is False


def test_nobody_and_a_dead_token(app: Any) -> None:
    client = app.test_client()
    for path in ("/units", "/insurance", "/me/profile", "/inbox", "/privacy", "/regions"):
        shaped(client.get(f"/api/v1{path}"), 401)
        shaped(client.get(f"/api/v1{path}", headers={"Authorization": "Bearer tian_nothing"}), 401)


def test_signing_in_for_a_short_token(app: Any, world: World) -> None:
    client, name = app.test_client(), world.accounts["clerk"].username
    shaped(client.post("/api/v1/security/login", data="x"), 400)
    shaped(client.post("/api/v1/security/login", json={"username": name, "password": "wrong"}), 401)
    shaped(client.post("/api/v1/security/refresh"), 401)
    shaped(client.get("/api/v1/units", headers={"Authorization": "Bearer a.b.c"}), 401)


def test_rights_rows_and_rules(app: Any, world: World) -> None:
    firm, reader = Caller(app, world, "maintenance_head"), Caller(app, world, "clerk", [Verb.COMMITMENT_READ.value])
    shaped(reader.post("/commitments", {}), 403)
    shaped(reader.send_file("/files"), 403)
    shaped(firm.get(f"/units/{world.other_firm.id}/files"), 404)
    shaped(firm.get("/commitments/999999999"), 404)
    shaped(firm.get("/no-such-thing"), 404)
    shaped(firm.call("DELETE", "/commitments"), 405)
    shaped(firm.post("/commitments", {}), 422)
    shaped(firm.post("/commitments", []), 422)
    shaped(firm.call("POST", "/commitments", data=b"{", headers={"Content-Type": "application/json"}), 422)
    shaped(firm.get("/commitments?until_from=morgen"), 422)
    shaped(firm.call("PATCH", f"/people/{world.worker.id}", {"seen_version": 0}), 409)


def test_too_much_at_once(app: Any, world: World) -> None:
    firm, much = Caller(app, world, "maintenance_head"), io.BytesIO(PDF + b"\0" * (21 * 1024 * 1024))
    shaped(firm.call("POST", "/files", data={"file": (much, "大.pdf")}), 413)
    shaped(firm.call("POST", "/commitments", {"note": "长" * (8 * 1024 * 1024)}), 413)


def test_a_cookie_without_its_token(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    shaped(browser.post("/api/v1/commitments", json={}), 400)


def test_two_of_the_same_and_what_nobody_expected(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database refuses is a clash; what is our mistake is told without its inside."""
    from sqlalchemy.exc import IntegrityError

    firm = Caller(app, world, "maintenance_head")

    def clash(*_all: Any, **_more: Any) -> None:
        raise IntegrityError("insert", {}, Exception("unique"))

    def broken(*_all: Any, **_more: Any) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("app.workflows.papers.commitments.submit", clash)
    shaped(firm.post("/commitments", {}), 409)
    monkeypatch.setattr("app.workflows.papers.commitments.submit", broken)
    answer = firm.client.post("/api/v1/commitments", json={}, headers=firm.headers)
    shaped(answer, 500)
    assert "inside" not in answer.text and "ZeroDivision" not in answer.text


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("update region set code = '980402000000'", "与已有记录冲突"),
        ("update unit set region_id = 987654321", "与其他记录有关联"),
        ("update unit set name = null", "内容不完整"),
    ],
    ids=["unique", "foreign key", "not null"],
)
def test_what_the_database_refuses_is_told_by_what_it_is(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, broken: str, told: str
) -> None:
    firm = Caller(app, world, "maintenance_head")
    monkeypatch.setattr(
        "app.workflows.papers.commitments.submit", lambda session, *_all, **_more: session.execute(text(broken))
    )
    answer = firm.post("/commitments", {})
    shaped(answer, 409)
    assert answer.get_json()["message"] == told


SAME: list[tuple[str, str, dict[str, Any], str, dict[str, str]]] = [
    ("POST", "/commitments", {"valid_from": "2026-01-01", "valid_until": "2025-01-01"}, "/commitments/new",
     {"valid_from": "2026-01-01", "valid_until": "2025-01-01"}),
    ("POST", "/insurance", {"payer": "", "from_month": "2026-03", "to_month": "2026-01"}, "/insurance/new",
     {"payer": "", "from_on": "2026-03", "to_on": "2026-01"}),
    ("POST", "/invitation-posters", {"kind": "worker", "hours": 5, "most": 0}, "/invitations/posters",
     {"kind": "worker", "hours": "5", "most": "0"}),
    ("PATCH", "/me/profile", {"sex": "none"}, "/profile/sex", {"sex": "none"}),
    ("PUT", "/notice-settings", {"channels": {}, "quiet_from": "25:00"}, "/notices/", {"quiet_from": "25:00"}),
    ("PUT", "/notice-settings/webhook", {"url": "ftp://x"}, "/notices/webhook", {"webhook": "ftp://x"}),
    ("POST", "/people", {"name": "", "phone": "12"}, "/people/new", {"name": "", "phone": "12"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "page", "form"), SAME, ids=[one[1] for one in SAME])
def test_a_rule_says_the_same_on_both(
    app: Any, world: World, sign_in: Any, method: str, path: str, sent: dict[str, Any], page: str, form: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(outbox.SENDERS, "webhook", lambda *_given: None)  # its form is where there is a way
    told = in_person(app, world, "maintenance_head").call(method, path, sent)
    shaped(told, 422)
    browser = sign_in(world.accounts["maintenance_head"])
    answer = browser.post(page, data=form | {"csrf_token": csrf(browser)})
    shown = re.sub(r"<[^>]+>", "", html.unescape(answer.text))
    assert answer.status_code == 422
    missing = [one["found"] for one in told.json["errors"] if one["found"] not in shown]
    assert not missing, missing
