"""人脸比对 (PER-10): asked before a check-in outside of any transaction, or afterwards by a task; looked at by a desk.

Only the photo of whoever consented to it is compared, with the one that he gave. Kept is that it was alike or not,
never how like, no template. A service that is down lets everybody in, and what it missed is compared later.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, raise_failing
from app.models import Attachment, FaceCheck, Visit
from app.models.face import FACE_VERDICT
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.face_checks import ATTEMPT_LASTS, FAILED, FaceState, failed_finding, verdict_findings, wait_after
from app.rules.identifiers import told_fault
from app.rules.visit_photos import SELFIE
from app.transaction import AnySession, lock, transaction
from app.wording import say
from app.workflows.core import audit, independence, outbox
from app.workflows.core.outbox import LEASE
from app.workflows.files import attachments, sealed_files
from app.workflows.on_site import arrivals, presence
from app.workflows.on_site.presence import Position
from app.workflows.people import consents, workers

log = logging.getLogger(__name__)
Asker = Callable[[str, bytes, bytes], FaceState]
_asker: Asker | None = None
MOST_AT_ONCE = 20
# What is not asked for want of room or of a service goes again after this.
AGAIN = dt.timedelta(minutes=1)


class NoAnswer(RuntimeError):
    """The service gave no answer that means anything. Its text holds nothing of what was sent or said."""


class NotAsked(RuntimeError):
    """Nobody was asked: the service was down just now, or too many ask at once."""


def use(asker: Asker | None) -> None:
    """Say who compares; None: this installation has no such service."""
    global _asker
    _asker = asker


def offered() -> bool:
    return _asker is not None


# --- before a check-in


@dataclass(frozen=True, slots=True)
class _Both:
    """Two photos that are about to be compared, and whose attempt it is."""

    person_id: int
    elevator_id: int
    unit_id: int
    region_code: str
    photo_id: int
    most: int
    reference: bytes
    photo: bytes


def ahead(
    session: AnySession, actor: Actor, text: str, position: Position, selfie_ids: Sequence[int], labels: int,
    at: dt.datetime, *, without: bool = False, client_key: str | None = None,
) -> None:  # fmt: skip
    """Compare before a check-in is tried, where its region asks for it; refused where the photo shows another person.

    Outside of any transaction, and only where everything else is in order. Says nothing where nobody is to be asked,
    where no answer came, or where he wants it without (`without`): the check-in settles what stands then. `selfie_ids`
    were sent ahead; the last one is compared.
    """
    if _asker is None or without or not selfie_ids or actor.person_id is None or not actor.may(Verb.VISIT_MAKE):
        return
    both = _both(session, actor, text, position, selfie_ids, labels, at, client_key)
    # Nothing is held while a stranger's machine thinks.
    session.rollback()
    if both is None:
        return
    try:
        state = _asker(f"tian-{actor.person_id}-{both.photo_id}", both.reference, both.photo)
    except (NoAnswer, NotAsked) as error:
        log.warning("人脸比对没有答复：%s", error)
        return
    with transaction(session):
        failures = _answered_ahead(session, both, state, at)
    if state in FAILED:
        raise Refusal([failed_finding(state, failures, both.most)])


def _both(
    session: AnySession, actor: Actor, text: str, position: Position, selfie_ids: Sequence[int], labels: int,
    at: dt.datetime, client_key: str | None,
) -> _Both | None:  # fmt: skip
    worker = workers.of(session, actor, at)
    arrival = arrivals.of(session, actor, worker, text, at, client_key)
    if arrival.again is not None:
        return None
    look = presence.look(session, actor, worker, arrival, text, position, at, at, labels, len(selfie_ids))
    if not look.face or look.site is None or any(f.stops for f in look.findings):
        return None
    lift = look.site.elevator
    assert actor.person_id is not None and actor.unit_id is not None
    reference = consents.comparable(session, actor.person_id)
    mine = Attachment.id == selfie_ids[-1], Attachment.uploaded_by_id == actor.user_id, Attachment.kind == SELFIE
    photo = session.scalar(select(Attachment).where(*mine).execution_options(skip_scope=True))
    if reference is None or photo is None or photo.scan in ("waiting", "infected"):
        return None
    most = int(policy_value(session, Key.FACE_ATTEMPTS, lift.region_code, clock.local_day(at)))
    row = _attempt(session, actor.person_id, lift.id, at)
    if row is not None and row.state in FAILED and row.failures >= most:
        raise Refusal([failed_finding(FaceState(row.state), row.failures, most)])
    first, second = _content(reference), _content(photo)
    if first is None or second is None:
        return None
    return _Both(actor.person_id, lift.id, actor.unit_id, lift.region_code, photo.id, most, first, second)


def _content(file: Attachment) -> bytes | None:
    """The picture as it was taken; None where its bytes or their key are gone."""
    try:
        with sealed_files.opened(attachments.path(None, file), file.kind) as source:
            return source.read()
    except (OSError, ValueError):
        return None


def _attempt(session: AnySession, person_id: int, elevator_id: int, at: dt.datetime) -> FaceCheck | None:
    """What the person tried at this elevator just now without having begun a visit there."""
    statement = select(FaceCheck).where(
        FaceCheck.person_id == person_id, FaceCheck.elevator_id == elevator_id, FaceCheck.visit_id.is_(None),
        FaceCheck.began_at > at - ATTEMPT_LASTS,
    )  # fmt: skip
    found: FaceCheck | None = session.scalar(
        statement.order_by(FaceCheck.id.desc()).limit(1).execution_options(skip_scope=True)
    )
    return found


def _answered_ahead(session: AnySession, both: _Both, state: FaceState, at: dt.datetime) -> int:
    """Keep what came of an attempt; how often it has failed."""
    row = _attempt(session, both.person_id, both.elevator_id, at)
    row = None if row is None else lock(session, FaceCheck, row.id)
    if row is None or row.visit_id is not None:
        row = FaceCheck(
            person_id=both.person_id, elevator_id=both.elevator_id, unit_id=both.unit_id, region_code=both.region_code,
            began_at=at, failures=0,
        )  # fmt: skip
        session.add(row)
    row.photo_id, row.state, row.answered_at = both.photo_id, state.value, at
    row.failures += state in FAILED
    session.flush()
    return row.failures


# --- as a visit begins


def settle(
    session: AnySession, visit: Visit, photo_ids: Sequence[int], at: dt.datetime, *, without: bool = False
) -> None:
    """Keep how a visit stands that has just begun: compared before, to be compared, or not to be compared at all.

    Whoever failed and goes on without his face is marked for the desk. For whoever was not compared before, although he
    consented, a task does it: what was kept without network, and what no answer came for.
    """
    if _asker is None or not photo_ids:
        return
    row = _attempt(session, visit.worker_id, visit.elevator_id, at)
    if row is None:
        row = FaceCheck(
            person_id=visit.worker_id, elevator_id=visit.elevator_id, unit_id=visit.unit_id,
            region_code=visit.region_code, began_at=at, failures=0, state=FaceState.SKIPPED.value,
        )  # fmt: skip
        session.add(row)
    same = row.photo_id == photo_ids[-1]
    row.visit_id, row.photo_id = visit.id, photo_ids[-1]
    if without and not row.failures:
        row.state = FaceState.SKIPPED.value
    elif not without and not (same and row.state == FaceState.MATCHED):
        can = consents.comparable(session, visit.worker_id) is not None
        row.next_try_at = at if can else None
        if can:
            row.state = FaceState.WAITING.value
        elif not row.failures:
            row.state = FaceState.SKIPPED.value
        elif row.state not in FAILED:
            # Who failed and takes his consent back then is looked at like whoever goes on without his face.
            row.state = FaceState.UNMATCHED.value
    elif without and row.state == FaceState.MATCHED:
        row.state = FaceState.SKIPPED.value
    session.flush()
    tell_desk(session, row, visit, at)


def tell_desk(session: AnySession, row: FaceCheck, visit: Visit, at: dt.datetime) -> None:
    """Tell officers that a photo wants to be looked at: once a day, for a list shows them all."""
    if row.state not in FAILED:
        return
    told = outbox.officers_of(session, visit.region_code, Verb.VISIT_LABEL, secret=visit.elevator.is_secret)
    code = visit.snapshot.get("code") or visit.elevator.code
    outbox.notify(
        session, at, told, "visit.face", say("有签到人照片等待核对"),
        say("电梯 %(code)s：现场本人照片与登记的人脸照片比对没有通过", code=code), "/visits/?tab=face",
        f"visit-faces-{clock.local_day(at)}",
    )  # fmt: skip


# --- afterwards, by a task


def lease(session: AnySession, at: dt.datetime) -> list[int]:
    """Take what is due; each is this caller's alone until the lease ends. Commit, then ask."""
    due = (
        select(FaceCheck.id)
        .where(FaceCheck.state == FaceState.WAITING.value, FaceCheck.next_try_at <= at)
        .order_by(FaceCheck.next_try_at).limit(MOST_AT_ONCE).with_for_update(skip_locked=True)
    )  # fmt: skip
    ids = list(session.scalars(due.execution_options(skip_scope=True)))
    if ids:
        taken = update(FaceCheck).where(FaceCheck.id.in_(ids)).values(next_try_at=at + LEASE)
        session.execute(taken.execution_options(synchronize_session=False, skip_scope=True))
    return ids


