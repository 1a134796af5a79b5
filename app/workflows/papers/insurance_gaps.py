"""Filed people beside insured people, unit by unit and month by month; kept, so that lists and warnings read it.

A month is compared when a record of it is filed or withdrawn, when somebody asks, and each night once its records
must be in. The night looks at many units at once and takes up those one by one of whom something is to be written.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select, update

from app import clock
from app.errors import Finding, NotAllowed, raise_failing
from app.models import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson, Person, Unit
from app.models.person import service_since
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_start
from app.rules.insurance import Named, compare, first_of, judged_month, known_in, last_of, owed_in
from app.scope import apply, visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import outbox


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
    found = _outcomes(session, [unit_id], month)[unit_id]
    place = {"unit_id": unit.id, "region_code": unit.region_code, "month": month}
    kept: InsuranceMonth | None = session.scalar(
        select(InsuranceMonth)
        .where(InsuranceMonth.unit_id == unit_id, InsuranceMonth.month == month)
        .execution_options(skip_scope=True)
    )
    if kept is None:
        kept = InsuranceMonth(**place, compared_at=at)
        session.add(kept)
    elif _kept(session, [unit_id], month).get(unit_id) == (unit.region_code, found):
        # What was kept is what would be written: the gaps keep their rows.
        kept.compared_at = at
        session.flush()
        return kept
    where = (InsuranceGap.unit_id == unit_id, InsuranceGap.month == month)
    session.execute(delete(InsuranceGap).where(*where).execution_options(synchronize_session=False))
    session.add_all([InsuranceGap(**place, **gap._asdict()) for gap in found.gaps])
    kept.region_code, kept.compared_at = unit.region_code, at
    kept.records, kept.filed, kept.insured = found.records, found.filed, found.insured
    kept.uninsured, kept.unfiled = found.uninsured, found.unfiled
    session.flush()
    return kept


def settle(session: AnySession, units: Sequence[int], month: dt.date, at: dt.datetime) -> list[int]:
    """Look at many units at once: those of whom a comparison would write or tell something. The others are done.

    Of these it is only noted, once a day, that they were compared; nobody is held.
    """
    regions = dict(
        session.execute(
            select(Unit.id, Unit.region_code).where(Unit.id.in_(units)).execution_options(skip_scope=True)
        ).all()
    )
    outcomes, kept = _outcomes(session, units, month), _kept(session, units, month)
    same = [key for key in units if not outcomes[key].gaps and kept.get(key) == (regions[key], outcomes[key])]
    today = day_start(clock.local_day(at))
    session.execute(
        update(InsuranceMonth)
        .where(InsuranceMonth.unit_id.in_(same), InsuranceMonth.month == month, InsuranceMonth.compared_at < today)
        .values(compared_at=at)
        .execution_options(skip_scope=True, synchronize_session=False)
    )
    done = set(same)
    return [key for key in units if key not in done]


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
        say("%(month)s 医社保有缺口：%(uninsured)s 人已备案未参保，%(unfiled)s 人已参保未备案",
            month=f"{month:%Y-%m}", uninsured=kept.uninsured, unfiled=kept.unfiled),
        say("请补报缴交明细，或更新人员备案。"), f"/insurance/compare/{kept.id}", f"insurance:{unit_id}:{month:%Y-%m}",
    )  # fmt: skip
    return True


# --- one comparison


class _Gap(NamedTuple):
    """A gap as its row holds it."""

    kind: str
    name: str
    phone: str | None
    person_id: int | None
    record_id: int | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a comparison finds, and what was kept of one: equal where nothing has changed."""

    records: int
    filed: int
    insured: int
    uninsured: int
    unfiled: int
    gaps: tuple[_Gap, ...]


def _outcomes(session: AnySession, units: Sequence[int], month: dt.date) -> dict[int, _Outcome]:
    """The comparison of each unit, by two statements for all of them."""
    filed, insured = _filed(session, units, month), _insured(session, units, month)
    return {key: _outcome(filed.get(key, []), insured.get(key, [])) for key in units}


