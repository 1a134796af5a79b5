"""Where a check-in happens: the elevator and all that stands around it on a day, read by one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, literal_column, or_, select

from app import clock, scope
from app.direct_rows import columns_of, row_of
from app.errors import refuse
from app.models import (
    Attachment,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    Unit,
    Visit,
)
from app.models.maintenance import rank_of
from app.models.policy import STATE, recall
from app.permissions import Actor, Verb
from app.rules.approval import FilingState
from app.rules.checkin import by_label
from app.rules.identifiers import normal_code
from app.rules.levels import Level, level_on_site
from app.transaction import AnySession, all_written, asked
from app.wording import say
from app.workflows.contracts import cover
from app.workflows.core import outbox
from app.workflows.on_site import labels

LONGEST_TEXT = 200
# How far ahead an order may lie that a visit stands for: less than the longer interval (rules.levels.order_day_of).
SOON_DAYS = 14


@dataclass(frozen=True, slots=True)
class Lift:
    """Of the sixty columns of an elevator those that its conditions turn on and that a visit keeps a copy of."""

    id: int
    code: str
    status: str
    latitude: float | None
    longitude: float | None
    maintenance_unit_id: int | None
    use_unit_id: int | None
    region_code: str
    registration_code: str | None
    category: str | None
    model: str | None
    factory_no: str | None
    internal_no: str | None
    manufacturer: str | None
    address: str | None
    estate: str | None
    rated_load: int | None
    rated_speed: float | None
    stops: int | None
    safety_officer: str | None


@dataclass(frozen=True, slots=True)
class Site:
    """An elevator on a day, as one unit finds it.

    `covered_by` and `covered_until`: the binding in force, whoever's; `last_end`: of the unit's last one that ended.
    `order`: of the unit's open orders that this visit can stand for (`SOON_DAYS`) the one planned first: id, level.
    """

    elevator: Lift
    may_serve: bool
    use_unit: str | None
    paused_on: dt.date | None
    covered_by: int | None
    covered_until: dt.date | None
    last_end: dt.date | None
    next_level: str | None
    order_id: int | None
    order_level: str | None

    def level(self, chosen: str | None = None) -> Level:
        """The level of a visit that begins here; `chosen` by whoever is there counts where no order waits."""
        return level_on_site(self.order_level, self.next_level, chosen)


def days(today: dt.date) -> dict[str, dt.date]:
    """What `around` asks for of the calendar."""
    return {"today": today, "soon": today + dt.timedelta(days=SOON_DAYS)}


def of_elevator(session: AnySession, actor: Actor, elevator: Elevator, today: dt.date) -> Site:
    """The site of an elevator at hand."""
    kind, numbers = scope.outline(actor, Elevator)
    asked = numbers | days(today) | {"unit": actor.unit_id or 0, "key": elevator.id}
    return site_of(actor, session.execute(around(kind, by_key=True), asked).one())


def elevator_of(session: AnySession, text: str) -> Elevator | None:
    """The approved elevator that a scanned address, its token, or a typed 识别码 names, whosever it is."""
    asked = named(text)
    if not asked["token"]:
        return None
    statement = select(Elevator).where(_NAMED).order_by(_TOKEN).limit(1).execution_options(skip_scope=True)
    found: Elevator | None = session.scalar(statement, asked)
    if found is None and (label := label_of(session, text)) is not None and label.holds(clock.now()):
        found = session.scalar(statement, named(label.public_token))
    return found


def label_of(session: AnySession, text: str) -> labels.Named | None:
    """The label beside the one in use, or the dead one, that a text names; asked where nothing else was found."""
    return labels.of_token(session, named(text)["token"])


def unapproved_of(session: AnySession, actor: Actor, text: str) -> Elevator | None:
    """The elevator of the actor's own unit that a text names and that was never approved; the furthest on its way.

    Of the whole unit, for nobody is given an elevator before it is approved; of other units' none is told.
    """
    asked = named(text)
    if actor.unit_id is None or not asked["token"]:
        return None
    statement = select(Elevator).where(Elevator.approved_version == 0, or_(_TOKEN, _elevator.code == bindparam("code")))
    within = scope.apply(statement, replace(actor, sees_all_elevators=True), Elevator)
    first = (Elevator.filing_state == FilingState.PENDING.value).desc(), Elevator.id.desc()
    found: Elevator | None = session.scalar(
        within.order_by(*first).limit(1).execution_options(skip_scope=True), asked
    )  # fmt: skip
    return found


def names(session: AnySession, text: str, elevator_id: int) -> bool:
    """Whether a scanned or typed text names this very elevator, by its number or by the label in use."""
    return session.scalar(select(_NAMED_ID), named(text)) == elevator_id


def other_label(session: AnySession, text: str, elevator_id: int) -> labels.Named | None:
    """Of a text that `names` denies: the elevator's label that it is all the same, in force or dead."""
    label = label_of(session, text)
    return label if label is not None and label.elevator_id == elevator_id else None


