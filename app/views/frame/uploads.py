"""Files of a form, by either way: sent with it (no script), or sent ahead by the page and named by number.

A template writes `up.files('files', _('材料'), 'document')`; the view stores with `kept('files', 'document', …)`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from flask import Flask, g, request
from flask_babel import gettext as _
from sqlalchemy import select

from app import scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.models import Attachment
from app.models.attachment import ATTACHMENT_KIND, PAPER_WAITS
from app.permissions import NOBODY
from app.rules.files import LIMITS, Limit
from app.rules.visit_photos import SELFIE, Place
from app.views.frame import files
from app.views.frame.account_forms import number
from app.workflows.files import attachments, sent_ahead

MOST_IDS = 60


def numbers(name: str) -> list[int]:
    """The files that the page sent ahead for a field."""
    given = (number(value) for value in request.form.getlist(f"{name}_ids")[:MOST_IDS])
    return list(dict.fromkeys(key for key in given if key is not None))


def chosen(name: str) -> int:
    """How many files the form has for a field."""
    return len([f for f in request.files.getlist(name) if f and f.filename]) + len(numbers(name))


def kept(
    session: Any, name: str, kind: str, entity: str, entity_id: int | None, unit_id: int | None,
    region_code: str | None, at: dt.datetime,
) -> list[int]:  # fmt: skip
    """Keep the field's files for a row (or for one that is about to be made); all that is wrong is told at once."""
    place = (entity, entity_id, unit_id, region_code)
    ahead = sent_ahead.settle(session, g.actor, numbers(name), kind, *place)
    sent = [f for f in request.files.getlist(name) if f and f.filename]
    made: list[Attachment] = []
    findings: list[Finding] = []
    for file in sent[: LIMITS[kind].files + 1]:
        try:
            made.append(attachments.store(session, g.actor, at, file.stream, file.filename or "", kind, *place))
        except Refusal as refusal:
            findings += [f for f in refusal.findings if f not in findings]
    if findings:
        raise Refusal(findings)
    sent_ahead.check_together([(row.name, row.size) for row in [*ahead, *made]], kind)
    return [row.id for row in [*ahead, *made]]


def waiting(name: str) -> list[dict[str, Any]]:
    """What a refused form keeps: the files that were sent ahead for a field, as the list shows them."""
    if request.method != "POST" or not (keys := numbers(name)):
        return []
    statement = select(Attachment).where(
        Attachment.id.in_(keys), Attachment.entity == attachments.AHEAD, Attachment.removed_at.is_(None)
    )
    found = {row.id: row for row in db.session.scalars(scope.apply(statement, g.get("actor", NOBODY), Attachment))}
    return [files.described(found[key]) for key in keys if key in found]


def rule(kind: str) -> Limit:
    return LIMITS[kind]


def words(kind: str) -> str:
    """What may be uploaded, in one line."""
    limit = LIMITS[kind]
    return str(
        _(
            "%(types)s；每份不超过 %(mb)s MB，最多 %(n)s 份，合计不超过 %(total)s MB",
            types=limit.words, mb=limit.megabytes, n=limit.files, total=limit.total,
        )
    )  # fmt: skip


def size_words(count: int) -> str:
    """The size of a file as the page's own script says it while one is sent: 1 KB, 300 KB, 2.5 MB."""
    return f"{max(1, round(count / 1024))} KB" if count < 1024 * 1024 else f"{count / 1048576:.1f} MB"


def by_place(rows: Iterable[Attachment]) -> list[Attachment]:
    """A visit's files as pages show them: 底坑, 轿顶, 机房, then the rest as it came; none of the person himself."""
    places = list(Place)
    shown = [row for row in rows if row.kind != SELFIE]
    return sorted(shown, key=lambda row: places.index(Place(row.kind)) if row.kind in places else len(places))


def install(app: Flask) -> None:
    """What the template of the field asks for, and the pages of what it took."""
    app.jinja_env.filters.update(
        file_size=size_words, by_place=by_place, file_kind=lambda kind: ATTACHMENT_KIND.get(kind, kind),
        paper_waits=lambda waits: PAPER_WAITS.get(waits, waits),
    )
    app.jinja_env.globals.update(upload_rule=rule, upload_words=words, upload_waiting=waiting)
