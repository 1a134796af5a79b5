"""政策参数 and 审计日志: what applies here and since when; who did what, each seeing his own region's."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import pytest

from app import clock
from app.models import Account, Attachment, Job, PolicyProposal
from app.models.policy import policy_version
from app.permissions import SYSTEM, Role
from app.transaction import transaction
from app.views.frame.policy_words import place
from app.workflows.core import audit
from tests.conftest import csrf
from tests.factories import World, make_account, make_policy


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

    @pytest.mark.parametrize(
        "query", ["on=abc", "on=2026-02-30", "on=9999-12-31", "region=1", "region=980403000000", "region=%27%00"]
    )
    def test_a_wrong_parameter_is_named(self, world: World, sign_in: Any, query: str) -> None:
        answer = sign_in(world.accounts["inspector"]).get(f"/policy/?{query}")
        assert answer.status_code == 200 and "已改为" in answer.text

    def test_a_platform_administrators_wrong_region_is_named_too(self, world: World, sign_in: Any) -> None:
        answer = sign_in(world.accounts["platform_admin"]).get("/policy/?region=%27%00")
        assert answer.status_code == 200 and "已改为" in answer.text

    @pytest.mark.parametrize("path", ["/policy/", "/policy/propose?key=limit_days", "/calendar/"])
    def test_streets_of_one_name_stand_below_their_districts(self, world: World, sign_in: Any, path: str) -> None:
        page = sign_in(world.accounts["platform_admin"]).get(path).text
        below = page.split(">\u3000\u3000临河区", 1)[1].split(">\u3000\u3000青坪区", 1)[0]
        assert 'value="980402001000"' in below and ">\u3000\u3000\u3000临河区明水街道" in below

    def test_a_parameter_is_found_among_two_hundred(self, world: World, sign_in: Any) -> None:
        """By words of its name, its group or its key; what the region set itself can be told apart."""
        client = sign_in(world.accounts["region_admin"])
        whole = client.get("/policy/").text
        assert whole.count("/policy/keys/") > 150 and 'href="#g2"' in whole and 'id="g2"' in whole
        found = client.get("/policy/?q=签退 最远").text
        assert "/policy/keys/presence_metres" in found and found.count('class="key"') == 1
        assert "找到 1 个参数" in found and 'href="#g2"' not in found
        assert "/policy/keys/presence_metres" in client.get("/policy/?q=PRESENCE_METRES").text
        assert "没有这样的参数" in client.get("/policy/?q=没有的").text
        none = client.get("/policy/?own=1").text
        assert "还没有单独设置的参数" in none and none.count('class="key"') == 0
        world.session.rollback()
        make_policy(world.session, "presence_metres", 150, region_code="980402000000")
        world.session.commit()
        own = client.get("/policy/?own=1").text
        assert own.count('class="key"') == 1 and "/policy/keys/presence_metres" in own

    def test_a_street_is_named_with_its_district(self) -> None:
        names = {"980402000000": "临河区", "980402001000": "明水街道", "980400000000": "澜州市"}
        assert place("980402001000", names) == "临河区明水街道" and place("980402000000", names) == "临河区"
        assert place("980400000000", names) == "澜州市" and place("980409001000", names) == "980409001000"

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
        assert "电梯 59" in first and "电梯 9<" not in first and "deed." not in first
        link = first.split('href="?action=many&amp;before=')[1].split('"')[0]
        assert "电梯 9<" in browser.get(f"/audit/?action=many&before={link}").text
        day = clock.today()
        assert "many" in browser.get(f"/audit/?from={day}&to={day}").text
        assert "没有符合条件" in browser.get(f"/audit/?to={day - dt.timedelta(days=1)}").text

    def test_a_choice_finds_all_of_its_word_and_nothing_that_begins_like_it(self, log: World, sign_in: Any) -> None:
        with transaction(log.session):
            actor, at = log.actor("clerk"), clock.now()
            for number, (deed, entity) in enumerate(
                (("visit.begin", "visit"), ("repair_order.start", "repair_order"), ("unit_change.give", "unit_change"),
                 ("policy_proposal.give", "policy_proposal"), ("policy.give", "policy"),
                 ("policy_value.give", "policy_value")), 501,
            ):  # fmt: skip
                audit.record(log.session, actor, at, deed, entity, number)
        browser = sign_in(log.accounts["platform_admin"])

        def found(query: str) -> set[int]:
            page = browser.get(f"/audit/?{query}").text
            return {n for n in range(501, 507) if f" {n}</td>" in page}

        assert found("action=begin,start") == {501, 502}
        assert found("entity=unit") == set() and found("entity=unit_change") == {503}
        assert found("entity=policy_value,policy") == {505, 506}

    @pytest.mark.parametrize(
        "query", ["id=abc", "id=99999999999999999999", "before=x", "from=abc", "to=2026-02-30", "id=-1"]
    )
    def test_a_wrong_parameter_is_named(self, log: World, sign_in: Any, query: str) -> None:
        answer = sign_in(log.accounts["platform_admin"]).get(f"/audit/?{query}")
        assert answer.status_code == 200 and ("不是编号" in answer.text or "不是日期" in answer.text)

    @pytest.mark.parametrize("query", ["from=9999-12-31&to=0001-01-01", "from=0001-01-01", "to=9999-12-31"])
    def test_a_day_that_nobody_means_is_named(self, log: World, sign_in: Any, query: str) -> None:
        answer = sign_in(log.accounts["platform_admin"]).get(f"/audit/?{query}")
        assert answer.status_code == 200 and "不在 1950 年至 2199 年之间" in answer.text

    def test_it_speaks_in_words(self, log: World, sign_in: Any) -> None:
        with transaction(log.session):
            actor = log.actor("clerk")
            audit.record(log.session, actor, clock.now(), "contract.create", "contract", 3)
            audit.record(log.session, actor, clock.now(), "visit.check_in", "visit", 4)
        browser = sign_in(log.accounts["platform_admin"])
        page = browser.get("/audit/?action=create").text
        assert "维保合同 3" in page and "维保记录 4" not in page and "contract.create" not in page
        assert '<option value="create" selected>建立</option>' in page and "flask" not in page

@pytest.mark.feature("POL-01")
class TestProposing:
    def test_from_the_form_to_the_value_in_force(self, world: World, sign_in: Any) -> None:
        second = make_account(world.session, Role.REGION_ADMIN, region_code="980402000000")
        world.session.commit()
        first = sign_in(world.accounts["region_admin"])
        form = first.get("/policy/propose?key=visit_min_minutes&region=980402000000").text
        assert "签到后满多久才能签退" in form and "35 分钟" in form
        today = clock.today().isoformat()
        sent = {
            "key": "visit_min_minutes", "region": "980402000000", "how": "set", "value": "40", "effective_on": today,
            "source": "澜市监〔2026〕3 号", "csrf_token": csrf(first, "/policy/propose?key=limit_days"),
        }  # fmt: skip
        wrong = first.post("/policy/propose", data=sent | {"value": "四十"})
        assert wrong.status_code == 422 and "应为整数" in wrong.text and "澜市监〔2026〕3 号" in wrong.text
        page = first.post("/policy/propose", data=sent, follow_redirects=True)
        assert "等待第二人批准" in page.text and "批准，自" not in page.text
        world.session.rollback()
        number = world.session.query(PolicyProposal.id).scalar()
        assert "有一件待批准" in first.get("/policy/").text
        assert first.get("/policy/proposals/").text.count("40 分钟") == 1
        other = sign_in(second)
        shown = other.get(f"/policy/proposals/{number}").text
        assert "35 分钟" in shown and "40 分钟" in shown and "批准，自" in shown
        seen = re.search(r'name="seen" value="(\w+)"', shown)
        assert seen
        token = csrf(other, f"/policy/proposals/{number}")
        answer = other.post(
            f"/policy/proposals/{number}/approve", data={"seen": seen.group(1), "csrf_token": token},
            follow_redirects=True,
        )  # fmt: skip
        assert "已批准" in answer.text
        index = other.get("/policy/").text
        assert "40 分钟" in index and "澜市监〔2026〕3 号" in index
        history = other.get("/policy/keys/visit_min_minutes").text
        assert "澜市监〔2026〕3 号" in history and "30 分钟" in history and "本地" in history

    def test_where_nobody_may_decide_the_way_out_is_told(self, world: World, sign_in: Any) -> None:
        """In a region that has just begun its first administrator made every other account."""
        admin = sign_in(world.accounts["platform_admin"])
        sent = {
            "key": "visit_min_minutes", "region": "980402000000", "how": "set", "value": "40",
            "effective_on": clock.today().isoformat(), "source": "澜市监〔2026〕3 号",
            "csrf_token": csrf(admin, "/policy/propose?key=limit_days"),
        }  # fmt: skip
        page = admin.post("/policy/propose", data=sent, follow_redirects=True).text
        name = world.accounts["region_admin"].first_name
        assert f"等待第二人批准，已通知：{name}" in page and "运维人员" not in page
        first = world.accounts["platform_admin"].id
        world.session.rollback()
        for account in world.session.query(Account).where(Account.id != first):
            account.parent_user_id = first
        world.session.commit()
        number = world.session.query(PolicyProposal.id).scalar()
        page = admin.get(f"/policy/proposals/{number}").text
        assert "现在没有人能批准" in page and "请运维人员再建一位平台管理员" in page and "已通知" not in page

    def test_the_value_of_now_is_the_chosen_regions_and_says_whose_it_is(self, world: World, sign_in: Any) -> None:
        make_policy(world.session, "visit_min_minutes", 50, region_code="980400000000")
        make_policy(world.session, "visit_min_minutes", 45, region_code="980402000000")
        world.session.commit()
        browser = sign_in(world.accounts["platform_admin"])
        form = "/policy/propose?key=visit_min_minutes&region="
        own, above = browser.get(form + "980402000000").text, browser.get(form + "980403000000").text
        assert "<b>45 分钟</b>" in own and "这个地区自己定的：临河区，自 2000-01-01 起" in own
        assert "<b>50 分钟</b>" in above and "没有自己的值，沿用：澜州市，自 2000-01-01 起" in above
        # As the page's script asks when another is chosen, and as the button does without one: what was typed stays.
        told = browser.get("/policy/now?key=visit_min_minutes&region=980403000000").text
        assert "（青坪区）" in told and "<b>50 分钟</b>" in told and "<html" not in told
        sent = {
            "key": "visit_min_minutes", "region": "980402000000", "then": "look", "value": "四十", "source": "3 号",
            "csrf_token": csrf(browser, form),
        }  # fmt: skip
        looked = browser.post("/policy/propose", data=sent)
        assert looked.status_code == 200 and "<b>45 分钟</b>" in looked.text
        assert 'value="四十"' in looked.text and 'value="3 号"' in looked.text and "应为整数" not in looked.text
        assert browser.get("/policy/now?key=visit_min_minutes&region=000000000000").status_code == 200

    @pytest.mark.parametrize(("key", "region"), [("nothing", "980402000000"), ("limit_days", "980403000000")])
    def test_no_value_is_told_of_no_parameter_or_of_a_region_that_is_not_theirs(
        self, world: World, sign_in: Any, key: str, region: str
    ) -> None:
        browser = sign_in(world.accounts["region_admin"])
        assert browser.get(f"/policy/now?key={key}&region={region}").status_code == 404

    def test_the_order_comes_along_as_a_scan(self, world: World, sign_in: Any) -> None:
        """Read by whoever reads the proposal, in the district below as well; kept from units and other regions."""
        first = sign_in(world.accounts["region_admin"])
        sent = {
            "key": "visit_min_minutes", "region": "980402000000", "how": "set", "value": "40",
            "effective_on": clock.today().isoformat(), "source": "澜市监〔2026〕3 号",
            "csrf_token": csrf(first, "/policy/propose?key=limit_days"),
        }  # fmt: skip
        bad = first.post("/policy/propose", data=sent | {"scan": (io.BytesIO(b"<html>"), "文件.pdf")})
        assert bad.status_code == 422 and "文件.pdf" in bad.text and 'value="40"' in bad.text
        world.session.rollback()
        assert world.session.query(PolicyProposal).count() == 0
        page = first.post(
            "/policy/propose", data=sent | {"scan": (io.BytesIO(b"%PDF-1.7"), "文件.pdf")}, follow_redirects=True
        ).text
        assert "文件.pdf" in page and "没有附扫描件" not in page
        world.session.rollback()
        file = world.session.query(Attachment).one()
        key, kept = file.id, (file.entity, file.kind, file.region_code)
        assert kept == ("policy_proposal", "document", "980402000000")
        world.session.rollback()
        assert sign_in(world.accounts["inspector"]).get(f"/files/{key}").data == b"%PDF-1.7"
        for persona in ("other_inspector", "maintenance_head"):
            assert sign_in(world.accounts[persona]).get(f"/files/{key}").status_code == 404, persona

    def test_a_scan_stays_where_the_form_is_refused(self, world: World, sign_in: Any) -> None:
        browser = sign_in(world.accounts["region_admin"])
        token = csrf(browser, "/policy/propose?key=visit_min_minutes")
        ahead = browser.post(
            "/files/", data={"file": (io.BytesIO(b"%PDF-1.7"), "文件.pdf"), "kind": "document", "csrf_token": token}
        ).json["id"]  # fmt: skip
        sent = {
            "key": "visit_min_minutes", "region": "980402000000", "how": "set", "value": "40", "source": "",
            "effective_on": clock.today().isoformat(), "csrf_token": token, "scan_ids": str(ahead),
        }  # fmt: skip
        bad = browser.post("/policy/propose", data=sent)
        assert bad.status_code == 422 and "文件.pdf" in bad.text and f'name="scan_ids" value="{ahead}"' in bad.text
        many = browser.post("/policy/propose", data=sent | {"scan_ids": [str(ahead + n) for n in range(6)]})
        assert many.status_code == 422 and "最多 5 个" in many.text
        good = browser.post("/policy/propose", data=sent | {"source": "澜市监〔2026〕3 号"}, follow_redirects=True)
        assert good.status_code == 200 and "文件.pdf" in good.text
        world.session.rollback()
        file = world.session.query(Attachment).one()
        assert (file.id, file.entity, file.region_code) == (ahead, "policy_proposal", "980402000000")

    def test_off_and_what_is_to_come(self, world: World, sign_in: Any) -> None:
        later = clock.today() + dt.timedelta(days=20)
        make_policy(world.session, "visit_max_hours", None, "980400000000", later)
        world.session.commit()
        text = sign_in(world.accounts["inspector"]).get("/policy/").text
        assert f"{later.isoformat()} 起：不限" in text and "提议新值" not in text

    @pytest.mark.parametrize("address", ["/policy/keys/no_such", "/policy/versions/000000000000", "/policy/tests/77"])
    def test_what_is_not_there_is_not_found(self, world: World, sign_in: Any, address: str) -> None:
        assert sign_in(world.accounts["region_admin"]).get(address).status_code == 404

    def test_a_back_test_runs_as_a_job_and_shows_before_and_after(self, app: Any, world: World, sign_in: Any) -> None:
        from app.tasks import jobs as runner
        from tests.workflows.score_world import put_overdue, put_visit

        today = clock.today()
        first = today - dt.timedelta(days=60)
        put_visit(world.session, world.own, world.firm, world.worker, first)
        put_overdue(world.session, world.own, world.firm, first + dt.timedelta(days=15))
        world.session.commit()
        browser = sign_in(world.accounts["region_admin"])
        sent = {
            "key": "limit_days", "region": "980402000000", "how": "set", "value": "40", "then": "test",
            "from_on": (first - dt.timedelta(days=5)).isoformat(), "to_on": (today - dt.timedelta(days=1)).isoformat(),
            "csrf_token": csrf(browser, "/policy/propose?key=limit_days"),
        }  # fmt: skip
        late = browser.post("/policy/propose", data=sent | {"to_on": (today + dt.timedelta(days=1)).isoformat()})
        assert late.status_code == 422 and "回测只能用过去的日子" in late.text
        waiting = browser.post("/policy/propose", data=sent, follow_redirects=True)
        assert "回测还没有完成" in waiting.text
        world.session.rollback()
        job = world.session.query(Job).filter_by(kind="policy_test").one()
        with app.app_context():
            assert runner.run(job.id) == "done"
        page = browser.get(f"/policy/tests/{job.id}").text
        assert world.firm.name in page and "已存的记录没有改变" in page
        assert sign_in(world.accounts["inspector"]).get(f"/policy/tests/{job.id}").status_code in (302, 403, 404)

    def test_a_record_links_to_what_its_policy_said(self, world: World, sign_in: Any) -> None:
        from tests.workflows.clock_world import add_visit

        on = dt.date(2026, 1, 5)
        version = policy_version(world.session, "980402000000", on)
        row = add_visit(world.session, world.own, world.worker, on, preset=version)
        make_policy(world.session, "limit_days", 20, "980402000000")
        world.session.commit()
        for persona in ("inspector", "maintenance_head", "use_head"):
            browser = sign_in(world.accounts[persona])
            assert f"/policy/versions/{version}" in browser.get(f"/visits/{row.id}").text
            said = browser.get(f"/policy/versions/{version}?region=980402000000&on=2026-01-05").text
            assert "15 天" in said and "20 天" in said
