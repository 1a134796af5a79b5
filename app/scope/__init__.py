"""What an actor may see: region subtree, own unit, assigned elevators, 涉密. Applied to every read a person causes.

`apply(statement, actor, *models)` is the way for statements; the session hook is the net below it for ORM entities.
Core statements (`select(Model.__table__)`) escape the hook: build them from entities or call `apply`/`criterion`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import g, has_request_context
from sqlalchemy import BigInteger, BindParameter, bindparam, event, false, select, true
from sqlalchemy.orm import Session, object_session, with_loader_criteria

from app.errors import Finding, NotAllowed, NotFound
from app.models.region import somewhere
from app.permissions import NOBODY, SYSTEM, Actor, Verb
from app.policy import chain
from app.scope.net import Net
from app.scope.parts import Criterion, without_secret
from app.scope.rules import EVERY, GUARDED, NARROWER, PERSONAL, PLACED, RULES, UNPLACED
from app.wording import say

# What the databases' BIGINT and INTEGER hold.
BIGGEST_KEY, BIGGEST_ACCOUNT = 2**63 - 1, 2**31 - 1
_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


def current() -> Actor:
    """The acting account. In a request without one: nobody. Outside requests: the system, or whoever is `acting`."""
    chosen = _acting.get()
    if chosen is not None:
        return chosen
    if has_request_context():
        return g.get("actor", NOBODY)
    return SYSTEM


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Read as this actor (a job does what its owner may see at the moment of doing)."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


@lru_cache(maxsize=4096)
def criterion(model: type[Any], actor: Actor) -> Criterion:
    """The WHERE of what the actor sees of a model; `true()` for a model without rows of anybody.

    Made once for an actor, who is immutable: it says how to ask the database, which answers anew each time.
    """
    return over(model, model, actor)


class _Number(BindParameter[int]):
    """A number of the actor that is known when the statement runs: it is one, so it is true."""

    inherit_cache = True

    def __bool__(self) -> bool:
        return True


_USER, _UNIT, _PERSON = tuple[Any, ...](
    _Number(f"actor_{name}", type_=BigInteger()) for name in ("user", "unit", "person")
)


def outline(actor: Actor, *models: type[Any]) -> tuple[Actor, dict[str, Any]]:
    """The actor with parameters in place of his numbers and his region, and what to give for them.

    All accounts of a kind have the same outline, wherever they are, so a statement that is asked often is made once for
    all of them. Models whose rules ask a unit's account for its unit alone are not told of a region at all.
    """
    anywhere = actor.unit_id is not None and bool(models) and UNPLACED.issuperset(models) and not actor.may(PLACED)
    code, region = actor.region_code, dict[str, Any]()
    place: Any = None
    if code is not None and not anywhere:
        place, region = somewhere(code, chain(code))
    made = replace(
        actor, region_code=place,
        user_id=None if actor.user_id is None else _USER, unit_id=None if actor.unit_id is None else _UNIT,
        person_id=None if actor.person_id is None else _PERSON, name="", via="", address=None,
    )  # fmt: skip
    numbers = {"actor_user": actor.user_id, "actor_unit": actor.unit_id, "actor_person": actor.person_id}
    return made, numbers | region


def every_row(model: type[Any], actor: Actor) -> Criterion | None:
    """Of no row in particular: whether the actor sees each row of the model; None where few words don't tell."""
    told = EVERY.get(model)
    return None if told is None or actor.sees_everything else told(actor)


def over(columns: Any, model: type[Any], actor: Actor) -> Criterion:
    """`criterion` over a table's columns, or those of an alias."""
    rule = RULES.get(model)
    if rule is None or actor.system:
        return true()
    if actor.sees_everything and model not in PERSONAL:
        # By a token without that right not even a platform administrator reads of a 涉密 elevator.
        return true() if actor.may(Verb.SECRET_READ) else without_secret(model, actor)
    if actor.user_id is None or (actor.region_code is None and actor.unit_id is None and not actor.sees_everything):
        return false()
    return rule(columns, actor)


def apply(statement: Any, actor: Actor, *models: type[Any]) -> Any:
    """Narrow a select to what the actor sees of `models` (default: the entities that it selects from)."""
    chosen = models or tuple(dict.fromkeys(d["entity"] for d in statement.column_descriptions if d.get("entity")))
    for model in chosen:
        statement = statement.where(criterion(model, actor))  # type: ignore[arg-type]
    return statement


