"""What a check says is what the verbs say: nothing that passed turns bad when it is imported, and every row is counted
once, in the state that it ended in.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, scope
from app.imports import batches
from app.models import Contract, ImportBatch, ImportRow, Job, MaintenanceClock, Visit
from app.permissions import SYSTEM
from app.tasks import jobs as tasks
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.handover import take_over
from tests.factories import make_contract, make_elevator, make_ledger, make_person, make_policy
from tests.imports.ground import AT, checked, csv, ran, states, told, workbook
from tests.workflows.clock_world import visit

TODAY = clock.local_day(AT)
DAY = dt.timedelta(days=1)
CONTRACT = ["合同编号", "签订日期", "起始日期", "截止日期", "电梯", "维保单位", "备注"]
LEDGER = [
    "识别码", "维保人员", "协同维保人员", "维保间隔", "下次半月维保", "下次季度维保", "下次半年维保", "下次年度维保",
]  # fmt: skip
VISIT = ["识别码", "单位", "维保员", "签到", "签退", "现场签名", "上传时间", "复核时间"]


def counted_once(session: Any, batch: ImportBatch) -> None:
    """The batch's counts are those of its rows, each in one state."""
    kept = list(states(session, batch).values())
    assert (batch.new_rows, batch.changed_rows, batch.same_rows, batch.bad_rows) == tuple(
        kept.count(state) for state in ("new", "changed", "same", "bad")
    )
    assert batch.rows == len(kept)


def as_said(session: Any, who: Any, kind: str, file: Any) -> dict[int, str]:
    """Check and import: the same rows are bad before and after. Gives what was said, by row."""
    batch = checked(session, who, kind, file)
    counted_once(session, batch)
    said, good = told(session, batch), batch.new_rows + batch.changed_rows
    bad = {n for n, state in states(session, batch).items() if state == "bad"}
    if good:
        batch = ran(session, who, batch)
        counted_once(session, batch)
        assert {n for n, state in states(session, batch).items() if state == "bad"} == bad, told(session, batch)
        assert batch.done_rows == good
    return said


# --- contracts


@pytest.fixture
def lifts(session: Any, world: Any) -> list[Any]:
    made = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(4)]
    make_contract(session, world.firm, [made[0]], TODAY - DAY * 30, TODAY + DAY * 60, number="HT-RUNS")
    make_contract(session, world.firm, [], TODAY - DAY * 300, TODAY - DAY * 3, number="HT-OVER")
    made[3].approved_version = 0
    session.commit()
    return made


@pytest.mark.feature("IMP-01", "CON-01", "CON-03", "CON-05")
def test_contracts_are_judged_as_by_the_form(session: Any, world: Any, lifts: list[Any]) -> None:
    end = TODAY + DAY * 300
    rows = [
        ("A-1", TODAY, TODAY, end, lifts[1].code, ""),
        ("A-2", TODAY, end, TODAY, "", ""),
        ("A-3", TODAY, TODAY, end, lifts[0].code, ""),
        ("A-4", TODAY, TODAY, end, world.foreign.code, ""),
        ("A-5", TODAY, TODAY, end, lifts[3].code, ""),
        ("A-6", TODAY, TODAY, end, lifts[1].code, ""),
        ("A-7", TODAY - DAY * 90, TODAY - DAY * 90, TODAY - DAY, "", ""),
        ("HT-OVER", TODAY - DAY * 300, TODAY - DAY * 300, end, "", ""),
        ("ＨＴ－ＲＵＮＳ", TODAY - DAY * 30, TODAY - DAY * 30, TODAY - DAY * 2, "", ""),
        ("A-8", TODAY, TODAY, TODAY + DAY * 9000, "", ""),
    ]
    said = as_said(session, world.actor("clerk"), "contracts", workbook(CONTRACT, *map(list, rows)))
    for row, words in {
        3: "截止早于起始", 4: "已有合同 HT-RUNS", 5: "没有找到 1 台", 6: "备案尚未通过", 7: "已有合同 A-1（第 2 行）",
        8: "已过", 9: "合同 HT-OVER 已于", 10: "会改变今天或以前的合同关系", 11: "超过 10 年",
    }.items():  # fmt: skip
        assert words in said[row], (row, said.get(row))
    assert 2 not in said


@pytest.mark.feature("IMP-01", "CON-01")
def test_who_has_no_unit_says_whose_contract_it_is(session: Any, world: Any, lifts: list[Any]) -> None:
    end, who = TODAY + DAY * 300, SYSTEM.by("cli")
    file = workbook(
        CONTRACT, ["B-1", TODAY, TODAY, end, lifts[1].code, world.firm.name], ["B-2", TODAY, TODAY, end, "", ""],
        ["B-3", TODAY, TODAY, end, "", world.use_unit.name],
        ["B-4", TODAY, TODAY, end, world.foreign.code, world.firm.uscc],
    )  # fmt: skip
    said = as_said(session, who, "contracts", file)
    assert "没有填写" in said[3] and "不是维保单位" in said[4] and "维保单位不是本单位" in said[5]
    assert session.scalar(select(Contract.unit_id).where(Contract.number == "B-1")) == world.firm.id


