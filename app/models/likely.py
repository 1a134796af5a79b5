"""What a database is told of a condition that it can't know: whether most rows fulfil it, and how it is best asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class mostly(FunctionElement[bool]):
    """A condition that most rows fulfil. SQLite takes any range for a narrow one and would sort a city's rows."""

    type = Boolean()
    inherit_cache = True


@compiles(mostly)
def _as_it_is(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **more))


@compiles(mostly, "sqlite")
def _likely(element: Any, compiler: Any, **more: Any) -> str:
    return f"likelihood({compiler.process(next(iter(element.clauses)), **more)}, 0.95)"


class _Plain(FunctionElement[bool]):
    """A condition of conditions that stands in a WHERE as it is: SQLite asks an index for none that is compared with 1.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self


class unguessed(_Plain):
    """A condition of which PostgreSQL has no guess, so that it plans for as many rows as not; none of its indexes is
    asked for it.

    Statistics that are older than what it speaks of say that no row fulfils it; then whatever costs much for each row
    is done for each.
    """

    inherit_cache = True


@compiles(unguessed)
def _in_brackets(element: Any, compiler: Any, **more: Any) -> str:
    return f"({_as_it_is(element, compiler, **more)})"


@compiles(unguessed, "postgresql")
def _never_null(element: Any, compiler: Any, **more: Any) -> str:
    return f"coalesce({_as_it_is(element, compiler, **more)}, false)"


class asked_as(_Plain):
    """One condition in two ways: how PostgreSQL is asked, and how SQLite is."""

    inherit_cache = True

    def __init__(self, postgresql: ColumnElement[bool], sqlite: ColumnElement[bool]) -> None:
        super().__init__(postgresql, sqlite)


@compiles(asked_as)
def _first(element: Any, compiler: Any, **more: Any) -> str:
    return _in_brackets(element, compiler, **more)


@compiles(asked_as, "sqlite")
def _second(element: Any, compiler: Any, **more: Any) -> str:
    _postgresql, asked = element.clauses
    return f"({compiler.process(asked, **more)})"
