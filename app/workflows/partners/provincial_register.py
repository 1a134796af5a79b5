"""What the provincial register is to the product: something to ask, if the installation names one (INT-01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """A page: items as they came, codes that it does not know, the cursor of the next page, how many there are."""

    items: list[Any]
    not_found: list[str]
    next: str | None
    total: int | None


class Register(Protocol):
    """Whoever answers for the register; raises what is below."""

    def by_codes(self, codes: Sequence[str]) -> Answer: ...

    def by_region(self, region: str, cursor: str | None) -> Answer: ...


class _Told(Exception):
    """Its words are a sentence of ours, told in the reader's language."""

    def __init__(self, words: str = "") -> None:
        super().__init__(words)
        self.words = words


class Unavailable(_Told):
    """Not now, though tried again and again; what was settled before stays settled."""


class Rejected(_Told):
    """The register said no, or is not the one that it should be: trying again changes nothing."""


class CursorLost(_Told):
    """The register cannot go on from where we were; its list is to be read from its head."""


_register: Register | None = None


def use(register: Register | None) -> None:
    """Name the register, or none."""
    global _register
    _register = register


def offered() -> Register | None:
    return _register
