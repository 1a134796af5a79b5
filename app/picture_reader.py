"""Reading the text of a picture: one function, `words_of`, over the program that this installation has, or none.

An optional part: `PICTURE_READER=auto` takes Tesseract with its simplified Chinese, where it is installed; `off` never
looks; anything else is the program's path. It runs on its own, in bounded time and memory, and is given a picture that
was decoded and written anew before.
"""

from __future__ import annotations

import logging
import resource
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from app.rules.licence_text import Word

log = logging.getLogger(__name__)
SECONDS, MEMORY, MOST_ANSWER = 40, 1536 * 1024 * 1024, 4 * 1024 * 1024
LANGUAGE = "chi_sim"
# One picture at a time in each process: a few at once would take every thread that serves pages, for as long as each
# may take, and the page behind the code is one of them.
_turn = BoundedSemaphore(1)
_chosen = "auto"


def use(settings: dict[str, Any]) -> None:
    """Take what is configured."""
    global _chosen
    _chosen = str(settings.get("PICTURE_READER") or "auto").strip()
    _program.cache_clear()


def is_on() -> bool:
    """Whether pictures can be read here."""
    return _program() is not None


def words_of(picture: Path) -> list[Word] | None:
    """The words with their boxes; None where the program can't be had, reads another one, gave up or took too long."""
    program = _program()
    if program is None or not _turn.acquire(blocking=False):
        return None
    try:
        return _read(program, picture)
    finally:
        _turn.release()


def _read(program: str, picture: Path) -> list[Word] | None:
    command = [program, str(picture), "-", "-l", LANGUAGE, "--psm", "3", "tsv"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False,
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, preexec_fn=_bounded,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("picture reader failed: %s", type(error).__name__)
        return None
    if done.returncode != 0:
        log.warning("picture reader answered %s", done.returncode)
        return None
    return _words(done.stdout[:MOST_ANSWER].decode("utf-8", "replace"))


def _words(table: str) -> list[Word]:
    """Lines of 12 columns; level 5 is a word: …, left, top, width, height, how sure, text."""
    found = []
    for line in table.splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) != 12 or cells[0] != "5" or not cells[11].strip():
            continue
        try:
            left, top, width, height, _sure = (float(cell) for cell in cells[6:11])
        except ValueError:
            continue
        # Unsure ones too: a guess that stands out is sooner mended than a letter that is missing.
        found.append(Word(cells[11], left, top, width, height))
    return found


@lru_cache(maxsize=1)
def _program() -> str | None:
    if _chosen == "off":
        return None
    program = shutil.which("tesseract" if _chosen == "auto" else _chosen)
    if program is None:
        if _chosen != "auto":
            log.warning("PICTURE_READER names no program: %s", _chosen)
        return None
    try:
        listed = subprocess.run(
            [program, "--list-langs"], capture_output=True, timeout=10, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return program if LANGUAGE in listed.stdout.decode("utf-8", "replace").split() else None


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
