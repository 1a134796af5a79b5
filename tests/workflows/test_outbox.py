"""NTF-01: a notice is written with the deed, once, and delivered once."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock, scope
from app.models import Notification
from app.permissions import Role, Verb
from app.transaction import transaction
from app.workflows.core import outbox
from tests.factories import World, make_account

pytestmark = pytest.mark.feature("NTF-01")
MINUTE = dt.timedelta(minutes=1)


def notify(session: Any, *recipients: Any, key: str | None = None) -> int:
    with transaction(session):
        return outbox.notify(session, clock.now(), recipients, "test", "标题", "内容", "/x", key)


def unread(session: Any, account: int) -> int:
    own = (Notification.recipient_id == account, Notification.channel == "inbox", Notification.read_at.is_(None))
    return int(session.scalar(select(func.count()).where(*own)))


def test_a_notice_is_visible_with_its_commit_and_not_before(session: Any, world: World) -> None:
    clerk = world.accounts["clerk"].id
    with pytest.raises(RuntimeError), transaction(session):
        outbox.notify(session, clock.now(), [clerk], "test", "标题")
        raise RuntimeError
    assert unread(session, clerk) == 0
    assert notify(session, clerk, clerk, None) == 1
    assert unread(session, clerk) == 1


def test_a_verb_done_again_notifies_nobody_twice(session: Any, world: World) -> None:
    ids = [world.accounts[p].id for p in ("clerk", "worker")]
    assert notify(session, *ids, key="application:1:approved") == 2
    assert notify(session, *ids, world.accounts["use_head"].id, key="application:1:approved") == 1


def test_only_ones_own_notices_are_read(session: Any, world: World) -> None:
    notify(session, world.accounts["clerk"].id, world.accounts["worker"].id)
    ids = [n.id for n in session.query(Notification)]
    with transaction(session):
        assert outbox.mark_read(session, world.actor("clerk"), clock.now(), ids) == 1
    assert unread(session, world.accounts["worker"].id) == 1
    with scope.acting(world.actor("clerk")):
        assert [n.recipient_id for n in session.query(Notification)] == [world.accounts["clerk"].id]


def test_recipients_of_a_unit_are_its_active_accounts_with_the_right(session: Any, world: World) -> None:
    make_account(session, Role.CLERK, unit=world.firm, active=False)
    session.commit()
    expected = {world.accounts[p].id for p in ("maintenance_head", "clerk", "worker")}
    assert set(outbox.accounts_of_unit(session, world.firm.id)) == expected
    submitters = {world.accounts[p].id for p in ("maintenance_head", "clerk")}
    assert set(outbox.accounts_of_unit(session, world.firm.id, Verb.APPLICATION_SUBMIT)) == submitters
    assert outbox.accounts_of_unit(session, None) == []


def test_officers_are_found_up_the_tree_even_by_one_who_does_not_see_them(session: Any, world: World) -> None:
    city = make_account(session, Role.REGION_ADMIN, region_code="980400000000")
    session.commit()
    with scope.acting(world.actor("clerk")):
        here = {world.accounts[p].id for p in ("region_admin", "inspector")}
        assert set(outbox.officers_of(session, "980402001000")) == here
        assert outbox.officers_of(session, "980402001000", Verb.REGION_EDIT) == [world.accounts["region_admin"].id]
        assert outbox.officers_of(session, "980499000000") == [city.id]
        assert outbox.officers_of(session, None) == []


def test_delivery_of_the_inbox_marks_each_notice_once(session: Any, world: World) -> None:
    notify(session, world.accounts["clerk"].id, world.accounts["worker"].id)
    with transaction(session):
        assert outbox.deliver_inbox(session, clock.now()) == 2
    with transaction(session):
        assert outbox.deliver_inbox(session, clock.now()) == 0
    assert {n.state for n in session.query(Notification)} == {"sent"}


@pytest.fixture
def queued(session: Any, world: World) -> list[int]:
    """Five notices of another channel."""
    at = clock.now()
    with transaction(session):
        for _ in range(5):
            session.add(
                Notification(
                    channel="sms", recipient_id=world.accounts["clerk"].id, topic="t", title="x", created_at=at,
                    next_try_at=at,
                )
            )  # fmt: skip
    return [n.id for n in session.query(Notification).order_by(Notification.id)]


def test_parallel_deliverers_lease_each_notice_once(database: Any, queued: list[int]) -> None:
    taken: list[int] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        with Session(database.engine) as own:
            while True:
                with transaction(own):
                    ids = outbox.lease(own, clock.now() + MINUTE, 2)
                if not ids:
                    return
                taken.extend(ids)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A deliverer that found others' rows locked may leave some for the next round; none is taken twice.
    with Session(database.engine) as own, transaction(own):
        taken.extend(outbox.lease(own, clock.now() + MINUTE))
    assert sorted(taken) == queued


def test_a_failing_sender_waits_longer_each_time_and_then_gives_up(
    session: Any, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_session: Any, _notice: Notification) -> None:
        raise ConnectionError("网关无应答")

    monkeypatch.setitem(outbox.SENDERS, "sms", broken)
    at, waits = clock.now() + MINUTE, []
    for _ in range(outbox.MOST_TRIES):
        with transaction(session):
            assert queued[0] in outbox.lease(session, at)
        with transaction(session):
            assert not outbox.send(session, queued[0], at)
        notice = session.get(Notification, queued[0])
        if notice.next_try_at:
            waits.append((notice.next_try_at - at) / MINUTE)
            at = notice.next_try_at + outbox.LEASE
    assert waits == [1, 2, 4, 8, 16]
    assert (notice.state, notice.error) == ("failed", "ConnectionError: 网关无应答")
    with transaction(session):
        assert outbox.retry(session, queued[0], at)
        assert not outbox.retry(session, queued[0], at)


def test_a_killed_deliverers_lease_runs_out(session: Any, queued: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda _session, notice: sent.append(notice.id))
    at = clock.now() + MINUTE
    with transaction(session):
        assert outbox.lease(session, at) == queued
    with transaction(session):
        assert outbox.lease(session, at + outbox.LEASE - MINUTE) == []
    with transaction(session):
        assert outbox.lease(session, at + outbox.LEASE) == queued
    for notice_id in (*queued, queued[0]):
        with transaction(session):
            outbox.send(session, notice_id, at)
    assert sent == queued


def test_a_code_goes_out_with_its_commit_and_a_notice_waits_for_its_turn(session: Any) -> None:
    told: list[object] = []

    def tell(sender: object = None) -> None:
        told.append(sender)

    def put(secret: bool) -> None:
        outbox.send_to(session, clock.now(), None, "sms", "13900000001", "test", "内容", secret=secret)

    with outbox.someone_waits.connected_to(tell):
        with transaction(session):
            put(False)
        assert told == []
        with pytest.raises(RuntimeError), transaction(session):
            put(True)
            raise RuntimeError
        assert told == []
        with transaction(session):
            put(True)
            assert told == []
        assert len(told) == 1
