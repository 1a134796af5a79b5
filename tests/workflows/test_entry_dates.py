"""入职日期 (PER-05): service begins there; where nobody said, on the day of the entry."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.errors import Refusal
from app.models import InsuranceMonth
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.handover import leaving
from app.workflows.papers import insurance_gaps
from app.workflows.people import people, person_filing
from tests.factories import World
from tests.workflows.test_insurance import id_number

pytestmark = pytest.mark.feature("PER-05")
NOW = dt.datetime(2026, 3, 20, 10, tzinfo=clock.SHANGHAI)
TODAY, FEB = NOW.date(), dt.date(2026, 2, 1)


def save(world: World, hired_on: dt.date | None, person: Any = None, **more: Any) -> Any:
    with transaction(world.session):
        identity = {"hired_on": hired_on, "resident_id": id_number(7)}
        return people.save_person(
            world.session, world.actor("clerk"), person.id if person else None, name="何一帆", phone="13911112222",
            certificate_no="T98000777", certificate_until=dt.date(2029, 1, 1), at=NOW,
            identity=identity | {"certificate_issued_on": dt.date(2025, 1, 1)} | more,
        )  # fmt: skip


def test_service_begins_at_the_entry_and_without_one_with_the_row(world: World) -> None:
    person = save(world, dt.date(2024, 5, 6))
    assert person.serving_since == dt.date(2024, 5, 6)
    save(world, None, person)
    assert person.hired_on is None and person.serving_since == clock.local_day(person.created_at)


def test_an_entry_that_is_still_to_come_is_none(world: World) -> None:
    with pytest.raises(Refusal, match="入职当天或之后"):
        save(world, TODAY + dt.timedelta(days=1))


def test_nobody_leaves_before_he_came(world: World) -> None:
    person = save(world, dt.date(2026, 3, 10))
    with pytest.raises(Refusal, match="早于入职日期 2026-03-10"), transaction(world.session):
        leaving.leave(world.session, world.actor("maintenance_head"), person.id, dt.date(2026, 3, 9), NOW)


@pytest.mark.feature("UNT-09")
@pytest.mark.parametrize(
    ("hired_on", "owed"), [(None, False), (dt.date(2026, 2, 1), True), (dt.date(2026, 2, 2), False)]
)
def test_who_came_before_a_month_must_be_insured_in_it_whenever_he_was_entered(
    world: World, hired_on: dt.date | None, owed: bool
) -> None:
    """Entered today, in service since then: the month of the entry itself is not owed."""
    world.worker.left_on = dt.date(2025, 1, 1)
    world.session.commit()
    person = save(world, hired_on)
    person.created_at = NOW
    world.session.commit()
    with transaction(world.session):
        insurance_gaps.refresh(world.session, world.firm.id, FEB, NOW)
    month = world.session.query(InsuranceMonth).filter_by(unit_id=world.firm.id, month=FEB).one()
    assert (month.filed, month.uninsured) == (int(owed), int(owed))


def test_of_somebody_in_force_a_new_date_waits_for_the_officer(world: World) -> None:
    person = save(world, dt.date(2024, 5, 6))

    def filed() -> None:
        with transaction(world.session):
            made = person_filing.submit(world.session, world.actor("clerk"), person.id, NOW)
        with transaction(world.session):
            applications.decide(
                world.session, world.actor("inspector"), made.id, "approve", "属实", made.row_version, NOW
            )
        world.session.refresh(person)

    filed()
    save(world, dt.date(2023, 5, 6), person)
    assert person.hired_on == dt.date(2024, 5, 6)
    filed()
    assert person.hired_on == dt.date(2023, 5, 6)
