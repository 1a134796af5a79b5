"""What an actor may see: region subtree, own unit, assigned elevators, 涉密. Applied to every read a person causes.

`apply(statement, actor, *models)` is the way for statements; the session hook is the net below it for ORM entities.
Core statements (`select(Model.__table__)`) escape the hook: build them from entities or call `apply`/`criterion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import g, has_request_context
from sqlalchemy import BigInteger, Boolean, ColumnElement, and_, event, false, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, with_loader_criteria
from sqlalchemy.sql.functions import FunctionElement

from app.errors import Finding, NotAllowed, NotFound
from app.models import (
    Account,
    Application,
    ApplicationParty,
    Attachment,
    AuditEntry,
    Comment,
    Contract,
    ContractElevator,
    Delegation,
    Elevator,
    ElevatorAssignment,
    ElevatorOfficer,
    GradeCertificate,
    ImportBatch,
    ImportMatch,
    Job,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    Notification,
    OnDemandInterval,
    OverduePeriod,
    PatrolRound,
    PatrolStop,
    Person,
    PolicyProposal,
    RiskItem,
    SafetyRecord,
    Score,
    ScoreEntry,
    ScoreRun,
    Unit,
    UnitChange,
    Visit,
    Watch,
)
from app.permissions import NOBODY, SYSTEM, Actor, Verb
from app.policy import chain

Criterion = ColumnElement[bool]
# What the databases' BIGINT and INTEGER hold.
BIGGEST_KEY, BIGGEST_ACCOUNT = 2**63 - 1, 2**31 - 1
_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)

# The end of a code that spans a city or more.
WIDE = "0" * 8

_elevator: Any = Elevator.__table__.c
_assignment: Any = ElevatorAssignment.__table__.c
_unit: Any = Unit.__table__.c
_party: Any = ApplicationParty.__table__.c
_clock: Any = MaintenanceClock.__table__.c


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


class _mostly(FunctionElement[bool]):
    """A condition that most rows fulfil. SQLite takes any range for a narrow one and would sort a city's rows."""

    type = Boolean()
    inherit_cache = True


@compiles(_mostly)
def _as_it_is(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **more))


@compiles(_mostly, "sqlite")
def _likely(element: Any, compiler: Any, **more: Any) -> str:
    return f"likelihood({compiler.process(next(iter(element.clauses)), **more)}, 0.95)"


def _in_region(model: Any, actor: Actor) -> Criterion:
    span = actor.region_span
    if span is None:
        return false()
    inside = (model.region_code >= span[0], model.region_code < span[1])
    return and_(*map(_mostly, inside)) if str(actor.region_code).endswith(WIDE) else and_(*inside)


def _not_secret(elevator_id: Any, actor: Actor) -> Criterion:
    if actor.may(Verb.SECRET_READ):
        return true()
    return not_(elevator_id.in_(select(_elevator.id).where(_elevator.is_secret)))


def _assigned(elevator_id: Any, actor: Actor) -> Criterion:
    """True for accounts that see all of their unit's elevators, else the assigned ones."""
    if actor.sees_all_elevators:
        return true()
    return elevator_id.in_(select(_assignment.elevator_id).where(_assignment.user_id == actor.user_id))


