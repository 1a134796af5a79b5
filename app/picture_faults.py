"""What the picture library raises for a file that is no picture, or a broken one: asked for where one is opened."""

from __future__ import annotations

import struct
import zlib


def unreadable() -> tuple[type[Exception], ...]:
    """For an `except`: asked only once something was raised, so that the library is not loaded for it.

    Its readers trust what a file says of itself: a chunk cut short is an index out of range, a length that is none a
    sum that fails.
    """
    from PIL import Image

    said_wrong = (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError)
    return (
        OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError, *said_wrong,
    )  # fmt: skip
