"""APL-01: who appeals against what, until when, who decides, what an upheld appeal moves and what stays as it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    Appeal,
    Application,
    Complaint,
    Enforcement,
    Job,
    Notification,
    OverdueCorrection,
    OverduePeriod,
    Score,
    ScoreEntry,
    ScoreRun,
    StatusChange,
    Visit,
)
from app.models.score import lines_of
from app.permissions import Role
from app.rules.other_scores import Outcome
from app.rules.score_items import OTHERS, Item
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.maintenance import clocks, overdue
from app.workflows.oversight import appeals, enforcement
from app.workflows.oversight.enforcement import Entry
from app.workflows.public import complaints
from app.workflows.visits import visit_state
from tests.factories import World, make_account, make_contract, make_policy
from tests.reference.items import Called, Trapped
from tests.workflows.clock_world import add_visit, at, clock_of, day, limits, run, visit
from tests.workflows.item_world import MINUTE, NOON, put_rescue, scored_firm
from tests.workflows.score_world import put_overdue, put_visit, score

pytestmark = pytest.mark.feature("APL-01")
FROM, TO = "2026-01-01", "2026-06-30"
MADE = at(day("2026-07-20"), 9)
DECIDED = at(day("2026-07-24"), 9)
LATER = at(day("2026-08-01"), 9)
H, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def long(world: World) -> World:
    """Half a year of one elevator: ten services due and more, all in time but for what a test adds."""
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
        for number in range(0, 170, 15):
            put_visit(world.session, world.own, world.firm, world.worker, day("2026-01-05") + number * DAY)
    return world


def do(world: World, who: str, deed: Callable[..., Any], *given: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), *given)


def appeal(
    world: World, key: str, who: str = "maintenance_head", grounds: str = "当天网络中断", when: dt.datetime = MADE
) -> Any:
    return do(world, who, appeals.submit, key, grounds, (), when)


def decide(
    world: World, made: Application, verb: str = "approve", who: str = "inspector", said: str = "情况属实"
) -> Any:
    made = world.session.get(Application, made.id)
    return do(world, who, applications.decide, made.id, verb, said, made.row_version, DECIDED)


def figures(world: World, as_of: dt.datetime) -> Score:
    run = score(world.session, FROM, TO, as_of, LATER, region="980402000000")
    world.session.expire_all()
    found = select(Score).where(Score.run_id == run.id, Score.unit_id == world.firm.id)
    return world.session.scalars(found).one()


def points(row: Score) -> Fraction:
    """Exactly, by its ledger."""
    assert row.points is not None
    return Fraction(16) - sum((Fraction(int(e.numerator), int(e.denominator)) for e in lines(row)), Fraction(0))


def lines(row: Score) -> list[ScoreEntry]:
    from sqlalchemy import inspect

    session = inspect(row).session
    assert session is not None
    return list(session.scalars(select(ScoreEntry).where(lines_of(row.id, Item.MAINTENANCE)).order_by(ScoreEntry.id)))


def nonconforming(world: World) -> Visit:
    with transaction(world.session):
        return add_visit(
            world.session, world.own, world.worker, day("2026-03-01"), state="nonconforming",
            settled_at=at(day("2026-03-17")), review_due_at=at(day("2026-03-17"), 0),
        )  # fmt: skip


def missed(world: World, on: str = "2026-04-10") -> OverduePeriod:
    with transaction(world.session):
        return put_overdue(world.session, world.own, world.firm, day(on))


def late_complaint(world: World) -> Complaint:
    """Accepted a day late, and closed."""
    form = {"name": "顾以宁", "phone": "13900001111", "body": "三楼抖动"}
    start = at(day("2026-05-01"), 9)
    with transaction(world.session):
        row = complaints.complain(world.session, world.own, form, ["shaking"], (), start, None)
    do(world, "worker", complaints.accept, row.id, start + 48 * H)
    do(world, "worker", complaints.handle, row.id, "已更换导靴", start + 50 * H)
    return do(world, "safety_officer", complaints.review, row.id, True, "", start + 51 * H)


def talk(world: World, who: str = "inspector") -> Enforcement:
    given = Entry("talk", day("2026-05-06"), "三月以来多次超期", "十日内补做", reply_days=10)
    row = do(world, who, enforcement.draw_up, world.firm.id, given, at(day("2026-05-06"), 9))
    return do(world, who, enforcement.issue, row.id, at(day("2026-05-06"), 10))


# --- what an upheld appeal moves, exactly


@pytest.mark.parametrize("kind", ["visit", "overdue_period"])
def test_an_upheld_appeal_moves_the_score_exactly_by_the_row_and_not_before_the_decision(
    long: World, kind: str
) -> None:
    # Two failures, one of each kind: one is appealed against, the other stays.
    visit, late = nonconforming(long), missed(long)
    with transaction(long.session):
        # Fewer valid records than are due, so that nothing is forgiven.
        some = Visit.visit_on.between(day("2026-05-01"), day("2026-06-10"))
        for row in long.session.scalars(select(Visit).where(some)):
            row.state = "void"
    before = figures(long, MADE)
    wanted = {"visit": ("visit", visit.id), "overdue_period": ("overdue", late.id)}[kind]
    line = next(e for e in lines(before) if (e.evidence, e.evidence_id) == wanted)
    worth = Fraction(int(line.numerator), int(line.denominator))
    assert worth > 0 and before.bad == 2
    kept = {name: getattr(visit, name) for name in ("sheet_at", "reviewed_at", "checked_out_at", "review_due_at")}

    made = appeal(long, f"score_entry-{line.id}")
    assert decide(long, made).state == "approved"

    after = figures(long, DECIDED)
    assert points(after) - points(before) == worth
    assert after.due == before.due and after.bad == 1
    assert [(e.evidence, e.evidence_id) for e in lines(after)] == [
        (e.evidence, e.evidence_id) for e in lines(before) if e.id != line.id
    ]
    # A second run gives the same, and one as of an instant before the decision knows nothing of it.
    run = long.session.get(ScoreRun, after.run_id)
    assert score(long.session, FROM, TO, DECIDED, LATER + DAY, region="980402000000").digest == run.digest
    then = figures(long, DECIDED - dt.timedelta(seconds=1))
    assert points(then) == points(before) and then.bad == 2
    assert len(lines(then)) == len(lines(before))
    assert points(figures(long, LATER)) == points(after)
    # The record stays as it was; what it counts as is a correction of its own.
    long.session.expire_all()
    row = long.session.get(Visit, visit.id)
    assert {name: getattr(row, name) for name in kept} == kept
    asked = long.session.scalars(select(Appeal)).one()
    assert asked.state == "approved" and asked.in_force_from == DECIDED
    told = {label["msgid"] if isinstance(label, dict) else label: (a, b) for label, a, b in asked.figures or ()}
    assert str(told["不合格次数"]) == "('2', '1')"


def test_the_figures_before_and_after_are_those_of_the_runs(long: World) -> None:
    late = missed(long)
    before = figures(long, MADE)
    line = next(e for e in lines(before) if e.evidence_id == late.id)
    made = decide(long, appeal(long, f"score_entry-{line.id}"))
    after = figures(long, DECIDED)
    asked = long.session.scalars(select(Appeal)).one()
    told = {label: (a, b) for label, a, b in asked.figures or ()}
    old, new = told["维护保养有效率"]
    assert (old["args"]["points"], new["args"]["points"]) == (str(before.points), str(after.points))
    assert (asked.run_region, asked.run_from_on, asked.run_to_on) == ("980402000000", day(FROM), day(TO))
    # The officer may score: the run is entered to be made again, as of the decision.
    job = long.session.scalars(select(Job).where(Job.kind == "score")).one()
    assert dt.datetime.fromisoformat(job.params["as_of"]) == DECIDED and made.state == "approved"


def test_a_missed_period_is_withdrawn_by_a_correction_and_not_judged_again(long: World) -> None:
    late = missed(long)
    decide(long, appeal(long, f"overdue_period-{late.id}"))
    long.session.expire_all()
    row = long.session.get(OverduePeriod, late.id)
    correction = long.session.scalars(select(OverdueCorrection)).one()
    assert row.withdrawn and correction.known_at == DECIDED and "成立" in correction.reason
    assert correction.actor_id == long.accounts["inspector"].id
    # A record of another day has the clock judged anew: what was excused stays excused.
    from app.models import MaintenanceClock
    from app.rules.clock_history import MissedPeriod

    with transaction(long.session):
        clock_row = MaintenanceClock(elevator_id=long.own.id, region_code=long.own.region_code, limit_days=15)
        clock_row = long.session.merge(clock_row)
        again = [MissedPeriod(day("2026-03-26"), day("2026-04-10"), False),
                 MissedPeriod(day("2026-04-10"), day("2026-04-25"), True)]  # fmt: skip
        assert overdue.judge(long.session, clock_row, again, LATER) == 1
    assert limits(long.session, long.own) == [day("2026-04-25")]


def test_the_clock_tells_what_was_excused_apart_from_what_is_missed(world: World, sign_in: Any) -> None:
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    visit(session, own, world.worker, day("2026-03-01"))
    run(session, day("2026-04-20"))
    first, second, third = session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).all()

    def told() -> tuple[int, int, str]:
        row = clock_of(session, own)
        return row.missed, row.excused, str(row.missed_since_on)

    assert told() == (3, 0, "2026-03-16")
    # The same by what stands in 超期记录, and by the history told anew.
    for late, expected in ((first, (2, 1, "2026-03-31")), (third, (1, 2, "2026-03-31")), (second, (0, 3, "None"))):
        decide(world, appeal(world, f"overdue_period-{late.id}"))
        assert told() == expected and len(limits(session, own)) == expected[0]
        with transaction(session):
            clocks.recompute(session, own.id, at(day("2026-04-20")))
        assert told() == expected and clock_of(session, own).anchor_on == day("2026-04-15")
    client = sign_in(world.accounts["maintenance_head"])
    with clock.frozen(at(day("2026-04-20"), 12)):
        tasks = client.get("/tasks/?f_excused=yes").text
        assert own.code in tasks and "3 期未按时维保，申诉成立，不计" in tasks and "未补做" not in tasks
        assert own.code not in client.get("/tasks/?tab=over").text
        assert own.code not in client.get("/overdue/?tab=standing").text
        assert "3 期未按时维保，申诉成立，不计" in client.get(f"/ledgers/{own.id}").text
        assert own.code in client.get("/tasks/").text, "it is still to be maintained, by the limit that runs"
    # The next one is missed with nobody's excuse: the period before it was not kept all the same.
    run(session, day("2026-05-03"))
    assert told() == (1, 3, "2026-04-30")
    newest = session.scalars(select(OverduePeriod).order_by(OverduePeriod.id.desc())).first()
    assert newest is not None and newest.previous_missed
    with clock.frozen(at(day("2026-05-03"), 12)):
        over = client.get("/tasks/?tab=over").text
        assert own.code in over and "2026-04-30 未补做" in over and "3 期未按时维保，申诉成立，不计" in over
    visit(session, own, world.worker, day("2026-05-04"))
    assert told() == (0, 0, "None")


def test_what_was_made_up_for_changes_no_clock_when_it_is_excused(world: World) -> None:
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    run(world.session, day("2026-03-20"))
    visit(world.session, world.own, world.worker, day("2026-03-21"))
    run(world.session, day("2026-04-08"))
    made_up = world.session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).first()
    decide(world, appeal(world, f"overdue_period-{made_up.id}"))
    row = clock_of(world.session, world.own)
    assert (row.missed, row.excused, row.missed_since_on) == (1, 0, day("2026-04-05"))


def test_a_new_unit_begins_anew_also_where_what_passed_was_excused(world: World) -> None:
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    run(world.session, day("2026-03-20"))
    late = world.session.scalars(select(OverduePeriod)).one()
    decide(world, appeal(world, f"overdue_period-{late.id}"))
    with transaction(world.session):
        clocks.unit_changed(world.session, world.own.id, world.other_firm.id, day("2026-03-22"), at(day("2026-03-22")))
    row = clock_of(world.session, world.own)
    assert (row.missed, row.excused, row.limit_on) == (0, 0, day("2026-04-06"))


def test_a_void_visit_that_counts_again_withdraws_what_it_disproves(world: World) -> None:
    """It never counted, so the limit was missed; upheld, the clock hears of it."""
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 365)
    visit(world.session, world.own, world.worker, day("2026-03-01"))
    with transaction(world.session):
        short = add_visit(
            world.session, world.own, world.worker, day("2026-03-14"), state="void", counted=False,
            checked_out_at=at(day("2026-03-14"), 9) + dt.timedelta(minutes=20), settled_at=at(day("2026-03-14"), 10),
        )  # fmt: skip
    visit(world.session, world.own, world.worker, day("2026-03-28"))
    assert limits(world.session, world.own) == [day("2026-03-16")]
    decide(world, appeal(world, f"visit-{short.id}"))
    assert limits(world.session, world.own) == []
    world.session.expire_all()
    row = world.session.get(Visit, short.id)
    assert row.state == "valid" and row.counted and row.appeal_upheld_at == DECIDED
    step = world.session.scalars(
        select(StatusChange).where(StatusChange.entity == "visit", StatusChange.verb == "appeal")
    ).one()
    assert (step.old, step.new) == ("void", "valid")
    # Settling it again, as the night does, leaves it so.
    with transaction(world.session):
        visit_state.settle(world.session, world.session.get(Visit, short.id), LATER)
    assert world.session.get(Visit, short.id).state == "valid"


def test_a_late_complaint_counts_as_in_time_from_the_decision_on(long: World) -> None:
    row = late_complaint(long)
    assert complaints.outcome_of(row, MADE) is Outcome.LATE
    made = appeal(long, f"complaint-{row.id}")
    decide(long, made)
    long.session.expire_all()
    row = long.session.get(Complaint, row.id)
    assert complaints.outcome_of(row, DECIDED) is Outcome.ON_TIME
    assert complaints.outcome_of(row, DECIDED - dt.timedelta(seconds=1)) is Outcome.LATE
    assert row.late_steps == "accept"  # written as it was
    told = {label: (a, b) for label, a, b in long.session.scalars(select(Appeal)).one().figures or ()}
    assert told["不及时"] == ["1", "0"] or told["不及时"] == ("1", "0")
    # One judged, one late: 0 points; afterwards all 16, which is what the one was worth.
    old, new = told["反馈处置及时率"]
    assert (old["args"]["points"], new["args"]["points"]) == ("0.00", "16.00")
    from app.listing import Moment
    from app.listings import complaints as listed

    now = Moment(long.session, long.actor("inspector"), LATER.date(), LATER)
    assert long.session.scalar(select(func.count()).select_from(Complaint).where(listed.late(now))) == 0
    assert long.session.scalar(select(func.count()).select_from(Complaint).where(listed.on_time())) == 1


def test_an_enforcement_is_taken_back_and_stood_until_then(long: World) -> None:
    row = talk(long)
    # Who drew it up does not decide, nor does he see it as his to decide on without being told why.
    made = appeal(long, f"enforcement-{row.id}")
    with pytest.raises(NotAllowed, match="作出记录的人员"):
        decide(long, made, who="inspector")
    shown = applications.checks_shown(long.session, long.actor("inspector"), made, DECIDED)
    assert any(f.stops and "作出记录的人员" in f.found for f in shown)
    decide(long, made, who="region_admin")
    long.session.expire_all()
    row = long.session.get(Enforcement, row.id)
    assert row.state == "withdrawn" and made.number in row.withdraw_reason
    assert enforcement.stands_at(row, DECIDED - H) and not enforcement.stands_at(row, DECIDED)


# --- who, when, how often


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


# --- the six items: late rescues, complaints and failed inspections of the year


def item_score(world: World, as_of: dt.datetime) -> Score:
    run = score(world.session, "2024-01-01", "2024-12-31", as_of=as_of, now=LATER, region="980402000000")
    world.session.expire_all()
    found = select(Score).where(Score.run_id == run.id, Score.unit_id == world.firm.id)
    return world.session.scalars(found).one()


def item_lines(world: World, row: Score, item: Item) -> list[ScoreEntry]:
    return list(world.session.scalars(select(ScoreEntry).where(lines_of(row.id, item)).order_by(ScoreEntry.id)))


@pytest.mark.feature("SCO-02")
@pytest.mark.parametrize("name", ["rescue", "complaint", "inspection", "change"])
def test_an_upheld_appeal_moves_its_item_by_the_line_and_not_before_the_decision(world: World, name: str) -> None:
    scored_firm(world.session, world)
    with transaction(world.session):
        make_policy(world.session, "appeal_within_days", 3650)
        if name == "rescue":
            # A second one in time, so that a line is worth half of it all.
            call = Called("A", 1, NOON, NOON + MINUTE, NOON + 5 * MINUTE, NOON + 9 * MINUTE)
            told = Trapped("A", world.own.id, NOON, (call,), NOON + H, "entrapment", "power_cut")
            put_rescue(world.session, world.own, told, {"A": world.firm})
        if name == "complaint":
            told_late = world.complaint
            told_late.accepted_at, told_late.late_steps, told_late.state = NOON + 48 * H, "accept", "closed"
            told_late.handled_at = told_late.reviewed_at = told_late.closed_at = NOON + 50 * H
    items = {"rescue": Item.RESCUE, "complaint": Item.FEEDBACK, "inspection": Item.INSPECTION, "change": Item.CHANGE}
    item = items[name]
    record = getattr(world, name)
    before = item_score(world, MADE)
    key = record.application_id if name == "change" else record.id
    line = next(e for e in item_lines(world, before, item) if e.evidence_id == key)
    worth = Fraction(int(line.numerator), int(line.denominator))
    assert worth > 0 and line.evidence == {"change": "application"}.get(name, name)
    kept = {one: getattr(record, one) for one in ("late_steps", "result", "is_fault", "late") if hasattr(record, one)}

    made = appeal(world, f"score_entry-{line.id}")
    # The inspection is of a 涉密 elevator.
    decider = "region_admin" if name == "inspection" else "inspector"
    assert decide(world, made, who=decider).state == "approved"

    points = f"{item}_points"
    after, then = item_score(world, DECIDED), item_score(world, DECIDED - dt.timedelta(seconds=1))
    assert Fraction(getattr(after, points)) - Fraction(getattr(before, points)) == worth
    assert [e.evidence_id for e in item_lines(world, after, item)] == [
        e.evidence_id for e in item_lines(world, before, item) if e.id != line.id
    ]
    assert getattr(then, points) == getattr(before, points)
    assert len(item_lines(world, then, item)) == len(item_lines(world, before, item))
    # What was written stays written; the other items do not move.
    world.session.expire_all()
    record = world.session.get(type(record), record.id)
    assert name == "change" or record.appeal_upheld_at == DECIDED
    assert kept and {one: getattr(record, one) for one in kept} == kept
    others = [f"{one}_points" for one in OTHERS if one is not item]
    assert [getattr(after, one) for one in others] == [getattr(before, one) for one in others]
    figures_ = world.session.scalars(select(Appeal)).one().figures or ()
    assert any(old != new for _label, old, new in figures_)
    with pytest.raises(Refusal):
        appeal(world, f"{'unit_change' if name == 'change' else name}-{record.id}", when=LATER)


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


def passed_to_another(world: World) -> tuple[Callable[[], tuple[int, int, str]], list[OverduePeriod]]:
    """Served by 恒枢 until 03-04, then by 河川, who comes to none of 03-16, 03-31 and 04-15; how its clock stands."""
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    visit(session, own, world.worker, day("2026-03-01"))
    with transaction(session):
        own.maintenance_unit_id = world.other_firm.id
        clocks.unit_changed(session, own.id, world.other_firm.id, day("2026-03-05"), at(day("2026-03-05")))
        make_contract(session, world.other_firm, [own], day("2026-03-05"))
    run(session, day("2026-04-20"))

    def told() -> tuple[int, int, str]:
        row = clock_of(session, own)
        return row.missed, row.excused, str(row.missed_since_on)

    assert told() == (3, 0, "2026-03-16")
    return told, list(session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)))


@pytest.mark.feature("PLN-11")
@pytest.mark.parametrize(("excused", "stands"), [
    ((), (2, 0, "2026-03-16")), ((0,), (1, 1, "2026-03-31")), ((1,), (1, 1, "2026-03-16")), ((0, 1), (0, 2, "None")),
])  # fmt: skip
def test_a_stop_dated_back_before_a_new_units_first_visit_keeps_what_was_excused(
    world: World, excused: tuple[int, ...], stands: tuple[int, int, str]
) -> None:
    """The third limit had not run out on the day of the stop; of the first two those excused stay excused."""
    told, periods = passed_to_another(world)
    for number in excused:
        decide(world, appeal(world, f"overdue_period-{periods[number].id}", "other_head"))
    with transaction(world.session):
        clocks.pause(world.session, world.own.id, day("2026-04-10"), None, at(day("2026-04-20")))
    assert told() == stands
    row = clock_of(world.session, world.own)
    assert (row.anchor_on, row.paused_on, row.limit_left_days) == (day("2026-03-31"), day("2026-04-10"), 5)
    assert len(limits(world.session, world.own)) == stands[0]


def test_a_visit_that_counts_no_more_gives_back_the_clock_with_what_was_excused(world: World) -> None:
    """No counted visit is left: the clock stands as it stood before the one that was turned down."""
    session, own = world.session, world.own
    with transaction(session):
        make_policy(session, "appeal_within_days", 365)
    first = visit(session, own, world.worker, day("2026-03-01"))
    run(session, day("2026-04-20"))
    early = session.scalars(select(OverduePeriod).order_by(OverduePeriod.limit_on)).first()
    decide(world, appeal(world, f"overdue_period-{early.id}"))
    only = visit(session, own, world.worker, day("2026-04-20"))
    row = clock_of(session, own)
    assert (row.missed, row.excused) == (0, 0)
    with transaction(session):
        session.get(Visit, first.id).counted = False
        session.get(Visit, only.id).counted = False
        clocks.after_visit(session, own.id, session.get(Visit, only.id), at(day("2026-04-21")))
    row = clock_of(session, own)
    assert (row.missed, row.excused, row.missed_since_on) == (2, 1, day("2026-03-31"))
    assert row.anchor_on == day("2026-04-15")
