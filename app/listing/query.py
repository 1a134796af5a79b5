"""A list's query, read from plain parameters. Whatever one holds wrongly becomes a notice that names it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app.errors import Finding
from app.listing.parts import PAGE_SIZE, Filter, Query
from app.listing.past import past_of
from app.wording import say

MOST_ROWS, MOST_PAGES = 200, 40_000
# As many as a page can tick.
MOST_CHOSEN = 500


def read(listing: Any, args: Mapping[str, str]) -> Query:
    """Understand the parameters; never fails."""
    # In no text, and PostgreSQL takes none.
    args = {name: value.replace("\0", "") for name, value in args.items()}
    query = Query(sort=listing.order[0], descending=listing.order[1], columns=listing.default)
    # Where nothing is searched, words are no condition, and none is shown.
    query.q = " ".join(args.get("q", "")[:80].split()) if listing.search else ""
    if listing.then is not None:
        query.notices += past_of(args)[1]
    else:
        for name, label in (("as_of", "截至日期"), ("known_at", "所知时间")):
            if given := args.get(name, "").strip():
                query.notices.append(_notice(label, given, "不能回看", "已按现在显示"))
    _read_tab(listing, args, query)
    for one in listing.filters:
        _read_filter(one, args, query)
    _read_chosen(args, query)
    _read_sort(listing, args, query)
    query.size = _whole(args, query, "size", PAGE_SIZE, 1, MOST_ROWS, "每页行数")
    _read_page(args, query)
    chosen = tuple(n for n in args.get("cols", "").split(",") if listing.column(n) is not None)
    query.columns = tuple(dict.fromkeys(chosen)) or listing.default
    return query


def _read_page(args: Mapping[str, str], query: Query) -> None:
    given = args.get("page", "").strip()
    if given.startswith("-") and given != "-":
        query.page = -_whole({"page": given[1:]}, query, "page", 1, 1, MOST_PAGES, "页码")
    else:
        query.page = _whole(args, query, "page", 1, 1, MOST_PAGES, "页码")
    if args.get("row"):
        row = _whole(args, query, "row", 1, 1, MOST_PAGES * PAGE_SIZE, "行号")
        query.page = -(-row // query.size)
    for side in ("after", "before"):
        # The neighbouring page from the one that was shown: the key of its last or first row.
        key = args.get(side, "")
        if key.isascii() and key.isdigit() and len(key) < 19 and query.page != 1:
            query.beyond = (side, int(key))


def _read_tab(listing: Any, args: Mapping[str, str], query: Query) -> None:
    tabs, given = {tab.key: tab for tab in listing.tabs}, args.get("tab", "")
    query.tab = given if given in tabs else next(iter(tabs), "")
    if given and given not in tabs:
        query.notices.append(_notice("分类", given, "没有这个分类", "已按默认的分类显示"))
    query.descending |= query.tab in tabs and tabs[query.tab].last_first


def _read_chosen(args: Mapping[str, str], query: Query) -> None:
    given = args.get("ids", "").strip()
    if not given:
        return
    keys = [key for key in dict.fromkeys(given.split(",")) if key.isascii() and key.isdigit() and len(key) < 19]
    if len(keys) > MOST_CHOSEN or len(keys) < len(set(given.split(","))):
        rule = say("须是 1 到 %(n)s 个编号，用逗号隔开", n=MOST_CHOSEN)
        query.notices.append(_notice("选定的行", given, rule, "请回到列表重新选择"))
    # What is no key at all must not widen what was ticked to everything.
    query.chosen = tuple(int(key) for key in keys[:MOST_CHOSEN]) or (0,)


def _read_sort(listing: Any, args: Mapping[str, str], query: Query) -> None:
    given = args.get("sort", "")
    if not given:
        return
    held = listing.column(given.removeprefix("-"))
    if held is not None and held.sort is not None:
        query.sort, query.descending = held.name, given.startswith("-")
    else:
        query.notices.append(_notice("排序", given, "不能按这一列排序", "已按默认顺序显示"))


def _read_filter(one: Filter, args: Mapping[str, str], query: Query) -> None:
    if one.kind == "date":
        span = tuple(_day(args, query, one, tail) for tail in ("from", "to"))
        if any(span):
            query.filters[one.name] = span
        return
    given = args.get(f"f_{one.name}", "").strip()[:200]
    if not given:
        return
    if one.kind == "choice":
        known = [v for v in given.split(",") if v in (one.choices or {})]
        if known:
            query.filters[one.name] = known
        if len(known) < len(given.split(",")):
            query.notices.append(_notice(str(one.label), given, "没有这个选项", "请重新选择"))
    elif one.kind == "lookup":
        if given.isascii() and given.isdigit() and len(given) < 19:
            query.filters[one.name] = int(given)
        else:
            query.notices.append(_notice(str(one.label), given, "不是有效的编号", "请从候选中选择"))
    elif one.kind == "region":
        if given.isascii() and given.isdigit() and len(given) == 12:
            query.filters[one.name] = given
        else:
            query.notices.append(_notice(str(one.label), given, "不是 12 位区划代码", "请从候选中选择"))
    elif one.kind == "bool":
        query.filters[one.name] = given in ("1", "true", "yes")
    else:
        query.filters[one.name] = given


def _day(args: Mapping[str, str], query: Query, one: Filter, tail: str) -> dt.date | None:
    given = args.get(f"f_{one.name}_{tail}", "").strip()[:40]
    if not given:
        return None
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        query.notices.append(_notice(str(one.label), given, "不是有效的日期", "请按 2026-11-20 的格式填写"))
        return None


def _whole(
    args: Mapping[str, str], query: Query, name: str, default: int, low: int, high: int, label: str
) -> int:
    given = args.get(name, "").strip()[:20]
    if not given:
        return default
    if given.isascii() and given.isdigit() and low <= int(given) <= high:
        return int(given)
    query.notices.append(
        _notice(
            label,
            given,
            say("须是 %(low)s 到 %(high)s 的整数", low=low, high=high),
            say("已按 %(default)s 显示", default=default),
        )
    )
    return default


def _notice(label: str, value: str, rule: str, remedy: str) -> Finding:
    return Finding(
        label,
        False,
        say("“%(value)s”%(rule)s", value=value[:40], rule=rule),
        remedy,
        field=label,
        value=value[:40],
        level="warn",
    )
