"""签到核查 (FRD-01): signals with their evidence, risks with their reasons, cases with question, answer, decision."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import Moment
from app.listings import fraud as listed
from app.models import Account, FraudCase, FraudSignal, Person, Unit
from app.models.choices import VISIT_STATE, word
from app.models.enforcement import ENFORCEMENT_KIND, ENFORCEMENT_STATE
from app.models.fraud import CASE_OUTCOME, CASE_STATE, SIGNAL_KIND
from app.permissions import Verb
from app.rules.fraud import HOW, SignalKind
from app.rules.fraud_cases import MOST_SIGNALS, CaseOutcome, CaseState
from app.transaction import transaction
from app.views.frame import numbers, screens, uploads
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, countdown, cut, firm, mark, pill
from app.views.frame.carrying import MOST_CARRIED
from app.views.frame.clock_words import due_of
from app.views.frame.days import typed_day
from app.views.oversight import enforcement
from app.workflows.files import attachments
from app.workflows.oversight import fraud

NUMBER = "fraud_cases"
TONES = {"asked": "near", "answered": "near", "closed": "gone"}
OUTCOME_TONES = {"unfounded": "ok", "warned": "near", "handed": "over"}
STANDING_TONES = {"待处理": "near", "已立案": "info", "已排除": "gone"}
HEAVY, LIGHT = 25, 10


def _ways(selected: str) -> list[dict[str, Any]]:
    """The desk's pages beside each other; a unit has its cases alone."""
    pages = [("cases", _l("核查案件"), "/fraud/cases/")]
    if g.actor.may(Verb.FRAUD_READ):
        pages += [("signals", _l("签到疑点"), "/fraud/"), ("risks", _l("风险排名"), "/fraud/risks")]
    shown = [{"label": str(label), "link": to, "selected": key == selected, "count": None} for key, label, to in pages]
    return shown if len(shown) > 1 else []


def points_mark(points: int) -> Any:
    return mark(str(points), "over" if points >= HEAVY else "near" if points >= LIGHT else "gone")


class FraudSignals(Screen):
    datamodel = SQLAInterface(FraudSignal)
    route_base = "/fraud"
    listing = listed.SIGNALS
    verb = Verb.FRAUD_READ
    record = "FraudPages.signal"
    template = "ta/desks/list.html"
    cells: ClassVar[dict[str, Any]] = {
        "kind": lambda row: word(SIGNAL_KIND, row.kind),
        "unit": lambda row: firm(row.unit.name),
        "points": lambda row: points_mark(row.points),
        "standing": lambda row: pill(found := listed.standing_of(row), STANDING_TONES.get(f"{found}", "gone")),
    }
    buttons: ClassVar[list[Button]] = [Button(_l("检查某一天"), "FraudPages.look", Verb.FRAUD_DECIDE, icon="calendar")]
    empty_text = _l("没有疑点。每晚检查前一天的签到、签退和照片，发现的疑点出现在这里。")

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        lead = _("疑点只提出问题：不改变记录和得分，也不处罚任何人。先核对证据，再排除或立案请单位说明。")
        return {"kinds": _ways("signals"), "lead": lead}


class FraudCases(Screen):
    datamodel = SQLAInterface(FraudCase)
    route_base = "/fraud/cases"
    listing = listed.CASES
    verb = Verb.FRAUD_CASE
    record = "FraudPages.case"
    template = "ta/desks/list.html"
    cells: ClassVar[dict[str, Any]] = {
        "unit": lambda row: firm(row.unit.name),
        "question": lambda row: cut(row.question, 18),
        "state": lambda row: pill(word(CASE_STATE, row.state), TONES[row.state]),
        "due_at": lambda row: countdown(due_of(row.due_at, row.opened_at, row.region_code)) if row.due_at else "—",
        "outcome": lambda row: pill(word(CASE_OUTCOME, row.outcome), OUTCOME_TONES[row.outcome])
        if row.outcome else "—",
    }
    empty_text = _l("没有核查案件。")

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        lead = _("监管部门就签到疑点请单位说明，说明后认定；案件本身不扣分、不处罚。")
        return {"kinds": _ways("cases"), "lead": lead}


