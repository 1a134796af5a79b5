"""Invented rescues of the demo region: two that are open, one of each outcome, and the months before.

They are made by the product's own verbs, at their times; notices of what is long over count as read.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from sqlalchemy import select, update

from app import clock
from app.demo import names
from app.demo.builder import CITY
from app.demo.office import actor_named
from app.demo.people import DemoAccount, accounts_of, administrator, first_firm, first_look
from app.models import Account, Elevator, Notification, Region, Rescue, Unit
from app.permissions import Actor, Role
from app.rules.identifiers import uscc_check_char
from app.workflows.access import accounts
from app.workflows.rescue import rescue_answers, rescue_callbacks, rescue_desk, rescue_help, rescues
from app.workflows.rescue.rescue_course import calls_of

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
PAST, LOOK_BACK = 36, 170
AGENT, STATION = "yingji_zuoxi", "澜州市临河区应急救援站"
# Outcome, cause, method; the usual ones several times.
STORIES = (
    *(("entrapment", "door_vane", "level"),) * 3, *(("entrapment", "power_cut", "hand"),) * 3,
    ("entrapment", "door_operator", "level"), ("entrapment", "control_board", "hand"),
    ("entrapment", "outside_heat", "hand"), ("entrapment", "human_debris", "level"),
    ("entrapment", "control_levelling", "level"), ("entrapment", "safety_circuit", "hand"),
    ("entrapment", "door_car_lock", "level"), ("entrapment", "human_overload", "level"),
)  # fmt: skip
FALSE = ("false_alarm", "commissioning", "cleaning", "maintenance", "repair", "installation")
SCENES = (
    "停在 5、6 楼之间，灯亮着", "小区停电，电梯停在 12 楼", "门打不开，里面有老人", "停在 1 楼平层，门不开",
    "运行中突然停住",
)  # fmt: skip


def make_agent(session: Any) -> list[DemoAccount]:
    """The operator of the city's desk, and a station that can be called out; none where they are there already."""
    at = clock.now()
    if session.scalar(select(Account.id).where(Account.username == AGENT)) is not None:
        return []
    city = session.scalar(select(Region).where(Region.code == CITY))
    district = session.scalar(select(Region).where(Region.code == "980402000000"))
    assert city is not None and district is not None
    first = f"91980402{900_000_002:09d}"
    station = Unit(
        uscc=first + uscc_check_char(first), name=STATION, region_id=district.id, region_code=district.code,
        is_rescue=True, address="临河区河湾路 96 号", head_name=names.person_name(81), duty_phone="0980-2296333",
        latitude=30.634, longitude=119.972, filing_state="approved", info_state="normal", approved_version=1,
        approved_on=clock.local_day(at) - dt.timedelta(days=700),
    )  # fmt: skip
    session.add(station)
    session.flush()
    places = {region.code: region for region in session.scalars(select(Region).where(Region.level == "district"))}
    rng = random.Random("rescue-places")
    firms = select(Unit).where(Unit.is_maintenance, Unit.latitude.is_(None)).order_by(Unit.id)
    for firm in session.scalars(firms):
        place = places.get(firm.region_code[:6].ljust(12, "0"))
        if place is not None and place.latitude is not None and place.longitude is not None:
            firm.latitude = round(place.latitude + rng.uniform(-0.03, 0.03), 6)
            firm.longitude = round(place.longitude + rng.uniform(-0.03, 0.03), 6)
    agent = accounts.create_office_account(
        session, administrator(session), login_name=AGENT, name=names.person_name(80), region_id=city.id,
        roles=[Role.RESCUE_AGENT], at=at,
    )  # fmt: skip
    head, name = station.head_name or STATION, names.person_name(82)
    return [
        first_look(agent, city.name), *accounts_of(session, station, head, "jiuyuan_yuan", name, Role.RESCUER, at),
    ]  # fmt: skip


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """The cases; how many. Nothing without the demo's accounts."""
    agent, worker = actor_named(session, AGENT), actor_named(session, "weibao_yuan")
    if agent is None or worker is None:
        return 0
    firm, _use_unit, _person = first_firm(session)
    lifts = list(session.scalars(
        select(Elevator)
        .where(
            Elevator.status == "in_use", Elevator.is_secret.is_(False), Elevator.maintenance_unit_id.is_not(None),
            Elevator.category.like("31%"),
        )
        .order_by(Elevator.id).limit(80)
    ))  # fmt: skip
    own = [lift for lift in lifts if lift.maintenance_unit_id == firm.id]
    rng = random.Random(f"rescues-{seed}")
    for number in range(PAST):
        begun = at - DAY * (2 + (LOOK_BACK - 2) * (PAST - 1 - number) // PAST) - MINUTE * rng.randrange(1440)
        lift = rng.choice(own if number % 2 else lifts)
        _past(session, rng, agent, lift, begun, number)
    _running(session, agent, worker, own[0], at - 21 * MINUTE, arrived=True)
    _running(session, agent, worker, own[-1], at - 4 * MINUTE, arrived=False)
    old = update(Notification).where(
        Notification.topic.like("rescue.%"), Notification.created_at < at - DAY, Notification.read_at.is_(None)
    )
    session.execute(old.values(read_at=at - DAY).execution_options(synchronize_session=False))
    return PAST + 2


def _past(session: Any, rng: random.Random, agent: Actor, lift: Elevator, begun: dt.datetime, number: int) -> None:
    source = ("call", "page", "iot", "call")[number % 4]
    row = rescues.report(
        session, agent if source == "call" else None, lift, source=source, at=begun,
        caller="" if source == "iot" else f"{rng.choice(names.SURNAMES)}女士", scene=rng.choice(SCENES),
        phone="" if source == "iot" else f"1380001{number:04d}", trapped=rng.randint(1, 4),
    )  # fmt: skip
    if number % 6 == 5:
        kind = FALSE[number // 6 % len(FALSE)]
        rescue_desk.close(session, agent, row.id, kind, "对讲确认无人被困，已核实", begun + 2 * MINUTE)
        return
    if not calls_of(session, row):
        rescue_desk.dispatch(session, agent, row.id, 1, begun + MINUTE)
    called = calls_of(session, row)[-1].dispatched_at
    slow = number % 7 == 3
    if slow:
        # Nobody accepts: the clock calls the nearest one.
        rescue_help.act(session, row.id, called + 4 * MINUTE)
        called += 4 * MINUTE
    call = calls_of(session, row)[-1]
    seconds = dt.timedelta(seconds=rng.randint(20, 170))
    arrive, done = rng.randint(6, 17), rng.randint(1, 12)
    if number % 9 == 4:
        arrive += 14
    taken = called + seconds
    rescue_answers.accept(session, agent, row.id, taken, call_id=call.id)
    rescue_answers.arrive(session, agent, row.id, taken + arrive * MINUTE, call_id=call.id)
    outcome, cause, method = STORIES[rng.randrange(len(STORIES))]
    form = {
        "outcome": outcome, "cause": cause, "method": method, "trapped": str(row.trapped or 1),
        "injured": "1" if number == 13 else "0", "cause_note": "",
    }  # fmt: skip
    rescue_answers.free(session, agent, row.id, form, taken + (arrive + done) * MINUTE, call_id=call.id)
    if number % 3:
        word = "fair" if slow else "good"
        after = taken + (arrive + done + 40) * MINUTE
        rescue_callbacks.call_back(session, agent, row.id, "rescue", word, "报警人", "", after)
    if number % 5 == 0:
        after = taken + 2 * DAY
        rescue_callbacks.call_back(session, agent, row.id, "maintenance", "good", "物业值班员", "已更换部件", after)


def _running(session: Any, agent: Actor, worker: Actor, lift: Elevator, begun: dt.datetime, *, arrived: bool) -> Rescue:
    row = rescues.report(
        session, agent, lift, source="call", at=begun, caller="程女士", phone=f"1380009{lift.id % 10000:04d}",
        scene=SCENES[0] if arrived else SCENES[2], trapped=2,
    )  # fmt: skip
    rescue_desk.dispatch(session, agent, row.id, 1, begun + MINUTE)
    rescue_answers.accept(session, worker, row.id, begun + 2 * MINUTE)
    if arrived:
        rescue_answers.arrive(session, worker, row.id, begun + 14 * MINUTE)
    return row
