"""PER-10, PER-03: pages of one's own data, of requests and terms; a key that is missing says so."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from app import vault
from app.models import AuditEntry, ExportRecord, Unit
from tests.factories import World, picture
from tests.views.test_security import token_of
from tests.views.test_security_people import client_of

pytestmark = pytest.mark.feature("PER-10")
PNG = picture()


def post(client: Any, door: str, **data: Any) -> Any:
    token = token_of(client.get("/password/"))
    return client.post(door, data=data | {"csrf_token": token})


def test_a_person_gives_and_takes_back_his_photo(app: Any, session: Any, world: World) -> None:
    client = client_of(app, world, "worker")
    page = client.get("/privacy/").get_data(as_text=True)
    assert "可以不提供" in page and "我单独同意" in page
    assert post(client, "/privacy/face", face=(io.BytesIO(PNG), "脸.png")).status_code == 422
    assert post(client, "/privacy/face", face=(io.BytesIO(PNG), "脸.png"), agreed="1").status_code == 302
    page = client.get("/privacy/").get_data(as_text=True)
    link = page.partition('<img src="/files/')[2].partition('"')[0]
    assert client.get(f"/files/{link}").data.startswith(PNG[:8])
    assert client_of(app, world, "clerk").get(f"/files/{link}").status_code == 403
    assert post(client, "/privacy/face/withdraw").status_code == 302
    assert client.get(f"/files/{link}").status_code == 404


def test_a_request_goes_to_the_officer_and_back(app: Any, session: Any, world: World) -> None:
    client, officer = client_of(app, world, "worker"), client_of(app, world, "region_admin")
    assert "没有选择" in post(client, "/privacy/ask", kind="x", detail="y").get_data(as_text=True)
    assert post(client, "/privacy/ask", kind="correction", detail="姓名写错了").status_code == 302
    listed = officer.get("/privacy/requests/").get_data(as_text=True)
    key = re.search(r"/privacy/requests/(\d+)", listed)[1]
    assert "姓名写错了" in listed and "姓名写错了" in officer.get(f"/privacy/requests/{key}").get_data(as_text=True)
    assert client.get(f"/privacy/requests/{key}").status_code in (302, 403)
    answer = post(officer, f"/privacy/requests/{key}/answer", result="done", answer="已按身份证更正")
    assert answer.status_code == 302
    assert "已按身份证更正" in client.get("/privacy/").get_data(as_text=True)
    terms = officer.get("/privacy/retention").get_data(as_text=True)
    assert "1826 天" in terms and "TSG T5002" in terms
    told = post(client, "/privacy/copy")
    assert world.worker.phone in told.get_data(as_text=True) and "attachment" in told.headers["Content-Disposition"]


@pytest.mark.feature("PER-03")
def test_the_form_shows_a_mask_and_keeps_the_number(app: Any, session: Any, world: World) -> None:
    client, phone = client_of(app, world, "clerk"), world.worker.phone
    door = f"/people/{world.worker.id}/edit"
    page = client.get(door).get_data(as_text=True)
    assert phone not in page and f"{phone[:3]}****{phone[-4:]}" in page
    fields = {"name": world.worker.name, "phone": f"{phone[:3]}****{phone[-4:]}", "work_kind": "电梯修理"}
    assert post(client, door, **fields, row_version="1").status_code == 302
    session.rollback()  # as it is now
    assert world.worker.phone == phone and world.worker.work_kind == "电梯修理"
    wrong = post(client, door, **fields | {"phone": "139****0000"}, row_version="2")
    assert wrong.status_code == 422 and "应为 11 位" in wrong.get_data(as_text=True)


@pytest.mark.feature("PER-03")
def test_a_units_contacts_are_masked_until_a_reason_is_given(app: Any, session: Any, world: World) -> None:
    unit: Unit = world.firm
    unit.head_phone = "13855554444"
    session.commit()
    client, door = client_of(app, world, "inspector"), f"/reveal/unit/{unit.id}"
    page = client.get(f"/units/{unit.id}").get_data(as_text=True)
    assert "13855554444" not in page and "138****4444" in page and door in page
    assert "查看原因" in post(client, door, what="head_phone", reason="").get_data(as_text=True)
    assert "13855554444" in post(client, door, what="head_phone", reason="事故联系").get_data(as_text=True)
    assert post(client, door, what="name", reason="事故联系").status_code == 422
    assert post(client, f"/reveal/ab_user/{unit.id}", what="phone", reason="事故联系").status_code == 404


def test_a_missing_key_is_said_in_words(app: Any, session: Any, world: World) -> None:
    client = client_of(app, world, "inspector")
    try:
        vault.use_keys([vault.new_key()])
        answer = client.get("/people/")
        assert answer.status_code == 503
        said = answer.get_data(as_text=True)
        assert "DATA_KEYS" in said and "Traceback" not in said
        told = client.get("/people/", headers={"Accept": "application/json"})
        assert told.status_code == 503 and "DATA_KEYS" in told.get_data(as_text=True)
    finally:
        vault.use_keys(app.config["DATA_KEYS"], app.config["INDEX_KEYS"])


@pytest.mark.feature("PER-03")
def test_a_search_for_a_number_is_masked_in_the_exports_record(app: Any, session: Any, world: World) -> None:
    client, phone = client_of(app, world, "inspector"), world.worker.phone
    made = post(client, "/exports/people", query=f"f_phone={phone}", format="csv")
    assert made.status_code == 200 and world.worker.name in made.get_data(as_text=True)
    assert phone not in made.get_data(as_text=True)
    session.rollback()
    record = session.query(ExportRecord).one()
    assert phone in record.query and phone not in record.filter, "it can be run again, and tells nothing"
    entry = session.query(AuditEntry).filter_by(action="export.make").one()
    assert phone not in str(entry.after) and f"{phone[:3]}****" in str(entry.after)
