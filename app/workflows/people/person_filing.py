"""Filing of people (PER-05), as of units: 待上报 → 审核中 → 通过 or 不通过, while what is approved stays in force.

A person who was never approved is edited in the row itself; of one who was, a change waits as a version.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from app import clock
from app.errors import Finding, Stale, raise_failing, refuse
from app.models import Application, Person
from app.permissions import Actor, Verb, require
from app.rules.approval import EDITABLE, ApplicationVerb, FilingState
from app.rules.lifecycle import ApplicationKind
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.approval.filing_fields import differences
from app.workflows.approval.filing_versions import decided, draft_of, new_version, subject
from app.workflows.core import audit, moves
from app.workflows.files import left_behind, record_files
from app.workflows.people import one_unit, person_versions
from app.workflows.people.standing_on import standing_on

KIND = ApplicationKind.PERSON_FILING.value
# What handing in needs (xinxiang 2.2.1); a draft may lack all but the name.
NEEDED = ("name", "resident_id", "phone", "certificate_no", "certificate_issued_on", "certificate_until")


def label(name: str) -> str:
    """The declared label of a field."""
    return str(Person.__table__.c[name].info["label"])


def keep_edit(session: AnySession, actor: Actor, person: Person, data: Mapping[str, Any], at: dt.datetime) -> None:
    """Keep a change of a person as a draft; the caller holds the row and has checked the values.

    Before the first approval the row shows the change at once, afterwards only what is in force.
    """
    editable(person)
    before = person_versions.content(session, person)
    wanted = before | dict(data)
    if not differences(before, wanted):
        return
    if not person.approved_version:
        person_versions.put(person, wanted)
        one_unit.keep(session, person)
    if person.filing_state != FilingState.DRAFT:
        moves.move(session, actor, person, "filing_state", "draft", verb=moves.EDIT, at=at)
    if person.approved_version:
        version = draft_of(session, person) or new_version(session, actor, person, {}, at)
        person_versions.close(version, wanted)
        version.edited_by_id, version.edited_at = actor.user_id, at
        person.updated_at = at
    session.flush()


def editable(person: Person) -> None:
    """Refuse while an officer looks at it."""
    if person.filing_state == FilingState.PENDING:
        found = say("%(name)s 的备案正在审核", name=person.name)
        raise refuse("审核中不能修改", found, "请先在申请中撤回，再修改后重新上报")


def submit(
    session: AnySession, actor: Actor, person_id: int, at: dt.datetime, *, batch: int | None = None
) -> Application:
    """审核上报: check everything, lock the content and hand it to the region's officers; see `open_application`."""
    require(actor, Verb.FILING_SUBMIT)
    person = _own(session, actor, person_id)
    editable(person)
    if person.filing_state == FilingState.APPROVED:
        found = say("%(name)s 已审核通过，之后没有修改", name=person.name)
        raise refuse("没有需要上报的修改", found, "修改后才需要重新上报")
    data = person_versions.content(session, person)
    raise_failing(findings(session, person, data, clock.local_day(at)))
    version = draft_of(session, person) or new_version(session, actor, person, {}, at)
    person_versions.close(version, data)
    version.base_number = person.approved_version
    version.submitted_at, version.submitted_by_id = at, actor.user_id
    moves.move(session, actor, version, "state", "pending", verb="submit", at=at)
    moves.move(session, actor, person, "filing_state", "pending", verb="submit", at=at)
    deed = "变更" if person.approved_version else "新增"
    return submissions.open_application(
        session, actor, KIND, entity=person_versions.ENTITY, entity_id=person.id, version_id=version.id, at=at,
        title=together([deed, data["name"]], "　"), region_code=person.region_code, batch=batch,
        data={"papers": record_files.seen(session, person)},
    )  # fmt: skip


def discard(session: AnySession, actor: Actor, person_id: int, at: dt.datetime) -> Person:
    """Drop a change that was not handed in: what is in force is all there is again."""
    require(actor, Verb.PERSON_EDIT)
    person = _own(session, actor, person_id)
    # Where nothing is in force yet there is nothing to go back to: it must not become approved by this.
    if not person.approved_version or person.filing_state not in EDITABLE:
        remedy = "没有通过过备案的，可以继续修改或删除；审核中的，请先撤回"
        raise refuse("放弃修改", say("%(name)s 没有可以放弃的修改", name=person.name), remedy)
    version = draft_of(session, person)
    moves.move(session, actor, person, "filing_state", "approved", verb=moves.DISCARD, at=at)
    if version is not None:
        moves.move(session, actor, version, "state", "withdrawn", verb=moves.DISCARD, at=at)
    return person


