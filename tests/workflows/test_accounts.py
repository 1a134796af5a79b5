"""Accounts of regulators and main accounts of units: who may make, reset, lock and end whom (ACC-02, ACC-05)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from sqlalchemy import select, text

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, AuditEntry, Unit
from app.permissions import SYSTEM, Role
from app.transaction import transaction
from app.workflows.access import accounts, main_accounts
from app.workflows.privacy import revealing
from tests.factories import PASSWORD, World, make_account, make_policy, make_unit, region, uscc
from tests.workflows.test_insurance import id_number

AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


def regulator(session: Any, actor: Any, **changes: Any) -> accounts.Issued:
    given = {
        "login_name": "lin.wen01", "name": "林问", "region_id": region(session, "980402001000").id,
        "roles": ["inspector"], "phone": "13900001111", "at": AT,
    } | changes  # fmt: skip
    with transaction(session):
        return accounts.create_office_account(session, actor, **given)


def main(session: Any, actor: Any, **changes: Any) -> accounts.Issued:
    given = {
        "unit_name": "澜州联升电梯有限公司", "region_id": region(session).id, "head_name": "陆清和",
        "phone": "13900002222", "uscc": uscc(), "kinds": ["maintenance"], "at": AT,
    } | changes  # fmt: skip
    with transaction(session):
        return main_accounts.create_main_account(session, actor, **given)


def fields(refusal: pytest.ExceptionInfo[Refusal]) -> set[str | None]:
    return {f.field for f in refusal.value.findings}


@pytest.mark.feature("ACC-02")
def test_a_regional_administrator_makes_a_lower_regulator(session: Any, world: World) -> None:
    issued = regulator(session, world.actor("region_admin"))
    account = issued.account
    assert (account.username, account.region_code, account.unit_id) == ("lin.wen01", "980402001000", None)
    assert [r.name for r in account.roles] == ["inspector"]
    assert account.must_change_password and account.password_matches(issued.password)
    assert account.parent_user_id == world.accounts["region_admin"].id


@pytest.mark.feature("ACC-02")
@pytest.mark.parametrize("code", ["980403000000", "980400000000", "980000000000"])
def test_no_regulator_above_or_aside(session: Any, world: World, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        regulator(session, world.actor("region_admin"), region_id=region(session, code).id)
    assert fields(refused) == {"region_id"}


@pytest.mark.feature("ACC-02", "ACC-13")
@pytest.mark.parametrize("role", ["platform_admin", "maintenance_head", "worker", "", "Admin"])
def test_only_regulators_roles_are_handed_to_regulators(session: Any, world: World, role: str) -> None:
    with pytest.raises(Refusal) as refused:
        regulator(session, world.actor("region_admin"), roles=[role])
    assert fields(refused) == {"role"}


@pytest.mark.feature("ACC-02", "ACC-13")
@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "clerk", "worker", "use_head", "safety_officer"])
def test_nobody_else_makes_accounts(session: Any, world: World, persona: str) -> None:
    for make in (regulator, main):
        with pytest.raises(NotAllowed):
            make(session, world.actor(persona))


@pytest.mark.feature("ACC-02")
def test_every_wrong_field_is_named_at_once(session: Any, world: World) -> None:
    with pytest.raises(Refusal) as refused:
        regulator(session, world.actor("region_admin"), login_name="a b", name=" ", phone="1", region_id=None, roles=[])
    assert fields(refused) == {"login_name", "name", "phone", "region_id", "role"}


@pytest.mark.feature("ACC-02")
@pytest.mark.parametrize("name", ["LIN.WEN01", "ｌｉｎ.ｗｅｎ01", " lin.wen01 "])
def test_a_login_name_is_one_name_however_it_is_typed(session: Any, world: World, name: str) -> None:
    regulator(session, world.actor("region_admin"))
    with pytest.raises(Refusal) as refused:
        regulator(session, world.actor("region_admin"), login_name=name, phone="")
    assert fields(refused) == {"login_name"}


@pytest.mark.feature("ACC-02", "ACC-04")
@pytest.mark.parametrize("name", ["13912345678", uscc(1).lower()])
def test_a_login_name_cannot_pose_as_a_phone_or_a_units_code(session: Any, world: World, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        regulator(session, world.actor("region_admin"), login_name=name)
    assert fields(refused) == {"login_name"}


@pytest.mark.feature("ACC-02")
def test_a_main_account_logs_in_with_its_uscc_and_brings_a_draft_unit(session: Any, world: World) -> None:
    code = uscc()
    issued = main(session, world.actor("region_admin"), uscc=f" {code.lower()} ", kinds=["maintenance", "use"])
    account, unit = issued.account, session.get(Unit, issued.account.unit_id)
    assert issued.login_name == code and account.is_main and account.region_code == unit.region_code
    assert {r.name for r in account.roles} == {"maintenance_head", "use_head"}
    assert (unit.uscc, unit.filing_state, unit.approved_version) == (code, "draft", 0)
    assert unit.is_maintenance and unit.is_use and unit.head_name == "陆清和"


@pytest.mark.feature("ACC-02")
def test_the_heads_id_number_is_checked_sealed_and_asked_where_policy_says_so(session: Any, world: World) -> None:
    me, number = world.actor("region_admin"), id_number(11)
    with pytest.raises(Refusal) as refused:
        main(session, me, head_resident_id=number[:-1] + "Y", phone="1")
    assert fields(refused) == {"head_resident_id", "phone"}
    unit = session.get(Unit, main(session, me, head_resident_id=f" {number} ").account.unit_id)
    assert unit.head_resident_id == number
    stored = session.scalar(text(f"SELECT head_resident_id FROM unit WHERE id = {unit.id}"))
    assert number not in stored and number not in str([e.after for e in session.scalars(select(AuditEntry))])
    unit = session.get(Unit, main(session, me, phone="13900002223").account.unit_id)
    assert unit.head_resident_id is None
    make_policy(session, "preset", "shenzhen")
    session.commit()
    with pytest.raises(Refusal, match="须填写负责人身份证号"):
        main(session, me, phone="13900002224")


@pytest.mark.feature("ACC-02", "PER-03")
def test_a_units_partner_calls_its_head_and_does_not_see_his_id_number(session: Any, world: World) -> None:
    world.use_unit.head_resident_id, world.use_unit.head_phone = number, phone = id_number(12), "13900003333"
    session.commit()

    def shown(who: str, what: str) -> Any:
        with transaction(session):
            return revealing.reveal(session, world.actor(who), "unit", world.use_unit.id, what, "核对", AT)

    assert shown("maintenance_head", "head_phone") == phone
    assert shown("inspector", "head_resident_id") == number
    with pytest.raises(NotFound):
        shown("maintenance_head", "head_resident_id")


@pytest.mark.feature("ACC-02")
def test_a_second_main_account_is_refused_by_name(session: Any, world: World) -> None:
    code = uscc()
    main(session, world.actor("region_admin"), uscc=code)
    with pytest.raises(Refusal, match="已有主账号"):
        main(session, world.actor("region_admin"), uscc=code, phone="13900003333")


@pytest.mark.feature("ACC-02")
def test_it_attaches_to_the_unit_in_force(session: Any, world: World) -> None:
    unit = make_unit(session, "澜州远屹电梯有限公司", is_maintenance=True)
    session.commit()
    issued = main(session, world.actor("region_admin"), uscc=unit.uscc, unit_name=" 澜州远屹电梯有限公司 ")
    assert issued.account.unit_id == unit.id


@pytest.mark.feature("ACC-02")
def test_another_units_code_hands_nobody_its_account(session: Any, world: World) -> None:
    unit = make_unit(session, "澜州远屹电梯有限公司", is_maintenance=True)
    session.commit()
    with pytest.raises(Refusal, match="已备案为“澜州远屹电梯有限公司”") as refused:
        main(session, world.actor("region_admin"), uscc=unit.uscc, unit_name="澜州联升电梯有限公司")
    assert fields(refused) == {"unit_name"}
    assert session.scalar(select(Account).where(Account.unit_id == unit.id)) is None


@pytest.mark.feature("ACC-02")
def test_a_unit_in_force_elsewhere_is_its_own_regions_business(session: Any, world: World) -> None:
    unit = make_unit(session, is_maintenance=True, region_code="980403000000")
    session.commit()
    with pytest.raises(Refusal, match="其他地区") as refused:
        main(session, world.actor("region_admin"), uscc=unit.uscc)
    assert fields(refused) == {"uscc"}


@pytest.mark.feature("ACC-02")
def test_an_approved_units_kind_is_not_changed_by_an_account(session: Any, world: World) -> None:
    unit = make_unit(session, is_use=True)
    session.commit()
    with pytest.raises(Refusal) as refused:
        main(session, world.actor("region_admin"), uscc=unit.uscc, kinds=["maintenance"])
    assert fields(refused) == {"kinds"}


@pytest.mark.feature("ACC-02")
def test_a_squatters_draft_is_not_handed_to_the_real_unit(session: Any, world: World) -> None:
    code = uscc()
    squat = make_unit(session, "假冒单位", uscc=code, approved_version=0, filing_state="draft", is_maintenance=True)
    session.commit()
    issued = main(session, world.actor("region_admin"), uscc=code)
    assert issued.account.unit_id != squat.id


@pytest.mark.feature("ACC-02", "ACC-04")
def test_a_phone_that_is_bound_already_is_left_with_its_account(session: Any, world: World) -> None:
    main(session, world.actor("region_admin"))
    second = main(session, world.actor("region_admin"), unit_name="澜州宁远电梯有限公司")
    assert second.account.phone is None and second.notes


@pytest.mark.feature("ACC-02")
def test_wrong_input_for_a_main_account_is_named_at_once(session: Any, world: World) -> None:
    with pytest.raises(Refusal) as refused:
        main(
            session, world.actor("region_admin"), unit_name="", head_name="", phone="1", uscc="91", kinds=["station"],
            region_id=10**9,
        )  # fmt: skip
    assert fields(refused) == {"unit_name", "head_name", "phone", "uscc", "kinds", "region_id"}


@pytest.mark.feature("ACC-05")
def test_first_passwords_are_random_long_and_nowhere_else(session: Any, world: World) -> None:
    make_policy(session, "password_min", 18)
    session.commit()
    one = main(session, world.actor("region_admin"))
    two = main(session, world.actor("region_admin"), unit_name="澜州宁远电梯有限公司")
    assert one.password != two.password and len(one.password) >= 18
    assert one.password not in repr(one)
    for entry in session.scalars(select(AuditEntry)):
        assert one.password not in json.dumps([entry.before, entry.after])
    assert one.password not in one.account.password


@pytest.mark.feature("ACC-05", "AUD-01")
def test_a_reset_password_is_new_and_ends_sessions(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    epoch = head.session_epoch
    with transaction(session):
        issued = accounts.reset_password(session, world.actor("region_admin"), head.id, AT)
    assert head.password_matches(issued.password) and not head.password_matches(PASSWORD)
    assert head.must_change_password and head.session_epoch == epoch + 1
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.reset_password")).one()
    assert (entry.entity_id, entry.actor_id) == (head.id, world.accounts["region_admin"].id)


@pytest.mark.feature("ACC-04")
def test_a_sub_accounts_password_is_its_main_accounts_business(session: Any, world: World) -> None:
    with pytest.raises(Refusal, match="子用户"), transaction(session):
        accounts.reset_password(session, world.actor("region_admin"), world.accounts["worker"].id, AT)


DEEDS = {
    "reset": lambda s, a, n: accounts.reset_password(s, a, n, AT),
    "lock": lambda s, a, n: accounts.lock_account(s, a, n, "测试", AT),
    "unlock": lambda s, a, n: accounts.unlock_account(s, a, n, AT),
    "deactivate": lambda s, a, n: accounts.deactivate(s, a, n, "测试", AT),
    "reactivate": lambda s, a, n: accounts.reactivate(s, a, n, AT),
    "grant": lambda s, a, n: accounts.grant_extra_accounts(s, a, n, 5, AT),
}


@pytest.mark.feature("ACC-02", "ACC-13")
@pytest.mark.parametrize("deed", DEEDS)
def test_no_deed_reaches_peers_above_aside_or_oneself(session: Any, world: World, deed: str) -> None:
    peer = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    above = make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    session.commit()
    me = world.actor("region_admin")
    for target in (peer, above, *(world.accounts[p] for p in ("platform_admin", "other_head", "region_admin"))):
        with pytest.raises((NotAllowed, NotFound)), transaction(session):
            DEEDS[deed](session, me, target.id)
        session.refresh(target)
        assert target.active and target.locked_until is None and target.password_matches(PASSWORD)
        assert target.extra_accounts == 0


@pytest.mark.feature("ACC-02", "ACC-13")
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "clerk", "worker"])
def test_no_deed_without_the_right(session: Any, world: World, deed: str, persona: str) -> None:
    target = make_account(session, Role.WORKER, unit=world.firm)
    session.commit()
    with pytest.raises(NotAllowed), transaction(session):
        DEEDS[deed](session, world.actor(persona), target.id)


@pytest.mark.feature("ACC-02")
def test_lock_unlock_end_and_return(session: Any, world: World) -> None:
    me, head = world.actor("region_admin"), world.accounts["maintenance_head"]
    with transaction(session):
        accounts.lock_account(session, me, head.id, "核查资质", AT)
    assert head.locked_until is not None and head.locked_until > AT + dt.timedelta(days=3650)
    with transaction(session):
        accounts.unlock_account(session, me, head.id, AT)
    assert head.locked_until is None
    with transaction(session):
        accounts.deactivate(session, me, head.id, "单位注销", AT)
    assert head.active is False
    with transaction(session):
        accounts.reactivate(session, me, head.id, AT)
    assert head.active is True
    actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["account.lock", "account.unlock", "account.deactivate", "account.reactivate"]


@pytest.mark.feature("ACC-02")
def test_an_end_needs_a_reason(session: Any, world: World) -> None:
    with pytest.raises(Refusal) as refused, transaction(session):
        accounts.deactivate(session, world.actor("region_admin"), world.accounts["maintenance_head"].id, " ", AT)
    assert fields(refused) == {"reason"}


@pytest.mark.feature("ACC-05")
def test_own_password_change(session: Any, world: World) -> None:
    head = world.accounts["maintenance_head"]
    me = world.actor("maintenance_head")
    for new, again, wrong in (
        ("short1", "short1", {"new_password"}),
        ("aaaaaaaaaaaa", "aaaaaaaaaaaa", {"new_password"}),
        ("Good.word-2026", "Good.word-2027", {"again"}),
        (PASSWORD, PASSWORD, {"new_password"}),
    ):
        with pytest.raises(Refusal) as refused, transaction(session):
            accounts.change_own_password(session, me, new, again, AT)
        assert fields(refused) == wrong
        assert new not in str(refused.value)
    epoch = head.session_epoch
    with transaction(session):
        accounts.change_own_password(session, me, "Good.word-2026", "Good.word-2026", AT)
    assert head.password_matches("Good.word-2026") and not head.must_change_password
    assert head.session_epoch == epoch + 1


@pytest.mark.feature("ACC-13")
def test_platform_administrators_come_from_the_command_line_only(session: Any, world: World) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        accounts.create_platform_admin(
            session, world.actor("platform_admin"), login_name="boss.01", name="总管", at=AT
        )
    with transaction(session):
        made = accounts.create_platform_admin(session, SYSTEM, login_name="boss.01", name="总管", at=AT)
    assert [r.name for r in session.get(Account, made.account.id).roles] == ["platform_admin"]
