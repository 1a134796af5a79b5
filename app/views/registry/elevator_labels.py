"""标牌 of one elevator (ELV-07): which it has, had and waits for; replacing it, temporary ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Elevator, ElevatorLabel
from app.models.label import LABEL_KIND, LABEL_REASON
from app.permissions import Actor, Verb
from app.reports import label_sheet
from app.rules import labels as rules
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.days import typed_day
from app.workflows.on_site import labels
from app.workflows.on_site.labels import Wanted


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A label in words: what it is, how it stands, since when and until when."""

    row: ElevatorLabel
    kind: str
    state: str
    tone: str
    reason: str
    until: dt.date | None
    waits: bool
    # A temporary one or one that waits may be called off.
    ends: bool
    print_at: str


def lines_of(row: Elevator) -> list[LabelLine]:
    """For the record's page and for the labels' own."""
    now = clock.now()
    return [_line(row, one, now) for one in labels.history(db.session, row)]


def may_replace(actor: Actor, row: Elevator) -> bool:
    sides = (row.maintenance_unit_id, row.use_unit_id)
    own = actor.unit_id is None or actor.unit_id in sides
    return own and actor.may(Verb.LABEL_EDIT) and row.status != "scrapped"


class ElevatorLabels(BaseView):
    """One page of an elevator's record."""

    route_base = "/elevators"
    default_view = "labels"

    @expose("/<int:key>/labels", methods=["GET"])
    @has_access
    @permission_name("read")
    def labels(self, key: int) -> Any:
        return self._page(key, [], 200)

    @expose("/<int:key>/labels/replace", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def replace(self, key: int) -> Any:
        form = request.form
        on, wrong = typed_day(form.get("starts_on", ""), "starts_on", _("最迟启用日期"))
        switch = form.get("switch", "")
        if wrong is not None and switch == rules.ON_SCAN:
            return self._page(key, [wrong], 422)
        wanted = Wanted(form.get("reason", ""), form.get("note", "")[:1000], switch, on)
        said = _("新标牌已制作，请打印后换贴")
        if switch == rules.NOW:
            said = _("新标牌已启用，旧标牌已失效。请打印新标牌并尽快换贴")
        return self._deed(key, lambda s, at: labels.replace(s, g.actor, key, wanted, at), said)

    @expose("/<int:key>/labels/temporary", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def temporary(self, key: int) -> Any:
        until, wrong = typed_day(request.form.get("until_on", ""), "until_on", _("有效期至"))
        if wrong is not None:
            return self._page(key, [wrong], 422)
        note = request.form.get("temporary_note", "")[:1000]
        return self._deed(
            key, lambda s, at: labels.temporary(s, g.actor, key, until, note, at), _("临时标牌已制作，请打印")
        )

    @expose("/<int:key>/labels/<int:label>/put-up", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def put_up(self, key: int, label: int) -> Any:
        return self._deed(key, lambda s, at: labels.put_up(s, g.actor, key, label, at), _("新标牌已启用，旧标牌已失效"))

    @expose("/<int:key>/labels/<int:label>/cancel", methods=["POST"])
    @has_access
    @permission_name("write")
    @no_cache
    def cancel(self, key: int, label: int) -> Any:
        return self._deed(key, lambda s, at: labels.call_off(s, g.actor, key, label, at), _("已作废"))

    def _deed(self, key: int, do: Callable[[Any, dt.datetime], Any], said: str) -> Any:
        try:
            with transaction(db.session) as session:
                do(session, clock.now())
        except Refusal as refusal:
            if refusal.status_code in (403, 404):
                raise
            return self._page(key, [f for f in refusal.findings if not f.ok], refusal.status_code)
        flash(said, "success")
        return redirect(f"/elevators/{key}/labels")

    def _page(self, key: int, findings: list[Finding], status: int) -> Any:
        row = scope.visible(db.session, g.actor, Elevator, key, "这台电梯")
        today = clock.today()
        page = self.render_template(
            "ta/filing/elevator_labels.html", title=_("%(code)s 的标牌", code=row.code), row=row,
            lines=lines_of(row), may=may_replace(g.actor, row), reasons=LABEL_REASON, findings=findings,
            form=request.form, tomorrow=today + dt.timedelta(days=1), today=today,
            last=today + dt.timedelta(days=rules.MOST_WAITING_DAYS),
            last_temporary=today + dt.timedelta(days=rules.MOST_TEMPORARY_DAYS),
        )  # fmt: skip
        return page, status


def _line(elevator: Elevator, row: ElevatorLabel, now: dt.datetime) -> LabelLine:
    alive = rules.in_force(row.ends_at, now)
    brief = row.kind == rules.TEMPORARY
    state, tone = (_("不再有效"), "gone") if not alive else (_("在用"), "ok")
    if row.waits:
        state, tone = _("等待启用"), "near"
    until = None
    if brief and row.ends_at is not None:
        until = clock.local_day(row.ends_at - dt.timedelta(seconds=1))
    link = f"/labels/?label={row.id}" if row.id else f"/labels/?ids={elevator.id}"
    return LabelLine(
        row, str(LABEL_KIND[row.kind]), state, tone, str(LABEL_REASON[row.reason]) if row.reason else "", until,
        row.waits, row.waits or (brief and alive),
        link if alive and label_sheet.is_to_label(g.actor, elevator) else "",
    )  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("ElevatorLabels", "can_read", Verb.ELEVATOR_READ)
    screens.declare("ElevatorLabels", "can_write", Verb.LABEL_EDIT)
    appbuilder.add_view_no_menu(ElevatorLabels)
