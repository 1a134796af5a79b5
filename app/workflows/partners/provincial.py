"""The provincial register beside ours (INT-01): looked at by codes or by region, each code accounted for once.

Nothing that the register says takes force here. What a person asked for by its code and nobody has becomes a draft;
what differs waits in the list of differences for somebody's word (`provincial_ways`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app import scope
from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Elevator, ProvincialDifference, ProvincialItem, ProvincialRun, Region
from app.models.among import among
from app.models.region import code_span
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules.approval import FilingState
from app.rules.identifiers import normal_code, unbroken
from app.rules.provincial import (
    UNITS,
    Outcome,
    Theirs,
    Unreadable,
    Way,
    codes_findings,
    codes_of,
    theirs_of,
)
from app.transaction import AnySession, hold, insert_of
from app.wording import say, together
from app.workflows.core import audit, jobs, outbox
from app.workflows.filing import filing
from app.workflows.partners import provincial_register
from app.workflows.partners.provincial_matching import (
    Units,
    ours_of,
    ours_of_content,
    standing,
    unknown_units,
    unlike,
)

COUNTED = tuple(outcome.value for outcome in Outcome)
_item: Any = ProvincialItem.__table__.c


# --- beginning


def begin(session: AnySession, actor: Actor, text: str, at: dt.datetime) -> ProvincialRun:
    """同步省平台数据 by codes, as a job of the actor's; one that says nothing of the register is refused at once."""
    require(actor, Verb.REGISTER_SYNC)
    codes = codes_of(text)
    raise_failing([_named(), *codes_findings(codes)])
    row = _run(session, actor, "codes", _place(actor), at, codes)
    title = say("同步省平台：%(n)s 个代码", n=len(codes))
    row.job_id = jobs.enqueue(session, actor, at, "provincial", title, {"run": row.id}).id
    session.flush()
    return row


def begin_region(session: AnySession, actor: Actor, region: str, at: dt.datetime) -> ProvincialRun:
    """The same for all of a region: by a regulator of it, or by the night."""
    require(actor, Verb.REGISTER_SYNC)
    held = session.scalar(select(Region).where(Region.code == region))
    span = actor.region_span
    free = actor.system or actor.sees_everything
    within = held is not None and (free or (span is not None and span[0] <= held.code < span[1]))
    raise_failing([_named(), Finding(
        "地区", within and actor.unit_id is None, say("不能同步地区 %(r)s", r=region[:20] or "—"),
        "请由监管部门选择本辖区的地区", field="region",
    )])  # fmt: skip
    row = _run(session, actor, "region", region, at, [])
    assert held is not None
    title = say("同步省平台：%(r)s", r=held.name)
    row.job_id = jobs.enqueue(session, actor, at, "provincial", title, {"run": row.id}).id
    session.flush()
    return row


def _named() -> Finding:
    remedy = "请管理员设置 PROVINCIAL_URL（见部署说明）"
    return Finding("省平台", provincial_register.offered() is not None, "没有接通省平台", remedy)


def _place(actor: Actor) -> str:
    return actor.region_code or "0" * 12


def _run(
    session: AnySession, actor: Actor, kind: str, region: str, at: dt.datetime, codes: list[str]
) -> ProvincialRun:  # fmt: skip
    row = ProvincialRun(
        kind=kind, region_code=region, unit_id=actor.unit_id, codes=codes, begun_at=at, created_by_id=actor.user_id,
        asked=len(codes),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "provincial_run.begin", "provincial_run", row.id,
        after={"kind": kind, "region": region, "codes": codes[:20], "count": len(codes)},
    )  # fmt: skip
    return row


def pending(session: AnySession, run: ProvincialRun) -> list[str]:
    """The codes of a run that nothing is told of yet, in order."""
    done = set(session.scalars(select(_item.code).where(_item.run_id == run.id)))
    return [code for code in run.codes if code not in done]


# --- settling


@dataclass(slots=True)
class Told:
    """What became of one code."""

    outcome: Outcome
    elevator_id: int | None = None
    difference_id: int | None = None
    note: str | None = None


