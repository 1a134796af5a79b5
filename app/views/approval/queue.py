"""待我审批: the officer's queue (LIF-08), one by one, some at once, or all that the filter finds by a job."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload, selectinload

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import Moment
from app.models import Application, Unit
from app.models.among import among
from app.permissions import Actor, Verb
from app.policy import chain
from app.rules.approval import ApplicationVerb, needs_reason, reason_finding
from app.telling import language, source
from app.transaction import hold, transaction
from app.views.approval import narrowing
from app.views.approval.application_words import comes_of
from app.views.approval.applications import WAITING
from app.views.approval.narrowing import TABS, is_number
from app.views.frame import desks, menu, screens
from app.views.frame.cells import firm
from app.views.frame.clock_words import approval_due, read_calendars
from app.views.frame.filing_words import WORDS
from app.views.frame.told import told
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.core import jobs
from app.workflows.desk import applications, many, told_together

SIZE, MOST_SIZE, MOST_BULK, MOST_COUNTED = 50, 200, 200, 1001
BULK = {"approve": _l("批量同意"), "return": _l("批量退回"), "reject": _l("批量不通过")}
# Narrowed by `desks.seen` already: the net knows one desk only.
_WHOLE = {"skip_scope": True}
MOST_BATCHES = 12


# What of an application says what a decision on it would bring, and whether this officer may take it.
_FACTS = (
    Application.id, Application.row_version, Application.kind, Application.state, Application.effective_on,
    Application.region_code, Application.elevator_id, Application.unit_id, Application.submitted_by_id,
    Application.submitted_at, Application.endorsed_by_id,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a decision on many is about: the rows as they were seen, how many were ticked and are not, and the form's
    fields that choose them again."""

    rows: Sequence[Any]
    changed: int
    fields: Sequence[tuple[str, str]]
    own: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Applications of one kind that were handed in together and wait: how many, of whom, since when in words."""

    number: int
    kind: str
    unit: str
    count: int
    since: str


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
        within = narrowing.read(request.args)
        tab, text, kind, batch = within.tab, within.text, within.kind, within.batch
        now = clock.now()
        tabs = _tabs(statement, now)
        statement = searched = within.searched(statement)
        statement = statement.where(narrowing.of_tab(tab, now))
        counts, batches = _counts(statement, batch)
        if batch is not None:
            statement = searched = statement.where(Application.batch == batch)
        notices = []
        if (other := request.args.get("kind", "")) != kind:
            notices.append(_("没有“%(k)s”这种事项，已显示全部", k=other[:30]))
        page, said = _number("page", 1, 1, 10**6)
        size, more = _number("size", SIZE, 1, MOST_SIZE)
        notices += said + more
        if kind:
            statement = statement.where(Application.kind == kind)
        order = (Application.due_at, Application.id)
        told = (joinedload(Application.unit), selectinload(Application.steps))
        shown = statement.options(*told).order_by(*order)
        found = db.session.scalars(
            shown.limit(size + 1).offset((page - 1) * size), execution_options=_WHOLE
        ).all()
        read_calendars(found)
        return self.render_template(
            "ta/filing/queue.html", title=_("待我审批"), tab=tab, tabs=tabs, tab_words=TABS, within=within.address,
            rows=[(a, approval_due(a)) for a in found[:size]], batch=batch, batches=batches,
            more=len(found) > size, page=page, size=size, kind=kind, q=text, counts=counts, words=WORDS,
            total=sum(counts.values()), every=_every(counts, kind, len(found[:size])),
            notices=notices, now=now, elsewhere=_elsewhere(found), firm=firm,
            most=MOST_COUNTED, sizes=(SIZE, 100, MOST_SIZE), there=_tabs(searched, now) if text and not found else {},
        )  # fmt: skip

    @expose("/bulk", methods=["POST"])
    @has_access
    @permission_name("decide")
    def bulk(self) -> Any:
        """Decide many, ticked ones or all that the filter finds: each is checked and decided by itself, with a result.

        Asked first (`sure`): how many of which kinds, and what comes of it. js/app.js shows that page as a dialog. What
        the filter found is carried by the question: the answer is about these, as they were, and never about what the
        filter would find by then. More than `many.AT_ONCE` are a job's.
        """
        verb, opinion = request.form.get("verb", ""), request.form.get("opinion", "")
        every, ticked = "every" in request.form, _each_once(request.form.getlist("chosen"))
        if not (every or 0 < len(ticked) <= MOST_BULK) or verb not in many.VERBS:
            flash(_("请选择 1 至 %(n)s 件申请和一种决定", n=MOST_BULK), "warning")
            return redirect(url_for("Queue.list"))
        wanting = reason_finding(ApplicationVerb(verb), opinion)
        asked = _keys(_each_once(request.form.get("asked", "").split()))
        sure = "sure" in request.form and (not every or "asked" in request.form)
        if not sure or not wanting.ok:
            chosen = _ticked(ticked) if not every else _as_asked(asked) if sure else _all_found(clock.now())
            return self._ask(chosen, verb, opinion, [wanting] if sure else [])
        if every or len(ticked) > many.AT_ONCE:
            return self._enter(asked[: many.MOST] if every else _keys(ticked), verb, opinion)
        press = told_together.new_press()
        results = [self._one_of_many(item, verb, opinion, press) for item in ticked]
        told_together.tell_by_itself(db.session, clock.now(), press)
        results.sort(key=lambda r: not r.findings)  # what still needs somebody comes first
        done = sum(not r.findings for r in results)
        return self.render_template(
            "ta/filing/bulk.html", title=_("批量办理结果"), results=results, done=done, words=WORDS,
            verb=BULK[verb],
        )  # fmt: skip

    def _ask(self, chosen: Chosen, verb: str, opinion: str, findings: Sequence[Finding]) -> Any:
        """What deciding these would do, and which of them can't be decided so, said before anything is done."""
        now = clock.now()
        held = many.held_back(db.session, g.actor, chosen.rows, verb)
        alike: dict[tuple[Any, ...], list[int]] = {}
        for row in chosen.rows:
            if row.id not in held:
                alike.setdefault((row.kind, row.state, row.region_code, row.effective_on), []).append(row.id)
        # One of each in full: what a move brings, its ends say.
        sizes = {keys[-1]: len(keys) for keys in alike.values()}
        whole = select(Application).where(among(db.session, Application.id, list(sizes)))
        lines: Counter[tuple[str, str]] = Counter()
        for one in db.session.scalars(whole.execution_options(skip_scope=True)):
            lines[one.kind, comes_of(one, verb, now)] += sizes[one.id]
        order, n = list(WORDS.kind), len(chosen.rows) + chosen.changed
        kinds = {row.id: row.kind for row in chosen.rows}
        left = Counter((kinds[key], why) for key, why in held.items())
        page = self.render_template(
            "ta/filing/bulk_ask.html", title=_("确认批量办理"), chosen=chosen, verb=verb, opinion=opinion, n=n,
            lines=sorted(lines.items(), key=lambda line: (order.index(line[0][0]), str(line[0][1]))), words=WORDS,
            left=[(kind, told(why), count) for (kind, why), count in left.items()], most=many.MOST,
            by_job=n > many.AT_ONCE or ("every", "1") in chosen.fields,
            reason=needs_reason(ApplicationVerb(verb)), findings=findings, deed=BULK[verb],
        )  # fmt: skip
        return page, 422 if findings else 200

    def _enter(self, seen: Sequence[many.Seen], verb: str, opinion: str) -> Any:
        """Have a job decide these, as they were seen; leads to its page."""
        asked = dict(narrowing.kept(request.form))
        back = f"{url_for('Queue.list')}?{urlencode(asked)}"
        if not seen:
            flash(_("没有等待您审批的申请"), "warning")
            return redirect(back)
        asked = {"chosen": many.as_params(seen), "verb": verb, "opinion": opinion}
        params = asked | {"back": back, "language": language()}
        try:
            with transaction(db.session) as session:
                title = say("%(deed)s：%(n)s 件申请", deed=source(BULK[verb]), n=len(seen))
                hold(session, f"decide:{g.actor.user_id}")
                # A second press leads to the job of the first.
                job_id = jobs.unfinished(session, g.actor, "decide", params)
                if job_id is None:
                    job_id = jobs.enqueue(session, g.actor, clock.now(), "decide", title, params).id
        except Refusal as refusal:
            flash(told(str(refusal)), "warning")
            return redirect(back)
        flash(_("已转为后台任务，逐件核对、逐件办理；可以离开本页，完成后收件箱会通知您。"), "info")
        return redirect(url_for("Jobs.show", job_id=job_id))

    def _one_of_many(self, item: str, verb: str, opinion: str, press: str) -> Result:
        """`item` is id and the version that the list showed."""
        found = _chosen(item)
        if found is None:
            return Result(None, item[:30], [Finding(_("选择"), False, _("不是有效的申请"), _("请刷新后重新选择"))])
        key = found[0]
        try:
            made = many.decide_one(db.session, g.actor, found, verb, opinion, clock.now(), press)
        except Refusal as refusal:
            row = db.session.scalar(scope.apply(select(Application).where(Application.id == key), g.actor))
            return Result(row, str(key), [f for f in refusal.findings if not f.ok])
        return Result(made, str(key), [])


