"""维保单位变更: both ways to file, what moves with the elevator, late ones, swaps, scope afterwards (LIF-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Application,
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    Notification,
    UnitChange,
    Version,
    Visit,
)
from app.transaction import transaction
from app.workflows.approval import effects
from app.workflows.desk import applications
from app.workflows.filing import filing
from app.workflows.handover import unit_change_terms, unit_changes
from tests import factories
from tests.factories import World
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, TODAY, attachment, decide

pytestmark = pytest.mark.feature("LIF-05")
DAY = dt.timedelta(days=1)


def new_contract(world: World, signed_on: dt.date = TODAY - DAY, **fields: Any) -> Contract:
    """河川's own new contract, without elevators yet."""
    row = factories.make_contract(
        world.session, world.other_firm, [],
        **{"starts_on": TODAY - DAY, "ends_on": TODAY + 365 * DAY, "signed_on": signed_on} | fields,
    )  # fmt: skip
    world.session.commit()
    return row


def ask(world: World, persona: str, at: dt.datetime = AT, **fields: Any) -> Application:
    actor = world.actor(persona)
    paper = attachment(world.session, actor, kind="contract", name="合同.pdf")
    asked = {"code": world.own.code, "effective_on": TODAY, "reason": "合同到期换单位", "attachments": [paper.id]}
    with scope.acting(actor), transaction(world.session):
        return unit_changes.apply(world.session, actor, unit_change_terms.Wanted(**asked | fields), at)


def by_new(world: World, **fields: Any) -> Application:
    contract = fields.pop("contract", None) or new_contract(world)
    return ask(world, "other_head", contract_id=contract.id, **fields)


def approve(world: World, application: Application, at: dt.datetime = AT) -> None:
    decide(world.session, world.actor("inspector"), application, "approve", at=at)


def change_of(world: World, application: Application) -> UnitChange:
    return world.session.scalars(select(UnitChange).where(UnitChange.application_id == application.id)).one()


def test_the_new_unit_files_with_its_contract_and_takes_the_elevator_over(session: Any, world: World) -> None:
    """T12: a limit ahead carries over; orders, ledger and contracts follow; the old contract ends the day before."""
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY + 10 * DAY)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=TODAY + 10 * DAY, level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    application = by_new(world)
    assert application.number == "WB-2026-000001" and world.firm.name in application.title
    assert world.own.maintenance_unit_id == world.firm.id, "an application alone moves nothing"
    approve(world, application)
    session.expire_all()
    assert world.own.maintenance_unit_id == world.other_firm.id
    clock = session.get(MaintenanceClock, world.own.id)
    assert (clock.unit_id, clock.unit_since_on, clock.limit_on) == (world.other_firm.id, TODAY, TODAY + 10 * DAY)
    assert clock.last_visit_on is None and clock.covered_until == TODAY + 365 * DAY
    assert order.state == "void" and order.close_reason == "维保单位变更"
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert (ledger.unit_id, ledger.worker_id) == (world.other_firm.id, None)
    assert ledger.next_half_month_on == TODAY + 10 * DAY
    live = session.scalars(
        select(ContractElevator)
        .where(ContractElevator.elevator_id == world.own.id, ContractElevator.removed_at.is_(None))
        .order_by(ContractElevator.starts_on)
    ).all()
    assert [(r.unit_id, r.ends_on) for r in live] == [
        (world.firm.id, TODAY - DAY), (world.other_firm.id, TODAY + 365 * DAY),
    ]  # fmt: skip
    assert live[1].starts_on == TODAY
    assert change_of(world, application).took_effect_on == TODAY


def test_a_missed_limit_stays_with_the_old_unit(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 20 * DAY)
    session.commit()
    approve(world, by_new(world))
    clock = session.get(MaintenanceClock, world.own.id)
    assert (clock.anchor_on, clock.limit_on, clock.missed) == (TODAY, TODAY + 15 * DAY, 0)


