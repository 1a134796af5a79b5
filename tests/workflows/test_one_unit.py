"""一人一企 and the hand-over before leaving (PER-04)."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.extensions import db
from app.models import (
    Account,
    AuditEntry,
    ElevatorAssignment,
    ElevatorOfficer,
    MaintenanceLedger,
    MaintenanceOrder,
    PatrolRound,
    Person,
    Visit,
)
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import accounts, sub_accounts
from app.workflows.handover import leaving
from app.workflows.maintenance import ledgers, orders
from app.workflows.people import one_unit, people
from tests.factories import World, make_account, make_elevator, make_ledger, make_person

AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)
NUMBER = "980402199003072334"


def resident_id(first17: str = "98040219900307233") -> str:
    """An invented number with a right check digit."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first17 + "10X98765432"[sum(int(c) * w for c, w in zip(first17, weights, strict=True)) % 11]


def enter(session: Any, me: Any, number: str, **more: Any) -> Person:
    given = {"name": "何一帆", "identity": {"resident_id": number}, "at": AT} | more
    with transaction(session):
        return people.save_person(session, me, None, **given)


@pytest.mark.feature("PER-04")
def test_a_human_is_active_in_one_unit_only(session: Any, world: World) -> None:
    number = resident_id()
    first = enter(session, world.actor("clerk"), number)
    with pytest.raises(Refusal) as refused:
        enter(session, world.actor("other_head"), number)
    told = str(refused.value)
    # Nothing of the other unit, and not the number either.
    assert "其他单位在职" in told and world.firm.name not in told and number not in told
    with pytest.raises(Refusal, match="已是本单位人员 何一帆"):
        enter(session, world.actor("clerk"), number)
    with transaction(session):
        leaving.leave(session, world.actor("clerk"), first.id, AT.date(), AT)
    again = enter(session, world.actor("other_head"), number)
    assert again.unit_id == world.other_firm.id and session.get(Person, first.id).left_on == AT.date()


@pytest.mark.feature("PER-04")
@pytest.mark.parametrize("typed", ["980402199003072335", "98040219900307233", "98040219901307233X", "一二三"])
def test_a_wrong_number_is_refused_and_not_repeated(session: Any, world: World, typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        enter(session, world.actor("clerk"), typed)
    assert [f.field for f in refused.value.findings] == ["resident_id"]
    assert len(typed) < 10 or typed not in str(refused.value)


@pytest.mark.feature("PER-04")
def test_two_units_at_the_same_moment_take_on_one_human_once(app: Any, session: Any, world: World) -> None:
    """What the checks of both let pass, the database lets through once."""
    number, done = resident_id(), []
    actors = [world.actor("clerk"), world.actor("other_head")]
    start = threading.Barrier(2)
    session.commit()

    def take(me: Any) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction(db.session) as own:
                    people.save_person(own, me, None, name="何一帆", identity={"resident_id": number}, at=AT)
                done.append("taken")
            except Refusal as refusal:
                done.append(str(refusal))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=take, args=(me,)) for me in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    session.rollback()
    assert sorted(d == "taken" for d in done) == [False, True] and "一人一企" in "".join(done)
    assert len(session.scalars(select(Person).where(one_unit.with_number(number))).all()) == 1


@pytest.mark.feature("PER-08")
def test_one_human_in_two_units_counts_once(session: Any, world: World) -> None:
    number = resident_id()
    world.worker.resident_id, world.worker.left_on = number, AT.date()
    again = make_person(session, world.other_firm, "王砚秋", certificate_no=None, resident_id=number)
    session.add(
        Visit(
            elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, visit_on=AT.date(),
            worker_id=world.worker.id, checked_in_at=AT, received_at=AT, state="valid",
        )
    )  # fmt: skip
    session.commit()
    assert people.quotas(session, [again], AT)[again.id].used == 1


# --- hand-over


@pytest.fixture
def busy(session: Any, world: World) -> dict[str, Any]:
    """A worker with a ledger, an order and an assigned elevator; and one who may take over."""
    second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    heir = make_person(session, world.firm, "何一舟")
    account = make_account(
        session, Role.MAINTENANCE_MANAGER, unit=world.firm, person=heir, sees_all_elevators=False
    )
    first = make_ledger(session, world.own, world.worker, co_worker_id=heir.id)
    other = make_ledger(session, second, heir, co_worker_id=world.worker.id, manager_id=world.worker.id)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=AT.date(), level="half_month",
    )  # fmt: skip
    old = world.accounts["worker"]
    session.add_all([
        order, ElevatorAssignment(user_id=old.id, elevator_id=world.own.id),
    ])  # fmt: skip
    session.commit()
    return {"heir": heir, "account": account, "ledgers": (first, other), "order": order}


