"""The provincial register of these tests, a process of its own, and what its runs find."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import clock
from app.channels.provincial import Client
from app.commands.provincial import item_of
from app.models import Elevator, Job, ProvincialDifference, ProvincialItem
from app.tasks import jobs as work
from app.transaction import transaction
from app.workflows.partners import provincial
from tests.factories import World

DISTRICT = "980402000000"


@contextmanager
def simulator(
    folder: Path, items: list[Any], *switches: str, secret: str = "secret", **client: Any
) -> Iterator[Client]:  # fmt: skip
    """A register in a process of its own, and who speaks to it."""
    file = folder / "register.json"
    file.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-m", "app.commands.provincial_simulator", "--data", str(file), *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0].partition("=")[2]
            slept: list[float] = []
            found = Client(url, "tian", secret, client.pop("timeout", 5.0), sleep=slept.append, **client)
            found.slept = slept  # type: ignore[attr-defined]
            yield found
        finally:
            process.kill()


APP: list[Any] = []


def run_job(job: int) -> str:
    """As the worker does it."""
    with APP[0].app_context():
        return work.run(job)


def item(world: World, row: Elevator | None = None, **more: Any) -> dict[str, Any]:
    return item_of(row or world.own) | more


def begin(world: World, text: str, persona: str = "clerk") -> int:
    with transaction(world.session) as session:
        run = provincial.begin(session, world.actor(persona), text, clock.now())
        key, job = run.id, run.job_id
    assert job is not None
    return worked_off(world, key, job)


def worked_off(world: World, key: int, job: int) -> int:
    said = run_job(job)
    world.session.rollback()
    world.session.expire_all()
    held = world.session.get(Job, job)
    assert said == "done", held and held.error
    return key


def outcomes(world: World, run: int) -> dict[str, str]:
    world.session.rollback()
    world.session.expire_all()
    rows = world.session.scalars(select(ProvincialItem).where(ProvincialItem.run_id == run))
    return {row.code: row.outcome for row in rows}


def difference(world: World) -> ProvincialDifference:
    world.session.rollback()
    world.session.expire_all()
    statement = select(ProvincialDifference).where(ProvincialDifference.settled_at.is_(None))
    return world.session.scalars(statement.execution_options(skip_scope=True)).one()
