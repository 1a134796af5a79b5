"""The nightly job and the clock that it judges: worked examples, then random histories against the plain reference."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.errors import Refusal
from app.models import AuditEntry, OverduePeriod, Visit
from app.transaction import transaction
from app.workflows.maintenance import clocks, orders, schedule
from tests import factories as make
from tests.workflows.clock_world import add_visit, at, clock_of, day, limits, open_orders, run, visit


@pytest.mark.feature("PLN-01", "PLN-03")
class TestWorkedExamples:
    def test_t2_missed_periods_follow_each_other(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        first = run(session, day("2024-04-20"))
        assert first.overdue_judged == 3
        assert limits(session, world.own) == [day("2024-03-16"), day("2024-03-31"), day("2024-04-15")]
        visit(session, world.own, world.worker, day("2024-04-20"))
        row = clock_of(session, world.own)
        assert (row.limit_on, row.missed, row.last_visit_on) == (day("2024-05-05"), 0, day("2024-04-20"))
        done = session.scalars(select(OverduePeriod.done_late_on)).all()
        assert done == [day("2024-04-20")] * 3

    def test_t1_the_limit_day_itself_is_in_time(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker, interval_days=14)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        assert run(session, day("2024-03-16")).overdue_judged == 0
        made = open_orders(session, world.own)
        assert [o.planned_on for o in made] == [day("2024-03-15")]
        visit(session, world.own, world.worker, day("2024-03-16"))
        assert run(session, day("2024-03-17")).overdue_judged == 0
        assert clock_of(session, world.own).limit_on == day("2024-03-31")
        run(session, day("2024-03-30"))
        assert [o.planned_on for o in open_orders(session, world.own)] == [day("2024-03-30")]

    def test_t3_horizon_and_early_visit(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        assert run(session, day("2024-03-10")).orders_made == 0
        assert run(session, day("2024-03-11")).orders_made == 1
        made = open_orders(session, world.own)[0]
        assert (made.planned_on, made.worker_id) == (day("2024-03-16"), world.worker.id)
        done = visit(session, world.own, world.worker, day("2024-03-12"))
        session.refresh(made)
        assert (made.state, made.visit_id) == ("done", done.id)
        assert run(session, day("2024-03-21")).orders_made == 0
        assert run(session, day("2024-03-22")).orders_made == 1
        assert open_orders(session, world.own)[0].planned_on == day("2024-03-27")

    def test_twice_changes_nothing(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker)
        session.commit()
        visit(session, world.own, world.worker, day("2024-03-01"))
        first = run(session, day("2024-04-01"))
        assert first.changed and first.orders_made == 1 and first.overdue_judged == 2
        entries = session.scalar(select(func.count()).select_from(AuditEntry))
        again = run(session, day("2024-04-01"))
        assert not again.changed
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == entries
        assert len(open_orders(session, world.own)) == 1

    def test_missed_nights_are_caught_up(self, session: Any, world: make.World) -> None:
        other = make.make_elevator(session, maintenance_unit=world.firm)
        make.make_contract(session, world.firm, [other])
        session.commit()
        for elevator in (world.own, other):
            visit(session, elevator, world.worker, day("2024-03-01"))
        for n in range(1, 62):
            run(session, day("2024-03-01") + dt.timedelta(days=n))
        expected = [day("2024-03-16"), day("2024-03-31"), day("2024-04-15"), day("2024-04-30")]
        assert limits(session, world.own) == limits(session, other) == expected

    def test_a_day_that_has_not_come_is_refused(self, session: Any, world: make.World) -> None:
        with pytest.raises(Refusal, match="还没有到"), transaction(session):
            schedule.run(session, day("2024-03-02"), at(day("2024-03-01")))

    @pytest.mark.feature("PLN-10")
    def test_t12_the_contract_of_the_limit_day_answers(self, session: Any, world: make.World) -> None:
        until_day, until_eve = (make.make_elevator(session, maintenance_unit=world.firm) for _ in range(2))
        make.make_contract(session, world.firm, [until_day], ends_on=day("2024-05-09"))
        make.make_contract(session, world.firm, [until_eve], ends_on=day("2024-05-08"))
        session.commit()
        for elevator in (until_day, until_eve):
            visit(session, elevator, world.worker, day("2024-04-24"))
        assert run(session, day("2024-05-10")).overdue_judged == 2
        owners = dict(session.execute(select(OverduePeriod.elevator_id, OverduePeriod.unit_id)).all())
        assert owners == {until_day.id: world.firm.id, until_eve.id: None}

    def test_only_one_region_is_judged_when_asked(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        visit(session, world.foreign, world.other_worker, day("2024-03-01"))
        assert run(session, day("2024-03-17"), region="980403000000").overdue_judged == 1
        assert limits(session, world.own) == []
        assert run(session, day("2024-03-17")).overdue_judged == 1

    def test_a_visit_still_open_is_waited_for(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        with transaction(session):
            late = add_visit(
                session, world.own, world.worker, day("2024-03-16"), state="open", counted=False, checked_out_at=None,
                checked_in_at=at(day("2024-03-16"), 23),
            )  # fmt: skip
        assert run(session, day("2024-03-17")).overdue_judged == 0
        with transaction(session):
            row = session.get(Visit, late.id)
            row.counted = True
            clocks.after_visit(session, world.own.id, row, at(day("2024-03-17"), 2))
        assert limits(session, world.own) == []
        assert clock_of(session, world.own).limit_on == day("2024-03-31")

    def test_an_open_visit_is_not_waited_for_without_end(self, session: Any, world: make.World) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        with transaction(session):
            add_visit(session, world.own, world.worker, day("2024-03-16"), state="open", counted=False)
        assert run(session, day("2024-03-17")).overdue_judged == 1

    def test_never_visited_counts_by_policy(self, session: Any, world: make.World) -> None:
        contracted = make.make_elevator(session, maintenance_unit=world.firm)
        make.make_contract(session, world.firm, [contracted], starts_on=day("2024-03-01"))
        make.make_clock(session, contracted, None)
        session.commit()
        assert run(session, day("2024-03-17")).overdue_judged == 0
        make.make_policy(session, "never_visited", "contract")
        session.commit()
        summary = run(session, day("2024-03-17"))
        assert summary.clocks_started >= 1
        assert limits(session, contracted) == [day("2024-03-16")]

    def test_regions_with_another_horizon(self, session: Any, world: make.World) -> None:
        make.make_ledger(session, world.own, world.worker, next_half_month_on=day("2024-03-10"))
        make.make_ledger(session, world.foreign, world.other_worker, next_half_month_on=day("2024-03-10"))
        make.make_policy(session, "horizon_days", 9, region_code="980403000000")
        session.commit()
        assert run(session, day("2024-03-01")).orders_made == 1
        assert len(open_orders(session, world.foreign)) == 1 and open_orders(session, world.own) == []

    def test_an_order_that_a_verb_makes_at_the_same_moment_is_made_once(
        self, session: Any, database: Any, world: make.World
    ) -> None:
        """The night does not see it, meets it at the index, and makes the others all the same."""
        for elevator, worker in ((world.own, world.worker), (world.foreign, world.other_worker)):
            make.make_ledger(session, elevator, worker, next_half_month_on=day("2024-03-10"))
        key, on = world.own.id, day("2024-03-09")
        session.commit()
        done: list[schedule.Summary] = []

        def night() -> None:
            with Session(database.engine) as own:
                done.append(run(own, on))

        thread = threading.Thread(target=night)
        with Session(database.engine) as verb, transaction(verb):
            assert orders.make_due(verb, on, at(on), elevator_ids=[key]) == 1
            thread.start()
            for _ in range(500) if database.engine.dialect.name == "postgresql" else ():
                if session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    break
                time.sleep(0.01)
            else:
                assert database.engine.dialect.name == "sqlite", "the night has not met the verb's order"
        thread.join(30)
        assert [summary.orders_made for summary in done] == [1]
        assert len(open_orders(session, world.own)) == len(open_orders(session, world.foreign)) == 1
        assert not run(session, on).changed

    @pytest.mark.parametrize(
        "change",
        [{"mode": "manual"}, {"worker_id": None}, {"next_half_month_on": None}],
        ids=["manual", "no worker", "no date"],
    )
    def test_no_order_without_mode_worker_or_date_and_overdue_all_the_same(
        self, session: Any, world: make.World, change: dict[str, Any]
    ) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        ledger = make.make_ledger(session, world.own, world.worker, next_half_month_on=day("2024-03-16"))
        for name, value in change.items():
            setattr(ledger, name, value)
        session.commit()
        summary = run(session, day("2024-03-17"))
        assert (summary.orders_made, summary.overdue_judged) == (0, 1)

    def test_the_command_prints_its_summary_and_refuses_in_words(
        self, app: Any, session: Any, world: make.World
    ) -> None:
        visit(session, world.own, world.worker, day("2024-03-01"))
        runner = app.test_cli_runner()
        done = runner.invoke(args=["schedule", "--on", "2024-03-17", "--json"])
        assert done.exit_code == 0 and json.loads(done.output)["overdue_judged"] == 1
        assert "判定超期 0" in runner.invoke(args=["schedule", "--on", "2024-03-17"]).output
        assert "还没有到" in runner.invoke(args=["schedule", "--on", "2190-01-01"]).output
        assert "没有区划代码" in runner.invoke(args=["schedule", "--region", "1"]).output
