"""Drafts of many units or elevators in a few statements: what `filing.save_draft` does for one, done for a set.

All or nothing: one that may not be saved refuses the whole set, and the caller saves row by row to learn which.
The audit log gets one entry with counts and a digest of what was written.
"""

from __future__ import annotations

import datetime as dt
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, delete, func, select, update

from app import scope
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, ElevatorLabel, Region, Unit, Version
from app.models.among import among
from app.permissions import Actor, require
from app.rules.approval import FilingState
from app.transaction import AnySession, Block, blocks_of, new_keys, write_blocks
from app.wording import say
from app.workflows.approval.filing_fields import Data, FiledModel, days_of, empty, fields_of, lacking, what_changes
from app.workflows.approval.filing_versions import digest
from app.workflows.core import audit, moves
from app.workflows.core.ahead import Do, answered, behind
from app.workflows.files import left_behind
from app.workflows.filing import filing_rights
from app.workflows.filing.filing import EDIT_VERB

AT_ONCE = 400
PARTIES = ("maintenance_unit_id", "use_unit_id")
# What `filing_rights` looks at; rows that agree in it are asked about once.
_JUDGED_BY = {
    m.__tablename__: itemgetter(*(n for n in fields_of(m) if n.startswith("is_") or n in ("region_id", *PARTIES)))
    for m in (Unit, Elevator)
}


class Wish(NamedTuple):
    """What to save: the row (None makes one) and its fields in stored form, some or all."""

    entity_id: int | None
    data: Data


class Saved(NamedTuple):
    """What became of a wish: the row, the fields that changed, before and after; nothing where it was so already."""

    entity_id: int
    made: bool
    before: Data
    after: Data


@dataclass(slots=True)
class _Held:
    """A row under the lock with what an edit of it starts from."""

    filed: filing_rights.Standing
    filing: str
    approved: int
    content: Data
    last_number: int
    draft_id: int | None

    @property
    def id(self) -> int:
        return self.filed.id


def save_drafts(
    session: AnySession, actor: Actor, model: FiledModel, wishes: Sequence[Wish], at: dt.datetime,
    batch_id: int | None = None, also: Callable[[list[Saved], Do], None] | None = None,
) -> list[Saved]:  # fmt: skip
    """Make or change drafts, in the order of the wishes. `data` must be clean (`filing_fields.clean`).

    `also` gives more to be written of the outcome, while the drafts still are.
    """
    require(actor, EDIT_VERB[model])
    standing = _hold(session, actor, model, [w.entity_id for w in wishes if w.entity_id is not None])
    allowed: set[Any] = set()
    fresh = _fresh(session, actor, model, wishes, allowed)
    # All that is asked stands before what is written: meanwhile the session is the writes' alone.
    places = _codes(session, fresh.values())
    keys = new_keys(session, model.__table__, len(fresh)) if fresh else []
    stamp = {"edited_by_id": actor.user_id, "edited_at": at}
    saved = {n: Saved(key, True, {}, data) for key, (n, data) in zip(keys, fresh.items(), strict=True)}
    with behind(session) as do:
        if fresh:
            _make(session, actor, model, keys, list(fresh.values()), stamp, at, batch_id, places, do)
        # What stands is looked at while the database writes what is new.
        changed = _changes(model, wishes, standing(), saved)
        do.done()
        for row, data in changed:
            _check(session, actor, model, row.filed, data, allowed)
        places = _codes(session, [data for row, data in changed if not row.approved])
        if changed:
            _change(session, actor, model, changed, stamp, at, places, do)
        result = [saved[number] for number in range(len(wishes))]
        if also is not None:
            also(result, do)
        told = _told(result)
    if told is not None:
        audit.record(session, actor, at, f"{model.__tablename__}.save_drafts", "import_batch", batch_id, after=told)
    return result


def _fresh(
    session: AnySession, actor: Actor, model: FiledModel, wishes: Sequence[Wish], allowed: set[Any]
) -> dict[int, Data]:  # fmt: skip
    """The contents of new rows, by the place of the wish."""
    found: dict[int, Data] = {}
    blank = empty(model)
    for number, wish in enumerate(wishes):
        if wish.entity_id is None:
            data = blank | wish.data
            for name, value in filing_rights.defaults(session, actor, model, data).items():
                data[name] = value if data.get(name) is None else data[name]
            _check(session, actor, model, None, data, allowed)
            found[number] = data
    return found


