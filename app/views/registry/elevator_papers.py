"""An elevator's applications as its page needs them, by one statement: what is open or waits for its day, whoever
asks, and the newest that one sees."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g
from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from app import scope
from app.extensions import db
from app.models import Application
from app.permissions import Verb
from app.views.frame import desks
from app.workflows.approval import conditions

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Papers:
    """The newest first, each with whether it is within one's scope; `opens` are those whose pages one may open, as
    `desks.openable` says it."""

    rows: list[tuple[Application, bool]]
    opens: set[int]

    @classmethod
    def of(cls, elevator_id: int) -> Papers:
        own, one = scope.criterion(Application, g.actor), aliased(Application)
        newest = select(one.id).where(one.elevator_id == elevator_id, scope.over(one, Application, g.actor))
        shown = newest.order_by(one.id.desc()).limit(MOST_SHOWN)
        statement = select(Application, own.label("own")).where(
            Application.elevator_id == elevator_id,
            or_(Application.is_open.is_(True), Application.id.in_(shown), conditions.waits_or_is_open()),
        )  # fmt: skip
        found = db.session.execute(statement.order_by(Application.id.desc()).execution_options(skip_scope=True))
        rows = [(row, bool(sees)) for row, sees in found]
        mine = {row.id for row, sees in rows if sees} if g.actor.may(Verb.APPLICATION_READ) else set()
        return cls(rows, mine | desks.openable({row.id for row, _sees in rows} - mine))

    @property
    def known(self) -> set[int | None]:
        return {row.id for row, _sees in self.rows}

    @property
    def newest(self) -> list[Application]:
        return [row for row, sees in self.rows if sees][:MOST_SHOWN]

    @property
    def open_one(self) -> Application | None:
        return next((row for row, sees in self.rows if sees and row.is_open), None)

    @property
    def under_way(self) -> list[Application]:
        return conditions.in_order(row for row, _sees in self.rows)
