"""`/api/v1/visits`, `/gate`: for phones of other makers; the same workflow as the phone pages."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app import clock, scope
from app.api.base import Resource, actor, answers, body, chosen, finding_list, page, whole
from app.api.reading import flag, words
from app.errors import refuse
from app.extensions import db
from app.listings.visits import way_of
from app.models import Attachment, Visit
from app.models.choices import LABEL_STATE, VISIT_FAULT, VISIT_REASON, VISIT_STATE
from app.permissions import Verb
from app.rules.face_checks import WITHOUT
from app.rules.item_lists import Item
from app.rules.visit_photos import SELFIE, Place
from app.telling import told
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.files import attachments, sent_ahead
from app.workflows.maintenance import item_lists
from app.workflows.on_site import check_outs, presence
from app.workflows.on_site.presence import Position
from app.workflows.visits import face_checks, label_photos, visits
from app.workflows.visits.visits import RESULTS, CheckOut

MOST_RESULTS = 200
MOST_PHOTOS = 9
PLACE_FIELDS = {
    Place.PIT: "pit_photo_ids", Place.CAR_TOP: "top_photo_ids", Place.MACHINE_ROOM: "room_photo_ids",
}  # fmt: skip


class VisitApi(Resource):
    """Visits within the account's scope; one's own to begin and to end."""

    resource_name = "visits"
    openapi_spec_tag = "Visits"

    @answers("", "GET")
    def list(self) -> Any:
        """Give visits, newest first.
        ---
        get:
          summary: 维保记录列表，新的在前
          paged: true
          parameters:
            - {in: query, name: state, schema: {type: string, enum: [
                open, awaiting, valid, nonconforming, void, abnormal, pending, rejected]}}
            - {in: query, name: awaiting, schema: {type: string, enum: [sheet, review]}}
            - {in: query, name: reason, schema: {type: string},
               description: 状态原因，如 late_upload、over_daily、not_on_site、undecided}
            - {in: query, name: label, schema: {type: string, enum: [waiting, more, approved, rejected]},
               description: 标签照片：审核中、补数据、通过、不通过}
            - {in: query, name: own, schema: {type: integer, enum: [0, 1]}, description: 1 只看自己的}
            - {in: query, name: elevator_id, schema: {type: integer}}
          gives: {200: VisitPage}
        """
        statement = scope.apply(select(Visit), actor())
        state = chosen("state", VISIT_STATE)
        if state:
            statement = statement.where(Visit.state == state)
        flags = {"sheet": Visit.awaiting_sheet, "review": Visit.awaiting_review}
        awaiting = chosen("awaiting", flags)
        if awaiting:
            statement = statement.where(flags[awaiting])
        reason = chosen("reason", VISIT_REASON)
        if reason:
            statement = statement.where(Visit.reason == reason)
        label = chosen("label", LABEL_STATE)
        if label:
            statement = statement.where(Visit.label_state == label)
        if chosen("own", {"0": 0, "1": 1}) == "1":
            statement = statement.where(Visit.worker_id == (actor().person_id or 0))
        if request.args.get("elevator_id"):
            statement = statement.where(Visit.elevator_id == whole(request.args, "elevator_id"))
        statement = statement.options(selectinload(Visit.elevator), selectinload(Visit.worker))
        # Narrowed above; the worker and the elevator of a row come along though they may be another unit's.
        statement = statement.execution_options(skip_scope=True)
        return page(statement, [Visit.checked_in_at.desc(), Visit.id.desc()], brief)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one visit: items to do or as done, distances, files, the file of that day.
        ---
        get:
          summary: 一条维保记录：项目、距离、文件、当日登记
          gives: {200: VisitWhole}
        """
        return jsonify(full(scope.visible(db.session, actor(), Visit, key, "维保记录")))

    @answers("", "POST")
    def check_in(self) -> Any:
        """Check in. The same `client_key` again gives the same visit; every failing condition is told at once.
        ---
        post:
          summary: 签到；同一 client_key 再发得到同一条记录
          takes: CheckIn
          gives: {201: VisitWhole}
        """
        sent = body()
        code, key = words(sent, "code", presence.LONGEST_TEXT), words(sent, "client_key", 40)
        place, label, selfies = position(sent), photos_of(sent, "label_photo_ids"), photos_of(sent, "selfie_ids")
        without = flag(sent, WITHOUT)
        face_checks.ahead(
            db.session, actor(), code, place, selfies, len(label), clock.now(), without=without, client_key=key or None
        )
        with transaction(db.session) as session:
            at = clock.now()
            row = visits.check_in(
                session, actor(), code, place, at, client_key=key or None, label_ids=_ahead(session, label),
                selfie_ids=_ahead(session, selfies, SELFIE), level=words(sent, "level", 20),
                without_face=without,
            )  # fmt: skip
            # One that began this moment has no files yet.
            told = full(row, [] if row.settled_at == at and not label and not selfies else None)
        return jsonify(told), 201

    @answers("/<int:key>/check-out", "POST")
    def check_out(self, key: int) -> Any:
        """Check out of one's own visit. Refused, the visit runs on and nothing is lost.
        ---
        post:
          summary: 签退
          takes: CheckOut
          gives: {200: VisitWhole}
        """
        sent = body()
        done = CheckOut(
            mode=words(sent, "mode", 20) or "items", results=results_of(sent), problem=problem_of(sent),
            faults=faults_of(sent), advice=words(sent, "advice"), note=words(sent, "note"),
            signer=words(sent, "signer", 40), repair=flag(sent, "repair"), repair_note=words(sent, "repair_note"),
            rating=words(sent, "rating", 20),
        )  # fmt: skip
        code, place = words(sent, "code", presence.LONGEST_TEXT), position(sent)
        label, photos = photos_of(sent, "label_photo_ids"), photos_of(sent, "photo_ids")
        places = {kind: given for kind, given in places_of(sent).items() if given}
        with transaction(db.session) as session:
            if label:
                done = replace(done, label_ids=_ahead(session, label, check_outs.LABEL_OUT))
            if photos or places:
                by_place = {kind: _ahead(session, given, kind) for kind, given in places.items()}
                done = replace(done, photo_ids=_ahead(session, photos, "photo"), place_ids=by_place)
            work = visits.leave(session, actor(), key, code, place, done, clock.now())
            told = full(work.visit, None if work.has_files or label or photos or places else [])
        return jsonify(told)

    @answers("/<int:key>/sheet", "POST", once=True)
    def hand_in_sheet(self, key: int) -> Any:
        """Hand in the scanned sheet, by whoever made the visit or by his unit's office. A late one heals nothing.
        ---
        post:
          summary: 上传维保单；文件先以 kind=sheet 上传
          takes: VisitSheet
          gives: {200: VisitWhole}
        """
        files = photos_of(body(), "sheet_ids")
        with transaction(db.session) as session:
            row = visits.upload_sheet(session, actor(), key, _ahead(session, files, "sheet"), clock.now())
            told = full(row)
        return jsonify(told)

    @answers("/<int:key>/label-photos", "POST", once=True)
    def supply_label(self, key: int) -> Any:
        """Send another photo of the label where one was asked for.
        ---
        post:
          summary: 补拍标签照片（补数据）
          takes: LabelPhotos
          gives: {200: VisitWhole}
        """
        photos = photos_of(body(), "label_photo_ids")
        with transaction(db.session) as session:
            row = label_photos.supply(session, actor(), key, _ahead(session, photos), clock.now())
            told = full(row)
        return jsonify(told)

    @answers("/<int:key>/label", "POST", once=True)
    def decide_label(self, key: int) -> Any:
        """Say whether the photo shows the label of this elevator; `photo_id` is the newest one that was looked at.
        ---
        post:
          summary: 核对标签照片：通过、要求补拍或不通过
          takes: LabelDecision
          gives: {200: VisitWhole}
        """
        sent = body()
        seen = whole(sent, "photo_id") if sent.get("photo_id") is not None else None
        decision, reason = words(sent, "decision", 20), words(sent, "reason")
        with transaction(db.session) as session:
            told = full(label_photos.decide(session, actor(), key, decision, reason, seen, clock.now()))
        return jsonify(told)

    @answers("/<int:key>/decision", "POST", once=True)
    def decide(self, key: int) -> Any:
        """Give the manager's word on a record that waits for it, where the region's policy asks for it.
        ---
        post:
          summary: 维保经理审批一条待审批的维保记录：同意或驳回
          takes: VisitDecision
          gives: {200: VisitWhole}
        """
        sent = body()
        decision, reason = words(sent, "decision", 20), words(sent, "reason")
        with transaction(db.session) as session:
            told = full(visits.approve(session, actor(), key, decision, reason, clock.now()))
        return jsonify(told)

    @answers("/<int:key>/notes", "POST", once=True)
    def note(self, key: int) -> Any:
        """Add a note to a record; the record itself stays.
        ---
        post:
          summary: 给维保记录添加说明
          takes: VisitNote
          gives: {200: Done}
        """
        said = words(body(), "body")
        with transaction(db.session) as session:
            visits.add_note(session, actor(), key, said, clock.now())
        return jsonify(done=True)


