"""Units: the record with its filing, one's own unit, the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, current_app, g, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock, picture_reader, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.listing import past_of
from app.listings.elevators import REGISTERED
from app.models import Contract, Elevator, Person, Score, ScoreRun, Unit
from app.models.policy import policy_value
from app.permissions import Verb
from app.scratch import scratch
from app.views.approval import filed_papers
from app.views.approval.filing_pages import FilingPages, UnitFinder
from app.views.frame import filed, filing_words, screens
from app.views.frame.filing_words import WORDS, due_days
from app.views.oversight import enforcement
from app.workflows.files import licence_pictures
from app.workflows.filing import filing

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that opens its list."""

    title: str
    number: str
    link: str


class UnitPages(FilingPages):
    """Record and form of a unit."""

    route_base = "/units"
    model = Unit
    noun = _l("单位")
    list_url = "/units/"
    record_template = "ta/filing/unit.html"

    def starting_values(self) -> dict[str, Any]:
        return {"is_use": True} if g.actor.unit_id is not None else {}

    def papers(self, row: Unit | None, sent: bool) -> list[Any]:
        return filed_papers.asked(row, sent)

    def keep_papers(self, session: Any, row: Unit) -> None:
        filed_papers.keep(session, row)

    def reads_pictures(self) -> bool:
        return picture_reader.is_on()

    def picture_fields(self) -> dict[str, str]:
        """What the business licence says (UNT-03)."""
        sent = request.files.get("licence_picture")
        if sent is None or not sent.filename:
            found, remedy = _("没有选择照片"), _("请选择或拍摄营业执照，再点识别")
            raise Refusal([Finding(_("营业执照"), False, found, remedy, field="licence_picture")])
        with scratch("licence") as folder:
            return licence_pictures.read(g.actor, sent.stream, sent.filename, folder)

    def facts_of(self, row: Unit) -> dict[str, Any]:
        today = clock.today()
        near = int(policy_value(db.session, "near_certificate_days", row.region_code, today) or 0)
        figures = []
        if row.is_maintenance and g.actor.may(Verb.ELEVATOR_READ):
            served = REGISTERED & (Elevator.maintenance_unit_id == row.id)
            figures.append(_figure(_("维保电梯"), Elevator, served, "maintenance_unit", row))
        if row.is_use and g.actor.may(Verb.ELEVATOR_READ):
            used = REGISTERED & (Elevator.use_unit_id == row.id)
            figures.append(_figure(_("使用电梯"), Elevator, used, "use_unit", row))
        if g.actor.may(Verb.PERSON_READ):
            staff = (Person.unit_id == row.id) & Person.left_on.is_(None)
            figures.append(_figure(_("人员"), Person, staff, "unit", row))
        if row.is_maintenance and g.actor.may(Verb.CONTRACT_READ):
            figures.append(_figure(_("维保合同"), Contract, Contract.unit_id == row.id, "unit", row))
        if g.actor.may(Verb.ENFORCEMENT_READ) and g.actor.unit_id in (None, row.id):
            there = f"/enforcement/?f_unit={row.id}&f_state={enforcement.STANDING}"
            figures.append(Figure(_("约谈与处罚"), str(enforcement.of_unit(row.id)), there))
        if row.is_maintenance and g.actor.may(Verb.SCORE_READ):
            figures += _rating(row)
        past, bad_days = past_of(request.args)
        if past is not None:
            version = filing.as_of(db.session, row, past.on, past.known_at)
            return {
                "words": WORDS, "figures": [], "licence": None, "as_of": past.on,
                "known_at": past.known_at if past.told else None, "bad_days": bad_days, "as_of_version": version,
                "sections": filed.facts(Unit, version.data) if version else [],
            }  # fmt: skip
        return {
            "words": WORDS, "figures": figures, "bad_days": bad_days, "papers_wait": filed_papers.waits(row),
            "may_enforce": g.actor.may(Verb.ENFORCEMENT_EDIT) and g.actor.unit_id is None and row.approved_version > 0,
            "licence": due_days(row.licence_until, today, near, 1461),
        }  # fmt: skip

    @expose("/mine", methods=["GET"])
    @has_access
    @permission_name("read")
    def mine(self) -> Any:
        """本单位."""
        if g.actor.unit_id is None:
            abort(404)
        return redirect(f"/units/{g.actor.unit_id}")


def _rating(row: Unit) -> list[Figure]:
    """Stars and credit of the newest computation that the reader sees; it leads to what they stand on."""
    newest = (
        select(Score.id, Score.stars, Score.credit)
        .join(ScoreRun, ScoreRun.id == Score.run_id)
        .where(Score.unit_id == row.id, Score.rating_points.is_not(None))
        .order_by(ScoreRun.as_of.desc(), ScoreRun.id.desc())
    )
    held = db.session.execute(scope.apply(newest, g.actor, Score).limit(1)).first()
    if held is None:
        return []
    stars = f"{held.stars}★" if held.stars else ""
    return [Figure(_("星级与信用"), f"{stars} {held.credit or ''}".strip(), f"/scores/{held.id}/rating")]


_LISTS = {Elevator: "/elevators/", Person: "/people/", Contract: "/contracts/"}


def _figure(title: str, model: Any, criterion: Any, filter_name: str, row: Unit) -> Figure:
    keys = scope.apply(select(model).where(criterion), g.actor).with_only_columns(model.id).limit(MOST_COUNTED + 1)
    count = db.session.scalar(select(func.count()).select_from(keys.subquery())) or 0
    number = f"{count:,}" if count <= MOST_COUNTED else f"{MOST_COUNTED:,}+"
    return Figure(title, number, f"{_LISTS[model]}?f_{filter_name}={row.id}")


def register(appbuilder: Any) -> None:
    """Add the pages and say which verb each needs."""
    filing_words.install(current_app)
    for permission, verb in (
        ("can_read", Verb.UNIT_READ), ("can_write", Verb.UNIT_EDIT), ("can_submit", Verb.FILING_SUBMIT),
    ):  # fmt: skip
        screens.declare("UnitPages", permission, verb)
    screens.declare("UnitFinder", "can_read", Verb.ELEVATOR_EDIT)
    appbuilder.add_view_no_menu(UnitPages)
    appbuilder.add_view_no_menu(UnitFinder)


