"""REP-03: 出发 and 开始 kept by a phone without network, sent later: at their true times, each once and in order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, RepairOrder
from app.permissions import Role
from app.transaction import transaction
from app.workflows.repair import repair_work, repairs
from tests.api.test_offline_api import HERE, START, Phone
from tests.factories import World, make_account, make_person

pytestmark = pytest.mark.feature("REP-03", "MNT-05")
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
URL = "/api/v1/repairs/offline"


@pytest.fixture
def order(huzhou: World) -> int:
    """Accepted at nine."""
    with transaction(huzhou.session) as session:
        row = repairs.report(
            session, huzhou.actor("safety_officer"), huzhou.own.id, "stopped", "停在 6 楼", "", START - HOUR
        )
        repair_work.assign(session, huzhou.actor("clerk"), row.id, huzhou.worker.id, [], START - HOUR)
        repair_work.accept(session, huzhou.actor("worker"), row.id, START)
    return int(row.id)


def step(phone: Phone, order: int, verb: str, at: dt.datetime, **more: Any) -> dict[str, Any]:
    given = {"key": f"{verb}-{at:%H%M%S}-{order}", "contact": phone.copy["contact"], "order_id": order, "verb": verb}
    return given | {"at": at.isoformat(), **HERE} | more


def send(phone: Phone, *entries: Any, at: dt.datetime = START + 3 * HOUR, shown: dt.datetime | None = None) -> Any:
    with clock.frozen(at):
        body = {"phone_at": (shown or at).isoformat(), "entries": list(entries)}
        return phone.client.post(URL, json=body, headers=phone.headers)


def row_of(world: World, order: int) -> RepairOrder:
    world.session.rollback()
    world.session.expire_all()
    found: RepairOrder = world.session.get(RepairOrder, order)
    return found


def test_a_step_that_the_system_fails_at_stops_no_other(
    app: Any, huzhou: World, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone(app, huzhou)
    broken = step(phone, order, "start", START + 40 * MINUTE)

    def start(*_given: Any) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(repair_work, "start", start)
        told = send(phone, broken, step(phone, order, "depart", START + 10 * MINUTE))
    first, second = told.json["entries"]
    assert (told.status_code, first["ok"], first["status"], second["ok"]) == (200, False, 500, True)
    assert "事件编号" in first["errors"][0]["found"] and row_of(huzhou, order).state == "departed"
    assert send(phone, broken).json["entries"][0]["repair"]["state"] == "started"


def test_each_once_at_its_true_time(app: Any, huzhou: World, order: int) -> None:
    phone = Phone(app, huzhou)
    both = step(phone, order, "depart", START + 10 * MINUTE), step(phone, order, "start", START + 40 * MINUTE)
    told = send(phone, *both).json["entries"]
    assert [(one["ok"], one["repair"]["state"]) for one in told] == [(True, "departed"), (True, "started")]
    row = row_of(huzhou, order)
    assert (row.departed_at, row.started_at) == (START + 10 * MINUTE, START + 40 * MINUTE)
    assert (row.signed_in_id, row.start_distance, row.told_later) == (huzhou.worker.id, 0, None)
    version = row.row_version
    # The answer was lost: the same again is the same, and writes nothing.
    again = send(phone, *both, at=START + 4 * HOUR).json["entries"]
    assert all(one["ok"] for one in again) and row_of(huzhou, order).row_version == version
    said = huzhou.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "repair.sent_later").order_by(AuditEntry.id)
    ).all()
    assert [(e.after["step"], e.after["ahead"], e.after["accuracy"]) for e in said] == [
        ("depart", 0, 10), ("start", 0, 10)
    ]  # fmt: skip


def test_a_wrong_clock_is_put_right_and_a_changed_one_is_not_believed(app: Any, huzhou: World, order: int) -> None:
    phone = Phone(app, huzhou)
    ahead = 7 * MINUTE
    phone.copy["contact"] = None
    with clock.frozen(START - HOUR):
        asked = {"phone_at": (START - HOUR + ahead).isoformat()}
        phone.copy = phone.client.get("/api/v1/visits/offline", query_string=asked, headers=phone.headers).json
    kept = step(phone, order, "depart", START + 10 * MINUTE + ahead)
    now = START + 3 * HOUR
    (moved,) = send(phone, kept, at=now, shown=now + 90 * MINUTE).json["entries"]
    assert not moved["ok"] and "手机时间在离线期间被改动" in str(moved["errors"]) and "补填" in str(moved["errors"])
    assert row_of(huzhou, order).departed_at is None
    assert send(phone, kept, at=now, shown=now + ahead).json["entries"][0]["ok"]
    assert row_of(huzhou, order).departed_at == START + 10 * MINUTE


@pytest.mark.parametrize(
    ("verb", "at", "found"),
    [
        ("depart", START - 10 * MINUTE, "早于接单时间"), ("start", START + 4 * HOUR, "在将来"),
        ("accept", START + 10 * MINUTE, "没有“accept”这一步"), ("end", START + 10 * MINUTE, "没有“end”这一步"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_stays_on_the_phone(
    app: Any, huzhou: World, order: int, verb: str, at: dt.datetime, found: str
) -> None:
    phone = Phone(app, huzhou)
    (told,) = send(phone, step(phone, order, verb, at)).json["entries"]
    assert not told["ok"] and found in "".join(e["rule"] + e["found"] for e in told["errors"])
    row = row_of(huzhou, order)
    assert (row.state, row.departed_at, row.started_at) == ("accepted", None, None)


def test_one_that_is_refused_leaves_the_next_to_go_on(app: Any, huzhou: World, order: int) -> None:
    phone = Phone(app, huzhou)
    told = send(
        phone, step(phone, order, "depart", START - 2 * HOUR), step(phone, order, "start", START + 30 * MINUTE)
    ).json["entries"]
    assert [one["ok"] for one in told] == [False, True] and row_of(huzhou, order).state == "started"


def test_whose_step_and_whose_order(app: Any, huzhou: World, order: int) -> None:
    """Not of another account's phone, nor of an order that was given to another meanwhile."""
    phone = Phone(app, huzhou)
    kept = step(phone, order, "depart", START + 10 * MINUTE)
    huzhou.session.rollback()
    colleague = make_person(huzhou.session, huzhou.firm, "沈听澜")
    huzhou.accounts["second"] = make_account(huzhou.session, Role.WORKER, unit=huzhou.firm, person=colleague)
    huzhou.session.commit()
    other = Phone(app, huzhou, "second")
    assert "另一个账号" in str(send(other, kept).json["entries"][0]["errors"])
    huzhou.session.rollback()
    with transaction(huzhou.session) as session:
        repair_work.assign(session, huzhou.actor("clerk"), order, colleague.id, [], START + HOUR)
    (told,) = send(phone, kept).json["entries"]
    assert not told["ok"] and told["status"] == 403 and "没有派给您" in str(told["errors"])
    assert row_of(huzhou, order).departed_at is None
    assert send(phone, kept | {"contact": "made up"}).json["entries"][0]["errors"][0]["field"] == "contact"
    with clock.frozen(START):
        assert phone.client.post(URL, json={"phone_at": START.isoformat(), "entries": []}, headers=phone.headers
                                 ).status_code == 422  # fmt: skip
