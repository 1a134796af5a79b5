"""Use units, ledgers, contracts and past visits from file to rows."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.imports import undoing
from app.models import (
    AuditEntry,
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceClock,
    MaintenanceLedger,
    OverduePeriod,
    Unit,
    Visit,
)
from app.transaction import transaction
from app.workflows.contracts import contracts, cover
from app.workflows.maintenance import ledgers
from tests.factories import make_contract, make_elevator, make_person, make_policy, uscc
from tests.imports.ground import checked, errors_of, imported, ran, states, told, workbook

DAY = dt.timedelta(days=1)


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("UNT-07")
def test_use_units_come_in_as_drafts_of_their_filer(session: Any, world: Any) -> None:
    code = uscc()
    head = ["统一社会信用代码", "单位名称", "所在地区", "使用单位", "安全管理员", "安全管理员电话"]
    file = workbook(head, [code, "澜州导入物业有限公司", "青坪区", "是", "苏见山", "13900000000"],
                    ["91980402000000000X", "坏代码", "青坪区", "是", None, None])  # fmt: skip
    batch = imported(session, world.actor("clerk"), "units", file)
    assert (batch.done_rows, batch.bad_rows) == (1, 1)
    unit = session.scalars(select(Unit).where(Unit.uscc == code)).one()
    assert (unit.filing_state, unit.is_use, unit.filed_by_unit_id) == ("draft", True, world.firm.id)
    masked = checked(session, world.actor("clerk"), "units", workbook(
        head, [code, "澜州导入物业有限公司", "青坪区", "是", "苏见山", "139****0000"]
    ))  # fmt: skip
    assert masked.same_rows == 1


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("ELV-06")
def test_ledgers_by_code_with_people_by_name(session: Any, world: Any) -> None:
    head = ["识别码", "维保人员", "任务生成模式", "维保间隔", "下次年度维保"]
    make_person(session, world.firm, "重名"), make_person(session, world.firm, "重名")
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    who = world.actor("clerk")
    file = workbook(
        head, [world.own.code, world.worker.name, "自动", "15天", "2027-06-01"], [other.code, "重名", "自动", 15, None],
        ["000000", None, None, None, None], [world.foreign.code, None, None, None, None],
    )  # fmt: skip
    batch = imported(session, who, "ledgers", file)
    assert errors_of(session, batch) == {(3, "维保人员"), (4, "识别码"), (5, "识别码")}
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert (ledger.worker_id, ledger.interval_days, ledger.next_annual_on) == (
        world.worker.id, 15, dt.date(2027, 6, 1),
    )  # fmt: skip
    assert ledger.next_half_month_on is not None
    again = checked(
        session, who, "ledgers", workbook(head, [world.own.code, world.worker.name, "自动", 15, "2027-06-01"])
    )
    assert again.same_rows == 1


@pytest.mark.feature("IMP-01", "ELV-06")
@pytest.mark.parametrize("mode", ["update", "new", "both"])
def test_a_ledger_that_was_never_filled_in_is_welcome_in_each_mode(session: Any, world: Any, mode: str) -> None:
    """更新导入 supplements elevators that stand; only one that has a ledger already is no new one."""
    file = lambda: workbook(  # noqa: E731
        ["识别码", "维保人员", "下次年度维保"], [world.own.code, world.worker.name, "2027-06-01"],
        ["000000", None, "2027-06-01"],
    )  # fmt: skip
    batch = imported(session, world.actor("clerk"), "ledgers", file(), mode=mode)
    assert (batch.new_rows, batch.bad_rows, batch.done_rows) == (1, 1, 1)
    again = checked(session, world.actor("clerk"), "ledgers", file(), mode=mode)
    assert (again.new_rows, again.same_rows) == (0, 0 if mode == "new" else 1)


@pytest.mark.feature("IMP-01")
@pytest.mark.feature("CON-01")
def test_contracts_with_their_elevators(session: Any, world: Any) -> None:
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(2)]
    session.commit()
    head = ["合同编号", "合同属性", "签订日期", "起始日期", "截止日期", "电梯"]
    start, end = clock.today(), clock.today() + dt.timedelta(days=300)
    who = world.actor("clerk")
    codes = "、".join(e.code for e in lifts)
    file = workbook(
        head, ["HT-IMP-1", "半包", start, start, end, codes], ["HT-IMP-2", "普通", end, end, start, ""],
        ["HT-IMP-3", "普通", start, start, end, f"{lifts[0].code} 999999"],
    )  # fmt: skip
    batch = imported(session, who, "contracts", file, at=clock.now())
    contract = session.scalars(select(Contract).where(Contract.number == "HT-IMP-1")).one()
    assert (contract.kind, contract.unit_id, contract.starts_on) == ("half", world.firm.id, start)
    bound = session.scalars(select(ContractElevator.elevator_id).where(ContractElevator.contract_id == contract.id))
    assert set(bound) == {e.id for e in lifts}
    assert {n for n, _ in errors_of(session, batch)} == {3, 4}
    assert batch.done_rows == 1


@pytest.mark.feature("IMP-03", "CON-01")
def test_a_past_contract_is_marked_as_taken_over(session: Any, world: Any) -> None:
    """Only what a regulator's file brought after it had begun; the days are its own, those that are over too."""
    lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    gone = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit, status="scrapped")
    session.commit()
    today, year = clock.today(), dt.timedelta(days=365)
    head = ["合同编号", "维保单位", "签订日期", "起始日期", "截止日期", "电梯"]
    rows = [
        ["HT-PAST", world.firm.name, today - 2 * year, today - 2 * year, today - year, lift.code],
        ["HT-NOW", world.firm.name, today, today, today + year, lift.code],
        # It was another firm's before, and one has been scrapped since.
        ["HT-OTHER", world.other_firm.name, today - 3 * year, today - 3 * year, today - 2 * year - DAY,
         f"{lift.code} {gone.code}"],
        ["HT-TWICE", world.other_firm.name, today - 2 * year, today - 2 * year, today - year, lift.code],
    ]  # fmt: skip
    batch = imported(session, world.actor("platform_admin"), "contracts", workbook(head, *rows), at=clock.now())
    assert (batch.done_rows, errors_of(session, batch)) == (3, {(5, "电梯")})
    begun = ["HT-OWN", world.firm.name, today - year, today - year, today + year, ""]
    batch = imported(session, world.actor("clerk"), "contracts", workbook(head, begun), at=clock.now())
    assert batch.done_rows == 1, errors_of(session, batch)
    found = session.scalars(select(Contract).where(Contract.batch_id.is_not(None)))
    assert {c.number: c.taken_over for c in found} == {
        "HT-PAST": True, "HT-NOW": False, "HT-OTHER": True, "HT-OWN": False
    }  # fmt: skip
    past = session.scalars(select(Contract).where(Contract.number == "HT-PAST")).one()
    bound = session.scalars(select(ContractElevator).where(ContractElevator.contract_id == past.id)).one()
    assert (bound.starts_on, bound.ends_on) == (today - 2 * year, today - year)
    assert cover.in_force(session, lift.id, today - 3 * year).unit_id == world.other_firm.id
    # What is over takes no elevators in later, nor does a unit's file bring such a one.
    with pytest.raises(Exception, match="已失效"):
        contracts.bind(session, world.actor("platform_admin"), past.id, [gone.id], clock.now())
    session.rollback()
    late = ["HT-LATE", world.firm.name, today - year, today - year, today - DAY, lift.code]
    batch = checked(session, world.actor("clerk"), "contracts", workbook(head, late), at=clock.now())
    assert (batch.new_rows, batch.bad_rows) == (0, 1)


