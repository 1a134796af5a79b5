"""`/api/v1/elevators/{key}/labels`: an elevator's labels, replacing one, temporary ones (ELV-07)."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api.base import Resource, actor, answers, body, iso
from app.api.reading import day, words
from app.extensions import db
from app.models import Elevator, ElevatorLabel
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.on_site import labels
from app.workflows.on_site.labels import Wanted


class LabelApi(Resource):
    """Labels of an elevator, by whoever answers for it."""

    resource_name = "elevators"
    openapi_spec_tag = "Elevators"

    @answers("/<int:key>/labels", "GET")
    def labels(self, key: int) -> Any:
        """Give the labels that an elevator has, waits for and had, the newest first.
        ---
        get:
          summary: 标牌，新的在前；还没有打印、更换过的第一张没有编号
          gives: {200: LabelList}
        """
        row = scope.visible(db.session, actor(), Elevator, key, "这台电梯")
        return jsonify(rows=[shown(one) for one in labels.history(db.session, row)])

    @answers("/<int:key>/labels", "POST", once=True)
    def replace_label(self, key: int) -> Any:
        """Replace the label: the old one dies at once, or when the new one is first scanned on site.
        ---
        post:
          summary: 更换标牌
          takes: NewLabel
          gives: {201: Label}
        """
        sent = body()
        wanted = Wanted(
            words(sent, "reason", 20), words(sent, "note", 1000), words(sent, "switch", 10), day(sent, "starts_on")
        )
        with transaction(db.session) as session:
            made = shown(labels.replace(session, actor(), key, wanted, clock.now()))
        return jsonify(made), 201

    @answers("/<int:key>/labels/temporary", "POST", once=True)
    def temporary_label(self, key: int) -> Any:
        """Make a label that holds until the end of a day, beside the one in use.
        ---
        post:
          summary: 制作临时标牌
          takes: NewTemporaryLabel
          gives: {201: Label}
        """
        sent = body()
        with transaction(db.session) as session:
            made = shown(
                labels.temporary(session, actor(), key, day(sent, "until_on"), words(sent, "note", 1000), clock.now())
            )
        return jsonify(made), 201

    @answers("/<int:key>/labels/<int:label>/put-up", "POST")
    def put_up_label(self, key: int, label: int) -> Any:
        """Say that the new label hangs: it is in use, the old one is dead.
        ---
        post:
          summary: 新标牌已换贴，启用
          gives: {200: Label}
        """
        with transaction(db.session) as session:
            made = shown(labels.put_up(session, actor(), key, label, clock.now()))
        return jsonify(made)

    @answers("/<int:key>/labels/<int:label>/cancel", "POST")
    def cancel_label(self, key: int, label: int) -> Any:
        """Call off a new label that does not hang yet, or a temporary one.
        ---
        post:
          summary: 作废等待启用的或临时的标牌
          gives: {200: Label}
        """
        with transaction(db.session) as session:
            made = shown(labels.call_off(session, actor(), key, label, clock.now()))
        return jsonify(made)


def shown(row: ElevatorLabel) -> dict[str, Any]:
    """A label without its token: that stands on the label itself."""
    return {
        "id": row.id, "elevator_id": row.elevator_id, "kind": row.kind, "reason": row.reason, "note": row.note,
        "made_at": iso(row.made_at), "made_by": row.made_by,
        "starts_on": None if row.starts_on is None else row.starts_on.isoformat(), "begins_at": iso(row.begins_at),
        "ends_at": iso(row.ends_at), "printed_at": iso(row.printed_at), "prints": row.prints,
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the doors and say which verb each needs."""
    screens.declare("LabelApi", "can_labels", Verb.ELEVATOR_READ)
    for permission in ("can_replace_label", "can_temporary_label", "can_put_up_label", "can_cancel_label"):
        screens.declare("LabelApi", permission, Verb.LABEL_EDIT)
    appbuilder.add_api(LabelApi)
