"""变更登记 with its causes, 维保暂停 and its end, 维保人员变更 (LIF-06)."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Account,
    Application,
    Attachment,
    AuditEntry,
    CalendarDay,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenancePause,
    Notification,
    Person,
    Region,
    UnitChange,
    Version,
)
from app.permissions import Role
from app.rules.deadlines import due_after_working_days
from app.rules.lifecycle import common_region
from app.transaction import lock, transaction
from app.views.data.audit_words import action_word
from app.workflows.approval import calendars
from app.workflows.desk import applications
from app.workflows.filing import filing, registration_changes
from app.workflows.handover import unit_changes
from tests import factories
from tests.factories import World
from tests.reminded import reminded
from tests.workflows.clock_world import run as nightly
from tests.workflows.filing_world import AT, TODAY, attachment, decide

pytestmark = pytest.mark.feature("LIF-06")
DAY = dt.timedelta(days=1)


def ask(world: World, kind: str, persona: str = "use_head", at: dt.datetime = AT, **fields: Any) -> Application:
    actor = world.actor(persona)
    paper = attachment(world.session, actor)
    asked = {"effective_on": TODAY, "reason": "见材料", "attachments": [paper.id], "data": {}} | fields
    with scope.acting(actor), transaction(world.session):
        return applications.apply(world.session, actor, kind, world.own, at=at, **asked)


def change(world: World, cause: str, typed: dict[str, Any], **fields: Any) -> Application:
    data = registration_changes.content(world.session, world.own, cause, typed)
    return ask(world, "registration_change", data=data, **fields)


def approve(world: World, application: Application, persona: str = "inspector", at: dt.datetime = AT) -> None:
    decide(world.session, world.actor(persona), application, "approve", at=at)


def test_each_cause_changes_its_own_fields_as_a_version(session: Any, world: World) -> None:
    application = change(world, "retrofit", {"rated_load": "1350", "rated_speed": "1.75", "address": "别处 1 号"})
    assert application.number == "BG-2026-000001" and "改造" in application.title
    assert application.data["changes"] == {"rated_load": 1350, "rated_speed": 1.75}, "改造 moves no address"
    assert world.own.rated_load is None
    approve(world, application)
    session.expire_all()
    assert (world.own.rated_load, world.own.rated_speed, world.own.approved_version) == (1350, 1.75, 2)
    version = session.scalars(select(Version).where(Version.entity == "elevator")).one()
    assert (version.number, version.state, version.in_force_from) == (2, "approved", TODAY)
    assert filing.as_of(session, world.own, TODAY) is version and "变更登记（改造）" in version.reason


@pytest.mark.parametrize(
    ("cause", "typed", "words"),
    [
        ("", {}, "没有选择变更原因"), ("nonsense", {}, "没有选择变更原因"), ("retrofit", {}, "没有任何改动"),
        ("retrofit", {"rated_load": "0"}, "额定载重量"), ("relocation", {"estate": "云廊"}, "移装没有改地址"),
        ("use_unit", {"owner_name": "某公司"}, "使用单位变更没有改使用单位"),
        ("design_life", {"note": "已评估"}, "没有改下次检验日期"),
    ],
)  # fmt: skip
def test_what_is_no_change_of_that_cause_is_refused(
    world: World, cause: str, typed: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refusal, match=words):
        change(world, cause, typed)


def test_no_paper_no_change(world: World) -> None:
    with pytest.raises(Refusal, match="请上传改造监督检验证明"):
        change(world, "retrofit", {"rated_load": "1350"}, attachments=[])


def test_the_use_unit_that_takes_over_is_told_and_sees_the_elevator_afterwards(session: Any, world: World) -> None:
    taker = factories.make_account(session, Role.USE_HEAD, unit=world.other_use_unit, is_main=True)
    session.commit()
    with pytest.raises(Refusal, match="不是审核通过的使用单位"):
        change(world, "use_unit", {"use_unit_id": world.other_firm.id})
    application = change(world, "use_unit", {"use_unit_id": world.other_use_unit.id})
    assert scope.visible(session, factories.actor(taker), Application, application.id)
    with pytest.raises(NotFound):
        scope.visible(session, factories.actor(taker), Elevator, world.own.id)
    approve(world, application)
    assert scope.visible(session, factories.actor(taker), Elevator, world.own.id) is world.own
    with pytest.raises(NotFound):
        scope.visible(session, world.actor("use_head"), Elevator, world.own.id)


def test_a_move_to_another_district_is_decided_over_both(session: Any, world: World) -> None:
    assert common_region("980402000000", "980403000000") == "980400000000"
    assert common_region("980402001000", "980402000000") == "980402000000"
    city = factories.make_account(session, Role.INSPECTOR, region_code="980400000000")
    factories.make_clock(session, world.own, TODAY - 3 * DAY)
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY + 12 * DAY)
    there = factories.region(session, "980403000000")
    session.commit()
    application = change(world, "relocation", {"region_id": str(there.id), "address": "青坪路 9 号"})
    assert application.region_code == "980400000000"
    for persona in ("inspector", "other_inspector"):
        with pytest.raises(NotFound):
            approve(world, application, persona)
    decide(session, factories.actor(city), application, "approve")
    session.expire_all()
    assert (world.own.region_code, world.own.address) == ("980403000000", "青坪路 9 号")
    assert session.get(MaintenanceClock, world.own.id).region_code == "980403000000"
    assert session.scalars(select(MaintenanceLedger.region_code)).one() == "980403000000"
    assert scope.visible(session, world.actor("other_inspector"), Elevator, world.own.id)
    with pytest.raises(NotFound):
        scope.visible(session, world.actor("inspector"), Elevator, world.own.id)


def test_a_move_within_the_district_is_the_districts(session: Any, world: World) -> None:
    application = change(world, "relocation", {"address": "明水路 10 号"})
    assert application.region_code == "980402000000"
    approve(world, application)
    assert world.own.address == "明水路 10 号"


def test_what_changed_since_is_not_approved(session: Any, world: World) -> None:
    application = change(world, "retrofit", {"rated_load": "1350"})
    world.own.rated_load = 800
    session.commit()
    with pytest.raises(Refusal, match="提交后额定载重量又有变动"):
        approve(world, application)


# --- 维保暂停


@pytest.mark.feature("PLN-11")
def test_a_maintenance_stop_keeps_the_days_and_ends_by_application(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    session.add(
        MaintenanceOrder(
            elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code,
            planned_on=TODAY + 10 * DAY, level="half_month",
        )
    )  # fmt: skip
    session.commit()
    with pytest.raises(Refusal, match="维保没有暂停"):
        ask(world, "maintenance_resume")
    approve(world, ask(world, "maintenance_pause"))
    row = session.get(MaintenanceClock, world.own.id)
    assert (world.own.status, row.paused_on, row.limit_left_days) == ("in_use", TODAY, 10)
    order = session.scalars(select(MaintenanceOrder)).one()
    assert (order.state, order.close_reason) == ("void", "维保暂停")
    with pytest.raises(Refusal, match=f"维保自 {TODAY} 起已暂停"):
        ask(world, "maintenance_pause")
    later = AT + 20 * DAY
    approve(world, ask(world, "maintenance_resume", at=later, effective_on=TODAY + 20 * DAY), at=later)
    session.expire_all()
    assert (row.paused_on, row.limit_on) == (None, TODAY + 30 * DAY)
    pause = session.scalars(select(MaintenancePause)).one()
    assert (pause.from_on, pause.to_on, pause.ended_at) == (TODAY, TODAY + 20 * DAY, later)


@pytest.mark.feature("PLN-11")
def test_a_stop_with_a_day_ends_by_itself(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    session.commit()
    with pytest.raises(Refusal, match="恢复日期须晚于暂停日期"):
        ask(world, "maintenance_pause", data={"until_on": TODAY.isoformat()})
    until = TODAY + 7 * DAY
    approve(world, ask(world, "maintenance_pause", data={"until_on": until.isoformat()}))
    nightly(session, until - DAY)
    assert session.get(MaintenanceClock, world.own.id).paused_on == TODAY
    nightly(session, until)
    session.expire_all()
    row = session.get(MaintenanceClock, world.own.id)
    assert (row.paused_on, row.limit_on) == (None, until + 10 * DAY)
    assert not nightly(session, until).changed


def test_stopping_and_starting_each_fortnight_is_shown(session: Any, world: World) -> None:
    factories.make_clock(session, world.own, TODAY - 5 * DAY)
    session.commit()
    said = []
    for n in range(3):
        at, on = AT + 14 * n * DAY, TODAY + 14 * n * DAY
        stop = ask(world, "suspension", at=at, effective_on=on)
        found = next(f for f in applications.checks(session, stop, at) if f.rule == "频繁停用")
        said.append((found.ok, found.found))
        assert not found.stops
        approve(world, stop, at=at)
        start = ask(world, "reactivation", at=at + 7 * DAY, effective_on=on + 7 * DAY)
        approve(world, start, at=at + 7 * DAY)
    assert said == [
        (True, "近一年没有停止过维保计时"), (True, "近一年已停止维保计时 1 次，共 7 天"),
        (False, "近一年已停止维保计时 2 次，共 14 天"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["suspension", "maintenance_pause"])
def test_a_stop_is_never_back_dated(world: World, kind: str) -> None:
    with pytest.raises(Refusal, match="不早于提交日"):
        ask(world, kind, effective_on=TODAY - DAY)


# --- 维保人员变更


def test_other_people_take_ledger_and_open_orders(session: Any, world: World) -> None:
    with pytest.raises(Refusal, match="请先填写设备履历"):
        ask(world, "worker_change", "maintenance_head", data={"worker_id": world.worker.id})
    new = factories.make_person(session, world.firm, "林以澄")
    ledger = factories.make_ledger(session, world.own, world.worker)
    order = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code, worker_id=world.worker.id,
        planned_on=TODAY + 10 * DAY, level="half_month",
    )  # fmt: skip
    session.add(order)
    session.commit()
    for data, words in (
        ({}, "没有选择维保人员"), ({"worker_id": world.worker.id}, "与现在的人员相同"),
        ({"worker_id": world.other_worker.id}, "不是本单位的人员"),
        ({"worker_id": new.id, "co_worker_id": new.id}, "是同一人"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match=words):
            ask(world, "worker_change", "maintenance_head", data=data)
    with pytest.raises(Refusal, match="须由这台电梯的维保单位申请"):
        ask(world, "worker_change", "use_head", data={"worker_id": new.id})
    application = ask(world, "worker_change", "maintenance_head", data={"worker_id": new.id})
    approve(world, application)
    session.expire_all()
    assert (ledger.worker_id, order.worker_id) == (new.id, new.id)


def test_an_officer_may_not_apply(world: World) -> None:
    with pytest.raises(NotAllowed):
        ask(world, "maintenance_pause", "inspector")


def about_to_move(session: Any, world: World) -> tuple[Account, Person, Region]:
    """The officer over both districts, who may serve the elevator next, and the district where it goes."""
    city = factories.make_account(session, Role.INSPECTOR, region_code="980400000000")
    factories.make_clock(session, world.own, TODAY - 3 * DAY)
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY + 12 * DAY)
    heir, there = factories.make_person(session, world.firm), factories.region(session, "980403000000")
    session.commit()
    return city, heir, there


@pytest.mark.feature("LIF-07", "LIF-08")
def test_what_is_open_when_an_elevator_moves_is_the_new_offices_to_decide(session: Any, world: World) -> None:
    """Else the office that it left may not decide, and the one where it is does not see it."""
    city, heir, there = about_to_move(session, world)
    workers = ask(world, "worker_change", "maintenance_head", data={"worker_id": heir.id})
    pause = ask(world, "maintenance_pause", effective_on=TODAY + 9 * DAY)
    approve(world, pause)
    decide(session, factories.actor(city), change(world, "relocation", {
        "region_id": str(there.id), "address": "青坪路 9 号",
    }), "approve")  # fmt: skip
    session.expire_all()
    assert (workers.region_code, pause.region_code) == ("980403000000", "980403000000")
    asked = select(Notification.recipient_id).where(Notification.link == f"/applications/{workers.id}")
    assert world.accounts["other_inspector"].id in session.scalars(asked).all()
    with pytest.raises(NotFound):
        approve(world, workers)
    approve(world, workers, "other_inspector")
    assert session.scalars(select(MaintenanceLedger.worker_id)).one() == heir.id
    nightly(session, TODAY + 9 * DAY)
    assert session.get(MaintenanceClock, world.own.id).paused_on == TODAY + 9 * DAY


@pytest.mark.feature("LIF-05", "LIF-07", "AUD-01")
def test_the_new_office_gets_the_files_the_notices_and_nobody_it_cannot_reach(session: Any, world: World) -> None:
    city, heir, there = about_to_move(session, world)
    workers = ask(world, "worker_change", "maintenance_head", data={"worker_id": heir.id})
    decide(session, world.actor("inspector"), workers, "accept")
    handed = ask_unit_change(world)
    approve(world, handed)
    unasked = ask(world, "maintenance_pause", effective_on=TODAY + 9 * DAY)
    move = change(world, "relocation", {"region_id": str(there.id), "address": "青坪路 9 号"})
    assert workers.officer_id == world.accounts["inspector"].id
    decide(session, factories.actor(city), move, "approve")
    session.expire_all()
    new = world.actor("other_inspector")
    for one in (workers, handed, unasked):
        for key in one.data["attachments"]:
            assert scope.visible(session, new, Attachment, key)
            with pytest.raises(NotFound):
                scope.visible(session, world.actor("inspector"), Attachment, key)
        about = (Notification.link == f"/applications/{one.id}") & (Notification.topic == "approval")
        unread = session.scalars(select(Notification.recipient_id).where(about, Notification.read_at.is_(None))).all()
        assert world.accounts["inspector"].id not in unread
        assert (world.accounts["other_inspector"].id in unread) == one.is_open
        said = select(AuditEntry).where(AuditEntry.action == "application.hand_on", AuditEntry.entity_id == one.id)
        entry = session.scalars(said).one()
        assert (entry.before["region_code"], entry.after["region_code"]) == ("980402000000", "980403000000")
    assert action_word("application.hand_on") == "移交所在地区"
    assert session.scalars(select(UnitChange.region_code)).one() == "980403000000"
    assert (workers.state, workers.officer_id) == ("accepted", None)
    assert world.accounts["other_inspector"].id in reminded(session, workers, TODAY)
    assert handed.officer_id == world.accounts["inspector"].id, "who decided stays"
    approve(world, workers, "other_inspector")
    assert workers.officer_id == world.accounts["other_inspector"].id


@pytest.mark.feature("LIF-07", "POL-01")
@pytest.mark.parametrize("endorser", ["inspector", "city"])
def test_an_endorsement_counts_as_long_as_its_office_oversees_it(
    session: Any, world: World, endorser: str
) -> None:
    """The first 同意 of the office that the elevator left lapses; the limit is the new office's from the same day."""
    city, heir, there = about_to_move(session, world)
    world.accounts["city"] = city
    factories.make_policy(session, "second_approval", "all")
    factories.make_policy(session, "approval_working_days", 10, region_code="980403000000")
    session.add(CalendarDay(region_code="980403000000", on=TODAY + 3 * DAY, is_working=False, known_at=AT))
    session.commit()
    workers = ask(world, "worker_change", "maintenance_head", data={"worker_id": heir.id})
    approve(world, workers, endorser)
    assert workers.state == "endorsed"
    move = change(world, "relocation", {"region_id": str(there.id), "address": "青坪路 9 号"})
    decide(session, factories.actor(city), move, "approve")
    second = factories.make_account(session, Role.INSPECTOR, region_code="980400000000")
    session.commit()
    decide(session, factories.actor(second), move, "approve")
    session.expire_all()
    assert workers.region_code == "980403000000"
    is_working = calendars.working_calendar(session, "980403000000")
    assert workers.due_at == due_after_working_days(workers.submitted_at, 10, is_working)
    verbs = [step.verb for step in workers.steps]
    if endorser == "city":
        assert (workers.state, workers.endorsed_by_id, verbs[-1]) == ("endorsed", city.id, "endorse")
        approve(world, workers, "other_inspector")
        assert workers.state == "approved"
        return
    assert (workers.state, workers.endorsed_by_id, verbs[-1]) == ("accepted", None, "hand_on")
    link = f"/applications/{workers.id}"
    said = select(Notification.body).where(
        Notification.link == link, Notification.topic == "decision",
        Notification.recipient_id == world.accounts["maintenance_head"].id,
    ).order_by(Notification.id.desc())  # fmt: skip
    assert "由所在地区重新审核" in session.scalars(said).first()
    approve(world, workers, "other_inspector")
    assert workers.state == "endorsed", "the new office begins anew, by two persons"
    decide(session, factories.actor(second), workers, "approve")
    assert workers.state == "approved"


