"""People of a unit and their grade certificates (PER-07); personal data shown whole is a deed that is audited."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from app import clock
from app.errors import Finding, Refusal, Stale, raise_failing, refuse
from app.models import Account, GradeCertificate, Person, Unit, Visit
from app.models.choices import GRADE, PERSON_KIND, SEX
from app.models.policy import policy_value
from app.models.sealed import as_held, holding
from app.permissions import GRANTS, PERSON_ROLES, Actor, Role, Verb, granted, require
from app.policy.keys import Key
from app.rules import certificates
from app.rules.calendar import day_finding
from app.rules.checkin import certificate_finding
from app.rules.identifiers import check_mobile, check_resident_id, normal_code
from app.rules.quota import Grade, grade_limit, units_used
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access.issuing import gather, required_text
from app.workflows.core import audit
from app.workflows.core.actors import held_by
from app.workflows.people import one_unit, person_filing, person_versions

QUOTA_KEYS = {
    Grade.GENERAL: Key.QUOTA_GENERAL, Grade.INTERMEDIATE: Key.QUOTA_INTERMEDIATE, Grade.SENIOR: Key.QUOTA_SENIOR,
    Grade.TECHNICIAN: Key.QUOTA_TECHNICIAN,
}  # fmt: skip
FIELDS = ("name", "phone", "work_kind", "certificate_no", "certificate_until")
# Roles that may check in.
_CHECKING_IN = sorted(role.value for role in Role if Verb.VISIT_MAKE in GRANTS[role])
IDENTITY = ("sex", "kind", "resident_id", "certificate_issued_on", "hired_on")


@dataclass(frozen=True, slots=True)
class Quota:
    """台次 of a person in a month: used and limit (None = this region has none), by the grade in force."""

    grade: Grade
    used: int
    limit: int | None


def save_person(
    session: AnySession,
    actor: Actor,
    person_id: int | None,
    *,
    name: str,
    phone: str = "",
    work_kind: str = "",
    certificate_no: str = "",
    certificate_until: dt.date | None = None,
    row_version: int | None = None,
    at: dt.datetime,
    identity: Mapping[str, Any] | None = None,
) -> Person:
    """Enter or change a person of one's own unit. Two persons of a unit never share a phone: quotas count persons.

    A number that is handed back masked, as it is shown, stays. `identity` holds what else is to change
    (IDENTITY); what it lacks stays. A change of somebody whose filing is approved waits for the officer
    (`person_filing`).
    """
    require(actor, Verb.PERSON_EDIT)
    if actor.unit_id is None:
        raise refuse("人员", "账号没有所属单位", "请由人员所在单位填写")
    row: Person | None = None
    if person_id is not None:
        visible(session, actor, Person, person_id, "人员")
        row = lock(session, Person, person_id)
        if row is not None and row_version is not None and row.row_version != row_version:
            raise Stale(
                Finding("人员", False, say("%(name)s 的资料刚刚被修改过", name=row.name), "请核对现在的内容后再保存"),
                row.row_version,
            )
        if row is not None:
            person_filing.editable(row)
            held = person_versions.content(session, row)
            phone = as_held({"phone": phone}, held)["phone"]
            identity = as_held(identity or {}, held)
    more = dict(identity or {})
    values = gather(
        name=lambda: required_text(name, "姓名", "name", 40),
        phone=lambda: _free_phone(session, actor.unit_id, phone, person_id) if phone.strip() else None,
        work_kind=lambda: required_text(work_kind, "工种", "work_kind", 40) if work_kind.strip() else None,
        certificate_no=lambda: _code(certificate_no, "作业人员证编号", "certificate_no"),
        identity=lambda: _identity(session, actor, more, person_id, at),
        days=lambda: _days(session, row, more, certificate_until, at),
    )
    values |= {"certificate_until": values.pop("days"), **values.pop("identity")}
    if row is None:
        unit = session.get(Unit, actor.unit_id)
        if unit is None:
            raise refuse("人员", "没有找到所属单位", "请联系区域管理员")
        row = Person(unit_id=unit.id, region_code=unit.region_code, created_by_id=actor.user_id, **values)
        one_unit.keep(session, row)
        audit.record(session, actor, at, "person.create", "person", row.id, after={"name": row.name})
        return row
    before = person_versions.content(session, row)
    wanted = {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in values.items()}
    person_filing.keep_edit(session, actor, row, wanted, at)
    changed = [key for key in values if before[key] != wanted[key]]
    if changed:
        # Which fields, not what was in them: the log must not become a second register of phones.
        audit.record(session, actor, at, "person.edit", "person", row.id, after={"fields": changed})
    return row


def day_findings(held: Mapping[str, Any], given: Mapping[str, Any], today: dt.date) -> list[Finding]:
    """What is wrong with the days of a person's certificate as they would stand, where they are given anew.

    Both hold ISO dates; what `given` lacks stays. What came in wrong long ago stops no change of a name.
    """
    names = [name for name, _label in certificates.OPERATOR]
    wanted = {name: given.get(name, held.get(name)) for name in names}
    if all(wanted[name] == held.get(name) for name in names):
        return []
    issued_on, until_on = (dt.date.fromisoformat(wanted[name]) if wanted[name] else None for name in names)
    return certificates.day_findings(issued_on, until_on, today, certificates.OPERATOR)


def _days(
    session: AnySession, row: Person | None, given: Mapping[str, Any], until_on: dt.date | None, at: dt.datetime
) -> dt.date | None:
    """The last day of the certificate, once both of its days are possible."""
    held = person_versions.content(session, row) if row is not None else {}
    issued_on = given.get("certificate_issued_on") or None
    wanted = {"certificate_until": until_on and until_on.isoformat()}
    if "certificate_issued_on" in given:
        wanted["certificate_issued_on"] = issued_on and issued_on.isoformat()
    raise_failing(day_findings(held, wanted, clock.local_day(at)))
    return until_on


def _identity(
    session: AnySession, actor: Actor, given: Mapping[str, Any], person_id: int | None, at: dt.datetime
) -> dict[str, Any]:
    """The checked values of what is given of IDENTITY; 一人一企 is asked of the whole register."""
    values = {key: given[key] or None for key in IDENTITY if key in given}
    findings = []
    for key, choices, label in (("sex", SEX, "性别"), ("kind", PERSON_KIND, "人员类型")):
        if values.get(key) is not None and values[key] not in choices:
            findings.append(Finding(label, False, "没有这一项", "请从列表选择", field=key))
    hired_on, today = values.get("hired_on"), clock.local_day(at)
    if hired_on is not None:
        found = say("%(hired_on)s 在今天之后", hired_on=hired_on)
        findings.append(day_finding(hired_on, "hired_on", "入职日期"))
        findings.append(Finding("入职日期", hired_on <= today, found, "请在入职当天或之后登记", field="hired_on"))
    if values.get("resident_id"):
        try:
            number = check_resident_id(str(values["resident_id"]), today)
            values["resident_id"] = number
            findings.append(one_unit.asked(session, actor, number, person_id, at))
        except Refusal as refusal:
            findings += refusal.findings
    raise_failing(findings)
    return values


def add_certificate(
    session: AnySession,
    actor: Actor,
    person_id: int,
    *,
    grade: str,
    certificate_no: str,
    issued_on: dt.date | None,
    valid_until: dt.date | None = None,
    at: dt.datetime,
) -> GradeCertificate:
    """A grade certificate as a draft; `grades.submit` asks the regulator, and only his approval raises the quota.

    The main account's office enters it, or the person himself (PER-07): a claim raises nothing.
    """
    if actor.person_id != person_id or not actor.may(Verb.OWN_CERTIFICATE):
        require(actor, Verb.PERSON_EDIT)
    person: Person = visible(session, actor, Person, person_id, "人员")
    if person.unit_id != actor.unit_id or person.left_on is not None:
        raise refuse(
            "人员", say("%(name)s 不是本单位在职人员", name=person.name), "请选择本单位的人员", field="person_id"
        )
    values = grade_values(grade, certificate_no, issued_on, valid_until, at)
    row = GradeCertificate(
        person_id=person.id, unit_id=person.unit_id, region_code=person.region_code, created_by_id=actor.user_id,
        **values,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor, at, "grade.create", "grade_certificate", row.id,
        after={"person_id": person.id, "grade": grade, "certificate_no": row.certificate_no},
    )  # fmt: skip
    return row


def grade_values(
    grade: str, certificate_no: str, issued_on: dt.date | None, valid_until: dt.date | None, at: dt.datetime
) -> dict[str, Any]:
    """What a grade certificate says, checked: all that is wrong with it at once."""
    today = clock.local_day(at)
    findings = [
        Finding("等级", grade in GRADE, say("没有 %(grade)s 这一级", grade=grade) if grade else "没有选择",
            "请从列表选择", field="grade"),
        Finding("发证日期", issued_on is not None, "没有填写", "请按证书填写", field="issued_on"),
    ]
    findings += certificates.day_findings(issued_on, valid_until, today, certificates.GRADE)
    if valid_until is not None:
        findings.append(certificates.held_finding(valid_until, today, certificates.GRADE))
    number = None
    try:
        number = _code(certificate_no, "证书编号", "certificate_no")
    except Refusal as refusal:
        findings += refusal.findings
    if number is None and not any(f.field == "certificate_no" for f in findings):
        findings.append(Finding("证书编号", False, "没有填写", "请按证书填写", field="certificate_no"))
    raise_failing(findings)
    return {"grade": grade, "certificate_no": number, "issued_on": issued_on, "valid_until": valid_until}


def checks_in(session: AnySession, person: Person) -> bool:
    """Whether a person is one who ever checks in: by 人员类型 or by an account in use. Of whom neither is known, all
    people of a unit that maintains may be."""
    if Verb.VISIT_MAKE in granted(PERSON_ROLES.get(person.kind or "", ())):
        return True
    may = select(Account.id, held_by(Account.id, _CHECKING_IN)).where(
        Account.person_id == person.id, Account.active.is_(True)
    )
    found = [able for _key, able in session.execute(may.execution_options(skip_scope=True))]
    return any(found) or (person.kind is None and not found and person.unit.is_maintenance)


def check_in_block(session: AnySession, person: Person, at: dt.datetime) -> Finding | None:
    """What of the person's certificate keeps him from checking in today; None when nothing does, or he never does."""
    today = clock.local_day(at)

    def policy(key: Key) -> Any:
        return policy_value(session, key, person.region_code, today)

    gate = bool(policy(Key.CERTIFICATE_GATE))
    found = certificate_finding(
        person.certificate_until, today, required=gate, blocks=gate, near_days=policy(Key.NEAR_CERTIFICATE_DAYS)
    )
    return found if found.stops and person.left_on is None and checks_in(session, person) else None


