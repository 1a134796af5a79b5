"""A firm that invites, and an invitee who fills in his form."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from app.models import Invitation
from app.transaction import transaction
from app.workflows.people import invitations, joining
from app.workflows.people.joining import Upload
from tests.factories import picture
from tests.workflows.test_one_unit import resident_id

AT = dt.datetime(2026, 3, 20, 1, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
COLOURS = {"identity": "#204060", "face": "#604020", "operator": "#206040"}
PHONE = "13911112222"


def invite(session: Any, me: Any, **more: Any) -> invitations.Invited:
    given = {"name": "何一帆", "phone": PHONE, "kind": "worker", "at": AT} | more
    with transaction(session):
        return invitations.invite(session, me, **given)


FORM = {
    "name": "何一凡", "resident_id": resident_id(), "sex": "male", "certificate_no": "t98 0001",
    "certificate_issued_on": "2025-01-01", "certificate_until": "2029-01-01", "password": "Ti.an-2026-new",
    "again": "Ti.an-2026-new",
}  # fmt: skip


def pictures(*kinds: str) -> list[Upload]:
    return [Upload(kind, f"{kind}.png", io.BytesIO(picture(colour=COLOURS[kind]))) for kind in kinds]


def fill_in(session: Any, row: Invitation, at: dt.datetime = AT, **changes: str) -> Invitation:
    with transaction(session):
        return joining.submit(session, row.id, FORM | changes, pictures("identity", "face"), at, "203.0.113.9")


def handed_in(session: Any, me: Any, **more: Any) -> Invitation:
    row = invite(session, me, **more).invitation
    with transaction(session):
        joining.accept(session, row.id, AT, None)
    return fill_in(session, row)