def _outcome(filed: list[Named], rows: list[Any]) -> _Outcome:
    found = compare(filed, [Named(r.id, r.name, r.phone, r.id_number) for r in rows])
    people, lines = {p.key: p for p in filed}, {r.id: r for r in rows}
    gaps = [_Gap("uninsured", people[key].name, people[key].phone, key, None) for key in found.uninsured]
    gaps += [_Gap("unfiled", lines[key].name, lines[key].phone, None, lines[key].record_id) for key in found.unfiled]
    return _Outcome(
        len({r.record_id for r in rows}), sum(p.owed for p in filed), found.both + len(found.unfiled),
        len(found.uninsured), len(found.unfiled), tuple(gaps),
    )  # fmt: skip


def _kept(session: AnySession, units: Sequence[int], month: dt.date) -> dict[int, tuple[str, _Outcome]]:
    """What is kept of a month of each unit that was compared, beside the region that it was kept for."""
    gap, row = InsuranceGap, InsuranceMonth
    gaps: dict[int, list[_Gap]] = defaultdict(list)
    statement = select(gap.unit_id, gap.kind, gap.name, gap.phone, gap.person_id, gap.record_id).where(
        gap.unit_id.in_(units), gap.month == month
    )
    # In the order in which they were found.
    for g in session.execute(statement.order_by(gap.id).execution_options(skip_scope=True)):
        gaps[g.unit_id].append(_Gap(g.kind, g.name, g.phone, g.person_id, g.record_id))
    kept = select(
        row.unit_id, row.region_code, row.records, row.filed, row.insured, row.uninsured, row.unfiled
    ).where(row.unit_id.in_(units), row.month == month)  # fmt: skip
    return {
        r.unit_id: (
            r.region_code, _Outcome(r.records, r.filed, r.insured, r.uninsured, r.unfiled, tuple(gaps[r.unit_id]))
        )
        for r in session.execute(kept.execution_options(skip_scope=True))
    }  # fmt: skip


def _filed(session: AnySession, units: Sequence[int], month: dt.date) -> dict[int, list[Named]]:
    """The people of each unit in service that month."""
    statement = select(
        Person.unit_id, Person.id, Person.name, Person.phone, Person.resident_id, Person.hired_on, Person.created_at,
        Person.left_on,
    ).where(Person.unit_id.in_(units), or_(Person.left_on.is_(None), Person.left_on >= month))  # fmt: skip
    people: dict[int, list[Named]] = defaultdict(list)
    rows = session.execute(statement.order_by(Person.id).execution_options(skip_scope=True))
    for unit_id, key, name, phone, number, hired_on, created_at, left_on in rows:
        since = service_since(hired_on, created_at)
        if known_in(month, since, left_on):
            people[unit_id].append(Named(key, name, phone, number, owed=owed_in(month, since, left_on)))
    return people


def _insured(session: AnySession, units: Sequence[int], month: dt.date) -> dict[int, list[Any]]:
    """Lines of each unit's filed records that cover the month."""
    line = InsuredPerson
    statement = (
        select(
            InsuranceRecord.unit_id.label("of_unit"), line.id, line.name, line.phone, line.id_number, line.record_id
        )
        .join(InsuranceRecord, InsuranceRecord.id == line.record_id)
        .where(
            InsuranceRecord.unit_id.in_(units), InsuranceRecord.filed_at.is_not(None),
            InsuranceRecord.withdrawn_at.is_(None), InsuranceRecord.from_on <= last_of(month),
            InsuranceRecord.to_on >= month,
        )
        .order_by(line.id)
    )  # fmt: skip
    lines: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(statement.execution_options(skip_scope=True)):
        lines[row.of_unit].append(row)
    return lines


def gaps_seen(session: AnySession, actor: Actor, since: dt.date) -> int:
    """How many unit months with gaps the actor sees since a month."""
    statement = select(func.count()).select_from(InsuranceMonth).where(
        InsuranceMonth.month >= since, InsuranceMonth.uninsured + InsuranceMonth.unfiled > 0
    )
    return session.scalar(apply(statement, actor, InsuranceMonth)) or 0
