"""Visits that a phone kept without network and sends later, judged at their true times, each once (MNT-05, ANO-01).

What is judged as it was then: cover, certificate, the elevator's status, presence, the stay itself. What goes by order
of receipt: the month's quota and the elevators of a day (PER-07, PER-09). What hurts the record and not the right to
send it (too short, too long, sent too late, the ninth) is stored and told as its state.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import or_, select

from app import clock
from app.direct_rows import write_new
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, Visit
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.label_photos import LabelState
from app.rules.levels import known_level, level_finding
from app.rules.offline import PhoneClock, Stay, clock_findings, overlap_finding
from app.rules.visit_photos import SELFIE
from app.transaction import AnySession
from app.workflows.core import audit
from app.workflows.core.moves import SENT_LATER
from app.workflows.files import attachments, sent_ahead
from app.workflows.maintenance import item_lists
from app.workflows.on_site import arrivals, check_outs, labels, presence, sites
from app.workflows.on_site.arrivals import Arrival
from app.workflows.on_site.check_outs import CheckOut
from app.workflows.on_site.presence import Position
from app.workflows.people import workers
from app.workflows.repair import repairs
from app.workflows.visits import ageing, face_checks, label_photos, visits
from app.workflows.visits.visit_state import settle, stand


@dataclass(frozen=True, slots=True)
class Moment:
    """One end of a visit as the phone kept it: what was scanned, its own time, where with which accuracy in metres.

    `label_ids`: photos of the label where its number was typed (MNT-06), at this very end; `selfie_ids`: of the
    beginning alone, photos of the person, `level` what was chosen to be done, `without_face`
    that no face is to be compared; `place_ids`: of the end alone, photos
    of the places by kind.
    """

    text: str
    shown_at: dt.datetime
    position: Position
    accuracy: float | None = None
    photo_ids: Sequence[int] = ()
    label_ids: Sequence[int] = ()
    place_ids: Mapping[str, Sequence[int]] = field(default_factory=dict)
    selfie_ids: Sequence[int] = ()
    level: str = ""
    without_face: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A visit in the phone's queue. `key` is the phone's own and makes it one, however often it is sent.

    `began` None: it was begun on line and is `visit_id`; `ended` None: it still runs, and its end comes another time.
    `account_id`: who had signed in when it was kept; `signature` waits to be recorded. `items`: the name of the list of
    maintenance items that the phone carried (PLN-08), for a visit that it began itself.
    """

    key: str
    phone: PhoneClock
    account_id: int
    began: Moment | None = None
    visit_id: int | None = None
    ended: Moment | None = None
    done: CheckOut = field(default_factory=CheckOut)
    signature: attachments.Received | None = None
    items: str = ""


def receive(session: AnySession, actor: Actor, kept: Kept, at: dt.datetime) -> Visit:
    """Store what a phone kept; refused with every failing condition at once, and the phone keeps it.

    The same again gives the visit that is there; a visit whose beginning came earlier gets its end.
    """
    require(actor, Verb.VISIT_MAKE)
    visits.check_key(kept.key)
    if kept.account_id != actor.user_id or actor.user_id is None:
        raise NotAllowed(Finding("账号", False, "这条记录是另一个账号存下的", "请用当时的账号登录后再发送"))
    if kept.ended is not None:
        out = replace(kept.done, label_ids=kept.ended.label_ids, place_ids=kept.ended.place_ids)
        kept = replace(kept, done=out)
    began = at if kept.began is None else kept.phone.true(kept.began.shown_at)
    worker = workers.Worker()
    if actor.person_id is not None:
        # Held first, as a check-in does: two phones of one person come one after the other.
        worker = workers.of(session, actor, began, held=True)
    if kept.began is None:
        if kept.ended is None or kept.visit_id is None:
            raise refuse("维保记录", "没有签到，也没有签退", "请放弃这一条，到现场重新签到", field="check_in")
        return _end(session, actor, worker, kept.visit_id, kept, at)
    arrival = arrivals.of(session, actor, worker, kept.began.text, began, kept.key)
    if arrival.again is not None:
        visit = visits.begun_before(session, actor, arrival.again)
        return visit if kept.ended is None else _end(session, actor, worker, visit.id, kept, at)
    arrivals.still_in_use(arrival)
    if arrival.running is not None and not arrival.running.runs_at(at):
        ageing.settle_run_out(session, actor.person_id or 0, at)
        arrival = replace(arrival, running=None)
    return _begin(session, actor, worker, arrival, kept, kept.began, began, at)


