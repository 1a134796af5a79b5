"""维保记录: the list by state and a record's page with items, photos, review, approval and notes (MNT-07 to MNT-10)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listing import COUNT_CAP, Column, Page, Query
from app.listings import visits as listed
from app.listings.item_sets import version_words
from app.models import Attachment, Visit, VisitNote
from app.models.attachment import ATTACHMENT_KIND
from app.models.choices import (
    CATEGORY,
    CONFIRMED_BY,
    LABEL_STATE,
    LEVEL,
    OFFLINE_PART,
    VISIT_MODE,
    VISIT_RATING,
    VISIT_STATE,
    word,
)
from app.models.fraud import SIGNAL_KIND
from app.models.repair import REPAIR_STATE
from app.permissions import Actor, Verb
from app.rules.offline import ahead_words
from app.rules.visit_photos import SELFIE
from app.views.frame import screens, uploads
from app.views.frame.account_forms import run, text
from app.views.frame.base import Deed, Screen, countdown, firm, mark, one_line, pill, two, words
from app.views.frame.cells import below, marked_below
from app.views.frame.clock_words import due_of
from app.views.frame.filing_words import day_time, minutes_on_site
from app.views.frame.told import told
from app.views.frame.uploads import by_place
from app.views.maintenance import confirming, face_checks, label_photos, visit_sheets
from app.views.oversight.enforcement import start
from app.wording import together
from app.workflows.approval import submissions
from app.workflows.files import attachments
from app.workflows.maintenance import item_lists
from app.workflows.on_site import companions
from app.workflows.oversight import appeals, fraud
from app.workflows.privacy import revealing
from app.workflows.repair import repairs
from app.workflows.visits import visit_reviewers, visits
from app.workflows.visits.label_photos import KINDS
from app.workflows.visits.visits import RESULTS

TONES = {
    "open": "info", "awaiting": "near", "pending": "near", "valid": "ok", "nonconforming": "over", "rejected": "over",
    "void": "gone", "abnormal": "over",
}  # fmt: skip
RATING_TONES = {"good": "ok", "fair": "near", "poor": "over"}
PICTURES = {attachments.PNG, attachments.JPEG}
LONGEST_TEXT = 2000


def state_word(row: Visit) -> str:
    """The state as the tabs call it: what a visit waits for, and whether it died unfinished."""
    if row.state == "void" and row.checked_out_at is None:
        return _("过期未签退")
    waits = [w for w, on in ((_("待上传"), row.awaiting_sheet), (_("待复核"), row.awaiting_review)) if on]
    if row.state == "pending" and row.label_state == "more":
        return _("补数据")
    return together(waits) if row.state == "awaiting" and waits else word(VISIT_STATE, row.state)


def _beside_its_day(at: dt.datetime | None, row: Visit) -> str:
    """A time beside the day of the visit: the day is said again only where it is another one, its year likewise."""
    if at is None:
        return "—"
    then, began = clock.local(at), clock.local(row.checked_in_at)
    if then.date() == began.date():
        return then.strftime("%H:%M")
    return then.strftime("%m-%d %H:%M" if then.year == began.year else "%Y-%m-%d %H:%M")


def _hours(row: Visit) -> str:
    """From when to when, below the day of its beginning; the end's day is said only where it is another one."""
    began = clock.local(row.checked_in_at)
    if row.checked_out_at is None:
        return _("%(t)s 起，未签退", t=began.strftime("%H:%M"))
    return f"{began:%H:%M}–{_beside_its_day(row.checked_out_at, row)}"


def _sent(row: Visit) -> Any:
    """When its end came here, and below it what came later than it happened, a part without network, the sheet; or what
    is left for a sheet that is still to come."""
    sent = listed.sent_of(row)
    small = word(OFFLINE_PART, row.offline) if row.offline else ""
    if not small and row.sheet_at is not None:
        small = _("维保单 %(t)s", t=clock.local(row.sheet_at).strftime("%m-%d %H:%M"))
    # What came as it ended, as most does, need not say its time a second time.
    shown = _("随签退") if sent is not None and sent == row.checked_out_at else _beside_its_day(sent, row)
    if row.awaiting_sheet and row.sheet_due_at is not None:
        left = countdown(due_of(row.sheet_due_at, row.checked_out_at, row.region_code))
        return below(words(_("维保单待上传")), left)
    return two(shown, small, 9) if small else words(shown)


