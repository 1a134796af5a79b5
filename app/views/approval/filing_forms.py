"""The filing forms: fields made from the columns' declarations, input kept whatever happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Boolean, Date, Float, Integer, Numeric, String, Text, or_, select

from app import scope
from app.errors import Finding
from app.extensions import db
from app.models import Elevator, Region, Unit
from app.models.choices import FILING_STATE, OF_CATEGORY
from app.models.sealed import numbers
from app.permissions import Actor
from app.rules.identifiers import masked, normal_code
from app.views.frame.filed import SECTIONS, UNIT_FIELDS, unit_names
from app.workflows.approval.filing_fields import FiledModel, fields_of, label, required_of
from app.workflows.filing.filing_checks import needed_when

MOST_REGIONS = 3000
MOST_FOUND = 12
_WIDE = {"address", "note", "business_scope", "office_address"}


@dataclass
class Field:
    """One input: what it is called, how it is entered, what stands in it, what is wrong with it."""

    name: str
    label: str
    kind: str
    value: Any = ""
    help: str = ""
    unit: str = ""
    required: bool = False
    # What submitting needs besides: None = not needed, "" = always, else the box that makes it needed.
    needed: str | None = None
    most: int | None = None
    # The categories that have it, where not all do. One that holds something is asked for in every case.
    only_for: str = ""
    wide: bool = False
    choices: list[tuple[str, str]] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)


def fields(
    model: FiledModel, values: Mapping[str, Any], actor: Actor, findings: Iterable[Finding], skip: Iterable[str] = ()
) -> list[tuple[str, list[Field]]]:
    """The sections of the form. `values` hold stored values or, after a refusal, what was typed."""
    failing, left_out = list(findings), set(skip)
    names = unit_names(values.get(n) for n in UNIT_FIELDS if isinstance(values.get(n), int))
    sections = []
    for title, members in SECTIONS[model]:
        rows = [_field(model, n, values.get(n), names, actor, failing) for n in members if n not in left_out]
        if rows:
            sections.append((str(title), rows))
    return sections


def typed(model: FiledModel, form: Mapping[str, str], skip: Iterable[str] = ()) -> dict[str, Any]:
    """What the form sent, field by field; an unticked box is False, a field that was not in the form is left alone."""
    columns, left_out = model.__table__.columns, set(skip)
    values: dict[str, Any] = {}
    for name in fields_of(model):
        if name in left_out:
            continue
        if isinstance(columns[name].type, Boolean):
            if f"_{name}" in form:
                values[name] = name in form
        elif name in form:
            values[name] = form[name]
    return values


def masked_numbers(model: FiledModel, data: Mapping[str, Any]) -> dict[str, Any]:
    """The content as a form shows it: persons' numbers masked, for the whole one is a deed of its own."""
    kinds = {name: kind for name, kind in numbers().items() if name in model.__table__.columns}
    return {name: masked(kinds[name], str(value)) if name in kinds and value else value for name, value in data.items()}


def with_units(actor: Actor, values: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Replace typed names or codes of units by their ids; what is not found is told, the text is kept by the form."""
    resolved, findings = dict(values), []
    for name in UNIT_FIELDS:
        text = str(values.get(name) or "").strip()
        if name not in values or not text:
            continue
        found = find_units(actor, text, exact=True)
        if len(found) == 1:
            resolved[name] = found[0].id
            continue
        resolved.pop(name)
        said = _("没有找到名称或统一社会信用代码为“%(t)s”的单位", t=text[:60])
        remedy = _("请改填统一社会信用代码") if found else _("请从提示里选择，或先登记该单位")
        waiting = None if found else _unapproved(text)
        if found:
            said = _("有 %(n)s 家单位叫这个名称", n=len(found))
        elif waiting is not None:
            state = FILING_STATE[waiting.filing_state]
            said = _("“%(t)s”已由其他单位登记，备案%(s)s，还没有通过", t=text[:60], s=state)
            remedy = _("不用再登记；审核通过后就可以选用")
        findings.append(Finding(_("单位"), False, said, remedy, field=name, value=text[:60]))
    return resolved, findings


def _unapproved(text: str) -> Unit | None:
    """A unit of exactly this name or code that is registered and not approved yet; no more is told than that."""
    whole = or_(Unit.name == " ".join(text.split()), Unit.uscc == normal_code(text))
    statement = select(Unit).where(whole, Unit.approved_version == 0, Unit.filing_state != "draft").limit(1)
    return db.session.scalar(statement.execution_options(skip_scope=True))


def find_units(actor: Actor, text: str, *, exact: bool = False) -> list[Unit]:
    """Units by name or code: those within scope, and any approved one whose full name or code was given.

    So a new customer who is already on the register can be named, and nobody can leaf through the register.
    """
    code, name = normal_code(text), " ".join(text.split())
    whole = or_(Unit.name == name, Unit.uscc == code)
    part = or_(Unit.name.contains(name, autoescape=True), Unit.uscc.startswith(code, autoescape=True))
    some = whole if exact else part
    seen = (scope.criterion(Unit, actor)) & some
    public = (Unit.approved_version > 0) & whole
    statement = select(Unit).where(or_(seen, public)).order_by(Unit.name, Unit.id).limit(MOST_FOUND)
    return list(db.session.scalars(statement.execution_options(skip_scope=True)))


def region_choices(actor: Actor) -> list[tuple[str, str]]:
    """Regions to choose from, indented as in the tree: a regulator's own, for a unit all."""
    statement = select(Region).order_by(Region.code).limit(MOST_REGIONS)
    if actor.unit_id is None and not actor.sees_everything and actor.region_span:
        low, high = actor.region_span
        statement = statement.where(Region.code >= low, Region.code < high)
    depth = {"province": 0, "city": 1, "district": 2, "street": 3}
    rows = list(db.session.scalars(statement))
    top = min((depth.get(row.level, 3) for row in rows), default=0)
    return [(str(row.id), "　" * (depth.get(row.level, 3) - top) + row.name) for row in rows]


def _field(
    model: FiledModel, name: str, value: Any, names: Mapping[int, str], actor: Actor, findings: list[Finding]
) -> Field:
    column = model.__table__.columns[name]
    info, kind = column.info, column.type
    made = Field(
        name, label(model, name), "text", "" if value is None else value, help=str(info.get("help") or ""),
        unit=str(info.get("unit") or ""), required=name in required_of(model), wide=name in _WIDE,
        needed=needed_when(model).get(name),
        errors=[f for f in findings if f.field == name],
    )  # fmt: skip
    if name in OF_CATEGORY and model is Elevator and not made.value and not made.errors:
        made.only_for = "|".join(sorted(OF_CATEGORY[name]))
    if name == "region_id":
        made.kind, made.choices, made.value = "choice", region_choices(actor), str(made.value)
    elif name in UNIT_FIELDS:
        made.kind, made.value = "unit", names.get(value, value) if isinstance(value, int) else made.value
        made.help = _("填写单位名称或统一社会信用代码")
    elif isinstance(kind, Boolean):
        made.kind = "check"
    elif info.get("choices"):
        made.kind, made.choices = "choice", [(key, str(word)) for key, word in info["choices"].items()]
    elif isinstance(kind, Date):
        made.kind = "date"
    elif isinstance(kind, Float | Numeric | Integer):
        made.kind = "number"
    elif isinstance(kind, Text):
        made.kind = "long"
    elif info.get("sensitive") == "mobile" or name.endswith("_phone"):
        made.kind = "tel"
    made.most = kind.length if isinstance(kind, String) and kind.length else None
    return made