def test_the_old_unit_files_with_the_ended_contract(session: Any, world: World) -> None:
    for missing, words in (
        ({"new_unit_id": None}, "没有选择新的维保单位"), ({"attachments": []}, "请上传到期的维保合同"),
        ({"signed_on": None}, "没有填写新合同的签订日期"), ({"reason": " "}, "没有填写原因"),
        ({"signed_on": TODAY + DAY}, "晚于提交日"), ({"new_unit_id": world.firm.id}, "已经是这台电梯的维保单位"),
        ({"new_unit_id": world.use_unit.id}, "不是审核通过的维保单位"), ({"effective_on": TODAY - DAY}, "不早于提交日"),
    ):  # fmt: skip
        asked: dict[str, Any] = {"new_unit_id": world.other_firm.id, "signed_on": TODAY} | missing
        with pytest.raises(Refusal, match=words):
            ask(world, "maintenance_head", **asked)
    application = ask(world, "maintenance_head", new_unit_id=world.other_firm.id, signed_on=TODAY)
    warned = [f.rule for f in applications.checks(session, application, AT) if not f.ok]
    assert warned == ["原合同"], "a contract that still runs is shown"
    approve(world, application)
    session.expire_all()
    assert world.own.maintenance_unit_id == world.other_firm.id
    assert session.get(MaintenanceClock, world.own.id).covered_until == TODAY - DAY, "uncovered until it is bound"


def test_the_other_side_is_told_and_may_read_but_not_withdraw(session: Any, world: World) -> None:
    application = by_new(world)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "party")))
    accounts = world.accounts
    assert accounts["maintenance_head"].id in told and accounts["use_head"].id in told
    assert accounts["worker"].id not in told and accounts["other_head"].id not in told
    for persona in ("maintenance_head", "use_head", "other_head"):
        assert scope.visible(session, world.actor(persona), Application, application.id) is application
    head = world.actor("maintenance_head")
    with scope.acting(head), pytest.raises(NotAllowed), transaction(session):
        applications.withdraw(session, head, application.id, AT)
    approve(world, application)
    later = session.scalars(select(Notification.title).where(Notification.topic == "party")).all()
    assert any(title.startswith("已生效") for title in later)


def test_the_old_unit_no_longer_sees_the_elevator_but_keeps_its_history(session: Any, world: World) -> None:
    visit = add_visit(session, world.own, world.worker, TODAY - 3 * DAY)
    session.commit()
    application = by_new(world)
    approve(world, application)
    head, taker = world.actor("maintenance_head"), world.actor("other_head")
    with pytest.raises(NotFound):
        scope.visible(session, head, Elevator, world.own.id)
    assert scope.visible(session, head, Visit, visit.id) is visit
    assert scope.visible(session, head, Application, application.id) is application
    assert scope.visible(session, head, UnitChange, change_of(world, application).id)
    assert scope.visible(session, taker, Elevator, world.own.id) is world.own
    with pytest.raises(NotFound):
        scope.visible(session, taker, Visit, visit.id)


@pytest.mark.feature("SCO-06")
@pytest.mark.parametrize(("days_ago", "late"), [(0, False), (7, False), (8, True), (40, True)])
def test_late_is_more_than_seven_days_from_the_signing(
    session: Any, world: World, days_ago: int, late: bool
) -> None:
    signed_on = TODAY - days_ago * DAY
    application = by_new(world, contract=new_contract(world, signed_on))
    change = change_of(world, application)
    assert (change.late, change.signed_on, change.due_on) == (late, signed_on, signed_on + 7 * DAY)
    assert change.use_unit_id == world.use_unit.id and change.new_unit_id == world.other_firm.id
    found = next(f for f in applications.checks(session, application, AT) if f.rule == "申请期限")
    assert found.ok is not late and (f"迟 {days_ago - 7} 天" in found.found) is late and not found.stops


