"""A policy value as it is stored and as it is shown: checked against what its key allows, told in words."""

from __future__ import annotations

import re
from typing import Any

from app.errors import Refusal, refuse
from app.policy.keys import LONGEST_TEXT, SPECS, Key, Spec, Value
from app.wording import say, together


def check_value(key: Key, value: Any, field: str = "value") -> Value:
    """The value as it is stored, or a refusal that names key, value and bounds. `bool` is no int here."""
    spec = SPECS[key]
    if value is None:
        if spec.may_be_off:
            return None
        raise _wrong(spec, value, "不能为空（此参数不能关闭）", field)
    if spec.kind == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(spec, value, "应为 true 或 false", field)
    if spec.kind == "int":
        return _checked_int(spec, value, field)
    if not isinstance(value, str):
        raise _wrong(spec, value, "应为文字", field)
    if spec.kind == "choice" and value not in dict(spec.choices):
        raise _wrong(
            spec,
            value,
            say(
                "应为 %(names)s",
                names=together((say("%(v)s（%(label)s）", v=v, label=label) for v, label in spec.choices)),
            ),
            field,
        )
    if spec.kind == "pattern":
        _check_pattern(spec, value, field)
    if spec.kind == "years":
        return _checked_years(spec, value, field)
    if spec.kind == "phone" and not re.fullmatch(r"[0-9]{3,12}", value):
        raise _wrong(spec, value, "应为 3 至 12 位数字", field)
    if spec.kind == "text" and (not 0 < len(value) <= LONGEST_TEXT or not value.isprintable()):
        raise _wrong(spec, value, say("应为 1 至 %(n)s 个字，不换行", n=LONGEST_TEXT), field)
    return value


def _checked_int(spec: Spec, value: Any, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(spec, value, "应为整数", field)
    low, high = spec.low or 0, spec.high if spec.high is not None else value
    if not low <= value <= high:
        raise _wrong(
            spec, value, say("应在 %(low)s 至 %(high)s %(unit)s之间", low=low, high=high, unit=spec.unit), field
        )
    return value


def years_of(value: str) -> tuple[int, ...]:
    """The years that a stored list names."""
    return tuple(int(year) for year in value.split(","))


def _checked_years(spec: Spec, value: str, field: str) -> str:
    """Whole years, rising, in the form in which they are kept: 1,4,7."""
    parts = value.replace("，", ",").replace("、", ",").replace(" ", "").split(",")
    # isdigit alone takes digits of other scripts for figures.
    if not all(part.isascii() and part.isdigit() and len(part) < 3 and 1 <= int(part) <= 60 for part in parts):
        raise _wrong(spec, value, "应为 1 至 60 的整数，用逗号隔开", field)
    years = [int(part) for part in parts]
    if years != sorted(set(years)):
        raise _wrong(spec, value, "应从小到大，不重复", field)
    return ",".join(map(str, years))


def _check_pattern(spec: Spec, value: str, field: str) -> None:
    # Nested repetition backtracks without end on a hostile code; a code's form never needs groups.
    if len(value) > 60 or set(value) & set("()|*+"):
        raise _wrong(spec, value, "最长 60 个字符，且不能含 ( ) | * +，次数请写成 {n} 或 {m,n}", field)
    try:
        re.compile(value)
    except re.error as error:
        raise _wrong(spec, value, say("不是正确的正则表达式（%(msg)s）", msg=error.msg), field) from error


def _wrong(spec: Spec, value: Any, found: str, field: str) -> Refusal:
    return refuse(
        "政策参数",
        say(
            "%(meaning)s（%(value)s）%(found)s，现为 %(value2)s",
            meaning=spec.meaning,
            value=spec.key.value,
            found=found,
            value2=f"{value!r}",
        ),
        "请改正后再保存",
        field=field,
        value=value,
    )


def shown(key: Key, value: Any) -> str:
    """A value in words with its unit, as screens and commands print it."""
    spec = SPECS[key]
    if value is None:
        return spec.off_means
    if spec.kind == "bool":
        return say("是") if value else say("否")
    if spec.kind == "choice":
        return dict(spec.choices).get(str(value), str(value))
    return say("%(value)s %(unit)s", value=value, unit=spec.unit) if spec.unit else str(value)
