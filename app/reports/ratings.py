"""使用单位评价 of a period by maintenance unit, for the statistical report, each number as the list counts it."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from sqlalchemy import case, func, select

from app import scope
from app.listing import Moment
from app.models import Unit, Visit
from app.models.choices import VISIT_RATING
from app.models.region import in_region
from app.permissions import Verb
from app.reports.enforcement import Line

# Headings of the counts, in order: all that were rated, then each word.
RATING_HEADS = ("评价", "满意", "基本满意", "不满意")


def ratings(moment: Moment, region: str | None, from_on: dt.date, to_on: dt.date) -> list[Line]:
    """What use units thought of visits of the period (quanzhou, 维保评价), the worst first; none where nobody said.

    A visit counts whatever became of it: what is void was seen by the use unit all the same.
    """
    if not moment.actor.may(Verb.VISIT_READ):
        return []
    each = [func.count(case((Visit.rating == word, 1))) for word in VISIT_RATING]
    statement = (
        select(Visit.unit_id, Unit.name, func.count(), *each)
        .join(Unit, Unit.id == Visit.unit_id)
        .where(
            Visit.visit_on.between(from_on, to_on), Visit.rating.is_not(None), in_region(Visit.region_code, region)
        )
        .group_by(Visit.unit_id, Unit.name)
    )
    found = moment.session.execute(scope.apply(statement, moment.actor, Visit).execution_options(skip_scope=True)).all()
    shared = {"f_visited_from": from_on, "f_visited_to": to_on} | ({"f_region": region} if region else {})
    words = (",".join(VISIT_RATING), *VISIT_RATING)
    ordered = sorted(found, key=lambda row: (-row[-1], -row[2], row[1], row[0]))
    return [
        Line(name, tuple(counts), tuple(
            f"/visits/?{urlencode({**shared, 'f_unit': unit, 'f_rating': word})}" for word in words
        ))
        for unit, name, *counts in ordered
    ]  # fmt: skip
