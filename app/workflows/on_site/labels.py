"""标牌 (ELV-07): which elevator a label leads to and until when, replacing one, temporary ones, what was printed.

The token in use stands on the elevator's row, where every scan finds it by the statement that it needs anyway. All
others (waiting, temporary, dead) are looked for only after that found nothing: `of_token` is the one place for it.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, update

from app import clock, scope
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Elevator, ElevatorLabel
from app.models.label import LABEL_REASON
from app.permissions import SYSTEM, Actor, Verb, require
from app.rules import labels as rules
from app.rules.calendar import day_end
from app.transaction import AnySession, forget, insert_of, lock
from app.wording import say
from app.workflows.core import audit, outbox

LONGEST_TOKEN = 32
_BLOCK = 500
ENTITY = "elevator_label"


@dataclass(frozen=True, slots=True)
class Named:
    """What a token names that is not the one in use: its elevator, that one's own token, and how long it holds."""

    id: int
    elevator_id: int
    kind: str
    begins_at: dt.datetime | None
    ends_at: dt.datetime | None
    public_token: str

    def holds(self, at: dt.datetime) -> bool:
        return rules.in_force(self.ends_at, at)

    @property
    def waits(self) -> bool:
        return self.kind == "replacement" and self.begins_at is None and self.ends_at is None

    @property
    def ended(self) -> str:
        """Why it is dead, in words; "" of one that has no end."""
        return "" if self.ends_at is None else rules.ended_words(self.kind, self.ends_at, self.begins_at is not None)


def of_token(session: AnySession, token: str) -> Named | None:
    """The label with this token, in force or dead; None of one that stands on its elevator's row alone, and of none."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    statement = (
        select(
            ElevatorLabel.id, ElevatorLabel.elevator_id, ElevatorLabel.kind, ElevatorLabel.begins_at,
            ElevatorLabel.ends_at, func.coalesce(Elevator.public_token, ""),
        )
        .join(Elevator, Elevator.id == ElevatorLabel.elevator_id)
        .where(ElevatorLabel.token == token)
    )  # fmt: skip
    row = session.execute(statement.execution_options(skip_scope=True)).first()
    return None if row is None else Named(*row)


def beside(session: AnySession, elevator_ids: Sequence[int], at: dt.datetime) -> dict[int, list[str]]:
    """The tokens by elevator that lead to it beside the one in use: of a new label that waits, of a temporary one."""
    found: dict[int, list[str]] = {}
    statement = select(ElevatorLabel.elevator_id, ElevatorLabel.token).where(
        ElevatorLabel.elevator_id.in_(list(elevator_ids)), ElevatorLabel.kind != "made",
        or_(ElevatorLabel.ends_at > at, and_(ElevatorLabel.begins_at.is_(None), ElevatorLabel.ends_at.is_(None))),
    )  # fmt: skip
    for key, token in session.execute(statement.execution_options(skip_scope=True)) if elevator_ids else ():
        found.setdefault(key, []).append(token)
    return found


def history(session: AnySession, elevator: Elevator) -> list[ElevatorLabel]:
    """All labels of an elevator that was seen, the newest first; of the first one what is known without a row."""
    statement = select(ElevatorLabel).where(ElevatorLabel.elevator_id == elevator.id)
    # The first one's row may be younger than that of the label that replaced it.
    statement = statement.order_by(ElevatorLabel.kind == "made", ElevatorLabel.id.desc())
    rows = list(session.scalars(statement.execution_options(skip_scope=True)))
    if elevator.public_token and all(row.token != elevator.public_token for row in rows):
        values = _first(elevator.id, elevator.region_code, elevator.public_token, elevator.created_at)
        rows.append(ElevatorLabel(prints=0, **values))
    return rows


# --- deeds


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new label: why, when the old one dies (`rules.NOW`, `ON_SCAN`), on which day at the latest."""

    reason: str = ""
    note: str = ""
    switch: str = ""
    starts_on: dt.date | None = None


