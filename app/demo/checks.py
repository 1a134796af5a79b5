"""What wants an explanation in the demo region, a case about it in each state; spot checks drawn, cancelled, waiting.

A few visits of the demo firm are moved within their day, as careless or dishonest people would have it: the desk's own
look finds them. Nothing else of the demo changes, for days and states stay.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections import defaultdict
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from app import clock
from app.demo.evidence import picture
from app.demo.office import actor_named, main_of
from app.demo.people import first_firm
from app.models import Elevator, FraudSignal, Visit
from app.permissions import SYSTEM, Actor
from app.rules.checkin import Place, distance_metres
from app.rules.spot_checks import CheckState
from app.rules.spot_draw import TEAM
from app.workflows.files import attachments
from app.workflows.oversight import fraud, fraud_look, fraud_photos, spot_checks, spot_draws
from app.workflows.oversight.spot_draws import Plan
from app.workflows.oversight.spot_risk import Asked

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
# Days back in which a worker's day is sought, and how far apart two of its elevators must be.
BACK, FAR = 40, 3000
SEEDS = ("演示彩票第 2026001 期 03 09 17 22 28 31", "演示彩票第 2026002 期 05 06 11 19 24 33")


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """Doubtful days, cases and draws; how many signals there are. Nothing without the demo's accounts."""
    city, district = actor_named(session, "shiju"), actor_named(session, "linhe")
    if city is None or district is None:
        return 0
    firm, _use_unit, _worker = first_firm(session)
    days = _doubtful(session, firm.id, at, random.Random(f"checks-{seed}"))
    for on in sorted(days):
        done = fraud_look.look(session, on, at)
        fraud_photos.compare(session, on, at, None, done)
    _cases(session, city, main_of(session, firm.id), at)
    _draws(session, city, district, main_of(session, firm.id), at)
    return len(session.scalars(select(FraudSignal.id)).all())


def _doubtful(session: Any, unit_id: int, at: dt.datetime, rng: random.Random) -> set[dt.date]:
    """Move visits of a few days so that something is to be explained; the days."""
    today = clock.local_day(at)
    statement = (
        select(Visit)
        .where(
            Visit.unit_id == unit_id, Visit.visit_on.between(today - BACK * DAY, today - 2 * DAY),
            Visit.checked_out_at.is_not(None), Visit.state == "valid",
        )
        .order_by(Visit.worker_id, Visit.visit_on, Visit.checked_in_at, Visit.id)
    )  # fmt: skip
    by_day = defaultdict(list)
    for row in session.scalars(statement):
        by_day[row.worker_id, row.visit_on].append(row)
    days: set[dt.date] = set()
    for (_worker, on), rows in by_day.items():
        if len(days) >= 5:
            break
        for first, second in pairwise(rows):
            if on in days or first.elevator_id == second.elevator_id or _metres(session, first, second) < FAR:
                continue
            # In turns: on the way for two minutes, or at both at once.
            gap = -20 * MINUTE if len(days) % 2 else 2 * MINUTE
            length = second.checked_out_at - second.checked_in_at
            second.checked_in_at = first.checked_out_at + gap
            second.checked_out_at = second.checked_in_at + length
            for row in (first, second):
                row.taken_over = False
            days.add(on)
            break
    if days:
        _same_photo(session, [rows[0] for rows in by_day.values() if rows[0].visit_on in days][:2], rng)
    session.flush()
    return days


def _same_photo(session: Any, rows: list[Visit], rng: random.Random) -> None:
    """One picture for two visits."""
    shown = picture(rng, "", "#5d6b78")
    for row in rows:
        row.taken_over = False
        assert row.checked_out_at is not None
        attachments.store(
            session, SYSTEM.by("cli"), row.checked_out_at, io.BytesIO(shown), "机房.jpg", "photo", "visit", row.id,
            row.unit_id, row.region_code,
        )  # fmt: skip


def _metres(session: Any, first: Visit, second: Visit) -> float:
    a, b = (session.get(Elevator, row.elevator_id) for row in (first, second))
    if None in (a.latitude, a.longitude, b.latitude, b.longitude):
        return 0
    return distance_metres(Place(a.latitude, a.longitude), Place(b.latitude, b.longitude))


def _cases(session: Any, city: Actor, head: Actor, at: dt.datetime) -> None:
    """One asked, one answered, one decided; one signal set aside; the others wait."""
    statement = select(FraudSignal.id).where(FraudSignal.unit_id == head.unit_id).order_by(FraudSignal.id)
    keys = list(session.scalars(statement))
    if len(keys) < 4:
        return
    asked = "请说明当天的行程：何时离开前一台电梯、怎样到达后一台，有什么可以证明。"
    first = fraud.open_case(session, city, keys[:1], asked, at - 9 * DAY)
    fraud.answer(session, head, first.id, "当天由两名维保员分头作业，误用同一账号签到，已批评教育。", at - 8 * DAY)
    fraud.decide(session, city, first.id, "warned", "账号只能本人使用，予以警示；记录不改。", at - 7 * DAY)
    second = fraud.open_case(session, city, keys[1:2], asked, at - 3 * DAY)
    fraud.answer(session, head, second.id, "两台电梯在同一小区，前一台签退延迟。附小区门禁记录。", at - DAY)
    fraud.open_case(session, city, keys[2:3], asked, at - DAY)
    fraud.set_aside(session, city, keys[3], "现场核实：两台电梯共用机房", at - DAY)


def _draws(session: Any, city: Actor, district: Actor, head: Actor, at: dt.datetime) -> None:
    """A draw with results in each state, a cancelled one, one that is published and waits for its public text."""
    people = [account.id for account in spot_draws.inspectors_of(session, city)]
    if len(people) < TEAM:
        return
    day = clock.local_day(at)
    plans = (
        Plan("电梯维保质量双随机抽查", Asked(unit_id=head.unit_id), 6, 60, 20, day + 20 * DAY, people),
        Plan("老旧电梯专项抽查", Asked(), 5, 100, 10, day + 10 * DAY, people),
        Plan("维保单位双随机抽查", Asked("unit"), 2, 50, 50, day + 30 * DAY, people),
    )
    rows = [spot_draws.announce(session, city, plan, at - 12 * DAY) for plan in plans]
    for row, public in zip(rows, SEEDS, strict=False):
        spot_draws.draw(session, city, row.id, public, at - 11 * DAY)
    spot_draws.cancel(session, city, rows[1].id, "专项抽查改由省局统一组织", at - 10 * DAY)
    checks = [one for one in spot_draws.checks_of(session, rows[0]) if one.state == CheckState.WAITING]
    told = ("轿厢、机房、底坑逐项检查，维保记录与现场一致。", "底坑积水，限速器张紧轮行程不足。", "层门自闭力不足。")
    for number, (check, words) in enumerate(zip(checks, told, strict=False)):
        who = city if city.user_id in (check.inspector_id, check.partner_id) else district
        demand = "" if number == 0 else "排除积水并调整张紧轮，附照片。" if number == 1 else "更换层门重锤，附照片。"
        spot_checks.enter(session, who, check.id, number == 0, words, demand, at - (9 - number) * DAY)
    if len(checks) > 2 and checks[2].unit_id == head.unit_id:
        spot_checks.fix(session, head, checks[2].id, "已更换层门重锤，自闭正常。", at - DAY)
