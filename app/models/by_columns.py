"""Many rows as text, made by columns: what rows have in common is written once, as part of a form.

A thousand rows of one deed hold the same fields, and most of these the same. Row by row that was most of what writing
them cost: as JSON of a content, and as lines of COPY.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence, Set
from json.encoder import encode_basestring as quoted
from typing import Any

write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
# Fewer of one shape are written each by itself.
FEW = 4
_NONE = type(None)
_TEXTS = {str, _NONE}
# A list of these is written as each of them by itself, with commas between.
_FIGURES = {int, float, bool, _NONE}
_PLAIN = _TEXTS | _FIGURES
# Of one kind, equal ones are written alike; 0.0 and -0.0 are not, nor what holds 1 and what holds true or 1.0.
_EXACT = _PLAIN - {float}


def _filled(columns: Iterable[tuple[str, Sequence[str]]], count: int, between: str) -> Iterable[str]:
    """Each row's texts behind their column's name; a text that all rows share is part of what the others fill."""
    parts: list[str] = []
    varying: list[Sequence[str]] = []
    for name, texts in columns:
        if texts[0] == texts[-1] and texts.count(texts[0]) == count:
            parts.append((name + texts[0]).replace("%", "%%"))
        else:
            parts.append(name.replace("%", "%%") + "%s")
            varying.append(texts)
    form = between.join(parts)
    fill: Callable[[tuple[str, ...]], str] = form.__mod__
    return map(fill, zip(*varying, strict=True)) if varying else [form % ()] * count


# --- JSON


# What stands for values under a name of a content, column by column; "" are values as a whole.
Change = Callable[[str, Sequence[Any]], Sequence[Any]]


def json_texts(values: Sequence[Any], names: Set[str] = frozenset(), change: Change | None = None) -> list[str | None]:
    """The JSON of each value, as it would be written alone; for None none.

    `change` is asked for what stands in the place of values under these names and of those that may hold such names.
    """
    found: list[str | None] = [None] * len(values)
    shapes: dict[Any, list[int]] = {}
    for place, value in enumerate(values):
        if value is not None:
            shapes.setdefault(_shape(value), []).append(place)
    for shape, places in shapes.items():
        held = [values[place] for place in places]
        texts = _alike(shape, held, names, change) if shape and len(held) >= FEW else None
        if texts is None:
            texts = list(map(write, held if change is None else change("", held)))
        for place, text in zip(places, texts, strict=True):
            found[place] = text
    return found


def _shape(value: Any) -> Any:
    """Values of one shape have the same fields in the same order; False where there are none."""
    if value.__class__ is dict:
        return tuple(value)
    return len(value) if value.__class__ is list else False


def _alike(shape: Any, held: list[Any], names: Set[str], change: Change | None) -> list[str] | None:
    if isinstance(shape, int):
        columns = [("", _json_column("", column, names, change)) for column in zip(*held, strict=True)]
        return [f"[{row}]" for row in _filled(columns, len(held), ", ")]
    if not all(name.__class__ is str for name in shape):
        return None
    fields = zip(shape, zip(*(value.values() for value in held), strict=True), strict=True)
    columns = [(f"{write(name)}: ", _json_column(name, column, names, change)) for name, column in fields]
    return [f"{{{row}}}" for row in _filled(columns, len(held), ", ")]


def _json_column(name: str, values: Sequence[Any], names: Set[str], change: Change | None) -> list[str]:
    """Each distinct value is written once."""
    kinds = set(map(type, values))
    if change is not None and (name in names or not kinds <= _PLAIN):
        values = change(name, values)
        kinds = set(map(type, values))
    exact = kinds <= _EXACT or (float not in kinds and not values[0])
    if len(kinds) == 1 and exact and values.count(values[0]) == len(values):
        return [write(values[0])] * len(values)
    if kinds <= _FIGURES:
        return write(list(values))[1:-1].split(", ")
    if not kinds <= _TEXTS:
        return list(map(write, values))
    held = "".join(filter(None, values))
    if len(quoted(held)) == len(held) + 2:
        # Nothing in them is written otherwise than it stands.
        return ["null" if value is None else f'"{value}"' for value in values]
    known = {value: write(value) for value in set(values)}
    return [known[value] for value in values]


# --- COPY

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COPIED: dict[type, Callable[[Any], str]] = {
    int: str, float: repr, dt.date: dt.date.isoformat, bool: {True: "t", False: "f"}.__getitem__,
}  # fmt: skip


def copy_lines(columns: Sequence[Sequence[Any]]) -> str | None:
    """The rows as PostgreSQL's COPY reads them as text; None where a value is of a kind that only the driver knows."""
    texts = [_copied(values) for values in columns]
    if not all(texts):
        return None
    lines = _filled([("", column) for column in texts if column], len(columns[0]), "\t")
    return "\n".join(lines) + "\n"


def _copied(values: Sequence[Any]) -> Sequence[str] | None:
    kinds = set(map(type, values))
    some = kinds - {_NONE}
    if not some:
        return [_NULL] * len(values)
    if len(some) > 1:
        return None
    (kind,) = some
    if kind is str:
        held = "".join(filter(None, values))
        if "\\" in held or "\t" in held or "\n" in held or "\r" in held:
            return [_NULL if value is None else value.translate(_ESCAPES) for value in values]
        return values if _NONE not in kinds else [_NULL if value is None else value for value in values]
    spelt = _COPIED.get(kind)
    if spelt is None:
        return None
    return list(map(spelt, values)) if _NONE not in kinds else [_NULL if v is None else spelt(v) for v in values]
