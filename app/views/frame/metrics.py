"""`/metrics` for Prometheus: requests by route, what waits and how long, when the nightly work last ran.

For who runs the product: with METRICS_TOKEN as bearer, or, while none is set, from the machine itself and past no
proxy. Everybody else finds nothing here. Figures say how much and how old, never whose.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Connection, func, select

from app import clock
from app.extensions import db
from app.models import AuditEntry, Job, Notification, ScoreRun, ServiceHeartbeat

log = logging.getLogger(__name__)
metrics = Blueprint("metrics", __name__)
REQUESTS = Counter("tian_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "tian_request_seconds", "Seconds to answer", ["method", "route"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
POOL = Gauge("tian_database_connections", "Connections in use by the web", multiprocess_mode="livesum")
UNFINISHED = ("queued", "running")
NIGHTLY = ("age", "schedule", "nightly_scores")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
EXTERNAL = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


def install(app: Flask) -> None:
    """Count every request; add the address."""

    @app.after_request
    def _count(response: Response) -> Response:
        # The rule, not the path: keys and codes would make a series each, and say whose.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        if "began" in g:
            SECONDS.labels(method, route).observe(time.perf_counter() - g.began)
        POOL.set(getattr(db.engine.pool, "checkedout", lambda: 0)())
        return response

    app.register_blueprint(metrics)


@metrics.get("/metrics")
def show() -> Response:
    if not allowed():
        abort(404)
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)
    else:
        for counter in (REQUESTS, SECONDS, POOL):
            registry.register(counter)
    registry.register(Standing())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def allowed() -> bool:
    token = current_app.config["METRICS_TOKEN"]
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    # A proxy on this machine is also "the machine itself"; what it passes on carries one of these.
    if any(request.headers.get(name) for name in EXTERNAL):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


class Standing:
    """What the database says at the moment it is asked."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        well = GaugeMetricFamily("tian_database_up", "Whether the database answers")
        try:
            with db.engine.connect() as connection:
                found = list(_standing(connection))
            well.add_metric([], 1)
        except Exception:
            log.exception("metrics: database")
            found = []
            well.add_metric([], 0)
        return [well, *found]


def _standing(connection: Connection) -> Iterator[GaugeMetricFamily]:
    yield from _queue(connection, "tian_jobs", Job, "kind", Job.state.in_((*UNFINISHED, "failed")))
    yield from _queue(connection, "tian_notices", Notification, "channel", Notification.state.in_(("queued", "failed")))
    beats = GaugeMetricFamily(
        "tian_heartbeat_age_seconds", "Seconds since worker, beat and a task last showed life", labels=["service"]
    )
    for name, at in connection.execute(select(ServiceHeartbeat.name, ServiceHeartbeat.at)):
        beats.add_metric([name], _age(at))
    yield beats
    runs = GaugeMetricFamily("tian_last_success_timestamp_seconds", "When this last ended well", labels=["work"])
    done = select(Job.kind, func.max(Job.finished_at)).where(Job.kind.in_(NIGHTLY), Job.state == "done")
    for kind, ended in connection.execute(done.group_by(Job.kind)):
        runs.add_metric([kind], ended.timestamp() if ended else 0)
    scored = connection.scalar(select(func.max(ScoreRun.made_at)))
    if scored:
        runs.add_metric(["score_run"], scored.timestamp())
    yield runs
    count, oldest = connection.execute(
        select(func.count(), func.min(AuditEntry.at)).where(AuditEntry.batch.is_(None))
    ).one()
    yield GaugeMetricFamily("tian_audit_unsealed", "Audit entries that no batch protects yet", count)
    yield GaugeMetricFamily("tian_audit_unsealed_age_seconds", "Age of the oldest of them", _age(oldest))


def _queue(connection: Connection, name: str, model: Any, label: str, where: Any) -> Iterator[GaugeMetricFamily]:
    column = getattr(model, label)
    many = GaugeMetricFamily(name, "Rows that wait, run or failed", labels=[label, "state"])
    oldest = GaugeMetricFamily(f"{name}_oldest_seconds", "Age of the oldest of them", labels=[label, "state"])
    statement = select(column, model.state, func.count(), func.min(model.created_at)).where(where)
    for key, state, number, since in connection.execute(statement.group_by(column, model.state)):
        many.add_metric([key, state], number)
        if state != "failed":
            oldest.add_metric([key, state], _age(since))
    yield many
    yield oldest


def _age(at: Any) -> float:
    return max(0.0, (clock.now() - at).total_seconds()) if at else 0.0
