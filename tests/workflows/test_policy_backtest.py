"""POL-01: what a draft would have made of a past period: states, missed periods, scores; and nothing is changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.errors import NotAllowed, NotFound
from app.extensions import db
from app.models import Appeal, Contract, ContractElevator, Visit
from app.permissions import SYSTEM
from app.workflows.contracts import cover
from app.workflows.scores import policy_backtest
from tests.factories import make_maintenance_unit, make_person, make_policy
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import LATER, put_cover, put_overdue, put_visit, score

pytestmark = pytest.mark.feature("POL-01")
DISTRICT = "980402000000"
FROM, TO = "2026-01-01", "2026-01-31"


@pytest.fixture
def free(session: Any, world: Any) -> Any:
    for model in (ContractElevator, Contract):
        session.execute(delete(model))
    put_cover(session, world.firm, world.own, day("2026-01-01"), day("2026-12-31"))
    session.commit()
    return world


def run(session: Any, key: str, value: Any, region: str = DISTRICT, actor: Any = SYSTEM) -> dict[str, Any]:
    draft = [policy_backtest.drafted(key, value, region, day(FROM))]
    return policy_backtest.run(session, actor, region, day(FROM), day(TO), draft, LATER)


def unit(found: dict[str, Any], row: Any) -> dict[str, Any]:
    return next(u for u in found["units"] if u["unit_id"] == row.id)


def everything(session: Any) -> dict[str, Any]:
    session.expire_all()
    tables = [t for t in db.metadata.sorted_tables if t.name.startswith(("visit", "overdue", "maint", "score", "pol"))]
    return {t.name: session.execute(select(t).order_by(*t.primary_key)).all() for t in tables}


def test_a_longer_limit_takes_a_missed_period_away(session: Any, free: Any) -> None:
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-25"))
    put_overdue(session, free.own, free.firm, day("2026-01-20"))
    session.commit()
    before = everything(session)
    found = unit(run(session, "limit_days", 25), free.firm)
    assert found["overdue"] == [1, 0]
    assert (found["due"], found["bad"], found["points"]) == ([1, 1], [1, 0], ["0.00", "16.00"])
    assert everything(session) == before


def test_a_shorter_limit_finds_more_and_names_who_answers(session: Any, free: Any) -> None:
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-18"))
    session.commit()
    found = run(session, "limit_days", 10)
    assert unit(found, free.firm)["overdue"] == [0, 2]  # 01-15, and 01-28 after the second visit
    assert found["moved"] == 1 and found["versions"][0] != found["versions"][1]


@pytest.mark.feature("APL-01")
def test_a_limit_that_an_appeal_excused_stays_excused(session: Any, free: Any) -> None:
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-18"))
    late = put_overdue(session, free.own, free.firm, day("2026-01-15"), corrected_at=at(day("2026-02-01")))
    session.add(Appeal(
        unit_id=free.firm.id, region_code=free.own.region_code, entity="overdue_period", entity_id=late.id,
        elevator_id=free.own.id, happened_on=late.limit_on, said="超期", grounds="停电", state="approved",
        in_force_from=at(day("2026-02-01")),
    ))  # fmt: skip
    session.commit()
    assert unit(run(session, "limit_days", 10), free.firm)["overdue"] == [0, 1]  # only 01-28


def test_only_gaps_that_the_draft_moves_are_told_again(session: Any, free: Any) -> None:
    """What stands in the gap that the draft leaves as it is was judged by somebody: no day that counts explains it."""
    for on, until in (("2026-01-02", 50), ("2026-01-14", 38), ("2026-01-28", 50)):
        row = put_visit(session, free.own, free.firm, free.worker, day(on))
        row.checked_out_at = row.checked_in_at + dt.timedelta(minutes=until)
    put_overdue(session, free.own, free.firm, day("2026-01-30"))
    session.commit()
    found = run(session, "visit_min_minutes", 40)
    # 01-17 is missed once nobody came on the 14th; the 30th, after the last visit, stays.
    assert unit(found, free.firm)["overdue"] == [1, 2]
    assert unit(found, free.firm)["states"][1] == {"valid": 2, "void": 1}


def test_what_stands_before_the_first_known_day_stays(session: Any, free: Any) -> None:
    row = put_visit(session, free.own, free.firm, free.worker, day("2026-01-20"))
    row.checked_out_at = row.checked_in_at + dt.timedelta(minutes=38)
    put_overdue(session, free.own, free.firm, day("2026-01-15"))
    session.commit()
    assert unit(run(session, "visit_min_minutes", 40), free.firm)["overdue"] == [1, 1]


def test_each_pair_of_an_elevator_is_counted_again_by_itself(session: Any, free: Any) -> None:
    """One unit's time is in parts, so it is counted by itself; another unit's stays in its sums, and once."""
    other = make_maintenance_unit(session, "另一家")
    put_cover(session, other, free.own, day("2026-01-02"), day("2026-01-03"))
    put_cover(session, other, free.own, day("2026-01-20"), day("2026-01-31"))
    for firm, days in ((free.firm, ("2026-01-04", "2026-01-22")), (other, ("2026-01-02", "2026-01-21"))):
        for on in days:
            put_visit(session, free.own, firm, make_person(session, firm), day(on))
    session.commit()
    found = run(session, "manager_approval", True)
    for firm, due in ((free.firm, 1), (other, 0)):
        assert unit(found, firm)["due"] == [due, due]
        assert unit(found, firm)["states"] == [{"valid": 2}, {"pending": 2}]


def test_who_answers_for_many_limits_is_who_answers_for_each(session: Any, free: Any) -> None:
    """By the contract of the day as known when that day was over, the last one entered."""
    other, later = (make_maintenance_unit(session, name) for name in ("另一家", "后来的一家"))
    put_cover(session, other, free.own, day("2026-01-10"), day("2026-01-20")).added_at = at(day("2026-01-10"))
    late = put_cover(session, later, free.own, day("2026-01-12"), day("2026-01-16"))
    late.added_at, late.removed_at = at(day("2026-01-13")), at(day("2026-01-15"), 12)
    session.commit()
    days = [day("2025-12-31"), *(day(f"2026-01-{number:02}") for number in range(1, 32))]
    one_by_one = {on: cover.responsible(session, free.own.id, on) for on in days}
    units = {on: row.unit_id for on, row in one_by_one.items() if row is not None}
    assert cover.answering(session, [(free.own.id, on) for on in days]) == Counter(units.values())
    for on in days:
        assert cover.answering(session, [(free.own.id, on)]) == Counter([units[on]] if on in units else ())
    assert {*units.values()} == {free.firm.id, other.id, later.id} and days[0] not in units
    assert cover.answering(session, []) == {}


def test_a_shorter_review_makes_records_nonconforming(session: Any, free: Any) -> None:
    signed = put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    late = put_visit(session, free.own, free.firm, free.worker, day("2026-01-19"))
    late.signed_at, late.reviewed_at = None, at(day("2026-01-26"), 12)
    session.commit()
    found = run(session, "review_days", 5)
    assert unit(found, free.firm)["states"] == [{"valid": 2}, {"valid": 1, "nonconforming": 1}]
    assert (found["visits"], found["visits_moved"]) == (2, 1)
    session.expire_all()
    assert {session.get(Visit, row.id).state for row in (signed, late)} == {"valid"}


def test_the_ninth_of_a_day_under_a_draft_daily_limit(session: Any, free: Any) -> None:
    from tests.factories import make_elevator

    for number in range(3):
        elevator = make_elevator(session, maintenance_unit=free.firm, use_unit=free.use_unit)
        row = put_visit(session, elevator, free.firm, free.worker, day("2026-01-12"))
        row.received_at = at(day("2026-01-12"), 12) + dt.timedelta(minutes=number)
    session.commit()
    found = unit(run(session, "daily_elevators", 2), free.firm)
    assert found["states"] == [{"valid": 3}, {"valid": 2, "abnormal": 1}]


def test_what_differs_by_when_it_was_sent_or_by_an_appeal_is_judged_apart(session: Any, free: Any) -> None:
    """A visit's end came when it was sent; what came first was its check-in. An appeal forgives one of two alike."""
    for on, hours, upheld in (("2026-01-05", 0, None), ("2026-01-12", 3, None), ("2026-01-19", 3, day("2026-01-25"))):
        row = put_visit(session, free.own, free.firm, free.worker, day(on))
        row.received_at = row.checked_in_at
        row.sent_at = row.checked_out_at + dt.timedelta(hours=hours)
        row.appeal_upheld_at = upheld and at(upheld)
    session.commit()
    found = unit(run(session, "upload_hours", 2), free.firm)["states"]
    assert found == [{"valid": 3}, {"valid": 2, "abnormal": 1}]


