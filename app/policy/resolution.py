"""Rows and presets → the value for a region on a day. Pure: the rows are given.

The nearest region up the tree that says something decides: its own value for the key, else its preset where that
lists the key. Above the root stands the default preset, then the key's default. Of several rows of one region
the one with the latest day of force not after the day wins; of the same day, the one written last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.policy.keys import INHERIT, PRESET_KEY, SPECS, Key, Value
from app.policy.presets import DEFAULT_PRESET, PRESETS

ROOT = "0" * 12
_WIDTHS = (12, 9, 6, 4, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of policy_value as resolution needs it."""

    id: int
    key: str
    region_code: str
    value: object
    effective_on: date
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A key's value and its origin: the region that says it (None: above the tree), since when, by which preset.

    `row_id` is the row that says so, which knows the source document.
    """

    value: Value
    region_code: str | None = None
    effective_on: date | None = None
    preset: str | None = None
    row_id: int | None = None


class Book(Mapping[Key, Held]):
    """All keys of a region on a day. Each is worked out when it is asked for, once: most askers want one or two."""

    __slots__ = ("_codes", "_found", "_rows", "_values", "_version")

    def __init__(self, rows: Mapping[tuple[str, str], Row], codes: Sequence[str]) -> None:
        self._rows, self._codes = rows, codes
        self._found: dict[Key, Held] = {}
        self._values: dict[Key, Value] | None = None
        self._version: str | None = None

    @property
    def plain(self) -> Mapping[Key, Value]:
        """Every key's value, for whoever asks for many of them."""
        if self._values is None:
            self._values = {key: held.value for key, held in self.items()}
        return self._values

    @property
    def version(self) -> str:
        """See `version_of`."""
        if self._version is None:
            self._version = _name_of(self.plain)
        return self._version

    def __getitem__(self, key: Key) -> Held:
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = _resolve_one(SPECS[key].key, self._rows, self._codes)
        return found

    def __iter__(self) -> Iterator[Key]:
        return iter(Key)

    def __len__(self) -> int:
        return len(Key)


def chain(region_code: str | None) -> list[str]:
    """The region and those above it, nearest first, ending with the whole country; 12-digit codes."""
    codes = [region_code[:w].ljust(12, "0") for w in _WIDTHS] if region_code else []
    return [*dict.fromkeys(codes), *([] if ROOT in codes else [ROOT])]


def in_force(rows: Iterable[Row], on: date, known_at: datetime | None = None) -> dict[tuple[str, str], Row]:
    """By (region, key) the row that holds on the day: sorted once for all regions that are then asked for."""
    held: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=lambda r: (r.effective_on, r.known_at, r.id)):
        if row.effective_on <= on and (known_at is None or row.known_at <= known_at):
            held[(row.region_code, row.key)] = row
    return held


def _resolve_one(key: Key, held: Mapping[tuple[str, str], Row], codes: Sequence[str]) -> Held:
    for code in codes:
        own = held.get((code, key.value))
        if own is not None and own.value != INHERIT:
            return Held(_stored(own.value), code, own.effective_on, row_id=own.id)
        chosen = held.get((code, PRESET_KEY))
        if chosen is not None and isinstance(chosen.value, str):
            preset = PRESETS.get(chosen.value)
            if preset is not None and key in preset.values:
                return Held(preset.values[key], code, chosen.effective_on, preset.name, chosen.id)
    base = PRESETS[DEFAULT_PRESET]
    if key in base.values:
        return Held(base.values[key], preset=base.name)
    return Held(SPECS[key].default)


def _stored(value: object) -> Value:
    if value is None or isinstance(value, int | bool | str):
        return value
    raise ValueError(f"policy value {value!r} is of no known type")


def resolve(key: Key, rows: Iterable[Row], region_code: str | None, on: date, known_at: datetime | None = None) -> Held:
    """The value of one key for a region on a day; with `known_at`, as it was known at that instant."""
    return _resolve_one(key, in_force(rows, on, known_at), chain(region_code))


def resolve_all(rows: Iterable[Row], region_code: str | None, on: date, known_at: datetime | None = None) -> Book:
    """All keys at once."""
    return book_of(in_force(rows, on, known_at), region_code)


def book_of(held: Mapping[tuple[str, str], Row], region_code: str | None) -> Book:
    """All keys for a region, from the rows that hold."""
    return Book(held, chain(region_code))


def version_of(book: Book) -> str:
    """A short name of a book by its content: equal values, equal name, wherever and whenever computed."""
    return book.version


def _name_of(values: Mapping[Key, Value]) -> str:
    content = json.dumps({k.value: value for k, value in values.items()}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
