"""How a workbook's cells are called."""

from __future__ import annotations


def column_letters(number: int) -> str:
    """The name of a column: A for 0, AA for 26."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name
