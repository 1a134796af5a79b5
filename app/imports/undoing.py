"""A batch undone: rows that it made go, rows that it changed are as they were; what something stands on stays.

Only what nobody touched since is taken back: a later edit, a filing, a visit is somebody's work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app import scope
from app.errors import Finding, NotAllowed, Refusal, refuse
from app.imports import comparing_orders, first_passwords, writing_inspections, writing_parts, writing_past
from app.imports.batches import Progress, kind_of
from app.imports.comparing import as_json, dated
from app.imports.comparing_filings import MODELS
from app.imports.waiting import before, last_number
from app.imports.writing import hold_kind
from app.models import (
    AuditEntry,
    Contract,
    ContractElevator,
    Elevator,
    ImportBatch,
    ImportRow,
    InsuredPerson,
    Invitation,
    MaintenanceLedger,
    MaintenanceOrder,
    Person,
    Version,
)
from app.permissions import Actor
from app.transaction import AnySession, lock, transaction
from app.wording import ours, say, together
from app.workflows.access import sub_accounts
from app.workflows.approval.filing_fields import differences, snapshot
from app.workflows.contracts import contracts
from app.workflows.core import audit, jobs
from app.workflows.files import attachments
from app.workflows.filing import filing
from app.workflows.filing.filing_sets import delete_drafts
from app.workflows.maintenance import ledger_rows, ledgers, orders
from app.workflows.papers import insurance
from app.workflows.people import invitations, people, person_versions
from app.workflows.people.standing_on import standing_on

STEP = 200
Kept = dict[int, str]


def may_undo(actor: Actor, batch: ImportBatch) -> bool:
    """Whoever imported it, or a regulator above."""
    return actor.system or actor.sees_everything or batch.created_by_id == actor.user_id or actor.unit_id is None


def begin(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, *, queued: bool = True) -> ImportBatch:
    """Have an imported batch undone; only once. Past visits are evidence and stay."""
    batch: ImportBatch = scope.visible(session, actor, ImportBatch, batch_id, "导入批次")
    held = kind_of(actor, batch.kind)
    if not may_undo(actor, batch):
        raise NotAllowed(
            Finding("撤销导入", False, "不是您导入的，也不是您辖区的导入", "请由导入人或上级监管账号办理")
        )
    lock(session, ImportBatch, batch_id)
    session.refresh(batch)
    if batch.state != "done":
        raise refuse("撤销导入", "这批导入不在已完成状态", "请刷新页面查看")
    if held.name == "visits":
        raise refuse("撤销导入", "接管的既往维保记录是考核依据", "请在维保记录里逐条处理")
    if not batch.done_rows:
        raise refuse("撤销导入", "这批导入没有写入任何行", "无须撤销")
    job_id = batch.job_id
    if queued:
        title = say("撤销导入 %(file_name)s", file_name=batch.file_name)
        job_id = jobs.enqueue(session, actor, at, "import_undo", title, {"batch": batch_id}).id
    session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(state="undoing", job_id=job_id))
    audit.record(session, actor, at, "import.undo", "import_batch", batch_id, before={"rows": batch.done_rows})
    return batch


def run(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, progress: Progress) -> dict[str, int]:
    """Undo row by row from the last, some rows a transaction; a killed run is taken up where it was."""
    batch: ImportBatch = scope.visible(session, actor, ImportBatch, batch_id, "导入批次")
    held = kind_of(actor, batch.kind)
    total = batch.done_rows
    if batch.state != "undoing":
        return {"undone": batch.undone_rows, "kept": batch.kept_rows}
    done, first = 0, last_number(session, batch_id) + 1
    while True:
        with transaction(session):
            hold_kind(session, held.name)
            rows = before(session, batch_id, first, STEP)
            kept = _undo(session, actor, held.name, batch_id, rows, at) if rows else {}
            if rows:
                session.execute(update(ImportRow), [
                    {"id": r.id, "undo": "kept" if r.id in kept else "undone", "undo_note": ours(kept.get(r.id, ""))}
                    for r in rows
                ])  # fmt: skip
                first = rows[-1].number
            done += len(rows)
        session.expunge_all()
        progress(done, total, "撤销")
        if not rows:
            break
    with transaction(session):
        return _finish(session, actor, batch_id, at)


def _finish(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime) -> dict[str, int]:
    statement = select(ImportRow.undo, func.count()).where(ImportRow.batch_id == batch_id, ImportRow.undo.is_not(None))
    counts: dict[Any, int] = {"undone": 0, "kept": 0}
    counts.update((word, count) for word, count in session.execute(statement.group_by(ImportRow.undo)))
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .values(state="undone", undone_rows=counts["undone"], kept_rows=counts["kept"])
    )
    audit.record(session, actor, at, "import.undone", "import_batch", batch_id, after=counts)
    return counts


def _undo(
    session: AnySession, actor: Actor, kind: str, batch_id: int, rows: Sequence[ImportRow], at: dt.datetime
) -> Kept:
    """Take rows back; gives by row of the batch why it stays."""
    kept: Kept = {}
    finished = session.scalar(select(ImportBatch.finished_at).where(ImportBatch.id == batch_id)) or at
    if kind in MODELS:
        made = [r for r in rows if r.state == "new"]
        kept |= _undo_made(session, actor, kind, batch_id, made, finished, at)
        rows = [r for r in rows if r.state != "new"]
    for row in rows:
        try:
            with session.begin_nested():
                UNDOERS[kind](session, actor, row, finished, at)
        except (Refusal, IntegrityError) as problem:
            kept[row.id] = _why(problem)
    return kept


def _why(problem: Refusal | IntegrityError) -> str:
    if isinstance(problem, IntegrityError):
        return "另有记录引用这一行"
    return together((f.found for f in problem.findings if not f.ok), "；")


# --- units and elevators


def _undo_made(
    session: AnySession, actor: Actor, kind: str, batch_id: int, rows: Sequence[ImportRow], finished: dt.datetime,
    at: dt.datetime,
) -> Kept:  # fmt: skip
    model = MODELS[kind]
    ids = [r.entity_id for r in rows if r.entity_id is not None]
    there = _states(session, actor, model, ids)
    touched = _touched(session, model, ids, finished)
    standing = standing_on(session, model, ids)
    kept: Kept = {}
    for row in rows:
        key = row.entity_id or 0
        filing_state, approved, of_batch = there.get(key, ("", 0, None))
        if not filing_state:
            kept[row.id] = "已不存在，或不在您的管辖范围内"
        elif approved or filing_state != "draft":
            kept[row.id] = "已上报或已审核通过"
        elif of_batch != batch_id:
            kept[row.id] = "不是这批导入建立的"
        elif key in standing:
            kept[row.id] = say("已有%(key)s", key=standing[key])
        elif key in touched:
            kept[row.id] = "导入之后又修改过"
    gone = [r.entity_id for r in rows if r.id not in kept and r.entity_id is not None]
    if gone:
        try:
            with session.begin_nested():
                delete_drafts(session, actor, model, gone, at, batch_id)
        except (Refusal, IntegrityError) as problem:
            kept |= {r.id: _why(problem) for r in rows if r.id not in kept}
    return kept


def _states(session: AnySession, actor: Actor, model: Any, ids: list[int]) -> dict[int, tuple[str, int, int | None]]:
    statement = select(model.id, model.filing_state, model.approved_version, model.batch_id).where(model.id.in_(ids))
    found = session.execute(scope.apply(statement.order_by(model.id).with_for_update(of=model), actor, model))
    return {key: (filing_state, approved, batch) for key, filing_state, approved, batch in found}


def _touched(session: AnySession, model: Any, ids: list[int], finished: dt.datetime) -> set[int]:
    """Rows that somebody edited after the import ended."""
    statement = select(Version.entity_id).where(
        Version.entity == model.__tablename__, Version.entity_id.in_(ids), Version.edited_at > finished
    )
    return set(session.scalars(statement))


def _restore_filed(
    session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime, kind: str
) -> None:
    model = MODELS[kind]
    entity = scope.visible(session, actor, model, row.entity_id, "这条备案")
    last = session.scalar(
        select(Version)
        .where(Version.entity == model.__tablename__, Version.entity_id == entity.id)
        .order_by(Version.number.desc())
        .limit(1)
    )
    if entity.filing_state != "draft" or last is None or last.state != "draft":
        raise refuse("撤销", "已上报或已审核通过")
    if last.edited_at > finished:
        raise refuse("撤销", "导入之后又修改过")
    filing.save_draft(session, actor, model, entity, row.before or {}, at)
    if entity.approved_version and not differences(snapshot(entity), filing.content(session, entity)):
        filing.discard(session, actor, entity, at)


# --- the others


def _undo_person(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    scope.visible(session, actor, Person, row.entity_id, "人员")
    person = lock(session, Person, row.entity_id)
    assert person is not None
    held = person_versions.content(session, person)
    if row.state == "changed":
        _unchanged(row, held)
        before = row.before or {}
        values = dated({n: held[n] for n in people.FIELDS} | before)
        people.save_person(
            session, actor, person.id, name=values["name"] or "", phone=values["phone"] or "",
            work_kind=values["work_kind"] or "", certificate_no=values["certificate_no"] or "",
            certificate_until=values["certificate_until"], at=at,
            identity={n: values[n] for n in people.IDENTITY if n in before},
        )  # fmt: skip
        return
    standing = standing_on(session, Person, [person.id])
    if standing:
        raise refuse("撤销", say("已有%(id)s", id=standing[person.id]))
    _unchanged(row, held)
    audit.record(session, actor, at, "person.delete", "person", person.id, before={"name": person.name})
    session.delete(person)
    session.flush()


def _undo_invitation(
    session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime
) -> None:
    """Nobody has agreed yet: the invitation is taken back."""
    found: Invitation = scope.visible(session, actor, Invitation, row.entity_id, "入职邀请")
    if found.state != "invited":
        raise refuse("撤销", "本人已同意，或邀请已经结束")
    invitations.cancel(session, actor, found.id, at)


def _undo_ledger(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    elevator = scope.visible(session, actor, Elevator, row.entity_id, "电梯")
    ledger = ledger_rows.of_elevator(session, elevator.id, locked=True)
    if ledger is None:
        raise refuse("撤销", "设备履历已不存在")
    _unchanged(row, {n: as_json(getattr(ledger, n)) for n in ledgers.FIELDS})
    if row.state == "changed":
        back = _orders_moved(session, row, ledger.id, finished)
        ledgers.save(session, actor, elevator, dated(row.before or {}), None, at, orders_back=back)
        return
    order = session.scalar(
        select(func.min(MaintenanceOrder.planned_on)).where(
            MaintenanceOrder.elevator_id == elevator.id, MaintenanceOrder.created_at >= ledger.created_at
        )
    )
    standing = standing_on(session, MaintenanceLedger, [ledger.id])
    if order is not None or standing:
        raise refuse(
            "撤销", say("已有维保任务 %(order)s", order=order) if order else say("已有%(id)s", id=standing[ledger.id])
        )
    audit.record(
        session, actor, at, "ledger.delete", "maintenance_ledger", ledger.id, before={"elevator": elevator.code}
    )
    session.delete(ledger)
    session.flush()


def _orders_moved(session: AnySession, row: ImportRow, ledger_id: int, finished: dt.datetime) -> set[int]:
    """The orders that went to another worker by this row: what he had already was not the former one's."""
    former, worker = (row.before or {}).get("worker_id"), (row.data or {}).get("worker_id")
    began = session.scalar(select(ImportBatch.created_at).where(ImportBatch.id == row.batch_id))
    entries = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.entity == "maintenance_ledger", AuditEntry.entity_id == ledger_id,
            AuditEntry.action == "order.reassign", AuditEntry.at >= began, AuditEntry.at <= finished,
        )
        .order_by(AuditEntry.id.desc())
        .execution_options(skip_scope=True)  # of a ledger that the actor may change, be the log open to him or not
    )  # fmt: skip
    for entry in entries:
        was, became = entry.before or {}, entry.after or {}
        if (was.get("worker_id"), became.get("worker_id")) == (former, worker):
            return set(became["orders"])
    return set()


