"""Lists of maintenance items: what a region or a unit may make of the statutory one, and which of them hold (PLN-08).

The statutory list holds everywhere. A region's own holds for its subtree, a maintenance unit's own for its visits; each
may add items to what it inherits or say more about one, never take one away. Where the law has no list (防爆电梯,
消防员电梯), the own one is the whole list.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.errors import Finding
from app.rules.levels import LEVEL_LABELS, Level
from app.wording import say, together

# A longer service does all shorter ones too (T5002 annexes: 31/44/59/76 items for annex A).
ORDER = (Level.HALF_MONTH, Level.QUARTER, Level.HALF_YEAR, Level.ANNUAL)
LONGEST_ITEM, LONGEST_REQUIREMENT, LONGEST_MEASURE = 60, 300, 12
MOST_ITEMS = 200
MOST_NAMED = 5
# What a list's own words are put behind the inherited ones with.
JOINT = "；"
# How long a phone may have been away from the network with the list that it carries.
CARRIED_DAYS = 31


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: what, to which requirement; `needs_test` asks for a measured value, in `measure` if it says.

    `annex`: whose words they are, an annex of T5002 or the kind of elevator of an own list.
    """

    code: str
    annex: str
    level: Level
    item: str
    requirement: str
    needs_test: bool = False
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """An own list in force: of a unit, or of a region and its subtree, for a kind, from a day on."""

    id: int
    kind: str
    unit_id: int | None
    region_code: str
    from_on: dt.date


def up_to(level: Level | str) -> tuple[Level, ...]:
    """The levels whose items a service of this level does."""
    return ORDER[: ORDER.index(Level(level)) + 1]


def counts(items: Iterable[Item]) -> dict[Level, tuple[int, int]]:
    """By level how many items are its own, and how many a service of it does."""
    own = Counter(item.level for item in items)
    return {level: (own[level], sum(own[each] for each in up_to(level))) for level in ORDER}


def holding(
    heads: Iterable[Head], kind: str, unit_id: int | None, codes: Sequence[str], on: dt.date
) -> tuple[Head, ...]:
    """The own lists that hold for a unit's visit in a region on a day, in the order in which they are put together.

    `codes`: the region and those above it, nearest first. Of each owner's versions the one that began last holds.
    """
    last: dict[tuple[int | None, str], Head] = {}
    for head in sorted(heads, key=lambda h: (h.from_on, h.id)):
        if head.kind == kind and head.from_on <= on:
            last[(head.unit_id, "" if head.unit_id else head.region_code)] = head
    owners = [*((None, code) for code in reversed(codes)), *([(unit_id, "")] if unit_id else [])]
    return tuple(last[owner] for owner in owners if owner in last)


def version_of(base: str, heads: Iterable[Head]) -> str:
    """The name by which a record finds its list again: the statutory version and the own ones on it."""
    return base + "".join(f"+{head.id}" for head in heads)


def parts_of(version: str) -> tuple[str, tuple[int, ...]]:
    """The statutory version and the own lists that a record's name says."""
    base, *more = version.split("+")
    return base, tuple(int(part) for part in more if part.isascii() and part.isdigit())


def carried(
    heads: Sequence[Head], kind: str, unit_id: int | None, codes: Sequence[str], on: dt.date, base: str
) -> set[str]:
    """Every version that a phone may have taken along for a visit of that day: what held then or shortly before."""
    first = on - dt.timedelta(days=CARRIED_DAYS)
    days = {on, first, *(head.from_on for head in heads if first <= head.from_on <= on)}
    return {version_of(base, holding(heads, kind, unit_id, codes, day)) for day in days}


# --- putting lists together


def compose(inherited: Sequence[Item], rows: Iterable[Mapping[str, Any]], kind: str) -> tuple[Item, ...]:
    """The inherited list with an own one on it: what it says more about items, and its additions behind each level's.

    A row that says more about an item which the inherited list no longer has says nothing.
    """
    more = {str(row["of"]): row for row in rows if row.get("of")}
    items = [_detailed(item, more[item.code]) if item.code in more else item for item in inherited]
    added = [_added(row, kind) for row in rows if not row.get("of")]
    return tuple(sorted([*items, *added], key=lambda item: ORDER.index(item.level)))


def _detailed(item: Item, row: Mapping[str, Any]) -> Item:
    more = str(row.get("more") or "")
    requirement = say("%(base)s；%(more)s", base=item.requirement, more=more) if more else item.requirement
    return replace(
        item, requirement=requirement, needs_test=item.needs_test or bool(row.get("needs_test")),
        measure=str(row.get("measure") or item.measure),
    )  # fmt: skip


def _added(row: Mapping[str, Any], kind: str) -> Item:
    return Item(
        str(row["code"]), kind, Level(row["level"]), str(row["item"]), str(row["requirement"]),
        bool(row.get("needs_test")), str(row.get("measure") or ""),
    )  # fmt: skip


def own_rows(
    inherited: Sequence[Item], given: Sequence[Item], prefix: str, taken: Iterable[str]
) -> list[dict[str, Any]]:
    """What a whole list says beyond the inherited one, as it is kept. New items get numbers never given before.

    `taken`: codes that the owner gave before; a record that kept one never means another item, and no other is his.
    """
    base = {item.code: item for item in inherited}
    own = {*taken}
    used, rows = {*own}, []
    for item in given:
        if item.code in base:
            row = _beyond(base[item.code], item)
            rows += [row] if row else []
            continue
        code = item.code if item.code in own else ""
        if not code:
            place, number = ORDER.index(item.level) + 1, 1
            while (code := f"{prefix}-{place}-{number:02d}") in used:
                number += 1
            used.add(code)
        rows.append({
            "code": code, "level": item.level.value, "item": str(item.item), "requirement": str(item.requirement),
            "needs_test": item.needs_test, "measure": item.measure,
        })  # fmt: skip
    return rows


