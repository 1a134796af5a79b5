"""The bench says what it measured: ratios the right way round, goals judged by what they name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench import harness
from bench.harness import NO_GOAL, Figure, Goal, Measured, at_most, moonshot, side_by_side, times_faster


@pytest.mark.parametrize(
    ("goal", "value", "baseline", "ratio", "ok"),
    [
        (at_most(1.3), 13.0, 10.0, 1.3, True),
        (at_most(1.3), 14.0, 10.0, 1.4, False),
        (times_faster(30), 10.0, 300.0, 30.0, True),
        (times_faster(30), 10.0, 299.0, 29.9, False),
        (at_most(1, of="value"), 0.9, 0.3, 3.0, True),
        (at_most(1, of="value"), 1.1, 20.0, 0.055, False),
        (at_most(1, of="value"), 1.0, None, None, True),
        (at_most(1), 1.0, None, None, False),
        (moonshot(1), 20.0, 1.0, 20.0, True),
        (NO_GOAL, 20.0, 1.0, 20.0, True),
    ],
)
def test_a_line_judges_its_goal(
    goal: Goal, value: float, baseline: float | None, ratio: float | None, ok: bool
) -> None:
    line = Figure("x", "s", goal, lambda: Measured(0)).line(Measured(value, baseline), ".sqlite.10")
    assert list(line) == ["name", "value", "unit", "baseline", "ratio", "goal", "ok"]
    assert (line["name"], line["ratio"], line["ok"]) == ("x.sqlite.10", ratio, ok)


def test_a_moonshot_is_told_as_one() -> None:
    """It is printed with its ratio and is no goal that was missed."""
    goals = {"moonshot: ratio <= 1": moonshot(1), "none": NO_GOAL, "ratio <= 1": at_most(1)}
    for told, goal in goals.items():
        line = Figure("x", "s", goal, lambda: Measured(0)).line(Measured(20, 1))
        assert (line["goal"], line["ratio"]) == (told, 20)


@pytest.mark.parametrize(("elevators", "ok"), [(None, False), (99, True), (100, False)])
def test_a_promise_for_many_is_judged_where_there_are_many(elevators: int | None, ok: bool) -> None:
    entry = Figure("x", "s", times_faster(3), lambda: Measured(0), judged_from=100)
    line = entry.line(Measured(1, 2), ".sqlite", elevators)
    assert line["ok"] is ok and line["ratio"] == 2 and (" from 100" in line["goal"]) is ok


def test_both_are_measured_in_turns_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Garbage is looked for before each, not in its time; here only that it is: a whole run's takes seconds."""
    calls: list[str] = []
    monkeypatch.setattr(harness.gc, "collect", lambda: calls.append("collect"))
    measured = side_by_side(
        lambda: calls.append("ours"), lambda: calls.append("base"), rounds=2, before=lambda: calls.append("before")
    )
    assert calls == ["before", "collect", "ours", "before", "collect", "base"] * 3
    assert measured.value >= 0 and measured.baseline is not None


def test_baselines_have_their_tables_for_themselves() -> None:
    """Our models would put their own ideas (sealed numbers, scope) into the stock framework that we are measured by."""
    asked = "import sys; import bench.baselines.fab, bench.baselines.register; sys.exit('app.models' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
