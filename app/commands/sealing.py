"""`flask seal-anew`: everything that is sealed, under the current keys; `--check` tells which keys are still needed."""

from __future__ import annotations

import json

import click
from flask import Flask
from flask.cli import with_appcontext

from app import clock, vault
from app.extensions import db
from app.permissions import SYSTEM
from app.workflows.privacy import sealing


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(seal_anew_command)


@click.command("seal-anew")
@click.option("--check", is_flag=True, help="Change nothing; tell which keys what is sealed still needs.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def seal_anew_command(check: bool, as_json: bool) -> None:
    """Seal all that is sealed under the first of DATA_KEYS and INDEX_KEYS; then the others may go.

    Safe while the product runs (with both keys open), safe to repeat, and taken up again where it was stopped.
    """
    try:
        if check:
            found = sealing.check(db.session)
            _tell_keys(found, as_json)
            return
        told = sealing.seal_anew(db.session, SYSTEM.by("cli"), clock.now(), _say if not as_json else lambda *_: None)
    except vault.Unreadable as error:
        db.session.rollback()
        raise click.ClickException(f"{error}。没有改变任何内容") from error
    if as_json:
        click.echo(json.dumps(told))
    else:
        done = f"{told['accounts']} 个账号的密钥，{told['values']} 处内容，{told['files']} 个文件"
        click.echo(f"已用当前密钥重新加密：{done}")


def _say(place: str, done: int, total: int) -> None:
    click.echo(f"{done}/{total} {place}", err=True)


def _tell_keys(found: dict[str, int], as_json: bool) -> None:
    current = vault.current_names()
    if as_json:
        click.echo(json.dumps({"current": current, "held": found}))
        return
    for name, count in sorted(found.items()):
        now = "当前" if current.startswith(name) or name == current else "旧的，seal-anew 之后可以去掉"
        click.echo(f"密钥 {name[:4]}{'，索引密钥 ' + name[4:] if name[4:] else ''}：{count} 处（{now}）")
    click.echo("全部密文都能打开")
