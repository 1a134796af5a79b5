"""Whom a rescue is shown to besides both sides of its elevator: the unit that helps, the worker called by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from app.models import Rescue, RescueCallback, RescueDispatch, RescueStep
from app.permissions import Actor

Rule = Callable[[Any, Actor], ColumnElement[bool]]

_rescue: Any = Rescue.__table__.c
_dispatch: Any = RescueDispatch.__table__.c


def rules(own: Rule) -> dict[type[Any], Rule]:
    """The rules of a case and of what belongs to it; `own` is that of rows with both sides of an elevator."""

    def cases(model: Any, actor: Actor) -> ColumnElement[bool]:
        seen = own(model, actor)
        if actor.unit_id is None:
            return seen
        helps = and_(_dispatch.unit_id == actor.unit_id, _dispatch.level > 1)
        called = select(_dispatch.rescue_id).where(or_(helps, _dispatch.worker_id == (actor.user_id or 0)))
        return or_(seen, model.id.in_(called))

    def of_cases(model: Any, actor: Actor) -> ColumnElement[bool]:
        return model.rescue_id.in_(select(_rescue.id).where(cases(_rescue, actor)))  # type: ignore[no-any-return]

    return {Rescue: cases, RescueDispatch: of_cases, RescueStep: of_cases, RescueCallback: of_cases}
