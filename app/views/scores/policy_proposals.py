"""提议与批准政策参数: the form, the second person's page, and the back-test of a draft on a past period (POL-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.errors import Finding, Refusal, refuse
from app.extensions import db
from app.listings.policy import PROPOSALS
from app.models import PolicyProposal
from app.models.choices import VISIT_STATE
from app.models.policy import PROPOSAL_STATE, policy_book, policy_draft, policy_version
from app.permissions import Verb, require
from app.policy import INHERIT, PRESET_KEY, PRESETS, SPECS, Key, shown
from app.policy.keys import LONGEST_TEXT
from app.transaction import transaction
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Button, Screen, SQLAInterface, pill
from app.views.frame.policy_words import origin, place, region_choices, region_names
from app.wording import say
from app.workflows.approval import policies
from app.workflows.approval.policies import COUNTRY
from app.workflows.approval.submissions import name_of
from app.workflows.core import jobs
from app.workflows.files import attachments
from app.workflows.scores import policy_backtest, scores

MOST_NAMES = 5
TONES = {"proposed": "near", "approved": "ok", "rejected": "over", "withdrawn": "gone"}
ROWS, MOST_SCANS = 100, 5
SAID = {
    "approve": _l("已批准，自生效日起适用"), "reject": _l("已按不同意办结"), "withdraw": _l("提议已撤回"),
}  # fmt: skip


class PolicyProposals(Screen):
    datamodel = SQLAInterface(PolicyProposal)
    route_base = "/policy/proposals"
    listing = PROPOSALS
    verb = Verb.POLICY_READ
    record = "PolicyProposalPages.show"
    cells = {"state": lambda row: pill(PROPOSAL_STATE[row.state], TONES[row.state])}
    buttons = [Button(_l("提议新值"), "PolicyProposalPages.propose", Verb.POLICY_EDIT, main=True)]
    empty_text = _l("没有待批准的政策提议")


class PolicyProposalPages(BaseView):
    """Propose, decide, test."""

    route_base = "/policy"
    default_view = "propose"

    @expose("/propose", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    @no_cache
    def propose(self) -> Any:
        """The form; on POST propose, or enter the back-test of what is in the form."""
        require(g.actor, Verb.POLICY_EDIT)
        if request.method == "GET":
            return self._form(request.args, [], 200)
        try:
            key, region = text("key", 60), text("region", 12) or g.actor.region_code or COUNTRY
            if text("then") == "look":
                return self._form(request.form, [], 200)
            value = typed_value(key)
            if text("then") == "test":
                return _enter(key, value, region, url_for("PolicyProposalPages.propose", key=key, region=region))
            on, findings = forms.day("effective_on", _("生效日期"))
            if on is None and not findings:
                remedy = _("请选择今天或以后的日期")
                findings = [Finding(_("生效日期"), False, _("没有填写"), remedy, field="effective_on")]
            if on is None or findings:
                return self._form(request.form, findings, 422)
            with transaction(db.session) as session:
                made = policies.propose(
                    session, g.actor, clock.now(), key, value, region, on, text("source"), text("reason"),
                    _scans(session, region),
                )
                number = made.id
        except Refusal as refusal:
            return self._form(request.form, [f for f in refusal.findings if not f.ok], refusal.status_code)
        flash(_("已提议，等待第二人批准"), "success")
        return redirect(url_for("PolicyProposalPages.show", pk=number))

    @expose("/now")
    @has_access
    @permission_name("edit")
    def now(self) -> Any:
        """What a parameter is in a region today, beside the form: asked again whenever another region is chosen."""
        key, region = request.args.get("key", ""), request.args.get("region", "") or g.actor.region_code or COUNTRY
        if key not in set(Key) or region not in {code for code, _name in region_choices(region_names(), g.actor)}:
            abort(404)
        return self.render_template("ta/platform/policy_now.html", now=_now(key, region, region_names()))

    def _form(self, given: Any, findings: list[Finding], status: int) -> Any:
        names = region_names()
        key = given.get("key", "")
        known = key == PRESET_KEY or key in set(Key)
        spec = SPECS.get(Key(key)) if known and key != PRESET_KEY else None
        own = g.actor.region_code or COUNTRY
        region = given.get("region", "") or own
        page = self.render_template(
            "ta/platform/policy_form.html", title=_("提议政策参数"), given=given, findings=findings,
            key=key if known else "", spec=spec,
            keys=[(PRESET_KEY, _("预设")), *((k.value, s.meaning) for k, s in SPECS.items())],
            region=region, regions=region_choices(names, g.actor),
            presets=[(p.name, p.label) for p in PRESETS.values()],
            now=_now(key, region, names) if spec is not None else None, today=clock.today(), span=_last_quarter(),
        )  # fmt: skip
        return page, status

    @expose("/proposals/<int:pk>")
    @has_access
    @permission_name("read")
    def show(self, pk: int) -> Any:
        return self._record(self._row(pk), [], 200)

    @expose("/proposals/<int:pk>/<string:name>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def decide(self, pk: int, name: str) -> Any:
        """The second person's word, or the proposer taking it back."""
        row, at = self._row(pk), clock.now()
        deeds = {
            "approve": lambda s: policies.approve(s, g.actor, pk, text("seen", 20), text("opinion"), at),
            "reject": lambda s: policies.reject(s, g.actor, pk, text("opinion"), at),
            "withdraw": lambda s: policies.withdraw(s, g.actor, pk, at),
        }
        if name not in deeds:
            abort(404)
        _done, findings, status = run(deeds[name])
        if findings:
            return self._record(row, findings, status)
        flash(str(SAID[name]), "success")
        return redirect(url_for("PolicyProposalPages.show", pk=pk))

    @expose("/proposals/<int:pk>/test", methods=["POST"])
    @has_access
    @permission_name("edit")
    def test(self, pk: int) -> Any:
        row = self._row(pk)
        try:
            return _enter(row.key, row.value, row.region_code, url_for("PolicyProposalPages.show", pk=pk))
        except Refusal as refusal:
            return self._record(row, [f for f in refusal.findings if not f.ok], refusal.status_code)

    @expose("/tests/<int:job_id>")
    @has_access
    @permission_name("edit")
    def tested(self, job_id: int) -> Any:
        """What the draft would have made of the period, unit by unit."""
        job = jobs.of(db.session, g.actor, job_id)
        if job.kind != "policy_test":
            abort(404)
        result = job.result if job.state == "done" and job.result else None
        units = (result or {}).get("units", [])
        only = request.args.get("all") != "1"
        chosen = [u for u in units if u["moved"] or not only]
        typed = request.args.get("page", "1")
        page = int(typed) if typed.isascii() and typed.isdigit() and 0 < int(typed) < 10_000 else 1
        params = job.params
        return self.render_template(
            "ta/platform/policy_test.html", title=_("政策回测"), job=job, result=result, params=params, only=only,
            units=chosen[(page - 1) * ROWS : page * ROWS], page=page, more=len(chosen) > page * ROWS, total=len(units),
            meaning=policies.words(params["key"]), value=policies.value_words(params["key"], params["value"]),
            region=place(params["region"], region_names()), states=VISIT_STATE,
            sums=_sums(units) if result else None,
        )  # fmt: skip

    # --- parts

    @staticmethod
    def _row(pk: int) -> PolicyProposal:
        require(g.actor, Verb.POLICY_READ)
        row: PolicyProposal = scope.visible(db.session, g.actor, PolicyProposal, pk, _("这件提议"))
        return row

    @staticmethod
    def _deciders(row: PolicyProposal) -> list[str]:
        """Who may decide it, by name: a region that has just begun may have nobody yet, and its page says so."""
        able = policies.approvers_of(db.session, row)
        return [name_of(db.session, one) for one in able[:MOST_NAMES]]

    def _record(self, row: PolicyProposal, findings: list[Finding], status: int) -> Any:
        names = region_names()
        waits, may = row.state == "proposed", g.actor.may(Verb.POLICY_EDIT)
        own = row.proposed_by_id == g.actor.user_id
        page = self.render_template(
            "ta/platform/policy_proposal.html", title=policies.words(row.key), row=row, findings=findings,
            value=policies.value_words(row.key, row.value), region=place(row.region_code, names),
            state=PROPOSAL_STATE[row.state], tone=TONES[row.state], proposer=name_of(db.session, row.proposed_by_id),
            decider=name_of(db.session, row.decided_by_id) if row.decided_at else "", changes=_changes(row),
            seen=policy_version(db.session, row.region_code, row.effective_on), local=clock.local, waits=waits, own=own,
            may_edit=may, checks=policies.findings(db.session, g.actor, row) if waits and may and not own else [],
            deciders=self._deciders(row) if waits and own else [],
            span=_last_quarter(), scans=attachments.of(db.session, "policy_proposal", row.id),
        )  # fmt: skip
        return page, status


