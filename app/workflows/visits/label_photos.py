"""Photos of labels whose number was typed (MNT-06): sent with either end, looked at by somebody apart from the worker.

A visit is 审核中 until then and counts provisionally; 不通过 takes it back as if it had not been (`settle`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, false, select

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Attachment, Visit, VisitCompanion
from app.models.among import among
from app.permissions import Actor, Verb, require
from app.rules.label_photos import DECISIONS, LabelBy, LabelState, LabelVerb, decision_findings
from app.rules.steps import LOOK_AGAIN
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, independence, moves, outbox
from app.workflows.on_site import check_outs, sites
from app.workflows.people import people
from app.workflows.visits.visit_state import settle

KIND = "label"
KINDS = (KIND, check_outs.LABEL_OUT)


def decide(
    session: AnySession, actor: Actor, visit_id: int, decision: str, reason: str, seen: int | None, at: dt.datetime
) -> Visit:
    """Say whether the photo shows the label of the elevator that was named: approved, rejected, or more is asked for.

    `seen` is the newest photo on the reviewer's page: one that came since is looked at first.
    """
    require(actor, Verb.VISIT_LABEL)
    scope.visible(session, actor, Visit, visit_id, "维保记录")
    visit = lock(session, Visit, visit_id)
    assert visit is not None
    barred = [f for f in reviewer_findings(session, actor, [visit])[visit.id] if f.stops]
    if barred:
        raise NotAllowed(barred)
    shown = photos(session, visit.id)
    raise_failing(decision_findings(
        LabelState(visit.label_state) if visit.label_state else None, decision, reason,
        running=visit.checked_out_at is None, counts=visit.state == "pending",
        newest=not shown or shown[-1].id == seen,
    ))  # fmt: skip
    verb, reason = DECISIONS[decision], reason.strip()
    before = {"label_state": visit.label_state, "state": visit.state}
    visit.label_reason, visit.label_at, visit.label_decided_by_id = reason or None, at, actor.user_id
    moves.move(session, actor, visit, "label_state", decision, verb=verb.value, at=at, reason=reason or None)
    settle(session, visit, at)
    audit.record(
        session, actor, at, f"visit.{verb.value}", "visit", visit.id, before=before,
        after={"label_state": visit.label_state, "state": visit.state, "label_reason": visit.label_reason,
               "attachment": shown[-1].id if shown else None},
    )  # fmt: skip
    _tell_worker(session, visit, verb, at)
    return visit


def supply(session: AnySession, actor: Actor, visit_id: int, ids: Sequence[int], at: dt.datetime) -> Visit:
    """Send another photo of the label where one was asked for; the visit waits for its reviewer again."""
    require(actor, Verb.VISIT_MAKE)
    visit = sites.own_work(session, actor, visit_id).visit
    raise_failing([
        Finding("补拍", visit.label_state == LabelState.MORE, "没有要求补拍标签照片", LOOK_AGAIN),
        Finding("标签照片", bool(ids), "没有照片", "请到现场拍下电梯里的标签", field=KIND),
    ])  # fmt: skip
    check_outs.adopt(session, actor, visit, ids, KIND)
    visit.label_at = at
    moves.move(
        session, actor, visit, "label_state", LabelState.WAITING.value, verb=LabelVerb.SUPPLY.value, at=at
    )  # fmt: skip
    settle(session, visit, at)
    audit.record(
        session, actor, at, f"visit.{LabelVerb.SUPPLY.value}", "visit", visit.id,
        before={"label_state": LabelState.MORE.value},
        after={"label_state": visit.label_state, "attachment": ids[-1]},
    )  # fmt: skip
    tell_reviewers(session, visit, at)
    return visit


def photos(session: AnySession, visit_id: int) -> list[Attachment]:
    """A visit's photos of its label, of both ends, the newest last. The caller has the visit through scope."""
    return photos_of(session, [visit_id])[visit_id]


def photos_of(session: AnySession, visit_ids: Sequence[int]) -> dict[int, list[Attachment]]:
    """The same by visit for many."""
    found: dict[int, list[Attachment]] = {key: [] for key in visit_ids}
    statement = select(Attachment).where(
        Attachment.entity == "visit", among(session, Attachment.entity_id, sorted(found)), Attachment.kind.in_(KINDS),
        Attachment.removed_at.is_(None),
    )  # fmt: skip
    for photo in session.scalars(statement.order_by(Attachment.id).execution_options(skip_scope=True)):
        found[photo.entity_id or 0].append(photo)
    return found


