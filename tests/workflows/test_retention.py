"""PER-10: what is past its time goes by night, in counts; evidence stays; a person asks and is answered."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, vault
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Attachment,
    AuditEntry,
    Consent,
    ExternalIdentity,
    ImportBatch,
    ImportRow,
    InsuranceGap,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    Job,
    NoticeChoice,
    Notification,
    Person,
    PersonalRequest,
    Version,
    Visit,
)
from app.permissions import SYSTEM, Actor
from app.policy.keys import SPECS, Key
from app.rules.retention import DUTIES, due_on, past
from app.transaction import transaction
from app.workflows.access import issuing
from app.workflows.core import outbox
from app.workflows.files import attachments
from app.workflows.people import consents
from app.workflows.privacy import own_data, personal_requests, retention, revealing
from tests.factories import World, make_person, picture

pytestmark = [pytest.mark.feature("PER-10"), pytest.mark.usefixtures("folder")]
AT = dt.datetime(2026, 11, 20, 3, 0, tzinfo=dt.UTC)
TODAY = clock.local_day(AT)
DAY = dt.timedelta(days=1)
PNG, OTHER = picture(), picture(colour="#a53a6e")


def kept(session: Any, world: World, kind: str, person: Person, at: dt.datetime = AT) -> Attachment:
    with transaction(session):
        return attachments.store(
            session, world.actor("worker"), at, io.BytesIO(picture(size=(40, 9 + len(kind)))), "图.png", kind, "person",
            person.id, person.unit_id, person.region_code,
        )  # fmt: skip


def avatar(session: Any, world: World, name: str) -> tuple[int, Path]:
    with transaction(session):
        row = own_data.set_avatar(session, world.actor(name), io.BytesIO(picture(colour=f"#{len(name):02x}3a6e")), AT)
    return row.id, attachments.path(None, row)


def test_a_picture_alone_is_reason_enough(session: Any, world: World) -> None:
    """Of an account that was closed before its picture was part of what goes: found by the picture alone."""
    key, place = avatar(session, world, "clerk")
    with transaction(session):
        issuing.set_active(session, SYSTEM, world.accounts["clerk"], False, "离职", AT - 400 * DAY)
    assert world.accounts["clerk"].phone is None
    assert retention.run(session, SYSTEM, AT)["accounts"] == 1
    session.expire_all()
    assert session.get(Attachment, key) is None and not place.exists()
    assert not any(retention.run(session, SYSTEM, AT).values())


def test_every_kind_that_is_erased_has_its_number_and_its_reason() -> None:
    assert {duty.kind for duty in DUTIES if duty.key} == set(retention.ERASE)
    assert all(Key(duty.key) in SPECS and duty.why for duty in DUTIES if duty.key)
    assert all(duty.why and "不删除" in duty.deed for duty in DUTIES if not duty.key and duty.kind != "sign_in")
    assert (past(dt.date(2026, 3, 1), 1), due_on(dt.date(2026, 1, 31))) == (dt.date(2026, 2, 28), dt.date(2026, 3, 2))


def test_a_left_persons_pictures_and_numbers_go_on_their_day(session: Any, world: World, folder: Path) -> None:
    left = make_person(session, world.firm, phone="13811110000", resident_id="11010519491231002X")
    session.commit()
    face, paper = kept(session, world, "face", left), kept(session, world, "identity", left)
    face_place, face_id, paper_id = attachments.path(None, face), face.id, paper.id
    left.left_on = TODAY - 29 * DAY
    session.commit()
    assert not any(retention.run(session, SYSTEM, AT).values()), "one day too early"
    left.left_on = TODAY - 30 * DAY
    session.commit()
    assert retention.run(session, SYSTEM, AT)["face"] == 1
    assert not face_place.exists() and session.get(Attachment, face_id) is None
    assert session.get(Attachment, paper_id) is not None and left.phone
    left.left_on = TODAY - 1826 * DAY
    session.commit()
    told = retention.run(session, SYSTEM, AT)
    session.expire_all()
    assert (told["identity"], told["numbers"]) == (1, 1)
    assert (left.phone, left.resident_id) == (None, None) and left.name, "the name stays with the visits"
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "retention.erase")).all()
    assert [(e.after["kind"], e.after["rows"]) for e in entries] == [("face", 1), ("identity", 1), ("numbers", 1)]
    assert not any(retention.run(session, SYSTEM, AT).values()), "a second run finds nothing"


def test_who_is_here_keeps_everything(session: Any, world: World) -> None:
    before = session.scalar(select(func.count()).select_from(Visit))
    face = kept(session, world, "face", world.worker, AT - 3000 * DAY)
    key, phone = face.id, world.worker.phone
    assert not any(retention.run(session, SYSTEM, AT).values())
    assert session.get(Attachment, key) is not None and world.worker.phone == phone
    assert session.scalar(select(func.count()).select_from(Visit)) == before


def test_an_invitee_who_never_joined_is_forgotten(session: Any, world: World) -> None:
    place = {"unit_id": world.firm.id, "region_code": world.firm.region_code, "kind": "worker"}
    ends = AT - 90 * DAY
    rejected, review, cancelled = (
        Invitation(
            name=state, phone=f"1381111000{n}", state=state, resident_id=None, expires_at=ends, submitted_at=AT - DAY,
            **place,
        )
        for n, state in enumerate(("rejected", "review", "cancelled"))
    )
    rejected.resident_id = "11010519491231002X"
    session.add_all([rejected, review, cancelled])
    session.commit()
    with transaction(session):
        face = attachments.store(
            session, SYSTEM, AT, io.BytesIO(PNG), "脸.png", "face", "invitation", rejected.id, world.firm.id,
            world.firm.region_code,
        )  # fmt: skip
    place_of, key = attachments.path(None, face), face.id
    assert not any(retention.run(session, SYSTEM, AT - DAY).values()), "one day too early"
    assert retention.run(session, SYSTEM, AT)["invitees"] == 2
    assert session.scalars(select(Invitation.state)).all() == ["review"], "what waits for the manager has its own day"
    assert session.get(Attachment, key) is None and not place_of.exists()
    assert not any(retention.run(session, SYSTEM, AT).values())


def waiting(session: Any, world: World, submitted: dt.datetime, **more: Any) -> Invitation:
    row = Invitation(**{
        "name": "沈未眠", "phone": "13811110009", "state": "review", "resident_id": "11010519491231002X",
        "expires_at": AT, "submitted_at": submitted, "unit_id": world.firm.id, "by_unit_id": world.firm.id,
        "region_code": world.firm.region_code, "kind": "worker",
    } | more)  # fmt: skip
    session.add(row)
    session.commit()
    return row


def told_of(session: Any, channel: str = "inbox") -> list[str]:
    session.expire_all()
    rows = session.scalars(
        select(Notification).where(Notification.topic == "invitation", Notification.channel == channel)
    ).all()
    return sorted({row.title if channel == "inbox" else row.body for row in rows})


def test_what_nobody_reviews_is_erased_after_a_warning(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)
    row = waiting(session, world, AT - 83 * DAY)
    key, version = row.id, row.row_version
    retention.run(session, SYSTEM, AT - DAY)
    assert told_of(session) == [], "eight days before is too early to tell"
    retention.run(session, SYSTEM, AT)
    said, day = told_of(session), (TODAY + 7 * DAY).isoformat()
    assert said == [f"沈未眠 的入职资料一直没有审核，将于 {day} 删除"]
    assert told_of(session, "sms") == [
        f"您提交给{world.firm.name}的入职资料还没有审核，将于 {day} 删除。仍要入职请联系该单位。"
    ]
    assert session.get(Invitation, key).row_version == version, "who has it before him may still decide"
    for days in (1, 6):
        assert retention.run(session, SYSTEM, AT + days * DAY)["invitees"] == 0
    assert told_of(session) == said, "told once"
    assert retention.run(session, SYSTEM, AT + 7 * DAY)["invitees"] == 1
    assert session.scalar(select(func.count()).select_from(Invitation)) == 0


@pytest.mark.parametrize("late", [0, 200])
def test_without_a_warning_nothing_that_waits_goes(session: Any, world: World, late: int) -> None:
    """The night's work stood still for weeks: even then there are seven days between the word and the deed."""
    waiting(session, world, AT - (90 + late) * DAY)
    assert retention.run(session, SYSTEM, AT)["invitees"] == 0
    assert told_of(session) == [f"沈未眠 的入职资料一直没有审核，将于 {TODAY + 7 * DAY} 删除"]
    assert retention.run(session, SYSTEM, AT + 6 * DAY)["invitees"] == 0
    assert retention.run(session, SYSTEM, AT + 7 * DAY)["invitees"] == 1