def _now(key: str, region: str, names: dict[str, str]) -> dict[str, Any]:
    """The value that holds in the region today, and which level of the tree says so."""
    held = policy_book(db.session, region, clock.today())[Key(key)]
    return {
        "region": place(region, names), "value": shown(Key(key), held.value), "own": held.region_code == region,
        "origin": origin(held, names), "since": held.effective_on,
    }  # fmt: skip


def typed_value(key: str) -> Any:
    """What the form says: a value in the key's own type, off, or inherit. What can't be read goes on as text."""
    how, typed = text("how", 10), text("value", 2 * LONGEST_TEXT).strip()
    if how == "inherit":
        return INHERIT
    if how == "off":
        return None
    if key in set(Key):
        kind = SPECS[Key(key)].kind
        if kind == "bool":
            return {"true": True, "false": False}.get(typed, typed)
        if kind == "int" and typed.isascii() and typed.lstrip("-").isdigit() and len(typed) < 10:
            return int(typed)
    return typed


def _enter(key: str, value: Any, region: str, back: str) -> Any:
    """Enter the back-test as a job; the draft and the period are checked first."""
    values, findings = forms.days((("from_on", _("起始日期")), ("to_on", _("截止日期"))))
    for name, label in (("from_on", _("起始日期")), ("to_on", _("截止日期"))):
        if values[name] is None and not any(f.field == name for f in findings):
            findings.append(Finding(label, False, _("没有填写"), _("请选择一段过去的日子"), field=name))
    if findings:
        raise Refusal(findings)
    job_id = enter(key, value, region, values["from_on"], values["to_on"], back)
    flash(_("回测已开始，完成后在此查看；不改变任何已存的记录"), "success")
    return redirect(url_for("PolicyProposalPages.tested", job_id=job_id))