@pytest.mark.feature("SCO-06")
def test_a_return_for_correction_does_not_make_it_late(session: Any, world: World) -> None:
    application = by_new(world, contract=new_contract(world, TODAY - 6 * DAY))
    decide(session, world.actor("inspector"), application, "return", "请补盖章页")
    taker, later = world.actor("other_head"), AT + 5 * DAY
    with scope.acting(taker), transaction(session):
        applications.resubmit(
            session, taker, application.id, effective_on=TODAY + 5 * DAY, reason="已补", attachments=
            application.data["attachments"], at=later,
        )  # fmt: skip
    assert change_of(world, application).late is False
    assert next(f for f in applications.checks(session, application, later) if f.rule == "申请期限").ok
    approve(world, application, at=later)
    assert change_of(world, application).took_effect_on == TODAY + 5 * DAY


def test_whoever_is_no_longer_a_party_cannot_mend_it(session: Any, world: World) -> None:
    application = ask(world, "use_head", new_unit_id=world.other_firm.id, signed_on=TODAY - DAY)
    decide(session, world.actor("inspector"), application, "return", "请核对")
    world.own.use_unit_id = factories.make_unit(session, "临河物业", is_use=True).id
    session.commit()
    assert "提出时为使用单位，现为新维保单位" in mend(world, "use_head", application, signed_on=TODAY - 2 * DAY)


@pytest.mark.feature("SCO-06")
def test_what_was_late_is_not_mended_into_time(session: Any, world: World) -> None:
    """A contract signed after the first submission is another change."""
    application = ask(world, "maintenance_head", new_unit_id=world.other_firm.id, signed_on=TODAY - 40 * DAY)
    decide(session, world.actor("inspector"), application, "return", "请核对")
    told = mend(world, "maintenance_head", application, signed_on=TODAY + DAY, at=AT + 2 * DAY)
    assert "晚于首次提交" in told
    assert mend(world, "maintenance_head", application, signed_on=TODAY - 30 * DAY, at=AT + 2 * DAY) == ""
    change = change_of(world, application)
    assert (change.signed_on, change.late, application.state) == (TODAY - 30 * DAY, True, "submitted")


def mend(world: World, persona: str, application: Application, at: dt.datetime = AT, **values: Any) -> str:
    """Why it can't be sent back so; nothing where it was."""
    actor = world.actor(persona)
    mended = {"new_unit_id": world.other_firm.id} | values
    try:
        with scope.acting(actor), transaction(world.session):
            applications.resubmit(
                world.session, actor, application.id, effective_on=TODAY + 2 * DAY, reason="已改",
                attachments=application.data["attachments"], at=at, mended=mended,
            )  # fmt: skip
    except Refusal as refusal:
        return str(refusal)
    return ""


def test_a_day_to_come_waits_and_a_late_decision_never_reaches_back(session: Any, world: World) -> None:
    application = by_new(world, effective_on=TODAY + 3 * DAY)
    approve(world, application)
    assert world.own.maintenance_unit_id == world.firm.id and effects.waiting(session) == [application]
    with transaction(session):
        assert effects.take_effect_due(session, TODAY + 3 * DAY, AT + 3 * DAY) == 1
    assert world.own.maintenance_unit_id == world.other_firm.id
    back = ask(world, "other_head", at=AT + 4 * DAY, new_unit_id=world.firm.id, signed_on=TODAY + 4 * DAY,
               effective_on=TODAY + 4 * DAY)  # fmt: skip
    approve(world, back, at=AT + 9 * DAY)
    clock = session.get(MaintenanceClock, world.own.id)
    session.refresh(clock)
    assert clock.unit_since_on == TODAY + 9 * DAY, "until the decision the unit in place answered for it"


