"""The good rows written, step by step, each step one transaction with its marks: a killed import goes on where it was.

Each step holds the kind's lock and looks again, so two imports of one file make one set of rows, none left in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app import clock, scope, vault
from app.collector import no_cycles
from app.errors import Finding, Refusal, refuse
from app.imports import (
    comparing_orders,
    first_passwords,
    writing_contracts,
    writing_inspections,
    writing_parts,
    writing_past,
    writing_since,
)
from app.imports.batches import Progress, counts_of, kind_of, own
from app.imports.columns import Kind
from app.imports.comparing import dated, exists
from app.imports.comparing_filings import MODELS
from app.imports.waiting import (
    GOOD,
    Judged,
    after,
    by_elevator,
    last_number,
    next_of_elevators,
    next_of_set,
    next_one_by_one,
    to_import,
)
from app.models import (
    Elevator,
    ImportBatch,
    ImportRow,
    InsuranceRecord,
    InsuredPerson,
    MaintenanceOrder,
    NumberSeries,
    Person,
)
from app.models.among import among, beside
from app.permissions import Actor
from app.transaction import AnySession, insert_of, lock, transaction
from app.wording import say
from app.workflows.access import sub_accounts
from app.workflows.approval.filing_fields import empty
from app.workflows.core import audit
from app.workflows.core.ahead import Do
from app.workflows.filing import filing
from app.workflows.filing.filing_sets import Saved, Wish, save_drafts
from app.workflows.handover.take_over import PastVisit, take_over
from app.workflows.maintenance import clock_rows, clocks, ledger_rows, ledgers, orders
from app.workflows.papers import insurance
from app.workflows.papers.insurance import Line
from app.workflows.people import invitations, people, person_versions

Values = dict[str, Any]


def run(session: AnySession, actor: Actor, batch_id: int, at: dt.datetime, progress: Progress) -> dict[str, int]:
    """Import the good rows; takes up a broken run where it ended."""
    batch = own(session, actor, batch_id)
    held = kind_of(actor, batch.kind)
    if batch.state == "done":
        return {"imported": batch.done_rows, "bad": batch.bad_rows}
    if batch.state != "importing":
        raise refuse("导入", "这个文件不在导入中", "请刷新页面查看结果")
    total, mode = batch.new_rows + batch.changed_rows, batch.mode
    waiting = to_import(batch_id)
    done, last, end = _count(session, batch_id), -1, last_number(session, batch_id)
    steps = by_elevator(session, waiting) if held.name in BY_ELEVATOR else []
    while True:
        with no_cycles(), transaction(session):
            hold_kind(session, held.name)
            rows: Sequence[Any]
            if held.name in MODELS:
                rows = after(last, end, partial(next_of_set, session, waiting))
                done += _take_set(session, actor, held, batch_id, mode, rows, at) if rows else 0
            elif held.name in BY_ELEVATOR:
                rows = next_of_elevators(session, waiting, steps)
                BY_ELEVATOR[held.name](session, actor, held, batch_id, rows, at)
                done += sum(row.applied for row in rows)
            else:
                rows = after(last, end, partial(next_one_by_one, session, waiting))
                for row in rows:
                    _take(session, actor, held, batch_id, row, at)
                done += sum(row.applied for row in rows)
            more, last = bool(rows), rows[-1].number if rows else last
            written = {"done_rows": done} | _written_at(held, at)
            session.execute(update(ImportBatch).where(ImportBatch.id == batch_id).values(written))
        session.expunge_all()
        progress(done, total, "导入")
        if not more:
            break
    with transaction(session):
        return _finish(session, actor, held, batch_id, at)


def _count(session: AnySession, batch_id: int) -> int:
    return session.scalar(select(func.count()).where(ImportRow.batch_id == batch_id, ImportRow.applied)) or 0


def _written_at(held: Kind, at: dt.datetime) -> dict[str, dt.datetime]:
    """Visits are known since their last step. Others end as of when they began: undoing tells by it what was edited."""
    return {"finished_at": max(at, clock.now())} if held.name == "visits" else {}


def _finish(session: AnySession, actor: Actor, held: Kind, batch_id: int, at: dt.datetime) -> dict[str, int]:
    done, counts = _count(session, batch_id), counts_of(session, batch_id)
    if held.name == "ledgers":
        ids = session.scalars(
            select(ImportRow.entity_id).where(ImportRow.batch_id == batch_id, ImportRow.applied.is_(True))
        ).all()
        clocks.complete_entry(session, [i for i in ids if i is not None], at)
    session.execute(
        update(ImportBatch)
        .where(ImportBatch.id == batch_id)
        .values(
            {"state": "done", "done_rows": done, "finished_at": at} | _written_at(held, at)
            | {f"{name}_rows": count for name, count in counts.items()}
        )
    )
    summary = {"imported": done, "bad": counts["bad"]}
    audit.record(session, actor, at, "import.done", "import_batch", batch_id, after={"kind": held.name} | summary)
    return summary


def hold_kind(session: AnySession, kind: str) -> None:
    """One step of a kind at a time: a new code must not be made twice by two imports of one file."""
    # As long as its column is; what would be cut off tells no two kinds apart.
    name = f"IMPORT-{kind}"[:20]
    session.execute(insert_of(session, NumberSeries).values(prefix=name, last=0).on_conflict_do_nothing())
    lock(session, NumberSeries, name)


# --- sets: units and elevators


def _take_set(
    session: AnySession, actor: Actor, held: Kind, batch_id: int, mode: str, rows: Sequence[Judged],
    at: dt.datetime,
) -> int:  # fmt: skip
    """Write rows at once; where one is refused, each by itself, so that the others go on. How many were imported."""
    standing = _standing(session, actor, held, rows)
    taken = []
    for row in rows:
        number = standing.get(row.data.get(held.key)) if row.entity_id is None else row.entity_id
        if number is not None and row.entity_id is None and mode == "new":
            _end_badly(session, row, _errors(held, exists(held.key, str(row.data.get(held.key))).findings))
        else:
            taken.append((row, number))
    try:
        with session.begin_nested():
            wishes = [Wish(number, row.data) for row, number in taken]
            made: list[int] = []

            def also(saved: list[Saved], do: Do) -> None:
                made.append(_mark(session, [(row, one) for (row, _), one in zip(taken, saved, strict=True)], do))

            save_drafts(session, actor, MODELS[held.name], wishes, at, batch_id, also)
    except (Refusal, IntegrityError):
        applied = 0
        for row, number in taken:
            kept = session.get_one(ImportRow, row.id)
            kept.entity_id = number
            _take(session, actor, held, batch_id, kept, at)
            applied += kept.applied
        return applied
    return made[0]


def _mark(session: AnySession, taken: Sequence[tuple[Judged, Saved]], do: Do) -> int:
    """What each row did in the end: another import may have made the same since it was checked. How many did it."""
    as_judged: list[tuple[int, int]] = []
    otherwise: list[Values] = []
    for row, saved in taken:
        if saved.made or (row.state == "changed" and (saved.before, saved.after) == (row.before, row.data)):
            as_judged.append((row.id, saved.entity_id))
            continue
        values: Values = {"id": row.id, "entity_id": saved.entity_id, "applied": True}
        if saved.after:
            otherwise.append(values | {"state": "changed", "data": saved.after, "before": saved.before})
        else:
            otherwise.append(values | {"state": "same", "applied": False, "data": None, "before": None})
    if as_judged:
        rows, given = ImportRow.__table__, beside(session, *zip(*as_judged, strict=True))
        marked = update(rows).where(rows.c.id == given.c.key).values(entity_id=given.c.number, applied=True)
        do(lambda: session.execute(marked))
    if otherwise:
        do(lambda: session.execute(update(ImportRow), otherwise))
    return len(as_judged) + sum(values["applied"] for values in otherwise)


def _standing(session: AnySession, actor: Actor, held: Kind, rows: Sequence[Any]) -> dict[Any, int]:
    """What came into being since the check, by key: the approved one where there are several."""
    model = MODELS[held.name]
    key = getattr(model, held.key)
    wanted = {r.data.get(held.key) or "" for r in rows if r.entity_id is None}
    if not wanted:
        return {}
    statement = scope.apply(select(key, model.id).where(among(session, key, wanted)), actor, model)
    found = session.execute(statement.order_by(model.approved_version, model.id))
    return {code: number for code, number in found}  # noqa: C416 - dict() would take a result for a mapping


# --- one by one


def _take(session: AnySession, actor: Actor, held: Kind, batch_id: int, row: ImportRow, at: dt.datetime) -> None:
    """Write one row, or turn it into a bad one with the reason; the others go on."""
    try:
        with session.begin_nested():
            row.entity_id = WRITERS[held.name](session, actor, batch_id, row, at)
        row.applied = row.state in GOOD
    except Refusal as refusal:
        _end_badly(session, row, _errors(held, refusal.findings))


def _errors(held: Kind, findings: Iterable[Finding]) -> list[Values]:
    labels = {s.name: s.label for s in held.columns}
    return [
        {"column": labels.get(f.field or "", f.rule), "value": f.value or "", "found": f.found,
         "remedy": f.remedy, "rule": f.rule[:20], "field": f.field or ""}
        for f in findings
        if not f.ok
    ]  # fmt: skip


def _end_badly(session: AnySession, row: Any, errors: list[Values]) -> None:
    session.execute(
        update(ImportRow)
        .where(ImportRow.id == row.id)
        .values(state="bad", errors=errors, reason=errors[0]["rule"] if errors else None)
    )


def _write_filed(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime, name: str) -> int:
    """A draft of a unit or elevator."""
    model = MODELS[name]
    standing = lock(session, model, row.entity_id) if row.entity_id is not None else None
    if standing is not None and not writing_since.as_it_stands(row, filing.content(session, standing)):
        return standing.id
    data = dict(row.data or {})
    values: Mapping[str, Any] = data if standing is not None else empty(model) | data
    saved = filing.save_draft(session, actor, model, standing, values, at)
    if standing is None:
        saved.batch_id = batch_id
        session.flush()
    return saved.id


def _write_person(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """Somebody of the own unit; what the row does not name stays."""
    values = dict(row.data or {})
    if row.entity_id is not None:
        scope.visible(session, actor, Person, row.entity_id, "人员")
        person: Any = lock(session, Person, row.entity_id)
        held = person_versions.content(session, person)
        if not writing_since.as_it_stands(row, held):
            return row.entity_id
        values = {n: held[n] for n in people.FIELDS} | (row.data or {})
    values = dated(values)
    saved = people.save_person(
        session, actor, row.entity_id, name=str(values.get("name") or ""), phone=str(values.get("phone") or ""),
        work_kind=str(values.get("work_kind") or ""), certificate_no=str(values.get("certificate_no") or ""),
        certificate_until=values.get("certificate_until"), at=at,
        identity={n: values[n] for n in people.IDENTITY if n in values},
    )  # fmt: skip
    return saved.id


def _write_invitation(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """One invitation; where it is approved by being made, its link is shown when it is made anew on its page."""
    data = row.data or {}
    return invitations.invite(
        session, actor, name=str(data.get("name") or ""), phone=str(data.get("phone") or ""),
        kind=str(data.get("kind") or ""), unit_id=data.get("unit_id"), with_account=bool(data.get("with_account")),
        batch_id=batch_id, at=at,
    ).invitation.id  # fmt: skip


def _write_ledger(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    if (elevator := session.get(Elevator, row.entity_id)) is None:
        raise refuse("电梯", "已不在您的管辖范围内", "请重新校验文件")
    clock_rows.lock_of(session, elevator.id)
    held = ledger_rows.of_elevator(session, elevator.id, locked=True)
    if held is not None and held.unit_id == elevator.maintenance_unit_id:
        if row.state == "new":
            writing_since.came_since(session.get_one(ImportBatch, batch_id).mode, "code", elevator.code)
        if not writing_since.as_it_stands(row, {n: getattr(held, n) for n in ledgers.FIELDS}):
            return elevator.id
    saved = ledgers.save(session, actor, elevator, dated(row.data or {}), None, at)
    if row.state == "new":
        saved.batch_id = batch_id
    return elevator.id


def _write_order(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A new order, or another worker for one that waits; of a second import of the file the first one's stays."""
    data = row.data or {}
    if row.entity_id is not None:
        orders.hold_people(session, [data["worker_id"]])
        order = lock(session, MaintenanceOrder, row.entity_id)
        waits = order is not None and order.state == "open"
        if waits and not writing_since.as_it_stands(row, {n: getattr(order, n) for n in comparing_orders.FIELDS}):
            return row.entity_id
        outcome = orders.reassign(session, actor, [row.entity_id], data["worker_id"], at)[0]
        if not outcome.ok:
            raise refuse("维保任务", outcome.text, "请刷新维保计划后重新导入")
        return row.entity_id
    planned = _day(data["planned_on"])
    same = select(MaintenanceOrder.id).where(
        MaintenanceOrder.elevator_id == data["elevator_id"], MaintenanceOrder.planned_on == planned,
        MaintenanceOrder.state == "open",
    )  # fmt: skip
    if session.scalar(same.execution_options(skip_scope=True).limit(1)) is not None:
        raise refuse(
            "计划日期",
            say("校验之后已有 %(planned)s 的任务", planned=planned),
            "请改用“更新导入”，或删去这一行",
            field="planned_on",
        )
    made: MaintenanceOrder = orders.create(
        session, actor, data["elevator_id"], data | {"planned_on": planned}, at, origin="import"
    )
    return made.id


