"""Starting, watching and stopping: real processes that stand in for web, worker and beat."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.supervisor import CannotStart, Child, Place, Supervisor
from tests.services import free_port, gone

# Notes every start in starts.txt, finishes its work on SIGTERM like a worker with a task at hand.
WORKER = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
with (folder / "starts.txt").open("a") as out: out.write("x")
def finish(*_):
    time.sleep(float(sys.argv[2])); (folder / "finished.txt").write_text("yes"); sys.exit(0)
signal.signal(signal.SIGTERM, finish)
(folder / "ready.txt").write_text("yes")
while True: time.sleep(0.05)
"""
SUPERVISOR = """
import sys
from pathlib import Path
from app import supervisor
place = supervisor.Place("127.0.0.1", int(sys.argv[2]), Path(sys.argv[1]))
made = supervisor.Supervisor(place)
made._prepare = lambda: None
command = [sys.executable, "-c", sys.argv[3], sys.argv[1], sys.argv[4]]
made.children = [supervisor.Child("worker", command, place.data / "log" / "worker.log")]
sys.exit(made.run())
"""


def within(seconds: float, holds: Callable[[], object]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def start(folder: Path, work_seconds: float) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(folder), str(free_port()), WORKER, str(work_seconds)],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert within(30, (folder / "ready.txt").exists)
    return process


def place(folder: Path, port: int = 0) -> Place:
    return Place("127.0.0.1", port or free_port(), folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_running_work_finish(tmp_path: Path, number: int) -> None:
    process = start(tmp_path, 1)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert (tmp_path / "finished.txt").exists()


def test_a_second_stop_does_not_wait(tmp_path: Path) -> None:
    process = start(tmp_path, 600)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert "正在停止" in process.stdout.readline() + process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 1
    assert not (tmp_path / "finished.txt").exists()


def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    process = start(tmp_path, 0)
    process.kill()
    process.communicate(timeout=30)
    assert within(30, (tmp_path / "finished.txt").exists)


def test_a_crashed_child_is_started_again_ever_more_slowly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child("worker", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    waits = []
    # However slow this machine is.
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    child.start(dict(os.environ))
    for _ in range(4):
        assert child.process is not None
        child.process.wait(timeout=30)
        child.watch(dict(os.environ))
        waits.append(max(0.0, child.again_at - 1000))
        child.again_at = 0
        child.watch(dict(os.environ))
    assert waits == [0, 1, 2, 4]
    assert "worker 意外退出（3）" in capsys.readouterr().out
    child.process.wait(timeout=30)


def test_a_taken_port_is_said_before_anything_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"不能监听 127\.0\.0\.1:{port}.*PORT=\d+ make run"):
            Supervisor(place(tmp_path, port)).run()
    assert [p.name for p in tmp_path.iterdir()] == ["run.lock"]


def test_one_data_folder_is_used_by_one(tmp_path: Path) -> None:
    first, second = Supervisor(place(tmp_path)), Supervisor(place(tmp_path))
    with first._alone(), pytest.raises(CannotStart, match="正被另一个进程使用"), second._alone():
        pass
    with second._alone():
        pass


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "８０８０", "80 80"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(CannotStart, match="不是端口号"):
        Place.from_environment()


def test_a_failing_preparation_shows_why(tmp_path: Path) -> None:
    failing = Supervisor(place(tmp_path))
    failing.environment["FLASK_APP"] = "no_such_file.py"
    with pytest.raises(CannotStart, match=r"(?s)flask db upgrade 失败.*setup\.log.*no_such_file"):
        failing._flask("db", "upgrade")


def test_gone_knows_a_living_process() -> None:
    assert not gone(os.getppid())
