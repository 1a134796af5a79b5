"""What the forms for many elevators ask for and say, of every kind of `apply_many.KINDS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, NotFound, Refusal
from app.extensions import db
from app.models import Application, Contract, Elevator, Unit
from app.models.sealed import as_held
from app.rules.lifecycle import (
    CAUSE_ABOUT,
    CAUSE_ALIKE,
    CAUSE_LABELS,
    CAUSE_PAPERS,
    KIND_LABELS,
    ApplicationKind,
    ChangeCause,
)
from app.telling import language
from app.transaction import transaction
from app.views.approval import applying, change_fields, filing_forms
from app.views.approval.filing_forms import Field
from app.views.frame import maintenance_forms as forms
from app.views.frame import uploads
from app.views.frame.filed import UNIT_FIELDS, unit_names
from app.views.frame.told import told
from app.wording import cut
from app.workflows.approval import filing_fields
from app.workflows.desk import apply_many
from app.workflows.handover import unit_change_terms

_K = ApplicationKind
# In the address of a form: the check from which one comes back to it.
CHECK = "check="
NO_REASON = applying.NO_REASON


@dataclass(frozen=True, slots=True)
class What:
    """What is applied for: the kind, and the `side` of 维保单位变更 or the cause of 变更登记 (`way`)."""

    kind: ApplicationKind
    way: str = ""

    @property
    def name(self) -> str:
        """As it stands in the address of its form."""
        return self.way if self.kind is _K.REGISTRATION_CHANGE else self.kind.value

    @property
    def cause(self) -> ChangeCause | None:
        return ChangeCause(self.way) if self.kind is _K.REGISTRATION_CHANGE else None

    @property
    def label(self) -> str:
        label = str(told(KIND_LABELS[self.kind]))
        if self.cause is None:
            return label
        return str(_("%(kind)s（%(cause)s）", kind=label, cause=told(CAUSE_LABELS[self.cause])))

    @property
    def about(self) -> str:
        """The field without which it is none."""
        return CAUSE_ABOUT.get(self.cause, "") if self.cause is not None else ""


def offered() -> list[What]:
    """What the reader can apply for alike: units alone hand on, and ask for 按需维保 only of what they maintain."""
    left_out = {_K.REGISTRATION_CHANGE}
    unit = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
    if unit is None:
        left_out.add(_K.UNIT_CHANGE)
    elif not unit.is_maintenance:
        left_out.add(_K.ON_DEMAND)
    kinds = [What(kind) for kind in apply_many.KINDS if kind not in left_out]
    return kinds + [What(_K.REGISTRATION_CHANGE, cause.value) for cause in CAUSE_ALIKE]


def what_of(row: Application) -> What:
    """What an application of a batch asked for."""
    return What(ApplicationKind(row.kind), str(row.data.get("side") or row.data.get("cause") or ""))


def of_form(form: apply_many.Form) -> What:
    return What(ApplicationKind(form.kind), str(form.data.get("side") or form.data.get("cause") or ""))


def fields(what: What, one: Elevator, held: Mapping[str, Any], findings: list[Finding]) -> list[Field]:
    """What it asks for besides day and reason; `held` is what an application or a check says of it."""
    sent, kind = request.form.to_dict() if request.method == "POST" else {}, what.kind
    if kind is _K.UNIT_CHANGE:
        return change_fields.fields(what.way, dict(held), sent, findings)
    if what.cause is not None:
        names = CAUSE_ALIKE[what.cause]
        values = {name: sent.get(name, held.get(name, "")) for name in names}
        others = [name for _title, members in filing_forms.SECTIONS[Elevator] for name in members if name not in names]
        parts = filing_forms.fields(Elevator, values, g.actor, findings, others)
        made = {f.name: replace(f, required=f.name == what.about, needed=None) for _title, part in parts for f in part}
        return [made[name] for name in names if name in made]
    return applying.fields_of(one, kind, None, findings, {n: str(v) for n, v in held.items() if v is not None} | sent)


def typed(what: What, one: Elevator, held: Mapping[str, Any]) -> applying.Typed:
    """The form in hand, as it was sent; a number that came back masked is that of `held`."""
    side, reason = what.way, request.form.get("reason", "")[:2000]
    if what.cause is not None:
        on, bad = forms.day("effective_on", _("生效日期"))
        sent = {n: request.form[n] for n in CAUSE_ALIKE[what.cause] if request.form.get(n, "").strip()}
        values, wrong = filing_forms.with_units(g.actor, as_held(sent, held))
        return applying.Typed(on, reason, {"cause": what.way, "values": values}, [*bad, *wrong])
    if what.kind is not _K.UNIT_CHANGE:
        return applying.typed_of(one, what.kind.value)
    on, bad = forms.day("effective_on", _("生效日期"))
    values, wrong = change_fields.typed(side)
    wrong = [*bad, *wrong]
    try:
        data = unit_change_terms.taker(db.session, g.actor, side, unit_change_terms.Wanted("", **values))
    except Refusal as refusal:
        wrong += [replace(one, field="contract_id") for one in refusal.findings]
        data = unit_change_terms.taker(db.session, g.actor, side, unit_change_terms.Wanted(""))
    return applying.Typed(on, reason, {"side": side, **data}, wrong)


def paper(what: What) -> str:
    """Which paper it must have; "" where none."""
    if what.cause is not None:
        return CAUSE_PAPERS[what.cause]
    if what.kind is _K.UNIT_CHANGE:
        return unit_change_terms.PAPER[what.way or "use"]
    return applying.PAPER.get(what.kind, "")


def understood(
    what: What, said: applying.Typed, one: Elevator, files: list[int], application_id: int | None = None
) -> apply_many.Form:
    """What was said, by a form (`typed`) or a call of the API, as a form for many; raise with all that is wrong for
    every elevator."""
    on = said.effective_on.isoformat() if said.effective_on else None
    form = apply_many.Form(what.kind.value, on, said.reason, files, said.data)
    told = {f.field for f in said.wrong}
    wrong = apply_many.wrong_for_all(db.session, g.actor, form, one, clock.today(), application_id)
    wrong = [f for f in wrong if f.field not in told]
    if said.wrong or wrong:
        raise Refusal([*said.wrong, *wrong])
    return form


def of_page(what: What, one: Elevator) -> apply_many.Form:
    """`understood` of a new form that a page sent, with places for the files that came with it."""
    return understood(what, typed(what, one, {}), one, [0] * uploads.chosen("files"))


def enter(form: apply_many.Form, n: int, params: Mapping[str, Any]) -> int:
    """Have a job look at each of the elevators that `params` name, `n` of them; its number."""
    now = clock.now()
    with transaction(db.session) as session:
        files = uploads.kept(
            session, "files", apply_many.PAPER, apply_many.HOLDER, None, g.actor.unit_id, g.actor.region_code, now
        )
        params = {**params, "language": language()}
        return apply_many.look(session, g.actor, replace(form, files=files), n, params, now).id


def checked_before(what: What) -> tuple[apply_many.Form | None, dict[str, Any]]:
    """The form of the own check from which one went back to mend it (`?check=`), with what the check was about."""
    key = request.args.get("check", "")
    if request.method == "POST" or not (key.isascii() and key.isdigit() and len(key) < 19):
        return None, {}
    try:
        check = apply_many.own_check(db.session, g.actor, int(key))
    except NotFound:
        return None, {}
    form = apply_many.form_of(check.params["form"])
    same = form.kind == what.kind and (what.cause is None or form.data["cause"] == what.way)
    return (form, check.params) if same else (None, {})


def begun(form: apply_many.Form | None) -> dict[str, str]:
    """Day and reason as the page's fields begin; a day that is over is not offered anew."""
    typed = {"effective_on": clock.today().isoformat(), "reason": ""}
    if form is not None:
        typed["reason"] = form.reason
        if not form.is_over(clock.today()):
            typed["effective_on"] = form.effective_on or ""
    return typed | request.form.to_dict()


