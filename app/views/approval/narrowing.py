"""What narrows 待我审批, as an address or a form says it; whoever opens an application from there stays within it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import g
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, select, true

from app import clock
from app.extensions import db
from app.models import Application, Unit
from app.rules.addresses import words_of
from app.search import contains
from app.views.frame.filing_words import WORDS
from app.workflows.approval import delegations

FIELDS = ("tab", "kind", "q", "batch")
TABS = {"office": _l("本级"), "mine": _l("我的"), "late": _l("已超时")}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A tab, a kind ("" for all), words and a batch. What nobody knows narrows nothing."""

    tab: str = "office"
    kind: str = ""
    text: str = ""
    batch: int | None = None

    @property
    def asked(self) -> dict[str, str]:
        """As fields of an address, without what holds anyway."""
        said = {"tab": self.tab if self.tab != "office" else "", "kind": self.kind, "q": self.text}
        return {k: v for k, v in (said | {"batch": str(self.batch or "")}).items() if v}

    @property
    def address(self) -> str:
        return f"?{urlencode(self.asked)}" if self.asked else ""

    def searched(self, statement: Any) -> Any:
        if not self.text:
            return statement
        named = and_(*(contains((Application.title,), word) for word in words_of(self.text)))
        of_unit = Application.unit_id.in_(select(Unit.id).where(Unit.name.contains(self.text, autoescape=True)))
        return statement.where(Application.number.startswith(self.text.upper(), autoescape=True) | named | of_unit)

    def narrowed(self, statement: Any, now: dt.datetime) -> Any:
        """By all of it."""
        statement = self.searched(statement).where(of_tab(self.tab, now))
        if self.kind:
            statement = statement.where(Application.kind == self.kind)
        return statement if self.batch is None else statement.where(Application.batch == self.batch)

    def around(self, row: Application) -> Narrowing:
        """The same, without a kind or a batch that is not this one's."""
        return Narrowing(
            self.tab, self.kind if self.kind == row.kind else "", self.text,
            self.batch if self.batch == row.batch else None,
        )  # fmt: skip


def read(asked: Mapping[str, str]) -> Narrowing:
    tab, kind, batch = asked.get("tab", ""), asked.get("kind", ""), asked.get("batch", "")
    return Narrowing(
        tab if tab in TABS else "office", kind if kind in WORDS.kind else "", asked.get("q", "").strip()[:60],
        int(batch) if is_number(batch, 16) else None,
    )  # fmt: skip


def of_tab(tab: str, now: dt.datetime) -> Any:
    """我的: what I took on, or a colleague for whom I stand in. 已超时: past its limit."""
    if tab == "late":
        return Application.due_at <= now
    if tab == "mine":
        desks = {g.actor.user_id, *delegations.stood_in_for(db.session, g.actor, clock.local_day(now))}
        return Application.officer_id.in_(desks)
    return true()


def kept(form: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """The fields as a form sent them, to be sent again."""
    return [(name, form.get(name, "")) for name in FIELDS]


def is_number(text: str, below: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < below
