"""What may be done once, or one at a time, sent several times at the same moment: it is done once."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import scope, vault
from app.errors import Refusal
from app.models import Account, AuditEntry, Captcha, Delegation, ElevatorLabel, PersonalRequest, RiskItem
from app.transaction import transaction
from app.workflows.access import captchas, second_factor
from app.workflows.approval import delegations
from app.workflows.on_site import labels, safety
from app.workflows.privacy import personal_requests
from app.workflows.public import complaints
from tests.factories import World
from tests.workflows.filing_world import AT, TODAY
from tests.workflows.test_applications import together
from tests.workflows.test_safety import RISK

DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
TIMES = 6


def once(results: list[Any]) -> bool:
    """One was done, all others were refused in words."""
    return sum(isinstance(r, Refusal) for r in results) == TIMES - 1 == sum(r != "done" for r in results)


def meet(own: Session, gate: threading.Barrier) -> None:
    """All have read by now; SQLite's one writer never has company."""
    if own.get_bind().dialect.name == "postgresql":
        gate.wait(30)


def count_of(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model).execution_options(skip_scope=True)) or 0


@pytest.mark.feature("PER-10")
def test_a_person_has_one_open_request_of_a_kind(session: Any, database: Any, world: World) -> None:
    actor = world.actor("worker")
    session.rollback()

    def deed(own: Session, _index: int) -> str:
        with scope.acting(actor):
            personal_requests.ask(own, actor, "copy", "请给我一份副本", AT)
        return "done"

    assert once(together(database, TIMES, deed))
    assert count_of(session, PersonalRequest) == 1


@pytest.mark.feature("LIF-07")
def test_an_officer_is_stood_in_for_by_one(session: Any, database: Any, world: World) -> None:
    actor, taker = world.actor("inspector"), world.accounts["region_admin"].id
    session.rollback()

    def deed(own: Session, _index: int) -> str:
        with scope.acting(actor):
            delegations.name(own, actor, taker, TODAY, TODAY + 2 * DAY, "开会", AT)
        return "done"

    assert once(together(database, TIMES, deed))
    assert count_of(session, Delegation) == 1


@pytest.mark.feature("ACC-05")
def test_a_question_against_machines_is_answered_once(session: Any, database: Any, world: World) -> None:
    with transaction(session):
        key, _words = captchas.ask(session, AT)
        answer = captchas.letters_of(session, key, AT) or ""

    gate = threading.Barrier(TIMES)

    def deed(own: Session, _index: int) -> str:
        held = own.get(Captcha, key)
        meet(own, gate)
        captchas.check(own, key, answer, AT)
        del held
        return "done"

    assert once(together(database, TIMES, deed))


@pytest.mark.feature("ACC-07")
def test_a_code_of_the_app_signs_in_once(session: Any, database: Any, world: World) -> None:
    secret = second_factor.new_secret()
    with transaction(session):
        world.accounts["clerk"].totp_secret = vault.seal(secret)
    number, code = world.accounts["clerk"].id, pyotp.TOTP(secret).at(AT)
    session.rollback()
    gate = threading.Barrier(TIMES)

    def deed(own: Session, _index: int) -> str:
        # As a page finds it: read before the transaction that looks at the code.
        account = own.get_one(Account, number)
        meet(own, gate)
        second_factor.check_totp(own, account, code, AT)
        return "done"

    assert once(together(database, TIMES, deed))
    session.expire_all()
    assert world.accounts["clerk"].totp_step == int(AT.timestamp()) // second_factor.STEP_SECONDS


@pytest.mark.feature("ELV-07")
def test_a_label_is_replaced_once(session: Any, database: Any, world: World) -> None:
    actor, key, wanted = world.actor("use_head"), world.own.id, labels.Wanted("forged", "", "now")
    session.rollback()

    def deed(own: Session, _index: int) -> str:
        with scope.acting(actor):
            return labels.replace(own, actor, key, wanted, AT).token

    assert len(set(together(database, TIMES, deed))) == 1
    replaced = select(ElevatorLabel).where(ElevatorLabel.kind == "replacement")
    assert len(session.scalars(replaced.execution_options(skip_scope=True)).all()) == 1
    # Other words, or the same ones later, are another one.
    later = labels.Wanted("forged", "又被仿冒", "now")
    with transaction(session):
        first = labels.replace(session, actor, key, later, AT + MINUTE).token
    with transaction(session):
        assert labels.replace(session, actor, key, later, AT + 9 * MINUTE).token == first
    with transaction(session):
        assert labels.replace(session, actor, key, later, AT + 12 * MINUTE).token != first


@pytest.mark.feature("CMP-04")
def test_a_complaint_is_prodded_once(session: Any, database: Any, world: World) -> None:
    with transaction(session):
        key = complaints.complain(
            session, world.own, {"name": "甲", "phone": "13812345678", "body": "异响"}, ["noise"], (), AT, None
        ).id
    actor = world.actor("inspector")
    firm = world.actor("maintenance_head")
    session.rollback()

    def deed(own: Session, _index: int) -> str:
        with scope.acting(actor):
            complaints.prod(own, actor, key, "请今天到场", AT + MINUTE)
        return "done"

    def told() -> int:
        said = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "complaint.prod")
        return session.scalar(said.execution_options(skip_scope=True)) or 0

    assert together(database, TIMES, deed) == ["done"] * TIMES
    assert told() == 1
    # The next step is another's to hear; so are other words, and the same ones later.
    with transaction(session):
        complaints.accept(session, firm, key, AT + 2 * MINUTE)
    for number, (note, at) in enumerate(
        [("请今天到场", 3), ("请今天到场", 4), ("请马上到场", 5), ("请马上到场", 16)], 1
    ):  # fmt: skip
        with transaction(session):
            complaints.prod(session, actor, key, note, AT + at * MINUTE)
        assert told() == 1 + number - (number > 1)


@pytest.mark.feature("SAF-01")
def test_a_risk_stands_on_the_list_once(session: Any, database: Any, world: World) -> None:
    actor = world.actor("use_head")
    session.rollback()

    def deed(own: Session, _index: int) -> int:
        with scope.acting(actor):
            return safety.save_risk(own, actor, None, RISK, AT).id

    (key,) = set(together(database, TIMES, deed))
    assert count_of(session, RiskItem) == 1
    with transaction(session):
        assert safety.save_risk(session, actor, None, RISK | {"responsible": "另一人"}, AT).id != key
    # One that was taken off the list may be written on it again.
    with transaction(session):
        safety.end_risk(session, actor, key, AT)
    with transaction(session):
        assert safety.save_risk(session, actor, None, RISK, AT).id != key
