"""医社保缴交明细 (UNT-09): a unit's record of who was insured, made as a draft, filed with its voucher, withdrawn.

What is filed stands as it was filed: a mistake is withdrawn with its reason and filed anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import and_, delete, func, or_, select

from app import clock
from app.errors import Finding, NotAllowed, Refusal, Stale, raise_failing, refuse
from app.models import Attachment, InsuranceRecord, InsuredPerson, Person
from app.models.person import service_since
from app.permissions import Actor, Verb, require
from app.rules.calendar import day_finding
from app.rules.identifiers import check_mobile, check_resident_id
from app.rules.insurance import first_of, last_of, months_between
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access.issuing import required_text
from app.workflows.core import audit
from app.workflows.files import attachments, left_behind
from app.workflows.papers import insurance_gaps
from app.workflows.papers.commitments import own_unit

MOST_MONTHS = 24
MOST_PEOPLE = 2000
LONGEST_NOTE, LONGEST_PAYER = 500, 80
VOUCHER = "insurance"
# Whose people a form can bring; what is said where there are none.
BRINGS = {"last": "开始月份以前没有缴交明细", "people": "起止月份内没有登记了身份证号的在职人员"}


@dataclass(frozen=True, slots=True)
class Line:
    """A person as typed."""

    name: str
    id_number: str
    phone: str = ""


def save(
    session: AnySession,
    actor: Actor,
    record_id: int | None,
    payer: str,
    from_on: dt.date | None,
    to_on: dt.date | None,
    note: str,
    lines: Sequence[Line],
    at: dt.datetime,
    batch_id: int | None = None,
    bring: str = "",
) -> InsuranceRecord:
    """Make or change a draft and add people to it; every wrong field and line is told at once.

    `bring` adds those of `brought` who are not among them: most months name the same people as the one before. Asked
    for where there is nobody, it is refused like any other wrong field.
    """
    require(actor, Verb.INSURANCE_EDIT)
    unit = own_unit(session, actor)
    row = None if record_id is None else draft(session, actor, record_id)
    payer, note, today = " ".join(payer.split()), note.strip(), clock.local_day(at)
    findings = [
        Finding(
            "缴纳公司", 0 < len(payer) <= LONGEST_PAYER, say("%(count)s 个字", count=len(payer)) if payer
                else "没有填写",
            say("请填写 1 至 %(longest_payer)s 个字", longest_payer=LONGEST_PAYER), field="payer",
        ),
        *month_findings(from_on, to_on, today),
        Finding("备注", len(note) <= LONGEST_NOTE, say("%(count)s 个字", count=len(note)),
            say("最多 %(longest_note)s 个字", longest_note=LONGEST_NOTE), field="note"),
    ]  # fmt: skip
    held = known_ids(session, row.id) if row is not None else set()
    people, wrong = _checked(lines, held, today)
    raise_failing([*findings, *wrong])
    assert from_on is not None and to_on is not None
    here = held | {line.id_number for line in people}
    known = brought(session, unit.id, bring, row.id if row else None, last_of(to_on), first_of(from_on))
    if not known and bring in BRINGS:
        raise refuse("带入人员", BRINGS[bring], "请核对起止月份，或选择不带入", field="bring")
    people += [line for line in known if line.id_number not in here]
    raise_failing(_too_many(len(held) + len(people), "bring"))
    before = None if row is None else {"payer": row.payer, "from_on": row.from_on, "to_on": row.to_on}
    if row is None:
        row = InsuranceRecord(
            unit_id=unit.id, region_code=unit.region_code, created_by_id=actor.user_id, batch_id=batch_id
        )
        session.add(row)
    row.payer, row.note = payer, note or None
    row.from_on, row.to_on = first_of(from_on), last_of(to_on)
    session.flush()
    add_people(session, row, people)
    audit.record(
        session, actor, at, "insurance_record.save", "insurance_record", row.id, before,
        {"payer": payer, "from_on": row.from_on, "to_on": row.to_on, "added": len(people)},
    )  # fmt: skip
    return row


def brought(
    session: AnySession, unit_id: int, bring: str, but: int | None, to_on: dt.date, from_on: dt.date
) -> list[Line]:
    """The people of the unit's newest record that ended before these days, beside `but` (`last`), or who of its people
    served in them and has an ID number here (`people`); each once.
    """
    found: list[Line] = []
    if bring == "last" and (record := _last_record(session, unit_id, but, from_on)) is not None:
        held = select(InsuredPerson).where(InsuredPerson.record_id == record.id).order_by(InsuredPerson.id)
        people = session.scalars(held.execution_options(skip_scope=True))
        found = [Line(one.name, one.id_number, one.phone or "") for one in people]
    elif bring == "people":
        served = or_(Person.left_on.is_(None), Person.left_on >= from_on)
        statement = select(Person).where(_numbered(unit_id), served).order_by(Person.id)
        found = [
            Line(one.name, one.resident_id or "", one.phone or "")
            for one in session.scalars(statement.execution_options(skip_scope=True))
            if service_since(one.hired_on, one.created_at) <= to_on
        ]  # fmt: skip
    return list({line.id_number: line for line in found if line.id_number}.values())


def bringable(session: AnySession, unit_id: int, but: int | None = None) -> list[str]:
    """What a form can be asked to bring for some months or other; nobody's number is read for it."""
    there = {"last": _records(unit_id, but).exists(), "people": select(Person.id).where(_numbered(unit_id)).exists()}
    told = session.execute(select(*there.values()).execution_options(skip_scope=True)).one()
    return [name for name, is_there in zip(there, told, strict=True) if is_there]


