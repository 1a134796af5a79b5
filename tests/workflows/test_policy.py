"""POL-01: a number is found up the tree, on its day, from the nearest that says something."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.errors import Refusal
from app.models.policy import policy_book, policy_value, policy_version, visit_policy
from app.policy import INHERIT, PRESETS, SPECS, Key, Row, chain, check_value, resolve, resolve_all, version_of
from app.policy.values import years_of
from app.transaction import transaction
from tests.factories import make_policy, make_regions
from tests.statements import statements

pytestmark = pytest.mark.feature("POL-01")
PROVINCE, CITY, DISTRICT, STREET = "980000000000", "980400000000", "980402000000", "980402001000"
DAY = dt.date(2026, 3, 1)
KNOWN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def row(
    key: str, value: Any, region: str = PROVINCE, on: str = "2020-01-01", number: int = 1, known: Any = KNOWN
) -> Row:
    return Row(number, key, region, value, dt.date.fromisoformat(on), known)


def value(rows: list[Row], key: Key = Key.LIMIT_DAYS, region: str = STREET, on: dt.date = DAY) -> Any:
    return resolve(key, rows, region, on).value


def test_the_chain_goes_from_the_street_to_the_country() -> None:
    assert chain(STREET) == [STREET, DISTRICT, CITY, PROVINCE, "0" * 12]
    assert chain(None) == ["0" * 12]


def test_the_nearest_region_decides() -> None:
    rows = [row("limit_days", 20, PROVINCE), row("limit_days", 18, DISTRICT, number=2)]
    assert value(rows) == 18
    assert value(rows, region=CITY) == 20
    assert value(rows, region="990000000000") == 15


def test_a_value_holds_from_its_day_on() -> None:
    rows = [row("limit_days", 20, on="2026-01-01"), row("limit_days", 25, on="2026-03-02", number=2)]
    assert [value(rows, on=dt.date(2026, 3, d)) for d in (1, 2)] == [20, 25]
    assert value(rows, on=dt.date(2025, 12, 31)) == 15


def test_of_two_rows_of_a_day_the_later_written_wins() -> None:
    rows = [row("limit_days", 20, number=7), row("limit_days", 21, number=9, known=KNOWN + dt.timedelta(seconds=1))]
    assert value(list(reversed(rows))) == 21


def test_as_known_at_an_instant_before_a_row_was_written() -> None:
    rows = [row("limit_days", 20), row("limit_days", 30, number=2, known=KNOWN + dt.timedelta(days=9))]
    assert resolve(Key.LIMIT_DAYS, rows, CITY, DAY, known_at=KNOWN + dt.timedelta(days=1)).value == 20


def test_a_districts_preset_stands_before_the_provinces_own_value() -> None:
    rows = [row("visit_min_minutes", 50, PROVINCE), row("preset", "nantong", DISTRICT, number=2)]
    assert value(rows, Key.VISIT_MIN_MINUTES) == 30
    assert value(rows, Key.VISIT_MIN_MINUTES, CITY) == 50


def test_what_a_preset_does_not_list_is_still_inherited() -> None:
    rows = [row("password_min", 14, PROVINCE), row("preset", "nantong", DISTRICT, number=2)]
    assert value(rows, Key.PASSWORD_MIN) == 14


def test_an_own_value_stands_before_the_regions_own_preset() -> None:
    rows = [row("preset", "nantong", DISTRICT), row("visit_min_minutes", 45, DISTRICT, number=2)]
    assert value(rows, Key.VISIT_MIN_MINUTES) == 45


def test_inherit_ends_an_own_value_and_off_does_not_inherit() -> None:
    rows = [row("visit_max_hours", 12, PROVINCE), row("visit_max_hours", None, DISTRICT, number=2)]
    assert value(rows, Key.VISIT_MAX_HOURS) is None
    rows.append(row("visit_max_hours", INHERIT, DISTRICT, on="2026-02-01", number=3))
    assert value(rows, Key.VISIT_MAX_HOURS) == 12


@pytest.mark.parametrize(
    ("preset", "minutes", "hours", "sheet", "review", "upload", "daily", "manager"),
    [
        ("huzhou", 35, 8, 24, 15, None, None, False),
        ("nantong", 30, None, None, None, 8, 8, False),
        ("quanzhou", None, None, None, None, None, None, True),
        ("shenzhen", None, None, None, None, None, None, False),
        ("xinxiang", None, None, None, None, None, None, False),
    ],
)
def test_presets_say_what_the_platforms_say(
    preset: str, minutes: Any, hours: Any, sheet: Any, review: Any, upload: Any, daily: Any, manager: bool
) -> None:
    book = {k: h.value for k, h in resolve_all([row("preset", preset)], CITY, DAY).items()}
    assert (book[Key.VISIT_MIN_MINUTES], book[Key.VISIT_MAX_HOURS]) == (minutes, hours)
    assert (book[Key.SHEET_HOURS], book[Key.REVIEW_DAYS]) == (sheet, review)
    assert (book[Key.UPLOAD_HOURS], book[Key.DAILY_ELEVATORS], book[Key.MANAGER_APPROVAL]) == (upload, daily, manager)
    assert book[Key.LIMIT_DAYS] == 15
    assert book[Key.NEVER_VISITED] == ("none" if preset == "huzhou" else "contract")


OFF_ALL = ("quota_general", "quota_intermediate", "quota_senior", "quota_technician")
# huzhou 1.6 and 1.8 alone limit rescues and complaints.
LIMITS = {
    "complaint_accept_hours": 24, "complaint_handle_hours": 72, "complaint_review_hours": 48,
    "rescue_accept_minutes": 3, "rescue_arrive_minutes": 18, "rescue_arrive_far_minutes": 30,
    "rescue_done_minutes": 30, "rescue_done_far_minutes": 60,
}  # fmt: skip
MANUALS: dict[str, dict[str, Any]] = {
    # 1.7.1 (35 min, 8 h, 24 h, 15 days), 1.6 (台次), contracts (7 days), sub-accounts (10).
    "huzhou": {
        "visit_min_minutes": 35, "visit_max_hours": 8, "sheet_hours": 24, "sheet_makes_nonconforming": True,
        "review_required": True, "review_days": 15, "quota_general": 100, "quota_intermediate": 110,
        "quota_senior": 120, "quota_technician": 130, "near_contract_days": 7, "sub_accounts": 10,
        "contract_gate": True, "certificate_gate": True, "upload_hours": None, "daily_elevators": None,
    },
    # 监管端说明 (8 h, 8 elevators), 2.2 (30 min); nothing else is limited.
    "nantong": {"visit_min_minutes": 30, "upload_hours": 8, "daily_elevators": 8, "visit_max_hours": None},
    # 14 or 15 days, 5 days ahead, approval by the manager, 待确认 without limit.
    "quanzhou": {
        "horizon_days": 5, "interval_days": 15, "manager_approval": True, "review_required": True, "review_days": None,
        "visit_min_minutes": None, "upload_hours": None, "daily_elevators": None,
    },
    "shenzhen": {"visit_min_minutes": None, "visit_max_hours": None, "elevator_code_pattern": None},
    "xinxiang": {"visit_min_minutes": None, "visit_max_hours": None, "elevator_code_pattern": None},
}  # fmt: skip


@pytest.mark.parametrize("preset", MANUALS)
def test_presets_say_what_the_manuals_say(preset: str) -> None:
    """A limit that a platform lacks is off, not the default's."""
    wanted = LIMITS | MANUALS[preset]
    if preset != "huzhou":
        wanted |= dict.fromkeys((*OFF_ALL, *LIMITS))
        wanted |= {"sheet_hours": None, "contract_gate": False, "certificate_gate": False, "sub_accounts": 0}
    said = PRESETS[preset].values
    assert {name: said[Key(name)] for name in wanted} == wanted


