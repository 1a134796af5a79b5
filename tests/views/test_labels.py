"""一梯一码 标签: the sheet as a page and a PDF, for few and for many; an elevator's own page of labels."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.models import AuditEntry, Elevator, ElevatorLabel, ExportRecord, Job
from app.reports import label_sheet, pdf
from app.tasks import jobs as running
from app.transaction import transaction
from app.views.frame import labels as pages
from app.workflows.filing import filing
from app.workflows.on_site import labels
from app.workflows.on_site.labels import Wanted
from tests.api.callers import Caller
from tests.conftest import csrf
from tests.factories import World, make_elevator
from tests.pages import flat
from tests.workflows.filing_world import elevator_data, save

pytestmark = pytest.mark.feature("ELV-07")


def post(client: Any, url: str, **form: Any) -> Any:
    return client.post(url, data={"csrf_token": csrf(client), **form})


@pytest.fixture
def printer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of laying out: the pages that would be."""
    seen: list[str] = []

    def render(html: str) -> Any:
        seen.append(html)
        return SimpleNamespace(content=b"%PDF-1.7 " + str(len(seen)).encode() + html[-40:].encode())

    monkeypatch.setattr(pdf, "render", render)
    return seen


def codes(html: str) -> list[str]:
    return re.findall(r'class="lb-c">([^<]+)<', html)


def test_chosen_elevators_have_a_label_each(session: Any, world: World, sign_in: Any) -> None:
    silent = make_elevator(session, maintenance_unit=world.firm, emergency_phone="  ")
    session.commit()
    client = sign_in(world.accounts["maintenance_head"])
    form = {"ids": [world.own.id, silent.id, world.foreign.id], "csrf_token": csrf(client)}
    page = client.post("/elevators/deed/labels", data=form, follow_redirects=True).text
    assert page.count("被困时立即扫码救援!") == 1 and page.count("<svg viewBox") >= 1
    assert world.own.code in page and world.own.address in page and "96333" in page
    assert "没有应急救援电话，不能制作" in page and silent.code in page and f"/elevators/{silent.id}/edit" in page
    assert world.foreign.code not in page


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=abc", "?ids=99999999999999999999"])
def test_nothing_chosen_goes_back_to_the_list(world: World, sign_in: Any, query: str) -> None:
    answer = sign_in(world.accounts["inspector"]).get(f"/labels/{query}")
    assert answer.status_code == 302 and answer.location.endswith("/elevators/")


def test_foreign_elevators_have_no_sheet(world: World, sign_in: Any) -> None:
    client = sign_in(world.accounts["inspector"])
    assert client.get(f"/labels/?ids={world.foreign.id}").status_code == 404
    assert post(client, "/labels/make", ids=[str(world.foreign.id)], size="a4").status_code == 404


def test_a_passer_by_is_told_whom_to_call(app: Any, world: World) -> None:
    page = app.test_client().get(f"/m/p/{world.own.public_token}")
    assert page.status_code == 200 and "tel:96333" in page.text and world.own.code in page.text
    assert app.test_client().get(f"/m/p/{world.own.code}").status_code == 404


def test_a_worker_goes_on_to_the_check_in(world: World, sign_in: Any) -> None:
    answer = sign_in(world.accounts["worker"]).get(f"/m/p/{world.own.public_token}")
    assert answer.status_code == 302 and answer.location.endswith(f"/m/e/{world.own.public_token}")


# --- the PDF


def test_a_long_place_is_smaller_and_not_cut(app: Any, world: World) -> None:
    def sheet(address: str) -> str:
        world.own.address = address
        shown = label_sheet.labels_of(world.session, [world.own], {world.own.id: world.own.public_token}, str)
        return label_sheet.html(app.jinja_env, shown, "one")

    long = "临河经济技术开发区澜江大道东段一千二百八十八号附楼裙房三层设备夹层西北侧货运通道旁 12 幢 3 单元"
    short, page = sheet("澜江路 6 号"), sheet(long)
    assert "lb-p--long" not in short.partition("</style>")[2] and "澜江路 6 号</p>" in short
    assert 'class="lb-p lb-p--long">' in page and long in page


def test_the_pdf_says_all_that_a_label_says(app: Any, world: World, sign_in: Any) -> None:
    answer = post(sign_in(world.accounts["use_head"]), "/labels/make", ids=[str(world.own.id)], size="one")
    assert answer.status_code == 200 and answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF-")
    [shown] = label_sheet.labels_of(
        world.session, [world.own], {world.own.id: world.own.public_token}, lambda token: f"https://tian.example/{token}"
    )  # fmt: skip
    assert shown.office == "临河区"
    made = pdf.render(label_sheet.html(app.jinja_env, [shown], "one"))
    words = "维修记录维保查询互动留言被困时立即扫码救援!应急救援电话96333临河区市场监督管理局" + world.own.code
    assert set(words) <= made.characters and any("CJK" in family for family in made.fonts)


