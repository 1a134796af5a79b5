"""ANO-03: from the draft to its end; who may do what, what the unit sees and hears, what stays written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from app import scope
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import AuditEntry, Enforcement, EnforcementEvidence, Notification, StatusChange, Visit
from app.models.enforcement import stood_at
from app.permissions import Role
from app.rules.two_persons import Party
from app.transaction import transaction
from app.workflows.approval import escalation
from app.workflows.core import independence
from app.workflows.oversight import enforcement, evidence
from app.workflows.oversight.enforcement import Entry
from app.workflows.people.standing_on import standing_on
from tests.factories import World, make_account, make_policy
from tests.outcomes import told
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = pytest.mark.feature("ANO-03")
ON = day("2026-03-17")
AT = at(ON, 9)
H, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def entry(*keys: str, **more: Any) -> Entry:
    given: dict[str, Any] = {
        "kind": "talk", "decided_on": ON, "facts": "三月以来多次超期", "demand": "十日内补做", "reply_days": 10,
        "evidence": keys,
    }  # fmt: skip
    return Entry(**(given | more))


def penalty(*keys: str) -> Entry:
    return entry(*keys, kind="penalty", legal_basis="文书所列条款", document_no="立案〔2026〕3号")


def do(world: World, who: str, deed: Callable[..., Any], *given: Any, **more: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), *given, **more)


def bad(world: World, **more: Any) -> Visit:
    with transaction(world.session):
        return put_visit(world.session, world.own, world.firm, world.worker, day("2026-03-10"), "void", **more)


def in_force(world: World, when: dt.datetime = AT, **more: Any) -> Enforcement:
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(**more), when)
    return do(world, "inspector", enforcement.issue, row.id, when)


def steps(world: World, row: Enforcement) -> list[str]:
    found = select(StatusChange.verb).where(StatusChange.entity == "enforcement", StatusChange.entity_id == row.id)
    return list(world.session.scalars(found.order_by(StatusChange.id)))


def ids(world: World, *names: str) -> set[int]:
    return {world.accounts[name].id for name in names}


def test_a_talk_from_chosen_evidence_to_its_end(world: World) -> None:
    visit = bad(world)
    with transaction(world.session):
        missed = put_overdue(world.session, world.own, world.firm, day("2026-03-05"))
    keys = (f"visit-{visit.id}", f"overdue_period-{missed.id}", f"elevator-{world.own.id}", f"visit-{visit.id}")
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(*keys), AT)
    assert row.number == "YT-2026-000001" and row.state == "draft" and row.in_force_at is None
    kept = evidence.of(world.session, row.id)
    assert [one.entity for one in kept] == ["overdue_period", "visit", "elevator"]
    assert world.own.code in kept[1].said and "无效" in kept[1].said
    # A draft is nobody's but the regulators'.
    with pytest.raises(NotFound):
        scope.visible(world.session, world.actor("maintenance_head"), Enforcement, row.id, "")
    assert told(world, "enforcement.in_force") == set()
    row = do(world, "inspector", enforcement.issue, row.id, AT + H)
    assert row.state == "in_force" and row.due_at == at(day("2026-03-28"), 0)
    assert told(world, "enforcement.in_force") == ids(world, "maintenance_head", "clerk")
    assert scope.visible(world.session, world.actor("clerk"), Enforcement, row.id, "") is row
    for stranger in ("other_head", "use_head", "other_inspector"):
        with pytest.raises(NotFound):
            scope.visible(world.session, world.actor(stranger), Enforcement, row.id, "")
    row = do(world, "clerk", enforcement.reply, row.id, "已全部补做", AT + DAY)
    assert row.state == "replied" and not row.late and row.due_at is None
    assert told(world, "enforcement.replied") == ids(world, "inspector")
    row = do(world, "inspector", enforcement.send_back, row.id, "两台没有补做", 3, AT + 2 * DAY)
    assert row.due_at == at(day("2026-03-23"), 0)
    row = do(world, "maintenance_head", enforcement.reply, row.id, "已补做", AT + 3 * DAY)
    row = do(world, "inspector", enforcement.close, row.id, "现场核查已整改", AT + 4 * DAY)
    assert row.state == "closed" and row.closed_at == AT + 4 * DAY and not row.late
    assert steps(world, row) == ["issue", "reply", "send_back", "reply", "close"]
    assert enforcement.stands_at(row, AT + H) and not enforcement.stands_at(row, AT)
    standing = [select(Enforcement.id).where(stood_at(at_)) for at_ in (AT, AT + H)]
    assert [world.session.scalars(one).all() for one in standing] == [[], [row.id]]
    with pytest.raises(Refusal, match="现为“已办结”"):
        do(world, "inspector", enforcement.withdraw, row.id, "有误", AT + 5 * DAY)


def test_a_penalty_needs_a_second_person_who_stands_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = bad(world)
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, penalty(f"visit-{visit.id}"), AT)
    assert row.number.startswith("LA-")
    with pytest.raises(Refusal, match="须由第二人决定"):
        do(world, "inspector", enforcement.issue, row.id, AT)
    row = do(world, "inspector", enforcement.propose, row.id, AT + H)
    assert row.state == "proposed" and told(world, "enforcement.decide") == ids(world, "region_admin")
    with pytest.raises(NotAllowed):  # an inspector does not decide
        do(world, "inspector", enforcement.decide, row.id, True, "", AT + H)
    with pytest.raises(Refusal, match="退回理由"):
        do(world, "region_admin", enforcement.decide, row.id, False, "", AT + H)
    row = do(world, "region_admin", enforcement.decide, row.id, False, "事实请写到台", AT + H)
    assert row.state == "draft" and row.returned_note == "事实请写到台"
    row = do(world, "inspector", enforcement.propose, row.id, AT + 2 * H)
    real = independence.party
    monkeypatch.setattr(
        independence, "party", lambda s, key, since=None: Party(key, (world.accounts["region_admin"].id,))
        if key == world.accounts["inspector"].id else real(s, key, since)
    )  # fmt: skip
    with pytest.raises(NotAllowed, match="两人须互不隶属"):
        do(world, "region_admin", enforcement.decide, row.id, True, "", AT + 3 * H)
    monkeypatch.undo()
    row = do(world, "region_admin", enforcement.decide, row.id, True, "", AT + 3 * H)
    assert row.state == "in_force" and row.decided_by_id == world.accounts["region_admin"].id
    # Taking a penalty back is for whoever may decide on one.
    with pytest.raises(NotAllowed):
        do(world, "inspector", enforcement.withdraw, row.id, "撤", AT + 4 * H)
    row = do(world, "region_admin", enforcement.withdraw, row.id, "发错单位", AT + 4 * H)
    assert row.state == "withdrawn" and row.withdraw_reason == "发错单位"
    assert enforcement.stands_at(row, AT + 3 * H) and not enforcement.stands_at(row, AT + 4 * H)
    assert told(world, "enforcement.withdrawn") == ids(world, "maintenance_head", "clerk")


def test_who_proposed_does_not_decide_and_is_not_asked_to(world: World) -> None:
    visit = bad(world)
    row = do(world, "region_admin", enforcement.draw_up, world.firm.id, penalty(f"visit-{visit.id}"), AT)
    row = do(world, "region_admin", enforcement.propose, row.id, AT)
    with pytest.raises(NotAllowed, match="您就是提请人"):
        do(world, "region_admin", enforcement.decide, row.id, True, "", AT)
    # The nearest office with somebody else is the platform's.
    assert told(world, "enforcement.decide") == ids(world, "platform_admin")
    assert do(world, "platform_admin", enforcement.decide, row.id, True, "", AT).state == "in_force"


def test_evidence_of_others_is_refused_whole(world: World) -> None:
    mine = bad(world)
    with transaction(world.session):
        theirs = put_visit(
            world.session, world.foreign, world.other_firm, world.other_worker, day("2026-03-10"), "void"
        )
    for key in (f"visit-{theirs.id}", "visit-x", "visit-999999", "account-1", "score_entry-1", "visit", ""):
        with pytest.raises(Refusal, match="没有找到"):
            do(world, "inspector", enforcement.draw_up, world.firm.id, entry(f"visit-{mine.id}", key), AT)
    # Seen by whoever oversees both, and still not this unit's.
    with pytest.raises(Refusal, match="不是这家单位的"):
        do(world, "platform_admin", enforcement.draw_up, world.firm.id, entry(f"visit-{theirs.id}"), AT)
    assert world.session.scalar(select(func.count()).select_from(Enforcement)) == 0


def test_who_may_not(world: World) -> None:
    for who in ("maintenance_head", "clerk", "worker", "use_head"):
        with pytest.raises(NotAllowed):
            do(world, who, enforcement.draw_up, world.firm.id, entry(), AT)
    with pytest.raises(NotFound):
        do(world, "other_inspector", enforcement.draw_up, world.firm.id, entry(), AT)
    row = in_force(world)
    for who, deed in (("inspector", enforcement.reply), ("worker", enforcement.reply)):
        with pytest.raises(NotAllowed):
            do(world, who, deed, row.id, "已整改", AT)
    with pytest.raises(NotFound):
        do(world, "other_head", enforcement.reply, row.id, "已整改", AT)
    with pytest.raises(NotAllowed):
        do(world, "clerk", enforcement.close, row.id, "已整改", AT)


def test_an_answer_after_the_limit_is_taken_and_noted(world: World) -> None:
    row = in_force(world, reply_days=1)
    over = at(day("2026-03-19"), 0)
    assert row.due_at == over
    late = do(world, "clerk", enforcement.reply, row.id, "已补做", over)
    assert late.late
    other = in_force(world, reply_days=1)
    assert not do(world, "clerk", enforcement.reply, other.id, "已补做", over - dt.timedelta(seconds=1)).late
    silent = in_force(world, reply_days=1)
    assert do(world, "inspector", enforcement.close, silent.id, "一直没有答复", over).late


def test_the_limit_is_told_by_the_round_of_clocks(world: World) -> None:
    in_force(world, reply_days=2)
    over = at(day("2026-03-20"), 0)
    with transaction(world.session):
        escalation.tell(world.session, over - 30 * H)
        escalation.tell(world.session, over - 23 * H)
    near = told(world, "clock_enforcement_reply")
    assert near == ids(world, "maintenance_head", "clerk")
    with transaction(world.session):
        escalation.tell(world.session, over + H)
    words = set(world.session.scalars(
        select(Notification.title).where(Notification.topic == "clock_enforcement_reply")
    ))  # fmt: skip
    assert words == {"约谈、处罚的答复即将到期：1 件", "约谈、处罚的答复已超过期限：1 件"}


def test_a_draft_is_changed_until_it_is_issued_and_by_who_saw_it(world: World) -> None:
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(), AT)
    version = row.row_version
    visit = bad(world)
    row = do(
        world, "inspector", enforcement.edit, row.id, entry(f"visit-{visit.id}", facts="改过"), AT, (), version
    )
    assert row.facts == "改过" and len(evidence.of(world.session, row.id)) == 1
    with pytest.raises(Stale):
        do(world, "region_admin", enforcement.edit, row.id, entry(), AT, (), version)
    row = do(world, "inspector", enforcement.edit, row.id, entry(kind="penalty"), AT, (), row.row_version)
    assert row.kind == "talk" and evidence.of(world.session, row.id) == []
    do(world, "inspector", enforcement.issue, row.id, AT)
    with pytest.raises(Refusal, match="不能修改"):
        do(world, "inspector", enforcement.edit, row.id, entry(), AT)


def test_the_evidence_is_read_when_the_record_is_gone(world: World) -> None:
    visit = bad(world)
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(f"visit-{visit.id}"), AT)
    key = visit.id
    with transaction(world.session):
        world.session.execute(delete(Visit).where(Visit.id == key))
    (kept,) = evidence.of(world.session, row.id)
    assert kept.entity_id == key and "无效" in kept.said


def test_a_record_that_is_evidence_is_not_taken_away_as_if_nothing_stood_on_it(world: World) -> None:
    visit = bad(world)
    assert standing_on(world.session, Visit, [visit.id]) == {}
    do(world, "inspector", enforcement.draw_up, world.firm.id, entry(f"visit-{visit.id}"), AT)
    assert "约谈或处罚的证据" in standing_on(world.session, Visit, [visit.id])[visit.id]


def test_everything_is_in_the_log_and_nothing_is_deleted(world: World) -> None:
    row = in_force(world)
    do(world, "inspector", enforcement.withdraw, row.id, "事实有误", AT)
    actions = set(world.session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "enforcement")))
    assert actions == {"enforcement.create", "enforcement.issue", "enforcement.withdraw"}
    assert world.session.scalar(select(func.count()).select_from(Enforcement)) == 1
    assert world.session.scalar(select(func.count()).select_from(EnforcementEvidence)) == 0


def test_the_days_for_an_answer_are_policy(world: World) -> None:
    assert enforcement.usual_days(world.session, "980402000000", AT) == 10
    with transaction(world.session):
        make_policy(world.session, "enforcement_reply_days", 15, on=ON - DAY)
    assert enforcement.usual_days(world.session, "980402000000", AT) == 15


def test_an_earlier_talk_is_evidence_of_a_later_one(world: World) -> None:
    first = in_force(world)
    row = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(f"enforcement-{first.id}"), AT)
    (kept,) = evidence.of(world.session, row.id)
    assert first.number in kept.said


def test_two_officers_number_their_cases_apart(world: World) -> None:
    other = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    world.session.commit()
    world.accounts["second"] = other
    one = do(world, "inspector", enforcement.draw_up, world.firm.id, entry(), AT)
    two = do(world, "second", enforcement.draw_up, world.firm.id, entry(kind="warning"), AT)
    three = do(world, "second", enforcement.draw_up, world.firm.id, entry(), AT)
    assert [row.number for row in (one, two, three)] == ["YT-2026-000001", "JG-2026-000001", "YT-2026-000002"]
