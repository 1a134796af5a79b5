"""What `flask export KIND` writes: all columns of a kind, in the words of the import's templates, without a screen.

Units, elevators, ledgers, contracts and visits begin with the columns that can be imported again; what only the
product writes (states, results) comes after them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import Select, and_, false, func, select, true
from sqlalchemy.orm import joinedload, selectinload

from app.errors import refuse
from app.listing import Column, Filter, Listing, column, related
from app.listings import as_of
from app.listings.maintenance import ORDERS, OVERDUE
from app.listings.score_items import ITEM as SCORE_ITEM
from app.listings.score_items import ITEM_EVIDENCE, ITEM_RULE, RATING_NAME, item_of
from app.models import (
    Contract,
    ContractElevator,
    Elevator,
    MaintenanceLedger,
    OverduePeriod,
    Score,
    ScoreEntry,
    ScoreRun,
    Unit,
    Visit,
)
from app.models.choices import SCORE_STATE
from app.models.region import code_span
from app.models.score import lines_between
from app.wording import together
from app.workflows.approval.filing_fields import CODES, fields_of
from app.workflows.scores.score_items import COUNTS

WHOLE_COUNTRY = "0" * 12
RULE = {
    "overdue": _l("超期"), "nonconforming": _l("不合规"), "forgiven": _l("不合规（已抵消）"), "cap": _l("封底"),
    **ITEM_RULE,
}  # fmt: skip
EVIDENCE = {"overdue": _l("超期记录"), "visit": _l("维保记录"), **ITEM_EVIDENCE}

ITEM_OF_LINE = {str(item): name for item, name in SCORE_ITEM.items()} | RATING_NAME


def _region(model: Any) -> tuple[Filter, ...]:
    return (Filter("region", _l("地区"), "region", model.region_code),)


def _all(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(c.name for c in columns)


def _made(name: str, title: Any, model: Any, columns: tuple[Column, ...], **more: Any) -> Listing:
    return Listing(
        name, title, model, columns, _all(columns), **({"filters": _region(model), "order": ("id", False)} | more)
    )


# --- units and elevators: the filed fields as they are in force


def _filed(model: Any) -> tuple[Column, ...]:
    """A column a filed field; regions by code and units by name, as the import reads them."""
    made = []
    for name in fields_of(model):
        found = column(model, name, sort=False, kind="code" if name in CODES else None)
        if name == "region_id":
            found = replace(found, value=lambda row: row.region_code, kind="code", sql=model.region_code)
        elif name.endswith("_unit_id"):
            found = related(name, found.label, getattr(model, name.removesuffix("_id")))
        made.append(found)
    return tuple(made)


UNITS = _made(
    "units", _lp("many", "单位"), Unit,
    (*_filed(Unit), column(Unit, "filing_state"), column(Unit, "info_state"), column(Unit, "approved_on")),
    then=as_of.units,
)  # fmt: skip

ELEVATORS = _made(
    "elevators", _lp("many", "电梯"), Elevator,
    (
        *_filed(Elevator), column(Elevator, "status"), column(Elevator, "filing_state"),
        column(Elevator, "info_state"), column(Elevator, "approved_on"),
    ),
    load=(selectinload(Elevator.maintenance_unit), selectinload(Elevator.use_unit)), then=as_of.elevators,
)  # fmt: skip


# --- ledgers, contracts, visits


def _code(model: Any) -> Column:
    return related("code", _l("识别码"), model.elevator, "code", "code")


LEDGERS = _made(
    "ledgers", _lp("many", "设备履历"), MaintenanceLedger,
    (
        _code(MaintenanceLedger),
        related("worker", _l("维保人员"), MaintenanceLedger.worker),
        related("co_worker", _l("协同维保人员"), MaintenanceLedger.co_worker),
        related("manager", _l("维保经理"), MaintenanceLedger.manager),
        related("team", _l("维保小组"), MaintenanceLedger.team),
        *(
            column(MaintenanceLedger, name)
            for name in (
                "mode", "interval_days", "next_half_month_on", "next_quarter_on", "next_half_year_on", "next_annual_on",
            )
        ),
        related("unit", _l("维保单位"), MaintenanceLedger.unit),
        column(MaintenanceLedger, "next_level"),
    ),
    load=(
        joinedload(MaintenanceLedger.elevator), selectinload(MaintenanceLedger.unit),
        selectinload(MaintenanceLedger.worker), selectinload(MaintenanceLedger.co_worker),
        selectinload(MaintenanceLedger.manager), selectinload(MaintenanceLedger.team),
    ),
)  # fmt: skip


class _Contracts(Listing):
    """Adds to each contract the codes of the elevators that are bound to its end, in one statement a chunk."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        bound = (
            select(ContractElevator.contract_id, Elevator.code)
            .join(Elevator, Elevator.id == ContractElevator.elevator_id)
            .join(Contract, Contract.id == ContractElevator.contract_id)
            .where(
                ContractElevator.contract_id.in_(keys), ContractElevator.removed_at.is_(None),
                ContractElevator.ends_on >= Contract.ends_on,
            )
            .order_by(Elevator.code)
        )  # fmt: skip
        codes: dict[int, dict[str, None]] = {}
        for contract_id, code in session.execute(bound):
            codes.setdefault(contract_id, {})[code] = None
        for row in rows:
            row.elevator_codes = together(codes.get(row.id, ()))
        return rows


