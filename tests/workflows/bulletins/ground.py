"""A region with something to report, and bulletins of it as far as they came."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app import clock
from app.models import Bulletin, Job
from app.reports.bulletin import document
from app.tasks import jobs as running
from app.transaction import transaction
from app.workflows.oversight import bulletins
from tests.factories import World

REGION = "980402000000"
PERIOD = "2026-02"


def begin(world: World, who: str = "inspector", **more: Any) -> Job:
    with transaction(world.session) as session:
        return bulletins.begin(session, world.actor(who), REGION, PERIOD, clock.now(), **more)


def run(app: Any, world: World, job: Job) -> Job:
    """As a worker does."""
    key = job.id
    with app.app_context():
        running.run(key)
    world.session.rollback()
    world.session.expire_all()
    return world.session.get(Job, key)


def drafted(app: Any, world: World, **more: Any) -> Bulletin:
    job = run(app, world, begin(world, **more))
    assert job.state == "done", job.error
    return world.session.scalars(select(Bulletin).order_by(Bulletin.id.desc())).first()


def checked(app: Any, world: World, **more: Any) -> Bulletin:
    row = drafted(app, world, **more)
    with transaction(world.session) as session:
        bulletins.check(session, world.actor("second"), row.id, clock.now())
    return row


def issued(app: Any, world: World, **more: Any) -> Bulletin:
    row = checked(app, world, **more)
    with transaction(world.session) as session:
        bulletins.issue(
            session, world.actor("region_admin"), row.id, clock.now(), None, document.named_units(row.figures)
        )
    return row
