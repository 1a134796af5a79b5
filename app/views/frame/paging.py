"""The pages of a list: where one is, the neighbours, the far ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request
from flask_babel import gettext as _

from app.listing import Page, Query

# The parameters that say where in the list one is; every other change starts again at its head.
PLACE = ("page", "row", "after", "before")


def capped(count: int) -> str:
    """1,001 counted rows mean more than a thousand."""
    return "1,000+" if count > 1000 else f"{count:,}"


def pages(query: Query, page: Page, link: Callable[..., str]) -> dict[str, Any]:
    """Links to pages by number, made by `link`; where rows were not counted to the end, far pages by entry.

    The neighbours carry the edge of this page, so that however far it is, the next one starts right there.
    """
    last = max(1, -(-page.total // page.size))
    if query.page < 0 and not page.more:
        query.page = max(1, last + 1 + query.page)
    from_end = query.page < 0
    known = set(range(1, last + 1)) | ({query.page} if page.more else set())
    near = sorted({1, *range(query.page - 2, query.page + 3)} & known) if not from_end else [1]
    near += [last] if last not in near and not page.more else []
    links: list[tuple[Any, str]] = []
    for before, number in zip([0, *near], near, strict=False):
        if number - before > 1:
            links.append(("…", ""))
        links.append((number, "" if number == query.page else link(page=number)))
    further = (page.more and query.page != -1) or 0 < query.page < last
    following = preceding = ""
    if page.keys and further and len(page.rows) == page.size:
        following = link(page=query.page + 1, after=page.keys[-1])
    if page.keys and (query.page > 1 or from_end):
        preceding = link(page=query.page - 1, before=page.keys[0])
    return {
        "text": _("共 %(n)s 条", n=capped(page.total)), "found": capped(page.total), "page": query.page,
        "total_pages": last, "links": links,
        "previous": preceding, "next": following,
        "more": page.more,
        "far": [(k, v) for k, v in request.args.items() if k not in PLACE] if page.more else None,
        "end": link(page=-1) if page.more and query.page != -1 else "",
        "here": _("倒数第 %(n)s 页", n=-query.page) if from_end else "",
    }  # fmt: skip
