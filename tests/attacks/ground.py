"""What tests of attacks need: a deed many times at the same moment, and how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Refusal
from app.transaction import transaction


def at_once(app: Any, database: Any, deed: Callable[[Session], Any], times: int = 20) -> list[Any]:
    """The deed so often at the same moment, each in its own transaction: what came of it, or the refusal."""

    def run(_n: int) -> Any:
        with Session(database.engine) as own:
            try:
                with transaction(own):
                    return deed(own)
            except Refusal as refusal:
                return refusal

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def counted(session: Any, model: Any, *where: Any) -> int:
    session.rollback()
    return int(session.scalar(select(func.count()).select_from(model).where(*where).execution_options(skip_scope=True)))
