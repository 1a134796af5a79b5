"""`/api/v1/visits/offline`: what a phone takes along, and what it kept without network (MNT-05).

The phone pages and phones of other makers send by the same door. It needs no Idempotency-Key: each entry has its own.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

from flask import jsonify, request

from app import clock
from app.api.base import Resource, actor, answers, body, finding_list
from app.api.reading import flag, words
from app.api.visits import faults_of, photos_of, places_of, position, problem_of, results_of
from app.errors import Refusal, refuse
from app.extensions import db
from app.models import Visit
from app.permissions import Verb, require
from app.rules.offline import Contact, PhoneClock
from app.telling import told
from app.transaction import in_one
from app.views.access import contacts
from app.views.frame import screens
from app.views.maintenance.visits import state_word
from app.wording import say
from app.workflows.core.one_of_many import its_own
from app.workflows.files import attachments
from app.workflows.on_site import phone_copy, presence
from app.workflows.visits import offline
from app.workflows.visits.offline import Kept, Moment
from app.workflows.visits.visits import CheckOut

MOST = 20
LONGEST_SIGNATURE = 400_000
_LATER = "内容仍在手机上，稍后再发一次；若仍失败，请把编号告诉管理员"
# Any clock that a phone can show; what lies beyond is no date.
_EARLIEST, _LATEST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class OfflineApi(Resource):
    """Visits without network."""

    resource_name = "visits"
    openapi_spec_tag = "Visits"

    @answers("/offline", "GET")
    def take_along(self) -> Any:
        """Give what a phone needs without network, and the contact that its visits are held against.
        ---
        get:
          summary: 离线用的任务、项目和联网凭据
          parameters:
            - {in: query, name: phone_at, required: true, schema: {type: string, format: date-time},
               description: 手机当前显示的时间，带时区}
          gives: {200: OfflineCopy}
        """
        now = clock.now()
        shown = instant(request.args, "phone_at")
        copy = phone_copy.copy(db.session, actor(), now)
        held = contacts.give(actor().user_id or 0, shown, now)
        return jsonify(copy | {"account_id": actor().user_id, "at": now.isoformat(), "contact": held})

    @answers("/offline", "POST")
    def send(self) -> Any:
        """Take what a phone kept, in its order: each entry by itself, each once, refused ones with every reason.
        ---
        post:
          summary: 补传离线维保；每条各自成败，重发不重复
          takes: OfflineSent
          gives: {200: OfflineTaken}
        """
        sent = body()
        require(actor(), Verb.VISIT_MAKE)
        given, shown = entries_of(sent), instant(sent, "phone_at")
        return jsonify(received_at=clock.now().isoformat(), entries=[_take(entry, shown) for entry in given])


def entries_of(sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a phone sends at once, each an object."""
    given = sent.get("entries")
    if not isinstance(given, list) or not 0 < len(given) <= MOST or not all(isinstance(e, dict) for e in given):
        found = say("entries 应为 1 至 %(most)s 个对象的数组", most=MOST)
        raise refuse("参数", found, "请按接口文档填写，多的分几次发送", field="entries")
    return given


def _take(entry: Mapping[str, Any], shown: dt.datetime) -> dict[str, Any]:
    def receive(session: Any, kept: Kept) -> dict[str, Any]:
        return {"visit": _brief(offline.receive(session, actor(), kept, clock.now()))}

    return taken(entry, lambda: _kept(entry, shown), receive)


def taken(entry: Mapping[str, Any], read: Callable[[], Any], receive: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """One entry, read before and received in a transaction of its own: what became of it.

    An unexpected error is this one's answer too (500, with its incident): the phone keeps it, and the next ones go on.
    """
    key = entry.get("key")
    named = {"key": key[:40] if isinstance(key, str) else ""}
    try:
        with its_own(db.session, f"kept entry {named['key']!r}", _LATER):
            kept = read()
            return named | {"ok": True} | in_one(db.session, lambda own: receive(own, kept))
    except Refusal as refusal:
        db.session.rollback()
        errors = finding_list([f for f in refusal.findings if f.stops])
        return named | {"ok": False, "status": refusal.status_code, "errors": errors}


def _kept(entry: Mapping[str, Any], shown: dt.datetime) -> Kept:
    key, contact = key_text(entry), contact_of(entry)
    began, ended = _moment(entry, "check_in"), _moment(entry, "check_out")
    out: Mapping[str, Any] = entry["check_out"] if ended is not None else {}
    number = entry.get("visit_id")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**53):
        raise refuse("参数", "visit_id 不是整数", "请给出维保记录的编号", field="visit_id", value=str(number)[:60])
    done = CheckOut(
        mode=words(out, "mode", 20) or "items", results=results_of(out), problem=problem_of(out),
        faults=faults_of(out),
        advice=words(out, "advice"), note=words(out, "note"), signer=words(out, "signer", 40),
        repair=flag(out, "repair"), repair_note=words(out, "repair_note"), rating=words(out, "rating", 20),
    )  # fmt: skip
    return Kept(
        key, PhoneClock(shown, clock.now(), contact[1]), contact[0], began, number, ended, done,
        _signature(words(out, "signature", LONGEST_SIGNATURE)), words(entry, "item_version", 80),
    )  # fmt: skip


