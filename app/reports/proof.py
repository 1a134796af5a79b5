"""Proving an exported file (RPR-01): it is what the product wrote, and running the export again gives the same.

A .csv is proved by its bytes. An .xlsx names its table's digest on the sheet 说明, and is as it was written only if
its bytes are: whoever saves it again, changed or not, has another file, and the run now says which of the two it is.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
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
# What a reading process may say, by how large the file is.
LEAST_READ, READ_A_BYTE = 16 * 1024 * 1024, 25
# The label of the digest on the sheet 说明, of a table and of the statistical workbook's figures.
DIGEST_LABELS = (tables.DIGEST_LABEL, "数字摘要 SHA-256")
Find = Callable[[Any, str], ExportRecord | None]


@dataclass(frozen=True, slots=True)
class Held:
    """What a file holds: the digest that names its export, that of its bytes, its lines, its note."""

    sha256: str
    file: str
    lines: Counter[str]
    note: dict[str, str]
    format: str

    @property
    def rows(self) -> int:
        return max(self.lines.total() - 1, 0)


def read(path: Path) -> Held:
    """A .csv or .xlsx of ours; what can't be read is refused in words."""
    raw = path.read_bytes()
    if raw[:2] == b"PK":
        return _workbook(path)
    digest = hashlib.sha256(raw).hexdigest()
    try:
        lines = Counter(raw.decode("utf-8-sig").split("\r\n"))
    except UnicodeDecodeError as error:
        found = "既不是本平台导出的 .csv，也不是 .xlsx"
        raise refuse("导出文件", found, "请选择导出时得到的原文件", field="file") from error
    lines.pop("", None)
    return Held(digest, digest, lines, {}, "csv")


def _workbook(path: Path) -> Held:
    """Read by a process of its own, which a cell far out or a shared text of gigabytes ends instead of this one."""
    asked = [sys.executable, "-I", proof_reader.__file__, str(path)]
    with subprocess.Popen(
        asked, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            note, lines = _sheets(process.stdout, LEAST_READ + READ_A_BYTE * path.stat().st_size)
        except ValueError:
            # It says too much, or ended in the middle of a line.
            process.kill()
    if process.returncode:
        raise refuse("导出文件", "不是能打开的工作簿", "请选择导出时得到的原文件", field="file")
    claimed = next((text for label in DIGEST_LABELS if (text := _noted(note, label))), "")
    if not claimed or not lines:
        raise refuse("导出文件", "没有“说明”表，或其中没有表格摘要", "请选择本平台导出的原文件", field="file")
    return Held(claimed, exports.digest_of(path), lines, note, "xlsx")


def _noted(note: dict[str, str], label: str) -> str | None:
    return next((note[words] for words in everywhere(label) if words in note), None)


def _sheets(told: IO[bytes], most: int) -> tuple[dict[str, str], Counter[str]]:
    """What the sheet 说明 says, in whichever language the file was given out, and the rows of all others, the heading
    once; ValueError where more than `most` bytes are told, or what is no line of JSON."""
    names, note, lines = set(everywhere(tables.NOTE_SHEET)), dict[str, str](), Counter[str]()
    width, noting, heading = 0, False, False
    for line in told:
        most -= len(line)
        if most < 0:
            raise ValueError(most)
        row = json.loads(line)
        if isinstance(row, str):
            noting, heading = row in names, True
        elif noting:
            if len(row) > 1:
                note[row[0]] = row[1]
        elif heading and width:
            heading = False
        else:
            width, heading = width or len(row), False
            lines[json.dumps([*row, *[""] * width][:width], ensure_ascii=False)] += 1
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
    return Difference((now.lines - file.lines).total(), (file.lines - now.lines).total())


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
        return Held(digest, digest, Counter(), {}, record.format), record
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
    if _noted(held.note, "行数") != str(record.rows):
        wrong.append("行数")
    if _noted(held.note, "政策版本") != record.policy:
        wrong.append("政策版本")
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
