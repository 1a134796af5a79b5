"""The six items of every unit of a region for a period, with their ledger, as known at an instant (SCO-01 to SCO-07).

The same period, region and instant give the same digest whenever they are computed: a run is stored once, and running
it again proves the stored figures instead of writing others.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, repeat
from typing import Any

from sqlalchemy import delete, func, select, update

from app import clock, scope
from app.collector import no_cycles
from app.errors import Finding, NotFound, raise_failing, refuse
from app.models import MaintenanceClock, Region, Score, ScoreEntry, ScoreRun
from app.models.policy import policy_book
from app.models.region import in_region
from app.models.score import lines_between
from app.permissions import SYSTEM, Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.scoring import ScoreState, Tally, ranked, score_state, tallied_score, tally
from app.transaction import AnySession, Block, blocks_of, insert_of, insert_rows, new_keys, roomy, write_blocks
from app.wording import say
from app.workflows.approval import policies
from app.workflows.core import audit
from app.workflows.scores import score_items, score_ledger, score_rating
from app.workflows.scores.score_ahead import judged_ahead
from app.workflows.scores.score_facts import Facts, batches
from app.workflows.scores.score_frame import DAY, WHOLE_COUNTRY, Frame
from app.workflows.scores.score_item_facts import units_of
from app.workflows.scores.score_items import Others
from app.workflows.scores.score_judgements import Judgement
from app.workflows.scores.score_rating import Ratings

Progress = Callable[[int, int, str], None]
# A smaller part is sooner read and judged, and it is the first and the last that nothing goes on beside.
UNITS_AT_ONCE = 128
# What stands in a unit's row and is no part of what is proved: counts that came later prove earlier runs as well.
BESIDE = {"run_id", "overdue_elevators", "nonconforming_elevators"}

_run: Any = ScoreRun.__table__.c
_score: Any = Score.__table__.c


def run(
    session: AnySession,
    actor: Actor,
    region_code: str | None,
    from_on: dt.date,
    to_on: dt.date,
    as_of: dt.datetime | None,
    at: dt.datetime,
    progress: Progress | None = None,
) -> ScoreRun:
    """Score all units of a region (None: the actor's own, or the country) from `from_on` to `to_on`, both included.

    A run that is there already is computed again and must give the same digest; then nothing is written.
    """
    require(actor, Verb.SCORE_RUN)
    frame = frame_of(session, actor, region_code, from_on, to_on, as_of, at)
    tell = progress or (lambda done, total, message: None)
    roomy(session)
    run_id = _begin(session, frame, at)
    facts = Facts(session, frame)
    facts.by_region = not facts.alike()
    units = sorted(facts.units_judged())
    recorded = sorted({*units} | units_of(facts))
    work = _Work(session, frame, run_id, len(recorded))
    others = Others(session, facts, run_id, recorded)

    parts = batches(units, UNITS_AT_ONCE)
    with no_cycles():
        with judged_ahead(facts, parts, work.write, (lambda: facts.uncovered, others.begin)) as judged:
            for number, (_, found) in enumerate(judged):
                tell(min(number * UNITS_AT_ONCE, len(units)), len(units), "计算单位得分")
                work.score(found)
        tell(len(units), len(units), "排名")
        digest, of_items = work.end(facts, others)
    stored = _find(session, frame)
    if run_id is None:
        # A run that was made before the five others were computed proves what it holds.
        if stored.digest == digest and (stored.items_digest or of_items) != of_items:
            digest, stored_digest = of_items, stored.items_digest
        else:
            stored_digest = stored.digest
        if stored_digest != digest:
            raise refuse(
                "得分复算",
                say("同一时点复算的摘要为 %(digest)s，与已存的 %(digest2)s 不同：当时在途的数据后来才写入",
                    digest=digest[:12], digest2=(stored_digest or "")[:12]),
                "已存的得分不变；请用新的数据截至时间再计算一次",
                field="as_of", value=frame.as_of.isoformat(),
            )  # fmt: skip
        return stored
    audit.record(
        session, actor, at, "score.run", "score_run", run_id,
        after={"region": frame.region_code, "from_on": from_on, "to_on": to_on, "as_of": frame.as_of,
               "digest": digest, "units": work.units, "entries": work.entries},
    )  # fmt: skip
    return stored


def runs_of(actor: Actor, span: tuple[dt.date, dt.date] | None = None) -> Any:
    """The runs that the actor sees something of, those of the own region first, newest first; a statement.

    `span`: those of this period alone; of one that goes on, those that reach into its last month, the furthest first.
    """
    statement = select(ScoreRun).where(
        scope.criterion(ScoreRun, actor), ScoreRun.id.in_(select(Score.run_id).where(scope.criterion(Score, actor)))
    )
    own = ScoreRun.region_code == (actor.region_code or "")
    if span is not None:
        since = span[1] if span[1] < clock.today() else span[1] - dt.timedelta(days=31)
        statement = statement.where(ScoreRun.from_on == span[0], ScoreRun.to_on.between(since, span[1]))
        return statement.order_by(own.desc(), ScoreRun.to_on.desc(), ScoreRun.as_of.desc(), ScoreRun.id.desc())
    return statement.order_by(own.desc(), ScoreRun.as_of.desc(), ScoreRun.id.desc())


def run_known(
    session: AnySession, region_code: str, from_on: dt.date, to_on: dt.date, as_of: dt.datetime
) -> int | None:
    """The newest run of just this region and period that was known at an instant and stays: the night's interim ones
    are taken away again."""
    found: int | None = session.scalar(
        select(_run.id)
        .where(
            _run.region_code == region_code, _run.from_on == from_on, _run.to_on == to_on, _run.as_of <= as_of,
            ~_run.automatic | (_run.state == ScoreState.FINAL.value),
        )
        .order_by(_run.as_of.desc(), _run.id.desc())
        .limit(1)
    )  # fmt: skip
    return found


def run_automatic(
    session: AnySession, region_code: str, from_on: dt.date, to_on: dt.date, as_of: dt.datetime, at: dt.datetime
) -> ScoreRun:
    """The night's run of a region; it takes the place of the night before's, which can be made again at any time.

    A final run stays: it is the period's figure. So does whatever a person had computed.
    """
    made = run(session, SYSTEM, region_code, from_on, to_on, as_of, at)
    made.automatic = True
    replaced = session.scalars(
        select(_run.id).where(
            _run.automatic, _run.state != ScoreState.FINAL.value, _run.region_code == region_code,
            _run.from_on == from_on, _run.as_of < made.as_of,
        )
    )  # fmt: skip
    take_away(session, list(replaced))
    return made


def take_away(session: AnySession, runs: Sequence[int]) -> None:
    """Delete runs with their scores and ledgers, which no foreign key holds."""
    if not runs:
        return
    keys = session.scalars(select(_score.id).where(_score.run_id.in_(runs)).order_by(_score.id)).all()
    # The scores of a run have keys in a row.
    for _, some in groupby(enumerate(keys), lambda numbered: numbered[1] - numbered[0]):
        row = [key for _, key in some]
        session.execute(delete(ScoreEntry.__table__).where(lines_between(row[0], row[-1])))
    session.execute(delete(ScoreRun).where(ScoreRun.id.in_(runs)))


def regions_with_clocks(session: AnySession, within: str | None = None) -> list[str]:
    """Cities and districts in which elevators are maintained, in all or within one: each has its own ranking."""
    held: Any = MaintenanceClock.__table__.c
    found = session.scalars(select(func.distinct(held.region_code))).all()
    places = {code[:width].ljust(12, "0") for code in found if code for width in (4, 6)}
    known = select(Region.code).where(Region.level.in_(("city", "district")), Region.code.in_(places))
    return list(session.scalars(known.where(in_region(Region.code, within)).order_by(Region.code)))


def frame_of(
    session: AnySession,
    actor: Actor,
    region_code: str | None,
    from_on: dt.date,
    to_on: dt.date,
    as_of: dt.datetime | None,
    at: dt.datetime,
) -> Frame:
    """The checked frame of a run, or a refusal with everything that is wrong with it."""
    known_at = as_of or at
    early, late = day_finding(from_on, "from_on", "起始日期"), day_finding(to_on, "to_on", "截止日期")
    ordered = from_on <= to_on
    past, known = known_at <= at, f"{clock.local(known_at):%Y-%m-%d %H:%M:%S}"
    raise_failing(
        [
            early,
            late,
            Finding(
                "计算期间", ordered, say("起始 %(from_on)s，截止 %(to_on)s", from_on=from_on, to_on=to_on),
                    "" if ordered else "截止日期不能早于起始日期",
                field="to_on", value=to_on.isoformat(),
            ),
            Finding(
                "数据截至", past, known if past else say("%(at)s 还没有到", at=known),
                "" if past else "请填写现在或以前的时间，或留空", field="as_of", value=known_at.isoformat(),
            ),
        ]
    )  # fmt: skip
    code = _region(session, actor, region_code)
    return Frame(code, from_on, to_on, known_at.astimezone(dt.UTC), known_at == at)


def _region(session: AnySession, actor: Actor, asked: str | None) -> str:
    if not asked and actor.region_code:
        return actor.region_code
    if not asked:
        roots = session.scalars(select(Region.code).where(Region.parent_id.is_(None)).limit(2)).all()
        return roots[0] if len(roots) == 1 else WHOLE_COUNTRY
    known = session.scalar(select(Region.id).where(Region.code == asked)) if len(asked) == 12 else None
    span = None if actor.sees_everything else actor.region_span
    if known is None or (not actor.sees_everything and (span is None or not span[0] <= asked < span[1])):
        raise NotFound(
            Finding(
                "地区", False, say("没有区划代码为 %(asked)s 的地区，或不在您的管辖范围内", asked=asked),
                    "请填写辖区内的 12 位区划代码",
                field="region", value=asked,
            )
        )  # fmt: skip
    return asked


def _same(frame: Frame) -> Any:
    return (
        (_run.region_code == frame.region_code) & (_run.from_on == frame.from_on) & (_run.to_on == frame.to_on)
        & (_run.as_of == frame.as_of)
    )  # fmt: skip


def _find(session: AnySession, frame: Frame) -> ScoreRun:
    statement = select(ScoreRun).where(_same(frame)).execution_options(populate_existing=True)
    return session.scalars(statement).one()


def _begin(session: AnySession, frame: Frame, at: dt.datetime) -> int | None:
    """Enter the run; None when it is there (a parallel one is waited for by the unique index)."""
    book = policy_book(session, frame.region_code, frame.to_on, known_at=frame.as_of)
    statement = insert_of(session, ScoreRun).values(
        region_code=frame.region_code, from_on=frame.from_on, to_on=frame.to_on, as_of=frame.as_of, made_at=at,
        state=score_state(frame.to_on, frame.as_of).value, digest="",
        policy={
            "version": policies.keep_snapshot(session, book, at), "interval_days": book[Key.LIMIT_DAYS].value,
            "never_visited": book[Key.NEVER_VISITED].value, "preset": book[Key.LIMIT_DAYS].preset,
        },
    )  # fmt: skip
    return session.execute(statement.on_conflict_do_nothing().returning(_run.id)).scalar()


# --- what is kept


class _Work:
    """Scores units in runs, hashes what they got, and writes it unless the run was there (`run_id` None)."""

    def __init__(self, session: AnySession, frame: Frame, run_id: int | None, most: int) -> None:
        """`most`: units at the most."""
        self.entries = 0
        self._session, self._frame, self._run_id = session, frame, run_id
        self._days = [day.isoformat() for day in frame.days]
        self._digest = hashlib.sha256()
        # Drawn before anything is written: lines name their score, and scores are written once all are ranked.
        self._keys = repeat(0) if run_id is None else iter(new_keys(session, Score.__table__, most))
        self._scored: list[tuple[int, dict[str, Any]]] = []
        self._lines: list[Block] = []

    def score(self, found: Judgement) -> None:
        """Score some units and make their ledgers; ids ascend from call to call. The session is not used."""
        lines = (line for unit in sorted({*found.units, *found.unfailing}) for line in self._scored_unit(unit, found))
        if self._run_id is not None:
            self._lines += blocks_of(self._session, ScoreEntry.__table__, score_ledger.COLUMNS, lines)
        # What nobody writes is hashed all the same.
        deque(lines, maxlen=0)

    def write(self) -> None:
        """Write the ledgers that were made."""
        if self._lines:
            write_blocks(self._session, ScoreEntry.__table__, score_ledger.COLUMNS, self._lines)
            self._lines = []

    def _scored_unit(self, unit_id: int, found: Judgement) -> list[score_ledger.Line]:
        """The ledger of a unit, which goes into the digest."""
        sums = tally(found.units.get(unit_id, ()), found.unfailing.get(unit_id, ()))
        row, key = self._row(unit_id, sums), next(self._keys)
        lines, told = score_ledger.lines(key, unit_id, sums, found, self._days)
        self._hash(row, told)
        self._scored.append((key, row))
        self.entries += len(lines)
        return lines

    def _row(self, unit_id: int, sums: Tally) -> dict[str, Any]:
        score = tallied_score(sums)
        return {
            "run_id": self._run_id, "unit_id": unit_id, "region_code": self._frame.region_code, "points": score.points,
            "due": score.due, "bad": score.bad, "overdue": sums.overdue, "nonconforming": sums.nonconforming,
            "forgiven": sums.forgiven, "valid_visits": sums.valid_visits, "elevators": sums.pairs,
            "overdue_elevators": sums.overdue_elevators, "nonconforming_elevators": sums.nonconforming_elevators,
        }  # fmt: skip

    def _hash(self, row: dict[str, Any], told: list[str]) -> None:
        names = sorted(row.keys() - BESIDE)
        self._digest.update("\n".join(["|".join(f"{name}={row[name]}" for name in names), *told, ""]).encode())

    def end(self, facts: Facts, others: Others) -> tuple[str, str]:
        """Score the other items, rank what has points, write the scores, close the run; the two digests.

        脱保 and licences are beside the score: they are told by today's filing, so they are not part of what is proved;
        stars are proved with those that the stored run has.
        """
        keys = {row["unit_id"]: key for key, row in self._scored}

        def key_of(unit_id: int) -> int:
            if unit_id not in keys:
                keys[unit_id] = next(self._keys)
                self._scored.append((keys[unit_id], self._row(unit_id, Tally())))
            return keys[unit_id]

        others.score(key_of)
        bare = sorted(facts.uncovered.keys() - keys.keys())
        self._scored.sort(key=lambda one: one[0] if self._run_id else one[1]["unit_id"])
        proved = None if self._run_id is not None else _find(self._session, self._frame)
        rated = Ratings(self._session, facts, others.hash, proved)
        ratings = {
            row["unit_id"]: rated.of(key, row, others.rows.get(row["unit_id"], score_items.NOTHING))
            for key, row in self._scored
        }
        digest, self.units = self._digest.hexdigest(), len(self._scored) + len(bare)
        self.entries += others.entries + rated.entries
        if self._run_id is not None:
            rated.write()
            self._write(self._scored, facts.uncovered, others.rows, ratings, rated.licence_of)
            drawn = new_keys(self._session, Score.__table__, len(bare)) if bare else []
            self._write([(key, self._row(unit, Tally())) for key, unit in zip(drawn, bare, strict=True)],
                        facts.uncovered, {}, {}, rated.licence_of)
            digests = {"digest": digest, "items_digest": others.digest}
            self._session.execute(update(ScoreRun.__table__).where(_run.id == self._run_id).values(**digests))
        return digest, others.digest

    def _write(
        self, scored: list[tuple[int, dict[str, Any]]], uncovered: dict[int, int], others: dict[int, tuple[Any, ...]],
        ratings: dict[int, tuple[Any, ...]], licence_of: Callable[[int], dt.date | None],
    ) -> None:  # fmt: skip
        """Scores in order of their keys. Points are text, which either database makes a number of exactly."""
        if not scored:
            return
        rows = [others.get(row["unit_id"], score_items.NOTHING) for _, row in scored]
        totals = [score_items.total_of(row["points"], more) for (_, row), more in zip(scored, rows, strict=True)]
        of_item = ([row[place] for row in rows] for place in score_items.PLACE.values())
        ranks = [_ranks(points) for points in ([row["points"] for _, row in scored], totals, *of_item)]
        values = [
            (key, uncovered.get(row["unit_id"], 0), _iso(licence_of(row["unit_id"])), _text(total),
             *(of_one[place] for of_one in ranks), *more, *ratings.get(row["unit_id"], score_rating.NONE),
             *(_text(v) if name == "points" else v for name, v in row.items()))
            for place, ((key, row), total, more) in enumerate(zip(scored, totals, rows, strict=True))
        ]  # fmt: skip
        named = ("rank", "total_rank", *(f"{item}_rank" for item in score_items.PLACE))
        told = ("id", "uncovered", "licence_until", "total", *named)
        columns = (*told, *score_items.COLUMNS, *score_rating.COLUMNS, *scored[0][1])
        insert_rows(self._session, Score.__table__, columns, values)


def _ranks(points: Sequence[Any]) -> list[int | None]:
    """The rank of each score by these points; without points none."""
    ranks: list[int | None] = [None] * len(points)
    for rank, place in ranked((Decimal(one), place) for place, one in enumerate(points) if one is not None):
        ranks[place] = rank
    return ranks


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(points: Any) -> str | None:
    return None if points is None else str(points)


# --- what is told


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures. `unjudged`: limits of the period that the nightly job has yet to judge."""

    run_id: int
    region: str
    from_on: dt.date
    to_on: dt.date
    as_of: dt.datetime
    state: str
    digest: str
    units: int
    ranked: int
    elevators: int
    due: int
    bad: int
    uncovered: int
    unjudged: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ISO days and instants."""
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name in self.__dataclass_fields__
            for value in (getattr(self, name),)
        }


def summary(session: AnySession, row: ScoreRun) -> Summary:
    """The figures of a stored run, over all of its units."""
    totals = select(
        func.count(), func.count(_score.rank), func.coalesce(func.sum(_score.elevators), 0),
        func.coalesce(func.sum(_score.due), 0), func.coalesce(func.sum(_score.bad), 0),
        func.coalesce(func.sum(_score.uncovered), 0),
    ).where(_score.run_id == row.id)  # fmt: skip
    units, with_rank, elevators, due, bad, uncovered = session.execute(totals).one()
    return Summary(
        row.id, row.region_code, row.from_on, row.to_on, row.as_of, row.state, row.digest, units, with_rank,
        elevators, due, bad, uncovered, unjudged(session, row),
    )  # fmt: skip


def unjudged(session: AnySession, row: ScoreRun) -> int:
    """Limits of the period whose day is over and that no nightly job has judged: the score does not know them."""
    held: Any = MaintenanceClock.__table__.c
    frame = Frame(row.region_code, row.from_on, row.to_on, row.as_of, False)
    until = min(row.to_on + DAY, clock.local_day(row.as_of))
    statement = select(func.count()).where(
        held.limit_on >= row.from_on, held.limit_on < until, held.paused_on.is_(None), frame.within(held.region_code)
    )
    return session.scalar(statement) or 0
