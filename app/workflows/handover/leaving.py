"""离职交接 (PER-04): what a person still holds, one board; a successor takes each or all; leaving is possible at zero.

Nothing is deleted: visits, orders that are done and certificates go on naming whoever they name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select

from app import clock
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import (
    Account,
    Elevator,
    ElevatorAssignment,
    ElevatorOfficer,
    MaintenanceLedger,
    MaintenanceOrder,
    PatrolRound,
    Person,
    RepairOrder,
)
from app.models.elevator import answers_for
from app.models.repair import sent_to
from app.permissions import GRANTS, Actor, Role, Verb, require
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say, together
from app.workflows.access import on_duty
from app.workflows.access.issuing import set_active
from app.workflows.core import audit, outbox
from app.workflows.maintenance import ledgers, orders, teams
from app.workflows.repair import repair_work

SHOWN = 200
# What can be handed over, in the order in which it is shown and taken: its words and what they are counted in.
KINDS = {
    "ledgers": (say("设备履历"), say("台电梯")), "orders": (say("维保任务"), say("项待维保任务")),
    "repairs": (say("维修工单"), say("张未完成的工单")), "elevators": (say("分配的电梯"), say("台电梯")),
    "patrols": (say("巡检"), say("次未结束的巡检")),
    "officer": (say("安全员"), say("台电梯的安全员职责")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that a person holds: its key, and how people call it."""

    key: int
    text: str
    detail: str = ""


@dataclass(slots=True)
class Board:
    """All that a person holds, by kind; `running` visits must be signed out, `rescues` passed on, `accounts` end."""

    person: Person
    held: dict[str, list[Held]] = field(default_factory=dict)
    visits: list[on_duty.Running] = field(default_factory=list)
    rescues: list[on_duty.Running] = field(default_factory=list)
    accounts: list[Held] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How much stands in the way of leaving."""
        return sum(map(len, self.held.values())) + len(self.running) + len(self.rescues)

    @property
    def running(self) -> list[on_duty.Running]:
        """The visits that must be signed out, or wait for their end; the others stand in nobody's way."""
        return [one for one in self.visits if one.until]

    def findings(self) -> list[Finding]:
        """One line a kind, passing at zero."""
        name = self.person.name
        found = []
        for kind, (words, unit) in KINDS.items():
            count = len(self.held[kind])
            said, remedy = (
                say("%(name)s 名下还有 %(count)s %(unit)s", name=name, count=count, unit=unit),
                "请在交接清单中交给接手的人",
            )
            found.append(Finding(words, count == 0, said, "" if not count else remedy, field="left_on"))
        found.append(on_duty.visit_finding(name, self.visits, "left_on"))
        # Somebody is inside, and the account that was sent ends with the leaving.
        found += [on_duty.rescue_finding(name, self.rescues, "left_on")] if self.rescues else []
        return found


def board(session: AnySession, actor: Actor, person_id: int, at: dt.datetime) -> Board:
    """What is to be handed over before this person of one's own unit may leave."""
    require(actor, Verb.PERSON_EDIT)
    row: Person = visible(session, actor, Person, person_id, "人员")
    _may_see_all(actor, row)
    return _board(session, row, at)


def hand_over(
    session: AnySession,
    actor: Actor,
    person_id: int,
    successor_id: int | None,
    chosen: dict[str, Sequence[int]] | None,
    at: dt.datetime,
) -> dict[str, int]:
    """Give what a person holds to a successor of the same unit: the chosen things, or all (None). How many by kind.

    Elevators assigned to an account, patrols and duties of an officer go to the successor's account, which must be
    able to take them.
    """
    require(actor, Verb.PERSON_EDIT)
    row = _own(session, actor, person_id)
    successor = _successor(session, actor, row, successor_id)
    now = _board(session, row, at)
    taken = {
        kind: [h.key for h in held if chosen is None or h.key in set(chosen.get(kind, ()))]
        for kind, held in now.held.items()
    }
    if not any(taken.values()):
        raise refuse("离职交接", "没有选择要交接的事项", "请勾选，或选择全部交接", field="chosen")
    account = _account_of(session, successor)
    raise_failing(_able(session, successor, account, taken))
    for kind, give in _GIVE.items():
        if taken[kind]:
            give(session, actor, row, successor, account, taken[kind], at)
    session.flush()
    counts = {kind: len(keys) for kind, keys in taken.items() if keys}
    audit.record(
        session, actor, at, "person.hand_over", "person", row.id, before={k: v[:SHOWN] for k, v in taken.items() if v},
        after={"successor_id": successor.id, **counts},
    )  # fmt: skip
    if account is not None and account.id != actor.user_id:
        words = together(f"{n} {KINDS[kind][1]}" for kind, n in counts.items())
        outbox.notify(session, at, [account.id], "handover", say("%(name)s 的工作交给您", name=row.name), words, "/m/")
    return counts


