"""常用组件 (ELV-05) for all elevators that a list found: parts that they never had, one by one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app import clock
from app.errors import Refusal, raise_failing
from app.listing import moment
from app.listings.elevators import with_parts
from app.models import Elevator
from app.reports import exports
from app.tasks.jobs import JobContext, handles
from app.telling import speaking
from app.transaction import transaction
from app.wording import say
from app.workflows.filing import usual_parts

MOST_NAMED, FORGET_EVERY = 100, 200


@handles("usual_parts")
def fill_all(context: JobContext) -> dict[str, Any]:
    """Params: `listing` and `query` (the list's address), `ids` where rows were chosen, `language`; `lowest`, the
    lowest landing of all of them, where their doors are wanted, too: only for the elevators of one estate.

    An elevator that has its parts already gets none again, so a run after a kill goes on where the other stood. Gives
    `filled` elevators with the `components` and `doors` made, `refused`, `stopped` (why it ended before all) and
    `left`, the first refused with why.
    """
    params, session = context.params, context.session
    made = {name: int(context.made.get(name, 0)) for name in ("filled", "components", "doors")}
    refused, left, stopped, lowest = 0, [], None, params.get("lowest")
    with speaking(params.get("language")):
        keys = _wanted(context)
        if lowest is not None:
            raise_failing([usual_parts.of_one_estate(session, context.actor, keys)])
        for number, key in enumerate(keys, 1):
            if context.stop_asked():
                stopped = say("您停止了任务，其余 %(n)s 台没有登记", n=len(keys) - number + 1)
                context.progress(number - 1, len(keys), "登记组件", now=True)
                break
            try:
                with transaction(session):
                    done = usual_parts.fill(session, context.actor, key, clock.now(), lowest=lowest)
                    now = {
                        "filled": made["filled"] + bool(done.parts or done.doors),
                        "components": made["components"] + done.parts, "doors": made["doors"] + done.doors,
                    }  # fmt: skip
                    if now != made:
                        context.keep(now)
                made = now
            except Refusal as refusal:
                refused += 1
                if refused <= MOST_NAMED:
                    left.append(_named(session, key, refusal))
            if number % FORGET_EVERY == 0:
                session.expunge_all()
            context.progress(number, len(keys), "登记组件")
        return made | {"refused": refused, "stopped": stopped, "left": left}


def _wanted(context: JobContext) -> list[int]:
    """The chosen elevators, or those under the list's filter, read before the first of them changes."""
    if context.params.get("ids"):
        return [int(key) for key in context.params["ids"]]
    wanted = exports.Wanted(context.params["listing"], context.params["query"])
    now, query = moment(context.session, context.actor), exports.read(exports.listing_of(wanted.listing), wanted)
    return list(context.session.scalars(with_parts(now, query)))


def _named(session: Any, key: int, refusal: Refusal) -> list[Any]:
    code = session.scalar(select(Elevator.code).where(Elevator.id == key))
    name = code if code is not None else str(say("编号 %(n)s", n=key))
    return [name, f"/elevators/{key}/parts", [str(finding) for finding in refusal.findings if not finding.ok]]
