"""等级证书 applications (PER-07): an approved certificate raises the quota from that instant; a claim never does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from app import clock, scope
from app.errors import Finding, refuse
from app.models import Application, GradeCertificate, Person
from app.models.choices import GRADE
from app.permissions import Actor, Verb, require
from app.rules.approval import ApplicationVerb
from app.rules.lifecycle import ApplicationKind
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.approval.following import Following
from app.workflows.approval.submissions import Mend, Values
from app.workflows.people import people

_PAPER = Following(GradeCertificate, "等级证书", "这份证书")


def submit(
    session: AnySession, actor: Actor, certificate: GradeCertificate, attachments: Sequence[int], at: dt.datetime
) -> Application:
    """Ask the regulator to accept a person's certificate; a scan belongs to it."""
    if actor.person_id != certificate.person_id or not actor.may(Verb.OWN_CERTIFICATE):
        require(actor, Verb.PERSON_EDIT)
    scope.visible(session, actor, GradeCertificate, certificate.id, "这份证书")
    row = lock(session, GradeCertificate, certificate.id)
    if row is None or not attachments:
        raise refuse("证书扫描件", "没有上传证书扫描件", "请上传证书的照片或扫描件", field="attachments")
    person = session.get(Person, row.person_id)
    application = submissions.open_application(
        session, actor, ApplicationKind.GRADE_CERTIFICATE.value, entity=GradeCertificate.__tablename__,
        entity_id=row.id, region_code=row.region_code, at=at, attachments=attachments,
        title=_title(person, row),
    )  # fmt: skip
    _PAPER.follow(session, actor, row, ApplicationVerb.SUBMIT, at, application)
    return application


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """Scan there, person still in the unit, certificate not past its end."""
    row = _PAPER.row(session, application)
    person = session.get(Person, row.person_id)
    on = clock.local_day(at)
    here = person is not None and person.left_on is None and person.unit_id == row.unit_id
    valid = row.valid_until is None or row.valid_until >= on
    scans = len(application.data.get("attachments", []))
    return [
        Finding("证书扫描件", scans > 0, say("%(scans)s 份", scans=scans), "" if scans else "请退回，补交扫描件"),
        Finding(
            "人员在职", here, say("%(person)s在本单位" if here else "%(person)s已不在申请单位", person=person),
            "" if here else "请退回申请单位核对",
        ),
        Finding(
            "证书有效期", valid, say("有效期至 %(valid_until)s", valid_until=row.valid_until or "长期"),
                "" if valid else "证书已过期，请换证后再申请"
        ),
        Finding(
            "发证日期", row.issued_on <= on, say("%(issued_on)s 发证", issued_on=row.issued_on),
            "" if row.issued_on <= on else "在今天之后，请核对",
        ),
    ]  # fmt: skip


def _put_right(
    session: AnySession, actor: Actor, application: Application, row: GradeCertificate, values: Values, at: dt.datetime
) -> None:
    checked = people.grade_values(
        str(values.get("grade") or ""), str(values.get("certificate_no") or ""), values.get("issued_on"),
        values.get("valid_until"), at,
    )  # fmt: skip
    for name, value in checked.items():
        setattr(row, name, value)
    submissions.entitle(application, _title(row.person, row))


def _title(person: Person | None, row: GradeCertificate) -> str:
    return say("等级证书　%(person)s　%(certificate_no)s", person=person, certificate_no=row.certificate_no)


MENDS = (
    Mend("grade", say("等级"), "choice", choices={name: word for name, word in GRADE.items() if name != "general"}),
    Mend("certificate_no", say("证书编号")), Mend("issued_on", say("发证日期"), "date"),
    Mend("valid_until", say("有效期至"), "date", required=False),
)  # fmt: skip
APPLICATION = _PAPER.handlers(findings, MENDS, _put_right, Verb.PERSON_EDIT)