class GateApi(Resource):
    """Whether a check-in would pass, before it is tried."""

    resource_name = "gate"
    openapi_spec_tag = "Visits"

    @answers("", "GET")
    def get(self) -> Any:
        """Judge a check-in at an elevator: every condition, failing and passing. Changes nothing.
        ---
        get:
          summary: 能不能签到：每一个条件
          parameters:
            - {in: query, name: code, required: true, schema: {type: string, maxLength: 200}}
            - {in: query, name: latitude, schema: {type: number}}
            - {in: query, name: longitude, schema: {type: number}}
          gives: {200: CheckInGate}
        """
        place = position(request.args, required=False)
        found, findings = presence.gate(
            db.session, actor(), words(request.args, "code", presence.LONGEST_TEXT), place, clock.now()
        )
        shown = None
        # Codes can be tried out: more than that an elevator exists is for those who serve it.
        if found is not None and presence.may_serve(db.session, actor(), found):
            shown = {"id": found.id, "code": found.code, "address": found.address, "status": found.status}
        passes = not any(f.stops for f in findings)
        return jsonify(passes=passes, findings=finding_list(findings), elevator=shown)


# --- what is sent


def position(source: Mapping[str, Any], required: bool = True) -> Position:
    """Degrees as numbers; half a place, text or something off the globe is refused by name."""
    found: dict[str, float] = {}
    for name, limit in (("latitude", 90), ("longitude", 180)):
        given = source.get(name)
        if given in (None, ""):
            continue
        try:
            number = math.nan if isinstance(given, bool) else float(given)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not -limit <= number <= limit:
            raise refuse(
                "参数",
                say("%(name)s 应为 -%(limit)s 至 %(limit)s 的数", name=name, limit=limit),
                "请给出手机的定位",
                field=name,
                value=str(given)[:60],
            )
        found[name] = number
    missing = [name for name in ("latitude", "longitude") if name not in found]
    if missing and (required or found):
        raise refuse("参数", say("缺少 %(missing)s", missing=missing[0]), "请打开定位后重试", field=missing[0])
    return Position(**found)


