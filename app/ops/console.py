"""Jobs, outbox, audit and raw reference rows for platform administrators: to read, and to retry what failed.

Nothing is created, edited or deleted here: that is what screens and workflows are for. Reads skip the scope, for a
notice or job of another person is just what an operator looks for.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from flask import Flask, abort, current_app, flash, g, url_for
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.theme import Bootstrap4Theme
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape
from sqlalchemy import Column, func, select

from app import clock
from app.errors import Refusal, refuse
from app.extensions import db
from app.models import (
    Attachment,
    AuditBatch,
    AuditEntry,
    Elevator,
    ImportBatch,
    Job,
    Notification,
    PolicyValue,
    Region,
    ServiceHeartbeat,
    Unit,
)
from app.models.choices import word
from app.models.notice import NOTICE_GROUP
from app.permissions import NOBODY, Verb
from app.rules.identifiers import mask_numbers, masked
from app.rules.notices import group_of
from app.transaction import transaction
from app.views.data import audit_words
from app.views.frame.told import shown, told
from app.workflows.approval import policies, submissions
from app.workflows.core import audit, jobs, outbox

MOST_EXPORTED = 5000
MOST_PAGES = 1_000_000
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


SERVICES = {"worker": _l("任务进程"), "beat": _l("定时进程"), "tasks": _l("最近执行的任务")}


# What is stored as a name and read as a word: the columns of each table, and what makes the word of a row's value.
WORDED: dict[type[Any], set[str]] = {
    AuditEntry: {"action", "entity", "via"}, Attachment: {"entity"},
    Notification: {"topic"}, PolicyValue: {"key", "value"},
}  # fmt: skip
WORDS: dict[str, Any] = {
    "action": lambda row, value: audit_words.action_word(value),
    "entity": lambda row, value: audit_words.entity_word(value),
    "via": lambda row, value: audit_words.via_word(value),
    "topic": lambda row, value: f"{told(NOTICE_GROUP[group_of(value)])}",
    "key": lambda row, value: f"{told(policies.words(value))}",
    "value": lambda row, value: f"{told(policies.value_words(row.key, value))}",
}


def moment(at: dt.datetime | None) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _stored(column: Any) -> bool:
    """A column of the table that is written as it is: neither worked out by the database nor an expression."""
    return isinstance(column, Column) and column.computed is None


class Guarded:
    """Platform administrators only; others get 403, strangers the login page."""

    def is_accessible(self) -> bool:
        return bool(g.get("actor", NOBODY).may(Verb.OPS))

    def inaccessible_callback(self, name: str, **_kwargs: Any) -> Any:
        if g.get("actor", NOBODY).user_id is None:
            return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        abort(403)


class Index(Guarded, AdminIndexView):
    @expose("/")
    def index(self) -> Any:
        queues = [
            (name, url_for(endpoint), word(model.state.property.columns[0].info["choices"], state), count)
            for name, endpoint, model in (
                (_("任务"), "ops_job.index_view", Job), (_("通知"), "ops_notification.index_view", Notification)
            )
            for state, count in db.session.execute(
                select(model.state, func.count()).group_by(model.state).execution_options(skip_scope=True)
            )
        ]  # fmt: skip
        return self.render(
            "ops/index.html",
            services=db.session.scalars(select(ServiceHeartbeat).order_by(ServiceHeartbeat.name)).all(),
            queues=queues,
            batches=db.session.scalar(select(func.count()).select_from(AuditBatch)),
            unsealed=db.session.scalar(select(func.count()).where(AuditEntry.batch.is_(None))),
            moment=moment, names=SERVICES,
        )


class Raw(Guarded, ModelView):
    """A table as it is: list, search, details, CSV. The words come from the columns' declarations."""

    can_create = can_edit = can_delete = False
    can_view_details = can_export = True
    export_types = ["csv"]
    export_max_rows = MOST_EXPORTED
    page_size = 50
    column_display_pk = True
    named_filter_urls = True

    def __init__(self, model: type[Any], name: Any, *, category: Any = None, columns: str, search: str = "") -> None:
        self.column_list = columns.split()
        # Not the blind indexes over sealed columns, which say nothing to anybody.
        self.column_details_list = [a.key for a in model.__mapper__.column_attrs if _stored(a.columns[0])]
        self.column_searchable_list = search.split()
        self.column_sortable_list = [c for c in self.column_list if c in model.__mapper__.column_attrs]
        # As they were declared: the words are those of whoever looks.
        self.column_labels = {key: _label(model, key) for key in self.column_details_list}
        self.column_default_sort = (model.__mapper__.primary_key[0].key, True)
        told = {attr.key: attr.columns[0].info for attr in model.__mapper__.column_attrs}
        worded = WORDED.get(model, set())
        self.column_formatters = {key: _formatter(info, worded=worded) for key, info in told.items()}
        self.column_formatters_detail = self.column_formatters
        self.column_formatters_export = {key: _formatter(info, plain=True) for key, info in told.items()}
        # Whose number it is says the name, with the number for whoever looks it up in the log.
        for key in (a.key for a in model.__mapper__.column_attrs if _of_account(a.columns[0])):
            self.column_formatters[key] = _account
        table = model.__tablename__
        super().__init__(model, db, name=name, category=category, endpoint=f"ops_{table}", url=f"/ops/{table}")

    def scaffold_form(self) -> Any:
        """Nothing is created or edited here: no fields are made of the columns."""
        return self.form_base_class

    def get_query(self) -> Any:
        return super().get_query().execution_options(skip_scope=True)

    def get_count_query(self) -> Any:
        return super().get_count_query().execution_options(skip_scope=True)

    def get_list(
        self, page: int | None, sort: Any, descending: Any, search: str | None, *more: Any, **named: Any
    ) -> Any:
        # A negative or endless OFFSET is an error to PostgreSQL, and so is a NUL in a text.
        place, words = min(max(page or 0, 0), MOST_PAGES), search.replace("\x00", "") if search else search
        count, rows = super().get_list(place, sort, descending, words, *more, **named)
        keys = [key for key in self.column_list if self.column_formatters.get(key) is _account]
        g.account_names = submissions.names_of(db.session, (getattr(row, key) for row in rows for key in keys))
        return count, rows

    def get_one(self, key: Any) -> Any:
        model = self.model
        column = model.__mapper__.primary_key[0]
        if column.type.python_type is int and not (str(key).isascii() and str(key).isdigit() and len(str(key)) < 19):
            return None
        return db.session.scalar(select(model).where(column == int(key)).execution_options(skip_scope=True))

    def _retry(self, ids: list[str], one: Any) -> None:
        """Each row by itself: what was queued, and what refused and why."""
        for key in (int(i) for i in ids if i.isascii() and i.isdigit() and len(i) < 19):
            try:
                with transaction(db.session):
                    one(key)
                flash(_("编号 %(key)s 已重新排队", key=key), "success")
            except Refusal as refusal:
                flash(_("编号 %(key)s：%(why)s", key=key, why=told(str(refusal))), "error")


