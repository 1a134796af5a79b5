"""A row beside what stands: what it would change. A cell that shows what stands changes nothing.

That last rule makes export → import a round trip: whatever an export shows (a masked phone, a name that is not unique,
what is in force beside a newer draft) is recognised before anything else is asked of the cell.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.errors import Finding, Refusal, refuse
from app.imports.columns import Spec
from app.imports.judging import Judging, Row
from app.imports.parsing import MARKS, Bad, text_of
from app.rules.identifiers import mask_mobile

# The rules by which rows are counted.
EXISTS, LACKS, BLANK, NOT_FOUND, REVIEW = "已存在", "不存在", "必填为空", "没有找到", "审核中"


@dataclass(slots=True)
class Standing:
    """A row that is there: what an export shows of it, and what an edit would start from."""

    id: int
    shown: Mapping[str, Any]
    now: Mapping[str, Any]
    filing: str = "approved"
    approved: bool = True
    # What else an export shows in the place of a field: the status where a declared one may be entered.
    also: Mapping[str, Any] = field(default_factory=dict)


def judge(
    checker: Judging, row: Row, there: list[Standing], given: Mapping[str, Any], names: Mapping[int, tuple[str, str]]
) -> Standing | None:
    """Compare with the likeliest of the rows that are there; fills `data`, `before`, verdict and entity."""
    best: tuple[Standing, dict[str, Any], set[str]] | None = None
    for standing in reversed(there):
        changes, calm = _changes(checker, row, standing, given, names)
        troubled = {e["field"] for e in row.errors} - calm
        if best is None or (not changes and not troubled):
            best = (standing, changes, calm)
        if not changes and not troubled:
            break
    if best is None:
        return None
    standing, changes, calm = best
    row.forgive(calm)
    row.entity_id = standing.id
    row.data = changes
    row.before = {name: standing.now.get(name) for name in changes}
    if row.verdict != "bad":
        row.verdict = "changed" if changes else "same"
    if checker.mode == "new" and row.verdict != "bad":
        told_key(checker, row, "已存在", "请改用“更新导入”，或删去这一行", EXISTS)
    return standing


def new_row(checker: Judging, row: Row) -> bool:
    """A row that is not there: refused where only updates are wanted."""
    if checker.mode == "update":
        told_key(checker, row, "没有找到，不能更新", "请核对编号；新的请改用“新增导入”", LACKS)
        return False
    return True


def told_key(checker: Judging, row: Row, found: str, remedy: str, rule: str) -> None:
    spec = checker.kind.spec(checker.kind.key)
    assert spec is not None
    at = checker.match.columns.index(spec.name) if spec.name in checker.match.columns else None
    row.bad(spec.label, row.raw[at] if at is not None else None, found, remedy, rule, spec.name)


def _changes(
    checker: Judging, row: Row, there: Standing, given: Mapping[str, Any], names: Mapping[int, tuple[str, str]]
) -> tuple[dict[str, Any], set[str]]:
    """What the row changes, and the troubled fields whose cells only show what stands; an empty cell leaves it."""
    changes: dict[str, Any] = {}
    calm: set[str] = set()
    troubled = {e["field"] for e in row.errors} if row.errors else ()
    stands, now, also = there.shown, there.now, there.also
    cells = checker.match.as_one(row.raw, checker.joined)
    for at, spec in checker.placed:
        name = spec.name
        value, shown = given.get(name), stands.get(name)
        if (value is None or value == shown) and name not in troubled:
            continue
        cell = cells[at]
        if cell is None or cell == "":
            if spec.required and (name in stands or name in given):
                calm.add(name)
            continue
        differs = value is not None and not _same(value, shown) and (now is stands or not _same(value, now.get(name)))
        if not differs and (name not in troubled or (name not in stands and name not in given)):
            continue
        if spec.kind == "region":
            shows = checker.regions.shows(shown, str(cell))
        else:
            shows = (shown is not None and _shows(spec, shown, cell, names)) or (
                value is not None and value == also.get(name)
            )
        if shows:
            calm.add(name)
        elif differs:
            changes[name] = value
    return changes, calm


def _same(one: Any, other: Any) -> bool:
    if one.__class__ is float and isinstance(other, (float, int)):
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12)
    return bool(one == other)


def _shows(spec: Spec, stands: Any, cell: Any, names: Mapping[Any, tuple[str, str]]) -> bool:
    """Whether a cell is what an export writes for this value; figures and marks were compared as they are."""
    if spec.kind != "unit" and not isinstance(stands, str):
        return False
    raw = cell if cell.__class__ is str else str(cell)
    text = bare = raw.strip()
    if bare[:1] in MARKS:
        with contextlib.suppress(Bad):
            text = text_of(cell)
    if spec.kind == "unit":
        return stands in names and text in names[stands]
    if "*" in text and spec.name.endswith("phone"):
        return text == mask_mobile(stands)
    return stands in (text, raw) or stands.strip() in (text, bare)


def unit_names(
    checker: Judging, names: Iterable[str], standing: Mapping[str, list[Standing]]
) -> dict[int, tuple[str, str]]:
    named = [n for n in names if n.endswith("unit_id")]
    if not named:
        return {}
    return checker.units.current(
        s.shown[n] for several in standing.values() for s in several for n in named if s.shown.get(n) is not None
    )


def numbers_of(checker: Judging, model: Any) -> list[str]:
    """The file's fields that exports mask."""
    columns = model.__table__.columns
    return [s.name for s in checker.given if s.name in columns and columns[s.name].info.get("sensitive")]


def unmask(checker: Judging, numbers: Iterable[str], row: Row, there: bool) -> None:
    """A number exported as 138****0001 says nothing new: it leaves what stands; a new row needs the whole one."""
    for name in numbers:
        value = row.data.get(name)
        if value.__class__ is not str or "*" not in value:
            continue
        if not there:
            spec = checker.kind.spec(name)
            label = spec.label if spec else name
            row.bad(label, value, "是遮盖后的号码", "新增时请填写完整的号码，或留空", "遮盖的号码", name)
        row.data[name] = None


def tell(checker: Judging, row: Row, findings: Iterable[Finding]) -> None:
    for f in findings:
        if f.stops:
            spec = checker.kind.spec(f.field or "")
            row.bad(spec.label if spec else f.rule, f.value, f.found, f.remedy, _rule(f.rule), f.field)


def _rule(rule: str) -> str:
    return "校验位不符" if "GB 32100" in rule else "格式不对" if rule.endswith("格式") else rule[:20]





def exists(key: str, value: str) -> Refusal:
    """What a row says that was to make something which came into being since the check."""
    return refuse(EXISTS, "校验之后已存在", "请改用“更新导入”，或删去这一行", field=key, value=value)


def as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def dated(values: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round: days, told by the fields' names, of what was kept as JSON."""
    return {
        n: dt.date.fromisoformat(v) if isinstance(v, str) and v and n.endswith(("_on", "_until")) else v
        for n, v in values.items()
    }
