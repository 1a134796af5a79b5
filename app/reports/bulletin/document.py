"""A bulletin as a paper: its head, its numbered sections with what persons wrote, its signature, its annexes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import clock
from app.models import Bulletin, Region
from app.models.policy import policy_version
from app.reports.bulletin.asked import Asked
from app.reports.bulletin.blocks import Block, Said, Section, Table
from app.reports.bulletin.sections import SECTIONS
from app.reports.bulletin.words import day_words, period_words, whole
from app.rules.bulletins import paragraphs
from app.rules.periods import Period, period_of

NUMERALS = (*"一二三四五六七八九十", "十一", "十二", "十三", "十四", "十五")
# The parts that persons write: by name, before and after the sections, and a remark in each.
OPENING, CLOSING = "opening", "closing"
MARK = "电梯通报"
BLANKS = {OPENING: "前言", CLOSING: "工作要求"}
# So much of what differs stands on a page.
MOST_SHOWN, LONGEST_SHOWN = 8, 200
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A numbered section: what was counted, then what somebody wrote to it."""

    name: str
    title: str
    blocks: list[Block]


@dataclass(slots=True)
class Paper:
    """The whole, ready to be written as .docx or as a page."""

    office: str
    number: str
    title: str
    addressees: str
    opening: list[Block]
    parts: list[Part]
    signed: str
    day: str
    notes: list[str]
    annexes: list[Table] = field(default_factory=list)
    draft: bool = False
    note: str = ""


def parts_of_texts() -> dict[str, str]:
    """Which parts have a text of persons, with their titles."""
    return {OPENING: BLANKS[OPENING], **{one.name: one.title for one in SECTIONS}, CLOSING: BLANKS[CLOSING]}


def count(asked: Asked, progress: Progress | None = None) -> dict[str, Any]:
    """All figures, section by section."""
    found = {}
    for number, section in enumerate(SECTIONS):
        if progress is not None:
            progress(number, len(SECTIONS))
        found[section.name] = section.count(asked)
    # What is kept is what comes back: keys are text, tuples are lists.
    kept: dict[str, Any] = json.loads(json.dumps(found, ensure_ascii=False))
    return kept


