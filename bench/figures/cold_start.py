"""From nothing to an application that can answer: what every restart and every new worker waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from bench.harness import Measured, at_most, figure, side_by_side
from tests.databases import ROOT


@figure("cold_start", unit="s", goal=at_most(1.0, of="value"))
def cold_start() -> Measured:
    """Ours: `import run`. Baseline: importing the frameworks alone, which no code of ours can undercut."""
    with tempfile.TemporaryDirectory() as data:
        # With bytecode at hand, as the image ships it; the first, unmeasured round writes it.
        environment = {**os.environ, "DATA_DIR": data, "PYTHONPYCACHEPREFIX": data}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def python(code: str) -> None:
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)

        return side_by_side(
            lambda: python("import run"),
            lambda: python("import flask_appbuilder, flask_migrate, flask_admin, celery, sqlalchemy.orm"),
        )
