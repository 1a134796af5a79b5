"""Whether the bytes are what the name says, and no trap for whoever opens them: marks, archives, pictures (UNT-04).

Each refusal names the file, the rule and the way out.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

from app import scanner
from app.errors import Refusal, refuse
from app.rules.files import DOCX, EXTENSIONS, HEIC, WORDS, XLSX, ZIP, Limit, is_csv, sniff, suffix_of
from app.wording import say

log = logging.getLogger(__name__)
MEGABYTE = 1024 * 1024
# A workbook that unpacks to more than this is a bomb, not a register.
MOST_UNPACKED = 400 * MEGABYTE
MOST_PARTS = 2000
_MACROS = {"xl/vbaProject.bin", "word/vbaProject.bin"}
_BLOCK = 256 * 1024


def check(file: Path, name: str, words: str, limit: Limit) -> str:
    """The content's type, or a refusal: of a wrong format, or where name and content contradict each other."""
    mime = content_type(file, name)
    if mime not in limit.types:
        found = WORDS.get(mime, "无法识别的格式") if mime else "无法识别的格式"
        remedy = "请换用允许的格式；改扩展名没有用"
        if mime == HEIC:
            remedy = "请在手机相机设置里选“兼容性最佳”，或另存为 JPG 后上传"
        raise bad(
            name,
            say("内容是%(found)s，%(words)s只接受 %(words2)s", found=found, words=words, words2=limit.words),
            remedy,
        )
    if suffix_of(name).lower() not in EXTENSIONS[mime]:
        remedy = say("请把扩展名改为 %(mime)s 后重新上传", mime=EXTENSIONS[mime][0])
        raise bad(name, say("扩展名与内容不符，内容是%(mime)s", mime=WORDS[mime]), remedy)
    return mime


class Infected(Refusal):
    """The scanner found something in bytes that came in: their digest, and its word."""

    def __init__(self, refusal: Refusal, digest: str, told: str) -> None:
        super().__init__(refusal.findings)
        self.digest, self.told = digest, told


def scanned(draft: Path, name: str, digest: str) -> str:
    """The scanner's word as the row keeps it; what it finds is refused as `Infected`."""
    if not scanner.is_on():
        return "off"
    verdict = scanner.scan(draft)
    if verdict.state == scanner.CLEAN:
        return "clean"
    if verdict.state == scanner.INFECTED:
        log.warning("malware refused: %s", verdict.told)
        found = say("含有病毒或恶意代码（%(told)s）", told=verdict.told)
        refusal = bad(name, found, "请用杀毒软件清除，或重新导出一份干净的文件后上传")
        raise Infected(refusal, digest, verdict.told)
    log.warning("scanner is down: %s", verdict.told)
    if scanner.when_down == "refuse":
        raise bad(name, "暂时不能查毒，没有收下", "请稍后重新上传；一直不行请联系管理员")
    return "waiting" if scanner.when_down == "wait" else "late"


def content_type(file: Path, name: str) -> str | None:
    """What the bytes are, or None."""
    with file.open("rb") as opened:
        head = opened.read(4096)
    found = sniff(head)
    if found == ZIP:
        return _archive_type(file, name)
    if found is None and is_csv(head, name):
        return "text/csv"
    return found


def _archive_type(file: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise bad(name, "压缩包已损坏，无法打开", "请用表格软件重新保存后上传") from error
    names = {p.filename for p in parts}
    if len(parts) > MOST_PARTS or sum(p.file_size for p in parts) > MOST_UNPACKED:
        raise bad(
            name,
            say(
                "解压后超过 %(most_unpacked)s MB 或 %(most_parts)s 个文件",
                most_unpacked=MOST_UNPACKED // MEGABYTE,
                most_parts=MOST_PARTS,
            ),
            "请拆成几个文件上传",
        )
    if names & _MACROS:
        raise bad(name, "含有宏", "请另存为不含宏的文件后上传")
    found = ZIP
    if "[Content_Types].xml" in names:
        found = XLSX if "xl/workbook.xml" in names else DOCX if "word/document.xml" in names else ZIP
    if found != ZIP:
        _check_honest(file, parts, name)
    return found


def _check_honest(file: Path, parts: list[zipfile.ZipInfo], name: str) -> None:
    """Unpack each part without keeping it: a directory that says less than its parts hold, or names one place twice,
    is a bomb that the sums above do not see."""
    places = sorted((p.header_offset, p.compress_size) for p in parts)
    overlap = any(end + size > after for (end, size), (after, _) in pairwise(places))
    with file.open("rb") as opened:
        if overlap or any(p.flag_bits & 1 for p in parts) or not all(_holds(opened, p) for p in parts):
            raise bad(name, "压缩内容与目录不符或已加密，可能是压缩炸弹", "请用表格软件重新保存后上传")


def _holds(opened: object, part: zipfile.ZipInfo) -> bool:
    """Whether a part unpacks to no more than its directory says."""
    read, seek = opened.read, opened.seek  # type: ignore[attr-defined]
    seek(part.header_offset)
    head = read(30)
    if head[:4] != b"PK\x03\x04" or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return False
    seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    if part.compress_type == zipfile.ZIP_STORED:
        return part.compress_size == part.file_size
    packed, left, unpacking = part.compress_size, part.file_size, zlib.decompressobj(-15)
    while packed > 0 and not unpacking.eof:
        block = read(min(packed, _BLOCK))
        if not block:
            return False
        packed -= len(block)
        while block and not unpacking.eof:
            try:
                left -= len(unpacking.decompress(block, MEGABYTE))
            except zlib.error:
                return False
            if left < 0:
                return False
            block = unpacking.unconsumed_tail
    return unpacking.eof


def bad(name: str, found: str, remedy: str) -> Refusal:
    """The refusal of one file."""
    return refuse("附件", say("“%(name)s”%(found)s", name=name, found=found), remedy, field="file", value=name)
