"""维保项目 (PLN-08): own lists by version, and the items of one list as a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, scope
from app.listing import Column, Filter, Listing, Tab, column, register
from app.models import ItemSet, Region, Unit
from app.models.item_set import ITEM_KIND
from app.permissions import Actor
from app.policy import chain
from app.reference import CURRENT, of_annex
from app.rules import item_lists as rules
from app.rules.item_lists import Item
from app.rules.levels import LEVEL_LABELS
from app.wording import say
from app.workflows.maintenance import item_lists, item_sets
from app.workflows.maintenance.item_sets import COUNTRY


class SetListing(Listing):
    """Adds to each row whose list it is, in one statement a page."""

    def by_keys(self, session: Any, keys: Sequence[Any]) -> list[Any]:
        rows = super().by_keys(session, keys)
        names = region_names(session, {row.region_code for row in rows if row.unit_id is None})
        for row in rows:
            row.owner = row.unit.name if row.unit is not None else names.get(row.region_code, row.region_code)
        return rows


def _tab(*states: str) -> Any:
    return lambda m: ItemSet.state.in_(states)


SETS = register(
    SetListing(
        name="item_sets",
        title=_l("自有维保项目"),
        model=ItemSet,
        columns=(
            column(ItemSet, "name"),
            column(ItemSet, "kind"),
            Column("owner", _l("适用范围"), lambda row: row.owner),
            column(ItemSet, "from_on"),
            Column("rows", _l("自有项目"), lambda row: len(row.rows), "number", unit=_l("项")),
            column(ItemSet, "state", sort=False),
            column(ItemSet, "submitted_at"),
            column(ItemSet, "decided_at"),
            column(ItemSet, "opinion", sort=False),
            column(ItemSet, "basis", sort=False),
        ),
        default=("name", "kind", "owner", "rows", "from_on", "state", "submitted_at", "decided_at"),
        search=(ItemSet.name,),
        search_hint=_l("版本名称"),
        filters=(
            Filter("kind", _l("适用电梯"), "choice", ItemSet.kind, ITEM_KIND),
            Filter("unit", _l("维保单位"), "lookup", ItemSet.unit_id, lookup="maintenance_units"),
            Filter("region", _l("地区"), "region", ItemSet.region_code),
            Filter("from_on", _l("启用日期"), "date", ItemSet.from_on),
        ),
        tabs=(
            Tab("all", _l("全部")),
            Tab("waiting", _l("待批准"), _tab("submitted"), "near"),
            Tab("in_force", _l("已批准"), _tab("in_force")),
            Tab("drafts", _l("草稿和退回"), _tab("draft", "returned")),
        ),
        load=(joinedload(ItemSet.unit),),
    )
)


def region_names(session: Any, codes: set[str]) -> dict[str, str]:
    """Regions by their names; they are everybody's."""
    found = dict.fromkeys(codes & {COUNTRY}, str(_l("全国")))
    if codes - {COUNTRY}:
        named = select(Region.code, Region.name).where(Region.code.in_(codes))
        found |= {row.code: row.name for row in session.execute(named.execution_options(skip_scope=True))}
    return found


# --- whose items they are


@dataclass(frozen=True, slots=True)
class Line:
    """An item of a list and who says so: `source` is the law's version, a region or a unit; `detailed` says it more."""

    item: Item
    source: str
    detailed: str = ""


def lines_of(session: Any, kind: str, version: str) -> list[Line]:
    """Every item of the list of this name with its source, in the order in which a visit has them."""
    base, own = rules.parts_of(version)
    sets = {row.id: row for row in _sets(session, own)}
    names = _owners(session, list(sets.values()))
    sources, more = {item.code: base for item in of_annex(kind, base)}, {}
    for key in own:
        for row in sets[key].rows if key in sets else ():
            if row.get("of"):
                more[row["of"]] = names[key]
            else:
                sources[row["code"]] = names[key]
    return [
        Line(item, sources.get(item.code, base), more.get(item.code, ""))
        for item in item_lists.whole(session, kind, version)
    ]


