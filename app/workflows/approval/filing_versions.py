"""The versions of a filed row: which were in force when, what an edit starts from."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import func, or_, select

from app.errors import Finding, NotAllowed, refuse
from app.models import Application, Elevator, Person, Region, Unit, Version
from app.permissions import Actor
from app.rules.approval import ApplicationVerb, FilingState
from app.rules.lifecycle import common_region
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval.filing_fields import Data, Filed, FiledModel, put, snapshot
from app.workflows.core import moves

MODEL: dict[str, FiledModel] = {"unit": Unit, "elevator": Elevator}


def content(session: AnySession, row: Filed) -> Data:
    """What an edit starts from: the draft, or what was turned down last, or what is in force."""
    last = latest(session, row)
    if last is None or last.state == "approved" or row.filing_state == FilingState.APPROVED:
        return snapshot(row)
    return snapshot(row) | last.data


def draft_of(session: AnySession, row: Filed | Person) -> Version | None:
    """The version that is still edited."""
    last = latest(session, row)
    return last if last is not None and last.state == "draft" else None


def latest(session: AnySession, row: Filed | Person) -> Version | None:
    """The version with the highest number, whatever became of it."""
    found: Version | None = session.scalar(_versions(row).order_by(Version.number.desc()).limit(1))
    return found


def versions_of(session: AnySession, row: Filed | Person) -> list[Version]:
    """All versions, newest first."""
    return list(session.scalars(_versions(row).order_by(Version.number.desc())))


def base_of(session: AnySession, version: Version) -> Data:
    """What was in force when a version was submitted; nothing for a first one."""
    if not version.base_number:
        return {}
    same = (Version.entity == version.entity, Version.entity_id == version.entity_id)
    base = session.scalar(select(Version).where(*same, Version.number == version.base_number))
    if base is not None:
        return dict(base.data)
    # Of people there is no content in force without its version.
    model = MODEL.get(version.entity)
    row: Any = session.get(model, version.entity_id) if model is not None else None
    return snapshot(row) if row is not None and row.approved_version == version.base_number else {}


def with_bases(session: AnySession, held: Sequence[Version]) -> list[tuple[Version, Data]]:
    """Versions of one row, each with what was in force when it was submitted; asked for only what is not among them."""
    at_hand = {one.number: dict(one.data) for one in held}
    return [(one, at_hand.get(one.base_number or 0) or base_of(session, one)) for one in held]


def version_of(session: AnySession, application: Application) -> Version | None:
    """The content that an application asks for, where it has one."""
    return session.get(Version, application.version_id) if application.version_id else None


def as_of(
    session: AnySession, row: Filed, on: dt.date, known_at: dt.datetime | None = None
) -> Version | None:
    """The version in force on a day, as known at an instant (default: as known now)."""
    statement = _versions(row).where(Version.state == "approved", Version.in_force_from <= on)
    if known_at is not None:
        statement = statement.where(Version.decided_at <= known_at)
    found: Version | None = session.scalar(statement.order_by(Version.number.desc()).limit(1))
    return found


def held_on(session: AnySession, row: Elevator, on: dt.date, at: dt.datetime) -> Version | None:
    """The version in force on a day by what had been approved at an instant, though the night's job came late for it.

    `as_of` has a change known when it was made; one that waited for its day was known since its approval.
    """
    waited = select(Application.id).where(
        Application.elevator_id == row.id, Application.decided_at <= at,
        Application.took_effect_at == Version.decided_at,
    ).correlate(Version).exists()  # fmt: skip
    statement = _versions(row).where(Version.state == "approved", Version.in_force_from <= on)
    statement = statement.where(or_(Version.decided_at <= at, waited)).order_by(Version.number.desc()).limit(1)
    found: Version | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


class Source(Protocol):
    """Where a change comes from: an application, or a record that has its own force (`inspection_days.Cause`)."""

    @property
    def heading(self) -> str: ...
    @property
    def submitted_by_id(self) -> int | None: ...
    @property
    def submitted_at(self) -> dt.datetime | None: ...
    @property
    def decided_by_id(self) -> int | None: ...
    @property
    def opinion(self) -> str | None: ...


def amend(
    session: AnySession, row: Filed, changes: Mapping[str, Any], source: Source, on: dt.date, at: dt.datetime
) -> Version:
    """Put an approved change of some fields into force as a version of its own; the row is held by the caller.

    A draft that is still edited learns the changes too: submitted later, it must not undo them.
    """
    draft = draft_of(session, row)
    number = next_number(session, row)
    if draft is not None:
        number, draft.number = draft.number, number
        draft.data = draft.data | dict(changes)
        session.flush()
    version = Version(
        entity=row.__tablename__, entity_id=row.id, number=number, state="approved", base_number=row.approved_version,
        data=snapshot(row) | dict(changes), edited_by_id=source.submitted_by_id, edited_at=at,
        submitted_at=source.submitted_at, submitted_by_id=source.submitted_by_id, decided_at=at,
        decided_by_id=source.decided_by_id, opinion=source.opinion, in_force_from=on,
        reason=source.heading,
    )  # fmt: skip
    version.digest = digest(version.data)
    session.add(version)
    put(row, changes)
    row.approved_version, row.approved_on = number, on
    session.flush()
    return version


def digest(data: Mapping[str, Any]) -> str:
    """The fingerprint of a content: the same fields and values, the same digest."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def next_number(session: AnySession, row: Filed | Person) -> int:
    """The number of the next version; a row that came into force without one counts as well."""
    return max(session.scalar(select(func.max(Version.number)).where(*_of(row))) or 0, row.approved_version) + 1