def _numbered(unit_id: int) -> Any:
    return and_(Person.unit_id == unit_id, Person.resident_id_index.is_not(None))


def _records(unit_id: int, but: int | None) -> Any:
    """The unit's records, drafts too, none that was withdrawn."""
    return select(InsuranceRecord).where(
        InsuranceRecord.unit_id == unit_id, InsuranceRecord.withdrawn_at.is_(None), InsuranceRecord.id != (but or 0)
    )


def _last_record(session: AnySession, unit_id: int, but: int | None, before: dt.date) -> InsuranceRecord | None:
    """The newest of them by its months that ended before this day: what is filed late repeats what was then."""
    statement = _records(unit_id, but).where(InsuranceRecord.to_on < before)
    newest = statement.order_by(InsuranceRecord.to_on.desc(), InsuranceRecord.id.desc()).limit(1)
    found: InsuranceRecord | None = session.scalar(newest.execution_options(skip_scope=True))
    return found


def add_people(session: AnySession, row: InsuranceRecord, people: Sequence[Line]) -> list[InsuredPerson]:
    """Lines that were checked, as rows."""
    made = [
        InsuredPerson(
            record_id=row.id, unit_id=row.unit_id, region_code=row.region_code, name=line.name,
            id_number=line.id_number, phone=line.phone or None,
        )
        for line in people
    ]  # fmt: skip
    session.add_all(made)
    session.flush()
    return made


def remove_person(session: AnySession, actor: Actor, record_id: int, person_id: int, at: dt.datetime) -> None:
    """Take a line out of a draft."""
    require(actor, Verb.INSURANCE_EDIT)
    row = draft(session, actor, record_id)
    gone = session.scalar(
        delete(InsuredPerson)
        .where(InsuredPerson.id == person_id, InsuredPerson.record_id == row.id)
        .returning(InsuredPerson.name)
    )
    if gone is None:
        raise refuse("人员", "这一行已不在明细里", "请刷新页面")
    audit.record(session, actor, at, "insurance_record.remove", "insurance_record", row.id, before={"name": gone})


def file(session: AnySession, actor: Actor, record_id: int, at: dt.datetime) -> InsuranceRecord:
    """Hand the draft in: it counts from now on, and its months are compared anew."""
    require(actor, Verb.INSURANCE_EDIT)
    row = draft(session, actor, record_id)
    vouchers = [f for f in attachments.of(session, "insurance_record", row.id) if f.kind == VOUCHER]
    count = session.scalar(select(func.count()).where(InsuredPerson.record_id == row.id)) or 0
    raise_failing([
        Finding("缴费明细凭证", bool(vouchers), "没有上传", "请上传从社保经办机构下载的缴费明细凭证", field="voucher"),
        Finding("人员明细", count > 0, "没有人员", "请逐行填写，或用表格导入", field="lines"),
    ])  # fmt: skip
    row.filed_at = at
    session.flush()
    audit.record(
        session, actor, at, "insurance_record.submit", "insurance_record", row.id,
        after={"filed_at": at, "persons": count},
    )  # fmt: skip
    _compare_again(session, row, at)
    return row


