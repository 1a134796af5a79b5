"""Files lie where the application says; rows that a test holds stay with its session."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _app_context(app: Any) -> Any:
    with app.app_context():
        yield


@pytest.fixture(autouse=True)
def _rows_stay(session: Any, monkeypatch: Any) -> None:
    """The steps let go of what they loaded; the rows that a test holds on to stay with its session."""
    monkeypatch.setattr(session, "expunge_all", session.expire_all)
