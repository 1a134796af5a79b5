"""Faces compared before a check-in: alike, another, no answer, and the way without."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Refusal
from app.models import FaceCheck, Notification, Visit
from app.rules.face_checks import FaceState
from app.workflows.visits import face_checks
from tests.faces import ALIKE, NOBODY, OTHER, Service, face_service
from tests.factories import World, make_policy
from tests.workflows.face_checks.ground import arrive, run, selfie, stands
from tests.workflows.visit_world import DAY, FAR, HERE, START, rules_of

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")


def test_alike_he_checks_in_and_the_visit_says_so(session: Any, town: World, service: Service) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    row = stands(session, visit)
    assert (row.state, row.failures, row.answered_at) == ("matched", 0, START) and visit.state == "open"
    assert len(service.asked) == 1
    # Neither how alike, nor a template: no column could hold it.
    assert not {c.name for c in FaceCheck.__table__.columns} & {"score", "likeness", "template", "vector"}


def test_another_face_is_refused_until_the_way_without(session: Any, town: World, service: Service) -> None:
    service.says = [OTHER, NOBODY, OTHER]
    for number, rule, found in (
        (1, "请对本人进行拍摄", "不一致"), (2, "请对本人进行拍摄", "没有认出"), (3, "刷脸失败次数过多", "3 次"),
        (4, "刷脸失败次数过多", "3 次"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refusal:
            arrive(session, town, [selfie(session, town, colour=f"#00000{number}")])
        assert rules_of(refusal) == {rule} and found in refusal.value.findings[0].found
    # After the third nobody is asked any more.
    assert len(service.asked) == 3 and session.scalar(select(Visit.id)) is None
    visit = arrive(session, town, [selfie(session, town)], without=True)
    row = stands(session, visit)
    assert (row.state, row.failures, row.visit_id) == ("unmatched", 3, visit.id)
    assert session.scalar(select(func.count()).select_from(FaceCheck)) == 1
    told = session.scalars(select(Notification).where(Notification.topic == "visit.face")).all()
    assert {n.recipient_id for n in told} >= {town.accounts["inspector"].id}
    assert town.accounts["worker"].id not in {n.recipient_id for n in told}


def test_a_better_photo_after_a_failure_is_enough(session: Any, town: World, service: Service) -> None:
    service.says = [NOBODY, ALIKE]
    with pytest.raises(Refusal, match="没有认出"):
        arrive(session, town, [selfie(session, town)])
    row = stands(session, arrive(session, town, [selfie(session, town, colour="#778899")]))
    assert (row.state, row.failures) == ("matched", 1)


def test_the_number_of_tries_is_the_regions(session: Any, town: World, service: Service) -> None:
    make_policy(session, "face_attempts", 1)
    session.commit()
    service.says = [OTHER]
    with pytest.raises(Refusal) as refusal:
        arrive(session, town, [selfie(session, town)])
    assert rules_of(refusal) == {"刷脸失败次数过多"}


def test_an_attempt_of_long_ago_counts_no_more(session: Any, town: World, service: Service) -> None:
    make_policy(session, "face_attempts", 1)
    session.commit()
    service.says = [OTHER, ALIKE]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town)])
    later = START + dt.timedelta(hours=13)
    row = stands(session, arrive(session, town, [selfie(session, town, later)], later))
    assert (row.state, row.failures) == ("matched", 0)


@pytest.mark.parametrize("says", ["slow", 500, b"{"], ids=str)
def test_a_service_that_is_down_stops_nobody(session: Any, town: World, says: Any, app: Any) -> None:
    with face_service(FACE_TIMEOUT=0.05) as service:
        service.says = [says]
        visit = arrive(session, town, [selfie(session, town)])
        assert (stands(session, visit).state, visit.state) == ("waiting", "open")
    # It is asked again by the task, and then told.
    with face_service() as service:
        service.says = [OTHER]
        assert run(app, session, START + dt.timedelta(minutes=5)) == 1
        row = stands(session, visit)
        assert (row.state, row.failures, row.next_try_at, row.error) == ("unmatched", 1, None, None)
        assert run(app, session, START + DAY) == 0
    assert session.scalar(select(Notification.id).where(Notification.topic == "visit.face")) is not None


def test_no_transaction_is_open_while_the_service_thinks(session: Any, town: World) -> None:
    seen: list[bool] = []

    def asks(_key: str, _reference: bytes, _photo: bytes) -> FaceState:
        seen.append(session.in_transaction())
        return FaceState.MATCHED

    face_checks.use(asks)
    try:
        arrive(session, town, [selfie(session, town)])
    finally:
        face_checks.use(None)
    assert seen == [False]


def test_what_else_is_wrong_is_told_without_a_comparison(session: Any, town: World, service: Service) -> None:
    service.says = [OTHER]
    with pytest.raises(Refusal) as refusal:
        arrive(session, town, [selfie(session, town)], position=FAR)
    assert "电梯位置较远" in rules_of(refusal) and service.asked == []


def test_the_same_press_again_asks_nobody_again(session: Any, town: World, service: Service) -> None:
    ids = [selfie(session, town)]
    first = arrive(session, town, ids, client_key="press-0001")
    face_checks.ahead(
        session, town.actor("worker"), town.own.code, HERE, ids, 0, START + dt.timedelta(minutes=1),
        client_key="press-0001",
    )  # fmt: skip
    assert len(service.asked) == 1 and stands(session, first).state == "matched"
