"""/health says which part is not well; it needs no login and betrays nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app import clock
from app.transaction import transaction
from app.views.frame.health import newest_revision
from app.workflows.core import jobs
from tests.databases import ROOT


@pytest.fixture
def beating(session: Any) -> Any:
    """Worker and beat have just shown that they live."""

    def beat(seconds_ago: int = 0, names: tuple[str, ...] = ("worker", "beat")) -> None:
        with transaction(session):
            for name in names:
                jobs.show_service(session, name, clock.now() - dt.timedelta(seconds=seconds_ago))

    return beat


def ill(client: Any) -> set[str]:
    answer = client.get("/health")
    assert answer.status_code == (200 if answer.json["ok"] else 503)
    return {name for name, part in answer.json.items() if name != "ok" and not part["ok"]}


def test_all_is_well(client: Any, beating: Any) -> None:
    beating()
    assert ill(client) == set()


def test_silence_is_named(client: Any, beating: Any) -> None:
    assert ill(client) == {"worker", "beat"}
    beating()
    beating(91, ("beat",))
    assert ill(client) == {"beat"}
    beating(89, ("beat",))
    beating(3600, ("worker",))
    assert ill(client) == {"worker"}


def test_the_worker_of_rescues_is_named_where_there_is_one(client: Any, beating: Any) -> None:
    beating()
    assert "urgent" not in client.get("/health").json
    beating(5, ("urgent",))
    assert client.get("/health").json["urgent"]["ok"] and ill(client) == set()
    beating(91, ("urgent",))
    assert ill(client) == {"urgent"}
    beating(86_401, ("urgent",))
    assert "urgent" not in client.get("/health").json and ill(client) == set()


def test_an_old_schema_is_named(client: Any, beating: Any, session: Any) -> None:
    beating()
    session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    session.commit()
    assert ill(client) == {"migrations"}


def test_a_missing_schema_is_named_and_not_an_error(client: Any, session: Any) -> None:
    session.execute(text("DROP TABLE service_heartbeat"))
    session.execute(text("DROP TABLE alembic_version"))
    session.commit()
    assert ill(client) == {"migrations", "worker", "beat"}


def test_a_database_that_is_away_is_named(app: Any, client: Any) -> None:
    import sqlalchemy as sa

    from app.extensions import db

    away = sa.create_engine("postgresql+psycopg://nobody:secret@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    db._app_engines[app][None] = away
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json["database"] == {"ok": False, "detail": "无法连接数据库"}
    assert "secret" not in answer.text


def test_a_broker_that_is_away_is_named(app: Any, client: Any, beating: Any, tmp_path: Path) -> None:
    beating()
    celery = app.extensions["celery"]
    before = dict(celery.conf.broker_transport_options)
    celery.conf.broker_transport_options = before | {"data_folder_out": str(tmp_path / "gone")}
    try:
        assert ill(client) == {"broker"}
    finally:
        celery.conf.broker_transport_options = before


def test_a_redis_that_is_away_is_named_within_seconds(app: Any, client: Any, beating: Any, redis_url: str) -> None:
    beating()
    celery = app.extensions["celery"]
    before = celery.conf.broker_url
    try:
        celery.conf.broker_url = redis_url
        assert ill(client) == set()
        celery.conf.broker_url = "redis://127.0.0.1:1/0"
        assert ill(client) == {"broker"}
    finally:
        celery.conf.broker_url = before


def test_the_newest_revision_is_alembics_head() -> None:
    scripts = ScriptDirectory(str(ROOT / "app" / "migrations"))
    assert scripts.get_heads() == [newest_revision()]
