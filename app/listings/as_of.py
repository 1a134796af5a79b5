"""The register as of any day, as known on any day (ASO-01): units, elevators, contracts.

A row is what its version in force on the day said, of the versions that were known at the instant; the status is the
last step of force by then. What never had a version (rows from before versions were kept) stands as it is from its
approval on. Who may see a row is asked as of now: a right that ended shows nothing of the past either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, Date, Integer, Select, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session, undefer

from app import clock, scope
from app.listing import Column, Filter, Listing, Moment, Query, Sought, Tab
from app.models import Contract, ContractElevator, Elevator, Region, StatusChange, Unit, Version
from app.models.choices import CATEGORY, CONTRACT_KIND, ELEVATOR_STATUS, PLACE_TYPE, UNIT_KINDS
from app.models.region import district_code
from app.rules.contracts import CONTRACT_LABELS, contract_state, days_text
from app.wording import say, together
from app.workflows.approval.filing_fields import fields_of, snapshot
from app.workflows.contracts import contracts

CONTRACT_FIELDS = contracts.FIELDS


@dataclass(frozen=True, slots=True)
class AsOfListing(Listing):
    """A list over `history`, one row for each that was there then; `build` makes what the columns read."""

    history: Any = None
    build: Callable[[Any, Sequence[Any]], list[Any]] | None = None

    @property
    def key(self) -> Any:
        return self.history.c.id

    def statement(self, moment: Moment, query: Query, *, tab: str | None = None) -> Select[Any]:
        entity: Any = self.model
        seen = select(entity.id).where(scope.criterion(self.model, moment.actor))
        statement = select(self.key).where(self.key.in_(seen))
        return self.narrowed(statement, moment, query, tab).execution_options(skip_scope=True)

    def seek(self, moment: Moment, query: Query) -> None:
        """The search index knows the present only."""
        query.sought = Sought()

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        """Rows in the order of their keys, as they were."""
        if not keys or self.build is None:
            return []
        found = {row.id: row for row in self.build(session, keys)}
        return [found[key] for key in keys if key in found]


class Then(SimpleNamespace):
    """A row as it was. What only the present knows of it (a clock, a filing that waits) is nothing here."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


# --- histories as tables


def _versions(table: Any, name: str, on: dt.date | None, known_at: dt.datetime) -> tuple[Any, Any, Any]:
    """The version that held, and whether a row has any at all: (alias, join condition, has none)."""
    held, best, some = (Version.__table__.alias(label) for label in ("held", "best", "some"))
    mine = and_(best.c.entity == name, best.c.entity_id == table.c.id, best.c.state == "approved")
    known = and_(mine, best.c.decided_at <= known_at)
    if on is not None:
        known = and_(known, best.c.in_force_from <= on)
    number = select(func.max(best.c.number)).where(known).scalar_subquery()
    join = and_(held.c.entity == name, held.c.entity_id == table.c.id, held.c.number == number)
    any_version = select(some.c.id).where(
        some.c.entity == name, some.c.entity_id == table.c.id, some.c.state == "approved"
    )
    return held, join, ~any_version.exists()


def _field(table: Any, held: Any, name: str) -> Any:
    """A field by its version, else by the row; days as ISO text, which sorts and compares as days do."""
    declared, told = table.c[name], held.c.data[name]
    kind = declared.type
    if isinstance(kind, Boolean):
        value, own = told.as_boolean(), declared
    elif isinstance(kind, Integer):
        value, own = told.as_integer(), declared
    else:
        value, own = told.as_string(), cast(declared, String) if isinstance(kind, Date) else declared
    return case((held.c.id.is_(None), own), else_=value).label(name)


def _filed_history(model: Any, names: Sequence[str], on: dt.date, known_at: dt.datetime, *more: Any) -> Any:
    table = model.__table__
    held, join, none = _versions(table, table.name, on, known_at)
    unversioned = and_(
        none, table.c.approved_version > 0, table.c.approved_on <= min(on, clock.local_day(known_at))
    )
    region_id = _field(table, held, "region_id").element
    region: Any = Region.__table__.alias("region_then")
    code = select(region.c.code).where(region.c.id == region_id).scalar_subquery()
    statement = (
        select(table.c.id, held.c.id.label("version_id"), code.label("region_code"))
        .add_columns(*(_field(table, held, name) for name in names), *more)
        .select_from(table.outerjoin(held, join))
        .where(or_(held.c.id.is_not(None), unversioned))
    )
    return statement.subquery(f"{table.name}_then")


