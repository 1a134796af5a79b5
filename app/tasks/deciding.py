"""批量审批 (LIF-08): many applications under one decision, each in its own transaction, with a result for each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.errors import Refusal
from app.listing import Column
from app.models.choices import APPLICATION_KIND
from app.models.policy import policy_version
from app.reports import exports, given_out, tables
from app.scratch import scratch
from app.tasks.jobs import JobContext, handles
from app.telling import speaking, told
from app.transaction import transaction
from app.wording import say, together
from app.workflows.core import export_records
from app.workflows.desk import many, told_together

# Of those that were not done so many are named on the job's page; the workbook has all.
MOST_NAMED = 100
FORGET_EVERY = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One application and what became of it."""

    key: int
    name: many.Name | None
    why: list[str]

    @property
    def number(self) -> str:
        return self.name.number if self.name is not None else str(say("编号 %(n)s", n=self.key))


COLUMNS = (
    Column("number", _l("申请编号"), lambda line: line.number, "code"),
    Column("kind", _l("事项"), lambda line: line.name and line.name.kind, "choice", choices=APPLICATION_KIND),
    Column("title", _l("内容"), lambda line: line.name and line.name.heading, said=True),
    Column("unit", _l("申请单位"), lambda line: line.name and line.name.unit),
    Column("result", _l("结果"), lambda line: told("未办理" if line.why else "已办理")),
    Column("why", _l("原因"), lambda line: together(line.why, "\n")),
)


@dataclass
class _Course:
    """What became of those that were gone through; why it ended before all were."""

    done: set[int]
    why: dict[int, list[str]] = field(default_factory=dict)
    stopped: str = ""


@handles("decide")
def decide_all(context: JobContext) -> dict[str, Any]:
    """Params: `chosen` (keys with the versions seen, `many.told`), `verb`, `opinion`, `language`.

    The officer's rights are asked anew before each, and whether he pressed 停止: from there on all stays as it is. What
    a run that was killed had decided is known by its steps. One that meets a fault of the product is told among those
    that were not done, by the number of its incident, and the others go on. Units are told at its end, once of all.
    Gives `decided`, `refused`, `left` (the first that were not done, each with why) and a workbook of all.
    """
    params = context.params
    chosen = many.read(params["chosen"])
    with speaking(params.get("language")):
        course = _gone_through(context, chosen)
        at = clock.now()
        names = _names(context, [key for key, _seen in chosen], at)
        lines = [Line(key, names.get(key), course.why.get(key, [])) for key, _seen in chosen]
        # What still needs somebody comes first.
        lines.sort(key=lambda line: not line.why)
        refused = [line for line in lines if line.why]
        result = {
            "decided": len(course.done), "refused": len(refused), "stopped": course.stopped or None,
            "left": [[line.number, f"/applications/{line.key}", line.why] for line in refused[:MOST_NAMED]],
        }  # fmt: skip
        with scratch("decisions") as folder:
            _give(context, folder / "decisions.xlsx", lines, result, at)
    return result


def _names(context: JobContext, keys: list[int], at: dt.datetime) -> dict[int, many.Name]:
    """By the rights that the officer has as it ends; none where he has none any more."""
    try:
        officer = context.owner_now()
    except Refusal:
        return {}
    with scope.acting(officer):
        return many.names(context.session, officer, keys, at)


def _gone_through(context: JobContext, chosen: list[many.Seen]) -> _Course:
    session, verb, opinion = context.session, context.params["verb"], context.params.get("opinion", "")
    press = told_together.press_of_job(context.job_id)
    course = _Course(many.decided(session, context.actor, chosen, verb, context.entered_at))
    for number, seen in enumerate(chosen, 1):
        key = seen[0]
        if key not in course.done:
            try:
                if context.stop_asked():
                    why = [say("您停止了任务，没有办理")]
                    stopped = say("您停止了任务，从第 %(n)s 件起没有办理", n=number)
                else:
                    officer, why, stopped = context.owner_now(), [], ""
            except Refusal as refusal:
                why, stopped = many.reasons(refusal), say("您已不能审批，从第 %(n)s 件起没有办理", n=number)
            if stopped:
                course.stopped = stopped
                course.why |= {one: why for one, _seen in chosen[number - 1 :] if one not in course.done}
                context.progress(number - 1, len(chosen), "审批", now=True)
                break
            try:
                with scope.acting(officer):
                    many.decide_one(session, officer, seen, verb, opinion, clock.now(), press)
                course.done.add(key)
            except Refusal as refusal:
                course.why[key] = many.reasons(refusal)
        if number % FORGET_EVERY == 0:
            session.expunge_all()
        context.progress(number, len(chosen), "审批")
    return course


def _give(context: JobContext, path: Path, lines: list[Line], result: dict[str, Any], at: dt.datetime) -> None:
    """The workbook, and the job's end in the same transaction."""
    session, title = context.session, told("批量审批结果")
    said = say("已办理 %(d)s 件，未办理 %(n)s 件", d=result["decided"], n=result["refused"])
    policy = policy_version(session, context.actor.region_code, clock.local_day(at))
    block = [tuple(column.value(line) for column in COLUMNS) for line in lines]
    note = [("内容", title), ("结果", told(said)), ("导出人", context.actor.name)]
    tables.write([block], COLUMNS, path, "xlsx", title=title, as_of=at, note=note)
    digest = exports.digest_of(path)
    with transaction(session):
        context.attach(path, exports.file_name(title, at, "xlsx"))
        export_records.keep_file(
            session, context.actor, at, given_out.DECISIONS, said, digest, policy, "xlsx", rows=len(lines)
        )
        told_together.tell(session, at, told_together.press_of_job(context.job_id))
        context.finish(result | {"sha256": digest})
