"""An import taken back: what it made goes, what it changed is as before; what something stands on stays, with why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Refusal
from app.imports import undoing, waiting
from app.models import (
    AuditEntry,
    Contract,
    Elevator,
    ImportBatch,
    ImportRow,
    MaintenanceLedger,
    MaintenanceOrder,
    Person,
    Unit,
    Version,
)
from app.transaction import transaction
from app.workflows.filing import filing
from app.workflows.maintenance import orders
from tests.factories import make_elevator, make_ledger, make_person, uscc
from tests.imports.ground import AT, imported, workbook

HEAD = ["识别码", "品种", "地址", "所在地区", "使用单位", "楼盘"]
LATER = AT + dt.timedelta(hours=1)


def lift(world: Any, code: str, estate: str = "导入小区") -> list[Any]:
    return [code, "自动扶梯", "澜江路 1 号", "临河区明水街道", world.use_unit.name, estate]


def undone(session: Any, who: Any, batch: ImportBatch, at: dt.datetime = LATER) -> ImportBatch:
    number = batch.id
    with scope.acting(who):
        with transaction(session):
            undoing.begin(session, who, number, at, queued=False)
        undoing.run(session, who, number, at, lambda *_: None)
    session.expire_all()
    found: ImportBatch = session.get(ImportBatch, number)
    return found


def reasons(session: Any, batch: ImportBatch) -> dict[int, str]:
    rows = session.scalars(select(ImportRow).where(ImportRow.batch_id == batch.id, ImportRow.undo == "kept"))
    return {row.number: row.undo_note for row in rows}


@pytest.mark.feature("IMP-01")
def test_what_was_made_goes_and_what_was_changed_is_as_before(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = imported(
        session, who, "elevators", workbook(HEAD, lift(world, "700001"), [world.own.code, None, None, None, None, "改"])
    )
    assert (batch.new_rows, batch.changed_rows) == (1, 1)
    assert session.get(Elevator, world.own.id).filing_state == "draft"
    done = undone(session, who, batch)
    assert (done.state, done.undone_rows, done.kept_rows) == ("undone", 2, 0)
    assert session.scalar(select(func.count(Elevator.id)).where(Elevator.code == "700001")) == 0
    own = session.get(Elevator, world.own.id)
    assert (own.filing_state, own.info_state, own.estate) == ("approved", "normal", "云樾里小区")
    assert session.scalar(select(func.count(Version.id)).where(Version.state == "draft")) == 0
    actions = set(session.scalars(select(AuditEntry.action).where(AuditEntry.entity == "import_batch")))
    assert {"import.undo", "import.undone", "elevator.delete_drafts"} <= actions


@pytest.mark.feature("IMP-01")
def test_rows_that_something_stands_on_stay_and_name_it(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    codes = [f"70000{n}" for n in range(1, 6)]
    batch = imported(session, who, "elevators", workbook(HEAD, *(lift(world, code) for code in codes)))
    rows = {e.code: e for e in session.scalars(select(Elevator).where(Elevator.code.in_(codes)))}
    session.add(MaintenanceLedger(
        elevator_id=rows["700002"].id, unit_id=world.firm.id, region_code="980402000000", next_level="half_month"
    ))  # fmt: skip
    session.commit()
    with scope.acting(who), transaction(session):
        filing.submit(session, who, rows["700003"], LATER)
        filing.save_draft(session, who, Elevator, rows["700004"], {"estate": "后来改的"}, LATER)
    done = undone(session, who, batch, LATER + dt.timedelta(minutes=1))
    assert (done.undone_rows, done.kept_rows) == (2, 3)
    told = reasons(session, done)
    assert "设备履历" in told[3] and "上报" in told[4] and "又修改过" in told[5]
    assert set(session.scalars(select(Elevator.code).where(Elevator.code.in_(codes)))) == set(codes[1:4])


@pytest.mark.feature("IMP-01")
def test_a_change_that_was_filed_or_edited_again_stays(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    second = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    head = ["识别码", "楼盘"]
    batch = imported(session, who, "elevators", workbook(head, [world.own.code, "甲"], [second.code, "乙"]))
    with scope.acting(who), transaction(session):
        filing.submit(session, who, session.get(Elevator, world.own.id), LATER)
        filing.save_draft(session, who, Elevator, session.get(Elevator, second.id), {"estate": "丙"}, LATER)
    done = undone(session, who, batch, LATER + dt.timedelta(minutes=1))
    assert (done.undone_rows, done.kept_rows) == (0, 2)
    assert filing.content(session, session.get(Elevator, second.id))["estate"] == "丙"


@pytest.mark.feature("IMP-01")
def test_a_draft_that_was_there_before_is_left_as_it_was(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    with scope.acting(who), transaction(session):
        filing.save_draft(session, who, Elevator, world.own, {"estate": "手改", "note": "手写"}, AT)
    batch = imported(session, who, "elevators", workbook(["识别码", "楼盘"], [world.own.code, "导入改"]), at=LATER)
    done = undone(session, who, batch, LATER + dt.timedelta(minutes=1))
    assert done.undone_rows == 1
    own = session.get(Elevator, world.own.id)
    content = filing.content(session, own)
    assert (own.filing_state, content["estate"], content["note"]) == ("draft", "手改", "手写")


@pytest.mark.feature("IMP-01")
def test_units_with_elevators_stay(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    head = ["统一社会信用代码", "单位名称", "所在地区", "使用单位"]
    codes = [uscc(), uscc()]
    batch = imported(session, who, "units", workbook(head, *([c, f"导入物业{c}", "临河区", "是"] for c in codes)))
    first = session.scalars(select(Unit).where(Unit.uscc == codes[0])).one()
    make_elevator(session, use_unit=first, code="700009")
    session.commit()
    done = undone(session, who, batch)
    assert (done.undone_rows, done.kept_rows, reasons(session, done)) == (1, 1, {2: "已有电梯 700009"})


@pytest.mark.feature("IMP-01")
def test_persons_ledgers_and_contracts(session: Any, world: Any) -> None:
    who, now = world.actor("clerk"), clock.now()
    later = now + dt.timedelta(hours=1)
    people = imported(
        session, who, "persons",
        workbook(["姓名", "作业人员证编号", "工种"], ["甲一", "T1", "修理"], ["乙二", "T2", "修理"],
                 [world.worker.name, world.worker.certificate_no, "改工种"]), at=now,
    )  # fmt: skip
    busy = session.scalars(select(Person).where(Person.certificate_no == "T1")).one()
    served = workbook(["识别码", "维保人员", "任务生成模式"], [world.own.code, "T1", "手动"])
    ledger = imported(session, who, "ledgers", served, at=now)
    starts = clock.today()
    deal = imported(
        session, who, "contracts",
        workbook(["合同编号", "签订日期", "起始日期", "截止日期"], ["HT-1", starts, starts, starts + dt.timedelta(90)]),
        at=now,
    )  # fmt: skip
    assert (people.done_rows, ledger.done_rows, deal.done_rows) == (3, 1, 1)
    done = undone(session, who, people, later)
    assert (done.undone_rows, done.kept_rows, reasons(session, done)) == (2, 1, {2: "已有设备履历"})
    assert session.get(Person, busy.id) is not None and session.get(Person, world.worker.id).work_kind is None
    assert undone(session, who, ledger, later).undone_rows == 1
    assert session.scalar(select(func.count(MaintenanceLedger.id))) == 0
    assert undone(session, who, deal, later).undone_rows == 1
    assert session.scalar(select(Contract.id).where(Contract.number == "HT-1")) is None


@pytest.mark.feature("IMP-01", "ELV-06")
def test_an_undone_keeper_gives_back_what_he_took_not_what_he_was_lent(session: Any, world: Any) -> None:
    who, now, day = world.actor("clerk"), clock.now(), dt.timedelta(days=1)
    keeper, other = world.worker, make_person(session, world.firm)
    make_ledger(session, world.own, keeper, mode="manual")
    session.commit()
    with scope.acting(who), transaction(session):
        his, lent, later = (
            orders.create(
                session, who, world.own.id, {"planned_on": clock.today() + n * day, "worker_id": worker.id}, now
            ).id
            for n, worker in ((3, keeper), (9, other), (12, keeper))
        )

    def whose() -> list[int]:
        session.expire_all()
        return [session.get(MaintenanceOrder, key).worker_id for key in (his, lent, later)]

    changed = workbook(["识别码", "维保人员"], [world.own.code, other.certificate_no])
    batch = imported(session, who, "ledgers", changed, at=now)
    assert (batch.done_rows, whose()) == (1, [other.id] * 3)
    third = make_person(session, world.firm)
    session.commit()
    with scope.acting(who), transaction(session):
        orders.reassign(session, who, [later], third.id, now)
    assert undone(session, who, batch, now + dt.timedelta(hours=1)).undone_rows == 1
    ledger = session.scalars(select(MaintenanceLedger)).one()
    assert (ledger.worker_id, whose()) == (keeper.id, [keeper.id, other.id, third.id])


@pytest.mark.feature("IMP-01")
def test_who_may_undo_and_only_once(session: Any, world: Any) -> None:
    who = world.actor("clerk")
    batch = imported(session, who, "elevators", workbook(HEAD, lift(world, "700001")))
    for persona in ("maintenance_head", "other_head", "inspector", "worker"):
        with pytest.raises(Refusal), transaction(session):
            undoing.begin(session, world.actor(persona), batch.id, LATER, queued=False)
    assert undone(session, world.actor("region_admin"), batch).undone_rows == 1
    with pytest.raises(Refusal, match="不在已完成状态"), transaction(session):
        undoing.begin(session, who, batch.id, LATER, queued=False)


@pytest.mark.feature("IMP-01")
def test_a_killed_undo_goes_on_where_it_was(session: Any, world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(undoing, "STEP", 2)
    monkeypatch.setattr(waiting, "NUMBERS", 3)
    who = world.actor("clerk")
    batch = imported(session, who, "elevators", workbook(HEAD, *(lift(world, f"70000{n}") for n in range(5))))

    def dies(done: int, total: int, message: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with scope.acting(who):
        with transaction(session):
            undoing.begin(session, who, batch.id, LATER, queued=False)
        with pytest.raises(KeyboardInterrupt):
            undoing.run(session, who, batch.id, LATER, dies)
        session.rollback()
        assert undoing.run(session, who, batch.id, LATER, lambda *_: None) == {"undone": 5, "kept": 0}


def test_everything_that_points_at_a_person_is_named(session: Any, world: Any) -> None:
    from app.workflows.people.standing_on import standing_on

    alone = make_person(session, world.firm)
    session.commit()
    found = standing_on(session, Person, [world.worker.id, alone.id])
    assert set(found) == {world.worker.id} and "账号" in found[world.worker.id]