def _review_due(row: Visit) -> Any:
    """What is left for the use unit's review; what it became afterwards."""
    if row.awaiting_review:
        return countdown(due_of(row.review_due_at, row.checked_out_at, row.region_code))
    if row.reviewed_at is not None:
        return two(_("已复核"), day_time(row.reviewed_at), 9)
    return words(_("现场已签名")) if row.signed_at is not None else "—"


def _confirm(session: Any, actor: Any, key: int, at: Any) -> None:
    visits.review(session, actor, key, "", at)


def _approve(session: Any, actor: Any, key: int, at: Any) -> None:
    visits.approve(session, actor, key, "approved", "", at)


def _reject(session: Any, actor: Any, key: int, at: Any) -> None:
    visits.approve(session, actor, key, "rejected", text("opinion", 500), at)


class VisitScreen(Screen):
    """维保记录."""

    datamodel = SQLAInterface(Visit)
    route_base = "/visits"
    listing = listed.VISITS
    verb = Verb.VISIT_READ
    record = "VisitPages.show"
    template = "ta/visits/list.html"
    cells: ClassVar[dict[str, Any]] = {
        "state": lambda row: pill(state_word(row), TONES[row.state]),
        "minutes": minutes_on_site,
        "label_state": lambda row: pill(word(LABEL_STATE, row.label_state), label_photos.TONES[row.label_state])
        if row.label_state else "—",
        "state_reason": lambda row: told(row.state_reason) if row.state_reason else "—",
        "worker": lambda row: one_line(listed.worker_of(row)),
        "level": lambda row: words(word(LEVEL, row.level)),
        "mode": lambda row: words(word(VISIT_MODE, row.mode)),
        "place": lambda row: two(listed.place_of(row), listed.use_unit_of(row) or "—", 17),
        "unit": lambda row: firm(listed.unit_of(row), 10),
        "checked_in_at": lambda row: two(clock.local_day(row.checked_in_at), _hours(row), 9),
        "sent_at": _sent,
        "offline": lambda row: mark(word(OFFLINE_PART, row.offline), "info") if row.offline else "—",
        "rating": lambda row: mark(word(VISIT_RATING, row.rating), RATING_TONES[row.rating]) if row.rating else "—",
        "sheet_at": lambda row: one_line(day_time(row.sheet_at)),
        "review_due_at": _review_due,
        "checked_out_at": lambda row: day_time(row.checked_out_at) if row.checked_out_at else mark(_l("未签退")),
    }
    deeds: ClassVar[list[Deed]] = [
        Deed("review", _l("确认所选维保属实"), Verb.VISIT_REVIEW, _confirm, _l("确认所选的维保属实？每一条单独核对。")),
        Deed("approve", _l("同意所选"), Verb.VISIT_APPROVE, _approve, _l("同意所选的维保记录？")),
        Deed("reject", _l("驳回所选"), Verb.VISIT_APPROVE, _reject, opinion=True),
        Deed("sheets", _l("导出维保单（PDF）"), Verb.EXPORT, None, every="sheets",
            ask_every=_l("把列表筛选出的记录导出为维保单（PDF），不只是本页？一次最多 500 条，由后台完成。")),
        start("visit"),
    ]
    empty_text = _l("还没有维保记录。维保员在手机上签到后，记录出现在这里。")

    def more(self, now: Any, query: Query, page: Page) -> dict[str, Any]:
        g.overdue_visits = query.columns[0], listed.overdue_among(now, page.rows)
        return {}

    def row_tone(self, row: Any) -> str:
        return "is-stop" if row.elevator_id in g.overdue_visits[1] else ""

    def cell(self, column: Column, row: Any) -> Any:
        """翻红: the first cell, whichever it is, says in words why its row is red."""
        made = super().cell(column, row)
        first, overdue = g.overdue_visits
        red = column.name == first and row.elevator_id in overdue
        return marked_below(made, _("维保超期"), "over") if red else made


