"""Parts are read ahead of the work, in order, never while something is written, and never beyond the transaction."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import text

from app.workflows.core.ahead import answered, behind, meanwhile, one_ahead

pytestmark = pytest.mark.feature("SCO-01")


def test_parts_come_in_order_and_writes_stand_between_reads(session: Any) -> None:
    told: list[str] = []
    made: list[int] = []

    def read(part: int) -> int:
        told.append(f"read {part}")
        return int(session.scalar(text(f"SELECT {part} * 10")))

    def write() -> None:
        told.extend(f"write {one}" for one in made)
        made.clear()

    with one_ahead(session, [1, 2, 3], read, write) as found:
        for one in found:
            made.append(one)
    reads, writes = ([word for word in told if word.startswith(kind)] for kind in ("read", "write"))
    assert reads == ["read 1", "read 2", "read 3"]
    assert writes == ["write 10", "write 20", "write 30"]
    # What is made of a part is written after it was read, and before the last but one after it is.
    assert told.index("write 10") < told.index("read 3") < told.index("write 30")


def test_what_was_made_last_is_written_and_nothing_is_read_of_nothing(session: Any) -> None:
    writes: list[int] = []
    with one_ahead(session, [], lambda part: pytest.fail(f"{part} was read"), lambda: writes.append(1)) as found:
        assert list(found) == []


def test_a_loop_that_ends_early_waits_for_its_read(session: Any) -> None:
    """Else the transaction would be taken back under a statement that is still running."""
    running, ended = threading.Event(), threading.Event()

    def read(part: int) -> int:
        running.set()
        session.scalar(text("SELECT 1"))
        ended.set()
        return part

    with pytest.raises(ValueError, match="早退"), one_ahead(session, [1, 2, 3], read, lambda: None) as found:
        next(found)
        ended.clear()
        running.wait(5)
        raise ValueError("早退")
    reading = [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]
    assert reading == []
    session.rollback()


def test_a_read_that_fails_is_told_where_its_part_is_asked_for(session: Any) -> None:
    def read(part: int) -> int:
        if part == 2:
            raise LookupError("第二段")
        return part

    seen = []
    with pytest.raises(LookupError), one_ahead(session, [1, 2, 3], read, lambda: None) as found:
        for one in found:
            seen.append(one)
    assert seen == [1]


def test_reads_are_in_the_application_of_the_loop(app: Any, session: Any) -> None:
    def read(part: int) -> str:
        return f"{current_app.name} {part}"

    with app.app_context(), one_ahead(session, [1], read, lambda: None) as found:
        assert list(found) == [f"{app.name} 1"]


def test_what_is_read_meanwhile_is_told_when_it_is_asked_for(session: Any) -> None:
    with meanwhile(session, lambda: int(session.scalar(text("SELECT 7")))) as found:
        assert found() == 7


def test_a_failing_read_fails_where_it_is_asked_for(session: Any) -> None:
    def read() -> int:
        raise ValueError("读不到")

    reached = []
    with pytest.raises(ValueError, match="读不到"), meanwhile(session, read) as found:
        reached.append(1)
        found()
    assert reached


def test_a_block_that_ends_early_waits_for_what_is_read_meanwhile(session: Any) -> None:
    told: list[int] = []
    begun = session.get_bind().dialect.name == "postgresql"

    def read() -> None:
        told.append(session.scalar(text("SELECT 1")))

    with pytest.raises(ValueError, match="早退"), meanwhile(session, read):
        raise ValueError("早退")
    assert told == [1] * begun


# --- writing behind


def test_writes_are_done_in_order_and_before_the_block_ends(session: Any) -> None:
    done: list[int] = []
    with behind(session) as do:
        for n in range(5):
            do(lambda n=n: done.append(session.scalar(text(f"SELECT {n}"))))
    assert done == [0, 1, 2, 3, 4]


def test_what_stands_behind_a_failed_write_is_not_done_and_the_failure_is_told(session: Any) -> None:
    done: list[str] = []

    def fails() -> None:
        raise ValueError("写不进")

    with pytest.raises(ValueError, match="写不进"), behind(session) as do:
        do(lambda: done.append("first"))
        do(fails)
        do(lambda: done.append("behind"))
    assert done == ["first"]


def test_the_session_is_free_when_all_is_done_and_others_may_follow(session: Any) -> None:
    done: list[int] = []
    with behind(session) as do:
        do(lambda: done.append(session.scalar(text("SELECT 1"))))
        do.done()
        done.append(session.scalar(text("SELECT 2")))
        do(lambda: done.append(session.scalar(text("SELECT 3"))))
    assert done == [1, 2, 3]


def test_a_block_that_ends_early_waits_for_its_writes(session: Any) -> None:
    """Else the transaction would be taken back under a statement that is still running."""
    done: list[int] = []
    with pytest.raises(ValueError, match="早退"), behind(session) as do:
        do(lambda: done.append(session.scalar(text("SELECT 1"))))
        raise ValueError("早退")
    assert done == [1]


@pytest.mark.feature("IMP-02")
def test_an_answer_is_read_while_the_database_writes(session: Any) -> None:
    """It tells what stood when it was asked."""
    session.execute(text("CREATE TEMPORARY TABLE answered_once AS SELECT 1 AS n UNION SELECT 2"))
    asked = answered(session, text("SELECT n FROM answered_once ORDER BY n"))
    with behind(session) as do:
        do(lambda: session.execute(text("INSERT INTO answered_once VALUES (3)")))
        rows = asked()
        do.done()
    assert [row[0] for row in rows] == [1, 2]
    session.rollback()
