"""What hangs on a row by its kind and number, and no foreign key: files, remarks, watchers, kept versions.

It goes with the row that is deleted: nothing leads to it any more. (Its number is given to no other row: `ONCE`.)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, update

from app.models import Attachment, Comment, Version, Watch
from app.transaction import AnySession


def clear(session: AnySession, entity: str, keys: Sequence[int], at: dt.datetime) -> None:
    """Take it away; a file as one that was removed, until its days to be kept are over."""
    held = (Attachment.entity == entity, Attachment.entity_id.in_(keys))
    whole = {"skip_scope": True, "synchronize_session": False}
    taken = update(Attachment).where(*held, Attachment.removed_at.is_(None)).values(removed_at=at)
    session.execute(taken, execution_options=whole)
    for model in (Comment, Watch, Version):
        gone = delete(model).where(model.entity == entity, model.entity_id.in_(keys))
        session.execute(gone, execution_options=whole)
