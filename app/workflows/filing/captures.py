"""现场采集 (ELV-08): place, label and networks of an elevator, taken beside it by its worker or its use unit.

What nobody contests takes force at once, as a version of the record with the capture as its reason: label and
networks, and the place of an elevator that has none. A place that would move, or that lies far from the other
elevators of its house, goes to an officer as a correction (`corrections`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, raise_failing
from app.models import Application, Elevator, PositionCapture
from app.models.choices import NETWORK, PLATE_STATE
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules import positions
from app.rules.checkin import Place, distance_metres
from app.rules.positions import Reading, Sample
from app.transaction import AnySession
from app.wording import say
from app.workflows.approval import conditions, filing_versions
from app.workflows.core import audit, outbox
from app.workflows.filing import corrections
from app.workflows.inspection.inspection_days import Cause

LONGEST_NOTE = 200
MOST_NEIGHBOURS = 200


@dataclass(frozen=True, slots=True)
class Survey:
    """What a phone sends: readings in the order of time, and what was ticked; None leaves the record as it is."""

    samples: Sequence[Sample] = ()
    plate_state: str | None = None
    network: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """What came of it: the capture, and the correction that an officer is to decide."""

    row: PositionCapture
    application: Application | None

    @property
    def placed(self) -> bool:
        return self.row.latitude is not None and self.application is None


def capture(
    session: AnySession, actor: Actor, elevator_id: int, survey: Survey, at: dt.datetime, photos: Sequence[int] = ()
) -> Captured:
    """Keep what was found on site. An elevator without a position needs one; else label or networks may come alone."""
    require(actor, Verb.ELEVATOR_SURVEY)
    elevator = corrections.held_by_a_side(session, actor, elevator_id)
    today, region = clock.local_day(at), elevator.region_code
    most = int(policy_value(session, Key.CAPTURE_METRES, region, today))
    reading = positions.together(survey.samples)
    ticked = {"plate_state": survey.plate_state or None, "network": survey.network or None}
    wanted: dict[str, Any] = {n: v for n, v in ticked.items() if v is not None and v != getattr(elevator, n)}
    placed = elevator.latitude is not None and elevator.longitude is not None
    raise_failing([
        conditions.filed(elevator), conditions.not_in_filing(session, elevator), *_choices(ticked), _note(survey.note),
        *(positions.findings(reading, most) if reading is not None or not (placed and wanted) else ()),
    ])  # fmt: skip
    there = Place(elevator.latitude, elevator.longitude) if placed else None  # type: ignore[arg-type]
    at_once = reading is not None and there is None and positions.looks_right(
        reading.place, _neighbours(session, elevator)
    )  # fmt: skip
    row = _kept(session, actor, elevator, survey, reading, there, at)
    if at_once and reading is not None:
        wanted |= {"latitude": reading.latitude, "longitude": reading.longitude}
    if wanted:
        _put(session, actor, elevator, wanted, row, at)
    application = None
    if reading is not None and not at_once:
        place = {"latitude": reading.latitude, "longitude": reading.longitude}
        told = {
            "samples": reading.samples, "accuracy": reading.accuracy, "moved": row.moved, "capture": row.id,
            "presence_m": int(policy_value(session, Key.PRESENCE_METRES, region, today)),
        }  # fmt: skip
        reason = survey.note.strip() or "现场采集的位置与档案不同"
        application = corrections.opened(session, actor, elevator, place, reason, photos, at, told)
        row.outcome, row.application_id = "review", application.id
        session.flush()
    return Captured(row, application)


def of_elevator(session: AnySession, actor: Actor, elevator_id: int, most: int = 20) -> list[PositionCapture]:
    """The captures of an elevator that the actor may see, the newest first."""
    statement = select(PositionCapture).where(PositionCapture.elevator_id == elevator_id)
    order = scope.apply(statement, actor).order_by(PositionCapture.taken_at.desc(), PositionCapture.id.desc())
    return list(session.scalars(order.limit(most)))


def _choices(ticked: dict[str, str | None]) -> list[Finding]:
    known = (("plate_state", "标牌情况", PLATE_STATE), ("network", "网络覆盖", NETWORK))
    return [
        Finding(rule, False, say("没有“%(value)s”这个选项", value=str(ticked[name])[:20]), "请重新选择", field=name)
        for name, rule, choices in known if ticked[name] is not None and ticked[name] not in choices
    ]  # fmt: skip


def _note(note: str) -> Finding:
    count = len(note.strip())
    remedy = say("最多 %(n)s 个字", n=LONGEST_NOTE)
    return Finding("备注", count <= LONGEST_NOTE, say("%(n)s 个字", n=count), remedy, field="note")


def _neighbours(session: AnySession, elevator: Elevator) -> list[Place]:
    """The places of the other elevators of the same house: one use unit, one estate."""
    if elevator.use_unit_id is None:
        return []
    statement = select(Elevator.latitude, Elevator.longitude).where(
        Elevator.use_unit_id == elevator.use_unit_id, Elevator.id != elevator.id, Elevator.latitude.is_not(None),
        Elevator.longitude.is_not(None), Elevator.estate == elevator.estate,
    )  # fmt: skip
    found = session.execute(statement.limit(MOST_NEIGHBOURS).execution_options(skip_scope=True))
    return [Place(north, east) for north, east in found if north is not None and east is not None]


def _kept(
    session: AnySession, actor: Actor, elevator: Elevator, survey: Survey, reading: Reading | None,
    there: Place | None, at: dt.datetime,
) -> PositionCapture:  # fmt: skip
    moved = None if reading is None or there is None else round(distance_metres(reading.place, there))
    row = PositionCapture(
        elevator_id=elevator.id, region_code=elevator.region_code, unit_id=elevator.maintenance_unit_id,
        use_unit_id=elevator.use_unit_id, taken_at=at, account_id=actor.user_id, taken_by=actor.name[:80],
        latitude=reading and reading.latitude, longitude=reading and reading.longitude,
        accuracy=reading and reading.accuracy, samples=0 if reading is None else reading.samples,
        was_latitude=elevator.latitude, was_longitude=elevator.longitude, moved=moved,
        plate_state=survey.plate_state or None, network=survey.network or None, note=survey.note.strip() or None,
        outcome="in_force",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _put(
    session: AnySession, actor: Actor, elevator: Elevator, changes: dict[str, Any], row: PositionCapture,
    at: dt.datetime,
) -> None:  # fmt: skip
    before = {name: getattr(elevator, name) for name in changes}
    heading = say("现场采集　%(who)s", who=actor.name)
    if "latitude" in changes:
        heading = say(
            "现场标注位置　%(who)s　%(n)s 次，精度约 %(a)s 米", who=actor.name, n=row.samples,
            a=round(row.accuracy or 0),
        )
    cause = Cause(heading, actor.user_id, at, actor.user_id)
    filing_versions.amend(session, elevator, changes, cause, clock.local_day(at), at)
    audit.record(
        session, actor, at, "elevator.capture", Elevator.__tablename__, elevator.id, before=before,
        after=changes | {"capture": row.id, "accuracy": row.accuracy, "samples": row.samples},
    )  # fmt: skip
    if "latitude" in changes:
        told = set(outbox.readers_of(session, elevator.maintenance_unit_id, Verb.ELEVATOR_EDIT, elevator.id))
        told |= set(outbox.readers_of(session, elevator.use_unit_id, Verb.ELEVATOR_EDIT, elevator.id))
        outbox.notify(
            session, at, sorted(told - {actor.user_id}), "position",
            say("电梯 %(code)s 已在现场标注位置", code=elevator.code), body=heading, link=f"/elevators/{elevator.id}",
            dedupe_key=f"capture:{row.id}",
        )  # fmt: skip
