"""`flask import KIND FILE`: the wizard's check and import in one go, as the system or as an account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock, scope
from app.errors import Refusal, refuse
from app.extensions import db
from app.imports import batches, writing
from app.imports.columns import kinds
from app.models import Account, ImportBatch, ImportRow
from app.permissions import SYSTEM, Actor
from app.transaction import transaction
from app.workflows.actors import actor_of

MOST_TOLD = 100
KINDS = ("units", "elevators", "persons", "ledgers", "contracts", "visits")


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(import_command)
    app.cli.add_command(columns_command)


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check only; nothing is imported.")
@click.option("--as", "login", default="", help="Import as this account, with its rights and scope.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_command(kind: str, file: Path, dry_run: bool, login: str, as_json: bool) -> None:
    """Check a workbook (.xlsx, .xls, .csv) and import its good rows. Exit code 1: bad rows; 2: the file is refused."""
    actor = _actor(login)
    try:
        with scope.acting(actor):
            summary = _run(actor, kind, file, dry_run)
    except Refusal as refusal:
        click.echo(json.dumps({"refused": str(refusal)}, ensure_ascii=False) if as_json else f"不能导入：{refusal}")
        raise SystemExit(2) from refusal
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        words = {
            "rows": "行", "new": "新增", "changed": "更新", "same": "无变化", "bad": "有错误", "imported": "已导入",
        }  # fmt: skip
        click.echo("，".join(f"{word} {summary[key]}" for key, word in words.items()))
        for error in summary["errors"]:
            where = f"第 {error['row']} 行　{error['column']}　{error['value']}"
            click.echo(f"  {where}：{error['found']}，{error['remedy']}")
    if summary["bad"]:
        raise SystemExit(1)


FORMS = {
    "text": "文本", "code": "文本（编码，不丢前导零）", "date": "日期", "instant": "日期和时间", "number": "整数",
    "figure": "数字",
    "bool": "是 / 否", "choice": "选项", "region": "地区", "unit": "单位", "person": "人员", "elevators": "电梯",
}  # fmt: skip


@click.command("import-columns")
@with_appcontext
def columns_command() -> None:
    """Print the columns of every kind as Markdown: the part of docs/workbooks.md that is kept by this command."""
    click.echo(columns_document())


def columns_document() -> str:
    """Every column that can be imported: heading, form, whether it must be filled, how."""
    lines: list[str] = []
    for name, kind in kinds().items():
        lines += [f"### {name} {kind.label}", "", "| 列 | 形式 | 必填 | 说明 |", "|---|---|---|---|"]
        for spec in kind.columns:
            said = [f"单位 {spec.unit}"] if spec.unit else []
            said += ["、".join(str(word) for word in spec.choices.values())] if spec.choices else []
            said += [spec.help] if spec.help else []
            must = "必填" if spec.required else ""
            lines.append(f"| {spec.label} | {FORMS[spec.kind]} | {must} | {'；'.join(said)} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def _actor(login: str) -> Actor:
    if not login:
        return SYSTEM.by("cli")
    account = db.session.scalar(select(Account).where(Account.username == login))
    if account is None:
        raise click.ClickException(f"没有账号“{login}”")
    return actor_of(account, "cli")


def _run(actor: Actor, kind: str, file: Path, dry_run: bool) -> dict[str, Any]:
    at = clock.now()
    with transaction(db.session) as session, file.open("rb") as stream:
        number = batches.open_batch(session, actor, at, kind, stream, file.name, queued=False).id
    path = batches.file_of(db.session, actor, number)
    told: dict[str, Any] = dict(batches.check(db.session, actor, number, path, at))
    batch = db.session.get(ImportBatch, number)
    if batch is not None and batch.state == "failed":
        raise _failed(batch.note or "")
    told["imported"] = 0
    if not dry_run and told["new"] + told["changed"]:
        with transaction(db.session) as session:
            batches.start(session, actor, number, at, queued=False)
        done = writing.run(db.session, actor, number, at, lambda *_: None)
        told |= {"imported": done["imported"], "bad": done["bad"]}
    told["errors"] = _errors(number)
    return told


def _failed(note: str) -> Refusal:
    rule, _sep, found = note.partition("：")
    return refuse(rule, found)


def _errors(batch_id: int) -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(ImportRow.number, ImportRow.errors)
        .where(ImportRow.batch_id == batch_id, ImportRow.state == "bad")
        .order_by(ImportRow.number)
        .limit(MOST_TOLD)
    )
    return [{"row": number, **error} for number, errors in rows for error in errors or []][:MOST_TOLD]


