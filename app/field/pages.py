"""The pages of a visit on the phone: home, scan, gate, check-in, check-out, sheet, review (MNT-01 to 04, MNT-12).

They work without a script but for the position, which only the phone knows. A refused form keeps what was entered.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import clock
from app.errors import Finding, Refusal
from app.extensions import db
from app.field import lists
from app.field.forms import answers_of, feedback_of, files_of, position_of, signature_of
from app.listings.visits import VISITS
from app.models import Elevator, Visit
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import LABEL_STATE, LEVEL, OFFLINE_PART, VISIT_FAULT, VISIT_RATING, word
from app.models.policy import policy_value, visit_policy
from app.models.repair import REPAIR_STATE
from app.permissions import NOBODY, Actor, Verb, require
from app.policy import Key
from app.rules.checkin import names_an_elevator
from app.rules.face_checks import WITHOUT
from app.rules.levels import LEVEL_LABELS, Level, known_level
from app.rules.visit_photos import SELFIE, Place
from app.transaction import transaction
from app.views.frame import phones, uploads
from app.views.maintenance import confirming
from app.workflows.desk import gates
from app.workflows.files import attachments
from app.workflows.maintenance import item_lists
from app.workflows.maintenance.orders import horizons
from app.workflows.on_site import companions, phone_copy, presence
from app.workflows.on_site.presence import Position
from app.workflows.people import consents, people
from app.workflows.repair import repairs
from app.workflows.visits import face_checks, visits
from app.workflows.visits.visits import RESULTS, CheckOut

field = Blueprint("field", __name__, url_prefix="/m")

View = Callable[..., Any]


def signed_in(view: View) -> View:
    """To the sign-in page and back for those who are not."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        if g.actor.user_id is None:
            return redirect(url_for("SignIn.login", next=request.full_path.rstrip("?")))
        return view(*args, **values)

    return guarded


_FIRST = {
    Verb.VISIT_MAKE: "field.home", Verb.VISIT_REVIEW: "field.reviews", Verb.PATROL_READ: "field.patrol_list",
    # A maintenance unit's office: what waits of each kind, rescues first, and the tasks that it gives out.
    Verb.ORDER_EDIT: "field.me", Verb.RESCUE_HANDLE: "field.rescue_list",
    Verb.INSPECTION_EDIT: "field.inspections",
}  # fmt: skip


def first_page(actor: Actor) -> str:
    """The phone page that somebody's work begins at, by its endpoint."""
    if actor.unit_id is None and actor.may(Verb.ANOMALY_HANDLE):
        # An office of supervision: what waits, before rounds that most of its people are never sent on.
        return "field.me"
    return next((page for verb, page in _FIRST.items() if actor.may(verb)), "field.me")


@field.get("/")
@signed_in
def home() -> Any:
    """Counts of each kind of task, the running visit, what to do first (MNT-12)."""
    actor, now = g.actor, clock.now()
    phones.back_on_phone()
    if (first := first_page(actor)) != "field.home":
        return redirect(url_for(first))
    person = lists.person_of(actor)
    quota = people.quotas(db.session, [person], now).get(person.id) if person is not None else None
    running = presence.open_visit(db.session, actor.person_id, now)
    return render_template(
        "ta/field/home.html", title=_("现场"), person=person, quota=quota, running=_running(running, now),
        horizon=horizons(db.session, actor.region_code, clock.today())[0],
        counts=lists.counts(db.session, actor, now), first=lists.orders(db.session, actor, now, most=5), tab="home",
        complained=lists.complained(db.session, actor), rescued=lists.rescued(db.session, actor), **_repairs(actor),
    )  # fmt: skip


def _repairs(actor: Any) -> dict[str, Any]:
    """Counts of repairs and anomalies for whoever may read them."""
    return {
        "repaired": lists.repaired(db.session, actor) if actor.may(Verb.REPAIR_READ) else None,
        "odd": lists.odd(db.session, actor) if actor.may(Verb.ANOMALY_READ) else None,
    }  # fmt: skip


