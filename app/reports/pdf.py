"""HTML to PDF with a real Chinese font embedded. Without Pango or such a font it says so; it never prints boxes.

WeasyPrint is loaded when it is first needed: it takes seconds and a system library that a small machine may lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.errors import Finding, Refusal
from app.wording import say

# Characters that every Chinese font has; when they are missing there is none.
SAMPLE = frozenset("申请编号单位电梯日期")
PACKAGES = "fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0"


class PdfUnavailable(Refusal):
    """This machine can't make a Chinese PDF; the browser's print page can."""

    status_code = 503


@dataclass(frozen=True, slots=True)
class Printed:
    """The file, the families of the fonts embedded in it, and the characters that it shows."""

    content: bytes
    fonts: frozenset[str]
    characters: frozenset[str]


def render(html: str) -> Printed:
    """The PDF of a page that stands by itself: it may ask for nothing, neither on this machine nor elsewhere."""
    from PIL import ImageFile  # loaded with the first form

    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except OSError as error:
        raise _unavailable("服务器没有安装排版组件 Pango") from error
    # Loading it tells the picture library to take broken pictures for whole, in the whole process.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    document = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=())).render()
    content = document.write_pdf()
    fonts: list[Any] = list(document.fonts.values())
    missing = {chr(code) for font in fonts for code in font.missing}
    if missing & SAMPLE:
        raise missing_font()
    shown = {character for font in fonts for text in font.to_unicode.values() for character in text}
    return Printed(content, frozenset(str(font.family) for font in fonts), frozenset(shown - missing))


def missing_font() -> PdfUnavailable:
    """What whoever draws Chinese says where the machine has no font for it."""
    return _unavailable("服务器没有安装中文字体")


def _unavailable(found: str) -> PdfUnavailable:
    remedy = say(
        "请管理员在服务器上执行 apt-get install %(packages)s；现在可以用浏览器打印本页，或另存为 PDF", packages=PACKAGES
    )
    return PdfUnavailable(Finding("生成 PDF", False, found, remedy))
