"""Ledgers, contracts and past visits of a file against what stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select

from app import scope
from app.errors import Finding, Refusal
from app.imports.columns import HELP, Spec
from app.imports.comparing import (
    BLANK,
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
)
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.models import Contract, ContractElevator, Elevator, MaintenanceLedger, MaintenanceTeam, Person, Unit, Visit
from app.rules.contracts import Binding
from app.rules.identifiers import normal_code
from app.transaction import AnySession
from app.wording import say, together
from app.workflows.contracts import contract_findings
from app.workflows.handover.take_over import PastVisit, findings, read_works
from app.workflows.maintenance import ledgers

WOULD_WRITE = ("new", "changed")

# --- ledgers


def elevator_of(checker: Judging, row: Row) -> Elevator | None:
    code = row.data.get("code")
    if not code:
        return None
    found: Elevator | None = checker.elevators.get(code)
    if found is None:
        row.bad("识别码", code, "没有找到这台电梯", "请核对识别码；新电梯请先导入电梯", NOT_FOUND, "code")
    return found


def people_by_word(checker: Judging) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = {}
    for person in checker.session.scalars(scope.apply(select(Person), checker.actor, Person)):
        for name in {person.name, person.certificate_no} - {None}:
            found.setdefault(str(name), []).append(person)
    return found


def person_named(
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
    row.bad(
        spec.label,
        name,
        say("“%(name)s”%(what)s", name=name, what=what),
        remedy,
        "人员不唯一" if found else NOT_FOUND,
        spec.name,
    )
    return None


def ledger_rows(checker: Judging, rows: list[Row]) -> None:
    kept: dict[int, MaintenanceLedger] = {}
    for part in parts([e.id for e in checker.elevators.values()]):
        for held in checker.session.scalars(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id.in_(part))):
            kept[held.elevator_id] = held
    visited: set[int] = set()
    for part in parts([e.id for e in checker.elevators.values()]):
        counted = select(Visit.elevator_id).where(Visit.elevator_id.in_(part), Visit.counted.is_(True)).distinct()
        visited |= set(checker.session.scalars(counted.execution_options(skip_scope=True)))
    known = people_by_word(checker)
    ids = {getattr(one, name) for one in kept.values() for name in ledgers.PERSONS} - {None}
    served = names_of_people(checker.session, ids)
    persons_named = [s for s in checker.given if s.kind == "person"]
    teams = _Teams.read(checker, kept.values())
    for row in rows:
        elevator = elevator_of(checker, row)
        if elevator is None:
            continue
        there = kept.get(elevator.id)
        for spec in persons_named:
            current = getattr(there, spec.name, None)
            if current is not None and row.data.get(spec.name) in served.get(current, ()):
                row.data[spec.name] = current
            else:
                row.data[spec.name] = person_named(row, spec, elevator.maintenance_unit_id, known, current)
        _name_team(checker, row, teams, elevator.maintenance_unit_id, getattr(there, "team_id", None))
        if elevator.maintenance_unit_id is None:
            row.bad(
                "识别码", row.data["code"], "这台电梯还没有维保单位", "请先在电梯备案里填写维保单位", LACKS, "code"
            )
        elif checker.actor.unit_id not in (None, elevator.maintenance_unit_id):
            row.bad("识别码", row.data["code"], "这台电梯由其他单位维保", "履历由承担维保的单位填写", LACKS, "code")
        typed = {n: row.data[n] for n in ledgers.FIELDS if row.data.get(n) is not None}
        given = {n: as_json(v) for n, v in typed.items()}
        if there is None:
            # The elevator stands, so the row is welcome in each mode: 更新导入 fills in what was never filled in.
            row.entity_id = elevator.id
            row.data = given
            if not given and checker.mode != "new" and row.verdict == "new":
                # The list shows elevators without one, too; nobody filled anything in.
                row.verdict = "same"
                row.errors = [{
                    "column": "识别码", "value": str(row.data.get("code") or ""), "found": "没有填写履历的内容",
                    "remedy": "不会建立空的履历；请填写维保人员或下次维保日期", "rule": BLANK, "field": "code",
                }]  # fmt: skip
        else:
            shown = {n: as_json(getattr(there, n)) for n in ledgers.FIELDS}
            judge(checker, row, [Standing(elevator.id, shown, shown)], given, {})
            typed = {n: v for n, v in typed.items() if n in row.data}
        if row.verdict in WOULD_WRITE and elevator.maintenance_unit_id is not None:
            _, wrong, _ = ledgers.judged(
                checker.session, elevator, there, typed, checker.at, visited=elevator.id in visited
            )
            tell(checker, row, wrong)


@dataclass(frozen=True, slots=True)
class _Teams:
    """The standing teams of a file's units by unit and name, and what those that stand in its ledgers are called."""

    named: dict[tuple[int | None, str], int]
    names: dict[int, str]

    @classmethod
    def read(cls, checker: Judging, kept: Iterable[MaintenanceLedger]) -> _Teams:
        if not any(s.kind == "team" for s in checker.given):
            return cls({}, {})
        units = {e.maintenance_unit_id for e in checker.elevators.values()} - {None}
        stands = {one.team_id for one in kept} - {None}
        team = MaintenanceTeam
        statement = select(team.id, team.unit_id, team.name, team.disbanded_at).where(
            or_(team.unit_id.in_(units), team.id.in_(stands))
        )
        rows = checker.session.execute(statement.execution_options(skip_scope=True)).all()
        return cls(
            {(row.unit_id, row.name): row.id for row in rows if row.disbanded_at is None},
            {row.id: row.name for row in rows if row.id in stands},
        )