@field.get("/orders")
@signed_in
def orders() -> Any:
    require(g.actor, Verb.VISIT_MAKE)
    kind, q = request.args.get("kind", ""), " ".join(request.args.get("q", "")[:60].split())
    rows = lists.orders(db.session, g.actor, clock.now(), kind, lists.MOST + 1, q)
    return render_template(
        "ta/field/orders.html", title=_("我的任务"), tab="orders", rows=rows[: lists.MOST], q=q,
        more=len(rows) > lists.MOST, most=lists.MOST, kind=kind,
        counts=lists.order_counts(db.session, g.actor, clock.now()),
    )  # fmt: skip


@field.get("/visits")
@signed_in
def own_visits() -> Any:
    """All that one did oneself, by how it stands (MNT-08)."""
    require(g.actor, Verb.VISIT_MAKE)
    q = " ".join(request.args.get("q", "")[:60].split())
    kinds = {"": _("全部")} | {one.key: str(one.label) for one in VISITS.tabs if one.key in lists.VISIT_TABS}
    kinds["label"] = _("补数据")
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else ""
    rows, newer, older = lists.visits(db.session, g.actor, kind, q)
    return render_template(
        "ta/field/visits.html", title=_("维保记录"), tab="visits", rows=rows, kind=kind, local=clock.local,
        offline=OFFLINE_PART, q=q, newer=newer, older=older, levels=LEVEL,
        kinds=[(key, kinds[key]) for key in ("", "open", "label", *lists.VISIT_TABS[1:])],
    )  # fmt: skip


@field.get("/scan")
@signed_in
def scan() -> Any:
    """The camera where the browser can, typing everywhere."""
    require(g.actor, Verb.VISIT_MAKE)
    text = request.args.get("code", "").strip()[: presence.LONGEST_TEXT]
    if text:
        # Of an address the last part, as labels of other systems have it; a stranger's address stays known for one.
        last = text.rstrip("/").rsplit("/", 1)[-1] or text
        known = names_an_elevator(text) or presence.elevator_of(db.session, text) is not None
        return redirect(url_for("field.elevator", text=last if known else text.replace("/", " ")))
    return render_template(
        "ta/field/scan.html", title=_("扫码签到"), back=came_from(url_for("field.home")), tab="scan",
        digits=_only_digits(g.actor.region_code),
    )  # fmt: skip


def _only_digits(region_code: str | None) -> bool:
    """Whether the region's 识别码 has no letters, so that the phone may open its keypad of digits."""
    pattern = policy_value(db.session, Key.ELEVATOR_CODE_PATTERN, region_code, clock.today())
    return bool(pattern) and re.search("[A-Za-z]", re.sub(r"\\.", "", str(pattern))) is None


def came_from(otherwise: str) -> str:
    """The phone page that one came from, for the arrow at the top; never itself, never a page outside the phone's."""
    before = urlsplit(request.referrer or "")
    here = before.netloc == request.host and before.path.startswith("/m/") and before.path != request.path
    if not here or before.path.startswith("/m/e/"):
        return otherwise
    return before.path + (f"?{before.query}" if before.query else "")


@field.get("/e/<path:text>")
@signed_in
def elevator(text: str) -> Any:
    """What was scanned, and every condition of a check-in there; with a position in the address, judged by it."""
    if not g.actor.is_main:  # a main account is told what ACC-14 says, among all the rest
        require(g.actor, Verb.VISIT_MAKE)
    return gate_page(text, position_of(request.args), [])