_contract_columns = (
    *(column(Contract, name, kind="code" if name == "number" else None) for name in ("number", "kind")),
    related("unit", _l("维保单位"), Contract.unit),
    related("use_unit", _l("使用单位"), Contract.use_unit),
    *(column(Contract, name) for name in ("signed_on", "starts_on", "ends_on", "note")),
    Column("elevators", _l("电梯"), lambda row: row.elevator_codes),
)
CONTRACTS = _Contracts(
    "contracts", _lp("many", "维保合同"), Contract, _contract_columns, _all(_contract_columns),
    filters=_region(Contract), order=("id", False),
    load=(selectinload(Contract.unit), selectinload(Contract.use_unit)), then=as_of.contracts_then,
)  # fmt: skip


def _seen(name: str, label: Any, attribute: str) -> Column:
    return Column(name, label, lambda row: getattr(row, attribute), "instant", sql=getattr(Visit, attribute))


VISITS = _made(
    "visits", _l("维保记录"), Visit,
    (
        _code(Visit),
        related("unit", _l("单位"), Visit.unit),
        related("worker", _l("维保员"), Visit.worker),
        _seen("check_in", _l("签到"), "checked_in_at"),
        _seen("check_out", _l("签退"), "checked_out_at"),
        column(Visit, "mode"),
        _seen("signed", _l("现场签名"), "signed_at"),
        _seen("sheet", _l("上传时间"), "sheet_at"),
        _seen("reviewed", _l("复核时间"), "reviewed_at"),
        *(
            column(Visit, name, sort=False, said=name == "state_reason")
            for name in (
                "visit_on", "level", "state", "state_reason", "counted", "signer", "review_opinion", "problem",
                "advice", "note", "taken_over",
            )
        ),
    ),
    load=(joinedload(Visit.elevator), selectinload(Visit.unit), selectinload(Visit.worker)),
)  # fmt: skip


# --- scores and their ledger: of the newest computation for the region

_run_columns = (
    ("from_on", _l("期间起始"), "date"), ("to_on", _l("期间截止"), "date"), ("region_code", _l("计算地区"), "code"),
    ("as_of", _l("数据截至"), "instant"), ("state", _l("状态"), "choice"), ("digest", _l("内容摘要"), "code"),
)  # fmt: skip


def _of_run(read: Callable[[Any], ScoreRun]) -> tuple[Column, ...]:
    return tuple(
        Column(
            f"run_{name}", label, lambda row, name=name: getattr(read(row), name), kind,  # type: ignore[misc]
            choices=SCORE_STATE if name == "state" else None,
        )
        for name, label, kind in _run_columns
    )  # fmt: skip


SCORES = _made(
    "scores", _l("得分"), Score,
    (
        column(Score, "rank"),
        related("unit", _l("维保单位"), Score.unit),
        related("uscc", _l("统一社会信用代码"), Score.unit, "uscc", "code"),
        *(
            column(Score, name)
            for name in (
                "points", "due", "bad", "overdue", "nonconforming", "forgiven", "valid_visits", "elevators",
                "uncovered", "total", "total_rank", "stars", "credit", "rating_points",
            )
        ),
        *(column(Score, name) for item in COUNTS for name in (f"{item}_points", f"{item}_rank",
          *(f"{item}_{count}" for count in COUNTS[item]))),
        *_of_run(lambda row: row.run),
    ),
    filters=(), order=("rank", False), load=(selectinload(Score.unit), selectinload(Score.run)),
)  # fmt: skip


def lost_points(row: ScoreEntry) -> float:
    """The exact fraction to four places for the eye; numerator and denominator beside it sum to the last digit."""
    return round(float(Fraction(int(row.numerator), int(row.denominator))), 4)


