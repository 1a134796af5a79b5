"""Maintenance orders: made from ledgers when due, by hand, reassigned, cancelled. One auto order open an elevator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal, or_, select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.errors import Finding, Refusal, raise_failing, refuse
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, Person
from app.models.among import among
from app.models.base import Instant
from app.models.choices import LEVEL
from app.models.policy import policy_cuts, policy_groups, policy_value
from app.models.region import code_span, in_region
from app.permissions import Actor, Verb, require, require_own_side
from app.policy import Key
from app.rules.calendar import day_finding
from app.scope import visible
from app.transaction import AnySession, connection_of, insert_of, lock
from app.wording import changed, say
from app.workflows.core import audit, moves, outbox

MOST_AT_ONCE = 500


def written(session: AnySession, statement: Any) -> int:
    """Run an INSERT … SELECT and give how many rows it added."""
    # Without the option the driver's count of an INSERT is thrown away.
    result: Any = session.execute(statement.execution_options(preserve_rowcount=True))
    return int(result.rowcount)


def added(session: AnySession, statement: Any) -> int:
    """Run an INSERT … SELECT that leaves out what it sees, so that a unique index is met only by a run at the same
    moment: only then is each row asked for by itself. How many it added.
    """
    try:
        # The connection's: the session's own would first write whatever waits in it.
        with connection_of(session).begin_nested():
            return written(session, statement)
    except IntegrityError:
        return written(session, statement.on_conflict_do_nothing())


def make_due(
    session: AnySession,
    on: dt.date,
    at: dt.datetime,
    *,
    region: str | None = None,
    elevator_ids: Collection[int] | None = None,
) -> int:
    """Make the automatic orders planned for `on` + horizon or before (T3, PLN-03); how many were made.

    Dates and levels were computed when they last changed and are only selected here. Made again nothing is added: the
    partial unique index holds one open automatic order an elevator.
    """
    ledger, order = MaintenanceLedger.__table__.c, MaintenanceOrder.__table__.c
    waiting = select(order.id).where(
        order.elevator_id == ledger.elevator_id, order.state == "open", order.origin == "auto"
    )
    made = 0
    for horizon, where in policy_groups(session, Key.HORIZON_DAYS, on, ledger.region_code):
        due = select(
            ledger.elevator_id, ledger.unit_id, ledger.region_code, ledger.worker_id, ledger.next_half_month_on,
            ledger.next_level,
        ).where(
            ledger.mode == "auto",
            ledger.worker_id.is_not(None),
            ledger.next_half_month_on <= on + dt.timedelta(days=int(horizon)),
            ~waiting.exists(),
            in_region(ledger.region_code, region),
            where,
        )  # fmt: skip
        if elevator_ids is not None:
            due = due.where(ledger.elevator_id.in_(elevator_ids))
        statement = _making(session, due, at)
        # A savepoint is less than asking for each of many, and more than asking for one.
        many = elevator_ids is None
        made += added(session, statement) if many else written(session, statement.on_conflict_do_nothing())
    return made


def within_horizon(session: AnySession, today: dt.date) -> ColumnElement[bool]:
    """Planned for the next days, or behind (PLN-06): as many days as orders of its region are made ahead (`make`).

    The one criterion of whoever does the work, by the row's own region, on phone, desk and API alike.
    """
    groups = policy_groups(session, Key.HORIZON_DAYS, today, MaintenanceOrder.region_code)
    planned = MaintenanceOrder.planned_on
    furthest = planned <= today + dt.timedelta(days=max(int(days) for days, _where in groups))
    if len(groups) == 1:
        return furthest
    near = [and_(where, planned <= today + dt.timedelta(days=int(days))) for days, where in groups]
    # The furthest day besides: an index of days ends there, whatever the regions say.
    return and_(furthest, or_(*near))


def horizons(session: AnySession, region_code: str | None, today: dt.date) -> tuple[int, int]:
    """For how many days orders are made ahead around a region, in all of its province: the least and the most.

    For words about several orders, or about none: a firm's elevators stand in more districts than its own.
    """
    province = code_span((region_code or "")[:2].ljust(12, "0"))
    found = [
        int(policy_value(session, Key.HORIZON_DAYS, code, today))
        for code in policy_cuts(session, Key.HORIZON_DAYS, province, today)
    ]
    return min(found), max(found)


def _making(session: AnySession, due: Select[Any], at: dt.datetime) -> Any:
    """The INSERT of these ledgers' orders, where the clock runs and the elevator is in use with the ledger's unit."""
    elevator, running = Elevator.__table__.c, MaintenanceClock.__table__.c
    key = due.selected_columns.elevator_id
    stands = select(running.elevator_id).where(
        running.elevator_id == key, running.paused_on.is_not(None),
        running.due_on.is_(None),  # that is so of each that stands, and an index knows them by it
    )  # fmt: skip
    # First the few without an order whose clock does not stand, by themselves (that is what the offset asks for). Each
    # is then looked up in the register and in the clocks, which are far wider, and never read from end to end; in the
    # register's order, so that neighbours lie in one page.
    few = due.where(~stands.exists()).order_by(key).offset(0).subquery("due")
    served = select(elevator.id).where(
        elevator.id == few.c.elevator_id, elevator.status == "in_use", elevator.approved_version > 0,
        elevator.maintenance_unit_id == few.c.unit_id,
    )  # fmt: skip
    limit = select(running.limit_on).where(running.elevator_id == few.c.elevator_id)
    chosen = select(
        few.c.elevator_id, few.c.unit_id, few.c.region_code, few.c.worker_id, few.c.next_half_month_on,
        limit.scalar_subquery(), few.c.next_level, literal("auto"), literal("open"), literal(at, Instant()),
        literal(at, Instant()),
    ).where(served.scalar_subquery().is_not(None))  # fmt: skip
    names = ["elevator_id", "unit_id", "region_code", "worker_id", "planned_on", "limit_on", "level", "origin",
             "state", "created_at", "updated_at"]  # fmt: skip
    return insert_of(session, MaintenanceOrder).from_select(names, chosen)


def create(
    session: AnySession, actor: Actor, elevator_id: int, data: Mapping[str, Any], at: dt.datetime,
    origin: str = "manual",
) -> Any:  # fmt: skip
    """An order by hand or from a workbook (PLN-05).

    An elevator may have several; the clock is not moved by orders, only by visits.
    """
    require(actor, Verb.ORDER_EDIT)
    elevator: Elevator = visible(session, actor, Elevator, elevator_id, "电梯")
    raise_failing(new_findings(session, actor, elevator, data, clock.local_day(at)))
    planned, level, worker_id = data["planned_on"], data.get("level") or "half_month", data.get("worker_id")
    running = session.get(MaintenanceClock, elevator.id)
    row = MaintenanceOrder(
        elevator_id=elevator.id, unit_id=elevator.maintenance_unit_id, region_code=elevator.region_code,
        worker_id=worker_id, planned_on=planned, limit_on=running.limit_on if running else None, level=level,
        origin=origin, created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    after = {"elevator_id": elevator.id, "planned_on": planned, "level": level, "worker_id": worker_id}
    audit.record(session, actor, at, "order.create", "maintenance_order", row.id, after=after)
    return row


def new_findings(
    session: AnySession, actor: Actor, elevator: Elevator, data: Mapping[str, Any], today: dt.date
) -> list[Finding]:
    """What an order by hand or by workbook must fulfil, all at once."""
    level = data.get("level") or "half_month"
    findings = [_own_unit(actor, elevator), _in_use(elevator), *planned_findings(data.get("planned_on"), today)]
    if level not in LEVEL:
        found = say("没有“%(level)s”这种频次", level=level)
        findings.append(Finding("频次", False, found, "请选择半月、季度、半年或年度", "level", str(level)))
    worker_id = data.get("worker_id")
    if worker_id is not None and elevator.maintenance_unit_id is not None:
        hold_people(session, [worker_id])
        findings.append(worker_finding(session, worker_id, elevator.maintenance_unit_id, today))
    return findings


def planned_findings(planned: Any, today: dt.date) -> list[Finding]:
    """What the planned day must fulfil, whatever the elevator."""
    if not isinstance(planned, dt.date):
        return [Finding("计划日期", False, "没有填写计划日期", "请选择计划维保的日期", field="planned_on")]
    late = planned < today
    said = "计划日期 %(planned)s 早于今天" if late else "计划日期 %(planned)s"
    found = say(said, planned=planned)
    return [
        day_finding(planned, "planned_on", "计划日期"),
        Finding("计划日期", not late, found, "请选择今天或以后的日期", "planned_on", str(planned)),
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row of many."""

    id: int
    ok: bool
    text: str


