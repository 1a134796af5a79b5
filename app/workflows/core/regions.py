"""The tree of regions: a node is added, and ends when the codes are redrawn (ACC-01)."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import or_, select

from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Region
from app.models.region import LEVEL_DIGITS, digits_used
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit

LEVELS = tuple(LEVEL_DIGITS)
# What stands between the words of a line.
_BETWEEN = re.compile("[,，、;；]")
MOST_LINES = 500


def add(
    session: AnySession, actor: Actor, *, code: str, name: str, level: str, valid_from: str, at: dt.datetime
) -> Region:
    """Add a region below one of the actor's own; the parent follows from the code, so does a `level` that is not said.
    Every failing field at once."""
    require(actor, Verb.REGION_EDIT)
    found: list[Finding] = []

    def bad(rule: str, field: str, value: str, what: str, remedy: str) -> None:
        found.append(Finding(rule, False, what, remedy, field=field, value=value))

    full = code.ljust(12, "0") if re.fullmatch(r"[0-9]{2,12}", code) else ""
    level = level or _level_of(full)
    digits = LEVEL_DIGITS.get(level, 0)
    # The digits of the level itself: a district's code named as a street's would stand beside the districts for good.
    own = full[max((n for n in LEVEL_DIGITS.values() if n < digits), default=0) : digits]
    if not name or len(name) > 60:
        bad("名称", "name", name, "超过 60 个字" if name else "没有填写名称", "请填写 1 到 60 个字")
    if level not in LEVELS:
        bad("级别", "level", level, say("没有“%(level)s”这一级", level=level), "请选择省、市、区县或街道")
    if not full or (digits and (set(full[digits:]) - {"0"} or not own.strip("0"))):
        bad(
            "区划代码",
            "code",
            code,
            say("“%(code)s”不是这一级的代码", code=code),
            say("请填写 GB/T 2260 代码，前 %(digits)s 位有效，其后为 0；或改选级别", digits=digits or 2),
        )
    day, wrong = _day("启用日期", "valid_from", valid_from)
    found += wrong
    if found:
        raise Refusal(found)
    if session.scalar(select(Region.id).where(Region.code == full)) is not None:
        bad("区划代码", "code", code, say("%(full)s 已存在", full=full), "请核对代码")
    parent = _parent(session, full, level)
    if level != "province" and parent is None:
        bad("上级地区", "code", code, say("没有 %(full)s 的上级地区", full=full), "请先新增上级地区")
    span = actor.region_span
    if not actor.sees_everything and (span is None or not span[0] < full < span[1]):
        bad("管辖范围", "code", code, say("%(full)s 不在您的辖区之内", full=full), "只能在自己的地区下面新增")
    if found:
        raise Refusal(found)
    row = Region(code=full, name=name, level=level, parent_id=parent.id if parent else None, valid_from=day)
    session.add(row)
    session.flush()
    audit.record(session, actor, at, "region.add", "region", row.id, after={"code": full, "name": name, "level": level})
    return row


def add_many(session: AnySession, actor: Actor, text: str, at: dt.datetime) -> tuple[int, int]:
    """Add one region a line, code and name in either order, as they are pasted from a table; the level follows from
    the code, and those above may stand in any line. Gives how many were added, and how many stood there already by
    this name. Where one line is wrong nothing is added: Refusal tells all of them by their numbers."""
    require(actor, Verb.REGION_EDIT)
    lines = [(number, line.split()) for number, line in enumerate(_BETWEEN.sub(" ", text).splitlines(), 1)]
    lines = [(number, words) for number, words in lines if words]
    if not 0 < len(lines) <= MOST_LINES:
        found = say("%(n)s 行", n=len(lines)) if lines else say("没有填写")
        raise refuse("批量新增", found, say("请每行填写一个地区，最多 %(n)s 行", n=MOST_LINES), field="lines")
    wrong: list[tuple[int, Finding]] = []
    asked: list[tuple[str, int, str]] = []
    for number, words in lines:
        code = next((one for one in (words[0], words[-1]) if re.fullmatch(r"[0-9]{2,12}", one)), None)
        name = " ".join(words[1:] if code == words[0] else words[:-1])
        if code is None or not name:
            remedy = "请填写代码和名称，中间空一格，例如 330102 上城区"
            wrong.append((number, Finding("批量新增", False, say("“%(line)s”", line=" ".join(words)[:40]), remedy)))
        else:
            asked.append((code.ljust(12, "0"), number, name))
    made = there = 0
    for code, number, name in sorted(asked):
        if session.scalar(select(Region.name).where(Region.code == code)) == name:
            there += 1
            continue
        try:
            add(session, actor, code=code, name=name, level="", valid_from="", at=at)
            made += 1
        except Refusal as refusal:
            wrong += [(number, one) for one in refusal.findings if not one.ok]
    if wrong:
        raise Refusal([
            Finding(say("第 %(n)s 行", n=number), False, one.found, one.remedy, field="lines")
            for number, one in sorted(wrong, key=lambda pair: pair[0])
        ])  # fmt: skip
    return made, there


def _level_of(code: str) -> str:
    return next((level for level, width in LEVEL_DIGITS.items() if width >= digits_used(code)), "street")


def end(session: AnySession, actor: Actor, *, code: str, valid_until: str, at: dt.datetime) -> Region:
    """Give a region below the actor's own its last day, or take that back by no day; nothing new is put there after it.

    What stands in it stays and is seen from above as before. Those below end first: none hangs under one that is gone.
    """
    require(actor, Verb.REGION_EDIT)
    row: Region | None = session.scalar(select(Region).where(Region.code == code).with_for_update())
    span = actor.region_span
    if row is None or (not actor.sees_everything and (span is None or not span[0] < row.code < span[1])):
        found = "没有选择" if row is None else say("%(full)s 不在您的辖区之内", full=row.code)
        raise refuse("地区", found, "请选择自己地区下面的地区", field="region", value=code)
    last, wrong = _day("停用日期", "valid_until", valid_until)
    raise_failing(wrong)
    if last is not None and row.valid_from is not None and last < row.valid_from:
        found = say("早于启用日期 %(day)s", day=row.valid_from)
        raise refuse("停用日期", found, "请填写启用日期之后的一天", field="valid_until", value=valid_until)
    low, high = row.span
    below = select(Region.name).where(Region.code > low, Region.code < high)
    longer = or_(Region.valid_until.is_(None), Region.valid_until > last) if last else None
    name = None if longer is None else session.scalar(below.where(longer).order_by(Region.code).limit(1))
    if name is not None:
        found = say("下级地区“%(name)s”那时仍在用", name=name)
        raise refuse("停用日期", found, "请先停用下级地区", field="valid_until", value=valid_until)
    parent = session.get(Region, row.parent_id) if row.parent_id else None
    if parent is not None and parent.valid_until is not None and (last is None or last > parent.valid_until):
        found = say("上级地区“%(name)s”于 %(day)s 停用", name=parent.name, day=parent.valid_until)
        raise refuse("停用日期", found, "请填写不晚于上级地区的日期", field="valid_until", value=valid_until)
    before, row.valid_until = row.valid_until, last
    session.flush()
    if before != last:
        days = [None if day is None else day.isoformat() for day in (before, last)]
        audit.record(
            session, actor, at, "region.end", "region", row.id, {"valid_until": days[0]}, {"valid_until": days[1]}
        )
    return row


def _day(rule: str, field: str, typed: str) -> tuple[dt.date | None, list[Finding]]:
    """The day that was typed, none for nothing, with what is wrong."""
    try:
        return dt.date.fromisoformat(typed) if typed else None, []
    except ValueError:
        found = say("“%(typed)s”不是日期", typed=typed)
        return None, [Finding(rule, False, found, "请按 2026-11-20 的格式填写", field=field, value=typed)]


def _parent(session: AnySession, code: str, level: str) -> Region | None:
    """The nearest region above: a county-level city may hang straight under its province."""
    for above in reversed(LEVELS[: LEVELS.index(level)]):
        width = LEVEL_DIGITS[above]
        found: Region | None = session.scalar(
            select(Region).where(Region.code == code[:width].ljust(12, "0"), Region.level == above)
        )
        if found is not None:
            return found
    return None
