"""TGT-01: a draw that anybody works out again, risk with its parts, a check from the door to its end."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import random

import pytest

from app.errors import Refusal, raise_failing
from app.rules import spot_draw
from app.rules.spot_checks import (
    CheckState,
    CheckVerb,
    Part,
    Weights,
    check_move,
    parts_of,
    per_elevator,
    result_findings,
    risk_of,
)
from app.rules.spot_draw import Candidate, Chosen, DrawState, DrawVerb, Inspector, draw_move

pytestmark = pytest.mark.feature("TGT-01")
LIST = [Candidate(f"T{n:04d}", (n * 37) % 400 * 25, "age=100") for n in range(200)]
SEED = "0" * 64


def by_hand(text: str, quota: int, percent: int, top: int, seed: str) -> list[tuple[str, str]]:
    """The draw once more from the printed record, by the printed words, with nothing of the product's."""

    def sha(*words: object) -> str:
        return hashlib.sha256("|".join(str(w) for w in (seed, *words)).encode()).hexdigest()

    rows = [(line.split("\t")[0], int(line.split("\t")[1])) for line in text.splitlines()]
    first = min(quota, len(rows)) * percent / 100
    by_risk = math.floor(first + 0.5)
    ranked = sorted(rows, key=lambda row: (-row[1], sha("top", row[0])))[: math.ceil(len(rows) * top / 100)]
    risky = sorted((code for code, _risk in ranked), key=lambda code: sha("risk", code))[:by_risk]
    left = sorted((code for code, _r in rows if code not in risky), key=lambda code: sha("random", code))
    rest = left[: min(quota, len(rows)) - len(risky)]
    return [(code, "risk") for code in risky] + [(code, "random") for code in rest]


DRAWS = [(10, 60, 20), (7, 50, 5), (200, 100, 1), (1, 0, 100), (3, 100, 1)]


@pytest.mark.parametrize(("quota", "percent", "top"), DRAWS)
def test_a_draw_is_worked_out_again_from_its_record(quota: int, percent: int, top: int) -> None:
    text = spot_draw.listed(random.Random(3).sample(LIST, len(LIST)))
    for public in ("双色球 2026031 期 01 07 12", "other words"):
        seed = spot_draw.seed_of("CC-2026-000001", "ab" * 32, public)
        assert seed == hashlib.sha256(f"CC-2026-000001\n{'ab' * 32}\n{public}".encode()).hexdigest()
        drawn = spot_draw.draw(spot_draw.read_list(text), quota, percent, top, seed)
        assert [(one.code, one.stratum) for one in drawn] == by_hand(text, quota, percent, top, seed)
        assert len({one.code for one in drawn}) == quota


def test_another_text_chooses_others() -> None:
    chosen = [
        tuple(one.code for one in spot_draw.draw(LIST, 10, 60, 20, spot_draw.seed_of("CC-1", "x", str(n))))
        for n in range(20)
    ]
    assert len(set(chosen)) == 20


def test_the_pure_share_is_fair() -> None:
    """Over many seeds each comes up about as often as every other, whatever its risk."""
    few, hits = LIST[:20], dict.fromkeys((one.code for one in LIST[:20]), 0)
    for n in range(2000):
        for one in spot_draw.draw(few, 4, 0, 20, spot_draw.seed_of("CC-1", "x", str(n))):
            hits[one.code] += 1
    assert all(320 < count < 480 for count in hits.values())


def test_the_list_is_read_as_it_was_written() -> None:
    assert spot_draw.read_list(spot_draw.listed(LIST)) == LIST
    assert spot_draw.parts_of_text(spot_draw.parts_text({"age": 100, "overdue": 2000})) == {"age": 100, "overdue": 2000}
    assert spot_draw.parts_of_text("") == {}


SHARES = [(10, 60, (6, 4)), (5, 50, (3, 2)), (1, 49, (0, 1)), (1, 50, (1, 0))]


@pytest.mark.parametrize(("quota", "percent", "shares"), SHARES)
def test_shares_are_rounded_half_up(quota: int, percent: int, shares: tuple[int, int]) -> None:
    assert spot_draw.shares(quota, percent) == shares


