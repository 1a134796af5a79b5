"""The tree of regulators down to the street: made from above only, and each sees its subtree only (ACC-01)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, Elevator, Region
from app.permissions import Role
from app.scope import apply
from app.transaction import transaction
from app.workflows.access import accounts, main_accounts
from app.workflows.core import regions
from tests.conftest import csrf
from tests.factories import World, actor, make_account, make_elevator, uscc

AT = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
STREET, DISTRICT, OTHER = "980402001000", "980402000000", "980403000000"
pytestmark = pytest.mark.feature("ACC-01")


def key_of(session: Any, code: str) -> int:
    return int(session.scalars(select(Region.id).where(Region.code == code)).one())


def make(session: Any, me: Any, code: str, role: str = "region_admin", name: str = "jiedao.01") -> Account:
    with transaction(session):
        return accounts.create_office_account(
            session, me, login_name=name, name="程望舒", region_id=key_of(session, code), roles=[role], at=AT
        ).account


def test_a_streets_officer_sees_his_street_and_no_neighbour(session: Any, world: World) -> None:
    made = make(session, world.actor("region_admin"), STREET, "inspector")
    near = make_elevator(session, maintenance_unit=world.firm, region_code=STREET)
    session.commit()
    seen = set(session.scalars(apply(select(Elevator.id), actor(made), Elevator)))
    assert seen == {near.id}
    above = set(session.scalars(apply(select(Elevator.id), world.actor("region_admin"), Elevator)))
    assert {near.id, world.own.id} <= above and world.foreign.id not in above


@pytest.mark.parametrize("code", [DISTRICT, OTHER, "980400000000", "980000000000"])
def test_a_streets_administrator_makes_nobody_above_or_aside(session: Any, world: World, code: str) -> None:
    street = make(session, world.actor("region_admin"), STREET)
    with pytest.raises(Refusal, match="不在您的管辖范围内"):
        make(session, actor(street), code, name="jiedao.02")


def test_each_level_rules_over_those_below_and_not_over_those_above(session: Any, world: World) -> None:
    district = world.accounts["region_admin"]
    street = make(session, actor(district), STREET)
    city = make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    session.commit()
    for giver, target, may in ((city, district, True), (district, street, True), (street, district, False),
                               (district, city, False), (street, city, False)):  # fmt: skip
        if may:
            with transaction(session):
                assert accounts.reset_password(session, actor(giver), target.id, AT).password
        else:
            with pytest.raises((NotAllowed, NotFound)), transaction(session):
                accounts.reset_password(session, actor(giver), target.id, AT)


def test_a_new_street_is_offered_for_accounts_at_once(session: Any, world: World, sign_in: Any) -> None:
    with transaction(session):
        new = {"code": "980402002000", "name": "临江街道", "level": "street", "valid_from": ""}
        regions.add(session, world.actor("region_admin"), **new, at=AT)
    browser = sign_in(world.accounts["region_admin"])
    page = browser.get("/accounts/new-regulator").get_data(as_text=True)
    assert "明水街道" in page and "临江街道" in page and "青坪区" not in page
    tree = browser.get("/regions/").get_data(as_text=True)
    assert "临江街道" in tree and "街道" in tree


@pytest.mark.parametrize(
    ("code", "level", "good"),
    [("980402000000", "street", False), ("980406", "street", False), ("980400", "district", False),
     ("980402003", "district", False), ("980402003", "street", True), ("980402003000", "street", True),
     ("980409", "district", False)],
)  # fmt: skip
def test_a_code_is_one_of_its_level(session: Any, world: World, code: str, level: str, good: bool) -> None:
    """A district's code with the level of a street would stand beside the districts for good."""
    new = {"code": code, "name": "新区", "level": level, "valid_from": ""}
    if good:
        with transaction(session):
            assert regions.add(session, world.actor("region_admin"), **new, at=AT).level == level
        return
    said = "管辖范围" if (code, level) == ("980409", "district") else "不是这一级的代码"
    with pytest.raises(Refusal, match=said), transaction(session):
        regions.add(session, world.actor("region_admin"), **new, at=AT)


@pytest.mark.feature("ACC-01")
@pytest.mark.parametrize(("code", "level"), [("990000", "province"), ("980406", "district"), ("980402003", "street")])
def test_a_level_that_is_not_said_follows_from_the_code(
    session: Any, world: World, sign_in: Any, code: str, level: str
) -> None:
    """As the form stands on an empty platform, where the first region is a province."""
    browser = sign_in(world.accounts["platform_admin"])
    page = browser.get("/regions/").get_data(as_text=True)
    assert re.search(r'<select [^>]*name="level">\s*<option value="">按代码的位数', page)
    sent = {"code": code, "name": "新区", "level": "", "valid_from": "", "csrf_token": csrf(browser)}
    assert browser.post("/regions/", data=sent).status_code == 302
    session.rollback()
    assert session.scalar(select(Region.level).where(Region.code == code.ljust(12, "0"))) == level