def test_who_submits_anew_has_all_his_time_again(session: Any, world: World) -> None:
    row = waiting(session, world, AT - 85 * DAY, ending_told_at=AT - 2 * DAY)
    row.submitted_at = AT - DAY
    session.commit()
    assert retention.run(session, SYSTEM, AT + 60 * DAY)["invitees"] == 0 and told_of(session) == []
    assert retention.run(session, SYSTEM, AT + 82 * DAY)["invitees"] == 0 and len(told_of(session)) == 1
    assert retention.run(session, SYSTEM, AT + 89 * DAY)["invitees"] == 1


def test_a_closed_account_loses_its_ways_to_be_reached(session: Any, world: World) -> None:
    clerk, head = world.accounts["clerk"], world.accounts["maintenance_head"]
    for account, name, phone in ((clerk, "a", "13800000001"), (head, "b", "13800000002")):
        account.phone, account.email, account.email_verified_at = phone, f"{name}@example.com", AT
        session.add(ExternalIdentity(user_id=account.id, provider="gov", subject=name, shown_name=name, bound_at=AT))
        session.add(NoticeChoice(account_id=account.id, channels={}, webhook_url="https://x.example", updated_at=AT))
    session.commit()
    pictures = {name: avatar(session, world, name) for name in ("clerk", "maintenance_head")}
    with transaction(session):
        issuing.set_active(session, SYSTEM, clerk, False, "离职", AT - 179 * DAY)
    assert clerk.closed_at == AT - 179 * DAY
    assert retention.run(session, SYSTEM, AT)["accounts"] == 0
    assert retention.run(session, SYSTEM, AT + DAY)["accounts"] == 1
    session.expire_all()
    assert (clerk.phone, clerk.email, clerk.email_verified_at) == (None, f"{clerk.username}@account.invalid", None)
    assert session.scalars(select(ExternalIdentity.user_id)).all() == [head.id]
    assert session.scalars(select(NoticeChoice.account_id)).all() == [head.id]
    assert clerk.first_name and head.phone and head.email == "b@example.com"
    assert session.scalars(select(Attachment.id)).all() == [pictures["maintenance_head"][0]]
    assert [place.exists() for _key, place in pictures.values()] == [False, True]
    assert retention.run(session, SYSTEM, AT + DAY)["accounts"] == 0
    with transaction(session):
        issuing.set_active(session, SYSTEM, clerk, True, "", AT)
    assert clerk.closed_at is None


