"""Elevators: the record with its clocks and next legal actions, the register as of a day, filing, applying."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, select
from sqlalchemy.orm import joinedload, undefer_group

from app import clock, scope
from app.extensions import db
from app.listing import past_of
from app.listings import standing
from app.listings.visits import worker_of
from app.models import (
    Contract,
    ContractElevator,
    Elevator,
    InspectionClock,
    MaintenanceClock,
    MaintenanceOrder,
    OnDemandInterval,
    StatusChange,
    Unit,
    Version,
    Visit,
)
from app.models.elevator import ARCHIVE
from app.permissions import Verb
from app.reports import label_sheet
from app.rules.lifecycle import STATUS_KINDS
from app.views.approval.applying import offered
from app.views.approval.filing_pages import FilingPages
from app.views.frame import clock_words, desks, filed, screens
from app.views.frame.base import missed_words
from app.views.frame.filing_words import WORDS, Due
from app.views.oversight import anomalies
from app.views.oversight.inspections import latest_of
from app.views.oversight.overdue_evidence import against_overdue
from app.views.partners import iot
from app.views.registry import alike, components, elevator_labels, elevator_positions
from app.views.registry.elevator_papers import Papers
from app.views.repair import repair_facts
from app.workflows.contracts import cover
from app.workflows.core import moves
from app.workflows.filing import filing
from app.workflows.maintenance import on_demand

# What the form asks for is judged when it is sent; before that only what stands already can pass or fail.
_TYPED = ("reason", "attachments", "effective_on")


@dataclass(frozen=True, slots=True)
class Clock:
    """One limit of the elevator, and why."""

    title: str
    due: Due | None
    note: str
    link: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One floor of the elevator's history."""

    at: dt.datetime
    title: str
    text: str = ""
    note: str = ""
    link: str | None = None
    tone: str = "ok"

    @property
    def when(self) -> str:
        return clock.local(self.at).strftime("%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of the elevator beside its row, by one statement: both clocks, and 按需维保 that runs."""

    maintenance: MaintenanceClock | None
    inspection: InspectionClock | None
    longer: OnDemandInterval | None

    @classmethod
    def of(cls, row: Elevator, today: dt.date) -> Held:
        sees = scope.criterion(MaintenanceClock, g.actor)
        statement = (
            select(MaintenanceClock, InspectionClock, OnDemandInterval)
            .select_from(Elevator)
            .outerjoin(MaintenanceClock, and_(MaintenanceClock.elevator_id == Elevator.id, sees))
            .outerjoin(InspectionClock, InspectionClock.elevator_id == Elevator.id)
            .outerjoin(OnDemandInterval, and_(OnDemandInterval.elevator_id == Elevator.id, on_demand.runs_on(today)))
            .where(Elevator.id == row.id)
            .limit(1)
        )
        return cls(*db.session.execute(statement.execution_options(skip_scope=True)).one())


class ElevatorPages(FilingPages):
    """Record, form and applications of an elevator."""

    route_base = "/elevators"
    model = Elevator
    noun = _l("电梯")
    list_url = "/elevators/"
    record_template = "ta/filing/elevator.html"
    only_at_first = ("declared_status",)
    load = (undefer_group(ARCHIVE), joinedload(Elevator.region))

    def starting_values(self) -> dict[str, Any]:
        """The own unit, as what it is: it is its own elevator that somebody of a unit registers. Or what is alike."""
        like = alike.model()
        if like is not None:
            return alike.values_of(like)
        unit = db.session.get(Unit, g.actor.unit_id) if g.actor.unit_id is not None else None
        if unit is None:
            return {}
        kinds = {"use_unit_id": unit.is_use and not unit.is_maintenance, "maintenance_unit_id": unit.is_maintenance}
        return {name: unit.id for name, own in kinds.items() if own}

    def begun_like(self) -> Elevator | None:
        return alike.model()

    def last_decided(self, row: Elevator) -> Version | None:
        return next((one for one in _versions(row) if one.state != "pending"), None)

    def facts_of(self, row: Elevator) -> dict[str, Any]:
        actor, today = g.actor, clock.today()
        held = Held.of(row, today)
        papers = Papers.of(row.id)
        contracts = self._contracts(row) if actor.may(Verb.CONTRACT_READ) else []
        past, bad_days = past_of(request.args)
        on = None if past is None else past.on
        shown: dict[str, Any] = {
            "words": WORDS, "status": row.status, "as_of": on, "bad_days": bad_days, "as_of_version": None,
            "clocks": self._clocks(row, today, held, papers, contracts) if on is None else [],
            "kinds": [], "under_way": [], "visits": None,
            "orders": [], "against": against_overdue(row) if on is None else [],
            "inspections": None, "inspection_deeds": _inspection_deeds(row) if row.approved_version else [],
            "status_kinds": STATUS_KINDS, "repairs": None, "anomalies": None, "contracts": [], "applications": [],
            "story": self._story(row, papers), "unit_names": {}, "hardware": None,
            "place": elevator_positions.place_of(row),
            "parts": components.parts_of(row), "worker_of": worker_of, "alike_link": alike.offered(actor, row),
            "labels": elevator_labels.lines_of(row) if on is None else [],
            "may_label": elevator_labels.may_replace(actor, row),
            "may_print": row.status != "scrapped" and label_sheet.is_to_label(actor, row),
            "ledger_link": f"/ledgers/{row.id}" if row.approved_version and actor.may(Verb.LEDGER_READ) else "",
        }  # fmt: skip
        if past is not None:
            version = filing.as_of(db.session, row, past.on, past.known_at)
            shown |= {
                "as_of_version": version, "status": moves.status_on(db.session, row, past.on, past.known_at),
                "known_at": past.known_at if past.told else None,
            }  # fmt: skip
            shown["sections"] = filed.facts(Elevator, version.data) if version else []
            return shown
        if row.approved_version:
            shown["kinds"], shown["under_way"] = offered(row, papers.under_way, papers.opens)
        if row.approved_version and actor.may(Verb.IOT_READ):
            shown["hardware"] = iot.card(row)
        if actor.may(Verb.VISIT_READ):
            shown["visits"] = _rows(Visit, Visit.elevator_id == row.id, _LATEST, Visit.worker)
        if actor.may(Verb.ORDER_READ):
            open_orders = (MaintenanceOrder.elevator_id == row.id) & (MaintenanceOrder.state == "open")
            shown["orders"] = _rows(MaintenanceOrder, open_orders, MaintenanceOrder.planned_on, MaintenanceOrder.worker)
        if actor.may(Verb.INSPECTION_READ):
            shown["inspections"] = latest_of(row.id)
        if actor.may(Verb.REPAIR_READ):
            shown["repairs"] = repair_facts.latest_of(row.id)
        if actor.may(Verb.ANOMALY_READ):
            shown["anomalies"] = anomalies.latest_of(row.id)
        shown["contracts"], shown["unit_names"] = contracts, filed.unit_names(b.unit_id for b in contracts)
        if actor.may(Verb.APPLICATION_READ):
            shown["applications"] = papers.newest
        return shown

    def _contracts(self, row: Elevator) -> list[ContractElevator]:
        live = (ContractElevator.elevator_id == row.id) & ContractElevator.removed_at.is_(None)
        return _rows(ContractElevator, live, ContractElevator.starts_on.desc(), ContractElevator.contract)

    def _clocks(
        self, row: Elevator, today: dt.date, kept: Held, papers: Papers, contracts: list[ContractElevator]
    ) -> list[Clock]:  # fmt: skip
        found = []
        held = kept.maintenance if g.actor.may(Verb.WARNING_READ) else None
        if held is not None and held.paused_on is not None:
            note = _("自 %(d)s 暂停", d=held.paused_on)
            found.append(Clock(
                _("维保期限"), clock_words.limit_due(held, today), note, None, clock_words.why_limit(held)
            ))  # fmt: skip
        elif held is not None and (limit := standing.due_of(held, today)).on is not None:
            due_on = clock_words.limit_due(held, today)
            last = _("上次 %(d)s", d=held.last_visit_on) if held.last_visit_on else _("尚未维保")
            longer = kept.longer
            if longer is not None:
                last += _("　按需维保，间隔 %(n)s 天，至 %(d)s", n=longer.interval_days, d=longer.to_on)
            said = missed_words(limit.on) if limit.over else str(limit.on)
            records = f"/overdue/?tab=standing&q={row.code}" if limit.over and g.actor.may(Verb.ORDER_READ) else None
            found.append(Clock(_("维保期限"), due_on, f"{said}　{last}", records, clock_words.why_limit(held)))
        elif row.status != "scrapped" and g.actor.may(Verb.WARNING_READ):
            found.append(Clock(_("维保期限"), None, _("首次维保后开始")))
        if row.status != "scrapped":
            found += self._inspections(row, kept.inspection)
        bound = cover.in_force(db.session, row.id, today) if g.actor.may(Verb.CONTRACT_READ) else None
        if bound is not None:
            cover_due = clock_words.contract_due(bound, row.region_code, today)
            # A use unit that is not named in the contract sees that there is one, not which.
            held_contract = next((one.contract for one in contracts if one.contract_id == bound.contract_id), None)
            if held_contract is None:
                held_contract = db.session.scalar(
                    scope.apply(select(Contract).where(Contract.id == bound.contract_id), g.actor)
                )
            number = held_contract.number if held_contract else _("至 %(d)s", d=bound.ends_on)
            found.append(
                Clock(
                    _("维保合同"), cover_due, number, f"/contracts/{bound.contract_id}" if held_contract else None,
                    clock_words.why_contract(bound, row.region_code),
                )
            )  # fmt: skip
        elif g.actor.may(Verb.CONTRACT_READ) and row.status != "scrapped" and row.approved_version:
            may_bind = g.actor.may(Verb.CONTRACT_EDIT) and g.actor.unit_id == row.maintenance_unit_id
            note = _("没有生效的合同，去新增合同") if may_bind else _("没有生效的合同")
            door = f"/contracts/new?chosen=elevator-{row.id}" if may_bind else None
            found.append(Clock(_("维保合同"), Due(_("已脱保"), None, "", "over", 100), note, door))
        open_one = papers.open_one
        if open_one is not None:
            due = clock_words.approval_due(open_one)
            link = f"/applications/{open_one.id}" if g.actor.may(Verb.APPLICATION_READ) else None
            found.append(
                Clock(str(WORDS.kind[open_one.kind]), due, open_one.number, link, clock_words.why_due(open_one))
            )
        return found

    def _inspections(self, row: Elevator, held: InspectionClock | None) -> list[Clock]:
        """The yearly calendar, a failed one that waits, governor and brake; the last three where there is any."""
        kind = held.next_kind if held is not None and held.next_kind else "periodic"
        left, why = clock_words.inspection_due(row.next_inspection_on, row.region_code)
        title = {"self_test": _("下次检测或自行检测")}.get(kind, _("下次定期检验"))
        found = [Clock(title, left, str(row.next_inspection_on or _("没有登记")), None, why)]
        if held is None or not g.actor.may(Verb.INSPECTION_READ):
            return found
        if held.failed_on is not None:
            due = Due(_("待复检"), None, "", "over", 100)
            note = _("%(d)s 不合格", d=held.failed_on)
            found.append(Clock(_("检验结果"), due, note, f"/inspections/{held.failed_id}"))
        for title, day in ((_("下次限速器校验"), held.governor_due_on), (_("下次制动试验"), held.brake_due_on)):
            if day is not None:
                left, why = clock_words.check_due(day, row.region_code)
                found.append(Clock(title, left, str(day), None, why))
        return found

    def _story(self, row: Elevator, papers: Papers) -> list[Event]:
        """The newest first: approvals of content, steps of the status."""
        events = []
        steps = select(StatusChange).where(
            StatusChange.entity == "elevator", StatusChange.entity_id == row.id, StatusChange.field == "status"
        )
        taken = db.session.scalars(steps.order_by(StatusChange.id.desc()).limit(8)).all()
        opens = papers.opens | desks.openable({step.application_id for step in taken} - papers.known)
        for step in taken:
            title = str(WORDS.kind.get(step.verb, _("接管申报")))
            text = f"{WORDS.status.get(step.old, step.old)} → {WORDS.status.get(step.new, step.new)}"
            link = f"/applications/{step.application_id}" if step.application_id in opens else None
            events.append(
                Event(step.known_at, title, text, _("%(d)s 生效", d=step.effective_on), link,
                      "over" if step.new in ("suspended", "scrapped") else "ok")
            )  # fmt: skip
        for version in _versions(row):
            title = _("档案第 %(n)s 版", n=version.number)
            at = version.decided_at or version.submitted_at or version.edited_at
            tone = {"approved": "ok", "rejected": "over"}.get(version.state, "now")
            why = version.opinion or version.reason or ""
            events.append(Event(at, title, str(WORDS.version[version.state]), why, None, tone))
        return sorted(events, key=lambda e: e.at, reverse=True)[:8]


def _versions(row: Elevator) -> list[Version]:
    """The newest eight that were submitted, read once a request: for what was decided last, and for the story."""
    if g.get("versions_of") is None or g.versions_of[0] != row.id:
        versions = select(Version).where(
            Version.entity == "elevator", Version.entity_id == row.id,
            Version.state.in_(["approved", "rejected", "pending"]),
        )  # fmt: skip
        g.versions_of = row.id, list(db.session.scalars(versions.order_by(Version.number.desc()).limit(8)))
    found: list[Version] = g.versions_of[1]
    return found


def _inspection_deeds(row: Elevator) -> list[tuple[str, str]]:
    """What may be entered about the elevator: an inspection, or the report that its units hand in."""
    own = g.actor.unit_id in (row.maintenance_unit_id, row.use_unit_id)
    return [
        (label, f"/inspections/{door}?elevator_id={row.id}")
        for label, door, may in (
            (_("登记检验"), "new", g.actor.may(Verb.INSPECTION_EDIT)),
            (_("上传检测、校验报告"), "report", own and g.actor.may(Verb.INSPECTION_REPORT)),
        )
        if may
    ]


# Not by their numbers: what a phone kept, or a workbook brought, came later and was done before.
_LATEST = (Visit.visit_on.desc(), Visit.checked_in_at.desc(), Visit.id.desc())


def _rows(model: Any, criterion: Any, order: Any, *load: Any) -> list[Any]:
    """The first five by an order of one column or several. Scope is asked of the rows; a row that one may see names its
    worker, as the lists do."""
    statement = scope.apply(select(model).where(criterion), g.actor).options(*(joinedload(r) for r in load))
    ordered = statement.order_by(*(order if isinstance(order, tuple) else (order,)))
    return list(db.session.scalars(ordered.limit(5).execution_options(skip_scope=True)))


def register(appbuilder: Any) -> None:
    """Add the pages and say which verb each needs."""
    for permission, verb in (
        ("can_read", Verb.ELEVATOR_READ), ("can_write", Verb.ELEVATOR_EDIT), ("can_submit", Verb.FILING_SUBMIT),
    ):  # fmt: skip
        screens.declare("ElevatorPages", permission, verb)
    appbuilder.add_view_no_menu(ElevatorPages)


