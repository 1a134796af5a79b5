"""Erasing what has been kept long enough, a block at a time; each block leaves its count in the log (PIPL 47).

Nothing that proves a deed is touched: visits, versions, decisions and the log stay (`rules/retention.py` says why).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import case, delete, func, literal_column, or_, select, update

from app import clock
from app.models import (
    Account,
    Attachment,
    Complaint,
    ExternalIdentity,
    FaceCheck,
    ImportBatch,
    ImportRow,
    InsuranceGap,
    InsuranceRecord,
    InsuredPerson,
    Invitation,
    IotEvent,
    Job,
    NoticeChoice,
    Notification,
    Person,
    ProvincialItem,
    ProvincialRun,
    Rescue,
    RescueCallback,
    RescueStep,
    Version,
    Visit,
)
from app.models.account import no_mail
from app.models.policy import policy_groups, policy_value
from app.permissions import Actor
from app.policy.keys import Key
from app.rules.calendar import day_start
from app.rules.identifiers import mask_numbers, masked
from app.rules.invitations import InvitationState
from app.rules.retention import DUTIES, WARN_DAYS, erased_on, past
from app.transaction import AnySession, transaction
from app.workflows.core import audit
from app.workflows.files import attachments
from app.workflows.people import invitations
from app.workflows.privacy import own_data

BLOCK = 500
Progress = Callable[[int, int, str], None]


def run(session: AnySession, actor: Actor, at: dt.datetime, progress: Progress = lambda *_: None) -> dict[str, int]:
    """Erase everything that is past its time; how much of each kind. Safe to run twice: the second finds nothing."""
    told = {}
    while True:
        with transaction(session):
            if _warn(session, at) < BLOCK:
                break
    for number, (kind, erase) in enumerate(ERASE.items()):
        progress(number, len(ERASE), next(duty.what for duty in DUTIES if duty.kind == kind))
        told[kind] = 0
        while True:
            with transaction(session):
                count = erase(session, clock.local_day(at))
                if count:
                    audit.record(
                        session, actor, at, "retention.erase", "retention", None, after={"kind": kind, "rows": count}
                    )
            told[kind] += count
            if count < BLOCK:
                break
    progress(len(ERASE), len(ERASE), "")
    return told


def erase_person(session: AnySession, person: Person) -> list[str]:
    """Erase a person's numbers and pictures at once, because he asked; what there was. The caller records it."""
    found: list[str] = []
    for row in attachments.of(session, "person", person.id):
        if row.kind in attachments.OF_PERSONS:
            attachments.forget(session, row)
            found.append(row.kind)
    for row in session.scalars(_selfies().where(Visit.worker_id == person.id)).all():
        attachments.forget(session, row)
        found.append(row.kind)
    gone = delete(FaceCheck).where(FaceCheck.person_id == person.id)
    session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))
    if person.left_on is not None and (person.phone or person.resident_id):
        _forget_numbers(session, [person.id])
        found.append("numbers")
    return found


def _pictures(kinds: tuple[str, ...], key: Key) -> Callable[[AnySession, dt.date], int]:
    def erase(session: AnySession, today: dt.date) -> int:
        statement = (
            select(Attachment)
            .join(Person, (Attachment.entity == "person") & (Attachment.entity_id == Person.id))
            .where(Attachment.kind.in_(kinds), _left_before(session, key, today))
        )
        rows = session.scalars(statement.limit(BLOCK).execution_options(skip_scope=True)).all()
        for row in rows:
            attachments.forget(session, row)
        return len(rows)

    return erase


def _selfies() -> Any:
    """Photos of whoever checked in, of visits; the few of that kind stand in an index of their own."""
    own = (Attachment.kind == literal_column("'selfie'")) & (Attachment.entity == "visit")
    statement = select(Attachment).join(Visit, Visit.id == Attachment.entity_id).where(own)
    return statement.execution_options(skip_scope=True)


def _old_selfies(session: AnySession, today: dt.date) -> int:
    groups = policy_groups(session, Key.KEEP_SELFIE_DAYS, today, Visit.region_code)
    old = or_(*(within & (Visit.visit_on <= past(today, days)) for days, within in groups))
    rows = session.scalars(_selfies().where(old).order_by(Attachment.id).limit(BLOCK)).all()
    for row in rows:
        attachments.forget(session, row)
    return len(rows)


