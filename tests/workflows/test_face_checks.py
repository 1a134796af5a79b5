"""人脸比对 (PER-10, MNT-01, MNT-02): what each answer does, that nothing of it blocks a check-in, what is kept."""

from __future__ import annotations

import base64
import datetime as dt
import io
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.channels import face
from app.channels.sms import signature
from app.errors import NotAllowed, NotFound, Refusal
from app.models import Attachment, AuditEntry, Consent, FaceCheck, Notification, Person, Visit
from app.models.face import TO_LOOK_AT
from app.permissions import SYSTEM, Verb
from app.rules.face_checks import MOST_TRIES, FaceState, failed_finding, state_of, wait_after
from app.tasks import faces as task
from app.transaction import transaction
from app.workflows.files import attachments, sent_ahead
from app.workflows.people import consents
from app.workflows.privacy import personal_requests, retention
from app.workflows.visits import face_checks, visits
from app.workflows.visits.face_checks import NoAnswer, NotAsked
from tests.faces import ALIKE, NOBODY, OTHER, SECRET, Service, face_service
from tests.factories import World, make_policy, picture
from tests.workflows.visit_world import DAY, FAR, HERE, START, rules_of

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")
BAD = [500, 302, b"<html>", b"", [], {"faces": 1}, {"faces": True, "score": 1}, {"faces": 1, "score": "0.9"},
       {"faces": 1, "score": 1.5}, {"faces": -1, "score": 0.9}, {"faces": 1, "score": None},
       b'{"faces": 1, "score": NaN}', b" " * 70_000]  # fmt: skip


@pytest.fixture
def service() -> Iterator[Service]:
    with face_service() as held:
        yield held


@pytest.fixture
def town(session: Any, world: World, folder: Path) -> World:
    """Where faces are compared, and a worker who consented to it."""
    make_policy(session, "preset", "huzhou")
    make_policy(session, "person_proof", "face")
    session.commit()
    with transaction(session):
        consents.give_face(
            session, world.actor("worker"), io.BytesIO(picture("JPEG", colour="#112233")), "本人.jpg", True, START
        )
        consents.agree_to_compare(session, world.actor("worker"), True, START)
    return world


def selfie(session: Any, world: World, at: dt.datetime = START, colour: str = "#445566") -> int:
    """A photo that the phone has sent ahead of its form."""
    received = attachments.receive(io.BytesIO(picture("JPEG", (64, 48), colour)), "现场.jpg", "selfie")
    with transaction(session):
        return sent_ahead.send(session, world.actor("worker"), at, received).id


def arrive(
    session: Any, world: World, ids: list[int], at: dt.datetime = START, position: Any = HERE, **more: Any
) -> Visit:
    """What both doors do: compare first, then check in."""
    actor, without = world.actor("worker"), more.pop("without", False)
    key = more.get("client_key")
    face_checks.ahead(session, actor, world.own.code, position, ids, 0, at, without=without, client_key=key)
    with transaction(session):
        place = ("visit", None, actor.unit_id, actor.region_code)
        held = [row.id for row in sent_ahead.settle(session, actor, ids, "selfie", *place)]
        return visits.check_in(
            session, actor, world.own.code, position, at, selfie_ids=held, without_face=without, **more
        )  # fmt: skip


def stands(session: Any, visit: Visit) -> FaceCheck:
    session.expire_all()
    found = face_checks.of_visit(session, visit.id)
    assert found is not None
    return found


def run(app: Any, session: Any, at: dt.datetime) -> int:
    session.rollback()
    with app.app_context(), clock.frozen(at):
        count = task.compare()
    session.expire_all()
    return int(count)


# --- the rule


@pytest.mark.parametrize(
    ("faces", "score", "state"),
    [(0, None, "no_face"), (0, 0.99, "no_face"), (1, None, "no_face"), (1, 0.8, "matched"), (1, 0.7999, "unmatched"),
     (3, 1.0, "matched"), (1, 0.0, "unmatched")],
)  # fmt: skip
def test_what_an_answer_says(faces: int, score: float | None, state: str) -> None:
    assert state_of(faces, score, 0.8) == state


def test_the_last_failure_is_another_refusal_and_names_the_way_without() -> None:
    early, last = (failed_finding(FaceState.UNMATCHED, n, 3) for n in (2, 3))
    assert (early.rule, early.field) == ("请对本人进行拍摄", "selfie") and "还可以比对 1 次" in early.remedy
    assert (last.rule, last.field) == ("刷脸失败次数过多", "without_face")
    assert all("不比对人脸" in one.remedy for one in (early, last))


def test_an_unanswered_question_is_put_for_most_of_a_day_and_then_no_more() -> None:
    waits = [wait_after(n) for n in range(1, MOST_TRIES + 1)]
    assert waits[:3] == [dt.timedelta(minutes=n) for n in (1, 4, 16)] and waits[-1] is None
    assert dt.timedelta(hours=5) < sum(filter(None, waits), dt.timedelta()) < DAY