def test_what_was_printed_is_in_the_register_and_on_the_label(
    world: World, sign_in: Any, printer: list[str]
) -> None:
    client = sign_in(world.accounts["use_head"])
    answer = post(client, "/labels/make", ids=[str(world.own.id)], size="a4")
    assert codes(printer[0]) == [world.own.code] and "size: A4" in printer[0]
    world.session.rollback()
    record = world.session.scalars(select(ExportRecord)).one()
    assert (record.listing, record.format, record.rows) == (label_sheet.NAME, "pdf", 1)
    entry = world.session.scalars(select(AuditEntry).where(AuditEntry.action == "elevator_label.print")).one()
    assert entry.after["sha256"] == record.file and entry.after["count"] == 1
    row = world.session.scalars(select(ElevatorLabel)).one()
    assert (row.token, row.prints, row.kind) == (world.own.public_token, 1, "made")
    world.session.rollback()
    sent = {"csrf_token": csrf(client), "file": (io.BytesIO(answer.data), "labels.pdf")}
    proved = client.post("/export-proof/", data=sent, content_type="multipart/form-data").text
    assert "与写出时一致" in proved


def test_without_a_phone_none_is_made(session: Any, world: World, sign_in: Any, printer: list[str]) -> None:
    silent = make_elevator(session, use_unit=world.use_unit, emergency_phone=None)
    session.commit()
    client = sign_in(world.accounts["use_head"])
    alone = post(client, "/labels/make", ids=[str(silent.id)], size="a4")
    assert alone.status_code == 422 and silent.code in alone.text and not printer
    post(client, "/labels/make", ids=[str(silent.id), str(world.own.id)], size="a4")
    assert codes(printer[0]) == [world.own.code]
    assert post(client, "/labels/make", ids=[str(world.own.id)], size="huge").status_code == 400


def test_a_draft_has_its_label_already(session: Any, world: World, sign_in: Any, printer: list[str]) -> None:
    row = save(session, world.actor("use_head"), Elevator, None, elevator_data(world))
    key, code = row.id, row.code
    session.rollback()
    client = sign_in(world.accounts["use_head"])
    assert "还没有通过审核" in client.get(f"/labels/?ids={key}").text
    assert post(client, "/labels/make", ids=[str(key)], size="a4").status_code == 200
    assert codes(printer[0]) == [code]
    # Printed or not, what was never handed in can be deleted.
    with transaction(session):
        filing.delete_draft(session, world.actor("use_head"), session.get(Elevator, key), clock.now())
    assert session.scalar(select(ElevatorLabel.id)) is None


