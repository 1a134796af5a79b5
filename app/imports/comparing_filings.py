"""Units and elevators of a file against their register: the approved row, and a newer draft beside it."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import Any

from sqlalchemy import Text, cast, null, select

from app import scope
from app.errors import Finding, Refusal
from app.imports import measures
from app.imports.columns import FOREVER, Spec
from app.imports.comparing import BLANK, REVIEW, Standing, judge, new_row, numbers_of, tell, unit_names, unmask
from app.imports.judging import Judging, Row
from app.imports.parsing import NO_END, text_of
from app.models import Elevator, Unit, Version
from app.models.among import among
from app.models.policy import policy_value
from app.policy.keys import Key
from app.rules.approval import EDITABLE
from app.rules.identifiers import check_uscc, is_elevator_code, normal_codes
from app.wording import say
from app.workflows.approval.filing_fields import clean_field, days_of, empty, required_of, stand_as_they_are

MODELS: dict[str, Any] = {"units": Unit, "elevators": Elevator}
EXAMPLES = 3
DECLARED = "declared_status"
# Of a value that is stored as it came.
FINE: tuple[None, list[Finding]] = (None, [])


def filed(checker: Judging, rows: list[Row]) -> None:
    """Against what stands, a draft first; what is new must be whole."""
    model = MODELS[checker.kind.name]
    names = [s.name for s in checker.given]
    endless = {last: box for last, box in FOREVER.items() if model is Unit and {last, box} & {*names}}
    standing = _standing(checker, model, rows, [*names, *({*endless, *endless.values()} - {*names})])
    units = unit_names(checker, names, standing)
    blank = empty(model)
    needed = [name for name in required_of(model) if blank[name] is None]
    numbers = numbers_of(checker, model)
    without: list[set[str]] = [set()] * len(rows)
    for at, row in enumerate(rows if numbers or endless else ()):
        unmask(checker, numbers, row, bool(standing.get(row.data.get(checker.kind.key) or "")))
        without[at] = {last for last in endless if row.data.get(last) == NO_END}
        row.data |= dict.fromkeys(without[at])
    named, is_unit = checker.kind.key, checker.kind.name == "units"
    status, unsaid = checker.match.words.get(DECLARED, {}).get(""), 0
    for row, given, unending in zip(rows, _given(checker, model, rows), without, strict=True):
        key = row.data.get(named) or ""
        there = standing.get(key, [])
        if is_unit and key:
            _code(checker, row, key)
        if there:
            found = judge(checker, row, _declared(there, row, given), given, units)
            assert found is not None
            for last, box in endless.items():
                _end(checker, row, found, last, box, last in unending)
            if found.filing == "pending" and row.verdict == "changed":
                told = say("%(key)s 正在审核，不能修改", key=key)
                row.bad("审核状态", "审核中", told, "请先撤回，或等审核结束", REVIEW, "filing_state")
            continue
        for last, box in endless.items():
            if last in unending and given.get(box) is False:
                _contradicts(checker, row, last, box)
            elif last in unending:
                given[box] = True
        row.data = given
        if not new_row(checker, row):
            continue
        if not is_unit and key:
            _form(checker, key, row.data.get("region_id"))
        for name in needed:
            if row.data.get(name) is None:
                _blank(checker, row, name)
        if not is_unit and row.data.get(DECLARED) is None:
            unsaid += 1
            row.data |= {DECLARED: status} if status else {}
    if unsaid:
        # What runs already need not be registered for use one by one: one word for all new rows.
        checker.hear(DECLARED, "", status, unsaid)


def _end(checker: Judging, row: Row, there: Standing, last: str, box: str, without: bool) -> None:
    """A last day and the box that says there is none go together: of the two cells the one that was edited counts."""
    stands, day = bool(there.now.get(box)), there.now.get(last)
    changed = row.data.get(box)
    if without and changed is False:
        _contradicts(checker, row, last, box)
        return
    more: dict[str, Any] = {}
    if without or changed is True:
        more = ({} if stands or changed else {box: True}) | ({last: None} if day and last not in row.data else {})
    elif row.data.get(last) and stands and changed is None:
        more = {box: False}
    if not more:
        return
    row.data |= more
    row.before = (row.before or {}) | {name: there.now.get(name) for name in more}
    if row.verdict == "same":
        row.verdict = "changed"


def _contradicts(checker: Judging, row: Row, last: str, box: str) -> None:
    spec, other = checker.kind.spec(last), checker.kind.spec(box)
    assert spec is not None and other is not None
    told = say("写的是长期，而“%(box)s”写的是否", box=other.label)
    row.bad(spec.label, NO_END, told, say("请把“%(box)s”改为是，或填写日期", box=other.label), "前后矛盾", last)


def _form(checker: Judging, code: str, region_id: Any) -> None:
    """A code that the region's policy won't let be filed comes in as a draft; the preview says so beforehand."""
    place = checker.regions.code_of(region_id)
    if place not in checker.code_patterns:
        asked = policy_value(checker.session, Key.ELEVATOR_CODE_PATTERN, place, checker.today)
        checker.code_patterns[place] = asked
    pattern = checker.code_patterns[place]
    if pattern and not is_elevator_code(code, pattern):
        checker.odd_codes += 1
        if len(checker.odd_examples) < EXAMPLES:
            checker.odd_examples.append(code[:20])


def _excused(checker: Judging, name: str) -> bool:
    spec = checker.kind.spec(name)
    return spec is not None and checker.excuses(spec)


def _blank(checker: Judging, row: Row, name: str) -> None:
    """A new row lacks what it must have: as the person said of blank cells, else told."""
    spec = checker.kind.spec(name)
    assert spec is not None
    told = [e for e in row.errors if e["field"] == name]
    if all(e["rule"] == BLANK for e in told) and (meant := checker.meant_by_blank(spec)) is not None:
        row.forgive({name})
        row.data[name] = meant
    elif not told:
        row.bad(spec.label, None, "没有填写", "新增时必填", BLANK, name)


def _declared(there: list[Standing], row: Row, given: dict[str, Any]) -> list[Standing]:
    """A declared status counts once, before the first approval; afterwards only applications move the status."""
    if row.data.get(DECLARED) is not None and any(s.approved for s in there):
        given.pop(DECLARED, None)
        row.forgive({DECLARED})
    return there


def _given(checker: Judging, model: Any, rows: list[Row]) -> list[dict[str, Any]]:
    """What the rows' filled cells are stored as, column by column: the same value of a field is cleaned once.

    What is wrong with one is told row by row, for few are.
    """
    columns: list[list[Any]] = []
    odd: set[int] = set()
    held = [row.data for row in rows]
    for spec in checker.given:
        name, known = spec.name, checker.cleaned[spec.name]
        values = [data.get(name) for data in held]
        known.setdefault(None, (None, []))
        distinct = set(values)
        new = distinct.difference(known)
        if stand_as_they_are(model, name, new):
            if len(new) == len(distinct - {None}):
                # Most codes and addresses are said once: nothing is to be kept of them.
                columns.append(values)
                continue
            known.update({value: (value, []) for value in new})
        else:
            known.update({value: clean_field(model, name, value) for value in new})
        columns.append([known[value][0] for value in values])
        if any(known[value][1] for value in distinct):
            odd.update([at for at, value in enumerate(values) if known[value][1]])
    for at in sorted(odd):
        cells = checker.match.as_one(rows[at].raw, checker.joined)
        for place, spec in checker.placed:
            value = held[at].get(spec.name)
            _stored, findings = checker.cleaned[spec.name].get(value, FINE)
            if findings and not (any(f.stops for f in findings) and _excused(checker, spec.name)):
                tell(checker, rows[at], [_as_written(spec, f, cells[place], value) for f in findings])
    names = [spec.name for spec in checker.given]
    filled = zip(*columns, strict=True) if columns else repeat((), len(rows))
    return [
        dict(zip(names, cells, strict=True)) if None not in cells
        else {n: value for n, value in zip(names, cells, strict=True) if value is not None}
        for cells in filled
    ]  # fmt: skip


def _as_written(spec: Spec, finding: Finding, cell: Any, value: Any) -> Finding:
    """What is told of a figure quotes the cell; where it was in another unit, what it is in ours as well."""
    if not measures.options(spec):
        return finding
    written, ours = text_of(cell)[:60], str(value)[:60]
    if ours in written.replace(",", ""):
        found = say("填写为“%(short)s”", short=written)
    else:
        found = say("填写为“%(short)s”，换算为 %(ours)s %(unit)s", short=written, ours=ours, unit=spec.unit)
    return replace(finding, found=found, value=written)


def _standing(checker: Judging, model: Any, rows: list[Row], names: list[str]) -> dict[str, list[Standing]]:
    key = getattr(model, checker.kind.key)
    at = checker.match.columns.index(checker.kind.key) if checker.kind.key in checker.match.columns else None
    wanted = {r.data[checker.kind.key] for r in rows if r.data.get(checker.kind.key)}
    if at is not None:
        wanted |= {str(r.raw[at]) for r in rows if r.raw[at]}
    days = days_of(model)
    # Days as a content keeps them.
    columns = [cast(getattr(model, name), Text) if name in days else getattr(model, name) for name in names]
    status = model.status if model is Elevator else null()
    found: dict[str, list[Standing]] = {}
    open_drafts: list[int] = []
    held = (key, model.id, model.filing_state, model.approved_version, status)
    statement = select(*held, *columns).where(among(checker.session, key, wanted))
    ordered = scope.apply(statement, checker.actor, model).order_by(model.approved_version, model.id)
    there = checker.session.execute(ordered).all() if wanted else []
    plain = normal_codes([row[0] for row in there])
    for word, (code, number, filing, approved, now, *values) in zip(plain, there, strict=True):
        shown = dict(zip(names, values, strict=True))
        one = Standing(number, shown, shown, filing, approved > 0, {"declared_status": now})
        found.setdefault(code, []).append(one)
        if word != code:
            found.setdefault(word, []).append(one)
        if filing in EDITABLE:
            open_drafts.append(number)
    drafts = _drafts(checker, model, open_drafts)
    for several in found.values() if drafts else ():
        for one in several:
            if one.id in drafts:
                one.now = {**one.shown, **drafts[one.id]}
    return found


def _drafts(checker: Judging, model: Any, ids: list[int]) -> dict[int, dict[str, Any]]:
    """What was entered last and is not in force: the draft, or what was turned down."""
    statement = (
        select(Version.entity_id, Version.state, Version.data)
        .where(Version.entity == model.__tablename__, among(checker.session, Version.entity_id, ids))
        .order_by(Version.number)
    )
    found = checker.session.execute(statement) if ids else ()
    return {key: {} if state == "approved" else data for key, state, data in found}


def _code(checker: Judging, row: Row, code: str) -> None:
    try:
        check_uscc(code)
    except Refusal as refusal:
        tell(checker, row, refusal.findings)
