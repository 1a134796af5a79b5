"""What the picture library raises for a file that is no picture, or a broken one: asked for where one is opened."""

from __future__ import annotations

import struct


def unreadable() -> tuple[type[Exception], ...]:
    """For an `except`: asked only once something was raised, so that the library is not loaded for it."""
    from PIL import Image

    return OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError
