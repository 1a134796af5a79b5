"""Deeds on the scans of a unit's filing: each makes it a draft, as an edit of a field does (UNT-05)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from app.errors import Finding, NotFound
from app.models import Attachment, Unit
from app.permissions import Actor
from app.transaction import AnySession, lock
from app.workflows.core import audit
from app.workflows.files import record_files
from app.workflows.filing import filing, unit_papers
from app.workflows.filing.unit_papers import FILED, GONE, NEW


def are_filed(entity: str, kind: str) -> bool:
    """Whether papers of this kind wait for an approval."""
    return entity == Unit.__tablename__ and kind in FILED


def begin(session: AnySession, actor: Actor, unit_id: int, at: dt.datetime) -> Unit:
    """The unit's filing as a draft, if the actor may change it now; refused while an officer looks at it."""
    unit = session.get(Unit, unit_id)
    if unit is None:
        raise NotFound(Finding("附件", False, "没有这条记录", "请从记录的页面打开"))
    saved: Unit = filing.save_draft(session, actor, Unit, unit, {}, at, papers=True)
    return saved


def added(session: AnySession, unit: Unit, ids: Collection[int]) -> None:
    """Files that were just stored for a unit wait for its next approval."""
    for row in unit_papers.held(session, unit):
        if row.id in ids:
            row.waits = NEW
    session.flush()


def keep_only(session: AnySession, actor: Actor, unit: Unit, kept: Collection[int], at: dt.datetime) -> None:
    """Of what the form showed only this stays: what is in force goes with the approval, the rest at once."""
    for row in unit_papers.held(session, unit):
        if row.id in kept:
            _keep(session, actor, row, at)
        else:
            _drop(session, actor, unit, row, at)
    session.flush()


def changes(session: AnySession, unit: Unit, kept: Collection[int]) -> bool:
    """Whether keeping only these would change anything."""
    return any((row.waits == GONE) == (row.id in kept) for row in unit_papers.held(session, unit))


def remove(
    session: AnySession, actor: Actor, entity: str, key: int, attachment_id: int, at: dt.datetime
) -> None:  # fmt: skip
    """Take a paper off a record, from wherever papers are listed: one that is filed by way of the filing."""
    record_files.record_of(session, actor, entity, key)
    unit = session.get(Unit, key) if entity == Unit.__tablename__ else None
    filed = {row.id: row for row in unit_papers.held(session, unit)} if unit is not None else {}
    if attachment_id not in filed:
        record_files.remove(session, actor, entity, key, attachment_id, at)
        return
    record_files.require_writing(session, actor, entity, key, filed[attachment_id].kind)
    unit = begin(session, actor, key, at)
    # An approval may just have changed what it waits for: read again now that the unit is locked.
    row = lock(session, Attachment, attachment_id)
    if row is None or row.removed_at is not None or row.entity != entity:
        raise NotFound(Finding("附件", False, "这个附件已经移除或替换", "请刷新页面"))
    _drop(session, actor, unit, row, at)
    session.flush()


def _drop(session: AnySession, actor: Actor, unit: Unit, row: Attachment, at: dt.datetime) -> None:
    if row.waits == NEW or not unit.approved_version:
        unit_papers.take_off(session, actor, row, at)
    elif row.waits != GONE:
        row.waits = GONE
        _note(session, actor, row, "attachment.drop", at)


def _keep(session: AnySession, actor: Actor, row: Attachment, at: dt.datetime) -> None:
    if row.waits == GONE:
        row.waits = None
        _note(session, actor, row, "attachment.keep", at)


def _note(session: AnySession, actor: Actor, row: Attachment, deed: str, at: dt.datetime) -> None:
    told = {"attachment": row.id, "kind": row.kind, "name": row.name}
    audit.record(session, actor, at, deed, row.entity, row.entity_id, after=told)
