"""Which area's module means each kind of application. Named, not imported: the areas open applications themselves."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from app.workflows.approval.submissions import Handlers

HANDLERS = {
    "unit_filing": "filing.filing", "elevator_filing": "filing.filing", "correction": "filing.corrections",
    "registration_change": "filing.registration_changes", "person_filing": "people.person_filing",
    "grade_certificate": "papers.grades", "commitment": "papers.commitments", "declaration": "papers.declarations",
    "contract_change": "contracts.contract_changes", "inspection_report": "inspection.inspection_reports",
    "use_registration": "handover.lifecycle", "suspension": "handover.lifecycle",
    "reactivation": "handover.lifecycle", "scrapping": "handover.lifecycle",
    "unit_change": "handover.unit_changes", "worker_change": "handover.worker_changes",
    "maintenance_pause": "maintenance.maintenance_stops", "maintenance_resume": "maintenance.maintenance_stops",
    "on_demand": "maintenance.on_demand", "appeal": "oversight.appeals",
}  # fmt: skip


def handlers(kind: str) -> Handlers:
    """What a kind of application checks and does."""
    return cast(Handlers, import_module(f"app.workflows.{HANDLERS[kind]}").APPLICATION)
