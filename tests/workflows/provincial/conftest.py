"""The provincial register of these tests, a process of its own, and what its runs find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.workflows.partners import provincial_register
from tests.workflows.provincial.ground import APP


@pytest.fixture(autouse=True)
def _app_at_hand(app: Any) -> Iterator[None]:
    APP.append(app)
    yield
    APP.clear()


@pytest.fixture
def use() -> Iterator[Any]:
    yield provincial_register.use
    provincial_register.use(None)
