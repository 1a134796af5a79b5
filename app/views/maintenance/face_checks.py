"""人脸比对 on a visit's own page (PER-10): how it stands, and the officer's word on both photos."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect
from flask_babel import gettext as _

from app import clock
from app.errors import Finding
from app.extensions import db
from app.models import Visit
from app.models.choices import word
from app.models.face import FACE_STATE, FACE_VERDICT
from app.permissions import Actor, Verb
from app.rules.face_checks import FAILED
from app.views.frame.account_forms import run, text
from app.views.frame.filing_words import day_time
from app.workflows.approval import submissions
from app.workflows.on_site import presence
from app.workflows.visits import face_checks

TONES = {
    "matched": "ok", "unmatched": "over", "no_face": "near", "waiting": "info", "skipped": "gone", "unanswered": "gone",
}  # fmt: skip


def card_of(row: Visit, actor: Actor) -> dict[str, Any] | None:
    """What the page shows; None where nothing was to be compared, or it is not for the reader."""
    if not presence.compares(db.session, row.region_code, row.visit_on) or not face_checks.shown_to(actor, row):
        return None
    found = face_checks.of_visit(db.session, row.id)
    if found is None:
        return None
    waits = found.state in FAILED and found.verdict is None
    may = waits and actor.may(Verb.VISIT_LABEL) and not any(
        f.stops for f in face_checks.looker_findings(db.session, actor, row)
    )
    who = submissions.name_of(db.session, found.looked_by_id) if found.looked_by_id else ""
    facts = [
        (_("比对时间"), day_time(found.answered_at) if found.answered_at else ""),
        (_("没有通过的次数"), found.failures or ""),
        (_("核对结论"), word(FACE_VERDICT, found.verdict) if found.verdict else ""),
        (_("核对说明"), found.verdict_note), (_("核对人"), who),
        (_("核对时间"), day_time(found.looked_at) if found.looked_at else ""),
    ]
    return {
        "state": word(FACE_STATE, found.state), "tone": TONES[found.state], "waits": waits, "may": may,
        "facts": [(label, value) for label, value in facts if value], "verdicts": FACE_VERDICT,
    }  # fmt: skip


def decide(pk: int) -> tuple[Any, list[Finding], int]:
    """Take what the form says: where to go on to, or what stands in the way."""
    verdict, note = text("verdict", 20), text("verdict_note", 2000)
    done, findings, status = run(
        lambda session: face_checks.decide(session, g.actor, pk, verdict, note, clock.now())
    )
    if done is None:
        return None, findings, status
    flash(_("核对已记录"), "success")
    return redirect(f"/visits/{pk}#face"), [], 302
