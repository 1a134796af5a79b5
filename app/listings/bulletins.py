"""通报: the columns, filters and tabs of the list and its export (STA-03)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp

from app.errors import Refusal
from app.listing import Column, Filter, Listing, Tab, column, of_no_unit, register
from app.models import Bulletin
from app.rules.periods import period_of


def period_words(row: Any) -> Any:
    try:
        return period_of(row.period).words
    except Refusal:
        return row.period


BULLETINS = register(
    Listing(
        name="bulletins",
        title=_lp("many", "通报"),
        model=Bulletin,
        columns=(
            column(Bulletin, "region_name", sort=False),
            Column("period", _l("期间"), period_words, sort=Bulletin.first_on, said=True),
            column(Bulletin, "title", sort=False),
            Column("number", _l("发文字号"), lambda row: row.number or None, sort=Bulletin.serial),
            column(Bulletin, "office", sort=False),
            column(Bulletin, "state", sort=False),
            column(Bulletin, "issued_at"),
            column(Bulletin, "signed_by", sort=False),
            column(Bulletin, "drafted_by", sort=False),
            column(Bulletin, "checked_by", sort=False),
            column(Bulletin, "checked_at"),
            column(Bulletin, "as_of"),
            column(Bulletin, "policy", sort=False),
            column(Bulletin, "digest", sort=False),
            column(Bulletin, "correct_reason", sort=False),
        ),
        default=("region_name", "period", "title", "number", "state", "issued_at"),
        search=(Bulletin.title, Bulletin.region_name, Bulletin.office),
        search_hint=_l("标题、地区、发文机关"),
        filters=(
            Filter(
                "state", _l("状态"), "choice", Bulletin.state, Bulletin.__table__.c.state.info["choices"],
                shown_to=dict.fromkeys(("draft", "checked", "discarded"), of_no_unit),
            ),
            Filter("first", _l("期间开始"), "date", Bulletin.first_on),
            Filter("issued", _l("印发日期"), "date", Bulletin.issued_at),
            Filter("region", _l("所属辖区"), "region", Bulletin.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("draft", _l("草稿"), lambda m: Bulletin.state == "draft", "near", shown_to=of_no_unit),
            Tab("checked", _l("待签发"), lambda m: Bulletin.state == "checked", "near", shown_to=of_no_unit),
            Tab("issued", _l("已印发"), lambda m: Bulletin.state == "issued"),
            Tab("discarded", _l("已作废"), lambda m: Bulletin.state == "discarded", shown_to=of_no_unit),
        ),
        order=("period", True),
    )
)  # fmt: skip
