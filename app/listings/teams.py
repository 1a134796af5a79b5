"""维保小组 (PLN-07): who belongs to each, and how many elevators it serves."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload, selectinload, undefer

from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import MaintenanceTeam, TeamMember
from app.wording import together


def members_of(team: MaintenanceTeam) -> str:
    """The names, in the order in which they joined."""
    return together(member.person.name for member in team.members)


TEAMS = register(
    Listing(
        name="teams",
        title=_l("维保小组"),
        model=MaintenanceTeam,
        columns=(
            column(MaintenanceTeam, "name"),
            Column("members", _l("小组成员"), members_of),
            Column("people", _l("人数"), lambda row: len(row.members), "number", unit=_l("人")),
            Column("elevators", _l("电梯台数"), lambda row: row.served, "number", unit=_l("台")),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(MaintenanceTeam, "disbanded_at"),
            column(MaintenanceTeam, "updated_at"),
        ),
        default=("name", "members", "people", "elevators", "unit", "updated_at"),
        own={"maintenance": {"unit": ""}},
        search=(MaintenanceTeam.name,),
        search_hint=_l("小组名称"),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", MaintenanceTeam.unit_id, lookup="maintenance_units"),
            Filter("region", _l("所属辖区"), "region", MaintenanceTeam.region_code),
        ),
        tabs=(
            Tab("standing", _l("在用"), lambda m: MaintenanceTeam.disbanded_at.is_(None)),
            Tab("disbanded", _l("已解散"), lambda m: MaintenanceTeam.disbanded_at.is_not(None)),
            Tab("all", _l("全部")),
        ),
        order=("name", False),
        load=(
            selectinload(MaintenanceTeam.members).joinedload(TeamMember.person), joinedload(MaintenanceTeam.unit),
            undefer(MaintenanceTeam.served),
        ),
    )
)  # fmt: skip
