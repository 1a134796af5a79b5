"""`flask audit …`, `flask policy …`, `flask jobs …`: the platform's mechanisms from the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models import Job
from app.models.choices import JOB_STATE, word
from app.models.policy import policy_book, policy_version
from app.permissions import SYSTEM
from app.policy import INHERIT, PRESETS, SPECS, shown
from app.transaction import transaction
from app.workflows.approval import policies
from app.workflows.core import audit, audit_days, jobs

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")


def register(app: Flask) -> None:
    """Add this area's commands."""
    for group in (audit_group, policy_group, jobs_group):
        app.cli.add_command(group)


def say(data: Any, text: str, as_json: bool) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, default=str) if as_json else text)


# --- audit


audit_group = AppGroup("audit", help="The sealed audit log: verify, export, seal, daily roots.")


@audit_group.command("verify")
@AS_JSON
@click.option("--heads", "file", type=click.Path(path_type=Path), help="Digests kept elsewhere (number digest a line).")
@click.pass_context
def verify_command(context: click.Context, as_json: bool, file: Path | None) -> None:
    """Compute the whole chain anew. Exits with 1 when anything was changed, removed, inserted or swapped."""
    place = file or Path(current_app.config["DATA_DIR"]) / audit.HEADS_FILE
    if file is not None and not file.is_file():
        raise click.ClickException(f"没有文件 {file}")
    known = audit.read_heads(place.read_text(encoding="ascii", errors="replace")) if place.is_file() else {}
    days = place.with_name(Path(audit_days.DAYS_FILE).name)
    roots = audit_days.read_kept(days.read_text(encoding="ascii", errors="replace")) if days.is_file() else {}
    verdict = audit_days.verify(db.session, audit.verify(db.session, known), roots if file is None else {})
    tail = verdict.unsealed
    text = [f"已核验 {verdict.batches} 批 {verdict.entries} 条，末批摘要 {verdict.head}，对照另存摘要 {len(known)} 个"]
    text += [f"第 {p['batch'] or '?'} 批：{p['problem']}" for p in verdict.problems]
    text.append(
        f"尚未封存 {tail['count']} 条" + (f"（编号 {tail['first_id']} 至 {tail['last_id']}）" if tail["count"] else "")
    )
    text.append("没有发现改动" if verdict.ok else "日志被改动过")
    say({**verdict.as_dict(), "known_heads": len(known)}, "\n".join(text), as_json)
    context.exit(0 if verdict.ok else 1)


@audit_group.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@AS_JSON
def export_command(file: Path, as_json: bool) -> None:
    """Write every entry and batch as JSON lines, for a verifier outside the product."""
    count = 0
    draft = file.with_name(file.name + ".part")
    with draft.open("w", encoding="utf-8") as out:
        for line in audit.lines(db.session):
            out.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    draft.replace(file)
    say({"lines": count, "file": str(file)}, f"写出 {count} 行", as_json)


@audit_group.command("days")
@AS_JSON
def days_command(as_json: bool) -> None:
    """Close the days that are over, and print every daily root (day digest a line): keep them elsewhere."""
    with transaction(db.session):
        audit_days.close(db.session, clock.now())
    rows = audit_days.roots(db.session, 100_000)
    data = [{"on": r.on.isoformat(), "digest": r.digest, "batches": r.batches, "entries": r.entries} for r in rows]
    say(data, "\n".join(f"{r['on']} {r['digest']}" for r in reversed(data)), as_json)


@audit_group.command("seal")
@AS_JSON
def seal_command(as_json: bool) -> None:
    """Seal what waits now, as beat does every half minute."""
    sealed = 0
    while True:
        with transaction(db.session):
            if audit.seal(db.session, clock.now()) is None:
                break
        sealed += 1
    say({"batches": sealed}, f"封存 {sealed} 批", as_json)


# --- policy


policy_group = AppGroup("policy", help="Policy values by region and day.")


