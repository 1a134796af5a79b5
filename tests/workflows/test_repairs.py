"""REP-01 to REP-03: from the report to the approval, what opens an order by itself, and who may do what."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Anomaly, AuditEntry, Elevator, Notification, RepairOrder, StatusChange
from app.permissions import Role
from app.rules.repairs import Step
from app.scope import visible
from app.transaction import lock, transaction
from app.workflows.approval import escalation
from app.workflows.handover import leaving
from app.workflows.on_site.presence import Position
from app.workflows.oversight import anomalies
from app.workflows.repair import repair_answers, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from tests.factories import World, make_account, make_elevator, make_person, make_policy
from tests.outcomes import refused, told
from tests.workflows.visit_world import START, arrive, leave

pytestmark = pytest.mark.feature("REP-03")
H, MINUTE, SECOND = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(seconds=1)
DONE = Ending(cause="door", action="更换门锁触点", parts="门锁触点 1 只", restored=True)


def report(world: World, who: str = "safety_officer", at: dt.datetime = START, **more: Any) -> RepairOrder:
    given: dict[str, Any] = {
        "elevator_id": world.own.id, "level": "stopped", "fault": "停在 6 楼不动", "note": "", "at": at,
    } | more  # fmt: skip
    with transaction(world.session):
        return repairs.report(world.session, world.actor(who), **given)


def step(world: World, who: str, deed: Callable[..., RepairOrder], row: RepairOrder, *given: Any) -> RepairOrder:
    with transaction(world.session):
        return deed(world.session, world.actor(who), row.id, *given)


def assigned(world: World, **more: Any) -> RepairOrder:
    row = report(world, **more)
    return step(world, "clerk", repair_work.assign, row, world.worker.id, [], START + MINUTE)


def count(world: World) -> int:
    return int(world.session.scalar(select(func.count()).select_from(RepairOrder)) or 0)


@pytest.mark.feature("REP-01")
def test_a_report_waits_for_its_unit(world: World) -> None:
    row = report(world)
    assert (row.state, row.unit_id, row.use_unit_id) == ("waiting", world.firm.id, world.use_unit.id)
    assert (row.code, row.source, row.reported_unit_id) == (world.own.code, "report", world.use_unit.id)
    assert (row.accept_hours, row.finish_hours, row.due_at) == (None, None, None)
    assert told(world, "repair.assign") == {world.accounts[n].id for n in ("maintenance_head", "clerk")}
    assert "请选择故障级别" in refused(lambda: report(world, level="broken"))
    assert "请写明情况" in refused(lambda: report(world, level="other", fault=" "))
    assert "请选择电梯" in refused(lambda: report(world, elevator_id=None))
    with pytest.raises(NotFound):
        report(world, elevator_id=world.foreign.id)
    with pytest.raises(NotAllowed):
        report(world, "inspector")


@pytest.mark.feature("REP-01")
def test_a_tap_made_twice_is_one_report(world: World) -> None:
    row = report(world, client_key="k1")
    assert report(world, client_key="k1", fault="别的话").id == row.id
    assert report(world, at=START + 9 * MINUTE).id == row.id
    assert report(world, at=START + 11 * MINUTE).id != row.id
    assert report(world, "worker").id != row.id
    assert "与他人的提交重复" in refused(lambda: report(world, "worker", client_key="k1"))


@pytest.mark.feature("REP-02")
def test_assigned_taken_back_and_given_to_others(world: World) -> None:
    helper = make_person(world.session, world.firm)
    mate = make_account(world.session, Role.WORKER, unit=world.firm, person=helper)
    world.session.commit()
    row = report(world)
    step(world, "clerk", repair_work.assign, row, world.worker.id, [helper.id, helper.id, world.worker.id], START)
    assert (row.state, row.worker_id, [h.id for h in row.helpers]) == ("assigned", world.worker.id, [helper.id])
    assert told(world, "repair.accept") == {world.accounts["worker"].id, mate.id}
    step(world, "worker", repair_work.accept, row, START + H)
    # Another worker has not accepted yet; the helper stays.
    step(world, "clerk", repair_work.assign, row, helper.id, [], START + 2 * H)
    assert (row.state, row.accepted_at, row.worker_id) == ("assigned", None, helper.id)
    with pytest.raises(NotAllowed, match="没有派给您"):
        step(world, "worker", repair_work.accept, row, START + 2 * H)
    step(world, "clerk", repair_work.take_back, row, "改日再修", START + 3 * H)
    assert (row.state, row.worker_id, row.helpers) == ("waiting", None, [])
    assert "不是本单位的人员" in refused(
        lambda: step(world, "clerk", repair_work.assign, row, world.other_worker.id, [], START)
    )
    assert "请选择维修员" in refused(lambda: step(world, "clerk", repair_work.assign, row, None, [], START))
    for who in ("worker", "use_head", "inspector"):
        with pytest.raises(NotAllowed):
            step(world, who, repair_work.assign, row, world.worker.id, [], START)


def test_from_the_call_to_the_end(world: World) -> None:
    row = assigned(world)
    step(world, "worker", repair_work.accept, row, START + H)
    step(world, "worker", repair_work.depart, row, START + 2 * H)
    step(world, "worker", repair_work.start, row, Position(30.5009, 120.5), START + 3 * H)
    assert (row.state, row.signed_in_id, row.start_distance) == ("started", world.worker.id, 100)
    # Nothing is taken back or cancelled from under him.
    for who, deed in (("clerk", repair_work.take_back), ("safety_officer", repair_work.cancel)):
        assert "现为“维修中”" in refused(lambda who=who, deed=deed: step(world, who, deed, row, "不用了", START))
    assert "请写明做了什么" in refused(lambda: step(world, "worker", repair_work.end, row, Ending(), START + 4 * H))
    step(world, "worker", repair_work.end, row, DONE, START + 4 * H)
    assert (row.state, row.ended_at, row.told_later) == ("done", START + 4 * H, None)
    assert (row.closed_at, row.decision) == (START + 4 * H, None)
    assert told(world, "repair.done") == {world.accounts[n].id for n in ("use_head", "safety_officer")}
    verbs = world.session.scalars(select(StatusChange.verb).where(StatusChange.entity == "repair_order")).all()
    assert list(verbs) == ["dispatch", "accept", "depart", "start", "finish"]


def test_each_step_sent_twice_is_done_once(world: World) -> None:
    row = assigned(world)
    key = Ending(cause="door", action="调整", restored=True, key="e1")
    steps: list[tuple[Callable[..., RepairOrder], tuple[Any, ...]]] = [
        (repair_work.accept, ()), (repair_work.depart, ()), (repair_work.start, (Position(),)),
        (repair_work.end, (key,)),
    ]  # fmt: skip
    for n, (deed, given) in enumerate(steps, 1):
        for later in (0, 5):
            step(world, "worker", deed, row, *given, START + n * H + later * MINUTE)
    assert (row.accepted_at, row.departed_at) == (START + H, START + 2 * H)
    assert (row.started_at, row.ended_at, row.state) == (START + 3 * H, START + 4 * H, "done")
    verbs = select(func.count()).select_from(StatusChange).where(StatusChange.entity == "repair_order")
    assert world.session.scalar(verbs) == 5
    assert "现为“已处理”" in refused(lambda: step(world, "worker", repair_work.end, row, DONE, START + 5 * H))


def test_without_a_net_all_times_are_told_with_the_end_and_marked(world: World) -> None:
    make_policy(world.session, "repair_accept_hours", 1)
    make_policy(world.session, "repair_finish_hours", 24)
    world.session.commit()
    row = assigned(world)
    times = {"accepted_at": START + MINUTE, "started_at": START + 2 * H, "ended_at": START + 3 * H}
    told_end = Ending(cause="door", action="调整", restored=True, times=times)
    assert "没有填写" in refused(lambda: step(world, "worker", repair_work.end, row, DONE, START + 6 * H))
    assert "在将来" in refused(lambda: step(world, "worker", repair_work.end, row, told_end, START + 2 * H))
    step(world, "worker", repair_work.end, row, told_end, START + 6 * H)
    assert row.told_later == "accepted_at,started_at,ended_at"
    assert (row.accepted_at, row.ended_at, row.heard_at) == (START + MINUTE, START + 3 * H, START + 6 * H)
    # A time that is told afterwards proves no acceptance within the hour.
    assert row.late_steps == "accept" and repairs.late_of(row, START + 30 * H) == [Step.ACCEPT]


def test_a_worker_takes_what_lies_there_at_night(world: World) -> None:
    row = report(world)
    with pytest.raises(NotFound):
        step(world, "other_worker", repair_work.accept, row, START)
    step(world, "worker", repair_work.accept, row, START + H)
    assert (row.state, row.worker_id, row.assigned_at) == ("accepted", world.worker.id, START + H)


def test_the_manager_judges_where_the_policy_asks(world: World) -> None:
    make_policy(world.session, "preset", "quanzhou")
    world.session.commit()
    row = assigned(world)
    step(world, "worker", repair_work.accept, row, START + H)
    step(world, "worker", repair_work.start, row, Position(), START + 2 * H)
    step(world, "worker", repair_work.end, row, DONE, START + 3 * H)
    assert (row.state, row.closed_at) == ("ended", None)
    assert told(world, "repair.approve") == {world.accounts["maintenance_head"].id}
    with pytest.raises(NotAllowed):
        step(world, "clerk", repair_work.decide, row, "approved", "", START + 4 * H)
    head = "maintenance_head"
    assert "驳回须写明理由" in refused(lambda: step(world, head, repair_work.decide, row, "rejected", "", START))
    step(world, head, repair_work.decide, row, "rejected", "没有照片", START + 4 * H)
    assert (row.state, row.decision, row.ended_at) == ("started", "rejected", None)
    step(world, "worker", repair_work.end, row, DONE, START + 5 * H)
    step(world, head, repair_work.decide, row, "approved", "", START + 6 * H)
    assert (row.state, row.decision, row.closed_at) == ("done", "approved", START + 6 * H)


def test_nobody_judges_his_own_repair(world: World) -> None:
    make_policy(world.session, "repair_approval", True)
    head = world.accounts["maintenance_head"]
    head.person_id = world.worker.id
    world.session.commit()
    row = assigned(world)
    times = {"accepted_at": START + H, "started_at": START + H}
    ended = Ending(cause="door", action="调整", restored=True, times=times)
    step(world, "worker", repair_work.end, row, ended, START + 3 * H)
    assert "不能审批自己维修" in refused(
        lambda: step(world, "maintenance_head", repair_work.decide, row, "approved", "", START + 4 * H)
    )


def test_who_reported_it_cancels_it(world: World) -> None:
    row = report(world)
    with pytest.raises(NotAllowed, match="由其他单位报修"):
        step(world, "clerk", repair_work.cancel, row, "误报", START + H)
    assert "请写明为什么撤销" in refused(lambda: step(world, "use_head", repair_work.cancel, row, "", START + H))
    step(world, "use_head", repair_work.cancel, row, "已自行恢复", START + H)
    assert (row.state, row.end_note, row.closed_at) == ("cancelled", "已自行恢复", START + H)


def test_limits_run_from_the_report_and_are_told_once(world: World) -> None:
    make_policy(world.session, "repair_accept_hours", 2)
    make_policy(world.session, "repair_finish_hours", 48)
    world.session.commit()
    row = report(world)
    assert row.due_at == START + 2 * H + SECOND
    with transaction(world.session):
        escalation.tell(world.session, START + 3 * H)
    assert told(world, "clock_repair_accept") == {world.accounts[n].id for n in ("maintenance_head", "clerk")}
    step(world, "worker", repair_work.accept, row, START + 3 * H)
    assert (row.due_at, row.late_steps) == (START + 48 * H + SECOND, "accept")
    with transaction(world.session):
        escalation.tell(world.session, START + 49 * H)
    assert told(world, "clock_repair_finish") == {world.accounts[n].id for n in ("maintenance_head", "clerk")}
    step(world, "worker", repair_work.start, row, Position(), START + 49 * H)
    step(world, "worker", repair_work.end, row, DONE, START + 50 * H)
    assert (row.due_at, row.late_steps) == (None, "accept,finish")


# --- what opens one by itself


@pytest.mark.feature("ANO-02")
def test_an_anomaly_makes_one_order_and_keeps_it(world: World) -> None:
    with transaction(world.session):
        odd = anomalies.found(world.session, None, world.own, source="iot", kind="stopped", text="门区外停梯", at=START)
    with transaction(world.session):
        anomalies.handle(world.session, world.actor("inspector"), odd.id, "repair", "", START + H)
    row = world.session.scalars(select(RepairOrder)).one()
    assert (row.source, row.anomaly_id, row.level, row.fault) == ("anomaly", odd.id, "stopped", "门区外停梯")
    assert (odd.state, odd.outcome) == ("closed", "repair")
    with pytest.raises(NotAllowed):  # what the regulator made of it the firm does not cancel
        step(world, "clerk", repair_work.cancel, row, "不用修", START + H)


def test_another_unit_takes_over_what_nobody_began(world: World) -> None:
    waiting, begun = assigned(world), assigned(world, at=START + 20 * MINUTE)
    step(world, "worker", repair_work.accept, begun, START + H)
    step(world, "worker", repair_work.start, begun, Position(), START + 2 * H)
    with transaction(world.session):
        assert repairs.unit_changed(world.session, world.own.id, world.other_firm.id, START + 3 * H) == 1
    world.session.refresh(waiting)
    assert (waiting.unit_id, waiting.state, waiting.worker_id) == (world.other_firm.id, "waiting", None)
    assert begun.unit_id == world.firm.id
    assert world.accounts["other_head"].id in told(world, "repair.assign")


def test_a_unit_to_which_the_elevator_comes_back_hears_of_it_again(world: World) -> None:
    row = report(world)
    heard = [told_of_office(world)]
    for number, unit in enumerate((world.other_firm, world.firm, world.other_firm)):
        with transaction(world.session):
            assert repairs.unit_changed(world.session, world.own.id, unit.id, START + (3 + number) * H) == 1
            assert repairs.unit_changed(world.session, world.own.id, unit.id, START + (3 + number) * H) == 0
        heard.append(told_of_office(world))
    world.session.refresh(row)
    assert row.unit_id == world.other_firm.id
    assert heard == [(1, 0), (1, 1), (2, 1), (2, 2)]


def told_of_office(world: World) -> tuple[int, int]:
    """How often each of the two firms' heads was asked to send somebody."""
    rows = select(Notification.recipient_id).where(Notification.topic == "repair.assign")
    found = world.session.scalars(rows).all()
    return found.count(world.accounts["maintenance_head"].id), found.count(world.accounts["other_head"].id)


