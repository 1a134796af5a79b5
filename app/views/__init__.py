"""Screens: one file an area. `register` adds every view; the menu is `menu.MENU`."""

from __future__ import annotations

from typing import Any


def register(appbuilder: Any) -> None:
    """Add every screen without FAB's own menu (ours is by verb, see menu.py); one line each."""
    from flask import current_app

    from app.views import files, health

    health.register(current_app)
    files.register(current_app)
