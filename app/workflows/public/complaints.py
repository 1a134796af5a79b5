"""Complaints (CMP-02, CMP-03): taken from anybody, accepted and handled by the unit, reviewed by the use unit.

Nobody needs an account to complain, so everything that a stranger sends is bounded by address, elevator and phone.
The limits are those of the region on the day of the complaint and stay with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Complaint, Elevator
from app.models.complaint import COMPLAINT_KIND
from app.models.policy import policy_value
from app.models.sealed import holding
from app.permissions import SYSTEM, Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.calendar import day_start
from app.rules.complaints import (
    LONGEST_NAME,
    MOST_OF_ADDRESS,
    SAME_WITHIN,
    TRACKING_LENGTH,
    TURNS,
    ComplaintState,
    ComplaintVerb,
    Course,
    Hours,
    Party,
    Step,
    complaint_move,
    flood_findings,
    kinds_finding,
    late_steps,
    note_finding,
    outcome,
    running,
    shown_tracking,
    text_finding,
)
from app.rules.deadlines import Deadline
from app.rules.identifiers import check_mobile, mask_numbers
from app.rules.lifecycle import ElevatorStatus
from app.rules.other_scores import NO_LIMIT, Outcome
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say, together
from app.workflows.access import signin
from app.workflows.core import audit, moves, outbox
from app.workflows.files import attachments
from app.workflows.files.attachments import Received
from app.workflows.public.tracking import keep_numbered
from app.workflows.visits import visit_reviewers

ENTITY = "complaint"
FIELDS = ("name", "phone", "body")


def passer_by(address: str | None) -> Actor:
    """Who acts behind the code: nobody's account, from an address."""
    return Actor(None, "扫码用户", via="code", address=address)


def flooded(session: AnySession, at: dt.datetime, address: str | None, what: str = "complain") -> Refusal | None:
    """Count one form from this address. Gives the refusal instead of raising it: the count is to be kept."""
    if signin.count_stranger(session, what, address, MOST_OF_ADDRESS, at):
        return None
    remedy = "请明天再试；有人被困请直接拨打救援电话"
    return refuse("提交次数", say("同一网络地址一天最多提交 %(most)s 次", most=MOST_OF_ADDRESS), remedy)


def complain(
    session: AnySession, elevator: Elevator, form: Mapping[str, str], kinds: Sequence[str], photos: Sequence[Received],
    at: dt.datetime, address: str | None, *, agreed: bool = True, wrong: Sequence[Finding] = (),
) -> Complaint:  # fmt: skip
    """Take a complaint about an elevator that is shown behind its code; all that is wrong is told at once.

    The same words of the same phone within minutes are one tap made twice: the complaint that there is comes back.
    The caller has counted the address (`flooded`) and received the photos outside of any transaction; `wrong` is what
    was wrong with them.
    """
    kinds = [kind for kind in COMPLAINT_KIND if kind in kinds]
    name, body = _one_line(form.get("name", "")), form.get("body", "").strip()
    phone, findings = "", [kinds_finding(kinds, COMPLAINT_KIND), text_finding(body, kinds)]
    findings.append(Finding(
        "姓名", 0 < len(name) <= LONGEST_NAME, say("%(count)s 个字", count=len(name)) if name else "没有填写",
        say("请填写 1 至 %(most)s 个字", most=LONGEST_NAME), field="name",
    ))  # fmt: skip
    remedy = "请阅读后勾选；不同意的，可以直接拨打值班电话"
    findings.append(Finding("个人信息告知", agreed, "没有勾选", remedy, field="agreed"))
    try:
        phone = check_mobile(form.get("phone", ""), "phone")
    except Refusal as refusal:
        findings += refusal.findings
    raise_failing([*findings, *wrong])
    # Fifty taps at once would else all find that there was none.
    hold(session, f"complaint:elevator {elevator.id}", f"complaint:phone {phone}")
    with scope.acting(SYSTEM):
        same = _same(session, elevator, phone, kinds, body, at)
        if same is not None:
            return same
        of_phone = signin.count_number(session, "complain", phone, address, at)
        raise_failing(flood_findings(_today_of(session, elevator, at), of_phone))
        row = _made(session, elevator, name, phone, kinds, body, at)
        actor = passer_by(address)
        for photo in photos:
            attachments.record(session, actor, at, photo, ENTITY, row.id, row.unit_id, row.region_code)
        audit.record(
            session, actor, at, "complaint.complain", ENTITY, row.id,
            after={"number": row.number, "elevator_id": elevator.id, "kinds": kinds, "photos": len(photos),
                   "agreed": agreed, "unit_id": row.unit_id, "use_unit_id": row.use_unit_id},
        )  # fmt: skip
        title = say("收到投诉：%(place)s", place=row.place)
        told = together((str(COMPLAINT_KIND[kind]) for kind in kinds), "、")
        body_ = (
            say("%(kinds)s。请尽快接单", kinds=told) if row.accept_hours == NO_LIMIT
            else say("%(kinds)s。请在 %(hours)s 小时内接单", kinds=told, hours=row.accept_hours)
        )  # fmt: skip
        handlers = outbox.readers_of(session, row.unit_id, Verb.COMPLAINT_HANDLE, row.elevator_id)
        # Nobody's elevator is the regulator's to see to.
        who = handlers or _officers(session, row)
        outbox.notify(session, at, who, "complaint.accept", title, body_, link_of(row), f"complaint:{row.id}:new")
    return row