@pytest.mark.feature("IMP-03", "CON-01")
def test_a_contract_written_by_hand_since_the_check_is_not_the_files(session: Any, world: Any) -> None:
    """It is neither marked nor taken over, one that is over takes no elevators in, an undo deletes none."""
    admin, today, year = world.actor("platform_admin"), clock.today(), dt.timedelta(days=365)
    lift = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    head = ["合同编号", "维保单位", "签订日期", "起始日期", "截止日期", "电梯", "备注"]
    over, runs = ([today - 2 * year] * 2 + [today - year], [today - year] * 2 + [today + year])
    batch = checked(session, admin, "contracts", workbook(
        head, ["HT-OVER", world.firm.name, *over, lift.code, "文件"], ["HT-RUNS", world.firm.name, *runs, "", "文件"],
    ), at=clock.now())  # fmt: skip
    assert set(states(session, batch).values()) == {"new"}
    for number, days in (("HT-OVER", over), ("HT-RUNS", runs)):
        make_contract(session, world.firm, [], number=number, starts_on=days[1], ends_on=days[2], signed_on=days[0])
    session.commit()
    batch = ran(session, admin, batch, clock.now())
    assert (batch.done_rows, batch.new_rows, states(session, batch)) == (1, 0, {2: "bad", 3: "changed"})
    found = session.scalars(select(Contract).where(Contract.number.in_(["HT-OVER", "HT-RUNS"])))
    assert {c.number: (c.batch_id, c.taken_over, c.note) for c in found} == {
        "HT-OVER": (None, False, None), "HT-RUNS": (None, False, "文件")
    }  # fmt: skip
    assert session.scalar(select(ContractElevator.id).where(ContractElevator.elevator_id == lift.id)) is None
    number = batch.id
    with scope.acting(admin):
        with transaction(session):
            undoing.begin(session, admin, number, clock.now(), queued=False)
        assert undoing.run(session, admin, number, clock.now(), lambda *_: None) == {"undone": 1, "kept": 0}
    session.expire_all()
    assert session.scalars(select(Contract).where(Contract.number == "HT-RUNS")).one().note is None


