"""TGT-01: published, drawn once, worked out again from the record; results and what follows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import func, select

from app import clock, scope, vault
from app.errors import NotAllowed, NotFound
from app.models import AuditEntry, Inspection, Notification, OverduePeriod, SpotAvoidance, SpotCheck, SpotDraw
from app.permissions import Role
from app.rules import spot_draw
from app.transaction import transaction
from app.workflows.approval import escalation
from app.workflows.oversight import spot_checks, spot_draws, spot_risk
from app.workflows.oversight.spot_draws import Plan
from app.workflows.oversight.spot_risk import Asked
from app.workflows.public import complaints
from tests.factories import World, make_account, make_elevator, make_policy
from tests.outcomes import refused
from tests.rules.test_spot_checks import by_hand
from tests.statements import statements

pytestmark = pytest.mark.feature("TGT-01")
TODAY = dt.date(2026, 3, 2)
NOW = clock.instant_of(dt.datetime.combine(TODAY, dt.time(10)))
DAY = dt.timedelta(days=1)
SEED = "双色球 2026024 期 03 09 17 22 28 31 + 06"


@pytest.fixture
def city(world: World) -> World:
    """A district of a dozen elevators, three more inspectors."""
    for n in range(11):
        make_elevator(
            world.session, maintenance_unit=world.firm, use_unit=world.use_unit,
            commissioned_on=dt.date(2000 + n, 5, 1), next_inspection_on=dt.date(2099, 1, 1),
        )  # fmt: skip
    for n in range(3):
        world.accounts[f"inspector{n}"] = make_account(world.session, Role.INSPECTOR, region_code="980402000000")
    world.session.commit()
    return world


def plan(world: World, **more: Any) -> Plan:
    people = [world.accounts[name].id for name in ("inspector", "inspector0", "inspector1", "inspector2")]
    return replace(Plan("春季抽查", Asked(), 6, 50, 25, TODAY + 30 * DAY, people), **more)


def do(world: World, who: str, deed: Any, *given: Any, **more: Any) -> Any:
    with transaction(world.session):
        return deed(world.session, world.actor(who), *given, **more)


def drawn(world: World, **more: Any) -> SpotDraw:
    row = do(world, "region_admin", spot_draws.announce, plan(world, **more), NOW)
    return do(world, "region_admin", spot_draws.draw, row.id, SEED, NOW)  # type: ignore[no-any-return]


def told(world: World, topic: str) -> list[int | None]:
    statement = select(Notification.recipient_id).where(Notification.topic == topic)
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


def test_a_draw_is_published_before_anybody_can_know_it(city: World) -> None:
    row = do(city, "region_admin", spot_draws.announce, plan(city), NOW)
    assert (row.state, row.number, row.population_count) == ("announced", "CC-2026-000001", 12)
    assert row.commitment == spot_draw.digest(row.secret) and row.population_digest == spot_draw.digest(row.population)
    assert spot_draws.checks_of(city.session, row) == [] and told(city, "spot.check") == []
    entry = city.session.scalars(select(AuditEntry).where(AuditEntry.action == "spot_draw.announce")).one()
    assert row.secret not in str(entry.after)


@pytest.mark.parametrize("most", [1, 4, 12, 50])
def test_the_riskiest_are_found_by_groups_as_all_are_ranked(city: World, most: int) -> None:
    actor = city.actor("region_admin")
    for target in ("elevator", "unit"):
        every = spot_risk.ranked(city.session, actor, Asked(target), NOW)
        shown, total = spot_risk.riskiest(city.session, actor, Asked(target), NOW, most)
        assert [replace(one, name="") for one in shown] == every[:most] and total == len(every)
        assert all(one.name for one in shown)
    assert len({one.risk for one in spot_risk.ranked(city.session, actor, Asked(), NOW)}) > 1


def test_of_elevators_that_are_alike_only_the_shown_are_read(city: World) -> None:
    for n in range(40):
        make_elevator(
            city.session, maintenance_unit=city.firm, use_unit=city.use_unit,
            commissioned_on=dt.date(2020, 1, 1 + n % 28), next_inspection_on=dt.date(2099, 1, 1),
        )  # fmt: skip
    city.session.commit()
    lifts = spot_risk._lifts(city.session, city.actor("region_admin"), Asked(), TODAY)
    groups = spot_risk._groups(city.session, lifts)
    assert sum(number for _unit, _alike, number, _keys in groups) == 52 and len(groups) <= 13
    with statements() as seen:
        spot_risk.riskiest(city.session, city.actor("region_admin"), Asked(), NOW, 5)
    # The groups, codes of the first of them, surely or by their codes, and their names.
    assert len([one for one in seen if "FROM elevator" in one]) <= 4


def test_the_database_does_not_tell_what_will_be_drawn(city: World) -> None:
    row = do(city, "region_admin", spot_draws.announce, plan(city), NOW)
    secret, raw = row.secret, sa.table("spot_draw", sa.column("secret"), sa.column("id"))
    stands = city.session.scalar(sa.select(raw.c.secret).where(raw.c.id == row.id))
    assert vault.is_sealed(stands) and secret not in stands and len(secret) == 64
    # No digest of it either but the one that is published: equal ones would not look alike.
    assert stands != vault.seal_text(secret, "spot_draw.secret", "")
    assert vault.open_text(stands, "spot_draw.secret") == secret
    with pytest.raises(vault.Unreadable):
        vault.open_text(stands, "iot_device.key")


def test_a_secret_that_was_changed_in_the_database_draws_nothing(city: World) -> None:
    over = drawn(city)
    row = do(city, "region_admin", spot_draws.announce, plan(city), NOW)
    raw = sa.table("spot_draw", sa.column("secret"), sa.column("id"))
    known = sa.select(raw.c.secret).where(raw.c.id == over.id).scalar_subquery()
    with transaction(city.session) as session:
        session.execute(sa.update(raw).where(raw.c.id == row.id).values(secret=known))
    city.session.expire_all()
    said = refused(lambda: do(city, "region_admin", spot_draws.draw, row.id, SEED, NOW))
    assert "与公布的摘要不一致" in said and row.state == "announced"
    # It can be cancelled, and the one that is over is worked out as ever.
    do(city, "region_admin", spot_draws.cancel, row.id, "随机数被改动", NOW)
    assert over.seed == spot_draw.digest(f"{over.number}\n{over.secret}\n{over.seed_text}")
    assert spot_draw.digest(over.secret) == over.commitment


def test_what_was_drawn_is_worked_out_again_from_the_record(city: World) -> None:
    row = drawn(city)
    checks = spot_draws.checks_of(city.session, row)
    assert row.seed == spot_draw.digest(f"{row.number}\n{row.secret}\n{row.seed_text}")
    found = [(one.code, one.stratum) for one in checks]
    assert found == by_hand(row.population, row.quota, row.risk_percent, row.top_percent, row.seed)
    assert [stratum for _code, stratum in found] == ["risk"] * 3 + ["random"] * 3
    # Who goes, too: from the printed accounts and what each keeps out of.
    people = [spot_draw.Inspector(one["id"], frozenset(one["out"])) for one in row.inspectors]
    units = {one.code: {city.firm.id, city.use_unit.id} for one in checks}
    chosen = [spot_draw.Chosen(*one) for one in found]
    assert spot_draw.send(chosen, units, people, row.seed) == {
        one.code: (one.inspector_id, one.partner_id) for one in checks
    }
    assert all(one.state == "waiting" and one.unit_id == city.firm.id and one.parts for one in checks)
    assert sorted(told(city, "spot.check")) == sorted({i for one in checks for i in (one.inspector_id, one.partner_id)})


def test_nobody_draws_again_until_he_is_pleased(city: World) -> None:
    row = drawn(city)
    before = [one.code for one in spot_draws.checks_of(city.session, row)]
    assert "只做一次" in refused(lambda: do(city, "region_admin", spot_draws.draw, row.id, SEED + "x", NOW))
    assert "没有填写" in refused(lambda: do(city, "region_admin", spot_draws.cancel, row.id, " ", NOW))
    do(city, "region_admin", spot_draws.cancel, row.id, "名单有误", NOW)
    assert (row.state, row.cancel_reason) == ("cancelled", "名单有误")
    after = spot_draws.checks_of(city.session, row)
    assert [one.code for one in after] == before and {one.state for one in after} == {"void"}
    assert "已作废" in refused(lambda: do(city, "region_admin", spot_draws.draw, row.id, SEED, NOW))
    again = drawn(city)
    assert again.number == "CC-2026-000002" and again.seed != row.seed


def test_all_that_is_wrong_with_a_plan(city: World) -> None:
    wrong = plan(city, title="", quota=13, inspectors=[city.accounts["clerk"].id], check_until=TODAY - DAY)
    found = refused(lambda: do(city, "region_admin", spot_draws.announce, wrong, NOW))
    for word in ("没有填写", "名单只有 12", "选了 0 人", "不在一年之内"):
        assert word in found
    elsewhere = plan(city, asked=Asked(region="980403000000"))
    assert "管辖范围" in refused(lambda: do(city, "region_admin", spot_draws.announce, elsewhere, NOW))
    nothing = plan(city, asked=Asked("building"))
    assert "请选择电梯或维保单位" in refused(lambda: do(city, "region_admin", spot_draws.announce, nothing, NOW))
    with pytest.raises(NotAllowed):
        do(city, "inspector", spot_draws.announce, plan(city), NOW)
    row = do(city, "region_admin", spot_draws.announce, plan(city), NOW)
    assert "5 个字" in refused(lambda: do(city, "region_admin", spot_draws.draw, row.id, "12 34", NOW))
    late = NOW + 31 * DAY
    assert "已过" in refused(lambda: do(city, "region_admin", spot_draws.draw, row.id, SEED, late))
    with pytest.raises(NotFound):
        do(city, "other_inspector", spot_checks.enter, 1, True, "好", "", NOW)


def test_who_keeps_out_is_not_sent(city: World) -> None:
    out = do(city, "inspector", spot_draws.keep_out, None, city.firm.id, "亲属在该单位", NOW)
    for n in range(2):
        do(city, "region_admin", spot_draws.keep_out, city.accounts[f"inspector{n}"].id, city.firm.id, "曾任职", NOW)
    assert "只能登记本人" in refused(
        lambda: do(city, "inspector", spot_draws.keep_out, city.accounts["inspector2"].id, city.firm.id, "不喜欢", NOW)
    )
    row = drawn(city)
    pairs = {(one.inspector_id, one.partner_id) for one in spot_draws.checks_of(city.session, row)}
    assert pairs == {(city.accounts["inspector2"].id, None)}
    do(city, "inspector", spot_draws.end_avoidance, out.id, NOW)
    assert "已经解除" in refused(lambda: do(city, "inspector", spot_draws.end_avoidance, out.id, NOW))
    later = drawn(city)
    assert {p for one in spot_draws.checks_of(city.session, later) for p in (one.inspector_id, one.partner_id)} == {
        city.accounts["inspector"].id, city.accounts["inspector2"].id,
    }  # fmt: skip
    # The first record still says what it went by.
    assert [one["out"] for one in row.inspectors] == [[city.firm.id]] * 3 + [[]]
    assert city.session.scalar(select(func.count()).select_from(SpotAvoidance)) == 3


# --- risk


def test_a_risk_shows_each_of_its_parts(city: World) -> None:
    lift = city.own
    lift.commissioned_on, lift.next_inspection_on = dt.date(2010, 3, 3), TODAY - DAY
    for n in (10, 40, 400):
        on = TODAY - n * DAY
        city.session.add(OverduePeriod(
            elevator_id=lift.id, unit_id=city.firm.id, region_code=lift.region_code, anchor_on=on - 15 * DAY,
            limit_on=on, interval_days=15, judged_at=NOW, withdrawn=False,
        ))  # fmt: skip
    city.session.add(Inspection(
        elevator_id=lift.id, region_code=lift.region_code, kind="periodic", number="A1", number_key="A1",
        done_on=TODAY - 20 * DAY, tested_by="检测院", result="failed", state="approved", entered_by="测试",
    ))  # fmt: skip
    city.session.commit()
    form = {"name": "顾以宁", "phone": "13900001111", "body": "抖动"}
    with transaction(city.session):
        complaints.complain(city.session, lift, form, ["shaking"], (), NOW - DAY, None)
    rows = spot_risk.ranked(city.session, city.actor("inspector"), Asked(), NOW)
    assert len(rows) == 12 and rows[0].code == lift.code
    # Two in the year, one failed, over its day, one complaint, five whole years beyond ten, nobody covers it.
    assert rows[0].parts == {
        "overdue": 2000, "uncovered": 3000, "failed": 2000, "inspection": 2000, "complaint": 500, "age": 1000,
    }  # fmt: skip
    assert rows[0].risk == 10500 and all(one.risk == sum(one.parts.values()) for one in rows)
    shown, total = spot_risk.riskiest(city.session, city.actor("inspector"), Asked(), NOW, 3)
    assert total == 12 and [(one.key, one.risk, one.parts) for one in shown] == [
        (one.key, one.risk, one.parts) for one in rows[:3]
    ]  # fmt: skip
    assert shown[0].name == lift.place and all(one.name for one in shown)
    (unit,), total = spot_risk.riskiest(city.session, city.actor("inspector"), Asked("unit"), NOW, 100)
    assert total == 1 and unit.name == city.firm.name
    (unit,) = spot_risk.ranked(city.session, city.actor("inspector"), Asked("unit"), NOW)
    # Two of twelve elevators: 1.67 for ten, ten points each.
    assert unit.code == city.firm.uscc and unit.parts["overdue"] == 1670
    make_policy(city.session, "spot_w_overdue", 0)
    city.session.commit()
    assert "overdue" not in spot_risk.ranked(city.session, city.actor("inspector"), Asked(), NOW)[0].parts


def test_the_list_holds_what_may_be_published(city: World) -> None:
    lifts = {one.key for one in spot_risk.ranked(city.session, city.actor("region_admin"), Asked(), NOW)}
    secret = make_elevator(city.session, maintenance_unit=city.firm, is_secret=True)
    stopped = make_elevator(city.session, maintenance_unit=city.firm, status="suspended")
    escalator = make_elevator(city.session, maintenance_unit=city.other_firm, category="3310")
    city.session.commit()
    actor = city.actor("region_admin")
    found = {one.key for one in spot_risk.ranked(city.session, actor, Asked(), NOW)}
    assert found == lifts | {escalator.id} and not {secret.id, stopped.id, city.foreign.id} & found
    assert [one.key for one in spot_risk.ranked(city.session, actor, Asked(category="3310"), NOW)] == [escalator.id]
    assert {one.key for one in spot_risk.ranked(city.session, actor, Asked(unit_id=city.firm.id), NOW)} == lifts
    units = spot_risk.ranked(city.session, actor, Asked("unit"), NOW)
    assert {one.key for one in units} == {city.firm.id, city.other_firm.id}


def test_units_are_drawn_as_well(city: World) -> None:
    row = drawn(city, asked=Asked("unit"), quota=1)
    (check,) = spot_draws.checks_of(city.session, row)
    assert (check.code, check.unit_id, check.elevator_id, check.name) == (
        city.firm.uscc, city.firm.id, None, city.firm.name,
    )  # fmt: skip


# --- checks


def sent_to(world: World, check: SpotCheck) -> str:
    return next(name for name, one in world.accounts.items() if one.id == check.inspector_id)


def test_a_unit_learns_of_a_check_with_its_result(city: World) -> None:
    check = spot_draws.checks_of(city.session, drawn(city))[0]
    head, seen = city.actor("maintenance_head"), lambda: city.session.scalar(
        scope.apply(select(func.count()).select_from(SpotCheck), city.actor("maintenance_head"), SpotCheck)
    )  # fmt: skip
    assert seen() == 0 and told(city, "spot.fix") == []
    with pytest.raises(NotFound):
        scope.visible(city.session, head, SpotCheck, check.id)
    assert city.session.scalar(scope.apply(select(func.count()).select_from(SpotDraw), head, SpotDraw)) == 0
    who = sent_to(city, check)
    other = next(n for n in ("inspector", "inspector0", "inspector1", "inspector2")
                 if city.accounts[n].id not in (check.inspector_id, check.partner_id))  # fmt: skip
    assert "没有被抽为" in refused(lambda: do(city, other, spot_checks.enter, check.id, True, "好", "", NOW))
    assert "整改要求" in refused(lambda: do(city, who, spot_checks.enter, check.id, False, "门锁失效", "", NOW))
    do(city, who, spot_checks.enter, check.id, False, "门锁失效", "更换门锁", NOW)
    assert (check.state, check.due_at) == ("fixing", clock.instant_of(dt.datetime.combine(TODAY + 16 * DAY, dt.time())))
    assert seen() == 1 and set(told(city, "spot.fix")) == {city.accounts["maintenance_head"].id}
    assert "没有填写" in refused(lambda: do(city, "maintenance_head", spot_checks.fix, check.id, "", NOW))
    do(city, "maintenance_head", spot_checks.fix, check.id, "已更换", NOW)
    assert (check.state, check.due_at) == ("fixed", None)
    assert "没有填写" in refused(lambda: do(city, who, spot_checks.review, check.id, False, "", NOW))
    do(city, who, spot_checks.review, check.id, False, "照片不清楚", NOW + DAY)
    assert check.state == "fixing" and check.due_at == clock.instant_of(
        dt.datetime.combine(TODAY + 17 * DAY, dt.time())
    )
    do(city, "maintenance_head", spot_checks.fix, check.id, "补照片", NOW + DAY)
    do(city, who, spot_checks.review, check.id, True, "", NOW + DAY)
    assert (check.state, check.due_at, check.closed_at) == ("closed", None, NOW + DAY)


def test_what_cannot_be_checked_stays_in_the_draw(city: World) -> None:
    check = spot_draws.checks_of(city.session, drawn(city))[0]
    who = sent_to(city, check)
    assert "没有填写" in refused(lambda: do(city, who, spot_checks.skip, check.id, "", NOW))
    do(city, who, spot_checks.skip, check.id, "电梯已拆除", NOW)
    assert (check.state, check.close_note) == ("void", "电梯已拆除")
    assert "未检查" in refused(lambda: do(city, who, spot_checks.enter, check.id, True, "好", "", NOW))


def test_a_limit_that_runs_out_is_told_to_the_unit(city: World) -> None:
    check = spot_draws.checks_of(city.session, drawn(city))[0]
    do(city, sent_to(city, check), spot_checks.enter, check.id, False, "门锁失效", "更换门锁", NOW)
    assert check.due_at is not None
    with transaction(city.session):
        escalation.tell(city.session, check.due_at - DAY * 2)
        assert escalation.tell(city.session, check.due_at)["red"] == 1
    assert set(told(city, "clock_spot_fix")) == {city.accounts["maintenance_head"].id}