def settle(
    session: AnySession, actor: Actor, run: ProvincialRun, units: Units, items: Sequence[Any], at: dt.datetime, *,
    asked: Sequence[str] = (), not_found: Iterable[str] = (), cursor: str | None = None,
) -> int:  # fmt: skip
    """Settle a page: its effects, its rows and where to go on are one commit, so taken up again nothing is done twice.

    How many codes are now accounted for. A code that is already is passed over.
    """
    # Two runs about one code: the second sees what the first made of it.
    hold(session, "provincial register")
    seen: dict[str, Theirs | Told] = {}
    for number, given in enumerate(items):
        try:
            read: Theirs | Told = theirs_of(given)
            code = read.code  # type: ignore[union-attr]
        except Unreadable as problem:
            code = normal_code(unbroken(str(given.get("code") or ""))) if isinstance(given, Mapping) else ""
            code = code[:40] or say("第 %(n)s 项", n=number + 1)
            read = Told(Outcome.REFUSED, note=say("省平台的数据看不懂：%(why)s", why=problem.args[0]))
        seen.setdefault(code, read)
    wanted = {code: _under(code, seen) for code in asked} if run.kind == "codes" else {code: code for code in seen}
    done = set(session.scalars(
        select(_item.code).where(_item.run_id == run.id, among(session, _item.code, list(wanted)))
    )) if wanted else set()  # fmt: skip
    fresh = {code: under for code, under in wanted.items() if code not in done}
    found = {under: seen[under] for under in fresh.values() if under is not None}
    told = _judged(session, actor, run, units, found, at)
    missing = {normal_code(code) for code in not_found}
    rows: list[dict[str, Any]] = []
    for code, under in fresh.items():
        said = told[under] if under is not None else Told(
            Outcome.NOT_FOUND, note=None if code in missing else say("省平台没有回答这个代码")
        )  # fmt: skip
        rows.append({
            "run_id": run.id, "code": code[:40], "outcome": said.outcome.value, "elevator_id": said.elevator_id,
            "difference_id": said.difference_id, "note": said.note,
        })  # fmt: skip
    if rows:
        session.execute(insert_of(session, ProvincialItem).values(rows).on_conflict_do_nothing())
    # Each of these rows is new, so the counts grow by them; counting all again would take longer with each page.
    for row in rows:
        setattr(run, row["outcome"], getattr(run, row["outcome"]) + 1)
    if run.kind == "region":
        run.asked += len(rows)
    run.cursor = cursor
    session.flush()
    return len(rows)


def count(session: AnySession, run: ProvincialRun) -> None:
    """The run's counts are those of its rows, counted once more at its end."""
    session.flush()
    counted = select(_item.outcome, func.count()).where(_item.run_id == run.id).group_by(_item.outcome)
    found: dict[str, int] = {row.outcome: row[1] for row in session.execute(counted)}
    for outcome in COUNTED:
        setattr(run, outcome, found.get(outcome, 0))
    if run.kind == "region":
        run.asked = sum(found.values())
    session.flush()


def finish(session: AnySession, run: ProvincialRun, at: dt.datetime) -> dict[str, Any]:
    """End a run: its counts, and one notice to each unit for which it found something new to look at."""
    run.finished_at, run.cursor = at, None
    count(session, run)
    if run.created_by_id is None:
        _tell(session, run, at)
    return {outcome: getattr(run, outcome) for outcome in ("asked", *COUNTED)}


def _tell(session: AnySession, run: ProvincialRun, at: dt.datetime) -> None:
    fresh = (
        select(ProvincialDifference.unit_id, func.count())
        .where(ProvincialDifference.run_id == run.id, ProvincialDifference.settled_at.is_(None),
               ProvincialDifference.found_at >= run.begun_at, ProvincialDifference.unit_id.is_not(None))
        .group_by(ProvincialDifference.unit_id)
    )  # fmt: skip
    for unit_id, many in session.execute(fresh.execution_options(skip_scope=True)).all():
        who = outbox.accounts_of_unit(session, unit_id, Verb.REGISTER_SYNC)
        title = say("省平台核对：%(n)s 台电梯与省平台不一致", n=many)
        outbox.notify(session, at, who, "provincial", title, say("请核对后采用省平台，或说明理由保留"), "/provincial/",
                      f"provincial:{run.id}:{unit_id}")  # fmt: skip


def _under(code: str, seen: Mapping[str, Theirs | Told]) -> str | None:
    """The item that answers a code: by 识别码, or by the device's or the registration's code."""
    if code in seen:
        return code
    for key, one in seen.items():
        if isinstance(one, Theirs) and code in (one.values.get("equipment_code"), one.values.get("registration_code")):
            return key
    return None


