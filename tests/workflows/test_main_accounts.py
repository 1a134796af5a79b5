"""Accounts of the rescue desk, of people who inspect and of stations: who makes them, with what, and what they do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, AuditEntry, Elevator, Notification, Unit
from app.models.unit import UNIT_KIND_NAMES
from app.permissions import ASSIGNABLE, GRANTS, KIND_ROLES, Actor, Role, Verb
from app.policy.keys import Key
from app.scope import apply
from app.transaction import transaction
from app.workflows.access import accounts, issuing, main_accounts, registration, signin, sub_accounts
from app.workflows.core import outbox
from app.workflows.core.actors import actor_of
from app.workflows.rescue import rescue_answers, rescue_desk, rescues
from tests.factories import World, make_account, make_elevator, make_policy, make_unit, region, uscc
from tests.workflows.inspection_world import enter

pytestmark = pytest.mark.feature("ACC-02", "ACC-13")
AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
CITY, STREET, ASIDE = "980400000000", "980402001000", "980403000000"
FORM = {"outcome": "entrapment", "cause": "door_vane", "trapped": "2", "injured": "0", "method": "level"}


def office(session: Any, giver: Actor, *roles: str, code: str = "980402000000", name: str = "zuoxi.01") -> Account:
    with transaction(session):
        return accounts.create_office_account(
            session, giver, login_name=name, name="林问", region_id=region(session, code).id, roles=roles, at=AT
        ).account


def main(session: Any, giver: Actor, kinds: list[str], unit: Unit | None = None, **more: Any) -> Account:
    given = {
        "unit_name": unit.name if unit else "澜州联升科技有限公司", "uscc": unit.uscc if unit else uscc(),
        "region_id": region(session).id, "head_name": "陆清和", "phone": "13900002222", "kinds": kinds, "at": AT,
    } | more  # fmt: skip
    with transaction(session):
        return main_accounts.create_main_account(session, giver, **given).account


def sub(session: Any, head: Account, *roles: str, name: str = "renyuan.01") -> Account:
    with transaction(session):
        return sub_accounts.add(session, actor_of(head), login_name=name, name="周舟", roles=roles, at=AT).account


def held(account: Account) -> set[str]:
    return {row.name for row in account.roles}


# --- the desk


@pytest.mark.parametrize("code", ["980402000000", STREET])
def test_a_regional_administrator_makes_an_operator_who_is_called_and_takes_calls(
    session: Any, world: World, code: str
) -> None:
    agent = office(session, world.actor("region_admin"), "rescue_agent", code=code)
    assert held(agent) == {"rescue_agent"} and agent.unit_id is None and agent.region_code == code
    who = actor_of(agent)
    assert who.may(Verb.RESCUE_DESK) and not who.may(Verb.APPLICATION_DECIDE)
    # A desk below is not called for the district, nor is the administrator where a desk is.
    called = outbox.desks_of(session, "980402000000", Verb.RESCUE_DESK)
    assert (agent.id in called) is (code != STREET)
    lift = make_elevator(session, maintenance_unit=world.firm, region_code=STREET)
    session.commit()
    with transaction(session):
        row = rescues.report(session, who, lift, source="call", at=AT, caller="顾女士", phone="13900001111")
        rescue_desk.dispatch(session, who, row.id, 1, AT)
    assert row.status == "dispatched" and row.taken_at == AT


@pytest.mark.parametrize("code", [CITY, ASIDE, "980000000000"])
def test_no_desk_above_or_aside(session: Any, world: World, code: str) -> None:
    with pytest.raises(Refusal, match="管辖范围"):
        office(session, world.actor("region_admin"), "rescue_agent", code=code)


@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "use_head", "clerk"])
def test_nobody_else_makes_them(session: Any, world: World, persona: str) -> None:
    for make in (lambda who: office(session, who, "rescue_agent"), lambda who: main(session, who, ["inspection"])):
        with pytest.raises(NotAllowed):
            make(world.actor(persona))


@pytest.mark.parametrize("role", ["tester", "rescuer", "unit_head", "platform_admin", "applicant", "safety_officer"])
def test_one_role_that_is_no_regions_spoils_them_all(session: Any, world: World, role: str) -> None:
    with pytest.raises(Refusal, match="不能授予"):
        office(session, world.actor("region_admin"), "rescue_agent", role)
    assert session.scalar(select(Account).where(Account.username == "zuoxi.01")) is None


def test_one_person_holds_several_and_they_change_like_others(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    both = office(session, giver, "inspector", "rescue_agent")
    assert held(both) == {"inspector", "rescue_agent"}
    assert actor_of(both).may(Verb.RESCUE_DESK) and actor_of(both).may(Verb.APPLICATION_DECIDE)
    epoch, here = both.session_epoch, region(session).id

    def change(*roles: str, who: str = "region_admin", region_id: int | None = None) -> Account:
        with transaction(session):
            return accounts.edit(
                session, world.actor(who), both.id, name="林问", region_id=region_id or here, roles=roles, at=AT
            )

    assert held(change("rescue_agent")) == {"rescue_agent"} and both.session_epoch == epoch + 1
    assert change("rescue_agent").session_epoch == epoch + 1  # the same is no change
    for roles in ((), ("tester",), ("rescue_agent", "maintenance_head")):
        with pytest.raises(Refusal):
            change(*roles)
    with pytest.raises(Refusal, match="管辖范围"):
        change("rescue_agent", region_id=region(session, CITY).id)
    with pytest.raises(NotAllowed):
        change("rescue_agent", who="inspector")
    kept = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.edit")).one()
    assert kept.before["roles"] == ["inspector", "rescue_agent"] and kept.after["roles"] == ["rescue_agent"]


def test_a_locked_operator_is_kept_out_and_comes_back(session: Any, world: World) -> None:
    giver, agent = world.actor("region_admin"), office(session, world.actor("region_admin"), "rescue_agent")
    agent.own_password("zuoxi-Mima.2026")
    session.commit()

    def comes_in() -> bool:
        with transaction(session):
            tried = signin.begin(session, agent.username, AT)
        with transaction(session):
            return signin.finish(session, tried, tried.matches("zuoxi-Mima.2026"), AT) is None

    assert comes_in()
    with transaction(session):
        accounts.lock_account(session, giver, agent.id, "调离", AT)
    assert not comes_in()
    with transaction(session):
        accounts.unlock_account(session, giver, agent.id, AT)
    assert comes_in()


# --- units of every kind


@pytest.mark.parametrize("kind", UNIT_KIND_NAMES)
def test_a_unit_of_every_kind_has_a_main_account_that_files_and_keeps_it(
    session: Any, world: World, kind: str
) -> None:
    account = main(session, world.actor("region_admin"), [kind])
    assert held(account) == {role.value for role in KIND_ROLES[kind]} and account.is_main
    assert account.unit.kinds == [kind]
    who = actor_of(account)
    for verb in (Verb.UNIT_READ, Verb.UNIT_EDIT, Verb.FILING_SUBMIT, Verb.APPLICATION_READ, Verb.SUBACCOUNT_EDIT):
        assert who.may(verb), verb
    assert not who.may(Verb.ACCOUNT_CREATE) and not who.may(Verb.APPLICATION_DECIDE)


def test_of_several_kinds_it_holds_all_their_roles(session: Any, world: World) -> None:
    account = main(session, world.actor("region_admin"), ["rescue", "maintenance", "property"])
    assert held(account) == {"rescuer", "unit_head", "maintenance_head"}
    assert account.unit.kinds == ["maintenance", "rescue", "property"]


def test_only_kinds_of_the_filing_are_given(session: Any, world: World) -> None:
    unit = make_unit(session, "澜州明德检测有限公司", is_inspection=True)
    session.commit()
    for kinds in (["rescue"], ["inspection", "maintenance"]):
        with pytest.raises(Refusal, match="备案类别"):
            main(session, world.actor("region_admin"), kinds, unit)
    assert main(session, world.actor("region_admin"), ["inspection"], unit).unit_id == unit.id


def test_a_unit_registers_itself_as_two_kinds_only(session: Any, world: World) -> None:
    for kind in sorted(set(UNIT_KIND_NAMES) - set(registration.KINDS)):
        with pytest.raises(Refusal, match="请选择维保单位或使用单位"):
            registration.register(session, {"kind": kind}, AT)
    assert registration.KINDS == ("maintenance", "use")


def test_no_role_hands_out_more_than_it_has() -> None:
    for role in (Role.TESTER, Role.RESCUER):
        assert ASSIGNABLE[role] == {role}
    assert Role.UNIT_HEAD not in ASSIGNABLE and Verb.ACCOUNT_CREATE not in GRANTS[Role.UNIT_HEAD]


@pytest.mark.feature("INS-01", "ACC-12")
def test_a_units_testers_enter_inspections_once_it_is_on_file(session: Any, world: World) -> None:
    giver, unit = world.actor("region_admin"), make_unit(session, "澜州明德检测有限公司", is_inspection=True)
    session.commit()
    head = main(session, giver, ["inspection"], unit)
    tester = sub(session, head, "tester")
    for serial, account in enumerate((head, tester)):
        row = enter(world, actor_of(account), number=f"MD-{serial}", done_on=dt.date(2026, 11, 10 + serial))
        assert row.tested_by_id == unit.id and row.state == "approved"
        seen = set(session.scalars(apply(select(Elevator.id), actor_of(account), Elevator)))
        assert world.own.id in seen and world.foreign.id not in seen
    draft = main(session, giver, ["inspection"], unit_name="澜州新衡检测有限公司", phone="13900002223")
    with pytest.raises(Refusal, match="不是备案通过的检验单位"):
        enter(world, actor_of(draft), number="XH-1")


@pytest.mark.feature("ACC-12")
def test_a_unit_makes_its_own_people_and_no_others(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    lab = main(session, giver, ["inspection"], unit_name="澜州新衡检测有限公司")
    station = main(session, giver, ["rescue"], unit_name="临河应急救援站", phone="13900002223")
    maker = main(session, giver, ["production", "owner"], unit_name="澜州云梯制造有限公司", phone="13900002224")
    for head, good in ((lab, "tester"), (station, "rescuer"), (maker, None)):
        for role in Role:
            if role != good:
                with pytest.raises(Refusal, match="不能授予"):
                    sub(session, head, role.value)
    tester = sub(session, lab, "tester")
    assert not actor_of(tester).may(Verb.SUBACCOUNT_EDIT) and not actor_of(tester).may(Verb.UNIT_EDIT)
    with pytest.raises(NotAllowed):
        sub(session, tester, "tester", name="renyuan.02")
    # What its giver may no longer do, it may not either.
    with transaction(session):
        accounts.deactivate(session, giver, lab.id, "停业", AT)
    session.refresh(tester)
    assert not actor_of(tester).may(Verb.INSPECTION_EDIT)


@pytest.mark.feature("RES-04", "RES-06")
def test_a_station_is_called_at_the_second_level_and_its_people_free(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    unit = make_unit(session, "临河应急救援站", is_rescue=True)
    session.commit()
    head = main(session, giver, ["rescue"], unit)
    man, other = sub(session, head, "rescuer"), sub(session, head, "rescuer", name="renyuan.02")
    agent = actor_of(office(session, giver, "rescue_agent"))
    with transaction(session):
        row = rescues.report(session, agent, world.own, source="call", at=AT, caller="顾女士", phone="13900001111")
    with pytest.raises(NotFound):  # it was not called
        rescue_answers.accept(session, actor_of(man), row.id, AT)
    session.rollback()
    with transaction(session):
        rescue_desk.dispatch(session, agent, row.id, 2, AT, unit_id=unit.id)
    told = session.scalars(select(Notification.recipient_id).where(Notification.topic == "rescue.call"))
    assert set(told) == {head.id, man.id, other.id}
    minute = dt.timedelta(minutes=1)
    with transaction(session):
        rescue_answers.accept(session, actor_of(man), row.id, AT + minute)
        rescue_answers.pass_on(session, actor_of(man), row.id, other.id, "他离得近", AT + minute)
        rescue_answers.arrive(session, actor_of(other), row.id, AT + 9 * minute)
        rescue_answers.free(session, actor_of(other), row.id, FORM, AT + 12 * minute)
    assert row.status == "freed"
    with pytest.raises(NotAllowed):
        rescue_desk.take(session, actor_of(man), row.id, AT)


# --- roles follow the kinds on file


def match(session: Any, giver: Actor, account: Account) -> Account:
    with transaction(session):
        return main_accounts.match_kinds(session, giver, account.id, AT)


def test_roles_follow_the_kinds_on_file_when_an_administrator_says_so(session: Any, world: World) -> None:
    head, giver = world.accounts["use_head"], world.actor("region_admin")
    assert not main_accounts.is_off(head)
    world.use_unit.is_rescue = True
    session.commit()
    assert main_accounts.is_off(head) and held(head) == {"use_head"}  # a filing gives no rights by itself
    epoch = head.session_epoch
    assert held(match(session, giver, head)) == {"use_head", "unit_head", "rescuer"}
    assert head.session_epoch == epoch + 1 and not main_accounts.is_off(head)
    with pytest.raises(Refusal, match="已与备案类别"):
        match(session, giver, head)
    world.use_unit.is_use = False
    session.commit()
    assert held(match(session, giver, head)) == {"unit_head", "rescuer"}
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.roles")).all()[-1]
    assert entry.after["roles"] == ["rescuer", "unit_head"]


def test_but_not_for_drafts_sub_accounts_regulators_or_by_others(session: Any, world: World) -> None:
    giver = world.actor("region_admin")
    draft = main(session, giver, ["use"])
    draft.unit.is_maintenance = True
    session.commit()
    assert not main_accounts.is_off(draft)
    with pytest.raises(Refusal, match="还没有通过审核"):
        match(session, giver, draft)
    for persona in ("clerk", "inspector"):
        with pytest.raises(Refusal, match="不是单位主账号"):
            match(session, giver, world.accounts[persona])
    with pytest.raises(NotFound):
        match(session, giver, world.accounts["other_head"])
    for persona in ("inspector", "maintenance_head"):
        with pytest.raises(NotAllowed):
            match(session, world.actor(persona), world.accounts["use_head"])


# --- a phone after creation


@pytest.mark.feature("ACC-12", "ACC-04")
def test_the_maker_registers_changes_and_takes_away_a_phone_that_nobody_proved(session: Any, world: World) -> None:
    def of(persona: str, typed: str, who: str) -> Account:
        deed = sub_accounts.set_phone if who == "maintenance_head" else accounts.set_phone
        with transaction(session):
            return deed(session, world.actor(who), world.accounts[persona].id, typed, AT)

    for persona, who in (("clerk", "maintenance_head"), ("use_head", "region_admin"), ("inspector", "region_admin")):
        account = world.accounts[persona]
        assert of(persona, " 13900007001 ", who).phone == "13900007001"
        assert signin.find_account(session, "13900007001") == account
        assert of(persona, "13900007002", who).phone == "13900007002" and account.phone_verified_at is None
        with pytest.raises(Refusal, match="手机号码"):
            of(persona, "12", who)
        assert of(persona, "", who).phone is None
    kept = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.register_phone")).all()
    assert len(kept) == 9 and "13900007001" not in str([(e.before, e.after) for e in kept])
    assert (kept[1].before, kept[1].after) == ({"phone": "139****7001"}, {"phone": "139****7002"})


@pytest.mark.feature("ACC-12", "ACC-04")
def test_no_proved_phone_and_none_of_another_account(session: Any, world: World) -> None:
    giver, head = world.actor("region_admin"), world.actor("maintenance_head")
    clerk, officer = world.accounts["clerk"], world.accounts["inspector"]
    clerk.phone, clerk.phone_verified_at, officer.phone = "13900007003", AT, "13900007004"
    session.commit()
    for typed in ("13900007005", ""):
        with pytest.raises(Refusal, match="本人用验证码核实"):
            sub_accounts.set_phone(session, head, clerk.id, typed, AT)
    with pytest.raises(Refusal, match="已绑定其他账号"):
        sub_accounts.set_phone(session, head, world.accounts["worker"].id, "13900007004", AT)
    with pytest.raises(Refusal, match="已绑定其他账号"):
        accounts.set_phone(session, giver, world.accounts["use_head"].id, "13900007003", AT)
    assert accounts.set_phone(session, giver, officer.id, "13900007004", AT).phone == "13900007004"  # its own, again
    for deed, who, target, error in (
        (accounts.set_phone, giver, clerk, Refusal),
        (accounts.set_phone, giver, world.accounts["other_head"], NotFound),
        (accounts.set_phone, giver, world.accounts["region_admin"], NotAllowed),
        (sub_accounts.set_phone, head, world.accounts["use_head"], NotFound),
        (sub_accounts.set_phone, head, world.accounts["maintenance_head"], NotAllowed),
        (sub_accounts.set_phone, world.actor("clerk"), world.accounts["worker"], NotAllowed),
    ):  # fmt: skip
        with pytest.raises(error):
            deed(session, who, target.id, "13900007006", AT)
    session.rollback()
    assert issuing.phone_holder(session, "13900007006") is None


def test_a_peer_is_no_operators_business(session: Any, world: World) -> None:
    agent = office(session, world.actor("region_admin"), "rescue_agent")
    for deed in (accounts.unlock_account, accounts.reset_password):
        with pytest.raises(NotAllowed):
            deed(session, actor_of(agent), world.accounts["inspector"].id, AT)
    boss = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    session.commit()
    with pytest.raises(NotAllowed, match="同级"):
        accounts.edit(
            session, world.actor("region_admin"), boss.id, name="林问", region_id=region(session).id,
            roles=["rescue_agent"], at=AT,
        )  # fmt: skip


@pytest.mark.feature("ACC-08")
def test_their_sub_accounts_count_as_others_do(session: Any, world: World) -> None:
    make_policy(session, Key.SUB_ACCOUNTS, 1)
    session.commit()
    lab = main(session, world.actor("region_admin"), ["inspection"])
    sub(session, lab, "tester")
    with pytest.raises(Refusal, match="最多 1 个"):
        sub(session, lab, "tester", name="renyuan.02")