def withdraw(session: AnySession, actor: Actor, record_id: int, reason: str, at: dt.datetime) -> InsuranceRecord:
    """Take a filed record back with its reason; it stays in the history and counts no more."""
    require(actor, Verb.INSURANCE_EDIT)
    row = _own(session, actor, record_id)
    reason = required_text(reason, "撤回原因", "reason", 200)
    if row.filed_at is None or row.withdrawn_at is not None:
        raise Stale(Finding("缴交明细", False, "不是已上报的明细，或已经撤回", "请刷新页面"))
    row.withdrawn_at, row.withdrawn_note = at, reason
    session.flush()
    audit.record(
        session, actor, at, "insurance_record.withdraw", "insurance_record", row.id, after={"reason": reason}
    )
    _compare_again(session, row, at)
    return row


def remove(session: AnySession, actor: Actor, record_id: int, at: dt.datetime) -> InsuranceRecord:
    """Delete a draft with its lines; what it held as files is taken away."""
    require(actor, Verb.INSURANCE_EDIT)
    row = draft(session, actor, record_id)
    left_behind.clear(session, "insurance_record", [row.id], at)
    audit.record(
        session, actor, at, "insurance_record.delete", "insurance_record", row.id,
        before={"payer": row.payer, "from_on": row.from_on, "to_on": row.to_on},
    )  # fmt: skip
    session.execute(delete(InsuredPerson).where(InsuredPerson.record_id == row.id))
    session.delete(row)
    session.flush()
    return row


def add_voucher(
    session: AnySession, actor: Actor, record_id: int, stream: IO[bytes], name: str, at: dt.datetime
) -> Attachment:
    """Add a voucher to a draft of the own unit."""
    require(actor, Verb.INSURANCE_EDIT)
    row = draft(session, actor, record_id)
    return attachments.store(
        session, actor, at, stream, name, VOUCHER, "insurance_record", row.id, row.unit_id, row.region_code
    )


def remove_voucher(session: AnySession, actor: Actor, record_id: int, attachment_id: int, at: dt.datetime) -> None:
    """Take a file off a draft."""
    require(actor, Verb.INSURANCE_EDIT)
    row = draft(session, actor, record_id)
    held = {f.id: f for f in attachments.of(session, "insurance_record", row.id)}
    if attachment_id not in held:
        raise refuse("附件", "这个附件已不在明细里", "请刷新页面")
    held[attachment_id].removed_at = at
    session.flush()
    after = {"attachment": attachment_id}
    audit.record(session, actor, at, "insurance_record.remove", "insurance_record", row.id, before=after)


def draft(session: AnySession, actor: Actor, record_id: int) -> InsuranceRecord:
    """The own unit's record, held, while it is not filed."""
    row = _own(session, actor, record_id)
    if row.filed_at is not None:
        raise Stale(Finding("缴交明细", False, "已经上报，不能再改", "有误的请撤回后重新填报"))
    return row


def id_numbers(session: AnySession, actor: Actor, record_id: int, at: dt.datetime) -> dict[int, str]:
    """The whole ID numbers of a record's people: a deed that is logged, for whoever may see such (SENSITIVE_READ)."""
    require(actor, Verb.INSURANCE_READ)
    require(actor, Verb.SENSITIVE_READ)
    row: InsuranceRecord = visible(session, actor, InsuranceRecord, record_id, "缴交明细")
    found = session.execute(select(InsuredPerson.id, InsuredPerson.id_number).where(InsuredPerson.record_id == row.id))
    numbers = {line.id: line.id_number for line in found}
    audit.record(
        session, actor, at, "insurance_record.reveal", "insurance_record", row.id, after={"persons": len(numbers)}
    )
    return numbers