def _chosen(item: str) -> tuple[int, int] | None:
    """Key and the version that the list showed."""
    key, _sep, seen = item.partition(":")
    return (int(key), int(seen)) if is_number(key, 16) and is_number(seen, 10) else None


def _each_once(items: Sequence[str]) -> list[str]:
    """Each application once, as it was ticked first; what is no tick stays to be named."""
    kept: dict[int | str, str] = {}
    for item in items:
        found = _chosen(item)
        kept.setdefault(item if found is None else found[0], item)
    return [*kept.values()]


def _keys(items: Sequence[str]) -> list[many.Seen]:
    return [found for item in items if (found := _chosen(item)) is not None]


def _ticked(items: Sequence[str]) -> Chosen:
    """Those that were ticked, as far as they still wait as the list showed them."""
    rows = _still(_keys(items))
    return Chosen(rows, len(items) - len(rows), [("chosen", item) for item in items])


def _as_asked(asked: Sequence[many.Seen]) -> Chosen:
    """Those about which it was asked already, as far as they still wait as they did then."""
    rows = _still(asked)
    return Chosen(rows, len(asked) - len(rows), _every_again(asked))


def _still(seen: Sequence[many.Seen]) -> list[Any]:
    versions = dict(seen)
    statement = waiting(select(*_FACTS).where(desks.seen(), among(db.session, Application.id, list(versions))))
    found = db.session.execute(statement, execution_options=_WHOLE)
    return [row for row in found if row.row_version == versions[row.id]]


