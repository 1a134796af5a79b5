"""维保单 on paper: the sheet as a page and PDF, the two photos, many sheets by a job (MNT-07, MNT-08)."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.models import Attachment, AuditEntry, ExportRecord, Job
from app.reports import pdf, visit_sheets
from app.tasks import jobs as job_tasks
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.files import attachments, sealed_files
from app.workflows.visits import papers, visits
from tests.conftest import csrf
from tests.factories import picture
from tests.workflows.visit_world import HOUR, MINUTE, START, arrive, file_of, leave, rules_of

NOW = START + HOUR


@pytest.fixture(autouse=True)
def _then() -> Any:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def left(session: Any, huzhou: Any) -> Any:
    return leave(session, huzhou, arrive(session, huzhou), START + 40 * MINUTE)


def photos_of(session: Any, world: Any) -> dict[str, list[int]]:
    return {kind: [file_of(session, world, kind)] for kind in papers.KINDS}


@pytest.mark.feature("MNT-07")
def test_the_sheet_holds_the_record_and_is_found_again(session: Any, huzhou: Any, left: Any, sign_in: Any) -> None:
    client = sign_in(huzhou.accounts["worker"])
    shown = client.get(f"/visits/{left.id}/print").text
    for said in (huzhou.own.code, huzhou.worker.name, huzhou.firm.name, huzhou.use_unit.name, "使用单位（签字）"):
        assert said in shown, said
    answer = client.get(f"/visits/{left.id}/sheet.pdf")
    assert answer.mimetype == "application/pdf" and answer.data[:5] == b"%PDF-"
    digest = hashlib.sha256(answer.data).hexdigest()
    session.rollback()
    record = session.scalars(select(ExportRecord).where(ExportRecord.file == digest)).one()
    assert (record.listing, record.format) == ("visit_sheets", "pdf")
    assert session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.print")).one().entity_id == left.id
    stranger = sign_in(huzhou.accounts["other_worker"])
    assert {stranger.get(f"/visits/{left.id}/{door}").status_code for door in ("print", "sheet.pdf")} == {404}


@pytest.mark.feature("MNT-07")
def test_without_a_font_the_page_says_so(
    session: Any, huzhou: Any, left: Any, sign_in: Any, monkeypatch: Any
) -> None:
    def none(*_: Any) -> Any:
        raise pdf.missing_font()

    monkeypatch.setattr(pdf, "render", none)
    client = sign_in(huzhou.accounts["worker"])
    answer = client.get(f"/visits/{left.id}/sheet.pdf", follow_redirects=True)
    assert answer.status_code == 200 and "没有安装中文字体" in answer.text


@pytest.mark.feature("MNT-07")
def test_two_photos_prove_and_review_nothing(session: Any, huzhou: Any, left: Any) -> None:
    worker = huzhou.actor("worker")
    for wrong in ({}, {"paper_scene": [1]}, {kind: [1, 2] for kind in papers.KINDS}):
        with pytest.raises(Refusal) as refusal, transaction(session):
            papers.hand_in(session, worker, left.id, wrong, "grand", NOW)
        assert rules_of(refusal) <= {"现场签字照片", "已签字的维保单照片", "评价"} and "评价" in rules_of(refusal)
    photos = photos_of(session, huzhou)
    changed = dict(zip(papers.KINDS, reversed(photos.values()), strict=True))
    with pytest.raises(Refusal), transaction(session):
        papers.hand_in(session, worker, left.id, changed, "", NOW)
    with transaction(session):
        papers.hand_in(session, worker, left.id, photos, "fair", NOW)
    assert (left.confirmed_by, left.rating, left.paper_at) == ("paper", "fair", NOW)
    # The firm's own photos are no word of the use unit: it is still asked, and its word stands above them.
    assert left.awaiting_review and left.reviewed_at is None and left.state == "awaiting"
    with pytest.raises(Refusal) as refusal, transaction(session):
        papers.hand_in(session, worker, left.id, photos_of(session, huzhou), "", NOW)
    assert rules_of(refusal) == {"纸质确认"}
    with transaction(session):
        visits.review(session, huzhou.actor("safety_officer"), left.id, "", NOW, rating="poor")
    assert (left.confirmed_by, left.rating, left.state) == ("account", "poor", "valid")
    with pytest.raises(Refusal) as refusal, transaction(session):
        papers.hand_in(session, huzhou.actor("safety_officer"), left.id, photos_of(session, huzhou), "", NOW)
    assert rules_of(refusal) == {"维保单位"}


@pytest.mark.feature("MNT-07")
@pytest.mark.parametrize(("who", "page"), [("worker", "/m/visits/{}"), ("maintenance_head", "/visits/{}")])
def test_the_photos_go_in_by_phone_and_desk(
    session: Any, huzhou: Any, left: Any, sign_in: Any, who: str, page: str
) -> None:
    client, door = sign_in(huzhou.accounts[who]), page.format(left.id)
    assert "改为纸质签字" in client.get(door).text
    token = csrf(client)
    few = {"csrf_token": token, "paper_scene": (io.BytesIO(picture()), "1.png")}
    refused = client.post(f"{door}/paper", data=few, content_type="multipart/form-data")
    assert refused.status_code == 422 and "请上传 1 张" in refused.text
    both = {
        "csrf_token": token, "rating": "good", "paper_scene": (io.BytesIO(picture()), "1.png"),
        "paper_sheet": (io.BytesIO(picture(colour="#fff")), "2.png"),
    }
    assert client.post(f"{door}/paper", data=both, content_type="multipart/form-data").status_code == 302
    session.rollback()
    assert (left.confirmed_by, left.rating) == ("paper", "good")
    kept = {f.kind: f.entity_id for f in session.scalars(select(Attachment)) if f.kind in papers.KINDS}
    assert kept == dict.fromkeys(papers.KINDS, left.id)


def run(app: Any, session: Any, key: int) -> Job:
    with app.app_context():
        job_tasks.run(key)
    session.expire_all()
    row = session.get(Job, key)
    assert row is not None
    return row


def bytes_of(session: Any, row: Job) -> bytes:
    file = session.get(Attachment, row.attachment_id, execution_options={"skip_scope": True})
    with sealed_files.opened(attachments.path(None, file), file.kind) as opened:
        return bytes(opened.read())


@pytest.mark.feature("MNT-08")
def test_chosen_records_become_one_file(app: Any, session: Any, huzhou: Any, left: Any, sign_in: Any) -> None:
    client = sign_in(huzhou.accounts["maintenance_head"])
    sent = client.post("/visits/deed/sheets", data={"ids": [str(left.id)], "csrf_token": csrf(client)})
    found = re.fullmatch(r"/jobs/(\d+)", sent.headers["Location"])
    assert found is not None
    session.rollback()
    row = run(app, session, int(found[1]))
    assert (row.state, row.result["rows"]) == ("done", 1), row.error
    content = bytes_of(session, row)
    assert content[:5] == b"%PDF-"
    record = session.scalars(select(ExportRecord)).one()
    assert record.file == hashlib.sha256(content).hexdigest() == row.result["sha256"]
    assert session.scalars(select(AuditEntry).where(AuditEntry.action == "export.make")).one().after["rows"] == 1


@pytest.mark.feature("MNT-08")
def test_many_are_parts_in_a_zip_within_scope_and_limit(
    app: Any, session: Any, huzhou: Any, left: Any, monkeypatch: Any
) -> None:
    with clock.frozen(NOW + HOUR):
        second = leave(session, huzhou, arrive(session, huzhou, NOW), NOW + 40 * MINUTE)
    monkeypatch.setattr(visit_sheets, "IN_ONE", 1)

    def ask(who: str, **params: Any) -> Job:
        asked = {"listing": "visit_records", "query": "", "language": None} | params
        with transaction(session):
            key = jobs.enqueue(session, huzhou.actor(who), NOW, "sheets", "维保单", asked).id
        return run(app, session, key)

    row = ask("maintenance_head", query="tab=review")
    assert row.state == "done", row.error
    packed = zipfile.ZipFile(io.BytesIO(bytes_of(session, row)))
    assert packed.namelist() == ["01.pdf", "02.pdf"] and row.result["rows"] == 2
    assert "待复核" in str(row.result["filter"])
    # Another firm's account names them in vain.
    assert ask("other_head", ids=[left.id, second.id]).state == "failed"
    monkeypatch.setattr(visit_sheets, "MOST", 1)
    over = ask("maintenance_head")
    assert over.state == "failed" and "筛选出的记录超过 1 条" in str(over.error)
