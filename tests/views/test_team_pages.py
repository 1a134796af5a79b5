"""维保小组 on the desk, by the interface, and joining a visit on the phone (PLN-07, MNT-11)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import MaintenanceLedger, MaintenanceTeam, TeamMember, Visit, VisitCompanion
from app.permissions import Role
from app.transaction import transaction
from app.workflows.visits import visits
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator, make_ledger, make_person, make_policy
from tests.pages import flat
from tests.workflows.visit_world import HERE

PLACE = {"latitude": "30.5", "longitude": "120.5"}


def page(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, f"{url}: {answer.status_code}"
    return flat(answer.get_data(as_text=True))


def post(client: Any, url: str, data: dict[str, Any], status: int = 302) -> str:
    answer = client.post(url, data=data | {"csrf_token": csrf(client)})
    assert answer.status_code == status, f"{url}: {answer.status_code} {answer.get_data(as_text=True)[-2000:]}"
    return flat(answer.get_data(as_text=True))


@pytest.fixture
def mate(session: Any, world: World) -> Any:
    make_policy(session, "preset", "huzhou")
    person = make_person(session, world.firm, "沈听澜")
    account = make_account(session, Role.WORKER, unit=world.firm, person=person, sees_all_elevators=True)
    session.commit()
    return account


@pytest.mark.feature("PLN-07")
def test_a_team_is_made_given_elevators_and_disbanded(sign_in: Any, session: Any, world: World, mate: Any) -> None:
    make_ledger(session, world.own, world.worker)
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    assert "还没有维保小组" in page(client, "/teams/")
    refused = post(client, "/teams/new", {"name": "城东一组"}, 422)
    assert "没有选择人员" in refused and 'value="城东一组"' in refused
    members = [str(world.worker.id), str(mate.person_id)]
    post(client, "/teams/new", {"name": "城东一组", "members": members})
    session.rollback()
    team = session.scalar(select(MaintenanceTeam))
    assert "还没有电梯" in page(client, f"/teams/{team.id}")
    post(client, "/ledgers/batch", {"ids": str(world.own.id), "change": "1", "team_id": str(team.id)}, 200)
    session.rollback()
    assert session.scalar(select(MaintenanceLedger.team_id)) == team.id
    listed = page(client, "/teams/")
    assert "王砚秋、沈听澜" in listed
    # The team's own link shows its elevators, and no others.
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    make_ledger(session, other, world.worker)
    session.commit()
    shown = page(client, f"/teams/{team.id}")
    link = re.search(r'href="(/ledgers/[?][^"]+)"', shown)
    assert link is not None and "再加电梯" in shown
    listed = page(client, link.group(1))
    assert world.own.code in listed and other.code not in listed
    assert "城东一组" in page(client, f"/ledgers/{world.own.id}")
    post(client, f"/teams/{team.id}/disband", {})
    session.rollback()
    assert session.scalar(select(MaintenanceLedger.team_id)) is None
    assert "已解散" in page(client, f"/teams/{team.id}")


@pytest.mark.feature("PLN-07")
def test_a_worker_reads_teams_and_changes_none(sign_in: Any, session: Any, world: World, mate: Any) -> None:
    session.add(MaintenanceTeam(
        unit_id=world.firm.id, region_code=world.firm.region_code, name="城东一组",
        members=[TeamMember(person_id=world.worker.id)],
    ))  # fmt: skip
    session.commit()
    team = session.scalar(select(MaintenanceTeam))
    client = sign_in(world.accounts["worker"])
    assert "保存小组" not in page(client, f"/teams/{team.id}")
    post(client, f"/teams/{team.id}", {"name": "改名", "members": [str(world.worker.id)]}, 403)
    session.rollback()
    assert team.name == "城东一组"


@pytest.mark.feature("MNT-11")
def test_a_second_worker_joins_by_phone(sign_in: Any, session: Any, world: World, mate: Any) -> None:
    make_policy(session, "visit_persons", 2)
    session.commit()
    with transaction(session):
        visit = visits.check_in(session, world.actor("worker"), world.own.code, HERE, clock.now())
    client = sign_in(mate)
    shown = page(client, f"/m/e/{world.own.code}")
    assert "王砚秋 正在这台电梯维保" in shown and "加入这次维保" in shown
    far = PLACE | {"latitude": "30.6", "code": world.own.code}
    assert "电梯位置较远" in post(client, f"/m/visits/{visit.id}/join", far, 422)
    post(client, f"/m/visits/{visit.id}/join", PLACE | {"code": world.own.code})
    session.rollback()
    assert session.scalar(select(func.count()).select_from(VisitCompanion)) == 1
    assert "您已加入" in page(client, f"/m/e/{world.own.code}")
    record = page(sign_in(world.accounts["maintenance_head"]), f"/visits/{visit.id}")
    assert "协同维保" in record and "沈听澜" in record


@pytest.mark.feature("MNT-11")
def test_the_gate_of_the_check_out_tells_who_is_missing(sign_in: Any, session: Any, world: World, mate: Any) -> None:
    make_policy(session, "visit_persons", 2)
    session.commit()
    with transaction(session):
        began = clock.now() - dt.timedelta(hours=1)
        visit = visits.check_in(session, world.actor("worker"), world.own.code, HERE, began)
    shown = page(sign_in(world.accounts["worker"]), f"/m/visits/{visit.id}")
    assert "1 人在现场，要求至少 2 人" in shown and "加入这次维保" in shown
    session.rollback()
    assert session.get(Visit, visit.id).checked_out_at is None
