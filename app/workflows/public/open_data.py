"""Open data (PUB-01): a month's release of a region, kept once and never changed; read by whoever asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import defer

from app import clock
from app.models import OpenRelease, Region
from app.models.policy import policy_value, policy_version
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.periods import Period
from app.transaction import AnySession, hold
from app.workflows.core import audit

ENTITY = "open_release"


def publish(
    session: AnySession, region: Region, period: Period, data: Mapping[str, Any], digest: str, as_of: dt.datetime,
    at: dt.datetime,
) -> OpenRelease:  # fmt: skip
    """Keep a month's tables; what is there already stays as it was given out."""
    hold(session, f"open_data:{region.code} {period.text}")
    there = release(session, region.code, period.text)
    if there is not None:
        return there
    row = OpenRelease(
        region_code=region.code, region_name=region.name, period=period.text, as_of=as_of, made_at=at,
        policy=policy_version(session, region.code, period.last),
        least=int(policy_value(session, Key.OPEN_LEAST, region.code, period.last)),
        # Joined, so that it is plain: what is published is the same in every language.
        licence="".join((policy_value(session, Key.OPEN_LICENCE, region.code, clock.local_day(at)), "")),
        data=dict(data),
        digest=digest,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, SYSTEM, at, "open_data.publish", ENTITY, row.id,
        after={"region": region.code, "period": period.text, "as_of": as_of, "digest": digest},
    )  # fmt: skip
    return row


def release(session: AnySession, region_code: str, period: str) -> OpenRelease | None:
    found: OpenRelease | None = session.scalar(_of(region_code).where(OpenRelease.period == period))
    return found


def releases(session: AnySession, region_code: str) -> list[OpenRelease]:
    """The newest first; without the tables, which a list does not need."""
    return list(session.scalars(_of(region_code).options(defer(OpenRelease.data))))


def published_regions(session: AnySession, on: dt.date) -> dict[str, str]:
    """Regions with a release whose policy still says to publish, by code."""
    found = session.execute(select(OpenRelease.region_code, OpenRelease.region_name).order_by(OpenRelease.id)).all()
    return {code: name for code, name in sorted(dict(found).items()) if is_open(session, code, on)}


def is_open(session: AnySession, region_code: str, on: dt.date) -> bool:
    """What a region took back is given out no more, whatever was published before."""
    return bool(policy_value(session, Key.OPEN_DATA, region_code, on))


def _of(region_code: str) -> Any:
    return select(OpenRelease).where(OpenRelease.region_code == region_code).order_by(OpenRelease.period.desc())
