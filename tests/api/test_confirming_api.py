"""MNT-07 by the interface: the link that no answer tells, the photos of signed paper."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app import clock
from app.models import Notification
from app.workflows.core import outbox
from tests.api.callers import Caller, rules_of
from tests.factories import picture
from tests.workflows.visit_world import HOUR, MINUTE, START, arrive, leave

pytestmark = pytest.mark.feature("MNT-07", "INT-04")


@pytest.fixture
def left(app: Any, session: Any, huzhou: Any, monkeypatch: Any) -> Any:
    monkeypatch.setitem(outbox.SENDERS, "sms", lambda *_: None)
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://tian.example")
    huzhou.own.safety_phone = "13812340000"
    session.commit()
    visit = leave(session, huzhou, arrive(session, huzhou), START + 40 * MINUTE)
    with clock.frozen(START + HOUR):
        yield visit


def test_a_link_is_sent_and_taken_back_and_told_to_nobody(app: Any, session: Any, huzhou: Any, left: Any) -> None:
    worker, url = Caller(app, huzhou, "worker"), f"/visits/{left.id}/confirmation-link"
    sent = worker.post(url)
    assert sent.status_code == 200 and sent.json["sent_to"] == "138****0000" and sent.json["withdrawn_at"] is None
    assert set(sent.json) == {"sent_to", "sent_at", "expires_at", "withdrawn_at"}
    body = session.query(Notification.body).filter(Notification.topic == "visit.link").scalar()
    assert "/m/c/" in body
    assert rules_of(worker.post(url)) == {"发送间隔"}
    assert worker.post(f"{url}/withdraw").json["withdrawn_at"] is not None
    assert rules_of(worker.post(f"{url}/withdraw")) == {"确认链接"}
    assert Caller(app, huzhou, "safety_officer").post(url).status_code == 403
    assert Caller(app, huzhou, "other_worker").post(url).status_code == 404


def test_two_photos_of_signed_paper(app: Any, huzhou: Any, left: Any) -> None:
    worker, url = Caller(app, huzhou, "worker"), f"/visits/{left.id}/paper"
    ids = {}
    for kind, colour in (("paper_scene", "#224466"), ("paper_sheet", "#ffffff")):
        file = {"file": (io.BytesIO(picture(colour=colour)), "照片.png")}
        ids[f"{kind}_ids"] = [worker.call("POST", f"/files?kind={kind}", data=file).json["id"]]
    assert rules_of(worker.post(url, {"paper_scene_ids": ids["paper_scene_ids"]})) == {"已签字的维保单照片"}
    done = worker.post(url, ids | {"rating": "good"})
    assert done.status_code == 200, done.text
    assert (done.json["confirmed_by"], done.json["rating"], done.json["awaiting_review"]) == ("paper", "good", True)
    assert {f["kind"] for f in done.json["files"]} == {"paper_scene", "paper_sheet"}