def test_where_no_pdf_can_be_made_the_browser_prints(
    world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(_html: str) -> Any:
        raise pdf._unavailable("服务器没有安装中文字体")

    monkeypatch.setattr(pdf, "render", unable)
    page = post(sign_in(world.accounts["use_head"]), "/labels/make", ids=[str(world.own.id)], size="a4")
    assert page.status_code == 503 and "没有安装中文字体" in page.text and "data-print" in page.text
    world.session.rollback()
    assert world.session.scalar(select(ExportRecord.id)) is None


# --- many


def test_what_the_list_found_is_made_by_a_job(
    app: Any, session: Any, world: World, sign_in: Any, printer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    monkeypatch.setattr(label_sheet, "MOST_IN_FILE", 2)
    made = [make_elevator(session, use_unit=world.use_unit, estate="青藤里") for _ in range(4)]
    make_elevator(session, use_unit=world.use_unit, estate="青藤里", emergency_phone=None)
    session.commit()
    client = sign_in(world.accounts["use_head"])
    page = client.get("/labels/found?q=青藤里").text
    assert "制作 4 张" in flat(page) and "没有应急救援电话" in page and world.own.code not in page
    entered = post(client, "/labels/make", query="q=青藤里", size="one")
    assert entered.status_code == 302 and "/jobs/" in entered.location and not printer
    session.rollback()
    job = session.scalars(select(Job)).one()
    assert (job.kind, len(job.params["ids"])) == ("labels", 4)
    key = job.id
    session.rollback()
    with app.app_context():
        running.run(key)
    job = session.scalars(select(Job)).one()
    assert (job.state, job.result["labels"], job.result["without_phone"]) == ("done", 4, 0), job.error
    assert [codes(html) for html in printer] == [[a.code, b.code] for a, b in (made[:2], made[2:])]
    record = session.scalars(select(ExportRecord)).one()
    assert (record.format, record.rows) == ("zip", 4)
    sent = client.get(f"/files/{job.attachment_id}")
    assert zipfile.ZipFile(io.BytesIO(sent.data)).namelist() == ["labels-01.pdf", "labels-02.pdf"]
    tokens = set(session.scalars(select(ElevatorLabel.token).where(ElevatorLabel.prints == 1)))
    assert tokens == {row.public_token for row in made}


def test_too_many_are_not_made_in_one_run(world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_sheet, "MOST", 0)
    answer = sign_in(world.accounts["use_head"]).get("/labels/found?tab=all")
    assert answer.status_code == 302 and answer.location.endswith("/elevators/")


def test_the_list_leads_there_with_its_filter(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["use_head"]).get("/elevators/?f_category=3110").text
    assert 'href="/labels/found?f_category=3110"' in page


# --- an elevator's own page


def test_it_is_replaced_from_the_record(session: Any, world: World, sign_in: Any, printer: list[str]) -> None:
    client = sign_in(world.accounts["use_head"])
    url, old = f"/elevators/{world.own.id}/labels", world.own.public_token
    assert f'href="{url}#replace"' in client.get(f"/elevators/{world.own.id}").text
    late = clock.today() + dt.timedelta(days=10)
    refused = post(client, f"{url}/replace", reason="damaged", switch="on_scan", note="划花了")
    assert refused.status_code == 422 and "没有填写最迟启用日期" in refused.text and 'value="划花了"' in refused.text
    wrong = post(client, f"{url}/replace", reason="damaged", switch="on_scan", starts_on="32 日")
    assert wrong.status_code == 422
    done = post(client, f"{url}/replace", reason="damaged", switch="on_scan", note="划花了", starts_on=str(late))
    assert done.status_code == 302
    page = flat(client.get(url).text)
    assert "等待启用" in page and "损坏、看不清 划花了" in page and f"最迟 {late}" in page
    session.rollback()
    row = session.scalars(select(ElevatorLabel).where(ElevatorLabel.kind == "replacement")).one()
    post(client, "/labels/make", label=str(row.id), size="a4")
    assert codes(printer[0]) == [world.own.code]
    assert post(client, f"{url}/{row.id}/put-up").status_code == 302
    session.rollback()
    assert session.scalar(select(Elevator.public_token).where(Elevator.id == world.own.id)) == row.token != old
    assert post(client, f"{url}/{row.id}/put-up").status_code == 422
    page = flat(client.get(url).text)
    assert page.count(">不再有效<") == 1 and "共 1 次" in page


def test_a_temporary_one_has_its_day_on_it_and_ends_early(
    session: Any, world: World, sign_in: Any, printer: list[str]
) -> None:
    client = sign_in(world.accounts["maintenance_head"])
    url, last = f"/elevators/{world.own.id}/labels", clock.today() + dt.timedelta(days=3)
    assert post(client, f"{url}/temporary", until_on="").status_code == 422
    assert post(client, f"{url}/temporary", until_on=str(last), temporary_note="装修").status_code == 302
    session.rollback()
    row = session.scalars(select(ElevatorLabel)).one()
    post(client, "/labels/make", label=str(row.id), size="one")
    assert f"临时标牌　有效期至 {last}" in printer[0] and "100mm 140mm" in printer[0]
    assert post(client, f"{url}/{row.id}/cancel").status_code == 302
    assert client.get(f"/labels/?label={row.id}").status_code == 404, "a dead one is printed no more"
    assert client.get("/labels/?label=99999").status_code == 404


def test_others_neither_replace_nor_print_it(session: Any, world: World, sign_in: Any) -> None:
    with transaction(session):
        row = labels.replace(
            session, world.actor("use_head"), world.own.id, Wanted("lost", "", "now"), clock.now()
        ).id  # fmt: skip
    url = f"/elevators/{world.own.id}/labels"
    stranger = sign_in(world.accounts["other_head"])
    assert stranger.get(url).status_code == 404 and stranger.get(f"/labels/?label={row}").status_code == 404
    assert post(stranger, f"{url}/replace", reason="lost", switch="now").status_code == 404
    worker = sign_in(world.accounts["worker"])
    page = worker.get(url)
    assert page.status_code == 200 and "更换标牌</button>" not in page.text
    assert worker.post(f"{url}/replace", data={"csrf_token": csrf(worker)}).status_code in (302, 403)


def test_by_the_interface_it_is_replaced_too(app: Any, world: World) -> None:
    head = Caller(app, world, "use_head")
    url = f"/elevators/{world.own.id}/labels"
    made = head.post(url, {"reason": "forged", "switch": "now"})
    assert made.status_code == 201 and "token" not in made.json
    rows = head.get(url).json["rows"]
    assert [r["kind"] for r in rows] == ["replacement", "made"] and rows[1]["ends_at"] == made.json["begins_at"]
    late = head.post(url, {"reason": "forged", "switch": "on_scan"})
    assert late.status_code == 422
    soon = str(clock.today() + dt.timedelta(days=2))
    brief = head.post(f"{url}/temporary", {"until_on": soon})
    assert brief.status_code == 201
    assert head.post(f"{url}/{brief.json['id']}/cancel", {}).status_code == 200
    waits = head.post(url, {"reason": "damaged", "switch": "on_scan", "starts_on": soon})
    assert waits.json["begins_at"] is None
    assert head.post(f"{url}/{waits.json['id']}/put-up", {}).json["begins_at"]

