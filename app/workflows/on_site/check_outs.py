"""What a check-out brings and whether it may end a visit: items or sheet, faults, signature, photos (MNT-04)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import Finding, refuse
from app.models import Attachment, Visit
from app.models.choices import VISIT_FAULT, VISIT_RATING
from app.models.policy import policy_book, policy_value, visit_policy
from app.permissions import Actor
from app.policy import Key
from app.rules.confirmations import rating_finding
from app.rules.label_photos import LabelState, LabelVerb
from app.rules.levels import Level
from app.rules.visit_faults import faults_findings
from app.rules.visit_photos import Place, photo_findings, places_wanted
from app.rules.visits import (
    CheckOutFacts,
    VisitMode,
    VisitPolicy,
    check_out_findings,
    review_deadline,
    sheet_deadline,
)
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import moves
from app.workflows.maintenance import item_lists
from app.workflows.on_site import companions, labels, presence, sites
from app.workflows.on_site.presence import Position
from app.workflows.on_site.sites import Work

RESULTS = {"ok": say("正常"), "repair": say("修理"), "na": say("不适用")}
LONGEST, LONGEST_REPAIR_NOTE = 500, 140
# The kind of a photo of the label that a check-out brings; a check-in's is `label`.
LABEL_OUT = "label_out"
_KEYS = {Place.PIT: Key.PHOTO_PIT, Place.CAR_TOP: Key.PHOTO_TOP, Place.MACHINE_ROOM: Key.PHOTO_ROOM}


@dataclass(frozen=True, slots=True)
class CheckOut:
    """What the worker hands in at the end. `results` maps item codes to {result, value, reason}.

    `problem` None means that the question was not answered; "" that there was nothing to report. `faults`: of what
    kinds it is, as many as hold; they answer the question, too.
    `signature_id` is the attachment of a signature drawn on the screen.
    """

    mode: str = "items"
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problem: str | None = None
    faults: Sequence[str] = ()
    advice: str = ""
    note: str = ""
    signer: str = ""
    signature_id: int | None = None
    photo_ids: Sequence[int] = ()
    # Photos of the places, each under its kind (MNT-04); what shows none of them is in `photo_ids`.
    place_ids: Mapping[str, Sequence[int]] = field(default_factory=dict)
    # Photos of the label, where its number was typed and the region asks for them (MNT-06).
    label_ids: Sequence[int] = ()
    # 是否报修 of whoever signs for the use unit on the spot, with his remark.
    repair: bool = False
    repair_note: str = ""
    # What whoever signs thinks of the visit; without a signature it is nobody's word.
    rating: str = ""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What was found of a check-out before it is done: how far away, the answers by item, every condition."""

    mode: VisitMode
    results: list[dict[str, Any]]
    distance: float | None
    policy: VisitPolicy
    findings: list[Finding]
    # An item was set to 修理, or the use unit wants a repair: it opens an order.
    repairs: bool = False
    # Who looks at the photo of the label, where one is asked for.
    label_by: str | None = None
    # The label that was scanned, where it is not the one in use.
    label: labels.Named | None = None


def look(
    session: AnySession, work: Work, position: Position, done: CheckOut, at: dt.datetime, *, sent_later: bool = False
) -> Leaving:
    """Everything that must hold to end this visit at `at`, all at once; the visit need not be stored yet."""
    visit, elevator = work.visit, work.elevator
    policy = visit_policy(session, visit.region_code, visit.visit_on)
    mode = VisitMode(done.mode) if done.mode in ("items", "sheet") else None
    if mode is None:
        raise refuse(
            "维保方式", say("没有“%(mode)s”这种方式", mode=done.mode), "请选择按系统维保项或按上传维保单", field="mode"
        )
    results, findings = _results(session, visit, done) if mode is VisitMode.ITEMS else ([], [])
    distance = presence.metres(elevator, position)
    if elevator.latitude is None and position.place is not None:
        distance = 0.0
    repair = any(r["result"] == "repair" for r in results)
    problem = "" if done.problem is None and done.faults else done.problem
    if repair and not (problem or "").strip():
        findings.append(
            Finding(
                "故障反馈", False, "有项目选了“修理”，没有写明故障", "请写明故障和处理情况", field="problem"
            )
        )  # fmt: skip
    needed = policy.persons_at(Level(visit.level))
    asked = presence.label_by(session, visit.region_code, visit.visit_on) if work.by_code else None
    label = None if work.same_code else sites.other_label(session, work.text, visit.elevator_id)
    holds = label is not None and label.holds(at)
    already = visit.checked_out_at is not None or (visit.state != "open" and not sent_later)
    facts = CheckOutFacts(
        checked_in_at=visit.checked_in_at, at=at, already_out=already,
        same_code=work.same_code or (holds if work.text.strip() else None),
        label_ended=label.ended if label is not None and not holds else "", distance_m=distance,
        presence_m=policy_value(session, Key.PRESENCE_METRES, visit.region_code, visit.visit_on), mode=mode,
        open_items=sum(1 for r in results if r["result"] is None),
        missing_values=sum(1 for r in results if r["missing_value"]), fault_text=problem,
        sent_later=sent_later, persons_needed=needed,
        persons=companions.persons_at(session, visit, at) if needed > 1 else 1,
        label_photos=None if asked is None else len(done.label_ids),
    )  # fmt: skip
    given = {place: len(done.place_ids.get(place, ())) for place in Place}
    na = [r["code"] for r in results if r["result"] == "na" and r["reason"]]
    photos = photo_findings(wanted(session, visit), given, na)
    told = [*check_out_findings(facts, policy), *photos, *findings, *_texts(done)]
    return Leaving(mode, results, distance, policy, told, repair or done.repair, asked, label)


