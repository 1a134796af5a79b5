"""自我声明承诺书 of a person (PER-06): signed, scanned, reviewed by the regulator; it holds until its last day.

The person hands in his own, or his unit does it for him. A claim is none: only what was approved counts at a check-in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select

from app import clock
from app.errors import Finding, raise_failing, refuse
from app.models import Application, Declaration, Person
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.approval import ApplicationVerb
from app.rules.calendar import day_finding
from app.rules.checkin import declaration_finding
from app.rules.lifecycle import ApplicationKind
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.approval.following import Following, scans_of
from app.workflows.approval.submissions import Mend, Values
from app.workflows.people import people

KIND = ApplicationKind.DECLARATION
LONGEST_NOTE = 500
# Nobody signs for a working life; a later last day is a slip of the pen.
LONGEST_YEARS = 10
_PAPER = Following(Declaration, "自我声明承诺书", "这份自我声明承诺书")


def submit(
    session: AnySession, actor: Actor, person_id: int, signed_on: dt.date | None, valid_until: dt.date | None,
    note: str, scans: Sequence[int], at: dt.datetime,
) -> Application:  # fmt: skip
    """Hand in a signed declaration with its scan: a person's own, or one of the own unit."""
    if actor.person_id != person_id or not actor.may(Verb.OWN_CERTIFICATE):
        require(actor, Verb.PERSON_EDIT)
    visible(session, actor, Person, person_id, "人员")
    person = lock(session, Person, person_id)
    if person is None or person.unit_id != actor.unit_id or person.left_on is not None:
        name = person.name if person is not None else "所选人员"
        raise refuse("人员", say("%(name)s不是本单位在职人员", name=name), "请选择本单位的人员", field="person_id")
    raise_failing([
        *_said(signed_on, valid_until, note, clock.local_day(at)),
        Finding("扫描件", bool(scans), "没有上传签署后的自我声明承诺书", "请上传照片或扫描件", field="attachments"),
        _none_waits(session, person),
    ])  # fmt: skip
    row = Declaration(
        person_id=person.id, unit_id=person.unit_id, region_code=person.region_code, signed_on=signed_on,
        valid_until=valid_until, note=note.strip() or None, created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    application = submissions.open_application(
        session, actor, KIND.value, entity=Declaration.__tablename__, entity_id=row.id,
        title=_title(person, row),
        region_code=row.region_code, at=at,
        attachments=scans,
    )  # fmt: skip
    _PAPER.follow(session, actor, row, ApplicationVerb.SUBMIT, at, application)
    return application


def standing(session: AnySession, person: Person, at: dt.datetime) -> Finding | None:
    """How a person's declaration stands today, as a check-in would meet it; None where the region asks for none, or
    for none of one who never checks in."""
    today = clock.local_day(at)
    gate = str(policy_value(session, Key.DECLARATION_GATE, person.region_code, today))
    near = int(policy_value(session, Key.NEAR_CERTIFICATE_DAYS, person.region_code, today))
    found = declaration_finding(person.declaration_until, today, gate=gate, near_days=near)
    return found if found is not None and people.checks_in(session, person) else None


def _title(person: Person, row: Declaration) -> str:
    return say("自我声明承诺书　%(person)s　有效期至 %(valid_until)s", person=person, valid_until=row.valid_until)


def _said(signed_on: dt.date | None, valid_until: dt.date | None, note: str, today: dt.date) -> list[Finding]:
    count = len(note.strip())
    found = say("%(count)s 个字", count=count)
    most = say("最多 %(longest_note)s 个字", longest_note=LONGEST_NOTE)
    return [
        *_dates(signed_on, valid_until, today), Finding("备注", count <= LONGEST_NOTE, found, most, field="note"),
    ]  # fmt: skip


def _dates(signed_on: dt.date | None, valid_until: dt.date | None, today: dt.date) -> list[Finding]:
    if signed_on is None or valid_until is None:
        missing = (("签署日期", "signed_on", signed_on), ("有效期至", "valid_until", valid_until))
        return [Finding(w, False, "没有填写", "请选择日期", field=f) for w, f, value in missing if value is None]
    found = [day_finding(signed_on, "signed_on", "签署日期"), day_finding(valid_until, "valid_until", "有效期至")]
    longest = (valid_until - signed_on).days <= LONGEST_YEARS * 366
    return [
        *found,
        Finding(
            "签署日期", signed_on <= today, say("%(signed_on)s 在今天之后", signed_on=signed_on), "请按承诺书核对",
            field="signed_on",
        ),
        Finding(
            "有效期至", valid_until > signed_on, say("%(valid_until)s 不晚于签署日期", valid_until=valid_until),
            "请按承诺书核对", field="valid_until",
        ),
        Finding(
            "有效期至", valid_until >= today, say("已于 %(valid_until)s 到期", valid_until=valid_until),
            "请重新签署后再提交", field="valid_until",
        ),
        Finding(
            "有效期至", longest, say("超过 %(longest_years)s 年", longest_years=LONGEST_YEARS),
            "请缩短期限，到期再签署", field="valid_until",
        ),
    ]  # fmt: skip


def _none_waits(session: AnySession, person: Person) -> Finding:
    other = _PAPER.waiting(session, Declaration.person_id == person.id)
    return Finding(
        "同一事项只能有一件在办", other is None,
        say("%(person)s 已有办理中的自我声明承诺书 %(number)s", person=person, number=other.number)
        if other else "没有办理中的自我声明承诺书",
        "请等待办结，或先撤回再提交", link=f"/applications/{other.id}" if other else None,
    )  # fmt: skip


# --- as an application


def findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    """Scan there and open to be read, the person still in the unit, the time not over."""
    row = _PAPER.row(session, application)
    person = session.get(Person, row.person_id)
    on = clock.local_day(at)
    kept, readable = scans_of(session, application)
    here = person is not None and person.left_on is None and person.unit_id == row.unit_id
    valid = row.valid_until >= on
    return [
        Finding("扫描件", bool(kept), say("%(count)s 份", count=len(kept)),
            "" if kept else "请退回，补交签署后的扫描件"),
        readable,
        Finding(
            "人员在职", here, say("%(person)s在本单位" if here else "%(person)s已不在申请单位", person=person),
            "" if here else "请退回申请单位核对",
        ),
        Finding("有效期", valid, say("有效期至 %(valid_until)s", valid_until=row.valid_until),
            "" if valid else "已过期，请退回重新签署"),
    ]  # fmt: skip


def _put_right(
    session: AnySession, actor: Actor, application: Application, row: Declaration, values: Values, at: dt.datetime
) -> None:
    signed_on, valid_until = values.get("signed_on"), values.get("valid_until")
    note = str(values.get("note") or "").strip()
    raise_failing(_said(signed_on, valid_until, note, clock.local_day(at)))
    assert signed_on is not None and valid_until is not None
    row.signed_on, row.valid_until, row.note = signed_on, valid_until, note or None
    submissions.entitle(application, _title(row.person, row))


MENDS = (
    Mend("signed_on", say("签署日期"), "date"), Mend("valid_until", say("有效期至"), "date"),
    Mend("note", say("备注"), required=False),
)  # fmt: skip
_FOLLOWED = _PAPER.handlers(findings, MENDS, _put_right, Verb.PERSON_EDIT)


def _approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """In force from now; the person's row tells until when, over all that were approved."""
    _FOLLOWED.approved(session, actor, application, at)
    row = _PAPER.row(session, application)
    person = lock(session, Person, row.person_id)
    last = select(func.max(Declaration.valid_until)).where(
        Declaration.person_id == row.person_id, Declaration.state == "approved"
    )
    if person is not None:
        person.declaration_until = session.scalar(last.execution_options(skip_scope=True))
        session.flush()


APPLICATION = replace(_FOLLOWED, approved=_approved)
