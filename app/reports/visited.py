"""Visits of a period as the statistical report counts them, by maintenance unit: all in one reading of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import case, func, select

from app import scope
from app.listing import Moment
from app.models import Visit
from app.models.choices import VISIT_RATING
from app.models.region import in_region
from app.models.visit import visited


@dataclass(frozen=True, slots=True)
class Visited:
    """One unit's visits, whatever became of them.

    `done` of them are counted as maintenance; of `told`, which were not taken over, `known` say how was signed in and
    `by_label` that it was by the label; `rated` is how often each of `VISIT_RATING` was said, in its order.
    """

    unit_id: int
    done: int
    told: int
    known: int
    by_label: int
    rated: tuple[int, ...]


def by_unit(moment: Moment, region: str | None, from_on: dt.date, to_on: dt.date) -> list[Visited]:
    """Those within the reader's scope; a unit without a visit in the period is left out."""
    told = Visit.taken_over.is_(False)
    counts = [
        case((Visit.counted, 1)), case((told, 1)), case((told, Visit.by_code)),
        case((told & Visit.by_code.is_(False), 1)), *(case((Visit.rating == word, 1)) for word in VISIT_RATING),
    ]  # fmt: skip
    statement = (
        select(Visit.unit_id, *map(func.count, counts))
        .where(visited(Visit, from_on, to_on), in_region(Visit.region_code, region))
        .group_by(Visit.unit_id)
    )
    found = moment.session.execute(scope.apply(statement, moment.actor, Visit).execution_options(skip_scope=True))
    return [Visited(unit, done, all_, known, label, tuple(rated)) for unit, done, all_, known, label, *rated in found]
