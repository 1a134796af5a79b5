"""Applications: what one's region or unit has asked for, and what became of it (LIF-07)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import false, func, select
from sqlalchemy.orm import joinedload

from app import clock
from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import Application, ApplicationStep, Unit
from app.models.choices import APPLICATION_KIND, APPLICATION_STATE
from app.wording import say, together

_WAITS = Application.is_open.is_(True) & Application.state.in_(["submitted", "accepted", "endorsed"])


def _of_batch(typed: str) -> Any:
    """Those that one bulk job handed in, by its number."""
    known = typed.isascii() and typed.isdigit() and len(typed) < 16
    return Application.batch == int(typed) if known else false()


def _batch_words(session: Any, typed: str) -> str:
    """What was handed in together, how many and when: as far as the reader sees it."""
    number = func.count()
    statement = select(Application.kind, number, func.min(Application.id)).where(_of_batch(typed))
    found = session.execute(statement.group_by(Application.kind).order_by(number.desc())).all()
    if not found:
        return typed
    kinds = together(say("%(kind)s %(n)s 件", kind=APPLICATION_KIND[kind], n=n) for kind, n, _first in found)
    # Not `submitted_at`: what was returned and sent again has that of the last time.
    first = min(key for _kind, _n, key in found)
    began = session.scalar(select(func.min(ApplicationStep.at)).where(ApplicationStep.application_id == first))
    return say("%(kinds)s，%(at)s 提交", kinds=kinds, at=f"{clock.local(began):%Y-%m-%d %H:%M}") if began else kinds


APPLICATIONS = register(
    Listing(
        name="applications",
        title=_lp("many", "申请"),
        model=Application,
        columns=(
            column(Application, "number", sort=False),
            column(Application, "kind", sort=False),
            Column(
                "title", _l("标题"), lambda row: row.heading, said=True,
                sql=func.coalesce(Application.said, Application.title),
            ),
            Column("unit", _l("申请单位"), lambda row: row.unit.name if row.unit else None),
            column(Application, "state", sort=False),
            column(Application, "submitted_at"),
            column(Application, "due_at"),
            column(Application, "effective_on"),
            column(Application, "decided_at"),
            column(Application, "opinion", sort=False),
            column(Application, "batch", sort=False),
        ),
        default=("number", "kind", "title", "unit", "submitted_at", "state", "due_at"),
        search=(Application.number, Application.title),
        search_through=(Application.unit_id, (Unit.name,)),
        search_hint=_l("申请编号、识别码、名称、申请单位"),
        filters=(
            Filter("kind", _l("事项"), "choice", Application.kind, APPLICATION_KIND),
            Filter("state", _l("状态"), "choice", Application.state, APPLICATION_STATE),
            Filter("unit", _l("申请单位"), "lookup", Application.unit_id, lookup="units"),
            Filter("region", _l("所在地区"), "region", Application.region_code),
            Filter("effective", _l("生效日期"), "date", Application.effective_on),
            Filter("decided", _l("办结时间"), "date", Application.decided_at),
            Filter("batch", _l("批次"), "text", criterion=_of_batch, words=_batch_words),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("待审批"), lambda m: _WAITS),
            Tab("returned", _l("退回补正"), lambda m: Application.state == "returned", "near"),
            Tab("late", _l("超过期限"), lambda m: _WAITS & (Application.due_at < m.now), "over"),
            Tab("approved", _l("通过"), lambda m: Application.state == "approved"),
            Tab("rejected", _l("不通过"), lambda m: Application.state == "rejected"),
            Tab("withdrawn", _l("已撤回"), lambda m: Application.state == "withdrawn"),
        ),
        order=("id", True),
        load=(joinedload(Application.unit), joinedload(Application.steps)),
    )
)  # fmt: skip