def test_a_unit_is_made_within_the_street_only(session: Any, world: World) -> None:
    street = make(session, world.actor("region_admin"), STREET)
    given = {"unit_name": "临江物业", "head_name": "叶听雨", "phone": "13900000088", "kinds": ["use"], "at": AT}
    with transaction(session):
        made = main_accounts.create_main_account(
            session, actor(street), region_id=key_of(session, STREET), uscc=uscc(), **given
        )
    assert made.account.region_code == STREET
    with pytest.raises(Refusal, match="管辖范围"), transaction(session):
        main_accounts.create_main_account(
            session, actor(street), region_id=key_of(session, DISTRICT), uscc=uscc(), **given | {"phone": "13900000089"}
        )


@pytest.mark.feature("ACC-01")
def test_a_region_ends_and_nothing_new_is_put_there(session: Any, world: World, sign_in: Any) -> None:
    me, above = world.actor("region_admin"), world.actor("platform_admin")

    def end(actor: Any, code: str, last: str) -> Any:
        with transaction(session):
            return regions.end(session, actor, code=code, valid_until=last, at=AT)

    for code in (DISTRICT, OTHER, "980400000000", "没有"):
        with pytest.raises(Refusal, match="自己地区下面"):
            end(me, code, "2026-12-31")
    with pytest.raises(NotAllowed):
        end(world.actor("inspector"), STREET, "2026-12-31")
    with pytest.raises(Refusal, match="不是日期"):
        end(me, STREET, "明年")
    with pytest.raises(Refusal, match="明水街道”那时仍在用"):
        end(above, DISTRICT, "2026-12-31")
    browser = sign_in(world.accounts["region_admin"])
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/regions/").get_data(as_text=True))
    sent = {"csrf_token": token[1], "region": STREET, "valid_until": "2026-01-01"}  # type: ignore[index]
    assert browser.post("/regions/end", data=sent).status_code == 302
    assert "已停用" in browser.get("/regions/").get_data(as_text=True)
    session.rollback()
    with pytest.raises(Refusal, match="停用"):
        make(session, me, STREET)
    end(above, DISTRICT, "2026-12-31")
    with pytest.raises(Refusal, match="不晚于上级"):
        end(me, STREET, "")
    end(above, DISTRICT, "")
    assert end(me, STREET, "").valid_until is None
    assert make(session, me, STREET).region_code == STREET


def test_many_regions_are_pasted_at_once_in_any_order(session: Any, world: World, sign_in: Any) -> None:
    """As they stand in a table: code and name in either order, those above in any line; pasted again, nothing more."""
    text = "980471001\t云栖街道\n  980471 云栖区\n\n望湖街道，980471002000\n9804 澜州市\n"
    browser = sign_in(world.accounts["platform_admin"])
    session.rollback()
    before = session.scalar(select(Region.name).where(Region.code == "980400000000"))
    sent = {"lines": text.replace("澜州市", before), "csrf_token": csrf(browser, "/regions/")}
    session.rollback()
    done = browser.post("/regions/many", data=sent, follow_redirects=True).get_data(as_text=True)
    assert "已新增 3 个地区，1 个已在册" in done and "望湖街道" in done
    session.rollback()
    rows = session.scalars(select(Region).where(Region.code.startswith("980471")).order_by(Region.code)).all()
    assert [(row.code, row.level) for row in rows] == [
        ("980471000000", "district"), ("980471001000", "street"), ("980471002000", "street"),
    ]  # fmt: skip
    assert rows[0].parent_id == key_of(session, "980400000000") and {r.parent_id for r in rows[1:]} == {rows[0].id}
    session.rollback()
    again = browser.post("/regions/many", data=sent, follow_redirects=True).get_data(as_text=True)
    assert "已新增 0 个地区，4 个已在册" in again


@pytest.mark.parametrize(
    ("line", "said"),
    [("980402007", "请填写代码和名称"), ("临江街道", "请填写代码和名称"), ("980402001 别的街道", "已存在"),
     ("9804021005 某街道", "不是这一级的代码"), ("980403007 青坪街道", "不在您的辖区之内"),
     ("980402007 " + "名" * 61, "超过 60")],
)  # fmt: skip
def test_one_wrong_line_adds_none_and_is_told_by_its_number(
    session: Any, world: World, line: str, said: str
) -> None:
    lines = f"980402008 临江街道\n{line}"
    with pytest.raises(Refusal) as told, transaction(session):
        regions.add_many(session, world.actor("region_admin"), lines, AT)
    assert said in str(told.value) and {str(f.rule) for f in told.value.findings} == {"第 2 行"}
    assert session.scalar(select(Region.id).where(Region.code == "980402008000")) is None


@pytest.mark.parametrize("text", ["", " \n,;\n", "980402009 临江街道\n" * 501])
def test_nothing_and_far_too_much_are_refused(session: Any, world: World, text: str) -> None:
    with pytest.raises(Refusal, match="最多 500 行"), transaction(session):
        regions.add_many(session, world.actor("region_admin"), text, AT)


def test_a_units_account_adds_no_regions(session: Any, world: World) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        regions.add_many(session, world.actor("maintenance_head"), "980402008 临江街道", AT)
