"""What is masked of a person shown whole (PER-03): one at a time, with the right, for a reason, never without a trace.

Numbers of people, invitees, units and elevators, and the pictures of a person; the log keeps whose, which and what
for, never what it says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from app import clock
from app.errors import Finding, NotFound, raise_failing, refuse
from app.models import Attachment, Complaint, Elevator, Invitation, Person, Rescue, Unit, Visit
from app.models.base import label_of
from app.models.sealed import numbers
from app.permissions import Actor, Verb, require
from app.scope import visible
from app.transaction import AnySession
from app.wording import say
from app.workflows.access.issuing import required_text
from app.workflows.core import audit
from app.workflows.files import attachments
from app.workflows.people import invitations
from app.workflows.rescue import rescue_contacts, rescue_course

SHOWN: dict[str, Any] = {
    "person": Person, "invitation": Invitation, "unit": Unit, "elevator": Elevator,
    "complaint": Complaint,
    "rescue": Rescue, "visit": Visit,
}  # fmt: skip
PICTURES = {"selfie": say("现场本人照片"), "identity": say("身份证正面照"), "face": say("人脸照片")}
# Of these rows pictures hang; a visit has its own beside the one that the worker consented to, to be compared by eye.
_PICTURED = Person | Invitation | Visit
REASON_LENGTH = 200
MOST_ON_A_SHEET = 200


def reveal(
    session: AnySession, actor: Actor, entity: str, key: int, what: str, reason: str, at: dt.datetime
) -> str | Attachment:
    """A number or a picture of a row. Whoever decides on an invitee has to compare his papers: that is the reason.

    Whoever sees to a complaint calls the complainant, who agreed to it: the unit itself, as long as it is open. Whoever
    is shut in is called by the desk at any time, and by those who were called out, as long as they are under way.
    """
    if entity not in SHOWN:
        raise NotFound(Finding("查看内容", False, "没有这样的号码", "请从记录页打开"))
    deciding = entity == "invitation" and _decides(session, actor, key)
    calling = entity == "complaint" and _calls(session, actor, key)
    rescuing = entity == "rescue" and _rescues(session, actor, key)
    if not (deciding or calling or rescuing):
        require(actor, Verb.SENSITIVE_READ)
    row = visible(session, actor, SHOWN[entity], key)
    if not _is_for(actor, row, what):
        raise NotFound(Finding("查看内容", False, "没有这一项，或不是您单位的", "请由本单位或监管部门查看"))
    given = "入职审核" if deciding else "联系投诉人" if calling else "联系报警人" if rescuing else ""
    said = given or required_text(reason, "查看原因", "reason", REASON_LENGTH)
    return _shown(session, actor, row, what, said, at)


def contact(
    session: AnySession, actor: Actor, rescue_id: int, key: str, reason: str, at: dt.datetime
) -> rescue_contacts.Contact:  # fmt: skip
    """The number of somebody whom one calls about a rescue: who works on it need not say what for, the log keeps it.

    The trace stands where the number does: at the unit, the elevator or the account.
    """
    row = rescue_course.case_of(session, actor, rescue_id, at)
    working = _rescues(session, actor, rescue_id)
    if not working:
        require(actor, Verb.SENSITIVE_READ)
    found = next((one for one in rescue_contacts.of(session, actor, row) if one.key == key), None)
    if found is None:
        raise NotFound(Finding("查看内容", False, "没有这个联系人", "请刷新页面"))
    said = (
        say("救援 %(number)s", number=row.number) if working
        else required_text(reason, "查看原因", "reason", REASON_LENGTH)
    )  # fmt: skip
    audit.record(
        session, actor, at, f"{found.entity}.reveal", found.entity, found.entity_id,
        after={"fields": [found.field], "reason": said},
    )  # fmt: skip
    return found


def kinds_of(session: AnySession, row: Any) -> dict[str, str]:
    """What there is to be shown of a row, with its words."""
    texts = {name: words for name, words in _texts(row).items() if getattr(row, name)}
    kept = {file.kind for file in _pictures(session, row)}
    return texts | {name: words for name, words in PICTURES.items() if name in kept}


def for_filing_sheet(
    session: AnySession, actor: Actor, person_ids: Iterable[int], reason: str, at: dt.datetime
) -> list[Person]:
    """The people whose filing sheet is made, numbers and all; each of them has it in the log."""
    require(actor, Verb.SENSITIVE_READ)
    keys = sorted(set(person_ids))
    few = 0 < len(keys) <= MOST_ON_A_SHEET
    raise_failing(
        [
            Finding(
                "人员",
                few,
                say("选了 %(count)s 人", count=len(keys)),
                say("请选择 1 至 %(most_on_a_sheet)s 人", most_on_a_sheet=MOST_ON_A_SHEET),
            )
        ]
    )
    said = required_text(reason, "查看原因", "reason", REASON_LENGTH)
    rows = [visible(session, actor, Person, key, "人员") for key in keys]
    for row in rows:
        audit.record(
            session, actor, at, "person.reveal", "person", row.id,
            after={"fields": ["resident_id", "phone"], "reason": said, "as": "filing_sheet"},
        )  # fmt: skip
    return rows


def _is_for(actor: Actor, row: Any, what: str) -> bool:
    """A unit's partners see its record, and call its head; his ID number is for the unit itself and the regulator.

    So are the pictures of whoever did a visit: the use unit sees the visit alone.
    """
    if isinstance(row, Visit):
        return actor.unit_id in (None, row.unit_id)
    mine = actor.unit_id is None or actor.unit_id == row.id
    return not isinstance(row, Unit) or numbers().get(what) != "id" or mine


def _decides(session: AnySession, actor: Actor, invitation_id: int) -> bool:
    row: Invitation = visible(session, actor, Invitation, invitation_id, "入职邀请")
    return row.state == "review" and invitations.may_decide(session, actor, row)


def _calls(session: AnySession, actor: Actor, complaint_id: int) -> bool:
    row: Complaint = visible(session, actor, Complaint, complaint_id, "这件投诉")
    own = actor.unit_id is not None and actor.unit_id == row.unit_id
    return own and actor.may(Verb.COMPLAINT_HANDLE) and row.state != "closed"


def _rescues(session: AnySession, actor: Actor, rescue_id: int) -> bool:
    row = rescue_course.case_of(session, actor, rescue_id, clock.now())
    if actor.unit_id is None:
        return actor.may(Verb.RESCUE_DESK)
    mine = [one for one in rescue_course.calls_of(session, row) if one.unit_id == actor.unit_id and one.is_open]
    return bool(mine) and actor.may(Verb.RESCUE_HANDLE)


def _shown(session: AnySession, actor: Actor, row: Any, what: str, reason: str, at: dt.datetime) -> str | Attachment:
    texts = _texts(row)
    if what not in texts and not (what in PICTURES and isinstance(row, _PICTURED)):
        raise refuse("查看内容", "没有这一项", "请从列表选择", field="what")
    found: str | Attachment | None
    if what in texts:
        found = getattr(row, what)
    else:
        found = next((file for file in reversed(_pictures(session, row)) if file.kind == what), None)
    if not found:
        words = (texts | PICTURES)[what]
        raise NotFound(Finding(words, False, say("没有登记%(words)s", words=words), "请刷新页面"))
    entity = row.__tablename__
    audit.record(
        session, actor, at, f"{entity}.reveal", entity, row.id, after={"fields": [what], "reason": reason}
    )
    return found


def _texts(row: Any) -> dict[str, str]:
    """The numbers of persons that a row of this kind holds, with their words."""
    model = type(row)
    return {c.key: str(label_of(model, c.key)) for c in model.__table__.columns if c.key in numbers()}


def _pictures(session: AnySession, row: Any) -> list[Attachment]:
    if not isinstance(row, _PICTURED):
        return []
    found = [file for file in attachments.of(session, row.__tablename__, row.id) if file.kind in PICTURES]
    if isinstance(row, Visit) and found:
        found += [file for file in attachments.of(session, "person", row.worker_id) if file.kind == "face"]
    return found