# --- who looks at them


def reviewer_findings(session: AnySession, actor: Actor, visits: Sequence[Visit]) -> dict[int, list[Finding]]:
    """By visit whether the actor may look at it: by the policy of its day, and apart from everybody who was on site.

    A regulator may also do what the unit's manager would: where a firm has nobody else, it is not left lying. However
    many visits are asked of, it takes as many statements.
    """
    on_site = {visit.id: {visit.worker_id} for visit in visits}
    there = select(VisitCompanion.visit_id, VisitCompanion.person_id).where(
        among(session, VisitCompanion.visit_id, sorted(on_site))
    )
    for key, person_id in session.execute(there.execution_options(skip_scope=True)):
        on_site[key].add(person_id)
    mine = people.rows_of_human(session, actor.person_id) if actor.person_id is not None else frozenset()
    stands = independence.of_visits(session, [visit for visit in visits if not on_site[visit.id] & mine], actor)
    found = {}
    for visit in visits:
        own = actor.unit_id is None or (visit.label_by == LabelBy.UNIT and actor.unit_id == visit.unit_id)
        apart = visit.id in stands
        found[visit.id] = [
            Finding("核对单位", own, "由您的单位核对" if own else "这张标签照片由监管部门核对",
                    "" if own else "请等监管部门核对"),
            Finding("核对人", apart, "您不在这次维保的现场" if apart else "您是这次维保的人员",
                    "" if apart else "请由没有参加这次维保的人员核对"),
            *stands.get(visit.id, ()),
        ]  # fmt: skip
    return found


def waits_for(actor: Actor) -> ColumnElement[bool]:
    """Of the visits in the actor's scope, those whose photos are for him to look at."""
    if not actor.may(Verb.VISIT_LABEL):
        return false()
    if actor.unit_id is None:
        return Visit.label_by == LabelBy.REGULATOR.value
    return and_(Visit.label_by == LabelBy.UNIT.value, Visit.unit_id == actor.unit_id)


def tell_reviewers(session: AnySession, visit: Visit, at: dt.datetime) -> None:
    """Tell whoever looks at labels that one waits: once a day, for a page shows them all."""
    if visit.state != "pending" or visit.label_state != LabelState.WAITING:
        return
    if visit.label_by == LabelBy.UNIT:
        told = outbox.readers_of(session, visit.unit_id, Verb.VISIT_LABEL, visit.elevator_id)
    else:
        told = outbox.officers_of(
            session, visit.region_code, Verb.VISIT_LABEL, secret=visit.elevator.is_secret
        )  # fmt: skip
    outbox.notify(
        session, at, [account for account in told if account != visit.account_id], "visit.label",
        say("有标签照片等待核对"),
        say("电梯 %(code)s：没有扫码，按识别码签到或签退，附有标签照片", code=visit.snapshot.get("code", "")),
        "/visits/labels/", f"visit-labels-{clock.local_day(at)}",
    )  # fmt: skip


def _tell_worker(session: AnySession, visit: Visit, verb: LabelVerb, at: dt.datetime) -> None:
    """What was said of his photo; of a visit that is turned down his unit's managers hear, too."""
    code = visit.snapshot.get("code", "")
    titles = {
        LabelVerb.APPROVE: say("电梯 %(code)s 的标签照片核对通过", code=code),
        LabelVerb.REJECT: say("电梯 %(code)s 的标签照片核对不通过，这次维保不计入", code=code),
        LabelVerb.ASK: say("请补拍电梯 %(code)s 的标签照片", code=code),
    }
    said = (titles[verb], visit.label_reason or "")
    key = f"visit-label-{visit.id}-{at.isoformat()}"
    if visit.account_id is not None:
        outbox.notify(session, at, [visit.account_id], "visit.label", *said, f"/m/visits/{visit.id}", key)
    if verb is LabelVerb.REJECT:
        managers = outbox.readers_of(session, visit.unit_id, Verb.VISIT_APPROVE, visit.elevator_id)
        others = [account for account in managers if account != visit.account_id]
        outbox.notify(session, at, others, "visit.label", *said, f"/visits/{visit.id}", key)