@pytest.mark.feature("IMP-03", "PLN-01")
def test_a_ledger_written_by_hand_since_the_check_is_not_the_files(session: Any, world: Any) -> None:
    """An undo takes back what the file changed of it; it goes with no file."""
    who, at = world.actor("clerk"), clock.now()
    head = ["识别码", "维保人员", "任务生成模式", "维保间隔"]
    batch = checked(session, who, "ledgers", workbook(head, [world.own.code, world.worker.name, "手动", 15]), at=at)
    assert set(states(session, batch).values()) == {"new"}
    with scope.acting(who), transaction(session):
        ledgers.save(session, who, session.get(Elevator, world.own.id), {"mode": "auto", "interval_days": 14}, None, at)
    batch = ran(session, who, batch, clock.now())
    number = batch.id
    assert (batch.done_rows, set(states(session, batch).values())) == (1, {"changed"})
    held = session.scalars(select(MaintenanceLedger)).one()
    assert (held.batch_id, held.mode, held.interval_days, held.worker_id) == (None, "manual", 15, world.worker.id)
    session.rollback()
    with scope.acting(who):
        with transaction(session):
            undoing.begin(session, who, number, clock.now(), queued=False)
        assert undoing.run(session, who, number, clock.now(), lambda *_: None) == {"undone": 1, "kept": 0}
    session.expire_all()
    held = session.scalars(select(MaintenanceLedger)).one()
    assert (held.mode, held.interval_days) == ("auto", 14)


@pytest.mark.feature("IMP-03", "ELV-06")
@pytest.mark.parametrize("since", ["elsewhere", "as in the file", "untouched"])
def test_a_ledger_moved_since_the_check_is_changed_from_where_it_stands(session: Any, world: Any, since: str) -> None:
    """What the log and an undo know is what the row met; and a return to what was before is a change like another."""
    who, at, own = world.actor("clerk"), clock.now(), world.own.id
    first, second, third = world.worker, make_person(session, world.firm, "乙"), make_person(session, world.firm, "丙")
    session.commit()
    a, b, c = first.id, second.id, third.id

    def by_hand(worker: int) -> None:
        with scope.acting(who), transaction(session):
            ledgers.save(session, who, session.get(Elevator, own), {"worker_id": worker}, None, clock.now())

    def kept() -> list[Any]:
        session.rollback()
        log = select(AuditEntry).where(AuditEntry.action == "ledger.save").order_by(AuditEntry.id)
        return [
            ((entry.before or {}).get("worker_id"), entry.after["worker_id"])
            for entry in session.scalars(log.execution_options(skip_scope=True))
        ]  # fmt: skip

    by_hand(a)
    head, code = ["识别码", "维保人员"], world.own.code
    batch = checked(session, who, "ledgers", workbook(head, [code, "乙"]), at=at)
    assert set(states(session, batch).values()) == {"changed"}
    stood = {"elsewhere": c, "as in the file": b, "untouched": a}[since]
    if stood != a:
        by_hand(stood)
    begun = kept()
    batch = ran(session, who, batch, clock.now())
    number, told_of = batch.id, since != "as in the file"
    assert (batch.done_rows, set(states(session, batch).values())) == ((1, {"changed"}) if told_of else (0, {"same"}))
    assert kept()[len(begun):] == ([(stood, b)] if told_of else []), "no line of the log says nothing"
    if told_of:
        with scope.acting(who):
            with transaction(session):
                undoing.begin(session, who, number, clock.now(), queued=False)
            assert undoing.run(session, who, number, clock.now(), lambda *_: None) == {"undone": 1, "kept": 0}
        assert kept()[-1] == (b, stood), "an undo gives back what the row took"
    # Back to the first, and to the second once more: each of them is a change with a line of its own.
    begun, steps = kept(), [stood, b, a, b] if stood != b else [stood, a, b, a]
    names = {a: "王砚秋", b: "乙"}
    for key in steps[1:]:
        assert imported(session, who, "ledgers", workbook(head, [code, names[key]])).changed_rows == 1
    assert kept()[len(begun):] == list(pairwise(steps))


