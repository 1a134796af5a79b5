"""All sheets of a workbook as lines of JSON; run as a process of its own, with bounded memory and time.

`python proof_reader.py <file>`: the library that reads workbooks makes a dense rectangle of a sheet's corners and
aborts its process when there is no room for it, so a cell far out would end whatever process serves pages. This file
imports the standard library and that library only.

Each sheet is its name, as a text, and then its rows, as lists of texts.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import sys
from typing import Any

BROKEN = 4
MB = 1024 * 1024
# By how large the file is, so that an export of millions of cells can be proved, and little is given to a small file.
LEAST_MEMORY, MEMORY_A_BYTE = 512 * MB, 60
LEAST_SECONDS, SECONDS_A_MB = 10, 5
# What a spreadsheet holds at the most.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
HALF_SECOND = dt.timedelta(milliseconds=500)


def main(path: str) -> int:
    """Write the sheets; the exit code says whether all of them could be read."""
    size = os.stat(path).st_size
    memory, seconds = LEAST_MEMORY + MEMORY_A_BYTE * size, LEAST_SECONDS + SECONDS_A_MB * size // MB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineError, CalamineWorkbook

    write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    try:
        book = CalamineWorkbook.from_path(path)
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
                return BROKEN
            sys.stdout.write(write(name) + "\n")
            for row in sheet.iter_rows():
                sys.stdout.write(write([cell_text(cell) for cell in row]) + "\n")
    except (CalamineError, OSError, ValueError):
        return BROKEN
    return 0


def cell_text(value: Any) -> str:
    """A cell as it is compared; what differs only by how a spreadsheet keeps it is written alike."""
    if value is None or value == "":
        return ""
    if isinstance(value, dt.datetime):
        return (value + HALF_SECOND).replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, dt.date):
        return f"{value.isoformat()} 00:00:00"
    return f"{value:.12g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1]))