def _judged(
    session: AnySession, actor: Actor, run: ProvincialRun, units: Units, found: Mapping[str, Theirs | Told],
    at: dt.datetime,
) -> dict[str, Told]:  # fmt: skip
    items = {key: one for key, one in found.items() if isinstance(one, Theirs)}
    told = {key: one for key, one in found.items() if isinstance(one, Told)}
    if not items:
        return told
    codes = [one.code for one in items.values()]
    ours = standing(session, codes)
    open_ = _open(session, codes)
    regions = _regions(session, {str(one.values.get("region", "")) for one in items.values()})
    for key, one in items.items():
        told[key] = judge(session, actor, run, units, one, ours.get(one.code), open_.get(one.code), regions, at)
    return told


def judge(
    session: AnySession, actor: Actor, run: ProvincialRun | None, units: Units, theirs: Theirs, row: Any,
    open_: ProvincialDifference | None, regions: Mapping[str, int], at: dt.datetime,
) -> Told:  # fmt: skip
    """What becomes of one item. `row`: our elevator in force with its code; `open_`: what is open about it already."""
    barred = _barred(actor, run, units, theirs, row)
    if barred is not None:
        return Told(Outcome.REFUSED, note=barred)
    unknown = unknown_units(theirs, units)
    differs = [] if row is None else _still_unlike(session, theirs, row, units)
    if row is not None and not differs and not unknown:
        if open_ is not None:
            _settle(session, open_, Way.GONE, None, "", at)
        return Told(Outcome.MATCHED, row.id)
    if row is None and not unknown and run is not None and run.created_by_id is not None:
        return _drafted(session, actor, theirs, units, regions, at)
    kind = "unit" if unknown else "new" if row is None else "fields"
    names = [one.field for one in differs] if row is not None else sorted(unknown)
    names += [name for name in unknown if name not in names]
    if open_ is None and _kept(session, theirs, names):
        return Told(Outcome.KEPT, None if row is None else row.id)
    difference = _difference(session, run, theirs, row, units, kind, names, unknown, open_, regions, at)
    return Told(Outcome.DIFFERENT, difference.elevator_id, difference.id)


def _barred(
    actor: Actor, run: ProvincialRun | None, units: Units, theirs: Theirs, row: Any
) -> str | None:  # fmt: skip
    """Why the actor may not look at this item, in words; a unit is told of its own equipment only."""
    if row is not None and row.is_secret and not actor.may(Verb.SECRET_READ):
        return say("不在您的管辖范围内")
    if actor.unit_id is not None:
        sides = {units.of(theirs.maintenance_unit), units.of(theirs.use_unit)} - {None}
        sides |= set() if row is None else {row.maintenance_unit_id, row.use_unit_id}
        if actor.unit_id in sides:
            return None
        named = theirs.maintenance_unit.name or "—"
        return say("省平台登记的维保单位是“%(name)s”，与本单位的名称和信用代码都不一致", name=named)
    place = row.region_code if row is not None else theirs.values.get("region")
    if place is None:
        return say("省平台没有登记所在地区")
    low, high = code_span(run.region_code if run is not None else _place(actor))
    free = (actor.system or actor.sees_everything) and (run is None or run.kind == "codes")
    return None if free or low <= place < high else say("不在您的管辖范围内")


def _still_unlike(session: AnySession, theirs: Theirs, row: Any, units: Units) -> list[Any]:
    """What differs from what is in force; what is being changed to just that is no difference any more."""
    differs = unlike(theirs, ours_of(row), units)
    if not differs or row.filing_state == FilingState.APPROVED:
        return differs
    elevator = session.scalar(select(Elevator).where(Elevator.id == row.id).execution_options(skip_scope=True))
    assert elevator is not None
    asked = unlike(
        theirs, ours_of_content(filing.content(session, elevator), row.region_code, row.status), units
    )
    return differs if asked else []


