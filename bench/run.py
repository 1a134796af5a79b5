"""`make bench`: measure every figure and print one JSON line for each; notes go to stderr.

Gives 1 when a goal is missed or a figure can't be measured, after all the others were.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterator

from bench import figures
from bench.harness import FIGURES, Figure, Measured, print_line
from bench.world import World, Worlds


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", default="*", help="figures by name, with * and ?")
    parser.add_argument("--sizes", default="10000,100000", help="elevators of each world")
    parser.add_argument("--db", default="sqlite,postgresql", help="databases")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.sizes.split(",")]
    kinds = asked.db.split(",")
    if unknown := set(kinds) - {"sqlite", "postgresql"}:
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for module in pkgutil.iter_modules(figures.__path__):
        importlib.import_module(f"{figures.__name__}.{module.name}")
    worlds = Worlds()
    try:
        return measure_all([f for f in FIGURES if fnmatch.fnmatch(f.name, asked.only)], worlds, kinds, sizes)
    finally:
        worlds.close()


def measure_all(chosen: list[Figure], worlds: Worlds, kinds: list[str], sizes: list[int]) -> int:
    missed = not chosen
    for entry in chosen:
        for world in places_of(entry, worlds, kinds, sizes):
            try:
                measured: Measured = entry.measure(world) if world else entry.measure()
            except Exception:
                # One figure that breaks must not hide the others; the run still fails.
                print(f"# {entry.name}: {traceback.format_exc()}", file=sys.stderr, flush=True)
                missed = True
                continue
            line = entry.line(measured, world.suffix if world else "")
            print_line(line)
            missed = missed or not line["ok"]
    return int(missed)


def places_of(entry: Figure, worlds: Worlds, kinds: list[str], sizes: list[int]) -> Iterator[World | None]:
    if not entry.needs_world:
        yield None
        return
    for size in sizes:
        for kind in kinds:
            yield worlds.get(kind, size)


if __name__ == "__main__":
    sys.exit(main())
