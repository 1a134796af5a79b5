"""The look for doubtful visits (FRD-01): a day's new visits and their neighbours are read, signals are written once.

What is new on a day: the visits of that day, and what phones kept without network and sent on it. On a Sunday the
statistics over a stretch of time are taken, on a quarter's last day what was done in its last days. A day looked at
again finds what it found before by the signals' keys, and adds what came in since.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from app import clock
from app.models import AuditEntry, Elevator, FraudEvidence, FraudSignal, Person, Visit
from app.models.among import among
from app.models.policy import policy_book
from app.models.region import code_span
from app.permissions import SYSTEM, Actor
from app.policy import Key
from app.rules import fraud
from app.rules.calendar import day_start
from app.rules.checkin import Place
from app.rules.fraud import Numbers, Sign, Stop
from app.transaction import AnySession, all_written, connection_of, hold, insert_of
from app.workflows.core import audit

DAY = dt.timedelta(days=1)
# What a phone kept is sent within days; a record older than this is no neighbour of anything new.
OLDEST = 31 * DAY
SUNDAY = 6
QUARTER_ENDS = {(3, 31), (6, 30), (9, 30), (12, 31)}
MOST_EVIDENCE = 60
_visit: Any = Visit.__table__.c
_lift: Any = Elevator.__table__.c
_person: Any = Person.__table__.c
_entry: Any = AuditEntry.__table__.c
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Looked:
    """What a look read and found."""

    days: int = 0
    visits: int = 0
    photos: int = 0
    signals: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Seen:
    """A visit with what its signals are kept under."""

    stop: Stop
    unit_id: int
    worker_id: int
    region_code: str
    on: dt.date
    by_code: bool | None
    state: str


_COLUMNS = (
    _visit.id, _visit.elevator_id, _visit.unit_id, _visit.worker_id, _visit.region_code, _visit.visit_on,
    _visit.checked_in_at, _visit.checked_out_at, _visit.sent_at, _visit.offline, _visit.phone_told, _visit.in_latitude,
    _visit.in_longitude, _visit.out_latitude, _visit.out_longitude, _visit.by_code, _visit.state, _lift.latitude,
    _lift.longitude,
)  # fmt: skip


class Policies:
    """The desk's numbers by region, for one day."""

    def __init__(self, session: AnySession, on: dt.date) -> None:
        self._session, self._on = session, on
        self._kept: dict[str, Numbers] = {}

    def of(self, region_code: str) -> Numbers:
        if region_code not in self._kept:
            book: Mapping[Key, Any] = policy_book(self._session, region_code, self._on).plain
            given: dict[str, int] = {one.name: book[Key(f"fraud_{one.name}")] for one in fields(Numbers)
                     if one.name != "clock_slack_minutes"}  # fmt: skip
            self._kept[region_code] = Numbers(clock_slack_minutes=book[Key.CLOCK_SLACK_MINUTES], **given)
        return self._kept[region_code]

    def points(self, region_code: str, kind: str) -> int:
        book: Mapping[Key, Any] = policy_book(self._session, region_code, self._on).plain
        return int(book[Key(f"fraud_w_{kind}")])


def look(session: AnySession, on: dt.date, at: dt.datetime, region: str | None = None, actor: Actor = SYSTEM) -> Looked:
    """Look at one day of a region (all of it without); the photos' part is `fraud_photos`. Caller's transaction."""
    hold(session, f"fraud:{region or ''}")
    policies, done = Policies(session, on), Looked(days=1)
    signs: list[tuple[Sign, Seen]] = []
    people = _people(session, on, region)
    humans = _humans(session, people)
    by_worker = defaultdict(list)
    for seen in _of_people(session, people, on):
        by_worker[humans.get(seen.worker_id, seen.worker_id)].append(seen)
        done.visits += 1
    for worker, row in by_worker.items():
        numbers = policies.of(row[-1].region_code)
        found = fraud.walk([seen.stop for seen in row], numbers)
        today = [seen.stop for seen in row if seen.stop.sent is not None and clock.local_day(seen.stop.sent) == on]
        found += fraud.batches(f"{worker}", [s for s in today if s.kept_out], numbers)
        signs += _with(found, row)
    if on.weekday() == SUNDAY:
        signs += _stretch(session, on, region, policies)
        signs += _devices(session, on, region, policies)
    if (on.month, on.day) in QUARTER_ENDS:
        signs += _late(session, on, region, policies)
    write(session, signs, policies, at, done)
    audit.record(
        session, actor, at, "fraud.look", "fraud_signal", None,
        after={"on": on.isoformat(), "region": region, "visits": done.visits, "count": done.signals},
    )  # fmt: skip
    return done


