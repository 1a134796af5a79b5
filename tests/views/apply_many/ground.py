"""What tests of 批量申请 need: a form sent and checked, a check confirmed, and what was applied for."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from sqlalchemy import select

from app import clock
from app.models import Application, Job
from tests.conftest import csrf
from tests.views.test_imports import work
from tests.workflows.filing_world import fresh

FEW = 4
PLACE = "q=揽月街"
DAY = dt.timedelta(days=1)


def send(client: Any, kind: str = "suspension", query: str = PLACE, **data: Any) -> Any:
    form = {"effective_on": clock.today().isoformat(), "reason": "小区整体改造", "csrf_token": csrf(client)} | data
    return client.post(f"/applications/many/{kind}?{query}", data=form, content_type="multipart/form-data")


def checked(app: Any, session: Any, client: Any, **more: Any) -> Job:
    """A form that was sent, and what the check found."""
    return check_of(app, session, send(client, **more))


def check_of(app: Any, session: Any, answer: Any) -> Job:
    """What the check found that this answer leads to."""
    assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.text)
    work(app, session)
    session.expire_all()
    job = session.scalar(select(Job).where(Job.kind == "apply_check").order_by(Job.id.desc()))
    assert answer.location == f"/applications/many/checked/{job.id}" and job.state == "done", job.error
    return job


def confirm(session: Any, client: Any, check: Job) -> Job:
    answer = client.post(f"/applications/many/checked/{check.id}", data={"csrf_token": csrf(client)})
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "apply").order_by(Job.id.desc()))
    assert answer.status_code == 302 and answer.location == f"/jobs/{job.id}"
    return job


def made(session: Any) -> list[Application]:
    fresh(session)
    return list(session.scalars(select(Application).order_by(Application.id).execution_options(skip_scope=True)))
