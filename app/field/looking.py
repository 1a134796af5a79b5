"""What one looks up on the phone at any time, work or none: one's elevators, tasks by how they stand (MNT-12), and
the periods that were missed (PLN-10).

All are the desk's lists, with their search, tabs and scope; a page at a time.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import g, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.field.pages import came_from, field, signed_in
from app.listing import COUNT_CAP, Listing, Page, moment
from app.listings import standing
from app.listings.elevators import ELEVATORS
from app.listings.maintenance import OVERDUE, TASKS
from app.models.choices import ELEVATOR_STATUS
from app.permissions import Verb, require

STATUS_TONES = {"in_use": "ok", "suspended": "over", "notified": "info", "scrapped": "gone"}
MISSED_TABS = ("standing", "late", "all")
TASK_TABS = ("over", "near", "never", "cover_over", "cover_near")  # the gravest first


@field.get("/lifts")
@signed_in
def lifts() -> Any:
    """Elevators that the reader sees, by code or place."""
    require(g.actor, Verb.ELEVATOR_READ)
    found, q = _page(ELEVATORS, "all")
    return render_template(
        "ta/field/lifts.html", title=_("电梯档案"), rows=found.rows, q=q, total=found, tab="",
        statuses=ELEVATOR_STATUS, tones=STATUS_TONES, door=_door, **_pages(found),
        back=came_from(url_for("field.home")),
    )  # fmt: skip


@field.get("/tasks")
@signed_in
def tasks() -> Any:
    """维保任务 by how they stand: nobody came yet, near or over the limit, near or over the end of the contract."""
    require(g.actor, Verb.ORDER_READ)
    asked, q = request.args.get("tab", ""), _sought()
    counts = TASKS.counts(moment(db.session, g.actor), TASKS.read({"tab": "all", "q": q}), every=True)
    # Nothing chosen: the gravest that there is, instead of a page that is empty for most people on most days.
    tab = asked if asked in TASK_TABS else next((one for one in TASK_TABS if counts.get(one)), "near")
    found, q = _page(TASKS, tab)
    labels = {one.key: str(one.label) for one in TASKS.tabs}
    today = clock.today()
    return render_template(
        "ta/field/tasks.html", title=_("维保任务"), q=q, tab_now=tab, total=found, tab="",
        rows=[(row, standing.due_of(row, today)) for row in found.rows], door=_door,
        tabs=[(key, labels[key], counts.get(key, 0)) for key in TASK_TABS], most=COUNT_CAP,
        **_pages(found), back=came_from(url_for("field.home")),
    )  # fmt: skip


@field.get("/overdue")
@signed_in
def overdue() -> Any:
    """Every period that was missed: what is still to be made up for, what was done late, all."""
    require(g.actor, Verb.ORDER_READ)
    asked = request.args.get("tab", "")
    tab = asked if asked in MISSED_TABS else "all"
    found, q = _page(OVERDUE, tab)
    labels = {one.key: str(one.label) for one in OVERDUE.tabs}
    return render_template(
        "ta/field/overdue.html", title=_("维保超期"), q=q, tab_now=tab, tab="", rows=found.rows, door=_door,
        tabs=[(key, labels[key]) for key in MISSED_TABS], **_pages(found), back=came_from(url_for("field.home")),
    )  # fmt: skip


def _door(elevator: Any) -> str:
    """Whoever works there goes on to the check-in, everybody else to the file."""
    return f"/m/e/{elevator.code}" if g.actor.may(Verb.VISIT_MAKE) else f"/elevators/{elevator.id}"


def _page(listing: Listing, tab: str) -> tuple[Page, str]:
    q = _sought()
    page = request.args.get("page", "1")[:4]
    query = listing.read({"tab": tab, "q": q, "page": page if page.isascii() and page.isdigit() else "1"})
    return listing.page(moment(db.session, g.actor), query), q


def _sought() -> str:
    return " ".join(request.args.get("q", "")[:60].split())


def _pages(found: Page) -> dict[str, str]:
    """The neighbours of a page, with all else that the address says."""
    kept = {name: request.args[name] for name in ("q", "tab") if request.args.get(name)}
    further = found.more or found.page * found.size < found.total

    def link(page: int) -> str:
        return "?" + urlencode(kept | {"page": page})

    return {
        "newer": link(found.page - 1) if found.page > 1 else "",
        "older": link(found.page + 1) if further and len(found.rows) == found.size else "",
    }  # fmt: skip