# --- the service


def test_the_question_is_signed_and_holds_two_photos_and_no_name(service: Service) -> None:
    asker = face.asker(service.settings())
    assert asker is not None
    assert asker("tian-1-2", b"given", b"taken") is FaceState.MATCHED
    headers, sent = service.asked[0]
    assert {name: base64.b64decode(sent[name]) for name in ("reference", "photo")} == {
        "reference": b"given", "photo": b"taken",
    }  # fmt: skip
    assert set(sent) == {"id", "reference", "photo"} and headers["idempotency-key"] == sent["id"] == "tian-1-2"
    body = face.body_of(sent)
    assert headers["x-signature"] == signature(SECRET, headers["x-timestamp"], body)


@pytest.mark.parametrize("says", BAD, ids=str)
def test_what_is_no_answer_calls_nobody_another(service: Service, says: Any) -> None:
    service.says = [says]
    asker = face.asker(service.settings())
    assert asker is not None
    with pytest.raises(NoAnswer) as error:
        asker("tian-1-2", b"given", b"taken")
    assert "given" not in str(error.value) and "html" not in str(error.value)


def test_a_slow_service_is_given_up_and_after_some_of_it_not_asked(service: Service) -> None:
    service.says = ["slow"]
    asker = face.asker(service.settings(FACE_TIMEOUT=0.05))
    assert asker is not None
    for _ in range(face.BROKEN_AFTER):
        with pytest.raises(NoAnswer, match="Timeout"):
            asker("k", b"a", b"b")
    asked = len(service.asked)
    with pytest.raises(NotAsked):
        asker("k", b"a", b"b")
    assert len(service.asked) == asked


def test_one_answer_closes_the_count_of_failures(service: Service) -> None:
    service.says = [500, 500, ALIKE, 500, 500, OTHER]
    asker = face.asker(service.settings())
    assert asker is not None
    told = []
    for _ in range(6):
        try:
            told.append(asker("k", b"a", b"b").value)
        except NoAnswer:
            told.append("none")
    assert told == ["none", "none", "matched", "none", "none", "unmatched"]


def test_who_comes_when_there_is_no_room_is_not_kept_waiting(service: Service) -> None:
    asker = face.asker(service.settings())
    assert isinstance(asker, face.Client)
    for _ in range(face.AT_ONCE):
        asker._room.acquire()
    with pytest.raises(NotAsked, match="太多"):
        asker("k", b"a", b"b")
    for _ in range(face.AT_ONCE):
        asker._room.release()
    assert asker("k", b"a", b"b") is FaceState.MATCHED and len(service.asked) == 1


def test_a_name_that_is_looked_up_for_ever_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asker, free = face.asker(service.settings(FACE_TIMEOUT=0.05)), threading.Event()
    assert isinstance(asker, face.Client)
    monkeypatch.setattr(asker, "_asked", lambda *_: free.wait(30) and FaceState.MATCHED)
    with pytest.raises(NoAnswer, match="Timeout"):
        asker("k", b"a", b"b")
    free.set()


def test_a_service_that_nobody_is_at_is_no_answer() -> None:
    asker = face.asker({"FACE_URL": "http://127.0.0.1:9/compare"})
    assert asker is not None
    with pytest.raises(NoAnswer, match="Refused"):
        asker("k", b"a", b"b")


@pytest.mark.parametrize("wrong", [
    {"FACE_URL": "http://faces.example.com/"}, {"FACE_THRESHOLD": 1.2}, {"FACE_TIMEOUT": 31}, {"FACE_THRESHOLD": -1},
])  # fmt: skip
def test_a_wrong_setting_is_told_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError):
        face.asker({"FACE_URL": "https://127.0.0.1/", "FACE_SECRET": "s"} | wrong)
    assert face.asker({"FACE_URL": ""}) is None


# --- at check-in


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


# --- without a face


def test_who_consented_to_no_comparing_is_not_compared(session: Any, town: World, service: Service) -> None:
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    row = stands(session, arrive(session, town, [selfie(session, town)]))
    assert row.state == "skipped" and service.asked == []
    assert session.scalar(select(Notification.id).where(Notification.topic == "visit.face")) is None
    # The photo for people's eyes stays.
    assert consents.face_of(session, town.worker.id) is not None


def test_the_older_consent_covers_no_comparing(session: Any, world: World, folder: Path, service: Service) -> None:
    make_policy(session, "person_proof", "face")
    session.commit()
    with transaction(session):
        consents.give_face(session, world.actor("worker"), io.BytesIO(picture("JPEG")), "本人.jpg", True, START)
    assert consents.comparable(session, world.worker.id) is None


