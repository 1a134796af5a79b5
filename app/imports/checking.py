"""Every row judged, every error told by cell: new, changed, unchanged or bad. Sets are read once, never row by row."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select

from app import scope
from app.errors import Finding, Refusal
from app.imports.columns import Kind, Spec
from app.imports.parsing import Bad, parse
from app.imports.reading import Sheet
from app.models import (
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceLedger,
    Person,
    Region,
    Unit,
    Version,
    Visit,
)
from app.permissions import Actor
from app.rules.identifiers import check_uscc, normal_code
from app.transaction import AnySession
from app.workflows import ledgers
from app.workflows.filing_fields import clean, differences, empty, required_of, snapshot

AT_ONCE = 400
MODELS: dict[str, Any] = {"units": Unit, "elevators": Elevator}
EDITABLE = ("draft", "rejected")


@dataclass(slots=True)
class Row:
    """A row as judged. `data` is what would be written, `before` what stands; `errors` name column, value, way out."""

    number: int
    raw: list[Any]
    state: str = "new"
    data: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    errors: list[dict[str, str]] = field(default_factory=list)
    entity_id: int | None = None

    def bad(self, column: str, value: Any, found: str, remedy: str) -> None:
        shown = "" if value is None else str(value)[:60]
        self.errors.append({"column": column, "value": shown, "found": found, "remedy": remedy})
        self.state = "bad"


class Checker:
    """Judges the rows of one sheet for one actor on one day."""

    def __init__(self, session: AnySession, actor: Actor, kind: Kind, today: dt.date) -> None:
        self.session, self.actor, self.kind, self.today = session, actor, kind, today
        self.regions = _Names(self._regions())
        self.units: dict[str, int] = {}
        self.elevators: dict[str, Elevator] = {}
        self.people: dict[str, list[Person]] = {}

    def check(self, sheet: Sheet) -> list[Row]:
        """All rows, in the order of the sheet."""
        rows = [self._read(number, cells, sheet) for number, cells in sheet.rows]
        self._twice(rows)
        self._look_up(rows)
        for row in rows:
            self._resolve(row)
        {
            "units": self._filed, "elevators": self._filed, "ledgers": self._ledgers, "contracts": self._contracts,
            "visits": self._visits,
        }[self.kind.name](rows)  # fmt: skip
        return rows

    # --- cells

    def _read(self, number: int, cells: list[Any], sheet: Sheet) -> Row:
        row = Row(number, cells)
        for spec, cell in zip(sheet.columns, cells, strict=False):
            if spec is None:
                continue
            try:
                value = parse(cell, spec)
            except Bad as problem:
                row.bad(spec.label, cell, problem.found, problem.remedy)
                continue
            if value is None and spec.required:
                row.bad(spec.label, cell, "没有填写", f"{spec.label}必填" + (f"：{spec.help}" if spec.help else ""))
            row.data[spec.name] = value
        key = row.data.get(self.kind.key)
        if isinstance(key, str):
            row.data[self.kind.key] = normal_code(key) if self.kind.key != "number" else " ".join(key.split())
        return row

    def _key(self, row: Row) -> Any:
        key = row.data.get(self.kind.key)
        return (key, row.data.get("checked_in_at")) if self.kind.name == "visits" else key

    def _twice(self, rows: list[Row]) -> None:
        """The same key in two rows of a file contradicts itself: both are told, none is taken."""
        seen = Counter(self._key(r) for r in rows if r.data.get(self.kind.key))
        spec = self.kind.spec(self.kind.key)
        assert spec is not None
        for row in rows:
            if row.data.get(self.kind.key) and seen[self._key(row)] > 1:
                row.bad(spec.label, row.data[self.kind.key], "在文件里出现了不止一次", "每个只保留一行")

    # --- references

    def _look_up(self, rows: list[Row]) -> None:
        """Read at once what the rows name: units, elevators, people."""
        names = {str(r.data[s.name]) for r in rows for s in self._of("unit") if r.data.get(s.name)}
        codes = {normal_code(n) for n in names}
        for part in _parts(sorted(names | codes)):
            found = self.session.execute(
                select(Unit.id, Unit.name, Unit.uscc)
                .where(or_(Unit.name.in_(part), Unit.uscc.in_(part)), self._nameable())
                .order_by(Unit.approved_version)
                .execution_options(skip_scope=True)
            )
            for number, name, uscc in found:
                self.units[name] = self.units[uscc] = number
        wanted = {r.data["code"] for r in rows if self.kind.name in ("ledgers", "visits") and r.data.get("code")}
        if self.kind.name == "contracts":
            wanted = {c for r in rows for c in codes_in(r.data.get("elevators"))}
        for part in _parts(sorted(wanted)):
            statement = scope.apply(select(Elevator).where(Elevator.code.in_(part)), self.actor, Elevator)
            for elevator in self.session.scalars(statement.order_by(Elevator.approved_version)):
                self.elevators[elevator.code] = elevator
        if self.kind.name in ("ledgers", "visits"):
            for person in self.session.scalars(scope.apply(select(Person), self.actor, Person)):
                for name in {person.name, person.certificate_no} - {None}:
                    self.people.setdefault(str(name), []).append(person)

    def _nameable(self) -> Any:
        """Approved units can be named by all; drafts by their filer."""
        own = self.actor.unit_id or 0
        mine = or_(Unit.filed_by_unit_id == own, Unit.id == own)
        return or_(Unit.approved_version > 0, mine) if not self.actor.sees_everything else Unit.id > 0

    def _of(self, *kinds: str) -> list[Spec]:
        return [s for s in self.kind.columns if s.kind in kinds]

    def _regions(self) -> Iterable[tuple[int, str, str, int | None]]:
        found = self.session.execute(select(Region.id, Region.code, Region.name, Region.parent_id))
        return [(r.id, r.code, r.name, r.parent_id) for r in found]

    def _resolve(self, row: Row) -> None:
        for spec in self._of("region", "unit"):
            value = row.data.get(spec.name)
            if value is None:
                continue
            if spec.kind == "region":
                found = self.regions.find(value)
                remedy = "请填写全称（例如 临河区明水街道）或 12 位区划代码"
            else:
                found = self.units.get(value) or self.units.get(normal_code(value))
                remedy = "请填写已备案单位的全称或统一社会信用代码；新单位请先导入单位"
            if found is None:
                row.bad(spec.label, value, f"没有找到“{value[:40]}”", remedy)
            row.data[spec.name] = found

    # --- kinds

    def _filed(self, rows: list[Row]) -> None:
        """Units and elevators: against what stands, a draft first."""
        model = MODELS[self.kind.name]
        key = getattr(model, self.kind.key)
        standing: dict[str, Any] = {}
        for part in _parts(sorted({r.data[self.kind.key] for r in rows if r.data.get(self.kind.key)})):
            statement = scope.apply(select(model).where(key.in_(part)), self.actor, model)
            for found in self.session.scalars(statement.order_by(model.approved_version, model.id)):
                standing[getattr(found, self.kind.key)] = found
        drafts = self._drafts(model, [s.id for s in standing.values() if s.filing_state in EDITABLE])
        for row in rows:
            masked = self._unmask(model, row, standing.get(row.data.get(self.kind.key) or "") is not None)
            given_cells = {n: v for n, v in row.data.items() if v is not None and n not in masked}
            values, findings = clean(model, given_cells)
            self._tell(row, findings)
            self._code(row)
            there = standing.get(row.data.get(self.kind.key) or "")
            given = {n: values.get(n) for n in row.data}
            if there is not None:
                self._against(row, there, drafts, given)
            else:
                row.data = {n: v for n, v in given.items() if v is not None}
                missing = [n for n in required_of(model) if (empty(model) | row.data).get(n) is None]
                labels = {s.name: s.label for s in self.kind.columns}
                told = {e["column"] for e in row.errors}
                for name in missing:
                    if labels[name] not in told:
                        row.bad(labels[name], None, "没有填写", "新增时必填")

    def _unmask(self, model: Any, row: Row, there: bool) -> set[str]:
        """A number exported as 138****0001 says nothing new: it leaves what stands; a new row needs the whole one."""
        columns = model.__table__.columns
        masked = {n for n, v in row.data.items() if columns[n].info.get("sensitive") and "*" in str(v or "")}
        for name in masked:
            if not there:
                spec = self.kind.spec(name)
                label = spec.label if spec else name
                row.bad(label, row.data[name], "是遮盖后的号码", "新增时请填写完整的号码，或留空")
            row.data[name] = None
        return masked

    def _against(self, row: Row, there: Any, drafts: dict[int, dict[str, Any]], given: dict[str, Any]) -> None:
        """A row that exists: what it would change. An empty cell leaves what stands."""
        before = drafts.get(there.id) or snapshot(there)
        wanted = {n: v for n, v in given.items() if v is not None}
        if there.approved_version and self.kind.name == "elevators":
            wanted.pop("declared_status", None)
        changed = differences(before, before | wanted)
        row.entity_id = there.id
        row.data = {d.field: d.new for d in changed}
        row.before = {d.field: d.old for d in changed}
        if row.state == "bad":
            return
        row.state = "changed" if changed else "same"
        if changed and there.filing_state == "pending":
            row.bad("审核状态", "审核中", f"{there!r} 正在审核，不能修改", "请先撤回，或等审核结束")

    def _drafts(self, model: Any, ids: list[int]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for part in _parts(ids):
            for key, data in self.session.execute(
                select(Version.entity_id, Version.data)
                .where(Version.entity == model.__tablename__, Version.entity_id.in_(part), Version.state == "draft")
                .order_by(Version.number)
            ):
                found[key] = data
        return found

    def _code(self, row: Row) -> None:
        code = row.data.get("uscc") if self.kind.name == "units" else None
        if code:
            try:
                check_uscc(str(code))
            except Refusal as refusal:
                self._tell(row, refusal.findings)

    def _tell(self, row: Row, findings: Iterable[Finding]) -> None:
        labels = {s.name: s.label for s in self.kind.columns}
        told = {e["column"] for e in row.errors}
        for f in findings:
            label = labels.get(f.field or "", f.rule)
            if f.stops and label not in told:
                row.bad(label, f.value, f.found, f.remedy)

    def _elevator_of(self, row: Row) -> Elevator | None:
        code = row.data.get("code")
        if not code:
            return None
        found = self.elevators.get(code)
        if found is None:
            row.bad("识别码", code, "没有找到这台电梯", "请核对识别码；新电梯请先导入电梯")
        return found

    def _person(self, row: Row, spec: Spec, unit_id: int | None) -> int | None:
        name = row.data.get(spec.name)
        if name is None:
            return None
        found = [p for p in self.people.get(str(name), []) if unit_id in (None, p.unit_id)]
        if len(found) == 1:
            return found[0].id
        what = "有重名" if found else "不是这个单位的人员"
        row.bad(spec.label, name, f"“{name}”{what}", "请填写作业人员证编号" if found else "请先在人员与证书里登记")
        return None

    def _ledgers(self, rows: list[Row]) -> None:
        ids = [e.id for e in self.elevators.values()]
        kept: dict[int, MaintenanceLedger] = {}
        for part in _parts(ids):
            for held in self.session.scalars(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id.in_(part))):
                kept[held.elevator_id] = held
        for row in rows:
            elevator = self._elevator_of(row)
            if elevator is None:
                continue
            for spec in self._of("person"):
                if spec.name in row.data:
                    row.data[spec.name] = self._person(row, spec, elevator.maintenance_unit_id)
            if elevator.maintenance_unit_id is None:
                row.bad("识别码", row.data["code"], "这台电梯还没有维保单位", "请先在电梯备案里填写维保单位")
            self._compare(row, elevator.id, kept.get(elevator.id), ledgers.FIELDS)

    def _compare(self, row: Row, entity_id: int, there: Any, names: Iterable[str]) -> None:
        wanted = {n: _json(row.data[n]) for n in names if row.data.get(n) is not None}
        row.entity_id = entity_id
        if row.state == "bad":
            row.data = {n: _json(v) for n, v in row.data.items()}
            return
        before = {n: _json(getattr(there, n)) for n in wanted} if there is not None else None
        if before is None:
            row.data = wanted
            return
        row.data = {n: v for n, v in wanted.items() if before[n] != v}
        row.before = {n: before[n] for n in row.data}
        row.state = "changed" if row.data else "same"

    def _contracts(self, rows: list[Row]) -> None:
        numbers = sorted({r.data["number"] for r in rows if r.data.get("number")})
        standing: dict[str, Contract] = {}
        bound: dict[int, set[int]] = {}
        for part in _parts(numbers):
            statement = scope.apply(select(Contract).where(Contract.number.in_(part)), self.actor, Contract)
            standing |= {c.number: c for c in self.session.scalars(statement)}
        for part in _parts([c.id for c in standing.values()]):
            for contract_id, elevator_id in self.session.execute(
                select(ContractElevator.contract_id, ContractElevator.elevator_id).where(
                    ContractElevator.contract_id.in_(part), ContractElevator.removed_at.is_(None)
                )
            ):
                bound.setdefault(contract_id, set()).add(elevator_id)
        for row in rows:
            codes = codes_in(row.data.pop("elevators", None))
            wanted = {self.elevators[c].id for c in codes if c in self.elevators}
            lost = [c for c in codes if c not in self.elevators]
            if lost:
                row.bad("电梯", "、".join(lost), f"没有找到 {len(lost)} 台", "请核对识别码；新电梯请先导入电梯")
            there = standing.get(row.data.get("number") or "")
            names = ("number", "kind", "use_unit_id", "signed_on", "starts_on", "ends_on", "note")
            self._compare(row, there.id if there else 0, there, names)
            row.entity_id = there.id if there else None
            more = sorted(wanted - bound.get(there.id if there else 0, set()))
            if more and row.state != "bad":
                row.data["elevator_ids"] = more
                row.state = "changed" if there else "new"

    def _visits(self, rows: list[Row]) -> None:
        ids = [e.id for e in self.elevators.values()]
        known: set[tuple[int, dt.datetime]] = set()
        for part in _parts(ids):
            known |= {
                (r.elevator_id, r.checked_in_at)
                for r in self.session.execute(
                    select(Visit.elevator_id, Visit.checked_in_at).where(Visit.elevator_id.in_(part))
                )
            }
        end = dt.datetime.combine(self.today, dt.time(), dt.UTC) + dt.timedelta(days=1)
        for row in rows:
            elevator = self._elevator_of(row)
            spec = self.kind.spec("worker")
            assert spec is not None
            worker = self._person(row, spec, row.data.get("unit_id"))
            began, ended = row.data.get("checked_in_at"), row.data.get("checked_out_at")
            if began is not None and began > end:
                row.bad("签到", _json(began), "晚于今天", "既往记录只能是过去的")
            if began is not None and ended is not None and ended < began:
                row.bad("签退", _json(ended), "早于签到", "请核对签到和签退")
            for name, label in (("sheet_at", "上传时间"), ("reviewed_at", "复核时间"), ("signed_at", "现场签名")):
                later = row.data.get(name)
                if later is not None and began is not None and later < began:
                    row.bad(label, _json(later), "早于签到", "请核对时间")
            row.entity_id = elevator.id if elevator is not None else None
            same = elevator is not None and (elevator.id, began) in known
            row.data = {n: _json(v) for n, v in row.data.items()} | {"worker_id": worker}
            if row.state != "bad" and same:
                row.state = "same"


class _Names:
    """Regions by code, by name where it is the only one, and by the names of the way down to it."""

    def __init__(self, rows: Iterable[tuple[int, str, str, int | None]]) -> None:
        held = {number: (code, name, parent) for number, code, name, parent in rows}
        self.by: dict[str, int | None] = {}
        for number, (code, name, parent) in held.items():
            self.by[code] = number
            path, above = name, parent
            self._add(path, number)
            while above is not None:
                path, above = held[above][1] + path, held[above][2]
                self._add(path, number)

    def _add(self, name: str, number: int) -> None:
        self.by[name] = None if name in self.by and self.by[name] != number else number

    def find(self, text: str) -> int | None:
        bare = "".join(text.split()).replace("/", "").replace(">", "")
        padded = bare.ljust(12, "0") if bare.isascii() and bare.isdigit() else bare
        return self.by.get(bare) or self.by.get(padded)


def codes_in(text: Any) -> list[str]:
    """识别码 in one cell, parted by 、 comma or space."""
    parts = str(text or "").replace("、", " ").replace(",", " ").replace("，", " ").replace(";", " ").split()
    return list(dict.fromkeys(normal_code(p) for p in parts))


def _parts(keys: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value
