"""Registers as of a day, as known at an instant (ASO-01): the lists of the pages, their columns by name."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from flask import jsonify, request

from app import clock
from app.api.base import MOST_COUNTED, actor, page_asked
from app.errors import Refusal, refuse
from app.extensions import db
from app.listing import Column, Listing, Past, moment, past_of
from app.rules.identifiers import masked


def asked() -> bool:
    """Whether the past is asked for."""
    return bool(request.args.get("as_of") or request.args.get("known_at"))


def page(listing: Listing) -> Any:
    """One page of the list as it was, within the scope of now."""
    then = _then(listing)
    number, size = page_asked()
    query = then.read({"q": request.args.get("q", "")[:60], "page": str(number + 1), "size": str(size)})
    found = then.page(moment(db.session, actor()), query)
    return jsonify(
        rows=[_row(then, row) for row in found.rows], page=number, size=size, count=min(found.total, MOST_COUNTED),
        count_is_exact=not found.more, **_said(then),
    )  # fmt: skip


def one(listing: Listing, key: int) -> Any:
    """One row as it was; null when it was not there then. The caller has the row through scope."""
    then = _then(listing)
    row = next(iter(then.by_keys(db.session, [key])), None)
    return jsonify(row=None if row is None else _row(then, row), **_said(then))


def _then(listing: Listing) -> Listing:
    past, wrong = past_of(request.args, zoned=True)
    if wrong:
        remedy = "日期写成 2026-11-20，时刻写成 2026-11-20T09:00:00+08:00，带时区"
        raise Refusal(replace(one, remedy=remedy, level="fail") for one in wrong)
    if past is not None and past.ahead:
        # What a program asks for is answered as it asks, or not at all.
        raise refuse("参数", "known_at 在现在之后", "只能按已经过去的时刻查询", field="known_at")
    now = clock.now()
    past = past or Past(clock.local_day(now), now, False)
    assert listing.then is not None
    return listing.then(listing, past.on, past.known_at)


def _said(then: Listing) -> dict[str, str]:
    assert then.as_of is not None and then.known_at is not None
    return {"as_of": then.as_of.isoformat(), "known_at": then.known_at.isoformat()}


def _row(then: Listing, row: Any) -> dict[str, Any]:
    return {"id": row.id, "values": {column.name: _value(column, row) for column in then.columns}}


def _value(column: Column, row: Any) -> Any:
    value = column.value(row)
    if value and column.sensitive is not None:
        return masked(column.sensitive, str(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
