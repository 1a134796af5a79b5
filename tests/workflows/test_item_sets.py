"""Own lists of maintenance items from draft to force, and what visits make of them (PLN-08)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.errors import NotAllowed, Refusal, Stale
from app.models import AuditEntry, ItemSet, Notification, StatusChange
from app.permissions import Role
from app.reference import CURRENT, of_annex
from app.rules.item_lists import Item
from app.rules.levels import Level
from app.rules.offline import Contact, PhoneClock
from app.transaction import transaction
from app.workflows.maintenance import item_lists, item_sets
from app.workflows.on_site import phone_copy
from app.workflows.visits import offline
from app.workflows.visits.offline import Kept, Moment
from app.workflows.visits.visits import CheckOut
from tests.factories import World, actor, make_account, make_ledger, make_policy
from tests.statements import statements
from tests.workflows.visit_world import HERE, HOUR, MINUTE, START, answers, arrive, leave, rules_of

pytestmark = pytest.mark.feature("PLN-08")
BEFORE = START - dt.timedelta(days=3)
DAY = clock.local_day(BEFORE)
CITY = "980400000000"
NEW = Item("", "A", Level.HALF_MONTH, "轿厢内显示屏", "画面清晰，无破损", True, "lx")


def drafted(
    world: World, *more: Item, who: str = "maintenance_head", kind: str = "A", from_on: dt.date = DAY,
    name: str = "恒枢 2026 版", at: dt.datetime = BEFORE, account: Any = None,
) -> ItemSet:  # fmt: skip
    """A draft with these additions to what holds for its owner."""
    writer = actor(account) if account else world.actor(who)
    with transaction(world.session) as session:
        made = item_sets.start(session, writer, kind, at)
        given = [*item_sets.whole(session, made), *more]
        return item_sets.save(session, writer, made.id, name, from_on, "本单位技术规程", given, at)


def put_in_force(world: World, made: ItemSet, by: Any = None, at: dt.datetime = BEFORE, who: Any = None) -> ItemSet:
    with transaction(world.session) as session:
        item_sets.submit(session, who or world.actor("maintenance_head"), made.id, at)
    with transaction(world.session) as session:
        return item_sets.approve(session, by or world.actor("inspector"), made.id, made.row_version, "", at)


def in_force(world: World, *more: Item, **how: Any) -> ItemSet:
    return put_in_force(world, drafted(world, *more, **how))


@pytest.fixture
def of_city(session: Any, world: World) -> list[Any]:
    """Two administrators of the city, made by neither."""
    made = [make_account(session, Role.REGION_ADMIN, region_code=CITY) for _ in range(2)]
    session.commit()
    return made


# --- from draft to force


def test_a_units_list_is_approved_by_its_regulator_and_never_edited(session: Any, world: World) -> None:
    made = in_force(world, NEW)
    assert (made.state, made.rows[0]["code"], made.decided_by_id) == (
        "in_force", f"U{world.firm.id}-1-01", world.accounts["inspector"].id,
    )  # fmt: skip
    steps = session.scalars(select(StatusChange.new).where(StatusChange.entity == "item_set").order_by(StatusChange.id))
    assert steps.all() == ["submitted", "in_force"]
    deeds = session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "item_set").order_by(AuditEntry.id))
    assert deeds.all() == ["item_set.start", "item_set.save", "item_set.submit", "item_set.approve"]
    with pytest.raises(Stale), transaction(session):
        item_sets.save(
            session, world.actor("maintenance_head"), made.id, "改", DAY, "", item_sets.whole(session, made), BEFORE
        )
    for deed in (item_sets.withdraw, item_sets.discard, item_sets.submit):
        with pytest.raises(Stale), transaction(session):
            deed(session, world.actor("maintenance_head"), made.id, BEFORE)


def test_a_new_version_is_made_from_the_one_in_force(session: Any, world: World) -> None:
    first = in_force(world, NEW)
    with transaction(session):
        second = item_sets.start(session, world.actor("maintenance_head"), "A", BEFORE)
        # Another press of the button gives the same draft.
        assert item_sets.start(session, world.actor("maintenance_head"), "A", BEFORE).id == second.id
    assert second.id != first.id and second.rows == first.rows
    with transaction(session):
        # The owner may take back what he had added himself.
        item_sets.save(session, world.actor("maintenance_head"), second.id, "二版", DAY, "", of_annex("A"), BEFORE)
    put_in_force(world, second)
    assert second.rows == [] and item_sets.former(session, second) == first


def test_an_item_of_the_law_cannot_be_dropped(session: Any, world: World) -> None:
    with transaction(session):
        made = item_sets.start(session, world.actor("maintenance_head"), "A", BEFORE)
    with pytest.raises(Refusal) as refusal, transaction(session):
        item_sets.save(
            session, world.actor("maintenance_head"), made.id, "", DAY - dt.timedelta(days=1), "", of_annex("A")[1:],
            BEFORE,
        )
    assert rules_of(refusal) == {"法定和上级项目不能删减", "版本名称", "启用日期"}


@pytest.mark.parametrize(
    ("persona", "error"),
    [("maintenance_head", NotAllowed), ("clerk", NotAllowed), ("use_head", Refusal), ("other_inspector", Refusal),
     ("worker", NotAllowed)],
)  # fmt: skip
def test_nobody_else_approves_a_units_list(session: Any, world: World, persona: str, error: Any) -> None:
    made = drafted(world, NEW)
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    with pytest.raises(error), transaction(session):
        item_sets.approve(session, world.actor(persona), made.id, made.row_version, "", BEFORE)
    assert session.get(ItemSet, made.id).state == "submitted"


@pytest.mark.parametrize("persona", ["clerk", "worker", "use_head", "inspector"])
def test_who_may_not_keep_lists_starts_none(session: Any, world: World, persona: str) -> None:
    with pytest.raises(NotAllowed), transaction(session):
        item_sets.start(session, world.actor(persona), "A", BEFORE)


def test_a_regions_list_needs_another_who_may_keep_it(session: Any, world: World, of_city: list[Any]) -> None:
    first, second = of_city
    made = drafted(world, NEW, account=first, name="澜州 2026 版")
    assert made.unit_id is None and made.region_code == CITY
    with transaction(session):
        item_sets.submit(session, actor(first), made.id, BEFORE)
    told = session.scalars(select(Notification.recipient_id).where(Notification.topic == "approval")).all()
    assert told == [second.id]
    with pytest.raises(Refusal) as refusal, transaction(session):
        item_sets.approve(session, actor(first), made.id, made.row_version, "", BEFORE)
    assert {"须由第二人决定", "没有参与编写"} <= rules_of(refusal)
    # An administrator of a district below does not see what the city has not put in force yet.
    with pytest.raises(Refusal), transaction(session):
        item_sets.approve(session, world.actor("region_admin"), made.id, made.row_version, "", BEFORE)
    with transaction(session):
        item_sets.approve(session, actor(second), made.id, made.row_version, "", BEFORE)
    assert made.state == "in_force"
    seen = scope.apply(select(ItemSet.id), world.actor("clerk"), ItemSet)
    assert session.scalars(seen).all() == [made.id]


def test_it_comes_back_with_a_reason_and_goes_again(session: Any, world: World) -> None:
    made = drafted(world, NEW)
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    for opinion in ("", " "):
        with pytest.raises(Refusal) as refusal, transaction(session):
            item_sets.send_back(session, world.actor("inspector"), made.id, made.row_version, opinion, BEFORE)
        assert rules_of(refusal) == {"意见"}
    with transaction(session):
        item_sets.send_back(session, world.actor("inspector"), made.id, made.row_version, "单位写错了", BEFORE)
    assert (made.state, made.opinion) == ("returned", "单位写错了")
    put_in_force(world, made)
    assert (made.state, made.opinion) == ("in_force", None)


def test_who_decides_sees_what_he_decides(session: Any, world: World) -> None:
    made = drafted(world, NEW)
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    seen = made.row_version
    with transaction(session):
        item_sets.withdraw(session, world.actor("maintenance_head"), made.id, BEFORE)
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    with pytest.raises(Stale), transaction(session):
        item_sets.approve(session, world.actor("inspector"), made.id, seen, "", BEFORE)


def test_what_waited_too_long_gets_another_day(session: Any, world: World) -> None:
    made = drafted(world, NEW)
    with transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    with pytest.raises(Refusal) as refusal, transaction(session):
        item_sets.approve(
            session, world.actor("inspector"), made.id, made.row_version, "", BEFORE + dt.timedelta(days=1)
        )
    assert rules_of(refusal) == {"启用日期"}


def test_a_first_list_says_something_and_names_are_told_apart(session: Any, world: World) -> None:
    made = drafted(world)
    with pytest.raises(Refusal) as refusal, transaction(session):
        item_sets.submit(session, world.actor("maintenance_head"), made.id, BEFORE)
    assert rules_of(refusal) == {"自有项目"}
    put_in_force(world, drafted(world, NEW))
    with pytest.raises(Refusal) as refusal:
        drafted(world, replace(NEW, item="另一项"))
    assert rules_of(refusal) == {"版本名称"}


def test_a_draft_given_up_makes_room(session: Any, world: World) -> None:
    made = drafted(world, NEW)
    with transaction(session):
        item_sets.discard(session, world.actor("maintenance_head"), made.id, BEFORE)
        again = item_sets.start(session, world.actor("maintenance_head"), "A", BEFORE)
    assert again.id != made.id and again.rows == []
    with transaction(session):
        item_sets.save(
            session, world.actor("maintenance_head"), again.id, "二", DAY, "", [*of_annex("A"), NEW], BEFORE
        )
    # The number that the discarded draft gave is not given again.
    assert again.rows[0]["code"] == f"U{world.firm.id}-1-02"


def test_another_units_list_is_not_seen(session: Any, world: World) -> None:
    made = in_force(world, NEW)
    for persona, number in (("other_head", 0), ("use_head", 0), ("clerk", 1), ("inspector", 1), ("other_inspector", 0)):
        seen = scope.apply(select(ItemSet.id), world.actor(persona), ItemSet)
        assert len(session.scalars(seen).all()) == number, persona
    with pytest.raises(Refusal), transaction(session):
        item_sets.discard(session, world.actor("other_head"), made.id, BEFORE)


# --- visits


def test_a_visit_does_the_list_of_its_day_and_keeps_it(session: Any, huzhou: Any) -> None:
    made = in_force(huzhou, NEW)
    code = made.rows[0]["code"]
    visit = arrive(session, huzhou)
    assert visit.item_version == f"{CURRENT}+{made.id}"
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + 40 * MINUTE)
    assert rules_of(refusal) == {"维保项目"}
    told = answers(visit) | {code: {"result": "ok", "value": ""}}
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + 40 * MINUTE, results=told)
    assert rules_of(refusal) == {"实测值"}
    told[code] = {"result": "ok", "value": "120", "reason": "灯管已换"}
    leave(session, huzhou, visit, START + 40 * MINUTE, results=told)
    kept = next(row for row in visit.results if row["code"] == code)
    assert kept == {"code": code, "result": "ok", "value": "120", "reason": "灯管已换"}
    # A later version changes nothing of what was done.
    later = START + dt.timedelta(days=1)
    with transaction(session):
        second = item_sets.start(session, huzhou.actor("maintenance_head"), "A", later)
        given = [*of_annex("A"), replace(NEW, item="改了名的项目")]
        item_sets.save(
            session, huzhou.actor("maintenance_head"), second.id, "二版", clock.local_day(later), "", given, later
        )
    put_in_force(huzhou, second, at=later)
    shown = {item.code: item.item for item in item_lists.of_visit(session, visit)}
    assert shown[code] == "轿厢内显示屏" and len(shown) == 32
    firm, day = huzhou.firm.id, clock.local_day(later)
    newer = item_lists.version_for(
        item_lists.heads(session, firm), firm, huzhou.own.region_code, "3110", day
    )  # fmt: skip
    assert newer == f"{CURRENT}+{second.id}"
    assert [i.item for i in item_lists.items_of(session, "3110", "half_month", newer)][-1] == "改了名的项目"


def test_a_list_holds_from_its_day_for_its_kind_and_its_unit_alone(session: Any, huzhou: Any) -> None:
    made = in_force(huzhou, NEW, from_on=clock.local_day(START) + dt.timedelta(days=1))
    found = item_lists.heads(session, huzhou.firm.id)

    def version(unit: int, category: str, days: int) -> str:
        day = clock.local_day(START) + dt.timedelta(days=days)
        return item_lists.version_for(found, unit, huzhou.own.region_code, category, day)

    own = f"{CURRENT}+{made.id}"
    firm, other = huzhou.firm.id, huzhou.other_firm.id
    assert [version(firm, "3110", 0), version(firm, "3110", 1), version(firm, "3130", 1)] == [CURRENT, own, own]
    assert [version(firm, "3310", 1), version(other, "3110", 1)] == [CURRENT, CURRENT]
    assert item_lists.heads(session, other) == ()
    assert arrive(session, huzhou).item_version == CURRENT


def test_a_regions_list_goes_down_the_tree_and_a_units_comes_on_it(
    session: Any, huzhou: Any, of_city: list[Any]
) -> None:
    city = drafted(huzhou, NEW, account=of_city[0], name="澜州版")
    put_in_force(huzhou, city, by=actor(of_city[1]), who=actor(of_city[0]))
    finer = replace(of_annex("A")[0], requirement=f"{of_annex('A')[0].requirement}；温度不高于 40 ℃")
    with transaction(session):
        made = item_sets.start(session, huzhou.actor("maintenance_head"), "A", BEFORE)
        base = item_sets.inherited(session, made, DAY)
        assert len(base) == 77
        item_sets.save(
            session, huzhou.actor("maintenance_head"), made.id, "恒枢版", DAY, "", [finer, *base[1:]], BEFORE
        )
        # What the city added is inherited: a unit drops it no more than the law's.
        with pytest.raises(Refusal) as refusal:
            item_sets.save(
                session, huzhou.actor("maintenance_head"), made.id, "恒枢版", DAY, "", of_annex("A"), BEFORE
            )
    assert rules_of(refusal) == {"法定和上级项目不能删减"}
    put_in_force(huzhou, made)
    visit = arrive(session, huzhou)
    assert visit.item_version == f"{CURRENT}+{city.id}+{made.id}"
    items = item_lists.of_visit(session, visit)
    assert len(items) == 32 and items[0].requirement == finer.requirement and items[-1].code == "R9804-1-01"


def test_an_elevator_without_a_list_of_the_law_is_checked_out_by_items(session: Any, huzhou: Any) -> None:
    huzhou.own.category = "3420"
    session.commit()
    visit = arrive(session, huzhou)
    with pytest.raises(Refusal) as refusal:
        leave(session, huzhou, visit, START + 40 * MINUTE, results={})
    assert rules_of(refusal) == {"维保项目"}
    leave(session, huzhou, visit, START + 40 * MINUTE, mode="sheet")
    listed = Item("", "3420", Level.HALF_MONTH, "消防开关", "动作可靠")
    made = in_force(huzhou, listed, kind="3420", name="消防员电梯清单")
    later = START + dt.timedelta(days=3)
    visit = arrive(session, huzhou, later)
    code = f"U{huzhou.firm.id}-1-01"
    assert visit.item_version == f"{CURRENT}+{made.id}"
    leave(session, huzhou, visit, later + 40 * MINUTE, results={code: {"result": "ok"}})
    assert [row["code"] for row in visit.results] == [code] and visit.mode == "items"


def test_the_phone_takes_the_list_along(session: Any, huzhou: Any) -> None:
    made = in_force(huzhou, NEW)
    visit = arrive(session, huzhou)
    carried = phone_copy.copy(session, huzhou.actor("worker"), START)
    run = carried["running"]
    assert run["item_version"] == visit.item_version == f"{CURRENT}+{made.id}"
    told = {item["item"]: item["measure"] for item in carried["items"][run["items"]]}
    assert told["轿厢内显示屏"] == "lx" and len(told) == 32


def test_a_visit_asks_nothing_more_where_nobody_has_a_list(session: Any, huzhou: Any) -> None:
    make_policy(session, "horizon_days", 5)
    make_ledger(session, huzhou.own, huzhou.worker)
    with statements() as made:
        visit = arrive(session, huzhou)
        asked = [text for text in made if "item_set" in text]
        # It rides in the one statement by which a check-in finds everything.
        assert len(asked) == 1 and "FROM elevator" in asked[0]
        made.clear()
        leave(session, huzhou, visit, START + 40 * MINUTE)
        assert not [text for text in made if "item_set" in text]


def test_a_process_reads_an_own_list_once(session: Any, huzhou: Any) -> None:
    in_force(huzhou, NEW)
    visit = arrive(session, huzhou)
    with statements() as made:
        for _ in range(3):
            assert len(item_lists.of_visit(session, visit)) == 32
            session.expire_all()
            session.commit()
    assert len([text for text in made if "item_set" in text]) == 1




@pytest.mark.feature("MNT-05")
@pytest.mark.parametrize(("told", "kept"), [("former", "former"), ("", "now"), ("T5002-2017+999", "now")])
def test_a_visit_without_network_does_the_list_that_the_phone_carried(
    session: Any, huzhou: Any, told: str, kept: str
) -> None:
    """The list came into force while the phone was away; what it says it carried is believed if it once held."""
    made = in_force(huzhou, NEW, from_on=clock.local_day(START))
    versions = {"former": CURRENT, "now": f"{CURRENT}+{made.id}"}
    sent = START + 2 * HOUR
    items = item_lists.items_of(session, "3110", "half_month", versions[kept])
    done = CheckOut(results={i.code: {"result": "ok", "value": "1"} for i in items}, problem="")
    one = Kept(
        "phone-1", PhoneClock(sent, sent, Contact(START - HOUR, dt.timedelta())), huzhou.accounts["worker"].id,
        began=Moment(huzhou.own.code, START, HERE, 5.0),
        ended=Moment(huzhou.own.code, START + 40 * MINUTE, HERE, 5.0), done=done, items=versions.get(told, told),
    )  # fmt: skip
    with transaction(session):
        visit = offline.receive(session, huzhou.actor("worker"), one, sent)
    assert visit.item_version == versions[kept] and len(visit.results) == len(items)