def test_swapping_every_month_is_shown(session: Any, world: World) -> None:
    """Hostile: affiliated units swap elevators so that no row of missed periods grows."""
    seats = [("maintenance_head", world.other_firm), ("other_head", world.firm)]
    for month in range(3):
        at, today = AT + 30 * month * DAY, TODAY + 30 * month * DAY
        persona, taker = seats[month % 2]
        application = ask(world, persona, at=at, new_unit_id=taker.id, signed_on=today, effective_on=today)
        told = [f for f in applications.checks(session, application, at) if f.rule == "频繁变更"]
        assert [f.found for f in told] == ([f"近一年已变更维保单位 {month} 次"] if month else [])
        approve(world, application, at=at)
    assert unit_change_terms.swaps(session, world.own.id, TODAY + 90 * DAY) == 3


def test_a_filing_under_review_or_another_application_stands_in_the_way(session: Any, world: World) -> None:
    world.own.filing_state = "pending"
    session.commit()
    with pytest.raises(Refusal, match="备案修改正在审核"):
        by_new(world)
    world.own.filing_state = "approved"
    session.commit()
    first = by_new(world)
    with pytest.raises(Refusal, match=first.number):
        ask(world, "maintenance_head", new_unit_id=world.other_firm.id, signed_on=TODAY)


def test_a_draft_submitted_later_does_not_undo_the_change(session: Any, world: World) -> None:
    """The draft holds every field as it was; the change goes into it as well."""
    admin = world.actor("region_admin")
    with scope.acting(admin), transaction(session):
        filing.save_draft(session, admin, Elevator, world.own, {"internal_no": "A-7"}, AT)
    approve(world, by_new(world))
    with scope.acting(admin), transaction(session):
        application = filing.submit(session, admin, session.get(Elevator, world.own.id), AT)
    approve(world, application)
    session.expire_all()
    assert (world.own.internal_no, world.own.maintenance_unit_id) == ("A-7", world.other_firm.id)
    numbers = session.scalars(select(Version.number).where(Version.entity_id == world.own.id).order_by(Version.number))
    assert numbers.all() == [2, 3]


def test_what_the_new_unit_learns_and_what_it_does_not(session: Any, world: World) -> None:
    taker = world.actor("other_head")
    assert unit_changes.find(session, taker, world.own.code) is world.own
    assert unit_changes.find(session, taker, world.own.code[:4]) is None
    world.own.is_secret = True
    session.commit()
    assert unit_changes.find(session, taker, world.own.code) is None
    assert unit_changes.find(session, world.actor("maintenance_head"), world.own.code) is world.own
    with pytest.raises(Refusal, match="没有识别码或注册代码"):
        by_new(world)
    world.own.is_secret = False
    session.commit()
    with pytest.raises(NotFound):
        ask(world, "other_head", contract_id=world.contract.id)


def test_an_office_does_not_apply(world: World) -> None:
    with pytest.raises(NotAllowed):
        ask(world, "region_admin", new_unit_id=world.other_firm.id, signed_on=TODAY)


def test_a_filing_hands_no_elevator_on(session: Any, world: World) -> None:
    """Hostile: a change of unit by way of a filing would be late nowhere and told to nobody."""
    head = world.actor("use_head")
    with scope.acting(head), transaction(session):
        filing.save_draft(
            session, head, Elevator, world.own, {"maintenance_unit_id": world.other_firm.id, "internal_no": "A-1"}, AT
        )
    with scope.acting(head), pytest.raises(Refusal, match="另行办理维保单位变更") as refused, transaction(session):
        filing.submit(session, head, session.get(Elevator, world.own.id), AT)
    assert refused.value.findings[0].link == f"/unit-changes/new?code={world.own.code}"


def test_effects_and_decision_are_one_transaction(
    session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = by_new(world)

    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("app.workflows.handover.unit_changes._bind", broken)
    with pytest.raises(RuntimeError):
        approve(world, application)
    session.expire_all()
    assert (application.state, application.took_effect_at) == ("submitted", None)
    assert (world.own.maintenance_unit_id, world.own.approved_version) == (world.firm.id, 1)
    live = select(ContractElevator).where(
        ContractElevator.elevator_id == world.own.id, ContractElevator.removed_at.is_(None)
    )
    assert [r.unit_id for r in session.scalars(live)] == [world.firm.id]
