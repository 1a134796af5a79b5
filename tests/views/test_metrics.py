"""/metrics: what waits, how long, how fast; for who runs the product and nobody else. And the ids that lines carry."""

from __future__ import annotations

import datetime as dt
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from app import celery_app, clock, logs
from app.extensions import db
from app.models import Job, Notification
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.core import audit

FAR = {"REMOTE_ADDR": "203.0.113.9"}


def series(text: str) -> dict[str, float]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.fixture
def token(app: Any) -> Any:
    app.config["METRICS_TOKEN"] = "a-long-token"
    yield "a-long-token"
    app.config["METRICS_TOKEN"] = ""


def test_only_the_machine_itself_reads_while_no_token_is_set(client: Any) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base=FAR).status_code == 404
    for header in ("X-Forwarded-For", "X-Real-Ip", "Forwarded"):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_with_a_token_it_is_asked_of_everybody(client: Any, token: str) -> None:
    assert client.get("/metrics").status_code == 404
    for wrong in ("Bearer", "Bearer a-long-toke", "Bearer é", f"Basic {token}"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, environ_base=FAR).status_code == 200


def test_requests_are_counted_by_route_and_name_no_row(client: Any) -> None:
    def counted() -> dict[str, float]:
        return series(client.get("/metrics").text)

    name = 'tian_requests_total{method="GET",route="/login/",status="200"}'
    before = counted().get(name, 0)
    client.get("/login/?next=/elevators/show/990001")
    client.get("/elevators/show/990001")
    after = counted()
    assert after[name] == before + 1
    assert after['tian_request_seconds_count{method="GET",route="/login/"}'] >= 1
    assert not [line for line in after if "990001" in line]
    assert [line for line in after if line.startswith("tian_database_connections")]


def test_what_waits_shows_with_its_age(client: Any, session: Any, world: Any) -> None:
    now = clock.now()
    common: dict[str, Any] = {"title": "导出", "heartbeat_at": now}
    session.add_all([
        Job(kind="export", state="queued", created_at=now - dt.timedelta(seconds=300), **common),
        Job(kind="export", state="queued", created_at=now, **common),
        Job(kind="import", state="failed", created_at=now, **common),
        Job(kind="schedule", state="done", created_at=now, finished_at=now, **common),
        Notification(
            recipient_id=world.accounts["clerk"].id, topic="test", title="x", state="queued",
            created_at=now - dt.timedelta(seconds=40),
        ),
    ])  # fmt: skip
    with transaction_of(session):
        audit.record(session, SYSTEM, now - dt.timedelta(seconds=500), "test.note", "unit", 1)
    found = series(client.get("/metrics").text)
    assert found['tian_jobs{kind="export",state="queued"}'] == 2
    assert 300 <= found['tian_jobs_oldest_seconds{kind="export",state="queued"}'] < 400
    assert found['tian_jobs{kind="import",state="failed"}'] == 1
    assert 40 <= found['tian_notices_oldest_seconds{channel="inbox",state="queued"}'] < 140
    assert found['tian_last_success_timestamp_seconds{work="schedule"}'] == pytest.approx(now.timestamp(), abs=1)
    assert found["tian_audit_unsealed"] == 1 and 500 <= found["tian_audit_unsealed_age_seconds"] < 600
    assert found["tian_database_up"] == 1


def transaction_of(session: Any) -> Any:
    session.commit()
    return transaction(session)


def test_it_answers_while_the_database_is_away(app: Any, client: Any) -> None:
    import sqlalchemy as sa

    db._app_engines[app][None] = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert series(answer.text)["tian_database_up"] == 0


# --- ids in lines


@pytest.mark.parametrize(("given", "kept"), [("abc-1._Z", True), ("a b", False), ("é<b>", False), ("x" * 41, False)])
def test_a_request_keeps_a_harmless_id_and_shows_it_on_its_error_page(client: Any, given: str, kept: bool) -> None:
    answer = client.get("/nosuchpage", headers={"X-Request-Id": given})
    shown = answer.headers["X-Request-Id"]
    assert (shown == given) is kept and len(shown) >= 8
    assert answer.status_code == 404 and f"请求编号 {shown}" in answer.text


def test_a_message_carries_the_id_of_the_request_and_its_task_tells_it(app: Any) -> None:
    headers: dict[str, Any] = {}
    with app.test_request_context("/", headers={"X-Request-Id": "from-the-web"}):
        app.preprocess_request()
        celery_app._sent(headers=headers)
    assert headers == {"asked_by": "from-the-web"}
    celery_app._task_begins(task=SimpleNamespace(name="app.tasks.x", request=headers))
    try:
        # What that task itself sends on keeps the id.
        further: dict[str, Any] = {}
        celery_app._sent(headers=further)
        line = said(logging.getLogger("app.tasks.x"), "job 7 starts")
    finally:
        celery_app._task_ends()
    assert further == headers
    assert (line["event"], line["request_id"], line["task"]) == ("job 7 starts", "from-the-web", "app.tasks.x")
    assert "request_id" not in said(logging.getLogger("app"), "later")


def test_an_error_is_one_line_of_json_with_its_traceback(app: Any) -> None:
    try:
        raise ValueError("坏了")
    except ValueError:
        line = said(logging.getLogger("celery.worker"), "failed", exc_info=True)
    assert line["logger"] == "celery.worker" and line["level"] == "error"
    assert line["exception"][0]["exc_value"] == "坏了"


def said(logger: logging.Logger, text: str, exc_info: Any = None) -> dict[str, Any]:
    """The line that stderr would get."""
    import sys

    found = sys.exc_info() if exc_info else None
    record = logger.makeRecord(
        logger.name, logging.ERROR if exc_info else logging.INFO, __file__, 1, text, (), found
    )  # fmt: skip
    whole = logs.formatter().format(record)
    assert "\n" not in whole
    return json.loads(whole)
