"""Ranking, a unit's score with its ledger, and the way down to the visit: shown, scoped, computed by a job."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.models import Job, Score, ScoreRun
from tests.conftest import csrf
from tests.factories import make_elevator
from tests.workflows.clock_world import at, day
from tests.workflows.score_world import put_overdue, put_visit, score

pytestmark = pytest.mark.feature("SCO-01", "SCO-07", "LED-01")


@pytest.fixture
def scored(session: Any, world: Any) -> Any:
    """Two firms in one city run: one lost a point and a record, the other one nothing."""
    secret = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, is_secret=True)
    for elevator in (world.own, secret):
        put_visit(session, elevator, world.firm, world.worker, day("2021-01-01"))
    world.failed = put_visit(session, world.own, world.firm, world.worker, day("2021-01-20"), "nonconforming")
    world.missed = put_overdue(session, secret, world.firm, day("2021-01-16"))
    put_visit(session, world.foreign, world.other_firm, world.other_worker, day("2021-01-01"))
    session.commit()
    world.secret = secret
    known = at(day("2021-06-01"))
    world.run_row = score(session, "2021-01-01", "2021-03-31", as_of=known, region="980400000000")
    world.district = score(session, "2021-01-01", "2021-03-31", as_of=known, region="980402000000")
    return world


def score_id(session: Any, run: ScoreRun, unit: Any) -> int:
    return session.scalar(select(Score.id).where(Score.run_id == run.id, Score.unit_id == unit.id))


def text(client: Any, url: str, status: int = 200) -> str:
    answer = client.get(url, follow_redirects=True)
    body: str = answer.get_data(as_text=True)
    assert answer.status_code == status, f"{url}: {answer.status_code} {body[:1500]}"
    return body


def test_ranking_and_the_way_down_to_the_visit(session: Any, scored: Any, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["platform_admin"])
    listed = text(browser, f"/scores/?f_run={scored.run_row.id}")
    assert scored.firm.name in listed
    assert scored.other_firm.name in listed
    assert 'class="num">12.80</td>' in listed
    key = score_id(session, scored.run_row, scored.firm)
    page = text(browser, f"/scores/{key}")
    assert f"/visits/{scored.failed.id}" in page
    # Two failures of ten due, to the last digit.
    assert "16 − 16/5 ＝ 64/5" in page
    assert scored.own.code in text(browser, f"/scores/{key}/elevators")
    down = text(browser, f"/scores/{key}/elevators/{scored.own.id}")
    assert f"/visits/{scored.failed.id}" in down
    assert "不合规" in down
    # As the record dialogs of the manual have it (huzhou 1.7.5.1): when, in what mode, what was noted.
    assert all(said in down for said in ("签到", "签退", "维保模式", "维保备注"))
    limit_on = scored.missed.limit_on
    missed = text(browser, f"/scores/{key}/elevators/{scored.secret.id}")
    assert all(said in missed for said in ("上期维保到期日期", str(scored.missed.anchor_on), "上期维保是否完成"))
    assert f"f_limit_to={limit_on}\">{scored.missed.id}</a>" in text(
        browser, f"/scores/{key}/elevators/{scored.secret.id}"
    )


def test_failing_elevators_come_first_with_their_use_unit_and_go_out_as_a_table(
    session: Any, scored: Any, sign_in: Any
) -> None:
    third = make_elevator(session, maintenance_unit=scored.firm)
    put_visit(session, third, scored.firm, scored.worker, day("2021-01-02"))
    for on in ("2021-02-01", "2021-02-20"):
        put_visit(session, scored.secret, scored.firm, scored.worker, day(on), "nonconforming")
    session.commit()
    run = score(session, "2021-01-01", "2021-03-31", as_of=at(day("2021-07-01")), region="980400000000")
    key = score_id(session, run, scored.firm)
    row = session.get(Score, key)
    assert (row.overdue_elevators, row.nonconforming_elevators, row.elevators) == (1, 2, 3)
    browser = sign_in(scored.accounts["platform_admin"])
    page = text(browser, f"/scores/{key}/elevators")
    assert page.index(scored.secret.code) < page.index(scored.own.code) and third.code not in page
    assert scored.use_unit.name in page and "全部电梯 <b>3</b>" in page
    assert third.code in text(browser, f"/scores/{key}/elevators?show=all")
    listed = text(browser, f"/scores/?f_run={run.id}")
    assert "维保有效率" in listed and "不合规电梯数" in listed
    sent = {"format": "csv", "show": "failed", "csrf_token": csrf(browser)}
    table = browser.post(f"/scores/{key}/elevators/table", data=sent).get_data(as_text=True)
    assert scored.secret.code in table and third.code not in table and scored.use_unit.name in table
    inspector = sign_in(scored.accounts["other_inspector"])
    sent["csrf_token"] = csrf(inspector)
    assert inspector.post(f"/scores/{key}/elevators/table", data=sent).status_code == 404


def test_each_sees_own_and_secret_elevators_stay_unnamed(session: Any, scored: Any, sign_in: Any) -> None:
    inspector = sign_in(scored.accounts["inspector"])
    mine = score_id(session, scored.district, scored.firm)
    page = text(inspector, f"/scores/{mine}")
    assert scored.own.code in page
    assert scored.secret.code not in page
    assert scored.secret.code not in text(inspector, f"/scores/{mine}/elevators")
    text(inspector, f"/scores/{mine}/elevators/{scored.secret.id}", 404)
    text(inspector, f"/scores/{score_id(session, scored.run_row, scored.firm)}", 404)
    head = sign_in(scored.accounts["maintenance_head"])
    listed = text(head, "/scores/")
    assert scored.firm.name in listed
    assert scored.other_firm.name not in listed
    text(head, f"/scores/{score_id(session, scored.run_row, scored.other_firm)}", 404)
    text(sign_in(scored.accounts["use_head"]), "/scores/", 403)


def test_computing_is_a_job_and_bad_input_is_told(session: Any, scored: Any, sign_in: Any) -> None:
    browser = sign_in(scored.accounts["inspector"])
    token = csrf(browser, f"/scores/?f_run={scored.district.id}")
    good = {"from_on": "2021-01-01", "to_on": "2021-03-31", "region": "", "as_of": "", "csrf_token": token}
    assert "/jobs/" in browser.post("/scores/run", data=good).location
    session.rollback()
    job = session.scalars(select(Job).where(Job.kind == "score")).one()
    assert job.params["from_on"] == "2021-01-01"
    for field, value, said in (
        ("from_on", "x", "不是日期"), ("to_on", "2020-01-01", "截止日期不能早于"),
        ("as_of", "2999-01-01T00:00", "还没有到"), ("as_of", "明天", "不是时间"),
        ("as_of", "9999-12-31T23:59+00:00", "不是时间"), ("as_of", "0001-01-01T00:00", "不是时间"),
        ("to_on", "9999-12-31", "2199 年"),
        ("region", "980403000000", "不在您的管辖范围"),
    ):  # fmt: skip
        answer = browser.post("/scores/run", data=good | {field: value})
        assert answer.status_code in (404, 422)
        assert said in answer.get_data(as_text=True)
    head = sign_in(scored.accounts["maintenance_head"])
    token = csrf(head, f"/scores/?f_run={scored.district.id}")
    refused = head.post("/scores/run", data=good | {"csrf_token": token})
    assert refused.status_code == 403 or refused.location == "/"
    session.rollback()
    assert len(session.scalars(select(Job).where(Job.kind == "score")).all()) == 1


@pytest.mark.parametrize("query", ["?f_run=abc", "?page=0&sort=x", "?f_run=999999999", "?tab=zzz&size=1e9"])
def test_bad_parameters_are_no_error(scored: Any, sign_in: Any, query: str) -> None:
    browser = sign_in(scored.accounts["inspector"])
    text(browser, f"/scores/{query}")
    text(browser, "/scores/99999999", 404)


@pytest.mark.feature("SIM-01")
def test_a_firm_of_another_district_is_scored_here_and_opened_there(session: Any, world: Any, sign_in: Any) -> None:
    """Its score is the reader's, its page and 提分模拟 are not: no link leads where nothing opens."""
    firm = world.other_firm
    here = make_elevator(session, maintenance_unit=firm, use_unit=world.use_unit)
    put_visit(session, here, firm, world.other_worker, day("2021-01-01"))
    session.commit()
    known = at(day("2021-06-01"))
    key = score_id(session, score(session, "2021-01-01", "2021-03-31", as_of=known, region="980402000000"), firm)
    link = f"/scores/{key}/what-if"
    for name, opens in (("inspector", False), ("platform_admin", True)):
        browser = sign_in(world.accounts[name])
        for page in ("", "/items/fault", "/rating"):
            assert (link in text(browser, f"/scores/{key}{page}")) is opens, page
        assert browser.get(link).status_code == (200 if opens else 404)