@pytest.mark.feature("PER-04")
def test_leaving_is_possible_at_zero_only(session: Any, world: World, busy: dict[str, Any]) -> None:
    me = world.actor("clerk")
    board = leaving.board(session, me, world.worker.id, AT)
    assert {k: len(v) for k, v in board.held.items()} == {
        "ledgers": 2, "orders": 1, "elevators": 1, "patrols": 0, "officer": 0, "repairs": 0
    }  # fmt: skip
    assert [h.detail for h in board.held["ledgers"]][1] == f"{busy['ledgers'][1].elevator.address}　协同、经理"
    with pytest.raises(Refusal) as refused, transaction(session):
        leaving.leave(session, me, world.worker.id, AT.date(), AT)
    assert {f.rule for f in refused.value.findings} == {"设备履历", "维保任务", "分配的电梯"}
    assert session.get(Person, world.worker.id).left_on is None and world.accounts["worker"].active


@pytest.mark.feature("PER-04")
def test_a_successor_takes_each_or_all(session: Any, world: World, busy: dict[str, Any]) -> None:
    me, heir = world.actor("clerk"), busy["heir"]
    first, other = busy["ledgers"]
    with transaction(session):
        assert leaving.hand_over(session, me, world.worker.id, heir.id, {"ledgers": [first.id]}, AT) == {"ledgers": 1}
    # Whoever would stand there twice stands there once.
    assert (first.worker_id, first.co_worker_id) == (heir.id, None) and other.co_worker_id == world.worker.id
    with transaction(session):
        counts = leaving.hand_over(session, me, world.worker.id, heir.id, None, AT)
    assert counts == {"ledgers": 1, "orders": 1, "elevators": 1}
    assert (other.co_worker_id, other.manager_id) == (None, heir.id)
    assert busy["order"].worker_id == heir.id
    assert session.scalars(select(ElevatorAssignment.user_id)).all() == [busy["account"].id]
    before = world.accounts["worker"].session_epoch
    with transaction(session):
        leaving.leave(session, me, world.worker.id, AT.date(), AT)
    account = session.get(Account, world.accounts["worker"].id)
    assert account.active is False and account.session_epoch > before
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.entity_id == world.worker.id)).all()
    assert actions.count("person.hand_over") == 2 and "person.leave" in actions


@pytest.mark.feature("PER-04")
def test_only_the_own_unit_hands_over_and_only_to_its_people(session: Any, world: World, busy: dict[str, Any]) -> None:
    me = world.actor("clerk")
    for successor, kind in ((world.worker.id, Refusal), (world.other_worker.id, NotFound), (None, Refusal)):
        with pytest.raises(kind), transaction(session):
            leaving.hand_over(session, me, world.worker.id, successor, None, AT)
    for persona, kind in (("other_head", NotFound), ("worker", NotAllowed), ("inspector", NotAllowed)):
        with pytest.raises(kind), transaction(session):
            leaving.hand_over(session, world.actor(persona), world.worker.id, busy["heir"].id, None, AT)
    with pytest.raises(Refusal, match="没有选择要交接"), transaction(session):
        leaving.hand_over(session, me, world.worker.id, busy["heir"].id, {}, AT)


@pytest.mark.feature("PER-04")
def test_what_is_an_accounts_needs_an_account(session: Any, world: World, busy: dict[str, Any]) -> None:
    plain = make_person(session, world.firm, "无账号")
    session.commit()
    with pytest.raises(Refusal, match="没有账号"), transaction(session):
        leaving.hand_over(session, world.actor("clerk"), world.worker.id, plain.id, None, AT)
    # Nothing was given by halves.
    assert busy["ledgers"][0].worker_id == world.worker.id
    with transaction(session):
        leaving.hand_over(
            session, world.actor("clerk"), world.worker.id, plain.id,
            {"ledgers": [ledger.id for ledger in busy["ledgers"]]}, AT,
        )  # fmt: skip
    assert busy["ledgers"][0].worker_id == plain.id


@pytest.mark.feature("PER-04")
def test_an_officer_of_a_use_unit_hands_over_too(session: Any, world: World) -> None:
    """Patrols and duties go to an account that may have them."""
    old, heir = (make_person(session, world.use_unit, name) for name in ("苏见山", "顾以宁"))
    from_account = make_account(session, Role.SAFETY_OFFICER, unit=world.use_unit, person=old)
    patrol = PatrolRound(
        unit_id=world.use_unit.id, region_code=world.use_unit.region_code, title="三月巡检", due_on=AT.date(),
        account_id=from_account.id, account_name="苏见山",
    )  # fmt: skip
    officer = ElevatorOfficer(
        elevator_id=world.own.id, unit_id=world.use_unit.id, region_code=world.own.region_code,
        account_id=from_account.id, named_at=AT,
    )  # fmt: skip
    session.add_all([patrol, officer])
    session.commit()
    me = world.actor("use_head")
    with pytest.raises(Refusal, match="没有账号"), transaction(session):
        leaving.hand_over(session, me, old.id, heir.id, None, AT)
    account = make_account(session, Role.SAFETY_OFFICER, unit=world.use_unit, person=heir)
    session.commit()
    with transaction(session):
        assert leaving.hand_over(session, me, old.id, heir.id, None, AT) == {"patrols": 1, "officer": 1}
    assert (patrol.account_id, officer.account_id) == (account.id, account.id)