def ask_unit_change(world: World) -> Application:
    """To the other firm, from a day to come."""
    actor = world.actor("maintenance_head")
    paper = attachment(world.session, actor, kind="contract", name="合同.pdf")
    day = TODAY + 9 * DAY
    wanted = unit_changes.Wanted(world.own.code, world.other_firm.id, None, TODAY, day, "合同到期换单位", [paper.id])
    with scope.acting(actor), transaction(world.session):
        return unit_changes.apply(world.session, actor, wanted, AT)


@pytest.mark.feature("LIF-07")
def test_a_move_waits_for_what_another_officer_is_deciding(session: Any, database: Any, world: World) -> None:
    """He holds his application and then wants the elevator: the move must not hold that one meanwhile."""
    city = factories.actor(factories.make_account(session, Role.INSPECTOR, region_code="980400000000"))
    factories.make_clock(session, world.own, TODAY - 3 * DAY)
    factories.make_ledger(session, world.own, world.worker, next_half_month_on=TODAY + 12 * DAY)
    heir, there = factories.make_person(session, world.firm), factories.region(session, "980403000000")
    session.commit()
    workers = ask(world, "worker_change", "maintenance_head", data={"worker_id": heir.id})
    move = change(world, "relocation", {"region_id": str(there.id), "address": "青坪路 9 号"})
    inspector, first, second = world.actor("inspector"), workers.id, move.id
    seen = {one.id: one.row_version for one in (workers, move)}
    session.rollback()
    outcome: list[Any] = []

    def approved(own: Session, actor: Any, key: int) -> str:
        return applications.decide(own, actor, key, "approve", "", seen[key], AT).state

    def moving() -> None:
        try:
            with Session(database.engine) as own, scope.acting(city), transaction(own):
                outcome.append(approved(own, city, second))
        except Exception as error:  # whatever it was, the test shows it
            outcome.append(error)

    thread = threading.Thread(target=moving)
    with Session(database.engine) as own, scope.acting(inspector), transaction(own):
        assert lock(own, Application, first) is not None
        thread.start()
        thread.join(1)
        assert approved(own, inspector, first) == "approved"
    thread.join(60)
    assert outcome == ["approved"]
    session.expire_all()
    assert session.get_one(Application, first).region_code == "980402000000", "decided where it lay"
