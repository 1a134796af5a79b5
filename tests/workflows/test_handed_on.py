"""What runs of an elevator while another unit takes it over: each open thing has somebody who can end it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal
from app.listings.accounts import assigned
from app.models import (
    Anomaly,
    AuditEntry,
    Contract,
    ElevatorAssignment,
    ElevatorMessage,
    ElevatorOfficer,
    Notification,
    RepairOrder,
    RiskItem,
)
from app.permissions import Role
from app.transaction import lock, transaction
from app.workflows.approval.filing_fields import snapshot
from app.workflows.desk import applications
from app.workflows.filing import filing_checks, filing_effects, handed_on, registration_changes
from app.workflows.handover import leaving, unit_changes
from app.workflows.on_site import safety
from app.workflows.oversight import anomalies
from app.workflows.papers import commitments
from app.workflows.partners import iot_devices
from app.workflows.public import messages
from app.workflows.repair import repair_answers, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from app.workflows.visits import visits
from tests import factories
from tests.api.callers import Caller
from tests.factories import World
from tests.workflows import clock_world
from tests.workflows.filing_world import AT, TODAY, attachment, decide
from tests.workflows.visit_world import HERE, MINUTE, answers, arrive, leave

H = dt.timedelta(hours=1)


@pytest.fixture
def world(world: World) -> World:
    session = world.session
    world.accounts["taker"] = factories.make_account(session, Role.USE_HEAD, unit=world.other_use_unit, is_main=True)
    session.commit()
    return world


def _decided(world: World, application: Any, at: dt.datetime = AT) -> None:
    decide(world.session, world.actor("inspector"), application, "approve", at=at)
    world.session.expire_all()


def to_other_firm(world: World, at: dt.datetime = AT, day: dt.date = TODAY) -> None:
    """The old unit files, the officer approves: the elevator is 河川's from today on, or from a later day."""
    actor = world.actor("maintenance_head")
    paper = attachment(world.session, actor, kind="contract", name="合同.pdf")
    wanted = unit_changes.Wanted(
        world.own.code, world.other_firm.id, None, TODAY, day, "合同到期换单位", [paper.id]
    )
    with scope.acting(actor), transaction(world.session):
        application = unit_changes.apply(world.session, actor, wanted, at)
    _decided(world, application, at)


def to_other_use_unit(world: World, day: dt.date = TODAY) -> None:
    """变更登记 for the cause 使用单位变更."""
    actor = world.actor("use_head")
    paper = attachment(world.session, actor)
    data = registration_changes.content(world.session, world.own, "use_unit", {"use_unit_id": world.other_use_unit.id})
    with scope.acting(actor), transaction(world.session):
        application = applications.apply(
            world.session, actor, "registration_change", world.own, at=AT, effective_on=day, reason="见材料",
            attachments=[paper.id], data=data,
        )  # fmt: skip
    _decided(world, application)


def told(world: World, topic: str, link: str) -> set[int | None]:
    asked = select(Notification.recipient_id).where(
        Notification.topic == topic, Notification.link == link, Notification.read_at.is_(None)
    )
    return set(world.session.scalars(asked))


@pytest.mark.feature("ANO-02", "LIF-05")
def test_an_open_anomaly_is_the_new_units_and_so_is_what_the_device_says_again(world: World) -> None:
    def heard(at: dt.datetime) -> Anomaly:
        with transaction(world.session):
            return anomalies.found(world.session, None, world.own, source="iot", kind="door", text="开关门异常", at=at)

    row = heard(AT)
    with transaction(world.session):
        ended = anomalies.found(world.session, None, world.own, source="iot", kind="stopped", text="停梯", at=AT)
        anomalies.handle(world.session, world.actor("clerk"), ended.id, "solve", "已复位", AT)
    to_other_firm(world, AT + H)
    assert row.unit_id == world.other_firm.id and ended.unit_id == world.firm.id, "what is over stays where it was"
    link = f"/anomalies/{row.id}"
    assert {world.accounts["other_head"].id, world.accounts["use_head"].id} <= told(world, "anomaly.review", link)
    assert world.accounts["clerk"].id not in told(world, "anomaly.review", link), "who cannot open it is not asked"
    assert heard(AT + 2 * H).id == row.id
    with pytest.raises(NotFound), transaction(world.session):
        anomalies.handle(world.session, world.actor("clerk"), row.id, "solve", "已复位", AT + 2 * H)
    with transaction(world.session):
        anomalies.handle(world.session, world.actor("other_head"), row.id, "solve", "已复位", AT + 2 * H)
    assert row.state == "closed"


