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


@dataclass(frozen=True, slots=True)
class Measure:
    """Another unit: its label, what it is called (in small letters, width folded), and how many of ours it is."""

    name: str
    label: str
    words: frozenset[str]
    factor: Decimal


def _measure(name: str, label: str, words: str, factor: str) -> Measure:
    return Measure(name, label, frozenset(words.split()), Decimal(factor))


_FOOT_A_MINUTE = "0.00508"
# By our unit the others; digits kept behind the point after converting, as the column stores them.
MEASURES = {
    "kg": (
        _measure("lb", _l("磅 (lb)"), "lb lbs pound pounds 磅", "0.45359237"),
        _measure("t", _l("吨 (t)"), "t ton tons tonne tonnes 吨", "1000"),
    ),
    "m/s": (
        _measure("fpm", _l("英尺/分 (fpm)"), "fpm ft/min feet/min ftmin 英尺/分", _FOOT_A_MINUTE),
        _measure("m/min", _l("米/分 (m/min)"), "m/min mpm mmin 米/分 米/分钟", "0.0166666666666666666667"),
        _measure("mm/s", _l("毫米/秒 (mm/s)"), "mm/s mms 毫米/秒", "0.001"),
    ),
}  # fmt: skip
OWN = {"kg": "kg kgs kilogram kilograms kilo 公斤 千克", "m/s": "m/s ms mps 米/秒"}
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
    return plain == spec.unit.casefold() or plain in OWN.get(spec.unit, "").split()


def of_heading(spec: Spec, heading: str) -> str | None:
    """The other unit that a heading names: `DV_CAPACITY_LBS`, `Speed (fpm)`, 载重（磅）."""
    found = [called(spec, part) for part in _PARTS.findall(heading)]
    return next((m.name for m in found if m is not None), None)


def without(heading: str) -> str:
    """A heading without the units in it, to compare it with names."""
    known = {word for measures in MEASURES.values() for m in measures for word in m.words}
    known |= {word for words in OWN.values() for word in words.split()}
    parts = _PARTS.findall(heading)
    return " ".join(part for part in parts if part.casefold().rstrip(".") not in known) or heading


def converted(text: str, spec: Spec, other: Measure) -> str:
    """A plain figure in our unit, rounded half up to what the column keeps."""
    value = (Decimal(text) * other.factor).quantize(PLACES[spec.unit], ROUND_HALF_UP)
    return f"{value:f}"