@pytest.mark.feature("IMP-01", "CON-01")
@pytest.mark.parametrize("seed", range(3))
def test_any_contracts_end_as_the_check_said(session: Any, world: Any, lifts: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    days = [TODAY + DAY * n for n in (-400, -100, -1, 0, 1, 30, 200)]
    codes = ["", *(e.code for e in lifts), world.foreign.code, "000000"]
    rows = [
        [chance.choice(("HT-RUNS", "HT-OVER", f"C-{n}", f"C-{n}", f"Ｃ-{n}", world.contract.number)),
         *(chance.choice(days) for _ in range(3)), "、".join(chance.sample(codes, chance.randrange(3))), "",
         chance.choice(("", "改"))]
        for n in range(14)
    ]  # fmt: skip
    as_said(session, world.actor("clerk"), "contracts", workbook(CONTRACT, *rows))


# --- ledgers


@pytest.mark.feature("IMP-01", "ELV-06")
def test_ledgers_are_judged_as_by_the_form(session: Any, world: Any) -> None:
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(6)]
    mate = make_person(session, world.firm)
    session.commit()
    visit(session, lifts[4], world.worker, TODAY - DAY * 3)
    visit(session, lifts[5], world.worker, TODAY - DAY * 3)
    me, on = world.worker.name, TODAY + DAY * 200
    rows = [
        [lifts[0].code, me, mate.name, 15, None, None, None, on],
        [lifts[1].code, me, None, 16, None, None, None, on],
        [lifts[2].code, me, None, 15, TODAY, on, None, on],
        [lifts[3].code, me, me, 15, None, None, None, TODAY - DAY],
        [lifts[4].code, me, None, 15, TODAY + DAY * 30, on, on, on],
        [lifts[5].code, me, None, 15, None, on, on, on],
    ]
    said = as_said(session, world.actor("clerk"), "ledgers", workbook(LEDGER, *rows))
    assert said.keys() == {3, 4, 5, 6}
    assert "16 天" in said[3] and "缺少下次半年维保" in said[4] and "同一人" in said[5]
    assert f"为 {TODAY + DAY * 12}；填写的是" in said[6]


@pytest.mark.feature("IMP-01", "ELV-06")
@pytest.mark.parametrize("seed", range(3))
def test_any_ledgers_end_as_the_check_said(session: Any, world: Any, seed: int) -> None:
    chance = random.Random(seed)
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(10)]
    names = [None, world.worker.name, make_person(session, world.firm).name, world.other_worker.name]
    for one in lifts[:4]:
        make_ledger(session, one, world.worker)
    session.commit()
    for one in lifts[2:6]:
        visit(session, one, world.worker, TODAY - DAY * chance.randrange(1, 40))
    days = [None, None, *(TODAY + DAY * n for n in (-1, 0, 9, 200))]
    rows = [
        [one.code, chance.choice(names), chance.choice(names), chance.choice((None, 14, 15, 16)),
         *(chance.choice(days) for _ in range(4))]
        for one in lifts
    ]  # fmt: skip
    as_said(session, world.actor("clerk"), "ledgers", workbook(LEDGER, *rows))


# --- past visits


def past(world: Any, lift: Any, began: str, ended: str | None, *later: str | None, worker: Any = None) -> list[Any]:
    cells: list[str | None] = [*later, None, None, None]
    return [lift.code, world.firm.name, (worker or world.worker).name, began, ended, *cells[:3]]


@pytest.mark.feature("IMP-03")
@pytest.mark.parametrize(("preset", "refused"), [("huzhou", False), ("nantong", True), ("quanzhou", True)])
def test_past_visits_without_an_end(session: Any, world: Any, preset: str, refused: bool) -> None:
    """Where hours void it, it is history; where nothing does, it would be open, and two of one worker can't be."""
    make_policy(session, "preset", preset)
    session.commit()
    file = workbook(VISIT, *(past(world, world.own, f"2026-09-0{n} 09:00", None) for n in (1, 2)))
    said = as_said(session, world.actor("region_admin"), "visits", file)
    assert ("没有签退" in said.get(2, "")) is refused and ("没有签退" in said.get(3, "")) is refused
    assert session.scalars(select(Visit.state)).all() == ([] if refused else ["void", "void"])
    if not refused:
        assert session.get(MaintenanceClock, world.own.id).last_visit_on is None


