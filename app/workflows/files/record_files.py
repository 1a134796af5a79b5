"""Typed papers of a unit, a person or an elevator (UNT-04): who may add and take away; the log keeps all."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_, or_, select

from app.errors import Finding, NotAllowed, NotFound, refuse
from app.models import Application, Attachment, Elevator, Person, Unit
from app.permissions import Actor, Verb, require
from app.rules.approval import FilingState
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.files import attachments, decided_upon

# By entity: its model, what reading and writing need, the kinds of papers it has.
RECORDS: dict[str, tuple[type[Any], Verb, Verb, tuple[str, ...]]] = {
    "unit": (Unit, Verb.UNIT_READ, Verb.UNIT_EDIT, ("licence", "qualification", "declaration", "document")),
    "person": (Person, Verb.PERSON_READ, Verb.PERSON_EDIT, ("certificate", "operator", "document")),
    "elevator": (
        Elevator, Verb.ELEVATOR_READ, Verb.ELEVATOR_EDIT,
        ("use_certificate", "inspection", "factory", "installation", "document"),
    ),
}
# An officer decides a person's filing with these scans: while he does, none is added or taken away.
DECIDED_WITH = decided_upon.OF_PERSON


def seen(session: AnySession, person: Person) -> dict[str, list[int]]:
    """What an application for a person's filing shows, by kind and number: kept with it."""
    held = attachments.of(session, Person.__tablename__, person.id)
    return {kind: [file.id for file in held if file.kind == kind] for kind in DECIDED_WITH}


def application_of(session: AnySession, attachment_id: int) -> int | None:
    """The application that a file belongs to or is decided with, whoever asks; None for every other file."""
    of_person = and_(Attachment.entity == "person", Attachment.kind.in_(DECIDED_WITH))
    statement = select(Attachment.entity, Attachment.entity_id).where(
        Attachment.id == attachment_id, Attachment.kind.not_in(attachments.PRIVATE),
        or_(Attachment.entity.in_(["application", "unit"]), of_person),
    )  # fmt: skip
    found = session.execute(statement.execution_options(skip_scope=True)).one_or_none()
    if found is None or found.entity == "application":
        return None if found is None else found.entity_id
    filing = select(Application.id).where(
        Application.entity == found.entity, Application.entity_id == found.entity_id, Application.is_open.is_(True)
    )
    return session.scalar(filing.execution_options(skip_scope=True))


def shut(row: Any, kind: str) -> bool:
    """Whether papers of this kind stay as they are for now: an officer looks at them."""
    return isinstance(row, Person) and kind in DECIDED_WITH and row.filing_state == FilingState.PENDING


def record_of(session: AnySession, actor: Actor, entity: str, key: int) -> tuple[Any, int | None, bool]:
    """The record, the unit that a paper is kept for, and whether the actor may write.

    No partner sees a unit's papers; those of an elevator are read, and added to, by both of its sides.
    """
    if entity not in RECORDS:
        raise NotFound(Finding("附件", False, "没有这种记录", "请从记录的页面打开"))
    model, read, write, _kinds = RECORDS[entity]
    require(actor, read)
    row = visible(session, actor, model, key, "这条记录")
    if isinstance(row, Elevator):
        sides = (row.maintenance_unit_id, row.use_unit_id, row.filed_by_unit_id)
        kept_for = actor.unit_id or row.use_unit_id or row.maintenance_unit_id
        return row, kept_for, actor.may(write) and actor.unit_id in (None, *sides)
    unit_id = int(row.id if entity == "unit" else row.unit_id)
    if actor.unit_id not in (None, unit_id):
        raise NotFound(Finding("附件", False, "没有这条记录，或不在您的管辖范围内", "请从列表重新打开"))
    return row, unit_id, actor.may(write) and (entity == "unit" or actor.unit_id == unit_id)


def require_writing(session: AnySession, actor: Actor, entity: str, key: int, kind: str) -> tuple[Any, int | None]:
    """The record and its unit, if the actor may add a paper of this kind."""
    row, unit_id = _writable(session, actor, entity, key)
    if kind not in RECORDS[entity][3]:
        raise NotAllowed(Finding("类型", False, "没有这一类附件", "请从列表选择", field="kind"))
    _require_open(session, row, kind)
    return row, unit_id


def _writable(session: AnySession, actor: Actor, entity: str, key: int) -> tuple[Any, int | None]:
    row, unit_id, may = record_of(session, actor, entity, key)
    if not may:
        raise NotAllowed(Finding("附件", False, "您只能查看", "请由本单位有权限的账号办理"))
    return row, unit_id


def _require_open(session: AnySession, row: Any, kind: str) -> None:
    """Refuse while an officer looks at it; the row is held, so that nobody hands it in meanwhile."""
    if not isinstance(row, Person) or kind not in DECIDED_WITH:
        return
    held = lock(session, Person, row.id)
    if held is not None and shut(held, kind):
        found = say("%(name)s 的备案正在审核，扫描件不能增减", name=held.name)
        raise refuse("审核中不能修改", found, "请先在申请中撤回，再修改后重新上报", field="kind")


def removable(actor: Actor, file: Attachment) -> bool:
    """Whether the actor, who may write the record, may take this paper away: his unit's, or as the regulator."""
    return actor.unit_id is None or file.unit_id == actor.unit_id


def remove(
    session: AnySession, actor: Actor, entity: str, key: int, attachment_id: int, at: dt.datetime
) -> Attachment:
    """Take a paper away, and the log says who took it; whoever may see what was decided upon it opens it
    still. No side takes the other's.

    What else hangs on the record is none of its papers: a person's own pictures go by his consent alone.
    """
    row, _unit_id = _writable(session, actor, entity, key)
    papers = (f for f in attachments.of(session, entity, key) if f.kind in RECORDS[entity][3])
    found = next((f for f in papers if f.id == attachment_id), None)
    if found is None:
        raise NotFound(Finding("附件", False, "这个附件已不在这里", "请刷新页面"))
    if not removable(actor, found):
        raise NotAllowed(Finding("附件", False, say("“%(name)s”是另一方上传的", name=found.name), "请由上传的单位移除"))
    _require_open(session, row, found.kind)
    found.removed_at = at
    session.flush()
    audit.record(
        session, actor, at, "attachment.remove", entity, key,
        before={"attachment": found.id, "kind": found.kind, "name": found.name, "sha256": found.sha256},
    )  # fmt: skip
    return found