def replace(session: AnySession, actor: Actor, elevator_id: int, wanted: Wanted, at: dt.datetime) -> ElevatorLabel:
    """Make a new label with a token of its own. The old one dies at once, or when the new one is put up.

    The same at once again within minutes is one tap made twice: the label that there is comes back and stays in use.
    """
    elevator = _held(session, actor, elevator_id)
    at_once = wanted.switch == rules.NOW
    if at_once and (made := _same(session, actor, elevator, wanted, at)) is not None:
        return made
    waiting = _waiting(session, elevator.id)
    raise_failing([
        _in_service(elevator),
        # A forged one must not wait for a label that is still to be put up.
        *([] if waiting is None or at_once else [Finding(
            "等待启用的标牌", False, "已有一张新标牌等待启用", "请先启用或作废那一张，再更换", field="switch",
        )]),
        *rules.reason_findings(wanted.reason, wanted.note, set(LABEL_REASON)),
        *rules.switch_findings(wanted.switch, wanted.reason, wanted.starts_on, clock.local_day(at)),
    ])  # fmt: skip
    if waiting is not None:
        waiting.ends_at = at
        audit.record(session, actor, at, "elevator_label.cancel", ENTITY, waiting.id, after={"ends_at": at})
        session.flush()
    row = _new(session, actor, elevator, "replacement", at)
    row.reason, row.note = wanted.reason, wanted.note.strip() or None
    row.starts_on = None if at_once else wanted.starts_on
    session.flush()
    audit.record(
        session, actor, at, "elevator_label.replace", ENTITY, row.id,
        after={"elevator": elevator.code, "reason": row.reason, "note": row.note, "starts_on": row.starts_on},
    )  # fmt: skip
    if at_once:
        _begin(session, actor, elevator, row, at)
        title = say("电梯 %(code)s 的标牌已更换，旧标牌停用", code=elevator.code)
    else:
        title = say("电梯 %(code)s 的标牌待更换", code=elevator.code)
    _tell(session, actor, elevator, row, title, at)
    return row


def temporary(
    session: AnySession, actor: Actor, elevator_id: int, until_on: dt.date | None, note: str, at: dt.datetime
) -> ElevatorLabel:
    """Make a label that holds until the end of a day, beside the one in use."""
    elevator = _held(session, actor, elevator_id)
    other = session.scalar(
        select(ElevatorLabel.id).where(
            ElevatorLabel.elevator_id == elevator.id, ElevatorLabel.kind == rules.TEMPORARY, ElevatorLabel.ends_at > at
        ).execution_options(skip_scope=True)
    )  # fmt: skip
    count = len(note.strip())
    raise_failing([
        _in_service(elevator),
        Finding("临时标牌", other is None, "没有别的临时标牌" if other is None else "已有一张有效的临时标牌",
                "请先作废那一张，再制作", field="until_on"),
        rules.temporary_finding(until_on, clock.local_day(at)),
        Finding("说明", count <= rules.LONGEST_NOTE, say("%(n)s 个字", n=count),
                say("最多 %(n)s 个字", n=rules.LONGEST_NOTE), field="note"),
    ])  # fmt: skip
    assert until_on is not None
    row = _new(session, actor, elevator, rules.TEMPORARY, at)
    row.note, row.begins_at, row.ends_at = note.strip() or None, at, day_end(until_on)
    session.flush()
    audit.record(
        session, actor, at, "elevator_label.temporary", ENTITY, row.id,
        after={"elevator": elevator.code, "until_on": until_on, "note": row.note},
    )  # fmt: skip
    _tell(session, actor, elevator, row, say("电梯 %(code)s 制作了临时标牌", code=elevator.code), at)
    return row


def put_up(
    session: AnySession, actor: Actor, elevator_id: int, label_id: int, at: dt.datetime
) -> ElevatorLabel:  # fmt: skip
    """The new label hangs, says whoever may replace it: it is in use from now on, the old one is dead."""
    row = _of_elevator(session, elevator_id, label_id)
    elevator = _held(session, actor, row.elevator_id)
    session.refresh(row)
    raise_failing([_finding_waits(row)])
    _begin(session, actor, elevator, row, at)
    return row


def call_off(
    session: AnySession, actor: Actor, elevator_id: int, label_id: int, at: dt.datetime
) -> ElevatorLabel:  # fmt: skip
    """A new label that was never put up, or a temporary one, ends now; the one in use goes on."""
    row = _of_elevator(session, elevator_id, label_id)
    _held(session, actor, row.elevator_id)
    session.refresh(row)
    running = row.kind == rules.TEMPORARY and rules.in_force(row.ends_at, at)
    if not running:
        raise_failing([_finding_waits(row)])
    row.ends_at = at
    session.flush()
    audit.record(session, actor, at, "elevator_label.cancel", ENTITY, row.id, after={"ends_at": at})
    return row


def held(session: AnySession, label: Named | None) -> None:
    """Hold the elevator whose new label is about to be in use, before a visit of it is written: two who come by it at
    once would each wait for the other."""
    if label is not None and label.waits:
        lock(session, Elevator, label.elevator_id)


