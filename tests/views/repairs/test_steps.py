"""REP-02, REP-03 on the pages: assigned, mended and confirmed at desk and phone, and what each may see of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Attachment, Notification, RepairOrder
from app.transaction import transaction
from app.workflows.on_site.presence import Position
from app.workflows.oversight import anomalies
from app.workflows.repair import past_repairs, repair_work, repairs
from app.workflows.repair.repair_work import Ending
from tests.conftest import csrf
from tests.factories import World, make_elevator, make_ledger, make_person, make_policy
from tests.pages import flat
from tests.views.repairs.ground import MINUTE, H, assigned, photo, report

pytestmark = pytest.mark.feature("REP-03")


@pytest.mark.feature("REP-02")
def test_assigned_and_taken_back_at_the_desk(at: Any, world: World) -> None:
    row = report(world)
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "维修指派" in page and "王砚秋" in page
    assert at("clerk", f"/repairs/{row.id}/assign", {"worker_id": ""})[0] == 422
    assert at("clerk", f"/repairs/{row.id}/assign", {"worker_id": str(world.worker.id)})[0] == 302
    assert at("clerk", f"/repairs/{row.id}/take_back", {"reason": "改日"})[0] == 302
    world.session.refresh(row)
    assert row.state == "waiting"
    assert "维修指派" not in at("use_head", f"/repairs/{row.id}")[1]
    for tab, count in (("waiting", 1), ("sent", 0)):
        page = at("clerk", f"/repairs/?tab={tab}")[1]
        assert (world.own.code in page.split("<tbody", 1)[-1]) == bool(count)


@pytest.mark.feature("REP-02")
def test_several_are_sent_out_together_each_with_its_own_result(at: Any, world: World) -> None:
    session = world.session
    second, third = (
        make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in range(2)
    )
    keeper, helper = make_person(session, world.firm), make_person(session, world.firm)
    make_ledger(session, world.own, keeper)
    session.commit()
    first, begun = report(world), assigned(world, elevator_id=third.id)
    with transaction(session):
        repair_work.assign(session, world.actor("clerk"), first.id, world.worker.id, [helper.id], clock.now())
        repair_work.accept(session, world.actor("worker"), begun.id, clock.now())
        repair_work.start(session, world.actor("worker"), begun.id, Position(), clock.now())
    other = report(world, elevator_id=second.id)
    ids = [first.id, other.id, begun.id]
    listed = at("clerk", "/repairs/")[1].split("<tbody")[1]
    assert "停在 6 楼" in listed, "what is wrong stands below how bad it is"
    assert "批量派工" in at("clerk", "/repairs/")[1] and "批量派工" not in at("use_head", "/repairs/")[1]
    status, page = at("clerk", f"/repairs/send?ids={first.id}&ids={other.id}&ids={begun.id}")
    assert status == 200 and "派出 3 张工单" in page and keeper.name in page and second.code in page
    status, page = at("clerk", "/repairs/send", {"ids": ids, "worker_id": ""})
    assert status == 422 and "请选择指派的维修员" in page

    status, page = at("clerk", "/repairs/send", {"ids": ids, "worker_id": "keeper"})
    assert status == 200 and "没有在职的维保人员" in page and "派出 2 张工单" in page, "each by itself"
    session.expire_all()
    assert (first.worker_id, other.state, begun.worker_id) == (keeper.id, "waiting", world.worker.id)
    assert repairs.helper_ids(session, first) == [helper.id], "who helps stays"
    assert at("clerk", "/repairs/send", {"ids": [other.id], "worker_id": str(world.worker.id)})[0] == 200
    session.expire_all()
    assert (other.worker_id, other.state) == (world.worker.id, "assigned")
    assert at("use_head", "/repairs/send", {"ids": ids, "worker_id": "keeper"})[0] == 403
    assert "没有选择工单" in at("clerk", "/repairs/send")[1]


@pytest.mark.feature("REP-02")
def test_what_lies_with_somebody_is_not_sent_to_him_again_nor_taken_from_him(at: Any, world: World) -> None:
    session, row = world.session, report(world)
    other = make_person(session, world.firm)
    make_ledger(session, world.own, world.worker)
    session.commit()

    def asked() -> int:
        session.rollback()
        return sum("请接单" in str(title) for title in session.scalars(select(Notification.title)))

    def sent(to: str) -> str:
        status, page = at("clerk", "/repairs/send", {"ids": [row.id], "worker_id": to})
        assert status == 200
        session.refresh(row)
        return str(page)

    sent(str(world.worker.id))
    assert (row.state, asked()) == ("assigned", 1)
    assigned_at = row.assigned_at
    for to in (str(world.worker.id), "keeper"):
        assert f"已派给{world.worker.name}，等待接单" in sent(to)
    assert (row.assigned_at, asked()) == (assigned_at, 1), "he was asked once"
    with transaction(session):
        repair_work.accept(session, world.actor("worker"), row.id, clock.now())
    for to in (str(world.worker.id), "keeper"):
        assert f"已由{world.worker.name}办理" in sent(to)
    page = sent(str(other.id))
    assert f"已由{world.worker.name}接单" in page and "单独办理" in page
    assert (row.worker_id, row.state, asked()) == (world.worker.id, "accepted", 1)
    assert at("clerk", f"/repairs/{row.id}/assign", {"worker_id": str(other.id)})[0] == 302, "singly it goes"
    session.refresh(row)
    assert (row.worker_id, row.state) == (other.id, "assigned")


@pytest.mark.feature("REP-02")
def test_orders_that_do_not_come_along_to_be_sent_are_counted(at: Any, world: World, sign_in: Any) -> None:
    """No order is sent without a word, none is left out without one."""
    session, row = world.session, report(world)
    browser = sign_in(world.accounts["clerk"])
    given = {"ids": [row.id, *range(10**6, 10**6 + 119)], "csrf_token": csrf(browser)}
    led = browser.post("/repairs/deed/send", data=given)
    text = browser.get(led.location).text
    assert "选了 120 行，一次最多带 100 行；另有 20 行没有带过来，请分次办理" in text
    assert "另有 99 张工单没有带过来" in text and "派出 1 张工单" in text
    status, text = at("clerk", "/repairs/send", {"ids": [row.id], "worker_id": str(world.worker.id)})
    assert status == 200 and "没有带过来" not in text
    session.refresh(row)
    assert row.state == "assigned"


def test_every_step_on_the_phone(at: Any, world: World) -> None:
    row = assigned(world)
    home = at("worker", "/m/")[1]
    assert "待接单 1" in home
    assert world.own.code in at("worker", "/m/repairs")[1]
    door = f"/m/repairs/{row.id}"
    for verb, state in (("accept", "accepted"), ("depart", "departed"), ("start", "started")):
        assert at("worker", door, {"verb": verb, "latitude": "30.5", "longitude": "120.5"})[0] == 302
        world.session.refresh(row)
        assert row.state == state
    assert (row.start_distance, row.signed_in_id) == (0, world.worker.id)
    status, page = at("worker", door, {"verb": "end", "action": "调整门锁", "cause": ""})
    assert status == 422 and "请选择故障原因" in page and "调整门锁" in page
    end = {"verb": "end", "action": "调整门锁", "cause": "door", "restored": "yes", "parts": "触点", "photo": photo()}
    assert at("worker", door, end)[0] == 302
    world.session.refresh(row)
    assert (row.state, row.restored, row.told_later) == ("done", True, None)
    page = at("safety_officer", door)[1]
    assert "调整门锁" in page and "门系统" in page and "维修照片" in page


def test_times_are_told_with_the_end_on_the_phone(at: Any, world: World) -> None:
    row = assigned(world, ago=5 * H)
    wall = [f"{clock.local(row.reported_at + n * H):%Y-%m-%dT%H:%M}" for n in (1, 2, 3)]
    form = {"verb": "end", "action": "调整", "cause": "door", "restored": "no", "accepted_at": "昨天"}
    status, page = at("worker", f"/m/repairs/{row.id}", form)
    assert status == 422 and "“昨天”不是时间" in page
    times = dict(zip(("accepted_at", "started_at", "ended_at"), wall, strict=True))
    assert at("worker", f"/m/repairs/{row.id}", form | times)[0] == 302
    page = at("clerk", f"/repairs/{row.id}")[1]
    assert page.count("事后补填") >= 3 and "电梯未恢复运行" in page


def test_the_managers_word_at_the_desk(at: Any, world: World) -> None:
    make_policy(world.session, "repair_approval", True)
    world.session.commit()
    row = assigned(world, ago=5 * H)
    times = {name: row.reported_at + n * H for n, name in enumerate(("accepted_at", "started_at", "ended_at"), 1)}
    ending = Ending(cause="door", action="调整", restored=True, times=times)
    with transaction(world.session):
        repair_work.end(world.session, world.actor("worker"), row.id, ending, clock.now())
    assert "驳回，重新填写" not in at("clerk", f"/repairs/{row.id}")[1]
    assert at("maintenance_head", f"/repairs/{row.id}/decide", {"decision": "rejected", "reason": ""})[0] == 422
    form = {"decision": "rejected", "reason": "请补照片"}
    assert at("maintenance_head", f"/repairs/{row.id}/decide", form)[0] == 302
    assert "请补照片" in at("worker", f"/m/repairs/{row.id}")[1]
    with transaction(world.session):
        repair_work.end(world.session, world.actor("worker"), row.id, Ending("door", "调整", "", True), clock.now())
    assert "同意所选" in at("maintenance_head", "/repairs/?tab=ended")[1]
    status, page = at("maintenance_head", "/repairs/deed/approve", {"ids": [row.id]})
    assert status == 200 and "已完成" in page
    world.session.refresh(row)
    assert (row.state, row.decision) == ("done", "approved")


def test_the_elevators_page_lists_repairs_and_anomalies(at: Any, world: World) -> None:
    row = report(world)
    with transaction(world.session):
        odd = anomalies.found(
            world.session, None, world.own, source="iot", kind="door", text="反复开关门", at=clock.now()
        )
    page = at("inspector", f"/elevators/{world.own.id}")[1]
    assert f"/repairs/{row.id}" in page and f"/anomalies/{odd.id}" in page


@pytest.mark.feature("IMP-03")
def test_a_repair_taken_over_says_so(at: Any, world: World) -> None:
    began = clock.now() - 60 * H
    told = {"reported_at": began.isoformat(), "ended_at": (began + 2 * H).isoformat()}
    with transaction(world.session):
        row = past_repairs.take_over(
            world.session, world.actor("region_admin"), {"elevator_id": world.own.id, "level": "stopped", **told},
            clock.now(),
        )  # fmt: skip
    status, page = at("clerk", f"/repairs/{row.id}")
    assert status == 200 and "接管" in page and "已处理" in page and "维修情况" in page
    assert 'action="/repairs/' not in page
    status, page = at("region_admin", "/repairs/?f_taken_over=1")
    assert status == 200 and row.code in page and "kind=past_repairs" in page
    assert "kind=past_repairs" not in at("clerk", "/repairs/")[1]


def handled(world: World, **more: Any) -> int:
    row = assigned(world, **more)
    at = row.reported_at + 2 * MINUTE
    with transaction(world.session) as session:
        worker = world.actor("worker")
        repair_work.accept(session, worker, row.id, at)
        repair_work.start(session, worker, row.id, Position(), at)
        repair_work.end(session, worker, row.id, Ending("door", "更换触点", restored=True), at + MINUTE)
    world.session.commit()
    return row.id


def test_the_use_unit_confirms_at_the_desk_or_sends_back_on_the_phone(at: Any, world: World) -> None:
    first, second = handled(world), handled(world, fault="另一处")
    page = at("safety_officer", f"/repairs/{first}")[1]
    assert "确认修好" in page and "仍有问题，退回维保单位" in page
    assert f"/repairs/{second}" in at("safety_officer", "/repairs/?tab=unconfirmed")[1]
    for who in ("clerk", "inspector"):
        page = at(who, f"/repairs/{first}")[1]
        assert f"/repairs/{first}/answer" not in page and "unconfirmed" not in at(who, "/repairs/")[1]
    assert at("safety_officer", f"/repairs/{first}/answer", {"answer": "yes"})[0] == 302
    assert f"/repairs/{first}/answer" not in at("safety_officer", f"/repairs/{first}")[1]
    # On the phone, with a photo; what was refused keeps its words.
    phone = at("safety_officer", f"/m/repairs/{second}?again=1")[1]
    assert 'id="again" open' in flat(phone) and 'data-upload="photo"' in phone
    sent = {"verb": "answer", "answer": "no", "answer_note": " ", "photo": photo()}
    status, refused = at("safety_officer", f"/m/repairs/{second}", sent)
    assert status == 422 and "请写明还有什么问题" in refused
    sent |= {"answer_note": "门还是关不上", "photo": photo()}
    assert at("safety_officer", f"/m/repairs/{second}", sent)[0] == 302
    row = world.session.scalars(select(RepairOrder).where(RepairOrder.again_of_id == second)).one()
    assert world.session.scalar(select(Attachment.entity_id).where(Attachment.entity == "repair_order")) == row.id
    page = at("inspector", f"/repairs/{second}")[1]
    assert "仍有问题" in page and "门还是关不上" in page and f"/repairs/{row.id}" in page
    assert f"/repairs/{second}" in at("inspector", "/repairs/?tab=disputed")[1]
    assert f'href="/repairs/{first}"' not in at("inspector", "/repairs/?tab=disputed")[1]
    assert "前一张工单" in at("clerk", f"/m/repairs/{row.id}")[1]
