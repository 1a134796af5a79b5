"""The provincial register beside ours (INT-01): codes as typed, units that are the same, fields that differ."""

from __future__ import annotations

import datetime as dt
import difflib
import enum
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import Finding
from app.rules.identifiers import BROKEN, normal_code
from app.wording import say

MOST_CODES, LONGEST_CODE, LONGEST_REASON = 500, 30, 200
# Blanks too: no code has one.
_BETWEEN = re.compile(r"[,，;；、\s]+")
# What all firms' names have.
_FORMS = re.compile(r"(有限责任公司|股份有限公司|有限公司|公司|[()（）\s·])")
# Names less alike than this are somebody else's.
NEAR, MOST_NEAR = 0.72, 3
# What is compared, and what of it can be taken over: the state is changed by applications alone.
FIELDS = (
    "equipment_code", "registration_code", "certificate_no", "factory_no", "name", "category", "model", "manufacturer",
    "installer", "address", "estate", "region", "made_on", "commissioned_on", "inspected_on", "next_inspection_on",
    "rated_load", "rated_speed", "floors", "stops", "maintenance_unit", "use_unit", "status",
)  # fmt: skip
NOT_TAKEN = frozenset({"status"})
CODES = frozenset({"equipment_code", "registration_code", "certificate_no", "factory_no"})
DAYS = frozenset({"made_on", "commissioned_on", "inspected_on", "next_inspection_on"})
NUMBERS = frozenset({"rated_load", "rated_speed", "floors", "stops"})
UNITS = ("maintenance_unit", "use_unit")
STATUSES = ("notified", "in_use", "suspended", "scrapped")
_LONGEST = 200


class Outcome(enum.StrEnum):
    """What became of one code in one run; each code has exactly one."""

    MATCHED = "matched"
    NEW = "new"
    DIFFERENT = "different"
    KEPT = "kept"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


class Way(enum.StrEnum):
    """How a difference ended."""

    TAKEN = "taken"
    KEPT = "kept"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Named:
    """A unit as the register names it."""

    name: str = ""
    uscc: str = ""

    @property
    def empty(self) -> bool:
        return not self.name and not self.uscc


@dataclass(frozen=True, slots=True)
class Theirs:
    """One piece of equipment as the register has it; `values` hold what it says of FIELDS but the units."""

    code: str
    values: dict[str, Any]
    maintenance_unit: Named
    use_unit: Named

    @property
    def digest(self) -> str:
        """Of all that is compared: what was kept against it stays kept until it changes."""
        said = [self.values, *((unit.name, unit.uscc) for unit in (self.maintenance_unit, self.use_unit))]
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Unreadable(ValueError):
    """An item that is none; the message says why."""


def codes_of(text: str) -> list[str]:
    """The codes of what was typed, each once, in order, in their normal form."""
    found = (normal_code(part) for part in _BETWEEN.split(unicodedata.normalize("NFKC", text)))
    return list(dict.fromkeys(code for code in found if code))


def codes_findings(codes: list[str]) -> list[Finding]:
    """What is wrong with the list as a whole; a code that nobody has is told by the run."""
    long = [code for code in codes if len(code) > LONGEST_CODE or not code.isprintable()]
    return [
        Finding("识别码", bool(codes), "没有填写", "请填写识别码、设备代码或注册代码，用逗号隔开", field="codes"),
        Finding(
            "识别码", len(codes) <= MOST_CODES, say("填写了 %(n)s 个", n=len(codes)),
            say("一次最多 %(n)s 个，请分几次同步", n=MOST_CODES), field="codes",
        ),
        Finding(
            "识别码", not long, say("“%(c)s”不像一个代码", c=long[0][:LONGEST_CODE] if long else ""),
            "请核对，代码之间用逗号隔开", field="codes",
        ),
    ]  # fmt: skip


# --- reading


def theirs_of(given: Any) -> Theirs:
    """An item of the register, or Unreadable. What of it is empty says nothing, and is compared with nothing."""
    if not isinstance(given, Mapping):
        raise Unreadable("不是一个对象")
    code = given.get("code")
    if not isinstance(code, str) or not normal_code(code) or len(normal_code(code)) > 20 or BROKEN.search(code):
        raise Unreadable("没有识别码")
    values: dict[str, Any] = {}
    for name in FIELDS:
        if name in UNITS or given.get(name) in (None, ""):
            continue
        values[name] = _value(name, given[name])
    return Theirs(normal_code(code), values, _named(given, "maintenance_unit"), _named(given, "use_unit"))


