"""The presets: what each of the five platforms does, as TOML beside this file; "off" = the platform has no such limit.

A preset answers for the keys that it lists; for all others the region goes on inheriting.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from app.policy.keys import Key, Value
from app.policy.values import check_value
from app.wording import say

DEFAULT_PRESET = "huzhou"


@dataclass(frozen=True, slots=True)
class Preset:
    """A platform's numbers, with its name and where they are written."""

    name: str
    label: str
    source: str
    values: Mapping[Key, Value]


def _read(path: Path) -> Preset:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    values = {}
    for name, value in data["values"].items():
        key = Key(name)
        values[key] = check_value(key, None if value == "off" else value)
    return Preset(path.stem, say(data["label"]), say(data["source"]), MappingProxyType(values))


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {p.stem: _read(p) for p in sorted(Path(__file__).parent.glob("*.toml"))}
)
