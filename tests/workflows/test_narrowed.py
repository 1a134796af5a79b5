"""A sub-account with some of its unit's elevators, an officer without 涉密, a role without the right to read: each
gets what is his and nothing beside it, by whatever way it would come."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed, NotFound
from app.models import (
    Application,
    Attachment,
    ContractElevator,
    ElevatorAssignment,
    Notification,
)
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.contracts import contracts
from app.workflows.core import outbox
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.on_site import presence
from app.workflows.on_site.presence import Position
from tests import factories as make
from tests.workflows.filing_world import AT, TODAY


class Two:
    """Two elevators of one firm under one contract; the clerk and the worker are assigned the first."""

    def __init__(self, session: Any, world: make.World) -> None:
        self.session, self.world = session, world
        self.mine = world.own
        self.other = make.make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
        self.contract = make.make_contract(session, world.firm, [self.mine, self.other])
        self.account = make.make_account(session, Role.CLERK, unit=world.firm, sees_all_elevators=False)
        self.safety = make.make_account(session, Role.SAFETY_OFFICER, unit=world.use_unit, sees_all_elevators=False)
        session.flush()
        for account in (self.account, self.safety):
            session.add(ElevatorAssignment(user_id=account.id, elevator_id=self.mine.id))
        session.commit()
        self.clerk = make.actor(self.account)


@pytest.fixture
def two(session: Any, world: make.World) -> Two:
    return Two(session, world)


def suspend(session: Any, actor: Any, elevator: Any) -> Application:
    with scope.acting(actor), transaction(session):
        return applications.apply(
            session, actor, "suspension", elevator, effective_on=TODAY, reason="楼宇改造", at=AT
        )


@pytest.mark.feature("ACC-10")
def test_applications_of_others_elevators_are_not_seen(session: Any, two: Two) -> None:
    head, narrow = two.world.actor("use_head"), make.actor(two.safety)
    seen, hidden = suspend(session, head, two.mine), suspend(session, head, two.other)
    assert scope.visible(session, narrow, Application, seen.id)
    with pytest.raises(NotFound):
        scope.visible(session, narrow, Application, hidden.id)
    with scope.acting(narrow), pytest.raises(NotFound), transaction(session):
        applications.withdraw(session, narrow, hidden.id, AT)


@pytest.mark.feature("ACC-10")
def test_the_contract_shows_the_assigned_elevators_only(session: Any, two: Two) -> None:
    bound = select(ContractElevator.elevator_id).where(ContractElevator.contract_id == two.contract.id)
    assert set(session.scalars(scope.apply(bound, two.clerk, ContractElevator))) == {two.mine.id}
    assert len(set(session.scalars(scope.apply(bound, two.world.actor("maintenance_head"), ContractElevator)))) == 2


@pytest.mark.feature("ACC-10")
def test_nor_does_a_narrowed_clerk_move_the_others(session: Any, two: Two) -> None:
    key = two.contract.id
    with scope.acting(two.clerk):
        for deed in (
            lambda: contracts.unbind(session, two.clerk, key, [two.other.id], AT),
            lambda: contracts.unbind(session, two.clerk, key, [two.mine.id, two.other.id], AT),
            lambda: contracts.save(session, two.clerk, two.contract, {"ends_on": TODAY}, AT),
            lambda: contracts.renew(session, two.clerk, key, {"signed_on": TODAY}, AT),
        ):
            with pytest.raises(NotAllowed, match="1 台电梯没有分配给您"), transaction(session):
                deed()
        with transaction(session):
            assert contracts.unbind(session, two.clerk, key, [two.mine.id], AT) == 1
    with transaction(session):
        assert contracts.unbind(session, two.world.actor("maintenance_head"), key, [two.other.id], AT) == 1


# --- 涉密


@pytest.mark.feature("ELV-03")
def test_a_contract_names_no_secret_elevator(session: Any, two: Two) -> None:
    two.other.is_secret = True
    session.commit()
    bound = select(ContractElevator.elevator_id).where(ContractElevator.contract_id == two.contract.id)
    for persona, seen in (("inspector", 1), ("region_admin", 2), ("maintenance_head", 2)):
        found = session.scalars(scope.apply(bound, two.world.actor(persona), ContractElevator)).all()
        assert len(found) == seen, persona


@pytest.mark.feature("ELV-03")
@pytest.mark.parametrize("secret", [True, False])
def test_officers_without_the_right_are_told_nothing(session: Any, two: Two, secret: bool) -> None:
    two.other.is_secret = secret
    session.commit()
    suspend(session, two.world.actor("use_head"), two.other)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "approval")))
    accounts = two.world.accounts
    assert accounts["region_admin"].id in told
    assert (accounts["inspector"].id in told) is not secret


@pytest.mark.feature("ELV-03")
def test_an_office_of_inspectors_alone_passes_it_on(session: Any, two: Two) -> None:
    """Nobody of the district may know: the city's administrator is told."""
    above = make.make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    two.world.accounts["region_admin"].active = False
    session.commit()
    assert outbox.officers_of(session, "980402000000", secret=True) == [above.id]


