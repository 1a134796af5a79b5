"""Labels of elevators as a phone photographs them."""

from __future__ import annotations

import io

import segno
from PIL import Image, ImageFilter


def photo(text: str, turned: int = 0, blurred: float = 0, form: str = "JPEG") -> bytes:
    """A photo of a label on a dark wall, turned by some degrees and out of focus."""
    raw = io.BytesIO()
    segno.make(text, error="q", micro=False).save(raw, kind="png", scale=7, border=4)
    code = Image.open(raw).convert("L").rotate(turned, expand=True, fillcolor=255)
    wall = Image.new("RGB", (1500, 2000), (90, 96, 90))
    wall.paste(code.convert("RGB"), (480, 700))
    kept = io.BytesIO()
    wall.filter(ImageFilter.GaussianBlur(blurred)).save(kept, form)
    return kept.getvalue()
