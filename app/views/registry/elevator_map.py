"""电梯地图 (DSH-03): the register's list on a map, by the same search, tabs and filters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import g, jsonify, request
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app.errors import Finding, NotFound
from app.extensions import db
from app.listing import Listing, Query, moment
from app.listings import standing
from app.listings.elevators import ELEVATORS, state_of
from app.models import Elevator
from app.models.choices import ELEVATOR_STATUS, FILING_STATE
from app.permissions import Verb, require
from app.reports import elevator_map, map_layers
from app.rules.map_grid import Box, Cluster, read_box, read_zoom, zoom_for
from app.views.frame import clock_words, lately, map_tiles, parts
from app.views.frame.base import Button, Screen
from app.views.frame.paging import PLACE
from app.wording import together

SECONDS = 30
# Where the map begins that has nothing to show: the country.
NOWHERE = Box(20.0, 96.0, 42.0, 124.0)
STATES = ELEVATOR_STATUS | FILING_STATE
# How an elevator is drawn: shape and colour, in the order of the legend.
TONES = {
    "ok": _l("在用"), "near": _l("临近维保"), "over": _l("维保超期"), "suspended": _l("停用"), "notified": _l("告知"),
    "scrapped": _l("报废"),
}  # fmt: skip


class ElevatorMap(Screen):
    """The list's page with a map in place of its table."""

    datamodel = SQLAInterface(Elevator)
    route_base = "/map"
    # A day of the past has no map: filters and search are the list's.
    listing = replace(ELEVATORS, title=_l("电梯地图"), then=None)
    verb = Verb.ELEVATOR_READ
    template = "ta/map/map.html"
    exportable = False
    buttons: ClassVar[list[Button]] = [
        Button(_l("看列表"), "ElevatorScreen.list", Verb.ELEVATOR_READ, icon="list", carries=True)
    ]
    empty_text = _l("还没有电梯。登记电梯并上报，审核通过后才生效。")

    def _panel(self, listing: Listing, query: Query) -> Markup:
        # Not the list's own panel, which is kept under its name: that one can look back.
        days = {"as_of": "", "known_at": ""}
        return parts.fresh(
            "ta/list_filters.html", listing=listing, chosen=query.filters, lookup_text=self._lookup_text,
            withheld=listing.withheld(g.actor), **days,
        )

    def more(self, now: Any, query: Query, page: Any) -> dict[str, Any]:
        """Where the map begins, and the numbers by region: what there is without a script, and beside it."""
        tiles = map_tiles.allow()
        dropped = (*PLACE, "cols", "sort", "size", "as_of", "known_at")
        whole = self._whole(now, query)
        box = whole.box or NOWHERE
        kept = {k: v for k, v in request.args.items() if k not in dropped}
        start = {
            "south_west": tiles.there(box.south, box.west), "north_east": tiles.there(box.north, box.east),
            "zoom": zoom_for(box), "tiles": tiles.url, "attribution": tiles.attribution, "most": tiles.most_zoom,
            "subdomains": tiles.subdomains, "seconds": SECONDS, "query": urlencode(kept),
        }  # fmt: skip
        return {
            "whole": whole, "start": start, "tones": TONES,
            "layers": [one for one in map_layers.LAYERS.values() if g.actor.may(one.verb)],
            "missing_link": _list_link({**kept, "f_located": "0"}),
            "region_link": lambda code: self._link(f_region=code),
            "list_link": lambda code, **more: _list_link(kept | {"f_region": code} | more),
        }  # fmt: skip

    def _whole(self, now: Any, query: Query) -> elevator_map.Whole:
        """All by region; of the whole list, which everybody opens first, as counted a moment ago."""
        plain = not query.q and not query.filters and not query.chosen
        counted = partial(elevator_map.whole, self.listing, now, query)
        return lately.counted(("map", query.tab), counted, SECONDS, plain=plain)

    @expose("/seen", methods=["GET"])
    @has_access
    @permission_name("list")
    def seen(self) -> Any:
        """What the box holds at a zoom: circles, single elevators, the names of regions."""
        require(g.actor, self.verb)
        tiles, box = self._asked()
        zoom = read_zoom(request.args.get("zoom", ""))
        now, query = moment(db.session, g.actor), self.listing.read(request.args)
        found = elevator_map.seen(self.listing, now, query, box, zoom)
        singles = elevator_map.singles(self.listing, now, found.clusters)
        drawn = []
        for one in found.clusters:
            latitude, longitude = tiles.there(one.latitude, one.longitude)
            row = singles.get(one.key) if one.count == 1 else None
            said = _single(row) if row is not None else _circle(one, found.names)
            place = {"at": (latitude, longitude), "box": _text(one.box), "fit": _fit(tiles, one)}
            drawn.append(place | {"n": one.count} | said)
        labels = [
            {"name": one.name, "at": tiles.there(one.latitude, one.longitude), "n": one.count} for one in found.labels
        ]
        return jsonify(drawn=drawn, labels=labels, count=found.count, said=_("范围内 %(n)s 台", n=f"{found.count:,}"))

    @expose("/rows", methods=["GET"])
    @has_access
    @permission_name("list")
    def rows(self) -> Any:
        """The elevators of one circle, whose box is in the register's coordinates."""
        require(g.actor, self.verb)
        box = read_box(request.args.get("box", ""))
        now, query = moment(db.session, g.actor), self.listing.read(request.args)
        found, count = elevator_map.rows(self.listing, now, query, box)
        more = _("另有 %(n)s 台，请放大地图或用筛选", n=f"{count - len(found):,}") if count > len(found) else ""
        return jsonify(rows=[_single(row) for row in found], count=count, more=more)

    @expose("/layer/<string:name>", methods=["GET"])
    @has_access
    @permission_name("list")
    def layer(self, name: str) -> Any:
        """What else lies in the box: work that goes on, firms."""
        held = map_layers.LAYERS.get(name)
        if held is None:
            raise NotFound(Finding("地图图层", False, "没有这个图层", "请刷新地图页面"))
        require(g.actor, held.verb)
        tiles, box = self._asked()
        return jsonify(spots=[_spot(tiles, one) for one in held.spots(moment(db.session, g.actor), box)])

    def _asked(self) -> tuple[map_tiles.Tiles, Box]:
        tiles = map_tiles.configured()
        return tiles, tiles.here(read_box(request.args.get("box", "")))


