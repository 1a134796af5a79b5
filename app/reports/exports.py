"""An export is a list written down: the very same listing, filter and scope, all pages of it, as of one instant.

What is wanted stays plain text (it waits in a job's parameters) and is understood when it runs, within the scope that
its owner has then.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import select, text

import app.listings
from app import clock
from app.errors import Finding, NotFound, Refusal, refuse
from app.listing import LISTINGS, Listing, Moment, Query, moment
from app.models import Region
from app.models.policy import policy_version
from app.permissions import Actor
from app.reports import tables
from app.transaction import AnySession
from app.wording import finished, say, together

MOST_PARAMETERS = 100
LONGEST_QUERY = 4000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which list, under which address of it, which columns, in which format."""

    listing: str
    query: str = ""
    columns: str = ""
    format: str = "xlsx"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Exported:
    """What RPR-01 asks of every export; the same words on the sheet 说明, in a job's result and in the audit log."""

    rows: int
    sha256: str
    file: str
    filter: str
    policy: str
    as_of: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def listing_of(name: str) -> Listing:
    """The listing of this name; a worker that has shown no screen yet knows them all, too."""
    names()
    found = LISTINGS.get(name)
    if found is None:
        raise unknown(name)
    return found


def names() -> set[str]:
    """The names of all lists that can be exported."""
    for module in pkgutil.iter_modules(app.listings.__path__, "app.listings."):
        import_module(module.name)
    return set(LISTINGS)


def unknown(name: str) -> NotFound:
    return NotFound(
        Finding("导出", False, say("没有名为“%(name)s”的列表可以导出", name=name[:40]), "请从列表页点“导出”")
    )


def of_chosen(query: str, ids: Sequence[str]) -> str:
    """The list's address narrowed to the rows that were ticked; as it stands where none was."""
    if not ids:
        return query
    rest = [(name, value) for name, value in parse_qsl(query.lstrip("?")) if name != "ids"]
    return urlencode([*rest, ("ids", ",".join(dict.fromkeys(ids)))], safe=",")


def fewer(chosen: int, found: int) -> Refusal:
    """Ticked rows that have left the list meanwhile: whoever counts on them is told, not given a shorter file."""
    said = say("选了 %(n)s 行，其中 %(m)s 行已不在这个列表里", n=chosen, m=chosen - found)
    return refuse("导出所选", said, "请刷新列表后重新选择", field="ids")


def check_format(fmt: str) -> str:
    if fmt not in tables.FORMATS.values():
        raise refuse(
            "导出格式",
            say("“%(fmt)s”不是可用的格式", fmt=fmt[:20]),
            "请选择 xlsx 或 csv",
            field="format",
            value=fmt[:20],
        )
    return fmt


def read(listing: Listing, wanted: Wanted) -> Query:
    """The list's own reading of its address; columns as chosen on the page."""
    args = arguments(wanted)
    return listing.read(args | ({"cols": wanted.columns} if wanted.columns else {}))


def asked(session: AnySession, actor: Actor, params: Mapping[str, Any]) -> tuple[Listing, Moment, Query]:
    """The list that a job's parameters name (`listing`, `query`), read within the actor's scope as it is now."""
    wanted = Wanted(params["listing"], params["query"])
    listing = listing_of(wanted.listing)
    now, query = moment(session, actor), read(listing, wanted)
    listing.seek(now, query)
    return listing, now, query


def found(session: AnySession, actor: Actor, params: Mapping[str, Any], most: int) -> list[int]:
    """The keys of the rows that this list finds, in its order, `most` of them at the most."""
    listing, now, query = asked(session, actor, params)
    return list(session.scalars(listing.ordered(listing.statement(now, query), query).limit(most)))


def as_shown(listing: Listing, wanted: Wanted) -> Wanted:
    """With the columns that stand in other ones' cells on the page. Asked at the door, so that what was exported
    before a column stood along runs again as it was."""
    names: dict[str, None] = {}
    for name in read(listing, wanted).columns:
        held = listing.column(name)
        names |= dict.fromkeys((name, *(held.along if held is not None else ())))
    return replace(wanted, columns=",".join(names))


