"""An own list of maintenance items out of a workbook (PLN-08): the list as it was given out, changed, brought in again.

Every wrong cell is named as Excel names it. What is kept is a draft's whole list; a second person still approves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.errors import Finding, Refusal, refuse
from app.imports.columns import plain_heading
from app.imports.parsing import Bad, text_of
from app.imports.reading import cells_of
from app.imports.synonyms import NO, YES
from app.rules import item_lists as rules
from app.rules.item_lists import JOINT, Item
from app.rules.levels import LEVEL_LABELS, Level
from app.rules.workbook_cells import column_letters
from app.telling import everywhere
from app.wording import say, together

CODE, LEVEL, ITEM, REQUIREMENT, TESTED, MEASURE = "编号", "周期", "维保项目", "维保要求", "须填实测值", "实测值单位"
HEADINGS = (CODE, LEVEL, ITEM, REQUIREMENT, TESTED, MEASURE)
NEEDED = (LEVEL, ITEM, REQUIREMENT)
# How people head the same.
ALSO = {"项目": ITEM, "要求": REQUIREMENT, "频次": LEVEL, "实测值": TESTED, "单位": MEASURE}
CYCLES = {
    "半月": Level.HALF_MONTH, "季度": Level.QUARTER, "季": Level.QUARTER, "半年": Level.HALF_YEAR,
    "年度": Level.ANNUAL, "年": Level.ANNUAL, "全年": Level.ANNUAL,
}  # fmt: skip
MOST_NAMED = 60


def read(path: Path, name: str, kind: str, inherited: Sequence[Item], own: Sequence[str]) -> list[Item]:
    """The whole list of a file, or a refusal that names every wrong cell.

    `inherited` is what the list is put on, `own` are the numbers of its owner's items. A row is the item of its number;
    without one it is the inherited item of its name and cycle, else a new one.
    """
    table = cells_of(path, name)
    known = {plain_heading(told): word for word in HEADINGS for told in everywhere(word)}
    known |= {plain_heading(word): meant for word, meant in ALSO.items()}
    at = next((n for n, row in enumerate(table[:10]) if ITEM in _headings(row, known)), None)
    columns = "列名为：编号、周期、维保项目、维保要求、须填实测值、实测值单位；请先导出现行清单，在其中修改"
    if at is None:
        raise refuse("表头", "前 10 行里没有“维保项目”这一列", columns, field="file")
    headings = _headings(table[at], known)
    missing = [word for word in NEEDED if word not in headings]
    if missing:
        raise refuse("表头", say("缺少列：%(names)s", names=together(missing)), columns, field="file")
    reader = _Reader(kind, inherited, set(own), {word: headings.index(word) for word in HEADINGS if word in headings})
    items = [one for n, row in enumerate(table[at + 1 :], at + 2) if (one := reader.row(n, row)) is not None]
    if not items and not reader.findings:
        raise refuse("数据", "只有表头，没有数据行", "请从表头下一行起填写", field="file")
    if reader.findings:
        more = len(reader.findings) - MOST_NAMED
        shown = reader.findings[:MOST_NAMED]
        if more > 0:
            shown.append(Finding("其余", False, say("还有 %(n)s 处", n=more), "请先改正上面的", field="file"))
        raise Refusal(shown)
    return items


def _headings(row: Sequence[Any], known: Mapping[str, str]) -> list[str]:
    return [known.get(heading, heading) for heading in map(plain_heading, row)]


class _Reader:
    """Row after row: the items, and what is wrong by cell."""

    def __init__(self, kind: str, inherited: Sequence[Item], own: set[str], columns: Mapping[str, int]) -> None:
        self.kind, self.own, self.columns = kind, own, columns
        self.base = {item.code: item for item in inherited}
        self.named = {(item.level, _plain(told)): item for item in inherited for told in everywhere(item.item)}
        self.levels = {_plain(told): level for level, word in LEVEL_LABELS.items() for told in everywhere(word)}
        self.levels |= {_plain(told): level for word, level in CYCLES.items() for told in everywhere(word)}
        self.levels |= {level.value: level for level in Level}
        self.yes = {_plain(told) for word in ("是", *YES) for told in everywhere(word)}
        self.no = {_plain(told) for word in ("否", *NO) for told in everywhere(word)}
        self.seen: dict[str, int] = {}
        self.findings: list[Finding] = []

    def row(self, number: int, cells: Sequence[Any]) -> Item | None:
        """The item of a row; None where it is blank or something in it is wrong."""
        before = len(self.findings)
        texts = {word: self._text(number, word, cells) for word in self.columns}
        if len(self.findings) > before or not any(texts.get(word) for word in HEADINGS):
            return None
        code, level = texts.get(CODE, ""), self.levels.get(_plain(texts[LEVEL]).removesuffix("维保"))
        level = level or self.levels.get(_plain(texts[LEVEL]))
        if level is None:
            found = say("“%(a)s”不是周期", a=texts[LEVEL][:20]) if _plain(texts[LEVEL]) else say("没有填写")
            self._wrong(number, LEVEL, found, "请填写 半月、季度、半年 或 年度")
        old = self.base.get(code) if code else self.named.get((level, _plain(texts[ITEM]))) if level else None
        if code and old is None and code not in self.own:
            self._wrong(number, CODE, say("没有编号为“%(a)s”的项目", a=code[:20]), "新增的项目请不填编号")
        key = old.code if old is not None else code
        if key and key in self.seen:
            found = say("与第 %(n)s 行是同一项", n=self.seen[key])
            self._wrong(number, CODE if CODE in self.columns else ITEM, found, "请只留一行")
        if key:
            self.seen.setdefault(key, number)
        tested = self._tested(number, texts, old)
        self._fits(number, texts)
        item = (
            self._inherited(number, texts, old, level, tested) if old is not None
            else self._added(number, texts, code, level, tested)
        )  # fmt: skip
        return item if len(self.findings) == before else None

    def _text(self, number: int, word: str, cells: Sequence[Any]) -> str:
        at = self.columns[word]
        try:
            return _in_line(text_of(cells[at])) if at < len(cells) else ""
        except Bad as bad:
            self._wrong(number, word, bad.found, bad.remedy)
            return ""

    def _added(
        self, number: int, texts: Mapping[str, str], code: str, level: Level | None, tested: bool
    ) -> Item | None:  # fmt: skip
        for word in (ITEM, REQUIREMENT):
            if not texts[word]:
                self._wrong(number, word, "没有填写", "请填写；不要的项目请整行删去")
        if level is None:
            return None
        measure = texts.get(MEASURE, "")
        return Item(code, self.kind, level, texts[ITEM], texts[REQUIREMENT], tested or bool(measure), measure)

    def _inherited(
        self, number: int, texts: Mapping[str, str], old: Item, level: Level | None, tested: bool
    ) -> Item:  # fmt: skip
        """The inherited item with what the row says more of it; the law's own words stand as they are."""
        if level is not None and level is not old.level:
            found = say("法定或上级项目原为%(level)s", level=LEVEL_LABELS[old.level])
            self._wrong(number, LEVEL, found, "请保留原来的周期；要做得更勤，请另加一项")
        if _plain(texts[ITEM]) not in {_plain(told) for told in everywhere(old.item)}:
            self._wrong(number, ITEM, say("法定或上级项目原为“%(item)s”", item=old.item), "请保留原来的名称")
        said = texts[REQUIREMENT]
        start = next((told for told in everywhere(old.requirement) if said.startswith(_in_line(told))), None)
        rest = "" if start is None else said[len(_in_line(start)) :]
        if start is None or (rest and not rest.startswith((JOINT, ";"))):
            found = say("没有以法定或上级的原文“%(a)s”开头", a=str(old.requirement)[:40])
            self._wrong(number, REQUIREMENT, found, "请保留原文，要求更细的写在原文和分号之后")
        if old.needs_test and not tested and TESTED in self.columns:
            self._wrong(number, TESTED, "法定或上级要求填实测值", "请填“是”")
        measure = texts.get(MEASURE, "") or old.measure
        more = rest[1:].strip() if rest else ""
        return replace(
            old, requirement=f"{old.requirement}{JOINT}{more}" if more else old.requirement,
            needs_test=old.needs_test or tested or bool(measure and measure != old.measure), measure=measure,
        )  # fmt: skip

    def _tested(self, number: int, texts: Mapping[str, str], old: Item | None) -> bool:
        said = _plain(texts.get(TESTED, ""))
        if said in self.yes:
            return True
        if said and said not in self.no:
            self._wrong(number, TESTED, say("“%(a)s”不是是或否", a=texts[TESTED][:20]), "请填写 是 或 否")
        return False if TESTED in self.columns else bool(old is not None and old.needs_test)

    def _fits(self, number: int, texts: Mapping[str, str]) -> None:
        longest = (
            (ITEM, rules.LONGEST_ITEM), (REQUIREMENT, rules.LONGEST_REQUIREMENT), (MEASURE, rules.LONGEST_MEASURE),
        )
        for word, most in longest:
            count = len(texts.get(word, ""))
            if count > most:
                self._wrong(number, word, say("有 %(n)s 个字", n=count), say("最多 %(n)s 个字", n=most))

    def _wrong(self, number: int, word: str, found: str, remedy: str) -> None:
        cell = f"{column_letters(self.columns[word])}{number}"
        rule = say("%(cell)s %(column)s", cell=cell, column=word)
        self.findings.append(Finding(rule, False, found, remedy, field="file", value=cell))


def _in_line(text: Any) -> str:
    """Words with one blank between them, however a cell breaks its lines."""
    return " ".join(str(text).replace("\0", "").split())


def _plain(text: Any) -> str:
    return "".join(str(text).split()).casefold()
