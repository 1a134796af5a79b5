"""Filing of people (PER-05)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from app.errors import NotAllowed, Refusal
from app.listings.people import PEOPLE
from app.models import Application, Person, Version
from app.transaction import transaction
from app.workflows.approval import filing_versions
from app.workflows.desk import applications
from app.workflows.people import people, person_filing, person_versions
from tests.factories import World, make_person
from tests.workflows.test_one_unit import resident_id

AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)


@pytest.fixture
def person(session: Any, world: World) -> Person:
    row = make_person(
        session, world.firm, "何一帆", resident_id=resident_id(), certificate_issued_on=dt.date(2024, 1, 1)
    )
    session.commit()
    return row


def submit(session: Any, world: World, person: Person, persona: str = "clerk") -> Application:
    with transaction(session):
        return person_filing.submit(session, world.actor(persona), person.id, AT)


def decide(session: Any, world: World, row: Application, verb: str, opinion: str = "同意") -> None:
    with transaction(session):
        applications.decide(session, world.actor("inspector"), row.id, verb, opinion, row.row_version, AT)


def edit(session: Any, world: World, person: Person, **changes: Any) -> None:
    given = {n: getattr(person, n) or "" for n in people.FIELDS} | {"certificate_until": person.certificate_until}
    identity = {k: changes.pop(k) for k in list(changes) if k in people.IDENTITY}
    with transaction(session):
        people.save_person(
            session, world.actor("clerk"), person.id, at=AT, identity=identity, **(given | changes)
        )  # fmt: skip


@pytest.mark.feature("PER-05")
def test_what_a_filing_lacks_is_told_at_once(session: Any, world: World) -> None:
    bare = make_person(session, world.firm, certificate_no=None, certificate_until=dt.date(2026, 3, 19), phone=None)
    session.commit()
    with pytest.raises(Refusal) as refused:
        submit(session, world, bare)
    fields = {f.field for f in refused.value.findings}
    assert fields == {"resident_id", "phone", "certificate_no", "certificate_issued_on", "certificate_until"}
    assert bare.filing_state == "draft"


@pytest.mark.feature("PER-05")
def test_an_approved_person_stays_in_force_while_a_change_waits(session: Any, world: World, person: Person) -> None:
    application = submit(session, world, person)
    assert (person.filing_state, application.state, application.region_code) == (
        "pending", "submitted", person.region_code
    )  # fmt: skip
    with pytest.raises(Refusal, match="正在审核"):
        edit(session, world, person, name="何一凡")
    decide(session, world, application, "approve")
    assert (person.filing_state, person.approved_version, person.approved_on) == ("approved", 1, AT.date())
    edit(session, world, person, name="何一凡", certificate_until=dt.date(2036, 1, 1))
    # The check-in asks what is in force.
    assert (person.name, person.certificate_until.year, person.filing_state) == ("何一帆", 2035, "draft")
    second = submit(session, world, person)
    decide(session, world, second, "approve")
    assert (person.name, person.certificate_until, person.approved_version) == ("何一凡", dt.date(2036, 1, 1), 2)
    assert [v.state for v in filing_versions.versions_of(session, person)] == ["approved", "approved"]


@pytest.mark.feature("PER-05")
def test_a_rejected_or_withdrawn_filing_is_mended(session: Any, world: World, person: Person) -> None:
    row = submit(session, world, person)
    with pytest.raises(Refusal):
        decide(session, world, row, "reject", "")
    # 退回 is 不通过: the unit mends it and hands in anew.
    decide(session, world, row, "return", "证书号不符")
    assert (person.filing_state, row.state) == ("rejected", "rejected")
    edit(session, world, person, certificate_no="T98-NEW")
    assert (person.filing_state, person.certificate_no) == ("draft", "T98-NEW")
    row = submit(session, world, person)
    with transaction(session):
        applications.withdraw(session, world.actor("clerk"), row.id, AT)
    assert person.filing_state == "draft"


@pytest.mark.feature("PER-05")
def test_a_change_may_be_dropped(session: Any, world: World, person: Person) -> None:
    decide(session, world, submit(session, world, person), "approve")
    edit(session, world, person, name="何一凡")
    with transaction(session):
        person_filing.discard(session, world.actor("clerk"), person.id, AT)
    assert (person.filing_state, person_versions.content(session, person)["name"]) == ("approved", "何一帆")


@pytest.mark.feature("PER-05")
def test_versions_hold_no_number_in_plain(session: Any, world: World, person: Person) -> None:
    submit(session, world, person)
    version = session.scalars(select(Version)).one()
    assert version.data["resident_id"] == person.resident_id
    stands = session.scalar(text("SELECT CAST(data AS TEXT) FROM version"))
    assert person.resident_id not in stands and person.phone not in stands and person.certificate_no in stands


@pytest.mark.feature("PER-04", "PER-05")
def test_one_unit_is_asked_again_when_it_is_approved(session: Any, world: World, person: Person) -> None:
    row = submit(session, world, person)
    number, person.resident_id = person.resident_id, None
    make_person(session, world.other_firm, resident_id=number)
    session.commit()
    with pytest.raises(Refusal, match="其他单位在职"):
        decide(session, world, row, "approve")
    assert person.filing_state == "pending"


@pytest.mark.feature("PER-05")
def test_only_who_has_no_records_is_deleted(session: Any, world: World, person: Person) -> None:
    me = world.actor("clerk")
    with pytest.raises(Refusal, match="账号"), transaction(session):
        person_filing.remove(session, me, world.worker.id, AT)
    key = person.id
    with transaction(session):
        person_filing.remove(session, me, key, AT)
    assert session.get(Person, key) is None


@pytest.mark.feature("PER-05")
def test_others_hand_nothing_in(session: Any, world: World, person: Person) -> None:
    for persona in ("worker", "inspector"):
        with pytest.raises(NotAllowed):
            submit(session, world, person, persona)


@pytest.mark.feature("PER-05")
def test_the_list_has_the_officers_last_opinion(session: Any, world: World, person: Person) -> None:
    """xinxiang's list: 审核状态, 信息状态, 审核意见; of a filing that waits, what was said of the one before."""

    def shown() -> Any:
        column = PEOPLE.column("opinion")
        assert column is not None
        rows = PEOPLE.by_keys(session, [person.id])
        PEOPLE.fill(session, rows, ["opinion"])
        return column.value(rows[0])

    assert shown() is None
    decide(session, world, submit(session, world, person), "reject", "证书照片不清")
    again = submit(session, world, person)
    assert shown() == "证书照片不清"
    decide(session, world, again, "approve", "属实")
    assert shown() == "属实"


