"""What a workbook holds, as far as proving it needs; run as a process of its own, with bounded memory and time.

`python proof_reader.py <file> <asked>`: the library that reads workbooks makes a dense rectangle of a sheet's corners
and aborts its process when there is no room for it, so a cell far out would end whatever process serves pages. This
file imports the standard library and that library only.

`asked` is JSON: `notes`, the names that the sheet with the note may have, and `labels`, those of its lines that are
wanted. Told are lines of text: of a wanted line of the note its label and what it says, as a list in JSON; of every
row of all other sheets its digest in hex, the heading once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

BROKEN = 4
MB = 1024 * 1024
# By how large the file is, so that an export of millions of cells can be proved, and little is given to a small file.
LEAST_MEMORY, MEMORY_A_BYTE = 512 * MB, 60
LEAST_SECONDS, SECONDS_A_MB = 10, 5
# What a spreadsheet holds at the most.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
HALF_SECOND = dt.timedelta(milliseconds=500)


# Two lines that differ have the same one by no chance, and nobody can make them so.
DIGEST_BYTES = 16
# So much is told of a line of the note; what is asked for are digests and small numbers.
LONGEST_NOTE = 200


def digest(line: bytes) -> bytes:
    """What stands for a line of a table."""
    return blake2b(line, digest_size=DIGEST_BYTES).digest()


def main(path: str, asked: str) -> int:
    """Tell of the sheets; the exit code says whether all of them could be read."""
    size = os.stat(path).st_size
    memory, seconds = LEAST_MEMORY + MEMORY_A_BYTE * size, LEAST_SECONDS + SECONDS_A_MB * size // MB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sys.stdout.writelines(lines_of(sheets(CalamineWorkbook.from_path(path)), **json.loads(asked)))
    except (CalamineError, OSError, ValueError):
        return BROKEN
    return 0


def sheets(book: Any) -> Iterator[tuple[str, Iterable[list[Any]]]]:
    """Each by its name and its rows; ValueError for one larger than a spreadsheet holds."""
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
            raise ValueError(name)
        yield name, sheet.iter_rows()


def lines_of(book: Iterable[tuple[str, Iterable[list[Any]]]], notes: list[str], labels: list[str]) -> Iterator[str]:
    """The lines of sheets. Rows are as wide as the heading is, whatever else of a sheet was touched."""
    write, width = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode, 0
    for name, rows in book:
        heading = True
        for cells in rows:
            row = [cell_text(cell) for cell in cells]
            if name in notes:
                if len(row) > 1 and row[0] in labels:
                    yield write([row[0], row[1][:LONGEST_NOTE]]) + "\n"
            elif not (heading and width):
                width = width or len(row)
                yield digest(write([*row, *[""] * width][:width]).encode("utf-8", "replace")).hex() + "\n"
            heading = False


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
    sys.exit(main(*sys.argv[1:]))
