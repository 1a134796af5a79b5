"""Units of measure of other registers: a column or a cell that is in another one is converted into ours.

Which unit a column is in is guessed from its heading and confirmed by the person who imports; a cell that names its
unit by itself ("2,500 lbs") is taken at its word. The factors are exact by definition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from flask_babel import lazy_gettext as _l

from app.imports.columns import Spec
from app.imports.synonyms import MEASURE_WORDS


@dataclass(frozen=True, slots=True)
class Measure:
    """Another unit: its label, and how many of ours it is."""

    name: str
    label: str
    factor: Decimal

    @property
    def words(self) -> list[str]:
        return MEASURE_WORDS[self.name].split()


# By our unit the others.
MEASURES = {
    "kg": (Measure("lb", _l("磅 (lb)"), Decimal("0.45359237")), Measure("t", _l("吨 (t)"), Decimal(1000))),
    "m/s": (
        Measure("fpm", _l("英尺/分 (fpm)"), Decimal("0.00508")), Measure("m/min", _l("米/分 (m/min)"), 1 / Decimal(60)),
        Measure("mm/s", _l("毫米/秒 (mm/s)"), Decimal("0.001")),
    ),
}  # fmt: skip
# What a column keeps behind the point.
PLACES = {"kg": Decimal(1), "m/s": Decimal("0.01")}
_PARTS = re.compile(r"[^\s_\-:：,，()（）\[\]【】]+")


def options(spec: Spec) -> tuple[Measure, ...]:
    """The other units that a field may be in; none where its own is the only one."""
    return MEASURES.get(spec.unit, ()) if spec.kind == "figure" else ()


def measure(spec: Spec, name: str | None) -> Measure | None:
    return next((m for m in options(spec) if m.name == name), None)


def called(spec: Spec, word: str) -> Measure | None:
    """The other unit of this name."""
    plain = word.casefold().rstrip(".")
    return next((m for m in options(spec) if plain in m.words), None)


def is_own(spec: Spec, word: str) -> bool:
    plain = word.casefold().rstrip(".")
    return plain == spec.unit.casefold() or plain in MEASURE_WORDS.get(spec.unit, "").split()


def of_heading(spec: Spec, heading: str) -> str | None:
    """The other unit that a heading names: `DV_CAPACITY_LBS`, `Speed (fpm)`, 载重（磅）."""
    found = [called(spec, part) for part in _PARTS.findall(heading)]
    return next((m.name for m in found if m is not None), None)


def without(heading: str) -> str:
    """A heading without the units in it, to compare it with names."""
    known = {word for words in MEASURE_WORDS.values() for word in words.split()}
    parts = _PARTS.findall(heading)
    return " ".join(part for part in parts if part.casefold().rstrip(".") not in known) or heading


def converted(text: str, spec: Spec, other: Measure) -> str:
    """A plain figure in our unit, rounded half up to what the column keeps."""
    value = (Decimal(text) * other.factor).quantize(PLACES[spec.unit], ROUND_HALF_UP)
    return f"{value:f}"