def write(
    session: AnySession, signs: Iterable[tuple[Sign, Seen]], policies: Policies, at: dt.datetime, done: Looked
) -> None:
    """Write the signals that are not there yet, each with its evidence."""
    all_written(session)
    for sign, seen in signs:
        personal = sign.kind is not fraud.SignalKind.LATE_EXTRA
        values = {
            "key": sign.key, "kind": sign.kind.value, "unit_id": seen.unit_id,
            "person_id": seen.worker_id if personal else None, "elevator_id": sign.elevator_id,
            "region_code": seen.region_code, "seen_on": seen.on,
            "points": policies.points(seen.region_code, sign.kind), "found": sign.found, "facts": dict(sign.facts),
            "found_at": at,
        }  # fmt: skip
        statement = insert_of(session, FraudSignal).values(values).on_conflict_do_nothing(index_elements=["key"])
        key = session.scalar(statement.returning(FraudSignal.__table__.c.id))
        if key is None:
            continue
        photos = sign.photos or (None,) * len(sign.visits)
        session.add_all(
            FraudEvidence(signal_id=key, visit_id=visit, attachment_id=photo)
            for visit, photo in list(zip(sign.visits, photos, strict=True))[:MOST_EVIDENCE]
        )
        done.signals += 1
        done.kinds[sign.kind.value] += 1
    session.flush()


# --- reading


def in_span(column: Any, region: str | None) -> ColumnElement[bool]:
    if region is None:
        return true()
    low, high = code_span(region)
    return and_(column >= low, column < high)


def new_on(on: dt.date, region: str | None) -> ColumnElement[bool]:
    """Begun on that day here, or kept by a phone and sent on it; what was taken over tells of another platform."""
    start = day_start(on)
    later = and_(_visit.offline.is_not(None), _visit.sent_at >= start, _visit.sent_at < start + DAY)
    return and_(in_span(_visit.region_code, region), _visit.taken_over.is_(False), or_(_visit.visit_on == on, later))


def _people(session: AnySession, on: dt.date, region: str | None) -> dict[int, dt.date]:
    """Who has something new, since which day of his."""
    statement = select(_visit.worker_id, func.min(_visit.visit_on)).where(new_on(on, region))
    rows = connection_of(session).execute(statement.group_by(_visit.worker_id))
    return {worker: max(first, on - OLDEST) for worker, first in rows}


def _humans(session: AnySession, people: dict[int, dt.date]) -> dict[int, int]:
    """Rows of one ID number are one human, whichever accounts and units he has: all of them are looked at together."""
    of_those = select(_person.resident_id_index).where(
        among(session, _person.id, sorted(people)), _person.resident_id_index.is_not(None)
    )
    statement = select(_person.resident_id_index, _person.id).where(_person.resident_id_index.in_(of_those))
    first: dict[str, int] = {}
    humans: dict[int, int] = {}
    for index, key in connection_of(session).execute(statement.order_by(_person.id)):
        humans[key] = first.setdefault(index, key)
    begun: dict[int, dt.date] = {}
    for key in [key for key in humans if key in people]:
        begun[humans[key]] = min(people[key], begun.get(humans[key], people[key]))
    people.update({key: begun[human] for key, human in humans.items()})
    return humans


def _of_people(session: AnySession, people: dict[int, dt.date], on: dt.date) -> Iterator[Seen]:
    """Their visits from the day before their first new one; two readings, for most have nothing but that day's."""
    late = {worker: first for worker, first in people.items() if first < on}
    groups = [(on, set(people) - set(late)), *((first, {w for w in late if late[w] == first}) for first in
        set(late.values()))]  # fmt: skip
    for first, workers in groups:
        if workers:
            where = and_(
                among(session, _visit.worker_id, sorted(workers)), _visit.visit_on.between(first - DAY, on + DAY)
            )
            yield from read(session, and_(where, _visit.taken_over.is_(False)), on)


def read(session: AnySession, where: Any, on: dt.date) -> Iterator[Seen]:
    """Visits as the rules see them; where a phone gave no place, the elevator's own stands for it."""
    unsure = Policies(session, on)
    statement = select(*_COLUMNS).outerjoin(Elevator.__table__, _lift.id == _visit.elevator_id).where(where)
    for row in connection_of(session).execute(statement.order_by(_visit.worker_id, _visit.checked_in_at, _visit.id)):
        told, radius = row.phone_told or {}, unsure.of(row.region_code).gps_metres
        lift = _place(row.latitude, row.longitude)
        inward = _place(row.in_latitude, row.in_longitude)
        outward = _place(row.out_latitude, row.out_longitude)
        kept = row.offline or ""
        stop = Stop(
            row.id, row.elevator_id, row.checked_in_at, row.checked_out_at, inward or lift, outward or inward or lift,
            told.get("in_accuracy") or radius, told.get("out_accuracy") or radius, kept in ("in", "both"),
            kept in ("out", "both"), row.sent_at,
        )  # fmt: skip
        yield Seen(stop, row.unit_id, row.worker_id, row.region_code, row.visit_on, row.by_code, row.state)


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    return None if latitude is None or longitude is None else Place(latitude, longitude)


def _with(signs: Iterable[Sign], row: Sequence[Seen]) -> list[tuple[Sign, Seen]]:
    by_id = {seen.stop.id: seen for seen in row}
    return [(sign, by_id[sign.visits[-1]]) for sign in signs]


# --- over a stretch of time


