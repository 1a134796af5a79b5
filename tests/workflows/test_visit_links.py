"""确认链接 (MNT-07): to the filed phone alone, once, until a day; the rules of the account's review hold for it."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, Refusal
from app.models import Attachment, AuditEntry, Notification, RepairOrder, VisitLink, VisitNote
from app.permissions import Role
from app.rules.confirmations import LINK_LASTS, MOST_OF_VISIT, LinkState
from app.rules.files import PNG
from app.rules.visit_photos import Place
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.files import attachments
from app.workflows.files.attachments import Received
from app.workflows.visits import visit_links, visits
from app.workflows.visits.visits import Word
from tests.factories import actor, make_account, make_policy
from tests.workflows.visit_world import DAY, HOUR, MINUTE, START, arrive, leave, rules_of, wall

pytestmark = pytest.mark.feature("MNT-07")
PHONE = "13812340000"
SIGNED = Received("签名.png", "signature", PNG, 10, hashlib.sha256(b"signed").hexdigest(), "off")
NOW = START + HOUR


@pytest.fixture(autouse=True)
def _sms(monkeypatch: Any) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)


@pytest.fixture(autouse=True)
def _bytes(folder: Path) -> None:
    """What was signed lies on the disk."""
    place = attachments.file_of(SIGNED.sha256)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"signed")


@pytest.fixture
def left(session: Any, huzhou: Any) -> Any:
    """A visit that waits for the use unit, whose officer's phone is filed."""
    huzhou.own.safety_phone = PHONE
    huzhou.use_unit.safety_phone = huzhou.use_unit.head_phone = None
    session.commit()
    visit = arrive(session, huzhou)
    return leave(session, huzhou, visit, START + 40 * MINUTE)


def send(session: Any, world: Any, visit: Any, at: dt.datetime = NOW, who: str = "worker") -> str:
    """Send a link and read its token where its receiver reads it."""
    with transaction(session):
        visit_links.send(session, world.actor(who), visit.id, lambda token: f"https://x.test/{token}", at)
    told = select(Notification).where(Notification.topic == "visit.link").order_by(Notification.id.desc()).limit(1)
    notice = session.scalars(told.execution_options(skip_scope=True)).one()
    assert notice.channel == "sms" and notice.is_secret
    found = re.search(r"x\.test/(\S+)", notice.body)
    assert found is not None
    return found[1]


def confirm(session: Any, token: str, at: dt.datetime = NOW, signature: Any = SIGNED, **said: Any) -> Any:
    with transaction(session):
        return visit_links.confirm(session, token, Word(**said), "苏见山", signature, at, "203.0.113.5")


