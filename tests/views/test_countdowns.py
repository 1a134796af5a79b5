"""The same countdown and its reason on every page (CLK-01): lists, elevator, ledger, contract, warnings, queue."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.models import MaintenanceClock
from app.rules.deadlines import Deadline, due_after_minutes
from app.views.frame.clock_words import minutes_due
from tests import factories as make
from tests.factories import World
from tests.pages import flat
from tests.statements import statements
from tests.views.test_approval import waiting

pytestmark = pytest.mark.feature("CLK-01")
DAY = dt.timedelta(days=1)


def shown(page: str, tone: str = "") -> set[str]:
    """The words of every countdown on a page, tags taken out."""
    found = re.findall(rf'<span class="ta-due{tone}[^"]*"[^>]*><span>(.*?)</span>', flat(page))
    return {re.sub(r"\s+", " ", re.sub("<[^>]*>", "", text)).strip() for text in found}


def stand(session: Any, world: World, left: int) -> MaintenanceClock:
    today = clock.today()
    row = session.get(MaintenanceClock, world.own.id) or MaintenanceClock(elevator_id=world.own.id)
    row.unit_id, row.region_code, row.use_unit_id = world.firm.id, world.own.region_code, world.use_unit.id
    row.anchor_on = row.last_visit_on = row.first_visit_on = today + (left - 15) * DAY
    row.limit_on, row.limit_days, row.missed, row.missed_since_on = today + left * DAY, 15, 0, None
    session.add(row)
    session.commit()
    return row


@pytest.mark.parametrize("left", [2, 5, 0])
def test_one_limit_is_said_alike_everywhere(session: Any, world: World, sign_in: Any, left: int) -> None:
    make.make_policy(session, "near_maintenance_days", 5, region_code="980402000000")
    row = stand(session, world, left)
    visited, key, code = row.last_visit_on, world.own.id, world.own.code
    session.rollback()
    client = sign_in(world.accounts["maintenance_head"])
    words = "今天到期" if left == 0 else f"剩 {left} 天"
    for url in ("/tasks/", f"/elevators/?q={code}", f"/elevators/{key}", f"/ledgers/{key}",
                "/warnings/maintenance/?tab=near"):  # fmt: skip
        page = client.get(url).text
        assert words in shown(page, " ta-due--near"), (url, shown(page))
        assert f"上次计入的维保 {visited}；此后 15 天（" in page, url


def test_a_contract_is_said_alike_on_its_list_its_page_and_the_elevators(
    session: Any, world: World, sign_in: Any
) -> None:
    number, contract_id, key = world.contract.number, world.contract.id, world.own.id
    world.contract.ends_on = clock.today() + 6 * DAY
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    for url in (f"/contracts/?q={number}", f"/contracts/{contract_id}"):
        page = client.get(url).text
        assert "剩余 6 天" in shown(page, " ta-due--near"), url
        assert "首末日都在内；剩 7 天以内为临近（" in page, url
    assert "首末日都在内" in client.get(f"/elevators/{key}").text


def test_yellow_is_the_regions(session: Any, world: World, sign_in: Any) -> None:
    """Queue, page and home: near by `yellow_hours` of the application's region, as the reminder."""
    make.make_policy(session, "yellow_hours", 72, region_code="980402000000")
    application = waiting(world)
    application.due_at = clock.now() + dt.timedelta(hours=60, minutes=30)
    session.commit()
    key = application.id
    session.rollback()
    client = sign_in(world.accounts["inspector"])
    for url in ("/applications/queue", f"/applications/{key}", "/", "/applications/"):
        assert "剩 2 天" in shown(client.get(url).text, " ta-due--near"), url


def test_the_list_of_applications_says_why_at_no_statement_a_row(world: World, sign_in: Any) -> None:
    client, counted = sign_in(world.accounts["inspector"]), []
    for number in range(2):
        for more in range(3):
            waiting(world, f"30{number}{more}01")
        with statements() as seen:
            page = client.get("/applications/").text
        assert page.count("审批时限") == page.count('<span class="ta-due') == 3 * (number + 1)
        counted.append(len(seen))
    assert counted[0] == counted[1]


@pytest.mark.feature("RES-03")
@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "剩 3 分钟"), (1, "剩 3 分钟"),
     (121, "剩 1 分钟"), (180, "剩 1 分钟"), (181, "超 1 分钟"), (242, "超 2 分钟")],
)
def test_a_limit_of_minutes_begins_with_its_minutes(
    session: Any, monkeypatch: pytest.MonkeyPatch, seconds: int, words: str
) -> None:  # fmt: skip
    began = clock.now()
    limit = Deadline(began, due_after_minutes(began, 3))
    monkeypatch.setattr(clock, "now", lambda: began + dt.timedelta(seconds=seconds))
    found = minutes_due(limit)
    assert found is not None and f"{found.before} {found.number} {found.after}" == words
