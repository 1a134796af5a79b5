"""Looking for malware: one function, `scan`, over whatever this installation has: clamd by TCP or socket, a command.

Without one configured nothing is scanned. What can't be asked now answers `DOWN`; what becomes of the file then is
`when_down`: `wait` keeps it closed until it was scanned (the default), `refuse` takes no file, `pass` opens it at once.
"""

from __future__ import annotations

import shlex
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from app.wording import say

CLEAN, INFECTED, DOWN = "clean", "infected", "down"
WHEN_DOWN = ("wait", "refuse", "pass")
CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 20.0
# Besides the answer's time, for each megabyte that is sent: whoever takes it more slowly is down.
MEGABYTE_SECONDS = 1.0
_CHUNK, _MEGABYTE = 64 * 1024, 1024 * 1024
_url, when_down = "", "wait"


@dataclass(frozen=True, slots=True)
class Verdict:
    """clean, infected (with the signature's name) or down (with why)."""

    state: str
    told: str = ""


def use(settings: dict[str, Any]) -> None:
    """Take the configured scanner: `clamd://host:3310`, `clamd:///run/clamd.sock`, `command:clamscan --no-summary`."""
    global _url, when_down
    url = str(settings.get("SCANNER_URL") or "").strip()
    if url and not url.startswith(("clamd://", "command:")):
        raise RuntimeError("SCANNER_URL 应为 clamd://主机:端口、clamd:///套接字路径 或 command:命令")
    chosen = str(settings.get("SCANNER_WHEN_DOWN") or "wait")
    if chosen not in WHEN_DOWN:
        raise RuntimeError("SCANNER_WHEN_DOWN 应为 wait、refuse 或 pass")
    _url, when_down = url, chosen


def is_on() -> bool:
    return bool(_url)


def scan(file: Path) -> Verdict:
    """Have one file looked at; never raises for what the scanner does."""
    try:
        if _url.startswith("command:"):
            return _by_command(shlex.split(_url.removeprefix("command:")), file)
        with file.open("rb") as stream:
            return _by_clamd(stream)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Verdict(DOWN, f"{type(error).__name__}: {error}"[:200])


def answers() -> bool:
    """Whether it answers at all, for a few harmless bytes: what it had no answer for before was that file then."""
    with tempfile.NamedTemporaryFile() as little:
        little.write(b"harmless")
        little.flush()
        return scan(Path(little.name)).state == CLEAN


def _by_clamd(stream: IO[bytes]) -> Verdict:
    """clamd's INSTREAM: pieces with their length in front, an empty one at the end, one line back."""
    with _connected() as line:
        ends, sent = time.monotonic() + ANSWER_SECONDS, 0

        def within() -> None:
            """A socket's own timeout begins anew with every byte."""
            left = ends + sent / _MEGABYTE * MEGABYTE_SECONDS - time.monotonic()
            if left <= 0:
                raise TimeoutError("no whole answer in time")
            line.settimeout(left)

        line.sendall(b"zINSTREAM\0")
        while piece := stream.read(_CHUNK):
            within()
            line.sendall(struct.pack("!I", len(piece)) + piece)
            sent += len(piece)
        line.sendall(struct.pack("!I", 0))
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < 4096:
            within()
            part = line.recv(1024)
            if not part:
                break
            answer += part
    said = _text(answer.rstrip(b"\0\n"))
    if said.endswith(" OK"):
        return Verdict(CLEAN)
    if said.endswith(" FOUND"):
        return Verdict(INFECTED, said.removesuffix(" FOUND").partition(": ")[2][:80])
    return Verdict(DOWN, said[:200] or "没有回答")


def _connected() -> socket.socket:
    place = urlsplit(_url)
    if place.hostname:
        line = socket.create_connection((place.hostname, place.port or 3310), CONNECT_SECONDS)
    else:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(CONNECT_SECONDS)
        try:
            line.connect(place.path)
        except OSError:
            line.close()
            raise
    line.settimeout(ANSWER_SECONDS)
    return line


def _by_command(command: list[str], file: Path) -> Verdict:
    """The file's place is the last argument; 0 is clean, 1 infected, as clamscan and most others answer."""
    done = subprocess.run(
        [*command, str(file)], capture_output=True, timeout=ANSWER_SECONDS, stdin=subprocess.DEVNULL, check=False
    )
    said = _text(done.stdout).strip()
    if done.returncode == 0:
        return Verdict(CLEAN)
    if done.returncode == 1:
        told = next((part for part in said.splitlines() if part.endswith("FOUND")), said)
        return Verdict(INFECTED, told.removesuffix("FOUND").rpartition(": ")[2].strip()[:80])
    return Verdict(DOWN, say("退出码 %(returncode)s", returncode=done.returncode))


def _text(said: bytes) -> str:
    """As far as a database keeps it: an infected file's audit must not fail over the name of what is in it."""
    return said.decode("utf-8", "replace").replace("\0", "\ufffd")
