"""ANO-03, APL-01: the steps of an enforcement, what must be written, and the time in which one may appeal. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app.errors import Refusal
from app.rules.appeals import LONGEST_GROUNDS, appeal_until, grounds_finding, single_finding, time_finding
from app.rules.enforcement import (
    LONGEST_FACTS,
    MOST_EVIDENCE,
    MOVES,
    EnforcementState,
    EnforcementVerb,
    content_findings,
    enforcement_move,
    needs_second,
)
from app.rules.visits import VisitFacts, VisitPolicy, VisitState, visit_state

pytestmark = pytest.mark.feature("ANO-03")
TODAY = dt.date(2026, 3, 17)
S, V = EnforcementState, EnforcementVerb


def wrong(**given: Any) -> set[str]:
    """The fields that are refused."""
    said: dict[str, Any] = {
        "kind": "talk", "decided_on": TODAY, "facts": "三次超期", "demand": "补做并排查", "legal_basis": "",
        "document_no": "", "reply_days": 10, "evidence": 0, "today": TODAY,
    }  # fmt: skip
    return {str(f.field) for f in content_findings(**(said | given)) if f.stops}


def test_a_talk_needs_its_facts_and_what_is_asked_for() -> None:
    assert wrong() == set()
    assert wrong(facts="", demand="") == {"facts", "demand"}
    assert wrong(kind="stern", decided_on=None) == {"kind", "decided_on"}


def test_a_penalty_stands_on_a_paper_its_basis_and_evidence() -> None:
    whole = {"kind": "penalty", "legal_basis": "文书所列条款", "document_no": "澜市监罚立〔2026〕3号", "evidence": 1}
    assert wrong(**whole) == set() == wrong(**whole, demand="")
    assert wrong(kind="penalty") == {"legal_basis", "document_no", "evidence"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"facts": "字" * LONGEST_FACTS}, None), ({"facts": "字" * (LONGEST_FACTS + 1)}, "facts"),
        ({"reply_days": 1}, None), ({"reply_days": 0}, "reply_days"), ({"reply_days": 180}, None),
        ({"reply_days": 181}, "reply_days"), ({"reply_days": None}, "reply_days"),
        ({"decided_on": TODAY + dt.timedelta(1)}, "decided_on"), ({"decided_on": TODAY - dt.timedelta(365)}, None),
        ({"decided_on": TODAY - dt.timedelta(366)}, "decided_on"),
        ({"evidence": MOST_EVIDENCE}, None), ({"evidence": MOST_EVIDENCE + 1}, "evidence"),
    ],
)  # fmt: skip
def test_the_edges_of_what_is_written(given: dict[str, Any], field: str | None) -> None:
    assert wrong(**given) == ({field} if field else set())


def test_the_steps_and_their_refusals() -> None:
    assert enforcement_move(S.DRAFT, V.ISSUE) is S.IN_FORCE
    assert enforcement_move(S.PROPOSED, V.RETURN_) is S.DRAFT
    assert enforcement_move(S.REPLIED, V.SEND_BACK) is S.IN_FORCE
    with pytest.raises(Refusal, match="现为“已办结”，不能撤销"):
        enforcement_move(S.CLOSED, V.WITHDRAW)
    # Nothing leads out of what was taken back, and nobody answers a draft.
    assert not [verb for state, verb in MOVES if state is S.WITHDRAWN]
    with pytest.raises(Refusal):
        enforcement_move(S.DRAFT, V.REPLY)
    assert needs_second("penalty") and not needs_second("talk") and not needs_second("warning")


@pytest.mark.feature("APL-01")
def test_the_time_to_appeal_runs_to_the_end_of_its_last_day() -> None:
    known = dt.datetime(2026, 3, 1, 15, 30, tzinfo=dt.UTC)  # 23:30 in Shanghai
    until = appeal_until(known, 30)
    assert until == dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)  # 04-01 00:00
    assert time_finding(until, "2026-03-31 24:00", until - dt.timedelta(seconds=1)).ok
    assert not time_finding(until, "2026-03-31 24:00", until).ok
    assert appeal_until(known, None) is None and time_finding(None, "", known).ok


@pytest.mark.feature("APL-01")
def test_grounds_are_asked_for_and_a_record_has_one_appeal() -> None:
    assert not grounds_finding("").ok and grounds_finding("网络中断").ok
    assert grounds_finding("字" * LONGEST_GROUNDS).ok and not grounds_finding("字" * (LONGEST_GROUNDS + 1)).ok
    assert single_finding(None, None, False).ok
    assert single_finding("SS-1", "/applications/1", True).remedy == "请等待办结"
    # Nothing is left to do, so the way to it is not called one to do something.
    assert single_finding("SS-1", "/applications/1", True).way == "查看申诉 SS-1"
    assert single_finding("SS-1", "/applications/1", False).remedy == "已有决定，不再受理"


@pytest.mark.feature("APL-01")
@pytest.mark.parametrize(
    "facts",
    [
        {"checked_out_at": None}, {"minutes": 20}, {"minutes": 500}, {"nth_of_day": 9}, {"received_late": True},
        {"on_site": False},
    ],
)  # fmt: skip
def test_an_upheld_appeal_makes_any_record_count_and_lasts(facts: dict[str, Any]) -> None:
    begun = dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)
    out = begun + dt.timedelta(minutes=facts.pop("minutes", 60))
    late = out + dt.timedelta(hours=9) if facts.pop("received_late", False) else None
    policy = VisitPolicy(min_minutes=35, max_hours=8, upload_hours=8, daily_elevators=8)
    held = VisitFacts(begun, **({"checked_out_at": out, "received_at": late, "signed_at": out} | facts))
    now = begun + dt.timedelta(days=3)
    assert visit_state(held, policy, now).state in (VisitState.VOID, VisitState.ABNORMAL)
    from dataclasses import replace

    healed = visit_state(replace(held, appeal_upheld=True), policy, now)
    assert healed.state is VisitState.VALID and healed.next_change_at is None