def _face_checks(session: AnySession, today: dt.date) -> int:
    """What came of comparing, with the photo that was compared; attempts that no visit followed after two days."""
    groups = policy_groups(session, Key.KEEP_SELFIE_DAYS, today, FaceCheck.region_code)
    old = or_(
        *(within & (FaceCheck.began_at < _start(today, days)) for days, within in groups),
        FaceCheck.visit_id.is_(None) & (FaceCheck.began_at < _start(today, 2)),
    )
    statement = select(FaceCheck.id).where(old).order_by(FaceCheck.id).limit(BLOCK)
    ids = list(session.scalars(statement.execution_options(skip_scope=True)))
    if ids:
        gone = delete(FaceCheck).where(FaceCheck.id.in_(ids))
        session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))
    return len(ids)


def _left_before(session: AnySession, key: Key, today: dt.date) -> Any:
    """Persons who left so long ago, by the number of each region."""
    groups = policy_groups(session, key, today, Person.region_code)
    return or_(*(within & (Person.left_on <= past(today, days)) for days, within in groups if days is not None))


def _numbers(session: AnySession, today: dt.date) -> int:
    statement = select(Person.id).where(
        or_(Person.phone.is_not(None), Person.resident_id.is_not(None)),
        _left_before(session, Key.KEEP_NUMBERS_DAYS, today),
    )
    ids = list(session.scalars(statement.order_by(Person.id).limit(BLOCK).execution_options(skip_scope=True)))
    _forget_numbers(session, ids)
    return len(ids)


def _forget_numbers(session: AnySession, ids: list[int]) -> None:
    """Of the persons, of what was filed of them, of their invitations, and of their accounts, which ended with them."""
    if not ids:
        return
    quiet = {"skip_scope": True, "synchronize_session": False}
    session.execute(
        update(Person).where(Person.id.in_(ids)).values(phone=None, resident_id=None).execution_options(**quiet)
    )
    ended = select(Account).where(Account.person_id.in_(ids), Account.active.is_(False))
    accounts = session.scalars(ended.execution_options(skip_scope=True)).all()
    _forget_ways(session, accounts)
    filed = select(Version).where(Version.entity == "person", Version.entity_id.in_(ids))
    for version in session.scalars(filed.execution_options(skip_scope=True)):
        version.data = version.data | {"phone": None, "resident_id": None}
    invited = select(Invitation).where(Invitation.person_id.in_(ids))
    for row in session.scalars(invited.execution_options(skip_scope=True)):
        row.phone = masked("mobile", row.phone)
    session.flush()


def _invitees(session: AnySession, today: dt.date) -> int:
    """Whoever was invited and never taken on: what he entered, his pictures, and that he was invited."""
    waits = Invitation.state == InvitationState.REVIEW
    since = case((waits, Invitation.submitted_at), else_=func.coalesce(Invitation.expires_at, Invitation.created_at))
    groups = policy_groups(session, Key.KEEP_INVITEES_DAYS, today, Invitation.region_code)
    old = or_(*(within & (since < _start(today, days)) for days, within in groups if days is not None))
    # What waits for the manager goes only after he was told in time.
    told = (Invitation.ending_told_at > Invitation.submitted_at) & (
        Invitation.ending_told_at < _start(today, WARN_DAYS)
    )
    unfinished = (Invitation.state != InvitationState.ENDED) & (~waits | told)
    statement = select(Invitation).where(unfinished, Invitation.person_id.is_(None), old).order_by(Invitation.id)
    rows = session.scalars(statement.limit(BLOCK).execution_options(skip_scope=True)).all()
    for row in rows:
        invitations.forget(session, row)
        session.delete(row)
    session.flush()
    return len(rows)


