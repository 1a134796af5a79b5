"""What the wizard shows: columns with their fields, cells with their errors, words and dates to explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.imports import matching, measures, words
from app.imports.columns import Kind, Spec
from app.imports.parsing import ORDERS, day, is_month
from app.models import ImportBatch, ImportRow, MaintenanceTeam, Person, Region, Unit
from app.permissions import Actor
from app.rules.workbook_cells import column_letters
from app.transaction import AnySession
from app.wording import again, together

HOW = {
    matching.SAME: (_l("同名"), "ok"), matching.ALIAS: (_l("别名"), "ok"), matching.KEPT: (_l("上次的选择"), "ok"),
    matching.CHOSEN: (_l("已选"), "ok"), matching.LIKE: (_l("名称相近，请确认"), "near"),
    matching.CONTENT: (_l("按内容猜测，请确认"), "near"), matching.TWICE: (_l("重复的列"), "near"),
    matching.NONE: (_l("不导入"), "gone"),
}  # fmt: skip
# More choices than a page should carry are looked up by typing.
MOST_OPTIONS = 6000
PICKS = {"maintenance_unit_id": "maintenance_units", "use_unit_id": "use_units", "unit_id": "maintenance_units"}


def columns(kind: Kind, mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The file's columns: letter in the person's own file, heading, some texts of it, the field and how it was found.

    What belongs to the field (unit of measure, wrong cells) stands at the first of its columns.
    """
    made: list[dict[str, Any]] = []
    examples, names = mapping.get("examples") or [], list(mapping["columns"])
    hidden = (mapping.get("hidden") or [0, []])[1]
    places = mapping.get("places") or range(len(mapping["headings"]))
    for at, heading in enumerate(mapping["headings"]):
        name, how = names[at], mapping["how"][at]
        word, tone = HOW.get(how, HOW[matching.NONE])
        spec = kind.spec(name) if name else None
        first = name is not None and names.index(name) == at
        if spec is not None and names.count(name) > 1 and how not in matching.TO_CONFIRM:
            word, tone = _l("几列合成"), "ok"
        made.append(
            {"at": at, "letter": column_letters(places[at]), "heading": heading or _("（没有列名）"), "field": name,
             "word": word, "tone": tone, "spec": spec, "confirm": how in matching.TO_CONFIRM,
             "examples": examples[at] if at < len(examples) else [], "hidden": at in hidden,
             **(_of_field(spec, mapping) if spec is not None and first else {})}
        )  # fmt: skip
    return made


