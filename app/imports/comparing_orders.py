"""Planned maintenance of a file against the orders that stand (PLN-05): new ones, other workers for open ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app import scope
from app.imports.comparing import LACKS, NOT_FOUND, Standing, as_json, judge, new_row, tell
from app.imports.comparing_service import elevator_of, names_of_people, people_by_word, person_named
from app.imports.judging import Judging, Row
from app.imports.references import parts
from app.models import MaintenanceOrder
from app.workflows.maintenance import orders

FIELDS = ("planned_on", "level", "worker_id")


def order_rows(checker: Judging, rows: list[Row]) -> None:
    """An order is found again by its number, else by elevator and planned day; of an open one the worker may change."""
    standing = _standing(checker, rows)
    by_number = {str(order.id): order for order in standing}
    by_day: dict[Any, MaintenanceOrder] = {(o.elevator_id, o.planned_on): o for o in standing if o.state == "open"}
    served = names_of_people(checker.session, {o.worker_id for o in standing if o.worker_id is not None})
    known = people_by_word(checker)
    spec = checker.kind.spec("worker_id")
    assert spec is not None
    for row in rows:
        elevator = elevator_of(checker, row)
        number = row.data.pop("number", None)
        if elevator is None:
            continue
        there = by_number.get(number) if number else by_day.get((elevator.id, row.data.get("planned_on")))
        if number and (there is None or there.elevator_id != elevator.id):
            row.bad("任务编号", number, "没有找到这台电梯的这条任务", "请核对编号；新任务不填编号", NOT_FOUND, "number")
            continue
        current = there.worker_id if there is not None else None
        if current is not None and row.data.get("worker_id") in served.get(current, ()):
            row.data["worker_id"] = current
        else:
            row.data["worker_id"] = person_named(row, spec, elevator.maintenance_unit_id, known, current)
        typed = {name: row.data[name] for name in FIELDS if row.data.get(name) is not None}
        given = {name: as_json(value) for name, value in typed.items()}
        if there is None:
            row.data = given | {"elevator_id": elevator.id}
            if new_row(checker, row) and row.verdict == "new":
                tell(checker, row, orders.new_findings(checker.session, checker.actor, elevator, typed, checker.today))
            continue
        shown = {name: as_json(getattr(there, name)) for name in FIELDS}
        judge(checker, row, [Standing(there.id, shown, shown)], given, {})
        if row.verdict == "changed":
            _only_the_worker(row, there)


def _only_the_worker(row: Row, order: MaintenanceOrder) -> None:
    """What an import may change of a standing order: who does it, while it waits."""
    if order.state != "open":
        row.bad("任务编号", order.id, "这条任务已不是“待维保”", "只有待维保的任务可以改派", LACKS, "number")
    for name, label in (("planned_on", "计划日期"), ("level", "频次")):
        if name in row.data:
            row.bad(label, row.data[name], "已有任务的日期和频次不改", "请作废这条任务后新增", "已有任务", name)


def _standing(checker: Judging, rows: Iterable[Row]) -> list[MaintenanceOrder]:
    """The open orders of the file's elevators, and those that it names by number, as the actor sees them."""
    found: dict[int, MaintenanceOrder] = {}
    numbers = {int(n) for row in rows if (n := str(row.data.get("number") or "")).isascii() and n.isdigit()}
    for column, keys, more in (
        (MaintenanceOrder.elevator_id, {e.id for e in checker.elevators.values()}, MaintenanceOrder.state == "open"),
        (MaintenanceOrder.id, {n for n in numbers if n < 2**63}, MaintenanceOrder.id > 0),
    ):
        for part in parts(sorted(keys)):
            statement = scope.apply(select(MaintenanceOrder).where(column.in_(part), more), checker.actor)
            found.update((order.id, order) for order in checker.session.scalars(statement))
    return list(found.values())
