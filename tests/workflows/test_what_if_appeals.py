"""SIM-01, APL-01: what may still be appealed against is a fix of each item; upheld, what was foretold comes about."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import clock
from app.models import Application, Contract, ContractElevator, Score
from app.permissions import SYSTEM
from app.rules.score_items import Item
from app.rules.what_if import Fix, FixKind, Period
from app.rules.what_if_items import gone
from app.transaction import transaction
from app.workflows.contracts import cover
from app.workflows.desk import applications
from app.workflows.oversight import appeals
from app.workflows.scores import what_if
from app.workflows.scores.what_if import Told
from tests.api.callers import Caller
from tests.factories import make_elevator, make_policy
from tests.reference.items import Called, Changed, Complained, Inspected, Trapped
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import put_change, put_complaint, put_inspection, put_rescue
from tests.workflows.score_world import put_cover, score

pytestmark = pytest.mark.feature("SIM-01", "APL-01")
TODAY, DAY = day("2024-05-10"), dt.timedelta(days=1)
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
NOW = at(TODAY, 12)
FIRST, LAST = day("2024-04-01"), day("2024-06-30")
FINAL = at(day("2024-07-20"))
WITHIN = 30


@pytest.fixture
def firm(session: Any, world: Any) -> Any:
    """Of each item two records that are held against the unit."""
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    make_policy(session, "appeal_within_days", WITHIN)
    world.lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(4)]
    for elevator in world.lifts:
        put_cover(session, world.firm, elevator, day("2024-01-01"), day("2024-12-31"))
    session.commit()
    cover.refresh(session, [one.id for one in world.lifts], day("2024-04-02"))
    first, second, third, fourth = world.lifts
    world.rescues = []
    for elevator, began in ((first, NOW - 90 * HOUR), (second, NOW - 80 * HOUR)):
        call = Called("A", 1, began, began + MINUTE, None, began + 2 * HOUR)
        told = Trapped("A", elevator.id, began, (call,), began + 2 * HOUR, "entrapment", "door_operator")
        world.rescues.append(put_rescue(session, elevator, told, {"A": world.firm}))
    late = NOW - 200 * HOUR
    steps = (late + 40 * HOUR, late + 41 * HOUR, late + 42 * HOUR)
    world.complaints = [
        put_complaint(session, elevator, world.firm, Complained("A", elevator.id, late, *steps), NOW)
        for elevator in (first, third)
    ]
    for elevator in (second, fourth):
        in_time = (late + HOUR, late + 2 * HOUR, late + 3 * HOUR)
        put_complaint(session, elevator, world.firm, Complained("A", elevator.id, late, *in_time), NOW)
    world.inspections = []
    for elevator, result in ((first, "failed"), (second, "failed"), (third, "passed")):
        seen = Inspected("A", elevator.id, day("2024-05-02"), "periodic", result, result == "failed", NOW - HOUR)
        world.inspections.append(put_inspection(session, elevator, world.firm, seen))
    applied = ((NOW - 2 * DAY, "approved"),)
    world.changes = [
        put_change(session, elevator, world.firm, Changed("A", user, TODAY - 12 * DAY, TODAY - 2 * DAY, applied))
        for elevator, user in ((third, world.use_unit.id), (fourth, world.other_use_unit.id))
    ]
    for row in world.changes:
        session.get(Application, row.application_id).submitted_at = NOW - 2 * DAY
    session.commit()
    return world


def asked(session: Any, world: Any, *chosen: Fix, actor: Any = SYSTEM, now: dt.datetime = NOW) -> Told:
    return what_if.of_unit(
        session, actor, world.firm.id, Period.QUARTER, chosen, now, appealable=appeals.still_open
    )  # fmt: skip


def offered(told: Told) -> dict[str, Item]:
    return {str(o.fix): item for item, o in told.six.offers if o.fix.kind is FixKind.APPEAL}


def keys(world: Any) -> dict[str, Item]:
    return {
        f"appeal.{entity}-{row.id}": item
        for entity, item, rows in (
            ("rescue", Item.RESCUE, world.rescues), ("complaint", Item.FEEDBACK, world.complaints),
            ("inspection", Item.INSPECTION, world.inspections[:2]), ("unit_change", Item.CHANGE, world.changes),
        )
        for row in rows
    }  # fmt: skip


def fix(entity: str, row: Any) -> Fix:
    return Fix(FixKind.APPEAL, f"{entity}-{row.id}")


def foretold(told: Told, way: str) -> dict[str, Decimal | None]:
    return {item.value: getattr(told.six.items[item], way).points for item in Item if item is not Item.MAINTENANCE}


def came(session: Any, world: Any) -> dict[str, Decimal | None]:
    """The points of the quarter once it is final."""
    held = score(session, FIRST.isoformat(), LAST.isoformat(), now=FINAL)
    row = session.scalars(select(Score).where(Score.run_id == held.id, Score.unit_id == world.firm.id)).one()
    return {item.value: getattr(row, f"{item}_points") for item in Item if item is not Item.MAINTENANCE}


def appealed(session: Any, world: Any, entity: str, row: Any, verb: str = "approve") -> None:
    """The unit appeals, and an officer decides the next day."""
    with transaction(session):
        made = appeals.submit(session, world.actor("maintenance_head"), f"{entity}-{row.id}", "记录有误", (), NOW)
        key, version = made.id, made.row_version
    with transaction(session):
        applications.decide(session, world.actor("inspector"), key, verb, "情况属实", version, NOW + DAY)


ALL = ("rescue", "rescues"), ("complaint", "complaints"), ("inspection", "inspections"), ("unit_change", "changes")


def test_of_each_item_what_is_held_against_the_unit_may_be_appealed_against(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    assert offered(told) == keys(firm)
    about = told.about[fix("complaint", firm.complaints[0])]
    assert (about.number, about.entity) == (firm.complaints[0].number, "complaint")
    assert about.due_at == appeals.until_of(session, firm.complaints[0], appeals.KINDS["complaint"], NOW)
    change = told.about[fix("unit_change", firm.changes[0])]
    assert change.number == session.get(Application, firm.changes[0].application_id).number
    assert not offered(what_if.of_unit(session, SYSTEM, firm.firm.id, Period.QUARTER, (), NOW))


def test_with_all_upheld_nothing_is_gone(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    for item in (Item.RESCUE, Item.FEEDBACK, Item.INSPECTION, Item.CHANGE):
        made = told.six.items[item]
        assert gone(made) == 0 and made.everything.points == 16 > made.nothing.points, item
    assert gone(told.six.items[Item.FAULT]) > 0, "that people were shut in is no judgement"


def test_doing_nothing_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    assert foretold(told, "nothing") == came(session, firm)


@pytest.mark.parametrize(("entity", "rows"), ALL)
def test_one_chosen_comes_about(session: Any, firm: Any, entity: str, rows: str) -> None:
    row = getattr(firm, rows)[0]
    told = asked(session, firm, fix(entity, row))
    assert foretold(told, "chosen") != foretold(told, "nothing")
    appealed(session, firm, entity, row)
    assert foretold(told, "chosen") == came(session, firm)


def test_everything_comes_about(session: Any, firm: Any) -> None:
    told = asked(session, firm)
    for entity, rows in ALL:
        for row in getattr(firm, rows)[:2]:
            appealed(session, firm, entity, row)
    expected = foretold(told, "everything")
    assert expected == came(session, firm)


@pytest.mark.parametrize(("entity", "rows"), ALL)
@pytest.mark.parametrize("verb", ["approve", "reject", None])
def test_what_was_appealed_against_is_no_fix_any_more(
    session: Any, firm: Any, entity: str, rows: str, verb: str | None
) -> None:
    row = getattr(firm, rows)[0]
    if verb is None:
        with transaction(session):
            appeals.submit(session, firm.actor("maintenance_head"), f"{entity}-{row.id}", "记录有误", (), NOW)
    else:
        appealed(session, firm, entity, row, verb)
    assert str(fix(entity, row)) not in offered(asked(session, firm, now=NOW + 2 * DAY))


def test_the_time_to_appeal_ends_on_the_second(session: Any, firm: Any) -> None:
    for entity, rows in ALL:
        row = getattr(firm, rows)[0]
        until = appeals.until_of(session, row, appeals.KINDS[entity], NOW)
        assert until is not None
        named = str(fix(entity, row))
        assert named in offered(asked(session, firm, now=until - dt.timedelta(seconds=1))), entity
        assert named not in offered(asked(session, firm, now=until)), entity


def test_what_cannot_be_appealed_against_yet_is_none(session: Any, firm: Any) -> None:
    """A complaint that is late and not closed, a case that is not over."""
    firm.complaints[0].state, firm.complaints[0].closed_at = "waiting", None
    firm.complaints[0].reviewed_at = None
    session.commit()
    now = offered(asked(session, firm))
    assert str(fix("complaint", firm.complaints[0])) not in now and str(fix("complaint", firm.complaints[1])) in now


def test_only_the_units_own_records_and_unnamed_where_they_are_not_seen(session: Any, firm: Any) -> None:
    other = what_if.of_unit(
        session, SYSTEM, firm.other_firm.id, Period.QUARTER, (), NOW, appealable=appeals.still_open
    )
    assert offered(other) == {}
    assert appeals.still_open(session, firm.other_firm.id, "rescue", [row.id for row in firm.rescues], NOW) == {}
    firm.lifts[0].is_secret = True
    session.commit()
    about = asked(session, firm, actor=firm.actor("inspector")).about
    assert (about[fix("rescue", firm.rescues[0])].number, about[fix("rescue", firm.rescues[1])].number) == (
        "", firm.rescues[1].number,
    )  # fmt: skip


def test_the_page_leads_to_where_the_appeal_is_made(session: Any, firm: Any, sign_in: Any) -> None:
    def page(who: str, region: str | None) -> str:
        held = score(session, FIRST.isoformat(), LAST.isoformat(), as_of=NOW, region=region)
        session.commit()
        key = session.scalar(select(Score.id).where(Score.run_id == held.id, Score.unit_id == firm.firm.id))
        with clock.frozen(NOW):
            answer = sign_in(firm.accounts[who]).get(f"/scores/{key}/what-if?period=quarter")
        assert answer.status_code == 200
        return str(answer.text)

    head = page("maintenance_head", None)
    for entity, rows in ALL:
        assert f'href="/appeals/new?about={entity}-{getattr(firm, rows)[0].id}"' in head, entity
    officer = page("inspector", "980402000000")
    assert "/appeals/new" not in officer and f'href="/rescues/{firm.rescues[0].id}"' in officer
    assert f'href="/inspections/{firm.inspections[0].id}"' in officer


@pytest.mark.feature("INT-04")
def test_by_the_interface(app: Any, session: Any, firm: Any) -> None:
    wanted = str(fix("inspection", firm.inspections[0]))
    with clock.frozen(NOW):
        told = Caller(app, firm, "maintenance_head").get(
            f"/score-simulations/{firm.firm.id}?period=quarter&do={wanted}"
        ).json  # fmt: skip
    rows = {row["fix"]: row for row in told["fixes"]}
    assert rows[wanted]["item"] == "inspection" and rows[wanted]["due_at"] and rows[wanted]["alone"] > 0
    assert told["items"]["inspection"]["chosen"]["bad"] == 1
