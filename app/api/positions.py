"""`/api/v1/elevators/{key}/captures` and `/corrections`: what was taken on site, what the record has wrong (ELV-08)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.applications import full as application_full
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import keys, words
from app.errors import refuse
from app.extensions import db
from app.models import Elevator, PositionCapture
from app.permissions import Verb
from app.rules.positions import MOST_SAMPLES, Sample
from app.transaction import transaction
from app.views.frame import screens
from app.wording import say
from app.workflows.filing import captures, corrections
from app.workflows.filing.captures import Survey

MOST_PHOTOS = 9


class PositionApi(Resource):
    """Captures of an elevator, and corrections of its record; both by its own units."""

    resource_name = "elevators"
    openapi_spec_tag = "Elevators"

    @answers("/<int:key>/captures", "GET")
    def captures(self, key: int) -> Any:
        """Give what was taken beside the elevator, the newest first.
        ---
        get:
          summary: 现场采集记录，新的在前
          gives: {200: CaptureList}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        return jsonify(rows=[shown(one) for one in captures.of_elevator(db.session, actor(), row.id)])

    @answers("/<int:key>/captures", "POST", once=True)
    def capture(self, key: int) -> Any:
        """Keep readings taken beside the elevator, its label and networks.
        ---
        post:
          summary: 现场标注位置、标牌和网络；已有位置的变动送审
          takes: NewCapture
          gives: {201: Captured}
        """
        sent = body()
        survey = Survey(
            _samples(sent), words(sent, "plate_state", 20) or None, words(sent, "network", 20) or None,
            words(sent, "note", 400),
        )  # fmt: skip
        with transaction(db.session) as session:
            photos = keys(sent, "photos", MOST_PHOTOS)
            done = captures.capture(session, actor(), key, survey, clock.now(), photos)
            application = None if done.application is None else application_full(done.application)
            made = shown(done.row)
        return jsonify(made | {"application": application}), 201

    @answers("/<int:key>/corrections", "POST", once=True)
    def correct(self, key: int) -> Any:
        """Say what the record has wrong; an officer decides, nothing changes before.
        ---
        post:
          summary: 信息纠错；审核通过后更正
          takes: NewCorrection
          gives: {201: ApplicationWhole}
        """
        sent = body()
        changes = sent.get("changes")
        if not isinstance(changes, dict):
            raise refuse("参数", "changes 应为对象", "请给出要更正的各项", field="changes")
        with transaction(db.session) as session:
            made = corrections.correct(
                session, actor(), key, {name: _plain(name, value) for name, value in changes.items()},
                words(sent, "reason", 1000), keys(sent, "photos", MOST_PHOTOS), clock.now(),
            )  # fmt: skip
        return jsonify(application_full(made)), 201


def shown(row: PositionCapture) -> dict[str, Any]:
    """A capture as it was made."""
    return {
        "id": row.id, "elevator_id": row.elevator_id, "taken_at": iso(row.taken_at), "taken_by": row.taken_by,
        "latitude": row.latitude, "longitude": row.longitude, "accuracy": row.accuracy, "samples": row.samples,
        "moved": row.moved, "plate_state": row.plate_state, "network": row.network, "note": row.note,
        "outcome": row.outcome, "application_id": row.application_id,
    }  # fmt: skip


def _plain(name: str, value: Any) -> Any:
    if name not in corrections.FIELDS:
        raise refuse("参数", say("%(name)s 不能在这里更正", name=str(name)[:40]), "请办理变更申请", field="changes")
    if value is not None and not isinstance(value, str | int | float):
        raise refuse("参数", say("%(name)s 应为文字或数字", name=name), "请按接口文档填写", field=name)
    return value if value is None else str(value)[:300].replace("\0", "")


def _samples(sent: Mapping[str, Any]) -> list[Sample]:
    given = sent.get("samples") or []
    if not isinstance(given, list) or len(given) > MOST_SAMPLES:
        raise refuse("参数", "samples 应为定位的列表", say("最多 %(n)s 次", n=MOST_SAMPLES), field="samples")
    return [Sample(*(_number(one, name) for name in ("latitude", "longitude", "accuracy"))) for one in given]


def _number(one: Any, name: str) -> float:
    found = one.get(name) if isinstance(one, dict) else None
    try:
        return math.nan if found is None or isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def register(appbuilder: Any) -> None:
    """Add the doors and say which verb each needs."""
    screens.declare("PositionApi", "can_captures", Verb.ELEVATOR_READ)
    for permission in ("can_capture", "can_correct"):
        screens.declare("PositionApi", permission, Verb.ELEVATOR_SURVEY)
    appbuilder.add_api(PositionApi)
