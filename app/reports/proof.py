"""Proving an exported file (RPR-01): it is what the product wrote, and running the export again gives the same.

A .csv is proved by its bytes. An .xlsx names its table's digest on the sheet 说明, and is as it was written only if
its bytes are: whoever saves it again, changed or not, has another file, and the run now says which of the two it is.
"""

from __future__ import annotations

import codecs
import json
import subprocess
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from app.errors import Refusal, refuse
from app.listing import moment
from app.listings import kinds
from app.models import ExportRecord
from app.permissions import Actor
from app.reports import exports, given_out, proof_reader, tables
from app.scratch import scratch
from app.telling import everywhere, speaking

# Before the name of a list that only the command line exports.
KIND = "kind:"
# So many lines a reading process may tell, by how large the file is; rows of one word take a third of a byte in ours.
LEAST_LINES, LINES_A_BYTE = 3_000_000, 5
# So many digests of a part are kept before those that are alike are joined.
LEAST_ROOM = 4096
# So much of a .csv is looked at at once.
BLOCK = 256 * 1024
# The label of the digest on the sheet 说明, of a table and of the statistical workbook's figures.
DIGEST_LABELS = (tables.DIGEST_LABEL, "数字摘要 SHA-256")
ROWS_LABEL, POLICY_LABEL = "行数", "政策版本"
_BOM = b"\xef\xbb\xbf"
Find = Callable[[Any, str], ExportRecord | None]


class Lines:
    """How often a file has each line, whatever the order: 20 bytes for each that differs, however much it says."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        # By a digest's first byte: what is made of a part is small, however large the file.
        self._parts = [_Part() for _ in range(256)]

    def add(self, digest: bytes, count: int = 1) -> None:
        self._parts[digest[0]].add(digest, count)

    def total(self) -> int:
        return sum(sum(part.counts) for part in self._parts)

    def beyond(self, others: Lines) -> int:
        """How many of these the others have not, each as often as it occurs."""
        pairs = zip(self._parts, others._parts, strict=True)
        return sum((own.counted() - other.counted()).total() for own, other in pairs)


class _Part:
    """Digests one after the other, and how often each occurs; one that comes again is joined to the first now and then,
    whenever there are twice as many as were left by then."""

    __slots__ = ("counts", "digests", "room")

    def __init__(self) -> None:
        self.digests, self.counts, self.room = bytearray(), array("I"), LEAST_ROOM

    def add(self, digest: bytes, count: int) -> None:
        self.digests += digest
        self.counts.append(count)
        if len(self.counts) > self.room:
            found = self.counted()
            self.digests, self.counts = bytearray(b"".join(found)), array("I", found.values())
            self.room = max(LEAST_ROOM, 2 * len(found))

    def counted(self) -> Counter[bytes]:
        found, size = Counter[bytes](), proof_reader.DIGEST_BYTES
        for n, count in enumerate(self.counts):
            found[bytes(self.digests[n * size : (n + 1) * size])] += count
        return found


@dataclass(frozen=True, slots=True)
class Held:
    """What a file holds: the digest that names its export, that of its bytes, its lines, its note."""

    sha256: str
    file: str
    lines: Lines
    note: dict[str, str]
    format: str

    @property
    def rows(self) -> int:
        return max(self.lines.total() - 1, 0)


def read(path: Path) -> Held:
    """A .csv or .xlsx of ours; what can't be read is refused in words."""
    with path.open("rb") as file:
        start = file.read(len(_BOM))
        if start[:2] == b"PK":
            return _workbook(path)
        file.seek(len(_BOM) if start == _BOM else 0)
        lines = Lines()
        try:
            for some in _csv_lines(file):
                for line, count in some.items():
                    lines.add(proof_reader.digest(line), count)
        except UnicodeDecodeError as error:
            found = "既不是本平台导出的 .csv，也不是 .xlsx"
            raise refuse("导出文件", found, "请选择导出时得到的原文件", field="file") from error
    digest = exports.digest_of(path)
    return Held(digest, digest, lines, {}, "csv")


def _csv_lines(file: IO[bytes]) -> Iterator[Counter[bytes]]:
    """What ends with CR LF, as ours do, some at a time, but for empty ones; UnicodeDecodeError where it is no text."""
    text, rest = codecs.getincrementaldecoder("utf-8")(), b""
    # At least as much as is left, so that a line without an end is not copied for every block of it.
    while block := file.read(max(BLOCK, len(rest))):
        text.decode(block)
        *lines, rest = (rest + block).split(b"\r\n")
        found = Counter(lines)
        found.pop(b"", None)
        yield found
    text.decode(b"", final=True)
    if rest:
        yield Counter([rest])