@field.post("/e/<path:text>")
@signed_in
def check_in(text: str) -> Any:
    position, without = position_of(request.form), bool(request.form.get(WITHOUT))
    client_key = request.form.get("client_key") or None
    try:
        face_checks.ahead(
            db.session, g.actor, text, position, uploads.numbers(SELFIE), uploads.chosen("label"), clock.now(),
            without=without, client_key=client_key,
        )
        with transaction(db.session) as session:
            visit = visits.check_in(
                session, g.actor, text, position, clock.now(), client_key=client_key,
                label_ids=files_of(session, "label"), selfie_ids=files_of(session, SELFIE),
                level=request.form.get("level", "")[:20], without_face=without,
            )  # fmt: skip
            number = visit.id
    except Refusal as refusal:
        db.session.rollback()
        return gate_page(text, position, refusal.findings), refusal.status_code
    flash(_("已签到"), "success")
    return redirect(url_for("field.visit", pk=number))


def gate_page(text: str, position: Position, refused: list[Finding]) -> Any:
    now = clock.now()
    look = presence.before(db.session, g.actor, text, position, now)
    site, findings = look.site, look.findings
    found = site.elevator if site is not None else None
    # Of a photo of the label the form itself says that it is wanted; what was wrong with one is said.
    label, selfie = (next((f for f in findings if f.field == name), None) for name in ("label", SELFIE))
    told = {f.rule for f in findings if f.stops}
    findings = [*(f for f in refused if f.rule not in told), *(f for f in findings if f.field not in ("label", SELFIE))]
    mine = found is not None and presence.may_serve(db.session, g.actor, found)
    elevator = None
    if found is not None:
        # Outside scope, as it was found: what is not his is told as a finding.
        elevator = db.session.get(Elevator, found.id, execution_options={"skip_scope": True})
    return render_template(
        "ta/field/elevator.html", title=_("维保签到"), text=text,
        back=came_from(url_for("field.scan" if g.actor.may(Verb.VISIT_MAKE) else "field.home")),
        elevator=elevator, mine=mine, label=label if mine else None, refused=refused,
        selfie=selfie if mine else None, face=_face(look, refused) if mine else None, keep_days=_selfie_days(found),
        failing=[f for f in findings if f.stops], warning=[f for f in findings if not f.ok and not f.stops],
        passing=[f for f in findings if f.ok], located=position.place is not None, position=position,
        levels=LEVEL_LABELS if mine and site is not None and site.order_id is None else None,
        chosen=known_level(request.form.get("level", "")) or (site.level().value if site is not None else ""),
        client_key=secrets.token_hex(12), running=presence.open_visit(db.session, g.actor.person_id, now),
        task=lists.task_of(db.session, found.id) if mine and found is not None else None, local=clock.local,
        colleagues=companions.running(db.session, g.actor, found.id, now) if mine and found is not None else [],
    )  # fmt: skip


def _face(look: presence.Look, refused: list[Finding]) -> dict[str, bool] | None:
    """What is said of comparing beside the photo, where the region asks for it and there is a service.

    `mine`: he consented to it; `fresh`: the photo that was not alike is to be taken anew, `over`: no more of it.
    """
    if not look.face or not face_checks.offered():
        return None
    over = any(f.field == WITHOUT for f in refused)
    return {
        "mine": consents.comparable(db.session, g.actor.person_id or 0) is not None, "over": over,
        "fresh": any(f.field == SELFIE for f in refused), "without": over or bool(request.form.get(WITHOUT)),
    }  # fmt: skip


def _selfie_days(lift: Any) -> int:
    """How long the photo of the person is kept: told where he takes it."""
    region = None if lift is None else lift.region_code
    return int(policy_value(db.session, Key.KEEP_SELFIE_DAYS, region, clock.today()))


@field.get("/visits/<int:pk>")
@signed_in
def visit(pk: int) -> Any:
    """One's own visit: the check-out form while it is open, the record afterwards."""
    row = own_visit(pk)
    return visit_page(row, {}, [])