def test_once_without_is_no_suspicion(session: Any, town: World, service: Service) -> None:
    row = stands(session, arrive(session, town, [selfie(session, town)], without=True))
    assert (row.state, row.failures) == ("skipped", 0) and service.asked == []


def test_where_the_region_asks_for_the_photo_alone_nothing_is_compared(
    session: Any, town: World, service: Service
) -> None:
    make_policy(session, "person_proof", "photo")
    session.commit()
    visit = arrive(session, town, [selfie(session, town)])
    assert face_checks.of_visit(session, visit.id) is None and service.asked == []


def test_without_a_service_nothing_is_kept(session: Any, town: World) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    assert face_checks.of_visit(session, visit.id) is None


def test_who_failed_and_takes_the_consent_back_is_looked_at(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [OTHER]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town, colour="#000001")])
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    row = stands(session, arrive(session, town, [selfie(session, town)]))
    assert (row.state, row.failures, row.next_try_at) == ("unmatched", 1, None)
    assert session.scalar(select(Notification.id).where(Notification.topic == "visit.face")) is not None


def test_who_failed_and_takes_it_back_while_the_task_waits_is_looked_at(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [OTHER, 500]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town, colour="#000001")])
    visit = arrive(session, town, [selfie(session, town)])
    assert stands(session, visit).state == "waiting"
    with transaction(session):
        consents.withdraw_compare(session, town.actor("worker"), START)
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    assert (stands(session, visit).state, len(service.asked)) == ("unmatched", 2)