class VisitPages(BaseView):
    """One record: read by whoever may see it, reviewed by the use unit, approved by the firm's manager."""

    route_base = "/visits"
    default_view = "show"

    @expose("/<int:pk>")
    @has_access
    @permission_name("read")
    @no_cache
    def show(self, pk: int) -> Any:
        return self._page(pk, [])

    @expose("/<int:pk>/review", methods=["POST"])
    @has_access
    @permission_name("review")
    def review(self, pk: int) -> Any:
        opinion = text("opinion", LONGEST_TEXT)
        if text("verb", 20) == "objection":
            said = _("异议已记录，并已告知维保单位和监管部门；记录仍待复核")
            return self._done(pk, lambda session: visits.object_to(session, g.actor, pk, opinion, clock.now()), said)
        repair, note = text("repair", 5) == "yes", text("repair_note", LONGEST_TEXT)
        return self._done(
            pk,
            lambda s: visits.review(
                s, g.actor, pk, opinion, clock.now(), repair=repair, repair_note=note, rating=text("rating", 20)
            ),
            _("已复核，维修工单已生成") if repair else _("已复核"),
        )  # fmt: skip

    @expose("/<int:pk>/link", methods=["POST"])
    @has_access
    @permission_name("send")
    def link(self, pk: int) -> Any:
        """Send the confirmation link to the filed phone, or take it back."""
        verb, said = text("verb", 20), []
        return self._done(
            pk, lambda session: said.append(confirming.send(session, g.actor, pk, verb)), lambda: said[0]
        )

    @expose("/<int:pk>/paper", methods=["POST"])
    @has_access
    @permission_name("send")
    def paper(self, pk: int) -> Any:
        """Hand in the two photos of what was signed on paper."""
        return self._done(
            pk, lambda session: confirming.hand_in(session, g.actor, pk, text("rating", 20)), _("纸质签字照片已上传")
        )

    @expose("/<int:pk>/decision", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, pk: int) -> Any:
        decision, reason = text("decision", 20), text("reason", LONGEST_TEXT)
        return self._done(
            pk, lambda session: visits.approve(session, g.actor, pk, decision, reason, clock.now()), _("已审批")
        )

    @expose("/<int:pk>/sheet", methods=["POST"])
    @has_access
    @permission_name("sheet")
    def sheet(self, pk: int) -> Any:
        """The scanned sheet, from the office of the unit that did the work."""
        place = ("sheet", "sheet", "visit", None, g.actor.unit_id, g.actor.region_code, clock.now())
        return self._done(
            pk, lambda s: visits.upload_sheet(s, g.actor, pk, uploads.kept(s, *place), clock.now()),
            _("维保单已上传"),
        )  # fmt: skip

    @expose("/<int:pk>/label", methods=["POST"])
    @has_access
    @permission_name("label")
    def label(self, pk: int) -> Any:
        answer, findings, status = label_photos.decide(pk)
        return (self._page(pk, findings), status) if findings else answer

    @expose("/<int:pk>/face", methods=["POST"])
    @has_access
    @permission_name("label")
    def face(self, pk: int) -> Any:
        answer, findings, status = face_checks.decide(pk)
        return (self._page(pk, findings), status) if findings else answer

    @expose("/<int:pk>/notes", methods=["POST"])
    @has_access
    @permission_name("read")
    def note(self, pk: int) -> Any:
        body = text("body", LONGEST_TEXT)
        return self._done(pk, lambda session: visits.add_note(session, g.actor, pk, body, clock.now()), _("说明已添加"))

    def _done(self, pk: int, deed: Callable[[Any], Any], said: str | Callable[[], str]) -> Any:
        """Back to the record, or the record with every reason why not and what was typed."""
        _made, findings, status = run(deed)
        if findings:
            return self._page(pk, findings), status
        flash(said if isinstance(said, str) else said(), "success")
        return redirect(f"/visits/{pk}")

    def _page(self, pk: int, findings: list[Finding]) -> Any:
        row: Visit = scope.visible(db.session, g.actor, Visit, pk, _("维保记录"))
        items = item_lists.of_visit(db.session, row)
        files = attachments.of(db.session, "visit", row.id)
        notes = db.session.scalars(
            select(VisitNote).where(VisitNote.visit_id == row.id).order_by(VisitNote.at.desc(), VisitNote.id.desc())
        ).all()
        sheet_by = next((f.uploaded_by_id for f in files if f.kind == "sheet"), None)
        people = (row.reviewed_by_id, row.decided_by_id, sheet_by, *(n.author_id for n in notes))
        names = submissions.names_of(db.session, people)
        answers = {r["code"]: r for r in row.results or []}
        order = repairs.shown_with(db.session, g.actor, row.id)
        shown_apart = KINDS if row.label_state else ()
        one_place = g.actor.unit_id is None and visit_reviewers.same_address(db.session, row)
        firms_number = g.actor.unit_id is None and visit_reviewers.word_of_the_firm(db.session, row)
        return self.render_template(
            "ta/visits/record.html", title=_("维保记录 %(n)s", n=row.id), row=row, findings=findings,
            signals=fraud.of_visit(db.session, g.actor, row.id), doubts=SIGNAL_KIND,
            sheet_by=sheet_by, sheet_late=row.sheet_due_at is not None and clock.now() > row.sheet_due_at,
            one_place=one_place, firms_number=firms_number, state=state_word(row), tone=TONES[row.state],
            code=listed.code_of(row),
            place=listed.place_of(row), worker=listed.worker_of(row), unit=listed.unit_of(row),
            use_unit=listed.use_unit_of(row),
            items=items if answers else (), answers=answers, results=RESULTS,
            lists=version_words(db.session, row.item_version),
            repairs=sum(1 for a in answers.values() if a.get("result") == "repair"), then=_then(row),
            duration=minutes_on_site(row),
            pictures=[f for f in by_place(files) if f.mime in PICTURES and f.kind not in shown_apart],
            selfies=_person_pictures(row, files),
            papers=[f for f in files if f.mime not in PICTURES], kinds=ATTACHMENT_KIND, notes=notes,
            companions=companions.of_visit(db.session, row.id),
            names=names, levels=LEVEL, modes=VISIT_MODE,
            may=may(g.actor, row), form=request.form, time=day_time, offline=_offline(row), sent_at=listed.sent_of(row),
            appeal=appeals.offered(db.session, g.actor, "visit", row.id, clock.now()),
            label=label_photos.card_of(row, g.actor), face=face_checks.card_of(row, g.actor),
            confirming=confirming.of(row, clock.now()),
            ratings=VISIT_RATING, way=word(CONFIRMED_BY, way) if (way := listed.way_of(row)) else "",
            reviewer=names.get(row.reviewed_by_id) or confirming.signer_of(row),
            due=due_of(row.review_due_at, row.checked_out_at, row.region_code) if row.awaiting_review else None,
            order=order, order_state=word(REPAIR_STATE, order.state) if order is not None else "",
        )  # fmt: skip


