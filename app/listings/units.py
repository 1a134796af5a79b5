"""Units: one list, a tab for each kind, the register of approved ones (UNT-01, UNT-06)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Tab, column, register
from app.listings import as_of
from app.listings.of_elevator import district_column
from app.listings.opinions import OPINION, OpinionListing
from app.models import Unit
from app.models.choices import FILING_STATE, INFO_STATE, UNIT_KINDS
from app.rules.approval import EDITABLE
from app.wording import together


def _kind(name: str) -> Any:
    return lambda m: getattr(Unit, f"is_{name}").is_(True)


# The rest of what is filed: shown where somebody chooses it, and what an import reads (`kinds` is for people).
_SELDOM = (
    *(f"is_{name}" for name in UNIT_KINDS), "enterprise_type", "established_on", "business_until", "business_forever",
    "registered_capital", "business_scope", "office_address", "latitude", "longitude", "note",
)  # fmt: skip

_FILED = (
    "name", "uscc", "kinds", "region", "licence_no", "licence_grade", "licence_until", "filing_state", "info_state",
)  # fmt: skip

UNITS = register(
    OpinionListing(
        name="units",
        title=_lp("many", "单位"),
        model=Unit,
        columns=(
            column(Unit, "name"),
            column(Unit, "uscc", sort=False),
            Column("kinds", _l("类型"), lambda row: together(str(UNIT_KINDS[k]) for k in row.kinds)),
            Column("region", _l("所在地区"), lambda row: row.region.name),
            district_column(Unit),
            column(Unit, "address", sort=False),
            column(Unit, "licence_no", sort=False),
            column(Unit, "licence_grade", sort=False),
            column(Unit, "licence_issued_on", sort=False),
            column(Unit, "licence_until"),
            column(Unit, "head_name", sort=False),
            column(Unit, "head_phone", sort=False),
            column(Unit, "duty_phone", sort=False),
            column(Unit, "safety_officer", sort=False),
            column(Unit, "safety_phone", sort=False),
            column(Unit, "legal_person", sort=False),
            column(Unit, "head_resident_id", sort=False),
            *(column(Unit, name, sort=False) for name in _SELDOM),
            column(Unit, "filing_state", sort=False),
            column(Unit, "info_state", sort=False),
            OPINION,
            column(Unit, "approved_on"),
        ),
        default=("name", "uscc", "kinds", "region", "licence_no", "licence_grade", "licence_until", "filing_state"),
        search=(Unit.name, Unit.uscc, Unit.licence_no),
        search_hint=_l("单位名称、统一社会信用代码、资格证书编号"),
        filters=(
            Filter("name", _l("单位名称"), "text", Unit.name),
            Filter("licence_no", _l("资格证书编号"), "text", Unit.licence_no),
            Filter("licence_grade", _l("级别"), "text", Unit.licence_grade),
            Filter("region", _l("所在地区"), "region", Unit.region_code),
            Filter("filing_state", _l("审核状态"), "choice", Unit.filing_state, FILING_STATE),
            Filter("info_state", _l("信息状态"), "choice", Unit.info_state, INFO_STATE),
            Filter("licence_until", _l("许可有效期至"), "date", Unit.licence_until),
        ),
        tabs=(
            Tab("all", _l("全部")),
            *(Tab(name, word, _kind(name)) for name, word in UNIT_KINDS.items()),
            Tab("approved", _l("已通过"), lambda m: Unit.approved_version > 0),
            Tab("pending", _l("待审核"), lambda m: Unit.filing_state == "pending", columns=_FILED),
            Tab("draft", _l("待上报"), lambda m: Unit.filing_state.in_(EDITABLE), columns=(*_FILED, OPINION.name)),
        ),
        order=("id", True),
        load=(joinedload(Unit.region),),
        then=as_of.units,
    )
)
