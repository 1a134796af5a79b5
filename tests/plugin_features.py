"""What the tests say about the feature register, and that nothing is skipped in silence.

`--features FILE` adds this run's outcomes by feature id to FILE. Ids come from docs/features.tsv only.
"""

from __future__ import annotations

import functools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REGISTER = Path(__file__).resolve().parent.parent / "docs" / "features.tsv"


def register_ids() -> list[str]:
    return [line.split("\t", 1)[0] for line in REGISTER.read_text(encoding="utf-8").splitlines() if line.strip()]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tian")
    group.addoption("--features", metavar="FILE", help="add the outcomes by feature id to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes(config), "tian-outcomes")


@functools.cache
def known_ids() -> frozenset[str]:
    return frozenset(register_ids())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A mark that names no feature fails its own test; an error at the gathering would end a parallel worker."""
    for marker in item.iter_markers("feature"):
        unknown = [identifier for identifier in marker.args if identifier not in known_ids()]
        if unknown or not marker.args:
            pytest.fail(f"feature ids not in docs/features.tsv: {unknown}", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Put ids and leave to skip on the report: from a worker only the report travels."""
    outcome: Any = yield
    report = outcome.get_result()
    identifiers = sorted({identifier for marker in item.iter_markers("feature") for identifier in marker.args})
    report.user_properties = [*report.user_properties, *(("feature", identifier) for identifier in identifiers)]
    if item.get_closest_marker("may_skip"):
        report.user_properties.append(("may_skip", "yes"))


class Outcomes:
    """Counts a test once: as failed if any of its phases failed, else as skipped or passed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worst: dict[str, str] = {}
        self.ids: dict[str, list[str]] = {}
        self.silent: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        node = report.nodeid
        self.ids[node] = [str(value) for name, value in report.user_properties if name == "feature"]
        if report.failed:
            self.worst[node] = "failed"
        elif report.skipped and self.worst.get(node) != "failed":
            self.worst[node] = "skipped"
            if not hasattr(report, "wasxfail") and ("may_skip", "yes") not in report.user_properties:
                self.silent.append(node)
        elif report.when == "call":
            self.worst.setdefault(node, "passed")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.silent.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self.config, "workerinput"):
            return
        if self.silent and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        target = self.config.getoption("features")
        if target:
            self._add_to(Path(target))

    def _add_to(self, target: Path) -> None:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        if target.exists():
            for identifier, kept in json.loads(target.read_text(encoding="utf-8")).items():
                counts[identifier].update(kept)
        for node, outcome in self.worst.items():
            for identifier in self.ids[node]:
                counts[identifier][outcome] += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.silent:
            terminalreporter.section("skipped without leave: this fails the run", red=True)
            for node in self.silent:
                terminalreporter.line(node)
