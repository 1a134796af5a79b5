"""Who of the filed people is insured in a month, and who is insured without being filed (UNT-09)."""

from __future__ import annotations

import calendar
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Named:
    """A person as one side knows him; `key` is the row's. `owed`: must be insured this month, not merely known."""

    key: int
    name: str
    phone: str | None = None
    id_number: str | None = None
    owed: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """By key: filed people who must be insured and are not, insured people who are not filed, and who is both."""

    uninsured: tuple[int, ...]
    unfiled: tuple[int, ...]
    both: int


def compare(filed: Sequence[Named], insured: Sequence[Named]) -> Comparison:
    """Match one to one: by ID number where both sides have it, then by phone and name, then by name alone.

    Two people of one name are never one: a contradicting ID number parts them, and each is matched once. Somebody
    insured by two payers in one month is one person.
    """
    people = _once(insured)
    left, found = list(people), dict[int, int]()
    for same in (_same_id, _same_phone_and_name, _same_name):
        for person in filed:
            if person.key in found:
                continue
            match = next((n for n, other in enumerate(left) if same(person, other)), None)
            if match is not None:
                found[person.key] = left.pop(match).key
    uninsured = tuple(p.key for p in filed if p.owed and p.key not in found)
    return Comparison(uninsured, tuple(p.key for p in left), len(found))


def _once(insured: Sequence[Named]) -> list[Named]:
    seen: dict[str, Named] = {}
    for person in insured:
        seen.setdefault(person.id_number or f"#{person.key}", person)
    return list(seen.values())


def _same_id(one: Named, other: Named) -> bool:
    return one.id_number is not None and one.id_number == other.id_number


def _contradict(one: Named, other: Named) -> bool:
    return one.id_number is not None and other.id_number is not None and one.id_number != other.id_number


def _same_phone_and_name(one: Named, other: Named) -> bool:
    return bool(one.phone) and one.phone == other.phone and _same_name(one, other)


def _same_name(one: Named, other: Named) -> bool:
    return plain_name(one.name) == plain_name(other.name) and not _contradict(one, other)


def plain_name(name: str) -> str:
    """A name as compared: width, blanks and the dot of transcribed names gone."""
    folded = unicodedata.normalize("NFKC", name)
    return "".join(c for c in folded if not c.isspace() and c not in "·•‧・.").casefold()


# --- months


def first_of(on: date) -> date:
    return on.replace(day=1)


def last_of(on: date) -> date:
    """The last day of the day's month; months have their own lengths."""
    return on.replace(day=calendar.monthrange(on.year, on.month)[1])


def month_before(month: date) -> date:
    return first_of(first_of(month) - timedelta(days=1))


def month_after(month: date) -> date:
    return last_of(month) + timedelta(days=1)


def months_between(from_on: date, to_on: date) -> list[date]:
    """The first days of the months that a record covers."""
    found, month = [], first_of(from_on)
    while month <= to_on:
        found.append(month)
        month = month_after(month)
    return found


def judged_month(today: date, day: int) -> date:
    """The newest month whose records must be in: the one before this month from `day` on, else the one before that.

    A `day` beyond the month's end is its last day.
    """
    last = month_before(today)
    return last if today.day >= min(day, last_of(today).day) else month_before(last)


def owed_in(month: date, since: date, left_on: date | None) -> bool:
    """Whether somebody in service `since` that day must be insured in the month: the whole of it, 入职 and 离职 apart.

    Who came during the month is insured from the next, as offices take new people; who left during it is not asked.
    """
    return since <= month and (left_on is None or left_on > last_of(month))


def known_in(month: date, since: date, left_on: date | None) -> bool:
    """Whether somebody was in service on any day of the month."""
    return since <= last_of(month) and (left_on is None or left_on >= month)
