"""The pages for accounts of the desk and of units of every kind: made by forms, used, changed, locked (ACC-02, -13)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Account, AuditEntry, Elevator, Inspection, Rescue
from app.permissions import KIND_ROLES, Role
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_account, make_unit, region, uscc
from tests.pages import flat

pytestmark = pytest.mark.feature("ACC-02", "ACC-13")
OWN = "Jian-yan.2026"


@pytest.fixture
def browse(sign_in: Any, world: World) -> Any:
    """`browse(account)` gives a client; `client.send(path, **data)` posts with the token."""

    def opened(account: Account, password: str = PASSWORD) -> Any:
        world.session.rollback()
        client = sign_in(account, password)
        client.send = lambda path, **data: client.post(path, data=data | {"csrf_token": csrf(client)})
        client.page = lambda path: flat(client.get(path).get_data(as_text=True))
        return client

    return opened


def taken_over(browse: Any, world: World, answer: Any) -> tuple[Account, Any]:
    """The account that the page shows once, and a browser in which its owner has set a password of his own."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200, flat(page)[-2000:]
    name, password = (re.search(rf'id="issued-{word}">([^<]+)<', page)[1] for word in ("login", "password"))
    world.session.rollback()
    account = world.session.scalar(select(Account).where(Account.username == name))
    client = browse(account, password)
    assert client.send("/password/", old_password=password, new_password=OWN, again=OWN).status_code == 302
    world.session.rollback()
    return account, client


def anew(session: Any) -> None:
    """What other requests wrote, and no lock held meanwhile."""
    session.rollback()
    session.expire_all()


def opens_its_menu(client: Any) -> set[str]:
    """Every entry of the menu opens; gives their addresses."""
    shown = client.page("/")
    links = set(re.findall(r'<a href="(/[^"]*)" title="[^"]+"', shown)) - {"/"}
    for link in links:
        assert client.get(link).status_code == 200, link
    return {link.split("?")[0] for link in links}


def new_unit(admin: Any, world: World, *kinds: str, name: str, code: str, phone: str = "13900002222") -> Any:
    return admin.send(
        "/accounts/new-unit", unit_name=name, uscc=code, region_id=region(world.session).id, head_name="陆清和",
        phone=phone, kinds=list(kinds),
    )  # fmt: skip


@pytest.mark.feature("INS-01", "ACC-12")
def test_an_inspection_unit_from_the_form_to_its_first_report(session: Any, world: World, browse: Any) -> None:
    unit = make_unit(session, "澜州明德检测有限公司", is_inspection=True)
    session.commit()
    admin = browse(world.accounts["region_admin"])
    page = admin.page("/accounts/new-unit")
    assert all(f'name="kinds" value="{kind}"' in page for kind in KIND_ROLES) and "检验人员、单位负责人" in page
    refused = new_unit(admin, world, "rescue", name=unit.name, code=unit.uscc)
    assert refused.status_code == 422 and "的备案类别不含所选类别" in refused.get_data(as_text=True)
    head, client = taken_over(browse, world, new_unit(admin, world, "inspection", name=unit.name, code=unit.uscc))
    assert {"/units/", "/sub-accounts/", "/elevators/", "/inspections/due/"} <= opens_its_menu(client)
    assert client.get("/units/mine").status_code in (200, 302) and "为本单位人员建立子用户" in client.page("/")
    assert client.get("/accounts/new-unit").status_code == 403
    form = client.page("/sub-accounts/add")
    assert 'name="role" value="tester"' in form and 'value="clerk"' not in form
    given = {"login_name": "jianyan.01", "name": "周舟", "elevators": "all"}
    assert client.send("/sub-accounts/add", **given, role="clerk").status_code == 422
    _tester, his = taken_over(browse, world, client.send("/sub-accounts/add", **given, role="tester"))
    assert "/sub-accounts/" not in opens_its_menu(his) and his.get("/sub-accounts/").status_code == 403
    his.send(
        "/inspections/new", elevator_id=world.own.id, kind="periodic", number="MD-1", result="passed",
        done_on=clock.today().isoformat(),
    )  # fmt: skip
    anew(session)
    row = session.scalars(select(Inspection)).one()
    assert (row.tested_by_id, row.state) == (unit.id, "approved")
    assert session.get(Elevator, world.own.id).inspected_on == clock.today()
    # The list tells them apart, by the filter as well.
    assert "检验人员" in admin.page("/accounts/?f_unit_kind=inspection") and head.username in admin.page("/accounts/")
    found = admin.page("/accounts/?f_unit_kind=inspection")
    assert "jianyan.01" in found and f">{world.accounts['clerk'].username}<" not in found


