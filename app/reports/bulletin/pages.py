"""The paper as a page for the screen and as a PDF: one template, one stylesheet."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from app.reports import pdf
from app.reports.bulletin.charts import svg
from app.reports.bulletin.document import Paper, heading, items, title_lines

CSS = Path(__file__).parents[2] / "static" / "css" / "bulletin.css"


def facts(paper: Paper) -> dict[str, Any]:
    """What the template asks for."""
    # Each word of a drawing is escaped where it is drawn.
    return {
        "paper": paper, "svg": lambda chart: Markup(svg(chart)), "items": items, "heading": heading,
        "title_lines": title_lines(paper.title),
    }  # fmt: skip


def html(templates: Any, paper: Paper) -> str:
    """Complete in itself; `templates` is the application's environment, with its escaping."""
    page: str = templates.get_template("ta/bulletins/print.html").render(css=_css(), **facts(paper))
    return page


def as_pdf(templates: Any, paper: Paper) -> bytes:
    return pdf.render(html(templates, paper)).content


@lru_cache(maxsize=1)
def _css() -> Markup:
    # What is for screens comes last, and is nothing to a printer.
    return Markup(CSS.read_text(encoding="utf-8").partition("@media screen")[0])