def open_visit(session: Any, world: World, until: dt.datetime | None) -> None:
    session.add(
        Visit(
            elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, visit_on=AT.date(),
            worker_id=world.worker.id, checked_in_at=AT, received_at=AT, state="open", next_change_at=until,
        )
    )  # fmt: skip
    session.commit()


@pytest.mark.feature("PER-04", "ACC-08")
def test_a_visit_that_still_runs_must_be_signed_out_first(session: Any, world: World) -> None:
    open_visit(session, world, AT + dt.timedelta(hours=8))
    said = f"正在维保电梯 {world.own.code}，还没有签退"
    with pytest.raises(Refusal, match=said), transaction(session):
        leaving.leave(session, world.actor("clerk"), world.worker.id, AT.date(), AT)
    me, account = world.actor("maintenance_head"), world.accounts["worker"]
    with pytest.raises(Refusal, match=said), transaction(session):
        sub_accounts.edit(session, me, account.id, name="王砚秋", sex="", active=False, at=AT)
    later = AT + dt.timedelta(hours=8)
    with transaction(session):
        sub_accounts.edit(session, me, account.id, name="王砚秋", sex="", active=False, at=later)
    assert account.active is False


@pytest.mark.feature("PER-04", "ACC-08")
@pytest.mark.parametrize("way", ["edit", "remove", "leave"])
def test_a_visit_that_never_ends_holds_no_account(session: Any, world: World, way: str) -> None:
    """Where a region sets no limit, whoever does not check out could else never be parted with."""
    open_visit(session, world, None)
    me, account = world.actor("maintenance_head"), world.accounts["worker"]
    account.login_count = 1
    session.commit()
    board = leaving.board(session, world.actor("clerk"), world.worker.id, AT)
    assert (board.left, len(board.visits)) == (0, 1)
    assert any(f.ok and world.own.code in f.found and "记录保留" in f.found for f in board.findings())
    session.rollback()
    with transaction(session):
        if way == "edit":
            sub_accounts.edit(session, me, account.id, name="王砚秋", sex="", active=False, at=AT)
        elif way == "remove":
            assert sub_accounts.remove(session, me, account.id, AT) is False
        else:
            leaving.leave(session, world.actor("clerk"), world.worker.id, AT.date(), AT)
    assert account.active is False
    assert session.scalar(select(Visit.state)) == "open"


@pytest.mark.feature("PER-04")
def test_whoever_left_is_given_no_work(session: Any, world: World) -> None:
    me = world.actor("clerk")
    with transaction(session):
        leaving.leave(session, me, world.worker.id, AT.date(), AT)
    with pytest.raises(Refusal, match="离职"), transaction(session):
        ledgers.save(session, me, world.own, {"worker_id": world.worker.id}, None, AT)
    assert session.scalar(select(MaintenanceLedger)) is None
    with pytest.raises(Refusal, match="离职"), transaction(session):
        data = {"planned_on": AT.date(), "worker_id": world.worker.id}
        orders.create(session, me, world.own.id, data, AT)


@pytest.mark.feature("PER-04", "ACC-08")
def test_an_account_that_ended_with_its_person_is_not_taken_into_use_again(session: Any, world: World) -> None:
    """Neither by the main account nor by the office; he checks in for the unit that he left no more."""
    account, me = world.accounts["worker"], world.actor("maintenance_head")
    with transaction(session):
        leaving.leave(session, world.actor("clerk"), world.worker.id, AT.date(), AT)
    assert account.active is False
    for again in (
        lambda: sub_accounts.edit(session, me, account.id, name="王砚秋", sex="", active=True, at=AT),
        lambda: accounts.reactivate(session, world.actor("region_admin"), account.id, AT),
    ):
        with pytest.raises(Refusal, match="离职。再次入职请发入职邀请"), transaction(session):
            again()
    session.refresh(account)
    assert account.active is False
    # What else is said of it can still be mended.
    with transaction(session):
        sub_accounts.edit(session, me, account.id, name="王砚秋（离职）", sex="", active=False, at=AT)
