"""An invitee enters his data and is taken on: who may, as what, and once."""

from __future__ import annotations

import datetime as dt
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.security import check_password_hash

from app import clock
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.extensions import db
from app.models import Account, Attachment, AuditEntry, Consent, Invitation, Person, StatusChange
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.core.actors import actor_of
from app.workflows.files import attachments
from app.workflows.handover import leaving
from app.workflows.on_site import presence
from app.workflows.people import invitations, joining, taking_on
from app.workflows.people.joining import Upload
from tests.factories import World, make_account, make_person, make_policy
from tests.workflows.invitations.ground import AT, FORM, PHONE, fill_in, handed_in, invite, pictures


def take_on(session: Any, me: Any, row: Invitation, with_account: bool = True) -> Person:
    with transaction(session):
        return taking_on.end(session, me, row.id, row.row_version, with_account, AT)


@pytest.mark.feature("PER-02")
def test_the_invitee_enters_his_own_data_and_becomes_a_person(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = handed_in(session, head, with_account=True)
    assert row.state == "review" and row.name == "何一凡" and row.certificate_no == "T980001"
    person = take_on(session, head, row)
    assert (person.name, person.unit_id, person.kind, person.phone) == ("何一凡", world.firm.id, "worker", PHONE)
    assert (person.resident_id, person.certificate_until) == (FORM["resident_id"], dt.date(2029, 1, 1))
    assert person.hired_on == clock.local_day(row.decided_at)
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one()
    assert [r.name for r in account.roles] == ["worker"] and account.phone == PHONE and not account.is_main
    assert check_password_hash(account.password, FORM["password"]) and not account.must_change_password
    files = session.scalars(select(Attachment).where(Attachment.entity == "person")).all()
    assert {f.kind for f in files} == {"identity", "face"} and {f.entity_id for f in files} == {person.id}
    given = session.scalars(select(Consent)).one()
    assert (given.person_id, given.purpose, given.given_by_id) == (person.id, "face", None)
    # Kept twice it would have to be forgotten twice.
    assert row.state == "ended" and row.resident_id is None and row.password_hash is None
    steps = session.scalars(select(StatusChange.new).where(StatusChange.entity == "invitation")).all()
    assert steps == ["draft", "review", "ended"]
    log = " ".join(str(e.after) + str(e.before) for e in session.scalars(select(AuditEntry)))
    assert FORM["resident_id"] not in log and PHONE not in log and FORM["password"] not in log


@pytest.mark.feature("PER-02", "ACC-09")
def test_whom_a_manager_takes_on_may_do_his_work_and_stays_when_the_manager_goes(
    session: Any, world: World, manager: Any
) -> None:
    session.get(Account, manager.user_id).parent_user_id = world.accounts["maintenance_head"].id
    session.commit()
    person = take_on(session, manager, handed_in(session, manager, with_account=True))
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one()
    for still_here in (True, False):
        session.get(Account, manager.user_id).active = still_here
        session.commit()
        session.expire_all()
        assert actor_of(account).may(Verb.VISIT_MAKE) and actor_of(account).may(Verb.ORDER_READ)


@pytest.mark.feature("PER-02")
def test_a_face_may_be_declined(session: Any, world: World) -> None:
    row = invite(session, world.actor("maintenance_head")).invitation
    with transaction(session):
        joining.accept(session, row.id, AT, None)
    with pytest.raises(Refusal) as refused, transaction(session):
        joining.submit(session, row.id, FORM, pictures("identity"), AT, None)
    assert [f.field for f in refused.value.findings] == ["face"] and "不提供人脸照片" in str(refused.value)
    with transaction(session):
        joining.submit(session, row.id, FORM | {"face_declined": "1"}, pictures("identity"), AT, None)
    assert row.face_declined and set(joining.pictures_of(session, row)) == {"identity"}


@pytest.mark.feature("PER-02")
def test_wrong_data_is_told_at_once_and_keeps_nothing(session: Any, world: World) -> None:
    row = invite(session, world.actor("maintenance_head"), with_account=True).invitation
    with transaction(session):
        joining.accept(session, row.id, AT, None)
    wrong = FORM | {
        "name": " ", "resident_id": "98040219900307233X", "sex": "", "certificate_until": "2026-03-19",
        "certificate_issued_on": "x", "certificate_no": "", "password": "1", "again": "2",
    }  # fmt: skip
    with pytest.raises(Refusal) as refused, transaction(session):
        joining.submit(session, row.id, wrong, [], AT, None)
    fields = {f.field for f in refused.value.findings}
    assert fields == {
        "name", "resident_id", "sex", "certificate_until", "certificate_issued_on", "certificate_no", "password",
        "again", "identity", "face",
    }  # fmt: skip
    assert row.state == "draft" and row.resident_id is None
    with pytest.raises(Refusal, match="身份证正面照"), transaction(session):
        bad = [Upload("identity", "x.png", io.BytesIO(b"<svg>")), *pictures("face")]
        joining.submit(session, row.id, FORM, bad, AT, None)


@pytest.mark.feature("PER-01", "PER-02")
def test_rejected_is_filled_in_again(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = handed_in(session, head)
    first = {f.id for f in session.scalars(select(Attachment))}
    with pytest.raises(Refusal, match="没有填写"), transaction(session):
        invitations.reject(session, head, row.id, " ", row.row_version, AT)
    seen = row.row_version
    with transaction(session):
        invitations.reject(session, head, row.id, "照片不清楚", seen, AT)
    assert (row.state, row.opinion) == ("rejected", "照片不清楚")
    fill_in(session, row)
    assert row.state == "review" and row.opinion is None
    # The new pictures took the place of the old ones.
    now = {f.id for f in session.scalars(select(Attachment))}
    assert len(now) == 2 and not now & first
    with pytest.raises(Stale), transaction(session):
        taking_on.end(session, head, row.id, seen, True, AT)


@pytest.mark.feature("PER-01")
def test_cancelling_forgets_what_was_entered(session: Any, world: World, tmp_path: Path) -> None:
    head = world.actor("maintenance_head")
    row = handed_in(session, head)
    kept = [attachments.path(None, f) for f in session.scalars(select(Attachment))]
    assert all(p.is_file() for p in kept)
    with transaction(session):
        invitations.cancel(session, head, row.id, AT)
    assert row.state == "cancelled" and row.resident_id is None and row.token_hash is None
    assert session.scalar(select(Attachment)) is None and not any(p.exists() for p in kept)
    with pytest.raises(Refusal), transaction(session):
        invitations.cancel(session, head, row.id, AT)


@pytest.mark.feature("PER-04")
def test_nobody_joins_who_has_not_left(session: Any, world: World) -> None:
    head, other = world.actor("maintenance_head"), world.actor("other_head")
    row = handed_in(session, head, with_account=True)
    person = take_on(session, head, row)
    again = handed_in(session, other, with_account=True)
    with pytest.raises(Refusal) as refused:
        take_on(session, other, again)
    assert {f.rule for f in refused.value.findings} == {"一人一企", "手机号码"}
    assert world.firm.name not in str(refused.value) and again.state == "review"
    with transaction(session):
        leaving.leave(session, head, person.id, AT.date(), AT)
    moved = take_on(session, other, again)
    accounts = session.scalars(select(Account).where(Account.person_id.in_([person.id, moved.id]))).all()
    # The number goes with the human; the ended account stays for what it did.
    assert [(a.person_id, a.active, a.phone) for a in sorted(accounts, key=lambda a: a.id)] == [
        (person.id, False, None), (moved.id, True, PHONE)
    ]  # fmt: skip


@pytest.mark.feature("PER-01", "ACC-08")
def test_the_units_limit_of_accounts_holds(session: Any, world: World) -> None:
    make_policy(session, "sub_accounts", 2)
    session.commit()
    head = world.actor("maintenance_head")
    row = handed_in(session, head, with_account=True)
    with pytest.raises(Refusal, match="最多 2 个"):
        take_on(session, head, row)
    assert row.state == "review" and session.scalar(select(Person).where(Person.name == "何一凡")) is None
    # Without an account he may come all the same.
    assert take_on(session, head, row, with_account=False).unit_id == world.firm.id


@pytest.mark.feature("PER-01", "ACC-13")
def test_nobody_opens_an_account_that_he_may_not_give(session: Any, world: World, manager: Any) -> None:
    row = handed_in(session, manager, kind="clerk", with_account=True)
    with pytest.raises(Refusal, match="不能开通"):
        take_on(session, manager, row)
    person = take_on(session, world.actor("maintenance_head"), row)
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one()
    assert [r.name for r in account.roles] == ["clerk"] and account.sees_all_elevators


@pytest.mark.feature("PER-01")
def test_a_maintenance_firm_invites_its_use_units_people_but_makes_no_account(
    session: Any, world: World, manager: Any
) -> None:
    """Else a firm made itself the accounts that review its visits."""
    me = world.actor("clerk")
    names = [u.name for u in invitations.units_to_invite_for(session, me)]
    assert names == [world.firm.name, world.use_unit.name]
    row = invite(session, me, unit_id=world.use_unit.id, kind="safety_officer", with_account=True).invitation
    # The unit has its own head: it decides.
    with pytest.raises(NotAllowed), transaction(session):
        invitations.approve(session, manager, row.id, AT)
    with transaction(session):
        invitations.approve(session, world.actor("use_head"), row.id, AT)
    world.accounts["use_head"].is_main = False
    session.commit()
    with transaction(session):
        joining.accept(session, row.id, AT, None)
    fill_in(session, row)
    # Now nobody of the unit has an account: the firm may take the person in, without one.
    with pytest.raises(Refusal, match="不能开通"):
        take_on(session, manager, row)
    person = take_on(session, manager, row, with_account=False)
    assert person.unit_id == world.use_unit.id
    assert session.scalar(select(Account).where(Account.person_id == person.id)) is None


@pytest.mark.feature("PER-01")
def test_the_district_creates_the_first_clerk_only(session: Any, world: World) -> None:
    admin = world.actor("region_admin")
    with pytest.raises(Refusal, match="已有文员账号"):
        invite(session, admin, unit_id=world.firm.id, kind="clerk")
    world.accounts["clerk"].active = False
    session.commit()
    with pytest.raises(Refusal, match="没有这类人员"):
        invite(session, admin, unit_id=world.firm.id, kind="worker")
    with pytest.raises(NotFound):
        invite(session, admin, unit_id=world.other_firm.id, kind="clerk")
    made = invite(session, admin, unit_id=world.firm.id, kind="clerk")
    assert made.token is not None and made.invitation.with_account
    with transaction(session):
        joining.accept(session, made.invitation.id, AT, None)
    row = fill_in(session, made.invitation)
    person = take_on(session, admin, row)
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one()
    assert [r.name for r in account.roles] == ["clerk"] and account.unit_id == world.firm.id


@pytest.mark.feature("PER-01")
def test_another_units_invitation_is_not_there(session: Any, world: World) -> None:
    row = invite(session, world.actor("maintenance_head")).invitation
    for persona in ("other_head", "other_inspector", "use_head"):
        me = world.actor(persona)
        for deed in (
            lambda me=me: invitations.new_link(session, me, row.id, AT),
            lambda me=me: invitations.cancel(session, me, row.id, AT),
            lambda me=me: invitations.reject(session, me, row.id, "x", 1, AT),
            lambda me=me: taking_on.end(session, me, row.id, 1, True, AT),
        ):  # fmt: skip
            with pytest.raises(NotFound), transaction(session):
                deed()


@pytest.mark.feature("PER-01")
def test_one_invitee_is_taken_on_once(app: Any, session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = handed_in(session, head)
    key, version, done = row.id, row.row_version, []
    session.commit()
    start = threading.Barrier(2)

    def end() -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction(db.session) as own:
                    taking_on.end(own, head, key, version, False, AT)
                done.append("ended")
            except Refusal as refusal:
                done.append(str(refusal))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=end) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    session.rollback()
    assert sorted(d == "ended" for d in done) == [False, True]
    assert len(session.scalars(select(Person).where(Person.name == "何一凡")).all()) == 1


@pytest.mark.feature("PER-04")
def test_a_signed_in_person_is_known_by_his_bound_phone(session: Any, world: World) -> None:
    row = invite(session, world.actor("maintenance_head")).invitation
    person = make_person(session, world.other_firm)
    mine = make_account(session, Role.WORKER, unit=world.other_firm, person=person, phone=PHONE)
    session.commit()
    from tests.factories import actor

    assert joining.is_own(session, actor(mine), row)
    assert not joining.is_own(session, world.actor("other_worker"), row)


@pytest.mark.feature("ACC-13", "ACC-14")
def test_a_head_who_maintains_has_one_account_with_both_roles(session: Any, world: World, manager: Any) -> None:
    """负责人兼维保员: the desk of the head and the worker's check-in; sub-accounts stay the main account's."""
    row = handed_in(session, world.actor("maintenance_head"), kind="head_worker", with_account=True)
    with pytest.raises(Refusal, match="维保单位负责人、维保员"):
        take_on(session, manager, row)
    person = take_on(session, world.actor("maintenance_head"), row)
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one()
    both, main = actor_of(account), world.actor("maintenance_head")
    assert {r.name for r in account.roles} == {"maintenance_head", "worker"} and account.sees_all_elevators
    for verb in (Verb.VISIT_MAKE, Verb.CONTRACT_EDIT, Verb.VISIT_APPROVE, Verb.OWN_CERTIFICATE):
        assert both.may(verb), verb
    assert not both.may(Verb.SUBACCOUNT_EDIT) and main.may(Verb.SUBACCOUNT_EDIT) and not main.may(Verb.VISIT_MAKE)

    def stops(who: Any) -> set[str]:
        _found, told = presence.gate(session, who, world.own.code, presence.Position(30.5, 120.5), AT)
        return {f.rule for f in told if f.stops}

    assert "主账号不允许进行维保作业,请切换为子账号操作" in stops(main)
    assert not stops(both) & {"主账号不允许进行维保作业,请切换为子账号操作", "没有作业人员证", "无电梯权限"}


@pytest.mark.feature("ACC-13")
def test_a_head_who_maintains_needs_the_certificate(session: Any, world: World) -> None:
    row = invite(session, world.actor("maintenance_head"), kind="head_worker").invitation
    with transaction(session):
        joining.accept(session, row.id, AT, None)
    with pytest.raises(Refusal, match="按特种设备作业人员证填写"):
        fill_in(session, row, certificate_no="")
