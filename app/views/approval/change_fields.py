"""What a form asks of 维保单位变更: the new unit names its contract, the others the new unit and the day of signing."""

from __future__ import annotations

from typing import Any

from flask import g, request
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import Contract
from app.views.approval.filing_forms import Field, find_units
from app.views.frame import maintenance_forms as forms
from app.views.frame.filed import unit_names

MOST_CONTRACTS = 200


def fields(side: str, held: dict[str, Any], sent: dict[str, str], findings: list[Finding]) -> list[Field]:
    """Filled as `sent`, else as it is `held` by an application or a check (`new_unit_id`, `contract_id`, …)."""

    def field(name: str, label: str, kind: str, value: Any, about: str = "", **more: Any) -> Field:
        wrong = [f for f in findings if f.field == (about or name)]
        return Field(name, label, kind, sent.get(name, value), required=True, errors=wrong, **more)

    if side == "new":
        chosen = str(held.get("contract_id") or "")
        return [field("contract_id", _("新签订的维保合同"), "choice", chosen, choices=contracts_offered())]
    key = held.get("new_unit_id") or 0
    return [
        field("new_unit", _("新维保单位"), "unit", unit_names([key]).get(key, ""), "new_unit_id"),
        field("signed_on", _("新合同签订日期"), "date", held.get("signed_on") or ""),
    ]


def typed(side: str) -> tuple[dict[str, Any], list[Finding]]:
    """What the form in hand says, as the workflow takes it, and what of it is no value at all."""
    if side == "new":
        key, wrong = forms.whole("contract_id", _("新合同"))
        return {"contract_id": key}, wrong
    unit_id, wrong = unit_named(request.form.get("new_unit", ""))
    signed_on, bad = forms.day("signed_on", _("签订日期"))
    return {"new_unit_id": unit_id, "signed_on": signed_on}, [*wrong, *bad]


def unit_named(text: str) -> tuple[int | None, list[Finding]]:
    """The unit that a name or code gives in full."""
    if not text.strip():
        return None, []
    found = find_units(g.actor, text.strip()[:120], exact=True)
    if len(found) == 1:
        return found[0].id, []
    said = _("没有找到名称或统一社会信用代码为“%(t)s”的单位", t=text[:60])
    if found:
        said = _("有 %(n)s 家单位叫这个名称", n=len(found))
    return None, [Finding(_("新维保单位"), False, said, _("请改填统一社会信用代码"), field="new_unit_id")]


def contracts_offered() -> list[tuple[str, str]]:
    """The new unit's contracts that are not over."""
    statement = select(Contract).where(Contract.unit_id == g.actor.unit_id, Contract.ends_on >= clock.today())
    statement = scope.apply(statement, g.actor).order_by(Contract.id.desc()).limit(MOST_CONTRACTS)
    rows = db.session.scalars(statement)
    return [(str(c.id), _("%(n)s　%(s)s 签订　%(a)s 至 %(b)s", n=c.number, s=c.signed_on, a=c.starts_on, b=c.ends_on))
            for c in rows]  # fmt: skip