def test_a_link_confirms_as_an_account_does(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    notice = session.scalars(select(Notification).where(Notification.channel == "sms")).one()
    assert notice.address == PHONE
    confirm(session, token, opinion="已到场", rating="fair", repair=True, repair_note="门有异响")
    assert (left.state, left.awaiting_review, left.next_change_at) == ("valid", False, None)
    assert (left.confirmed_by, left.rating, left.review_opinion) == ("link", "fair", "已到场")
    assert left.reviewed_by_id is None and left.reviewed_from == "203.0.113.5" and left.signed_at is None
    row = session.scalars(select(VisitLink)).one()
    assert (row.used_at, row.signer, row.sent_to) == (NOW, "苏见山", "138****0000")
    order = session.scalars(select(RepairOrder)).one()
    assert (order.use_note, order.source, order.visit_id) == ("门有异响", "review", left.id)
    kept = session.scalars(select(Attachment).where(Attachment.kind == "signature")).one()
    assert (kept.entity_id, kept.unit_id) == (left.id, huzhou.use_unit.id)
    logged = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.review")).one()
    assert logged.via == f"link:{row.id}" and logged.actor_id is None
    assert logged.after["sent_to"] == "138****0000"
    assert not [one for one in (token, PHONE) if one in str(logged.after)]


def test_once_and_no_more(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    confirm(session, token)
    with pytest.raises(Refusal) as refusal:
        confirm(session, token, opinion="再来")
    assert rules_of(refusal) == {"确认链接"} and left.review_opinion is None


def test_until_its_end_and_no_longer(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    row = session.scalars(select(VisitLink)).one()
    assert row.expires_at == NOW + LINK_LASTS
    with pytest.raises(Refusal) as refusal:
        confirm(session, token, row.expires_at)
    assert rules_of(refusal) == {"确认链接"}
    confirm(session, token, row.expires_at - dt.timedelta(seconds=1))
    assert left.state == "valid"


def test_a_link_ends_with_the_review_limit(session: Any, huzhou: Any, left: Any) -> None:
    send(session, huzhou, left, wall(2026, 3, 16, 9, 0))
    assert session.scalars(select(VisitLink)).one().expires_at == left.review_due_at == wall(2026, 3, 18, 0, 0)


def test_forged_and_foreign_tokens_open_nothing(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    for wrong in ("", "x" * 43, token[:-1], token + "A", token.swapcase()):
        assert visit_links.by_token(session, wrong) is None
        with pytest.raises(Refusal):
            confirm(session, wrong)
    # The digest is bound to what it is for: an invitation's of the same token is another one.
    from app.workflows.people import invitations

    assert invitations.digest(token) != visit_links.digest(token)
    assert session.scalars(select(VisitLink)).one().token_hash != token


def test_the_word_is_checked(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    with pytest.raises(Refusal) as refusal:
        confirm(session, token, signature=None, opinion="长" * 141, rating="grand")
    assert rules_of(refusal) == {"签名", "意见", "评价"}
    confirm(session, token, opinion="长" * 140)


def test_withdrawn_and_sent_anew(session: Any, huzhou: Any, left: Any) -> None:
    first = send(session, huzhou, left)
    with transaction(session):
        visit_links.withdraw(session, huzhou.actor("worker"), left.id, NOW + MINUTE)
    with pytest.raises(Refusal):
        confirm(session, first, NOW + 2 * MINUTE)
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left, NOW + 9 * MINUTE)
    assert rules_of(refusal) == {"发送间隔"}
    second = send(session, huzhou, left, NOW + 10 * MINUTE, who="clerk")
    third = send(session, huzhou, left, NOW + 20 * MINUTE, who="maintenance_head")
    at = NOW + 21 * MINUTE
    states = {t: visit_links.state_of(*visit_links.by_token(session, t), at) for t in (first, second, third)}
    assert list(states.values()) == [LinkState.WITHDRAWN, LinkState.WITHDRAWN, LinkState.OPEN]
    for n in range(MOST_OF_VISIT - 3):
        send(session, huzhou, left, NOW + (n + 1) * HOUR)
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left, NOW + 9 * HOUR)
    assert rules_of(refusal) == {"发送次数"}


def test_what_an_account_confirmed_needs_no_link(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    with transaction(session):
        visits.review(session, huzhou.actor("safety_officer"), left.id, "", NOW, rating="good")
    assert (left.confirmed_by, left.rating) == ("account", "good")
    assert visit_links.state_of(*visit_links.by_token(session, token), NOW) is LinkState.DONE
    with pytest.raises(Refusal):
        confirm(session, token)
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left, NOW + DAY)
    assert rules_of(refusal) == {"重复复核"}


def test_a_void_record_is_confirmed_by_nobody(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    left.state = "void"
    session.commit()
    with pytest.raises(Refusal):
        confirm(session, token)
    with pytest.raises(Refusal) as refusal, transaction(session):
        visits.review(session, huzhou.actor("safety_officer"), left.id, "", NOW)
    assert rules_of(refusal) == {"记录状态"}


def test_the_firm_gets_no_link(session: Any, huzhou: Any, left: Any) -> None:
    """Neither a number of its people, nor that of an account which it made; asked again when the link is used."""
    for phone in (huzhou.worker.phone, huzhou.firm.head_phone):
        huzhou.own.safety_phone = phone
        session.commit()
        with pytest.raises(Refusal) as refusal:
            send(session, huzhou, left)
        assert rules_of(refusal) == {"备案电话"}
    huzhou.own.safety_phone = PHONE
    session.commit()
    token = send(session, huzhou, left)
    puppet = make_account(
        session, Role.SAFETY_OFFICER, unit=huzhou.use_unit, parent_user_id=huzhou.accounts["maintenance_head"].id
    )
    puppet.phone = PHONE
    session.commit()
    with pytest.raises(Refusal) as refusal:
        confirm(session, token)
    assert rules_of(refusal) == {"备案电话"}
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left, NOW + HOUR)
    assert rules_of(refusal) == {"备案电话"}


def test_a_number_that_is_no_longer_filed_answers_nothing(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    huzhou.own.safety_phone = "13812349999"
    session.commit()
    with pytest.raises(Refusal) as refusal:
        confirm(session, token)
    assert rules_of(refusal) == {"备案电话"}


def test_the_phone_of_another_use_unit_gets_none(session: Any, huzhou: Any, left: Any) -> None:
    """The elevator went on to another use unit: the visit is of the one of that day."""
    huzhou.own.use_unit_id = huzhou.other_use_unit.id
    session.commit()
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left)
    assert rules_of(refusal) == {"备案电话"}
    huzhou.use_unit.safety_phone = "13812341111"
    session.commit()
    send(session, huzhou, left)
    assert session.scalars(select(VisitLink)).one().sent_to == "138****1111"


def test_who_may_send(session: Any, huzhou: Any, left: Any) -> None:
    for who in ("safety_officer", "use_head", "inspector"):
        with pytest.raises((NotAllowed, Refusal)):
            send(session, huzhou, left, who=who)
    colleague = make_account(session, Role.WORKER, unit=huzhou.firm)
    session.commit()
    with pytest.raises(NotAllowed), transaction(session):
        visit_links.send(session, actor(colleague), left.id, str, NOW)
    assert session.scalars(select(VisitLink)).all() == []


def test_without_sms_and_of_secret_elevators_no_link_goes_out(
    session: Any, huzhou: Any, left: Any, monkeypatch: Any
) -> None:
    huzhou.own.is_secret = True
    session.commit()
    monkeypatch.delitem(outbox.SENDERS, "sms")
    with pytest.raises(Refusal) as refusal:
        send(session, huzhou, left)
    assert rules_of(refusal) == {"短信", "涉密"}


def test_an_objection_uses_the_link_and_reviews_nothing(session: Any, huzhou: Any, left: Any) -> None:
    token = send(session, huzhou, left)
    with pytest.raises(Refusal) as refusal, transaction(session):
        visit_links.object_to(session, token, " ", NOW, None)
    assert rules_of(refusal) == {"异议"}
    with transaction(session):
        visit_links.object_to(session, token, "当天没有人来", NOW, None)
    assert left.reviewed_at is None and left.state == "awaiting"
    note = session.scalars(select(VisitNote)).one()
    assert (note.kind, note.body, note.author_id) == ("objection", "当天没有人来", None)
    assert visit_links.state_of(*visit_links.by_token(session, token), NOW) is LinkState.USED


def test_confirmed_late_is_stored_and_does_not_heal(session: Any, huzhou: Any, left: Any) -> None:
    late = wall(2026, 3, 18, 0, 0)
    token = send(session, huzhou, left, late)
    confirm(session, token, late + MINUTE)
    assert left.state == "nonconforming" and left.reviewed_at == late + MINUTE


def test_without_a_review_limit_a_link_lasts_a_week(session: Any, world: Any) -> None:
    make_policy(session, "preset", "quanzhou")
    for place in Place:
        make_policy(session, place.value, "none")
    world.own.safety_phone = PHONE
    session.commit()
    visit = leave(session, world, arrive(session, world), START + 40 * MINUTE)
    assert visit.review_due_at is None
    token = send(session, world, visit)
    assert session.scalars(select(VisitLink)).one().expires_at == NOW + LINK_LASTS
    before = visit.state
    confirm(session, token, rating="poor")
    assert (visit.confirmed_by, visit.rating, visit.state) == ("link", "poor", before)