def test_withdrawing_the_photo_ends_comparing_too(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    with transaction(session):
        consents.withdraw_face(session, town.actor("worker"), START)
    rows = session.scalars(select(Consent)).all()
    assert {c.purpose for c in rows} == {"face", "face_compare"} and all(c.withdrawn_at == START for c in rows)
    asked = len(service.asked)
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    assert stands(session, visit).state == "skipped" and len(service.asked) == asked


def test_consenting_needs_a_photo_and_the_tick(session: Any, world: World, folder: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        consents.agree_to_compare(session, world.actor("worker"), False, START)
    assert rules_of(refusal) == {"人脸照片", "单独同意"}
    session.rollback()
    with pytest.raises(Refusal, match="没有同意过"):
        consents.withdraw_compare(session, world.actor("worker"), START)


# --- afterwards


def test_the_task_gives_up_in_time_and_a_pause_of_the_service_counts_nothing(
    session: Any, town: World, service: Service, app: Any
) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    now, told = START, []
    for _ in range(20):
        now += dt.timedelta(hours=7)
        # A fresh client each time: its breaker is another test's.
        face_checks.use(face.asker(service.settings()))
        if not run(app, session, now):
            break
        told.append(stands(session, visit).tries)
    row = stands(session, visit)
    assert told == list(range(1, MOST_TRIES + 1)) and (row.state, row.next_try_at) == ("unanswered", None)
    assert row.error == "NoAnswer: HTTP 500"


def test_what_was_not_asked_for_want_of_room_is_no_try(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])

    def full(*_: Any) -> FaceState:
        raise NotAsked("同时比对的人太多")

    face_checks.use(full)
    assert run(app, session, START + dt.timedelta(minutes=1)) == 1
    row = stands(session, visit)
    assert (row.state, row.tries, row.next_try_at) == ("waiting", 0, START + dt.timedelta(minutes=2))


# --- nothing of a photo gets out


def test_logs_and_errors_hold_nothing_of_a_photo(
    session: Any, town: World, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.says = [b'{"photo": "/9j/4AAQ"}']
    with caplog.at_level(logging.DEBUG):
        arrive(session, town, [selfie(session, town)])
    sent = service.asked[0][1]
    assert "人脸比对没有答复" in caplog.text
    assert sent["photo"][:40] not in caplog.text and sent["reference"][:40] not in caplog.text
    assert "/9j/" not in caplog.text
    log = str([entry.after for entry in session.scalars(select(AuditEntry))])
    assert "/9j/" not in log


# --- the desk


def failed(session: Any, town: World, service: Service) -> Visit:
    make_policy(session, "face_attempts", 1)
    session.commit()
    service.says = [OTHER]
    with pytest.raises(Refusal):
        arrive(session, town, [selfie(session, town)])
    return arrive(session, town, [selfie(session, town)], without=True)


def decide(session: Any, town: World, visit: Visit, verdict: str, note: str = "", who: str = "inspector") -> FaceCheck:
    with transaction(session):
        return face_checks.decide(session, town.actor(who), visit.id, verdict, note, START + DAY)


def test_an_officer_says_who_is_to_be_seen_once(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    for verdict, note, rule in (
        ("", "", "核对结论"), ("nobody", "x", "核对结论"), ("other", " ", "核对说明"), ("unclear", "", "核对说明"),
        ("other", "长" * 501, "核对说明"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refusal:
            decide(session, town, visit, verdict, note)
        assert rule in rules_of(refusal)
        session.rollback()
    before = visit.state
    row = decide(session, town, visit, "other", "脸型和年龄都不同")
    assert (row.verdict, row.looked_by_id) == ("other", town.accounts["inspector"].id) and visit.state == before
    heard = session.scalars(select(Notification.recipient_id).where(Notification.link == f"/visits/{visit.id}")).all()
    assert town.accounts["maintenance_head"].id in heard and town.accounts["worker"].id not in heard
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.face")).one()
    assert entry.after["verdict"] == "other" and entry.entity_id == visit.id
    with pytest.raises(Refusal, match="已核对过"):
        decide(session, town, visit, "same")


def test_no_unit_judges_its_own_worker(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    for who in ("maintenance_head", "manager"):
        if who in town.accounts:
            with pytest.raises(NotAllowed):
                decide(session, town, visit, "same", who=who)
            session.rollback()
    for who in ("use_head", "other_head", "worker"):
        with pytest.raises((NotAllowed, NotFound)):
            decide(session, town, visit, "same", who=who)
        session.rollback()


def test_what_passed_or_was_not_compared_is_not_decided_on(session: Any, town: World, service: Service) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    with pytest.raises(Refusal, match="没有等待核对"):
        decide(session, town, visit, "same")


# --- how long it is kept


def test_it_goes_with_the_photo_and_an_attempt_without_a_visit_soon(
    session: Any, town: World, service: Service
) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    session.add(FaceCheck(
        person_id=town.worker.id, elevator_id=town.own.id, unit_id=town.firm.id, region_code=town.firm.region_code,
        began_at=START, failures=1, state="unmatched",
    ))  # fmt: skip
    session.commit()
    assert retention.run(session, SYSTEM, START + DAY)["face_checks"] == 0
    assert retention.run(session, SYSTEM, START + 3 * DAY)["face_checks"] == 1
    key = visit.id
    assert face_checks.of_visit(session, key) is not None
    assert retention.run(session, SYSTEM, START + 181 * DAY)["face_checks"] == 1
    assert face_checks.of_visit(session, key) is None and session.get(Visit, key) is not None


def test_who_asks_to_be_erased_is_out_of_it(session: Any, town: World, service: Service) -> None:
    visit = arrive(session, town, [selfie(session, town)])
    with transaction(session):
        person = session.get(Person, town.worker.id)
        retention.erase_person(session, person)
    assert face_checks.of_visit(session, visit.id) is None


def test_the_list_of_the_desk_is_found_by_the_partial_index(session: Any, town: World, service: Service) -> None:
    visit = failed(session, town, service)
    found = select(FaceCheck.visit_id).where(text(TO_LOOK_AT)).execution_options(skip_scope=True)
    assert session.scalars(found).all() == [visit.id]
    decide(session, town, visit, "same")
    assert session.scalars(found).all() == []


def test_what_the_scanner_has_not_seen_waits(session: Any, town: World, service: Service, app: Any) -> None:
    service.says = [500]
    visit = arrive(session, town, [selfie(session, town)])
    asked, photo = len(service.asked), session.get(Attachment, stands(session, visit).photo_id)
    photo.scan = "waiting"
    session.commit()
    assert run(app, session, START + dt.timedelta(minutes=5)) == 1
    row = stands(session, visit)
    assert (row.state, row.tries, len(service.asked)) == ("waiting", 0, asked)
    session.get(Attachment, row.photo_id).scan = "infected"
    session.commit()
    assert run(app, session, START + dt.timedelta(minutes=10)) == 1
    assert stands(session, visit).state == "skipped" and len(service.asked) == asked


def test_who_may_make_no_visit_sends_nobody_a_photo(session: Any, town: World, service: Service) -> None:
    ids = [selfie(session, town)]
    actor = replace(town.actor("worker"), withheld=frozenset({Verb.VISIT_MAKE}))
    assert not actor.may(Verb.VISIT_MAKE)
    face_checks.ahead(session, actor, town.own.code, HERE, ids, 0, START)
    assert service.asked == []


def test_ones_own_copy_tells_what_came_of_it(session: Any, town: World, service: Service) -> None:
    arrive(session, town, [selfie(session, town)])
    with transaction(session):
        told = personal_requests.copy_of(session, town.actor("worker"), START + DAY)
    assert [(one["结果"], one["没有通过的次数"]) for one in told["人脸比对"]] == [("一致", 0)]
    purposes = {one["用途"] for one in told["同意记录"]}
    assert purposes == {"人脸照片用于与现场本人照片对照", "现场本人照片与人脸照片作比对"}
