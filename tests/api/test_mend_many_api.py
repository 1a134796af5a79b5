"""整批补正 by the interface: what was returned of a batch is read, put right once and sent again by a job."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Application, Attachment, Job
from app.transaction import transaction
from app.workflows.desk import applications, mend_many
from tests.api.callers import Caller, rules_of
from tests.factories import World, make_elevator, picture
from tests.views.test_imports import work

pytestmark = [pytest.mark.feature("INT-04"), pytest.mark.feature("LIF-02")]
FEW = 3


def made(session: Any) -> list[Application]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))


@pytest.fixture
def batch(app: Any, session: Any, world: World) -> int:
    """Three applications of one batch with a paper, two of them returned."""
    rows = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, status="in_use")
            for _n in range(FEW)]  # fmt: skip
    session.commit()
    unit = Caller(app, world, "use_head")
    body = {
        "kind": "suspension", "elevator_ids": [row.id for row in rows], "effective_on": clock.today().isoformat(),
        "reason": "整体改造", "attachments": [unit.send_file().json["id"]],
    }  # fmt: skip
    check = unit.post("/applications/many", body).json["id"]
    work(app, session)
    entered = unit.post(f"/applications/many/{check}/confirm").json["id"]
    work(app, session)
    seen = [(row.id, row.row_version) for row in made(session)[:2]]
    session.rollback()
    for key, version in seen:
        with transaction(session):
            officer = world.actor("inspector")
            applications.decide(session, officer, key, "return", "请换盖章的通知", version, clock.now())
    return int(entered)


def test_what_was_returned_is_sent_again_together(app: Any, session: Any, world: World, batch: int) -> None:
    unit, url = Caller(app, world, "use_head"), f"/applications/batches/{batch}"
    found = unit.get(f"{url}/returned").json
    assert (found["count"], found["kind"], found["more_papers"]) == (2, "suspension", 0)
    assert found["opinions"] == [{"opinion": "请换盖章的通知", "count": 2}]
    (paper,) = found["papers"]
    assert (paper["name"], paper["count"]) == ("材料.pdf", 2)
    # Nobody else reads or sends them.
    for other in (Caller(app, world, "maintenance_head"), Caller(app, world, "clerk")):
        assert other.get(f"{url}/returned").status_code in (403, 404)
    today = clock.today().isoformat()
    body = {"seen": found["seen"], "effective_on": today, "reason": "改造，工期三个月"}
    # What is wrong for all is told at once, and nothing is sent.
    assert unit.post(f"{url}/mend", body | {"reason": "", "keep": []}).status_code == 422
    assert "材料" in rules_of(unit.post(f"{url}/mend", body | {"keep": ["0" * 64]}))
    assert unit.post(f"{url}/mend", body | {"seen": "0" * 64}).status_code == 422
    assert {row.state for row in made(session)[:2]} == {"returned"}

    # Nor with somebody else's file, or one that is no paper.
    theirs = Caller(app, world, "maintenance_head").send_file().json["id"]
    photo = unit.send_file("/files?kind=photo", "现场.png", picture()).json["id"]
    assert unit.post(f"{url}/mend", body | {"attachments": [theirs]}).status_code == 404
    assert "材料" in rules_of(unit.post(f"{url}/mend", body | {"attachments": [photo]}))
    assert session.scalar(select(Job.id).where(Job.kind == mend_many.KIND)) is None
    session.rollback()

    added = unit.send_file(name="盖章通知.pdf").json["id"]
    answer = unit.post(f"{url}/mend", body | {"keep": [], "attachments": [added]})
    assert answer.status_code == 201 and answer.json["state"] == "queued", answer.text
    assert unit.post(f"{url}/mend", body).json["id"] == answer.json["id"], "the one that goes on"
    work(app, session)
    done = unit.get(f"/applications/batches/mending/{answer.json['id']}").json
    assert (done["state"], done["mended"], done["refused"], done["left"]) == ("done", 2, 0, [])
    rows = made(session)
    assert {row.state for row in rows} == {"submitted"}
    assert [row.reason for row in rows] == ["改造，工期三个月"] * 2 + ["整体改造"]
    names = [session.get(Attachment, key).name for row in rows for key in row.data["attachments"]]
    assert names == ["盖章通知.pdf"] * 2 + ["材料.pdf"]
    assert unit.get(f"{url}/returned").status_code == 404, "nothing stands returned any more"
    assert Caller(app, world, "maintenance_head").get(f"/applications/batches/mending/{done['id']}").status_code == 404


@pytest.mark.parametrize("said", ["nothing", "null", "its digest"])
def test_files_stay_where_nothing_or_their_digest_is_said(
    app: Any, session: Any, world: World, batch: int, said: str
) -> None:
    unit, url = Caller(app, world, "use_head"), f"/applications/batches/{batch}"
    found = unit.get(f"{url}/returned").json
    digest = found["papers"][0]["sha256"]
    kept: dict[str, Any] = {"nothing": {}, "null": {"keep": None}, "its digest": {"keep": [digest]}}
    body = {"seen": found["seen"], "effective_on": clock.today().isoformat(), "reason": "改造，工期三个月"}
    assert unit.post(f"{url}/mend", body | kept[said]).status_code == 201
    work(app, session)
    rows = made(session)[:2]
    assert {row.state for row in rows} == {"submitted"}
    assert [session.get(Attachment, key).name for row in rows for key in row.data["attachments"]] == ["材料.pdf"] * 2


def test_asked_again_while_the_job_is_at_it_is_that_job(
    app: Any, session: Any, world: World, batch: int
) -> None:  # fmt: skip
    unit, url = Caller(app, world, "use_head"), f"/applications/batches/{batch}"
    seen = unit.get(f"{url}/returned").json["seen"]
    body = {"seen": seen, "effective_on": clock.today().isoformat(), "reason": "改造，工期三个月"}
    job = unit.post(f"{url}/mend", body).json["id"]
    head, key = world.actor("use_head"), made(session)[0].id
    session.rollback()
    with transaction(session):
        applications.withdraw(session, head, key, clock.now())
    answer = unit.post(f"{url}/mend", body)
    assert (answer.status_code, answer.json["id"]) == (201, job)
