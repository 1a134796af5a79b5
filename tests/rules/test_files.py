"""UNT-04: what the bytes of a picture tell before it is decoded."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from app.rules.files import MOST_MARKS, MOST_PASSES, passes_of

pytestmark = pytest.mark.feature("UNT-04")


def jpeg(**more: object) -> bytes:
    kept = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(kept, "JPEG", **more)
    return kept.getvalue()


def in_passes(width: int, height: int, passes: int) -> bytes:
    """A grey JPEG of one colour that is written in so many passes, each of a few bytes."""

    def packed(bits: str) -> bytes:
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")

    def segment(kind: int, body: bytes) -> bytes:
        return bytes((0xFF, kind)) + struct.pack(">H", len(body) + 2) + body

    def code(place: int, symbol: int) -> bytes:
        return segment(0xC4, bytes((place, 1, *[0] * 15, symbol)))

    squares = (width + 7) // 8 * ((height + 7) // 8)
    runs, left = "", squares
    while left > 0:
        run = max(16384, min(left, 32767))
        runs += "0" + format(run - 16384, "014b")
        left -= run
    head = segment(0xDB, bytes((0, *[1] * 64))) + segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    first = segment(0xDA, b"\1\1\0\0\0\1") + packed("0" * squares)
    further = segment(0xDA, b"\1\1\0\1\x3f\0") + packed(runs)
    return b"\xff\xd8" + head + code(0, 0) + code(0x10, 0xE0) + first + further * (passes - 1) + b"\xff\xd9"


def test_a_camera_writes_one_pass_and_the_web_some_ten() -> None:
    assert passes_of(jpeg()) == 1
    assert 5 < passes_of(jpeg(progressive=True)) < 20


def test_passes_are_counted_where_a_decoder_finds_them() -> None:
    assert passes_of(in_passes(64, 64, 7)) == 7
    with Image.open(io.BytesIO(in_passes(64, 64, 7))) as opened:
        opened.load()
    # What a segment holds is not looked into: a small picture beside the large one, or a text.
    inside = jpeg(progressive=True)
    assert passes_of(jpeg(exif=b"Exif\0\0" + b"\xff\xda\0\2" * 200)) == 1
    assert passes_of(jpeg() + inside) == 1
    # Blanks between segments are skipped.
    assert passes_of(jpeg().replace(b"\xff\xda", b"\0\0\xff\xff\xff\xda", 1)) == 1


@pytest.mark.parametrize(
    "rest", [b"", b"\xff", b"\xff\xda", b"\xff\xe0\xff\xff", b"0" * 50, b"\xff\xd9", b"\xff\xc4\0\0"]
)
def test_what_is_cut_off_ends_it(rest: bytes) -> None:
    assert passes_of(b"\xff\xd8" + rest) in (0, 1)


def test_more_than_any_picture_has_is_told_early() -> None:
    assert passes_of(in_passes(800, 800, 60_000)) == MOST_PASSES + 1
    assert passes_of(b"\xff\xd8" + b"\xff\xfe\0\2" * (MOST_MARKS + 1)) == MOST_PASSES + 1
    assert passes_of(b"\xff\xd8" + b"\xff\xd0" * 5_000_000) == 0
