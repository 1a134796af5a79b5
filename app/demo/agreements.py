"""The contracts of the invented firms: with each use unit one that runs and, for some elevators, one about to end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from app.models import Contract
from app.rules.identifiers import normal_code

DAY = dt.timedelta(days=1)
# Days from today to the first and the last of a contract.
RUNNING = ((-500, 230, "normal"), (-420, 310, "half"))
ENDING, ENDED = (-380, 5, "full"), (-380, -3, "full")


class Cover(NamedTuple):
    """A contract's key and its days."""

    id: int
    starts_on: dt.date
    ends_on: dt.date


class Agreements:
    """Those of one firm, each made when the first elevator comes under it."""

    def __init__(
        self, add: Callable[..., int], today: dt.date, firm_id: int, region_code: str, *, one_has_ended: bool
    ) -> None:
        self._add, self._today, self._firm, self._region = add, today, firm_id, region_code
        self._last = ENDED if one_has_ended else ENDING
        self._made: dict[tuple[int, bool], Cover] = {}

    def __len__(self) -> int:
        return len(self._made)

    def cover(self, use_unit_id: int, ends: bool) -> Cover:
        """The contract with this use unit: the one that runs, or the one that `ends`."""
        key = use_unit_id, ends
        if key not in self._made:
            self._made[key] = self._sign(use_unit_id, *(self._last if ends else RUNNING[len(self._made) % 2]))
        return self._made[key]

    def _sign(self, use_unit_id: int, first: int, last: int, kind: str) -> Cover:
        starts_on, ends_on = self._today + DAY * first, self._today + DAY * last
        number = f"HT-{starts_on.year}-{self._firm:04d}{len(self._made) + 1:02d}"
        at: dict[str, Any] = dict.fromkeys(("created_at", "updated_at"), dt.datetime.combine(
            starts_on - 5 * DAY, dt.time(4), dt.UTC
        ))  # fmt: skip
        made = self._add(
            Contract, number=number, number_key=normal_code(number), unit_id=self._firm, use_unit_id=use_unit_id,
            kind=kind, region_code=self._region, signed_on=starts_on - 5 * DAY, starts_on=starts_on, ends_on=ends_on,
            approved_version=1, **at,
        )  # fmt: skip
        return Cover(made, starts_on, ends_on)
