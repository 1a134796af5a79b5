"""协同维保 (MNT-11): a second person proves by his own account and phone that he is on site while a visit runs.

It is no visit of his: it takes nothing of his 台次 and moves no clock. Two-person rules count it at check-out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import exists, func, select, true
from sqlalchemy.orm import aliased

from app.errors import Finding, raise_failing, refuse
from app.models import Visit, VisitCompanion
from app.models.visit import is_open
from app.permissions import Actor, Verb, require
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.on_site import arrivals, presence, sites
from app.workflows.on_site.presence import Position
from app.workflows.people import workers
from app.workflows.people.workers import Worker


@dataclass(frozen=True, slots=True)
class Colleague:
    """A running visit of somebody of one's own unit at the elevator in hand, and whether one has joined it."""

    visit_id: int
    name: str
    since: dt.datetime
    joined: bool


def running(session: AnySession, actor: Actor, elevator_id: int, at: dt.datetime) -> list[Colleague]:
    """The colleagues whose visits run at an elevator, the newest first; for whoever may check in at all."""
    if actor.unit_id is None or actor.person_id is None:
        return []
    mine = select(VisitCompanion.id).where(
        VisitCompanion.visit_id == Visit.id, VisitCompanion.person_id == actor.person_id
    )
    statement = (
        select(Visit, mine.exists())
        .where(
            Visit.elevator_id == elevator_id, is_open(Visit), Visit.unit_id == actor.unit_id,
            Visit.worker_id != actor.person_id, Visit.checked_out_at.is_(None),
        )
        .order_by(Visit.checked_in_at.desc())
        .limit(5)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    found = session.execute(statement).all()
    return [
        Colleague(row.id, str((row.snapshot or {}).get("worker") or ""), row.checked_in_at,
                  bool(joined and persons_at(session, row, at, actor.person_id)))
        for row, joined in found
        if _runs(row, at)
    ]


def join(
    session: AnySession, actor: Actor, visit_id: int, text: str, position: Position, at: dt.datetime
) -> VisitCompanion:
    """Join a colleague's running visit at the scanned elevator; refused with every failing condition at once.

    The conditions are those of a check-in but for the month's 台次, of which it takes none. Joined twice is joined.
    """
    require(actor, Verb.VISIT_MAKE)
    worker = workers.of(session, actor, at, held=True)
    visit = lock(session, Visit, visit_id)
    if visit is None or worker.person is None or visit.unit_id != actor.unit_id:
        raise refuse("维保记录", "没有找到本单位正在进行的这次维保", "请重新扫描电梯的二维码")
    mine = _of_human(session, visit.id, worker)
    if mine is not None and persons_at(session, visit, at, mine.person_id):
        return mine
    arrival = replace(arrivals.of(session, actor, worker, text, at), month=())
    look = presence.look(session, actor, worker, arrival, text, position, at, at)
    raise_failing([*_findings(session, visit, worker, text, at), *look.findings])
    assert look.site is not None
    metres = presence.metres(look.site.elevator, position)
    # Who went elsewhere and came back proves anew that he is there.
    before = None if mine is None else mine.joined_at
    row = mine or VisitCompanion(
        visit_id=visit.id, elevator_id=visit.elevator_id, unit_id=visit.unit_id, region_code=visit.region_code,
        person_id=worker.person.id, name=worker.person.name, certificate_no=worker.person.certificate_no,
    )  # fmt: skip
    row.joined_at, row.distance = at, None if metres is None else round(metres)
    row.latitude, row.longitude = position.latitude, position.longitude
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "visit.join", "visit", visit.id, before=None if before is None else {"joined_at": before},
        after={"person": row.person_id, "joined_at": at, "distance": row.distance},
    )  # fmt: skip
    if visit.account_id is not None:
        title = say("%(name)s 已加入您正在进行的维保", name=row.name)
        body = say("电梯 %(code)s", code=str((visit.snapshot or {}).get("code") or ""))
        outbox.notify(session, at, [visit.account_id], "visit.join", title, body, f"/m/visits/{visit.id}")
    return row


