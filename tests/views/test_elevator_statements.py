"""What an elevator's page asks of the database: for the fullest record of a demo region, by whoever reads it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.demo import evidence, people
from app.demo.builder import Builder
from app.models import Elevator
from app.transaction import transaction
from tests.conftest import csrf
from tests.statements import statements

# Two thirds of what it asked before things were read together.
MOST = 29


@pytest.mark.feature("ELV-04", "ELV-10")
def test_a_record_is_read_by_few_statements(session: Any, app: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "MENU_NUMBERS_SECONDS", 3600)
    now = clock.now()
    with transaction(session):
        Builder(session, 40, 7, now, None).build()
        made = people.make_accounts(session, now)
        people.make_waiting(session, now)
        evidence.complete(session, now, 7)
    keys = session.scalars(select(Elevator.id).order_by(Elevator.id).execution_options(skip_scope=True)).all()
    session.rollback()
    for one in made:
        if one.login_name not in ("shiju", "weibao"):
            continue
        browser = app.test_client()
        given = {"username": one.login_name, "password": one.password, "csrf_token": csrf(browser)}
        assert browser.post("/login/", data=given).status_code == 302
        counts = {}
        for key in keys:
            with statements() as seen:
                answer = browser.get(f"/elevators/{key}")
            if answer.status_code == 200:
                counts[key] = len([s for s in seen if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK"))])
        counts.pop(next(iter(counts)))  # the first page of a session asks for what is kept from then on
        assert counts and max(counts.values()) <= MOST, (one.login_name, max(counts.values()))