def test_who_was_insured_is_forgotten_with_the_voucher(session: Any, world: World) -> None:
    place = {"unit_id": world.firm.id, "region_code": world.firm.region_code}
    ended = TODAY - 1826 * DAY
    old, young = (
        InsuranceRecord(payer="澜州测试公司", from_on=on - 28 * DAY, to_on=on, filed_at=AT, **place)
        for on in (ended, ended + DAY)
    )
    session.add_all([old, young])
    session.flush()
    session.add_all(
        InsuredPerson(record_id=row.id, name="甲", id_number="11010519491231002X", phone="13811110000", **place)
        for row in (old, young)
    )
    session.add_all(
        InsuranceGap(month=on, kind="unfiled", name="甲", phone="13811110000", **place)
        for on in (ended - 31 * DAY, ended)
    )
    session.commit()
    with transaction(session):
        paper = attachments.store(
            session, SYSTEM, AT, io.BytesIO(PNG), "凭证.png", "insurance", "insurance_record", old.id, old.unit_id,
            old.region_code,
        )  # fmt: skip
    place_of, key = attachments.path(None, paper), old.id
    assert vault.is_sealed_file(place_of.read_bytes()), "it lists ID numbers"
    assert retention.run(session, SYSTEM, AT)["insured"] == 1
    assert not place_of.exists() and session.get(InsuranceRecord, key) is not None
    assert session.scalars(select(InsuredPerson.record_id)).all() == [young.id]
    assert session.scalars(select(InsuranceGap.month)).all() == [ended]
    assert retention.run(session, SYSTEM, AT)["insured"] == 0