def _changes(
    model: FiledModel, wishes: Sequence[Wish], held: Mapping[int, _Held], saved: dict[int, Saved]
) -> list[tuple[_Held, Data]]:
    """Rows whose filing becomes another, with what it becomes; `saved` is given what became of each wish."""
    changed = []
    for number, wish in enumerate(wishes):
        if wish.entity_id is None:
            continue
        row = held.get(wish.entity_id)
        if row is None or row.filing == FilingState.PENDING:
            found = "不在您的管辖范围内" if row is None else "正在审核"
            raise refuse(
                "备案",
                say("编号为 %(entity_id)s 的备案%(found)s", entity_id=wish.entity_id, found=found),
                "请刷新后重新校验",
            )
        asked = wish.data
        if row.approved and model is Elevator and "declared_status" in asked:
            asked = {name: value for name, value in asked.items() if name != "declared_status"}
        before, after = what_changes(row.content, asked)
        saved[number] = Saved(row.id, False, before, after)
        if after:
            changed.append((row, row.content | asked))
    return changed


def _hold(session: AnySession, actor: Actor, model: FiledModel, ids: list[int]) -> Callable[[], dict[int, _Held]]:
    """Lock the rows in order of id, and ask for what an edit of each starts from; it is read when that is called."""
    if not ids:
        return dict
    names, days = fields_of(model), days_of(model)
    table: Any = model.__table__
    held_in = table.c
    called = held_in.code if model is Elevator else held_in.name
    statement = (
        select(
            held_in.id, held_in.filing_state, held_in.approved_version, held_in.region_code, held_in.filed_by_unit_id,
            # Days as a content keeps them.
            called, *(cast(held_in[n], Text) if n in days else held_in[n] for n in names),
        )
        .where(among(session, held_in.id, ids))
        .order_by(held_in.id)
        .with_for_update(of=table)
    )  # fmt: skip
    locked = answered(session, scope.apply(statement, actor, model))
    last = _last_versions(session, model, ids)
    entered = [version_id for version_id, _number, state in last.values() if state != "approved"]
    versions: Any = Version.__table__.c
    contents = select(versions.entity_id, versions.data).where(among(session, versions.id, entered))
    drafts = answered(session, contents) if entered else tuple

    def found() -> dict[int, _Held]:
        held: dict[int, _Held] = {}
        for key, filing, approved, region, filer, name, *values in locked():
            content = dict(zip(names, values, strict=True))
            filed = filing_rights.Standing(key, name, region, filer, *map(content.get, PARTIES))
            version_id, number, state = last.get(key, (None, 0, None))
            draft = version_id if state == "draft" else None
            held[key] = _Held(filed, filing, approved, content, max(approved, number), draft)
        for key, data in drafts():
            # What was entered last and is not in force.
            if key in held and held[key].filing != FilingState.APPROVED:
                held[key].content |= data
        return held

    return found


def _last_versions(session: AnySession, model: FiledModel, ids: list[int]) -> dict[int, tuple[int, int, str]]:
    """By row its last version: key, number and state."""
    statement = (
        select(Version.entity_id, Version.id, Version.number, Version.state)
        .where(Version.entity == model.__tablename__, among(session, Version.entity_id, ids))
        .order_by(Version.number)
    )
    return {key: (version_id, number, state) for key, version_id, number, state in session.execute(statement)}


def _check(
    session: AnySession, actor: Actor, model: FiledModel, row: filing_rights.Standing | None, data: Data,
    allowed: set[Any],
) -> None:  # fmt: skip
    """Refuse what lacks something required, or what the actor may not file; `row` is None for what is new."""
    if missing := lacking(model, data):
        raise_failing(missing)
    if model is not Elevator and row is not None:
        # Whether it has an account of its own counts as well: no two units are alike.
        filing_rights.may_file(session, actor, model, row, data)
        return
    key = row and row.judged_by, _JUDGED_BY[model.__tablename__](data)
    if key not in allowed:
        filing_rights.may_file(session, actor, model, row, data)
        allowed.add(key)


