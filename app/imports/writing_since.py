"""What moved between the check of a file and its writing: a row is told by what it meets, held."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.imports.comparing import as_json, exists
from app.models import ImportRow


def came_since(mode: str, key: str, value: str) -> None:
    """Somebody wrote it since the check: a row that said new changes that one; where only new ones are wanted, none."""
    if mode == "new":
        raise exists(key, value)


def as_it_stands(row: ImportRow, standing: Mapping[str, Any]) -> bool:
    """What a row changes is told by what it meets now, held: a change since the check is neither written over unseen
    by an undo, which gives back what this row took, nor told as this row's; one that is made already changes nothing.

    `standing`: the fields as they are; what it does not tell of stays the row's. Whether anything is left to write.
    """
    data = row.data or {}
    now = {name: as_json(standing[name]) for name in data if name in standing}
    row.data = {name: value for name, value in data.items() if name not in now or value != now[name]}
    row.before = {name: now[name] for name in row.data if name in now}
    row.state = "changed" if row.data else "same"
    return bool(row.data)


def only_these(row: ImportRow, name: str, done: Collection[int]) -> None:
    """Of what a row brings several of, those that were not there yet; it may have been all that was left of it."""
    left = {n: v for n, v in (row.data or {}).items() if n != name}
    row.data = left | {name: list(done)} if done else left
    row.state = row.state if row.data else "same"
