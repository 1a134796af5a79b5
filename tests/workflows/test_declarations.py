"""PER-06: a person's declaration with its scan goes to the regulator; only what he approved counts at a check-in."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import NotAllowed, Refusal
from app.models import Application, Declaration
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.files import attachments
from app.workflows.on_site import presence
from app.workflows.papers import declarations
from tests.factories import World, make_policy

pytestmark = [pytest.mark.feature("PER-06"), pytest.mark.usefixtures("folder")]
NOW = dt.datetime(2026, 3, 20, 10, tzinfo=clock.SHANGHAI)
TODAY = NOW.date()
UNTIL = dt.date(2027, 3, 19)


def submit(world: World, who: str = "clerk", person: Any = None, scan: bool = True, **more: Any) -> Application:
    values = {"signed_on": TODAY, "valid_until": UNTIL, "note": ""} | more
    person = person or world.worker
    with transaction(world.session):
        scans = [
            attachments.store(
                world.session, world.actor(who), NOW, io.BytesIO(b"%PDF-1.7"), "声明.pdf", "declaration",
                "application", None, world.firm.id, world.firm.region_code,
            ).id
        ] if scan else []  # fmt: skip
        return declarations.submit(world.session, world.actor(who), person.id, scans=scans, at=NOW, **values)


def decide(world: World, application: Application, verb: str = "approve", opinion: str = "材料齐全") -> None:
    with transaction(world.session):
        version = application.row_version
        applications.decide(world.session, world.actor("inspector"), application.id, verb, opinion, version, NOW)
    world.session.refresh(world.worker)


def rules(world: World, at: dt.datetime = NOW) -> dict[str, str]:
    """What of the worker's declaration a check-in would meet, with its level."""
    _found, told = presence.gate(world.session, world.actor("worker"), world.own.code, presence.Position(), at)
    return {f.rule: "ok" if f.ok else f.level for f in told if "自我声明" in f.rule}


@pytest.mark.parametrize("who", ["clerk", "worker"])
def test_it_counts_once_approved_whoever_of_the_two_handed_it_in(world: World, who: str) -> None:
    application = submit(world, who)
    row = world.session.get(Declaration, application.entity_id)
    assert (row.state, world.worker.declaration_until, application.number[:2]) == ("submitted", None, "SM")
    decide(world, application)
    assert (row.state, row.in_force_from, world.worker.declaration_until) == ("approved", NOW, UNTIL)


def test_the_policy_says_whether_it_is_asked_for_warned_of_or_stops(world: World) -> None:
    assert rules(world) == {}
    make_policy(world.session, "declaration_gate", "warn", on=TODAY)
    assert rules(world) == {"没有自我声明承诺书": "warn"}
    make_policy(world.session, "declaration_gate", "block", on=TODAY + dt.timedelta(days=1))
    tomorrow = NOW + dt.timedelta(days=1)
    assert rules(world, tomorrow) == {"没有自我声明承诺书": "fail"}
    application = submit(world)
    assert rules(world, tomorrow) == {"没有自我声明承诺书": "fail"}
    decide(world, application)
    assert rules(world, tomorrow) == {"自我声明承诺书": "ok"}
    over = dt.datetime.combine(UNTIL + dt.timedelta(days=1), dt.time(9), clock.SHANGHAI)
    assert rules(world, over) == {"自我声明承诺书已过期": "fail"}


def test_shenzhen_warns_and_the_other_platforms_do_not_ask(world: World) -> None:
    for preset, found in (("shenzhen", {"没有自我声明承诺书": "warn"}), ("huzhou", {}), ("xinxiang", {})):
        make_policy(world.session, "preset", preset, on=TODAY)
        world.session.info.clear()
        assert rules(world) == found, preset
        world.session.rollback()


def test_older_ones_stay_as_history_and_a_shorter_one_takes_nothing_away(world: World) -> None:
    decide(world, submit(world))
    decide(world, submit(world, valid_until=dt.date(2026, 12, 31)))
    decide(world, submit(world, valid_until=dt.date(2028, 3, 1)), "reject", "签名不清")
    assert world.worker.declaration_until == UNTIL
    states = world.session.scalars(select(Declaration.state).order_by(Declaration.id)).all()
    assert states == ["approved", "approved", "rejected"]


def test_what_waits_allows_no_second_and_what_was_returned_comes_back(world: World) -> None:
    first = submit(world)
    with pytest.raises(Refusal, match="已有办理中的自我声明承诺书"):
        submit(world)
    decide(world, first, "return", "请补签名页")
    with transaction(world.session):
        applications.resubmit(
            world.session, world.actor("clerk"), first.id, effective_on=None, reason=None,
            attachments=first.data["attachments"], at=NOW,
        )  # fmt: skip
    decide(world, first)
    assert world.worker.declaration_until == UNTIL


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scan": False}, "没有上传签署后的"), ({"signed_on": None}, "没有填写"), ({"valid_until": None}, "没有填写"),
        ({"signed_on": TODAY + dt.timedelta(days=1)}, "在今天之后"), ({"valid_until": TODAY}, "不晚于签署日期"),
        ({"signed_on": dt.date(2020, 1, 1), "valid_until": dt.date(2026, 3, 19)}, "请重新签署"),
        ({"valid_until": dt.date(2037, 1, 1)}, "超过 10 年"), ({"note": "字" * 501}, "最多 500"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_way_out(world: World, change: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        submit(world, **change)


def test_nobody_declares_for_others_and_no_officer_for_a_unit(world: World) -> None:
    with pytest.raises(NotAllowed):
        submit(world, "other_worker")
    with pytest.raises(Refusal):
        submit(world, "other_head")
    with pytest.raises(NotAllowed):
        submit(world, "safety_officer")
    world.worker.left_on = TODAY
    world.session.commit()
    with pytest.raises(Refusal, match="不是本单位在职人员"):
        submit(world)


def test_who_has_left_meanwhile_is_not_approved(world: World) -> None:
    application = submit(world)
    world.worker.left_on = TODAY
    world.session.commit()
    with pytest.raises(Refusal, match="已不在申请单位"):
        decide(world, application)
