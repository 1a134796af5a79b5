"""What a page of the handbook is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.verbs import Verb

# A label of a screen, as the sentences of the handbook quote it; tests hold each equal to a text of the product.
LABEL = re.compile("“([^“”]+)”")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and the address where it is done, if it has one.

    Who goes there, where not every reader of the topic does: the holders of `verb`; accounts of a unit alone (`unit`).
    """

    text: Any
    path: str = ""
    verb: Verb | None = None
    unit: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """How one thing is done, for those who hold any of the verbs; without verbs for everybody, signed in or not.

    `pages`: the addresses, by how they begin, of the screens that it explains. `phone`: it is done on site.
    """

    key: str
    title: Any
    steps: tuple[Step, ...]
    notes: tuple[Any, ...] = ()
    verbs: frozenset[Verb] = frozenset()
    pages: tuple[str, ...] = ()
    phone: bool = False

    def meant_for(self, may: Callable[[Verb], bool]) -> bool:
        return not self.verbs or any(map(may, self.verbs))


@dataclass(frozen=True, slots=True)
class Chapter:
    """Topics of one subject, in the order in which they are needed."""

    title: Any
    topics: tuple[Topic, ...]


def parts_of(text: Any) -> list[tuple[str, bool]]:
    """The pieces of a sentence in the reader's language, each with whether it is a label of a screen."""
    pieces = LABEL.split(str(text))
    return [(piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece]


def of(*verbs: Verb) -> frozenset[Verb]:
    return frozenset(verbs)
