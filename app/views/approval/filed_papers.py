"""Scans of a unit's licences (UNT-02): what its form asks for, and old beside new where it is decided. Of a person's
filing the officer sees the scans that the person had when it was handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import g, request
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.models import Application, Attachment, Person, Unit
from app.models.attachment import ATTACHMENT_KIND
from app.permissions import Verb
from app.views.frame import uploads
from app.views.frame.account_forms import number
from app.views.frame.told import told
from app.workflows.files import decided_upon, record_files
from app.workflows.filing import filing_papers, unit_papers
from app.workflows.filing.unit_papers import FILED, GONE
from app.workflows.people import person_filing

MOST_KEPT = 100
# Says that a form asked for scans: without it none was taken off.
ASKED, KEPT = "_papers", "paper_keep"


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of one kind as the form asks for them; `kept` are those that stay."""

    name: str
    label: str
    kind: str
    help: str = ""
    files: list[Attachment] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Beside:
    """The scans of one kind in an application: what is in force, and what is asked for."""

    field: str
    label: str
    old: list[Attachment]
    new: list[Attachment]
    # How many of them were erased since, as their time was over.
    erased: int = 0

    @property
    def changed(self) -> bool:
        return [row.id for row in self.old] != [row.id for row in self.new]


def asked(row: Unit | None, sent: bool) -> list[Scans]:
    """What the form asks for. `sent`: the boxes as they were sent, else as the draft has them."""
    held = unit_papers.held(db.session, row) if row is not None else []
    place = row.region_code if row is not None else g.actor.region_code
    wanted = unit_papers.asked_for(db.session, place, clock.today())
    kept = _kept() if sent and ASKED in request.form else {one.id for one in held if one.waits != GONE}
    return [
        Scans(
            unit_papers.field(kind), told(label), kind, _help(wanted.get(kind)),
            [one for one in held if one.kind == kind], kept,
        )
        for kind, label in FILED.items()
    ]  # fmt: skip


def keep(session: Any, row: Unit) -> None:
    """Keep what the form sent and take off what it unticked; nothing where nothing changed."""
    if ASKED not in request.form:
        return
    now, kept = clock.now(), _kept()
    fields = {kind: unit_papers.field(kind) for kind in FILED}
    if not filing_papers.changes(session, row, kept) and not any(uploads.chosen(name) for name in fields.values()):
        return
    unit = filing_papers.begin(session, g.actor, row.id, now)
    filing_papers.keep_only(session, g.actor, unit, kept, now)
    for kind, name in fields.items():
        made = uploads.kept(session, name, kind, Unit.__tablename__, unit.id, unit.id, unit.region_code, now)
        filing_papers.added(session, unit, made)


def waits(row: Unit) -> bool:
    """Whether scans are added or to be replaced that no officer has seen."""
    return any(one.waits is not None for one in unit_papers.held(db.session, row))


def beside(application: Application) -> list[Beside]:
    """What the officer decides with: by kind the scans in force and those asked for."""
    if application.kind == person_filing.KIND:
        return _of_person(application)
    numbers = application.data.get("papers") or {}
    rows = _rows([*numbers.get("old", []), *numbers.get("new", [])])
    found = []
    for kind, label in FILED.items():
        old, new = (
            [rows[key] for key in numbers.get(side, []) if key in rows and rows[key].kind == kind]
            for side in ("old", "new")
        )
        if old or new:
            found.append(Beside(unit_papers.field(kind), told(label), old, new))
    return found


def _of_person(application: Application) -> list[Beside]:
    """The scans that it was handed in with, whether there are any or none; for those who see him.

    Whoever stands in from another office sees them while there is something to decide.
    """
    seen = scope.apply(select(Person.id).where(Person.id == application.entity_id), g.actor, Person)
    elsewhere = g.actor.stands_for is not None and not application.is_open
    if elsewhere or not g.actor.may(Verb.PERSON_READ) or db.session.scalar(seen) is None:
        return []
    numbers = application.data.get("papers")
    if numbers is None:
        numbers = decided_upon.of_person_then(db.session, application)
    rows = _rows([key for keys in numbers.values() for key in keys])
    found = []
    for kind in record_files.DECIDED_WITH:
        keys = numbers.get(kind, [])
        files = [rows[key] for key in keys if key in rows]
        found.append(
            Beside(unit_papers.field(kind), str(ATTACHMENT_KIND[kind]), files, files, len(keys) - len(files))
        )
    return found


def in_application(application: Application) -> list[Attachment]:
    """The scans that are asked for, in one list."""
    return [] if application.kind == person_filing.KIND else [one for kind in beside(application) for one in kind.new]


def _help(wanted: tuple[str, tuple[str, ...]] | None) -> str:
    if wanted is None:
        return ""
    level, boxes = wanted
    if level == "warn":
        return _("建议上传")
    if len(boxes) > 1:
        return _("维保、安装单位上报前须上传")
    return _("维保单位上报前须上传") if boxes else _("上报前须上传")


def _kept() -> set[int]:
    given = (number(value) for value in request.form.getlist(KEPT)[:MOST_KEPT])
    return {key for key in given if key is not None}


def _rows(keys: list[int]) -> dict[int, Attachment]:
    """By number. Outside scope: the application names them, and is seen."""
    if not keys:
        return {}
    statement = select(Attachment).where(Attachment.id.in_(keys)).execution_options(skip_scope=True)
    return {row.id: row for row in db.session.scalars(statement)}
