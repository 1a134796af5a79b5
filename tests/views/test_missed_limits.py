"""A missed limit stays the one that is due, in red, on every list, page, phone and export until a visit comes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.models import MaintenanceClock
from app.rules.schedule import DueDay, due_day
from app.transaction import transaction
from app.views.frame.cells import firm
from app.workflows.maintenance import orders
from tests import factories as make
from tests.conftest import csrf
from tests.pages import flat
from tests.workflows.clock_world import run, visit

D = dt.date


@pytest.mark.feature("PLN-09", "CLK-01")
@pytest.mark.parametrize(
    ("limit", "since", "paused", "left", "shown"),
    [
        (D(2026, 3, 31), None, None, None, DueDay(D(2026, 3, 31), 13)),
        (D(2026, 3, 18), None, None, None, DueDay(D(2026, 3, 18), 0)),
        (D(2026, 3, 17), None, None, None, DueDay(D(2026, 3, 17), -1, True)),  # not judged yet
        (D(2026, 3, 30), D(2026, 3, 15), None, None, DueDay(D(2026, 3, 15), -3, True)),
        (D(2026, 4, 14), D(2026, 3, 15), None, None, DueDay(D(2026, 3, 15), -3, True)),  # the first of several
        (None, D(2026, 3, 1), D(2026, 3, 4), 6, DueDay(D(2026, 3, 1), 6, False, True)),
        (None, None, None, None, DueDay(None, None)),
    ],
)
def test_which_limit_counts(limit: Any, since: Any, paused: Any, left: Any, shown: DueDay) -> None:
    assert due_day(limit, since, paused, left, D(2026, 3, 18)) == shown


@pytest.fixture
def late(session: Any) -> make.World:
    """The firm's elevator was last visited 33 days ago: its limits 18 and 3 days ago were missed."""
    world = make.World(session)
    today = clock.today()
    make.make_ledger(session, world.own, world.worker)
    session.commit()
    visit(session, world.own, world.worker, today - dt.timedelta(days=33))
    run(session, today)
    with transaction(session):
        orders.make_due(session, today, clock.now())
    return world


@pytest.mark.feature("PLN-10")
def test_the_first_missed_limit_is_kept_until_a_visit(session: Any, late: make.World) -> None:
    today = clock.today()
    row = session.get(MaintenanceClock, late.own.id)
    session.refresh(row)
    assert (row.missed, row.missed_since_on) == (2, today - dt.timedelta(days=18))
    visit(session, late.own, late.worker, today)
    session.refresh(row)
    assert (row.missed, row.missed_since_on) == (0, None)


@pytest.mark.feature("PLN-09", "PLN-10", "WRN-01", "ELV-03")
@pytest.mark.parametrize(
    "page", ["/elevators/", "/elevators/{id}", "/ledgers/{id}", "/tasks/", "/warnings/maintenance/"]
)
def test_every_page_shows_the_missed_day(late: make.World, sign_in: Any, page: str) -> None:
    answer = sign_in(late.accounts["maintenance_head"]).get(page.format(id=late.own.id))
    missed = clock.today() - dt.timedelta(days=18)
    assert answer.status_code == 200 and missed.isoformat() in answer.text
    assert "超 <b>18</b> 天" in flat(answer.text) and "剩 <b>12</b>" not in flat(answer.text)
    if "{id}" in page:
        assert f"/overdue/?tab=standing&amp;q={late.own.code}" in answer.text and "未补做" in answer.text


@pytest.mark.feature("MNT-12")
def test_the_phone_says_the_same(late: make.World, sign_in: Any) -> None:
    client = sign_in(late.accounts["worker"])
    missed = clock.today() - dt.timedelta(days=18)
    assert f"{missed:%m-%d} 未补做" in client.get(f"/m/e/{late.own.code}").text
    assert "超 18 天" in client.get("/m/orders?kind=over").text


@pytest.mark.feature("WRN-01", "STA-01")
def test_the_export_gives_the_missed_day(late: make.World, sign_in: Any) -> None:
    client = sign_in(late.accounts["maintenance_head"])
    form = {"csrf_token": csrf(client), "format": "csv", "query": "tab=over"}
    answer = client.post("/exports/warnings_maintenance", data=form)
    assert (clock.today() - dt.timedelta(days=18)).isoformat() in answer.get_data(as_text=True)


@pytest.mark.feature("ELV-03")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("澜州恒枢电梯工程有限公司", "澜州恒枢电梯工程"), ("澜州物业股份有限公司", "澜州物业"),
        ("某某有限公司", "某某有限公司"), ("<b>", "&lt;b&gt;"),
    ],
)
def test_a_company_is_named_without_its_legal_form(name: str, shown: str) -> None:
    made = str(firm(name))
    assert f">{shown}</span>" in made and "<b>" not in made
