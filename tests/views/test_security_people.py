"""Pages of persons: masked phones, certificates with scans, foreign rows (PER-03, PER-05, PER-07)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Application, Attachment, AuditEntry, GradeCertificate, Person
from tests.factories import World, picture
from tests.views.test_security import sign_in, token_of

PNG = picture()


def client_of(app: Any, world: World, persona: str) -> Any:
    client = app.test_client()
    sign_in(client, world.accounts[persona].username)
    return client


@pytest.mark.feature("PER-03")
def test_phones_are_masked_until_they_are_asked_for(app: Any, session: Any, world: World) -> None:
    phone = world.worker.phone
    client = client_of(app, world, "inspector")
    for path in ("/people/", f"/people/{world.worker.id}"):
        page = client.get(path).get_data(as_text=True)
        assert phone not in page and f"{phone[:3]}****{phone[-4:]}" in page
    token = client.get("/people/")  # any page has one in its head
    token = token_of(client.get("/password/"))
    headers = {"X-CSRFToken": token, "Accept": "application/json"}
    asked = {"what": "phone", "reason": "核对联系方式"}
    reveal = f"/reveal/person/{world.worker.id}"
    assert client.post(reveal, data=asked).status_code == 400
    assert client.post(reveal, data={"what": "phone"}, headers=headers).status_code == 422
    answer = client.post(reveal, data=asked, headers=headers)
    assert answer.json == {"text": phone} and "no-store" in answer.headers["Cache-Control"]
    assert client.post(f"/reveal/person/{world.other_worker.id}", data=asked, headers=headers).status_code == 404
    session.rollback()
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.reveal")).all()
    assert [e.entity_id for e in entries] == [world.worker.id]
    assert entries[0].after == {"fields": ["phone"], "reason": "核对联系方式"}
    clerk = client_of(app, world, "clerk")
    headers = {"X-CSRFToken": token_of(clerk.get("/password/"))}
    assert clerk.post(reveal, data=asked, headers=headers).status_code == 403


@pytest.mark.feature("PER-03")
def test_a_part_of_a_phone_finds_nobody(app: Any, world: World) -> None:
    client = client_of(app, world, "inspector")
    for query, seen in (
        (f"q={world.worker.phone[:6]}", False), (f"f_phone={world.worker.phone[:6]}", False),
        (f"f_phone={world.worker.phone}", True), ("q=砚", True), ("q=%25", False), ("q=砚&tab=left", False),
    ):  # fmt: skip
        assert ("王砚秋" in client.get(f"/people/?{query}").get_data(as_text=True)) is seen, query


ODD = [
    "page=abc", "page=99999999999999999999", "page=-1", "tab=x", "sort=-nosuch", "f_until_from=x", "q=%25_%5C",
    "q=" + "x" * 900,
]  # fmt: skip


@pytest.mark.feature("PER-03")
@pytest.mark.parametrize("query", ODD)
def test_odd_parameters_are_no_error(app: Any, world: World, query: str) -> None:
    assert client_of(app, world, "inspector").get(f"/people/?{query}").status_code == 200


@pytest.mark.feature("PER-05")
def test_a_person_is_entered_and_a_refused_form_keeps_its_input(app: Any, session: Any, world: World) -> None:
    client = client_of(app, world, "clerk")
    data = {
        "csrf_token": token_of(client.get("/people/new")), "name": "何一帆", "phone": "139", "certificate_until": "x",
        "unit_id": world.other_firm.id, "region_code": "980403000000", "left_on": "2020-01-01",
    }  # fmt: skip
    blank = client.get("/people/new").get_data(as_text=True)
    assert "上报备案前须填齐：姓名、身份证号、手机、作业人员证编号、证书发证日期、证书有效期至" in blank
    page = client.post("/people/new", data=data)
    assert page.status_code == 422 and "x 不是日期" in page.get_data(as_text=True)
    page = client.post("/people/new", data=data | {"certificate_until": ""})
    assert page.status_code == 422 and 'value="何一帆"' in page.get_data(as_text=True)
    page = client.post("/people/new", data=data | {"certificate_until": "2030-01-01", "phone": "13911112222"})
    assert page.status_code == 302
    session.rollback()
    made = session.scalars(select(Person).where(Person.name == "何一帆")).one()
    assert (made.unit_id, made.region_code, made.left_on) == (world.firm.id, "980402000000", None)


@pytest.mark.feature("PER-07")
def test_a_certificate_goes_to_the_regulator_with_its_scan(app: Any, session: Any, world: World) -> None:
    client = client_of(app, world, "clerk")
    path = f"/people/{world.worker.id}/certificate"
    data = {
        "csrf_token": token_of(client.get(path)), "grade": "senior", "certificate_no": "G-2026-1",
        "issued_on": "2025-01-01", "valid_until": "",
    }  # fmt: skip
    none = client.post(path, data=data)
    assert none.status_code == 422 and "没有上传" in none.get_data(as_text=True)
    fake = client.post(path, data=data | {"scan": (io.BytesIO(b"<svg onload=alert(1)>"), "证书.png")})
    assert fake.status_code == 422
    session.rollback()
    assert session.scalars(select(GradeCertificate)).all() == []
    done = client.post(path, data=data | {"scan": (io.BytesIO(PNG), "证书.png")})
    assert done.status_code == 302, done.get_data(as_text=True)
    session.rollback()
    row = session.scalars(select(GradeCertificate)).one()
    application = session.scalars(select(Application).where(Application.kind == "grade_certificate")).one()
    assert (row.state, application.state, application.entity_id) == ("submitted", "submitted", row.id)
    assert session.scalars(select(Attachment)).one().name == "证书.png"
    page = client.get(f"/people/{world.worker.id}").get_data(as_text=True)
    assert "G-2026-1" in page and "普工" in page and f'href="/applications/{application.id}"' in page
    # Who decides reads what is asked for, and opens the person.
    officer = client_of(app, world, "inspector").get(f"/applications/{application.id}").get_data(as_text=True)
    for said in ("高级工", "G-2026-1", "2025-01-01", "长期", world.worker.name, f'href="/people/{world.worker.id}"'):
        assert said in officer


@pytest.mark.feature("PER-05")
def test_another_units_person_is_not_there(app: Any, world: World) -> None:
    client = client_of(app, world, "clerk")
    token = token_of(client.get("/people/new"))
    number = world.other_worker.id
    for path in (f"/people/{number}", f"/people/{number}/edit", f"/people/{number}/certificate"):
        assert client.get(path).status_code == 404
    for path in (f"/people/{number}/edit", f"/people/{number}/certificate", f"/people/{number}/leave"):
        assert client.post(path, data={"csrf_token": token, "name": "改", "left_on": "2026-01-01"}).status_code == 404


@pytest.mark.feature("PER-04")
def test_leaving_by_the_page(app: Any, session: Any, world: World) -> None:
    client = client_of(app, world, "clerk")
    path = f"/people/{world.worker.id}/leave"
    token = token_of(client.get(f"/people/{world.worker.id}"))
    assert client.post(path, data={"csrf_token": token, "left_on": ""}).status_code == 422
    assert client.post(path, data={"csrf_token": token, "left_on": "2199-01-01"}).status_code == 422
    assert client.post(path, data={"csrf_token": token, "left_on": "2026-01-01"}).status_code == 302
    session.rollback()
    assert world.accounts["worker"].active is False
