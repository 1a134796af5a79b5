"""Lists as declarations: columns, one search box, filters, tabs. Screens show them, exports write them, both the same.

A listing is read from plain query parameters, so that a stored address is a stored filter:
`?q=&tab=&f_status=in_use,suspended&f_next_from=2026-01-01&f_region=980402000000&sort=-limit_on&page=2&size=50&cols=a,b`.
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
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from app import clock, scope
from app.errors import Finding
from app.models import Region
from app.models.region import code_span
from app.permissions import Actor

COUNT_CAP = 1001
PAGE_SIZE, MOST_ROWS = 25, 200
MOST_PAGES = 40_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list and its export. `kind`: text code date instant number bool choice; `sort`: an expression.

    `sql` is what `value` reads, as an expression over the list's tables, or with `of` (a many-to-one relation of one of
    them) the name of an attribute there: exports then read values without making an object a row.
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


def column(model: Any, name: str, *, label: Any = None, kind: str | None = None, sort: bool = True) -> Column:
    """A column of the list from the declaration of the model's column."""
    declared = model.__table__.c[name]
    info = declared.info
    found = kind or ("choice" if info.get("choices") else _kind(declared))
    return Column(
        name, label or info.get("label", name), lambda row: getattr(row, name), found,
        getattr(model, name) if sort else None, info.get("choices"), info.get("sensitive"), info.get("unit"),
        getattr(model, name),
    )  # fmt: skip


def related(name: str, label: Any, relation: Any, attribute: str = "name", kind: str = "text") -> Column:
    """A column from the row that a many-to-one relation of the list's model leads to; empty where it leads nowhere."""
    key = relation.key

    def value(row: Any) -> Any:
        found = getattr(row, key)
        return None if found is None else getattr(found, attribute)

    return Column(name, label, value, kind, sql=attribute, of=relation)


def _kind(declared: Any) -> str:
    try:
        python = declared.type.python_type
    except NotImplementedError:
        return "text"
    return {bool: "bool", dt.datetime: "instant", dt.date: "date", int: "number", float: "number"}.get(python, "text")


@dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow. `kind`: choice (several by comma), date (from, to), lookup (a row's id), region, text, bool.

    `criterion(value)` replaces the comparison with `column` where it is not one.
    """

    name: str
    label: Any
    kind: str
    column: Any = None
    choices: dict[str, Any] | None = None
    lookup: str | None = None
    criterion: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What tabs are judged by: who looks, on which day, with which policy numbers at hand."""

    session: Any
    actor: Actor
    today: dt.date
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class Tab:
    """A named part of the list, counted. `tone` over or near colours the count."""

    key: str
    label: Any
    criterion: Callable[[Moment], Any] | None = None
    tone: str = ""


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


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows and their keys; `total` is exact up to COUNT_CAP - 1, else COUNT_CAP and `more`."""

    rows: list[Any]
    total: int
    more: bool
    page: int
    size: int
    keys: Sequence[Any] = ()


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

    @property
    def key(self) -> Any:
        return self.model.__mapper__.primary_key[0]

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    # --- parameters

    def read(self, args: Mapping[str, str]) -> Query:
        """Understand the parameters; never fails."""
        # In no text, and PostgreSQL takes none.
        args = {name: value.replace("\0", "") for name, value in args.items()}
        query = Query(sort=self.order[0], descending=self.order[1], columns=self.default)
        query.q = " ".join(args.get("q", "")[:80].split())
        self._read_tab(args, query)
        for one in self.filters:
            self._read_filter(one, args, query)
        self._read_sort(args, query)
        query.size = self._whole(args, query, "size", PAGE_SIZE, 1, MOST_ROWS, "每页行数")
        self._read_page(args, query)
        chosen = tuple(n for n in args.get("cols", "").split(",") if self.column(n) is not None)
        query.columns = tuple(dict.fromkeys(chosen)) or self.default
        return query

    def _read_page(self, args: Mapping[str, str], query: Query) -> None:
        given = args.get("page", "").strip()
        if given.startswith("-") and given != "-":
            query.page = -self._whole({"page": given[1:]}, query, "page", 1, 1, MOST_PAGES, "页码")
        else:
            query.page = self._whole(args, query, "page", 1, 1, MOST_PAGES, "页码")
        if args.get("row"):
            row = self._whole(args, query, "row", 1, 1, MOST_PAGES * PAGE_SIZE, "行号")
            query.page = -(-row // query.size)
        for side in ("after", "before"):
            # The neighbouring page from the one that was shown: the key of its last or first row.
            key = args.get(side, "")
            if key.isascii() and key.isdigit() and len(key) < 19 and query.page != 1:
                query.beyond = (side, int(key))

    def _read_tab(self, args: Mapping[str, str], query: Query) -> None:
        query.tab = self.tabs[0].key if self.tabs else ""
        given = args.get("tab", "")
        if given and any(t.key == given for t in self.tabs):
            query.tab = given
        elif given:
            query.notices.append(_notice("分类", given, "没有这个分类", "已显示全部"))

    def _read_sort(self, args: Mapping[str, str], query: Query) -> None:
        given = args.get("sort", "")
        if not given:
            return
        held = self.column(given.removeprefix("-"))
        if held is not None and held.sort is not None:
            query.sort, query.descending = held.name, given.startswith("-")
        else:
            query.notices.append(_notice("排序", given, "不能按这一列排序", "已按默认顺序显示"))

    def _read_filter(self, one: Filter, args: Mapping[str, str], query: Query) -> None:
        if one.kind == "date":
            span = tuple(self._day(args, query, one, tail) for tail in ("from", "to"))
            if any(span):
                query.filters[one.name] = span
            return
        given = args.get(f"f_{one.name}", "").strip()[:200]
        if not given:
            return
        if one.kind == "choice":
            known = [v for v in given.split(",") if v in (one.choices or {})]
            if known:
                query.filters[one.name] = known
            if len(known) < len(given.split(",")):
                query.notices.append(_notice(str(one.label), given, "没有这个选项", "请重新选择"))
        elif one.kind == "lookup":
            if given.isascii() and given.isdigit() and len(given) < 19:
                query.filters[one.name] = int(given)
            else:
                query.notices.append(_notice(str(one.label), given, "不是有效的编号", "请从候选中选择"))
        elif one.kind == "region":
            if given.isascii() and given.isdigit() and len(given) == 12:
                query.filters[one.name] = given
            else:
                query.notices.append(_notice(str(one.label), given, "不是 12 位区划代码", "请从候选中选择"))
        elif one.kind == "bool":
            query.filters[one.name] = given in ("1", "true", "yes")
        else:
            query.filters[one.name] = given

    def _day(self, args: Mapping[str, str], query: Query, one: Filter, tail: str) -> dt.date | None:
        given = args.get(f"f_{one.name}_{tail}", "").strip()[:40]
        if not given:
            return None
        try:
            return dt.date.fromisoformat(given)
        except ValueError:
            query.notices.append(_notice(str(one.label), given, "不是有效的日期", "请按 2026-11-20 的格式填写"))
            return None

    def _whole(
        self, args: Mapping[str, str], query: Query, name: str, default: int, low: int, high: int, label: str
    ) -> int:
        given = args.get(name, "").strip()[:20]
        if not given:
            return default
        if given.isascii() and given.isdigit() and low <= int(given) <= high:
            return int(given)
        query.notices.append(_notice(label, given, f"须是 {low} 到 {high} 的整数", f"已按 {default} 显示"))
        return default

    # --- statements

    def statement(self, moment: Moment, query: Query, *, tab: str | None = None) -> Select[Any]:
        """The keys of the rows that the actor sees under the query, without order."""
        statement: Select[Any] = select(self.key).select_from(self.model)
        if self.join is not None:
            statement = self.join(statement)
        statement = statement.where(scope.criterion(self.model, moment.actor))
        if self.where is not None:
            statement = statement.where(self.where(moment))
        chosen = query.tab if tab is None else tab
        for one in self.tabs:
            if one.key == chosen and one.criterion is not None:
                statement = statement.where(one.criterion(moment))
        for word in query.q.split()[:5]:
            if self.search:
                statement = statement.where(or_(*(c.icontains(word, autoescape=True) for c in self.search)))
        for each in self.filters:
            if each.name in query.filters:
                statement = statement.where(_compare(each, query.filters[each.name]))
        return statement.execution_options(skip_scope=True)

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
        if total is None:
            total = _count(session, self.statement(moment, query))
        keys = self._keys(moment, query)
        return Page(self.by_keys(session, keys), total, total >= COUNT_CAP, query.page, query.size, keys)

    def _keys(self, moment: Moment, query: Query) -> list[Any]:
        """The keys of a page. A neighbour starts at the shown page's edge; pages from the end are read backwards."""
        statement = self.statement(moment, query)
        falling, backwards, skipped = query.descending, query.page < 0, abs(query.page) - 1
        if query.beyond is not None and self._by_key(query):
            side, edge = query.beyond
            backwards, skipped = side == "before", 0
            lower = falling != backwards
            statement = statement.where(self.key < edge if lower else self.key > edge)
        ordered = self.ordered(statement, query, backwards=backwards)
        keys = moment.session.scalars(ordered.limit(query.size).offset(skipped * query.size)).all()
        return list(reversed(keys)) if backwards else list(keys)

    def _by_key(self, query: Query) -> bool:
        held = self.column(query.sort)
        return held is None or held.sort is None

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        """Rows in the order of their keys, with the relations that the list shows."""
        if not keys:
            return []
        found = session.scalars(
            select(self.model).where(self.key.in_(keys)).options(*self.load).execution_options(skip_scope=True)
        ).all()
        name = self.model.__mapper__.get_property_by_column(self.key).key
        by_key = {getattr(row, name): row for row in found}
        return [by_key[k] for k in keys if k in by_key]

    def counts(self, moment: Moment, query: Query) -> dict[str, int]:
        """How many rows each tab holds under the same search and filters, capped; one statement for all tabs."""
        if not self.tabs:
            return {}
        parts = [
            select(func.count()).select_from(self.statement(moment, query, tab=t.key).limit(COUNT_CAP).subquery())
            for t in self.tabs
        ]
        row = moment.session.execute(
            select(*(p.scalar_subquery() for p in parts)).execution_options(skip_scope=True)
        ).one()
        return {t.key: n for t, n in zip(self.tabs, row, strict=True)}

    def rows(
        self, moment: Moment, query: Query, keys: Sequence[Any] | None = None, chunk: int = 1000, forget: bool = False
    ) -> Iterator[Any]:
        """All rows under the query, in order, a chunk at a time; `keys` narrows to chosen ones.

        `forget` drops each chunk from the session once it was used, so that memory stays flat (exports).
        """
        base = self.statement(moment, query)
        if keys is not None:
            base = base.where(self.key.in_(keys))
        wanted = moment.session.scalars(self.ordered(base, query).execution_options(yield_per=chunk))
        for some in wanted.partitions():
            yield from self.by_keys(moment.session, some)
            if forget:
                moment.session.expunge_all()

    def blocks(
        self, moment: Moment, query: Query, columns: Sequence[Column], chunk: int = 1000, forget: bool = False
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """The columns' values of all rows under the query, in order, in blocks.

        Straight from the database where every column says its `sql`; else row by row as `rows` gives them.
        """
        if columns and all(c.sql is not None for c in columns):
            statement = self.ordered(self.statement(moment, query), query)
            found = moment.session.execute(_selecting(statement, columns).execution_options(yield_per=chunk))
            yield from found.partitions()
            return
        source = self.rows(moment, query, chunk=chunk, forget=forget)
        while block := [tuple(c.value(row) for c in columns) for row in islice(source, chunk)]:
            yield block

    def total(self, moment: Moment, query: Query) -> int:
        """The exact number of rows under the query (exports)."""
        base = self.statement(moment, query)
        return int(moment.session.scalar(select(func.count()).select_from(base.subquery())) or 0)

    def describe(self, session: Any, query: Query) -> list[tuple[str, str, str]]:
        """The search and filters in words: (parameter, label, text), as the chips and the export's note say them."""
        found = []
        for one in self.filters:
            if one.name in query.filters:
                found.append((f"f_{one.name}", str(one.label), self._words(session, one, query.filters[one.name])))
        return found

    def _words(self, session: Any, one: Filter, value: Any) -> str:
        if one.kind == "choice":
            return "、".join(str((one.choices or {})[v]) for v in value)
        if one.kind == "date":
            return f"{value[0] or '…'} 至 {value[1] or '…'}"
        if one.kind == "region":
            return session.scalar(select(Region.name).where(Region.code == value)) or value
        if one.kind == "lookup":
            from app.lookups import text_of

            return text_of(session, one.lookup or "", value)
        if one.kind == "bool":
            return "是" if value else "否"
        return str(value)


def _selecting(statement: Select[Any], columns: Sequence[Column]) -> Select[Any]:
    """The statement with the columns' values instead of keys; a relation's row is joined once for all its columns."""
    joined: dict[Any, Any] = {}
    values = []
    for one in columns:
        if one.of is None:
            values.append(one.sql)
            continue
        if one.of not in joined:
            joined[one.of] = aliased(one.of.property.mapper.class_)
            statement = statement.outerjoin(one.of.of_type(joined[one.of]))
        values.append(getattr(joined[one.of], one.sql))
    return statement.with_only_columns(*values, maintain_column_froms=True)


def moment(session: Any, actor: Actor) -> Moment:
    now = clock.now()
    return Moment(session, actor, clock.local_day(now), now)


def _count(session: Any, statement: Select[Any]) -> int:
    capped = statement.limit(COUNT_CAP).subquery()
    return int(session.scalar(select(func.count()).select_from(capped)) or 0)


def _compare(one: Filter, value: Any) -> Any:
    if one.criterion is not None:
        return one.criterion(value)
    if one.kind == "choice":
        return one.column.in_(value)
    if one.kind == "date":
        bounds = []
        if value[0]:
            bounds.append(one.column >= value[0])
        if value[1]:
            bounds.append(one.column <= value[1])
        return and_(*bounds)
    if one.kind == "region":
        low, high = code_span(value)
        return and_(one.column >= low, one.column < high)
    if one.kind == "text":
        return one.column.icontains(value, autoescape=True)
    return one.column == value


def _notice(label: str, value: str, rule: str, remedy: str) -> Finding:
    return Finding(label, False, f"“{value[:40]}”{rule}", remedy, field=label, value=value[:40], level="warn")


LISTINGS: dict[str, Listing] = {}


def register(listing: Listing) -> Listing:
    """Make a listing known by name: exports and saved filters find it again."""
    LISTINGS[listing.name] = listing
    return listing