@pytest.mark.feature("RES-01", "RES-04")
def test_an_operator_from_the_form_takes_a_call_and_a_station_answers(
    session: Any, world: World, browse: Any
) -> None:
    station = make_unit(session, "临河应急救援站", is_rescue=True)
    session.commit()
    admin = browse(world.accounts["region_admin"])
    given = {"login_name": "zuoxi.01", "name": "林问", "region_id": region(session).id}
    assert "应急坐席" in admin.page("/accounts/new-regulator")
    for role in ("tester", "platform_admin", []):
        refused = admin.send("/accounts/new-regulator", **given, role=role)
        assert refused.status_code in (403, 422), role
    agent, desk = taken_over(browse, world, admin.send("/accounts/new-regulator", **given, role="rescue_agent"))
    assert "/rescues/" in {link[:9] for link in opens_its_menu(desk)}
    assert desk.get("/accounts/").status_code == 403 and desk.get("/policy/").status_code == 403
    head, his = taken_over(browse, world, new_unit(admin, world, "rescue", name=station.name, code=station.uscc))
    opens_its_menu(his)
    answer = desk.send(
        "/rescues/new", code=world.own.code, elevator_id=world.own.id, caller="顾女士", phone="13900001111", trapped="2"
    )
    session.rollback()
    row = session.scalars(select(Rescue)).one_or_none()
    assert row is not None, flat(answer.get_data(as_text=True))[-1500:]
    assert his.get(f"/rescues/{row.id}").status_code == 404  # not called yet
    desk.send(f"/rescues/{row.id}/dispatch", level="2", unit_id=str(station.id))
    assert world.own.place in his.page(f"/rescues/{row.id}") and world.own.place in his.page(f"/m/rescues/{row.id}")
    assert his.send(f"/m/rescues/{row.id}", verb="accept").status_code == 302
    anew(session)
    assert row.status == "accepted" and head.id and agent.id


def test_an_account_at_a_region_is_listed_changed_and_locked(
    app: Any, session: Any, world: World, browse: Any
) -> None:
    agent = make_account(session, Role.RESCUE_AGENT, region_code="980402000000")
    both = make_account(session, Role.RESCUE_AGENT, Role.INSPECTOR, region_code="980402000000")
    session.commit()
    admin = browse(world.accounts["region_admin"])
    desks, offices = admin.page("/accounts/?tab=agent"), admin.page("/accounts/?tab=regulator")
    assert agent.username in desks and both.username not in desks and "应急坐席" in desks
    assert both.username in offices and f">{agent.username}<" not in offices
    page = admin.page(f"/accounts/{both.id}")
    assert page.count("checked") == 2 and 'name="role" value="tester"' not in page
    here = region(session).id
    refused = admin.send(f"/accounts/{both.id}/edit", name="林问", region_id=here)
    assert refused.status_code == 422 and "没有选择" in refused.get_data(as_text=True)
    changed = admin.send(f"/accounts/{agent.id}/edit", name="林问", region_id=here, role=["rescue_agent", "inspector"])
    assert changed.status_code == 302
    anew(session)
    assert {row.name for row in agent.roles} == {"inspector", "rescue_agent"}
    assert admin.send(f"/accounts/{agent.id}/lock", reason="调离").status_code == 302
    refused = app.test_client()
    sent = {"username": agent.username, "password": PASSWORD, "csrf_token": csrf(refused)}
    assert refused.post("/login/", data=sent).status_code == 401


@pytest.mark.feature("ACC-12", "ACC-04")
@pytest.mark.parametrize(
    ("who", "target", "path"),
    [
        ("region_admin", "use_head", "/accounts/{}/phone"), ("region_admin", "inspector", "/accounts/{}/phone"),
        ("maintenance_head", "clerk", "/sub-accounts/{}/phone"),
    ],
)  # fmt: skip
def test_a_phone_is_registered_with_ones_own_password(
    session: Any, world: World, browse: Any, who: str, target: str, path: str
) -> None:
    client, account = browse(world.accounts[who]), world.accounts[target]
    path = path.format(account.id)
    shown = path if who == "maintenance_head" else f"/accounts/{account.id}"
    assert "还没有登记" in client.page(shown)
    for own, typed, word in (
        ("falsch", "13900007001", "密码"), ("", "13900007001", "密码"), (PASSWORD, "139", "11 位"),
    ):  # fmt: skip
        refused = client.send(path, phone=typed, own_password=own)
        assert refused.status_code == 422 and word in refused.get_data(as_text=True), (own, typed)
    anew(session)
    assert account.phone is None
    assert client.send(path, phone="13900007001", own_password=PASSWORD).status_code == 302
    anew(session)
    assert account.phone == "13900007001" and account.phone_verified_at is None
    page = client.page(shown)
    assert "现登记 139****7001" in page and "13900007001" not in page
    assert "登记手机" in browse(world.accounts["region_admin"]).page(f"/accounts/{account.id}")
    anew(session)
    account.phone_verified_at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    session.commit()
    assert 'name="own_password"' not in client.page(shown)
    refused = client.send(path, phone="13900007002", own_password=PASSWORD)
    assert refused.status_code == 422 and "由本人在" in refused.get_data(as_text=True)
    assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "account.register_phone")).all()) == 1