def _every_again(seen: Sequence[many.Seen]) -> list[tuple[str, str]]:
    return [("every", "1"), *narrowing.kept(request.form), ("asked", many.as_params(seen))]


def _all_found(now: dt.datetime) -> Chosen:
    """All that the list finds under its filter, the nearest limit first."""
    found = narrowing.read(request.form).narrowed(select(*_FACTS).where(desks.seen()), now)
    rows = db.session.execute(
        waiting(found).order_by(Application.due_at, Application.id).limit(many.MOST), execution_options=_WHOLE
    ).all()
    whole = _count(waiting(found)) if len(rows) == many.MOST else len(rows)
    own = found.where(
        Application.is_open.is_(True), Application.state.in_(WAITING), ~applications.not_own(g.actor)
    )
    return Chosen(rows, 0, _every_again([(row.id, row.row_version) for row in rows]), _count(own), whole)


def _count(statement: Any) -> int:
    keys = statement.with_only_columns(Application.id).subquery()
    return db.session.scalar(select(func.count()).select_from(keys), execution_options=_WHOLE) or 0


def _every(counts: Mapping[str, int], kind: str, shown: int) -> int:
    """How many more than the page shows can be decided with one press; 0 where it shows all."""
    found = counts.get(kind, 0) if kind else sum(counts.values())
    return found if found > shown else 0


