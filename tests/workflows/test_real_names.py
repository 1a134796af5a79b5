"""Real-name checks (ACC-06) against a simulator of the service: retried, believed only where it answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.channels import real_name
from app.channels.sms import signature
from app.errors import NotAllowed, NotFound, Refusal
from app.models import AuditEntry, Person, RealNameCheck
from app.tasks import real_names as task
from app.transaction import transaction
from app.workflows.people import person_versions, real_names
from tests.conftest import csrf
from tests.factories import World
from tests.gateways import Gateway, http_gateway
from tests.workflows.test_insurance import id_number

pytestmark = pytest.mark.feature("ACC-06")
NUMBER = id_number(31)
SECRET = "signed-with-this"


@pytest.fixture
def service() -> Iterator[Gateway]:
    with http_gateway() as held:
        held.body = {"match": True}
        real_names.use(real_name.asker({"REAL_NAME_URL": held.url, "REAL_NAME_SECRET": SECRET}))
        yield held
        real_names.use(None)


@pytest.fixture
def named(world: World) -> World:
    world.worker.resident_id = NUMBER
    world.session.commit()
    return world


def ask(world: World, who: str = "clerk", person: Any = None) -> Person:
    with transaction(world.session):
        return real_names.ask(world.session, world.actor(who), (person or world.worker).id, clock.now())


def run(app: Any, world: World) -> str:
    """One turn of the task; how the worker stands then."""
    world.session.rollback()
    with app.app_context():
        task.check()
    world.session.expire_all()
    return str(world.worker.real_name)


@pytest.mark.parametrize(("answer", "state"), [(True, "matched"), (False, "mismatch")])
def test_what_the_service_says_is_what_shows(
    app: Any, named: World, service: Gateway, answer: bool, state: str
) -> None:
    service.body = {"match": answer}
    assert ask(named).real_name == "waiting" and service.taken == []
    assert run(app, named) == state and named.worker.real_name_at is not None
    headers, body = service.taken[0]
    sent = service.json()
    assert (sent["name"], sent["id_number"]) == ("王砚秋", NUMBER) and sent["id"] == headers["idempotency-key"]
    assert headers["x-signature"] == signature(SECRET, headers["x-timestamp"], body)
    assert run(app, named) == state and len(service.taken) == 1
    log = str([entry.after for entry in named.session.scalars(select(AuditEntry))])
    assert NUMBER not in log


def test_a_service_that_is_down_or_says_neither_is_no_answer(app: Any, named: World, service: Gateway) -> None:
    service.answers, service.body = [500], {"match": "maybe"}
    now = clock.now()
    with clock.frozen(now):
        ask(named)
        assert run(app, named) == "waiting"
        assert run(app, named) == "waiting" and len(service.taken) == 1, "it waits before it asks again"
    for tries in range(2, 7):
        now += dt.timedelta(hours=2)
        with clock.frozen(now):
            state = run(app, named)
        assert len(service.taken) == tries and state == ("waiting" if tries < 6 else "unchecked")
    row = named.session.scalars(select(RealNameCheck)).one()
    assert (row.state, row.result) == ("failed", None) and "match" in str(row.error)
    ask(named)


def test_another_number_is_unchecked_again_and_a_late_answer_changes_nothing(
    app: Any, named: World, service: Gateway
) -> None:
    ask(named)
    with transaction(named.session):
        ids = real_names.lease(named.session, clock.now())
        about = real_names.subject(named.session, ids[0])
    with transaction(named.session):
        person_versions.put(named.worker, {"resident_id": id_number(32)})
    assert named.worker.real_name == "unchecked"
    with transaction(named.session):
        real_names.answered(named.session, ids[0], about, True, clock.now())
    assert named.worker.real_name == "unchecked"
    assert named.session.scalars(select(RealNameCheck.state)).all() == ["failed"]


def test_who_may_ask_and_when(named: World, service: Gateway) -> None:
    with pytest.raises(NotFound):
        ask(named, "other_head")
    with pytest.raises(NotAllowed):
        ask(named, "inspector")
    with pytest.raises(NotFound):
        ask(named, "worker", named.other_worker)
    assert ask(named, "worker").real_name == "waiting"
    with pytest.raises(Refusal, match="正在核验"):
        ask(named)
    named.worker.real_name, named.worker.resident_id = "unchecked", None
    named.session.commit()
    with pytest.raises(Refusal, match="请先登记身份证号"):
        ask(named)


def test_without_a_service_nobody_is_asked(app: Any, named: World, sign_in: Any) -> None:
    with pytest.raises(Refusal, match="没有接入"):
        ask(named)
    with app.app_context():
        assert task.check() == 0
    worker, clerk = sign_in(named.accounts["worker"]), sign_in(named.accounts["clerk"])
    for client, url in ((worker, "/profile/"), (clerk, f"/people/{named.worker.id}")):
        page = client.get(url).text
        assert "未核验" in page and "/real-name" not in page, url


def test_the_pages_ask_and_show(app: Any, named: World, service: Gateway, sign_in: Any) -> None:
    key = named.worker.id
    worker, clerk = sign_in(named.accounts["worker"]), sign_in(named.accounts["clerk"])
    assert f"/people/{key}/real-name" in clerk.get(f"/people/{key}").text
    assert "/profile/real-name" in worker.get("/profile/").text
    sent = worker.post("/profile/real-name", data={"csrf_token": csrf(worker)})
    assert sent.status_code == 302 and "核验中" in worker.get("/profile/").text
    assert run(app, named) == "matched"
    assert "已核验" in worker.get("/profile/").text and "/profile/real-name" not in worker.get("/profile/").text
    assert "已核验" in clerk.get("/people/?cols=name,real_name").text
    assert "王砚秋" not in clerk.get("/people/?f_real_name=mismatch").text
