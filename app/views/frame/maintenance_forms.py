"""What the pages of contracts, ledgers and orders share: typed days, chosen rows, answers after a deed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from flask import flash, g, redirect, request
from flask_babel import gettext as _
from sqlalchemy import or_, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import Elevator, Person, Unit
from app.models.choices import LEVEL
from app.rules.identifiers import normal_code
from app.views.frame.account_forms import number, run
from app.views.frame.told import told

LEVEL_WORDS = LEVEL


def day(name: str, label: str) -> tuple[dt.date | None, list[Finding]]:
    """A day of the form; blank is None, anything that is no day comes with its finding."""
    typed = request.form.get(name, "")[:40].strip()
    if not typed:
        return None, []
    try:
        return dt.date.fromisoformat(typed), []
    except ValueError:
        found = _("%(label)s“%(value)s”不是日期", label=label, value=typed)
        return None, [Finding(label, False, found, _("请按 2026-01-31 的格式填写"), field=name, value=typed)]


def days(names: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], list[Finding]]:
    """Several days at once."""
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, label in names:
        values[name], bad = day(name, label)
        findings += bad
    return values, findings


def whole(name: str, label: str) -> tuple[int | None, list[Finding]]:
    """A row's number or a count; blank is None."""
    typed = request.form.get(name, "")[:20].strip()
    found = number(typed)
    if typed and found is None:
        text = _("%(label)s“%(value)s”不是数字", label=label, value=typed)
        return None, [Finding(label, False, text, _("请重新选择"), field=name, value=typed)]
    return found, []


def chosen(name: str = "ids") -> list[int]:
    """The rows ticked on the page; what is no number is left out, the workflow looks the others up in scope."""
    return [key for key in (number(value) for value in request.form.getlist(name)[:2000]) if key is not None]


def ticked() -> list[int]:
    """The rows that the form in hand names, or those that were ticked in the list that leads to it."""
    return chosen() or [key for key in (number(value) for value in request.args.getlist("ids")) if key]


def deed(do: Callable[[Any], Any], said: str, back: str) -> Any:
    """Do a workflow from a button: back to the page, with what was done or every reason why not."""
    _done, findings, _status = run(do)
    if findings:
        for finding in findings:
            flash(told(str(finding)), "danger")
    else:
        flash(said, "success")
    return redirect(back)


def workers_of(unit_id: int | None) -> list[tuple[int, str]]:
    """The people of a unit who can be given work, by name."""
    if unit_id is None:
        return []
    today = clock.today()
    statement = select(Person.id, Person.name).where(
        Person.unit_id == unit_id, or_(Person.left_on.is_(None), Person.left_on > today)
    )
    statement = scope.apply(statement, g.actor, Person).order_by(Person.name).limit(500)
    return [(key, name) for key, name in db.session.execute(statement)]


def use_units() -> list[tuple[int, str]]:
    """The use units that this account may name."""
    statement = scope.apply(select(Unit), g.actor, Unit).where(Unit.is_use, Unit.approved_version > 0)
    return [(unit.id, unit.name) for unit in db.session.scalars(statement.order_by(Unit.name).limit(500))]


def named_elevator(given: Any) -> Elevator | None:
    """The elevator that a form names, by its number or its 识别码, within scope."""
    key, code = number(given.get("elevator_id", "")[:16]), normal_code(given.get("code", "")[:20])
    if key is None and not code:
        return None
    named = Elevator.id == key if key is not None else Elevator.code == code
    # A draft may have the 识别码 of an approved one: that one is meant.
    chosen = select(Elevator).where(named).order_by(Elevator.approved_version.desc(), Elevator.id).limit(1)
    statement = scope.apply(chosen, g.actor, Elevator)
    found: Elevator | None = db.session.scalar(statement.execution_options(skip_scope=True))
    return found