def quotas(session: AnySession, persons: Iterable[Person], at: dt.datetime) -> dict[int, Quota]:
    """Each person's quota of the month of `at`: all accounts together, 无效 left out, open ones in.

    One human entered by two units is known by the certificate: both rows share one count and the higher grade, and an
    open visit that has run out counts no more, whether ageing has come round or not.
    """
    people = {person.id: person for person in persons}
    human = _one_human(session, people)
    on = clock.local_day(at)
    counts: dict[int, dict[Hashable, int]] = defaultdict(lambda: defaultdict(int))
    found = visits_of_month(session, {key for keys in human.values() for key in keys}, at)
    held = grades_in_force(session, {key for keys in human.values() for key in keys}, at)
    made = {}
    for number, person in people.items():
        for worker_id, elevator_id, count in found:
            if worker_id in human[number]:
                counts[number][elevator_id] += count
        limits = {
            grade: policy_value(session, key, person.region_code, on) for grade, key in QUOTA_KEYS.items()
        }
        grade = max((held.get(key, Grade.GENERAL) for key in human[number]), key=list(Grade).index)
        made[number] = Quota(grade, units_used(counts[number]), grade_limit(grade, limits))
    return made


def visits_of_month(session: AnySession, person_ids: Collection[int], at: dt.datetime) -> Sequence[Any]:
    """(person, elevator, visits) of the month of `at`: whichever unit a person did them for, and whoever looks."""
    return session.execute(_MONTH, month_of(at) | {"persons": list(person_ids)}).all()