def chosen(listing: Listing, wanted: Wanted, actor: Actor) -> Listing:
    """The list itself, or itself as of the day that the address names (ASO-01), as far as the actor may see it."""
    return listing.chosen(arguments(wanted), actor)


def arguments(wanted: Wanted) -> dict[str, str]:
    """The parameters of the list's address."""
    if len(wanted.query) > LONGEST_QUERY:
        # Cut short it would be another filter, and a wider one.
        found = say(
            "网址中的条件有 %(count)s 个字符，最多 %(longest_query)s 个",
            count=len(wanted.query),
            longest_query=LONGEST_QUERY,
        )
        raise refuse("筛选条件", found, "请减少条件后从列表页导出", field="query")
    try:
        pairs = parse_qsl(wanted.query.lstrip("?"), max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise refuse(
            "筛选条件",
            say("条件多于 %(most_parameters)s 个", most_parameters=MOST_PARAMETERS),
            "请从列表页重新筛选后导出",
            field="query",
        ) from error
    args: dict[str, str] = {}
    for name, value in pairs:
        args.setdefault(name, value)  # the first of a name, as the page reads it
    return args


def describe(moment: Moment, listing: Listing, query: Query) -> list[tuple[str, str]]:
    """Tab, search, filters and order in words; a condition that was not understood is named, not dropped."""
    lines = [("分类", finished(tab.label)) for tab in listing.tabs if tab.key == query.tab]
    if query.q:
        lines.append(("搜索", query.q))
    lines += [(label, text) for _name, label, text in listing.describe(moment.session, query)]
    sort = listing.column(query.sort)
    if sort is not None:
        lines.append(("排序", say("%(label)s %(more)s", label=sort.label, more="降序" if query.descending else "升序")))
    lines += [("未采用的条件", str(notice)) for notice in query.notices]
    return lines


def export(
    moment: Moment, listing: Listing, query: Query, path: Path, fmt: str, *, forget: bool, total: int = 0,
    progress: tables.Progress | None = None,
) -> Exported:  # fmt: skip
    """Write all rows of the list under the query, within the actor's scope, to `path`.

    `forget` empties the session as it goes, so that memory stays flat: for jobs and commands, where nobody else
    holds its rows.
    """
    lines = describe(moment, listing, query)
    policy = policy_version(moment.session, moment.actor.region_code, moment.today)
    as_of = say("%(local)s（北京时间）", local=f"{clock.local(moment.now):%Y-%m-%d %H:%M:%S}")
    note = [
        ("内容", str(listing.title)),
        *lines,
        ("数据截至", as_of),
        ("政策版本", policy),
        ("导出人", moment.actor.name),
        ("数据范围", scope_text(moment.session, moment.actor)),
    ]
    columns = [column for name in query.columns if (column := listing.column(name)) is not None]
    written = tables.write(
        listing.blocks(moment, query, columns, forget=forget), columns, path, fmt, title=str(listing.title),
        as_of=moment.now, note=note, total=total, progress=progress,
    )  # fmt: skip
    words = together((say("%(label)s：%(text)s", label=label, text=text) for label, text in lines), "；") or "无"
    as_known = moment.now.isoformat(timespec="seconds")
    return Exported(written.rows, written.sha256, digest_of(path), words, policy, as_known)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scope_text(session: Any, actor: Actor) -> str:
    """Whose rows an export can hold at all."""
    if actor.sees_everything:
        return "全部"
    if actor.unit_id is not None:
        return "本单位" if actor.sees_all_elevators else "本单位中分配给本账号的电梯"
    name = session.scalar(select(Region.name).where(Region.code == (actor.region_code or "")))
    return say("%(name)s及其下级", name=name) if name else "无"


@contextmanager
def one_view(session: Any) -> Iterator[None]:
    """Read everything as of one instant. SQLite's transactions do; PostgreSQL is asked to.

    Ends the transaction that is open, so nothing may be waiting in it.
    """
    session.rollback()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        # All rows will be read, not the first few that a cursor is planned for.
        session.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    try:
        yield
    finally:
        session.rollback()


def file_name(title: str, at: dt.datetime, fmt: str) -> str:
    """电梯_20261120-1530.xlsx: what it is and as of when."""
    return f"{tables.sheet_name(title)}_{clock.local(at):%Y%m%d-%H%M}.{fmt}"
