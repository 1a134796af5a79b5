"""What somebody wrote by hand between check and writing: a row changes what it meets, and an undo gives back that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from app import clock, scope
from app.models import (
    Account,
    Component,
    Contract,
    ContractElevator,
    Elevator,
    ImportRow,
    InsuredPerson,
    LandingDoor,
    MaintenanceOrder,
    Person,
)
from app.transaction import transaction
from app.workflows.access import sub_accounts
from app.workflows.contracts import contracts
from app.workflows.filing import components, filing, landing_doors
from app.workflows.filing.landing_doors import Found
from app.workflows.maintenance import orders
from app.workflows.papers import insurance
from app.workflows.people import people
from tests.factories import make_contract, make_elevator, make_person
from tests.imports.ground import checked, imported, ran, states, workbook
from tests.imports.test_undoing import undone
from tests.workflows.test_insurance import id_number

pytestmark = pytest.mark.feature("IMP-01", "IMP-03")
DAY, MONTH = dt.timedelta(days=1), dt.date(2026, 1, 1)


class Kind(NamedTuple):
    """How a file says a value, how a hand writes it, and how it is read; the first of them stands already."""

    name: str
    head: list[str]
    row: Callable[[Any], list[Any]]
    by_hand: Callable[[Any], Any]
    now: Callable[[], Any]
    values: tuple[Any, Any, Any]


def kind_of(session: Any, world: Any, name: str) -> Kind:
    who, at, own, code = world.actor("clerk"), clock.now(), world.own.id, world.own.code
    today = clock.today()
    words = ("甲", "乙", "丙")
    if name == "persons":
        worker, number = world.worker.id, world.worker.certificate_no
        return Kind(
            name, ["姓名", "作业人员证编号", "工种"], lambda v: [world.worker.name, number, v],
            lambda v: people.save_person(
                session, who, worker, name=world.worker.name, certificate_no=number, work_kind=v, at=clock.now(),
                certificate_until=world.worker.certificate_until,
            ),
            lambda: session.get(Person, worker).work_kind, words,
        )  # fmt: skip
    if name == "contracts":
        deal = make_contract(session, world.firm, [], number="HT-1", starts_on=today, ends_on=today + 90 * DAY).id
        return Kind(
            name, ["合同编号", "备注"], lambda v: ["HT-1", v],
            lambda v: contracts.save(session, who, session.get(Contract, deal), {"note": v}, clock.now()),
            lambda: session.get(Contract, deal).note, words,
        )  # fmt: skip
    if name == "orders":
        three = [world.worker, *(make_person(session, world.firm, word) for word in ("乙一", "丙一"))]
        session.commit()
        with scope.acting(who), transaction(session):
            order = orders.create(session, who, own, {"planned_on": today + 5 * DAY}, at).id
        known = {one.id: one.name for one in three}
        return Kind(
            name, ["任务编号", "识别码", "维保人员"], lambda v: [order, code, known[v]],
            lambda v: orders.reassign(session, who, [order], v, clock.now()),
            lambda: session.get(MaintenanceOrder, order).worker_id, tuple(one.id for one in three),  # type: ignore[arg-type]
        )  # fmt: skip
    if name == "components":
        file = workbook(["识别码", "组件", "安装日期"], [code, "门滑块", today])
        imported(session, who, "components", file, at=at)
        part = session.scalars(select(Component)).one().id
        return Kind(
            name, ["识别码", "组件", "备注"], lambda v: [code, "门滑块", v],
            lambda v: components.edit(
                session, who, part, components.of_data({"note": v}, session.get(Component, part)), clock.now()
            ),
            lambda: session.get(Component, part).note, words,
        )  # fmt: skip
    imported(session, who, "landing_doors", workbook(["识别码", "层站", "层门状态"], [code, "1", "正常"]), at=at - DAY)
    door = session.scalars(select(LandingDoor)).one().id
    return Kind(
        name, ["识别码", "层站", "层门状态"], lambda v: [code, "1", {"adjust": "需调整", "damaged": "损坏"}[v]],
        lambda v: landing_doors.edit_one(session, who, door, Found(v, "看过"), None, clock.now()),
        lambda: session.get(LandingDoor, door).condition, ("normal", "adjust", "damaged"),
    )  # fmt: skip


@pytest.mark.parametrize("since", ["elsewhere", "as in the file"])
@pytest.mark.parametrize("name", ["persons", "contracts", "orders", "components", "landing_doors"])
def test_what_moved_since_the_check_is_changed_from_where_it_stands(
    session: Any, world: Any, name: str, since: str
) -> None:  # fmt: skip
    who, at = world.actor("clerk"), clock.now()
    kind = kind_of(session, world, name)
    session.commit()

    def by_hand(value: Any) -> None:
        with scope.acting(who), transaction(session):
            kind.by_hand(value)
        session.expire_all()

    first, second, third = kind.values
    if kind.now() != first:
        by_hand(first)
    batch = checked(session, who, name, workbook(kind.head, kind.row(second)), at=at)
    assert set(states(session, batch).values()) == {"changed"}
    stood = third if since == "elsewhere" else second
    by_hand(stood)
    batch = ran(session, who, batch, clock.now())
    assert kind.now() == second
    if since == "as in the file":
        assert (batch.done_rows, set(states(session, batch).values())) == (0, {"same"}), "the hand made it so"
        return
    assert (batch.done_rows, set(states(session, batch).values())) == (1, {"changed"})
    done = undone(session, who, batch, clock.now())
    assert (done.undone_rows, done.kept_rows, kind.now()) == (1, 0, stood), "not what stood at the check"


def test_elevators_bound_since_the_check_are_not_the_files(session: Any, world: Any) -> None:
    who, at, today = world.actor("clerk"), clock.now(), clock.today()
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(2)]
    deal = make_contract(session, world.firm, [], number="HT-1", starts_on=today, ends_on=today + 90 * DAY).id
    session.commit()
    ids, codes = [one.id for one in lifts], "、".join(one.code for one in lifts)
    both = checked(session, who, "contracts", workbook(["合同编号", "电梯"], ["HT-1", codes]), at=at)
    with scope.acting(who), transaction(session):
        contracts.bind(session, who, deal, ids[:1], clock.now())
    both = ran(session, who, both, clock.now())
    row = session.scalars(select(ImportRow).where(ImportRow.batch_id == both.id)).one()
    assert (row.state, row.data) == ("changed", {"elevator_ids": ids[1:]})
    bound = select(ContractElevator.elevator_id).where(ContractElevator.contract_id == deal)
    assert sorted(session.scalars(bound)) == sorted(ids)


def test_a_row_of_a_set_that_is_written_by_itself_gives_back_what_it_took(session: Any, world: Any) -> None:
    """Another row of the set is refused, so that each goes by itself."""
    who, at = world.actor("clerk"), clock.now()
    second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    own, other = world.own.id, second.id
    lines = [world.own.code, "乙"], [second.code, "乙"]
    batch = checked(session, who, "elevators", workbook(["识别码", "楼盘"], *lines), at=at)
    with scope.acting(who), transaction(session):
        filing.save_draft(session, who, Elevator, session.get(Elevator, own), {"estate": "丙"}, at)
        filing.save_draft(session, who, Elevator, session.get(Elevator, other), {"estate": "丙"}, at)
    with scope.acting(who), transaction(session):
        filing.submit(session, who, session.get(Elevator, other), at)
    batch = ran(session, who, batch, clock.now())
    assert set(states(session, batch).values()) == {"changed", "bad"}
    undone(session, who, batch, clock.now() + dt.timedelta(minutes=1))
    assert filing.content(session, session.get(Elevator, own))["estate"] == "丙"


@pytest.mark.feature("ACC-08")
def test_a_sub_account_renamed_since_the_check_goes_back_to_that_name(session: Any, world: Any) -> None:
    who, at, account = world.actor("maintenance_head"), clock.now(), world.accounts["clerk"]
    key, login = account.id, account.username
    batch = checked(session, who, "accounts", workbook(["账号", "姓名"], [login, "乙"]), mode="update", at=at)
    with scope.acting(who), transaction(session):
        sub_accounts.edit(session, who, key, name="丙", sex="", active=True, at=at)
    batch = ran(session, who, batch, clock.now())
    assert (batch.done_rows, session.get(Account, key).first_name) == (1, "乙"), states(session, batch)
    undone(session, who, batch, clock.now())
    assert session.get(Account, key).first_name == "丙"


@pytest.mark.feature("UNT-09")
def test_an_insured_person_renumbered_since_the_check_goes_back_to_that_number(session: Any, world: Any) -> None:
    who, at, code = world.actor("clerk"), clock.now(), id_number(1)
    with transaction(session):
        insurance.save(session, who, None, "甲", MONTH, MONTH + 30 * DAY, "", [insurance.Line("子", code)], at)
    head = ["缴费单位", "费款所属期起", "费款所属期止", "姓名", "证件号码", "手机号"]
    file = workbook(head, ["甲", "2026-01-01", "2026-01-31", "子", code, "13800000001"])
    batch = checked(session, who, "insurance", file, mode="update", at=at)
    person = session.scalars(select(InsuredPerson)).one()
    person.phone = "13800000003"
    session.commit()
    batch = ran(session, who, batch, clock.now())
    assert (batch.done_rows, person.phone) == (1, "13800000001"), states(session, batch)
    undone(session, who, batch, clock.now())
    assert person.phone == "13800000003"
