"""`flask search-index`: make the index behind every search box anew."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from app import search
from app.extensions import db
from app.transaction import transaction


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(search_command)


@click.command("search-index")
@with_appcontext
def search_command() -> None:
    """Make the search index anew from the rows, after a restore by hand, say. What is found stays the same."""
    with transaction(db.session) as session:
        search.make_again(session.connection())
    click.echo("搜索索引已重建")