@dataclass(frozen=True, slots=True)
class Work:
    """A visit of one's own, held until the transaction ends, where it is done.

    `same_code`: a scanned or typed text names that elevator, `by_code`: by its number, not by its label. `reviewers`:
    the accounts that are to confirm the visit where that is asked for, None where they were not looked for.
    `has_files`: some may hang on it already. `text`: what was scanned or typed.
    """

    visit: Visit
    elevator: Lift
    same_code: bool
    reviewers: tuple[int, ...] | None = None
    has_files: bool = True
    by_code: bool = False
    text: str = ""


def of_visit(session: AnySession, actor: Actor, visit_id: int, text: str) -> Work | None:
    """The actor's own visit of this number and what stands around it, by one statement; None for everybody else's."""
    kind, numbers = scope.outline(actor, Visit)
    values = numbers | named(text) | {"visit": visit_id, "worker": actor.person_id or 0}
    all_written(session)
    row = next(iter(asked(session, _own_work(kind), values).rows), None)
    if row is None:
        return None
    *columns, named_id, reviewers, has_files, state = row
    recall(session, state)
    visit = row_of(session, Visit, columns[:-_WIDTH])
    ids = tuple(map(int, (reviewers or "").split()))
    lift, same = Lift(*columns[-_WIDTH:]), named_id == visit.elevator_id
    return work_of(visit, lift, same, text, reviewers=ids, has_files=bool(has_files))


def work_of(visit: Visit, lift: Lift, same_code: bool, text: str, **more: Any) -> Work:
    """The work whose elevator was named by `text`, if `same_code`."""
    return Work(visit, lift, same_code, text=text, by_code=same_code and not by_label(text, lift.code), **more)


def own_work(session: AnySession, actor: Actor, visit_id: int, text: str = "") -> Work:
    """The visit of this very person, held, where it is done; everybody else's looks like a missing one."""
    work = of_visit(session, actor, visit_id, text)
    if work is None:
        raise refuse("维保记录", say("没有找到您的维保记录 %(visit_id)s", visit_id=visit_id), "请从“我的维保”重新打开")
    return work


def serves(actor: Actor, elevator: Elevator | Lift) -> bool:
    """The elevator is served by the actor's unit; whether it is one of the actor's own, his scope says."""
    own = actor.unit_id is not None and elevator.maintenance_unit_id == actor.unit_id
    return own and actor.person_id is not None


# --- the statement

_elevator: Any = Elevator.__table__.c
_TOKEN = _elevator.public_token == bindparam("token")
_NAMED: ColumnElement[bool] = (_elevator.approved_version > 0) & or_(_TOKEN, _elevator.code == bindparam("code"))
_WIDTH = len(fields(Lift))


def named(text: str) -> dict[str, str]:
    """What `_NAMED` takes: the last part of an address, as a token and as a typed code. Without text no code is."""
    token = text.strip()[:LONGEST_TEXT].rstrip("/").rsplit("/", 1)[-1]
    return {"token": token, "code": normal_code(token) if token else ""}


