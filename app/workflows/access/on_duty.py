"""What somebody is in the middle of, which ends with his accounts: a visit on site, the way to people shut in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import select

from app import clock
from app.errors import Finding
from app.models import Elevator, Person, Rescue, RescueDispatch, Visit
from app.models.rescue import under_way
from app.rules.rescues import OPEN
from app.transaction import AnySession, lock
from app.wording import say, together

SHOWN = 5


class Running(NamedTuple):
    """A visit or a rescue: its key, what people call it, the day of a visit and when that one will end by itself.

    A visit without `until` never will, or is over its time: its worker may never check out of it, and then nobody
    could. It stays as it is, and stands in the way of nothing.
    """

    key: int
    text: str
    detail: str = ""
    until: str = ""


def visits_of(session: AnySession, person_id: int | None, at: dt.datetime) -> list[Running]:
    """The visits that a person has not checked out of; of those that still run at that instant, until when."""
    if person_id is None:
        return []
    statement = select(Visit.id, Elevator.code, Visit.visit_on, Visit.next_change_at)
    statement = statement.join(Elevator, Elevator.id == Visit.elevator_id)
    statement = statement.where(Visit.worker_id == person_id, Visit.state == "open").order_by(Visit.id)
    return [
        Running(key, str(code), str(on), "" if until is None or until <= at else clock.until(until))
        for key, code, on, until in session.execute(statement.execution_options(skip_scope=True))
    ]


def rescues_of(session: AnySession, account_ids: Sequence[int]) -> list[Running]:
    """The open rescues that these accounts were sent to and have not ended for them."""
    statement = select(Rescue.id, Rescue.place).join(RescueDispatch, RescueDispatch.rescue_id == Rescue.id)
    statement = statement.where(RescueDispatch.worker_id.in_(account_ids), under_way(), Rescue.status.in_(OPEN))
    found = session.execute(statement.order_by(Rescue.id).execution_options(skip_scope=True))
    return [Running(key, place) for key, place in found]


def visit_finding(name: str, visits: Sequence[Running], field: str) -> Finding:
    """Whether nothing still runs; else at which elevators, and how it comes to an end."""
    still = [one for one in visits if one.until]
    if not still:
        left = together([one.text for one in visits[:SHOWN]])
        said = say("%(name)s 没有未签退的维保", name=name) if not visits else say(
            "%(name)s 在电梯 %(codes)s 的维保没有签退，不再等它；记录保留", name=name, codes=left
        )  # fmt: skip
        return Finding("维保记录", True, said, field=field)
    told = together([one.text for one in still[:SHOWN]])
    found = say("%(name)s 正在维保电梯 %(codes)s，还没有签退", name=name, codes=told)
    remedy = say("请先由其签退，或等到 %(until)s 这次维保过期以后", until=max(one.until for one in still))
    return Finding("维保记录", False, found, remedy, field=field)


def rescue_finding(name: str, rescues: Sequence[Running], field: str) -> Finding:
    """Whether nobody who is shut in waits for him."""
    if not rescues:
        return Finding("困人救援", True, say("%(name)s 没有正在前往的救援", name=name), field=field)
    told = together([one.text for one in rescues[:SHOWN]])
    found = say("%(name)s 正在前往救援：%(places)s", name=name, places=told)
    return Finding("困人救援", False, found, "请先在救援页面转派给同事，或等救出以后", field=field)


def hold_person(session: AnySession, person_id: int | None) -> None:
    """Nobody checks in as this person until the transaction ends. Held before his account, as leaving does."""
    if person_id is not None:
        lock(session, Person, person_id, Person.id == person_id)
