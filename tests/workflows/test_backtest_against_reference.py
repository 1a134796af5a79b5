"""Random records at the edges of every limit: a back-test by sets says what judging them one by one says."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.models import Contract, ContractElevator, StatusChange, Visit
from app.models.policy import policy_draft, policy_value, visit_policy
from app.permissions import SYSTEM
from app.policy import INHERIT
from app.rules.label_photos import LabelState
from app.rules.schedule import Pause, clock_from
from app.rules.visits import (
    COUNTED_STATES,
    DayVisit,
    Decision,
    VisitFacts,
    VisitMode,
    VisitState,
    nth_elevators,
    visit_state,
)
from app.workflows.scores import policy_backtest
from app.workflows.visits.visit_state import facts_of
from tests.factories import make_elevator, make_maintenance_unit, make_person, make_policy
from tests.reference import clock as long_way
from tests.reference.clock import Cover, Overdue, Stop, clock_facts
from tests.reference.score import pair_counts, unit_scores
from tests.workflows.clock_world import add_visit, at, day
from tests.workflows.score_world import LATER, put_cover, put_overdue, put_stop

pytestmark = pytest.mark.feature("POL-01", "SCO-01")
DAY, MINUTE, HOUR, SECOND = (dt.timedelta(**{name: 1}) for name in ("days", "minutes", "hours", "seconds"))
CITY, NORTH, SOUTH = "980400000000", "980402000000", "980403000000"
START, FROM, TO = day("2023-11-01"), day("2024-01-01"), day("2024-03-31")
DRAFTS: list[tuple[str, Any]] = [
    ("visit_min_minutes", 40), ("visit_min_minutes", 20), ("visit_min_minutes", None), ("visit_max_hours", 4),
    ("visit_max_hours", None), ("sheet_hours", 12), ("sheet_hours", None), ("sheet_makes_nonconforming", False),
    ("review_days", 10), ("review_days", None), ("review_required", False), ("upload_hours", 2),
    ("daily_elevators", 1), ("daily_elevators", 2), ("manager_approval", True), ("limit_days", 10),
    ("limit_days", 25), ("never_visited", "contract"), ("preset", "nantong"), ("preset", "quanzhou"),
    ("presence_metres", 500), ("quota_general", 3), ("visit_min_minutes", INHERIT),
]  # fmt: skip


class Drawn:
    """Some elevators of two districts, the second with numbers of its own and one that changes within the period.

    `units`: whose contracts and visits they are. With one alone an elevator has one contract and no stop.
    """

    def __init__(self, session: Any, seed: int, units: str = "AAB") -> None:
        self.session, self.rng, self.units = session, random.Random(seed), units
        for model in (ContractElevator, Contract):
            session.execute(delete(model))
        make_policy(session, "visit_min_minutes", 36, SOUTH)
        make_policy(session, "limit_days", 14, SOUTH, day("2023-01-01"))
        make_policy(session, "review_days", 12, SOUTH, day("2024-02-10"))
        self.firms = {name: make_maintenance_unit(session, f"单位{name}{seed}") for name in "AB"}
        self.workers = {name: [make_person(session, firm) for _ in range(2)] for name, firm in self.firms.items()}
        self.covers: list[Cover] = []
        self.stops: list[Stop] = []
        self.stored: list[Overdue] = []
        self.district: dict[int, str] = {}
        self.in_use_on: dict[int, dt.date] = {}
        self.rows: list[Visit] = []
        for _ in range(14):
            self._elevator()
        session.commit()

    def _elevator(self) -> None:
        rng, code = self.rng, self.rng.choice((NORTH, SOUTH))
        row = make_elevator(self.session, maintenance_unit=self.firms["A"], region_code=code, approved_on=None)
        self.district[row.id], used_on = code, START + DAY * rng.randint(0, 90)
        self.in_use_on[row.id] = used_on
        self.session.add(
            StatusChange(
                entity="elevator", entity_id=row.id, field="status", old="notified", new="in_use", verb="x",
                effective_on=used_on, known_at=at(used_on),
            )
        )  # fmt: skip
        begin, covers, stops = START + DAY * rng.randint(-20, 20), [], []
        one = len(self.units) == 1
        for _ in range(1 if one else rng.randint(1, 3)):
            cover = Cover(row.id, rng.choice(self.units), begin, begin + DAY * rng.randint(20, 240 if one else 120))
            put_cover(self.session, self.firms[cover.unit], row, cover.from_on, cover.to_on)
            covers.append(cover)
            begin = cover.to_on + DAY * rng.choice((1, 1, 9))
        if not one and rng.random() < 0.3:
            stop = Stop(row.id, FROM + DAY * rng.randint(0, 60), FROM + DAY * rng.randint(61, 80))
            put_stop(self.session, row, stop.from_on, stop.until_on)
            stops.append(stop)
        days = [START + DAY * (rng.randint(0, 14) + 14 * n) for n in range(10)]
        rows = [self._visit(row, on) for on in rng.sample(days, rng.choice((0, 2, 9, 10)))]
        visits = [long_way.Visit(row.id, self.name(r), r.visit_on, r.state) for r in rows]
        limit = 14 if code == SOUTH else 15
        for period in clock_facts(row.id, visits, stops, covers, limit, limit, TO).overdue:
            put_overdue(self.session, row, self.firms[period.unit] if period.unit else None, period.limit_on)
            self.stored.append(period)
        self.covers, self.stops, self.rows = self.covers + covers, self.stops + stops, self.rows + rows

    def name(self, row: Visit) -> str:
        return next(name for name, firm in self.firms.items() if firm.id == row.unit_id)

    def _visit(self, elevator: Any, on: dt.date) -> Visit:
        """A record whose durations lie on both sides of what policies and drafts ask for, by a second."""
        rng, unit = self.rng, self.rng.choice(self.units)
        edge = rng.choice((-SECOND, dt.timedelta(0), SECOND, 7 * MINUTE, dt.timedelta(microseconds=1)))
        begun = at(on, rng.randint(7, 20)) + dt.timedelta(microseconds=rng.randint(0, 999_999))
        plain = rng.random() < 0.6
        spent = HOUR if plain else rng.choice((20 * MINUTE, 36 * MINUTE, 40 * MINUTE, 4 * HOUR, 8 * HOUR))
        out = begun + spent + edge
        mode = VisitMode.ITEMS if plain else rng.choice((VisitMode.ITEMS, VisitMode.SHEET))
        sheet, signed, reviewed = None, out if plain else None, None
        early = not plain and rng.random() < 0.2
        if not early:
            sheet = rng.choice((None, out + rng.choice((HOUR, 12 * HOUR, 24 * HOUR)) + edge))
            signed = signed or rng.choice((None, out))
            evening = at(on + DAY * (rng.choice((3, 10, 12, 15)) + 1), 0)
            reviewed = rng.choice((None, evening + edge))
        received = out + rng.choice((dt.timedelta(0), 2 * HOUR + edge, -5 * SECOND))
        decision = None if plain else rng.choice((None, None, None, *Decision))
        label = None if plain else rng.choice((None, None, None, *LabelState))
        facts = VisitFacts(begun, out, mode, sheet, signed, reviewed, received, decision, label=label)
        policy = visit_policy(self.session, self.district[elevator.id], on)
        told = visit_state(facts, policy, out + MINUTE if early else LATER)
        # What a person found is not what the rules would say.
        found = not plain and rng.random() < 0.1
        state = VisitState.ABNORMAL if found else told.state
        return add_visit(
            self.session, elevator, rng.choice(self.workers[unit]), on, unit_id=self.firms[unit].id, mode=mode.value,
            checked_in_at=begun, checked_out_at=out, received_at=received, sheet_at=sheet, signed_at=signed,
            reviewed_at=reviewed, decision=decision.value if decision else None,
            decided_at=out if decision else None, label_state=label.value if label else None,
            label_at=out if label in (LabelState.APPROVED, LabelState.REJECTED) else None, state=state.value,
            settled_at=out + MINUTE,
            next_change_at=None if found else told.next_change_at, counted=state in COUNTED_STATES,
            day_rank=rng.choice((None, None, None, 1, 2)),
        )  # fmt: skip

    # --- the long way

    def told(self, key: str, value: Any) -> list[dict[str, Any]]:
        """The figures of each unit before and after."""
        session = self.session
        inside = [row for row in self.rows if FROM <= row.visit_on <= TO]
        ranks: dict[int, int] = {}
        days: dict[Any, list[DayVisit]] = defaultdict(list)
        for row in inside:
            if row.state != "void":
                days[row.worker_id, row.visit_on].append(DayVisit(row.id, row.elevator_id, row.received_at))
        for some in days.values():
            ranks |= nth_elevators(some)
        before = {row.id: visit_policy(session, row.region_code, row.visit_on) for row in inside}
        limits = [{code: policy_value(session, "limit_days", code, TO) for code in (NORTH, SOUTH)}]
        never = [{code: policy_value(session, "never_visited", code, TO) for code in (NORTH, SOUTH)}]
        with policy_draft(session, [policy_backtest.drafted(key, value, CITY, FROM)]):
            after = {row.id: visit_policy(session, row.region_code, row.visit_on) for row in inside}
            limits.append({code: policy_value(session, "limit_days", code, TO) for code in (NORTH, SOUTH)})
            never.append({code: policy_value(session, "never_visited", code, TO) for code in (NORTH, SOUTH)})
        states: list[dict[int, VisitState]] = [{}, {}]
        for row in inside:
            facts, stored = facts_of(row), VisitState(row.state)
            aged = row.next_change_at is not None and row.next_change_at <= LATER
            was = visit_state(facts, before[row.id], LATER).state if aged else stored
            judged = visit_state(facts, before[row.id], LATER).state
            rank = row.day_rank or ranks.get(row.id, 1)
            drafted = visit_state(replace(facts, nth_of_day=rank), after[row.id], LATER).state
            same = before[row.id] == after[row.id] or judged is drafted
            states[0][row.id], states[1][row.id] = was, was if same else drafted
        again = {
            row.elevator_id for row in inside
            if (states[0][row.id] in COUNTED_STATES) != (states[1][row.id] in COUNTED_STATES)
        }  # fmt: skip
        overdue = [self.stored, self._missed_again(again, states, limits)]
        return [self._figures(states[n], overdue[n], limits[n], never[n]) for n in (0, 1)]

    def _missed_again(self, again: set[int], states: list[dict[int, VisitState]], limits: Any) -> list[Overdue]:
        """What stands, but in gaps with another beginning, end or limit what the clock makes of them."""
        told = [period for period in self.stored if not FROM <= period.limit_on <= TO]
        for elevator, code in self.district.items():
            stored = [o for o in self.stored if o.elevator == elevator and FROM <= o.limit_on <= TO]
            own = [row for row in self.rows if row.elevator_id == elevator and row.visit_on <= TO]
            seen = stored or any(row.visit_on >= FROM for row in own)
            longer = limits[0][code] != limits[1][code] and seen
            if elevator not in again and not longer:
                told += stored
                continue
            before, after = (self._gaps(own, states[side]) for side in (0, 1))
            others = after if longer else [gap for gap in after if gap not in before]
            stops = [Pause(s.from_on, s.until_on) for s in self.stops if s.elevator == elevator]
            missed: set[dt.date] = set()
            for on, following in others:
                missed |= {*clock_from(on, limits[1][code], limits[1][code], stops, following - DAY)[1]}
            told += [o for o in stored if not any(on < o.limit_on <= following for on, following in others)]
            for limit_on in sorted(on for on in missed if FROM <= on <= TO):
                held = next((o.unit for o in stored if o.limit_on == limit_on), None)
                covers = (c.unit for c in self.covers if c.elevator == elevator and c.from_on <= limit_on <= c.to_on)
                told.append(Overdue(elevator, limit_on, limit_on, held or next(covers, None)))
        return told

    @staticmethod
    def _gaps(rows: list[Visit], states: dict[int, VisitState]) -> list[tuple[dt.date, dt.date]]:
        """From each day that counts to the next one, from the last one before the period on."""
        days = sorted({r.visit_on for r in rows if states.get(r.id, VisitState(r.state)) in COUNTED_STATES})
        days = [on for on in days if on < FROM][-1:] + [on for on in days if on >= FROM]
        return [*zip(days, [*days[1:], TO + DAY], strict=False)]

    def _figures(
        self, states: dict[int, VisitState], overdue: list[Overdue], limits: Any, never: Any
    ) -> dict[str, Any]:
        visits = [
            long_way.Visit(row.elevator_id, self.name(row), row.visit_on, states.get(row.id, row.state))
            for row in self.rows
        ]
        rows = []
        for code in (NORTH, SOUTH):
            here = {elevator for elevator, district in self.district.items() if district == code}
            rows += pair_counts(
                FROM, TO, [v for v in visits if v.elevator in here], [o for o in overdue if o.elevator in here],
                [c for c in self.covers if c.elevator in here], [s for s in self.stops if s.elevator in here],
                interval_days=limits[code], in_use_on=self.in_use_on if never[code] == "contract" else None,
            )  # fmt: skip
        found: dict[str, Any] = {}
        for unit, total in unit_scores(rows).items():
            inside = [states[r.id].value for r in self.rows if r.id in states and self.name(r) == unit]
            missed = sum(o.unit == unit and FROM <= o.limit_on <= TO for o in overdue)
            points = None if total.points is None else f"{total.points:.2f}"
            found[unit] = (Counter(inside), missed, total.due, total.bad, points)
        return found


@pytest.mark.parametrize(("seed", "units"), [(0, "AAB"), (5, "AAB"), (16, "AAB"), (2, "A"), (8, "A")])
def test_by_sets_as_one_by_one(session: Any, world: Any, seed: int, units: str) -> None:
    drawn = Drawn(session, seed, units)
    names = {firm.id: name for name, firm in drawn.firms.items()}
    moved = 0
    for key, value in DRAFTS:
        told = drawn.told(key, value)
        draft = [policy_backtest.drafted(key, value, CITY, FROM)]
        found = policy_backtest.run(session, SYSTEM, CITY, FROM, TO, draft, LATER)
        for side in (0, 1):
            sets = {
                names[u["unit_id"]]: (
                    Counter(u["states"][side]), u["overdue"][side], u["due"][side], u["bad"][side], u["points"][side]
                )
                for u in found["units"] if u["unit_id"] in names
            }  # fmt: skip
            assert sets == told[side], (seed, key, value, side)
        moved += found["moved"] > 0
    assert moved > 10


def test_ranks_move_with_points_and_come_largest_first(session: Any, world: Any) -> None:
    drawn = Drawn(session, 9)
    draft = [policy_backtest.drafted("manager_approval", True, CITY, FROM)]
    found = policy_backtest.run(session, SYSTEM, CITY, FROM, TO, draft, LATER)["units"]
    by_id = {u["unit_id"]: u for u in found}
    scored = [by_id[firm.id] for firm in drawn.firms.values()]
    for side in (0, 1):
        best = max(float(u["points"][side]) for u in found if u["points"][side] is not None)
        assert [u["rank"][side] == 1 for u in scored] == [float(u["points"][side]) == best for u in scored]
    steps = [abs(float(u["points"][1] or 0) - float(u["points"][0] or 0)) for u in found]
    assert steps == sorted(steps, reverse=True)


def test_a_day_is_only_as_crowded_as_its_worker(session: Any, world: Any) -> None:
    """Ranks are asked of days with more elevators than the draft allows, and of no others."""
    session.execute(delete(ContractElevator))
    rows = []
    for number in range(4):
        elevator = make_elevator(session, maintenance_unit=world.firm)
        row = add_visit(
            session, elevator, world.worker, day("2024-01-10"), settled_at=LATER, signed_at=at(day("2024-01-10"), 10)
        )
        row.received_at = at(day("2024-01-10"), 11) + number * MINUTE
        rows.append(row)
    session.commit()
    for limit, over in ((1, 3), (3, 1), (4, 0)):
        draft = [policy_backtest.drafted("daily_elevators", limit, CITY, FROM)]
        found = policy_backtest.run(session, SYSTEM, CITY, FROM, TO, draft, LATER)
        assert found["visits_moved"] == over
    assert {session.scalar(select(Visit.state).where(Visit.id == row.id)) for row in rows} == {"valid"}
