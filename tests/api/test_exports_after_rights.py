"""A right taken away holds from the next request, also for exports that are finished: by page and by interface."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest

from app import clock
from app.models import Attachment, ElevatorAssignment
from app.permissions import BASIC, GRANTS, Actor, Role, Verb
from app.transaction import transaction
from app.workflows.access import accounts, api_tokens, sub_accounts, sub_rights
from app.workflows.files import attachments
from tests.api.callers import Caller
from tests.api.test_filing_api import token
from tests.factories import World

pytestmark = pytest.mark.feature("ACC-09", "RPR-01", "INT-04")
CSV = "识别码\n100001\n".encode()


def export(session: Any, actor: Actor) -> int:
    """A finished export of this actor's."""
    with transaction(session):
        row = attachments.store(
            session, actor, clock.now(), io.BytesIO(CSV), "电梯.csv", "export", "job", 1, actor.unit_id,
            actor.region_code,
        )  # fmt: skip
    return int(row.id)


class Doors:
    """The clerk's finished export, asked for by the browser that is signed in and by his token of the interface."""

    def __init__(self, app: Any, session: Any, world: World, sign_in: Any) -> None:
        self.session, self.world = session, world
        self.account = world.accounts["clerk"]
        self.key = export(session, world.actor("clerk"))
        self.browser, self.client = sign_in(self.account), app.test_client()
        self.headers = token(app, world, "clerk")

    def asked(self) -> tuple[int, int]:
        self.session.rollback()
        page = self.browser.get(f"/files/{self.key}")
        api = self.client.get(f"/api/v1/files/{self.key}", headers=self.headers)
        for answer in (page, api):
            assert (CSV in answer.data) == (answer.status_code == 200)
        return page.status_code, api.status_code

    def does(self, deed: Callable[[Any, Actor], Any]) -> None:
        with transaction(self.session):
            deed(self.session, self.world.actor("maintenance_head"))


@pytest.fixture
def doors(app: Any, session: Any, world: World, sign_in: Any) -> Doors:
    found = Doors(app, session, world, sign_in)
    assert found.asked() == (200, 200)
    return found


def all_but(*verbs: Verb) -> list[str]:
    """What can be ticked for a clerk, without these."""
    return sorted(GRANTS[Role.CLERK] - BASIC - set(verbs))


@pytest.mark.parametrize("verb", [Verb.EXPORT, Verb.PERSON_READ])
def test_a_right_that_is_ticked_no_more(doors: Doors, verb: Verb) -> None:
    """The right to export, and any other: the file holds what was seen by it."""
    key, now = doors.account.id, clock.now()
    doors.does(lambda session, head: sub_rights.set_rights(session, head, key, all_but(verb), now))
    assert doors.asked() == (403, 403)
    doors.does(lambda session, head: sub_rights.set_rights(session, head, key, all_but(), now))
    assert doors.asked() == (200, 200), "given back, it is the same file for the same rights"


def test_elevators_that_are_taken_away(doors: Doors) -> None:
    key, now, own = doors.account.id, clock.now(), doors.world.own.id
    doors.session.add(ElevatorAssignment(user_id=key, elevator_id=own))
    doors.session.get(type(doors.account), key).sees_all_elevators = False
    doors.session.commit()
    assert doors.asked() == (403, 403)
    narrowed = export(doors.session, doors.world.actor("clerk"))
    doors.key, before = narrowed, doors.key
    assert doors.asked() == (200, 200)
    doors.does(lambda session, head: sub_accounts.unassign(session, head, key, [own], now))
    assert doors.asked() == (403, 403)
    doors.key = before
    assert doors.asked() == (403, 403)


def test_the_givers_right_taken_away(doors: Doors) -> None:
    """What the main account has no more, nobody under it has."""
    doors.account.parent_user_id = doors.world.accounts["maintenance_head"].id
    doors.session.commit()
    assert doors.asked() == (200, 200)
    roles = list(doors.world.accounts["maintenance_head"].roles)
    doors.world.accounts["maintenance_head"].roles = list(doors.world.accounts["use_head"].roles)
    doors.session.commit()
    assert doors.asked() == (403, 403)
    doors.world.accounts["maintenance_head"].roles = roles
    doors.session.commit()
    assert doors.asked() == (200, 200)


def test_other_roles_and_an_ended_account(doors: Doors) -> None:
    key, now = doors.account.id, clock.now()
    doors.does(lambda session, head: sub_rights.set_roles(session, head, key, ["maintenance_manager"], None, now))
    assert doors.asked() == (302, 401), "signed out everywhere"
    doors.does(lambda session, head: sub_accounts.remove(session, head, key, now))
    assert doors.asked() == (302, 401)


def test_a_locked_account(app: Any, session: Any, world: World, sign_in: Any) -> None:
    key = export(session, world.actor("inspector"))
    browser, headers = sign_in(world.accounts["inspector"]), token(app, world, "inspector")
    assert browser.get(f"/files/{key}").status_code == 200
    with transaction(session):
        accounts.lock_account(session, world.actor("region_admin"), world.accounts["inspector"].id, "离岗", clock.now())
    assert browser.get(f"/files/{key}").status_code == 302
    assert app.test_client().get(f"/api/v1/files/{key}", headers=headers).status_code == 401


def test_a_token_has_what_was_made_by_such_a_token(app: Any, session: Any, world: World) -> None:
    """Not what was made with all rights of its owner, nor with other ticks; and nothing once it is revoked."""
    whole = export(session, world.actor("clerk"))
    caller = Caller(app, world, "clerk", [Verb.EXPORT.value, Verb.ELEVATOR_READ.value])
    with transaction(session):
        text = caller.headers["Authorization"].removeprefix("Bearer ")
        found = api_tokens.actor_by_text(session, text, clock.now(), None)
        assert found is not None
        row, through = found
    own = export(session, through)
    assert caller.get(f"/files/{whole}").status_code == 403 and caller.get(f"/files/{own}").data == CSV
    less = Caller(app, world, "clerk", [Verb.ELEVATOR_READ.value])
    assert {less.get(f"/files/{key}").status_code for key in (whole, own)} == {403}
    with transaction(session):
        api_tokens.revoke(session, world.actor("clerk"), row.id, clock.now())
    assert caller.get(f"/files/{own}").status_code == 401


@pytest.mark.parametrize("persona", ["maintenance_head", "region_admin", "platform_admin", "other_head"])
def test_nobody_elses_export_is_fetched(app: Any, session: Any, world: World, sign_in: Any, persona: str) -> None:
    key = export(session, world.actor("clerk"))
    browser, headers = sign_in(world.accounts[persona]), token(app, world, persona)
    assert browser.get(f"/files/{key}").status_code in (403, 404)
    assert app.test_client().get(f"/api/v1/files/{key}", headers=headers).status_code in (403, 404)
    kept = session.get(Attachment, key)
    assert kept is not None and kept.uploaded_at <= clock.now() + dt.timedelta(seconds=1)
