"""Lists of what is due say whose it is and lead to what is done about it: worker, contract, governor check."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from app import clock
from app.models import Contract, ContractElevator, Elevator, InspectionClock, MaintenanceLedger, Person
from app.transaction import transaction
from app.workflows.contracts import cover
from app.workflows.maintenance import teams
from tests import factories as make
from tests.conftest import csrf
from tests.pages import page
from tests.workflows.clock_world import run, visit


@pytest.fixture
def today() -> dt.date:
    return clock.today()


def chosen(text: str, value: Any) -> bool:
    """Whether a form's list has this one chosen."""
    return re.search(rf'value="{value}"\s+selected', text) is not None


@pytest.fixture
def served(session: Any, world: make.World, today: dt.date) -> tuple[Elevator, Person]:
    """A second elevator of the firm, due like the first, served by somebody else."""
    elevator = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    other = make.make_person(session, world.firm, name="钟既明")
    make.make_contract(session, world.firm, [elevator], starts_on=today - dt.timedelta(days=99),
                       ends_on=today + dt.timedelta(days=3))  # fmt: skip
    make.make_ledger(session, world.own, world.worker)
    make.make_ledger(session, elevator, other)
    session.commit()
    visit(session, world.own, world.worker, today - dt.timedelta(days=20))
    visit(session, elevator, other, today - dt.timedelta(days=20))
    run(session, today)
    cover.refresh(session, [world.own.id, elevator.id], today)
    session.commit()
    return elevator, other


@pytest.mark.feature("PLN-09", "WRN-01")
@pytest.mark.parametrize("address", ["/tasks/?tab=over", "/warnings/maintenance/?tab=over"])
def test_what_is_due_says_who_does_it_and_is_narrowed_to_one_of_them(
    session: Any, world: make.World, served: tuple[Elevator, Person], sign_in: Any, address: str
) -> None:
    (elevator, other), held = served, MaintenanceLedger
    client = sign_in(world.accounts["maintenance_head"])
    text = page(client, address)
    assert elevator.code in text and world.own.code in text
    assert other.name in text and world.worker.name in text, "shown first to the firm itself"
    of_one = page(client, f"{address}&f_worker={other.id}")
    assert elevator.code in of_one and world.own.code not in of_one
    session.rollback()
    with transaction(session):
        team = teams.save(session, world.actor("maintenance_head"), None, "城北一组", [other.id], clock.now())
        session.execute(update(held).where(held.elevator_id == elevator.id).values(team_id=team.id))
    of_team = page(client, f"{address}&f_team={team.id}&cols=code,team")
    assert elevator.code in of_team and world.own.code not in of_team and "城北一组" in of_team
    assert elevator.code not in page(client, f"{address}&f_worker={world.other_worker.id}")


@pytest.mark.feature("WRN-01", "CON-05")
def test_a_contract_that_ends_is_named_beside_its_elevator(
    world: make.World, served: tuple[Elevator, Person], sign_in: Any, session: Any
) -> None:
    elevator, _other = served
    number = session.scalar(
        select(Contract.number).join(ContractElevator).where(ContractElevator.elevator_id == elevator.id)
    )
    text = page(sign_in(world.accounts["maintenance_head"]), "/warnings/contract/?tab=near")
    assert f'href="/contracts/?q={number}"' in text and elevator.code in text


@pytest.mark.feature("WRN-01", "CON-05")
@pytest.mark.parametrize("named", [True, False])
def test_a_use_unit_is_told_of_no_contract_that_does_not_name_it(
    world: make.World, served: tuple[Elevator, Person], sign_in: Any, session: Any, named: bool
) -> None:
    elevator, _other = served
    held = select(ContractElevator.contract_id).where(ContractElevator.elevator_id == elevator.id)
    whose = world.use_unit.id if named else None
    session.execute(update(Contract).where(Contract.id.in_(held)).values(use_unit_id=whose, number="HT-机密-77"))
    session.commit()
    client = sign_in(world.accounts["use_head"])
    text = page(client, "/warnings/contract/?tab=near")
    assert elevator.code in text and ("HT-机密-77" in text) == named
    # Of the second column alone the database makes the file.
    for columns in ("code,contract", "contract"):
        query = {"query": f"tab=near&cols={columns}", "format": "csv", "csrf_token": csrf(client)}
        book = client.post("/exports/warnings_contract", data=query).get_data().decode("utf-8-sig")
        assert "合同编号" in book and ("HT-机密-77" in book) == named
    assert "HT-机密-77" in page(sign_in(world.accounts["maintenance_head"]), "/warnings/contract/?tab=near")


