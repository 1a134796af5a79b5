"""IMP-03: complaints of a platform that is replaced, with their true times, marked as taken over; by regulators."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Complaint, Elevator
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.complaints import ComplaintState, late_steps
from app.rules.identifiers import check_mobile, mask_numbers
from app.rules.other_scores import NO_LIMIT
from app.rules.past_complaints import STEPS, WORDS, PastComplaint, past_findings
from app.scope import visible
from app.transaction import AnySession
from app.workflows.contracts import cover
from app.workflows.core import audit
from app.workflows.public import complaints
from app.workflows.public.complaints import ENTITY
from app.workflows.public.tracking import keep_numbered

INSTANTS = tuple(name for name, _word in STEPS)
TEXTS = ("body", *(name for name, _word, _most in WORDS))


def take_over(
    session: AnySession, actor: Actor, data: Mapping[str, Any], at: dt.datetime, batch_id: int | None = None
) -> Complaint:  # fmt: skip
    """One past complaint, closed as it is. Its limits are those of the region on its day; a step whose time nobody kept
    is judged by none, and the case then counts in time or late only if a step before it was late. Whose it was is
    said, else the binding of its day, the elevator's unit, its use unit.
    """
    require(actor, Verb.TAKE_OVER)
    if actor.unit_id is not None:
        raise NotAllowed(Finding("既往投诉", False, "由监管部门接管", "请联系监管部门"))
    elevator: Elevator = visible(session, actor, Elevator, data["elevator_id"], "这台电梯")
    times: dict[str, Any] = {n: dt.datetime.fromisoformat(data[n]) if data.get(n) else None for n in INSTANTS}
    texts: dict[str, Any] = {name: str(data.get(name) or "").strip() for name in TEXTS}
    kinds = kinds_in(data.get("kinds"))
    raise_failing(past_findings(PastComplaint(**times, kinds=kinds, **texts), at))
    begun = times["complained_at"]
    if begun is None:
        raise refuse("投诉时间", "没有填写", "请填写投诉时间", field="complained_at")
    closed = times["closed_at"] or times["reviewed_at"]
    untrue = bool(data.get("is_untrue"))
    on = clock.local_day(begun)
    bound = cover.in_force(session, elevator.id, on)
    own = elevator.maintenance_unit_id if bound is None else bound.unit_id
    phone = check_mobile(data["phone"]) if data.get("phone") else None
    # What would be erased tonight is not taken in at all.
    days = policy_value(session, Key.KEEP_COMPLAINTS_DAYS, elevator.region_code, clock.local_day(at))
    if closed < at - dt.timedelta(days=int(days)):
        phone, texts = None, texts | {"name": ""}
    if phone is None and not texts["name"]:
        # No night looks again at a row that names nobody.
        texts["body"] = mask_numbers(texts["body"])
    limits = complaints.policy_hours(session, elevator.region_code, on)
    kept = (times["accepted_at"], times["handled_at"], times["reviewed_at"])
    accept, handle, review = (
        hours if done is not None else NO_LIMIT for hours, done in zip(limits, kept, strict=True)
    )
    # Reviewed, it ended with the use unit's word; else, and where it was found untrue, somebody else ended it.
    ended = closed if untrue or times["reviewed_at"] is None else None
    row = Complaint(
        elevator_id=elevator.id, region_code=elevator.region_code, code=elevator.code, place=elevator.place[:300],
        unit_id=data.get("unit_id") or own or elevator.use_unit_id, use_unit_id=elevator.use_unit_id, kinds=kinds,
        phone=phone, **{name: text or None for name, text in texts.items()},
        state=ComplaintState.CLOSED.value, **(times | {"closed_at": closed}), ended_at=ended, is_untrue=untrue,
        accept_hours=accept, handle_hours=handle, review_hours=review, taken_over=True, batch_id=batch_id,
        created_by_id=actor.user_id,
    )  # fmt: skip
    course = complaints.course_of(row)
    row.late_steps = ",".join(step.value for step in late_steps(course, complaints.hours_of(row), at)) or None
    keep_numbered(session, row)
    audit.record(
        session, actor, at, "complaint.take_over", ENTITY, row.id,
        after={"number": row.number, "elevator_id": elevator.id, "closed_at": closed},
    )  # fmt: skip
    return row


def kinds_in(told: str | None) -> list[str]:
    """What a cell of several kinds was read as (`imports.parsing.choices`)."""
    return [kind for kind in (told or "").split(",") if kind]
