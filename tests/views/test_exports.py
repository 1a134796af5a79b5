"""Every list's export: the same rows as on the page for the same person; small ones at once, large ones as a job."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import AuditEntry, ExportRecord, Job, Notification
from app.permissions import Role, Verb
from app.reports import exports
from app.tasks.jobs import run
from app.views.frame.base import Screen
from tests.conftest import csrf
from tests.factories import World, make_account, make_elevator
from tests.workflows.clock_world import add_visit


def ask(browser: Any, name: str = "elevators", **form: str) -> Any:
    return browser.post(f"/exports/{name}", data={"csrf_token": csrf(browser, "/password/"), "format": "csv"} | form)


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.text[:400]
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def codes(answer: Any) -> set[str]:
    return {line[0] for line in table(answer)[1:]}


@pytest.fixture
def many(world: World) -> list[Any]:
    made = [make_elevator(world.session, maintenance_unit=world.firm, use_unit=world.use_unit) for _n in range(7)]
    made[0].estate, made[1].status, made[2].is_secret = "望江苑", "suspended", True
    made[3].safety_phone, made[3].safety_officer = "13812348000", "=cmd|'/C calc'!A0"
    world.session.commit()
    return made


def fresh(world: World, statement: Any) -> list[Any]:
    world.session.rollback()
    return list(world.session.scalars(statement.execution_options(skip_scope=True)))


@pytest.mark.feature("STA-01")
def test_an_export_is_the_list_with_its_filter_and_columns(world: World, many: list[Any], sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    found = table(ask(browser, query="f_status=suspended", cols="code,status,estate"))
    assert found == [["识别码", "状态", "楼盘"], [many[1].code, "停用", "云樾里小区"]]
    assert codes(ask(browser, query="q=望江&page=9&size=1", cols="code")) == {many[0].code}
    assert codes(ask(browser, query="tab=suspended", cols="code")) == {many[1].code}
    order = [line[0] for line in table(ask(browser, query="sort=-code", cols="code"))[1:]]
    assert order == sorted(order, reverse=True) and len(order) == 8


@pytest.mark.feature("STA-01")
@pytest.mark.parametrize("persona", ["platform_admin", "region_admin", "inspector", "other_inspector", "use_head"])
def test_nobody_exports_more_than_he_sees(world: World, many: list[Any], sign_in: Any, persona: str) -> None:
    own, secret = {world.own.code} | {e.code for e in many}, many[2].code
    wanted = {
        "platform_admin": own | {world.foreign.code}, "region_admin": own, "inspector": own - {secret},
        "other_inspector": {world.foreign.code}, "use_head": own,
    }  # fmt: skip
    assert codes(ask(sign_in(world.accounts[persona]), cols="code")) == wanted[persona]


@pytest.mark.feature("STA-01", "RPR-01")
def test_the_workbook_says_what_it_holds(world: World, many: list[Any], sign_in: Any) -> None:
    browser = sign_in(world.accounts["inspector"])
    answer = ask(browser, query="f_status=in_use&q=云樾里&sort=code&f_category=xx", cols="code", format="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    note = dict(book["说明"].iter_rows(values_only=True))
    rows = book["电梯"].max_row - 1
    assert (note["内容"], note["状态"], note["搜索"], note["排序"]) == ("电梯", "在用", "云樾里", "识别码 升序")
    assert note["行数"] == str(rows) and note["数据范围"] == "临河区及其下级" and note["政策版本"]
    assert note["数据截至"].endswith("（北京时间）") and "xx" in note["未采用的条件"]
    digest = answer.headers["X-Table-SHA256"]
    assert digest in note.values()
    again = ask(browser, query="f_status=in_use&q=云樾里&sort=code", cols="code")
    assert hashlib.sha256(again.data).hexdigest() == digest
    entries = fresh(world, select(AuditEntry).where(AuditEntry.action == "export.make"))
    assert [e.after["sha256"] for e in entries] == [digest, digest] and entries[0].after["rows"] == rows
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.feature("STA-01")
@pytest.mark.parametrize("persona", ["platform_admin", "maintenance_head"])
def test_phones_are_masked_and_formulas_disarmed(world: World, many: list[Any], sign_in: Any, persona: str) -> None:
    answer = ask(sign_in(world.accounts[persona]), cols="code,safety_phone,safety_officer", query="sort=code")
    line = next(found for found in table(answer) if found[0] == many[3].code)
    assert line[1:] == ["138****8000", "'=cmd|'/C calc'!A0"]


@pytest.mark.feature("STA-01")
def test_every_list_exports_for_whoever_may_read_it(app: Any, world: World, sign_in: Any) -> None:
    names = {view.listing.name for view in app.appbuilder.baseviews if isinstance(view, Screen) and view.exportable}
    assert {"elevators", "units", "contracts", "ledgers", "tasks", "orders", "overdue", "applications"} <= names
    browser = sign_in(world.accounts["platform_admin"])
    for name in sorted(names):
        for fmt in ("csv", "xlsx"):
            every = ",".join(c.name for c in exports.listing_of(name).columns)
            answer = ask(browser, name, format=fmt, cols=every)
            assert answer.status_code == 200, f"{name} {fmt}: {answer.text[:400]}"


def test_the_right_to_export_is_not_the_right_to_read(world: World, sign_in: Any) -> None:
    assert Verb.EXPORT in world.actor("safety_officer").verbs
    answer = ask(sign_in(world.accounts["safety_officer"]), "accounts")
    assert answer.status_code == 403 and world.accounts["safety_officer"].username not in answer.text.split("<main")[-1]
    refused = ask(sign_in(world.accounts["worker"]))
    assert refused.status_code in (302, 403) and world.own.code.encode() not in refused.data


def test_a_stranger_and_a_forged_form_get_nothing(client: Any, world: World, sign_in: Any) -> None:
    assert client.post("/exports/elevators", data={"format": "csv"}).status_code in (302, 400, 401)
    assert sign_in(world.accounts["clerk"]).post("/exports/elevators", data={"format": "csv"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "form", "status", "said"),
    [
        ("nothing", {}, 404, "没有名为"),
        ("elevators", {"format": "pdf"}, 422, "不是可用的格式"),
        ("elevators", {"query": "q=" + "长" * 5000}, 422, "最多"),
        ("elevators", {"query": "&".join(f"a{n}=1" for n in range(200))}, 422, "最多"),
    ],
)
def test_a_wrong_request_is_answered_in_words(
    world: World, sign_in: Any, name: str, form: dict[str, str], status: int, said: str
) -> None:
    answer = ask(sign_in(world.accounts["clerk"]), name, **form)
    assert answer.status_code == status and (said in answer.text or "多于" in answer.text)


@pytest.mark.parametrize(
    "query",
    ["page=x", "f_status=%00", "tab=nothing", "%ff%fe=1", "sort=;drop", "f_limit_from=9999-99-99", "q=%25_'", "q=%00a"],
)
def test_no_address_breaks_an_export(world: World, sign_in: Any, query: str) -> None:
    assert ask(sign_in(world.accounts["clerk"]), query=query, cols="nothing,,code").status_code == 200


@pytest.mark.feature("STA-01", "RPR-01")
@pytest.mark.parametrize("fmt", ["csv", "xlsx"])
def test_a_large_export_is_a_job_with_notice_and_link(
    app: Any, world: World, many: list[Any], sign_in: Any, monkeypatch: pytest.MonkeyPatch, fmt: str
) -> None:
    monkeypatch.setitem(app.config, "EXPORT_INLINE_ROWS", 5)
    browser = sign_in(world.accounts["clerk"])
    answer = ask(browser, query="q=云樾里", cols="code,estate", format=fmt)
    job = fresh(world, select(Job))[0]
    assert answer.status_code == 302 and answer.location.endswith(f"/jobs/{job.id}")
    assert "转为后台任务" in browser.get(answer.location).text
    job_id = job.id
    with app.app_context():
        assert run(job_id) == "done"
        db.session.remove()
    found = browser.get(f"/jobs/{job_id}.json").json
    told = dict(found["result"]) | dict(found["proof"])
    assert told["行数"] == "8" and "搜索：云樾里" in told["筛选条件"]
    file = browser.get(found["file"])
    assert file.status_code == 200
    if fmt == "csv":
        assert len(table(file)) == 9 and hashlib.sha256(file.data).hexdigest() == told["文件摘要"]
    else:
        book = openpyxl.load_workbook(io.BytesIO(file.data))
        assert book["电梯"].max_row == 9 and any(told["文件摘要"] == row[1].value for row in book["说明"].rows)
    notices = fresh(world, select(Notification).where(Notification.recipient_id == world.accounts["clerk"].id))
    assert [n.link for n in notices] == [f"/jobs/{job_id}"]
    assert sign_in(world.accounts["maintenance_head"]).get(found["file"]).status_code in (403, 404)


@pytest.mark.feature("STA-01")
def test_a_job_exports_what_its_owner_sees_when_it_runs(
    app: Any, world: World, many: list[Any], sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "EXPORT_INLINE_ROWS", 2)
    inspector = make_account(world.session, Role.INSPECTOR, region_code="980400000000")
    world.session.commit()
    browser = sign_in(inspector)
    ask(browser, cols="code")
    job_id = fresh(world, select(Job))[0].id
    inspector.region_code, inspector.region_id = "980403000000", world.other_firm.region_id
    world.session.commit()
    with app.app_context():
        assert run(job_id) == "done"
        db.session.remove()
    world.session.rollback()
    world.session.expire_all()
    assert world.session.get(Job, job_id).result["rows"] == 1


def test_a_job_whose_owner_may_no_longer_export_says_so(
    app: Any, world: World, many: list[Any], sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "EXPORT_INLINE_ROWS", 2)
    ask(sign_in(world.accounts["clerk"]), cols="code")
    job_id = fresh(world, select(Job))[0].id
    world.accounts["clerk"].roles = list(world.accounts["worker"].roles)
    world.session.commit()
    with app.app_context():
        assert run(job_id) == "failed"
        db.session.remove()
    world.session.rollback()
    world.session.expire_all()
    job = world.session.get(Job, job_id)
    assert job.attachment_id is None and "不能导出" in job.error


def test_the_file_is_named_after_list_and_instant() -> None:
    at = dt.datetime(2026, 11, 20, 7, 30, tzinfo=dt.UTC)
    assert exports.file_name("电梯", at, "xlsx") == "电梯_20261120-1530.xlsx"


@pytest.mark.feature("STA-01", "MNT-08")
def test_what_stands_in_a_cell_with_another_has_a_column_of_its_own(world: World, sign_in: Any) -> None:
    """The page writes 签退 below 签到 and the use unit below the place; a workbook has no room below."""
    visit = add_visit(world.session, world.own, world.worker, dt.date(2026, 3, 1))
    world.session.commit()
    browser = sign_in(world.accounts["maintenance_head"])
    out = f"{clock.local(visit.checked_out_at):%Y-%m-%d %H:%M}"
    head, line = table(ask(browser, "visit_records", cols="code,place,checked_in_at"))
    assert head == ["识别码", "位置", "使用单位", "签到", "签退"] and line[4].startswith(out)
    head, _line = table(ask(browser, "visit_records", cols="checked_out_at,checked_in_at"))
    assert head == ["签退", "签到"]
    # What was exported before they stood along runs again as it was: the record names its columns.
    kept = fresh(world, select(ExportRecord).order_by(ExportRecord.id))[0]
    assert list(kept.columns) == ["code", "place", "use_unit", "checked_in_at", "checked_out_at"]
    listing = exports.listing_of("visit_records")
    as_recorded = exports.read(listing, exports.Wanted("visit_records", "", "checked_in_at"))
    assert list(as_recorded.columns) == ["checked_in_at"]
