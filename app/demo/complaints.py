"""Invented complaints of the demo region in each state, and messages; made by the product's own verbs, before now."""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.demo.evidence import picture
from app.demo.office import actor_named
from app.demo.people import first_firm
from app.models import Complaint, Elevator
from app.permissions import Actor
from app.workflows.files import attachments
from app.workflows.public import complaints, messages

HOUR = dt.timedelta(hours=1)
# Who complained of what, how many hours ago; then what was done, how many hours after the complaint.
STORIES: tuple[tuple[str, tuple[str, ...], str, int, tuple[tuple[str, int, str], ...]], ...] = (
    ("顾先生", ("shaking",), "上行到 9 楼附近抖动明显", 3, ()),
    ("沈女士", ("noise", "doors"), "关门时有摩擦声，夜里很响", 31, ()),
    ("陆先生", ("buttons",), "6 楼外呼按钮按了没有反应", 20, (("accept", 4, ""),)),
    ("叶女士", ("faults",), "一周停了三次", 40, (("accept", 6, ""), ("handle", 30, "更换门锁触点，试运行 20 次正常"))),
    ("周先生", ("noise",), "运行时有异响", 240, (
        ("accept", 2, ""), ("handle", 26, "调整导靴间隙并润滑，异响消失"), ("agree", 40, "已试乘，正常"),
    )),
    ("何女士", ("doors",), "开门慢，差点夹到人", 480, (
        ("accept", 40, ""), ("handle", 90, "更换门机皮带"), ("agree", 120, ""),
    )),
    ("秦先生", ("shaking", "noise"), "抖动，停层不平", 96, (
        ("accept", 3, ""), ("handle", 30, "校正平层"), ("disagree", 44, "仍然不平层，请再看"),
    )),
    ("白女士", ("other",), "6 楼外部楼层显示板失灵", 200, (
        ("accept", 5, ""), ("handle", 20, "重新插接"), ("disagree", 30, "又不亮了"), ("handle", 50, "更换显示板电源"),
        ("disagree", 70, "时好时坏"),
    )),
    ("某先生", ("other",), "电梯里没有信号", 300, (("close", 10, "手机信号覆盖不属于电梯故障，已转告物业"),)),
)  # fmt: skip
TALKS = (
    ("轿厢里的风扇能开大一点吗", 70, "已调到高档，谢谢提醒", True), ("扶手松了", 30, "已紧固", None),
    ("几号楼的电梯会装新的按钮板？", 5, "", None),
)  # fmt: skip


def make(session: Any, at: dt.datetime, seed: int = 1) -> int:
    """A complaint a story at the demo firm's elevators; how many. Nothing without the demo's accounts."""
    named = {name: actor_named(session, name) for name in ("weibao_yuan", "anquan_yuan", "shiju")}
    worker, officer, city = (named[name] for name in ("weibao_yuan", "anquan_yuan", "shiju"))
    if worker is None or officer is None or city is None:
        return 0
    firm, use_unit, _person = first_firm(session)
    lifts = session.scalars(
        select(Elevator)
        .where(
            Elevator.maintenance_unit_id == firm.id, Elevator.use_unit_id == use_unit.id,
            Elevator.status == "in_use", Elevator.is_secret.is_(False),
        )
        .order_by(Elevator.id)
        .limit(5)
    ).all()  # fmt: skip
    rng = random.Random(f"complaints-{seed}")
    for number, (name, kinds, body, hours, steps) in enumerate(STORIES):
        lift, begun = lifts[number % len(lifts)], at - hours * HOUR
        form = {"name": name, "phone": f"1390000{number:04d}", "body": body}
        photos = []
        if number % 3 == 0:
            photos = [attachments.receive(io.BytesIO(picture(rng, lift.code, "#5d6b78")), "现场.jpg", "photo")]
        row = complaints.complain(session, lift, form, kinds, photos, begun, None)
        for verb, after, words in steps:
            _STEPS[verb](session, {"accept": worker, "handle": worker, "close": city}.get(verb, officer), row, words,
                begun + after * HOUR)  # fmt: skip
    for body, hours, answer, shown in TALKS:
        said = messages.leave(session, lifts[0], body, at - hours * HOUR, None)
        if answer:
            messages.reply(session, worker, said.id, answer, at - (hours - 2) * HOUR)
        if shown:
            messages.publish(session, city, said.id, True, at - (hours - 3) * HOUR)
    return len(STORIES)


_STEPS: dict[str, Callable[[Any, Actor, Complaint, str, dt.datetime], Any]] = {
    "accept": lambda session, who, row, words, at: complaints.accept(session, who, row.id, at),
    "handle": lambda session, who, row, words, at: complaints.handle(session, who, row.id, words, at),
    "agree": lambda session, who, row, words, at: complaints.review(session, who, row.id, True, words, at),
    "disagree": lambda session, who, row, words, at: complaints.review(session, who, row.id, False, words, at),
    "close": lambda session, who, row, words, at: complaints.close(session, who, row.id, words, True, at),
}
