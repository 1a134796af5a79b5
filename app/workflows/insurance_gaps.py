"""Filed people beside insured people, unit by unit and month by month; kept, so that lists and warnings read it.

A month is compared when a record of it is filed or withdrawn, when somebody asks, and each night once its records
must be in.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, or_, select

from app import clock
from app.errors import Finding, NotAllowed, raise_failing
from app.models import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson, Person, Unit
from app.models.person import service_since
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.insurance import Named, compare, first_of, judged_month, known_in, last_of, owed_in
from app.scope import apply, visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows import outbox


def compare_now(session: AnySession, actor: Actor, unit_id: int, month: dt.date, at: dt.datetime) -> InsuranceMonth:
    """Compare a month of a unit because somebody asks."""
    require(actor, Verb.INSURANCE_READ)
    unit: Unit = visible(session, actor, Unit, unit_id, "单位")
    if actor.unit_id not in (None, unit.id):
        raise NotAllowed(Finding("维保单位", False, "不是您的单位", "请由该单位或监管部门办理"))
    month, today = first_of(month), clock.local_day(at)
    raise_failing(
        [
            Finding(
                "月份",
                month <= today,
                say("%(month)s 还没有到", month=f"{month:%Y-%m}"),
                "请选择本月或以前的月份",
                field="month",
            )
        ]
    )
    return refresh(session, unit.id, month, at)


def refresh(session: AnySession, unit_id: int, month: dt.date, at: dt.datetime) -> InsuranceMonth:
    """Compare a month anew and keep what was found in the place of what was kept before."""
    unit = lock(session, Unit, unit_id)
    assert unit is not None
    filed, phones = _filed(session, unit_id, month)
    rows = _insured(session, unit_id, month)
    insured = [Named(r.id, r.name, r.phone, r.id_number) for r in rows]
    found = compare(filed, insured)
    place = {"unit_id": unit.id, "region_code": unit.region_code, "month": month}
    where = (InsuranceGap.unit_id == unit_id, InsuranceGap.month == month)
    session.execute(delete(InsuranceGap).where(*where).execution_options(synchronize_session=False))
    names, by_key = {p.key: p.name for p in filed}, {r.id: r for r in rows}
    session.add_all([
        InsuranceGap(**place, kind="uninsured", name=names[key], phone=phones[key], person_id=key)
        for key in found.uninsured
    ])  # fmt: skip
    session.add_all([
        InsuranceGap(
            **place, kind="unfiled", name=by_key[key].name, phone=by_key[key].phone, record_id=by_key[key].record_id
        )
        for key in found.unfiled
    ])  # fmt: skip
    kept = session.scalar(
        select(InsuranceMonth)
        .where(InsuranceMonth.unit_id == unit_id, InsuranceMonth.month == month)
        .execution_options(skip_scope=True)
    )
    if kept is None:
        kept = InsuranceMonth(**place)
        session.add(kept)
    kept.region_code, kept.compared_at = unit.region_code, at
    kept.records = len({r.record_id for r in rows})
    kept.filed, kept.insured = sum(p.owed for p in filed), found.both + len(found.unfiled)
    kept.uninsured, kept.unfiled = len(found.uninsured), len(found.unfiled)
    session.flush()
    return kept


def due_units(session: AnySession, at: dt.datetime) -> list[tuple[int, dt.date]]:
    """Maintenance units in force with people, each with the newest month whose records must be in there."""
    today = clock.local_day(at)
    people = select(Person.unit_id).where(or_(Person.left_on.is_(None), Person.left_on > today))
    statement = select(Unit.id, Unit.region_code).where(
        Unit.is_maintenance, Unit.approved_version > 0, Unit.id.in_(people)
    )
    days: dict[str, int] = {}
    found = []
    for key, region in session.execute(statement.order_by(Unit.id).execution_options(skip_scope=True)):
        if region not in days:
            days[region] = int(policy_value(session, Key.INSURANCE_DAY, region, today))
        found.append((key, judged_month(today, days[region])))
    return found


def judge(session: AnySession, unit_id: int, month: dt.date, at: dt.datetime) -> bool:
    """The night's comparison of a unit; its office is told of gaps once a month. True where there are any."""
    kept = refresh(session, unit_id, month, at)
    if not kept.uninsured + kept.unfiled:
        return False
    outbox.notify(
        session, at, outbox.accounts_of_unit(session, unit_id, Verb.INSURANCE_EDIT), "insurance",
        f"{month:%Y-%m} 医社保有缺口：{kept.uninsured} 人已备案未参保，{kept.unfiled} 人已参保未备案",
        "请补报缴交明细，或更新人员备案。", f"/insurance/compare/{kept.id}", f"insurance:{unit_id}:{month:%Y-%m}",
    )  # fmt: skip
    return True


def _filed(session: AnySession, unit_id: int, month: dt.date) -> tuple[list[Named], dict[int, str | None]]:
    """The unit's people in service that month."""
    statement = select(
        Person.id, Person.name, Person.phone, Person.resident_id, Person.hired_on, Person.created_at, Person.left_on
    ).where(Person.unit_id == unit_id, or_(Person.left_on.is_(None), Person.left_on >= month))
    people: list[Named] = []
    phones: dict[int, str | None] = {}
    rows = session.execute(statement.order_by(Person.id).execution_options(skip_scope=True))
    for key, name, phone, number, hired_on, created_at, left_on in rows:
        since = service_since(hired_on, created_at)
        if known_in(month, since, left_on):
            people.append(Named(key, name, phone, number, owed=owed_in(month, since, left_on)))
            phones[key] = phone
    return people, phones


def _insured(session: AnySession, unit_id: int, month: dt.date) -> list[InsuredPerson]:
    """Lines of the filed records that cover the month."""
    statement = (
        select(InsuredPerson)
        .join(InsuranceRecord, InsuranceRecord.id == InsuredPerson.record_id)
        .where(
            InsuranceRecord.unit_id == unit_id, InsuranceRecord.filed_at.is_not(None),
            InsuranceRecord.withdrawn_at.is_(None), InsuranceRecord.from_on <= last_of(month),
            InsuranceRecord.to_on >= month,
        )
        .order_by(InsuredPerson.id)
    )  # fmt: skip
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def gaps_seen(session: AnySession, actor: Actor, since: dt.date) -> int:
    """How many unit months with gaps the actor sees since a month."""
    statement = select(func.count()).select_from(InsuranceMonth).where(
        InsuranceMonth.month >= since, InsuranceMonth.uninsured + InsuranceMonth.unfiled > 0
    )
    return session.scalar(apply(statement, actor, InsuranceMonth)) or 0
