"""批量申请: a check is confirmed once, on its day, with its papers as they were looked at."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Attachment, Elevator, Job
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.files import attachments, sent_ahead
from app.workflows.privacy import retention
from tests.conftest import csrf
from tests.factories import World
from tests.journeys.steps import BLANK_PDF
from tests.statements import statements
from tests.views.apply_many.ground import DAY, FEW, checked, confirm
from tests.views.test_imports import work

pytestmark = pytest.mark.feature("LIF-02")


def test_a_check_whose_day_is_over_is_not_confirmed(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    tomorrow = clock.today() + DAY
    monkeypatch.setattr(clock, "today", lambda: tomorrow)
    page = client.get(f"/applications/many/checked/{check.id}").text
    assert "核对已过期" in page and "确认提交" not in page and "返回修改" in page
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{check.id}", data=token, follow_redirects=True)
    assert "核对已过期" in told.text and "已经过去" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 0


def test_papers_stay_with_the_check_as_long_as_what_jobs_make(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    later = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    (key,) = check.params["form"]["files"]
    assert (session.get(Attachment, key).entity, session.get(Attachment, key).entity_id) == ("job", check.id)
    for role in ("maintenance_head", "inspector"):
        assert sign_in(world.accounts[role]).get(f"/files/{key}").status_code in (403, 404), "the sender's alone"
    assert client.get(f"/files/{key}").status_code == 200
    with transaction(session):
        sent_ahead.forget(session, clock.now() + 3 * DAY)
    job = confirm(session, client, check)
    work(app, session)
    session.expire_all()
    assert (job.result["applied"], job.result["refused"]) == (FEW, 0)

    retention.run(session, SYSTEM, clock.now() + 29 * DAY)
    session.expire_all()
    assert session.get(Attachment, key) is not None
    retention.run(session, SYSTEM, clock.now() + 32 * DAY)
    session.expire_all()
    assert session.get(Attachment, key) is None
    held = session.scalars(select(Attachment).where(Attachment.entity == "application")).all()
    assert len(held) == FEW and all(attachments.path(None, one).is_file() for one in held), "theirs stay"
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{later.id}", data=token, follow_redirects=True)
    assert "材料已过期" in told.text and "请重新上传" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 1


def test_a_confirmed_check_is_known_without_looking_through_jobs(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client)
    place = f"/applications/many/checked/{check.id}"
    job = confirm(session, client, check)
    assert "ids" not in job.params and sorted(check.result["ids"]) == sorted(row.id for row in chosen[:FEW])
    with statements() as seen:
        page = client.get(place).text
    assert f'href="/jobs/{job.id}"' in page and "确认提交 " not in page
    asked = [one for one in seen if re.search(r"job\.params", one)]
    assert len(asked) == 1, asked
    assert confirm(session, client, check) == job


@pytest.mark.feature("UNT-04")
def test_papers_that_the_scanner_closed_are_not_confirmed(
    app: Any, session: Any, world: World, sign_in: Any, chosen: list[Elevator]
) -> None:
    client = sign_in(world.accounts["use_head"])
    check = checked(app, session, client, files=(io.BytesIO(BLANK_PDF), "材料.pdf"))
    with transaction(session):
        session.get(Attachment, check.params["form"]["files"][0]).scan = "infected"
    token = {"csrf_token": csrf(client)}
    told = client.post(f"/applications/many/checked/{check.id}", data=token, follow_redirects=True)
    assert "“材料.pdf”含有病毒或恶意代码" in told.text
    session.rollback()
    assert session.scalar(select(func.count()).where(Job.kind == "apply")) == 0