def visible(
    session: Any, actor: Actor, model: type[Any], key: Any, label: str = "", load: Sequence[Any] = ()
) -> Any:  # fmt: skip
    """The row with this key within the actor's scope, or NotFound: foreign and missing rows look alike.

    `load`: options of the statement, for what is read of the row anyway.
    """
    primary = model.__mapper__.primary_key[0]
    statement = apply(select(model).where(primary == key), actor, model).execution_options(skip_scope=True)
    if load:
        statement = statement.options(*load)
    row = session.scalar(statement) if _can_be(primary, key) else None
    if row is None:
        raise not_found(key, label)
    return row


def sees(session: Any, actor: Actor, model: type[Any], key: Any) -> bool:
    """Whether `visible` would find the row: what a page links to only for those who may open it."""
    primary = model.__mapper__.primary_key[0]
    statement = apply(select(primary).where(primary == key), actor, model).execution_options(skip_scope=True)
    return session.scalar(statement) is not None


def not_found(key: Any, label: str = "") -> NotFound:
    """What is said of a row that is not there, or not there for this actor."""
    found = say("没有找到%(label)s（编号 %(key)s），或不在您的管辖范围内", label=label or "这条记录", key=key)
    return NotFound(Finding("管辖范围", False, found, "请从列表重新打开"))


def _can_be(primary: Any, key: Any) -> bool:
    """Whether a row can have this key at all: databases refuse, rather than not find, a number that is too large."""
    if not issubclass(primary.type.python_type, int):
        return isinstance(key, str)
    most = BIGGEST_KEY if isinstance(primary.type, BigInteger) else BIGGEST_ACCOUNT
    return isinstance(key, int) and 0 <= key <= most


@event.listens_for(Session, "do_orm_execute")
def _net(state: Any) -> None:
    # A statement over tables has no entity for the net to hold on to, and making a net takes longer than asking.
    if not state.is_orm_statement or state.execution_options.get("skip_scope") or state.is_column_load:
        return
    # A many-to-one target outside the scope must not load as None: saving the form would erase the key.
    if state.is_relationship_load and not _loads_collection(state):
        return
    actor = current()
    if not actor.system:
        state.statement = state.statement.options(*_options(actor))


@lru_cache(maxsize=512)
def _options(actor: Actor) -> tuple[Any, ...]:
    """The net of one actor; an actor is immutable, so his net is too."""
    held = [
        with_loader_criteria(model, criterion(model, actor), include_aliases=True, propagate_to_loaders=False)  # type: ignore[arg-type]
        for model in RULES
        if not (actor.sees_everything and model not in PERSONAL and actor.may(Verb.SECRET_READ))
    ]
    return (Net(held),) if held else ()


def _loads_collection(state: Any) -> bool:
    """The relationship is the last of the path that has a side; a lazy load's path ends with it, others' after it."""
    path = state.loader_strategy_path
    steps = getattr(path, "path", path) or ()
    return next((bool(step.uselist) for step in reversed(steps) if hasattr(step, "uselist")), True)


def _guard(mapper: Any, connection: Any, row: Any) -> None:
    """Refuse creating a row in, or moving it to, another's scope; the same rule as reading, asked of the database."""
    actor = current()
    if actor.system or actor.sees_everything:
        return
    kind, numbers = outline(actor)
    inside = connection.execute(_is_inside(mapper.class_, kind), numbers | {"row": row.id}).first()
    if inside is None:
        raise NotAllowed(Finding("管辖范围", False, "这条记录会落在您的管辖范围之外", "请检查所选的单位、电梯和地区"))


def _guard_change(mapper: Any, connection: Any, row: Any) -> None:
    """The same for a row that was written again; one that was only touched was not."""
    session = object_session(row)
    if session is None or session.is_modified(row, include_collections=False):
        _guard(mapper, connection, row)


@lru_cache(maxsize=1024)
def _is_inside(model: type[Any], kind: Actor) -> Any:
    columns = model.__table__.c
    return select(columns.id).where(columns.id == bindparam("row"), criterion_of(columns, model, kind))


def criterion_of(columns: Any, model: type[Any], actor: Actor) -> Criterion:
    """What the actor may write of a model, over its table's columns (mapper events)."""
    rule = NARROWER.get(model) or RULES[model]
    return rule(columns, actor) if actor.user_id is not None else false()


for _model in GUARDED:
    event.listen(_model, "after_insert", _guard)
    event.listen(_model, "after_update", _guard_change)
