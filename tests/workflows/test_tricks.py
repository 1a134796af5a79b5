"""The hostile users of rules.md: each of their tricks is refused or shown, and each names the tests that say so."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

from app.models import ContractElevator, OverduePeriod
from app.rules.scoring import late_extra
from app.transaction import transaction
from app.workflows.approval.submissions import Asked
from app.workflows.contracts import contracts, cover
from app.workflows.maintenance import clocks
from app.workflows.maintenance.maintenance_stops import often
from tests import factories as make
from tests.workflows.clock_world import at, clock_of, day, limits, run, visit
from tests.workflows.score_world import put_stop, put_visit, score

HERE = Path(__file__).parents[1]
CONTRACTS, SCORES = "workflows/test_contracts.py", "workflows/test_scores.py"
QUOTA, REVIEW = "workflows/test_visit_quota.py", "workflows/test_visit_review.py"
# Trick → (file, test): where it is refused or shown.
TRICKS: dict[str, list[tuple[str, str]]] = {
    "shorten a contract after a missed visit": [
        (CONTRACTS, "test_an_approved_change_takes_force_and_judged_overdue_stays"),
        (CONTRACTS, "test_dates_that_touch_the_past_need_an_approval"),
    ],
    "delete a contract after a missed visit": [(CONTRACTS, "test_only_contracts_never_used_are_deleted")],
    "unbind after a missed visit": [
        (CONTRACTS, "test_unbinding_after_a_missed_visit_changes_nothing"),
        (SCORES, "test_unbinding_after_a_missed_limit_erases_nothing"),
    ],
    "no contract at all": [(SCORES, "test_a_unit_without_any_contract_shows_its_uncovered_elevators")],
    "blank worker or manual mode": [
        ("workflows/test_schedule.py", "test_no_order_without_mode_worker_or_date_and_overdue_all_the_same"),
    ],
    "back-dated suspension": [("workflows/test_lifecycle.py", "test_a_suspension_that_cannot_be_meant_is_refused")],
    "stop and start every fortnight": [("workflows/test_tricks.py", "test_stopping_every_fortnight_gains_no_day")],
    "affiliated units swap elevators": [("workflows/test_unit_changes.py", "test_swapping_every_month_is_shown")],
    "own accounts review one's own visits": [
        (REVIEW, "test_a_phone_of_the_firm_reviews_nothing"),
        (REVIEW, "test_one_address_of_worker_and_reviewer_is_marked"), (REVIEW, "test_who_may_review"),
    ],
    "two accounts for one person": [
        ("workflows/test_people.py", "test_one_human_in_two_units_has_one_quota"),
        ("workflows/test_people.py", "test_two_persons_of_a_unit_never_share_a_phone"),
        (QUOTA, "test_two_accounts_of_one_human_do_not_pass_the_quota_together"),
    ],
    "self-raised level": [
        ("workflows/test_people.py", "test_a_worker_cannot_raise_himself"),
        (QUOTA, "test_an_approved_grade_raises_the_quota_and_a_claimed_one_does_not"),
    ],
    "forged past visits": [("imports/test_same_findings.py", "test_past_visits_that_cannot_have_been")],
    "a puppet second approver": [
        ("workflows/test_office.py", "test_no_second_from_an_account_that_the_first_made"),
        ("workflows/test_other_office.py", "test_not_to_an_account_that_he_made_where_two_persons_are_needed"),
    ],
    "edits after the officer opened the page": [
        ("workflows/test_applications.py", "test_an_officer_decides_what_he_saw"),
    ],
    "one change among 3,000": [("imports/test_round_trip.py", "test_the_one_edited_cell_is_the_one_change")],
    "squatting a rival's name": [
        ("workflows/test_accounts.py", "test_a_squatters_draft_is_not_handed_to_the_real_unit"),
    ],
    "full-width or spaced duplicates": [
        (CONTRACTS, "test_no_second_spelling"), (CONTRACTS, "test_two_spellings_at_once_make_one"),
        ("imports/test_hostile_files.py", "test_a_contract_number_written_otherwise_is_the_same"),
    ],
    "walking the public codes for phones": [("workflows/test_tricks.py", "test_the_public_page_tells_nothing_by_code")],
    "SMS floods": [("workflows/test_second_factor.py", "test_floods_stop_by_number_account_and_place")],
    "a finished export after rights were taken away": [
        ("workflows/test_narrowed.py", "test_an_export_ends_with_the_rights_it_was_made_for"),
    ],
    "contracts to 9999, periods upside down": [
        ("rules/test_contracts_and_checkin.py", "test_span_findings"),
        (CONTRACTS, "test_bad_terms_are_refused_in_words"),
    ],
    "check-ins in the future": [("workflows/test_check_in.py", "test_a_check_in_in_the_future_is_refused")],
    "extra visits late in a period": [
        ("workflows/test_tricks.py", "test_visits_crowded_at_the_end_are_shown_where_they_forgive"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_has_a_test_that_it_is_refused_or_shown(trick: str) -> None:
    for file, name in TRICKS[trick]:
        source = (HERE / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*def {name}\(", source, re.MULTILINE), f"{file}::{name}"


@pytest.mark.feature("LIF-02")
def test_stopping_every_fortnight_gains_no_day(session: Any, world: make.World) -> None:
    """Each stop keeps the days that were left and gives back no more; the officer sees how often it was done."""
    visit(session, world.own, world.worker, day("2026-03-01"))
    spent, here = 0, day("2026-03-01")
    for _ in range(3):
        stopped, started = here + dt.timedelta(days=4), here + dt.timedelta(days=14)
        spent += (stopped - here).days
        with transaction(session):
            clocks.pause(session, world.own.id, stopped, None, at(stopped))
        with transaction(session):
            clocks.resume(session, world.own.id, started, at(started))
        here = started
    limit = clock_of(session, world.own).limit_on
    assert limit == here + dt.timedelta(days=15 - spent), "12 of the 15 days are spent, however they were cut"
    run(session, limit + dt.timedelta(days=1))
    assert limits(session, world.own) == [limit]
    seen = often(session, world.own, Asked(here, here))
    assert (seen.ok, seen.rule) == (False, "频繁停用") and "3 次，共 30 天" in seen.found


@pytest.mark.feature("CON-05", "PLN-10")
def test_a_missed_limit_stays_however_the_contract_is_cut(session: Any, world: make.World) -> None:
    """Unbound and shortened in one evening, the period that ran is still the unit's."""
    today = day("2026-03-10")
    contract, head = world.contract, world.actor("maintenance_head")
    for row in session.query(ContractElevator):
        row.starts_on, row.ends_on = day("2026-01-01"), day("2026-12-31")
    contract.starts_on, contract.ends_on = day("2026-01-01"), day("2026-12-31")
    session.commit()
    visit(session, world.own, world.worker, day("2026-02-22"))
    run(session, today)
    assert limits(session, world.own) == [day("2026-03-09")]
    with transaction(session):
        assert contracts.unbind(session, head, contract.id, [world.own.id], at(today)) == 1
    row = session.query(OverduePeriod).one()
    assert (row.unit_id, row.withdrawn) == (world.firm.id, False)
    assert cover.responsible(session, world.own.id, day("2026-03-09")).unit_id == world.firm.id


