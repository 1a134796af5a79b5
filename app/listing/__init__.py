"""Lists as declarations: columns, one search box, filters, tabs. Screens show them, exports write them, both the same.

A listing is read from plain query parameters, so that a stored address is a stored filter:
`?q=&tab=&f_status=in_use,suspended&f_next_from=2026-01-01&f_region=980402000000&sort=-limit_on&page=2&size=50&cols=a,b`.
`ids=17,18` narrows to rows that were ticked.
Pages are counted from the end, too: `page=-1` is the last. `row=5000` is the page that holds that row.
Whatever a parameter holds wrongly becomes a notice that names it, and the list is shown without it.

    PEOPLE = Listing(
        name="people", title=_l("人员"), model=Person,
        columns=(column(Person, "name"), column(Person, "phone"), Column("unit", _l("单位"), lambda p: p.unit.name)),
        default=("name", "unit"), search=(Person.name, Person.certificate_no),
        filters=(Filter("unit", _l("单位"), "lookup", Person.unit_id, lookup="units"),), order=("name", False),
        load=(selectinload(Person.unit),),
    )
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select, true
from sqlalchemy.orm import aliased, undefer

from app import clock, scope, search
from app.listing import query
from app.listing.compare import compare
from app.listing.parts import Column, Filter, Moment, Page, Query, Sought, Tab, column, moment, of_no_unit, related
from app.listing.past import Past, day_of_text, instant_of_text, past_of
from app.listing.query import MOST_CHOSEN
from app.models import Region
from app.models.among import among
from app.models.sealed import normal
from app.permissions import Actor
from app.rules.addresses import words_of
from app.rules.identifiers import mask_numbers
from app.search import Through
from app.wording import finished, say, together

__all__ = [
    "COUNT_CAP", "LISTINGS", "MOST_CHOSEN", "Column", "Filter", "Listing", "Moment", "Page", "Past", "Query", "Tab",
    "column", "day_of_text", "instant_of_text", "moment", "of_no_unit", "past_of", "register", "related",
]  # fmt: skip

COUNT_CAP = 1001
# Pages that begin later than this are counted off by the shortest way.
FAR = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one model's rows. `join` adds tables that search, sort and tabs need; `load` are loader options."""

    name: str
    title: Any
    model: Any
    columns: tuple[Column, ...]
    default: tuple[str, ...]
    search: tuple[Any, ...] = ()
    filters: tuple[Filter, ...] = ()
    tabs: tuple[Tab, ...] = ()
    order: tuple[str, bool] = ("id", True)
    load: tuple[Any, ...] = ()
    join: Callable[[Select[Any]], Select[Any]] | None = None
    where: Callable[[Moment], Any] | None = None
    search_hint: Any = ""
    # Where rows are found by what another model holds: the column with that row's key.
    search_key: Any = None
    # Rows are found, too, by what another model holds to whose row a column leads: that column, and what is looked in.
    search_through: Through | None = None
    # By side (`Actor.side`): columns that always say the reader's own firm, and what stands there instead, if anything.
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # How it was on a day, as known at an instant (ASO-01), where rows have a history; `as_of` is that list's day.
    then: Callable[[Listing, dt.date, dt.datetime], Listing] | None = None
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None

    @property
    def key(self) -> Any:
        return self.model.__mapper__.primary_key[0]

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def chosen(self, args: Mapping[str, str], actor: Actor) -> Listing:
        """The list that the parameters ask for: itself, or itself as of a day, as known at an instant; without columns
        about what the actor has no right to."""
        shut = {c.name for c in self.columns if c.needs is not None and not actor.may(c.needs)}
        if shut:
            return replace(self, columns=tuple(c for c in self.columns if c.name not in shut))._then(args)
        return self._then(args)

    def _then(self, args: Mapping[str, str]) -> Listing:
        if self.then is None:
            return self
        past, _wrong = past_of(args)
        return self if past is None else self.then(self, past.on, past.known_at)

    def tabs_of(self, actor: Actor, query: Query) -> list[Tab]:
        """The tabs that the actor is shown; one that an old address names stays, so that it is seen what is open."""
        return [t for t in self.tabs if t.shown_to is None or t.shown_to(actor) or t.key == query.tab]

    def shown_first(self, actor: Actor, tab: str = "") -> tuple[str, ...]:
        """The columns shown in a tab to who has chosen none: without those that say nothing but his own firm's name."""
        own = self.own.get(actor.side, {})
        names = next((t.columns for t in self.tabs if t.key == tab and t.columns), self.default)
        return tuple(name for each in names if (name := own.get(each, each)))

    def withheld(self, actor: Actor) -> tuple[tuple[str, str], ...]:
        """Filter and choice where the actor can never have a row of it: not offered to him."""
        return tuple((f.name, c) for f in self.filters for c, shown_to in f.shown_to.items() if not shown_to(actor))

    def read(self, args: Mapping[str, str]) -> Query:
        """Understand the parameters; never fails."""
        return query.read(self, args)

    # --- statements

    def statement(self, moment: Moment, query: Query, *, tab: str | None = None) -> Select[Any]:
        """The keys of the rows that the actor sees under the query, without order."""
        return self._whosesoever(moment, query, tab).where(scope.criterion(self.model, moment.actor))

    def _whosesoever(self, moment: Moment, query: Query, tab: str | None = None) -> Select[Any]:
        """The same of all rows there are: never to be shown, only to count by."""
        statement: Select[Any] = select(self.key).select_from(self.model)
        if self.join is not None:
            statement = self.join(statement)
        if self.where is not None:
            statement = statement.where(self.where(moment))
        return self.narrowed(statement, moment, query, tab).execution_options(skip_scope=True)

    def narrowed(self, statement: Select[Any], moment: Moment, query: Query, tab: str | None) -> Select[Any]:
        """Only the rows of the tab, the search and the filters."""
        chosen = query.tab if tab is None else tab
        for one in self.tabs:
            if one.key == chosen and one.criterion is not None:
                statement = statement.where(one.criterion(moment))
        statement = statement.where(*self._holding(query))
        for each in self.filters:
            if each.name in query.filters:
                statement = statement.where(compare(moment, each, query.filters[each.name]))
        return statement.where(self.key.in_(query.chosen)) if query.chosen else statement

    def words(self, query: Query) -> list[str]:
        return words_of(query.q) if self.search else []

    def _holding(self, query: Query) -> list[Any]:
        """The search as conditions."""
        sought = query.sought or Sought()
        if sought.exact is not None:
            return [sought.exact]
        held = self._held(query)
        return held if sought.narrowing is None else [sought.narrowing, *held]

    def _held(self, query: Query) -> list[Any]:
        """Every word stands in some searched column, or where the row leads to."""
        words = self.words(query)
        also = (query.sought or Sought()).also or search.beside(self.search_through, words)
        return [also.either(word, search.contains(self.search, word)) for word in words]

    def seek(self, moment: Moment, query: Query) -> None:
        """Ask the search index once a query; later statements of the query profit."""
        words = self.words(query)
        if query.sought is not None or not words:
            return
        columns = [getattr(c, "attribute", c) for c in self.search]
        own = search.model_of(columns) is self.model
        seen = scope.criterion(self.model, moment.actor) if own else true()
        # A unit has few rows: what leads to its few elevators is sooner asked of them than of the whole register.
        reading = own or moment.actor.unit_id is None
        found = search.find(moment.session, columns, words, seen, self.search_through, reading=reading)
        if found is None:
            query.sought = Sought()
        elif found.common or (found.many and not own):
            query.sought = Sought(common=True, also=found.also)
        elif found.many:
            query.sought = Sought(narrowing=found.narrowing, also=found.also)
        else:
            key = self.key if self.search_key is None else self.search_key
            query.sought = Sought(among(moment.session, key, found.keys))

    def ordered(self, statement: Select[Any], query: Query, backwards: bool = False) -> Select[Any]:
        """By the chosen column, rows without a value last; equal ones by key. `backwards` is the exact reverse."""
        falling = query.descending != backwards
        key = self.key.desc() if falling else self.key.asc()
        held = self.column(query.sort)
        if held is None or held.sort is None:
            return statement.order_by(key)
        first = held.sort.desc() if falling else held.sort.asc()
        if self._may_be_null(held.sort):
            first = first.nulls_first() if backwards else first.nulls_last()
        return statement.order_by(first, key)

    def _may_be_null(self, sort: Any) -> bool:
        """Whether a sort must say where nulls go; said without need it keeps the database from reading an index."""
        return getattr(sort, "class_", None) is not self.model or bool(getattr(sort, "nullable", True))

    def page(self, moment: Moment, query: Query, total: int | None = None) -> Page:
        """One page: keys first, on an index; then those rows with what the list shows of their relations.

        `total` where the tabs' counts have told it already.
        """
        session = moment.session
        self.seek(moment, query)
        if total is None:
            total = _count(session, self.statement(moment, query))
        keys = self._keys(moment, query)
        rows = self.by_keys(session, keys)
        self.fill(session, rows, query.columns)
        return Page(rows, total, total >= COUNT_CAP, query.page, query.size, keys)

    def _keys(self, moment: Moment, query: Query) -> list[Any]:
        """The keys of a page. A neighbour starts at the shown page's edge; pages from the end are read backwards."""
        if query.page == 1 and query.sought is not None and query.sought.narrowing is not None:
            newest = self._among_newest(moment, query)
            if len(newest) == query.size:
                return newest
        statement = self.statement(moment, query)
        falling, backwards, skipped = query.descending, query.page < 0, abs(query.page) - 1
        if query.beyond is not None and self._by_key(query):
            side, edge = query.beyond
            backwards, skipped = side == "before", 0
            lower = falling != backwards
            statement = statement.where(self.key < edge if lower else self.key > edge)
        rows = skipped * query.size
        start = self._counted_off(moment, query, statement, rows, backwards) if rows >= FAR else None
        if start is not None:
            lower, rows = falling != backwards, 0
            statement = statement.where(self.key <= start if lower else self.key >= start)
        ordered = self.ordered(statement, query, backwards=backwards)
        keys = moment.session.scalars(ordered.limit(query.size).offset(rows)).all()
        return list(reversed(keys)) if backwards else list(keys)

    def _counted_off(
        self, moment: Moment, query: Query, statement: Select[Any], rows: int, backwards: bool
    ) -> Any:  # fmt: skip
        """The key that a far page starts with, for who may see every row there is; None where that is not told.

        Asking each row that is passed by for its region takes as long as passing it by. Whether all lie within the
        actor's bounds is asked in the same statement, and the page's own rows are asked for what he sees as ever.
        """
        every = scope.every_row(self.model, moment.actor)
        if every is None or not self._by_key(query):
            return None
        passed, asked = (
            self.ordered(each, query, backwards).offset(rows).limit(1).correlate(None).scalar_subquery()
            for each in (self._whosesoever(moment, query), statement)
        )
        return case((every, passed), else_=asked)

    def _among_newest(self, moment: Moment, query: Query) -> list[Any]:
        """The first page, if it lies among the first rows in order: words that many rows hold mostly stand there."""
        before = self.ordered(self.statement(moment, replace(query, q="", sought=None)), query).limit(search.MOST_FOUND)
        among = select(self.key).where(self.key.in_(before), *self._held(query))
        if self.join is not None:
            among = self.join(among.select_from(self.model))
        found = self.ordered(among, query).limit(query.size).execution_options(skip_scope=True)
        return list(moment.session.scalars(found))

    def _by_key(self, query: Query) -> bool:
        held = self.column(query.sort)
        return held is None or held.sort is None

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        """Rows in the order of their keys, with the relations that the list shows."""
        if not keys:
            return []
        found = session.scalars(_of_keys(self.model, self.key, self.load), {"keys": keys}).unique().all()
        name = self.model.__mapper__.get_property_by_column(self.key).key
        by_key = {getattr(row, name): row for row in found}
        return [by_key[k] for k in keys if k in by_key]

    def fill(self, session: Any, rows: Sequence[Any], names: Sequence[str]) -> None:
        """Read what rows at hand lack and these columns show, a statement for all of a kind; mostly that is nothing."""
        shown = [c for n in names if (c := self.column(n)) is not None]
        late, asked = [c.sql.key for c in shown if c.is_late], [c for c in shown if c.asked]
        if not rows or not (late or asked):
            return
        name = self.model.__mapper__.get_property_by_column(self.key).key
        if asked:
            values = select(self.key, *(c.sql_for(scope.current()).label(c.name) for c in asked)).where(
                self.key.in_([getattr(row, name) for row in rows])
            )
            found = {key: told for key, *told in session.execute(values.execution_options(skip_scope=True))}
            for row in rows:
                told = found.get(getattr(row, name), [None] * len(asked))
                row.asked = {c.name: value for c, value in zip(asked, told, strict=True)}
        if late:
            wanted = select(self.model).where(self.key.in_([getattr(row, name) for row in rows]))
            wanted = wanted.options(*(undefer(getattr(self.model, one)) for one in late))
            session.scalars(wanted.execution_options(skip_scope=True)).all()

    def counts(self, moment: Moment, query: Query, every: bool = False) -> dict[str, int]:
        """How many rows each tab holds under the same search and filters, capped; one statement for all tabs.

        Where a search finds thousands, only the open tab is counted: counting the others would cost more than the page,
        unless it is asked for (`every`).
        """
        self.seek(moment, query)
        sought = query.sought or Sought()
        thousands = not every and (sought.common or sought.narrowing is not None)
        tabs = [t for t in self.tabs_of(moment.actor, query) if not thousands or t.key == query.tab]
        if not tabs:
            return {}
        if sought.exact is not None:
            return self._counts_of_few(moment, query)
        parts = [self.count_of(moment, query, t) for t in tabs]
        row = moment.session.execute(select(*parts).execution_options(skip_scope=True)).one()
        return {t.key: n for t, n in zip(tabs, row, strict=True)}

    def count_of(self, moment: Moment, query: Query, tab: Tab) -> Any:
        """How many rows the tab holds, capped, as a value to be asked with others."""
        some = self._to_count(moment, query, tab).limit(COUNT_CAP).subquery()
        return select(func.count()).select_from(some).scalar_subquery()

    def _to_count(self, moment: Moment, query: Query, tab: Tab) -> Select[Any]:
        """Rows as many as the tab's."""
        plain = tab.counted is not None and not query.filters and not query.chosen and not self.words(query)
        elsewhere = tab.counted(moment) if plain and tab.counted is not None else None
        return self.statement(moment, query, tab=tab.key) if elsewhere is None else elsewhere

    def _counts_of_few(self, moment: Moment, query: Query) -> dict[str, int]:
        """All tabs' counts in one reading of the rows that a search found."""
        inside = [true() if t.criterion is None else t.criterion(moment) for t in self.tabs]
        statement = self.statement(moment, query, tab="").with_only_columns(
            *(func.count().filter(criterion) for criterion in inside), maintain_column_froms=True
        )
        row = moment.session.execute(statement.execution_options(skip_scope=True)).one()
        return {t.key: min(n, COUNT_CAP) for t, n in zip(self.tabs, row, strict=True)}

    def rows(
        self, moment: Moment, query: Query, keys: Sequence[Any] | None = None, chunk: int = 1000, forget: bool = False
    ) -> Iterator[Any]:
        """All rows under the query, in order, a chunk at a time; `keys` narrows to chosen ones.

        `forget` drops each chunk from the session once it was used, so that memory stays flat (exports).
        """
        self.seek(moment, query)
        base = self.statement(moment, query)
        if keys is not None:
            base = base.where(self.key.in_(keys))
        wanted = moment.session.scalars(self.ordered(base, query).execution_options(yield_per=chunk))
        for some in wanted.partitions():
            found = self.by_keys(moment.session, some)
            self.fill(moment.session, found, query.columns)
            yield from found
            if forget:
                moment.session.expunge_all()

    def blocks(
        self, moment: Moment, query: Query, columns: Sequence[Column], chunk: int = 1000, forget: bool = False
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """The columns' values of all rows under the query, in order, in blocks.

        Straight from the database where every column says its `sql`; else row by row as `rows` gives them.
        """
        self.seek(moment, query)
        if columns and all(c.sql is not None for c in columns):
            statement = self.ordered(self.statement(moment, query), query)
            told = _selecting(statement, columns, moment.actor).execution_options(yield_per=chunk)
            found = moment.session.execute(told)
            yield from found.partitions()
            return
        source = self.rows(moment, query, chunk=chunk, forget=forget)
        while block := [tuple(c.value(row) for c in columns) for row in islice(source, chunk)]:
            yield block

    def total(self, moment: Moment, query: Query) -> int:
        """The exact number of rows under the query (exports)."""
        self.seek(moment, query)
        base = self.statement(moment, query)
        counted = select(func.count()).select_from(base.subquery())
        # The statement asks the scope itself; the net would ask it of joined rows too, by a table that is not there.
        return int(moment.session.scalar(counted.execution_options(skip_scope=True)) or 0)

    def describe(self, session: Any, query: Query) -> list[tuple[str, str, str]]:
        """The search and filters in words: (parameter, label, text), as the chips and the export's note say them."""
        found = []
        if self.as_of is not None and self.known_at is not None:
            found.append(("as_of", "登记截至", self.as_of.isoformat()))
            found.append(("known_at", "按此时所知", f"{clock.local(self.known_at):%Y-%m-%d %H:%M:%S}"))
        for one in self.filters:
            if one.name in query.filters:
                found.append((f"f_{one.name}", finished(one.label), self._words(session, one, query.filters[one.name])))
        if query.chosen:
            found.append(("ids", "选定的行", say("%(n)s 行", n=len(query.chosen))))
        return found

    def _words(self, session: Any, one: Filter, value: Any) -> str:
        if one.words is not None:
            return one.words(session, value)
        if one.kind == "choice":
            return together([finished((one.choices or {})[v]) for v in value])
        if one.kind == "date":
            return say("%(value)s 至 %(value2)s", value=value[0] or "…", value2=value[1] or "…")
        if one.kind == "region":
            return session.scalar(select(Region.name).where(Region.code == value)) or value
        if one.kind == "lookup":
            from app.lookups import text_of

            return text_of(session, one.lookup or "", value)
        if one.kind == "bool":
            return say("是") if value else say("否")
        return mask_numbers(normal(value)) if one.sensitive else str(value)


@lru_cache(maxsize=256)
def _of_keys(model: Any, key: Any, load: tuple[Any, ...]) -> Select[Any]:
    """A list's rows by their keys; made once, for putting a statement together takes as long as asking it."""
    rows = select(model).where(key.in_(bindparam("keys", expanding=True)))
    return rows.options(*load).execution_options(skip_scope=True)


def _selecting(statement: Select[Any], columns: Sequence[Column], actor: Actor) -> Select[Any]:
    """The statement with the columns' values instead of keys; a relation's row is joined once for all its columns."""
    joined: dict[Any, Any] = {}
    values = []
    for one in columns:
        if one.of is None:
            values.append(one.sql_for(actor))
            continue
        if one.of not in joined:
            joined[one.of] = aliased(one.of.property.mapper.class_)
            statement = statement.outerjoin(one.of.of_type(joined[one.of]))
        values.append(getattr(joined[one.of], one.sql))
    return statement.with_only_columns(*values, maintain_column_froms=True)


def _count(session: Any, statement: Select[Any]) -> int:
    capped = select(func.count()).select_from(statement.limit(COUNT_CAP).subquery())
    return int(session.scalar(capped.execution_options(skip_scope=True)) or 0)


LISTINGS: dict[str, Listing] = {}


def register(listing: Listing) -> Listing:
    """Make a listing known by name: exports and saved filters find it again."""
    LISTINGS[listing.name] = listing
    return listing
