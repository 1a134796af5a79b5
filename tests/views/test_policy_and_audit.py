"""政策参数 and 审计日志: what applies here and since when; who did what, each seeing his own region's."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from app import clock
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows import audit
from tests.factories import World, make_policy


@pytest.mark.feature("POL-01")
class TestPolicy:
    def test_value_origin_and_day_of_force(self, world: World, sign_in: Any) -> None:
        make_policy(world.session, "visit_min_minutes", 42, "980400000000", dt.date(2026, 2, 1))
        make_policy(world.session, "preset", "nantong", "980402000000", dt.date(2026, 3, 1))
        make_policy(world.session, "password_min", 13, "980000000000", dt.date(2026, 1, 1))
        world.session.commit()
        browser = sign_in(world.accounts["region_admin"])
        before = browser.get("/policy/?on=2026-02-15").text
        assert "42 分钟" in before and "澜州市" in before and "2026-02-01" in before
        after = browser.get("/policy/?on=2026-03-01").text
        assert "30 分钟" in after and "临河区：预设“南通”" in after and "13 位" in after and "岚省" in after

    @pytest.mark.parametrize("query", ["on=abc", "on=2026-02-30", "region=1", "region=980403000000", "region=%27%00"])
    def test_a_wrong_parameter_is_named(self, world: World, sign_in: Any, query: str) -> None:
        answer = sign_in(world.accounts["inspector"]).get(f"/policy/?{query}")
        assert answer.status_code == 200 and "已改为" in answer.text

    def test_a_platform_administrators_wrong_region_is_named_too(self, world: World, sign_in: Any) -> None:
        answer = sign_in(world.accounts["platform_admin"]).get("/policy/?region=%27%00")
        assert answer.status_code == 200 and "已改为" in answer.text

    def test_units_do_not_open_it(self, world: World, sign_in: Any) -> None:
        assert "limit_days" not in sign_in(world.accounts["clerk"]).get("/policy/", follow_redirects=True).text


@pytest.mark.feature("AUD-01")
class TestAudit:
    @pytest.fixture
    def log(self, world: World) -> World:
        with transaction(world.session):
            for persona in ("clerk", "other_head", "region_admin"):
                audit.record(
                    world.session, world.actor(persona), clock.now(), f"deed.{persona}", "unit", 7, {"name": "旧名"},
                    {"name": f"<b>{persona}</b>"},
                )  # fmt: skip
            audit.record(world.session, SYSTEM, clock.now(), "deed.system", "schedule", None)
        return world

    def test_a_region_reads_the_deeds_of_its_accounts(self, log: World, sign_in: Any) -> None:
        text = sign_in(log.accounts["region_admin"]).get("/audit/").text
        assert "deed.clerk" in text and "deed.region_admin" in text
        assert "deed.other_head" not in text and "deed.system" not in text
        assert "&lt;b&gt;clerk&lt;/b&gt;" in text and "旧名" in text and "待封存" in text

    def test_a_platform_administrator_reads_all(self, log: World, sign_in: Any) -> None:
        text = sign_in(log.accounts["platform_admin"]).get("/audit/").text
        assert all(f"deed.{who}" in text for who in ("clerk", "other_head", "system"))

    @pytest.mark.parametrize("persona", ["inspector", "maintenance_head", "clerk", "use_head"])
    def test_others_do_not_open_it(self, log: World, sign_in: Any, persona: str) -> None:
        assert "deed." not in sign_in(log.accounts[persona]).get("/audit/", follow_redirects=True).text

    def test_it_is_searched_and_paged(self, log: World, sign_in: Any) -> None:
        with transaction(log.session):
            for number in range(60):
                audit.record(log.session, log.actor("clerk"), clock.now(), "many", "elevator", number)
        browser = sign_in(log.accounts["platform_admin"])
        first = browser.get("/audit/?action=many").text
        assert "elevator 59" in first and "elevator 9<" not in first and "deed." not in first
        link = first.split('href="?action=many&amp;before=')[1].split('"')[0]
        assert "elevator 9<" in browser.get(f"/audit/?action=many&before={link}").text
        day = clock.today()
        assert "many" in browser.get(f"/audit/?from={day}&to={day}").text
        assert "没有符合条件" in browser.get(f"/audit/?to={day - dt.timedelta(days=1)}").text

    @pytest.mark.parametrize(
        "query", ["id=abc", "id=99999999999999999999", "before=x", "from=abc", "to=2026-02-30", "id=-1"]
    )
    def test_a_wrong_parameter_is_named(self, log: World, sign_in: Any, query: str) -> None:
        answer = sign_in(log.accounts["platform_admin"]).get(f"/audit/?{query}")
        assert answer.status_code == 200 and ("不是编号" in answer.text or "不是日期" in answer.text)
