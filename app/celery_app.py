"""Celery bound to the Flask application: a broker without a server by default, Redis when one is named.

No task is kept safe by the broker alone: with a broker of files, kill -9 loses what is running. Long work is a
row in `job` (see models/job.py); a message carries only its id, and the reaper sends stale ones again.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from celery import Celery, Task, signals
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from flask import Flask
from kombu import Queue
from sqlalchemy.orm import Session

from app import clock, done_again, file_broker, logs
from app.extensions import db
from app.tasks import MODULES
from app.workflows.core.jobs import show_service

log = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 10
# What must not wait behind exports and nights: a second worker listens to this queue alone, the first to both, so an
# installation without the second one works as before.
URGENT = "urgent"
QUEUES = ("celery", URGENT)
URGENT_TASKS = ("app.tasks.rescues.*", "app.tasks.outbox.*")

# Crontabs are Asia/Shanghai. The schedule file remembers the last run, so a night that the machine slept through
# is made up for at the next start. `expires` keeps a queue from filling while no worker runs.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "jobs-reap": {"task": "app.tasks.jobs.reap", "schedule": 10.0, "options": {"expires": 10}},
    "outbox-deliver": {"task": "app.tasks.outbox.deliver", "schedule": 10.0, "options": {"expires": 10}},
    "rescues-act": {"task": "app.tasks.rescues.act", "schedule": 10.0, "options": {"expires": 10}},
    "audit-seal": {"task": "app.tasks.audit.seal", "schedule": 30.0, "options": {"expires": 30}},
    "approval-reminders": {
        "task": "app.tasks.reminders.remind", "schedule": crontab(minute="*/10"), "options": {"expires": 600},
    },
    "decisions-tell": {"task": "app.tasks.reminders.tell_left", "schedule": 600.0, "options": {"expires": 600}},
    "heartbeat": {"task": "app.tasks.heartbeat.beat", "schedule": 30.0, "options": {"expires": 30}},
    "clocks-tell": {"task": "app.tasks.clocks.tell", "schedule": 600.0, "options": {"expires": 600}},
    "iot-silence": {"task": "app.tasks.iot.tell_silent", "schedule": 600.0, "options": {"expires": 600}},
    "audit-days": {"task": "app.tasks.audit.close_days", "schedule": crontab(minute="20")},
    "real-names": {"task": "app.tasks.real_names.check", "schedule": 30.0, "options": {"expires": 30}},
    "faces-compare": {"task": "app.tasks.faces.compare", "schedule": 30.0, "options": {"expires": 30}},
    "files-scan": {"task": "app.tasks.files.scan", "schedule": 60.0, "options": {"expires": 60}},
    "age-due": {"task": "app.tasks.nightly.age_due", "schedule": 180.0, "options": {"expires": 180}},
    "nightly-age": {"task": "app.tasks.nightly.age", "schedule": crontab(hour="0", minute="5")},
    "nightly-schedule": {"task": "app.tasks.nightly.schedule", "schedule": crontab(hour="0", minute="20")},
    "nightly-insurance": {"task": "app.tasks.insurance.compare", "schedule": crontab(hour="2", minute="40")},
    "nightly-provincial": {"task": "app.tasks.provincial.nightly", "schedule": crontab(hour="4", minute="10")},
    "nightly-retention": {"task": "app.tasks.nightly.retention", "schedule": crontab(hour="3", minute="40")},
    # Bytes that retention lets go are taken away once they have lain for two hours: a sweep before it, or sooner after
    # it, would leave them for a day more.
    "nightly-sweep": {"task": "app.tasks.housekeeping.sweep", "schedule": crontab(hour="6", minute="10")},
    "nightly-open-data": {"task": "app.tasks.open_data.publish", "schedule": crontab(hour="4", minute="20")},
    "morning-expiry": {"task": "app.tasks.nightly.expiry", "schedule": crontab(hour="8", minute="10")},
    "nightly-fraud": {"task": "app.tasks.fraud.look", "schedule": crontab(hour="2", minute="10")},
    "nightly-scores": {"task": "app.tasks.nightly.scores", "schedule": crontab(hour="1", minute="30")},
}


def make_celery(app: Flask) -> Celery:
    """Make the Celery application of `app` and let `shared_task` find it; `sending.install` keeps it."""

    class AppTask(Task):  # type: ignore[misc,type-arg]
        """Runs inside an application context of its own, and is done again at a deadlock, as a request is."""

        abstract = True

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with app.app_context():
                return done_again.done(lambda: self.run(*args, **kwargs))

    celery = Celery(app.name, task_cls=AppTask)
    celery.conf.update(
        timezone="Asia/Shanghai",
        enable_utc=True,
        imports=MODULES,
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        # Results that matter are in tables; a task that wants its return value kept says ignore_result=False.
        task_ignore_result=True,
        result_expires=24 * 3600,
        # A message is gone only when its work is; one at a time, so a long job never hoards others behind it.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # Nothing here asks a worker for anything: who could write to the queue could else shut it down, or revoke work.
        worker_enable_remote_control=False,
        task_queues=[Queue(name) for name in QUEUES],
        task_default_queue=QUEUES[0],
        task_routes={pattern: {"queue": URGENT} for pattern in URGENT_TASKS},
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        beat_scheduler=HeartbeatScheduler,
        beat_schedule=BEAT_SCHEDULE,
        # Beat asks the schedule at least this often, which is also how often it shows that it lives.
        beat_max_loop_interval=HEARTBEAT_SECONDS,
        **_transport(app),
    )
    celery.set_default()
    # Celery's own processes have no request and no application at hand: signals and the scheduler find it here.
    celery.flask_app = app
    return celery


def _transport(app: Flask) -> dict[str, Any]:
    """Broker and result settings: Redis (or another URL) when configured, else folders and a SQLite file."""
    queue = Path(app.config["DATA_DIR"]) / "queue"
    # Beat keeps its schedule there with any broker, as a pickle: who writes it runs what he likes.
    queue.mkdir(mode=0o700, parents=True, exist_ok=True)
    schedule = {"beat_schedule_filename": str(queue / "beat-schedule")}
    broker = app.config.get("CELERY_BROKER_URL")
    if broker:
        # An unacknowledged message comes back after this long, so it must outlast the longest task; jobs that
        # died earlier are found by their heartbeat, not by this.
        options = {"visibility_timeout": 6 * 3600, "socket_connect_timeout": 3} if broker.startswith("redis") else {}
        return {
            **schedule,
            "broker_url": broker,
            "result_backend": app.config.get("CELERY_RESULT_BACKEND") or broker,
            "broker_transport_options": options,
        }
    # In and out are one folder because web and worker are on one machine.
    messages, processed, control = (queue / name for name in ("messages", "processed", "control"))
    for folder in (messages, processed, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        **schedule,
        "broker_url": f"{file_broker.SCHEME}://",
        "result_backend": f"db+sqlite:///{queue / 'results.db'}",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "processed_folder": str(processed),
            "control_folder": control,
            "polling_interval": 0.5,
        },
    }


def show_life(app: Flask, name: str) -> None:
    """Write that `name` (worker, beat) lives now, in a transaction of its own."""
    with app.app_context(), Session(db.engine) as session, session.begin():
        show_service(session, name, clock.now())


def _show_life_or_log(app: Flask, name: str) -> None:
    """A database that is away for a moment must not end worker or beat; `/health` tells of the silence."""
    try:
        show_life(app, name)
    except Exception:
        app.logger.exception("heartbeat of %s was not written", name)


class HeartbeatScheduler(PersistentScheduler):  # type: ignore[misc]
    """Beat's schedule kept in a file; each turn of its loop proves that it is really scheduling."""

    _shown = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        wait: float = super().tick(*args, **kwargs)
        instant = clock.now().timestamp()
        if instant - self._shown >= HEARTBEAT_SECONDS / 2:
            self._shown = instant
            _show_life_or_log(self.app.flask_app, "beat")
        return wait


