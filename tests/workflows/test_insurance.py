"""UNT-09: drafts, filing with a voucher, what is compared then, withdrawing; ID numbers never lie open."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from app import clock
from app.errors import NotAllowed, NotFound, Refusal, Stale
from app.models import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson, Notification
from app.permissions import Role
from app.tasks import insurance as task
from app.transaction import transaction
from app.workflows.files import attachments, places
from app.workflows.papers import insurance, insurance_gaps
from app.workflows.papers.insurance import Line
from tests.factories import World, actor, make_account, make_maintenance_unit, make_person
from tests.statements import statements

pytestmark = pytest.mark.feature("UNT-09")
NOW = dt.datetime(2026, 3, 20, 10, tzinfo=clock.SHANGHAI)
FEB, LONG_AGO = dt.date(2026, 2, 1), dt.datetime(2020, 1, 1, tzinfo=clock.SHANGHAI)
WEIGHTS, CHECKS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"


def id_number(serial: int) -> str:
    """A valid invented 身份证号."""
    first = f"98040219900101{serial:03d}"
    return first + CHECKS[sum(int(c) * w for c, w in zip(first, WEIGHTS, strict=True)) % 11]


@pytest.fixture(autouse=True)
def ground(tmp_path: Path, world: World) -> Iterator[None]:
    before = places._folder
    attachments.use_folder(tmp_path)
    world.worker.created_at = LONG_AGO
    world.session.commit()
    yield
    if before is not None:
        attachments.use_folder(before)


def save(world: World, *lines: Line, who: str = "clerk", record: int | None = None, **more: Any) -> InsuranceRecord:
    values = {"payer": "澜州恒枢电梯工程有限公司", "from_on": FEB, "to_on": FEB, "note": ""} | more
    with transaction(world.session):
        return insurance.save(world.session, world.actor(who), record, lines=lines, at=NOW, **values)


def voucher(world: World, row: InsuranceRecord) -> Any:
    with transaction(world.session):
        return attachments.store(
            world.session, world.actor("clerk"), NOW, io.BytesIO(b"%PDF-1.7"), "缴费明细.pdf", "insurance",
            "insurance_record", row.id, row.unit_id, row.region_code,
        )  # fmt: skip


def filed(world: World, *lines: Line, **more: Any) -> InsuranceRecord:
    row = save(world, *lines, **more)
    voucher(world, row)
    with transaction(world.session):
        return insurance.file(world.session, world.actor("clerk"), row.id, NOW)


def month_of(world: World, month: dt.date = FEB) -> InsuranceMonth:
    return world.session.query(InsuranceMonth).filter_by(unit_id=world.firm.id, month=month).one()


def test_a_filed_record_is_compared_at_once(world: World) -> None:
    make_person(world.session, world.firm, "何一帆", created_at=LONG_AGO)
    world.session.commit()
    filed(world, Line("王砚秋", id_number(1), "13700000001"), Line("顾以宁", id_number(2)))
    kept = month_of(world)
    assert (kept.records, kept.filed, kept.insured, kept.uninsured, kept.unfiled) == (1, 2, 2, 1, 1)
    gaps = {(g.kind, g.name) for g in world.session.query(InsuranceGap)}
    assert gaps == {("uninsured", "何一帆"), ("unfiled", "顾以宁")}


def test_months_are_whole_and_all_of_them_are_compared(world: World) -> None:
    row = filed(world, Line("王砚秋", id_number(1)), from_on=dt.date(2026, 1, 9), to_on=dt.date(2026, 2, 3))
    assert (row.from_on, row.to_on) == (dt.date(2026, 1, 1), dt.date(2026, 2, 28))
    months = [m.month for m in world.session.query(InsuranceMonth).order_by(InsuranceMonth.month)]
    assert months == [dt.date(2026, 1, 1), FEB]
    assert world.session.query(InsuranceGap).count() == 0


def test_withdrawing_counts_it_no_more_and_says_why(world: World) -> None:
    row = filed(world, Line("王砚秋", id_number(1)))
    assert month_of(world).uninsured == 0
    with pytest.raises(Refusal, match="撤回原因"), transaction(world.session):
        insurance.withdraw(world.session, world.actor("clerk"), row.id, " ", NOW)
    with transaction(world.session):
        insurance.withdraw(world.session, world.actor("clerk"), row.id, "月份报错", NOW)
    assert month_of(world).uninsured == 1 and row.withdrawn_note == "月份报错"
    with pytest.raises(Stale), transaction(world.session):
        insurance.withdraw(world.session, world.actor("clerk"), row.id, "再来", NOW)


def test_every_wrong_field_and_line_is_told_at_once(world: World) -> None:
    lines = [Line("", id_number(1)), Line("甲", "123"), Line("乙", id_number(2), "110"), Line("丙", id_number(2))]
    with pytest.raises(Refusal) as refused:
        save(world, *lines, payer=" ", to_on=dt.date(2026, 1, 1))
    fields = {f.field for f in refused.value.findings}
    assert {"payer", "to_on", "name_1", "id_number_2", "phone_3", "id_number_4"} <= fields
    assert all(f.remedy for f in refused.value.findings)
    assert id_number(2) not in str(refused.value), "no whole number in a message"


@pytest.mark.parametrize(
    ("from_on", "to_on", "word"),
    [
        (None, FEB, "没有填写"), (FEB, dt.date(2026, 4, 1), "还没有到"), (dt.date(2023, 1, 1), FEB, "最多 24 个月"),
        (dt.date(1900, 1, 1), FEB, "1950"),
    ],
)  # fmt: skip
def test_which_months(world: World, from_on: Any, to_on: Any, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        save(world, from_on=from_on, to_on=to_on)


def test_nothing_is_filed_without_voucher_or_people(world: World) -> None:
    row = save(world)
    with pytest.raises(Refusal) as refused, transaction(world.session):
        insurance.file(world.session, world.actor("clerk"), row.id, NOW)
    assert {f.field for f in refused.value.findings} == {"voucher", "lines"}


def test_what_is_filed_stands(world: World) -> None:
    row = filed(world, Line("王砚秋", id_number(1)))
    person = world.session.query(InsuredPerson).one()
    for deed in (
        lambda s: insurance.remove(s, world.actor("clerk"), row.id, NOW),
        lambda s: insurance.remove_person(s, world.actor("clerk"), row.id, person.id, NOW),
        lambda s: insurance.file(s, world.actor("clerk"), row.id, NOW),
    ):
        with pytest.raises(Stale), transaction(world.session):
            deed(world.session)
    with pytest.raises(Stale):
        save(world, record=row.id)


def test_a_draft_grows_and_goes(world: World) -> None:
    row = save(world, Line("王砚秋", id_number(1)))
    save(world, Line("", "", ""), Line("顾以宁", id_number(2)), record=row.id)
    with pytest.raises(Refusal, match="已在明细里"):
        save(world, Line("王砚秋", id_number(1)), record=row.id)
    first = world.session.query(InsuredPerson).order_by(InsuredPerson.id).first()
    with transaction(world.session):
        insurance.remove_person(world.session, world.actor("clerk"), row.id, first.id, NOW)
    file = voucher(world, row)
    with transaction(world.session):
        insurance.remove(world.session, world.actor("clerk"), row.id, NOW)
    world.session.expire_all()
    assert world.session.query(InsuredPerson).count() == 0 and file.removed_at is not None


def test_nobody_else_touches_it(world: World) -> None:
    row = save(world, Line("王砚秋", id_number(1)))
    session = world.session
    with pytest.raises(NotFound), transaction(session):
        insurance.file(session, world.actor("other_head"), row.id, NOW)
    for persona in ("inspector", "worker", "use_head"):
        with pytest.raises(NotAllowed), transaction(session):
            insurance.save(session, world.actor(persona), None, "某公司", FEB, FEB, "", [], NOW)


def test_id_numbers_are_sealed_and_shown_whole_only_to_who_may_and_logged(world: World) -> None:
    row = save(world, Line("王砚秋", id_number(1)))
    kept = world.session.query(InsuredPerson).one()
    stands = world.session.scalar(text("SELECT id_number FROM insured_person"))
    assert kept.id_number == id_number(1) and id_number(1) not in stands
    with transaction(world.session):
        shown = insurance.id_numbers(world.session, world.actor("inspector"), row.id, NOW)
    assert list(shown.values()) == [id_number(1)]
    with pytest.raises(NotAllowed), transaction(world.session):
        insurance.id_numbers(world.session, world.actor("clerk"), row.id, NOW)


def test_the_night_tells_the_office_of_gaps_once(app: Any, world: World) -> None:
    with app.app_context(), clock.frozen(NOW):
        assert task.compare()["gaps"] >= 1
        task.compare()
    world.session.rollback()
    told = world.session.query(Notification).filter_by(topic="insurance").all()
    mine = [n for n in told if n.recipient_id == world.accounts["clerk"].id]
    assert len(mine) == 1 and "2026-02" in mine[0].title and "1 人已备案未参保" in mine[0].title
    assert not [n for n in told if n.recipient_id == world.accounts["worker"].id]


def test_the_night_writes_only_what_has_changed(app: Any, world: World) -> None:
    filed(world, Line("王砚秋", id_number(1)))

    def night(days: int) -> list[Any]:
        with app.app_context(), clock.frozen(NOW + dt.timedelta(days=days)):
            task.compare()
        world.session.rollback()
        gaps = select(InsuranceGap.id, InsuranceGap.kind, InsuranceGap.name).order_by(InsuranceGap.id)
        months = select(InsuranceMonth.unit_id, InsuranceMonth.uninsured, InsuranceMonth.compared_at)
        return [world.session.execute(s).all() for s in (gaps, months.order_by(InsuranceMonth.id))]

    first = night(1)
    assert night(1) == first, "a second run of a night"
    after = night(2)
    assert after[0] == first[0], "gaps keep their rows"
    assert all(now.compared_at > then.compared_at for now, then in zip(after[1], first[1], strict=True))
    make_person(world.session, world.firm, "何一帆", created_at=LONG_AGO)
    world.session.commit()
    assert ("uninsured", "何一帆") in {(kind, name) for _id, kind, name in night(3)[0]}
    assert month_of(world).uninsured == 1


@pytest.mark.parametrize("broken", ["_outcomes", "notify"])
def test_what_goes_wrong_with_one_unit_is_its_own(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    """Also where it breaks the look at all of them together."""
    make_person(world.session, world.other_firm, "何一帆", created_at=LONG_AGO)
    world.session.commit()
    assert world.firm.id < world.other_firm.id
    outcomes, accounts = insurance_gaps._outcomes, insurance_gaps.outbox.accounts_of_unit

    def of_some(session: Any, units: Any, month: dt.date) -> Any:
        if world.firm.id in units:
            raise KeyError("out of order")
        return outcomes(session, units, month)

    def of_unit(session: Any, unit_id: int, verb: Any) -> Any:
        if unit_id == world.firm.id:
            raise KeyError("out of order")
        return accounts(session, unit_id, verb)

    with monkeypatch.context() as now, app.app_context(), clock.frozen(NOW):
        if broken == "_outcomes":
            now.setattr(insurance_gaps, "_outcomes", of_some)
        else:
            now.setattr(insurance_gaps.outbox, "accounts_of_unit", of_unit)
        with pytest.raises(Refusal) as refused:
            task.compare()
    (finding,) = refused.value.findings
    assert "1 个单位没有比对，其余的已经比对" in finding.found and "事件编号" in finding.found
    assert f"insurance of unit {world.firm.id}" in caplog.text
    world.session.rollback()
    assert world.firm.id not in set(world.session.scalars(select(InsuranceMonth.unit_id)))
    assert world.other_firm.id in set(world.session.scalars(select(InsuranceMonth.unit_id)))
    with app.app_context(), clock.frozen(NOW):
        assert task.compare()["gaps"] >= 2
    world.session.rollback()
    assert month_of(world).uninsured == 1, "made up for by the next run"


def test_many_units_are_looked_at_by_as_many_statements_as_one(world: World) -> None:
    """And what is found of each is what comparing it alone finds."""
    session, units = world.session, [world.firm.id, world.other_firm.id]
    filed(world, Line("王砚秋", id_number(1)))
    for _ in range(8):
        unit = make_maintenance_unit(session)
        make_person(session, unit, created_at=LONG_AGO)
        units.append(unit.id)
    session.commit()
    counts = []
    for some in (units[:1], units):
        with transaction(session), statements() as sent:
            left = insurance_gaps.settle(session, some, FEB, NOW)
        counts.append(len(sent))
        assert left == [key for key in some if key != world.firm.id], "never compared before, or nothing new"
    assert counts[0] == counts[1]
    with transaction(session):
        for key in units:
            insurance_gaps.refresh(session, key, FEB, NOW)
    session.expire_all()
    assert month_of(world).uninsured == 0
    assert session.query(InsuranceGap).filter_by(kind="uninsured").count() >= 8


def test_before_the_day_the_month_before_is_judged(world: World) -> None:
    early = dt.datetime(2026, 3, 14, 9, tzinfo=clock.SHANGHAI)
    assert (world.firm.id, dt.date(2026, 1, 1)) in insurance_gaps.due_units(world.session, early)
    assert (world.firm.id, FEB) in insurance_gaps.due_units(world.session, NOW)


def test_only_the_unit_and_its_regulator_compare(world: World) -> None:
    session = world.session
    with transaction(session):
        insurance_gaps.compare_now(session, world.actor("inspector"), world.firm.id, FEB, NOW)
    stranger = actor(make_account(session, Role.CLERK, unit=world.other_firm))
    with pytest.raises((NotFound, NotAllowed)), transaction(session):
        insurance_gaps.compare_now(session, stranger, world.firm.id, FEB, NOW)
    with pytest.raises(Refusal, match="还没有到"), transaction(session):
        insurance_gaps.compare_now(session, world.actor("clerk"), world.firm.id, dt.date(2026, 4, 1), NOW)
