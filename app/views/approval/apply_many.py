"""批量申请: what is asked for of many elevators is said once, looked at elevator by elevator, then confirmed.

Three pages: which kind, its form, what the check found. Which elevators it is about is a list's address, as everywhere
(`ids=` where rows were ticked); the check keeps their numbers, and the job that follows applies for these. What the
check found is shown here too where elevators were named by their codes (`unit_changes_many`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import MOST_CHOSEN, Query, moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator, Job, MaintenanceClock
from app.permissions import Verb, require
from app.reports import exports
from app.rules.lifecycle import KIND_LABELS, STATUS_LABELS, ApplicationKind, ElevatorStatus
from app.telling import language
from app.transaction import transaction
from app.views.approval import many_forms
from app.views.frame import screens
from app.views.frame.filing_words import WORDS
from app.views.frame.jobs import facts
from app.views.frame.told import told
from app.wording import again, ours, say
from app.workflows.desk import apply_many
from app.workflows.handover import unit_change_terms as terms

_K = ApplicationKind


def start(listing: str, every: bool, ids: Sequence[str]) -> str:
    """Where the deed of a list of elevators leads: all that its address finds, or the ticked ones of it."""
    query = request.query_string.decode()
    if not every:
        keys = [key for key in dict.fromkeys(ids) if key.isascii() and key.isdigit() and len(key) < 19]
        # None ticked is none, not all.
        query = exports.of_chosen(query, keys[:MOST_CHOSEN] or ["0"])
    return f"/applications/many?{query}"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason as the page tells it, with the first elevators of which it was found."""

    rule: str
    remedy: str
    count: int
    first: list[tuple[str, str, str]]
    # What was found of every one of them; "" where it differs.
    alike: str = ""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The elevators of a list's address: how many of which status, their maintenance paused or not, and in what words
    they were chosen."""

    query: Query
    counts: dict[tuple[str, bool], int]
    words: list[tuple[str, str]]
    statement: Any

    @property
    def statuses(self) -> dict[str, int]:
        found = Counter[str]()
        for (status, _paused), n in self.counts.items():
            found[status] += n
        return {status.value: found[status.value] for status in ElevatorStatus if found[status.value]}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def fitting(self, kind: ApplicationKind) -> int:
        return sum(n for (status, paused), n in self.counts.items() if apply_many.fits(kind, status, paused))

    def one(self, kind: ApplicationKind) -> Elevator | None:
        """One of those whose status fits: what the form says wrong of it, it says wrong of all."""
        fits = Elevator.status.in_(apply_many.statuses_of(kind)) & (Elevator.approved_version > 0)
        found = select(Elevator).where(Elevator.id.in_(self.statement), fits).order_by(Elevator.id).limit(1)
        row: Elevator | None = db.session.scalar(found.execution_options(skip_scope=True))
        return row


class ApplyMany(BaseView):
    """The pages."""

    route_base = "/applications"
    default_view = "kinds"

    @expose("/many")
    @has_access
    @permission_name("apply")
    def kinds(self) -> Any:
        """What can be applied for alike, with how many of the chosen elevators have the status for it."""
        found = self._chosen()
        if found is None:
            return redirect("/elevators/")
        return self.render_template(
            "ta/lifecycle/many_kinds.html", title=_("批量申请"), found=found, statuses=STATUS_LABELS,
            kinds=[(one.name, one.label, found.fitting(one.kind)) for one in many_forms.offered()],
            query=_address(), most=apply_many.MOST,
        )  # fmt: skip

    @expose("/many/<kind>", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def form(self, kind: str) -> Any:
        """What is said for all of them; sent, a job looks at each."""
        found = self._chosen()
        what = next((one for one in many_forms.offered() if one.name == kind), None)
        if found is None or what is None:
            return redirect("/elevators/" if found is None else f"/applications/many?{_address()}")
        findings, status = list[Finding](), 200
        one = found.one(what.kind)
        if what.kind is _K.UNIT_CHANGE:
            what = replace(what, way=terms.side_of(g.actor, one) if one is not None else "use")
        if request.method == "POST":
            try:
                return redirect(f"/applications/many/checked/{self._enter(what, one, found)}")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
        before, _params = many_forms.checked_before(what)
        held = before.data if before is not None else {}
        page = self.render_template(
            "ta/lifecycle/many_form.html", title=_("批量申请：%(kind)s", kind=what.label), kind=kind,
            found=found, findings=findings, form=many_forms.begun(before),
            fields=many_forms.fields(what, one or Elevator(), held.get("values") or held, findings),
            side=terms.SIDES.get(what.way, ""), needs_reason=what.kind not in many_forms.NO_REASON,
            blank_stays=what.cause is not None, paper=many_forms.paper(what), query=_address(),
            fitting=found.fitting(what.kind), statuses=STATUS_LABELS, most=apply_many.MOST,
            anew=before is not None and bool(before.files),
        )  # fmt: skip
        return page, status

    @expose("/many/checked/<int:job_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def checked(self, job_id: int) -> Any:
        """The check while it runs, then what it found; confirmed, a job applies for those that can."""
        job = apply_many.own_check(db.session, g.actor, job_id)
        form, result = apply_many.form_of(job.params["form"]), dict(job.result or {})
        ready = job.state == "done" and bool(result.get("can"))
        entered, over = apply_many.led_to(job), form.is_over(clock.today())
        if request.method == "POST":
            if entered is None and ready:
                try:
                    entered = self._confirm(job)
                except Refusal as refusal:
                    flash(told(str(refusal)), "warning")
                    return redirect(f"/applications/many/checked/{job_id}")
            if entered is None:
                return redirect(f"/applications/many/checked/{job_id}")
            return redirect(url_for("Jobs.show", job_id=entered))
        what, back = many_forms.of_form(form), job.params["back"]
        return self.render_template(
            "ta/lifecycle/many_checked.html", title=_("批量申请：%(kind)s", kind=what.label),
            job=facts(job), form=form, result=result, ready=ready and not over, over=over, entered=entered, words=WORDS,
            kind=KIND_LABELS[what.kind], said=many_forms.said(form), missing=job.params.get("missing", []),
            why=reasons(result.get("why", [])), warn=reasons(result.get("warn", [])),
            back=f"{back}{'&' if '?' in back else '?'}{many_forms.CHECK}{job_id}",
        )  # fmt: skip

    def _chosen(self) -> _Chosen | None:
        """The elevators that the address finds, as its list does; None, with the reason told, where it finds none."""
        require(g.actor, Verb.ELEVATOR_READ)
        now = moment(db.session, g.actor)
        wanted = exports.Wanted(ELEVATORS.name, _address())
        try:
            query = exports.read(ELEVATORS, wanted)
        except Refusal as refusal:
            flash(told(str(refusal)), "warning")
            return None
        ELEVATORS.seek(now, query)
        statement = ELEVATORS.statement(now, query)
        # Asked as the conditions of 维保暂停 and its end ask: of the clock.
        paused = MaintenanceClock.paused_on.is_not(None)
        counted = select(Elevator.status, paused, func.count()).outerjoin(Elevator.maintenance_clock)
        counted = counted.where(Elevator.id.in_(statement)).group_by(Elevator.status, paused)
        rows = db.session.execute(counted.execution_options(skip_scope=True))
        counts = {(status, bool(stands)): n for status, stands, n in rows}
        if not counts:
            flash(_("没有选中电梯，请从列表重新选择"), "warning")
            return None
        words = [(label, text) for name, label, text in ELEVATORS.describe(db.session, query) if name != "ids"]
        if query.q:
            words.insert(0, (_("搜索"), query.q))
        return _Chosen(query, counts, words, statement)

    def _enter(self, what: many_forms.What, one: Elevator | None, found: _Chosen) -> int:
        """Have a job look at each of them, unless the form itself is wrong; the job's number."""
        if one is None:
            names = "、".join(told(STATUS_LABELS[ElevatorStatus(s)]) for s in sorted(apply_many.statuses_of(what.kind)))
            said = say("选中的 %(n)s 台里没有已备案、状态为%(names)s的", n=found.total, names=names)
            raise Refusal(Finding("电梯状态", False, said, "请换一种事项，或重新选择电梯"))
        if found.total > apply_many.MOST:
            said = say("筛选出 %(n)s 台，一次最多 %(m)s 台", n=found.total, m=apply_many.MOST)
            raise Refusal(Finding("批量申请", False, said, "请用筛选分几次申请"))
        form = many_forms.of_page(what, one)
        params = {
            "listing": ELEVATORS.name, "query": _address(), "back": f"/applications/many/{what.name}?{_address()}",
        }  # fmt: skip
        return many_forms.enter(form, found.total, params)

    def _confirm(self, check: Job) -> int:
        """The job that applies for those that can; a second press leads to the job of the first."""
        codes = "chosen" in check.params
        back = "/unit-changes/" if codes else f"/elevators/?{check.params.get('query', '')}"
        with transaction(db.session) as session:
            return apply_many.confirm(session, g.actor, check.id, clock.now(), language(), back)


def _address() -> str:
    """The address of the list that the elevators are from; whose check fills the form is not part of it."""
    return "&".join(part for part in request.query_string.decode().split("&") if not part.startswith(many_forms.CHECK))


def reasons(kept: list[list[Any]]) -> list[Reason]:
    """What a check kept of why some can't be applied for, or of what is to be seen, as its reader is told."""
    def text(value: Any) -> str:
        return str(told(ours(again(value))))

    return [
        Reason(
            text(rule), text(remedy), count, [(code, link, text(found)) for code, link, found in first],
            text(alike[0]) if alike else "",
        )
        for rule, remedy, count, first, *alike in kept
    ]


def register(appbuilder: Any) -> None:
    """Add the pages."""
    screens.declare("ApplyMany", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(ApplyMany)
