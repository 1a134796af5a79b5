"""Sealing anew under the current keys: everything that stands sealed, in blocks, beside a running product.

A block is a transaction of its own and a value is written only where it still is what was read, so nothing that is
written meanwhile gets lost, a run that was killed is taken up by the next one, and a second run finds nothing to do.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB

from app import vault, wording
from app.models import Attachment
from app.models.base import Model
from app.models.sealed import Sealed, SealedJson, normal, walk
from app.permissions import Actor
from app.transaction import AnySession, transaction
from app.workflows.access import second_factor
from app.workflows.core import audit, notices
from app.workflows.files import attachments, sealed_files

BLOCK = 500
Say = Callable[[str, int, int], None]
_TOKEN = re.compile(re.escape(vault.MARK) + "([0-9a-f]{8})[A-Za-z0-9_-]{40}")


@dataclass(frozen=True, slots=True)
class Place:
    """A column that is sealed, read past its type: `text` is what stands in the database."""

    table: sa.TableClause
    name: str
    kind: Sealed | SealedJson

    @property
    def word(self) -> str:
        return f"{self.table.name}.{self.name}"

    @property
    def text(self) -> Any:
        column = self.table.c[self.name]
        return sa.cast(column, sa.Text) if isinstance(self.kind, SealedJson) else column

    @property
    def stale(self) -> Any:
        """What may hold a token of other keys, or stand open. JSON tells only when it is read."""
        if isinstance(self.kind, SealedJson):
            return self.table.c[self.name].is_not(None)
        mark, names = sa.func.substr(self.text, 1, 2), sa.func.substr(self.text, 3, 8)
        return sa.or_(mark != vault.MARK, names != vault.current_names()) & self.text.is_not(None)

    def renewed(self, text: str) -> str | None:
        """What is to stand there instead; None where it is current."""
        if isinstance(self.kind, Sealed):
            return _renewed(text, self.kind.context, self.kind.spelt)
        held = json.loads(text)
        if held is None:
            return None
        if self.kind.whole:
            whole = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)
            new: Any = _renewed(whole, self.kind.context, lambda _text: "")
        else:
            context = self.kind.context
            new = walk(held, lambda name, value: _renewed(value, f"{context}.{name}", normal) or value)
            new = None if new == held else new
        return None if new is None else json.dumps(new, ensure_ascii=False)


def places() -> list[Place]:
    """Every sealed column, as the models declare them."""
    return [
        Place(sa.table(table.name, sa.column("id", sa.BigInteger), sa.column(column.name, sa.Text)), column.name, kind)
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if isinstance(kind := column.type, Sealed | SealedJson)
    ]


def needed(session: AnySession) -> dict[str, int]:
    """How many sealed values and files each pair of keys holds, by the keys' short names; files by the data key's."""
    found: dict[str, int] = {}
    for place in places():
        if isinstance(place.kind, Sealed):
            names = sa.func.substr(place.text, 3, 8)
            held = place.text.like(f"{vault.MARK}%")
            grouped = sa.select(names, sa.func.count()).where(held).group_by(names)
            counted = [(name, count) for name, count in session.execute(grouped)]
        else:
            texts = (text for _key, text in _rows(session, place))
            counted = [(name, 1) for text in texts for name in {m[1] for m in _TOKEN.finditer(text)}]
        for name, count in counted:
            found[name] = found.get(name, 0) + count
    for row in _files(session):
        for name in filter(None, (sealed_files.key_name(place, row.kind) for place in _places_of(row))):
            found[name] = found.get(name, 0) + 1
    return found


def check(session: AnySession) -> dict[str, int]:
    """The same, or Unreadable that names the variable without which something can't be opened."""
    found = needed(session)
    data, index = vault.key_names()
    for name in found:
        lacks = "DATA_KEYS" if name[:4] not in data else "INDEX_KEYS" if name[4:] and name[4:] not in index else ""
        if lacks:
            raise vault.Unreadable(
                wording.say(
                    "%(name)s 处密文不能用现有的密钥打开，请检查 %(lacks)s（密钥代号 %(name2)s）",
                    name=found[name],
                    lacks=lacks,
                    name2=name,
                )
            )
    return found


