"""Papers of units and people, and invitation posters, by the interface (UNT-04, PER-01)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Invitation, InvitationPoster
from app.permissions import Verb
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import World, picture

pytestmark = pytest.mark.feature("INT-04")


@pytest.mark.feature("UNT-04")
@pytest.mark.parametrize(("place", "kind"), [("units", "qualification"), ("people", "certificate")])
def test_a_paper_is_added_read_taken_away(app: Any, session: Any, world: World, place: str, kind: str) -> None:
    firm, officer = Caller(app, world, "maintenance_head"), Caller(app, world, "inspector")
    url = f"/{place}/{world.firm.id if place == 'units' else world.worker.id}/files"
    assert firm.get(url).json["rows"] == [] and firm.get(url).json["may_write"]
    made = firm.send_file(f"{url}?kind={kind}", "资质（正本）.pdf")
    assert made.status_code == 201 and [(r["name"], r["kind"]) for r in made.json["rows"]] == [
        ("资质（正本）.pdf", kind)
    ]
    file = made.json["rows"][0]["url"].removeprefix("/api/v1")
    assert officer.get(url).json["rows"] == made.json["rows"] and officer.get(file).data.startswith(b"%PDF")
    assert rules_of(firm.call("POST", f"{url}?kind=nosuch")) == {"参数"}
    assert rules_of(firm.call("POST", url)) == {"附件"}
    assert firm.send_file(url, "改名.pdf", picture()).status_code == 422, "content and name contradict each other"
    number = made.json["rows"][0]["id"]
    assert officer.call("DELETE", f"{url}/{number}").status_code == 403
    assert officer.send_file(url).status_code == 403
    assert firm.call("DELETE", f"{url}/{number}").json["rows"] == []
    assert {firm.call("DELETE", f"{url}/{number}").status_code, officer.get(file).status_code} == {404}
    assert session.scalar(select(AuditEntry.id).where(AuditEntry.action == "attachment.remove"))


@pytest.mark.feature("UNT-04")
def test_papers_follow_their_record(app: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    for foreign in (
        f"/units/{world.other_firm.id}", f"/people/{world.other_worker.id}", f"/units/{world.use_unit.id}",
    ):  # fmt: skip
        assert firm.get(f"{foreign}/files").status_code == 404, "no partner sees a unit's papers"
        assert firm.send_file(f"{foreign}/files").status_code == 404
        assert firm.call("DELETE", f"{foreign}/files/1").status_code == 404
    reader = Caller(app, world, "maintenance_head", [Verb.UNIT_READ.value, Verb.PERSON_READ.value])
    assert reader.get(f"/units/{world.firm.id}/files").status_code == 200
    assert reader.send_file(f"/units/{world.firm.id}/files").status_code == 403
    assert Caller(app, world, "worker").get(f"/people/{world.worker.id}/files").status_code == 403


POSTER = {"kind": "worker", "hours": 24, "most": 2}


@pytest.mark.feature("PER-01")
def test_a_poster_is_made_and_strangers_ask_by_it(
    app: Any, session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A question against machines is asked of strangers; here it is answered.
    monkeypatch.setattr("app.views.access.captcha.answered", lambda: None)
    firm = Caller(app, world, "maintenance_head")
    assert rules_of(firm.post("/invitation-posters", {})) == {"人员类型", "有效时间", "最多人数"}
    made = firm.post("/invitation-posters", POSTER)
    assert made.status_code == 201 and "no-store" in made.headers["Cache-Control"]
    assert made.json["picture"].startswith("<svg") and made.json["poster"]["used"] == 0
    key, link = made.json["poster"]["id"], made.json["link"]
    assert link.rsplit("/", 1)[1] not in firm.get("/invitation-posters").text
    # Nobody signed in, no token: the page is as it is for whoever scans the picture.
    stranger, page = app.test_client(), "/" + link.split("/", 3)[3]
    told = {"name": "陆川", "phone": "13900000081", "csrf_token": csrf(stranger, page)}
    assert stranger.post(page, data=told).status_code == 302
    asked = session.scalars(select(Invitation)).one()
    assert (asked.name, asked.unit_id, asked.approved_at, asked.poster_id) == ("陆川", world.firm.id, None, key)
    assert [row["used"] for row in firm.get("/invitation-posters").json["rows"]] == [1]
    assert firm.get("/invitations").json["rows"][0]["id"] == asked.id, "it waits for the manager"
    closed = firm.post(f"/invitation-posters/{key}/close")
    assert closed.status_code == 200 and rules_of(firm.post(f"/invitation-posters/{key}/close")) == {"邀请码"}
    assert app.test_client().get(page).status_code == 404 and firm.get("/invitation-posters").json["count"] == 0


@pytest.mark.feature("PER-01")
def test_posters_are_their_units(app: Any, session: Any, world: World) -> None:
    made = Caller(app, world, "other_head").post("/invitation-posters", POSTER).json["poster"]
    firm = Caller(app, world, "maintenance_head")
    assert firm.get("/invitation-posters").json["count"] == 0
    assert firm.post(f"/invitation-posters/{made['id']}/close").status_code == 404
    assert firm.post("/invitation-posters", POSTER | {"unit_id": world.other_firm.id}).status_code in (403, 404, 422)
    for persona in ("worker", "region_admin"):
        assert Caller(app, world, persona).post("/invitation-posters", POSTER).status_code == 403
    assert session.query(InvitationPoster).count() == 1


@pytest.mark.feature("UNT-04")
def test_what_was_sent_ahead_is_listed_and_taken_back(app: Any, session: Any, world: World) -> None:
    firm = Caller(app, world, "maintenance_head")
    first, second = (firm.send_file("/files", name).json["id"] for name in ("甲.pdf", "乙.pdf"))
    assert [row["id"] for row in firm.get("/files").json["rows"]] == [second, first]
    clerk = Caller(app, world, "clerk")
    assert clerk.get("/files").json["count"] == 0 and clerk.call("DELETE", f"/files/{first}").status_code == 403
    assert Caller(app, world, "use_head").call("DELETE", f"/files/{first}").status_code == 404
    assert firm.call("DELETE", f"/files/{first}").json == {"done": True}
    assert firm.get(f"/files/{first}").status_code == 404 and firm.get("/files").json["count"] == 1
    year = {"valid_from": f"{clock.today()}", "valid_until": f"{clock.today()}"}
    assert rules_of(firm.post("/commitments", year | {"scans": [first]})) >= {"材料"}, "what was taken back is no scan"
    assert firm.post("/commitments", year | {"scans": [second]}).status_code == 201
    assert firm.call("DELETE", f"/files/{second}").status_code == 403, "it is the application's now"
    assert firm.get("/files").json["count"] == 0
