"""个人信息: one's own photo, consent and requests; for officers the requests and what is kept how long (PER-10)."""

from __future__ import annotations

import io
import json
from typing import Any

from flask import flash, g, redirect, request, send_file
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, no_cache, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.listings.privacy import PERSONAL_REQUESTS
from app.models import AuditEntry, PersonalRequest
from app.models.policy import policy_value
from app.models.privacy import REQUEST_KIND, REQUEST_STATE
from app.permissions import Verb
from app.policy import Key, shown
from app.rules.retention import DUTIES
from app.transaction import transaction
from app.views.frame import screens
from app.views.frame.account_forms import number, run, text
from app.views.frame.base import Button, Screen, SQLAInterface, mark, pill
from app.workflows.people import consents
from app.workflows.privacy import personal_requests
from app.workflows.visits import face_checks

TONE = {"open": "near", "done": "ok", "refused": "gone"}


class PersonalRequests(Screen):
    """What persons asked about their own data, the most pressing first."""

    datamodel = SQLAInterface(PersonalRequest)
    route_base = "/privacy/requests"
    listing = PERSONAL_REQUESTS
    verb = Verb.PRIVACY_DECIDE
    record = "PrivacyPages.record"
    cells = {
        "outcome": lambda row: pill(REQUEST_STATE[row.shown_state], TONE[row.shown_state]),
        "due_on": lambda row: (
            mark(row.due_on, "over") if row.outcome is None and row.due_on < clock.today() else row.due_on
        ),
    }
    buttons = [Button(_l("保存期限"), "PrivacyPages.retention", Verb.PRIVACY_DECIDE, icon="list")]
    empty_text = _l("没有人提出请求。本人在“个人信息”里可以查阅、更正或删除自己的资料。")


