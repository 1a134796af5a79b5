"""Parts with a life, and landing doors (ELV-05): when a part is due, which landings an elevator has. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
# The same for those kinds of elevators (as kinds of item lists go) that have other parts.
_USUAL_OF: Mapping[str, tuple[str, ...]] = {
    "B": (
        "液压油", "液压油滤芯", "液压软管", "液压缸密封件", "限速切断阀", "导靴靴衬", "门滑块", "门锁触点", "门机皮带",
        "层门钢丝绳", "缓冲器", "应急照明电池", "控制柜接触器", "随行电缆",
    ),
    "C": ("曳引钢丝绳", "限速器钢丝绳", "制动器闸瓦", "导靴靴衬", "门锁触点", "缓冲器", "控制柜接触器", "随行电缆"),
    "D": (
        "梯级链", "梯级滚轮", "驱动链", "扶手带", "扶手带驱动轮", "制动器闸瓦", "附加制动器", "梳齿板", "围裙板毛刷",
        "控制柜接触器",
    ),
}  # fmt: skip
MOST_USUAL, LONGEST_NAME = 60, 40


@dataclass(frozen=True, slots=True)
class Usual:
    """A part that elevators of a kind usually have, and how long it lasts; None: as policy says."""

    name: str
    life_months: int | None = None


def usual_of(kind: str) -> tuple[Usual, ...]:
    """What a kind's elevators have where nobody keeps a list of his own."""
    return tuple(Usual(name) for name in _USUAL_OF.get(kind, USUAL))


def usual_findings(given: Sequence[Usual]) -> list[Finding]:
    """All that is wrong with a list of usual parts, each line by its number."""
    found = [
        Finding("常用组件", len(given) <= MOST_USUAL, say("一共 %(n)s 个", n=len(given)),
                say("最多 %(n)s 个", n=MOST_USUAL), field="rows"),
    ]  # fmt: skip
    times = Counter(one.name for one in given)
    for line, one in enumerate(given, 1):
        if not 0 < len(one.name) <= LONGEST_NAME:
            said = say("第 %(line)s 行的名称有 %(n)s 个字", line=line, n=len(one.name))
            found.append(Finding("组件", False, said, say("请填写 1 到 %(n)s 个字", n=LONGEST_NAME), field="rows"))
        elif times[one.name] > 1:
            said = say("第 %(line)s 行“%(name)s”重复", line=line, name=one.name)
            found.append(Finding("组件", False, said, "同名的请写明位置，例如 制动器（左）", field="rows"))
        if one.life_months is not None and not LEAST_MONTHS <= one.life_months <= MOST_MONTHS:
            said = say("第 %(line)s 行的寿命为 %(n)s 个月", line=line, n=one.life_months)
            remedy = say("请填写 %(a)s 到 %(b)s 的整数", a=LEAST_MONTHS, b=MOST_MONTHS)
            found.append(Finding("寿命", False, said, remedy, field="rows"))
    return found


def counted_from(in_use_since: dt.date | None, life_months: int, today: dt.date) -> tuple[dt.date, bool]:
    """From which day a part's life is counted where nobody said when it was put in, and whether that is a day known.

    A new elevator's parts are as old as it is. Of one that is older than the part can be, nobody knows when the part
    was exchanged: it is counted from the day on which it is registered.
    """
    if in_use_since is not None and in_use_since <= today <= due_on(in_use_since, life_months):
        return in_use_since, True
    return today, False


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
    return [
        Finding("站数", known, say("档案的站数为 %(n)s", n="—" if stops is None else stops),
                "" if known else "请先在电梯档案里填写站数，审核通过后再生成", field="stops"),
        floor_finding(lowest),
    ]  # fmt: skip


def floor_finding(lowest: int | str) -> Finding:
    """Whether there is such a floor to begin with; what is no number comes as it was typed."""
    floor = isinstance(lowest, int) and LOWEST_FLOOR <= lowest <= MOST_STOPS and lowest != 0
    return Finding(
        "最低层", floor,
        say("最低层为 %(n)s", n=lowest) if isinstance(lowest, int) else say("最低层填写的是“%(typed)s”", typed=lowest),
        "" if floor else say("请填写 %(a)s 到 %(b)s 之间的整数，没有 0 层", a=LOWEST_FLOOR, b=MOST_STOPS),
        field="lowest",
    )  # fmt: skip
