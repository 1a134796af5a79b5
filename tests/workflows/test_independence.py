"""Two accounts of one person approve nothing: made by the applicant, made him, or with a password he set."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import scope
from app.errors import NotAllowed
from app.models import Unit
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import accounts, issuing
from app.workflows.core import independence
from tests import factories as make
from tests.workflows.filing_world import AT, decide, save, submit, unit_data

pytestmark = pytest.mark.feature("LIF-07")
DISTRICT = "980402000000"


def officer(session: Any, parent: Any = None, role: Role = Role.INSPECTOR) -> Any:
    row = make.make_account(session, role, region_code=DISTRICT, parent_user_id=parent.id if parent else None)
    session.commit()
    return row


def filed(world: make.World, by: Any) -> Any:
    applicant = make.actor(by)
    row = save(world.session, applicant, Unit, None, unit_data(world.session))
    return submit(world.session, applicant, row)


def test_an_account_that_the_applicant_made_does_not_decide(session: Any, world: make.World) -> None:
    admin = world.accounts["region_admin"]
    application = filed(world, admin)
    child = officer(session, admin, Role.REGION_ADMIN)
    for puppet in (child, officer(session, child)):
        with pytest.raises(NotAllowed, match="您与申请人的账号，一个由另一个建立"):
            decide(session, make.actor(puppet), application, "approve")
    decide(session, make.actor(officer(session)), application, "approve")


def test_nor_does_whoever_made_the_applicant(session: Any, world: make.World) -> None:
    above = world.accounts["region_admin"]
    application = filed(world, officer(session, officer(session, above, Role.REGION_ADMIN), Role.REGION_ADMIN))
    with pytest.raises(NotAllowed, match="您与申请人的账号，一个由另一个建立"):
        decide(session, make.actor(above), application, "approve")


def test_the_officer_who_made_a_units_main_account_decides_what_it_files(session: Any, world: make.World) -> None:
    admin = world.accounts["region_admin"]
    head = make.make_account(session, Role.USE_HEAD, unit=world.use_unit, parent_user_id=admin.id)
    session.commit()
    actor = make.actor(head)
    row = save(session, actor, Unit, world.use_unit, {"head_name": "陆闻笙"})
    assert decide(session, make.actor(admin), submit(session, actor, row), "approve").state == "approved"


@pytest.mark.parametrize("before", [True, False])
def test_a_password_that_the_applicant_set(session: Any, world: make.World, before: bool) -> None:
    admin, other = world.accounts["region_admin"], officer(session)

    def reset(by: Any, at: dt.datetime = AT) -> None:
        acting = make.actor(by)
        with scope.acting(acting), transaction(session):
            accounts.reset_password(session, acting, other.id, at)

    if before:
        reset(admin, AT - dt.timedelta(seconds=1))
    application = filed(world, admin)
    if not before:
        reset(admin)
    with pytest.raises(NotAllowed, match="密码由另一个重置过"):
        decide(session, make.actor(other), application, "approve")
    reset(world.accounts["platform_admin"])
    if before:  # another set it since, and before the filing it was nobody's business
        decide(session, make.actor(other), application, "approve")
    else:
        with pytest.raises(NotAllowed, match="密码由另一个重置过"):
            decide(session, make.actor(other), application, "approve")


def test_a_phone_that_the_applicant_registered_lets_him_in(session: Any, world: make.World) -> None:
    """By it a new password is got, in the name of whose account it is."""
    admin, other = world.accounts["region_admin"], officer(session)
    acting = make.actor(admin)
    with scope.acting(acting), transaction(session):
        issuing.register_phone(session, acting, other, "13912345678", AT)
    application = filed(world, admin)
    with pytest.raises(NotAllowed, match="密码由另一个重置过"):
        decide(session, make.actor(other), application, "approve")
    decide(session, make.actor(officer(session)), application, "approve")


def test_a_ring_of_makers_ends(session: Any, world: make.World) -> None:
    one = officer(session)
    two = officer(session, one)
    one.parent_user_id = two.id
    session.commit()
    assert independence.party(session, one.id).makers == [two.id, one.id]