def test_jobs_go_with_what_they_were_asked(session: Any, world: World) -> None:
    old, young = (
        Job(
            kind="export", title="导出", params={"query": "13811110000"}, state="done", created_at=at, heartbeat_at=at,
            finished_at=at,
        )
        for at in (AT - 731 * DAY, AT - 729 * DAY)
    )
    session.add_all([old, young])
    session.flush()
    batch = ImportBatch(kind="units", state="done", file_name="甲.xlsx", job_id=old.id, rows=1, created_at=AT)
    session.add(batch)
    session.commit()
    kept_id = young.id
    assert retention.run(session, SYSTEM, AT)["jobs"] == 1
    session.expire_all()
    assert batch.job_id is None and session.scalars(select(Job.id)).all() == [kept_id]


def test_the_numbers_of_a_left_person_go_from_his_filings_too(session: Any, world: World) -> None:
    left = make_person(session, world.firm, phone="13811110000", resident_id="11010519491231002X")
    session.flush()
    data = {"name": left.name, "phone": left.phone, "resident_id": left.resident_id}
    session.add(Version(entity="person", entity_id=left.id, number=1, data=data, edited_at=AT))
    session.add(Invitation(
        name=left.name, phone="13811110000", state="ended", person_id=left.id, unit_id=world.firm.id, kind="worker",
        region_code=world.firm.region_code,
    ))  # fmt: skip
    left.left_on = TODAY - 1826 * DAY
    session.commit()
    assert retention.run(session, SYSTEM, AT)["numbers"] == 1
    session.expire_all()
    assert session.scalars(select(Version)).one().data == {"name": left.name, "phone": None, "resident_id": None}
    assert session.scalars(select(Invitation)).one().phone == "138****0000"


