"""What jobs share that do one thing after another, each by itself: how they go on and end, and what they give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app import clock, scope
from app.errors import Refusal
from app.listing import Column
from app.models.policy import policy_version
from app.permissions import Actor
from app.reports import exports, tables
from app.scratch import scratch
from app.tasks.jobs import JobContext
from app.telling import told
from app.transaction import AnySession, transaction
from app.wording import say
from app.workflows.core import export_records
from app.workflows.desk import many

# Of those that were not done so many are named on the job's page; the workbook has all.
MOST_NAMED = 100
FORGET_EVERY = 200


class Words(NamedTuple):
    """What is being done; why one was left that came after 停止, and from which on (`n`) all were, for it or without
    the right."""

    doing: str
    stopped: str
    stopped_from: str
    rightless_from: str


class Ended(NamedTuple):
    """Why all that are left stay as they are: to each of them, and to the run."""

    why: list[str]
    said: str


@dataclass
class Course:
    """What became of those that were gone through; why it ended before all were."""

    done: set[int]
    why: dict[int, list[str]] = field(default_factory=dict)
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One application and what became of it."""

    key: int
    name: many.Name | None
    why: list[str]

    @property
    def link(self) -> str:
        return f"/applications/{self.key}"

    @property
    def number(self) -> str:
        return self.name.number if self.name is not None else str(say("编号 %(n)s", n=self.key))


def go_through(
    context: JobContext,
    keys: Sequence[int],
    done: set[int],
    words: Words,
    deed: Callable[[Actor, int], Any],
    over: Callable[[int], Ended | None] = lambda _number: None,
) -> Course:
    """`deed` for each that is not `done` yet, as the owner, by its place among `keys`; a Refusal is that one's alone.

    Before each the owner's rights are asked anew, whether he pressed 停止, and whether it is `over` otherwise (by the
    number from 1): from there on all stays as it is.
    """
    course = Course(done)
    for number, key in enumerate(keys, 1):
        if key not in course.done:
            owner, ended = _turn(context, words, over, number)
            if owner is None:
                course.stopped = ended.said
                course.why |= {one: ended.why for one in keys[number - 1 :] if one not in course.done}
                context.progress(number - 1, len(keys), words.doing, now=True)
                break
            try:
                with scope.acting(owner):
                    deed(owner, number - 1)
                course.done.add(key)
            except Refusal as refusal:
                course.why[key] = many.reasons(refusal)
        if number % FORGET_EVERY == 0:
            context.session.expunge_all()
        context.progress(number, len(keys), words.doing)
    return course


def _turn(
    context: JobContext, words: Words, over: Callable[[int], Ended | None], number: int
) -> tuple[Actor | None, Ended]:
    """Who does the next one; None, with why nobody does any more."""
    if context.stop_asked():
        return None, Ended([say(words.stopped)], say(words.stopped_from, n=number))
    if (ended := over(number)) is not None:
        return None, ended
    try:
        return context.owner_now(), Ended([], "")
    except Refusal as refusal:
        return None, Ended(many.reasons(refusal), say(words.rightless_from, n=number))


def told_of(
    lines: list[Any], called: Callable[[Any], str], link: Callable[[Any], str], course: Course
) -> dict[str, Any]:  # fmt: skip
    """What the job's page tells of the `lines` (`key`, `why`), by what each is `called` and its page's address; the
    lines are put in order: what still needs somebody comes first."""
    lines.sort(key=lambda line: not line.why)
    refused = [line for line in lines if line.why]
    return {
        "refused": len(refused), "stopped": course.stopped or None,
        "left": [[called(line), link(line), line.why] for line in refused[:MOST_NAMED]],
    }  # fmt: skip


def give(
    context: JobContext,
    lines: Sequence[Any],
    columns: Sequence[Column],
    title: str,
    said: str,
    recorded_as: str,
    result: dict[str, Any],
    at: dt.datetime,
    also: Callable[[AnySession], Any] = lambda _session: None,
) -> None:
    """The workbook of `lines`, and the job's end in the same transaction; `also` writes what follows from that."""
    session, actor = context.session, context.actor
    policy = policy_version(session, actor.region_code, clock.local_day(at))
    block = [tuple(column.value(line) for column in columns) for line in lines]
    note = [("内容", title), ("结果", told(said)), ("导出人", actor.name)]
    with scratch("results") as folder:
        path = folder / "results.xlsx"
        tables.write([block], columns, path, "xlsx", title=title, as_of=at, note=note)
        digest = exports.digest_of(path)
        with transaction(session):
            context.attach(path, exports.file_name(title, at, "xlsx"))
            export_records.keep_file(session, actor, at, recorded_as, said, digest, policy, "xlsx", rows=len(lines))
            context.finish(result | {"sha256": digest})
            also(session)
