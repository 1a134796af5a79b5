"""What an officer says of single fields and scans of a person's filing (PER-05), and where its unit reads it."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest

from app import clock
from app.models import Application, Person
from app.transaction import transaction
from app.workflows.people import person_filing
from tests.api.callers import PDF, Caller
from tests.conftest import csrf
from tests.factories import World, make_person
from tests.workflows.filing_world import fresh
from tests.workflows.test_one_unit import resident_id

pytestmark = pytest.mark.feature("PER-05")
AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)


@pytest.fixture
def person(session: Any, world: World) -> Person:
    row = make_person(
        session, world.firm, "何一帆", resident_id=resident_id(), certificate_issued_on=dt.date(2024, 1, 1),
        certificate_until=dt.date(2028, 1, 1),
    )  # fmt: skip
    session.commit()
    return row


def submitted(session: Any, world: World, person: Person) -> Application:
    with clock.frozen(AT), transaction(session):
        return person_filing.submit(session, world.actor("clerk"), person.id, AT)


def send(client: Any, application: Application, verb: str, **more: str) -> Any:
    data = {"verb": verb, "opinion": "", "seen_version": application.row_version, "csrf_token": csrf(client)}
    with clock.frozen(AT):
        return client.post(f"/applications/{application.id}/decision", data=data | more)


def test_each_field_and_scan_can_be_remarked_on_and_is_read_where_it_is_mended(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    application = submitted(session, world, person)
    officer, clerk = sign_in(world.accounts["inspector"]), sign_in(world.accounts["clerk"])
    page = officer.get(f"/applications/{application.id}").text
    for name in ("certificate_no", "resident_id", "paper_certificate", "paper_operator"):
        assert f'name="wrong_{name}"' in page, name
    assert "没有上传" in page, "a scan that is not there can be asked for"
    assert 'name="wrong_' not in clerk.get(f"/applications/{application.id}").text

    told = {"wrong_certificate_no": "与证件不一致", "wrong_paper_operator": "请上传 <b>"}
    both = send(officer, application, "approve", **told)
    assert both.status_code == 422 and "没有选“不通过”" in both.text and 'value="与证件不一致"' in both.text
    assert send(officer, application, "reject", wrong_unit_id="x", opinion="见各项").status_code == 422
    assert send(officer, application, "reject", **told).status_code == 302
    fresh(session)
    assert application.data["remarks"] == {"certificate_no": "与证件不一致", "paper_operator": "请上传 <b>"}
    assert "与证件不一致" in (application.opinion or "")

    form = clerk.get(f"/people/{person.id}/edit").text
    assert "审核意见：</b>与证件不一致" in form[form.index('id="f-certificate_no"') :][:600]
    assert "审核意见：</b>请上传 &lt;b&gt;" in form[form.index('id="f-paper_operator"') :][:600]
    assert form.count("审核意见：</b>") == 2
    page = clerk.get(f"/people/{person.id}").text
    assert "审核时指出有误的项" in page and f'href="/people/{person.id}/edit#f-certificate_no"' in page
    assert "#f-certificate_no" not in officer.get(f"/applications/{application.id}").text
    # Handed in again it is answered; what was said stays with its application.
    again = submitted(session, world, person)
    assert again.id != application.id
    assert "审核时指出有误的项" not in clerk.get(f"/people/{person.id}").text
    assert "与证件不一致" in clerk.get(f"/applications/{application.id}").text


def test_the_officer_sees_the_scans_that_the_person_has(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk = sign_in(world.accounts["clerk"])
    sent = {"kind": "certificate", "files": [(io.BytesIO(PDF), "操作证.pdf")], "csrf_token": csrf(clerk)}
    assert clerk.post(f"/attached/person/{person.id}", data=sent).status_code == 302
    application = submitted(session, world, person)
    page = sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}").text
    part = page[page.index("证照扫描件") :]
    assert "操作证.pdf" in part and re.search(r"没有改动", part.split("自动核对")[0]) is None
    assert sign_in(world.accounts["other_inspector"]).get(f"/applications/{application.id}").status_code == 404


@pytest.mark.feature("INT-04")
def test_the_interface_takes_and_gives_them(app: Any, session: Any, world: World, person: Person) -> None:
    application = submitted(session, world, person)
    officer = Caller(app, world, "inspector", ["application.read", "application.decide"])
    with clock.frozen(AT):
        done = officer.post(f"/applications/{application.id}/decision", {
            "verb": "reject", "seen_version": application.row_version, "remarks": {"phone": "已停机"},
        })  # fmt: skip
    assert done.status_code == 200, done.text
    assert done.json["remarks"] == [{"field": "phone", "label": "手机", "text": "已停机"}]
