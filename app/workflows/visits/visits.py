"""Visits: check in, check out, sheet, review, approval. Each settles the state by the rules and feeds the clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import clock, scope
from app.direct_rows import write_new
from app.errors import Finding, NotAllowed, Refusal, raise_failing, refuse
from app.models import Visit, VisitNote
from app.models.choices import VISIT_RATING
from app.models.policy import visit_policy
from app.permissions import Actor, Verb, require, require_own_side
from app.rules.confirmations import opinion_finding, rating_finding
from app.rules.label_photos import LabelState
from app.rules.levels import LEVEL_LABELS, Level, level_finding
from app.rules.visit_photos import SELFIE
from app.rules.visits import VisitReason
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.on_site import arrivals, check_outs, labels, presence, sites
from app.workflows.on_site.arrivals import Begun
from app.workflows.on_site.check_outs import LONGEST, RESULTS, CheckOut
from app.workflows.on_site.presence import Position
from app.workflows.on_site.sites import Site, own_work
from app.workflows.people import workers
from app.workflows.repair import repairs
from app.workflows.visits import ageing, face_checks, label_photos, visit_reviewers
from app.workflows.visits.visit_state import settle, stand


@dataclass(frozen=True, slots=True)
class Word:
    """What the use unit says in confirming a visit: 意见, 评价, 是否报修 with its remark."""

    opinion: str = ""
    rating: str = ""
    repair: bool = False
    repair_note: str = ""

    def findings(self) -> list[Finding]:
        """What is wrong with it, whoever says it."""
        return [
            opinion_finding(self.opinion.strip()), rating_finding(self.rating, VISIT_RATING),
            *(repairs.wanted_findings(self.repair_note) if self.repair else ()),
        ]  # fmt: skip


def check_in(
    session: AnySession,
    actor: Actor,
    text: str,
    position: Position,
    at: dt.datetime,
    *,
    client_key: str | None = None,
    received_at: dt.datetime | None = None,
    label_ids: Sequence[int] = (),
    selfie_ids: Sequence[int] = (),
    level: str = "",
    without_face: bool = False,
) -> Visit:
    """Begin a visit at the scanned elevator; refused with every failing condition at once.

    `label_ids`: photos of its label, where its number was typed and the region asks for them (MNT-06);
    `selfie_ids`: photos of the person himself, where it asks for these; `without_face`: not to be compared. What was
    compared ahead (`face_checks.ahead`) counts. `level`: what he chose to do where no order waits. The same
    `client_key` again gives the same visit: a lost answer or a second press begins nothing twice.
    """
    require(actor, Verb.VISIT_MAKE)
    check_key(client_key)
    # Held so that two phones of one person cannot both pass the quota or both be the only open visit.
    worker, arrival = arrivals.met(session, actor, text, at, client_key)
    if arrival.again is not None:
        return begun_before(session, actor, arrival.again)
    arrivals.still_in_use(arrival)
    if arrival.running is not None and not arrival.running.runs_at(at):
        # A check-out forgotten yesterday must not keep him from today's work until ageing comes round.
        ageing.settle_run_out(session, actor.person_id or 0, at)
        arrival = arrivals.of(session, actor, worker, text, at, client_key)
    counts = len(label_ids), len(selfie_ids)
    look = presence.look(session, actor, worker, arrival, text, position, at, received_at or at, *counts)
    raise_failing([*look.findings, *([level_finding(level)] if level else ())])
    visit = begin(actor, look, position, at, received_at or at, client_key, level=level)
    stand(session, visit, at)
    labels.held(session, look.label)
    # Whether it falls into his scope was asked with all the rest: `may_serve`.
    # What hangs on it needs it written; else nobody waits for it.
    alone = not (label_ids or selfie_ids or look.face or look.label)
    write_new(session, visit, number=arrival.number if alone else None, taken=came_first)
    audit.record_now(
        session, actor, at, "visit.check_in", "visit", visit.id,
        after={"elevator": visit.snapshot["code"], "distance": visit.in_distance, "level": visit.level}
        | ({"label_state": visit.label_state} if visit.label_state else {}),
    )  # fmt: skip
    check_outs.adopt(session, actor, visit, label_ids, "label")
    check_outs.adopt(session, actor, visit, selfie_ids if look.selfie else (), SELFIE)
    if look.face:
        face_checks.settle(session, visit, selfie_ids, received_at or at, without=without_face)
    labels.scanned(session, actor, look.label, received_at or at)
    return visit


def check_out(
    session: AnySession, actor: Actor, visit_id: int, text: str, position: Position, done: CheckOut, at: dt.datetime,
    *, out_key: str | None = None,
) -> Visit:  # fmt: skip
    """End one's own visit: see `leave`."""
    return leave(session, actor, visit_id, text, position, done, at, out_key=out_key).visit


