"""The register as a workbook, 20 columns, each way in a process of its own; beside XlsxWriter with constant_memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench.harness import Measured, at_most, figure, times_faster
from bench.world import World
from tests.databases import ROOT

_told: dict[tuple[str, str], dict[str, float]] = {}
_first: dict[str, float] = {}


def written(world: World, way: str) -> dict[str, float]:
    """Seconds, rows and megabytes; once a world, for at this size either takes its time."""
    key = (world.suffix, way)
    if key not in _told:
        done = subprocess.run(
            [sys.executable, "-m", "bench.baselines.writing", way, world.database.url], cwd=ROOT, capture_output=True,
            env={**os.environ, "DATA_DIR": str(world.data)}, text=True, check=True,
        )  # fmt: skip
        _told[key] = json.loads(done.stdout.splitlines()[-1])
    return _told[key]


@figure("export.xlsx", unit="s", goal=times_faster(5))
def xlsx(world: World) -> Measured:
    """With digest, masks and note; the baseline has none of them."""
    ours, baseline = written(world, "ours"), written(world, "xlsxwriter")
    if ours["rows"] != baseline["rows"]:
        raise RuntimeError(f"{ours['rows']} rows beside {baseline['rows']}")
    return Measured(ours["seconds"], baseline["seconds"])


@figure("export.memory", unit="MB", goal=at_most(150, of="value"))
def memory(world: World) -> Measured:
    """The whole process at its largest, the application in it."""
    return Measured(written(world, "ours")["mb"], written(world, "xlsxwriter")["mb"])


@figure("export.memory.growth", unit="MB", goal=at_most(1.15))
def memory_growth(world: World) -> Measured:
    """Beside the smallest world of this database."""
    mb = written(world, "ours")["mb"]
    return Measured(mb, _first.setdefault(world.kind, mb))
