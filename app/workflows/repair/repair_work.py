"""What is done about a repair (REP-02, REP-03): assigned, taken back, accepted to ended by those who were sent, judged.

Each step may be sent twice: a phone that did not hear the answer sends it again and finds it done.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app import clock
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Elevator, Person, RepairOrder
from app.models.choices import word
from app.models.policy import policy_value
from app.models.repair import REPAIR_CAUSE
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.repairs import (
    MOST_HELPERS,
    REASSIGNS,
    TIMES,
    RepairState,
    RepairVerb,
    end_findings,
    length_findings,
    reason_finding,
    repair_move,
    sending_findings,
    time_findings,
)
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, moves, outbox
from app.workflows.files import attachments
from app.workflows.maintenance import orders
from app.workflows.on_site import presence
from app.workflows.on_site.presence import Position
from app.workflows.repair import repairs
from app.workflows.repair.repairs import ENTITY, link_of

# The notices that ask somebody for something.
ASKS = ("repair.assign", "repair.accept", "repair.approve")
_S, _V = RepairState, RepairVerb


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of a repair says. `times` are those that were not pressed, told now; `key` makes it one."""

    cause: str = ""
    action: str = ""
    parts: str = ""
    restored: bool | None = None
    times: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    signed_in_id: int | None = None
    photo_ids: Sequence[int] = ()
    key: str | None = None


def assign(
    session: AnySession, actor: Actor, key: int, worker_id: int | None, helper_ids: Sequence[int], at: dt.datetime
) -> RepairOrder:  # fmt: skip
    """指派维修员 and 协同人员, all of one's own unit; once more gives the order to others, as long as nobody began."""
    row = _held(session, actor, key, Verb.REPAIR_ASSIGN)
    require_own_side(actor, row.unit_id, "维修工单")
    state = _S(row.state)
    moved = state if state in REASSIGNS else repair_move(state, _V.ASSIGN)
    helpers = [key for key in dict.fromkeys(helper_ids) if key != worker_id]
    raise_failing(_people_findings(session, row, worker_id, helpers, at))
    before = {"worker_id": row.worker_id, "helpers": repairs.helper_ids(session, row)}
    changed = row.worker_id != worker_id
    row.worker_id = worker_id
    repairs.set_helpers(session, row, helpers)
    if changed or state is _S.WAITING:
        row.assigned_at = at
    if changed and state in (_S.ACCEPTED, _S.DEPARTED):
        # The new one has not accepted anything.
        row.accepted_at = row.departed_at = None
        moves.move(session, actor, row, "state", _S.WAITING.value, verb=_V.TAKE_BACK.value, at=at)
        moved = _S.ASSIGNED
    repairs.retime(row, at, moved)
    if moved.value != row.state:
        moves.move(session, actor, row, "state", moved.value, verb=_V.ASSIGN.value, at=at)
    session.flush()
    audit.record(
        session, actor, at, "repair.assigned", ENTITY, row.id, before=before,
        after={"worker_id": worker_id, "helpers": helpers},
    )  # fmt: skip
    _settle(session, row, at, "repair.assign", "repair.accept")
    told = repairs.accounts_of(session, [worker_id, *helpers])
    title = say("请接单维修：%(place)s", place=row.place)
    mark = f"repair:{row.id}:assign:{worker_id}:{at:%y%m%d%H%M%S}"
    outbox.notify(session, at, told, "repair.accept", title, (row.fault or "")[:200], link_of(row), mark)
    return row


def send_out(session: AnySession, actor: Actor, key: int, worker_id: int, at: dt.datetime) -> RepairOrder:
    """One of several that go out together: `assign` with the helpers that it has. What lies with that worker already
    is not sent again, and what another has accepted is not taken from him."""
    row = _held(session, actor, key, Verb.REPAIR_ASSIGN)
    require_own_side(actor, row.unit_id, "维修工单")
    if row.worker_id is not None:
        had = session.get_one(Person, row.worker_id, execution_options={"skip_scope": True})
        raise_failing(sending_findings(_S(row.state), had.name, row.worker_id == worker_id))
    return assign(session, actor, key, worker_id, repairs.helper_ids(session, row), at)


