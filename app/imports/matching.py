"""Which column of a file is which field: by heading, by other names, by near names, and by what the cells hold."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.errors import Refusal
from app.imports import figures, measures
from app.imports.columns import Kind, Spec, plain_heading
from app.imports.languages import headings_of, no_fields
from app.imports.parsing import Bad, is_error, parse
from app.imports.synonyms import PARTS_OF, names_of, plain_word, without_brackets
from app.rules.identifiers import MOBILE_FORM, check_uscc

NEAR = 0.74
# So many cells of a key show whether it tells things apart; a number that does not is the owner's own.
MANY = 8
OWN_NUMBER = "internal_no"
# Letters at the beginning of two English names that are rather a word of the register than a likeness.
SHARED = 6
FITS = 0.8
# How a column found its field; near, content and twice ask to be confirmed.
SAME, ALIAS, LIKE, CONTENT, KEPT, CHOSEN, TWICE, NONE = (
    "same", "alias", "near", "content", "kept", "chosen", "twice", "",
)  # fmt: skip
TO_CONFIRM = (LIKE, CONTENT, TWICE)
Known = Callable[[Spec, list[Any]], float]


@dataclass(slots=True)
class Match:
    """A file's columns with their fields, and what its words and dates mean. As JSON in the batch and in `ImportMatch`.

    `orders` holds for date columns written as 01/05/2026 which comes first: dmy or mdy. `words` holds what the person
    decided: by field, by word, the value ("" leaves the cell blank; the word "" says what a blank cell of a new row
    means). `measures` names the unit of a column that is not in ours, `lenient` the fields whose cells stay blank
    where they can't be read, `months` by field which day of the month a cell means that names no day.
    """

    headings: list[str]
    columns: list[str | None]
    how: list[str]
    orders: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, Any]] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    lenient: list[str] = field(default_factory=list)
    months: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Match:
        return cls(
            list(data["headings"]), list(data["columns"]), list(data["how"]), dict(data.get("orders") or {}),
            {k: dict(v) for k, v in (data.get("words") or {}).items()}, dict(data.get("measures") or {}),
            list(data.get("lenient") or []), dict(data.get("months") or {}),
        )  # fmt: skip

    @property
    def digest(self) -> str:
        """The shape of the file: its headings, wherever they stand."""
        return shape(self.headings)

    def specs(self, kind: Kind) -> list[Spec | None]:
        """By column its field; of several columns that make up one field the first stands for all."""
        firsts = [name if name and name not in self.columns[:at] else None for at, name in enumerate(self.columns)]
        return [kind.spec(name) if name else None for name in firsts]

    def joined(self) -> dict[int, list[int]]:
        """By the first of several columns for one field all of them."""
        found: dict[str, list[int]] = {}
        for at, name in enumerate(self.columns):
            if name:
                found.setdefault(name, []).append(at)
        return {places[0]: places for places in found.values() if len(places) > 1}

    def as_one(self, cells: list[Any], joined: Mapping[int, list[int]]) -> list[Any]:
        """A row's cells, those of several columns for one field joined in the first of them, unless one failed."""
        if not joined:
            return cells
        made = list(cells)
        for first, places in joined.items():
            texts = [(self.headings[at], str(cells[at]).strip()) for at in places if cells[at] not in (None, "")]
            failed = next((t for _h, t in texts if is_error(t)), None)
            made[first] = failed or _joined(str(self.columns[first]), [(h, t) for h, t in texts if t])
        return made

    def missing(self, kind: Kind) -> list[Spec]:
        """Required columns that no column of the file stands for."""
        return [s for s in kind.columns if s.required and s.name not in self.columns]


def _joined(name: str, texts: Sequence[tuple[str, str]]) -> str | None:
    """In a note each text keeps the name of its column; else they are one text; Chinese needs no blank between.

    A text that says the one before it again (临河区, 临河区明水街道) stands for both.
    """
    if name == "note":
        return "；".join(map("：".join, texts)) or None
    made = ""
    for _heading, text in texts:
        if made and text.startswith(made):
            made = text
            continue
        made += (" " if made and made[-1].isascii() and text[0].isascii() else "") + text
    return made or None


def shape(headings: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(h for h in headings if h)).encode()).hexdigest()


def to_remember(match: Match) -> dict[str, Any]:
    """What was confirmed: by place, as headings may be blank or stand twice, and by heading where the places differ."""
    return {
        "headings": match.headings, "fields": match.columns,
        "columns": {h: c for h, c in zip(match.headings, match.columns, strict=True) if h and c},
        "orders": match.orders, "words": match.words, "measures": match.measures, "lenient": match.lenient,
        "months": match.months,
    }  # fmt: skip


