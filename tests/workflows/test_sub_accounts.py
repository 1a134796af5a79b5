"""我的子用户: adding within the limit, editing three fields, assigning elevators (ACC-08, ACC-10, ACC-14)."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, AuditEntry, Elevator, ElevatorAssignment, Person
from app.models.sealed import holding
from app.permissions import Verb
from app.scope import apply
from app.transaction import transaction
from app.workflows.access import accounts, sub_accounts
from tests.factories import PASSWORD, World, actor, make_elevator, make_person, make_policy
from tests.workflows.visit_world import HOUR, START, arrive, leave

AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


def add(session: Any, me: Any, login_name: str = "weibao.01", **changes: Any) -> Any:
    given = {"login_name": login_name, "name": "王砚", "roles": ["worker"], "at": AT} | changes
    with transaction(session):
        return sub_accounts.add(session, me, **given)


def fields(refusal: pytest.ExceptionInfo[Refusal]) -> set[str | None]:
    return {f.field for f in refusal.value.findings}


@pytest.mark.feature("ACC-08")
def test_a_worker_gets_an_account_a_person_and_a_password_to_change(session: Any, world: World) -> None:
    issued = add(session, world.actor("maintenance_head"), sex="female", phone="139 0000 1111")
    account = issued.account
    person = session.get(Person, account.person_id)
    assert (account.unit_id, account.is_main, account.sex, account.phone) == (
        world.firm.id, False, "female", "13900001111",
    )  # fmt: skip
    assert account.must_change_password and account.password_matches(issued.password)
    assert (person.name, person.unit_id, person.phone) == ("王砚", world.firm.id, "13900001111")
    assert not account.sees_all_elevators


@pytest.mark.feature("ACC-08")
@pytest.mark.parametrize("name", ["abcd", "a" * 21, "王砚秋.01", "a b c d e", "ann-01", "13800000000"])
def test_names_outside_the_form_are_refused(session: Any, world: World, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        add(session, world.actor("maintenance_head"), name)
    assert fields(refused) == {"login_name"}


@pytest.mark.feature("ACC-08", "ACC-13")
@pytest.mark.parametrize(
    "roles",
    [["maintenance_head"], ["region_admin"], ["worker", "platform_admin"], ["use_head"], ["safety_officer"], []],
)
def test_no_role_that_the_giver_may_not_give(session: Any, world: World, roles: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        add(session, world.actor("maintenance_head"), roles=roles)
    assert fields(refused) == {"role"}
    assert session.scalar(select(func.count()).where(Account.username == "weibao.01")) == 0


@pytest.mark.feature("ACC-08")
@pytest.mark.parametrize("persona", ["region_admin", "inspector", "clerk", "worker", "safety_officer"])
def test_only_a_main_account_keeps_sub_accounts(session: Any, world: World, persona: str) -> None:
    me = world.actor(persona)
    other = world.accounts["clerk"].id
    deeds = (
        lambda: add(session, me),
        lambda: sub_accounts.edit(session, me, other, name="x", sex="", active=False, at=AT),
        lambda: sub_accounts.remove(session, me, other, AT),
        lambda: sub_accounts.reset_password(session, me, other, AT),
        lambda: sub_accounts.assign_all(session, me, other, AT),
        lambda: sub_accounts.assign(session, me, other, [world.own.id], AT),
        lambda: sub_accounts.unassign(session, me, other, [world.own.id], AT),
    )
    for deed in deeds:
        with pytest.raises(NotAllowed), transaction(session):
            deed()


@pytest.mark.feature("ACC-08")
@pytest.mark.parametrize("target", ["other_worker", "other_head", "use_head", "maintenance_head", "region_admin"])
def test_no_deed_reaches_another_unit_or_the_main_account(session: Any, world: World, target: str) -> None:
    me, number = world.actor("maintenance_head"), world.accounts[target].id
    for deed in (
        lambda: sub_accounts.edit(session, me, number, name="x", sex="", active=False, at=AT),
        lambda: sub_accounts.remove(session, me, number, AT),
        lambda: sub_accounts.reset_password(session, me, number, AT),
        lambda: sub_accounts.assign_all(session, me, number, AT),
        lambda: sub_accounts.assign(session, me, number, [world.own.id], AT),
    ):
        with pytest.raises((NotAllowed, NotFound)), transaction(session):
            deed()
    session.refresh(world.accounts[target])
    assert world.accounts[target].active and world.accounts[target].password_matches(PASSWORD)


@pytest.mark.feature("ACC-08")
def test_at_most_as_many_as_policy_and_grant_allow(session: Any, world: World) -> None:
    make_policy(session, "sub_accounts", 3)
    session.commit()
    me = world.actor("maintenance_head")  # two are there: clerk and worker
    add(session, me)
    with pytest.raises(Refusal, match="最多 3 个"):
        add(session, me, "weibao.02")
    with transaction(session):
        accounts.grant_extra_accounts(
            session, world.actor("region_admin"), world.accounts["maintenance_head"].id, 1, AT
        )
    add(session, me, "weibao.02")
    with pytest.raises(Refusal, match="最多 4 个"):
        add(session, me, "weibao.03")


@pytest.mark.feature("ACC-08")
def test_zero_means_no_limit(session: Any, world: World) -> None:
    make_policy(session, "sub_accounts", 0)
    session.commit()
    for number in range(12):
        add(session, world.actor("maintenance_head"), f"weibao.{number:02d}", roles=["clerk"])
    assert sub_accounts.room(session, world.firm, AT) == (14, None)


@pytest.mark.feature("ACC-08")
def test_an_ended_account_makes_room_and_comes_back_only_into_room(session: Any, world: World) -> None:
    make_policy(session, "sub_accounts", 2)
    session.commit()
    me, clerk = world.actor("maintenance_head"), world.accounts["clerk"]
    with transaction(session):
        sub_accounts.edit(session, me, clerk.id, name="文员", sex="", active=False, at=AT)
    add(session, me)
    with pytest.raises(Refusal, match="最多 2 个"), transaction(session):
        sub_accounts.edit(session, me, clerk.id, name="文员", sex="", active=True, at=AT)
    assert clerk.active is False


@pytest.mark.feature("ACC-08")
def test_fifty_parallel_adds_stay_within_ten(session: Any, world: World, database: Any) -> None:
    me = world.actor("maintenance_head")

    def one(number: int) -> str:
        with Session(database.engine) as own:
            try:
                add(own, me, f"para.{number:03d}", roles=["clerk"])
            except Refusal as refusal:
                return str(refusal)
        return "added"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(one, range(50)))
    assert outcomes.count("added") == 8  # two were there
    assert all("最多 10 个" in o for o in outcomes if o != "added")
    session.rollback()  # what the other connections committed is not in the transaction of before
    assert sub_accounts.room(session, world.firm, AT) == (10, 10)


@pytest.mark.feature("ACC-08")
def test_edit_changes_name_sex_and_state_only(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    before = (clerk.username, clerk.unit_id, clerk.password, [r.name for r in clerk.roles], clerk.is_main)
    epoch = clerk.session_epoch
    with transaction(session):
        sub_accounts.edit(
            session, world.actor("maintenance_head"), clerk.id, name="文知秋", sex="female", active=False, at=AT
        )
    assert (clerk.first_name, clerk.sex, clerk.active) == ("文知秋", "female", False)
    assert (clerk.username, clerk.unit_id, clerk.password, [r.name for r in clerk.roles], clerk.is_main) == before
    assert clerk.session_epoch == epoch + 1


@pytest.mark.feature("ACC-08")
def test_delete_takes_a_fresh_account_away_and_ends_a_used_one(session: Any, world: World) -> None:
    me = world.actor("maintenance_head")
    fresh = add(session, me).account.id
    with transaction(session):
        sub_accounts.assign(session, me, fresh, [world.own.id], AT)
    with transaction(session):
        assert sub_accounts.remove(session, me, fresh, AT)
    assert session.get(Account, fresh) is None
    used = world.accounts["clerk"]
    used.login_count = 3
    session.commit()
    with transaction(session):
        assert not sub_accounts.remove(session, me, used.id, AT)
    assert session.get(Account, used.id).active is False
    gone = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.delete")).one()
    assert gone.before["login_name"] == "weibao.01"


@pytest.mark.feature("ACC-11")
def test_a_password_is_reset_to_random_or_typed(session: Any, world: World) -> None:
    me, worker = world.actor("maintenance_head"), world.accounts["worker"]
    with transaction(session):
        issued = sub_accounts.reset_password(session, me, worker.id, AT)
    assert worker.password_matches(issued.password) and worker.must_change_password
    with transaction(session):
        sub_accounts.reset_password(session, me, worker.id, AT, "Typed.pass-01")
    assert worker.password_matches("Typed.pass-01")
    with pytest.raises(Refusal) as refused, transaction(session):
        sub_accounts.reset_password(session, me, worker.id, AT, "123456")
    assert fields(refused) == {"new_password"}


def seen_by(session: Any, account: Account) -> set[int]:
    return set(session.scalars(apply(select(Elevator.id), actor(account), Elevator)))


@pytest.mark.feature("ACC-10")
def test_all_is_a_rule_and_a_selection_is_a_snapshot(session: Any, world: World) -> None:
    me, worker = world.actor("maintenance_head"), world.accounts["worker"]
    with transaction(session):
        assert sub_accounts.assign(session, me, worker.id, [world.own.id, world.own.id], AT) == 1
    later = make_elevator(session, maintenance_unit=world.firm)
    session.commit()
    assert seen_by(session, worker) == {world.own.id}
    with transaction(session):
        sub_accounts.assign_all(session, me, worker.id, AT)
    assert seen_by(session, worker) == {world.own.id, later.id}
    assert sub_accounts.assigned_ids(session, worker.id) == set()


@pytest.mark.feature("ACC-10")
def test_none_left_is_none_not_all(session: Any, world: World) -> None:
    me, worker = world.actor("maintenance_head"), world.accounts["worker"]
    with transaction(session):
        sub_accounts.assign(session, me, worker.id, [world.own.id], AT)
    with transaction(session):
        assert sub_accounts.unassign(session, me, worker.id, [world.own.id], AT) == 1
    assert seen_by(session, worker) == set()


@pytest.mark.feature("ACC-10")
def test_anothers_elevator_is_not_assigned(session: Any, world: World) -> None:
    me, worker = world.actor("maintenance_head"), world.accounts["worker"]
    with pytest.raises(Refusal, match="1 台不在"), transaction(session):
        sub_accounts.assign(session, me, worker.id, [world.own.id, world.foreign.id], AT)
    assert session.scalar(select(func.count()).select_from(ElevatorAssignment)) == 0


@pytest.mark.feature("PER-08", "ACC-08")
def test_a_second_account_of_a_known_person_counts_as_that_person(session: Any, world: World) -> None:
    me = world.actor("maintenance_head")
    known = make_person(session, world.firm, "何一舟", phone="13911112222")
    session.commit()
    assert add(session, me, name="何一舟", phone="13911112222").account.person_id == known.id
    assert add(session, me, "weibao.02", person_id=world.worker.id).account.person_id == world.worker.id
    with pytest.raises((Refusal, NotFound)):
        add(session, me, "weibao.03", person_id=world.other_worker.id)
    with pytest.raises(Refusal, match="何一舟") as refused:
        session.get(Account, add(session, me, "weibao.04").account.id)
        with transaction(session):
            first = session.scalars(select(Account).where(holding(Account.phone, "13911112222"))).one()
            first.phone = None
        add(session, me, "weibao.05", name="别人", phone="13911112222")
    assert fields(refused) == {"phone"}


@pytest.mark.feature("ACC-14")
def test_a_main_account_may_not_do_maintenance(session: Any, world: World) -> None:
    assert not world.actor("maintenance_head").may(Verb.VISIT_MAKE)
    assert world.actor("worker").may(Verb.VISIT_MAKE)


@pytest.mark.feature("ACC-08", "PER-04", "MNT-02")
def test_an_account_on_site_is_ended_only_after_signing_out(session: Any, world: World) -> None:
    """Else the visit could be ended by nobody: the message names the elevator, says what to do and until when."""
    me, worker = world.actor("maintenance_head"), world.accounts["worker"]
    worker.login_count = 3
    session.commit()
    visit = arrive(session, world)
    keep = {"name": "王砚秋", "sex": ""}
    for deed in (
        lambda: sub_accounts.edit(session, me, worker.id, **keep, active=False, at=START),
        lambda: sub_accounts.remove(session, me, worker.id, START),
    ):
        with pytest.raises(Refusal) as refused, transaction(session):
            deed()
        said = str(refused.value)
        assert world.own.code in said and "请先由其签退，或等到 2026-03-02 17:00 这次维保过期以后" in said
    session.refresh(worker)
    assert worker.active and visit.state == "open"
    with transaction(session):
        # What does not end it is none of this.
        sub_accounts.edit(session, me, worker.id, **keep, active=True, at=START)
        sub_accounts.edit(session, me, world.accounts["clerk"].id, name="文员", sex="", active=False, at=START)
    leave(session, world, visit, START + HOUR)
    with transaction(session):
        sub_accounts.edit(session, me, worker.id, **keep, active=False, at=START + HOUR)
    assert not worker.active
