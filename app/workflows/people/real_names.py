"""Real-name checks (ACC-06): does this name belong to this 身份证号? Asked of a service where one is connected.

Without one nobody is checked and nothing says that he was. A question is a row written with the deed; a task leases
it, asks outside of any transaction, and writes the answer only if name and number still are what was asked about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import func, select, update

from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Person, RealNameCheck
from app.permissions import Actor, Verb
from app.rules.identifiers import told_fault
from app.scope import visible
from app.transaction import AnySession, hold, lock
from app.wording import say
from app.workflows.core import audit
from app.workflows.core.outbox import FIRST_WAIT, LEASE, MOST_TRIES

Asker = Callable[[str, str, str], bool]
_asker: Asker | None = None
MOST_AT_ONCE = 20
# Within a day. Who may ask as often as he likes finds out the number of anybody whose name he knows.
MOST_OF_A_PERSON, MOST_OF_A_UNIT = 3, 200


def use(asker: Asker | None) -> None:
    """Say who is asked; None: this installation has no such service."""
    global _asker
    _asker = asker


def offered() -> bool:
    return _asker is not None


def may_ask(actor: Actor, person: Person) -> bool:
    """Whoever keeps the unit's people, and the person himself."""
    own = actor.unit_id is not None and actor.unit_id == person.unit_id
    return own and person.left_on is None and (actor.person_id == person.id or actor.may(Verb.PERSON_EDIT))


def ask(session: AnySession, actor: Actor, person_id: int, at: dt.datetime) -> Person:
    """Put the question; its answer comes later. Who was found to match, or waits, is not asked about again."""
    visible(session, actor, Person, person_id, "人员")
    row = lock(session, Person, person_id)
    if row is None or not may_ask(actor, row):
        raise NotAllowed(Finding("实名核验", False, "不是本人，也不是本单位的人员管理员", "请由本人或所在单位办理"))
    if not offered():
        raise refuse("实名核验", "本平台没有接入实名核验服务", "请联系平台管理员")
    raise_failing([
        Finding("身份证号", bool(row.resident_id), "没有登记", "请先登记身份证号", field="resident_id"),
        Finding("实名核验", row.real_name not in ("waiting", "matched"), "正在核验或已核验", "不需要再次提交"),
        *_how_often(session, row, at),
    ])  # fmt: skip
    session.add(RealNameCheck(person_id=row.id, asked_at=at, asked_by_id=actor.user_id, next_try_at=at))
    row.real_name, row.real_name_at = "waiting", None
    session.flush()
    audit.record(session, actor, at, "person.real_name", "person", row.id, after={"real_name": "waiting"})
    return row


def _how_often(session: AnySession, person: Person, at: dt.datetime) -> list[Finding]:
    """Not more questions a day about one person, or of one unit; held, so that many at once are counted together."""
    hold(session, f"real names of {person.unit_id}")
    lately = select(func.count(RealNameCheck.id)).where(RealNameCheck.asked_at > at - dt.timedelta(days=1))
    of_unit = lately.join(Person, Person.id == RealNameCheck.person_id).where(Person.unit_id == person.unit_id)
    found = []
    for whose, most, statement in (
        (str(person), MOST_OF_A_PERSON, lately.where(RealNameCheck.person_id == person.id)),
        ("本单位", MOST_OF_A_UNIT, of_unit),
    ):  # fmt: skip
        asked = session.scalar(statement.execution_options(skip_scope=True)) or 0
        said = say("%(whose)s一天内已提交 %(asked)s 次实名核验", whose=whose, asked=asked)
        remedy = say("一天最多 %(most)s 次，请核对姓名和身份证号，明天再提交", most=most)
        found.append(Finding("核验次数", asked < most, said, remedy))
    return found


def lease(session: AnySession, at: dt.datetime) -> list[int]:
    """Take what is due; each is this caller's alone until the lease ends. Commit, then ask."""
    due = (
        select(RealNameCheck.id)
        .where(RealNameCheck.state == "queued", RealNameCheck.next_try_at <= at)
        .order_by(RealNameCheck.id).limit(MOST_AT_ONCE).with_for_update(skip_locked=True)
    )  # fmt: skip
    ids = list(session.scalars(due.execution_options(skip_scope=True)))
    if ids:
        taken = update(RealNameCheck).where(RealNameCheck.id.in_(ids))
        taken = taken.values(tries=RealNameCheck.tries + 1, next_try_at=at + LEASE)
        session.execute(taken.execution_options(synchronize_session=False, skip_scope=True))
    return ids


def subject(session: AnySession, check_id: int) -> tuple[str, str] | None:
    """Name and number that a leased question is about; None where there is nothing to ask any more."""
    statement = select(Person.name, Person.resident_id).join(RealNameCheck, RealNameCheck.person_id == Person.id)
    statement = statement.where(RealNameCheck.id == check_id, Person.real_name == "waiting")
    found = session.execute(statement.execution_options(skip_scope=True)).first()
    return (found[0], found[1]) if found is not None and found[1] else None


def put(check_id: int, name: str, number: str) -> bool:
    """Ask the service; raises when it gave no answer."""
    if _asker is None:
        raise LookupError("没有接入实名核验服务")
    return _asker(f"tian-{check_id}", name, number)


def answered(
    session: AnySession, check_id: int, about: tuple[str, str] | None, found: bool | Exception, at: dt.datetime
) -> None:
    """Write what came back; without an answer it waits 1, 2, 4 … minutes, six times in all, and is unchecked again."""
    check = lock(session, RealNameCheck, check_id)
    if check is None or check.state != "queued":
        return
    row = lock(session, Person, check.person_id)
    assert row is not None
    same = about is not None and (row.name, row.resident_id) == about and row.real_name == "waiting"
    if isinstance(found, Exception) and same and check.tries < MOST_TRIES:
        check.error = told_fault(found)
        check.next_try_at = at + FIRST_WAIT * 2 ** (check.tries - 1)
        return
    gave = not isinstance(found, Exception) and same
    check.state, check.next_try_at, check.answered_at = "sent" if gave else "failed", None, at
    if isinstance(found, Exception):
        check.error = told_fault(found)
        if same:
            row.real_name = "unchecked"
        return
    if gave:
        check.result = row.real_name = "matched" if found else "mismatch"
        row.real_name_at = at
