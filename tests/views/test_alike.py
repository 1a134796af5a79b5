"""照这台新增: what an estate's elevators have in common is typed once."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from sqlalchemy import Date, DateTime, select

from app.models import Elevator
from app.views.registry import alike
from app.workflows.approval.filing_fields import fields_of
from tests import factories as make
from tests.conftest import csrf
from tests.pages import page


@pytest.fixture
def first(session: Any, world: make.World) -> Elevator:
    row = make.make_elevator(
        session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="水岸苑", address="澜江路 9 号 1 幢",
        model="TJ-900", controller="LT-70", rated_load=800, safety_officer="钟既明", safety_phone="19900007788",
        factory_no="XC-1", registration_code="31109804022009060099", latitude=30.5, longitude=120.1, note="首台",
        commissioned_on=dt.date(2020, 5, 1), insurer="岚省平和保险公司",
        insured_until=dt.date(2027, 5, 1), policy_no="LZ0000000001", declared_status="in_use",
    )  # fmt: skip
    session.commit()
    return row


def value(text: str, name: str) -> str:
    """What stands in a field of the form."""
    found = re.search(rf'id="i-{name}" name="{name}"[^>]*?value="([^"]*)"', text)
    assert found is not None, name
    return found.group(1)


@pytest.mark.feature("ELV-01", "ELV-04")
def test_the_next_of_an_estate_begins_with_what_is_alike(
    session: Any, world: make.World, first: Elevator, sign_in: Any
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    link = f"/elevators/new?like={first.id}"
    assert link in page(client, f"/elevators/{first.id}")
    text = page(client, link)
    assert first.code in text and "首台" not in text
    assert [value(text, name) for name in ("estate", "model", "controller", "rated_load", "insurer")] == [
        "水岸苑", "TJ-900", "LT-70", "800", "岚省平和保险公司",
    ]  # fmt: skip
    assert {value(text, name) for name in alike.OF_ITS_OWN - {"note", "plate_state", "declared_status"}} == {""}
    assert re.search(r'value="in_use"\s+selected', text) is None, "a new one is not in use before anybody says so"
    assert "19900007788" not in text and value(text, "safety_phone") == "199****7788"
    sent = {
        "csrf_token": csrf(client), "code": "880001", "category": first.category, "estate": "水岸苑",
        "address": "澜江路 9 号 2 幢", "region_id": first.region_id, "safety_phone": "199****7788",
        "maintenance_unit_id": world.firm.name, "use_unit_id": world.use_unit.name, "then": "save",
    }  # fmt: skip
    again = client.post(link, data=sent | {"address": ""})
    assert again.status_code == 422 and link.replace("&", "&amp;") in again.text, "begun from the same one still"
    assert client.post(link, data=sent).status_code == 302
    session.rollback()
    made = session.scalar(select(Elevator).where(Elevator.code == "880001"))
    assert made.safety_phone == "19900007788" and made.approved_version == 0
    # An estate's third is begun from its second, which is a draft.
    assert f"/elevators/new?like={made.id}" in page(client, f"/elevators/{made.id}")
    assert value(page(client, f"/elevators/new?like={made.id}"), "estate") == "水岸苑"


@pytest.mark.feature("ELV-01", "ELV-04")
def test_nobody_learns_of_another_units_elevator(world: make.World, first: Elevator, sign_in: Any) -> None:
    other = sign_in(world.accounts["other_head"])
    for like in (first.id, "x", "0", "99999999999999999999"):
        text = page(other, f"/elevators/new?like={like}")
        assert "水岸苑" not in text and "TJ-900" not in text and first.code not in text
    worker = sign_in(world.accounts["worker"])
    assert "照这台新增" not in page(worker, f"/elevators/{first.id}")


@pytest.mark.feature("ELV-01")
def test_what_is_not_copied_are_fields_of_the_filing() -> None:
    assert set(fields_of(Elevator)) >= alike.OF_ITS_OWN


@pytest.mark.feature("ELV-01")
def test_no_day_of_one_elevator_is_another_ones() -> None:
    days = {name for name in fields_of(Elevator) if isinstance(Elevator.__table__.c[name].type, (Date, DateTime))}
    assert days and days <= alike.OF_ITS_OWN