def _change(
    session: AnySession, actor: Actor, model: FiledModel, changed: Sequence[tuple[_Held, Data]],
    stamp: Mapping[str, Any], at: dt.datetime, places: Mapping[int, str], do: Do,
) -> None:  # fmt: skip
    """Write changed rows."""
    table: Any = model.__table__
    moved = {"updated_at": at, "row_version": table.c.row_version + 1}
    begun = [r for r, _ in changed if r.filing != FilingState.DRAFT]
    do(lambda: moves.edit_where(session, actor, model, [r.id for r in begun if r.approved], at, **moved))
    do(lambda: moves.edit_where(session, actor, model, [r.id for r in begun if not r.approved], at))
    edited = [{"key": r.draft_id, "data": data, **stamp} for r, data in changed if r.draft_id is not None]
    versions = Version.__table__
    if edited:
        statement = update(versions).where(versions.c.id == bindparam("key"))
        edit = statement.values({n: bindparam(n) for n in ("data", *stamp)})
        do(lambda: _many(session, edit, edited))
    # Made ready while the database still moves the rows.
    opened = [(r.id, r.last_number + 1, r.approved, data) for r, data in changed if r.draft_id is None]
    do(partial(write_blocks, session, versions, _VERSION, _version_blocks(session, model, opened, stamp)))
    for part in _parts([r.id for r, _ in changed if r.approved and r.filing == FilingState.DRAFT]):
        do(partial(session.execute, update(table).where(table.c.id.in_(part)).values(**moved)))
    shown = [(r, data) for r, data in changed if not r.approved]
    if shown:
        columns = _columns(model)
        put = update(table).where(table.c.id == bindparam("key"))
        rows = [{"key": r.id} | {f"v_{n}": v for n, v in _row(model, data, places).items()} for r, data in shown]
        do(lambda: _many(session, put.values({n: bindparam(f"v_{n}") for n in columns} | moved), rows))


def _make(
    session: AnySession, actor: Actor, model: FiledModel, keys: list[int], contents: Sequence[Data],
    stamp: Mapping[str, Any], at: dt.datetime, batch_id: int | None, places: Mapping[int, str], do: Do,
) -> None:  # fmt: skip
    """Write new rows under keys drawn before: then no row waits for its answer."""
    # What no row of the set fills in is not written at all.
    columns = _by_columns(contents)
    # A version holds what was filled in: most fields of a filing are no columns of a workbook.
    entered = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    columns["region_code"] = [places[key] for key in columns["region_id"]]
    if model is Elevator:
        random = secrets.token_bytes(15 * len(contents))
        columns["public_token"] = [
            urlsafe_b64encode(random[at_byte : at_byte + 15]).decode() for at_byte in range(0, len(random), 15)
        ]
    shared = {
        "filed_by_unit_id": actor.unit_id, "created_by_id": actor.user_id, "created_at": at, "updated_at": at,
        "filing_state": "draft", "info_state": "new", "approved_version": 0, "batch_id": batch_id,
    }  # fmt: skip
    columns["id"] = keys
    alike = [repeat(value, len(contents)) for value in shared.values()]
    _insert(session, model.__table__, [*columns, *shared], list(zip(*columns.values(), *alike, strict=True)), do)
    do(lambda: _within_scope(session, actor, model, keys))
    made = _version_blocks(session, model, [(k, 1, 0, d) for k, d in zip(keys, entered, strict=True)], stamp)
    do(partial(write_blocks, session, Version.__table__, _VERSION, made))


def _insert(session: AnySession, table: Any, names: Sequence[str], rows: list[Any], do: Do) -> None:
    """As `insert_rows`: their text is made while the database still writes what was given before."""
    if rows:
        do(partial(write_blocks, session, table, names, list(blocks_of(session, table, names, rows))))


def _within_scope(session: AnySession, actor: Actor, model: FiledModel, ids: list[int]) -> None:
    """What the guard asks of each written row, asked of all at once."""
    if actor.sees_everything:
        return
    seen = 0
    for part in _parts(ids):
        statement = scope.apply(select(func.count()).where(model.id.in_(part)), actor, model)
        seen += session.scalar(statement) or 0
    if seen != len(ids):
        found = say("%(count)s 条记录会落在您的管辖范围之外", count=len(ids) - seen)
        raise NotAllowed(Finding("管辖范围", False, found, "请检查所选的单位和地区"))


