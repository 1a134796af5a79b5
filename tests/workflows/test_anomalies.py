"""ANO-02: an anomaly from a phone or a device, told again, reviewed, handled."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Anomaly, AuditEntry, Notification, Rescue, StatusChange
from app.transaction import transaction
from app.workflows.oversight import anomalies
from tests.factories import World

pytestmark = pytest.mark.feature("ANO-02")
H, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)


def by_device(world: World, at: dt.datetime = START, kind: str = "door", text: str = "门区外停梯") -> Anomaly:
    with transaction(world.session):
        return anomalies.found(world.session, None, world.own, source="iot", kind=kind, text=text, at=at)


def report(world: World, who: str = "safety_officer", at: dt.datetime = START, **more: Any) -> Anomaly:
    given: dict[str, Any] = {"elevator_id": world.own.id, "kind": "noise", "text": "上行有异响", "at": at} | more
    with transaction(world.session):
        return anomalies.report(world.session, world.actor(who), **given)


def handle(world: World, who: str, row: Anomaly, verb: str, note: str = "", at: dt.datetime = START + H) -> Anomaly:
    with transaction(world.session):
        return anomalies.handle(world.session, world.actor(who), row.id, verb, note, at)


def told(world: World, topic: str) -> set[int | None]:
    return set(world.session.scalars(select(Notification.recipient_id).where(Notification.topic == topic)))


def test_what_a_device_says_again_is_the_same(world: World) -> None:
    row = by_device(world)
    assert (row.state, row.source, row.kind, row.reported_by_id) == ("found", "iot", "door", None)
    assert (row.unit_id, row.use_unit_id, row.code) == (world.firm.id, world.use_unit.id, world.own.code)
    for n in range(1, 4):
        assert by_device(world, START + n * MINUTE).id == row.id
    assert (row.times, row.last_at, row.body) == (4, START + 3 * MINUTE, "门区外停梯")
    assert by_device(world, START + 5 * MINUTE, text="反复开关门").id == row.id
    assert row.body is not None and row.body.endswith("12:05 反复开关门")
    # Another kind is another one, and what was closed is not opened again.
    assert by_device(world, kind="overspeed").id != row.id
    handle(world, "inspector", row, "dismiss", "检修调试触发")
    assert by_device(world, START + 2 * H).id != row.id
    assert world.session.scalar(select(func.count()).select_from(Anomaly)) == 3
    entries = world.session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "anomaly")).all()
    assert sorted(set(entries)) == ["anomaly.dismiss", "anomaly.found"] and entries.count("anomaly.found") == 3


def test_an_unknown_kind_is_other_and_joins_by_its_words(world: World) -> None:
    row = by_device(world, kind="17号报文", text="代码 17")
    assert row.kind == "other" and by_device(world, START + MINUTE, kind="other", text="代码 17").id == row.id
    assert by_device(world, START + MINUTE, kind="other", text="代码 18").id != row.id


def test_people_report_with_words_and_both_sides_hear(world: World) -> None:
    row = report(world)
    heard = told(world, "anomaly.review")
    assert world.accounts["clerk"].id in heard and world.accounts["safety_officer"].id not in heard
    assert row.reported_unit_id == world.use_unit.id
    with pytest.raises(Refusal, match="请写明看到了什么"):
        report(world, text="  ")
    with pytest.raises(Refusal, match="在将来"):
        report(world, found_at=START + H)
    with pytest.raises(Refusal, match="7 天前"):
        report(world, found_at=START - dt.timedelta(days=8))
    with pytest.raises(NotFound):
        report(world, elevator_id=world.foreign.id)


def test_reviewed_then_handled(world: World) -> None:
    row = report(world, "worker")
    handle(world, "clerk", row, "confirm")
    assert (row.state, row.reviewed_at) == ("confirmed", START + H)
    handle(world, "clerk", row, "solve", "已润滑导轨", START + 2 * H)
    assert (row.state, row.outcome, row.handled_at) == ("closed", "settled", START + 2 * H)
    assert told(world, "anomaly.done") == {world.accounts["worker"].id}
    steps = world.session.scalars(select(StatusChange.verb).where(StatusChange.entity == "anomaly")).all()
    assert list(steps) == ["confirm", "solve"]
    with pytest.raises(Refusal, match="现为“已处理”"):
        handle(world, "clerk", row, "confirm")


def test_the_reason_and_who_may_dismiss(world: World) -> None:
    row = report(world)
    with pytest.raises(Refusal, match="为什么不是异常"):
        handle(world, "inspector", row, "dismiss")
    with pytest.raises(NotAllowed, match="由使用单位上报"):
        handle(world, "clerk", row, "dismiss", "没有问题")
    with pytest.raises(NotAllowed):
        handle(world, "worker", row, "dismiss", "没有问题")
    with pytest.raises(NotFound):
        handle(world, "other_head", row, "dismiss", "没有问题")
    assert handle(world, "safety_officer", row, "dismiss", "是装修的声音").outcome == "dismissed"


@pytest.mark.feature("RES-01")
def test_passed_on_to_rescue_a_case_is_open_and_named(world: World) -> None:
    row = report(world, kind="trapped", text="3 楼轿厢里有人呼救")
    handle(world, "clerk", row, "rescue")
    case = world.session.scalars(select(Rescue)).one()
    assert (row.state, row.outcome, row.rescue_id) == ("closed", "rescue", case.id)
    assert (case.elevator_id, case.source, case.reported_at) == (world.own.id, "found", START + H)
    assert case.scene == "3 楼轿厢里有人呼救" and case.unit_id == world.firm.id
    assert told(world, "rescue.call")
    # A second one finds the case that there is.
    again = by_device(world, kind="stopped", at=START + 2 * H)
    handle(world, "inspector", again, "rescue", "轿厢内仍有人", START + 2 * H)
    assert again.rescue_id == case.id and case.reports == 2 and case.joined_to_id is None


@pytest.mark.feature("RES-01")
def test_words_longer_than_a_scene_do_not_keep_help_away(world: World) -> None:
    row = by_device(world, kind="stopped", text="代码" * 400)
    handle(world, "clerk", row, "rescue", "困" * 300)
    case = world.session.scalars(select(Rescue)).one()
    assert case.source == "iot" and case.scene is not None and len(case.scene) == 500
