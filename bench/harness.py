"""How a figure is measured and said.

A figure is a function in bench/figures/ that measures ours beside a baseline in the same run and returns both:

    @figure("schedule.again", unit="s", goal=at_most(0.4))
    def again(world: World) -> Measured: ...

It runs once for each database and size that was asked for; its lines are named `schedule.again.sqlite.10000`.
Without `world` it runs once.
"""

from __future__ import annotations

import gc
import inspect
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROUNDS = 5


@dataclass(frozen=True)
class Goal:
    """What the ratio must keep: ours/baseline at most, or baseline/ours ("times faster") at least.

    `of="value"` judges the figure itself in its own unit, for promises that no baseline explains. A moonshot is told
    and not judged. Without a limit the figure is for information.
    """

    kind: Literal["<=", ">="]
    limit: float | None
    of: Literal["ratio", "value"] = "ratio"
    moonshot: bool = False

    def __str__(self) -> str:
        if self.limit is None:
            return "none"
        return f"{'moonshot: ' if self.moonshot else ''}{self.of} {self.kind} {self.limit:g}"

    def ratio(self, value: float, baseline: float) -> float:
        return value / baseline if self.kind == "<=" else baseline / value

    def holds(self, value: float, ratio: float | None) -> bool:
        if self.limit is None or self.moonshot:
            return True
        judged = value if self.of == "value" else ratio
        if judged is None:
            return False
        return judged <= self.limit if self.kind == "<=" else judged >= self.limit


def at_most(limit: float, of: Literal["ratio", "value"] = "ratio") -> Goal:
    return Goal("<=", limit, of)


def times_faster(limit: float) -> Goal:
    return Goal(">=", limit)


def moonshot(limit: float) -> Goal:
    """What would be splendid, beyond the first goal of the same figure."""
    return Goal("<=", limit, moonshot=True)


NO_GOAL = Goal("<=", None)


@dataclass(frozen=True)
class Measured:
    """Ours and what it is compared with, in the figure's unit; no baseline only where the goal is on the value."""

    value: float
    baseline: float | None = None


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    goal: Goal
    measure: Callable[..., Measured]
    # A promise for many elevators is measured in smaller worlds, too, but not judged there.
    judged_from: int = 0

    @property
    def needs_world(self) -> bool:
        return bool(inspect.signature(self.measure).parameters)

    def line(self, measured: Measured, suffix: str = "", elevators: int | None = None) -> dict[str, Any]:
        small = elevators is not None and elevators < self.judged_from
        ratio = None if measured.baseline is None else self.goal.ratio(measured.value, measured.baseline)
        return {
            "name": self.name + suffix,
            "value": round(measured.value, 4),
            "unit": self.unit,
            "baseline": None if measured.baseline is None else round(measured.baseline, 4),
            "ratio": None if ratio is None else round(ratio, 3),
            "goal": f"{self.goal} from {self.judged_from:,}" if small else str(self.goal),
            "ok": small or self.goal.holds(measured.value, ratio),
        }


FIGURES: list[Figure] = []


def figure(
    name: str, unit: str, goal: Goal, judged_from: int = 0
) -> Callable[[Callable[..., Measured]], Callable[..., Measured]]:
    """Enter a measuring function under its name."""

    def enter(measure: Callable[..., Measured]) -> Callable[..., Measured]:
        if any(known.name == name for known in FIGURES):
            raise ValueError(f"two figures are named {name}")
        FIGURES.append(Figure(name, unit, goal, measure, judged_from))
        return measure

    return enter


def peak_mb() -> float:
    """The most memory that this process has held. Not `ru_maxrss`: a process begins with what its parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(
    ours: Callable[[], object],
    baseline: Callable[[], object],
    *,
    rounds: int = ROUNDS,
    before: Callable[[], object] | None = None,
) -> Measured:
    """Medians in seconds of both, taken in turns so that a busy machine slows both alike.

    One unmeasured round of each comes first. `before` runs unmeasured before every call (undo, empty a table).
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for kept, work in zip(times, (ours, baseline), strict=True):
            if before is not None:
                before()
            gc.collect()
            took = seconds(work)
            if turn:
                kept.append(took)
    return Measured(statistics.median(times[0]), statistics.median(times[1]))


def in_milliseconds(measured: Measured) -> Measured:
    return Measured(measured.value * 1000, None if measured.baseline is None else measured.baseline * 1000)


def print_line(line: dict[str, Any]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)
