"""A batch from upload to end: kept, checked, started by its owner, imported in steps, its bad rows handed back.

Each step of the import writes rows and their mark `applied` in one transaction: a killed job goes on where it was,
and two imports of one file at once make one set of rows (each step holds the kind's lock and looks again).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import xlsxwriter
from sqlalchemy import delete, func, insert, select, update

from app import clock, scope
from app.errors import Refusal, refuse
from app.imports.checking import MODELS, Checker
from app.imports.columns import Kind, kinds
from app.imports.reading import read
from app.models import Attachment, Contract, Elevator, ImportBatch, ImportRow, NumberSeries
from app.permissions import Actor, Verb, require
from app.transaction import AnySession, lock, transaction
from app.workflows import attachments, audit, clocks, contracts, filing, jobs, ledgers
from app.workflows.filing_fields import empty
from app.workflows.take_over import PastVisit, take_over

STEP = 100
GOOD = ("new", "changed")
Progress = Callable[[int, int, str], None]
VERBS = {
    "units": Verb.UNIT_EDIT, "elevators": Verb.ELEVATOR_EDIT, "ledgers": Verb.LEDGER_EDIT,
    "contracts": Verb.CONTRACT_EDIT, "visits": Verb.TAKE_OVER,
}  # fmt: skip


def kinds_for(actor: Actor) -> dict[str, Kind]:
    """What this actor may import."""
    return {n: k for n, k in kinds().items() if actor.may(Verb.IMPORT) and actor.may(VERBS[n])}


def kind_of(actor: Actor, name: str) -> Kind:
    found = kinds().get(name)
    if found is None:
        raise refuse("导入内容", f"没有“{name[:30]}”这种导入", "请从列表选择", field="kind", value=name[:30])
    require(actor, Verb.IMPORT)
    require(actor, VERBS[name])
    return found


def open_batch(
    session: AnySession,
    actor: Actor,
    at: dt.datetime,
    kind: str,
    stream: IO[bytes],
    file_name: str,
    *,
    queued: bool = True,
) -> ImportBatch:
    """Keep the uploaded file and have it checked as a job; not `queued`, the caller checks it himself (command)."""
    held = kind_of(actor, kind)
    batch = ImportBatch(
        kind=held.name, state="checking", file_name=attachments.clean_name(file_name), unit_id=actor.unit_id,
        region_code=actor.region_code, created_by_id=actor.user_id, created_at=at,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    kept = attachments.store(
        session, actor, at, stream, file_name, "import", "import_batch", batch.id, actor.unit_id, actor.region_code
    )
    batch.attachment_id = kept.id
    if queued:
        batch.job_id = jobs.enqueue(
            session, actor, at, "import_check", f"校验 {batch.file_name}", {"batch": batch.id}
        ).id
    audit.record(session, actor, at, "import.upload", "import_batch", batch.id, after={"kind": kind, "file": file_name})
    return batch


def check(session: AnySession, actor: Actor, batch_id: int, path: Path, at: dt.datetime) -> dict[str, int]:
    """Judge every row and keep the judgement; a second run replaces the first."""
    batch = _own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    try:
        sheet = read(path, batch.file_name, held)
    except Refusal as refusal:
        note = str(refusal)[:300]
        session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(state="failed", note=note))
        return {"rows": 0, "new": 0, "changed": 0, "same": 0, "bad": 0}
    rows = Checker(session, actor, held, clock.local_day(at)).check(sheet)
    session.execute(delete(ImportRow).where(ImportRow.batch_id == batch_id))
    values = [
        {"batch_id": batch_id, "number": r.number, "state": r.state, "raw": r.raw, "data": r.data, "before": r.before,
         "errors": r.errors or None, "entity_id": r.entity_id, "applied": False}
        for r in rows
    ]  # fmt: skip
    for start in range(0, len(values), 1000):
        session.execute(insert(ImportRow.__table__), values[start : start + 1000])  # type: ignore[arg-type]
    counts = {s: sum(r.state == s for r in rows) for s in ("new", "changed", "same", "bad")}
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .values(
            state="checked", rows=len(rows), new_rows=counts["new"], changed_rows=counts["changed"],
            same_rows=counts["same"], bad_rows=counts["bad"], done_rows=0,
            mapping={"headings": list(sheet.headings), "unknown": list(sheet.unknown)},
            note=f"没有用到的列：{'、'.join(sheet.unknown)}"[:300] if sheet.unknown else None,
        )
    )  # fmt: skip
    return {"rows": len(rows), **counts}


def start(
    session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, *, queued: bool = True
) -> ImportBatch:
    """Have the good rows imported. Only once, and only what was checked."""
    batch = _own(session, actor, batch_id)
    kind_of(actor, batch.kind)
    lock(session, ImportBatch, batch_id)
    session.refresh(batch)
    if batch.state != "checked":
        raise refuse("导入", "这个文件不在待导入状态", "请刷新页面查看进度")
    if batch.new_rows + batch.changed_rows == 0:
        raise refuse("导入", "没有可以导入的行", "请改正错误后重新上传")
    job_id = batch.job_id
    if queued:
        job_id = jobs.enqueue(session, actor, at, "import", f"导入 {batch.file_name}", {"batch": batch.id}).id
    session.execute(
        update(ImportBatch).where(ImportBatch.id == batch_id).values(state="importing", job_id=job_id)
    )
    return batch


def run(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, progress: Progress) -> dict[str, int]:
    """Import the good rows step by step, each step one transaction; takes up a broken run where it ended."""
    batch = _own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    total = batch.new_rows + batch.changed_rows
    waiting = (ImportRow.batch_id == batch_id, ImportRow.state.in_(GOOD), ImportRow.applied.is_(False))
    while True:
        with transaction(session):
            _hold_kind(session, held.name)
            rows = _step(session, held, waiting)
            if held.name == "visits":
                _take_visits(session, actor, batch_id, rows, at)
            for row in rows if held.name != "visits" else ():
                _take(session, actor, held, batch_id, row, at)
            done = session.scalar(
                select(func.count()).where(ImportRow.batch_id == batch_id, ImportRow.applied.is_(True))
            )
            session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(done_rows=done))
        session.expunge_all()
        progress(done or 0, total, "导入")
        if not rows:
            break
    with transaction(session):
        return _finish(session, actor, held, batch_id, at)


def _finish(session: AnySession, actor: Actor, held: Kind, batch_id: int, at: dt.datetime) -> dict[str, int]:
    done = session.scalar(select(func.count()).where(ImportRow.batch_id == batch_id, ImportRow.applied.is_(True))) or 0
    bad = session.scalar(select(func.count()).where(ImportRow.batch_id == batch_id, ImportRow.state == "bad")) or 0
    if held.name == "ledgers":
        ids = session.scalars(
            select(ImportRow.entity_id).where(ImportRow.batch_id == batch_id, ImportRow.applied.is_(True))
        ).all()
        clocks.complete_entry(session, [i for i in ids if i is not None], at)
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .values(state="done", done_rows=done, bad_rows=bad, finished_at=at)
    )
    summary = {"imported": done, "bad": bad}
    audit.record(session, actor, at, "import.done", "import_batch", batch_id, after={"kind": held.name} | summary)
    return summary


def _step(session: AnySession, held: Kind, waiting: tuple[Any, ...]) -> Sequence[ImportRow]:
    """The next rows; of visits all of some elevators, so that each clock is told its whole past at once."""
    statement = select(ImportRow).where(*waiting)
    if held.name == "visits":
        keys = select(ImportRow.entity_id).where(*waiting).distinct().order_by(ImportRow.entity_id).limit(20)
        chosen = session.scalars(keys).all()
        return session.scalars(statement.where(ImportRow.entity_id.in_(chosen)).order_by(ImportRow.number)).all()
    return session.scalars(statement.order_by(ImportRow.number).limit(STEP)).all()


def _take_visits(
    session: AnySession, actor: Actor, batch_id: int, rows: Sequence[ImportRow], at: dt.datetime
) -> None:
    take_over(session, actor, batch_id, [_past(row) for row in rows], at)
    for row in rows:
        row.applied = True


def _hold_kind(session: AnySession, kind: str) -> None:
    """One step of a kind at a time: a new code must not be made twice by two imports of one file."""
    name = f"IMPORT-{kind}"
    if lock(session, NumberSeries, name) is None:
        session.add(NumberSeries(prefix=name, last=0))
        session.flush()


def _take(session: AnySession, actor: Actor, held: Kind, batch_id: int, row: ImportRow, at: dt.datetime) -> None:
    """Write one row, or turn it into a bad one with the reason; the others go on."""
    try:
        with session.begin_nested():
            row.entity_id = WRITERS[held.name](session, actor, batch_id, row, at)
        row.applied = True
    except Refusal as refusal:
        labels = {s.name: s.label for s in held.columns}
        errors = [
            {"column": labels.get(f.field or "", f.rule), "value": f.value or "", "found": f.found, "remedy": f.remedy}
            for f in refusal.findings
            if not f.ok
        ]
        session.execute(
            update(ImportRow).where(ImportRow.id == row.id).values(state="bad", errors=errors)
        )


def _write_filed(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime, name: str) -> int:
    """A draft of a unit or elevator; what came into being since the check is looked up again."""
    model, key = MODELS[name], kinds()[name].key
    data = dict(row.data or {})
    standing = None
    if row.entity_id is not None:
        standing = session.get(model, row.entity_id)
    elif data.get(key):
        statement = scope.apply(select(model).where(getattr(model, key) == data[key]), actor, model)
        standing = session.scalar(statement.order_by(model.approved_version.desc(), model.id.desc()).limit(1))
    values: Mapping[str, Any] = data if standing is not None else empty(model) | data
    saved = filing.save_draft(session, actor, model, standing, values, at)
    if standing is None:
        saved.batch_id = batch_id
        session.flush()
    return saved.id


def _write_ledger(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    elevator = session.get(Elevator, row.entity_id)
    if elevator is None:
        raise refuse("电梯", "已不在您的管辖范围内", "请重新校验文件")
    data = {n: _day(v) if n.endswith("_on") else v for n, v in (row.data or {}).items()}
    ledgers.save(session, actor, elevator, data, None, at)
    return elevator.id


def _write_contract(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    data = {n: _day(v) if n.endswith("_on") else v for n, v in (row.data or {}).items()}
    chosen = data.pop("elevator_ids", [])
    standing = session.get(Contract, row.entity_id) if row.entity_id is not None else None
    if standing is None and data.get("number"):
        statement = scope.apply(select(Contract).where(Contract.number == data["number"]), actor, Contract)
        standing = session.scalar(statement.limit(1))
    if data or standing is None:
        standing = contracts.save(session, actor, standing, data, at)
    if row.state == "new":
        standing.batch_id = batch_id
    if chosen:
        contracts.bind(session, actor, standing.id, chosen, at)
    return standing.id


def _past(row: ImportRow) -> PastVisit:
    data = row.data or {}
    return PastVisit(
        elevator_id=row.entity_id or 0, unit_id=data["unit_id"], worker_id=data["worker_id"],
        checked_in_at=dt.datetime.fromisoformat(data["checked_in_at"]), mode=data.get("mode") or "items",
        **{n: _instant(data.get(n)) for n in ("checked_out_at", "signed_at", "sheet_at", "reviewed_at")},
    )  # fmt: skip


WRITERS: dict[str, Callable[..., Any]] = {
    "units": lambda s, a, b, r, at: _write_filed(s, a, b, r, at, "units"),
    "elevators": lambda s, a, b, r, at: _write_filed(s, a, b, r, at, "elevators"),
    "ledgers": _write_ledger, "contracts": _write_contract,
}  # fmt: skip


def _day(value: Any) -> Any:
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else value


def _instant(value: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(value) if value else None


def file_of(session: AnySession, actor: Actor, batch_id: int) -> Path:
    """Where the batch's file lies."""
    batch = _own(session, actor, batch_id)
    kept = session.get(Attachment, batch.attachment_id) if batch.attachment_id else None
    if kept is None:
        raise refuse("文件", "上传的文件已不在", "请重新上传")
    return attachments.path(None, kept)


