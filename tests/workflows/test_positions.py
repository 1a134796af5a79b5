"""ELV-08: captures on site take force or go to review; corrections change the record by approval alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Application, AuditEntry, Elevator, Notification, PositionCapture, Version
from app.rules.positions import Sample
from app.transaction import transaction
from app.workflows.approval.filing_versions import versions_of
from app.workflows.desk import applications
from app.workflows.filing import captures, corrections, filing
from app.workflows.filing.captures import Survey
from app.workflows.on_site import presence
from app.workflows.on_site.presence import Position
from tests.factories import World, make_elevator

pytestmark = pytest.mark.feature("ELV-08")
NOW = dt.datetime(2026, 3, 10, 2, 0, tzinfo=dt.UTC)
METRE = 1 / 111_320


def readings(latitude: float = 30.6, longitude: float = 119.9, accuracy: float = 8, count: int = 4) -> list[Sample]:
    return [Sample(latitude + n * METRE, longitude, accuracy) for n in range(count)]


@pytest.fixture
def bare(world: World) -> Elevator:
    """An elevator of the worker's without a position."""
    row = make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, latitude=None, longitude=None,
        estate="新楼盘",
    )  # fmt: skip
    world.session.commit()
    return row


def capture(world: World, key: int, survey: Survey, who: str = "worker", at: dt.datetime = NOW) -> Any:
    with transaction(world.session) as session:
        done = captures.capture(session, world.actor(who), key, survey, at)
        told = (done.row.id, done.row.outcome, done.application.id if done.application is not None else None)
    world.session.expire_all()
    return told


def decide(world: World, key: int, verb: str, opinion: str = "") -> None:
    row = world.session.get(Application, key)
    with transaction(world.session) as session:
        applications.decide(session, world.actor("region_admin"), key, verb, opinion, row.row_version, NOW)
    world.session.expire_all()


@pytest.mark.parametrize("who", ["worker", "safety_officer", "clerk"])
def test_the_first_position_takes_force_at_once_as_a_version(world: World, bare: Elevator, who: str) -> None:
    _row, outcome, application = capture(world, bare.id, Survey(readings(), "intact", "all"), who)
    assert (outcome, application) == ("in_force", None)
    assert (bare.latitude, bare.longitude) == (pytest.approx(30.600013, abs=1e-6), 119.9)
    assert (bare.plate_state, bare.network) == ("intact", "all")
    version = versions_of(world.session, bare)[0]
    assert version.number == bare.approved_version == 2 and "现场标注位置" in version.reason
    assert version.data["latitude"] == bare.latitude and version.data["plate_state"] == "intact"
    entry = world.session.scalar(select(AuditEntry).where(AuditEntry.action == "elevator.capture"))
    assert entry.before["latitude"] is None and entry.after["samples"] == 4
    told = world.session.scalars(select(Notification.recipient_id).where(Notification.topic == "position")).all()
    assert world.accounts["maintenance_head"].id in told and world.accounts[who].id not in told


def test_the_refusal_points_to_it_and_then_the_worker_may_check_in(world: World, bare: Elevator) -> None:
    actor, here = world.actor("worker"), Position(30.6, 119.9)
    _lift, found = presence.gate(world.session, actor, bare.code, here, NOW)
    refused = next(f for f in found if f.rule == "电梯尚未标注位置")
    assert refused.link == f"/m/position/{bare.code}" and "现场标注位置" in refused.remedy
    capture(world, bare.id, Survey(readings()))
    _lift, found = presence.gate(world.session, actor, bare.code, here, NOW)
    assert not [f for f in found if f.stops and f.rule in ("电梯尚未标注位置", "电梯位置较远")]


def test_one_that_has_a_position_is_moved_by_an_officer_only(world: World) -> None:
    key = world.own.id
    row, outcome, application = capture(world, key, Survey(readings(30.51, 120.5), "damaged", None, "搬到北楼"))
    assert outcome == "review" and application is not None
    # The label is contested by nobody.
    assert (world.own.latitude, world.own.longitude, world.own.plate_state) == (30.5, 120.5, "damaged")
    kept = world.session.get(PositionCapture, row)
    assert kept.moved == pytest.approx(1112, abs=5) and kept.application_id == application
    asked = world.session.get(Application, application)
    assert asked.reason == "搬到北楼" and asked.data["evidence"]["samples"] == 4
    checks = {f.rule: f for f in corrections.findings(world.session, asked, NOW)}
    assert not checks["现场采集"].ok and not checks["现场采集"].stops
    decide(world, application, "approve")
    assert world.own.latitude == pytest.approx(30.510013, abs=1e-6)
    assert versions_of(world.session, world.own)[0].number == world.own.approved_version == 3


def test_turned_down_nothing_moves(world: World) -> None:
    _row, _outcome, application = capture(world, world.own.id, Survey(readings(30.51, 120.5)))
    decide(world, application, "reject", "照片看不清")
    assert (world.own.latitude, world.own.approved_version) == (30.5, 1)


def test_far_from_its_house_even_the_first_goes_to_review(world: World, bare: Elevator) -> None:
    make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="新楼盘", latitude=30.6,
        longitude=119.9,
    )  # fmt: skip
    world.session.commit()
    _row, outcome, _application = capture(world, bare.id, Survey(readings(30.65, 119.9)))
    assert outcome == "review" and bare.latitude is None
    other = make_elevator(
        world.session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="新楼盘", latitude=None,
        longitude=None,
    )  # fmt: skip
    world.session.commit()
    assert capture(world, other.id, Survey(readings(30.605, 119.9)))[1] == "in_force"


