"""Differences from the provincial register settled, by whom and through which doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.channels.provincial import Client
from app.errors import NotAllowed, NotFound, Refusal
from app.models import AuditEntry, Elevator, Job, ProvincialDifference, ProvincialUnit, Version
from app.transaction import transaction
from app.workflows.partners import provincial, provincial_ways
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World
from tests.workflows.filing_world import save, submit
from tests.workflows.provincial.ground import DISTRICT, begin, difference, item, outcomes, run_job, simulator

pytestmark = pytest.mark.feature("INT-01")


def test_who_may_not_is_refused_and_without_a_register_all_are(world: World, use: Any) -> None:
    with pytest.raises(NotAllowed), transaction(world.session) as session:
        provincial.begin(session, world.actor("worker"), "A", clock.now())
    with pytest.raises(Refusal, match="没有接通省平台"), transaction(world.session) as session:
        provincial.begin(session, world.actor("clerk"), "A", clock.now())
    use(Client("http://127.0.0.1:9", "a", "b", 1))
    for persona, region in (("clerk", DISTRICT), ("region_admin", "980403000000"), ("region_admin", "x")):
        with pytest.raises(Refusal, match="不能同步地区"), transaction(world.session) as session:
            provincial.begin_region(session, world.actor(persona), region, clock.now())


@pytest.fixture
def open_one(app: Any, world: World, use: Any, tmp_path: Path) -> ProvincialDifference:
    world.own.floors, world.own.factory_no = 9, "XC9"
    world.session.commit()
    theirs = item(world, floors=11, factory_no="XC11", status="suspended")
    with simulator(tmp_path, [theirs]) as register:
        use(register)
        begin(world, world.own.code)
    row = difference(world)
    assert row.unlike == ["factory_no", "floors", "status"]
    return row


def again(world: World, use: Any, tmp_path: Path, **more: Any) -> str:
    base = {"floors": 11, "factory_no": "XC11", "status": "suspended"}
    with simulator(tmp_path, [item(world) | base | more]) as register:
        use(register)
        return next(iter(outcomes(world, begin(world, world.own.code)).values()))


def test_theirs_is_taken_as_a_draft_and_what_is_left_stays_open(
    world: World, open_one: ProvincialDifference, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    key, clerk = open_one.id, world.actor("clerk")
    with pytest.raises(Refusal, match="不能这样采用"), transaction(world.session) as session:
        provincial_ways.take(session, clerk, key, ["status"], clock.now())
    with pytest.raises(Refusal, match="没有勾选"), transaction(world.session) as session:
        provincial_ways.take(session, clerk, key, ["address"], clock.now())
    with transaction(world.session) as session:
        provincial_ways.take(session, clerk, key, ["floors", "factory_no"], clock.now())
    world.session.expire_all()
    assert (world.own.floors, world.own.filing_state) == (9, "draft")
    draft = world.session.scalars(select(Version).where(Version.entity_id == world.own.id)).one()
    assert (draft.state, draft.data["floors"], draft.data["factory_no"]) == ("draft", 11, "XC11")
    assert difference(world).unlike == ["status"]
    taken = select(AuditEntry).where(AuditEntry.action == "provincial_difference.take_theirs")
    entry = world.session.scalars(taken).one()
    assert entry.before == {"factory_no": "XC9", "floors": 9} and entry.after == {"factory_no": "XC11", "floors": 11}


def test_what_is_being_changed_to_theirs_is_no_difference(
    world: World, open_one: ProvincialDifference, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with transaction(world.session) as session:
        provincial_ways.take(session, world.actor("clerk"), open_one.id, ["floors", "factory_no"], clock.now())
    assert again(world, use, tmp_path, status="in_use") == "matched"
    world.session.rollback()
    held = world.session.get(ProvincialDifference, open_one.id)
    assert held is not None and held.way == "gone"


def test_a_filing_under_review_is_never_written_over(
    world: World, open_one: ProvincialDifference
) -> None:  # fmt: skip
    key, clerk = open_one.id, world.actor("clerk")
    save(world.session, clerk, Elevator, world.own, {"note": "改"}, clock.now())
    submit(world.session, clerk, world.own, clock.now())
    with pytest.raises(Refusal, match="审核中不能修改"), transaction(world.session) as session:
        provincial_ways.take(session, clerk, key, ["floors"], clock.now())


def test_ours_is_kept_with_a_reason_until_theirs_changes(
    world: World, open_one: ProvincialDifference, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with pytest.raises(Refusal, match="理由"), transaction(world.session) as session:
        provincial_ways.keep(session, world.actor("clerk"), open_one.id, "  ", clock.now())
    with transaction(world.session) as session:
        provincial_ways.keep(session, world.actor("clerk"), open_one.id, "以铭牌为准", clock.now())
    assert again(world, use, tmp_path) == "kept"
    assert again(world, use, tmp_path, floors=12) == "different"
    with pytest.raises(Refusal, match="已经处理"), transaction(world.session) as session:
        provincial_ways.keep(session, world.actor("clerk"), open_one.id, "再次", clock.now())


def test_others_settle_nothing(world: World, open_one: ProvincialDifference) -> None:
    for persona, error in (("other_head", NotFound), ("worker", NotAllowed), ("inspector", NotAllowed)):
        with pytest.raises(error), transaction(world.session) as session:
            provincial_ways.keep(session, world.actor(persona), open_one.id, "理由", clock.now())


def test_a_regulator_links_a_unit_and_the_row_is_judged_again(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    theirs = [
        item(world, maintenance_unit={"name": "澜州恒枢电梯有限责任公司", "uscc": ""}),
        item(world, code="TC900001", factory_no="X1", maintenance_unit={"name": "澜州恒枢电梯有限责任公司"}),
    ]  # fmt: skip
    with simulator(tmp_path, theirs) as register:
        use(register)
        begin(world, world.own.code)
        key, firm = difference(world).id, world.firm.id
        with pytest.raises(NotAllowed), transaction(world.session) as session:
            provincial_ways.link(session, world.actor("clerk"), key, "maintenance_unit", firm, "同一家", clock.now())
        admin = world.actor("region_admin")
        for side, unit in (("use_unit", firm), ("maintenance_unit", world.use_unit.id), ("maintenance_unit", None)):
            with pytest.raises(Refusal), transaction(world.session) as session:
                provincial_ways.link(session, admin, key, side, unit, "同一家", clock.now())
        with transaction(world.session) as session:
            provincial_ways.link(session, admin, key, "maintenance_unit", firm, "更名未同步", clock.now())
        held = world.session.get(ProvincialDifference, key)
        assert held is not None and held.way == "gone"
        assert world.session.scalars(select(ProvincialUnit)).one().unit_id == firm
        # From now on the name is the unit's, for all that stands under it.
        assert outcomes(world, begin(world, "TC900001")) == {"TC900001": "new"}


def test_the_interface_syncs_and_settles(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    world.own.floors = 9
    world.session.commit()
    caller = Caller(app, world, "clerk")
    with simulator(tmp_path, [item(world, floors=11)]) as register:
        use(register)
        made = caller.post("/provincial/runs", {"codes": world.own.code})
        assert made.status_code == 202
        run_job(made.json["job_id"])
    run = caller.get(f"/provincial/runs/{made.json['id']}").json
    assert run["different"] == 1 and run["items"][0]["outcome"] == "different"
    (row,) = caller.get("/provincial").json["rows"]
    assert row["fields"] == [{"field": "floors", "theirs": 11, "ours": 9, "takeable": True}]
    assert caller.post(f"/provincial/{row['id']}/take", {"fields": ["floors"]}).json["way"] == "taken"
    assert caller.post(f"/provincial/{row['id']}/keep", {"reason": "x"}).status_code == 422
    assert caller.post("/provincial/runs", {"codes": ""}).status_code == 422


def test_from_the_form_to_the_draft_at_the_desk(app: Any, world: World, use: Any, tmp_path: Path, sign_in: Any) -> None:
    world.own.floors = 9
    world.session.commit()
    browser = sign_in(world.accounts["clerk"])
    token = csrf(browser)
    assert "没有接通省平台" in browser.get("/provincial/sync").text
    with simulator(tmp_path, [item(world, floors=11)]) as register:
        use(register)
        assert browser.post("/provincial/sync", data={"codes": "", "csrf_token": token}).status_code == 422
        answer = browser.post("/provincial/sync", data={"codes": f"{world.own.code}，TC404", "csrf_token": token})
        assert answer.status_code == 302
        world.session.rollback()
        job = world.session.scalar(select(Job.id))
        world.session.rollback()
        assert job is not None
        run_job(job)
        world.session.rollback()
    page = browser.get(answer.location).text
    assert "待核对" in page and "TC404" in page
    key = difference(world).id
    world.session.rollback()
    assert world.own.code in browser.get("/provincial/").text
    page = browser.get(f"/provincial/{key}").text
    assert "层数" in page and ">11<" in page.replace("\n", "") and "关联单位" not in page
    done = browser.post(
        f"/provincial/{key}/take", data={"fields": "floors", "csrf_token": token}, follow_redirects=True
    )
    assert "待上报" in done.text
