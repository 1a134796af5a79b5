"""`flask backup FILE` and `flask restore FILE`: the whole product in one file, and back into an empty database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import flask_migrate
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.backup import archive, making, restoring
from app.errors import Refusal
from app.extensions import db

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(backup_command)
    app.cli.add_command(restore_command)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@AS_JSON
@with_appcontext
def backup_command(file: Path, as_json: bool) -> None:
    """Write database, files and audit heads to FILE, as of one instant; the product may go on working."""
    data, uploads = _folders()
    try:
        told = making.make(db.engine, data, uploads, file)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    except OSError as error:
        raise click.ClickException(f"写不了 {file}：{error.strerror}") from error
    _say(
        told | {"file": str(file)},
        f"{sum(told['tables'].values())} 行、{told['files']} 个文件写入 {file}（{told['size']} 字节），结构 "
        f"{told['revision']}，审计 {told['audit_batches']} 批，校验值 {told['sha256']}",
        as_json,
    )
    if told["missing_files"]:
        click.echo(f"注意：{len(told['missing_files'])} 个附件在磁盘上已不存在，备份里也没有", err=True)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sha256", "digest", help="Refuse a file with another digest than the one `flask backup` printed.")
@click.option("--check", "only_check", is_flag=True, help="Read and verify the file; restore nothing.")
@AS_JSON
@with_appcontext
def restore_command(file: Path, digest: str | None, only_check: bool, as_json: bool) -> None:
    """Load FILE into an empty database and data folder, all of it or nothing, then upgrade it to this program."""
    data, uploads = _folders()
    try:
        if digest and file.is_file() and archive.digest_of(file) != digest.lower():
            raise click.ClickException(f"{file} 的校验值与给出的不同：这不是那一份备份，或它被改动过")
        if only_check:
            told = archive.check(file)
        else:
            scripts = ScriptDirectory(str(current_app.extensions["migrate"].directory))
            known = {script.revision for script in scripts.walk_revisions()}
            told = restoring.restore(db.engine, data, uploads, file, _upgrade, known)
            _upgrade("head")
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    except OSError as error:
        raise click.ClickException(f"恢复中断：{error.strerror}。数据库没有改变") from error
    count = f"{sum(told['tables'].values())} 行、{told['files']} 个文件，审计 {told['audit_batches']} 批"
    words = "备份完好" if only_check else "恢复完成，请再执行一次 flask sync-roles"
    _say({k: v for k, v in told.items() if k != "members"}, f"{words}：{count}，备份于 {told['made_at']}", as_json)


def _folders() -> tuple[Path, Path]:
    return Path(current_app.config["DATA_DIR"]), Path(current_app.config["UPLOAD_DIR"])


def _upgrade(revision: str) -> None:
    flask_migrate.upgrade(revision=revision)


def _say(data: dict[str, Any], text: str, as_json: bool) -> None:
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else text)
