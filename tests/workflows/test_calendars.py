"""CLK-01: the working calendar as data, and open approval limits that move with it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from app import clock, scope
from app.errors import NotAllowed, NotFound, Refusal
from app.imports import calendar_days
from app.models import Application, AuditEntry, CalendarDay
from app.transaction import transaction
from app.workflows.approval import approval_limits, calendars
from app.workflows.approval.calendars import Day
from app.workflows.desk import applications
from tests.factories import World
from tests.statements import statements
from tests.workflows.filing_world import AT, decide
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("CLK-01")
DISTRICT, CITY, OTHER = "980402000000", "980400000000", "980403000000"
# AT is a Friday, 10:00; five working days after it end on the Friday after.
WEDNESDAY, FRIDAY, SATURDAY = (dt.date(2026, 11, n) for n in (25, 27, 28))


def put(world: World, days: list[Day], region: str = DISTRICT, persona: str = "region_admin") -> calendars.Changed:
    with transaction(world.session):
        return calendars.set_days(world.session, world.actor(persona), AT, region, days, "澜政办〔2026〕9 号")


def limit(row: Application) -> str:
    assert row.due_at is not None
    return clock.until(row.due_at)


def test_without_a_calendar_it_is_monday_to_friday(world: World) -> None:
    assert limit(suspend(world)) == "2026-11-27 24:00"


def test_a_holiday_and_a_worked_saturday_count(world: World) -> None:
    put(world, [Day(WEDNESDAY, False, "区庆日"), Day(SATURDAY, True, "调休")])
    assert limit(suspend(world)) == "2026-11-28 24:00"
    is_working = calendars.working_calendar(world.session, "980402001000")
    assert [is_working(d) for d in (WEDNESDAY, FRIDAY, SATURDAY)] == [False, True, True]
    assert calendars.working_calendar(world.session, OTHER)(WEDNESDAY)


def test_a_change_moves_open_limits_and_the_audit_says_which(world: World) -> None:
    row = suspend(world)
    done = put(world, [Day(WEDNESDAY, False)])
    assert (done.days, done.limits, limit(row)) == (1, 1, "2026-11-30 24:00")
    entry = world.session.query(AuditEntry).filter_by(action="calendar.set").one()
    assert entry.after["limits_moved"] == {row.number: ["2026-11-27 24:00", "2026-11-30 24:00"]}
    with transaction(world.session):
        back = calendars.clear_days(world.session, world.actor("region_admin"), AT, DISTRICT, [WEDNESDAY])
    assert back.limits == 1 and limit(row) == "2026-11-27 24:00"
    assert world.session.query(CalendarDay).count() == 0


def test_what_is_decided_or_elsewhere_stays(world: World) -> None:
    row = suspend(world)
    put(world, [Day(WEDNESDAY, False)], OTHER, "platform_admin")
    assert limit(row) == "2026-11-27 24:00"
    decide(world.session, world.actor("inspector"), row, "approve")
    assert put(world, [Day(WEDNESDAY, False)]).limits == 0
    assert limit(row) == "2026-11-27 24:00"


def test_the_nearest_region_decides(world: World) -> None:
    put(world, [Day(WEDNESDAY, False)], CITY, "platform_admin")
    put(world, [Day(WEDNESDAY, True)])
    assert calendars.working_calendar(world.session, DISTRICT)(WEDNESDAY)
    assert not calendars.working_calendar(world.session, OTHER)(WEDNESDAY)


def test_what_holds_in_many_regions_is_read_at_once(world: World) -> None:
    put(world, [Day(WEDNESDAY, False, "全市")], CITY, "platform_admin")
    put(world, [Day(WEDNESDAY, True, "本区")])
    one_by_one = {code: calendars.days_of(world.session, code)[WEDNESDAY].name for code in (DISTRICT, OTHER, CITY)}
    world.session.commit()
    with statements() as seen:
        calendars.read_ahead(world.session, [DISTRICT, OTHER, CITY, DISTRICT])
        calendars.read_ahead(world.session, [OTHER])
        held = {code: calendars.days_of(world.session, code)[WEDNESDAY].name for code in (DISTRICT, OTHER, CITY)}
    assert held == one_by_one == {DISTRICT: "本区", OTHER: "全市", CITY: "全市"}
    assert sum("calendar_day" in s for s in seen) == 1


def back_and_forth(world: World, row: Application, returned: dt.datetime, again: dt.datetime) -> None:
    officer, owner = world.actor("inspector"), world.actor("use_head")
    decide(world.session, officer, row, "return", "请补材料", at=returned)
    with scope.acting(owner), transaction(world.session):
        applications.resubmit(
            world.session, owner, row.id, effective_on=clock.local_day(again), reason="楼宇改造", attachments=[],
            at=again,
        )  # fmt: skip


def on(day: int, hour: int = 10) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, tzinfo=clock.SHANGHAI)


def test_time_with_the_applicant_is_kept_and_told(world: World) -> None:
    row = suspend(world)
    back_and_forth(world, row, on(24, 16), on(28))
    assert limit(row) == "2026-12-03 24:00", "Tuesday to Friday were left, and begin on the Monday"
    assert put(world, [Day(WEDNESDAY, False)]).limits == 0, "it fell into the time with the unit"
    assert put(world, [Day(dt.date(2026, 12, 1), False)]).limits == 1
    assert limit(row) == "2026-12-04 24:00"
    why = approval_limits.reason(world.session, row, calendars.working_calendar(world.session, DISTRICT))
    assert why is not None and (why.days, why.returns, why.left, why.over, why.started_at) == (5, 1, None, None, AT)
    # From the first Monday on: of fourteen days six are not worked, and three of the others count for nobody.
    assert (why.idle_days, why.paused_days) == (6, 3)


def test_what_comes_back_on_a_weekend_is_not_due_before_the_office_is_open(world: World) -> None:
    row = suspend(world)
    back_and_forth(world, row, on(27, 16), on(28))
    assert limit(row) == "2026-11-30 24:00"
    back_and_forth(world, row, on(30, 9), on(30, 11))
    assert limit(row) == "2026-12-01 24:00", "twice"
    assert put(world, [Day(SATURDAY, True)]).limits == 0, "the day on which it came back is no day of the limit's"
    assert put(world, [Day(dt.date(2026, 12, 1), False)]).limits == 1 and limit(row) == "2026-12-02 24:00"


def test_a_limit_that_was_over_is_over_by_as_much_when_it_comes_back(world: World) -> None:
    row = suspend(world)
    decide(world.session, world.actor("inspector"), row, "return", "请补材料", at=on(30, 3))
    why = approval_limits.reason(world.session, row, calendars.working_calendar(world.session, DISTRICT))
    assert why is not None and (why.left, why.over) == (None, dt.timedelta(hours=51))
    owner = world.actor("use_head")
    with scope.acting(owner), transaction(world.session):
        applications.resubmit(
            world.session, owner, row.id, effective_on=dt.date(2026, 12, 1), reason="楼宇改造", attachments=[],
            at=on(30, 3) + dt.timedelta(hours=30),
        )  # fmt: skip
    assert row.due_at is not None and on(30, 3) + dt.timedelta(hours=30) - row.due_at == dt.timedelta(hours=51)
    assert put(world, [Day(dt.date(2026, 12, 9), False)]).limits == 0


@pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "use_head"])
def test_who_may_not_edit_it(world: World, persona: str) -> None:
    with pytest.raises(NotAllowed):
        put(world, [Day(WEDNESDAY, False)], persona=persona)


def test_a_rest_without_end_is_refused_before_anybody_submits(world: World) -> None:
    """Sixty days in a row are still counted over; one more is a slip, also where two regions make it."""
    first = dt.date(2026, 12, 1)  # a Tuesday: sixty days on is a Friday, and a weekend follows

    def rest(days: int, since: dt.date = first) -> list[Day]:
        return [Day(since + dt.timedelta(days=n), False) for n in range(days)]

    assert put(world, rest(59)).days == 59
    with pytest.raises(Refusal) as refused:
        put(world, rest(60))
    assert "2026-12-01 至 2027-01-30 没有工作日" in refused.value.findings[0].found
    assert world.session.query(CalendarDay).count() == 59
    row = suspend(world, at=AT + dt.timedelta(days=7), effective_on=dt.date(2027, 3, 1))
    assert limit(row) == "2027-02-03 24:00"
    with pytest.raises(Refusal):  # the district's 59 days and the city's next ones make one rest there
        put(world, rest(1, dt.date(2027, 1, 29)), CITY, "platform_admin")


def test_what_is_wrong_is_refused_at_once(world: World) -> None:
    with pytest.raises(NotFound):
        put(world, [Day(WEDNESDAY, False)], OTHER)
    with pytest.raises(Refusal) as refused, transaction(world.session):
        calendars.set_days(
            world.session, world.actor("region_admin"), AT, DISTRICT, [Day(dt.date(1900, 1, 1), True)], " "
        )
    assert {f.field for f in refused.value.findings} == {"on", "source"}


def test_a_file_is_read_with_every_error_by_row(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    rows = ["名称,日期,类型", "国庆,2026-10-01,放假", "国庆,20261002,休息", "调休,2026/10/10,上班"]
    file.write_text("\n".join(rows), encoding="utf-8")
    days = calendar_days.read(file, "days.csv")
    assert days == [
        Day(dt.date(2026, 10, 1), False, "国庆"), Day(dt.date(2026, 10, 2), False, "国庆"),
        Day(dt.date(2026, 10, 10), True, "调休"),
    ]  # fmt: skip
    file.write_text("日期,类型\n昨天,放假\n2026-10-01,也许\n2026-10-03,放假\n2026-10-03,上班\n", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        calendar_days.read(file, "days.csv")
    assert [f.rule for f in refused.value.findings] == ["第 2 行 日期", "第 3 行 类型", "第 5 行 日期"]


@pytest.mark.parametrize("text", ["", "类型,名称\n放假,x\n", "日期,类型\n"])
def test_a_file_without_days_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "days.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal):
        calendar_days.read(file, "days.csv")


def test_a_workbook_is_read_too(tmp_path: Path) -> None:
    import xlsxwriter

    file = tmp_path / "days.xlsx"
    book: Any = xlsxwriter.Workbook(str(file))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["日期", "类型", "名称"])
    sheet.write_datetime(1, 0, dt.datetime(2026, 10, 1), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
    sheet.write_row(1, 1, ["放假", "国庆节"])
    book.close()
    assert calendar_days.read(file, "days.xlsx") == [Day(dt.date(2026, 10, 1), False, "国庆节")]