def _write_insured(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A person of a draft; the draft of that payer and these months is made with its first person."""
    data = dict(row.data or {})
    if row.entity_id is not None:
        person: InsuredPerson = scope.visible(session, actor, InsuredPerson, row.entity_id, "参保人员")
        insurance.draft(session, actor, person.record_id)
        session.refresh(person)
        if not writing_since.as_it_stands(row, {"name": person.name, "phone": person.phone}):
            return person.id
        for name, value in (row.data or {}).items():
            if name in ("name", "phone"):
                setattr(person, name, value or None)
        session.flush()
        return person.id
    line = Line(data["name"], data["id_number"], data.get("phone") or "")
    from_on, to_on = _day(data["from_on"]), _day(data["to_on"])
    record = session.scalar(
        scope.apply(select(InsuranceRecord), actor, InsuranceRecord)
        .where(
            InsuranceRecord.unit_id == actor.unit_id, InsuranceRecord.payer == data["payer"],
            InsuranceRecord.from_on == from_on, InsuranceRecord.to_on == to_on, InsuranceRecord.filed_at.is_(None),
        )
        .order_by(InsuranceRecord.id)
        .limit(1)
    )  # fmt: skip
    if record is None:
        record = insurance.save(session, actor, None, data["payer"], from_on, to_on, "", [], at, batch_id)
    elif line.id_number in insurance.known_ids(session, record.id):
        raise refuse("身份证号", "校验之后已加入这份明细", "删去这一行", field="id_number")
    return insurance.add_people(session, insurance.draft(session, actor, record.id), [line])[0].id


def _write_account(session: AnySession, actor: Actor, batch_id: int, row: ImportRow, at: dt.datetime) -> int:
    """A sub-account; its first password stays sealed with the row until the importer fetches it."""
    data = dict(row.data or {})
    if row.entity_id is not None:
        sub_accounts.own_unit(session, actor)
        account = sub_accounts.own_sub_account(session, actor, row.entity_id)
        if not writing_since.as_it_stands(row, {"name": account.first_name, "sex": account.sex}):
            return account.id
        data = row.data or {}
        name, sex = data.get("name", account.first_name), data.get("sex", account.sex)
        sub_accounts.edit(
            session, actor, account.id, name=name or "", sex=sex or "", active=bool(account.active), at=at
        )
        return account.id
    issued = sub_accounts.add(
        session, actor, login_name=data["login_name"], name=data["name"], roles=[data["role"]],
        sex=data.get("sex") or "", phone=data.get("phone") or "", all_elevators=bool(data.get("all_elevators")), at=at,
    )  # fmt: skip
    row.data = data | {first_passwords.FIELD: vault.seal(issued.password)}
    return int(issued.account.id)


WRITERS: dict[str, Callable[..., Any]] = {
    "units": lambda s, a, b, r, at: _write_filed(s, a, b, r, at, "units"),
    "elevators": lambda s, a, b, r, at: _write_filed(s, a, b, r, at, "elevators"),
    "persons": _write_person, "invitations": _write_invitation, "ledgers": _write_ledger, "orders": _write_order,
    "contracts": writing_contracts.write, "insurance": _write_insured, "accounts": _write_account,
    "inspections": writing_inspections.write, "components": writing_parts.write_component,
    "landing_doors": writing_parts.write_door,
}  # fmt: skip


# --- visits


def _take_visits(
    session: AnySession, actor: Actor, held: Kind, batch_id: int, rows: Sequence[ImportRow], at: dt.datetime
) -> None:
    taken = take_over(session, actor, batch_id, [_past(row) for row in rows], at)
    for place, row in enumerate(rows):
        row.applied = place not in taken.refused
        if not row.applied:
            _end_badly(session, row, _errors(held, taken.refused[place]))


def _each(take: Callable[..., None]) -> Callable[..., None]:
    return lambda s, a, held, b, rows, at: take(
        s, a, b, rows, at, lambda row, refusal: _end_badly(s, row, _errors(held, refusal.findings))
    )


# What comes from before: all of some elevators in one step, so that each is told its whole past at once.
BY_ELEVATOR: dict[str, Callable[..., None]] = {"visits": _take_visits} | {
    "past_checks": _each(writing_inspections.take_over), "past_rescues": _each(writing_past.rescues),
    "past_repairs": _each(writing_past.repairs), "past_complaints": _each(writing_past.complaints),
}


def _past(row: ImportRow) -> PastVisit:
    data = row.data or {}
    return PastVisit(
        elevator_id=row.entity_id or 0, unit_id=data["unit_id"], worker_id=data["worker_id"],
        checked_in_at=dt.datetime.fromisoformat(data["checked_in_at"]), mode=data.get("mode") or "items",
        **{n: _instant(data.get(n)) for n in ("checked_out_at", "signed_at", "sheet_at", "reviewed_at")},
    )  # fmt: skip


def _day(value: Any) -> Any:
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else value


def _instant(value: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(value) if value else None

