"""Where the bytes of files lie, by their digest, and how they go: no row is ever left that points at nothing.

Bytes are put down before the row that needs them is in the database (`attachments.receive`), and the same bytes may be
another row's. Whoever takes that one away can't see the row to come. So of what lies open only what is older than
`DRAFT_LASTS` is ever taken away: whoever puts bytes down, or takes some for a row (`standing`), makes them young, and
has so long for his commit. Open bytes go by the sweep alone: whoever takes their row away makes them young as well, so
that it finds them. What lies sealed is one row's alone, for no two sealings give the same bytes: it goes with its row's
commit, and by the sweep where its process was killed there.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import tempfile
from functools import partial
from pathlib import Path

from sqlalchemy import select

from app import vault
from app.models import Attachment, ClockMark
from app.transaction import AnySession, after_commit

DRAFT_LASTS = dt.timedelta(hours=2)
ASIDE = ".going"
STRAYS_LAST, STRAYS_AT_ONCE = dt.timedelta(days=3), 400
# Up to when all strays have been swept.
MARK = "strays"
_folder: Path | None = None


def use_folder(folder: str | Path) -> None:
    """Say where files are kept; called once by whatever starts the product."""
    global _folder
    _folder = Path(folder)


def _root() -> Path:
    if _folder is None:
        raise RuntimeError("places.use_folder was not called")
    return _folder


def place_of(root: Path, digest: str) -> Path:
    """Where in a folder of files the bytes with this digest are."""
    return root / digest[:2] / digest[2:4] / digest


def file_of(digest: str) -> Path:
    """Where the bytes with this digest are in the folder in use."""
    return place_of(_root(), digest)


def draft_file() -> tuple[int, Path]:
    """A file to be written, on the disk where it will stay."""
    root = _root()
    root.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=root, prefix="draft-")
    return handle, Path(temporary)


def standing(digest: str) -> bool:
    """Whether the bytes are there; if so they are as young as if they had been put down now, and the sweep leaves them.

    For whoever is about to make a row over them, which has `DRAFT_LASTS` for its commit.
    """
    try:
        os.utime(file_of(digest))
    except FileNotFoundError:
        return False
    return True


def forget_bytes(session: AnySession, *digests: str | None) -> None:
    """Let bytes go that no row has any more: what lies sealed with the commit, what lies open by a later sweep.

    All are made young before the commit, and so found by a sweep whatever comes: the process may be killed behind its
    commit, and two who each take away one of two rows over the same bytes each see the other's row.
    """
    for digest in filter(None, digests):
        place = file_of(digest)
        if standing(digest):
            # The sweep looks into folders in which something was done lately.
            os.utime(place.parent)
        same = (Attachment.sha256 == digest) | (Attachment.thumb_sha256 == digest)
        others = select(Attachment.id).where(same).limit(1).execution_options(skip_scope=True)
        if session.scalar(others) is None:
            after_commit(session, partial(_let_go, place))


def _let_go(place: Path) -> None:
    """Take away what lies sealed."""
    try:
        with place.open("rb") as file:
            sealed = vault.is_sealed_file(file.read(40))
    except FileNotFoundError:
        return
    if sealed:
        place.unlink(missing_ok=True)


def _unlink(place: Path, before: float) -> bool:
    """Take a file away unless it was put down, or taken for a row, at `before` or since; whether it is gone.

    It is moved aside first and looked at there: what comes into its place in that very moment stays.
    """
    aside = place.with_name(place.name + ASIDE)
    try:
        if place.stat().st_mtime >= before:
            return False
        place.replace(aside)
        if aside.stat().st_mtime >= before:
            aside.replace(place)
            return False
        aside.unlink()
    except FileNotFoundError:
        # Another one took it.
        return False
    return True


def _put_back(aside: Path) -> None:
    """What somebody moved aside and did not come to take away, young: its like may have come into its place since."""
    try:
        os.utime(aside)
        aside.replace(aside.with_name(aside.name.removesuffix(ASIDE)))
    except FileNotFoundError:
        # He came to it.
        return


def _gone(aside: Path) -> bool:
    """Take away what was moved aside; whether it was there."""
    try:
        aside.unlink()
    except FileNotFoundError:
        return False
    return True


def _written(place: Path) -> float:
    """When it was written or made young, in seconds; of what has gone meanwhile as if it had just been."""
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def forget_drafts(at: dt.datetime) -> int:
    """Drop what a process that was killed had begun to write: it stands open until it is in its place. How many."""
    left = [p for p in _root().glob("draft-*") if _written(p) < (at - DRAFT_LASTS).timestamp()]
    for draft in left:
        draft.unlink(missing_ok=True)
    return len(left)


def forget_strays(session: AnySession, at: dt.datetime) -> int:
    """Drop bytes that no row has: let go, or their process was killed before its commit. Gives how many.

    Only what was kept or let go since the last sweep is looked at, and `STRAYS_LAST` in any case, so that a night costs
    what a night brought, and nothing is passed over where nobody swept for a while. What a killed process had moved
    aside is found however old it is: moving it is something done in its folder.
    """
    mark = session.get(ClockMark, MARK)
    oldest, newest = (at - STRAYS_LAST).timestamp(), (at - DRAFT_LASTS).timestamp()
    if mark is None:
        session.add(ClockMark(name=MARK, at=at))
    else:
        oldest, mark.at = min(oldest, (mark.at - DRAFT_LASTS).timestamp()), at
    folders = [f for f in _root().glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]") if f.stat().st_mtime >= oldest]
    kept = [p for f in folders for p in f.iterdir() if p.name.endswith(ASIDE) or oldest <= _written(p) < newest]
    left = 0
    for start in range(0, len(kept), STRAYS_AT_ONCE):
        some = kept[start : start + STRAYS_AT_ONCE]
        held = _held(session, {place.name.removesuffix(ASIDE) for place in some})
        for place in some:
            if not place.name.endswith(ASIDE):
                left += place.name not in held and _unlink(place, newest)
            elif place.name.removesuffix(ASIDE) in held or _written(place) >= newest:
                _put_back(place)
            else:
                left += _gone(place)
    return left


def _held(session: AnySession, digests: set[str]) -> set[str]:
    """Those of the digests that a row names."""
    found: set[str] = set()
    for column in (Attachment.sha256, Attachment.thumb_sha256):
        statement = select(column).where(column.in_(digests)).execution_options(skip_scope=True)
        found.update(str(digest) for digest in session.scalars(statement))
    return found
