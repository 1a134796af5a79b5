"""提分模拟: what a unit can still make of its score, from its score's page; what is ticked is worked out together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.extensions import db
from app.models import Score
from app.permissions import Actor, Verb, require
from app.rules.scoring import round_half_up
from app.rules.what_if import Fix, FixKind, Offer, Period, fix_of
from app.views import screens
from app.views.policy import region_names
from app.workflows import what_if
from app.workflows.what_if import Told

# The rest would bring less than the last of these.
MOST_ROWS = 100
PERIODS = {Period.QUARTER: _l("本季度"), Period.HALF: _l("本半年"), Period.YEAR: _l("本年")}
COMPLETE = {
    "close": (_l("办理签退"), "open"), "sheet": (_l("上传维保单"), "sheet"), "review": (_l("请使用单位复核"), "review"),
    "approve": (_l("完成审批"), "all"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A fix as the page shows it: what to do, about what, where, and its points."""

    fix: Fix
    title: str
    about: str
    link: str
    ticked: bool
    alone: Fraction
    without: Fraction


class WhatIf(BaseView):
    """A page beside each score."""

    route_base = "/scores"
    default_view = "what_if"

    @expose("/<int:pk>/what-if")
    @has_access
    @permission_name("read")
    def what_if(self, pk: int) -> Any:
        """The fixes, those first that bring most; `do` are the ticked ones."""
        require(g.actor, Verb.SCORE_READ)
        held: Score = scope.visible(db.session, g.actor, Score, pk, _("得分"))
        period, chosen = asked_period(request.args.get("period", "")), asked_fixes(request.args.getlist("do"))
        region = held.run.region_code
        told = what_if.of_unit(db.session, g.actor, held.unit_id, period, chosen, clock.now(), region)
        rows = [_row(told, offer, chosen) for offer in told.simulation.offers]
        shown = [row for number, row in enumerate(rows) if number < MOST_ROWS or row.ticked]
        return self.render_template(
            "ta/scores/what_if.html", title=told.unit.name, score=held, told=told, rows=shown,
            more=len(rows) - len(shown), period=period, periods=PERIODS, ticked=[row for row in rows if row.ticked],
            worth=_worth, region=region_names().get(region, _("全国")),
            word=_("去办理") if g.actor.unit_id else _("去查看"),
        )  # fmt: skip


def asked_period(said: str) -> Period:
    return Period(said) if said in set(Period) else Period.YEAR


def asked_fixes(said: list[str]) -> frozenset[Fix]:
    """What reads as a fix; whether it can be done is asked where it is worked out."""
    return frozenset(fix for one in said if (fix := fix_of(one)) is not None)


def _row(told: Told, offer: Offer, chosen: frozenset[Fix]) -> Row:
    fix = offer.fix
    title, about, link = words_of(told, offer, g.actor)
    return Row(fix, title, about, link, fix in chosen, *told.simulation.gain(offer))


def words_of(told: Told, offer: Offer, actor: Actor) -> tuple[str, str, str]:
    """What a fix is, what it is about, and the page on which it is done (for a regulator: on which it is seen)."""
    fix, unit = offer.fix, "" if actor.unit_id else f"&f_unit={told.unit.id}"
    elevators = _("%(n)s 台电梯", n=offer.elevators)
    if fix.kind is FixKind.SERVE:
        code = told.elevators.get(int(fix.key))
        link = f"/tasks/?tab=over&q={quote(code)}" if code else ""
        return _("今天补做超期维保"), code or _("涉密或不在管辖范围"), link
    if fix.kind is FixKind.KEEP:
        days = int(fix.key)
        title = _("未来 %(n)s 天到期的维保全部按期", n=days) if days else _("期末前到期的维保全部按期")
        return title, elevators, f"/tasks/?tab=near{unit}"
    if fix.kind is FixKind.COMPLETE:
        word, tab = COMPLETE[fix.key]
        return _("完善记录：%(w)s", w=word), elevators, f"/visits/?tab={tab}{unit}"
    if fix.kind is FixKind.RENEW:
        number = told.contracts.get(int(fix.key), fix.key)
        link = f"/contracts/{fix.key}" + ("/renew" if actor.may(Verb.CONTRACT_EDIT) else "")
        return _("续签期内到期的合同"), f"{number}{_('，')}{elevators}", link
    elevator, on = told.visits[int(fix.key)]
    code = told.elevators.get(elevator)
    about = f"{code or _('涉密或不在管辖范围')} {on}"
    return _("更正不合规的记录"), about, f"/visits/{fix.key}" if code else ""


def _worth(points: Fraction) -> str:
    """Points with their sign, as people read them; less than a hundredth is told as such."""
    if not points:
        return "0"
    rounded = round_half_up(abs(points))
    return f"{'+' if points > 0 else '−'}{rounded}" if rounded else _("不足 0.01")


def register(appbuilder: Any) -> None:
    """Add this page."""
    screens.declare("WhatIf", "can_read", Verb.SCORE_READ)
    appbuilder.add_view_no_menu(WhatIf)