def leave(
    session: AnySession, actor: Actor, visit_id: int, text: str, position: Position, done: CheckOut, at: dt.datetime,
    *, out_key: str | None = None,
) -> sites.Work:  # fmt: skip
    """End one's own visit: presence again, time, items or sheet, problem; every failing condition at once.

    The stored record never changes afterwards: sheet, review and approval are added, corrections are notes (MNT-10).
    The same `out_key` again gives the visit as it ended. Beside it what was known of it as it began to end.
    """
    require(actor, Verb.VISIT_MAKE)
    check_key(out_key)
    work = own_work(session, actor, visit_id, text)
    visit = work.visit
    if out_key and visit.out_key == out_key:
        return work
    visit.out_key = out_key or None
    leaving = check_outs.look(session, work, position, done, at)
    raise_failing(leaving.findings)
    check_outs.end(session, actor, visit, leaving, position, done, at, at)
    labels.scanned(session, actor, leaving.label, at)
    settle(session, visit, at)
    audit.record_now(
        session, actor, at, "visit.check_out", "visit", visit.id,
        after={"mode": visit.mode, "state": visit.state, "distance": visit.out_distance, "signer": visit.signer}
        | ({"label_state": visit.label_state} if leaving.label_by else {}),
    )  # fmt: skip
    ask_for_review(session, visit, at, work.reviewers)
    ask_for_approval(session, visit, at)
    label_photos.tell_reviewers(session, visit, at)
    if leaving.repairs:
        repairs.of_visit(session, actor, visit, at, done.repair_note if done.repair else "")
    return work


def upload_sheet(
    session: AnySession, actor: Actor, visit_id: int, attachment_ids: Sequence[int], at: dt.datetime
) -> Visit:
    """Hand in the scanned sheet of a visit that ended in sheet mode. A late one is stored and does not heal.

    By whoever made the visit, or by the office of his unit, where the signed papers often are; the log says by whom.
    """
    visit = _of_sheet(session, actor, visit_id)
    problems = [
        Finding("签退", visit.checked_out_at is not None, "这次维保还没有签退", "请在签退后上传维保单"),
        Finding("维保方式", visit.mode == "sheet", "这次维保不是按上传维保单", "请查看维保项目"),
        Finding("重复上传", visit.sheet_at is None, "维保单已经上传", "需要更正时请添加说明"),
        Finding("维保单", bool(attachment_ids), "没有选择文件", "请拍摄或选择维保单照片", field="sheet"),
    ]
    raise_failing(problems)
    check_outs.adopt(session, actor, visit, attachment_ids, "sheet")
    visit.sheet_at = at
    settle(session, visit, at)
    audit.record(session, actor, at, "visit.sheet", "visit", visit.id, after={"state": visit.state})
    return visit


def review(
    session: AnySession, actor: Actor, visit_id: int, opinion: str, at: dt.datetime, *, repair: bool = False,
    repair_note: str = "", rating: str = "",
) -> Visit:  # fmt: skip
    """The use unit confirms a visit (MNT-07). Never an account of the unit that did it, nor one made by it.

    Nor one whose phone is a phone of that unit: who holds it reviews his own visit. `repair`: 是否报修.
    """
    require(actor, Verb.VISIT_REVIEW)
    visit = _seen(session, actor, visit_id)
    said = Word(opinion, rating, repair, repair_note)
    raise_failing([*visit_reviewers.review_findings(session, actor, visit), *said.findings()])
    visit.reviewed_by_id = actor.user_id
    return confirmed(session, actor, visit, said, "account", at)


