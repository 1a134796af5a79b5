"""The audit log: `record` in the transaction of the deed; `seal` chains what was committed; `verify` finds tampering.

Entries belong to a batch by their own columns (`batch`, `position`), not by a range of ids: on PostgreSQL a
transaction may commit a lower id after a higher one was sealed, and then simply falls into the next batch. So nothing
has to wait for a safe horizon, and no gap in the ids means anything.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, event, func, insert, select, text, update

from app.models import AuditBatch, AuditDay, AuditEntry
from app.models.sealed import numbers
from app.permissions import Actor
from app.rules.identifiers import masked
from app.rules.sealing import GENESIS, batch_digest, entry_digest, merkle_root
from app.transaction import AnySession, send
from app.wording import say

BATCH_ENTRIES = 500
# In the data folder; a line "number digest" for each batch, appended as they are sealed.
HEADS_FILE = "audit/heads.txt"
MOST_PROBLEMS = 100
# Never in a log, whatever a caller passes.
_SECRETS = {"password", "token", "secret"}
_SEAL_LOCK = 0x71A4A0D1
CONTENT = ("id", "at", "actor_id", "actor_name", "via", "address", "action", "entity", "entity_id", "before", "after")


def record(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    action: str,
    entity: str,
    entity_id: int | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write who did what to which row. Dates, enums, decimals become JSON; secrets are left out."""
    entry = AuditEntry(**_said(actor, at, action, entity, entity_id, before, after))
    session.add(entry)
    return entry


def record_now(
    session: AnySession, actor: Actor, at: dt.datetime, action: str, entity: str, entity_id: int | None,
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """The same by a statement of its own: cheaper where nothing else waits to be written."""
    send(session, _INSERT, _said(actor, at, action, entity, entity_id, before, after))


# The columns that `_said` fills; the seal's are filled when it is sealed.
_INSERT: Any = insert(AuditEntry.__table__).values({name: bindparam(name) for name in CONTENT if name != "id"}).inline()


def _said(
    actor: Actor, at: dt.datetime, action: str, entity: str, entity_id: int | None,
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "at": at, "actor_id": actor.user_id, "actor_name": actor.name[:80], "via": actor.via[:30],
        "address": actor.address[:60] if actor.address else None, "action": action, "entity": entity,
        "entity_id": entity_id, "before": None if before is None else _plain(before),
        "after": None if after is None else _plain(after),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _number(str(k), _plain(v)) for k, v in value.items() if str(k).lower() not in _SECRETS}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).replace("\x00", "")  # PostgreSQL's JSON holds no NUL


def _number(name: str, value: Any) -> Any:
    """The log is sealed for ever, so no person's whole number gets into it: masked under whatever field of one."""
    return masked(numbers()[name], value) if name in numbers() and isinstance(value, str) else value


# --- sealing


def seal(session: AnySession, at: dt.datetime, most: int = BATCH_ENTRIES) -> AuditBatch | None:
    """Seal the oldest unsealed entries into the next batch; None when there are none. One sealer at a time."""
    one_sealer(session)
    last = session.scalars(select(AuditBatch).order_by(AuditBatch.number.desc()).limit(1)).first()
    columns = [getattr(AuditEntry, name) for name in CONTENT]
    rows = session.execute(
        select(*columns).where(AuditEntry.batch.is_(None)).order_by(AuditEntry.id).limit(most)
    ).mappings().all()  # fmt: skip
    if not rows:
        return None
    number, previous = (last.number + 1, last.digest) if last else (1, GENESIS)
    root = merkle_root(entry_digest(_content(row)) for row in rows)
    first_id, last_id = rows[0]["id"], rows[-1]["id"]
    batch = AuditBatch(
        number=number,
        first_id=first_id,
        last_id=last_id,
        count=len(rows),
        root=root,
        previous=previous,
        digest=batch_digest(number, first_id, last_id, len(rows), root, previous, at),
        sealed_at=at,
    )
    session.add(batch)
    session.execute(
        update(AuditEntry),
        [{"id": row["id"], "batch": number, "position": place} for place, row in enumerate(rows, 1)],
    )
    session.flush()
    return batch


def one_sealer(session: AnySession) -> None:
    """Hold the right to seal until the transaction ends."""
    # SQLite's write transaction excludes others already. The lock ends with the transaction.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEAL_LOCK})


def _content(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: row[name] for name in CONTENT}


# --- verifying


