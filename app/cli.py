"""`flask …` commands: thin doors to workflows, each with `--json` for its summary."""

from __future__ import annotations

from typing import Any


def register(app: Any) -> None:
    """Add every command group; one line each."""
    from app.commands import accounts, backups, demo, exports, imports, platform, schedule, score, sealing, search, told

    accounts.register(app)
    backups.register(app)
    demo.register(app)
    exports.register(app)
    imports.register(app)
    platform.register(app)
    schedule.register(app)
    score.register(app)
    sealing.register(app)
    search.register(app)
    for command in app.cli.commands.values():
        told.tell(command)
