"""/ops: platform administrators read everything there and retry what failed; nobody else gets in."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from app import clock
from app.models import AuditEntry, Job, Notification
from app.permissions import SYSTEM
from app.policy.keys import SPECS, Key
from app.transaction import transaction
from app.workflows.core import audit, jobs, outbox
from tests.conftest import csrf
from tests.factories import World, make_policy

TABLES = (
    "job", "notification", "audit_entry", "audit_batch", "import_batch", "attachment", "region", "unit", "elevator",
    "policy_value",
)  # fmt: skip


@pytest.fixture
def admin(world: World, sign_in: Any) -> Any:
    return sign_in(world.accounts["platform_admin"])


def failed_job(world: World) -> int:
    with transaction(world.session):
        job_id = jobs.enqueue(world.session, world.actor("clerk"), clock.now(), "export", "=1+1 电梯导出").id
    with transaction(world.session):
        token = jobs.claim(world.session, job_id, clock.now())
        assert token
        jobs.fail(world.session, job_id, token, clock.now(), "磁盘已满")
    return int(job_id)


def found(world: World, model: Any) -> Any:
    """The one row as it is now: on SQLite an open read would still see the database of before the request."""
    world.session.rollback()
    world.session.expire_all()
    return world.session.query(model).one()


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_listed_in_chinese(admin: Any, world: World, table: str) -> None:
    failed_job(world)
    answer = admin.get(f"/ops/{table}/")
    assert answer.status_code == 200
    assert "http://" not in answer.text and "https://" not in answer.text, "nothing comes from other hosts"


@pytest.mark.parametrize("table", TABLES)
def test_no_deed_stands_in_an_attribute(admin: Any, world: World, table: str) -> None:
    """The page's policy runs none: each would be a button that does nothing and an error in the browser's log."""
    key = failed_job(world)
    for page in (admin.get(f"/ops/{table}/").text, admin.get(f"/ops/{table}/details/?id={key}").text):
        assert not re.search(r"<[^>]*\son[a-z]+=", page)
    page = admin.get("/ops/job/").text
    assert 'type="button" data-deed="retry">重试</button>' in page and "admin/js/actions.js" in page


def test_a_row_says_whose_it_is(admin: Any, world: World) -> None:
    key, clerk = failed_job(world), world.accounts["clerk"]
    named = f"{clerk.get_full_name()} <code>{clerk.id}</code>"
    for page in (admin.get("/ops/job/"), admin.get(f"/ops/job/details/?id={key}")):
        assert named in page.text


def test_the_front_page_counts_queues_and_services(admin: Any, world: World) -> None:
    failed_job(world)
    with transaction(world.session):
        jobs.show_service(world.session, "worker", clock.now())
    text = admin.get("/ops/").text
    assert "worker" in text and "失败" in text and "待封存" in text


@pytest.mark.parametrize(
    "persona", ["region_admin", "inspector", "maintenance_head", "clerk", "worker", "use_head", "safety_officer"]
)
def test_others_are_kept_out_of_every_page(world: World, sign_in: Any, persona: str) -> None:
    job_id = failed_job(world)
    browser = sign_in(world.accounts[persona])
    for path in ("/ops/", *(f"/ops/{t}/" for t in TABLES), f"/ops/job/details/?id={job_id}", "/ops/job/export/csv/"):
        assert browser.get(path).status_code == 403, path
    form = {"action": "retry", "rowid": str(job_id), "csrf_token": csrf(browser, "/jobs/")}
    assert browser.post("/ops/job/action/", data=form).status_code == 403
    assert found(world, Job).state == "failed"


def test_strangers_are_sent_to_the_login(client: Any, session: Any) -> None:
    assert client.get("/ops/").status_code == 302
    assert client.get("/ops/job/").status_code == 302


@pytest.mark.parametrize(
    "query",
    ["page=abc", "page=-3", "page=99999999999999999999", "sort=99", "sort=abc&desc=x", "page_size=abc",
     "page_size=1000000", "search=%25%27%22%00", "flt0_0=x", "flt99_9=x"],
)  # fmt: skip
@pytest.mark.parametrize("table", ["job", "audit_entry"])
def test_no_parameter_breaks_a_list(admin: Any, world: World, table: str, query: str) -> None:
    failed_job(world)
    assert admin.get(f"/ops/{table}/?{query}").status_code in (200, 302)


@pytest.mark.parametrize("key", ["abc", "", "-1", "99999999999999999999", "987654"])
def test_no_key_breaks_the_details(admin: Any, key: str) -> None:
    assert admin.get(f"/ops/job/details/?id={key}").status_code == 302


def test_nothing_is_made_changed_or_deleted_here(admin: Any, world: World) -> None:
    token = csrf(admin, "/ops/job/")
    for table in TABLES:
        for path in ("new/", "edit/?id=1", "delete/", "ajax/update/"):
            answer = admin.post(f"/ops/{table}/{path}", data={"id": "1", "csrf_token": token})
            assert answer.status_code in (302, 403, 404, 405), f"{table}/{path}"
        form = {"action": "delete", "rowid": "1", "csrf_token": token}
        assert admin.post(f"/ops/{table}/action/", data=form).status_code in (302, 404)


def test_a_failed_job_is_retried_and_only_a_failed_one(admin: Any, world: World) -> None:
    job_id = failed_job(world)
    form = {"action": "retry", "rowid": str(job_id), "csrf_token": csrf(admin, "/ops/job/")}
    assert admin.post("/ops/job/action/", data=form | {"csrf_token": ""}).status_code == 400
    assert admin.post("/ops/job/action/", data=form).status_code == 302
    assert found(world, Job).state == "queued"
    assert world.session.query(AuditEntry).filter_by(action="job.retry").count() == 1
    text = admin.post("/ops/job/action/", data=form, follow_redirects=True).text
    assert "只有失败的任务可以重试" in text


def test_a_failed_notice_is_retried(admin: Any, world: World) -> None:
    at = clock.now()
    with transaction(world.session):
        outbox.notify(world.session, at, [world.accounts["clerk"].id], "t", "给维保员的通知")
    notice = world.session.query(Notification).one()
    notice.state = "failed"
    world.session.commit()
    assert "给维保员的通知" in admin.get("/ops/notification/").text, "an operator sees others' notices"
    form = {"action": "retry", "rowid": str(notice.id), "csrf_token": csrf(admin, "/ops/notification/")}
    assert admin.post("/ops/notification/action/", data=form).status_code == 302
    assert found(world, Notification).state == "queued"


def test_a_csv_holds_no_formula(admin: Any, world: World) -> None:
    failed_job(world)
    text = admin.get("/ops/job/export/csv/").text
    assert "'=1+1 电梯导出" in text and ",=1" not in text


def test_instants_are_shown_in_local_time(admin: Any, session: Any) -> None:
    with transaction(session):
        audit.record(session, SYSTEM, dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC), "x", "unit", 1)
    assert "2026-03-02 00:30:00" in admin.get("/ops/audit_entry/").text


def test_the_first_page_fetches_what_it_needs_and_no_more(world: World, sign_in: Any) -> None:
    """The library would send its sheet twice, a font of signs and eight scripts: 296 kB for two small tables."""
    browser = sign_in(world.accounts["platform_admin"])
    page = browser.get("/ops/").text
    assert len(re.findall(r'<link[^>]+rel="stylesheet"', page)) == 3
    assert "<script src" not in page and " src=" not in page
    assert 'data-toggle="dropdown"' in page and "window.jQuery" in page, "the menu opens without the library's scripts"
    listed = browser.get("/ops/job/").text
    assert listed.count("bootstrap.min.css") == 1 and "font-awesome" not in listed
    for name in ("jquery.min.js", "select2.min.js", "moment.min.js", "helpers.js"):
        assert name in listed


def test_what_is_stored_as_a_name_is_read_as_a_word(world: World, admin: Any) -> None:
    with transaction(world.session):
        make_policy(world.session, "label_photo", "none")
        audit.record(world.session, SYSTEM, clock.now(), "login.ok", "account", 1)
    said = admin.get("/ops/audit_entry/").text
    assert '<span title="login.ok">' in said and '<span title="account">' in said
    policy = admin.get("/ops/policy_value/").text
    assert f'<span title="label_photo">{SPECS[Key.LABEL_PHOTO].meaning}</span>' in policy
    assert "login.ok" in admin.get("/ops/audit_entry/export/csv/").text, "a file keeps what is stored"


def test_a_row_speaks_in_words_and_leaves_no_cell_blank(world: World, admin: Any) -> None:
    page = admin.get(f"/ops/unit/details/?id={world.firm.id}").text
    assert "<td>是</td>" in re.sub(r"\s+", "", page) and "<td>—</td>" in re.sub(r"\s+", "", page)
    assert "True" not in page and "False" not in page and not re.search(r"<td>\s*</td>", page)
