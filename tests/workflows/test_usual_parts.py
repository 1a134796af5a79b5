"""ELV-05: a new elevator's parts and doors out of the usual list of its kind, by hand, at its filing, for many."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import AuditEntry, Component, Job, LandingDoor, UsualParts
from app.permissions import SYSTEM
from app.rules import parts
from app.rules.parts import Usual
from app.tasks.jobs import run
from app.transaction import transaction
from app.views.approval import filing_lists
from app.workflows.filing import components, landing_doors, usual_parts
from app.workflows.filing.components import Part
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_elevator, make_policy
from tests.views.test_imports import work
from tests.workflows.filing_world import filed_elevator, fresh

pytestmark = pytest.mark.feature("ELV-05")
NOW = dt.datetime(2026, 7, 1, 2, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 7, 1)


def fill(world: World, who: str = "clerk", **more: Any) -> usual_parts.Filled:
    with transaction(world.session) as session:
        made = usual_parts.fill(session, world.actor(who), world.own.id, NOW, **({"lowest": 1} | more))
    world.session.expire_all()
    return made


def written(world: World, *given: Usual, who: str = "maintenance_head", kind: str = "A", **more: Any) -> Any:
    with transaction(world.session) as session:
        usual_parts.save(session, world.actor(who), kind, given, NOW, **more)
    world.session.expire_all()


def standing(world: World) -> dict[str, Component]:
    rows = world.session.scalars(select(Component).where(Component.elevator_id == world.own.id))
    return {row.name: row for row in rows if row.ended_on is None}


def told(refused: Any) -> list[str]:
    return [f.found for f in refused.value.findings if f.stops]


@pytest.fixture
def young(world: World) -> World:
    world.own.commissioned_on, world.own.stops, world.own.category = dt.date(2026, 3, 1), 3, "3110"
    world.session.commit()
    return world


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, (TODAY, False)),
        (dt.date(2026, 3, 1), (dt.date(2026, 3, 1), True)),
        (dt.date(2026, 1, 1), (dt.date(2026, 1, 1), True)),  # due today, which is still in time
        (dt.date(2025, 12, 31), (TODAY, False)),
        (dt.date(2026, 7, 2), (TODAY, False)),  # put into use tomorrow
    ],
)
def test_from_when_a_part_is_counted(since: dt.date | None, expected: tuple[dt.date, bool]) -> None:
    assert parts.counted_from(since, 6, TODAY) == expected


def test_one_press_gives_a_new_elevator_its_parts_and_doors_and_a_second_one_nothing(young: World) -> None:
    made = fill(young)
    assert made == usual_parts.Filled(len(parts.USUAL), 3)
    rows = standing(young)
    assert set(rows) == set(parts.USUAL)
    assert {(r.life_months, r.installed_on, r.due_on, r.note) for r in rows.values()} == {
        (6, dt.date(2026, 3, 1), dt.date(2026, 9, 1), None)
    }
    doors = young.session.scalars(select(LandingDoor).order_by(LandingDoor.position)).all()
    assert [door.landing for door in doors] == ["1", "2", "3"]
    assert fill(young) == usual_parts.Filled(0, 0)
    entries = young.session.scalars(select(AuditEntry).where(AuditEntry.action == "component.usual")).all()
    assert len(entries) == 1 and entries[0].after["components"] == list(parts.USUAL)


def test_what_was_taken_out_or_named_otherwise_does_not_come_back(young: World) -> None:
    session, clerk = young.session, young.actor("clerk")
    with transaction(session):
        gone = components.add(session, clerk, young.own.id, Part("补偿链", TODAY), NOW).id
        components.remove(session, clerk, gone, "这台没有补偿链", NOW)
        undone = components.add(session, clerk, young.own.id, Part("缓冲器", TODAY), NOW).id
        components.undo(session, clerk, undone, NOW)
        kept = components.add(session, clerk, young.own.id, Part("安全钳", TODAY, 24), NOW).id
        landing_doors.generate(session, clerk, young.own.id, -1, NOW)
    made = fill(young, lowest=1)
    rows = standing(young)
    assert made == usual_parts.Filled(len(parts.USUAL) - 2, 0)
    assert "补偿链" not in rows and "缓冲器" in rows and rows["安全钳"].id == kept
    assert set(young.session.scalars(select(LandingDoor.landing))) == {"-1", "1", "2"}


def test_of_an_old_elevator_nobody_knows_how_old_the_parts_are(world: World) -> None:
    world.own.commissioned_on, world.own.stops = dt.date(2010, 1, 1), None
    world.session.commit()
    assert fill(world).doors == 0, "without 站数 there are no doors to make, and the parts are made all the same"
    row = standing(world)["安全钳"]
    assert (row.installed_on, row.note) == (TODAY, "安装日期不明，自登记日起计")


def test_the_day_that_was_said_counts_and_a_wrong_one_is_refused(young: World) -> None:
    with pytest.raises(Refusal) as refused:
        fill(young, installed_on=TODAY + dt.timedelta(1), lowest=0)
    assert {f.rule for f in refused.value.findings if f.stops} == {"安装日期", "最低层"}
    fill(young, installed_on=dt.date(2020, 1, 1), lowest=-2)
    assert {r.due_on for r in standing(young).values()} == {dt.date(2020, 7, 1)}
    assert set(young.session.scalars(select(LandingDoor.landing))) == {"-2", "-1", "1"}


def test_escalators_have_other_parts_and_no_doors(young: World) -> None:
    young.own.category = "3310"
    young.session.commit()
    assert fill(young).doors == 0
    assert "扶手带" in standing(young) and "曳引钢丝绳" not in standing(young)


@pytest.mark.parametrize(
    ("who", "error"), [("worker", NotAllowed), ("inspector", NotAllowed), ("other_head", NotFound)]
)
def test_who_may_not(young: World, who: str, error: type[Refusal]) -> None:
    with pytest.raises(error):
        fill(young, who=who)
    assert not standing(young)


def test_a_scrapped_elevator_is_given_nothing(young: World) -> None:
    young.own.status = "scrapped"
    young.session.commit()
    with pytest.raises(Refusal):
        fill(young)


# --- the lists


def test_the_unit_s_own_list_goes_before_the_nearest_region_s(young: World) -> None:
    session, region = young.session, young.own.region_code
    session.add_all([
        UsualParts(kind="A", region_code="980000000000", rows=[{"name": "省里的", "life_months": 9}]),
        UsualParts(kind="A", region_code=region[:4].ljust(12, "0"), rows=[{"name": "市里的", "life_months": 9}]),
        UsualParts(kind="A", region_code="970000000000", rows=[{"name": "外省的", "life_months": 9}]),
    ])  # fmt: skip
    session.commit()

    def holds() -> list[str]:
        found = usual_parts.holding(session, young.own.maintenance_unit_id, region, "A")
        return [one.name for one in found.parts]

    assert holds() == ["市里的"]
    written(young, Usual("自己的", 12), Usual("  制动器  闸瓦 "))
    assert holds() == ["自己的", "制动器 闸瓦"]
    fill(young)
    assert {name: row.life_months for name, row in standing(young).items()} == {"自己的": 12, "制动器 闸瓦": 6}
    written(young)
    assert holds() == ["市里的"], "an empty list is given up"
    assert [one.name for one in usual_parts.holding(session, None, None, "A").parts] == list(parts.USUAL)


def test_each_fault_is_told_by_its_line_and_nothing_is_written(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        written(world, Usual("闸瓦"), Usual("闸瓦", 601), Usual("", 0), Usual("长" * 41))
    assert told(refused) == [
        "第 1 行“闸瓦”重复", "第 2 行“闸瓦”重复", "第 2 行的寿命为 601 个月", "第 3 行的名称有 0 个字",
        "第 3 行的寿命为 0 个月", "第 4 行的名称有 41 个字",
    ]
    with pytest.raises(Refusal) as refused:
        written(world, *(Usual(f"组件 {n}") for n in range(61)))
    assert told(refused) == ["一共 61 个"]
    assert world.session.scalar(select(func.count()).select_from(UsualParts)) == 0


def test_who_keeps_which_list(world: World) -> None:
    for who, error in (("use_head", NotAllowed), ("worker", NotAllowed), ("clerk", NotAllowed)):
        with pytest.raises(error):
            written(world, Usual("闸瓦"), who=who)
    written(world, Usual("闸瓦"))
    with pytest.raises(Stale):
        written(world, Usual("衬"), seen_version=0)
    written(world, Usual("衬"), seen_version=1)
    row = world.session.scalar(select(UsualParts))
    assert (row.unit_id, row.rows) == (world.firm.id, [{"name": "衬", "life_months": None}])


# --- at the filing


@pytest.mark.parametrize("asked", [False, True])
def test_at_the_first_filing_where_the_region_asks_for_it(world: World, asked: bool) -> None:
    session = world.session
    if asked:
        make_policy(session, "components_at_filing", True, region_code="980000000000")
    row = filed_elevator(world, code="300177", commissioned_on="2026-11-02", stops=2)
    names = set(session.scalars(select(Component.name).where(Component.elevator_id == row.id)))
    doors = session.scalar(select(func.count()).where(LandingDoor.elevator_id == row.id))
    assert (len(names), doors) == (len(parts.USUAL) if asked else 0, 0)
    entry = session.scalar(select(AuditEntry).where(AuditEntry.action == "component.usual"))
    assert (entry is not None) is asked and (entry is None or entry.actor_name == SYSTEM.name)


def test_an_old_elevator_s_filing_invents_no_days(world: World) -> None:
    session = world.session
    make_policy(session, "components_at_filing", True, region_code="980000000000")
    row = filed_elevator(world, code="300178", commissioned_on="2012-01-01", stops=2)
    assert session.scalar(select(func.count()).where(Component.elevator_id == row.id)) == 0


# --- on pages and by the interface


def post(browser: Any, path: str, **form: Any) -> Any:
    return browser.post(path, data=form | {"csrf_token": csrf(browser)}, follow_redirects=True)


def test_the_button_on_the_elevator_s_page(young: World, sign_in: Any) -> None:
    clerk, page = sign_in(young.accounts["clerk"]), f"/elevators/{young.own.id}/parts"
    shown = clerk.get(page).text
    assert f"常用组件还有 {len(parts.USUAL)} 个没有登记" in shown and "登记常用组件和层门" in shown
    assert post(clerk, f"{page}/usual", installed_on="昨天").status_code == 422
    assert post(clerk, f"{page}/usual", lowest="0").status_code == 422
    done = post(clerk, f"{page}/usual", lowest="1").text
    assert f"已登记组件 {len(parts.USUAL)} 个，层门 3 个" in done and "没有登记" not in done
    assert "没有新增" in post(clerk, f"{page}/usual").text
    assert "没有登记" not in sign_in(young.accounts["inspector"]).get(page).text


def test_the_list_is_kept_line_by_line(world: World, sign_in: Any) -> None:
    head = sign_in(world.accounts["maintenance_head"])
    page = head.get("/usual-parts/?kind=D").text
    assert "系统自带的清单" in page and "扶手带" in page
    bad = post(head, "/usual-parts/A", rows="闸瓦 12\n12\n", seen="0")
    assert bad.status_code == 422 and "第 2 行只有数字" in bad.text
    odd = post(head, "/usual-parts/A", rows="门机皮带 --5", seen="0")
    assert odd.status_code in (200, 422) and "门机皮带 --5" in odd.text
    post(head, "/usual-parts/A", rows="", seen="1")
    done = post(head, "/usual-parts/A", rows="制动器闸瓦 12\n\n门滑块，9个月\n应急 照明\t电池", seen="0")
    assert "常用清单已保存" in done.text and f"来源：{world.firm.name}" in done.text
    world.session.rollback()
    row = world.session.scalar(select(UsualParts))
    assert [(one["name"], one["life_months"]) for one in row.rows] == [
        ("制动器闸瓦", 12), ("门滑块", 9), ("应急 照明 电池", None),
    ]  # fmt: skip
    assert post(head, "/usual-parts/A", rows="衬", seen="0").status_code == 409
    assert "没有自己的清单了" in post(head, "/usual-parts/A", rows="", seen="1").text
    assert "保存" not in sign_in(world.accounts["use_head"]).get("/usual-parts/").text.split("<main")[1]
    assert head.get("/usual-parts/?kind=nix").status_code == 200


def test_for_chosen_elevators_at_once_each_by_itself(young: World, sign_in: Any) -> None:
    other = make_elevator(young.session, status="scrapped", maintenance_unit=young.firm, use_unit=young.use_unit)
    young.session.commit()
    head = sign_in(young.accounts["maintenance_head"])
    page = post(head, "/elevators/deed/parts", ids=[young.own.id, other.id]).text
    assert f"{young.own.code}：组件 {len(parts.USUAL)} 个" in page and "电梯已报废" in page
    # Which landing is the lowest nobody said: there may be basements.
    assert young.session.scalar(select(func.count()).select_from(LandingDoor)) == 0
    assert f"{young.own.code}：没有要补的" in post(head, "/elevators/deed/parts", ids=[young.own.id]).text


def test_for_all_that_the_list_found_by_a_job_that_may_run_twice(
    app: Any, young: World, sign_in: Any
) -> None:
    session, expected = young.session, 0
    head = sign_in(young.accounts["maintenance_head"])
    for _again in range(2):
        post(head, "/elevators/deed/parts", every="1")
        work(app, session)
        fresh(session)
    jobs = session.scalars(select(Job).where(Job.kind == "usual_parts").order_by(Job.id)).all()
    assert [job.state for job in jobs] == ["done", "done"]
    expected = session.scalar(select(func.count()).select_from(Component))
    assert jobs[0].result["components"] == expected > 0 and jobs[1].result["components"] == 0
    assert jobs[0].result["doors"] == 0 and session.scalar(select(func.count()).select_from(LandingDoor)) == 0
    twice = select(Component.elevator_id, Component.name).group_by(Component.elevator_id, Component.name)
    assert not session.execute(twice.having(func.count() > 1)).all()
    page = head.get(f"/jobs/{jobs[0].id}").text
    assert "登记了的电梯" in page and f"<dt>组件</dt><dd>{expected}</dd>" in page


def test_its_owner_stops_the_job_before_the_next_elevator(app: Any, young: World, sign_in: Any) -> None:
    session, head = young.session, sign_in(young.accounts["maintenance_head"])
    post(head, "/elevators/deed/parts", every="1")
    session.rollback()
    job = session.scalar(select(Job).where(Job.kind == "usual_parts"))
    post(head, f"/jobs/{job.id}/stop")
    work(app, session)
    fresh(session)
    assert (job.state, job.result["filled"], job.done) == ("done", 0, 0) and job.total > 0
    assert "您停止了任务" in str(job.result["stopped"]) and session.scalar(select(Component.id)) is None


@pytest.mark.parametrize("every", [False, True])
def test_doors_of_one_estate_from_the_lowest_landing_that_is_typed(
    app: Any, young: World, sign_in: Any, every: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = young.session
    beside = make_elevator(
        session, maintenance_unit=young.firm, use_unit=young.use_unit, stops=2, category="3110", estate="青禾里"
    )
    young.own.estate = "青禾里"
    away = make_elevator(session, maintenance_unit=young.firm, use_unit=young.use_unit, stops=2, estate="揽月湾")
    session.commit()
    head = sign_in(young.accounts["maintenance_head"])
    chosen = {"every": "1"} if every else {"ids": [young.own.id, beside.id]}

    def doors(key: int) -> list[str]:
        rows = select(LandingDoor.landing).where(LandingDoor.elevator_id == key).order_by(LandingDoor.position)
        return list(session.scalars(rows))

    page = head.get("/elevators/").text
    assert 'name="lowest"' in page and 'name="lowest"' not in sign_in(young.accounts["use_head"]).get("/units/").text
    for typed in ("0", "-21", "B1", "1F", "abc", "³"):
        said = post(head, "/elevators/deed/parts?q=青禾里", lowest=typed, **chosen).text
        told = f"最低层为 {typed}" if typed in ("0", "-21") else f"最低层填写的是“{typed}”"
        assert told in said and "请填写 -20 到 200 之间的整数" in said
    if every:
        assert "所选电梯不在同一个楼盘" in post(head, "/elevators/deed/parts", lowest="-1", **chosen).text
        session.rollback()
        assert session.scalar(select(Job).where(Job.kind == "usual_parts")) is None, "told at the press"
        # What the press did not look at, the job does.
        monkeypatch.setattr(filing_lists, "LOOKED_AT", 1)
        post(head, "/elevators/deed/parts", lowest="-1", **chosen)
        session.rollback()
        job = session.scalar(select(Job).where(Job.kind == "usual_parts"))
        with app.app_context():
            assert run(job.id) == "failed"
        fresh(session)
        assert "所选电梯不在同一个楼盘" in job.error
    else:
        ids = [young.own.id, away.id]
        assert "所选电梯不在同一个楼盘" in post(head, "/elevators/deed/parts", lowest="-1", ids=ids).text
    assert session.scalar(select(func.count()).select_from(Component)) == 0, "nothing of what was refused"

    said = post(head, "/elevators/deed/parts?q=青禾里", lowest="-1", **chosen).text
    if every:
        work(app, session)
        job = session.scalar(select(Job).where(Job.kind == "usual_parts").order_by(Job.id.desc()))
        session.refresh(job)
        assert (job.result["doors"], job.result["filled"]) == (5, 2)
        assert "<dt>层门</dt><dd>5</dd>" in head.get(f"/jobs/{job.id}").text
    else:
        assert f"{young.own.code}：组件 {len(parts.USUAL)} 个，层门 3 个" in said
    fresh(session)
    assert (doors(young.own.id), doors(beside.id), doors(away.id)) == (["-1", "1", "2"], ["-1", "1"], [])
    # Again, and with another landing: what has doors keeps them.
    post(head, "/elevators/deed/parts?q=青禾里", lowest="1", ids=[young.own.id, beside.id])
    fresh(session)
    assert (doors(young.own.id), doors(beside.id)) == (["-1", "1", "2"], ["-1", "1"])


def test_by_the_interface(app: Any, young: World) -> None:
    caller = Caller(app, young, "maintenance_head")
    kept = caller.call("PUT", "/usual-components/A", {"rows": [{"name": "闸瓦", "life_months": 9}], "row_version": 0})
    assert kept.json["rows"] == [{"name": "闸瓦", "life_months": 9}] and kept.json["unit_id"] == young.firm.id
    assert caller.call("PUT", "/usual-components/A", {"rows": [{"name": 3}]}).status_code == 422
    assert caller.call("PUT", "/usual-components/A", {"rows": "x"}).status_code == 422
    assert caller.call("PUT", "/usual-components/A", {"rows": [], "row_version": 0}).status_code == 409
    assert caller.get("/usual-components/Z").status_code == 404
    made = caller.post(f"/elevators/{young.own.id}/components/usual", {"lowest": -1})
    assert (made.status_code, made.json) == (201, {"components": 1, "doors": 3})
    assert caller.post(f"/elevators/{young.own.id}/components/usual", {}).json == {"components": 0, "doors": 0}
    other = make_elevator(young.session, maintenance_unit=young.firm, use_unit=young.use_unit, category="3110", stops=3)
    young.session.commit()
    assert caller.post(f"/elevators/{other.id}/components/usual", {}).json == {"components": 1, "doors": 0}
    assert caller.post(f"/elevators/{young.own.id}/components/usual", {"lowest": "x"}).status_code == 422


def test_unasked_no_landing_is_named_though_a_wrong_number_of_stops_would_be_told(young: World) -> None:
    young.own.stops = None
    young.session.commit()
    assert fill(young, lowest=None) == usual_parts.Filled(len(parts.USUAL), 0)
    young.own.stops = 3
    young.session.commit()
    assert fill(young, lowest=None) == usual_parts.Filled(0, 0)
    assert fill(young, lowest=-2) == usual_parts.Filled(0, 3)


def test_two_places_of_one_name_are_two(young: World) -> None:
    session, actor = young.session, young.actor("maintenance_head")
    same = {"maintenance_unit": young.firm, "use_unit": young.use_unit, "stops": 2}
    one, two = (make_elevator(session, estate="阳光花园", **same) for _ in range(2))
    session.commit()

    def ok(*keys: int) -> bool:
        return bool(usual_parts.of_one_estate(session, actor, keys or (one.id, two.id)).ok)

    def put(**values: Any) -> None:
        for name, value in values.items():
            setattr(two, name, value)
        session.commit()

    assert ok() and ok(one.id) and ok(0)
    was = {"region_code": two.region_code, "use_unit_id": two.use_unit_id, "estate": "阳光花园"}
    for other in ({"region_code": "980403000000"}, {"use_unit_id": None}, {"estate": "揽月湾"}, {"estate": ""}):
        put(**was | other)
        assert not ok(), other
    put(**was | {"estate": " 阳光花园 "})
    assert ok(), "spaces make no other estate"
    # Without an estate the address says it, and without either nobody can.
    for estate in ("", None, "  "):
        one.estate = estate
        for here, there, said in (("甲路1号", "甲路1号", True), ("甲路1号", "甲路2号", False), ("", "", False)):
            one.address = here
            put(estate="", address=there)
            assert ok() is said, (estate, here, there)
    assert ok(one.id), "one alone is at its own place"
