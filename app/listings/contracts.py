"""Contracts with their tabs and days left (CON-01, CON-02)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from app import clock
from app.listing import Column, Filter, Listing, Tab, column, register
from app.listings import as_of, standing
from app.models import Account, Contract, ContractElevator
from app.models.choices import CONTRACT_KIND
from app.rules.contracts import CONTRACT_LABELS, contract_state, days_text
from app.wording import say


def state_words(row: Contract) -> str:
    """生效中 剩余 n 天. The near tab is by policy, the word beside the row by its plain state."""
    today = clock.today()
    state = contract_state(row.starts_on, row.ends_on, today, -1)
    days = days_text(row.starts_on, row.ends_on, today)
    return say("%(state)s %(days)s", state=CONTRACT_LABELS[state], days=days)


def _with_elevator(elevator_id: int) -> Any:
    """It is, or was, under the contract; not what was taken off as a mistake."""
    lines = select(ContractElevator.contract_id).where(
        ContractElevator.elevator_id == elevator_id, ContractElevator.removed_at.is_(None)
    )
    return Contract.id.in_(lines)


class ContractListing(Listing):
    """Adds to each row, in two statements a page, how many elevators it covers to its end and who made it."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        bound = (
            select(ContractElevator.contract_id, func.count(func.distinct(ContractElevator.elevator_id)))
            .join(Contract, Contract.id == ContractElevator.contract_id)
            .where(
                ContractElevator.contract_id.in_(keys), ContractElevator.removed_at.is_(None),
                ContractElevator.ends_on >= Contract.ends_on,
            )
            .group_by(ContractElevator.contract_id)
        )  # fmt: skip
        makers = select(Account.id, Account.first_name).where(Account.id.in_({row.created_by_id for row in rows}))
        counts, names = (
            dict(session.execute(part.execution_options(skip_scope=True)).all()) for part in (bound, makers)
        )
        for row in rows:
            row.elevator_count, row.author = counts.get(row.id, 0), names.get(row.created_by_id)
        return rows


CONTRACTS = register(
    ContractListing(
        name="contracts",
        title=_lp("many", "维保合同"),
        model=Contract,
        columns=(
            column(Contract, "number", kind="code"),
            column(Contract, "kind"),
            Column("state", _l("合同状态"), state_words),
            column(Contract, "signed_on"),
            column(Contract, "starts_on"),
            column(Contract, "ends_on"),
            Column("elevators", _l("电梯台数"), lambda row: row.elevator_count, "number"),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            Column("use_unit", _l("使用单位"), lambda row: row.use_unit.name if row.use_unit else None),
            column(Contract, "note", sort=False),
            Column("created_by", _l("创建人"), lambda row: row.author),
            column(Contract, "created_at"),
            column(Contract, "taken_over", sort=False),
        ),
        default=("number", "kind", "state", "starts_on", "ends_on", "elevators", "unit", "created_by", "created_at"),
        own={"maintenance": {"unit": "use_unit"}},
        search=(Contract.number, Contract.note),
        search_hint=_l("合同编号、备注"),
        filters=(
            Filter("kind", _l("合同属性"), "choice", Contract.kind, CONTRACT_KIND),
            Filter("unit", _l("维保单位"), "lookup", Contract.unit_id, lookup="maintenance_units"),
            Filter("use_unit", _l("使用单位"), "lookup", Contract.use_unit_id, lookup="use_units"),
            Filter("ends", _l("截止日期"), "date", Contract.ends_on),
            Filter("elevator", _l("电梯"), "lookup", criterion=_with_elevator, lookup="elevators"),
            Filter("taken_over", _l("接管"), "bool", Contract.taken_over),
            Filter("region", _l("所属辖区"), "region", Contract.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("pending", _l("待生效"), lambda m: Contract.starts_on > m.today),
            Tab("active", _l("生效中"), lambda m: and_(Contract.starts_on <= m.today, Contract.ends_on >= m.today)),
            Tab("near", _l("临近失效"), standing.contract_near, "near"),
            Tab("ended", _l("已失效"), lambda m: Contract.ends_on < m.today),
        ),
        load=(joinedload(Contract.unit), joinedload(Contract.use_unit)),
        then=as_of.contracts_then,
    )
)
