"""What one looks up on the phone at any time, work or none: one's elevators, tasks by how they stand (MNT-12), the
periods that were missed (PLN-10), and what is to be inspected (INS-01).

All are the desk's lists, with their search, tabs and scope; a page at a time.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from flask import g, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.field.pages import came_from, field, first_page, signed_in
from app.listing import COUNT_CAP, Listing, Page, moment
from app.listings import standing
from app.listings.elevators import ELEVATORS
from app.listings.inspections import INSPECTIONS_DUE
from app.listings.maintenance import OVERDUE, TASKS
from app.models.choices import ELEVATOR_STATUS, INSPECTION_DUE
from app.permissions import Verb, require

STATUS_TONES = {"in_use": "ok", "suspended": "over", "notified": "info", "scrapped": "gone"}
MISSED_TABS = ("standing", "late", "all")
TASK_TABS = ("over", "near", "never", "cover_over", "cover_near", "all")  # the gravest first
INSPECTION_TABS = ("failed", "over", "near", "checks_over", "checks_near", "unknown", "all")


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
    found, tab, tabs = _counted(TASKS, TASK_TABS)
    today = clock.today()
    return render_template(
        "ta/field/tasks.html", title=_("维保任务"), q=_sought(), tab_now=tab, total=found, tab="",
        rows=[(row, standing.due_of(row, today)) for row in found.rows], door=_door, tabs=tabs, most=COUNT_CAP,
        **_pages(found), back=came_from(url_for("field.home")),
    )  # fmt: skip


@field.get("/inspections")
@signed_in
def inspections() -> Any:
    """检验检测 by what is due: inspection, 限速器校验 and 制动试验, those that failed and wait for another look."""
    require(g.actor, Verb.INSPECTION_READ)
    found, tab, tabs = _counted(INSPECTIONS_DUE, INSPECTION_TABS)
    return render_template(
        "ta/field/inspections.html", title=_("检验检测"), q=_sought(), tab_now=tab, tab="", tabs=tabs, most=COUNT_CAP,
        rows=[(row, _checks_of(row, clock.today())) for row in found.rows], door=_door, **_pages(found),
        back=None if first_page(g.actor) == "field.inspections" else came_from(url_for("field.home")),
    )  # fmt: skip


def _checks_of(row: Any, today: dt.date) -> list[tuple[str, dt.date | None, int | None]]:
    """What is due for an elevator, with its day and the days left; a check that it needs not is left out."""
    held = row.inspection_clock
    kind = INSPECTION_DUE.get(held.next_kind) if held is not None and held.next_kind else None
    due = [(str(kind or INSPECTION_DUE["periodic"]), row.next_inspection_on)]
    if held is not None:
        checks = (("governor", held.governor_due_on), ("brake", held.brake_due_on))
        due += [(str(INSPECTION_DUE[name]), on) for name, on in checks if on is not None]
    return [(word, on, None if on is None else (on - today).days) for word, on in due]


def _counted(listing: Listing, keys: tuple[str, ...]) -> tuple[Page, str, list[tuple[str, str, int]]]:
    """A page of the tab that is asked for, the tab, and all of them with their words and counts."""
    asked, now = request.args.get("tab", ""), moment(db.session, g.actor)
    counts = listing.counts(now, listing.read({"tab": "all", "q": _sought()}), every=True)
    # Nothing chosen: the gravest that there is, instead of a page that is empty for most people on most days.
    tab = asked if asked in keys else next((one for one in keys if counts.get(one)), "near")
    labels = {one.key: str(one.label) for one in listing.tabs}
    return _page(listing, tab)[0], tab, [(key, labels[key], counts.get(key, 0)) for key in keys]


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
