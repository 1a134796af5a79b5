"""What every REST resource shares: tokens or the browser's session, CSRF for the latter, refusals as JSON, pages.

Errors look alike: `{"message": …, "errors": [{rule, found, remedy, field, …}], "request_id": …}` with the refusal's
status code, whoever refuses: the door, a rule, the framework below.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

from flask import current_app, g, jsonify, make_response, request
from flask_appbuilder import expose
from flask_appbuilder.api import BaseApi, safe
from flask_appbuilder.security.decorators import protect
from sqlalchemy import Select, func, select

from app import clock, wording
from app.api import describing
from app.errors import Finding, NotAllowed, Refusal, Stale, refuse
from app.extensions import csrf, db
from app.permissions import NOBODY, Actor
from app.transaction import transaction
from app.wording import together
from app.workflows.core import api_calls

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PAGE_SIZE = 50
MOST_ROWS = 200
MOST_COUNTED = 1000
ONCE_HEADER = "Idempotency-Key"
_ONCE_KEY = re.compile(r"[A-Za-z0-9._:-]{8,80}")


class Resource(BaseApi):
    """A resource for tokens and for the browser's own pages.

    Flask-AppBuilder exempts APIs from CSRF protection; `answers` puts it back for whoever comes with a cookie.
    """

    allow_browser_login = True

    def __dir__(self) -> list[str]:
        """The doors alone: Flask-AppBuilder asks all that is named here, three times, at each start."""
        return [name for name in super().__dir__() if hasattr(getattr(type(self), name, None), "_urls")]

    def add_apispec_components(self, api_spec: Any) -> None:
        super().add_apispec_components(api_spec)
        describing.add_components(api_spec)

    def operation_helper(self, path: Any = None, operations: Any = None, methods: Any = None, func: Any = None,
                         **kwargs: Any) -> None:  # fmt: skip
        """The docstring's operations, with what all of them share written out.

        Reading docstrings is most of what the description costs, and they stay the same: each is read once a process.
        """
        known: dict[tuple[str, str], Any] = self.__dict__.setdefault("_described", {})
        key = str(path), func.__name__
        if key not in known:
            read: dict[str, Any] = {}
            super().operation_helper(path=path, operations=read, methods=methods, func=func, **kwargs)
            for method, operation in read.items():
                name = f"{type(self).__name__}.{func.__name__}" + (f".{method}" if len(read) > 1 else "")
                describing.complete(operation, str(path), method, name, once=getattr(func, "answers_once", False))
            known[key] = read
        # Whoever describes them writes into what is given.
        operations.update(copy.deepcopy(known[key]))

    def response_401(self) -> Any:
        return not_signed_in()

    def response_403(self) -> Any:
        found = "当前账号的角色，或这个令牌勾选的权限，不能调用这个接口"
        remedy = "请由有此权限的账号办理；用令牌时，请另建一个勾选了相应权限的令牌"
        return refused(Refusal(Finding("权限", False, found, remedy)), 403)


def not_signed_in() -> Any:
    """401: nobody, or a token that is worth nothing (any more)."""
    found = "没有登录，或令牌无效、已过期、已撤销，或所属账号已变更"
    remedy = "请在请求头 Authorization 中给出有效的令牌：Bearer tian_…"
    return refused(Refusal(Finding("登录", False, found, remedy, field="Authorization")), 401)


def refuse_dead_tokens() -> Any:
    """Before any resource: whoever comes with a personal token that is none is told so, in the usual words."""
    return not_signed_in() if g.get("token_refused") else None


def say_it_alike(manager: Any) -> None:
    """The tokens' library answers in words of its own too, and a broken token with 422: make it ours."""
    for say in ("unauthorized", "invalid_token", "expired_token", "revoked_token", "user_lookup_error"):
        getattr(manager, f"{say}_loader")(lambda *_why: not_signed_in())