def _own(session: AnySession, actor: Actor, batch_id: int) -> ImportBatch:
    found: ImportBatch = scope.visible(session, actor, ImportBatch, batch_id, "导入批次")
    if not actor.system and found.created_by_id != actor.user_id:
        raise refuse("导入批次", "只能处理自己上传的文件", "请由上传人办理")
    return found


# --- workbooks that go out


def write_template(kind: Kind, path: Path) -> None:
    """The empty workbook: required headings coloured, choices as drop-downs, the second sheet says how to fill in."""
    book = xlsxwriter.Workbook(str(path))
    head = book.add_format({"bold": True, "bg_color": "#E2EDF7", "border": 1, "text_wrap": True})
    must = book.add_format({"bold": True, "bg_color": "#FDE6E2", "font_color": "#A52113", "border": 1})
    text, plain = book.add_format({"num_format": "@"}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(str(kind.label)[:31])
    sheet.freeze_panes(1, 0)
    for at, spec in enumerate(kind.columns):
        sheet.set_column(at, at, max(12, len(spec.label) * 2.2), None if spec.kind == "number" else text)
        sheet.write_string(0, at, spec.label, must if spec.required else head)
        if spec.help:
            sheet.write_comment(0, at, spec.help)
        if spec.choices or spec.kind == "bool":
            words = [str(w) for w in spec.choices.values()] if spec.choices else ["是", "否"]
            if sum(len(w) + 1 for w in words) < 250:
                sheet.data_validation(1, at, 20_000, at, {"validate": "list", "source": words})
    notes = book.add_worksheet("填写说明")
    notes.set_column(0, 1, 20)
    notes.set_column(2, 2, 70)
    for at, word in enumerate(("列", "必填", "说明")):
        notes.write_string(0, at, word, head)
    for at, spec in enumerate(kind.columns, 1):
        options = "、".join(str(w) for w in spec.choices.values()) if spec.choices else ""
        notes.write_string(at, 0, spec.label)
        notes.write_string(at, 1, "必填" if spec.required else "")
        said = (spec.help, spec.unit and f"单位 {spec.unit}", options)
        notes.write_string(at, 2, "；".join(part for part in said if part), plain)
    foot = "列的顺序可以改，不用的列可以删；红色的列必填。已有的行按编号更新，空着的格不改原值。"
    notes.write_string(len(kind.columns) + 2, 0, foot)
    book.close()


def write_bad_rows(session: AnySession, batch: ImportBatch, path: Path) -> int:
    """The rows that did not go in, as they were, with what is wrong; mend them and send the file again."""
    headings = (batch.mapping or {}).get("headings", [])
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    head, wrong = book.add_format({"bold": True, "bg_color": "#E2EDF7"}), book.add_format({"font_color": "#A52113"})
    sheet = book.add_worksheet("待改正")
    for at, word in enumerate([*headings, "错误说明"]):
        sheet.write_string(0, at, str(word), head)
    count = 0
    statement = select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.state == "bad")
    for row in session.scalars(statement.order_by(ImportRow.number)):
        count += 1
        for at, cell in enumerate(row.raw):
            if cell is not None:
                sheet.write_string(count, at, str(cell))
        sheet.write_string(count, len(headings), told(row), wrong)
    book.close()
    return count


def told(row: ImportRow) -> str:
    """A row's errors in one cell: column, value, what is wrong, the way out."""
    return "；".join(f"{e['column']}：{e['found']}，{e['remedy']}" for e in row.errors or [])


