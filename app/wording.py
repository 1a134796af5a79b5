"""Sentences that rules and workflows make at run time, kept so that a screen can tell them in another language.

Chinese is the source: what is said here is a finished Chinese `str`, and whoever stores, compares, or prints it needs
to know no more. It also remembers the sentence without its values, which is what the catalogues hold; the outermost
layer tells it in the reader's language (`views/told.py`). Constants need no wrapping: they are their own entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any


class Said(str):
    """A Chinese text that knows how it came about: `msgid`, in which `args` stand for `%(name)s`."""

    __slots__ = ("args", "msgid")
    msgid: str
    args: dict[str, Any]

    def __new__(cls, msgid: str, args: dict[str, Any]) -> Said:
        made = super().__new__(cls, msgid % args if args else msgid)
        made.msgid, made.args = msgid, args
        return made

    def __str__(self) -> str:
        return self  # str() would give a plain copy, and the memory be lost where an exception is told

    def __add__(self, other: str) -> str:
        return _beside(self, other) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> str:
        return _beside(other, self) if isinstance(other, str) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        return Said, (self.msgid, self.args)


_PLAIN = (str, int, float)


class Together(Said):
    """Several texts in a row, each told for itself: `msgid` is what parts them."""

    __slots__ = ()

    def __new__(cls, msgid: str, args: dict[str, Any]) -> Together:
        made = str.__new__(cls, msgid.join(args["parts"]))
        made.msgid, made.args = msgid, args
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Together, (self.msgid, self.args)


def say(msgid: str, /, **args: Any) -> str:
    """The sentence with its values; a value may be said itself. Without values `%` stands for itself."""
    for name, value in args.items():
        if not isinstance(value, _PLAIN):
            args[name] = str(value)  # a row, a day: a kept text must not hold on to it
    return Said(msgid, args)


def together(parts: Iterable[str], between: str = "、") -> str:
    """`between.join(parts)`, told part by part."""
    return Together(between, {"parts": list(parts)})


def speak(one: object, *names: str) -> None:
    """Let the constants that a declaration was given be told wherever they are shown. Of frozen classes too."""
    for name in names:
        text = getattr(one, name)
        if type(text) is str and text:
            object.__setattr__(one, name, _constant(text))


@lru_cache(maxsize=4096)
def _constant(text: str) -> str:
    """Made once: findings are made by the million when a workbook is checked, and say the same few things."""
    return say(text)


def kept(text: str) -> Any:
    """The text as JSON keeps it; `again` makes it of that."""
    if isinstance(text, Together):
        return {"between": text.msgid, "parts": [kept(part) for part in text.args["parts"]]}
    if isinstance(text, Said) and text.args:
        return {"msgid": text.msgid, "args": {name: kept(value) for name, value in text.args.items()}}
    return text


def again(value: Any) -> Any:
    if isinstance(value, dict) and "parts" in value:
        return together([again(part) for part in value["parts"]], value["between"])
    if isinstance(value, dict):
        return Said(value["msgid"], {name: again(one) for name, one in value["args"].items()})
    return value


def _beside(first: str, second: str) -> str:
    if not first or not second:
        return first or second
    return Together("", {"parts": [first, second]})
