"""我的 and 我的资料 on the phone (PER-06, PER-07): own data, the certificates' states, this month's quota."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select, tuple_

from app import clock, scope
from app.errors import Finding
from app.extensions import db
from app.field import assigning, lists
from app.field.pages import field, signed_in
from app.listing import day_of_text
from app.models import Application, Declaration, GradeCertificate, Person
from app.models.choices import APPLICATION_STATE, GRADE, PERSON_KIND
from app.models.policy import policy_value
from app.permissions import Verb, require
from app.policy import Key
from app.rules.identifiers import mask_mobile, mask_resident_id
from app.views.frame.account_forms import run
from app.workflows.files import attachments
from app.workflows.papers import declarations, grades
from app.workflows.people import people

MOST_SCANS = 5
TONES = {"approved": "ok", "rejected": "over", "returned": "over"}


@field.get("/me")
@signed_in
def me() -> Any:
    """Who is signed in here, the month's quota, and the way out; within the phone's pages."""
    actor, now = g.actor, clock.now()
    person = lists.person_of(actor)
    quota = people.quotas(db.session, [person], now).get(person.id) if person is not None else None
    blocks = people.check_in_block(db.session, person, now) if person is not None else None
    return render_template(
        "ta/field/me.html", title=_("我的"), person=person, quota=quota, grades=GRADE, blocks=blocks, tab="me",
        waiting=assigning.waiting(actor) if assigning.gives_out(actor) else None,
        to_decide=lists.to_decide(db.session, actor),
        work=None if actor.may(Verb.VISIT_MAKE) or actor.may(Verb.VISIT_REVIEW) else lists.work_of(db.session, actor),
    )  # fmt: skip


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
    days, findings = _days((("issued_on", _("发证日期")), ("valid_until", _("有效期至"))))
    if findings:
        return _page(findings, 422, "grade")
    _row, findings, status = run(lambda session: _ask(session, key, days))
    if findings:
        return _page(findings, status, "grade")
    flash(_("已提交，审核通过后提高台次上限"), "success")
    return redirect(url_for("field.own_data"))


@field.post("/me/declaration")
@signed_in
def own_declaration() -> Any:
    """自我声明承诺书 (PER-06): what one signed, photographed; it counts once the regulator approved it."""
    require(g.actor, Verb.OWN_CERTIFICATE)
    person = _own()
    key, place = person.id, (person.unit_id, person.region_code)
    days, findings = _days((("signed_on", _("签署日期")), ("valid_until", _("有效期至"))))
    if findings:
        return _page(findings, 422, "declaration")
    now = clock.now()

    def submit(session: Any) -> None:
        kept = _scans(session, "declaration", place, now)
        note = request.form.get("note", "")[:1000]
        declarations.submit(session, g.actor, key, days["signed_on"], days["valid_until"], note, kept, now)

    _row, findings, status = run(submit)
    if findings:
        return _page(findings, status, "declaration")
    flash(_("已提交，审核通过后生效"), "success")
    return redirect(url_for("field.own_data"))


def _days(names: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], list[Finding]]:
    days, findings = {}, []
    for name, label in names:
        typed = request.form.get(name, "")[:10].strip()
        days[name] = day_of_text(typed)
        if typed and days[name] is None:
            remedy = _("请按 2026-01-31 的格式填写")
            findings.append(Finding(label, False, _("%(value)s 不是日期", value=typed), remedy, field=name))
    return days, findings


def _scans(session: Any, kind: str, place: tuple[int, str], now: Any) -> list[int]:
    """The form's scans, kept for the application that is about to be made."""
    return [
        attachments.store(
            session, g.actor, now, file.stream, file.filename or "", kind, "application", None, *place
        ).id
        for file in [file for file in request.files.getlist("scan")[:MOST_SCANS] if file.filename]
    ]  # fmt: skip


def _ask(session: Any, person_id: int, days: dict[str, Any]) -> None:
    now = clock.now()
    row = people.add_certificate(
        session, g.actor, person_id, grade=request.form.get("grade", "")[:20],
        certificate_no=request.form.get("certificate_no", "")[:60], at=now, **days,
    )  # fmt: skip
    kept = _scans(session, "grade", (row.unit_id, row.region_code), now)
    grades.submit(session, g.actor, row, kept, now)


def _own() -> Person:
    return lists.person_of(g.actor) or abort(404)


def _came_back(papers: Iterable[Any]) -> dict[tuple[str, int], str]:
    """What the officer said of one's own papers that are returned or refused; the person himself may always know."""
    keys = [(row.__tablename__, row.id) for row in papers if row.state in ("returned", "rejected")]
    statement = select(Application.entity, Application.entity_id, Application.opinion).where(
        tuple_(Application.entity, Application.entity_id).in_(keys), Application.opinion.is_not(None)
    )
    found = db.session.execute(statement.order_by(Application.id).execution_options(skip_scope=True)) if keys else ()
    return {(entity, key): opinion or "" for entity, key, opinion in found}


def _limits(region_code: str, on: Any) -> list[str]:
    """How many 台次 a month each grade is good for here; nothing where the region has no limit at all."""
    found = [(grade, policy_value(db.session, key, region_code, on)) for grade, key in people.QUOTA_KEYS.items()]
    if all(limit is None for _grade, limit in found):
        return []
    return [f"{GRADE[grade.value]} {_('不限') if limit is None else limit}" for grade, limit in found]


def _page(findings: list[Finding], status: int, about: str = "") -> Any:
    """`about`: of which form the findings are."""
    person, now = _own(), clock.now()
    today = clock.local_day(now)
    held = scope.apply(select(GradeCertificate), g.actor).where(GradeCertificate.person_id == person.id)
    signed = scope.apply(select(Declaration), g.actor).where(Declaration.person_id == person.id)
    near = policy_value(db.session, Key.NEAR_CERTIFICATE_DAYS, person.region_code, today)
    left = None if person.certificate_until is None else (person.certificate_until - today).days
    certificates = db.session.scalars(held.order_by(GradeCertificate.id.desc()).limit(20)).all()
    declared = db.session.scalars(signed.order_by(Declaration.id.desc()).limit(20)).all()
    page = render_template(
        "ta/field/own.html", title=_("我的资料"), person=person, findings=findings, form=request.form, tab="me",
        back=url_for("field.me"), quota=people.quotas(db.session, [person], now)[person.id], grades=GRADE,
        states=APPLICATION_STATE, tones=TONES, kinds=PERSON_KIND, left=left, near=left is not None and left <= near,
        blocks=people.check_in_block(db.session, person, now), phone=mask_mobile(person.phone or ""),
        resident_id=mask_resident_id(person.resident_id) if person.resident_id else "—",
        certificates=certificates, declared=declared, came_back=_came_back([*certificates, *declared]), about=about,
        today=today,
        declaring=declarations.standing(db.session, person, now),
        face=any(f.kind == "face" for f in attachments.of(db.session, "person", person.id)),
        may_ask=g.actor.may(Verb.OWN_CERTIFICATE) and person.left_on is None,
        limits=_limits(person.region_code, today),
        choices=[(k, v) for k, v in GRADE.items() if k != "general"],
    )  # fmt: skip
    return page, status
