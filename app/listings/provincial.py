"""What differs from the provincial register, by how it can be settled; the runs (INT-01)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Tab, column, register, related
from app.models import Elevator, ProvincialDifference, ProvincialRun
from app.models.base import label_of
from app.models.provincial import DIFFERENCE_KIND, DIFFERENCE_WAY, ITEM_OUTCOME, RUN_KIND
from app.wording import together

OPEN = ProvincialDifference.settled_at.is_(None)
LABELS: dict[str, Any] = {
    "region": _l("所在地区"), "maintenance_unit": _l("维保单位"), "use_unit": _l("使用单位"),
    "status": _l("使用状态"),
}  # fmt: skip


def field_label(name: str) -> str:
    """What a compared field is called, as the elevator's own column is."""
    return str(LABELS[name]) if name in LABELS else label_of(Elevator, name)


def unlike_of(row: ProvincialDifference) -> str:
    return together((field_label(name) for name in row.unlike), "、")


DIFFERENCES = register(
    Listing(
        name="provincial_differences",
        title=_l("省平台核对"),
        model=ProvincialDifference,
        columns=(
            column(ProvincialDifference, "code", kind="code"),
            column(ProvincialDifference, "kind", sort=False),
            Column("unlike", _l("不一致的内容"), unlike_of),
            related("unit", _l("维保单位"), ProvincialDifference.unit),
            related("use_unit", _l("使用单位"), ProvincialDifference.use_unit),
            column(ProvincialDifference, "found_at"),
            column(ProvincialDifference, "seen_at"),
            column(ProvincialDifference, "way", sort=False),
            column(ProvincialDifference, "reason", sort=False),
            column(ProvincialDifference, "settled_at"),
        ),
        default=("code", "kind", "unlike", "unit", "use_unit", "found_at", "way"),
        search=(ProvincialDifference.code,),
        search_hint=_l("识别码"),
        filters=(
            Filter("found", _l("发现日期"), "date", ProvincialDifference.found_at),
            Filter("kind", _l("情况"), "choice", ProvincialDifference.kind, DIFFERENCE_KIND),
            Filter("way", _l("处理结果"), "choice", ProvincialDifference.way, DIFFERENCE_WAY),
            Filter("unit", _l("维保单位"), "lookup", ProvincialDifference.unit_id, lookup="maintenance_units"),
            Filter("region", _l("所属辖区"), "region", ProvincialDifference.region_code),
        ),
        tabs=(
            Tab("open", _l("待处理"), lambda m: OPEN, "near"),
            Tab("fields", _l("内容不一致"), lambda m: OPEN & (ProvincialDifference.kind == "fields")),
            Tab("unit", _l("单位对不上"), lambda m: OPEN & (ProvincialDifference.kind == "unit")),
            Tab("new", _l("本平台没有"), lambda m: OPEN & (ProvincialDifference.kind == "new")),
            Tab("settled", _l("已处理"), lambda m: ProvincialDifference.settled_at.is_not(None)),
        ),
        order=("id", True),
        load=(joinedload(ProvincialDifference.unit), joinedload(ProvincialDifference.use_unit)),
    )
)  # fmt: skip

RUNS = register(
    Listing(
        name="provincial_runs",
        title=_l("同步记录"),
        model=ProvincialRun,
        columns=(
            column(ProvincialRun, "id", label=_l("编号"), sort=False),
            column(ProvincialRun, "kind", sort=False),
            column(ProvincialRun, "begun_at"),
            column(ProvincialRun, "finished_at"),
            *(column(ProvincialRun, name, sort=False) for name in ("asked", *ITEM_OUTCOME)),
            related("unit", _l("单位"), ProvincialRun.unit),
            column(ProvincialRun, "region_code", sort=False),
        ),
        default=("id", "kind", "begun_at", "asked", *ITEM_OUTCOME, "unit"),
        filters=(
            Filter("begun", _l("开始日期"), "date", ProvincialRun.begun_at),
            Filter("kind", _l("方式"), "choice", ProvincialRun.kind, RUN_KIND),
            Filter("region", _l("所属辖区"), "region", ProvincialRun.region_code),
        ),
        order=("id", True),
        load=(joinedload(ProvincialRun.unit),),
    )
)  # fmt: skip

