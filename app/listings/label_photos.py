"""标签照片核对 (MNT-06): visits begun by number whose label was photographed, as whoever looks at them has them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Filter, Listing, Moment, Tab, column, register
from app.listings.of_elevator import fact_columns, fact_filters
from app.listings.visits import SEARCHED, WHOSE
from app.models import Visit
from app.models.choices import LABEL_STATE
from app.permissions import Verb
from app.workflows.visits.label_photos import waits_for

# What age or another rule has taken out of the count waits for nobody any more.
WAITING = and_(Visit.label_state == "waiting", Visit.state == "pending")
MORE = and_(Visit.label_state == "more", Visit.state == "pending")


def count(m: Moment, of: Any) -> Any:
    """How many of those that the actor looks at meet this, as a part of another statement."""
    if not m.actor.may(Verb.VISIT_LABEL):
        return literal(0)
    statement = select(func.count()).select_from(Visit).where(scope.criterion(Visit, m.actor), waits_for(m.actor), of)
    return statement.scalar_subquery()


LABELS = register(
    Listing(
        name="label_photos",
        title=_l("核对标签照片"),
        model=Visit,
        columns=(
            *WHOSE,
            column(Visit, "visit_on"),
            column(Visit, "checked_in_at", label=_l("签到")),
            column(Visit, "checked_out_at", label=_l("签退")),
            column(Visit, "in_distance", label=_l("签到时离电梯"), sort=False),
            column(Visit, "label_state", sort=False),
            column(Visit, "label_reason", sort=False),
            column(Visit, "label_at"),
            column(Visit, "state", sort=False),
            *fact_columns(Visit),
        ),
        default=("code", "place", "unit", "worker", "checked_in_at", "label_state", "label_reason", "label_at"),
        own={"maintenance": {"unit": ""}},
        search=SEARCHED,
        search_hint=_l("识别码、出厂编号、注册代码、地址、楼盘"),
        search_key=Visit.elevator_id,
        where=lambda m: and_(Visit.label_state.is_not(None), waits_for(m.actor)),
        filters=(
            Filter("visited", _l("维保日期"), "date", Visit.visit_on),
            Filter("label", _l("标签照片"), "choice", Visit.label_state, LABEL_STATE),
            Filter("unit", _l("维保单位"), "lookup", Visit.unit_id, lookup="maintenance_units"),
            Filter("worker", _l("维保员"), "lookup", Visit.worker_id, lookup="persons_ever"),
            Filter("region", _l("所属辖区"), "region", Visit.region_code),
            *fact_filters(Visit),
        ),
        tabs=(
            Tab("waiting", _l("待核对"), lambda m: WAITING, "near"),
            Tab("more", _l("补数据"), lambda m: MORE, "near"),
            Tab("approved", _l("通过"), lambda m: Visit.label_state == "approved"),
            Tab("rejected", _l("不通过"), lambda m: Visit.label_state == "rejected", "over"),
            Tab("all", _l("全部")),
        ),
        # Whoever has waited longest is looked at first.
        order=("checked_in_at", False),
        load=(joinedload(Visit.elevator), joinedload(Visit.unit), joinedload(Visit.use_unit),
              joinedload(Visit.worker)),
    )
)  # fmt: skip
