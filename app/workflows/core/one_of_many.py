"""One of many deeds, each in a transaction of its own: what goes wrong with one is that one's alone."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from app import done_again
from app.errors import Finding, Refusal
from app.transaction import AnySession, in_one
from app.wording import say, together
from app.workflows.core import jobs

log = logging.getLogger(__name__)
# PostgreSQL's words for a statement that it broke off; besides, of a lock that it did not get, and cancelled.
_BROKEN_OFF = done_again.BROKEN_OFF | {"55P03", "57014"}
Made = TypeVar("Made")


class Fault(Refusal):
    """One of them met a fault of the product: nothing of it was done. Told by the number of its incident."""

    status_code = 500


def by_itself(session: AnySession, deed: Callable[[Session], Made], what: str) -> Made:
    """One of many in a transaction of its own, again where the database broke it off for another's sake. An unexpected
    error is this one's alone: a `Fault`, so that the others go on; the log calls it `what`."""
    with its_own(session, what, "请单独办理；若仍失败，请把编号告诉管理员"):
        return in_one(session, deed)


def or_kept(session: AnySession, deed: Callable[[Session], Made], what: str, faults: list[Refusal]) -> Made | None:
    """`by_itself` of a run that tells of faults at its end (`at_end`): this one's is kept, and it comes to None."""
    try:
        return by_itself(session, deed, what)
    except Refusal as refused:
        faults.append(refused)
        return None


def at_end(rule: str, left_out: str, faults: Sequence[Refusal], *others: Fault) -> None:
    """Fail for those that were left out, once all others were done; `left_out` says how many. `others`: of a further
    part of the run. Without any, nothing."""
    findings = [finding for fault in others for finding in fault.findings]
    if faults:
        found = together([left_out, faults[0].findings[0].found], "；")
        findings.insert(0, Finding(rule, False, found, "请重试；若仍失败，请把编号告诉管理员"))
    if findings:
        raise Fault(findings)


@contextmanager
def its_own(session: AnySession, what: str, remedy: str) -> Iterator[None]:
    """What is done here is one of many: an unexpected error becomes a `Fault` with the number by which the log tells
    it, as `what`; `remedy` is what whoever asked can do. What is wrong with all of them is raised as it is."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        if _of_all(error):
            raise
        session.rollback()
        number = secrets.token_hex(4)
        log.exception("%s among many: incident %s", what, number)
        found = say("事件编号 %(number)s，没有办理", number=number)
        raise Fault(Finding("内部错误", False, found, remedy)) from error


def _of_all(error: Exception) -> bool:
    """Whether it is no single one's: a job's claim is another worker's, or the database is away. A job is then
    taken up again as a whole. A worker that is told to end raises what is no Exception. What PostgreSQL broke off for
    one statement's sake (a deadlock, a limit of time) is that one's."""
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) not in _BROKEN_OFF
    return isinstance(error, (jobs.ClaimLost, DBAPIError))
