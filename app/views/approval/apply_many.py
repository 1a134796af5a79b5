"""批量申请: what is asked for of many elevators is said once, looked at elevator by elevator, then confirmed.

Three pages: which kind, its form, what the check found. Which elevators it is about is a list's address, as everywhere
(`ids=` where rows were ticked); the check keeps their numbers, and the job that follows applies for these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from sqlalchemy import func, select

from app import clock
from app.errors import Finding, NotFound, Refusal, refuse
from app.extensions import db
from app.listing import MOST_CHOSEN, Query, moment
from app.listings.elevators import ELEVATORS
from app.models import Elevator, MaintenanceClock
from app.permissions import Verb, require
from app.reports import exports
from app.rules.lifecycle import KIND_LABELS, STATUS_LABELS, ApplicationKind, ElevatorStatus
from app.telling import language
from app.transaction import hold, transaction
from app.views.approval.applying import NO_REASON, PAPER, fields_of, typed_of
from app.views.frame import screens, uploads
from app.views.frame.filing_words import WORDS
from app.views.frame.jobs import facts
from app.views.frame.told import told
from app.wording import again, ours, say
from app.workflows.core import jobs
from app.workflows.desk import applications, apply_many
from app.workflows.files import attachments

# In the address of the form: the check from which one comes back to it.
_CHECK = "check="


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
            kinds=[(one.value, KIND_LABELS[one], found.fitting(one)) for one in apply_many.KINDS],
            query=_address(), most=apply_many.MOST,
        )  # fmt: skip

    @expose("/many/<kind>", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def form(self, kind: str) -> Any:
        """What is said for all of them; sent, a job looks at each."""
        found = self._chosen()
        if found is None or kind not in set(apply_many.KINDS):
            return redirect("/elevators/" if found is None else f"/applications/many?{_address()}")
        what, findings, status = ApplicationKind(kind), list[Finding](), 200
        if request.method == "POST":
            try:
                return redirect(f"/applications/many/checked/{self._enter(what, found)}")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
        before = _checked_before(what)
        typed = {"effective_on": clock.today().isoformat(), "reason": ""} | _said_by(before) | request.form.to_dict()
        one = found.one(what) or Elevator()
        page = self.render_template(
            "ta/lifecycle/many_form.html", title=_("批量申请：%(kind)s", kind=told(KIND_LABELS[what])), kind=kind,
            found=found, findings=findings, form=typed, fields=fields_of(one, what, None, findings, typed),
            needs_reason=what not in NO_REASON, paper=PAPER.get(what, ""), query=_address(),
            fitting=found.fitting(what), statuses=STATUS_LABELS, most=apply_many.MOST,
            anew=before is not None and bool(before.files),
        )  # fmt: skip
        return page, status

    @expose("/many/checked/<int:job_id>", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def checked(self, job_id: int) -> Any:
        """The check while it runs, then what it found; confirmed, a job applies for those that can."""
        job = jobs.of(db.session, g.actor, job_id)
        if job.kind != "apply_check" or job.created_by_id != g.actor.user_id:
            abort(404)
        form, result = apply_many.form_of(job.params["form"]), dict(job.result or {})
        ready = job.state == "done" and bool(result.get("can"))
        entered, over = apply_many.led_to(job), form.is_over(clock.today())
        if request.method == "POST":
            if entered is None and ready:
                try:
                    entered = self._confirm(job_id, form)
                except Refusal as refusal:
                    flash(told(str(refusal)), "warning")
                    return redirect(f"/applications/many/checked/{job_id}")
            if entered is None:
                return redirect(f"/applications/many/checked/{job_id}")
            return redirect(url_for("Jobs.show", job_id=entered))
        what = ApplicationKind(form.kind)
        return self.render_template(
            "ta/lifecycle/many_checked.html", title=_("批量申请：%(kind)s", kind=told(KIND_LABELS[what])),
            job=facts(job), form=form, result=result, ready=ready and not over, over=over, entered=entered, words=WORDS,
            kind=KIND_LABELS[what],
            why=_reasons(result.get("why", [])), warn=_reasons(result.get("warn", [])),
            back=f"{job.params['back']}&{_CHECK}{job_id}",
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

    def _enter(self, kind: ApplicationKind, found: _Chosen) -> int:
        """Have a job look at each of them, unless the form itself is wrong; the job's number."""
        one = found.one(kind)
        if one is None:
            names = "、".join(told(STATUS_LABELS[ElevatorStatus(s)]) for s in sorted(apply_many.statuses_of(kind)))
            said = say("选中的 %(n)s 台里没有已备案、状态为%(names)s的", n=found.total, names=names)
            raise Refusal(Finding("电梯状态", False, said, "请换一种事项，或重新选择电梯"))
        if found.total > apply_many.MOST:
            said = say("筛选出 %(n)s 台，一次最多 %(m)s 台", n=found.total, m=apply_many.MOST)
            raise Refusal(Finding("批量申请", False, said, "请用筛选分几次申请"))
        typed = typed_of(one, kind.value)
        on = typed.effective_on.isoformat() if typed.effective_on else None
        form = apply_many.Form(kind.value, on, typed.reason, [0] * uploads.chosen("files"), typed.data)
        asked, said_wrong = form.asked(g.actor, clock.today()), {f.field for f in typed.wrong}
        wrong = [
            f for f in applications.conditions_of(db.session, kind.value, one, asked)
            if f.stops and f.field in apply_many.COMMON - said_wrong
        ]  # fmt: skip
        if typed.wrong or wrong:
            raise Refusal([*typed.wrong, *wrong])
        back, now = f"/applications/many/{kind.value}?{_address()}", clock.now()
        with transaction(db.session) as session:
            files = uploads.kept(
                session, "files", apply_many.PAPER, apply_many.HOLDER, None, g.actor.unit_id, g.actor.region_code, now
            )
            form = apply_many.Form(kind.value, on, typed.reason, files, typed.data)
            title = say("批量申请核对：%(kind)s %(n)s 台", kind=KIND_LABELS[kind], n=found.total)
            params = {
                "listing": ELEVATORS.name, "query": _address(), "form": form.as_dict(), "back": back,
                "language": language(),
            }  # fmt: skip
            check = jobs.enqueue(session, g.actor, now, "apply_check", title, params)
            # What stays sent ahead is swept away after a day; the check may be confirmed later.
            attachments.adopt(session, g.actor, files, apply_many.HOLDER, check.id)
            return check.id

    def _confirm(self, check_id: int, form: apply_many.Form) -> int:
        """The job that applies for those that can; a second press leads to the job of the first."""
        with transaction(db.session) as session:
            hold(session, f"apply:{g.actor.user_id}")
            check = jobs.of(session, g.actor, check_id)
            entered = apply_many.led_to(check)
            if entered is not None:
                return entered
            if form.is_over(clock.today()):
                found = say("生效日期 %(on)s 已经过去", on=form.effective_on)
                raise refuse("核对已过期", found, "请返回修改，重新核对")
            apply_many.papers(session, g.actor, form, check.id)
            kind, can = KIND_LABELS[ApplicationKind(form.kind)], (check.result or {})["can"]
            title = say("批量申请%(kind)s：%(n)s 台", kind=kind, n=can)
            params = {
                "check": check.id, "form": form.as_dict(), "language": language(),
                "back": f"/elevators/?{check.params.get('query', '')}",
            }  # fmt: skip
            job = jobs.enqueue(session, g.actor, clock.now(), "apply", title, params)
            apply_many.lead(check, job)
            return job.id


def _address() -> str:
    """The address of the list that the elevators are from; whose check fills the form is not part of it."""
    return "&".join(part for part in request.query_string.decode().split("&") if not part.startswith(_CHECK))


def _checked_before(kind: ApplicationKind) -> apply_many.Form | None:
    """The form of the own check from which one went back to mend it (`?check=`)."""
    key = request.args.get("check", "")
    if request.method == "POST" or not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    try:
        job = jobs.of(db.session, g.actor, int(key))
    except NotFound:
        return None
    if job.kind != "apply_check" or job.created_by_id != g.actor.user_id or job.params["form"]["kind"] != kind.value:
        return None
    return apply_many.form_of(job.params["form"])


def _said_by(form: apply_many.Form | None) -> dict[str, str]:
    """What a form said, as the page's fields take it; a day that is over is not offered anew."""
    if form is None:
        return {}
    said = form.data | {"reason": form.reason, "effective_on": form.effective_on}
    if form.is_over(clock.today()):
        del said["effective_on"]
    return {name: str(value) for name, value in said.items() if value is not None}


def _reasons(kept: list[list[Any]]) -> list[Reason]:
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
