"""The paper's charts: one drawing of boxes and words, as SVG (page, PDF) and as PNG (.docx); no script, no service."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from app.reports.pdf import SAMPLE, missing_font

WIDTH = 640.0
ROW, BAR, LABEL, FIGURE, MARGIN = 26.0, 15.0, 190.0, 96.0, 10.0
BLUE, ORANGE, INK, LINE = "#1a62a8", "#d58a00", "#1f2933", "#cfd8df"
SIZE = 13.0
SCALE = 3
LONGEST_LABEL = 14


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Word:
    """`anchor` start, middle or end is where `x` is; `y` is the middle of the line."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    colour: str = INK


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its caption; `words` say the same to who can't see it."""

    caption: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    texts: tuple[Word, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row: its label, its parts from left to right, and what stands behind it."""

    label: str
    parts: tuple[float, ...]
    shown: str


def bars(caption: str, rows: Sequence[Bar], legend: Sequence[str] = (), most: float | None = None) -> Chart:
    """Lying bars, each as long as its parts; `most` is what the whole width stands for (the longest row else)."""
    colours = (BLUE, ORANGE)
    top = MARGIN + (ROW if legend else 0)
    room = WIDTH - LABEL - FIGURE - 2 * MARGIN
    longest = most or max((sum(row.parts) for row in rows), default=0) or 1
    boxes: list[Box] = []
    texts: list[Word] = []
    for number, word in enumerate(legend):
        x = LABEL + MARGIN + number * 110
        boxes.append(Box(x, MARGIN, 12, 12, colours[number % 2]))
        texts.append(Word(x + 18, MARGIN + 6, word))
    for number, row in enumerate(rows):
        middle, x = top + number * ROW + ROW / 2, LABEL + MARGIN
        texts.append(Word(LABEL, middle, cut(row.label), "end"))
        for part, value in enumerate(row.parts):
            long = round(room * min(value / longest, 1), 1)
            if long:
                boxes.append(Box(round(x, 1), middle - BAR / 2, long, BAR, colours[part % 2]))
                x += long
        texts.append(Word(round(x + 8, 1), middle, row.shown))
    height = top + len(rows) * ROW + MARGIN
    boxes.append(Box(LABEL + MARGIN - 1, top, 1, len(rows) * ROW, LINE))
    return Chart(
        caption, WIDTH, height, tuple(boxes), tuple(texts), "；".join(f"{row.label}：{row.shown}" for row in rows)
    )


def cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL - 1]}…"


def svg(chart: Chart) -> str:
    """The drawing as an element that stands by itself; every word escaped."""
    boxes = "".join(
        f'<rect x="{b.x:g}" y="{b.y:g}" width="{b.width:g}" height="{b.height:g}" fill="{b.colour}"/>'
        for b in chart.boxes
    )
    texts = "".join(
        f'<text x="{t.x:g}" y="{t.y:g}" dy="0.36em" text-anchor="{t.anchor}" fill="{t.colour}">{escape(t.text)}</text>'
        for t in chart.texts
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {chart.width:g} {chart.height:g}" role="img" '
        f'font-size="{SIZE:g}" aria-label="{escape(chart.words)}">{boxes}{texts}</svg>'
    )


def png(chart: Chart) -> bytes:
    """The same drawing as a picture, three points to one; the same chart gives the same bytes."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (round(chart.width * SCALE), round(chart.height * SCALE)), "white")
    pen = ImageDraw.Draw(picture)
    for b in chart.boxes:
        pen.rectangle(
            (b.x * SCALE, b.y * SCALE, (b.x + b.width) * SCALE - 1, (b.y + b.height) * SCALE - 1), fill=b.colour
        )
    font = _font()
    for t in chart.texts:
        anchor = {"start": "lm", "middle": "mm", "end": "rm"}[t.anchor]
        pen.text((t.x * SCALE, t.y * SCALE), t.text, fill=t.colour, font=font, anchor=anchor)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


@lru_cache(maxsize=1)
def _font() -> Any:
    """The machine's Chinese font, as the PDF finds it too; without one nothing is drawn instead of boxes."""
    from PIL import ImageFont

    try:
        asked = ["fc-match", "-f", "%{file}\n%{index}", "sans-serif:lang=zh-cn"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")
        file, index = Path(told[0]), int(told[1]) & 0xFFFF
        font = ImageFont.truetype(str(file), round(SIZE * SCALE), index=index)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise missing_font() from error
    # A font draws what it lacks as one and the same box.
    drawn = {font.getmask(sign).getbbox() and bytes(font.getmask(sign)) for sign in sorted(SAMPLE)}
    if len(drawn) < len(SAMPLE):
        raise missing_font()
    return font