def accept(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> Complaint:
    """接单 by the unit that sees to the elevator: the manager or one of its workers."""
    row = _held(session, actor, key, Verb.COMPLAINT_HANDLE)
    require_own_side(actor, row.unit_id, "投诉")
    moved = complaint_move(ComplaintState(row.state), ComplaintVerb.ACCEPT)
    row.accepted_at = at
    _step(session, actor, row, moved, ComplaintVerb.ACCEPT, at)
    outbox.settle(session, at, "complaint.accept", link_of(row))
    return row


def handle(
    session: AnySession, actor: Actor, key: int, note: str, at: dt.datetime, photo_ids: Sequence[int] = ()
) -> Complaint:
    """处置 with what was done; photos of it may go with it. The use unit is asked for its word."""
    row = _held(session, actor, key, Verb.COMPLAINT_HANDLE)
    require_own_side(actor, row.unit_id, "投诉")
    moved = complaint_move(ComplaintState(row.state), ComplaintVerb.HANDLE)
    note = note.strip()
    raise_failing([note_finding(note, "处置情况", "请写明做了什么，投诉人会看到")])
    if row.sent_back:
        row.handled_again_at = at
    else:
        row.handled_at = at
    row.handle_note, row.handled_by_id = note, actor.user_id
    attachments.adopt(session, actor, photo_ids, ENTITY, row.id)
    _step(session, actor, row, moved, ComplaintVerb.HANDLE, at, note)
    outbox.settle(session, at, "complaint.handle", link_of(row))
    title = say("投诉已处置，请复核：%(place)s", place=row.place)
    outbox.notify(
        session, at, _reviewers(session, row), "complaint.review", title,
        say("请复核") if row.review_hours == NO_LIMIT else say("请在 %(hours)s 小时内复核", hours=row.review_hours),
        link_of(row), f"complaint:{row.id}:review{'2' if row.sent_back else ''}",
    )  # fmt: skip
    return row


def review(
    session: AnySession, actor: Actor, key: int, agreed: bool | None, note: str, at: dt.datetime
) -> Complaint:  # fmt: skip
    """The use unit's word: 认可 ends it. 不认可 sends it back, once; the second time it goes to the regulator.

    Who speaks for the use unit is none of whom the maintenance unit is behind, and never who handled it himself.
    """
    row = _held(session, actor, key, Verb.COMPLAINT_REVIEW)
    raise_failing([Finding("复核", agreed is not None, "没有选择", "请选择认可或不认可", field="agreed")])
    verb = ComplaintVerb.AGREE if agreed else ComplaintVerb.DISAGREE if row.sent_back else ComplaintVerb.SEND_BACK
    moved = complaint_move(ComplaintState(row.state), verb)
    note = note.strip()
    findings = review_findings(session, actor, row)
    if not agreed or note:
        findings.append(note_finding(note, "复核意见", "不认可须写明理由"))
    raise_failing(findings)
    if row.sent_back:
        row.reviewed_again_at = at
    else:
        row.reviewed_at, row.sent_back = at, verb is ComplaintVerb.SEND_BACK
    row.review_note = note or None
    if moved is ComplaintState.CLOSED:
        row.closed_at = at
    _step(session, actor, row, moved, verb, at, note)
    outbox.settle(session, at, "complaint.review", link_of(row))
    if verb is ComplaintVerb.AGREE:
        _tell_complainant(session, row, at)
    elif verb is ComplaintVerb.SEND_BACK:
        who = outbox.readers_of(session, row.unit_id, Verb.COMPLAINT_HANDLE, row.elevator_id)
        title = say("投诉被退回，请再次处置：%(place)s", place=row.place)
        why = note.rstrip("。")
        body = (
            say("理由：%(note)s。请尽快处置", note=why) if row.handle_hours == NO_LIMIT
            else say("理由：%(note)s。请在 %(hours)s 小时内处置", note=why, hours=row.handle_hours)
        )  # fmt: skip
        outbox.notify(session, at, who, "complaint.handle", title, body, link_of(row), f"complaint:{row.id}:back")
    else:
        who = _officers(session, row)
        title = say("使用单位两次不认可，请处理：%(place)s", place=row.place)
        outbox.notify(
            session, at, who, "complaint.close", title, say("理由：%(note)s", note=note), link_of(row),
            f"complaint:{row.id}:disputed",
        )  # fmt: skip
    return row


def review_findings(session: AnySession, actor: Actor, row: Complaint) -> list[Finding]:
    """Whether the actor may speak for the use unit about how it was handled."""
    if row.unit_id is not None and row.unit_id != row.use_unit_id:
        return visit_reviewers.side_findings(session, actor, row.unit_id, row.use_unit_id)
    own = row.use_unit_id == actor.unit_id
    other = row.handled_by_id != actor.user_id
    return [
        Finding("复核单位", own, "这台电梯当时不由您的单位使用", "请由使用单位的账号复核"),
        Finding("复核人", other, "处置和复核是同一账号", "请由本单位的另一账号复核，或请监管部门办结"),
    ]


def prod(session: AnySession, actor: Actor, key: int, note: str, at: dt.datetime) -> Complaint:
    """督办: whoever has the next step is told by the regulator. It stays written; no limit is moved by it.

    The same words of the same step within minutes are one tap made twice.
    """
    row = _held(session, actor, key, Verb.COMPLAINT_CLOSE)
    note = note.strip()
    party, unit = turn_of(row) or (None, None)
    raise_failing([
        Finding("督办", unit is not None, "现在没有单位可以督办", "请直接办结"),
        note_finding(note, "督办要求", "请写明要求"),
    ])  # fmt: skip
    if row.prod_note == note and row.prodded_at is not None and row.prodded_at > at - SAME_WITHIN:
        steps = (row.accepted_at, row.handled_at, row.reviewed_at, row.handled_again_at)
        if not any(step is not None and step > row.prodded_at for step in steps):
            return row
    row.prodded_at, row.prod_note = at, note
    session.flush()
    audit.record(session, actor, at, "complaint.prod", ENTITY, row.id, after={"note": note, "unit_id": unit})
    verb = Verb.COMPLAINT_REVIEW if party is Party.USE_UNIT else Verb.COMPLAINT_HANDLE
    who = outbox.readers_of(session, unit, verb, row.elevator_id)
    title = say("监管部门督办投诉：%(place)s", place=row.place)
    outbox.notify(session, at, who, "complaint.prod", title, note, link_of(row))
    return row


def close(session: AnySession, actor: Actor, key: int, note: str, untrue: bool, at: dt.datetime) -> Complaint:
    """A regulator ends it, wherever it stands; one that is untrue then counts for nobody's score."""
    row = _held(session, actor, key, Verb.COMPLAINT_CLOSE)
    moved = complaint_move(ComplaintState(row.state), ComplaintVerb.CLOSE)
    note = note.strip()
    raise_failing([note_finding(note, "监管意见", "请写明为什么由监管部门办结，投诉人会看到")])
    row.ended_at = row.closed_at = at
    row.end_note, row.is_untrue = note, untrue
    _step(session, actor, row, moved, ComplaintVerb.CLOSE, at, note)
    if untrue:
        # What takes a complaint out of the score stands in the log by name.
        audit.record(session, actor, at, "complaint.untrue", ENTITY, row.id, after={"is_untrue": True, "note": note})
    for topic in ("accept", "handle", "review", "close", "prod"):
        outbox.settle(session, at, f"complaint.{topic}", link_of(row))
    _tell_complainant(session, row, at)
    units = [
        who for unit, verb in ((row.unit_id, Verb.COMPLAINT_HANDLE), (row.use_unit_id, Verb.COMPLAINT_REVIEW))
        for who in outbox.readers_of(session, unit, verb, row.elevator_id)
    ]  # fmt: skip
    title = say("监管部门已办结投诉：%(place)s", place=row.place)
    outbox.notify(session, at, units, "complaint.end", title, note, link_of(row), f"complaint:{row.id}:end")
    return row


# --- reading


def by_number(session: AnySession, number: str) -> Complaint | None:
    """Whose number one has, for whoever has it; None for all else alike."""
    if len(number) != TRACKING_LENGTH:
        return None
    statement = select(Complaint).where(Complaint.number == number)
    return session.scalar(statement.execution_options(skip_scope=True))


def course_of(row: Complaint) -> Course:
    return Course(
        row.complained_at, row.accepted_at, row.handled_at, row.reviewed_at, row.sent_back, row.handled_again_at,
        row.reviewed_again_at, row.ended_at,
    )  # fmt: skip


def hours_of(row: Complaint) -> Hours:
    return Hours(row.accept_hours, row.handle_hours, row.review_hours)


def policy_hours(session: AnySession, region_code: str, on: dt.date) -> tuple[int, int, int]:
    """How long accepting, handling and reviewing may take there of what is complained of on a day."""
    accept, handle, review = (
        int(policy_value(session, key, region_code, on) or NO_LIMIT)
        for key in (Key.COMPLAINT_ACCEPT_HOURS, Key.COMPLAINT_HANDLE_HOURS, Key.COMPLAINT_REVIEW_HOURS)
    )
    return accept, handle, review


def turn_of(row: Complaint) -> tuple[Party, int | None] | None:
    """Who has the next step, and which unit; the regulator where nobody is what the state asks for, None at the end."""
    units = {Party.UNIT: row.unit_id, Party.USE_UNIT: row.use_unit_id, Party.OFFICE: None}
    party = TURNS.get(ComplaintState(row.state))
    return None if party is None else (party if units[party] is not None else Party.OFFICE, units[party])


def running_of(row: Complaint, state: str | None = None) -> tuple[Step, Deadline] | None:
    """The step whose limit runs, and the limit; none of what has ended or waits for the regulator.

    `state` is the one that it is about to have, where that is not the row's.
    """
    if (state or row.state) in (ComplaintState.CLOSED, ComplaintState.DISPUTED):
        return None
    return running(course_of(row), hours_of(row))


def outcome_of(row: Complaint, at: dt.datetime) -> Outcome | None:
    """及时 or 不及时 as known at an instant (SCO-03); what a regulator found untrue has none.

    From the hour in which an appeal was upheld it is 及时.
    """
    if row.is_untrue:
        return None
    if row.appeal_upheld_at is not None and row.appeal_upheld_at <= at:
        return Outcome.ON_TIME
    return outcome(course_of(row), hours_of(row), at)


def is_late(row: Complaint, at: dt.datetime) -> bool:
    """Whether it counts as 不及时 at an instant."""
    return outcome_of(row, at) is Outcome.LATE


def link_of(row: Complaint) -> str:
    return f"/complaints/{row.id}"


# --- parts


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> Complaint:
    require(actor, verb)
    visible(session, actor, Complaint, key, "这件投诉")
    row = lock(session, Complaint, key)
    assert row is not None
    if actor.unit_id is None and verb is not Verb.COMPLAINT_CLOSE and not actor.system:
        raise NotAllowed(Finding("投诉", False, "由承办单位和使用单位办理", "监管部门可以督办或办结"))
    return row


def _step(
    session: AnySession, actor: Actor, row: Complaint, new: ComplaintState, verb: ComplaintVerb, at: dt.datetime,
    note: str = "",
) -> None:  # fmt: skip
    """The move, with what is worked out from the instants: which steps were late, and the limit that now runs."""
    course, hours = course_of(row), hours_of(row)
    row.late_steps = ",".join(step.value for step in late_steps(course, hours, at)) or None
    next_ = running_of(row, new)
    row.due_at = None if next_ is None else next_[1].due_at
    moves.move(session, actor, row, "state", new.value, verb=verb.value, at=at, reason=note or None)


def _made(
    session: AnySession, elevator: Elevator, name: str, phone: str, kinds: list[str], body: str, at: dt.datetime
) -> Complaint:  # fmt: skip
    on = clock.local_day(at)
    hours = policy_hours(session, elevator.region_code, on)
    row = Complaint(
        elevator_id=elevator.id, region_code=elevator.region_code,
        unit_id=elevator.maintenance_unit_id or elevator.use_unit_id, use_unit_id=elevator.use_unit_id,
        code=elevator.code, place=elevator.place, name=name, phone=phone, kinds=kinds, body=body or None,
        state=ComplaintState.WAITING.value, complained_at=at, accept_hours=hours[0], handle_hours=hours[1],
        review_hours=hours[2],
    )  # fmt: skip
    next_ = running(course_of(row), hours_of(row))
    row.due_at = None if next_ is None else next_[1].due_at
    keep_numbered(session, row)
    return row


def _same(
    session: AnySession, elevator: Elevator, phone: str, kinds: list[str], body: str, at: dt.datetime
) -> Complaint | None:  # fmt: skip
    statement = select(Complaint).where(
        Complaint.elevator_id == elevator.id, holding(Complaint.phone, phone),
        Complaint.complained_at > at - SAME_WITHIN,
    )  # fmt: skip
    for row in session.scalars(statement):
        if row.kinds == kinds and (row.body or "") == body:
            return row
    return None


def _today_of(session: AnySession, elevator: Elevator, at: dt.datetime) -> int:
    today = day_start(clock.local_day(at))
    counted = select(func.count()).where(Complaint.complained_at >= today, Complaint.elevator_id == elevator.id)
    return session.scalar(counted) or 0


def _reviewers(session: AnySession, row: Complaint) -> list[int]:
    who = outbox.readers_of(session, row.use_unit_id, Verb.COMPLAINT_REVIEW, row.elevator_id)
    return who or _officers(session, row)


def _officers(session: AnySession, row: Complaint) -> list[int]:
    """Of an elevator that became 涉密 meanwhile only those hear who may see it."""
    secret = session.scalar(
        select(Elevator.is_secret).where(Elevator.id == row.elevator_id).execution_options(skip_scope=True)
    )
    return outbox.officers_of(session, row.region_code, Verb.COMPLAINT_CLOSE, secret=bool(secret))


def _tell_complainant(session: AnySession, row: Complaint, at: dt.datetime) -> None:
    """By SMS, where the installation sends any; the page behind the number says it in any case."""
    if not row.phone or "sms" not in outbox.SENDERS:
        return
    day = clock.local_day(row.complained_at)
    text = say(
        "您%(month)s月%(day)s日对电梯 %(code)s 的投诉已办结。查询编号 %(number)s，扫电梯上的二维码可查看处置情况。",
        month=day.month, day=day.day, code=row.code, number=shown_tracking(row.number),
    )  # fmt: skip
    outbox.send_to(session, at, None, "sms", row.phone, "complaint.told", text)


def may_be_complained_of(elevator: Elevator) -> bool:
    """Whether the page takes complaints: of a 涉密 elevator nothing is told, and a scrapped one carries nobody."""
    return not elevator.is_secret and elevator.status != ElevatorStatus.SCRAPPED


def _one_line(text: str) -> str:
    return " ".join(text.split())


def shown_text(text: str | None) -> str:
    """Words of others as they are shown to everybody: numbers of persons are masked."""
    return mask_numbers(text or "")
