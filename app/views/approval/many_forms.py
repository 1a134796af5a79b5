"""What the forms for many elevators ask for and say, of every kind of `apply_many.KINDS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, NotFound, Refusal
from app.extensions import db
from app.models import Application, Contract, Elevator
from app.rules.lifecycle import ApplicationKind
from app.telling import language
from app.transaction import transaction
from app.views.approval import applying, change_fields
from app.views.approval.filing_forms import Field
from app.views.frame import maintenance_forms as forms
from app.views.frame import uploads
from app.views.frame.filed import unit_names
from app.workflows.desk import apply_many
from app.workflows.handover import unit_change_terms

_K = ApplicationKind
# In the address of a form: the check from which one comes back to it.
CHECK = "check="
NO_REASON = applying.NO_REASON


def fields(
    kind: ApplicationKind, side: str, one: Elevator, held: Mapping[str, Any], findings: list[Finding]
) -> list[Field]:
    """What the kind asks for besides day and reason; `held` is what an application or a check says of it."""
    sent = request.form.to_dict() if request.method == "POST" else {}
    if kind is _K.UNIT_CHANGE:
        return change_fields.fields(side, dict(held), sent, findings)
    return applying.fields_of(one, kind, None, findings, {n: str(v) for n, v in held.items() if v is not None} | sent)


def typed(kind: ApplicationKind, side: str, one: Elevator) -> applying.Typed:
    """The form in hand, as it was sent; of 维保单位变更 from the `side` on which the unit stands."""
    if kind is not _K.UNIT_CHANGE:
        return applying.typed_of(one, kind.value)
    on, bad = forms.day("effective_on", _("生效日期"))
    values, wrong = change_fields.typed(side)
    wrong = [*bad, *wrong]
    try:
        data = unit_change_terms.taker(db.session, g.actor, side, unit_change_terms.Wanted("", **values))
    except Refusal as refusal:
        wrong += [replace(one, field="contract_id") for one in refusal.findings]
        data = unit_change_terms.taker(db.session, g.actor, side, unit_change_terms.Wanted(""))
    return applying.Typed(on, request.form.get("reason", "")[:2000], {"side": side, **data}, wrong)


def paper(kind: ApplicationKind, side: str) -> str:
    """Which paper it must have; "" where none."""
    return unit_change_terms.PAPER[side] if kind is _K.UNIT_CHANGE else applying.PAPER.get(kind, "")


def understood(
    kind: ApplicationKind, side: str, one: Elevator, files: int, application_id: int | None = None
) -> apply_many.Form:
    """The form, with places for as many `files`; raise with all that is wrong for every elevator."""
    said = typed(kind, side, one)
    on = said.effective_on.isoformat() if said.effective_on else None
    form = apply_many.Form(kind.value, on, said.reason, [0] * files, said.data)
    told = {f.field for f in said.wrong}
    wrong = apply_many.wrong_for_all(db.session, g.actor, form, one, clock.today(), application_id)
    wrong = [f for f in wrong if f.field not in told]
    if said.wrong or wrong:
        raise Refusal([*said.wrong, *wrong])
    return form


def enter(form: apply_many.Form, n: int, params: Mapping[str, Any]) -> int:
    """Have a job look at each of the elevators that `params` name, `n` of them; its number."""
    now = clock.now()
    with transaction(db.session) as session:
        files = uploads.kept(
            session, "files", apply_many.PAPER, apply_many.HOLDER, None, g.actor.unit_id, g.actor.region_code, now
        )
        params = {**params, "language": language()}
        return apply_many.look(session, g.actor, replace(form, files=files), n, params, now).id


def checked_before(kind: ApplicationKind) -> tuple[apply_many.Form | None, dict[str, Any]]:
    """The form of the own check from which one went back to mend it (`?check=`), with what the check was about."""
    key = request.args.get("check", "")
    if request.method == "POST" or not (key.isascii() and key.isdigit() and len(key) < 19):
        return None, {}
    try:
        check = apply_many.own_check(db.session, g.actor, int(key))
    except NotFound:
        return None, {}
    form = apply_many.form_of(check.params["form"])
    return (form, check.params) if form.kind == kind else (None, {})


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
    if form.files:
        pairs.append((_("材料"), _("%(n)s 份", n=len(form.files))))
    if form.reason:
        pairs.append((_("原因"), form.reason if len(form.reason) <= 60 else f"{form.reason[:60]}…"))
    return pairs


def side_now(row: Application) -> str:
    """From which side an application was filed; "" of the kinds that know none."""
    return str(row.data.get("side") or "")
