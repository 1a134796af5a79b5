"""A visit's beginning: every condition asked, the visit and its audit written, committed.

Beside a bare insert; and by the API, in and out, beside a check-in by POST to stock Flask-AppBuilder's ModelRestApi:
called in this process, and served by one and two workers to several phones at once. That POST
(bench/baselines/fab_check_in.py) signs in by token with one right, asks six conditions through the ORM, stops at the
first that fails, and writes the check-in and its order: what the goal was set on. A POST of one bare row that asks
nothing takes about a sixth less. A check-out is held against the same POST, though it asks and writes more.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import count, islice
from typing import Any, TypeVar

from flask_jwt_extended import create_access_token
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app import clock
from app.models import (
    Account,
    ContractElevator,
    Elevator,
    MaintenanceLedger,
    MaintenanceOrder,
    OverdueCorrection,
    Person,
    Visit,
)
from app.models.account import AccountRole
from app.permissions import Actor, Role
from app.transaction import transaction
from app.workflows.on_site.presence import Position
from app.workflows.visits import visits
from bench.baselines import register
from bench.harness import Measured, at_most, figure, in_milliseconds, side_by_side, times_faster
from bench.serving import Call, Load, Server, cpu_of_processes, load, served
from bench.world import World

ROUNDS = 15
# Statements are prepared after they were asked some times, so the first calls are not measured.
WARM = 8
PHONES, LOAD_ROUNDS = 300, 3
LIMIT = "1000000 per minute"
# Of all visits that a bench makes.
KEY = "bench-"
Found = TypeVar("Found")
# By the time of day, so that one world may be measured by several runs.
_TURNS = count(int(time.time()) * 100)


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
                    client_key=f"{KEY}{world.suffix}-{next(keys)}",
                )  # fmt: skip

        def bare() -> None:
            actor, elevator = next(waiting)
            with transaction(session):
                session.execute(insert(Visit.__table__), [row_of(actor, elevator)])  # type: ignore[arg-type]

        return in_milliseconds(side_by_side(ours, bare, rounds=rounds))


@figure("visit.check_in.api", unit="ms", goal=times_faster(3))
def by_api(world: World) -> Measured:
    """One check-in from request to answer, with token, rights and scope. Baseline: FAB's check-in by POST."""
    times = [took for took, _id in Phones(world).check_in()]
    return Measured(statistics.median(times[WARM:]), register.first_page(world, "fab_check_in").ms)


@figure("visit.check_out.api", unit="ms", goal=times_faster(3))
def out_by_api(world: World) -> Measured:
    """One check-out with all its items, which moves clock, ledger and order. Baseline: the same POST."""
    phones = Phones(world)
    begun = [visit for _took, visit in phones.check_in()]
    with clock.frozen(clock.now() + dt.timedelta(minutes=40)):
        times = phones.check_out(begun)
    return Measured(statistics.median(times[WARM:]), register.first_page(world, "fab_check_in").ms)


@figure("visit.check_in.served", unit="ms", goal=times_faster(3))
def with_two_workers(world: World) -> Measured:
    """Milliseconds a check-in with two workers and several phones at once. Baseline: FAB's POST served the same way."""
    phones = Phones(world, PHONES)
    return beside_fab(world, phones, phones.load)


@figure("visit.check_out.served", unit="ms", goal=times_faster(3))
def out_with_two_workers(world: World) -> Measured:
    """The same for a check-out with all its items."""
    phones = Phones(world, PHONES)
    return beside_fab(world, phones, phones.load_out)


def beside_fab(world: World, phones: Phones, make: Callable[[Server], Load]) -> Measured:
    # Its models must not be loaded where ours are: they have the same tables.
    said = register.said_by(world, "fab_check_in", str(PHONES * (LOAD_ROUNDS + 1)))
    # Each order is begun once.
    theirs_to_make = iter([Call("/api/v1/check_ins/", sent, said["token"]) for sent in said["sent"]])
    settings = {"FAB_URL": register.copy(world)}
    with (
        served("run:app", 2, phones.settings()) as ours,
        served("bench.baselines.fab_check_in:served()", 2, settings) as theirs,
    ):
        found = in_turns(lambda: make(ours), lambda: load(theirs, list(islice(theirs_to_make, PHONES))))
    return Measured(*(middle(loads).ms for loads in found))


# Where two workers, the database and the clients each have a core, two must answer in less time than one. On fewer
# cores they wait for each other whatever the product does; there a check-in must cost no more CPU, in all processes of
# web and database, than with one worker: nothing that the two do is done twice or for each other.
CORES_FOR_ALL = 4
ENOUGH_CORES = (os.cpu_count() or 1) >= CORES_FOR_ALL


@figure("visit.check_in.workers", unit="ms", goal=at_most(0.75 if ENOUGH_CORES else 1.15))
def by_workers(world: World) -> Measured:
    """A check-in with two workers beside one: time it takes, or CPU of web and database where cores are few."""
    phones = Phones(world, PHONES)
    with served("run:app", 2, phones.settings()) as two, served("run:app", 1, phones.settings()) as one:
        ways = in_turns(lambda: cost(world, phones, two), lambda: cost(world, phones, one))
    return Measured(*(statistics.median(costs) for costs in ways))


def cost(world: World, phones: Phones, server: Server) -> float:
    """Milliseconds a check-in: of time, or of CPU in all processes of web and database."""
    before = server.cpu() + cpu_of_processes(world.backends())
    found = phones.load(server)
    if ENOUGH_CORES:
        return found.ms
    return (server.cpu() + cpu_of_processes(world.backends()) - before) * 1000 / PHONES