def _with_score(statement: Select[Any]) -> Select[Any]:
    return statement.join(Score, Score.id == ScoreEntry.score_id).outerjoin(
        Elevator, Elevator.id == ScoreEntry.elevator_id
    )


class _Ledger(Listing):
    """Adds to each entry its score and its elevator's code, which it has no relation to."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        loading = (joinedload(Score.unit), joinedload(Score.run))
        found = session.scalars(select(Score).where(Score.id.in_({row.score_id for row in rows})).options(*loading))
        scores = {score.id: score for score in found}
        named = select(Elevator.id, Elevator.code).where(Elevator.id.in_({row.elevator_id for row in rows}))
        codes = dict(session.execute(named).all())
        for row in rows:
            row.score, row.elevator_code = scores[row.score_id], codes.get(row.elevator_id)
        return rows


_ledger_columns = (
    Column("unit", _l("维保单位"), lambda row: row.score.unit.name),
    Column("code", _l("识别码"), lambda row: row.elevator_code, "code"),
    Column("item", _l("项目"), lambda row: item_of(row.rule), "choice", choices=ITEM_OF_LINE),
    Column("rule", _l("规则"), lambda row: row.rule, "choice", choices=RULE),
    Column("happened_on", _l("日期"), lambda row: row.happened_on, "date"),
    Column("count", _l("次数"), lambda row: row.count, "number"),
    Column("lost", _l("扣分"), lost_points, "number"),
    Column("numerator", _l("分子"), lambda row: row.numerator, "code"),
    Column("denominator", _l("分母"), lambda row: row.denominator, "code"),
    Column("reason", _l("说明"), lambda row: row.reason, said=True),
    Column("evidence", _l("证据"), lambda row: row.evidence, "choice", choices=EVIDENCE),
    Column("evidence_id", _l("证据编号"), lambda row: row.evidence_id, "code"),
    *_of_run(lambda row: row.score.run),
)
LEDGER = _Ledger(
    "ledger", _l("扣分账目"), ScoreEntry, _ledger_columns, _all(_ledger_columns),
    order=("id", False), join=_with_score,
)  # fmt: skip

# Orders and missed periods in every state: a tab shows one of them only.
KINDS: dict[str, Listing] = {
    "units": UNITS, "elevators": ELEVATORS, "ledgers": LEDGERS, "contracts": CONTRACTS, "visits": VISITS,
    "orders": replace(ORDERS, default=_all(ORDERS.columns), tabs=(), filters=_region(ORDERS.model)),
    "overdue": replace(OVERDUE, default=_all(OVERDUE.columns), tabs=(), filters=_region(OverduePeriod)),
    "ledger": LEDGER, "scores": SCORES,
}  # fmt: skip


def kind(session: Any, name: str, region: str | None) -> Listing:
    """The kind's listing; scores and their ledger narrowed to one computation, so that no sum mixes two.

    A score is its computation's: one for the region itself gives all its rows, one for a wider region those of the
    units that are registered in the region asked for.
    """
    found = KINDS[name]
    if name not in ("scores", "ledger"):
        return found
    run_id, computed = newest_run(session, region)

    def inside(code: str) -> Any:
        low, high = code_span(code)
        units = select(Unit.id).where(Unit.region_code >= low, Unit.region_code < high)
        return true() if computed == code else Score.unit_id.in_(units)

    narrowed = Filter("region", _l("地区"), "region", criterion=inside)
    of_run: Any = Score.run_id == run_id
    if name == "ledger":
        first, last = session.execute(select(func.min(Score.id), func.max(Score.id)).where(of_run)).one()
        of_run = and_(of_run, lines_between(first, last)) if first is not None else false()
    return replace(found, where=lambda _moment: of_run, filters=(narrowed,))


def newest_run(session: Any, region: str | None) -> tuple[int, str]:
    """The newest computation (id, region) for the region itself, else for one above; without one the newest of all."""
    runs = session.execute(select(ScoreRun.id, ScoreRun.region_code).order_by(ScoreRun.id.desc())).all()
    if region is not None:
        own = [run for run in runs if run[1] == region]
        runs = own or [run for run in runs if run[1] == WHOLE_COUNTRY or _covers(run[1], region)]
    if not runs:
        raise refuse("得分", "还没有计算过这个地区的得分", "请先运行 flask score --from 起始日期 --to 截止日期")
    return int(runs[0][0]), str(runs[0][1])


def _covers(upper: str, lower: str) -> bool:
    low, high = code_span(upper)
    return low <= lower < high
