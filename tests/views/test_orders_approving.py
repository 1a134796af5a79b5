"""PLN-05: 审批中 in the plan list: done, and its visit waits for somebody's word; told by the visit, stored nowhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from app import clock
from app.listing import Query, moment
from app.listings.maintenance import ORDERS
from app.models import MaintenanceOrder, Visit
from app.models.likely import unguessed
from tests.api.callers import Caller
from tests.factories import World
from tests.statements import statements

pytestmark = pytest.mark.feature("PLN-05")
DAY = dt.timedelta(days=1)
# What a visit is → how its order is shown.
CASES = {
    "review": ({"state": "awaiting", "awaiting_review": True}, "approving"),
    "manager": ({"state": "pending", "reason": "undecided"}, "approving"),
    "label": ({"state": "pending", "label_state": "waiting"}, "approving"),
    "review_and_sheet": ({"state": "awaiting", "awaiting_review": True, "awaiting_sheet": True}, "approving"),
    "late_review": ({"state": "nonconforming", "awaiting_review": True}, "approving"),
    "sheet": ({"state": "awaiting", "awaiting_sheet": True}, "done"),  # the firm's own work, nobody's word
    "valid": ({"state": "valid"}, "done"),
    "nonconforming": ({"state": "nonconforming"}, "done"),
    "rejected": ({"state": "rejected"}, "done"),
}  # fmt: skip


def order(world: World, state: str = "done", visit: dict[str, Any] | None = None, days: int = 0) -> MaintenanceOrder:
    session, on = world.session, clock.today() - days * DAY
    key = None
    if visit is not None:
        at = clock.now() - days * DAY
        row = Visit(
            elevator_id=world.own.id, unit_id=world.firm.id, use_unit_id=world.use_unit.id,
            region_code=world.own.region_code, worker_id=world.worker.id, visit_on=on, checked_in_at=at,
            checked_out_at=at, received_at=at, level="half_month", **visit,
        )  # fmt: skip
        session.add(row)
        session.flush()
        key = row.id
    made = MaintenanceOrder(
        elevator_id=world.own.id, unit_id=world.firm.id, region_code=world.own.region_code,
        worker_id=world.worker.id, planned_on=on, level="half_month", origin="manual", state=state, visit_id=key,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def all_of(world: World) -> dict[str, MaintenanceOrder]:
    made = {name: order(world, visit=visit, days=n) for n, (name, (visit, _shown)) in enumerate(CASES.items())}
    made |= {"open": order(world, "open"), "void": order(world, "void"), "without": order(world, "done")}
    world.session.commit()
    return made


SHOWN = {name: shown for name, (_visit, shown) in CASES.items()} | {"open": "open", "void": "void", "without": "done"}


def keys(world: World, **asked: Any) -> set[int]:
    now = moment(world.session, world.actor("maintenance_head"))
    return {row.id for row in ORDERS.rows(now, ORDERS.read(asked))}


def test_shown_filtered_and_counted_as_the_visit_says(world: World, all_of: dict[str, MaintenanceOrder]) -> None:
    of = {shown: {all_of[name].id for name, s in SHOWN.items() if s == shown} for shown in set(SHOWN.values())}
    now = moment(world.session, world.actor("maintenance_head"))
    rows = ORDERS.page(now, ORDERS.read({"tab": "all"})).rows
    assert {row.id: row.shown_state for row in rows} == {all_of[name].id: shown for name, shown in SHOWN.items()}
    for shown, wanted in of.items():
        assert keys(world, tab=shown) == keys(world, tab="all", f_state=shown) == wanted, shown
    assert keys(world, tab="all", f_state="approving,void") == of["approving"] | of["void"]
    counts = ORDERS.counts(now, Query(tab="all"))
    assert {name: counts[name] for name in of} == {name: len(found) for name, found in of.items()}
    assert sum(counts[name] for name in of) == counts["all"], "each order is in one of them"


def test_once_the_word_was_said_it_is_done(world: World, all_of: dict[str, MaintenanceOrder]) -> None:
    row = all_of["manager"]
    visit = world.session.get_one(Visit, row.visit_id)
    visit.state, visit.decision = "valid", "approved"
    world.session.commit()
    assert row.id in keys(world, tab="done") and row.id not in keys(world, tab="approving")


def test_an_export_says_the_same(world: World, all_of: dict[str, MaintenanceOrder]) -> None:
    now = moment(world.session, world.actor("maintenance_head"))
    columns = [c for name in ("number", "state") if (c := ORDERS.column(name)) is not None]
    query = ORDERS.read({"tab": "all"})
    told = {row[0]: row[1] for block in ORDERS.blocks(now, query, columns) for row in block}
    assert told == {all_of[name].id: shown for name, shown in SHOWN.items()}


def test_another_unit_sees_none_of_them(world: World, all_of: dict[str, MaintenanceOrder]) -> None:
    now = moment(world.session, world.actor("other_head"))
    assert not set(ORDERS.counts(now, Query(tab="all")).values()) - {0}


def test_a_page_asks_once_more_and_only_where_the_state_is_shown(
    world: World, all_of: dict[str, MaintenanceOrder]
) -> None:
    now = moment(world.session, world.actor("maintenance_head"))
    world.session.expunge_all()
    with statements() as seen:
        ORDERS.page(now, ORDERS.read({"tab": "all"}))
    with_state = len([one for one in seen if "awaiting_review" in one])
    world.session.expunge_all()
    with statements() as seen:
        ORDERS.page(now, ORDERS.read({"tab": "open", "cols": "number,code"}))
    assert (with_state, [one for one in seen if "awaiting_review" in one]) == (1, [])


def test_on_the_page_and_in_the_list(world: World, all_of: dict[str, MaintenanceOrder], sign_in: Any) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    text = client.get("/orders/?tab=approving").text
    assert text.count('class="ta-pill') >= 5 and "审批中" in text
    assert "审批中" in client.get(f"/orders/{all_of['review'].id}").text
    assert "审批中" not in client.get(f"/orders/{all_of['valid'].id}").text


def test_by_the_interface(app: Any, world: World, all_of: dict[str, MaintenanceOrder]) -> None:
    caller = Caller(app, world, "maintenance_head")
    found = {row["id"]: row["state"] for row in caller.get("/orders?own=0&state=approving").json["rows"]}
    assert found == {all_of[name].id: "approving" for name, shown in SHOWN.items() if shown == "approving"}
    assert {row["state"] for row in caller.get("/orders?own=0").json["rows"]} == {"open"}
    assert {row["state"] for row in caller.get("/orders?own=0&state=done").json["rows"]} == {"done"}
    assert caller.get("/orders?own=0&state=nix").status_code == 422
    stored = select(MaintenanceOrder.state).where(MaintenanceOrder.id == all_of["review"].id)
    assert world.session.scalar(stored) == "done"


@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")
def test_statistics_that_know_of_none_that_is_done_plan_for_many(world: World) -> None:
    """PostgreSQL would read all visits that wait for each order, of which there are as many as were done since."""
    session = world.session
    for n in range(40):
        order(world, "open", days=n)
    session.execute(text("ANALYZE maintenance_order"))
    for n in range(40):
        order(world, "done", {"state": "valid"}, days=n)

    def expected(condition: Any) -> int:
        plain = select(MaintenanceOrder.id).where(condition).compile(
            session.connection().engine, compile_kwargs={"literal_binds": True}
        )  # fmt: skip
        [plan] = session.scalar(text(f"EXPLAIN (FORMAT JSON) {str(plain).replace(':', chr(92) + ':')}"))
        return int(plan["Plan"]["Plan Rows"])

    done = MaintenanceOrder.state == "done"
    assert expected(done) == 1, "what they say of those that are done"
    assert expected(unguessed(done)) > 15
    tab = next(tab for tab in ORDERS.tabs if tab.key == "approving")
    assert tab.criterion is not None
    asked = select(MaintenanceOrder.id).where(tab.criterion(moment(session, world.actor("worker"))))
    written = str(asked.compile(session.connection().engine))
    assert "coalesce(maintenance_order.state" in written
    assert "UNION" not in written, "PostgreSQL may ask it of a single visit"
