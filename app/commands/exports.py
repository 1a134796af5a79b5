"""`flask export KIND FILE`: a whole kind as .xlsx or .csv, as the system sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock
from app.errors import Refusal, refuse
from app.extensions import db
from app.listing import moment
from app.listings import kinds
from app.models import Region
from app.permissions import SYSTEM
from app.reports import exports, tables
from app.transaction import transaction
from app.workflows import audit


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(export_command)
    app.cli.add_command(columns_command)


@click.command("export")
@click.argument("kind", type=click.Choice(list(kinds.KINDS)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--region", help="A region with its subtree, by its 12-digit code (default: everything).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def export_command(kind: str, file: Path, region: str | None, as_json: bool) -> None:
    """Write all rows of KIND to FILE (.xlsx or .csv). Sensitive columns are masked, as everywhere."""
    try:
        told = export(kind, file, region)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    except OSError as error:
        raise click.ClickException(f"写不了 {file}：{error.strerror}") from error
    if as_json:
        click.echo(json.dumps({"kind": kind, "file": str(file), "region": region} | told, ensure_ascii=False))
    else:
        click.echo(f"{told['rows']} 行写入 {file}，数据截至 {told['as_of']}，摘要 {told['sha256'][:12]}")


def export(kind: str, file: Path, region: str | None) -> dict[str, Any]:
    """The file appears whole or not at all."""
    fmt = tables.format_of(file)
    actor = SYSTEM.by("cli")
    draft = file.with_name(f".{file.name}.part")
    try:
        with exports.one_view(db.session):
            if region is not None and (len(region) != 12 or not _known(region)):
                remedy = "请填写 12 位区划代码，如 980402000000"
                raise refuse("地区", f"没有区划代码为 {region[:40]} 的地区", remedy, field="region", value=region[:40])
            now = moment(db.session, actor)
            listing = kinds.kind(db.session, kind, region)
            query = listing.read({"f_region": region} if region else {})
            told = exports.export(now, listing, query, draft, fmt, forget=True).as_dict()
        with transaction(db.session) as session:
            audit.record(session, actor, clock.now(), "export.make", kind, None, after=told | {"region": region})
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return told


def _known(region: str) -> bool:
    return db.session.scalar(select(Region.id).where(Region.code == region)) is not None


FORMS = {
    "text": "文本", "code": "文本（编码，不丢前导零）", "date": "日期", "instant": "时间（北京时间，到秒）",
    "number": "数字", "bool": "是 / 否", "choice": "选项",
}  # fmt: skip


@click.command("export-columns")
@with_appcontext
def columns_command() -> None:
    """Print the columns of every kind as Markdown: the part of docs/workbooks.md that is kept by this command."""
    click.echo(columns_document())


def columns_document() -> str:
    """Every column of every kind: label, form, unit or options, whether it is masked."""
    lines: list[str] = []
    for name, listing in kinds.KINDS.items():
        lines += [f"### {name} {listing.title}", "", "| 列 | 形式 | 说明 |", "|---|---|---|"]
        for column in listing.columns:
            said = [f"单位 {column.unit}"] if column.unit is not None else []
            said += ["、".join(str(words) for words in column.choices.values())] if column.choices else []
            said += ["脱敏"] if column.sensitive else []
            lines.append(f"| {column.label} | {FORMS[column.kind]} | {'；'.join(said)} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n")
