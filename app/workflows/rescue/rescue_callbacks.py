"""回访 (RES-05): the desk asks whoever called how the rescue went, and the use unit what was mended since."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from app.errors import Finding, NotAllowed, raise_failing
from app.models import Rescue, RescueCallback
from app.models.rescue import CALLBACK_KIND, SATISFACTION
from app.permissions import Actor, Verb
from app.rules.rescues import LONGEST_NAME, RescueStatus, choice_finding, words_finding
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit
from app.workflows.rescue.rescue_course import ENTITY, held, is_open

# Asked and not answered: the case still waits for its call.
UNREACHED = "unreached"


def call_back(
    session: AnySession, actor: Actor, key: int, kind: str, satisfaction: str, answered_by: str, note: str,
    at: dt.datetime,
) -> RescueCallback:  # fmt: skip
    """Keep one call; what was said is never changed, a later call stands beside it."""
    row = held(session, actor, key, Verb.RESCUE_DESK)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("回访", False, "回访由应急坐席办理", "请联系应急坐席"))
    note, answered_by = note.strip(), " ".join(answered_by.split())
    over = not is_open(row) and row.status != RescueStatus.JOINED
    raise_failing([
        Finding("回访", over, "救援还没有结束", "请在救出或结束之后回访"),
        choice_finding("回访类型", "kind", kind, CALLBACK_KIND),
        choice_finding("满意度", "satisfaction", satisfaction, SATISFACTION),
        Finding("接听人", len(answered_by) <= LONGEST_NAME, say("%(count)s 个字", count=len(answered_by)),
                say("最多 %(most)s 个字", most=LONGEST_NAME), field="answered_by"),
        words_finding("回访记录", "note", note, required=satisfaction == "poor", remedy="不满意的请写明原因"),
    ])  # fmt: skip
    made = RescueCallback(
        rescue_id=row.id, kind=kind, satisfaction=satisfaction, answered_by=answered_by or None, note=note or None,
        called_at=at, account_id=actor.user_id, name=actor.name[:80], created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(made)
    if satisfaction != UNREACHED:
        if kind == "rescue":
            row.rescue_called_at = at
        else:
            row.maintenance_called_at = at
    session.flush()
    audit.record(
        session, actor, at, "rescue.callback", ENTITY, row.id, after={"kind": kind, "satisfaction": satisfaction}
    )
    return made


def of(session: AnySession, row: Rescue) -> list[RescueCallback]:
    """The calls of a case, the newest first."""
    statement = select(RescueCallback).where(RescueCallback.rescue_id == row.id)
    return list(session.scalars(statement.order_by(RescueCallback.id.desc())))
