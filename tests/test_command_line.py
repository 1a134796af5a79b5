"""Mistakes on the command line: told in Chinese with the way out, exit code 2, no traceback."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import func, select

from app.commands.imports import KINDS
from app.models import Account, Elevator, Notification, Region
from tests.databases import ROOT


def typed(app: Any, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=list(words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["schedule", "--on", "明天"], "选项 --on：“明天”不是日期，请用 2026-03-01 这样的写法"),
        (["schedule", "--on", "2026-02-30"], "“2026-02-30”不是日期"),
        (["schedule", "--region", "1"], "没有区划代码为 1 的地区"),
        (["score", "--from", "2026-01-01"], "缺少选项 --to"),
        (["score", "--from", "x", "--to", "2026-01-31"], "选项 --from：“x”不是日期"),
        (["score", "--from", "2026-01-01", "--to", "2026-01-31", "--as-of", "9999-12-31T23:59+00:00"], "不是时间"),
        (["export", "lifts", "a.xlsx"], "参数 KIND：没有“lifts”，请从这些里选"),
        (["import"], "缺少参数 KIND"),
        (["export", "elevators", "/tmp"], "不是文件"),
        (["import", "units", "nowhere.xlsx"], "文件“nowhere.xlsx”不存在或不能读取"),
        (["demo", "--elevators", "5"], "“5”不是 30 到 2000000 的整数"),
        (["demo", "--seed", "x"], "“x”不是整数"),
        (["jobs", "retry", "x"], "参数 JOB_ID：“x”不是整数"),
        (["jobs", "list", "--most"], "选项 --most 的写法不对"),
        (["jobs", "lsit"], "没有命令“lsit”"),
        (["schedule", "--regon", "1"], "没有选项 --regon，您要的可能是 --region"),
        (["schedule", "today"], "多出了参数 today"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(app: Any, words: list[str], said: str) -> None:
    done = typed(app, *words)
    assert done.exit_code == 2, done.output + repr(done.exception)
    assert said in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    "words",
    [["schedule"], ["score", "--from", "2026-01-01", "--to", "2026-01-31"], ["demo"], ["export", "units", "u.csv"],
     ["audit", "verify"], ["policy", "show"], ["jobs", "list"], ["sync-roles"], ["create-admin", "--login", "admin01"],
     ["follow-moves"], ["schedule", "--region", "980402000000"]],
)  # fmt: skip
def test_an_unmigrated_database_says_what_to_run(
    app: Any, empty_database_url: str, elsewhere: Any, tmp_path: Path, monkeypatch: Any, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere(empty_database_url)
    done = typed(app, *words)
    assert done.exit_code == 2, done.output + repr(done.exception)
    assert "flask db upgrade" in done.output and "Traceback" not in done.output


def test_the_invented_region_fills_an_empty_database_and_is_not_built_twice(app: Any, database: Any) -> None:
    """By command, as `make run` does it (the journeys, in a process of its own); `--if-empty` leaves what is there."""
    first = typed(app, "demo", "--elevators", "30", "--days", "30", "--seed", "3", "--if-empty")
    assert first.exit_code == 0 and "演示账号" in first.output, first.output
    with database.engine.connect() as connection:
        told = connection.execute(
            select(Notification.state, Notification.read_at, Notification.created_at).where(
                Notification.channel == "inbox"
            )
        ).all()
        last = max(at for _state, _read, at in told)
    # An inbox as after months of work: delivered, and unread what is of the last days.
    assert {state for state, _read, _at in told} == {"sent"} and any(read is None for _state, read, _at in told)
    assert all(read is not None or last - at < dt.timedelta(days=3) for _state, read, at in told)
    held = standing(database)
    there = typed(app, "demo", "--elevators", "30", "--if-empty")
    assert (there.exit_code, there.output, standing(database)) == (0, "", held)
    again = typed(app, "demo", "--elevators", "30", "--seed", "3")
    assert again.exit_code == 2 and "已有种子 3 的演示区" in again.output and "--seed" in again.output
    other = typed(app, "demo", "--elevators", "30", "--days", "30", "--seed", "4", "--json")
    assert other.exit_code == 0, other.output + repr(other.exception)


@pytest.mark.feature("ACC-02")
def test_whoever_made_an_administrator_first_is_given_no_invented_region(app: Any, database: Any) -> None:
    """An own region begins with `flask create-admin`, then `make run`; no region stands yet at that moment."""
    made = typed(app, "create-admin", "--login", "operator1", "--json")
    assert made.exit_code == 0 and json.loads(made.output.splitlines()[-1])["login_name"] == "operator1"
    there = typed(app, "demo", "--elevators", "30", "--if-empty")
    assert (there.exit_code, there.output) == (0, "")
    assert standing(database) == (0, 0, 1)


def standing(database: Any) -> tuple[int, ...]:
    with database.engine.connect() as connection:
        return tuple(connection.scalar(select(func.count()).select_from(one)) for one in (Region, Elevator, Account))


def _commands(group: Any, before: str = "") -> set[str]:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    inside = [_commands(one, f"{before}{name} ") for name, one in found.items() if isinstance(one, click.Group)]
    return {before + name for name, one in found.items() if not isinstance(one, click.Group)}.union(*inside)


def test_the_readme_names_commands_and_kinds_that_exist(app: Any) -> None:
    """Each `flask …` of README and the documents is a command, and README names every kind that can be imported."""
    commands = _commands(app.cli) | {"db upgrade", "run"}
    papers = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = {path.name: path.read_text() for path in papers}
    named = {(name, words) for name, text in texts.items() for words in re.findall(r"`flask ([a-z][a-z -]*)", text)}
    assert len(named) > 20
    assert not [one for one in named if not any(f"{one[1]} ".startswith(f"{command} ") for command in commands)]
    row = next(line for line in texts["README.md"].splitlines() if line.startswith("| `flask import KIND"))
    assert set(re.findall(r"[a-z_]{5,}", row.split("KIND：")[1])) == set(KINDS)
