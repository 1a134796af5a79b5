"""入职邀请 of a unit, of those that it invites for, or of a region (PER-01); begins as the template does (IMP-02)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.listing import Filter, Listing, Moment, Tab, column, register, related
from app.models import Invitation
from app.models.choices import INVITATION_STATE, PERSON_KIND
from app.models.sealed import whole_or_end


def _state(*states: str) -> Callable[[Moment], Any]:
    return lambda _moment: Invitation.state.in_(states)


def _waiting(_moment: Moment) -> Any:
    return Invitation.state.in_(("review",)) | ((Invitation.state == "invited") & Invitation.approved_at.is_(None))


INVITATIONS = register(Listing(
    name="invitations",
    title=_l("入职邀请"),
    model=Invitation,
    columns=(
        column(Invitation, "name"),
        column(Invitation, "phone", sort=False),
        column(Invitation, "kind"),
        related("unit", _l("入职单位"), Invitation.unit),
        column(Invitation, "with_account"),
        related("by_unit", _l("邀请单位"), Invitation.by_unit),
        column(Invitation, "state"),
        column(Invitation, "created_at"),
        column(Invitation, "submitted_at"),
        column(Invitation, "decided_at"),
    ),
    default=("name", "phone", "kind", "unit", "state", "created_at", "submitted_at"),
    search=(Invitation.name,),
    search_hint=_l("姓名"),
    filters=(
        Filter("state", _l("数据状态"), "choice", Invitation.state, choices=INVITATION_STATE),
        Filter("kind", _l("人员类型"), "choice", Invitation.kind, choices=PERSON_KIND),
        Filter("unit", _l("入职单位"), "lookup", Invitation.unit_id, lookup="units"),
        Filter(
            "phone", _l("手机（完整号码或末四位）"), "text", criterion=whole_or_end(Invitation.phone),
            sensitive="mobile",
        ),
        Filter("made", _l("邀请时间"), "date", Invitation.created_at),
    ),
    tabs=(
        Tab("waiting", _l("待主管办理"), _waiting, "near"),
        Tab("open", _l("办理中"), _state("invited", "draft", "review", "rejected")),
        Tab("ended", _l("已结束"), _state("ended")),
        Tab("cancelled", _l("已取消"), _state("cancelled")),
        Tab("all", _l("全部")),
    ),
    order=("id", True),
    load=(joinedload(Invitation.unit), joinedload(Invitation.by_unit)),
))