def of_visit(session: AnySession, visit_id: int) -> Sequence[VisitCompanion]:
    """Who joined a visit, the first one first; for whoever was shown the visit."""
    statement = select(VisitCompanion).where(VisitCompanion.visit_id == visit_id).order_by(VisitCompanion.joined_at)
    return session.scalars(statement.execution_options(skip_scope=True)).all()


def persons_at(session: AnySession, visit: Visit, at: dt.datetime, person_id: int | None = None) -> int:
    """How many people are on site at an instant, whoever checked in among them; of `person_id` alone, whether he is.

    Who joined and then checked in somewhere, or joined another visit, is there no more; how long anybody stays is not
    asked.
    """
    elsewhere, joined = aliased(Visit), aliased(VisitCompanion)
    went = exists().where(
        elsewhere.worker_id == VisitCompanion.person_id, elsewhere.checked_in_at > VisitCompanion.joined_at,
        elsewhere.checked_in_at <= at,
    )  # fmt: skip
    left = exists().where(
        joined.person_id == VisitCompanion.person_id, joined.visit_id != VisitCompanion.visit_id,
        joined.joined_at > VisitCompanion.joined_at, joined.joined_at <= at,
    )  # fmt: skip
    counted = select(func.count()).where(
        VisitCompanion.visit_id == visit.id, VisitCompanion.joined_at <= at, ~went, ~left,
        VisitCompanion.person_id == person_id if person_id is not None else true(),
    )  # fmt: skip
    found = int(session.scalar(counted.execution_options(skip_scope=True)) or 0)
    return found if person_id is not None else 1 + found


def as_data(rows: Iterable[VisitCompanion]) -> list[dict[str, Any]]:
    """For whoever reads a visit by the interface."""
    return [
        {
            "person_id": row.person_id, "name": row.name, "certificate_no": row.certificate_no,
            "joined_at": row.joined_at.isoformat(), "distance": row.distance,
        }
        for row in rows
    ]  # fmt: skip


def _runs(visit: Visit, at: dt.datetime) -> bool:
    # One that has run out is open no more, whether ageing has come round or not.
    open_still = visit.state == "open" and visit.checked_out_at is None
    return open_still and (visit.next_change_at is None or visit.next_change_at > at)


def _of_human(session: AnySession, visit_id: int, worker: Worker) -> VisitCompanion | None:
    """The row by which this human joined already, by whichever of his accounts."""
    statement = select(VisitCompanion).where(
        VisitCompanion.visit_id == visit_id, VisitCompanion.person_id.in_(sorted(worker.human))
    )
    found: VisitCompanion | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def _findings(session: AnySession, visit: Visit, worker: Worker, text: str, at: dt.datetime) -> list[Finding]:
    here = sites.names(session, text, visit.elevator_id)
    if not here:
        label = sites.other_label(session, text, visit.elevator_id)
        here = label is not None and label.holds(at)
    going = _runs(visit, at)
    other = visit.worker_id not in worker.human
    return [
        Finding(
            "同一台电梯", here, "扫的是这次维保的电梯" if here else "扫的不是这次维保的电梯" if text.strip()
            else "没有扫码，也没有填写识别码",
            "" if here else "请扫描正在维保的电梯的二维码" if text.strip()
            else "请扫描或填写正在维保的电梯的识别码", field="code",
        ),
        Finding(
            "正在维保", going, "维保正在进行" if going else "这次维保已经结束",
            "" if going else "请重新扫描电梯的二维码",
        ),
        Finding(
            "协同维保人员", other, "不是签到的人" if other else "这次维保就是您自己签到的",
            "" if other else "须由另一个人用自己的账号加入",
        ),
    ]  # fmt: skip
