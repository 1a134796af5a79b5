"""确认链接 (MNT-07): the page behind it, without sign-in; sending and taking it back from the record's pages."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import clock
from app.models import Account, Attachment, ItemSet, Notification, RepairOrder, Visit, VisitLink, VisitNote
from app.workflows.core import outbox
from app.workflows.visits import visit_reviewers
from tests.conftest import csrf
from tests.factories import picture
from tests.workflows.visit_world import HOUR, MINUTE, START, arrive, file_of, leave

pytestmark = pytest.mark.feature("MNT-07")
PHONE = "13812340000"
FROM = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(autouse=True)
def _sms(app: Any, monkeypatch: Any) -> Any:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://tian.example")
    app.extensions["tian_window"].reset()
    with clock.frozen(START + HOUR):
        yield
    app.extensions["tian_window"].reset()


@pytest.fixture
def left(session: Any, huzhou: Any) -> Visit:
    huzhou.own.safety_phone = PHONE
    session.commit()
    visit = arrive(session, huzhou)
    photo = file_of(session, huzhou, "photo")
    leave(session, huzhou, visit, START + 40 * MINUTE, photo_ids=[photo], problem="门有异响")
    return visit


def token_of(session: Any) -> str:
    told = select(Notification.body).where(Notification.topic == "visit.link").order_by(Notification.id.desc())
    found = re.search(r"/m/c/([\w-]{43})", session.scalar(told.limit(1).execution_options(skip_scope=True)))
    assert found is not None
    return found[1]


def send(session: Any, world: Any, visit: Visit, sign_in: Any) -> str:
    page = f"/m/visits/{visit.id}"
    worker = sign_in(world.accounts["worker"])
    shown = worker.get(page)
    assert "发送确认链接" in shown.text
    sent = worker.post(f"{page}/link", data={"verb": "send", "csrf_token": csrf(worker)}, follow_redirects=True)
    session.rollback()
    token = token_of(session)
    # Neither the answer nor the page tells the worker the link.
    assert "138****0000" in sent.text and token not in sent.text and PHONE not in sent.text
    return token


def signature() -> str:
    return "data:image/png;base64," + base64.b64encode(picture("PNG")).decode()


def answer(client: Any, token: str, **more: Any) -> Any:
    form = {"verb": "confirm", "signature": signature(), "signer": "苏见山", "repair": "no"} | more
    return client.post(f"/m/c/{token}", data=form | {"csrf_token": csrf(client, f"/m/c/{token}")})


def test_the_use_unit_confirms_by_the_link(client: Any, session: Any, huzhou: Any, left: Visit, sign_in: Any) -> None:
    token = send(session, huzhou, left, sign_in)
    page = client.get(f"/m/c/{token}")
    assert page.status_code == 200 and page.headers["Cache-Control"].startswith("no-store")
    for said in (huzhou.own.code, huzhou.worker.name, huzhou.firm.name, "门有异响", "满意", "data-sign", "/files/"):
        assert said in page.text, said
    assert not [kept for kept in (PHONE, huzhou.worker.phone) if kept in page.text]
    refused = answer(client, token, signature="", opinion="长" * 141)
    assert refused.status_code == 422 and "没有签名" in refused.text and "最多 140 个字" in refused.text
    unnamed = answer(client, token, signer=" ").text
    assert "请填写签名人" in unnamed and "0 个字" not in unnamed
    assert "41 个字" in answer(client, token, signer="苏" * 41).text
    done = answer(client, token, rating="good", repair="yes", repair_note="门")
    assert done.status_code == 302
    session.rollback()
    assert (left.confirmed_by, left.rating, left.state) == ("link", "good", "valid")
    assert session.scalars(select(RepairOrder)).one().use_note == "门"
    assert session.scalars(select(Attachment).where(Attachment.kind == "signature")).one().entity_id == left.id
    closed = client.get(f"/m/c/{token}")
    assert closed.status_code == 200 and "已提交" in closed.text and huzhou.own.code not in closed.text
    again = client.post(f"/m/c/{token}", data={"verb": "confirm", "csrf_token": csrf(client)})
    assert again.status_code == 409
    record = sign_in(huzhou.accounts["maintenance_head"]).get(f"/visits/{left.id}").text
    assert "链接确认" in record and "苏见山 138****0000" in record and "满意" in record


def test_not_agreed(client: Any, session: Any, huzhou: Any, left: Visit, sign_in: Any) -> None:
    token = send(session, huzhou, left, sign_in)
    assert answer(client, token, verb="objection").status_code == 422
    assert answer(client, token, verb="objection", opinion="没有来").status_code == 302
    session.rollback()
    assert session.scalars(select(VisitNote)).one().body == "没有来" and left.reviewed_at is None


def test_closed_and_unknown_links_say_why(client: Any, session: Any, huzhou: Any, left: Visit, sign_in: Any) -> None:
    token = send(session, huzhou, left, sign_in)
    row = session.scalars(select(VisitLink)).one()
    with clock.frozen(row.expires_at):
        assert "已过期" in client.get(f"/m/c/{token}").text
    head = sign_in(huzhou.accounts["maintenance_head"])
    back = head.post(f"/visits/{left.id}/link", data={"verb": "withdraw", "csrf_token": csrf(head)})
    assert back.status_code == 302
    assert "已被撤回" in client.get(f"/m/c/{token}").text
    picture_of = next(f for f in session.scalars(select(Attachment)) if f.kind == "photo").id
    assert client.get(f"/m/c/{token}/files/{picture_of}").status_code == 404
    for n in range(30):
        assert client.get(f"/m/c/{n:043d}", environ_overrides=FROM).status_code == 404
    assert client.get(f"/m/c/{'x' * 43}", environ_overrides=FROM).status_code == 429


def test_a_link_shows_no_file_but_its_visits(client: Any, session: Any, huzhou: Any, left: Visit, sign_in: Any) -> None:
    token = send(session, huzhou, left, sign_in)
    other = file_of(session, huzhou, "photo")
    assert client.get(f"/m/c/{token}/files/{other}").status_code == 404


def test_where_no_link_can_go_the_record_says_so(
    session: Any, huzhou: Any, left: Visit, sign_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.delitem(outbox.SENDERS, "sms")
    page = sign_in(huzhou.accounts["worker"]).get(f"/m/visits/{left.id}").text
    assert "没有接通短信" in page and 'value="send"' not in page
    head = sign_in(huzhou.accounts["maintenance_head"])
    refused = head.post(f"/visits/{left.id}/link", data={"verb": "send", "csrf_token": csrf(head)})
    assert refused.status_code == 422 and "没有接通短信" in refused.text
    assert "发送确认链接" not in sign_in(huzhou.accounts["use_head"]).get(f"/visits/{left.id}").text


def test_the_account_rates_as_well(session: Any, huzhou: Any, left: Visit, sign_in: Any) -> None:
    officer = sign_in(huzhou.accounts["safety_officer"])
    sent = officer.post(f"/visits/{left.id}/review", data={
        "verb": "confirm", "rating": "fair", "csrf_token": csrf(officer),
    })  # fmt: skip
    assert sent.status_code == 302
    session.rollback()
    assert (left.rating, left.confirmed_by) == ("fair", "account")
    link = f'href="/visits/{left.id}"'
    listed = officer.get("/visits/?f_rating=fair&f_confirmed=account&columns=code,rating,confirmed_by").text
    assert link in listed and "账号复核" in listed
    for other in ("f_rating=poor", "f_confirmed=link"):
        assert link not in officer.get(f"/visits/?{other}").text


@pytest.mark.feature("MNT-07")
def test_no_link_goes_out_where_only_the_caller_could_name_its_host(
    app: Any, session: Any, huzhou: Any, left: Visit, sign_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "")
    head = sign_in(huzhou.accounts["maintenance_head"])
    sent = {"verb": "send", "csrf_token": csrf(head)}
    refused = head.post(f"/visits/{left.id}/link", data=sent, follow_redirects=True)
    assert "平台没有设置对外地址" in refused.text
    assert session.scalar(select(func.count(Notification.id)).where(Notification.topic == "visit.link")) == 0


@pytest.mark.feature("MNT-07", "PLN-08")
def test_a_visit_by_an_own_list_is_shown_and_printed(
    session: Any, huzhou: Any, left: Visit, client: Any, sign_in: Any
) -> None:
    own = ItemSet(
        kind="A", region_code=huzhou.firm.region_code, name="自有", state="approved", from_on=left.visit_on, rows=[]
    )
    session.add(own)
    session.flush()
    left.item_version = f"T5002-2017+{own.id}"
    session.commit()
    worker = sign_in(huzhou.accounts["worker"])
    sent = worker.post(f"/m/visits/{left.id}/link", data={"verb": "send", "csrf_token": csrf(worker)})
    assert sent.status_code == 302, sent.text
    session.rollback()
    assert client.get(f"/m/c/{token_of(session)}").status_code == 200
    assert worker.get(f"/visits/{left.id}/print").status_code == 200


@pytest.mark.feature("MNT-07")
def test_the_word_of_a_number_that_the_firm_filed_is_marked(session: Any, huzhou: Any, left: Visit) -> None:
    left.confirmed_by = "link"
    session.commit()
    assert not visit_reviewers.word_of_the_firm(session, left)
    huzhou.use_unit.filed_by_unit_id = huzhou.firm.id
    session.execute(update(Account).where(Account.unit_id == huzhou.use_unit.id).values(is_main=False))
    session.commit()
    assert visit_reviewers.word_of_the_firm(session, left)


@pytest.mark.feature("MNT-07")
@pytest.mark.parametrize("typed", [PHONE, f"0512-{PHONE}", f"{PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}"])
def test_the_firms_own_duty_phone_confirms_nothing(session: Any, huzhou: Any, left: Visit, typed: str) -> None:
    assert all(f.ok for f in visit_reviewers.number_findings(session, left, PHONE))
    huzhou.firm.duty_phone = typed[:20]
    session.commit()
    assert not all(f.ok for f in visit_reviewers.number_findings(session, left, PHONE))
