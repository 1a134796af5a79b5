"""What a worker's phone carries with it for where there is no signal: his next tasks and how they are done (MNT-05).

Only what he may see now, and only what a visit needs; as of the moment at which it was given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.models import Elevator, MaintenanceOrder, Visit
from app.models.policy import policy_value, visit_policy
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.reference import CURRENT
from app.rules.item_lists import Head
from app.rules.label_photos import LabelBy
from app.rules.levels import LEVEL_LABELS, Level
from app.rules.visit_photos import ROOM_ITEMS, Place, Proof, places_wanted
from app.rules.visits import VisitPolicy
from app.transaction import AnySession
from app.workflows.maintenance import item_lists
from app.workflows.maintenance.orders import horizons, within_horizon
from app.workflows.on_site import check_outs, labels, presence
from app.workflows.people import consents

MOST = 100
_order: Any = MaintenanceOrder.__table__.c
# Of a region: policy, metres, whether a label is photographed, from which level on each place, and whether the person.
Told = tuple[VisitPolicy, int, bool, dict[Place, str], bool]


def own_orders(session: AnySession, actor: Actor, today: dt.date) -> Any:
    """Open orders of the person, of his teams' elevators, or of his unit without a worker yet, planned within the
    horizon (PLN-06, PLN-07)."""
    nobodys = and_(_order.worker_id.is_(None), _order.unit_id == (actor.unit_id or 0))
    mine = scope.parts.open_orders_of(actor.person_id or 0, nobodys)
    return and_(mine, within_horizon(session, today))


def copy(session: AnySession, actor: Actor, now: dt.datetime) -> dict[str, Any]:
    """The tasks of the next days, the visit that runs, the items of each kind and level once."""
    require(actor, Verb.VISIT_MAKE)
    today = clock.local_day(now)
    statement = (
        select(MaintenanceOrder)
        .where(own_orders(session, actor, today))
        .options(joinedload(MaintenanceOrder.elevator).joinedload(Elevator.use_unit))
        .order_by(MaintenanceOrder.planned_on, MaintenanceOrder.id)
        .limit(MOST)
    )
    # Narrowed by the order; its elevator and use unit come along.
    narrowed = scope.apply(statement, actor, MaintenanceOrder).execution_options(skip_scope=True)
    orders = [order for order in session.scalars(narrowed) if presence.may_serve(session, actor, order.elevator)]
    templates: dict[str, list[dict[str, Any]]] = {}
    policies: dict[str, Told] = {}
    lists = item_lists.heads(session, actor.unit_id)
    beside = labels.beside(session, [order.elevator_id for order in orders], now)
    tasks = []
    for order in orders:
        tasks.append(
            _place(session, order.elevator, order.level, today, policies, beside)
            | _items_at(session, lists, actor, order.elevator, order.level, today, templates)
            | {"planned_on": order.planned_on.isoformat()}
        )
    running = presence.open_visit(session, actor.person_id, now)
    return {
        "running": None if running is None else _running(session, running, templates, policies), "tasks": tasks,
        "items": templates,
        # Of an elevator that is not among them the phone knows no more than where its account is.
        "label_photo": _label_photo(session, actor.region_code, today),
        "selfie": _selfie(session, actor.region_code, today),
        # Whether a photo that is asked for may be compared: he consented to it.
        "face": _face(session, actor, today),
        "horizon_days": horizons(session, actor.region_code, today)[1],
        "photos": _photos(None, Level.HALF_MONTH, check_outs.places_asked(session, actor.region_code, today)),
    }  # fmt: skip


def of_visit(session: AnySession, visit: Visit) -> dict[str, Any]:
    """One's own open visit alone, as its page hands it to the phone: a line may be gone in the next moment."""
    templates: dict[str, list[dict[str, Any]]] = {}
    return {"running": _running(session, visit, templates, {}), "items": templates}