def known_ids(session: AnySession, record_id: int) -> set[str]:
    return set(session.scalars(select(InsuredPerson.id_number).where(InsuredPerson.record_id == record_id)))


def _own(session: AnySession, actor: Actor, record_id: int) -> InsuranceRecord:
    visible(session, actor, InsuranceRecord, record_id, "缴交明细")
    row = lock(session, InsuranceRecord, record_id)
    assert row is not None
    if row.unit_id != actor.unit_id:
        raise NotAllowed(Finding("维保单位", False, "不是您的单位的明细", "请由填报的单位办理"))
    return row


def _compare_again(session: AnySession, row: InsuranceRecord, at: dt.datetime) -> None:
    today = clock.local_day(at)
    for month in months_between(row.from_on, row.to_on):
        if month <= first_of(today):
            insurance_gaps.refresh(session, row.unit_id, month, at)


def month_findings(from_on: dt.date | None, to_on: dt.date | None, today: dt.date) -> list[Finding]:
    """Whether a record may cover these months."""
    if from_on is None or to_on is None:
        missing = (("开始", "from_on", from_on), ("结束", "to_on", to_on))
        return [Finding(w, False, "没有填写", "请选择月份", field=f) for w, f, value in missing if value is None]
    found = [day_finding(from_on, "from_on", "开始"), day_finding(to_on, "to_on", "结束")]
    if any(f.stops for f in found):
        return found
    count = len(months_between(from_on, to_on))
    ahead = first_of(to_on) > first_of(today)
    return [
        *found,
        Finding("结束", from_on <= to_on, say("%(to_on)s 早于 %(from_on)s", to_on=f"{to_on:%Y-%m}",
            from_on=f"{from_on:%Y-%m}"), "请核对起止月份", field="to_on"),
        Finding("结束", not ahead, say("%(to_on)s 还没有到", to_on=f"{to_on:%Y-%m}"), "只报已经缴费的月份",
            field="to_on"),
        Finding("起止", count <= MOST_MONTHS, say("共 %(count)s 个月", count=count),
            say("一份最多 %(most_months)s 个月", most_months=MOST_MONTHS), field="to_on"),
    ]


def checked_line(line: Line, today: dt.date) -> tuple[Line, list[Finding]]:
    """A line in the form in which it is kept, and what is wrong with it by field (name, id_number, phone)."""
    findings: list[Finding] = []
    name, number, phone = line.name, line.id_number, line.phone
    try:
        name = required_text(name, "人员姓名", "name", 40)
    except Refusal as refusal:
        findings += refusal.findings
    try:
        if not number.strip():
            raise refuse("身份证号", "没有填写", "请填写 18 位身份证号", field="id_number")
        number = check_resident_id(number, today, "id_number")
    except Refusal as refusal:
        findings += refusal.findings
    if phone.strip():
        try:
            phone = check_mobile(phone, "phone")
        except Refusal as refusal:
            findings += refusal.findings
    return Line(name, number, phone.strip()), findings


def _checked(lines: Sequence[Line], held: set[str], today: dt.date) -> tuple[list[Line], list[Finding]]:
    """The lines that hold something, and each wrong one by its number; one person stands once."""
    good: list[Line] = []
    findings: list[Finding] = []
    seen = set(held)
    for number, line in enumerate(lines, 1):
        if not (line.name.strip() or line.id_number.strip() or line.phone.strip()):
            continue
        kept, wrong = checked_line(line, today)
        if not wrong and kept.id_number in seen:
            wrong = [Finding("身份证号", False, "这个人已在明细里", "请删去重复的一行", field="id_number")]
        seen.add(kept.id_number)
        good.append(kept)
        findings += [
            Finding(say("第 %(number)s 行 %(rule)s", number=number, rule=f.rule), False, f.found, f.remedy,
                field=f"{f.field}_{number}", value=f.value)
            for f in wrong
        ]
    return good, findings + _too_many(len(held) + len(good), "lines")


def _too_many(count: int, field: str) -> list[Finding]:
    if count <= MOST_PEOPLE:
        return []
    remedy = say("一份最多 %(most_people)s 人", most_people=MOST_PEOPLE)
    return [Finding("人员明细", False, say("%(count)s 人", count=count), remedy, field=field)]
