"""Accounts by the interface: made, kept and assigned below one, never beyond what one has (ACC-01 to -15)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Account, ApiCall, AuditEntry, ElevatorAssignment, LiveSession, Region
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.access import api_tokens
from tests.api.callers import Caller, rules_of
from tests.conftest import csrf
from tests.factories import PASSWORD, World, make_account, make_elevator, uscc
from tests.factories import region as region_of

pytestmark = pytest.mark.feature("INT-04")


@pytest.mark.feature("ACC-12")
def test_listed_within_scope_with_masked_phones(app: Any, session: Any, world: World) -> None:
    clerk = world.accounts["clerk"]
    clerk.phone = "13912345678"
    session.commit()
    admin = Caller(app, world, "region_admin")
    rows = admin.get("/accounts?size=200").json["rows"]
    seen = {row["id"] for row in rows}
    assert clerk.id in seen and world.accounts["other_head"].id not in seen
    mine = admin.get(f"/accounts/{clerk.id}").json
    assert mine["phone"] == "139****5678" and mine["state"] == "in_use" and mine["kind"] == "sub"
    assert mine["roles"] == [{"name": "clerk", "label": "维保文员"}] and mine["unit"]["id"] == world.firm.id
    assert "13912345678" not in admin.get("/accounts?size=200").text
    subs = admin.get(f"/accounts?tab=sub&unit={world.firm.id}&role=clerk").json["rows"]
    assert [row["id"] for row in subs] == [clerk.id]
    assert rules_of(admin.get("/accounts?role=king")) == {"用户角色"}
    assert rules_of(admin.get("/accounts?tab=x")) == {"分类"}
    assert admin.get("/accounts?phone=13912345678").json["count"] > 1  # a number is not asked for in an address
    assert admin.get(f"/accounts/{world.accounts['other_head'].id}").status_code == 404


@pytest.mark.feature("ACC-02", "ACC-05")
def test_a_first_password_is_told_once(app: Any, session: Any, world: World) -> None:
    admin, here = Caller(app, world, "region_admin"), region_of(session).id
    sent = {"login_name": "jiancha.09", "name": "沈砚", "region_id": here, "role": "inspector"}
    key = {"Idempotency-Key": "account-00001"}
    made = admin.post("/accounts/regulators", sent, headers=key)
    assert made.status_code == 201 and len(made.json["password"]) >= 12
    assert made.headers["Cache-Control"].startswith("no-store")
    account = session.get(Account, made.json["account"]["id"])
    assert account.password_matches(made.json["password"]) and account.must_change_password
    assert session.scalar(select(ApiCall.id).limit(1)) is None  # no kept answer has it
    assert made.json["password"] not in admin.get(f"/accounts/{account.id}").text
    assert rules_of(admin.post("/accounts/regulators", sent, headers=key)) == {"账号"}
    assert rules_of(admin.post("/accounts/regulators", sent | {"role": "platform_admin"}), 422) >= {"账号"}
    code = uscc()
    unit = {"unit_name": "澜州望江电梯有限公司", "uscc": code, "region_id": here, "head_name": "陆川",
            "phone": "13900000071", "kinds": ["maintenance"]}  # fmt: skip
    main = admin.post("/accounts/units", unit).json
    assert main["login_name"] == code and main["account"]["kind"] == "main"
    assert rules_of(admin.post("/accounts/units", unit)) == {"主账号"}
    again = admin.post(f"/accounts/{account.id}/reset-password").json
    assert again["password"] != made.json["password"]
    assert rules_of(admin.post(f"/accounts/{world.accounts['clerk'].id}/reset-password")) == {"子用户密码"}


@pytest.mark.feature("ACC-05")
def test_locked_ended_and_back(app: Any, session: Any, world: World) -> None:
    admin, url = Caller(app, world, "region_admin"), f"/accounts/{world.accounts['maintenance_head'].id}"
    assert rules_of(admin.post(f"{url}/lock", {"reason": ""})) == {"原因"}
    assert admin.post(f"{url}/lock", {"reason": "核查"}).json["state"] == "locked"
    assert admin.post(f"{url}/unlock").json["state"] == "in_use"
    assert admin.post(f"{url}/end", {"reason": "停业"}).json["state"] == "ended"
    assert admin.post(f"{url}/resume").json["state"] == "in_use"
    assert admin.post(f"{url}/grant", {"count": 3}).json["room"]["granted"] == 3
    assert rules_of(admin.post(f"{url}/grant", {"count": "x"})) == {"参数"}
    done = set(session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "account")))
    assert {"account.lock", "account.unlock", "account.deactivate", "account.reactivate", "account.grant"} <= done


@pytest.mark.feature("ACC-01", "ACC-02")
@pytest.mark.parametrize("deed", ["lock", "unlock", "end", "resume", "grant", "reset-password"])
def test_no_hand_on_peers_oneself_or_others(app: Any, session: Any, world: World, deed: str) -> None:
    peer = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    session.commit()
    admin, sent = Caller(app, world, "region_admin"), {"reason": "试验", "count": 1}
    own, foreign = world.accounts["region_admin"].id, world.accounts["other_head"].id
    assert admin.post(f"/accounts/{own}/{deed}", sent).status_code == 403
    assert admin.post(f"/accounts/{peer.id}/{deed}", sent).status_code == 403
    assert admin.post(f"/accounts/{foreign}/{deed}", sent).status_code == 404
    sub = world.accounts["clerk"].id
    assert Caller(app, world, "maintenance_head").post(f"/accounts/{sub}/{deed}", sent).status_code == 403
    assert Caller(app, world, "inspector").post(f"/accounts/{sub}/{deed}", sent).status_code == 403


@pytest.mark.feature("ACC-01", "ACC-12", "ACC-15")
def test_a_regulators_name_place_and_role_are_changed_from_above(app: Any, session: Any, world: World) -> None:
    admin, inspector = Caller(app, world, "region_admin"), world.accounts["inspector"]
    keys = dict(session.execute(select(Region.code, Region.id)).all())
    district, street, other = (keys[c] for c in ("980402000000", "980402001000", "980403000000"))
    url, epoch = f"/accounts/{inspector.id}/facts", inspector.session_epoch
    facts = {"name": "温知夏", "region_id": district, "role": "inspector"}
    assert admin.call("PUT", url, facts).json["name"] == "温知夏"
    session.refresh(inspector)
    assert inspector.session_epoch == epoch, "a name is no right"
    assert rules_of(admin.call("PUT", url, facts | {"region_id": other, "name": ""})) == {"姓名", "所在地区"}
    assert rules_of(admin.call("PUT", url, {"name": "温知夏"})) == {"角色", "所在地区"}
    assert admin.call("PUT", url, facts | {"role": "platform_admin"}).status_code in (403, 422)
    moved = admin.call("PUT", url, facts | {"region_id": street, "role": "region_admin"})
    assert [role["name"] for role in moved.json["roles"]] == ["region_admin"]
    session.refresh(inspector)
    assert (inspector.region_code, inspector.session_epoch) == ("980402001000", epoch + 1)
    # Of a unit's main account the name only, of a sub-account nothing.
    main, sub = world.accounts["maintenance_head"].id, world.accounts["clerk"].id
    assert admin.call("PUT", f"/accounts/{main}/facts", {"name": "纪云深"}).json["name"] == "纪云深"
    assert rules_of(admin.call("PUT", f"/accounts/{main}/facts", facts)) == {"角色"}
    assert rules_of(admin.call("PUT", f"/accounts/{sub}/facts", {"name": "纪云深"})) == {"子用户"}
    peer = make_account(session, Role.REGION_ADMIN, region_code="980402000000")
    boss = make_account(session, Role.PLATFORM_ADMIN)
    session.commit()
    for target, status in ((peer, 403), (world.accounts["region_admin"], 403), (boss, 404)):
        assert admin.call("PUT", f"/accounts/{target.id}/facts", facts).status_code == status
    above = Caller(app, world, "platform_admin")
    assert rules_of(above.call("PUT", f"/accounts/{boss.id}/facts", facts)) == {"角色"}
    done = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.edit")).all()
    assert [entry.after["region_code"] for entry in done][1] == "980402001000"


@pytest.mark.feature("ACC-12", "ACC-15")
def test_the_page_changes_them_and_who_is_signed_in_is_out(app: Any, session: Any, world: World, sign_in: Any) -> None:
    inspector = world.accounts["inspector"]
    theirs, browser = sign_in(inspector), sign_in(world.accounts["region_admin"])
    page = browser.get(f"/accounts/{inspector.id}").get_data(as_text=True)
    assert "修改资料" in page and "明水街道" in page and "青坪区" not in page
    street = session.scalar(select(Region.id).where(Region.code == "980402001000"))
    sent = {"csrf_token": csrf(browser, "/"), "name": "温知夏", "region_id": street, "role": "inspector"}
    answer = browser.post(f"/accounts/{inspector.id}/edit", data=sent | {"name": ""})
    assert answer.status_code == 422 and "请填写姓名" in answer.get_data(as_text=True)
    assert theirs.get("/profile/").status_code == 200
    assert browser.post(f"/accounts/{inspector.id}/edit", data=sent).status_code == 302
    assert theirs.get("/profile/").status_code == 302


@pytest.mark.feature("ACC-08", "ACC-09", "ACC-13")
def test_a_sub_account_with_roles_and_rights(app: Any, session: Any, world: World) -> None:
    head = Caller(app, world, "maintenance_head")
    sent = {"login_name": "weibao.21", "name": "周舟", "roles": ["clerk"]}
    made = head.post("/accounts/subs", sent)
    assert made.status_code == 201 and made.json["password"]
    assert rules_of(head.post("/accounts/subs", sent | {"login_name": "weibao.22", "roles": ["inspector"]})) == {"角色"}
    url = f"/accounts/{made.json['account']['id']}"
    changed = head.call("PATCH", url, {"sex": "female"}).json
    assert changed["sex"] == "female" and changed["name"] == "周舟"
    rights = head.get(f"{url}/rights").json
    assert all(one["ticked"] for one in rights["rights"]) and rights["roles"] == ["clerk"]
    assert "contract.read" in {one["name"] for one in rights["rights"]}
    few = head.call("PUT", f"{url}/rights", {"verbs": ["contract.read"]}).json
    assert [one["name"] for one in few["rights"] if one["ticked"]] == ["contract.read"]
    assert head.call("PUT", f"{url}/rights", {"verbs": ["account.create"]}).status_code == 403
    assert rules_of(head.call("PUT", f"{url}/rights", {"verbs": ["king"]})) == {"权限"}
    assert rules_of(head.call("PUT", f"{url}/rights", {"verbs": "contract.read"})) == {"参数"}
    roles = head.call("PUT", f"{url}/roles", {"roles": ["clerk", "worker"]}).json["roles"]
    assert roles == ["clerk", "worker"] and head.get(url).json["person_id"] is not None
    assert head.call("PUT", f"{url}/roles", {"roles": ["region_admin"]}).status_code == 403
    assert head.call("DELETE", url).json == {"deleted": True}
    assert head.get(url).status_code == 404


@pytest.mark.feature("ACC-11")
def test_a_subs_password_asks_for_ones_own(app: Any, session: Any, world: World) -> None:
    head, sub = Caller(app, world, "maintenance_head"), world.accounts["clerk"]
    url = f"/accounts/{sub.id}/password"
    assert rules_of(head.post(url, {"own_password": "wrong-one"})) == {"原密码"}
    assert head.post(url, {"own_password": "wrong-one"}).json["errors"][0]["field"] == "own_password"
    made = head.post(url, {"own_password": PASSWORD}).json
    session.refresh(sub)
    assert sub.password_matches(made["password"]) and sub.must_change_password
    foreign = world.accounts["use_head"].id
    assert head.post(f"/accounts/{foreign}/password", {"own_password": PASSWORD}).status_code == 404
    main = world.accounts["maintenance_head"].id
    assert head.post(f"/accounts/{main}/password", {"own_password": PASSWORD}).status_code == 403


@pytest.mark.feature("ACC-10")
def test_elevators_by_rule_by_search_and_one_by_one(app: Any, session: Any, world: World) -> None:
    more = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, code="700001")
    sub = world.accounts["clerk"]
    sub.sees_all_elevators = False
    session.commit()
    head, url = Caller(app, world, "maintenance_head"), f"/accounts/{sub.id}/elevators"
    assert head.post(f"{url}/give", {"elevator_ids": [more.id]}).json == {"count": 1, "sees_all_elevators": False}
    assert head.post(f"{url}/give", {"elevator_ids": [more.id]}).json["count"] == 0
    assert [row["id"] for row in head.get(url).json["rows"]] == [more.id]
    assert rules_of(head.post(f"{url}/give", {"elevator_ids": [world.foreign.id]})) == {"电梯分配"}
    assert rules_of(head.post(f"{url}/give", {})) == {"电梯分配"}
    assert rules_of(head.post(f"{url}/give", {"filter": {"colour": "red"}})) == {"筛选"}
    assert head.post(f"{url}/give", {"filter": {"tab": "all"}}).json["count"] == 1
    assert head.post(f"{url}/take", {"filter": {"q": "700001"}}).json["count"] == 1
    held = set(session.scalars(select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == sub.id)))
    assert held == {world.own.id}
    assert head.post(f"{url}/give", {"all": True}).json == {"count": None, "sees_all_elevators": True}
    foreign = f"/accounts/{world.accounts['other_worker'].id}/elevators"
    assert head.post(f"{foreign}/give", {"all": True}).status_code == 404
    assert head.get(foreign).status_code == 404


@pytest.mark.feature("ACC-15")
def test_sessions_below_are_seen_and_ended(app: Any, session: Any, world: World, sign_in: Any) -> None:
    clerk, head = world.accounts["clerk"], world.accounts["maintenance_head"]
    browser, own = sign_in(clerk), sign_in(head)
    caller = Caller(app, world, "maintenance_head")
    rows = caller.get(f"/accounts/{clerk.id}/sessions").json["rows"]
    assert len(rows) == 1 and not rows[0]["here"]
    assert own.get("/api/v1/sessions").json["rows"][0]["here"]
    assert browser.get("/api/v1/me").status_code == 200
    assert caller.call("DELETE", f"/sessions/{rows[0]['id']}").json == {"done": True}
    assert browser.get("/api/v1/me").status_code == 401
    assert caller.call("DELETE", f"/accounts/{clerk.id}/sessions").json == {"done": True}
    foreign = world.accounts["other_head"].id
    assert caller.get(f"/accounts/{foreign}/sessions").status_code == 404
    assert caller.call("DELETE", f"/accounts/{foreign}/sessions").status_code in (403, 404)


@pytest.mark.feature("ACC-15")
def test_a_token_neither_sees_nor_ends_its_owners(app: Any, session: Any, world: World, sign_in: Any) -> None:
    head = world.accounts["maintenance_head"]
    browser, caller = sign_in(head), Caller(app, world, "maintenance_head")
    held = session.scalar(select(LiveSession.id).where(LiveSession.user_id == head.id))
    assert caller.get("/sessions").status_code == 403
    assert caller.get(f"/accounts/{head.id}/sessions").status_code == 403
    assert caller.call("DELETE", f"/sessions/{held}").status_code == 403
    assert caller.call("DELETE", f"/accounts/{head.id}/sessions").status_code == 403
    assert browser.get("/api/v1/me").status_code == 200


@pytest.mark.feature("ACC-13")
def test_the_role_matrix(app: Any, world: World) -> None:
    rows = {row["name"]: row for row in Caller(app, world, "region_admin").get("/roles").json["rows"]}
    assert "platform_admin" not in rows and "inspector" in rows["region_admin"]["gives"]
    assert {"name": "visit.make", "label": "签到签退"} in rows["worker"]["verbs"]


@pytest.mark.feature("ACC-09")
@pytest.mark.parametrize(
    ("ticked", "method", "path"),
    [("account.create", "GET", "/accounts"), ("account.read", "POST", "/accounts/regulators"),
     ("account.read", "POST", "/accounts/1/lock"), ("person.read", "POST", "/people"),
     ("person.edit", "GET", "/people"), ("person.edit", "POST", "/invitations/1/approve"),
     ("safety.read", "POST", "/risks"), ("patrol.read", "POST", "/patrols"),
     ("policy.read", "POST", "/policy-tests")],
)  # fmt: skip
def test_scopes_are_by_verb(app: Any, world: World, ticked: str, method: str, path: str) -> None:
    actor = "platform_admin" if ticked != "person.edit" and path != "/risks" else "maintenance_head"
    persona = "use_head" if path in ("/risks", "/patrols") else actor
    persona = "maintenance_head" if path == "/people" else persona
    answer = Caller(app, world, persona, [ticked]).call(method, path, {})
    assert rules_of(answer, 403) == {"权限"}


def test_no_token_has_what_is_not_offered(session: Any, world: World) -> None:
    """Whole numbers and the operators' desk are for people."""
    assert not {Verb.SENSITIVE_READ, Verb.OPS, Verb.REGION_EDIT} & api_tokens.OFFERED
    until = clock.today() + dt.timedelta(days=3)
    with pytest.raises(Exception, match="权限"), transaction(session):
        api_tokens.make(session, world.actor("region_admin"), "x", ["sensitive.read"], until, clock.now())
