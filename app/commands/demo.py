"""`flask demo`: fill the database with an invented region and print its accounts once."""

from __future__ import annotations

import json
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock
from app.demo import (
    bulletins,
    checks,
    complaints,
    enforcement,
    evidence,
    inspections,
    iot,
    label_photos,
    office,
    own_lists,
    paperwork,
    people,
    positions,
    provincial,
    repairs,
    rescues,
)
from app.demo.builder import YEAR, Builder
from app.errors import refuse
from app.extensions import db
from app.models import Account, AuditEntry, Elevator, Region
from app.permissions import SYSTEM
from app.rules.scoring import nightly_periods
from app.transaction import survey, transaction
from app.workflows.core import audit
from app.workflows.scores import scores


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(demo_command)


@click.command("demo")
@click.option("--elevators", default=300, show_default=True, type=click.IntRange(30, 2_000_000), help="How many.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same region.")
@click.option("--days", default=YEAR, show_default=True, type=click.IntRange(30, YEAR), help="Days of visits.")
@click.option("--if-empty", is_flag=True, help="Do nothing where a region or an account exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def demo_command(elevators: int, seed: int, days: int, if_empty: bool, as_json: bool) -> None:
    """Build 澜州市: units, people, elevators with a year of visits, contracts, a queue, scores, an account a role."""
    if if_empty and any(db.session.scalar(select(one.id).limit(1)) is not None for one in (Region, Account)):
        return  # whoever made an administrator before any region begins with his own
    if _built(seed):
        found = f"这个数据库里已有种子 {seed} 的演示区"
        raise refuse("演示数据", found, "请换一个 --seed，或用空的数据库（另设 DATA_DIR 或 DATABASE_URL）", value=seed)
    at = clock.now()
    quiet = as_json or if_empty

    def progress(done: int, total: int, message: str) -> None:
        if not quiet:
            click.echo(f"{message} {done}/{total}", err=True)

    with transaction(db.session) as session:
        first = session.scalar(select(Elevator.id).limit(1)) is None
        summary: dict[str, Any] = Builder(session, elevators, seed, at, progress, days).build().as_dict()
        made = people.make_accounts(session, at)
        summary["waiting"] = people.make_waiting(session, at) if first else 0
        made += inspections.make_inspections(session, at, seed) if first else []
        made += rescues.make_agent(session) if first else []
        summary["accounts"] = len(made)
        summary["office"] = office.make_office(session, at) if first else 0
        summary["papers"] = paperwork.make(session, at) if first else 0
        summary["evidence"] = evidence.complete(session, at, seed) if first else 0
        summary["labels"] = label_photos.make(session, at, seed) if first else 0
        summary["complaints"] = complaints.make(session, at, seed) if first else 0
        summary["rescues"] = rescues.make(session, at, seed) if first else 0
        summary["repairs"] = repairs.make(session, at, seed) if first else 0
        summary["enforcement"] = enforcement.make(session, at) if first else 0
        summary["bulletins"] = 0
        summary["devices"] = iot.make(session, at, seed) if first else 0
        summary["provincial"] = provincial.make(session, at) if first else 0
        if first:
            positions.make(session, at)
            own_lists.make(session, at)
            today = clock.local_day(at)
            survey(session)
            # Before the night's runs, which pages show first.
            small = elevators <= bulletins.MOST_ELEVATORS
            summary["bulletins"] = bulletins.make(session, at) if small else 0
            first_on, last_on = nightly_periods(today)[0]
            for code in scores.regions_with_clocks(session):
                scores.run_automatic(session, code, first_on, last_on, at, at)
        summary["checks"] = checks.make(session, at, seed) if first else 0
        if first:
            office.read_inbox(session, at)
        audit.record(session, SYSTEM.by("cli"), at, "demo.build", "region", None, after=summary | {"seed": seed})
    if as_json:
        click.echo(json.dumps(summary | {"logins": [[a.login_name, a.password] for a in made]}, ensure_ascii=False))
        return
    if not if_empty:
        click.echo("，".join(f"{word} {summary[key]}" for key, word in WORDS.items()))
    people.print_accounts(made, click.echo)


def _built(seed: int) -> bool:
    """Whether a region of this seed is there: its rows would be made a second time, down to the same codes."""
    entries = db.session.scalars(select(AuditEntry.after).where(AuditEntry.action == "demo.build"))
    return any((after or {}).get("seed") == seed for after in entries)


WORDS = {
    "elevators": "电梯", "units": "单位", "persons": "人员", "contracts": "合同", "visits": "维保记录",
    "overdue": "超期", "orders": "待维保", "waiting": "待审批", "office": "办理中的示例", "papers": "其他材料",
    "evidence": "完整留痕", "labels": "标签照片", "complaints": "投诉", "rescues": "困人救援", "repairs": "维修",
    "enforcement": "约谈和处罚", "checks": "签到疑点", "bulletins": "通报", "devices": "物联网设备",
    "provincial": "省平台核对",
}  # fmt: skip
