"""Delivering the outbox: the inbox in one statement, other channels one notice at a time under a lease.

Addresses that people typed come last and have little time: whoever they belong to must not hold up codes and calls for
rescue, however many of them answer slowly.
"""

from __future__ import annotations

from threading import Lock
from time import monotonic

from celery import shared_task

from app import clock
from app.extensions import db
from app.transaction import transaction
from app.workflows.core import outbox

# What a round may take, for all of a kind together; the call that is under way may end. The first is well within the
# lease: a gateway that answers slowly would else be asked again for what still waits here.
SECONDS, OWN_SECONDS = 120, 20
# One thread of a process at a time: the others are left for what people wait for.
_own_turn = Lock()


@shared_task
def deliver() -> dict[str, int]:
    with transaction(db.session):
        inbox = outbox.deliver_inbox(db.session, clock.now())
        leased = outbox.lease(db.session, clock.now()) if outbox.SENDERS else []
    sent = _sent(leased, SECONDS, None)
    of_people, taken = _to_people() if outbox.SENDERS else (0, 0)
    return {"inbox": inbox, "leased": len(leased) + of_people, "sent": sent + taken}


def _sent(leased: list[int], seconds: int, silent: set[int] | None) -> int:
    """How many of them were sent; those for which there was no time are given back."""
    ends, sent = monotonic() + seconds, 0
    for number, notice_id in enumerate(leased):
        if monotonic() >= ends:
            with transaction(db.session):
                outbox.give_back(db.session, leased[number:], clock.now())
            break
        with transaction(db.session):
            sent += outbox.send(db.session, notice_id, clock.now(), silent)
    return sent


def _to_people() -> tuple[int, int]:
    """To addresses of people's own: how many were leased, and how many of them sent."""
    if not _own_turn.acquire(blocking=False):
        return 0, 0
    try:
        with transaction(db.session):
            leased = outbox.lease(db.session, clock.now(), own=True)
        return len(leased), _sent(leased, OWN_SECONDS, set())
    finally:
        _own_turn.release()
