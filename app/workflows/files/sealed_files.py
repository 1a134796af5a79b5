"""Files that lie sealed on the disk (`app/vault.py`) and so go with their row at once: pictures of faces, of accounts
and of papers that hold an ID number, workbooks that came to be imported, exports that wait to be fetched."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from app import vault

# By kind of attachment; of other kinds no file is sealed, whatever its first bytes say.
KINDS = {"avatar", "face", "selfie", "identity", "operator", "grade", "insurance", "import", "export"}
_HEAD = 40


def seal(draft: Path, kind: str) -> tuple[Path, str]:
    """The draft sealed, and the digest of what it has become: the file's name tells nothing of its content."""
    sealed = draft.with_name(draft.name + ".sealed")
    try:
        with draft.open("rb") as source, sealed.open("w+b") as out:
            vault.seal_stream(source, out, _context(kind))
            out.flush()
            os.fsync(out.fileno())
            out.seek(0)
            digest = hashlib.file_digest(out, "sha256").hexdigest()
    except BaseException:
        sealed.unlink(missing_ok=True)
        raise
    finally:
        draft.unlink(missing_ok=True)
    return sealed, digest


def opened(place: Path, kind: str) -> IO[bytes]:
    """The file as it was uploaded; the caller closes it. Unreadable where its key is missing."""
    file = place.open("rb")
    if not _is_sealed(file, kind):
        return file
    return cast(IO[bytes], io.BufferedReader(vault.SealedReader(file, _context(kind)), vault.BLOCK))


@contextmanager
def in_the_open(place: Path, kind: str) -> Iterator[Path]:
    """The file as it was uploaded, for a program that takes a path; what was opened for it is gone afterwards."""
    with opened(place, kind) as source:
        if not isinstance(source, io.BufferedReader) or not isinstance(source.raw, vault.SealedReader):
            yield place
            return
        with tempfile.NamedTemporaryFile(dir=place.parents[2], prefix="draft-") as plain:
            shutil.copyfileobj(source, plain)
            plain.flush()
            yield Path(plain.name)


def key_name(place: Path, kind: str) -> str:
    """The short name of the key that sealed a file; nothing where it stands open or is gone."""
    if not place.is_file():
        return ""
    with place.open("rb") as file:
        return vault.file_key_name(file.read(_HEAD)) if _is_sealed(file, kind) else ""


def _context(kind: str) -> str:
    return f"attachment.{kind}"


def _is_sealed(file: IO[bytes], kind: str) -> bool:
    head = file.read(_HEAD)
    file.seek(0)
    return kind in KINDS and vault.is_sealed_file(head)