def photos(session: AnySession, check_id: int) -> tuple[bytes, bytes] | None:
    """The photos of a leased row; None where one is gone or the consent was taken back: then nothing is compared.

    Raises where the scanner has not looked yet.
    """
    statement = select(FaceCheck.person_id, FaceCheck.photo_id).where(FaceCheck.id == check_id)
    found = session.execute(statement.execution_options(skip_scope=True)).first()
    reference = consents.comparable(session, found.person_id) if found is not None else None
    photo = None
    if found is not None and found.photo_id is not None:
        photo = session.get(Attachment, found.photo_id, execution_options={"skip_scope": True})
    if reference is None or photo is None or photo.scan == "infected":
        return None
    if photo.scan == "waiting":
        raise NotAsked("照片待查毒")
    both = _content(reference), _content(photo)
    return None if both[0] is None or both[1] is None else (both[0], both[1])


def put(check_id: int, both: tuple[bytes, bytes]) -> FaceState:
    """Ask the service; raises where it gave no answer."""
    if _asker is None:
        raise NotAsked("没有接入人脸比对服务")
    return _asker(f"tian-later-{check_id}", *both)


def answered(session: AnySession, check_id: int, found: FaceState | Exception | None, at: dt.datetime) -> None:
    """Write what came back of a row that still waits; None: there was nothing to compare."""
    row = lock(session, FaceCheck, check_id)
    if row is None or row.state != FaceState.WAITING:
        return
    if isinstance(found, NotAsked):
        row.next_try_at = at + AGAIN
        return
    if isinstance(found, Exception):
        row.tries += 1
        row.error = told_fault(found, 200)
        wait = wait_after(row.tries)
        row.next_try_at = None if wait is None else at + wait
        if wait is None:
            row.state = FaceState.UNANSWERED.value
        return
    row.next_try_at, row.error = None, None
    if found is None:
        row.state = (FaceState.UNMATCHED if row.failures else FaceState.SKIPPED).value
    else:
        row.state, row.answered_at, row.failures = found.value, at, row.failures + (found in FAILED)
    if found is not None or row.failures:
        visit = session.get(Visit, row.visit_id, execution_options={"skip_scope": True}) if row.visit_id else None
        if visit is not None:
            tell_desk(session, row, visit, at)