def reassign(
    session: AnySession, actor: Actor, order_ids: Sequence[int], worker_id: int, at: dt.datetime
) -> list[Outcome]:
    """Give open orders to another worker of their unit (PLN-06), one by one or many; each has its own outcome."""
    require(actor, Verb.ORDER_EDIT)
    few_enough("批量分配", order_ids)
    today = clock.local_day(at)
    hold_people(session, [worker_id])
    outcomes, former = [], {}
    for key in dict.fromkeys(order_ids):
        try:
            order = _open_order(session, actor, key)
            raise_failing([worker_finding(session, worker_id, order.unit_id, today)])
        except Refusal as refusal:
            outcomes.append(Outcome(key, False, str(refusal)))
            continue
        former[str(key)] = order.worker_id
        order.worker_id = worker_id
        outcomes.append(Outcome(key, True, "已分配"))
    session.flush()
    if former:
        after = {"worker_id": worker_id, "orders": len(former)}
        audit.record(session, actor, at, "order.reassign", "maintenance_order", None, before=former, after=after)
    return outcomes


def few_enough(deed: str, order_ids: Sequence[int]) -> None:
    """Refuse more orders than one deed takes at once."""
    if (count := len(order_ids)) > MOST_AT_ONCE:
        remedy = say("一次最多 %(most_at_once)s 条，请分批办理", most_at_once=MOST_AT_ONCE)
        raise refuse(deed, say("选了 %(count)s 条任务", count=count), remedy, field="ids", value=count)


