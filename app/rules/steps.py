"""One step of a table of states, as every case of the office takes it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from app.errors import refuse

S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)

LOOK_AGAIN = "请刷新页面查看当前状态"


def after(
    moves: Mapping[tuple[Any, V], S], state: Any, verb: V, rule: str, found: str, remedy: str = LOOK_AGAIN,
    *, field: str = "state",
) -> S:  # fmt: skip
    """`moves[state, verb]`; where the table knows no such step, the refusal: `found` says what the case is now."""
    new = moves.get((state, verb))
    if new is None:
        raise refuse(rule, found, remedy, field=field, value=verb.value)
    return new
