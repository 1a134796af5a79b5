"""UNT-08: a letter with its scan goes to the regulator; only what he approved is in force, and only for its time."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, Refusal
from app.listing import Moment
from app.listings.commitments import COMMITMENTS
from app.models import Application, Commitment
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.papers import commitments
from tests.factories import World

pytestmark = [pytest.mark.feature("UNT-08"), pytest.mark.usefixtures("folder")]
NOW = dt.datetime(2026, 3, 20, 10, tzinfo=clock.SHANGHAI)
FROM, UNTIL = dt.date(2026, 1, 1), dt.date(2026, 12, 31)


def submit(world: World, who: str = "clerk", scan: bool = True, **more: Any) -> Application:
    values = {"valid_from": FROM, "valid_until": UNTIL, "note": ""} | more
    with transaction(world.session):
        scans = [
            attachments.store(
                world.session, world.actor(who), NOW, io.BytesIO(b"%PDF-1.7"), "承诺书.pdf", "commitment",
                "application", None, world.firm.id, world.firm.region_code,
            ).id
        ] if scan else []  # fmt: skip
        return commitments.submit(world.session, world.actor(who), scans=scans, pictures=[], at=NOW, **values)


def decide(world: World, application: Application, verb: str, opinion: str = "材料齐全") -> None:
    with transaction(world.session):
        version = application.row_version
        applications.decide(world.session, world.actor("inspector"), application.id, verb, opinion, version, NOW)


def letter(world: World, application: Application) -> Commitment:
    return world.session.get(Commitment, application.entity_id)


def in_force(world: World, day: dt.date) -> bool:
    """As the list shows it under 有效."""
    held = next(tab.criterion for tab in COMMITMENTS.tabs if tab.key == "held")
    judged = held(Moment(world.session, world.actor("clerk"), day, NOW))
    own = select(Commitment.id).where(Commitment.unit_id == world.firm.id, judged)
    return world.session.scalar(own) is not None


def test_it_is_in_force_once_approved_and_within_its_time(world: World) -> None:
    application = submit(world)
    assert not in_force(world, FROM)
    decide(world, application, "approve")
    row = letter(world, application)
    assert (row.state, row.in_force_from) == ("approved", NOW)
    for day, held in ((FROM, True), (UNTIL, True), (UNTIL + dt.timedelta(1), False), (FROM - dt.timedelta(1), False)):
        assert in_force(world, day) is held


def test_a_rejected_one_is_history_and_another_may_be_handed_in(world: World) -> None:
    first = submit(world)
    with pytest.raises(Refusal, match="已有办理中的维保承诺书"):
        submit(world)
    decide(world, first, "reject", "印章不清")
    assert letter(world, first).state == "rejected"
    second = submit(world, valid_until=dt.date(2027, 12, 31))
    decide(world, second, "approve")
    assert [c.state for c in world.session.query(Commitment).order_by(Commitment.id)] == ["rejected", "approved"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"scan": False}, "没有上传盖章的承诺书"), ({"valid_until": dt.date(2025, 12, 31)}, "截止日不能早于"),
        ({"valid_from": dt.date(2025, 1, 1), "valid_until": dt.date(2026, 3, 19)}, "已过"),
        ({"valid_until": dt.date(2029, 1, 1)}, "超过 3 年"), ({"valid_from": None}, "没有填写"),
        ({"note": "长" * 501}, "501 个字"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(world: World, change: dict[str, Any], word: str) -> None:
    with pytest.raises(Refusal, match=word):
        submit(world, **change)
    assert world.session.query(Commitment).count() == 0


def test_three_years_to_the_day_are_allowed(world: World) -> None:
    assert submit(world, valid_until=dt.date(2028, 12, 31))


@pytest.mark.parametrize("persona", ["use_head", "worker", "inspector", "platform_admin"])
def test_only_a_maintenance_units_office_hands_one_in(world: World, persona: str) -> None:
    with pytest.raises(NotAllowed), transaction(world.session):
        commitments.submit(world.session, world.actor(persona), FROM, UNTIL, "", [1], [], NOW)


def test_a_scan_that_waits_for_the_scanner_is_not_approved(world: World) -> None:
    application = submit(world)
    for file in attachments.of(world.session, "application", application.id):
        file.scan = "waiting"
    world.session.commit()
    with pytest.raises(Refusal, match="不能打开"):
        decide(world, application, "approve")