def _list_link(kept: dict[str, str]) -> str:
    return f"/elevators/?{urlencode(kept)}"


def tone_of(row: Elevator) -> str:
    """How one elevator is drawn: in use by its maintenance limit, else by its status."""
    state = state_of(row)
    if state != "in_use":
        return state if state in TONES else "notified"
    due = clock_words.limit_due(row.maintenance_clock)
    return "over" if standing.due_of(row.maintenance_clock).over else "near" if due and due.tone == "near" else "ok"


def _single(row: Elevator) -> dict[str, Any]:
    """One elevator: its code, where it is, its status and what is left of its limit."""
    due = clock_words.limit_due(row.maintenance_clock) if row.status == "in_use" else None
    left = " ".join(str(part) for part in (due.before, due.number, due.after) if part not in (None, "")) if due else ""
    said = [str(STATES[state_of(row)])] + ([_("维保%(left)s", left=left)] if left else [])
    return {
        "title": row.code, "text": row.place, "state": together(said, "　"), "tone": tone_of(row),
        "link": f"/elevators/{row.id}",
    }  # fmt: skip


def _circle(one: Cluster, names: dict[str, str]) -> dict[str, Any]:
    """Many: where most of them are, and the parts of the ring."""
    parts_of = {
        "over": one.over, "near": one.near, "ok": one.by_status.get("in_use", 0) - one.over - one.near,
        "suspended": one.by_status.get("suspended", 0), "scrapped": one.by_status.get("scrapped", 0),
    }  # fmt: skip
    parts_of["notified"] = one.count - sum(parts_of.values())
    ring = [(tone, number) for tone, number in parts_of.items() if number > 0]
    said = [_("%(word)s %(n)s", word=TONES[tone], n=f"{number:,}") for tone, number in ring]
    title = _("%(place)s %(n)s 台", place=names.get(one.place, _("此处")), n=f"{one.count:,}")
    return {"title": title, "text": together(said, "　"), "ring": ring}


def _spot(tiles: map_tiles.Tiles, one: map_layers.Spot | map_layers.Heap) -> dict[str, Any]:
    """One place of a layer, or a circle of many."""
    said = {"title": one.title, "text": one.text}
    if isinstance(one, map_layers.Spot):
        tone = {"tone": one.tone} if one.tone else {}
        return said | tone | {"at": tiles.there(one.latitude, one.longitude), "link": one.link}
    held = one.cluster
    return said | {
        "at": tiles.there(held.latitude, held.longitude), "ring": one.ring, "n": held.count, "box": _text(held.box),
        "fit": _fit(tiles, held),
    }  # fmt: skip


def _fit(tiles: map_tiles.Tiles, one: Cluster) -> list[tuple[float, float]]:
    """The corners of a circle's box, as the map draws them."""
    return [tiles.there(one.box.south, one.box.west), tiles.there(one.box.north, one.box.east)]


def _text(box: Box) -> str:
    """A circle's own box, no narrower than a point must be to lie in it."""
    thin = 1e-7
    return f"{box.south - thin:.8f},{box.west - thin:.8f},{box.north + thin:.8f},{box.east + thin:.8f}"


def register(appbuilder: Any) -> None:
    """Add the page."""
    appbuilder.add_view_no_menu(ElevatorMap)
