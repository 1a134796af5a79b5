"""提分模拟: the fixes of a unit with their points, ticked ones worked out together; the same by the interface."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import clock
from app.models import Contract, ContractElevator, MaintenanceClock, Score
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.oversight import appeals
from app.workflows.scores import scores
from tests.api.callers import Caller
from tests.factories import make_complaint, make_elevator
from tests.statements import statements
from tests.workflows.clock_world import at
from tests.workflows.filing_world import AT
from tests.workflows.score_world import put_cover, put_overdue, put_visit

pytestmark = pytest.mark.feature("SIM-01")
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def late_in_the_year() -> Iterator[None]:
    """What is asked about is this year, which holds all of these days only if it has been going on for a while."""
    with clock.frozen(AT):
        yield


@pytest.fixture
def firm(session: Any, world: Any) -> Any:
    """An overdue elevator and a secret one in time, both under contract, with a record that fails; and a score."""
    today = clock.today()
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    world.secret = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    for elevator, limit, missed in ((world.own, 4, 1), (world.secret, 1, 1)):
        put_cover(session, world.firm, elevator, today - 400 * DAY, today + 400 * DAY)
        put_visit(session, elevator, world.firm, world.worker, today - 26 * DAY)
        held = session.get(MaintenanceClock, elevator.id) or MaintenanceClock(
            elevator_id=elevator.id, region_code=elevator.region_code
        )
        held.unit_id, held.limit_on, held.covered_until = world.firm.id, today + limit * DAY, today + 400 * DAY
        held.missed, held.limit_days = missed, 15
        session.add(held)
    world.failed = put_visit(session, world.own, world.firm, world.worker, today - 26 * DAY, "nonconforming").id
    put_overdue(session, world.own, world.firm, today - 11 * DAY)
    session.commit()
    with transaction(session):
        at_once = at(today)
        run = scores.run(session, SYSTEM, "980402000000", today - 300 * DAY, today, at_once, at_once)
    find = select(Score.id).where(Score.run_id == run.id)
    world.score = session.scalar(find.where(Score.unit_id == world.firm.id))
    return world


def text(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    body: str = answer.get_data(as_text=True)
    return body


def test_from_the_score_to_what_can_be_done(firm: Any, sign_in: Any) -> None:
    head = sign_in(firm.accounts["maintenance_head"])
    assert f"/scores/{firm.score}/what-if" in text(head, f"/scores/{firm.score}")
    page = text(head, f"/scores/{firm.score}/what-if")
    for said in ("从今天起什么都不做", "所选 0 项一起做", "全部做到", "今天补做超期维保", "到期的维保全部按期"):
        assert said in page
    assert f'value="serve.{firm.own.id}"' in page and f"/tasks/?tab=over&amp;q={firm.own.code}" in page
    assert f"/visits/{firm.failed}" in page
    assert "涉密" in text(sign_in(firm.accounts["inspector"]), f"/scores/{firm.score}/what-if")


def test_it_is_asked_once_however_much_is_open(session: Any, firm: Any, sign_in: Any) -> None:
    """What each item has decided and what is open of it are read in sets, and nothing is asked for where none is."""
    client = sign_in(firm.accounts["maintenance_head"])

    def asked() -> int:
        with statements() as seen:
            text(client, f"/scores/{firm.score}/what-if")
        return len([one for one in seen if not one.startswith("BEGIN")])

    asked()
    few = asked()
    assert few <= 33, few
    session.rollback()
    for number in range(12):
        put_visit(session, firm.own, firm.firm, firm.worker, clock.today() - (27 + number) * DAY, "nonconforming")
        put_overdue(session, firm.own, firm.firm, clock.today() - (60 + number) * DAY)
    session.commit()
    assert asked() == few


def test_a_record_that_was_appealed_against_leads_to_the_appeal(firm: Any, sign_in: Any) -> None:
    head = sign_in(firm.accounts["maintenance_head"])
    to_the_record = f'href="/visits/{firm.failed}">去办理<'
    assert to_the_record in text(head, f"/scores/{firm.score}/what-if")
    with transaction(firm.session) as session:
        made = appeals.submit(
            session, firm.actor("maintenance_head"), f"visit-{firm.failed}", "手机没有网络", (), clock.now()
        )
        link = f'href="/applications/{made.id}">查看申诉 {made.number}<'
    page = text(head, f"/scores/{firm.score}/what-if")
    assert link in page and to_the_record not in page and "去办理" in page
    # Nor do others learn of it by this way.
    assert link not in text(sign_in(firm.accounts["other_head"]), f"/scores/{firm.score}/what-if", 404)


def test_what_is_ticked_is_worked_out_at_the_server(firm: Any, sign_in: Any) -> None:
    head = sign_in(firm.accounts["maintenance_head"])
    url = f"/scores/{firm.score}/what-if?period=quarter&do=serve.{firm.own.id}&do=keep.0&do=kill.1&do=serve.999999"
    page = text(head, url)
    assert "所选 2 项一起做" in page and page.count(" checked") == 2
    assert "清空所选" in page


@pytest.mark.parametrize("query", ["?period=x", "?do=", "?do=keep.zz", "?do=renew.%00", "?period=half&do=correct.-1"])
def test_bad_parameters_are_no_error(firm: Any, sign_in: Any, query: str) -> None:
    assert "所选 0 项一起做" in text(sign_in(firm.accounts["inspector"]), f"/scores/{firm.score}/what-if{query}")


def test_others_and_those_without_scores_see_nothing(firm: Any, sign_in: Any) -> None:
    text(sign_in(firm.accounts["maintenance_head"]), "/scores/99999999/what-if", 404)
    assert sign_in(firm.accounts["use_head"]).get(f"/scores/{firm.score}/what-if").status_code in (302, 403)


def test_the_same_by_the_interface(app: Any, session: Any, firm: Any) -> None:
    head = Caller(app, firm, "maintenance_head")
    address = f"/score-simulations/{firm.firm.id}"
    told = head.get(address).json
    assert told["chosen"] == told["nothing"] and told["fixes"]
    fixes = {one["fix"]: one for one in told["fixes"]}
    assert fixes[f"serve.{firm.own.id}"]["about"] == firm.own.code
    every = head.get(f"{address}?do={','.join(fixes)}").json
    assert every["chosen"] == told["everything"]
    assert head.get(f"{address}?do=kill.1").status_code == 422
    assert head.get(f"{address}?period=month").status_code == 422
    assert head.get(f"{address}?do={','.join(['keep.0'] * 501)}").status_code == 422
    assert head.get(f"/score-simulations/{firm.other_firm.id}").status_code == 404
    assert Caller(app, firm, "use_head").get(address).status_code == 403


def test_the_six_with_what_is_open_and_what_is_gone(session: Any, firm: Any, sign_in: Any) -> None:
    """An open complaint is won by settling it in time; one that was late is gone, and both pages say so."""
    now = clock.now()
    late = make_complaint(session, firm.own, now - 5 * DAY, unit_id=firm.firm.id)
    fresh = make_complaint(session, firm.own, now - dt.timedelta(hours=3), unit_id=firm.firm.id)
    session.commit()
    head = sign_in(firm.accounts["maintenance_head"])
    page = text(head, f"/scores/{firm.score}/what-if?do=settle.{fresh.id}")
    for said in ("六项各能到多少", "总分，满分 96", "投诉不及时 1 次", f"/complaints/{fresh.id}", fresh.number):
        assert said in page, said
    assert f'value="settle.{fresh.id}" checked' in page and f"settle.{late.id}" not in page
    assert f'href="/scores/{firm.score}/items/feedback"' in page
    rows = dict.fromkeys(re.findall(r'value="(\w+\.[\w-]+)"', page))
    assert {f"settle.{fresh.id}", f"serve.{firm.own.id}"} <= rows.keys()


def test_the_six_by_the_interface(app: Any, session: Any, firm: Any) -> None:
    now = clock.now()
    make_complaint(session, firm.own, now - 5 * DAY, unit_id=firm.firm.id)
    fresh = make_complaint(session, firm.own, now - dt.timedelta(hours=3), unit_id=firm.firm.id)
    session.commit()
    told = Caller(app, firm, "maintenance_head").get(f"/score-simulations/{firm.firm.id}?do=settle.{fresh.id}").json
    feedback = told["items"]["feedback"]
    assert [feedback[way]["points"] for way in ("nothing", "chosen", "everything")] == ["0.00", "8.00", "8.00"]
    assert (feedback["winnable"], feedback["gone"]) == (8.0, 8.0)
    assert told["items"]["inspection"]["nothing"]["points"] is None
    assert float(told["total"]["chosen"]) == float(told["total"]["nothing"]) + 8
    one = next(fix for fix in told["fixes"] if fix["fix"] == f"settle.{fresh.id}")
    assert (one["item"], one["about"], one["alone"]) == ("feedback", fresh.number, 8.0) and one["due_at"]