def _name_team(checker: Judging, row: Row, teams: _Teams, unit_id: int | None, current: int | None) -> None:
    """Put the team in the place of its name: the one that stands, else one of the elevator's unit."""
    spec, name = checker.kind.spec("team_id"), row.data.get("team_id")
    if spec is None or name is None:
        return
    same = current is not None and teams.names.get(current) == name
    row.data[spec.name] = current if same else teams.named.get((unit_id, str(name)))
    if row.data[spec.name] is None:
        found = say("没有叫“%(name)s”的小组", name=str(name)[:40])
        row.bad(spec.label, name, found, "请填写本单位现有的小组名称，或先在“维保小组”里建立", NOT_FOUND, spec.name)


def names_of_people(session: AnySession, ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """By person: the words by which an export names him, whoever may see him."""
    found: dict[int, tuple[str, ...]] = {}
    for part in parts(sorted(ids)):
        statement = select(Person.id, Person.name, Person.certificate_no).where(Person.id.in_(part))
        for key, *words in session.execute(statement.execution_options(skip_scope=True)):
            found[key] = tuple(w for w in words if w)
    return found


# --- contracts

_TERMS = ("number", "kind", "unit_id", "use_unit_id", "signed_on", "starts_on", "ends_on", "note")


def contract_rows(checker: Judging, rows: list[Row]) -> None:
    numbers = {normal_code(r.data["number"]) for r in rows if r.data.get("number")}
    at = checker.match.columns.index("number") if "number" in checker.match.columns else None
    numbers |= {normal_code(str(r.raw[at])) for r in rows if at is not None and r.raw[at]}
    standing: dict[str, list[Standing]] = {}
    known: dict[int, Contract] = {}
    for part in parts(sorted(numbers)):
        statement = scope.apply(select(Contract).where(Contract.number_key.in_(part)), checker.actor, Contract)
        if checker.actor.unit_id is not None:
            # Another firm's contract for our own building may bear the same number; it is not ours to change.
            statement = statement.where(Contract.unit_id == checker.actor.unit_id)
        for contract in checker.session.scalars(statement.order_by(Contract.id)):
            known[contract.id] = contract
            shown = {n: as_json(getattr(contract, n)) for n in _TERMS}
            standing.setdefault(normal_code(contract.number), []).append(Standing(contract.id, shown, shown))
    ids = [s.id for several in standing.values() for s in several]
    bound = _bound(checker, ids)
    units = unit_names(checker, _TERMS, standing)
    held = _held(checker)
    for row in rows:
        typed = {n: v for n, v in row.data.items() if v is not None and n in _TERMS}
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
        under = bound.get(found.id, {}) if found is not None else {}
        lost = [c for c in codes if c not in checker.elevators and c not in under]
        if lost:
            remedy = "请核对识别码；新电梯请先导入电梯"
            row.bad(
                "电梯", together(lost), say("没有找到 %(count)s 台", count=len(lost)), remedy, NOT_FOUND, "elevators"
            )
        if found is None:
            row.data = given
            if checker.actor.unit_id is not None and unit_id not in (None, checker.actor.unit_id):
                row.bad("维保单位", unit_id, "不是本单位", "只能导入本单位的合同", LACKS, "unit_id")
            if checker.actor.unit_id is None and unit_id is None:
                row.bad(
                    "维保单位", None, "没有填写", say("维保单位必填：%(unit)s", unit=HELP["unit"]), BLANK, "unit_id"
                )
            if not new_row(checker, row):
                continue
        more = sorted(wanted - set(under.values()))
        if more and row.verdict != "bad":
            row.data["elevator_ids"] = more
            row.verdict = "changed" if found is not None else "new"
        if row.verdict in WOULD_WRITE:
            contract = known[found.id] if found is not None else None
            typed = {n: v for n, v in typed.items() if contract is None or n in row.data}
            _contract_findings(checker, row, contract, typed, more, held)


def _contract_findings(
    checker: Judging,
    row: Row,
    contract: Contract | None,
    typed: Mapping[str, Any],
    more: list[int],
    held: Mapping[int, list[contract_findings.Held]],
) -> None:
    """What the verbs would refuse: terms, an ended contract, past days, foreign elevators, double cover."""
    session, actor, today = checker.session, checker.actor, checker.today
    values, wrong = contract_findings.judged(session, actor, contract, typed, today)
    if values["use_unit_id"] is not None and typed.get("use_unit_id") is not None:
        wrong += _visible_unit(checker, values["use_unit_id"], "use_unit_id", "使用单位")
    unit_id = contract.unit_id if contract is not None else actor.unit_id or typed.get("unit_id")
    if contract is None:
        wrong += _visible_unit(checker, unit_id, "unit_id", "维保单位")
    if any(f.stops for f in wrong):
        return tell(checker, row, wrong)
    assert unit_id is not None
    if contract is not None:
        wrong += contract_findings.change_findings(session, actor, contract, values, today)
    span = contract_findings.span_of_binding(actor, values["starts_on"], values["ends_on"], today)
    elevators = {e.id: e for e in checker.elevators.values()}
    ended = contract is None and contract_findings.taken_over(actor, values["ends_on"], today)
    wrong += contract_findings.own_findings(unit_id, elevators, more, ended=ended)
    # A contract of this file has no number in the register yet: its row stands for it.
    name = contract.id if contract is not None else -row.number
    others = [h for key in more for h in (*held.get(key, ()), *checker.held.get(key, ()))]
    wrong += contract_findings.clashes(name, unit_id, [(key, span) for key in more], others)
    tell(checker, row, wrong)
    if row.verdict in WOULD_WRITE:
        for key in more:
            binding, number = (
                Binding(name, key, span.from_on, span.to_on),
                say("%(number)s（第 %(number2)s 行）", number=values["number"], number2=row.number),
            )
            mine = contract_findings.Held(binding, number, unit_id, elevators[key].code)
            checker.held.setdefault(key, []).append(mine)


def _visible_unit(checker: Judging, key: int | None, field: str, label: str) -> list[Finding]:
    """What keeps a contract from naming this unit; asked once a unit."""
    if (key, field) not in checker.seen_units:
        try:
            unit = scope.visible(checker.session, checker.actor, Unit, key, label)
            found = [contract_findings.unit_finding(unit)] if field == "unit_id" else []
        except Refusal as refusal:
            found = [replace(f, field=field) for f in refusal.findings]
        checker.seen_units[key, field] = found
    return list(checker.seen_units[key, field])


def _held(checker: Judging) -> dict[int, list[contract_findings.Held]]:
    """By elevator every contract's days, whoever may see them."""
    found: dict[int, list[contract_findings.Held]] = {}
    for part in parts([e.id for e in checker.elevators.values()]):
        for one in contract_findings.held_now(checker.session, part):
            found.setdefault(one.binding.elevator_id, []).append(one)
    return found


def _bound(checker: Judging, ids: list[int]) -> dict[int, dict[str, int]]:
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


def visit_rows(checker: Judging, rows: list[Row]) -> None:
    """Past visits: what is there (same elevator, same second) is left alone, whatever the row says of it."""
    known: set[tuple[int, dt.datetime]] = set()
    for part in parts([e.id for e in checker.elevators.values()]):
        statement = select(Visit.elevator_id, Visit.checked_in_at).where(Visit.elevator_id.in_(part))
        known |= {(key, at.replace(microsecond=0)) for key, at in checker.session.execute(statement)}
    people_known = people_by_word(checker)
    spec = checker.kind.spec("worker")
    assert spec is not None
    made: list[tuple[Row, PastVisit, Elevator]] = []
    for row in rows:
        elevator = checker.elevators.get(row.data.get("code") or "")
        began = row.data.get("checked_in_at")
        if elevator is not None and (elevator.id, began) in known:
            row.forgive({e["field"] for e in row.errors})
            row.entity_id, row.data, row.verdict = elevator.id, {}, "same"
            if checker.mode == "new":
                told_key(checker, row, "已存在", "既往记录不更新，请删去这一行", EXISTS)
            continue
        elevator_of(checker, row)
        worker = person_named(row, spec, row.data.get("unit_id"), people_known)
        if elevator is not None and began is not None:
            past = PastVisit(
                elevator.id, row.data.get("unit_id") or 0, worker or 0, began, mode=row.data.get("mode") or "items",
                **{n: row.data.get(n) for n in ("checked_out_at", "signed_at", "sheet_at", "reviewed_at")},
            )  # fmt: skip
            tell(checker, row, findings(checker.session, past, (elevator.region_code, elevator.code), checker.at))
            if worker is not None and row.verdict in WOULD_WRITE:
                made.append((row, past, elevator))
        row.entity_id = elevator.id if elevator is not None else None
        row.data = {n: as_json(v) for n, v in row.data.items()} | {"worker_id": worker}
        new_row(checker, row)
    read_works(checker.session, [past for _, past, _ in made], checker.diary)
    for row, past, elevator in made:
        double = checker.diary.clash(past.worker_id, past.work(""))
        if double is not None and row.verdict in WOULD_WRITE:
            tell(checker, row, [double])
        elif row.verdict in WOULD_WRITE:
            checker.diary.add(
                past.worker_id, past.work(say("电梯 %(code)s，第 %(number)s 行", code=elevator.code, number=row.number))
            )


def codes_in(text: Any) -> list[str]:
    """识别码 in one cell, parted by 、 comma or space."""
    split = str(text or "").replace("、", " ").replace(",", " ").replace("，", " ").replace(";", " ").split()
    return list(dict.fromkeys(normal_code(p) for p in split))