@dataclass
class Verdict:
    """What `verify` found. `unsealed` is the tail that no batch protects yet; it is named, not judged."""

    ok: bool = True
    batches: int = 0
    entries: int = 0
    head: str = GENESIS
    problems: list[dict[str, Any]] = field(default_factory=list)
    unsealed: dict[str, Any] = field(default_factory=dict)

    def add(self, batch: int | None, problem: str, **where: Any) -> None:
        self.ok = False
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append({"batch": batch, "problem": problem, **where})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(session: AnySession, known_heads: Mapping[int, str] | None = None) -> Verdict:
    """Compute every batch anew from the rows. `known_heads` (number → digest, kept elsewhere) betrays a cut-off end."""
    verdict, previous, expected = Verdict(), GENESIS, 1
    heads = dict(known_heads or {})
    for batch in session.scalars(select(AuditBatch).order_by(AuditBatch.number)):
        if batch.number != expected:
            verdict.add(
                batch.number, say("缺少第 %(expected)s 至 %(number)s 批", expected=expected, number=batch.number - 1)
            )
        expected = batch.number + 1
        _verify_batch(session, batch, previous, verdict)
        if batch.number in heads and heads.pop(batch.number) != batch.digest:
            verdict.add(batch.number, "本批摘要与另存的摘要不符，整批被重写")
        previous = batch.digest
        verdict.batches += 1
        verdict.entries += batch.count
    verdict.head = previous
    if heads:
        verdict.add(max(heads), say("另存的摘要中有 %(count)s 批在库中已不存在，日志末尾被截去", count=len(heads)))
    _verify_orphans(session, expected - 1, verdict)
    count, first, last, oldest = session.execute(
        select(func.count(), func.min(AuditEntry.id), func.max(AuditEntry.id), func.min(AuditEntry.at)).where(
            AuditEntry.batch.is_(None)
        )
    ).one()
    verdict.unsealed = {"count": count, "first_id": first, "last_id": last, "oldest_at": oldest and oldest.isoformat()}
    return verdict


def _verify_batch(session: AnySession, batch: AuditBatch, previous: str, verdict: Verdict) -> None:
    number = batch.number
    digest = batch_digest(
        number, batch.first_id, batch.last_id, batch.count, batch.root, batch.previous, batch.sealed_at
    )
    if digest != batch.digest:
        verdict.add(number, "批次记录被改动（摘要不符）")
    if batch.previous != previous:
        verdict.add(number, "与前一批的链接断开")
    columns = [getattr(AuditEntry, name) for name in (*CONTENT, "position")]
    statement = select(*columns).where(AuditEntry.batch == number).order_by(AuditEntry.position, AuditEntry.id)
    rows = session.execute(statement).mappings().all()
    places = [row["position"] for row in rows]
    missing = sorted(set(range(1, batch.count + 1)) - set(places))
    if missing:
        verdict.add(number, say("缺少 %(count)s 条记录", count=len(missing)), positions=missing[:20])
    if len(rows) > batch.count or len(set(places)) < len(places):
        verdict.add(
            number,
            say("应有 %(count)s 条，现有 %(count2)s 条，有记录被插入", count=batch.count, count2=len(rows)),
            ids=[r["id"] for r in rows][:20],
        )
    if merkle_root(entry_digest(_content(row)) for row in rows) != batch.root and not missing:
        verdict.add(number, "记录内容或顺序被改动", first_id=batch.first_id, last_id=batch.last_id)


def _verify_orphans(session: AnySession, last: int, verdict: Verdict) -> None:
    """Rows that claim a batch which does not exist: their batch was removed, or they were slipped in."""
    known = select(AuditBatch.number)
    count = session.scalar(select(func.count()).where(AuditEntry.batch.is_not(None), AuditEntry.batch.not_in(known)))
    if count:
        verdict.add(None, say("%(count)s 条记录所属的批次不存在（最后一批为第 %(last)s 批）", count=count, last=last))


def heads(session: AnySession, after: int = 0) -> list[tuple[int, str]]:
    """Number and digest of every batch after one: what is to be kept elsewhere."""
    statement = (
        select(AuditBatch.number, AuditBatch.digest).where(AuditBatch.number > after).order_by(AuditBatch.number)
    )
    return [(number, digest) for number, digest in session.execute(statement)]


def read_heads(text: str) -> dict[int, str]:
    """The lines of a file of heads; a last line torn by a power cut is left out."""
    found = (line.split() for line in text.splitlines())
    return {
        int(parts[0]): parts[1] for parts in found if len(parts) == 2 and parts[0].isdigit() and len(parts[1]) == 64
    }


def lines(session: AnySession) -> Iterator[dict[str, Any]]:
    """Every entry in order of id, then every batch, then every day: what a verifier outside the product needs."""
    columns = [getattr(AuditEntry, name) for name in (*CONTENT, "batch", "position")]
    last = 0
    while rows := session.execute(
        select(*columns).where(AuditEntry.id > last).order_by(AuditEntry.id).limit(1000)
    ).mappings().all():  # fmt: skip
        for row in rows:
            yield {"type": "entry", **row, "at": row["at"].isoformat(timespec="microseconds")}
        last = rows[-1]["id"]
    for batch in session.scalars(select(AuditBatch).order_by(AuditBatch.number)):
        yield {
            "type": "batch", "number": batch.number, "first_id": batch.first_id, "last_id": batch.last_id,
            "count": batch.count, "root": batch.root, "previous": batch.previous, "digest": batch.digest,
            "sealed_at": batch.sealed_at.isoformat(timespec="microseconds"),
        }  # fmt: skip
    for day in session.scalars(select(AuditDay).order_by(AuditDay.on)):
        yield {
            "type": "day", "on": day.on.isoformat(), "first": day.first, "last": day.last, "batches": day.batches,
            "entries": day.entries, "root": day.root, "previous": day.previous, "digest": day.digest,
            "closed_at": day.closed_at.isoformat(timespec="microseconds"),
        }  # fmt: skip


def _append_only(_mapper: Any, _connection: Any, row: AuditEntry) -> None:
    raise RuntimeError(f"audit entry {row.id} is append-only")


event.listen(AuditEntry, "before_update", _append_only)
event.listen(AuditEntry, "before_delete", _append_only)
