"""我的资料 on the phone (PER-06, PER-07): a worker's own data, his certificates' states, this month's quota."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal
from app.extensions import db
from app.field import lists
from app.field.pages import field, signed_in
from app.listing import day_of_text
from app.models import GradeCertificate, Person
from app.models.choices import APPLICATION_STATE, GRADE, PERSON_KIND
from app.models.policy import policy_value
from app.permissions import Verb, require
from app.policy import Key
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.transaction import transaction
from app.workflows import attachments, grades, people

MOST_SCANS = 5
TONES = {"approved": "ok", "rejected": "over", "returned": "over"}


@field.get("/me/data")
@signed_in
def own_data() -> Any:
    return _page([], 200)


@field.post("/me/certificate")
@signed_in
def own_certificate() -> Any:
    """更新级别: certificate and scan together; the quota rises when the regulator approves."""
    require(g.actor, Verb.OWN_CERTIFICATE)
    person = _own()
    key = person.id
    days, findings = {}, []
    for name, label in (("issued_on", _("发证日期")), ("valid_until", _("有效期至"))):
        typed = request.form.get(name, "")[:10].strip()
        days[name] = day_of_text(typed)
        if typed and days[name] is None:
            remedy = _("请按 2026-01-31 的格式填写")
            findings.append(Finding(label, False, _("%(value)s 不是日期", value=typed), remedy, field=name))
    if findings:
        return _page(findings, 422)
    try:
        with transaction(db.session) as session:
            _ask(session, key, days)
    except Refusal as refusal:
        return _page([f for f in refusal.findings if not f.ok], refusal.status_code)
    flash(_("已提交，审核通过后提高台次上限"), "success")
    return redirect(url_for("field.own_data"))


def _ask(session: Any, person_id: int, days: dict[str, Any]) -> None:
    now = clock.now()
    row = people.add_certificate(
        session, g.actor, person_id, grade=request.form.get("grade", "")[:20],
        certificate_no=request.form.get("certificate_no", "")[:60], at=now, **days,
    )  # fmt: skip
    scans = [file for file in request.files.getlist("scan")[:MOST_SCANS] if file.filename]
    kept = [
        attachments.store(
            session, g.actor, now, file.stream, file.filename or "", "grade", "application", None, row.unit_id,
            row.region_code,
        ).id
        for file in scans
    ]  # fmt: skip
    grades.submit(session, g.actor, row, kept, now)


def _own() -> Person:
    return lists.person_of(g.actor) or abort(404)


def _page(findings: list[Finding], status: int) -> Any:
    person, now = _own(), clock.now()
    today = clock.local_day(now)
    held = scope.apply(select(GradeCertificate), g.actor).where(GradeCertificate.person_id == person.id)
    near = policy_value(db.session, Key.NEAR_CERTIFICATE_DAYS, person.region_code, today)
    left = None if person.certificate_until is None else (person.certificate_until - today).days
    page = render_template(
        "ta/field/own.html", title=_("我的资料"), person=person, findings=findings, form=request.form, tab="me",
        back=url_for("field.me"), quota=people.quotas(db.session, [person], now)[person.id], grades=GRADE,
        states=APPLICATION_STATE, tones=TONES, kinds=PERSON_KIND, left=left, near=left is not None and left <= near,
        blocks=people.check_in_block(db.session, person, now), phone=mask_mobile(person.phone or ""),
        resident_id=mask_resident_id(person.resident_id) if person.resident_id else "—",
        certificates=db.session.scalars(held.order_by(GradeCertificate.id.desc()).limit(20)).all(),
        face=any(f.kind == "face" for f in attachments.of(db.session, "person", person.id)),
        may_ask=g.actor.may(Verb.OWN_CERTIFICATE) and person.left_on is None,
        choices=[(k, v) for k, v in GRADE.items() if k != "general"],
    )  # fmt: skip
    return page, status
