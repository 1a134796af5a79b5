"""A visit's beginning: every condition asked, the visit and its audit written, committed.

Beside a bare insert; and by the API, beside a POST to stock Flask-AppBuilder's, which asks nothing.
"""

from __future__ import annotations

import datetime as dt
import statistics
import time
from itertools import count
from typing import Any

from flask_jwt_extended import create_access_token
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app import clock
from app.models import Account, ContractElevator, Elevator, MaintenanceLedger, Person, Visit
from app.models.account import AccountRole
from app.permissions import Actor, Role
from app.transaction import transaction
from app.workflows import visits
from app.workflows.presence import Position
from bench.baselines import register
from bench.harness import Measured, at_most, figure, in_milliseconds, side_by_side, times_faster
from bench.world import World

ROUNDS = 15


@figure("visit.check_in", unit="ms", goal=at_most(25))
def check_in(world: World) -> Measured:
    """One check-in by the workflow, rolled on to the next worker each time. Baseline: one INSERT and commit."""
    with Session(world.database.engine) as session:
        found = places(session)
        rounds = max(1, min(ROUNDS, len(found) // 2 - 1))
        waiting = iter(found)
        keys = count()

        def ours() -> None:
            actor, elevator = next(waiting)
            with transaction(session):
                visits.check_in(
                    session, actor, elevator.code, Position(elevator.latitude, elevator.longitude), clock.now(),
                    client_key=f"bench-{world.suffix}-{next(keys)}",
                )  # fmt: skip

        def bare() -> None:
            actor, elevator = next(waiting)
            with transaction(session):
                session.execute(insert(Visit.__table__), [row_of(actor, elevator)])  # type: ignore[arg-type]

        return in_milliseconds(side_by_side(ours, bare, rounds=rounds))


@figure("visit.check_in.api", unit="ms", goal=times_faster(3))
def by_api(world: World) -> Measured:
    """One check-in from request to answer, with token, rights and scope. Baseline: FAB ModelRestApi POST of one row."""
    app = world.app()
    with app.app_context(), Session(world.database.engine) as session:
        waiting = []
        for number, (actor, elevator) in enumerate(places(session)[: ROUNDS + 1]):
            sent = {"code": elevator.code, "latitude": elevator.latitude, "longitude": elevator.longitude}
            waiting.append((token_of(session, actor, number), sent | {"client_key": f"api-{number}"}))
    client, times = app.test_client(), []
    for token, sent in waiting:
        begun = time.perf_counter()
        answer = client.post("/api/v1/visits", json=sent, headers={"Authorization": f"Bearer {token}"})
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 201:
            raise RuntimeError(answer.text)
    return Measured(statistics.median(times[1:]), register.first_page(world, "fab_post").ms)


def token_of(session: Session, actor: Actor, number: int) -> str:
    """What a worker's phone holds after signing in, which is no part of a check-in."""
    name = f"bench-worker-{number}"
    role = session.scalars(select(AccountRole).where(AccountRole.name == Role.WORKER)).one()
    account = Account(
        username=name, first_name=name, last_name="", email=f"{name}@example.invalid", active=True, password="",
        unit_id=actor.unit_id, region_code=actor.region_code, person_id=actor.person_id, roles=[role],
    )  # fmt: skip
    session.add(account)
    session.commit()
    return str(create_access_token(str(account.id), additional_claims={"epoch": account.session_epoch}))


def places(session: Session) -> list[tuple[Actor, Elevator]]:
    """A worker a place, each with a covered elevator of his unit, none with an open visit."""
    today = clock.today()
    busy = select(Visit.worker_id).where(Visit.state == "open")
    rows = session.execute(
        select(Person, Elevator)
        .join(MaintenanceLedger, MaintenanceLedger.worker_id == Person.id)
        .join(Elevator, Elevator.id == MaintenanceLedger.elevator_id)
        .join(ContractElevator, ContractElevator.elevator_id == Elevator.id)
        .where(Elevator.status == "in_use", ContractElevator.ends_on >= today, Person.certificate_until >= today)
        .where(Person.id.not_in(busy))
        .order_by(Person.id, Elevator.id)
    )
    first: dict[int, tuple[Actor, Elevator]] = {}
    account = session.scalar(select(Account.id).order_by(Account.id).limit(1))
    for person, elevator in rows:
        actor = Actor(
            account, person.name, frozenset({Role.WORKER}), person.region_code, person.unit_id, person.id, via="bench"
        )
        first.setdefault(person.id, (actor, elevator))
    return list(first.values())


def row_of(actor: Actor, elevator: Elevator) -> dict[str, Any]:
    at: dt.datetime = clock.now()
    return {
        "elevator_id": elevator.id, "unit_id": actor.unit_id, "region_code": elevator.region_code,
        "worker_id": actor.person_id, "visit_on": clock.local_day(at), "checked_in_at": at, "received_at": at,
        "state": "open", "snapshot": {}, "level": "half_month",
    }  # fmt: skip
