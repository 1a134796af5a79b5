"""What a page asks of the database does not grow with its rows: in a demo region, by the statements that are sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import statements
from tests.views import demo_region

# Lists whose rows hang on more than their own table.
LISTS = (
    "/safety/units/", "/applications/", "/applications/queue", "/elevators/", "/units/", "/people/", "/contracts/",
    "/ledgers/", "/tasks/", "/orders/", "/visits/", "/warnings/maintenance/?tab=near", "/warnings/contract/",
)
# A page of many rows may ask what one of few has no occasion for: the policy, the names of regions, a calendar.
OCCASIONS = 3


def sent(browser: Any, address: str) -> int:
    with statements() as seen:
        assert browser.get(address).status_code == 200, address
    return len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"))])


@pytest.mark.feature("ELV-02", "ACC-13")
def test_no_list_asks_for_each_of_its_rows(session: Any, app: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    browser = demo_region.enter(app, demo_region.make(session, 60)["shiju"])
    grows: dict[str, tuple[int, int]] = {}
    for address in LISTS:
        assert browser.get(address).text.count("<tr") > 2, address
        asked = f"{address}{'&' if '?' in address else '?'}size="
        few, many = (sent(browser, f"{asked}{size}") for size in (1, 200))
        if many > few + OCCASIONS:
            grows[address] = (few, many)
    assert grows == {}
    assert {address: number for address in LISTS if (number := sent(browser, address)) > 10} == {}
