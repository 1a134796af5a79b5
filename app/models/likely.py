"""What a database is told of a condition that it can't know: that most rows fulfil it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
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
