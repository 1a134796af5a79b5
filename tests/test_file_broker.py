"""The broker of files under what a real machine does to it: writers and readers at once, broken files, races."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from app import file_broker

WORDS = "维" * 4000  # longer than what a system call is certain to write at once


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("messages", "processed", "control")}
    for folder in made.values():
        folder.mkdir()
    return made


def channel_of(folders: dict[str, Path]) -> Any:
    options = {
        "data_folder_in": str(folders["messages"]), "data_folder_out": str(folders["messages"]),
        "processed_folder": str(folders["processed"]), "control_folder": str(folders["control"]),
    }  # fmt: skip
    return Connection(f"{file_broker.SCHEME}://", transport_options=options).channel()


@pytest.fixture
def channel(folders: dict[str, Path]) -> Iterator[Any]:
    made = channel_of(folders)
    yield made
    made.connection.client.release()


def test_messages_come_once_and_oldest_first(channel: Any, folders: dict[str, Path]) -> None:
    for number in range(20):
        channel._put("work", {"number": number})
    channel._put("other", {"number": 99})
    assert [channel._get("work")["number"] for _ in range(20)] == list(range(20))
    with pytest.raises(Empty):
        channel._get("work")
    assert channel._size("other") == 1
    assert list(folders["processed"].iterdir()) == []


def test_nobody_reads_half_a_message_and_nobody_takes_another_s(folders: dict[str, Path]) -> None:
    """Two that write and three that read at once: each message reaches one reader, whole."""
    got: list[int] = []
    faults: list[BaseException] = []
    written = threading.Event()

    def put(start: int) -> None:
        channel = channel_of(folders)
        for number in range(start, start + 150):
            channel._put("work", {"number": number, "words": WORDS})

    def get() -> None:
        channel = channel_of(folders)
        while True:
            last = written.is_set()
            try:
                message = channel._get("work")
                assert message["words"] == WORDS
                got.append(message["number"])
            except Empty:
                if last:
                    return
            except BaseException as fault:
                faults.append(fault)
                return

    writers = [threading.Thread(target=put, args=(start,)) for start in (0, 1000)]
    readers = [threading.Thread(target=get) for _ in range(3)]
    for thread in [*writers, *readers]:
        thread.start()
    for thread in writers:
        thread.join()
    written.set()
    for thread in readers:
        thread.join()
    assert faults == []
    assert sorted(got) == [*range(150), *range(1000, 1150)]


def test_a_message_being_written_is_not_there_yet(
    channel: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Path.rename

    def look_first(self: Path, target: Path) -> Path:
        seen.append(channel._size("work"))
        with pytest.raises(Empty):
            channel._get("work")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", look_first)
    channel._put("work", {"number": 1})
    monkeypatch.undo()
    assert seen == [0]
    assert channel._get("work") == {"number": 1}


@pytest.mark.parametrize("said", ['{"body": "ab', "[]", "null", "7", "[" * 200_000], ids=lambda said: said[:12])
def test_a_file_that_is_no_message_is_set_aside_and_the_next_one_comes(
    channel: Any, folders: dict[str, Path], caplog: pytest.LogCaptureFixture, said: str
) -> None:
    broken = folders["messages"] / "00000000000000000001_x.work.msg"
    broken.write_text(said)
    channel._put("work", {"number": 1})
    assert channel._get("work") == {"number": 1}
    assert not broken.exists()
    assert [kept.name for kept in folders["processed"].iterdir()] == [broken.name + file_broker.UNREADABLE]
    assert broken.name in caplog.text


def test_a_full_disk_is_told_and_leaves_nothing_behind(
    channel: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ChannelError, match="cannot be written"):
        channel._put("work", {"number": 1})
    monkeypatch.undo()
    assert list(folders["messages"].iterdir()) == []


def test_tables_of_exchanges_are_whole_while_many_bind(folders: dict[str, Path]) -> None:
    """A worker that starts binds its queue of orders; who sends an order at that moment reads the same table."""
    faults: list[BaseException] = []

    def bind(number: int) -> None:
        try:
            channel = channel_of(folders)
            exchange = Exchange("orders", type="fanout")
            Queue(f"worker-{number}", exchange=exchange)(channel).declare()
            channel.get_table("orders")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=bind, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    table = json.loads((folders["control"] / "orders.exchange").read_text())
    assert sorted(binding[2] for binding in table) == sorted(f"worker-{number}" for number in range(12))
