"""数据驾驶舱 (DSH-02): a region on one screen for an office's wall; it fetches itself anew and can fill the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listing import moment
from app.listings.score_items import ITEM
from app.models import Score, ScoreRun, Unit
from app.permissions import Verb
from app.reports import cockpit, cockpit_scores, coverage
from app.reports.cockpit import BANDS, HEIGHT, WIDTH, Cockpit, Place
from app.reports.cockpit_scores import FULL_TOTAL, RegionScores
from app.rules import chart
from app.rules.scoring import FULL_POINTS
from app.telling import language
from app.views.frame import lately, screens
from app.views.home.home import score_tone
from app.views.home.links import link
from app.workflows.scores import scores
from app.workflows.scores.score_frame import WHOLE_COUNTRY

# What the page shows is at most as old as that, and asked for again as often.
SECONDS = 60
RANKED_FIRST, RANKED_LAST = 6, 3
KINDS_SHOWN = 4
LINE_WIDTH, LINE_HEIGHT = 250.0, 96.0
LABEL = (78.0, 40.0)
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 30.0
# Overdue elevators in percent of those in use; each class has a colour and stands in the legend.
CLASSES = (1, 3, 8)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A line of the ranking by the total: rank, unit, elevators, points, its address and the colour of its points."""

    rank: int
    name: str
    elevators: int
    points: str
    link: str
    tone: str


class CockpitPage(BaseView):
    """One page; `?region=` is the region that it shows."""

    route_base = "/cockpit"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        found, six, ranked, period = _shown(_region(request.args.get("region", "")))
        shares = [day.rate for day in found.days]
        low = chart.floor_of([share for share in shares if share is not None])
        return self.render_template(
            "ta/cockpit.html", title=_("数据驾驶舱"), found=found, ranked=ranked, period=period, seconds=SECONDS,
            now=clock.local(found.at), low=low, shares=shares, width=WIDTH, height=HEIGHT,
            pieces=chart.line(shares, low, 100, LINE_WIDTH, LINE_HEIGHT), line=(LINE_WIDTH, LINE_HEIGHT),
            bands=BANDS, labels=_labels(found.places), areas=_areas(found.places), classes=CLASSES,
            class_of=class_of, link=link, kinds=found.kinds[:KINDS_SHOWN], six=six, items=ITEM, full_total=FULL_TOTAL,
            spark=_spark(six), spark_size=(SPARK_WIDTH, SPARK_HEIGHT), full_points=FULL_POINTS,
            tone=lambda points, full: score_tone(points * FULL_POINTS / full),
        )  # fmt: skip


def _region(typed: str) -> str | None:
    """The region asked for, else the reader's own; None is the whole country."""
    code = typed.replace("\0", "").strip()[:12]
    if code:
        coverage.check_region(db.session, g.actor, code)
        return code
    own: str | None = g.actor.region_code
    return own


Held = tuple[Cockpit, RegionScores | None, list[Ranked], str]


def _shown(code: str | None) -> Held:
    def count() -> Held:
        six = cockpit_scores.build(db.session, g.actor, scores.runs_of(g.actor), code or WHOLE_COUNTRY)
        return cockpit.build(moment(db.session, g.actor), code), six, *_ranking(code, six)

    return lately.counted(("cockpit", code, language()), count, SECONDS)


def _spark(six: RegionScores | None) -> list[str]:
    """The line of the totals, settled quarters first; one point is none."""
    totals = [float(term.total) for term in six.terms] if six else []
    low, high = min(totals, default=0), max(totals, default=0)
    return chart.line(totals, low, high, SPARK_WIDTH, SPARK_HEIGHT) if len(totals) > 1 else []


def _ranking(code: str | None, six: RegionScores | None) -> tuple[list[Ranked], str]:
    """The first and the last by the total of what the six are told of, and its period; where there is none, by SCO-01
    of the newest run of this very region; nothing where none was made."""
    own = ScoreRun.region_code == (code or WHOLE_COUNTRY)
    run = six.run if six else db.session.scalar(scores.runs_of(g.actor).where(own).limit(1))
    if run is None:
        return [], ""
    rank, shown = (Score.total_rank, Score.total) if six else (Score.rank, Score.points)
    full = FULL_TOTAL if six else FULL_POINTS
    rows = db.session.execute(
        scope.apply(
            select(Score.id, rank, Unit.name, Score.elevators, shown)
            .join(Unit, Unit.id == Score.unit_id)
            .where(Score.run_id == run.id, shown.is_not(None))
            .order_by(rank, Score.id),
            g.actor, Score,
        ).execution_options(skip_scope=True)
    ).all()  # fmt: skip
    few = rows if len(rows) <= RANKED_FIRST + RANKED_LAST else [*rows[:RANKED_FIRST], *rows[-RANKED_LAST:]]
    made = [
        Ranked(place, unit, elevators, f"{points:.2f}", link(f"/scores/{key}"), score_tone(points * FULL_POINTS / full))
        for key, place, unit, elevators, points in few
    ]
    period = {"a": f"{run.from_on:%m-%d}", "b": f"{run.to_on:%m-%d}", "n": len(rows), "full": full}
    return made, _("%(a)s 至 %(b)s，%(n)s 家，满分 %(full)s", **period)


def _labels(places: list[Place]) -> list[tuple[Place, float, float]]:
    """Names on the map, moved apart where they would cover each other."""
    drawn = [(one, one.spot) for one in places if one.spot is not None]
    spots = chart.apart([spot for _one, spot in drawn], *LABEL)
    return [(one, *spot) for (one, _), spot in zip(drawn, spots, strict=True)]


def _areas(places: list[Place]) -> list[tuple[Place, str]]:
    """The ground of the map: each place's part of it, as the points of a polygon."""
    drawn = [(one, one.spot) for one in places if one.spot is not None]
    # A wall is wider than the drawing, a phone higher: the colours go on to the card's edges.
    cells = chart.cells([spot for _one, spot in drawn], WIDTH, HEIGHT, beyond=WIDTH)
    ground = [(one, cell) for (one, _), cell in zip(drawn, cells, strict=True) if cell]
    return [(one, " ".join(f"{x:g},{y:g}" for x, y in cell)) for one, cell in ground]


def class_of(rate: float | None) -> int:
    """Which of the legend's classes a share is in, from 0; what has no data is in none (-1)."""
    return -1 if rate is None else sum(rate >= limit for limit in CLASSES)


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("CockpitPage", "can_read", Verb.COCKPIT_READ)
    appbuilder.add_view_no_menu(CockpitPage)
