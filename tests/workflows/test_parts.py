"""ELV-05: components with a life and landing doors; near and over they warn (WRN-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.listing import moment
from app.listings import warnings
from app.models import AuditEntry, Component, LandingDoor, LandingDoorCheck, Notification
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.filing import components, landing_doors
from app.workflows.filing.components import Part
from app.workflows.filing.landing_doors import Found
from app.workflows.papers import expiry
from tests.factories import World, make_elevator

pytestmark = pytest.mark.feature("ELV-05")
NOW = dt.datetime(2026, 7, 1, 2, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 7, 1)
DAY = dt.timedelta(days=1)


def added(world: World, name: str = "制动器闸瓦", who: str = "clerk", **more: Any) -> Component:
    part = Part(name, **({"installed_on": TODAY} | more))
    with transaction(world.session) as session:
        key = components.add(session, world.actor(who), world.own.id, part, NOW).id
    world.session.expire_all()
    return world.session.get(Component, key)


def rules(refused: Any) -> set[str]:
    return {f.rule for f in refused.value.findings if f.stops}


@pytest.mark.parametrize("who", ["clerk", "maintenance_head", "use_head"])
def test_without_a_life_the_policy_says_six_months(world: World, who: str) -> None:
    row = added(world, who=who)
    assert (row.life_months, row.due_on) == (6, dt.date(2027, 1, 1))
    assert row.region_code == world.own.region_code
    entry = world.session.scalar(select(AuditEntry).where(AuditEntry.action == "component.add"))
    assert entry.after["elevator"] == world.own.code and entry.after["due_on"] == "2027-01-01"


@pytest.mark.parametrize(
    ("who", "error"), [("worker", NotAllowed), ("inspector", NotAllowed), ("other_head", NotFound)]
)
def test_who_may_not(world: World, who: str, error: type[Refusal]) -> None:
    with pytest.raises(error):
        added(world, who=who)


def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        added(world, "", installed_on=TODAY + DAY, life_months=0, note="长" * 201)
    assert rules(refused) == {"组件", "安装日期", "寿命", "备注"}
    with pytest.raises(Refusal) as refused:
        added(world, installed_on=None)
    assert rules(refused) == {"安装日期"}


def test_two_of_a_name_are_told_apart(world: World) -> None:
    added(world, "制动器")
    with pytest.raises(Refusal) as refused:
        added(world, " 制动器 ")
    assert rules(refused) == {"组件"}
    added(world, "制动器（左）")


def test_a_scrapped_elevator_has_none(world: World) -> None:
    world.own.status = "scrapped"
    world.session.commit()
    with pytest.raises(Refusal):
        added(world)


def test_replaced_the_old_one_stays_and_the_new_one_names_it(world: World) -> None:
    old = added(world, installed_on=TODAY - 200 * DAY, life_months=12, model="A1")
    with transaction(world.session) as session:
        made = components.replace(
            session, world.actor("clerk"), old.id, Part(installed_by="何一舟", model="A2"), "磨损", NOW, old.row_version
        )
        key = made.id
    world.session.expire_all()
    new = world.session.get(Component, key)
    assert (new.replaces_id, new.life_months, new.model, new.installed_on) == (old.id, 12, "A2", TODAY)
    assert (old.ended_on, old.end_kind, old.ended_by, old.end_reason) == (TODAY, "replaced", "何一舟", "磨损")
    now, ended = components.of_elevator(world.session, world.actor("clerk"), world.own.id)
    assert [c.id for c in now] == [new.id] and [c.id for c in ended] == [old.id]
    with pytest.raises(Refusal), transaction(world.session) as session:
        components.edit(session, world.actor("clerk"), old.id, Part("x", TODAY, 6), NOW)


def test_not_replaced_before_it_was_put_in(world: World) -> None:
    old = added(world)
    with pytest.raises(Refusal) as refused, transaction(world.session) as session:
        components.replace(session, world.actor("clerk"), old.id, Part(installed_on=TODAY - DAY), "", NOW)
    assert "更换日期" in rules(refused)


def test_edited_and_removed_with_what_the_page_showed(world: World) -> None:
    row = added(world)
    with transaction(world.session) as session:
        components.edit(session, world.actor("clerk"), row.id, Part("闸瓦", TODAY - DAY, 3), NOW, row.row_version)
    world.session.expire_all()
    assert (row.name, row.due_on, row.row_version) == ("闸瓦", dt.date(2026, 9, 30), 2)
    with pytest.raises(Stale), transaction(world.session) as session:
        components.remove(session, world.actor("clerk"), row.id, "拆了", NOW, 1)
    with pytest.raises(Refusal) as refused, transaction(world.session) as session:
        components.remove(session, world.actor("clerk"), row.id, " ", NOW, 2)
    assert rules(refused) == {"原因"}
    with transaction(world.session) as session:
        components.remove(session, world.actor("clerk"), row.id, "拆了", NOW, 2)
    world.session.expire_all()
    assert row.end_kind == "removed"


@pytest.mark.feature("WRN-01")
@pytest.mark.parametrize(("left", "over", "near"), [(-1, 1, 0), (0, 0, 1), (30, 0, 1), (31, 0, 0)])
def test_near_and_over_warn_while_it_is_in_an_elevator_in_use(world: World, left: int, over: int, near: int) -> None:
    today = clock.today()
    row = Component(
        elevator_id=world.own.id, region_code=world.own.region_code, name="门滑块", installed_on=today - 100 * DAY,
        life_months=6, due_on=today + left * DAY,
    )  # fmt: skip
    world.session.add(row)
    world.session.commit()
    now = moment(world.session, world.actor("inspector"))

    def counted() -> tuple[int, int]:
        found = warnings.counts(now)
        return found["component", "over"], found["component", "near"]

    assert counted() == (over, near)
    other = warnings.counts(moment(world.session, world.actor("other_inspector")))
    assert (other["component", "over"], other["component", "near"]) == (0, 0)
    world.own.status = "suspended"
    world.session.commit()
    assert counted() == (0, 0)
    world.own.status, row.ended_on = "in_use", today
    world.session.commit()
    assert counted() == (0, 0)


@pytest.mark.feature("WRN-01")
def test_who_must_act_is_told_once(world: World) -> None:
    at = clock.now()
    row = Component(
        elevator_id=world.own.id, region_code=world.own.region_code, name="门滑块",
        installed_on=clock.local_day(at) - 200 * DAY, life_months=6, due_on=clock.local_day(at) + 5 * DAY,
    )  # fmt: skip
    world.session.add(row)
    world.session.commit()
    expiry.run(world.session, at)
    expiry.run(world.session, at)
    told = world.session.execute(
        select(Notification.recipient_id, Notification.title).where(Notification.link == f"/components/{row.id}")
    ).all()
    assert [who for who, _title in told] == [world.accounts["maintenance_head"].id]
    assert world.own.code in told[0][1] and "组件寿命" in told[0][1]


# --- landing doors


def make_doors(world: World, lowest: int = 1, both: bool = False) -> int:
    with transaction(world.session) as session:
        return landing_doors.generate(session, world.actor("clerk"), world.own.id, lowest, NOW, both)


def doors(world: World) -> list[LandingDoor]:
    world.session.expire_all()
    return landing_doors.of_elevator(world.session, SYSTEM, world.own.id)


def test_a_door_a_landing_and_again_nothing(world: World) -> None:
    world.own.stops = 4
    world.session.commit()
    assert make_doors(world, -1) == 4 and make_doors(world, -1) == 0
    assert [(d.landing, d.side, d.condition) for d in doors(world)] == [
        (n, "front", "normal") for n in ("-1", "1", "2", "3")
    ]
    assert make_doors(world, -1, both=True) == 4 and len(doors(world)) == 8


def test_without_stops_or_on_an_escalator_there_is_nothing_to_make(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        make_doors(world)
    assert rules(refused) == {"站数"}
    world.own.category = "3310"
    world.session.commit()
    with pytest.raises(Refusal) as refused:
        make_doors(world)
    assert rules(refused) == {"站数", "层门"}


def test_what_doors_were_found_to_be_stays_with_them(world: World) -> None:
    world.own.stops = 3
    world.session.commit()
    make_doors(world)
    first, second, _third = doors(world)
    found = {first.id: Found("damaged", "门扇变形"), second.id: Found("normal")}
    with transaction(world.session) as session:
        assert landing_doors.check(session, world.actor("clerk"), world.own.id, found, TODAY, NOW) == 1
    with transaction(world.session) as session:
        again = {first.id: Found("normal")}
        assert landing_doors.check(session, world.actor("use_head"), world.own.id, again, TODAY, NOW) == 1
    assert (doors(world)[0].condition, doors(world)[0].checked_on) == ("normal", TODAY)
    kept = landing_doors.checks_of(world.session, doors(world))
    assert [(c.condition, c.note) for c in kept] == [("normal", None), ("damaged", "门扇变形")]


@pytest.mark.parametrize(
    ("found", "day", "rule"),
    [(Found("gone"), TODAY, "层门状态"), (Found("normal", "长" * 201), TODAY, "备注"),
     (Found("damaged"), TODAY + DAY, "检查日期")],
)  # fmt: skip
def test_what_no_door_can_be_is_told(world: World, found: Found, day: dt.date, rule: str) -> None:
    world.own.stops = 1
    world.session.commit()
    make_doors(world)
    with pytest.raises(Refusal) as refused, transaction(world.session) as session:
        landing_doors.check(session, world.actor("clerk"), world.own.id, {doors(world)[0].id: found}, day, NOW)
    assert rule in rules(refused)


def test_another_elevators_door_is_not_this_ones(world: World) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, stops=1)
    world.session.commit()
    with transaction(world.session) as session:
        landing_doors.generate(session, world.actor("clerk"), other.id, 1, NOW)
    key = world.session.scalar(select(LandingDoor.id).where(LandingDoor.elevator_id == other.id))
    with pytest.raises(Refusal), transaction(world.session) as session:
        landing_doors.check(session, world.actor("clerk"), world.own.id, {key: Found("damaged")}, TODAY, NOW)


def test_deleted_with_its_history(world: World) -> None:
    world.own.stops = 1
    world.session.commit()
    make_doors(world)
    door = doors(world)[0]
    with transaction(world.session) as session:
        landing_doors.check(session, world.actor("clerk"), world.own.id, {door.id: Found("damaged")}, TODAY, NOW)
    with transaction(world.session) as session:
        landing_doors.remove(session, world.actor("clerk"), door.id, NOW)
    assert doors(world) == []
    assert world.session.scalar(select(func.count()).select_from(LandingDoorCheck)) == 0
