"""What a bulletin says of the six rates, rescues, repairs, enforcement and appeals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.models.enforcement import ENFORCEMENT_KIND
from app.models.repair import REPAIR_CAUSE, REPAIR_LEVEL
from app.models.rescue import RESCUE_CAUSE
from app.reports.bulletin.blocks import NAMED, Block, Said, p, table, worded
from app.reports.bulletin.words import NO_DATA, YEAR, changes, few, listed, percent, points
from app.rules.scoring import ScoreState


def rates(said: Said) -> Iterator[Block]:
    f = said.figures
    ranked = [line for line in f["lines"] if line[0] is not None]
    if not ranked:
        yield p(f"本期没有可排名的维保单位，六个率动态积分{NO_DATA}。")
        return
    state = "确定" if f["state"] == ScoreState.FINAL else "暂定（期末满16天后确定）"
    yield p(
        f"本期{len(ranked)}家维保单位参加六个率动态积分排名，满分{f['most']}分，得分为{state}。",
        "没有可计算的记录的率为无数据，总分中按满分计。",
    )
    # Nobody is named on both ends.
    many = min(NAMED, len(ranked) // 2)
    best = "、".join(_total(line, f) for line in ranked[: many or 1])
    worst = "、".join(_total(line, f) for line in reversed(ranked[len(ranked) - many :])) if many else ""
    yield p(f"总分靠前的是{best}", f"；靠后的是{worst}" if worst else "", "。")
    yield table(
        "维保单位六个率动态积分排名", "名次 维保单位 总分 维护保养 救援 反馈 检验 故障 变更",
        [("—" if line[0] is None else line[0], line[2] + _small(line, f), *line[3:10]) for line in f["lines"]],
        (7, 21, 11, 11, 10, 10, 10, 10, 10), (1,), annex=True,
    )  # fmt: skip


def _small(line: list[Any], f: dict[str, Any]) -> str:
    return "（样本较少）" if 0 < line[10] < f["least"] else ""


def _total(line: list[Any], f: dict[str, Any]) -> str:
    return f"{line[2]}（{line[3]}分{'，样本较少' if _small(line, f) else ''}）"


def rescues(said: Said) -> Iterator[Block]:
    f = said.figures
    now = f["now"]
    compared = changes(now["total"], f["before"]["total"], f["year"]["total"], "次")
    if not now["total"]:
        yield p(f"本期没有困人报警，{compared}；救援合规率{NO_DATA}。")
        return
    rate = now["on_time"], now["on_time"] + now["late"]
    before, year = ((f[then]["on_time"], f[then]["on_time"] + f[then]["late"]) for then in ("before", "year"))
    yield p(
        f"本期{said.whole}应急救援{now['total']}次，{compared}。其中确认困人{now['entrapments']}次，解救{now['people']}人。"
    )
    yield p(
        f"截至{said.as_of_day}，处置合规{now['on_time']}次、不合规{now['late']}次",
        f"、处置中{now['open']}次" if now["open"] else "",
        f"；合规率{percent(*rate)}{few(rate[1], f['least'])}，{points(rate, before)}，{points(rate, year, YEAR)}。",
        f"接单后平均{now['arrive']}分钟到达现场。" if now["arrive"] is not None else f"平均到达用时{NO_DATA}。",
    )
    if f["causes"]:
        causes = listed([(worded(RESCUE_CAUSE, cause), n) for cause, n in f["causes"][:NAMED]], "次")
        yield p(f"困人的主要原因是{causes}。")
    if f["units"]:
        yield p(f"救援不合规的维保单位：{_late(f, '次')}。")


def repairs(said: Said) -> Iterator[Block]:
    f = said.figures
    if not f["now"]:
        yield p(f"本期没有报修，{changes(0, f['before'], f['year'], '件')}；处理及时率{NO_DATA}。")
        return
    levels = listed([(worded(REPAIR_LEVEL, level), n) for level, n in f["levels"]], "件")
    yield p(
        f"本期{said.whole}报修{f['now']}件，{changes(f['now'], f['before'], f['year'], '件')}。按故障级别分，{levels}。"
    )
    in_time = f["now"] - f["late"]
    yield p(
        f"截至{said.as_of_day}，已处理{f['done']}件、未完成{f['open']}件；不及时{f['late']}件，"
        f"及时率{percent(in_time, f['now'])}{few(f['now'], f['least'])}。"
    )
    if f["causes"]:
        causes = listed([(worded(REPAIR_CAUSE, cause), n) for cause, n in f["causes"][:NAMED]], "件")
        yield p(f"已处理的故障主要在{causes}。")
    if f["units"]:
        yield p(f"处理不及时的维保单位：{_late(f, '件')}。")


def _late(f: dict[str, Any], unit: str) -> str:
    """甲3次（共5次，样本较少，仅供参考）."""
    return "、".join(
        f"{name}{late}{unit}（共{judged}{unit}{'，样本较少' if judged < f['least'] else ''}）"
        for _key, name, late, judged in f["units"][: NAMED * 2]
    )


def enforcement(said: Said) -> Iterator[Block]:
    f = said.figures
    now, before, year = (sum(f[then].values()) for then in ("now", "before", "year"))
    if now:
        kinds = listed([(worded(ENFORCEMENT_KIND, kind), n) for kind, n in sorted(f["now"].items())], "件")
        yield p(f"本期对电梯相关单位作出约谈、警告和立案处罚{now}件（{kinds}），{changes(now, before, year, '件')}。")
        yield p(f"涉及的单位：{listed([(name, n) for _u, name, n in f['units'][: NAMED * 2]], '件')}。")
    else:
        yield p(f"本期没有作出约谈、警告和立案处罚，{changes(0, before, year, '件')}。")
    a = f["appeals"]
    made = sum(a.values())
    if not made:
        yield p("本期没有收到单位的申诉。")
        return
    decided = a["approved"] + a["rejected"]
    yield p(
        f"本期收到单位申诉{made}件，截至{said.as_of_day}，成立{a['approved']}件、不成立{a['rejected']}件、"
        f"撤回{a['withdrawn']}件、办理中{a['open']}件；成立率{percent(a['approved'], decided)}。"
    )