def test_an_elevator_without_unit_is_told_to_the_regulator(world: World) -> None:
    bare = make_elevator(world.session, maintenance_unit=None, use_unit=world.use_unit)
    world.session.commit()
    row = report(world, elevator_id=bare.id)
    assert row.unit_id is None
    assert {world.accounts[n].id for n in ("inspector", "use_head")} <= told(world, "repair.assign")


def test_whoever_was_sent_sees_it_though_the_elevator_is_not_assigned(world: World) -> None:
    account = world.accounts["worker"]
    account.sees_all_elevators = False
    world.session.commit()
    row = report(world)
    with pytest.raises(NotFound):
        step(world, "worker", repair_work.accept, row, START)
    step(world, "clerk", repair_work.assign, row, world.worker.id, [], START)
    assert step(world, "worker", repair_work.accept, row, START + H).state == "accepted"


def test_leaving_hands_repairs_over(world: World) -> None:
    to = make_person(world.session, world.firm)
    world.session.commit()
    row = assigned(world)
    head = world.actor("maintenance_head")
    board = leaving.board(world.session, head, world.worker.id, START)
    assert [held.key for held in board.held["repairs"]] == [row.id]
    with transaction(world.session):
        leaving.hand_over(world.session, head, world.worker.id, to.id, {"repairs": [row.id]}, START + H)
    world.session.refresh(row)
    assert row.worker_id == to.id and not leaving.board(world.session, head, world.worker.id, START).held["repairs"]