def test_the_same_value_moves_nothing(session: Any, free: Any) -> None:
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    put_overdue(session, free.own, free.firm, day("2026-01-20"))
    session.commit()
    for key, value in (("limit_days", 15), ("review_days", 15), ("preset", "huzhou")):
        found = run(session, key, value)
        assert found["moved"] == found["visits_moved"] == 0


def test_it_says_what_setting_the_value_gives(session: Any, free: Any) -> None:
    """A score made after the value was really set has the very points that the back-test foretold."""
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    late = put_visit(session, free.own, free.firm, free.worker, day("2026-01-19"))
    late.signed_at, late.reviewed_at, late.taken_over = None, at(day("2026-01-26"), 12), True
    session.commit()
    foretold = unit(run(session, "review_days", 5), free.firm)["points"][1]
    make_policy(session, "review_days", 5, DISTRICT, day(FROM))
    session.commit()
    made = score(session, FROM, TO, as_of=LATER - dt.timedelta(days=1))
    from app.models import Score

    held = session.query(Score).filter_by(run_id=made.id, unit_id=free.firm.id).one()
    assert str(held.points) == foretold


def test_a_draft_of_the_district_leaves_its_streets_own_value(session: Any, free: Any) -> None:
    make_policy(session, "limit_days", 15, "980402001000")
    free.own.region_code = "980402001000"
    row = put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    row.region_code = "980402001000"
    session.commit()
    assert run(session, "limit_days", 5)["moved"] == 0