def _elevators(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is not None:
        own = or_(
            model.maintenance_unit_id == actor.unit_id,
            model.use_unit_id == actor.unit_id,
            and_(model.filed_by_unit_id == actor.unit_id, model.approved_version == 0),
        )
        return and_(own, _assigned(model.id, actor))
    secret = true() if actor.may(Verb.SECRET_READ) else not_(model.is_secret)
    return and_(_in_region(model, actor), secret)


def _units(model: Any, actor: Actor) -> Criterion:
    """Own unit, those it filed, and the other side of its elevators; a regulator's region."""
    if actor.unit_id is None:
        return _in_region(model, actor)
    partners = (
        select(_elevator.use_unit_id)
        .where(_elevator.maintenance_unit_id == actor.unit_id, _elevator.use_unit_id.is_not(None))
        .union(
            select(_elevator.maintenance_unit_id).where(
                _elevator.use_unit_id == actor.unit_id, _elevator.maintenance_unit_id.is_not(None)
            )
        )
    )
    return or_(
        model.id == actor.unit_id,
        model.filed_by_unit_id == actor.unit_id,
        and_(model.approved_version > 0, model.id.in_(partners)),
    )


def _by_unit_and_elevator(model: Any, actor: Actor) -> Criterion:
    """Rows of an elevator with the maintenance unit at that time in `unit_id` (and often `use_unit_id`)."""
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    if hasattr(model, "use_unit_id"):
        used = model.use_unit_id == actor.unit_id
    else:
        used = model.elevator_id.in_(select(_elevator.id).where(_elevator.use_unit_id == actor.unit_id))
    own = or_(model.unit_id == actor.unit_id, used)
    return and_(own, _assigned(model.elevator_id, actor))


def _applications(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return and_(_in_region(model, actor), or_(model.elevator_id.is_(None), _not_secret(model.elevator_id, actor)))
    # Those whom it concerns read it as well: the other side of a change of unit.
    own = or_(
        model.unit_id == actor.unit_id,
        model.id.in_(select(_party.application_id).where(_party.unit_id == actor.unit_id)),
    )
    return and_(own, or_(model.elevator_id.is_(None), _assigned(model.elevator_id, actor)))


def _unit_changes(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return and_(_in_region(model, actor), _not_secret(model.elevator_id, actor))
    own = or_(*(c == actor.unit_id for c in (model.old_unit_id, model.new_unit_id, model.use_unit_id)))
    return and_(own, _assigned(model.elevator_id, actor))


def _contracts(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    return or_(model.unit_id == actor.unit_id, model.use_unit_id == actor.unit_id)


def _contract_elevators(model: Any, actor: Actor) -> Criterion:
    contract: Any = Contract.__table__.c
    seen = _not_secret if actor.unit_id is None else _assigned
    return and_(
        model.contract_id.in_(select(contract.id).where(_contracts(contract, actor))), seen(model.elevator_id, actor)
    )


def _persons(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    if actor.may(Verb.PERSON_READ) or actor.may(Verb.ACCOUNT_READ):
        return model.unit_id == actor.unit_id
    return model.id == (actor.person_id or 0)


def _grades(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    if actor.may(Verb.PERSON_READ):
        return model.unit_id == actor.unit_id
    return model.person_id == (actor.person_id or 0)


def _accounts(model: Any, actor: Actor) -> Criterion:
    itself = model.id == (actor.user_id or 0)
    if not actor.may(Verb.ACCOUNT_READ):
        return itself
    if actor.unit_id is not None:
        return model.unit_id == actor.unit_id
    return or_(itself, _in_region(model, actor))


def _scores(model: Any, actor: Actor) -> Criterion:
    return model.unit_id == actor.unit_id if actor.unit_id is not None else _in_region(model, actor)


def _score_runs(model: Any, actor: Actor) -> Criterion:
    if actor.unit_id is None:
        return _in_region(model, actor)
    score: Any = Score.__table__.c
    return model.id.in_(select(score.run_id).where(score.unit_id == actor.unit_id))


def _score_entries(model: Any, actor: Actor) -> Criterion:
    score: Any = Score.__table__.c
    return model.score_id.in_(select(score.id).where(_scores(score, actor)))


def _attachments(model: Any, actor: Actor) -> Criterion:
    mine = model.uploaded_by_id == (actor.user_id or 0)
    # What a job or an import holds was made for one person's scope: nobody else downloads it.
    private = model.kind.in_(["import", "export"])
    wider = model.unit_id == actor.unit_id if actor.unit_id is not None else _in_region(model, actor)
    return or_(mine, and_(not_(private), wider))


def _audit(model: Any, actor: Actor) -> Criterion:
    """The deeds of the accounts that the actor sees; without the right to the log, only what befell these accounts."""
    account: Any = Account.__table__.c
    seen = select(account.id).where(_accounts(account, actor))
    if actor.may(Verb.AUDIT_READ):
        return model.actor_id.in_(seen)
    return and_(model.entity == "account", model.entity_id.in_(seen))


def _delegations(model: Any, actor: Actor) -> Criterion:
    """One's own, and for whoever reads accounts those of the region."""
    own = or_(model.from_id == (actor.user_id or 0), model.to_id == (actor.user_id or 0))
    if actor.unit_id is None and actor.may(Verb.ACCOUNT_READ):
        return or_(own, _in_region(model, actor))
    return own


def _comments(model: Any, actor: Actor) -> Criterion:
    """As the record that they are about; a unit never reads what regulators keep among themselves."""
    about = []
    for record in (Application, Elevator, Unit, Contract):
        table: Any = record.__table__
        seen = select(table.c.id).where(RULES[record](table.c, actor))
        about.append(and_(model.entity == table.name, model.entity_id.in_(seen)))
    return or_(*about) if actor.unit_id is None else and_(not_(model.internal), or_(*about))


def _own_jobs(model: Any, actor: Actor) -> Criterion:
    return model.created_by_id == (actor.user_id or 0)


def _imports(model: Any, actor: Actor) -> Criterion:
    """One's own, and for who may import for a region what its units imported: to look at, and to undo."""
    own = model.created_by_id == (actor.user_id or 0)
    if actor.unit_id is not None or not actor.may(Verb.IMPORT):
        return own
    return or_(own, _in_region(model, actor))


def _import_matches(model: Any, actor: Actor) -> Criterion:
    return model.owner == import_owner(actor)


def import_owner(actor: Actor) -> str:
    """Whose habit a confirmed match of columns is: the unit's, else the region's, else the account's."""
    if actor.unit_id is not None:
        return f"unit:{actor.unit_id}"
    return f"region:{actor.region_code}" if actor.region_code else f"user:{actor.user_id or 0}"


def _own_notices(model: Any, actor: Actor) -> Criterion:
    return model.recipient_id == (actor.user_id or 0)


def _of_unit(model: Any, actor: Actor) -> Criterion:
    """A unit's own rows; a regulator's region."""
    return model.unit_id == actor.unit_id if actor.unit_id is not None else _in_region(model, actor)


def _patrol_stops(model: Any, actor: Actor) -> Criterion:
    patrol: Any = PatrolRound.__table__.c
    return model.round_id.in_(select(patrol.id).where(_of_unit(patrol, actor)))


def _policy_proposals(model: Any, actor: Actor) -> Criterion:
    """Of a regulator's region, and of those above it, whose values hold there too; a unit sees none."""
    if actor.unit_id is not None:
        return false()
    return or_(_in_region(model, actor), model.region_code.in_(chain(actor.region_code)))


RULES: dict[type[Any], Callable[[Any, Actor], Criterion]] = {
    Elevator: _elevators,
    Unit: _units,
    Application: _applications,
    UnitChange: _unit_changes,
    Contract: _contracts,
    ContractElevator: _contract_elevators,
    MaintenanceLedger: _by_unit_and_elevator,
    MaintenanceClock: _by_unit_and_elevator,
    MaintenanceOrder: _by_unit_and_elevator,
    OnDemandInterval: _by_unit_and_elevator,
    OverduePeriod: _by_unit_and_elevator,
    Visit: _by_unit_and_elevator,
    Person: _persons,
    GradeCertificate: _grades,
    Account: _accounts,
    Score: _scores,
    ScoreRun: _score_runs,
    ScoreEntry: _score_entries,
    PolicyProposal: _policy_proposals,
    ElevatorOfficer: _of_unit,
    RiskItem: _of_unit,
    SafetyRecord: _of_unit,
    PatrolRound: _of_unit,
    PatrolStop: _patrol_stops,
    Attachment: _attachments,
    Delegation: _delegations,
    Comment: _comments,
    Watch: lambda model, actor: model.user_id == (actor.user_id or 0),
    Job: _own_jobs,
    ImportBatch: _imports,
    ImportMatch: _import_matches,
    Notification: _own_notices,
    AuditEntry: _audit,
}
# Kept for their owner alone, even from a platform administrator's lists (the console at /ops reads them apart).
PERSONAL = {Notification, Watch}


def criterion(model: type[Any], actor: Actor) -> Criterion:
    """The WHERE of what the actor sees of a model; `true()` for a model without rows of anybody."""
    rule = RULES.get(model)
    if rule is None or actor.system or (actor.sees_everything and model not in PERSONAL):
        return true()
    if actor.user_id is None or (actor.region_code is None and actor.unit_id is None and not actor.sees_everything):
        return false()
    return rule(model, actor)


def apply(statement: Any, actor: Actor, *models: type[Any]) -> Any:
    """Narrow a select to what the actor sees of `models` (default: the entities that it selects from)."""
    chosen = models or tuple(dict.fromkeys(d["entity"] for d in statement.column_descriptions if d.get("entity")))
    for model in chosen:
        statement = statement.where(criterion(model, actor))
    return statement


def visible(session: Any, actor: Actor, model: type[Any], key: Any, label: str = "") -> Any:
    """The row with this key within the actor's scope, or NotFound: foreign and missing rows look alike."""
    primary = model.__mapper__.primary_key[0]
    statement = apply(select(model).where(primary == key), actor, model).execution_options(skip_scope=True)
    row = session.scalar(statement) if _can_be(primary, key) else None
    if row is None:
        found = f"没有找到{label or '这条记录'}（编号 {key}），或不在您的管辖范围内"
        raise NotFound(Finding("管辖范围", False, found, "请从列表重新打开"))
    return row


def _can_be(primary: Any, key: Any) -> bool:
    """Whether a row can have this key at all: databases refuse, rather than not find, a number that is too large."""
    if not issubclass(primary.type.python_type, int):
        return isinstance(key, str)
    most = BIGGEST_KEY if isinstance(primary.type, BigInteger) else BIGGEST_ACCOUNT
    return isinstance(key, int) and 0 <= key <= most


@event.listens_for(Session, "do_orm_execute")
def _net(state: Any) -> None:
    if state.execution_options.get("skip_scope") or state.is_column_load:
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
    return tuple(
        with_loader_criteria(model, criterion(model, actor), include_aliases=True, propagate_to_loaders=False)
        for model in RULES
        if not (actor.sees_everything and model not in PERSONAL)
    )


def _loads_collection(state: Any) -> bool:
    """The relationship is the last of the path that has a side; a lazy load's path ends with it, others' after it."""
    path = state.loader_strategy_path
    steps = getattr(path, "path", path) or ()
    return next((bool(step.uselist) for step in reversed(steps) if hasattr(step, "uselist")), True)


def _own_contracts(model: Any, actor: Actor) -> Criterion:
    return _contracts(model, actor) if actor.unit_id is None else model.unit_id == actor.unit_id


# Rows that persons write through screens and APIs: after the write the row must lie within the writer's scope.
GUARDED = (
    Elevator, Unit, Application, Contract, MaintenanceLedger, Visit, Person, GradeCertificate, PolicyProposal, RiskItem,
    SafetyRecord, PatrolRound,
)  # fmt: skip
# Read by both sides of it, written by one.
NARROWER: dict[type[Any], Callable[[Any, Actor], Criterion]] = {Contract: _own_contracts}


def _guard(mapper: Any, connection: Any, row: Any) -> None:
    """Refuse creating a row in, or moving it to, another's scope; the same rule as reading, asked of the database."""
    actor = current()
    if actor.system or actor.sees_everything:
        return
    model = mapper.class_
    table = model.__table__
    inside = connection.scalar(select(1).where(table.c.id == row.id, criterion_of(table.c, model, actor)))
    if inside is None:
        raise NotAllowed(Finding("管辖范围", False, "这条记录会落在您的管辖范围之外", "请检查所选的单位、电梯和地区"))


def criterion_of(columns: Any, model: type[Any], actor: Actor) -> Criterion:
    """What the actor may write of a model, over its table's columns (mapper events)."""
    rule = NARROWER.get(model) or RULES[model]
    return rule(columns, actor) if actor.user_id is not None else false()


for _model in GUARDED:
    event.listen(_model, "after_insert", _guard)
    event.listen(_model, "after_update", _guard)
