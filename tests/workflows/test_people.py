"""Persons of a unit, their certificates, their month's quota (PER-03, PER-07, PER-08)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import AuditEntry, GradeCertificate, Visit
from app.rules.quota import Grade
from app.transaction import transaction
from app.workflows.handover import leaving
from app.workflows.people import people
from app.workflows.privacy import revealing
from tests.factories import World, make_elevator, make_ledger, make_person, make_policy

AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)


def save(session: Any, me: Any, person_id: int | None = None, **changes: Any) -> Any:
    given = {"name": "何一舟", "phone": "13911112222", "at": AT} | changes
    with transaction(session):
        return people.save_person(session, me, person_id, **given)


def fields(refusal: pytest.ExceptionInfo[Refusal]) -> set[str | None]:
    return {f.field for f in refusal.value.findings}


def visit(session: Any, world: World, elevator: Any, on: dt.date, state: str = "valid", worker: Any = None) -> Visit:
    start = dt.datetime.combine(on, dt.time(1), dt.UTC)
    row = Visit(
        elevator_id=elevator.id, unit_id=world.firm.id, region_code=elevator.region_code, visit_on=on,
        worker_id=(worker or world.worker).id, checked_in_at=start, received_at=start, state=state,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


@pytest.mark.feature("PER-05")
def test_a_person_is_entered_and_changed(session: Any, world: World) -> None:
    me = world.actor("clerk")
    person = save(session, me, work_kind="电梯修理", certificate_no=" t98 0001 ")
    assert (person.unit_id, person.region_code, person.certificate_no) == (world.firm.id, "980402000000", "T980001")
    save(session, me, person.id, name="何一帆", row_version=person.row_version)
    assert person.name == "何一帆" and person.work_kind is None
    with pytest.raises(Stale):
        save(session, me, person.id, row_version=1)


@pytest.mark.feature("PER-05")
def test_wrong_fields_are_named_at_once(session: Any, world: World) -> None:
    with pytest.raises(Refusal) as refused:
        save(session, world.actor("clerk"), name="", phone="1", certificate_no="x" * 41)
    assert fields(refused) == {"name", "phone", "certificate_no"}


@pytest.mark.feature("PER-08")
def test_two_persons_of_a_unit_never_share_a_phone(session: Any, world: World) -> None:
    save(session, world.actor("clerk"))
    with pytest.raises(Refusal, match="何一舟"):
        save(session, world.actor("clerk"), name="别人")


@pytest.mark.feature("PER-05")
def test_another_units_person_is_not_there(session: Any, world: World) -> None:
    for deed in (
        lambda: save(session, world.actor("clerk"), world.other_worker.id),
        lambda: leaving.leave(session, world.actor("clerk"), world.other_worker.id, AT.date(), AT),
        lambda: people.add_certificate(
            session, world.actor("clerk"), world.other_worker.id, grade="senior", certificate_no="1",
            issued_on=AT.date(), at=AT,
        ),
    ):  # fmt: skip
        with pytest.raises(NotFound), transaction(session):
            deed()


@pytest.mark.feature("PER-07")
@pytest.mark.parametrize("persona", ["other_worker", "safety_officer", "inspector"])
def test_a_worker_cannot_raise_himself(session: Any, world: World, persona: str) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        people.add_certificate(
            session, world.actor(persona), world.worker.id, grade="technician", certificate_no="J1",
            issued_on=dt.date(2025, 1, 1), at=AT,
        )  # fmt: skip


@pytest.mark.feature("PER-07")
def test_a_worker_may_claim_for_himself_which_raises_nothing(session: Any, world: World) -> None:
    with transaction(session):
        people.add_certificate(
            session, world.actor("worker"), world.worker.id, grade="technician", certificate_no="J1",
            issued_on=dt.date(2025, 1, 1), at=AT,
        )  # fmt: skip
    assert people.quotas(session, [world.worker], AT)[world.worker.id].limit == 100


@pytest.mark.feature("PER-07")
def test_a_claimed_certificate_raises_nothing_until_it_is_approved(session: Any, world: World) -> None:
    with transaction(session):
        row = people.add_certificate(
            session, world.actor("clerk"), world.worker.id, grade="senior", certificate_no="G-1",
            issued_on=dt.date(2025, 1, 1), valid_until=dt.date(2026, 3, 20), at=AT,
        )  # fmt: skip
    assert row.state == "draft"
    quota = people.quotas(session, [world.worker], AT)[world.worker.id]
    assert (quota.grade, quota.limit) == (Grade.GENERAL, 100)
    # As the approval's workflow leaves it.
    session.execute(
        GradeCertificate.__table__.update().values(state="approved", in_force_from=AT - dt.timedelta(days=1))
    )
    session.commit()
    assert people.quotas(session, [world.worker], AT)[world.worker.id].limit == 120
    assert people.quotas(session, [world.worker], AT + dt.timedelta(days=1))[world.worker.id].limit == 100


@pytest.mark.feature("PER-07")
def test_wrong_certificates_are_refused(session: Any, world: World) -> None:
    with pytest.raises(Refusal) as refused, transaction(session):
        people.add_certificate(
            session, world.actor("clerk"), world.worker.id, grade="master", certificate_no=" ",
            issued_on=dt.date(2027, 1, 1), valid_until=dt.date(2026, 1, 1), at=AT,
        )  # fmt: skip
    assert fields(refused) == {"grade", "certificate_no", "issued_on", "valid_until"}


@pytest.mark.feature("PER-08")
def test_quota_counts_the_second_visit_and_no_third_in_the_shanghai_month(session: Any, world: World) -> None:
    other = make_elevator(session, maintenance_unit=world.firm)
    for day in (1, 2, 3):
        visit(session, world, world.own, dt.date(2026, 3, day))
    visit(session, world, other, dt.date(2026, 3, 31), "open")
    visit(session, world, other, dt.date(2026, 3, 4), "void")
    visit(session, world, other, dt.date(2026, 2, 28))
    visit(session, world, other, dt.date(2026, 4, 1))
    make_policy(session, "quota_general", None)
    session.commit()
    idle = make_person(session, world.firm)
    found = people.quotas(session, [world.worker, idle], AT)
    assert (found[world.worker.id].used, found[idle.id].used) == (3, 0)
    assert found[idle.id].limit is None


@pytest.mark.feature("PER-07", "PER-08")
def test_one_human_in_two_units_has_one_quota(session: Any, world: World) -> None:
    twin = make_person(session, world.other_firm, world.worker.name, certificate_no=world.worker.certificate_no)
    namesake = make_person(session, world.other_firm, world.worker.name, certificate_no=None)
    other = make_elevator(session, maintenance_unit=world.other_firm)
    for person, elevator in ((world.worker, world.own), (twin, world.own), (twin, world.own), (twin, other)):
        visit(session, world, elevator, dt.date(2026, 3, 3), worker=person)
    grade = GradeCertificate(
        person_id=twin.id, unit_id=twin.unit_id, region_code=twin.region_code, grade="senior", certificate_no="G-2",
        issued_on=dt.date(2025, 1, 1), state="approved", in_force_from=AT - dt.timedelta(days=1),
    )  # fmt: skip
    session.add(grade)
    session.commit()
    found = people.quotas(session, [world.worker, twin, namesake], AT)
    # Three visits to one elevator count two, whichever unit they were for.
    assert [(found[p.id].used, found[p.id].grade) for p in (world.worker, twin, namesake)] == [
        (3, Grade.SENIOR), (3, Grade.SENIOR), (0, Grade.GENERAL),
    ]  # fmt: skip


@pytest.mark.feature("PER-08")
def test_an_open_visit_that_has_run_out_counts_no_more(session: Any, world: World) -> None:
    row = visit(session, world, world.own, dt.date(2026, 3, 3), "open")
    row.next_change_at = AT
    session.commit()
    assert people.quotas(session, [world.worker], AT)[world.worker.id].used == 0
    assert people.quotas(session, [world.worker], AT - dt.timedelta(seconds=1))[world.worker.id].used == 1


@pytest.mark.feature("PER-03", "AUD-01")
def test_seeing_a_whole_phone_needs_the_right_and_leaves_a_trace(session: Any, world: World) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        revealing.reveal(session, world.actor("clerk"), "person", world.worker.id, "phone", "核对", AT)
    with transaction(session):
        phone = revealing.reveal(session, world.actor("inspector"), "person", world.worker.id, "phone", "核对", AT)
    assert phone == world.worker.phone
    with pytest.raises(Refusal, match="查看原因"), transaction(session):
        revealing.reveal(session, world.actor("inspector"), "person", world.worker.id, "phone", " ", AT)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.reveal")).one()
    assert entry.entity_id == world.worker.id and phone not in str(entry.after) and entry.after["reason"] == "核对"
    with pytest.raises(NotFound), transaction(session):
        revealing.reveal(session, world.actor("inspector"), "person", world.other_worker.id, "phone", "核对", AT)
    with pytest.raises(Refusal, match="没有这一项"), transaction(session):
        revealing.reveal(session, world.actor("inspector"), "person", world.worker.id, "password", "核对", AT)
    with pytest.raises(NotFound), transaction(session):
        revealing.reveal(session, world.actor("inspector"), "ab_user", 1, "phone", "核对", AT)


@pytest.mark.feature("PER-04")
def test_leaving_waits_for_the_work_and_ends_the_account(session: Any, world: World) -> None:
    me = world.actor("clerk")
    ledger = make_ledger(session, world.own, world.worker)
    session.commit()
    with pytest.raises(Refusal, match="1 台电梯"), transaction(session):
        leaving.leave(session, me, world.worker.id, AT.date(), AT)
    ledger.worker_id = None
    session.commit()
    with transaction(session):
        leaving.leave(session, me, world.worker.id, AT.date(), AT)
    session.refresh(world.accounts["worker"])
    assert world.worker.left_on == AT.date() and world.accounts["worker"].active is False
