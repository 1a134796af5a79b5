"""The broker of the embedded default: kombu's messages as files, written so that nobody reads half of one.

kombu opens a message under its final name and then writes it, and claims it by moving it to the system's temporary
folder, which may be another disk: a worker that looks in between reads half a message, and ends over it. Here a
message appears by renaming and is claimed by renaming, both on one disk; tables of exchanges are read and written
under one lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

SCHEME = "files"
WRITING = ".writing"
UNREADABLE = ".unreadable"


class Channel(filesystem.Channel):  # type: ignore[misc]
    """Messages of `data_folder_out`, claimed into `processed_folder`, which must be on the same disk."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Make `payload` the newest message of `queue`: there whole or not at all. ChannelError when it can't be."""
        # Names sort by age; the clock of the wall goes on over a restart of the machine, unlike a monotonic one.
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        beside = folder / (name + WRITING)
        try:
            beside.write_text(dumps(payload), encoding="utf-8")
            beside.rename(folder / name)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise ChannelError(f"message {name} cannot be written to {folder}") from error

    def _get(self, queue: str, timeout: Any = None) -> Any:
        """The oldest message of `queue`, claimed by this process alone; Empty when there is none.

        A file that is no message is set aside under another name and told in the log: whoever sent it is not served
        by a worker that ends over it at each start.
        """
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            claimed = Path(self.processed_folder) / name
            try:
                os.rename(Path(self.data_folder_in) / name, claimed)
            except FileNotFoundError:
                continue  # another worker was first
            try:
                payload = loads(claimed.read_bytes())
                if not isinstance(payload, dict):
                    raise ValueError("no object")
            except (ValueError, RecursionError):
                claimed.rename(claimed.with_name(name + UNREADABLE))
                log.exception("message %s of queue %s is unreadable and was set aside", name, queue)
                continue
            claimed.unlink()
            return payload
        raise Empty

    @contextmanager
    def _table_lock(self, kind: int) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / ".lock").open("a") as held:
            fcntl.flock(held, kind)  # given back by closing
            yield

    def get_table(self, exchange: str) -> Any:
        """Bindings of `exchange`, none of them half written."""
        with self._table_lock(fcntl.LOCK_SH):
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self._table_lock(fcntl.LOCK_EX):
            super()._queue_bind(*args)

    def _delete(self, *args: Any, **kwargs: Any) -> None:
        with self._table_lock(fcntl.LOCK_EX):
            super()._delete(*args, **kwargs)


class Transport(filesystem.Transport):  # type: ignore[misc]
    """kombu's transport of files with the channel above."""

    Channel = Channel


# kombu knows transports by the scheme of the broker's address, and this table is where it looks.
TRANSPORT_ALIASES[SCHEME] = "app.file_broker:Transport"
