"""INT-03, TGT-01: each number of the statistics of events and of spot checks is the length of the list behind it."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from app import clock
from app.listings.iot import EVENTS
from app.listings.spot import CHECKS
from app.models import IotDevice, IotEvent, SpotCheck
from app.models.iot import EVENT_KIND
from app.reports import iot, spot_checks
from app.reports.asked import Asked
from app.rules.spot_checks import CheckState
from tests.factories import World, make_elevator, make_maintenance_unit
from tests.pages import flat
from tests.reports.test_counts_and_lists import CITY, DISTRICT, OTHER, listed
from tests.views.test_fraud_pages import post
from tests.workflows.test_spot_draws import city, drawn

__all__ = ["city"]
DAY = dt.timedelta(days=1)
# What codes have in common, so that a part of one is another.
CODES = (("trapped", "TIAN-1", "trapped"), ("fault", "GB/T 24476-2017", "4"), ("event", "GB/T 24476-2017", "40"),
         ("event", "TIAN-1", "40"), ("unknown", "某厂 3.1", "X%"))  # fmt: skip


@pytest.fixture
def heard(world: World) -> World:
    """Events of three places, of nobody's elevator too, some of them repeats, some long ago."""
    rng, now, session = random.Random(7), clock.now(), world.session
    far = make_elevator(session, maintenance_unit=world.other_firm, region_code=OTHER)
    nobody = make_elevator(session, region_code=DISTRICT)
    session.flush()
    made: list[IotEvent] = []
    for number, lift in enumerate((world.own, far, nobody)):
        device = IotDevice(
            elevator_id=lift.id, serial=f"SN-{number}", region_code=lift.region_code, standard="TIAN-1", bound_at=now,
            unit_id=lift.maintenance_unit_id,
        )  # fmt: skip
        session.add(device)
        session.flush()
        for n in range(40):
            kind, standard, code = rng.choice(CODES)
            happened = now - rng.choice((0, 1, 20, 200)) * DAY
            joined = rng.choice([one for one in made if one.device_id == device.id]).id if n and n % 5 == 0 else None
            row = IotEvent(
                device_id=device.id, elevator_id=lift.id, unit_id=lift.maintenance_unit_id, kind=kind, code=code,
                standard=standard, happened_at=happened, told_at=happened, received_at=happened, joined_id=joined,
                region_code=lift.region_code, event_id=f"e{number}-{n}", use_unit_id=lift.use_unit_id,
            )  # fmt: skip
            session.add(row)
            session.flush()
            made.append(row)
    session.commit()
    return world


@pytest.mark.feature("INT-03", "STA-02")
@pytest.mark.parametrize("place", [None, CITY, DISTRICT])
def test_each_number_of_events_opens_as_many(heard: World, place: str | None) -> None:
    session, actor, today = heard.session, heard.actor("platform_admin"), clock.today()
    for by in iot.BY:
        asked = Asked(by, today - 100 * DAY, today, None, place)
        lines, whole = iot.lines(session, actor, asked), iot.whole(session, actor, asked)
        assert whole.total == sum(line.total for line in lines) == sum(whole.counts.values()), by
        assert listed(session, actor, EVENTS, iot.link_of(asked)) == whole.total > 20
        opening = [line for line in lines if line.link]
        assert len(lines) - len(opening) <= 1 and len(opening) >= (1 if place == DISTRICT and by != "event" else 2), by
        for line in opening:
            assert listed(session, actor, EVENTS, iot.link_of(asked, line)) == line.total, (by, line)
            for kind in EVENT_KIND if by != "event" else ():
                href = iot.link_of(asked, line, f_kind=kind)
                assert listed(session, actor, EVENTS, href) == line.counts[kind], (by, line, kind)
        for kind in EVENT_KIND:
            assert listed(session, actor, EVENTS, iot.link_of(asked, None, f_kind=kind)) == whole.counts[kind]


@pytest.mark.feature("INT-03", "STA-02")
def test_events_are_narrowed_by_place_unit_and_days(heard: World) -> None:
    session, actor, today = heard.session, heard.actor("platform_admin"), clock.today()

    def total(unit: int | None, region: str | None, days: int = 100) -> int:
        found = {iot.whole(session, actor, Asked(by, today - days * DAY, today, unit, region)).total for by in iot.BY}
        assert len(found) == 1
        return found.pop()

    everything, own = total(None, None), total(heard.firm.id, None)
    assert 0 < own < everything and total(heard.firm.id, OTHER) == 0 and total(heard.firm.id, CITY) == own
    assert total(None, DISTRICT) + total(None, OTHER) == everything < total(None, None, 300)
    # A unit counts its own alone, whatever it asks for.
    head = heard.actor("maintenance_head")
    mine = iot.lines(session, head, Asked("elevator", today - 100 * DAY, today))
    assert [line.code for line in mine] == [heard.own.code] and mine[0].total == own