def _status(on: dt.date, known_at: dt.datetime) -> Any:
    """The status after the last step of force by the day, as known; before the first step, what that one moved."""
    elevator: Any = Elevator.__table__
    steps, first = StatusChange.__table__.alias("step"), StatusChange.__table__.alias("first_step")

    def of(step: Any) -> Any:
        return and_(step.c.entity == "elevator", step.c.entity_id == elevator.c.id, step.c.field == "status")

    last = (
        select(steps.c.new)
        .where(of(steps), steps.c.effective_on <= on, steps.c.known_at <= known_at)
        .order_by(steps.c.effective_on.desc(), steps.c.id.desc())
        .limit(1)
    )
    earliest = select(first.c.old).where(of(first)).order_by(first.c.effective_on, first.c.id).limit(1)
    return func.coalesce(last.scalar_subquery(), earliest.scalar_subquery(), elevator.c.status).label("status")


def _between(expression: Any) -> Callable[[Any], Any]:
    """A filter by days over ISO text."""

    def criterion(span: Any) -> Any:
        bounds = [expression >= span[0].isoformat()] if span[0] else []
        bounds += [expression <= span[1].isoformat()] if span[1] else []
        return and_(*bounds)

    return criterion


def _is(expression: Any, value: Any) -> Callable[[Moment], Any]:
    return lambda _moment: expression == value