def month_of(at: dt.datetime) -> dict[str, Any]:
    """What `IN_MONTH` takes."""
    first = clock.local_day(at).replace(day=1)
    return {"first": first, "after": (first + dt.timedelta(days=32)).replace(day=1), "at": at}


_visit: Any = Visit.__table__.c
# Visits that count for a month: an open one that has run out counts no more, whether ageing has come round or not.
IN_MONTH = (
    _visit.visit_on >= bindparam("first"), _visit.visit_on < bindparam("after"), _visit.state != "void",
    or_(_visit.next_change_at.is_(None), _visit.state != "open", _visit.next_change_at > bindparam("at")),
)  # fmt: skip
_MONTH = (
    select(_visit.worker_id, _visit.elevator_id, func.count())
    .where(_visit.worker_id.in_(bindparam("persons", expanding=True)), *IN_MONTH)
    .group_by(_visit.worker_id, _visit.elevator_id)
)


def rows_of_human(session: AnySession, person_id: int, *, held: bool = False) -> frozenset[int]:
    """Every row that is this very person; `held` takes them in order of id."""
    person = session.get(Person, person_id, execution_options={"skip_scope": True})
    keys = {person_id} if person is None else _one_human(session, {person_id: person})[person_id]
    if held:
        rows = select(Person.id).where(Person.id.in_(keys)).order_by(Person.id).with_for_update()
        session.execute(rows.execution_options(skip_scope=True)).all()
    return frozenset(keys)