def remembered(kind: Kind, headings: list[str], kept: Mapping[str, Any]) -> Match:
    """As was confirmed for the last file of this shape."""
    by_place = kept.get("fields") if headings == kept.get("headings") else None
    columns: list[str | None] = []
    for name in by_place or [kept["columns"].get(h) for h in headings]:
        spec = kind.spec(name or "")
        columns.append(name if spec is not None and (name not in columns or spec.joins) else None)
    how = [KEPT if name else NONE for name in columns]
    return Match.of_json(dict(kept) | {"headings": headings, "columns": columns, "how": how})


def known_measures(kind: Kind, told: Mapping[str, str] | None) -> dict[str, str]:
    """Units of measure that a field may be in; anything else is its own."""
    return {s.name: (told or {})[s.name] for s in kind.columns if measures.measure(s, (told or {}).get(s.name))}


def guess(kind: Kind, headings: Sequence[str], samples: Sequence[Sequence[Any]], known: Known | None = None) -> Match:
    """The most likely field of each column, each field once. `samples` are the first rows; `known` says which share of
    cells names something that is there already (codes, units, regions)."""
    columns: list[str | None] = [None] * len(headings)
    how = [NONE] * len(headings)
    cells = [[row[i] for row in samples if i < len(row) and row[i] not in (None, "")] for i in range(len(headings))]
    labels, others = _names(kind)
    mute = no_fields(kind.name)
    ours = {n for n, heading in enumerate(headings) if plain_word(heading) in mute}
    fits = _Fits(kind, cells, known)

    def take(number: int, name: str, reason: str) -> None:
        parts = PARTS_OF.get(name, "").split()
        part = plain_word(headings[number]) in parts
        whole = not all(plain_word(h) in parts for h, c in zip(headings, columns, strict=True) if c == name)
        if columns[number] is None and (name not in columns or (part and not whole)):
            columns[number], how[number] = name, reason
        elif columns[number] is None:
            how[number] = TWICE

    for number, heading in enumerate(headings):
        if (plain := plain_heading(heading)) in labels:
            take(number, labels[plain], SAME)
    for number, heading in enumerate(headings):
        name = others.get(plain_word(heading))
        if name and columns[number] is None and not fits.is_count(number, name):
            own = fits.repeats(number, name, beside=name in columns)
            take(number, *((OWN_NUMBER, LIKE) if own else (name, ALIAS)))
    for score, number, name in _near(headings, columns, others):
        fit = 0 if fits.is_count(number, name) else fits.of(number, name)
        free = columns[number] is None and number not in ours and how[number] != TWICE
        if score >= NEAR and free and (fit is None or fit >= 0.5):
            take(number, name, LIKE)
    for number in range(len(headings)):
        if columns[number] is None and how[number] == NONE and cells[number] and number not in ours:
            best = max(((fits.telling(number, s), s.name) for s in kind.columns if s.name not in columns), default=None)
            if best is not None and best[0] >= FITS:
                take(number, best[1], CONTENT)
    found = [
        measures.of_heading(s, h) if (s := kind.spec(c or "")) else None for h, c in zip(headings, columns, strict=True)
    ]
    told = {c: unit for c, unit in zip(columns, found, strict=True) if c and unit}
    return Match(list(headings), columns, how, measures=told)


def _names(kind: Kind) -> tuple[dict[str, str], dict[str, str]]:
    """Fields by their own headings as they stand, and by all other names that are known."""
    labels = {plain_heading(s.label): s.name for s in kind.columns}
    others = {plain_word(s.label): s.name for s in kind.columns} | {s.name: s.name for s in kind.columns}
    others = names_of(kind.name) | {plain_word(name): spec for name, spec in others.items()} | headings_of(kind.name)
    return labels, others


def likelier(others: Iterable[Kind], held: Kind, match: Match) -> dict[str, Any] | None:
    """Another kind of import that this file is rather of, where its headings name little of the chosen kind's fields:
    its name, how many of its fields they name and how many of the chosen one's."""
    here = _named(held, match.headings)
    if not match.missing(held) and 2 * here >= sum(map(bool, match.headings)):
        return None
    # Of two that are named alike the one of fewer fields: a register of people is none of elevators.
    found = [(_named(k, match.headings), -len(k.columns), k.name) for k in others if k.name != held.name]
    most, _size, name = max(found, default=(0, 0, ""))
    return {"kind": name, "named": most, "here": here} if most >= max(2 * here, here + 3) else None


