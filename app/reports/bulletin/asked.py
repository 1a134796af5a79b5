"""What a bulletin's figures are asked of: region, period, and the instant as of which they are known."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from app.listing import Moment
from app.models import Region
from app.models.policy import policy_value
from app.policy import Key
from app.reports import published
from app.rules.periods import Period


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which region and period, as known at `moment.now`; with which run of scores."""

    moment: Moment
    region: Region
    period: Period
    run_id: int | None = None

    @property
    def session(self) -> Any:
        return self.moment.session

    @property
    def as_of(self) -> dt.datetime:
        return self.moment.now

    @property
    def compared(self) -> tuple[tuple[str, Period], ...]:
        """This period, the one before, the same a year ago."""
        return (("now", self.period), ("before", self.period.before), ("year", self.period.year_before))

    def rows(self, statement: Any, model: Any) -> list[Any]:
        return published.rows(self.moment, statement, model)

    def place(self, column: Any) -> Any:
        return published.place_of(column, self.region.level)

    def names(self, keys: Any) -> dict[int, str]:
        return published.unit_names(self.session, keys)

    def least(self) -> int:
        """Fewer than that say little; as the fair comparison has it."""
        return int(policy_value(self.session, Key.FAIR_LEAST_DUE, self.region.code, self.period.last))


def asked_of(session: Any, region: Region, period: Period, as_of: dt.datetime, run_id: int | None) -> Asked:
    return Asked(published.moment_of(session, region.code, as_of), region, period, run_id)
