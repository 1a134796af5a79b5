"""For `make later`: SECONDS_AHEAD runs the product's clock ahead in every process of the run, servers and commands too.

Python runs this file where it stands on PYTHONPATH, before anything else; without it no clock is touched. Only
`app.clock` moves: what waits, and the age of files and tokens, goes by the machine's clock, as everything else does.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

AHEAD = dt.timedelta(seconds=int(os.environ["SECONDS_AHEAD"]))


class Ahead:
    """Finds `app.clock` as ever and moves it once it is read."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == "app.clock" else None
        if spec is not None and spec.loader is not None:
            read = spec.loader.exec_module

            def moved(module: ModuleType) -> None:
                read(module)
                by_machine = module.machine
                module.machine = lambda: by_machine() + AHEAD  # type: ignore[attr-defined]

            spec.loader.exec_module = moved  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Ahead)  # type: ignore[arg-type]
