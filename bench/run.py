"""`make bench`: measure every figure and print one JSON line for each; notes and a table at the end go to stderr.

A city (100,000 elevators) by default, `BENCH_PROVINCE=1` is a province (a million); `BENCH_SIZES` says other sizes.
`BENCH_ONLY` and `BENCH_DB` narrow it to some figures and databases.

Gives 1 when a goal is missed or a figure can't be measured, after all the others were.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from bench import figures
from bench.harness import FIGURES, Figure, Measured, print_line
from bench.world import World, Worlds


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default=os.environ.get("BENCH_ONLY", "*"), help="figures by name, with * and ?")
    largest = 1_000_000 if os.environ.get("BENCH_PROVINCE", "") not in ("", "0") else 100_000
    sizes_asked = os.environ.get("BENCH_SIZES", f"10000,{largest}")
    parser.add_argument("--sizes", default=sizes_asked, help="elevators of each world")
    parser.add_argument("--db", default=os.environ.get("BENCH_DB", "sqlite,postgresql"), help="databases")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.sizes.split(",")]
    kinds = asked.db.split(",")
    if unknown := set(kinds) - {"sqlite", "postgresql"}:
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for module in pkgutil.iter_modules(figures.__path__):
        importlib.import_module(f"{figures.__name__}.{module.name}")
    worlds = Worlds(max(sizes))
    try:
        return measure_all([f for f in FIGURES if fnmatch.fnmatch(f.name, asked.only)], worlds, kinds, sizes)
    finally:
        worlds.close()


def measure_all(chosen: list[Figure], worlds: Worlds, kinds: list[str], sizes: list[int]) -> int:
    missed = not chosen
    lines: list[dict[str, Any]] = []
    for entry in chosen:
        for world in places_of(entry, worlds, kinds, sizes):
            try:
                measured: Measured = entry.measure(world) if world else entry.measure()
            except Exception:
                # One figure that breaks must not hide the others; the run still fails.
                print(f"# {entry.name}: {traceback.format_exc()}", file=sys.stderr, flush=True)
                missed = True
                continue
            line = entry.line(measured, *((world.suffix, world.elevators) if world else ()))
            print_line(line)
            lines.append(line)
            missed = missed or not line["ok"]
    print(table(lines), file=sys.stderr, flush=True)
    return int(missed)


def table(lines: list[dict[str, Any]]) -> str:
    """All figures side by side: ours, what it is compared with, their ratio, and whether the goal is kept."""
    rows = [("figure", "ours", "baseline", "ratio", "goal", "")]
    for line in lines:
        baseline, ratio = ("-" if line[name] is None else f"{line[name]:g}" for name in ("baseline", "ratio"))
        missed = "" if line["ok"] else "MISSED"
        rows.append((line["name"], f"{line['value']:g} {line['unit']}", baseline, ratio, line["goal"], missed))
    widths = [max(len(row[n]) for row in rows) for n in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def places_of(entry: Figure, worlds: Worlds, kinds: list[str], sizes: list[int]) -> Iterator[World | None]:
    if not entry.needs_world:
        yield None
        return
    for size in sizes:
        for kind in kinds:
            yield worlds.get(kind, size)


if __name__ == "__main__":
    sys.exit(main())