def _place(
    session: AnySession, lift: Elevator, level: str, today: dt.date, policies: dict[str, Told],
    beside: dict[int, list[str]],
) -> dict[str, Any]:  # fmt: skip
    if lift.region_code not in policies:
        presence_m = policy_value(session, Key.PRESENCE_METRES, lift.region_code, today)
        label = _label_photo(session, lift.region_code, today)
        places = check_outs.places_asked(session, lift.region_code, today)
        mine = _selfie(session, lift.region_code, today)
        policies[lift.region_code] = visit_policy(session, lift.region_code, today), presence_m, label, places, mine
    policy, metres, label_photo, places, selfie = policies[lift.region_code]
    return {
        "code": lift.code, "token": lift.public_token, "labels": beside.get(lift.id, []), "place": lift.place,
        "use_unit": lift.use_unit.name if lift.use_unit else None, "signer": lift.safety_officer,
        "latitude": lift.latitude, "longitude": lift.longitude, "presence_m": metres, "level": level,
        "level_name": LEVEL_LABELS[Level(level)], "min_minutes": policy.min_minutes, "max_hours": policy.max_hours,
        "label_photo": label_photo, "photos": _photos(lift.category, Level(level), places), "selfie": selfie,
    }  # fmt: skip


def _running(
    session: AnySession, visit: Visit, templates: dict[str, Any],
    policies: dict[str, Told],
) -> dict[str, Any]:  # fmt: skip
    lift = session.get(Elevator, visit.elevator_id, execution_options={"skip_scope": True})
    assert lift is not None
    beside = labels.beside(session, [lift.id], clock.now())
    told = _place(session, lift, visit.level, visit.visit_on, policies, beside)
    category, version = str((visit.snapshot or {}).get("category") or ""), visit.item_version or CURRENT
    return told | _template(session, category, visit.level, version, templates) | {
        "visit_id": visit.id, "key": visit.client_key, "began_at": visit.checked_in_at.isoformat(),
    }


def _photos(category: str | None, level: Level, asked: dict[Place, str]) -> list[dict[str, Any]]:
    """The photos that a check-out needs, by kind; `unless`: items that make one needless when they are 不适用."""
    return [
        {"kind": place.value, "unless": sorted(ROOM_ITEMS) if place is Place.MACHINE_ROOM else []}
        for place in places_wanted(category, level, asked)
    ]


def _selfie(session: AnySession, region_code: str | None, on: dt.date) -> bool:
    """Whether a check-in needs a photo of the person himself."""
    return bool(policy_value(session, Key.PERSON_PROOF, region_code, on) != Proof.NONE)


def _face(session: AnySession, actor: Actor, on: dt.date) -> bool:
    """Whether his photo is compared when it comes: his region asks for it, and he consented."""
    asked = actor.person_id is not None and presence.compares(session, actor.region_code, on)
    return asked and consents.comparable(session, actor.person_id or 0) is not None


def _label_photo(session: AnySession, region_code: str | None, on: dt.date) -> bool:
    """Whether a check-in by a typed number needs a photo of the label (MNT-06)."""
    return bool(policy_value(session, Key.LABEL_PHOTO, region_code, on) != LabelBy.NONE)


def _items_at(
    session: AnySession, lists: Sequence[Head], actor: Actor, lift: Elevator, level: str, today: dt.date,
    templates: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    version = item_lists.version_for(lists, actor.unit_id, lift.region_code, lift.category, today)
    return _template(session, lift.category or "", level, version, templates)


def _template(
    session: AnySession, category: str, level: str, version: str, templates: dict[str, Any]
) -> dict[str, Any]:
    """Under which name the items lie in the copy, and which list they are: the phone says so when it sends them."""
    name = f"{category}-{level}-{version}"
    if name not in templates:
        templates[name] = [
            {"code": i.code, "item": i.item, "requirement": i.requirement, "needs_test": i.needs_test,
             "measure": i.measure}
            for i in item_lists.items_of(session, category, level, version)
        ]  # fmt: skip
    return {"items": name, "item_version": version}
