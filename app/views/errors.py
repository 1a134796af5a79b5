"""Error pages: a refusal says rule, finding and remedy; nothing ends in a bare 500."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    """Register the handlers."""
