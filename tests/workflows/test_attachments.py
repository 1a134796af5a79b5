"""UNT-04: files by what they are, not by what they are called; out of scope is out of sight."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Attachment
from app.permissions import Role
from app.transaction import transaction
from app.workflows import attachments
from tests.factories import World, actor, make_account

pytestmark = pytest.mark.feature("UNT-04")
PDF = b"%PDF-1.7\n1 0 obj"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 40
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 40


def workbook(*more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *more):
            archive.writestr(name, "<x/>")
    return made.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Any:
    before = attachments._folder
    attachments.use_folder(tmp_path)
    yield tmp_path
    if before is not None:
        attachments.use_folder(before)


def store(
    world: World, content: bytes, name: str, kind: str = "document", who: str = "clerk", **more: Any
) -> Attachment:
    place = {"entity": "unit", "entity_id": world.firm.id} | more
    with transaction(world.session):
        return attachments.store(
            world.session, world.actor(who), clock.now(), io.BytesIO(content), name, kind, unit_id=world.firm.id,
            region_code=world.firm.region_code, **place,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "name", "kind", "mime"),
    [
        (PDF, "营业执照（2026）.PDF", "licence", "application/pdf"),
        (PNG, "井道.png", "photo", "image/png"),
        (JPEG, "底坑.jpeg", "photo", "image/jpeg"),
        (workbook(), "电梯.xlsx", "import", attachments.XLSX),
        (OLE, "电梯.xls", "import", attachments.XLS),
        ("识别码,地址\n".encode("utf-8-sig"), "电梯.csv", "import", "text/csv"),
    ],
)
def test_a_file_is_kept_with_its_name(
    world: World, folder: Path, content: bytes, name: str, kind: str, mime: str
) -> None:
    row = store(world, content, name, kind)
    assert (row.name, row.mime, row.size) == (name, mime, len(content))
    assert attachments.path(None, row).read_bytes() == content
    assert not list(folder.glob("draft-*"))


@pytest.mark.parametrize(
    ("content", "name", "kind", "word"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "图.png", "photo", "无法识别"),
        (b"<html><script>1</script>", "单.pdf", "sheet", "无法识别"),
        (PDF, "照片.png", "photo", "PDF"),
        (PNG, "照片.jpg", "photo", "扩展名与内容不符"),
        (PNG, "照片.html", "photo", "扩展名与内容不符"),
        (PNG, "照片", "photo", "扩展名与内容不符"),
        (b"", "空.pdf", "document", "空文件"),
        (workbook("xl/vbaProject.bin"), "宏.xlsx", "import", "宏"),
        (b"PK\x03\x04broken", "坏.xlsx", "import", "已损坏"),
        (b"<html>", "x.csv", "import", "无法识别"),
        (PNG + b"0" * attachments.MEGABYTE, "签名.png", "signature", "1 MB"),
        (PDF, "合同.pdf", "signature", "只接受"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_leaves_nothing(
    world: World, folder: Path, content: bytes, name: str, kind: str, word: str
) -> None:
    with pytest.raises(Refusal) as refused:
        store(world, content, name, kind)
    finding = refused.value.findings[0]
    assert word in finding.found and finding.field == "file" and finding.value == name and finding.remedy
    assert [p for p in folder.rglob("*") if p.is_file()] == []
    assert world.session.query(Attachment).count() == 0


def test_a_bomb_is_not_unpacked(world: World) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        with archive.open("xl/workbook.xml", "w", force_zip64=True) as part:
            for _ in range(attachments.MOST_UNPACKED // attachments.MEGABYTE + 1):
                part.write(b"0" * attachments.MEGABYTE)
    with pytest.raises(Refusal, match="解压后超过"):
        store(world, made.getvalue(), "大.xlsx", "import")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/营业执照.pdf", "营业执照.pdf"), ("C:\\扫描\\合同.pdf", "合同.pdf"), ("a\x00b\n.pdf", "ab.pdf"),
        ("cod\u202efdp.exe", "codfdp.exe"), ("", "未命名"), ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
    ],
)  # fmt: skip
def test_a_name_is_only_a_name(typed: str, kept: str) -> None:
    assert attachments.clean_name(typed) == kept


def test_the_number_of_files_of_a_row_is_limited(world: World) -> None:
    for number in range(4):
        store(world, PNG + bytes([number]), "签名.png", "signature")
    with pytest.raises(Refusal, match="最多 4 个"):
        store(world, PNG, "签名.png", "signature")


def test_the_same_content_is_one_file(world: World, folder: Path) -> None:
    first, second = store(world, PDF, "一.pdf"), store(world, PDF, "二.pdf")
    assert first.id != second.id and attachments.path(None, first) == attachments.path(folder, second)


def test_a_foreign_file_is_not_found(world: World) -> None:
    row = store(world, PDF, "合同.pdf")
    assert attachments.for_download(world.session, world.actor("inspector"), row.id).id == row.id
    for persona in ("other_head", "use_head", "other_inspector"):
        with pytest.raises(NotFound):
            attachments.for_download(world.session, world.actor(persona), row.id)


def test_a_file_follows_its_row(world: World) -> None:
    """The use unit sees the maintenance unit's papers of their elevator; of a hidden one nobody else does."""
    row = store(world, PDF, "图纸.pdf", entity="elevator", entity_id=world.own.id)
    session = world.session
    for persona in ("use_head", "worker", "inspector"):
        assert attachments.for_download(session, world.actor(persona), row.id).id == row.id
    for persona in ("other_head", "other_worker", "other_inspector"):
        with pytest.raises(NotFound):
            attachments.for_download(session, world.actor(persona), row.id)
    world.own.is_secret = True
    session.commit()
    with pytest.raises(NotFound):
        attachments.for_download(session, world.actor("inspector"), row.id)
    assert attachments.for_download(session, world.actor("region_admin"), row.id).id == row.id
    with pytest.raises(NotFound):
        attachments.for_download(session, world.actor("clerk"), 987654)


def test_an_export_is_its_owners_alone_and_only_while_he_may_export(world: World) -> None:
    row = store(world, workbook(), "电梯.xlsx", "export", entity="job", entity_id=1)
    session = world.session
    assert attachments.for_download(session, world.actor("clerk"), row.id).id == row.id
    with pytest.raises(NotFound):
        attachments.for_download(session, world.actor("maintenance_head"), row.id)
    with pytest.raises(NotAllowed):
        attachments.for_download(session, world.actor("platform_admin"), row.id)
    demoted = make_account(session, Role.WORKER, unit=world.firm)
    row.uploaded_by_id = demoted.id
    session.commit()
    with pytest.raises(NotAllowed):
        attachments.for_download(session, actor(demoted), row.id)


def test_files_sent_before_their_row_existed_are_adopted_by_their_sender_only(world: World) -> None:
    row = store(world, PDF, "合同.pdf", entity="contract", entity_id=None)
    with pytest.raises(Refusal), transaction(world.session):
        attachments.adopt(world.session, world.actor("maintenance_head"), [row.id], "contract", 5)
    with transaction(world.session):
        attachments.adopt(world.session, world.actor("clerk"), [row.id], "contract", 5)
    assert [a.id for a in attachments.of(world.session, "contract", 5)] == [row.id]
