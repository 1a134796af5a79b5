"""医社保缴交明细 (UNT-09): records, months as compared, and each person of a gap."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from app.listing import Column, Filter, Listing, Tab, column, register, related
from app.models import InsuranceGap, InsuranceMonth, InsuranceRecord, InsuredPerson, Unit
from app.models.insurance import GAP_KIND


def month_word(month: dt.date) -> str:
    return f"{month:%Y-%m}"


def state_of(row: InsuranceRecord) -> str:
    """draft, filed or withdrawn."""
    return "withdrawn" if row.withdrawn_at else "filed" if row.filed_at else "draft"


STATES = {"draft": _l("待上报"), "filed": _l("已上报"), "withdrawn": _l("已撤回")}


class _Records(Listing):
    """Adds to each record how many people it names, in one statement a page."""

    def by_keys(self, session: Any, keys: Any) -> list[Any]:
        rows = super().by_keys(session, keys)
        counted = select(InsuredPerson.record_id, func.count()).where(InsuredPerson.record_id.in_(keys))
        counts = dict(session.execute(counted.group_by(InsuredPerson.record_id)).all())
        for row in rows:
            row.people_count = counts.get(row.id, 0)
        return rows


RECORDS = register(
    _Records(
        name="insurance_records",
        title=_l("医社保缴交明细"),
        model=InsuranceRecord,
        columns=(
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(InsuranceRecord, "payer"),
            Column("from_on", _l("开始"), lambda row: month_word(row.from_on), "code", InsuranceRecord.from_on),
            Column("to_on", _l("结束"), lambda row: month_word(row.to_on), "code", InsuranceRecord.to_on),
            Column("people", _l("人数"), lambda row: row.people_count, "number"),
            Column("state", _l("状态"), lambda row: str(STATES[state_of(row)])),
            column(InsuranceRecord, "filed_at"),
            column(InsuranceRecord, "withdrawn_note", sort=False),
            column(InsuranceRecord, "note", sort=False),
        ),
        default=("payer", "from_on", "to_on", "people", "state", "filed_at", "unit", "note"),
        own={"maintenance": {"unit": ""}},
        search=(InsuranceRecord.payer,),
        search_hint=_l("缴纳公司"),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", InsuranceRecord.unit_id, lookup="units"),
            Filter("from", _l("开始"), "date", InsuranceRecord.from_on),
            Filter("region", _l("所属辖区"), "region", InsuranceRecord.region_code),
        ),
        tabs=(
            Tab(
                "filed", _l("已上报"),
                lambda m: and_(InsuranceRecord.filed_at.is_not(None), InsuranceRecord.withdrawn_at.is_(None)),
            ),
            Tab("draft", _l("待上报"), lambda m: InsuranceRecord.filed_at.is_(None), "near"),
            Tab("withdrawn", _l("已撤回"), lambda m: InsuranceRecord.withdrawn_at.is_not(None)),
            Tab("all", _l("全部")),
        ),
        order=("id", True),
        load=(joinedload(InsuranceRecord.unit),),
    )
)  # fmt: skip


def _record(*criteria: Any) -> Any:
    """People of the records of which this holds."""
    return InsuredPerson.record_id.in_(select(InsuranceRecord.id).where(*criteria))


def _of_state(state: str) -> Any:
    return lambda _moment: _record(*{
        "draft": (InsuranceRecord.filed_at.is_(None),),
        "filed": (InsuranceRecord.filed_at.is_not(None), InsuranceRecord.withdrawn_at.is_(None)),
        "withdrawn": (InsuranceRecord.withdrawn_at.is_not(None),),
    }[state])  # fmt: skip


PEOPLE = register(
    Listing(
        name="insured_people",
        title=_l("参保人员"),
        model=InsuredPerson,
        # As the template has them, so that what was exported comes back by update-import (IMP-02).
        columns=(
            related("payer", _l("缴纳公司"), InsuredPerson.record, "payer"),
            related("from_on", _l("开始"), InsuredPerson.record, "from_on", "date"),
            related("to_on", _l("结束"), InsuredPerson.record, "to_on", "date"),
            column(InsuredPerson, "name"),
            column(InsuredPerson, "id_number", kind="code", sort=False),
            column(InsuredPerson, "phone", sort=False),
            Column("state", _l("状态"), lambda row: str(STATES[state_of(row.record)])),
            Column("unit", _l("维保单位"), lambda row: row.record.unit.name),
        ),
        default=("name", "id_number", "phone", "payer", "from_on", "to_on", "state", "unit"),
        own={"maintenance": {"unit": ""}},
        search=(InsuredPerson.name,),
        search_hint=_l("姓名"),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", InsuredPerson.unit_id, lookup="units"),
            Filter(
                "payer", _l("缴纳公司"), "text",
                criterion=lambda typed: _record(InsuranceRecord.payer.contains(typed, autoescape=True)),
            ),
            Filter(
                "month", _l("月份"), "date",
                criterion=lambda days: _record(
                    InsuranceRecord.to_on >= (days[0] or dt.date.min),
                    InsuranceRecord.from_on <= (days[1] or dt.date.max),
                ),
            ),
            Filter("region", _l("所属辖区"), "region", InsuredPerson.region_code),
        ),
        tabs=(*(Tab(key, word, _of_state(key)) for key, word in STATES.items()), Tab("all", _l("全部"))),
        order=("id", True),
        load=(joinedload(InsuredPerson.record).joinedload(InsuranceRecord.unit),),
    )
)


def with_gaps() -> Any:
    return InsuranceMonth.uninsured + InsuranceMonth.unfiled > 0


MONTHS = register(
    Listing(
        name="insurance_months",
        title=_l("参保比对"),
        model=InsuranceMonth,
        columns=(
            Column("month", _l("月份"), lambda row: month_word(row.month), "code", InsuranceMonth.month),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(InsuranceMonth, "records"),
            column(InsuranceMonth, "filed"),
            column(InsuranceMonth, "insured"),
            column(InsuranceMonth, "uninsured"),
            column(InsuranceMonth, "unfiled"),
            column(InsuranceMonth, "compared_at"),
        ),
        default=("month", "unit", "records", "filed", "insured", "uninsured", "unfiled", "compared_at"),
        search=(Unit.name,),
        search_key=InsuranceMonth.unit_id,
        search_hint=_l("维保单位名称"),
        join=lambda statement: statement.join(Unit, Unit.id == InsuranceMonth.unit_id),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", InsuranceMonth.unit_id, lookup="units"),
            Filter("month", _l("月份"), "date", InsuranceMonth.month),
            Filter("region", _l("所属辖区"), "region", InsuranceMonth.region_code),
        ),
        tabs=(
            Tab("gaps", _l("有缺口"), lambda m: with_gaps(), "over"),
            Tab("none", _l("没有缴交明细"), lambda m: InsuranceMonth.records == 0),
            Tab("even", _l("一致"), lambda m: InsuranceMonth.uninsured + InsuranceMonth.unfiled == 0),
            Tab("all", _l("全部")),
        ),
        order=("month", True),
        load=(joinedload(InsuranceMonth.unit),),
    )
)


def _of_kind(kind: str) -> Any:
    return lambda m: InsuranceGap.kind == kind


GAPS = register(
    Listing(
        name="insurance_gaps",
        title=_l("参保缺口人员"),
        model=InsuranceGap,
        columns=(
            column(InsuranceGap, "name"),
            column(InsuranceGap, "kind", sort=False),
            Column("month", _l("月份"), lambda row: month_word(row.month), "code", InsuranceGap.month),
            Column("unit", _l("维保单位"), lambda row: row.unit.name),
            column(InsuranceGap, "phone", sort=False),
            related("certificate_no", _l("作业人员证编号"), InsuranceGap.person, "certificate_no", "code"),
        ),
        default=("name", "kind", "month", "unit", "phone", "certificate_no"),
        own={"maintenance": {"unit": ""}},
        search=(InsuranceGap.name,),
        search_hint=_l("姓名"),
        filters=(
            Filter("unit", _l("维保单位"), "lookup", InsuranceGap.unit_id, lookup="units"),
            Filter("month", _l("月份"), "date", InsuranceGap.month),
            Filter("region", _l("所属辖区"), "region", InsuranceGap.region_code),
        ),
        tabs=(
            *(Tab(key, label, _of_kind(key)) for key, label in GAP_KIND.items()),
            Tab("all", _l("全部")),
        ),
        order=("month", True),
        load=(joinedload(InsuranceGap.unit), joinedload(InsuranceGap.person)),
    )
)
