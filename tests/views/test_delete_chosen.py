"""删除草稿, 删除人员 of chosen rows: what was entered by mistake goes, what anything stands on stays and says why."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.models import AuditEntry, Elevator, Person, Unit
from tests.conftest import csrf
from tests.factories import World, make_person
from tests.workflows.filing_world import elevator_data, fresh, save, submit, unit_data


def send(client: Any, place: str, ids: list[int]) -> Any:
    data = {"ids": ids, "csrf_token": csrf(client, place)}
    return client.post(f"{place}deed/delete", data=data, follow_redirects=True)


def left(session: Any, model: Any, ids: list[int]) -> set[int]:
    return set(fresh(session).scalars(select(model.id).where(model.id.in_(ids)).execution_options(skip_scope=True)))


@pytest.mark.feature("ELV-04")
def test_drafts_of_elevators_go_and_what_is_in_force_stays(session: Any, world: World, sign_in: Any) -> None:
    firm = world.actor("maintenance_head")
    drafts = [save(session, firm, Elevator, None, elevator_data(world, code=f"30001{n}")) for n in range(3)]
    submit(session, firm, drafts[2])
    ids = [row.id for row in drafts]
    world.session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    assert "删除草稿" in client.get("/elevators/").text
    page = send(client, "/elevators/", [*ids, world.own.id, world.foreign.id])
    assert page.status_code == 200 and "300010" in page.text and "不能删除" in page.text
    assert left(session, Elevator, [*ids, world.own.id, world.foreign.id]) == {
        ids[2], world.own.id, world.foreign.id
    }  # fmt: skip
    gone = session.scalars(select(AuditEntry.entity_id).where(AuditEntry.action == "elevator.delete")).all()
    assert set(gone) == set(ids[:2])


@pytest.mark.feature("UNT-05")
def test_drafts_of_units(session: Any, world: World, sign_in: Any) -> None:
    firm = world.actor("maintenance_head")
    draft = save(session, firm, Unit, None, unit_data(session, name="澜州新客户物业有限公司", is_use=True))
    key = draft.id
    world.session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    page = send(client, "/units/", [key, world.firm.id])
    assert page.status_code == 200
    assert left(session, Unit, [key, world.firm.id]) == {world.firm.id}


@pytest.mark.feature("PER-05")
def test_people_entered_by_mistake(session: Any, world: World, sign_in: Any) -> None:
    wrong = [make_person(session, world.firm, name=name) for name in ("许误填", "许重复")]
    session.commit()
    ids = [row.id for row in wrong]
    client = sign_in(world.accounts["maintenance_head"])
    page = send(client, "/people/", [*ids, world.worker.id])
    assert "许误填" in page.text and "不能删除" in page.text
    assert left(session, Person, [*ids, world.worker.id]) == {world.worker.id}


@pytest.mark.feature("ELV-04", "PER-05")
def test_who_may_not_edit_deletes_nothing(session: Any, world: World, sign_in: Any) -> None:
    draft = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world, code="300019"))
    key, person = draft.id, make_person(session, world.firm, name="许误填")
    session.commit()
    worker = sign_in(world.accounts["worker"])
    assert "删除草稿" not in worker.get("/elevators/").text
    token = csrf(worker)
    for place, one in (("/elevators/", key), ("/people/", person.id)):
        answer = worker.post(f"{place}deed/delete", data={"ids": [one], "csrf_token": token})
        assert answer.status_code in (302, 403)
    other = sign_in(world.accounts["other_head"])
    send(other, "/elevators/", [key])
    send(other, "/people/", [person.id])
    assert left(session, Elevator, [key]) == {key} and left(session, Person, [person.id]) == {person.id}