@pytest.mark.feature("IMP-03")
def test_past_visits_that_cannot_have_been(session: Any, world: Any) -> None:
    other = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    third = make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit)
    session.commit()
    day = "2026-09-01"
    rows = [
        past(world, world.own, f"{day} 09:00", f"{day} 10:00", f"{day} 10:00"),
        past(world, world.own, f"{day} 13:00", f"{day} 14:00", f"{day} 13:59"),
        past(world, world.own, f"{day} 15:00", f"{day} 16:00", None, f"{day} 15:30", f"{day} 15:31"),
        past(world, world.own, f"{day} 18:00", f"{day} 17:00"),
        past(world, other, f"{day} 09:30", f"{day} 10:30"),
        past(world, third, f"{day} 10:00", f"{day} 10:40"),
    ]
    said = as_said(session, world.actor("region_admin"), "visits", workbook(VISIT, *rows))
    assert said.keys() == {3, 4, 5, 6}
    assert "现场签名" in said[3] and "早于签退" in said[3]
    assert "上传时间" in said[4] and "复核时间" in said[4]
    assert "早于签到" in said[5]
    assert f"电梯 {world.own.code}，第 2 行" in said[6] and "时间重叠" in said[6]
    again = workbook(VISIT, past(world, other, f"{day} 09:10", f"{day} 09:50"))
    assert f"电梯 {world.own.code}" in as_said(session, world.actor("region_admin"), "visits", again)[2]


@pytest.mark.feature("IMP-03", "PER-09")
def test_the_ninth_of_a_day_is_the_ninth_though_it_came_in_parts(session: Any, world: Any) -> None:
    make_policy(session, "preset", "nantong")
    lifts = [make_elevator(session, maintenance_unit=world.firm, use_unit=world.use_unit) for _ in range(10)]
    session.commit()
    who, hour = world.actor("region_admin"), dt.datetime(2026, 9, 1, 0, tzinfo=dt.UTC)

    def part(numbers: list[int]) -> None:
        rows = [
            take_over.PastVisit(
                lifts[n].id, world.firm.id, world.worker.id, hour + dt.timedelta(minutes=40 * n),
                hour + dt.timedelta(minutes=40 * n + 35),
            )
            for n in numbers
        ]  # fmt: skip
        with scope.acting(who), transaction(session):
            assert take_over.take_over(session, who, None, rows, AT).refused == {}

    part([9, 8, 1, 0])
    assert set(session.scalars(select(Visit.state))) == {"valid"}
    part([7, 6, 5, 4, 3, 2])
    columns = (Visit.elevator_id, Visit.state, Visit.day_rank, Visit.counted)
    found = session.execute(select(*columns).order_by(Visit.day_rank))
    assert [tuple(row) for row in found] == [
        (lift.id, "valid" if n < 8 else "abnormal", n + 1, n < 8) for n, lift in enumerate(lifts)
    ]
    clocks = {c.elevator_id: c.last_visit_on for c in session.scalars(select(MaintenanceClock))}
    assert clocks[lifts[0].id] == dt.date(2026, 9, 1) and clocks[lifts[9].id] is None


# --- an end, whatever happens


@pytest.mark.feature("IMP-01")
def test_a_batch_whose_job_broke_off_says_so_and_goes_on(
    session: Any, world: Any, app: Any, monkeypatch: Any
) -> None:
    who = world.actor("region_admin")
    file = workbook(VISIT, past(world, world.own, "2026-09-01 09:00", "2026-09-01 10:00"))
    number = checked(session, who, "visits", file).id
    with scope.acting(who), transaction(session):
        job_id = batches.start(session, who, number, AT).job_id
    with monkeypatch.context() as broken:
        broken.setattr("app.workflows.maintenance.clocks.recompute", lambda *_: 1 / 0)
        with app.app_context():
            assert tasks.run(job_id) == "failed"
    session.rollback()
    batch = session.get(ImportBatch, number)
    assert batch.state == "failed" and "事件编号" in batch.note
    with transaction(session):
        jobs.retry(session, who, job_id, AT)
    session.expire_all()
    assert session.get(ImportBatch, number).state == "importing"
    with app.app_context():
        assert tasks.run(job_id) == "done"
    session.rollback()
    assert (session.get(ImportBatch, number).state, session.get(Job, job_id).state) == ("done", "done")
    assert session.scalars(select(ImportRow.applied)).all() == [True]


@pytest.mark.feature("IMP-01")
def test_a_command_that_breaks_off_ends_its_batch_too(
    session: Any, world: Any, app: Any, monkeypatch: Any, tmp_path: Any
) -> None:
    from app.commands import imports as command

    file = tmp_path / "表.csv"
    row = f"{world.own.code},{world.firm.name},{world.worker.name},2026-09-01 09:00,2026-09-01 10:00"
    file.write_bytes(csv("识别码,单位,维保员,签到,签退", row).read())
    monkeypatch.setattr("app.workflows.maintenance.clocks.recompute", lambda *_: 1 / 0)
    with app.app_context(), scope.acting(SYSTEM.by("cli")), pytest.raises(ZeroDivisionError):
        command._run(SYSTEM.by("cli"), "visits", file, False, command.Told("both", (), (), None))
    session.rollback()
    assert session.scalars(select(ImportBatch.state)).all() == ["failed"]
