"""A bulletin of the demo's district that was issued, a draft, and what its city publishes; as the product counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo.builder import CITY
from app.demo.office import actor_named
from app.models import Bulletin, PolicyValue, Region
from app.permissions import Actor
from app.policy import Key
from app.reports import open_data as counting
from app.reports.bulletin import document
from app.reports.bulletin.asked import asked_of
from app.rules.periods import Period, latest_periods, settled_month
from app.workflows.oversight import bulletins
from app.workflows.public import open_data
from app.workflows.scores import scores

# In a region of any size both would take longer than all else; whoever measures needs neither.
MOST_ELEVATORS = 2000
DAY = dt.timedelta(days=1)
SETTLED = 17 * DAY
# The demo's visits are those of a year.
QUARTERS = 3


def make(session: Any, at: dt.datetime) -> int:
    """How many bulletins. The officer of the district drafts; that of the city may check and issue it."""
    officer, officer_of_city = actor_named(session, "linhe"), actor_named(session, "shiju")
    if officer is None or officer_of_city is None:
        return 0
    on = clock.local_day(at)
    session.add(PolicyValue(
        key=Key.OPEN_DATA.value, region_code=CITY, value=True, effective_on=on, known_at=at,
        source="澜市监〔2026〕12 号 公共数据开放（演示）",
    ))  # fmt: skip
    session.flush()
    period = settled_month(on)
    for code, codes in counting.publishers(session, on).items():
        region = session.scalars(select(Region).where(Region.code == code)).one()
        # The last quarters that are final by now: only final scores are published, and 数据驾驶舱 shows how they went.
        settled = [one for one in latest_periods(on, 0, 5) if one.last + SETTLED <= on]
        for quarter in reversed(settled[:QUARTERS]):
            scores.run(session, officer_of_city, code, quarter.first, quarter.last, at, at)
        data = counting.build(session, region, codes, period, at)
        open_data.publish(session, region, period, data, counting.digest_of(data), at, at)
    region = bulletins.region_of(session, officer, officer.region_code)
    issued = _draft(session, officer, region, period.before, at - 20 * DAY)
    bulletins.check(session, officer_of_city, issued.id, at - 19 * DAY)
    bulletins.issue(session, officer_of_city, issued.id, at - 18 * DAY, named=document.named_units(issued.figures))
    _draft(session, officer, region, period, at)
    return 2


def _draft(session: Any, officer: Actor, region: Region, period: Period, at: dt.datetime) -> Bulletin:
    """As the product's own job counts and drafts it."""
    run = scores.run(session, officer, region.code, period.first, period.last, at, at)
    asked = asked_of(session, region, period, at, run.id)
    found = document.count(asked)
    counted = bulletins.Counted(
        found, document.digest_of(found, region.code, period.text, at), document.policy_of(asked), run.id
    )
    told = {"region": region.code, "period": period.text, "as_of": at.isoformat()}
    texts = document.first_texts(found, region, period)
    return bulletins.draft(session, officer, told, counted, texts, document.head_of(region, period), at)
