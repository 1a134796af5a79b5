"""维保小组 (PLN-07): several workers for an elevator, any of whom sees its orders and may serve it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm.attributes import flag_modified

from app import clock, scope
from app.errors import Finding, NotAllowed, Stale, raise_failing
from app.models import MaintenanceLedger, MaintenanceTeam, Person, TeamMember, Unit
from app.permissions import Actor, Verb, require, require_own_side
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.maintenance import orders

LONGEST_NAME = 40
MOST_MEMBERS = 50


def save(
    session: AnySession, actor: Actor, team_id: int | None, name: str, member_ids: Sequence[int], at: dt.datetime,
    seen_version: int | None = None,
) -> MaintenanceTeam:  # fmt: skip
    """Make a team of the own unit, or rename it and say anew who belongs to it; every failing condition at once."""
    require(actor, Verb.LEDGER_EDIT)
    # Held, so that two teams of one name made at once are seen one after the other.
    unit = lock(session, Unit, actor.unit_id) if actor.unit_id is not None else None
    if unit is None or not unit.is_maintenance:
        raise NotAllowed(Finding("维保单位", False, "您的账号不属于维保单位", "请由维保单位的账号办理"))
    team = MaintenanceTeam(unit_id=unit.id, region_code=unit.region_code, created_by_id=actor.user_id)
    before = None
    if team_id is not None:
        team = _own(session, actor, team_id)
        if seen_version is not None and team.row_version != seen_version:
            raise Stale(
                Finding("同时修改", False, "这个小组刚刚被他人修改", "请核对现在的内容后重新提交"), team.row_version
            )
        before = _told(team)
    name, chosen = " ".join(name.split()), list(dict.fromkeys(member_ids))
    orders.hold_people(session, chosen)
    raise_failing([*_name_findings(session, unit.id, team_id, name), *_member_findings(session, unit.id, chosen, at)])
    team.name = name
    held = {member.person_id: member for member in team.members}
    team.members = [held.get(key) or TeamMember(person_id=key) for key in chosen]
    session.add(team)
    # A changed list of members is a change of the team, for whoever has its form open.
    flag_modified(team, "name")
    session.flush()
    audit.record(
        session, actor, at, "team.save", "maintenance_team", team.id, before=before,
        after={"name": name, "members": chosen},
    )  # fmt: skip
    return team


def disband(session: AnySession, actor: Actor, team_id: int, at: dt.datetime) -> MaintenanceTeam:
    """The team is no more: its elevators keep their worker, nobody sees them by it. Disbanded twice is disbanded."""
    require(actor, Verb.LEDGER_EDIT)
    team = _own(session, actor, team_id, standing=False)
    if team.disbanded_at is not None:
        return team
    before = _told(team)
    team.disbanded_at = at
    freed = elevators_of(session, [team.id]).get(team.id, 0)
    session.execute(
        update(MaintenanceLedger)
        .where(MaintenanceLedger.team_id == team.id)
        .values(team_id=None, updated_at=at, row_version=MaintenanceLedger.row_version + 1)
    )
    audit.record(
        session, actor, at, "team.disband", "maintenance_team", team.id, before=before,
        after={"elevators": freed},
    )  # fmt: skip
    session.flush()
    return team


def finding(session: AnySession, team_id: int, unit_id: int) -> Finding:
    """Whether a ledger of the unit may name this team."""
    team = session.get(MaintenanceTeam, team_id, execution_options={"skip_scope": True})
    if team is None or team.unit_id != unit_id:
        return Finding("维保小组", False, "没有找到所选的小组", "请选择本单位的小组", "team_id", str(team_id))
    if team.disbanded_at is not None:
        found = say("小组“%(name)s”已解散", name=team.name)
        return Finding("维保小组", False, found, "请选择另一个小组，或留空", "team_id", str(team_id))
    return Finding("维保小组", True, team.name, "", "team_id", str(team_id))


def leave_all(session: AnySession, actor: Actor, person_id: int, at: dt.datetime) -> int:
    """Whoever leaves his unit is in none of its teams any more; gives how many."""
    mine = select(TeamMember.team_id).where(TeamMember.person_id == person_id).order_by(TeamMember.team_id)
    teams = list(session.scalars(mine.execution_options(skip_scope=True)))
    for team_id in teams:
        audit.record(
            session, actor, at, "team.leave", "maintenance_team", team_id, before={"person": person_id}, after=None
        )
    session.execute(delete(TeamMember).where(TeamMember.person_id == person_id))
    return len(teams)


def elevators_of(session: AnySession, team_ids: Iterable[int]) -> dict[int, int]:
    """How many elevators each of these teams serves; those that serve none are left out."""
    counted = (
        select(MaintenanceLedger.team_id, func.count())
        .where(MaintenanceLedger.team_id.in_(list(team_ids)))
        .group_by(MaintenanceLedger.team_id)
        .execution_options(skip_scope=True)
    )
    return {key: number for key, number in session.execute(counted) if key is not None}


def choices(session: AnySession, actor: Actor, unit_id: int | None) -> list[tuple[int, str]]:
    """The standing teams of a unit, by name, as far as the account sees them."""
    if unit_id is None:
        return []
    statement = select(MaintenanceTeam.id, MaintenanceTeam.name).where(
        MaintenanceTeam.unit_id == unit_id, MaintenanceTeam.disbanded_at.is_(None)
    )
    found = session.execute(scope.apply(statement, actor, MaintenanceTeam).order_by(MaintenanceTeam.name))
    return [(key, name) for key, name in found]


def _own(session: AnySession, actor: Actor, team_id: int, *, standing: bool = True) -> MaintenanceTeam:
    team: MaintenanceTeam = scope.visible(session, actor, MaintenanceTeam, team_id, "维保小组")
    require_own_side(actor, team.unit_id, say("小组“%(name)s”", name=team.name))
    held = lock(session, MaintenanceTeam, team_id)
    assert held is not None
    if standing and held.disbanded_at is not None:
        found = say("小组“%(name)s”已解散", name=held.name)
        raise NotAllowed(Finding("维保小组", False, found, "请新建一个小组"))
    return held


def _told(team: MaintenanceTeam) -> dict[str, Any]:
    return {"name": team.name, "members": [member.person_id for member in team.members]}


def _name_findings(session: AnySession, unit_id: int, team_id: int | None, name: str) -> list[Finding]:
    if not name:
        return [Finding("小组名称", False, "没有填写", "请填写小组名称，例如：城东一组", field="name")]
    if len(name) > LONGEST_NAME:
        found, remedy = say("有 %(count)s 个字", count=len(name)), say("最多 %(most)s 个字", most=LONGEST_NAME)
        return [Finding("小组名称", False, found, remedy, field="name", value=name[:LONGEST_NAME])]
    same = select(MaintenanceTeam.id).where(
        MaintenanceTeam.unit_id == unit_id, MaintenanceTeam.name == name, MaintenanceTeam.disbanded_at.is_(None),
        MaintenanceTeam.id != (team_id or 0),
    )  # fmt: skip
    taken = session.scalar(same.execution_options(skip_scope=True)) is not None
    found = say("本单位已有小组“%(name)s”", name=name) if taken else "没有重名"
    return [Finding("小组名称", not taken, found, "请换一个名称" if taken else "", field="name", value=name)]


def _member_findings(session: AnySession, unit_id: int, chosen: Sequence[int], at: dt.datetime) -> list[Finding]:
    if not chosen:
        return [Finding("小组成员", False, "没有选择人员", "请至少选择一名维保员", field="members")]
    if len(chosen) > MOST_MEMBERS:
        found = say("选了 %(count)s 人", count=len(chosen))
        return [Finding("小组成员", False, found, say("最多 %(most)s 人", most=MOST_MEMBERS), field="members")]
    today = clock.local_day(at)
    there = select(Person.id).where(
        Person.id.in_(chosen), Person.unit_id == unit_id, or_(Person.left_on.is_(None), Person.left_on > today)
    )
    own = set(session.scalars(there.execution_options(skip_scope=True)))
    strange = [key for key in chosen if key not in own]
    found = say("有 %(count)s 人不是本单位的在职人员", count=len(strange)) if strange else "都是本单位人员"
    remedy = "请去掉已离职或不属于本单位的人员" if strange else ""
    return [Finding("小组成员", not strange, found, remedy, field="members", value=",".join(map(str, strange))[:60])]
