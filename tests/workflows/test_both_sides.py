"""A firm that is 维保 and 使用 at once: it reads what others do at its own buildings, and writes none of it."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest

from app import clock, scope
from app.errors import NotAllowed
from app.models import Contract, ImportRow, MaintenanceOrder
from app.permissions import Role
from app.transaction import transaction
from app.workflows.contracts import contract_changes, contracts
from app.workflows.maintenance import ledgers, orders
from tests import factories as make
from tests.imports.ground import checked, imported, workbook

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
TODAY = clock.local_day(AT)
MINE = "由其他单位承担维保"


class Building:
    """`firm` serves elevators elsewhere and owns a building that `other` serves."""

    def __init__(self, session: Any) -> None:
        self.session = session
        make.make_regions(session)
        self.firm = make.make_maintenance_unit(session, is_use=True)
        self.other = make.make_maintenance_unit(session)
        self.elevator = make.make_elevator(session, maintenance_unit=self.other, use_unit=self.firm)
        self.worker = make.make_person(session, self.other)
        self.contract = make.make_contract(session, self.other, [self.elevator], use_unit_id=self.firm.id)
        self.order = MaintenanceOrder(
            elevator_id=self.elevator.id, unit_id=self.other.id, region_code=self.other.region_code, level="quarter",
            planned_on=TODAY, origin="manual", state="open",
        )  # fmt: skip
        session.add(self.order)
        roles = (Role.MAINTENANCE_HEAD, Role.USE_HEAD)
        self.account = make.make_account(session, *roles, unit=self.firm, is_main=True)
        self.head = make.actor(self.account)
        session.commit()


@pytest.fixture
def building(session: Any) -> Building:
    return Building(session)


def files() -> Any:
    return [(io.BytesIO(b"%PDF-1.4 scan"), "合同.pdf")]


DEEDS: dict[str, Callable[[Building, Any], Any]] = {
    "save": lambda b, s: contracts.save(s, b.head, b.contract, {"note": "改"}, AT),
    "shorten": lambda b, s: contracts.save(s, b.head, b.contract, {"ends_on": TODAY}, AT),
    "delete": lambda b, s: contracts.delete(s, b.head, b.contract.id, AT),
    "renew": lambda b, s: contracts.renew(s, b.head, b.contract.id, {"signed_on": TODAY}, AT),
    "bind": lambda b, s: contracts.bind(s, b.head, b.contract.id, [b.elevator.id], AT),
    "unbind": lambda b, s: contracts.unbind(s, b.head, b.contract.id, [b.elevator.id], AT),
    "scan": lambda b, s: contracts.add_scan(s, b.head, b.contract.id, files(), AT),
    "change": lambda b, s: contract_changes.request(s, b.head, b.contract.id, {"note": "改"}, "原因", AT),
    "cancel": lambda b, s: orders.cancel(s, b.head, b.order.id, "不需要", AT),
    "ledger": lambda b, s: ledgers.save(s, b.head, b.elevator, {"interval_days": 14}, None, AT),
}


@pytest.mark.feature("CON-01")
@pytest.mark.parametrize("deed", DEEDS)
def test_the_use_side_writes_nothing(building: Building, session: Any, deed: str) -> None:
    with scope.acting(building.head):
        assert scope.visible(session, building.head, Contract, building.contract.id).id  # it reads it
        with pytest.raises(NotAllowed, match=MINE), transaction(session):
            DEEDS[deed](building, session)


@pytest.mark.feature("PLN-06")
def test_orders_of_another_firm_are_not_given_away(building: Building, session: Any) -> None:
    with scope.acting(building.head), transaction(session):
        done = orders.reassign(session, building.head, [building.order.id], building.worker.id, AT)
    assert [o.ok for o in done] == [False] and MINE in done[0].text
    session.expire_all()
    assert session.get(MaintenanceOrder, building.order.id).worker_id is None


@pytest.mark.feature("CON-01")
def test_the_net_under_the_verbs_holds_too(building: Building, session: Any) -> None:
    """Whatever code comes to write a contract: the row itself refuses the other side."""
    with scope.acting(building.head), pytest.raises(NotAllowed), transaction(session):
        session.get(Contract, building.contract.id).note = "改"


@pytest.mark.feature("IMP-01")
def test_an_import_makes_an_own_contract_of_a_number_that_another_bears(building: Building, session: Any) -> None:
    number, theirs, unit_id = building.contract.number, building.contract.id, building.firm.id
    heading = ["合同编号", "签订日期", "起始日期", "截止日期", "备注"]
    file = workbook(heading, [number, "2026-11-01", "2026-11-01", "2027-10-31", "改"])
    batch = imported(session, building.head, "contracts", file)
    row = session.query(ImportRow).filter_by(batch_id=batch.id).one()
    assert (row.state, row.applied) == ("new", True)
    session.expire_all()
    assert session.get(Contract, theirs).note is None
    assert session.query(Contract).filter_by(number=number, unit_id=unit_id).count() == 1


@pytest.mark.feature("IMP-01")
def test_an_import_of_another_firms_ledger_is_told_by_cell(building: Building, session: Any) -> None:
    file = workbook(["识别码", "下次年度维保"], [building.elevator.code, "2027-05-01"])
    batch = checked(session, building.head, "ledgers", file)
    row = session.query(ImportRow).filter_by(batch_id=batch.id).one()
    assert row.state == "bad" and "由其他单位维保" in row.errors[0]["found"]


@pytest.mark.feature("CON-01")
def test_the_scan_page_refuses(building: Building, sign_in: Any) -> None:
    from tests.conftest import csrf

    browser = sign_in(building.account)
    page = f"/contracts/{building.contract.id}"
    token = csrf(browser, page)
    data = {"csrf_token": token, "scan": (io.BytesIO(b"%PDF-1.4 scan"), "合同.pdf")}
    answer = browser.post(f"{page}/scan", data=data)
    assert answer.status_code == 403 and MINE in answer.get_data(as_text=True)
