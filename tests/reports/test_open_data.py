"""PUB-01: what a region publishes: small counts hidden, 涉密 not there at all, nobody named, once and for good."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from sqlalchemy import delete, func, select

from app import clock
from app.models import (
    Complaint,
    Elevator,
    Inspection,
    Job,
    MaintenanceClock,
    OpenRelease,
    OverduePeriod,
    Region,
    Score,
    ScoreRun,
    Visit,
)
from app.permissions import SYSTEM
from app.reports import open_data as counting
from app.rules.periods import period_of
from app.tasks import jobs as running
from app.tasks import open_data as task
from app.transaction import transaction
from app.workflows.public import open_data
from app.workflows.scores import scores
from tests.factories import World, make_clock, make_complaint, make_elevator, make_maintenance_unit, make_policy
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue, put_visit

pytestmark = [pytest.mark.feature("PUB-01"), pytest.mark.usefixtures("uncounted")]
CITY, OWN, OTHER = "980400000000", "980402000000", "980403000000"
PERIOD = period_of("2026-02")


@pytest.fixture
def ground(world: World) -> World:
    """Twelve elevators in 临河区, of which two carry goods, and six in 青坪区; services in February."""
    session = world.session
    make_policy(session, "open_data", True, CITY)
    for number in range(11):
        lift = make_elevator(
            session, maintenance_unit=world.firm, use_unit=world.use_unit, approved_on=day("2025-01-01"),
            category="3120" if number < 2 else "3110", commissioned_on=day("2012-02-28"),
        )  # fmt: skip
        make_clock(session, lift, day("2026-02-20"))
        put_visit(session, lift, world.firm, world.worker, day("2026-02-20"))
    for _ in range(5):
        make_elevator(
            session, maintenance_unit=world.other_firm, use_unit=world.other_use_unit, region_code=OTHER,
            approved_on=day("2025-01-01"),
        )
    for row in (world.own, world.foreign):
        row.approved_on = day("2025-01-01")
    session.commit()
    return world


def build(world: World, code: str = CITY) -> dict[str, Any]:
    codes = counting.publishers(world.session, clock.today())[code]
    region = world.session.scalars(select(Region).where(Region.code == code)).one()
    return counting.build(world.session, region, codes, PERIOD, clock.now())


def shown(data: dict[str, Any], table: str) -> dict[tuple[str, str], str]:
    return {(row["region_code"], row["item"]): row["shown"] for row in data[table]["rows"]}


def test_counts_by_place_with_small_ones_hidden(ground: World) -> None:
    found = shown(build(ground), "elevators-by-kind")
    assert found[(OWN, "3120")] == "<5" and found[(OWN, "total")] == "12" and found[("total", "total")] == "18"
    assert found[(OWN, "3110")] == "*", "else the sum would give the two"
    assert found[(OTHER, "3110")] == "6" and found[(OTHER, "3120")] == "0"
    assert found[("total", "3120")] == "<5" and found[("total", "3110")] == "*"


def test_the_sums_of_the_register_are_the_same_in_each_of_its_tables(ground: World) -> None:
    data = build(ground)
    sums = [
        {key: value for key, value in shown(data, one.name).items() if key[1] == "total"}
        for one in counting.DATASETS if one.of_register
    ]  # fmt: skip
    assert len(sums) == 4 and all(one == sums[0] for one in sums)


def test_ages_are_whole_years_at_the_end_of_the_month(ground: World) -> None:
    """Eleven of 28 February 2012 are fourteen on 28 February 2026; one more day and they were not."""
    found = shown(build(ground), "elevators-by-age")
    assert found[(OWN, "10")] == "*" and found[(OWN, "total")] == "12" and found[(OWN, "5")] == "<5"


def test_secret_elevators_are_not_there_at_all(ground: World) -> None:
    """The same to the last sign with them and without them: no difference of any totals tells of one."""
    session = ground.session
    hidden = [
        make_elevator(
            session, maintenance_unit=ground.firm, use_unit=ground.use_unit, is_secret=True, category="3420",
            approved_on=day("2025-01-01"),
        )
        for _ in range(7)
    ]  # fmt: skip
    for lift in hidden:
        make_clock(session, lift, day("2026-02-20"))
        put_visit(session, lift, ground.firm, ground.worker, day("2026-02-10"))
        put_overdue(session, lift, ground.firm, day("2026-02-11"))
        make_complaint(session, lift, at(day("2026-02-12"), 9))
        session.add(Inspection(
            elevator_id=lift.id, region_code=OWN, unit_id=ground.firm.id, kind="periodic", number="J", done_on=day(
                "2026-02-13"), number_key="J", tested_by="院", result="failed", state="approved", entered_by="甲",
        ))  # fmt: skip
    session.commit()
    with_them = build(ground)
    assert "3420" not in json.dumps(with_them)
    keys = [lift.id for lift in hidden]
    for model in (Inspection, Complaint, OverduePeriod, Visit, MaintenanceClock):
        session.execute(delete(model).where(model.elevator_id.in_(keys)))
    session.execute(delete(Elevator).where(Elevator.id.in_(keys)))
    session.commit()
    assert build(ground) == with_them


def test_a_unit_with_nothing_but_secret_elevators_is_not_among_the_scores(ground: World) -> None:
    session = ground.session
    for row in (ground.own, *session.scalars(select(Elevator).where(Elevator.maintenance_unit_id == ground.firm.id))):
        row.is_secret = True
    session.commit()
    _final_run(ground)
    assert ground.firm.uscc not in json.dumps(build(ground)["unit-scores"])


def test_ranks_do_not_tell_that_a_hidden_unit_stands_between(ground: World) -> None:
    """Three units; the second has 涉密 elevators alone. What is published is the same as if there were two."""
    session = ground.session
    third = make_maintenance_unit(session, "澜州第三电梯有限公司")
    lift = make_elevator(session, maintenance_unit=third, use_unit=ground.use_unit, approved_on=day("2025-01-01"))
    make_clock(session, lift, day("2026-02-20"))
    make_clock(session, ground.foreign, day("2026-02-20"))
    session.commit()
    run = _final_run(ground)
    held = {row.unit_id: row for row in session.scalars(select(Score).where(Score.run_id == run.id))}
    counted = ("due", "bad", "overdue", "nonconforming", "forgiven", "valid_visits", "elevators")
    nothing = dict.fromkeys(counted, 0)
    given = ((ground.firm, "15.00", 1), (ground.other_firm, "14.00", 2), (third, "14.00", 2))
    for unit, points, rank in given:
        row = held.get(unit.id) or Score(run_id=run.id, unit_id=unit.id, region_code=CITY, **nothing)
        row.points, row.rank = Decimal(points), rank
        session.add(row)
    session.commit()

    def ranks() -> list[tuple[str, int | None]]:
        lines = build(ground)["unit-scores"]["rows"]
        return [(line["unit"], line["rank"]) for line in lines]

    assert sorted(rank for _unit, rank in ranks()) == [1, 2, 2], "equal points share a rank"
    held[ground.firm.id].points = Decimal("13.00")
    held[ground.firm.id].rank = 3
    session.commit()
    assert [rank for _unit, rank in ranks()] == [1, 1, 3] and ranks()[2][0] == ground.firm.name
    for row in session.scalars(select(Elevator).where(Elevator.maintenance_unit_id == ground.other_firm.id)):
        row.is_secret = True
    session.commit()
    assert ranks() == [(third.name, 1), (ground.firm.name, 2)]


def _final_run(world: World) -> ScoreRun:
    with transaction(world.session) as session:
        return scores.run(
            session, SYSTEM, CITY, PERIOD.first, PERIOD.last, at(day("2026-05-01")), clock.now()
        )


def test_only_final_scores_and_no_counts_of_units(ground: World) -> None:
    assert build(ground)["unit-scores"]["rows"] == []
    run = _final_run(ground)
    assert run.state == "final"
    lines = build(ground)["unit-scores"]["rows"]
    mine = next(line for line in lines if line["uscc"] == ground.firm.uscc)
    assert set(mine) == {"uscc", "unit", "rank", "points", "small_sample"} and mine["unit"] == ground.firm.name
    run.state = "provisional"
    ground.session.flush()
    assert build(ground)["unit-scores"]["rows"] == []
    ground.session.rollback()


def test_a_place_with_few_elevators_stands_with_others(ground: World) -> None:
    session = ground.session
    few = session.scalars(select(Elevator).where(Elevator.region_code == OTHER).order_by(Elevator.id.desc())).all()
    for row in few[:3]:
        row.is_secret = True
    session.commit()
    found = shown(build(ground), "elevators-by-status")
    assert (OTHER, "total") not in found and found[("others", "total")] == "15", "the next smallest goes with it"


def test_the_highest_that_says_so_publishes_and_who_says_no_is_in_none(ground: World) -> None:
    today = clock.today()
    assert set(counting.publishers(ground.session, today)) == {CITY}
    assert {OWN, OTHER} <= set(counting.publishers(ground.session, today)[CITY])
    make_policy(ground.session, "open_data", False, OTHER)
    ground.session.commit()
    assert OTHER not in counting.publishers(ground.session, today)[CITY]
    assert shown(build(ground), "elevators-by-kind")[("total", "total")] == "12"


def test_off_by_default(world: World) -> None:
    assert counting.publishers(world.session, clock.today()) == {}


def test_nobody_and_no_single_elevator_is_named(ground: World) -> None:
    _final_run(ground)
    told = json.dumps(build(ground), ensure_ascii=False)
    for name in (
        ground.worker.name, ground.own.code, ground.own.address, ground.use_unit.name, ground.accounts["clerk"].username
    ):  # fmt: skip
        assert name not in told


def publish(app: Any, world: World) -> OpenRelease:
    with app.app_context():
        job = task.publish()
        assert job is not None and running.run(job) == "done"
    world.session.rollback()
    return world.session.scalars(select(OpenRelease)).one()


def test_the_night_publishes_a_settled_month_once(app: Any, ground: World) -> None:
    row = publish(app, ground)
    assert (row.region_code, row.least) == (CITY, 5) and row.digest == counting.digest_of(row.data)
    assert period_of(row.period).last + dt.timedelta(days=16) < clock.today()
    with app.app_context():
        assert task.publish() is None
    region = ground.session.scalars(select(Region).where(Region.code == CITY)).one()
    with transaction(ground.session) as session:
        again = open_data.publish(session, region, period_of(row.period), {}, "0", clock.now(), clock.now())
        assert again.id == row.id and again.data == row.data, "what was given out stays"


def test_where_nobody_publishes_no_job_is_entered(app: Any, world: World) -> None:
    with app.app_context():
        assert task.publish() is None
    assert world.session.scalar(select(func.count(Job.id))) == 0


# --- the pages


def test_files_for_everybody(app: Any, client: Any, ground: World) -> None:
    row = publish(app, ground)
    base = f"/open/{CITY}/{row.period}"
    assert "澜州市" in client.get("/open/").text and base in client.get(f"/open/{CITY}/").text
    answer = client.get(f"{base}/elevators-by-kind.json")
    told = answer.json
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*" and "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert told["licence"] == row.licence and told["version"] == row.digest[:12] and told["as_of"]
    again = client.get(f"{base}/elevators-by-kind.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.data
    for name in counting.titles():
        made = client.get(f"{base}/{name}.json").json
        jsonschema.validate(made, client.get(f"/open/schema/{name}.json").json)
        rows = list(csv.DictReader(io.StringIO(client.get(f"{base}/{name}.csv").data.decode("utf-8-sig"))))
        assert len(rows) == len(made["rows"]) and all(one["licence"] == row.licence for one in rows)
    latest = client.get(f"/open/{CITY}/latest/maintenance.csv")
    assert latest.status_code == 302 and latest.headers["Location"] == f"{base}/maintenance.csv"
    found = client.get("/open/catalog.json").json["dataset"]
    assert len(found) == len(counting.titles()) and found[0]["identifier"].startswith(CITY)
    assert all(one["accessURL"].startswith("/open/") for each in found for one in each["distribution"])


def test_nothing_where_nothing_was_published(app: Any, client: Any, ground: World) -> None:
    row = publish(app, ground)
    for path in (
        f"/open/{OWN}/", "/open/x/", "/open/1234/2026-02/maintenance.json", f"/open/{CITY}/2020-01/maintenance.json",
        f"/open/{CITY}/{row.period}/nothing.json", f"/open/{CITY}/{row.period}/maintenance.exe", "/open/schema/x.json",
        f"/open/{CITY}/latest/x.csv",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 404 and answer.headers["Cache-Control"] == "no-store", path
    make_policy(ground.session, "open_data", False, CITY, clock.today())
    ground.session.commit()
    assert client.get(f"/open/{CITY}/{row.period}/maintenance.json").status_code == 404, "taken back"
    assert client.get("/open/catalog.json").json["dataset"] == [] and "还没有地区公布" in client.get("/open/").text


def test_an_address_asks_so_often_and_no_more(app: Any, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "API_LIMITED", True)
    monkeypatch.setattr("app.views.partners.open_data.AMOUNT", "3/minute")
    far = {"environ_overrides": {"REMOTE_ADDR": "203.0.113.77"}}
    assert [client.get("/open/", **far).status_code for _ in range(4)] == [200, 200, 200, 429]
    over = client.get("/open/catalog.json", **far)
    assert over.status_code == 429 and over.headers["Retry-After"] == "60"


def test_a_name_is_no_formula() -> None:
    from app.views.partners.open_data import _cell

    assert _cell("=1+1") == "'=1+1" and _cell("甲") == "甲" and _cell(None) is None and _cell(-1) == -1
