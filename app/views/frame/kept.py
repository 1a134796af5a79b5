"""What a person keeps for a list: its columns, his filters, and those that colleagues share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, delete, literal, select

from app.extensions import db
from app.models import ColumnChoice, SavedFilter
from app.models.preference import circle_of
from app.permissions import Actor


@dataclass(frozen=True, slots=True)
class KeptFilter:
    """A saved filter: the person's own, or a colleague's who shares it."""

    name: str
    query: str
    own: bool
    shared_with: str | None

    @property
    def shared(self) -> bool:
        return self.shared_with is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person keeps for a list."""

    columns: list[str]
    filters: list[KeptFilter]


def of(actor: Actor, screen: str) -> Kept:
    """All of it, in one statement."""
    rows = db.session.execute(_statement(actor, screen)).all()
    return Kept(rows[0][0] or [], [KeptFilter(*found) for _columns, *found in rows if found[0] is not None])


@lru_cache(maxsize=4096)
def _statement(actor: Actor, screen: str) -> Select[Any]:
    columns = select(ColumnChoice.columns).where(ColumnChoice.user_id == actor.user_id, ColumnChoice.screen == screen)
    mine = SavedFilter.user_id == actor.user_id
    ours = SavedFilter.shared_with == circle_of(actor.unit_id, actor.region_code)
    always = select(literal(1).label("one")).subquery()
    return (
        select(columns.scalar_subquery(), SavedFilter.name, SavedFilter.query, mine, SavedFilter.shared_with)
        .select_from(always.outerjoin(SavedFilter, (SavedFilter.screen == screen) & (mine | ours)))
        .order_by(mine.desc(), SavedFilter.name, SavedFilter.id)
        .execution_options(skip_scope=True)  # whose they are is said above
    )


def keep_columns(session: Any, actor: Actor, screen: str, names: list[str]) -> None:
    """Show these columns from now on; none brings the list's own back."""
    session.execute(delete(ColumnChoice).where(ColumnChoice.user_id == actor.user_id, ColumnChoice.screen == screen))
    if names:
        session.add(ColumnChoice(user_id=actor.user_id, screen=screen, columns=names))


def keep_filter(session: Any, actor: Actor, screen: str, name: str, query: str, shared: bool) -> None:
    """Save a filter under a name, in place of the person's own of that name."""
    remove_filter(session, actor, screen, name)
    circle = circle_of(actor.unit_id, actor.region_code) if shared else None
    session.add(SavedFilter(user_id=actor.user_id, screen=screen, name=name, query=query, shared_with=circle))


def remove_filter(session: Any, actor: Actor, screen: str, name: str) -> None:
    """Only one's own: what a colleague shares is his."""
    session.execute(
        delete(SavedFilter).where(
            SavedFilter.user_id == actor.user_id, SavedFilter.screen == screen, SavedFilter.name == name
        )
    )