def _values(model: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Stored values as the columns' own types."""
    columns = model.__table__.columns
    return {
        name: dt.date.fromisoformat(value) if value and isinstance(columns[name].type, Date) else value
        for name, value in data.items()
        if name in columns
    }


def _contents(session: Any, model: Any, history: Any, keys: Sequence[Any]) -> list[tuple[Any, dict[str, Any]]]:
    """(history row, its fields) for keys: from the version that held, else from the row itself."""
    rows = session.execute(select(history).where(history.c.id.in_(keys))).all()
    versions = select(Version.id, Version.data).where(Version.id.in_([r.version_id for r in rows if r.version_id]))
    data = dict(session.execute(versions).all())
    bare = [r.id for r in rows if not r.version_id]
    own = select(model).where(model.id.in_(bare)).options(undefer("*")).execution_options(skip_scope=True)
    whole = {row.id: _snapshot(row) for row in session.scalars(own)} if bare else {}
    return [(row, _values(model, data.get(row.version_id) or whole.get(row.id, {}))) for row in rows]


def _snapshot(row: Any) -> dict[str, Any]:
    if isinstance(row, Contract):
        return contracts.content(row)
    return snapshot(row)


def _names(session: Session, ids: set[Any], on: dt.date, known_at: dt.datetime) -> dict[int, SimpleNamespace]:
    """What units were called then; one that was not yet approved by its name now."""
    wanted = {key for key in ids if key}
    if not wanted:
        return {}
    now = select(Unit.id, Unit.name).where(Unit.id.in_(wanted)).execution_options(skip_scope=True)
    names = dict(session.execute(now).all())
    history = _filed_history(Unit, ("name",), on, known_at)
    names |= dict(session.execute(select(history.c.id, history.c.name).where(history.c.id.in_(wanted))).all())
    return {key: SimpleNamespace(name=name) for key, name in names.items()}


def _regions(session: Session, codes: set[Any]) -> dict[str, SimpleNamespace]:
    """Those of these codes and of the districts in which they lie."""
    wanted = {one for code in codes if code for one in (code, district_code(code))}
    found = session.execute(select(Region.code, Region.name, Region.level).where(Region.code.in_(wanted)))
    return {
        code: SimpleNamespace(name=name, district=name if level == "district" else None) for code, name, level in found
    }


def _made(name: str) -> Callable[[Any], Any]:
    """What the present is asked for in a statement is put into a row of the past when that is made."""
    return lambda row: getattr(row, name)


def _place(regions: dict[str, SimpleNamespace], code: str) -> dict[str, Any]:
    """The region of a row as it was filed then, and the district that it lies in."""
    held = regions.get(district_code(code or ""))
    return {"region": regions.get(code, SimpleNamespace(name="—")), "district": held and held.district}


def _columns(listing: Listing, history: Any, left_out: set[str]) -> tuple[Column, ...]:
    """The list's own columns without those that know no past; sorted by the history where it has them."""
    made = []
    for one in listing.columns:
        if one.name not in left_out:
            sort = history.c.get(one.name) if one.sort is not None else None
            value = _made(one.name) if one.asked else one.value
            made.append(replace(one, sort=sort, sql=None, of=None, asked=False, value=value))
    return tuple(made)


def _default(listing: Listing, columns: tuple[Column, ...]) -> tuple[str, ...]:
    there = {one.name for one in columns}
    return tuple(name for name in listing.default if name in there)


# --- elevators

_ELEVATOR_NAMES = (
    "code", "factory_no", "registration_code", "job_no", "service_no", "address", "estate", "category", "place_type",
    "maintenance_unit_id", "use_unit_id", "next_inspection_on", "commissioned_on", "inspected_on", "is_secret",
)  # fmt: skip
_ELEVATOR_NOW = {
    "limit_on", "last_visit_on", "covered_until", "filing_state", "info_state", "approved_on", "opinion", "hardware",
    "heard_at",
}  # fmt: skip


def elevators(listing: Listing, on: dt.date, known_at: dt.datetime) -> Listing:
    """The register of elevators then."""
    history = _filed_history(Elevator, _ELEVATOR_NAMES, on, known_at, _status(on, known_at))
    c, columns = history.c, _columns(listing, history, _ELEVATOR_NOW)

    def build(session: Any, keys: Sequence[Any]) -> list[Any]:
        found = _contents(session, Elevator, history, keys)
        ids = {data.get(name) for _row, data in found for name in ("maintenance_unit_id", "use_unit_id")}
        units, regions = _names(session, ids, on, known_at), _regions(session, {row.region_code for row, _d in found})
        blank = dict.fromkeys(fields_of(Elevator))
        return [
            Then(
                **blank | data | {
                    "id": row.id, "status": row.status, "region_code": row.region_code,
                    **_place(regions, row.region_code),
                    "maintenance_unit": units.get(data.get("maintenance_unit_id") or 0),
                    "use_unit": units.get(data.get("use_unit_id") or 0), "approved_version": 1,
                }
            )
            for row, data in found
        ]  # fmt: skip

    return AsOfListing(
        listing.name, listing.title, Elevator, columns,
        _default(listing, columns),
        (c.code, c.factory_no, c.registration_code, c.job_no, c.service_no, c.address, c.estate),
        (
            Filter("region", _l("所属辖区"), "region", c.region_code),
            Filter("maintenance_unit", _l("维保单位"), "lookup", c.maintenance_unit_id, lookup="units"),
            Filter("use_unit", _l("使用单位"), "lookup", c.use_unit_id, lookup="units"),
            Filter("status", _l("状态"), "choice", c.status, ELEVATOR_STATUS),
            Filter("category", _l("品种"), "choice", c.category, CATEGORY),
            Filter("place_type", _l("使用场所"), "choice", c.place_type, PLACE_TYPE),
            Filter("next_inspection", _l("下次检验日期"), "date", criterion=_between(c.next_inspection_on)),
            Filter("commissioned", _l("投用日期"), "date", criterion=_between(c.commissioned_on)),
        ),
        (
            Tab("all", _l("全部")),
            *(
                Tab(name, word, _is(c.status, name)) for name, word in ELEVATOR_STATUS.items()
            ),
        ),
        order=("code", False), search_hint=listing.search_hint, history=history, build=build, as_of=on,
        known_at=known_at, then=listing.then,
    )  # fmt: skip


def elevators_then(on: dt.date, known_at: dt.datetime) -> Any:
    """The register then as a table: id, status, region_code and the filed fields; for counting."""
    return _filed_history(Elevator, _ELEVATOR_NAMES, on, known_at, _status(on, known_at))


# --- units

_UNIT_NOW = {"filing_state", "info_state", "approved_on", "opinion"}


def units(listing: Listing, on: dt.date, known_at: dt.datetime) -> Listing:
    """The register of units then."""
    kinds = tuple(f"is_{name}" for name in UNIT_KINDS)
    history = _filed_history(
        Unit, ("name", "uscc", "licence_no", "licence_grade", "licence_until", *kinds), on, known_at
    )
    c, columns = history.c, _columns(listing, history, _UNIT_NOW)

    def build(session: Any, keys: Sequence[Any]) -> list[Any]:
        found = _contents(session, Unit, history, keys)
        regions = _regions(session, {row.region_code for row, _d in found})
        blank = dict.fromkeys(fields_of(Unit))
        return [
            Then(
                **blank | data | {
                    "id": row.id, **_place(regions, row.region_code),
                    "kinds": [name for name in UNIT_KINDS if data.get(f"is_{name}")], "region_code": row.region_code,
                    "approved_version": 1,
                }
            )
            for row, data in found
        ]  # fmt: skip

    return AsOfListing(
        listing.name, listing.title, Unit, columns,
        _default(listing, columns),
        (c.name, c.uscc, c.licence_no),
        (
            Filter("name", _l("单位名称"), "text", c.name),
            Filter("licence_no", _l("资格证书编号"), "text", c.licence_no),
            Filter("licence_grade", _l("级别"), "text", c.licence_grade),
            Filter("region", _l("所在地区"), "region", c.region_code),
            Filter("licence_until", _l("许可有效期至"), "date", criterion=_between(c.licence_until)),
        ),
        (
            Tab("all", _l("全部")),
            *(
                Tab(name, word, _is(c[f"is_{name}"], True)) for name, word in UNIT_KINDS.items()
            ),
        ),
        order=("name", False), search_hint=listing.search_hint, history=history, build=build, as_of=on,
        known_at=known_at, then=listing.then,
    )  # fmt: skip


# --- contracts


def contracts_then(listing: Listing, on: dt.date, known_at: dt.datetime) -> Listing:
    """The contracts known then, with the elevators that they covered on the day."""
    table: Any = Contract.__table__
    held, join, none = _versions(table, table.name, None, known_at)
    bound: Any = ContractElevator.__table__.alias("bound_then")
    live = and_(
        bound.c.added_at <= known_at, bound.c.starts_on <= on, bound.c.ends_on >= on,
        or_(bound.c.removed_at.is_(None), bound.c.removed_at > known_at),
    )  # fmt: skip
    covered = (
        select(func.count(func.distinct(bound.c.elevator_id)))
        .where(bound.c.contract_id == table.c.id, live)
        .scalar_subquery()
    )
    history = (
        select(
            table.c.id, held.c.id.label("version_id"), table.c.unit_id, table.c.region_code, table.c.created_at,
            covered.label("elevators"), literal("").label("created_by"),
            *(_field(table, held, name) for name in ("number", "kind", "signed_on", "starts_on", "ends_on", "note")),
        )
        .select_from(table.outerjoin(held, join))
        .where(or_(held.c.id.is_not(None), and_(none, table.c.created_at <= known_at)))
        .subquery("contract_then")
    )  # fmt: skip
    c, day = history.c, on.isoformat()

    def build(session: Any, keys: Sequence[Any]) -> list[Any]:
        found = _contents(session, Contract, history, keys)
        ids = {row.unit_id for row, _d in found} | {data.get("use_unit_id") for _row, data in found}
        names, codes = _names(session, ids, on, known_at), _codes(session, keys, bound, live)
        return [
            Then(
                **dict.fromkeys(CONTRACT_FIELDS) | data | {
                    "id": row.id, "unit": names.get(row.unit_id, SimpleNamespace(name="—")),
                    "use_unit": names.get(data.get("use_unit_id") or 0), "elevator_count": row.elevators,
                    "created_at": row.created_at, "author": None, "elevator_codes": together(codes.get(row.id, ())),
                }
            )
            for row, data in found
        ]  # fmt: skip

    def state(row: Any) -> str:
        held_state = contract_state(row.starts_on, row.ends_on, on, -1)
        return say(
            "%(held_state)s %(days_text)s",
            held_state=CONTRACT_LABELS[held_state],
            days_text=days_text(row.starts_on, row.ends_on, on),
        )

    columns = tuple(
        Column("state", one.label, state) if one.name == "state" else one
        for one in _columns(listing, history, {"created_by"})
    )
    return AsOfListing(
        listing.name, listing.title, Contract, columns,
        _default(listing, columns),
        (c.number, c.note),
        (
            Filter("kind", _l("合同属性"), "choice", c.kind, CONTRACT_KIND),
            Filter("unit", _l("维保单位"), "lookup", c.unit_id, lookup="maintenance_units"),
            Filter("ends", _l("截止日期"), "date", criterion=_between(c.ends_on)),
            Filter("region", _l("所属辖区"), "region", c.region_code),
        ),
        (
            Tab("all", _l("全部")),
            Tab("pending", _l("待生效"), lambda m: c.starts_on > day),
            Tab("active", _l("生效中"), lambda m: and_(c.starts_on <= day, c.ends_on >= day)),
            Tab("ended", _l("已失效"), lambda m: c.ends_on < day),
        ),
        order=("number", False), search_hint=listing.search_hint, history=history, build=build, as_of=on,
        known_at=known_at, then=listing.then,
    )  # fmt: skip


def _codes(session: Session, keys: Sequence[Any], bound: Any, live: Any) -> dict[int, dict[str, None]]:
    """By contract the codes of the elevators that it covered on the day."""
    elevator: Any = Elevator.__table__
    rows = session.execute(
        select(bound.c.contract_id, elevator.c.code)
        .join_from(bound, elevator, elevator.c.id == bound.c.elevator_id)
        .where(bound.c.contract_id.in_(keys), live)
        .order_by(elevator.c.code)
    )
    codes: dict[int, dict[str, None]] = {}
    for contract_id, code in rows:
        codes.setdefault(contract_id, {})[code] = None
    return codes
