"""Whose telephones a call for rescue rings: those named for it, else the unit's main account, its head, its duty phone.

Until a unit has named anybody (应急角色) its main account answers for it: no call goes out that no telephone hears of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import or_, select

from app.errors import Refusal
from app.models import Account, Notification, RescueDispatch, Unit
from app.rules.identifiers import check_mobile
from app.transaction import AnySession
from app.workflows.access.main_accounts import main_account
from app.workflows.core import outbox

TOPIC = "rescue.call"


def send_call(
    session: AnySession, call: RescueDispatch, who: Iterable[int], content: str, link: str, at: dt.datetime
) -> bool:  # fmt: skip
    """Send a call out by SMS; whether there was a number to send it to. Without SMS here there is nothing to tell."""
    if "sms" not in outbox.SENDERS:
        return True
    who = list(who)
    told = _by_own_choice(session, who, link, at)
    named = [(account.id, account.phone) for account in on_call(session, call, who) if account.phone]
    for account_id, phone in named or _instead(session, call.unit):
        if account_id not in told:
            outbox.send_to(session, at, account_id, "sms", phone, TOPIC, content)
            told.add(account_id)
    return bool(told)


def on_call(session: AnySession, call: RescueDispatch, who: Iterable[int]) -> list[Account]:
    """Of those whom a call goes to: whoever is named for rescues, and the worker whom the desk called by name."""
    named = or_(Account.rescue_role.is_not(None), Account.id == call.worker_id)
    found = select(Account).where(Account.id.in_(list(who)), named).order_by(Account.id)
    return list(session.scalars(found.execution_options(skip_scope=True)))


def mobile_of(number: str | None) -> str | None:
    """A number that an SMS can go to; a unit's duty phone is often a landline."""
    try:
        return check_mobile(number or "")
    except Refusal:
        return None


def _instead(session: AnySession, unit: Unit | None) -> list[tuple[int | None, str]]:
    """The first of a unit's numbers that an SMS can go to, where it named nobody whom one could reach."""
    if unit is None:
        return []
    main = main_account(session, unit.id)
    numbers = [(main.id, main.phone)] if main is not None and main.active else []
    for account_id, number in [*numbers, (None, unit.head_phone), (None, unit.duty_phone)]:
        phone = mobile_of(number)
        if phone is not None:
            return [(account_id, phone)]
    return []


def _by_own_choice(session: AnySession, who: list[int], link: str, at: dt.datetime) -> set[int | None]:
    """Who gets this call by SMS already, because he chose that way for his notices: nobody is told twice."""
    sent = select(Notification.recipient_id).where(
        Notification.topic == TOPIC, Notification.channel == "sms", Notification.link == link,
        Notification.created_at == at, Notification.recipient_id.in_(who),
    )  # fmt: skip
    return set(session.scalars(sent.execution_options(skip_scope=True)))
