"""Pictures made to break or to exhaust whoever takes them apart."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app import code_reader
from app.errors import Refusal
from app.rules.files import JPEG, LIMITS, PNG
from app.workflows.files import pictures
from app.workflows.privacy import own_data
from tests.rules.test_files import in_passes

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.feature("UNT-04", "MNT-01")
@pytest.mark.parametrize("name", [b"iCCP", b"acTL", b"fcTL"])
def test_a_chunk_without_content_makes_no_picture_and_no_fault(tmp_path: Path, name: bytes) -> None:
    """The library reads past the end of what is not there: "index out of range", which nobody took for broken."""
    kept = io.BytesIO()
    Image.new("RGB", (40, 30)).save(kept, "PNG")
    whole, empty = kept.getvalue(), struct.pack(">I", 0) + name + struct.pack(">I", zlib.crc32(name))
    broken, file = whole[:33] + empty + whole[33:], tmp_path / "picture"
    file.write_bytes(broken)
    with pytest.raises(Refusal, match="已损坏"):
        pictures.prepare(file, "图.png", PNG, 2560)
    assert pictures.print_of(io.BytesIO(broken)) is None
    assert code_reader.code_in(io.BytesIO(broken)) is None


@pytest.mark.feature("UNT-04")
def test_a_picture_of_numbers_without_their_colours_is_broken(tmp_path: Path) -> None:
    kept, file = io.BytesIO(), tmp_path / "picture"
    Image.new("P", (40, 30)).save(kept, "PNG")
    whole = kept.getvalue()
    at = whole.index(b"PLTE") - 4
    file.write_bytes(whole[:at] + whole[at + 12 + int.from_bytes(whole[at : at + 4], "big") :])
    with pytest.raises(Refusal, match="已损坏"):
        pictures.prepare(file, "图.png", PNG, 2560)


@pytest.mark.feature("UNT-04", "MNT-07")
def test_a_signature_is_kept_no_larger_than_one_is_drawn(tmp_path: Path) -> None:
    """100 KB of one colour stood for 80 MB in every sheet that shows the signature, and in every browser."""
    file = tmp_path / "signature"
    Image.new("RGBA", (5000, 4000)).save(file, "PNG")
    assert file.stat().st_size < 1024 * 1024
    assert pictures.prepare(file, "签名.png", PNG, LIMITS["signature"].edge).size == (3600, 2880)
    Image.new("RGBA", (900, 300)).save(file, "PNG")
    assert pictures.prepare(file, "签名.png", PNG, LIMITS["signature"].edge).size == (900, 300)


@pytest.mark.feature("UNT-04")
def test_large_pictures_are_worked_on_one_at_a_time(tmp_path: Path, monkeypatch: Any) -> None:
    """122 KB took 450 MB, from strangers who complain as well; eight at once took 3.6 GB of one process."""
    made, most, at_once, lock = pictures._made, 0, 0, threading.Lock()

    def watched(*given: Any) -> pictures.Prepared:
        nonlocal most, at_once
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            return made(*given)
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr(pictures, "_made", watched)
    monkeypatch.setattr(pictures, "LARGE_PIXELS", 40 * 30)
    large, small, told = tmp_path / "large", tmp_path / "small", []
    Image.new("RGB", (400, 300)).save(large, "PNG")
    Image.new("RGB", (40, 30)).save(small, "PNG")
    workers = [
        threading.Thread(target=lambda: told.append(pictures.prepare(large, "图.png", PNG, 2560).size))
        for _ in range(6)
    ]  # fmt: skip
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert told == [(400, 300)] * 6 and most == 1
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.01)
    with pictures._turn:
        with pytest.raises(Refusal, match="像素很多"):
            pictures.prepare(large, "图.png", PNG, 2560)
        with pytest.raises(Refusal, match="像素很多"):
            own_data.shrunk(io.BytesIO(large.read_bytes()))
        large.write_bytes(in_passes(400, 300, 3))
        with pytest.raises(Refusal, match="像素很多"):
            pictures.prepare(large, "图.jpg", JPEG, 40)
        assert pictures.prepare(small, "图.png", PNG, 2560).size == (40, 30), "an ordinary one waits for nobody"