def _stretch(
    session: AnySession, on: dt.date, region: str | None, policies: Policies
) -> Iterator[tuple[Sign, Seen]]:
    """Durations and codes of each worker over the stretch that ends on this day."""
    days = max(policies.of(region or "").window_days, 1)
    columns = (_visit.id, _visit.unit_id, _visit.worker_id, _visit.region_code, _visit.elevator_id,
        _visit.checked_in_at, _visit.checked_out_at, _visit.by_code, _visit.visit_on)  # fmt: skip
    statement = select(*columns).where(
        in_span(_visit.region_code, region), _visit.visit_on.between(on - (days - 1) * DAY, on),
        _visit.taken_over.is_(False), _visit.state != "void",
    )  # fmt: skip
    by_worker = defaultdict(list)
    for row in connection_of(session).execute(statement.order_by(_visit.worker_id, _visit.id)):
        by_worker[row.worker_id].append(row)
    for worker, rows in by_worker.items():
        last, numbers = rows[-1], policies.of(rows[-1].region_code)
        key = f"{worker}:{on.isoformat()}"
        ended = [(r.id, r.checked_out_at - r.checked_in_at) for r in rows if r.checked_out_at is not None]
        for sign in (
            fraud.constant_durations(key, ended, numbers),
            fraud.typed_codes(key, [(r.id, r.by_code) for r in rows], numbers),
        ):
            if sign is not None:
                yield sign, _seen(last, on)


def _devices(
    session: AnySession, on: dt.date, region: str | None, policies: Policies
) -> Iterator[tuple[Sign, Seen]]:
    """Reviews that came from the network from which the worker had checked in or out."""
    days = max(policies.of(region or "").window_days, 1)
    reviewed = and_(
        in_span(_visit.region_code, region), _visit.visit_on.between(on - (days - 1) * DAY, on),
        _visit.reviewed_from.is_not(None), _visit.reviewed_by_id.is_not(None), _visit.taken_over.is_(False),
    )  # fmt: skip
    same = select(_entry.id).where(
        _entry.entity == "visit", _entry.entity_id == _visit.id, _entry.address == _visit.reviewed_from,
        _entry.action.in_(("visit.check_in", "visit.check_out")),
    )  # fmt: skip
    columns = (_visit.id, _visit.unit_id, _visit.worker_id, _visit.region_code, _visit.elevator_id,
        _visit.reviewed_by_id, _visit.checked_in_at, _visit.checked_out_at, _visit.by_code)  # fmt: skip
    statement = select(*columns, same.exists().label("alike")).where(reviewed)
    by_pair = defaultdict(list)
    for row in connection_of(session).execute(statement.order_by(_visit.id)):
        by_pair[row.worker_id, row.reviewed_by_id].append(row)
    for (worker, reviewer), rows in by_pair.items():
        alike = [row.id for row in rows if row.alike]
        numbers = policies.of(rows[-1].region_code)
        sign = fraud.one_device(f"{worker}:{reviewer}:{on.isoformat()}", alike, len(rows), numbers)
        if sign is not None:
            yield sign, _seen(rows[-1], on)


def _late(session: AnySession, on: dt.date, region: str | None, policies: Policies) -> Iterator[tuple[Sign, Seen]]:
    """Elevators with failures in the quarter that ends on this day, and what was done there at its end."""
    first = on.replace(month=on.month - 2, day=1)
    failing = (
        select(_visit.unit_id, _visit.elevator_id, func.count())
        .where(
            in_span(_visit.region_code, region), _visit.visit_on.between(first, on), _visit.state == "nonconforming",
            _visit.taken_over.is_(False),
        )
        .group_by(_visit.unit_id, _visit.elevator_id)
    )
    failures = {(unit, lift): count for unit, lift, count in connection_of(session).execute(failing)}
    if not failures:
        return
    since = on - 2 * OLDEST
    columns = (_visit.id, _visit.unit_id, _visit.worker_id, _visit.region_code, _visit.elevator_id, _visit.visit_on,
        _visit.checked_in_at, _visit.checked_out_at, _visit.by_code)  # fmt: skip
    statement = select(*columns).where(
        among(session, _visit.elevator_id, sorted({lift for _unit, lift in failures})),
        _visit.visit_on.between(since, on), _visit.state == "valid", _visit.taken_over.is_(False),
    )  # fmt: skip
    by_pair = defaultdict(list)
    for row in connection_of(session).execute(statement.order_by(_visit.id)):
        by_pair[row.unit_id, row.elevator_id].append(row)
    for pair, rows in by_pair.items():
        count = failures.get(pair, 0)
        numbers = policies.of(rows[-1].region_code)
        key = f"{pair[0]}:{pair[1]}:{on.isoformat()}"
        sign = fraud.late_extra(key, pair[1], [(r.id, r.visit_on) for r in rows], count, on, numbers)
        if sign is not None:
            yield sign, _seen(rows[-1], on)


def _seen(row: Any, on: dt.date) -> Seen:
    stop = Stop(row.id, row.elevator_id, row.checked_in_at, row.checked_out_at)
    return Seen(stop, row.unit_id, row.worker_id, row.region_code, on, row.by_code, "")