def test_only_who_may_propose_tests_and_only_at_home(session: Any, free: Any) -> None:
    with pytest.raises(NotAllowed):
        run(session, "limit_days", 5, actor=free.actor("inspector"))
    with pytest.raises(NotFound):
        run(session, "limit_days", 5, region="980403000000", actor=free.actor("region_admin"))


def test_every_run_of_the_units_days_begins_anew(session: Any, free: Any) -> None:
    """The draft voids the first record after a gap between contracts: the second run is due from the next one on."""
    session.execute(delete(ContractElevator))
    put_cover(session, free.firm, free.own, day("2026-01-01"), day("2026-01-20"))
    put_cover(session, free.firm, free.own, day("2026-02-01"), day("2026-03-31"))
    put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    again = put_visit(session, free.own, free.firm, free.worker, day("2026-02-01"))
    again.checked_out_at = again.checked_in_at + dt.timedelta(hours=5)
    put_visit(session, free.own, free.firm, free.worker, day("2026-02-20"))
    session.commit()
    draft = [policy_backtest.drafted("visit_max_hours", 4, DISTRICT, day(FROM))]
    found = unit(
        policy_backtest.run(session, SYSTEM, DISTRICT, day(FROM), day("2026-03-31"), draft, LATER), free.firm
    )
    assert found["states"] == [{"valid": 3}, {"valid": 2, "void": 1}]
    # ⌊15/15⌋ and ⌊58/15⌋ before; after it ⌊15/15⌋ and ⌊39/15⌋.
    assert found["due"] == [4, 3]


def test_the_first_run_too_when_its_only_record_falls(session: Any, free: Any) -> None:
    session.execute(delete(ContractElevator))
    put_cover(session, free.firm, free.own, day("2026-01-01"), day("2026-01-20"))
    put_cover(session, free.firm, free.own, day("2026-02-01"), day("2026-03-31"))
    lone = put_visit(session, free.own, free.firm, free.worker, day("2026-01-05"))
    lone.checked_out_at = lone.checked_in_at + dt.timedelta(hours=5)
    put_visit(session, free.own, free.firm, free.worker, day("2026-02-01"))
    session.commit()
    draft = [policy_backtest.drafted("visit_max_hours", 4, DISTRICT, day(FROM))]
    found = unit(
        policy_backtest.run(session, SYSTEM, DISTRICT, day(FROM), day("2026-03-31"), draft, LATER), free.firm
    )
    assert found["due"] == [4, 3], "nothing is due of a run that no counted record begins"


def test_what_the_draft_moves_is_counted_once(session: Any, free: Any) -> None:
    """Nothing failed of the pair, so that the score as it stands takes it among all the others."""
    for on in ("2026-01-01", "2026-01-16"):
        late = put_visit(session, free.own, free.firm, free.worker, day(on))
        late.signed_at, late.reviewed_at = None, at(day(on) + dt.timedelta(days=7), 12)
    session.commit()
    found = unit(run(session, "review_days", 5), free.firm)
    assert found["states"] == [{"valid": 2}, {"nonconforming": 2}]
    assert (found["due"], found["bad"], found["points"]) == ([2, 2], [0, 2], ["16.00", "0.00"])
