"""Pictures as they are kept: really decoded, upright, no larger than need be, without what the camera wrote beside.

A picture is written anew from its pixels: the place and time of taking, a preview of what was cut away, or a second
file hidden behind its end are not kept.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any

from app.picture_faults import unreadable
from app.rules.files import JPEG, MOST_IN_PASSES, MOST_PASSES, PNG, fitted, passes_of
from app.wording import say
from app.workflows.files.file_contents import bad

# A JPEG is decoded at a fraction of its size, a PNG only whole: 32 million pixels are 128 MB.
MOST_PIXELS = {JPEG: 128_000_000, PNG: 32_000_000}
# A line of millions of points is a small file, and takes a thousand times its room when it is turned.
LONGEST_EDGE = 30_000
THUMB_EDGE = 320
# What is larger than this when decoded is worked on one at a time in each process: the largest takes several copies of
# 128 MB, and a small file can hold it. Whoever waits holds a thread that serves pages.
LARGE_PIXELS, WAIT_SECONDS = 16_000_000, 20
_turn = BoundedSemaphore(1)
# Colour profiles are a few hundred bytes; more is something else.
MOST_PROFILE = 64 * 1024
# Below these a picture looks like every other one of its kind.
LEAST_CONTRAST, LEAST_SHAPE = 24, 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """The picture and its small one, as bytes."""

    content: bytes
    thumb: bytes
    size: tuple[int, int]


def prepare(file: Path, name: str, mime: str, edge: int) -> Prepared:
    """Decode a PNG or JPEG and write it anew, its longer side `edge` pixels at most (0 keeps it)."""
    # The library takes a tenth of a second to load: with the first picture, not with the product.
    from PIL import Image

    form = "PNG" if mime == PNG else "JPEG"
    passes = passes_of(file.read_bytes()) if mime == JPEG else 1
    if passes > MOST_PASSES:
        found = say("分成 %(n)s 遍以上逐步显示，无法处理", n=MOST_PASSES)
        raise bad(name, found, "请另存为普通的 JPG 后上传")
    most = MOST_PIXELS[mime] if passes <= 1 else min(MOST_IN_PASSES, MOST_PIXELS[mime])
    try:
        with Image.open(file, formats=[form]) as opened:
            if opened.width * opened.height > most:
                found = say(
                    "有 %(width)s×%(height)s 像素，超过 %(most)s 万",
                    width=opened.width,
                    height=opened.height,
                    most=most // 10000,
                )
                raise bad(name, found, "请缩小尺寸后上传")
            if max(opened.size) > LONGEST_EDGE:
                found = say("有 %(width)s×%(height)s 像素，一边超过 %(most)s", width=opened.width, height=opened.height,
                            most=LONGEST_EDGE)  # fmt: skip
                raise bad(name, found, "请缩小尺寸后上传")
            whole = opened.width * opened.height
            if form == "JPEG" and edge:
                opened.draft(opened.mode, (edge, edge))
            # One in passes is held whole, at whatever fraction of its size it is decoded.
            with room_for(whole if passes > 1 else opened.width * opened.height, name):
                return _made(opened, form, edge)
    except Image.DecompressionBombError as error:
        raise bad(name, say("像素过多，超过 %(most)s 万", most=most // 10000), "请缩小尺寸后上传") from error
    except unreadable() as error:
        raise bad(name, "图片已损坏，无法打开", "请重新拍照或重新保存后上传") from error


@contextmanager
def room_for(pixels: int, name: str) -> Iterator[None]:
    """The turn of a large picture; refused where others take too long."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    if not _turn.acquire(timeout=WAIT_SECONDS):
        raise bad(name, "像素很多，其他大图片还在处理", "请稍后重新上传，或缩小尺寸后上传")
    try:
        yield
    finally:
        _turn.release()


def _made(opened: Any, form: str, edge: int) -> Prepared:
    from PIL import ImageOps

    opened.load()
    if opened.mode == "P" and opened.palette is None:
        raise ValueError("numbers of colours, and no colours")
    # In its own place: a copy of a large one is 128 MB.
    ImageOps.exif_transpose(opened, in_place=True)
    profile = opened.info.get("icc_profile")
    image = _plain(opened, form)
    width, height = image.size
    size = fitted(width, height, edge)
    image = image.resize(size) if size != image.size else image
    image.info = {}
    more: dict[str, Any] = {"quality": 88} if form == "JPEG" else {"optimize": False}
    if profile and len(profile) <= MOST_PROFILE:
        more["icc_profile"] = profile
    return Prepared(_written(image, form, more), _thumb(image), image.size)


def print_of(file: IO[bytes]) -> int | None:
    """What a picture looks like, in 64 bits: of 9 × 8 grey squares which are brighter than their left neighbour.

    Made smaller, pressed harder or a little brighter it stays the same. Signed, as databases keep whole numbers. None
    for what shows too little to tell it by (a dark pit, a wall, a finger), or can't be opened.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=["JPEG", "PNG"]) as opened:
            grey = opened.convert("L").resize((9, 8), Image.Resampling.LANCZOS)
    except unreadable():
        return None
    squares = list(grey.tobytes())
    rows = [squares[9 * y : 9 * y + 9] for y in range(8)]
    bits = sum(1 << (8 * y + x) for y, row in enumerate(rows) for x in range(8) if row[x + 1] > row[x])
    if max(squares) - min(squares) < LEAST_CONTRAST or not LEAST_SHAPE <= bits.bit_count() <= 64 - LEAST_SHAPE:
        return None
    return bits - 2**64 if bits >= 2**63 else bits


def _plain(image: Any, form: str) -> Any:
    """In a mode that browsers show: grey, colour, or colour with transparency."""
    if form == "JPEG":
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        return image
    return image.convert("RGBA" if "A" in image.mode else "RGB")


def _thumb(image: Any) -> bytes:
    """A small JPEG on white."""
    from PIL import Image

    small = image.convert("RGBA")
    small.thumbnail((THUMB_EDGE, THUMB_EDGE))
    ground = Image.new("RGB", small.size, "#ffffff")
    ground.paste(small, mask=small)
    return _written(ground, "JPEG", {"quality": 78})


def _written(image: Any, form: str, more: dict[str, Any]) -> bytes:
    kept = io.BytesIO()
    image.save(kept, form, **more)
    return kept.getvalue()
