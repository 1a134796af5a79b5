"""待我审批: the officer's queue (LIF-08), one by one or many at once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, true
from sqlalchemy.orm import selectinload

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Application, Unit
from app.models.among import among
from app.permissions import Actor, Verb
from app.policy import chain
from app.rules.approval import ApplicationVerb, needs_reason, reason_finding
from app.transaction import transaction
from app.views.approval.application_words import comes_of
from app.views.approval.applications import WAITING, is_number
from app.views.frame import desks, menu, screens
from app.views.frame.clock_words import approval_due
from app.views.frame.filing_words import WORDS
from app.workflows.approval import delegations, submissions
from app.workflows.desk import applications

SIZE, MOST_SIZE, MOST_BULK, MOST_COUNTED = 50, 200, 200, 1001
DECISIONS = ("approve", "return", "reject")
BULK = {"approve": _l("批量同意"), "return": _l("批量退回"), "reject": _l("批量不通过")}
# Narrowed by `desks.seen` already: the net knows one desk only.
_WHOLE = {"skip_scope": True}
TABS = {"office": _l("本级"), "mine": _l("我的"), "late": _l("迟到")}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one application of a bulk decision."""

    application: Application | None
    key: str
    findings: list[Finding]


class Queue(BaseView):
    """What waits for this officer."""

    route_base = "/applications"
    default_view = "list"

    @expose("/queue", methods=["GET"])
    @has_access
    @permission_name("decide")
    def list(self) -> Any:
        """What waits, the nearest limit first; one's own submissions wait for another officer."""
        statement = waiting(select(Application).where(desks.seen()))
        tab = request.args.get("tab", "")
        tab = tab if tab in TABS else "office"
        now = clock.now()
        tabs = _tabs(statement, now)
        text = request.args.get("q", "").strip()[:60]
        if text:
            named = Application.title.contains(text, autoescape=True)
            of_unit = Application.unit_id.in_(select(Unit.id).where(Unit.name.contains(text, autoescape=True)))
            numbered = Application.number.startswith(text.upper(), autoescape=True)
            statement = statement.where(numbered | named | of_unit)
        searched = statement
        statement = statement.where(_of_tab(tab, now))
        counts = dict(db.session.execute(_by_kind(statement), execution_options=_WHOLE).all())  # type: ignore[arg-type]
        kind = request.args.get("kind", "")
        notices = []
        if kind and kind not in WORDS.kind:
            notices.append(_("没有“%(k)s”这种事项，已显示全部", k=kind[:30]))
            kind = ""
        page, said = _number("page", 1, 1, 10**6)
        size, more = _number("size", SIZE, 1, MOST_SIZE)
        notices += said + more
        if kind:
            statement = statement.where(Application.kind == kind)
        order = (Application.due_at, Application.id)
        shown = statement.options(selectinload(Application.unit)).order_by(*order)
        found = db.session.scalars(
            shown.limit(size + 1).offset((page - 1) * size), execution_options=_WHOLE
        ).all()
        return self.render_template(
            "ta/filing/queue.html", title=_("待我审批"), tab=tab, tabs=tabs, tab_words=TABS,
            rows=[(a, approval_due(a)) for a in found[:size]],
            more=len(found) > size, page=page, size=size, kind=kind, q=text, counts=counts, words=WORDS,
            total=sum(counts.values()), notices=notices, now=now, elsewhere=_elsewhere(found),
            most=MOST_COUNTED, sizes=(SIZE, 100, MOST_SIZE), there=_tabs(searched, now) if text and not found else {},
        )  # fmt: skip

    @expose("/bulk", methods=["POST"])
    @has_access
    @permission_name("decide")
    def bulk(self) -> Any:
        """Decide many: each is checked and decided by itself, each has its result.

        Asked first (`sure`): how many of which kinds, and what comes of it. js/app.js shows that page as a dialog.
        """
        verb, opinion = request.form.get("verb", ""), request.form.get("opinion", "")
        chosen = list(dict.fromkeys(request.form.getlist("chosen")))
        if not chosen or len(chosen) > MOST_BULK or verb not in DECISIONS:
            flash(_("请选择 1 至 %(n)s 件申请和一种决定", n=MOST_BULK), "warning")
            return redirect(url_for("Queue.list"))
        wanting = reason_finding(ApplicationVerb(verb), opinion)
        if "sure" not in request.form or not wanting.ok:
            return self._ask(chosen, verb, opinion, [wanting] if "sure" in request.form else [])
        results = [self._one_of_many(item, verb, opinion) for item in chosen]
        results.sort(key=lambda r: not r.findings)  # what still needs somebody comes first
        done = sum(not r.findings for r in results)
        return self.render_template(
            "ta/filing/bulk.html", title=_("批量办理结果"), results=results, done=done, words=WORDS,
            verb=BULK[verb],
        )  # fmt: skip

    def _ask(self, chosen: Sequence[str], verb: str, opinion: str, findings: Sequence[Finding]) -> Any:
        """What deciding these would do, said before anything is done."""
        seen = dict(found for item in chosen if (found := _chosen(item)) is not None)
        statement = select(Application).where(desks.seen(), among(db.session, Application.id, list(seen)))
        rows = db.session.scalars(waiting(statement), execution_options=_WHOLE).all()
        fresh = [row for row in rows if row.row_version == seen[row.id]]
        now = clock.now()
        lines = Counter((row.kind, comes_of(row, verb, now)) for row in fresh)
        order = list(WORDS.kind)
        page = self.render_template(
            "ta/filing/bulk_ask.html", title=_("确认批量办理"), chosen=chosen, verb=verb, opinion=opinion,
            lines=sorted(lines.items(), key=lambda line: (order.index(line[0][0]), str(line[0][1]))), words=WORDS,
            changed=len(chosen) - len(fresh), reason=needs_reason(ApplicationVerb(verb)), findings=findings,
            deed=BULK[verb],
        )  # fmt: skip
        return page, 422 if findings else 200

    def _one_of_many(self, item: str, verb: str, opinion: str) -> Result:
        """`item` is id and the version that the list showed."""
        found = _chosen(item)
        if found is None:
            return Result(None, item[:30], [Finding(_("选择"), False, _("不是有效的申请"), _("请刷新后重新选择"))])
        key, seen = found
        try:
            with transaction(db.session):
                made = applications.decide(db.session, g.actor, key, verb, opinion, seen, clock.now())
        except Refusal as refusal:
            row = db.session.scalar(scope.apply(select(Application).where(Application.id == key), g.actor))
            return Result(row, str(key), [f for f in refusal.findings if not f.ok])
        return Result(made, str(key), [])


