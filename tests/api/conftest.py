from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import clock


@pytest.fixture
def on_its_day(request: pytest.FixtureRequest) -> Iterator[None]:
    """It is the moment that the test's file calls AT."""
    with clock.frozen(request.module.AT):
        yield