def confirmed(
    session: AnySession, actor: Actor, visit: Visit, said: Word, way: str, at: dt.datetime, **told: Any
) -> Visit:
    """What a confirmation does, by whichever way it comes: the caller has asked who gives it, and holds the visit.

    `told`: what the log is to know besides.
    """
    visit.reviewed_at, visit.review_opinion = at, said.opinion.strip() or None
    visit.confirmed_by, visit.rating = way, said.rating or visit.rating
    visit.reviewed_from = actor.address[:60] if actor.address else None
    settle(session, visit, at)
    audit.record(
        session, actor, at, "visit.review", "visit", visit.id,
        after={"state": visit.state, "opinion": said.opinion.strip(), "confirmed_by": way, "rating": visit.rating}
        | told,
    )  # fmt: skip
    if said.repair:
        repairs.wanted(session, actor, visit, said.repair_note, at)
    return visit


def object_to(session: AnySession, actor: Actor, visit_id: int, objection: str, at: dt.datetime) -> VisitNote:
    """The use unit disagrees with what a record says: kept beside it and told to the firm and the regulator.

    The record's state stays; whether anything follows is theirs to decide. It is no review: the limit runs on.
    """
    require(actor, Verb.VISIT_REVIEW)
    visit = _seen(session, actor, visit_id)
    raise_failing([*visit_reviewers.findings(session, actor, visit), *objection_findings(objection)])
    return objected(session, actor, visit, objection, at)


def objection_findings(objection: str) -> list[Finding]:
    """Of the words of an objection."""
    body = objection.strip()
    return [
        Finding("异议", bool(body), "没有写明异议", "请写明哪一处与实际不符", field="opinion"),
        Finding("异议", len(body) <= LONGEST, say("异议有 %(count)s 个字", count=len(body)),
            say("最多 %(longest)s 个字", longest=LONGEST), field="opinion"),
    ]  # fmt: skip


def objected(
    session: AnySession, actor: Actor, visit: Visit, objection: str, at: dt.datetime, **told: Any
) -> VisitNote:
    """What an objection does, by whichever way it comes."""
    body = objection.strip()
    note = VisitNote(visit_id=visit.id, kind="objection", body=body, author_id=actor.user_id, at=at)
    session.add(note)
    session.flush()
    audit.record(session, actor, at, "visit.objection", "visit", visit.id, after={"note": body} | told)
    who = [
        visit.account_id, *outbox.readers_of(session, visit.unit_id, Verb.VISIT_APPROVE, visit.elevator_id),
        *outbox.officers_of(session, visit.region_code, secret=visit.elevator.is_secret),
    ]  # fmt: skip
    code = visit.snapshot.get("code") or visit.elevator.code
    outbox.notify(
        session, at, [account for account in who if account is not None], "visit.objection",
        say("使用单位对电梯 %(code)s 的维保记录提出异议", code=code), body, f"/visits/{visit.id}",
        f"visit-objection-{note.id}",
    )  # fmt: skip
    return note


def approve(session: AnySession, actor: Actor, visit_id: int, decision: str, reason: str, at: dt.datetime) -> Visit:
    """The manager's word on a record, where the region's policy asks for it (MNT-09)."""
    require(actor, Verb.VISIT_APPROVE)
    visit = _seen(session, actor, visit_id)
    raise_failing([
        Finding("审批单位", visit.unit_id == actor.unit_id, "这条记录不是本单位的", "请由维保单位的经理审批"),
        Finding("审批人", visit.worker_id != (actor.person_id or 0), "不能审批自己的记录", "请由其他经理审批"),
        Finding("待审批", awaits_approval(session, visit), "这条记录现在不需要审批", "请刷新列表"),
        Finding("决定", decision in ("approved", "rejected"), "没有选择同意或驳回", "请选择", field="decision"),
        Finding(
            "理由", decision != "rejected" or bool(reason.strip()), "驳回没有写明理由", "请写明理由", field="reason"
        ),
    ])  # fmt: skip
    visit.decision, visit.decided_at, visit.decided_by_id = decision, at, actor.user_id
    visit.decision_reason = reason.strip()[:LONGEST] or None
    settle(session, visit, at)
    audit.record(session, actor, at, f"visit.{decision}", "visit", visit.id, after={"state": visit.state})
    if decision == "rejected":
        code = visit.snapshot.get("code") or visit.elevator.code
        outbox.notify(
            session, at, [account for account in (visit.account_id,) if account is not None], "visit.decision",
            say("电梯 %(code)s 的维保记录被驳回，这次维保不计入", code=code), visit.decision_reason or "",
            f"/m/visits/{visit.id}", f"visit-rejected-{visit.id}",
        )  # fmt: skip
    return visit


