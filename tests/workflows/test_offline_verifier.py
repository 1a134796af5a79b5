"""AUD-01: the script that needs only an export finds every changed, removed, inserted and swapped row."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.models import AuditDay
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.core import audit, audit_days
from scripts import verify_audit
from tests.workflows.test_audit import tamper, write

pytestmark = pytest.mark.feature("AUD-01")
ROOT = Path(__file__).resolve().parents[2]
FIRST = dt.datetime(2026, 3, 1, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def seal(session: Any, at: dt.datetime, most: int = 4) -> None:
    while True:
        with transaction(session):
            if audit.seal(session, at, most) is None:
                return


@pytest.fixture
def sealed(session: Any) -> Any:
    """Three batches on two closed days, one on a day that is not over, and two entries unsealed."""
    write(session, 6)
    seal(session, FIRST)
    write(session, 2, 6)
    seal(session, FIRST + DAY)
    with transaction(session):
        assert len(audit_days.close(session, FIRST + 2 * DAY)) == 2
    write(session, 2, 8)
    seal(session, FIRST + 2 * DAY)
    write(session, 2, 10)
    return session


def exported(session: Any) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(line, ensure_ascii=False)) for line in audit.lines(session)]


def problems(rows: list[dict[str, Any]], **kept: Any) -> list[dict[str, str]]:
    log = verify_audit.Log().read(json.dumps(row, ensure_ascii=False) for row in rows)
    found: list[dict[str, str]] = verify_audit.verify(log, **kept)
    return found


def test_what_the_product_wrote_verifies(sealed: Any) -> None:
    rows = exported(sealed)
    assert [row["type"] for row in rows] == ["entry"] * 12 + ["batch"] * 4 + ["day"] * 2
    assert problems(rows) == []


def test_every_field_of_every_sealed_row_is_covered(sealed: Any) -> None:
    rows = exported(sealed)
    missed = []
    for number, row in enumerate(rows):
        if row["type"] == "entry" and row["batch"] is None:
            continue
        for name, value in row.items():
            changed = copy.deepcopy(rows)
            changed[number][name] = value + 1 if isinstance(value, int) else "x" if value != "x" else "y"
            if not problems(changed):
                missed.append((number, name))
    assert not missed


def test_every_removed_inserted_and_swapped_row_is_found(sealed: Any) -> None:
    rows = exported(sealed)
    known = [n for n, row in enumerate(rows) if row["type"] != "entry" or row["batch"] is not None]
    # The last batch and the last day leave no trace inside the export; see the next test.
    ends = {max(n for n, row in enumerate(rows) if row["type"] == "day")}
    for number in known:
        gone = rows[:number] + rows[number + 1 :]
        assert problems(gone) or number in ends, f"removed {number}"
        assert problems([*rows, copy.deepcopy(rows[number])]), f"inserted {number}"
        more = copy.deepcopy(rows[number])
        more |= {"id": 999} if more["type"] == "entry" else {}
        assert problems([*rows, more]), f"inserted beside {number}"
    for first, second in itertools.pairwise(known):
        if rows[first]["type"] != rows[second]["type"]:
            continue
        swapped = copy.deepcopy(rows)
        keep = {"id", "type", "batch", "position", "number", "on"}
        for name in rows[first].keys() - keep:
            swapped[first][name], swapped[second][name] = rows[second][name], rows[first][name]
        if swapped != rows:
            assert problems(swapped), f"swapped {first} and {second}"


def test_a_cut_off_end_contradicts_what_was_kept_elsewhere(sealed: Any) -> None:
    rows = exported(sealed)
    heads = {row["number"]: row["digest"] for row in rows if row["type"] == "batch"}
    days = {row["on"]: row["digest"] for row in rows if row["type"] == "day"}
    assert problems(rows, heads=heads, days=days) == []
    cut = [row for row in rows if row.get("batch") != 4 and row.get("number") != 4]
    assert problems(cut) == [] and problems(cut, heads=heads)
    without = [row for row in rows if row.get("on") != "2026-03-02"]
    assert problems(without) == [] and problems(without, days=days)


def test_a_log_rewritten_whole_contradicts_a_root_kept_elsewhere(sealed: Any) -> None:
    days = {row["on"]: row["digest"] for row in exported(sealed) if row["type"] == "day"}
    forged = verify_audit.Log().read(json.dumps(row) for row in exported(sealed))
    days["2026-03-01"] = "f" * 64
    assert any("日根" in p["where"] for p in verify_audit.verify(forged, None, days))


def test_the_script_runs_alone(sealed: Any, tmp_path: Path) -> None:
    script = tmp_path / "verify_audit.py"
    script.write_bytes((ROOT / "scripts" / "verify_audit.py").read_bytes())
    file = tmp_path / "log.jsonl"
    rows = exported(sealed)

    def run(*more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(script), str(file), *more], cwd=tmp_path, capture_output=True, timeout=60
        )
        return done.returncode, done.stdout.decode()

    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    code, said = run("--json")
    assert code == 0
    assert {k: json.loads(said)[k] for k in ("ok", "batches", "days", "sealed", "unsealed")} == {
        "ok": True, "batches": 4, "days": 2, "sealed": 10, "unsealed": 2,
    }  # fmt: skip
    rows[3]["actor_name"] = "别人"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    code, said = run()
    assert code == 1 and "第 1 批" in said and "日志被改动过" in said
    file.write_bytes(b"\xff\xfe")
    assert run()[0] == 2


def test_days_close_once_and_only_when_over(sealed: Any) -> None:
    with transaction(sealed):
        assert audit_days.close(sealed, FIRST + 2 * DAY) == []
        assert [d.on.isoformat() for d in audit_days.close(sealed, FIRST + 5 * DAY)] == ["2026-03-03"]
    rows = sealed.query(AuditDay).order_by(AuditDay.on).all()
    assert [(r.first, r.last, r.entries) for r in rows] == [(1, 2, 6), (3, 3, 2), (4, 4, 2)]
    assert audit_days.verify(sealed, audit.verify(sealed)).ok
    assert audit_days.unclosed(sealed) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_day SET entries = 5 WHERE first = 1", "UPDATE audit_day SET root = previous WHERE first = 1",
        "DELETE FROM audit_day WHERE first = 1", "UPDATE audit_batch SET digest = root WHERE number = 2",
    ],
)  # fmt: skip
def test_tampered_days_are_found_in_the_database_too(sealed: Any, statement: str) -> None:
    verdict = tamper(sealed, statement)
    assert not audit_days.verify(sealed, verdict).ok


def test_a_kept_root_betrays_a_log_rewritten_whole(sealed: Any) -> None:
    verdict = audit.verify(sealed)
    assert not audit_days.verify(sealed, verdict, {"2026-03-01": "0" * 64, "2026-04-01": "1" * 64}).ok


def test_sealing_goes_on_under_the_same_lock(sealed: Any) -> None:
    with transaction(sealed):
        audit.record(sealed, SYSTEM, clock.now(), "x", "unit", 1)
    seal(sealed, FIRST + 3 * DAY)
    assert audit.verify(sealed).ok
