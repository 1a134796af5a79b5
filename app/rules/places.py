"""Where people find an elevator, in words."""

from __future__ import annotations


def named_place(estate: str | None, address: str | None) -> str:
    """The estate, then the address; the address alone where it names the estate already, as many registers have it."""
    estate, address = (estate or "").strip(), (address or "").strip()
    return address if estate in address else f"{estate} {address}".strip()