def test_roles_are_put_right_where_the_filing_has_other_kinds(session: Any, world: World, browse: Any) -> None:
    head, admin = world.accounts["use_head"], browse(world.accounts["region_admin"])
    assert "按备案类别更新角色" not in admin.page(f"/accounts/{head.id}")
    session.rollback()
    world.use_unit.is_inspection = True
    session.commit()
    page = admin.page(f"/accounts/{head.id}")
    assert "按备案类别更新角色" in page and "使用单位、检验单位" in page
    assert admin.send(f"/accounts/{head.id}/match-kinds").status_code == 302
    anew(session)
    assert {row.name for row in head.roles} == {"use_head", "unit_head", "tester"}
    assert "按备案类别更新角色" not in admin.page(f"/accounts/{head.id}")
    assert admin.send(f"/accounts/{head.id}/match-kinds").status_code == 422


@pytest.mark.feature("INT-04")
def test_the_same_by_the_interface(app: Any, session: Any, world: World) -> None:
    admin, here, code = Caller(app, world, "region_admin"), region(session).id, uscc()
    sent = {"login_name": "zuoxi.01", "name": "林问", "region_id": here}
    assert rules_of(admin.post("/accounts/regulators", sent)) == {"角色"}
    assert rules_of(admin.post("/accounts/regulators", sent | {"roles": ["rescue_agent", "tester"]})) == {"角色"}
    made = admin.post("/accounts/regulators", sent | {"roles": ["rescue_agent"]})
    assert made.status_code == 201 and made.json["account"]["kind"] == "agent"
    url = f"/accounts/{made.json['account']['id']}"
    facts = {"name": "林问", "region_id": here, "roles": ["inspector", "rescue_agent"]}
    changed = admin.call("PUT", f"{url}/facts", facts).json
    assert changed["kind"] == "regulator" and len(changed["roles"]) == 2
    assert admin.call("PUT", f"{url}/facts", facts | {"roles": [], "role": "rescue_agent"}).json["kind"] == "agent"
    assert [row["login_name"] for row in admin.get("/accounts?tab=agent").json["rows"]] == ["zuoxi.01"]
    unit = {"unit_name": "临河应急救援站", "uscc": code, "region_id": here, "head_name": "陆川",
            "phone": "13900000071", "kinds": ["rescue", "installation"]}  # fmt: skip
    assert rules_of(admin.post("/accounts/units", unit | {"kinds": ["king"]})) == {"单位类别"}
    main = admin.post("/accounts/units", unit).json["account"]
    assert {role["name"] for role in main["roles"]} == {"unit_head", "rescuer"}
    rows = admin.get("/accounts?unit_kind=rescue").json["rows"]
    assert [row["login_name"] for row in rows] == [code]
    assert rules_of(admin.call("PUT", f"{url}/phone", {"phone": "13900007001", "own_password": "x"})) == {"原密码"}
    whole = {"phone": "13900007001", "own_password": PASSWORD}
    assert admin.call("PUT", f"{url}/phone", whole).json["phone"] == "139****7001"
    assert rules_of(admin.call("PUT", f"/accounts/{main['id']}/phone", whole)) == {"手机号码"}
    assert admin.call("PUT", f"{url}/phone", whole | {"phone": ""}).json["phone"] is None
    assert rules_of(admin.post(f"/accounts/{main['id']}/match-kinds")) == {"角色"}
    foreign = world.accounts["other_head"].id
    assert admin.call("PUT", f"/accounts/{foreign}/phone", whole).status_code == 404
    head, sub = Caller(app, world, "maintenance_head"), world.accounts["clerk"].id
    given = head.call("PUT", f"/accounts/subs/{sub}/phone", whole)
    assert given.status_code == 200, given.text
    assert given.json["phone"] == "139****7001"
    assert rules_of(head.call("PUT", f"/accounts/subs/{sub}/phone", whole | {"own_password": ""})) == {"原密码"}
    assert head.call("PUT", f"/accounts/{sub}/phone", whole).status_code == 403
    assert Caller(app, world, "clerk").call("PUT", f"/accounts/subs/{sub}/phone", whole).status_code == 403