def _one_human(session: AnySession, people: Mapping[int, Person]) -> dict[int, set[int]]:
    """By person every row that is the same human: the same ID number or the same certificate."""
    codes = {key: normal_code(person.certificate_no or "") for key, person in people.items()}
    rows: dict[str, set[int]] = defaultdict(set)
    known = Person.certificate_no.in_({code for code in codes.values() if code})
    statement = select(Person.id, Person.certificate_no).where(known)
    for key, code in session.execute(statement.execution_options(skip_scope=True)):
        rows[str(code)].add(key)
    same = one_unit.same_humans(session, people)
    return {key: {key} | (rows[code] if code else set()) | same.get(key, set()) for key, code in codes.items()}


def in_force(certificate: Any) -> tuple[ColumnElement[bool], ...]:
    """What makes a grade certificate count at the instant `at`, on the day `today` (parameters of the statement)."""
    until = certificate.valid_until
    return (
        certificate.state == "approved", certificate.in_force_from <= bindparam("at"),
        or_(until.is_(None), until >= bindparam("today")),
    )  # fmt: skip


def grades_in_force(session: AnySession, person_ids: Iterable[int], at: dt.datetime) -> dict[int, Grade]:
    """The highest approved grade that has not run out, by person; no entry for 普工."""
    order = list(Grade)
    found: dict[int, Grade] = {}
    statement = select(GradeCertificate.person_id, GradeCertificate.grade).where(
        GradeCertificate.person_id.in_(list(person_ids)), *in_force(GradeCertificate)
    )
    asked = {"at": at, "today": clock.local_day(at)}
    for person_id, name in session.execute(statement.execution_options(skip_scope=True), asked):
        grade = Grade(name)
        if order.index(grade) > order.index(found.get(person_id, Grade.GENERAL)):
            found[person_id] = grade
    return found


def _free_phone(session: AnySession, unit_id: int | None, typed: str, person_id: int | None) -> str:
    phone = check_mobile(typed, "phone")
    other = session.scalar(
        select(Person)
        .where(
            Person.unit_id == unit_id, holding(Person.phone, phone), Person.left_on.is_(None),
            Person.id != (person_id or 0),
        )
        .limit(1)
    )
    if other is not None:
        raise refuse(
            "手机号码",
            say("已是本单位 %(name)s 的号码", name=other.name),
            "一人一号，请核对",
            field="phone",
            value=typed,
        )
    return phone


def _code(typed: str, label: str, field: str) -> str | None:
    code = normal_code(typed)
    if len(code) > 40:
        raise refuse(
            label,
            say("最多 40 个字符，现为 %(count)s 个", count=len(code)),
            "请按证书核对",
            field=field,
            value=typed[:60],
        )
    return code or None
