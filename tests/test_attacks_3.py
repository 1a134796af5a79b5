"""An attacker's third review: each finding as the attack that it was, on both databases."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from app.errors import Refusal
from app.models import Attachment, NumberAsk
from app.transaction import transaction
from app.views import cells
from app.views.filing_words import Due
from app.wording import say
from app.workflows import asking, attachments, taking_on
from tests.api.callers import Caller
from tests.factories import World, make_person, picture
from tests.workflows.test_invitations import AT, handed_in
from tests.workflows.test_one_unit import resident_id


@pytest.fixture
def world(session: Any, app: Any) -> Iterator[World]:
    attachments.use_folder(app.config["UPLOAD_DIR"])
    yield World(session)


# --- papers


@pytest.mark.feature("UNT-04", "PER-03")
@pytest.mark.parametrize("kind", ["face", "identity"])
def test_a_manager_takes_no_persons_pictures_away_as_papers(
    app: Any, session: Any, world: World, kind: str
) -> None:
    with transaction(session):
        key = attachments.store(
            session, world.actor("worker"), AT, io.BytesIO(picture()), "照片.png", kind, "person", world.worker.id,
            world.firm.id, world.firm.region_code,
        ).id  # fmt: skip
    gone = Caller(app, world, "maintenance_head").call("DELETE", f"/people/{world.worker.id}/files/{key}")
    assert gone.status_code == 404
    held = session.get(Attachment, key)
    assert held is not None and held.removed_at is None


@pytest.mark.feature("INT-04", "PER-07")
def test_what_is_sent_ahead_by_the_interface_is_its_senders_alone(app: Any, session: Any, world: World) -> None:
    worker = Caller(app, world, "worker")
    scan = worker.send_file("/files?kind=grade", "证书.png", picture()).json
    url = scan["url"].removeprefix("/api/v1")
    others = ("maintenance_head", "clerk", "inspector", "region_admin", "platform_admin")
    assert {Caller(app, world, who).get(url).status_code for who in others} == {404}
    assert worker.get(url).status_code == 200
    filed = {"grade": "senior", "certificate_no": "DJ-001", "issued_on": "2026-01-05", "attachments": [scan["id"]]}
    assert worker.post("/me/certificates", filed).status_code == 201
    assert Caller(app, world, "inspector").get(url).status_code == 200, "once it is filed, the officer reads it"


@pytest.mark.feature("UNT-04", "AUD-01")
def test_a_paper_stays_with_its_record_though_another_has_the_same_number(session: Any, world: World) -> None:
    head = world.actor("maintenance_head")
    with transaction(session):
        key = attachments.store(
            session, head, AT, io.BytesIO(picture()), "出厂.png", "factory", "elevator", 77, world.firm.id,
            world.firm.region_code,
        ).id  # fmt: skip
    with pytest.raises(Refusal, match="不是您为这条记录上传的"), transaction(session):
        attachments.adopt(session, head, [key], "safety_record", 77)


# --- numbers that one asks about


@pytest.mark.feature("PER-04")
def test_who_invites_himself_reads_no_register_out_of_it(session: Any, world: World, monkeypatch: Any) -> None:
    """One invitation, filled in by its sender with number after number, each handed back: no count stood in the way."""
    monkeypatch.setattr(asking, "MOST_BY_ACCOUNT", 2)
    head = world.actor("maintenance_head")
    numbers = [resident_id(f"98040219900308{which:03d}") for which in range(3)]
    for number in numbers:
        make_person(session, world.other_firm, resident_id=number)
    session.commit()
    row = handed_in(session, head)
    said = []
    for number in numbers:
        with transaction(session):
            row.state, row.resident_id = "review", number
        with transaction(session):
            said.append(taking_on.findings(session, head, row, False, AT)[0].found)
    assert ["其他单位在职" in one for one in said] == [True, True, False] and "每天的上限" in said[2]
    assert len(session.scalars(select(NumberAsk)).all()) == 2
    officer = world.actor("region_admin")
    assert "其他单位在职" in taking_on.findings(session, officer, row, False, AT)[0].found


@pytest.mark.feature("PER-04", "ACC-08")
def test_nor_who_has_an_account(session: Any, world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "MOST_BY_ACCOUNT", 0)
    head = world.actor("maintenance_head")
    row = handed_in(session, head, with_account=True)
    with transaction(session):
        found = taking_on.findings(session, head, row, True, AT)
    assert [f.field for f in found if not f.ok] == ["resident_id", "with_account"]
    assert all("每天的上限" in f.found for f in found if not f.ok)


# --- what is kept of pages


@pytest.mark.feature("ELV-02")
def test_a_cell_made_for_one_language_is_not_shown_in_another(app: Any) -> None:
    made = {
        "pill": lambda: cells.pill(say("在用"), "ok"), "mark": lambda: cells.mark(say("在用"), "ok"),
        "two": lambda: cells.two(say("在用"), say("在用")), "cut": lambda: cells.cut(say("在用")),
        "countdown": lambda: cells.countdown(Due(say("剩"), 3, say("天"), "", 10), say("在用")),
        "none": lambda: cells.countdown(None, say("在用")),
    }  # fmt: skip
    with app.test_request_context("/"):
        for name, make in made.items():
            with force_locale("zh_Hans_CN"):
                chinese = str(make())
            with force_locale("en"):
                english = str(make())
            with force_locale("zh_Hans_CN"):
                again = str(make())
            assert "在用" in chinese and "In use" in english and "在用" not in english, name
            assert again == chinese, name
