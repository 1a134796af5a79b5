"""Proposals of policy values: what waits for a second person, and what became of each (POL-01)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import Account, PolicyProposal, Region
from app.models.policy import PROPOSAL_STATE
from app.workflows.approval import policies


class ProposalListing(Listing):
    """Adds to each row, in two statements a page, the region's name and the two persons'."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        codes = {row.region_code for row in rows}
        people = {key for row in rows for key in (row.proposed_by_id, row.decided_by_id) if key is not None}
        named = (
            select(Region.code, Region.name).where(Region.code.in_(codes)),
            select(Account.id, Account.first_name).where(Account.id.in_(people)),
        )
        regions, names = (dict(session.execute(part.execution_options(skip_scope=True)).all()) for part in named)
        for row in rows:
            row.region_name = regions.get(row.region_code, row.region_code)
            row.proposer, row.decider = names.get(row.proposed_by_id), names.get(row.decided_by_id)
        return rows


def _tab(name: str) -> Any:
    return lambda m: PolicyProposal.state == name


PROPOSALS = register(
    ProposalListing(
        name="policy_proposals",
        title=_l("政策提议"),
        model=PolicyProposal,
        columns=(
            Column("meaning", _l("参数"), lambda row: policies.words(row.key), sort=PolicyProposal.key),
            Column("region", _l("地区"), lambda row: row.region_name, sort=PolicyProposal.region_code),
            Column("proposed", _l("提议的值"), lambda row: policies.value_words(row.key, row.value)),
            column(PolicyProposal, "effective_on"),
            column(PolicyProposal, "source", sort=False),
            column(PolicyProposal, "state", sort=False),
            Column("proposer", _l("提议人"), lambda row: row.proposer),
            column(PolicyProposal, "proposed_at"),
            Column("decider", _l("批准人"), lambda row: row.decider),
            column(PolicyProposal, "decided_at"),
            column(PolicyProposal, "opinion", sort=False),
        ),
        default=("meaning", "region", "proposed", "effective_on", "source", "proposer", "proposed_at", "state"),
        search=(PolicyProposal.source, PolicyProposal.key),
        search_hint=_l("依据、参数代码"),
        filters=(
            Filter("state", _l("状态"), "choice", PolicyProposal.state, PROPOSAL_STATE),
            Filter("region", _l("地区"), "region", PolicyProposal.region_code),
            Filter("effective", _l("生效日期"), "date", PolicyProposal.effective_on),
        ),
        tabs=(
            Tab("waiting", _l("待批准"), _tab("proposed"), "near"),
            Tab("approved", _l("已批准"), _tab("approved")),
            Tab("rejected", _l("不同意"), _tab("rejected")),
            Tab("all", _l("全部")),
        ),
    )
)
