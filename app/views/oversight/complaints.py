"""公众投诉 and 留言 at the desk (CMP-03, CMP-04, CMP-01): lists by state, a complaint with its steps and limits."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import g
from flask_appbuilder import expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from flask_babel import pgettext
from sqlalchemy import select

from app import clock, scope
from app.extensions import db
from app.listing import Moment, moment
from app.listings import complaints as listed
from app.models import Complaint, ElevatorMessage
from app.models.choices import word
from app.models.complaint import COMPLAINT_STATE
from app.models.policy import policy_book
from app.permissions import Actor, Verb
from app.policy import Key
from app.reports.complaints import STILL_OPEN
from app.rules.complaints import STEP_LABELS, ComplaintState, Party, Step, open_step, shown_tracking
from app.rules.identifiers import mask_mobile
from app.rules.other_scores import Outcome
from app.views.frame import courses, numbers, screens, uploads
from app.views.frame.account_forms import text
from app.views.frame.base import Button, Deed, Screen, countdown, firm, import_button, mark, pill, two
from app.views.frame.cells import below, elevator_link
from app.views.frame.clock_words import due_of
from app.views.frame.filing_words import Due
from app.views.frame.policy_words import origin, region_names
from app.views.frame.records import RecordPages
from app.views.oversight.enforcement import start
from app.wording import say
from app.workflows.files import attachments
from app.workflows.oversight import appeals
from app.workflows.public import complaints, messages

NUMBER = "complaints"
TONES = {"waiting": "near", "accepted": "near", "handled": "near", "disputed": "over", "closed": "ok"}
MESSAGE_TONES = {"待回复": "near", "待公开": "near", "已公开": "ok", "不公开": "gone"}
DID = {
    "accept": _l("接单"), "handle": _l("处置"), "agree": _l("复核：认可"), "send_back": _l("复核：不认可，退回重办"),
    "disagree": _l("复核：仍不认可"), "close": _l("监管部门办结"),
}  # fmt: skip
LIMIT_OF = {
    Step.ACCEPT: Key.COMPLAINT_ACCEPT_HOURS, Step.HANDLE: Key.COMPLAINT_HANDLE_HOURS,
    Step.REVIEW: Key.COMPLAINT_REVIEW_HOURS, Step.HANDLE_AGAIN: Key.COMPLAINT_HANDLE_HOURS,
    Step.REVIEW_AGAIN: Key.COMPLAINT_REVIEW_HOURS,
}  # fmt: skip


def limit_of(row: Complaint) -> tuple[str, Due | None, str] | None:
    """The limit that runs: which step, what is left of it, and why it is so long."""
    next_ = complaints.running_of(row)
    if next_ is None:
        return None
    step, limit = next_
    held = policy_book(db.session, row.region_code, clock.local_day(row.complained_at))[LIMIT_OF[step]]
    hours = round((limit.due_at - limit.started_at).total_seconds()) // 3600
    since = clock.local(limit.started_at).strftime("%Y-%m-%d %H:%M")
    why = say("时限 %(n)s 小时（%(o)s），自 %(t)s 起算", n=hours, o=origin(held, region_names()), t=since)
    return str(STEP_LABELS[step]), due_of(limit.due_at, limit.started_at, row.region_code), why


def turn(row: Complaint, actor: Actor) -> tuple[str, bool] | None:
    """Who has the next step and which it is, and whether that is the reader's; None of what has ended."""
    found = complaints.turn_of(row)
    if found is None:
        return None
    party, unit = found
    if party is Party.OFFICE:
        own = actor.unit_id is None and actor.may(Verb.COMPLAINT_CLOSE)
        return say("轮到本部门处理") if own else say("由监管部门处理"), own
    verb = Verb.COMPLAINT_REVIEW if party is Party.USE_UNIT else Verb.COMPLAINT_HANDLE
    open_ = open_step(complaints.course_of(row), complaints.hours_of(row))
    step = STEP_LABELS[open_[0]] if open_ is not None else say("办理")
    if unit == actor.unit_id and actor.may(verb):
        return say("轮到本单位%(step)s", step=step), True
    return say("由%(who)s%(step)s", who=listed.turn_name(row), step=step), False


