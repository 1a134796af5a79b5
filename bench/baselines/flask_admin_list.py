"""Flask-Admin: a ModelView with its search and filters."""

from __future__ import annotations

import logging
import sys
from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import relationship

from bench.baselines.register import COLUMNS, ELEVATOR, REGION, UNIT
from bench.baselines.timing import Statements, tell


def main(url: str) -> None:
    logging.disable(logging.WARNING)
    app = Flask(__name__)
    app.config.update(SECRET_KEY="only for the bench, only for the bench", SQLALCHEMY_DATABASE_URI=url)
    Babel(app)
    database = SQLAlchemy(app)
    base: Any = database.Model

    class Region(base):  # type: ignore[misc]
        __table__ = REGION.to_metadata(base.metadata)

        def __repr__(self) -> str:
            return str(self.name)

    class Unit(base):  # type: ignore[misc]
        __table__ = UNIT.to_metadata(base.metadata)

        def __repr__(self) -> str:
            return str(self.name)

    class Elevator(base):  # type: ignore[misc]
        __table__ = ELEVATOR.to_metadata(base.metadata)
        region = relationship(Region)
        use_unit = relationship(Unit, foreign_keys=[__table__.c.use_unit_id])
        maintenance_unit = relationship(Unit, foreign_keys=[__table__.c.maintenance_unit_id])

    class Elevators(ModelView):
        column_list = COLUMNS
        page_size = 25
        column_searchable_list = ("address", "code")
        column_filters = ("status", "is_secret")
        form_columns = ("code",)

    Admin(app).add_view(Elevators(Elevator, database, endpoint="elevators"))
    with app.app_context():
        statements = Statements(database.engine)
    client = app.test_client()

    def get() -> None:
        answer = client.get("/admin/elevators/")
        assert answer.status_code == 200, answer.status

    tell(get, lambda: statements.number)


if __name__ == "__main__":
    main(sys.argv[1])