_named_too: Any = Elevator.__table__.alias("named").c
# As `elevator_of` finds it: a code may be another one's token.
_NAMED_ID = (
    select(_named_too.id)
    .where(
        _named_too.approved_version > 0,
        or_(_named_too.public_token == bindparam("token"), _named_too.code == bindparam("code")),
    )
    .order_by(_named_too.public_token == bindparam("token"))
    .limit(1)
    .scalar_subquery()
)


@lru_cache(maxsize=256)
def _own_work(kind: Actor) -> Select[Any]:
    """For all accounts of a kind, which see of visits by the same rule."""
    visit, file = Visit.__table__.c, Attachment.__table__.c
    files = select(file.id).where(
        file.entity == literal_column("'visit'"), file.entity_id == visit.id, file.removed_at.is_(None)
    )
    return (
        select(
            *columns_of(Visit), *(_elevator[field.name] for field in fields(Lift)), _NAMED_ID,
            outbox.readers_text(visit.use_unit_id, visit.elevator_id, Verb.VISIT_REVIEW), files.exists(), STATE,
        )
        .join_from(Visit.__table__, Elevator.__table__, _elevator.id == visit.elevator_id)
        .where(
            visit.id == bindparam("visit"), visit.worker_id == bindparam("worker"), scope.over(visit, Visit, kind)
        )
        .with_for_update(of=Visit.__table__)
    )  # fmt: skip


@lru_cache(maxsize=256)
def around(kind: Actor, by_key: bool = False) -> Select[Any]:
    """What `Site` holds, by elevator, and whether the scope of such an actor holds it; made once for all of his kind.

    Takes `unit`, the `days`, and `key` or `token` and `code`.
    """
    today: Any = bindparam("today")
    elevator, unit = Elevator.__table__, Unit.__table__.c
    clock, ledger = MaintenanceClock.__table__.c, MaintenanceLedger.__table__.c
    cover_row, order_row = ContractElevator.__table__.c, MaintenanceOrder.__table__.c
    bound = cover.cover_on(_elevator.id, today).correlate(elevator).scalar_subquery()
    ended: Any = ContractElevator.__table__.alias("ended").c
    last_end = select(func.max(ended.ends_on)).where(
        ended.elevator_id == _elevator.id, ended.unit_id == bindparam("unit"), ended.removed_at.is_(None),
        ended.ends_on < today,
    )  # fmt: skip
    waiting: Any = MaintenanceOrder.__table__.alias("waiting").c
    order = (
        select(waiting.id)
        .where(
            waiting.elevator_id == _elevator.id, waiting.unit_id == bindparam("unit"), waiting.state == "open",
            waiting.planned_on <= bindparam("soon"),
        )
        # Of those whose day has come the longest, which does what the shorter ones ask for; then the next one.
        .order_by(
            case((waiting.planned_on <= today, rank_of(waiting.level)), else_=literal_column("0")).desc(),
            waiting.planned_on, waiting.id,
        )
        .limit(1)
    )  # fmt: skip
    statement = select(
        *(_elevator[field.name] for field in fields(Lift)), unit.name, clock.paused_on, cover_row.unit_id,
        cover_row.ends_on, last_end.correlate(elevator).scalar_subquery(), ledger.next_level, order_row.id,
        order_row.level, scope.over(_elevator, Elevator, kind),
    ).select_from(
        elevator.outerjoin(Unit.__table__, unit.id == _elevator.use_unit_id)
        .outerjoin(MaintenanceClock.__table__, clock.elevator_id == _elevator.id)
        .outerjoin(MaintenanceLedger.__table__, ledger.elevator_id == _elevator.id)
        .outerjoin(ContractElevator.__table__, cover_row.id == bound)
        .outerjoin(MaintenanceOrder.__table__, order_row.id == order.correlate(elevator).scalar_subquery())
    )  # fmt: skip
    if by_key:
        return statement.where(_elevator.id == bindparam("key"))
    return statement.where(_NAMED).order_by(_TOKEN).limit(1)


def site_of(actor: Actor, row: Sequence[Any]) -> Site:
    """What a row of `around` says to the actor."""
    lift, (*more, seen) = Lift(*row[:_WIDTH]), row[_WIDTH:]
    return Site(lift, bool(seen) and serves(actor, lift), *more)
