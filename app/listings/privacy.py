"""What persons asked about their own data, for whoever answers."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.listing import Filter, Listing, Tab, column, register
from app.models import PersonalRequest
from app.models.privacy import REQUEST_KIND

PERSONAL_REQUESTS = register(Listing(
    name="personal_requests",
    title=_l("个人信息请求"),
    model=PersonalRequest,
    columns=(
        column(PersonalRequest, "name"),
        column(PersonalRequest, "kind"),
        column(PersonalRequest, "detail", sort=False),
        column(PersonalRequest, "outcome"),
        column(PersonalRequest, "asked_at"),
        column(PersonalRequest, "due_on"),
        column(PersonalRequest, "decided_at"),
        column(PersonalRequest, "answer", sort=False),
    ),
    default=("name", "kind", "detail", "outcome", "asked_at", "due_on"),
    search=(PersonalRequest.name,),
    search_hint=_l("姓名"),
    filters=(
        Filter("kind", _l("请求"), "choice", PersonalRequest.kind, REQUEST_KIND),
        Filter("due", _l("答复期限"), "date", PersonalRequest.due_on),
    ),
    tabs=(
        Tab("open", _l("待处理"), lambda _m: PersonalRequest.outcome.is_(None), "near"),
        Tab(
            "late", _l("已逾期"), lambda m: PersonalRequest.outcome.is_(None) & (PersonalRequest.due_on < m.today),
            "over",
        ),
        Tab("done", _l("已答复"), lambda _m: PersonalRequest.outcome.is_not(None), last_first=True),
        Tab("all", _l("全部")),
    ),
    order=("due_on", False),
))  # fmt: skip
