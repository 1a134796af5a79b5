"""`flask …` commands: thin doors to workflows, each with `--json` for its summary."""

from __future__ import annotations

from typing import Any

from click import Command, Context
from flask import Flask
from flask.cli import AppGroup


class Commands(AppGroup):
    """The product's commands, loaded when one is asked for: a web process, which never does, starts without them."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name)
        self._app: Flask | None = app

    def get_command(self, context: Context, name: str) -> Command | None:
        self._load()
        return super().get_command(context, name)

    def list_commands(self, context: Context) -> list[str]:
        self._load()
        return super().list_commands(context)

    def _load(self) -> None:
        app, self._app = self._app, None
        if app is not None:
            _add_to(app)


def register(app: Flask) -> None:
    """Give the application its commands."""
    app.cli = Commands(app)


def _add_to(app: Any) -> None:
    """Add every command group; one line each."""
    from app.commands import (
        accounts,
        backups,
        demo,
        exports,
        imports,
        iot,
        migrations,
        moves,
        platform,
        provincial,
        schedule,
        score,
        sealing,
        search,
        told,
    )

    accounts.register(app)
    backups.register(app)
    demo.register(app)
    exports.register(app)
    imports.register(app)
    iot.register(app)
    migrations.register(app)
    moves.register(app)
    platform.register(app)
    provincial.register(app)
    schedule.register(app)
    score.register(app)
    sealing.register(app)
    search.register(app)
    for command in app.cli.commands.values():
        told.tell(command)
