"""Parts of pages that many requests share (menu, panels of filters and columns): rendered once, kept by their values.

A part is a template that sees nothing but the values that it is kept by: no request, no person, no token.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

# Far more than there are menus and lists; whoever makes up addresses only makes the keeping start again.
MOST = 1000


def part(template: str, key: Hashable, **values: Any) -> Markup:
    """The template rendered with `values`, which must follow from `key` and the language alone."""
    kept: dict[Any, Markup] = current_app.extensions.setdefault("tian_parts", {})
    place = (template, str(get_locale()), key)
    found = kept.get(place)
    if found is None:
        found = fresh(template, **values)
        if len(kept) >= MOST:
            kept.clear()
        kept[place] = found
    return found


def fresh(template: str, **values: Any) -> Markup:
    """The same, not kept."""
    made: str = current_app.jinja_env.get_template(template).render(**values)
    return Markup(made)  # a template escapes what it is given
