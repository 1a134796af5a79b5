"""Parts of pages that many requests share (menu, frame, panels of filters): rendered once, kept by their values.

A part is a template that sees nothing but the values that it is kept by. What is another one each time (the session's
token, the page's nonce) is a hole in it, filled afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

# Of each template: far more than there are menus and lists; who makes up addresses only makes the keeping start again.
MOST = 1000


def part(template: str, key: Hashable, **values: Any) -> Markup:
    """The template rendered with `values`, which must follow from `key` and the language alone."""
    kept: dict[Any, Markup] = current_app.extensions.setdefault("tian_parts", {}).setdefault(template, {})
    place = (str(get_locale()), key)
    found = kept.get(place)
    if found is None:
        found = fresh(template, **values)
        if len(kept) >= MOST:
            kept.clear()
        kept[place] = found
    return found


def part_with_holes(template: str, key: Hashable, holes: dict[str, str], **values: Any) -> Markup:
    """The same with these texts in it, which are not kept."""
    # No text of a page holds NUL: requests.py refuses it at the door, and no database keeps it.
    marks = {name: f"\0{name}\0" for name in holes}
    made = part(template, key, **values, **marks)
    for name, text in holes.items():
        made = made.replace(marks[name], text)
    return made


def fresh(template: str, **values: Any) -> Markup:
    """The same, not kept."""
    made: str = current_app.jinja_env.get_template(template).render(**values)
    return Markup(made)  # a template escapes what it is given
