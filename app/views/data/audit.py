"""审计日志: who did what to which row, from where, and whether it is sealed.

A platform administrator reads all of it; a regional administrator the deeds of the accounts of his region (scope.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import Response, g, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from sqlalchemy import Select, and_, or_, select

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.models import AuditEntry
from app.models.policy import policy_version
from app.permissions import Verb
from app.rules.calendar import day_end, day_start
from app.transaction import transaction
from app.views.data.audit_names import named, regions
from app.views.data.audit_values import Values, references, region_codes
from app.views.data.audit_words import (
    action_choices,
    action_word,
    called_otherwise,
    entity_choices,
    entity_word,
    via_word,
)
from app.views.frame import screens
from app.views.frame.days import typed_day
from app.views.frame.told import told
from app.workflows.core import audit_days, export_records

PAGE = 50
LARGEST = 2**63 - 1


class Audit(BaseView):
    route_base = "/audit"
    default_view = "index"

    @expose("/")
    @has_access
    @permission_name("read")
    def index(self) -> Any:
        findings: list[Finding] = []
        statement = scope.apply(select(AuditEntry), g.actor, AuditEntry)
        statement = filtered(statement, request.args, findings)
        rows = db.session.scalars(statement.order_by(AuditEntry.id.desc()).limit(PAGE + 1)).all()
        kept = {k: v for k, v in request.args.items() if k in FIELDS and v}
        return self.render_template(
            "ta/platform/audit.html", title=_("审计日志"), rows=entries(rows[:PAGE]), findings=findings,
            kept=kept, next_before=rows[PAGE - 1].id if len(rows) > PAGE else None,
            choices={"action": action_choices(), "entity": entity_choices()},
        )  # fmt: skip


    @expose("/days")
    @has_access
    @permission_name("read")
    def days(self) -> Any:
        """The daily roots: to be copied to where nobody of this platform can write."""
        rows = audit_days.roots(db.session)
        return self.render_template(
            "ta/platform/audit_days.html", title=_("审计日根"), rows=rows, waiting=audit_days.unclosed(db.session),
            may_package=g.actor.may(Verb.OPS), local=clock.local,
        )  # fmt: skip

    @expose("/days.txt")
    @has_access
    @permission_name("read")
    def days_text(self) -> Any:
        """As the verifier reads them: day and digest a line, the oldest first."""
        lines = [f"{row.on.isoformat()} {row.digest}\n" for row in reversed(audit_days.roots(db.session, 100_000))]
        body, now = "".join(lines).encode(), clock.now()
        with transaction(db.session) as session:
            policy = policy_version(session, g.actor.region_code, clock.local_day(now))
            export_records.keep_file(
                session, g.actor, now, "audit_days", "审计日根", hashlib.sha256(body).hexdigest(), policy, "txt",
                rows=len(lines),
            )  # fmt: skip
        answer = Response(body, mimetype="text/plain")
        answer.headers["Content-Disposition"] = "attachment; filename=audit-days.txt"
        return answer

    @expose("/package", methods=["POST"])
    @has_access
    @permission_name("package")
    def package(self) -> Any:
        """Enter the job that makes the package for a verifier outside: the whole log, its roots, the script."""
        with transaction(db.session) as session:
            job_id = audit_days.enter_package(session, g.actor, clock.now()).id
        return redirect(url_for("Jobs.show", job_id=job_id))


FIELDS = ("who", "action", "entity", "id", "from", "to")


def filtered(statement: Select[Any], args: Any, findings: list[Finding]) -> Select[Any]:
    """Narrow by what was asked; what cannot be read is named and left out."""
    asked = {name: args.get(name, "").replace("\x00", "").strip()[:80] for name in ("who", "action", "entity")}
    if asked["who"]:
        statement = statement.where(AuditEntry.actor_name == asked["who"])
    if deeds := [name for name in asked["action"].split(",") if name]:  # a choice may stand for several of one word
        action = AuditEntry.action
        # Of whatever entity: 新增 finds contract.create and person.create, but not what is called by another word.
        ends = [
            and_(action.endswith(f".{name}", autoescape=True), action.not_in(called_otherwise(name))) for name in deeds
        ]
        statement = statement.where(or_(*(action.startswith(name, autoescape=True) for name in deeds), *ends))
    if asked["entity"]:  # by the whole name: 单位 is not 单位变更
        statement = statement.where(AuditEntry.entity.in_(asked["entity"].split(",")))
    for name, rule in (("id", _("对象编号")), ("before", _("翻页"))):
        typed = args.get(name, "").strip()
        if not typed:
            continue
        if not (typed.isascii() and typed.isdigit() and int(typed) <= LARGEST):
            found = _("“%(value)s”不是编号", value=typed[:40])
            findings.append(Finding(rule, False, found, _("请填写数字"), field=name, value=typed[:40]))
        else:
            number = int(typed)
            statement = statement.where(AuditEntry.entity_id == number if name == "id" else AuditEntry.id < number)
    for name in ("from", "to"):
        day, wrong = typed_day(args.get(name, ""), name, _("日期"))
        if wrong is not None:
            findings.append(wrong)
        if day is not None:
            statement = statement.where(
                AuditEntry.at >= day_start(day) if name == "from" else AuditEntry.at < day_end(day)
            )
    return statement


def entries(rows: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Entries as shown: what they speak of by name, as far as the reader may see it, and the fields that differ."""
    known = named(db.session, g.actor, (key for row in rows for key in references(row)))
    values = Values(known, regions(db.session, (code for row in rows for code in region_codes(row))))
    return [
        {
            "id": row.id,
            "at": clock.local(row.at).strftime("%Y-%m-%d %H:%M:%S"),
            "who": told(row.actor_name),
            "via": via_word(row.via),
            "address": row.address,
            "action": action_word(row.action),
            "entity": entity_word(row.entity),
            "entity_id": row.entity_id,
            "object": known.get((row.entity, row.entity_id)) if row.entity_id is not None else None,
            "changes": values.changes(row),
            "batch": row.batch,
        }
        for row in rows
    ]


def register(appbuilder: Any) -> None:
    """Add this page."""
    screens.declare("Audit", "can_read", Verb.AUDIT_READ)
    screens.declare("Audit", "can_package", Verb.OPS)
    appbuilder.add_view_no_menu(Audit)
