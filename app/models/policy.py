"""Policy values by region and day: every number that cities differ on; proposals of new ones; what a version said."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    and_,
    cast,
    event,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.orm import Mapped, Session

from app.models.base import BigId, Instant, Json, Model, Versioned, col, pk
from app.models.region import code_span
from app.policy import Book, Key, Row, chain, in_force, version_of
from app.rules.visits import VisitPolicy


class PolicyValue(Model):
    """A key's value for a region and its subtree from a day on; rows are appended, never changed.

    `key` "preset" names the preset (huzhou, nantong …) on which a region's other keys fall back.
    """

    __tablename__ = "policy_value"
    __table_args__ = (Index("ix_policy_value_key", "key", "region_code", "effective_on"),)
    id: Mapped[int] = pk()
    key: Mapped[str] = col(_l("参数"), String(60))
    region_code: Mapped[str] = col(_l("地区"), String(12))
    value: Mapped[Any] = col(_l("值"), Json)
    effective_on: Mapped[dt.date] = col(_l("生效日期"), Date)
    source: Mapped[str | None] = col(_l("依据"), Text)
    set_by_id: Mapped[int | None] = col(_l("设置人"), Integer, ForeignKey("ab_user.id"))
    known_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)


PROPOSAL_STATE = {
    "proposed": _l("待批准"), "approved": _l("已批准"), "rejected": _l("不同意"), "withdrawn": _l("已撤回"),
}  # fmt: skip


class PolicyProposal(Versioned, Model):
    """A value that one person proposed and a second one decides; approving appends the PolicyValue `value_id`.

    At most one of a key for a region waits at a time: the partial unique index decides between two proposers.
    """

    __tablename__ = "policy_proposal"
    __table_args__ = (
        Index(
            "uq_policy_proposal_open", "key", "region_code", unique=True,
            sqlite_where=text("state = 'proposed'"), postgresql_where=text("state = 'proposed'"),
        ),
        Index("ix_policy_proposal_region", "region_code", "id"),
    )  # fmt: skip
    id: Mapped[int] = pk()
    key: Mapped[str] = col(_l("参数"), String(60))
    region_code: Mapped[str] = col(_l("地区"), String(12))
    value: Mapped[Any] = col(_l("值"), Json)
    effective_on: Mapped[dt.date] = col(_l("生效日期"), Date)
    source: Mapped[str] = col(_l("依据"), Text)
    reason: Mapped[str | None] = col(_l("说明"), Text)
    state: Mapped[str] = col(_l("状态"), String(10), default="proposed", choices=PROPOSAL_STATE)
    proposed_by_id: Mapped[int | None] = col(_l("提议人"), Integer, ForeignKey("ab_user.id"))
    proposed_at: Mapped[dt.datetime] = col(_l("提议时间"), Instant)
    decided_by_id: Mapped[int | None] = col(_l("批准人"), Integer, ForeignKey("ab_user.id"))
    decided_at: Mapped[dt.datetime | None] = col(_l("决定时间"), Instant)
    opinion: Mapped[str | None] = col(_l("意见"), Text)
    value_id: Mapped[int | None] = col(_l("政策值"), BigId, ForeignKey("policy_value.id"))


class PolicySnapshot(Model):
    """What a version said: every key's value. Kept once, when the first record was judged by it."""

    __tablename__ = "policy_snapshot"
    version: Mapped[str] = col(_l("版本"), String(20), primary_key=True)
    data: Mapped[dict[str, Any]] = col(_l("内容"), Json)
    kept_at: Mapped[dt.datetime] = col(_l("记录时间"), Instant)


_CACHE = "policy_cache"
_DRAFT = "policy_draft"


def policy_book(session: Any, region_code: str | None, on: dt.date, *, known_at: dt.datetime | None = None) -> Book:
    """All keys for a region on a day, each with its origin. One statement a transaction, however many regions."""
    kept = until_commit(session)
    if "shelf" not in kept:
        kept["shelf"] = _shelf(_rows(session), session.info.get(_DRAFT, ()), kept.pop("state", None))
    shelf: Shelf = kept["shelf"]
    return shelf.book(region_code, on, known_at)


def recall(session: Any, state: str | None) -> None:
    """Take the table's state as another statement of this transaction read it: see `STATE`.

    The books of the same state are at hand; those of another one are read by `policy_book`, when it is asked.
    """
    kept = until_commit(session)
    if "shelf" in kept or session.info.get(_DRAFT):
        return
    if _last is not None and _last.told == (state or "") and len(_last) <= _MOST_BOOKS:
        kept["shelf"] = _last
    else:
        kept["state"] = state or ""


