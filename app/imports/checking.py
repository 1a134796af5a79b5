"""Every row judged, every error told by cell: new, changed, unchanged or bad. Sets are read once, never row by row.

The file is walked twice and never held: a survey (keys that stand twice, kinds of dates), then the judgement by parts.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from app import scope
from app.imports import (
    comparing_filings,
    comparing_inspections,
    comparing_orders,
    comparing_parts,
    comparing_past,
    comparing_people,
    comparing_service,
    comparing_unit,
)
from app.imports.columns import OF_ELEVATORS, Kind, Spec
from app.imports.comparing import BLANK, NOT_FOUND, as_json
from app.imports.judging import WORDED, Judging, Row
from app.imports.matching import Match
from app.imports.parsing import AS_TEXT, Bad, Unknown, kept_by, not_a_day, parse, pieces, plain_texts, text_of
from app.imports.reading import Cells, Sheet
from app.imports.references import parts
from app.imports.surveying import is_sum
from app.models import Elevator
from app.permissions import Actor
from app.rules.identifiers import normal_code, normal_codes
from app.transaction import AnySession
from app.wording import say
from app.workflows.contracts import contract_findings

PART = 2000
COMPARE: dict[str, Callable[[Judging, list[Row]], None]] = {
    "units": comparing_filings.filed, "elevators": comparing_filings.filed,
    "persons": comparing_people.person_rows, "invitations": comparing_people.invitation_rows,
    "ledgers": comparing_service.ledger_rows, "orders": comparing_orders.order_rows,
    "contracts": comparing_service.contract_rows, "visits": comparing_service.visit_rows,
    "insurance": comparing_unit.insurance_rows, "accounts": comparing_unit.account_rows,
    "past_rescues": comparing_past.rescue_rows, "past_repairs": comparing_past.repair_rows,
    "past_complaints": comparing_past.complaint_rows,
    "inspections": comparing_inspections.inspection_rows, "past_checks": comparing_inspections.inspection_rows,
    "components": comparing_parts.component_rows, "landing_doors": comparing_parts.door_rows,
}  # fmt: skip
DAYS = {dt.date, dt.datetime}
# Cells whose reading is kept for the next row that says the same; more would only fill memory with what is unique.
MOST_KEPT = 5_000
TWICE, SUM_ROW = "编号重复", "汇总行"


def _at_once() -> None:
    """Nobody else uses the session."""


def _blank(values: Sequence[Any]) -> list[int]:
    return [at for at, value in enumerate(values) if value is None] if None in values else []


class Checker(Judging):
    """Judges the rows of one sheet for one actor at one instant."""

    def __init__(
        self, session: AnySession, actor: Actor, kind: Kind, at: dt.datetime, match: Match, mode: str = "both"
    ) -> None:
        super().__init__(session, actor, kind, at, match, mode)
        columns = match.columns
        keyed = (kind.key, *kind.also, "name")
        self._keyed = [(name, columns.index(name) if name in columns else None) for name in keyed]
        # By field: what a cell was read as, and what is wrong with it.
        self._parsed: dict[str, dict[Any, Any]] = {s.name: {} for s in self.given}
        self._problems: dict[str, dict[Any, Bad]] = {s.name: {} for s in self.given}

    def check(
        self, sheet: Sheet, progress: Callable[[int, int], None] | None = None, ready: Callable[[], None] = _at_once
    ) -> Iterator[list[Row]]:
        """All rows in the order of the sheet, some at a time.

        `ready` is asked before the session is: until then who took the part before may have it.
        """
        self._survey(sheet)
        done, waiting = 0, []
        for number, cells in sheet.rows():
            waiting.append((number, cells))
            if len(waiting) == PART:
                yield self._part(waiting, ready)
                done, waiting = done + len(waiting), []
                if progress is not None:
                    progress(done, self.survey.rows)
        if waiting:
            yield self._part(waiting, ready)

    def _part(self, cells: list[tuple[int, Cells]], ready: Callable[[], None]) -> list[Row]:
        sums = [self._sum(number, found, word) for number, found in cells if (word := is_sum(found)) is not None]
        if not sums:
            return self._judge(cells, ready)
        left = {row.number for row in sums}
        rest = [one for one in cells if one[0] not in left]
        return sorted([*(self._judge(rest, ready) if rest else []), *sums], key=lambda row: row.number)

    def _sum(self, number: int, cells: Cells, word: str) -> Row:
        """A row that adds up those above it is no record: told, counted, not imported."""
        self.sums.append(number)
        row = Row(number, cells, "same")
        told, way = say("“%(word)s”开头，是汇总行，不是一条记录", word=word), "不导入这一行"
        row.bad("", word, told, way, SUM_ROW)
        row.verdict = "same"
        return row

    def _judge(self, cells: list[tuple[int, Cells]], ready: Callable[[], None]) -> list[Row]:
        rows = self._read(cells)
        ready()
        self._look_up(rows)
        for spec in self.naming:
            self._resolve(spec, rows)
        COMPARE[self.kind.name](self, rows)
        twice = bool(self.survey.repeated or self.survey.contradicted)
        masked = comparing_unit.MASKED.get(self.kind.name)
        for row in rows:
            if twice:
                self._twice(row)
            for error in row.errors if row.verdict == "bad" else ():
                self.wrong[error["field"]] = self.wrong.get(error["field"], 0) + 1
            # A bad row is kept too, however far its judgement went.
            if not DAYS.isdisjoint(map(type, row.data.values())):
                row.data = {n: as_json(v) if isinstance(v, dt.date) else v for n, v in row.data.items()}
            if masked is not None:
                comparing_unit.mask(self, row, masked)
        self.elevators.clear()
        for spec in self.given:
            if len(self._parsed[spec.name]) > MOST_KEPT:
                # Together: what is kept of a cell without its problem would pass for good.
                self._parsed[spec.name].clear()
                self._problems[spec.name].clear()
            if len(self.cleaned[spec.name]) > MOST_KEPT:
                self.cleaned[spec.name].clear()
        return rows

    # --- the first walk

    def _survey(self, sheet: Sheet) -> None:
        told = self.survey
        told.walk(sheet, self.specs, self.keys_of)
        for name in told.orders:
            if name not in self.match.orders and (order := told.order(name)) is not None:
                self.match.orders[name] = order

    def kept_by(self, cells: Cells) -> int | None:
        """The digest of what makes a row one of its kind; None where it says nothing.

        Of a number that is masked several may look alike: there the name tells people apart.
        """
        return self.keys_of([cells])[0]

    def keys_of(self, rows: Sequence[Cells]) -> list[int | None]:
        """`kept_by` of each."""
        blank, columns = [""] * len(rows), []
        for _name, at in self._keyed:
            cells = blank if at is None else ["" if row[at] is None else str(row[at]) for row in rows]
            columns.append(normal_codes(cells))
        found = list(zip(*columns, strict=True))
        if "name" not in self.kind.also:
            found = [texts if "*" in texts[0] else texts[:-1] for texts in found]
        return [hash(texts) if texts[0] else None for texts in found]

    def _twice(self, row: Row) -> None:
        """The same key twice contradicts itself, all its rows are told; repeated word for word, the first counts."""
        key, told = self.kept_by(row.raw), self.survey
        if key is None or row.verdict == "same" or (key not in told.contradicted and key not in told.repeated):
            return
        spec, first = self.kind.spec(self.kind.key), told.first[key]
        assert spec is not None
        value = str(row.raw[self.match.columns.index(spec.name)])
        if key in told.contradicted:
            row.bad(
                spec.label,
                value,
                "在文件里出现了不止一次，内容不同",
                say("最早在第 %(first)s 行，每个只保留一行", first=first),
                TWICE,
                spec.name,
            )
        elif row.number != first and row.verdict != "bad":
            row.verdict, row.data = "same", {}
            row.errors = [{
                "column": spec.label, "value": value[:60], "found": say("与第 %(first)s 行完全相同", first=first),
                "remedy": say("按第 %(first)s 行导入一次", first=first), "rule": TWICE, "field": spec.name,
            }]  # fmt: skip

    # --- cells

    def _read(self, cells: list[tuple[int, Cells]]) -> list[Row]:
        """The cells as values, column by column; what is wrong is told row by row, for few rows are."""
        rows = [Row(number, found) for number, found in cells]
        lines = [self.match.as_one(row.raw, self.joined) for row in rows]
        values: list[list[Any]] = []
        troubled: set[int] = set()
        for spec, column in zip(self.specs, zip(*lines, strict=True), strict=True):
            if spec is not None:
                read, odd = self._column(spec, column)
                values.append(read)
                troubled.update(odd)
        names = [spec.name for spec in self.given]
        for row, found in zip(rows, zip(*values, strict=True), strict=bool(values)):
            row.data = dict(zip(names, found, strict=True))
        for at in sorted(troubled):
            self._tell(rows[at], lines[at])
        self._normal_keys(rows)
        return rows

    def _column(self, spec: Spec, cells: Sequence[Any]) -> tuple[list[Any], list[int]]:
        """The parsed cells of a column and the places of those that are to be told of; the same cell is parsed once."""
        if spec.kind in WORDED:
            cells = [cell if cell.__class__ is str or cell is None else str(cell) for cell in cells]
        if spec.kind in AS_TEXT and not self.match.words.get(spec.name) and (texts := plain_texts(cells)) is not None:
            return texts, _blank(texts) if spec.required else []
        known, problems = self._parsed[spec.name], self._problems[spec.name]
        keys = [cell if cell.__class__ is str else kept_by(cell) for cell in cells]
        for key in set(keys).difference(known):
            known[key], problem = self._parse(spec, key if key.__class__ is str else key[1])
            if problem is not None:
                problems[key] = problem
        values = [known[key] for key in keys]
        if spec.kind in WORDED:
            for cell, times in Counter(cells).items():
                if cell:
                    self._hear(spec, cell, known[cell], problems.get(cell), times)
        odd = [at for at, key in enumerate(keys) if key in problems] if problems else []
        return values, odd + _blank(values) if spec.required else odd

    def _tell(self, row: Row, line: Cells) -> None:
        """Tell what is wrong with the row's cells; those that the person excused stay blank."""
        for spec, cell in zip(self.specs, line, strict=True):
            if spec is None:
                continue
            key = kept_by(str(cell) if spec.kind in WORDED and cell is not None else cell)
            problem = self._problems[spec.name].get(key)
            if problem is not None and not self.excuses(spec):
                del row.data[spec.name]
                row.bad(spec.label, cell, problem.found, problem.remedy, problem.rule, spec.name)
            elif problem is None and spec.required and row.data[spec.name] is None:
                del row.data[spec.name]
                help_text = say("：%(help)s", help=spec.help) if spec.help else ""
                row.bad(
                    spec.label,
                    cell,
                    "没有填写",
                    say("%(label)s必填%(help_text)s", label=spec.label, help_text=help_text),
                    BLANK,
                    spec.name,
                )

    def _normal_keys(self, rows: list[Row]) -> None:
        name = self.kind.key
        plain = normal_code if name != "number" else contract_findings.plain_number
        spec = None if name in self.match.columns else self.kind.spec(name)
        keys = [key for row in rows if isinstance(key := row.data.get(name), str)]
        if len(keys) == len(rows) and plain is normal_code:
            for row, code in zip(rows, normal_codes(keys), strict=True):
                row.data[name] = code
            return
        for row in rows:
            key = row.data.get(name)
            if isinstance(key, str):
                row.data[name] = plain(key)
            elif spec is not None:
                row.bad(spec.label, None, "文件里没有这一列", "请在列的对应里选出这一列", BLANK, spec.name)

    def _parse(self, spec: Spec, cell: Any) -> tuple[Any, Bad | None]:
        try:
            told, name = self.match, spec.name
            if spec.kind in ("date", "instant") and self.survey.is_headless(name, cell):
                raise not_a_day(str(cell))
            comma = spec.kind == "figure" and self.survey.figures.reads_comma(name, cell)
            return parse(cell, spec, told.orders.get(name), told.words.get(name), told.measures.get(name), comma,
                         told.months.get(name)), None  # fmt: skip
        except Bad as problem:
            return None, problem

    def _hear(self, spec: Spec, cell: str, value: Any, problem: Bad | None, times: int) -> None:
        """Keep words that are not our own, with what they are taken for, for a person to confirm."""
        if spec.kind == "choices" and (problem is None or isinstance(problem, Unknown)):
            one = replace(spec, kind="choice")
            for piece in pieces(cell, one):
                self._hear(one, piece, *self._parse(one, piece), times)
            return
        told = self.match.words.get(spec.name)
        if told and cell.strip() in told:
            self.hear(spec.name, cell.strip(), told[cell.strip()], times)
        elif isinstance(problem, Unknown):
            self.hear(spec.name, text_of(cell), None, times)
        elif spec.kind == "choice" and value is not None and cell.strip() not in (value, self._label(spec, value)):
            self.hear(spec.name, text_of(cell), value, times)

    def _label(self, spec: Spec, value: Any) -> str:
        return str((spec.choices or {}).get(value))

    # --- references

    def _look_up(self, rows: list[Row]) -> None:
        """Read at once what the rows name: units, elevators."""
        units = [s.name for s in self.given if s.kind == "unit"]
        self.units.look_up({str(r.data[n]) for r in rows for n in units if isinstance(r.data.get(n), str)})
        wanted: set[str] = set()
        if self.kind.name in OF_ELEVATORS:
            wanted = {r.data["code"] for r in rows if r.data.get("code")}
        if self.kind.name == "contracts":
            wanted = {c for r in rows for c in comparing_service.codes_in(r.data.get("elevators"))}
        for part in parts(sorted(wanted)):
            statement = scope.apply(select(Elevator).where(Elevator.code.in_(part)), self.actor, Elevator)
            for elevator in self.session.scalars(statement.order_by(Elevator.approved_version)):
                self.elevators[elevator.code] = elevator

    def _resolve(self, spec: Spec, rows: list[Row]) -> None:
        """Put in the place of names of regions and units which they are; each name is looked for once."""
        known: dict[str, tuple[int | None, int]] = {}
        for row in rows:
            value = row.data.get(spec.name)
            if not isinstance(value, str):
                continue
            told = known.get(value)
            if told is None:
                told = known[value] = self._named(spec, value)
            row.data[spec.name], several = told
            if told[0] is None:
                self._not_found(spec, row, value, several)

    def _named(self, spec: Spec, value: str) -> tuple[int | None, int]:
        """The row of this name, and how many there are where it is not the only one."""
        if spec.kind == "region":
            return self.regions.find(value), 0
        ids = self.units.find(value)
        return (ids[0], 1) if len(ids) == 1 else (None, len(ids))

    def _not_found(self, spec: Spec, row: Row, value: str, several: int) -> None:
        self.hear(spec.name, value, None)
        if self.excuses(spec):
            return
        if several:
            told, rule = say("有 %(several)s 个同名的单位", several=several), "单位不唯一"
            remedy = "请填写统一社会信用代码，或在词的对应里选一个"
        elif spec.kind == "region" and self.regions.is_several(value):
            told, rule = say("不止一个地区叫“%(value)s”", value=value[:40]), "地区不唯一"
            remedy = "请写上区县（例如 临河区明水街道），或在词的对应里选一个"
        elif spec.kind == "region":
            told, rule = say("没有找到“%(value)s”", value=value[:40]), NOT_FOUND
            remedy = "请填写全称（例如 临河区明水街道）或 12 位区划代码"
        else:
            told, rule = say("没有找到“%(value)s”", value=value[:40]), NOT_FOUND
            remedy = "请填写已备案单位的全称或统一社会信用代码；新单位请先导入单位"
        row.bad(spec.label, value, told, remedy, rule, spec.name)
