"""一年计划 (PLN-04): a year's orders for chosen elevators from a start day, the last one annual; shown first.

Its days are fixed and don't follow the visits, so it stands in place of the nightly orders, not beside them: an
elevator whose orders come by themselves is left out, or its ledger is set to manual with the plan.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update

from app import clock, scope
from app.errors import Finding, Refusal, raise_failing
from app.models import Elevator, MaintenanceClock, MaintenanceLedger, MaintenanceOrder, OnDemandInterval, Person
from app.models.among import among
from app.models.choices import ELEVATOR_STATUS, LEVEL, ORDER_ORIGIN
from app.permissions import Actor, Verb, require
from app.rules.calendar import add_months, day_finding
from app.rules.levels import PlannedOrder, year_plan
from app.rules.places import named_place
from app.transaction import AnySession, forget, insert_many
from app.wording import say, together
from app.workflows.core import audit
from app.workflows.maintenance import orders
from app.workflows.maintenance.ledgers import INTERVALS

MOST = 5000
PASSED = say("日期已过")
# Level, origin and state of one that stands.
Order = tuple[str, str, str]
_elevator: Any = Elevator.__table__.c
_clock: Any = MaintenanceClock.__table__.c
_ledger: Any = MaintenanceLedger.__table__.c
_order: Any = MaintenanceOrder.__table__.c


@dataclass(frozen=True, slots=True)
class Asked:
    """What is planned: blank interval and worker are each ledger's own; `switch` sets automatic ledgers to manual."""

    start_on: dt.date | None
    interval_days: int | None = None
    worker_id: int | None = None
    switch: bool = False


@dataclass(slots=True)
class Planned:
    """One elevator: the orders to make, the days left out with the reason, or why it is left out altogether."""

    id: int
    code: str
    place: str
    unit_id: int | None
    region_code: str
    limit_on: dt.date | None
    covered_until: dt.date | None
    ledger_id: int | None
    mode: str | None
    interval_days: int | None
    worker_id: int | None
    findings: list[Finding] = field(default_factory=list)
    orders: list[PlannedOrder] = field(default_factory=list)
    left_out: list[tuple[PlannedOrder, str]] = field(default_factory=list)
    # Days that have an order already, by where that came from.
    held: list[tuple[dt.date, str]] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return any(f.stops for f in self.findings)


