"""双随机抽查: the draws, and what they chose with its result (TGT-01)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from app import scope
from app.listing import Column, Filter, Listing, Moment, Tab, column, register, related
from app.models import SpotCheck, SpotDraw, Unit
from app.models.spot import CHECK_STATE, DRAW_STATE, DRAW_TARGET, STRATUM
from app.rules.spot_checks import PART_NAMES, Part
from app.wording import say, together

WAITING = SpotCheck.state == "waiting"


def late(m: Moment) -> Any:
    """The day until which it was to be checked, or put right, is over."""
    return and_(SpotCheck.state.in_(("waiting", "fixing")), SpotCheck.due_at <= m.now)


def mine(m: Moment) -> Any:
    """Of a regulator those that he was drawn for."""
    return or_(SpotCheck.inspector_id == (m.actor.user_id or 0), SpotCheck.partner_id == (m.actor.user_id or 0))


def points(hundredths: int) -> str:
    """A risk as it is printed: 12.5, not 1250."""
    return f"{hundredths / 100:g}"


def parts_words(parts: dict[str, int]) -> str:
    """What makes a risk, the heaviest first."""
    row = sorted(parts.items(), key=lambda part: -part[1])
    return together(
        (say("%(p)s %(n)s 分", p=PART_NAMES[Part(name)], n=points(count)) for name, count in row), "、"
    )


def inspectors_of(row: SpotCheck) -> str:
    people = (one.get_full_name() for one in (row.inspector, row.partner) if one is not None)
    return together(people, "、")


DRAWS = register(
    Listing(
        name="spot_draws",
        title=_l("抽查"),
        model=SpotDraw,
        columns=(
            column(SpotDraw, "number", kind="code"),
            column(SpotDraw, "title", sort=False),
            column(SpotDraw, "kind", sort=False),
            column(SpotDraw, "quota"),
            column(SpotDraw, "risk_percent"),
            column(SpotDraw, "population_count"),
            column(SpotDraw, "as_of"),
            column(SpotDraw, "check_until"),
            column(SpotDraw, "state", sort=False),
            column(SpotDraw, "drawn_at"),
            column(SpotDraw, "seed_text", sort=False),
            column(SpotDraw, "seed", sort=False),
            column(SpotDraw, "population_digest", sort=False),
            column(SpotDraw, "commitment", sort=False),
            column(SpotDraw, "cancel_reason", sort=False),
        ),
        default=("number", "title", "kind", "quota", "population_count", "check_until", "state", "drawn_at"),
        search=(SpotDraw.number, SpotDraw.title),
        search_hint=_l("抽查编号、名称"),
        filters=(
            Filter("target", _l("抽查对象"), "choice", SpotDraw.kind, DRAW_TARGET),
            Filter("state", _l("状态"), "choice", SpotDraw.state, DRAW_STATE),
            Filter("drawn", _l("抽取日期"), "date", SpotDraw.drawn_at),
            Filter("region", _l("所属辖区"), "region", SpotDraw.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("announced", _l("待抽取"), lambda m: SpotDraw.state == "announced", "near"),
            Tab("drawn", _l("已抽取"), lambda m: SpotDraw.state == "drawn"),
            Tab("cancelled", _l("已作废"), lambda m: SpotDraw.state == "cancelled"),
        ),
        order=("number", True),
    )
)  # fmt: skip

CHECKS = register(
    Listing(
        name="spot_checks",
        title=_l("双随机抽查"),
        model=SpotCheck,
        columns=(
            column(SpotCheck, "code", kind="code"),
            column(SpotCheck, "name", sort=False),
            related("unit", _l("被检查单位"), SpotCheck.unit),
            related("draw", _l("抽查编号"), SpotCheck.draw, "number", "code"),
            column(SpotCheck, "stratum", sort=False),
            Column("risk", _l("风险分"), lambda row: row.risk / 100, "number", SpotCheck.risk),
            Column("parts", _l("风险构成"), lambda row: parts_words(row.parts)),
            Column("inspectors", _l("检查人员"), inspectors_of),
            column(SpotCheck, "state", sort=False),
            column(SpotCheck, "due_at"),
            column(SpotCheck, "checked_at"),
            column(SpotCheck, "findings", sort=False),
            column(SpotCheck, "demand", sort=False),
            column(SpotCheck, "fixed_at"),
            column(SpotCheck, "fix_note", sort=False),
            column(SpotCheck, "closed_at"),
            column(SpotCheck, "close_note", sort=False),
        ),
        default=("code", "name", "unit", "draw", "stratum", "inspectors", "due_at", "state"),
        search=(SpotCheck.code, SpotCheck.name, Unit.name),
        search_hint=_l("代码、名称、单位"),
        join=lambda s: s.outerjoin(Unit, Unit.id == SpotCheck.unit_id),
        filters=(
            Filter("draw", _l("抽查"), "lookup", SpotCheck.draw_id, lookup="spot_draws"),
            Filter("state", _l("状态"), "choice", SpotCheck.state, CHECK_STATE),
            Filter("stratum", _l("抽取方式"), "choice", SpotCheck.stratum, STRATUM),
            Filter("drawn", _l("抽取日期"), "date", SpotCheck.created_at),
            Filter("checked", _l("检查日期"), "date", SpotCheck.checked_at),
            Filter("unit", _l("被检查单位"), "lookup", SpotCheck.unit_id, lookup="units"),
            Filter("elevator", _l("电梯"), "lookup", SpotCheck.elevator_id, lookup="elevators"),
            Filter("region", _l("所属辖区"), "region", SpotCheck.region_code),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("mine", _l("抽到我的"), mine),
            Tab("waiting", _l("待检查"), lambda m: WAITING, "near"),
            Tab("fixing", _l("待整改"), lambda m: SpotCheck.state == "fixing", "over"),
            Tab("fixed", _l("待复查"), lambda m: SpotCheck.state == "fixed", "near"),
            Tab("late", _l("逾期"), late, "over"),
            Tab("done", _l("已办结"), lambda m: SpotCheck.state.in_(("fine", "closed", "void"))),
        ),
        order=("id", True),
        load=(joinedload(SpotCheck.unit), joinedload(SpotCheck.draw), joinedload(SpotCheck.inspector),
              joinedload(SpotCheck.partner)),
    )
)  # fmt: skip


def count(m: Moment, *more: Any) -> Any:
    """How many of the actor's checks meet these, as a part of another statement."""
    seen = scope.criterion(SpotCheck, m.actor)
    return select(func.count()).select_from(SpotCheck).where(seen, *more).scalar_subquery()
