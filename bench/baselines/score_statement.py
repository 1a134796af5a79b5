"""SCO-01 of every unit by one statement over the product's tables, as somebody good at SQL would write it.

It gives what a run gives of a period whose records are all settled: due, missed, 不合规, forgiven, valid and points of
each unit, told by visits, contracts, stops, longer intervals and policy. It writes nothing, names no failure and ranks
nobody. The formula stands here a second time on purpose: the product is measured by it and held equal to it.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from app.models import Region, Score
from app.models.base import Instant, Model
from app.models.policy import policy_book, policy_cuts
from app.policy import Key
from app.workflows.scores.score_frame import Frame

# Of a unit: elevators, due, missed, 不合规, forgiven, valid, points.
Figures = tuple[int, int, int, int, int, int, Decimal | None]
# What the statement reads, and of each table which columns.
READ = {
    "visit": ("unit_id", "elevator_id", "visit_on", "state", "region_code", "received_at"),
    "contract_elevator": ("unit_id", "elevator_id", "starts_on", "ends_on", "added_at", "removed_at"),
    "overdue_period": ("id", "unit_id", "elevator_id", "limit_on", "region_code", "judged_at"),
    "overdue_correction": ("overdue_id", "known_at"),
    "maintenance_pause": ("elevator_id", "from_on", "to_on", "known_at", "ended_at"),
    "on_demand_interval": (
        "id", "unit_id", "elevator_id", "from_on", "to_on", "interval_days", "known_at", "closed_on", "closed_at",
    ),
    "status_change": ("entity", "entity_id", "field", "old", "new", "effective_on", "known_at"),
    "elevator": ("id", "region_code", "approved_on"),
}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """What the databases say differently: days between, days after, whole numbers divided and cut, least, greatest,
    and whether more than so many whole seconds are between two instants."""

    days: Callable[[str, str], str] = lambda begin, end: f"({end} - {begin})"
    plus: Callable[[str, int], str] = lambda on, days: f"({on} + {days})"
    divided: str = "/"
    least: str = "least"
    greatest: str = "greatest"
    # SQLite has a full join that no index helps, and makes an index only for what it keeps.
    joins_fully: bool = True
    kept: str = ""
    late: Callable[[str, str, str], str] = (
        lambda begin, end, seconds: f"({end} >= {begin} + ({seconds} + 1) * interval '1 second')"
    )


def _more_seconds(begin: str, end: str, seconds: str) -> str:
    """Seconds by their whole ones, and what is behind the point by itself: SQLite knows thousandths at the most."""
    whole = (f"CAST(strftime('%s', substr({at}, 1, 19)) AS INTEGER)" for at in (end, begin))
    return f"({' - '.join(whole)} - (substr({end}, 20) < substr({begin}, 20)) > {seconds})"


DIALECTS = {
    "postgresql": Dialect(),
    "duckdb": Dialect(divided="//"),
    "sqlite": Dialect(
        days=lambda begin, end: f"CAST(julianday({end}) - julianday({begin}) AS INTEGER)",
        plus=lambda on, days: f"date({on}, '{days:+d} day')", least="min", greatest="max",
        joins_fully=False, kept="MATERIALIZED ", late=_more_seconds,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Policy where region codes begin with `low`, up to the next place."""

    low: str
    interval_days: int
    never_visited_counts: bool


def places_of(session: Any, frame: Frame) -> list[Place]:
    keys = (Key.LIMIT_DAYS, Key.NEVER_VISITED)
    cuts = {c for key in keys for c in policy_cuts(session, key, frame.span, frame.to_on, known_at=frame.as_of)}
    found = []
    for code in sorted(cuts):
        book = policy_book(session, code, frame.to_on, known_at=frame.as_of)
        days: Any = book[Key.LIMIT_DAYS].value
        found.append(Place(code, int(days), book[Key.NEVER_VISITED].value == "contract"))
    return found


def everywhere(session: Any, frame: Frame) -> bool:
    """There is no other region than those of the frame: none needs to be asked for."""
    return session.scalar(sa.select(sa.func.count()).where(~frame.within(Region.code))) == 0


def _by_place(places: Sequence[Place], value: Callable[[Place], int]) -> str:
    first, *others = places
    if all(value(place) == value(first) for place in others):
        return str(value(first))
    cases = " ".join(f"WHEN r.code >= '{place.low}' THEN {value(place)}" for place in reversed(others))
    return f"CASE {cases} ELSE {value(first)} END"