# --- at the desk


def of_visit(session: AnySession, visit_id: int) -> FaceCheck | None:
    """How a visit stands. The caller has the visit through scope, and asks `shown_to` first."""
    statement = select(FaceCheck).where(FaceCheck.visit_id == visit_id).execution_options(skip_scope=True)
    found: FaceCheck | None = session.scalar(statement)
    return found


def shown_to(actor: Actor, visit: Visit) -> bool:
    """The regulator and the worker's own unit, as for his photo; nobody else learns what came of a face."""
    own = actor.person_id is not None and actor.person_id == visit.worker_id
    return own or (actor.may(Verb.SENSITIVE_READ) and actor.unit_id in (None, visit.unit_id))


def looker_findings(session: AnySession, actor: Actor, visit: Visit) -> list[Finding]:
    """Whether the actor may say who is to be seen: an officer, apart from whoever made the visit."""
    office = actor.unit_id is None
    return [
        Finding("核对单位", office, "由监管部门核对", "" if office else "请等监管部门核对"),
        *(independence.of_visit(session, visit, actor) if office else ()),
    ]


def decide(
    session: AnySession, actor: Actor, visit_id: int, verdict: str, note: str, at: dt.datetime
) -> FaceCheck:
    """Say what is to be seen on both photos. The record's state stays: what follows of it begins elsewhere."""
    require(actor, Verb.VISIT_LABEL)
    visit: Visit = scope.visible(session, actor, Visit, visit_id, "维保记录")
    barred = [f for f in looker_findings(session, actor, visit) if f.stops]
    if barred:
        raise NotAllowed(barred)
    row = of_visit(session, visit.id)
    row = None if row is None else lock(session, FaceCheck, row.id)
    note, waits = note.strip(), row is not None and row.state in FAILED and row.verdict is None
    raise_failing(verdict_findings(verdict, note, FACE_VERDICT, waits))
    assert row is not None
    row.verdict, row.verdict_note, row.looked_at, row.looked_by_id = verdict, note or None, at, actor.user_id
    session.flush()
    audit.record(
        session, actor, at, "visit.face", "visit", visit.id, after={"face": row.state, "verdict": verdict, "note": note}
    )
    if verdict == "other":
        code = visit.snapshot.get("code") or visit.elevator.code
        told = outbox.readers_of(session, visit.unit_id, Verb.VISIT_APPROVE, visit.elevator_id)
        outbox.notify(
            session, at, [who for who in told if who != visit.account_id], "visit.face",
            say("电梯 %(code)s 的签到人照片核对为不是本人", code=code), note, f"/visits/{visit.id}",
            f"visit-face-{visit.id}",
        )  # fmt: skip
    return row
