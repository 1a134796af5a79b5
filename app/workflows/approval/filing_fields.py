"""The filed fields of units and elevators: which they are, how an input becomes a stored value, how two differ."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Column, Date, Float, Integer, Numeric, String, Text

from app import clock
from app.errors import Finding, Refusal
from app.models import Elevator, Unit
from app.rules.calendar import day_finding
from app.rules.identifiers import check_mobile, check_resident_id, normal_code
from app.wording import say, together

Data = dict[str, Any]
Filed = Unit | Elevator
FiledModel = type[Unit] | type[Elevator]

# Kept by the product, never filed. `region_code` follows from `region_id`.
_KEPT = {
    "id", "region_code", "status", "filing_state", "info_state", "approved_version", "approved_on",
    "filed_by_unit_id", "batch_id", "public_token", "created_at", "updated_at", "created_by_id", "row_version",
}  # fmt: skip
CODES = {
    "uscc", "licence_no", "code", "rescue_code", "equipment_code", "registration_code", "certificate_no", "factory_no",
    "register_no", "job_no", "service_no", "policy_no",
}  # fmt: skip
_PHONES = {"duty_phone", "emergency_phone"}
_PHONE_FORM = re.compile(r"[0-9+][0-9 \-]{2,18}")
_FILED = {
    m.__tablename__: tuple(c.key for c in m.__table__.columns if c.key not in _KEPT and c.computed is None)
    for m in (Unit, Elevator)
}
_COLUMNS = {m.__tablename__: [m.__table__.columns[n] for n in _FILED[m.__tablename__]] for m in (Unit, Elevator)}
_REQUIRED = {t: tuple(c.key for c in cs if not c.nullable and c.default is None) for t, cs in _COLUMNS.items()}
_DAYS = {t: tuple(c.key for c in cs if isinstance(c.type, Date)) for t, cs in _COLUMNS.items()}
_BLANK: dict[str, Data] = {
    t: {c.key: c.default.arg if c.default is not None else None for c in cs}
    for t, cs in _COLUMNS.items()
}
# Outside of these a figure is a slip of the keyboard or another unit of measure.
_RANGES = {
    "latitude": (-90, 90), "longitude": (-180, 180), "rated_load": (1, 100_000), "rated_speed": (0.01, 30),
    "floors": (1, 300), "stops": (1, 300), "doors": (1, 600), "cylinders": (1, 8), "rise": (0.1, 200),
    "inclination": (0, 35), "nominal_width": (200, 2000), "nominal_speed": (0.05, 5), "machine_power": (0.1, 500),
    "run_length": (0.1, 500),
}  # fmt: skip
_TRUE, _FALSE = {"1", "true", "on", "y", "yes", "是"}, {"0", "false", "off", "n", "no", "否"}


def fields_of(model: FiledModel) -> tuple[str, ...]:
    """The names of the filed fields, in the order of the model."""
    return _FILED[model.__tablename__]


def required_of(model: FiledModel) -> tuple[str, ...]:
    """Without these a draft can't be kept; what submitting needs besides is `filing_checks`' affair."""
    return _REQUIRED[model.__tablename__]


def lacking(model: FiledModel, data: Data, told: Collection[str | None] = ()) -> list[Finding]:
    """What must be there and is not, a finding each; fields of which something is `told` already are left out."""
    if None not in map(data.get, required_of(model)):
        return []
    return [
        Finding(
            "必填",
            False,
            say("没有填写%(model)s", model=label(model, name)),
            say("请填写%(model)s", model=label(model, name)),
            field=name,
        )
        for name in required_of(model)
        if data.get(name) is None and name not in told
    ]


def days_of(model: FiledModel) -> tuple[str, ...]:
    """The fields that hold a day."""
    return _DAYS[model.__tablename__]


def label(model: FiledModel, name: str) -> str:
    """The declared label of a field."""
    return str(model.__table__.columns[name].info.get("label", name))


def snapshot(row: Filed) -> Data:
    """The filed fields as the row has them, ready for JSON."""
    return {name: _stored(getattr(row, name)) for name in fields_of(type(row))}


def empty(model: FiledModel) -> Data:
    """A new row's filed fields before anything was entered."""
    return dict(_BLANK[model.__tablename__])