def _named(kind: Kind, headings: Sequence[str]) -> int:
    labels, others = _names(kind)
    found = (labels.get(plain_heading(h)) or others.get(plain_word(h)) for h in headings if h)
    return len({name for name in found if name})


def _near(
    headings: Sequence[str], columns: Sequence[str | None], names: Mapping[str, str]
) -> list[tuple[float, int, str]]:
    found = []
    for number, heading in enumerate(headings):
        forms = {plain_word(measures.without(heading)), plain_word(without_brackets(heading))}
        if columns[number] is None:
            scores: dict[str, float] = {}
            for name, spec in names.items():
                likeness = max((_likeness(plain, name) for plain in forms if len(plain) >= 2), default=0)
                scores[spec] = max(scores.get(spec, 0), likeness)
            found += [(score, number, spec) for spec, score in scores.items()]
    return sorted(found, key=lambda f: (-f[0], f[1]))


def _likeness(plain: str, name: str) -> float:
    """How much a heading is like a name; equipment_speed and equipment_id share a word that tells nothing."""
    ratio = difflib.SequenceMatcher(None, plain, name).ratio()
    pairs = enumerate(zip(plain, name, strict=False))
    shared = next((at for at, (one, other) in pairs if one != other), min(len(plain), len(name)))
    if ratio >= NEAR and shared >= SHARED and plain.isascii() and plain[shared:] and name[shared:]:
        rest = difflib.SequenceMatcher(None, plain[shared:], name[shared:]).ratio()
        return ratio if rest >= 0.5 else 0
    return ratio


class _Fits:
    """How well the cells of a column suit a field, 0 to 1; None where anything would."""

    def __init__(self, kind: Kind, cells: Sequence[list[Any]], known: Known | None) -> None:
        self.kind, self.cells, self.known = kind, cells, known

    def of(self, number: int, name: str) -> float | None:
        spec, cells = self.kind.spec(name), self.cells[number]
        if spec is None or not cells or spec.kind in ("text", "code", "elevators"):
            return None
        if spec.kind in ("region", "unit", "person"):
            return self.known(spec, cells) if self.known else None
        return _share(cells, lambda cell: _parses(cell, spec))

    def is_count(self, number: int, name: str) -> bool:
        """Whether "elevators" are only how many there are, not which."""
        spec, cells = self.kind.spec(name), [str(cell) for cell in self.cells[number]]
        if spec is None or spec.kind != "elevators" or not cells:
            return False
        return all(cell.isdigit() and len(cell) < 5 for cell in cells)

    def repeats(self, number: int, name: str, beside: bool = False) -> bool:
        """Whether what should tell things apart does not: 1#, 2#, 1# count the elevators of a building.

        `beside` another column that does one repetition is enough.
        """
        cells = [str(cell) for cell in self.cells[number]]
        if name != self.kind.key or self.kind.spec(OWN_NUMBER) is None:
            return False
        if beside:
            return len(set(cells)) < len(cells)
        return len(cells) >= MANY and len(set(cells)) * 2 < len(cells)

    def telling(self, number: int, spec: Spec) -> float:
        """As `of`, where the cells can belong to hardly anything else; dates, texts and yes/no tell nothing."""
        cells = self.cells[number]
        if spec.name == "uscc":
            return _share(cells, _is_uscc)
        if spec.name.endswith("phone") and sum(s.name.endswith("phone") for s in self.kind.columns) == 1:
            return _share(cells, lambda cell: bool(MOBILE_FORM.fullmatch(plain_word(cell))))
        if spec.kind == "choice":
            return self.of(number, spec.name) or 0 if len({str(c) for c in cells}) > 1 else 0
        if spec.name == self.kind.key or spec.kind in ("region", "unit"):
            return self.known(spec, cells) if self.known else 0
        return 0


def _share(cells: Sequence[Any], holds: Callable[[Any], bool]) -> float:
    return sum(map(holds, cells)) / len(cells) if cells else 0


def _parses(cell: Any, spec: Spec) -> bool:
    try:
        return parse(cell, spec, comma=figures.shape(cell) == figures.COMMA) is not None
    except Bad as problem:
        return problem.rule == "日月分不清"


def _is_uscc(cell: Any) -> bool:
    try:
        check_uscc(str(cell))
    except Refusal:
        return False
    return True
