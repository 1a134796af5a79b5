"""Rights by tick: role ∩ ticked ∩ what the giver has at this moment (ACC-09), and several roles of one (ACC-13)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, AccountRole, AuditEntry, Person
from app.permissions import BASIC, GRANTS, VERB_GROUPS, Role, Verb, givable, granted, require
from app.transaction import transaction
from app.workflows.access import sub_accounts, sub_rights
from app.workflows.core import outbox
from app.workflows.files.attachments import rights_of
from tests.factories import World

AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
pytestmark = pytest.mark.feature("ACC-09")


@pytest.fixture
def world(session: Any, world: World) -> World:
    for name in ("clerk", "worker"):
        world.accounts[name].parent_user_id = world.accounts["maintenance_head"].id
    session.commit()
    return world


def tick(session: Any, world: World, name: str, *verbs: str, by: str = "maintenance_head") -> Account:
    with transaction(session):
        return sub_rights.set_rights(session, world.actor(by), world.accounts[name].id, verbs, AT)


def test_each_verb_is_in_one_group() -> None:
    grouped = [verb for _label, verbs in VERB_GROUPS for verb in verbs]
    assert sorted(grouped) == sorted(Verb) and set(VERB_GROUPS[-1][1]) == BASIC


def test_a_main_account_can_give_what_it_has_or_hands_out() -> None:
    assert Verb.VISIT_MAKE not in GRANTS[Role.MAINTENANCE_HEAD] and Verb.VISIT_MAKE in givable({Role.MAINTENANCE_HEAD})
    assert Verb.APPLICATION_DECIDE not in givable({Role.MAINTENANCE_HEAD})
    assert givable({Role.CLERK}) == GRANTS[Role.CLERK]


def test_only_what_is_ticked_is_left_and_what_all_have_stays(session: Any, world: World) -> None:
    tick(session, world, "clerk", "elevator.read", "order.read")
    me = world.actor("clerk")
    assert me.verbs == BASIC | {Verb.ELEVATOR_READ, Verb.ORDER_READ}
    assert all(me.may(verb) is (verb in me.verbs) for verb in Verb)
    with pytest.raises(NotAllowed, match="没有授予本账号"):
        require(me, Verb.CONTRACT_EDIT)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.rights")).one()
    assert entry.after == {"rights": ["elevator.read", "order.read"]} and "contract.edit" in entry.before["rights"]


def test_none_ticked_is_none_and_all_ticked_is_the_role(session: Any, world: World) -> None:
    tick(session, world, "clerk")
    assert world.actor("clerk").verbs == BASIC
    account = tick(session, world, "clerk", *(granted({Role.CLERK}) - BASIC))
    assert account.ticked is None and world.actor("clerk").verbs == GRANTS[Role.CLERK]


@pytest.mark.parametrize("verb", ["application.decide", "audit.read", "ops", "account.create", "subaccount.edit"])
def test_no_right_that_giver_or_role_lacks(session: Any, world: World, verb: str) -> None:
    with pytest.raises(NotAllowed, match="不能授予") as refused:
        tick(session, world, "clerk", "elevator.read", verb)
    assert {f.field for f in refused.value.findings} == {"verb"}
    session.refresh(world.accounts["clerk"])
    assert world.accounts["clerk"].ticked is None


def test_a_word_that_is_no_right_is_refused(session: Any, world: World) -> None:
    with pytest.raises(Refusal, match="没有权限 everything"):
        tick(session, world, "clerk", "everything")


@pytest.mark.parametrize("by", ["clerk", "worker", "region_admin", "platform_admin", "other_head", "use_head"])
def test_nobody_but_the_own_main_account_ticks(session: Any, world: World, by: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        tick(session, world, "worker", "elevator.read", by=by)
    with pytest.raises((NotAllowed, NotFound)), transaction(session):
        sub_rights.set_roles(session, world.actor(by), world.accounts["worker"].id, ["clerk"], None, AT)


def test_a_main_account_does_not_tick_for_itself(session: Any, world: World) -> None:
    with pytest.raises(NotAllowed):
        tick(session, world, "maintenance_head", "elevator.read")


def give(session: Any, account: Account, *roles: Role) -> None:
    account.roles = list(session.scalars(select(AccountRole).where(AccountRole.name.in_([r.value for r in roles]))))
    session.commit()


def test_what_the_giver_loses_the_receiver_loses_at_once(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    tick(session, world, "clerk", "contract.edit", "elevator.read")
    give(session, head, Role.WORKER)
    assert world.actor("clerk").verbs == BASIC | {Verb.ELEVATOR_READ}
    give(session, head, Role.MAINTENANCE_HEAD)
    assert Verb.CONTRACT_EDIT in world.actor("clerk").verbs


def test_an_ended_giver_has_nothing_left_to_give(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    head.active = False
    session.commit()
    assert world.actor("worker").verbs == BASIC
    head.active, head.locked_until = True, AT
    session.commit()
    assert world.actor("worker").verbs == GRANTS[Role.WORKER]


def test_an_unapproved_units_sub_account_has_no_more_than_its_main_account(session: Any, world: World) -> None:
    world.accounts["maintenance_head"].self_registered = True
    world.firm.approved_version = 0
    session.commit()
    assert world.actor("clerk").verbs <= GRANTS[Role.APPLICANT]


def test_a_giver_of_another_unit_gives_and_takes_nothing(session: Any, world: World) -> None:
    world.accounts["clerk"].parent_user_id = world.accounts["region_admin"].id
    session.commit()
    assert world.actor("clerk").verbs == GRANTS[Role.CLERK]


def test_words_of_an_older_release_grant_nothing(session: Any, world: World) -> None:
    world.accounts["clerk"].ticked = " elevator.read no.such.right ops "
    session.commit()
    assert world.actor("clerk").verbs == BASIC | {Verb.ELEVATOR_READ}


def test_whoever_has_not_the_right_is_not_asked_to_use_it(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"].id
    assert clerk in outbox.accounts_of_unit(session, world.firm.id, Verb.CONTRACT_EDIT)
    tick(session, world, "clerk", "contract.read")
    assert clerk not in outbox.accounts_of_unit(session, world.firm.id, Verb.CONTRACT_EDIT)
    assert clerk in outbox.accounts_of_unit(session, world.firm.id, Verb.CONTRACT_READ)


def test_finished_exports_are_of_the_rights_they_were_made_with(session: Any, world: World) -> None:
    before = rights_of(session, world.actor("clerk"))
    tick(session, world, "clerk", "elevator.read", "export")
    assert rights_of(session, world.actor("clerk")) != before


@pytest.mark.feature("ACC-13", "ACC-15")
def test_several_roles_of_one_and_the_sessions_end(session: Any, world: World) -> None:
    clerk = tick(session, world, "clerk", "elevator.read")
    epoch = clerk.session_epoch
    with transaction(session):
        sub_rights.set_roles(session, world.actor("maintenance_head"), clerk.id, ["clerk", "worker"], None, AT)
    assert {r.name for r in clerk.roles} == {"clerk", "worker"} and clerk.session_epoch == epoch + 1
    assert session.get(Person, clerk.person_id).unit_id == world.firm.id
    # The new role's own rights are ticked with it; what had been taken away stays away.
    more = {Verb.ELEVATOR_READ, Verb.VISIT_MAKE, Verb.OWN_CERTIFICATE, Verb.REPAIR_DO}
    assert world.actor("clerk").verbs == BASIC | more
    with transaction(session):
        sub_rights.set_roles(session, world.actor("maintenance_head"), clerk.id, ["clerk"], None, AT)
    assert world.actor("clerk").verbs == BASIC | {Verb.ELEVATOR_READ}


@pytest.mark.feature("ACC-13")
@pytest.mark.parametrize("roles", [[], ["maintenance_head"], ["inspector"], ["clerk", "platform_admin"], ["nothing"]])
def test_no_role_beyond_the_givers(session: Any, world: World, roles: list[str]) -> None:
    with pytest.raises(Refusal) as refused, transaction(session):
        sub_rights.set_roles(session, world.actor("maintenance_head"), world.accounts["clerk"].id, roles, None, AT)
    assert {f.field for f in refused.value.findings} == {"role"}


@pytest.mark.feature("ACC-12")
def test_a_role_in_a_rescue_is_kept_and_named(session: Any, world: World) -> None:
    me, clerk = world.actor("maintenance_head"), world.accounts["clerk"]
    with transaction(session):
        sub_accounts.edit(session, me, clerk.id, name="文员", sex="", active=True, rescue_role="duty", at=AT)
    assert clerk.rescue_role == "duty"
    with pytest.raises(Refusal, match="应急角色"), transaction(session):
        sub_accounts.edit(session, me, clerk.id, name="文员", sex="", active=True, rescue_role="king", at=AT)