@dataclass(frozen=True, slots=True)
class PlanDay:
    """A day of the plan over all its elevators."""

    on: dt.date
    level: str
    made: int
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class YearPlan:
    """What a plan makes and what it leaves out; `digest` names it, so that only what was shown is made."""

    asked: Asked
    rows: list[Planned]
    missing: list[int]

    @property
    def made(self) -> int:
        return sum(len(row.orders) for row in self.rows)

    @property
    def planned(self) -> list[Planned]:
        return [row for row in self.rows if row.orders]

    @property
    def refused(self) -> list[Planned]:
        return [row for row in self.rows if row.refused]

    @property
    def standing(self) -> list[Planned]:
        """Nothing against them, and nothing to make: all their days are passed or have an order."""
        return [row for row in self.rows if not row.refused and not row.orders]

    @property
    def switched(self) -> list[Planned]:
        return [row for row in self.planned if row.mode == "auto"]

    @property
    def digest(self) -> str:
        said = [
            [row.id, row.worker_id, row.mode, [[o.planned_on.isoformat(), o.level.value] for o in row.orders]]
            for row in self.planned
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    @property
    def days(self) -> list[PlanDay]:
        """By day and level, in order."""
        made: Counter[tuple[dt.date, str]] = Counter()
        without: dict[tuple[dt.date, str], Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            made.update((order.planned_on, order.level.value) for order in row.orders)
            for order, why in row.left_out:
                without[order.planned_on, order.level.value][why] += 1
        return [PlanDay(*key, made[key], dict(without.get(key, {}))) for key in sorted({*made, *without})]

    @property
    def passed(self) -> list[dt.date]:
        """Days that are behind, whoever's: they are told together."""
        return sorted({order.planned_on for row in self.rows for order, why in row.left_out if why == PASSED})


def preview(
    session: AnySession, actor: Actor, elevator_ids: Collection[int], asked: Asked, at: dt.datetime
) -> YearPlan:
    """What `make` would do now; changes nothing."""
    require(actor, Verb.ORDER_EDIT)
    ids = sorted(set(elevator_ids))
    today = clock.local_day(at)
    raise_failing([*asked_findings(asked, today), *_number_findings(ids)])
    plan = _judged(session, actor, ids, asked, today)
    if plan.switched:
        require(actor, Verb.LEDGER_EDIT)
    return plan


def make(
    session: AnySession, actor: Actor, elevator_ids: Collection[int], asked: Asked, at: dt.datetime,
    expected: str | None = None,
) -> YearPlan:  # fmt: skip
    """Make the orders of the plan, set automatic ledgers to manual where that was asked for, one audit entry.

    Made again it makes nothing: a day that has an open order, or one that was done, is left out. `expected` is the
    digest of what was shown; anything else is refused and nothing is made.
    """
    require(actor, Verb.ORDER_EDIT)
    _hold(session, sorted(set(elevator_ids))[:MOST], asked.worker_id)
    plan = preview(session, actor, elevator_ids, asked, at)
    if expected is not None and expected != plan.digest:
        remedy = "请核对新的预览后再生成"
        raise Refusal(Finding("一年计划", False, "预览之后，电梯、履历或任务有了变化", remedy, field="seen"))
    if not plan.made:
        return plan
    session.flush()
    insert_many(session, MaintenanceOrder.__table__, [
        {
            "elevator_id": row.id, "unit_id": row.unit_id, "region_code": row.region_code, "worker_id": row.worker_id,
            "planned_on": order.planned_on, "limit_on": _limit_of(row, order), "level": order.level.value,
            "origin": "plan", "state": "open", "created_by_id": actor.user_id, "created_at": at, "updated_at": at,
        }
        for row in plan.planned for order in row.orders
    ])  # fmt: skip
    switched = [row.id for row in plan.switched]
    if switched:
        session.execute(
            update(MaintenanceLedger.__table__)
            .where(among(session, _ledger.elevator_id, switched))
            .values(mode="manual", row_version=_ledger.row_version + 1, updated_at=at)
        )
        forget(session, MaintenanceLedger, [row.ledger_id for row in plan.switched])
        orders.void_automatic(session, actor, switched, at, say("改为一年计划"))
    after: dict[str, Any] = {
        "from": asked.start_on, "interval_days": asked.interval_days, "worker_id": asked.worker_id,
        "orders": plan.made, "elevators": [row.id for row in plan.planned],
    }  # fmt: skip
    if switched:
        after["switched"] = switched
    audit.record(session, actor, at, "order.plan", "maintenance_order", None, after=after)
    return plan


def asked_findings(asked: Asked, today: dt.date) -> list[Finding]:
    """Start day and interval; whose worker it is depends on the elevator."""
    findings = []
    start = asked.start_on
    if start is None:
        findings.append(Finding("起始日期", False, "没有填写起始日期", "请填写一年计划从哪一天开始", "start_on"))
    else:
        findings.append(day_finding(start, "start_on", "起始日期"))
        earliest, latest = add_months(today, -12), add_months(today, 12)
        if findings[-1].ok and not earliest < start <= latest:
            found = say("起始日期为 %(day)s", day=start.isoformat())
            remedy = say("请填写 %(first)s 之后、不晚于 %(last)s 的日期", first=earliest, last=latest)
            findings.append(Finding("起始日期", False, found, remedy, "start_on", start.isoformat()))
    if asked.interval_days is not None and asked.interval_days not in INTERVALS:
        found = say("维保间隔为 %(interval_days)s 天", interval_days=asked.interval_days)
        findings.append(
            Finding("维保间隔", False, found, "请选择 14 天或 15 天", "interval_days", str(asked.interval_days))
        )
    return findings


def _number_findings(ids: list[int]) -> list[Finding]:
    if 0 < len(ids) <= MOST:
        return []
    found = say("选了 %(count)s 台电梯", count=len(ids)) if ids else "没有选择电梯"
    remedy = say("一次最多 %(most)s 台，请筛选后分批办理", most=MOST) if ids else "请在设备履历列表中勾选"
    return [Finding("一年计划", False, found, remedy, field="ids", value=str(len(ids)))]


def _hold(session: AnySession, ids: list[int], worker_id: int | None) -> None:
    """Elevators for their keys, clocks, then ledgers, as everybody takes them: a stop, another unit or the same plan
    again waits, or is seen."""
    elevators = select(Elevator.id).where(among(session, Elevator.id, ids)).order_by(Elevator.id)
    session.execute(elevators.with_for_update(read=True, key_share=True).execution_options(skip_scope=True)).all()
    for model, key in ((MaintenanceClock, _clock.elevator_id), (MaintenanceLedger, _ledger.elevator_id)):
        session.execute(select(key).select_from(model.__table__).where(among(session, key, ids)).order_by(key)
                        .with_for_update()).all()  # fmt: skip
    workers = select(_ledger.worker_id).where(among(session, _ledger.elevator_id, ids)).distinct()
    orders.hold_people(session, [worker_id] if worker_id is not None else session.scalars(workers).all())


def _judged(session: AnySession, actor: Actor, ids: list[int], asked: Asked, today: dt.date) -> YearPlan:
    begins: dict[int, dt.date | None] = {}
    rows = []
    read = (
        select(
            _elevator.id, _elevator.code, _elevator.estate, _elevator.address, _elevator.status,
            _elevator.approved_version, _elevator.maintenance_unit_id, _elevator.region_code, _clock.paused_on,
            _clock.limit_on, _clock.covered_until, _clock.cover_begins_on, _ledger.id.label("ledger_id"), _ledger.mode,
            _ledger.interval_days, _ledger.worker_id,
        )
        .select_from(Elevator)
        .outerjoin(MaintenanceClock.__table__, _clock.elevator_id == _elevator.id)
        .outerjoin(MaintenanceLedger.__table__, _ledger.elevator_id == _elevator.id)
        .where(among(session, _elevator.id, ids), scope.criterion(Elevator, actor))
        .order_by(_elevator.code, _elevator.id)
        .execution_options(skip_scope=True)
    )  # fmt: skip
    known = session.execute(read).all()
    people = _people(session, {asked.worker_id or found.worker_id for found in known})
    longer = _longer(session, ids, today)
    for found in known:
        row = Planned(
            found.id, found.code, named_place(found.estate, found.address), found.maintenance_unit_id,
            found.region_code, found.limit_on, found.covered_until, found.ledger_id, found.mode,
            asked.interval_days or found.interval_days, asked.worker_id or found.worker_id,
        )  # fmt: skip
        row.findings = [
            *_elevator_findings(actor, found), *_ledger_findings(found, asked, longer.get(found.id)),
            *_worker_findings(row, people, today),
        ]  # fmt: skip
        covered = found.covered_until is not None and found.covered_until >= today
        begins[row.id] = today if covered else found.cover_begins_on
        if begins[row.id] is None:
            said = say("合同已于 %(day)s 到期", day=found.covered_until) if found.covered_until else "没有维保合同覆盖"
            row.findings.append(Finding("维保合同", False, said, "请先登记合同并绑定这台电梯", "elevator_id", row.code))
        rows.append(row)
    _lay_out(session, [row for row in rows if not row.refused], asked, begins, today)
    return YearPlan(asked, rows, sorted(set(ids) - {row.id for row in rows}))


def _lay_out(
    session: AnySession, rows: list[Planned], asked: Asked, begins: Mapping[int, dt.date | None], today: dt.date
) -> None:
    """Give each elevator its days, and leave out those that are passed, taken or not covered yet."""
    assert asked.start_on is not None
    plans = {days: year_plan(asked.start_on, days) for days in INTERVALS}
    taken = _taken(session, [row.id for row in rows], today)
    for row in rows:
        whole = plans[row.interval_days or INTERVALS[-1]]
        own = {order.planned_on for order in whole}
        first, last = whole[0].planned_on, whole[-1].planned_on
        other = [
            on for on, some in taken[row.id].items()
            if on not in own and first <= on <= last and any(there[1:] == ("plan", "open") for there in some)
        ]  # fmt: skip
        if other:
            found = say(
                "已有另一份一年计划：%(first)s 至 %(last)s 还有 %(count)s 条待维保任务不在这份计划的日子上",
                first=min(other), last=max(other), count=len(other),
            )  # fmt: skip
            remedy = "请先在维保计划中作废那些任务，或用原来的起始日期和间隔"
            row.findings.append(Finding("一年计划", False, found, remedy, "elevator_id", row.code))
            continue
        for order in whole:
            there = _standing(taken[row.id].get(order.planned_on, ()), row)
            why = _why_not(order, begins[row.id], there, today)
            if why is None:
                row.orders.append(order)
            else:
                row.left_out.append((order, why))
                if there is not None and why != PASSED:
                    row.held.append((order.planned_on, there[1]))
        _warn(row, begins[row.id])


def _standing(some: Sequence[Order], row: Planned) -> Order | None:
    """What of a day's orders keeps the plan's away: what was done, then another plan's, then any other."""
    # An automatic one that is open makes way for the plan.
    kept = [one for one in some if row.mode != "auto" or one[1:] != ("auto", "open")]
    return min(kept, key=lambda one: (one[2] != "done", one[1] != "plan"), default=None)


def _why_not(
    order: PlannedOrder, begins: dt.date | None, there: Order | None, today: dt.date
) -> str | None:
    if order.planned_on < today:
        return PASSED
    if there is not None:
        level, origin, state = there
        done = say("已维保") if state == "done" else say("待维保")
        return say(
            "当日已有%(level)s任务（%(origin)s，%(state)s）", level=LEVEL[level], origin=ORDER_ORIGIN[origin],
            state=done,
        )  # fmt: skip
    if begins is not None and order.planned_on < begins:
        return say("合同 %(day)s 起生效", day=begins)
    return None


def _warn(row: Planned, begins: dt.date | None) -> None:
    """What does not stand in the way of the plan, but of some of its days, or of some of its visits later."""
    if row.held:
        count = Counter(origin for _on, origin in row.held)
        from_where = together(say("%(origin)s %(n)s 条", origin=ORDER_ORIGIN[o], n=n) for o, n in sorted(count.items()))
        found = say(
            "%(first)s 至 %(last)s 有 %(n)s 个日期已有任务（%(what)s）", first=row.held[0][0], last=row.held[-1][0],
            n=len(row.held), what=from_where,
        )  # fmt: skip
        remedy = "这些日期不再生成；要重新安排的，先在维保计划中作废原来的任务"
        row.findings.append(Finding("已有任务", False, found, remedy, "elevator_id", row.code, level="warn"))
    if not row.orders and all(why == PASSED for _order, why in row.left_out):
        found, remedy = "这份计划的日期都已过", "请改用较晚的起始日期"
        row.findings.append(Finding("起始日期", False, found, remedy, "elevator_id", row.code, level="warn"))
    elif not row.orders and not row.held:
        found = say("合同 %(day)s 起生效，这份计划没有在此之后的日期", day=begins)
        remedy = "请改用较晚的起始日期，或登记更早生效的合同"
        row.findings.append(Finding("维保合同", False, found, remedy, "elevator_id", row.code, level="warn"))
    after = sum(1 for o in row.orders if row.covered_until is not None and o.planned_on > row.covered_until)
    if after:
        found = say("合同有效期至 %(day)s，其后有 %(count)s 条任务", day=row.covered_until, count=after)
        remedy = "请在到期前续签，合同未覆盖的日子不能签到"
        row.findings.append(Finding("维保合同", False, found, remedy, "elevator_id", row.code, level="warn"))


def _elevator_findings(actor: Actor, found: Any) -> list[Finding]:
    findings = []
    about: dict[str, Any] = {"field": "elevator_id", "value": found.code}
    if found.maintenance_unit_id is None or actor.unit_id not in (None, found.maintenance_unit_id):
        findings.append(Finding("维保单位", False, "不由本单位维保", "请由这台电梯的维保单位办理", **about))
    if found.status != "in_use" or not found.approved_version:
        said = say("电梯%(status)s", status=ELEVATOR_STATUS.get(found.status, found.status))
        said = said if found.approved_version else "电梯还没有备案通过"
        findings.append(Finding("电梯状态", False, said, "停用、报废或未登记的电梯不安排任务", **about))
    if found.paused_on is not None and found.status == "in_use":
        said = say("维保自 %(day)s 暂停", day=found.paused_on)
        findings.append(Finding("维保暂停", False, said, "恢复维保后再生成计划", **about))
    return findings


def _ledger_findings(found: Any, asked: Asked, longer: tuple[int, dt.date] | None) -> list[Finding]:
    about: dict[str, Any] = {"field": "elevator_id", "value": found.code}
    if found.ledger_id is None:
        return [Finding("设备履历", False, "还没有填写设备履历", "请先填写履历", **about)]
    findings = []
    if found.mode == "auto" and not asked.switch:
        remedy = "请选择“改为手动，由一年计划代替”，或在履历中改为手动；自动任务和一年计划不能并行"
        findings.append(Finding("任务生成模式", False, "任务生成模式为自动", remedy, **about))
    if longer is not None:
        said = say("按需维保至 %(day)s，间隔 %(days)s 天", day=longer[1], days=longer[0])
        findings.append(Finding("按需维保", False, said, "按需维保期间的任务按核准的间隔安排", **about))
    return findings


def _worker_findings(row: Planned, people: Mapping[int, Any], today: dt.date) -> list[Finding]:
    if row.worker_id is None:
        remedy = "请选择维保人员，或先在履历中填写"
        return [Finding("维保人员", False, "履历中没有维保人员", remedy, "worker_id")]
    person = people.get(row.worker_id)
    if person is None or person.unit_id != row.unit_id:
        return [Finding("维保人员", False, "维保人员不是这台电梯维保单位的人员", "请选择本单位的人员", "worker_id")]
    if person.left_on is not None and person.left_on <= today:
        found = say("%(name)s 已于 %(left_on)s 离职", name=person.name, left_on=person.left_on)
        return [Finding("维保人员", False, found, "请选择在职人员", "worker_id")]
    return []


def _people(session: AnySession, ids: Collection[int | None]) -> dict[int, Any]:
    person: Any = Person.__table__.c
    keys = [key for key in ids if key is not None]
    found = session.execute(
        select(person.id, person.unit_id, person.left_on, person.name).where(among(session, person.id, keys))
    )
    return {row.id: row for row in found}


def _longer(session: AnySession, ids: list[int], today: dt.date) -> dict[int, tuple[int, dt.date]]:
    """Approved longer intervals that hold or are to come."""
    table: Any = OnDemandInterval.__table__.c
    last = func.coalesce(table.closed_on, table.to_on)
    read = select(table.elevator_id, table.interval_days, last).where(
        among(session, table.elevator_id, ids), last >= today
    )
    return {key: (days, to) for key, days, to in session.execute(read)}


def _taken(session: AnySession, ids: list[int], today: dt.date) -> dict[int, dict[dt.date, list[Order]]]:
    """Orders from today on that are open or done, by elevator and day: a day may have several."""
    taken: dict[int, dict[dt.date, list[Order]]] = defaultdict(lambda: defaultdict(list))
    read = (
        select(_order.elevator_id, _order.planned_on, _order.level, _order.origin, _order.state)
        .where(among(session, _order.elevator_id, ids), _order.planned_on >= today, _order.state.in_(("open", "done")))
        .order_by(_order.id)
    )
    for key, on, *said in session.execute(read):
        taken[key][on].append((said[0], said[1], said[2]))
    return taken


def _limit_of(row: Planned, order: PlannedOrder) -> dt.date | None:
    """The limit that runs, for what is planned within it; the later ones depend on visits that are yet to be made."""
    return row.limit_on if row.limit_on is not None and order.planned_on <= row.limit_on else None
