"""Stock Flask-AppBuilder: a check-in by POST to a ModelRestApi, as the goal was set on.

`pre_add` asks six conditions through the ORM and then lets FAB write: the elevator by its code, in use; the worker of
its unit, active; his certificate; the unit's order, open and held; the distance; no check-in there within the minute.
Two writes: the check-in's row, and the order with state, instant and worker. Called with a token, by a role that may do
nothing else. It tells the first failing condition only, and keeps no audit, no idempotency, no scope.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_appbuilder import AppBuilder, ModelRestApi
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy import Boolean, Column, Date, DateTime, Float, Integer, SmallInteger, String

from bench.baselines.fab import Elevator, Model
from bench.baselines.timing import Statements, tell

IN_USE = 1
PLANNED, BEGUN = 0, 1
PRESENCE_METRES, TWICE_WITHIN = 200, dt.timedelta(minutes=1)
EARLY, LATE = dt.timedelta(days=5), dt.timedelta(days=1)
EARTH_DIAMETER = 12_742_000
# Statements are prepared after they were asked some times: as many calls as ours are not measured.
WARM = 8


class Place(Model):  # type: ignore[misc]
    """An elevator as a check-in needs it."""

    __tablename__ = "bench_place"
    id = Column(Integer, primary_key=True)
    code = Column(String(20), unique=True)
    status = Column(SmallInteger)
    latitude = Column(Float)
    longitude = Column(Float)
    unit_id = Column(Integer)


class Worker(Model):  # type: ignore[misc]
    __tablename__ = "bench_worker"
    id = Column(Integer, primary_key=True)
    unit_id = Column(Integer)
    active = Column(Boolean)
    certificate_until = Column(Date)


class Order(Model):  # type: ignore[misc]
    __tablename__ = "bench_order"
    __table_args__ = (
        sa.UniqueConstraint("place_id", "planned_on"), sa.Index("bench_order_unit", "unit_id", "planned_on"),
    )  # fmt: skip
    id = Column(Integer, primary_key=True)
    place_id = Column(Integer)
    unit_id = Column(Integer)
    planned_on = Column(Date)
    state = Column(SmallInteger)
    begun_at = Column(DateTime)
    worker_id = Column(Integer)


class CheckIn(Model):  # type: ignore[misc]
    __tablename__ = "bench_check_in"
    __table_args__ = (sa.Index("bench_check_in_worker", "worker_id", "at"),)
    id = Column(Integer, primary_key=True)
    order_id = Column(Integer, nullable=False, index=True)
    place_id = Column(Integer)
    worker_id = Column(Integer)
    at = Column(DateTime)
    latitude = Column(Float)
    longitude = Column(Float)
    code = Column(String(20))


OWN = [each.__table__ for each in (Place, Worker, Order, CheckIn)]


class CheckIns(ModelRestApi):
    resource_name = "check_ins"
    datamodel = SQLAInterface(CheckIn)
    add_columns = ["code", "worker_id", "latitude", "longitude"]
    allow_browser_login = True

    def pre_add(self, item: Any) -> None:
        check(self.datamodel.session, item)


def check(session: Any, item: Any) -> None:
    """The conditions, and what a check-in that may be made says of itself and of its order."""
    place = session.query(Place).filter_by(code=item.code).first()
    if place is None or place.status != IN_USE:
        raise ValueError("elevator")
    worker = session.get(Worker, item.worker_id)
    if worker is None or not worker.active or worker.unit_id != place.unit_id:
        raise ValueError("worker")
    today, now = dt.date.today(), dt.datetime.now()  # noqa: DTZ005, DTZ011 - as a tutorial has it
    if worker.certificate_until < today:
        raise ValueError("certificate")
    order = (
        session.query(Order)
        .filter(
            Order.place_id == place.id, Order.planned_on.between(today - LATE, today + EARLY),
            Order.state.in_((PLANNED, BEGUN)),
        )
        .order_by(Order.planned_on)
        .with_for_update()
        .first()
    )  # fmt: skip
    if order is None:
        raise ValueError("order")
    if metres(item.latitude, item.longitude, place.latitude, place.longitude) > PRESENCE_METRES:
        raise ValueError("distance")
    before = session.query(CheckIn.id).filter(
        CheckIn.worker_id == worker.id, CheckIn.at > now - TWICE_WITHIN, CheckIn.place_id == place.id
    )
    if before.first():
        raise ValueError("twice")
    item.order_id, item.place_id, item.at = order.id, place.id, now
    order.state, order.begun_at, order.worker_id = BEGUN, now, worker.id


def metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    one, other = math.radians(latitude), math.radians(other_latitude)
    across = math.sin(math.radians(longitude - other_longitude) / 2)
    chord = math.sin((one - other) / 2) ** 2 + math.cos(one) * math.cos(other) * across**2
    return EARTH_DIAMETER * math.asin(math.sqrt(chord))


SIGNED_IN = {"username": "phone", "password": "only-for-the-bench", "provider": "db"}


def make(url: str) -> tuple[Flask, Any]:
    """The application and its database; of its settings only those are set that a bench cannot do without."""
    # A refusal is logged as an error.
    logging.disable(logging.ERROR)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="only for the bench, only for the bench", SQLALCHEMY_DATABASE_URI=url, WTF_CSRF_ENABLED=False,
        RATELIMIT_ENABLED=False, AUTH_RATE_LIMITED=False, JWT_ACCESS_TOKEN_EXPIRES=dt.timedelta(days=1),
    )  # fmt: skip
    database: Any = get_sqla_class()()
    with app.app_context():
        database.init_app(app)
        builder = AppBuilder(app, database.session)
        builder.add_api(CheckIns)
        manager = builder.sm
        if not manager.find_user(SIGNED_IN["username"]):
            role = manager.add_role("phone")
            manager.add_permission_role(role, manager.find_permission_view_menu("can_post", "CheckIns"))
            manager.add_user(
                SIGNED_IN["username"], "a", "b", "phone@example.invalid", role, SIGNED_IN["password"]
            )
        database.session.remove()
        # Worker processes that come of this one make connections of their own.
        database.engine.dispose()
    return app, database


def fill(app: Flask, database: Any) -> None:
    """Its own tables anew: an order of today for each elevator of the register, and a worker a unit."""
    elevator = Elevator.__table__.c
    today = dt.date.today()  # noqa: DTZ011
    a_year_on = today + dt.timedelta(days=365)
    served = elevator.maintenance_unit_id.is_not(None)
    rows: list[tuple[Any, Any]] = [
        (Place, sa.select(
            elevator.id, elevator.code, sa.literal(IN_USE), 35 + (elevator.id % 1000) / 1000.0,
            117 + (elevator.id % 997) / 997.0, elevator.maintenance_unit_id,
        ).where(served)),
        (Worker, sa.select(
            elevator.maintenance_unit_id, elevator.maintenance_unit_id, sa.true(), sa.literal(a_year_on)
        ).where(served).distinct()),
    ]  # fmt: skip
    place = Place.__table__.c
    rows.append((Order, sa.select(
        place.id, place.id, place.unit_id, sa.literal(today), sa.literal(PLANNED), sa.null(), sa.null()
    )))  # fmt: skip
    with app.app_context(), database.engine.begin() as connection:
        for table in OWN:
            table.drop(connection, checkfirst=True)
            table.create(connection)
        for model, statement in rows:
            names = [column.name for column in model.__table__.c]
            connection.execute(sa.insert(model.__table__).from_select(names, statement))
    with app.app_context(), database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))


def to_send(app: Flask, database: Any) -> Iterator[dict[str, Any]]:
    """A check-in that may be made at each elevator, once."""
    with app.app_context():
        rows = database.session.execute(
            sa.select(Place.code, Place.latitude, Place.longitude, Worker.id)
            .join(Worker, Worker.unit_id == Place.unit_id)
            .order_by(Place.id)
        ).all()  # fmt: skip
        database.session.remove()
    for code, latitude, longitude, worker in rows:
        yield {"code": code, "worker_id": worker, "latitude": latitude, "longitude": longitude}


def token_of(app: Flask) -> str:
    return str(app.test_client().post("/api/v1/security/login", json=SIGNED_IN).json["access_token"])  # type: ignore[index]


def served() -> Flask:
    """For gunicorn: the application on the database that FAB_URL names."""
    return make(os.environ["FAB_URL"])[0]


def prove(app: Flask, database: Any, client: Any, headers: dict[str, str], sent: dict[str, Any]) -> None:
    """It does what it is measured for: refuses from afar and writes nothing, then begins the order, and only once."""

    def found() -> tuple[Any, ...]:
        with app.app_context():
            order = database.session.execute(
                sa.select(Order.state, Order.worker_id).join(Place, Place.id == Order.place_id)
                .where(Place.code == sent["code"])
            ).one()  # fmt: skip
            number = database.session.scalar(sa.select(sa.func.count()).select_from(CheckIn))
            database.session.remove()
        return (*order, number)

    def status(**other: Any) -> int:
        return int(client.post("/api/v1/check_ins/", json=sent | other, headers=headers).status_code)

    assert status(latitude=sent["latitude"] + 1) == 500 and found() == (PLANNED, None, 0)
    assert status(worker_id=0) == 500 and found() == (PLANNED, None, 0)
    assert status() == 201 and found() == (BEGUN, sent["worker_id"], 1)
    assert status() == 500 and found() == (BEGUN, sent["worker_id"], 1)


def main(url: str, calls: str = "") -> None:
    """Measure it; or, with a number, only print the token and so many calls for a client of the served one."""
    app, database = make(url)
    fill(app, database)
    waiting, token = to_send(app, database), token_of(app)
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}
    prove(app, database, client, headers, next(waiting))
    if calls:
        print(json.dumps({"sent": [next(waiting) for _ in range(int(calls))], "token": token}))
        return
    with app.app_context():
        statements = Statements(database.engine)

    bodies = map(json.dumps, waiting)

    def post() -> None:
        answer = client.post(
            "/api/v1/check_ins/", data=next(bodies), headers=headers, content_type="application/json"
        )
        assert answer.status_code == 201, answer.text

    for _ in range(WARM):
        post()
    tell(post, lambda: statements.number)


if __name__ == "__main__":
    main(*sys.argv[1:])