@pytest.mark.feature("IMP-01", "IMP-03", "CON-01", "PLN-01")
@pytest.mark.parametrize("mode", ["new", "both"])
def test_where_only_new_ones_are_wanted_what_was_written_since_the_check_is_refused(
    session: Any, world: Any, mode: str
) -> None:  # fmt: skip
    who, at, today = world.actor("clerk"), clock.now(), clock.today()
    days = [today - 9 * DAY, today - 9 * DAY, today + 90 * DAY]
    head = ["合同编号", "签订日期", "起始日期", "截止日期", "备注"]
    file = workbook(head, ["HT-SINCE", *days, "文件"], ["HT-FREE", *days, "文件"])
    contract = checked(session, who, "contracts", file, mode=mode, at=at)
    file = workbook(["识别码", "任务生成模式", "维保间隔"], [world.own.code, "手动", 15])
    ledger = checked(session, who, "ledgers", file, mode=mode, at=at)
    make_contract(session, world.firm, [], number="HT-SINCE", starts_on=days[1], ends_on=days[2], signed_on=days[0])
    with scope.acting(who), transaction(session):
        ledgers.save(session, who, session.get(Elevator, world.own.id), {"mode": "auto", "interval_days": 14}, None, at)
    session.commit()
    only_new = mode == "new"
    contract = ran(session, who, contract, clock.now())
    assert told(session, contract) == ({2: "校验之后已存在"} if only_new else {})
    assert errors_of(session, contract) == ({(2, "合同编号")} if only_new else set())
    assert (contract.done_rows, contract.bad_rows) == ((1, 1) if only_new else (2, 0))
    held = session.scalars(select(Contract).where(Contract.number == "HT-SINCE")).one()
    assert held.note == (None if only_new else "文件")
    ledger = ran(session, who, ledger, clock.now())
    assert told(session, ledger) == ({2: "校验之后已存在"} if only_new else {})
    assert session.scalars(select(MaintenanceLedger)).one().mode == ("auto" if only_new else "manual")


@pytest.mark.feature("IMP-03")
def test_past_visits_keep_their_true_times_and_move_the_clock(session: Any, world: Any) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    head = ["识别码", "单位", "维保员", "签到", "签退", "模式", "现场签名", "上传时间", "复核时间"]
    row = lambda on, out="10:00", signed="": [  # noqa: E731 - a row in one line
        world.own.code, world.firm.name, world.worker.name, f"{on} 09:00", f"{on} {out}" if out else None,
        "按系统维保项", f"{on} {signed}" if signed else None, None, None,
    ]  # fmt: skip
    file = workbook(
        head, row("2026-09-01", signed="10:00"), row("2026-10-10", signed="10:00"), row("2026-11-05"),
        row("2026-11-19", out="08:00"), row("2027-01-01"),
    )  # fmt: skip
    who = world.actor("region_admin")
    batch = imported(session, who, "visits", file)
    assert {n for n, _ in errors_of(session, batch)} == {5, 6}
    stored = session.scalars(select(Visit).order_by(Visit.visit_on)).all()
    assert [(v.visit_on, v.state, v.taken_over) for v in stored] == [
        (dt.date(2026, 9, 1), "valid", True), (dt.date(2026, 10, 10), "valid", True),
        (dt.date(2026, 11, 5), "awaiting", True),
    ]  # fmt: skip
    assert stored[0].checked_in_at == dt.datetime(2026, 9, 1, 1, 0, tzinfo=dt.UTC)
    row_clock = session.get(MaintenanceClock, world.own.id)
    assert (row_clock.first_visit_on, row_clock.last_visit_on) == (dt.date(2026, 9, 1), dt.date(2026, 11, 5))
    missed = session.scalars(select(OverduePeriod.limit_on).order_by(OverduePeriod.limit_on)).all()
    assert missed == [dt.date(2026, 9, 16), dt.date(2026, 10, 1), dt.date(2026, 10, 25)]
    again = checked(session, who, "visits", workbook(head, row("2026-09-01", signed="10:00")))
    assert again.same_rows == 1
