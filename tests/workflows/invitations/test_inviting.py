"""Invitations made, approved, renewed and refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Notification
from app.transaction import transaction
from app.workflows.people import invitations, joining
from tests.factories import World
from tests.workflows.invitations.ground import AT, DAY, invite


@pytest.mark.feature("PER-01")
def test_the_manager_approves_before_there_is_a_link(session: Any, world: World, manager: Any) -> None:
    made = invite(session, world.actor("clerk"))
    assert made.token is None and made.invitation.token_hash is None
    told = session.scalars(select(Notification.recipient_id).where(Notification.topic == "invitation")).all()
    assert set(told) == {manager.user_id, world.accounts["maintenance_head"].id}
    with pytest.raises(NotAllowed), transaction(session):
        invitations.approve(session, world.actor("clerk"), made.invitation.id, AT)
    with pytest.raises(Refusal), transaction(session):
        joining.accept(session, made.invitation.id, AT, None)
    with transaction(session):
        token = invitations.approve(session, manager, made.invitation.id, AT).token
    assert token is not None and len(token) == 43 and token not in str(vars(made.invitation))
    assert joining.by_token(session, token, AT) is made.invitation
    assert joining.by_token(session, token, AT + 7 * DAY) is None
    assert joining.by_token(session, token[:-1] + "x", AT) is None
    with pytest.raises(Refusal, match="已经审批过"), transaction(session):
        invitations.approve(session, manager, made.invitation.id, AT)


@pytest.mark.feature("PER-01")
def test_a_new_link_ends_the_old_one(session: Any, world: World, manager: Any) -> None:
    made = invite(session, manager)
    with transaction(session):
        new = invitations.new_link(session, world.actor("clerk"), made.invitation.id, AT)
    assert joining.by_token(session, made.token or "", AT) is None
    assert joining.by_token(session, new.token or "", AT) is not None


@pytest.mark.feature("PER-01")
def test_wrong_invitations_are_refused_with_all_that_is_wrong(session: Any, world: World) -> None:
    me = world.actor("clerk")
    with pytest.raises(Refusal) as refused:
        invite(session, me, name="", phone="1", kind="safety_officer")
    assert {f.field for f in refused.value.findings} == {"name", "phone", "kind"}
    invite(session, me)
    with pytest.raises(Refusal, match="已有办理中的邀请（何一帆）"):
        invite(session, me)
    with pytest.raises(Refusal, match="已是本单位人员 王砚秋"):
        invite(session, me, phone=world.worker.phone)
    # Another unit's people are none of the answer.
    invite(session, me, phone=world.other_worker.phone)
    with pytest.raises(NotFound):
        invite(session, me, unit_id=world.other_firm.id, phone="13911113333")
    with pytest.raises(NotAllowed):
        invite(session, world.actor("worker"), phone="13911113333")


@pytest.mark.feature("PER-01")
def test_nobody_is_pestered(session: Any, world: World, manager: Any) -> None:
    for _n in range(5):
        made = invite(session, manager)
        with transaction(session):
            invitations.cancel(session, manager, made.invitation.id, AT)
    with pytest.raises(Refusal, match="过多"):
        invite(session, world.actor("other_head"), kind="worker")
