"""What a committed deed sends to the queue. Celery is loaded with the first message: a start need not wait for it."""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import Flask
from werkzeug.local import LocalProxy

from app.workflows.core.jobs import job_queued
from app.workflows.core.outbox import someone_waits

log = logging.getLogger(__name__)
# Whoever sends from a page never waits for a broker that is away: one more try, and no result is listened for (which
# would itself ask the broker, again and again).
SENDING: dict[str, Any] = {"ignore_result": True, "retry_policy": {"max_retries": 1, "interval_start": 0}}


def install(app: Flask) -> None:
    """Keep the Celery application of `app` in `app.extensions["celery"]`, made when it is first asked for anything."""
    making = threading.Lock()
    made: list[Any] = []

    def celery() -> Any:
        with making:
            if not made:
                from app import celery_app

                made.append(celery_app.make_celery(app))
        return made[0]

    app.extensions["celery"] = _Latest.celery = LocalProxy(celery)


class _Latest:
    """Who is told of a commit has no application at hand: there is one a process (of several in tests, the last)."""

    celery: Any = None


@job_queued.connect
def _send_job(job_id: int) -> None:
    """Send a committed job's id. A broker that is away loses nothing: the reaper sends the id again."""
    try:
        _Latest.celery.send_task("app.tasks.jobs.run_job", args=[job_id], **SENDING)
    except Exception:
        log.exception("job %s was not sent; the reaper will", job_id)
    else:
        log.info("job %s sent", job_id)


@someone_waits.connect
def _deliver_now(_sender: object = None) -> None:
    """Have the outbox delivered at once. A broker that is away loses nothing: beat has it delivered anyway."""
    try:
        _Latest.celery.send_task("app.tasks.outbox.deliver", expires=10, **SENDING)
    except Exception:
        log.exception("the outbox was not told; its next turn delivers")
