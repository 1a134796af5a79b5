"""维保承诺书 (UNT-08): in force, about to end, over, waiting."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Moment, Tab, column, register
from app.listings.standing import due_soon
from app.models import Commitment, Unit
from app.policy import Key
from app.workflows.papers.commitments import WAITING


def _approved(*criteria: Any) -> Any:
    return and_(Commitment.state == "approved", *criteria)


def _near(moment: Moment) -> Any:
    return _approved(due_soon(moment, Commitment.valid_until, Commitment.region_code, Key.NEAR_CONTRACT_DAYS))


def _held(moment: Moment) -> Any:
    return _approved(Commitment.valid_from <= moment.today, Commitment.valid_until >= moment.today)


COMMITMENTS = register(
    Listing(
        name="commitments",
        title=_l("维保承诺书"),
        model=Commitment,
        columns=(
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(Commitment, "valid_from"),
            column(Commitment, "valid_until"),
            column(Commitment, "state"),
            column(Commitment, "note", sort=False),
            column(Commitment, "created_at", label=_l("提交时间")),
            column(Commitment, "in_force_from"),
        ),
        default=("unit", "valid_from", "valid_until", "state", "created_at", "in_force_from", "note"),
        search=(Unit.name,),
        search_key=Commitment.unit_id,
        search_hint=_l("维保单位名称"),
        join=lambda statement: statement.join(Unit, Unit.id == Commitment.unit_id),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", Commitment.unit_id, lookup="units"),
            Filter("until", _l("承诺截止"), "date", Commitment.valid_until),
            Filter("region", _l("所属辖区"), "region", Commitment.region_code),
        ),
        tabs=(
            Tab("held", _l("有效"), _held),
            Tab("near", _l("临近到期"), _near, "near"),
            Tab("over", _l("已到期"), lambda m: _approved(Commitment.valid_until < m.today)),
            Tab("waiting", _l("审核中"), lambda m: Commitment.state.in_(WAITING)),
            Tab("all", _l("全部")),
        ),
        order=("id", True),
        load=(joinedload(Commitment.unit),),
    )
)
