"""Photos of visits by what they look like (FRD-01): each is looked at once, then compared."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, union

from app.models import Attachment, PicturePrint, Visit
from app.models.among import among
from app.rules import fraud
from app.rules.files import PICTURES
from app.rules.fraud import Print, Sign
from app.rules.visit_photos import Place
from app.transaction import AnySession, all_written, connection_of, insert_many, transaction
from app.workflows.files import attachments, pictures
from app.workflows.oversight.fraud_look import Looked, Policies, Progress, Seen, new_on, read, write

AT_ONCE = 400
# One elevator's label looks like the next one's: of labels only the same file is a sign.
LOOKED_AT = ("photo", *Place)
KINDS = (*LOOKED_AT, "label", "label_out")
_file: Any = Attachment.__table__.c
_visit: Any = Visit.__table__.c
_print: Any = PicturePrint.__table__.c


def look(
    session: AnySession, on: dt.date, at: dt.datetime, region: str | None, done: Looked, progress: Progress
) -> None:
    """Work out the prints of a day's photos and compare them with those before; transactions of its own.

    The files are read between two transactions: they take longer than anything that is asked of the database.
    """
    with transaction(session):
        waiting = _waiting(session, on, region)
    for start in range(0, len(waiting), AT_ONCE):
        rows = [_row(found) for found in waiting[start : start + AT_ONCE]]
        with transaction(session):
            # Somebody may have looked at the same day meanwhile.
            keys = [row["attachment_id"] for row in rows]
            have = select(_print.attachment_id).where(among(session, _print.attachment_id, keys))
            there = set(connection_of(session).execute(have).scalars())
            new = [row for row in rows if row["attachment_id"] not in there]
            insert_many(session, PicturePrint.__table__, new)
        done.photos += len(new)
        progress(start, len(waiting), "看照片")
    with transaction(session):
        _write_repeated(session, on, at, region, done)


def compare(session: AnySession, on: dt.date, at: dt.datetime, region: str | None, done: Looked) -> None:
    """The same for few photos, within the caller's transaction."""
    rows = [_row(found) for found in _waiting(session, on, region)]
    insert_many(session, PicturePrint.__table__, rows)
    done.photos += len(rows)
    _write_repeated(session, on, at, region, done)


def _write_repeated(session: AnySession, on: dt.date, at: dt.datetime, region: str | None, done: Looked) -> None:
    policies = Policies(session, on)
    write(session, _repeated(session, on, region, policies), policies, at, done)


def _waiting(session: AnySession, on: dt.date, region: str | None) -> list[Any]:
    """Photos of the day's new visits that nobody has looked at."""
    all_written(session)
    statement = (
        select(_file.id, _file.entity_id, _file.kind, _file.sha256, _file.thumb_sha256, _visit.visit_on)
        .join(Visit.__table__, _visit.id == _file.entity_id)
        .outerjoin(PicturePrint.__table__, _print.attachment_id == _file.id)
        .where(
            new_on(on, region), _file.entity == "visit", _file.kind.in_(KINDS), _file.mime.in_(sorted(PICTURES)),
            _file.removed_at.is_(None), _print.attachment_id.is_(None),
        )
        .order_by(_file.id)
    )  # fmt: skip
    return list(connection_of(session).execute(statement).all())


def _row(found: Any) -> dict[str, Any]:
    """A photo's print, from its small picture: nothing but shapes is looked at."""
    bits = None
    for digest in (found.thumb_sha256, found.sha256) if found.kind in LOOKED_AT else ():
        place = attachments.file_of(digest) if digest else None
        if place is not None and place.is_file():
            with place.open("rb") as file:
                bits = pictures.print_of(file)
            break
    pieces = fraud.pieces(bits) if bits is not None else (None, None, None)
    return {
        "attachment_id": found.id, "visit_id": found.entity_id, "sha256": found.sha256, "bits": bits,
        **{f"piece{n}": piece for n, piece in enumerate(pieces)}, "taken_on": found.visit_on,
    }  # fmt: skip


def _repeated(
    session: AnySession, on: dt.date, region: str | None, policies: Policies
) -> Iterator[tuple[Sign, Seen]]:
    """New photos beside those that have their digest, or a piece of their print, in common."""
    new = select(_print.attachment_id).join(Visit.__table__, _visit.id == _print.visit_id).where(new_on(on, region))
    keys = list(connection_of(session).execute(new.order_by(_print.attachment_id)).scalars())
    since = on - dt.timedelta(days=policies.of(region or "").photo_days)
    for start in range(0, len(keys), AT_ONCE):
        yield from _compared(session, keys[start : start + AT_ONCE], since, on, policies)


def _compared(
    session: AnySession, keys: list[int], since: dt.date, on: dt.date, policies: Policies
) -> Iterator[tuple[Sign, Seen]]:
    mine, other = PicturePrint.__table__.alias("mine"), PicturePrint.__table__.alias("other")
    alike = [mine.c.sha256 == other.c.sha256, *(mine.c[f"piece{n}"] == other.c[f"piece{n}"] for n in range(3))]
    columns = (
        mine.c.attachment_id, mine.c.visit_id, mine.c.sha256, mine.c.bits, mine.c.taken_on,
        other.c.attachment_id.label("other_id"), other.c.visit_id.label("other_visit"),
        other.c.sha256.label("other_sha"), other.c.bits.label("other_bits"), other.c.taken_on.label("other_on"),
    )  # fmt: skip
    asked = union(*(
        select(*columns).where(
            among(session, mine.c.attachment_id, keys), same, other.c.visit_id != mine.c.visit_id,
            other.c.taken_on >= since,
        )
        for same in alike
    ))  # fmt: skip
    # Most that have a piece in common differ in the rest: that is told before anything is read of their visits.
    widest = len(fraud.PIECES) - 1
    close = [
        row for row in connection_of(session).execute(asked)
        if row.sha256 == row.other_sha
        or (row.bits is not None and row.other_bits is not None and fraud.distance(row.bits, row.other_bits) <= widest)
    ]  # fmt: skip
    visits = {row.visit_id for row in close} | {row.other_visit for row in close}
    if not visits:
        return
    seen = {one.stop.id: one for one in read(session, among(session, _visit.id, sorted(visits)), on)}
    by_pair: dict[tuple[int, int], list[Sign]] = defaultdict(list)
    for row in close:
        here, there = seen.get(row.visit_id), seen.get(row.other_visit)
        if here is None or there is None:
            continue
        a = Print(row.attachment_id, here.stop, row.taken_on, row.sha256, row.bits)
        b = Print(row.other_id, there.stop, row.other_on, row.other_sha, row.other_bits)
        low, high = sorted((row.visit_id, row.other_visit))
        by_pair[low, high] += fraud.repeated([a, b], policies.of(here.region_code))
    for signs in by_pair.values():
        if signs:
            best = min(signs, key=lambda one: (not one.facts["exact"], one.facts["bits"]))
            yield best, seen[best.visits[-1]]
