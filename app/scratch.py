"""Folders for what is being written and stays nowhere: on the product's own disk, closed to others, gone afterwards.

What holds people's data never lies in a folder that the whole machine shares, and what a killed process left behind
is swept at night.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app

LASTS = dt.timedelta(hours=2)


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A new empty folder; it and all in it are gone when the block ends, however it ends."""
    with tempfile.TemporaryDirectory(prefix=f"{purpose}-", dir=_root()) as folder:
        yield Path(folder)


def sweep(at: dt.datetime) -> int:
    """Drop the folders in which nothing was written for two hours: their process was killed. Gives how many."""
    old = (at - LASTS).timestamp()
    left = [folder for folder in _root().iterdir() if _written_at(folder) < old]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _root() -> Path:
    root = Path(current_app.config["DATA_DIR"]) / "scratch"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def _written_at(folder: Path) -> float:
    """When anything in it was last written; a folder that ends meanwhile is as new as can be."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return float("inf")