def _counts(statement: Any, batch: int | None) -> tuple[Mapping[str, int], Sequence[Batch]]:
    """How many of each kind (of a batch alone, where one is named), and what of all was handed in together, the nearest
    limit first; one that waits alone is no batch."""
    unit = case((Application.batch.is_not(None), Application.unit_id))
    columns = (Application.kind, Application.batch, unit)
    asked = statement.with_only_columns(
        *columns, func.count(), func.min(Application.submitted_at), func.min(Application.due_at)
    )
    found = db.session.execute(asked.group_by(*columns), execution_options=_WHOLE).all()
    counts: Counter[str] = Counter()
    for kind, number, _unit_id, n, _at, _due in found:
        if batch in (None, number):
            counts[kind] += n
    alike = [row for row in found if row[1] is not None and row[3] > 1]
    if not alike:
        return counts, []
    alike.sort(key=lambda row: (row[5] is None, row[5], row[1]))
    named = select(Unit.id, Unit.name).where(Unit.id.in_({row[2] for row in alike[:MOST_BATCHES]}))
    names = dict(db.session.execute(named, execution_options=_WHOLE).all())
    return counts, [
        Batch(number, kind, names.get(unit_id, "—"), n, f"{clock.local(at):%m-%d %H:%M}")
        for kind, number, unit_id, n, at, _due in alike[:MOST_BATCHES]
    ]


def _elsewhere(rows: Sequence[Application]) -> dict[int, str]:
    """For whom the officer stands in, by the applications of another office's desk."""
    if not desks.others():
        return {}
    names = submissions.names_of(db.session, (one.stands_for for one in desks.others()))
    own = (g.actor.region_span or ("", "")) if not g.actor.sees_everything else ("", "\uffff")
    away = [(one.region_code, names.get(one.stands_for or 0, "")) for one in desks.others()]
    return {
        row.id: next((name for region_code, name in away if region_code in chain(row.region_code)), "")
        for row in rows if not own[0] <= row.region_code < own[1]
    }  # fmt: skip


def _tabs(statement: Any, now: dt.datetime) -> dict[str, int]:
    """How many each tab holds, counted to a thousand."""
    parts = [
        select(func.count()).select_from(
            statement.with_only_columns(Application.id).where(narrowing.of_tab(tab, now)).limit(MOST_COUNTED).subquery()
        )
        for tab in TABS
    ]  # fmt: skip
    row = db.session.execute(select(*(part.scalar_subquery() for part in parts)), execution_options=_WHOLE).one()
    return dict(zip(TABS, row, strict=True))


def waiting(statement: Any) -> Any:
    """Narrow to what an officer may still decide: open, submitted or accepted, not his own."""
    return _waiting_for(g.actor, statement)


def _waiting_for(actor: Actor, statement: Any) -> Any:
    return statement.where(
        Application.is_open.is_(True), Application.state.in_(WAITING), applications.not_own(actor)
    )


def waiting_count(now: Moment) -> tuple[Any, ...]:
    """For the menu: how many wait at one's own desk, counted to a thousand; other desks would cost each page a read."""
    seen = scope.apply(select(Application.id), now.actor, Application)
    keys = _waiting_for(now.actor, seen).limit(MOST_COUNTED).subquery()
    return (select(func.count()).select_from(keys).scalar_subquery(),)


menu.COUNTS["queue"] = menu.Number(waiting_count, lambda counts: (counts[0], "", ""))


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
