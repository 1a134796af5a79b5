"""批量上报 (UNT-05, ELV-04, PER-03): all drafts that a list shows under its filter, each handed in by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select

from app import clock, scope
from app.errors import Refusal
from app.models import Elevator, Person, Unit
from app.permissions import Actor
from app.reports import exports
from app.rules.approval import EDITABLE
from app.tasks.jobs import JobContext, handles
from app.telling import speaking
from app.transaction import in_one, transaction
from app.wording import say
from app.workflows.approval import submissions
from app.workflows.filing import filing
from app.workflows.people import person_filing

# Of those that were refused so many are named with their reasons; the others stand in the list as before.
MOST_NAMED = 100
FORGET_EVERY = 200


@dataclass(frozen=True, slots=True)
class _Filed:
    model: Any
    submit: Callable[..., Any]  # (session, actor, key, at, batch=…)
    page: str


def _of(model: Any) -> Callable[..., Any]:
    def submit(session: Any, actor: Actor, key: int, at: dt.datetime, *, batch: int) -> Any:
        return filing.submit(session, actor, scope.visible(session, actor, model, key), at, batch=batch)

    return submit


FILED = {
    "elevators": _Filed(Elevator, _of(Elevator), "/elevators/{}"),
    "units": _Filed(Unit, _of(Unit), "/units/{}"),
    "people": _Filed(Person, person_filing.submit, "/people/{}"),
}


@handles("submit")
def submit_all(context: JobContext) -> dict[str, Any]:
    """Params: `listing` (a key of FILED), `query` (the list's address), `language`.

    The scope is the owner's as it is now. What was handed in before a kill is no draft any more, so it is not handed
    in twice; how many they were is kept with each of them. Gives `submitted`, `refused`, `stopped` (why it ended
    before all were), `left`, the first refused with name, address and reasons, and `link`, the applications made.
    """
    params, session, filed = context.params, context.session, FILED[context.params["listing"]]
    submitted, refused, left, stopped = int(context.made.get("submitted", 0)), 0, [], None
    with speaking(params.get("language")):
        keys = _drafts(context, filed)
        for number, key in enumerate(keys, 1):
            if context.stop_asked():
                stopped = say("您停止了任务，其余 %(n)s 件没有上报", n=len(keys) - number + 1)
                context.progress(number - 1, len(keys), "上报", now=True)
                break
            try:
                in_one(session, partial(_handed_in, context, filed, key, submitted + 1))
                submitted += 1
            except Refusal as refusal:
                refused += 1
                if refused <= MOST_NAMED:
                    left.append(_named(session, filed, key, refusal))
            if number % FORGET_EVERY == 0:
                session.expunge_all()
            context.progress(number, len(keys), "上报")
        link = submissions.list_of_batch(context.job_id) if submitted else None
        result = {"submitted": submitted, "refused": refused, "stopped": stopped, "left": left, "link": link}
        with transaction(session):
            context.finish(result)
            submissions.settle_batch(session, context.job_id, clock.now())
    return result


def _handed_in(context: JobContext, filed: _Filed, key: int, number: int, session: Any) -> None:
    filed.submit(session, context.actor, key, clock.now(), batch=context.job_id)
    context.keep({"submitted": number})


def _drafts(context: JobContext, filed: _Filed) -> list[int]:
    """The keys under the list's filter that can be handed in, in its order, read before the first of them moves."""
    listing, now, query = exports.asked(context.session, context.actor, context.params)
    drafts = listing.statement(now, query).where(filed.model.filing_state.in_(EDITABLE))
    return list(context.session.scalars(listing.ordered(drafts, query)))


def _named(session: Any, filed: _Filed, key: int, refusal: Refusal) -> list[Any]:
    row = session.scalar(select(filed.model).where(filed.model.id == key))
    name = f"{row!r}" if row is not None else str(say("编号 %(n)s", n=key))
    return [name, filed.page.format(key), [str(finding) for finding in refusal.findings if not finding.ok]]
