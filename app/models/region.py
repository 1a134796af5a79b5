"""省 > 市 > 区县 > 街道/所: the tree that scope, policy and statistics follow."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Date, Float, ForeignKey, String, bindparam, func, true
from sqlalchemy.orm import Mapped, relationship

from app.models.base import BigId, Model, col, pk
from app.models.choices import REGION_LEVEL

LEVEL_DIGITS = {"province": 2, "city": 4, "district": 6, "street": 9}
_DISTRICT = LEVEL_DIGITS["district"]


class Region(Model):
    """A node of the tree, by GB/T 2260 code padded to 12 digits; codes change, so they carry validity days."""

    __tablename__ = "region"
    id: Mapped[int] = pk()
    code: Mapped[str] = col(_l("区划代码"), String(12), unique=True, help=_l("GB/T 2260 代码补足 12 位"))
    name: Mapped[str] = col(_l("名称"), String(60))
    level: Mapped[str] = col(_l("级别"), String(10), choices=REGION_LEVEL)
    parent_id: Mapped[int | None] = col(_l("上级"), BigId, ForeignKey("region.id"), index=True)
    valid_from: Mapped[dt.date | None] = col(_l("启用日期"), Date)
    valid_until: Mapped[dt.date | None] = col(_l("停用日期"), Date)
    latitude: Mapped[float | None] = col(_l("中心纬度"), Float)
    longitude: Mapped[float | None] = col(_l("中心经度"), Float)

    parent: Mapped["Region | None"] = relationship(remote_side=[id])

    @property
    def span(self) -> tuple[str, str]:
        return code_span(self.code)

    def __repr__(self) -> str:
        return self.name


class Somewhere:
    """A region that is known when the statement runs: parameters in place of its code, its span, it and those above.

    One statement then serves the accounts of all regions. Where a text is wanted it raises: what hangs on which region
    it is can't be said by such a statement.
    """

    def __init__(self, *, wide: bool) -> None:
        # Whether it is a city or more, whose rows are most of a table.
        self.is_wide = wide
        low, high = (bindparam(f"actor_region_{end}", type_=String()) for end in ("low", "high"))
        self.span: Any = (low, high)
        self.above: Any = bindparam("actor_regions", type_=String(), expanding=True)
        self._code = bindparam("actor_region", type_=String())

    def __clause_element__(self) -> Any:
        return self._code

    def __str__(self) -> str:
        raise TypeError("which region it is is known when the statement runs")

    def __repr__(self) -> str:
        return f"Somewhere(wide={self.is_wide})"


WIDE, NARROW = Somewhere(wide=True), Somewhere(wide=False)


def is_wide(code: str | Somewhere) -> bool:
    """Whether a region spans a city or more."""
    return code.is_wide if isinstance(code, Somewhere) else code.endswith("0" * 8)


def somewhere(code: str, above: Sequence[str]) -> tuple[Somewhere, dict[str, Any]]:
    """Parameters for a region, and their values; `above`: itself and those above it."""
    low, high = code_span(code)
    values = {"actor_region": code, "actor_region_low": low, "actor_region_high": high, "actor_regions": list(above)}
    return WIDE if is_wide(code) else NARROW, values


def code_span(code: str | Somewhere) -> tuple[str, str]:
    """The half-open range [low, high) of 12-digit codes in the subtree of `code`.

    A range on an index beats LIKE ten times over, and needs no path column.
    """
    if isinstance(code, Somewhere):
        found: tuple[str, str] = code.span
        return found
    width = next((w for w in (2, 4, 6, 9) if set(code[w:]) <= {"0"}), 12)
    low = code[:width].ljust(12, "0")
    return low, str(int(code[:width]) + 1).zfill(width).ljust(12, "0")


def digits_used(code: str) -> int:
    """Digits that name this region; the rest are noughts."""
    return next((width for width in LEVEL_DIGITS.values() if set(code[width:]) <= {"0"}), 12)


def digits_below(code: str) -> int:
    """Digits that tell apart the regions one level below this one; a street is its own."""
    used = digits_used(code)
    return next((width for width in LEVEL_DIGITS.values() if width > used), 12)


def district_code(code: str) -> str:
    """The code of the district in which a street lies, of a district its own."""
    return code[:_DISTRICT].ljust(len(code), "0")


def district_of(column: Any) -> ColumnElement[str]:
    """`district_code` of a column of 12-digit codes, within a statement."""
    code: ColumnElement[str] = func.substr(column, 1, _DISTRICT) + "0" * (12 - _DISTRICT)
    return code


def in_region(column: Any, region: str | None) -> ColumnElement[bool]:
    """Rows of a region's subtree; all without one."""
    if region is None:
        return true()
    low, high = code_span(region)
    inside: ColumnElement[bool] = (column >= low) & (column < high)
    return inside