def scanned(session: AnySession, actor: Actor, label: Named | None, at: dt.datetime) -> None:
    """Somebody proved to be on site by a label: one that waited is in use from now on.

    The old one dies now and not at a phone's earlier time: nobody could know of it before.
    """
    if label is None or not label.waits:
        return
    elevator = lock(session, Elevator, label.elevator_id)
    row = session.get(ElevatorLabel, label.id, populate_existing=True, execution_options={"skip_scope": True})
    if elevator is not None and row is not None and row.waits:
        _begin(session, actor, elevator, row, at)


def due(session: AnySession, on: dt.date) -> list[int]:
    """The labels that are to be in use from this day at the latest."""
    statement = select(ElevatorLabel.id).where(
        ElevatorLabel.kind == "replacement", ElevatorLabel.begins_at.is_(None), ElevatorLabel.ends_at.is_(None),
        ElevatorLabel.starts_on <= on,
    )  # fmt: skip
    return list(session.scalars(statement.order_by(ElevatorLabel.id).execution_options(skip_scope=True)))


def begin_due(session: AnySession, label_id: int, on: dt.date, at: dt.datetime) -> bool:
    """The day has come: the new label is in use whether it was seen or not. Done twice it is done once."""
    row = _of_number(session, label_id)
    elevator = lock(session, Elevator, row.elevator_id)
    session.refresh(row)
    if elevator is None or not row.waits or row.starts_on is None or row.starts_on > on:
        return False
    _begin(session, SYSTEM, elevator, row, at)
    _tell(session, SYSTEM, elevator, row, say("电梯 %(code)s 的新标牌已到启用日期，旧标牌停用", code=elevator.code), at)
    return True


def printed(session: AnySession, actor: Actor, labels: Sequence[tuple[int, str]], at: dt.datetime, digest: str) -> None:
    """Remember that labels, by elevator and token, were printed; the first label of an elevator gets its row now."""
    for first in range(0, len(labels), _BLOCK):
        block = dict(labels[first : first + _BLOCK])
        found = session.execute(
            select(Elevator.id, Elevator.region_code, Elevator.public_token, Elevator.created_at)
            .where(Elevator.id.in_(list(block))).execution_options(skip_scope=True)
        )  # fmt: skip
        rows = [_first(key, region, token, made) for key, region, token, made in found if token == block[key]]
        if rows:
            _insert_unseen(session, rows)
        session.execute(
            update(ElevatorLabel.__table__)
            .where(ElevatorLabel.token.in_(list(block.values())))
            .values(printed_at=at, prints=ElevatorLabel.prints + 1)
        )
    audit.record(
        session, actor, at, "elevator_label.print", ENTITY, None, after={"count": len(labels), "sha256": digest}
    )


# --- parts


def _held(session: AnySession, actor: Actor, elevator_id: int) -> Elevator:
    """The elevator, held, of a unit that maintains or uses it, or of a regulator within his region."""
    require(actor, Verb.LABEL_EDIT)
    found: Elevator = scope.visible(session, actor, Elevator, elevator_id, "这台电梯")
    sides = (found.maintenance_unit_id, found.use_unit_id)
    if actor.unit_id is not None and actor.unit_id not in sides:
        way = "请由使用单位、维保单位或监管部门更换标牌"
        raise NotAllowed(Finding("单位", False, "不是本单位使用或维保的电梯", way))
    row = lock(session, Elevator, elevator_id)
    assert row is not None
    return row


def _same(
    session: AnySession, actor: Actor, elevator: Elevator, wanted: Wanted, at: dt.datetime
) -> ElevatorLabel | None:  # fmt: skip
    """The label that the same words put into use within minutes, which still is."""
    statement = select(ElevatorLabel).where(
        ElevatorLabel.elevator_id == elevator.id, ElevatorLabel.kind == "replacement",
        ElevatorLabel.made_at > at - rules.SAME_WITHIN, ElevatorLabel.account_id == actor.user_id,
        ElevatorLabel.reason == wanted.reason, func.coalesce(ElevatorLabel.note, "") == wanted.note.strip(),
        ElevatorLabel.ends_at.is_(None), ElevatorLabel.begins_at == ElevatorLabel.made_at,
    )  # fmt: skip
    found: ElevatorLabel | None = session.scalar(statement.limit(1).execution_options(skip_scope=True))
    return found


def _of_number(session: AnySession, label_id: int) -> ElevatorLabel:
    row = session.get(ElevatorLabel, label_id, execution_options={"skip_scope": True})
    if row is None:
        raise refuse("标牌", "没有这张标牌", "请从电梯档案重新打开")
    return row


def _of_elevator(session: AnySession, elevator_id: int, label_id: int) -> ElevatorLabel:
    row = _of_number(session, label_id)
    if row.elevator_id != elevator_id:
        raise refuse("标牌", "没有这张标牌", "请从电梯档案重新打开")
    return row


