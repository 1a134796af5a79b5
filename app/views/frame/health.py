"""`/health`: 200 only when database, migrations, broker, worker and beat are well. No login, no secrets, cheap."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy import Connection, select, text

import config
from app import clock
from app.extensions import db
from app.models import ServiceHeartbeat
from app.wording import say
from app.workflows.core.jobs import SILENT_AFTER

log = logging.getLogger(__name__)
GONE_AFTER = dt.timedelta(days=1)
SERVICES = {"worker": "任务进程", "beat": "定时进程", "urgent": "应急任务进程"}
ALWAYS = ("worker", "beat")
BROKER_SECONDS = 2

Check = tuple[bool, str]
FAILED: Check = (False, "检查失败，详见日志")
health = Blueprint("health", __name__)


def register(app: Flask) -> None:
    """Add the address; the newest revision is read once, for it comes with the code."""
    app.extensions["tian_head"] = newest_revision()
    app.register_blueprint(health)


def newest_revision() -> str:
    """The head of the migrations: the last file by name. Alembic itself would be loaded for nothing else."""
    last = max((config.ROOT / "app" / "migrations" / "versions").glob("[0-9]*.py"))
    found = re.search(r'^revision = "(\w+)"$', last.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, last
    return found[1]


@health.get("/health")
def show() -> tuple[Response, int]:
    checks = _checks()
    well = all(ok for ok, _ in checks.values())
    body = {"ok": well, **{name: {"ok": ok, "detail": detail} for name, (ok, detail) in checks.items()}}
    answer = jsonify(body)
    answer.headers["Cache-Control"] = "no-store"
    return answer, 200 if well else 503


def _checks() -> dict[str, Check]:
    found: dict[str, Check] = {}
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            found["database"] = (True, "可用")
            found["migrations"] = _guarded("migrations", lambda: _migrations(connection))
            found |= _services(connection)
    except Exception:
        log.exception("health: database")
        found["database"] = (False, "无法连接数据库")
        for name in ("migrations", *ALWAYS):
            found.setdefault(name, (False, "数据库不可用，未能检查"))
    found["broker"] = _guarded("broker", _broker)
    return found


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """What went wrong goes to the log; strangers read only that it did."""
    try:
        return check()
    except Exception:
        log.exception("health: %s", name)
        return FAILED


def _migrations(connection: Connection) -> Check:
    # A missing table must not spoil the transaction of the checks after it.
    with connection.begin_nested():
        held = set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    wanted = current_app.extensions["tian_head"]
    return (True, "最新") if held == {wanted} else (False, "数据库结构不是最新，请执行 flask db upgrade")


def _services(connection: Connection) -> dict[str, Check]:
    """The processes that show life; one that not every installation has, if it showed life within a day."""
    table: Any = ServiceHeartbeat.__table__
    try:
        with connection.begin_nested():
            beats = connection.execute(select(table.c.name, table.c.at)).all()
    except Exception:
        log.exception("health: heartbeats")
        return dict.fromkeys(ALWAYS, FAILED)
    silent = {name: clock.now() - at for name, at in beats}
    there = [name for name in SERVICES if name in ALWAYS or silent.get(name, GONE_AFTER) < GONE_AFTER]
    return {name: _lives(SERVICES[name], silent.get(name)) for name in there}


def _lives(words: str, silent: dt.timedelta | None) -> Check:
    if silent is None:
        return False, say("%(words)s从未启动", words=words)
    detail = say("%(a)s 秒前有心跳", a=max(0, int(silent.total_seconds())))
    if silent < SILENT_AFTER:
        return True, detail
    return False, say("%(words)s没有应答，%(detail)s", words=words, detail=detail)


def _broker() -> Check:
    celery = current_app.extensions["celery"]
    with celery.connection_for_write(connect_timeout=BROKER_SECONDS) as connection:
        if connection.transport.driver_type == "filesystem":
            (Path(connection.transport_options["data_folder_out"]) / ".health").touch()
            return True, "可用"
        connection.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
    return True, "可用"