class FraudPages(BaseView):
    """A signal, whom signals are about, a case."""

    route_base = "/fraud"
    default_view = "risks"

    @expose("/signals/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def signal(self, pk: int) -> Any:
        return self._signal(pk, [])

    @expose("/signals/<int:pk>/aside", methods=["POST"])
    @has_access
    @permission_name("decide")
    def aside(self, pk: int) -> Any:
        note = text("note", 1000)
        done, findings, status = run(lambda s: fraud.set_aside(s, g.actor, pk, note, clock.now()))
        if done is None:
            return self._signal(pk, findings), status
        flash(_("已排除，不再计入风险"), "success")
        return redirect(f"/fraud/signals/{pk}")

    @expose("/risks")
    @has_access
    @permission_name("read")
    def risks(self) -> Any:
        """Whom the signals add up to the most, with every reason."""
        by = "unit" if request.args.get("by") == "unit" else "person"
        rows = fraud.risks(db.session, g.actor, by, clock.now())
        return self.render_template(
            "ta/desks/risks.html", title=_("风险排名"), rows=rows, by=by, kinds=SIGNAL_KIND, ways=_ways("risks"),
            cuts={"person": _("按维保员"), "unit": _("按单位")},
        )  # fmt: skip

    @expose("/about/<int:pk>", methods=["GET"])
    @has_access
    @permission_name("decide")
    @no_cache
    def about(self, pk: int) -> Any:
        """What there is about a unit, perhaps about one of its workers: to be chosen from for a case."""
        return self._about(pk, number(request.args.get("person")), [])

    @expose("/about/<int:pk>", methods=["POST"])
    @has_access
    @permission_name("decide")
    def open(self, pk: int) -> Any:
        keys = [key for value in request.form.getlist("signals")[: MOST_SIGNALS + 1] if (key := number(value))]
        question = text("question", 3000)
        done, findings, status = run(lambda s: fraud.open_case(s, g.actor, keys, question, clock.now()).id)
        if done is None:
            return self._about(pk, number(request.form.get("person")), findings), status
        flash(_("已立案，已通知单位说明"), "success")
        return redirect(f"/fraud/cases/{done}")

    @expose("/cases/<int:pk>")
    @has_access
    @permission_name("case")
    @no_cache
    def case(self, pk: int) -> Any:
        return self._case(pk, [])

    @expose("/cases/<int:pk>/answer", methods=["POST"])
    @has_access
    @permission_name("answer")
    def answer(self, pk: int) -> Any:
        row = self._row(pk)
        unit, region = row.unit_id, row.region_code

        def do(session: Any) -> Any:
            files = uploads.kept(session, "file", "document", fraud.CASE, pk, unit, region, clock.now())
            return fraud.answer(session, g.actor, pk, text("answer", 3000), clock.now(), files)

        return self._done(pk, do, _("说明已提交，等待监管部门认定"))

    @expose("/cases/<int:pk>/decide", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, pk: int) -> Any:
        outcome, reason = text("outcome", 20), text("reason", 3000)
        return self._done(pk, lambda s: fraud.decide(s, g.actor, pk, outcome, reason, clock.now()), _("已结案"))

    @expose("/look", methods=["GET", "POST"])
    @has_access
    @permission_name("decide")
    def look(self) -> Any:
        """Look at one day (again): a job, as in the night."""
        findings: list[Finding] = []
        if request.method == "POST":
            try:
                with transaction(db.session):
                    job = fraud.enter_look(db.session, g.actor, _day(text("on", 20)), clock.now()).id
                return redirect(f"/jobs/{job}")
            except Refusal as refusal:
                findings = [f for f in refusal.findings if not f.ok]
        on = request.form.get("on") or clock.today().isoformat()
        return self.render_template(
            "ta/desks/look.html", title=_("检查某一天"), findings=findings, on=on
        ), 422 if findings else 200

    # --- parts

    def _row(self, pk: int) -> FraudCase:
        row: FraudCase = scope.visible(db.session, g.actor, FraudCase, pk, _("这件案件"))
        return row

    def _done(self, pk: int, deed: Any, said: str) -> Any:
        self._row(pk)
        done, findings, status = run(deed)
        if done is None:
            return self._case(pk, findings), status
        flash(said, "success")
        return redirect(f"/fraud/cases/{pk}")

    def _signal(self, pk: int, findings: list[Finding]) -> Any:
        row: FraudSignal = scope.visible(db.session, g.actor, FraudSignal, pk, _("这个疑点"))
        standing = listed.standing_of(row)
        return self.render_template(
            "ta/desks/signal.html", title=word(SIGNAL_KIND, row.kind), row=row, findings=findings, how=how(row.kind),
            evidence=fraud.evidence_of(db.session, g.actor, [row.id]).get(row.id, []), states=VISIT_STATE,
            standing=standing, tone=STANDING_TONES.get(f"{standing}", "gone"), local=clock.local,
            by=_name(row.set_aside_by_id), mark=points_mark(row.points),
            may=g.actor.may(Verb.FRAUD_DECIDE) and row.case_id is None and row.set_aside_at is None,
        )  # fmt: skip

    def _about(self, unit_id: int, person_id: int | None, findings: list[Finding]) -> Any:
        where = [FraudSignal.unit_id == unit_id, FraudSignal.case_id.is_(None), FraudSignal.set_aside_at.is_(None)]
        if person_id is not None:
            where.append(FraudSignal.person_id == person_id)
        statement = scope.apply(select(FraudSignal).where(*where), g.actor, FraudSignal)
        rows = db.session.scalars(statement.order_by(FraudSignal.seen_on.desc()).limit(MOST_SIGNALS)).all()
        names = {
            model: db.session.scalar(
                scope.apply(select(model.name).where(model.id == (key or 0)), g.actor, model)
            )
            for model, key in ((Unit, unit_id), (Person, person_id))
        }
        chosen = {number(key) for key in request.form.getlist("signals")} if request.method == "POST" else None
        return self.render_template(
            "ta/desks/about.html", title=names[Person] or names[Unit] or _("签到疑点"), rows=rows, findings=findings,
            unit=names[Unit], person=names[Person], unit_id=unit_id, person_id=person_id, kinds=SIGNAL_KIND,
            chosen=chosen, mark=points_mark, question=request.form.get("question", ""),
        )  # fmt: skip

    def _case(self, pk: int, findings: list[Finding]) -> Any:
        row = self._row(pk)
        actor, signals = g.actor, fraud.signals_of(db.session, row)
        mine = actor.unit_id is not None and actor.unit_id == row.unit_id
        open_ = row.state != CaseState.CLOSED
        stood_on = fraud.evidence_of(db.session, actor, [s.id for s in signals])
        enforced = enforcement.upon("fraud_case", row.id, actor)
        return self.render_template(
            "ta/desks/case.html", enforced=enforced, enforcement_kinds=ENFORCEMENT_KIND,
            enforcement_states=ENFORCEMENT_STATE, enforce="" if enforced else _enforce(row, stood_on),
            title=_("核查案件 %(n)s", n=row.number), row=row, findings=findings, signals=signals,
            evidence=stood_on, kinds=SIGNAL_KIND, how=how,
            states=VISIT_STATE, local=clock.local, state=word(CASE_STATE, row.state), tone=TONES[row.state],
            outcome=word(CASE_OUTCOME, row.outcome) if row.outcome else "", outcomes=CASE_OUTCOME,
            outcome_tone=OUTCOME_TONES.get(row.outcome or "", "gone"),
            limit=due_of(row.due_at, row.opened_at, row.region_code) if row.due_at else None,
            files=attachments.of(db.session, fraud.CASE, row.id), summed=fraud.kinds_words(signals),
            names={key: _name(key) for key in (row.opened_by_id, row.answered_by_id, row.decided_by_id)},
            may_answer=mine and actor.may(Verb.FRAUD_ANSWER) and row.state == CaseState.ASKED,
            may_decide=open_ and actor.may(Verb.FRAUD_DECIDE), read=actor.may(Verb.FRAUD_READ),
            waits=row.state == CaseState.ASKED and row.due_at is not None and row.due_at > clock.now(),
        )  # fmt: skip


def _enforce(row: FraudCase, stood_on: dict[int, list[tuple[Any, int | None]]]) -> str:
    """Where a regulator begins what a case that was handed over asks for: the case and its visits as evidence."""
    if row.outcome != CaseOutcome.HANDED or g.actor.unit_id is not None or not g.actor.may(Verb.ENFORCEMENT_EDIT):
        return ""
    visits = sorted({visit.id for some in stood_on.values() for visit, _photo in some if visit.unit_id == row.unit_id})
    chosen = [f"fraud_case-{row.id}", *(f"visit-{key}" for key in visits)][:MOST_CARRIED]
    return url_for("EnforcementPages.new", unit=row.unit_id, chosen=chosen)


def how(kind: str) -> str:
    return HOW[SignalKind(kind)]


def _day(typed: str) -> Any:
    on, wrong = typed_day(typed, "on", _("日期"))
    if on is None:
        raise Refusal(wrong or Finding(_("日期"), False, _("没有填写"), _("请用 2026-03-01 这样的写法"), field="on"))
    return on


def _name(account_id: int | None) -> str:
    if account_id is None:
        return ""
    statement = select(Account).where(Account.id == account_id).execution_options(skip_scope=True)
    row = db.session.scalar(statement)
    return row.get_full_name() if row is not None else ""


# --- the menu's number


def _counted(now: Moment) -> list[Any]:
    """For a unit what it is to answer, for a regulator what it is to decide; counted every so often."""
    late = listed.count(now, listed.late(now))
    state = "answered" if now.actor.unit_id is None else "asked"
    return [listed.count(now, listed.OPEN, FraudCase.state == state), late]


numbers.add(NUMBER, _counted)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.FRAUD_READ), ("can_decide", Verb.FRAUD_DECIDE), ("can_case", Verb.FRAUD_CASE),
        ("can_answer", Verb.FRAUD_ANSWER),
    ):  # fmt: skip
        screens.declare("FraudPages", permission, verb)
    for view in (FraudSignals, FraudCases, FraudPages):
        appbuilder.add_view_no_menu(view)