@pytest.mark.feature("MNT-01")
def test_the_gate_tells_a_stranger_nothing_of_the_elevator(session: Any, two: Two) -> None:
    worker = two.world.actor("other_worker")
    two.mine.status = "suspended"
    session.commit()
    now = clock.now()
    _found, findings = presence.gate(session, worker, two.mine.code, Position(30.9, 120.9), now)
    words = " ".join(f"{f.rule}{f.found}{f.remedy}" for f in findings)
    assert "没有分配给您" in words
    for leak in ("停用", "米", "合同", two.mine.address):
        assert leak not in words, leak
    _found, own = presence.gate(session, two.world.actor("worker"), two.mine.code, Position(30.9, 120.9), now)
    assert "停用" in " ".join(f.found for f in own)


# --- files


def stored(two: Two, who: str, kind: str, entity: str, key: int) -> Attachment:
    actor = two.world.actor(who)
    with transaction(two.session):
        return attachments.store(
            two.session, actor, AT, io.BytesIO(b"%PDF-1.7 x"), "件.pdf", kind, entity, key, actor.unit_id,
            actor.region_code or two.world.firm.region_code,
        )  # fmt: skip


@pytest.mark.feature("UNT-04")
@pytest.mark.parametrize(
    ("entity", "refused", "given"),
    [
        ("contract", ["worker"], ["clerk", "maintenance_head", "inspector"]),
        ("unit", ["worker"], ["clerk", "inspector"]),
        ("person", ["worker"], ["clerk"]),
        ("unheard_of", ["worker", "clerk", "inspector"], ["maintenance_head"]),
    ],
)
def test_a_file_needs_the_right_to_read_its_row(
    session: Any, two: Two, entity: str, refused: list[str], given: list[str]
) -> None:
    # One's own papers need no right over others': the person here is another one.
    keys = {"contract": two.contract.id, "person": two.world.other_worker.id}
    key = keys.get(entity, two.world.firm.id)
    row = stored(two, "maintenance_head", "document", entity, key)
    for persona in refused:
        with pytest.raises(NotAllowed):
            attachments.for_download(session, two.world.actor(persona), row.id)
    for persona in given:
        assert attachments.for_download(session, two.world.actor(persona), row.id).id == row.id


@pytest.mark.feature("ELV-02")
def test_an_export_ends_with_the_rights_it_was_made_for(session: Any, two: Two) -> None:
    made = stored(two, "clerk", "export", "job", 1)
    account = two.world.accounts["clerk"]

    def fetch() -> Any:
        return attachments.for_download(session, make.actor(account), made.id)

    assert fetch().id == made.id
    account.sees_all_elevators = False
    session.commit()
    with pytest.raises(NotAllowed, match="权限已变，请重新导出"):
        fetch()
    account.sees_all_elevators = True
    session.commit()
    assert fetch().id == made.id
    roles = account.roles
    account.roles = two.world.accounts["maintenance_head"].roles
    session.commit()
    with pytest.raises(NotAllowed):
        fetch()
    account.roles = roles
    session.commit()
    account.region_code = "980403000000"
    session.commit()
    with pytest.raises(NotAllowed):
        fetch()


@pytest.mark.feature("ELV-02")
def test_one_elevator_less_is_another_scope(session: Any, two: Two) -> None:
    before = attachments.rights_of(session, two.clerk)
    session.add(ElevatorAssignment(user_id=two.account.id, elevator_id=two.other.id))
    session.commit()
    assert attachments.rights_of(session, two.clerk) != before


@pytest.mark.feature("ACC-10")
def test_whoever_is_told_may_open_it(session: Any, two: Two) -> None:
    """A narrowed sub-account hears of its own elevators only; a worker, who reads no applications, of none."""
    world = two.world
    officer = world.actor("inspector")
    for elevator in (two.mine, two.other):
        row = suspend(session, world.actor("use_head"), elevator)
        with scope.acting(officer), transaction(session):
            applications.decide(session, officer, row.id, "approve", "", row.row_version, AT)
        notices = select(Notification.recipient_id).where(Notification.link == f"/applications/{row.id}")
        told = set(session.scalars(notices))
        assert (two.safety.id in told) is (elevator is two.mine)
        for key in told:
            account = session.get(type(two.safety), key)
            actor = make.actor(account)
            assert actor.may(Verb.APPLICATION_READ), account
            assert scope.visible(session, actor, Application, row.id)


@pytest.mark.feature("ACC-10")
def test_a_review_is_asked_of_those_who_may_give_it(session: Any, two: Two) -> None:
    found = outbox.readers_of(session, two.world.use_unit.id, Verb.VISIT_REVIEW, two.other.id)
    assert two.safety.id not in found and two.world.accounts["use_head"].id in found
    assert two.safety.id in outbox.readers_of(session, two.world.use_unit.id, Verb.VISIT_REVIEW, two.mine.id)
    assert outbox.readers_of(session, None, Verb.VISIT_REVIEW, two.mine.id) == []