def statement(kind: str, places: Sequence[Place], all_regions: bool) -> str:
    """Takes `from_on`, `to_on`, `as_of` and, unless for `all_regions`, the codes `low` and `high`."""
    return f"{scored(kind, places, all_regions)} SELECT * FROM scored"


def scored(kind: str, places: Sequence[Place], all_regions: bool) -> str:
    """The statement as far as its last table, `scored`; of it `spanned` has the pairs under contract, too."""
    say = DIALECTS[kind]
    days, plus, divided, least, greatest = say.days, say.plus, say.divided, say.least, say.greatest
    interval = _by_place(places, lambda place: place.interval_days)
    never_counts = _by_place(places, lambda place: int(place.never_visited_counts))
    pair = "unit_id, elevator_id"
    counted = "('awaiting', 'nonconforming', 'pending', 'valid')"
    known = "c.added_at <= :as_of AND (c.removed_at IS NULL OR c.removed_at > :as_of)"
    # From the first row of a partition to this one, or to the one before.
    to_this, before = (f"ROWS BETWEEN UNBOUNDED PRECEDING AND {end}" for end in ("CURRENT ROW", "1 PRECEDING"))

    def here(code: str) -> str:
        return "" if all_regions else f"AND {code} >= :low AND {code} < :high"

    def same(one: str, other: str) -> str:
        return f"{one}.unit_id = {other}.unit_id AND {one}.elevator_id = {other}.elevator_id"

    def full(told: str, one: str, other: str) -> str:
        """Of two pairs of a name and an alias: what is in either."""
        (_, a), (_, b) = one.split(), other.split()
        if say.joins_fully:
            return f"SELECT {told} FROM {one} FULL JOIN {other} ON {same(a, b)}"
        both = f"SELECT {told} FROM {one} LEFT JOIN {other} ON {same(a, b)}"
        rest = f"SELECT {told} FROM {other} LEFT JOIN {one} ON {same(a, b)} WHERE {a}.unit_id IS NULL"
        return f"{both} UNION ALL {rest}"

    def ever(end: str, of: str, begin: str) -> str:
        return f"max({end}) OVER (PARTITION BY {of} ORDER BY {begin}, {end} {before})"

    # Without the casts SQLite sees no number to index.
    of_event = f"""CAST(coalesce(s.unit_id, m.unit_id) AS BIGINT) AS unit_id,
    CAST(coalesce(s.elevator_id, m.elevator_id) AS BIGINT) AS elevator_id, s.first_on,
    coalesce(s.valid, 0) AS valid, coalesce(s.nonconforming, 0) AS nonconforming, coalesce(m.overdue, 0) AS overdue,
    coalesce(s.code, CASE WHEN m.code = m.other THEN m.code ELSE (
      SELECT w.region_code FROM missed_row w WHERE {same("w", "m")} ORDER BY w.limit_on, w.id LIMIT 1) END) AS code"""
    of_pair = """coalesce(e.unit_id, c.unit_id) AS unit_id, coalesce(e.elevator_id, c.elevator_id) AS elevator_id,
    c.run, c.begin_on, c.end_on, e.first_on, e.overdue, e.nonconforming, e.valid, e.code"""
    return f"""
WITH seen AS (
  SELECT {pair}, max(region_code) AS code, min(CASE WHEN state IN {counted} THEN visit_on END) AS first_on,
    CAST(count(CASE WHEN state = 'valid' THEN 1 END) AS INTEGER) AS valid,
    CAST(count(CASE WHEN state = 'nonconforming' THEN 1 END) AS INTEGER) AS nonconforming
  FROM visit WHERE visit_on BETWEEN :from_on AND :to_on {here("region_code")} GROUP BY {pair}
), missed_row AS (
  SELECT o.id, o.unit_id, o.elevator_id, o.limit_on, o.region_code
  FROM overdue_period o LEFT JOIN overdue_correction k ON k.overdue_id = o.id
  WHERE o.unit_id IS NOT NULL AND o.limit_on BETWEEN :from_on AND :to_on AND o.judged_at <= :as_of
    AND (k.overdue_id IS NULL OR k.known_at > :as_of) {here("o.region_code")}
), missed AS (
  SELECT {pair}, CAST(count(*) AS INTEGER) AS overdue, min(region_code) AS code, max(region_code) AS other
  FROM missed_row GROUP BY {pair}
), event AS {say.kept}(
  {full(of_event, "seen s", "missed m")}
), bound AS (
  SELECT c.unit_id, c.elevator_id, c.starts_on, c.ends_on FROM contract_elevator c
  WHERE {known} AND c.starts_on <= :to_on AND c.ends_on >= :from_on
), spanned AS (
  SELECT {pair}, count(*) AS contracts, min(starts_on) AS starts_on, max(ends_on) AS ends_on FROM bound GROUP BY {pair}
), numbered AS (
  SELECT {pair}, starts_on, ends_on, sum(begins) OVER (PARTITION BY {pair} ORDER BY starts_on, ends_on {to_this}) AS run
  FROM (
    SELECT b.unit_id, b.elevator_id, b.starts_on, b.ends_on, CASE WHEN b.starts_on <=
      {plus(ever("b.ends_on", "b.unit_id, b.elevator_id", "b.starts_on"), 1)} THEN 0 ELSE 1 END AS begins
    FROM bound b JOIN spanned s ON {same("s", "b")} AND s.contracts > 1
  ) AS beginning
), covered AS {say.kept}(
  SELECT {pair}, 1 AS run, {greatest}(starts_on, :from_on) AS begin_on, {least}(ends_on, :to_on) AS end_on
  FROM spanned WHERE contracts = 1
  UNION ALL
  SELECT {pair}, run, {greatest}(min(starts_on), :from_on), {least}(max(ends_on), :to_on)
  FROM numbered GROUP BY {pair}, run
), paired AS (
  {full(of_pair, "event e", "covered c")}
), lone AS (
  SELECT * FROM paired p WHERE p.run IS NULL AND NOT EXISTS (
    SELECT 1 FROM contract_elevator c WHERE {same("c", "p")} AND c.ends_on < :from_on AND {known})
), taken AS (
  SELECT l.unit_id, l.elevator_id, {greatest}(b.starts_on, :from_on) AS from_on, b.ends_on AS to_on
  FROM lone l JOIN bound b ON b.elevator_id = l.elevator_id
  UNION ALL SELECT {pair}, {plus(":to_on", 1)}, NULL FROM lone
), gap AS (
  SELECT {pair}, coalesce({plus(ever("to_on", pair, "from_on"), 1)}, :from_on) AS begin_on,
    {plus("from_on", -1)} AS end_on FROM taken
), run AS (
  SELECT {pair}, run, begin_on, end_on, first_on, overdue, nonconforming, valid,
    coalesce(code, (SELECT v.region_code FROM elevator v WHERE v.id = p.elevator_id)) AS code FROM paired p
  UNION ALL
  SELECT l.unit_id, l.elevator_id, NULL, g.begin_on, g.end_on, l.first_on, l.overdue, l.nonconforming, l.valid, l.code
  FROM lone l JOIN gap g ON {same("g", "l")} AND g.begin_on <= g.end_on
), started AS (
  SELECT r.unit_id, r.elevator_id, r.begin_on, r.end_on, r.overdue, r.nonconforming, r.valid,
    {interval} AS interval_days, coalesce(
    CASE WHEN r.first_on >= r.begin_on THEN CASE WHEN r.first_on <= r.end_on THEN r.first_on END
      WHEN r.first_on < r.begin_on THEN (
        SELECT min(v.visit_on) FROM visit v WHERE {same("v", "r")} AND v.visit_on BETWEEN r.begin_on AND r.end_on
          AND v.state IN {counted} {here("v.region_code")}) END,
    CASE WHEN {never_counts} = 1 AND r.run IS NOT NULL AND (r.run > 1 OR NOT EXISTS (
      SELECT 1 FROM visit v WHERE {same("v", "r")} AND v.visit_on < :from_on AND v.state IN {counted}
        AND v.received_at <= :as_of)) THEN (
      SELECT CASE WHEN u.used_on > r.begin_on THEN u.used_on WHEN u.used_on IS NOT NULL THEN r.begin_on END FROM (
        SELECT e.id, coalesce((
          SELECT max(c.effective_on) FROM status_change c
          WHERE c.entity = 'elevator' AND c.entity_id = e.id AND c.field = 'status' AND c.new = 'in_use'
            AND c.known_at <= :as_of AND c.effective_on <= :to_on), e.approved_on) AS used_on FROM elevator e
      ) AS u WHERE u.id = r.elevator_id) END
  ) AS first_on
  FROM run r {"" if all_regions else "WHERE r.overdue IS NOT NULL OR (r.code >= :low AND r.code < :high)"}
), stop AS (
  SELECT elevator_id, from_on, coalesce(to_on, {plus(":to_on", 1)}) AS until_on FROM (
    SELECT p.elevator_id, p.from_on, CASE WHEN coalesce(p.ended_at, (
      SELECT min(c.known_at) FROM status_change c
      WHERE c.entity = 'elevator' AND c.entity_id = p.elevator_id AND c.field = 'status' AND c.old = 'suspended'
        AND c.effective_on = p.to_on)) > :as_of THEN NULL ELSE p.to_on END AS to_on
    FROM maintenance_pause p
    WHERE p.known_at <= :as_of AND p.from_on <= :to_on AND (p.to_on IS NULL OR p.to_on > :from_on)
  ) AS known_stop
), stopped AS (
  SELECT elevator_id, min(from_on) AS from_on, max(until_on) AS until_on FROM (
    SELECT elevator_id, from_on, until_on,
      sum(begins) OVER (PARTITION BY elevator_id ORDER BY from_on, until_on {to_this}) AS stop_no
    FROM (
      SELECT elevator_id, from_on, until_on,
        CASE WHEN from_on <= {ever("until_on", "elevator_id", "from_on")} THEN 0 ELSE 1 END AS begins
      FROM stop WHERE from_on < until_on
    ) AS beginning
  ) AS numbered_stop GROUP BY elevator_id, stop_no
), paused AS (
  SELECT s.unit_id, s.elevator_id, s.begin_on,
    sum({days(f"{greatest}(p.from_on, s.first_on)", f"{least}(p.until_on, s.end_on)")}) AS days
  FROM started s JOIN stopped p ON p.elevator_id = s.elevator_id AND p.from_on < s.end_on AND p.until_on > s.first_on
  GROUP BY s.unit_id, s.elevator_id, s.begin_on
), slower AS (
  SELECT s.unit_id, s.elevator_id, s.begin_on, o.id, o.interval_days, {greatest}(o.from_on, s.first_on) AS from_on,
    {least}({plus("CASE WHEN o.closed_at <= :as_of AND o.closed_on IS NOT NULL THEN o.closed_on ELSE o.to_on END", 1)},
      s.end_on) AS until_on
  FROM started s JOIN on_demand_interval o ON {same("o", "s")}
  WHERE o.known_at <= :as_of AND o.from_on <= :to_on AND o.to_on >= :from_on AND s.first_on IS NOT NULL
), segment AS (
  SELECT g.unit_id, g.elevator_id, g.begin_on, g.interval_days, {days("g.from_on", "g.until_on")} - coalesce(sum(CASE
    WHEN p.from_on IS NOT NULL
    THEN {days(f"{greatest}(p.from_on, g.from_on)", f"{least}(p.until_on, g.until_on)")} END), 0) AS days
  FROM slower g
  LEFT JOIN stopped p ON p.elevator_id = g.elevator_id AND p.from_on < g.until_on AND p.until_on > g.from_on
  WHERE g.from_on < g.until_on
  GROUP BY g.unit_id, g.elevator_id, g.begin_on, g.id, g.interval_days, g.from_on, g.until_on
), on_demand AS (
  SELECT {pair}, begin_on, sum(days) AS days, sum(days * 1.0 / interval_days) AS services
  FROM segment GROUP BY {pair}, begin_on
), told AS (
  SELECT s.unit_id, s.elevator_id, coalesce(max(s.overdue), 0) AS overdue,
    coalesce(max(s.nonconforming), 0) AS nonconforming, coalesce(max(s.valid), 0) AS valid,
    CAST(sum(CASE WHEN s.first_on IS NULL OR s.first_on >= s.end_on THEN 0
      WHEN o.services IS NULL THEN ({days("s.first_on", "s.end_on")} - coalesce(p.days, 0)) {divided} s.interval_days
      -- Thirds and their like are cut short: what makes a whole service must not fall below it.
      ELSE floor(({days("s.first_on", "s.end_on")} - coalesce(p.days, 0) - o.days) * 1.0 / s.interval_days + o.services
        + 0.000000001) END) AS INTEGER) AS due
  FROM started s
  LEFT JOIN paused p ON {same("p", "s")} AND p.begin_on = s.begin_on
  LEFT JOIN on_demand o ON {same("o", "s")} AND o.begin_on = s.begin_on
  GROUP BY s.unit_id, s.elevator_id
), summed AS (
  SELECT unit_id, count(*) AS elevators, sum(due) AS due, sum(overdue) AS overdue, sum(nonconforming) AS nonconforming,
    sum(CASE WHEN valid >= due THEN nonconforming ELSE 0 END) AS forgiven, sum(valid) AS valid
  FROM told GROUP BY unit_id
), scored AS (
  SELECT unit_id, elevators, due, overdue, nonconforming, forgiven, valid, CASE
    WHEN due > 0 THEN (3200 * (due - {least}(overdue + nonconforming - forgiven, due)) + due) {divided} (2 * due)
    WHEN overdue + nonconforming - forgiven > 0 THEN 0 END AS hundredths
  FROM summed
)
"""


