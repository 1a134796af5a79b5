"""The elevators on a contract's page: those under it and those that can be put under it, each searched and paged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from flask_babel import gettext as _
from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app import clock, scope, search
from app.errors import Finding
from app.extensions import db
from app.models import Contract, ContractElevator, Elevator, MaintenanceClock, Unit
from app.models.region import in_region
from app.rules.addresses import words_of
from app.transaction import AnySession
from app.views.frame.account_forms import number
from app.views.frame.carrying import MOST_CARRIED
from app.views.frame.policy_words import place, region_names
from app.workflows.contracts import contracts
from app.workflows.desk import gates

PAGE = 50
# What a search found is put under a contract at once up to this many: a city's largest unit has fewer.
MOST_AT_ONCE = 20_000
# So many units are a choice; of more the words find the one that is meant.
MOST_UNITS = 500
_FOUND_BY = (Elevator.code, Elevator.registration_code, Elevator.factory_no, Elevator.address, Elevator.estate)


@dataclass(frozen=True, slots=True)
class Seek:
    """What one of the two tables is narrowed to; `prefix` keeps the names of both apart in the address."""

    prefix: str
    q: str = ""
    region: str = ""
    use_unit: int | None = None
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str], prefix: str = "") -> Seek:
        def said(name: str, most: int) -> str:
            return given.get(prefix + name, "")[:most].strip()

        region = said("region", 12)
        return cls(
            prefix, said("q", 60), region if len(region) == 12 and region.isdigit() else "",
            number(said("use_unit", 18)), max(number(said("page", 6)) or 1, 1),
        )  # fmt: skip

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.region or self.use_unit)

    def named(self) -> dict[str, Any]:
        """As fields of a form or an address, without the page."""
        values = {"q": self.q, "region": self.region, "use_unit": self.use_unit}
        return {self.prefix + name: value for name, value in values.items() if value}

    def among(self, statement: Select[Any]) -> Select[Any]:
        for word in words_of(self.q):
            unit = select(Unit.id).where(search.contains((Unit.name,), word))
            statement = statement.where(or_(search.contains(_FOUND_BY, word), Elevator.use_unit_id.in_(unit)))
        if self.region:
            statement = statement.where(in_region(Elevator.region_code, self.region))
        return statement if self.use_unit is None else statement.where(Elevator.use_unit_id == self.use_unit)


@dataclass(frozen=True, slots=True)
class Table:
    """A page of rows, how many there are in all, the links to the others, and what one may narrow to."""

    rows: list[Any]
    total: int
    pages: dict[str, Any]
    seek: Seek
    regions: list[tuple[str, str]]
    units: list[tuple[int, str]]


def standing(row: Contract) -> tuple[int, int, bool]:
    """Elevators that it covers today or later (of one that is over, to its end, as the list counts them), lines in all,
    and whether one that it covers now was bound after its first day."""
    today = clock.today()
    kept = ContractElevator.ends_on >= min(today, row.ends_on)
    runs = ContractElevator.ends_on >= today
    late = runs & (ContractElevator.starts_on > row.starts_on)
    covered, lines, tardy = db.session.execute(
        _lines(row.id).with_only_columns(
            func.count(func.distinct(case((kept, ContractElevator.elevator_id)))), func.count(),
            func.count(case((late, 1))),
        ).execution_options(skip_scope=True)
    ).one()  # fmt: skip
    return covered, lines, tardy > 0


def bound(row: Contract) -> Table:
    """The lines of the contract that the reader may see, those that run longest first."""
    seek = Seek.of(request.args, "b_")
    found = seek.among(_lines(row.id))
    total = _count(found)
    page = _page(seek, total)
    newest = (ContractElevator.ends_on.desc(), Elevator.code, ContractElevator.id)
    shown = found.order_by(*newest).limit(PAGE).offset((page - 1) * PAGE).options(
        joinedload(ContractElevator.elevator).selectinload(Elevator.use_unit)
    )
    rows = list(db.session.scalars(shown.execution_options(skip_scope=True)))
    return Table(rows, total, _links(row.id, seek, page, total, "bound"), seek, *_choices(_lines(row.id)))


def free(row: Contract, seek: Seek) -> Table:
    """Elevators of the contract's unit that are not under it; what stops one of them is told beside it."""
    found = seek.among(_free(row))
    total = _count(found)
    page = _page(seek, total)
    shown = found.with_only_columns(Elevator).order_by(Elevator.code, Elevator.id)
    shown = shown.limit(PAGE).offset((page - 1) * PAGE).options(selectinload(Elevator.use_unit))
    rows = list(db.session.scalars(shown.execution_options(skip_scope=True)))
    return Table(rows, total, _links(row.id, seek, page, total, "add"), seek, *_choices(_free(row)))


def bind_found(session: AnySession, row: Contract, seek: Seek) -> tuple[int, int, list[Finding]]:
    """Put all that a search finds under the contract, but for those that another one holds: how many, how many not, and
    why."""
    wanted = seek.among(_free(row)).with_only_columns(Elevator).order_by(Elevator.id).limit(MOST_AT_ONCE)
    found = list(session.scalars(wanted.execution_options(skip_scope=True)))
    stopped = gates.of_binding(session, g.actor, row, found, clock.today())
    keys = [key for key, why in stopped.items() if not why]
    made = contracts.bind(session, g.actor, row.id, keys, clock.now()) if keys else []
    return len(made), len(found) - len(keys), [why for some in stopped.values() for why in some]


