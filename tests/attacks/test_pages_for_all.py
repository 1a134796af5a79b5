"""Attacks on pages that anybody opens, and on what is kept of pages between here and there."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask_babel import force_locale

from app.reports import pdf
from app.transaction import transaction
from app.views.frame import cells
from app.views.frame.filing_words import Due
from app.wording import say
from app.workflows.access import signin
from app.workflows.people import invitations
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.invitations.ground import PHONE

pytestmark = pytest.mark.usefixtures("uncounted")
NASTY = [
    {"phone": "１３９１１１１２２２２"}, {"phone": "\u202e13911112222"}, {"phone": "9" * 5000},
    {"phone": "' OR 1=1 --"}, {"code": "0" * 5000}, {"phone": PHONE, "code": "<script>"},
]  # fmt: skip


@pytest.mark.feature("PER-02")
@pytest.mark.parametrize("sent", NASTY)
def test_an_open_link_answers_nonsense_with_a_refusal(app: Any, session: Any, world: World, sent: Any) -> None:
    with transaction(session):
        link = invitations.invite(
            session, world.actor("maintenance_head"), name="<script>alert(1)</script>", phone=PHONE, kind="worker",
            at=signin.clock.now(),
        ).token  # fmt: skip
    nobody = app.test_client()
    for deed in ("code", "prove"):
        answer = nobody.post(f"/m/join/{link}/{deed}", data={**sent, "csrf_token": csrf(nobody, f"/m/join/{link}")})
        assert answer.status_code in (200, 302, 422)
    # One who proved his number sends what no form sends.
    nobody.post(f"/m/join/{link}/prove", data={"phone": PHONE, "csrf_token": csrf(nobody, f"/m/join/{link}")})
    page = nobody.get("/m/joining")
    assert page.status_code == 200 and "<script>alert(1)" not in page.text
    nobody.post("/m/joining/accept", data={"csrf_token": csrf(nobody, "/m/joining")})
    files = (("../../etc/passwd.png", b"\x89PNG"), ("=cmd|' /C calc'!A0.png", b""), ("a\r\nX: y.png", b"GIF"))
    for name, data in files:
        nonsense = {
            "name": "=1+1", "resident_id": "<svg/onload=1>", "sex": "x", "certificate_until": "9999-99-99",
            "certificate_no": "x" * 5000, "identity": (io.BytesIO(data), name), "face": (io.BytesIO(data), name),
            "csrf_token": csrf(nobody, "/m/joining"),
        }  # fmt: skip
        answer = nobody.post("/m/joining/data", data=nonsense, content_type="multipart/form-data")
        assert answer.status_code == 422 and "<svg/onload" not in answer.text


@pytest.mark.feature("LIF-07")
@pytest.mark.parametrize("text", ['<img src="file:///etc/passwd">', '<link rel=attachment href="file:///etc/passwd">'])
def test_what_is_printed_fetches_nothing(text: str) -> None:
    """Even where a template once forgot to escape: a printed page reads no file and calls no host."""
    made = pdf.render(f'<html lang="zh"><body>申请编号{text}<p style="background:url(http://127.0.0.1:9/x)">单位</p></body>')
    assert b"root:" not in made.content and b"EmbeddedFile" not in made.content


@pytest.mark.feature("ELV-02")
def test_a_cell_made_for_one_language_is_not_shown_in_another(app: Any) -> None:
    made = {
        "pill": lambda: cells.pill(say("在用"), "ok"), "mark": lambda: cells.mark(say("在用"), "ok"),
        "two": lambda: cells.two(say("在用"), say("在用")), "cut": lambda: cells.cut(say("在用")),
        "countdown": lambda: cells.countdown(Due(say("剩"), 3, say("天"), "", 10), say("在用")),
        "none": lambda: cells.countdown(None, say("在用")),
    }  # fmt: skip
    with app.test_request_context("/"):
        for name, make in made.items():
            with force_locale("zh_Hans_CN"):
                chinese = str(make())
            with force_locale("en"):
                english = str(make())
            with force_locale("zh_Hans_CN"):
                again = str(make())
            assert "在用" in chinese and "In use" in english and "在用" not in english, name
            assert again == chinese, name


@pytest.mark.feature("PUB-01")
@pytest.mark.parametrize("page", ["/open/", "/open/catalog.json", "/open/980400000000/"])
def test_nobodys_cookie_goes_out_with_what_all_may_keep(client: Any, world: World, page: str) -> None:
    answer = client.get(page)
    assert "Set-Cookie" not in answer.headers
    chosen = client.get("/open/?lang=en")
    assert chosen.status_code == 302 and "no-store" in chosen.headers["Cache-Control"]
    assert 'lang="en"' in client.get("/open/").text
