"""统计报表 as a page: its form in the address, wrong values named and kept, the workbook at once or as a job."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, Job
from app.tasks.jobs import run
from tests.conftest import csrf
from tests.factories import World

PERIOD = "from_on=2026-03-01&to_on=2026-03-31"


def fresh(world: World, statement: Any) -> list[Any]:
    world.session.rollback()
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


def ask(browser: Any, **form: str) -> Any:
    data = {"csrf_token": csrf(browser, "/reports/"), "from_on": "2026-03-01", "to_on": "2026-03-31"} | form
    return browser.post("/reports/workbook", data=data)


@pytest.mark.feature("STA-02")
@pytest.mark.parametrize("persona", ["platform_admin", "region_admin", "inspector", "maintenance_head", "use_head"])
def test_the_page_shows_figures_formulas_and_links(world: World, sign_in: Any, persona: str) -> None:
    answer = sign_in(world.accounts[persona]).get(f"/reports/?{PERIOD}")
    assert answer.status_code == 200
    for words in ("按品种", "曳引驱动乘客电梯", "口径", "无数据", "2026-03-01", "/elevators/?f_approved=1"):
        assert words in answer.text, words


@pytest.mark.feature("STA-02")
@pytest.mark.parametrize("persona", ["region_admin", "inspector", "maintenance_head", "use_head"])
def test_each_statistic_is_one_step_away_for_whom_it_opens(world: World, sign_in: Any, persona: str) -> None:
    browser = sign_in(world.accounts[persona])
    drop = browser.get("/reports/").text.split("专项统计")[1].split("</details>")[0]
    found = re.findall(r'href="([^"]+)"', drop)
    assert "/reports/coverage" in found and len(found) == len(set(found))
    for address in found:
        assert browser.get(address, follow_redirects=True).status_code == 200, address


def test_without_a_form_the_last_days_are_shown(world: World, sign_in: Any) -> None:
    assert sign_in(world.accounts["inspector"]).get("/reports/").status_code == 200


@pytest.mark.feature("STA-02")
def test_a_region_without_anything_says_so(world: World, sign_in: Any) -> None:
    answer = sign_in(world.accounts["platform_admin"]).get(f"/reports/?{PERIOD}&region=980402001000")
    assert answer.status_code == 200 and "没有已审核通过的电梯" in answer.text and "导出工作簿" not in answer.text


@pytest.mark.parametrize("persona", ["worker", "safety_officer"])
def test_who_may_not_read_reports_gets_none(world: World, sign_in: Any, persona: str) -> None:
    answer = sign_in(world.accounts[persona]).get(f"/reports/?{PERIOD}")
    assert answer.status_code in (302, 403) and "按品种" not in answer.text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("from_on=abc&to_on=2026-02-30", 422, "“2026-02-30”不是日期"),
        ("from_on=2026-03-02&to_on=2026-03-01", 422, "不能早于"),
        ("from_on=1000-01-01&to_on=2026-03-01", 422, "核对"),
        ("from_on=9999-12-31&to_on=9999-12-31", 422, "核对"),
        ("from_on=0001-01-01&to_on=9999-12-31", 422, "核对"),
        (f"{PERIOD}&region=980403000000", 404, "管辖范围"),
        (f"{PERIOD}&region=%3Cscript%3E", 404, "管辖范围"),
        (f"{PERIOD}&region=%00980403000000", 404, "管辖范围"),
    ],
)
def test_a_wrong_value_is_named_and_kept(world: World, sign_in: Any, query: str, status: int, said: str) -> None:
    answer = sign_in(world.accounts["inspector"]).get(f"/reports/?{query}")
    assert answer.status_code == status and said in answer.text and "<script>" not in answer.text.split("<main")[-1]
    assert f'value="{query.split("&")[0].split("=")[1]}"' in answer.text


@pytest.mark.feature("STA-02", "RPR-01")
def test_the_workbook_comes_at_once(world: World, sign_in: Any) -> None:
    answer = ask(sign_in(world.accounts["inspector"]))
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    assert answer.status_code == 200 and len(book["按品种"]._charts) == 1
    entries = fresh(world, select(AuditEntry).where(AuditEntry.action == "export.make"))
    assert [e.after["sha256"] for e in entries] == [answer.headers["X-Table-SHA256"]]


@pytest.mark.feature("STA-02")
def test_a_large_region_is_a_job(
    app: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "EXPORT_INLINE_ROWS", 0)
    browser = sign_in(world.accounts["maintenance_head"])
    answer = ask(browser)
    job_id = fresh(world, select(Job))[0].id
    assert answer.status_code == 302 and answer.location.endswith(f"/jobs/{job_id}")
    with app.app_context():
        assert run(job_id) == "done"
        db.session.remove()
    found = browser.get(f"/jobs/{job_id}.json").json
    book = openpyxl.load_workbook(io.BytesIO(browser.get(found["file"]).data))
    note = dict(book["说明"].iter_rows(values_only=True))
    assert note["地区"] == "本单位" and dict(found["proof"])["文件摘要"] in note.values()


def test_a_wrong_form_comes_back_with_its_values(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    answer = ask(browser, from_on="昨天")
    assert answer.status_code == 422 and "不是日期" in answer.text and 'value="昨天"' in answer.text
    assert browser.post("/reports/workbook", data={"from_on": "2026-03-01"}).status_code == 400
