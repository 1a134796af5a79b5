"""Applications: who decides, on what he saw, once; reasons, clocks, notices (LIF-07)."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import Application, ApplicationStep, Elevator, GradeCertificate, Notification, Unit
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.filing import filing
from app.workflows.papers import grades
from tests import factories
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY, attachment, decide, elevator_data, save, submit, unit_data

pytestmark = pytest.mark.feature("LIF-07")
DAY = dt.timedelta(days=1)


def suspend(world: World, persona: str = "use_head", at: dt.datetime = AT, **fields: Any) -> Application:
    asked = {"effective_on": TODAY, "reason": "楼宇改造"} | fields
    actor = world.actor(persona)
    with scope.acting(actor), transaction(world.session):
        return applications.apply(world.session, actor, "suspension", world.own, at=at, **asked)


def test_an_officer_decides_what_he_saw(session: Any, world: World) -> None:
    application = suspend(world)
    officer = world.actor("inspector")
    seen = application.row_version
    decide(session, officer, application, "accept")
    assert application.state == "accepted"
    with pytest.raises(Stale, match="受理") as stale:
        decide(session, officer, application, "approve", seen_version=seen)
    assert stale.value.current == application.row_version and application.state == "accepted"
    decide(session, officer, application, "approve")
    step = session.scalars(select(ApplicationStep).order_by(ApplicationStep.id.desc())).first()
    assert step.seen_version == application.row_version - 1 or step.seen_version < application.row_version
    with pytest.raises(Stale, match="现为“通过”") as gone:
        decide(session, officer, application, "reject", "晚了")
    assert world.accounts["inspector"].first_name in str(gone.value)


@pytest.mark.parametrize(
    ("persona", "error"),
    [
        ("other_inspector", NotFound), ("maintenance_head", NotAllowed), ("use_head", NotAllowed),
        ("worker", NotAllowed), ("clerk", NotAllowed),
    ],
)  # fmt: skip
def test_who_may_not_decide(session: Any, world: World, persona: str, error: type[Exception]) -> None:
    application = suspend(world)
    with pytest.raises(error):
        decide(session, world.actor(persona), application, "approve")
    assert application.state == "submitted" and world.own.status == "in_use"


def test_the_applicant_never_decides(session: Any, world: World) -> None:
    admin = world.actor("region_admin")
    row = save(session, admin, Unit, None, unit_data(session))
    application = submit(session, admin, row)
    with pytest.raises(NotAllowed, match="申请人"):
        decide(session, admin, application, "approve")
    assert applications.next_waiting(session, admin) is None
    decide(session, world.actor("inspector"), application, "approve")
    assert row.approved_version == 1


@pytest.mark.parametrize("verb", ["return", "reject"])
def test_turning_down_needs_a_reason(session: Any, world: World, verb: str) -> None:
    application = suspend(world)
    with pytest.raises(Refusal) as refused:
        decide(session, world.actor("inspector"), application, verb, " \n ")
    assert [f.field for f in refused.value.findings] == ["opinion"]
    decide(session, world.actor("inspector"), application, verb, "原因不清")
    assert (application.opinion, world.own.status) == ("原因不清", "in_use")
    notice = session.scalars(select(Notification).where(Notification.topic == "decision")).first()
    assert "原因不清" in notice.body and notice.link == f"/applications/{application.id}"


def test_a_verb_that_is_none_is_refused(session: Any, world: World) -> None:
    application = suspend(world)
    with pytest.raises(Refusal, match="没有“withdraw”这种决定"):
        decide(session, world.actor("inspector"), application, "withdraw")


def test_return_stops_the_officers_clock(session: Any, world: World) -> None:
    application = suspend(world)  # Friday 2026-11-20
    due = application.due_at
    assert due is not None and due > AT + DAY
    decide(session, world.actor("inspector"), application, "return", "补充说明", at=AT + DAY)
    assert (application.state, application.is_open, application.decided_at) == ("returned", True, None)
    actor, later = world.actor("use_head"), AT + 4 * DAY
    with scope.acting(actor), pytest.raises(Refusal, match="不早于提交日"), transaction(session):
        applications.resubmit(
            session, actor, application.id, effective_on=TODAY, reason="楼宇改造", attachments=[], at=later
        )
    with scope.acting(actor), transaction(session):
        applications.resubmit(
            session, actor, application.id, effective_on=TODAY + 4 * DAY, reason="楼宇改造，附说明", attachments=[],
            at=later,
        )  # fmt: skip
    # Five working days were left on that Saturday; the Tuesday of its return is none of them.
    assert (application.state, application.due_at) == ("submitted", due + 4 * DAY)
    assert application.reason == "楼宇改造，附说明"
    decide(session, world.actor("inspector"), application, "approve", at=later)
    assert world.own.status == "suspended"


def test_only_the_applicant_withdraws(session: Any, world: World) -> None:
    application = suspend(world)
    stranger = world.actor("other_head")
    with scope.acting(stranger), pytest.raises(NotFound), transaction(session):
        applications.withdraw(session, stranger, application.id, AT)
    officer = world.actor("inspector")
    with scope.acting(officer), pytest.raises(NotAllowed), transaction(session):
        applications.withdraw(session, officer, application.id, AT)
    colleague = world.actor("safety_officer")
    with scope.acting(colleague), transaction(session):
        applications.withdraw(session, colleague, application.id, AT)
    assert (application.state, application.is_open) == ("withdrawn", False)
    assert suspend(world).number != application.number


def test_one_open_application_of_a_kind(session: Any, world: World) -> None:
    first = suspend(world)
    with pytest.raises(Refusal, match=first.number):
        suspend(world, persona="maintenance_head")


def test_files_of_others_are_refused(session: Any, world: World) -> None:
    theirs = attachment(session, world.actor("other_head"))
    used = attachment(session, world.actor("use_head"), entity="visit", entity_id=5)
    for row in (theirs, used):
        with pytest.raises(Refusal, match="没有找到材料"):
            suspend(world, attachments=[row.id])
    mine = attachment(session, world.actor("use_head"))
    application = suspend(world, attachments=[mine.id])
    assert application.data["attachments"] == [mine.id] and mine.entity_id == application.id


def test_the_queue_goes_on_with_the_nearest_limit(session: Any, world: World) -> None:
    second = suspend(world, at=AT + 3 * DAY, effective_on=TODAY + 3 * DAY)  # the next working day
    row = save(session, world.actor("maintenance_head"), Elevator, None, elevator_data(world))
    first = submit(session, world.actor("maintenance_head"), row)
    officer = world.actor("inspector")
    assert applications.next_waiting(session, officer) is first
    assert applications.next_waiting(session, officer, after=first) is second
    assert applications.next_waiting(session, world.actor("other_inspector")) is None


@pytest.mark.feature("PER-07")
def test_an_approved_certificate_counts_from_then(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    certificate = GradeCertificate(
        person_id=world.worker.id, unit_id=world.firm.id, region_code=world.firm.region_code, grade="senior",
        certificate_no="ZJ-0001", issued_on=dt.date(2025, 1, 1),
    )  # fmt: skip
    session.add(certificate)
    session.commit()
    with scope.acting(head), pytest.raises(Refusal, match="扫描件"), transaction(session):
        grades.submit(session, head, certificate, [], AT)
    scan = attachment(session, head, kind="grade")
    with scope.acting(head), transaction(session):
        application = grades.submit(session, head, certificate, [scan.id], AT)
    assert certificate.state == "submitted" and certificate.in_force_from is None
    decide(session, world.actor("inspector"), application, "approve", at=AT + DAY)
    assert (certificate.state, certificate.in_force_from) == ("approved", AT + DAY)


def test_every_kind_has_its_meaning() -> None:
    from app.models.choices import APPLICATION_KIND, APPLICATION_PREFIX

    assert set(applications.HANDLERS) == set(APPLICATION_KIND) == set(APPLICATION_PREFIX)
    for kind in applications.HANDLERS:
        assert callable(applications.handlers(kind).approved)


# --- parallel


def together(database: Any, count: int, deed: Callable[[Session, int], Any]) -> list[Any]:
    """Run a deed in so many threads at once, each with a session of its own; results and refusals in order."""
    gate = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        with Session(database.engine) as own:
            gate.wait(30)
            try:
                with transaction(own):
                    results[index] = deed(own, index)
            except Refusal as refusal:
                results[index] = refusal

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def test_fifty_parallel_submissions_make_one_application(session: Any, database: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    row = save(session, head, Elevator, None, elevator_data(world))
    key = row.id
    session.rollback()
    results = together(
        database, 50, lambda own, _: filing.submit(own, head, own.get_one(Elevator, key), AT).number
    )
    assert sum(isinstance(r, str) for r in results) == 1
    assert sum(isinstance(r, Refusal) for r in results) == 49
    assert session.scalar(select(func.count()).select_from(Application)) == 1


def test_of_two_officers_one_decides_and_the_other_is_told(session: Any, database: Any, world: World) -> None:
    application = suspend(world)
    key, seen = application.id, application.row_version
    officers = [world.actor("inspector"), world.actor("region_admin")]
    session.rollback()

    def deed(own: Session, index: int) -> str:
        verb, opinion = ("approve", "") if index == 0 else ("reject", "不同意停用")
        return applications.decide(own, officers[index], key, verb, opinion, seen, AT).state

    results = together(database, 2, deed)
    told = [r for r in results if isinstance(r, Stale)]
    assert len(told) == 1
    winner = next(i for i, r in enumerate(results) if isinstance(r, str))
    assert officers[winner].name in str(told[0])
    session.expire_all()
    assert application.state == results[winner]
    assert world.own.status == ("suspended" if results[winner] == "approved" else "in_use")


def test_of_two_rivals_approved_at_once_one_takes_force(session: Any, database: Any, world: World) -> None:
    code = factories.uscc()
    keys = []
    for persona in ("maintenance_head", "other_head"):
        row = save(session, world.actor(persona), Unit, None, unit_data(session, uscc=code))
        application = submit(session, world.actor(persona), row)
        keys.append((application.id, application.row_version))
    officers = [world.actor("inspector"), world.actor("region_admin")]
    session.rollback()

    def deed(own: Session, index: int) -> str:
        key, seen = keys[index]
        return applications.decide(own, officers[index], key, "approve", "", seen, AT).state

    results = together(database, 2, deed)
    assert results.count("approved") == 1
    assert any(isinstance(r, Refusal) and "已由" in str(r) for r in results)
    in_force = select(func.count()).select_from(Unit).where(Unit.uscc == code, Unit.approved_version > 0)
    assert session.scalar(in_force) == 1
