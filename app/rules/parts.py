"""Parts with a life, and landing doors (ELV-05): when a part is due, which landings an elevator has. Pure."""

from __future__ import annotations

import datetime as dt

from app.errors import Finding
from app.rules.calendar import add_months
from app.wording import say

LEAST_MONTHS, MOST_MONTHS = 1, 600
MOST_STOPS, LOWEST_FLOOR = 200, -20
# What a maintenance unit usually keeps an eye on; any other name may be typed.
USUAL = (
    "曳引钢丝绳", "限速器钢丝绳", "制动器闸瓦", "制动器铁芯", "导靴靴衬", "门滑块", "门锁触点", "门机皮带",
    "层门钢丝绳", "补偿链", "缓冲器", "安全钳", "应急照明电池", "控制柜接触器", "随行电缆",
)  # fmt: skip


def due_on(installed_on: dt.date, life_months: int) -> dt.date:
    """The last day of a part's life: the same day so many calendar months on, cut at the month's end."""
    return add_months(installed_on, life_months)


def life_finding(months: int | None) -> Finding:
    """Whether a life is one at all."""
    ok = months is not None and LEAST_MONTHS <= months <= MOST_MONTHS
    remedy = say("请填写 %(a)s 到 %(b)s 的整数", a=LEAST_MONTHS, b=MOST_MONTHS)
    return Finding("寿命", ok, say("%(n)s 个月", n="—" if months is None else months), "" if ok else remedy,
                   field="life_months")  # fmt: skip


def landings(stops: int, lowest: int = 1) -> list[str]:
    """The names of so many landings from the lowest floor up; there is no floor 0: -2, -1, 1, 2."""
    found: list[str] = []
    floor = lowest
    while len(found) < stops:
        if floor != 0:
            found.append(str(floor))
        floor += 1
    return found


def stops_findings(stops: int | None, lowest: int) -> list[Finding]:
    """Whether doors can be made from 站数 and the lowest floor."""
    known = stops is not None and 1 <= stops <= MOST_STOPS
    floor = LOWEST_FLOOR <= lowest <= MOST_STOPS and lowest != 0
    return [
        Finding("站数", known, say("档案的站数为 %(n)s", n="—" if stops is None else stops),
                "" if known else "请先在电梯档案里填写站数，审核通过后再生成", field="stops"),
        Finding("最低层", floor, say("最低层为 %(n)s", n=lowest),
                "" if floor else say("请填写 %(a)s 到 %(b)s 之间的整数，没有 0 层", a=LOWEST_FLOOR, b=MOST_STOPS),
                field="lowest"),
    ]  # fmt: skip