def _warn(session: AnySession, at: dt.datetime) -> int:
    """Tell who may decide, and the invitee, of what waits in review and is about to be erased; how many.

    Who submitted anew after that is told anew.
    """
    today = clock.local_day(at)
    groups = policy_groups(session, Key.KEEP_INVITEES_DAYS, today, Invitation.region_code)
    submitted, told = Invitation.submitted_at, Invitation.ending_told_at
    near = or_(*(within & (submitted < _start(today, days - WARN_DAYS)) for days, within in groups))
    statement = select(Invitation).where(
        Invitation.state == InvitationState.REVIEW, Invitation.person_id.is_(None), near,
        told.is_(None) | (told <= submitted),
    )  # fmt: skip
    rows = session.scalars(statement.order_by(Invitation.id).limit(BLOCK).execution_options(skip_scope=True)).all()
    for row in rows:
        assert row.submitted_at is not None
        days = policy_value(session, Key.KEEP_INVITEES_DAYS, row.region_code, today)
        invitations.tell_ending(session, row, erased_on(today, clock.local_day(row.submitted_at), days), at)
    # Past the row's version: whoever has it before him decides on the same as before.
    marked = update(Invitation).where(Invitation.id.in_([row.id for row in rows])).values(ending_told_at=at)
    session.execute(marked.execution_options(skip_scope=True, synchronize_session=False))
    return len(rows)


def _accounts(session: AnySession, today: dt.date) -> int:
    """Of closed accounts, with their picture and identities outside; the name stays with what the account did."""
    groups = policy_groups(session, Key.KEEP_ACCOUNTS_DAYS, today, func.coalesce(Account.region_code, "0" * 12))
    old = or_(*(within & (Account.closed_at < _start(today, days)) for days, within in groups))
    outside = select(ExternalIdentity.id).where(ExternalIdentity.user_id == Account.id).exists()
    chosen = select(NoticeChoice.account_id).where(NoticeChoice.account_id == Account.id).exists()
    shown = select(Attachment.id).where(own_data.AVATARS, Attachment.entity_id == Account.id).exists()
    holds = Account.phone.is_not(None) | Account.email_verified_at.is_not(None) | outside | chosen | shown
    statement = select(Account).where(Account.active.is_(False), old, holds).order_by(Account.id).limit(BLOCK)
    rows = session.scalars(statement.execution_options(skip_scope=True)).all()
    _forget_ways(session, rows)
    for column in (ExternalIdentity.user_id, NoticeChoice.account_id):
        gone = delete(column.class_).where(column.in_([account.id for account in rows]))
        session.execute(gone.execution_options(skip_scope=True))
    session.flush()
    return len(rows)


def _forget_ways(session: AnySession, accounts: Sequence[Account]) -> None:
    """How these closed accounts were reached, and the picture that their owner showed himself by."""
    for account in accounts:
        account.phone = account.phone_verified_at = account.email_verified_at = None
        account.email = no_mail(account.username)
    theirs = Attachment.entity_id.in_([account.id for account in accounts])
    pictures = select(Attachment).where(own_data.AVATARS, theirs)
    for picture in session.scalars(pictures.execution_options(skip_scope=True)).all():
        attachments.forget(session, picture)


def _insured(session: AnySession, today: dt.date) -> int:
    """Who was insured and who was not: whole records with their vouchers, then the gaps of the months."""
    ended = policy_groups(session, Key.KEEP_INSURED_DAYS, today, InsuranceRecord.region_code)
    old = or_(*(within & (InsuranceRecord.to_on <= past(today, days)) for days, within in ended))
    voucher = (Attachment.entity == "insurance_record") & (Attachment.entity_id == InsuranceRecord.id)
    lines = select(InsuredPerson.id).where(InsuredPerson.record_id == InsuranceRecord.id)
    held = lines.exists() | select(Attachment.id).where(voucher).exists()
    statement = select(InsuranceRecord.id).where(old, held).order_by(InsuranceRecord.id).limit(BLOCK)
    ids = list(session.scalars(statement.execution_options(skip_scope=True)))
    quiet = {"skip_scope": True, "synchronize_session": False}
    files = select(Attachment).where(Attachment.entity == "insurance_record", Attachment.entity_id.in_(ids))
    for file in session.scalars(files.execution_options(skip_scope=True)).all():
        attachments.forget(session, file)
    session.execute(delete(InsuredPerson).where(InsuredPerson.record_id.in_(ids)).execution_options(**quiet))
    months = policy_groups(session, Key.KEEP_INSURED_DAYS, today, InsuranceGap.region_code)
    over = or_(*(within & (InsuranceGap.month <= past(today, days + 31)) for days, within in months))
    session.execute(delete(InsuranceGap).where(over).execution_options(**quiet))
    return len(ids)