def version_words(session: Any, version: str | None) -> str:
    """A list's name as people say it: the law's version and the own ones on it."""
    base, own = rules.parts_of(version or "")
    if not own:
        return base
    sets = {row.id: row for row in _sets(session, own)}
    return " + ".join([base, *(sets[key].name for key in own if key in sets)])


def _sets(session: Any, keys: Sequence[int]) -> list[ItemSet]:
    """Outside scope on purpose: whoever reads a record reads what was done."""
    if not keys:
        return []
    statement = select(ItemSet).where(ItemSet.id.in_(keys)).options(joinedload(ItemSet.unit))
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def _owners(session: Any, sets: Sequence[ItemSet]) -> dict[int, str]:
    names = region_names(session, {row.region_code for row in sets if row.unit_id is None})
    return {row.id: row.unit.name if row.unit else names.get(row.region_code, row.region_code) for row in sets}


def owner_of(session: Any, row: ItemSet) -> str:
    """Whose list a version is."""
    return _owners(session, [row])[row.id]


# --- what holds for the one who asks


def place_of(session: Any, actor: Actor) -> tuple[int | None, str]:
    """Whose lists an actor looks at: his maintenance unit's, else those of where he is."""
    unit = session.get(Unit, actor.unit_id, execution_options={"skip_scope": True}) if actor.unit_id else None
    if unit is not None and unit.is_maintenance:
        return unit.id, unit.region_code
    return None, actor.region_code or COUNTRY


def whose(session: Any, actor: Actor) -> str:
    """For whom what he looks at holds, in words."""
    unit_id, region_code = place_of(session, actor)
    unit = session.get(Unit, unit_id, execution_options={"skip_scope": True}) if unit_id else None
    return unit.name if unit else region_names(session, {region_code}).get(region_code, region_code)


def version_at(session: Any, actor: Actor, kind: str, on: dt.date) -> str:
    """The name of the list of a kind that holds for him on a day."""
    return versions_at(session, actor, [kind], on)[kind]


def versions_at(session: Any, actor: Actor, kinds: Iterable[str], on: dt.date) -> dict[str, str]:
    """The same of several kinds, in one statement."""
    unit_id, region_code = place_of(session, actor)
    heads, above = item_lists.heads(session, unit_id), chain(region_code)
    held = {kind: rules.holding(heads, kind, unit_id, above, on) for kind in kinds}
    return {kind: rules.version_of(CURRENT, found) for kind, found in held.items()}


# --- as a table

ITEMS = (
    Column("code", _l("编号"), lambda line: line.item.code, "code"),
    Column("level", _l("周期"), lambda line: LEVEL_LABELS[line.item.level]),
    Column("item", _l("维保项目"), lambda line: line.item.item),
    Column("requirement", _l("维保要求"), lambda line: line.item.requirement),
    Column("needs_test", _l("须填实测值"), lambda line: line.item.needs_test, "bool"),
    Column("measure", _l("实测值单位"), lambda line: line.item.measure),
    Column("source", _l("来源"), lambda line: line.source),
    Column("detailed", _l("细化"), lambda line: line.detailed),
)


def table(
    session: Any, actor: Actor, asked: Mapping[str, str], at: dt.datetime
) -> tuple[list[Line], Sequence[Column]]:
    """A version's items, or those that hold for the actor today."""
    if asked.get("set"):
        row: ItemSet = scope.visible(session, actor, ItemSet, int(asked["set"]), say("这个版本"))
        return lines_of_set(session, row), ITEMS
    kind = asked["kind"] if asked["kind"] in ITEM_KIND else "A"
    return lines_of(session, kind, version_at(session, actor, kind, clock.local_day(at))), ITEMS


def lines_of_set(session: Any, row: ItemSet) -> list[Line]:
    """The whole list of one version, as it reads on its first day."""
    inherited = item_sets.inherited(session, row, row.from_on)
    known = {item.code for item in inherited}
    more = {one["of"] for one in row.rows if one.get("of")}
    owner = owner_of(session, row)
    above = {line.item.code: line.source for line in lines_of(session, row.kind, item_sets.base_version(session, row))}
    return [
        Line(item, above.get(item.code, owner), owner if item.code in more & known else "")
        for item in rules.compose(inherited, row.rows, row.kind)
    ]

