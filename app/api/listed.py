"""Lists by the pages' own search, tabs and filters: the parameters are the page's, without its prefix `f_`.

What a page would show beside a notice, the interface refuses: a caller that asks wrongly must not get all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import jsonify, request

from app.api.base import MOST_COUNTED, actor, page_asked
from app.errors import Refusal, refuse
from app.extensions import db
from app.listing import Listing, moment
from app.listing.parts import Query
from app.wording import say, together

# A whole number may be asked for by anybody who may not search parts of it; an address is kept by every log on the way.
NOT_IN_ADDRESSES = ("phone", "resident")


def names_of(listing: Listing) -> dict[str, str]:
    """What may be asked by: the interface's name → the page's."""
    found = {"q": "q", "tab": "tab"}
    for one in listing.filters:
        if one.name not in NOT_IN_ADDRESSES:
            tails = ("_from", "_to") if one.kind == "date" else ("",)
            found |= {one.name + tail: f"f_{one.name}{tail}" for tail in tails}
    return found


def query(listing: Listing, given: Mapping[str, Any], number: int = 0, size: int = 50) -> Query:
    """The page's query of these parameters; what can't be understood is refused by its name."""
    names = names_of(listing)
    args = {"page": str(number + 1), "size": str(size)}
    for name, known in names.items():
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, str | int):
            raise refuse(
                "参数", say("%(name)s 应为文字", name=name), "请按接口文档填写", field=name, value=str(value)[:60]
            )
        args[known] = str(value)
    found = listing.read(args)
    if found.notices:
        raise Refusal([replace(f, level="fail", remedy="请按接口文档填写后重试") for f in found.notices])
    return found


def page(listing: Listing, shown: Callable[[Any], dict[str, Any]]) -> Any:
    """One page of the list, in its own order, within the caller's scope."""
    number, size = page_asked()
    found = listing.page(moment(db.session, actor()), query(listing, request.args, number, size))
    return jsonify(
        rows=[shown(row) for row in found.rows], page=number, size=size, count=min(found.total, MOST_COUNTED),
        count_is_exact=not found.more,
    )  # fmt: skip


def keys(listing: Listing, given: Mapping[str, Any], most: int) -> list[int]:
    """The numbers of the rows that a filter finds, at most one more than `most`: the workflow refuses too many."""
    unknown = sorted(set(given) - set(names_of(listing)))
    if unknown:
        known = together(names_of(listing))
        raise refuse(
            "筛选",
            say("没有筛选项“%(unknown)s”", unknown=unknown[0][:40]),
            say("可以使用：%(known)s", known=known),
            field="filter",
        )
    now, asked = moment(db.session, actor()), query(listing, given)
    listing.seek(now, asked)
    return list(db.session.scalars(listing.statement(now, asked).order_by(listing.key).limit(most + 1)))