def _drafted(
    session: AnySession, actor: Actor, theirs: Theirs, units: Units, regions: Mapping[str, int], at: dt.datetime
) -> Told:  # fmt: skip
    """A draft of an elevator that nobody has, by the usual way, so that what may not be filed is refused as usual."""
    mine = select(Elevator).where(
        Elevator.code == theirs.code, Elevator.approved_version == 0, Elevator.filed_by_unit_id == actor.unit_id
    )
    held = session.scalars(mine.limit(1).execution_options(skip_scope=True)).first()
    if held is not None:
        return Told(Outcome.MATCHED, held.id, note=say("已有草稿，等待上报或审核"))
    try:
        with session.begin_nested():
            row = filing.save_draft(
                session, actor, Elevator, None, values_of(theirs, units, regions) | {"code": theirs.code}, at
            )
    except Refusal as refusal:
        why = together([f.line for f in refusal.findings if not f.ok], "；")
        return Told(Outcome.REFUSED, note=why)
    return Told(Outcome.NEW, row.id)


def values_of(theirs: Theirs, units: Units, regions: Mapping[str, int]) -> dict[str, Any]:
    """What the register says as a filing takes it; the state is no filing's to change, a first one declares it."""
    found = {name: value for name, value in theirs.values.items() if name not in ("region", "status")}
    if "status" in theirs.values:
        found["declared_status"] = theirs.values["status"]
    place = regions.get(str(theirs.values.get("region", "")))
    if place is not None:
        found["region_id"] = place
    for name in UNITS:
        key = units.of(getattr(theirs, name))
        if key is not None:
            found[f"{name}_id"] = key
    return found


# --- differences


def _difference(
    session: AnySession, run: ProvincialRun | None, theirs: Theirs, row: Any, units: Units, kind: str,
    names: list[str], unknown: Mapping[str, list[int]], open_: ProvincialDifference | None,
    regions: Mapping[str, int], at: dt.datetime,
) -> ProvincialDifference:  # fmt: skip
    said = stored(theirs)
    held = open_ or ProvincialDifference(code=theirs.code, found_at=at)
    held.kind, held.elevator_id = kind, None if row is None else row.id
    held.region_code = row.region_code if row is not None else theirs.values.get("region") or (
        run.region_code if run is not None else held.region_code
    )  # fmt: skip
    own = None if run is None else run.unit_id
    held.unit_id = row.maintenance_unit_id if row is not None else units.of(theirs.maintenance_unit) or own
    held.use_unit_id = row.use_unit_id if row is not None else units.of(theirs.use_unit)
    held.theirs, held.unlike, held.digest = said, names, theirs.digest
    held.near = dict(unknown)
    held.seen_at, held.run_id = at, held.run_id if run is None else run.id
    with scope.acting(SYSTEM):
        session.add(held)
        session.flush()
    return held


def stored(theirs: Theirs) -> dict[str, Any]:
    """An item as it is kept, and read again."""
    named = {name: {"name": unit.name, "uscc": unit.uscc} for name in UNITS if (unit := getattr(theirs, name))}
    return {"code": theirs.code, **theirs.values, **named}


def _open(session: AnySession, codes: Sequence[str]) -> dict[str, ProvincialDifference]:
    statement = select(ProvincialDifference).where(
        among(session, ProvincialDifference.code, list(codes)), ProvincialDifference.settled_at.is_(None)
    )
    return {row.code: row for row in session.scalars(statement.execution_options(skip_scope=True))}


def _kept(session: AnySession, theirs: Theirs, names: list[str]) -> bool:
    """Somebody said with his reason that ours stays, and the register says no more than it did then."""
    statement = select(ProvincialDifference.unlike).where(
        ProvincialDifference.code == theirs.code, ProvincialDifference.digest == theirs.digest,
        ProvincialDifference.way == Way.KEPT.value,
    )  # fmt: skip
    kept = session.scalars(statement.execution_options(skip_scope=True)).all()
    return any(set(names) <= set(one) for one in kept)


def _settle(
    session: AnySession, row: ProvincialDifference, way: Way, account_id: int | None, reason: str, at: dt.datetime
) -> None:  # fmt: skip
    row.settled_at, row.settled_by_id, row.way, row.reason = at, account_id, way.value, reason or None
    with scope.acting(SYSTEM):
        session.flush()


settle_difference = _settle


def _regions(session: AnySession, codes: set[str]) -> dict[str, int]:
    rows = session.execute(select(Region.code, Region.id).where(among(session, Region.code, sorted(codes - {""}))))
    return {row.code: row.id for row in rows}


regions_of = _regions


def refuse_plainly(words: str) -> Refusal:
    """What the job says when the register does not answer: what was settled stays, and trying again goes on."""
    return refuse("省平台", words, "已核对的保留；稍后在“后台任务”里重试，从中断处继续")
