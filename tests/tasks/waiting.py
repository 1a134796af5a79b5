"""A task for tests of the broker: notes that it started, waits until it is told to go on, notes the end."""

import time
from pathlib import Path

from celery import shared_task
from flask import current_app


@shared_task(name="tests.tasks.waiting.wait")
def wait(folder: str) -> None:
    place = Path(folder)
    (place / "started").write_text(current_app.name)
    while not (place / "go").exists():
        time.sleep(0.05)
    (place / "ended").touch()