@field.post("/visits/<int:pk>/out")
@signed_in
def check_out(pk: int) -> Any:
    row = own_visit(pk)
    form = request.form
    try:
        problem, faults = feedback_of(form)
        with transaction(db.session) as session:
            done = CheckOut(
                mode=form.get("mode", "items"), results=answers_of(form), problem=problem, faults=faults,
                advice=form.get("advice", ""), note=form.get("note", ""), repair=form.get("repair") == "yes",
                repair_note=form.get("repair_note", ""), signer=form.get("signer", ""), rating=form.get("rating", ""),
                signature_id=signature_of(session, form.get("signature", "")), photo_ids=files_of(session, "photo"),
                label_ids=files_of(session, "label_out"), place_ids={p: files_of(session, p) for p in Place},
            )  # fmt: skip
            visits.check_out(
                session, g.actor, pk, form.get("code", ""), position_of(form), done, clock.now(),
                out_key=form.get("out_key") or None,
            )  # fmt: skip
    except Refusal as refusal:
        db.session.rollback()
        return visit_page(own_visit(row.id), form, refusal.findings), refusal.status_code
    flash(_("已签退"), "success")
    return redirect(url_for("field.visit", pk=pk))


@field.post("/visits/<int:pk>/sheet")
@signed_in
def sheet(pk: int) -> Any:
    own_visit(pk)
    try:
        with transaction(db.session) as session:
            visits.upload_sheet(session, g.actor, pk, files_of(session, "sheet"), clock.now())
    except Refusal as refusal:
        db.session.rollback()
        return visit_page(own_visit(pk), {}, refusal.findings), refusal.status_code
    flash(_("维保单已上传"), "success")
    return redirect(url_for("field.visit", pk=pk))


def visit_page(row: Visit, form: Any, findings: list[Finding]) -> Any:
    now = clock.now()
    policy = visit_policy(db.session, row.region_code, row.visit_on)
    lift = db.session.get(Elevator, row.elevator_id, execution_options={"skip_scope": True})
    items = item_lists.of_visit(db.session, row)
    going = row.state == "open" and row.checked_out_at is None
    return render_template(
        "ta/field/checkout.html" if going else "ta/field/record.html", title=_("维保签退") if going else _("维保记录"),
        back=came_from(url_for("field.home") if going else url_for("field.own_visits")), visit=row,
        elevator=lift, items=items, results=RESULTS,
        level=LEVEL_LABELS[Level(row.level)], form=form, findings=[f for f in findings if f.stops],
        ways=gates.of_check_out(db.session, row, position_of(request.values), now) if going else [],
        running=_running(row, now), least=(policy.min_minutes or 0) * 60, local=clock.local,
        files=attachments.of(db.session, "visit", row.id) if not going else [],
        companions=companions.of_visit(db.session, row.id), objections=lists.objections(db.session, row.id),
        answers={r["code"]: r for r in row.results or []}, jump=_jumps(items, form) if findings else {},
        offline=OFFLINE_PART, labels=LABEL_STATE, carried=phone_copy.of_visit(db.session, row) if going else None,
        out_key=form.get("out_key") or secrets.token_hex(12), place_words=ATTACHMENT_KIND, ratings=VISIT_RATING,
        faults=VISIT_FAULT,
        sheet_hours=policy.sheet_hours, sheet_late=policy.sheet_makes_nonconforming,
        confirming=None if going else confirming.of(row, now),
    )  # fmt: skip


def _jumps(items: Any, form: Any) -> dict[str, str]:
    """For each field of a refused check-out the place on the page to go to: of items the first one that lacks."""
    lacking = next(
        (
            i.code for i in items
            if not form.get(f"result-{i.code}")
            or (i.needs_test and form.get(f"result-{i.code}") == "ok" and not form.get(f"value-{i.code}", "").strip())
            or (form.get(f"result-{i.code}") == "na" and not form.get(f"reason-{i.code}", "").strip())
        ),
        None,
    )  # fmt: skip
    places = {
        "fault_text": "#fault", "problem": "#fault", "faults": "#fault", "code": "#again", "signature": "#sign",
        "photo": "#fault", "label_out": "#again", **{place.value: "#places" for place in Place},
    }  # fmt: skip
    return places | ({"items": f"#item-{lacking}"} if lacking else {})


# --- the use unit


