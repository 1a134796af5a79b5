"""The pictures beneath a map: whose, in which coordinates, and what the page's policy lets through for them.

Without `MAP_TILES` a map draws a quiet grid with a scale; nothing then leaves the house. With it a browser fetches
pictures from that one place, and only on pages that show a map (`allow`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import current_app, g

from app.rules.datum import Datum, Point, of_datum, to_datum
from app.rules.map_grid import Box

_HOST = re.compile(r"^(https?://)([A-Za-z0-9.{}:-]+)(?=/)")


@dataclass(frozen=True, slots=True)
class Tiles:
    """As configured; `url` is empty without pictures."""

    url: str
    attribution: str
    datum: Datum
    most_zoom: int
    subdomains: str

    def there(self, latitude: float, longitude: float) -> Point:
        """A point of the register, as the map draws it."""
        return to_datum((latitude, longitude), self.datum)

    def page(self, latitude: float, longitude: float) -> str:
        """The address of the map at a point of the register."""
        at = self.there(latitude, longitude)
        return f"/map/#17/{at[0]:.5f}/{at[1]:.5f}"

    def here(self, box: Box) -> Box:
        """What the map shows, in the register's coordinates."""
        south, west = of_datum((box.south, box.west), self.datum)
        north, east = of_datum((box.north, box.east), self.datum)
        return Box(south, west, north, east)


def configured() -> Tiles:
    """What the settings say; a kind of coordinates that nobody knows stops the page rather than shifting points."""
    held = current_app.config
    url = str(held["MAP_TILES"])
    datum = Datum(held["MAP_TILES_DATUM"] or Datum.WGS84) if url else Datum.WGS84
    return Tiles(url, str(held["MAP_ATTRIBUTION"]), datum, int(held["MAP_MOST_ZOOM"]), str(held["MAP_SUBDOMAINS"]))


def origin(url: str) -> str:
    """Where pictures come from, as a content security policy says it; `{s}` stands for any server of that house."""
    found = _HOST.match(url)
    if found is None:
        return ""
    scheme, host = found.groups()
    # A placeholder within a name, such as tile{s}.example.com, can only be allowed as a whole part of it.
    parts = ["*" if "{" in part else part for part in host.split(".")]
    while len(parts) > 1 and "*" in parts[1:]:
        parts = ["*", *parts[parts.index("*", 1) + 1 :]]
    return "" if parts == ["*"] else scheme + ".".join(parts)


def allow() -> Tiles:
    """This page shows a map: its policy lets the pictures through."""
    tiles = configured()
    g.map_origin = origin(tiles.url)
    return tiles


def policy_with(policy: str) -> str:
    """The page's policy, with the pictures of its map where it shows one."""
    place: Any = g.get("map_origin", "")
    return policy.replace("img-src 'self'", f"img-src 'self' {place}", 1) if place else policy
