"""What counts in each of the five other items of a unit's score: the records with the manual's columns (SCO-07).

Which records count, and as what, is as the stored run knew it; what else their columns say is read within scope, and
a record that the reader may not see (涉密, or of another region) stands there by day and outcome alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import scope
from app.errors import refuse
from app.listing import Column
from app.models import Complaint, Elevator, Inspection, Rescue, Score, UnitChange
from app.models.among import among
from app.models.choices import APPLICATION_STATE, INSPECTION_KIND, INSPECTION_RESULT, word
from app.models.complaint import COMPLAINT_KIND
from app.models.rescue import RESCUE_CAUSE, RESCUE_LEVEL, RESCUE_OUTCOME
from app.permissions import Actor, Verb
from app.rules.complaints import shown_tracking
from app.rules.score_items import Item
from app.wording import say, together
from app.workflows.scores import score_records
from app.workflows.scores.score_records import Counted

LONGEST_CODE = 20
COUNTED = {
    "on_time": _l("及时"), "late": _l("不及时"), "second": _l("二次及时"), "passed": _l("合格"),
    "failed": _l("不合格"), "fault": _l("困人故障"), "held": _l("合同内电梯"),
}  # fmt: skip
# Figures that count by another rule than what a record was counted as.
GROUPS = {"called": _l("救援总次数"), "sound": _l("合格电梯数"), "kept": _l("及时使用单位数")}
# An elevator under contract is no record of what happened.
_NO_RECORD = "held"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them: counted as what, of these days, elevators whose 识别码 holds this, so often shut in that year."""

    only: str = ""
    from_on: str = ""
    to_on: str = ""
    code: str = ""
    times: str = ""

    @property
    def narrowed(self) -> bool:
        return bool(self.from_on or self.to_on or self.code or self.times)

    def as_dict(self) -> dict[str, str]:
        return {
            "only": self.only, "from_on": self.from_on, "to_on": self.to_on, "code": self.code, "times": self.times,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One of them; `row` and `code` None where the reader may not see the record or the elevator."""

    record: Counted
    row: Any
    code: str | None
    place: str | None
    use_unit: str | None
    # Whether the elevator's own page may be opened.
    lift: bool = False


def wanted_of(given: Mapping[str, str]) -> Wanted:
    """As an address or a form says it; what is no day, number or outcome asks nothing."""
    from_on, to_on = (_day(given.get(name, "")) for name in ("from_on", "to_on"))
    code, times = given.get("code", "").replace("\0", "").strip()[:LONGEST_CODE], given.get("times", "")
    only = given.get("only", "")
    only = only if only in COUNTED or only in GROUPS else ""
    return Wanted(only, from_on, to_on, code, times if times in TIMES else "")


TIMES = {"1": _l("1 次"), "2": _l("2 次"), "3": _l("3 次"), "4": _l("4 次及以上")}
_MANY = 4


def _day(typed: str) -> str:
    try:
        return dt.date.fromisoformat(typed.strip()[:10]).isoformat()
    except ValueError:
        return ""


def chosen(
    session: Any, actor: Actor, item: Item, found: Sequence[Counted], wanted: Wanted
) -> list[Counted]:  # fmt: skip
    """Those that are asked for, in their order."""
    counts = _counts(found, wanted.only)
    rows = [
        one for one in found
        if counts(one)
        and not (wanted.from_on and one.on < wanted.from_on)
        and not (wanted.to_on and one.on > wanted.to_on)
        and (not wanted.times or (one.times is not None and min(one.times, _MANY) == int(wanted.times)))
    ]  # fmt: skip
    if not wanted.code or not rows:
        return rows
    lift: Any = Elevator
    named = select(lift.id).where(
        among(session, lift.id, sorted({one.elevator for one in rows})),
        lift.code.icontains(wanted.code, autoescape=True),
    )
    named = scope.apply(named, actor, Elevator).execution_options(skip_scope=True)
    seen = set(session.scalars(named))
    then = _named_then(session, actor, item, rows, wanted.code)
    return [one for one in rows if one.elevator in seen or (one.counted != _NO_RECORD and one.key in then)]


def subjects(item: Item, rows: Iterable[Counted]) -> int | None:
    """How many elevators, of changes use units, these are of, where the figures count those; None where records."""
    if item in (Item.INSPECTION, Item.FAULT):
        return len({one.elevator for one in rows})
    return len({one.use_unit for one in rows}) if item is Item.CHANGE else None


def _counts(found: Sequence[Counted], only: str) -> Callable[[Counted], bool]:
    """Whether a record is one of those that `only` asks for."""
    if only == "called":
        return lambda one: one.course is not None and one.course.level == 1
    if only == "sound":
        failed = {one.elevator for one in found if one.counted == "failed"}
        return lambda one: one.counted == "passed" and one.elevator not in failed
    if only == "kept":
        late = {one.use_unit for one in found if one.counted == "late"}
        return lambda one: one.counted == "on_time" and one.use_unit not in late
    return lambda one: one.counted == only if only else one.counted != _NO_RECORD


def _named_then(session: Any, actor: Actor, item: Item, rows: Iterable[Counted], code: str) -> set[int]:
    """Keys of records that keep a 识别码 of their day like this one: what the line shows is found, too."""
    verb, model, key, *_load = _SOURCE[item]
    if not hasattr(model, "code") or not actor.may(verb):
        return set()
    keys = sorted({one.key for one in rows if one.counted != _NO_RECORD})
    named = select(key).where(among(session, key, keys), model.code.icontains(code, autoescape=True))
    return set(session.scalars(scope.apply(named, actor, model).execution_options(skip_scope=True)))


def lines_of(session: Any, actor: Actor, item: Item, records: Iterable[Counted]) -> list[Line]:
    """The records with what their columns say, as far as the reader sees them; of others day and outcome."""
    records = list(records)
    lifts = _lifts(session, actor, {one.elevator for one in records})
    rows = _rows(session, actor, item, [one for one in records if one.counted != _NO_RECORD])
    return [_line(one, rows.get(one.key) if one.counted != _NO_RECORD else None, lifts) for one in records]


def table(session: Any, actor: Actor, asked: Mapping[str, str], at: Any) -> tuple[list[Any], tuple[Column, ...]]:
    """All that is asked for, as a workbook says it; the score is one that the actor may see."""
    held: Score = scope.visible(session, actor, Score, int(asked["score"]), "得分")
    item = Item(asked["item"])
    if item not in COLUMNS or held.run.items_digest is None:
        raise refuse("得分", "这次计算没有这一项", "请重新计算")
    found = score_records.of_unit(session, held.run, held.unit_id, item)
    return lines_of(session, actor, item, chosen(session, actor, item, found, wanted_of(asked))), COLUMNS[item]


def _lifts(session: Any, actor: Actor, keys: Iterable[int]) -> dict[int, Any]:
    lift: Any = Elevator
    seen = select(lift).where(among(session, lift.id, sorted(keys))).options(joinedload(lift.use_unit))
    seen = scope.apply(seen, actor, Elevator).execution_options(skip_scope=True)
    return {row.id: row for row in session.scalars(seen)}


def _rows(session: Any, actor: Actor, item: Item, records: list[Counted]) -> dict[int, Any]:
    verb, model, key, *load = _SOURCE[item]
    if not actor.may(verb):
        return {}
    seen = select(model).where(among(session, key, sorted({one.key for one in records})))
    seen = scope.apply(seen.options(*(joinedload(one) for one in load)), actor, model)
    return {getattr(row, key.key): row for row in session.scalars(seen.execution_options(skip_scope=True))}


_SOURCE: dict[Item, tuple[Any, ...]] = {
    Item.RESCUE: (Verb.RESCUE_READ, Rescue, Rescue.id, Rescue.use_unit),
    Item.FAULT: (Verb.RESCUE_READ, Rescue, Rescue.id, Rescue.use_unit),
    Item.FEEDBACK: (Verb.COMPLAINT_READ, Complaint, Complaint.id, Complaint.use_unit),
    Item.INSPECTION: (Verb.INSPECTION_READ, Inspection, Inspection.id, Inspection.use_unit),
    Item.CHANGE: (
        Verb.APPLICATION_READ, UnitChange, UnitChange.application_id, UnitChange.use_unit, UnitChange.old_unit,
        UnitChange.application,
    ),
}  # fmt: skip


def _line(one: Counted, row: Any, lifts: dict[int, Any]) -> Line:
    """What the record itself keeps of that day comes first: code, place and use unit change."""
    lift = lifts.get(one.elevator)
    code = getattr(row, "code", None) or (lift.code if lift is not None else None)
    place = getattr(row, "place", None) or (lift.place if lift is not None else None)
    unit = row.use_unit if row is not None else lift.use_unit if lift is not None else None
    return Line(one, row, code, place, unit.name if unit is not None else None, lift is not None)


# --- columns


def _of(name: str, label: Any, kind: str = "text", choices: Any = None, unit: Any = None) -> Column:
    """A column of the record behind the line."""
    return Column(
        name, label, lambda line: None if line.row is None else getattr(line.row, name), kind, None, choices, unit=unit
    )


def _then(name: str, label: Any) -> Column:
    """An instant of the unit's own part in a rescue, as known then."""
    return Column(name, label, lambda line: getattr(line.record.course, name, None), "instant")


def _through(label: Any, name: str, value: Callable[[Any], Any], kind: str = "text", choices: Any = None) -> Column:
    return Column(name, label, lambda line: None if line.row is None else value(line.row), kind, None, choices)


def _kinds(row: Complaint) -> str:
    return together((str(word(COMPLAINT_KIND, kind)) for kind in row.kinds), "、")


_COUNTED_AS = Column("counted", _l("计为"), lambda line: line.record.counted, "choice", None, COUNTED)
_ON = Column("on", _l("日期"), lambda line: line.record.on or None)
_CODE = Column("code", _l("识别码"), lambda line: line.code, "code")
_PLACE = Column("place", _l("位置"), lambda line: line.place)
_USE_UNIT = Column("use_unit", _l("使用单位"), lambda line: line.use_unit)
_ABOUT = (_CODE, _PLACE, _USE_UNIT)

COLUMNS: dict[Item, tuple[Column, ...]] = {
    Item.RESCUE: (
        _of("number", _l("救援编号"), "code"), *_ABOUT,
        _of("reported_at", _l("报警时间"), "instant"), _of("outcome", _l("处置结果"), "choice", RESCUE_OUTCOME),
        _of("trapped", _l("困人人数"), "number"), _of("scene", _l("现场描述")),
        _of("cause", _l("故障原因"), "choice", RESCUE_CAUSE), _of("taken_at", _l("接警时间"), "instant"),
        _then("dispatched_at", _l("派单时间")), _then("accepted_at", _l("接单时间")),
        _then("arrived_at", _l("到达时间")), _then("done_at", _l("救出时间")),
        Column("level", _l("救援级别"), lambda line: line.record.course and line.record.course.level, "choice", None,
               RESCUE_LEVEL),
        _of("in_centre", _l("是否中心城区"), "bool"), _COUNTED_AS,
    ),
    Item.FEEDBACK: (
        _through(_l("投诉编号"), "number", lambda row: shown_tracking(row.number), "code"), *_ABOUT,
        _through(_l("投诉问题"), "kinds", _kinds), _of("body", _l("情况说明")),
        _of("complained_at", _l("投诉时间"), "instant"), _of("accepted_at", _l("接单时间"), "instant"),
        _of("handled_at", _l("处置时间"), "instant"), _of("handle_note", _l("处置情况")),
        _of("reviewed_at", _l("复核时间"), "instant"), _of("review_note", _l("复核意见")),
        _of("handled_again_at", _l("再次处置时间"), "instant"), _of("reviewed_again_at", _l("再次复核时间"), "instant"),
        _COUNTED_AS,
    ),
    Item.INSPECTION: (
        *_ABOUT, _of("kind", _l("检验类型"), "choice", INSPECTION_KIND), _of("number", _l("报告编号"), "code"),
        _ON, _of("tested_by", _l("检验单位")), _of("result", _l("检验结果"), "choice", INSPECTION_RESULT),
        _of("failed_items", _l("不合格项")), _of("is_fault", _l("涉及维保单位整改"), "bool"), _COUNTED_AS,
    ),
    Item.FAULT: (
        _of("number", _l("救援编号"), "code"), *_ABOUT, _of("reported_at", _l("报警时间"), "instant"),
        _of("cause", _l("故障原因"), "choice", RESCUE_CAUSE), _of("cause_note", _l("原因说明")),
        _of("trapped", _l("困人人数"), "number"), _of("injured", _l("受伤人数"), "number"),
        _of("done_at", _l("救出时间"), "instant"),
        Column("times", _l("本年困人次数"), lambda line: line.record.times, "number"), _COUNTED_AS,
    ),
    Item.CHANGE: (
        _through(_l("申请编号"), "number", lambda row: row.application.number, "code"), *_ABOUT,
        _through(_l("原维保单位"), "old_unit", lambda row: row.old_unit.name if row.old_unit else None),
        _of("signed_on", _l("签订日期"), "date"), _of("due_on", _l("应申请日期"), "date"), _ON,
        _of("took_effect_on", _l("生效日期"), "date"),
        _through(_l("申请状态"), "state", lambda row: row.application.state, "choice", APPLICATION_STATE),
        _COUNTED_AS,
    ),
}  # fmt: skip
# Text that people wrote, as long as it may be.
LONG = {"scene", "body", "handle_note", "review_note", "failed_items", "cause_note"}


def title_of(unit: str, item: str, first: dt.date, last: dt.date) -> str:
    return say("%(unit)s %(item)s %(a)s 至 %(b)s", unit=unit, item=item, a=first, b=last)
