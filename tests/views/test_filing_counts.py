"""Which elevators a list, the home page and the report hold: what is in force, and filings only where they belong."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.listings.units import UNITS
from app.models import Elevator
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import elevator_data, save, submit


@pytest.fixture
def filings(session: Any, world: World) -> World:
    """Beside the approved one: a draft, one under review, and one that is scrapped."""
    head = world.actor("maintenance_head")
    save(session, head, Elevator, None, elevator_data(world, code="300001"))
    submit(session, head, save(session, head, Elevator, None, elevator_data(world, code="300002")))
    factories.make_elevator(session, maintenance_unit=world.firm, status="scrapped", code="300003")
    session.commit()
    return world


def codes(page: str) -> set[str]:
    return {code for code in ("300001", "300002", "300003") if re.search(f">{code}<", page)}


@pytest.mark.feature("ELV-02", "ELV-04")
@pytest.mark.parametrize(
    ("persona", "tab", "seen"),
    [
        ("inspector", "all", set()), ("inspector", "every", {"300002", "300003"}),
        ("inspector", "pending", {"300002"}), ("inspector", "draft", set()), ("inspector", "notified", set()),
        ("inspector", "scrapped", {"300003"}), ("maintenance_head", "all", set()),
        ("maintenance_head", "every", {"300001", "300002", "300003"}), ("maintenance_head", "draft", {"300001"}),
    ],
)  # fmt: skip
def test_filings_are_where_they_belong(filings: World, sign_in: Any, persona: str, tab: str, seen: set[str]) -> None:
    page = sign_in(filings.accounts[persona]).get(f"/elevators/?tab={tab}").text
    assert codes(page) == seen
    assert (filings.own.code in page) is (tab in ("all", "every"))


@pytest.mark.feature("ELV-04", "UNT-05")
def test_tabs_of_filings_show_what_is_filed_and_what_was_said(filings: World, sign_in: Any) -> None:
    client = sign_in(filings.accounts["maintenance_head"])

    def heads(url: str) -> list[str]:
        return re.findall(r"<th[^>]*>(?:<a[^>]*>)?([^<]+)", str(client.get(url).text).split("<tbody")[0])

    drafts = heads("/elevators/?tab=draft")
    assert {"注册代码", "信息状态", "审核意见"} <= set(drafts) and "维保期限" not in drafts
    assert "维保期限" in heads("/elevators/") and "审核意见" not in heads("/elevators/?tab=pending")
    actor = filings.actor("maintenance_head")
    assert "opinion" in UNITS.shown_first(actor, "draft") and "info_state" in UNITS.shown_first(actor, "pending")
    assert UNITS.shown_first(actor, "nonsense") == UNITS.shown_first(actor)


@pytest.mark.feature("ELV-04", "ELV-09")
def test_what_was_never_approved_shows_how_far_its_filing_is(filings: World, sign_in: Any) -> None:
    client = sign_in(filings.accounts["maintenance_head"])
    page = client.get("/elevators/?tab=pending&cols=code,status").text
    assert "审核中" in page and ">告知</span>" not in page
    row = filings.session.query(Elevator).filter_by(code="300002").one()
    head = client.get(f"/elevators/{row.id}").text.partition("ta-clocks")[0]
    assert "审核中" in head and ">告知</span>" not in head


@pytest.mark.feature("DSH-01", "STA-02")
@pytest.mark.parametrize("persona", ["inspector", "maintenance_head"])
def test_home_report_and_list_count_the_same(filings: World, sign_in: Any, persona: str) -> None:
    client = sign_in(filings.accounts[persona])
    listed = re.search(r"共 (\d+) 条", client.get("/elevators/").text)
    figure = r'href="/elevators/"[^>]*><span class="t">[^<]*电梯</span><span class="n">(\d+)'
    home = re.search(figure, client.get("/").text)
    report = re.search(r"在册电梯</span><span class=\"n\">(\d+)", client.get("/reports/").text)
    assert listed and home and report
    assert listed[1] == home[1] == report[1] == "1"


@pytest.mark.feature("LIF-08", "UNT-05")
def test_a_mere_draft_of_another_is_nobodys_warning(session: Any, world: World, sign_in: Any) -> None:
    head, other = world.actor("maintenance_head"), world.actor("other_head")
    application = submit(session, head, save(session, head, Elevator, None, elevator_data(world)))
    rival = elevator_data(world, maintenance_unit_id=world.other_firm.id)
    row = save(session, other, Elevator, None, rival)
    client = sign_in(world.accounts["inspector"])
    assert "另有填报" not in client.get(f"/applications/{application.id}").text
    submit(session, other, row)
    page = client.get(f"/applications/{application.id}").text
    assert "另有填报" in page and f'href="/elevators/{row.id}"' in page
