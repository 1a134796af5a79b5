"""Error pages: a refusal says rule, finding and remedy; nothing ends in a bare 500."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadHost, HTTPException

from app import done_again, vault
from app.errors import Finding, Refusal
from app.extensions import db
from app.permissions import NOBODY
from app.views.frame.told import told

log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(IntegrityError, _clash)
    app.register_error_handler(StaleDataError, _moved)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(vault.Unreadable, _sealed)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


# What is never shown again, though typed a moment ago; and what people type: words, no keys, no numbers of rows.
_NEVER_SHOWN = re.compile("password|^again$|code|captcha|token|secret|key|resident|id_number|csrf|^next$")
_WORDS = re.compile(r"[\u4e00-\u9fff]|\S\s+\S")


def unsaved() -> list[str]:
    """The words of a form of our own that could not be taken, in its order, so that nobody types them twice.

    Nothing of a form that came from elsewhere: another site could put words into our page.
    """
    ours = (request.referrer or "").startswith(request.host_url)
    if not ours or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return []
    given = list(request.form.items(multi=True))
    # A secret typed again under whatever name stays one; and digits in groups are somebody's number.
    kept_back = {value for name, value in given if _NEVER_SHOWN.search(name.lower())}
    typed = dict.fromkeys(value for _name, value in given if value not in kept_back)
    return [value for value in typed if _WORDS.search(value) and any(map(str.isalpha, value))]


def answer(
    code: int, title: str, findings: list[Finding] | None = None, body: str = "", typed: Sequence[str] = (), *,
    passes: bool = False,
) -> Any:  # fmt: skip
    """The page, or JSON for what asked for JSON. `typed`: what was not saved, to be copied from there; `passes`: it is
    over by itself, so that a page is asked for again. A form is not: nobody knows how much of it was done."""
    findings = findings or []
    if wants_json():
        said = [f.as_dict() for f in findings] or [Finding(title, False, body or title).as_dict()]
        return jsonify(errors=said, message=title, request_id=g.get("request_id", "")), code
    back = _way_back()
    if request.path.startswith("/m/"):
        g.bare_page = True  # a phone keeps its own face: the desk's menu would be in the way
    shown = {
        "title": title, "code": code, "findings": findings, "body": body, "back": back, "typed": typed,
        "again": _here() if passes and request.method == "GET" else "",
    }  # fmt: skip
    try:
        page = render_template("ta/problem.html", **shown)
    except Exception:
        # The shell itself may be what failed; the words still get through.
        log.exception("error page failed")
        db.session.rollback()
        g.bare_page = True
        page = render_template("ta/problem.html", **shown)
    return page, code


def _here() -> str:
    """The address that was asked for, to be asked for again: on this site, whatever its path pretends to be."""
    query = quote(request.query_string, safe="%=&+,;:@/?!$'()*~")
    return "/" + quote(request.path.lstrip("/")) + (f"?{query}" if query else "")


def _way_back() -> str:
    """Where one came from, as far as it opens: what is refused may stand at an address that only takes forms, and then
    the page of the record above it is meant. Empty where one came from elsewhere."""
    came = request.referrer or ""
    if not came.startswith(request.host_url):
        return ""
    doors, parts = current_app.url_map.bind(""), urlsplit(came)
    path = parts.path
    if doors.test(path, "GET"):
        return came
    while "/" in path.strip("/"):
        path = path.rstrip("/").rpartition("/")[0]
        if doors.test(path, "GET"):
            return path
    return ""


def wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.path.startswith("/api/") or request.is_json or best == "application/json"


def _tell(what: str, **more: Any) -> None:
    """A line about somebody kept out or stopped, for whoever watches for attacks; never what he typed."""
    where = {"method": request.method, "path": request.path, "address": request.remote_addr}
    structlog.stdlib.get_logger("app.security").warning(what, **where, **more)


def _refused(refusal: Refusal) -> Any:
    db.session.rollback()
    if refusal.status_code == 403:
        _tell("not allowed", rules=[f.rule for f in refusal.findings])
    titles = {403: _("没有权限"), 404: _("没有找到"), 409: _("内容已变化")}
    return answer(refusal.status_code, titles.get(refusal.status_code, _("不能办理")), refusal.findings)


def _forged(error: CSRFError) -> Any:
    _tell("forged or stale form", reason=error.description)
    typed = unsaved()
    body = (
        _("页面停留太久，或登录状态已变，这次没有保存。请重新打开原来的页面，把下面的内容复制回去；文件须重新选择。")
        if typed
        else _("页面停留太久，或登录状态已变，这次没有保存。请返回上一页刷新后再提交。")
    )
    return answer(400, _("页面已过期"), body=body, typed=typed)


def _clash(error: IntegrityError) -> Any:
    """What the database itself refused: told by what it is, as far as the database says."""
    db.session.rollback()
    log.warning("integrity: %s", error.orig)
    title, body = _BROKEN.get(_kind_of(error.orig), _TAKEN)
    return answer(409, f"{title}", body=f"{body}")


def _kind_of(error: object) -> str:
    """The rule that the database's error is of: PostgreSQL has a code of SQL's standard, SQLite a name."""
    state = getattr(error, "sqlstate", None)
    return str(state or getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_CONSTRAINT_"))


_TAKEN = (_l("与已有记录冲突"), _l("同样的编号、名称或内容已存在。请返回核对后再提交。"))
_TIED = (
    _l("与其他记录有关联"),
    _l("这条记录正被其他记录引用，或它引用的记录已不存在。请返回刷新，核对后再提交。"),
)
_MISSING = (_l("内容不完整"), _l("有必须填写的内容没有填写。请返回核对后再提交。"))
_BROKEN = {"23503": _TIED, "FOREIGNKEY": _TIED, "23502": _MISSING, "NOTNULL": _MISSING}


def _moved(error: StaleDataError) -> Any:
    db.session.rollback()
    return answer(409, _("内容已变化"), body=_("您打开页面后，别人修改了这条记录。请返回刷新，核对后再提交。"))


def _busy(error: OperationalError) -> Any:
    db.session.rollback()
    if done_again.is_due():
        # Nobody sees this one.
        return "", 503
    log.error("database: %s", error.orig)
    body = _("数据库暂时没有响应，不能确定本次操作是否已保存。请稍后打开原来的页面，没有办成再办一次。")
    return answer(503, _("系统正忙"), body=body, passes=True)


def _sealed(error: vault.Unreadable) -> Any:
    """A key is missing or wrong: nothing was lost, and nobody but whoever runs the product can help."""
    db.session.rollback()
    log.error("sealed: %s, request %s", error, g.get("request_id", ""))
    body = _("%(why)s。请由运维人员核对密钥后重启；数据没有丢失，也没有改变。", why=told(str(error)))
    return answer(503, _("密钥不对"), body=body)


WORDS = {
    400: (_l("请求不完整"), _l("请返回上一页刷新后再试。")),
    401: (_l("请先登录"), _l("登录后再打开这个页面。")),
    403: (_l("没有权限"), _l("当前账号的角色不能打开这个页面。请由有此权限的账号办理，或联系管理员。")),
    404: (_l("没有找到"), _l("这个页面或记录不存在，或不在您的管辖范围内。请从首页重新打开。")),
    405: (_l("不能这样打开"), _l("这个地址只接受页面上的按钮提交。请从首页重新打开。")),
    413: (_l("文件太大"), _l("一次上传总共不超过 20 MB，表单文字不超过 4 MB，项数也有上限。请减小后再传。")),
    415: (_l("格式不支持"), _l("请按接口说明提交 JSON。")),
    429: (_l("操作太频繁"), _l("请稍等片刻再试。")),
    500: (_l("系统出错了"), _l("问题已记录，您的数据没有改变。请稍后再试；仍不行，请把下面的请求编号告诉管理员。")),
}


def _http(error: HTTPException) -> Any:
    if error.response is not None or (error.code or 500) < 400:
        return error
    title, body = WORDS.get(error.code or 500, WORDS[500])
    if isinstance(error, BadHost) and not wants_json():
        # No address can be put together under such a host: the page would have no link, no style, and fail.
        return Response(f"{title}\n{body}\n", 400, mimetype="text/plain")
    if error.code == 404 and g.get("actor", NOBODY).user_id is None:
        # A stranger has neither a menu nor a region.
        body = _l("这个网址不完整，或已经失效。请核对后再打开；工作人员请先登录。")
    return answer(error.code or 500, str(title), body=str(body), passes=error.code == 429)


def _unexpected(error: Exception) -> Any:
    db.session.rollback()
    log.exception("unexpected error, request %s", g.get("request_id", ""))
    title, body = WORDS[500]
    return answer(500, str(title), body=str(body))
