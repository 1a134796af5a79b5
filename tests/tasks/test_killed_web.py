"""kill -9 of the web in mid-upload of a large workbook: no half batch, nothing left, and it can be sent again."""

from __future__ import annotations

import datetime as dt
import http.cookiejar
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import select, text

from app.models import Attachment, ImportBatch, Job
from app.transaction import transaction
from app.workflows.files import attachments, places
from tests.databases import ROOT
from tests.factories import PASSWORD
from tests.services import end_process, free_port
from tests.tasks.test_broker import environment, within

__all__ = ["environment"]
# Where in the upload the processes die: how much of it was sent, and what is then waited for on the disk.
MOMENTS: dict[str, tuple[float, Callable[[Path], bool]]] = {
    "half of it sent": (0.5, lambda _files: True),
    "being written": (1.0, lambda files: any(files.glob("draft-*"))),
    "put in its place": (1.0, lambda files: any(p.is_file() for p in files.glob("??/**/*"))),
}


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    """A workbook of elevators of about eight megabytes, most of them text that does not compress."""
    path = tmp_path / "登记.xlsx"
    dice = random.Random(3)
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["识别码", "品种", "地址", "所在地区", "备注"])
    for row in range(1, 1200):
        note = dice.randbytes(6000).hex()
        sheet.write_row(row, 0, [f"81{row:05d}", "自动扶梯", f"澜江路 {row} 号", "临河区", note])
    book.close()
    assert 7_000_000 < path.stat().st_size < 10_000_000
    return path


@contextmanager
def web(environment: dict[str, str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The product's web processes as they are run: gunicorn with the product's own settings."""
    port = free_port()
    log = Path(environment["DATA_DIR"]) / "web.log"
    command = ["-m", "gunicorn", "run:app", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment | {"WEB_WORKERS": "1"}, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        assert within(lambda: _answers(port)), log.read_text()
        yield port, process
    finally:
        if process.poll() is None:
            end_process(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=30) as answer:
        return int(answer.status) == 200
    return False


def _token(page: bytes) -> str:
    found = re.search(rb'name="csrf[-_]token"[^>]*(?:value|content)="([^"]+)"', page)
    assert found
    return found[1].decode()


def signed_in(port: int, account: Any) -> tuple[str, str]:
    """The cookies and the form's token of somebody who stands before the wizard."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"http://127.0.0.1:{port}"
    token = _token(browser.open(f"{address}/login/").read())
    form = {"username": account, "password": PASSWORD, "csrf_token": token}
    browser.open(f"{address}/login/", urllib.parse.urlencode(form).encode())
    token = _token(browser.open(f"{address}/imports/").read())
    return "; ".join(f"{c.name}={c.value}" for c in jar), token


def request(port: int, cookies: str, token: str, file: Path) -> bytes:
    """The upload as a browser sends it."""
    mark = "----the-part"
    fields = {"csrf_token": token, "kind": "elevators", "mode": "both"}
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n")  # fmt: skip
    body = "".join(parts).encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    head = (
        f"POST /imports/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookies}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={mark}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def killed(process: subprocess.Popen[bytes]) -> None:
    """Master and workers at once, as in a power cut."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


@pytest.mark.feature("IMP-01")
def test_a_killed_upload_leaves_nothing_and_is_sent_again(
    environment: dict[str, str], session: Any, world: Any, workbook: Path, tmp_path: Path, app: Any, db_kind: str
) -> None:
    account, files = world.accounts["clerk"].username, tmp_path / "files"
    session.rollback()
    for moment, (share, there) in MOMENTS.items():
        with web(environment | {"UPLOAD_DIR": str(files)}) as (port, process):
            sent = request(port, *signed_in(port, account), workbook)
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(sent[: int(len(sent) * share)])
                end = time.monotonic() + 30
                while not there(files) and time.monotonic() < end:
                    time.sleep(0.0005)
                killed(process)
        assert db_kind != "postgresql" or within(lambda: nothing_left_open(session)), "the server gave up its part"
        whole = whole_batches(session)
        assert not whole or moment == "put in its place", "the last moment may come too late: then it is there whole"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)  # files are as old as the machine says
    with app.app_context():
        attachments.use_folder(str(files))
        try:
            places.forget_drafts(later)
            with transaction(session):
                places.forget_strays(session, later)
        finally:
            attachments.use_folder(app.config["UPLOAD_DIR"])
    assert len([p for p in files.rglob("*") if p.is_file()]) == whole, "swept: only what a row stands for"

    with web(environment | {"UPLOAD_DIR": str(files)}) as (port, _process):
        sent = request(port, *signed_in(port, account), workbook)
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(sent)
            assert b" 302 " in line.makefile("rb").readline()
    assert whole_batches(session) == whole + 1


def nothing_left_open(session: Any) -> bool:
    """On PostgreSQL: no connection of the dead is in a transaction any more, so nobody waits for its locks."""
    statement = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND (xact_start IS NOT NULL OR backend_xid IS NOT NULL)"
    )
    left = session.scalar(statement)
    session.rollback()
    return bool(left == 0)


def whole_batches(session: Any) -> int:
    """How many batches there are; each has its file and its job, and no file is without one."""
    session.rollback()
    batches = session.scalars(select(ImportBatch)).all()
    for batch in batches:
        kept, job = session.get(Attachment, batch.attachment_id), session.get(Job, batch.job_id)
        assert kept is not None and job is not None and batch.state == "checking"
    assert len(session.scalars(select(Attachment)).all()) == len(batches)
    session.rollback()
    return len(batches)