def _workbook(path: Path) -> Held:
    """Read by a process of its own, which a cell far out or a shared text of gigabytes ends instead of this one."""
    labels = [words for label in (*DIGEST_LABELS, ROWS_LABEL, POLICY_LABEL) for words in everywhere(label)]
    asked = json.dumps({"notes": everywhere(tables.NOTE_SHEET), "labels": labels})
    with subprocess.Popen(
        [sys.executable, "-I", proof_reader.__file__, str(path), asked],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            note, lines = _told(process.stdout, LEAST_LINES + LINES_A_BYTE * path.stat().st_size)
        except ValueError:
            # It says too much, or ended in the middle of a line.
            process.kill()
    if process.returncode:
        raise refuse("导出文件", "不是能打开的工作簿", "请选择导出时得到的原文件", field="file")
    claimed = next((text for label in DIGEST_LABELS if (text := _noted(note, label))), "")
    if not claimed or not lines.total():
        raise refuse("导出文件", "没有“说明”表，或其中没有表格摘要", "请选择本平台导出的原文件", field="file")
    return Held(claimed, exports.digest_of(path), lines, note, "xlsx")


def _noted(note: dict[str, str], label: str) -> str | None:
    return next((note[words] for words in everywhere(label) if words in note), None)


def _told(told: IO[bytes], most: int) -> tuple[dict[str, str], Lines]:
    """What was asked for of the note, and the rows; ValueError where more than `most` lines are told, or half a one."""
    note, lines = dict[str, str](), Lines()
    for line in told:
        most -= 1
        if most < 0:
            raise ValueError(most)
        if line.startswith(b"["):
            label, text = json.loads(line)
            note[label] = text
            continue
        digest = bytes.fromhex(line.decode())
        if len(digest) != proof_reader.DIGEST_BYTES:
            raise ValueError(line)
        lines.add(digest)
    return note, lines


@dataclass(frozen=True, slots=True)
class Difference:
    """How a run now differs from the file: lines that only one of them has."""

    only_now: int
    only_file: int

    @property
    def same(self) -> bool:
        return not (self.only_now or self.only_file)


def difference(file: Held, now: Held) -> Difference:
    """By lines as a whole; the order is part of the digest, not of this."""
    only_now = now.lines.beyond(file.lines)
    # What both have is as much of the one as of the other.
    return Difference(only_now, file.lines.total() - (now.lines.total() - only_now))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file proved: the record of its export, whether it is as written, how a run now compares.

    `now` is None where the asker may not run the export again, or it can't be run any more; `same` says that the run
    now has the very digest.
    """

    record: ExportRecord | None
    intact: bool
    rows: int
    changed: tuple[str, ...] = ()
    now: Difference | None = None
    same: bool = False

    def as_dict(self) -> dict[str, Any]:
        found = self.record
        return {
            "known": found is not None, "intact": self.intact, "rows": self.rows, "changed": list(self.changed),
            "same_now": self.same, "only_now": self.now.only_now if self.now else None,
            "only_file": self.now.only_file if self.now else None,
            **({} if found is None else {
                "listing": found.listing, "filter": found.filter, "as_of": found.as_of.isoformat(),
                "policy": found.policy, "sha256": found.sha256, "made_at": found.made_at.isoformat(),
            }),
        }  # fmt: skip


def identify(session: Any, path: Path, find: Find, find_file: Find | None = None) -> tuple[Held, ExportRecord | None]:
    """A file and the record of its export; what is neither a table nor a workbook is known by its bytes alone."""
    try:
        held = read(path)
    except Refusal:
        digest = exports.digest_of(path)
        record = find_file(session, digest) if find_file is not None else None
        if record is None:
            raise
        return Held(digest, digest, Lines(), {}, record.format), record
    return held, find(session, held.sha256)


def prove(
    session: Any, path: Path, find: Find, maker: Actor | None, find_file: Find | None = None
) -> Verdict:
    """Compare a file with the record of its export, and with the same export run now in its maker's name."""
    held, record = identify(session, path, find, find_file)
    if record is None:
        return Verdict(None, False, held.rows)
    changed = _changed(held, record)
    if maker is None:
        return Verdict(record, not changed, held.rows, changed)
    try:
        now = again(session, maker, record, held.format)
    except Refusal:
        return Verdict(record, not changed, held.rows, changed)
    return Verdict(record, not changed, held.rows, changed, difference(held, now), now.sha256 == record.sha256)


def _changed(held: Held, record: ExportRecord) -> tuple[str, ...]:
    """What a workbook says otherwise than was written; a .csv that is found is whole by its digest."""
    if held.format != "xlsx":
        return ()
    wrong = [] if held.file == record.file else ["文件（改动过，或另存过）"]
    if _noted(held.note, ROWS_LABEL) != str(record.rows):
        wrong.append(ROWS_LABEL)
    if _noted(held.note, POLICY_LABEL) != record.policy:
        wrong.append(POLICY_LABEL)
    return tuple(wrong)


def again(session: Any, maker: Actor, record: ExportRecord, fmt: str) -> Held:
    """Run an export once more: the same list, conditions and columns, in the maker's scope as it is now."""
    wanted = exports.Wanted(record.listing.removeprefix(KIND), record.query, ",".join(record.columns), fmt)
    with scratch("proof") as folder, speaking(record.language):
        path = folder / f"again.{fmt}"
        now = moment(session, maker)
        if not record.listing.startswith(KIND) and record.listing not in exports.names():
            given_out.again(session, maker, record, path, fmt)
            return read(path)
        if record.listing.startswith(KIND):
            region = exports.arguments(wanted).get("f_region")
            listing = kinds.kind(session, wanted.listing, region)
        else:
            listing = exports.listing_of(wanted.listing)
        listing = exports.chosen(listing, wanted, maker)
        exports.export(now, listing, exports.read(listing, wanted), path, fmt, forget=True)
        return read(path)
