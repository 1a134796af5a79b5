"""A point set on the map in the form of a unit or a new elevator (UNT-02, UNT-07, ELV-01)."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Elevator, Unit
from app.views.approval import point_picker
from app.workflows.filing import filing
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import elevator_data, fresh, unit_data

pytestmark = pytest.mark.feature("UNT-02", "UNT-07", "ELV-01")


def begin(page: str) -> dict[str, Any]:
    found = re.search(r'data-pick="([^"]+)"', page)
    assert found is not None
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


@pytest.mark.parametrize(("path", "persona"), [
    ("/units/new", "maintenance_head"), ("/units/new", "region_admin"), ("/elevators/new", "maintenance_head"),
    ("/elevators/new", "use_head"), ("/units/{unit}/edit", "maintenance_head"), ("/elevators/{own}/edit", "use_head"),
])  # fmt: skip
def test_every_form_with_a_place_has_the_map(world: World, sign_in: Any, path: str, persona: str) -> None:
    page = sign_in(world.accounts[persona]).get(path.format(unit=world.firm.id, own=world.own.id)).text
    start = begin(page)
    assert start["tiles"] == "" and "data-pick-fold hidden" in page, "no tiles, and nothing to be seen without a script"
    for name in point_picker.FIELDS:
        assert re.search(rf'<input[^>]*name="{name}"[^>]*data-map-{name}', page), "numbers can still be typed"
    # Never a place that the reader does not see.
    assert world.foreign.code not in {one["title"] for one in start["others"]} or persona == "region_admin"


def test_a_point_set_on_the_map_is_filed(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    data = {k: v for k, v in elevator_data(world).items() if k not in point_picker.FIELDS}
    data |= {"use_unit_id": world.use_unit.name, "maintenance_unit_id": world.firm.name, "csrf_token": csrf(client)}
    # What was set on the map counts before what stands in the fields; a script empties it where one types.
    sent = data | {"latitude": "1", "longitude": "2", "drawn": "30.5000004,120.5", "then": "save"}
    assert client.post("/elevators/new", data=sent).status_code == 302
    fresh(world.session)
    row = world.session.scalars(select(Elevator).where(Elevator.code == "300001")).one()
    assert (row.latitude, row.longitude) == (30.5, 120.5)
    assert begin(client.get(f"/elevators/{row.id}/edit").text)["at"] == [30.5, 120.5]


def test_a_refused_form_keeps_the_point(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    data = {k: v for k, v in unit_data(world.session).items() if k != "is_use"} | {"name": "", "_is_use": "1"}
    answer = client.post("/units/new", data=data | {"drawn": "30.1234567,120.7654321", "csrf_token": csrf(client)})
    assert answer.status_code == 422 and begin(answer.text)["at"] == [30.123457, 120.765432]
    assert 'value="30.123457"' in answer.text and 'value="120.765432"' in answer.text


@pytest.mark.parametrize("drawn", ["", "x,y", "91,0", "0,181", "nan,nan", "inf,0", "1,2,3", "1", ","])
def test_what_is_no_point_leaves_the_typed_numbers(world: World, sign_in: Any, drawn: str) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    version = re.search(r'name="row_version" value="(\d+)"', client.get(f"/units/{world.firm.id}/edit").text)
    assert version is not None
    sent = {"latitude": "30.25", "longitude": "120.75", "drawn": drawn, "row_version": version[1], "then": "save"}
    assert client.post(f"/units/{world.firm.id}/edit", data=sent | {"csrf_token": csrf(client)}).status_code == 302
    fresh(world.session)
    held = filing.content(world.session, world.session.get(Unit, world.firm.id))
    assert (held["latitude"], held["longitude"]) == (30.25, 120.75)


def test_a_map_of_other_coordinates_is_shifted_where_it_arrives(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MAP_TILES", "https://tiles.example.cn/{z}/{x}/{y}.png")
    monkeypatch.setitem(app.config, "MAP_TILES_DATUM", "gcj02")
    with app.test_request_context():
        sent = point_picker.sent({"drawn": "30.5,120.5"})
        assert sent != {"latitude": "30.500000", "longitude": "120.500000"}
        assert abs(float(sent["latitude"]) - 30.5) < 0.01 and abs(float(sent["longitude"]) - 120.5) < 0.01
