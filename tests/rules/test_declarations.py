"""自我声明承诺书 at a check-in (PER-06): not asked, a warning, or a stop, as the region's policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.rules.checkin import check_in_findings, declaration_finding
from tests.rules.test_contracts_and_checkin import GOOD, TODAY

pytestmark = pytest.mark.feature("PER-06", "GAT-01")


@pytest.mark.parametrize("until", [None, TODAY - timedelta(days=1), TODAY])
def test_where_none_is_asked_nothing_is_said(until: date | None) -> None:
    assert declaration_finding(until, TODAY, gate="none", near_days=60) is None
    assert "自我声明" not in str(check_in_findings(replace(GOOD, declaration_until_on=until)))


@pytest.mark.parametrize(
    ("days", "rule", "warns", "blocks"),
    [
        (None, "没有自我声明承诺书", "warn", "fail"), (-1, "自我声明承诺书已过期", "warn", "fail"),
        (0, "自我声明承诺书今天到期", "warn", "warn"), (60, "自我声明承诺书 60 天后到期", "warn", "warn"),
        (61, "自我声明承诺书", None, None),
    ],
)  # fmt: skip
def test_lack_and_end_warn_or_stop(days: int | None, rule: str, warns: str | None, blocks: str | None) -> None:
    until = None if days is None else TODAY + timedelta(days=days)
    for gate, level in (("warn", warns), ("block", blocks)):
        found = declaration_finding(until, TODAY, gate=gate, near_days=60)
        assert found is not None and (found.rule, found.ok) == (rule, level is None)
        assert found.ok or (found.level == level and found.remedy)
        facts = replace(GOOD, declaration_until_on=until, declaration_gate=gate)
        stops = [f.rule for f in check_in_findings(facts) if f.stops]
        assert stops == ([rule] if level == "fail" else [])