def _state(row: Complaint) -> Any:
    """The state, and below it who has the next step."""
    made, who = pill(word(COMPLAINT_STATE, row.state), TONES[row.state]), turn(row, g.actor)
    if who is None:
        return made
    own = _("轮到本单位") if g.actor.unit_id is not None else _("轮到本部门")
    return below(made, mark(own, "near") if who[1] else firm(listed.turn_name(row)))


def _due(row: Complaint) -> Any:
    found = limit_of(row)
    return "—" if found is None else countdown(found[1], found[2])


def _accept(session: Any, actor: Any, key: int, at: Any) -> None:
    complaints.accept(session, actor, key, at)


class Complaints(Screen):
    datamodel = SQLAInterface(Complaint)
    route_base = "/complaints"
    listing = listed.COMPLAINTS
    verb = Verb.COMPLAINT_READ
    record = "ComplaintPages.show"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.place, row.use_unit.name if row.use_unit else "—", 20),
        "unit": lambda row: firm(row.unit.name) if row.unit else "—",
        "state": _state,
        "due_at": _due,
        "late": lambda row: mark(found, "gone" if row.is_untrue else "over") if (found := listed.late_of(row)) else "—",
    }
    buttons: ClassVar[list[Button]] = [
        Button(_lp("code", "留言"), "Messages.list", Verb.COMPLAINT_READ, icon="inbox"),
        Button(_l("投诉统计"), "ComplaintStatistics.index", Verb.COMPLAINT_READ, icon="chart"),
        import_button("past_complaints", Verb.TAKE_OVER),
    ]
    deeds: ClassVar[list[Deed]] = [
        Deed("accept", _l("接单"), Verb.COMPLAINT_HANDLE, _accept, _l("接下所选的投诉？")), start("complaint"),
    ]  # fmt: skip
    empty_text = _l("还没有投诉。乘客扫电梯上的二维码提交后，出现在这里。")

    def row_tone(self, row: Any) -> str:
        late = listed.late_of(row) is not None and not row.is_untrue
        return "is-stop" if late and row.state != "closed" else ""


class ComplaintPages(RecordPages):
    """One complaint: its course, and what the reader may do with it now."""

    route_base = "/complaints"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/accept", methods=["POST"])
    @has_access
    @permission_name("handle")
    def accept(self, pk: int) -> Any:
        return self._done(pk, lambda s: complaints.accept(s, g.actor, pk, clock.now()), _("已接单"))

    @expose("/<int:pk>/handle", methods=["POST"])
    @has_access
    @permission_name("handle")
    def handle(self, pk: int) -> Any:
        row = self._row(pk)
        unit, region = row.unit_id, row.region_code

        def do(session: Any) -> Any:
            files = uploads.kept(session, "photo", "photo", "complaint", pk, unit, region, clock.now())
            return complaints.handle(session, g.actor, pk, text("note", 2000), clock.now(), files)

        return self._done(pk, do, _("处置已提交，等待使用单位复核"))

    @expose("/<int:pk>/review", methods=["POST"])
    @has_access
    @permission_name("review")
    def review(self, pk: int) -> Any:
        agreed = {"agree": True, "disagree": False}.get(text("verb", 20))
        note = text("note", 2000)
        return self._done(pk, lambda s: complaints.review(s, g.actor, pk, agreed, note, clock.now()), _("已复核"))

    @expose("/<int:pk>/prod", methods=["POST"])
    @has_access
    @permission_name("close")
    def prod(self, pk: int) -> Any:
        note = text("note", 2000)
        return self._done(pk, lambda s: complaints.prod(s, g.actor, pk, note, clock.now()), _("已督办"))

    @expose("/<int:pk>/close", methods=["POST"])
    @has_access
    @permission_name("close")
    def close(self, pk: int) -> Any:
        note, untrue = text("note", 2000), bool(text("untrue", 2))
        return self._done(pk, lambda s: complaints.close(s, g.actor, pk, note, untrue, clock.now()), _("已办结"))

    # --- parts

    def _row(self, pk: int) -> Complaint:
        row: Complaint = scope.visible(db.session, g.actor, Complaint, pk, _("这件投诉"))
        return row

    def _page(self, pk: int, findings: Any) -> Any:
        row = self._row(pk)
        return self.render_template(
            "ta/complaints/complaint.html", title=_("投诉 %(p)s", p=row.place), findings=findings, **facts(row, g.actor)
        )


