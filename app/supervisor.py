"""`python run.py`: web, workers and beat as one thing that starts, is watched and stops cleanly.

Loads nothing of the application, so that it survives whatever breaks there. SIGTERM goes to the parents
only: gunicorn then finishes its requests and celery its running tasks, which a signal to the whole group would kill.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 60
HEALTHY_WITHIN_SECONDS = 180
MAX_BACK_OFF_SECONDS = 30
STEADY_SECONDS = 60
LOG_BYTES = 20 * 1024 * 1024


class Stopped(Exception):
    """Someone asked to stop while the product was still starting."""


class CannotStart(Exception):
    """The product can't start; the text says why and what to do."""


def say(text: str = "") -> None:
    print(text, flush=True)


@dataclass
class Place:
    """Where the product listens and keeps its data."""

    host: str
    port: int
    data: Path

    @classmethod
    def from_environment(cls) -> Place:
        text = os.environ.get("PORT") or "8080"
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise CannotStart(f"PORT={text} 不是端口号（1–65535），例如 PORT=8090 make run")
        data = Path(os.environ.get("DATA_DIR") or ROOT / "instance").resolve()
        return cls(os.environ.get("HOST") or "127.0.0.1", int(text), data)

    @property
    def bind(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local_host(self) -> str:
        """Where this machine itself reaches a server bound to `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def address(self) -> str:
        host = self.local_host
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"


@dataclass
class Child:
    """One of the processes, with what is needed to start it again."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    again_at: float = field(default=0.0)

    def start(self, environment: dict[str, str]) -> None:
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        self.started = time.monotonic()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def watch(self, environment: dict[str, str]) -> None:
        """Start a crashed child again: at once, then after 1, 2, 4 … seconds while it keeps crashing."""
        instant = time.monotonic()
        if self.running:
            return
        if self.process is not None:
            if instant - self.started > STEADY_SECONDS:
                self.crashes = 0
            wait = min(MAX_BACK_OFF_SECONDS, 2 ** (self.crashes - 1)) if self.crashes else 0
            self.crashes += 1
            say(f"· {self.name} 意外退出（{self.process.returncode}），{wait} 秒后重启，详见 {self.log}")
            self.process, self.again_at = None, instant + wait
        if instant >= self.again_at:
            self.start(environment)


def end_with_parent() -> None:
    """Ask Linux for SIGTERM when the supervisor dies, even by kill -9: nothing is left behind holding the port."""
    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def open_log(path: Path) -> IO[bytes]:
    """Append to a log; a large one is put aside first, one generation kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def commands(place: Place) -> dict[str, Sequence[str]]:
    python, queue = sys.executable, place.data / "queue"
    celery = [python, "-m", "celery", "-A", "run:celery"]
    return {
        "web": [python, "-m", "gunicorn", "run:app", "--config", "deploy/gunicorn.conf.py", "--bind", place.bind],
        "worker": [
            *celery, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
        ],
        # Rescues and messages alone, so that two long exports hold up neither.
        "urgent": [
            *celery, "worker", "--queues", "urgent", "--hostname", "urgent@%h", "--pool", "threads",
            "--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
        ],
        "beat": [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(queue / "beat-schedule")],
    }  # fmt: skip


class Supervisor:
    """Prepares the data folder, starts all of them, watches them, and stops them when asked."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.stop_asked = 0
        self.environment = {
            **os.environ, "DATA_DIR": str(place.data), "FLASK_APP": "run.py", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self.logs = place.data / "log"
        self.children = [Child(n, c, self.logs / f"{n}.log") for n, c in commands(place).items()]

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        with self._alone():
            self._port_is_free()
            try:
                self._prepare()
                for child in self.children:
                    child.start(self.environment)
                self._announce()
                while True:
                    self._pause(0.5)
                    for child in self.children:
                        child.watch(self.environment)
            except Stopped:
                return self._stop()
            except BaseException:
                self._stop()
                raise

    def _asked_to_stop(self, _number: int, _frame: object) -> None:
        self.stop_asked += 1

    def _pause(self, seconds: float) -> None:
        """Wait; raise Stopped as soon as someone asks to stop."""
        end = time.monotonic() + seconds
        while not self.stop_asked and time.monotonic() < end:
            time.sleep(0.1)
        if self.stop_asked:
            raise Stopped

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two of these on one data folder would send every message twice."""
        try:
            self.place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.place.data / "run.lock").open("w")
        except OSError as error:
            raise CannotStart(
                f"数据目录 {self.place.data} 不能写入（{error.strerror}）。请检查权限或改用 DATA_DIR=其他目录 make run"
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CannotStart(
                    f"数据目录 {self.place.data} 正被另一个进程使用。请先停止它，或改用 DATA_DIR=其他目录 make run"
                ) from error
            yield

    def _port_is_free(self) -> None:
        family = socket.AF_INET6 if ":" in self.place.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.place.host, self.place.port))
            except (OSError, UnicodeError) as error:
                raise CannotStart(
                    f"不能监听 {self.place.bind}（{error}）。请换一个端口，例如 PORT={self.place.port + 1} make run"
                ) from error

    def _prepare(self) -> None:
        """Bring the database up to date and, when it is empty, fill it with the invented region."""
        say("· 准备数据库 / preparing the database")
        self._flask("db", "upgrade")
        self._flask("sync-roles")
        accounts = self._flask("demo", "--if-empty")
        if accounts.strip():
            say(f"\n{accounts.rstrip()}\n")

    def _flask(self, *arguments: str) -> str:
        """Run a `flask` command to its end and give its output; its messages go to setup.log."""
        log_path = self.logs / "setup.log"
        with open_log(log_path) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
            output = self._finish(process)
        if process.returncode:
            tail = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            raise CannotStart("\n".join([f"flask {' '.join(arguments)} 失败，完整记录见 {log_path}：", *tail]))
        return output

    def _finish(self, process: subprocess.Popen[bytes]) -> str:
        while True:
            try:
                return process.communicate(timeout=0.2)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                if self.stop_asked:
                    process.terminate()
                    process.communicate()
                    raise Stopped from None

    def _announce(self) -> None:
        """Say the address once /health is well; before that, say once what keeps it from being so."""
        end, last = time.monotonic() + HEALTHY_WITHIN_SECONDS, ""
        while time.monotonic() < end:
            self._pause(0.5)
            for child in self.children:
                child.watch(self.environment)
            well, last = self._health()
            if well:
                say(f"· 已就绪：{self.place.address}    （Ctrl-C 停止；日志在 {self.logs}）")
                return
        say(f"· 已启动，但健康检查尚未通过：{last or '没有回应'}")
        say(f"  地址 {self.place.address}；日志在 {self.logs}")

    def _health(self) -> tuple[bool, str]:
        connection = http.client.HTTPConnection(self.place.local_host, self.place.port, timeout=5)
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            return answer.status == 200, answer.read(2000).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return False, str(error)
        finally:
            connection.close()

    def _stop(self) -> int:
        """SIGTERM to the parents, wait; the second request or the end of the grace kills whole groups."""
        asked = self.stop_asked
        running = [child for child in self.children if child.running]
        if running:
            say("\n· 正在停止：等待进行中的任务完成（再按一次 Ctrl-C 强制停止）")
        for child in running:
            child.process.terminate()  # type: ignore[union-attr]
        end = time.monotonic() + GRACE_SECONDS
        while any(c.running for c in running) and time.monotonic() < end and self.stop_asked == asked:
            time.sleep(0.1)
        forced = any(child.running for child in running)
        for child in running:
            # The group, because a parent that had to be killed leaves children behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
            child.process.wait()  # type: ignore[union-attr]
        say("· 已强制停止；未完成的任务会在下次启动后继续" if forced else "· 已停止")
        return 1 if forced else 0


def main() -> int:
    """Run until stopped; 0 after a clean stop, 1 when it could not start or had to be forced."""
    try:
        return Supervisor(Place.from_environment()).run()
    except CannotStart as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