@pytest.mark.feature("CMP-01", "LIF-05")
def test_a_line_without_an_answer_is_the_new_units_to_answer(world: World) -> None:
    with transaction(world.session):
        row = messages.leave(world.session, world.own, "门关得太快", AT, address="203.0.113.9")
    to_other_firm(world, AT + H)
    assert row.unit_id == world.other_firm.id
    with transaction(world.session):
        messages.reply(world.session, world.actor("other_head"), row.id, "已调整", AT + 2 * H)
    assert world.session.get(ElevatorMessage, row.id).reply_unit_id == world.other_firm.id


@pytest.mark.feature("REP-03", "LIF-05")
def test_what_a_visit_finds_after_the_hand_over_goes_to_whoever_maintains_it_now(session: Any, world: World) -> None:
    """The worker checked in for the old unit and finds a fault; the use unit asks for a repair of another visit."""
    first = arrive(session, world, AT - 3 * H)
    leave(session, world, first, AT - 2 * H)
    visit = arrive(session, world, AT)
    to_other_firm(world, AT + 10 * MINUTE)
    found = answers(visit)
    found[next(iter(found))]["result"] = "repair"
    leave(session, world, visit, AT + H, results=found, problem="门锁触点烧蚀")
    with transaction(session):
        visits.review(session, world.actor("use_head"), first.id, "", AT + 2 * H, repair=True, repair_note="轿内灯不亮")
    orders = session.scalars(select(RepairOrder).order_by(RepairOrder.id)).all()
    assert [(o.unit_id, o.source) for o in orders] == [(world.other_firm.id, "visit"), (world.other_firm.id, "review")]
    assert repairs.shown_with(session, world.actor("worker"), visit.id) is None
    assert repairs.shown_with(session, world.actor("use_head"), visit.id) is orders[0]


@pytest.mark.feature("REP-03", "LIF-06", "MNT-07")
def test_the_former_use_unit_confirms_its_visit_though_the_repair_is_anothers(session: Any, world: World) -> None:
    visit = arrive(session, world, AT - 3 * H)
    found = answers(visit)
    found[next(iter(found))]["result"] = "repair"
    leave(session, world, visit, AT - 2 * H, results=found, problem="门锁触点烧蚀")
    row = repairs.for_visit(session, visit.id)
    assert row is not None
    to_other_use_unit(world)
    head = world.actor("use_head")
    with scope.acting(head), transaction(session):
        visits.review(session, head, visit.id, "", AT + H, repair=True, repair_note="请尽快")
    session.expire_all()
    assert visit.reviewed_at is not None
    assert (row.use_note, row.use_unit_id) == ("请尽快", world.other_use_unit.id), "who repairs it reads the words"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "repair.wanted")).one()
    assert entry.actor_id == head.user_id


@pytest.mark.feature("ANO-02", "CMP-01", "LIF-05")
def test_what_lies_in_another_region_stops_no_change_of_unit(session: Any, world: World) -> None:
    """An elevator that moved before what hangs on it moved along."""
    with transaction(session):
        line = messages.leave(session, world.own, "门关得太快", AT, address="203.0.113.9")
        odd = anomalies.found(session, None, world.own, source="iot", kind="door", text="开关门异常", at=AT)
        order = repairs.report(session, world.actor("use_head"), world.own.id, "stopped", "停在 3 层", "", AT)
        line.region_code = odd.region_code = order.region_code = "980403000000"
    to_other_firm(world, AT + H)
    here = (world.other_firm.id, world.own.region_code)
    assert [(row.unit_id, row.region_code) for row in (line, odd)] == [here, here]
    assert order.unit_id == world.other_firm.id


