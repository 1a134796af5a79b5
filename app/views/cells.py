"""What stands in the cells of a list, said one way everywhere: values by kind, states, what is left of a limit."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup

from app import clock
from app.listing import Column
from app.listings import standing
from app.models import MaintenanceClock
from app.models.choices import word
from app.rules.identifiers import mask_mobile
from app.views.filing_words import Due


def shown(column: Column, value: Any) -> Any:
    """A value as people read it; sensitive ones masked, nothing as —."""
    if value is None or value == "":
        return "—"
    if column.choices is not None:
        return word(column.choices, value)
    if column.sensitive == "mobile":
        return mask_mobile(str(value))
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if column.unit and isinstance(value, int | float):
        return f"{value} {column.unit}"
    if isinstance(value, dt.datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


TONES = {"ok", "near", "over", "gone", "secret", "info"}


def pill(text: Any, tone: str = "gone") -> Markup:
    """A status: colour, shape and word."""
    return Markup('<span class="ta-pill ta-pill--{}">{}</span>').format(tone if tone in TONES else "gone", str(text))


def mark(text: Any, tone: str = "gone") -> Markup:
    """The same without the pill, for dense tables."""
    return Markup('<span class="ta-mark ta-mark--{}">{}</span>').format(tone if tone in TONES else "gone", str(text))


def two(first: Any, second: Any, width: int = 15) -> Markup:
    """Two lines in a cell: the name, cut with a title, and a small one below."""
    return Markup(
        '<span class="two"><span class="ta-cut" style="--w:{}em" title="{}">{}</span><small>{}</small></span>'
    ).format(width, str(first), str(first), str(second))


def cut(text: Any, width: int = 12) -> Markup:
    return Markup('<span class="ta-cut" style="--w:{}em" title="{}">{}</span>').format(width, str(text), str(text))


_LEGAL_FORM = ("股份有限公司", "有限责任公司", "有限公司")


def firm(name: Any, width: int = 11) -> Markup:
    """A company's name without its legal form, which says nothing in a list; the whole name in the title."""
    whole = str(name)
    form = next((f for f in _LEGAL_FORM if whole.endswith(f) and len(whole) > len(f) + 3), "")
    return Markup('<span class="ta-cut" style="--w:{}em" title="{}">{}</span>').format(
        width, whole, whole.removesuffix(form)
    )


def due(left: int | None, total: int = 15, near: int = 3, paused: bool = False) -> Markup:
    """What is left of a limit in days, as everywhere: words, figure, bar."""
    if paused:
        paused_html = '<span class="ta-due ta-due--pause"><span>{}</span><i style="--v:0%"></i></span>'
        return Markup(paused_html).format(_("已暂停"))
    if left is None:
        return Markup('<span class="ta-mut">—</span>')
    spent = 100 if left < 0 else max(0, min(100, 100 - left * 100 // max(total, 1)))
    tone = " ta-due--over" if left < 0 else " ta-due--near" if left <= near else ""
    if left == 0:
        today = '<span class="ta-due ta-due--near"><span>{}</span><i style="--v:{}%"></i></span>'
        return Markup(today).format(_("今天到期"), spent)
    words = _("超") if left < 0 else _("剩")
    return Markup(
        '<span class="ta-due{}"><span>{} <b>{}</b> {}</span><i style="--v:{}%"></i></span>'
    ).format(Markup(tone), words, abs(left), _("天"), spent)


def countdown(left: Due | None) -> Markup:
    """A limit to the minute, as `filing_words` says it, in a list's cell."""
    if left is None:
        return Markup('<span class="ta-mut">—</span>')
    number = "" if left.number is None else Markup("<b>{}</b> ").format(left.number)
    return Markup('<span class="ta-due{}"><span>{} {}{}</span><i style="--v:{}%"></i></span>').format(
        f" ta-due--{left.tone}" if left.tone else "", left.before, number, left.after, left.spent
    )


def limit_cell(row: MaintenanceClock | None, near: int = 3, total: int | None = None) -> Markup:
    """The maintenance limit as everywhere: a missed one with its day, in red, and the way to its record."""
    found = standing.due_of(row)
    if row is None or not found.over or found.on is None:
        return due(found.left_days, total or (row.limit_days if row else 15), near, paused=found.paused)
    return due(found.left_days) + Markup('<small class="ta-missed">{}</small>').format(missed_words(found.on))


def missed_words(on: dt.date) -> str:
    return str(_("%(d)s 未补做", d=on))


def link(text: Any, href: str) -> Markup:
    return Markup('<a class="ta-a" href="{}">{}</a>').format(href, str(text))
