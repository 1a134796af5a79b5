"""APL-01: who appeals against what, until when, who decides, and what stays as it was."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from app import scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Appeal,
    Application,
    Notification,
    OverduePeriod,
    Score,
    Visit,
)
from app.permissions import Role
from app.rules.score_items import Item
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.maintenance import overdue
from app.workflows.oversight import appeals
from app.workflows.public import complaints
from tests.factories import World, make_account
from tests.reference.items import Called, Trapped
from tests.workflows.appeals.ground import DAY, DECIDED, MADE, H, appeal, decide, do, item_lines, missed
from tests.workflows.clock_world import at, day
from tests.workflows.item_world import MINUTE, NOON, put_rescue, scored_firm
from tests.workflows.score_world import put_overdue

pytestmark = pytest.mark.feature("APL-01")


def test_rejected_with_a_reason_and_never_reopened(long: World) -> None:
    late = missed(long)
    made = appeal(long, f"overdue_period-{late.id}")
    with pytest.raises(Refusal):
        decide(long, made, "reject", said="")
    decide(long, made, "reject", said="没有证明")
    asked = long.session.scalars(select(Appeal)).one()
    assert asked.state == "rejected" and asked.in_force_from is None and asked.figures is None
    assert not long.session.get(OverduePeriod, late.id).withdrawn
    told = long.session.scalars(select(Notification.body).where(Notification.topic == "decision")).all()
    assert any("没有证明" in str(body) for body in told)
    with pytest.raises(Refusal, match="已有决定，不再受理"):
        appeal(long, f"overdue_period-{late.id}", when=MADE + 10 * DAY)
    with pytest.raises(Refusal):
        do(long, "maintenance_head", applications.withdraw, made.id, DECIDED)


def test_one_open_appeal_for_a_record_and_another_after_it_was_taken_back(long: World) -> None:
    late = missed(long)
    made = appeal(long, f"overdue_period-{late.id}")
    with pytest.raises(Refusal, match="一条记录只能申诉一次"):
        appeal(long, f"overdue_period-{late.id}", "clerk")
    do(long, "maintenance_head", applications.withdraw, made.id, MADE + H)
    assert long.session.scalars(select(Appeal)).one().state == "withdrawn"
    again = appeal(long, f"overdue_period-{late.id}", when=MADE + 2 * H)
    assert again.number != made.number and long.session.scalar(select(func.count()).select_from(Appeal)) == 2


def test_the_time_to_appeal_is_policy_and_ends_on_the_second(world: World) -> None:
    with transaction(world.session):
        row = put_overdue(world.session, world.own, world.firm, day("2026-03-10"))  # known since 03-11
    until = at(day("2026-04-11"), 0)  # thirty days after, to the end of 04-10
    key = f"overdue_period-{row.id}"
    with pytest.raises(Refusal, match="已过申诉期限"):
        appeal(world, key, when=until)
    offered = appeals.offered(world.session, world.actor("clerk"), "overdue_period", row.id, until - H)
    assert offered.link == f"/appeals/new?about={key}"
    assert not appeals.offered(world.session, world.actor("clerk"), "overdue_period", row.id, until).link
    made = appeal(world, key, when=until - dt.timedelta(seconds=1))
    # What was in time when it was made is not late because the officer took his time.
    assert not [f for f in applications.checks(world.session, made, until + 30 * DAY) if f.stops]


def test_who_may_appeal_and_against_what(long: World) -> None:
    late, fine = missed(long), long.session.scalars(select(Visit).order_by(Visit.id)).first()
    assert fine is not None
    for who in ("inspector", "worker", "safety_officer"):
        with pytest.raises(NotAllowed):
            appeal(long, f"overdue_period-{late.id}", who)
    with pytest.raises(Refusal, match="没有找到"):
        appeal(long, f"overdue_period-{late.id}", "other_head")
    # The use unit sees it, and it is not held against it.
    with pytest.raises(NotAllowed, match="不是本单位的"):
        appeal(long, f"visit-{fine.id}", "use_head")
    with pytest.raises(Refusal, match="只能对不合规、无效、异常和标签照片核对不通过的记录申诉"):
        appeal(long, f"visit-{fine.id}")
    with pytest.raises(Refusal, match="这类记录不能申诉"):
        appeal(long, f"elevator-{long.own.id}")
    with pytest.raises(Refusal, match="申诉理由"):
        appeal(long, f"overdue_period-{late.id}", grounds="　")
    assert long.session.scalar(select(func.count()).select_from(Appeal)) == 0


def test_it_waits_in_the_queue_with_a_limit_of_its_own(long: World) -> None:
    late = missed(long)
    made = appeal(long, f"overdue_period-{late.id}")
    # 20 working days by the register's policy, not the five of other applications.
    assert made.kind == "appeal" and made.due_at == at(day("2026-08-18"), 0)
    assert applications.next_waiting(long.session, long.actor("inspector")) is not None
    for stranger in ("other_inspector", "other_head", "use_head"):
        with pytest.raises(NotFound):
            scope.visible(long.session, long.actor(stranger), Application, made.id, "")
        assert long.session.scalar(scope.apply(select(Appeal.id), long.actor(stranger), Appeal)) is None
    with pytest.raises(NotFound):
        decide(long, made, who="other_inspector")


def test_returned_for_more_it_comes_back_mended(long: World) -> None:
    late = missed(long)
    made = appeal(long, f"overdue_period-{late.id}")
    decide(long, made, "return", said="请附网络中断的证明")
    assert long.session.scalars(select(Appeal)).one().state == "returned"
    with transaction(long.session):
        applications.resubmit(
            long.session, long.actor("maintenance_head"), made.id, effective_on=None, reason="附运营商证明",
            attachments=(), at=DECIDED + H,
        )  # fmt: skip
    row = long.session.scalars(select(Appeal)).one()
    assert row.state == "submitted" and row.grounds == "附运营商证明"


def test_what_was_corrected_meanwhile_is_not_upheld(long: World) -> None:
    late = missed(long)
    made = appeal(long, f"overdue_period-{late.id}")
    with transaction(long.session):
        overdue.withdraw(
            long.session, [long.session.get(OverduePeriod, late.id)], long.actor("inspector"), "资料后到", MADE + H
        )
    with pytest.raises(Refusal, match="已更正，不再计入"):
        decide(long, made)
    assert decide(long, made, "reject", said="已自动更正").state == "rejected"


def test_an_open_complaint_is_not_appealed_against(long: World) -> None:
    form = {"name": "顾以宁", "phone": "13900001111", "body": "三楼抖动"}
    with transaction(long.session):
        row = complaints.complain(long.session, long.own, form, ["shaking"], (), MADE - 48 * H, None)
    with pytest.raises(Refusal, match="请在办结后申诉"):
        appeal(long, f"complaint-{row.id}")


def test_a_regulator_who_closed_the_complaint_does_not_decide(long: World) -> None:
    form = {"name": "顾以宁", "phone": "13900001111", "body": "三楼抖动"}
    start = at(day("2026-05-01"), 9)
    with transaction(long.session):
        row = complaints.complain(long.session, long.own, form, ["shaking"], (), start, None)
    do(long, "inspector", complaints.close, row.id, "长期没有接单", False, start + 48 * H)
    made = appeal(long, f"complaint-{row.id}")
    with pytest.raises(NotAllowed, match="作出记录的人员"):
        decide(long, made)
    long.accounts["second"] = make_account(long.session, Role.INSPECTOR, region_code="980402000000")
    long.session.commit()
    assert decide(long, made, who="second").state == "approved"


def test_two_at_once_make_one(long: World) -> None:
    """The partial unique index decides where both found none."""
    late = missed(long)
    with transaction(long.session):
        row = Appeal(
            unit_id=long.firm.id, region_code=long.own.region_code, entity="overdue_period", entity_id=late.id,
            happened_on=late.limit_on, said="x", grounds="y", state="submitted",
        )  # fmt: skip
        long.session.add(row)
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), transaction(long.session):
        long.session.add(Appeal(
            unit_id=long.firm.id, region_code=long.own.region_code, entity="overdue_period", entity_id=late.id,
            happened_on=late.limit_on, said="x", grounds="y", state="draft",
        ))  # fmt: skip


@pytest.mark.feature("SCO-05")
def test_how_often_people_were_shut_in_is_no_judgement_to_appeal_against(world: World) -> None:
    scored_firm(world.session, world)
    row = world.session.get(Score, world.score)
    line = next(iter(item_lines(world, row, Item.FAULT)))
    with pytest.raises(Refusal, match="不能单独申诉"):
        appeal(world, f"score_entry-{line.id}")


@pytest.mark.feature("SCO-02")
def test_a_rescue_is_appealed_against_when_it_has_ended_and_was_late(world: World) -> None:
    with transaction(world.session):
        call = Called("A", 1, NOON, NOON + MINUTE, NOON + 5 * MINUTE, NOON + 9 * MINUTE)
        timely = Trapped("A", world.own.id, NOON, (call,), NOON + H, "entrapment", "door_operator")
        row = put_rescue(world.session, world.own, timely, {"A": world.firm})
        row.done_at, row.accepted_at, row.arrived_at = NOON + 9 * MINUTE, NOON + MINUTE, NOON + 5 * MINUTE
        row.dispatched_at = NOON
    with pytest.raises(Refusal, match="没有计为不及时"):
        appeal(world, f"rescue-{row.id}", when=NOON + DAY)