def put(row: Filed, data: Mapping[str, Any]) -> None:
    """Write filed values onto the row's columns."""
    columns = type(row).__table__.columns
    for name in fields_of(type(row)):
        if name in data:
            value = data[name]
            if value is not None and isinstance(columns[name].type, Date):
                value = dt.date.fromisoformat(value)
            if getattr(row, name) != value:
                setattr(row, name, value)


def clean(model: FiledModel, data: Mapping[str, Any]) -> tuple[Data, list[Finding]]:
    """Each input in its stored form, and a finding for each that has none. Unknown names are refused, not ignored."""
    values: Data = {}
    findings: list[Finding] = []
    for name, given in data.items():
        value, told = clean_field(model, name, given)
        if told:
            findings += told
        else:
            values[name] = value
    return values, findings


def clean_field(model: FiledModel, name: str, given: Any) -> tuple[Any, list[Finding]]:
    """One input in its stored form, or what is wrong with it."""
    held = _FIELDS[model.__tablename__].get(name)
    if held is None:
        told = say("没有可以填报的字段“%(name)s”", name=name)
        return None, [Finding("备案字段", False, told, "请按表单或模板填写", field=name)]
    column, stored, keeps_blank = held
    if not keeps_blank and (given is None or (isinstance(given, str) and not given.strip())):
        return None, []
    try:
        return stored(column, given), []
    except Refusal as refusal:
        return None, list(refusal.findings)
    except ValueError as problem:
        shown = _short(given)
        return None, [Finding(
            say("%(model)s格式", model=label(model, name)), False, say("填写为“%(short)s”", short=shown), str(problem),
            field=name, value=shown,
        )]  # fmt: skip


def stand_as_they_are(model: FiledModel, name: str, texts: Collection[Any]) -> bool:
    """Whether `clean_field` gives each of these inputs as it came and finds nothing; looked at all at once.

    Said of texts and nothing else; True only where it is sure.
    """
    alike, limit = _ALIKE[model.__tablename__].get(name, (None, 0))
    if alike is None or not {*map(type, texts)} <= {str}:
        return False
    return max(map(len, texts), default=0) <= limit and "" not in texts and alike(texts)


def _lines_alike(texts: Collection[str]) -> bool:
    # Each between two bars: then no blank is at an end or beside another.
    held = f"|{'|'.join(texts)}|"
    return held.isprintable() and "  " not in held and "| " not in held and " |" not in held


def _codes_alike(texts: Collection[str]) -> bool:
    held = "".join(texts)
    return held.isascii() and held.isalnum() and held == held.upper()


class Difference(NamedTuple):
    """One field that two versions give differently."""

    field: str
    old: Any
    new: Any


_EMPTY = (None, "")


def what_changes(old: Mapping[str, Any], asked: Data) -> tuple[Data, Data]:
    """Of the fields that are asked for those that differ, as they were and as they are to be."""
    after = {
        name: now for name, now in asked.items()
        if (was := old.get(name)) != now and not (was in _EMPTY and now in _EMPTY)
    }  # fmt: skip
    return {name: old.get(name) for name in after}, after


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Difference]:
    """The fields in which two versions differ, in the order of the newer; empty text and nothing are the same."""
    before = old or {}
    names = [*new, *(n for n in before if n not in new)]
    return [
        Difference(name, before.get(name), new.get(name))
        for name in names
        if (was := before.get(name)) != (now := new.get(name)) and not (was in _EMPTY and now in _EMPTY)
    ]


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else say("%(text)s…", text=text[:60])


def _boolean(column: Column[Any], given: Any) -> bool:
    if isinstance(given, bool):
        return given
    text = "" if given is None else str(given).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if not text:
        return bool(column.default.arg) if column.default is not None else False  # type: ignore[attr-defined]
    raise ValueError("请填写“是”或“否”")