# The columns of a new version, in the order in which they are written.
_VERSION = ("entity", "state", "edited_by_id", "edited_at", "entity_id", "number", "base_number", "data")


def _version_blocks(
    session: AnySession, model: FiledModel, found: Sequence[tuple[int, int, int, Data]], stamp: Mapping[str, Any]
) -> list[Block]:
    """New drafts made ready to be written."""
    alike = (model.__tablename__, "draft", *stamp.values())
    return list(blocks_of(session, Version.__table__, _VERSION, [(*alike, *own) for own in found]))


def _told(saved: Sequence[Saved]) -> Data | None:
    """What the log says of the whole set; None where nothing was written."""
    made = [s for s in saved if s.made]
    touched = [s for s in saved if s.after and not s.made]
    if not made and not touched:
        return None
    # What was made by columns: as text that is a third of the same row by row.
    written = {
        "made": {"id": [s.entity_id for s in made]} | _by_columns([s.after for s in made]),
        "changed": {str(s.entity_id): s.after for s in touched},
    }
    return {"made": len(made), "changed": len(touched), "digest": digest(written)}


def _by_columns(contents: Sequence[Data]) -> dict[str, Sequence[Any]]:
    """Contents of the same fields; what none of them fills in is left out."""
    if not contents:
        return {}
    columns = zip(contents[0], zip(*map(itemgetter(*contents[0]), contents), strict=True), strict=True)
    return {name: values for name, values in columns if values.count(None) < len(values)}


def _columns(model: FiledModel) -> tuple[str, ...]:
    return (*fields_of(model), "region_code")


def _row(model: FiledModel, data: Data, places: Mapping[int, str]) -> dict[str, Any]:
    """A content as columns: days are dates again, the region's code follows."""
    row: dict[str, Any] = {name: data.get(name) for name in fields_of(model)}
    for name in days_of(model):
        if row[name] is not None:
            row[name] = dt.date.fromisoformat(row[name])
    row["region_code"] = places[data["region_id"]]
    return row


def _codes(session: AnySession, contents: Iterable[Data]) -> dict[int, str]:
    wanted = {data["region_id"] for data in contents}
    if not wanted:
        return {}
    found: dict[int, str] = {}
    for key, code in session.execute(select(Region.id, Region.code).where(Region.id.in_(wanted))):
        found[key] = code
    if len(found) != len(wanted):
        raise refuse("所在地区", "有地区已不存在", "请重新校验文件", field="region_id")
    return found


def _many(session: AnySession, statement: Any, rows: list[dict[str, Any]]) -> None:
    """One statement for many rows. On the connection: the session would take a list for rows of the model."""
    session.connection().execute(statement, rows)


def _parts(keys: list[int]) -> list[list[int]]:
    return [keys[i : i + AT_ONCE] for i in range(0, len(keys), AT_ONCE)]


# --- taking back


def delete_drafts(
    session: AnySession, actor: Actor, model: FiledModel, ids: Sequence[int], at: dt.datetime, batch_id: int
) -> None:
    """Delete rows that were never submitted and that nothing stands on (the caller has looked); audited once."""
    require(actor, EDIT_VERB[model])
    table: Any = model
    gone = []
    for part in _parts(sorted(ids)):
        held = select(table.id).where(table.id.in_(part), table.approved_version == 0, table.filing_state == "draft")
        keys = list(session.scalars(scope.apply(held.order_by(table.id).with_for_update(of=table), actor, model)))
        left_behind.clear(session, model.__tablename__, keys, at)
        if model is Elevator:
            session.execute(
                delete(ElevatorLabel).where(ElevatorLabel.elevator_id.in_(keys))
                .execution_options(synchronize_session=False)
            )  # fmt: skip
        session.execute(delete(model).where(table.id.in_(keys)).execution_options(synchronize_session=False))
        gone += keys
    if len(gone) != len(ids):
        raise refuse("撤销", "有记录刚刚被修改或上报", "请重新撤销")
    audit.record(
        session, actor, at, f"{model.__tablename__}.delete_drafts", "import_batch", batch_id,
        after={"deleted": len(gone), "digest": digest({"ids": gone})},
    )  # fmt: skip
