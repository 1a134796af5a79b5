"""设备履历 of many elevators at once (ELV-06): each by the rules of a single one, each with its outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from app import scope
from app.errors import Refusal, refuse
from app.models import Elevator
from app.permissions import Actor, Verb, require
from app.transaction import AnySession
from app.wording import say
from app.workflows.maintenance import clock_rows, ledgers
from app.workflows.maintenance.orders import Outcome

MOST_AT_ONCE = 500


def change(
    session: AnySession, actor: Actor, elevator_ids: Sequence[int], data: Mapping[str, Any], a_day: int | None,
    at: dt.datetime,
) -> list[Outcome]:  # fmt: skip
    """Give the ledgers of elevators what `data` holds; what it lacks stays.

    A next annual day is the first of as many as it takes at `a_day` elevators a day, in the order in which they are
    given; without it all have that one. What is wrong of the whole wish is refused, and nothing is changed.
    """
    require(actor, Verb.LEDGER_EDIT)
    keys = list(dict.fromkeys(elevator_ids))
    first = data.get("next_annual_on")
    if not data:
        raise refuse("批量修改", "没有选择要修改的内容", "请至少选择一项")
    if len(keys) > MOST_AT_ONCE:
        found, remedy = say("选了 %(count)s 台电梯", count=len(keys)), say("一次最多 %(most)s 台", most=MOST_AT_ONCE)
        raise refuse("批量修改", found, remedy, field="elevator_ids", value=len(keys))
    if a_day is not None and a_day < 1:
        raise refuse("每天几台", "每天至少 1 台", "请填写 1 以上的数，或留空", field="a_day", value=a_day)
    if a_day is not None and first is None:
        remedy = "请填写下次年度维保，或把每天几台留空"
        raise refuse("每天几台", "没有填写从哪天起", remedy, field="next_annual_on")
    wanted = {key: {**data, **day} for key, day in zip(keys, days_of(first, len(keys), a_day), strict=True)}
    outcomes: dict[int, Outcome] = {}
    standing: dict[int, Elevator] = {}
    # In the order of their keys, so that two such deeds wait for one another; and all clocks before the first person,
    # as a single ledger's are, so that none waits for a clock while it holds who serves it.
    for key in sorted(wanted):
        try:
            standing[key] = scope.visible(session, actor, Elevator, key, "电梯")
            clock_rows.lock_of(session, key)
        except Refusal as refusal:
            outcomes[key] = Outcome(key, False, str(refusal))
    for key, elevator in standing.items():
        try:
            with session.begin_nested():
                ledgers.save(session, actor, elevator, wanted[key], None, at)
        except Refusal as refusal:
            outcomes[key] = Outcome(key, False, str(refusal))
        else:
            outcomes[key] = Outcome(key, True, "已修改")
    return [outcomes[key] for key in keys]


def days_of(first: dt.date | None, count: int, a_day: int | None) -> list[dict[str, Any]]:
    """The next annual maintenance of each, so many a day: one worker can't serve fifty on one day."""
    if first is None:
        return [{} for _ in range(count)]
    return [{"next_annual_on": first + dt.timedelta(days=n // (a_day or count))} for n in range(count)]