def _beyond(base: Item, item: Item) -> dict[str, Any] | None:
    more = str(item.requirement).removeprefix(str(base.requirement)).strip(JOINT + " ")
    tested, measure = item.needs_test and not base.needs_test, item.measure if item.measure != base.measure else ""
    if not (more or tested or measure):
        return None
    return {"of": base.code, "more": more, "needs_test": item.needs_test, "measure": measure}


# --- what an own list may be


def findings(inherited: Sequence[Item], given: Sequence[Item]) -> list[Finding]:
    """Whether a whole list may stand in the place of the inherited one: nothing taken away, what is new well said."""
    by_code = {item.code: item for item in given if item.code}
    gone = [item for item in inherited if item.code not in by_code]
    kept = [(item, by_code[item.code]) for item in inherited if item.code in by_code]
    base = {item.code for item in inherited}
    return [
        _whole("法定和上级项目不能删减", gone, "少了 %(items)s", "请补上；电梯没有的部件，维保时选不适用"),
        _whole(
            "法定和上级项目不能改写",
            [old for old, new in kept if not _says_all(old, new)],
            "%(items)s 的名称或要求被改了", "请保留原文，要求更细的写在原文之后",
        ),
        _whole(
            "法定和上级项目的周期不变", [old for old, new in kept if old.level is not new.level],
            "%(items)s 换了周期", "请保留原来的周期；要做得更勤，请另加一项",
        ),
        _whole(
            "须填实测值的项目", [old for old, new in kept if old.needs_test and not new.needs_test],
            "%(items)s 不再要求实测值", "法定和上级要求填实测值的，请保留",
        ),
        _whole("项目编号不能重复", _twice(given), "%(items)s 的编号用了不止一次", "请只留一项，另加的项目不填编号"),
        *_additions([item for item in given if item.code not in base], given),
        *_size(inherited, given),
    ]  # fmt: skip


def _twice(given: Sequence[Item]) -> list[Item]:
    counted = Counter(item.code for item in given if item.code)
    return [item for item in given if counted[item.code] > 1]


def _says_all(old: Item, new: Item) -> bool:
    """The name as it is, the requirement word by word, and more only behind it."""
    rest = str(new.requirement).removeprefix(str(old.requirement))
    whole = str(new.requirement).startswith(str(old.requirement)) and (not rest or rest.startswith(JOINT))
    return str(new.item) == str(old.item) and whole


def _whole(rule: str, wrong: Sequence[Item], found: str, remedy: str) -> Finding:
    if not wrong:
        return Finding(rule, True, "符合", field="rows")
    named = together([say("“%(item)s”", item=item.item) for item in wrong[:MOST_NAMED]])
    if len(wrong) > MOST_NAMED:
        named = say("%(named)s 等 %(n)s 项", named=named, n=len(wrong))
    return Finding(rule, False, say(found, items=named), remedy, field="rows")


def _additions(added: Sequence[Item], given: Sequence[Item]) -> Iterable[Finding]:
    seen: Counter[tuple[Level, str]] = Counter((item.level, " ".join(str(item.item).split())) for item in given)
    for item in added:
        name, requirement = str(item.item).strip(), str(item.requirement).strip()
        shown = name[:20] or requirement[:20]
        if not name or len(name) > LONGEST_ITEM:
            found = say("“%(item)s”有 %(n)s 个字", item=shown, n=len(name)) if name else say(
                "要求“%(item)s”没有写是哪个项目", item=shown)  # fmt: skip
            yield Finding("项目名称", False, found, say("请填写 1 到 %(n)s 个字", n=LONGEST_ITEM), field="rows")
        if not requirement:
            found = say("“%(item)s”没有写要求", item=shown)
            yield Finding("维保要求", False, found, "请写明做到什么程度", field="rows")
        if seen[(item.level, " ".join(name.split()))] > 1:
            found = say("%(level)s里有两个“%(item)s”", level=LEVEL_LABELS[item.level], item=shown)
            yield Finding("项目重复", False, found, "请合并；对已有项目的补充请写在该项的细化要求里", field="rows")
    for item in given:
        for label, text, most in (
            ("维保要求", item.requirement, LONGEST_REQUIREMENT), ("实测值单位", item.measure, LONGEST_MEASURE),
        ):  # fmt: skip
            if len(text) > most:
                found = say("“%(item)s”有 %(n)s 个字", item=str(item.item)[:20], n=len(text))
                yield Finding(label, False, found, say("最多 %(n)s 个字", n=most), field="rows")


def _size(inherited: Sequence[Item], given: Sequence[Item]) -> Iterable[Finding]:
    if len(given) > MOST_ITEMS:
        found = say("一共 %(n)s 项", n=len(given))
        yield Finding("项目数量", False, found, say("最多 %(n)s 项", n=MOST_ITEMS), field="rows")
    if not inherited and not any(item.level is Level.HALF_MONTH for item in given):
        yield Finding(
            "半月项目", False, "一项也没有", "这类电梯没有法定清单，请按制造单位的要求至少写一项半月项目", field="rows"
        )  # fmt: skip


# --- one version beside another


@dataclass(frozen=True, slots=True)
class Change:
    """An item that is in one version only, or reads otherwise in the other; None where it is not."""

    old: Item | None
    new: Item | None


def compare(old: Sequence[Item], new: Sequence[Item]) -> list[Change]:
    """What the new version has otherwise than the old one, in the new one's order, what is gone at the end."""
    before = {item.code: item for item in old}
    after = {item.code for item in new}
    changed = [Change(before.get(item.code), item) for item in new if before.get(item.code) != item]
    return [*changed, *(Change(item, None) for item in old if item.code not in after)]
