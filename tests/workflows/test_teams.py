"""维保小组: who may be in one, what its people see and may serve, and how it ends (PLN-07)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import AuditEntry, Elevator, MaintenanceOrder, MaintenanceTeam, TeamMember
from app.permissions import Role
from app.transaction import transaction
from app.workflows.maintenance import clocks, ledger_rows, teams
from app.workflows.on_site import phone_copy, presence
from app.workflows.visits import visits
from tests.factories import World, actor, make_account, make_ledger, make_person, make_policy
from tests.workflows.visit_world import HERE, START, rules_of

pytestmark = pytest.mark.feature("PLN-07")


@pytest.fixture
def mate(session: Any, world: World) -> Any:
    """A worker who sees no elevator of the firm's by himself."""
    person = make_person(session, world.firm, "沈听澜")
    account = make_account(session, Role.WORKER, unit=world.firm, person=person, sees_all_elevators=False)
    session.commit()
    return account


def save(session: Any, world: World, name: str = "城东一组", members: Any = None, **more: Any) -> MaintenanceTeam:
    chosen = [world.worker.id] if members is None else members
    with transaction(session):
        return teams.save(
            session, more.pop("who", None) or world.actor("maintenance_head"), more.pop("team", None), name, chosen,
            START, more.pop("seen", None),
        )  # fmt: skip


def serving(session: Any, world: World, mate: Any) -> MaintenanceTeam:
    team = save(session, world, members=[world.worker.id, mate.person_id])
    make_ledger(session, world.own, world.worker, team_id=team.id)
    session.commit()
    return team


def test_its_people_see_its_elevators_and_serve_them(session: Any, world: World, mate: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    who = actor(mate)
    seen = scope.apply(select(Elevator.id), who, Elevator)
    assert session.scalars(seen).all() == []
    assert not presence.may_serve(session, who, world.own)
    serving(session, world, mate)
    assert session.scalars(seen).all() == [world.own.id]
    assert presence.may_serve(session, who, world.own)
    with transaction(session):
        assert visits.check_in(session, who, world.own.code, HERE, START).worker_id == mate.person_id


def test_its_orders_are_on_the_phone_of_each(session: Any, world: World, mate: Any) -> None:
    serving(session, world, mate)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=START.date(), level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    told = phone_copy.copy(session, actor(mate), START)
    assert [task["code"] for task in told["tasks"]] == [world.own.code]
    assert order.worker_id == world.worker.id


def test_whoever_is_taken_out_sees_nothing_more(session: Any, world: World, mate: Any) -> None:
    team = serving(session, world, mate)
    save(session, world, members=[world.worker.id], team=team.id)
    assert session.scalars(scope.apply(select(Elevator.id), actor(mate), Elevator)).all() == []


def test_a_disbanded_team_frees_its_elevators_and_its_name(session: Any, world: World, mate: Any) -> None:
    team = serving(session, world, mate)
    with transaction(session):
        teams.disband(session, world.actor("maintenance_head"), team.id, START)
        teams.disband(session, world.actor("maintenance_head"), team.id, START)
    ledger = ledger_rows.of_elevator(session, world.own.id)
    session.refresh(ledger)
    assert ledger.team_id is None and ledger.worker_id == world.worker.id
    assert session.scalars(scope.apply(select(Elevator.id), actor(mate), Elevator)).all() == []
    assert save(session, world).id != team.id
    assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "team.disband")).all()) == 1
    with pytest.raises(NotAllowed, match="已解散"):
        save(session, world, team=team.id)


@pytest.mark.parametrize(
    ("name", "members", "rules"),
    [
        ("", None, {"小组名称"}),
        ("长" * 41, None, {"小组名称"}),
        ("城东二组", [], {"小组成员"}),
        ("", [], {"小组名称", "小组成员"}),
        ("城东二组", [10**9], {"小组成员"}),
    ],
)
def test_every_wrong_field_is_told_at_once(
    session: Any, world: World, name: str, members: Any, rules: set[str]
) -> None:
    with pytest.raises(Refusal) as refusal:
        save(session, world, name, members)
    assert rules_of(refusal) == rules


def test_one_name_one_team_in_a_unit(session: Any, world: World) -> None:
    first = save(session, world, " 城东 一组 ")
    assert first.name == "城东 一组"
    with pytest.raises(Refusal) as refusal:
        save(session, world, "城东　一组")
    assert rules_of(refusal) == {"小组名称"}
    # Itself under its own name is no other one.
    assert save(session, world, "城东 一组", team=first.id).id == first.id


def test_a_foreign_or_departed_person_is_not_taken(session: Any, world: World, mate: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        save(session, world, members=[world.worker.id, world.other_worker.id])
    assert rules_of(refusal) == {"小组成员"}
    mate.person.left_on = START.date() - dt.timedelta(days=1)
    session.commit()
    with pytest.raises(Refusal, match="不是本单位的在职人员"):
        save(session, world, members=[mate.person_id])


def test_another_firms_team_is_not_there(session: Any, world: World) -> None:
    team = save(session, world)
    stranger = make_account(session, Role.MAINTENANCE_HEAD, unit=world.other_firm, is_main=True)
    session.commit()
    with pytest.raises(NotFound):
        save(session, world, who=actor(stranger), team=team.id)
    with pytest.raises(NotFound), transaction(session):
        teams.disband(session, actor(stranger), team.id, START)
    assert not teams.finding(session, team.id, world.other_firm.id).ok


def test_two_who_change_one_team(session: Any, world: World, mate: Any) -> None:
    team = save(session, world)
    seen = team.row_version
    save(session, world, members=[world.worker.id, mate.person_id], team=team.id, seen=seen)
    with pytest.raises(Stale):
        save(session, world, "城东三组", team=team.id, seen=seen)


def test_a_ledger_names_a_standing_team_of_its_own_unit(session: Any, world: World) -> None:
    team = save(session, world)
    head = world.actor("maintenance_head")
    with transaction(session):
        row = clocks.save_ledger(session, head, world.own, {"team_id": team.id}, None, START)
    assert row.team_id == team.id
    with pytest.raises(Refusal, match="没有找到所选的小组"), transaction(session):
        clocks.save_ledger(session, head, world.own, {"team_id": 10**9}, None, START)


def test_another_unit_takes_over_without_the_team(session: Any, world: World, mate: Any) -> None:
    serving(session, world, mate)
    with transaction(session):
        clocks.unit_changed(session, world.own.id, world.other_firm.id, START.date(), START)
    ledger = ledger_rows.of_elevator(session, world.own.id)
    session.refresh(ledger)
    assert ledger.team_id is None


def test_whoever_leaves_is_in_no_team(session: Any, world: World, mate: Any) -> None:
    serving(session, world, mate)
    with transaction(session):
        assert teams.leave_all(session, world.actor("maintenance_head"), mate.person_id, START) == 1
    assert session.scalars(select(TeamMember.person_id)).all() == [world.worker.id]


def test_ones_orders_are_asked_for_way_by_way(session: Any, world: World, mate: Any) -> None:
    """With an OR of one's own, nobody's and one's teams' PostgreSQL read every open order at each look."""
    serving(session, world, mate)
    mine = phone_copy.own_orders(session, actor(mate), clock.local_day(START))
    asked = str(select(MaintenanceOrder.id).where(mine))
    assert " OR " not in asked
    assert asked.count("maintenance_order.worker_id") == 2 and asked.count("UNION ALL") == 2
