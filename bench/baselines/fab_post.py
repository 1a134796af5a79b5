"""Stock Flask-AppBuilder: one row by POST to a ModelRestApi as its documentation writes one, signed in by token."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder, ModelRestApi
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy import Column, DateTime, Float, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from bench.baselines.fab import Elevator, Model, Unit
from bench.baselines.timing import Statements, tell


class Visit(Model):  # type: ignore[misc]
    __tablename__ = "bench_visit"
    id = Column(Integer, primary_key=True)
    elevator_id = Column(Integer, ForeignKey("elevator.id"), nullable=False)
    unit_id = Column(Integer, ForeignKey("unit.id"), nullable=False)
    checked_in_at = Column(DateTime, nullable=False)
    latitude = Column(Float)
    longitude = Column(Float)
    state = Column(String(12))
    elevator = relationship(Elevator)
    unit = relationship(Unit)


class Visits(ModelRestApi):
    resource_name = "visits"
    datamodel = SQLAInterface(Visit)
    add_columns = ["elevator", "unit", "checked_in_at", "latitude", "longitude", "state"]
    list_columns = show_columns = edit_columns = ["id", "state"]


SIGNED_IN = {"username": "admin", "password": "only-for-the-bench", "provider": "db"}


def make(url: str) -> tuple[Flask, Any]:
    """The application and its database."""
    logging.disable(logging.WARNING)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="only for the bench, only for the bench", SQLALCHEMY_DATABASE_URI=url, WTF_CSRF_ENABLED=False,
        RATELIMIT_ENABLED=False, AUTH_RATE_LIMITED=False, FAB_UPDATE_PERMS=True,
    )  # fmt: skip
    database: Any = get_sqla_class()()
    with app.app_context():
        database.init_app(app)
        builder = AppBuilder(app, database.session)
        builder.add_api(Visits)
        Visit.__table__.create(database.engine, checkfirst=True)
        manager = builder.sm
        if not manager.find_user("admin"):
            manager.add_user("admin", "a", "b", "a@example.invalid", manager.find_role("Admin"), SIGNED_IN["password"])
        database.session.remove()
        # Worker processes that come of this one make connections of their own.
        database.engine.dispose()
    return app, database


def row_to_send(app: Flask, database: Any) -> dict[str, Any]:
    with app.app_context():
        elevator = database.session.query(Elevator).first()
        sent = {
            "elevator": elevator.id, "unit": elevator.maintenance_unit_id, "latitude": 30.0, "longitude": 120.0,
            "checked_in_at": "2026-01-01T08:00:00", "state": "open",
        }  # fmt: skip
        database.session.remove()
    return sent


def token_of(app: Flask) -> str:
    return str(app.test_client().post("/api/v1/security/login", json=SIGNED_IN).json["access_token"])  # type: ignore[index]


def served() -> Flask:
    """For gunicorn: the application on the database that FAB_POST_URL names."""
    return make(os.environ["FAB_POST_URL"])[0]


def main(url: str, only_say: str = "") -> None:
    """Measure it; or, with a second word, only print what a client of the served one needs."""
    app, database = make(url)
    with app.app_context():
        statements = Statements(database.engine)
    sent, token = row_to_send(app, database), token_of(app)
    if only_say:
        print(json.dumps({"sent": sent, "token": token}))
        return
    client = app.test_client()

    def post() -> None:
        answer = client.post("/api/v1/visits/", json=sent, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text

    tell(post, lambda: statements.number)


if __name__ == "__main__":
    main(*sys.argv[1:])
