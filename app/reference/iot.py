"""Event codes of devices by (standard version, code): data of the product, and what an installation adds (IOT_CODES).

The same number means other things to other makers, so none is read without its standard. What is in no table is kept
and shown as it came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.rules.iot import EventKind, normal_standard
from app.wording import say

FILE = Path(__file__).parent / "iot_codes.json"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means. `occupied`: what it means where the message says that somebody is in the car."""

    standard: str
    code: str
    name: str
    kind: EventKind
    occupied: EventKind | None = None
    # Which kind of anomaly it is (`models.anomaly.ANOMALY_KIND`).
    anomaly: str = "other"


_names: dict[str, str] = {}
_codes: dict[tuple[str, str], Code] = {}


def use(path: str | None) -> None:
    """Read the product's table, then the installation's own: codes that it names again are its."""
    _names.clear()
    _codes.clear()
    for file in (FILE, Path(path) if path else None):
        if file is None:
            continue
        try:
            for standard in json.loads(file.read_text(encoding="utf-8"))["standards"]:
                _take(standard)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RuntimeError(f"IOT_CODES 读不了 {file}：{type(error).__name__} {error}") from error


def _take(standard: dict[str, Any]) -> None:
    name = str(standard["name"])[:40]
    for known in (name, *standard.get("also", ())):
        _names[normal_standard(known)] = name
    for row in standard["codes"]:
        code, occupied = str(row["code"])[:20], row.get("occupied")
        _codes[name, code] = Code(
            name, code, say(row["name"]), EventKind(row["kind"]), EventKind(occupied) if occupied else None,
            str(row.get("anomaly", "other")),
        )


def standard_of(text: str) -> str:
    """The standard as the table spells it, or as it came."""
    _loaded()
    return _names.get(normal_standard(text), text.strip()[:40])


def meaning(standard: str, code: str) -> Code | None:
    """What a code means; None where no table says."""
    _loaded()
    return _codes.get((standard, code))


def standards() -> list[str]:
    """Those that a table knows, in its order."""
    _loaded()
    return list(dict.fromkeys(_names.values()))


def all_codes() -> list[Code]:
    _loaded()
    return list(_codes.values())


def _loaded() -> None:
    if not _codes:
        use(None)
