"""Scans that an officer decided upon: who may see the application opens them, also once they were taken off the record.

For as long as they are kept: what its time erased is gone here, too.
"""

from __future__ import annotations

from sqlalchemy import or_, select

from app import scope
from app.models import Application, Attachment
from app.permissions import Actor, Verb
from app.transaction import AnySession

# Whose filings are decided with scans, kept by number with the application.
_RECORDS = ("person", "unit")
# The kinds of scans with which a person's filing is decided.
OF_PERSON = ("certificate", "operator")


def opens(session: AnySession, actor: Actor, row: Attachment) -> bool:
    """Whether the actor may see a decided application that shows this file, which was taken away since."""
    if row.entity not in _RECORDS or row.entity_id is None or not actor.may(Verb.APPLICATION_READ):
        return False
    statement = select(Application).where(
        Application.entity == row.entity, Application.entity_id == row.entity_id,
        or_(Application.decided_by_id.is_not(None), Application.endorsed_by_id.is_not(None)),
    )  # fmt: skip
    return any(_shows(session, one, row) for one in session.scalars(scope.apply(statement, actor, Application)))


def _shows(session: AnySession, application: Application, row: Attachment) -> bool:
    numbers = application.data.get("papers")
    if numbers is None:
        numbers = of_person_then(session, application) if application.entity == "person" else {}
    return any(row.id in keys for keys in numbers.values())


def of_person_then(session: AnySession, application: Application) -> dict[str, list[int]]:
    """By kind the scans of a filing that was handed in before they were kept with it: those that hung on the person at
    that moment."""
    statement = select(Attachment.id, Attachment.kind).where(
        Attachment.entity == "person", Attachment.entity_id == application.entity_id,
        Attachment.kind.in_(OF_PERSON), Attachment.uploaded_at <= application.submitted_at,
        or_(Attachment.removed_at.is_(None), Attachment.removed_at > application.submitted_at),
    )  # fmt: skip
    found: dict[str, list[int]] = {}
    for key, kind in session.execute(statement.order_by(Attachment.id).execution_options(skip_scope=True)):
        found.setdefault(kind, []).append(key)
    return found
