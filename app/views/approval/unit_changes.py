"""维保单位变更: the list with those that came late or often, and the form that either side files (LIF-05)."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.listings.unit_changes import UNIT_CHANGES
from app.models import Elevator, UnitChange
from app.models.choices import APPLICATION_STATE
from app.models.policy import policy_value
from app.permissions import Verb
from app.policy import Key
from app.transaction import transaction
from app.views.approval import change_fields
from app.views.approval.applying import earlier, said_by, store_files
from app.views.approval.filing_lists import APPLICATION_TONE
from app.views.frame import maintenance_forms as forms
from app.views.frame import screens
from app.views.frame.base import Button, Screen, firm, mark, pill
from app.views.frame.filed import unit_names
from app.views.frame.filing_words import WORDS
from app.workflows.approval.submissions import Asked
from app.workflows.handover import unit_change_terms as terms
from app.workflows.handover import unit_changes

# What the form asks for is judged when it is sent; before that only what stands already can pass or fail.
TYPED = ("reason", "attachments", "effective_on", "new_unit_id", "signed_on", "contract_id")


class UnitChangeScreen(Screen):
    """维保单位变更."""

    datamodel = SQLAInterface(UnitChange)
    route_base = "/unit-changes"
    listing = UNIT_CHANGES
    verb = Verb.APPLICATION_READ
    cells: ClassVar[dict[str, Any]] = {
        "old_unit": lambda row: firm(row.old_unit.name) if row.old_unit else "—",
        "new_unit": lambda row: firm(row.new_unit.name),
        "use_unit": lambda row: firm(row.use_unit.name) if row.use_unit else "—",
        "late": lambda row: mark(_("迟 %(n)s 天", n=(row.applied_on - row.due_on).days), "near") if row.late else "—",
        "state": lambda row: pill(
            APPLICATION_STATE[row.application.state], APPLICATION_TONE.get(row.application.state, "gone")
        ),
    }
    buttons: ClassVar[list[Button]] = [
        Button(_l("多台一起申请"), "UnitChangesMany.many", Verb.APPLICATION_SUBMIT, icon="list"),
        Button(_l("申请变更"), "UnitChangePages.new", Verb.APPLICATION_SUBMIT, main=True),
    ]
    empty_text = _l("还没有维保单位变更。新维保单位签订合同后，凭新合同在这里申请。")

    def row_link(self, row: UnitChange) -> str:
        return f"/applications/{row.application_id}"

    def row_tone(self, row: UnitChange) -> str:
        return "is-near" if row.late else ""


class UnitChangePages(BaseView):
    """The form."""

    route_base = "/unit-changes"
    default_view = "new"

    @expose("/new", methods=["GET", "POST"])
    @has_access
    @permission_name("apply")
    @no_cache
    def new(self) -> Any:
        """First the elevator's code, then what stands in the way and the rest of the form (GAT-01)."""
        typed = {"effective_on": clock.today().isoformat(), "code": request.args.get("code", "")[:30]}
        typed |= _before() | request.form.to_dict()
        code = typed["code"].strip()
        found = unit_changes.find(db.session, g.actor, code) if code else None
        findings, status = [], 200
        if code and found is None:
            said = _("没有识别码或注册代码为“%(c)s”的电梯", c=code)
            findings = [Finding(_("电梯"), False, said, _("请核对编号，须与登记的完全一致"), field="code")]
            status = 404 if request.method == "GET" else 422
        elif found is not None and request.method == "POST":
            try:
                made = self._apply(found, typed)
                flash(_("已提交，编号 %(n)s", n=made.number), "success")
                return redirect(f"/applications/{made.id}")
            except Refusal as refusal:
                findings, status = [f for f in refusal.findings if not f.ok], refusal.status_code
        return self._page(typed, code, findings), status

    def _apply(self, elevator: Elevator, typed: dict[str, str]) -> Any:
        days, bad = forms.days([("effective_on", _("生效日期")), ("signed_on", _("签订日期"))])
        contract_id, wrong = forms.whole("contract_id", _("新合同"))
        unit_id, missing = change_fields.unit_named(typed.get("new_unit", ""))
        if terms.side_of(g.actor, elevator) == "new":
            missing = []
        if bad or wrong or missing:
            raise Refusal([*bad, *wrong, *missing])
        now = clock.now()
        with transaction(db.session):
            wanted = terms.Wanted(
                typed["code"], unit_id, contract_id, days["signed_on"], days["effective_on"],
                typed.get("reason", "")[:500], store_files(elevator, now),
            )  # fmt: skip
            return unit_changes.apply(db.session, g.actor, wanted, now)

    def _page(self, typed: dict[str, str], code: str, findings: list[Finding]) -> Any:
        elevator = unit_changes.find(db.session, g.actor, code) if code else None
        side, standing, contracts = "", [], []
        if elevator is not None:
            side = terms.side_of(g.actor, elevator)
            today = clock.today()
            own = g.actor.unit_id if side == "new" else None
            asked = Asked(today, today, "…", [0], {"side": side, "new_unit_id": own})
            standing = terms.findings(db.session, terms.KIND.value, elevator, asked)
            contracts = change_fields.contracts_offered() if side == "new" else []
        seen = elevator is not None and side != "new"
        return self.render_template(
            "ta/lifecycle/unit_change.html", title=_("维保单位变更"), form=typed, findings=findings, words=WORDS,
            code=code, row=elevator, seen=seen, side=side, sides=terms.SIDES, contracts=contracts,
            standing=[f for f in standing if f.field not in TYPED], within=_within(elevator),
        )  # fmt: skip


def _within(elevator: Elevator | None) -> int:
    """How soon after it was signed a contract is to be applied with, where the elevator is."""
    region = g.actor.region_code if elevator is None else elevator.region_code
    return int(policy_value(db.session, Key.UNIT_CHANGE_DAYS, region, clock.today()))


def _before() -> dict[str, str]:
    """What an own application said that came to nothing; the new unit by its name."""
    held = said_by(earlier(terms.KIND))
    key = held.get("new_unit_id", "")
    names = unit_names([int(key)] if key.isdigit() else [])
    return held | {"new_unit": next(iter(names.values()), "")}


def register(appbuilder: Any) -> None:
    """Add list and form."""
    screens.declare("UnitChangePages", "can_apply", Verb.APPLICATION_SUBMIT)
    appbuilder.add_view_no_menu(UnitChangePages)
    appbuilder.add_view_no_menu(UnitChangeScreen)
