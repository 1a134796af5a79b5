"""What is known while the rows of one sheet are judged: the rows as judged, and what who compares them asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app import clock
from app.errors import Finding
from app.imports.columns import Kind, Spec
from app.imports.matching import Match
from app.imports.reading import Cells
from app.imports.references import Regions, UnitNames
from app.imports.surveying import Survey
from app.permissions import Actor
from app.rules.past_visits import Diary
from app.transaction import AnySession
from app.wording import kept
from app.workflows.contracts import contract_findings

# Kinds of cells whose words a person may explain.
WORDED = ("choice", "choices", "bool", "unit", "region")
# More distinct words than a person would explain one by one.
MOST_WORDS = 200
OTHER = "其他"


@dataclass(slots=True)
class Row:
    """A row as judged. `data` is what would be written, `before` what stands; `errors` name column, value, way out."""

    number: int
    raw: Cells
    verdict: str = "new"
    data: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    entity_id: int | None = None

    def bad(
        self, column: str, value: Any, found: str, remedy: str, rule: str = OTHER, name: str | None = None
    ) -> None:
        """Tell what is wrong with one cell; a field's first error stands for all that follow from it."""
        if name is not None and any(e["field"] == name for e in self.errors):
            return
        shown = "" if value is None else str(value)[:60]
        error: dict[str, Any] = {
            "column": column, "value": shown, "found": found, "remedy": remedy, "rule": rule, "field": name or "",
        }  # fmt: skip
        # Kept for the page: the row waits in the database until somebody looks, in whichever language.
        said = {key: kept(text) for key, text in (("found", found), ("remedy", remedy)) if kept(text) is not text}
        self.errors.append(error | ({"said": said} if said else {}))
        self.verdict = "bad"

    def forgive(self, names: Iterable[str]) -> None:
        """Take back what was said of cells that only show what stands already."""
        wanted = set(names)
        self.errors = [e for e in self.errors if e["field"] not in wanted]
        if not self.errors and self.verdict == "bad":
            self.verdict = "new"

    @property
    def reason(self) -> str | None:
        return self.errors[0]["rule"][:20] if self.errors and self.verdict == "bad" else None


class Judging:
    """One sheet, one actor, one instant."""

    def __init__(
        self, session: AnySession, actor: Actor, kind: Kind, at: dt.datetime, match: Match, mode: str = "both"
    ) -> None:
        self.session, self.actor, self.kind, self.mode = session, actor, kind, mode
        self.at, self.today = at, clock.local_day(at)
        self.match, self.specs, self.joined = match, match.specs(kind), match.joined()
        self.placed = [(at, s) for at, s in enumerate(self.specs) if s is not None]
        self.given = [s for _, s in self.placed]
        self.naming = [s for s in self.given if s.kind in ("region", "unit")]
        self.survey = Survey()
        self.regions, self.units = Regions(session, actor), UnitNames(session, actor)
        self.elevators: dict[str, Any] = {}
        # Words by field: how often, and what is known of their meaning (None = nothing).
        self.heard: dict[str, dict[str, list[Any]]] = {}
        # Words that nobody explained, by field; and cells left blank or wrong.
        self.unexplained: dict[str, int] = {}
        self.left: dict[str, int] = {}
        self.wrong: dict[str, int] = {}
        # Rows that add up others.
        self.sums: list[int] = []
        # Codes that come in as drafts and can't be filed as they stand: how many, the first few.
        self.odd_codes, self.odd_examples = 0, []  # type: int, list[str]
        # By region how a code must look there.
        self.code_patterns: dict[str | None, str] = {}
        # What rows before this one would do: one file may contradict itself, row against row.
        self.diary = Diary()
        self.accounts_made = 0
        self.held: dict[int, list[contract_findings.Held]] = {}
        self.seen_units: dict[tuple[int | None, str], list[Finding]] = {}
        # By field: what a value is stored as.
        self.cleaned: dict[str, dict[Any, Any]] = {s.name: {} for s in self.given}

    def hear(self, name: str, word: str, value: Any, times: int = 1) -> None:
        """Count a word; what is unknown is asked about. What is decided takes no room from what is not."""
        words = self.heard.setdefault(name, {})
        if word in words:
            words[word][0] += times
            return
        unexplained = self.unexplained.get(name, 0)
        if value is not None or unexplained < MOST_WORDS:
            words[word] = [times, value]
            times = 1
        if value is None:
            self.unexplained[name] = unexplained + times

    def excuses(self, spec: Spec) -> bool:
        """Whether the person said that a cell of this field stays blank where it can't be read; counted."""
        if spec.required or spec.name not in self.match.lenient:
            return False
        self.left[spec.name] = self.left.get(spec.name, 0) + 1
        return True

    def meant_by_blank(self, spec: Spec) -> Any:
        """What the person said that a blank cell of a new row means; asked about where it must be something."""
        if spec.kind not in WORDED:
            return None
        value = self.match.words.get(spec.name, {}).get("")
        self.hear(spec.name, "", value)
        return value
