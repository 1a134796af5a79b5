"""The use unit's review: its limit at home and in the list, many at once, an objection that is heard (MNT-07)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.models import Notification, Visit, VisitNote
from app.transaction import transaction
from app.workflows.visits import visits
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.clock_world import add_visit

pytestmark = pytest.mark.feature("MNT-07")


@pytest.fixture
def waiting(session: Any, world: World) -> Visit:
    due = clock.now() + dt.timedelta(days=4, hours=1)
    row = add_visit(
        session, world.own, world.worker, clock.today(), state="awaiting", awaiting_review=True, review_due_at=due,
        account_id=world.accounts["worker"].id,
    )  # fmt: skip
    session.commit()
    return row


def post(client: Any, url: str, data: dict[str, Any]) -> Any:
    return client.post(url, data=data | {"csrf_token": csrf(client)})


def notes(session: Any) -> list[VisitNote]:
    session.rollback()
    return list(session.scalars(select(VisitNote)))


def test_home_and_list_show_what_waits_and_how_long(world: World, waiting: Visit, sign_in: Any) -> None:
    client = sign_in(world.accounts["use_head"])
    home = client.get("/").text
    assert 'href="/visits/?tab=review" class="is-near"' in home and "最近期限 剩 4 天" in home
    assert "剩 <b>4</b> 天" in client.get("/visits/?tab=review").text
    record = client.get(f"/visits/{waiting.id}").text
    assert "<b>4</b>" in record and "有异议" in record
    assert "最近期限" not in sign_in(world.accounts["maintenance_head"]).get("/").text


def test_an_objection_is_kept_and_told_and_changes_no_state(
    session: Any, world: World, waiting: Visit, sign_in: Any
) -> None:
    client = sign_in(world.accounts["use_head"])
    empty = post(client, f"/visits/{waiting.id}/review", {"verb": "objection", "opinion": " "})
    assert empty.status_code == 422 and "没有写明异议" in empty.text
    said = {"verb": "objection", "opinion": "当天没有人到机房"}
    assert post(client, f"/visits/{waiting.id}/review", said).status_code == 302
    (note,) = notes(session)
    assert (note.kind, note.body) == ("objection", "当天没有人到机房")
    session.refresh(waiting)
    assert (waiting.state, waiting.awaiting_review, waiting.reviewed_at) == ("awaiting", True, None)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "visit.objection")))
    assert {world.accounts[who].id for who in ("worker", "maintenance_head", "inspector")} <= told
    assert world.accounts["other_head"].id not in told
    assert waiting.elevator.code in client.get("/visits/?tab=objection").text


def test_only_the_use_unit_objects(session: Any, world: World, waiting: Visit) -> None:
    for persona in ("maintenance_head", "inspector", "other_head"):
        with pytest.raises(Refusal), transaction(session):
            visits.object_to(session, world.actor(persona), waiting.id, "不属实", clock.now())
    assert not notes(session)


def test_many_are_confirmed_each_by_itself(session: Any, world: World, waiting: Visit, sign_in: Any) -> None:
    open_one = add_visit(session, world.own, world.worker, clock.today(), state="open", checked_out_at=None)
    session.commit()
    client = sign_in(world.accounts["safety_officer"])
    page = post(client, "/visits/deed/review", {"ids": [waiting.id, open_one.id]}).text
    assert page.index("还没有签退") < page.index("已完成") and "成功 1，未成 1" in page
    assert f'<p class="ta-b"><a class="ta-a" href="/visits/{open_one.id}">{world.own.code}</a></p>' in page
    session.rollback()
    session.refresh(waiting)
    assert waiting.reviewed_at is not None


def test_the_phone_takes_an_objection_too(session: Any, world: World, waiting: Visit, sign_in: Any) -> None:
    client = sign_in(world.accounts["safety_officer"])
    assert "剩 4 天" in client.get("/m/reviews").text
    answer = post(client, f"/m/reviews/{waiting.id}", {"verb": "objection", "opinion": "没有见到维保人员"})
    assert answer.status_code == 302
    assert [n.kind for n in notes(session)] == ["objection"]
    # Whoever reviews sees what is objected to already; the worker reads it in the record, under the desk's word for it.
    assert "使用单位有异议" in client.get("/m/reviews").text
    assert "没有见到维保人员" in client.get(f"/m/reviews/{waiting.id}").text
    record = sign_in(world.accounts["worker"]).get(f"/m/visits/{waiting.id}").text
    assert "没有见到维保人员" in record and "待复核" in record and "待完善" not in record
