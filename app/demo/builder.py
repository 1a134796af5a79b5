"""Build the invented region with set-based inserts; the same seed and day give the same rows."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select, text

from app import clock
from app.demo import names
from app.demo.agreements import Agreements, Cover
from app.demo.life import Diary, Habits, Life, live
from app.demo.rows import write
from app.models import (
    Contract,
    ContractElevator,
    Elevator,
    GradeCertificate,
    MaintenanceClock,
    MaintenanceLedger,
    MaintenanceOrder,
    MaintenancePause,
    OverduePeriod,
    Person,
    PolicyValue,
    Region,
    StatusChange,
    Unit,
    Version,
    Visit,
)
from app.models.policy import policy_value, policy_version, visit_policy
from app.policy import Key
from app.rules.identifiers import uscc_check_char
from app.rules.schedule import pause
from app.rules.visits import REASON_LABELS, VisitPolicy
from app.wording import say
from app.workflows.approval.filing_fields import fields_of
from app.workflows.people import person_versions

DAY = dt.timedelta(days=1)
YEAR = 365
CHUNK = 2000
# Days before its day on which an order is given out.
HORIZON = 5
CITY = "980400000000"
ELEVATORS_A_FIRM, ELEVATORS_A_USE_UNIT, ELEVATORS_A_WORKER = 60, 12, 32
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Summary:
    """What was built, by table."""

    elevators: int = 0
    units: int = 0
    persons: int = 0
    contracts: int = 0
    visits: int = 0
    overdue: int = 0
    orders: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class Firm:
    """A maintenance unit while it is being built."""

    id: int
    name: str
    region_code: str
    habits: Habits
    workers: list[int]
    contracts: Agreements


class Builder:
    """One run. Keys are counted on from what is there, so that rows can be linked before they are inserted."""

    def __init__(
        self, session: Any, elevators: int, seed: int, now: dt.datetime, progress: Progress | None, days: int = YEAR
    ) -> None:
        self.session, self.count, self.now, self.days = session, elevators, now, days
        self.today = clock.local_day(now)
        self.rng = random.Random(f"tian-{seed}-{elevators}")
        self.progress = progress or (lambda done, total, message: None)
        self.rows: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)
        self.next_id: dict[type[Any], int] = {}
        self.summary, self.diary = Summary(), Diary()
        self.regions: dict[str, int] = {}

    # --- rows

    def key(self, model: type[Any]) -> int:
        if model not in self.next_id:
            self.next_id[model] = (self.session.scalar(select(func.max(model.__table__.c.id))) or 0) + 1
        self.next_id[model] += 1
        return self.next_id[model] - 1

    def add(self, model: type[Any], number: int | None = None, /, **values: Any) -> int:
        number = self.key(model) if number is None else number
        self.rows[model].append({"id": number, **values})
        return number

    def flush(self) -> None:
        """Insert what was collected, parents before children."""
        for model in ORDERED:
            write(self.session, model, self.rows.pop(model, []))

    def settle_sequences(self) -> None:
        """PostgreSQL's sequences do not see keys that were given."""
        if self.session.get_bind().dialect.name != "postgresql":
            return
        for model in self.next_id:
            table = model.__tablename__
            self.session.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608 - our table names
            )

    # --- the region

    def build(self) -> Summary:
        """Tree, policy, units and people, then the elevators with their year, in chunks."""
        self._tree()
        firms, use_units = self._units()
        policy = visit_policy(self.session, CITY, self.today)
        limit_days = policy_value(self.session, Key.LIMIT_DAYS, CITY, self.today)
        for firm in firms:
            firm.habits = Habits(
                self.rng.choice((0.005, 0.01, 0.02, 0.04, 0.08)), self.rng.choice((0.005, 0.02, 0.05)),
                self.rng.choice((14, 15, 15)), limit_days,
            )  # fmt: skip
        for number in range(self.count):
            firm_index = number * len(firms) // self.count
            self._elevator(number, firms[firm_index], use_units, policy)
            if number % CHUNK == CHUNK - 1:
                self.flush()
                self.progress(number + 1, self.count, "装入虚构地区")
        self.summary.contracts = sum(len(firm.contracts) for firm in firms)
        self.flush()
        self.settle_sequences()
        self.progress(self.count, self.count, "装入虚构地区")
        return self.summary

    def _tree(self) -> None:
        for code, name, level, parent, latitude, longitude in names.REGIONS:
            self._region(code, name, level, parent, latitude, longitude)
            if level == "district":
                for number, street in enumerate(names.STREETS, 1):
                    self._region(f"{code[:6]}{number:03d}000", street, "street", code, latitude, longitude)
        self.flush()
        self.settle_sequences()
        known = self.session.scalar(select(PolicyValue.id).where(PolicyValue.region_code == CITY).limit(1))
        if known is None:
            self.add(
                PolicyValue, key="preset", region_code=CITY, value="huzhou", effective_on=dt.date(2020, 1, 1),
                source="演示区采用“湖州”预设", known_at=self.now,
            )  # fmt: skip
            self.flush()
            self.session.info.pop("policy_cache", None)
        self.judged_by = policy_version(self.session, CITY, self.today)[:20]

    def _region(self, code: str, name: str, level: str, parent: str | None, lat: float, lon: float) -> None:
        found = self.session.scalar(select(Region.id).where(Region.code == code))
        self.regions[code] = found or self.add(
            Region, code=code, name=name, level=level, parent_id=self.regions[parent] if parent else None,
            valid_from=dt.date(2020, 1, 1), latitude=lat, longitude=lon,
        )  # fmt: skip

    def _units(self) -> tuple[list[Firm], list[tuple[int, str]]]:
        districts = [r[0] for r in names.REGIONS if r[2] == "district"]
        base = self.session.scalar(select(func.count()).select_from(Unit)) or 0
        firms = []
        count = max(3, round(self.count / ELEVATORS_A_FIRM))
        for number in range(count):
            district = districts[number % len(districts)]
            grade = self.rng.choice(("A1", "A2", "B"))
            licence_until = self.today + DAY * self.rng.choice((-20, 25, 200, 700, 1100))
            name = names.firm_name(base + number)
            unit_id = self._unit(
                base + number, name, district, is_maintenance=True, licence_grade=grade,
                licence_no=f"TS3398{base + number:03d}-{licence_until.year}", licence_until=licence_until,
                duty_phone=f"0398-555{number % 10000:04d}",
            )  # fmt: skip
            staff = max(2, -(-self.count // count // ELEVATORS_A_WORKER))
            workers = [self._person(unit_id, district) for _ in range(staff)]
            papers = Agreements(self.add, self.today, unit_id, district, one_has_ended=number % 3 == 2)
            firms.append(Firm(unit_id, name, district, Habits(0, 0, 15, 15), workers, papers))
        use_units = []
        for number in range(max(6, self.count // ELEVATORS_A_USE_UNIT)):
            street = f"{districts[number % len(districts)][:6]}{number // len(districts) % 4 + 1:03d}000"
            name = names.use_unit_name(base + number)
            officer = names.person_name(base + number * 7)
            unit_id = self._unit(
                base + len(firms) + number, name, street, is_use=True, is_property=number % 3 == 0,
                safety_officer=officer, safety_phone=names.phone(base + 500_000 + number),
            )  # fmt: skip
            use_units.append((unit_id, street))
        self.flush()
        return firms, use_units

    def _unit(self, number: int, name: str, region_code: str, **fields: Any) -> int:
        first = f"91980402{number:09d}"
        approved_on = self.today - DAY * self.rng.randint(380, 1500)
        values = {
            "uscc": first + uscc_check_char(first), "name": name, "region_id": self.regions[region_code],
            "address": f"澜州市创业路 {number % 300 + 1} 号", "legal_person": names.person_name(number * 3),
            "head_name": names.person_name(number * 3 + 1), "head_phone": names.phone(number),
            "established_on": dt.date(2008, 1, 1) + DAY * self.rng.randint(0, 4000), **fields,
        }  # fmt: skip
        unit_id = self.add(
            Unit, **values, region_code=region_code, filing_state="approved", info_state="normal", approved_version=1,
            approved_on=approved_on, created_at=self._noon(approved_on), updated_at=self._noon(approved_on),
        )  # fmt: skip
        self._version("unit", fields_of(Unit), unit_id, values, approved_on)
        self.summary.units += 1
        return unit_id

    def _version(
        self, entity: str, filed: Iterable[str], entity_id: int, values: dict[str, Any], approved_on: dt.date
    ) -> None:
        data = {n: _json(values.get(n, False if n.startswith("is_") else None)) for n in filed}
        at = self._noon(approved_on)
        self.add(
            Version, entity=entity, entity_id=entity_id, number=1, state="approved", base_number=0, data=data,
            edited_at=at, submitted_at=at, decided_at=at, in_force_from=approved_on, opinion="既有数据接管",
        )  # fmt: skip

    def _noon(self, day: dt.date) -> dt.datetime:
        return clock.instant_of(dt.datetime.combine(day, dt.time(12)))

    def _person(self, unit_id: int, region_code: str) -> int:
        number = self.key(Person)
        until = self.today + DAY * self.rng.choice((40, 300, 700, 1200))
        values = names.worker(number, until, self.today)
        approved_on = values["hired_on"] + 3 * DAY
        self.rows[Person].append({
            "id": number, **values, "unit_id": unit_id, "region_code": region_code, "filing_state": "approved",
            "info_state": "normal", "approved_version": 1, "approved_on": approved_on,
        })  # fmt: skip
        self._version("person", person_versions.FIELDS, number, values, approved_on)
        if self.rng.random() < 0.3:
            self.add(
                GradeCertificate, person_id=number, unit_id=unit_id, region_code=region_code,
                grade=self.rng.choice(("intermediate", "senior", "technician")), certificate_no=f"DJ98{number:06d}",
                issued_on=self.today - DAY * 500, valid_until=self.today + DAY * 900, state="approved",
                in_force_from=self._noon(self.today - DAY * 490),
            )  # fmt: skip
        self.summary.persons += 1
        return number

    # --- one elevator

    def _elevator(
        self,
        number: int,
        firm: Firm,
        use_units: list[tuple[int, str]],
        policy: VisitPolicy,
    ) -> None:
        rng = self.rng
        luck = rng.random()
        status = "in_use" if luck < 0.93 else "suspended" if luck < 0.96 else "notified" if luck < 0.98 else "scrapped"
        use_unit_id, street = use_units[(number // ELEVATORS_A_USE_UNIT) % len(use_units)]
        serves = status in ("in_use", "suspended")
        firm_id = firm.id if status != "scrapped" else None
        approved_on = self.today - DAY * rng.randint(370, 400)
        stop_on = self.today - DAY * rng.randint(12, 150) if status == "suspended" else None
        values = self._archive(number, firm_id, use_unit_id, street, status)
        elevator_id = self.add(
            Elevator, **values, region_code=street, status=status, filing_state="approved", info_state="normal",
            approved_version=1, approved_on=approved_on, public_token=f"{rng.getrandbits(80):020x}",
            created_at=self._noon(approved_on), updated_at=self._noon(approved_on),
        )  # fmt: skip
        self._version("elevator", fields_of(Elevator), elevator_id, values, approved_on)
        self.summary.elevators += 1
        if status != "notified":
            declared = "scrapped" if status == "scrapped" else "in_use"
            self._status(elevator_id, "notified", declared, "take_over", approved_on, say("接管申报"))
        if not serves:
            return
        cover = None if rng.random() < 0.01 else firm.contracts.cover(use_unit_id, rng.randrange(9) == 0)
        if cover is not None:
            self.add(
                ContractElevator, contract_id=cover.id, elevator_id=elevator_id, unit_id=firm.id,
                starts_on=cover.starts_on, ends_on=cover.ends_on, added_at=self._noon(cover.starts_on),
            )  # fmt: skip
        worker = firm.workers[number % len(firm.workers)]
        known = min(self.today - DAY * self.days, (stop_on or self.today) - DAY * 15)
        from_on = self.today if rng.random() < 0.01 else known
        life = live(rng, firm.habits, policy, self.diary, worker, from_on, stop_on or self.today, self.now)
        self._keep_life(elevator_id, use_unit_id, street, firm, worker, cover, life, {
            "code": values["code"], "category": values["category"], "address": values["address"],
            "estate": values["estate"], "unit": firm.name, "worker": names.worker_name(worker),
        })  # fmt: skip
        self._standing(elevator_id, street, firm, worker, life, stop_on, number, cover.ends_on if cover else None)
        if stop_on is not None:
            self._status(elevator_id, "in_use", "suspended", "suspend", stop_on, say("接管申报"))
            self.add(MaintenancePause, elevator_id=elevator_id, from_on=stop_on, known_at=self._noon(stop_on))

    def _status(self, elevator_id: int, old: str, new: str, verb: str, on: dt.date, reason: str) -> None:
        self.add(
            StatusChange, entity="elevator", entity_id=elevator_id, field="status", old=old, new=new, verb=verb,
            effective_on=on, known_at=self._noon(on), reason=reason,
        )  # fmt: skip

    def _archive(
        self, number: int, firm_id: int | None, use_unit_id: int, street: str, status: str
    ) -> dict[str, Any]:
        rng, estate = self.rng, names.estate_name(number // 24)
        category = rng.choices(("3110", "3120", "3210", "3310", "3320", "3430"), (80, 5, 2, 9, 1, 3))[0]
        made_on = self.today - DAY * rng.randint(500, 7000)
        inspected_on = self.today - DAY * rng.randint(1, 395)
        centre = next(r for r in names.REGIONS if r[0][:6] == street[:6])
        floors = rng.randint(3, 33) if category[:2] != "33" else None
        serial = self.next_id.get(Elevator, 0) or (self.session.scalar(select(func.max(Elevator.id))) or 0) + 1
        pair = f"{number % 24 // 2 + 1} 幢 {number % 2 + 1} 单元"
        return {
            "code": f"{200000 + serial}", "category": category, "name": None, "model": rng.choice(names.MODELS),
            "equipment_code": f"{category}98012{made_on.year}{serial % 100000:05d}",
            "registration_code": f"{category}980402{made_on:%Y%m}{serial % 10000:04d}",
            "certificate_no": None if status == "notified" else f"梯11岚L{serial % 100000:05d}({made_on:%y})",
            "factory_no": f"XC{made_on:%y%m}{serial % 10000:04d}",
            "internal_no": f"{number % 24 // 2 + 1}-{number % 2 + 1}",
            "maintenance_unit_id": firm_id, "use_unit_id": use_unit_id,
            "manufacturer": rng.choice(names.MAKERS), "installer": rng.choice(names.MAKERS),
            "estate": estate, "address": f"{names.road_name(number // 24)} {number // 24 % 90 * 2 + 6} 号 {pair}",
            "place_type": names.PLACE_TYPES.get(estate.split("期")[0].rstrip("0123456789"), "residential"),
            "region_id": self.regions[street], "is_central": centre[0] != "980421000000",
            "is_secret": rng.random() < 0.002,
            **names.spot(number, centre, (rng.uniform(-0.02, 0.02), rng.uniform(-0.02, 0.02))),
            "plate_state": ("intact", "intact", "damaged", "intact", None, "intact", "none")[serial % 7],
            "network": ("all", "mobile_telecom", "all", None, "mobile")[serial % 5],
            "made_on": made_on, "commissioned_on": made_on + DAY * 120, "supervised_on": made_on + DAY * 100,
            "inspected_on": inspected_on, "next_inspection_on": inspected_on + DAY * 396,
            "governor_on": self.today - DAY * (serial * 37 % 755 + 5) if category[:2] != "33" else None,
            "rated_load": rng.choice((630, 800, 1050, 1600)), "rated_speed": rng.choice((1.0, 1.5, 1.75, 2.5)),
            "floors": floors, "stops": floors, "doors": floors,
            "safety_officer": names.person_name(use_unit_id * 7), "safety_phone": names.phone(500_000 + use_unit_id),
            "emergency_phone": "96333", "insured_until": self.today + DAY * rng.randint(-30, 360),
            "declared_status": "in_use" if status == "suspended" else status,
            **names.archive(category, number, serial),
        }  # fmt: skip

    def _keep_life(
        self,
        elevator_id: int,
        use_unit_id: int,
        street: str,
        firm: Firm,
        worker: int,
        cover: Cover | None,
        life: Life,
        snapshot: dict[str, Any],
    ) -> None:
        """Visits with the orders that they did, and what was missed.

        `snapshot` is what a record taken over keeps of elevator, unit and worker.
        """
        for row in life.visits:
            reason, ordered = row.pop("reason"), row.pop("ordered")
            visit_id, order_id = self.key(Visit), None
            if ordered is not None:
                planned_on, limit_on = ordered
                order_id = self.add(
                    MaintenanceOrder, elevator_id=elevator_id, unit_id=firm.id, region_code=street, worker_id=worker,
                    planned_on=planned_on, limit_on=limit_on, level=row["level"], origin="auto", state="done",
                    visit_id=visit_id, closed_at=row["checked_out_at"],
                    created_at=self._noon(planned_on - DAY * HORIZON), updated_at=row["checked_out_at"],
                )  # fmt: skip
            self.add(
                Visit, visit_id, **row, order_id=order_id, elevator_id=elevator_id, unit_id=firm.id,
                use_unit_id=use_unit_id, region_code=street, worker_id=worker, item_version="T5002-2017",
                preset=self.judged_by, settled_at=row["received_at"], taken_over=True, snapshot=snapshot,
                reason=reason.value if reason else None, state_reason=REASON_LABELS[reason] if reason else None,
                signer=names.person_name(use_unit_id) if row["signed_at"] else None,
            )  # fmt: skip
            self.summary.visits += 1
        for anchor, limit, previous, done_on in life.missed:
            covered = cover is not None and cover.starts_on <= limit <= cover.ends_on
            self.add(
                OverduePeriod, elevator_id=elevator_id, unit_id=firm.id if covered else None, region_code=street,
                contract_id=cover.id if cover is not None and covered else None, anchor_on=anchor, limit_on=limit,
                interval_days=firm.habits.limit_days, previous_missed=previous, done_late_on=done_on,
                judged_at=clock.instant_of(dt.datetime.combine(limit + DAY, dt.time(0, 20))),
            )  # fmt: skip
            self.summary.overdue += 1

    def _standing(
        self,
        elevator_id: int,
        street: str,
        firm: Firm,
        worker: int,
        life: Life,
        stop_on: dt.date | None,
        number: int,
        covered_until: dt.date | None,
    ) -> None:
        """Clock, ledger and the open order, as the visits left them."""
        standing = life.standing
        planned = standing.planned_on if standing else None
        if standing is not None and stop_on is not None:
            standing = pause(standing, stop_on)
        stopped = stop_on is not None
        self.rows[MaintenanceClock].append({
            "elevator_id": elevator_id, "unit_id": firm.id, "region_code": street,
            "unit_since_on": self.today - DAY * YEAR, "first_visit_on": life.first_on, "last_visit_on": life.last_on,
            "anchor_on": standing.anchor_on if standing else None,
            "limit_on": standing.limit_on if standing and not stopped else None,
            "limit_days": firm.habits.limit_days, "missed": life.missed_now,
            "missed_since_on": life.missed_since, "paused_on": stop_on, "in_use": not stopped,
            "limit_left_days": standing.remaining_days if standing else None,
            "plan_left_days": standing.plan_remaining_days if standing else None, "judged_through": self.today - DAY,
            "covered_until": covered_until if covered_until and covered_until >= self.today else None,
        })  # fmt: skip
        manual, without_worker = number % 29 == 7, number % 61 == 11
        self.add(
            MaintenanceLedger, elevator_id=elevator_id, unit_id=firm.id, region_code=street,
            worker_id=None if without_worker else worker, manager_id=firm.workers[0],
            mode="manual" if manual else "auto", interval_days=firm.habits.interval_days, next_half_month_on=planned,
            next_quarter_on=life.long_dates.quarter_on, next_half_year_on=life.long_dates.half_year_on,
            next_annual_on=life.long_dates.annual_on, next_level=life.next_level.value,
        )  # fmt: skip
        due = planned is not None and planned <= self.today + DAY * HORIZON
        if standing and planned and due and not (stopped or manual or without_worker):
            self.add(
                MaintenanceOrder, elevator_id=elevator_id, unit_id=firm.id, region_code=street, worker_id=worker,
                planned_on=planned, limit_on=standing.limit_on, level=life.next_level.value, origin="auto",
                state="open",
            )  # fmt: skip
            self.summary.orders += 1


ORDERED: tuple[type[Any], ...] = (
    Region, PolicyValue, Unit, Person, GradeCertificate, Contract, Elevator, ContractElevator, Version, StatusChange,
    MaintenanceLedger, MaintenanceClock, MaintenancePause, MaintenanceOrder, Visit, OverduePeriod,
)  # fmt: skip


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
