"""撤销批准 (LIF-07): an officer takes back what was approved for a later day; with a reason, before its day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import Account, Application, ApplicationStep, AuditEntry, Notification
from app.permissions import Role
from app.transaction import transaction
from app.workflows.approval import effects
from app.workflows.desk import revocations
from tests import factories
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY, decide, fresh
from tests.workflows.test_lifecycle import DAY, ask

pytestmark = pytest.mark.feature("LIF-07", "LIF-02")
ON = TODAY + 3 * DAY


def revoke(
    world: World, application: Application, reason: str = "现场核实仍在使用", who: str | Account = "inspector",
    at: dt.datetime = AT + DAY, seen: int | None = None,
) -> Application:  # fmt: skip
    actor = world.actor(who) if isinstance(who, str) else factories.actor(who)
    version = application.row_version if seen is None else seen
    with scope.acting(actor), transaction(world.session):
        return revocations.revoke(world.session, actor, application.id, reason, version, at)


def officer(world: World, **more: Any) -> Account:
    made = factories.make_account(world.session, Role.INSPECTOR, region_code="980402000000", **more)
    world.session.commit()
    return made


def told(world: World, prefix: str) -> set[int]:
    keys = select(Notification.recipient_id).where(Notification.dedupe_key.startswith(prefix))
    return set(world.session.scalars(keys))


def steps(world: World, application: Application) -> list[str]:
    statement = select(ApplicationStep.verb).where(ApplicationStep.application_id == application.id)
    return list(world.session.scalars(statement.order_by(ApplicationStep.id)))


@pytest.fixture
def planned(world: World) -> Application:
    """停用 in three days, approved by one officer."""
    made = ask(world, "suspension", effective_on=ON)
    decide(world.session, world.actor("inspector"), made, "approve")
    return made


@pytest.fixture
def twice(world: World) -> Application:
    """The same by two."""
    factories.make_policy(world.session, "second_approval", "all")
    made = ask(world, "suspension", effective_on=ON)
    decide(world.session, world.actor("inspector"), made, "approve")
    second = officer(world)
    with scope.acting(factories.actor(second)):
        decide(world.session, factories.actor(second), made, "approve")
    assert made.state == "approved"
    return made


def test_nothing_comes_of_it_and_the_unit_is_told_why(world: World, planned: Application) -> None:
    other = officer(world)
    revoke(world, planned, who=other)
    assert (planned.state, planned.is_open, planned.took_effect_at) == ("withdrawn", False, None)
    assert steps(world, planned)[-2:] == ["approve", "revoke"] and planned.opinion == "现场核实仍在使用"
    assert world.accounts["use_head"].id in told(world, "revoke:")
    said = world.session.scalars(select(Notification.body).where(Notification.dedupe_key.startswith("revoke:"))).all()
    assert all("现场核实仍在使用" in body for body in said)
    assert told(world, "revoked:") == {world.accounts["inspector"].id}, "who approved it"
    entry = world.session.scalar(select(AuditEntry).where(AuditEntry.action == "application.revoke"))
    assert entry is not None and entry.actor_id == other.id
    with transaction(world.session):
        assert effects.take_effect_due(world.session, ON, AT + 3 * DAY) == 0
    assert world.own.status == "in_use"
    again = ask(world, "suspension", effective_on=ON)
    assert again.state == "submitted", "another one can be applied for"


@pytest.mark.parametrize("reason", ["", "  \n", "长" * 501])
def test_without_a_reason_it_stands(world: World, planned: Application, reason: str) -> None:
    with pytest.raises(Refusal, match="撤销理由"):
        revoke(world, planned, reason)
    assert planned.state == "approved" and "revoke" not in steps(world, planned)


@pytest.mark.parametrize("days", [3, 4])
def test_from_its_day_on_it_holds_however_late_the_night_is(world: World, planned: Application, days: int) -> None:
    with pytest.raises(Stale, match="当天起不能撤销"):
        revoke(world, planned, at=AT + days * DAY)
    with transaction(world.session):
        assert effects.take_effect_due(world.session, TODAY + days * DAY, AT + days * DAY) == 1
    with pytest.raises(Stale, match="已经生效"):
        revoke(world, planned, at=AT + days * DAY)


def test_on_the_day_before_it_still_can(world: World, planned: Application) -> None:
    at = dt.datetime(2026, 11, 22, 15, 59, 59, tzinfo=dt.UTC)  # a second before its day in Shanghai
    assert clock.local_day(at + dt.timedelta(seconds=1)) == ON
    assert revoke(world, planned, at=at).state == "withdrawn"


@pytest.mark.parametrize(
    ("who", "error"),
    [("use_head", NotAllowed), ("maintenance_head", NotAllowed), ("other_inspector", NotFound), ("clerk", NotAllowed)],
)
def test_only_an_officer_of_the_place(world: World, planned: Application, who: str, error: type[Refusal]) -> None:
    with pytest.raises(error):
        revoke(world, planned, who=who)
    assert planned.state == "approved"


def test_what_waits_for_a_decision_has_no_approval_to_take_back(world: World) -> None:
    open_one = ask(world, "suspension", effective_on=ON)
    with pytest.raises(Stale, match="没有批准在等待生效"):
        revoke(world, open_one)
    decide(world.session, world.actor("inspector"), open_one, "reject", "材料不符")
    with pytest.raises(Stale, match="没有批准在等待生效"):
        revoke(world, open_one)


def test_once_only_and_only_what_was_seen(world: World, planned: Application) -> None:
    with pytest.raises(Stale, match="您打开页面后"):
        revoke(world, planned, seen=planned.row_version - 1)
    revoke(world, planned)
    with pytest.raises(Stale, match="没有批准在等待生效"):
        revoke(world, planned)


# --- where two approved


def test_two_revoke_what_two_approved(world: World, twice: Application) -> None:
    third = officer(world)
    revoke(world, twice, "停用不实")
    assert twice.state == "approved" and steps(world, twice)[-1] == "ask_revoke"
    assert third.id in told(world, "ask_revoke:") and world.accounts["inspector"].id not in told(world, "ask_revoke:")
    assert not told(world, "revoke:"), "the unit hears of it when it is so"
    entry = world.session.scalar(select(AuditEntry).where(AuditEntry.action == "application.ask_revoke"))
    assert entry.after == {"reason": "停用不实"}
    with pytest.raises(NotAllowed, match="您就是提出撤销的人"):
        revoke(world, twice, "停用不实")
    assert twice.state == "approved"
    revoke(world, twice, "核实无误", who=third)
    assert twice.state == "withdrawn" and steps(world, twice)[-2:] == ["ask_revoke", "revoke"]
    assert world.accounts["inspector"].id in told(world, "revoked:")


def test_the_second_may_not_have_made_the_first(world: World, twice: Application) -> None:
    revoke(world, twice)
    below = officer(world, parent_user_id=world.accounts["inspector"].id)
    with pytest.raises(NotAllowed):
        revoke(world, twice, who=below)
    assert twice.state == "approved"


def test_one_word_alone_stops_nothing(world: World, twice: Application) -> None:
    revoke(world, twice)
    with transaction(world.session):
        assert effects.take_effect_due(world.session, ON, AT + 3 * DAY) == 1
    assert world.own.status == "suspended"


# --- on the page and by the interface


@pytest.fixture
def coming(world: World) -> Application:
    made = ask(world, "suspension", at=clock.now(), effective_on=clock.today() + 5 * DAY)
    decide(world.session, world.actor("inspector"), made, "approve", at=clock.now())
    return made


def test_on_its_page(world: World, coming: Application, sign_in: Any) -> None:
    page, inspector = f"/applications/{coming.id}", sign_in(world.accounts["inspector"])
    form = {"csrf_token": csrf(inspector), "seen_version": str(coming.row_version)}
    assert f"已批准，{coming.effective_on} 起生效；当天起不能撤销" in inspector.get(page).text
    assert "/revoke" not in sign_in(world.accounts["use_head"]).get(page).text
    refused = inspector.post(f"{page}/revoke", data=form)
    assert refused.status_code == 422 and "撤销理由" in refused.text
    done = inspector.post(f"{page}/revoke", data=form | {"revoke_reason": "现场仍在使用"}, follow_redirects=True).text
    assert "已撤销批准" in done and "现场仍在使用" in done and f"{page}/revoke" not in done
    text = sign_in(world.accounts["use_head"]).get(page).text
    assert "撤销批准" in text and "现场仍在使用" in text and "重新申请" in text
    assert "已核准停用" not in inspector.get(f"/elevators/{world.own.id}").text
    assert inspector.post(f"{page}/revoke", data=form | {"revoke_reason": "又"}).status_code == 409


def test_by_the_interface(app: Any, world: World, coming: Application) -> None:
    caller = Caller(app, world, "inspector")
    path, seen = f"/applications/{coming.id}/revoke", coming.row_version
    assert caller.post(path, {"reason": "", "seen_version": seen}).status_code == 422
    assert caller.post(path, {"reason": "不实", "seen_version": seen + 9}).status_code == 409
    done = caller.post(path, {"reason": "不实", "seen_version": seen})
    assert done.status_code == 200 and done.json["state"] == "withdrawn"
    assert done.json["steps"][-1]["verb"] == "revoke" and done.json["steps"][-1]["opinion"] == "不实"
    assert Caller(app, world, "use_head").post(path, {"reason": "不实", "seen_version": seen}).status_code == 403
    fresh(world.session)
