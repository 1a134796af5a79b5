"""What 报修 and 异常上报 share, at the desk and on the phone: the elevator that is named, and what is told of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from flask import g, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import instant_of_text
from app.models import Elevator, MaintenanceLedger, Person, RepairOrder, Rescue
from app.models.choices import CATEGORY, ESCALATORS, word
from app.models.repair import REPAIR_LEVEL, REPAIR_STATE
from app.permissions import Verb
from app.rules.addresses import words_of
from app.rules.calendar import EARLIEST_ON, LATEST_ON
from app.rules.lifecycle import ElevatorStatus
from app.search import contains
from app.workflows.repair import repairs
from app.workflows.rescue import rescue_course, rescues

MOST_OWN = 30


def own_elevators(words: str = "") -> list[Elevator]:
    """A few that one may choose from: those whose place says all the words, else all of one's own if they are few.

    Whoever stands in the guards' room knows the estate and the building, seldom the number on the label.
    """
    statement = scope.apply(select(Elevator), g.actor, Elevator).where(
        Elevator.approved_version > 0, Elevator.status != ElevatorStatus.SCRAPPED.value
    )
    asked = words_of(words)
    if asked:
        # 云樾里 5 幢: a figure among other words is a building's, no part of a code.
        code = [Elevator.code] if len(asked) == 1 else []
        places = [*code, Elevator.site_no, Elevator.internal_no, Elevator.estate, Elevator.address]
        found = db.session.scalars(
            statement.where(*(contains(places, word) for word in asked))
            .order_by(Elevator.id).limit(MOST_OWN).execution_options(skip_scope=True)
        ).all()
        return list(found)
    found = db.session.scalars(
        statement.order_by(Elevator.id).limit(MOST_OWN + 1).execution_options(skip_scope=True)
    ).all()
    return list(found) if len(found) <= MOST_OWN else []


def about(row: Elevator) -> list[tuple[str, Any]]:
    """What the form fills in by itself: the device, its units, where it stands, who keeps it."""
    ledger = db.session.get(MaintenanceLedger, row.id, execution_options={"skip_scope": True})
    keeper = None if ledger is None or ledger.worker_id is None else db.session.get(
        Person, ledger.worker_id, execution_options={"skip_scope": True}
    )  # fmt: skip
    return [
        (_("识别码"), row.code), (_("品种"), word(CATEGORY, row.category)),
        (_("使用单位"), row.use_unit.name if row.use_unit else ""),
        (_("维保单位"), row.maintenance_unit.name if row.maintenance_unit else ""),
        (_("维保员"), keeper.name if keeper is not None else ""),
        (_("所属辖区"), row.region.name if row.region else ""),
        (_("安装地址"), row.address), (_("楼盘名称"), row.estate or ""), (_("现场梯号"), row.number_on_site or ""),
    ]  # fmt: skip


def standing(row: Elevator) -> list[tuple[RepairOrder, str]]:
    """What is under way there already, so that nobody reports it twice."""
    if not g.actor.may(Verb.REPAIR_READ):
        return []
    found = repairs.open_of(db.session, g.actor, row.id)
    return [(one, f"{word(REPAIR_LEVEL, one.level)}　{word(REPAIR_STATE, one.state)}") for one in found]


def rescue_of(row: Elevator | None) -> dict[str, str]:
    """What to do when people are trapped: the rescue that is under way there, else where to report one; whom to call.

    Who sees the case is led to it, at the desk or on the phone; others to the page behind the code, which tells how it
    stands. Nobody is shut in on an escalator: its words are of people hurt.
    """
    escalator = row is not None and row.category in ESCALATORS
    words = {
        "first": _("有人受伤，先救人") if escalator else _("有人被困，先救人"),
        "posted": _("请拨打扶梯旁公布的应急救援电话。") if escalator else _("请拨打轿厢内公布的应急救援电话。"),
    }
    if row is None:
        return words | {"phone": "", "page": "", "case": "", "report": ""}
    page = url_for("field.trapped", token=row.public_token) if row.public_token and not row.is_secret else ""
    phone = words | {"phone": rescues.hotline_of(db.session, row, clock.today()) or "", "page": page}
    open_ = rescue_course.open_of(db.session, row.id)
    if open_ is not None:
        seen = g.actor.may(Verb.RESCUE_READ) and db.session.scalar(
            scope.apply(select(Rescue.id).where(Rescue.id == open_.id), g.actor, Rescue).execution_options(
                skip_scope=True
            )
        )
        there = url_for("field.rescue" if request.path.startswith("/m/") else "RescuePages.show", pk=open_.id)
        return phone | {"case": there if seen else page, "report": ""}
    desk = g.actor.may(Verb.RESCUE_DESK) and not request.path.startswith("/m/")
    # Whoever works with it hears the bell outside: the page is not to say that he is shut in himself.
    outside = page and url_for("field.trapped", token=row.public_token, outside=1)
    return phone | {"case": "", "report": url_for("RescueIntake.index", elevator_id=row.id) if desk else outside}


def instants(
    given: Any, names: Iterable[tuple[str, str]]
) -> tuple[dict[str, dt.datetime | None], list[Finding]]:  # fmt: skip
    """Times as typed, of Shanghai; what is none comes with its finding."""
    found: dict[str, dt.datetime | None] = {}
    findings = []
    for name, label in names:
        typed = given.get(name, "").strip()[:25]
        at = instant_of_text(typed) if typed else None
        if typed and (at is None or not EARLIEST_ON <= clock.local_day(at) <= LATEST_ON):
            at = None
            remedy = _("请用 2026-03-01T09:00 这样的写法")
            findings.append(Finding(label, False, _("“%(value)s”不是时间", value=typed), remedy, field=name))
        found[name] = at
    return found, findings


def local_text(at: dt.datetime | None) -> str:
    """As a field of date and time shows it."""
    return "" if at is None else clock.local(at).strftime("%Y-%m-%dT%H:%M")