def take_back(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> RepairOrder:
    """收回: the order waits again for whoever is sent; only before the repair has begun."""
    row = _held(session, actor, key, Verb.REPAIR_ASSIGN)
    require_own_side(actor, row.unit_id, "维修工单")
    moved = repair_move(_S(row.state), _V.TAKE_BACK)
    reason = reason.strip()
    raise_failing(length_findings(("reason", "收回理由", reason)))
    told = repairs.accounts_of(session, [row.worker_id, *repairs.helper_ids(session, row)])
    row.worker_id = row.assigned_at = row.accepted_at = row.departed_at = None
    repairs.set_helpers(session, row, [])
    _step(session, actor, row, moved, _V.TAKE_BACK, at, reason)
    _settle(session, row, at, "repair.accept")
    outbox.notify(
        session, at, told, "repair.back", say("维修工单已收回：%(place)s", place=row.place), reason, link_of(row)
    )
    return row


def accept(session: AnySession, actor: Actor, key: int, at: dt.datetime) -> RepairOrder:
    """接单 by whoever was sent; what lies there unassigned a worker of the unit takes himself."""
    row = _held(session, actor, key, Verb.REPAIR_DO)
    _sent_finding(session, actor, row, may_take=row.state == _S.WAITING)
    if row.accepted_at is not None and row.state != _S.CANCELLED:
        return row
    moved = repair_move(_S(row.state), _V.ACCEPT)
    if row.worker_id is None:
        orders.hold_people(session, [actor.person_id])
        row.worker_id, row.assigned_at = actor.person_id, at
        _settle(session, row, at, "repair.assign")
    row.accepted_at = at
    _step(session, actor, row, moved, _V.ACCEPT, at)
    _settle(session, row, at, "repair.accept")
    return row


def sent_order(session: AnySession, actor: Actor, key: int) -> RepairOrder:
    """An order that the actor was sent to, locked."""
    row = _held(session, actor, key, Verb.REPAIR_DO)
    _sent_finding(session, actor, row)
    return row


def depart(
    session: AnySession, actor: Actor, key: int, at: dt.datetime, pressed_at: dt.datetime | None = None
) -> RepairOrder:  # fmt: skip
    """出发. `pressed_at`: when it was pressed, where the phone sends it later."""
    row = _held(session, actor, key, Verb.REPAIR_DO)
    _sent_finding(session, actor, row)
    if row.departed_at is not None and row.state != _S.CANCELLED:
        return row
    moved = repair_move(_S(row.state), _V.DEPART)
    row.departed_at = pressed_at or at
    _step(session, actor, row, moved, _V.DEPART, at)
    return row


def start(
    session: AnySession, actor: Actor, key: int, position: Position, at: dt.datetime,
    pressed_at: dt.datetime | None = None,
) -> RepairOrder:  # fmt: skip
    """开始维修: whoever presses it is the 签到人; how far from the elevator he was is kept, and stops nobody."""
    row = _held(session, actor, key, Verb.REPAIR_DO)
    _sent_finding(session, actor, row)
    if row.started_at is not None and row.state != _S.CANCELLED:
        return row
    moved = repair_move(_S(row.state), _V.START)
    elevator = session.get_one(Elevator, row.elevator_id, execution_options={"skip_scope": True})
    distance = presence.metres(elevator, position)
    row.started_at, row.signed_in_id = pressed_at or at, actor.person_id
    row.start_distance = None if distance is None else round(distance)
    _step(session, actor, row, moved, _V.START, at)
    return row


def end(session: AnySession, actor: Actor, key: int, told: Ending, at: dt.datetime) -> RepairOrder:
    """结束维修 with cause, what was done, parts, photos; times that were not pressed are told with it and marked.

    Where the region's policy asks for it the manager judges it, else it is done.
    """
    row = _held(session, actor, key, Verb.REPAIR_DO)
    _sent_finding(session, actor, row)
    if told.key and row.end_key == told.key:
        return row
    asks = bool(policy_value(session, Key.REPAIR_APPROVAL, row.region_code, clock.local_day(at)))
    verb = _V.END if asks else _V.FINISH
    moved = repair_move(_S(row.state), verb)
    sent = {row.worker_id, *repairs.helper_ids(session, row)}
    signed = row.signed_in_id or told.signed_in_id or actor.person_id
    times = {name: getattr(row, name) or told.times.get(name) for name in TIMES}
    later = [name for name in TIMES if getattr(row, name) is None and told.times.get(name) is not None]
    if times["ended_at"] is None:
        times["ended_at"] = at
    slack = dt.timedelta(
        minutes=policy_value(session, Key.CLOCK_SLACK_MINUTES, row.region_code, clock.local_day(at))
    )
    action, parts = told.action.strip(), told.parts.strip()
    findings = [
        *time_findings(row.reported_at, times, at, slack),
        *end_findings(told.cause, REPAIR_CAUSE, action, told.restored),
        *length_findings(("action", "处理情况", action), ("parts", "更换部件", parts)),
        Finding("签到人", signed in sent, "不是这张工单的维修员或协同人员", "请选择到场的人员", field="signed_in_id"),
    ]
    if told.key and len(told.key) > 40:
        findings.append(Finding("提交键", False, "超过 40 个字符", "请刷新页面后重试", field="end_key"))
    raise_failing(findings)
    for name, value in times.items():
        setattr(row, name, value)
    row.told_later, row.signed_in_id = ",".join(later) or None, signed
    row.cause, row.action, row.parts, row.restored = told.cause, action, parts or None, told.restored
    row.heard_at, row.end_key = at, told.key or None
    row.decision = row.decided_at = row.decided_by_id = row.decision_reason = None
    if moved is _S.DONE:
        row.closed_at = at
    attachments.adopt(session, actor, told.photo_ids, ENTITY, row.id)
    _step(session, actor, row, moved, verb, at)
    audit.record(
        session, actor, at, "repair.ended", ENTITY, row.id,
        after={"cause": row.cause, "action": action, "parts": row.parts, "restored": row.restored, "told_later": later,
               **times},
    )  # fmt: skip
    _settle(session, row, at, *ASKS)
    if moved is _S.DONE:
        _tell_done(session, row, at, actor)
    else:
        title = say("维修工单待审批：%(place)s", place=row.place)
        who = outbox.readers_of(session, row.unit_id, Verb.REPAIR_APPROVE, row.elevator_id)
        outbox.notify(
            session, at, who, "repair.approve", title, action[:200], link_of(row),
            f"repair:{row.id}:approve:{at:%y%m%d%H%M%S}",
        )  # fmt: skip
    return row


def decide(session: AnySession, actor: Actor, key: int, decision: str, reason: str, at: dt.datetime) -> RepairOrder:
    """The manager's word: 审批通过 ends it, 审批驳回 sends it back to whoever repaired, with the reason."""
    row = _held(session, actor, key, Verb.REPAIR_APPROVE)
    require_own_side(actor, row.unit_id, "维修工单")
    verb = {"approved": _V.APPROVE, "rejected": _V.REJECT}.get(decision)
    raise_failing([Finding("决定", verb is not None, "没有选择同意或驳回", "请选择", field="decision")])
    assert verb is not None
    moved = repair_move(_S(row.state), verb)
    reason = reason.strip()
    sent = {row.worker_id, *repairs.helper_ids(session, row)}
    findings = [
        Finding("审批人", actor.person_id is None or actor.person_id not in sent, "不能审批自己维修的工单",
            "请由其他经理审批"),
    ]  # fmt: skip
    if verb is _V.REJECT or reason:
        findings.append(reason_finding(reason, "审批意见", "驳回须写明理由", field="reason"))
    raise_failing(findings)
    row.decision, row.decided_at, row.decided_by_id, row.decision_reason = decision, at, actor.user_id, reason or None
    if verb is _V.APPROVE:
        row.closed_at = at
    else:
        row.ended_at = row.heard_at = row.end_key = None
    _step(session, actor, row, moved, verb, at, reason)
    _settle(session, row, at, "repair.approve")
    if verb is _V.APPROVE:
        _tell_done(session, row, at, actor)
        return row
    outbox.notify(
        session, at, repairs.accounts_of(session, sent), "repair.accept",
        say("维修工单被驳回：%(place)s", place=row.place), say("理由：%(note)s", note=reason), link_of(row),
        f"repair:{row.id}:reject:{at:%y%m%d%H%M%S}",
    )  # fmt: skip
    return row


def cancel(session: AnySession, actor: Actor, key: int, reason: str, at: dt.datetime) -> RepairOrder:
    """撤销 before it has begun, by the side that reported it: a firm does not cancel what its customer reported.

    The use unit is told in any case.
    """
    row = _held(session, actor, key, Verb.REPAIR_REPORT)
    if not may_cancel(actor, row):
        raise NotAllowed(Finding(
            "撤销", False, "这张工单由其他单位报修", "请由报修的单位撤销；没有故障的，请结束维修并选“未发现故障”"
        ))  # fmt: skip
    moved = repair_move(_S(row.state), _V.CANCEL)
    reason = reason.strip()
    raise_failing([reason_finding(reason, "撤销理由", "请写明为什么撤销", field="reason")])
    row.closed_at, row.end_note = at, reason
    told = {
        *repairs.accounts_of(session, [row.worker_id, *repairs.helper_ids(session, row)]),
        *outbox.readers_of(session, row.unit_id, Verb.REPAIR_ASSIGN, row.elevator_id),
        # Whoever waits for his elevator, whichever side reported it.
        *outbox.readers_of(session, row.use_unit_id, Verb.REPAIR_REPORT, row.elevator_id),
    }  # fmt: skip
    if row.reported_by_id is not None and row.reported_unit_id in (None, row.unit_id, row.use_unit_id):
        # A unit that the elevator has left since opens the order no more.
        told.add(row.reported_by_id)
    _step(session, actor, row, moved, _V.CANCEL, at, reason)
    _settle(session, row, at, *ASKS)
    outbox.notify(
        session, at, told - {actor.user_id or 0}, "repair.cancel", say("报修已撤销：%(place)s", place=row.place),
        reason, link_of(row), f"repair:{row.id}:cancel",
    )  # fmt: skip
    return row


def pass_on(session: AnySession, actor: Actor, key: int, person_id: int, to_id: int, at: dt.datetime) -> None:
    """A leaving person's place in an open order is another's, wherever the repair stands."""
    row = lock(session, RepairOrder, key)
    if row is None or row.state in (_S.DONE, _S.CANCELLED):
        return
    require_own_side(actor, row.unit_id, "维修工单")
    helpers = repairs.helper_ids(session, row)
    before = {"worker_id": row.worker_id, "helpers": helpers}
    if row.worker_id == person_id:
        row.worker_id = to_id
    instead = [to_id if one == person_id else one for one in helpers]
    repairs.set_helpers(session, row, [one for one in instead if one != row.worker_id])
    audit.record(
        session, actor, at, "repair.hand_over", ENTITY, row.id, before=before,
        after={"worker_id": row.worker_id, "helpers": repairs.helper_ids(session, row)},
    )  # fmt: skip


def may_cancel(actor: Actor, row: RepairOrder) -> bool:
    """Whether the actor's unit reported it, or has followed the unit that did, which sees the order no more.

    Of a firm it follows no more than what that firm reported of itself: what the use unit asked for, or a regulator
    made of an anomaly, is ended, not cancelled.
    """
    if actor.unit_id is None:
        return False
    if actor.unit_id == row.reported_unit_id:
        return True
    by = row.reported_unit
    if by is None:
        return False
    # Of one that both uses and maintains nobody knows as which it reported, but of what its visit found.
    if by.is_maintenance and (not by.is_use or row.source == "visit"):
        return actor.unit_id == row.unit_id and not row.use_note
    return not by.is_maintenance and by.is_use and actor.unit_id == row.use_unit_id


def may_do(session: AnySession, actor: Actor, row: RepairOrder) -> bool:
    """Whether the actor was sent there."""
    if actor.person_id is None or not actor.may(Verb.REPAIR_DO) or row.unit_id != actor.unit_id:
        return False
    return actor.person_id == row.worker_id or actor.person_id in repairs.helper_ids(session, row)


# --- parts


def _held(session: AnySession, actor: Actor, key: int, verb: Verb) -> RepairOrder:
    require(actor, verb)
    visible(session, actor, RepairOrder, key, "维修工单")
    row = lock(session, RepairOrder, key)
    assert row is not None
    return row


def _sent_finding(session: AnySession, actor: Actor, row: RepairOrder, *, may_take: bool = False) -> None:
    """Raise unless the actor was sent, or may take what nobody was sent to."""
    require_own_side(actor, row.unit_id, "维修工单")
    if may_do(session, actor, row):
        return
    person = actor.person_id is not None
    if may_take and person and row.worker_id is None:
        return
    found = "这张工单没有派给您" if person else "账号还没有关联人员"
    remedy = "请由指派的维修员办理，或请文员改派" if person else "请主账号在“我的子用户”里关联人员"
    raise NotAllowed(Finding("维修员", False, found, remedy))


def _people_findings(
    session: AnySession, row: RepairOrder, worker_id: int | None, helpers: Sequence[int], at: dt.datetime
) -> list[Finding]:  # fmt: skip
    """Everybody is of the unit and has not left; they are held until it stands."""
    findings = [
        Finding("指派维修员", worker_id is not None, "没有选择", "请选择维修员", field="worker_id"),
        Finding("协同人员", len(helpers) <= MOST_HELPERS, say("选了 %(count)s 人", count=len(helpers)),
            say("最多 %(most)s 人", most=MOST_HELPERS), field="helper_ids"),
        Finding("维保单位", row.unit_id is not None, "这台电梯没有维保单位", "请先办理维保单位变更"),
    ]  # fmt: skip
    if row.unit_id is None:
        return findings
    people = [key for key in (worker_id, *helpers[:MOST_HELPERS]) if key is not None]
    orders.hold_people(session, people)
    today = clock.local_day(at)
    for key in people:
        name = "worker_id" if key == worker_id else "helper_ids"
        findings.append(orders.worker_finding(session, key, row.unit_id, today, name))
    return findings


def _step(
    session: AnySession, actor: Actor, row: RepairOrder, new: RepairState, verb: RepairVerb, at: dt.datetime,
    note: str = "",
) -> None:  # fmt: skip
    repairs.retime(row, at, new)
    moves.move(session, actor, row, "state", new.value, verb=verb.value, at=at, reason=note or None)


def _settle(session: AnySession, row: RepairOrder, at: dt.datetime, *topics: str) -> None:
    for topic in topics:
        outbox.settle(session, at, topic, link_of(row))


def _tell_done(session: AnySession, row: RepairOrder, at: dt.datetime, actor: Actor) -> None:
    """Whoever reported it and the use unit."""
    told = set(outbox.readers_of(session, row.use_unit_id, Verb.REPAIR_REPORT, row.elevator_id))
    if row.reported_by_id is not None:
        told.add(row.reported_by_id)
    sentence = "维修已完成：%(place)s" if row.restored else "维修已完成，电梯未恢复运行：%(place)s"
    body = say(
        "%(cause)s。%(action)s　请使用单位确认修好，或反映仍有问题", cause=word(REPAIR_CAUSE, row.cause),
        action=row.action or "",
    )  # fmt: skip
    outbox.notify(
        session, at, told - {actor.user_id or 0}, "repair.done", say(sentence, place=row.place), body, link_of(row),
        f"repair:{row.id}:done",
    )  # fmt: skip