def _person_pictures(row: Visit, files: Iterable[Attachment]) -> dict[str, str]:
    """What there is to see of whoever did it: for the regulator and his own unit, each time with a reason."""
    own = g.actor.may(Verb.SENSITIVE_READ) and g.actor.unit_id in (None, row.unit_id)
    return revealing.kinds_of(db.session, row) if own and any(f.kind == SELFIE for f in files) else {}


def may(actor: Actor, row: Visit) -> dict[str, bool]:
    """Which forms the page offers; the workflow has the last word."""
    reviewable = row.checked_out_at is not None and row.reviewed_at is None and row.signed_at is None
    return {
        "review": actor.may(Verb.VISIT_REVIEW) and row.use_unit_id == actor.unit_id is not None and reviewable,
        "decide": actor.may(Verb.VISIT_APPROVE) and row.unit_id == actor.unit_id
        and visits.awaits_approval(db.session, row),
        "sheet": actor.may(Verb.VISIT_SHEET) and row.unit_id == actor.unit_id and row.mode == "sheet"
        and row.checked_out_at is not None and row.sheet_at is None,
        "note": any(actor.may(v) for v in (Verb.VISIT_MAKE, Verb.VISIT_APPROVE, Verb.VISIT_REVIEW)),
    }


def approval_figure(actor: Actor) -> tuple[str, int, str, str, str] | None:
    """What waits for the manager's word, where there is any: most regions ask for none."""
    if not actor.may(Verb.VISIT_APPROVE):
        return None
    some = scope.apply(select(Visit.id).where(listed.UNAPPROVED), actor, Visit).limit(COUNT_CAP).subquery()
    waiting = db.session.scalar(select(func.count()).select_from(some).execution_options(skip_scope=True)) or 0
    return (_("待审批的维保"), waiting, _("审批后才算有效"), "/visits/?tab=approval", "near") if waiting else None


