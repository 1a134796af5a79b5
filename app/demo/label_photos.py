"""Labels that could not be scanned in the demo region: photographed, and two of them still to be looked at (MNT-06).

One street tried it out for some days, so that the policy of those days asks for it and today's does not.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections import defaultdict
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sqlalchemy import select

from app import clock
from app.demo import evidence
from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Elevator, PolicyValue, Visit
from app.models.policy import policy_version
from app.permissions import SYSTEM
from app.policy import Key
from app.rules.label_photos import LabelBy, LabelState
from app.workflows.core import moves
from app.workflows.files import attachments
from app.workflows.visits.visit_state import settle

DAY = dt.timedelta(days=1)
SINCE, UNTIL, MOST = 16, 2, 3
STATES = (LabelState.WAITING, LabelState.WAITING, LabelState.MORE)
ASKED = "照片模糊，看不清识别码，请靠近些重拍"


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """Visits of one street whose numbers were typed; how many."""
    firm, _use_unit, _worker = first_firm(session)
    today, rng = clock.local_day(at), random.Random(f"labels-{seed}")
    statement = select(Visit).where(
        Visit.unit_id == firm.id, Visit.state == "valid", Visit.mode == "items", Visit.taken_over,
        Visit.visit_on.between(today - SINCE * DAY, today - UNTIL * DAY),
    )  # fmt: skip
    streets: dict[str, list[Visit]] = defaultdict(list)
    for row in session.scalars(statement.order_by(Visit.visit_on.desc(), Visit.id)):
        streets[row.region_code].append(row)
    if not streets:
        return 0
    officer = actor_named(session, "linhe")
    low, high = (officer.region_span if officer is not None else None) or ("", "\uffff")
    street, found = max(streets.items(), key=lambda one: (low <= one[0] < high, len(one[1]), one[0]))
    rows = found[:MOST]
    first, last = min(row.visit_on for row in rows), max(row.visit_on for row in rows)
    tried_out = ((LabelBy.REGULATOR, first, "试行：扫不了码的须拍标签"), (LabelBy.NONE, last + DAY, "试行结束"))
    for value, on, said in tried_out:
        session.add(PolicyValue(
            key=Key.LABEL_PHOTO, region_code=street, value=value.value, effective_on=on, source=said, known_at=at
        ))  # fmt: skip
    session.flush()
    session.info.pop("policy_cache", None)
    tried = select(Visit).where(Visit.region_code == street, Visit.visit_on.between(first, last))
    for row in session.scalars(tried):
        row.preset = policy_version(session, street, row.visit_on)[:20]
    for number, (row, state) in enumerate(zip(rows, STATES, strict=False)):
        row.by_code, row.label_by, row.label_state = True, LabelBy.REGULATOR.value, state.value
        assert row.checked_out_at is not None
        if state is LabelState.MORE:
            row.label_reason, row.label_at = ASKED, row.checked_out_at + dt.timedelta(hours=2)
            row.label_decided_by_id = officer.user_id if officer is not None else None
        settle(session, row, at, verb=moves.TAKE_OVER)
        evidence.complete_one(session, rng, row, firm, typed=True)
        lift = session.get(Elevator, row.elevator_id)
        # The first one typed the number to leave, too.
        ends = [("label", row.checked_in_at), ("label_out", row.checked_out_at)][: 2 if number == 0 else 1]
        for kind, taken_at in ends:
            attachments.store(
                session, SYSTEM.by("cli"), taken_at,
                io.BytesIO(label_of(rng, lift.code, blurred=state is LabelState.MORE)), "标签.jpg", kind, "visit",
                row.id, row.unit_id, row.region_code,
            )  # fmt: skip
    session.flush()
    return len(rows)


def label_of(rng: random.Random, code: str, *, blurred: bool = False) -> bytes:
    """A label in a car whose picture is scratched, as a drawing: nobody takes it for a photograph of a real one."""
    image = Image.new("RGB", (1000, 750), "#8b9299")
    draw = ImageDraw.Draw(image)
    for y in range(0, 750, 6):
        draw.line((0, y, 1000, y), fill=rng.choice(("#868d94", "#90979e")), width=3)
    draw.rounded_rectangle((300, 90, 700, 660), 24, fill="#fdfdfa", outline="#1f4e79", width=8)
    for x in range(21):
        for y in range(21):
            if rng.random() < 0.5:
                draw.rectangle((365 + x * 13, 150 + y * 13, 376 + x * 13, 161 + y * 13), fill="#111111")
    for _n in range(14):
        x, y = rng.randint(350, 620), rng.randint(140, 400)
        draw.line((x, y, x + rng.randint(40, 140), y + rng.randint(-60, 60)), fill="#d8d6cd", width=rng.randint(6, 14))
    draw.text((500, 500), code, fill="#10202e", font=ImageFont.load_default(72), anchor="mm")
    draw.text((500, 590), "DEMO", fill="#1f4e79", font=ImageFont.load_default(40), anchor="mm")
    if blurred:
        image = image.filter(ImageFilter.GaussianBlur(16))
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=80)
    return kept.getvalue()