def test_two_devices_at_once_make_one(world: World) -> None:
    engine, key = world.session.get_bind(), world.own.id
    world.session.commit()
    seen: list[int] = []

    def tell() -> None:
        with Session(engine) as own, transaction(own):
            lift = own.get(Elevator, key)
            odd = anomalies.found(own, None, lift, source="iot", kind="door", text="门", at=START)  # type: ignore[arg-type]
            seen.append(odd.id)

    threads = [threading.Thread(target=tell) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(seen) == 3 and len(set(seen)) == 1 and world.session.scalars(select(Anomaly)).one().times == 3


@pytest.mark.feature("LIF-04")
def test_a_report_while_the_elevator_is_scrapped_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reports has read it in use when the approval commits; SQLite lets him begin only then."""
    session, me, key = world.session, world.actor("safety_officer"), world.own.id
    engine, read, outcome = session.get_bind(), threading.Event(), []
    session.commit()

    def looked(*given: Any) -> Any:
        row = visible(*given)
        read.set()
        return row

    def tell() -> None:
        try:
            with Session(engine) as own, transaction(own):
                repairs.report(own, me, key, "stopped", "停在 6 楼不动", "", START)
            outcome.append("opened")
        except Refusal as refusal:
            outcome.append(str(refusal))

    monkeypatch.setattr(repairs, "visible", looked)
    thread = threading.Thread(target=tell)
    with transaction(session):
        elevator = lock(session, Elevator, key)
        assert elevator is not None
        elevator.status = "scrapped"
        session.flush()
        thread.start()
        read.wait(2)
        repairs.scrapped(session, key, START)
    thread.join(30)
    assert len(outcome) == 1 and "电梯已报废" in outcome[0]


def test_the_log_names_every_deed(world: World) -> None:
    row = assigned(world)
    step(world, "worker", repair_work.accept, row, START + H)
    actions = world.session.scalars(
        select(AuditEntry.action).where(AuditEntry.entity == "repair_order").order_by(AuditEntry.id)
    ).all()
    assert list(actions) == ["repair.open", "repair_order.dispatch", "repair.assigned", "repair_order.accept"]


def test_whoever_signs_on_the_spot_may_ask_for_a_repair(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal, match="报修备注"):
        leave(session, huzhou, visit, START + H, problem="", repair=True, repair_note="长" * 141)
    leave(session, huzhou, visit, START + H, problem="", repair=True, repair_note="按钮不灵，请修")
    row = session.scalars(select(RepairOrder)).one()
    assert (row.source, row.visit_id) == ("visit", visit.id)
    assert row.use_note == row.fault == "按钮不灵，请修"


def ended(world: World, **more: Any) -> RepairOrder:
    row = assigned(world, **more)
    step(world, "worker", repair_work.accept, row, START + H)
    step(world, "worker", repair_work.start, row, Position(), START + 2 * H)
    return step(world, "worker", repair_work.end, row, DONE, START + 3 * H)


def test_the_use_unit_confirms_once_what_is_mended(world: World) -> None:
    row = ended(world)
    answered = step(world, "safety_officer", repair_answers.answer, row, True, "", START + 4 * H)
    assert (answered.state, answered.answer, answered.answered_at) == ("done", "confirmed", START + 4 * H)
    assert answered.answered_by_id == world.accounts["safety_officer"].id and count(world) == 1
    assert told(world, "repair.answered") == {world.accounts["worker"].id}
    assert not repair_answers.may_answer(world.actor("use_head"), answered)
    # A tap made twice; a second thought is a report of its own.
    again = step(world, "use_head", repair_answers.answer, row, True, "", START + 5 * H)
    assert again.answered_at == START + 4 * H
    words = refused(lambda: step(world, "use_head", repair_answers.answer, row, False, "又停了", START + 5 * H))
    assert "请另行报修" in words and count(world) == 1


def test_what_is_not_mended_goes_back_as_an_order_of_its_own(world: World) -> None:
    row = ended(world)
    done = row.closed_at
    for verdict, way in ((False, "请写明还有什么问题"), (None, "没有选择")):
        assert way in refused(lambda v=verdict: step(world, "use_head", repair_answers.answer, row, v, " ", START))
    step(world, "use_head", repair_answers.answer, row, False, "门还是关不上", START + 4 * H)
    assert (row.state, row.answer, row.answer_note, row.closed_at) == ("done", "disputed", "门还是关不上", done)
    second = repair_answers.following_of(world.session, world.actor("use_head"), row)
    assert second is not None and (second.state, second.source, second.fault) == ("waiting", "again", "门还是关不上")
    assert (second.unit_id, second.use_unit_id, second.level) == (world.firm.id, world.use_unit.id, row.level)
    assert second.reported_at == START + 4 * H and second.again_of_id == row.id
    before = repair_answers.before_of(world.session, world.actor("clerk"), second)
    assert before is not None and before.id == row.id
    # The office has work again; of the first answer the regulator reads in the list, of the second he is told.
    titles = world.session.scalars(select(Notification.title).where(Notification.topic == "repair.assign")).all()
    assert any("修后仍有问题" in title for title in titles)
    assert told(world, "repair.disputed") == set()
    step(world, "clerk", repair_work.assign, second, world.worker.id, [], START + 5 * H)
    step(world, "worker", repair_work.accept, second, START + 6 * H)
    step(world, "worker", repair_work.start, second, Position(), START + 6 * H)
    step(world, "worker", repair_work.end, second, DONE, START + 7 * H)
    step(world, "use_head", repair_answers.answer, second, False, "没有修", START + 8 * H)
    assert world.accounts["inspector"].id in told(world, "repair.disputed") and count(world) == 3


@pytest.mark.parametrize(("restored", "level"), [(True, "running"), (False, "stopped")])
def test_nobody_is_called_to_a_rescue_by_a_word_on_a_repair(world: World, restored: bool, level: str) -> None:
    """Whoever was trapped when it was reported is free by now."""
    row = ended(world)
    row.level, row.restored = "trapped", restored
    world.session.commit()
    step(world, "use_head", repair_answers.answer, row, False, "门有异响", START + 4 * H)
    second = repair_answers.following_of(world.session, world.actor("use_head"), row)
    assert second is not None and second.level == level
    bodies = world.session.scalars(select(Notification.body).where(Notification.link == repairs.link_of(second)))
    assert not any("有人被困" in body for body in bodies)


def test_only_the_use_unit_says_so_and_only_of_what_has_ended(world: World) -> None:
    row = assigned(world)
    for verdict, note in ((True, ""), (False, "不行")):
        words = refused(lambda v=verdict, n=note: step(world, "use_head", repair_answers.answer, row, v, n, START))
        assert "维修结束后再确认" in words
    row = ended(world, fault="又一处")
    for who in ("maintenance_head", "worker", "clerk"):
        with pytest.raises(NotAllowed, match="由这台电梯的使用单位确认"):
            step(world, who, repair_answers.answer, row, True, "", START + 4 * H)
    with pytest.raises(NotAllowed):
        step(world, "inspector", repair_answers.answer, row, True, "", START + 4 * H)
    with pytest.raises(NotFound):
        step(world, "other_head", repair_answers.answer, row, True, "", START + 4 * H)
    world.own.status = "scrapped"
    world.session.commit()
    words = refused(lambda: step(world, "use_head", repair_answers.answer, row, False, "不行", START + 4 * H))
    assert "报废" in words and row.answer is None
    row.taken_over = True
    world.session.commit()
    assert "接管" in refused(lambda: step(world, "use_head", repair_answers.answer, row, True, "", START + 4 * H))
