"""A task for tests of the broker: notes that it started, waits until it is told to go on, notes the end.

A worker that includes it shows more often that it lives, for whoever waits until it has done so again.
"""

import time
from pathlib import Path

from celery import shared_task
from flask import current_app

from app import celery_app

celery_app.HEARTBEAT_SECONDS = 1


@shared_task(name="tests.tasks.waiting.wait")
def wait(folder: str) -> None:
    place = Path(folder)
    (place / "started").write_text(current_app.name)
    while not (place / "go").exists():
        time.sleep(0.05)
    (place / "ended").touch()
