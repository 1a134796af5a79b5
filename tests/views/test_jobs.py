"""The jobs page: one's own jobs, their progress, their files while the right lasts; a schedule for a day."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import Job, Notification
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World


def enter(world: World, persona: str = "clerk", kind: str = "export", title: str = "云樾里电梯导出") -> int:
    with transaction(world.session):
        return int(jobs.enqueue(world.session, world.actor(persona), clock.now(), kind, title).id)


def run(world: World, job_id: int, error: str = "") -> None:
    with transaction(world.session):
        token = jobs.claim(world.session, job_id, clock.now())
        assert token
        if error:
            jobs.fail(world.session, job_id, token, clock.now(), error)
            return
        row = attachments.store(
            world.session, world.actor("clerk"), clock.now(), io.BytesIO("识别码\n".encode()), "电梯.csv", "export",
            "job", job_id, world.firm.id, world.firm.region_code,
        )  # fmt: skip
        jobs.finish(world.session, job_id, token, clock.now(), {"rows": 1234, "inner": "not-for-pages"}, row.id)


def stored(world: World) -> list[Job]:
    """All jobs as they are now: on SQLite an open read would still see the database of before the request."""
    world.session.rollback()
    world.session.expire_all()
    return list(world.session.query(Job).order_by(Job.id))


def test_an_empty_page_says_what_to_do(world: World, sign_in: Any) -> None:
    answer = sign_in(world.accounts["clerk"]).get("/jobs/")
    assert answer.status_code == 200 and "还没有任务" in answer.text


def test_the_list_has_ones_own_jobs_only(world: World, sign_in: Any) -> None:
    enter(world, "clerk", title="自己的导出")
    enter(world, "maintenance_head", title="别人的导出")
    text = sign_in(world.accounts["clerk"]).get("/jobs/").text
    assert "自己的导出" in text and "别人的导出" not in text


@pytest.mark.parametrize("query", ["page=abc", "page=-1", "page=0", "page=99999999999999999999"])
def test_no_page_number_breaks_the_list(world: World, sign_in: Any, query: str) -> None:
    assert sign_in(world.accounts["clerk"]).get(f"/jobs/?{query}").status_code == 200


def test_progress_is_asked_as_json(world: World, sign_in: Any) -> None:
    job_id, browser = enter(world), sign_in(world.accounts["clerk"])
    with transaction(world.session):
        token = jobs.claim(world.session, job_id, clock.now())
        assert token
        jobs.progress(world.session, job_id, token, clock.now(), 30, 120, "写出第 30 行")
    found = browser.get(f"/jobs/{job_id}.json").json
    assert (found["state"], found["percent"], found["over"]) == ("running", 25, False)
    assert (found["done"], found["total"], found["text"]) == (30, 120, "写出第 30 行 30 / 120")


@pytest.mark.parametrize("persona", ["maintenance_head", "other_head", "inspector"])
def test_anothers_job_is_not_found(world: World, sign_in: Any, persona: str) -> None:
    job_id, browser = enter(world), sign_in(world.accounts[persona])
    assert browser.get(f"/jobs/{job_id}").status_code == 404
    assert browser.get(f"/jobs/{job_id}.json").status_code == 404
    answer = browser.post(f"/jobs/{job_id}/retry", data={"csrf_token": csrf(browser, "/password/")})
    assert answer.status_code == 404


def test_a_stranger_gets_no_progress(client: Any, world: World) -> None:
    assert client.get(f"/jobs/{enter(world)}.json").status_code == 401


def test_a_finished_job_shows_counts_and_file_while_the_right_lasts(world: World, sign_in: Any) -> None:
    job_id = enter(world)
    run(world, job_id)
    browser = sign_in(world.accounts["clerk"])
    text = browser.get(f"/jobs/{job_id}").text
    assert "1,234" in text and "not-for-pages" not in text
    link = browser.get(f"/jobs/{job_id}.json").json["file"]
    assert browser.get(link).status_code == 200
    world.session.rollback()  # SQLite: a read begun before the request can't turn into a write
    world.accounts["clerk"].roles = list(world.accounts["worker"].roles)
    world.session.commit()
    assert browser.get(f"/jobs/{job_id}.json").json["file"] is None
    assert browser.get(link).status_code == 403


def test_a_job_that_nobody_takes_up_says_so(world: World, sign_in: Any) -> None:
    job_id = enter(world)
    browser = sign_in(world.accounts["clerk"])
    assert browser.get(f"/jobs/{job_id}.json").json["text"] == "", "nobody wonders yet"
    stored(world)[0].created_at -= dt.timedelta(minutes=2)
    world.session.commit()
    assert "后台任务暂时没有运行" in browser.get(f"/jobs/{job_id}.json").json["text"]
    assert "后台任务暂时没有运行" in browser.get(f"/jobs/{job_id}").text


def test_a_job_says_how_many_are_ahead_of_it_whosever_they_are(world: World, sign_in: Any) -> None:
    enter(world, "maintenance_head")
    job_id = enter(world)
    with transaction(world.session):
        jobs.show_service(world.session, "worker", clock.now())
        world.session.get_one(Job, job_id).created_at -= dt.timedelta(minutes=2)
    told = sign_in(world.accounts["clerk"]).get(f"/jobs/{job_id}.json").json["text"]
    assert told == "前面还有 1 个任务，轮到后自动开始"


def test_a_failed_job_says_why_and_is_retried(world: World, sign_in: Any) -> None:
    job_id = enter(world)
    run(world, job_id, "磁盘已满，请联系管理员")
    browser = sign_in(world.accounts["clerk"])
    text = browser.get(f"/jobs/{job_id}").text
    assert "磁盘已满，请联系管理员" in text and "重试" in text
    token = csrf(browser, f"/jobs/{job_id}")
    assert browser.post(f"/jobs/{job_id}/retry").status_code == 400
    assert browser.post(f"/jobs/{job_id}/retry", data={"csrf_token": token}).status_code == 302
    assert stored(world)[0].state == "queued"
    answer = browser.post(f"/jobs/{job_id}/retry", data={"csrf_token": token}, follow_redirects=True)
    assert answer.status_code == 200 and "只有失败的任务可以重试" in answer.text


@pytest.mark.feature("PLN-03")
def test_a_regional_administrator_runs_the_schedule_of_a_day_for_his_region(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["region_admin"])
    form = {"on": clock.today().isoformat(), "csrf_token": csrf(browser, "/jobs/")}
    assert browser.post("/jobs/schedule", data=form).status_code == 302
    job = stored(world)[0]
    params = {"on": form["on"], "region": "980402000000", "epoch": world.accounts["region_admin"].session_epoch}
    assert (job.kind, job.params) == ("schedule", params)


@pytest.mark.parametrize("typed", ["", "明天", "2026-02-30", "9999-12-31"])
def test_a_wrong_day_is_named_and_kept(world: World, sign_in: Any, typed: str) -> None:
    browser = sign_in(world.accounts["region_admin"])
    answer = browser.post("/jobs/schedule", data={"on": typed, "csrf_token": csrf(browser, "/jobs/")})
    assert answer.status_code == 422
    assert any(word in answer.text for word in ("不是日期", "没有填写", "不在 1950 年至 2199 年之间"))
    assert stored(world) == []


def test_who_may_not_run_the_schedule_is_not_offered_it(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert "为某一天排班" not in browser.get("/jobs/").text
    form = {"on": dt.date(2026, 3, 1).isoformat(), "csrf_token": csrf(browser, "/password/")}
    browser.post("/jobs/schedule", data=form)
    assert stored(world) == []


def test_a_result_is_in_the_words_of_its_kind_and_leads_to_what_came_of_it(world: World, sign_in: Any) -> None:
    job_id = enter(world, "region_admin", "score", "得分 2026 年")
    with transaction(world.session):
        token = jobs.claim(world.session, job_id, clock.now())
        assert token
        told = {"bad": 1234, "as_of": "2026-03-01T16:05:00+00:00", "digest": "a1b2c3d4", "link": "/scores/?run=7"}
        jobs.finish(world.session, job_id, token, clock.now(), told, None)
    page = sign_in(world.accounts["region_admin"]).get(f"/jobs/{job_id}").text
    assert "不合格次数" in page and "1,234" in page and "有错误" not in page
    assert "2026-03-02 00:05" in page and 'href="/scores/total/?f_run=7"' in page
    assert page.index("a1b2c3d4") > page.index("<details class=\"ta-proof\">")


@pytest.mark.feature("NTF-01")
def test_who_saw_that_a_job_ended_need_not_read_it_in_the_inbox(world: World, sign_in: Any) -> None:
    """The page of a job follows it to its end; its notice is for who left."""
    seen, other = enter(world), enter(world, title="另一个导出")
    client = sign_in(world.accounts["clerk"])
    client.get(f"/jobs/{seen}")
    run(world, seen)
    run(world, other)
    world.session.rollback()
    unread = select(Notification.link).where(Notification.topic == "job", Notification.read_at.is_(None))
    assert set(world.session.scalars(unread)) == {f"/jobs/{seen}", f"/jobs/{other}"}
    world.session.rollback()
    client.get(f"/jobs/{seen}")
    assert set(world.session.scalars(unread)) == {f"/jobs/{other}"}
