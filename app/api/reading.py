"""What a call sends, as values: whatever can't be one is refused by its name. No rule of the trade is here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import request

from app.api.base import whole
from app.errors import refuse
from app.rules.calendar import EARLIEST_ON, LATEST_ON
from app.wording import say

LONGEST = 500
MOST_KEYS = 500


def words(source: Mapping[str, Any], name: str, most: int = LONGEST) -> str:
    """A text of the body or query, absent = empty; anything else, or a longer one, is refused by name."""
    given = source.get(name)
    if given is None or given == "":
        return ""
    if not isinstance(given, str):
        raise refuse("参数", say("%(name)s 应为文字", name=name), "请按接口文档填写", field=name, value=str(given)[:60])
    if len(given) > most:
        raise refuse(
            "参数",
            say("%(name)s 有 %(count)s 个字", name=name, count=len(given)),
            say("最多 %(most)s 个字", most=most),
            field=name,
        )
    # PostgreSQL stores no NUL, and no sense has one.
    return given.replace("\0", "")


def day(source: Mapping[str, Any], name: str) -> dt.date | None:
    """A day as 2026-11-20; absent or empty = None."""
    given = source.get(name)
    if given in (None, ""):
        return None
    try:
        found = dt.date.fromisoformat(given) if isinstance(given, str) and len(given) == 10 else None
    except ValueError:
        found = None
    if found is None or not EARLIEST_ON <= found <= LATEST_ON:
        raise refuse(
            "参数", say("%(name)s 不是日期", name=name), "请按 2026-11-20 填写", field=name, value=str(given)[:60]
        )
    return found


def month(source: Mapping[str, Any], name: str) -> dt.date | None:
    """The first day of a month as 2026-11; absent or empty = None."""
    given = source.get(name)
    if given in (None, ""):
        return None
    try:
        found = dt.date.fromisoformat(f"{given}-01") if isinstance(given, str) and len(given) == 7 else None
    except ValueError:
        found = None
    if found is None or not EARLIEST_ON <= found <= LATEST_ON:
        raise refuse(
            "参数", say("%(name)s 不是月份", name=name), "请按 2026-11 填写", field=name, value=str(given)[:60]
        )
    return found


def instant(source: Mapping[str, Any], name: str) -> dt.datetime | None:
    """An instant with its zone, as 2026-11-20T09:00:00+08:00; absent or empty = None."""
    given = source.get(name)
    if given in (None, ""):
        return None
    try:
        found = dt.datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not EARLIEST_ON <= found.date() <= LATEST_ON:
        remedy = "请按 2026-11-20T09:00:00+08:00 填写，带时区"
        raise refuse("参数", say("%(name)s 不是时刻", name=name), remedy, field=name, value=str(given)[:60])
    return found.astimezone(dt.UTC)


def key(source: Mapping[str, Any], name: str) -> int | None:
    """A row's number; absent = None."""
    return None if source.get(name) in (None, "") else whole(source, name)


def keys(source: Mapping[str, Any], name: str, most: int = MOST_KEYS) -> list[int]:
    """Rows' numbers, each once; absent = none."""
    given = source.get(name)
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > most:
        raise refuse(
            "参数",
            say("%(name)s 应为不超过 %(most)s 个整数的数组", name=name, most=most),
            "请按接口文档填写",
            field=name,
        )
    return list(dict.fromkeys(whole({name: one}, name) for one in given))


def flag(source: Mapping[str, Any], name: str) -> bool:
    """True or false; absent = false."""
    given = source.get(name)
    if given is None:
        return False
    if not isinstance(given, bool):
        raise refuse(
            "参数", say("%(name)s 应为 true 或 false", name=name), "请按接口文档填写", field=name, value=str(given)[:60]
        )
    return given


def part(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within the body; absent = empty."""
    given = source.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise refuse("参数", say("%(name)s 应为对象", name=name), "请按接口文档填写", field=name)
    return given


def asked_bool(name: str) -> bool | None:
    """A query parameter 0 or 1; absent = None."""
    given = request.args.get(name)
    if given in (None, ""):
        return None
    if given not in ("0", "1"):
        raise refuse("参数", say("%(name)s 应为 0 或 1", name=name), "请调整后重试", field=name, value=str(given)[:60])
    return given == "1"


def texts(source: Mapping[str, Any], name: str, most: int = 100, longest: int = 60) -> list[str]:
    """Several short texts, each once, cut at the `longest`; absent = none."""
    given = source.get(name)
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > most or not all(isinstance(one, str) for one in given):
        raise refuse(
            "参数",
            say("%(name)s 应为不超过 %(most)s 个文字的数组", name=name, most=most),
            "请按接口文档填写",
            field=name,
        )
    return list(dict.fromkeys(one[:longest].replace("\0", "") for one in given))
