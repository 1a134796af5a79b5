"""Invented repairs of the demo region in each state, and anomalies; made by the product's own verbs, before now."""

from __future__ import annotations

import datetime as dt
import io
import random
from typing import Any

from sqlalchemy import select

from app.demo.evidence import picture
from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Elevator
from app.permissions import Actor
from app.workflows.files import attachments
from app.workflows.on_site.presence import Position
from app.workflows.oversight import anomalies
from app.workflows.repair import repair_work, repairs
from app.workflows.repair.repair_work import Ending

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
# Who reported what, how many hours ago; how far it came; then why it broke, what was done, which parts.
STORIES: tuple[tuple[str, str, str, float, str, tuple[str, str, str] | None], ...] = (
    ("use", "stopped", "停在 6 楼，门打不开，轿厢内无人", 0.6, "waiting", None),
    ("clerk", "running", "关门时反复开合三四次", 5, "assigned", None),
    ("use", "running", "上行到 9 楼附近抖动", 7, "accepted", None),
    ("use", "stopped", "断电恢复后不运行", 4, "started", None),
    ("use", "escort", "业主装修搬运大件，请配合值守", 30, "done", ("none", "现场值守，装完后试运行正常", "")),
    ("worker", "running", "3 楼外呼按钮接触不良", 52, "done", ("buttons", "更换外呼按钮", "外呼按钮 1 只")),
    ("use", "stopped", "门区外停梯", 76, "done", ("door", "更换层门门锁触点，试运行 20 次", "门锁触点 1 只")),
    ("use", "trapped", "困人救出后，厅门变形", 170, "done", ("door", "校正厅门，更换门滑块", "门滑块 2 只")),
    ("clerk", "stopped", "底坑进水", 300, "done", ("water", "排水、烘干，底坑照明线路待换", "")),
    ("use", "other", "轿厢内有异味", 400, "cancelled", None),
)  # fmt: skip
ODD: tuple[tuple[str, str, str, float, str, str], ...] = (
    ("iot", "door", "开门到位超时", 0.4, "", ""), ("use", "shaking", "下行时抖动，夜里更明显", 3, "", ""),
    ("worker", "noise", "主机有间断异响", 26, "confirm", ""), ("iot", "stopped", "门区外停梯", 49, "repair", ""),
    ("iot", "overload", "超载", 60, "dismiss", "搬家超载，已提醒，设备正常"),
    ("use", "misuse", "有人扒门", 90, "solve", "已劝离并张贴提示"),
)  # fmt: skip


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """An order a story at the demo firm's elevators, and anomalies; how many. Nothing without the demo's accounts."""
    names = {"use": "anquan_yuan", "clerk": "weibao_wenyuan", "worker": "weibao_yuan", "city": "shiju"}
    found = {key: actor_named(session, name) for key, name in names.items()}
    who: dict[str, Actor] = {key: one for key, one in found.items() if one is not None}
    if len(who) < len(names):
        return 0
    firm, use_unit, _person = first_firm(session)
    lifts = session.scalars(
        select(Elevator)
        .where(
            Elevator.maintenance_unit_id == firm.id, Elevator.use_unit_id == use_unit.id,
            Elevator.status == "in_use", Elevator.is_secret.is_(False),
        )
        .order_by(Elevator.id)
        .limit(6)
    ).all()  # fmt: skip
    rng = random.Random(f"repairs-{seed}")
    for number, (reporter, level, fault, hours, until, end) in enumerate(STORIES):
        lift, begun = lifts[number % len(lifts)], at - hours * HOUR
        photos = [_photo(session, rng, who[reporter], lift, begun)] if number % 3 == 0 else []
        row = repairs.report(session, who[reporter], lift.id, level, fault, "", begun, photo_ids=photos)
        _on(session, who, row.id, begun, until, end, rng)
    for number, (source, kind, text, hours, verb, note) in enumerate(ODD):
        lift, begun = lifts[(number + 2) % len(lifts)], at - hours * HOUR
        if source == "iot":
            for again in range(1 + number % 3):
                odd = anomalies.found(
                    session, None, lift, source="iot", kind=kind, text=text, at=begun + again * MINUTE
                )
        else:
            odd = anomalies.report(session, who[source], lift.id, kind, text, begun)
        if verb:
            anomalies.handle(session, who["city"], odd.id, verb, note, begun + 2 * HOUR)
    return len(STORIES)


def _on(
    session: Any, who: dict[str, Actor], key: int, begun: dt.datetime, until: str, end: tuple[str, str, str] | None,
    rng: random.Random,
) -> None:  # fmt: skip
    """As far as the story goes, a few minutes or an hour between two steps."""
    worker = who["worker"]
    if until == "waiting":
        return
    if until == "cancelled":
        repair_work.cancel(session, who["use"], key, "已自行通风，不用维修", begun + 30 * MINUTE)
        return
    now = begun + rng.randint(5, 20) * MINUTE
    repair_work.assign(session, who["clerk"], key, worker.person_id, [], now)
    if until == "assigned":
        return
    now += rng.randint(3, 25) * MINUTE
    repair_work.accept(session, worker, key, now)
    if until == "accepted":
        return
    now += rng.randint(5, 15) * MINUTE
    repair_work.depart(session, worker, key, now)
    now += rng.randint(15, 50) * MINUTE
    repair_work.start(session, worker, key, Position(), now)
    if end is None:
        return
    cause, action, parts = end
    now += rng.randint(30, 150) * MINUTE
    repair_work.end(session, worker, key, Ending(cause, action, parts, cause != "water"), now)


def _photo(session: Any, rng: random.Random, actor: Actor, lift: Elevator, at: dt.datetime) -> int:
    made = attachments.receive(io.BytesIO(picture(rng, lift.code, "#5d6b78")), "故障现场.jpg", "photo")
    return attachments.record(
        session, actor, at, made, repairs.ENTITY, None, actor.unit_id, lift.region_code
    ).id  # fmt: skip
