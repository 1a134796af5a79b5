"""The running product as a journey sees it: an address, the accounts it showed once, its commands, its database."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.databases import ROOT
from tests.services import free_port

READY_SECONDS = 240
STOP_SECONDS = 120
READY = "已就绪"
_ACCOUNT = re.compile(r"^  (\S+) +(\S+) +(\S+) +(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Login:
    """One line of the table that the first start shows."""

    name: str
    password: str
    role: str
    place: str


@dataclass(frozen=True)
class Subject:
    """An elevator that a story is about."""

    id: int
    code: str
    address: str


@dataclass
class Product:
    """Web, worker and beat under the real supervisor, on SQLite with the demo region."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    said: str = ""
    first_said: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def url(self, path: str) -> str:
        return self.address.rstrip("/") + path

    @property
    def environment(self) -> dict[str, str]:
        own = {"DATA_DIR": str(self.data), "PORT": str(self.port), "HOST": "127.0.0.1"}
        return {**os.environ, **self.settings, **own}

    # --- as a person starts and stops it

    def start(self) -> str:
        """Start it and wait until it says that it is ready; gives what it said."""
        output = self.data / f"output-{time.monotonic_ns()}.txt"
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "run.py"], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + READY_SECONDS
        while READY not in (text := output.read_text(encoding="utf-8")):
            assert self.process.poll() is None and time.monotonic() < end, f"the product did not become ready:\n{text}"
            time.sleep(0.2)
        self.said = text
        self.first_said = self.first_said or text
        return text

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop, as Ctrl-C (SIGINT) or `kill` does; gives its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)

    # --- what it showed

    @property
    def logins(self) -> list[Login]:
        return [Login(*found) for found in _ACCOUNT.findall(self.first_said)]

    def login(self, role: str) -> Login:
        return next(one for one in self.logins if one.role == role)

    @cached_property
    def spare(self) -> list[Subject]:
        """Elevators of the demo's first firm that run, are covered and have nothing open: those in 临河区 first.

        Each journey takes its own by number, so that none stands in another's way. The district's officer decides on
        the first twelve, for the others ask the region's administrator.
        """
        from sqlalchemy import select

        from app.models import Account, Application, Elevator, MaintenanceClock

        busy = select(Application.elevator_id).where(Application.is_open, Application.elevator_id.is_not(None))
        with self.session() as session:
            head = session.scalar(select(Account).where(Account.username == self.login("维保单位负责人").name))
            found = session.execute(
                select(Elevator.id, Elevator.code, Elevator.address)
                .join(MaintenanceClock, MaintenanceClock.elevator_id == Elevator.id)
                .where(
                    Elevator.maintenance_unit_id == head.unit_id, Elevator.status == "in_use",
                    Elevator.filing_state == "approved", Elevator.is_secret.is_(False),
                    Elevator.id.not_in(busy), MaintenanceClock.covered_until.is_not(None),
                    MaintenanceClock.missed == 0, MaintenanceClock.limit_on.is_not(None),
                )
                .order_by(Elevator.region_code.startswith("980402").desc(), Elevator.id)
            )  # fmt: skip
            return [Subject(*row) for row in found]

    # --- beside the browser

    def flask(self, *arguments: str) -> Any:
        """Run a command of the product on its data; with --json the summary comes back parsed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env={**self.environment, "FLASK_APP": "run.py"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"flask {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1]) if "--json" in arguments else done.stdout

    @contextmanager
    def policy(self, region: str, source: str, **values: Any) -> Iterator[None]:
        """These values hold in the region for as long as this lasts, and then what held before, whatever came of it."""
        before = self.set_policy(region, source, **values)
        try:
            yield
        finally:
            self.set_policy(region, source, **before)

    def set_policy(self, region: str, source: str, **values: Any) -> dict[str, Any]:
        """Set values from today on, as `flask policy set` does; gives what held before."""
        from app import clock
        from app.models.policy import policy_book
        from app.permissions import SYSTEM
        from app.scope import acting
        from app.transaction import transaction
        from app.workflows.approval import policies

        with self.session() as session, transaction(session), acting(SYSTEM):
            before = {key.value: held.value for key, held in policy_book(session, region, clock.today()).items()}
            for key, value in values.items():
                policies.set_value(
                    session, SYSTEM.by("cli"), clock.now(), key, value, region, clock.today(), source
                )
        return {key: before[key] for key in values}

    @contextmanager
    def session(self) -> Iterator[Any]:
        """The product's database, to look a fact up or to let time have passed; commits at the end."""
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        import app.models  # noqa: F401 - all tables, and the session's hooks
        from app import vault

        vault.use_keys(*([(self.data / name).read_text().strip()] for name in ("data_key", "index_key")))
        # As the product's own deeds: what is read first and written then is one, and waits for its turn.
        engine = create_engine(
            f"sqlite:///{self.data / 'tian.db'}", connect_args={"timeout": 15}, execution_options={"tian_write": True}
        )
        try:
            with Session(engine) as opened:
                yield opened
                opened.commit()
        finally:
            engine.dispose()
