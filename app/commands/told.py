"""What goes wrong on the command line, told in Chinese with the way out: one line, never a traceback.

Commands keep click's plain types; this translates what click, the rules and an unmigrated database say of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy.exc import DBAPIError, OperationalError

from app.errors import Refusal

UNMIGRATED = re.compile(r"no such table|no such column|UndefinedTable|UndefinedColumn")
QUOTED = re.compile(r"'([^']*)'")
WIDEST = 12


class Told(click.ClickException):
    """A mistake in what was typed, or a database that is not ready."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"不能执行：{self.format_message()}", err=True)


class Refused(Told):
    """What was typed well and the state of things does not allow."""

    exit_code = 1


def tell(command: click.Command) -> None:
    """Let a command, and those under it, tell what went wrong so. Called once for each that is registered."""
    command.__class__ = _telling(type(command))
    if isinstance(command, click.Group):
        for under in command.commands.values():
            tell(under)


_known: dict[str, type[click.Command]] = {}


def _telling(kind: type[click.Command]) -> type[click.Command]:
    if issubclass(kind, _Telling):
        return kind
    return _known.setdefault(kind.__qualname__, type(f"Telling{kind.__name__}", (_Telling, kind), {}))


class _Telling(click.Command):
    """Both ends of a command: how its words are read, and what it does."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _translated(self):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _translated(self):
            return super().invoke(ctx)


@contextmanager
def _translated(command: click.Command) -> Iterator[None]:
    try:
        yield
    except Told:
        raise
    except Exception as error:
        words = _words(command, error)
        if words is None:
            raise
        raise (Refused if type(error) is click.ClickException else Told)(words) from error


def _words(command: click.Command, error: Exception) -> str | None:
    """What to say of an error; None where it is none that a person can mend by typing otherwise."""
    see = f"用 flask {command.name} --help 查看写法"
    if isinstance(error, click.MissingParameter):
        return f"缺少{_named(error.param)}，{see}"
    if isinstance(error, click.NoSuchOption):
        near = f"，您要的可能是 {'、'.join(error.possibilities)}" if error.possibilities else ""
        return f"没有选项 {error.option_name}{near}，{see}"
    if isinstance(error, click.BadParameter):
        return f"{_named(error.param, error.param_hint)}：{_bad_value(error)}"
    if isinstance(error, click.BadOptionUsage):
        return f"选项 {error.option_name} 的写法不对（例如没有给出值），{see}"
    if isinstance(error, click.UsageError):
        return _usage(error, see)
    if isinstance(error, Refusal):
        return str(error)
    if type(error) is click.ClickException:
        return error.message
    if isinstance(error, DBAPIError):
        return _database(error)
    return None


def _named(param: click.Parameter | None, hint: Any = None) -> str:
    if param is None:
        return f"参数 {hint}" if hint else "参数"
    if isinstance(param, click.Option):
        return f"选项 {param.opts[-1]}"
    return f"参数 {param.human_readable_name.upper()}"


def _bad_value(error: click.BadParameter) -> str:
    """By the type of what was asked for; click's own words hold nothing but the value."""
    if _ours(error.message):
        return error.message
    kind = error.param.type if error.param is not None else None
    found = QUOTED.search(error.message)
    value = found.group(1)[:60] if found else re.split(r"\s", error.message)[0][:60]
    if isinstance(kind, click.Choice):
        listed = "、".join(str(choice) for choice in list(kind.choices)[:WIDEST])
        return f"没有“{value}”，请从这些里选：{listed}" + ("等" if len(kind.choices) > WIDEST else "")
    if isinstance(kind, click.DateTime):
        return f"“{value}”不是日期，请用 2026-03-01 这样的写法"
    if isinstance(kind, click.Path):
        what = "不是文件" if "directory" in error.message and "exist" not in error.message else "不存在或不能读取"
        return f"文件“{value}”{what}，请核对路径"
    if isinstance(kind, click.IntRange):
        return f"“{value}”不是 {kind.min} 到 {kind.max} 的整数"
    if isinstance(kind, click.types.IntParamType):
        return f"“{value}”不是整数"
    return f"“{value}”的写法不对"


def _usage(error: click.UsageError, see: str) -> str:
    found = QUOTED.search(error.message)
    if "No such command" in error.message and found:
        return f"没有命令“{found.group(1)}”，{see}"
    if "unexpected extra argument" in error.message:
        more = error.message.partition("(")[2].partition(")")[0]
        return f"多出了参数 {more}，{see}"
    return error.message if _ours(error.message) else f"命令的写法不对，{see}"


def _ours(message: str) -> bool:
    """Whether the words, what was typed left out, are Chinese already."""
    return not QUOTED.sub("", message).isascii()


def _database(error: DBAPIError) -> str | None:
    said = f"{type(error.orig).__name__} {error.orig}"
    if UNMIGRATED.search(said):
        return "数据库还没有建好，或不是这个版本的，请先执行 flask db upgrade"
    if isinstance(error, OperationalError) and error.connection_invalidated is False and _is_away(said):
        return "连不上数据库，请核对 DATABASE_URL，并确认数据库在运行"
    return None


def _is_away(said: str) -> bool:
    return any(word in said for word in ("connect", "unable to open", "could not translate host"))
