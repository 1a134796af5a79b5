"""A person's page on the desk (PER-05): how his filing stands, why it was refused, what can be done now."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.listing import moment
from app.listings.people import PEOPLE
from app.models import Application, Attachment, Person
from app.permissions import Role
from app.transaction import transaction
from app.workflows.people import person_filing
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_account, make_person, make_policy
from tests.journeys.steps import BLANK_PDF
from tests.workflows.filing_world import decide, fresh
from tests.workflows.test_one_unit import resident_id

pytestmark = pytest.mark.feature("PER-05")


@pytest.fixture
def person(session: Any, world: World) -> Person:
    row = make_person(
        session, world.firm, "何一帆", resident_id=resident_id(), certificate_issued_on=dt.date(2024, 1, 1)
    )
    session.commit()
    return row


def test_what_is_to_be_handed_in_has_a_tab_with_the_officers_opinion(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk = sign_in(world.accounts["clerk"])

    def shown(tab: str) -> str:
        return str(clerk.get(f"/people/?tab={tab}").text)

    page = shown("draft")
    assert "何一帆" in page and "审核意见" in page.split("<tbody")[0].split("<thead")[1]
    with transaction(session):
        asked = person_filing.submit(session, world.actor("clerk"), person.id, clock.now())
    assert "何一帆" not in shown("draft") and "何一帆" in shown("pending")
    decide(session, world.actor("inspector"), asked, "reject", "证书照片不清", at=clock.now())
    assert "证书照片不清" in shown("draft") and "证书照片不清" not in shown("here")
    # Who chose his columns keeps them in every tab; nobody else's.
    clerk.post("/people/columns", data={"csrf_token": csrf(clerk), "cols": ["name", "sex"], "back": "tab=draft"})
    assert "证书照片不清" not in shown("draft") and "证书照片不清" not in clerk.get("/people/?tab=draft&cols=name").text
    assert "?tab=draft" not in sign_in(world.accounts["inspector"]).get("/people/").text, "officers have their queue"


def test_a_refused_filing_says_why_and_leads_to_its_application(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    clerk, url = sign_in(world.accounts["clerk"]), f"/people/{person.id}"
    with transaction(session):
        asked = person_filing.submit(session, world.actor("clerk"), person.id, clock.now())
    page = clerk.get(url).text
    assert "正在审核" in page and f"/applications/{asked.id}" in page and f'href="{url}/edit"' not in page
    led = clerk.get(f"{url}/edit")
    assert led.status_code == 302 and led.location.endswith(url), "a form that can't be saved is not opened"
    assert "请先在申请中撤回" in clerk.get(f"{url}/edit", follow_redirects=True).text
    decide(session, world.actor("inspector"), asked, "reject", "证书照片不清", at=clock.now())
    page = clerk.get(url).text
    assert "审核不通过" in page and "证书照片不清" in page and asked.number in page and f'href="{url}/edit"' in page
    fresh(session)
    with transaction(session):
        again = person_filing.submit(session, world.actor("clerk"), person.id, clock.now())
    page = clerk.get(url).text
    assert "证书照片不清" not in page and again.number in page and asked.number not in page
    decide(session, world.actor("inspector"), again, "approve", at=clock.now())
    page = clerk.get(url).text
    assert "审核不通过" not in page and "正在审核" not in page


def test_days_of_a_certificate_are_told_at_their_fields(world: World, sign_in: Any, person: Person) -> None:
    clerk, url = sign_in(world.accounts["clerk"]), f"/people/{person.id}/edit"
    issued_on, until = (str(clock.today() + dt.timedelta(days=n)) for n in (35, 34))
    form = {
        "name": person.name, "row_version": str(person.row_version), "certificate_no": person.certificate_no,
        "certificate_issued_on": issued_on, "certificate_until": until, "csrf_token": csrf(clerk, url),
    }  # fmt: skip
    answer = clerk.post(url, data=form)
    assert answer.status_code == 422 and f"{issued_on} 在今天之后" in answer.text
    assert f"{until} 不晚于发证日期 {issued_on}" in answer.text and f'value="{until}"' in answer.text
    form |= {"certificate_issued_on": "2025-01-01"}
    assert clerk.post(url, data=form).status_code == 302


@pytest.mark.feature("PER-07")
def test_the_worker_reads_on_his_phone_why_his_paper_came_back(session: Any, world: World, sign_in: Any) -> None:
    worker = sign_in(world.accounts["worker"])
    asked = clock.today() - dt.timedelta(days=9)
    sent = {
        "grade": "senior", "certificate_no": "G-1", "issued_on": asked.isoformat(), "csrf_token": csrf(worker),
        "scan": (io.BytesIO(BLANK_PDF), "证书.pdf"),
    }  # fmt: skip
    assert worker.post("/m/me/certificate", data=sent, content_type="multipart/form-data").status_code == 302
    row = fresh(session).scalars(select(Application)).one()
    assert "扫描件缺一页" not in worker.get("/m/me/data").text
    decide(session, world.actor("inspector"), row, "return", "扫描件缺一页", at=clock.now())
    shown = worker.get("/m/me/data").text
    assert "扫描件缺一页" in shown and "请联系单位文员在申请里改正" in shown
    other = sign_in(world.accounts["clerk"])
    keep = {f"keep_{row.data['attachments'][0]}": "on", "reason": "补全", "csrf_token": csrf(other)}
    assert other.post(f"/applications/{row.id}/resubmit", data=keep).status_code == 302
    assert "扫描件缺一页" not in worker.get("/m/me/data").text
    row = fresh(session).get(Application, row.id)
    decide(session, world.actor("inspector"), row, "reject", "等级不符", at=clock.now())
    shown = worker.get("/m/me/data").text
    assert "等级不符" in shown and "改正后可以重新提交" in shown


@pytest.mark.feature("PER-03")
def test_the_list_says_which_photos_there_are_and_finds_who_has_none(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    fields = {"entity": "person", "entity_id": person.id, "size": 1, "sha256": "0" * 64, "uploaded_at": clock.now()}
    for kind, removed in (("operator", None), ("face", clock.now())):
        session.add(Attachment(
            kind=kind, name="a.png", mime="image/png", unit_id=world.firm.id, removed_at=removed, **fields,
        ))  # fmt: skip
    session.commit()

    def shown(query: str) -> list[tuple[Any, ...]]:
        asked = PEOPLE.read({"cols": "name,identity_photo,face_photo,operator_photo", "q": "何一帆"} | dict(
            [query.split("=")] if query else []
        ))  # fmt: skip
        rows = PEOPLE.page(moment(session, world.actor("clerk")), asked).rows
        return [tuple(PEOPLE.column(name).value(row) for name in asked.columns) for row in rows]  # type: ignore[union-attr]

    own = ("何一帆", "none", "none", "yes")
    assert shown("") == [own] and shown("f_lacks=face") == [own] and shown("f_lacks=operator") == []
    page = sign_in(world.accounts["clerk"]).get("/people/?cols=name,face_photo,operator_photo&q=何一帆").text
    assert "人脸照片" in page and "特种设备作业人员证" in page


@pytest.mark.feature("ACC-13", "PER-03")
def test_another_kind_says_that_the_account_keeps_its_roles(
    session: Any, world: World, sign_in: Any, person: Person
) -> None:
    make_account(session, Role.WORKER, unit=world.firm, person=person)
    session.commit()
    clerk, url = sign_in(world.accounts["clerk"]), f"/people/{person.id}/edit"

    def saved(kind: str) -> str:
        fresh(session)
        sent = {
            "csrf_token": csrf(clerk), "name": "何一帆", "phone": "", "kind": kind, "row_version": person.row_version,
        }  # fmt: skip
        answer = clerk.post(url, data=sent, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    assert "角色仍是" not in saved("worker"), "he has that role"
    assert "角色仍是" not in saved("worker"), "nothing changed"
    page = saved("manager")
    assert "的角色仍是维保员" in page and "我的子用户" in page
    assert "的角色仍是维保员" in saved("head_worker"), "he has but one of the two"


@pytest.mark.parametrize(("kind", "role", "warned"), [
    (None, None, True), ("worker", None, True), ("head_worker", None, True), ("worker", Role.CLERK, True),
    ("clerk", None, False), ("head", None, False), (None, Role.CLERK, False),
    ("clerk", Role.WORKER, True), (None, Role.WORKER, True),
])  # fmt: skip
def test_only_who_ever_checks_in_is_told_that_he_may_not(
    session: Any, world: World, sign_in: Any, app: Any, kind: str | None, role: Role | None, warned: bool
) -> None:
    """By 人员类型 or by an account in use; nobody keeps a clerk's certificate for him to check in."""
    make_policy(session, "declaration_gate", "block")
    person = make_person(session, world.firm, "何一帆", kind=kind, certificate_until=dt.date(2020, 1, 1))
    if role is not None:
        make_account(session, role, unit=world.firm, person=person)
    session.commit()
    page = sign_in(world.accounts["clerk"]).get(f"/people/{person.id}").text.replace("\n", "")
    assert page.count("，不能签到") == (2 if warned else 0)
    told = Caller(app, world, "clerk").get(f"/people/{person.id}").json
    assert (told["blocks"] is not None) is warned


def test_an_account_that_ended_and_people_of_other_kinds_of_unit_check_in_nowhere(
    session: Any, world: World, sign_in: Any
) -> None:
    ended = make_person(session, world.firm, "何一帆", kind="clerk", certificate_until=dt.date(2020, 1, 1))
    make_account(session, Role.WORKER, unit=world.firm, person=ended, active=False)
    guard = make_person(session, world.use_unit, "何二帆")
    session.commit()
    for who, whose in ((ended, "clerk"), (guard, "use_head")):
        page = sign_in(world.accounts[whose]).get(f"/people/{who.id}")
        assert page.status_code == 200 and "不能签到" not in page.text
