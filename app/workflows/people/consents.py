"""The face photo: given by the person himself, with a consent of its own, taken back whenever he likes (PER-10).

Nothing asks for it. Who has none, or takes it back, checks in by code, place and photo of the elevator as before.
"""

from __future__ import annotations

import datetime as dt
from typing import IO

from sqlalchemy import select

from app.errors import Finding, raise_failing, refuse
from app.models import Attachment, Consent, Person
from app.permissions import Actor
from app.telling import told
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.files import attachments

FACE, COMPARE = "face", "face_compare"
# Kept with each consent as it was shown: what was agreed to must be provable.
WORDS = say(
    "我单独同意：平台保存我的人脸照片，只供本单位和监管部门有权的人填写原因后查看，与现场本人照片对照；没有我另外的单独同意，不作人脸比对。"
    "照片加密保存，离职后按保存期限删除。"
    "我知道可以随时撤回，撤回后照片立即删除；不提供这张照片不影响签到。"
)
# Comparing is another purpose and another consent: who gave the photo for people's eyes gave it for no machine.
COMPARE_WORDS = say(
    "我单独同意：签到时把现场本人照片和我登记的人脸照片交给平台接入的比对服务比对，只记录一致、不一致或没有认出；"
    "平台不保存人脸特征和相似程度，比对结果随现场本人照片到期删除。"
    "我知道可以随时撤回；不同意，或某一次不想比对，按扫码、定位和照片一样签到。"
)


def face_of(session: AnySession, person_id: int) -> Attachment | None:
    """The face photo that stands. The caller has the person through scope, or is he."""
    return next(iter(_faces(session, person_id)), None)


def standing(session: AnySession, person_id: int, purpose: str = FACE) -> Consent | None:
    """The consent that was not withdrawn."""
    statement = select(Consent).where(
        Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None)
    )
    found: Consent | None = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    return found


def comparable(session: AnySession, person_id: int) -> Attachment | None:
    """The face photo with which a photo of his may be compared: he gave it, and consented to comparing it."""
    if standing(session, person_id, COMPARE) is None:
        return None
    photo = face_of(session, person_id)
    return photo if photo is not None and photo.scan not in ("waiting", "infected") else None


def agree_to_compare(session: AnySession, actor: Actor, agreed: bool, at: dt.datetime) -> None:
    """Consent to one's photos being compared; whoever has given none has nothing to consent to."""
    person = _myself(session, actor)
    raise_failing([
        Finding("人脸照片", bool(_faces(session, person.id)), "还没有提供照片", "请先提供人脸照片", field="face"),
        Finding("单独同意", agreed, "没有勾选", "不愿比对就不用勾选，签到不受影响", field="compare"),
    ])  # fmt: skip
    _keep(session, actor, person, at, at, purpose=COMPARE)


def withdraw_compare(session: AnySession, actor: Actor, at: dt.datetime) -> None:
    """Take back the consent to comparing alone: the photo stays for people's eyes."""
    person = _myself(session, actor)
    consent = standing(session, person.id, COMPARE)
    if consent is None:
        raise refuse("人脸比对", "没有同意过", "无须撤回")
    consent.withdrawn_at = at
    session.flush()
    audit.record(session, actor, at, "consent.withdraw", "person", person.id, after={"purpose": COMPARE})


def give_face(
    session: AnySession, actor: Actor, stream: IO[bytes] | None, name: str, agreed: bool, at: dt.datetime
) -> Attachment:
    """Keep one's own face photo with one's own consent; a newer photo replaces the older one."""
    person = _myself(session, actor)
    raise_failing([
        Finding("人脸照片", stream is not None, "没有选择照片", "请选择一张 JPG 或 PNG 照片", field="face"),
        Finding("单独同意", agreed, "没有勾选", "不愿提供就不用上传，签到不受影响", field="agreed"),
    ])  # fmt: skip
    assert stream is not None
    for old in _faces(session, person.id):
        attachments.forget(session, old)
    kept = attachments.store(
        session, actor, at, stream, name, FACE, "person", person.id, person.unit_id, person.region_code
    )
    _keep(session, actor, person, at, at)
    return kept


def take_on(session: AnySession, actor: Actor, person: Person, given_at: dt.datetime, at: dt.datetime) -> None:
    """Keep the consent that somebody gave as an invitee, with his photo: the words stood beside it."""
    if _faces(session, person.id):
        _keep(session, actor, person, given_at, at, as_invitee=True)


def withdraw_face(session: AnySession, actor: Actor, at: dt.datetime) -> None:
    """Take back one's consent: the photo goes at once, the consent stays as a record of its time."""
    person = _myself(session, actor)
    consent, photos = standing(session, person.id), _faces(session, person.id)
    if consent is None and not photos:
        raise refuse("人脸照片", "没有同意过，也没有照片", "无须撤回")
    for given in filter(None, (consent, standing(session, person.id, COMPARE))):
        given.withdrawn_at = at
    for photo in photos:
        attachments.forget(session, photo)
    session.flush()
    after = {"purpose": FACE, "photo": bool(photos)}
    audit.record(session, actor, at, "consent.withdraw", "person", person.id, after=after)


def _keep(
    session: AnySession, actor: Actor, person: Person, given_at: dt.datetime, at: dt.datetime,
    as_invitee: bool = False, purpose: str = FACE,
) -> None:  # fmt: skip
    if standing(session, person.id, purpose) is None:
        session.add(Consent(
            person_id=person.id, unit_id=person.unit_id, region_code=person.region_code, purpose=purpose,
            words=told(WORDS if purpose == FACE else COMPARE_WORDS), given_at=given_at,
            given_by_id=None if as_invitee else actor.user_id,
        ))  # fmt: skip
        session.flush()
        audit.record(session, actor, at, "consent.give", "person", person.id, after={"purpose": purpose})


def _faces(session: AnySession, person_id: int) -> list[Attachment]:
    return [row for row in attachments.of(session, "person", person_id) if row.kind == FACE]


def _myself(session: AnySession, actor: Actor) -> Person:
    """The person behind the account: nobody consents for another."""
    person: Person | None = None
    if actor.person_id is not None:
        own = select(Person).where(Person.id == actor.person_id).execution_options(skip_scope=True)
        person = session.scalar(own)
    if person is None or person.left_on is not None:
        raise refuse("人员", "这个账号没有对应的在职人员", "人脸照片只能由本人用自己的账号提供")
    lock(session, Person, person.id)
    return person
