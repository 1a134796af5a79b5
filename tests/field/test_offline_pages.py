"""What pages say of visits without network, and what they hand to the phone for where there is none."""

from __future__ import annotations

import datetime as dt
import html
import io
import json
import re
from typing import Any

import pytest
from PIL import Image

from app import clock
from app.models import Visit
from app.reference import items_for
from app.transaction import transaction
from app.workflows.repair import repair_work, repairs
from tests.conftest import csrf
from tests.factories import World
from tests.pages import flat
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("MNT-05")
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
HERE = {"latitude": "30.5", "longitude": "120.5"}


def _in(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found is not None
    return found[1]


def late(session: Any, world: World, **fields: Any) -> Visit:
    told = {"ahead": 192, "contact_at": (START - HOUR).isoformat(), "in_accuracy": 8, "out_accuracy": None}
    row = add_visit(
        session, world.own, world.worker, dt.date(2026, 3, 2), checked_in_at=START, checked_out_at=START + 40 * MINUTE,
        received_at=START + 9 * HOUR, sent_at=START + 9 * HOUR, phone_told=told, **({"offline": "both"} | fields),
    )  # fmt: skip
    session.commit()
    return row


@pytest.mark.feature("MNT-08")
def test_lists_and_records_tell_of_it(session: Any, huzhou: World, sign_in: Any) -> None:
    row = late(session, huzhou)
    add_visit(session, huzhou.own, huzhou.worker, dt.date(2026, 3, 1))
    session.commit()
    client = sign_in(huzhou.accounts["maintenance_head"])
    every = flat(client.get("/visits/").text)
    assert ">上传时间<" in every and ">18:00<" in every and ">离线<" in every
    # One from before it was kept came as it ended.
    assert "随签退" in every and "2026-03-01 10:00" not in every
    assert client.get("/visits/?f_offline=both").text.count('href="/visits/') >= 1
    assert f'href="/visits/{row.id}"' not in client.get("/visits/?f_offline=out").text
    record = flat(client.get(f"/visits/{row.id}").text)
    assert "离线记录" in record and "快 0:03:12" in record and "8 米" in record and "2026-03-02 08:00" in record
    phone = sign_in(huzhou.accounts["worker"])
    assert "离线" in phone.get("/m/visits").text and "03-02 18:00" in phone.get("/m/visits").text
    assert "03-02 18:00:00" in phone.get(f"/m/visits/{row.id}").text


def test_a_running_visit_is_on_its_page_and_its_key_ends_it_once(session: Any, huzhou: World, sign_in: Any) -> None:
    with clock.frozen(START):
        phone = sign_in(huzhou.accounts["worker"])
        sent = HERE | {"client_key": "page-key-1", "csrf_token": csrf(phone)}
        page = phone.post(f"/m/e/{huzhou.own.code}", data=sent).location
    with clock.frozen(START + 40 * MINUTE):
        text = phone.get(page).text
        carried = json.loads(html.unescape(_in(text, r'data-carried="([^"]*)"')))
        running = carried["running"]
        assert (running["code"], running["key"], running["visit_id"]) == (
            huzhou.own.code, "page-key-1", int(page.rsplit("/", 1)[-1])
        )  # fmt: skip
        assert len(carried["items"][running["items"]]) == len(items_for("3110", "half_month"))
        key = _in(text, r'name="out_key" value="(\w{24})"')
        form = {"mode": "sheet", "fault": "none", "code": huzhou.own.code, "out_key": key, **HERE}
        form |= {"csrf_token": csrf(phone)}
        assert phone.post(f"{page}/out", data=form | {"fault": ""}).status_code == 422
        assert phone.post(f"{page}/out", data=form).status_code == 302
        # The answer was lost and the form sent again: as before, and nothing is refused.
        assert phone.post(f"{page}/out", data=form).status_code == 302
        assert phone.post(f"{page}/out", data=form | {"out_key": "another-key"}).status_code == 422
    session.rollback()
    assert session.get(Visit, running["visit_id"]).out_key == key


def test_phone_pages_say_whose_they_are_and_who_makes_visits(huzhou: World, sign_in: Any) -> None:
    worker = sign_in(huzhou.accounts["worker"]).get("/m/me").text
    assert f'data-me="{huzhou.accounts["worker"].id}" data-makes' in worker and "js/offline.js" in worker
    officer = sign_in(huzhou.accounts["safety_officer"]).get("/m/me").text
    assert f'data-me="{huzhou.accounts["safety_officer"].id}"></span>' in officer


@pytest.mark.feature("REP-03")
def test_the_steps_of_a_repair_are_what_the_phone_keeps(session: Any, huzhou: World, sign_in: Any) -> None:
    """Each form names its step and order; the frame of what is kept has the words for both."""
    now = clock.now()
    with transaction(session):
        row = repairs.report(session, huzhou.actor("safety_officer"), huzhou.own.id, "stopped", "停梯", "", now)
        repair_work.assign(session, huzhou.actor("clerk"), row.id, huzhou.worker.id, [], now)
        repair_work.accept(session, huzhou.actor("worker"), row.id, now)
    client = sign_in(huzhou.accounts["worker"])
    page = client.get(f"/m/repairs/{row.id}").text
    forms = re.findall(r'<form method="post"[^>]*data-step="(\w+)" data-order="(\d+)" data-code="(\w+)"', page)
    assert forms == [(verb, str(row.id), huzhou.own.code) for verb in ("depart", "start")]
    assert all(f'name="verb" value="{verb}"' in page for verb in ("depart", "start"))
    words = json.loads(html.unescape(_in(client.get("/m/outbox").text, r'data-words="([^"]+)"')))
    assert words["depart"] == "出发" and words["gostart"] == "到场，开始维修" and "{c}" in words["stepask"]


def test_a_phone_puts_it_on_its_first_screen(world: World, sign_in: Any, client: Any) -> None:
    """Asked for without an account: browsers fetch it without a session."""
    answer = client.get("/m/app.webmanifest")
    assert answer.status_code == 200 and answer.mimetype == "application/manifest+json"
    told = json.loads(answer.text)
    assert told["start_url"] == "/m/" and told["display"] == "standalone" and told["short_name"] == "梯安"
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        picture = Image.open(io.BytesIO(client.get(icon["src"]).data))
        assert "x".join(map(str, picture.size)) == icon["sizes"] and picture.format == "PNG"
        edge = {picture.convert("RGB").getpixel(at) for at in ((0, 0), (picture.width - 1, picture.height - 1))}
        assert edge == {(0x1A, 0x62, 0xA8)}, "a system that cuts its own shape meets no empty corner"
    page = sign_in(world.accounts["worker"]).get("/m/").text
    assert '<link rel="manifest" href="/m/app.webmanifest">' in page
    icon = _in(page, r'<link rel="apple-touch-icon" href="([^"]+)">')
    assert Image.open(io.BytesIO(client.get(html.unescape(icon)).data)).size == (180, 180)
