"""What every REST resource shares: tokens or the browser's session, CSRF for the latter, refusals as JSON, pages.

Errors look alike: `{"message": …, "errors": [{rule, found, remedy, field, …}]}` with the refusal's status code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import g, jsonify, request
from flask_appbuilder.api import BaseApi
from sqlalchemy import Select, func, select

from app.errors import Finding, Refusal, Stale, refuse
from app.extensions import csrf, db
from app.permissions import NOBODY, Actor

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PAGE_SIZE = 50
MOST_ROWS = 200
MOST_COUNTED = 1000


class Resource(BaseApi):
    """A resource for tokens and for the browser's own pages.

    Flask-AppBuilder exempts APIs from CSRF protection; `answers` puts it back for whoever comes with a cookie.
    """

    allow_browser_login = True


def answers(method: Callable[..., Any]) -> Callable[..., Any]:
    """Innermost decorator of a method: CSRF for cookie calls that write, refusals as JSON."""

    @functools.wraps(method)
    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Another site can make a browser send its cookie, never this header.
        if request.method not in SAFE_METHODS and not request.headers.get("Authorization", "").startswith("Bearer "):
            csrf.protect()
        try:
            return method(self, *args, **kwargs)
        except Refusal as refusal:
            return refused(refusal)

    return answer


def refused(refusal: Refusal) -> Any:
    """The refusal as JSON, with the version now in force where the caller's was stale."""
    body: dict[str, Any] = {"message": str(refusal), "errors": [f.as_dict() for f in refusal.findings if not f.ok]}
    if isinstance(refusal, Stale):
        body["current_version"] = refusal.current
    return jsonify(body), refusal.status_code


def actor() -> Actor:
    """Who acts in this request."""
    found: Actor = g.get("actor", NOBODY)
    return found


def body() -> dict[str, Any]:
    """The JSON object sent, or a refusal."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise refuse("请求格式", "请求体不是 JSON 对象", "请按接口文档发送 JSON，并设置 Content-Type: application/json")
    return sent


def whole(source: Any, name: str, default: int | None = None, low: int = 0, high: int = 2**53) -> int:
    """A whole number of the query string or body, or a refusal naming it."""
    given = source.get(name, default)
    if isinstance(given, bool) or given is None:
        raise refuse("参数", f"缺少 {name}，或不是整数", f"请给出整数 {name}", field=name, value=given)
    try:
        number = int(str(given))
    except ValueError:
        raise refuse("参数", f"{name} 不是整数", f"请给出整数 {name}", field=name, value=str(given)[:60]) from None
    if not low <= number <= high:
        raise refuse("参数", f"{name} 应在 {low} 至 {high} 之间", "请调整后重试", field=name, value=number)
    return number


def chosen(name: str, choices: dict[str, Any]) -> str | None:
    """A query parameter that must be one of the choices; absent = None."""
    given = request.args.get(name)
    if given and given not in choices:
        raise refuse("参数", f"{name} 没有“{given[:60]}”", f"可选：{'、'.join(choices)}", field=name, value=given[:60])
    return given or None


def page(statement: Select[Any], order: Any, shown: Callable[[Any], dict[str, Any]]) -> Any:
    """One page of a scoped select as JSON: rows, page, size, and the count up to a thousand (`count_is_exact`)."""
    number, size = whole(request.args, "page", 0), whole(request.args, "size", PAGE_SIZE, 1, MOST_ROWS)
    keys = statement.with_only_columns(statement.selected_columns[0]).order_by(None).limit(MOST_COUNTED + 1)
    count = db.session.scalar(select(func.count()).select_from(keys.subquery())) or 0
    rows = db.session.scalars(statement.order_by(*order).limit(size).offset(number * size)).all()
    return jsonify(
        rows=[shown(row) for row in rows], page=number, size=size, count=min(count, MOST_COUNTED),
        count_is_exact=count <= MOST_COUNTED,
    )  # fmt: skip


def finding_list(findings: list[Finding]) -> list[dict[str, Any]]:
    return [f.as_dict() for f in findings]
