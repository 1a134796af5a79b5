"""Screens on Flask-AppBuilder: `Screen` is a list made from a Listing; record and form pages are an area's own.

An area writes:

    class ContractScreen(Screen):
        datamodel = SQLAInterface(Contract)
        route_base = "/contracts"
        listing = CONTRACTS                       # app/listings/…: columns, search, filters, tabs
        verb = Verb.CONTRACT_READ                 # who may see the list
        record = "ContractPages.show"             # endpoint of a row's page, called with pk=
        cells = {"status": lambda row: macro_pill(…)}   # Markup for a column; others are formatted by their kind
        buttons = [Button(_l("新增合同"), "ContractPages.add", Verb.CONTRACT_EDIT, main=True)]
        deeds = [Deed("submit", _l("上报"), Verb.FILING_SUBMIT, submit_one)]   # for chosen rows, each by itself

    appbuilder.add_view_no_menu(ContractScreen)   # in views/__init__.py, plus a line in menu.MENU

`submit_one(session, actor, key, at)` calls a workflow for one row; it runs in a transaction of its own, and its
Refusal becomes that row's result. FAB's other doors of the view (add, edit, delete, show, action, download) are closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar
from urllib.parse import urlencode

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import ModelView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape
from sqlalchemy import select

from app import clock, scope
from app.errors import Refusal
from app.extensions import db
from app.listing import COUNT_CAP, LISTINGS, MOST_CHOSEN, Column, Listing, Moment, Page, Query, moment
from app.permissions import Verb, require
from app.transaction import transaction
from app.views.frame import kept, lately, paging, parts, rows, screens, whole_list
from app.views.frame.carrying import carried
from app.views.frame.cells import (
    countdown,
    cut,
    firm,
    firms,
    limit_cell,
    link,
    mark,
    missed_words,
    one_line,
    pill,
    shown,
    two,
    words,
)
from app.views.frame.paging import PLACE, capped

# More than any list has.
MOST_COLUMNS = 120
# An address holds no more of them.

# Inside Screen the name `list` is its page.
Pairs = list[tuple[Any, str]]
# Name, record, whether it was done, what is said.
Results = list[tuple[str, str, bool, list[str]]]
Columns = list[Column]
Rows = list[Any]


@dataclass(frozen=True, slots=True)
class Button:
    """A link beside the title, for those who hold the verb."""

    label: Any
    endpoint: str
    verb: Verb
    main: bool = False
    icon: str = "plus"
    values: tuple[tuple[str, Any], ...] = ()
    # The page works on what the list shows: it gets the list's search, tab and filters.
    carries: bool = False
    # A second right that the page asks for.
    also: Verb | None = None


def import_button(kind: str, verb: Verb) -> Button:
    """Leads from a list to the import of its rows, with what is imported chosen already."""
    return Button(_l("导入"), "Imports.index", verb, icon="upload", values=(("kind", kind),), also=Verb.IMPORT)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done to each chosen row by itself: `do(session, actor, key, at)`; `ask` is the dialog's question.

    Without `do` the chosen rows go to one job together, of the kind that takes all rows found (`every`).
    """

    name: str
    label: Any
    verb: Verb
    do: Callable[[Any, Any, int, Any], Any] | None
    ask: Any = ""
    opinion: bool = False
    # Nothing is done here: the chosen rows go along to this page, named `entity-17`.
    leads: str = ""
    entity: str = ""
    # The kind of job that does it to all rows found, where a list holds more than a page can tick; and its question.
    every: str = ""
    ask_every: Any = ""
    # A number that may be typed beside it, by its field's name and label.
    number: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A tab, chip or heading as the template writes it."""

    label: str
    link: str
    text: str = ""
    selected: bool = False
    count: str | None = None
    tone: str = ""
    note: str = ""
    seldom: bool = False


ShownList = list[Shown]
Names = list[str]


@cache
def _methods(screen: Any) -> Names:
    return [name for name in dir(screen) if name[:2] != "__" and callable(getattr(screen, name))]


class Screen(ModelView):
    """A list page; see the module's text."""

    datamodel: Any = None
    listing: ClassVar[Listing]
    verb: ClassVar[Verb]
    record: ClassVar[str] = ""
    record_key: ClassVar[str] = ""
    cells: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    buttons: ClassVar[list[Button]] = []
    deeds: ClassVar[list[Deed]] = []
    empty_text: ClassVar[Any] = ""
    empty_links: ClassVar[list[tuple[Any, str, Verb]]] = []
    template: ClassVar[str] = "ta/list.html"
    # The tabs' counts are those of the rows' moment, never of a moment ago: for lists where a life may hang on a row.
    counts_now: ClassVar[bool] = False
    exportable: ClassVar[bool] = True

    default_view = "list"
    base_permissions: ClassVar[list[str]] = ["can_list"]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "listing" in cls.__dict__:
            LISTINGS.setdefault(cls.listing.name, cls.listing)
            screens.declare(cls.__name__, "can_list", cls.verb)

    # --- FAB's own doors: closed

    # What they would show is made by none of these: FAB would make three forms a screen and look through all columns
    # at each start, and keep filters on the one instance that all threads share.
    related_views = _related_views = ()

    def _init_properties(self) -> None:
        """No filter, order or column of FAB's is asked for."""

    def _init_forms(self) -> None:
        """No form of FAB's is shown."""

    def _init_titles(self) -> None:
        """The listing has the title."""

    def __dir__(self) -> Names:
        """The methods alone: FAB asks all that is named here, six times, whether it is a page, and labels would be
        translated to answer."""
        own: Any = type(self)
        return _methods(own)

    @expose("/list/")
    @has_access
    @permission_name("list")
    def old_list(self) -> Any:
        return redirect(self._link())

    # Scope, moves and workflows have no say at these doors; the area's own pages do the work. No method, no route.
    show = add = edit = delete = download = action = action_post = None  # type: ignore[assignment]

    # --- the list

    @expose("/", methods=["GET"])
    @has_access
    def list(self) -> Any:
        require(g.actor, self.verb)
        return self.page()

    def page(self, results: Results | None = None) -> Any:
        """Render the list; `results` are what a deed did to each row."""
        now = moment(db.session, g.actor)
        own = kept.of(g.actor, self.listing.name)
        listing = self.listing.chosen(request.args, g.actor)
        args = self._args(own.columns or listing.shown_first(g.actor, request.args.get("tab", "")))
        query = listing.read(args)
        counts, note, page = self._counted(listing, now, query)
        if not page.rows and query.page != 1:
            query.page, query.beyond = 1, None
            page = listing.page(now, query, page.total)
        if not page.rows and query.q and len(counts) < len(listing.tabs_of(g.actor, query)):
            counts = listing.counts(now, query, every=True)  # nothing here: the page says in which tab there is
        chosen = [c for n in query.columns if (c := listing.column(n)) is not None]
        besides = self.more(now, query, page)
        return render_template(
            self.template, title=str(listing.title), screen=self, listing=listing, query=query, page=page,
            columns=chosen, head=[self._heading(c, query) for c in chosen], rows=page.rows,
            table_body=self._body(listing, chosen, page.rows), tabs=self._tabs(listing, query, counts, note),
            panel=self._panel(listing, query), column_boxes=self._column_boxes(listing, query),
            chips=self._chips(listing, query), pages=paging.pages(query, page, self._link), hidden=self._hidden(query),
            buttons=[b for b in self.buttons if g.actor.may(b.verb) and (b.also is None or g.actor.may(b.also))],
            deeds=[d for d in self.deeds if g.actor.may(d.verb) and listing.as_of is None],
            may_export=self.may_export,
            empty_links=[(str(t), url_for(e)) for t, e, v in self.empty_links if g.actor.may(v)],
            saved=[(one, self._link(one.query)) for one in own.filters], results=results,
            link=self._link, query_string=request.query_string.decode()[:2000], **besides,
        )  # fmt: skip

    def _counted(self, listing: Listing, now: Moment, query: Query) -> tuple[dict[str, int], str, Page]:
        """The tabs' counts, a note on them, and the page. The open tab's is of now, unless more than are counted."""
        plain = not query.q and not query.filters and not query.chosen and listing.as_of is None and not self.counts_now
        name, from_ = ("tabs", listing.name), time.time()
        held: dict[str, int] | None = lately.kept(name) if plain else None
        if held is None:
            counts = listing.counts(now, query)
            if plain:
                lately.keep(name, counts, from_)
            return counts, "", listing.page(now, query, counts.get(query.tab))
        many = held.get(query.tab, 0) >= COUNT_CAP
        page = listing.page(now, query, COUNT_CAP if many else None)
        return held | {query.tab: page.total}, lately.note(), page

    @property
    def may_export(self) -> bool:
        return self.exportable and g.actor.may(Verb.EXPORT)

    def more(self, now: Any, query: Query, page: Page) -> dict[str, Any]:
        """What an area's template needs besides; asked before the rows' cells are."""
        return {}

    def row_tone(self, row: Any) -> str:
        """is-stop or is-near for a row's mark at the left."""
        return ""

    def row_link(self, row: Any) -> str:
        if not self.record:
            return ""
        name = self.record_key or self.listing.model.__mapper__.get_property_by_column(self.listing.key).key
        return url_for(self.record, pk=getattr(row, name))

    def row_key(self, row: Any) -> Any:
        return getattr(row, self.listing.model.__mapper__.get_property_by_column(self.listing.key).key)

    def cell(self, column: Column, row: Any) -> Any:
        """What a cell shows: the area's Markup, else the value by its kind, escaped by the template."""
        made = self.cells.get(column.name)
        return made(row) if made is not None else shown(column, column.value(row))

    def _body(self, listing: Listing, columns: Columns, found: Rows) -> Markup:
        """The table's rows; those of the past lead to their record as it was."""
        past = ""
        if listing.as_of is not None:
            past = urlencode({"as_of": listing.as_of.isoformat(), "known_at": request.args.get("known_at", "")})

        def link_of(row: Any) -> str:
            href = self.row_link(row)
            return f"{href}{'&' if '?' in href else '?'}{past}" if href and past else href

        choosable = self.may_export or (any(g.actor.may(d.verb) for d in self.deeds) and listing.as_of is None)
        return rows.body(
            columns, found, self.cell, tone=self.row_tone, link=link_of, key=self.row_key if choosable else None
        )

    def _panel(self, listing: Listing, query: Query) -> Markup:
        """The fields of the filter panel; as nothing is chosen in them mostly, many are shown the same."""
        withheld, names = listing.withheld(g.actor), ("as_of", "known_at")
        days = {name: request.args.get(name, "") for name in names}
        values = {"listing": listing, "chosen": query.filters, "lookup_text": self._lookup_text}
        values |= days | {"withheld": withheld}
        if query.filters or any(days.values()):
            return parts.fresh("ta/list_filters.html", **values)
        return parts.part("ta/list_filters.html", (listing.name, withheld), **values)

    def _column_boxes(self, listing: Listing, query: Query) -> Markup:
        key = (listing.name, query.columns, tuple(column.name for column in listing.columns))
        return parts.part("ta/list_columns.html", key, columns=listing.columns, chosen=query.columns)

    @expose("/deed/<string:name>", methods=["POST"])
    @has_access
    @permission_name("list")
    def deed(self, name: str) -> Any:
        """Do one thing to each chosen row; every row has its own result."""
        held = next((d for d in self.deeds if d.name == name), None)
        if held is None:
            abort(404)
        require(g.actor, held.verb)
        if held.every and "every" in request.form:
            return whole_list.enter(held.every, self.listing, held.label, self._link(request.query_string.decode()))
        given = dict.fromkeys(request.form.getlist("ids"))
        keys = [int(k) for k in given if k.isascii() and k.isdigit() and len(k) < 19]
        if not keys or len(keys) > MOST_CHOSEN:
            flash(_("请选择 1 到 %(n)s 行", n=MOST_CHOSEN), "warning")
            return redirect(self._link())
        back = self._link(request.query_string.decode())
        if held.do is None and held.every:
            return whole_list.enter(held.every, self.listing, held.label, back, keys)
        if held.leads:
            return redirect(url_for(held.leads, chosen=[f"{held.entity}-{key}" for key in carried(keys)]))
        done: dict[int, Any] = {}
        refused: dict[int, list[str]] = {}
        for key in keys:
            try:
                with transaction(db.session) as session:
                    assert held.do is not None
                    done[key] = held.do(session, g.actor, key, clock.now())
            except Refusal as refusal:
                refused[key] = [str(f) for f in refusal.findings if not f.ok]
        named = self._named(keys)
        # What still needs somebody comes first.
        results: Results = [(*named[key], False, said) for key, said in refused.items()]
        for key, said in done.items():
            name, link = named[key]
            results.append((str(said or name), link, True, [str(_("已完成"))]))
        return self.page(results)

    def _named(self, keys: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Rows as people call them, by their first column, and their records; one that is not seen stays a number."""
        statement = select(self.listing.key).where(self.listing.key.in_(keys))
        seen = db.session.scalars(scope.apply(statement, g.actor, self.listing.model)).all()
        column = self.listing.column(self.listing.default[0])
        named = {key: (str(_("编号 %(n)s", n=key)), "") for key in keys}
        for row in self.listing.by_keys(db.session, seen):
            said = column.value(row) if column is not None else None
            name = str(said) if said not in (None, "") else named[self.row_key(row)][0]
            named[self.row_key(row)] = (name, self.row_link(row))
        return named

    # --- what each person keeps

    @expose("/columns", methods=["POST"])
    @has_access
    @permission_name("list")
    def columns(self) -> Any:
        names = [n for n in request.form.getlist("cols") if self.listing.column(n) is not None][:MOST_COLUMNS]
        with transaction(db.session) as session:
            kept.keep_columns(session, g.actor, self.listing.name, [] if "reset" in request.form else names)
        return redirect(self._link(request.form.get("back", "")))

    @expose("/save-filter", methods=["POST"])
    @has_access
    @permission_name("list")
    def save_filter(self) -> Any:
        name, query = request.form.get("name", "").strip()[:40], request.form.get("back", "")[:2000]
        if not name:
            flash(_("请给筛选起个名字"), "warning")
            return redirect(self._link(query))
        with transaction(db.session) as session:
            if "remove" in request.form:
                kept.remove_filter(session, g.actor, self.listing.name, name)
            else:
                kept.keep_filter(session, g.actor, self.listing.name, name, query, "shared" in request.form)
        done = _("已删除“%(name)s”", name=name) if "remove" in request.form else _("已存为“%(name)s”", name=name)
        flash(done, "success")
        return redirect(self._link(query))

    def _args(self, columns: Sequence[str]) -> dict[str, str]:
        args = request.args.to_dict()
        if columns and "cols" not in args:
            args["cols"] = ",".join(columns)
        return args

    # --- links

    def _link(self, query_string: str = "", **changes: Any) -> str:
        """This list with parameters changed; None removes one."""
        base = url_for(f"{self.endpoint}.list")
        if query_string:
            # A form's own text: a line break in it would end the answer's header.
            return f"{base}?{''.join(c for c in query_string.lstrip('?') if c >= ' ')}"
        if not changes:
            return base
        kept = {k: v for k, v in request.args.items() if k not in PLACE}
        for name, value in changes.items():
            kept.pop(name, None)
            if value not in (None, ""):
                kept[name] = value
        return f"{base}?{urlencode(kept)}" if kept else base

    def _tabs(self, listing: Listing, query: Query, counts: dict[str, int], note: str) -> ShownList:
        first = listing.tabs[0].key if listing.tabs else ""
        return [
            Shown(
                str(t.label), self._link(tab=None if t.key == first else t.key), selected=t.key == query.tab,
                count=capped(counts[t.key]) if t.key in counts else None, tone=t.tone if counts.get(t.key) else "",
                note="" if t.key == query.tab else note, seldom=t.seldom and t.key != query.tab,
            )
            for t in listing.tabs_of(g.actor, query)
            if t.offered is None or t.offered() or counts.get(t.key) or t.key == query.tab
        ]  # fmt: skip

    def _chips(self, listing: Listing, query: Query) -> ShownList:
        chips: ShownList = [Shown(str(_("搜索")), self._link(q=None), query.q)] if query.q else []
        for name, label, text in listing.describe(db.session, query):
            gone: dict[str, Any] = {f"{name}_from": None, f"{name}_to": None, name: None}
            chips.append(Shown(label, self._link(**gone), text))
        return chips

    def _heading(self, column: Column, query: Query) -> Shown:
        if column.sort is None:
            return Shown(str(column.label), "")
        current = query.sort == column.name
        wanted = column.name if not current or query.descending else f"-{column.name}"
        return Shown(
            str(column.label), self._link(sort=wanted), selected=current,
            text="descending" if query.descending else "ascending",
        )  # fmt: skip

    def _hidden(self, query: Query) -> Pairs:
        """Parameters that the search form carries along."""
        return [(k, v) for k, v in request.args.items() if k not in ("q", *PLACE)]

    def _lookup_text(self, name: str, key: Any) -> str:
        from app.lookups import text_of

        return text_of(db.session, name, key)


__all__ = [
    "Button", "Deed", "SQLAInterface", "Screen", "countdown", "cut", "escape", "firm",
    "firms", "limit_cell", "link", "mark", "missed_words", "one_line", "pill", "shown", "two", "words",
]  # fmt: skip