def leave(session: AnySession, actor: Actor, person_id: int, on: dt.date, at: dt.datetime) -> Person:
    """A person leaves the unit: archived, never deleted; refused until all is handed over. His accounts end at once.

    His row is held meanwhile: whoever gives him work waits, and is then told that he left.
    """
    require(actor, Verb.PERSON_EDIT)
    row = _own(session, actor, person_id)
    if on > clock.local_day(at):
        raise refuse("离职日期", say("%(on)s 在今天之后", on=on), "请在离职当天或之后办理", field="left_on", value=on)
    if row.hired_on is not None and on < row.hired_on:
        raise refuse(
            "离职日期",
            say("%(on)s 早于入职日期 %(hired_on)s", on=on, hired_on=row.hired_on),
            "请核对这两个日期",
            field="left_on",
            value=on,
        )
    raise_failing(f for f in _board(session, row, at).findings() if f.stops)
    row.left_on = on
    teams.leave_all(session, actor, row.id, at)
    session.flush()
    audit.record(session, actor, at, "person.leave", "person", row.id, after={"left_on": on})
    for account in _accounts(session, row):
        set_active(session, actor, account, False, "人员离职", at)
    return row


# --- what is held


def _own(session: AnySession, actor: Actor, person_id: int) -> Person:
    visible(session, actor, Person, person_id, "人员")
    row = lock(session, Person, person_id)
    if row is None:
        raise refuse("人员", "不是本单位的人员", "请从列表重新打开")
    _may_see_all(actor, row)
    if row.left_on is not None:
        raise refuse(
            "离职",
            say("%(name)s 已于 %(left_on)s 离职", name=row.name, left_on=row.left_on),
            "无须再次办理",
            field="left_on",
        )
    return row


def _may_see_all(actor: Actor, row: Person) -> None:
    """The board names all that a person holds: for whoever sees all elevators of that very unit."""
    if row.unit_id != actor.unit_id:
        raise refuse("人员", "不是本单位的人员", "请由人员所在单位办理")
    if not actor.sees_all_elevators:
        raise refuse("离职交接", "您的账号只能看到本单位的部分电梯", "请由能看到全部电梯的账号办理")


def _accounts(session: AnySession, person: Person) -> list[Account]:
    """The person's accounts in use; a main account is the unit's and stays."""
    held = select(Account).where(Account.person_id == person.id, Account.active, Account.is_main.is_(False))
    return list(session.scalars(held.order_by(Account.id).execution_options(skip_scope=True)))


def _board(session: AnySession, person: Person, at: dt.datetime) -> Board:
    accounts = _accounts(session, person)
    keys = [account.id for account in accounts]
    ledger, order = MaintenanceLedger, MaintenanceOrder
    place = (Elevator.code, Elevator.address)
    roles = {"worker_id": say("维保"), "co_worker_id": say("协同"), "manager_id": say("经理")}
    serves = or_(*(getattr(ledger, name) == person.id for name in roles))
    rows: dict[str, Any] = {
        "ledgers": select(ledger.id, *place, ledger.worker_id, ledger.co_worker_id, ledger.manager_id)
        .join(Elevator, Elevator.id == ledger.elevator_id).where(serves),
        "orders": select(order.id, *place, order.planned_on)
        .join(Elevator, Elevator.id == order.elevator_id).where(order.worker_id == person.id, order.state == "open"),
        "repairs": select(RepairOrder.id, RepairOrder.code, RepairOrder.place)
        .where(sent_to(RepairOrder, person.id), RepairOrder.state.not_in(("done", "cancelled"))),
        "elevators": select(ElevatorAssignment.id, *place)
        .join(Elevator, Elevator.id == ElevatorAssignment.elevator_id)
        .where(ElevatorAssignment.user_id.in_(keys), answers_for(person.unit_id)),
        "patrols": select(PatrolRound.id, PatrolRound.title, PatrolRound.due_on)
        .where(PatrolRound.account_id.in_(keys), PatrolRound.closed_at.is_(None)),
        "officer": select(ElevatorOfficer.elevator_id, *place)
        .join(Elevator, Elevator.id == ElevatorOfficer.elevator_id)
        .where(ElevatorOfficer.account_id.in_(keys), ElevatorOfficer.unit_id == Elevator.use_unit_id),
    }  # fmt: skip
    made = Board(person)
    for kind, statement in rows.items():
        made.held[kind] = []
        for key, *told in session.execute(statement.order_by(statement.selected_columns[0]).execution_options(
            skip_scope=True
        )):  # fmt: skip
            words = [str(word) for word in told[1:] if word is not None]
            if kind == "ledgers":
                mine = [label for label, who in zip(roles.values(), told[2:], strict=True) if who == person.id]
                words = [told[1], together(mine)]
            made.held[kind].append(Held(key, str(told[0]), together(words, "　")))
    made.visits = on_duty.visits_of(session, person.id, at)
    made.rescues = on_duty.rescues_of(session, keys)
    made.accounts = [Held(account.id, account.username, account.get_full_name()) for account in accounts]
    return made


# --- giving