class PrivacyPages(BaseView):
    route_base = "/privacy"
    default_view = "own"

    @expose("/")
    @has_access
    @permission_name("own")
    @no_cache
    def own(self) -> Any:
        return self._own([], 200)

    @expose("/face", methods=["POST"])
    @has_access
    @permission_name("own")
    def face(self) -> Any:
        """Give one's photo, with the consent that is ticked beside it."""
        file = request.files.get("face")
        stream = file.stream if file is not None and file.filename else None
        name = (file.filename or "") if file is not None else ""
        agreed = text("agreed") == "1"
        _done, findings, status = run(
            lambda session: consents.give_face(session, g.actor, stream, name, agreed, clock.now())
        )
        if findings:
            return self._own(findings, status)
        flash(_("照片已加密保存，同意已记录"), "success")
        return redirect("/privacy/")

    @expose("/face/withdraw", methods=["POST"])
    @has_access
    @permission_name("own")
    def withdraw(self) -> Any:
        _done, findings, status = run(lambda session: consents.withdraw_face(session, g.actor, clock.now()))
        if findings:
            return self._own(findings, status)
        flash(_("同意已撤回，照片已删除；签到照常"), "success")
        return redirect("/privacy/")

    @expose("/face/compare", methods=["POST"])
    @has_access
    @permission_name("own")
    def compare(self) -> Any:
        """Consent to one's photos being compared, or take that back; the photo stays."""
        off, agreed = text("off") == "1", text("compare") == "1"

        def deed(session: Any) -> None:
            if off:
                consents.withdraw_compare(session, g.actor, clock.now())
            else:
                consents.agree_to_compare(session, g.actor, agreed, clock.now())

        _done, findings, status = run(deed)
        if findings:
            return self._own(findings, status)
        flash(_("已撤回，不再比对；签到照常") if off else _("同意已记录"), "success")
        return redirect("/privacy/")

    @expose("/ask", methods=["POST"])
    @has_access
    @permission_name("own")
    def ask(self) -> Any:
        kind, detail = text("kind", 20), text("detail", 2000)
        row, findings, status = run(
            lambda session: personal_requests.ask(session, g.actor, kind, detail, clock.now())
        )
        if row is None:
            return self._own(findings, status)
        flash(_("已提出，%(day)s 前答复", day=row.due_on), "success")
        return redirect("/privacy/")

    @expose("/copy", methods=["POST"])
    @has_access
    @permission_name("own")
    @no_cache
    def copy(self) -> Any:
        """What the platform holds of oneself, as a file."""
        with transaction(db.session) as session:
            told = personal_requests.copy_of(session, g.actor, clock.now())
        made = io.BytesIO(json.dumps(told, ensure_ascii=False, indent=2).encode())
        return send_file(made, "application/json", as_attachment=True, download_name="我的个人信息.json", max_age=0)

    @expose("/requests/<int:pk>")
    @has_access
    @permission_name("decide")
    def record(self, pk: int) -> Any:
        return self._record(pk, [], 200)

    @expose("/requests/<int:pk>/answer", methods=["POST"])
    @has_access
    @permission_name("decide")
    def answer(self, pk: int) -> Any:
        granted, words, seen = text("result") == "done", text("answer", 2000), number(text("row_version", 10))
        scope.visible(db.session, g.actor, PersonalRequest, pk, _("这项请求"))
        _done, findings, status = run(
            lambda session: personal_requests.decide(session, g.actor, pk, granted, words, seen, clock.now())
        )
        if findings:
            return self._record(pk, findings, status)
        flash(_("已答复，并通知本人"), "success")
        return redirect("/privacy/requests/")

    @expose("/retention")
    @has_access
    @permission_name("decide")
    def retention(self) -> Any:
        """The register: what, how long, why; and what the last nights erased."""
        today = clock.today()
        days = {
            duty.kind: shown(Key(duty.key), policy_value(db.session, Key(duty.key), g.actor.region_code, today))
            for duty in DUTIES
            if duty.key
        }
        last = db.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.entity == "retention")
            .order_by(AuditEntry.id.desc())
            .limit(20)
            .execution_options(skip_scope=True)
        ).all()
        return self.render_template(
            "ta/privacy/retention.html", title=_("保存期限"), duties=DUTIES, days=days,
            last=[(row.at, (row.after or {}).get("kind"), (row.after or {}).get("rows")) for row in last],
            what={duty.kind: duty.what for duty in DUTIES},
        )  # fmt: skip

    def _own(self, findings: list[Finding], status: int) -> Any:
        person_id = g.actor.person_id
        asked = (
            select(PersonalRequest)
            .where(PersonalRequest.account_id == g.actor.user_id)
            .order_by(PersonalRequest.id.desc())
            .limit(20)
        )
        page = self.render_template(
            "ta/privacy/own.html", title=_("个人信息权利"), findings=findings, form=request.form,
            person_id=person_id, words=consents.WORDS,
            photo=consents.face_of(db.session, person_id) if person_id else None,
            consent=consents.standing(db.session, person_id) if person_id else None,
            comparing=face_checks.offered(), compare_words=consents.COMPARE_WORDS,
            compared=consents.standing(db.session, person_id, consents.COMPARE) if person_id else None,
            kinds=list(REQUEST_KIND.items()), states=REQUEST_STATE, tones=TONE,
            asked=db.session.scalars(asked.execution_options(skip_scope=True)).all(), named=REQUEST_KIND,
        )  # fmt: skip
        return page, status

    def _record(self, pk: int, findings: list[Finding], status: int) -> Any:
        row = scope.visible(db.session, g.actor, PersonalRequest, pk, _("这项请求"))
        page = self.render_template(
            "ta/privacy/request.html", title=str(REQUEST_KIND[row.kind]), row=row, findings=findings,
            form=request.form, state=REQUEST_STATE[row.shown_state], tone=TONE[row.shown_state],
            late=row.outcome is None and row.due_on < clock.today(),
        )  # fmt: skip
        return page, status


def register(appbuilder: Any) -> None:
    """Add these pages."""
    screens.declare("PrivacyPages", "can_own", Verb.HOME)
    screens.declare("PrivacyPages", "can_decide", Verb.PRIVACY_DECIDE)
    appbuilder.add_view_no_menu(PersonalRequests)
    appbuilder.add_view_no_menu(PrivacyPages)