def values_of(frame: Frame, all_regions: bool) -> dict[str, Any]:
    low, high = frame.span
    span = {} if all_regions else {"low": low, "high": high}
    return {"from_on": frame.from_on, "to_on": frame.to_on, "as_of": frame.as_of, **span}


def figures(rows: Iterable[Sequence[Any]]) -> dict[int, Figures]:
    """The statement's rows by unit; points of whole hundredths."""
    found: dict[int, Figures] = {}
    for unit_id, elevators, due, overdue, nonconforming, forgiven, valid, hundredths in rows:
        points = None if hundredths is None else Decimal(int(hundredths)).scaleb(-2)
        counts = (int(number) for number in (elevators, due, overdue, nonconforming, forgiven, valid))
        found[unit_id] = (*counts, points)  # type: ignore[assignment]
    return found


def stored(session: Any, run_id: int) -> dict[int, Figures]:
    """The same figures of a run; a unit that has but 脱保 elevators is in none of the statement's tables."""
    s = Score
    columns = (s.unit_id, s.elevators, s.due, s.overdue, s.nonconforming, s.forgiven, s.valid_visits, s.points)
    rows = session.execute(sa.select(*columns).where(s.run_id == run_id, s.elevators > 0))
    return {unit_id: tuple(told) for unit_id, *told in rows}


