"""Finding rescues (RES-05): by what became of them, in time or late and at which step, who went, who was in it."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.listing import LISTINGS, moment
from app.listings.rescues import badge_of, late, late_at
from app.models import Rescue, RescueDispatch
from app.rules import rescues as rules
from app.rules.other_scores import Outcome
from app.transaction import transaction
from app.workflows.rescue import rescue_course, rescue_desk
from tests.factories import World, make_elevator
from tests.views.rescue.ground import M, freed, report


def found(world: World, name: str = "rescues", persona: str = "region_admin", **asked: str) -> set[int]:
    listing = LISTINGS[name]
    world.session.rollback()
    page = listing.page(moment(world.session, world.actor(persona)), listing.read({"size": "100", **asked}))
    return {row.id for row in page.rows}


@pytest.fixture
def cases(world: World) -> dict[str, int]:
    """One in time, one late in accepting, one that waits in time, one that waits too long, one joined to nothing."""

    def lift() -> Any:
        return make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, estate="望江台")

    made = {
        "good": freed(world, elevator=lift()), "late": freed(world, accept=25, elevator=lift()),
        "fresh": report(world, 1, elevator=lift()), "stale": report(world, 400, elevator=lift()),
    }  # fmt: skip
    row = world.session.get(Rescue, made["stale"])
    row.status, row.due_at = "dispatched", clock.now() - dt.timedelta(hours=3)
    world.session.get(Rescue, made["late"]).trapped = 0
    world.session.commit()
    return made


@pytest.mark.feature("RES-05")
def test_in_time_late_or_not_judged(world: World, cases: dict[str, int]) -> None:
    late, good = found(world, f_badge="late"), found(world, f_badge="on_time")
    assert late == {cases["late"], cases["stale"]} and good == {cases["good"]}
    assert found(world, f_badge="none") == {cases["fresh"]}
    assert found(world, f_badge="late,on_time,none") == found(world) == set(cases.values())
    assert late == found(world, tab="late") and found(world, f_badge="nonsense") == set(cases.values())


@pytest.mark.feature("RES-05")
def test_an_upheld_appeal_makes_it_in_time(world: World, cases: dict[str, int]) -> None:
    world.session.get(Rescue, cases["late"]).appeal_upheld_at = clock.now()
    world.session.commit()
    assert found(world, f_badge="on_time") == {cases["good"], cases["late"]}
    assert found(world, f_badge="late") == {cases["stale"]}


@pytest.mark.feature("RES-05")
def test_which_step_who_went_and_who_was_in_it(world: World, cases: dict[str, int]) -> None:
    assert found(world, f_late_step="accept") == {cases["late"], cases["stale"]}
    assert found(world, f_late_step="arrive,free") == set()
    assert found(world, f_trapped="1") == {cases["good"]}
    # Not told yet is not "nobody".
    assert cases["fresh"] not in found(world, f_trapped="0") | found(world, f_injured="0") - {cases["fresh"]}
    assert found(world, f_injured="1") == set()
    assert found(world, f_rescue_unit=str(world.firm.id)) == {cases["good"], cases["late"]}
    assert found(world, f_rescue_unit=str(world.other_firm.id)) == set()
    assert found(world, f_estate="望江") == set(cases.values()) and found(world, f_estate="别处") == set()


@pytest.mark.feature("RES-05")
def test_days_of_its_end(world: World, cases: dict[str, int]) -> None:
    day = clock.local_day(clock.local(world.session.get(Rescue, cases["good"]).done_at)).isoformat()
    assert cases["good"] in found(world, f_done_from=day, f_done_to=day)
    assert cases["fresh"] not in found(world, f_ended_from="2000-01-01")
    assert found(world, f_done_to="2000-01-01") == set()


@pytest.mark.feature("RES-05")
@pytest.mark.parametrize("address", ["/rescues/", "/rescues/history/"])
def test_both_pages_offer_them(world: World, cases: dict[str, int], sign_in: Any, address: str) -> None:
    page = sign_in(world.accounts["region_admin"]).get(f"{address}?f_badge=late&tab=all").get_data(as_text=True)
    for word in ("处置合规", "超时的环节", "有人被困", "救援单位", "救出日期", "注册代码"):
        assert word in page, word
    assert "不合规" in page


@pytest.mark.feature("RES-05")
def test_the_step_of_an_open_case_that_is_late_by_now(world: World, cases: dict[str, int]) -> None:
    assert found(world, f_late_step="accept") == {cases["late"], cases["stale"]}
    row = world.session.get(Rescue, cases["stale"])
    for accepted, arrived, step in ((1, None, "arrive"), (1, 2, "free")):
        row.accepted_at = row.reported_at + accepted * M
        row.arrived_at = None if arrived is None else row.reported_at + arrived * M
        world.session.commit()
        assert found(world, f_late_step=step) == {cases["stale"]}, step
        assert found(world, f_late_step="accept") == {cases["late"]}
    row.due_at = clock.now() + 5 * M
    world.session.commit()
    assert found(world, f_late_step="accept,arrive,free") == {cases["late"]}


@pytest.mark.feature("RES-05")
@pytest.mark.parametrize(("arrive", "done", "step"), [(0, 30, "free"), (18, 0, "arrive"), (0, 0, None)])
def test_a_step_without_a_limit_is_not_the_late_one(
    world: World, cases: dict[str, int], arrive: int, done: int, step: str | None
) -> None:
    row = world.session.get(Rescue, cases["stale"])
    row.accepted_at, row.arrive_minutes, row.done_minutes = row.reported_at + M, arrive, done
    row.due_at = None if step is None else clock.now() - M
    world.session.commit()
    for one in ("arrive", "free"):
        assert (cases["stale"] in found(world, f_late_step=one)) is (one == step), one
    assert step is not None or badge_of(row) is None


@pytest.mark.feature("RES-05")
def test_a_late_step_is_found_as_long_as_it_makes_the_case_late(world: World, cases: dict[str, int]) -> None:
    world.session.get(Rescue, cases["late"]).appeal_upheld_at = clock.now()
    world.session.get(Rescue, cases["stale"]).joined_to_id = cases["good"]
    world.session.commit()
    assert found(world, f_late_step="accept,arrive,free") == set() == found(world, f_badge="late")


@pytest.mark.feature("RES-05")
@pytest.mark.parametrize("steps", [None, "free"])
def test_what_was_never_dispatched_is_neither_in_time_nor_late(
    world: World, cases: dict[str, int], steps: str | None
) -> None:
    row = world.session.get(Rescue, cases["good"])
    row.dispatched_at, row.late_steps, row.taken_over = None, steps, True
    world.session.commit()
    assert badge_of(row) is None
    assert cases["good"] in found(world, f_badge="none")
    assert cases["good"] not in found(world, f_badge="on_time,late") | found(world, tab="late")
    assert cases["good"] not in found(world, f_late_step="free")
    row.appeal_upheld_at = clock.now()
    world.session.commit()
    assert found(world, f_badge="on_time") == {cases["good"]}


@pytest.mark.feature("RES-03", "RES-05")
@pytest.mark.parametrize("limits", [rules.Minutes(3, 18, 30), rules.Minutes(3, 30, 18)], ids=["usual", "freed_first"])
def test_the_filters_say_of_every_case_what_its_badge_says(world: World, limits: rules.Minutes) -> None:
    """Every way that a case may stand, at the seconds about its limits, as it is kept when its last step is done."""
    now = clock.now()
    cases: dict[int, tuple[rules.Course, dt.datetime]] = {}
    for ago, accept, arrive, free, ended in itertools.product(
        (181, 1079, 1081, 2500), (None, 180, 181, 200), (None, 170, 1080, 1081), (None, 175, 1801), (False, True)
    ):
        begun = now - dt.timedelta(seconds=ago)
        accepted = None if accept is None else begun + dt.timedelta(seconds=accept)
        arrived, done = (
            None if accepted is None or after is None else accepted + dt.timedelta(seconds=after)
            for after in (arrive, free)
        )
        stood = [one for one in (begun, accepted, arrived, done) if one is not None]
        if max(stood) > now or (ended and done is not None) or stood != sorted(stood):
            continue
        last = now if ended else max(stood)
        course = rules.Course(begun, accepted, arrived, done, last if ended else None)
        key = report(world, 400, elevator=make_elevator(world.session, maintenance_unit=world.firm))
        row = world.session.get(Rescue, key)
        for name in ("dispatched_at", "accepted_at", "arrived_at", "done_at"):
            setattr(row, name, getattr(course, name))
        row.ended_at = last if ended else done
        row.status = "closed" if ended or done else "arrived" if arrived else "accepted" if accepted else "dispatched"
        row.accept_minutes, row.arrive_minutes, row.done_minutes = limits.accept, limits.arrive, limits.done
        row.late_steps = ",".join(rules.late_steps(course, limits, last)) or None
        runs = rules.running(course, limits)
        row.due_at = None if runs is None else runs[1].due_at
        cases[key] = course, last
    world.session.commit()
    assert len(cases) > 60
    at = moment(world.session, world.actor("region_admin"))
    told = {
        key: rescue_course.late_of(world.session.get(Rescue, key), at.now)
        for key in cases if rescue_course.outcome_of(world.session.get(Rescue, key), at.now) is Outcome.LATE
    }  # fmt: skip
    for step in rules.RescueLimit:
        asked = select(Rescue.id).where(late_at(at, [step.value]), Rescue.id.in_(cases))
        got = set(world.session.scalars(asked.execution_options(skip_scope=True)))
        assert got == {key for key, steps in told.items() if step in steps} != set(), step
    every = select(Rescue.id).where(late(at), Rescue.id.in_(cases)).execution_options(skip_scope=True)
    assert set(world.session.scalars(every)) == told.keys()


@pytest.mark.feature("RES-02", "RES-05")
def test_whom_a_firm_has_still_to_send(world: World, browse_page: Any) -> None:
    """待派工 and 已派工 of a unit that was called out, in the list and as a filter (quanzhou 6)."""
    idle, sent, old = (
        report(world, 1, elevator=make_elevator(world.session, maintenance_unit=world.firm)) for _n in range(3)
    )
    with transaction(world.session) as session:
        for key in (idle, sent):
            rescue_desk.dispatch(session, world.actor("agent"), key, 1, clock.now())
        calls = {call.rescue_id: call for call in session.scalars(select(RescueDispatch))}
        calls[idle].worker_id = calls[idle].worker_name = None
        calls[sent].worker_name = "燕归来"
    assert found(world, "rescue_centre", f_manned="waiting") == {idle}
    assert found(world, "rescue_centre", f_manned="sent") == {sent}
    assert {idle, sent, old} <= found(world, "rescue_centre", f_manned="waiting,sent") | {old}
    page = browse_page("maintenance_head", "/rescues/")
    assert "燕归来" in page and page.count("待派工") > 1, "in the filter, and in the row"
    world.session.rollback()
    world.session.get(RescueDispatch, calls[sent].id).ended_at = clock.now()
    world.session.commit()
    assert not found(world, "rescue_centre", f_manned="sent"), "who was called back is sent no more"


@pytest.fixture
def browse_page(world: World, sign_in: Any) -> Any:
    return lambda persona, url: sign_in(world.accounts[persona]).get(url).text
