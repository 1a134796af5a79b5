"""The statistical report: figures by hand, the lists behind them, scope, empty regions, the workbook."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openpyxl
import pytest

from app import clock, scope
from app.errors import Refusal
from app.listing import moment
from app.models import Inspection, OverduePeriod, ScoreRun, Visit
from app.permissions import SYSTEM, Actor
from app.reports import exports, statistics, statistics_workbook
from app.reports.statistics_more import rate_of
from app.rules.checkin import by_label
from tests.factories import World, make_clock, make_complaint, make_elevator
from tests.statements import statements

NOW = dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)
MARCH = (dt.date(2026, 3, 1), dt.date(2026, 3, 31))
LISTS = {"/elevators/": "elevators", "/overdue/": "overdue", "/tasks/": "tasks", "/visits/": "visit_records"}


def missed(world: World, elevator: Any, limit_on: dt.date, unit: Any, **more: Any) -> None:
    world.session.add(
        OverduePeriod(
            elevator_id=elevator.id, unit_id=unit.id if unit else None, region_code=elevator.region_code,
            anchor_on=limit_on - dt.timedelta(days=15), limit_on=limit_on, interval_days=15,
            judged_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC), **more,
        )
    )  # fmt: skip


def visited(world: World, elevator: Any, on: dt.date, counted: bool = True, **more: Any) -> None:
    start = dt.datetime(on.year, on.month, on.day, 2, tzinfo=dt.UTC)
    world.session.add(
        Visit(
            elevator_id=elevator.id, unit_id=world.firm.id, use_unit_id=elevator.use_unit_id, worker_id=world.worker.id,
            region_code=elevator.region_code, visit_on=on, checked_in_at=start, received_at=start, counted=counted,
            checked_out_at=start + dt.timedelta(minutes=30), **({"state": "valid"} | more),
        )
    )  # fmt: skip


@pytest.fixture
def march(world: World) -> World:
    """The firm: 3 elevators, 4 counted visits in March (one more in April, one not counted), 2 limits missed."""
    session, firm = world.session, world.firm
    escalator = make_elevator(
        session, maintenance_unit=firm, use_unit=world.use_unit, category="3310", commissioned_on=dt.date(2001, 5, 5)
    )
    stopped = make_elevator(session, maintenance_unit=firm, status="suspended", commissioned_on=None)
    make_elevator(session, maintenance_unit=firm, approved_version=0, filing_state="draft")
    make_elevator(session, maintenance_unit=firm, is_secret=True)
    make_clock(session, world.own, dt.date(2026, 4, 1), covered_until=dt.date(2099, 1, 1))
    make_clock(session, escalator, None, covered_until=None)
    make_clock(session, stopped, None, covered_until=None)
    for elevator, day in ((world.own, 1), (world.own, 15), (world.own, 31), (escalator, 10)):
        visited(world, elevator, dt.date(2026, 3, day))
    visited(world, world.own, dt.date(2026, 4, 1))
    visited(world, world.own, dt.date(2026, 3, 20), counted=False, state="void")
    missed(world, escalator, dt.date(2026, 3, 25), firm, done_late_on=dt.date(2026, 3, 28))
    missed(world, escalator, dt.date(2026, 4, 9), firm)
    missed(world, escalator, dt.date(2026, 3, 9), firm, withdrawn=True)
    missed(world, world.own, dt.date(2026, 3, 31), None)
    missed(world, world.foreign, dt.date(2026, 3, 5), world.other_firm)
    session.commit()
    return world


def report(world: World, actor: Actor, region: str = "", days: tuple[dt.date, dt.date] = MARCH) -> Any:
    with scope.acting(actor), clock.frozen(NOW):
        return statistics.build(
            moment(world.session, actor), statistics.frame_of(world.session, actor, region, *days)
        )


@pytest.mark.feature("STA-02")
def test_the_figures_are_those_counted_by_hand(march: World) -> None:
    found = report(march, march.actor("region_admin"))
    assert found.region == "临河区" and found.total == 4
    assert {b.label: b.count for b in found.kinds} == {"曳引驱动乘客电梯": 3, "自动扶梯": 1}
    assert {b.label: b.count for b in found.statuses} == {"在用": 3, "停用": 1}
    assert {b.key: b.count for b in found.ages} == {"5": 2, "20": 1, "unknown": 1}
    firm, nobody = found.units
    assert (firm.name, firm.elevators, firm.uncovered) == (march.firm.name, 2, 1)
    assert (firm.due, firm.done, firm.overdue, firm.made_up, firm.rate) == (5, 4, 1, 1, Decimal("80.0"))
    assert (nobody.unit_id, nobody.due, nobody.overdue, nobody.rate) == (None, 1, 1, Decimal("0.0"))
    assert (found.sum.due, found.sum.done, found.sum.overdue, found.sum.rate) == (6, 4, 2, Decimal("66.7"))


@pytest.mark.feature("STA-02")
@pytest.mark.parametrize(
    ("persona", "total", "due"),
    [("platform_admin", 5, 7), ("region_admin", 4, 6), ("inspector", 3, 6), ("other_inspector", 1, 1),
     ("maintenance_head", 4, 5), ("use_head", 2, 6)],
)  # fmt: skip
def test_nobody_counts_what_he_does_not_see(march: World, persona: str, total: int, due: int) -> None:
    found = report(march, march.actor(persona))
    assert (found.total, found.sum.due) == (total, due)


@pytest.mark.feature("STA-02")
@pytest.mark.parametrize("persona", ["platform_admin", "region_admin", "inspector", "maintenance_head"])
@pytest.mark.parametrize("region", ["", "980402000000"])
def test_every_figure_is_the_length_of_the_list_that_it_opens(march: World, persona: str, region: str) -> None:
    actor = march.actor(persona)
    found = report(march, actor, region)
    figures = [(bar.link, bar.count) for bar in (*found.kinds, *found.statuses, *found.ages) if bar.link]
    for line in (*found.units, found.sum):
        figures += [(href, getattr(line, name)) for name, href in line.links.items()]
    with scope.acting(actor), clock.frozen(NOW):
        now = moment(march.session, actor)
        for href, count in figures:
            parts = urlsplit(href)
            listing = exports.listing_of(LISTS[parts.path])
            query = exports.read(listing, exports.Wanted(listing.name, parts.query))
            assert not query.notices and listing.total(now, query) == count, href
    assert len(figures) > 10


@pytest.mark.feature("STA-02")
def test_an_age_is_counted_in_full_years() -> None:
    assert statistics.born_before(5, dt.date(2026, 11, 21)) == dt.date(2021, 11, 21)
    assert statistics.born_before(5, dt.date(2025, 2, 28)) == dt.date(2020, 2, 28)
    assert statistics.born_before(5, dt.date(2025, 3, 1)) == dt.date(2020, 3, 1)
    assert statistics.born_before(5, dt.date(2024, 2, 29)) == dt.date(2019, 2, 28)


@pytest.mark.feature("STA-02")
def test_an_empty_region_is_no_data_and_not_full_marks(march: World, tmp_path: Path) -> None:
    found = report(march, SYSTEM, "980402001000")
    assert found.empty and found.total == 0 and found.sum.rate is None
    statistics_workbook.write(found, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert [book[name]["A2"].value for name in ("按品种", "按使用年限", "按状态", "按维保单位")] == ["无数据"] * 4


@pytest.mark.feature("STA-02")
def test_a_unit_without_anything_due_has_no_rate(march: World) -> None:
    found = report(march, march.actor("region_admin"), days=(dt.date(2025, 1, 1), dt.date(2025, 1, 31)))
    assert [(u.due, u.rate) for u in found.units] == [(0, None)] and found.sum.rate is None


@pytest.mark.feature("STA-02", "RPR-01")
def test_the_workbook_has_tables_native_charts_and_note(march: World, tmp_path: Path) -> None:
    found = report(march, march.actor("region_admin"))
    statistics_workbook.write(found, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert book.sheetnames == [
        "按品种", "按使用年限", "按状态", "按使用场所", "按维保单位", "救援", "按地区", "检验检测", "签到、投诉和得分",
        "说明",
    ]  # fmt: skip
    # Nobody was shut in in that month: the sheet says so, without a chart.
    assert [len(book[name]._charts) for name in book.sheetnames] == [1, 1, 1, 1, 1, 0, 1, 0, 0, 0]
    beside = dict(book["签到、投诉和得分"].iter_rows(values_only=True, min_row=2))
    assert beside["扫码签到率（%）"] == "无数据" == beside["最高得分"] and beside["投诉总次数"] == 0
    units = list(book["按维保单位"].iter_rows(values_only=True))
    assert units[0][0] == "维保单位" and units[1] == (march.firm.name, 2, 1, 5, 4, 1, 1, 80)
    assert units[-1] == ("合计", 2, 1, 6, 4, 2, 1, 66.7)
    note = dict(book["说明"].iter_rows(values_only=True))
    assert note["地区"] == "临河区" and note["统计期间"] == "2026-03-01 至 2026-03-31"
    assert found.digest in note.values() and note["政策版本"] == found.policy and "口径：完成率" in note
    assert report(march, march.actor("region_admin")).digest == found.digest
    assert report(march, march.actor("platform_admin")).digest != found.digest


@pytest.mark.feature("STA-02")
def test_the_workbooks_rescues_say_their_units(app: Any) -> None:
    with app.test_request_context():
        heads = statistics_workbook.rescue_heads("按级别")
    assert heads[:2] == ["按级别", "救援次数"] and {"合规率（%）", "平均接单（分钟）", "平均救出（分钟）"} <= set(heads)


@pytest.mark.feature("STA-02")
@pytest.mark.parametrize(
    ("region", "days", "said"),
    [
        ("", (dt.date(2026, 3, 2), dt.date(2026, 3, 1)), "不能早于"),
        ("", (dt.date(1, 1, 1), dt.date(9999, 12, 31)), "核对"),
        ("", (dt.date(2000, 1, 1), dt.date(2026, 1, 1)), "超过 10 年"),
        ("980403000000", MARCH, "管辖范围"),
        ("x' OR 1=1", MARCH, "管辖范围"),
    ],
)
def test_a_wrong_frame_is_refused_in_words(
    march: World, region: str, days: tuple[dt.date, dt.date], said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        report(march, march.actor("region_admin"), region, days)


@pytest.mark.feature("STA-02")
def test_sign_in_by_the_label_and_labels_that_were_seen(march: World) -> None:
    lift = march.own
    for scanned in (True, True, False):
        visited(march, lift, dt.date(2026, 3, 20), by_code=not scanned)
    visited(march, lift, dt.date(2026, 3, 21), by_code=False, taken_over=True)
    march.session.flush()
    found = report(march, march.actor("region_admin")).more.sign_in
    assert (found.by_label, found.known, found.rate) == (2, 3, Decimal("66.7")), "what was taken over tells nothing"
    assert found.seen == 1 and found.unknown == 5
    none = report(march, march.actor("region_admin"), days=(dt.date(2025, 3, 1), dt.date(2025, 3, 31))).more.sign_in
    assert none.rate is None and none.seen == 0
    march.session.rollback()


@pytest.mark.feature("STA-02")
def test_a_label_counts_where_it_is_known_to_hang(march: World) -> None:
    """Each elevator has a token; that says nothing of the car."""
    here = {"maintenance_unit": march.firm, "use_unit": march.use_unit}
    states = {state: make_elevator(march.session, plate_state=state, **here)
              for state in ("intact", "damaged", "none", None)}  # fmt: skip
    make_elevator(march.session, plate_state="intact", status="scrapped", **here)
    march.session.flush()
    before = report(march, march.actor("region_admin")).more.sign_in
    assert before.registered > before.labelled >= before.intact == 1
    day = dt.date(2026, 3, 20)
    for state in ("intact", "damaged"):
        for _twice in range(2):
            visited(march, states[state], day, by_code=False)
    visited(march, states["none"], day, by_code=True)
    march.session.flush()
    after = report(march, march.actor("region_admin")).more.sign_in
    assert (after.registered, after.intact) == (before.registered, 1)
    assert after.seen == before.seen + 2, "each once, and none that was named by its number"
    assert after.labelled == before.labelled + 1, "the damaged one was scanned, the intact one counted already"
    assert after.coverage == rate_of(after.labelled, after.registered)
    march.session.rollback()


@pytest.mark.feature("STA-02")
def test_a_check_in_says_whether_the_label_was_scanned() -> None:
    assert by_label("https://a.b/m/p/token_1", "200001") and by_label("token_1", "200001")
    assert not by_label("200001", "200001") and not by_label(" ２０００01 ", "200001")
    assert not by_label("https://a.b/m/e/200001/", "200001")


@pytest.mark.feature("STA-02")
def test_inspections_complaints_and_scores_of_the_period(march: World, tmp_path: Path) -> None:
    session, lift, now = march.session, march.own, dt.datetime(2026, 3, 10, 2, tzinfo=dt.UTC)
    for number, result in enumerate(("passed", "passed", "failed")):
        session.add(Inspection(
            elevator_id=lift.id, region_code=lift.region_code, unit_id=march.firm.id, kind="periodic",
            number=str(number), number_key=str(number), done_on=dt.date(2026, 3, 5), tested_by="院", result=result,
            state="approved", entered_by="甲",
        ))  # fmt: skip
    hour = dt.timedelta(hours=1)
    done = {"accepted_at": now + hour, "handled_at": now + 2 * hour, "reviewed_at": now + 3 * hour}
    make_complaint(session, lift, now, state="closed", **done)
    make_complaint(session, lift, now, state="waiting", due_at=now + 24 * hour)
    session.add(ScoreRun(
        region_code="980402000000", from_on=MARCH[0], to_on=MARCH[1], as_of=now, made_at=now, state="final", digest="0"
    ))  # fmt: skip
    session.flush()
    whole = report(march, march.actor("region_admin"), "980402000000")
    statistics_workbook.write(whole, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    # A chart of every count beside its table: passed, passed again and failed of each kind.
    assert [len(chart.series) for chart in book["检验检测"]._charts] == [3]
    assert [len(chart.series) for chart in book["按地区"]._charts] == [1]
    found = whole.more
    assert (found.inspections[0].passed, found.inspections[0].failed) == (2, 1)
    assert found.inspections[-1].rate == Decimal("66.7") and found.inspections[-1].label == "合计"
    assert (found.complaints.total, found.complaints.on_time, found.complaints.late) == (2, 1, 1)
    assert found.scores.link == f"/scores/total/?f_run={found.scores.run_id}", "its own run, not the newest"
    assert found.complaints.rate == 50 and found.scores.state == "final" and found.scores.best is None
    assert report(march, march.actor("clerk")).more.scores is None
    session.rollback()


@pytest.mark.feature("STA-02")
def test_places_of_use_and_regions(march: World) -> None:
    march.own.place_type = "hospital"
    march.session.flush()
    found = report(march, march.actor("platform_admin"), "980400000000")
    told = {bar.key: (bar.count, bool(bar.link)) for bar in found.places}
    assert told["hospital"] == (1, True) and told["none"][1] is False
    assert sum(bar.count for bar in found.places) == found.total == sum(area.count for area in found.more.areas)
    assert {area.label for area in found.more.areas} == {"临河区", "青坪区"}
    march.session.rollback()


@pytest.mark.feature("STA-02")
def test_register_and_visits_are_read_as_few_times_as_can_be(march: World) -> None:
    """A city's register is as many pages as its year of visits is: what each part asks of them is asked together."""
    for actor in (march.actor("region_admin"), march.actor("maintenance_head")):
        with scope.acting(actor), statements() as seen:
            now = moment(march.session, actor)
            region = actor.region_code if actor.unit_id is None else None
            found = statistics.build(now, statistics.Frame(region, *MARCH))
        assert found.total and found.sum.done and found.more.sign_in.registered == found.total
        by_unit = [s for s in seen if "FROM visit" in s and "GROUP BY visit.unit_id" in s]
        assert len(by_unit) == 1 and sum("FROM visit" in s for s in seen) == 2, seen
        assert sum("elevator.commissioned_on" in s or "elevator.plate_state" in s for s in seen) == 1
