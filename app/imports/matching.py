"""Which column of a file is which field: by heading, by other names, by near names, and by what the cells hold."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.errors import Refusal
from app.imports.columns import Kind, Spec, plain_heading
from app.imports.languages import headings_of
from app.imports.parsing import Bad, parse
from app.imports.synonyms import names_of, plain_word
from app.rules.identifiers import MOBILE_FORM, check_uscc

NEAR = 0.74
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
    decided: by field, by word, the value ("" leaves the cell blank).
    """

    headings: list[str]
    columns: list[str | None]
    how: list[str]
    orders: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Match:
        return cls(
            list(data["headings"]), list(data["columns"]), list(data["how"]), dict(data.get("orders") or {}),
            {k: dict(v) for k, v in (data.get("words") or {}).items()},
        )  # fmt: skip

    @property
    def digest(self) -> str:
        """The shape of the file: its headings, wherever they stand."""
        return shape(self.headings)

    def specs(self, kind: Kind) -> list[Spec | None]:
        return [kind.spec(name) if name else None for name in self.columns]

    def missing(self, kind: Kind) -> list[Spec]:
        """Required columns that no column of the file stands for."""
        return [s for s in kind.columns if s.required and s.name not in self.columns]


def shape(headings: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(h for h in headings if h)).encode()).hexdigest()


def guess(kind: Kind, headings: Sequence[str], samples: Sequence[Sequence[Any]], known: Known | None = None) -> Match:
    """The most likely field of each column, each field once. `samples` are the first rows; `known` says which share of
    cells names something that is there already (codes, units, regions)."""
    columns: list[str | None] = [None] * len(headings)
    how = [NONE] * len(headings)
    cells = [[row[i] for row in samples if i < len(row) and row[i] not in (None, "")] for i in range(len(headings))]
    labels = {plain_heading(s.label): s.name for s in kind.columns}
    others = {plain_word(s.label): s.name for s in kind.columns} | {s.name: s.name for s in kind.columns}
    others = names_of(kind.name) | {plain_word(name): spec for name, spec in others.items()} | headings_of(kind.name)
    fits = _Fits(kind, cells, known)

    def take(number: int, name: str, reason: str) -> None:
        if columns[number] is None and name not in columns:
            columns[number], how[number] = name, reason
        elif columns[number] is None:
            how[number] = TWICE

    for number, heading in enumerate(headings):
        if (plain := plain_heading(heading)) in labels:
            take(number, labels[plain], SAME)
    for number, heading in enumerate(headings):
        name = others.get(plain_word(heading))
        if name and columns[number] is None and not fits.is_count(number, name):
            take(number, name, ALIAS)
    for score, number, name in _near(headings, columns, others):
        fit = 0 if fits.is_count(number, name) else fits.of(number, name)
        if score >= NEAR and columns[number] is None and how[number] != TWICE and (fit is None or fit >= 0.5):
            take(number, name, LIKE)
    for number in range(len(headings)):
        if columns[number] is None and how[number] == NONE and cells[number]:
            best = max(((fits.telling(number, s), s.name) for s in kind.columns if s.name not in columns), default=None)
            if best is not None and best[0] >= FITS:
                take(number, best[1], CONTENT)
    return Match(list(headings), columns, how)


def _near(
    headings: Sequence[str], columns: Sequence[str | None], names: Mapping[str, str]
) -> list[tuple[float, int, str]]:
    found = []
    for number, heading in enumerate(headings):
        plain = plain_word(heading)
        if columns[number] is None and len(plain) >= 2:
            scores: dict[str, float] = {}
            for name, spec in names.items():
                ratio = difflib.SequenceMatcher(None, plain, name).ratio()
                scores[spec] = max(scores.get(spec, 0), ratio)
            found += [(score, number, spec) for spec, score in scores.items()]
    return sorted(found, key=lambda f: (-f[0], f[1]))


class _Fits:
    """How well the cells of a column suit a field, 0 to 1; None where anything would."""

    def __init__(self, kind: Kind, cells: Sequence[list[Any]], known: Known | None) -> None:
        self.kind, self.cells, self.known = kind, cells, known

    def of(self, number: int, name: str) -> float | None:
        spec, cells = self.kind.spec(name), self.cells[number]
        if spec is None or not cells or spec.kind in ("text", "code", "person", "elevators"):
            return None
        if spec.kind in ("region", "unit"):
            return self.known(spec, cells) if self.known else None
        return _share(cells, lambda cell: _parses(cell, spec))

    def is_count(self, number: int, name: str) -> bool:
        """Whether "elevators" are only how many there are, not which."""
        spec, cells = self.kind.spec(name), [str(cell) for cell in self.cells[number]]
        if spec is None or spec.kind != "elevators" or not cells:
            return False
        return all(cell.isdigit() and len(cell) < 5 for cell in cells)

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
        return parse(cell, spec) is not None
    except Bad as problem:
        return problem.rule == "日月分不清"


def _is_uscc(cell: Any) -> bool:
    try:
        check_uscc(str(cell))
    except Refusal:
        return False
    return True
