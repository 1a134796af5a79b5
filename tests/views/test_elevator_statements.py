"""What an elevator's page asks of the database: for the fullest record of a demo region, by whoever reads it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.models import Elevator
from tests.statements import statements
from tests.views import demo_region

# Two thirds of what it asked before things were read together.
MOST = 29


@pytest.mark.feature("ELV-04", "ELV-10")
def test_a_record_is_read_by_few_statements(session: Any, app: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    made = demo_region.make(session, 40)
    keys = session.scalars(select(Elevator.id).order_by(Elevator.id).execution_options(skip_scope=True)).all()
    session.rollback()
    for login in ("shiju", "weibao_jingli"):
        browser = demo_region.enter(app, made[login])
        counts = {}
        for key in keys:
            with statements() as seen:
                answer = browser.get(f"/elevators/{key}")
            if answer.status_code == 200:
                counts[key] = len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))])
        counts.pop(next(iter(counts)))  # the first page of a session asks for what is kept from then on
        assert counts and max(counts.values()) <= MOST, (login, max(counts.values()))
