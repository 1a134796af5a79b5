"""UNT-04: files by what they are, not by what they are called; out of scope is out of sight."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import clock
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Attachment
from app.permissions import Role
from app.rules.files import LIMITS
from app.transaction import transaction
from app.workflows.files import attachments, sealed_files, sent_ahead
from tests.factories import World, actor, make_account, picture
from tests.rules.test_files import in_passes

pytestmark = [pytest.mark.feature("UNT-04"), pytest.mark.usefixtures("folder")]
PDF = b"%PDF-1.7\n1 0 obj"
PNG, JPEG = picture("PNG"), picture("JPEG")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 40


def workbook(*more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *more):
            archive.writestr(name, "<x/>")
    return made.getvalue()


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
    with sealed_files.opened(attachments.path(None, row), kind) as opened:
        kept = opened.read()
    assert (row.name, row.mime, row.size) == (name, mime, len(kept))
    assert kept == content or mime.startswith("image/")
    assert (row.thumb_sha256 is not None) is mime.startswith("image/")
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
        store(world, picture("PNG", colour=(number, 0, 0)), "签名.png", "signature")
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


# --- pictures


def kept_picture(row: Attachment, small: bool = False) -> Any:
    picture_ = Image.open(attachments.path(None, row, small=small))
    picture_.load()
    return picture_


def test_a_photograph_loses_place_and_time_and_stands_upright(world: World) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Invented Camera"  # to be turned a quarter to the right
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (30.0, 30.0, 30.0)
    sent = picture("JPEG", (60, 40), exif=exif.tobytes(), comment=b"told by the camera")
    assert b"Invented Camera" in sent
    row = store(world, sent, "底坑.jpg", "photo")
    held = kept_picture(row)
    assert held.size == (40, 60), "the rotation is in the pixels now"
    content = attachments.path(None, row).read_bytes()
    assert not held.getexif() and b"Invented Camera" not in content and b"told by the camera" not in content


def test_what_hides_behind_the_end_of_a_picture_is_gone(world: World) -> None:
    row = store(world, JPEG + b"<script>alert(1)</script>PK\x03\x04", "图.jpg", "photo")
    assert b"script" not in attachments.path(None, row).read_bytes()


@pytest.mark.parametrize(("form", "name"), [("JPEG", "大.jpg"), ("PNG", "大.png")])
def test_a_large_picture_is_shrunk_and_has_a_small_one(world: World, form: str, name: str) -> None:
    row = store(world, picture(form, (3000, 1500)), name, "photo")
    assert kept_picture(row).size == (2560, 1280)
    small = kept_picture(row, small=True)
    assert small.size == (320, 160) and small.format == "JPEG"


def test_a_signature_keeps_its_size_and_a_scan_more_than_a_photograph(world: World) -> None:
    assert kept_picture(store(world, picture("PNG", (3000, 100)), "签名.png", "signature")).size == (3000, 100)
    assert kept_picture(store(world, picture("PNG", (3000, 100)), "扫描.png", "licence")).size == (3000, 100)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says its size and holds no pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "name", "word"),
    [
        (png_of(50_000, 50_000), "炸弹.png", "像素"),
        (png_of(100, 100), "空心.png", "已损坏"),
        (JPEG[: len(JPEG) // 2], "半张.jpg", "已损坏"),
        (b"\xff\xd8\xff\xe0" + b"0" * 40, "假.jpg", "已损坏"),
        (b"\x00\x00\x00\x18ftypheic" + b"0" * 40, "手机.heic", "HEIC"),
        (b"GIF89a" + b"0" * 40, "动图.png", "无法识别"),
        (in_passes(16_000, 8_000, 101), "百遍.jpg", "100 遍以上"),
        (in_passes(16_000, 8_000, 2), "两遍.jpg", "像素"),
    ],
)
def test_a_picture_that_is_none_is_refused(world: World, content: bytes, name: str, word: str) -> None:
    with pytest.raises(Refusal, match=word) as refused:
        store(world, content, name, "photo")
    assert name in refused.value.findings[0].found and refused.value.findings[0].remedy


@pytest.mark.parametrize("content", [b"<html>%PDF-1.7", b"PK\x03\x04%PDF-1.7", b"%PDF-9.9", b"%PDF-x"])
def test_a_pdf_begins_as_one(world: World, content: bytes) -> None:
    with pytest.raises(Refusal):
        store(world, content, "合同.pdf", "contract")


def test_a_pdf_may_begin_with_blanks(world: World) -> None:
    assert store(world, b"\xef\xbb\xbf\n" + PDF, "合同.pdf", "contract").mime == attachments.PDF


# --- office files


def lying(content: bytes, told: int) -> bytes:
    """The archive with another unpacked size in its directory for the last part."""
    at = content.rindex(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", told) + content[at + 28 :]


def test_a_directory_that_says_less_than_its_parts_hold_is_a_bomb(world: World) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", b"0" * 3_000_000)
    assert store(world, made.getvalue(), "实.xlsx", "insurance").mime == attachments.XLSX
    with pytest.raises(Refusal, match="压缩炸弹"):
        store(world, lying(made.getvalue(), 10), "虚.xlsx", "insurance")


def test_two_entries_of_one_place_are_a_bomb(world: World) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/a.xml"):
            archive.writestr(name, b"0" * 10_000)
    content = made.getvalue()
    last, before = content.rindex(b"PK\x01\x02"), content.index(b"PK\x01\x02")
    # The last entry points at the first one's bytes.
    twisted = content[: last + 42] + content[before + 42 : before + 46] + content[last + 46 :]
    with pytest.raises(Refusal, match="压缩炸弹"):
        store(world, twisted, "叠.xlsx", "insurance")


def test_a_word_file_is_named_as_such_where_it_is_not_taken(world: World) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "word/document.xml"):
            archive.writestr(name, "<x/>")
    with pytest.raises(Refusal, match=r"Word（\.docx）"):
        store(world, made.getvalue(), "说明.docx", "document")


# --- sent ahead of a form


def ahead(world: World, who: str = "clerk", kind: str = "document", content: bytes = PDF) -> Attachment:
    received = attachments.receive(io.BytesIO(content), "材料.pdf", kind)
    with transaction(world.session):
        return sent_ahead.send(world.session, world.actor(who), clock.now(), received)


def settle(world: World, ids: list[int], who: str = "clerk", kind: str = "document") -> Any:
    place = ("unit", world.firm.id, world.firm.id, world.firm.region_code)
    with transaction(world.session):
        return sent_ahead.settle(world.session, world.actor(who), ids, kind, *place)


def test_a_file_sent_ahead_is_its_senders_alone_until_the_form_takes_it(world: World) -> None:
    row = ahead(world)
    session = world.session
    assert attachments.for_download(session, world.actor("clerk"), row.id)
    for persona in ("maintenance_head", "inspector"):
        with pytest.raises((NotAllowed, NotFound)):
            attachments.for_download(session, world.actor(persona), row.id)
    assert [r.id for r in settle(world, [row.id])] == [row.id]
    assert attachments.for_download(session, world.actor("maintenance_head"), row.id)


def test_only_ones_own_of_the_right_kind_and_only_once(world: World) -> None:
    row = ahead(world)
    with pytest.raises(Refusal):
        settle(world, [row.id], who="maintenance_head")
    with pytest.raises(Refusal):
        settle(world, [row.id], kind="licence")
    settle(world, [row.id])
    with pytest.raises(Refusal):
        settle(world, [row.id])


def test_number_and_size_hold_for_all_of_a_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(LIMITS["document"], files=2, total=1)
    monkeypatch.setitem(LIMITS, "document", small)
    store(world, PDF, "一.pdf")
    rows = [ahead(world).id, ahead(world).id]
    with pytest.raises(Refusal, match="最多 2 个"):
        settle(world, rows)
    assert settle(world, rows[:1])
    big = [("甲.pdf", 700_000), ("乙.pdf", 600_000)]
    with pytest.raises(Refusal, match=r"合计 1\.2 MB"):
        sent_ahead.check_together(big, "document")


def test_what_no_form_took_is_gone_after_a_day(world: World) -> None:
    row, held = ahead(world), ahead(world)
    settle(world, [held.id])
    with transaction(world.session):
        assert sent_ahead.forget(world.session, clock.now() + dt.timedelta(hours=23)) == 0
    with transaction(world.session):
        assert sent_ahead.forget(world.session, clock.now() + dt.timedelta(hours=25)) == 1
    world.session.expire_all()
    with pytest.raises(NotFound):
        attachments.for_download(world.session, world.actor("clerk"), row.id)
    assert attachments.for_download(world.session, world.actor("clerk"), held.id)


def test_nobody_fills_the_disk_with_forms_never_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_ahead, "MOST", 2)
    ahead(world), ahead(world)
    with pytest.raises(Refusal, match="还没有提交"):
        ahead(world)


def test_only_the_sender_takes_back_what_he_sent_ahead(world: World) -> None:
    row = ahead(world)
    with pytest.raises((NotAllowed, NotFound)), transaction(world.session):
        attachments.remove(world.session, world.actor("maintenance_head"), row.id, clock.now())
    with transaction(world.session):
        attachments.remove(world.session, world.actor("clerk"), row.id, clock.now())
    bound = store(world, PDF, "合同.pdf")
    with pytest.raises(NotAllowed), transaction(world.session):
        attachments.remove(world.session, world.actor("clerk"), bound.id, clock.now())