# As in the experiment that the goal was set by; and compiling takes longer than what is compiled.
SETTINGS = {"work_mem": "512MB", "jit": "off", "plan_cache_mode": "force_custom_plan"}


class Asked:
    """The statement on a session's own database. What it needs to know beforehand is read when this is made."""

    text = staticmethod(statement)

    def __init__(self, session: Any, frame: Frame) -> None:
        self._kind = session.get_bind().dialect.name
        all_regions = everywhere(session, frame)
        made = sa.text(self.text(self._kind, places_of(session, frame), all_regions))
        self._session = session
        values = self.values(frame, all_regions)
        self._statement = made.bindparams(*(sa.bindparam(name, value, _bound(value)) for name, value in values.items()))

    def values(self, frame: Frame, all_regions: bool) -> dict[str, Any]:
        return values_of(frame, all_regions)

    def rows(self) -> list[Any]:
        if self._kind == "postgresql":
            settings = (sa.func.set_config(name, value, True) for name, value in SETTINGS.items())
            self._session.execute(sa.select(*settings))
        return list(self._session.execute(self._statement).all())


class Memory:
    """The same in DuckDB's memory, into which the tables have been read."""

    def __init__(self, session: Any, frame: Frame, folder: Path) -> None:
        all_regions = everywhere(session, frame)
        made = statement("duckdb", places_of(session, frame), all_regions)
        self._values = {name: _plain(value) for name, value in values_of(frame, all_regions).items()}
        self._statement = re.sub(r":(\w+)", r"$\1", made)
        self._memory = duckdb.connect()
        for name, columns in READ.items():
            self._load(session, name, columns, folder / f"{name}.csv")

    def _load(self, session: Any, name: str, columns: Sequence[str], path: Path) -> None:
        table: Any = Model.metadata.tables[name]
        asked = sa.select(*(table.c[column] for column in columns)).execution_options(yield_per=5000)
        with path.open("w", newline="") as out:
            for block in session.execute(asked).partitions():
                csv.writer(out).writerows([_plain(value) for value in row] for row in block)
        kinds = {column: _kind(table.c[column].type) for column in columns}
        told = ", ".join(f"'{column}': '{kind}'" for column, kind in kinds.items())
        self._memory.execute(
            f"CREATE TABLE {name} AS SELECT * FROM read_csv(?, auto_detect = false, columns = {{{told}}})", [str(path)]
        )

    def rows(self) -> list[Any]:
        return list(self._memory.execute(self._statement, self._values).fetchall())


def _bound(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return Instant()
    return sa.Date() if isinstance(value, dt.date) else sa.String()


def _plain(value: Any) -> Any:
    """Instants in UTC and without saying so, in which DuckDB needs no calendar of its own."""
    return value.astimezone(dt.UTC).replace(tzinfo=None) if isinstance(value, dt.datetime) else value


def _kind(column_type: Any) -> str:
    if isinstance(column_type, Instant):
        return "TIMESTAMP"
    if isinstance(column_type, sa.Date):
        return "DATE"
    return "BIGINT" if column_type.python_type is int else "VARCHAR"
