"""Certificates and licences on the warnings page (WRN-01, PER-06, UNT-10): near, over, whose, and for whom."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from typing import Any

import pytest

from app import clock
from app.listing import Moment, counting
from app.listings import warnings
from tests import factories as make
from tests.factories import make_person, make_policy

DAY = dt.timedelta(days=1)


def at(on: dt.date) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(4), dt.UTC)


def found(app: Any, world: make.World, who: str, on: dt.date) -> dict[tuple[str, str], int]:
    with app.app_context():
        return warnings.counts(Moment(world.session, world.actor(who), on, at(on)))


@pytest.mark.feature("WRN-01")
@pytest.mark.feature("PER-06")
@pytest.mark.parametrize(
    ("left", "level"), [(-1, "over"), (0, "near"), (60, "near"), (61, None), (None, None)]
)
def test_a_certificate_is_near_from_the_policys_day_on_and_over_after_its_last(
    app: Any, world: make.World, left: int | None, level: str | None
) -> None:
    today = clock.today()
    world.worker.certificate_until = None if left is None else today + left * DAY
    world.session.commit()
    before = dict.fromkeys(warnings.LEVELS, 0)
    counts = found(app, world, "maintenance_head", today)
    assert {name: counts["certificate", name] for name in warnings.LEVELS} == before | ({level: 1} if level else {})


@pytest.mark.feature("WRN-01")
def test_another_region_may_say_other_days_and_whoever_left_is_no_warning(app: Any, world: make.World) -> None:
    today = clock.today()
    world.worker.certificate_until = today + 10 * DAY
    gone = make_person(world.session, world.firm, "先前的人")
    gone.certificate_until, gone.left_on = today - DAY, today
    make_policy(world.session, "near_certificate_days", 9)
    world.session.commit()
    counts = found(app, world, "maintenance_head", today)
    assert counts["certificate", "near"] == counts["certificate", "over"] == 0


@pytest.mark.feature("WRN-01")
@pytest.mark.feature("UNT-10")
def test_a_licence_warns_once_its_unit_is_approved(app: Any, world: make.World) -> None:
    today = clock.today()
    world.firm.licence_until, approved = today - DAY, world.firm.approved_version
    world.firm.approved_version = 0
    world.session.commit()
    assert found(app, world, "maintenance_head", today)["licence", "over"] == 0
    world.firm.approved_version = approved or 1
    world.session.commit()
    assert found(app, world, "maintenance_head", today)["licence", "over"] == 1
    assert found(app, world, "other_head", today)["licence", "over"] == 0


@pytest.mark.feature("WRN-01")
def test_the_pages_name_person_and_unit_and_keep_from_others_what_they_may_not_read(
    world: make.World, sign_in: Any
) -> None:
    world.worker.certificate_until = world.firm.licence_until = clock.today() - DAY
    world.firm.approved_version = world.firm.approved_version or 1
    world.session.commit()
    head = sign_in(world.accounts["maintenance_head"])
    text = head.get("/warnings/certificate/").text
    assert world.worker.name in text and f"/people/{world.worker.id}" in text and "资质证书" in text
    text = head.get("/warnings/licence/").text
    assert world.firm.name in text and f"/units/{world.firm.id}" in text and "许可证" in text
    worker = sign_in(world.accounts["worker"])
    assert world.worker.name not in worker.get("/warnings/certificate/").text
    assert "/warnings/certificate/" not in worker.get("/warnings/maintenance/").text


@pytest.mark.feature("WRN-01")
def test_the_question_is_put_together_anew_for_another_day_account_and_policy(
    app: Any, world: make.World, monkeypatch: Any
) -> None:
    """It is kept from page to page: whatever it was made of must be the same."""
    made: list[Moment] = []
    parts = warnings.parts
    monkeypatch.setattr(warnings, "parts", lambda m: made.append(m) or parts(m))
    monkeypatch.setattr(counting, "_KEPT", OrderedDict())
    today = clock.today()
    world.worker.certificate_until = today + 30 * DAY
    world.session.commit()

    for who, on, questions in (
        ("maintenance_head", today, 1), ("maintenance_head", today, 1), ("maintenance_head", today + DAY, 2),
        ("clerk", today, 3),
    ):  # fmt: skip
        assert found(app, world, who, on)["certificate", "near"] == 1
        assert len(made) == questions
    make_policy(world.session, "near_certificate_days", 10, world.firm.region_code)
    world.session.commit()
    assert found(app, world, "maintenance_head", today)["certificate", "near"] == 0
    assert found(app, world, "maintenance_head", today + 20 * DAY)["certificate", "near"] == 1
