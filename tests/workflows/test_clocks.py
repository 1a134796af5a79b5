"""The clock under stops, changes of unit and late evidence; random histories against the plain reference."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import select

from app.models import (
    MaintenanceLedger,
    MaintenanceOrder,
    OverdueCorrection,
    OverduePeriod,
    StatusChange,
    Visit,
)
from app.telling import told
from app.transaction import transaction
from app.wording import Said
from app.workflows.maintenance import clocks
from tests import factories as make
from tests.reference import clock as reference
from tests.workflows.clock_world import add_visit, at, clock_of, day, limits, open_orders, run, visit

DAY = dt.timedelta(days=1)


def turn_down(session: Any, row: Visit, on: dt.date) -> None:
    with transaction(session):
        found = session.get(Visit, row.id)
        found.counted = False
        clocks.after_visit(session, found.elevator_id, found, at(on, 12))


@pytest.mark.feature("LIF-02", "LIF-03", "PLN-11")
class TestStops:
    def test_t13_the_days_left_are_kept(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-11"))
        with transaction(session):
            clocks.pause(session, world.own.id, day("2024-03-10"), None, at(day("2024-03-10")))
        row = clock_of(session, world.own)
        assert (row.limit_on, row.limit_left_days) == (None, 6)
        assert open_orders(session, world.own) == []
        assert not run(session, day("2024-03-29")).changed
        with transaction(session):
            clocks.resume(session, world.own.id, day("2024-03-30"), at(day("2024-03-30")))
        assert clock_of(session, world.own).limit_on == day("2024-04-05")
        assert [o.planned_on for o in open_orders(session, world.own)] == []
        run(session, day("2024-03-31"))
        assert [o.planned_on for o in open_orders(session, world.own)] == [day("2024-04-05")]

    def test_a_stop_approved_late_takes_back_what_was_judged_since(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-20"))
        assert limits(session, world.own) == [day("2024-03-16")]
        with transaction(session):
            clocks.pause(session, world.own.id, day("2024-03-10"), None, at(day("2024-03-20")))
        assert limits(session, world.own) == []
        kept = session.scalars(select(OverdueCorrection.reason)).all()
        assert kept and all(isinstance(one, Said) for one in kept), "ours, to be told in the reader's language"
        row = clock_of(session, world.own)
        assert (row.limit_left_days, row.missed, row.paused_on) == (6, 0, day("2024-03-10"))

    def test_days_before_a_stop_are_judged_even_if_the_job_did_not_run(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        with transaction(session):
            clocks.pause(session, world.own.id, day("2024-03-20"), None, at(day("2024-03-20")))
        assert limits(session, world.own) == [day("2024-03-16")]
        assert clock_of(session, world.own).limit_left_days == 11

    @pytest.mark.feature("LIF-04")
    def test_scrapping_ends_clock_orders_and_cover(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-12"))
        with transaction(session):
            clocks.stop(session, world.own.id, day("2024-03-12"), at(day("2024-03-12")))
        assert clock_of(session, world.own).limit_on is None
        assert open_orders(session, world.own) == []
        assert clocks.cover.in_force(session, world.own.id, day("2024-03-12")) is None
        assert clocks.cover.in_force(session, world.own.id, day("2024-03-11")) is not None
        assert run(session, day("2024-05-01")).overdue_judged == 0


def stops(session: Any, world: make.World, on: dt.date) -> None:
    clocks.pause(session, world.own.id, on, None, at(on))


def is_scrapped(session: Any, world: make.World, on: dt.date) -> None:
    clocks.stop(session, world.own.id, on, at(on))


def changes_unit(session: Any, world: make.World, on: dt.date) -> None:
    clocks.unit_changed(session, world.own.id, world.other_firm.id, on, at(on))


def is_served_on_demand(session: Any, world: make.World, on: dt.date) -> None:
    clocks.lengthen(session, world.own.id, on, at(on))


@pytest.mark.feature("PLN-05")
@pytest.mark.parametrize(
    ("happens", "said", "english"),
    [
        (stops, "电梯停用", "Elevator suspended"), (is_scrapped, "电梯报废", "Elevator scrapped"),
        (changes_unit, "维保单位变更", "Change of maintenance unit"),
        (is_served_on_demand, "改为按需维保", "Changed to on-demand maintenance"),
    ],
)  # fmt: skip
def test_why_an_order_was_voided_is_told_in_the_readers_language(
    app: Any, session: Any, world: make.World, happens: Any, said: str, english: str
) -> None:
    make.make_ledger(session, world.own, world.worker)
    session.commit()
    visit(session, world.own, world.worker, day("2024-03-01"))
    run(session, day("2024-03-12"))
    with transaction(session):
        happens(session, world, day("2024-03-12"))
    session.expire_all()
    order = session.scalars(select(MaintenanceOrder).where(MaintenanceOrder.state == "void")).one()
    step = session.scalars(select(StatusChange).where(StatusChange.entity == "maintenance_order")).one()
    assert (order.close_reason, step.reason) == (said, said)
    with app.test_request_context("/?_l_=en"):
        assert (told(order.close_reason), told(step.reason)) == (english, english)


@pytest.mark.feature("PLN-10")
class TestUnits:
    def test_t12_a_limit_ahead_carries_over(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        with transaction(session):
            clocks.unit_changed(session, world.own.id, world.other_firm.id, day("2024-03-10"), at(day("2024-03-10")))
        row = clock_of(session, world.own)
        assert (row.unit_id, row.limit_on, row.last_visit_on) == (world.other_firm.id, day("2024-03-16"), None)

    def test_t12_a_missed_limit_stays_with_the_old_unit(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        with transaction(session):
            clocks.unit_changed(session, world.own.id, world.other_firm.id, day("2024-03-20"), at(day("2024-03-20")))
        assert limits(session, world.own) == [day("2024-03-16")]
        assert session.scalar(select(OverduePeriod.unit_id)) == world.firm.id
        row = clock_of(session, world.own)
        assert (row.anchor_on, row.limit_on, row.missed) == (day("2024-03-20"), day("2024-04-04"), 0)

    def test_the_old_units_people_orders_and_contracts_end(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-12"))
        with transaction(session):
            clocks.unit_changed(session, world.own.id, world.other_firm.id, day("2024-03-12"), at(day("2024-03-12")))
        assert open_orders(session, world.own) == []
        ledger = session.scalar(select(MaintenanceLedger))
        assert (ledger.unit_id, ledger.worker_id) == (world.other_firm.id, None)
        assert clocks.cover.in_force(session, world.own.id, day("2024-03-12")) is None


@pytest.mark.feature("PLN-01", "PLN-10")
class TestEvidence:
    def test_a_visit_that_arrives_late_withdraws_the_overdue(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-18"))
        late = visit(session, world.own, world.worker, day("2024-03-16"), known_on=day("2024-03-18"))
        assert limits(session, world.own) == []
        period = session.scalar(select(OverduePeriod))
        assert period.withdrawn and period.limit_on == day("2024-03-16")
        assert session.scalar(select(OverdueCorrection.visit_id)) == late.id
        assert clock_of(session, world.own).limit_on == day("2024-03-31")

    def test_an_earlier_visit_never_moves_the_clock_back(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        visit(session, world.own, world.worker, day("2024-04-20"))
        visit(session, world.own, world.worker, day("2024-03-20"), known_on=day("2024-04-21"))
        row = clock_of(session, world.own)
        assert (row.anchor_on, row.limit_on) == (day("2024-04-20"), day("2024-05-05"))
        assert limits(session, world.own) == [day("2024-03-16"), day("2024-04-04"), day("2024-04-19")]
        ended = dict(session.execute(
            select(OverduePeriod.limit_on, OverduePeriod.done_late_on).where(OverduePeriod.withdrawn.is_(False))
        ).all())  # fmt: skip
        assert ended[day("2024-03-16")] == day("2024-03-20")
        assert ended[day("2024-04-19")] == day("2024-04-20")

    def test_nothing_missed_is_lost_when_the_job_did_not_run(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        visit(session, world.own, world.worker, day("2024-03-20"))
        assert limits(session, world.own) == [day("2024-03-16")]

    def test_a_visit_turned_down_gives_the_period_back(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker, interval_days=14)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        wrong = visit(session, world.own, world.worker, day("2024-03-16"))
        turn_down(session, wrong, day("2024-03-18"))
        row = clock_of(session, world.own)
        assert (row.last_visit_on, row.anchor_on, row.missed) == (day("2024-03-01"), day("2024-03-16"), 1)
        assert limits(session, world.own) == [day("2024-03-16")]
        run(session, day("2024-03-18"))
        assert [o.planned_on for o in open_orders(session, world.own)] == [day("2024-03-15")]

    def test_a_period_withdrawn_can_be_judged_again(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        run(session, day("2024-03-18"))
        late = visit(session, world.own, world.worker, day("2024-03-16"), known_on=day("2024-03-18"))
        turn_down(session, late, day("2024-03-19"))
        assert limits(session, world.own) == [day("2024-03-16")]
        assert session.scalar(select(OverduePeriod.id).where(OverduePeriod.withdrawn)) is not None

    def test_told_twice_nothing_changes(self, session: Any, world: make.World) -> None:
        make.make_ledger(
            session, world.own, world.worker, next_half_month_on=day("2024-11-03"),
            next_quarter_on=day("2024-11-08"), next_half_year_on=day("2025-02-08"), next_annual_on=day("2025-08-08"),
        )  # fmt: skip
        session.commit()
        done = visit(session, world.own, world.worker, day("2024-11-03"), level="quarter")
        ledger = session.scalar(select(MaintenanceLedger))
        assert (ledger.next_quarter_on, ledger.next_half_month_on) == (day("2025-02-08"), day("2024-11-18"))
        with transaction(session):
            clocks.after_visit(session, world.own.id, session.get(Visit, done.id), at(day("2024-11-19")))
        session.expire_all()
        ledger = session.scalar(select(MaintenanceLedger))
        assert (ledger.next_quarter_on, ledger.next_half_month_on) == (day("2025-02-08"), day("2024-11-18"))

    def test_a_history_taken_over_in_mass_gives_what_visit_by_visit_gave(
        self, session: Any, world: make.World
    ) -> None:
        other = make.make_elevator(session, maintenance_unit=world.firm)
        make.make_contract(session, world.firm, [other])
        session.commit()
        days = [day(text) for text in ("2024-01-05", "2024-01-20", "2024-03-01", "2024-03-02", "2024-04-20")]
        for on in days:
            visit(session, world.own, world.worker, on)
        run(session, day("2024-06-01"))
        with transaction(session):
            for on in reversed(days):
                add_visit(session, other, world.worker, on, taken_over=True)
            clocks.recompute(session, other.id, at(day("2024-06-01")))
        assert limits(session, other) == limits(session, world.own) != []
        one, two = clock_of(session, world.own), clock_of(session, other)
        for name in ("first_visit_on", "last_visit_on", "anchor_on", "limit_on", "missed"):
            assert getattr(one, name) == getattr(two, name)
        with transaction(session):
            clocks.recompute(session, other.id, at(day("2024-06-01")))
        assert session.scalars(select(OverdueCorrection.id)).all() == []


    def test_a_history_that_counts_nowhere_leaves_the_clock(self, session: Any, world: make.World) -> None:
        with transaction(session):
            add_visit(session, world.own, world.worker, day("2024-03-01"), state="void", counted=False, taken_over=True)
            clocks.recompute(session, world.own.id, at(day("2024-06-01")))
        row = clock_of(session, world.own)
        assert (row.first_visit_on, row.last_visit_on, row.limit_on) == (None, None, None)
        visit(session, world.own, world.worker, day("2024-05-01"))
        with transaction(session):
            session.get(Visit, session.scalar(select(Visit.id).where(Visit.counted))).counted = False
            clocks.recompute(session, world.own.id, at(day("2024-06-01")))
        row = clock_of(session, world.own)
        assert (row.first_visit_on, row.last_visit_on) == (day("2024-05-01"), day("2024-05-01"))


@pytest.mark.feature("PLN-01", "PLN-02")
class TestMergedBeforeItsOrder:
    """h 11-06, q 11-08, d 15: the service goes into the order of 11-06, whether that was made already or not."""

    def done_on(self, session: Any, world: make.World, on: str, level: str = "quarter") -> MaintenanceLedger:
        make.make_ledger(
            session, world.own, world.worker, next_half_month_on=day("2021-11-06"), next_level="quarter",
            next_quarter_on=day("2021-11-08"), next_half_year_on=day("2022-02-08"), next_annual_on=day("2022-08-08"),
        )  # fmt: skip
        session.commit()
        visit(session, world.own, world.worker, day(on), level=level)
        return session.scalar(select(MaintenanceLedger))

    @pytest.mark.parametrize(("on", "quarter"), [("2021-10-31", "2022-02-08"), ("2021-10-22", "2022-01-22")])
    def test_an_early_visit_keeps_the_rhythm_and_a_far_one_does_not(
        self, session: Any, world: make.World, on: str, quarter: str
    ) -> None:
        ledger = self.done_on(session, world, on)
        assert ledger.next_quarter_on == day(quarter)
        assert ledger.next_half_month_on == day(on) + DAY * 15

    def test_the_order_made_since_says_the_same(self, session: Any, world: make.World) -> None:
        make.make_ledger(
            session, world.own, world.worker, next_half_month_on=day("2021-11-06"), next_level="quarter",
            next_quarter_on=day("2021-11-08"), next_half_year_on=day("2022-02-08"), next_annual_on=day("2022-08-08"),
        )  # fmt: skip
        session.commit()
        assert run(session, day("2021-11-01")).orders_made == 1
        visit(session, world.own, world.worker, day("2021-11-02"), level="quarter")
        assert session.scalar(select(MaintenanceLedger.next_quarter_on)) == day("2022-02-08")


START, END = day("2024-01-10"), day("2024-05-31")


class History:
    """One elevator's random life, told to the product day by day and to the reference as a whole."""

    def __init__(self, session: Any, world: make.World, chance: random.Random, kind: str) -> None:
        self.session, self.world, self.chance, self.kind = session, world, chance, kind
        self.elevator = make.make_elevator(session, maintenance_unit=world.firm)
        self.interval = chance.choice((14, 15))
        make.make_ledger(session, self.elevator, world.worker, interval_days=self.interval)
        self.stops: list[reference.Stop] = []
        self.visits: dict[dt.date, Visit | None] = {}
        self.late: dict[dt.date, list[dt.date]] = {}
        self.doubtful: dict[dt.date, list[dt.date]] = {}
        cut = START + DAY * chance.randrange(40, 90)
        self.takeover = cut if kind == "units" else None
        gap = chance.choice((0, 3)) if self.takeover else 0
        last = cut - DAY * (1 + gap) if self.takeover else END
        self.covers = [reference.Cover(self.elevator.id, "firm", START, last)]
        make.make_contract(session, world.firm, [self.elevator], START, self.covers[0].to_on)
        if self.takeover:
            self.covers.append(reference.Cover(self.elevator.id, "other", cut, END))
            make.make_contract(session, world.other_firm, [self.elevator], cut, END)
        self.stopped = False

    def live(self, on: dt.date) -> None:
        chance = self.chance
        for known in self.late.pop(on, []):
            self.visits[known] = visit(self.session, self.elevator, self.world.worker, known, known_on=on)
        for known in self.doubtful.pop(on, []):
            row = self.visits.pop(known)
            assert row is not None
            turn_down(self.session, row, on)
        if on == self.takeover:
            with transaction(self.session):
                clocks.unit_changed(self.session, self.elevator.id, self.world.other_firm.id, on, at(on, 2))
        if chance.random() < 0.02:
            with transaction(self.session):
                if self.stopped:
                    clocks.resume(self.session, self.elevator.id, on, at(on, 3))
                    self.stops[-1] = reference.Stop(self.elevator.id, self.stops[-1].from_on, on)
                else:
                    clocks.pause(self.session, self.elevator.id, on, None, at(on, 3))
                    self.stops.append(reference.Stop(self.elevator.id, on))
            self.stopped = not self.stopped
        if not self.stopped and chance.random() < 0.06:
            if self.kind == "late" and chance.random() < 0.4:
                known_on = min(on + DAY * chance.randrange(1, 25), END)
                if known_on > on:
                    self.late.setdefault(known_on, []).append(on)
                    return
            self.visits[on] = visit(self.session, self.elevator, self.world.worker, on)
            if self.kind == "doubtful" and chance.random() < 0.4:
                known_on = min(on + DAY * chance.randrange(1, 25), END)
                if known_on > on:
                    self.doubtful.setdefault(known_on, []).append(on)

    def compare(self) -> None:
        told = [reference.Visit(self.elevator.id, "any", on) for on in self.visits]
        facts = reference.clock_facts(self.elevator.id, told, self.stops, self.covers, self.interval, 15, END)
        names = {self.world.firm.id: "firm", self.world.other_firm.id: "other", None: None}
        kept = self.session.execute(
            select(OverduePeriod.anchor_on, OverduePeriod.limit_on, OverduePeriod.unit_id)
            .where(OverduePeriod.elevator_id == self.elevator.id, OverduePeriod.withdrawn.is_(False))
            .order_by(OverduePeriod.limit_on)
        )
        mine = [(first, limit, names[unit]) for first, limit, unit in kept]
        assert mine == [(o.from_on, o.limit_on, o.unit) for o in facts.overdue], self.describe()
        row = clock_of(self.session, self.elevator)
        if not self.visits:
            assert (row.limit_on, row.limit_left_days) == (None, None), self.describe()
            return
        assert (row.missed, row.paused_on is not None) == (facts.missed, facts.standing), self.describe()
        ledger = self.session.scalar(select(MaintenanceLedger).where(MaintenanceLedger.elevator_id == self.elevator.id))
        if facts.standing:
            assert (row.limit_left_days, row.plan_left_days) == (facts.left_days, facts.plan_left_days), self.describe()
        else:
            assert (row.limit_on, ledger.next_half_month_on) == (facts.limit_on, facts.planned_on), self.describe()

    def describe(self) -> str:
        return f"{self.kind} visits={sorted(self.visits)} stops={self.stops} takeover={self.takeover}"


@pytest.mark.feature("PLN-01", "PLN-10", "PLN-11")
@pytest.mark.parametrize("seed", [11, 29, 47, 83])
def test_random_histories_give_the_facts_of_the_plain_reference(session: Any, world: make.World, seed: int) -> None:
    chance = random.Random(seed)
    lives = [History(session, world, chance, kind) for kind in ("plain", "late", "doubtful", "units") for _ in range(3)]
    session.commit()
    on = START
    while on <= END:
        if chance.random() < 0.8:
            run(session, on)
        for life in lives:
            life.live(on)
        on += DAY
    run(session, END + DAY)
    for life in lives:
        life.compare()
