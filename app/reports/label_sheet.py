"""标牌 to print (ELV-07): what stands on each, as a page and as a PDF in print size; a large set as several PDFs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import or_, select

from app import scope
from app.models import Elevator, Region
from app.models.choices import ESCALATORS
from app.permissions import Actor, Verb
from app.reports import pdf
from app.rules.calendar import local_day
from app.transaction import AnySession

NAME = "elevator_labels"
CSS = Path(__file__).parents[1] / "static" / "css" / "label_sheet.css"
# How it comes out of the printer: six to be cut on a sheet of A4, or one on a page of the label's own size.
SIZES = {"a4": _l("A4 纸，每页 6 张（每张 94×90 毫米）"), "one": _l("每页 1 张（100×140 毫米，标签打印机）")}
# Pages of one PDF: laying out more takes more memory than it saves time.
MOST_IN_FILE = 150
MOST = 5000


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed: the code as a picture and in figures, where it belongs, whom to call, whose it is."""

    elevator_id: int
    token: str
    code: str
    place: str
    phone: str
    office: str
    escalator: bool
    picture: Markup
    until: str = ""


# Whose work has to do with an elevator's labels: not who inspects it, nor the desk that takes calls.
PRINTS = Verb.LEDGER_READ


# Of a unit those who maintain or use it.
_SIDES = (Elevator.maintenance_unit_id, Elevator.use_unit_id)


def is_to_label(actor: Actor, row: Elevator) -> bool:
    """Whether the actor is offered this elevator's label to print; `chosen` takes it then."""
    return actor.may(PRINTS) and (actor.unit_id is None or actor.unit_id in [getattr(row, side.key) for side in _SIDES])


def chosen(session: AnySession, actor: Actor, keys: Sequence[int]) -> list[Elevator]:
    """Those of the elevators that the actor may put labels on: whoever only inspects an elevator puts up none."""
    rows: list[Elevator] = []
    for first in range(0, len(keys), 500):
        statement = select(Elevator).where(Elevator.id.in_(keys[first : first + 500]))
        if actor.unit_id is not None:
            statement = statement.where(or_(*(side == actor.unit_id for side in _SIDES)))
        rows += session.scalars(scope.apply(statement, actor))
    return sorted(rows, key=lambda row: row.code)


def lacks_phone(row: Elevator) -> bool:
    """No label without somebody to call."""
    return not (row.emergency_phone or "").strip()


def labels_of(
    session: AnySession, rows: Sequence[Elevator], tokens: Mapping[int, str], address: Callable[[str], str],
    until: Any = None,
) -> list[Label]:  # fmt: skip
    """The labels of elevators with a phone; `address` makes of a token what its picture leads to."""
    offices = _offices(session, {row.region_id for row in rows})
    # An end is the first instant at which it does not hold.
    last = "" if until is None else local_day(until).isoformat()
    return [
        Label(
            row.id, tokens[row.id], row.code, row.place, str(row.emergency_phone).strip(), offices[row.region_id],
            row.category in ESCALATORS, picture(address(tokens[row.id])), last,
        )
        for row in rows if row.id in tokens
    ]  # fmt: skip


def picture(address: str) -> Markup:
    """The code, strong enough for a scratched car."""
    import segno  # loaded with the first code

    code = segno.make(address, error="q", micro=False)
    return Markup(code.svg_inline(scale=4, border=2, svgclass=None, lineclass=None, omitsize=True))


def html(templates: Any, labels: Sequence[Label], size: str) -> str:
    """Complete in itself; `templates` is the application's environment, with its escaping."""
    page: str = templates.get_template("ta/filing/label_sheet.html").render(css=_css(), labels=labels, size=size)
    return page


def files(templates: Any, labels: Sequence[Label], size: str) -> Iterator[bytes]:
    """PDFs of so many labels that one can be laid out; the last one holds the rest."""
    for first in range(0, len(labels), MOST_IN_FILE):
        yield pdf.render(html(templates, labels[first : first + MOST_IN_FILE], size)).content


def _offices(session: AnySession, region_ids: set[int]) -> dict[int, str]:
    """Whose bureau supervises the elevators of a region: the district's, else that of the region itself."""
    found: dict[int, str] = {}
    for key in region_ids:
        row: Region | None = session.get(Region, key)
        while row is not None and row.level == "street" and row.parent is not None:
            row = row.parent
        found[key] = row.name if row is not None else ""
    return found


@lru_cache(maxsize=1)
def _css() -> Markup:
    return Markup(CSS.read_text(encoding="utf-8"))
