"""A backup's file: a compressed tar whose end lists and digests all before it. Torn or altered, it is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from app.errors import Refusal, refuse

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "seal"
BLOCK = 1024 * 1024
# More than any register needs; less than what would fill a machine's memory before it is known to be ours.
MOST_MANIFEST = 256 * BLOCK

Take = Callable[[str, IO[bytes]], None]


class Writer:
    """Adds members one after the other; `close` writes what they must be."""

    def __init__(self, out: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=out, mode="w:gz", compresslevel=4)  # noqa: SIM115 - `close` ends it
        self.members: dict[str, list[Any]] = {}

    def add(self, name: str, stream: IO[bytes], size: int) -> None:
        """Add a member of a known size."""
        counted = _Counted(stream)
        info = tarfile.TarInfo(name)
        info.size = size
        self._tar.addfile(info, counted)
        self.members[name] = [counted.size, counted.digest]

    def close(self, told: dict[str, Any]) -> None:
        """Write the manifest and its seal: without them the file is not whole."""
        manifest = json.dumps({**told, "format": FORMAT, "members": self.members}, ensure_ascii=False).encode()
        for name, data in ((MANIFEST, manifest), (SEAL, hashlib.sha256(manifest).hexdigest().encode())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            self._tar.addfile(info, io.BytesIO(data))
        self._tar.close()


class _Counted:
    """Passes a stream on, counting and hashing."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash, self.size = stream, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def new_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that appears whole, on disk, readable by its owner only, or not at all; an existing one is left alone."""
    if file.exists():
        raise refuse("备份文件", f"{file} 已存在", "请换一个文件名；备份从不覆盖旧文件")
    draft = file.with_name(f".{file.name}.part")
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, file)  # unlike a rename it fails when another backup was quicker
    except FileExistsError as error:
        raise refuse("备份文件", f"{file} 已存在", "请换一个文件名；备份从不覆盖旧文件") from error
    finally:
        draft.unlink(missing_ok=True)


def check(file: Path) -> dict[str, Any]:
    """Read the whole file, compare every digest, and give the manifest."""
    found: dict[str, list[Any]] = {}
    ends: dict[str, bytes] = {}

    def take(name: str, stream: IO[bytes]) -> None:
        if name in found or name in ends or SEAL in ends:
            raise _damaged(f"“{name}”多余或重复")
        if name in (MANIFEST, SEAL):
            ends[name] = stream.read(MOST_MANIFEST)
            return
        counted = _Counted(stream)
        while counted.read(BLOCK):
            pass
        found[name] = [counted.size, counted.digest]

    walk(file, take)
    if set(ends) != {MANIFEST, SEAL}:
        raise _damaged("没有结尾的清单，文件不完整（复制或写入时中断）")
    if hashlib.sha256(ends[MANIFEST]).hexdigest().encode() != ends[SEAL]:
        raise _damaged("清单与校验值不符")
    manifest: dict[str, Any] = json.loads(ends[MANIFEST])
    if manifest.get("format") != FORMAT:
        raise refuse("备份文件", f"格式版本是 {manifest.get('format')}，本程序只认 {FORMAT}", "请用较新的程序恢复")
    listed = manifest["members"]
    wrong = sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))
    if wrong:
        raise _damaged(f"{len(wrong)} 个部分与清单不符，第一个是“{wrong[0]}”")
    return manifest


def walk(file: Path, take: Take) -> None:
    """Hand each member to `take` in the order of the file."""
    try:
        # Unpacked apart from the tar: its own reader would stop before the end and never compare the checksum.
        with gzip.open(file) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is None:
                    raise _damaged(f"“{member.name}”不是普通文件")
                take(member.name, stream)
            while unpacked.read(BLOCK):
                pass
    except FileNotFoundError as error:
        raise refuse("备份文件", f"没有文件 {file}", "请核对路径") from error
    except Refusal:
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise _damaged(f"读到一半出错（{type(error).__name__}）") from error


def digest_of(file: Path) -> str:
    """The file's SHA-256, to be kept apart from it."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _damaged(found: str) -> Refusal:
    return refuse(
        "备份文件", f"不完整、已损坏或被改动：{found}", "没有写入任何数据。请重新复制这个文件，或换用另一份备份"
    )