def _begin(
    session: AnySession, actor: Actor, worker: workers.Worker, arrival: Arrival, kept: Kept, moment: Moment,
    began: dt.datetime, at: dt.datetime,
) -> Visit:  # fmt: skip
    """A visit that nobody here knew of, with its end where that came along."""
    ended = None if kept.ended is None else kept.phone.true(kept.ended.shown_at)
    # One that is over stands in nobody's way who has checked in since; what overlaps is told apart.
    if ended is not None:
        arrival = replace(arrival, running=None)
    counts = len(moment.label_ids), len(moment.selfie_ids)
    look = presence.look(session, actor, worker, arrival, moment.text, moment.position, began, at, *counts)
    findings = [*look.findings, *_clock(session, actor, kept, look.site)]
    if moment.level:
        findings.append(level_finding(moment.level))
    site = look.site
    if site is not None and kept.items and kept.items != look.items:
        lift, day = site.elevator, clock.local_day(began)
        carried = item_lists.taken_along(
            arrival.lists, actor.unit_id, lift.region_code, lift.category, day, kept.items
        )  # fmt: skip
        look = replace(look, items=carried)
    if site is not None and worker.human and arrival.running is None:
        findings.append(_overlap(session, worker.human, Stay(began, ended, site.elevator.code), at, None))
    if ended is None or site is None or not site.may_serve:
        # How far away an elevator is, is told to those who serve it.
        raise_failing(findings)
    # Whole, it was never open here: it begins as one to be judged.
    visit = visits.begin(
        actor, look, moment.position, began, at, kept.key, "open" if ended is None else "pending",
        known_level(moment.level),
    )  # fmt: skip
    visit.offline, visit.phone_told = "in" if ended is None else "both", _told(kept)
    leaving = None
    if kept.ended is not None and ended is not None and site is not None:
        same = sites.names(session, kept.ended.text, site.elevator.id)
        work = sites.work_of(visit, site.elevator, same, kept.ended.text)
        leaving = check_outs.look(session, work, kept.ended.position, kept.done, ended, sent_later=True)
        raise_failing([*findings, *leaving.findings])
        if leaving.label_by is not None and visit.label_state is None:
            # It is not stored yet: nothing moves.
            visit.label_state, visit.label_by = LabelState.WAITING.value, leaving.label_by
    stand(session, visit, at)
    labels.held(session, look.label)
    write_new(session, visit, taken=partial(visits.came_first, remedy="请先签退那一次，再发送这一条"))
    labels.scanned(session, actor, look.label, at)
    _photos(session, actor, visit, "photo", moment.photo_ids)
    _photos(session, actor, visit, label_photos.KIND, moment.label_ids)
    _photos(session, actor, visit, SELFIE, moment.selfie_ids if look.selfie else ())
    if look.face:
        face_checks.settle(session, visit, moment.selfie_ids, at, without=moment.without_face)
    if leaving is None or ended is None:
        settle(session, visit, at, verb=SENT_LATER)
        _audit(session, actor, visit, at)
        return visit
    return _written(session, actor, visit, leaving, kept, ended, at)


def _end(
    session: AnySession, actor: Actor, worker: workers.Worker, visit_id: int, kept: Kept, at: dt.datetime
) -> Visit:
    """The end of a visit whose beginning is here already."""
    assert kept.ended is not None
    work = visits.own_work(session, actor, visit_id, kept.ended.text)
    visit = work.visit
    if visit.out_key == kept.key:
        return visit
    ended = kept.phone.true(kept.ended.shown_at)
    leaving = check_outs.look(session, work, kept.ended.position, kept.done, ended, sent_later=True)
    slack = _slack(session, visit.region_code, at)
    findings = [*leaving.findings, *clock_findings(kept.phone, None, kept.ended.shown_at, slack)]
    if ended >= visit.checked_in_at:
        code = str(visit.snapshot.get("code") or visit.elevator.code)
        findings.append(_overlap(session, worker.human, Stay(visit.checked_in_at, ended, code), at, visit.id))
    raise_failing(findings)
    visit.offline = "both" if visit.offline == "in" else "out"
    visit.phone_told = (visit.phone_told or {}) | _told(kept)
    return _written(session, actor, visit, leaving, kept, ended, at)


