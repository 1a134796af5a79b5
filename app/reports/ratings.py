"""使用单位评价 of a period by maintenance unit, for the statistical report, each number as the list counts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from urllib.parse import urlencode

from sqlalchemy import select

from app.listing import Moment
from app.models import Unit
from app.models.among import among
from app.models.choices import VISIT_RATING
from app.permissions import Verb
from app.reports.enforcement import Line
from app.reports.visited import Visited

# Headings of the counts, in order: all that were rated, then each word.
RATING_HEADS = ("评价", "满意", "基本满意", "不满意")


def ratings(
    moment: Moment, region: str | None, from_on: dt.date, to_on: dt.date, visited: Iterable[Visited]
) -> list[Line]:  # fmt: skip
    """What use units thought of visits of the period (quanzhou, 维保评价), the worst first; none where nobody said.

    A visit counts whatever became of it: what is void was seen by the use unit all the same.
    """
    found = {one.unit_id: one.rated for one in visited if any(one.rated)}
    if not found or not moment.actor.may(Verb.VISIT_READ):
        return []
    names = select(Unit.id, Unit.name).where(among(moment.session, Unit.id, list(found)))
    rows = [
        (unit, name, sum(found[unit]), *found[unit])
        for unit, name in moment.session.execute(names.execution_options(skip_scope=True))
    ]
    shared = {"f_visited_from": from_on, "f_visited_to": to_on} | ({"f_region": region} if region else {})
    words = (",".join(VISIT_RATING), *VISIT_RATING)
    ordered = sorted(rows, key=lambda row: (-row[-1], -row[2], row[1], row[0]))
    return [
        Line(name, tuple(counts), tuple(
            f"/visits/?{urlencode({**shared, 'f_unit': unit, 'f_rating': word})}" for word in words
        ))
        for unit, name, *counts in ordered
    ]  # fmt: skip
