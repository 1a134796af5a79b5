"""Where an elevator is, in words."""

from __future__ import annotations

import pytest

from app.rules.places import named_place


@pytest.mark.parametrize(
    ("estate", "address", "said"),
    [
        ("云樾里小区", "5 幢 1 单元", "云樾里小区 5 幢 1 单元"),
        ("云樾里小区", "澜江路 6 号云樾里小区 5 幢", "澜江路 6 号云樾里小区 5 幢"),
        (None, "揽月街 10 号", "揽月街 10 号"),
        ("", "揽月街 10 号", "揽月街 10 号"),
        ("  ", " 揽月街 10 号 ", "揽月街 10 号"),
        ("云樾里小区", None, "云樾里小区"),
        (None, None, ""),
    ],
)
def test_the_estate_is_said_once(estate: str | None, address: str | None, said: str) -> None:
    assert named_place(estate, address) == said