def _day(column: Column[Any], given: Any) -> str:
    if isinstance(given, dt.datetime):
        given = given.date()
    if not isinstance(given, dt.date):
        try:
            given = dt.date.fromisoformat(str(given).strip().replace("/", "-"))
        except ValueError:
            raise ValueError("请按 2026-11-20 这样的格式填写真实的日期") from None
    finding = day_finding(given, column.key, str(column.info.get("label", column.key)))
    if finding.stops:
        raise Refusal(finding)
    return str(given.isoformat())


def _number(column: Column[Any], given: Any) -> float:
    try:
        value = float(str(given).strip())
    except ValueError:
        raise ValueError("请填写数字") from None
    low, high = _RANGES.get(column.key, (-1e9, 1e9))
    if not low <= value <= high:  # also what is not a number at all
        raise ValueError(say("请填写 %(low)s 至 %(high)s 之间的数字，注意单位", low=low, high=high))
    return value


def _whole(column: Column[Any], given: Any) -> int:
    value = _number(column, given)
    if value != int(value):
        raise ValueError("请填写整数")
    return int(value)


def _text(column: Column[Any]) -> Callable[[Column[Any], Any], str | None]:
    """What makes a text of this column; what the column says of its texts is asked once."""
    name, choices = column.key, column.info.get("choices")
    limit = column.type.length if isinstance(column.type, String) else None
    spelt = _SPELT.get("code" if name in CODES else column.info.get("sensitive")) or (
        _lines if isinstance(column.type, Text) else _line
    )

    def stored(_column: Column[Any], given: Any) -> str | None:
        text = spelt(str(given), name)
        if not text:
            return None
        if limit and len(text) > limit:
            raise ValueError(say("最多 %(limit)s 个字，现为 %(count)s 个", limit=limit, count=len(text)))
        if choices and text not in choices:
            raise ValueError(say("请从这些里选一个：%(names)s", names=together(str(word) for word in choices.values())))
        if name in _PHONES and not _PHONE_FORM.fullmatch(text):
            raise ValueError("请填写电话号码，例如 0398-5550162")
        return text

    return stored


def _line(text: str, _name: str) -> str:
    return " ".join(_visible(text, "").split())


def _lines(text: str, _name: str) -> str:
    return _visible(text, "\n").strip()


def _visible(text: str, keep: str) -> str:
    """Invisible format characters would make two names that look alike; control characters break workbooks."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in keep or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


# How a text of some kinds is spelt, by the code's and the person's own rules.
_SPELT: dict[str | None, Callable[[str, str], str]] = {
    "code": lambda text, _name: normal_code(text), "mobile": check_mobile,
    "id": lambda text, name: check_resident_id(text, clock.today(), name),
}  # fmt: skip


def _stored_by(column: Column[Any]) -> tuple[Column[Any], Callable[[Column[Any], Any], Any], bool]:
    """A field's column, what makes the stored form of an input, and whether a blank input says something."""
    kind = column.type
    if isinstance(kind, Boolean):
        return column, _boolean, True
    if isinstance(kind, Date):
        return column, _day, False
    if isinstance(kind, Float | Numeric):
        return column, _number, False
    return column, _whole if isinstance(kind, Integer) else _text(column), False


def _alike_by(column: Column[Any]) -> tuple[Callable[[Collection[str]], bool], int] | None:
    """By what all of a column's texts may be seen to stand in their stored form, and how long they may be; None where
    each has to be asked."""
    if not isinstance(column.type, String) or column.info.get("choices") or column.key in _PHONES:
        return None
    if column.key in CODES:
        alike = _codes_alike
    elif column.info.get("sensitive") in _SPELT:
        return None
    else:
        alike = _lines_alike
    return alike, column.type.length or 1_000_000


# Chosen once: a workbook asks for each of its cells.
_FIELDS = {table: {column.key: _stored_by(column) for column in columns} for table, columns in _COLUMNS.items()}
_ALIKE = {
    table: {column.key: by for column in columns if (by := _alike_by(column)) is not None}
    for table, columns in _COLUMNS.items()
}