def test_two_go_by_lot_nobody_to_whom_he_keeps_out_of_and_all_alike() -> None:
    chosen = [Chosen(f"T{n:04d}", "random") for n in range(30)]
    units = {one.code: {n % 3} for n, one in enumerate(chosen)}
    people = [Inspector(1, frozenset({0})), Inspector(2), Inspector(3), Inspector(4)]
    sent = spot_draw.send(chosen, units, people, SEED)
    assert all(len(set(pair)) == 2 for pair in sent.values())
    assert all(1 not in sent[code] for code, sides in units.items() if 0 in sides)
    loads = [sum(number in pair for pair in sent.values()) for number in (1, 2, 3, 4)]
    assert max(loads) - min(loads) <= 1
    assert sent == spot_draw.send(chosen, units, people[::-1], SEED)
    assert spot_draw.send(chosen[:1], {"T0000": {0}}, people[:1], SEED) == {"T0000": ()}


def test_a_draw_is_made_once() -> None:
    assert draw_move(DrawState.ANNOUNCED, DrawVerb.DRAW) is DrawState.DRAWN
    assert draw_move(DrawState.DRAWN, DrawVerb.CANCEL) is DrawState.CANCELLED
    for state, verb in ((DrawState.DRAWN, DrawVerb.DRAW), (DrawState.CANCELLED, DrawVerb.DRAW)):
        with pytest.raises(Refusal, match="只做一次"):
            draw_move(state, verb)


def refused(findings: list[object]) -> str:
    with pytest.raises(Refusal) as caught:
        raise_failing(findings)  # type: ignore[arg-type]
    return str(caught.value)


def test_publishing_tells_all_that_is_wrong() -> None:
    today = dt.date(2026, 3, 2)
    raise_failing(spot_draw.announcing_findings("春季", 5, 5, 60, 20, 2, today, today))
    told = refused(spot_draw.announcing_findings("", 5, 6, 101, 0, 1, today - dt.timedelta(days=1), today))
    for word in ("没有填写", "名单只有 5", "101", "选了 1 人", "不在一年之内"):
        assert word in told
    assert "没有可抽取" in refused(spot_draw.announcing_findings("春季", 0, 5, 60, 20, 2, today, today))


def test_a_public_text_says_something() -> None:
    assert spot_draw.normal_seed("  双色球\u3000第 031 期\n ") == "双色球 第 031 期"
    assert spot_draw.seed_finding("123456").ok and not spot_draw.seed_finding("12345").ok
    assert not spot_draw.seed_finding("一" * 201).ok


# --- risk and the check


def test_a_risk_is_the_sum_of_its_parts() -> None:
    weights = Weights(dict.fromkeys(Part, 10) | {Part.SCORE: 0}, 5)
    parts = parts_of({Part.OVERDUE: 300, Part.COMPLAINT: 700, Part.SCORE: 400, Part.AGE: 50}, weights)
    assert parts == {"overdue": 3000, "complaint": 5000, "age": 500} and risk_of(parts) == 8500
    assert parts_of({}, weights) == {}


BY_TEN = [(1, 10, 100), (1, 3, 333), (2, 3, 667), (0, 5, 0), (4, 0, 0), (1, 16, 63)]


@pytest.mark.parametrize(("count", "lifts", "found"), BY_TEN)
def test_a_unit_is_measured_by_ten_elevators(count: int, lifts: int, found: int) -> None:
    assert per_elevator(count, lifts) == found


def test_a_check_goes_its_way() -> None:
    assert check_move(CheckState.WAITING, CheckVerb.PASS) is CheckState.FINE
    assert check_move(CheckState.FIXED, CheckVerb.SEND_BACK) is CheckState.FIXING
    for state, verb in ((CheckState.FINE, CheckVerb.FAIL), (CheckState.FIXING, CheckVerb.CONFIRM),
                        (CheckState.FIXING, CheckVerb.SKIP)):  # fmt: skip
        with pytest.raises(Refusal):
            check_move(state, verb)


def test_a_result_says_what_was_seen() -> None:
    raise_failing(result_findings(True, "正常", ""))
    told = refused(result_findings(False, "", ""))  # type: ignore[arg-type]
    assert told.count("没有填写") == 2
    assert "没有选择" in refused(result_findings(None, "正常", ""))  # type: ignore[arg-type]
