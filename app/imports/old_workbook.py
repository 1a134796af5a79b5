"""What the reading library does not tell of an old workbook's (.xls) first sheet: what failed formulas show (#N/A), for
which it gives blanks, and which rows and columns are hidden.

The file is a small file system of its own (compound file: sectors, chained by tables), in which one stream holds the
workbook as records: two bytes of kind, two of length. Only the records that tell of an error or hide
something are looked into. Every length and link is the file's own word: none is followed twice or beyond the end.
Standard library only, for this runs in the process that reads workbooks (`sheet_reader.py`).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import IO

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END_OF_CHAIN, _LINKS_IN_HEAD, _ENTRY = 0xFFFFFFF0, 109, 128
_STREAM, _ROOT = 2, 5
# Streams shorter than this lie in sectors of 64 bytes within the root's own stream.
_SHORT, _SMALL = 4096, 6
_BOUND_SHEET, _BEGIN, _END, _BOOL_OR_ERROR = 0x85, 0x809, 0x0A, 0x205
_ROW, _COLUMNS = 0x208, 0x7D
_FORMULAS = frozenset((0x06, 0x206, 0x406))
# What no such record is without: most workbooks hold no error, and are gone through once, by the machine.
_MAYBE = re.compile(rb"\x05\x02.{9}[^\x00]|\x06[\x00\x02\x04].{8}\x02.{5}\xff\xff", re.DOTALL)
_ODD, _BIT_6 = (bytes(n for n in range(256) if n & mask) for mask in (1, 0x20))
_MAY_HIDE = re.compile(
    rb"\x08\x02\x10\x00.{12}[" + re.escape(_BIT_6) + rb"]|\x7d\x00[\x0a-\x0c]\x00.{8}[" + re.escape(_ODD) + rb"]",
    re.DOTALL,
)
WORDS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip


class Odd(ValueError):
    """The file is not built as such a file is."""


def read_cells(source: IO[bytes]) -> tuple[dict[int, dict[int, str]], list[int], list[tuple[int, int]]]:
    """By row (from 1) and column (from 0) of the first sheet what its failed formulas show; its hidden rows, in order;
    its hidden columns, first and last."""
    book = _workbook(source.read())
    found: dict[int, dict[int, str]] = {}
    rows: set[int] = set()
    columns: list[tuple[int, int]] = []
    if not _MAYBE.search(book) and not _MAY_HIDE.search(book):
        return found, [], columns
    depth = 0
    for kind, at, size in _records(book, _first_sheet(book)):
        if kind == _BEGIN:
            depth += 1  # a chart within the sheet has cells of its own
        elif kind == _END:
            depth -= 1
            if depth <= 0:
                break
        elif depth == 1 and (code := _code(book, kind, at, size)) is not None:
            row, column = struct.unpack_from("<HH", book, at)
            found.setdefault(row + 1, {})[column] = WORDS.get(code, "#N/A")
        elif depth == 1 and kind == _ROW and size >= 16 and book[at + 12] & 0x20:
            rows.add(struct.unpack_from("<H", book, at)[0] + 1)
        elif depth == 1 and kind == _COLUMNS and size >= 10 and book[at + 8] & 1:
            first, last = struct.unpack_from("<HH", book, at)
            columns.append((first, last))
    return found, sorted(rows), columns


def errors(source: IO[bytes]) -> dict[int, dict[int, str]]:
    """What failed formulas show alone."""
    return read_cells(source)[0]


def _first_sheet(book: bytes) -> int:
    """Where its records begin; the book names its sheets in their order."""
    for kind, at, size in _records(book, 0):
        if kind == _BOUND_SHEET and size >= 4:
            return int(struct.unpack_from("<I", book, at)[0])
    raise Odd("no sheet")


def _code(book: bytes, kind: int, at: int, size: int) -> int | None:
    """The error that a cell holds, or that its formula came to; None where it holds something else."""
    if kind == _BOOL_OR_ERROR and size >= 8 and book[at + 7]:
        return book[at + 6]
    # A result that is no number ends in FFFF and begins with what it is.
    if kind in _FORMULAS and size >= 14 and book[at + 12 : at + 14] == b"\xff\xff" and book[at + 6] == 2:
        return book[at + 8]
    return None


def _records(book: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and size of each record from here on; the caller knows where they end."""
    while at + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, at)
        if at + 4 + size > len(book):
            raise Odd("a record goes beyond the end")
        yield kind, at + 4, size
        at += 4 + size


def _workbook(file: bytes) -> bytes:
    """The stream that holds the workbook, of whichever age."""
    if not file.startswith(SIGNATURE) or len(file) < 512:
        raise Odd("no compound file")
    shift = struct.unpack_from("<H", file, 30)[0]
    if shift not in (9, 12):
        raise Odd("sectors of no known size")
    size = 1 << shift
    sectors = len(file) // size
    at_directory, at_small = struct.unpack_from("<I", file, 48)[0], struct.unpack_from("<I", file, 60)[0]
    table = _numbers(_joined(file, _table_sectors(file, sectors, shift), size))
    directory = _joined(file, _chain(table, at_directory, sectors), size)
    streams: dict[str, tuple[int, int]] = {}
    root = (0, 0)
    for at in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        length, kind = struct.unpack_from("<HB", directory, at + 64)
        begins, held = struct.unpack_from("<II", directory, at + 116)
        if kind == _ROOT:
            root = begins, held
        elif kind == _STREAM:
            name = directory[at : at + min(max(length - 2, 0), 64)].decode("utf-16-le", "replace")
            streams.setdefault(name.lower(), (begins, held))
    begins, held = streams.get("workbook") or streams.get("book") or (0, 0)
    if held >= _SHORT:
        return _joined(file, _chain(table, begins, sectors), size)[:held]
    small = _numbers(_joined(file, _chain(table, at_small, sectors), size))
    within = _joined(file, _chain(table, root[0], sectors), size)[: root[1]]
    return b"".join(within[n << _SMALL : (n + 1) << _SMALL] for n in _chain(small, begins, len(small)))[:held]


def _table_sectors(file: bytes, sectors: int, shift: int) -> list[int]:
    """The sectors that hold the table of links: the first are named in the head, the others in sectors of their own."""
    size = 1 << shift
    found = list(struct.unpack_from(f"<{_LINKS_IN_HEAD}I", file, 76))
    following = struct.unpack_from("<I", file, 68)[0]
    for _ in range(sectors):
        if following >= sectors:
            break
        *more, following = _numbers(_sector(file, following, size))
        found.extend(more)
    return [n for n in found if n < sectors]


def _chain(table: tuple[int, ...], first: int, most: int) -> Iterator[int]:
    """The sectors of a stream in their order; one that never ends is cut where the file would."""
    for _ in range(most):
        if first >= min(len(table), _END_OF_CHAIN):
            return
        yield first
        first = table[first]


def _sector(file: bytes, number: int, size: int) -> bytes:
    return file[(number + 1) * size : (number + 2) * size]


def _joined(file: bytes, numbers: Iterator[int] | list[int], size: int) -> bytes:
    return b"".join(_sector(file, number, size) for number in numbers)


def _numbers(block: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4])