@pytest.mark.feature("INT-03", "STA-02", "RPR-01")
def test_the_page_of_events_and_its_table(heard: World, sign_in: Any) -> None:
    desk = sign_in(heard.accounts["region_admin"])
    page = flat(desk.get("/iot/statistics").text)
    assert "按地区" in page and "X%" in page and f'name="region" value="{DISTRICT}"' not in page
    narrowed = flat(desk.get(f"/iot/statistics?by=region&region={DISTRICT}").text)
    assert f"f_region={DISTRICT}" in narrowed and "f_repeated=0" in narrowed
    assert desk.get(f"/iot/statistics?region={OTHER}").status_code != 200, "no place of others"
    assert desk.get("/iot/statistics?from_on=2026-02-02&to_on=2025-01-01").status_code == 422
    # A way that there is none of is the first one.
    assert "标准版本" in desk.get("/iot/statistics?by=x").text
    sent = post(desk, "/iot/statistics/table", by="event", format="csv", region=DISTRICT)
    rows = sent.get_data(as_text=True).splitlines()
    assert "代码,名称,类别,标准版本" in rows[0] and len(rows) > 3
    # A worker may look at devices and takes no file away.
    assert post(sign_in(heard.accounts["worker"]), "/iot/statistics/table", by="event", format="csv").status_code == 403


@pytest.mark.feature("TGT-01", "STA-02")
@pytest.mark.parametrize("place", [None, CITY, OTHER])
def test_each_number_of_spot_checks_opens_as_many(city: World, place: str | None) -> None:
    session, now = city.session, clock.now()
    others = make_maintenance_unit(session)
    for title in ("一", "二"):
        drawn(city, title=title)
    states = list(CheckState)
    for n, row in enumerate(session.query(SpotCheck).execution_options(skip_scope=True).order_by(SpotCheck.id)):
        row.state, row.created_at = states[n // 2 % len(states)], now - (200 if n % 7 == 6 else n) * DAY
        row.unit_id = others.id if n % 3 else city.firm.id
        row.region_code = OTHER if n % 2 else DISTRICT
        row.due_at = now - DAY if row.state in ("waiting", "fixing") and n % 4 else None
    session.commit()
    actor, today = city.actor("platform_admin"), clock.today()
    for by in spot_checks.BY:
        asked = Asked(by, today - 100 * DAY, today, None, place)
        lines = spot_checks.lines(session, actor, asked, now)
        assert sum(line.total for line in lines) == (11 if place != OTHER else 6), by
        assert len(lines) == (1 if by == "region" and place == OTHER else 2) and sum(line.late for line in lines), by
        for line in lines:
            assert line.link and listed(session, actor, CHECKS, line.link) == line.total, (by, line)
            href = spot_checks.link_of(asked, line.key, tab="late")
            assert listed(session, actor, CHECKS, href) == line.late, (by, line)
    (one,) = spot_checks.lines(session, actor, Asked("unit", today - 100 * DAY, today, others.id, place), now)
    assert one.code == others.uscc


@pytest.mark.feature("TGT-01", "STA-02", "RPR-01")
def test_the_page_of_spot_checks_is_narrowed_and_given_out(city: World, sign_in: Any) -> None:
    drawn(city)
    desk = sign_in(city.accounts["region_admin"])
    page = flat(desk.get(f"/spot/checks/statistics?by=region&region={DISTRICT}&unit={city.firm.id}").text)
    assert "按地区" in page and city.firm.name in page and f"f_unit={city.firm.id}" in page
    assert 'href="/spot/draws/risk"' in page, "the other pages of spot checks stay beside it"
    assert "这段时间没有抽查" in desk.get(f"/spot/checks/statistics?unit={city.other_firm.id}").text
    assert desk.get(f"/spot/checks/statistics?region={OTHER}").status_code != 200
    sent = post(desk, "/spot/checks/statistics/table", by="draw", format="csv", unit=str(city.firm.id))
    assert sent.status_code == 200 and "春季抽查" in sent.get_data(as_text=True)
