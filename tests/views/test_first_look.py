"""What somebody sees who has never been here: one row of tabs, no column of his own name, the next step, a way back."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.listing import LISTINGS
from app.models import MaintenanceClock
from app.permissions import NOBODY, Actor, Role
from tests import factories as make
from tests.conftest import csrf
from tests.factories import World
from tests.pages import flat
from tests.workflows.clock_world import visit


def tabs(page: str) -> tuple[str, str]:
    """The row of tabs, and what stands under 更多."""
    row = page.split('class="ta-tabs"')[1].split("</nav>")[0]
    seen, _more, hidden = row.partition("<details")
    return seen, hidden


def heads(page: str) -> list[str]:
    found = re.findall(r"<th[^>]*>(?:<a[^>]*>)?([^<]+)<", page.split("<thead>")[1].split("</thead>")[0])
    return [word for each in found if (word := each.strip())]


@pytest.mark.feature("ELV-02")
class TestSeldomTabs:
    def test_they_stand_under_more_until_one_is_open(self, world: World, sign_in: Any) -> None:
        browser = sign_in(world.accounts["region_admin"])
        seen, hidden = tabs(browser.get("/elevators/").text)
        assert "在用" in seen and "直梯" not in seen
        assert all(word in hidden for word in ("未绑硬件", "已绑硬件", "直梯", "扶梯"))
        seen, hidden = tabs(browser.get("/elevators/?tab=lifts").text)
        assert "直梯" in seen and 'aria-current="page"' in seen and "直梯" not in hidden and "扶梯" in hidden

    def test_a_list_without_them_has_no_more(self, world: World, sign_in: Any) -> None:
        assert tabs(sign_in(world.accounts["region_admin"]).get("/contracts/").text)[1] == ""


@pytest.mark.feature("ELV-02", "CON-02")
class TestOwnName:
    @pytest.mark.parametrize(
        ("who", "path", "gone"),
        [
            ("maintenance_head", "/elevators/", "维保单位"), ("use_head", "/elevators/", "使用单位"),
            ("worker", "/visits/", "维保单位"), ("clerk", "/contracts/", "维保单位"), ("clerk", "/people/", "所属单位"),
        ],
    )  # fmt: skip
    def test_it_is_no_column_of_ones_own_lists(
        self, session: Any, world: World, sign_in: Any, who: str, path: str, gone: str
    ) -> None:
        visit(session, world.own, world.worker, clock.today())
        session.commit()
        shown = heads(sign_in(world.accounts[who]).get(path).text)
        assert shown and gone not in shown
        assert gone in heads(sign_in(world.accounts["region_admin"]).get(path).text)

    def test_whoever_chooses_it_has_it(self, world: World, sign_in: Any) -> None:
        page = sign_in(world.accounts["maintenance_head"]).get("/elevators/?cols=code,maintenance_unit").text
        assert heads(page) == ["识别码", "维保单位"] and world.firm.name in page

    def test_the_other_side_stands_there_instead(self, world: World, sign_in: Any) -> None:
        assert "使用单位" in heads(sign_in(world.accounts["maintenance_head"]).get("/contracts/").text)

    @pytest.mark.parametrize("name", ["invitations", "inspections", "rescues", "rescue_centre"])
    def test_where_rows_may_name_others_it_stays(self, world: World, name: str) -> None:
        """Whom a firm invites for its customers, whose records a new firm reads, whom one helps at a rescue."""
        assert "unit" in LISTINGS[name].shown_first(world.actor("maintenance_head"))

    @pytest.mark.parametrize(("who", "path", "column"), [
        ("clerk", "/elevators/", "维保单位"), ("safety_officer", "/elevators/", "使用单位"),
    ])  # fmt: skip
    def test_in_a_firm_of_both_kinds_it_stays(
        self, session: Any, world: World, sign_in: Any, who: str, path: str, column: str
    ) -> None:
        browser = sign_in(world.accounts[who])
        assert column not in heads(browser.get(path).text)
        session.rollback()
        for unit in (world.firm, world.use_unit):
            unit.is_maintenance = unit.is_use = True
        session.commit()
        assert column in heads(browser.get(path).text)

    @pytest.mark.parametrize(
        ("roles", "unit_id", "side"),
        [
            ({Role.WORKER}, 1, "maintenance"), ({Role.CLERK, Role.MAINTENANCE_MANAGER}, 1, "maintenance"),
            ({Role.USE_HEAD}, 1, "use"), ({Role.USE_HEAD, Role.WORKER}, 1, ""), ({Role.TESTER}, 1, ""), (set(), 1, ""),
            ({Role.WORKER}, None, ""),
        ],
    )  # fmt: skip
    def test_who_is_of_both_sides_is_of_none(self, roles: set[Role], unit_id: int | None, side: str) -> None:
        assert Actor(1, "何一舟", roles=frozenset(roles), unit_id=unit_id).side == side
        assert NOBODY.side == ""


@pytest.mark.feature("ELV-06")
def test_the_ledger_of_a_stopped_elevator_says_so(session: Any, world: World, sign_in: Any) -> None:
    past = clock.today() - dt.timedelta(days=20)
    make.make_ledger(session, world.own, world.worker, next_half_month_on=past)
    held = session.get(MaintenanceClock, world.own.id) or make.make_clock(session, world.own, past)
    world.own.status, held.paused_on, held.limit_on, held.limit_left_days = "suspended", past, None, 3
    session.commit()
    browser = sign_in(world.accounts["maintenance_head"])
    page = flat(browser.get(f"/ledgers/{world.own.id}").text)
    assert "电梯已停用" in page and f"自 {past} 起不计时、不生成任务" in page
    row = browser.get(f"/ledgers/?q={world.own.code}").text.split("<tbody>")[1]
    assert "已暂停" in row and str(past) not in re.sub(r'title="[^"]*"', "", row)
    session.rollback()
    world.own.status, held.paused_on, held.limit_on = "in_use", None, past + dt.timedelta(days=15)
    session.commit()
    assert "起不计时" not in browser.get(f"/ledgers/{world.own.id}").text
    assert str(past) in browser.get(f"/ledgers/?q={world.own.code}").text.split("<tbody>")[1]


@pytest.mark.feature("LIF-08")
def test_my_applications_are_called_so_where_one_arrives(world: World, sign_in: Any) -> None:
    own = sign_in(world.accounts["maintenance_head"]).get("/applications/").text
    assert '<h1 class="ta-h1">我的申请</h1>' in own and "<title>我的申请" in own
    assert '<h1 class="ta-h1">申请</h1>' in sign_in(world.accounts["inspector"]).get("/applications/").text


class TestPagesWithoutAFrame:
    def test_a_stranger_is_told_where_he_is_and_led_to_the_door(self, client: Any) -> None:
        page = client.get("/nowhere").text
        assert 'class="ta-brand" href="/login/"' in page and "去登录" in page and "回到首页" not in page

    def test_who_is_signed_in_keeps_the_frame(self, world: World, sign_in: Any) -> None:
        page = sign_in(world.accounts["region_admin"]).get("/nowhere").text
        assert "回到首页" in page and "ta-alone" not in page and 'class="ta-menu"' in page

    def test_the_phone_leads_back_to_the_phone(self, world: World, sign_in: Any) -> None:
        page = sign_in(world.accounts["worker"]).get("/m/nowhere").text
        assert 'class="ta-brand" href="/m/"' in page and 'class="ta-menu"' not in page

    def test_a_way_back_stands_beside_the_way_home(self, world: World, sign_in: Any) -> None:
        browser = sign_in(world.accounts["region_admin"])
        page = browser.get("/nowhere", headers={"Referer": "http://localhost/elevators/"}).text
        assert 'href="http://localhost/elevators/"' in page and "回到首页" in page

    @pytest.mark.feature("ACC-05")
    def test_the_first_password_is_asked_for_without_a_menu(self, session: Any, world: World, sign_in: Any) -> None:
        account = world.accounts["clerk"]
        browser = sign_in(account)
        assert 'class="ta-menu"' in browser.get("/password/").text
        session.rollback()
        account.must_change_password = True
        session.commit()
        page = sign_in(account).get("/password/").text
        assert 'class="ta-menu"' not in page and 'class="ta-brand"' in page and "退出登录" in page


@pytest.mark.feature("PLN-05")
class TestABlankOrder:
    def refused(self, browser: Any, data: dict[str, Any]) -> str:
        answer = browser.post("/orders/new", data={"csrf_token": csrf(browser), **data})
        assert answer.status_code == 422
        return str(answer.text)

    def test_every_field_that_is_missing_is_named_at_once(self, world: World, sign_in: Any) -> None:
        page = self.refused(sign_in(world.accounts["maintenance_head"]), {})
        assert "没有填写电梯识别码" in page and "没有填写计划日期" in page

    def test_a_day_that_is_none_is_told_once(self, world: World, sign_in: Any) -> None:
        page = self.refused(
            sign_in(world.accounts["maintenance_head"]), {"code": "000", "planned_on": "x", "level": "quarter"}
        )
        assert "没有识别码为“000”的本单位电梯" in page and "planned_on-err" in page
        assert "没有填写计划日期" not in page


@pytest.mark.feature("DSH-01")
class TestTheNextStep:
    def test_the_first_that_is_open_stands_out(self, world: World, sign_in: Any) -> None:
        steps = sign_in(world.accounts["maintenance_head"]).get("/").text.partition("开始使用")[2].partition("</ol>")[0]
        assert steps.count('aria-current="step"') == 1 and steps.count("去办理") == 1
        open_one = steps.split('aria-current="step"')[1].split("</li>")[0]
        assert "待办" in open_one and "设备履历" in open_one and "待办" not in steps.split('aria-current="step"')[0]

    def test_an_empty_list_leads_to_what_fills_it(self, session: Any, world: World, sign_in: Any) -> None:
        firm = make.make_maintenance_unit(session)
        head = make.make_account(session, Role.MAINTENANCE_HEAD, unit=firm)
        session.commit()
        browser = sign_in(head)
        empty = browser.get("/contracts/").text.split('class="ta-empty"')[1]
        assert "/contracts/new" in empty.split("</section>")[0]
        sought = browser.get("/contracts/?q=nothing").text.split('class="ta-empty"')[1].split("</section>")[0]
        assert "/contracts/new" not in sought and "清除筛选" in sought
