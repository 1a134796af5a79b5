"""What its own unit may do about an application that came back: put right what it filed, or apply anew."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import g, request
from sqlalchemy import select

from app import scope
from app.errors import Finding, NotAllowed
from app.extensions import db
from app.models import Application, Commitment, Contract, Declaration, Elevator, GradeCertificate, Inspection, Person
from app.permissions import Verb
from app.rules.approval import EDITABLE
from app.rules.lifecycle import ApplicationKind, ChangeCause
from app.views.approval import applying, change_fields, filing_forms
from app.views.approval.filing_forms import Field
from app.views.frame import maintenance_forms as forms
from app.views.frame.told import told
from app.workflows.approval import submissions
from app.workflows.approval.submissions import FILING_KINDS, Mend
from app.workflows.desk import applications
from app.workflows.filing import filing
from app.workflows.people import person_filing

_K = ApplicationKind
LONGEST = 3000


# --- put right while it is returned


def fields(row: Application, findings: list[Finding]) -> list[Field]:
    """The parts of what was filed that can be put right, filled as typed or as they stand."""
    sent = request.form.to_dict() if request.method == "POST" else {}
    if row.kind in applications.OPEN_KINDS:
        if row.elevator is None:
            return []
        form = filing_forms.masked_numbers(Elevator, applying.said_by(row)) | sent
        return applying.fields_of(row.elevator, _K(row.kind), _cause(row), findings, form)
    if row.kind == _K.UNIT_CHANGE:
        return change_fields.fields(row.data.get("side") or "use", row.data, sent, findings)
    mends = _mends(row)
    held = applications.filed_of(db.session, row) if not any(one.name in sent for one in mends) else sent
    return [_field(one, held.get(one.name), findings) for one in mends]


def typed(row: Application) -> tuple[dict[str, Any] | None, list[Finding]]:
    """What the form in hand puts right, and what of it is no value at all; None where it asks for none."""
    if row.kind in applications.OPEN_KINDS:
        if row.elevator is None or not any(one.name in request.form for one in fields(row, [])):
            return None, []
        return applying.typed_data(row.elevator, row.kind, row)
    if row.kind == _K.UNIT_CHANGE:
        side = row.data.get("side") or "use"
        if ("contract_id" if side == "new" else "new_unit") not in request.form:
            return None, []
        return change_fields.typed(side)
    values: dict[str, Any] = {}
    wrong: list[Finding] = []
    for one in _mends(row):
        if one.kind == "date":
            values[one.name], bad = forms.day(one.name, told(one.label))
            wrong += bad
        else:
            values[one.name] = request.form.get(one.name, "")[:LONGEST].strip()
    return (values if any(one.name in request.form for one in _mends(row)) else None), wrong


def _mends(row: Application) -> list[Mend]:
    """None for whoever might not file such."""
    means = applications.handlers(row.kind)
    try:
        submissions.may_mend(db.session, g.actor, row, means)
    except NotAllowed:
        return []
    return list(means.mends)


def _field(one: Mend, value: Any, findings: list[Finding]) -> Field:
    return Field(
        one.name, told(one.label), one.kind, "" if value is None else value, required=one.required,
        choices=[(key, str(word)) for key, word in one.choices.items()],
        errors=[f for f in findings if f.field == one.name],
    )  # fmt: skip


def _cause(row: Application) -> ChangeCause | None:
    given = row.data.get("cause") or ""
    return ChangeCause(given) if given in set(ChangeCause) else None


# --- apply anew after 不通过 or 撤回


def refile(row: Application) -> str | None:
    """Where a rejected or withdrawn filing is mended by its own unit, while it still waits to be handed in again."""
    if not _ended_own(row):
        return None
    if row.kind == person_filing.KIND:
        held = _person(row.entity_id)
        mends = held is not None and held.filing_state in EDITABLE
        return f"/people/{row.entity_id}/edit" if mends and g.actor.may(Verb.PERSON_EDIT) else None
    if row.kind not in FILING_KINDS:
        return None
    model = filing.MODEL[row.entity]
    subject = db.session.scalar(scope.apply(select(model).where(model.id == row.entity_id), g.actor))
    if subject is None or subject.filing_state not in EDITABLE or not g.actor.may(filing.EDIT_VERB[model]):
        return None
    return f"/{'units' if row.entity == 'unit' else 'elevators'}/{subject.id}/edit"


def again(row: Application) -> str | None:
    """Where its own unit applies anew for what was withdrawn or refused: the form, filled as it was."""
    if not _ended_own(row):
        return None
    if row.kind in applications.OPEN_KINDS:
        if row.elevator_id is None or not g.actor.may(Verb.APPLICATION_SUBMIT) or not sees_elevator(row):
            return None
        more = {"cause": row.data["cause"]} if row.data.get("cause") else {}
        return _to(f"/elevators/{row.elevator_id}/apply/{row.kind}", row, **more)
    made = _AGAIN.get(row.kind)
    return made(row) if made is not None else None


def sees_elevator(row: Application) -> bool:
    """A new unit applies for an elevator that is not its own yet; it reads the code and nothing more."""
    return scope.sees(db.session, g.actor, Elevator, row.elevator_id)


def _to(address: str, row: Application, **more: Any) -> str:
    return f"{address}?{urlencode({'again': row.id, **more})}"


def _ended_own(row: Application) -> bool:
    """Whether it came to nothing, and the reader's unit had asked for it."""
    return row.state in ("rejected", "withdrawn") and row.unit_id is not None and row.unit_id == g.actor.unit_id