def test_every_key_has_a_meaning_and_a_lawful_default() -> None:
    assert set(SPECS) == set(Key)
    for key, spec in SPECS.items():
        assert spec.key is key and spec.meaning
        assert check_value(key, spec.default) == spec.default
    assert set(PRESETS) == {"huzhou", "nantong", "quanzhou", "shenzhen", "xinxiang"}


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        (Key.LIMIT_DAYS, 0), (Key.LIMIT_DAYS, "15"), (Key.LIMIT_DAYS, True), (Key.LIMIT_DAYS, None),
        (Key.LIMIT_DAYS, 15.0), (Key.INTERVAL_DAYS, 13), (Key.MANAGER_APPROVAL, 1), (Key.NEVER_VISITED, "never"),
        (Key.ELEVATOR_CODE_PATTERN, "(a+)+$"), (Key.ELEVATOR_CODE_PATTERN, "[0-9"), (Key.ELEVATOR_CODE_PATTERN, 6),
        (Key.INSPECTION_YEARS, ""), (Key.INSPECTION_YEARS, "4,1"), (Key.INSPECTION_YEARS, "1,1"),
        (Key.INSPECTION_YEARS, "0,4"), (Key.INSPECTION_YEARS, "1,61"), (Key.INSPECTION_YEARS, "1,,4"),
        (Key.INSPECTION_YEARS, "²"), (Key.INSPECTION_YEARS, "每年"), (Key.INSPECTION_YEARS, 1),
        (Key.INSPECTION_YEARS, "1,000000000000000000004"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_key_value_and_bounds(key: Key, wrong: Any) -> None:
    with pytest.raises(Refusal) as refused:
        check_value(key, wrong)
    assert key.value in str(refused.value) and repr(wrong) in str(refused.value)


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize(("typed", "kept"), [("1, 4,7", "1,4,7"), ("1，4、7", "1,4,7"), ("01", "1"), ("60", "60")])
def test_a_list_of_years_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert check_value(Key.INSPECTION_YEARS, typed) == kept
    assert years_of(kept) == tuple(int(year) for year in kept.split(","))


def test_a_version_names_values_not_origins() -> None:
    same = [row("limit_days", 15)]
    assert version_of(resolve_all(same, CITY, DAY)) == version_of(resolve_all([], CITY, DAY))
    assert version_of(resolve_all([row("limit_days", 16)], CITY, DAY)) != version_of(resolve_all([], CITY, DAY))


def test_rows_of_the_database_are_resolved_in_one_statement(session: Any) -> None:
    make_regions(session)
    make_policy(session, "limit_days", 20, PROVINCE)
    make_policy(session, "visit_max_hours", None, DISTRICT)
    session.commit()
    with statements() as seen:
        assert policy_value(session, "limit_days", STREET, DAY) == 20
        assert policy_value(session, Key.LIMIT_DAYS, CITY, DAY) == 20
        assert policy_value(session, "visit_max_hours", STREET, DAY) is None
        assert visit_policy(session, CITY, DAY).max_hours == 8
    assert sum("policy_value" in s for s in seen) == 1


def test_a_written_value_shows_at_once_here_and_after_the_commit_there(session: Any, database: Any) -> None:
    from sqlalchemy.orm import Session

    with Session(database.engine) as other:
        before = policy_version(other, CITY, DAY)
        other.commit()
        with transaction(session):
            assert policy_value(session, "limit_days", CITY, DAY) == 15
            make_policy(session, "limit_days", 22, CITY)
            assert policy_value(session, "limit_days", CITY, DAY) == 22
        assert policy_book(other, CITY, DAY)[Key.LIMIT_DAYS].region_code == CITY
        assert policy_version(other, CITY, DAY) != before


def test_an_unknown_key_is_the_programmers_error(session: Any) -> None:
    with pytest.raises(ValueError, match="no_such"):
        policy_value(session, "no_such", None, clock.today())


def test_a_book_holds_every_key_and_is_the_rule_asked_key_by_key() -> None:
    rows = [row("limit_days", 16), row("preset", "nantong")]
    book = resolve_all(rows, CITY, DAY)
    assert list(book) == list(Key) and len(book) == len(Key)
    assert dict(book.items()) == {key: resolve(key, rows, CITY, DAY) for key in Key}
    assert book[Key.LIMIT_DAYS] is book[Key("limit_days")]
    assert "no such key" not in book
