"""Files sent ahead of the form that they belong to: the sender's alone until the form takes them, or a day passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select, update

from app.errors import refuse
from app.models import Attachment
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Actor
from app.rules.files import LIMITS
from app.scope import visible
from app.transaction import AnySession
from app.wording import say
from app.workflows.files import attachments
from app.workflows.files.file_contents import MEGABYTE, bad

MOST = 60
# Pictures of persons that one sweep erases; the next one goes on.
MOST_AT_ONCE = 1000
LASTS = dt.timedelta(days=1)


def send(session: AnySession, actor: Actor, at: dt.datetime, file: attachments.Received) -> Attachment:
    """Keep a file for the form that is being filled in; one account holds so many at a time and no more."""
    statement = select(func.count()).where(
        Attachment.entity == attachments.AHEAD, Attachment.uploaded_by_id == actor.user_id,
        Attachment.removed_at.is_(None),
    )  # fmt: skip
    held = session.scalar(statement)
    if (held or 0) >= MOST:
        remedy = "请先提交或移除已上传的附件，一天后会自动清除"
        raise bad(file.name, say("没有收下：您有 %(held)s 个附件还没有提交", held=held), remedy)
    return attachments.record(session, actor, at, file, attachments.AHEAD, None, actor.unit_id, actor.region_code)


def sent(session: AnySession, actor: Actor, ids: Iterable[int], kind: str) -> list[Attachment]:
    """The actor's own files of a kind that no row has yet; anybody else's, or another kind's, are refused."""
    rows = []
    for key in dict.fromkeys(ids):
        row: Attachment = visible(session, actor, Attachment, key, "附件")
        free = row.entity == attachments.AHEAD and row.entity_id is None and row.removed_at is None
        if row.uploaded_by_id != actor.user_id or not free or row.kind != kind:
            raise bad(row.name, "不是您为这一项上传的", "请重新上传")
        rows.append(row)
    return rows


def settle(
    session: AnySession, actor: Actor, ids: Iterable[int], kind: str, entity: str, entity_id: int | None,
    unit_id: int | None, region_code: str | None,
) -> list[Attachment]:  # fmt: skip
    """Give files that were sent ahead to their row (or to one that is about to be made), within the row's limits."""
    rows = sent(session, actor, ids, kind)
    held = attachments.of(session, entity, entity_id) if entity_id is not None else []
    # What is to be replaced gives its room to what replaces it.
    staying = [row for row in held if row.kind == kind and row.waits != "gone"]
    check_together([(row.name, row.size) for row in [*staying, *rows]], kind)
    for row in rows:
        row.entity, row.entity_id, row.unit_id, row.region_code = entity, entity_id, unit_id, region_code
    session.flush()
    return rows


def check_together(files: Iterable[tuple[str, int]], kind: str) -> None:
    """Raise where the files (name, size) of one row are too many or too large together."""
    limit, given = LIMITS[kind], list(files)
    label, size = ATTACHMENT_KIND[kind], sum(s for _, s in given)
    if len(given) > limit.files:
        raise refuse("附件数量", say("%(count)s 个%(label)s，最多 %(files)s 个", count=len(given), label=label,
            files=limit.files), "请移除不需要的", field=kind)
    if size > limit.total * MEGABYTE:
        found = say("合计 %(size)s MB，%(label)s最多 %(total)s MB（“%(given)s”等 %(count)s 个）",
            size=f"{size / MEGABYTE:.1f}", label=label, total=limit.total, given=given[-1][0], count=len(given))
        raise refuse("附件大小", found, "请压缩扫描件，或分几次提交", field="file")


def forget(session: AnySession, at: dt.datetime) -> int:
    """Drop what was sent ahead of a form that nobody submitted; how many. A picture of a person is gone at once."""
    faces = select(Attachment).where(
        Attachment.kind == "selfie", Attachment.entity == attachments.AHEAD, Attachment.uploaded_at < at - LASTS
    )
    for row in session.scalars(faces.limit(MOST_AT_ONCE).execution_options(skip_scope=True)).all():
        attachments.forget(session, row)
    statement = update(Attachment).where(
        Attachment.entity == attachments.AHEAD, Attachment.removed_at.is_(None), Attachment.uploaded_at < at - LASTS
    )
    done: Any = session.execute(
        statement.values(removed_at=at).execution_options(synchronize_session=False, skip_scope=True)
    )
    return int(done.rowcount)