class Shelf:
    """The books of one state of the table, each put together when it is first asked for.

    `told`: what `STATE` said of the table when its rows were read, if it was asked.
    """

    told: str | None = None

    def __init__(self, rows: Sequence[Row], drafted: Sequence[Row]) -> None:
        self.rows, self._drafted = rows, drafted
        self._held: dict[tuple[dt.date, dt.datetime | None], dict[tuple[str, str], Row]] = {}
        self._books: dict[tuple[str | None, dt.date, dt.datetime | None], Book] = {}
        self._told_by: dict[tuple[dt.date, dt.datetime | None], set[str]] = {}
        self._shared: dict[tuple[tuple[str, ...], dt.date, dt.datetime | None], Book] = {}

    def __len__(self) -> int:
        return len(self._books)

    @property
    def all_rows(self) -> list[Row]:
        return [*self.rows, *self._drafted]

    def held(self, on: dt.date, known_at: dt.datetime | None = None) -> dict[tuple[str, str], Row]:
        """By (region, key) the row that holds on the day; drafts over whatever a region says itself."""
        day = (on, known_at)
        if day not in self._held:
            drafted = {(row.region_code, row.key): row for row in self._drafted if row.effective_on <= on}
            self._held[day] = in_force(self.rows, on, known_at) | drafted
        return self._held[day]

    def book(self, region_code: str | None, on: dt.date, known_at: dt.datetime | None) -> Book:
        place = (region_code, on, known_at)
        found = self._books.get(place)
        if found is None:
            held, day = self.held(on, known_at), (on, known_at)
            if day not in self._told_by:
                self._told_by[day] = {code for code, _key in held}
            # Regions that say nothing themselves have the book of those above them that do.
            codes = tuple(code for code in chain(region_code) if code in self._told_by[day])
            found = self._books[place] = self._shared.setdefault((codes, *day), Book(held, codes))
        return found


def _shelf(rows: Sequence[Row], drafted: Sequence[Row], state: str | None) -> Shelf:
    """The work of putting books together is kept from one transaction to the next, for as long as the rows are the
    same ones: every transaction still reads them, as rows or as their state.
    """
    global _last
    if drafted:
        return Shelf(rows, drafted)
    kept = _last
    if kept is None or kept.rows != rows or len(kept) > _MOST_BOOKS:
        _last = kept = Shelf(rows, ())
    if state is not None:
        kept.told = state
    return kept


_last: Shelf | None = None
# Each region's of many days: what back-tests and nightly jobs of a nation ask for is not kept for ever.
_MOST_BOOKS = 5000


@contextmanager
def policy_draft(session: Any, rows: Sequence[Row]) -> Iterator[None]:
    """Ask as if these rows held, each from its day on, over whatever its region says itself (back-tests only)."""
    session.info[_DRAFT] = tuple(rows)
    _forget(session)
    try:
        yield
    finally:
        session.info.pop(_DRAFT, None)
        _forget(session)


def until_commit(session: Any) -> dict[str, Any]:
    """Where to remember, until the transaction ends, what was asked of policy."""
    kept: dict[str, Any] = session.info.setdefault(_CACHE, {})
    return kept


def policy_value(session: Any, key: Key | str, region_code: str | None, on: dt.date) -> Any:
    """The value of a key for a region on a day; None = this platform has no such limit. Unknown key: ValueError."""
    return policy_book(session, region_code, on)[Key(key)].value


def policy_state(session: Any, on: dt.date) -> Hashable:
    """What stands for the values of all regions and days: what was made of them holds while this is the same."""
    policy_book(session, None, on)
    state: Shelf = until_commit(session)["shelf"]
    return state


def policy_version(session: Any, region_code: str | None, on: dt.date) -> str:
    """The short name that records keep of the policy that judged them; made of the values, so it can be made again."""
    return version_of(policy_book(session, region_code, on))


def policy_groups(session: Any, key: Key, on: dt.date, column: Any) -> list[tuple[Any, ColumnElement[bool]]]:
    """Each value that a key has in some region, with the condition on `column` (a region code) for its rows.

    For set-based work. Where all regions agree there is one pair without condition: the usual case costs nothing.
    """
    spans: dict[Any, list[ColumnElement[bool]]] = {}
    for low, high, value in _spans(session, key, on):
        inside = column >= low if high is None else (column >= low) & (column < high)
        spans.setdefault(value, []).append(inside)
    if len(spans) < 2:
        return [(value, true()) for value in spans]
    return [(value, or_(*found)) for value, found in spans.items()]


def policy_cuts(
    session: Any, key: Key, span: tuple[str, str], on: dt.date, *, known_at: dt.datetime | None = None
) -> list[str]:
    """A range of regions cut where a key's value becomes another: the first code of each piece."""
    first = max(span[0], "0" * 12)
    return [first, *(low for low, _, _ in _spans(session, key, on, known_at) if first < low < span[1])]


