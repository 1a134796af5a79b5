"""Who serves the elevator that a row is about: 维保人员 and 维保小组 of its ledger, in lists of what is due."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.listing import Column, Filter
from app.models import MaintenanceLedger, MaintenanceTeam, Person

WORKER, TEAM = _l("维保人员"), _l("维保小组")


def worker_columns(model: Any) -> tuple[Column, ...]:
    """Names by the ledger, of a model with `elevator_id`; read with the page's other asked values."""

    def of(name: str, label: Any, told: Any, key: Any) -> Column:
        found = select(told.name).join(MaintenanceLedger, key == told.id)
        found = found.where(MaintenanceLedger.elevator_id == model.elevator_id)
        return Column(
            name, label, lambda row: row.asked[name], sql=found.correlate(model).scalar_subquery(), asked=True
        )

    return (
        of("worker", WORKER, Person, MaintenanceLedger.worker_id),
        of("team", TEAM, MaintenanceTeam, MaintenanceLedger.team_id),
    )


def worker_filters(model: Any) -> tuple[Filter, ...]:
    """Whose work it is, as 设备履历 is narrowed: who is left to choose from is asked of the same look-ups."""

    def of(name: str, label: Any, key: Any, lookup: str) -> Filter:
        def served(chosen: Any) -> Any:
            return model.elevator_id.in_(select(MaintenanceLedger.elevator_id).where(key == chosen).correlate(None))

        return Filter(name, label, "lookup", lookup=lookup, criterion=served)

    return (
        of("worker", WORKER, MaintenanceLedger.worker_id, "persons_ever"),
        of("team", TEAM, MaintenanceLedger.team_id, "teams"),
    )