def wanted(session: AnySession, visit: Visit) -> tuple[Place, ...]:
    """The places of which the region of a visit asks for a photo at its end."""
    asked = places_asked(session, visit.region_code, visit.visit_on)
    return places_wanted((visit.snapshot or {}).get("category"), Level(visit.level), asked)


def places_asked(session: AnySession, region_code: str | None, on: dt.date) -> dict[Place, str]:
    """From which level on a region asks for a photo of each place."""
    plain = policy_book(session, region_code, on).plain
    return {place: str(plain[key]) for place, key in _KEYS.items()}


def end(
    session: AnySession, actor: Actor, visit: Visit, leaving: Leaving, position: Position, done: CheckOut,
    at: dt.datetime, sent_at: dt.datetime,
) -> None:  # fmt: skip
    """Write the end of a stored visit: it happened at `at` and came here at `sent_at`."""
    visit.checked_out_at, visit.sent_at, visit.mode = at, sent_at, leaving.mode.value
    visit.out_latitude, visit.out_longitude = position.latitude, position.longitude
    visit.out_distance = None if leaving.distance is None else round(leaving.distance)
    if leaving.mode is VisitMode.ITEMS:
        visit.results = [{k: v for k, v in r.items() if k != "missing_value"} for r in leaving.results]
    else:
        visit.sheet_due_at = sheet_deadline(at, leaving.policy)
    problem = (done.problem or "").strip() or None
    visit.faults = [kind for kind in VISIT_FAULT if kind in done.faults] or None
    visit.problem, visit.advice, visit.note = problem, done.advice.strip() or None, done.note.strip() or None
    if done.signature_id is not None:
        adopt(session, actor, visit, [done.signature_id], "signature")
        visit.signer, visit.signed_at = done.signer.strip()[:40] or None, at
        visit.confirmed_by, visit.rating = "spot", done.rating or None
    adopt(session, actor, visit, done.photo_ids, "photo")
    for place in Place:
        adopt(session, actor, visit, done.place_ids.get(place, ()), place.value)
    adopt(session, actor, visit, done.label_ids, LABEL_OUT)
    if leaving.label_by is not None and visit.label_state is None:
        # Begun by a scan: from now on its label waits to be looked at, as one that was typed at check-in does.
        visit.label_by = leaving.label_by
        moves.move(
            session, actor, visit, "label_state", LabelState.WAITING.value, verb=LabelVerb.BRING.value, at=sent_at
        )  # fmt: skip
    reviewed = leaving.policy.review_required and visit.signed_at is None
    visit.review_due_at = review_deadline(at, leaving.policy) if reviewed else None


def _results(session: AnySession, visit: Visit, done: CheckOut) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Each item of the visit's list with what was answered; unknown items and answers are findings."""
    items = item_lists.of_visit(session, visit)
    known = {i.code for i in items}
    findings = [
        Finding("维保项目", False, say("没有项目 %(code)s", code=code[:20]), "请刷新页面后重填", field="items",
            value=code[:20])
        for code in done.results
        if code not in known
    ]
    if not items:
        remedy = "请按上传维保单签退；本单位可在“维保项目”里建立清单"
        findings.append(Finding("维保项目", False, "这类电梯没有项目清单", remedy, field="mode"))
    rows = []
    for item in items:
        answer = done.results.get(item.code) or {}
        result = answer.get("result") or None
        value, reason = str(answer.get("value") or "").strip()[:60], str(answer.get("reason") or "").strip()[:200]
        if result is not None and result not in RESULTS:
            found = say("%(item)s：没有“%(result)s”这个结果", item=item.item, result=str(result)[:20])
            findings.append(Finding("维保项目", False, found, "请选正常、修理或不适用", field="items"))
            result = None
        if result == "na" and not reason:
            found = say("%(item)s：没有写理由", item=item.item)
            findings.append(Finding("不适用的理由", False, found, "请写明为什么不适用", field="items"))
        rows.append({
            "code": item.code, "result": result, "value": value or None, "reason": reason or None,
            "missing_value": item.needs_test and result == "ok" and not value,
        })  # fmt: skip
    return rows, findings


def _texts(done: CheckOut) -> Iterable[Finding]:
    yield from faults_findings(done.faults, (done.problem or "").strip(), VISIT_FAULT)
    for label, name in (("故障反馈", "problem"), ("建议事项", "advice"), ("备注", "note")):
        text = getattr(done, name) or ""
        if len(text) > LONGEST:
            yield Finding(
                label,
                False,
                say("有 %(count)s 个字", count=len(text)),
                say("最多 %(longest)s 个字", longest=LONGEST),
                field=name,
            )
    yield rating_finding(done.rating, VISIT_RATING)
    if done.repair and len(done.repair_note) > LONGEST_REPAIR_NOTE:
        found = say("有 %(count)s 个字", count=len(done.repair_note))
        remedy = say("最多 %(longest)s 个字", longest=LONGEST_REPAIR_NOTE)
        yield Finding("报修备注", False, found, remedy, field="repair_note")


def adopt(session: AnySession, actor: Actor, visit: Visit, ids: Sequence[int], kind: str) -> None:
    """Files uploaded before the visit was sent become the visit's; only one's own, only of this kind."""
    for number in ids:
        row = session.get(Attachment, number, execution_options={"skip_scope": True})
        if row is None or row.uploaded_by_id != actor.user_id or row.entity != "visit" or row.kind != kind:
            raise refuse("附件", say("没有找到您上传的文件 %(number)s", number=number), "请重新上传", field=kind)
        if row.entity_id not in (None, visit.id):
            raise refuse("附件", say("%(name)s 已用于另一条记录", name=row.name), "请重新上传", field=kind)
        row.entity_id = visit.id
