"""What a file is by its first bytes, what a kind of attachment may be, and what becomes of its name (UNT-04)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.wording import say, together

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLS, CSV, ZIP = "application/vnd.ms-excel", "text/csv", "application/zip"
HEIC = "image/heic"
PICTURES = (PNG, JPEG)
EXTENSIONS = {
    PDF: (".pdf",), PNG: (".png",), JPEG: (".jpg", ".jpeg"), XLSX: (".xlsx",), DOCX: (".docx",), XLS: (".xls",),
    CSV: (".csv",), ZIP: (".zip",), HEIC: (".heic", ".heif"),
}  # fmt: skip
WORDS = {
    PDF: "PDF", PNG: say("PNG 图片"), JPEG: say("JPG 图片"), XLSX: say("Excel（.xlsx）"),
    DOCX: say("Word（.docx）"), XLS: say("Excel（.xls）"), CSV: "CSV", ZIP: "ZIP", HEIC: say("HEIC 照片"),
}  # fmt: skip
LONGEST_NAME = 120
# Before its mark a PDF may have a byte order mark or blanks; anything else in front is another file in disguise.
_PDF_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?[\s\x00]{0,1000}%PDF-[12]\.\d")
# A JPEG in several passes is held whole until the last of them, and each goes over all of it: some hundred bytes a pass
# are a thousand passes in a small file. Cameras write one, programs for the web some ten.
MOST_PASSES, MOST_IN_PASSES = 100, 48_000_000
# Segments between them, each of which whoever opens the file looks at.
MOST_MARKS = 4000
# Neither a byte of the picture itself, filling, nor where a decoder may begin anew.
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ALONE, _END, _PASS = (0x01, 0xD8), 0xD9, 0xDA
_HEIC_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc", b"avif")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a kind of attachment may be: types, size of one, how many a row, size of all, edge of its pictures.

    `edge` is the longer side in pixels to which pictures are brought; 0 keeps their size.
    """

    types: tuple[str, ...]
    megabytes: int = 10
    files: int = 20
    total: int = 60
    edge: int = 2560

    @property
    def extensions(self) -> tuple[str, ...]:
        return tuple(e for t in self.types for e in EXTENSIONS[t])

    @property
    def words(self) -> str:
        return together(WORDS[t] for t in self.types)


# A scanned page must stay legible to the last stamp, a photograph need not.
_PAPER = Limit((PDF, PNG, JPEG), edge=3600)
_PICTURE = Limit((PNG, JPEG))
LIMITS = {
    "licence": _PAPER, "qualification": _PAPER, "declaration": _PAPER, "contract": _PAPER, "document": _PAPER,
    "grade": _PAPER, "certificate": _PAPER, "commitment": _PAPER, "sheet": _PAPER, "photo": _PICTURE,
    **dict.fromkeys(("photo_pit", "photo_top", "photo_room"), Limit((PNG, JPEG), files=6)),
    "selfie": Limit((PNG, JPEG), files=2, edge=1280),
    "label": Limit((PNG, JPEG), files=6), "label_out": Limit((PNG, JPEG), files=6),
    # One photo each, of the signing and of the sheet that was signed.
    "paper_scene": Limit((PNG, JPEG), files=1), "paper_sheet": Limit((PNG, JPEG), files=1, edge=3600),
    "use_certificate": _PAPER, "inspection": _PAPER, "factory": _PAPER, "installation": _PAPER,
    "identity": Limit((PNG, JPEG), files=2), "face": Limit((PNG, JPEG), files=2), "operator": _PAPER,
    "avatar": Limit((JPEG,), megabytes=1, files=1, edge=0),
    "insurance": Limit((PDF, PNG, JPEG, XLSX), edge=3600),
    # As it was drawn; a far larger one is a small file of one colour that every sheet and browser would unpack again.
    "signature": Limit((PNG,), megabytes=1, files=4, edge=3600),
    "import": Limit((XLSX, XLS, CSV), files=1), "export": Limit((XLSX, CSV, PDF, ZIP), 2048, 10, 20480, 0),
    "bulletin": Limit((PDF, DOCX), 40, 4, 160, 0),
}  # fmt: skip


def sniff(head: bytes) -> str | None:
    """The type that the first bytes tell; None for text and what is not known. An archive is a ZIP at first sight."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if _PDF_HEAD.match(head):
        return PDF
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return XLS
    if head.startswith(b"PK\x03\x04"):
        return ZIP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return HEIC
    return None


def passes_of(jpeg: bytes) -> int:
    """In how many passes (scans) a JPEG is written, found as a decoder finds them; more than `MOST_PASSES` also of one
    that is cut into more than `MOST_MARKS` segments. Any other file is of one."""
    if sniff(jpeg[:16]) != JPEG:
        return 1
    found, at = 0, 2
    for _ in range(MOST_MARKS):
        mark = _MARK.search(jpeg, at)
        kind = _END if mark is None else jpeg[mark.end() - 1]
        if mark is None or kind == _END or found > MOST_PASSES:
            return found
        at = mark.end()
        if kind not in _ALONE:
            found += kind == _PASS
            at += int.from_bytes(jpeg[at : at + 2], "big")
    return MOST_PASSES + 1


def is_csv(head: bytes, name: str) -> bool:
    """Text is CSV only by elimination: it has no mark of its own."""
    return name.lower().endswith(".csv") and b"\x00" not in head and not head.lstrip().startswith((b"<", b"%!"))


def clean_name(name: str) -> str:
    """The name as shown: the last part of any path, Chinese kept, invisible and turning characters gone, 120 long."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    text = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")).strip(" .")
    stem, suffix = PurePosixPath(text).stem, suffix_of(text)[:10]
    return (stem[: LONGEST_NAME - len(suffix)] or "未命名") + suffix


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix


def fitted(width: int, height: int, edge: int) -> tuple[int, int]:
    """The size whose longer side is `edge` at most, in proportion, never less than one pixel."""
    longer = max(width, height)
    if not edge or longer <= edge:
        return width, height
    return max(1, round(width * edge / longer)), max(1, round(height * edge / longer))
