"""What stands in the cells of a list, said one way everywhere: values by kind, states, what is left of a limit."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import g
from flask_babel import gettext as _
from markupsafe import Markup, escape
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listing import Column
from app.listings import standing
from app.models import Elevator, MaintenanceClock
from app.models.choices import word
from app.permissions import Verb
from app.rules.identifiers import masked
from app.views.frame import clock_words
from app.views.frame import told as telling
from app.views.frame.filing_words import Due


def shown(column: Column, value: Any) -> Any:
    """A value as people read it; sensitive ones masked, nothing as —."""
    if value is None or value == "":
        return "—"
    if column.choices is not None:
        return word(column.choices, value)
    if column.sensitive is not None:
        return masked(column.sensitive, str(value))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if column.unit and isinstance(value, int | float):
        return f"{value} {column.unit}"
    if isinstance(value, dt.datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


# The cells of a list are mostly those of the page before, or of its own other rows: made once, by what they say. It is
# told in the reader's language first: a sentence equals its Chinese, and a kept cell must be one language's.
KEPT = 4096
TONES = {"ok", "near", "over", "gone", "secret", "info"}


def pill(text: Any, tone: str = "gone") -> Markup:
    """A status: colour, shape and word."""
    return _worded("pill", _told(text), tone)


def mark(text: Any, tone: str = "gone") -> Markup:
    """The same without the pill, for dense tables."""
    return _worded("mark", _told(text), tone)


@lru_cache(maxsize=KEPT)
def _worded(kind: str, text: str, tone: str) -> Markup:
    return Markup(f'<span class="ta-{kind} ta-{kind}--{_tone(tone)}">{_safe(text)}</span>')


def _tone(tone: str) -> str:
    return tone if tone in TONES else "gone"


def _told(text: Any) -> str:
    return f"{telling.shown(text)}"


def _safe(text: Any) -> Markup:
    """As text, whatever it is: Markup given to a cell shows its signs."""
    return escape(_told(text))


def two(first: Any, second: Any, width: int = 15) -> Markup:
    """Two lines in a cell: the name, cut with a title, and a small one below, a company's without its legal form."""
    return _two(_told(first), _told(second), width)


@lru_cache(maxsize=KEPT)
def _two(first: str, second: str, width: int) -> Markup:
    short, title = _short(second), ""
    if short != second:
        title = f' title="{_safe(second)}"'
    return Markup(f'<span class="two">{cut(first, width)}<small{title}>{_safe(short)}</small></span>')


def marked_below(made: Any, text: Any, tone: str) -> Markup:
    """A cell as it is, and a mark below it that says what its row's colour says."""
    return below(made, mark(text, tone))


def below(made: Any, small: Any) -> Markup:
    """A cell as it is, and a small line below it."""
    return Markup('<span class="two">{} <small>{}</small></span>').format(made, small)


def one_line(text: Any) -> Markup:
    """Short text in one line beside columns that wrap: a time, a name."""
    return Markup('<span class="ta-nw">{}</span>').format(_told(text))


def words(text: Any) -> Markup:
    """Short words in one line, but in languages where they are long."""
    return Markup('<span class="ta-nw ta-words">{}</span>').format(_told(text))


def cut(text: Any, width: int = 12) -> Markup:
    said = _safe(text)
    return Markup(f'<span class="ta-cut" style="--w:{width}em" title="{said}">{said}</span>')


_LEGAL_FORM = ("股份有限公司", "有限责任公司", "有限公司")


def firm(name: Any, width: int = 11) -> Markup:
    """A company's name without its legal form, which says nothing in a list; the whole name in the title."""
    return _firm(_told(name), width)


def firms(first: Any, second: Any, width: int = 11) -> Markup:
    """Two companies in a cell, both without their legal forms."""
    return below(firm(first, width), firm(second, width)) if second else firm(first, width)


@lru_cache(maxsize=KEPT)
def _firm(whole: str, width: int) -> Markup:
    return Markup(f'<span class="ta-cut" style="--w:{width}em" title="{_safe(whole)}">{_safe(_short(whole))}</span>')


def _short(whole: str) -> str:
    form = next((f for f in _LEGAL_FORM if whole.endswith(f) and len(whole) > len(f) + 3), "")
    return whole.removesuffix(form)


def countdown(left: Due | None, why: str = "") -> Markup:
    """A limit as every page says it (`m.countdown`), in a list's cell; the reason is its title."""
    told = left if left is None else replace(left, before=_told(left.before), after=_told(left.after))
    return _countdown(told, _told(why))


@lru_cache(maxsize=KEPT)
def _countdown(left: Due | None, why: str) -> Markup:
    title = f' title="{_safe(why)}"' if why else ""
    if left is None:
        return Markup(f'<span class="ta-mut"{title}>&mdash;</span>')
    number = "" if left.number is None else f"<b>{int(left.number)}</b> "
    said = f"{_safe(left.before)} {number}{_safe(left.after)}"
    tone = f" ta-due--{_safe(left.tone)}" if left.tone else ""
    return Markup(f'<span class="ta-due{tone}"{title}><span>{said}</span><i style="--v:{int(left.spent)}%"></i></span>')


def limit_cell(row: MaintenanceClock | None) -> Markup:
    """The maintenance limit as everywhere: a missed one with its day, in red, and the way to its record."""
    found = standing.due_of(row)
    shown_due = countdown(clock_words.limit_due(row), clock_words.why_limit(row) if row is not None else "")
    if row is not None and found.over and found.on is not None:
        shown_due += Markup(f'<small class="ta-missed">{_safe(missed_words(found.on))}</small>')
    if row is not None and row.excused:
        said = clock_words.excused_words(row.excused)
        shown_due += Markup(f'<small class="ta-mut ta-excused">{_safe(said)}</small>')
    return shown_due


def missed_words(on: dt.date) -> str:
    return str(_("%(d)s 未补做", d=on))


def link(text: Any, href: str) -> Markup:
    return Markup(f'<a class="ta-a" href="{_safe(href)}">{_safe(text)}</a>')


def firm_link(name: str, href: str, width: int = 11) -> Markup:
    """The same to a company's page, by its name as `firm` says it."""
    said = firm(name, width)
    return Markup(f'<a class="ta-a" href="{_safe(href)}">{said}</a>')


def elevator_link(elevator_id: int | None) -> str:
    """The address of an elevator's page; "" where the reader may not open it: it may be another unit's by now."""
    if elevator_id is None or not g.actor.may(Verb.ELEVATOR_READ):
        return ""
    seen = scope.apply(select(Elevator.id).where(Elevator.id == elevator_id), g.actor, Elevator)
    found = db.session.scalar(seen.execution_options(skip_scope=True))
    return f"/elevators/{elevator_id}" if found is not None else ""
