"""What libraries load along with themselves and no page of ours ever needs: a twentieth of a start.

Standard library only, for it comes before everything else (`run.py`).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

# Databases that we do not run on and drivers that we do not use, limits of asynchronous applications, and what
# Flask-AppBuilder checks arguments of its own resources with. Whoever touches one after all finds it loaded.
LATE = frozenset({
    "jsonschema", "limits.aio",
    "sqlalchemy.dialects.mssql.aioodbc", "sqlalchemy.dialects.mssql.pymssql", "sqlalchemy.dialects.mysql.aiomysql",
    "sqlalchemy.dialects.mysql.asyncmy", "sqlalchemy.dialects.mysql.cymysql",
    "sqlalchemy.dialects.mysql.mariadbconnector", "sqlalchemy.dialects.mysql.mysqlconnector",
    "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.mysql.pyodbc", "sqlalchemy.dialects.oracle",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.postgresql.pg8000",
    "sqlalchemy.dialects.postgresql.psycopg2cffi", "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.dialects.sqlite.pysqlcipher",
})  # fmt: skip


class _Late:
    """Finds the modules of LATE as usual and has them executed when something of theirs is first asked for."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in LATE:
            return None
        others = (finder for finder in sys.meta_path if finder is not cls)
        found = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if found is not None and found.loader is not None:
            found.loader = importlib.util.LazyLoader(found.loader)
        return found


def install() -> None:
    """From now on these are loaded late; what is loaded already stays as it is."""
    if _Late not in sys.meta_path:
        sys.meta_path.insert(0, _Late)  # type: ignore[arg-type]


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Within, these libraries are not installed: for one that does well without them and would load them whole."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