def _undo_contract(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    contract = scope.visible(session, actor, Contract, row.entity_id, "合同")
    bound = session.execute(
        select(Elevator.code)
        .join(ContractElevator, ContractElevator.elevator_id == Elevator.id)
        .where(ContractElevator.contract_id == contract.id, ContractElevator.removed_at.is_(None))
        .order_by(Elevator.code)
        .limit(1)
    ).scalar()
    if bound is not None and (row.state == "new" or (row.data or {}).get("elevator_ids")):
        raise refuse("撤销", say("已绑定电梯 %(bound)s，保障期用于考核", bound=bound))
    _unchanged(row, {n: as_json(getattr(contract, n)) for n in contracts.FIELDS})
    if row.state == "new":
        contracts.delete(session, actor, contract.id, at)
    else:
        contracts.save(session, actor, contract, dated(row.before or {}), at)


def _undo_order(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    """An order that still waits as it came is voided; one that got another worker goes back to the former."""
    order = scope.visible(session, actor, MaintenanceOrder, row.entity_id, "维保任务")
    if order.state != "open":
        raise refuse("撤销", "任务已不是“待维保”")
    _unchanged(row, {n: as_json(getattr(order, n)) for n in comparing_orders.FIELDS})
    if row.state == "new":
        orders.cancel(session, actor, order.id, say("撤销导入"), at)
        return
    former = (row.before or {}).get("worker_id")
    if former is None:
        raise refuse("撤销", "这条任务原来没有维保人员")
    outcome = orders.reassign(session, actor, [order.id], former, at)[0]
    if not outcome.ok:
        raise refuse("撤销", outcome.text)


def _undo_insured(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    person: InsuredPerson = scope.visible(session, actor, InsuredPerson, row.entity_id, "参保人员")
    record = insurance.draft(session, actor, person.record_id)
    _unchanged(row, {"name": person.name, "phone": person.phone})
    if row.state == "changed":
        for name, value in (row.before or {}).items():
            if name in ("name", "phone"):
                setattr(person, name, value)
        session.flush()
        return
    insurance.remove_person(session, actor, record.id, person.id, at)
    left = session.scalar(select(func.count()).where(InsuredPerson.record_id == record.id))
    if not left and record.batch_id == row.batch_id and not attachments.of(session, "insurance_record", record.id):
        insurance.remove(session, actor, record.id, at)


def _undo_account(session: AnySession, actor: Actor, row: ImportRow, finished: dt.datetime, at: dt.datetime) -> None:
    account = sub_accounts.own_sub_account(session, actor, row.entity_id or 0)
    _unchanged(row, {"name": account.first_name, "sex": account.sex})
    if row.state == "changed":
        before = {"name": account.first_name, "sex": account.sex} | (row.before or {})
        sub_accounts.edit(
            session, actor, account.id, name=before["name"] or "", sex=before["sex"] or "",
            active=bool(account.active), at=at,
        )  # fmt: skip
        return
    if account.login_count:
        raise refuse("撤销", "已经登录过")
    sub_accounts.remove(session, actor, account.id, at)
    row.data = {n: v for n, v in (row.data or {}).items() if n != first_passwords.FIELD}


def _unchanged(row: ImportRow, now: dict[str, Any]) -> None:
    """What the row wrote must still stand; else somebody or something changed it since."""
    moved = [n for n, value in (row.data or {}).items() if n in now and now[n] != value]
    if moved:
        raise refuse("撤销", "导入之后又有变动")


UNDOERS: dict[str, Callable[..., None]] = {
    "units": lambda s, a, r, f, at: _restore_filed(s, a, r, f, at, "units"),
    "elevators": lambda s, a, r, f, at: _restore_filed(s, a, r, f, at, "elevators"),
    "persons": _undo_person, "invitations": _undo_invitation, "ledgers": _undo_ledger, "orders": _undo_order,
    "contracts": _undo_contract, "insurance": _undo_insured, "accounts": _undo_account,
    "inspections": writing_inspections.undo, "past_checks": writing_inspections.undo,
    "past_rescues": writing_past.undo_rescue, "past_repairs": writing_past.undo_repair,
    "past_complaints": writing_past.undo_complaint,
    "components": writing_parts.undo_component, "landing_doors": writing_parts.undo_door,
}  # fmt: skip
