"""People and invitations of a file against what stands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.imports.comparing import (
    EXISTS,
    Standing,
    as_json,
    judge,
    new_row,
    numbers_of,
    tell,
    told_key,
    unit_names,
    unmask,
)
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.models import Invitation, Person
from app.models.sealed import ending
from app.rules.identifiers import check_mobile, check_resident_id, mask_mobile
from app.rules.invitations import CLOSED
from app.workflows.people import invitations, one_unit, people, person_versions

# What a workbook of people enters.
FIELDS = (*people.FIELDS, "resident_id", "certificate_issued_on", "hired_on")


def person_rows(checker: Judging, rows: list[Row]) -> None:
    """People of the own unit, found again by certificate; without one by a name that only one of them has."""
    statement = scope.apply(select(Person), checker.actor, Person).where(Person.unit_id == (checker.actor.unit_id or 0))
    by_code: dict[str, list[Standing]] = {}
    by_name: dict[str, list[Standing]] = {}
    left: set[int] = set()
    for person in checker.session.scalars(statement.order_by(Person.left_on.is_(None), Person.id)):
        shown = {n: as_json(getattr(person, n)) for n in FIELDS}
        waiting = person.approved_version and person.filing_state != "approved"
        now = person_versions.content(checker.session, person) if waiting else shown
        where, word = (by_code, person.certificate_no) if person.certificate_no else (by_name, person.name)
        where.setdefault(str(word), []).append(Standing(person.id, shown, {n: now[n] for n in FIELDS}))
        left |= {person.id} if person.left_on is not None else set()
    for row in rows:
        code = row.data.get("certificate_no")
        there = by_code.get(code or "", []) if code else by_name.get(row.data.get("name") or "", [])
        _numbers(checker, row, there)
        given = {n: as_json(v) for n, v in row.data.items() if v is not None}
        standing = judge(checker, row, there, given, {}) if there else None
        if standing is None:
            row.data = given
            new_row(checker, row)
        elif standing.id in left and row.verdict == "changed":
            row.bad("姓名", standing.shown["name"], "已经离职", "离职的人员不再修改", "已离职", "name")
        if row.verdict in ("new", "changed"):
            held = standing.now if standing is not None else {}
            tell(checker, row, people.day_findings(held, row.data, checker.today))


def _numbers(checker: Judging, row: Row, there: list[Standing]) -> None:
    """Phone and ID number as they are stored; masked ones say nothing new."""
    if any(isinstance(row.data.get(n), str) and "*" in row.data[n] for n in ("phone", "resident_id")):
        unmask(checker, numbers_of(checker, Person), row, bool(there))
    try:
        if row.data.get("phone") is not None:
            row.data["phone"] = check_mobile(str(row.data["phone"]), "phone")
    except Refusal as refusal:
        row.data["phone"] = None
        tell(checker, row, refusal.findings)
    try:
        if row.data.get("resident_id") is not None:
            number = check_resident_id(str(row.data["resident_id"]), checker.today)
            row.data["resident_id"] = number
            known = next((s.id for s in there if s.shown.get("resident_id") == number), None)
            key = known if known is not None else (there[0].id if len(there) == 1 else None)
            tell(checker, row, [one_unit.asked(checker.session, checker.actor, number, key, checker.at)])
    except Refusal as refusal:
        row.data["resident_id"] = None
        tell(checker, row, refusal.findings)


def invitation_rows(checker: Judging, rows: list[Row]) -> None:
    """New invitations, judged as the form is; one that is shown as it stands changes nothing, and none is changed."""
    standing = _invited(checker, rows)
    names = unit_names(checker, ["unit_id"], standing)
    for row in rows:
        given = dict(row.data)
        phone = str(given.get("phone") or "")
        there = _asked(checker, standing.get(phone[-4:], []), phone, given.get("unit_id"))
        if "*" in phone:
            unmask(checker, numbers_of(checker, Invitation), row, bool(there))
        if there:
            judge(checker, row, there, {n: v for n, v in row.data.items() if v is not None}, names)
            if row.verdict == "same" or checker.mode == "new":
                continue
            row.data, row.before, row.entity_id = given, None, None
            if "*" in phone or checker.mode == "update":
                told_key(checker, row, "邀请发出后不能修改", "需要改正时请取消邀请，再重新邀请", EXISTS)
        if row.verdict != "bad" and new_row(checker, row):
            row.verdict = "new"
            _invitable(checker, row, given)


def _invitable(checker: Judging, row: Row, given: dict[str, Any]) -> None:
    _unit, checked, found = invitations.problems(
        checker.session, checker.actor, given.get("unit_id"), given, checker.at
    )
    tell(checker, row, found)
    if checked:
        row.data = {"unit_id": given.get("unit_id"), **checked}


def _invited(checker: Judging, rows: list[Row]) -> dict[str, list[Standing]]:
    """The invitations that the rows may show, by the end of their phones, which a masked one shows too."""
    ends = sorted({str(row.data.get("phone") or "")[-4:] for row in rows} - {""})
    found: dict[str, list[Standing]] = {}
    for part in parts(ends):
        statement = select(Invitation).where(ending(Invitation.phone, *part))
        for one in checker.session.scalars(scope.apply(statement, checker.actor, Invitation).order_by(Invitation.id)):
            shown = {n: getattr(one, n) for n in ("name", "phone", "kind", "unit_id", "with_account")}
            found.setdefault(one.phone[-4:], []).append(Standing(one.id, shown, shown, filing=one.state))
    return found


def _asked(checker: Judging, there: list[Standing], phone: str, unit_id: Any) -> list[Standing]:
    """Those that a row may be: by a masked phone any, by a whole one what still runs, for whoever joined or was
    cancelled may be asked anew; a file that only updates asks nobody."""
    if "*" in phone:
        return [s for s in there if mask_mobile(s.shown["phone"]) == phone]
    same = [s for s in there if s.shown["phone"] == phone]
    if checker.mode == "update":
        return same
    unit_id = unit_id or checker.actor.unit_id
    return [s for s in same if s.filing not in CLOSED and s.shown["unit_id"] == unit_id]
