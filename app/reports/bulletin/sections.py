"""The sections of a bulletin, in their order on the paper: what each counts and what it then says.

To add one: a function that counts (`Asked` → plain numbers for JSON), one that writes (`Said` → blocks), and a line
in `SECTIONS`. Whatever it names, it names by the units' registered names; no person is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.models.choices import CATEGORY, ELEVATOR_STATUS, INSPECTION_KIND
from app.models.complaint import COMPLAINT_KIND
from app.reports.bulletin import event_figures, event_sections, figures, more_figures
from app.reports.bulletin.blocks import BARS, NAMED, Block, Row, Said, Section, p, table, worded
from app.reports.bulletin.charts import Bar, bars
from app.reports.bulletin.words import (
    BEFORE,
    NO_DATA,
    YEAR,
    change,
    changes,
    day_words,
    few,
    listed,
    percent,
    points,
    shares,
)
from app.rules.scoring import FULL_POINTS, ScoreState

# --- 一、基本情况


def _situation(said: Said) -> Iterator[Block]:
    f = said.figures
    now, day = f["now"], day_words(said.period.last)
    if not now:
        yield p(f"截至{day}，{said.whole}没有在册电梯，{NO_DATA}。")
        return
    status = [(worded(ELEVATOR_STATUS, key), f["status"].get(key, 0)) for key in ("in_use", "suspended", "notified")]
    gone = f["status"].get("scrapped", 0)
    yield p(
        f"截至{day}，{said.whole}在册电梯{now}台，{_ends(f)}。其中，{listed(status, '台')}",
        f"；另有累计报废{gone}台，不计在内" if gone else "", "。",
    )
    kinds = sorted(((worded(CATEGORY, key), n) for key, n in f["kinds"].items()), key=lambda one: (-one[1], one[0]))
    yield p(f"按品种分，{shares(kinds, now, '台')}。")
    places = [(name, n) for _code, name, n in f["places"]]
    if len(places) > 1:
        most = sum(count for _name, count in places[:3])
        yield p(f"按地区分，电梯较多的是{listed(places[:3], '台')}，合计占{percent(most, now)}。")
    yield Block("chart", chart=bars("电梯品种构成（台）", [Bar(name, (n,), str(n)) for name, n in kinds[:BARS]]))
    if len(places) > 1:
        lines: list[Row] = [(name, count, percent(count, now)) for name, count in places]
        yield table("各地区在册电梯", "地区 在册电梯（台） 占比", lines, (50, 25, 25))


def _ends(f: dict[str, Any]) -> str:
    return "，".join(
        change(f["now"], f[key], "台", f"{when}末") if f[key] else f"{when}末{NO_DATA}"
        for key, when in (("before", BEFORE), ("year", YEAR))
    )


# --- 二、维护保养


def _maintenance(said: Said) -> Iterator[Block]:
    f, now = said.figures, said.figures["now"]
    due = _due(now)
    if not due:
        yield p(f"本期{said.whole}没有应维保的周期，完成率{NO_DATA}。")
        return
    yield p(
        f"本期{said.whole}应维保{due}次，完成{now['done']}次，超期{now['overdue']}次，完成率"
        f"{percent(now['done'], due)}{few(due, f['least'])}，{points(*_rates(f, 'before'))}，"
        f"{points(*_rates(f, 'year'), YEAR)}。超期次数"
        f"{changes(now['overdue'], f['before']['overdue'], f['year']['overdue'], '次')}。"
    )
    if now["overdue"]:
        left = now["overdue"] - f["made_up"]
        yield p(
            f"超期的{now['overdue']}次中，事后补做{f['made_up']}次，",
            f"尚有{left}次没有补做" if left else "已全部补做",
            f"；{f['nobody']}次发生在没有维保合同期间（脱保），没有责任单位" if f["nobody"] else "", "。",
        )
    ranked = [line for line in f["places"] if line[2] + line[3]]
    if len(ranked) > 1:
        worst, best = ranked[0], ranked[-1]
        yield p(
            f"按地区分，完成率最低的是{_rated(worst)}{few(worst[2] + worst[3], f['least'])}，最高的是{_rated(best)}。"
        )
        rows = [Bar(name, (100 * a / (a + b),), percent(a, a + b)) for _c, name, a, b in ranked[:BARS]]
        yield Block("chart", chart=bars("各地区维保完成率", rows, most=100))
        yield table(
            "各地区维护保养情况", "地区 应维保（次） 完成（次） 超期（次） 完成率",
            [(name, a + b, a, b, percent(a, a + b)) for _c, name, a, b in f["places"]], (32, 17, 17, 17, 17),
        )  # fmt: skip
    late = [line for line in f["units"] if line[3]]
    if not late:
        yield p("各维保单位均没有超期。")
        return
    named = [(name, n) for _u, name, _d, n, _l, _b in late[:NAMED]]
    yield p(f"有超期的维保单位{len(late)}家，超期较多的是：{listed(named, '次')}。")
    yield table(
        "超期维保的单位", "维保单位 在用电梯（台） 应维保（次） 完成（次） 超期（次） 完成率",
        [(name, lifts, d + n, d, n, percent(d, d + n)) for _u, name, d, n, lifts, _b in late[:20]],
        (40, 12, 12, 12, 12, 12),
    )


def _due(counts: dict[str, int]) -> int:
    return counts["done"] + counts["overdue"]


def _rates(f: dict[str, Any], then: str) -> tuple[tuple[int, int], tuple[int, int]]:
    return (f["now"]["done"], _due(f["now"])), (f[then]["done"], _due(f[then]))


def _rated(line: list[Any]) -> str:
    return f"{line[1]}（{percent(line[2], line[2] + line[3])}）"


# --- 三、排名


def _scores(said: Said) -> Iterator[Block]:
    f = said.figures
    ranked = [line for line in f["lines"] if line[0] is not None]
    bare = len(f["lines"]) - len(ranked)
    if not ranked:
        yield p(f"本期没有可排名的维保单位，维护保养有效率{NO_DATA}。")
        return
    state = "确定" if f["state"] == ScoreState.FINAL else "暂定（期末满16天后确定）"
    yield p(
        f"本期{len(ranked)}家维保单位参加维护保养有效率排名，满分{FULL_POINTS}分，得分为{state}",
        f"；另有{bare}家没有应维保的周期，{NO_DATA}，不排名" if bare else "", "。",
    )
    full = [line for line in ranked if line[3] == f"{FULL_POINTS}.00"]
    if len(full) == len(ranked):
        yield p("各单位均为满分。")
    else:
        # Nobody is named on both ends: at most the lower half, and none with full points.
        many = min(NAMED, len(ranked) // 2, len(ranked) - len(full))
        lowest = "、".join(f"{line[2]}{_points(line, f)}" for line in reversed(ranked[len(ranked) - many :]))
        yield p(f"得分最高的是{_firsts(ranked)}", f"；得分靠后的是{lowest}" if lowest else "", "。")
    bare_lifts = [(line[2], line[7]) for line in f["lines"] if line[7]]
    if bare_lifts:
        yield p(f"有脱保电梯的维保单位：{listed(bare_lifts[:NAMED * 2], '台')}。")
    yield table(
        "维保单位维护保养有效率排名", "名次 维保单位 得分 应维保（次） 不合格（次） 电梯台数 脱保台数",
        [
            (
                "—" if rank is None else rank, name + ("（样本较少）" if 0 < due < f["least"] else ""), score, due, bad,
                lifts, uncovered,
            )
            for rank, _unit, name, score, due, bad, lifts, uncovered in f["lines"]
        ], (8, 35, 11, 13, 13, 10, 10), (1,), annex=True,
    )  # fmt: skip


def _firsts(ranked: list[list[Any]]) -> str:
    first = [line for line in ranked if line[0] == ranked[0][0]]
    names = "、".join(line[2] for line in first[:3]) + (f"等{len(first)}家单位" if len(first) > 3 else "")
    return f"{names}（{first[0][3]}分）"


def _points(line: list[Any], f: dict[str, Any]) -> str:
    return f"（{line[3]}分{'，样本较少' if 0 < line[4] < f['least'] else ''}）"


# --- 四、异常维保


def _anomalies(said: Said) -> Iterator[Block]:
    f = said.figures
    if not f["visits"]:
        yield p(f"本期没有维保记录，{NO_DATA}。")
        return
    if not f["now"]:
        yield p(f"本期{f['visits']}条维保记录中没有异常、无效的记录，{changes(0, f['before'], f['year'], '条')}。")
        return
    yield p(
        f"本期{f['visits']}条维保记录中，异常、无效而不计入的{f['now']}条，占{percent(f['now'], f['visits'])}，"
        f"{changes(f['now'], f['before'], f['year'], '条')}。其中，{listed(f['kinds'], '条')}。"
    )
    most = listed([(name, count) for _u, name, count, _why in f["units"][:NAMED]], "条")
    yield p(f"涉及维保单位{f['unit_count']}家，较多的是{most}。")
    yield table(
        "有异常维保的单位", "维保单位 异常（条） 原因",
        [(name, count, listed(why, "条")) for _u, name, count, why in f["units"]], (40, 14, 46), (0, 2),
    )  # fmt: skip


# --- 五、检验


def _inspections(said: Said) -> Iterator[Block]:
    f = said.figures
    now, before, year = (_inspected(f[key]) for key in ("now", "before", "year"))
    if not now[1]:
        yield p(f"本期没有检验检测记录，合格台次占比{NO_DATA}。")
        return
    results = f["now"]
    yield p(
        f"本期{said.whole}检验检测电梯{now[1]}台次，{changes(now[1], before[1], year[1], '台次')}。其中，合格"
        f"{results.get('passed', 0)}台次、复检合格{results.get('passed_again', 0)}台次、不合格"
        f"{results.get('failed', 0)}台次；合格台次占比{percent(*now)}{few(now[1], f['least'])}，{points(now, before)}。"
    )
    if f["units"]:
        named = listed([(name, n) for _u, name, n in f["units"][:NAMED * 2]], "台")
        yield p(f"因维保单位原因检验不合格的：{named}。")
    yield table(
        "检验检测情况", "类别 合格（台次） 复检合格（台次） 不合格（台次） 合格台次占比",
        [
            (
                worded(INSPECTION_KIND, kind), by.get("passed", 0), by.get("passed_again", 0), by.get("failed", 0),
                percent(*_inspected(by)),
            )
            for kind, by in f["kinds"]
        ], (28, 18, 18, 18, 18),
    )  # fmt: skip


def _inspected(results: dict[str, int]) -> tuple[int, int]:
    """Passed at once, of all. A later 复检合格 is an inspection of its own and no first pass."""
    return results.get("passed", 0), sum(results.values())


# --- 六、投诉


def _complaints(said: Said) -> Iterator[Block]:
    f = said.figures
    if not f["now"]:
        yield p(f"本期没有收到公众投诉，{changes(0, f['before'], f['year'], '件')}。")
        return
    r = f["results"]
    judged = r["on_time"] + r["late"]
    yield p(
        f"本期收到公众投诉{f['now']}件，{changes(f['now'], f['before'], f['year'], '件')}。截至{said.as_of_day}，"
        f"处置及时{r['on_time']}件、不及时{r['late']}件、办理中{r['open']}件",
        f"、不属实{r['untrue']}件" if r["untrue"] else "",
        f"；及时率{percent(r['on_time'], judged)}{few(judged, f['least'])}。",
    )
    kinds = [(worded(COMPLAINT_KIND, kind), n) for kind, n in f["kinds"]]
    yield p(f"反映的问题主要是{listed(kinds[:NAMED], '件')}（一件可有多项）。")
    if f["units"]:
        yield p(f"处置不及时的承办单位：{listed([(name, n) for _u, name, n in f['units'][:NAMED * 2]], '件')}。")
    yield Block("chart", chart=bars("投诉反映的问题（件）", [Bar(name, (n,), str(n)) for name, n in kinds]))


# --- 七、超期和临近


def _warnings(said: Said) -> Iterator[Block]:
    f = said.figures
    pairs = (
        ("维保", f["maintenance"]), ("年检", f["inspection"]), ("限速器校验", f["governor"]), ("维保合同", f["cover"])
    )
    over = [(name, both[0]) for name, both in pairs if both[0]]
    told = "没有维保、年检、限速器校验和合同超期的"
    if over:
        told = f"已超期的有：{listed(over, '台')}（维保合同超期即脱保）"
    yield p(f"截至{said.as_of_day}，{said.whole}在用电梯中，{told}。")
    if f["units"]:
        worst = [f"{name}（维保超期{late}台、脱保{bare}台）" for _u, name, late, bare in f["units"][:NAMED]]
        yield p(f"超期较多的维保单位：{'；'.join(worst)}。")
    if f["users"]:
        yield p(f"超期未检较多的使用单位：{listed([(name, n) for _u, name, n in f['users'][:NAMED]], '台')}。")
    rows: list[Row] = [(name, *both) for name, both in pairs]
    yield table("超期和临近到期", "类别 已超期（台） 临近到期（台）", rows, (40, 30, 30))


def _first(key: str) -> Callable[[dict[str, Any]], list[int]]:
    return lambda found: [line[0] for line in found.get(key, [])]


SECTIONS: tuple[Section, ...] = (
    Section("situation", "电梯基本情况", figures.situation, _situation),
    Section("maintenance", "维护保养情况", figures.maintenance, _maintenance,
            named=lambda found: [line[0] for line in found["units"] if line[3]]),
    Section("scores", "维保单位排名", figures.scores, _scores,
            named=lambda found: [line[1] for line in found["lines"]]),
    Section("anomalies", "异常维保情况", more_figures.anomalies, _anomalies, named=_first("units")),
    Section("inspections", "检验检测情况", more_figures.inspections, _inspections, named=_first("units")),
    Section("complaints", "公众投诉情况", more_figures.complaints, _complaints, named=_first("units")),
    Section("rates", "六个率动态积分情况", event_figures.rates, event_sections.rates,
            named=lambda found: [line[1] for line in found["lines"]]),
    Section("rescues", "困人应急救援情况", event_figures.rescues, event_sections.rescues, named=_first("units")),
    Section("repairs", "报修维修情况", event_figures.repairs, event_sections.repairs, named=_first("units")),
    Section("enforcement", "执法和申诉情况", event_figures.enforcement, event_sections.enforcement,
            named=_first("units")),
    Section("warnings", "超期和临近到期情况", figures.warnings, _warnings, of_the_moment=True,
            named=lambda found: _first("units")(found) + _first("users")(found)),
)  # fmt: skip