def carried(given: Iterable[str]) -> list[Elevator]:
    """The elevators that came along from a list (`elevator-17`), as far as the reader sees them, by their codes."""
    keys = [number(word.removeprefix("elevator-")) for word in list(given)[:MOST_CARRIED]]
    named = select(Elevator).where(Elevator.id.in_([key for key in keys if key is not None]))
    named = scope.apply(named, g.actor, Elevator).order_by(Elevator.code, Elevator.id)
    return list(db.session.scalars(named.execution_options(skip_scope=True)))


def terms_for(rows: Sequence[Elevator], today: dt.date) -> dict[str, Any]:
    """What a new contract for these begins with where all agree: their use unit, and the first day that none covers."""
    ends = select(MaintenanceClock.covered_until).where(MaintenanceClock.elevator_id.in_([row.id for row in rows]))
    covered = set(db.session.scalars(scope.apply(ends, g.actor, MaintenanceClock).execution_options(skip_scope=True)))
    starts = {today if day is None or day < today else day + dt.timedelta(days=1) for day in covered}
    users = {row.use_unit_id for row in rows}
    return {
        "kind": "normal", "starts_on": starts.pop() if len(starts) == 1 else "",
        "use_unit_id": users.pop() if len(users) == 1 else None,
    }


def nothing() -> Finding:
    return Finding(_("追加电梯"), False, _("没有找到可追加的电梯"), _("请换个条件查找"))


def _lines(contract_id: int) -> Select[Any]:
    lines = select(ContractElevator).join(Elevator, Elevator.id == ContractElevator.elevator_id).where(
        ContractElevator.contract_id == contract_id, ContractElevator.removed_at.is_(None)
    )
    return scope.apply(lines, g.actor, ContractElevator)


def _free(row: Contract) -> Select[Any]:
    held = select(ContractElevator.id).where(
        ContractElevator.elevator_id == Elevator.id, ContractElevator.contract_id == row.id,
        ContractElevator.removed_at.is_(None), ContractElevator.ends_on >= clock.today(),
    )  # fmt: skip
    own = select(Elevator.id).where(
        Elevator.maintenance_unit_id == row.unit_id, Elevator.approved_version > 0, Elevator.status != "scrapped",
        ~held.exists(),
    )  # fmt: skip
    return scope.apply(own, g.actor, Elevator)


def _count(found: Select[Any]) -> int:
    counted = found.with_only_columns(func.count()).order_by(None)
    return db.session.scalar(counted.execution_options(skip_scope=True)) or 0


def _page(seek: Seek, total: int) -> int:
    return min(seek.page, max(1, -(-total // PAGE)))


def _links(contract_id: int, seek: Seek, page: int, total: int, mark: str) -> dict[str, Any]:
    """As `ta.pages` wants them; what the other table shows stays."""
    last = max(1, -(-total // PAGE))
    own = {seek.prefix + name for name in ("q", "region", "use_unit", "page")}
    others = {k: v for k, v in request.args.items() if k not in own}

    def link(wanted: int) -> str:
        # The search's own empty word opens the table, which is shut for a contract that has elevators.
        values = others | {seek.prefix + "q": ""} | seek.named() | {seek.prefix + "page": wanted}
        return f"/contracts/{contract_id}?{urlencode(values)}#{mark}"

    near = sorted({1, last, *range(page - 2, page + 3)} & set(range(1, last + 1)))
    links: list[tuple[Any, str]] = []
    for before, one in zip([0, *near], near, strict=False):
        if one - before > 1:
            links.append(("…", ""))
        links.append((one, "" if one == page else link(one)))
    return {
        "text": _("共 %(n)s 台", n=f"{total:,}"), "page": page, "total_pages": last, "links": links, "far": None,
        "previous": link(page - 1) if page > 1 else "", "next": link(page + 1) if page < last else "", "end": "",
        "here": "",
    }  # fmt: skip


def _choices(whole: Select[Any]) -> tuple[list[tuple[str, str]], list[tuple[int, str]]]:
    """Regions and use units of the whole table, not of what is found in it."""
    pairs = db.session.execute(
        whole.with_only_columns(Elevator.region_code, Elevator.use_unit_id).distinct().execution_options(
            skip_scope=True
        )
    ).all()
    names = region_names()
    codes = {code for code, _unit in pairs if code}
    codes |= {code[:6] + "000000" for code in codes}
    return _regions(codes, names), _units({unit for _code, unit in pairs if unit is not None})


def _regions(codes: Iterable[str], names: dict[str, str]) -> list[tuple[str, str]]:
    return [(code, place(code, names)) for code in sorted(codes) if code in names]


def _units(keys: set[int]) -> list[tuple[int, str]]:
    if len(keys) > MOST_UNITS:
        return []
    found = select(Unit.id, Unit.name).where(Unit.id.in_(keys)).order_by(Unit.name)
    return [(key, name) for key, name in db.session.execute(found.execution_options(skip_scope=True))]
