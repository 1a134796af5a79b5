"""`flask import KIND FILE`: the wizard's check and import in one go, as the system or as an account."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
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
from app.imports.columns import Kind, Spec, kinds
from app.imports.parsing import Bad, parse
from app.models import Account, ImportBatch, ImportRow
from app.models.batch import IMPORT_MODE
from app.permissions import SYSTEM, Actor
from app.transaction import transaction
from app.workflows.core import jobs
from app.workflows.core.actors import actor_of

MOST_TOLD = 100
KINDS = (
    "units", "elevators", "persons", "ledgers", "orders", "contracts", "visits", "invitations", "inspections",
    "past_checks", "past_rescues", "past_repairs", "past_complaints", "components", "landing_doors",
)  # fmt: skip


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(import_command)
    app.cli.add_command(columns_command)


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check only; nothing is imported.")
@click.option("--as", "login", default="", help="Import as this account, with its rights and scope.")
@click.option("--mode", type=click.Choice(list(IMPORT_MODE)), default="both", help="New rows, changed ones, or both.")
@click.option("--column", "columns", multiple=True, help="Which field a heading is: HEADING=FIELD; empty: left out.")
@click.option("--word", "words", multiple=True, help="What a word means: FIELD:WORD=MEANING; empty: left blank.")
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="How 01/05/2026 is read where the file does not tell.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def import_command(
    kind: str, file: Path, dry_run: bool, login: str, mode: str, columns: tuple[str, ...], words: tuple[str, ...],
    dates: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Check a workbook (.xlsx, .xls, .csv) and import its good rows. Exit code 1: bad rows; 2: the file is refused."""
    actor = _actor(login)
    try:
        with scope.acting(actor):
            summary = _run(actor, kind, file, dry_run, Told(mode, columns, words, dates))
    except Refusal as refusal:
        click.echo(json.dumps({"refused": str(refusal)}, ensure_ascii=False) if as_json else f"不能导入：{refusal}")
        raise SystemExit(2) from refusal
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        labels = {
            "rows": "行", "new": "新增", "changed": "更新", "same": "无变化", "bad": "有错误", "imported": "已导入",
        }  # fmt: skip
        click.echo("，".join(f"{word} {summary[key]}" for key, word in labels.items()))
        for error in summary["errors"]:
            where = f"第 {error['row']} 行　{error['column']}　{error['value']}"
            click.echo(f"  {where}：{error['found']}，{error['remedy']}")
    if summary["bad"]:
        raise SystemExit(1)


FORMS = {
    "text": "文本", "code": "文本（编码，不丢前导零）", "date": "日期", "instant": "日期和时间", "number": "整数",
    "figure": "数字", "choices": "选项，可以多个",
    "bool": "是 / 否", "choice": "选项", "region": "地区", "unit": "单位", "person": "人员",
    "team": "小组", "elevators": "电梯",
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


@dataclass(frozen=True)
class Told:
    """What the caller says of the file beside itself."""

    mode: str
    columns: tuple[str, ...]
    words: tuple[str, ...]
    dates: str | None

    @property
    def anything(self) -> bool:
        return bool(self.columns or self.words or self.dates)


def _rematch(actor: Actor, number: int, told: Told, at: dt.datetime) -> None:
    """Take the caller's columns and words instead of the guessed ones."""
    batch = db.session.get(ImportBatch, number)
    assert batch is not None and batch.mapping is not None
    held, mapping = kinds()[batch.kind], batch.mapping
    chosen = list(mapping["columns"])
    for pair in told.columns:
        heading, _sep, field = pair.partition("=")
        if heading not in mapping["headings"]:
            raise refuse("列", f"文件里没有“{heading}”这一列", f"文件的列：{'、'.join(mapping['headings'])}")
        name = _field(held, field).name if field else None
        chosen = [None if c == name else c for c in chosen]
        chosen[mapping["headings"].index(heading)] = name
    meant: dict[str, dict[str, Any]] = dict(mapping.get("words") or {})
    for pair in told.words:
        where, _sep, meaning = pair.partition("=")
        field, _sep, word = where.partition(":")
        spec = _field(held, field)
        try:
            meant.setdefault(spec.name, {})[word] = parse(meaning, spec) if meaning else ""
        except Bad as problem:
            raise refuse(spec.label, problem.found, problem.remedy) from problem
    orders = dict(mapping.get("orders") or {})
    if told.dates:
        orders |= {s.name: told.dates for s in held.columns if s.kind in ("date", "instant") and s.name not in orders}
    with transaction(db.session) as session:
        batches.rematch(session, actor, number, at, columns=chosen, words=meant, orders=orders, queued=False)


def _field(held: Kind, label: str) -> Spec:
    found = next((s for s in held.columns if label in (s.label, s.name)), None)
    if found is None:
        raise refuse("字段", f"{held.label}没有“{label}”这个字段", "请用模板里的列名")
    return found


def _run(actor: Actor, kind: str, file: Path, dry_run: bool, said: Told) -> dict[str, Any]:
    at = clock.now()
    with transaction(db.session) as session, file.open("rb") as stream:
        number = batches.open_batch(session, actor, at, kind, stream, file.name, mode=said.mode, queued=False).id
    try:
        return _work(actor, number, dry_run, said, at)
    except Refusal:
        raise
    except Exception as error:
        db.session.rollback()
        with transaction(db.session) as session:
            jobs.batch_failed(session, type(error).__name__, ImportBatch.id == number)
        raise


def _work(actor: Actor, number: int, dry_run: bool, said: Told, at: dt.datetime) -> dict[str, Any]:
    path = batches.file_of(db.session, actor, number)
    told: dict[str, Any] = dict(batches.check(db.session, actor, number, path, at))
    db.session.rollback()
    if said.anything and (held := db.session.get(ImportBatch, number)) is not None and held.state == "checked":
        _rematch(actor, number, said, at)
        told = dict(batches.check(db.session, actor, number, path, at))
    batch = db.session.get(ImportBatch, number)
    if batch is not None and batch.state == "failed":
        raise _failed(batch.note or "")
    told["imported"] = 0
    if not dry_run and told["new"] + told["changed"]:
        with transaction(db.session) as session:
            batches.start(session, actor, number, at, queued=False)
        done = writing.run(db.session, actor, number, at, lambda *_: None)
        # A row that was good when it was checked may have ended badly: each is counted where it is now.
        told |= batches.counts_of(db.session, number) | {"imported": done["imported"]}
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


