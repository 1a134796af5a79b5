"""What many decided with one press are told of in one message each, and each decision once whatever is killed."""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.extensions import db
from app.models import (
    Application,
    ApplicationParty,
    ApplicationStep,
    Elevator,
    ElevatorAssignment,
    NoticeChoice,
    Notification,
)
from app.permissions import Role
from app.tasks import reminders
from app.tasks.jobs import JobContext, run
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.desk import many, told_together
from tests.api.callers import Caller
from tests.deadlocks import met
from tests.factories import World, make_account, make_policy
from tests.statements import statements
from tests.views.decide_many.ground import FEW, entered, post, ticks
from tests.views.test_imports import work
from tests.workflows.filing_world import AT, decide, elevator_data, fresh, save, submit

pytestmark = pytest.mark.feature("NTF-01")


class _Killed(BaseException):
    """A worker that is ended."""


def heard(session: Any, topic: str = "decision", who: int | None = None, channel: str = "inbox") -> list[Notification]:
    fresh(session)
    found = select(Notification).where(Notification.topic == topic, Notification.channel == channel)
    if who is not None:
        found = found.where(Notification.recipient_id == who)
    return list(session.scalars(found.order_by(Notification.id).execution_options(skip_scope=True)))


def test_a_unit_hears_once_of_all_and_singly_of_one(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    officer, head = sign_in(world.accounts["inspector"]), world.accounts["maintenance_head"].id
    post(officer, {"verb": "approve", "sure": "1", "opinion": "属实", "chosen": ticks(*waiting[:2])})
    (one,) = heard(session, who=head)
    assert one.title == "同意：电梯备案 2 件" and one.body is not None
    first, second = sorted(row.number for row in waiting[:2])
    assert one.body == f"申请编号 {first} 等 2 件　意见：属实"
    assert one.link == f"/applications/?ids={waiting[0].id},{waiting[1].id}"
    page = sign_in(world.accounts["maintenance_head"]).get(one.link).text
    assert first in page and second in page and waiting[2].number not in page

    decide(session, world.actor("inspector"), waiting[2], "approve")
    single = heard(session, who=head)[-1]
    assert single.title == f"同意：{waiting[2].heading}" and single.link == f"/applications/{waiting[2].id}"
    # One that was ticked alone is told as a single one is.
    post(officer, {"verb": "reject", "sure": "1", "opinion": "缺照片", "chosen": ticks(waiting[3])})
    alone = heard(session, who=head)[-1]
    assert alone.title == f"不通过：{waiting[3].heading}" and alone.link == f"/applications/{waiting[3].id}"
    assert alone.body == f"申请编号 {waiting[3].number}　意见：缺照片"
    assert session.scalar(select(func.count()).where(ApplicationStep.press.is_not(None))) == 0


def test_a_job_tells_at_its_end_also_by_other_channels(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda _session, _notice: None)
    head = world.accounts["maintenance_head"]
    head.phone = "13900000123"
    session.add(NoticeChoice(account_id=head.id, channels={"decision": ["sms"]}, updated_at=AT))
    session.commit()
    entered(session, sign_in(world.accounts["inspector"]), {"verb": "approve", "chosen": ticks(*waiting)})
    work(app, session)
    assert [one.title for one in heard(session, who=head.id)] == [f"同意：电梯备案 {FEW} 件"]
    assert len(heard(session, who=head.id, channel="sms")) == 1


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_whoever_sees_some_of_the_elevators_hears_of_these(
    session: Any, world: World, sign_in: Any, waiting: list[Application], verb: str
) -> None:
    narrow = make_account(session, Role.CLERK, unit=world.firm, sees_all_elevators=False)
    other = make_account(session, Role.CLERK, unit=world.firm, sees_all_elevators=False)
    session.add(ElevatorAssignment(user_id=narrow.id, elevator_id=waiting[1].elevator_id))
    session.add_all(
        ApplicationParty(application_id=row.id, unit_id=world.use_unit.id) for row in waiting[:2]
    )
    session.commit()
    officer = sign_in(world.accounts["inspector"])
    post(officer, {"verb": verb, "sure": "1", "opinion": "见意见", "chosen": ticks(*waiting[:2])})
    deed = {"approve": "同意", "reject": "不通过"}[verb]
    assert [one.title for one in heard(session, who=narrow.id)] == [f"{deed}：{waiting[1].heading}"]
    assert heard(session, who=other.id) == []
    (told,) = heard(session, "party", world.accounts["use_head"].id)
    assert told.title == f"{deed}：电梯备案 2 件" and "与本单位有关" in (told.body or "")


def test_what_a_killed_press_left_is_told_later_and_once(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, head = world.actor("inspector"), world.accounts["maintenance_head"].id
    press = told_together.new_press()
    with scope.acting(officer):
        for row in waiting[:2]:
            many.decide_one(session, officer, (row.id, row.row_version), "approve", "", AT, press)
    assert heard(session, who=head) == []
    session.rollback()
    with clock.frozen(AT + dt.timedelta(minutes=9)), app.app_context():
        assert reminders.tell_left() == 0, "perhaps it goes on"
    with clock.frozen(AT + dt.timedelta(minutes=11)), app.app_context():
        assert (reminders.tell_left(), reminders.tell_left()) == (2, 0)
    assert [one.title for one in heard(session, who=head)] == ["同意：电梯备案 2 件"]

    # A job that was killed tells all of it when it is taken up again, and nobody before.
    rest = {"verb": "approve", "chosen": ticks(*waiting[2:], waiting[0])}
    job = entered(session, sign_in(world.accounts["inspector"]), rest)

    def dies(_context: Any, done: int, *_: Any) -> None:
        if done == 1:
            raise _Killed

    real = JobContext.progress
    monkeypatch.setattr(JobContext, "progress", dies)
    session.rollback()
    with app.app_context(), pytest.raises(_Killed):
        run(job.id)
    monkeypatch.setattr(JobContext, "progress", real)
    session.rollback()
    with clock.frozen(AT + dt.timedelta(hours=2)), app.app_context():
        assert reminders.tell_left() == 0, "its job is not over"
    session.execute(type(job).__table__.update().where(type(job).id == job.id).values(state="queued"))
    session.commit()
    work(app, session)
    assert [one.title for one in heard(session, who=head)][1:] == ["同意：电梯备案 2 件"]
    assert told_together.left(session, AT + dt.timedelta(days=1)) == []


def test_a_link_that_can_not_name_them_leads_to_the_days_on_which_they_were_decided(
    session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_together, "LONGEST_LINK", 10)
    officer, head, press = world.actor("inspector"), world.accounts["maintenance_head"], told_together.new_press()
    midnight = dt.datetime.combine(clock.local_day(AT) + dt.timedelta(days=1), dt.time(), clock.SHANGHAI)
    minutes = [dt.timedelta(minutes=n) for n in (-65, -5, 5)]
    with scope.acting(officer):
        for row, after in zip(waiting, minutes, strict=False):
            many.decide_one(session, officer, (row.id, row.row_version), "reject", "缺照片", midnight + after, press)
    with transaction(session):
        told_together.tell(session, midnight + dt.timedelta(days=1, minutes=15), press)
    (one,) = heard(session, who=head.id)
    days = [(midnight + after).date().isoformat() for after in (minutes[0], minutes[-1])]
    assert one.link == f"/applications/?tab=rejected&f_decided_from={days[0]}&f_decided_to={days[1]}"
    page = sign_in(head).get(one.link).text
    assert [row.number in page for row in waiting] == [True, True, True, False]


@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")  # SQLite has one writer at a time
def test_what_the_press_commits_while_it_is_told_is_told_later(
    session: Any, world: World, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, head, press = world.actor("inspector"), world.accounts["maintenance_head"].id, told_together.new_press()
    engine, real = session.get_bind(), outbox.settle

    def decided(rows: list[Application], own: Any) -> None:
        with scope.acting(officer):
            for row in rows:
                many.decide_one(own, officer, (row.id, row.row_version), "approve", "", AT, press)

    def meanwhile(*args: Any) -> int:
        monkeypatch.setattr(outbox, "settle", real)
        with Session(engine) as own:
            decided(waiting[2:3], own)
        return real(*args)

    decided(waiting[:2], session)
    monkeypatch.setattr(outbox, "settle", meanwhile)
    with transaction(session):
        assert told_together.tell(session, AT, press) == 2
    assert told_together.left(session, AT + dt.timedelta(hours=1)) == [press]
    with transaction(session):
        assert (told_together.tell(session, AT, press), told_together.tell(session, AT, press)) == (1, 0)
    assert [one.title for one in heard(session, who=head)] == ["同意：电梯备案 2 件", f"同意：{waiting[2].heading}"]


def test_one_press_that_can_not_be_told_holds_up_no_other(
    app: Any, session: Any, world: World, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, head, real = world.actor("inspector"), world.accounts["maintenance_head"].id, told_together.tell
    with scope.acting(officer):
        for row, press in zip(waiting, ("at-1", "at-2", "at-3"), strict=False):
            many.decide_one(session, officer, (row.id, row.row_version), "approve", "", AT, press)

    def fails(own: Any, at: dt.datetime, press: str) -> int:
        told = real(own, at, press)
        if press == "at-1":
            raise RuntimeError("a fault")
        return told

    session.rollback()
    monkeypatch.setattr(told_together, "tell", fails)
    with clock.frozen(AT + dt.timedelta(hours=1)), app.app_context():
        assert (reminders.tell_left(), reminders.tell_left()) == (2, 0)
        assert [one.link for one in heard(session, who=head)] == [f"/applications/{row.id}" for row in waiting[1:3]]
        session.rollback()
        monkeypatch.setattr(told_together, "tell", real)
        assert reminders.tell_left() == 1
    assert heard(session, who=head)[-1].link == f"/applications/{waiting[0].id}"


def test_what_was_decided_is_shown_though_it_can_not_be_told_yet(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    head, caller = world.accounts["maintenance_head"].id, Caller(app, world, "inspector")
    officer, real = sign_in(world.accounts["inspector"]), told_together._write
    chosen = [{"id": row.id, "seen_version": row.row_version} for row in waiting[2:]]
    ticked = ticks(*waiting[:2])

    def fails(*_args: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(told_together, "_write", fails)
    answer = post(officer, {"verb": "reject", "sure": "1", "opinion": "缺照片", "chosen": ticked})
    assert answer.status_code == 200 and all(row.number in answer.text for row in waiting[:2])
    asked = {"verb": "reject", "opinion": "缺照片", "chosen": chosen}
    sent = caller.client.post("/api/v1/applications/batch", json=asked, headers=caller.headers)
    assert sent.status_code == 200 and sent.json["done"] == 2
    fresh(session)
    assert {row.state for row in session.scalars(select(Application))} == {"rejected"} and heard(session) == []
    session.rollback()
    monkeypatch.setattr(told_together, "_write", real)
    with clock.frozen(clock.now() + dt.timedelta(hours=1)), app.app_context():
        assert reminders.tell_left() == FEW
    assert [one.title for one in heard(session, who=head)] == ["不通过：电梯备案 2 件"] * 2


def test_a_job_that_can_not_tell_has_ended_all_the_same(
    app: Any, session: Any, world: World, sign_in: Any, waiting: list[Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told in the transaction that ended it: a fault failed the job, though all was decided."""
    head, real = world.accounts["maintenance_head"].id, told_together._write
    job = entered(session, sign_in(world.accounts["inspector"]), {"verb": "approve", "chosen": ticks(*waiting)})

    def fails(*_args: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(told_together, "_write", fails)
    work(app, session)
    session.expire_all()
    assert (job.state, job.result["decided"]) == ("done", FEW) and heard(session, who=head) == []
    session.rollback()
    monkeypatch.setattr(told_together, "_write", real)
    with clock.frozen(clock.now() + dt.timedelta(hours=1)), app.app_context():
        assert (reminders.tell_left(), reminders.tell_left()) == (FEW, 0)
    assert [one.title for one in heard(session, who=head)] == [f"同意：电梯备案 {FEW} 件"]


@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")  # SQLite has one writer at a time
def test_telling_that_met_another_deed_is_done_again(
    app: Any, session: Any, world: World, waiting: list[Application], database: Any
) -> None:
    officer, head = world.actor("inspector"), world.accounts["maintenance_head"].id
    with scope.acting(officer):
        for row in waiting[:2]:
            many.decide_one(session, officer, (row.id, row.row_version), "approve", "", AT, "at-1")
    session.rollback()
    steps = "SELECT id FROM application_step WHERE press = 'at-1' FOR UPDATE"
    with (
        met(database.engine, "SELECT id FROM notification FOR UPDATE", steps) as faults,
        clock.frozen(AT + dt.timedelta(hours=1)), app.app_context(),
    ):  # fmt: skip
        # By its name alone, without the task's own readiness to be done again.
        assert told_together.tell_by_itself(db.session, clock.now(), "at-1") == 2
    assert faults == [] and [one.title for one in heard(session, who=head)] == ["同意：电梯备案 2 件"]


@pytest.mark.feature("LIF-08")
def test_second_officers_hear_once_of_what_was_endorsed(
    session: Any, world: World, sign_in: Any, waiting: list[Application]
) -> None:
    make_policy(session, "second_approval", "all")
    session.commit()
    second = world.accounts["region_admin"].id
    before = len(heard(session, "approval", second))
    post(sign_in(world.accounts["inspector"]), {"verb": "approve", "sure": "1", "chosen": ticks(*waiting[:2])})
    (told,) = heard(session, "approval", second)[before:]
    assert told.title == "待审批：电梯备案 2 件" and told.body == "初审已同意，等待复审"
    assert told.link == "/applications/queue?kind=elevator_filing"
    assert heard(session) == [], "its unit hears when it is decided"


@pytest.mark.feature("LIF-08")
def test_how_many_there_are_costs_no_statement_each(session: Any, world: World) -> None:
    """Of one batch, with another unit that it concerns, some turned down and some that wait for the second officer."""
    make_policy(session, "second_approval", "all")
    session.commit()
    officer, head, codes = world.actor("inspector"), world.actor("maintenance_head"), count(300300)
    told = {"approval": world.accounts["region_admin"].id, "party": world.accounts["use_head"].id}
    told["decision"] = world.accounts["maintenance_head"].id

    def sent(batch: int, number: int) -> list[str]:
        data = [elevator_data(world, code=str(next(codes))) for _ in range(2 * number)]
        asked = [submit(session, head, save(session, head, Elevator, None, one)) for one in data]
        for row in asked:
            row.batch = batch if row in asked[:number] else None
            session.add(ApplicationParty(application_id=row.id, unit_id=world.use_unit.id))
        session.commit()
        press = told_together.new_press()
        with scope.acting(officer):
            for verb, some in (("reject", asked[:number]), ("approve", asked[number:])):
                for row in some:
                    many.decide_one(session, officer, (row.id, row.row_version), verb, "见意见", AT, press)
        before = {topic: len(heard(session, topic, who)) for topic, who in told.items()}
        session.rollback()
        with transaction(session), statements() as said:
            assert told_together.tell(session, AT, press) == 2 * number
        after = {topic: len(heard(session, topic, who)) for topic, who in told.items()}
        assert after == {topic: n + 1 for topic, n in before.items()}
        return said

    sent(1, 1)  # what a process asks once
    few, more = sent(2, 1), sent(3, 3)
    assert len(few) == len(more), more
