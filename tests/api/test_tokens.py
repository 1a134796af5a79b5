"""Personal tokens: worth what their owner is worth now, within what was ticked, until they end (INT-04)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flask_jwt_extended import create_access_token
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Account, ApiToken, AuditEntry, Elevator
from app.permissions import GRANTS, Role, Verb
from app.transaction import transaction
from app.workflows.access import accounts, api_tokens
from app.workflows.desk import applications
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.workflows.filing_world import elevator_data, save, submit

pytestmark = pytest.mark.feature("INT-04")
READ = ["elevator.read", "application.read"]


def make(world: World, persona: str, verbs: list[str] = READ, days: int = 30) -> str:
    with transaction(world.session) as session:
        until = clock.today() + dt.timedelta(days=days)
        _row, text = api_tokens.make(session, world.actor(persona), "试验系统", verbs, until, clock.now())
    return text


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def status(app: Any, text: str, url: str = "/api/v1/elevators") -> int:
    return int(app.test_client().get(url, headers=bearer(text)).status_code)


def test_a_token_reads_within_its_owners_scope(app: Any, world: World) -> None:
    headers, client = bearer(make(world, "maintenance_head")), app.test_client()
    found = client.get("/api/v1/elevators", headers=headers).json
    assert [row["code"] for row in found["rows"]] == [world.own.code]
    assert client.get(f"/api/v1/elevators/{world.foreign.id}", headers=headers).status_code == 404
    me = client.get("/api/v1/me", headers=headers).json
    assert set(me["verbs"]) == {"home", *READ} and me["token"] == world.session.scalar(select(ApiToken.id))


def test_only_the_digest_is_kept_and_the_day_of_use(app: Any, world: World) -> None:
    text = make(world, "inspector")
    row = world.session.scalars(select(ApiToken)).one()
    assert text.startswith("tian_") and text not in repr(vars(row)) and row.start == text[:10]
    assert row.digest == api_tokens.digest_of(text) and row.used_on is None
    assert status(app, text) == 200
    world.session.rollback()
    assert world.session.scalars(select(ApiToken)).one().used_on == clock.today()


def test_what_was_not_ticked_is_refused_in_words(app: Any, world: World) -> None:
    text = make(world, "inspector", ["elevator.read"])
    answer = app.test_client().get("/api/v1/applications", headers=bearer(text))
    assert answer.status_code == 403 and "令牌" in answer.json["errors"][0]["remedy"]


def test_ticked_is_never_more_than_the_owner_may_now(world: World) -> None:
    actor = world.actor("worker").by_token(1, frozenset({Verb.APPLICATION_DECIDE, Verb.ELEVATOR_READ}))
    assert actor.may(Verb.ELEVATOR_READ) and not actor.may(Verb.APPLICATION_DECIDE)
    assert actor.verbs == {Verb.HOME, Verb.ELEVATOR_READ}
    for role in Role:
        held = world.actor("inspector").by_token(2, frozenset(Verb))
        assert held.verbs == GRANTS[Role.INSPECTOR], role


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": " "}, "name"), ({"name": "长" * 61}, "name"), ({"verbs": []}, "verbs"), ({"verbs": ["ops"]}, "verbs"),
     ({"verbs": ["application.decide"]}, "verbs"), ({"verbs": ["sensitive.read"]}, "verbs"), ({"days": -1}, "ends_on"),
     ({"days": 366}, "ends_on"), ({"days": None}, "ends_on")],
)  # fmt: skip
def test_a_form_that_asks_too_much(session: Any, world: World, change: dict[str, Any], field: str) -> None:
    asked: dict[str, Any] = {"name": "系统", "verbs": ["elevator.read"], "days": 365} | change
    until = None if asked["days"] is None else clock.today() + dt.timedelta(days=asked["days"])
    with pytest.raises(Refusal) as caught, transaction(session):
        api_tokens.make(session, world.actor("clerk"), asked["name"], asked["verbs"], until, clock.now())
    assert field in {f.field for f in caught.value.findings}


def test_a_token_makes_no_token(session: Any, world: World) -> None:
    through = world.actor("inspector").by_token(1, frozenset(Verb))
    with pytest.raises(NotAllowed), transaction(session):
        api_tokens.make(session, through, "另一个", READ, clock.today(), clock.now())


@pytest.mark.parametrize("end", ["revoke", "lock", "end", "password", "role", "day"])
def test_it_dies_with_what_it_stood_on(app: Any, session: Any, world: World, end: str) -> None:
    text = make(world, "inspector", days=5)
    assert status(app, text) == 200
    session.rollback()
    account, at = world.accounts["inspector"], clock.now()
    key = session.scalar(select(ApiToken.id))
    admin = world.actor("region_admin")
    if end == "day":
        with clock.frozen(at + dt.timedelta(days=6)):
            assert status(app, text) == 401
        return
    with transaction(session):
        account = session.get(Account, account.id)
        if end == "revoke":
            api_tokens.revoke(session, world.actor("inspector"), key, at)
        elif end == "lock":
            accounts.lock_account(session, admin, account.id, "试验", at)
        elif end == "end":
            accounts.deactivate(session, admin, account.id, "试验", at)
        elif end == "password":
            account.set_password(PASSWORD)
        else:
            account.session_epoch += 1
    answer = app.test_client().get("/api/v1/elevators", headers=bearer(text))
    assert answer.status_code == 401 and answer.json["errors"][0]["field"] == "Authorization"
    assert app.test_client().get("/api/v1/me", headers=bearer(text)).status_code == 401


def test_an_unlocked_account_does_not_wake_its_tokens(app: Any, session: Any, world: World) -> None:
    text, admin = make(world, "inspector"), world.actor("region_admin")
    with transaction(session):
        accounts.lock_account(session, admin, world.accounts["inspector"].id, "试验", clock.now())
        accounts.unlock_account(session, admin, world.accounts["inspector"].id, clock.now())
    assert status(app, text) == 401


def test_a_worthless_token_with_a_cookie_is_nobody(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    assert browser.get("/api/v1/elevators").status_code == 200
    assert browser.get("/api/v1/elevators", headers=bearer("tian_no")).status_code == 401
    worker = make(world, "worker", ["elevator.read"])
    assert browser.get("/api/v1/me", headers=bearer(worker)).json["login_name"] == world.accounts["worker"].username


def test_it_opens_no_page(app: Any, world: World) -> None:
    text = make(world, "inspector")
    for url in ("/elevators/", "/profile/tokens/", "/files/1"):
        assert app.test_client().get(url, headers=bearer(text)).status_code in (302, 401)


def test_deeds_by_token_name_it_in_the_log(app: Any, session: Any, world: World) -> None:
    row = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world))
    application = submit(session, world.actor("maintenance_head"), row)
    text = make(world, "inspector", ["application.read", "application.decide", "elevator.read"])
    number, seen = application.id, application.row_version
    body = {"verb": "approve", "seen_version": seen}
    answer = app.test_client().post(f"/api/v1/applications/{number}/decision", json=body, headers=bearer(text))
    assert answer.status_code == 200, answer.text
    session.rollback()
    key = session.scalar(select(ApiToken.id))
    vias = set(session.scalars(select(AuditEntry.via).where(AuditEntry.entity == "elevator").order_by(AuditEntry.id)))
    assert f"token:{key}" in vias
    assert applications.steps(session, session.get(type(application), number))[-1].verb == "approve"


@pytest.mark.feature("ELV-05")
def test_without_the_tick_no_secret_elevator_is_told_of(app: Any, session: Any, world: World) -> None:
    world.own.is_secret = True
    session.commit()
    key = world.own.id
    plain = make(world, "platform_admin", ["elevator.read"])
    whole = make(world, "platform_admin", ["elevator.read", "secret.read"])
    assert status(app, plain, f"/api/v1/elevators/{key}") == 404
    assert status(app, whole, f"/api/v1/elevators/{key}") == 200
    listed = app.test_client().get("/api/v1/elevators", headers=bearer(plain)).json["rows"]
    assert listed and key not in {r["id"] for r in listed}
    with scope.acting(world.actor("platform_admin").by_token(1, frozenset({Verb.ELEVATOR_READ}))):
        assert session.scalar(select(Elevator).where(Elevator.id == key)) is None


@pytest.mark.feature("RPR-01")
def test_what_was_made_with_all_rights_is_not_for_a_token(session: Any, world: World) -> None:
    owner = world.actor("inspector")
    through = owner.by_token(1, frozenset({Verb.EXPORT}))
    assert attachments.rights_of(session, owner) != attachments.rights_of(session, through)
    assert attachments.rights_of(session, owner) == attachments.rights_of(session, world.actor("inspector"))


def test_a_call_by_token_begins_no_session(app: Any, world: World) -> None:
    text = make(world, "inspector")
    answer = app.test_client().get("/api/v1/elevators", headers=bearer(text))
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers


# --- the pages


def test_made_on_the_page_shown_once(app: Any, session: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    url, until = "/profile/tokens/", (clock.today() + dt.timedelta(days=30)).isoformat()
    page = browser.get(url).get_data(as_text=True)
    assert 'value="contract.edit"' in page and "application.decide" not in page
    form = {"csrf_token": csrf(browser, url), "name": "台账同步", "verbs": ["elevator.read"], "ends_on": until}
    wrong = browser.post(url, data=form | {"password": "not it"})
    assert wrong.status_code == 422 and "tian_" not in wrong.get_data(as_text=True)
    answer = browser.post(url, data=form | {"password": PASSWORD})
    text = answer.get_data(as_text=True).split('id="issued-token">')[1].split("<")[0]
    assert answer.headers["Cache-Control"].startswith("no-store") and status(app, text) == 200
    again = browser.get(url).get_data(as_text=True)
    assert "台账同步" in again and text not in again
    session.rollback()
    key = session.scalar(select(ApiToken.id))
    browser.post(f"{url}{key}/revoke", data={"csrf_token": csrf(browser, url)})
    assert status(app, text) == 401 and "已撤销" in browser.get(url).get_data(as_text=True)


def test_an_administrator_sees_and_ends_those_of_his_accounts(session: Any, world: World, sign_in: Any) -> None:
    make(world, "inspector")
    key = session.scalar(select(ApiToken.id))
    admin = sign_in(world.accounts["region_admin"])
    assert "试验系统" in admin.get("/tokens/").get_data(as_text=True)
    assert "撤销" in admin.get(f"/tokens/{key}").get_data(as_text=True)
    clerk = sign_in(world.accounts["clerk"])
    assert clerk.get(f"/tokens/{key}").status_code in (302, 403, 404)
    with pytest.raises(NotFound), transaction(session):
        api_tokens.revoke(session, world.actor("clerk"), key, clock.now())
    with pytest.raises(NotFound), transaction(session):
        api_tokens.revoke(session, world.actor("maintenance_head"), key, clock.now())
    admin.post(f"/profile/tokens/{key}/revoke", data={"csrf_token": csrf(admin)})
    session.rollback()
    assert session.get(ApiToken, key).revoked_by_id == world.accounts["region_admin"].id


def test_a_main_account_ends_those_of_its_sub_accounts(session: Any, world: World) -> None:
    make(world, "clerk")
    key = session.scalar(select(ApiToken.id))
    with transaction(session):
        api_tokens.revoke(session, world.actor("maintenance_head"), key, clock.now())
    assert session.get(ApiToken, key).revoked_at is not None


# --- the token that signing in gives


def signed_in(app: Any, world: World, persona: str, **more: Any) -> dict[str, Any]:
    body = {"username": world.accounts[persona].username, "password": PASSWORD, "provider": "db"} | more
    answer = app.test_client().post("/api/v1/security/login", json=body)
    world.session.rollback()
    return dict(answer.json)


def test_a_right_taken_away_is_gone_with_the_next_call(app: Any, session: Any, world: World) -> None:
    """Though nothing of the token, the account's epoch or its roles has changed."""
    text = signed_in(app, world, "worker")["access_token"]
    assert status(app, text) == 200
    with transaction(session):
        session.get(Account, world.accounts["worker"].id).ticked = " visit.make "
    assert status(app, text) == 403
    with transaction(session):
        session.get(Account, world.accounts["worker"].id).ticked = None
    assert status(app, text) == 200
    with transaction(session):
        session.get(Account, world.accounts["worker"].id).session_epoch += 1
    assert status(app, text) == 401


def test_only_a_whole_access_token_of_ours_counts(app: Any, world: World) -> None:
    given = signed_in(app, world, "worker", refresh=True)
    good = given["access_token"]
    head, claims, mark = good.split(".")
    with app.app_context():
        late = create_access_token(str(world.accounts["worker"].id), expires_delta=dt.timedelta(seconds=-1))
    assert status(app, good) == status(app, good) == 200
    for text in (given["refresh_token"], late, f"{head}.{claims}.{mark[::-1]}", f"{head}.{claims}.", claims, "x"):
        assert status(app, text) == 401, text


def test_a_signed_in_call_begins_no_session(app: Any, world: World) -> None:
    answer = app.test_client().get(
        "/api/v1/elevators", headers=bearer(signed_in(app, world, "worker")["access_token"])
    )
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