def test_notices_sheets_and_exports_go_by_blocks(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "BLOCK", 2)
    old, user = AT - 731 * DAY, world.accounts["clerk"].id
    session.add_all(
        Notification(recipient_id=user, topic="t", title=f"{n}", state="sent", created_at=old) for n in range(5)
    )
    session.add(Notification(recipient_id=user, topic="t", title="新", state="sent", created_at=AT - 729 * DAY))
    session.add(Notification(recipient_id=user, topic="t", title="待发", state="queued", created_at=old))
    session.commit()
    sheet, export = kept(session, world, "photo", world.worker), kept(session, world, "photo", world.worker)
    sheet.kind, export.kind, export.uploaded_at = "import", "export", AT - 31 * DAY
    batch = ImportBatch(
        kind="units", state="done", file_name="甲.xlsx", attachment_id=sheet.id, rows=1, created_at=old,
        mapping={"headings": ["姓名"]},
        finished_at=AT - 366 * DAY,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    session.add(ImportRow(batch_id=batch.id, number=1, state="new", raw=["甲"], data={}))
    session.commit()
    told = retention.run(session, SYSTEM, AT)
    assert (told["notices"], told["imports"], told["exports"]) == (5, 1, 1)
    session.expire_all()
    assert (batch.rows, batch.attachment_id, batch.mapping) == (1, None, None)
    assert session.scalar(select(func.count()).select_from(ImportRow).where(ImportRow.batch_id == batch.id)) == 0
    titles = session.scalars(select(Notification.title).where(Notification.topic == "t")).all()
    assert sorted(titles) == ["待发", "新"]


# --- consent


def test_a_face_needs_its_own_consent_and_goes_with_it(session: Any, world: World) -> None:
    me: Actor = world.actor("worker")
    with pytest.raises(Refusal) as refused, transaction(session):
        consents.give_face(session, me, None, "", False, AT)
    assert {f.field for f in refused.value.findings} == {"face", "agreed"}
    with transaction(session):
        first = consents.give_face(session, me, io.BytesIO(PNG), "脸.png", True, AT)
    place = attachments.path(None, first)
    with transaction(session):
        second = consents.give_face(session, me, io.BytesIO(OTHER), "脸.png", True, AT)
    assert not place.exists()
    assert consents.face_of(session, world.worker.id) is second
    given = session.scalars(select(Consent)).one()
    assert given.person_id == world.worker.id and "随时撤回" in given.words
    place = attachments.path(None, second)
    with transaction(session):
        consents.withdraw_face(session, me, AT + DAY)
    assert not place.exists() and consents.face_of(session, world.worker.id) is None
    assert given.withdrawn_at == AT + DAY and consents.standing(session, world.worker.id) is None
    with pytest.raises(Refusal, match="无须撤回"), transaction(session):
        consents.withdraw_face(session, me, AT)
    with pytest.raises(Refusal, match="本人"), transaction(session):
        consents.give_face(session, world.actor("clerk"), io.BytesIO(PNG), "脸.png", True, AT)


def test_a_face_is_seen_with_the_right_alone(session: Any, world: World) -> None:
    with transaction(session):
        key = consents.give_face(session, world.actor("worker"), io.BytesIO(PNG), "脸.png", True, AT).id
    assert attachments.for_download(session, world.actor("worker"), key).id == key
    for other in ("inspector", "clerk"):
        with pytest.raises(NotAllowed):
            attachments.for_download(session, world.actor(other), key)
    with transaction(session):
        shown = revealing.reveal(session, world.actor("inspector"), "person", world.worker.id, "face", "核对", AT)
    assert shown.id == key
    with pytest.raises(NotAllowed), transaction(session):
        revealing.reveal(session, world.actor("clerk"), "person", world.worker.id, "face", "核对", AT)


# --- requests


def test_a_request_is_answered_once_with_a_reason(session: Any, world: World) -> None:
    me, officer = world.actor("worker"), world.actor("region_admin")
    face = kept(session, world, "face", world.worker)
    key, phone = face.id, world.worker.phone
    with pytest.raises(Refusal) as refused, transaction(session):
        personal_requests.ask(session, me, "sale", "", AT)
    assert {f.field for f in refused.value.findings} == {"kind", "detail"}
    with transaction(session):
        row = personal_requests.ask(session, me, "erasure", "请删除我的照片", AT)
    assert row.due_on == TODAY + 30 * DAY
    with pytest.raises(Refusal, match="同样的请求"), transaction(session):
        personal_requests.ask(session, me, "erasure", "再删", AT)
    with pytest.raises(NotAllowed), transaction(session):
        personal_requests.decide(session, world.actor("inspector"), row.id, True, "已经删除照片", None, AT)
    with pytest.raises(Refusal, match="理由"), transaction(session):
        personal_requests.decide(session, officer, row.id, True, "好", None, AT)
    with transaction(session):
        personal_requests.decide(session, officer, row.id, True, "照片已删除，维保记录依法保存", row.row_version, AT)
    assert row.outcome == "done" and session.get(Attachment, key) is None
    assert world.worker.phone == phone, "who still works here keeps his number"
    told = session.scalars(select(Notification).where(Notification.recipient_id == me.user_id)).all()
    assert any(n.body == row.answer for n in told)
    with pytest.raises(Refusal, match="已经答复"), transaction(session):
        personal_requests.decide(session, officer, row.id, False, "改变主意了", None, AT)


def test_nobody_answers_himself_or_elsewhere(session: Any, world: World) -> None:
    officer = world.actor("region_admin")
    with transaction(session):
        own = personal_requests.ask(session, officer, "copy", "我的全部资料", AT)
    with pytest.raises(Refusal, match="自己的请求"), transaction(session):
        personal_requests.decide(session, officer, own.id, True, "已经提供", None, AT)
    far = PersonalRequest(
        kind="copy", name="外", account_id=world.accounts["clerk"].id, region_code="980403000000", detail="全部",
        asked_at=AT, due_on=TODAY,
    )  # fmt: skip
    session.add(far)
    session.commit()
    with pytest.raises(NotFound), transaction(session):
        personal_requests.decide(session, officer, far.id, True, "已经提供", None, AT)


def test_a_copy_holds_what_is_his_and_is_logged(session: Any, world: World) -> None:
    world.worker.resident_id = "11010519491231002X"
    session.commit()
    with transaction(session):
        told = personal_requests.copy_of(session, world.actor("worker"), AT)
    assert told["人员"]["身份证号"] == "11010519491231002X" and told["人员"]["手机"] == world.worker.phone
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "personal_request.copy")).one()
    assert entry.after is None