def seal_anew(session: AnySession, actor: Actor, at: dt.datetime, say: Say = lambda *_: None) -> dict[str, int]:
    """Seal everything under the current keys; the numbers of values and files that changed. Opens everything first."""
    check(session)
    with transaction(session):
        told = {"accounts": second_factor.seal_anew(session, actor, at), "values": 0, "files": 0}
        notices.seal_anew(session)
    everywhere = places()
    for number, place in enumerate(everywhere):
        say(place.word, number, len(everywhere))
        told["values"] += _renew(session, place)
    say("attachment", len(everywhere), len(everywhere))
    for row in list(_files(session)):
        with transaction(session):
            told["files"] += _seal_file(session, row.id)
    if told["values"] or told["files"]:
        with transaction(session):
            audit.record(session, actor, at, "sealing.seal_anew", "sealing", None, after=told)
    return told


def _renew(session: AnySession, place: Place) -> int:
    table, changed, last = place.table, 0, -1
    new = sa.bindparam("new", type_=sa.Text)
    if isinstance(place.kind, SealedJson) and session.get_bind().dialect.name == "postgresql":
        new = sa.cast(new, JSONB)  # type: ignore[assignment]
    write = sa.update(table).where(table.c.id == sa.bindparam("key"), place.text == sa.bindparam("old", type_=sa.Text))
    while True:
        with transaction(session):
            some = sa.select(table.c.id, place.text).where(table.c.id > last, place.stale)
            rows = session.execute(some.order_by(table.c.id).limit(BLOCK)).all()
            for key, text in rows:
                made = place.renewed(text)
                if made is not None:
                    done: Any = session.connection().execute(
                        write.values({place.name: new}), {"key": key, "old": text, "new": made}
                    )
                    changed += done.rowcount
        if not rows:
            return changed
        last = rows[-1].id


def _seal_file(session: AnySession, attachment_id: int) -> int:
    """Seal a stored file under the current key; 1 where it was not. The old bytes go once the row names the new ones,
    those that stood open by the sweep.

    Killed in between it leaves a file that no row names, never a row without its file.
    """
    statement = select(Attachment).where(Attachment.id == attachment_id).with_for_update()
    row = session.scalar(statement.execution_options(skip_scope=True))
    if row is None:
        return 0
    changed, old = 0, [row.sha256, row.thumb_sha256]
    for name, place in zip(("sha256", "thumb_sha256"), _places_of(row), strict=False):
        if place.is_file() and sealed_files.key_name(place, row.kind) != vault.current_names()[:4]:
            handle, draft = attachments.draft_file()
            try:
                with sealed_files.opened(place, row.kind) as source, os.fdopen(handle, "wb") as out:
                    shutil.copyfileobj(source, out)
                setattr(row, name, attachments.keep(draft, "", row.kind))
            finally:
                draft.unlink(missing_ok=True)
            changed = 1
    session.flush()
    attachments.forget_bytes(session, *(digest for digest in old if digest not in (None, row.sha256, row.thumb_sha256)))
    return changed


def _places_of(row: Attachment) -> list[Path]:
    """Where its bytes are, and those of its small picture."""
    return [attachments.path(None, row), *([attachments.path(None, row, small=True)] if row.thumb_sha256 else [])]


def _rows(session: AnySession, place: Place) -> Iterator[tuple[int, str]]:
    last = -1
    while rows := session.execute(
        sa.select(place.table.c.id, place.text)
        .where(place.table.c.id > last, place.table.c[place.name].is_not(None))
        .order_by(place.table.c.id)
        .limit(BLOCK)
    ).all():
        yield from ((row[0], row[1]) for row in rows)
        last = rows[-1][0]


def _files(session: AnySession) -> Iterator[Attachment]:
    statement = sa.select(Attachment).where(Attachment.kind.in_(sealed_files.KINDS)).order_by(Attachment.id)
    yield from session.scalars(statement.execution_options(skip_scope=True)).all()


def _renewed(text: str, context: str, spelt: Callable[[str], str]) -> str | None:
    if not vault.is_sealed(text):
        return vault.seal_text(text, context, spelt(text))
    if vault.is_current(text):
        return None
    plain = vault.open_text(text, context)
    return vault.seal_text(plain, context, spelt(plain))