def _successor(session: AnySession, actor: Actor, row: Person, successor_id: int | None) -> Person:
    if successor_id is None:
        raise refuse("交接人", "没有选择", "请选择接手的人", field="successor_id")
    found: Person = visible(session, actor, Person, successor_id, "交接人")
    held: Person | None = session.scalar(
        select(Person).where(Person.id == found.id).with_for_update(read=True)
        .execution_options(skip_scope=True, populate_existing=True)
    )  # fmt: skip
    ok = held is not None and held.unit_id == row.unit_id and held.left_on is None and held.id != row.id
    if held is None or not ok:
        sentence = "%(name)s 就是离职的人" if found.id == row.id else "%(name)s 不是本单位在职人员"
        said = say(sentence, name=found.name)
        raise refuse("交接人", said, "请选择本单位的另一名在职人员", field="successor_id")
    return held


def _account_of(session: AnySession, person: Person) -> Account | None:
    return next(iter(_accounts(session, person)), None)


def _able(
    session: AnySession, successor: Person, account: Account | None, taken: dict[str, list[int]]
) -> list[Finding]:
    """What is bound to an account needs one that may do it."""
    found = []
    held = {x.name for x in account.roles} if account is not None else set()
    verbs = {verb for role in Role if role.value in held for verb in GRANTS[role]}
    needs = {"elevators": None, "patrols": Verb.PATROL_READ, "officer": Verb.SAFETY_RECORD}
    for kind, verb in needs.items():
        if not taken[kind]:
            continue
        label = KINDS[kind][0]
        if account is None:
            said, remedy = say("%(name)s 没有账号", name=successor.name), "请先为其开通子用户，或选择另一人"
            found.append(Finding(label, False, said, remedy, field="successor_id"))
        elif verb is not None and verb not in verbs:
            said, remedy = say("%(name)s 的账号不能承担", name=successor.name), "请选择账号有此权限的人"
            found.append(Finding(label, False, said, remedy, field="successor_id"))
    return found


def _give_ledgers(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    """Each place that the person has in the ledger; whoever would then stand there twice stands there once."""
    require(actor, Verb.LEDGER_EDIT)
    touched = []
    for key in keys:
        ledger = lock(session, MaintenanceLedger, key)
        if ledger is None:
            continue
        if ledger.unit_id != row.unit_id:
            raise NotAllowed(Finding("设备履历", False, "电梯已不由本单位维保", "请刷新交接清单"))
        before = {name: getattr(ledger, name) for name in ledgers.PERSONS}
        for name in ledgers.PERSONS:
            if getattr(ledger, name) == row.id:
                setattr(ledger, name, to.id)
        if ledger.worker_id is not None and ledger.co_worker_id == ledger.worker_id:
            ledger.co_worker_id = None
        touched.append(ledger.elevator_id)
        after = {name: getattr(ledger, name) for name in ledgers.PERSONS}
        audit.record(session, actor, at, "ledger.hand_over", "maintenance_ledger", ledger.id, before, after)
    session.flush()
    orders.make_due(session, clock.local_day(at), at, elevator_ids=touched)


def _give_orders(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    for start in range(0, len(keys), orders.MOST_AT_ONCE):
        made = orders.reassign(session, actor, keys[start : start + orders.MOST_AT_ONCE], to.id, at)
        raise_failing(Finding("维保任务", one.ok, one.text, "请刷新交接清单") for one in made)


def _give_repairs(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    require(actor, Verb.REPAIR_ASSIGN)
    for key in keys:
        repair_work.pass_on(session, actor, key, row.id, to.id, at)


def _give_elevators(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    """Where the successor sees the elevator already the assignment just ends."""
    assert account is not None
    has = select(ElevatorAssignment.elevator_id).where(ElevatorAssignment.user_id == account.id)
    seen = set(session.scalars(has))
    for one in session.scalars(select(ElevatorAssignment).where(ElevatorAssignment.id.in_(keys))).all():
        if account.sees_all_elevators or one.elevator_id in seen:
            session.delete(one)
        else:
            one.user_id = account.id
            seen.add(one.elevator_id)
    account.session_epoch += 1


def _give_patrols(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    require(actor, Verb.PATROL_EDIT)
    assert account is not None
    for key in keys:
        held = lock(session, PatrolRound, key)
        if held is not None and held.closed_at is None:
            held.account_id, held.account_name = account.id, account.get_full_name()


def _give_officer(
    session: AnySession, actor: Actor, row: Person, to: Person, account: Account | None, keys: list[int],
    at: dt.datetime,
) -> None:  # fmt: skip
    require(actor, Verb.SAFETY_EDIT)
    assert account is not None
    for key in keys:
        held = lock(session, ElevatorOfficer, key)
        if held is not None:
            held.account_id, held.named_at, held.named_by_id = account.id, at, actor.user_id


_GIVE: dict[str, Any] = {
    "ledgers": _give_ledgers, "orders": _give_orders, "repairs": _give_repairs,
    "elevators": _give_elevators, "patrols": _give_patrols, "officer": _give_officer,
}  # fmt: skip
