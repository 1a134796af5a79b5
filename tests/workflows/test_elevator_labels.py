"""标牌 on the database: who replaces one, when the old one dies, what a dead one still does, also without network."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import AuditEntry, Elevator, ElevatorLabel, Notification, Visit
from app.permissions import SYSTEM
from app.rules.offline import Contact, PhoneClock
from app.transaction import transaction
from app.workflows.on_site import labels, phone_copy, sites
from app.workflows.on_site.labels import Wanted
from app.workflows.public import public_page
from app.workflows.visits import offline, visits
from app.workflows.visits.offline import Kept, Moment
from tests.factories import World, make_elevator
from tests.statements import statements
from tests.workflows.visit_world import DAY, FAR, HERE, HOUR, MINUTE, START, answers, arrive, leave, rules_of

pytestmark = pytest.mark.feature("ELV-07")
SOON = dt.date(2026, 3, 20)
LATER = Wanted("damaged", "", "on_scan", SOON)
AT_ONCE = Wanted("forged", "", "now")


def replace(
    session: Any, world: World, wanted: Wanted = LATER, at: dt.datetime = START, who: str = "use_head"
) -> ElevatorLabel:
    with transaction(session):
        return labels.replace(session, world.actor(who), world.own.id, wanted, at)


def token(session: Any, world: World) -> str:
    return str(session.scalar(select(Elevator.public_token).where(Elevator.id == world.own.id)))


def row_of(session: Any, text: str) -> ElevatorLabel:
    return session.scalars(select(ElevatorLabel).where(ElevatorLabel.token == text)).one()


# --- replacing


@pytest.mark.parametrize(
    "who", ["use_head", "safety_officer", "maintenance_head", "clerk", "inspector", "region_admin"]
)
def test_those_who_answer_for_it_may_replace_it(session: Any, huzhou: World, who: str) -> None:
    old = huzhou.own.public_token
    row = replace(session, huzhou, AT_ONCE, who=who)
    assert token(session, huzhou) == row.token != old
    assert row_of(session, old).ends_at == START == row.begins_at


@pytest.mark.parametrize(
    ("who", "error"), [("worker", NotAllowed), ("other_head", NotFound), ("other_inspector", NotFound)]
)
def test_nobody_else_may(session: Any, huzhou: World, who: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        replace(session, huzhou, AT_ONCE, who=who)
    session.rollback()
    assert session.scalar(select(func.count(ElevatorLabel.id))) == 0


def test_both_lead_to_it_until_the_new_one_hangs(session: Any, huzhou: World) -> None:
    old = huzhou.own.public_token
    row = replace(session, huzhou)
    assert row.waits and token(session, huzhou) == old
    with clock.frozen(START):
        assert {sites.elevator_of(session, t).id for t in (old, row.token)} == {huzhou.own.id}
        assert public_page.elevator_of(session, row.token).id == huzhou.own.id


def test_the_first_check_in_by_the_new_one_puts_it_in_use(session: Any, huzhou: World) -> None:
    old, new = huzhou.own.public_token, replace(session, huzhou).token
    visit = arrive(session, huzhou, START + HOUR, code=f"https://tian.example/m/p/{new}")
    assert (visit.elevator_id, visit.by_code) == (huzhou.own.id, False)
    assert token(session, huzhou) == new
    assert row_of(session, old).ends_at == START + HOUR == row_of(session, new).begins_at
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "elevator_label.begin")).one()
    assert entry.actor_id == huzhou.accounts["worker"].id


def test_who_is_not_on_site_puts_nothing_in_use(session: Any, huzhou: World) -> None:
    old, new = huzhou.own.public_token, replace(session, huzhou).token
    with pytest.raises(Refusal), transaction(session):
        visits.check_in(session, huzhou.actor("worker"), new, FAR, START + HOUR)
    session.rollback()
    assert token(session, huzhou) == old


def test_the_check_out_by_the_new_one_does_as_well(session: Any, huzhou: World) -> None:
    old = huzhou.own.public_token
    visit = arrive(session, huzhou, code=old)
    new = replace(session, huzhou, at=START + MINUTE).token
    leave(session, huzhou, visit, START + 40 * MINUTE, code=new)
    assert token(session, huzhou) == new and row_of(session, old).ends_at == START + 40 * MINUTE


def test_a_dead_one_checks_nobody_in_and_says_so(session: Any, huzhou: World) -> None:
    old = huzhou.own.public_token
    replace(session, huzhou, AT_ONCE)
    with pytest.raises(Refusal) as refused:
        arrive(session, huzhou, START + HOUR, code=old)
    session.rollback()
    found = next(f for f in refused.value.findings if f.rule == "二维码已更换")
    assert "2026-03-02 更换" in found.found and "识别码" in found.remedy
    assert "电梯不存在" not in rules_of(refused)
    assert arrive(session, huzhou, START + HOUR, code=huzhou.own.code).by_code


def test_a_dead_one_ends_no_visit(session: Any, huzhou: World) -> None:
    old = huzhou.own.public_token
    visit = arrive(session, huzhou, code=old)
    new = replace(session, huzhou, AT_ONCE, START + MINUTE).token
    with pytest.raises(Refusal) as refused:
        leave(session, huzhou, visit, START + 40 * MINUTE, code=old)
    session.rollback()
    assert rules_of(refused) == {"二维码已更换"}
    leave(session, huzhou, session.get(Visit, visit.id), START + 40 * MINUTE, code=new)


def test_on_its_last_day_the_new_one_is_in_use_unseen(session: Any, huzhou: World) -> None:
    old, row = huzhou.own.public_token, replace(session, huzhou)
    assert labels.due(session, SOON - DAY) == []
    assert labels.due(session, SOON) == [row.id]
    with transaction(session):
        assert not labels.begin_due(session, row.id, SOON - DAY, START)
        assert labels.begin_due(session, row.id, SOON, START + DAY)
        assert not labels.begin_due(session, row.id, SOON, START + 2 * DAY)
    assert token(session, huzhou) == row.token and row_of(session, old).ends_at == START + DAY
    assert labels.due(session, SOON) == []


def test_a_second_one_waits_for_the_first_but_a_forged_one_does_not_wait(session: Any, huzhou: World) -> None:
    first = replace(session, huzhou)
    with pytest.raises(Refusal) as refused:
        replace(session, huzhou)
    session.rollback()
    assert rules_of(refused) == {"等待启用的标牌"}
    second = replace(session, huzhou, AT_ONCE, START + HOUR)
    session.expire_all()
    assert row_of(session, first.token).ends_at == START + HOUR and token(session, huzhou) == second.token


def test_called_off_the_old_one_goes_on(session: Any, huzhou: World) -> None:
    old, row = huzhou.own.public_token, replace(session, huzhou)
    with transaction(session):
        labels.call_off(session, huzhou.actor("use_head"), row.elevator_id, row.id, START + HOUR)
    assert token(session, huzhou) == old
    with pytest.raises(Refusal), transaction(session):
        labels.put_up(session, huzhou.actor("use_head"), row.elevator_id, row.id, START + 2 * HOUR)
    session.rollback()
    with pytest.raises(Refusal) as refused:
        arrive(session, huzhou, START + 2 * HOUR, code=row.token)
    assert "没有启用过" in next(f.found for f in refused.value.findings if f.rule == "二维码已更换")


def test_said_to_hang_it_is_in_use_once(session: Any, huzhou: World) -> None:
    row = replace(session, huzhou)
    with pytest.raises(NotFound), transaction(session):
        labels.put_up(session, huzhou.actor("other_head"), row.elevator_id, row.id, START + HOUR)
    session.rollback()
    with transaction(session):
        labels.put_up(session, huzhou.actor("clerk"), row.elevator_id, row.id, START + HOUR)
    assert token(session, huzhou) == row.token
    with pytest.raises(Refusal), transaction(session):
        labels.put_up(session, huzhou.actor("clerk"), row.elevator_id, row.id, START + 2 * HOUR)


def test_the_row_is_otherwise_as_it_was(session: Any, huzhou: World) -> None:
    """Whoever edits the record meanwhile is not told that somebody changed it."""
    stands = select(Elevator.row_version, Elevator.updated_at).where(Elevator.id == huzhou.own.id)
    before = session.execute(stands).one()
    replace(session, huzhou, AT_ONCE)
    assert session.execute(stands).one() == before


def test_the_other_side_is_told(session: Any, huzhou: World) -> None:
    replace(session, huzhou, AT_ONCE)
    told = set(session.scalars(select(Notification.recipient_id).where(Notification.topic == "label")))
    assert huzhou.accounts["maintenance_head"].id in told and huzhou.accounts["use_head"].id not in told


def test_a_scrapped_elevator_gets_none(session: Any, huzhou: World) -> None:
    gone = make_elevator(session, use_unit=huzhou.use_unit, status="scrapped")
    session.commit()
    with pytest.raises(Refusal) as refused, transaction(session):
        labels.replace(session, huzhou.actor("use_head"), gone.id, AT_ONCE, START)
    assert rules_of(refused) == {"电梯状态"}


# --- temporary


def temporary(session: Any, world: World, until: dt.date, at: dt.datetime = START) -> ElevatorLabel:
    with transaction(session):
        return labels.temporary(session, world.actor("maintenance_head"), world.own.id, until, "轿厢装修", at)


def test_a_temporary_one_holds_to_the_end_of_its_day_beside_the_other(session: Any, huzhou: World) -> None:
    old, row = huzhou.own.public_token, temporary(session, huzhou, dt.date(2026, 3, 2))
    assert token(session, huzhou) == old
    end = dt.datetime(2026, 3, 3, tzinfo=clock.SHANGHAI).astimezone(dt.UTC)
    with clock.frozen(end - dt.timedelta(seconds=1)):
        assert sites.elevator_of(session, row.token) is not None
    with clock.frozen(end):
        assert sites.elevator_of(session, row.token) is None
        assert "临时标牌已于 2026-03-02 停用" in public_page.of_token(session, row.token, end).ended
    visit = arrive(session, huzhou, START + HOUR, code=row.token)
    assert not visit.by_code and token(session, huzhou) == old, "a temporary one takes over nothing"


def test_one_temporary_label_at_a_time(session: Any, huzhou: World) -> None:
    row = temporary(session, huzhou, SOON)
    with pytest.raises(Refusal):
        temporary(session, huzhou, SOON, START + HOUR)
    session.rollback()
    with transaction(session):
        labels.call_off(session, huzhou.actor("maintenance_head"), row.elevator_id, row.id, START + HOUR)
    assert temporary(session, huzhou, SOON, START + 2 * HOUR).token != row.token


# --- without network


def kept(world: World, code: str, began: dt.datetime, sent: dt.datetime, key: str = "phone-key-9") -> Kept:
    phone = PhoneClock(sent, sent, Contact(began - HOUR, dt.timedelta()))
    return Kept(key, phone, world.accounts["worker"].id, began=Moment(code, began, HERE, 8.0))


def test_kept_before_the_end_of_a_label_it_counts_and_after_it_does_not(session: Any, huzhou: World) -> None:
    old = huzhou.own.public_token
    replace(session, huzhou, AT_ONCE, START + HOUR)
    late = kept(huzhou, old, START + HOUR, START + 2 * HOUR, "phone-key-late")
    with pytest.raises(Refusal) as refused, transaction(session):
        offline.receive(session, huzhou.actor("worker"), late, START + 2 * HOUR)
    session.rollback()
    assert "二维码已更换" in rules_of(refused)
    good = kept(huzhou, old, START + HOUR - dt.timedelta(seconds=1), START + 2 * HOUR)
    with transaction(session):
        visit = offline.receive(session, huzhou.actor("worker"), good, START + 2 * HOUR)
    assert visit.elevator_id == huzhou.own.id and not visit.by_code


def test_a_new_one_scanned_without_network_ends_the_old_one_when_it_is_heard_of(session: Any, huzhou: World) -> None:
    old, new = huzhou.own.public_token, replace(session, huzhou).token
    with transaction(session):
        offline.receive(session, huzhou.actor("worker"), kept(huzhou, new, START + HOUR, START + 5 * HOUR),
                        START + 5 * HOUR)  # fmt: skip
    assert row_of(session, old).ends_at == START + 5 * HOUR


def test_the_phone_carries_the_labels_that_lead_to_it(session: Any, huzhou: World) -> None:
    visit = arrive(session, huzhou)
    new, other = replace(session, huzhou).token, temporary(session, huzhou, SOON).token
    with clock.frozen(START + HOUR):
        told = phone_copy.of_visit(session, session.get(Visit, visit.id))["running"]
        assert told["token"] == huzhou.own.public_token and set(told["labels"]) == {new, other}
    leave(session, huzhou, session.get(Visit, visit.id), START + 40 * MINUTE)


# --- what it costs


def test_the_ordinary_check_in_asks_nothing_more(session: Any, huzhou: World) -> None:
    with statements() as seen:
        visit = arrive(session, huzhou, code=huzhou.own.public_token)
        leave(session, huzhou, visit, START + 40 * MINUTE, code=huzhou.own.public_token)
    assert seen and not [s for s in seen if "elevator_label" in s]
    assert answers(visit)


# --- printing and history


def test_the_first_label_gets_its_row_when_it_is_printed(session: Any, huzhou: World) -> None:
    own = huzhou.own
    [made] = labels.history(session, own)
    assert (made.kind, made.token, made.prints, made.id) == ("made", own.public_token, 0, None)
    for _again in range(2):
        with transaction(session):
            labels.printed(session, huzhou.actor("clerk"), [(own.id, own.public_token)], START, "0" * 64)
    [made] = labels.history(session, own)
    assert (made.prints, made.printed_at, made.waits) == (2, START, False) and made.id is not None
    new = replace(session, huzhou, AT_ONCE)
    assert [r.token for r in labels.history(session, session.get(Elevator, own.id))] == [new.token, made.token]


def test_the_one_that_waits_is_the_one_to_print(session: Any, huzhou: World) -> None:
    other = make_elevator(session, use_unit=huzhou.use_unit)
    session.commit()
    new = replace(session, huzhou).token
    found = labels.to_print(session, [huzhou.own.id, other.id])
    assert found == {huzhou.own.id: new, other.id: other.public_token}


def test_the_night_is_nobody(session: Any, huzhou: World) -> None:
    row = replace(session, huzhou)
    with transaction(session):
        labels.begin_due(session, row.id, SOON, START + DAY)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "elevator_label.begin")).one()
    assert entry.actor_id == SYSTEM.user_id