def results_of(sent: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers by item; an item named twice is refused, since one of the two would be lost."""
    given = sent.get("results")
    if given is None:
        return {}
    if not isinstance(given, list) or len(given) > MOST_RESULTS or not all(isinstance(one, dict) for one in given):
        found = say("results 应为不超过 %(most_results)s 个对象的数组", most_results=MOST_RESULTS)
        raise refuse("参数", found, "请按接口文档填写", field="results")
    answered: dict[str, dict[str, Any]] = {}
    for one in given:
        code = words(one, "code", 20)
        if not code or code in answered:
            found = say("项目 %(code)s 出现了两次", code=code) if code else "有一项没有 code"
            raise refuse("参数", found, "每个项目请只给一次", field="results", value=code)
        value, reason = words(one, "value", 60), words(one, "reason", 200)
        answered[code] = {"result": words(one, "result", 20), "value": value, "reason": reason}
    return answered


def photos_of(given: Mapping[str, Any], name: str) -> list[int]:
    """Photos that were sent before, by their numbers."""
    ids = given.get(name)
    if ids is None:
        return []
    whole = isinstance(ids, list) and all(isinstance(i, int) and not isinstance(i, bool) and 0 < i < 2**53 for i in ids)
    if not whole or len(ids) > MOST_PHOTOS:
        found = say("%(name)s 应为不超过 %(most)s 个整数的数组", name=name, most=MOST_PHOTOS)
        raise refuse("照片", found, "请先上传照片，再给出它们的编号", field=name)
    return list(dict.fromkeys(ids))


def places_of(given: Mapping[str, Any]) -> dict[str, list[int]]:
    """Photos of the places, by kind (MNT-04)."""
    return {kind: photos_of(given, name) for kind, name in PLACE_FIELDS.items()}


def _ahead(session: Any, ids: Sequence[int], kind: str = label_photos.KIND) -> list[int]:
    """Photos that were sent ahead, for the visit that takes them now."""
    place = (kind, "visit", None, actor().unit_id, actor().region_code)
    return [row.id for row in sent_ahead.settle(session, actor(), ids, *place)] if ids else []


def problem_of(sent: Mapping[str, Any]) -> str | None:
    """None when the question of faults was not answered; "" for none."""
    return None if sent.get("problem") is None else words(sent, "problem")


def faults_of(sent: Mapping[str, Any]) -> list[str]:
    """Of what kinds the faults are, each once."""
    given = sent.get("faults")
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > len(VISIT_FAULT) or not all(isinstance(one, str) for one in given):
        found = say("faults 应为不超过 %(most)s 个文字的数组", most=len(VISIT_FAULT))
        raise refuse("参数", found, "请按接口文档填写", field="faults")
    return list(dict.fromkeys(given))


# --- what is given


def brief(row: Visit) -> dict[str, Any]:
    """The columns of a list."""
    kept = row.snapshot or {}
    return {
        "id": row.id, "elevator_id": row.elevator_id, "code": kept.get("code") or row.elevator.code,
        "worker": kept.get("worker") or row.worker.name, "level": row.level, "visit_on": row.visit_on.isoformat(),
        "checked_in_at": _time(row.checked_in_at), "checked_out_at": _time(row.checked_out_at), "mode": row.mode,
        "state": row.state, "reason": row.reason, "state_reason": told(row.state_reason),
        "awaiting_sheet": row.awaiting_sheet, "awaiting_review": row.awaiting_review,
        "sheet_due_at": _time(row.sheet_due_at), "sent_at": _time(row.sent_at),
        "offline": row.offline,
        "review_due_at": _time(row.review_due_at), "confirmed_by": way_of(row), "rating": row.rating,
        "label_state": row.label_state, "label_reason": row.label_reason,
    }  # fmt: skip


def full(row: Visit, held: Sequence[Attachment] | None = None) -> dict[str, Any]:
    """One visit with all that its page shows; `held`: its files, where they are known."""
    files = attachments.of(db.session, "visit", row.id) if held is None else held
    return brief(row) | {
        "item_version": row.item_version, "client_key": row.client_key, "order_id": row.order_id,
        "items": items_shown(item_lists.of_visit(db.session, row)),
        "choices": list(RESULTS), "results": row.results, "in_distance": row.in_distance,
        "out_distance": row.out_distance, "faults": row.faults or [], "problem": row.problem, "advice": row.advice,
        "note": row.note, "signer": row.signer, "signed_at": _time(row.signed_at), "sheet_at": _time(row.sheet_at),
        "reviewed_at": _time(row.reviewed_at), "review_opinion": row.review_opinion, "decision": row.decision,
        "paper_at": _time(row.paper_at), "decision_reason": row.decision_reason,
        "by_code": row.by_code, "label_by": row.label_by,
        "label_at": _time(row.label_at), "counted": row.counted, "snapshot": row.snapshot,
        "face": _face(row),
        "files": [{"id": f.id, "kind": f.kind, "name": f.name, "url": f"/files/{f.id}"} for f in files],
    }  # fmt: skip


def _face(row: Visit) -> dict[str, Any] | None:
    """What came of comparing, for whoever may see the photo; None where nothing was to be compared."""
    found = face_checks.of_visit(db.session, row.id) if _compared(row) else None
    return None if found is None else {
        "state": found.state, "failures": found.failures, "answered_at": _time(found.answered_at),
        "verdict": found.verdict, "verdict_note": found.verdict_note, "looked_at": _time(found.looked_at),
    }  # fmt: skip


def _compared(row: Visit) -> bool:
    asked = presence.compares(db.session, row.region_code, row.visit_on)
    return asked and face_checks.shown_to(actor(), row)


@lru_cache(maxsize=256)
def items_shown(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """The same few lists in every answer; nobody changes them."""
    return [
        {"code": i.code, "level": i.level.value, "item": i.item, "requirement": i.requirement,
         "needs_test": i.needs_test, "measure": i.measure}
        for i in items
    ]


def _time(value: dt.datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def register(appbuilder: Any) -> None:
    """Add these resources."""
    for permission in ("can_list", "can_get"):
        screens.declare("VisitApi", permission, Verb.VISIT_READ)
    for permission in ("can_check_in", "can_check_out", "can_supply_label"):
        screens.declare("VisitApi", permission, Verb.VISIT_MAKE)
    screens.declare("VisitApi", "can_decide_label", Verb.VISIT_LABEL)
    screens.declare("VisitApi", "can_decide", Verb.VISIT_APPROVE)
    # Whose visit it is decides which right it needs: the workflow asks for it.
    for permission in ("can_hand_in_sheet", "can_note"):
        screens.declare("VisitApi", permission, Verb.VISIT_READ)
    screens.declare("GateApi", "can_get", Verb.VISIT_MAKE)
    for resource in (VisitApi, GateApi):
        appbuilder.add_api(resource)