@figure("visit.check_in.p99", unit="ms", goal=at_most(5))
def slowest(world: World) -> Measured:
    """The slowest of a hundred with two workers, beside the median."""
    phones = Phones(world, PHONES)
    with served("run:app", 2, phones.settings()) as server:
        loads = [phones.load(server) for _ in range(LOAD_ROUNDS + 1)][1:]
    found = middle(loads)
    return Measured(found.p99, found.median)


def in_turns(*ways: Callable[[], Found]) -> list[list[Found]]:
    """Several rounds of each, so that a busy machine slows all alike.

    The first is not measured: each connection of each worker process prepares its statements in it.
    """
    rounds = [[way() for way in ways] for _ in range(LOAD_ROUNDS + 1)][1:]
    return [list(found) for found in zip(*rounds, strict=True)]


def middle(loads: list[Load]) -> Load:
    return sorted(loads, key=lambda each: each.ms)[len(loads) // 2]


class Phones:
    """Workers with a token and a covered elevator each; what they do is undone when they are made anew."""

    def __init__(self, world: World, most: int = ROUNDS + WARM) -> None:
        self._world, self.app = world, world.app()
        # What is counted is counted; nobody is to be stopped.
        self.app.config["API_LIMIT_ADDRESS"] = LIMIT
        self._client = self.app.test_client()
        self._turn = next(_TURNS)
        self.undo()
        with self.app.app_context(), Session(world.database.engine) as session:
            self._held = [
                (token_of(session, actor, self._turn, number), elevator.code, elevator.latitude, elevator.longitude,
                 elevator.category)
                for number, (actor, elevator) in enumerate(places(session)[:most])
            ]  # fmt: skip

    def settings(self) -> dict[str, str]:
        """The environment in which another process is the same application."""
        return {
            "DATABASE_URL": self._world.database.url, "DATA_DIR": str(self._world.data), "FLASK_APP": "run.py",
            "SECRET_KEY": self.app.config["SECRET_KEY"], "API_LIMIT_ADDRESS": LIMIT,
        }  # fmt: skip

    def calls(self) -> list[Call]:
        turn = next(_TURNS)
        return [
            Call("/api/v1/visits", {**_at(code, latitude, longitude), "client_key": f"{KEY}{turn}-{number}"}, token)
            for number, (token, code, latitude, longitude, _category) in enumerate(self._held)
        ]

    def load(self, server: Server) -> Load:
        """All of them check in at an application that is served, and may do so again."""
        found = load(server, self.calls())
        self.undo()
        return found

    def check_in(self) -> list[tuple[float, Any]]:
        """Milliseconds and the answer of each."""
        return [self._post(call.path, call.sent, call.token, 201) for call in self.calls()]

    def check_out(self, begun: list[Any]) -> list[float]:
        return [self._post(call.path, call.sent, call.token, 200)[0] for call in self._outs(begun)]

    def load_out(self, server: Server) -> Load:
        """All of them, who checked in a while ago, check out at an application that is served."""
        begun = [visit for _took, visit in self.check_in()]
        visit: Any = Visit.__table__
        earlier = update(visit).where(visit.c.id.in_([each["id"] for each in begun]))
        with self._world.database.engine.begin() as connection:
            connection.execute(earlier.values(checked_in_at=clock.now() - dt.timedelta(minutes=40)))
        found = load(server, self._outs(begun))
        self.undo()
        return found

    def _outs(self, begun: list[Any]) -> list[Call]:
        found = []
        for (token, code, latitude, longitude, _category), visit in zip(self._held, begun, strict=True):
            done = [
                {"code": item["code"], "result": "ok", "value": "合格" if item["needs_test"] else ""}
                for item in visit["items"]
            ]
            sent = _at(code, latitude, longitude) | {"results": done, "problem": ""}
            found.append(Call(f"/api/v1/visits/{visit['id']}/check-out", sent, token, 200))
        return found

    def undo(self) -> None:
        """Let whoever is on site go: what is void counts nowhere. What the bench itself made is gone, in whatever
        state, or each check-in would read one visit more of its worker's month than the one before."""
        visit: Any = Visit.__table__
        ours = visit.c.client_key.startswith(KEY)
        keys = select(visit.c.id).where(ours)
        with self._world.database.engine.begin() as connection:
            for table in (MaintenanceOrder.__table__, OverdueCorrection.__table__):
                told: Any = table.c.visit_id
                connection.execute(update(table).where(told.in_(keys)).values(visit_id=None))  # type: ignore[arg-type]
            connection.execute(delete(visit).where(ours))
            connection.execute(update(visit).where(visit.c.state == "open").values(state="void"))

    def _post(self, path: str, sent: Any, token: str, status: int) -> tuple[float, Any]:
        body, headers = json.dumps(sent), {"Authorization": f"Bearer {token}"}
        begun = time.perf_counter()
        answer = self._client.post(path, data=body, headers=headers, content_type="application/json")
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code != status:
            raise RuntimeError(answer.text)
        return took, answer.json


def _at(code: str, latitude: float | None, longitude: float | None) -> dict[str, Any]:
    return {"code": code, "latitude": latitude, "longitude": longitude}


def token_of(session: Session, actor: Actor, turn: int, number: int) -> str:
    """What a worker's phone holds after signing in, which is no part of a check-in."""
    name = f"bench-worker-{turn}-{number}"
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
