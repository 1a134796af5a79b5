"""The arithmetic of the sealed audit log: a digest for an entry, a Merkle root for a batch, a chain over batches.

Entry and node digests carry different first bytes, so that no inner node can be passed off as an entry (RFC 6962).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

GENESIS = "0" * 64


def canonical(content: Mapping[str, Any]) -> bytes:
    """One spelling for one content: sorted keys, no blanks, instants in UTC with microseconds."""
    return json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=_spelled).encode()


def _spelled(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def entry_digest(content: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(b"\x00" + canonical(content)).digest()


def merkle_root(digests: Iterable[bytes]) -> str:
    """The root over the entries in order; an odd last one rises unpaired. No entries: the digest of nothing."""
    level = list(digests)
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


def batch_digest(
    number: int, first_id: int, last_id: int, count: int, root: str, previous: str, sealed_at: datetime
) -> str:
    """The digest that the next batch names as its `previous`."""
    content = {
        "number": number, "first_id": first_id, "last_id": last_id, "count": count, "root": root,
        "previous": previous, "sealed_at": sealed_at,
    }  # fmt: skip
    return hashlib.sha256(b"\x02" + canonical(content)).hexdigest()


def day_digest(content: Mapping[str, Any]) -> str:
    """The digest of a day's root, which the next day names as its `previous`."""
    return hashlib.sha256(b"\x03" + canonical(content)).hexdigest()