def _chosen(item: str) -> tuple[int, int] | None:
    """Key and the version that the list showed."""
    key, _sep, seen = item.partition(":")
    return (int(key), int(seen)) if is_number(key, 16) and is_number(seen, 10) else None


def _of_tab(tab: str, now: dt.datetime) -> Any:
    """我的: what I took on, or a colleague for whom I stand in. 迟到: past its limit."""
    if tab == "late":
        return Application.due_at <= now
    if tab == "mine":
        desks = {g.actor.user_id, *delegations.stood_in_for(db.session, g.actor, clock.local_day(now))}
        return Application.officer_id.in_(desks)
    return true()


def _elsewhere(rows: Sequence[Application]) -> dict[int, str]:
    """For whom the officer stands in, by the applications of another office's desk."""
    if not desks.others():
        return {}
    names = {one.stands_for: submissions.name_of(db.session, one.stands_for) for one in desks.others()}
    own = (g.actor.region_span or ("", "")) if not g.actor.sees_everything else ("", "\uffff")
    return {
        row.id: next(
            (names[one.stands_for] for one in desks.others() if one.region_code in chain(row.region_code)), ""
        )
        for row in rows if not own[0] <= row.region_code < own[1]
    }  # fmt: skip


def _tabs(statement: Any, now: dt.datetime) -> dict[str, int]:
    """How many each tab holds, counted to a thousand."""
    return {
        tab: db.session.scalar(
            select(func.count()).select_from(
                statement.with_only_columns(Application.id).where(_of_tab(tab, now)).limit(MOST_COUNTED).subquery()
            ),
            execution_options=_WHOLE,
        ) or 0
        for tab in TABS
    }  # fmt: skip


def waiting(statement: Any) -> Any:
    """Narrow to what an officer may still decide: open, submitted or accepted, not his own."""
    return _waiting_for(g.actor, statement)


def _waiting_for(actor: Actor, statement: Any) -> Any:
    return statement.where(
        Application.is_open.is_(True), Application.state.in_(WAITING), applications.not_own(actor)
    )


@lru_cache(maxsize=512)
def waiting_count(actor: Actor) -> tuple[Any, ...]:
    """For the menu: how many wait at one's own desk, counted to a thousand; other desks would cost each page a read."""
    seen = scope.apply(select(Application.id), actor, Application)
    keys = _waiting_for(actor, seen).limit(MOST_COUNTED).subquery()
    return (select(func.count()).select_from(keys).scalar_subquery(),)


menu.COUNTS["queue"] = menu.Number(waiting_count, lambda counts: (counts[0], "", ""))


def _by_kind(statement: Any) -> Any:
    found = statement.with_only_columns(Application.kind, func.count()).group_by(Application.kind)
    return found.order_by(Application.kind)


def _number(name: str, default: int, low: int, high: int) -> tuple[int, list[str]]:
    text = request.args.get(name)
    if text is None:
        return default, []
    if is_number(text, 8) and low <= int(text) <= high:
        return int(text), []
    words = {"n": name, "v": text[:20], "l": low, "h": high, "d": default}
    return default, [_("%(n)s=“%(v)s”不可用，应为 %(l)s 至 %(h)s 的整数，已按 %(d)s 显示", **words)]


def register(appbuilder: Any) -> None:
    """Add the queue."""
    screens.declare("Queue", "can_decide", Verb.APPLICATION_DECIDE)
    appbuilder.add_view_no_menu(Queue)
