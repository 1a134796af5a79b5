"""Words, clocks and times of the filing and approval pages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock
from app.models import choices
from app.models.anomaly import ANOMALY_KIND, ANOMALY_SOURCE, ANOMALY_STATE
from app.models.appeal import APPEAL_STATE
from app.models.repair import REPAIR_LEVEL, REPAIR_STATE
from app.views.frame.texts import beside
from app.views.frame.told import told


def application_state(kind: str, state: str) -> Any:
    """The word of a state; an appeal is 成立 or 不成立."""
    return (APPEAL_STATE if kind == "appeal" else choices.APPLICATION_STATE).get(state, state)


def step(kind: str, verb: str) -> Any:
    """The word of a step of an application; deciding an appeal says what it means."""
    decided = {"approve": "approved", "reject": "rejected"}.get(verb) if kind == "appeal" else None
    return APPEAL_STATE[decided] if decided else WORDS.verb.get(verb, verb)


WORDS = SimpleNamespace(
    step=step,
    state=application_state,
    status=choices.ELEVATOR_STATUS,
    filing=choices.FILING_STATE,
    application=choices.APPLICATION_STATE,
    kind=choices.APPLICATION_KIND,
    level=choices.LEVEL,
    visit=choices.VISIT_STATE,
    inspection=choices.INSPECTION_KIND,
    inspection_result=choices.INSPECTION_RESULT,
    repair_level=REPAIR_LEVEL,
    repair_state=REPAIR_STATE,
    anomaly_kind=ANOMALY_KIND,
    anomaly_source=ANOMALY_SOURCE,
    anomaly_state=ANOMALY_STATE,
    unit_kind=choices.UNIT_KINDS,
    version={
        "draft": _l("草稿"), "pending": _l("审核中"), "approved": _l("通过"), "rejected": _l("不通过"),
        "withdrawn": _l("已撤回"),
    },
    field={"status": _l("电梯状态"), "filing_state": _l("审核状态"), "state": _l("状态")},
    verb={
        "submit": _l("提交"), "accept": _l("受理"), "return": _l("退回补正"), "endorse": _l("初审同意"),
        "approve": _l("通过"), "reject": _l("不通过"), "withdraw": _l("撤回"), "resubmit": _l("重新提交"),
        "call_off": _l("生效前取消"), "ask_revoke": _l("提出撤销批准"), "revoke": _l("撤销批准"),
        "hand_on": _l("移交所在地区"),
    },
    any=choices.ELEVATOR_STATUS | choices.FILING_STATE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """What is left of a limit, said the one way: words before and after the figure, a tone, the part spent."""

    before: str
    number: int | None
    after: str
    tone: str
    spent: int


def due_days(limit_on: dt.date | None, today: dt.date, near_days: int, whole_days: int) -> Due | None:
    """A limit in days; the day itself is still in time."""
    if limit_on is None:
        return None
    left = (limit_on - today).days
    spent = max(0, min(100, round(100 * (1 - left / whole_days)))) if whole_days > 0 else 100
    if left < 0:
        return Due(_("超"), -left, beside(_("天"), left), "over", 100)
    if left == 0:
        return Due(_("今天到期"), None, "", "near", spent)
    return Due(_("剩"), left, beside(_("天"), left), "near" if left <= near_days else "", spent)


def about(row: Any) -> str:
    """What an application is about: its heading without the kind in front, for lists that have a column for it."""
    heading = f"{told(row.heading)}"
    return heading.removeprefix(f"{choices.word(choices.APPLICATION_KIND, row.kind)}　")


def day_time(instant: dt.datetime | None) -> str:
    """An instant as people here read it."""
    return "—" if instant is None else clock.local(instant).strftime("%Y-%m-%d %H:%M")


def minutes_on_site(visit: Any) -> str:
    """How long a visit took."""
    if visit.checked_out_at is None:
        return "—"
    minutes = int((visit.checked_out_at - visit.checked_in_at) / dt.timedelta(minutes=1))
    hours, rest = divmod(minutes, 60)
    return _("%(h)s 小时 %(m)s 分", h=hours, m=rest) if hours else _("%(m)s 分钟", m=rest)


def install(app: Flask) -> None:
    """The filters of these pages' templates."""
    app.jinja_env.filters.setdefault("about", about)
    app.jinja_env.filters.setdefault("day_time", day_time)
    app.jinja_env.filters.setdefault("minutes_on_site", minutes_on_site)
