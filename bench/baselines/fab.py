"""Stock Flask-AppBuilder: a ModelView as its documentation writes one."""

from __future__ import annotations

import logging
import sys
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder, Model, ModelView
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from bench.baselines.register import COLUMNS
from bench.baselines.timing import Statements, tell


class Region(Model):  # type: ignore[misc]
    __tablename__ = "region"
    id = Column(Integer, primary_key=True)
    name = Column(String(60))

    def __repr__(self) -> str:
        return str(self.name)


class Unit(Model):  # type: ignore[misc]
    __tablename__ = "unit"
    id = Column(Integer, primary_key=True)
    name = Column(String(120))

    def __repr__(self) -> str:
        return str(self.name)


class Elevator(Model):  # type: ignore[misc]
    __tablename__ = "elevator"
    id = Column(Integer, primary_key=True)
    code = Column(String(20))
    address = Column(String(200))
    region_id = Column(Integer, ForeignKey("region.id"))
    use_unit_id = Column(Integer, ForeignKey("unit.id"))
    maintenance_unit_id = Column(Integer, ForeignKey("unit.id"))
    status = Column(String(10))
    next_inspection_on = Column(Date)
    is_secret = Column(Boolean)
    region = relationship(Region)
    use_unit = relationship(Unit, foreign_keys=[use_unit_id])
    maintenance_unit = relationship(Unit, foreign_keys=[maintenance_unit_id])


class Elevators(ModelView):
    datamodel = SQLAInterface(Elevator)
    list_columns = list(COLUMNS)
    page_size = 25


def main(url: str) -> None:
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
        builder.add_view(Elevators, "Elevators")
        manager = builder.sm
        if not manager.find_user("admin"):
            manager.add_user("admin", "a", "b", "a@example.invalid", manager.find_role("Admin"), "only-for-the-bench")
        statements = Statements(database.engine)
    client = app.test_client()
    client.post("/login/", data={"username": "admin", "password": "only-for-the-bench"})

    def get() -> None:
        answer = client.get("/elevators/list/")
        assert answer.status_code == 200, answer.status

    tell(get, lambda: statements.number)


if __name__ == "__main__":
    main(sys.argv[1])
