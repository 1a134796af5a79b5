"""批量审批 (LIF-08): many applications under one decision, each by itself, with the rules and traces of a single press.

What is decided is what the officer was shown: the applications with their versions, kept with the job (`told`, `read`).
What he decided of them already is told by their own steps (`decided`), so a job that is taken up again decides none
twice, whatever it knew when it was killed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from app import clock, scope
from app.errors import Refusal
from app.models import Application, ApplicationStep, Elevator, Unit
from app.models.among import among
from app.permissions import Actor
from app.rules.approval import ApplicationState, ApplicationVerb, one_by_one
from app.rules.two_persons import independent
from app.transaction import AnySession
from app.workflows.approval import delegations
from app.workflows.core import independence
from app.workflows.core.one_of_many import by_itself
from app.workflows.desk import applications

VERBS = ("approve", "return", "reject")
# So many are done while the officer waits; more are a job. One job takes at most so many.
AT_ONCE, MOST = 20, 10_000
_BLOCK = 500
# What one press of each leaves behind: 同意 may be the first of two, 退回 of a filing is 不通过.
_LEAVES = {
    "approve": (ApplicationVerb.APPROVE.value, ApplicationVerb.ENDORSE.value),
    "return": (ApplicationVerb.RETURN_.value, ApplicationVerb.REJECT.value),
    "reject": (ApplicationVerb.REJECT.value,),
    "resubmit": (ApplicationVerb.RESUBMIT.value,),
}
Seen = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Name:
    """An application as a result names it."""

    id: int
    number: str
    kind: str
    heading: str
    unit: str | None


def as_params(seen: Iterable[Seen]) -> str:
    """Keys with the versions that were seen, as a job's parameters keep them."""
    return " ".join(f"{key}:{version}" for key, version in seen)


def read(text: str) -> list[Seen]:
    """The same back."""
    pairs = (item.partition(":") for item in text.split())
    return [(int(key), int(version)) for key, _sep, version in pairs]


def decide_one(
    session: AnySession, actor: Actor, seen: Seen, verb: str, opinion: str, at: dt.datetime, press: str
) -> Application:
    """Decide one of many by itself; whoever ends the press has its units told of them all (`told_together.tell`)."""
    key, version = seen
    return by_itself(
        session, lambda own: applications.decide(own, actor, key, verb, opinion, version, at, press=press),
        f"application {key}",
    )  # fmt: skip


def decided(session: AnySession, actor: Actor, seen: Sequence[Seen], verb: str, since: dt.datetime) -> set[int]:
    """Which of these the officer decided so, having seen just this version of them; each decision moves it on.

    What he settled before `since`, when this was entered, is not this one's to tell.
    """
    versions, found = dict(seen), set()
    for start in range(0, len(seen), _BLOCK):
        keys = [key for key, _version in seen[start : start + _BLOCK]]
        statement = select(ApplicationStep.application_id, ApplicationStep.seen_version).where(
            among(session, ApplicationStep.application_id, keys), ApplicationStep.actor_id == actor.user_id,
            ApplicationStep.verb.in_(_LEAVES[verb]), ApplicationStep.at >= since,
        )  # fmt: skip
        rows = session.execute(statement.execution_options(skip_scope=True))
        found |= {key for key, version in rows if versions.get(key) == version}
    return found


def names(session: AnySession, actor: Actor, keys: Sequence[int], at: dt.datetime) -> dict[int, Name]:
    """Those of the applications that the officer sees, at his own desk or where he stands in."""
    desks = (actor, *delegations.desks(session, actor, clock.local_day(at)))
    visible = or_(*(scope.criterion(Application, one) for one in desks))
    columns = (Application.id, Application.number, Application.kind, Application.said, Application.title, Unit.name)
    found: dict[int, Name] = {}
    for start in range(0, len(keys), _BLOCK):
        statement = select(*columns).outerjoin(Unit, Unit.id == Application.unit_id).where(
            visible, among(session, Application.id, keys[start : start + _BLOCK])
        )  # fmt: skip
        for key, number, kind, said, title, unit in session.execute(statement.execution_options(skip_scope=True)):
            found[key] = Name(key, number, kind, said or title, unit)
    return found


# --- what is known before anything is done


def held_back(session: AnySession, actor: Actor, rows: Sequence[Any], verb: str) -> dict[int, str]:
    """Of the rows (columns of applications) those that this officer can't decide so, each with the reason.

    A forecast by what can be asked for all together; each is judged again, by every rule, when its turn comes.
    """
    found: dict[int, str] = {}
    away = _elsewhere(session, actor, rows)
    kin = _kin(session, actor, rows)
    endorsed = _endorsed(session, actor, rows) if verb == ApplicationVerb.APPROVE else {}
    for row in rows:
        single = one_by_one(row.kind, ApplicationVerb(verb))
        if not single.ok:
            found[row.id] = single.found
        elif row.id in away:
            found[row.id] = away[row.id]
        elif row.submitted_by_id in kin:
            found[row.id] = kin[row.submitted_by_id]
        elif row.state == ApplicationState.ENDORSED and row.endorsed_by_id in endorsed:
            found[row.id] = endorsed[row.endorsed_by_id]
    return found


def _kin(session: AnySession, actor: Actor, rows: Sequence[Any]) -> dict[int, str]:
    """Applicants from whom the officer does not stand apart."""
    first: dict[int, Any] = {}
    for row in rows:
        if row.submitted_by_id is not None:
            first.setdefault(row.submitted_by_id, row)
    asked = independence.of_applications(session, first, actor)
    return {key: said for key, findings in asked.items() if (said := _failing(findings))}


def _endorsed(session: AnySession, actor: Actor, rows: Sequence[Any]) -> dict[int, str]:
    """Officers after whom this one can't be the second."""
    since: dict[int, Any] = {}
    for row in rows:
        if row.state == ApplicationState.ENDORSED and row.endorsed_by_id is not None:
            since.setdefault(row.endorsed_by_id, row.submitted_at)
    found: dict[int, str] = {}
    parties = independence.Parties(session, [*since, actor.user_id] if since else [])
    for key, at in since.items():
        first, second = (parties.of(one, at) for one in (key, actor.user_id))
        said = _failing(independent(first, second, "初审人"))
        if said:
            found[key] = said
    return found


def _elsewhere(session: AnySession, actor: Actor, rows: Sequence[Any]) -> dict[int, str]:
    """Those in the officer's own region about an elevator that stands in another one: for an officer of both."""
    if actor.sees_everything or actor.region_span is None:
        return {}
    low, high = actor.region_span
    own = [row.id for row in rows if low <= row.region_code < high and row.elevator_id is not None]
    found: dict[int, str] = {}
    for start in range(0, len(own), _BLOCK):
        statement = select(Application.id).join(Elevator, Elevator.id == Application.elevator_id).where(
            among(session, Application.id, own[start : start + _BLOCK]),
            or_(Elevator.region_code < low, Elevator.region_code >= high),
        )  # fmt: skip
        keys = session.scalars(statement.execution_options(skip_scope=True))
        found |= dict.fromkeys(keys, "电梯现在不在您的辖区内，由能管两地的审批人办理")
    return found


def _failing(findings: Iterable[Any]) -> str:
    return next((finding.found for finding in findings if finding.stops), "")


def reasons(refusal: Refusal) -> list[str]:
    """Why one was not done, line by line."""
    return [str(finding) for finding in refusal.findings if not finding.ok]
