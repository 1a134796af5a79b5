"""How many files there may be: of a record by kind and size, and of an account that belong to no record yet."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select

from app.errors import refuse
from app.models import Attachment
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Actor
from app.rules.files import LIMITS
from app.transaction import AnySession
from app.wording import say
from app.workflows.files.file_contents import MEGABYTE

# Papers sent before what they belong to is filed: more than this on one day fills the disk and nothing else.
MOST_LOOSE_A_DAY = 200


def check(session: AnySession, actor: Actor, at: dt.datetime, kind: str, entity: str, entity_id: int | None) -> None:
    """Refuse one file more than there is room for."""
    if entity_id is None:
        _check_loose(session, actor, at)
        return
    limit = LIMITS[kind]
    held, size = session.execute(
        select(func.count(), func.coalesce(func.sum(Attachment.size), 0)).where(
            Attachment.entity == entity, Attachment.entity_id == entity_id, Attachment.kind == kind,
            Attachment.removed_at.is_(None),
            # What is to be replaced gives its room to what replaces it.
            Attachment.waits.is_distinct_from("gone"),
        )
    ).one()  # fmt: skip
    if held >= limit.files:
        raise refuse(
            "附件数量",
            say(
                "已有 %(held)s 个%(kind)s，最多 %(files)s 个", held=held, kind=ATTACHMENT_KIND[kind], files=limit.files
            ),
            "请先删去不需要的",
        )
    if size >= limit.total * MEGABYTE:
        found = say(
            "已有的%(kind)s合计 %(size)s MB，最多 %(total)s MB",
            kind=ATTACHMENT_KIND[kind],
            size=f"{size / MEGABYTE:.0f}",
            total=limit.total,
        )
        raise refuse("附件大小", found, "请先删去不需要的，或压缩扫描件")


def _check_loose(session: AnySession, actor: Actor, at: dt.datetime) -> None:
    if actor.user_id is None:
        return
    statement = select(func.count()).where(
        Attachment.uploaded_by_id == actor.user_id, Attachment.entity_id.is_(None), Attachment.removed_at.is_(None),
        Attachment.uploaded_at > at - dt.timedelta(days=1),
    )  # fmt: skip
    held = session.scalar(statement.execution_options(skip_scope=True)) or 0
    if held >= MOST_LOOSE_A_DAY:
        remedy = "请先提交用到它们的申请，或明天再传"
        raise refuse("附件数量", say("您一天内上传的附件有 %(held)s 个还没有用到", held=held), remedy, field="file")