def _of(row: Filed | Person) -> tuple[Any, Any]:
    return Version.entity == row.__tablename__, Version.entity_id == row.id


def _versions(row: Filed | Person) -> Any:
    return select(Version).where(*_of(row))


def new_version(session: AnySession, actor: Actor, row: Filed | Person, data: Data, at: dt.datetime) -> Version:
    """A draft on what is in force, flushed: of a unit, an elevator or a person."""
    version = Version(
        entity=row.__tablename__, entity_id=row.id, number=next_number(session, row), state="draft",
        base_number=row.approved_version, data=dict(data), edited_by_id=actor.user_id, edited_at=at,
    )  # fmt: skip
    session.add(version)
    session.flush()
    return version


def decided(
    session: AnySession, actor: Actor, version: Version, verb: ApplicationVerb, state: str, application: Application,
    at: dt.datetime,
) -> None:  # fmt: skip
    """Keep who decided about a version, when and with which words, and move it."""
    version.decided_at, version.decided_by_id = at, actor.user_id
    version.opinion = application.opinion
    moves.move(session, actor, version, "state", state, verb=verb.value, at=at)


def subject(session: AnySession, application: Application, model: Any, hold: bool = True) -> tuple[Any, Version]:
    """The filed row, held where it is to change, and the version that is asked for; Refusal outside scope."""
    row = lock(session, model, application.entity_id) if hold else session.get(model, application.entity_id)
    version = session.get(Version, application.version_id)
    if row is None:
        _elsewhere(session, application, model)
    if row is None or version is None:
        raise refuse(
            "备案",
            say("没有找到申请 %(number)s 的备案内容，或不在您的管辖范围内", number=application.number),
            "请从列表重新打开",
        )
    return row, version


def _elsewhere(session: AnySession, application: Application, model: Any) -> None:
    """Tell an officer of where a row goes, who does not see where it still is, that both ends have to decide."""
    asked = select(model.region_code).where(model.id == application.entity_id).execution_options(skip_scope=True)
    held = session.scalar(asked)
    if held is None or held == application.region_code:
        return
    over = common_region(held, application.region_code)
    places = select(Region.code, Region.name).where(Region.code.in_((held, application.region_code, over)))
    names = dict(session.execute(places.execution_options(skip_scope=True)).all())
    found = say(
        "申请 %(number)s 要从%(here)s迁到%(there)s，须由同时管辖两地的监管部门办理", number=application.number,
        here=names.get(held, held), there=names.get(application.region_code, application.region_code),
    )  # fmt: skip
    who = say("请转告%(over)s的监管人员办理", over=names[over]) if over in names else "请转告平台管理员办理"
    raise NotAllowed(Finding("管辖范围", False, found, who))