@policy_group.command("show")
@click.option("--region", default=policies.COUNTRY, show_default=True, help="12-digit code.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As of this day (default: today).")
@AS_JSON
def show_command(region: str, day: dt.datetime | None, as_json: bool) -> None:
    """Every key with its value for a region on a day, and where it comes from."""
    on = day.date() if day else clock.today()
    book = policy_book(db.session, region, on)
    rows = {
        key.value: {
            "value": held.value, "meaning": SPECS[key].meaning, "unit": SPECS[key].unit, "region": held.region_code,
            "since": held.effective_on and held.effective_on.isoformat(), "preset": held.preset,
        }
        for key, held in book.items()
    }  # fmt: skip
    lines = [
        f"{key.value}\t{shown(key, held.value)}\t{held.region_code or '缺省'}\t{held.preset or ''}\t"
        f"{SPECS[key].meaning}"
        for key, held in book.items()
    ]
    version = policy_version(db.session, region, on)
    data = {"region": region, "on": on.isoformat(), "version": version, "values": rows}
    say(data, "\n".join([*lines, f"版本 {version}"]), as_json)


@policy_group.command("set")
@click.argument("key")
@click.argument("value")
@click.option("--region", required=True, help="12-digit code; 000000000000 for the country.")
@click.option("--from", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day of force.")
@click.option("--source", required=True, help="The document that says so.")
@click.option("--backdated", is_flag=True, help="Allow a day before today (setting a region up).")
@AS_JSON
def set_command(
    key: str, value: str, region: str, day: dt.datetime, source: str, backdated: bool, as_json: bool
) -> None:
    """Set KEY (or `preset`: see `flask policy presets`) to VALUE: a number, true, false, off, inherit, or text."""
    try:
        with transaction(db.session):
            row = policies.set_value(
                db.session, SYSTEM.by("cli"), clock.now(), key, read_value(value), region, day.date(), source,
                backdated=backdated,
            )  # fmt: skip
            data = {"id": row.id, "key": key, "value": row.value, "region": region, "from": day.date().isoformat()}
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    say(data, f"{key} 在 {region} 自 {day.date()} 起为 {value}", as_json)


def read_value(text: str) -> Any:
    """What a person types: a whole number, true/false, off, inherit, else text."""
    words: dict[str, Any] = {"true": True, "false": False, "off": None, "inherit": INHERIT}
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if text.isascii() and text.lstrip("-").isdigit() else text


@policy_group.command("presets")
def presets_command() -> None:
    """The presets with the names of their platforms and their sources."""
    for preset in PRESETS.values():
        click.echo(f"{preset.name}\t{preset.label}\t{preset.source}")


# --- jobs


jobs_group = AppGroup("jobs", help="Long work: list, retry.")


@jobs_group.command("list")
@click.option("--state", type=click.Choice(sorted(JOB_STATE)), help="Only these.")
@click.option("--most", default=50, show_default=True)
@AS_JSON
def list_command(state: str | None, most: int, as_json: bool) -> None:
    """The newest jobs of everybody."""
    statement = select(Job).order_by(Job.id.desc()).limit(most)
    if state:
        statement = statement.where(Job.state == state)
    found = db.session.scalars(statement).all()
    data = [
        {"id": j.id, "kind": j.kind, "title": j.title, "state": j.state, "done": j.done, "total": j.total,
         "tries": j.tries, "error": j.error, "created_at": j.created_at.isoformat()}
        for j in found
    ]  # fmt: skip
    lines = [f"{j.id}\t{word(JOB_STATE, j.state)}\t{j.done}/{j.total}\t{j.title}\t{j.error or ''}" for j in found]
    say(data, "\n".join(lines) or "没有任务", as_json)


@jobs_group.command("retry")
@click.argument("job_id", type=int)
@AS_JSON
def retry_command(job_id: int, as_json: bool) -> None:
    """Queue a failed job again."""
    try:
        with transaction(db.session):
            jobs.retry(db.session, SYSTEM.by("cli"), job_id, clock.now())
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    say({"id": job_id, "state": "queued"}, f"任务 {job_id} 已重新排队", as_json)
