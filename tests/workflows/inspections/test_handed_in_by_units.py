"""Governor checks, brake tests, 检测 and 自行检测 that units hand in and an officer approves."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import NotFound, Refusal
from app.models import Inspection
from tests.factories import World, make_policy
from tests.workflows.inspection_world import enter, inspecting
from tests.workflows.inspections.ground import D, days, decide, hand_in, held, set_up

pytestmark = [pytest.mark.feature("INS-01"), pytest.mark.usefixtures("folder")]


@pytest.mark.feature("INS-02")
def test_a_governor_report_counts_once_an_officer_approved_it(world: World) -> None:
    set_up(world)
    application = hand_in(world)
    row = world.session.get(Inspection, application.entity_id)
    assert row is not None
    assert (row.state, row.stands, row.next_on) == ("submitted", False, D(2028, 11, 10))
    assert days(world)[2] is None
    with pytest.raises(Refusal, match="已有办理中的检测、校验报告"):
        hand_in(world, number="XSQ-2")
    decide(world, application)
    assert days(world)[2] == D(2026, 11, 10)
    assert held(world).governor_due_on == D(2028, 11, 10)


@pytest.mark.feature("INS-02")
def test_a_brake_test_every_five_years_unless_policy_asks_for_none(world: World) -> None:
    set_up(world)
    decide(world, hand_in(world, "use_head", kind="brake", number="ZD-1"))
    assert (held(world).brake_on, held(world).brake_due_on) == (D(2026, 11, 10), D(2031, 11, 10))
    make_policy(world.session, "brake_months", None)
    world.session.commit()
    application = hand_in(world, kind="brake", number="ZD-2", done_on=D(2026, 11, 19))
    assert world.session.get(Inspection, application.entity_id).next_on is None


@pytest.mark.feature("INS-02")
@pytest.mark.parametrize(
    ("values", "word"),
    [({"kind": "periodic"}, "由检验单位登记"), ({"scan": False}, "没有上传报告"), ({"done_on": None}, "没有填写")],
)
def test_what_units_may_hand_in(world: World, values: dict[str, Any], word: str) -> None:
    with pytest.raises(Refusal, match=word):
        hand_in(world, **values)


@pytest.mark.feature("INS-02")
def test_a_rejected_report_moves_nothing_and_may_come_again(world: World) -> None:
    set_up(world)
    first = hand_in(world)
    decide(world, first, "reject", "看不清")
    assert world.session.get(Inspection, first.entity_id).state == "rejected"
    assert days(world)[2] is None
    decide(world, hand_in(world))
    assert days(world)[2] == D(2026, 11, 10)


@pytest.mark.feature("INS-02")
def test_a_stranger_hands_in_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        hand_in(world, "other_head")


@pytest.mark.feature("INS-02")
@pytest.mark.parametrize(
    ("category", "due", "brake"),
    [
        ("3110", D(2028, 11, 10), D(2031, 11, 10)), ("3210", D(2028, 11, 10), None), ("3310", None, None),
        ("3430", D(2031, 11, 10), None), ("3420", D(2028, 11, 10), D(2031, 11, 10)),
    ],
)
def test_by_kind_of_elevator(world: World, category: str, due: Any, brake: Any) -> None:
    set_up(world, category=category)
    who = inspecting(world)
    assert enter(world, who, kind="governor", number="g").next_on == due
    assert enter(world, who, kind="brake", number="b").next_on == brake


@pytest.mark.feature("INS-01")
@pytest.mark.parametrize("kind", ["test", "self_test"])
def test_both_answer_for_a_year_between_and_neither_for_one_of_inspection(world: World, kind: str) -> None:
    """安装监检合格 2023-11-15: year 1 (2024) and 4 (2027) are of 定期检验, 2 and 3 are not."""
    set_up(world, supervised_on=D(2023, 11, 15), commissioned_on=D(2023, 11, 15))
    who = inspecting(world)
    enter(world, who, number="D-1", done_on=D(2024, 11, 10))
    assert held(world).next_kind == "self_test"
    row = enter(world, who, kind=kind, number="J-2", done_on=D(2025, 11, 12))
    assert (row.next_on, row.next_kind) == (D(2026, 11, 30), "self_test")
    row = enter(world, who, kind=kind, number="J-3", done_on=D(2026, 11, 12))
    assert (row.next_on, row.next_kind) == (D(2027, 11, 30), "periodic")


@pytest.mark.feature("INS-01")
def test_a_unit_hands_in_its_own_self_test_and_an_officer_has_the_last_word(world: World) -> None:
    set_up(world, supervised_on=D(2024, 11, 15), commissioned_on=D(2024, 11, 15), next_inspection_on=D(2026, 11, 30))
    application = hand_in(world, "use_head", kind="self_test", number="ZJ-1", tested_by="澜州新禾物业服务有限公司")
    assert world.own.next_inspection_on == D(2026, 11, 30), "until then nothing moves"
    decide(world, application)
    row = world.session.get(Inspection, application.entity_id)
    assert (row.kind, row.stands, row.tested_by_id) == ("self_test", True, None)
    assert world.own.inspected_on == D(2026, 11, 10) and world.own.next_inspection_on == row.next_on
    with pytest.raises(Refusal, match="由检验单位登记"):
        hand_in(world, "use_head", kind="test", number="JC-1")
