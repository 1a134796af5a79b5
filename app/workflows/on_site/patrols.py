"""巡检 (PAT-01): rounds over chosen elevators by a day, what was found at each, and what was left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from app import clock
from app.errors import Finding, NotAllowed, Stale, raise_failing, refuse
from app.models import Account, Attachment, Elevator, PatrolRound, PatrolStop
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.calendar import day_finding
from app.rules.checkin import distance_words
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.core import audit, outbox
from app.workflows.files import attachments
from app.workflows.on_site.presence import Position, metres

MOST_STOPS = 200
LONGEST_TITLE, LONGEST_TEXT = 80, 500


def plan(
    session: AnySession,
    actor: Actor,
    title: str,
    due_on: dt.date,
    account_id: int,
    elevator_ids: Iterable[int],
    at: dt.datetime,
    note: str = "",
) -> PatrolRound:
    """Make a round over elevators within the actor's scope, for an account of his own unit or office."""
    require(actor, Verb.PATROL_EDIT)
    keys = list(dict.fromkeys(elevator_ids))
    title, today = title.strip(), clock.local_day(at)
    able = {key for key, _name in patrollers(session, actor)}
    raise_failing(
        [
            Finding(
                "名称", 0 < len(title) <= LONGEST_TITLE, say("%(count)s 个字", count=len(title)),
                    say("请填写 1 至 %(longest_title)s 个字", longest_title=LONGEST_TITLE),
                field="title",
            ),
            day_finding(due_on, "due_on", "完成期限"),
            Finding("完成期限", due_on >= today, due_on.isoformat(), "请选择今天或以后的日期", field="due_on"),
            Finding("巡检人", account_id in able, "不在候选之内", "请从列表选择", field="account_id"),
            Finding(
                "电梯", 0 < len(keys) <= MOST_STOPS, say("选了 %(count)s 台", count=len(keys)),
                    say("请选 1 至 %(most_stops)s 台", most_stops=MOST_STOPS), field="ids"
            ),
        ]
    )  # fmt: skip
    rows = [visible(session, actor, Elevator, key, "电梯") for key in keys]
    account = session.get(Account, account_id)
    assert account is not None
    made = PatrolRound(
        unit_id=actor.unit_id, region_code=actor.region_code or rows[0].region_code, title=title, due_on=due_on,
        account_id=account_id, account_name=account.get_full_name()[:80], note=note.strip()[:LONGEST_TEXT] or None,
        created_by_id=actor.user_id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add_all([PatrolStop(round_id=made.id, elevator_id=row.id) for row in rows])
    session.flush()
    audit.record(
        session, actor, at, "patrol.plan", "patrol_round", made.id,
        after={"title": title, "due_on": due_on, "account_id": account_id, "elevators": len(rows)},
    )  # fmt: skip
    if account_id != actor.user_id:
        body = say("%(count)s 台电梯，%(due_on)s 前完成", count=len(rows), due_on=due_on)
        words = say("有一次巡检：%(title)s", title=title)
        outbox.notify(session, at, [account_id], "patrol", words, body, f"/m/patrols/{made.id}")
    return made


def check(
    session: AnySession,
    actor: Actor,
    stop_id: int,
    at: dt.datetime,
    *,
    is_fine: bool | None,
    finding: str = "",
    handled: str = "",
    position: Position | None = None,
    photo_ids: Sequence[int] = (),
) -> PatrolStop:
    """The patroller's result for one elevator: fine, or what was found. It stands once given.

    Where the phone was and the photos are kept beside it; without them it counts as well, and shows that they lack.
    The round closes with its last result; a late one still counts, and the round stays marked late.
    """
    require(actor, Verb.PATROL_READ)
    visible(session, actor, PatrolStop, stop_id, "这一站")
    stop = lock(session, PatrolStop, stop_id)
    assert stop is not None
    held = lock(session, PatrolRound, stop.round_id)
    assert held is not None
    if held.account_id != actor.user_id:
        raise NotAllowed(
            Finding(
                "巡检人", False, say("这次巡检由%(account_name)s负责", account_name=held.account_name), "请由其本人填写"
            )
        )
    if stop.checked_at is not None or held.closed_at is not None:
        raise Stale(Finding("巡检结果", False, "这一站已经填写，或巡检已结束", "结果填写后不再修改"))
    found = finding.strip()[:LONGEST_TEXT]
    raise_failing(
        [
            Finding("结果", is_fine is not None, "没有选择", "请选择正常或有问题", field="is_fine"),
            Finding("问题", bool(found) or is_fine is not False, "没有写明", "请写明发现了什么", field="finding"),
            # The words of a stop called fine would be lost: which of the two is meant only the patroller knows.
            Finding(
                "结果", not (is_fine and (found or handled.strip())), "写了问题，却选了“正常”",
                "写了问题，请选“有问题”或清空后再选“正常”", field="finding",
            ),
        ]
    )  # fmt: skip
    stop.checked_at, stop.is_fine = at, is_fine
    stop.finding = None if is_fine else found
    stop.handled = None if is_fine else handled.strip()[:LONGEST_TEXT] or None
    elevator = session.get(Elevator, stop.elevator_id, execution_options={"skip_scope": True})
    if position is not None and position.place is not None and elevator is not None:
        stop.latitude, stop.longitude = position.latitude, position.longitude
        far = metres(elevator, position)
        stop.distance = None if far is None else round(far)
    attachments.adopt(session, actor, photo_ids, "patrol_stop", stop.id)
    session.flush()
    left = session.scalar(
        select(func.count()).where(PatrolStop.round_id == held.id, PatrolStop.checked_at.is_(None))
    )
    if not left:
        held.closed_at = at
        session.flush()
    audit.record(
        session, actor, at, "patrol.check", "patrol_round", held.id,
        after={
            "elevator_id": stop.elevator_id, "is_fine": is_fine, "finding": stop.finding, "distance": stop.distance,
            "photos": len(photo_ids),
        },
    )  # fmt: skip
    if not is_fine and held.created_by_id is not None and held.created_by_id != actor.user_id:
        outbox.notify(
            session, at, [held.created_by_id], "patrol", say("巡检发现问题：%(title)s", title=held.title), found,
            f"/patrols/{held.id}", f"patrol-found:{stop.id}",
        )  # fmt: skip
    return stop


def close(session: AnySession, actor: Actor, round_id: int, at: dt.datetime) -> PatrolRound:
    """End a round before all of it was seen; what was left out stays a gap."""
    require(actor, Verb.PATROL_EDIT)
    visible(session, actor, PatrolRound, round_id, "这次巡检")
    row = lock(session, PatrolRound, round_id)
    assert row is not None
    if row.unit_id != actor.unit_id:
        raise NotAllowed(Finding("巡检", False, "不是您的单位或部门安排的", "请由安排的单位结束"))
    if row.closed_at is not None:
        raise refuse("巡检", "已经结束", "不需要再结束")
    row.closed_at = at
    session.flush()
    audit.record(session, actor, at, "patrol.close", "patrol_round", row.id, after={"closed_at": at})
    return row


def patrollers(session: AnySession, actor: Actor) -> list[tuple[int, str]]:
    """Whom the actor may send: accounts of his own unit, or of his own office, who may patrol."""
    if actor.unit_id is not None:
        able = outbox.accounts_of_unit(session, actor.unit_id, Verb.PATROL_READ)
    else:
        office = next(outbox.offices_of(session, actor.region_code, Verb.PATROL_READ), [])
        able = sorted({*office, *([actor.user_id] if actor.user_id else [])})
    rows = session.scalars(select(Account).where(Account.id.in_(able)).execution_options(skip_scope=True))
    return sorted(((row.id, row.get_full_name()) for row in rows), key=lambda pair: pair[1])


def lacks(stop: PatrolStop, presence_metres: int) -> list[str]:
    """What a result lacks as evidence, in words: a sign for whoever looks, no refusal."""
    if stop.checked_at is None:
        return []
    if stop.latitude is None:
        return [say("没有位置")]
    if stop.distance is not None and stop.distance > presence_metres:
        return [say("距电梯 %(distance_words)s", distance_words=distance_words(stop.distance))]
    return []


def lacking(session: AnySession, row: PatrolRound) -> dict[int, list[str]]:
    """`lacks` of each stop, judged by the distance that a check-in asks for in the region."""
    far = int(policy_value(session, Key.PRESENCE_METRES, row.region_code, row.due_on))
    return {stop.id: lacks(stop, far) for stop in row.stops}


def photos_of(session: AnySession, row: PatrolRound) -> dict[int, list[Attachment]]:
    """The photos of a round by stop. The caller has the round through scope; its files follow it."""
    held: dict[int, list[Attachment]] = {stop.id: [] for stop in row.stops}
    statement = select(Attachment).where(Attachment.entity == "patrol_stop", Attachment.entity_id.in_(held))
    for file in session.scalars(statement.order_by(Attachment.id).execution_options(skip_scope=True)):
        held[file.entity_id or 0].append(file)
    return held


def left_out(row: PatrolRound, today: dt.date) -> int:
    """Elevators that a round which is over, or past its day, did not see."""
    if row.closed_at is None and row.due_on >= today:
        return 0
    return sum(stop.checked_at is None for stop in row.stops)
