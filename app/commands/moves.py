"""`flask follow-moves`: once after an upgrade, what earlier moves and hand-overs left behind."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from app import clock
from app.commands.platform import AS_JSON, say
from app.extensions import db
from app.workflows.filing import moved_earlier


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(follow_command)


@click.command("follow-moves")
@with_appcontext
@AS_JSON
def follow_command(as_json: bool) -> None:
    """Give what still lies with a former region or unit to the present one. Safe to run again."""
    found = moved_earlier.put_right(db.session, clock.now())
    text = "，".join(f"{name} {count}" for name, count in found.items()) or "没有遗留"
    say(found, text, as_json)
