"""The contents of a person's filings (PER-05): versions, in which ID numbers and phones stand sealed.

The column seals and opens them (`models/sealed.py`); the digest is of the plain content.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Date

from app.models import Person, Version
from app.transaction import AnySession
from app.workflows.approval.filing_versions import digest, latest

ENTITY = Person.__tablename__
FIELDS = (
    "name", "sex", "kind", "work_kind", "resident_id", "phone", "certificate_no", "certificate_issued_on",
    "certificate_until", "hired_on",
)  # fmt: skip
SENSITIVE = tuple(n for n in FIELDS if Person.__table__.c[n].info.get("sensitive"))
Data = dict[str, Any]


def snapshot(person: Person) -> Data:
    """The filed fields as the row has them, days in ISO form."""
    return {name: _stored(getattr(person, name)) for name in FIELDS}


def put(person: Person, data: Mapping[str, Any]) -> None:
    """Write filed values onto the row."""
    for name in FIELDS:
        if name in data:
            value = data[name]
            if value is not None and isinstance(Person.__table__.c[name].type, Date):
                value = dt.date.fromisoformat(value)
            if getattr(person, name) != value:
                setattr(person, name, value)
                if name in ("name", "resident_id"):
                    # What was checked was another name or number.
                    person.real_name, person.real_name_at = "unchecked", None


def close(version: Version, data: Mapping[str, Any]) -> None:
    """Keep a content in a version."""
    version.data, version.digest = dict(data), digest(data)


def content(session: AnySession, person: Person) -> Data:
    """What an edit starts from: what is asked for and not in force yet, else the row."""
    last = latest(session, person)
    if person.filing_state == "approved" or last is None or last.state == "approved" or not person.approved_version:
        return snapshot(person)
    return snapshot(person) | last.data


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
