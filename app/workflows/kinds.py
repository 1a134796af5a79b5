"""Which area's module means each kind of application. Named, not imported: the areas open applications themselves."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from app.workflows.submissions import Handlers

HANDLERS = {
    "unit_filing": "filing", "elevator_filing": "filing", "contract_change": "contract_changes",
    "grade_certificate": "grades", "commitment": "commitments", "declaration": "declarations",
    "use_registration": "lifecycle", "suspension": "lifecycle", "reactivation": "lifecycle", "scrapping": "lifecycle",
    "unit_change": "unit_changes", "registration_change": "registration_changes",
    "maintenance_pause": "maintenance_stops", "maintenance_resume": "maintenance_stops",
    "worker_change": "worker_changes", "on_demand": "on_demand", "person_filing": "person_filing",
    "inspection_report": "inspection_reports", "appeal": "appeals", "correction": "corrections",
}  # fmt: skip


def handlers(kind: str) -> Handlers:
    """What a kind of application checks and does."""
    return cast(Handlers, import_module(f"app.workflows.{HANDLERS[kind]}").APPLICATION)
