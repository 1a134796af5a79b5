"""批量申请 (LIF-01 to LIF-06): looked at first, elevator by elevator, then applied for, each in its own transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app import clock, scope
from app.errors import Finding, Refusal, refuse
from app.listing import Column
from app.models import Elevator
from app.models.among import among
from app.permissions import Actor
from app.reports import exports, given_out
from app.tasks import one_by_one
from app.tasks.jobs import JobContext, handles
from app.telling import speaking, told
from app.transaction import AnySession
from app.wording import kept, say, together
from app.workflows.approval import submissions
from app.workflows.desk import apply_many

# Of those that can't be applied for so many are named for each reason; the workbook has all.
MOST_OF_A_REASON = 5
# A remedy may name the elevator, so that there are as many reasons as elevators: the page tells the most frequent.
MOST_REASONS = 50
_BLOCK = 500
_WORDS = one_by_one.Words(
    "申请", "您停止了任务，没有申请", "您停止了任务，从第 %(n)s 台起没有申请",
    "您已不能提交申请，从第 %(n)s 台起没有申请",
)  # fmt: skip


class _Named(NamedTuple):
    """What an elevator is called to the owner, and where he reads what stands in its way."""

    code: str
    place: str
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """One elevator and what became of it."""

    key: int
    code: str
    place: str
    link: str
    number: str
    why: list[str]


COLUMNS = (
    Column("code", _l("识别码"), lambda line: line.code, "code"),
    Column("place", _l("地址"), lambda line: line.place),
    Column("result", _l("结果"), lambda line: told("没有申请" if line.why else "已申请")),
    Column("number", _l("申请编号"), lambda line: line.number, "code"),
    Column("why", _l("原因"), lambda line: together(line.why, "\n")),
)
_CHECKED = (
    *(one for one in COLUMNS if one.name in ("code", "place")),
    Column("result", _l("结果"), lambda line: told("不能申请" if line.why else "可以申请")), COLUMNS[-1],
)  # fmt: skip


@handles("apply_check")
def check_all(context: JobContext) -> dict[str, Any]:
    """Params: `listing` and `query` (the list's address), or `chosen` (keys with the codes that named them), `form`
    (`apply_many.Form`), `language`.

    Nothing is applied for. Gives how many `can` and how many not (`refused`), the `ids` of those that can, `why` the
    others can't and what is to be looked at (`warn`), reason by reason: rule, remedy, number, the first of them with
    what was found, and that alone where it is the same of all; the most frequent reasons, with how many there are
    besides. A workbook of all: first those that can't, each with why.
    """
    params, session = context.params, context.session
    form, actor = apply_many.form_of(params["form"]), context.actor
    with speaking(params.get("language")):
        chosen, at = apply_many.called(session, context.job_id), clock.now()
        keys = list(chosen) or exports.found(session, actor, params, apply_many.MOST + 1)
        if len(keys) > apply_many.MOST:
            found = say("筛选出 %(n)s 台，一次最多 %(m)s 台", n=len(keys), m=apply_many.MOST)
            raise refuse("批量申请", found, "请用筛选分几次申请")
        ids, refused, why, warn = [], dict[int, list[str]](), _Reasons(), _Reasons()
        for number, key in enumerate(keys, 1):
            try:
                asked = apply_many.findings(session, actor, key, form, at)
            except Refusal as refusal:
                asked = refusal.findings
            stops = [one for one in asked if one.stops]
            (why if stops else warn).add(key, stops or [one for one in asked if not one.ok])
            if stops:
                refused[key] = [str(one) for one in stops]
            else:
                ids.append(key)
            if number % one_by_one.FORGET_EVERY == 0:
                session.expunge_all()
            context.progress(number, len(keys), "核对")
        named = _named(context, actor, [*refused, *ids], chosen)
        result = {
            "can": len(ids), "refused": len(refused), "ids": ids, "why": why.told(named), "warn": warn.told(named),
            "why_more": why.more(), "warn_more": warn.more(),
            "link": f"/applications/many/checked/{context.job_id}",
        }  # fmt: skip
        lines = [Line(key, *named[key], "", refused.get(key, [])) for key in [*refused, *ids]]
        if not lines:
            return result
        title, said = told("批量申请核对"), say("可以申请 %(d)s 台，不能申请 %(n)s 台", d=len(ids), n=len(refused))
        one_by_one.give(context, lines, _CHECKED, title, said, given_out.APPLIED, result, at)
    return result


@handles("apply")
def apply_all(context: JobContext) -> dict[str, Any]:
    """Params: `check` (the job that looked at them, found which can, and holds the papers), `form` (`apply_many.Form`),
    `language`.

    The owner's rights are asked anew before each, and whether he pressed 停止. What a run that was killed had applied
    for is known by the batch's applications, which carry the job's number. Gives `applied`, `refused`, `stopped` (why
    it ended before all were), `left` (the first that were refused, each with why) and a workbook of all.
    """
    params, session = context.params, context.session
    form = apply_many.form_of(params["form"])
    with speaking(params.get("language")):
        keys = apply_many.found_by(session, context.actor, int(params["check"]))
        course = _gone_through(context, form, keys)
        at, made = clock.now(), apply_many.handed_in(session, context.job_id)
        named = _named(context, context.actor, keys, apply_many.called(session, int(params["check"])))
        lines = [
            Line(key, *named[key], made[key][1] if key in made else "", course.why.get(key, []))
            for key in keys
        ]
        result = {
            "applied": len(made), **one_by_one.told_of(lines, attrgetter("code"), attrgetter("link"), course),
            "link": submissions.list_of_batch(context.job_id) if made else None,
        }  # fmt: skip
        said = say("已申请 %(d)s 台，没有申请 %(n)s 台", d=len(made), n=result["refused"])

        def settled(own: AnySession) -> None:
            if made:
                submissions.settle_batch(own, context.job_id, at)

        one_by_one.give(
            context, lines, COLUMNS, told("批量申请结果"), said, given_out.APPLIED, result, at, settled
        )
    return result


def _gone_through(context: JobContext, form: apply_many.Form, keys: list[int]) -> one_by_one.Course:
    session, check = context.session, int(context.params["check"])

    def over(number: int) -> one_by_one.Ended | None:
        # Approval asks for the day again, by the day of each application's own submission.
        on = form.effective_on
        if not form.is_over(clock.today()):
            return None
        return one_by_one.Ended(
            [say("生效日期 %(on)s 已经过去，没有申请；请按新的日期重新核对", on=on)],
            say("生效日期 %(on)s 已经过去，从第 %(n)s 台起没有申请", on=on, n=number),
        )

    def apply(owner: Actor, at: int) -> None:
        apply_many.apply_one(session, owner, keys[at], form, check, context.job_id, clock.now())

    made = set(apply_many.handed_in(session, context.job_id))
    return one_by_one.go_through(context, keys, made, _WORDS, apply, over)


class _Reasons:
    """Elevators by what was found of them."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], list[tuple[int, str]]] = {}
        # What was found of every one of them so far; None where it differs.
        self._alike: dict[tuple[str, str], str | None] = {}

    def add(self, key: int, findings: Sequence[Finding]) -> None:
        for one in findings:
            reason = (one.rule, one.remedy)
            self._count[reason] += 1
            if self._alike.setdefault(reason, one.found) != one.found:
                self._alike[reason] = None
            first = self._first.setdefault(reason, [])
            if len(first) < MOST_OF_A_REASON:
                first.append((key, one.found))

    def _most_frequent(self) -> list[tuple[tuple[str, str], int]]:
        return self._count.most_common(MOST_REASONS)

    def more(self) -> int:
        """How many reasons there are besides those that are told."""
        return max(0, len(self._count) - MOST_REASONS)

    def told(self, named: Mapping[int, _Named]) -> list[list[Any]]:
        """Rule, remedy, number, of the first ones code, address and what was found, and what was found of all, where
        that is the same; the most frequent first."""
        return [
            [
                kept(rule), kept(remedy), count,
                [
                    [named[key].code, named[key].link, kept(found)] for key, found in self._first[rule, remedy]
                ],
                kept(self._alike[rule, remedy] or ""),
            ]
            for (rule, remedy), count in self._most_frequent()
        ]  # fmt: skip


def _named(context: JobContext, actor: Actor, keys: Sequence[int], chosen: Mapping[int, str]) -> dict[int, _Named]:
    """What they are called: those that the owner sees by code and place, others as they were `chosen`."""
    found, wanted = dict[int, _Named](), list(dict.fromkeys(keys))
    for start in range(0, len(wanted), _BLOCK):
        some = among(context.session, Elevator.id, wanted[start : start + _BLOCK])
        statement = scope.apply(select(Elevator.id, Elevator.code, Elevator.address).where(some), actor, Elevator)
        for key, code, address in context.session.execute(statement):
            found[key] = _Named(code, address, f"/elevators/{key}")
    for key in wanted:
        if key not in found:
            code = chosen.get(key)
            other = _Named(str(say("编号 %(n)s", n=key)), "", f"/elevators/{key}")
            found[key] = other if code is None else _Named(code, "", f"/unit-changes/new?{urlencode({'code': code})}")
    return found