def follow(
    session: AnySession, actor: Actor, ledger: MaintenanceLedger, former: int | None, worker_id: int, at: dt.datetime,
    only: Collection[int] | None = None,
) -> None:  # fmt: skip
    """Open orders of whoever served the elevator go with its ledger to another; one lent to somebody else stays his.

    The log names them with the ledger, so that they can be told from what the new one had already; `only`: of these.
    """
    statement = select(MaintenanceOrder).where(
        MaintenanceOrder.elevator_id == ledger.elevator_id, MaintenanceOrder.state == "open",
        MaintenanceOrder.worker_id.is_not_distinct_from(former),
    ).order_by(MaintenanceOrder.id).with_for_update()  # fmt: skip
    found = session.scalars(statement.execution_options(skip_scope=True, populate_existing=True))
    moved = [order for order in found if only is None or order.id in only]
    for order in moved:
        order.worker_id = worker_id
    session.flush()
    if moved:
        before, after = {"worker_id": former}, {"worker_id": worker_id, "orders": [order.id for order in moved]}
        audit.record(session, actor, at, "order.reassign", "maintenance_ledger", ledger.id, before=before, after=after)


def amend(
    session: AnySession, actor: Actor, order_id: int, data: Mapping[str, Any], reason: str, at: dt.datetime
) -> MaintenanceOrder:
    """Another day or level for an open order made by hand, by a workbook or by a plan; keys that `data` lacks stay.

    An automatic one has its day and level from clock and ledger, so it is changed there.
    """
    require(actor, Verb.ORDER_EDIT)
    order = _open_order(session, actor, order_id)
    if order.origin == "auto":
        remedy = "自动任务的日期和频次随维保周期和履历中的下次维保日期推算；请修改设备履历，或改为手动后新增任务"
        raise refuse("修改任务", "这是自动生成的任务", remedy)
    elevator = session.get(Elevator, order.elevator_id, execution_options={"skip_scope": True})
    assert elevator is not None
    old: dict[str, Any] = {"planned_on": order.planned_on, "level": order.level}
    wanted = old | {name: data[name] for name in old if name in data}
    reason = reason.strip()
    findings = []
    if wanted == old:
        findings.append(Finding("修改任务", False, "计划日期和频次都没有变", "请填写新的计划日期，或选择另一种频次"))
    elif wanted["planned_on"] == old["planned_on"]:
        # A day that is behind stays: only the level is put right.
        findings += [f for f in new_findings(session, actor, elevator, wanted, old["planned_on"]) if f.field == "level"]
    else:
        findings += [f for f in new_findings(session, actor, elevator, wanted, clock.local_day(at)) if not f.ok]
        findings += _day_taken(session, order, wanted["planned_on"])
    findings.append(reason_finding(reason, "修改任务", "请填写修改原因，最多 120 个字"))
    raise_failing(findings)
    order.planned_on, order.level = wanted["planned_on"], wanted["level"]
    if order.limit_on is not None and order.planned_on > order.limit_on:
        order.limit_on = None  # it was the limit that ran before that day
    session.flush()
    audit.record(
        session, actor, at, "order.edit", "maintenance_order", order.id, before=old, after=wanted | {"reason": reason}
    )
    return order


