"""地区: the tree with its units and elevators (ACC-01), as far as the actor's subtree reaches."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import pgettext
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Refusal
from app.extensions import db
from app.listings.elevators import REGISTERED
from app.models import Elevator, Region, Unit
from app.models.choices import REGION_LEVEL
from app.models.region import LEVEL_DIGITS
from app.permissions import Verb, require
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.core import regions


class RegionPages(BaseView):
    """The subtree with counts that lead to the lists, and adding or ending a node below."""

    route_base = "/regions"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        return self._page([], {})

    @expose("/", methods=["POST"])
    @has_access
    @permission_name("edit")
    def add(self) -> Any:
        require(g.actor, Verb.REGION_EDIT)
        given = {n: request.form.get(n, "")[:120].strip() for n in ("code", "name", "level", "valid_from")}
        try:
            with transaction(db.session) as session:
                row = regions.add(session, g.actor, at=clock.now(), **given)
                name = row.name
        except Refusal as refusal:
            return self._page(refusal.findings, given), 422
        flash(_("已新增“%(name)s”", name=name), "success")
        return redirect(url_for("RegionPages.index"))

    @expose("/many", methods=["POST"])
    @has_access
    @permission_name("edit")
    def many(self) -> Any:
        """批量新增: one region a line; all of them or, with every wrong line told, none."""
        require(g.actor, Verb.REGION_EDIT)
        given = {"lines": request.form.get("lines", "")[:50_000]}
        try:
            with transaction(db.session) as session:
                made, there = regions.add_many(session, g.actor, given["lines"], clock.now())
        except Refusal as refusal:
            return self._page(refusal.findings, given), refusal.status_code
        flash(_("已新增 %(n)s 个地区，%(m)s 个已在册", n=made, m=there), "success")
        return redirect(url_for("RegionPages.index"))

    @expose("/end", methods=["POST"])
    @has_access
    @permission_name("edit")
    def end(self) -> Any:
        """停用: a region's last day; none takes it back."""
        given = {n: request.form.get(n, "")[:20].strip() for n in ("region", "valid_until")}
        try:
            with transaction(db.session) as session:
                row = regions.end(
                    session, g.actor, code=given["region"], valid_until=given["valid_until"], at=clock.now()
                )
                name, last = row.name, row.valid_until
        except Refusal as refusal:
            return self._page(refusal.findings, given), refusal.status_code
        said = _("“%(name)s”用到 %(day)s", name=name, day=last) if last else _("“%(name)s”没有停用日期", name=name)
        flash(said, "success")
        return redirect(url_for("RegionPages.index"))

    def _page(self, findings: list[Any], given: dict[str, str]) -> Any:
        span = g.actor.region_span
        statement = select(Region).order_by(Region.code)
        if not g.actor.sees_everything:
            low, high = span or ("", "")
            statement = statement.where(Region.code >= low, Region.code < high)
        rows = db.session.scalars(statement.limit(3000)).all()
        # As many as the list behind the number shows.
        counts = {Unit: self._counts(Unit, Unit.approved_version > 0), Elevator: self._counts(Elevator, REGISTERED)}
        today = clock.today()
        return render_template(
            "ta/regions.html",
            title=pgettext("many", "地区"),
            rows=[(r, self._total(counts[Unit], r), self._total(counts[Elevator], r), _state(r, today)) for r in rows],
            depth={level: n for n, level in enumerate(LEVEL_DIGITS)},
            levels=REGION_LEVEL,
            findings=findings,
            below=[r for r in rows if g.actor.sees_everything or r.code != (span or ("",))[0]],
            given=given,
            may_edit=g.actor.may(Verb.REGION_EDIT),
        )

    def _counts(self, model: Any, which: Any) -> list[tuple[str, int]]:
        statement = scope.apply(
            select(model.region_code, func.count()).where(which), g.actor, model
        ).group_by(model.region_code)
        return [(code, n) for code, n in db.session.execute(statement)]

    def _total(self, counts: list[tuple[str, int]], row: Region) -> int:
        low, high = row.span
        return sum(n for code, n in counts if low <= code < high)


def _state(row: Region, today: dt.date) -> str:
    if row.valid_until is not None and row.valid_until < today:
        return "ended"
    return "waiting" if row.valid_from is not None and row.valid_from > today else ""


def register(appbuilder: Any) -> None:
    screens.declare("RegionPages", "can_read", Verb.ACCOUNT_READ)
    screens.declare("RegionPages", "can_edit", Verb.REGION_EDIT)
    appbuilder.add_view_no_menu(RegionPages)