def _complaints(session: AnySession, today: dt.date) -> int:
    """Who complained, and the pictures that he sent; what it was about and how it went stay."""
    groups = policy_groups(session, Key.KEEP_COMPLAINTS_DAYS, today, Complaint.region_code)
    old = or_(*(within & (Complaint.closed_at < _start(today, days)) for days, within in groups))
    held = Complaint.phone.is_not(None) | Complaint.name.is_not(None)
    statement = select(Complaint).where(old, held).order_by(Complaint.id).limit(BLOCK)
    rows = session.scalars(statement.execution_options(skip_scope=True)).all()
    ids = [row.id for row in rows]
    # His own pictures: the unit's have its account.
    sent = (Attachment.entity == "complaint") & Attachment.uploaded_by_id.is_(None)
    files = select(Attachment).where(sent, Attachment.entity_id.in_(ids))
    for file in session.scalars(files.execution_options(skip_scope=True)).all():
        attachments.forget(session, file)
    for row in rows:
        row.name = row.phone = None
        row.body = mask_numbers(row.body) if row.body else None
    session.flush()
    return len(rows)


def _rescues(session: AnySession, today: dt.date) -> int:
    """Who called and was called back; where it was and how it went stay."""
    groups = policy_groups(session, Key.KEEP_RESCUES_DAYS, today, Rescue.region_code)
    old = or_(*(within & (Rescue.ended_at < _start(today, days)) for days, within in groups))
    held = Rescue.phone.is_not(None) | Rescue.caller.is_not(None)
    statement = select(Rescue).where(old, held).order_by(Rescue.id).limit(BLOCK)
    rows = session.scalars(statement.execution_options(skip_scope=True)).all()
    for row in rows:
        row.caller = row.phone = None
        row.scene = mask_numbers(row.scene) if row.scene else None
    calls = select(RescueCallback).where(RescueCallback.rescue_id.in_([row.id for row in rows]))
    for call in session.scalars(calls.execution_options(skip_scope=True)):
        call.answered_by = None
        call.note = mask_numbers(call.note) if call.note else None
    steps = select(RescueStep).where(RescueStep.rescue_id.in_([row.id for row in rows]), RescueStep.note.is_not(None))
    for step in session.scalars(steps.execution_options(skip_scope=True)):
        step.note = mask_numbers(step.note or "")
    placed = (
        select(RescueStep).join(Rescue, Rescue.id == RescueStep.rescue_id).where(old, RescueStep.latitude.is_not(None))
    )
    places = session.scalars(placed.order_by(RescueStep.id).limit(BLOCK).execution_options(skip_scope=True)).all()
    for step in places:
        step.latitude = step.longitude = None
    session.flush()
    # A rescue has many steps: as long as there are more of either, it goes on.
    return max(len(rows), len(places))


def _iot(session: AnySession, today: dt.date) -> int:
    """What devices told; what came of it is a record of its own."""
    groups = policy_groups(session, Key.KEEP_IOT_DAYS, today, IotEvent.region_code)
    old = or_(*(within & (IotEvent.received_at < _start(today, days)) for days, within in groups))
    some = select(IotEvent.id).where(old).order_by(IotEvent.id).limit(10 * BLOCK)
    gone = delete(IotEvent).where(IotEvent.id.in_(some.scalar_subquery()))
    done: Any = session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))
    return int(done.rowcount)


def _sync(session: AnySession, today: dt.date) -> int:
    """What became of each code: a night looks at every elevator of a region."""
    ended = select(ProvincialRun.id).where(ProvincialRun.finished_at < _start_of(session, Key.KEEP_SYNC_DAYS, today))
    old = ProvincialItem.run_id.in_(ended)
    some = select(ProvincialItem.id).where(old).order_by(ProvincialItem.id).limit(10 * BLOCK)
    gone = delete(ProvincialItem).where(ProvincialItem.id.in_(some.scalar_subquery()))
    done: Any = session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))
    return int(done.rowcount)


