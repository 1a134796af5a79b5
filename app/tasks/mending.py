"""整批补正 (LIF-02): what was returned of a batch is sent again, each in its own transaction, with a result each."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from flask_babel import lazy_gettext as _l

from app import clock, scope
from app.listing import Column
from app.permissions import Actor
from app.reports import given_out
from app.tasks import one_by_one
from app.tasks.jobs import JobContext, handles
from app.tasks.one_by_one import Line
from app.telling import speaking, told
from app.wording import say, together
from app.workflows.approval import submissions
from app.workflows.desk import apply_many, many, mend_many

_WORDS = one_by_one.Words(
    "重新提交", "您停止了任务，没有重新提交", "您停止了任务，从第 %(n)s 件起没有重新提交",
    "您已不能提交申请，从第 %(n)s 件起没有重新提交",
)  # fmt: skip


COLUMNS = (
    Column("number", _l("申请编号"), lambda line: line.number, "code"),
    Column("title", _l("内容"), lambda line: line.name and line.name.heading, said=True),
    Column("result", _l("结果"), lambda line: told("没有重新提交" if line.why else "已重新提交")),
    Column("why", _l("原因"), lambda line: together(line.why, "\n")),
)


@handles("mend")
def mend_all(context: JobContext) -> dict[str, Any]:
    """Params: `chosen` (keys with the versions seen, `many.as_params`), `form` (`apply_many.Form`; its files are the
    job's), `keep` (the digests of files that stay), `batch`, `language`.

    The owner's rights are asked anew before each, and whether he pressed 停止. What a run that was killed had sent is
    known by its steps. Gives `mended`, `refused`, `stopped`, `left` and a workbook of all.
    """
    params, session = context.params, context.session
    chosen, form, keep = many.read(params["chosen"]), apply_many.form_of(params["form"]), set(params["keep"])
    with speaking(params.get("language")):

        def over(number: int) -> one_by_one.Ended | None:
            if not form.is_over(clock.today()):
                return None
            on = form.effective_on
            return one_by_one.Ended(
                [say("生效日期 %(on)s 已经过去，没有重新提交", on=on)],
                say("生效日期 %(on)s 已经过去，从第 %(n)s 件起没有重新提交", on=on, n=number),
            )

        def mend(owner: Actor, at: int) -> None:
            mend_many.mend_one(session, owner, chosen[at], form, keep, context.job_id, clock.now())

        done = many.decided(session, context.actor, chosen, "resubmit", context.entered_at)
        course = one_by_one.go_through(context, [key for key, _seen in chosen], done, _WORDS, mend, over)
        at = clock.now()
        with scope.acting(context.actor):
            names = many.names(session, context.actor, [key for key, _seen in chosen], at)
        lines = [Line(key, names.get(key), course.why.get(key, [])) for key, _seen in chosen]
        result = {
            "mended": len(course.done), **one_by_one.told_of(lines, attrgetter("number"), attrgetter("link"), course),
            "link": submissions.list_of_batch(params["batch"]),
        }  # fmt: skip
        said = say("已重新提交 %(d)s 件，没有重新提交 %(n)s 件", d=len(course.done), n=result["refused"])
        one_by_one.give(context, lines, COLUMNS, told("整批补正结果"), said, given_out.APPLIED, result, at)
    return result