def digest_of(found: dict[str, Any], region: str, period: str, as_of: dt.datetime) -> str:
    told = json.dumps([region, period, as_of.isoformat(), found], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def policy_of(asked: Asked) -> str:
    return policy_version(asked.session, asked.region.code, asked.period.last)


# With it the second line of the title begins.
SECOND_LINE = "和维护保养"


def title_of(region: Region, period: Period, corrects: str = "") -> str:
    said = f"关于{period_words(period)}{whole(region.level, region.name)}电梯安全运行和维护保养情况的通报"
    return f"{said}（更正）" if corrects else said


def head_of(region: Region, period: Period, corrects: str = "") -> tuple[str, str, str]:
    """Title, issuing office and the letters of its numbers, as a first draft has them."""
    return title_of(region, period, corrects), f"{region.name}市场监督管理局", MARK


def first_texts(found: dict[str, Any], region: Region, period: Period) -> dict[str, str]:
    """What a draft begins with, to be written over: why, and what is asked of whom, by what was found."""
    everywhere = whole(region.level, region.name)
    opening = (
        f"为落实电梯质量安全监管责任，督促维保单位、使用单位履行主体责任，现将{period_words(period)}"
        f"{everywhere}电梯安全运行和维护保养情况通报如下。"
    )
    w = found["warnings"]
    asks = [
        (found["maintenance"]["now"]["overdue"], "有超期维保的维保单位，要查明原因，尽快补做，合理安排人员。"),
        (found["anomalies"]["now"], "有异常维保的维保单位，要严格执行现场扫码维保；弄虚作假的，依法约谈、警告、立案。"),
        (w["cover"][0], "脱保电梯的使用单位，要立即委托取得许可的单位维保并签订合同。"),
        (w["inspection"][0], "超期未检电梯的使用单位，要立即申请检验；未经检验或检验不合格的电梯，不得继续使用。"),
        (found["complaints"]["results"]["late"], "投诉处置不及时的单位，要按时限接单、处置、复核，向投诉人说明情况。"),
        (found["rescues"]["now"]["late"], "救援不合规的维保单位，要落实应急值守，就近派员，按时限接单、到达、救出。"),
        (found["repairs"]["late"], "报修处理不及时的维保单位，要按时限接单、完成维修；不能恢复运行的，要停梯并告知。"),
        (_trailing(found["rates"]), "六个率动态积分靠后的维保单位，要对照失分的率逐项整改。"),
    ]
    told = [f"- {text}" for count, text in asks if count]
    own = "各地市场监管部门要督促辖区内被通报的单位逐项整改，并核实整改结果。"
    return {OPENING: opening, CLOSING: "\n".join([*told, f"- {own}" if told else own])}


def _trailing(rates: dict[str, Any]) -> bool:
    """Whether somebody stands behind the full points of the six rates."""
    return any(line[3] is not None and float(line[3]) < rates["most"] for line in rates["lines"])


def named_units(found: dict[str, Any]) -> list[int]:
    """Whom its figures name."""
    return sorted({unit for one in SECTIONS if one.name in found for unit in one.named(found[one.name]) if unit})


def paper(row: Bulletin, region: Region, corrects: str = "") -> Paper:
    """The row as a paper; of the same row always the same."""
    period = period_of(row.period)
    day = clock.local_day(row.as_of)
    # As the region was called then: a paper says the same when it is made again.
    everywhere = whole(region.level, row.region_name)
    made = Paper(
        row.office, row.number, row.title, "各有关市场监督管理部门，各电梯维护保养单位、使用单位：",
        _written(row.texts.get(OPENING, "")), [], row.office,
        day_words(clock.local_day(row.issued_at)) if row.issued_at is not None else "（未印发）",
        _notes(row), draft=row.number == "",
        note=f"本通报更正{corrects}，原通报以本通报为准。更正原因：{row.correct_reason}" if corrects else "",
    )  # fmt: skip
    for section in _present(row.figures):
        said = Said(row.figures[section.name], everywhere, row.region_name, period, day_words(day))
        blocks = []
        for block in section.write(said):
            if block.table is not None and block.table.annex:
                made.annexes.append(block.table)
                blocks.append(Block("p", f"排名见附件{len(made.annexes)}。"))
            else:
                blocks.append(block)
        made.parts.append(Part(section.name, section.title, blocks + _written(row.texts.get(section.name, ""))))
    closing = _written(row.texts.get(CLOSING, ""))
    if closing:
        made.parts.append(Part(CLOSING, BLANKS[CLOSING], closing))
    return made


def title_lines(title: str) -> list[str]:
    """The title in lines that end with a sense, as official papers want it: none breaks within a word."""
    first, mark, rest = title.partition(SECOND_LINE)
    return [first, mark + rest] if mark else [title]


def heading(number: int, part: Part) -> str:
    """一、电梯基本情况."""
    return f"{NUMERALS[number]}、{part.title}" if number < len(NUMERALS) else part.title


def items(blocks: Sequence[Block]) -> list[tuple[Block, str]]:
    """Each block with its mark: items of a list are counted anew behind every paragraph."""
    found, number = [], 0
    for block in blocks:
        number = number + 1 if block.kind == "item" else 0
        mark = f"（{NUMERALS[number - 1]}）" if 0 < number <= len(NUMERALS) else ""
        found.append((block, mark))
    return found


def _present(found: dict[str, Any]) -> list[Section]:
    """A bulletin of before a section was added has none of it."""
    return [section for section in SECTIONS if section.name in found]


def _written(text: str) -> list[Block]:
    return [Block(kind, words) for kind, words in paragraphs(text)]


def _notes(row: Bulletin) -> list[str]:
    at = clock.local(row.as_of)
    return [
        f"数据截至{at:%Y年%m月%d日%H时%M分}，由平台自动统计，不含涉密电梯。政策版本{row.policy}；数字摘要（SHA-256）{row.digest}。",
        "口径：应维保＝完成＋超期，每次计入的维保结束一个周期，每个错过的期限也结束一个周期；完成按签到日、超期按期限日计入本期。"
        "得分按规则另行推算应维保次数，两者不互相替代。"
        "合格台次占比＝合格÷全部检验检测台次，含单位自行上传的自行检测；得分中的一次检验合格率按电梯台数、只计维保单位原因，"
        "两者不互相替代。投诉及时率＝及时÷（及时＋不及时）。",
        "救援合规率＝合规÷（合规＋不合规），接单、到达、救出任一环节超过时限即不合规；应急坐席按误报等结束的、并入其他救援的、处置中未超时的不计入。"
        "报修及时率＝（报修－不及时）÷报修，撤销的不计。维护保养、救援、反馈、检验、故障、变更六个率各16分，没有可计算的记录的率为无数据，"
        "总分中按满分计。申诉成立率＝成立÷（成立＋不成立）。以上都以数据截至之时为准，其后的并入、退回、更正、接管和申诉不改变本期的数。",
    ]


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Which sections count otherwise now: title, what differs then and now, and whether it is of the moment anyway."""
    found: list[tuple[str, str, str, bool]] = []
    for one in _present(then):
        changed = list(_changed(then[one.name], now.get(one.name), ""))[:MOST_SHOWN]
        if changed:
            before = "；".join(f"{path} {old}" for path, old, _new in changed)
            after = "；".join(f"{path} {new}" for path, _old, new in changed)
            found.append((one.title, before, after, one.of_the_moment))
    return found


def _changed(then: Any, now: Any, path: str) -> Iterator[tuple[str, str, str]]:
    """Where two sets of figures differ: the path, and both values in short."""
    if then == now:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            yield from _changed(then.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif isinstance(then, list) and isinstance(now, list) and any(isinstance(one, list) for one in (*then, *now)):
        kept = {json.dumps(line, ensure_ascii=False) for line in now}
        gone = {json.dumps(line, ensure_ascii=False) for line in then}
        old, new = (" ".join(sorted(one))[:LONGEST_SHOWN] or "—" for one in (gone - kept, kept - gone))
        yield path, old, new
    else:
        yield path, str(then), str(now)
