"""What a draw chose (TGT-01): the list, a check with its result, photos, follow-up and second look."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import g
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import Moment
from app.listings import spot as listed
from app.models import SpotCheck, SpotDraw
from app.models.choices import word
from app.models.spot import CHECK_STATE, STRATUM
from app.permissions import Verb
from app.rules.spot_checks import PART_NAMES, CheckState, Part
from app.views.frame import numbers, screens, uploads
from app.views.frame.account_forms import text
from app.views.frame.base import Button, Screen, SQLAInterface, countdown, cut, firm, mark, pill
from app.views.frame.clock_words import due_of
from app.views.frame.filing_words import Due
from app.views.frame.records import RecordPages
from app.views.oversight.spot_draws import CHECK_TONES as TONES
from app.views.oversight.spot_draws import ways
from app.workflows.files import attachments
from app.workflows.oversight import spot_checks

NUMBER = "spot_checks"


def limit_of(row: SpotCheck) -> Due | None:
    """The limit that runs: until when it is checked, or put right."""
    if row.due_at is None:
        return None
    return due_of(row.due_at, row.fixed_at or row.checked_at or row.created_at, row.region_code)


class SpotChecks(Screen):
    datamodel = SQLAInterface(SpotCheck)
    route_base = "/spot/checks"
    listing = listed.CHECKS
    verb = Verb.SPOT_READ
    record = "SpotCheckPages.show"
    template = "ta/desks/list.html"
    cells: ClassVar[dict[str, Any]] = {
        "name": lambda row: cut(row.name, 20),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "stratum": lambda row: word(STRATUM, row.stratum),
        "risk": lambda row: listed.points(row.risk),
        "due_at": lambda row: countdown(limit_of(row)) if row.due_at else "—",
        "inspectors": lambda row: listed.inspectors_of(row) or mark(_("都须回避"), "over"),
        "state": lambda row: pill(word(CHECK_STATE, row.state), TONES[row.state]),
    }
    buttons: ClassVar[list[Button]] = [Button(_l("新建抽查"), "SpotDrawPages.new", Verb.SPOT_DRAW, main=True)]
    empty_text = _l("没有抽查对象。抽取后出现在这里；单位在检查结果填写后才看到。")

    def more(self, now: Any, query: Any, page: Any) -> dict[str, Any]:
        lead = (
            _("检查对象和检查人员都由抽取决定；结果由抽中的检查人员填写。") if g.actor.unit_id is None
            else _("监管部门对本单位抽查的结果；发现问题的，请在期限内整改并提交。")
        )  # fmt: skip
        return {"kinds": ways("checks", g.actor), "lead": lead}

    def row_tone(self, row: Any) -> str:
        late = row.due_at is not None and row.due_at <= clock.now()
        return "is-stop" if late and row.state in ("waiting", "fixing") else ""


class SpotCheckPages(RecordPages):
    """One check, at the desk and on the phone of who stands there."""

    route_base = "/spot/checks"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/result", methods=["POST"])
    @has_access
    @permission_name("check")
    def result(self, pk: int) -> Any:
        passed = {"pass": True, "fail": False}.get(text("passed", 10))
        seen, demand = text("findings", 3000), text("demand", 3000)
        place = self._place(pk)

        def do(session: Any) -> Any:
            photos = uploads.kept(session, "photo", "photo", spot_checks.ENTITY, pk, *place, clock.now())
            return spot_checks.enter(session, g.actor, pk, passed, seen, demand, clock.now(), photos)

        return self._done(pk, do, _("结果已填写，已通知被检查单位"))

    @expose("/<int:pk>/fix", methods=["POST"])
    @has_access
    @permission_name("fix")
    def fix(self, pk: int) -> Any:
        note, place = text("note", 3000), self._place(pk)

        def do(session: Any) -> Any:
            files = uploads.kept(session, "file", "photo", spot_checks.ENTITY, pk, *place, clock.now())
            return spot_checks.fix(session, g.actor, pk, note, clock.now(), files)

        return self._done(pk, do, _("整改已提交，等待复查"))

    @expose("/<int:pk>/review", methods=["POST"])
    @has_access
    @permission_name("check")
    def review(self, pk: int) -> Any:
        confirmed = {"confirm": True, "send_back": False}.get(text("verb", 20))
        note = text("note", 3000)
        return self._done(
            pk, lambda s: spot_checks.review(s, g.actor, pk, confirmed, note, clock.now()), _("已复查")
        )

    @expose("/<int:pk>/skip", methods=["POST"])
    @has_access
    @permission_name("check")
    def skip(self, pk: int) -> Any:
        reason = text("reason", 3000)
        return self._done(pk, lambda s: spot_checks.skip(s, g.actor, pk, reason, clock.now()), _("已标为未检查"))

    # --- parts

    def _row(self, pk: int) -> SpotCheck:
        row: SpotCheck = scope.visible(db.session, g.actor, SpotCheck, pk, _("这项检查"))
        return row

    def _place(self, pk: int) -> tuple[int | None, str]:
        row = self._row(pk)
        return row.unit_id, row.region_code

    def _page(self, pk: int, findings: list[Finding]) -> Any:
        row, actor = self._row(pk), g.actor
        files = attachments.of(db.session, spot_checks.ENTITY, row.id)
        sent = actor.may(Verb.SPOT_CHECK) and spot_checks.sent_finding(actor, row).ok
        mine = actor.unit_id is not None and actor.unit_id == row.unit_id
        parts = sorted(row.parts.items(), key=lambda part: -part[1])
        return self.render_template(
            "ta/desks/check.html", title=row.name, row=row, findings=findings, state=word(CHECK_STATE, row.state),
            tone=TONES[row.state], limit=limit_of(row), stratum=word(STRATUM, row.stratum), points=listed.points,
            parts=[(PART_NAMES[Part(name)], listed.points(count)) for name, count in parts], local=clock.local,
            inspectors=listed.inspectors_of(row), regulator=actor.unit_id is None,
            seen=[f for f in files if row.fixed_at is None or f.uploaded_by_id != row.fixed_by_id],
            fixed=[f for f in files if row.fixed_at is not None and f.uploaded_by_id == row.fixed_by_id],
            may_enter=sent and row.state == CheckState.WAITING, may_review=sent and row.state == CheckState.FIXED,
            may_fix=mine and actor.may(Verb.SPOT_FIX) and row.state == CheckState.FIXING,
            may_draw=_sees_draw(row), may_open=row.elevator_id is not None and actor.may(Verb.ELEVATOR_READ),
        )  # fmt: skip


def _sees_draw(row: SpotCheck) -> bool:
    """A city's draw may choose a district's inspector: he has his check, the draw itself is the city's."""
    seen = select(SpotDraw.id).where(SpotDraw.id == row.draw_id, scope.criterion(SpotDraw, g.actor))
    return g.actor.unit_id is None and db.session.scalar(seen) is not None


# --- the menu's number


def _counted(now: Moment) -> list[Any]:
    """For an inspector what he was drawn for, for a unit what it is to put right; counted every so often."""
    if now.actor.unit_id is not None:
        fixing = SpotCheck.state == "fixing"
        return [listed.count(now, fixing), listed.count(now, fixing, SpotCheck.due_at <= now.now)]
    mine = (listed.mine(now), SpotCheck.state.in_(("waiting", "fixed")))
    return [listed.count(now, *mine), listed.count(now, *mine, listed.late(now))]


numbers.add(NUMBER, _counted)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for permission, verb in (
        ("can_read", Verb.SPOT_READ), ("can_check", Verb.SPOT_CHECK), ("can_fix", Verb.SPOT_FIX),
    ):  # fmt: skip
        screens.declare("SpotCheckPages", permission, verb)
    for view in (SpotChecks, SpotCheckPages):
        appbuilder.add_view_no_menu(view)
