"""What a list is made of: columns, filters, tabs, and a query as it was understood."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import QueryableAttribute

from app import clock, scope
from app.errors import Finding
from app.models.base import Instant
from app.models.said import SaidText
from app.permissions import Actor, Verb

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list and its export. `kind`: text code date instant number bool choice; `sort`: an expression.

    `sql` is what `value` reads, as an expression over the list's tables, or with `of` (a many-to-one relation of one of
    them) the name of an attribute there: exports then read values without making an object a row. `said`: a sentence of
    ours that the database kept, told in the reader's language. `along` names columns whose values the page shows in
    this one's cell: an export gives them columns of their own. `asked`: rows come without it; its `sql` is read in one
    statement a page, where it is shown, into the row's `asked` by name; `seen`: the model of whose rows it tells, where
    who sees the row of the list need not see those.
    """

    name: str
    label: Any
    value: Callable[[Any], Any]
    kind: str = "text"
    sort: Any = None
    choices: dict[str, Any] | None = None
    sensitive: str | None = None
    unit: Any = None
    sql: Any = None
    of: Any = None
    said: bool = False
    along: tuple[str, ...] = ()
    asked: bool = False
    # The right without which nobody sees the column, where that is not the list's own.
    needs: Verb | None = None
    seen: Any = None

    def sql_for(self, actor: Actor) -> Any:
        """`sql`, for who looks: it tells of no row that is not his to see."""
        return self.sql if self.seen is None else self.sql.where(scope.criterion(self.seen, actor))

    @property
    def is_late(self) -> bool:
        """Whether rows are read without it, until somebody shows it (`deferred` in the model)."""
        return isinstance(self.sql, QueryableAttribute) and bool(getattr(self.sql.property, "deferred", False))


def column(
    model: Any, name: str, *, label: Any = None, kind: str | None = None, sort: bool = True, said: bool = False,
    along: tuple[str, ...] = (),
) -> Column:  # fmt: skip
    """A column of the list from the declaration of the model's column."""
    declared = model.__table__.c[name]
    info = declared.info
    found = kind or ("choice" if info.get("choices") else _kind(declared))
    return Column(
        name, info.get("label", name) if label is None else label, lambda row: getattr(row, name), found,
        getattr(model, name) if sort else None, info.get("choices"), info.get("sensitive"), info.get("unit"),
        getattr(model, name), said=said or isinstance(declared.type, SaidText), along=along,
    )  # fmt: skip


def related(name: str, label: Any, relation: Any, attribute: str = "name", kind: str = "text") -> Column:
    """A column from the row that a many-to-one relation of the list's model leads to; empty where it leads nowhere."""
    key = relation.key

    def value(row: Any) -> Any:
        found = getattr(row, key)
        return None if found is None else getattr(found, attribute)

    return Column(name, label, value, kind, sql=attribute, of=relation)


def _kind(declared: Any) -> str:
    if isinstance(declared.type, Instant):
        return "instant"
    try:
        python = declared.type.python_type
    except NotImplementedError:
        return "text"
    return {bool: "bool", dt.date: "date", int: "number", float: "number"}.get(python, "text")


@dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow. `kind`: choice (several by comma), date (from, to), lookup (a row's id), region, text, bool.

    `criterion(value)` replaces the comparison with `column` where it is not one; `within(moment, value)` where that
    asks who looks, what time it is, or the search index. `words(session, value)` says what a value stands for that says
    nothing to whoever reads it.
    """

    name: str
    label: Any
    kind: str
    column: Any = None
    choices: dict[str, Any] | None = None
    lookup: str | None = None
    criterion: Callable[[Any], Any] | None = None
    within: Callable[[Moment, Any], Any] | None = None
    words: Callable[[Any, Any], str] | None = None
    # Of what kind a person's number it is: then its words show the mask, in chips, notes and the log.
    sensitive: str | None = None
    # Who can ever have a row of a choice, by choice, as `Tab.shown_to`: nobody else is offered it.
    shown_to: Mapping[str, Callable[[Actor], bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """What tabs are judged by: who looks, on which day, with which policy numbers at hand."""

    session: Any
    actor: Actor
    today: dt.date
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Tab:
    """A named part of the list, counted. `tone` over or near colours the count.

    `counted` gives rows to count elsewhere where they are as many and sooner read, for a list without search and
    filters; None where that is not so for who looks. `shown_to` says who can ever have such a row; nobody else is
    shown a tab that stays empty. `offered` says whether there may be new rows: where not, it stands while it has any.
    `seldom`: stands under 更多, until it is the open one, so that the row of tabs stays one. `last_first`: what is over
    falls from its last row, where the list rises from what is due first. `columns`: shown there, in place of the list's
    own, to who has chosen none.
    """

    key: str
    label: Any
    criterion: Callable[[Moment], Any] | None = None
    tone: str = ""
    counted: Callable[[Moment], Any] | None = None
    shown_to: Callable[[Actor], bool] | None = None
    offered: Callable[[], bool] | None = None
    seldom: bool = False
    last_first: bool = False
    columns: tuple[str, ...] = ()


def of_no_unit(actor: Actor) -> bool:
    """`shown_to` of what only regulators see: a paper before it took force, say."""
    return actor.unit_id is None


@dataclass(frozen=True, slots=True)
class Sought:
    """What the search index said of a query's words: a condition that is true of just the few rows that hold them
    (`exact`), or how to narrow to many. Neither where they stand in so many rows that reading on finds them soonest
    (`common`), or where there is no index.
    """

    exact: Any = None
    narrowing: Any = None
    common: bool = False
    # What else holds the words (`search.Beside`, by `Listing.search_through`), where the index was asked for it.
    also: Any = None


@dataclass(slots=True)
class Query:
    """The parameters as understood, and a notice for each that was not."""

    q: str = ""
    tab: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    sort: str = ""
    descending: bool = False
    page: int = 1
    size: int = PAGE_SIZE
    beyond: tuple[str, int] | None = None
    columns: tuple[str, ...] = ()
    notices: list[Finding] = field(default_factory=list)
    # Rows that were ticked, by key: nothing but these, within all else that the query says.
    chosen: tuple[int, ...] = ()
    sought: Sought | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows and their keys; `total` is exact up to COUNT_CAP - 1, else COUNT_CAP and `more`."""

    rows: list[Any]
    total: int
    more: bool
    page: int
    size: int
    keys: Sequence[Any] = ()


def moment(session: Any, actor: Actor) -> Moment:
    now = clock.now()
    return Moment(session, actor, clock.local_day(now), now)
