"""The newest visits of the demo as the product itself would have kept them: items, position, pictures, signature.

The year before is shown as taken over from an older platform; without these few nothing on screen would show what a
visit proves. Pictures are drawn here.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select

from app import clock
from app.demo.people import first_firm
from app.models import Account, Elevator, Person, Unit, Visit
from app.permissions import SYSTEM
from app.reference import CURRENT, items_for
from app.rules.checkin import Place, distance_metres
from app.rules.visit_photos import places_of
from app.workflows.files import attachments

NEWEST = 8
DAYS = 8
METRE = 1 / 111_000


def complete(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """Fill in the newest visits of the demo firm, first what waits for the demo use unit's review. How many were.

    No state changes: only visits by items are taken, and what they wait for stays as the rules say.
    """
    firm, use_unit, _worker = first_firm(session)
    since = clock.local_day(at) - dt.timedelta(days=DAYS)
    done = (Visit.checked_out_at.is_not(None), Visit.mode == "items", Visit.visit_on >= since)
    waits = (Visit.use_unit_id == use_unit.id) & Visit.awaiting_review
    order = (waits.desc(), Visit.checked_in_at.desc())
    statement = select(Visit).where(*done, Visit.counted, Visit.unit_id == firm.id).order_by(*order)
    rows = session.scalars(statement.limit(NEWEST)).all()
    rng = random.Random(f"evidence-{seed}")
    for row in rows:
        complete_one(session, rng, row, firm)
    session.flush()
    return len(rows)


def complete_one(session: Any, rng: random.Random, row: Visit, firm: Unit, *, typed: bool | None = None) -> None:
    """One visit with all that the product keeps of one; `typed`: begun by number, or as chance has it."""
    lift, worker = session.get(Elevator, row.elevator_id), session.get(Person, row.worker_id)
    use_unit = session.get(Unit, row.use_unit_id)
    row.taken_over, row.item_version = False, CURRENT
    row.account_id = session.scalar(select(Account.id).where(Account.person_id == worker.id).limit(1))
    for side in ("in", "out"):
        _stood(rng, row, lift, side)
    row.snapshot = {
        "code": lift.code, "registration_code": lift.registration_code, "category": lift.category,
        "model": lift.model, "factory_no": lift.factory_no, "internal_no": lift.internal_no,
        "manufacturer": lift.manufacturer, "address": lift.address, "estate": lift.estate,
        "rated_load": lift.rated_load, "rated_speed": lift.rated_speed, "stops": lift.stops, "unit": firm.name,
        "use_unit": use_unit.name, "safety_officer": lift.safety_officer, "worker": worker.name,
        "certificate_no": worker.certificate_no,
    }  # fmt: skip
    row.by_code = rng.random() >= 0.95 if typed is None else typed
    items = items_for(lift.category, row.level)
    row.results = [
        {"code": i.code, "result": "ok", "value": str(rng.randint(3, 6)) if i.needs_test else None, "reason": None}
        for i in items
    ]
    if items and rng.random() < 0.4:
        broken = rng.randrange(len(items))
        row.results[broken] |= {"result": "repair", "value": None}
        row.problem = f"{items[broken].item}：已清洁调整，运行正常"
    row.advice = "请提醒乘客不要在层门口堆放杂物"
    if row.signed_at is not None:
        _keep(session, row, _signature(rng), "签名.png", "signature")
    shown = ("photo_pit", "底坑", "#5d6b78"), ("photo_top", "轿顶", "#7b6a55"), ("photo_room", "机房", "#4f6f63")
    for kind, name, colour in shown:
        drawn = picture(rng, lift.code, colour)
        if kind in places_of(lift.category):
            _keep(session, row, drawn, f"{name}.jpg", kind)


def _stood(rng: random.Random, row: Visit, lift: Elevator, side: str) -> None:
    latitude = round((lift.latitude or 0) + rng.uniform(-40, 40) * METRE, 6)
    longitude = round((lift.longitude or 0) + rng.uniform(-40, 40) * METRE, 6)
    away = distance_metres(Place(latitude, longitude), Place(lift.latitude or 0, lift.longitude or 0))
    setattr(row, f"{side}_latitude", latitude)
    setattr(row, f"{side}_longitude", longitude)
    setattr(row, f"{side}_distance", round(away))


def _keep(session: Any, row: Visit, picture: bytes, name: str, kind: str) -> None:
    assert row.checked_out_at is not None
    attachments.store(
        session, SYSTEM.by("cli"), row.checked_out_at, io.BytesIO(picture), name, kind, "visit", row.id, row.unit_id,
        row.region_code,
    )  # fmt: skip


def picture(rng: random.Random, code: str, colour: str) -> bytes:
    """A shaft with its rails and car, as a drawing: nobody takes it for a photograph of a real place."""
    image = Image.new("RGB", (640, 480), colour)
    draw = ImageDraw.Draw(image)
    for x in (150, 170, 470, 490):
        draw.line((x, 0, x, 480), fill="#c8d0d6", width=4)
    top = rng.randint(60, 240)
    draw.rectangle((190, top, 450, top + 200), fill="#9fb0bd", outline="#2c3a46", width=4)
    draw.line((320, top, 320, top + 200), fill="#2c3a46", width=3)
    for _n in range(40):
        x, y = rng.randint(0, 639), rng.randint(0, 479)
        draw.ellipse((x, y, x + 6, y + 6), fill="#3d4954")
    draw.text((20, 446), f"DEMO {code}", fill="#ffffff")
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=70)
    return kept.getvalue()


def _signature(rng: random.Random) -> bytes:
    image = Image.new("RGB", (640, 240), "#ffffff")
    draw = ImageDraw.Draw(image)
    x, y = 90.0, 130.0
    for _n in range(26):
        to = (x + rng.uniform(6, 30), 120 + rng.uniform(-60, 60))
        draw.line((x, y, *to), fill="#16222d", width=5)
        x, y = to
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()
