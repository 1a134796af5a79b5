"""QR pictures by which several ask to join."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import Refusal
from app.extensions import db
from app.models import Invitation
from app.transaction import transaction
from app.workflows.people import invitations, joining
from tests.factories import World
from tests.workflows.invitations.ground import AT, DAY, PHONE


def poster(session: Any, me: Any, **more: Any) -> Any:
    given = {"unit_id": None, "kind": "worker", "with_account": False, "hours": 24, "most": 2, "at": AT} | more
    with transaction(session):
        return invitations.make_poster(session, me, **given)


@pytest.mark.feature("PER-01")
def test_several_ask_by_one_picture_each_once(session: Any, world: World, manager: Any) -> None:
    row, token = poster(session, world.actor("clerk"))
    assert joining.poster_by_token(session, token, AT) is row
    assert joining.poster_by_token(session, token, AT + DAY) is None

    def ask(phone: str) -> str | None:
        with transaction(session):
            return joining.ask_by_poster(session, row.id, name="何一帆", phone=phone, at=AT, address=None)

    secret = ask(PHONE)
    # Asked again by whoever knows the number, nothing is opened.
    assert secret is not None and ask(PHONE) is None and row.used == 1
    first = joining.own_asked(session, secret, row.id, AT)
    assert first is not None and first.approved_at is None and joining.by_token(session, secret, AT) is None
    ask("13911113333")
    with pytest.raises(Refusal, match="最多 2 人"):
        ask("13911114444")
    # Each waits for the manager, then goes on in the browser by which he asked.
    with transaction(session):
        assert invitations.approve(session, manager, first.id, AT).token is None
    assert joining.own_asked(session, secret, row.id, AT) is first
    assert joining.own(session, first.id, first.token_hash or "", AT) is first
    with transaction(session):
        joining.accept(session, first.id, AT, None)
        invitations.close_poster(session, world.actor("clerk"), row.id, AT)
    assert joining.poster_by_token(session, token, AT) is None and first.state == "draft"


@pytest.mark.feature("PER-01")
@pytest.mark.parametrize("wrong", [{"most": 0}, {"most": 51}, {"hours": 5}, {"kind": "use_head"}])
def test_wrong_pictures_are_refused(session: Any, world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        poster(session, world.actor("clerk"), **wrong)


@pytest.mark.feature("PER-01")
def test_the_last_place_of_a_picture_goes_once(app: Any, session: Any, world: World) -> None:
    row, _token = poster(session, world.actor("clerk"), most=1)
    key, done = row.id, []
    session.commit()
    start = threading.Barrier(2)

    def ask(phone: str) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction(db.session) as own:
                    joining.ask_by_poster(own, key, name="何一帆", phone=phone, at=AT, address=None)
                done.append("asked")
            except Refusal as refusal:
                done.append(str(refusal))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=ask, args=(phone,)) for phone in (PHONE, "13911113333")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    session.rollback()
    assert sorted(d == "asked" for d in done) == [False, True]
    assert len(session.scalars(select(Invitation)).all()) == 1