@signals.setup_logging.connect
def _logging(**_: Any) -> None:
    """Worker and beat write the same JSON lines as the web; connecting here keeps Celery from its own format."""
    logs.to_stderr("")


@signals.before_task_publish.connect
def _sent(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """The message carries the id of the request, or of the task, that sent it."""
    if headers is not None:
        headers["asked_by"] = logs.request_id()


@signals.task_prerun.connect
def _task_begins(task: Any = None, **_: Any) -> None:
    logs.begin_task(task.name, str(task.request.get("asked_by") or ""))


@signals.task_postrun.connect
def _task_ends(**_: Any) -> None:
    logs.end_task()


_worker_stops = threading.Event()


@signals.worker_ready.connect
def _worker_ready(sender: Any = None, **_: Any) -> None:
    """A thread of the worker's parent: tasks may keep every child busy for long, and the worker still lives."""
    app: Flask = sender.app.flask_app
    name = URGENT if {*sender.app.amqp.queues.consume_from} == {URGENT} else "worker"

    def show() -> None:
        while True:
            _show_life_or_log(app, name)
            if _worker_stops.wait(HEARTBEAT_SECONDS):
                return

    threading.Thread(target=show, name="heartbeat", daemon=True).start()


@signals.worker_shutting_down.connect
def _worker_shutting_down(**_: Any) -> None:
    _worker_stops.set()


@signals.worker_process_init.connect
def _worker_process_init(**_: Any) -> None:
    """A forked child must never use its parent's connections, nor close them under it."""
    from celery import current_app

    with current_app.flask_app.app_context():
        db.engine.dispose(close=False)
