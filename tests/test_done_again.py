"""What the database broke off for another's sake is done again by the server (app/done_again.py)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app import clock, done_again
from app.extensions import db
from app.models import Application, ApplicationStep, Attachment, AuditEntry, Elevator, Notification, NumberAsk, Unit
from app.tasks import jobs as running
from app.transaction import after_commit, in_one, lock, transaction, whatever_comes
from app.workflows.access import asking
from app.workflows.core import jobs
from app.workflows.desk import applications
from tests import deadlocks
from tests.api.callers import PDF, Caller
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import AT, elevator_data, save, submit

ON_POSTGRESQL = pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")


class Broken(DeadlockDetected):
    """As PostgreSQL says it."""


def broken() -> OperationalError:
    return OperationalError("SELECT 1", {}, Broken("deadlock detected"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(done_again, "MORE_SECONDS", 0.0)
    with clock.frozen(AT):
        yield


@pytest.fixture
def waiting(session: Any, world: World) -> list[Application]:
    head = world.actor("maintenance_head")
    rows = [save(session, head, Elevator, None, elevator_data(world, code=f"3001{n:02d}")) for n in range(3)]
    return [submit(session, head, row) for row in rows]


def crossing(row: Application) -> tuple[str, str]:
    """Somebody who takes the elevator before its application."""
    elevator, key = row.entity_id, row.id
    return (
        f"SELECT 1 FROM elevator WHERE id = {elevator} FOR UPDATE",
        f"SELECT 1 FROM application WHERE id = {key} FOR UPDATE",
    )


def verbs(session: Any, row: Application) -> list[str]:
    session.rollback()
    return list(session.scalars(
        select(ApplicationStep.verb).where(ApplicationStep.application_id == row.id).order_by(ApplicationStep.id)
    ))  # fmt: skip


def decided(session: Any, row: Application) -> int:
    """How many notices the applicant has of it."""
    link = f"/applications/{row.id}"
    return len(session.scalars(
        select(Notification.id).where(Notification.topic == "decision", Notification.link == link,
                                      Notification.recipient_id == row.submitted_by_id)
    ).all())  # fmt: skip


@ON_POSTGRESQL
@pytest.mark.feature("LIF-08")
def test_a_press_that_met_a_deadlock_is_done_all_the_same(
    session: Any, world: World, database: Any, sign_in: Any, waiting: list[Application], caplog: Any
) -> None:
    row, client = waiting[0], sign_in(world.accounts["inspector"])
    page = f"/applications/{row.id}"
    form = {"verb": "approve", "opinion": "材料齐全", "seen_version": row.row_version, "csrf_token": csrf(client, page)}
    held, wanted = crossing(row)
    session.rollback()
    with deadlocks.met(database.engine, held, wanted) as faults:
        answer = client.post(f"{page}/decision", data=form)
    assert faults == [] and deadlocks.told(caplog.messages) == 1
    assert answer.status_code == 302, answer.text
    assert verbs(session, row)[-1] == "approve" and verbs(session, row).count("approve") == 1
    session.refresh(row)
    assert row.state == "approved" and decided(session, row) == 1
    with client.session_transaction() as kept:
        assert len(kept.get("_flashes", [])) <= 1
    assert "系统正忙" not in client.get(answer.location).text


@ON_POSTGRESQL
@pytest.mark.feature("INT-04")
def test_a_call_that_met_two_is_done_and_one_that_met_three_is_told(
    app: Any, session: Any, world: World, database: Any, waiting: list[Application], caplog: Any
) -> None:
    caller = Caller(app, world, "inspector")
    for row, times, status in ((waiting[0], 2, 200), (waiting[1], 3, 503)):
        held, wanted = crossing(row)
        sent = {"verb": "approve", "seen_version": row.row_version}
        headers = caller.headers | {"Idempotency-Key": f"one-press-{row.id}"}
        session.rollback()
        caplog.clear()
        with deadlocks.met(database.engine, held, wanted, times) as faults:
            answer = caller.client.post(f"/api/v1/applications/{row.id}/decision", json=sent, headers=headers)
        assert faults == [] and deadlocks.told(caplog.messages) == 2
        assert answer.status_code == status, answer.text
        assert verbs(session, row).count("approve") == (status == 200), "nothing half done"
    assert "系统正忙" in answer.json["message"]
    # And the very same call goes well when nobody is in its way: nothing of it was kept.
    answer = caller.client.post(f"/api/v1/applications/{row.id}/decision", json=sent, headers=headers)
    assert answer.status_code == 200 and "Idempotent-Replayed" not in answer.headers


@ON_POSTGRESQL
@pytest.mark.feature("UNT-04")
def test_a_file_is_read_from_its_beginning(
    app: Any, session: Any, world: World, database: Any, caplog: Any
) -> None:
    caller, key = Caller(app, world, "clerk"), world.firm.id
    held, wanted = "LOCK TABLE attachment IN SHARE MODE", f"SELECT 1 FROM unit WHERE id = {key} FOR UPDATE"
    session.rollback()
    with deadlocks.met(database.engine, held, wanted) as faults:
        answer = caller.client.post(
            f"/api/v1/units/{key}/files?kind=licence", data={"file": (io.BytesIO(PDF), "许可证.pdf")},
            headers=caller.headers,
        )  # fmt: skip
    assert faults == [] and deadlocks.told(caplog.messages) == 1
    assert answer.status_code == 201, answer.text
    session.rollback()
    [kept] = session.scalars(select(Attachment).where(Attachment.entity == "unit", Attachment.entity_id == key))
    assert (kept.size, kept.sha256) == (len(PDF), hashlib.sha256(PDF).hexdigest())


@ON_POSTGRESQL
@pytest.mark.feature("LIF-08")
def test_of_many_each_is_done_again_by_itself(
    app: Any, session: Any, world: World, database: Any, sign_in: Any, waiting: list[Application], caplog: Any
) -> None:
    """In a job and at the desk; those before it were committed long ago."""
    from app.workflows.desk import many

    officer = world.actor("inspector")
    with transaction(session):
        chosen = many.as_params((row.id, row.row_version) for row in waiting)
        params = {"verb": "approve", "chosen": chosen, "opinion": ""}
        job = jobs.enqueue(session, officer, clock.now(), "decide", "批量同意", params)
    held, wanted = crossing(waiting[1])
    session.rollback()
    with deadlocks.met(database.engine, held, wanted) as faults, app.app_context():
        assert running.run(job.id) == "done"
    assert faults == [] and deadlocks.told(caplog.messages) == 1
    session.expire_all()
    assert (job.result["decided"], job.result["refused"], job.tries) == (3, 0, 1)
    assert [verbs(session, row).count("approve") for row in waiting] == [1, 1, 1]


@ON_POSTGRESQL
@pytest.mark.feature("PLN-03")
def test_a_jobs_work_is_begun_again_while_none_of_it_stands(
    app: Any, session: Any, world: World, database: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """How far it is was told beside; what it ended with is of the second time. Once it kept something, the job is
    queued again instead, as after any fault of the database."""
    own, foreign = world.own.id, world.foreign.id
    held, wanted = (f"SELECT 1 FROM elevator WHERE id = {key} FOR UPDATE" for key in (foreign, own))
    begun: list[int] = []

    def work(context: running.JobContext) -> dict[str, Any]:
        begun.append(len(begun))
        context.progress(1, 3, "第一步", now=True)
        if context.params.get("keeps"):
            with transaction(context.session):
                context.keep({"kept": True})
        with transaction(context.session) as kept:
            context.finish({"try": len(begun)})
            for key in (own, foreign):
                kept.execute(text(f"UPDATE elevator SET floors = 7 WHERE id = {key}"))
        return None

    monkeypatch.setitem(running.HANDLERS, "export", work)
    outcomes = []
    for params in ({}, {"keeps": True}):
        with transaction(session):
            job = jobs.enqueue(session, world.actor("clerk"), clock.now(), "export", "导出", params)
        session.rollback()
        with deadlocks.met(database.engine, held, wanted) as faults, app.app_context():
            outcomes.append(running.run(job.id))
        assert faults == []
        session.expire_all()
        outcomes.append((job.state, job.tries, len(begun)))
    assert outcomes == ["done", ("done", 1, 2), "again", ("queued", 1, 3)] and deadlocks.told(caplog.messages) == 1
    with app.app_context():
        assert running.run(job.id) == "done"


@ON_POSTGRESQL
@pytest.mark.feature("RES-04")
def test_a_task_is_done_again(app: Any, session: Any, world: World, database: Any, caplog: Any) -> None:
    from app.celery_app import make_celery

    own, foreign = world.own.id, world.foreign.id
    held, wanted = (f"SELECT 1 FROM elevator WHERE id = {key} FOR UPDATE" for key in (foreign, own))
    before = app.extensions["celery"]

    def both() -> str:
        with transaction(db.session) as kept:
            for key in (own, foreign):
                kept.execute(text(f"UPDATE elevator SET floors = 7 WHERE id = {key}"))
        return "done"

    session.rollback()
    try:
        task = make_celery(app).task(name="tests.both")(both)
        with deadlocks.met(database.engine, held, wanted) as faults:
            assert task() == "done"
    finally:
        before.set_default()
    assert faults == [] and deadlocks.told(caplog.messages) == 1


# --- what is never done twice, and how each time begins


@pytest.mark.feature("LIF-08")
def test_a_refused_deed_and_one_that_stands_are_done_once(
    session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, client, seen = waiting[0], sign_in(world.accounts["inspector"]), []
    form = {"verb": "approve", "seen_version": row.row_version - 1, "csrf_token": csrf(client)}
    real = applications.decide

    def decide(*args: Any, **more: Any) -> Any:
        seen.append(1)
        return real(*args, **more)

    monkeypatch.setattr(applications, "decide", decide)
    session.rollback()
    assert client.post(f"/applications/{row.id}/decision", data=form).status_code == 409
    assert len(seen) == 1, "refused"

    def broken_off_behind(*args: Any, **more: Any) -> Any:
        seen.append(1)
        db.session.rollback()  # or SQLite's one writer would let nobody else write, who would wait in vain
        with transaction(session):
            session.add(AuditEntry(at=AT, actor_name="某人", action="test.kept", entity="application", entity_id=row.id,
                                   via="web"))  # fmt: skip
        raise broken()

    monkeypatch.setattr(applications, "decide", broken_off_behind)
    form["csrf_token"] = csrf(client)
    assert client.post(f"/applications/{row.id}/decision", data=form).status_code == 503
    assert len(seen) == 2, "something of it stands, though by another session"


def test_any_other_fault_is_raised_at_once(session: Any) -> None:
    times = []

    def fails(error: Exception) -> Any:
        def verb(_session: Any) -> None:
            times.append(1)
            raise error

        return verb

    for error in (OperationalError("SELECT 1", {}, Exception("away")), ValueError("x"), KeyError("y")):
        with pytest.raises(type(error)):
            in_one(session, fails(error))
    assert len(times) == 3
    with pytest.raises(OperationalError):
        in_one(session, fails(broken()))
    assert len(times) == 3 + 1 + done_again.TIMES


@pytest.mark.feature("AUD-01")
def test_what_waits_for_the_end_waits_for_the_last_time(session: Any) -> None:
    """What follows a commit, and what is counted however it ends, are of the time that is not done again."""
    tries, sent, counted = [], [], []

    def verb(own: Any) -> None:
        tries.append(1)
        number = len(tries)
        after_commit(own, lambda: sent.append(number))
        whatever_comes(own, lambda _own: counted.append(number))
        if number < goes_well:
            raise broken()

    goes_well = 3
    in_one(session, verb)
    assert (sent, counted) == ([3], [3])
    tries.clear()
    goes_well = 9
    with pytest.raises(OperationalError):
        in_one(session, verb)
    assert (sent, counted) == ([3], [3, 3]), "counted, and nothing sent"


@pytest.mark.feature("UNT-03")
def test_what_waits_for_a_commit_comes_though_what_is_counted_beside_it_fails(session: Any) -> None:
    """The commit stands: the broker hears of the job. What is counted is tried again like any deed."""
    sent: list[str] = []
    tried: list[int] = []

    def count(fails: int) -> Any:
        def counted(_own: Any) -> None:
            tried.append(fails)
            if len(tried) <= fails:
                raise broken()

        return counted

    with transaction(session) as own:
        whatever_comes(own, count(1))
        after_commit(own, lambda: sent.append("job"))
    assert (sent, len(tried)) == (["job"], 2)
    tried.clear()
    with pytest.raises(OperationalError), transaction(session) as own:
        whatever_comes(own, count(9))
        after_commit(own, lambda: sent.append("other"))
    assert (sent, len(tried)) == (["job", "other"], 3)


@pytest.mark.feature("ACC-03")
def test_a_number_that_was_asked_for_twice_counts_once(session: Any, world: World) -> None:
    clerk, tries = world.actor("clerk"), []

    def verb(own: Any) -> None:
        asking.ask(own, clerk, "330500199001011234", taken=True, rule="证件", shown="3305…", field="id", at=AT)
        tries.append(1)
        if len(tries) == 1:
            raise broken()

    in_one(session, verb)
    assert len(tries) == 2 and len(session.scalars(select(NumberAsk)).all()) == 1
    [told] = session.scalars(select(AuditEntry).where(AuditEntry.action == "number.told"))
    assert told.after["told"] == 1
    session.rollback()
    in_one(session, lambda own: asking.ask(own, clerk, "330500199001011235", taken=True, rule="证件", shown="3305…",
                                           field="id", at=AT))  # fmt: skip
    assert len(session.scalars(select(NumberAsk)).all()) == 2


@pytest.mark.feature("INT-04")
def test_what_a_view_left_behind_is_taken_back(app: Any, session: Any) -> None:
    from flask import flash, g, get_flashed_messages, request
    from flask import session as cookie

    from app.views.frame import taken_back

    sent = {"name": "甲", "file": (io.BytesIO(PDF), "甲.pdf")}
    with app.test_request_context("/x", method="POST", data=sent):
        flash("早先的话")
        cookie["seen"] = {"list": [1]}
        cookie.modified = False
        g.actor_name = "甲"
        put_back = taken_back.as_it_came()
        assert taken_back.can_be_read_again()
        assert request.files["file"].read() == PDF
        assert get_flashed_messages() == ["早先的话"]
        flash("办好了")
        cookie["seen"]["list"].append(2)
        cookie["codes"] = "x"
        g.actor_name, g.more = "乙", 1
        put_back()
        assert dict(cookie) == {"seen": {"list": [1]}, "_flashes": [("message", "早先的话")]} and not cookie.modified
        assert g.actor_name == "甲" and "more" not in g
        assert request.files["file"].read() == PDF and request.form["name"] == "甲"
        assert get_flashed_messages() == ["早先的话"]
        request.files["file"].stream.close()
        assert not taken_back.can_be_read_again()
    with app.test_request_context("/x", method="POST", data=b"abc", content_type="application/octet-stream"):
        assert taken_back.can_be_read_again()
        assert request.get_data() == b"abc" and taken_back.can_be_read_again(), "it is kept"
    with app.test_request_context("/x", method="POST", data=b"abc", content_type="application/octet-stream"):
        assert request.stream.read() == b"abc" and not taken_back.can_be_read_again()


def test_a_deed_within_a_deed(session: Any) -> None:
    """The inner one is done again by itself; once it stands, the outer one is not."""
    inner, outer = [], []

    def one(own: Any) -> None:
        inner.append(1)
        if len(inner) == 1:
            raise broken()
        assert lock(own, Unit, 0) is None

    def whole() -> None:
        outer.append(1)
        in_one(session, one)
        with transaction(session):
            raise broken()

    with pytest.raises(OperationalError):
        done_again.done(whole)
    assert (len(inner), len(outer)) == (2, 1)
    assert not done_again.is_due()


