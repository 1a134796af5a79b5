"""Watching a record, and talking about it (LIF-07): those who watch are told, as long as they may see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, delete, or_, select

from app import scope
from app.errors import Finding, NotAllowed, NotFound, raise_failing
from app.models import Application, Comment, Contract, Elevator, MaintenanceOrder, Person, Unit, Visit, Watch
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.core.actors import actor_by_id

RECORDS: dict[str, tuple[Any, Verb, str, str]] = {
    "application": (Application, Verb.APPLICATION_READ, "这件申请", "/applications/"),
    "elevator": (Elevator, Verb.ELEVATOR_READ, "这台电梯", "/elevators/"),
    "unit": (Unit, Verb.UNIT_READ, "这家单位", "/units/"),
    "contract": (Contract, Verb.CONTRACT_READ, "这份合同", "/contracts/"),
    "person": (Person, Verb.PERSON_READ, "这名人员", "/people/"),
    "visit": (Visit, Verb.VISIT_READ, "这条维保记录", "/visits/"),
    "maintenance_order": (MaintenanceOrder, Verb.ORDER_READ, "这条维保任务", "/orders/"),
}
LONGEST = 1000


def record_of(session: AnySession, actor: Actor, entity: str, entity_id: int) -> Any:
    """The record within scope that somebody talks about or watches."""
    require(actor, Verb.COMMENT)
    if entity not in RECORDS:
        raise NotFound(
            Finding("记录", False, say("没有“%(entity)s”这种记录", entity=entity[:20]), "请从记录的页面操作")
        )
    model, verb, words, _link = RECORDS[entity]
    require(actor, verb)
    return scope.visible(session, actor, model, entity_id, words)


def comment(
    session: AnySession, actor: Actor, entity: str, entity_id: int, body: str, at: dt.datetime, *,
    internal: bool = False,
) -> Comment:  # fmt: skip
    """Say something on a record; those who watch it are told. Only regulators may keep it among themselves."""
    row = record_of(session, actor, entity, entity_id)
    text = body.strip()
    said, remedy = say("留言有 %(count)s 个字", count=len(text)), say("请填写 1 至 %(longest)s 个字", longest=LONGEST)
    raise_failing([Finding("留言", 0 < len(text) <= LONGEST, said, remedy, field="body")])
    if internal and actor.unit_id is not None:
        raise NotAllowed(Finding("内部留言", False, "单位不能留内部留言", "请去掉“内部”再提交", field="internal"))
    made = Comment(
        entity=entity, entity_id=row.id, author_id=actor.user_id, unit_id=actor.unit_id, internal=internal, body=text,
        created_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    audit.record(session, actor, at, "comment.make", entity, row.id, after={"body": text, "internal": internal})
    tell(
        session, actor, [(entity, row.id)], say("%(name)s留言：%(named)s", name=actor.name, named=_named(row)), at,
            body=text,
        link=f"{RECORDS[entity][3]}{row.id}", key=f"comment:{made.id}", regulators_only=internal,
    )  # fmt: skip
    return made


def comments(session: AnySession, actor: Actor, entity: str, entity_id: int, most: int = 100) -> list[Comment]:
    """What was said on a record that the actor sees, the newest first."""
    statement = select(Comment).where(Comment.entity == entity, Comment.entity_id == entity_id)
    statement = scope.apply(statement, actor, Comment).order_by(Comment.id.desc()).limit(most)
    return list(session.scalars(statement))


def watch(session: AnySession, actor: Actor, entity: str, entity_id: int, at: dt.datetime) -> None:
    """Be told from now on; again changes nothing."""
    row = record_of(session, actor, entity, entity_id)
    if not watches(session, actor, entity, entity_id):
        session.add(Watch(entity=entity, entity_id=row.id, user_id=actor.user_id, since_at=at))
        session.flush()


def unwatch(session: AnySession, actor: Actor, entity: str, entity_id: int) -> None:
    """Be told no more; works also for what one sees no longer."""
    require(actor, Verb.COMMENT)
    session.execute(delete(Watch).where(
        Watch.entity == entity, Watch.entity_id == entity_id, Watch.user_id == actor.user_id
    ))  # fmt: skip


def watches(session: AnySession, actor: Actor, entity: str, entity_id: int) -> bool:
    statement = select(Watch.id).where(
        Watch.entity == entity, Watch.entity_id == entity_id, Watch.user_id == (actor.user_id or 0)
    )
    return session.scalar(statement) is not None


def tell_of_step(
    session: AnySession, actor: Actor, application: Application, deed: str, link: str, at: dt.datetime
) -> None:
    """A step of an application: to those who watch it or what it is about."""
    about = {("application", application.id), (application.entity, application.entity_id)}
    if application.elevator_id:
        about.add(("elevator", application.elevator_id))
    tell(
        session, actor, about, say("%(deed)s：%(title)s", deed=deed, title=application.heading), at,
        body=say("申请编号 %(number)s", number=application.number), link=link,
        key=f"watch:{application.id}:{application.row_version}",
    )  # fmt: skip


def tell(
    session: AnySession,
    actor: Actor,
    about: Iterable[tuple[str, int]],
    title: str,
    at: dt.datetime,
    *,
    body: str,
    link: str,
    key: str,
    regulators_only: bool = False,
) -> int:
    """Notice to whoever watches one of the records and may still see it; not to whoever did it himself."""
    told: set[int] = set()
    watched = or_(*(and_(Watch.entity == entity, Watch.entity_id == entity_id) for entity, entity_id in sorted(about)))
    statement = select(Watch.entity, Watch.entity_id, Watch.user_id).where(watched)
    for entity, entity_id, user_id in session.execute(statement.execution_options(skip_scope=True)).all():
        if user_id != actor.user_id and user_id not in told and _sees(
            session, user_id, entity, entity_id, regulators_only
        ):  # fmt: skip
            told.add(user_id)
    return outbox.notify(session, at, told, "watch", title, body=body, link=link, dedupe_key=key)


def _sees(session: AnySession, user_id: int, entity: str, entity_id: int, regulators_only: bool) -> bool:
    watcher = actor_by_id(session, user_id, "notice")
    model, verb, _words, _link = RECORDS[entity]
    if not watcher.may(verb) or (regulators_only and watcher.unit_id is not None):
        return False
    statement = scope.apply(select(model.id).where(model.id == entity_id), watcher, model)
    return session.scalar(statement.execution_options(skip_scope=True)) is not None


def _named(row: Any) -> str:
    if isinstance(row, Visit | MaintenanceOrder):
        return say("%(tablename)s %(id)s", tablename=RECORDS[row.__tablename__][2].removeprefix("这条"), id=row.id)
    return str(getattr(row, "title", None) or getattr(row, "name", None) or row)