def _spans(
    session: Any, key: Key, on: dt.date, known_at: dt.datetime | None = None
) -> list[tuple[str, str | None, Any]]:
    """The codes of regions cut where some region says something of its own: [low, high) and the value between."""
    policy_book(session, None, on)
    told = {code for code, _key in session.info[_CACHE]["shelf"].held(on, known_at)}
    cuts = sorted({"0" * 12, *(edge for code in told for edge in code_span(code))})
    found: list[tuple[str, str | None, Any]] = []
    for low in cuts:
        value = policy_book(session, low, on, known_at=known_at)[key].value
        if found and found[-1][2] == value:
            continue
        if found:
            found[-1] = (found[-1][0], low, found[-1][2])
        found.append((low, None, value))
    return found


def visit_policy(session: Any, region_code: str | None, on: dt.date) -> VisitPolicy:
    """The numbers by which a visit of that day is judged."""
    value: Mapping[Key, Any] = policy_book(session, region_code, on).plain
    return VisitPolicy(
        min_minutes=value[Key.VISIT_MIN_MINUTES],
        max_hours=value[Key.VISIT_MAX_HOURS],
        sheet_hours=value[Key.SHEET_HOURS],
        review_days=value[Key.REVIEW_DAYS],
        upload_hours=value[Key.UPLOAD_HOURS],
        daily_elevators=value[Key.DAILY_ELEVATORS],
        manager_approval=value[Key.MANAGER_APPROVAL],
        review_required=value[Key.REVIEW_REQUIRED],
        sheet_makes_nonconforming=value[Key.SHEET_MAKES_NONCONFORMING],
        persons=value[Key.VISIT_PERSONS],
        persons_long=value[Key.VISIT_PERSONS_LONG],
    )


@dataclass(frozen=True, slots=True)
class Places:
    """The regions and days of a period, cut wherever some value begins to hold: within a piece all values are the same.

    A piece goes by its first region code and its first day.
    """

    codes: list[str]
    days: list[dt.date]

    def piece(self, region_code: str, on: dt.date) -> tuple[str, dt.date]:
        return self.codes[bisect_right(self.codes, region_code) - 1], self.days[bisect_right(self.days, on) - 1]

    def pieces(self, column: Any, on: Any) -> Iterator[tuple[str, dt.date, ColumnElement[bool]]]:
        """Each piece with the condition on columns for its rows of the period."""
        for code, until_code in zip(self.codes, [*self.codes[1:], None], strict=True):
            for first, until in zip(self.days, [*self.days[1:], None], strict=True):
                inside = [column >= code] if until_code is None else [column >= code, column < until_code]
                inside += [on >= first] if until is None else [on >= first, on < until]
                yield code, first, and_(*inside)


def policy_places(session: Any, span: tuple[str, str], from_on: dt.date, to_on: dt.date) -> Places:
    """The pieces of a range of regions and of a period."""
    policy_book(session, None, from_on)
    rows = session.info[_CACHE]["shelf"].all_rows
    edges = {edge for row in rows for edge in code_span(row.region_code) if span[0] < edge < span[1]}
    begins = {row.effective_on for row in rows if from_on < row.effective_on <= to_on}
    return Places(sorted({span[0], *edges}), sorted({from_on, *begins}))


def _rows(session: Any) -> list[Row]:
    # The whole table: a region overrides a few keys, so even a nation's is small, and nightly jobs ask for all.
    return [Row(*found) for found in session.execute(_ALL_ROWS)]


_value: Any = PolicyValue.__table__.c
_ALL_ROWS = select(
    _value.id, _value.key, _value.region_code, _value.value, _value.effective_on, _value.known_at
).order_by(_value.id)  # fmt: skip


_BAR: Any = literal_column("'|'")
# The whole table as one text, for a statement that is about something else; whoever reads it hands it to `recall`.
STATE = select(
    func.aggregate_strings(
        cast(_value.id, Text) + _BAR + _value.key + _BAR + _value.region_code + _BAR + cast(_value.effective_on, Text)
        + _BAR + cast(_value.known_at, Text) + _BAR + func.coalesce(cast(_value.value, Text), literal_column("''")),
        _BAR,
    )
).scalar_subquery()  # fmt: skip


def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_CACHE, None)


def _forget_at_the_end(session: Session) -> None:
    # A savepoint that is let go ends nothing: what was read is as good as before.
    if not session.in_nested_transaction():
        _forget(session)


def _forget_if_written(session: Session, _context: Any) -> None:
    if any(isinstance(row, PolicyValue) for row in (*session.new, *session.dirty, *session.deleted)):
        _forget(session)


# What another transaction changed must show at the next one; what this one writes, at once.
event.listen(Session, "after_commit", _forget_at_the_end)
event.listen(Session, "after_rollback", _forget)
event.listen(Session, "after_flush", _forget_if_written)