@pytest.mark.feature("MNT-02")
def test_the_public_page_tells_nothing_by_code(app: Any, world: make.World) -> None:
    """Only the label's random token opens it, and it names no person; the numbers that it has are published ones."""
    client = app.test_client()
    for guess in (world.own.code, str(world.own.id), world.own.registration_code or "1", "0" * 33):
        assert client.get(f"/m/p/{guess}").status_code == 404, guess
    page = client.get(f"/m/p/{world.own.public_token}").text
    persons = (world.worker.name, world.worker.phone, world.own.safety_officer, world.own.safety_phone)
    for told in (*persons, world.firm.head_phone, world.use_unit.safety_officer, world.use_unit.safety_phone):
        assert not told or told not in page


@pytest.mark.feature("SCO-01")
@pytest.mark.parametrize(("days", "interval", "extra"), [
    ([], 15, 0), ([1, 16, 31], 15, 0), ([2, 9, 16, 23, 30], 15, 2), ([2, 9, 16, 23, 30], 14, 2), ([1, 2, 3], 30, 0),
    ([25, 26, 27, 28, 29, 30, 31], 15, 4),
])  # fmt: skip
def test_more_than_the_interval_brings(days: list[int], interval: int, extra: int) -> None:
    assert late_extra([dt.date(2026, 1, d) for d in days], dt.date(2026, 1, 31), interval) == extra


@pytest.mark.feature("SCO-01")
def test_visits_crowded_at_the_end_are_shown_where_they_forgive(session: Any, world: make.World, sign_in: Any) -> None:
    """Legal: the failure stays at zero; a sign stands beside it."""
    for row in session.query(ContractElevator):
        row.starts_on, row.ends_on = day("2021-01-01"), day("2021-12-31")
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-01"))
    put_visit(session, world.own, world.firm, world.worker, day("2021-01-15"), "nonconforming")
    for number in range(8):
        put_visit(session, world.own, world.firm, world.worker, day("2021-03-10") + dt.timedelta(days=number * 2))
    session.commit()
    made = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-06-01")), region="980402000000")
    from app.models import Score

    key = session.query(Score.id).filter_by(run_id=made.id, unit_id=world.firm.id).scalar()
    elevator_id = world.own.id
    session.rollback()
    page = sign_in(world.accounts["inspector"]).get(f"/scores/{key}/elevators/{elevator_id}").text
    assert "期末密集维保" in page and "比通常多 5 次" in page and "已归零" in page


def test_the_stop_is_only_counted_in_its_days(session: Any, world: make.World) -> None:
    put_stop(session, world.own, day("2026-01-10"), day("2026-01-20"))
    session.commit()
    seen = often(session, world.own, Asked(day("2026-03-01"), day("2026-03-01")))
    assert seen.ok and "1 次，共 10 天" in seen.found