def enter(key: str, value: Any, region: str, from_on: dt.date, to_on: dt.date, back: str) -> int:
    """Enter the back-test of a draft on a period that is over; the job's number. The draft is checked first."""
    if to_on > clock.today():
        raise refuse(_("截止日期"), _("还没有到"), _("回测只能用过去的日子"), field="to_on", value=to_on)
    with transaction(db.session) as session:
        at = clock.now()
        checked = policies.checked(session, g.actor, key, value, region)
        scores.frame_of(session, g.actor, region, from_on, to_on, None, at)
        params = {
            "key": key, "value": checked, "region": region, "from_on": from_on.isoformat(),
            "to_on": to_on.isoformat(), "back": back,
        }  # fmt: skip
        title = say("政策回测：%(key)s", key=policies.words(key))
        return jobs.enqueue(session, g.actor, at, "policy_test", title, params).id


def changed_keys(row: PolicyProposal) -> list[tuple[Key, Any, Any]]:
    """Which values the region would have on the day of force that it has not now: key, old, new."""
    now = policy_book(db.session, row.region_code, row.effective_on)
    draft = policy_backtest.drafted(row.key, row.value, row.region_code, row.effective_on)
    with policy_draft(db.session, [draft]):
        then = policy_book(db.session, row.region_code, row.effective_on)
    return [(k, now[k].value, then[k].value) for k in Key if now[k].value != then[k].value]


def _changes(row: PolicyProposal) -> list[tuple[str, str, str]]:
    """The same in words: meaning, old, new."""
    return [(SPECS[k].meaning, shown(k, old), shown(k, new)) for k, old, new in changed_keys(row)]


def _sums(units: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all units: records by state and missed periods, before and after."""
    states = sorted({name for u in units for side in u["states"] for name in side})
    return {
        "states": [(name, *(sum(u["states"][n].get(name, 0) for u in units) for n in (0, 1))) for name in states],
        "overdue": [sum(u["overdue"][n] for u in units) for n in (0, 1)],
    }


def _scans(session: Any, region_code: str) -> list[int]:
    """The scans of the order in the form, each checked by its content."""
    count = uploads.chosen("scan")
    if count > MOST_SCANS:
        found = _("选了 %(n)s 个", n=count)
        raise refuse(_("文件扫描件"), found, _("最多 %(n)s 个", n=MOST_SCANS), field="scan")
    place = ("policy_proposal", None, None, region_code)
    return uploads.kept(session, "scan", "document", *place, clock.now())


def _last_quarter() -> tuple[dt.date, dt.date]:
    """The quarter that ended last: a good period to test on."""
    today = clock.today()
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    end = first - dt.timedelta(days=1)
    return end.replace(month=end.month - 2, day=1), end


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("PolicyProposalPages", "can_read", Verb.POLICY_READ)
    screens.declare("PolicyProposalPages", "can_edit", Verb.POLICY_EDIT)
    appbuilder.add_view_no_menu(PolicyProposals)
    appbuilder.add_view_no_menu(PolicyProposalPages)