def _person(key: int) -> Person | None:
    held: Person | None = db.session.scalar(scope.apply(select(Person).where(Person.id == key), g.actor))
    return held if held is not None and held.left_on is None and held.unit_id == g.actor.unit_id else None


def _of_person(row: Application) -> str | None:
    model: Any = GradeCertificate if row.kind == _K.GRADE_CERTIFICATE else Declaration
    paper = db.session.scalar(scope.apply(select(model).where(model.id == row.entity_id), g.actor, model))
    if paper is None or not g.actor.may(Verb.PERSON_EDIT) or _person(paper.person_id) is None:
        return None
    page = "certificate" if row.kind == _K.GRADE_CERTIFICATE else "declaration"
    return _to(f"/people/{paper.person_id}/{page}", row)


def _commitment(row: Application) -> str | None:
    held = db.session.scalar(scope.apply(select(Commitment.id).where(Commitment.id == row.entity_id), g.actor))
    return _to("/commitments/new", row) if held is not None and g.actor.may(Verb.COMMITMENT_EDIT) else None


def _report(row: Application) -> str | None:
    paper = db.session.scalar(scope.apply(select(Inspection).where(Inspection.id == row.entity_id), g.actor))
    if paper is None or not g.actor.may(Verb.INSPECTION_REPORT) or not sees_elevator(row):
        return None
    return _to("/inspections/report", row, elevator_id=paper.elevator_id)


def _contract(row: Application) -> str | None:
    held = db.session.scalar(scope.apply(select(Contract).where(Contract.id == row.entity_id), g.actor))
    mine = held is not None and held.unit_id == g.actor.unit_id and g.actor.may(Verb.CONTRACT_EDIT)
    return f"/contracts/{row.entity_id}/edit" if mine else None


def _change(row: Application) -> str | None:
    if row.elevator is None or not g.actor.may(Verb.APPLICATION_SUBMIT):
        return None
    return _to("/unit-changes/new", row, code=row.elevator.code)


def _correction(row: Application) -> str | None:
    """What was measured on site is measured again; the rest is a form filled as it was."""
    if row.elevator is None or not g.actor.may(Verb.ELEVATOR_SURVEY) or not sees_elevator(row):
        return None
    measured = bool(row.data.get("evidence"))
    return f"/m/position/{row.elevator.code}" if measured else _to(f"/m/correct/{row.elevator.code}", row)


_AGAIN = {
    _K.GRADE_CERTIFICATE.value: _of_person, _K.DECLARATION.value: _of_person, _K.COMMITMENT.value: _commitment,
    _K.INSPECTION_REPORT.value: _report, _K.CONTRACT_CHANGE.value: _contract, _K.UNIT_CHANGE.value: _change,
    _K.CORRECTION.value: _correction,
}  # fmt: skip