def key_text(entry: Mapping[str, Any]) -> str:
    key = words(entry, "key", 40)
    if len(key) < 8:
        raise refuse("参数", "key 少于 8 个字符", "每条记录请用自己的随机编号", field="key")
    return key


def contact_of(entry: Mapping[str, Any]) -> tuple[int, Contact]:
    """Whose phone it is, and when it was last on line, as we signed it."""
    contact = contacts.read(words(entry, "contact", 400))
    if contact is None:
        remedy = "请用这个账号联网打开一次手机页面后再离线维保"
        raise refuse("联网凭据", "没有，或不是本系统给出的", remedy, field="contact")
    return contact


def _moment(entry: Mapping[str, Any], name: str) -> Moment | None:
    given = entry.get(name)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise refuse("参数", say("%(name)s 应为对象", name=name), "请按接口文档填写", field=name)
    return Moment(
        words(given, "code", presence.LONGEST_TEXT), instant(given, "at"), position(given, required=False),
        accuracy_of(given), photos_of(given, "photo_ids"), photos_of(given, "label_photo_ids"), places_of(given),
        photos_of(given, "selfie_ids"), words(given, "level", 20),
        flag(given, "without_face"),
    )  # fmt: skip


def accuracy_of(given: Mapping[str, Any]) -> float | None:
    value = given.get("accuracy")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**7:
        raise refuse("参数", "accuracy 应为 0 以上的米数", "请给出定位的精度", field="accuracy", value=str(value)[:60])
    return float(value) if math.isfinite(value) else None


def _signature(given: str) -> attachments.Received | None:
    """The drawn signature as a PNG in text; checked before any transaction."""
    if not given:
        return None
    head, _sep, content = given.partition(",")
    try:
        picture = base64.b64decode(content, validate=True)
    except binascii.Error:
        picture = b""
    if head != "data:image/png;base64" or not picture:
        raise refuse("签名", "签名图片不完整", "请清除后重新签名", field="signature")
    return attachments.receive(io.BytesIO(picture), told("签名.png"), "signature")


def instant(given: Mapping[str, Any], name: str) -> dt.datetime:
    """An instant with its zone, or a refusal naming it."""
    value = given.get(name)
    try:
        # A plus sign of a query that nobody escaped has become a blank.
        found = dt.datetime.fromisoformat(value.replace(" ", "+")) if isinstance(value, str) else None
        good = found is not None and found.tzinfo is not None and _EARLIEST <= found <= _LATEST
    except (ValueError, OverflowError):
        good = False
    if not good or found is None:
        remedy = "请按 2026-11-20T09:00:00+08:00 填写；手机的日期和时间请改为自动设置"
        raise refuse("参数", say("%(name)s 不是带时区的时间", name=name), remedy, field=name, value=str(value)[:60])
    return found.astimezone(dt.UTC)


def _brief(row: Visit) -> dict[str, Any]:
    """What the phone shows of a visit that arrived."""
    return {
        "id": row.id, "code": (row.snapshot or {}).get("code"), "state": row.state,
        "state_name": state_word(row), "state_reason": told(row.state_reason),
        "awaiting_review": row.awaiting_review, "awaiting_sheet": row.awaiting_sheet,
        "checked_in_at": row.checked_in_at.isoformat(),
        "checked_out_at": None if row.checked_out_at is None else row.checked_out_at.isoformat(),
        "offline": row.offline,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource."""
    for permission in ("can_take_along", "can_send"):
        screens.declare("OfflineApi", permission, Verb.VISIT_MAKE)
    appbuilder.add_api(OfflineApi)