def _waiting(session: AnySession, elevator_id: int) -> ElevatorLabel | None:
    statement = select(ElevatorLabel).where(
        ElevatorLabel.elevator_id == elevator_id, ElevatorLabel.kind == "replacement",
        ElevatorLabel.begins_at.is_(None), ElevatorLabel.ends_at.is_(None),
    )  # fmt: skip
    found: ElevatorLabel | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def _finding_waits(row: ElevatorLabel) -> Finding:
    done = row.ends_at is not None
    found = "已经停用" if done else "已经在用" if row.begins_at is not None else "等待启用"
    return Finding("等待启用的标牌", row.waits, found, "请刷新页面，看这台电梯现在的标牌")


def _in_service(elevator: Elevator) -> Finding:
    good = elevator.status != "scrapped"
    return Finding("电梯状态", good, "电梯没有报废" if good else "电梯已报废", "报废的电梯不再制作标牌")


def _new(session: AnySession, actor: Actor, elevator: Elevator, kind: str, at: dt.datetime) -> ElevatorLabel:
    row = ElevatorLabel(
        elevator_id=elevator.id, region_code=elevator.region_code, kind=kind, token=secrets.token_urlsafe(15),
        made_at=at, account_id=actor.user_id, made_by=actor.name[:80],
    )  # fmt: skip
    session.add(row)
    return row


def _first(elevator_id: int, region_code: str, token: str, made_at: dt.datetime) -> dict[str, object]:
    """The label that came with the elevator."""
    return {
        "elevator_id": elevator_id, "region_code": region_code, "kind": "made", "token": token, "made_at": made_at,
        "begins_at": made_at,
    }  # fmt: skip


def _insert_unseen(session: AnySession, rows: list[dict[str, object]]) -> None:
    session.execute(insert_of(session, ElevatorLabel).values(rows).on_conflict_do_nothing(index_elements=["token"]))


def _begin(session: AnySession, actor: Actor, elevator: Elevator, row: ElevatorLabel, at: dt.datetime) -> None:
    """The one place where the token in use changes. It is not part of what is filed: no version, no step of the row."""
    old = elevator.public_token
    if old:
        _insert_unseen(session, [_first(elevator.id, elevator.region_code, old, elevator.created_at)])
        session.execute(
            update(ElevatorLabel.__table__).where(ElevatorLabel.token == old).values(ends_at=at)
        )
    row.begins_at = at
    session.flush()
    session.execute(
        update(Elevator.__table__)
        .where(Elevator.id == elevator.id).values(public_token=row.token, updated_at=Elevator.updated_at)
    )  # fmt: skip
    forget(session, Elevator, [elevator.id])
    audit.record(
        session, actor, at, "elevator_label.begin", ENTITY, row.id,
        after={"elevator_id": row.elevator_id, "begins_at": at},
    )  # fmt: skip


def _tell(
    session: AnySession, actor: Actor, elevator: Elevator, row: ElevatorLabel, title: str, at: dt.datetime
) -> None:
    told = set(outbox.readers_of(session, elevator.maintenance_unit_id, Verb.LABEL_EDIT, elevator.id))
    told |= set(outbox.readers_of(session, elevator.use_unit_id, Verb.LABEL_EDIT, elevator.id))
    body = "" if row.reason is None else say("更换原因：%(reason)s", reason=LABEL_REASON[row.reason])
    outbox.notify(
        session, at, sorted(told - {actor.user_id}), "label", title, body, f"/elevators/{elevator.id}#labels",
        f"label:{row.id}:{'on' if row.begins_at else 'made'}",
    )  # fmt: skip


def to_print(session: AnySession, elevator_ids: Sequence[int]) -> dict[int, str]:
    """By elevator the label to print: the one that is to be put up, else the one in use. """
    found: dict[int, str] = {}
    for first in range(0, len(elevator_ids), _BLOCK):
        block = list(elevator_ids[first : first + _BLOCK])
        own = select(Elevator.id, Elevator.public_token).where(Elevator.id.in_(block))
        found |= {k: t for k, t in session.execute(own.execution_options(skip_scope=True)) if t}
        waiting = select(ElevatorLabel.elevator_id, ElevatorLabel.token).where(
            ElevatorLabel.elevator_id.in_(block), ElevatorLabel.kind == "replacement",
            ElevatorLabel.begins_at.is_(None), ElevatorLabel.ends_at.is_(None),
        )  # fmt: skip
        found |= {row[0]: row[1] for row in session.execute(waiting.execution_options(skip_scope=True))}
    return found