@pytest.mark.parametrize(
    ("survey", "rules"),
    [
        (Survey(), {"手机位置"}), (Survey(readings(count=2)), {"定位次数"}),
        (Survey(readings(accuracy=80)), {"定位精度"}),
        (Survey(readings(), "shiny", "wifi"), {"标牌情况", "网络覆盖"}),
        (Survey(readings(), note="长" * 201), {"备注"}),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_told_at_once_and_nothing_is_kept(
    world: World, bare: Elevator, survey: Survey, rules: set[str]
) -> None:
    with pytest.raises(Refusal) as refused:
        capture(world, bare.id, survey)
    assert {f.rule for f in refused.value.findings if f.stops} == rules
    world.session.rollback()
    assert world.session.scalar(select(func.count()).select_from(PositionCapture)) == 0


def test_label_alone_needs_no_position_where_one_is_known(world: World) -> None:
    assert capture(world, world.own.id, Survey(plate_state="none"))[1] == "in_force"
    assert world.own.plate_state == "none"
    with pytest.raises(Refusal):
        capture(world, world.own.id, Survey(plate_state="none"))


@pytest.mark.parametrize(
    ("who", "error"), [("other_worker", NotFound), ("inspector", NotAllowed), ("region_admin", NotAllowed)]
)
def test_only_its_worker_or_its_use_unit(world: World, bare: Elevator, who: str, error: type[Refusal]) -> None:
    with pytest.raises(error):
        capture(world, bare.id, Survey(readings()), who)


def test_while_a_filing_is_reviewed_it_waits(world: World) -> None:
    with transaction(world.session) as session:
        head = world.actor("maintenance_head")
        filing.save_draft(session, head, Elevator, world.own, {"note": "改"}, NOW)
        filing.submit(session, head, world.own, NOW)
    with pytest.raises(Refusal) as refused:
        capture(world, world.own.id, Survey(readings()))
    assert [f.rule for f in refused.value.findings if f.stops] == ["没有审核中的备案"]


def test_a_draft_that_is_edited_keeps_the_position(world: World, bare: Elevator) -> None:
    head = world.actor("maintenance_head")
    with transaction(world.session) as session:
        filing.save_draft(session, head, Elevator, bare, {"note": "改"}, NOW)
    capture(world, bare.id, Survey(readings()))
    content = filing.content(world.session, bare)
    assert content["note"] == "改" and content["latitude"] == bare.latitude


# --- corrections


def correct(world: World, changes: dict[str, Any], reason: str = "铭牌照片", who: str = "worker") -> Application:
    with transaction(world.session) as session:
        made = corrections.correct(session, world.actor(who), world.own.id, changes, reason, [], NOW)
        key = made.id
    world.session.expire_all()
    return world.session.get(Application, key)


def test_a_correction_changes_nothing_until_it_is_approved(world: World) -> None:
    asked = correct(world, {"factory_no": "cs-2026-01", "stops": "18", "address": "", "floors": " "})
    assert asked.data["changes"] == {"factory_no": "CS-2026-01", "stops": 18}
    assert world.own.factory_no is None and world.own.approved_version == 1
    assert asked.number.startswith("JC") and asked.region_code == world.own.region_code
    decide(world, asked.id, "approve")
    assert (world.own.factory_no, world.own.stops, world.own.approved_version) == ("CS-2026-01", 18, 2)
    version = world.session.scalar(select(Version).where(Version.entity_id == world.own.id, Version.number == 2))
    assert "信息纠错" in version.reason and version.data["stops"] == 18
    told = world.session.scalars(select(Notification.recipient_id).where(Notification.topic == "decision")).all()
    assert world.accounts["worker"].id in told


@pytest.mark.parametrize(
    ("changes", "reason", "rule"),
    [({}, "x", "更正内容"), ({"address": None}, "x", "更正内容"), ({"stops": "18"}, " ", "说明"),
     ({"latitude": "30.6"}, "x", "经纬度"), ({"maintenance_unit_id": "1", "status": "scrapped"}, "x", "更正内容")],
)  # fmt: skip
def test_what_is_no_correction_is_told(world: World, changes: dict[str, Any], reason: str, rule: str) -> None:
    if "address" in changes:
        changes = {"address": world.own.address}
    with pytest.raises(Refusal) as refused:
        correct(world, changes, reason)
    assert rule in {f.rule for f in refused.value.findings if f.stops}


def test_a_wrong_value_is_told_by_its_field(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        correct(world, {"latitude": "300", "longitude": "120", "stops": "many"})
    assert {"latitude", "stops"} <= {f.field for f in refused.value.findings if f.stops}


def test_one_at_a_time(world: World) -> None:
    correct(world, {"stops": "18"})
    with pytest.raises(Refusal):
        correct(world, {"stops": "19"}, who="safety_officer")


def test_the_officer_sees_that_the_record_moved_meanwhile(world: World) -> None:
    asked = correct(world, {"plate_state": "damaged"})
    capture(world, world.own.id, Survey(plate_state="intact"))
    found = {f.rule: f for f in corrections.findings(world.session, asked, clock.now())}
    assert not found["档案没有变"].ok and not found["档案没有变"].stops
