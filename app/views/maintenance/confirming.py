"""What a record's page says and offers of the use unit's confirmation: the link, who signed by it, paper (MNT-07)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import current_app, g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import clock
from app.extensions import db
from app.models import Visit
from app.rules.confirmations import LinkState
from app.transaction import AnySession
from app.views.frame import addresses, uploads
from app.views.frame.filing_words import day_time
from app.workflows.visits import papers, visit_links

STATES = {
    LinkState.OPEN: (_l("等待确认"), "near"), LinkState.USED: (_l("已提交"), "ok"),
    LinkState.WITHDRAWN: (_l("已撤回"), "gone"), LinkState.EXPIRED: (_l("已过期"), "over"),
    LinkState.DONE: (_l("已失效"), "gone"),
}  # fmt: skip


def way() -> Callable[[str], str] | None:
    """How the page is addressed in the message that carries it; None where nobody but the caller could name the host:
    the platform's SMS would lead the use unit to wherever the firm likes."""
    return _address_of if current_app.config["PUBLIC_URL"] else None


def _address_of(token: str) -> str:
    return addresses.full("field.confirm", token=token)


def send(session: AnySession, actor: Any, key: int, verb: str) -> str:
    """Send the link to the filed phone, or take back the one that stands open; what was done in words."""
    if verb == "withdraw":
        visit_links.withdraw(session, actor, key, clock.now())
        return _("确认链接已撤回")
    row = visit_links.send(session, actor, key, way(), clock.now())
    return _("确认链接已发送至 %(to)s", to=row.sent_to)


def hand_in(session: AnySession, actor: Any, key: int, rating: str) -> Visit:
    """The two photos of the form, for the record."""
    now = clock.now()
    photos = {
        kind: uploads.kept(session, kind, kind, "visit", None, actor.unit_id, actor.region_code, now)
        for kind in papers.KINDS
    }
    return papers.hand_in(session, actor, key, photos, rating, now)


def of(row: Visit, at: dt.datetime) -> dict[str, Any] | None:
    """The card of a record that its firm may have confirmed; None for everybody else, and where nothing waits."""
    if not visit_links.offered(g.actor, row):
        return None
    link = visit_links.last_of(db.session, row.id)
    shown = None
    if link is not None:
        state = visit_links.state_of(link, row, at)
        shown = {
            "at": day_time(link.sent_at), "to": link.sent_to, "state": STATES[state][0], "tone": STATES[state][1],
            "open": state is LinkState.OPEN, "until": clock.until(link.expires_at),
        }  # fmt: skip
    return {
        "link": shown, "against": visit_links.findings_to_send(db.session, g.actor, row, at, named=way() is not None),
        "paper_at": day_time(row.paper_at) if row.paper_at else "",
    }  # fmt: skip


def signer_of(row: Visit) -> str:
    """Who signed by a link, and at which number; nobody where it was confirmed otherwise."""
    link = visit_links.used_of(db.session, row.id) if row.confirmed_by == "link" else None
    return "" if link is None else f"{link.signer or ''} {link.sent_to}"
