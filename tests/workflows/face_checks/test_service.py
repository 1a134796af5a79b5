"""What an answer about two faces says, and the service that gives it: signed, bounded, given up in time."""

from __future__ import annotations

import base64
import datetime as dt
import threading
from typing import Any

import pytest

from app.channels import face
from app.channels.sms import signature
from app.rules.face_checks import MOST_TRIES, FaceState, failed_finding, state_of, wait_after
from app.workflows.visits.face_checks import NoAnswer, NotAsked
from tests.faces import ALIKE, OTHER, SECRET, Service
from tests.workflows.visit_world import DAY

pytestmark = pytest.mark.feature("PER-10", "MNT-01", "MNT-02")
BAD = [500, 302, b"<html>", b"", [], {"faces": 1}, {"faces": True, "score": 1}, {"faces": 1, "score": "0.9"},
       {"faces": 1, "score": 1.5}, {"faces": -1, "score": 0.9}, {"faces": 1, "score": None},
       b'{"faces": 1, "score": NaN}', b" " * 70_000]  # fmt: skip


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