def reason_finding(reason: str, rule: str, remedy: str) -> Finding:
    """A reason that people can read: there, and of one line."""
    ok = 0 < len(reason) <= 120
    found = say("原因有 %(count)s 个字", count=len(reason))
    return Finding(rule, ok, found, "" if ok else remedy, field="reason", value=reason[:200])


def _day_taken(session: AnySession, order: MaintenanceOrder, on: Any) -> list[Finding]:
    if not isinstance(on, dt.date):
        return []
    other = session.scalar(
        select(MaintenanceOrder.id)
        .where(
            MaintenanceOrder.elevator_id == order.elevator_id, MaintenanceOrder.state == "open",
            MaintenanceOrder.planned_on == on, MaintenanceOrder.id != order.id,
        )
        .limit(1)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    if other is None:
        return []
    found = say("这台电梯 %(day)s 已有任务 %(key)s", day=on, key=other)
    return [Finding("计划日期", False, found, "请选择另一天，或先作废那条任务", "planned_on", str(on))]


def plan_stands(session: AnySession, elevator_id: int, today: dt.date) -> tuple[int, dt.date | None]:
    """How many open orders of a year's plan lie ahead of an elevator, and the last one's day (PLN-04)."""
    found = session.execute(
        select(func.count(), func.max(_order.planned_on)).where(
            _order.elevator_id == elevator_id, _order.origin == "plan", _order.state == "open",
            _order.planned_on >= today,
        )
    ).one()  # fmt: skip
    return found[0], found[1]


def cancel(session: AnySession, actor: Actor, order_id: int, reason: str, at: dt.datetime) -> None:
    """Void an open order made by hand or imported. An automatic one follows the clock and can't be cancelled."""
    require(actor, Verb.ORDER_EDIT)
    order = _open_order(session, actor, order_id)
    reason = changed(reason, str.strip)  # of a person, or said for an import that is undone
    if order.origin == "auto":
        raise refuse("作废任务", "这是自动生成的任务", "自动任务随维保周期生成，不能作废；电梯停用请办理停用登记")
    if not 0 < len(reason) <= 120:
        found = say("原因有 %(count)s 个字", count=len(reason))
        raise refuse("作废任务", found, "请填写作废原因，最多 120 个字", field="reason", value=reason)
    order.closed_at, order.close_reason = at, reason
    moves.move(session, actor, order, "state", "void", verb="cancel", at=at, reason=reason)
    audit.record(session, actor, at, "order.cancel", "maintenance_order", order.id, after={"reason": reason})


def tell_none(session: AnySession, elevator_id: int, at: dt.datetime) -> None:
    """Tell whoever plans that an elevator that runs again has no order, where none comes by itself: it was planned by
    hand, and its orders were void."""
    ledger = MaintenanceLedger.__table__.c
    lift = Elevator.__table__.c
    held = select(ledger.unit_id, lift.code).join(Elevator.__table__, lift.id == ledger.elevator_id).where(
        ledger.elevator_id == elevator_id, ledger.mode == "manual",
        ~select(_order.id).where(_order.elevator_id == elevator_id, _order.state == "open").exists(),
    )  # fmt: skip
    found = session.execute(held.execution_options(skip_scope=True)).one_or_none()
    if found is None:
        return
    unit_id, code = found
    outbox.notify(
        session, at, outbox.readers_of(session, unit_id, Verb.ORDER_EDIT, elevator_id), "plan.none",
        say("电梯 %(code)s 恢复维保，没有维保任务", code=code),
        "任务为手动生成，停用时已作废；请重新生成一年计划、新增任务，或改为自动", f"/ledgers/{elevator_id}",
    )  # fmt: skip


def void_open(
    session: AnySession, actor: Actor, elevator_id: int, at: dt.datetime, reason: str, keep_unit_id: int | None = None
) -> int:
    """Void the open orders of an elevator that is stopped, scrapped or given to another unit (`keep_unit_id`)."""
    return len(
        moves.move_where(
            session, actor, MaintenanceOrder, "state", "open", "void", _OF if keep_unit_id is None else _OF_OTHERS,
            verb="void", at=at, reason=reason, values={"closed_at": at, "close_reason": reason},
            given={"elevator": elevator_id, "kept": keep_unit_id},
        )
    )  # fmt: skip


def void_automatic(
    session: AnySession, actor: Actor, elevator_ids: Collection[int], at: dt.datetime, reason: str
) -> int:
    """Void the open automatic orders of elevators that are planned by hand from now on, together; gives how many."""
    these = among(session, _order.elevator_id, elevator_ids) & (_order.origin == "auto")
    return len(moves.move_set(
        session, actor, MaintenanceOrder, "state", "open", "void", these, verb="void", at=at, reason=reason,
        values={"closed_at": at, "close_reason": reason},
    ))  # fmt: skip


_order: Any = MaintenanceOrder.__table__.c
_OF = _order.elevator_id == bindparam("elevator")
_OF_OTHERS = _OF & (_order.unit_id != bindparam("kept"))


def hold_people(session: AnySession, ids: Iterable[int | None]) -> None:
    """Keep these people from leaving until the work that they are given stands; read them as they are now."""
    keys = sorted({key for key in ids if key is not None})
    statement = select(Person).where(Person.id.in_(keys)).order_by(Person.id).with_for_update(read=True)
    session.scalars(statement.execution_options(skip_scope=True, populate_existing=True)).all()


def worker_finding(
    session: AnySession, worker_id: int, unit_id: int, today: dt.date, field: str = "worker_id"
) -> Finding:
    """Whether a person may be given work of a unit: its own, and not gone."""
    person = session.get(Person, worker_id, execution_options={"skip_scope": True})
    if person is None or person.unit_id != unit_id:
        found = say("编号 %(worker_id)s 的人员不是本单位的人员", worker_id=worker_id)
        return Finding("维保人员", False, found, "请选择本单位的人员", field, str(worker_id))
    gone = person.left_on is not None and person.left_on <= today
    found = say("%(name)s 已于 %(left_on)s 离职", name=person.name, left_on=person.left_on) if gone else person.name
    return Finding("维保人员", not gone, found, "请选择在职人员" if gone else "", field, str(worker_id))


def _open_order(session: AnySession, actor: Actor, key: int) -> MaintenanceOrder:
    order = lock(session, MaintenanceOrder, key)
    if order is None:
        raise refuse("维保任务", say("没有找到任务 %(key)s，或不在您的管辖范围内", key=key), "请刷新列表", value=key)
    require_own_side(actor, order.unit_id, say("任务 %(key)s ", key=key))
    if order.state != "open":
        raise refuse(
            "维保任务", say("任务 %(key)s 已不是“待维保”", key=key), "只有待维保的任务可以改派、修改或作废", value=key
        )
    return order


def _own_unit(actor: Actor, elevator: Elevator) -> Finding:
    ok = elevator.maintenance_unit_id is not None and actor.unit_id in (None, elevator.maintenance_unit_id)
    found = (
        say("电梯 %(code)s 由本单位维保", code=elevator.code)
        if ok
        else say("电梯 %(code)s 不由本单位维保", code=elevator.code)
    )
    return Finding("维保单位", ok, found, "" if ok else "请由这台电梯的维保单位办理", "elevator_id", elevator.code)


def _in_use(elevator: Elevator) -> Finding:
    ok = elevator.status == "in_use"
    found = say("电梯 %(code)s %(more)s", code=elevator.code, more="在用" if ok else "不在用")
    remedy = "" if ok else "停用、报废或未登记的电梯不安排任务"
    return Finding("电梯状态", ok, found, remedy, "elevator_id", elevator.code)
