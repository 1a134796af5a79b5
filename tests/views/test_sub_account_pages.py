"""Pages of a main account: rights by tick, elevators by the list's filter, accounts of use units (ACC-09, -10, -12)."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.listing import LISTINGS, moment
from app.models import Account, ElevatorAssignment, ExternalIdentity, Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.access import main_accounts, sub_accounts
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_account, make_elevator, make_person, make_policy, make_use_unit
from tests.statements import statements

AT = sub_accounts.dt.datetime(2026, 3, 2, 1, 0, tzinfo=sub_accounts.dt.UTC)


def text_of(browser: Any, page: str) -> str:
    return str(browser.get(page).get_data(as_text=True))


def post(browser: Any, address: str, **fields: Any) -> Any:
    return browser.post(address, data={"csrf_token": csrf(browser), **fields})


@pytest.mark.feature("ACC-09", "ACC-13")
def test_rights_are_ticked_in_groups_and_roles_changed_beside(session: Any, world: World, sign_in: Any) -> None:
    head, clerk = sign_in(world.accounts["maintenance_head"]), world.accounts["clerk"]
    page = f"/sub-accounts/{clerk.id}/rights"
    shown = text_of(head, page)
    assert "电梯与备案" in shown and 'value="contract.edit" checked' in shown
    for verb in ("application.decide", "ops", "account.create", "inbox", "visit.make"):
        assert f'value="{verb}"' not in shown
    assert post(head, page, deed="verbs", verb=["elevator.read", "order.read"]).location.endswith(page)
    shown = text_of(head, page)
    assert 'value="elevator.read" checked' in shown and 'value="contract.edit" checked' not in shown
    assert "2 项" in text_of(head, "/sub-accounts/")
    refused = post(head, page, deed="verbs", verb=["elevator.read", "audit.read"])
    assert refused.status_code == 403 and "您不能授予“查看审计日志”" in refused.get_data(as_text=True)
    post(head, page, deed="roles", role=["clerk", "maintenance_manager"])
    session.rollback()
    assert {r.name for r in clerk.roles} == {"clerk", "maintenance_manager"}
    assert post(head, page, deed="roles", role=["region_admin"]).status_code == 403
    assert post(head, page, deed="nothing").status_code == 400


@pytest.mark.feature("ACC-09")
@pytest.mark.parametrize("persona", ["clerk", "region_admin", "other_head", "use_head"])
def test_the_pages_are_for_the_own_main_account(world: World, sign_in: Any, persona: str) -> None:
    browser, number = sign_in(world.accounts[persona]), world.accounts["worker"].id
    for page in (f"/sub-accounts/{number}/rights", f"/sub-accounts/{number}/sessions"):
        assert browser.get(page).status_code in (302, 403, 404)
        assert post(browser, page, deed="verbs", verb="elevator.read").status_code in (302, 403, 404)


@pytest.mark.feature("ACC-10")
def test_what_the_list_shows_is_assigned_and_taken_back(session: Any, world: World, sign_in: Any) -> None:
    worker = world.accounts["worker"]
    wanted = [make_elevator(session, maintenance_unit=world.firm, estate="临江苑") for _n in range(3)]
    numbers = {e.id for e in wanted}
    foreign = make_elevator(session, maintenance_unit=world.other_firm, estate="临江苑")
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    assert '/sub-accounts/assign?q=' in text_of(head, "/elevators/?q=临江苑")
    page = "/sub-accounts/assign?q=临江苑"
    assert "3 台" in text_of(head, page) and "临江苑" in text_of(head, page)
    answer = post(head, page, deed="give", account_id=worker.id)
    assert answer.location.startswith(f"/sub-accounts/{worker.id}/elevators")
    session.rollback()
    assert sub_accounts.assigned_ids(session, worker.id) == numbers and foreign.id not in numbers
    assert "收回列出的 3 台" in text_of(head, f"/sub-accounts/{worker.id}/elevators?show=assigned")
    # A snapshot: what comes later is not in it.
    make_elevator(session, maintenance_unit=world.firm, estate="临江苑")
    session.commit()
    assert sub_accounts.assigned_ids(session, worker.id) == numbers
    post(head, "/sub-accounts/assign?q=" + wanted[0].code, deed="take", account_id=worker.id)
    session.rollback()
    assert sub_accounts.assigned_ids(session, worker.id) == numbers - {wanted[0].id}
    post(head, f"/sub-accounts/{worker.id}/elevators", deed="take_found", show="assigned", q="")
    session.rollback()
    assert session.scalars(select(ElevatorAssignment)).all() == [] and not worker.sees_all_elevators


@pytest.mark.feature("ACC-10")
@pytest.mark.parametrize("target", ["other_worker", "maintenance_head", "use_head"])
def test_only_to_ones_own_sub_accounts(session: Any, world: World, sign_in: Any, target: str) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    answer = post(head, "/sub-accounts/assign", deed="give", account_id=world.accounts[target].id)
    assert answer.status_code in (403, 404)
    session.rollback()
    assert session.scalars(select(ElevatorAssignment)).all() == []


@pytest.mark.feature("ACC-10")
@pytest.mark.parametrize("persona", ["clerk", "region_admin", "inspector"])
def test_nobody_else_assigns_by_list(world: World, sign_in: Any, persona: str) -> None:
    browser = sign_in(world.accounts[persona])
    assert browser.get("/sub-accounts/assign").status_code in (302, 403)
    assert "/sub-accounts/assign" not in text_of(browser, "/elevators/")


@pytest.mark.feature("ACC-12")
def test_a_unit_lists_its_accounts_with_their_role_in_a_rescue(session: Any, world: World, sign_in: Any) -> None:
    world.accounts["clerk"].rescue_role = "duty"
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    page = text_of(head, "/sub-accounts/")
    assert 'href="/accounts/?tab=sub' in page and 'name="query" value="tab=sub' in page
    page = text_of(head, "/accounts/?f_rescue_role=duty&cols=username,rescue_role,kind,unit,roles")
    assert "救援值班" in page and world.accounts["clerk"].username in page
    assert world.accounts["worker"].username not in page and "用户分类" in page
    admin = sign_in(world.accounts["region_admin"])
    page = text_of(admin, f"/accounts/?f_unit={world.use_unit.id}")
    assert world.accounts["use_head"].username in page and world.accounts["clerk"].username not in page


def filed(session: Any, world: World, **fields: Any) -> Any:
    unit = make_use_unit(session, filed_by_unit_id=world.firm.id, **fields)
    session.commit()
    return unit


@pytest.mark.feature("ACC-12")
def test_a_maintenance_unit_makes_the_account_of_a_use_unit_and_learns_no_password(
    session: Any, world: World, sign_in: Any
) -> None:
    unit = filed(session, world)
    head = sign_in(world.accounts["maintenance_head"])
    assert f"/partner-accounts/{unit.id}" in text_of(head, "/partner-accounts/")
    answer = post(head, f"/partner-accounts/{unit.id}")
    assert answer.location == "/partner-accounts/"
    session.rollback()
    account = session.scalars(select(Account).where(Account.unit_id == unit.id)).one()
    assert (account.username, account.is_main, account.phone) == (unit.uscc, True, unit.head_phone)
    assert account.must_change_password and [r.name for r in account.roles] == ["use_head"]
    page = text_of(head, "/partner-accounts/")
    assert "从未登录" in page and f'action="/partner-accounts/{unit.id}"' not in page and "初始密码</dt>" not in page
    told = session.scalars(select(Notification).where(Notification.title.contains("建立了主账号"))).all()
    assert [n.recipient_id for n in told] == [world.accounts["region_admin"].id]
    post(head, f"/partner-accounts/{unit.id}")
    session.rollback()
    assert len(session.scalars(select(Account).where(Account.unit_id == unit.id)).all()) == 1


@pytest.mark.feature("ACC-12")
def test_its_phone_is_not_one_of_the_makers(session: Any, world: World) -> None:
    mine = make_person(session, world.firm, phone="13912340000")
    unit = filed(session, world, head_phone=mine.phone)
    with transaction(session):
        account = main_accounts.create_partner_account(session, world.actor("maintenance_head"), unit.id, AT)
    assert account.phone is None


@pytest.mark.feature("ACC-12")
@pytest.mark.parametrize(
    "fields",
    [{"filed_by_unit_id": None}, {"approved_version": 0}, {"is_maintenance": True}, {"is_use": False}],
    ids=str,
)
def test_only_for_approved_use_units_of_ones_own_filing(session: Any, world: World, fields: dict[str, Any]) -> None:
    unit = filed(session, world)
    for name, value in fields.items():
        setattr(unit, name, value)
    session.commit()
    with pytest.raises((Refusal, NotFound)), transaction(session):
        main_accounts.create_partner_account(session, world.actor("maintenance_head"), unit.id, AT)
    assert session.scalars(select(Account).where(Account.unit_id == unit.id)).all() == []


@pytest.mark.feature("ACC-12")
@pytest.mark.parametrize("persona", ["clerk", "worker", "region_admin", "platform_admin", "use_head", "other_head"])
def test_nobody_else_makes_them(session: Any, world: World, sign_in: Any, persona: str) -> None:
    unit = filed(session, world)
    with pytest.raises((NotAllowed, NotFound, Refusal)), transaction(session):
        main_accounts.create_partner_account(session, world.actor(persona), unit.id, AT)
    post(sign_in(world.accounts[persona]), f"/partner-accounts/{unit.id}")
    session.rollback()
    assert session.scalars(select(Account).where(Account.unit_id == unit.id)).all() == []


@pytest.mark.feature("ACC-08")
def test_the_administrator_grants_a_unit_more(session: Any, world: World, sign_in: Any) -> None:
    head = world.accounts["maintenance_head"]
    admin = sign_in(world.accounts["region_admin"])
    post(admin, f"/accounts/{head.id}/grant", count="5")
    session.rollback()
    assert sub_accounts.room(session, world.firm, AT) == (2, 15)
    assert "最多 15 个" in text_of(sign_in(head), "/sub-accounts/")
    assert post(sign_in(head), f"/accounts/{head.id}/grant", count="90").status_code in (302, 403)
    session.rollback()
    assert sub_accounts.room(session, world.firm, AT) == (2, 15)


@pytest.mark.feature("ACC-07")
def test_the_main_account_switches_codes_at_sign_in_with_its_own_password(
    session: Any, world: World, sign_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(main_accounts.outbox.SENDERS, "sms", lambda *_: None)
    worker = world.accounts["worker"]
    worker.phone, worker.phone_verified_at = "13900007777", clock.now()
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    page = f"/sub-accounts/{worker.id}/sessions"
    assert post(head, page, deed="sms", on="1", own_password="Wrong.pass-0001").status_code == 422
    assert post(head, page, deed="sms", on="1", own_password=PASSWORD).status_code == 302
    session.rollback()
    assert worker.sms_factor


@pytest.mark.feature("ACC-08", "PER-07")
def test_the_list_says_each_ones_level_and_the_worker_finds_where_to_raise_it(world: World, sign_in: Any) -> None:
    shown = text_of(sign_in(world.accounts["maintenance_head"]), "/sub-accounts/")
    assert f'href="/people/{world.worker.id}">普工</a>' in shown and shown.count(">普工</a>") == 1
    assert 'href="/m/me/data#level"' in text_of(sign_in(world.accounts["worker"]), "/profile/")
    assert "/m/me/data" not in text_of(sign_in(world.accounts["clerk"]), "/profile/")


@pytest.mark.feature("ACC-08", "ACC-12")
def test_the_list_is_narrowed_and_exported_as_it_stands(session: Any, world: World, sign_in: Any) -> None:
    worker, clerk = world.accounts["worker"], world.accounts["clerk"]
    worker.phone, clerk.active = "13900004321", False
    # Without digits, which are looked for below.
    worker.username, worker.first_name, clerk.username, clerk.first_name = "gongren", "维保工", "wenyuan", "文员"
    world.firm.name = "澜州恒枢电梯"
    session.add(ElevatorAssignment(user_id=worker.id, elevator_id=world.own.id))
    worker.sees_all_elevators, clerk.sees_all_elevators = False, True
    session.add(ExternalIdentity(user_id=worker.id, provider="zlb", subject="s-1", bound_at=AT))
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])

    def shown(query: str = "") -> set[str]:
        page = text_of(head, f"/sub-accounts/{query}")
        return {a.username for a in (worker, clerk) if f">{a.username}</td>" in page}

    both = {worker.username, clerk.username}
    assert shown() == both == shown("?role=nonsense&state=7")
    assert shown("?role=worker") == shown("?state=1") == {worker.username}
    assert shown("?state=0") == shown(f"?q={clerk.username.upper()}") == {clerk.username}
    assert shown("?q=4321") == shown("?q=13900004321") == {worker.username}
    # Nobody feels his way to a number by its parts.
    assert shown("?q=1390") == shown("?q=43") == set()
    assert "没有符合条件的子用户" in text_of(head, "/sub-accounts/?q=nobody") and shown("?q=%00") == both
    page = text_of(head, "/sub-accounts/")
    assert "已绑定" in page and "未绑定" in page and "短信认证" in page
    link = page.split('name="query" value="')[1].split('"')[0].replace("&amp;", "&")
    assert "tab=sub" in link and "f_role=worker" in text_of(head, "/sub-accounts/?role=worker")
    listed = text_of(head, f"/accounts/?{link}")
    for word in ("分配的电梯", "登录短信认证", "绑定外部身份", "等级", worker.username):
        assert word in listed, word
    assert world.accounts["other_worker"].username not in listed
    sent = head.post("/exports/accounts", data={"csrf_token": csrf(head), "format": "csv", "query": link})
    rows = {r["登录名"]: r for r in csv.DictReader(io.StringIO(sent.data.decode("utf-8-sig")))}
    assert set(rows) == both
    assert rows[worker.username]["分配的电梯"] == "1" and rows[clerk.username]["分配的电梯"] == "全部"
    assert rows[worker.username]["等级"] == "普工" and rows[clerk.username]["等级"] == ""
    assert rows[worker.username]["绑定外部身份"] == "是" and "13900004321" not in sent.data.decode("utf-8-sig")


@pytest.mark.feature("ACC-12")
def test_what_stands_elsewhere_is_read_for_a_page_together(session: Any, world: World) -> None:
    def asked() -> int:
        session.expire_all()
        listing, cols = LISTINGS["accounts"], "username,grade,elevators,identity,sms_factor,sex"
        query = listing.read({"cols": cols, "tab": "sub", "size": "100"})
        with statements() as seen:
            rows = listing.page(moment(session, world.actor("maintenance_head")), query).rows
            told = [listing.column(c).value(row) for row in rows for c in query.columns]  # type: ignore[union-attr]
        assert len(told) == len(rows) * 6
        return len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))])

    def more(count: int) -> int:
        for _n in range(count):
            make_account(session, Role.WORKER, unit=world.firm, person=make_person(session, world.firm))
        session.commit()
        asked()
        return asked()

    assert more(2) == more(8)


@pytest.mark.feature("ACC-08", "ACC-13")
def test_a_kind_of_person_ticks_and_gives_its_roles(session: Any, world: World, sign_in: Any) -> None:
    make_policy(session, "sub_accounts", 50)
    person = make_person(session, world.firm, "许清和", kind="worker")
    manager = make_person(session, world.firm, "顾明远", kind="manager")
    stranger = make_person(session, world.other_firm, "陆一川", kind="worker")
    session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    page = text_of(head, "/sub-accounts/add")
    assert "维保员按人计台次；此人已在人员名册时请选择" in page
    use = text_of(sign_in(world.accounts["use_head"]), "/sub-accounts/add")
    assert "按人计台次" not in use and "此人已在人员名册时请选择" in use, "a use unit has no workers"
    assert 'data-ticks="role"' in page and "许清和（维保员）" in page and "陆一川" not in page
    assert '<option value="worker" data-ticks="worker">维保员' in page.replace("\n", "")
    assert "按人员类型给角色" in page and "维保员 — 维保员" not in page
    assert 'value="head_worker"' not in page and 'value="safety_officer"' not in page
    page = text_of(head, f"/sub-accounts/add?person={person.id}")
    assert 'name="role" value="worker" checked' in page and 'value="许清和"' in page
    page = text_of(head, f"/sub-accounts/add?person={manager.id}")
    assert 'value="maintenance_manager" checked' in page and 'value="worker" checked' not in page
    for nobody in (stranger.id, "x", 10**20):
        assert "checked>" not in text_of(head, f"/sub-accounts/add?person={nobody}").split("可见电梯")[0]
    # Roles that were ticked are what is given; without any, those of the kind.
    fields = {"login_name": "xuqinghe", "name": "许清和", "person_id": person.id, "kind": "worker"}
    assert post(head, "/sub-accounts/add", **fields).status_code == 200
    session.rollback()
    made = session.scalar(select(Account).where(Account.username == "xuqinghe"))
    assert made is not None and {r.name for r in made.roles} == {"worker"} and made.person_id == person.id
    fields = {"login_name": "shenyue", "name": "沈越", "kind": "worker", "role": ["clerk"]}
    post(head, "/sub-accounts/add", **fields)
    session.rollback()
    made = session.scalar(select(Account).where(Account.username == "shenyue"))
    assert made is not None and {r.name for r in made.roles} == {"clerk"} and made.person_id is None
    fields = {"login_name": "tanghe", "name": "唐禾", "kind": "worker"}
    post(head, "/sub-accounts/add", **fields)
    session.rollback()
    made = session.scalar(select(Account).where(Account.username == "tanghe"))
    assert made is not None and made.person is not None and made.person.kind == "worker"


@pytest.mark.feature("ACC-08")
@pytest.mark.parametrize("kind", ["head", "head_worker", "safety_officer", "nonsense"])
def test_no_kind_gives_what_one_may_not_give(session: Any, world: World, sign_in: Any, kind: str) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    answer = post(head, "/sub-accounts/add", login_name="liyuan", name="黎远", kind=kind, role=["worker"])
    assert answer.status_code == 422 and "人员类型" in answer.get_data(as_text=True)
    assert 'value="worker" checked' in answer.get_data(as_text=True)
    assert session.scalar(select(Account).where(Account.username == "liyuan")) is None


@pytest.mark.feature("ACC-08", "PER-01")
def test_a_persons_page_leads_to_an_account_for_who_has_none(session: Any, world: World, sign_in: Any) -> None:
    person = make_person(session, world.firm, "许清和", kind="worker")
    session.commit()
    head, link = sign_in(world.accounts["maintenance_head"]), f"/sub-accounts/add?person={person.id}"
    assert link in text_of(head, f"/people/{person.id}")
    assert "/sub-accounts/add" not in text_of(head, f"/people/{world.worker.id}")
    for persona in ("clerk", "region_admin"):
        assert link not in text_of(sign_in(world.accounts[persona]), f"/people/{person.id}")
    session.rollback()
    person.left_on = AT.date()
    session.commit()
    assert link not in text_of(head, f"/people/{person.id}")


@pytest.mark.feature("ACC-12")
def test_what_a_search_found_is_what_the_list_opens(session: Any, world: World, sign_in: Any) -> None:
    worker, clerk = world.accounts["worker"], world.accounts["clerk"]
    worker.phone, worker.first_name = "13900004321", "张三"
    clerk.phone, clerk.username, clerk.first_name = "13900008765", "ban2468", "李四"
    session.commit()
    head, names = sign_in(world.accounts["maintenance_head"]), {"ban2468", worker.username}
    for query, expected in (
        ("2468", {"ban2468"}), ("8765", {"ban2468"}), ("4321", {worker.username}), ("13900004321", {worker.username}),
        ("张 4321", {worker.username}), ("4321 张", {worker.username}), ("李 2468", {"ban2468"}),
        ("2468 8765", {"ban2468"}), ("张 8765", set()), ("9999", set()),
    ):  # fmt: skip
        page = text_of(head, f"/sub-accounts/?q={query}")
        assert {name for name in names if f">{name}</td>" in page} == expected, query
        link = page.split('name="query" value="')[1].split('"')[0].replace("&amp;", "&")
        sent = head.post("/exports/accounts", data={"csrf_token": csrf(head), "format": "csv", "query": link})
        rows = {r["登录名"] for r in csv.DictReader(io.StringIO(sent.data.decode("utf-8-sig")))}
        assert rows == expected, (query, link)


@pytest.mark.feature("ACC-08")
def test_a_role_that_alone_can_be_given_is_ticked(world: World, sign_in: Any) -> None:
    """A use unit gives one role; a firm has several and chooses."""
    use = sign_in(world.accounts["use_head"])
    assert re.search(r'name="role" value="safety_officer"[^>]* checked', use.get("/sub-accounts/add").text)
    assert "主账号不进行维保作业" not in use.get("/sub-accounts/").text, "a use unit maintains nothing"
    firm = sign_in(world.accounts["maintenance_head"])
    assert not re.search(r'name="role" value="\w+"[^>]* checked', firm.get("/sub-accounts/add").text)
    assert "主账号不进行维保作业" in firm.get("/sub-accounts/").text


@pytest.mark.feature("ACC-08", "PER-06")
def test_a_sub_account_leads_to_its_person_and_one_that_is_nobody_is_told(world: World, sign_in: Any) -> None:
    """Whoever is on no list of people can't check in: the main account learns it before he stands at the elevator."""
    worker = world.accounts["worker"]
    head = sign_in(world.accounts["maintenance_head"])
    assert f'href="/people/{worker.person_id}"' in text_of(head, "/sub-accounts/")
    assert "未关联人员" not in text_of(head, "/sub-accounts/")
    world.session.rollback()
    worker.person_id = None
    world.session.commit()
    page = text_of(head, "/sub-accounts/")
    assert "未关联人员" in page and f'href="/sub-accounts/{worker.id}/rights"' in page