def facts(row: Complaint, actor: Actor) -> dict[str, Any]:
    """What both the desk's and the phone's page show of a complaint, and what the reader may do with it now."""
    now = clock.now()
    files = attachments.of(db.session, "complaint", row.id)
    open_ = row.state != ComplaintState.CLOSED
    mine = actor.unit_id is not None and actor.unit_id == row.unit_id and actor.may(Verb.COMPLAINT_HANDLE)
    reviews = (
        row.state == ComplaintState.HANDLED and actor.may(Verb.COMPLAINT_REVIEW) and actor.unit_id == row.use_unit_id
    )
    outcome = None if row.is_untrue else complaints.outcome_of(row, now)
    # What another platform never told was not erased here.
    gone = "" if row.taken_over else _("已清除")
    return {
        "row": row, "kinds": listed.kinds_of(row), "state": word(COMPLAINT_STATE, row.state), "tone": TONES[row.state],
        "phone": mask_mobile(row.phone) if row.phone else gone, "gone": gone, "number": shown_tracking(row.number),
        "late": listed.late_of(row), "is_late": outcome is Outcome.LATE, "limit": limit_of(row),
        "turn": turn(row, actor),
        "course": _course(row), "sent": [f for f in files if f.uploaded_by_id is None],
        "done": [f for f in files if f.uploaded_by_id is not None], "local": clock.local,
        "may": {
            "accept": mine and row.state == ComplaintState.WAITING,
            "handle": mine and row.state == ComplaintState.ACCEPTED,
            "review": reviews, "close": open_ and actor.may(Verb.COMPLAINT_CLOSE),
            "call": bool(row.phone) and ((mine and open_) or actor.may(Verb.SENSITIVE_READ)),
        },
        "barred": [f for f in complaints.review_findings(db.session, actor, row) if not f.ok] if reviews else [],
        "elevator_link": elevator_link(row.elevator_id),
        "appeal": appeals.offered(db.session, actor, "complaint", row.id, now),
    }  # fmt: skip


def _course(row: Complaint) -> list[tuple[str, str, str]]:
    """Every step that was taken, the newest first: what, when and by whom, and its words.

    Of one that was taken over the log knows nothing before: its own times tell.
    """
    if row.taken_over:
        kept = (
            (_("投诉"), row.complained_at, ""), (_("接单"), row.accepted_at, ""), (_("处置"), row.handled_at, ""),
            (_("复核"), row.reviewed_at, row.review_note or ""), (_("办结"), row.ended_at, ""),
        )  # fmt: skip
        return [(what, courses.when(at, ""), words) for what, at, words in reversed(kept) if at is not None]
    return [*courses.course_of("complaint", row.id, DID), (str(_("投诉")), courses.when(row.complained_at, ""), "")]


# --- messages


class Messages(Screen):
    datamodel = SQLAInterface(ElevatorMessage)
    route_base = "/messages"
    listing = listed.MESSAGES
    verb = Verb.COMPLAINT_READ
    record = "MessagePages.show"
    cells: ClassVar[dict[str, Any]] = {
        "place": lambda row: two(row.elevator.place, row.use_unit.name if row.use_unit else "—", 13),
        "state": lambda row: pill(state := listed.message_state(row), MESSAGE_TONES.get(f"{state}", "gone")),
    }
    empty_text = _l("还没有留言。乘客扫电梯上的二维码留言后，出现在这里。")


