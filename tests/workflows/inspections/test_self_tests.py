"""Self-tests beside a 定期检验 that only the register knows of, and for what failed."""

from __future__ import annotations

from typing import Any

import pytest

from app import scope
from app.errors import Refusal
from app.models import Inspection
from app.transaction import transaction
from app.workflows.inspection import inspection_clocks, inspections
from tests.factories import World
from tests.workflows.inspection_world import AT, TODAY, enter, entry, inspecting
from tests.workflows.inspections.ground import D, days, decide, hand_in, held, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


def known_from_the_register(world: World, **values: Any) -> None:
    """安装监检合格 2021-05-14: 2025 is a year of 定期检验, 2026 is none; no record tells of any."""
    set_up(world, **(
        {"supervised_on": D(2021, 5, 14), "commissioned_on": D(2021, 6, 1), "next_inspection_on": D(2025, 5, 31)}
        | values
    ))  # fmt: skip
    inspection_clocks.refresh_all(world.session, AT)


def own_test(world: World, **values: Any) -> Inspection:
    """A 自行检测 of June 2026 that the use unit handed in and an officer approved."""
    given = {"kind": "self_test", "number": "ZJ-1", "done_on": D(2026, 6, 10), "tested_by": "物业"} | values
    application = hand_in(world, "use_head", **given)
    decide(world, application)
    row = world.session.get(Inspection, application.entity_id)
    assert row is not None
    return row


@pytest.mark.parametrize("first", [{}, {"supervised_on": None, "commissioned_on": None}])
def test_no_self_test_clears_an_overdue_inspection_known_from_the_register_alone(
    world: World, first: dict[str, Any]
) -> None:
    known_from_the_register(world, **first)
    for number, on in (("ZJ-1", D(2026, 6, 10)), ("ZJ-2", D(2026, 11, 10))):
        row = own_test(world, number=number, done_on=on)
        assert (row.next_on, row.next_kind) == (D(2025, 5, 31), "periodic")
        assert days(world)[:2] == (on, D(2025, 5, 31))
        assert held(world).next_kind == "periodic"
    who = inspecting(world)
    row = enter(world, who, kind="test", number="JC-3", done_on=D(2026, 11, 11))
    assert (row.next_on, row.next_kind) == (D(2025, 5, 31), "periodic")
    row = enter(world, who, number="DJ-1", done_on=D(2026, 11, 12))
    assert days(world)[:2] == (D(2026, 11, 12), row.next_on) and row.next_on > TODAY


def test_a_self_test_that_was_due_by_the_register_moves_its_day(world: World) -> None:
    known_from_the_register(world, next_inspection_on=D(2026, 5, 31))
    assert held(world).next_kind == "self_test"
    row = own_test(world)
    assert (row.next_on, row.next_kind, days(world)[1]) == (D(2027, 5, 31), "self_test", D(2027, 5, 31))


def test_a_shortened_day_of_inspection_is_not_put_off_by_a_self_test(world: World) -> None:
    """Older than fifteen years: a 定期检验 each year. What set the day does not answer for it, however near."""
    known_from_the_register(world, supervised_on=D(2005, 5, 14), commissioned_on=D(2005, 6, 1))
    enter(world, inspecting(world), number="DJ-1", done_on=D(2026, 9, 1), next_on=D(2026, 11, 15), next_reason="隐患")
    row = own_test(world, done_on=D(2026, 11, 12))
    assert (row.next_on, row.next_kind, days(world)[1]) == (D(2026, 11, 15), "periodic", D(2026, 11, 15))


def test_between_handing_in_and_approval_the_inspection_was_done(world: World) -> None:
    known_from_the_register(world)
    application = hand_in(
        world, "use_head", kind="self_test", number="ZJ-1", done_on=D(2026, 6, 10), tested_by="物业"
    )
    assert world.session.get(Inspection, application.entity_id).next_on == D(2025, 5, 31)
    enter(world, inspecting(world), number="DJ-1", done_on=D(2026, 5, 20))
    decide(world, application)
    assert days(world)[:2] == (D(2026, 6, 10), D(2027, 5, 31))


def test_an_inspection_that_was_a_self_test_leaves_the_day_as_it_was(world: World) -> None:
    known_from_the_register(world)
    who = inspecting(world)
    row = enter(world, who, number="J-1", done_on=D(2026, 6, 10))
    assert days(world)[1] == D(2027, 5, 31)
    with scope.acting(who), transaction(world.session):
        given = entry(kind="test", number="J-1", done_on=D(2026, 6, 10))
        inspections.correct(world.session, who, row.id, given, "类型写错", AT)
    assert days(world)[:2] == (D(2026, 6, 10), D(2025, 5, 31))
    assert held(world).next_kind == "periodic"


@pytest.mark.parametrize(("failed", "again"), [("self_test", "test"), ("test", "self_test"), ("test", "test")])
def test_what_failed_as_one_is_answered_for_by_the_other(world: World, failed: str, again: str) -> None:
    """检测 of bodies stands as 自行检测 in records of old."""
    set_up(world)
    who = inspecting(world)
    first = enter(world, who, kind=failed, number="J-1", result="failed", failed_items="主机渗油")
    assert held(world).failed_id == first.id
    given = {"kind": again, "number": "J-2", "done_on": D(2026, 11, 15), "result": "passed_again"}
    assert enter(world, who, **given).result == "passed_again"
    assert held(world).failed_id is None


@pytest.mark.parametrize("kind", ["test", "self_test"])
def test_neither_answers_for_a_failed_inspection(world: World, kind: str) -> None:
    set_up(world)
    who = inspecting(world)
    enter(world, who, result="failed", failed_items="主机渗油")
    with pytest.raises(Refusal, match="没有待复检的不合格记录"):
        enter(world, who, kind=kind, number="J-2", done_on=D(2026, 11, 15), result="passed_again")
