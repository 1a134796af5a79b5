"""What the tests of filing, applications and lifecycle share: contents that pass, and one-line verbs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from app import scope
from app.models import Application, Attachment, Elevator, Unit
from app.transaction import transaction
from app.workflows.desk import applications
from app.workflows.filing import filing
from tests import factories

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)  # 10:00 in Shanghai
TODAY = dt.date(2026, 11, 20)


def unit_data(session: Any, **fields: Any) -> dict[str, Any]:
    """A use unit's filing that passes every check."""
    return {
        "uscc": factories.uscc(),
        "name": "澜州明水商业管理有限公司",
        "region_id": factories.region(session).id,
        "is_use": True,
        "address": "临河区明水路 8 号",
        "head_name": "陆闻笙",
        "head_phone": "13900000008",
        "safety_officer": "苏见山",
        "safety_phone": "13800000001",
    } | fields


def elevator_data(world: Any, **fields: Any) -> dict[str, Any]:
    """An elevator's filing that passes every check."""
    return {
        "code": "300001",
        "category": "3110",
        "address": "明水路 8 号 1 幢",
        "region_id": factories.region(world.session).id,
        "maintenance_unit_id": world.firm.id,
        "use_unit_id": world.use_unit.id,
        "latitude": 30.5,
        "longitude": 120.5,
        "emergency_phone": "96333",
        "next_inspection_on": "2027-05-01",
    } | fields


def save(
    session: Any, actor: Any, model: Any, row: Any, data: dict[str, Any], at: dt.datetime = AT, **more: Any
) -> Any:
    with scope.acting(actor), transaction(session):
        return filing.save_draft(session, actor, model, row, data, at, **more)


def submit(session: Any, actor: Any, row: Any, at: dt.datetime = AT) -> Application:
    with scope.acting(actor), transaction(session):
        return filing.submit(session, actor, row, at)


def decide(
    session: Any, actor: Any, application: Application, verb: str, opinion: str = "", at: dt.datetime = AT, **more: Any
) -> Application:
    seen = more.get("seen_version", application.row_version)
    with scope.acting(actor), transaction(session):
        return applications.decide(session, actor, application.id, verb, opinion, seen, at)


def filed_elevator(world: Any, **fields: Any) -> Elevator:
    """An elevator that went the whole way."""
    row: Elevator = save(world.session, world.actor("maintenance_head"), Elevator, None, elevator_data(world, **fields))
    application = submit(world.session, world.actor("maintenance_head"), row)
    decide(world.session, world.actor("inspector"), application, "approve", "属实")
    return row


def filed_unit(world: Any, **fields: Any) -> Unit:
    row: Unit = save(world.session, world.actor("maintenance_head"), Unit, None, unit_data(world.session, **fields))
    application = submit(world.session, world.actor("maintenance_head"), row)
    decide(world.session, world.actor("inspector"), application, "approve", "属实")
    return row


def attachment(session: Any, actor: Any, **fields: Any) -> Attachment:
    row = Attachment(
        **{
            "entity": "application", "entity_id": None, "kind": "document", "name": "告知书.pdf",
            "mime": "application/pdf", "size": 10, "sha256": "0" * 64, "unit_id": actor.unit_id,
            "region_code": actor.region_code, "uploaded_by_id": actor.user_id, "uploaded_at": AT,
        }
        | fields
    )  # fmt: skip
    session.add(row)
    session.commit()
    return row


def fresh(session: Any) -> Any:
    """The session, reading what others have committed since."""
    session.rollback()
    return session