def _label(model: type[Any], key: str) -> Any:
    return model.__mapper__.attrs[key].columns[0].info.get("label", _l("编号") if key == "id" else key)


def _of_account(column: Any) -> bool:
    return any(one.column.table.name == "ab_user" for one in column.foreign_keys)


def _account(_view: Any, _context: Any, row: Any, name: str) -> Any:
    key = getattr(row, name)
    if key is None:
        return "—"
    known = g.get("account_names", {})
    return Markup("{} <code>{}</code>").format(known.get(key) or submissions.name_of(db.session, key), key)


def _formatter(info: dict[str, Any], plain: bool = False, worded: Iterable[str] = ()) -> Any:
    """How a value is shown; `plain` for a CSV file, where no text may begin a formula. Persons' numbers are masked."""
    choices, sensitive = info.get("choices"), info.get("sensitive")

    def show(_view: Any, _context: Any, row: Any, name: str) -> Any:
        value = getattr(row, name, None)
        if choices:
            return word(choices, value)
        if name in worded and value is not None and not plain:
            said = str(WORDS[name](row, value))
            # The stored name stays at hand: it is what the search finds and what the documents speak of.
            return said if said == str(value) else Markup('<span title="{}">{}</span>').format(value, said)
        if isinstance(value, dt.datetime):
            return moment(value)
        if sensitive and value:
            return masked(sensitive, str(value))
        if isinstance(value, dict | list):
            text = mask_numbers(json.dumps(value, ensure_ascii=False))
            if not value and not plain:
                return "—"
            return text if plain else Markup("<code>{}</code>").format(escape(text[:2000]))
        value = shown(value)
        if plain and isinstance(value, str) and value.startswith(FORMULA):
            return "'" + value
        if plain:
            return "" if value is None else value
        if isinstance(value, bool):
            return _("是") if value else _("否")
        return "—" if value is None or value == "" else value

    return show


class Jobs(Raw):
    @action("retry", _l("重试"), _l("重新排队所选的失败任务？"))
    def retry(self, ids: list[str]) -> None:
        self._retry(ids, lambda key: jobs.retry(db.session, g.actor, key, clock.now()))


class Notices(Raw):
    @action("retry", _l("重试"), _l("重新发送所选的失败通知？"))
    def retry(self, ids: list[str]) -> None:
        def one(key: int) -> None:
            if not outbox.retry(db.session, key, clock.now()):
                raise refuse(_("通知重试"), _("只有失败的通知可以重试"), _("请刷新页面查看现在的状态"))
            audit.record(db.session, g.actor, clock.now(), "notice.retry", "notification", key)

        self._retry(ids, one)


class Log(Raw):
    """Counting a hundred million rows for a pager would stop the page: next and previous only."""

    simple_list_pager = True


def register(app: Flask) -> None:
    """Add the console; its addresses are /ops/<table>."""
    console = Admin(
        app,
        name=_l("梯安运维后台"),
        theme=Bootstrap4Theme(swatch="default", fluid=True),
        index_view=Index(name=_l("首页"), endpoint="ops", url="/ops"),
        csp_nonce_generator=lambda: g.csp_nonce,
    )
    data = _l("数据")
    for view in (
        Jobs(Job, _l("任务"),
             columns="id kind title state created_by_id done total tries created_at finished_at error",
             search="title"),
        Notices(Notification, _l("通知"), columns="id channel recipient_id topic title state tries created_at error",
                search="title topic"),
        Log(AuditEntry, _l("审计"), columns="id at actor_name via action entity entity_id batch",
            search="actor_name action entity"),
        Raw(AuditBatch, _l("封存批次"), columns="number first_id last_id count digest sealed_at"),
        Raw(ImportBatch, _l("导入批次"), columns="id kind state file_name rows bad_rows done_rows created_at",
            search="file_name"),
        Raw(Attachment, _l("文件"), columns="id kind name mime size entity entity_id uploaded_at",
            search="name sha256"),
        Raw(Region, _l("地区"), category=data, columns="id code name level valid_from valid_until", search="code name"),
        Raw(Unit, _l("单位"), category=data, columns="id name uscc region_code filing_state approved_version",
            search="name uscc"),
        Log(Elevator, _l("电梯"), category=data, columns="id code address region_code status filing_state",
            search="code address"),
        Raw(PolicyValue, _l("政策参数"), category=data, columns="id key region_code value effective_on source",
            search="key region_code"),
    ):  # fmt: skip
        console.add_view(view)
