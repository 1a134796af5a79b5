"""What sign-in and forms leave behind and nobody needs any more; and what should be there is."""

from __future__ import annotations

from celery import shared_task

from app import clock, scratch
from app.extensions import db
from app.imports import first_passwords
from app.transaction import transaction
from app.workflows.access import asking, captchas, codes, devices, sessions, signin
from app.workflows.approval import delegations, limit_rounds
from app.workflows.contracts import cover
from app.workflows.core import api_calls
from app.workflows.files import places, sent_ahead


@shared_task
def sweep() -> dict[str, int]:
    """Drop old tries, unanswered questions, used-up codes, files of forms never submitted; the number of each.

    And give every elevator in use its clock, whatever way it came in: the night's schedule reads clocks alone.
    """
    at = clock.now()
    with transaction(db.session) as session:
        marks = delegations.forget_begun(session, clock.local_day(at))
    while gone := _forget_marks():
        marks += gone
    with transaction(db.session) as session:
        return {
            "tries": signin.forget_old_tries(session, at), "questions": captchas.forget_old(session, at),
            "codes": codes.forget_old(session, at), "sessions": sessions.forget_old(session, at),
            "devices": devices.forget_old(session, at), "asks": asking.forget_old(session, at),
            "calls": api_calls.forget_old(session, at), "files": sent_ahead.forget(session, at),
            "passwords": first_passwords.forget_old(session, at),
            "drafts": places.forget_drafts(at), "strays": places.forget_strays(session, at),
            "scratch": scratch.sweep(at), "clocks": cover.mend_clocks(session, clock.local_day(at)),
            "marks": marks,
        }  # fmt: skip


def _forget_marks() -> int:
    with transaction(db.session) as session:
        return limit_rounds.forget_closed(session)
