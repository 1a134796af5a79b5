"""Adding a node to the tree of regions."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import select

from app.errors import Finding, Refusal
from app.models import Region
from app.models.region import LEVEL_DIGITS
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.wording import say
from app.workflows import audit

LEVELS = tuple(LEVEL_DIGITS)


def add(
    session: AnySession, actor: Actor, *, code: str, name: str, level: str, valid_from: str, at: dt.datetime
) -> Region:
    """Add a region below one of the actor's own; the parent follows from the code. Every failing field at once."""
    require(actor, Verb.REGION_EDIT)
    found: list[Finding] = []

    def bad(rule: str, field: str, value: str, what: str, remedy: str) -> None:
        found.append(Finding(rule, False, what, remedy, field=field, value=value))

    digits = LEVEL_DIGITS.get(level, 0)
    full = code.ljust(12, "0") if re.fullmatch(r"[0-9]{2,12}", code) else ""
    if not name or len(name) > 60:
        bad("名称", "name", name, "超过 60 个字" if name else "没有填写名称", "请填写 1 到 60 个字")
    if level not in LEVELS:
        bad("级别", "level", level, say("没有“%(level)s”这一级", level=level), "请选择省、市、区县或街道")
    if not full or (digits and set(full[digits:]) - {"0"}):
        bad(
            "区划代码",
            "code",
            code,
            say("“%(code)s”不是这一级的代码", code=code),
            say("请填写 GB/T 2260 代码，前 %(digits)s 位有效", digits=digits or 2),
        )
    day = None
    if valid_from:
        try:
            day = dt.date.fromisoformat(valid_from)
        except ValueError:
            bad(
                "启用日期",
                "valid_from",
                valid_from,
                say("“%(valid_from)s”不是日期", valid_from=valid_from),
                "请按 2026-11-20 的格式填写",
            )
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