def _offline(row: Visit) -> list[tuple[str, Any]]:
    """What proves the times of a part that the phone kept: its clock against ours, the last contact, its accuracy."""
    told_ = row.phone_told or {}
    if not row.offline or not told_:
        return []
    contact = dt.datetime.fromisoformat(str(told_["contact_at"]))
    shown: list[tuple[str, Any]] = [
        (_("离线"), word(OFFLINE_PART, row.offline)), (_("最近一次联网"), day_time(contact)),
        (_("手机时间"), told(ahead_words(dt.timedelta(seconds=told_.get("ahead", 0))))),
    ]
    for label, name in ((_("签到定位精度"), "in_accuracy"), (_("签退定位精度"), "out_accuracy")):
        if told_.get(name) is not None:
            shown.append((label, _("%(n)s 米", n=told_[name])))
    return shown


def _then(row: Visit) -> list[tuple[str, Any]]:
    """Elevator, units and staff as the record holds them (MNT-10); a record taken over holds few."""
    kept = row.snapshot or {}
    named = (
        (_("识别码"), "code"), (_("注册代码"), "registration_code"), (_("型号"), "model"),
        (_("出厂编号"), "factory_no"), (_("内部编号"), "internal_no"), (_("制造单位"), "manufacturer"),
        (_("维保单位"), "unit"), (_("使用单位"), "use_unit"), (_("安全管理员"), "safety_officer"),
        (_("维保员"), "worker"), (_("证书编号"), "certificate_no"), (_("额定载重量（kg）"), "rated_load"),
        (_("额定速度（m/s）"), "rated_speed"), (_("层站"), "stops"),
    )  # fmt: skip
    shown: list[tuple[str, Any]] = [(label, kept.get(name)) for label, name in named]
    shown.insert(2, (_("品种"), word(CATEGORY, kept["category"]) if kept.get("category") else None))
    return [(label, value) for label, value in shown if value not in (None, "")]


def register(appbuilder: Any) -> None:
    """Add the list and the record's page."""
    screens.declare("VisitPages", "can_read", Verb.VISIT_READ)
    screens.declare("VisitPages", "can_review", Verb.VISIT_REVIEW)
    screens.declare("VisitPages", "can_decide", Verb.VISIT_APPROVE)
    screens.declare("VisitPages", "can_label", Verb.VISIT_LABEL)
    screens.declare("VisitPages", "can_sheet", Verb.VISIT_SHEET)
    screens.declare("VisitPages", "can_send", Verb.VISIT_READ)
    appbuilder.add_view_no_menu(VisitScreen)
    appbuilder.add_view_no_menu(VisitPages)
    label_photos.register(appbuilder)
    visit_sheets.register(appbuilder)