def answers(path: str, *methods: str, once: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A door of a resource: `@answers("/<int:key>/accept", "POST", once=True)`.

    Whoever comes needs the right that the method's name says, and, where he writes with a cookie, the CSRF header;
    whatever goes wrong is told in one shape. With `once`, a call sent again with its Idempotency-Key is answered alike.
    """

    def open_door(method: Callable[..., Any]) -> Callable[..., Any]:
        inner = answers_signed(_own_pages(_once(method) if once else method))
        door: Callable[..., Any] = expose(path, methods=methods)(protect()(safe(inner)))
        door.answers_once = once  # type: ignore[attr-defined]
        return door

    return open_door


def _own_pages(method: Callable[..., Any]) -> Callable[..., Any]:
    """CSRF for calls that write with a cookie: another site can make a browser send it, never a token's header."""

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        by_header = request.headers.get("Authorization", "").startswith("Bearer ")
        if request.method not in SAFE_METHODS and not by_header:
            csrf.protect()
        return method(self, *args, **kwargs)

    return checked


def answers_signed(method: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever goes wrong in one shape; alone, at a door where no cookie counts: what is sent carries a signature."""

    @functools.wraps(method)
    def answer(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Refusal as refusal:
            return refused(refusal)
        except Exception as error:
            # Whatever else goes wrong is told as everywhere; Flask-AppBuilder would answer in words of its own.
            return current_app.handle_user_exception(error)

    return answer


def _once(method: Callable[..., Any]) -> Callable[..., Any]:
    """With an Idempotency-Key the deed is done once, and a call sent again gets the same answer.

    The key and the answer are kept in the deed's own transaction: what was refused, or never committed, leaves none.
    """

    @functools.wraps(method)
    def do(self: Any, *args: Any, **kwargs: Any) -> Any:
        key, account_id = request.headers.get(ONCE_HEADER), actor().user_id
        if key is None or account_id is None:
            return method(self, *args, **kwargs)
        if not _ONCE_KEY.fullmatch(key):
            remedy = "请用 8 至 80 个字母、数字或 . _ : -，例如 UUID"
            raise refuse(ONCE_HEADER, "格式不对", remedy, field=ONCE_HEADER, value=key[:60])
        told = f"{request.method} {request.full_path}\n".encode() + request.get_data(cache=True)
        digest = hashlib.sha256(told).hexdigest()
        with transaction(db.session) as session:
            before = api_calls.begin(session, account_id, key, digest, clock.now())
            if before is not None:
                again = make_response(jsonify(before.answer), before.code)
                again.headers["Idempotent-Replayed"] = "true"
                return again
            made = make_response(method(self, *args, **kwargs))
            api_calls.finish(session, account_id, key, made.status_code, made.get_json(silent=True))
        return made

    return do


def refused(refusal: Refusal, status: int | None = None) -> Any:
    """The refusal as JSON, with the version now in force where the caller's was stale."""
    body: dict[str, Any] = {
        "message": str(refusal), "errors": [f.as_dict() for f in refusal.findings if not f.ok],
        "request_id": g.get("request_id", ""),
    }  # fmt: skip
    if isinstance(refusal, Stale):
        body["current_version"] = refusal.current
    return jsonify(body), status or refusal.status_code


def actor() -> Actor:
    """Who acts in this request."""
    found: Actor = g.get("actor", NOBODY)
    return found


def in_person() -> None:
    """Raise when a personal token asks for what only its owner himself may say or see: signed in, not by a machine."""
    if actor().ticked is not None:
        found = "令牌不能代替本人办理这件事"
        raise NotAllowed(Finding("本人办理", False, found, "请本人登录网页办理，或用登录换取的短时令牌"))


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
        raise refuse(
            "参数",
            wording.say("缺少 %(name)s，或不是整数", name=name),
            wording.say("请给出整数 %(name)s", name=name),
            field=name,
            value=given,
        )
    try:
        number = int(str(given))
    except ValueError:
        raise refuse(
            "参数",
            wording.say("%(name)s 不是整数", name=name),
            wording.say("请给出整数 %(name)s", name=name),
            field=name,
            value=str(given)[:60],
        ) from None
    if not low <= number <= high:
        raise refuse(
            "参数",
            wording.say("%(name)s 应在 %(low)s 至 %(high)s 之间", name=name, low=low, high=high),
            "请调整后重试",
            field=name,
            value=number,
        )
    return number


def chosen(name: str, choices: dict[str, Any]) -> str | None:
    """A query parameter that must be one of the choices; absent = None."""
    return one_of(name, request.args.get(name) or "", choices) or None


def one_of(name: str, given: str, choices: Collection[str]) -> str:
    """A word that must be one of the choices; empty where none was given."""
    if given and given not in choices:
        raise refuse(
            "参数",
            wording.say("%(name)s 没有“%(given)s”", name=name, given=given[:60]),
            wording.say("可选：%(names)s", names=together(choices)),
            field=name,
            value=given[:60],
        )
    return given


def page(statement: Select[Any], order: Any, shown: Callable[[Any], dict[str, Any]]) -> Any:
    """One page of a scoped select as JSON: rows, page, size, and the count up to a thousand (`count_is_exact`)."""
    number, size = page_asked()
    keys = statement.with_only_columns(statement.selected_columns[0]).order_by(None).limit(MOST_COUNTED + 1)
    count = db.session.scalar(select(func.count()).select_from(keys.subquery())) or 0
    rows = db.session.scalars(statement.order_by(*order).limit(size).offset(number * size)).all()
    return jsonify(
        rows=[shown(row) for row in rows], page=number, size=size, count=min(count, MOST_COUNTED),
        count_is_exact=count <= MOST_COUNTED,
    )  # fmt: skip


def page_asked() -> tuple[int, int]:
    """Which page, from 0, and how many rows a page."""
    return whole(request.args, "page", 0, high=10**6), whole(request.args, "size", PAGE_SIZE, 1, MOST_ROWS)


def finding_list(findings: list[Finding]) -> list[dict[str, Any]]:
    return [f.as_dict() for f in findings]


def iso(value: Any) -> str | None:
    """A day or instant as it is sent."""
    return None if value is None else str(value.isoformat())
