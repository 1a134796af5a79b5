"""维保单 on paper (MNT-07, MNT-08): the record as a sheet to be printed and signed, one or many by one template."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app import clock
from app.listings import visits as listed
from app.models import Account, Visit, VisitCompanion, VisitLink
from app.models.choices import CATEGORY, CONFIRMED_BY, VISIT_MODE, VISIT_RATING, VISIT_STATE, word
from app.permissions import Actor
from app.reports import pdf
from app.rules.item_lists import Item
from app.rules.levels import LEVEL_LABELS, Level
from app.wording import say

RESULT = {"ok": say("正常"), "repair": say("修理"), "na": say("不适用")}
TEMPLATE = "ta/visits/sheet.html"
# So many records are one document; WeasyPrint holds all pages of one until it is written.
IN_ONE, MOST = 50, 500


def sheet(session: Any, row: Visit, items: Sequence[Item]) -> dict[str, Any]:
    """All that stands on the sheet of one record; the caller has the record through scope, and its `items`."""
    kept = row.snapshot or {}
    answers = {r["code"]: r for r in row.results or []}
    companions = select(VisitCompanion.name).where(VisitCompanion.visit_id == row.id).order_by(VisitCompanion.id)
    link = None
    if row.confirmed_by == "link":
        used = select(VisitLink).where(VisitLink.visit_id == row.id, VisitLink.used_at.is_not(None))
        link = session.scalar(used.order_by(VisitLink.id.desc()).limit(1).execution_options(skip_scope=True))
    way = listed.way_of(row)
    return {
        "row": row, "kept": kept, "code": listed.code_of(row), "place": listed.place_of(row),
        "unit": listed.unit_of(row), "use_unit": listed.use_unit_of(row), "worker": listed.worker_of(row),
        "companions": list(session.scalars(companions.execution_options(skip_scope=True))),
        "category": word(CATEGORY, kept["category"]) if kept.get("category") else "",
        "level": LEVEL_LABELS[Level(row.level)], "mode": word(VISIT_MODE, row.mode) if row.mode else "",
        "state": word(VISIT_STATE, row.state), "minutes": listed.minutes_of(row),
        "items": [(item, answers[item.code]) for item in items if item.code in answers],
        "way": word(CONFIRMED_BY, way) if way else "", "rating": word(VISIT_RATING, row.rating) if row.rating else "",
        "reviewer": f"{link.signer or ''} {link.sent_to}" if link else _name_of(session, row.reviewed_by_id),
    }  # fmt: skip


def html(
    templates: Any, sheets: Sequence[dict[str, Any]], actor: Actor, lang: str, at: dt.datetime, **more: Any
) -> str:  # fmt: skip
    """Complete in itself; `templates` is the application's environment. Each sheet begins on a page of its own."""
    page: str = templates.get_template(TEMPLATE).render(
        sheets=sheets, by=actor.name, now=_time(at), time=_time, results=RESULT, lang=lang, **more
    )
    return page


def as_pdf(
    templates: Any, sheets: Sequence[dict[str, Any]], actor: Actor, lang: str, at: dt.datetime
) -> bytes:  # fmt: skip
    """Raises `PdfUnavailable` where this machine can make none."""
    return pdf.render(html(templates, sheets, actor, lang, at)).content


def _time(at: dt.datetime | None) -> str:
    return clock.local(at).strftime("%Y-%m-%d %H:%M") if at is not None else ""


def _name_of(session: Any, key: int | None) -> str:
    row = session.get(Account, key, execution_options={"skip_scope": True}) if key is not None else None
    return "" if row is None else " ".join(filter(None, (row.first_name, row.last_name))).strip() or row.username
