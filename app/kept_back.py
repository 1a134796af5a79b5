"""What libraries load along with themselves and no page of ours ever needs: a twentieth of a start.

Standard library only, for it comes before everything else (`run.py`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Databases that we do not run on and drivers that we do not use, limits of asynchronous applications, certificates,
# a debugger, days in any spelling, and what Flask-AppBuilder checks arguments of its own resources with. What lies
# within a package named here can be had without the package itself: Flask-AppBuilder wants one type of
# sqlalchemy_utils. Whoever touches one after all finds it loaded.
LATE = frozenset({
    "cryptography.x509", "dateutil.parser", "difflib", "jsonschema", "limits.aio", "pdb", "sqlalchemy_utils",
    "sqlalchemy_utils.types", "yaml",
    "sqlalchemy.dialects.mssql.aioodbc", "sqlalchemy.dialects.mssql.pymssql", "sqlalchemy.dialects.mysql.aiomysql",
    "sqlalchemy.dialects.mysql.asyncmy", "sqlalchemy.dialects.mysql.cymysql",
    "sqlalchemy.dialects.mysql.mariadbconnector", "sqlalchemy.dialects.mysql.mysqlconnector",
    "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.mysql.pyodbc",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.postgresql.pg8000",
    "sqlalchemy.dialects.postgresql.psycopg2cffi", "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.dialects.sqlite.pysqlcipher",
})  # fmt: skip


class _Late:
    """Finds the modules of LATE as usual and has them executed when a name of theirs is first asked for."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in LATE:
            return None
        others = (finder for finder in sys.meta_path if finder is not cls)
        found = next((spec for finder in others if (spec := finder.find_spec(name, path, target))), None)
        if found is not None and found.loader is not None:
            found.loader = _Waiting(found.loader)  # type: ignore[assignment]
        return found


class _Waiting:
    """Not importlib's LazyLoader: that one loads with a second `import` already, and two threads at once half of it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        known, turn, begun = vars(module), threading.RLock(), list[bool]()

        def absent(name: str) -> Any:
            if name == "__path__":
                # Asked by the import itself, of what is no package.
                raise AttributeError(name)
            package = module.__name__.rpartition(".")[0]
            if waits(package):
                # It comes before its parts, as ever; to load it is to ask it for anything.
                hasattr(sys.modules[package], name)
            with turn:
                if not begun:
                    begun.append(True)
                    try:
                        self._loader.exec_module(module)
                    except BaseException:
                        begun.clear()
                        raise
                    if known["__getattr__"] is absent:
                        del known["__getattr__"]
            if name in known:
                return known[name]
            own = known.get("__getattr__", absent)
            if own is absent:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return own(name)

        known["__getattr__"] = absent


def waits(name: str) -> bool:
    """Whether a module was imported and nobody has asked it for anything yet."""
    return getattr(vars(sys.modules.get(name) or sys).get("__getattr__"), "__module__", "") == __name__


def install() -> None:
    """From now on these are loaded late; what is loaded already stays as it is."""
    if _Late not in sys.meta_path:
        sys.meta_path.insert(0, _Late)  # type: ignore[arg-type]


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Within, these libraries are not installed: for one that does well without them and would load them whole."""
    absent = {name: sys.modules.get(name) for name in names if name not in sys.modules or waits(name)}
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, waiting in absent.items():
            del sys.modules[name]
            if waiting is not None:
                sys.modules[name] = waiting