def _written(
    session: AnySession, actor: Actor, visit: Visit, leaving: check_outs.Leaving, kept: Kept, ended: dt.datetime,
    at: dt.datetime,
) -> Visit:  # fmt: skip
    assert kept.ended is not None
    done = kept.done
    place = ("visit", visit.id, actor.unit_id, visit.region_code)
    labels.scanned(session, actor, leaving.label, at)
    ids = [row.id for row in sent_ahead.settle(session, actor, kept.ended.photo_ids, "photo", *place)]
    label_ids = [row.id for row in sent_ahead.settle(session, actor, done.label_ids, check_outs.LABEL_OUT, *place)]
    places = {
        kind: [row.id for row in sent_ahead.settle(session, actor, given, kind, *place)]
        for kind, given in done.place_ids.items() if given
    }  # fmt: skip
    signed = None
    if kept.signature is not None:
        signed = attachments.record(session, actor, at, kept.signature, *place).id
    visit.out_key = kept.key
    check_outs.end(
        session, actor, visit, leaving, kept.ended.position,
        replace(done, photo_ids=ids, label_ids=label_ids, place_ids=places, signature_id=signed), ended, at,
    )  # fmt: skip
    settle(session, visit, at, verb=SENT_LATER)
    _audit(session, actor, visit, at)
    visits.ask_for_review(session, visit, at)
    visits.ask_for_approval(session, visit, at)
    label_photos.tell_reviewers(session, visit, at)
    if leaving.repairs:
        repairs.of_visit(session, actor, visit, at, done.repair_note if done.repair else "")
    return visit


def _photos(session: AnySession, actor: Actor, visit: Visit, kind: str, ids: Sequence[int]) -> None:
    if ids:
        sent_ahead.settle(session, actor, ids, kind, "visit", visit.id, actor.unit_id, visit.region_code)


def _clock(session: AnySession, actor: Actor, kept: Kept, site: Any) -> list[Finding]:
    assert kept.began is not None
    region = site.elevator.region_code if site is not None else actor.region_code
    ended = None if kept.ended is None else kept.ended.shown_at
    return clock_findings(
        kept.phone, kept.began.shown_at, ended, _slack(session, region, kept.phone.received_at)
    )  # fmt: skip


def _slack(session: AnySession, region_code: str | None, at: dt.datetime) -> dt.timedelta:
    return dt.timedelta(minutes=policy_value(session, Key.CLOCK_SLACK_MINUTES, region_code, clock.local_day(at)))


def _overlap(
    session: AnySession, human: frozenset[int], mine: Stay, now: dt.datetime, own_id: int | None
) -> Finding:
    """Against every other visit of this human around that time, for whichever unit; void ones were none."""
    statement = (
        select(Visit.checked_in_at, Visit.checked_out_at, Elevator.code)
        .join(Elevator, Elevator.id == Visit.elevator_id)
        .where(
            Visit.worker_id.in_(human), Visit.state != "void", Visit.id != (own_id or 0),
            Visit.checked_in_at < (mine.ended or now),
            or_(Visit.checked_out_at.is_(None), Visit.checked_out_at > mine.began),
            # Nobody who left stayed for longer than two days; the index of a worker's days finds the few.
            or_(Visit.visit_on >= clock.local_day(mine.began) - dt.timedelta(days=2), Visit.state == "open"),
        )
    )  # fmt: skip
    rows = session.execute(statement.execution_options(skip_scope=True)).all()
    return overlap_finding(mine, [Stay(*row) for row in rows], now)


def _told(kept: Kept) -> dict[str, Any]:
    """What proves the times: the phone's clock against ours, the last contact, how sure it was of its place."""
    ahead = round(kept.phone.ahead.total_seconds())
    told: dict[str, Any] = {
        "ahead": ahead, "contact_at": kept.phone.contact.at.isoformat(),
        "contact_ahead": round(kept.phone.contact.ahead.total_seconds()),
    }  # fmt: skip
    for name, moment in (("in", kept.began), ("out", kept.ended)):
        if moment is not None:
            told[f"{name}_shown"] = moment.shown_at.isoformat()
            told[f"{name}_accuracy"] = None if moment.accuracy is None else round(moment.accuracy)
    return told


def _audit(session: AnySession, actor: Actor, visit: Visit, at: dt.datetime) -> None:
    audit.record(
        session, actor, at, "visit.sent_later", "visit", visit.id,
        after={
            "elevator": visit.snapshot.get("code"), "offline": visit.offline, "checked_in_at": visit.checked_in_at,
            "checked_out_at": visit.checked_out_at, "state": visit.state, "phone": visit.phone_told,
        },
    )  # fmt: skip


__all__ = ["CheckOut", "Kept", "Moment", "Position", "receive"]
