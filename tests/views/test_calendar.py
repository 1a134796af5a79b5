"""CLK-01 on the pages: the year, the register of limits, the countdown with its reason."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest

from app import clock
from app.models import CalendarDay
from tests.conftest import csrf
from tests.factories import World
from tests.pages import flat
from tests.workflows.clock_world import add_visit
from tests.workflows.filing_world import AT, decide
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("CLK-01")


def test_days_are_set_shown_and_cleared(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    assert "还没有录入这一年" in browser.get("/calendar/?year=2026").text
    token = csrf(browser, "/calendar/")
    sent = {
        "region": "980402000000", "year": "2026", "kind": "rest", "from_on": "2026-10-01", "to_on": "2026-10-07",
        "name": "国庆节", "source": "国办发明电〔2025〕7 号", "csrf_token": token,
    }  # fmt: skip
    wrong = browser.post("/calendar/days", data=sent | {"to_on": "2026-09-01", "source": ""})
    assert wrong.status_code == 422 and "截止不早于起始" in wrong.text
    page = browser.post("/calendar/days", data=sent, follow_redirects=True)
    assert "已改 7 天" in flat(page.text) and flat(page.text).count("国庆节 放假") == 7
    browser.post("/calendar/days", data=sent | {"kind": "clear", "to_on": "2026-10-01"})
    world.session.rollback()
    assert world.session.query(CalendarDay).count() == 6


def test_months_have_names_in_every_language(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    assert "<caption>1 月</caption>" in browser.get("/calendar/?year=2026").text
    browser.get("/lang/en")
    page = browser.get("/calendar/?year=2026").text
    assert "<caption>January</caption>" in page and "<caption>December</caption>" in page and "Month 1" not in page


def test_an_administrator_is_told_of_a_year_that_nobody_entered(world: World, sign_in: Any) -> None:
    """This year at once, the next one from December on; a region above may have entered it."""

    def told(year: int, month: int, day: int, who: str = "region_admin") -> list[str]:
        with clock.frozen(dt.datetime(year, month, day, 12, tzinfo=clock.SHANGHAI)):
            page = sign_in(world.accounts[who]).get("/").text
        assert "首页" in page
        return re.findall(r"([\d、]+) 年，审批期限暂按周一至周五", page)

    assert told(2026, 11, 30) == ["2026"] and told(2026, 12, 1) == ["2026、2027"]

    def entered(region: str, first: dt.date, days: int = 1, is_working: bool = False) -> None:
        world.session.rollback()
        for n in range(days):
            on = first + dt.timedelta(days=n)
            world.session.add(CalendarDay(region_code=region, on=on, is_working=is_working, known_at=AT))
        world.session.commit()

    # One day of a flood, or a weekday said to be worked, is no year; a seventh day off is, and a worked Saturday.
    entered("980402000000", dt.date(2026, 10, 2), 6)
    entered("980402000000", dt.date(2026, 10, 9), is_working=True)
    entered("980400000000", dt.date(2027, 1, 1))
    assert told(2026, 12, 1) == ["2026、2027"] == told(2026, 12, 1, "platform_admin")
    entered("980402000000", dt.date(2026, 10, 1))
    entered("980400000000", dt.date(2027, 1, 2), is_working=True)
    assert told(2026, 12, 1, "platform_admin") == ["2026、2027"], "the country's, which keeps its own"
    entered("000000000000", dt.date(2026, 2, 15), 9)
    assert told(2026, 11, 30, "platform_admin") == []
    assert told(2026, 12, 31) == [] and told(2027, 1, 1) == [] and told(2028, 2, 29) == ["2028"]
    assert told(2028, 2, 29, "inspector") == [], "who can't enter it isn't told"


def test_a_file_is_imported_whole_or_not_at_all(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])

    def send(text: str) -> Any:
        data = {
            "region": "980402000000", "year": "2026", "source": "文号", "csrf_token": csrf(browser, "/calendar/"),
            "file": (io.BytesIO(text.encode()), "days.csv"),
        }  # fmt: skip
        return browser.post("/calendar/import", data=data, follow_redirects=True)

    wrong = send("日期,类型\n2026-10-01,放假\n哪天,放假\n2026-10-03,不知道\n")
    assert wrong.status_code == 422 and "第 3 行 日期" in wrong.text and "第 4 行 类型" in wrong.text
    world.session.rollback()
    assert world.session.query(CalendarDay).count() == 0
    assert "已改 1 天" in send("日期,类型\n2026-10-01,放假\n").text


def test_an_inspector_reads_and_units_do_not(world: World, sign_in: Any) -> None:
    text = sign_in(world.accounts["inspector"]).get("/calendar/").text
    assert "工作日历" in text and "/calendar/days" not in text
    assert "cal-year" not in sign_in(world.accounts["clerk"]).get("/calendar/", follow_redirects=True).text


def test_the_register_names_every_limit_and_counts(world: World, sign_in: Any) -> None:
    suspend(world, at=AT)
    text = sign_in(world.accounts["inspector"]).get("/calendar/clocks").text
    for words in ("审批", "上传维保单", "使用单位复核", "维保期限", "工作日，按工作日历", "5 个工作日", "24 小时"):
        assert words in text


def test_the_countdown_says_why(world: World, sign_in: Any) -> None:
    row = suspend(world, at=AT)
    browser = sign_in(world.accounts["inspector"])
    page = browser.get(f"/applications/{row.id}").text
    assert "审批时限 5 个工作日（缺省" in page and "自 2026-11-20 10:00 起算" in page and "其间非工作日 2 天" in page
    assert "审批时限 5 个工作日" in browser.get("/applications/queue").text
    on = clock.today()
    world.session.rollback()
    visit = add_visit(
        world.session, world.own, world.worker, on, state="awaiting", awaiting_sheet=True, sheet_due_at=clock.now()
    )
    world.session.commit()
    assert "签退后 24 小时 内上传维保单（缺省" in browser.get(f"/visits/{visit.id}").text


def test_a_limit_stands_while_the_unit_mends_and_every_page_says_so(world: World, sign_in: Any) -> None:
    """In the list, on its page, at home, on the elevator's page and through the interface; then it runs on."""
    world.session.rollback()
    row = suspend(world, at=clock.now(), effective_on=clock.today())
    said = "补正中，办理时限暂停计算"
    unit, officer = sign_in(world.accounts["use_head"]), sign_in(world.accounts["inspector"])
    places = ("/applications/", f"/applications/{row.id}", "/", f"/elevators/{world.own.id}")
    assert not any(said in unit.get(place).text for place in places)
    decide(world.session, world.actor("inspector"), row, "return", "请补材料", at=clock.now())
    for place in places:
        assert said in unit.get(place).text, place
    page = officer.get(f"/applications/{row.id}").text
    assert said in page and "到期</p>" not in page
    assert re.search(r"退回时还剩 \d+ 个工作日（含当日），重新提交的次日起接着计算", page)
    assert officer.get("/applications/").text.count(said) == 1
    assert row.number not in officer.get("/applications/queue").text, "it waits for the unit"
    told = unit.get(f"/api/v1/clocks/applications/{row.id}").get_json()["rows"][0]
    assert (told["side"], told["number"], told["due_at"], told["tone"]) == (said, None, None, "pause")
    unit.post(
        f"/applications/{row.id}/resubmit",
        data={"effective_on": clock.today().isoformat(), "reason": "已补", "csrf_token": csrf(unit)},
    )
    for place in places:
        assert said not in unit.get(place).text, place
    assert "退回补正 1 次，其间 0 个工作日不计" in officer.get(f"/applications/{row.id}").text


def test_a_limit_that_was_over_stays_over_but_nothing_gets_late_while_it_stands(world: World, sign_in: Any) -> None:
    world.session.rollback()
    row = suspend(world, at=clock.now(), effective_on=clock.today())
    row.due_at = clock.now() - dt.timedelta(hours=3)
    world.session.commit()
    unit = sign_in(world.accounts["use_head"])
    assert "有 1 件已超办理时限" in unit.get("/").text
    decide(world.session, world.actor("inspector"), row, "return", "请补材料", at=clock.now())
    assert "已超办理时限" not in unit.get("/").text
    assert "退回时已超期 3 小时，重新提交后接着计算" in unit.get(f"/applications/{row.id}").text
