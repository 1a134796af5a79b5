"""A real PostgreSQL and a real Redis for one test run, in a folder of their own, on free ports of the loopback.

Started by the first test that asks, whichever worker it runs in; ended, by pid, when the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

START_WITHIN_SECONDS = 60
ROOM_BYTES = 2 * 1024**3
# Speed only: a test run's data need not survive a power cut. Locks, isolation and constraints stay as they are.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "autovacuum": "off",
    "timezone": "UTC",
}


class ServiceMissing(RuntimeError):
    """A server program is not installed."""


class Services:
    """The servers of one run. `root` is shared by all its processes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def make(cls, in_memory: bool = True) -> Services:
        root = Path(tempfile.mkdtemp(prefix="tian-", dir=memory() if in_memory else None))
        root.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
        return cls(root)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One process at a time; the others wait."""
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def postgres(self) -> str:
        """`postgresql+psycopg://postgres@127.0.0.1:PORT`, without a database name."""
        found = self._once("postgres", self._start_postgres)
        return f"postgresql+psycopg://postgres@127.0.0.1:{found['port']}"

    def redis(self) -> str:
        """`redis://127.0.0.1:PORT`, without a database number."""
        found = self._once("redis", self._start_redis)
        return f"redis://127.0.0.1:{found['port']}"

    def pid(self, name: str) -> int:
        return int(json.loads((self.root / f"{name}.service").read_text())["pid"])

    def restart_postgres(self) -> None:
        """Start the one that was killed again, on its data and its port."""
        note = self.root / "postgres.service"
        port = json.loads(note.read_text())["port"]
        end = time.monotonic() + START_WITHIN_SECONDS
        while True:
            try:
                found = self._run_postgres(port)
                break
            except RuntimeError:
                # Children of the killed one may hold its shared memory for a moment longer.
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        note.write_text(json.dumps(found))

    def restart_redis(self) -> None:
        """Start the one that was killed again, empty, on its port: what it had not handed out is gone."""
        note = self.root / "redis.service"
        port = json.loads(note.read_text())["port"]
        note.write_text(json.dumps(self._run_redis(port)))

    def stop(self) -> None:
        for note in self.root.glob("*.service"):
            found = json.loads(note.read_text())
            # SIGINT is PostgreSQL's fast shutdown: it ends connections instead of waiting for them.
            end_process(found["pid"], signal.SIGINT if note.stem == "postgres" else signal.SIGTERM)
        shutil.rmtree(self.root, ignore_errors=True)

    def _once(self, name: str, start: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        note = self.root / f"{name}.service"
        with self.locked(name):
            if not note.exists():
                note.write_text(json.dumps(start()))
        return json.loads(note.read_text())

    def _start_postgres(self) -> dict[str, Any]:
        home, data, port = self.root / "pg", self.root / "pg" / "data", free_port()
        home.mkdir()
        user = unprivileged_user()
        if user:
            shutil.chown(home, user)
        subprocess.run(
            [program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
             "--locale=C.UTF-8"],
            check=True, cwd=home, stdout=subprocess.DEVNULL, **as_user(user),
        )  # fmt: skip
        return self._run_postgres(port)

    def _run_postgres(self, port: int) -> dict[str, Any]:
        home, data, user = self.root / "pg", self.root / "pg" / "data", unprivileged_user()
        options = [part for name, value in POSTGRES_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        process = start_server(
            [program("postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(home), *options],
            self.root / "postgres.log", cwd=home, **as_user(user),
        )  # fmt: skip
        wait_until(lambda: postgres_answers(port), process, self.root / "postgres.log")
        return {"port": port, "pid": process.pid}

    def _start_redis(self) -> dict[str, Any]:
        return self._run_redis(free_port())

    def _run_redis(self, port: int) -> dict[str, Any]:
        process = start_server(
            [program("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no",
             "--dir", str(self.root)],
            self.root / "redis.log",
        )  # fmt: skip
        wait_until(lambda: redis_answers(port), process, self.root / "redis.log")
        return {"port": port, "pid": process.pid}


def memory() -> Path | None:
    """A folder in memory when there is one with room, else the usual one for passing files: speed only."""
    found = Path("/dev/shm")
    if found.is_dir() and os.access(found, os.W_OK) and shutil.disk_usage(found).free > ROOM_BYTES:
        return found
    return None


def program(name: str) -> str:
    """Debian keeps PostgreSQL's servers out of PATH; the newest version wins."""
    found = shutil.which(name)
    if found and name != "postgres":
        return found
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
    if beside:
        return str(beside[-1])
    if found:
        return found
    raise ServiceMissing(f"{name} is not installed: run scripts/services.sh (make test does), or test with --db sqlite")


def unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise ServiceMissing("PostgreSQL cannot run as root, and neither user postgres nor nobody exists")


def as_user(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def start_server(command: Sequence[str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches the tests, which then end it."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True, **options,
        )  # fmt: skip


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if ready():
            return
        time.sleep(0.05)
    if process.poll() is None:
        end_process(process.pid, signal.SIGKILL)
    raise RuntimeError(f"{process.args} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def postgres_answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def redis_answers(port: int) -> bool:
    import redis

    try:
        return bool(redis.Redis(host="127.0.0.1", port=port, socket_timeout=2).ping())
    except redis.ConnectionError:
        return False


def end_process(pid: int, number: int, patience: float = 20) -> None:
    """Signal one process by its pid and wait until it is gone; kill it when it does not go."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if gone(pid):
                return
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    """A child of ours stays as a zombie until it is waited for; another worker's simply disappears."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
