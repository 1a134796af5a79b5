"""Who sees the fraud desk's and the spot checks' rows: regulators of the region; a unit what is put to it.

Of own lists of maintenance items everybody sees those that hold for him.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select

from app.models import FraudSignal
from app.permissions import Actor, Verb
from app.scope.parts import assigned, in_region, not_secret, of_here_or_above

Criterion = ColumnElement[bool]


def of_regulators(model: Any, actor: Actor) -> Criterion:
    return false() if actor.unit_id is not None else in_region(model, actor)


def fraud_signals(model: Any, actor: Actor) -> Criterion:
    """A question among regulators: who is meant learns of it as a case or not at all."""
    return false() if actor.unit_id is not None else _known(model, actor)


def fraud_evidence(model: Any, actor: Actor) -> Criterion:
    signal: Any = FraudSignal.__table__.c
    return model.signal_id.in_(select(signal.id).where(fraud_signals(signal, actor)))


def spot_checks(model: Any, actor: Actor) -> Criterion:
    """A unit learns of a check when its result is there, never before somebody stands at its door."""
    if actor.unit_id is None:
        return _known(model, actor)
    return and_(model.unit_id == actor.unit_id, model.state.not_in(("waiting", "void")))


def face_checks(model: Any, actor: Actor) -> Criterion:
    """What came of a face is for the regulator, for whoever of his unit may see photos of persons, and for himself."""
    if actor.unit_id is None:
        return _known(model, actor) if actor.may(Verb.SENSITIVE_READ) else false()
    own = and_(model.unit_id == actor.unit_id, assigned(model.elevator_id, actor))
    return own if actor.may(Verb.SENSITIVE_READ) else and_(own, model.person_id == (actor.person_id or 0))


def item_sets(model: Any, actor: Actor) -> Criterion:
    """A unit's own, a regulator's region; and what is in force for those above, which holds here too."""
    above = and_(model.unit_id.is_(None), model.state == "in_force", of_here_or_above(model.region_code, actor))
    return or_(in_region(model, actor) if actor.unit_id is None else model.unit_id == actor.unit_id, above)


def usual_parts(model: Any, actor: Actor) -> Criterion:
    """A unit's own, a regulator's region; and those of the regions above, which hold here too."""
    above = and_(model.unit_id.is_(None), of_here_or_above(model.region_code, actor))
    return or_(in_region(model, actor) if actor.unit_id is None else model.unit_id == actor.unit_id, above)


def _known(model: Any, actor: Actor) -> Criterion:
    """Of a regulator's region, but not of 涉密 elevators for whom these are hidden."""
    return and_(in_region(model, actor), or_(model.elevator_id.is_(None), not_secret(model.elevator_id, actor)))