def awaits_approval(session: AnySession, visit: Visit) -> bool:
    """Whether the manager's word is what a record waits for; that its label is looked at is no matter of his."""
    asked = visit_policy(session, visit.region_code, visit.visit_on).manager_approval
    return visit.state == "pending" and visit.decision is None and asked


def add_note(session: AnySession, actor: Actor, visit_id: int, body: str, at: dt.datetime) -> VisitNote:
    """A correction or remark beside the record; the record itself stays as stored (T5002 art 10)."""
    visit = _seen(session, actor, visit_id)
    if not (actor.may(Verb.VISIT_MAKE) or actor.may(Verb.VISIT_APPROVE) or actor.may(Verb.VISIT_REVIEW)):
        raise NotAllowed(Finding("权限", False, "当前角色不能添加说明", "请由维保单位或使用单位的账号添加"))
    body = body.strip()
    if not body or len(body) > LONGEST:
        found = say("有 %(count)s 个字", count=len(body)) if body else "没有填写"
        raise refuse("说明", found, say("请填写 1 到 %(longest)s 个字", longest=LONGEST), field="body")
    note = VisitNote(visit_id=visit.id, body=body, author_id=actor.user_id, at=at)
    session.add(note)
    session.flush()
    audit.record(session, actor, at, "visit.note", "visit", visit.id, after={"note": body})
    return note


def begin(
    actor: Actor, look: presence.Look, position: Position, at: dt.datetime, received_at: dt.datetime,
    client_key: str | None, state: str = "open", level: str = "",
) -> Visit:  # fmt: skip
    """The new row of a visit that nothing stands in the way of, with all that it keeps of that day; not written yet."""
    site = look.site
    assert site is not None and actor.unit_id is not None and actor.person_id is not None
    elevator = site.elevator
    distance = presence.metres(elevator, position)
    return Visit(
        client_key=client_key, elevator_id=elevator.id, unit_id=actor.unit_id, use_unit_id=elevator.use_unit_id,
        region_code=elevator.region_code, worker_id=actor.person_id, account_id=actor.user_id,
        order_id=site.order_id, level=site.level(level or None).value, item_version=look.items,
        visit_on=clock.local_day(at), checked_in_at=at, received_at=received_at, by_code=look.by_code,
        label_state=LabelState.WAITING.value if look.label_by else None, label_by=look.label_by,
        in_latitude=position.latitude, in_longitude=position.longitude,
        in_distance=None if distance is None else round(distance), state=state, counted=False,
        snapshot=_snapshot(site, look.worker, actor),
    )  # fmt: skip


def ask_for_review(
    session: AnySession, visit: Visit, at: dt.datetime, readers: Sequence[int] | None = None
) -> None:
    """Tell the use unit of a visit that waits for its word; `readers`: who that is, where it is known."""
    if not visit.awaiting_review or visit.use_unit_id is None:
        return
    if readers is None:
        readers = outbox.readers_of(session, visit.use_unit_id, Verb.VISIT_REVIEW, visit.elevator_id)
    if not readers:
        return
    code, level = visit.snapshot.get("code", ""), LEVEL_LABELS[Level(visit.level)]
    outbox.notify(
        session, at, readers, "visit.review",
        say("请复核电梯 %(code)s 的维保记录", code=code),
        say("%(worker)s 已完成%(level)s", worker=visit.snapshot.get("worker", ""), level=level),
        f"/visits/{visit.id}", f"visit-review-{visit.id}",
    )  # fmt: skip