def _value(name: str, given: Any) -> Any:
    if name in NUMBERS:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 10**6:
            raise Unreadable(say("%(f)s 不是数字", f=name))
        return given if name == "rated_speed" else _whole(name, given)
    if not _is_text(given):
        raise Unreadable(say("%(f)s 不是文字，或太长", f=name))
    if name in DAYS:
        try:
            return dt.date.fromisoformat(given).isoformat()
        except ValueError:
            raise Unreadable(say("%(f)s 不是日期", f=name)) from None
    if name == "status" and given not in STATUSES:
        raise Unreadable(say("%(f)s 不是已知的状态", f=name))
    if name == "region" and not (given.isascii() and given.isdigit() and len(given) == 12):
        raise Unreadable(say("%(f)s 不是 12 位区划代码", f=name))
    return normal_code(given) if name in CODES else normal_text(given)


def _is_text(given: Any) -> bool:
    return isinstance(given, str) and len(given) <= _LONGEST and not BROKEN.search(given)


def _whole(name: str, given: float) -> int:
    if given != int(given):
        raise Unreadable(say("%(f)s 不是整数", f=name))
    return int(given)


def _named(given: Mapping[str, Any], name: str) -> Named:
    unit = given.get(name)
    if unit is None:
        return Named()
    if not isinstance(unit, Mapping):
        raise Unreadable(say("%(f)s 不是一个单位", f=name))
    texts = [unit.get(part) or "" for part in ("name", "uscc")]
    if not all(map(_is_text, texts)):
        raise Unreadable(say("%(f)s 的名称不是文字，或太长", f=name))
    return Named(normal_text(texts[0]), normal_code(texts[1]))


def normal_text(text: str) -> str:
    """How texts are compared: NFKC, trimmed, one blank where there are some."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


# --- units


def near_names(name: str, names: Iterable[tuple[int, str]]) -> list[int]:
    """Whose names are like it, the likest first: suggestions for a person, never a match."""
    wanted = _core(name)
    if not wanted:
        return []
    judged = []
    for key, other in names:
        ratio = difflib.SequenceMatcher(None, wanted, _core(other)).ratio()
        if ratio >= NEAR:
            judged.append((-ratio, key))
    return [key for _ratio, key in sorted(judged)[:MOST_NEAR]]


def _core(name: str) -> str:
    """What of a firm's name tells it from others."""
    return _FORMS.sub("", normal_text(name))


# --- comparing


@dataclass(frozen=True, slots=True)
class Unlike:
    """One field that the two registers give differently."""

    field: str
    theirs: Any
    ours: Any


def compare(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Unlike]:
    """The fields in which the register says something else, in the order of FIELDS; what it leaves open is no
    difference. Units are compared by their row: `ours` and `theirs` hold its number where it is known."""
    return [
        Unlike(name, theirs[name], ours.get(name))
        for name in FIELDS
        if theirs.get(name) is not None and not _alike(name, theirs[name], ours.get(name))
    ]


def _alike(name: str, one: Any, other: Any) -> bool:
    if other is None:
        return False
    if name in NUMBERS:
        return abs(float(one) - float(other)) < 0.005
    if name in CODES:
        return normal_code(str(one)) == normal_code(str(other))
    if isinstance(one, str) and isinstance(other, str):
        return normal_text(one) == normal_text(other)
    return bool(one == other)


def reason_finding(reason: str) -> Finding:
    ok = 0 < len(reason) <= LONGEST_REASON
    return Finding(
        "理由", ok, say("%(n)s 个字", n=len(reason)) if reason else "没有填写",
        say("请填写 1 至 %(n)s 个字", n=LONGEST_REASON), field="reason",
    )  # fmt: skip


# --- asking a register that does not always answer


MOST_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
# After so many calls that failed for good nobody is asked for a while.
BROKEN_AFTER, BROKEN_SECONDS = 3, 60.0


def wait_before(attempt: int, told: float | None, chance: float) -> float:
    """Seconds before the next try: doubled each time, spread by chance (0 to 1), never less than the register said."""
    spread: float = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * (0.5 + chance / 2)
    return max(spread, min(told or 0.0, LONGEST_WAIT))
