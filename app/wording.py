"""Sentences that rules and workflows make at run time, kept so that a screen can tell them in another language.

Chinese is the source: what is said here is a finished Chinese `str`, and whoever stores, compares, or prints it needs
to know no more. It also remembers the sentence without its values, which is what the catalogues hold; the outermost
layer tells it in the reader's language (`views/frame/told.py`). Constants need no wrapping: they are their own entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
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


class Theirs(str):
    """A text that nobody said for us: a person's own words. Told to whomever, it is left as it was written."""

    __slots__ = ()


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
            args[name] = finished(value)  # a row, a day: a kept text must not hold on to it
    return Said(msgid, args)


def finished(value: Any) -> str:
    """Of a label, which is translated when it is shown, its Chinese: what is kept is in nobody's language."""
    source = getattr(value, "_args", None)
    return _constant(source[-1]) if source and isinstance(source[-1], str) else str(value)


def together(parts: Iterable[str], between: str = "、") -> str:
    """`between.join(parts)`, told part by part."""
    return Together(between, {"parts": list(parts)})


def ours(text: str) -> str:
    """A text that is ours in any case: a constant is said, what was said stays."""
    return text if isinstance(text, Said) or not text else _constant(text)


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


_COUNTED: list[tuple[re.Pattern[str], str]] = []


def counted(msgid: str) -> str:
    """A sentence with whole numbers only is known again by its finished text (`heard`): for what is written by the
    million, where each row would keep it twice."""
    finished = re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>[0-9]+)", re.escape(msgid))
    _COUNTED.append((re.compile(finished), msgid))
    return msgid


def heard(text: str) -> str:
    """What was said when this text was made, where that can be known."""
    for pattern, msgid in _COUNTED:
        found = pattern.fullmatch(text)
        if found:
            return Said(msgid, dict(found.groupdict()))
    return text


# Behind it a column of text keeps how the Chinese before it came about; no text of a person's holds it.
MARK = "\x1e"


def written(text: str) -> str:
    """A text as a column keeps it (`models/said.py`): the Chinese, so that SQL finds it, and what tells it again."""
    if not isinstance(text, Said):
        return text.replace(MARK, "")
    how = kept(text)
    return f"{text}{MARK}" if isinstance(how, str) else f"{text}{MARK}{json.dumps(how, ensure_ascii=False)}"


def read(column: str) -> str:
    """What `written` made a column of; whatever else stands there was never said, and is told to nobody otherwise."""
    text, mark, how = column.partition(MARK)
    if not mark:
        return Theirs(text)
    return again(json.loads(how)) if how else say(text)  # type: ignore[no-any-return]


def cut(text: str, most: int) -> str:
    """No more than so many characters; what had to be cut is Chinese only."""
    return text if len(text) <= most else text[:most]


def changed(text: str, change: Callable[[str], str]) -> str:
    """The text with its values changed; one that was never said is changed as a whole."""
    if isinstance(text, Together):
        return together([changed(part, change) for part in text.args["parts"]], text.msgid)
    if isinstance(text, Said):
        changed_args = {n: changed(v, change) if isinstance(v, str) else v for n, v in text.args.items()}
        return Said(text.msgid, changed_args)
    return change(text)


def _beside(first: str, second: str) -> str:
    if not first or not second:
        return first or second
    return Together("", {"parts": [first, second]})
