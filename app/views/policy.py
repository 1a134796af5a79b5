"""政策参数: every number that judges, for a region on a day, and its origin. Read only; set by `flask policy`."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.errors import Finding
from app.extensions import db
from app.models import Region
from app.models.policy import policy_book, policy_version
from app.permissions import Verb
from app.policy import PRESETS, SPECS, Held, shown
from app.views import screens
from app.workflows.policies import COUNTRY


class Policy(BaseView):
    route_base = "/policy"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        findings: list[Finding] = []
        on = self._day(request.args.get("on", ""), findings)
        code = self._region(request.args.get("region", ""), findings)
        names = {r.code: r.name for r in db.session.execute(select(Region.code, Region.name))}
        book = policy_book(db.session, code, on)
        rows = [
            {
                "key": key.value, "meaning": SPECS[key].meaning, "value": shown(key, held.value),
                "origin": origin(held, names), "since": held.effective_on, "group": SPECS[key].group,
                "own": held.region_code == code,
            }
            for key, held in book.items()
        ]  # fmt: skip
        groups = [(name, list(found)) for name, found in groupby(rows, key=lambda row: row["group"])]
        span = g.actor.region_span
        choices = [(c, n) for c, n in sorted(names.items()) if span is None or span[0] <= c < span[1]]
        return self.render_template(
            "ta/platform/policy.html", title=_("政策参数"), groups=groups, code=code, name=names.get(code, _("全国")),
            on=on.isoformat(), version=policy_version(db.session, code, on), findings=findings, choices=choices,
        )  # fmt: skip

    def _day(self, typed: str, findings: list[Finding]) -> dt.date:
        if not typed:
            return clock.today()
        try:
            return dt.date.fromisoformat(typed)
        except ValueError:
            found, remedy = _("“%(value)s”不是日期，已改为今天", value=typed), _("请用 2026-03-01 这样的写法")
            findings.append(Finding(_("日期"), False, found, remedy, field="on", value=typed))
            return clock.today()

    def _region(self, typed: str, findings: list[Finding]) -> str:
        own = g.actor.region_code or COUNTRY
        if not typed or typed == own:
            return own
        span = g.actor.region_span
        well_formed = len(typed) == 12 and typed.isascii() and typed.isdigit()
        inside = span is None or span[0] <= typed < span[1]
        if well_formed and inside and db.session.scalar(select(Region.id).where(Region.code == typed)):
            return typed
        found = _("没有地区 %(code)s，或不在您的管辖范围内，已改为本辖区", code=typed)
        findings.append(Finding(_("地区"), False, found, _("请从列表选择"), field="region", value=typed))
        return own


def origin(held: Held, names: dict[str, str]) -> str:
    """Which region says so, by itself or by its preset."""
    if held.region_code is None:
        return _("缺省（%(preset)s）", preset=PRESETS[held.preset].label) if held.preset else _("缺省")
    name = names.get(held.region_code, _("全国") if held.region_code == COUNTRY else held.region_code)
    return _("%(region)s：预设“%(preset)s”", region=name, preset=PRESETS[held.preset].label) if held.preset else name


def register(appbuilder: Any) -> None:
    """Add this page."""
    screens.declare("Policy", "can_read", Verb.POLICY_READ)
    appbuilder.add_view_no_menu(Policy)
