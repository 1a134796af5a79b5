"""`flask schedule`: the nightly job for a day, from the command line."""

from __future__ import annotations

import datetime as dt
import json

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models import Region
from app.permissions import SYSTEM
from app.transaction import transaction
from app.workflows.maintenance import schedule


def register(app: Flask) -> None:
    """Add this area's commands."""
    app.cli.add_command(schedule_command)


@click.command("schedule")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to do (default: today); days before are judged.")
@click.option("--region", help="Limit to a region's subtree, by its 12-digit code.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def schedule_command(on: dt.datetime | None, region: str | None, as_json: bool) -> None:
    """Apply what takes effect, judge the days that are over, make the orders that are due. Safe to repeat."""
    day = on.date() if on is not None else clock.today()
    if region is not None and db.session.scalar(select(Region.id).where(Region.code == region)) is None:
        raise click.BadParameter(f"没有区划代码为 {region} 的地区，请填写 12 位代码", param_hint="--region")
    try:
        with transaction(db.session) as session:
            summary = schedule.run(session, day, clock.now(), region=region, actor=SYSTEM.by("cli"))
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    if as_json:
        click.echo(json.dumps(summary.as_dict(), ensure_ascii=False))
        return
    click.echo(
        f"{summary.on}：到期事项 {summary.effects}，启动时钟 {summary.clocks_started}，"
        f"判定超期 {summary.overdue_judged}，生成任务 {summary.orders_made}，用时 {summary.seconds} 秒"
    )