class MessagePages(RecordPages):
    """One message: the units reply, the regulator publishes."""

    route_base = "/messages"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/reply", methods=["POST"])
    @has_access
    @permission_name("reply")
    def reply(self, pk: int) -> Any:
        return self._done(pk, lambda s: messages.reply(s, g.actor, pk, text("reply", 2000), clock.now()), _("已回复"))

    @expose("/<int:pk>/publish", methods=["POST"])
    @has_access
    @permission_name("publish")
    def publish(self, pk: int) -> Any:
        shown = text("shown", 2) == "1"
        said = _("已公开，显示在扫码页面") if shown else _("已设为不公开")
        return self._done(pk, lambda s: messages.publish(s, g.actor, pk, shown, clock.now()), said)

    def _row(self, pk: int) -> ElevatorMessage:
        row: ElevatorMessage = scope.visible(db.session, g.actor, ElevatorMessage, pk, _("这条留言"))
        return row

    def _page(self, pk: int, findings: Any) -> Any:
        row: ElevatorMessage = scope.visible(db.session, g.actor, ElevatorMessage, pk, _("这条留言"))
        state = listed.message_state(row)
        own = g.actor.unit_id is not None and g.actor.unit_id in (row.unit_id, row.use_unit_id)
        return self.render_template(
            "ta/complaints/message.html", title=pgettext("code", "留言"), row=row, findings=findings, state=state,
            tone=MESSAGE_TONES.get(f"{state}", "gone"), place=row.elevator.place, local=clock.local,
            may_reply=own and g.actor.may(Verb.COMPLAINT_HANDLE), may_publish=g.actor.may(Verb.COMPLAINT_CLOSE),
        )  # fmt: skip


# --- home and menu


def complaint_figure(actor: Actor) -> tuple[str, int, str, str, str, int, tuple[tuple[str, str], ...]] | None:
    """当前投诉处置中 with 待接单, 待处置 and 待复核, each with its link; the figure's own is all that it counts."""
    if not actor.may(Verb.COMPLAINT_READ):
        return None
    now = moment(db.session, actor)
    states = (Complaint.state == "waiting", Complaint.state == "accepted", Complaint.state == "handled")
    asked: list[tuple[Any, ...]] = [(), *((state,) for state in states), (listed.late(now),)]
    parts = [listed.count(now, listed.OPEN, *more) for more in asked]
    total, a, b, c, late = db.session.execute(select(*parts).execution_options(skip_scope=True)).one()
    words = (
        (_("待接单 %(n)s", n=a), "waiting"), (_("待处置 %(n)s", n=b), "accepted"), (_("待复核 %(n)s", n=c), "handled"),
    )  # fmt: skip
    made_of = tuple((str(word), f"/complaints/?tab={tab}") for word, tab in words)
    tone = "over" if late else "near" if total else ""
    return _("投诉处置中"), total, "", f"/complaints/?f_state={STILL_OPEN}", tone, 0, made_of


def _counted(now: Moment) -> list[Any]:
    """For a unit what waits for its own deed, for a regulator what is late or waits for his; counted every so often."""
    late = listed.count(now, listed.OPEN, listed.late(now))
    if now.actor.unit_id is None:
        return [listed.count(now, listed.OPEN, Complaint.state == "disputed"), late]
    handles = Complaint.state.in_(("waiting", "accepted")) & (Complaint.unit_id == now.actor.unit_id)
    reviews = (Complaint.state == "handled") & (Complaint.use_unit_id == now.actor.unit_id)
    return [listed.count(now, listed.OPEN, handles | reviews), late]


numbers.add(NUMBER, _counted)


def register(appbuilder: Any) -> None:
    """Add these pages."""
    for page, permission, verb in (
        ("ComplaintPages", "can_read", Verb.COMPLAINT_READ), ("ComplaintPages", "can_handle", Verb.COMPLAINT_HANDLE),
        ("ComplaintPages", "can_review", Verb.COMPLAINT_REVIEW), ("ComplaintPages", "can_close", Verb.COMPLAINT_CLOSE),
        ("MessagePages", "can_read", Verb.COMPLAINT_READ), ("MessagePages", "can_reply", Verb.COMPLAINT_HANDLE),
        ("MessagePages", "can_publish", Verb.COMPLAINT_CLOSE),
    ):  # fmt: skip
        screens.declare(page, permission, verb)
    for view in (Complaints, ComplaintPages, Messages, MessagePages):
        appbuilder.add_view_no_menu(view)
