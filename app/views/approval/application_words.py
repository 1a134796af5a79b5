"""What an application asks for besides day and reason, and what a decision brings: the same words everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import (
    Appeal,
    Application,
    Commitment,
    Contract,
    Declaration,
    Elevator,
    GradeCertificate,
    Inspection,
    Person,
    UnitChange,
)
from app.models.appeal import APPEAL_ENTITY
from app.models.choices import CHANGE_CAUSE, CONTRACT_KIND, GRADE, INSPECTION_KIND, INSPECTION_RESULT, word
from app.rules.approval import ApplicationVerb
from app.views.frame import filed
from app.views.frame.told import told
from app.wording import say
from app.workflows.approval import seconds, submissions
from app.workflows.approval.filing_fields import label
from app.workflows.handover import unit_change_terms, unit_changes
from app.workflows.maintenance import ledgers

Pairs = list[tuple[str, str]]


def asked_words(row: Application) -> Pairs:
    """Label and text of each thing that the kind asks for."""
    made = _WORDS.get(row.kind)
    return made(row) if made is not None else []


def comes_of(row: Application, verb: str, now: dt.datetime) -> str:
    """What a decision does to an application, where it is offered for one and where for many."""
    refiled = row.kind in submissions.REFILED_KINDS
    if verb == "return":
        if refiled:
            return _("按不通过办理；申请单位修改后可重新上报")
        return _("退回申请单位补正；时限停走，补正后继续")
    if verb == "reject":
        if refiled:
            return _("申请单位修改后可重新上报")
        return _("申诉不成立；不再受理") if row.kind == "appeal" else _("申请结束；还要办理的，须重新申请")
    if seconds.verb_of(db.session, row, now) is ApplicationVerb.ENDORSE:
        return _("记为初审同意；另一名审批人同意后生效")
    if refiled:
        return _("内容今天起生效")
    if row.kind == "appeal":
        return _("申诉成立，即时更正计分；原记录保留")
    later = row.effective_on is not None and row.effective_on > clock.local_day(now)
    return _("%(d)s 起生效", d=row.effective_on) if later else _("即时生效")


def _unit_change(row: Application) -> Pairs:
    change: UnitChange | None = unit_changes.of_application(db.session, row)
    data: dict[str, Any] = row.data
    names = filed.unit_names([data.get("old_unit_id"), data.get("new_unit_id")])
    pairs = [
        (_("原维保单位"), names.get(data.get("old_unit_id") or 0, "—")),
        (_("新维保单位"), names.get(data.get("new_unit_id") or 0, "—")),
        (_("新合同签订日期"), data.get("signed_on") or "—"),
        (_("提出方"), unit_change_terms.SIDES.get(data.get("side") or "", "—")),
    ]
    if data.get("contract_id"):
        statement = select(Contract.number).where(Contract.id == data["contract_id"])
        number = db.session.scalar(statement.execution_options(skip_scope=True))
        pairs.append((_("新合同"), number or "—"))
    if change is not None:
        late = _("迟 %(n)s 天", n=(change.applied_on - change.due_on).days) if change.late else _("按期")
        pairs.append((_("申请期限"), f"{change.due_on}　{late}"))
    return pairs


def _registration_change(row: Application) -> Pairs:
    data = row.data
    before, after = filed.words_of_many(Elevator, [data.get("before") or {}, data.get("changes") or {}])
    pairs = [(_("变更原因"), str(CHANGE_CAUSE.get(data.get("cause") or "", "—")))]
    names = data.get("changes") or {}
    return pairs + [
        (label(Elevator, n), say("%(before)s → %(after)s", before=before.get(n, "—"), after=after.get(n, "—")))
        for n in names
    ]


def _contract_change(row: Application) -> Pairs:
    before, after = row.data.get("before") or {}, row.data.get("after") or {}
    names = filed.unit_names(side.get("use_unit_id") for side in (before, after))

    def said(name: str, value: Any) -> str:
        if name == "kind":
            return word(CONTRACT_KIND, value)
        return names.get(value, "—") if name == "use_unit_id" else str(value or "—")

    columns = Contract.__table__.c
    pairs = [
        (str(columns[name].info["label"]),
         say("%(before)s → %(after)s", before=said(name, before.get(name)), after=said(name, value)))
        for name, value in after.items() if value != before.get(name)
    ]  # fmt: skip
    if row.data.get("backdate"):
        pairs.append((_("补足合同首日起的关系"), _("%(n)s 台电梯", n=len(row.data["backdate"]))))
    return pairs


def _correction(row: Application) -> Pairs:
    data = row.data
    before, after = filed.words_of_many(Elevator, [data.get("before") or {}, data.get("changes") or {}])
    pairs = [
        (label(Elevator, n), say("%(before)s → %(after)s", before=before.get(n, "—"), after=after.get(n, "—")))
        for n in data.get("changes") or {}
    ]
    told = data.get("evidence") or {}
    if told:
        pairs.append((_("现场采集"), say("%(n)s 次，精度约 %(a)s 米", n=told.get("samples"), a=told.get("accuracy"))))
        if told.get("moved") is not None:
            pairs.append((_("与原位置相距"), say("%(n)s 米", n=told["moved"])))
    return pairs


def _pause(row: Application) -> Pairs:
    return [(_("恢复日期"), row.data.get("until_on") or _("另行申请恢复"))]


def _worker_change(row: Application) -> Pairs:
    keys = [row.data.get(name) for name in ledgers.PERSONS]
    statement = select(Person.id, Person.name).where(Person.id.in_([k for k in keys if k]))
    names = dict(db.session.execute(statement.execution_options(skip_scope=True)).all())  # type: ignore[arg-type]
    return [(text, names.get(row.data.get(name) or 0, "—")) for name, text in ledgers.PERSONS.items()]


def _on_demand(row: Application) -> Pairs:
    return [
        (_("维保间隔"), _("%(n)s 天", n=row.data.get("interval_days"))),
        (_("截止日期"), row.data.get("until_on") or "—"),
    ]


def _commitment(row: Application) -> Pairs:
    letter = db.session.get(Commitment, row.entity_id)
    if letter is None:
        return []
    return [
        (
            _("承诺期限"),
            say("%(valid_from)s — %(valid_until)s", valid_from=letter.valid_from, valid_until=letter.valid_until),
        ),
        (_("备注"), letter.note or "—"),
    ]


def _declaration(row: Application) -> Pairs:
    paper = db.session.get(Declaration, row.entity_id)
    if paper is None:
        return []
    return [
        (_("人员"), paper.person.name), (_("签署日期"), str(paper.signed_on)), (_("有效期至"), str(paper.valid_until)),
        (_("备注"), paper.note or "—"),
    ]  # fmt: skip


def _grade_certificate(row: Application) -> Pairs:
    paper = db.session.get(GradeCertificate, row.entity_id)
    if paper is None:
        return []
    return [
        (_("人员"), paper.person.name), (_("等级"), word(GRADE, paper.grade)), (_("证书编号"), paper.certificate_no),
        (_("发证日期"), str(paper.issued_on)), (_("有效期至"), str(paper.valid_until or _("长期"))),
    ]  # fmt: skip


def _inspection(row: Application) -> Pairs:
    report = db.session.get(Inspection, row.entity_id)
    if report is None:
        return []
    return [
        (_("检验类型"), word(INSPECTION_KIND, report.kind)), (_("报告编号"), report.number),
        (_("检验日期"), str(report.done_on)),
        (_("检验结果"), word(INSPECTION_RESULT, report.result)), (_("不合格项"), report.failed_items or "—"),
        (_("检验单位"), report.tested_by), (_("下次日期"), str(report.next_on or "—")),
        (_("调整原因"), report.next_reason or "—"),
    ]  # fmt: skip


def _appeal(row: Application) -> Pairs:
    appeal = db.session.scalar(select(Appeal).where(Appeal.id == row.entity_id).execution_options(skip_scope=True))
    if appeal is None:
        return []
    pairs = [
        (_("申诉对象"), word(APPEAL_ENTITY, appeal.entity)), (_("记录"), told(appeal.said)),
        (_("申诉期限"), clock.until(appeal.appeal_until) if appeal.appeal_until else _("没有期限")),
    ]  # fmt: skip
    if appeal.run_from_on is not None:
        pairs.append((_("来自得分"), _("%(a)s 至 %(b)s", a=appeal.run_from_on, b=appeal.run_to_on)))
    return pairs


_WORDS: dict[str, Callable[[Application], Pairs]] = {
    "unit_change": _unit_change, "registration_change": _registration_change, "maintenance_pause": _pause,
    "worker_change": _worker_change, "commitment": _commitment, "declaration": _declaration, "on_demand": _on_demand,
    "grade_certificate": _grade_certificate, "inspection_report": _inspection, "appeal": _appeal,
    "correction": _correction, "contract_change": _contract_change,
}  # fmt: skip