@pytest.mark.feature("PER-05")
def test_the_days_of_a_certificate_are_asked_when_they_are_saved(session: Any, world: World, person: Person) -> None:
    """Also of a file or an interface that gives one of the two days; what it lacks is what stands."""
    last = person.certificate_until
    for days, field in (
        ({"certificate_issued_on": AT.date() + dt.timedelta(days=1)}, "certificate_issued_on"),
        ({"certificate_until": dt.date(2024, 1, 1)}, "certificate_until"),
        ({"certificate_issued_on": last}, "certificate_issued_on"),
        ({"hired_on": dt.date(1949, 1, 1)}, "hired_on"),
    ):
        with pytest.raises(Refusal) as refused:
            edit(session, world, person, **days)
        assert field in {f.field for f in refused.value.findings}, days
        session.rollback()
    assert (person.certificate_issued_on, person.certificate_until) == (dt.date(2024, 1, 1), last)
    edit(session, world, person, certificate_until=dt.date(2024, 1, 2))
    assert person.certificate_until == dt.date(2024, 1, 2), "one that ran out is a fact"


@pytest.mark.feature("PER-05")
def test_days_that_came_in_wrong_long_ago_stop_no_other_change(session: Any, world: World, person: Person) -> None:
    person.certificate_issued_on, person.certificate_until = dt.date(2024, 1, 1), dt.date(2023, 1, 1)
    session.commit()
    edit(session, world, person, work_kind="电梯修理")
    assert person.work_kind == "电梯修理"
    with pytest.raises(Refusal, match="不晚于发证日期"):
        edit(session, world, person, certificate_until=dt.date(2023, 6, 1))
