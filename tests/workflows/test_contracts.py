"""Contracts: what they cover, who is refused, what waits for a regulator, and what a change never alters."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import clock
from app.errors import NotFound, Refusal, Stale
from app.listing import moment
from app.listings.contracts import CONTRACTS, state_words
from app.models import Application, Attachment, Comment, Contract, ContractElevator, OverduePeriod, Version, Watch
from app.transaction import transaction
from app.workflows.approval import watching
from app.workflows.contracts import contract_changes, contract_versions, contracts, cover, renewals
from app.workflows.desk import applications
from app.workflows.maintenance import clocks
from tests import factories as make
from tests.workflows.clock_world import at, clock_of, day, limits, run, visit
from tests.workflows.filing_world import attachment
from tests.workflows.test_applications import together

TODAY = day("2024-06-10")
TERMS = {
    "number": "HT-2024-001", "kind": "full", "signed_on": day("2024-06-01"), "starts_on": TODAY,
    "ends_on": day("2025-06-09"),
}  # fmt: skip


@pytest.fixture
def head(world: make.World) -> Any:
    return world.actor("maintenance_head")


def new(session: Any, actor: Any, **fields: Any) -> Contract:
    with transaction(session):
        return contracts.save(session, actor, None, TERMS | fields, at(TODAY))


def free_elevator(session: Any, world: make.World) -> Any:
    row = make.make_elevator(session, maintenance_unit=world.firm)
    session.commit()
    return row


def bind(session: Any, actor: Any, contract: Contract, *elevators: Any, on: dt.date = TODAY) -> list[ContractElevator]:
    with transaction(session):
        return contracts.bind(session, actor, contract.id, [e.id for e in elevators], at(on))


@pytest.mark.feature("CON-01")
class TestSaving:
    def test_a_contract_is_stored_as_written(self, session: Any, head: Any, world: make.World) -> None:
        row = new(session, head, number=" ＨＴ-9 ", note="  ")
        assert (row.number, row.kind, row.note, row.unit_id) == ("HT-9", "full", None, world.firm.id)

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"number": ""}, "没有填写合同编号"),
            ({"number": "长" * 41}, "41 个字"),
            ({"kind": "free"}, "没有“free”这种合同属性"),
            ({"starts_on": None}, "没有填写起始日期"),
            ({"ends_on": day("2024-06-09")}, "截止早于起始"),
            ({"ends_on": dt.date(9999, 12, 31)}, "2199"),
            ({"ends_on": day("2034-06-10")}, "超过 10 年"),
            ({"signed_on": None}, "签订日期"),
            ({"starts_on": day("2023-01-01"), "ends_on": day("2023-12-31")}, "已过"),
        ],
    )
    def test_bad_terms_are_refused_in_words(self, session: Any, head: Any, fields: dict[str, Any], named: str) -> None:
        with pytest.raises(Refusal, match=named):
            new(session, head, **fields)
        session.rollback()
        assert session.scalar(select(Contract).where(Contract.number == "HT-2024-001")) is None

    def test_a_number_is_unique_within_the_unit_only(self, session: Any, head: Any, world: make.World) -> None:
        new(session, head)
        with pytest.raises(Refusal, match="已有编号为 HT-2024-001"):
            new(session, head)
        session.rollback()
        assert new(session, world.actor("other_head")).unit_id == world.other_firm.id

    def test_the_form_that_is_stale_is_told(self, session: Any, head: Any) -> None:
        row = new(session, head)
        with transaction(session):
            contracts.save(session, head, row, {"note": "甲"}, at(TODAY), expected_version=1)
        with pytest.raises(Stale), transaction(session):
            contracts.save(session, head, row, {"note": "乙"}, at(TODAY), expected_version=1)

    @pytest.mark.feature("CON-05")
    def test_an_ended_contract_is_neither_edited_nor_deleted(self, session: Any, head: Any) -> None:
        row = new(session, head)
        later = day("2025-06-10")
        for deed in (
            lambda: contracts.save(session, head, row, {"ends_on": day("2026-01-01")}, at(later)),
            lambda: contracts.delete(session, head, row.id, at(later)),
            lambda: contracts.bind(session, head, row.id, [], at(later)),
        ):
            with pytest.raises(Refusal, match="续签"), transaction(session):
                deed()

    def test_others_contracts_cannot_be_reached(self, session: Any, head: Any, world: make.World) -> None:
        other = world.other_contract.id
        with pytest.raises(NotFound), transaction(session):
            contracts.bind(session, head, other, [world.own.id], at(TODAY))


@pytest.mark.feature("CON-03")
class TestBinding:
    def test_bound_elevators_are_covered_from_today(self, session: Any, head: Any, world: make.World) -> None:
        elevator = free_elevator(session, world)
        row = new(session, head, starts_on=day("2024-01-01"), signed_on=day("2024-01-01"), ends_on=day("2024-12-31"))
        bind(session, head, row, elevator)
        assert cover.in_force(session, elevator.id, TODAY).contract_id == row.id
        assert cover.in_force(session, elevator.id, TODAY - dt.timedelta(days=1)) is None
        assert bind(session, head, row, elevator) == []

    def test_double_cover_names_contract_and_days(self, session: Any, head: Any, world: make.World) -> None:
        row = new(session, head)
        with pytest.raises(Refusal) as refusal:
            bind(session, head, row, world.own)
        text = str(refusal.value)
        assert world.contract.number in text and "2024-06-10 至 2025-06-09" in text and world.own.code in text

    def test_foreign_scrapped_and_unfiled_elevators_are_refused_together(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        gone = make.make_elevator(session, maintenance_unit=world.firm, status="scrapped")
        unfiled = make.make_elevator(session, maintenance_unit=world.firm, approved_version=0, filing_state="draft")
        session.commit()
        row = new(session, head)
        with pytest.raises(Refusal) as refusal:
            bind(session, head, row, world.foreign, gone, unfiled)
        assert len(refusal.value.findings) == 3

    def test_unbinding_ends_with_today_and_keeps_the_past(self, session: Any, head: Any, world: make.World) -> None:
        elevator = free_elevator(session, world)
        row = new(session, head)
        bind(session, head, row, elevator)
        later = TODAY + dt.timedelta(days=30)
        with transaction(session):
            assert contracts.unbind(session, head, row.id, [elevator.id], at(later)) == 1
        assert cover.in_force(session, elevator.id, later) is not None
        assert cover.in_force(session, elevator.id, later + dt.timedelta(days=1)) is None
        assert cover.in_force(session, elevator.id, later + dt.timedelta(days=1), at(later)) is not None

    def test_a_binding_made_by_mistake_today_goes_whole(self, session: Any, head: Any, world: make.World) -> None:
        elevator = free_elevator(session, world)
        row = new(session, head)
        bind(session, head, row, elevator)
        with transaction(session):
            contracts.unbind(session, head, row.id, [elevator.id], at(TODAY, 5))
        assert cover.in_force(session, elevator.id, TODAY) is None

    def test_two_contracts_at_once_cover_an_elevator_once(
        self, session: Any, head: Any, world: make.World, database: Any
    ) -> None:
        elevator_id = free_elevator(session, world).id
        made = [new(session, head, number=f"HT-{n}").id for n in range(2)]
        session.commit()
        barrier, refused = threading.Barrier(2), []

        def take(contract_id: int) -> None:
            with Session(database.engine) as own:
                barrier.wait()
                try:
                    with transaction(own):
                        contracts.bind(own, head, contract_id, [elevator_id], at(TODAY))
                except Refusal as refusal:
                    refused.append(str(refusal))

        threads = [threading.Thread(target=take, args=(key,)) for key in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1 and "已有合同" in refused[0]

    @pytest.mark.feature("CON-05")
    def test_renewal_takes_over_terms_and_elevators(self, session: Any, head: Any, world: make.World) -> None:
        elevator = free_elevator(session, world)
        row = new(session, head)
        bind(session, head, row, elevator)
        later = day("2025-06-20")
        with transaction(session):
            made = contracts.renew(session, head, row.id, {"signed_on": later}, at(later))
        assert (made.renewed_from_id, made.starts_on, made.kind) == (row.id, day("2025-06-10"), "full")
        held = cover.in_force(session, elevator.id, later)
        assert held.contract_id == made.id
        # The ten days between are not covered after the fact: that takes an approval.
        assert cover.in_force(session, elevator.id, day("2025-06-15")) is None

    def test_only_contracts_never_used_are_deleted(self, session: Any, head: Any, world: make.World) -> None:
        elevator, row, unused = free_elevator(session, world), new(session, head), new(session, head, number="HT-2")
        bind(session, head, row, elevator)
        with transaction(session):
            key = unused.id
            attachment(session, head, entity="contract", entity_id=key)
            watching.watch(session, head, "contract", key, at(TODAY))
            watching.comment(session, head, "contract", key, "录错了，要删", at(TODAY))
        with transaction(session):
            contracts.delete(session, head, key, at(TODAY))
        # Nothing of the one that is gone is left behind.
        for model in (Version, Comment, Watch, Attachment):
            left = select(model.id).where(model.entity == "contract", model.entity_id == key)
            kept = left.where(model.removed_at.is_(None)) if model is Attachment else left
            assert session.scalars(kept.execution_options(skip_scope=True)).all() == [], model
        with pytest.raises(Refusal, match="绑定过电梯"), transaction(session):
            contracts.delete(session, head, row.id, at(TODAY))


@pytest.mark.feature("CON-01", "CON-04")
class TestChanging:
    def test_elevators_follow_new_dates(self, session: Any, head: Any, world: make.World) -> None:
        elevator, row = free_elevator(session, world), new(session, head)
        bind(session, head, row, elevator)
        with transaction(session):
            contracts.save(session, head, row, {"ends_on": day("2025-12-31")}, at(TODAY, 9))
        assert cover.in_force(session, elevator.id, day("2025-12-31")) is not None
        assert cover.in_force(session, elevator.id, day("2025-12-31"), at(TODAY, 8)) is None

    def test_dates_that_touch_the_past_need_an_approval(self, session: Any, head: Any, world: make.World) -> None:
        start = day("2019-12-01")
        for change in ({"ends_on": day("2024-06-01")}, {"starts_on": start, "signed_on": start, "ends_on": TODAY}):
            with pytest.raises(contracts.NeedsApproval, match="监管部门审批"), transaction(session):
                contracts.save(session, head, world.contract, change, at(TODAY))

    @pytest.mark.feature("SCO-01")
    def test_a_limits_own_day_is_not_given_up_without_the_regulator(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        """On the limit day itself the contract is to end with the day before: the limit would be nobody's."""
        visit(session, world.own, world.worker, day("2024-05-26"))
        limit, eve = TODAY, TODAY - dt.timedelta(days=1)
        assert clock_of(session, world.own).limit_on == limit
        for change in ({"ends_on": eve}, {"starts_on": limit + dt.timedelta(days=1), "signed_on": limit}):
            with pytest.raises(contracts.NeedsApproval), transaction(session):
                contracts.save(session, head, world.contract, change, at(limit, 9))
        with transaction(session):
            contracts.unbind(session, head, world.contract.id, [world.own.id], at(limit, 10))
        run(session, limit + dt.timedelta(days=1))
        assert session.scalar(select(OverduePeriod.unit_id)) == world.firm.id

    def test_cover_that_began_this_morning_is_not_taken_back_whole(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        other = make.make_elevator(session, maintenance_unit=world.firm)
        made = make.make_contract(session, world.firm, [other], TODAY)
        row = session.scalar(select(ContractElevator).where(ContractElevator.contract_id == made.id))
        row.added_at = at(TODAY - dt.timedelta(days=3))
        session.commit()
        with transaction(session):
            contracts.unbind(session, head, made.id, [other.id], at(TODAY, 10))
        assert cover.in_force(session, other.id, TODAY) is not None
        assert cover.in_force(session, other.id, TODAY + dt.timedelta(days=1)) is None

    def test_an_approved_change_takes_force_and_judged_overdue_stays(
        self, session: Any, head: Any, world: make.World
    ) -> None:
        visit(session, world.own, world.worker, day("2024-05-01"))
        run(session, TODAY)
        before = limits(session, world.own)
        assert before == [day("2024-05-16"), day("2024-05-31")]
        with transaction(session):
            asked = contract_changes.request(
                session, head, world.contract.id, {"ends_on": day("2024-05-10")}, "合同提前终止", at(TODAY)
            )
        assert cover.in_force(session, world.own.id, day("2024-05-31")) is not None
        officer = world.actor("region_admin")
        with transaction(session):
            for verb in ("accept", "approve"):
                seen = session.get(Application, asked.id).row_version
                applications.decide(session, officer, asked.id, verb, "同意", seen, at(TODAY, 9))
        assert cover.in_force(session, world.own.id, day("2024-05-31")) is None
        assert session.get(Contract, world.contract.id).ends_on == day("2024-05-10")
        run(session, TODAY)
        assert limits(session, world.own) == before
        assert set(session.scalars(select(OverduePeriod.unit_id))) == {world.firm.id}

    def test_unbinding_after_a_missed_visit_changes_nothing(self, session: Any, head: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-05-20"))
        with transaction(session):
            contracts.unbind(session, head, world.contract.id, [world.own.id], at(day("2024-06-05")))
        run(session, day("2024-06-06"))
        assert session.scalar(select(OverduePeriod.unit_id)) == world.firm.id

    def test_cover_before_the_binding_is_asked_for(self, session: Any, head: Any, world: make.World) -> None:
        elevator = free_elevator(session, world)
        terms = {"starts_on": day("2024-01-01"), "signed_on": day("2024-01-01"), "ends_on": day("2024-12-31")}
        row = new(session, head, **terms)
        bind(session, head, row, elevator)
        with transaction(session):
            asked = contract_changes.request(session, head, row.id, {}, "合同年初已签", at(TODAY, 2))
            for verb in ("accept", "approve"):
                seen = session.get(Application, asked.id).row_version
                applications.decide(session, world.actor("region_admin"), asked.id, verb, "同意", seen, at(TODAY, 9))
        assert cover.in_force(session, elevator.id, day("2024-03-01")).contract_id == row.id

    def test_a_change_without_reason_or_content_is_refused(self, session: Any, head: Any, world: make.World) -> None:
        with pytest.raises(Refusal, match="没有填写变更原因"), transaction(session):
            contract_changes.request(session, head, world.contract.id, {"note": "x"}, " ", at(TODAY))
        with pytest.raises(Refusal, match="没有任何改动"), transaction(session):
            contract_changes.request(session, head, world.contract.id, {}, "无", at(TODAY))

    def test_change_of_unit_frees_the_elevator_for_the_next_contract(self, session: Any, world: make.World) -> None:
        with transaction(session):
            world.own.maintenance_unit_id = world.other_firm.id
            clocks.unit_changed(session, world.own.id, world.other_firm.id, TODAY, at(TODAY))
        other = world.actor("other_head")
        row = new(session, other, number="HT-NEW")
        bind(session, other, row, world.own)
        assert cover.in_force(session, world.own.id, TODAY).unit_id == world.other_firm.id


@pytest.mark.feature("CON-02", "WRN-01")
class TestCoveredUntil:
    @pytest.mark.parametrize(
        ("spans", "until"),
        [
            ([], None),
            ([("2024-01-01", "2024-06-30")], "2024-06-30"),
            ([("2024-01-01", "2024-06-30"), ("2024-07-01", "2025-06-30")], "2025-06-30"),
            ([("2024-01-01", "2024-06-30"), ("2024-07-02", "2025-06-30")], "2024-06-30"),
            ([("2023-01-01", "2023-12-31")], "2023-12-31"),
            ([("2024-06-11", "2025-06-30")], None),
            ([("2023-01-01", "2024-05-31"), ("2024-06-11", "2025-06-30")], "2024-05-31"),
        ],
    )
    def test_unbroken_cover_from_today(self, spans: list[tuple[str, str]], until: str | None) -> None:
        days = [(day(first), day(last)) for first, last in spans]
        assert cover.covered_until(days, TODAY) == (day(until) if until else None)

    def test_the_clock_keeps_it(self, session: Any, head: Any, world: make.World) -> None:
        elevator, row = free_elevator(session, world), new(session, head)
        bind(session, head, row, elevator)
        assert clock_of(session, elevator).covered_until == row.ends_on
        with transaction(session):
            contracts.save(session, head, row, {"ends_on": day("2024-12-31")}, at(TODAY))
        assert clock_of(session, elevator).covered_until == day("2024-12-31")
        with transaction(session):
            contracts.unbind(session, head, row.id, [elevator.id], at(day("2024-07-01")))
        assert clock_of(session, elevator).covered_until == day("2024-07-01")

    def test_cover_that_begins_is_noted_by_the_nightly_job(self, session: Any, head: Any, world: make.World) -> None:
        elevator, row = free_elevator(session, world), new(session, head, starts_on=day("2024-07-01"))
        bind(session, head, row, elevator)
        run(session, day("2024-06-30"))
        assert clock_of(session, elevator).covered_until is None
        run(session, day("2024-07-01"))
        assert clock_of(session, elevator).covered_until == row.ends_on


@pytest.mark.feature("CON-02")
def test_t18_tabs_and_days_of_contracts(session: Any, world: make.World) -> None:
    """On 2021-01-23: to 01-30 near, to 01-31 in force and not near, from 02-01 yet to come."""
    for number, begin, end in (
        ("T18-NEAR", "2020-02-01", "2021-01-30"), ("T18-RUNS", "2020-02-01", "2021-01-31"),
        ("T18-WAITS", "2021-02-01", "2022-01-31"), ("T18-OVER", "2020-01-01", "2021-01-22"),
    ):  # fmt: skip
        make.make_contract(session, world.firm, [], day(begin), day(end), number=number)
    session.commit()
    with clock.frozen(at(day("2021-01-23"), 9)):
        now = moment(session, world.actor("maintenance_head"))
        shown = {
            tab: set(session.scalars(
                select(Contract.number).where(
                    Contract.number.startswith("T18"),
                    Contract.id.in_(CONTRACTS.statement(now, CONTRACTS.read({}), tab=tab)),
                )
            ))
            for tab in ("pending", "active", "near", "ended")
        }  # fmt: skip
        words = {
            c.number: state_words(c) for c in session.scalars(select(Contract).where(Contract.number.startswith("T18")))
        }
    assert shown == {
        "pending": {"T18-WAITS"}, "active": {"T18-NEAR", "T18-RUNS"}, "near": {"T18-NEAR"}, "ended": {"T18-OVER"},
    }  # fmt: skip
    assert words == {
        "T18-NEAR": "生效中 剩余 7 天", "T18-RUNS": "生效中 剩余 8 天", "T18-WAITS": "待生效 等待 9 天",
        "T18-OVER": "已失效 已过 1 天",
    }  # fmt: skip


@pytest.mark.feature("CON-05")
class TestVersions:
    def test_each_change_of_terms_stays_readable(self, session: Any, head: Any, world: make.World) -> None:
        row = new(session, head)
        for fields in ({"kind": "half"}, {"kind": "half"}, {"ends_on": day("2025-12-31"), "note": "延长"}):
            with transaction(session):
                contracts.save(session, head, row, fields, at(TODAY))
        found = contract_versions.versions_of(session, row)
        assert [(v.number, changed) for v, changed in found] == [
            (4, {"ends_on": ("2025-06-09", "2025-12-31"), "note": (None, "延长")}),
            (2, {"kind": ("full", "half")}), (1, {}),
        ]  # fmt: skip
        assert found[0][0].edited_by_id == head.user_id

    def test_none_is_no_error(self, session: Any, world: make.World) -> None:
        assert contract_versions.versions_of(session, world.contract) == []

    def test_a_renewal_says_which_elevators_stay_behind(self, session: Any, head: Any, world: make.World) -> None:
        kept, gone, ended = (free_elevator(session, world) for _ in range(3))
        old = make.make_contract(session, world.firm, [kept, gone, ended], ends_on=TODAY)
        gone.maintenance_unit_id, ended.status = world.other_firm.id, "scrapped"
        session.commit()
        found = renewals.findings(session, old)
        assert [(f.ok, f.found) for f in found] == [
            (True, "1 台电梯随合同续签"), (False, f"电梯 {gone.code} 已不由本单位维保"),
            (False, f"电梯 {ended.code} 已报废"),
        ]  # fmt: skip
        with transaction(session):
            made = contracts.renew(session, head, old.id, {"number": "HT-续", "signed_on": TODAY}, at(TODAY))
        assert [r.elevator_id for r in contracts.live_bindings(session, made.id)] == [kept.id]
        assert made.renewed_from_id == old.id


@pytest.mark.feature("CON-01")
class TestOneNumber:
    SPELLINGS = ("HT-77", "ht-77", "ＨＴ－77", "HT - 77", " h t-77 ", "Ht-7\u200b7")

    def test_no_second_spelling(self, session: Any, head: Any, world: make.World) -> None:
        row = new(session, head, number=self.SPELLINGS[0])
        for spelt in self.SPELLINGS[1:]:
            with pytest.raises(Refusal, match="已有编号为"):
                new(session, head, number=spelt)
        other = world.actor("other_head")
        new(session, other, number=self.SPELLINGS[1])
        with transaction(session):
            contracts.save(session, head, row, {"number": "ht-77"}, at(TODAY))
        assert (row.number, row.number_key) == ("ht-77", "HT-77")

    def test_two_spellings_at_once_make_one(self, session: Any, head: Any, database: Any) -> None:
        """The index decides where two transactions each saw no other."""
        session.rollback()

        def deed(own: Session, index: int) -> str:
            return contracts.save(own, head, None, TERMS | {"number": self.SPELLINGS[index]}, at(TODAY)).number

        results = together(database, len(self.SPELLINGS), deed)
        refused = [r for r in results if isinstance(r, Refusal)]
        assert len(refused) == len(self.SPELLINGS) - 1, results
        assert all("编号" in str(r) for r in refused)
        assert len(session.scalars(select(Contract).where(Contract.number_key == "HT-77")).all()) == 1

    def test_the_index_holds_whatever_was_looked_up(self, session: Any, head: Any, world: make.World) -> None:
        new(session, head, number="HT-77")
        session.add(
            Contract(
                **TERMS | {"number": "ｈｔ-77"}, unit_id=world.firm.id, region_code=world.firm.region_code,
                approved_version=1,
            )
        )  # fmt: skip
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()
