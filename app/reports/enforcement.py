"""约谈、处罚和申诉 of a period by kind, for the statistical report: each number as its list counts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import case, func, select

from app import scope
from app.listing import Moment
from app.models import Appeal, Enforcement
from app.models.appeal import APPEAL_ENTITY
from app.models.enforcement import ENFORCEMENT_KIND, STANDS
from app.models.region import in_region
from app.permissions import Verb
from app.rules.calendar import day_end, day_start
from app.wording import finished

WAITING = ("submitted", "accepted", "endorsed", "returned")
# Headings of the counts, in order.
DEED_HEADS = ("有效", "待整改", "待核查", "已办结", "逾期答复", "已撤销")
APPEAL_HEADS = ("申诉", "办理中", "成立", "不成立", "已撤回")


@dataclass(frozen=True, slots=True)
class Line:
    """A kind with its counts, and the list behind each."""

    label: str
    counts: tuple[int, ...]
    links: tuple[str, ...]


def deeds(moment: Moment, region: str | None, from_on: dt.date, to_on: dt.date) -> list[Line]:
    """约谈, 警告, 立案处罚 dated in the period: those that stand by state, those answered late, those taken back."""
    if not moment.actor.may(Verb.ENFORCEMENT_READ):
        return []
    states = ("in_force", "replied", "closed")
    stands, state = Enforcement.state.in_(STANDS), Enforcement.state
    wanted = [stands, *(state == name for name in states), stands & Enforcement.late, state == "withdrawn"]
    # What never took force was nothing but a draft.
    statement = (
        select(Enforcement.kind, *(func.count(case((one, 1))) for one in wanted))
        .where(
            Enforcement.decided_on.between(from_on, to_on), in_region(Enforcement.region_code, region),
            Enforcement.in_force_at.is_not(None),
        )
        .group_by(Enforcement.kind)
    )  # fmt: skip
    found = _found(moment, statement, Enforcement)
    days = {"f_decided_from": from_on, "f_decided_to": to_on}
    standing = ",".join(STANDS)
    narrow = [
        {"f_state": standing}, *({"tab": name} for name in states), {"f_state": standing, "f_late": "1"}, None,
    ]  # fmt: skip
    return [
        Line(finished(label), found[kind], _links("/enforcement/", region, days | {"f_kind": kind}, narrow))
        for kind, label in ENFORCEMENT_KIND.items() if kind in found
    ]  # fmt: skip


def appeals(moment: Moment, region: str | None, from_on: dt.date, to_on: dt.date) -> list[Line]:
    """Appeals made in the period, by what they are about and what became of them."""
    if not moment.actor.may(Verb.APPLICATION_READ):
        return []
    state = Appeal.state
    wanted = [state.in_(WAITING), state == "approved", state == "rejected", state == "withdrawn"]
    since, until = day_start(from_on), day_end(to_on)
    statement = (
        select(Appeal.entity, func.count(), *(func.count(case((one, 1))) for one in wanted))
        .where(Appeal.created_at >= since, Appeal.created_at < until, in_region(Appeal.region_code, region))
        .group_by(Appeal.entity)
    )
    found = _found(moment, statement, Appeal)
    days = {"f_made_from": from_on, "f_made_to": to_on}
    narrow = [{}, *({"tab": name} for name in ("waiting", "upheld", "rejected", "withdrawn"))]
    return [
        Line(finished(label), found[entity], _links("/appeals/", region, days | {"f_about": entity}, narrow))
        for entity, label in APPEAL_ENTITY.items() if entity in found
    ]  # fmt: skip


def _found(moment: Moment, statement: Any, model: Any) -> dict[str, tuple[int, ...]]:
    rows = moment.session.execute(scope.apply(statement, moment.actor, model).execution_options(skip_scope=True))
    return {row[0]: tuple(row[1:]) for row in rows}


def _links(
    path: str, region: str | None, shared: Mapping[str, Any], narrow: list[dict[str, str]] | list[dict[str, str] | None]
) -> tuple[str, ...]:
    where = {"f_region": region} if region else {}
    return tuple("" if one is None else f"{path}?{urlencode({**shared, **where, **one})}" for one in narrow)