def said(form: apply_many.Form) -> list[tuple[str, str]]:
    """What a form says for all of them, in words."""
    data = form.data
    pairs = [(_("生效日期"), form.effective_on or "—")]
    if data.get("interval_days"):
        pairs.append((_("维保间隔"), _("%(n)s 天", n=data["interval_days"])))
    if data.get("until_on"):
        pairs.append((_("截止日期") if form.kind == _K.ON_DEMAND else _("恢复日期"), data["until_on"]))
    if form.kind == _K.UNIT_CHANGE:
        pairs.append((_("新维保单位"), unit_names([data["new_unit_id"]]).get(data["new_unit_id"], "—")))
        contract = db.session.get(Contract, data["contract_id"]) if data["contract_id"] else None
        pairs += [(_("新合同"), contract.number)] if contract is not None else []
        pairs.append((_("签订日期"), data["signed_on"] or "—"))
    values = filing_forms.masked_numbers(Elevator, data.get("values") or {})
    for name, value in values.items():
        shown = unit_names([value]).get(value, "—") if name in UNIT_FIELDS else str(value)
        pairs.append((str(told(filing_fields.label(Elevator, name))), shown))
    if form.files:
        pairs.append((_("材料"), _("%(n)s 份", n=len(form.files))))
    if form.reason:
        pairs.append((_("原因"), cut(form.reason, 60)))
    return pairs

