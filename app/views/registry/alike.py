"""照这台新增: the form of an elevator begun with what it has in common with one that stands, an estate's next say."""

from __future__ import annotations

from typing import Any

from flask import g, request
from sqlalchemy.orm import undefer_group

from app import scope
from app.errors import Refusal
from app.extensions import db
from app.models import Elevator
from app.models.elevator import ARCHIVE
from app.permissions import Actor, Verb
from app.views.frame.account_forms import number
from app.workflows.approval.filing_fields import snapshot
from app.workflows.filing import filing, filing_rights

# What every device has for itself: read off it, or off its own papers. The rest is the estate's or the series'.
OF_ITS_OWN = frozenset((
    "code", "rescue_code", "equipment_code", "registration_code", "certificate_no", "factory_no", "internal_no",
    "site_no", "register_no", "job_no", "service_no", "latitude", "longitude", "plate_state", "made_on",
    "commissioned_on", "supervised_on", "inspected_on", "next_inspection_on", "governor_on",
    "policy_no", "insured_until", "declared_status", "note",
))  # fmt: skip


def offered(actor: Actor, row: Elevator) -> str:
    """The address of the form, for whoever could file this one; else ""."""
    if not actor.may(Verb.ELEVATOR_EDIT) or not _files(actor, row):
        return ""
    return f"/elevators/new?like={row.id}"


def model() -> Elevator | None:
    """The elevator that the form's address names, if its reader sees it and could file it."""
    key = number(request.args.get("like", "")[:16])
    if key is None:
        return None
    try:
        row: Elevator = scope.visible(db.session, g.actor, Elevator, key, "电梯", (undefer_group(ARCHIVE),))
    except Refusal:
        return None
    return row if offered(g.actor, row) else None


def values_of(row: Elevator) -> dict[str, Any]:
    """What the next one has as well; a draft's own content while it is one."""
    held = filing.content(db.session, row) if row.approved_version == 0 else snapshot(row)
    return {name: value for name, value in held.items() if name not in OF_ITS_OWN}


def _files(actor: Actor, row: Elevator) -> bool:
    try:
        filing_rights.may_file(db.session, actor, Elevator, row, snapshot(row))
    except Refusal:
        return False
    return True
