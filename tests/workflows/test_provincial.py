"""Runs against a register that is a process of its own on this machine: what becomes of each code, faults, ways out."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.channels.provincial import Client
from app.commands.provincial import item_of
from app.errors import NotAllowed, NotFound, Refusal
from app.models import (
    AuditEntry,
    Elevator,
    Job,
    Notification,
    ProvincialDifference,
    ProvincialItem,
    ProvincialRun,
    ProvincialUnit,
    Version,
)
from app.permissions import SYSTEM
from app.tasks import jobs as work
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.partners import provincial, provincial_register, provincial_ways
from app.workflows.partners.provincial_register import CursorLost, Rejected, Unavailable
from app.workflows.privacy import retention
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_elevator
from tests.workflows.filing_world import save, submit

pytestmark = pytest.mark.feature("INT-01")
DISTRICT = "980402000000"


@contextmanager
def simulator(
    folder: Path, items: list[Any], *switches: str, secret: str = "secret", **client: Any
) -> Iterator[Client]:  # fmt: skip
    """A register in a process of its own, and who speaks to it."""
    file = folder / "register.json"
    file.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    command = [sys.executable, "-m", "app.commands.provincial_simulator", "--data", str(file), *switches]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0].partition("=")[2]
            slept: list[float] = []
            found = Client(url, "tian", secret, client.pop("timeout", 5.0), sleep=slept.append, **client)
            found.slept = slept  # type: ignore[attr-defined]
            yield found
        finally:
            process.kill()


APP: list[Any] = []


@pytest.fixture(autouse=True)
def _application(app: Any) -> Iterator[None]:
    APP.append(app)
    yield
    APP.clear()


def run_job(job: int) -> str:
    """As the worker does it."""
    with APP[0].app_context():
        return work.run(job)


@pytest.fixture
def use() -> Iterator[Any]:
    yield provincial_register.use
    provincial_register.use(None)


def item(world: World, row: Elevator | None = None, **more: Any) -> dict[str, Any]:
    return item_of(row or world.own) | more


def begin(world: World, text: str, persona: str = "clerk") -> int:
    with transaction(world.session) as session:
        run = provincial.begin(session, world.actor(persona), text, clock.now())
        key, job = run.id, run.job_id
    assert job is not None
    return _work(world, key, job)


def begin_region(world: World, region: str = DISTRICT, persona: str | None = None) -> int:
    with transaction(world.session) as session:
        actor = SYSTEM if persona is None else world.actor(persona)
        run = provincial.begin_region(session, actor, region, clock.now())
        key, job = run.id, run.job_id
    assert job is not None
    return _work(world, key, job)


def _work(world: World, key: int, job: int) -> int:
    said = run_job(job)
    world.session.rollback()
    world.session.expire_all()
    held = world.session.get(Job, job)
    assert said == "done", held and held.error
    return key


def outcomes(world: World, run: int) -> dict[str, str]:
    world.session.rollback()
    world.session.expire_all()
    rows = world.session.scalars(select(ProvincialItem).where(ProvincialItem.run_id == run))
    return {row.code: row.outcome for row in rows}


def notes(world: World, run: int) -> str:
    rows = world.session.scalars(select(ProvincialItem).where(ProvincialItem.run_id == run))
    return " ".join(str(row.note) for row in rows)


def difference(world: World) -> ProvincialDifference:
    world.session.rollback()
    world.session.expire_all()
    statement = select(ProvincialDifference).where(ProvincialDifference.settled_at.is_(None))
    return world.session.scalars(statement.execution_options(skip_scope=True)).one()


# --- by codes


def test_each_code_has_one_outcome(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    other = make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit, floors=9)
    world.session.commit()
    items = [
        item(world), item(world, other, floors=11), item(world, world.foreign),
        item(world, code="TC900001", factory_no="XC1", registration_code=None, address="明水路 9 号"),
        item(world, code="TC900002", maintenance_unit={"name": "澜州恒枢电梯工程（集团）有限公司"}, use_unit=None),
        item(world, code="TC900003", floors="many"),
    ]  # fmt: skip
    codes = [world.own.code, other.code, world.foreign.code, "TC900001", "TC900002", "TC900003", "TC404"]
    with simulator(tmp_path, items) as register:
        use(register)
        run = begin(world, "，".join(codes) + " ;" + codes[0])
    assert outcomes(world, run) == dict(zip(codes, [
        "matched", "different", "refused", "new", "refused", "refused", "not_found"
    ], strict=True))  # fmt: skip
    held = world.session.get(ProvincialRun, run)
    assert held is not None and held.finished_at is not None
    assert (held.asked, held.matched, held.new, held.different, held.not_found, held.refused) == (7, 1, 1, 1, 1, 3)
    row = difference(world)
    assert (row.code, row.kind, row.unlike, row.theirs["floors"]) == (other.code, "fields", ["floors"], 11)
    # What is in force did not move; what nobody had is a draft of the unit that asked.
    world.session.refresh(other)
    assert other.floors == 9 and other.filing_state == "approved"
    made = world.session.scalars(select(Elevator).where(Elevator.code == "TC900001")).one()
    assert (made.filing_state, made.approved_version, made.filed_by_unit_id) == ("draft", 0, world.firm.id)
    assert "青坪" not in notes(world, run) and "（集团）" not in notes(world, run)


def test_codes_of_the_device_and_the_registration_find_it(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    world.own.registration_code, world.own.equipment_code = "31109804022022050001", "311098041200000001"
    world.session.commit()
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        run = begin(world, "31109804022022050001,311098041200000001")
    assert set(outcomes(world, run).values()) == {"matched"}


def test_a_unit_is_matched_by_name_or_code_and_never_nearly(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    firm, user = world.firm, world.use_unit
    sides = [
        ({"name": f" {firm.name} ", "uscc": ""}, "matched"),
        ({"name": "别的名字", "uscc": firm.uscc.lower()}, "matched"),
        ({"name": firm.name[:-4], "uscc": ""}, "different"),
    ]  # fmt: skip
    for unit, outcome in sides:
        with simulator(tmp_path, [item(world, maintenance_unit=unit)]) as register:
            use(register)
            assert list(outcomes(world, begin(world, world.own.code)).values()) == [outcome]
    row = difference(world)
    assert row.kind == "unit" and row.near == {"maintenance_unit": [firm.id]} and user.id == row.use_unit_id


def test_results_of_codes_are_erased_in_time_and_the_counts_stay(
    app: Any, world: World, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        run = begin(world, world.own.code)
    days = clock.today() + dt.timedelta(days=29), clock.today() + dt.timedelta(days=30)
    assert [retention.ERASE["sync"](world.session, day) for day in days] == [0, 1]
    world.session.commit()
    held = world.session.get(ProvincialRun, run)
    assert outcomes(world, run) == {} and held is not None and held.matched == 1


def test_asked_again_nothing_is_made_twice(app: Any, world: World, use: Any, tmp_path: Path) -> None:
    items = [item(world, floors=11), item(world, code="TC900001", factory_no="XC1")]
    with simulator(tmp_path, items) as register:
        use(register)
        first = begin(world, f"{world.own.code},TC900001")
        second = begin(world, f"{world.own.code},TC900001")
    assert sorted(outcomes(world, first).values()) == ["different", "new"]
    assert sorted(outcomes(world, second).values()) == ["different", "matched"]
    count = select(func.count()).select_from(Elevator).where(Elevator.code == "TC900001")
    assert world.session.scalar(count) == 1
    assert difference(world).run_id == second


def test_a_killed_run_goes_on_where_it_was(app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any) -> None:
    codes = [f"TC9{n:05d}" for n in range(150)]
    items = [item(world, code=code, factory_no=f"X{code}") for code in codes]
    settle, calls = provincial.settle, []

    def dies(*args: Any, **kwargs: Any) -> int:
        calls.append(kwargs["asked"])
        if len(calls) == 2:
            raise KeyboardInterrupt  # as hard as a kill: nothing is caught
        return settle(*args, **kwargs)

    with simulator(tmp_path, items) as register:
        use(register)
        with transaction(world.session) as session:
            run = provincial.begin(session, world.actor("clerk"), ",".join(codes), clock.now())
            key, job = run.id, run.job_id
        assert job is not None
        monkeypatch.setattr(provincial, "settle", dies)
        with pytest.raises(KeyboardInterrupt):
            run_job(job)
        monkeypatch.setattr(provincial, "settle", settle)
        world.session.rollback()
        assert len(outcomes(world, key)) == 100
        with transaction(world.session) as session:
            jobs.reap(session, clock.now() + dt.timedelta(days=366), 60)
        _work(world, key, job)
    assert len(outcomes(world, key)) == 150
    count = select(func.count()).select_from(Elevator).where(Elevator.code.like("TC9%"))
    assert world.session.scalar(count) == 150


# --- by region, and what goes wrong


def fleet(world: World, many: int) -> list[Elevator]:
    rows = [
        make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(many)
    ]
    world.session.commit()
    return rows


def test_a_night_compares_a_whole_region_through_faults(
    app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any
) -> None:  # fmt: skip
    monkeypatch.setattr("app.channels.provincial.PAGE", 5)
    rows = fleet(world, 23)
    items = [item(world, row) for row in rows] + [item(world, world.foreign), item(world, code="TC900001")]
    items[4]["floors"] = 33
    switches = ("--errors", "0.3", "--malformed", "0.15", "--seed", "4")
    with simulator(tmp_path, items, *switches) as register:
        use(register)
        run = begin_region(world)
        assert register.slept  # type: ignore[attr-defined]
    found = outcomes(world, run)
    assert len(found) == 24 and world.foreign.code not in found
    assert found[rows[4].code] == "different" and found["TC900001"] == "different"
    assert sum(outcome == "matched" for outcome in found.values()) == 22
    # By night nobody asked for it: no draft, but a row to decide on.
    assert world.session.scalar(select(func.count()).where(Elevator.code == "TC900001")) == 0
    kinds = world.session.scalars(select(ProvincialDifference.kind).order_by(ProvincialDifference.kind)).all()
    assert kinds == ["fields", "new"]
    told = select(Notification.title).where(Notification.topic == "provincial").execution_options(skip_scope=True)
    assert any("2 台电梯与省平台不一致" in title for title in world.session.scalars(told))


def test_a_list_that_changes_under_ones_feet_is_read_from_its_head(
    app: Any, world: World, use: Any, tmp_path: Path, monkeypatch: Any
) -> None:  # fmt: skip
    monkeypatch.setattr("app.channels.provincial.PAGE", 5)
    rows = fleet(world, 22)
    with simulator(tmp_path, [item(world, row) for row in rows], "--shift") as register:
        use(register)
        run = begin_region(world, persona="region_admin")
    found = outcomes(world, run)
    assert set(found.values()) == {"matched"} and 15 <= len(found) <= 22
    held = world.session.get(ProvincialRun, run)
    assert held is not None and held.asked == len(found) == held.matched


def test_a_register_that_is_down_ends_the_job_plainly_and_it_can_be_tried_again(
    app: Any, world: World, use: Any, tmp_path: Path
) -> None:  # fmt: skip
    with simulator(tmp_path, [item(world)], "--errors", "1") as register:
        use(register)
        with transaction(world.session) as session:
            run = provincial.begin(session, world.actor("clerk"), world.own.code, clock.now())
            key, job = run.id, run.job_id
        assert job is not None and run_job(job) == "failed"
        assert len(register.slept) == 4  # type: ignore[attr-defined]
    world.session.rollback()
    world.session.expire_all()
    held = world.session.get(Job, job)
    assert held is not None and "HTTP 50" in str(held.error) and "从中断处继续" in str(held.error)
    with simulator(tmp_path, [item(world)]) as register:
        use(register)
        with transaction(world.session) as session:
            jobs.retry(session, world.actor("clerk"), job, clock.now())
        _work(world, key, job)
    assert outcomes(world, key) == {world.own.code: "matched"}


def test_after_several_failures_nobody_is_asked_for_a_while(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--errors", "1", timeout=2.0) as register:
        for _ in range(3):
            with pytest.raises(Unavailable, match="HTTP 50"):
                register.by_codes(["A"])
        began = time.monotonic()
        with pytest.raises(Unavailable, match="暂停片刻"):
            register.by_codes(["A"])
        assert time.monotonic() - began < 0.1


def test_a_slow_register_is_not_waited_for(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--slow", "3", timeout=0.2) as register:
        with pytest.raises(Unavailable, match="连接省平台失败"):
            register.by_codes(["A"])
        assert len(register.slept) == 4  # type: ignore[attr-defined]


def test_a_wrong_signature_is_no_fault_that_passes(tmp_path: Path) -> None:
    with simulator(tmp_path, [], secret="other") as register:
        with pytest.raises(Rejected, match="bad_signature"):
            register.by_codes(["A"])
        assert register.slept == []  # type: ignore[attr-defined]


def test_too_many_calls_wait_as_long_as_they_are_told(tmp_path: Path) -> None:
    with simulator(tmp_path, [], "--limit", "1") as register:
        assert register.by_codes(["A"]).not_found == ["A"]
        with pytest.raises(Unavailable, match="429"):
            register.by_codes(["A"])
        assert min(register.slept) >= 1.0  # type: ignore[attr-defined]


def test_a_lost_place_is_told_as_such(tmp_path: Path) -> None:
    with simulator(tmp_path, []) as register, pytest.raises(CursorLost):
        register.by_region(DISTRICT, "OTk6VEM=")


def test_answers_are_bounded_in_size(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.channels.provincial.MOST_BYTES", 1000)
    with simulator(tmp_path, [{"code": "A", "address": "x" * 2000}]) as register, pytest.raises(
        Unavailable, match="太大"
    ):
        register.by_codes(["A"])


def test_only_tls_or_this_machine_is_spoken_to() -> None:
    from app.channels import provincial as channel

    with pytest.raises(RuntimeError, match="PROVINCIAL_URL"):
        channel.register({"PROVINCIAL_URL": "http://province.example.com"})
    assert channel.register({"PROVINCIAL_URL": ""}) is None


# --- rights


def test_who_may_not_is_refused_and_without_a_register_all_are(world: World, use: Any) -> None:
    with pytest.raises(NotAllowed), transaction(world.session) as session:
        provincial.begin(session, world.actor("worker"), "A", clock.now())
    with pytest.raises(Refusal, match="没有接通省平台"), transaction(world.session) as session:
        provincial.begin(session, world.actor("clerk"), "A", clock.now())
    use(Client("http://127.0.0.1:9", "a", "b", 1))
    for persona, region in (("clerk", DISTRICT), ("region_admin", "980403000000"), ("region_admin", "x")):
        with pytest.raises(Refusal, match="不能同步地区"), transaction(world.session) as session:
            provincial.begin_region(session, world.actor(persona), region, clock.now())


# --- the ways out


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


# --- doors and pages


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
