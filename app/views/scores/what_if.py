"""提分模拟: what a unit can still make of its six items, from its score's page; ticked ones are worked out together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.extensions import db
from app.listings.score_items import ITEM
from app.models import Score
from app.permissions import Actor, Verb, require
from app.rules.complaints import Step
from app.rules.score_items import Item
from app.rules.scoring import round_half_up
from app.rules.what_if import Fix, FixKind, Offer, Period, Simulation, fix_of
from app.rules.what_if_items import gone, winnable
from app.views.frame import screens
from app.views.frame.policy_words import region_names
from app.workflows.oversight import appeals
from app.workflows.scores import what_if
from app.workflows.scores.what_if import Told
from app.workflows.scores.what_if_items import About

# The rest would bring less than the last of these.
MOST_ROWS = 100
PERIODS = {Period.QUARTER: _l("本季度"), Period.HALF: _l("本半年"), Period.YEAR: _l("本年")}
COMPLETE = {
    "close": (_l("办理签退"), "open"), "sheet": (_l("上传维保单"), "sheet"), "review": (_l("请使用单位复核"), "review"),
    "approve": (_l("完成审批"), "all"),
}  # fmt: skip
SETTLE = {
    Step.ACCEPT: _l("接单、处置，并请使用单位复核"), Step.HANDLE: _l("处置，并请使用单位复核"),
    Step.REVIEW: _l("请使用单位复核"),
    Step.HANDLE_AGAIN: _l("再次处置，并请使用单位复核"), Step.REVIEW_AGAIN: _l("请使用单位再次复核"),
}  # fmt: skip
APPEAL = {
    "rescue": _l("对计为不及时的救援提出申诉"), "complaint": _l("对计为不及时的投诉提出申诉"),
    "inspection": _l("对计为不合格的检验提出申诉"), "unit_change": _l("对计为不及时的变更提出申诉"),
}  # fmt: skip
# Where whoever may not appeal himself sees the record; a change is a part of its application.
PAGES = {"rescue": "/rescues/", "complaint": "/complaints/", "inspection": "/inspections/"}
# What an item's lost points stand for; each is lost for good in the period.
LOST: dict[Item, Callable[[int], str]] = {
    Item.RESCUE: lambda n: _("一次救援不及时 %(n)s 次", n=n), Item.FEEDBACK: lambda n: _("投诉不及时 %(n)s 次", n=n),
    Item.INSPECTION: lambda n: _("检验不合格 %(n)s 台", n=n), Item.FAULT: lambda n: _("困人故障 %(n)s 台", n=n),
    Item.CHANGE: lambda n: _("变更不及时 %(n)s 家", n=n),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item, or the total (`item` None), as the page shows it: its ledger, its ways, what is open, what is gone."""

    item: Item | None
    word: str
    link: str
    ways: tuple[Any, Any, Any]
    open: Fraction
    gone: Fraction
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A fix as the page shows it: what to do, about what, where, until when, and its points."""

    fix: Fix
    item: Item
    title: str
    about: str
    link: str
    word: str
    due_at: dt.datetime | None
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
        held: Score = scope.visible(db.session, g.actor, Score, pk, _("得分"), (joinedload(Score.run),))
        period, chosen = asked_period(request.args.get("period", "")), asked_fixes(request.args.getlist("do"))
        region = held.run.region_code
        told = what_if.of_unit(
            db.session, g.actor, held.unit_id, period, chosen, clock.now(), region, appeals.still_open
        )
        wrong = [("visit", int(o.fix.key)) for _item, o in told.six.offers if o.fix.kind is FixKind.CORRECT]
        asked = {str(key): offer for (_e, key), offer in appeals.upon(db.session, g.actor, wrong).items()}
        rows = [_row(told, item, offer, chosen, asked) for item, offer in told.six.offers]
        shown = [row for number, row in enumerate(rows) if number < MOST_ROWS or row.ticked]
        return self.render_template(
            "ta/scores/what_if.html", title=told.unit.name, score=held, told=told, rows=shown, items=ITEM,
            of_items=item_rows(told, held.id if held.run.items_digest else None), local=clock.local,
            more=len(rows) - len(shown), period=period, periods=PERIODS, ticked=[row for row in rows if row.ticked],
            worth=_worth, region=region_names().get(region, _("全国")),
        )  # fmt: skip


def asked_period(said: str) -> Period:
    return Period(said) if said in set(Period) else Period.YEAR


def asked_fixes(said: list[str]) -> frozenset[Fix]:
    """What reads as a fix; whether it can be done is asked where it is worked out."""
    return frozenset(fix for one in said if (fix := fix_of(one)) is not None)


def item_rows(told: Told, score_id: int | None) -> list[ItemRow]:
    """The six, and their total last; `score_id`: of the score whose ledgers they lead to."""
    rows = []
    for item, made in told.six.items.items():
        link = "" if score_id is None else f"/scores/{score_id}"
        if link and item is not Item.MAINTENANCE:
            link += f"/items/{item}"
        ways = (made.nothing.points, made.chosen.points, made.everything.points)
        rows.append(ItemRow(item, str(ITEM[item]), link, ways, winnable(made), gone(made), _why(item, made)))
    total = told.six.total
    some = [row for row in rows if row.ways[2] is not None]
    rows.append(ItemRow(
        None, _("总分，满分 96"), "" if score_id is None else f"/scores/total/?f_unit={told.unit.id}",
        (total.nothing, total.chosen, total.everything),
        sum((row.open for row in some), Fraction(0)), sum((row.gone for row in some), Fraction(0)),
    ))  # fmt: skip
    return rows


def _why(item: Item, made: Simulation) -> str:
    """Why points are gone for this period, in a word."""
    if not gone(made):
        return ""
    return LOST[item](made.everything.bad) if item in LOST else _("超期和不合规已经发生")


def _row(
    told: Told, item: Item, offer: Offer, chosen: frozenset[Fix], asked: Mapping[str, appeals.Offer]
) -> Row:  # fmt: skip
    """`asked`: the visits that were appealed against already, by their keys: nothing is left to do but to read on."""
    fix = offer.fix
    title, about, link = words_of(told, offer, g.actor)
    word = _("去办理") if g.actor.unit_id else _("去查看")
    if fix.kind is FixKind.CORRECT and fix.key in asked:
        link, word = asked[fix.key].link, asked[fix.key].label
    due_at = told.about[fix].due_at if fix in told.about else None
    return Row(fix, item, title, about, link, word, due_at, fix in chosen, *told.six.gain(item, offer))


def words_of(told: Told, offer: Offer, actor: Actor) -> tuple[str, str, str]:
    """What a fix is, what it is about, and the page on which it is done (for a regulator: on which it is seen)."""
    fix, unit = offer.fix, "" if actor.unit_id else f"&f_unit={told.unit.id}"
    elevators = _("%(n)s 台电梯", n=offer.elevators)
    if fix in told.about:
        return _words_of_record(told.about[fix], fix, actor)
    if fix.kind is FixKind.PASS:
        days = int(fix.key)
        title = _("未来 %(n)s 天到期的检验一次合格", n=days) if days else _("期末前到期的检验一次合格")
        until = clock.today() + dt.timedelta(days=days) if days else told.to_on
        return title, elevators, f"/inspections/due/?tab=all&f_next_inspection_to={until}{_maintained_by(told, actor)}"
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


def _maintained_by(told: Told, actor: Actor) -> str:
    return "" if actor.unit_id else f"&f_maintenance_unit={told.unit.id}"


def _words_of_record(about: About, fix: Fix, actor: Actor) -> tuple[str, str, str]:
    """Of a fix that is about one record; what the actor may not see has no name and no page."""
    named, page = about.number or _("涉密或不在管辖范围"), ""
    if fix.kind is FixKind.FREE:
        title = _("到场救出困人") if about.accepted else _("接单，到场救出困人")
        if fix.key.startswith("2-"):
            title = _("二次救援：%(t)s", t=title)
        page = f"/rescues/{about.key}"
    elif fix.kind is FixKind.SETTLE:
        title = _("办结投诉：%(w)s", w=SETTLE[about.step or Step.REVIEW])
        page = f"/complaints/{about.key}"
    elif fix.kind is FixKind.APPEAL:
        title = str(APPEAL[about.entity])
        page = PAGES[about.entity] + str(about.key) if about.entity in PAGES else ""
        if actor.unit_id and actor.may(Verb.APPEAL_SUBMIT):
            page = f"/appeals/new?about={about.entity}-{about.key}"
    else:
        title = _("凭新签的合同申请维保单位变更")
        page = "/unit-changes/new" if actor.may(Verb.APPLICATION_SUBMIT) else f"/contracts/{about.key}"
    return title, named, page if about.number else ""


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
