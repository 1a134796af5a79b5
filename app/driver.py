"""PostgreSQL's driver as the product uses it: its prepared statements outlive a ROLLBACK, columns are told when asked.

Pages end by a ROLLBACK, for they only read, and the driver then forgets whatever it had prepared, lest somebody made a
table, asked it and unmade it again. Nobody does here, and planning is most of what a check-in costs the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus


class Connection(psycopg.Connection[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = Cursor

    def rollback(self) -> None:
        """As the driver's own after an error; else the plain word, which leaves prepared statements as they are."""
        if self.pgconn.transaction_status != TransactionStatus.INTRANS:
            super().rollback()
            return
        with self.lock:
            done = self.pgconn.exec_(b"ROLLBACK")
        if done.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(done.get_error_message())


class Cursor(psycopg.Cursor[Any]):
    """The driver's would describe every column of every result, a third of what reading a wide row costs; SQLAlchemy
    asks for it once a statement."""

    @property
    def description(self) -> Any:
        result = self.pgresult
        return Columns(self, result.nfields) if result is not None and result.nfields else super().description


class Columns(Sequence[Any]):
    """What the columns of a result are, worked out when somebody asks."""

    def __init__(self, cursor: psycopg.Cursor[Any], number: int) -> None:
        self._cursor, self._number = cursor, number

    @cached_property
    def _told(self) -> list[psycopg.Column]:
        return [psycopg.Column(self._cursor, place) for place in range(self._number)]

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, place: Any) -> Any:
        return self._told[place]
