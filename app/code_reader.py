"""Reading the code on a photographed label: one function, `code_in`, for browsers that read none themselves.

Most browsers inside other apps, and all of some phones, have a camera and no reader. The picture is looked at in memory
and never kept.
"""

from __future__ import annotations

import io
from threading import BoundedSemaphore
from typing import IO

from app.picture_faults import unreadable
from app.rules.files import MOST_IN_PASSES, MOST_PASSES, passes_of

# A phone sends some 1600 × 1200 pixels as JPEG, which is decoded at a fraction of its size where it has more; a PNG is
# decoded whole.
MOST_PIXELS = {"JPEG": 64_000_000, "PNG": 12_000_000}
LONGEST_EDGE = 12_000
# Larger shows no more of a label that is to be read at arm's length, and takes longer.
EDGE = 1600
# One picture at a time in each process, as with every work on pictures, and nobody waits long for it: the threads that
# would are those that serve everybody's pages.
_turn = BoundedSemaphore(1)
_WAIT_SECONDS = 1


class Busy(Exception):
    """Another picture is being read; the same one may be sent again."""


def code_in(picture: IO[bytes]) -> str | None:
    """What the QR code says; None without one, with several that differ, or where the file is no picture.

    Raises `Busy`.
    """
    # The libraries are loaded with the first picture, not with the product.
    import zxingcpp
    from PIL import Image

    if not _turn.acquire(timeout=_WAIT_SECONDS):
        raise Busy
    try:
        picture.seek(0)
        content = picture.read()
        passes = passes_of(content)
        if passes > MOST_PASSES:
            return None
        with Image.open(io.BytesIO(content), formats=list(MOST_PIXELS)) as opened:
            width, height = opened.size
            # What phones call a photo with a second picture behind it ("MPO") is a JPEG as any other.
            form = "PNG" if opened.format == "PNG" else "JPEG"
            most = MOST_PIXELS[form] if passes <= 1 else MOST_IN_PASSES
            if max(width, height) > LONGEST_EDGE or width * height > most:
                return None
            opened.draft("L", (EDGE, EDGE))
            # Small before anything else; a code is read whichever way up it is.
            opened.thumbnail((EDGE, EDGE))
            grey = opened.convert("L")
        found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    except unreadable():
        return None
    finally:
        _turn.release()
    told = {one.text.strip() for one in found if one.text.strip()}
    # Two labels in one picture: which one is meant is not guessed.
    return told.pop() if len(told) == 1 else None