def _of_field(spec: Spec, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Which unit of measure its cells may be in and are in; how many are wrong or were left blank."""
    wrong, left = ((mapping.get(kept) or {}).get(spec.name, 0) for kept in ("wrong", "left"))
    lenient = spec.name in (mapping.get("lenient") or [])
    return {
        "measures": measures.options(spec), "measure": (mapping.get("measures") or {}).get(spec.name),
        "wrong": wrong, "left": left, "lenient": lenient, "may_leave": not spec.required and bool(wrong or lenient),
        "comma": spec.name in (mapping.get("commas") or []),
    }  # fmt: skip


def seen(
    kind: Kind, found: Sequence[dict[str, Any]], shown: Sequence[Mapping[str, Any]], whole: bool
) -> list[dict[str, Any]]:
    """The columns as the sheet shows them: those with an error on this page right behind the key, where one sees them;
    those that are not imported only when `whole` (or when none is)."""
    kept = [c for c in found if whole or c["field"]] or list(found)
    wrong = {at for line in shown for at, cell in enumerate(line["cells"]) if cell["errors"]}
    return sorted(kept, key=lambda c: (c["field"] != kind.key, c["at"] not in wrong))


def missing(kind: Kind, mapping: Mapping[str, Any], mode: str) -> list[str]:
    """Labels of required fields that no column stands for, and for which nobody said what all rows have.

    Rows that are there already need their key only.
    """
    told = {name for name, meant in (mapping.get("words") or {}).items() if meant.get("")}
    needed = [s for s in kind.columns if s.required and (mode != "update" or s.name == kind.key)]
    return [s.label for s in needed if s.name not in {*mapping["columns"], *told}]


def lines(
    session: AnySession, actor: Actor, kind: Kind, rows: Sequence[ImportRow], mapping: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows as the sheet has them; errors stand in their cells, what belongs to no column of the file at the end."""
    shown = _Words(session, actor, kind)
    place: dict[str, int] = {}
    for column, name in enumerate(mapping["columns"]):
        if name:
            place.setdefault(name, column)
    made = []
    for row in rows:
        cells: list[dict[str, Any]] = [{"text": cell, "errors": [], "old": None} for cell in row.raw]
        rest: list[dict[str, Any]] = []
        for name, of_month in (mapping.get("months") or {}).items():
            # What will be kept, beside what the file says.
            cell = cells[at] if (at := place.get(name)) is not None and at < len(cells) else None
            if cell is not None and is_month(cell["text"]) and (on := day(cell["text"], None, of_month)) is not None:
                cell["text"] = _("%(day)s（%(told)s）", day=on.isoformat(), told=cell["text"])
        for held in row.errors or []:
            error = held | {name: again(text) for name, text in held.get("said", {}).items()}
            at = place.get(error.get("field") or "")
            (cells[at]["errors"] if at is not None and at < len(cells) else rest).append(error)
        for name, old in (row.before or {}).items() if row.state == "changed" else ():
            at = place.get(name)
            told = shown.text(name, old)
            if at is not None and at < len(cells):
                cells[at]["old"] = told
            else:
                label = spec.label if (spec := kind.spec(name)) else name
                rest.append({"column": label, "found": _("原为 %(old)s", old=told), "remedy": ""})
        made.append({"number": row.number, "cells": cells, "rest": rest, "undo": row.undo, "note": row.undo_note})
    return made


class _Words:
    """Stored values in the words of the sheet; regions and units by name."""

    def __init__(self, session: AnySession, actor: Actor, kind: Kind) -> None:
        self._session, self._actor, self._kind = session, actor, kind
        self._names: dict[tuple[str, Any], str] = {}

    def text(self, name: str, value: Any) -> str:
        spec = self._kind.spec(name)
        if value is None or value == "":
            return _("空")
        if isinstance(value, bool):
            return _("是") if value else _("否")
        if spec is not None and spec.kind == "choices":
            held = str(value).split(",") if not isinstance(value, list) else value
            return together((str((spec.choices or {}).get(one, one)) for one in held), "、")
        if spec is not None and spec.choices:
            return str(spec.choices.get(value, value))
        if spec is not None and spec.kind in ("unit", "region", "person", "team") and isinstance(value, int):
            return self._name(spec, value)
        return str(value)

    def _name(self, spec: Spec, value: int) -> str:
        key = (spec.kind, value)
        if key not in self._names:
            model: Any = {"unit": Unit, "region": Region, "person": Person, "team": MaintenanceTeam}[spec.kind]
            statement = select(model.name).where(model.id == value)
            self._names[key] = self._session.scalar(statement) or _("编号 %(key)s", key=value)
        return self._names[key]


def explained(session: AnySession, actor: Actor, kind: Kind, mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By field the words that are not ours, with what each is taken for and what else it can mean."""
    made = []
    for name, found in (mapping.get("asked") or {}).items():
        spec = kind.spec(name)
        if spec is None:
            continue
        pick = PICKS.get(name)
        every = [] if spec.kind == "unit" else words.options(session, actor, spec, {"value": None})
        if len(every) * len(found) > MOST_OPTIONS:
            pick, every = "regions", []
        told = [
            {"at": at, **line, "options": _options(every, spec, line) or _few(session, actor, spec, line)}
            for at, line in enumerate(found)
        ]
        # What may stay blank is offered, not asked for.
        open_words = sum(line["value"] is None and (spec.required or line["word"] != "") for line in found)
        made.append({
            "spec": spec, "lines": told, "open": open_words, "pick": pick,
            "absent": name not in mapping["columns"], "unheard": (mapping.get("unheard") or {}).get(name, 0),
        })  # fmt: skip
    return sorted(made, key=lambda field: -field["open"])


def _options(every: list[dict[str, Any]], spec: Spec, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    return words.likeliest_first(every, str(line["word"])) if spec.kind == "region" else every


def _few(session: AnySession, actor: Actor, spec: Spec, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where a list of all would be too long: what the word is taken for; anything else is looked up by typing."""
    found = words.options(session, actor, spec, line)
    return found if spec.kind == "unit" else [o for o in found if o["value"] == line["value"]]


def dates(kind: Kind, mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Date columns written as 01/05/2026: which comes first, and whether the file tells by itself; and those with
    cells that name only a month: which day of it is meant."""
    made = []
    told, months = mapping.get("dates") or {}, mapping.get("by_month") or {}
    for name in dict.fromkeys([*told, *months]):
        spec, seen = kind.spec(name), told.get(name) or {}
        if spec is not None:
            both = sum(bool(seen.get(order)) for order in ORDERS) > 1
            order = (mapping.get("orders") or {}).get(name)
            by_month = months.get(name, 0) if spec.kind == "date" else 0
            of_month = (mapping.get("months") or {}).get(name)
            made.append({
                "spec": spec, "order": order, "seen": seen, "both": both, "unclear": seen.get("?", 0),
                "by_month": by_month, "of_month": of_month,
                "open": int(bool(seen) and not order) + int(bool(by_month) and not of_month),
            })  # fmt: skip
    return made


def reasons(session: AnySession, batch: ImportBatch) -> list[tuple[str, int]]:
    """Bad rows by their first reason, the commonest first."""
    statement = (
        select(ImportRow.reason, func.count())
        .where(ImportRow.batch_id == batch.id, ImportRow.state == "bad", ImportRow.reason.is_not(None))
        .group_by(ImportRow.reason)
        .order_by(func.count().desc(), ImportRow.reason)
    )
    return [(str(reason), count) for reason, count in session.execute(statement)]