def _jobs(session: AnySession, today: dt.date) -> int:
    old = Job.finished_at < _start_of(session, Key.KEEP_NOTICES_DAYS, today)
    statement = select(Job.id).where(old, Job.attachment_id.is_(None)).order_by(Job.id).limit(BLOCK)
    ids = list(session.scalars(statement.execution_options(skip_scope=True)))
    if ids:
        quiet = {"skip_scope": True, "synchronize_session": False}
        batches = update(ImportBatch).where(ImportBatch.job_id.in_(ids)).values(job_id=None)
        session.execute(batches.execution_options(**quiet))
        session.execute(delete(Job).where(Job.id.in_(ids)).execution_options(**quiet))
    return len(ids)


def _notices(session: AnySession, today: dt.date) -> int:
    old = Notification.created_at < _start_of(session, Key.KEEP_NOTICES_DAYS, today)
    statement = select(Notification.id).where(old, Notification.state != "queued").order_by(Notification.id)
    ids = list(session.scalars(statement.limit(BLOCK).execution_options(skip_scope=True)))
    if ids:
        gone = delete(Notification).where(Notification.id.in_(ids))
        session.execute(gone.execution_options(skip_scope=True, synchronize_session=False))
    return len(ids)


def _imports(session: AnySession, today: dt.date) -> int:
    """Whole batches: their rows in one statement, then the file. What a batch did stays in its counts."""
    old = ImportBatch.finished_at < _start_of(session, Key.KEEP_IMPORTS_DAYS, today)
    statement = select(ImportBatch).where(old, ImportBatch.attachment_id.is_not(None)).order_by(ImportBatch.id)
    batches = session.scalars(statement.limit(BLOCK).execution_options(skip_scope=True)).all()
    for batch in batches:
        session.execute(delete(ImportRow).where(ImportRow.batch_id == batch.id))
        key, batch.attachment_id, batch.mapping = batch.attachment_id, None, None
        session.flush()
        _forget_file(session, key)
    return len(batches)


def _exports(session: AnySession, today: dt.date) -> int:
    old = Attachment.uploaded_at < _start_of(session, Key.KEEP_EXPORTS_DAYS, today)
    # And what a job was given to work with.
    of_jobs = or_(Attachment.kind == "export", Attachment.entity == "job")
    statement = select(Attachment.id).where(of_jobs, old).order_by(Attachment.id)
    ids = list(session.scalars(statement.limit(BLOCK).execution_options(skip_scope=True)))
    for key in ids:
        _forget_file(session, key)
    return len(ids)


def _forget_file(session: AnySession, key: int | None) -> None:
    row = session.scalar(select(Attachment).where(Attachment.id == key).execution_options(skip_scope=True))
    if row is not None:
        jobs = update(Job).where(Job.attachment_id == row.id).values(attachment_id=None)
        session.execute(jobs.execution_options(skip_scope=True, synchronize_session=False))
        attachments.forget(session, row)


def _start_of(session: AnySession, key: Key, today: dt.date) -> dt.datetime:
    """What happened before this instant is past its time; these kinds know no region, so the country's number holds."""
    return _start(today, policy_value(session, key, None, today))


def _start(today: dt.date, days: int) -> dt.datetime:
    day = past(today, days) + dt.timedelta(days=1)
    return day_start(day)


ERASE: dict[str, Callable[[AnySession, dt.date], int]] = {
    "face": _pictures(("face",), Key.KEEP_FACE_DAYS),
    "selfie": _old_selfies,
    "face_checks": _face_checks,
    "identity": _pictures(("identity", "operator", "certificate"), Key.KEEP_IDENTITY_DAYS),
    "numbers": _numbers,
    "invitees": _invitees,
    "accounts": _accounts,
    "insured": _insured,
    "complaints": _complaints,
    "rescues": _rescues,
    "iot": _iot,
    "sync": _sync,
    "notices": _notices,
    "imports": _imports,
    "exports": _exports,
    "jobs": _jobs,
}
