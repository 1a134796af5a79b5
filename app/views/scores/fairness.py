"""公平比较 beside the rankings (FAI-01), by total or item: the band of each unit's rate, 样本不足 and 无数据 apart."""

from __future__ import annotations

from typing import Any

from flask import abort, g, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app import clock
from app.extensions import db
from app.listings.score_items import ITEM
from app.models import ScoreRun
from app.models.choices import SCORE_STATE
from app.permissions import Verb
from app.reports import fairness
from app.rules.fairness import CONFIDENCE, Standing, points
from app.rules.score_items import Item
from app.rules.scoring import FULL_POINTS
from app.views.frame import screens
from app.views.frame.exports import send_table
from app.wording import say
from app.workflows.scores import scores

TOTAL = "total"
TONES = {Standing.ABOVE: "ok", Standing.LEVEL: "gone", Standing.BELOW: "over"}


class FairComparison(BaseView):
    """One report of one run; without a number the newest that the reader may see, by the total where there is one."""

    route_base = "/scores/fair"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        run = _run(request.args.get("run", ""))
        by = _by(request.args.get("by", ""), run)
        found = fairness.build(db.session, g.actor, run, by) if run is not None else None
        full = FULL_POINTS * (len(Item) if by is None else 1)
        return self.render_template(
            "ta/scores/fair.html", title=_("公平比较"), run=run, found=found, standing=Standing, tones=TONES,
            said=fairness.STANDING, states=SCORE_STATE, local=clock.local, full=full, confidence=CONFIDENCE,
            everybody=points(found.everybody) if found and found.everybody is not None else None,
            begin=_begin(found) if found else 0, may_export=g.actor.may(Verb.EXPORT), by=by, items=ITEM, item=Item,
            counted=fairness.COUNTED[by],
        )  # fmt: skip

    @expose("/table", methods=["POST"])
    @has_access
    @permission_name("read")
    def table(self) -> Any:
        """The same as .xlsx or .csv."""
        run = _run(request.form.get("run", ""))
        if run is None:
            abort(404)
        by = _by(request.form.get("by", ""), run)
        title = say("公平比较 %(a)s 至 %(b)s", a=run.from_on, b=run.to_on)
        return send_table("fair_comparison", title, run=str(run.id), by=by.value if by else TOTAL)


def _by(typed: str, run: ScoreRun | None) -> Item | None:
    """What is compared: None is the total; in a run of before the five others there is one item alone."""
    if run is None or run.items_digest is None:
        return Item.MAINTENANCE
    return Item(typed) if typed in {*Item} else None


def _run(typed: str) -> ScoreRun | None:
    runs = scores.runs_of(g.actor)
    if not typed:
        newest: ScoreRun | None = db.session.scalar(runs.limit(1))
        return newest
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0
    run: ScoreRun | None = db.session.scalar(runs.where(ScoreRun.id == number))
    if run is None:
        abort(404)
    return run


def _begin(found: fairness.Fair) -> int:
    """Where the scale of the drawn bands begins, in whole points: a little below the lowest that is compared."""
    lows = [line.low for line in found.of(Standing.ABOVE, Standing.LEVEL, Standing.BELOW) if line.low is not None]
    return max(int(min(lows)) - 1, 0) if lows else 0


def register(appbuilder: Any) -> None:
    """Add the page."""
    screens.declare("FairComparison", "can_read", Verb.SCORE_READ)
    appbuilder.add_view_no_menu(FairComparison)