def remove(session: AnySession, actor: Actor, person_id: int, at: dt.datetime) -> None:
    """Delete a person entered by mistake; whoever has records, a filing or an account stays, and may leave."""
    require(actor, Verb.PERSON_EDIT)
    person = _own(session, actor, person_id)
    standing = standing_on(session, Person, [person.id]).get(person.id)
    filed = person.approved_version or person.filing_state == FilingState.PENDING
    if standing or filed:
        found = say("%(name)s 已有%(standing)s", name=person.name, standing=standing or "备案")
        raise refuse("不能删除", found, "有记录的人员保留在册；不再任职时请办理离职")
    left_behind.clear(session, "person", [person.id], at)
    audit.record(session, actor, at, "person.delete", "person", person.id, before={"name": person.name})
    session.delete(person)
    session.flush()


def findings(session: AnySession, person: Person, data: Mapping[str, Any], on: dt.date) -> list[Finding]:
    """All that a person's filing must hold, passing and failing."""
    found = []
    for name in NEEDED:
        ok, word = bool(data.get(name)), label(name)
        said = say("%(word)s已填写", word=word) if ok else say("%(word)s没有填写", word=word)
        found.append(Finding("必填", ok, said, "" if ok else say("请填写%(word)s", word=word), field=name))
    if data.get("resident_id"):
        found.append(one_unit.finding(session, person.unit_id, data["resident_id"], person.id))
    issued, until = data.get("certificate_issued_on"), data.get("certificate_until")
    if issued and until:
        ok = issued < until
        remedy = "" if ok else "请按证书核对这两个日期"
        found.append(
            Finding(
                "日期先后",
                ok,
                say("%(issued)s 发证，有效期至 %(until)s", issued=issued, until=until),
                remedy,
                field="certificate_until",
            )
        )
    if issued:
        ok = issued <= on.isoformat()
        remedy = "" if ok else "在今天之后，请按证书核对"
        found.append(
            Finding("发证日期", ok, say("%(issued)s 发证", issued=issued), remedy, field="certificate_issued_on")
        )
    if until:
        ok = until >= on.isoformat()
        said = say("有效期至 %(until)s%(more)s", until=until, more="" if ok else "，已过期")
        found.append(Finding("证书有效期", ok, said, "" if ok else "请换证后更新有效日期", "certificate_until"))
    here = person.left_on is None
    found.append(
        Finding(
            "人员在职",
            here,
            say("%(name)s 在职", name=person.name)
            if here
            else say("%(name)s 已于 %(left_on)s 离职", name=person.name, left_on=person.left_on),
        )
    )
    return found


# --- what the officer decides


def application_findings(session: AnySession, application: Application, at: dt.datetime) -> list[Finding]:
    person, version = subject(session, application, Person, hold=False)
    return findings(session, person, version.data, clock.local_day(at))


def approved(session: AnySession, actor: Actor, application: Application, at: dt.datetime) -> None:
    """Put the version into force; 一人一企 is asked again by the database itself."""
    person, version = subject(session, application, Person)
    if version.base_number != person.approved_version:
        found = say(
            "上报时现行为第 %(base_number)s 版，现为第 %(approved_version)s 版",
            base_number=version.base_number,
            approved_version=person.approved_version,
        )
        raise Stale(Finding("现行版本", False, found, "请退回，修改后重新上报"), current=person.row_version)
    data = version.data
    before = person_versions.snapshot(person)
    person_versions.put(person, data)
    person.approved_version, person.approved_on = version.number, clock.local_day(at)
    one_unit.keep(session, person)
    decided(session, actor, version, ApplicationVerb.APPROVE, "approved", application, at)
    version.in_force_from = clock.local_day(at)
    moves.move(
        session, actor, person, "filing_state", "approved", verb="approve", at=at, application=application,
        reason=application.opinion,
    )  # fmt: skip
    # Which fields, not what was in them: the log must not become a second register of phones.
    changed = [d.field for d in differences(before, data)]
    after = {"version": version.number, "fields": changed}
    audit.record(session, actor, at, "person.in_force", "person", person.id, after=after)


def turned_down(
    session: AnySession, actor: Actor, application: Application, verb: ApplicationVerb, at: dt.datetime
) -> None:
    """Unlock: 不通过 after a rejection, 待上报 after a withdrawal."""
    person, version = subject(session, application, Person)
    withdrawn = verb is ApplicationVerb.WITHDRAW
    state = FilingState.DRAFT if withdrawn else FilingState.REJECTED
    decided(session, actor, version, verb, "withdrawn" if withdrawn else "rejected", application, at)
    moves.move(
        session, actor, person, "filing_state", state.value, verb=verb.value, at=at, application=application,
        reason=application.opinion,
    )  # fmt: skip


def _own(session: AnySession, actor: Actor, person_id: int) -> Person:
    visible(session, actor, Person, person_id, "人员")
    person = lock(session, Person, person_id)
    if person is None or person.unit_id != actor.unit_id:
        raise refuse("人员", "不是本单位的人员", "请由人员所在单位办理")
    return person


APPLICATION = submissions.Handlers(findings=application_findings, approved=approved, turned_down=turned_down)
