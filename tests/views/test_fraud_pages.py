"""FRD-01: the desk's pages and doors; a unit sees its case and nothing beside it."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.models import Attachment, Enforcement, FraudCase, FraudSignal, Job, Visit
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, picture
from tests.workflows.test_fraud import MONDAY, at, lift, look, visited

pytestmark = pytest.mark.feature("FRD-01")


@pytest.fixture
def keys(world: World) -> list[int]:
    visited(world, world.own, MONDAY, 9)
    visited(world, lift(world, 60), MONDAY, 9, begin=at(MONDAY, 9, 50))
    visited(world, lift(world, 1), MONDAY, 9, begin=at(MONDAY, 10, 10))
    look(world, MONDAY)
    # As of today, so that it still counts for the risk.
    for row in world.session.scalars(select(FraudSignal).execution_options(skip_scope=True)):
        row.seen_on = clock.today()
    world.session.commit()
    statement = select(FraudSignal.id).order_by(FraudSignal.id).execution_options(skip_scope=True)
    found = list(world.session.scalars(statement))
    world.session.commit()
    return found


def post(browser: Any, path: str, **form: Any) -> Any:
    form["csrf_token"] = csrf(browser)
    return browser.post(path, data=form, content_type="multipart/form-data", follow_redirects=True)


def test_from_the_list_to_the_decision(world: World, sign_in: Any, keys: list[int]) -> None:
    desk, head = sign_in(world.accounts["inspector"]), sign_in(world.accounts["maintenance_head"])
    page = desk.get("/fraud/").text
    assert f"/fraud/signals/{keys[0]}" in page and "风险排名" in page and "王砚秋" in page
    page = desk.get(f"/fraud/signals/{keys[0]}").text
    assert "怎么算的" in page and "重叠" in page and "/visits/" in page
    visit = world.session.scalar(select(Visit.id).order_by(Visit.id).execution_options(skip_scope=True))
    world.session.rollback()
    at_visit = f"/visits/{visit}"
    assert "/fraud/signals/" in desk.get(at_visit).text and "/fraud/signals/" not in head.get(at_visit).text
    assert head.get("/fraud/").status_code in (302, 403) and head.get(f"/fraud/signals/{keys[0]}").status_code != 200
    page = desk.get("/fraud/risks").text
    assert "王砚秋" in page and f"/fraud/about/{world.firm.id}?person={world.worker.id}" in page
    assert world.firm.name in desk.get("/fraud/risks?by=unit").text
    about = f"/fraud/about/{world.firm.id}"
    assert keys and str(keys[0]) in desk.get(f"{about}?person={world.worker.id}").text
    refused = post(desk, about, signals=[str(keys[0])], question="")
    assert refused.status_code == 422 and "没有填写" in refused.text
    assert "已立案" in post(desk, about, signals=[str(keys[1])], question="请说明行程").text
    world.session.rollback()
    case = world.session.scalar(select(FraudCase.id).execution_options(skip_scope=True))
    assert f"/fraud/cases/{case}" in head.get("/fraud/cases/?tab=asked").text
    page = head.get(f"/fraud/cases/{case}").text
    assert "请说明行程" in page and f"/fraud/cases/{case}/answer" in page and "/fraud/signals/" not in page
    assert "说明期限内" in post(desk, f"/fraud/cases/{case}/decide", outcome="warned", reason="因").text
    assert "不再计入风险" in post(desk, f"/fraud/signals/{keys[0]}/aside", note="同一楼").text
    photo = (io.BytesIO(picture("JPEG")), "门禁.jpg")
    assert "等待监管部门认定" in post(head, f"/fraud/cases/{case}/answer", answer="两人共用账号", file=photo).text
    world.session.rollback()
    files = select(func.count()).where(Attachment.entity == "fraud_case")
    assert world.session.scalar(files.execution_options(skip_scope=True)) == 1
    assert "已结案" in post(desk, f"/fraud/cases/{case}/decide", outcome="warned", reason="账号不得共用").text
    assert "账号不得共用" in head.get(f"/fraud/cases/{case}").text


@pytest.mark.feature("ANO-03")
def test_a_case_that_was_handed_over_begins_an_enforcement_and_names_it(
    world: World, sign_in: Any, keys: list[int]
) -> None:
    desk, head = sign_in(world.accounts["inspector"]), sign_in(world.accounts["maintenance_head"])
    post(desk, f"/fraud/about/{world.firm.id}", signals=[str(keys[0])], question="请说明行程")
    world.session.rollback()
    case = world.session.scalar(select(FraudCase.id).execution_options(skip_scope=True))
    page = f"/fraud/cases/{case}"
    post(head, f"{page}/answer", answer="两人共用账号")
    assert "发起约谈、警告" not in desk.get(page).text
    post(desk, f"{page}/decide", outcome="handed", reason="屡次发生")
    shown = desk.get(page).text
    way = re.search(r'href="(/enforcement/new[^"]+)"', shown)
    assert way is not None and "/enforcement/new" not in head.get(page).text
    form = desk.get(html.unescape(way[1])).text
    chosen = re.findall(r'name="evidence" value="([^"]+)"', form)
    assert chosen[0] == f"fraud_case-{case}" and len([key for key in chosen if key.startswith("visit-")]) == 2
    assert world.firm.name in form and "移交执法" in form
    made = post(
        desk, "/enforcement/new", unit_id=world.firm.id, kind="talk", decided_on=clock.today().isoformat(),
        facts="两人同时签到", demand="整改", reply_days="10", evidence=chosen, then="issue",
    )  # fmt: skip
    assert f'href="{page}"' in made.text
    world.session.rollback()
    row = world.session.scalar(select(Enforcement).execution_options(skip_scope=True))
    for browser in (desk, head):
        shown = browser.get(page).text
        assert f"/enforcement/{row.id}" in shown and row.number in shown and "发起约谈、警告" not in shown


def test_a_day_is_looked_at_by_hand(world: World, sign_in: Any) -> None:
    desk = sign_in(world.accounts["inspector"])
    assert "检查某一天" in desk.get("/fraud/look").text
    tomorrow = clock.today() + dt.timedelta(days=1)
    assert "还没有到" in post(desk, "/fraud/look", on=tomorrow.isoformat()).text
    assert post(desk, "/fraud/look", on="abc").status_code == 422
    assert post(desk, "/fraud/look", on=clock.today().isoformat()).status_code == 200
    world.session.rollback()
    assert world.session.scalar(select(Job.kind).execution_options(skip_scope=True)) == "fraud"


def test_the_interface_does_the_same(app: Any, world: World, keys: list[int]) -> None:
    desk, head = Caller(app, world, "inspector"), Caller(app, world, "maintenance_head")
    rows = desk.get("/fraud-signals").json["rows"]
    assert {row["id"] for row in rows} == set(keys) and all(row["facts"] for row in rows)
    assert head.get("/fraud-signals").status_code == 403 and head.get(f"/fraud-signals/{keys[0]}").status_code == 403
    whole = desk.get(f"/fraud-signals/{keys[0]}").json
    assert len(whole["evidence"]) == 2 and whole["how"]
    (risk,) = desk.get("/fraud-signals/risks?by=unit").json["rows"]
    assert risk["points"] == 30 * len(keys) and desk.get("/fraud-signals/risks?by=x").status_code == 422
    made = desk.post("/fraud-cases", {"signals": keys[:2], "question": "请说明"}).json
    assert made["state"] == "asked" and made["due_at"]
    assert desk.post(f"/fraud-signals/{keys[0]}/aside", {"note": "同一楼"}).status_code == 422
    assert Caller(app, world, "other_head").get(f"/fraud-cases/{made['id']}").status_code == 404
    assert len(head.get(f"/fraud-cases/{made['id']}").json["signals"]) == 2
    assert head.post(f"/fraud-cases/{made['id']}/answer", {"answer": "共用账号"}).json["state"] == "answered"
    done = desk.post(f"/fraud-cases/{made['id']}/decide", {"outcome": "handed", "reason": "屡次发生"}).json
    assert (done["state"], done["outcome"]) == ("closed", "handed")
