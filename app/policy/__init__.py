"""Policy: the numbers that cities differ on, as typed keys, presets and one resolution. Rows: `models/policy.py`."""

from app.policy.keys import INHERIT, PRESET_KEY, SPECS, Key, Spec
from app.policy.presets import DEFAULT_PRESET, PRESETS, Preset
from app.policy.resolution import Book, Held, Row, book_of, chain, in_force, resolve, resolve_all, version_of
from app.policy.values import check_value, shown

__all__ = [
    "DEFAULT_PRESET",
    "INHERIT",
    "PRESETS",
    "PRESET_KEY",
    "SPECS",
    "Book",
    "Held",
    "Key",
    "Preset",
    "Row",
    "Spec",
    "book_of",
    "chain",
    "check_value",
    "in_force",
    "resolve",
    "resolve_all",
    "shown",
    "version_of",
]
