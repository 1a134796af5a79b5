"""AUD-01: whatever is done to a sealed log afterwards is found, and the unsealed tail is named."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import clock
from app.models import AuditEntry
from app.permissions import SYSTEM, Role
from app.rules.sealing import entry_digest, merkle_root
from app.transaction import transaction
from app.workflows.core import audit

pytestmark = pytest.mark.feature("AUD-01")


def write(session: Any, count: int, start: int = 0) -> None:
    with transaction(session):
        for number in range(start, start + count):
            audit.record(
                session, SYSTEM, clock.now(), "unit.edit", "unit", number, {"name": "旧"}, {"name": f"新{number}"}
            )


def seal_all(session: Any, most: int = 4) -> int:
    batches = 0
    while True:
        with transaction(session):
            if audit.seal(session, clock.now(), most) is None:
                return batches
        batches += 1


@pytest.fixture
def sealed(session: Any) -> Any:
    write(session, 10)
    assert seal_all(session) == 3
    assert audit.verify(session).ok
    session.commit()
    return session


def tamper(session: Any, statement: str, **values: Any) -> audit.Verdict:
    """Change the database as someone would who has its password, below the product."""
    with transaction(session):
        session.execute(text(statement), values)
    session.expire_all()
    return audit.verify(session)


def test_an_entry_says_who_did_what_from_where(session: Any) -> None:
    actor = SYSTEM.by("cli")
    with transaction(session):
        entry = audit.record(
            session, actor, clock.now(), "x", "unit", 1, None,
            {"on": dt.date(2026, 3, 1), "role": Role.CLERK, "rate": Decimal("0.50"), "password": "hush",
             "n": {"b", "a"}, "nul": "a\x00b"},
        )  # fmt: skip
    assert entry.after == {"on": "2026-03-01", "role": "clerk", "rate": "0.50", "n": ["a", "b"], "nul": "ab"}
    assert (entry.via, entry.actor_name) == ("cli", "系统")


def test_an_entry_is_of_the_deeds_transaction(session: Any) -> None:
    with pytest.raises(RuntimeError), transaction(session):
        audit.record(session, SYSTEM, clock.now(), "x", "unit", 1)
        raise RuntimeError
    assert session.query(AuditEntry).count() == 0


def test_the_model_refuses_to_change_or_delete_an_entry(session: Any) -> None:
    write(session, 1)
    entry = session.query(AuditEntry).one()
    with pytest.raises(RuntimeError, match="append-only"), transaction(session):
        entry.action = "other"
    with pytest.raises(RuntimeError, match="append-only"), transaction(session):
        session.delete(session.query(AuditEntry).one())


def test_what_is_sealed_verifies_and_the_tail_is_named(sealed: Any) -> None:
    write(sealed, 3, 10)
    verdict = audit.verify(sealed)
    assert (verdict.ok, verdict.batches, verdict.entries) == (True, 3, 10)
    assert verdict.unsealed["count"] == 3
    assert verdict.unsealed["last_id"] - verdict.unsealed["first_id"] == 2
    assert seal_all(sealed) == 1
    assert audit.verify(sealed).unsealed["count"] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_name = '别人' WHERE entity_id = 5",
        'UPDATE audit_entry SET after = \'{"name": "x"}\' WHERE entity_id = 5',
        "UPDATE audit_entry SET entity_id = 77 WHERE entity_id = 5",
        "UPDATE audit_entry SET address = '127.0.0.1' WHERE entity_id = 5",
        "UPDATE audit_entry SET at = '2020-01-01 00:00:00.000000' WHERE entity_id = 5",
        "DELETE FROM audit_entry WHERE entity_id = 5",
        "UPDATE audit_entry SET batch = NULL, position = NULL WHERE entity_id = 5",
        "UPDATE audit_entry SET position = CASE position WHEN 1 THEN 2 ELSE 1 END "
        "WHERE batch = 2 AND position IN (1, 2)",
        "UPDATE audit_entry SET batch = 1, position = 5 WHERE entity_id = 5",
        "INSERT INTO audit_entry (at, actor_name, via, action, entity, batch, position) "
        "SELECT at, actor_name, via, action, entity, 2, 5 FROM audit_entry WHERE entity_id = 5",
        "UPDATE audit_batch SET root = previous WHERE number = 2",
        "UPDATE audit_batch SET sealed_at = '2020-01-01 00:00:00.000000' WHERE number = 2",
        "DELETE FROM audit_batch WHERE number = 2",
        "DELETE FROM audit_batch WHERE number = 3",
        "DELETE FROM audit_batch WHERE number = 1",
    ],
)
def test_tampering_is_found(sealed: Any, statement: str) -> None:
    verdict = tamper(sealed, statement)
    assert not verdict.ok
    assert verdict.problems


def test_the_content_of_two_rows_swapped_is_found(sealed: Any) -> None:
    tamper(sealed, "UPDATE audit_entry SET entity_id = -1 WHERE entity_id = 5")
    tamper(sealed, "UPDATE audit_entry SET entity_id = 5 WHERE entity_id = 6")
    verdict = tamper(sealed, "UPDATE audit_entry SET entity_id = 6 WHERE entity_id = -1")
    assert [p["batch"] for p in verdict.problems] == [2]


def test_a_batch_sealed_anew_breaks_the_chain(sealed: Any) -> None:
    """Someone who knows the arithmetic rewrites a row and its batch; the next batch still names the old digest."""
    from app.models import AuditBatch
    from app.rules.sealing import batch_digest

    tamper(sealed, "UPDATE audit_entry SET actor_name = '别人' WHERE entity_id = 5")
    rows = sealed.execute(
        text("SELECT id FROM audit_entry WHERE batch = 2 ORDER BY position")
    ).scalars().all()  # fmt: skip
    entries = [sealed.get(AuditEntry, key) for key in rows]
    root = merkle_root(entry_digest({n: getattr(e, n) for n in audit.CONTENT}) for e in entries)
    b = sealed.get(AuditBatch, 2)
    digest = batch_digest(2, b.first_id, b.last_id, b.count, root, b.previous, b.sealed_at)
    verdict = tamper(
        sealed, "UPDATE audit_batch SET root = :root, digest = :digest WHERE number = 2", root=root, digest=digest
    )
    assert [p["batch"] for p in verdict.problems] == [3]


def test_a_cut_off_end_contradicts_the_heads_kept_elsewhere(sealed: Any) -> None:
    kept = dict(audit.heads(sealed))
    assert audit.verify(sealed, kept).ok
    sealed.commit()
    tamper(sealed, "DELETE FROM audit_entry WHERE batch = 3")
    verdict = tamper(sealed, "DELETE FROM audit_batch WHERE number = 3")
    assert verdict.ok, "the database alone cannot know"
    assert not audit.verify(sealed, kept).ok


def test_heads_are_read_back_without_a_torn_line() -> None:
    whole = "a" * 64
    assert audit.read_heads(f"1 {whole}\n2 {whole}\n3 aaaa") == {1: whole, 2: whole}


def test_an_entry_committed_late_with_a_lower_id_is_sealed_in_the_next_batch(database: Any) -> None:
    """On PostgreSQL ids are given before commits; on SQLite writers queue, so the case cannot arise there."""
    if database.engine.dialect.name == "sqlite":
        with Session(database.engine) as only:
            write(only, 2)
            assert seal_all(only) == 1
        return
    with Session(database.engine) as slow, Session(database.engine) as quick:
        audit.record(slow, SYSTEM, clock.now(), "slow", "unit", 1)
        slow.flush()
        write(quick, 2)
        assert seal_all(quick) == 1
        slow.commit()
        assert seal_all(quick) == 1
        verdict = audit.verify(quick)
        assert (verdict.ok, verdict.entries, verdict.unsealed["count"]) == (True, 3, 0)


def test_two_sealers_at_once_make_one_chain(database: Any) -> None:
    with Session(database.engine) as session:
        write(session, 40)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        with Session(database.engine) as own:
            seal_all(own, 3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(database.engine) as session:
        verdict = audit.verify(session)
    assert (verdict.ok, verdict.entries, verdict.batches) == (True, 40, 14)


def test_no_entry_passes_for_a_node() -> None:
    a, b = entry_digest({"x": 1}), entry_digest({"x": 2})
    assert merkle_root([a, b]) != merkle_root([b, a])
    assert merkle_root([a]) == a.hex()
    assert merkle_root([a, b]) != merkle_root([a, b, b])
