"""Scans of a unit's licences as part of its filing (UNT-02, UNT-05): what is added or replaced waits for the officer.

A file says itself what it waits for (`Attachment.waits`): "new" comes into force with the approval, "gone" stays in
force until then and is kept with the application that replaced it. What an officer saw stands in `Application.data`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sqlalchemy import select

from app.errors import Finding
from app.models import Application, Attachment, Region, Unit
from app.models.policy import policy_value
from app.permissions import Actor
from app.policy.keys import Key
from app.transaction import AnySession
from app.wording import say
from app.workflows.core import audit
from app.workflows.files import attachments

# The kinds that are filed, and what the form of a unit calls them; other papers are the unit's own affair.
FILED = {"licence": "营业执照", "qualification": "特种设备安装改造修理许可证"}
NEW, GONE = "new", "gone"
Level = Literal["fail", "warn"]
# Who needs the permit: whoever maintains or installs.
_WITH_PERMIT = ("is_maintenance", "is_installation")


def field(kind: str) -> str:
    """What the form calls the scans of a kind."""
    return f"paper_{kind}"


def held(session: AnySession, unit: Unit) -> list[Attachment]:
    """All scans that are filed: in force, waiting to be, and those that are to be replaced."""
    return [row for row in attachments.of(session, Unit.__tablename__, unit.id) if row.kind in FILED]


def asked(rows: Iterable[Attachment]) -> list[Attachment]:
    """What the unit has once its filing is approved."""
    return [row for row in rows if row.waits != GONE]


def in_force(unit: Unit, rows: Iterable[Attachment]) -> list[Attachment]:
    """What was approved; nothing before the first approval."""
    return [row for row in rows if row.waits != NEW] if unit.approved_version else []


def seen(session: AnySession, unit: Unit) -> dict[str, list[int]]:
    """What an application for the filing as it stands shows, by number: kept with it."""
    rows = held(session, unit)
    return {"old": [row.id for row in in_force(unit, rows)], "new": [row.id for row in asked(rows)]}


def asked_for(session: AnySession, region_code: str | None, on: dt.date) -> dict[str, tuple[Level, tuple[str, ...]]]:
    """By kind how the region's policy wants it ("warn", "fail") and of which units: with one of these boxes, or all.

    What is not asked for is left out.
    """
    licence = policy_value(session, Key.UNIT_LICENCE_SCAN, region_code, on)
    permit = policy_value(session, Key.UNIT_PERMIT_SCAN, region_code, on)
    found: dict[str, tuple[Level, tuple[str, ...]]] = {}
    if licence != "none":
        found["licence"] = ("warn" if licence == "warn" else "fail", () if licence == "all" else ("is_maintenance",))
    if permit != "none":
        found["qualification"] = ("warn" if permit == "warn" else "fail", _WITH_PERMIT)
    return found


def findings(session: AnySession, unit: Unit, data: Mapping[str, Any], on: dt.date) -> list[Finding]:
    """Which scans the region's policy wants before a filing is handed in, and whether they are there."""
    place = session.get(Region, data["region_id"]) if data.get("region_id") else None
    wanted = {
        kind: level
        for kind, (level, boxes) in asked_for(session, place.code if place else unit.region_code, on).items()
        if not boxes or any(data.get(box) for box in boxes)
    }
    if not wanted:
        return []
    there = {row.kind for row in asked(held(session, unit))}
    return [
        Finding(
            say("%(paper)s扫描件", paper=FILED[kind]), kind in there,
            say("已上传%(paper)s扫描件", paper=FILED[kind]) if kind in there
            else say("没有上传%(paper)s扫描件", paper=FILED[kind]),
            "" if kind in there else say("请点“修改”，在“证照扫描件”一栏上传%(paper)s", paper=FILED[kind]),
            field=field(kind), level=level,
        )
        for kind, level in wanted.items()
    ]  # fmt: skip


# --- what becomes of them


def approved(session: AnySession, unit: Unit, application: Application) -> None:
    """What was asked for is in force; what it replaced stays with the application, for whoever reads that."""
    for row in held(session, unit):
        if row.waits == GONE:
            row.entity, row.entity_id = Application.__tablename__, application.id
        row.waits = None
    session.flush()


def discarded(session: AnySession, actor: Actor, unit: Unit, at: dt.datetime) -> None:
    """What is in force is all there is again."""
    for row in held(session, unit):
        if row.waits == NEW:
            take_off(session, actor, row, at)
        row.waits = None
    session.flush()


def forget(session: AnySession, unit: Unit) -> None:
    """All papers of a draft that is deleted: nobody ever decided on them."""
    mine = (Attachment.entity == Unit.__tablename__) & (Attachment.entity_id == unit.id)
    for row in session.scalars(select(Attachment).where(mine).execution_options(skip_scope=True)).all():
        attachments.forget(session, row)


def take_off(session: AnySession, actor: Actor, row: Attachment, at: dt.datetime) -> None:
    """Take a paper away that was never in force; the log says who took it."""
    row.removed_at = at
    audit.record(
        session, actor, at, "attachment.remove", row.entity, row.entity_id,
        before={"attachment": row.id, "kind": row.kind, "name": row.name, "sha256": row.sha256},
    )  # fmt: skip