@field.get("/reviews")
@signed_in
def reviews() -> Any:
    """What waits for the use unit's word."""
    require(g.actor, Verb.VISIT_REVIEW)
    rows = lists.to_review(db.session, g.actor)
    return render_template(
        "ta/field/reviews.html", title=_("待复核"), rows=rows, local=clock.local, tab="reviews", now=clock.now(),
        objected=lists.objected(db.session, rows),
        complained=lists.complained(db.session, g.actor)[2] if g.actor.may(Verb.COMPLAINT_REVIEW) else 0,
        rescued=lists.in_rescue(db.session, g.actor) if g.actor.may(Verb.RESCUE_READ) else 0, **_repairs(g.actor),
    )  # fmt: skip


@field.get("/reviews/<int:pk>")
@signed_in
def review(pk: int) -> Any:
    require(g.actor, Verb.VISIT_REVIEW)
    return _review_page(pk, [])


@field.post("/reviews/<int:pk>")
@signed_in
def give_review(pk: int) -> Any:
    objects = request.form.get("verb") == "objection"
    try:
        with transaction(db.session) as session:
            if objects:
                visits.object_to(session, g.actor, pk, request.form.get("opinion", "")[:2000], clock.now())
            else:
                visits.review(
                    session, g.actor, pk, request.form.get("opinion", ""), clock.now(),
                    repair=request.form.get("repair") == "yes", repair_note=request.form.get("repair_note", "")[:2000],
                    rating=request.form.get("rating", "")[:20],
                )  # fmt: skip
    except Refusal as refusal:
        db.session.rollback()
        return _review_page(pk, refusal.findings), refusal.status_code
    flash(_("异议已记录，并已告知维保单位和监管部门；记录仍待复核") if objects else _("已复核"), "success")
    return redirect(url_for("field.reviews"))


def _review_page(pk: int, findings: list[Finding]) -> Any:
    row = lists.seen(db.session, g.actor, pk)
    if row is None:
        abort(404)
    items = item_lists.of_visit(db.session, row)
    order = repairs.shown_with(db.session, g.actor, row.id)
    return render_template(
        "ta/field/review.html", title=_("复核维保"), back=url_for("field.reviews"), visit=row, items=items,
        answers={r["code"]: r for r in row.results or []}, results=RESULTS, level=LEVEL_LABELS[Level(row.level)],
        findings=[f for f in findings if f.stops] or _standing(row), local=clock.local, form=request.form,
        order=order, order_state=word(REPAIR_STATE, order.state) if order is not None else "",
        files=attachments.of(db.session, "visit", row.id), objections=lists.objections(db.session, row.id),
        ratings=VISIT_RATING,
    )  # fmt: skip


def _standing(row: Visit) -> list[Finding]:
    """What stands in the way of a review, told before anything is written; nothing once it was given."""
    if not row.awaiting_review:
        return []
    return [f for f in gates.of_review(db.session, g.actor, row) if f.stops]


# --- what a form holds


@field.context_processor
def _kind_of_account() -> dict[str, Any]:
    """The bar at the bottom is a worker's or a reviewer's."""
    return {"makes_visits": g.get("actor", NOBODY).may(Verb.VISIT_MAKE)}


def own_visit(pk: int) -> Visit:
    row = db.session.get(Visit, pk, execution_options={"skip_scope": True}, populate_existing=True)
    if row is None or g.actor.person_id is None or row.worker_id != g.actor.person_id:
        abort(404)
    return row


def _running(row: Visit | None, now: dt.datetime) -> dict[str, Any] | None:
    """How long a visit runs, how long it must, and when it dies."""
    if row is None or row.state != "open":
        return None
    policy = visit_policy(db.session, row.region_code, row.visit_on)
    spent = max(int((now - row.checked_in_at).total_seconds()), 0)
    least = (policy.min_minutes or 0) * 60
    return {
        "visit": row, "spent": spent, "least": least, "left": max(least - spent, 0),
        "share": min(100, spent * 100 // least) if least else 100, "at": clock.local(row.checked_in_at),
    }  # fmt: skip
