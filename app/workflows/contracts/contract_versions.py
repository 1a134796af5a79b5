"""What a contract said before, read from the versions that `contracts.keep_version` keeps (CON-05)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.models import Contract, Version
from app.transaction import AnySession
from app.workflows.contracts.contracts import FIELDS


def versions_of(session: AnySession, contract: Contract) -> list[tuple[Version, dict[str, tuple[Any, Any]]]]:
    """The newest first, each with the terms in which it differs from the one before: name, old, new.

    Where only the elevators' days moved a version says the same again; it is left out.
    """
    statement = select(Version).where(Version.entity == Contract.__tablename__, Version.entity_id == contract.id)
    shown: list[tuple[Version, dict[str, tuple[Any, Any]]]] = []
    before: Version | None = None
    for row in session.scalars(statement.order_by(Version.number)):
        old = before.data if before is not None else {}
        changed = {n: (old.get(n), row.data.get(n)) for n in FIELDS if old.get(n) != row.data.get(n)}
        if before is None or changed:
            shown.append((row, changed if before is not None else {}))
        before = row
    return shown[::-1]
