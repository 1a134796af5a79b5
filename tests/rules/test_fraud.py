"""FRD-01: what wants an explanation, at its edges, and what harmless reasons are allowed for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from app.errors import Refusal, raise_failing
from app.rules import fraud
from app.rules.checkin import Place
from app.rules.fraud import Numbers, Print, SignalKind, Stop
from app.rules.fraud_cases import (
    CaseState,
    CaseVerb,
    case_move,
    deciding_findings,
    opening_findings,
)

pytestmark = pytest.mark.feature("FRD-01")
T = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
M, S = dt.timedelta(minutes=1), dt.timedelta(seconds=1)
N = Numbers(
    speed_kmh=100, travel_metres=2000, gps_metres=100, site_metres=300, overlap_minutes=5, series_minutes=15,
    photo_bits=2, photo_days=180, window_days=28, duration_least=20, duration_seconds=45, duration_percent=80,
    typed_least=10, typed_percent=50, batch_least=6, batch_minutes=10, batch_sites=2, late_days=10, late_gap_days=7,
    late_extra=2, device_least=3, clock_slack_minutes=5,
)  # fmt: skip
HERE = Place(30.5, 120.5)
# A degree of latitude is 111.2 km.
KM = 1 / 111.195


def north(kilometres: float) -> Place:
    return Place(30.5 + kilometres * KM, 120.5)


def stop(
    key: int, begin: float, end: float | None, place: Place | None = HERE, lift: int | None = None, **more: Any
) -> Stop:
    ended = None if end is None else T + end * M
    return Stop(key, lift or key, T + begin * M, ended, place, place, **more)


# --- two places, two times


def test_travel_is_as_fast_as_one_gets_anywhere() -> None:
    # 50 km at 100 km/h are 30 minutes: 30 are enough, a second less is not.
    first = stop(1, 0, 40)
    assert fraud.walk([first, stop(2, 70.1, 110, north(50))], N) == []
    (sign,) = fraud.walk([first, stop(2, 69.9, 110, north(50))], N)
    assert sign.kind is SignalKind.TRAVEL and sign.visits == (1, 2) and sign.elevator_id == 2
    assert sign.facts["metres"] == pytest.approx(50_000, abs=60) and "公里" in sign.found


def test_a_radius_is_taken_off_and_a_short_way_is_none() -> None:
    near = stop(2, 40.5, 80, north(2.1))
    assert [s.kind for s in fraud.walk([stop(1, 0, 40), near], N)] == [SignalKind.TRAVEL]
    unsure = replace(near, radius_in=120)
    assert fraud.walk([stop(1, 0, 40), unsure], N) == []
    # Two lifts of one building, one after the other without a minute between.
    assert fraud.walk([stop(1, 0, 40), stop(2, 40, 80)], N) == []


def test_a_place_that_nobody_knows_is_no_place() -> None:
    assert fraud.walk([stop(1, 0, 40, None), stop(2, 41, 80, north(500))], N) == []
    assert fraud.apart(stop(1, 0, 40, None), stop(2, 0, 40)) is None


def test_an_offline_clock_may_be_wrong_by_its_slack() -> None:
    first, second = stop(1, 0, 40), stop(2, 66, 110, north(50))
    assert len(fraud.walk([first, second], N)) == 1
    assert fraud.walk([replace(first, kept_out=True), second], N) == []


def test_an_unended_visit_hides_nothing_and_proves_nothing() -> None:
    assert fraud.walk([stop(1, 0, None), stop(2, 10, 50, north(300))], N) == []


@pytest.mark.parametrize(("begin", "seen"), [(35, False), (34.98, True), (40, False)])
def test_overlap_elsewhere(begin: float, seen: bool) -> None:
    signs = fraud.walk([stop(1, 0, 40), stop(2, begin, 90, north(1))], N)
    assert [s.kind for s in signs] == ([SignalKind.OVERLAP] if seen else [])


@pytest.mark.parametrize(("begin", "seen"), [(25, False), (24.9, True)])
def test_overlap_at_one_site_is_a_group_served_in_series(begin: float, seen: bool) -> None:
    signs = fraud.walk([stop(1, 0, 40), stop(2, begin, 90)], N)
    assert bool(signs) is seen and all(s.facts["same_site"] for s in signs)


def test_overlap_is_never_of_one_elevator_and_takes_the_clock_off() -> None:
    assert fraud.walk([stop(1, 0, 40, lift=9), stop(2, 10, 50, lift=9)], N) == []
    away = stop(2, 31, 90, north(1))
    assert len(fraud.walk([stop(1, 0, 40), away], N)) == 1
    assert fraud.walk([stop(1, 0, 40), replace(away, kept_in=True)], N) == []


def test_one_inside_another_is_seen_with_each_whatever_the_order() -> None:
    rows = [stop(3, 20, 60, north(5)), stop(1, 0, 120), stop(2, 70, 110, north(9))]
    found = {s.visits for s in fraud.walk(rows, N) if s.kind is SignalKind.OVERLAP}
    assert found == {(1, 3), (1, 2)} and fraud.walk(rows, N) == fraud.walk(rows[::-1], N)
    # Where he came from to the one after is the end that came last: the long visit's.
    later = stop(4, 121, 160, north(40))
    assert [s.visits for s in fraud.walk([*rows, later], N) if s.kind is SignalKind.TRAVEL][-1] == (1, 4)


# --- statistics


def spans(*seconds: int) -> list[tuple[int, dt.timedelta]]:
    return [(n, dt.timedelta(seconds=s)) for n, s in enumerate(seconds)]


def test_constant_durations_at_the_edge() -> None:
    same, other = [2100] * 16, [4000, 5000, 6000, 7000]
    assert fraud.constant_durations("1", spans(*same, *other), N) is not None
    assert fraud.constant_durations("1", spans(*same[1:], 2200, *other), N) is None
    assert fraud.constant_durations("1", spans(*[2100] * 19), N) is None
    within = fraud.constant_durations("1", spans(*[2100] * 10, *[2145] * 5, *[2055] * 5), N)
    assert within is not None and within.facts == {"visits": 20, "same": 20, "percent": 100, "median_seconds": 2100}
    assert fraud.constant_durations("1", spans(*[2100] * 15, *[2146] * 5), N) is None


def test_typed_codes_counts_what_is_known() -> None:
    half = [(n, n % 2 == 0) for n in range(10)]
    sign = fraud.typed_codes("1", half, N)
    assert sign is not None and sign.facts == {"visits": 10, "typed": 5, "percent": 50}
    assert sign.visits == (0, 2, 4, 6, 8)
    assert fraud.typed_codes("1", [(0, False), *half], N) is None
    assert fraud.typed_codes("1", [*half[:9], (9, None)], N) is None
    assert fraud.typed_codes("1", [*half, *((n, None) for n in range(20))], N) is not None


def sent(key: int, minute: float, place: Place = HERE) -> Stop:
    return stop(key, key * 60, key * 60 + 40, place, kept_out=True, sent=T + minute * M)


def test_batches_are_many_at_once_from_several_sites() -> None:
    row = [sent(n, 600, HERE if n < 3 else north(5)) for n in range(1, 7)]
    (sign,) = fraud.batches("1", row, N)
    assert sign.facts == {"visits": 6, "sites": 2, "minutes": 10} and len(sign.visits) == 6
    assert fraud.batches("1", row[:5], N) == []
    # The cellars of one estate have no network: that is no batch of anything.
    assert fraud.batches("1", [sent(n, 600) for n in range(1, 9)], N) == []
    assert fraud.batches("1", [*row[:5], replace(row[5], sent=T + 610.1 * M)], N) == []
    assert len(fraud.batches("1", [*row[:5], replace(row[5], sent=T + 610 * M)], N)) == 1


def test_late_extra_visits_need_failures_and_more_than_one_needs() -> None:
    last = dt.date(2026, 3, 31)
    days = [dt.date(2026, 3, d) for d in (1, 15, 22, 28, 31)]
    rows = list(enumerate(days))
    sign = fraud.late_extra("1", 7, rows, 2, last, N)
    assert sign is not None and sign.visits == (3, 4) and sign.elevator_id == 7
    assert fraud.late_extra("1", 7, rows, 0, last, N) is None
    assert fraud.late_extra("1", 7, rows[:-1], 2, last, N) is None
    # A week between two is no more than the clock may ask for.
    weekly = [(0, dt.date(2026, 3, 17)), (1, dt.date(2026, 3, 24)), (2, last)]
    assert fraud.late_extra("1", 7, weekly, 2, last, N) is None


def test_one_network_once_is_none() -> None:
    assert fraud.one_device("1:2", [5, 6], 9, N) is None
    sign = fraud.one_device("1:2", [5, 6, 7], 9, N)
    assert sign is not None and sign.facts == {"reviewed": 9, "alike": 3}


# --- photos


def photo(key: int, bits: int | None, day: int = 1, sha: str = "", lift: int = 0, place: Place | None = HERE) -> Print:
    return Print(key, stop(key, 0, 40, place, lift or key), dt.date(2026, 3, day), sha or f"{key:064d}", bits)


def test_prints_differ_by_bits_whatever_their_sign() -> None:
    assert fraud.distance(0b1011, 0b0010) == 2 and fraud.distance(-1, 0) == 64 and fraud.distance(-1, -2) == 1
    assert fraud.pieces(-1) == (2**22 - 1, 2**21 - 1, 2**21 - 1)
    # Whatever two bits are turned over, one of the three pieces stays.
    for a in range(0, 64, 7):
        for b in range(64):
            other = fraud.pieces(0x0123456789ABCDEF ^ (1 << a) ^ (1 << b))
            assert any(x == y for x, y in zip(fraud.pieces(0x0123456789ABCDEF), other, strict=True))


@pytest.mark.parametrize(("turned", "seen"), [(0, True), (0b1, True), (0b11, True), (0b111, False)])
def test_photos_alike_at_the_edge(turned: int, seen: bool) -> None:
    found = fraud.repeated([photo(1, 0xF0F0), photo(2, 0xF0F0 ^ turned, 9)], N)
    assert bool(found) is seen
    assert all(s.key == "photo:1:2" and s.photos == (1, 2) and s.facts["days"] == 8 for s in found)


def test_the_same_file_is_another_matter_than_one_that_looks_alike() -> None:
    # A machine room that two lifts share, taken twice on one day.
    assert fraud.repeated([photo(1, 0xF0F0), photo(2, 0xF0F1)], N) == []
    (sign,) = fraud.repeated([photo(1, 0xF0F0, sha="a"), photo(2, 0xF0F0, sha="a")], N)
    assert sign.facts["exact"]
    assert fraud.repeated([photo(1, 0xF0F0), photo(2, 0xF0F1, place=north(4))], N) != []
    # Dark ones show nothing: only their files can be the same.
    assert fraud.repeated([photo(1, None), photo(2, None, 9)], N) == []
    assert fraud.repeated([photo(1, None, sha="a"), photo(2, None, 9, sha="a")], N) != []


def test_photos_of_one_visit_and_old_ones_are_let_be() -> None:
    two = [photo(1, 0xF0F0), replace(photo(2, 0xF0F0, 9), visit=stop(1, 0, 40))]
    assert fraud.repeated(two, N) == []
    old = replace(photo(2, 0xF0F0), on=dt.date(2026, 3, 1) + dt.timedelta(days=181))
    assert fraud.repeated([photo(1, 0xF0F0), old], N) == []
    assert fraud.repeated([photo(1, 0xF0F0), replace(old, on=old.on - dt.timedelta(days=1))], N) != []


# --- risk and cases


def test_a_risk_adds_up_and_caps_each_kind() -> None:
    total, reasons = fraud.risk({"typed": [10], "overlap": [30, 30, 20, 30]}, 3)
    assert total == 100 and [(r.kind, r.signals, r.counted, r.total) for r in reasons] == [
        ("overlap", 4, 3, 90), ("typed", 1, 1, 10),
    ]  # fmt: skip
    assert fraud.risk({}, 3) == (0, [])
    assert fraud.tallied([(1, "typed", 5), (1, "typed", 6), (2, "photo", 7)]) == {
        1: {"typed": [5, 6]}, 2: {"photo": [7]},
    }  # fmt: skip


def test_a_case_goes_one_way() -> None:
    assert case_move(CaseState.ASKED, CaseVerb.ANSWER) is CaseState.ANSWERED
    assert case_move(CaseState.ASKED, CaseVerb.DECIDE) is CaseState.CLOSED
    for state, verb in ((CaseState.CLOSED, CaseVerb.DECIDE), (CaseState.ANSWERED, CaseVerb.ANSWER)):
        with pytest.raises(Refusal, match="不能"):
            case_move(state, verb)


def refused(findings: Any) -> str:
    with pytest.raises(Refusal) as caught:
        raise_failing(findings)
    return str(caught.value)


def test_a_case_asks_one_unit_about_what_waits() -> None:
    raise_failing(opening_findings([(1, None, False)], "问"))
    told = refused(opening_findings([(1, None, False), (2, 9, False), (2, None, True)], ""))
    assert "2 个单位" in told and "已在其他案件" in told and "已排除" in told and "没有填写" in told
    assert "选了 0 个" in refused(opening_findings([], "问")) and "选了 101" in refused(
        opening_findings([(1, None, False)] * 101, "问")
    )


def test_nobody_is_condemned_unheard() -> None:
    due = T + 10 * M
    before, after = due - S, due
    assert "还在说明期限内" in refused(deciding_findings(CaseState.ASKED, due, before, "warned", "因"))
    raise_failing(deciding_findings(CaseState.ASKED, due, after, "warned", "因"))
    raise_failing(deciding_findings(CaseState.ASKED, due, before, "unfounded", "因"))
    raise_failing(deciding_findings(CaseState.ANSWERED, None, before, "handed", "因"))
    assert "没有选择" in refused(deciding_findings(CaseState.ANSWERED, None, before, "", "因"))
    assert "不在候选" in refused(deciding_findings(CaseState.ANSWERED, None, before, "fined", "因"))
    assert "没有填写" in refused(deciding_findings(CaseState.ANSWERED, None, before, "warned", ""))
