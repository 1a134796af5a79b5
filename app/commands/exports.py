"""`flask export KIND FILE`: a whole kind as .xlsx or .csv, as the system sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock
from app.errors import Refusal, refuse
from app.extensions import db
from app.listing import Listing, Moment, moment, past_of
from app.listings import kinds
from app.models import Region
from app.permissions import SYSTEM
from app.reports import exports, proof, tables
from app.transaction import transaction
from app.workflows.core import actors, export_records


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(export_command)
    app.cli.add_command(columns_command)


@click.command("export")
@click.argument("kind", type=click.Choice(list(kinds.KINDS)), required=False)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--region", help="A region with its subtree, by its 12-digit code (default: everything).")
@click.option("--as-of", "as_of", help="Units, elevators, contracts as of this day (2026-03-01).")
@click.option("--known-at", help="As known at this instant (2026-03-01T08:00, Beijing time; default: now).")
@click.option("--verify", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Prove an exported file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
@with_appcontext
def export_command(
    context: click.Context,
    kind: str | None,
    file: Path | None,
    region: str | None,
    as_of: str | None,
    known_at: str | None,
    verify: Path | None,
    as_json: bool,
) -> None:
    """Write all rows of KIND to FILE (.xlsx or .csv), or prove a file that was exported earlier (--verify).

    Sensitive columns are masked, as everywhere. --verify exits with 1 for a file that is not as it was written.
    """
    if verify is not None:
        verdict = prove(verify)
        click.echo(json.dumps(verdict.as_dict(), ensure_ascii=False) if as_json else verdict_words(verdict))
        context.exit(0 if verdict.intact else 1)
    if kind is None or file is None:
        raise click.UsageError("请给出 KIND 和 FILE，或用 --verify FILE")
    try:
        told = export(kind, file, region, as_of, known_at)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    except OSError as error:
        raise click.ClickException(f"写不了 {file}：{error.strerror}") from error
    if as_json:
        click.echo(json.dumps({"kind": kind, "file": str(file), "region": region} | told, ensure_ascii=False))
    else:
        click.echo(f"{told['rows']} 行写入 {file}，数据截至 {told['as_of']}，摘要 {told['sha256'][:12]}")


def export(
    kind: str, file: Path, region: str | None, as_of: str | None = None, known_at: str | None = None
) -> dict[str, Any]:
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
            args = {"f_region": region, "as_of": as_of, "known_at": known_at}
            given = {name: value for name, value in args.items() if value}
            listing = _then(listing, given, now)
            query = listing.read(given)
            told = exports.export(now, listing, query, draft, fmt, forget=True).as_dict()
        with transaction(db.session) as session:
            export_records.keep(
                session, actor, clock.now(), proof.KIND + kind, told, query=urlencode(given), columns=query.columns,
                fmt=fmt, region=region,
            )  # fmt: skip
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return told


def _then(listing: Listing, given: dict[str, str], now: Moment) -> Listing:
    """The list as of what was asked; what can't be read, or has no history, is refused, not passed over."""
    remedy = "单位、电梯、合同可以回看；日期写成 2026-03-01"
    if listing.then is None and given.keys() & {"as_of", "known_at"}:
        raise refuse("回看", "这一类没有历史", remedy, field="as_of")
    for wrong in past_of(given)[1]:
        raise refuse("回看", wrong.found, remedy, field=wrong.field)
    if "as_of" in given and "known_at" not in given:
        # Named, so that running it again is the same export.
        given["known_at"] = now.now.isoformat()
    return listing.chosen(given, now.actor)


def prove(file: Path) -> proof.Verdict:
    """Compare a file with the record of its export, and run the export again for whoever made it."""
    with exports.one_view(db.session):
        try:
            _held, record = proof.identify(db.session, file, export_records.of_table, export_records.of_file)
            made_by = record.made_by_id if record is not None else None
            maker = SYSTEM if made_by is None else actors.actor_by_id(db.session, made_by, "cli")
            return proof.prove(db.session, file, export_records.of_table, maker, export_records.of_file)
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from refusal


def verdict_words(verdict: proof.Verdict) -> str:
    """The verdict in lines for people."""
    record = verdict.record
    if record is None:
        return f"没有找到这个文件的导出记录（{verdict.rows} 行）：不是本平台写出的，或内容已被改动"
    as_of = f"{clock.local(record.as_of):%Y-%m-%d %H:%M:%S}"
    text = [
        f"导出于 {clock.local(record.made_at):%Y-%m-%d %H:%M:%S}，数据截至 {as_of}，政策版本 {record.policy}，"
        f"{record.rows} 行，条件：{record.filter}",
        "文件与写出时一致" if verdict.intact else f"文件被改动过：{'、'.join(verdict.changed)}",
    ]
    if verdict.same:
        text.append("再次导出，摘要相同")
    elif verdict.now is not None and verdict.now.same:
        text.append("再次导出，行相同，次序不同")
    elif verdict.now is not None:
        text.append(f"数据此后有变化：再次导出多 {verdict.now.only_now} 行，少 {verdict.now.only_file} 行")
    return "\n".join(text)


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