@pytest.mark.feature("CON-01", "CON-03")
@pytest.mark.parametrize("address", ["/tasks/", "/warnings/contract/", "/elevators/"])
def test_ticked_elevators_get_a_new_contract_in_one_deed(
    session: Any, world: make.World, served: tuple[Elevator, Person], today: dt.date, sign_in: Any, address: str
) -> None:
    elevator, _other = served
    client = sign_in(world.accounts["maintenance_head"])
    led = client.post(f"{address}deed/contract", data={"ids": [elevator.id], "csrf_token": csrf(client)})
    assert led.status_code == 302 and led.location == f"/contracts/new?chosen=elevator-{elevator.id}"
    form = page(client, led.location)
    begins = today + dt.timedelta(days=4)
    assert elevator.code in form and f'value="{begins}"' in form, "from the day after the cover that stands"
    assert chosen(form, world.use_unit.id)
    terms = {"chosen": [f"elevator-{elevator.id}"], "number": "HT-续-9", "kind": "full", "signed_on": str(today),
             "starts_on": str(begins), "ends_on": str(begins + dt.timedelta(days=364)), "note": "",
             "use_unit_id": world.use_unit.id, "csrf_token": csrf(client)}  # fmt: skip
    twice = client.post("/contracts/new", data=terms | {"starts_on": str(today)})
    assert twice.status_code == 422 and elevator.code in twice.text and "HT-续-9" in twice.text
    session.rollback()
    assert session.scalar(select(Contract).where(Contract.number == "HT-续-9")) is None, "both or nothing"
    made = client.post("/contracts/new", data=terms)
    assert made.status_code == 302
    session.rollback()
    bound = cover.in_force(session, elevator.id, begins)
    assert bound is not None and f"/contracts/{bound.contract_id}" == made.location


@pytest.mark.feature("CON-03")
def test_what_is_not_ones_own_does_not_come_along(world: make.World, sign_in: Any, session: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    text = page(client, f"/contracts/new?chosen=elevator-{world.foreign.id}&chosen=elevator-x&chosen=7")
    assert world.foreign.code not in text and "保存后绑定" not in text
    assert "另有 3 台电梯没有带过来" in text


@pytest.mark.feature("CON-03")
def test_what_an_address_does_not_hold_is_told_when_it_stays_behind(
    world: make.World, sign_in: Any, session: Any
) -> None:
    rows = [make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in range(120)]
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    sent = {"ids": [row.id for row in rows], "csrf_token": csrf(client)}
    text = page(client, client.post("/elevators/deed/contract", data=sent).location)
    assert "选了 120 行，一次最多带 100 行；另有 20 行没有带过来，请分次办理" in text
    assert "保存后绑定 100 台电梯" in text and "台电梯没有带过来" not in text
    sent["ids"] = sent["ids"][:100]
    assert "没有带过来" not in page(client, client.post("/elevators/deed/contract", data=sent).location)


@pytest.mark.feature("INS-01", "INS-02")
def test_what_is_to_be_inspected_leads_to_its_form(
    session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    session.add(InspectionClock(elevator_id=world.own.id, next_kind="self_test",
                                governor_due_on=today + dt.timedelta(days=400)))  # fmt: skip
    world.own.next_inspection_on = today + dt.timedelta(days=3)
    session.commit()
    form, body = (f"/inspections/{door}?elevator_id={world.own.id}&amp;kind=" for door in ("report", "new"))
    firm = page(sign_in(world.accounts["maintenance_head"]), "/inspections/due/")
    assert f"{form}self_test" in firm and f"{form}governor" not in firm, "a check that is far off is not asked for"
    officer = page(sign_in(world.accounts["region_admin"]), "/inspections/due/")
    assert f"{body}test" in officer and form not in officer
    worker = page(sign_in(world.accounts["worker"]), "/inspections/due/")
    assert form not in worker and body not in worker


@pytest.mark.feature("INS-02", "WRN-01")
def test_a_due_governor_check_leads_to_its_form_filled_in(
    session: Any, world: make.World, today: dt.date, sign_in: Any
) -> None:
    session.add(InspectionClock(elevator_id=world.own.id,
                                governor_due_on=today - dt.timedelta(days=2)))  # fmt: skip
    world.own.governor_on = today - dt.timedelta(days=732)
    session.commit()
    link = f"/inspections/report?elevator_id={world.own.id}&amp;kind=governor"
    client = sign_in(world.accounts["maintenance_head"])
    text = page(client, "/warnings/governor/?tab=over")
    assert link in text and str(world.own.governor_on) in text
    form = page(client, link.replace("&amp;", "&"))
    assert chosen(form, "governor") and world.own.code in form
    assert not chosen(page(client, link.replace("&amp;kind=governor", "&kind=supervision")), "supervision")
    officer = page(sign_in(world.accounts["region_admin"]), "/warnings/governor/?tab=over")
    assert "/inspections/report" not in officer
    assert f"/inspections/new?elevator_id={world.own.id}&amp;kind=governor" in officer
