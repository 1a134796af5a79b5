"""What is masked of a person shown whole (PER-03): with the right, for a reason, and never without a trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from app.errors import Finding, NotFound, raise_failing, refuse
from app.models import Attachment, Invitation, Person
from app.permissions import Actor, Verb, require
from app.scope import visible
from app.transaction import AnySession
from app.workflows import attachments, audit, invitations
from app.workflows.issuing import required_text

TEXTS = {"phone": "手机", "resident_id": "身份证号"}
PICTURES = {"identity": "身份证正面照", "face": "人脸照片"}
REASON_LENGTH = 200
MOST_ON_A_SHEET = 200


def of_person(
    session: AnySession, actor: Actor, person_id: int, what: str, reason: str, at: dt.datetime
) -> str | Attachment:
    """A number or a picture of a person; which one and why is in the log, what it says is not."""
    require(actor, Verb.SENSITIVE_READ)
    person: Person = visible(session, actor, Person, person_id, "人员")
    return _shown(session, actor, person, what, required_text(reason, "查看原因", "reason", REASON_LENGTH), at)


def of_invitation(
    session: AnySession, actor: Actor, invitation_id: int, what: str, at: dt.datetime
) -> str | Attachment:
    """The same of an invitee, for whoever has to compare his papers: the reason is the decision."""
    row: Invitation = visible(session, actor, Invitation, invitation_id, "入职邀请")
    if row.state != "review" or not invitations.may_decide(session, actor, row):
        require(actor, Verb.SENSITIVE_READ)
    return _shown(session, actor, row, what, "入职审核", at)


def kinds_of(session: AnySession, row: Person | Invitation) -> dict[str, str]:
    """What there is to be shown of a row, with its words."""
    kept = {file.kind for file in attachments.of(session, row.__tablename__, row.id)}
    texts = {name: words for name, words in TEXTS.items() if getattr(row, name)}
    return texts | {name: words for name, words in PICTURES.items() if name in kept}


def _shown(
    session: AnySession, actor: Actor, row: Person | Invitation, what: str, reason: str, at: dt.datetime
) -> str | Attachment:
    if what not in TEXTS and what not in PICTURES:
        raise refuse("查看内容", "没有这一项", "请从列表选择", field="what")
    found: str | Attachment | None
    if what in TEXTS:
        found = getattr(row, what)
    else:
        files = attachments.of(session, row.__tablename__, row.id)
        found = next((file for file in reversed(files) if file.kind == what), None)
    if not found:
        words = (TEXTS | PICTURES)[what]
        raise NotFound(Finding(words, False, f"没有登记{words}", "请刷新页面"))
    audit.record(
        session, actor, at, f"{row.__tablename__}.reveal", row.__tablename__, row.id,
        after={"fields": [what], "reason": reason},
    )  # fmt: skip
    return found


def for_filing_sheet(
    session: AnySession, actor: Actor, person_ids: Iterable[int], reason: str, at: dt.datetime
) -> list[Person]:
    """The people whose filing sheet is made, numbers and all; each of them has it in the log."""
    require(actor, Verb.SENSITIVE_READ)
    keys = sorted(set(person_ids))
    few = 0 < len(keys) <= MOST_ON_A_SHEET
    raise_failing([Finding("人员", few, f"选了 {len(keys)} 人", f"请选择 1 至 {MOST_ON_A_SHEET} 人")])
    said = required_text(reason, "查看原因", "reason", REASON_LENGTH)
    rows = [visible(session, actor, Person, key, "人员") for key in keys]
    for row in rows:
        audit.record(
            session, actor, at, "person.reveal", "person", row.id,
            after={"fields": ["resident_id", "phone"], "reason": said, "as": "filing_sheet"},
        )  # fmt: skip
    return rows
