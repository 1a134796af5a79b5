"""People, ledgers, contracts and past visits of a file against what stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app import scope
from app.errors import Refusal
from app.imports.columns import Spec
from app.imports.comparing import (
    EXISTS,
    LACKS,
    NOT_FOUND,
    Standing,
    as_json,
    judge,
    new_row,
    tell,
    told_key,
    unit_names,
    unmask,
)
from app.imports.references import parts
from app.models import Contract, ContractElevator, Elevator, MaintenanceLedger, Person, Visit
from app.rules.identifiers import check_mobile, normal_code
from app.workflows import ledgers, people
from app.workflows.contracts import number_key

if TYPE_CHECKING:
    from app.imports.checking import Checker, Row


# --- persons


def person_rows(checker: Checker, rows: list[Row]) -> None:
    """People of the own unit, found again by certificate; without one by a name that only one of them has."""
    statement = scope.apply(select(Person), checker.actor, Person).where(Person.unit_id == (checker.actor.unit_id or 0))
    by_code: dict[str, list[Standing]] = {}
    by_name: dict[str, list[Standing]] = {}
    left: set[int] = set()
    for person in checker.session.scalars(statement.order_by(Person.left_on.is_(None), Person.id)):
        shown = {n: as_json(getattr(person, n)) for n in people.FIELDS}
        where, word = (by_code, person.certificate_no) if person.certificate_no else (by_name, person.name)
        where.setdefault(str(word), []).append(Standing(person.id, shown, shown))
        left |= {person.id} if person.left_on is not None else set()
    for row in rows:
        code = row.data.get("certificate_no")
        there = by_code.get(code or "", []) if code else by_name.get(row.data.get("name") or "", [])
        _mobile(checker, row, bool(there))
        given = {n: as_json(v) for n, v in row.data.items() if v is not None}
        standing = judge(checker, row, there, given, {}) if there else None
        if standing is None:
            row.data = given
            new_row(checker, row)
        elif standing.id in left and row.verdict == "changed":
            row.bad("姓名", standing.shown["name"], "已经离职", "离职的人员不再修改", "已离职", "name")


def _mobile(checker: Checker, row: Row, there: bool) -> None:
    phone = row.data.get("phone")
    if isinstance(phone, str) and "*" in phone:
        unmask(checker, Person, row, there)
    elif phone is not None:
        try:
            row.data["phone"] = check_mobile(str(phone), "phone")
        except Refusal as refusal:
            row.data["phone"] = None
            tell(checker, row, refusal.findings)


# --- ledgers


def _elevator_of(checker: Checker, row: Row) -> Elevator | None:
    code = row.data.get("code")
    if not code:
        return None
    found: Elevator | None = checker.elevators.get(code)
    if found is None:
        row.bad("识别码", code, "没有找到这台电梯", "请核对识别码；新电梯请先导入电梯", NOT_FOUND, "code")
    return found


def _people(checker: Checker) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = {}
    for person in checker.session.scalars(scope.apply(select(Person), checker.actor, Person)):
        for name in {person.name, person.certificate_no} - {None}:
            found.setdefault(str(name), []).append(person)
    return found


def _person(
    row: Row, spec: Spec, unit_id: int | None, known: Mapping[str, list[Person]], current: int | None = None
) -> int | None:
    """The person named; of several with one name the one who has the place already."""
    name = row.data.get(spec.name)
    if name is None:
        return None
    found = known.get(str(name), [])
    if current is not None and any(p.id == current for p in found):
        return current
    found = [p for p in found if unit_id in (None, p.unit_id)]
    if len(found) == 1:
        return found[0].id
    what = "有重名" if found else "不是这个单位的人员"
    remedy = "请填写作业人员证编号" if found else "请先在人员与证书里登记"
    row.bad(spec.label, name, f"“{name}”{what}", remedy, "人员不唯一" if found else NOT_FOUND, spec.name)
    return None


def ledger_rows(checker: Checker, rows: list[Row]) -> None:
    kept: dict[int, MaintenanceLedger] = {}
    for part in parts([e.id for e in checker.elevators.values()]):
        for held in checker.session.scalars(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id.in_(part))):
            kept[held.elevator_id] = held
    known = _people(checker)
    served = _names_of_people(checker, kept.values())
    persons_named = [s for s in checker.given if s.kind == "person"]
    for row in rows:
        elevator = _elevator_of(checker, row)
        if elevator is None:
            continue
        there = kept.get(elevator.id)
        for spec in persons_named:
            current = getattr(there, spec.name, None)
            if current is not None and row.data.get(spec.name) in served.get(current, ()):
                row.data[spec.name] = current
            else:
                row.data[spec.name] = _person(row, spec, elevator.maintenance_unit_id, known, current)
        if elevator.maintenance_unit_id is None:
            row.bad(
                "识别码", row.data["code"], "这台电梯还没有维保单位", "请先在电梯备案里填写维保单位", LACKS, "code"
            )
        elif checker.actor.unit_id not in (None, elevator.maintenance_unit_id):
            row.bad("识别码", row.data["code"], "这台电梯由其他单位维保", "履历由承担维保的单位填写", LACKS, "code")
        given = {n: as_json(row.data[n]) for n in ledgers.FIELDS if row.data.get(n) is not None}
        if there is None:
            row.entity_id = elevator.id
            row.data = given
            new_row(checker, row)
            continue
        shown = {n: as_json(getattr(there, n)) for n in ledgers.FIELDS}
        judge(checker, row, [Standing(elevator.id, shown, shown)], given, {})


def _names_of_people(checker: Checker, held: Iterable[MaintenanceLedger]) -> dict[int, tuple[str, ...]]:
    """By person: the words by which an export names him, whoever may see him."""
    ids = {getattr(one, name) for one in held for name in ledgers.PERSONS} - {None}
    found: dict[int, tuple[str, ...]] = {}
    for part in parts(sorted(ids)):
        statement = select(Person.id, Person.name, Person.certificate_no).where(Person.id.in_(part))
        for key, *words in checker.session.execute(statement.execution_options(skip_scope=True)):
            found[key] = tuple(w for w in words if w)
    return found


# --- contracts

_TERMS = ("number", "kind", "unit_id", "use_unit_id", "signed_on", "starts_on", "ends_on", "note")


def contract_rows(checker: Checker, rows: list[Row]) -> None:
    numbers = {normal_code(r.data["number"]) for r in rows if r.data.get("number")}
    at = checker.match.columns.index("number") if "number" in checker.match.columns else None
    numbers |= {normal_code(str(r.raw[at])) for r in rows if at is not None and r.raw[at]}
    standing: dict[str, list[Standing]] = {}
    for part in parts(sorted(numbers)):
        statement = scope.apply(select(Contract).where(number_key().in_(part)), checker.actor, Contract)
        if checker.actor.unit_id is not None:
            # Another firm's contract for our own building may bear the same number; it is not ours to change.
            statement = statement.where(Contract.unit_id == checker.actor.unit_id)
        for contract in checker.session.scalars(statement.order_by(Contract.id)):
            shown = {n: as_json(getattr(contract, n)) for n in _TERMS}
            standing.setdefault(normal_code(contract.number), []).append(Standing(contract.id, shown, shown))
    ids = [s.id for several in standing.values() for s in several]
    bound = _bound(checker, ids)
    units = unit_names(checker, _TERMS, standing)
    for row in rows:
        codes = codes_in(row.data.pop("elevators", None))
        wanted = {checker.elevators[c].id for c in codes if c in checker.elevators}
        there = standing.get(normal_code(row.data.get("number") or ""), [])
        unit_id = row.data.get("unit_id")
        if unit_id is not None:
            there = [s for s in there if s.shown["unit_id"] == unit_id] or there[:0]
        given = {n: as_json(v) for n, v in row.data.items() if v is not None and n in _TERMS}
        if there:
            given["number"] = there[-1].shown["number"]  # written otherwise, it is the same number
        found = judge(checker, row, there, given, units)
        held = bound.get(found.id, {}) if found is not None else {}
        lost = [c for c in codes if c not in checker.elevators and c not in held]
        if lost:
            remedy = "请核对识别码；新电梯请先导入电梯"
            row.bad("电梯", "、".join(lost), f"没有找到 {len(lost)} 台", remedy, NOT_FOUND, "elevators")
        if found is None:
            row.data = given
            if checker.actor.unit_id is not None and unit_id not in (None, checker.actor.unit_id):
                row.bad("维保单位", unit_id, "不是本单位", "只能导入本单位的合同", LACKS, "unit_id")
            if not new_row(checker, row):
                continue
        more = sorted(wanted - set(held.values()))
        if more and row.verdict != "bad":
            row.data["elevator_ids"] = more
            row.verdict = "changed" if found is not None else "new"


def _bound(checker: Checker, ids: list[int]) -> dict[int, dict[str, int]]:
    """By contract the elevators under it, by code, whoever may see them."""
    found: dict[int, dict[str, int]] = {}
    for part in parts(ids):
        statement = (
            select(ContractElevator.contract_id, Elevator.code, Elevator.id)
            .join(Elevator, Elevator.id == ContractElevator.elevator_id)
            .where(ContractElevator.contract_id.in_(part), ContractElevator.removed_at.is_(None))
        )
        for contract_id, code, elevator_id in checker.session.execute(statement.execution_options(skip_scope=True)):
            found.setdefault(contract_id, {})[code] = elevator_id
    return found


# --- visits


_LATER = (
    ("checked_out_at", "签退"), ("sheet_at", "上传时间"), ("reviewed_at", "复核时间"), ("signed_at", "现场签名"),
)  # fmt: skip


def visit_rows(checker: Checker, rows: list[Row]) -> None:
    """Past visits: what is there (same elevator, same second) is left alone, whatever the row says of it."""
    known: set[tuple[int, dt.datetime]] = set()
    for part in parts([e.id for e in checker.elevators.values()]):
        statement = select(Visit.elevator_id, Visit.checked_in_at).where(Visit.elevator_id.in_(part))
        known |= {(key, at.replace(microsecond=0)) for key, at in checker.session.execute(statement)}
    people_known = _people(checker)
    spec = checker.kind.spec("worker")
    assert spec is not None
    for row in rows:
        elevator = checker.elevators.get(row.data.get("code") or "")
        began, ended = row.data.get("checked_in_at"), row.data.get("checked_out_at")
        if elevator is not None and (elevator.id, began) in known:
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = elevator.id, {}, "same"
            if checker.mode == "new":
                told_key(checker, row, "已存在", "既往记录不更新，请删去这一行", EXISTS)
            continue
        _elevator_of(checker, row)
        worker = _person(row, spec, row.data.get("unit_id"), people_known)
        for name, label in (("checked_in_at", "签到"), *_LATER):
            when = row.data.get(name)
            if when is not None and when > checker.at:
                row.bad(label, as_json(when), "晚于现在", "既往记录只能是过去的", "日期不对", name)
        for name, label in _LATER:
            when = ended if name == "checked_out_at" else row.data.get(name)
            if when is not None and began is not None and when < began:
                row.bad(label, as_json(when), "早于签到", "请核对时间", "日期不对", name)
        row.entity_id = elevator.id if elevator is not None else None
        row.data = {n: as_json(v) for n, v in row.data.items()} | {"worker_id": worker}
        new_row(checker, row)


def codes_in(text: Any) -> list[str]:
    """识别码 in one cell, parted by 、 comma or space."""
    split = str(text or "").replace("、", " ").replace(",", " ").replace("，", " ").replace(";", " ").split()
    return list(dict.fromkeys(normal_code(p) for p in split))
