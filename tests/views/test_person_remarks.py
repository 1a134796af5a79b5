"""What an officer says of single fields and scans of a person's filing (PER-05), and where its unit reads it."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.models import Application, ApplicationStep, Attachment, Notification, Person, StatusChange
from app.permissions import Role
from app.transaction import transaction
from app.workflows.approval import delegations
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.people import person_filing
from tests.api.callers import PDF, Caller
from tests.conftest import csrf
from tests.factories import World, make_account, make_person
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
    # What is handed in and withdrawn answers nothing.
    hasty = submitted(session, world, person)
    assert "审核时指出有误的项" not in clerk.get(f"/people/{person.id}").text
    with clock.frozen(AT), transaction(session):
        applications.withdraw(session, world.actor("clerk"), hasty.id, AT)
    assert "审核时指出有误的项" in clerk.get(f"/people/{person.id}").text
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


def upload(client: Any, person: Person, name: str, kind: str = "certificate") -> Any:
    sent = {"kind": kind, "files": [(io.BytesIO(PDF), name)], "csrf_token": csrf(client)}
    return client.post(f"/attached/person/{person.id}", data=sent)


def take(client: Any, person: Person, key: int) -> str:
    data = {"attachment": str(key), "csrf_token": csrf(client)}
    return str(client.post(f"/attached/person/{person.id}/remove", data=data, follow_redirects=True).text)


def scans(session: Any, person: Person) -> list[Attachment]:
    fresh(session)
    mine = (Attachment.entity == "person", Attachment.entity_id == person.id)
    return list(session.scalars(select(Attachment).where(*mine).order_by(Attachment.id)))


def test_what_an_officer_decides_with_can_not_be_swapped_under_him(
    app: Any, session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk, officer = sign_in(world.accounts["clerk"]), sign_in(world.accounts["inspector"])
    upload(clerk, person, "真证.pdf")
    assert upload(clerk, person, "简历.pdf", "document").status_code == 302
    certificate, resume = scans(session, person)
    application = submitted(session, world, person)
    assert application.data["papers"] == {"certificate": [certificate.id], "operator": []}

    page = clerk.get(f"/attached/person/{person.id}").text
    assert "备案正在审核，扫描件不能增减" in page and f'name="attachment" value="{certificate.id}"' not in page
    refused = upload(clerk, person, "假证.pdf")
    assert refused.status_code == 422 and "请先在申请中撤回" in refused.text
    assert "请先在申请中撤回" in take(clerk, person, certificate.id)
    token = Caller(app, world, "clerk")
    assert token.call("DELETE", f"/people/{person.id}/files/{certificate.id}").status_code == 422
    assert [one.name for one in scans(session, person) if one.removed_at is None] == ["真证.pdf", "简历.pdf"]
    # Other papers are no part of it.
    assert "已移除" in take(clerk, person, resume.id)

    assert send(officer, application, "approve").status_code == 302
    # Once it is decided the person's papers go on; what was decided with stays what it was.
    assert upload(clerk, person, "新证.pdf").status_code == 302
    assert "已移除" in take(clerk, person, certificate.id)
    page = officer.get(f"/applications/{application.id}").text
    assert "真证.pdf" in page and "新证.pdf" not in page and "已移除" in page
    # So does one that was handed in before its scans were kept with it.
    with transaction(session):
        kept = session.get(Application, application.id)
        kept.data = {key: value for key, value in kept.data.items() if key != "papers"}
        session.get(Attachment, certificate.id).uploaded_at = AT - dt.timedelta(days=1)
    old = officer.get(f"/applications/{application.id}").text
    assert "真证.pdf" in old and "新证.pdf" not in old


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_decided_upon_opens_for_whoever_sees_the_filing_also_when_it_was_taken_away(
    app: Any, session: Any, world: World, sign_in: Any, person: Person, kept: bool
) -> None:
    clerk, officer = sign_in(world.accounts["clerk"]), sign_in(world.accounts["inspector"])
    with clock.frozen(AT - dt.timedelta(hours=1)):
        for name, kind in (("真证.pdf", "certificate"), ("作业证.pdf", "operator"), ("简历.pdf", "document")):
            upload(clerk, person, name, kind)
    certificate, operator, resume = (one.id for one in scans(session, person))
    application = submitted(session, world, person)
    assert send(officer, application, "reject", opinion="证书不清晰").status_code == 302
    for key in (certificate, operator, resume):
        assert "已移除" in take(clerk, person, key)
    late = sign_in(world.accounts["clerk"])
    upload(late, person, "新证.pdf")
    newest = scans(session, person)[-1].id
    take(late, person, newest)
    if not kept:
        with transaction(session):
            row = session.get(Application, application.id)
            row.data = {name: value for name, value in row.data.items() if name != "papers"}

    page = officer.get(f"/applications/{application.id}").text
    for key in (certificate, operator):
        assert f'href="/files/{key}"' in page and "已移除" in page
        for persona in ("inspector", "clerk"):
            assert sign_in(world.accounts[persona]).get(f"/files/{key}").data == PDF, persona
        for persona in ("other_inspector", "other_head", "use_head"):
            assert sign_in(world.accounts[persona]).get(f"/files/{key}").status_code in (403, 404), persona
        token = Caller(app, world, "inspector")
        assert token.get(f"/files/{key}").data == PDF
    for key in (resume, newest):
        assert officer.get(f"/files/{key}").status_code == 404, "nothing was decided with it"
    assert "真证.pdf" not in clerk.get(f"/attached/person/{person.id}").text
    # Its time erases it here, too.
    with transaction(session):
        attachments.forget(session, session.get(Attachment, operator))
    assert officer.get(f"/files/{operator}").status_code == 404
    session.rollback()


def test_after_a_withdrawal_scans_change_and_the_next_application_has_the_new_ones(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk = sign_in(world.accounts["clerk"])
    upload(clerk, person, "旧证.pdf")
    application = submitted(session, world, person)
    with clock.frozen(AT), transaction(session):
        applications.withdraw(session, world.actor("clerk"), application.id, AT)
    assert "已移除" in take(clerk, person, scans(session, person)[0].id)
    assert upload(clerk, person, "新证.pdf").status_code == 302
    again = submitted(session, world, person)
    officer = sign_in(world.accounts["inspector"])
    assert "新证.pdf" in officer.get(f"/applications/{again.id}").text
    assert officer.get(f"/files/{scans(session, person)[0].id}").status_code == 404, "nobody decided with it"
    assert "旧证.pdf" in officer.get(f"/applications/{application.id}").text


def test_what_was_erased_as_its_time_was_over_is_said(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    upload(sign_in(world.accounts["clerk"]), person, "操作证.pdf")
    application = submitted(session, world, person)
    officer = sign_in(world.accounts["inspector"])
    assert "已按保存期限删除" not in officer.get(f"/applications/{application.id}").text
    with transaction(session):
        attachments.forget(session, scans(session, person)[0])
    page = officer.get(f"/applications/{application.id}").text
    assert "另有 1 份已按保存期限删除" in page and "操作证.pdf" not in page


def test_each_scan_that_an_officer_may_ask_for_can_be_supplied(
    app: Any, session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk = sign_in(world.accounts["clerk"])
    page = clerk.get(f"/attached/person/{person.id}?kind=operator").text
    assert 'name="kind" value="operator"' in page
    assert upload(clerk, person, "作业证.pdf", "operator").status_code == 302
    [scan] = scans(session, person)
    assert scan.kind == "operator"
    held = attachments.path(app.config["UPLOAD_DIR"], scan).read_bytes()
    assert PDF not in held, "what holds an ID number lies sealed"
    application = submitted(session, world, person)
    officer = sign_in(world.accounts["inspector"])
    assert "作业证.pdf" in officer.get(f"/applications/{application.id}").text
    assert officer.get(f"/files/{scan.id}").data == PDF


def test_a_kind_that_nobody_knows_is_refused_and_nothing_is_kept(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk = sign_in(world.accounts["clerk"])
    for kind in ("nix", "licence", "face"):
        refused = upload(clerk, person, "证.pdf", kind)
        assert refused.status_code == 403 and "没有这一类附件" in refused.text, kind
    assert clerk.get(f"/attached/person/{person.id}?kind=nix").status_code == 200
    assert scans(session, person) == []


@pytest.mark.feature("PER-03")
def test_no_whole_number_leaves_by_a_remark(
    app: Any, session: Any, world: World, sign_in: Any, person: Person
) -> None:
    number, phone = str(person.resident_id), "13800005678"
    application = submitted(session, world, person)
    officer = sign_in(world.accounts["inspector"])
    told = {"wrong_resident_id": f"不是 {number}", "wrong_phone": f"应为{phone}，请核对"}
    told["wrong_name"] = f"{number[:-1]}x"
    assert send(officer, application, "reject", **told).status_code == 302
    fresh(session)
    assert application.data["remarks"]["resident_id"] == f"不是 {number[:3]}{'*' * 11}{number[-4:]}"
    assert "应为138****5678，请核对" in (application.opinion or "")
    notices = session.scalars(select(Notification)).all()
    kept = [
        application.opinion, str(application.data), *(f"{one.title}{one.body}" for one in notices),
        *session.scalars(select(ApplicationStep.opinion)), *session.scalars(select(StatusChange.reason)),
    ]  # fmt: skip
    assert any("138****5678" in (one or "") for one in kept[2:]), "the unit is told"
    # One that was kept before is masked where it is read.
    with transaction(session):
        application.data = application.data | {"remarks": {"phone": f"应为{phone}"}}
    pages = [sign_in(world.accounts[who]).get(f"/applications/{application.id}").text for who in ("clerk", "inspector")]
    pages.append(sign_in(world.accounts["clerk"]).get(f"/people/{person.id}/edit").text)
    shown = Caller(app, world, "inspector", ["application.read"]).get(f"/applications/{application.id}")
    assert shown.json["remarks"] == [{"field": "phone", "label": "手机", "text": "应为138****5678"}]
    for text in (*kept, *pages):
        assert number not in (text or "") and phone not in (text or "") and f"{number[:-1]}x" not in (text or "")
    assert "应为138****5678" in pages[0] and "应为138****5678" in pages[-1]


@pytest.mark.feature("LIF-07")
def test_whoever_stands_in_from_another_office_sees_the_scans_that_he_decides_with(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    session.commit()
    clerk, other = sign_in(world.accounts["clerk"]), sign_in(world.accounts["other_inspector"])
    for kind in ("certificate", "operator", "document"):
        upload(clerk, person, f"{kind}.pdf", kind)
    certificate, operator, document = scans(session, person)
    application = submitted(session, world, person)

    def opened() -> list[int]:
        return [other.get(f"/files/{one.id}").status_code for one in (certificate, operator, document)]

    with clock.frozen(AT):
        assert opened() == [404, 404, 404] and other.get(f"/applications/{application.id}").status_code == 404
    day, giver = clock.local_day(AT), world.actor("inspector")
    with scope.acting(giver), transaction(session):
        taker = world.accounts["other_inspector"].id
        delegations.name(session, giver, taker, day, day + dt.timedelta(days=2), "出差", AT)
    with clock.frozen(AT):
        page = other.get(f"/applications/{application.id}").text
        assert "certificate.pdf" in page and "operator.pdf" in page and "document.pdf" not in page
        assert opened() == [200, 200, 404], "nothing else of him"
        assert other.get(f"/people/{person.id}").status_code == 404
        assert send(other, application, "approve").status_code == 302
        assert opened() == [404, 404, 404], "only while there is something to decide"
        assert "certificate.pdf" not in other.get(f"/applications/{application.id}").text
