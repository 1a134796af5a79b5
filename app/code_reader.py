"""Reading the code on a photographed label: one function, `code_in`, for browsers that read none themselves.

Most browsers inside other apps, and all of some phones, have a camera and no reader. The picture is decoded as every
upload is, looked at in memory and never kept.
"""

from __future__ import annotations

import struct
from threading import BoundedSemaphore
from typing import IO

MOST_PIXELS = 64_000_000
# Larger shows no more of a label that is to be read at arm's length, and takes longer.
EDGE = 1600
# One picture at a time in each process, as with every work on pictures: the pages of others go first.
_turn = BoundedSemaphore(1)
_WAIT_SECONDS = 5


def code_in(picture: IO[bytes]) -> str | None:
    """What the QR code says; None without one, with several that differ, or where the file is no picture."""
    # The libraries are loaded with the first picture, not with the product.
    import zxingcpp
    from PIL import Image, ImageOps

    if not _turn.acquire(timeout=_WAIT_SECONDS):
        return None
    try:
        with Image.open(picture, formats=["JPEG", "PNG"]) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("L", (EDGE, EDGE))
            grey = ImageOps.exif_transpose(opened).convert("L")
        grey.thumbnail((EDGE, EDGE))
        found = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError):
        return None
    finally:
        _turn.release()
    told = {one.text.strip() for one in found if one.text.strip()}
    # Two labels in one picture: which one is meant is not guessed.
    return told.pop() if len(told) == 1 else None
