"""使用登记, 停用, 启用, 报废: what is checked, what an approval does, and when (LIF-01 to LIF-04)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import scope
from app.errors import Refusal
from app.models import (
    Application,
    ApplicationStep,
    ContractElevator,
    MaintenanceClock,
    MaintenanceOrder,
    MaintenancePause,
    Notification,
    StatusChange,
)
from app.permissions import SYSTEM
from app.rules.lifecycle import ElevatorStatus
from app.transaction import transaction
from app.workflows.approval import conditions, effects
from app.workflows.core import moves
from app.workflows.desk import applications
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY, attachment, decide, filed_elevator

DAY = dt.timedelta(days=1)


def ask(world: World, kind: str, elevator: Any = None, at: dt.datetime = AT, **fields: Any) -> Application:
    asked = {"effective_on": TODAY, "reason": "见附件说明", "attachments": []} | fields
    actor = world.actor("use_head")
    with scope.acting(actor), transaction(world.session):
        return applications.apply(world.session, actor, kind, elevator or world.own, at=at, **asked)


def approve(world: World, application: Application, at: dt.datetime = AT) -> None:
    decide(world.session, world.actor("inspector"), application, "approve", at=at)


def changes(world: World) -> list[tuple[str | None, str, str, dt.date, int | None]]:
    statement = select(StatusChange).where(StatusChange.entity == "elevator", StatusChange.field == "status")
    rows = world.session.scalars(statement.order_by(StatusChange.id))
    return [(c.old, c.new, c.verb, c.effective_on, c.application_id) for c in rows]


@pytest.mark.feature("LIF-01")
def test_use_registration_puts_a_notified_elevator_into_use(session: Any, world: World) -> None:
    row = filed_elevator(world)
    assert row.status == "notified"
    with pytest.raises(Refusal, match="没有上传材料"):
        ask(world, "use_registration", row)
    paper = attachment(session, world.actor("use_head"))
    application = ask(world, "use_registration", row, attachments=[paper.id])
    assert application.number == "SY-2026-000001"
    warned = [f.rule for f in applications.checks(session, application, AT) if not f.ok]
    assert warned == ["维保合同"]
    approve(world, application)
    assert row.status == "in_use"
    assert changes(world) == [("notified", "in_use", "use_registration", TODAY, application.id)]


@pytest.mark.feature("LIF-02", "LIF-03")
def test_suspension_pauses_the_clock_and_reactivation_gives_the_days_back(session: Any, world: World) -> None:
    """T13: last 03-01, stopped 03-10, restarted 03-30 → limit 04-05."""
    factories.make_clock(session, world.own, dt.date(2026, 3, 1))
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=dt.date(2026, 3, 16))
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=dt.date(2026, 3, 16), level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    stop_at = dt.datetime(2026, 3, 10, 2, tzinfo=dt.UTC)
    approve(world, ask(world, "suspension", at=stop_at, effective_on=dt.date(2026, 3, 10)), at=stop_at)
    row = session.get(MaintenanceClock, world.own.id)
    assert (world.own.status, row.limit_on, row.limit_left_days) == ("suspended", None, 6)
    session.refresh(order)
    assert order.state == "void"
    start_at = dt.datetime(2026, 3, 30, 2, tzinfo=dt.UTC)
    approve(world, ask(world, "reactivation", at=start_at, effective_on=dt.date(2026, 3, 30)), at=start_at)
    session.refresh(row)
    assert (world.own.status, row.limit_on) == ("in_use", dt.date(2026, 4, 5))
    pause = session.scalars(select(MaintenancePause)).one()
    assert (pause.from_on, pause.to_on) == (dt.date(2026, 3, 10), dt.date(2026, 3, 30))


@pytest.mark.feature("LIF-02")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"effective_on": TODAY - DAY}, "不早于提交日"),
        ({"effective_on": dt.date(9999, 1, 1)}, "2199"),
        ({"effective_on": TODAY + 400 * DAY}, "不超过一年"),
        ({"effective_on": None}, "没有填写停用登记的日期"),
        ({"reason": "  "}, "没有填写原因"),
    ],
)
def test_a_suspension_that_cannot_be_meant_is_refused(world: World, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        ask(world, "suspension", **fields)


@pytest.mark.feature("LIF-03", "GAT-01")
def test_reactivation_past_the_inspection_is_refused_with_the_reason(session: Any, world: World) -> None:
    world.own.next_inspection_on = TODAY
    session.commit()
    approve(world, ask(world, "suspension"))
    later = AT + DAY
    with pytest.raises(Refusal, match=r"检验有效期至 2026-11-20，2026-11-21 已超过.*请先检验合格"):
        ask(world, "reactivation", at=later, effective_on=TODAY + DAY)
    # On the very last day it is still valid.
    assert ask(world, "reactivation", effective_on=TODAY).state == "submitted"


@pytest.mark.feature("LIF-04")
def test_scrapping_is_for_good(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    session.commit()
    approve(world, ask(world, "scrapping"))
    assert world.own.status == "scrapped"
    row = session.get(MaintenanceClock, world.own.id)
    assert row.limit_on is None
    live = session.scalars(
        select(ContractElevator).where(
            ContractElevator.elevator_id == world.own.id, ContractElevator.removed_at.is_(None)
        )
    ).one()
    assert live.ends_on == TODAY - DAY
    for kind in ("use_registration", "suspension", "reactivation", "scrapping"):
        with pytest.raises(Refusal, match="报废"):
            ask(world, kind, at=AT + DAY, effective_on=TODAY + DAY)


@pytest.mark.feature("LIF-01", "LIF-02", "LIF-03", "LIF-04", "ELV-09")
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("use_registration", "in_use"), ("suspension", "notified"), ("suspension", "suspended"),
        ("reactivation", "in_use"), ("reactivation", "notified"), ("scrapping", "notified"),
    ],
)  # fmt: skip
def test_a_status_that_does_not_allow_it(session: Any, world: World, kind: str, status: str) -> None:
    row = factories.make_elevator(
        session, maintenance_unit=world.firm, use_unit=world.use_unit, status=ElevatorStatus(status).value
    )
    session.commit()
    with pytest.raises(Refusal, match="不能办理"):
        ask(world, kind, row)


@pytest.mark.feature("LIF-02")
def test_an_effective_day_to_come_waits_for_it(session: Any, world: World) -> None:
    application = ask(world, "suspension", effective_on=TODAY + 3 * DAY)
    approve(world, application)
    assert world.own.status == "in_use" and conditions.under_way(session, world.own.id) == [application]
    with pytest.raises(Refusal, match="已批准，将于 2026-11-23 生效"):
        ask(world, "scrapping")
    for day, count, status in ((2, 0, "in_use"), (3, 1, "suspended"), (3, 0, "suspended"), (9, 0, "suspended")):
        with transaction(session):
            assert effects.take_effect_due(session, TODAY + day * DAY, AT + day * DAY) == count
        assert world.own.status == status
    assert changes(world) == [("in_use", "suspended", "suspension", TODAY + 3 * DAY, application.id)]


@pytest.mark.feature("LIF-02")
def test_a_late_approval_takes_force_on_the_day_asked(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    session.commit()
    application = ask(world, "suspension", effective_on=TODAY + DAY)
    approve(world, application, at=AT + 4 * DAY)
    assert changes(world)[0][3] == TODAY + DAY
    assert session.get(MaintenanceClock, world.own.id).limit_left_days == 9
    assert moves.status_on(session, world.own, TODAY + DAY) == "suspended"
    assert moves.status_on(session, world.own, TODAY + DAY, known_at=AT) == "in_use"


@pytest.mark.feature("LIF-04")
def test_what_became_impossible_changes_nothing(session: Any, world: World) -> None:
    waiting = ask(world, "suspension", effective_on=TODAY + 3 * DAY)
    approve(world, waiting)
    # Such a thing cannot be applied for while one waits; an order of the court comes another way.
    with transaction(session):
        moves.move(session, SYSTEM, world.own, "status", "scrapped", verb="scrapping", at=AT)
    with transaction(session):
        assert effects.take_effect_due(session, TODAY + 3 * DAY, AT + 3 * DAY) == 0
    assert world.own.status == "scrapped" and effects.waiting(session) == [], "nothing waits for good"
    assert waiting.state == "withdrawn" and waiting.took_effect_at is None
    last = session.scalars(select(ApplicationStep).order_by(ApplicationStep.id.desc()).limit(1)).one()
    assert (last.verb, last.actor_id) == ("call_off", None) and "到生效日不能生效" in last.opinion
    assert set(told(session, "call_off")) >= {waiting.submitted_by_id, waiting.decided_by_id}


@pytest.mark.feature("LIF-07", "LIF-02")
def test_what_was_approved_for_a_later_day_can_be_called_off(session: Any, world: World) -> None:
    """By its unit, until its day: nothing changes then, and another can be applied for; not once it took effect."""
    planned = ask(world, "suspension", effective_on=TODAY + 3 * DAY)
    approve(world, planned)
    stranger = world.actor("maintenance_head")
    with pytest.raises(Refusal, match="不是您的单位提交"), transaction(session):
        applications.withdraw(session, stranger, planned.id, AT + DAY)
    with transaction(session):
        applications.withdraw(session, world.actor("use_head"), planned.id, AT + DAY)
    assert (planned.state, planned.is_open, planned.took_effect_at) == ("withdrawn", False, None)
    assert planned.decided_by_id in told(session, "call_off"), "the officer who approved it"
    said = session.scalars(select(Notification.body).where(Notification.dedupe_key.startswith("call_off:"))).all()
    assert said and not any("意见" in body for body in said), "what he said of the approval is no word on this"
    with transaction(session):
        assert effects.take_effect_due(session, TODAY + 3 * DAY, AT + 3 * DAY) == 0
    assert world.own.status == "in_use" and changes(world) == []
    now = ask(world, "suspension")
    approve(world, now)
    with pytest.raises(Refusal, match="通过"), transaction(session):
        applications.withdraw(session, world.actor("use_head"), now.id, AT + DAY)
    assert (now.state, world.own.status) == ("approved", "suspended")


@pytest.mark.feature("LIF-07", "LIF-02")
def test_from_its_day_on_it_holds_however_late_the_night_is(session: Any, world: World) -> None:
    planned = ask(world, "suspension", effective_on=TODAY + 3 * DAY)
    approve(world, planned)
    with pytest.raises(Refusal, match="通过"), transaction(session):
        applications.withdraw(session, world.actor("use_head"), planned.id, AT + 3 * DAY)
    with transaction(session):
        assert effects.take_effect_due(session, TODAY + 4 * DAY, AT + 4 * DAY) == 1
    assert world.own.status == "suspended"


@pytest.mark.feature("LIF-07")
def test_what_is_called_off_while_the_night_runs_stops_nothing_else(
    session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night reads what is due; a unit calls one of them off before its turn: the others take effect."""
    mine, other = ask(world, "suspension", effective_on=TODAY + DAY), filed_elevator(world)
    other.status = "in_use"
    session.commit()
    theirs = ask(world, "suspension", other, effective_on=TODAY + DAY)
    for one in (mine, theirs):
        approve(world, one)
    seen = effects.waiting(session)
    with Session(session.get_bind()) as meanwhile, transaction(meanwhile):
        applications.withdraw(meanwhile, world.actor("use_head"), mine.id, AT)
    monkeypatch.setattr(effects, "waiting", lambda *_, **__: seen)
    with transaction(session):
        assert effects.take_effect_due(session, TODAY + DAY, AT + DAY) == 1
    session.expire_all()
    assert (mine.state, world.own.status, other.status) == ("withdrawn", "in_use", "suspended")


def told(session: Any, verb: str) -> list[int]:
    """Who was told of a step."""
    keys = select(Notification.recipient_id).where(Notification.dedupe_key.startswith(f"{verb}:"))
    return list(session.scalars(keys))


@pytest.mark.feature("ELV-09")
def test_effects_and_decision_are_one_transaction(
    session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = ask(world, "suspension")

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("app.workflows.maintenance.clocks.pause", broken)
    with pytest.raises(RuntimeError):
        approve(world, application)
    session.expire_all()
    assert (application.state, world.own.status) == ("submitted", "in_use")
    assert changes(world) == []


@pytest.mark.feature("ELV-09")
def test_nothing_else_moves_a_status(session: Any, world: World) -> None:
    for verb in ("edit", "import", moves.TAKE_OVER):
        with pytest.raises(Refusal, match="状态变更"), transaction(session):
            moves.move(session, SYSTEM, world.own, "status", "suspended", verb=verb, at=AT)
    with pytest.raises(Refusal), transaction(session):
        moves.move(session, SYSTEM, world.own, "status", "scrapped", verb="suspension", at=AT)