@pytest.mark.feature("ANO-02", "CMP-01", "LIF-05")
def test_what_is_answered_or_gone_while_it_is_waited_for_stays(
    session: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(session):
        line, gone = (messages.leave(session, world.own, text, AT, address="203.0.113.9") for text in ("夹人", "异响"))
        odd = anomalies.found(session, None, world.own, source="iot", kind="door", text="开关门异常", at=AT)
        gone_id = gone.id

    def late(session: Any, model: Any, key: int, *within: Any) -> Any:
        if key == gone_id and model is ElevatorMessage:
            session.execute(delete(ElevatorMessage.__table__).where(ElevatorMessage.id == key))
        else:
            ended = {"state": "closed"} if model is Anomaly else {"replied_at": AT, "reply": "已调整"}
            session.execute(update(model.__table__).where(model.__table__.c.id == key).values(**ended))
        return lock(session, model, key, *within)

    monkeypatch.setattr(handed_on, "lock", late)
    to_other_firm(world, AT + H)
    assert (line.unit_id, odd.unit_id) == (world.firm.id, world.firm.id)
    assert not told(world, "anomaly.review", f"/anomalies/{odd.id}") & {world.accounts["other_head"].id}


@pytest.mark.feature("REP-03", "LIF-06")
def test_an_open_repair_is_the_new_use_units_to_follow_and_to_confirm(session: Any, world: World) -> None:
    with transaction(session):
        row = repairs.report(session, world.actor("use_head"), world.own.id, "stopped", "停在 3 层", "", AT)
    with transaction(session):
        repair_work.assign(session, world.actor("clerk"), row.id, world.worker.id, [], AT)
    to_other_use_unit(world)
    assert told(world, "repair.hand_on", f"/repairs/{row.id}") == {world.accounts["taker"].id}
    assert (row.use_unit_id, row.unit_id, row.state) == (world.other_use_unit.id, world.firm.id, "assigned")
    assert repairs.open_of(session, world.actor("taker"), world.own.id) == [row]
    worker = world.actor("worker")
    ending = Ending("door", "更换门锁触点", restored=True, times={"started_at": AT + H + MINUTE})
    with transaction(session):
        repair_work.accept(session, worker, row.id, AT + H)
        repair_work.end(session, worker, row.id, ending, AT + 2 * H)
    assert world.accounts["taker"].id in told(world, "repair.done", f"/repairs/{row.id}")
    with transaction(session):
        repair_answers.answer(session, world.actor("taker"), row.id, True, "", AT + 3 * H)
    assert row.answer == "confirmed"


@pytest.mark.feature("REP-03", "LIF-06")
def test_the_new_use_unit_cancels_what_the_former_one_reported(session: Any, world: World) -> None:
    def reported(who: str, level: str) -> RepairOrder:
        with transaction(session):
            return repairs.report(session, world.actor(who), world.own.id, level, "异响", "", AT)

    asked, firms = reported("use_head", "running"), reported("clerk", "stopped")
    to_other_use_unit(world)
    with pytest.raises(NotFound), transaction(session):
        repair_work.cancel(session, world.actor("use_head"), asked.id, "误报", AT + H)
    for who, row in (("clerk", asked), ("taker", firms)):
        with pytest.raises(NotAllowed), transaction(session):
            repair_work.cancel(session, world.actor(who), row.id, "误报", AT + H)
    taker = world.actor("taker")
    with scope.acting(taker), transaction(session):
        repair_work.cancel(session, taker, asked.id, "误报", AT + H)
    assert asked.state == "cancelled"


@pytest.mark.feature("REP-03", "LIF-05")
def test_the_new_firm_cancels_what_the_former_one_reported_and_nothing_else(session: Any, world: World) -> None:
    def reported(who: str, level: str) -> RepairOrder:
        with transaction(session):
            return repairs.report(session, world.actor(who), world.own.id, level, "异响", "", AT)

    firms, customers = reported("clerk", "stopped"), reported("use_head", "running")
    visits_own, wanted = _found_at_a_visit(session, world, AT - 5 * H), _found_at_a_visit(session, world, AT - 3 * H)
    with transaction(session):
        visits.review(session, world.actor("use_head"), wanted.visit_id, "", AT, repair=True, repair_note="轿内灯不亮")
        odd = anomalies.found(session, None, world.own, source="iot", kind="door", text="开关门异常", at=AT)
    with transaction(session):
        anomalies.handle(session, world.actor("inspector"), odd.id, "repair", "请维修", AT, level="running")
    of_office = session.scalars(select(RepairOrder).where(RepairOrder.anomaly_id == odd.id)).one()
    to_other_firm(world, AT + H)
    with pytest.raises(NotFound), transaction(session):
        repair_work.cancel(session, world.actor("clerk"), firms.id, "误报", AT + 2 * H)
    taker = world.actor("other_head")
    for row in (customers, wanted, of_office):
        with scope.acting(taker), pytest.raises(NotAllowed), transaction(session):
            repair_work.cancel(session, taker, row.id, "误报", AT + 2 * H)
    with scope.acting(taker), pytest.raises(Refusal, match="请写明为什么撤销"), transaction(session):
        repair_work.cancel(session, taker, firms.id, " ", AT + 2 * H)
    for row in (firms, visits_own):
        with scope.acting(taker), transaction(session):
            repair_work.cancel(session, taker, row.id, "现场未见故障", AT + 2 * H)
        assert (row.state, row.end_note) == ("cancelled", "现场未见故障")
        who = told(world, "repair.cancel", f"/repairs/{row.id}")
        assert world.accounts["use_head"].id in who, "the use unit hears of it"
        assert not {world.accounts[name].id for name in ("clerk", "worker")} & who, "the former firm opens it no more"


def _found_at_a_visit(session: Any, world: World, at: dt.datetime) -> RepairOrder:
    """The order that a worker's findings made."""
    visit = arrive(session, world, at)
    found = answers(visit)
    found[next(iter(found))]["result"] = "repair"
    leave(session, world, visit, at + H, results=found, problem="门锁触点烧蚀")
    row = repairs.for_visit(session, visit.id)
    assert row is not None
    return row


@pytest.mark.feature("SAF-01", "LIF-06", "PER-04")
def test_a_named_officer_ends_with_the_use_unit_that_named_him(session: Any, world: World) -> None:
    officer = world.accounts["safety_officer"]
    person = factories.make_person(session, world.use_unit)
    officer.person_id = person.id
    session.commit()
    with transaction(session):
        safety.name_officer(session, world.actor("use_head"), [world.own.id], officer.id, AT)
    with transaction(session):
        assert len(leaving.board(session, world.actor("use_head"), person.id, AT).held["officer"]) == 1
    to_other_use_unit(world)
    assert session.get(ElevatorOfficer, world.own.id) is None
    with transaction(session):
        left = leaving.board(session, world.actor("use_head"), person.id, AT).left
        assert left == 0, "nothing of others is handed over"
        leaving.leave(session, world.actor("use_head"), person.id, TODAY, AT)


@pytest.mark.feature("ACC-10", "PER-04", "LIF-05")
def test_elevators_that_went_away_are_not_counted_as_assigned(session: Any, world: World) -> None:
    worker, kept = world.accounts["worker"], factories.make_elevator(session, maintenance_unit=world.firm)
    worker.sees_all_elevators = False
    session.add_all(ElevatorAssignment(user_id=worker.id, elevator_id=one.id) for one in (world.own, kept))
    session.commit()
    visit = arrive(session, world, AT - H)
    leave(session, world, visit, AT)
    assert assigned(session, [worker])[worker.id] == "2"
    to_other_firm(world, AT + MINUTE)
    assert assigned(session, [worker])[worker.id] == "1"
    with transaction(session):
        held = leaving.board(session, world.actor("maintenance_head"), world.worker.id, AT).held["elevators"]
    assert [one.text for one in held] == [kept.code]
    assert scope.visible(session, world.actor("worker"), type(visit), visit.id) is visit, "what he did stays his"


@pytest.mark.feature("UNT-05", "CON-01", "SAF-01")
def test_a_unit_that_moves_takes_running_contracts_and_its_risk_list_along(session: Any, world: World) -> None:
    over = factories.make_contract(session, world.firm, [], ends_on=TODAY - dt.timedelta(days=1))
    risk = RiskItem(
        unit_id=world.use_unit.id, region_code=world.use_unit.region_code, place="层门", risk="坠落", level="high",
        measures="检查门锁", responsible="苏见山",
    )  # fmt: skip
    session.add(risk)
    me, there = world.actor("maintenance_head"), factories.region(session, "980403000000")
    scan = attachment(session, me, kind="commitment")
    with transaction(session):
        asked = commitments.submit(session, me, TODAY, TODAY + dt.timedelta(days=300), "", [scan.id], [], AT)
    for unit in (world.firm, world.use_unit):
        before = {"region_id": unit.region_id}
        unit.region_id, unit.region_code = there.id, there.code
        session.commit()
        with transaction(session):
            filing_effects.unit_in_force(session, unit, before, AT)
    session.expire_all()
    assert (world.contract.region_code, risk.region_code) == (there.code, there.code)
    assert over.region_code == "980402000000", "what ended stays where it was known"
    decide(session, world.actor("other_inspector"), asked, "approve")
    assert asked.state == "approved", "what was handed in before goes along, too"
    assert scope.visible(session, world.actor("other_inspector"), Contract, world.contract.id) is world.contract


@pytest.mark.feature("LIF-04", "REP-03")
def test_a_repair_that_nobody_began_ends_with_the_scrapped_elevator(session: Any, world: World) -> None:
    with transaction(session):
        waiting = repairs.report(session, world.actor("use_head"), world.own.id, "stopped", "停在 3 层", "", AT)
        begun = repairs.report(session, world.actor("use_head"), world.own.id, "running", "异响", "", AT)
    for row in (waiting, begun):
        with transaction(session):
            repair_work.assign(session, world.actor("clerk"), row.id, world.worker.id, [], AT)
    with transaction(session):
        repair_work.accept(session, world.actor("worker"), begun.id, AT)
        repair_work.start(session, world.actor("worker"), begun.id, HERE, AT + MINUTE)
    actor = world.actor("use_head")
    with scope.acting(actor), transaction(session):
        application = applications.apply(
            session, actor, "scrapping", world.own, at=AT + H, effective_on=TODAY, reason="拆除", data={},
            attachments=[attachment(session, actor).id],
        )  # fmt: skip
    _decided(world, application, AT + H)
    assert (waiting.state, waiting.end_note, waiting.due_at) == ("cancelled", "电梯报废", None)
    assert begun.state == "started", "its worker says how it ended"
    link = f"/repairs/{waiting.id}"
    assert {world.accounts[n].id for n in ("use_head", "clerk", "worker")} <= told(world, "repair.cancel", link)
    assert not told(world, "repair.accept", link), "nobody is asked any more"


@pytest.mark.feature("UNT-05", "LIF-05", "LIF-06")
@pytest.mark.parametrize(("kind", "unit", "word"), [
    ("maintenance", "other_firm", "维保"), ("use", "other_use_unit", "使用"),
])  # fmt: skip
def test_no_unit_drops_a_kind_while_an_elevator_is_on_its_way(world: World, kind: str, unit: str, word: str) -> None:
    session, row = world.session, getattr(world, unit)
    held = snapshot(row) | {f"is_{kind}": False, "is_installation": True}

    def stops() -> list[str]:
        with scope.acting(world.actor("inspector")):
            found = filing_checks.validate_unit(session, held, on=TODAY, row_id=row.id)
        return [str(f.found) for f in found if f.stops and f.field == f"is_{kind}"]

    before = stops()
    (to_other_firm if kind == "maintenance" else to_other_use_unit)(world, day=TODAY + dt.timedelta(days=9))
    coming = f"去掉了{word}类型，但已批准 1 台电梯到生效日改由本单位{word}"
    assert [one for one in stops() if one not in before] == [coming]
    clock_world.run(session, TODAY + dt.timedelta(days=9))
    session.expire_all()
    assert not any("到生效日" in one for one in stops()), "now it is one of those that the unit has"
    assert len(stops()) == 1


@pytest.mark.feature("INT-03", "LIF-05")
def test_the_former_firms_system_sends_no_more_and_the_new_one_changes_the_key(app: Any, world: World) -> None:
    """The device stays and is heard; a token sends for what its unit maintains now; the key is known to the old one."""
    session = world.session
    with transaction(session):
        device, _key = iot_devices.bind(session, world.actor("maintenance_head"), world.own.id, {"serial": "SN-1"}, AT)
    session.commit()
    old, new = (Caller(app, world, who, ["iot.send"]) for who in ("maintenance_head", "other_head"))
    now = clock.now().isoformat()

    def sent(caller: Caller, number: str) -> int:
        event = {"id": number, "code": "overspeed", "at": now}
        answer = caller.post("/iot/messages", {"messages": [{"device": "SN-1", "events": [event]}]})
        return int(answer.json["accepted"])

    assert (sent(old, "a"), sent(new, "b")) == (1, 0)
    to_other_firm(world)
    session.commit()
    assert (sent(old, "c"), sent(new, "d")) == (0, 1)
    link = f"/iot/devices/{device.id}"
    assert {world.accounts[name].id for name in ("other_head", "use_head")} <= told(world, "iot.key", link)
    assert world.accounts["maintenance_head"].id not in told(world, "iot.key", link)
    with pytest.raises(NotFound), transaction(session):
        iot_devices.new_key(session, world.actor("maintenance_head"), device.id, AT)
    with transaction(session):
        iot_devices.new_key(session, world.actor("other_head"), device.id, AT)
