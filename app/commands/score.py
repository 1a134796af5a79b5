"""`flask score`: compute the six items of a period, or prove a stored run by computing it again."""

from __future__ import annotations

import datetime as dt
import json

import click
from flask import Flask
from flask.cli import with_appcontext

from app import clock
from app.errors import Refusal
from app.extensions import db
from app.models.choices import SCORE_STATE, word
from app.permissions import SYSTEM
from app.rules.calendar import EARLIEST_ON
from app.transaction import transaction
from app.workflows.scores import scores

DAY = click.DateTime(["%Y-%m-%d"])


def register(app: Flask) -> None:
    """Add this area's command."""
    app.cli.add_command(score_command)


def _instant(_context: click.Context, _option: click.Parameter, value: str | None) -> dt.datetime | None:
    if value is None:
        return None
    try:
        instant = clock.instant_of(dt.datetime.fromisoformat(value))
        if not EARLIEST_ON.year <= instant.year < dt.MAXYEAR:
            raise OverflowError(value)
        return instant
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value} 不是时间，请写成 2026-07-16T08:00:00（无时区即为北京时间）或带时区的 ISO 8601 时间"
        ) from error


@click.command("score")
@click.option("--from", "from_on", type=DAY, required=True, help="First day of the period.")
@click.option("--to", "to_on", type=DAY, required=True, help="Last day of the period.")
@click.option("--region", help="A region with its subtree, by its 12-digit code (default: the whole tree).")
@click.option("--as-of", callback=_instant, help="Judge by what was known at this ISO 8601 instant (default: now).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@with_appcontext
def score_command(
    from_on: dt.datetime, to_on: dt.datetime, region: str | None, as_of: dt.datetime | None, as_json: bool
) -> None:
    """Score every maintenance unit, with the ledger of each lost point. The same --as-of gives the same digest."""
    try:
        with transaction(db.session) as session:
            row = scores.run(
                session, SYSTEM.by("cli"), region, from_on.date(), to_on.date(), as_of, clock.now()
            )
            told = scores.summary(session, row)
    except Refusal as refusal:
        raise click.ClickException(str(refusal)) from refusal
    if as_json:
        click.echo(json.dumps(told.as_dict(), ensure_ascii=False))
        return
    click.echo(
        f"{told.from_on} 至 {told.to_on}（{word(SCORE_STATE, told.state)}）：单位 {told.units}，有名次 {told.ranked}，"
        f"应维保 {told.due}，不合格 {told.bad}，脱保 {told.uncovered} 台，摘要 {told.digest[:12]}"
    )
    if told.unjudged:
        click.echo(f"期内还有 {told.unjudged} 台电梯的期限未判定，请先运行 flask schedule", err=True)
