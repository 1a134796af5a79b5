"""批量审批 (LIF-08): many applications under one decision, each in its own transaction, with a result for each."""

from __future__ import annotations

import datetime as dt
from operator import attrgetter
from typing import Any

from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.errors import Refusal
from app.listing import Column
from app.models.choices import APPLICATION_KIND
from app.permissions import Actor
from app.reports import given_out
from app.tasks import one_by_one
from app.tasks.jobs import JobContext, handles
from app.tasks.one_by_one import Line
from app.telling import speaking, told
from app.wording import say, together
from app.workflows.desk import many, told_together

COLUMNS = (
    Column("number", _l("申请编号"), lambda line: line.number, "code"),
    Column("kind", _l("事项"), lambda line: line.name and line.name.kind, "choice", choices=APPLICATION_KIND),
    Column("title", _l("内容"), lambda line: line.name and line.name.heading, said=True),
    Column("unit", _l("申请单位"), lambda line: line.name and line.name.unit),
    Column("result", _l("结果"), lambda line: told("未办理" if line.why else "已办理")),
    Column("why", _l("原因"), lambda line: together(line.why, "\n")),
)


_WORDS = one_by_one.Words(
    "审批", "您停止了任务，没有办理", "您停止了任务，从第 %(n)s 件起没有办理", "您已不能审批，从第 %(n)s 件起没有办理"
)


@handles("decide")
def decide_all(context: JobContext) -> dict[str, Any]:
    """Params: `chosen` (keys with the versions seen, `many.as_params`), `verb`, `opinion`, `language`.

    The officer's rights are asked anew before each, and whether he pressed 停止: from there on all stays as it is. What
    a run that was killed had decided is known by its steps. One that meets a fault of the product is told among those
    that were not done, by the number of its incident, and the others go on. Units are told after its end, once of all.
    Gives `decided`, `refused`, `left` (the first that were not done, each with why) and a workbook of all.
    """
    params = context.params
    chosen = many.read(params["chosen"])
    with speaking(params.get("language")):
        course = _gone_through(context, chosen)
        at = clock.now()
        names = _names(context, [key for key, _seen in chosen], at)
        lines = [Line(key, names.get(key), course.why.get(key, [])) for key, _seen in chosen]
        result = {
            "decided": len(course.done), **one_by_one.told_of(lines, attrgetter("number"), attrgetter("link"), course),
        }  # fmt: skip
        said = say("已办理 %(d)s 件，未办理 %(n)s 件", d=len(course.done), n=result["refused"])
        press = told_together.press_of_job(context.job_id)
        one_by_one.give(context, lines, COLUMNS, told("批量审批结果"), said, given_out.DECISIONS, result, at)
        # By itself: the decisions stand and the job is over, whatever keeps this from being told at once.
        told_together.tell_by_itself(context.session, clock.now(), press)
    return result


def _names(context: JobContext, keys: list[int], at: dt.datetime) -> dict[int, many.Name]:
    """By the rights that the officer has as it ends; none where he has none any more."""
    try:
        officer = context.owner_now()
    except Refusal:
        return {}
    with scope.acting(officer):
        return many.names(context.session, officer, keys, at)


def _gone_through(context: JobContext, chosen: list[many.Seen]) -> one_by_one.Course:
    session, verb, opinion = context.session, context.params["verb"], context.params.get("opinion", "")
    press = told_together.press_of_job(context.job_id)

    def decide(officer: Actor, at: int) -> None:
        many.decide_one(session, officer, chosen[at], verb, opinion, clock.now(), press)

    done = many.decided(session, context.actor, chosen, verb, context.entered_at)
    return one_by_one.go_through(context, [key for key, _seen in chosen], done, _WORDS, decide)