def ask_for_approval(session: AnySession, visit: Visit, at: dt.datetime) -> None:
    """Tell the managers of a record that waits for their word (MNT-09): once a day, for a page shows them all."""
    if visit.reason != VisitReason.UNDECIDED:
        return
    told = outbox.readers_of(session, visit.unit_id, Verb.VISIT_APPROVE, visit.elevator_id)
    outbox.notify(
        session, at, [account for account in told if account != visit.account_id], "visit.decision",
        say("有维保记录等待审批"), say("电梯 %(code)s", code=visit.snapshot.get("code", "")),
        "/visits/?tab=approval", f"visit-approvals-{clock.local_day(at)}",
    )  # fmt: skip


# --- rows


def _of_sheet(session: AnySession, actor: Actor, visit_id: int) -> Visit:
    if not actor.may(Verb.VISIT_SHEET):
        require(actor, Verb.VISIT_MAKE)
        return own_work(session, actor, visit_id).visit
    visit = _seen(session, actor, visit_id)
    require_own_side(actor, visit.unit_id, say("维保记录 %(number)s ", number=visit.id))
    return visit


def _seen(session: AnySession, actor: Actor, visit_id: int) -> Visit:
    scope.visible(session, actor, Visit, visit_id, "维保记录")
    visit = lock(session, Visit, visit_id)
    assert visit is not None
    return visit


def check_key(client_key: str | None) -> None:
    if client_key and len(client_key) > 40:
        raise refuse("提交键", "超过 40 个字符", "请刷新页面后重试", field="client_key")


def begun_before(session: AnySession, actor: Actor, again: Begun) -> Visit:
    """The visit that this key began already."""
    if again.worker_id != actor.person_id:
        raise refuse("提交键", "与他人的提交重复", "请刷新页面后重试", field="client_key")
    return session.get_one(Visit, again.id, execution_options={"skip_scope": True})


def came_first(constraint: str, remedy: str = "请刷新页面，查看正在进行的维保") -> Refusal | None:
    """What keeps a new visit out that nothing stood against a moment ago; anything else is no refusal but a fault."""
    if constraint == "uq_visit_open_elevator_worker":
        return refuse("已在其他电梯签到", "刚刚已有一次签到", remedy)
    if constraint == "uq_visit_client_key":
        # His own, sent twice at once; another person's was found before.
        return refuse("提交键", "同一次提交刚刚已经收到", "请刷新页面，查看正在进行的维保", field="client_key")
    return None


def _snapshot(site: Site, worker: workers.Worker, actor: Actor) -> dict[str, Any]:
    """Elevator, units and staff as they are today: the record must say so for years (T5002 art 7, MNT-10)."""
    elevator, person, unit = site.elevator, worker.person, worker.unit
    return {
        "code": elevator.code, "registration_code": elevator.registration_code, "category": elevator.category,
        "model": elevator.model, "factory_no": elevator.factory_no, "internal_no": elevator.internal_no,
        "manufacturer": elevator.manufacturer, "address": elevator.address, "estate": elevator.estate,
        "rated_load": elevator.rated_load, "rated_speed": elevator.rated_speed, "stops": elevator.stops,
        "unit": unit.name if unit else None, "use_unit": site.use_unit,
        "safety_officer": elevator.safety_officer, "worker": person.name if person else actor.name,
        "certificate_no": person.certificate_no if person else None,
    }  # fmt: skip


__all__ = [
    "RESULTS",
    "CheckOut",
    "Position",
    "Word",
    "add_note",
    "approve",
    "ask_for_approval",
    "ask_for_review",
    "awaits_approval",
    "begin",
    "begun_before",
    "came_first",
    "check_in",
    "check_key",
    "check_out",
    "confirmed",
    "leave",
    "object_to",
    "objected",
    "objection_findings",
    "own_work",
    "review",
    "upload_sheet",
]  # fmt: skip
