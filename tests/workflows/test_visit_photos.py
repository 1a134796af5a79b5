"""MNT-04, MNT-01, PER-10 on the database: photos of the places at check-out, the photo of whoever checks in."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.errors import NotAllowed, NotFound, Refusal
from app.models import Attachment, AuditEntry, Visit
from app.models.choices import ESCALATORS
from app.permissions import SYSTEM
from app.rules.visit_photos import Place
from app.transaction import transaction
from app.workflows.files import attachments, sealed_files
from app.workflows.on_site import phone_copy, presence
from app.workflows.people import consents
from app.workflows.privacy import retention, revealing
from tests.factories import World, make_policy, picture
from tests.workflows.visit_world import DAY, HERE, MINUTE, START, answers, arrive, file_of, leave, rules_of

LATER = START + 40 * MINUTE
PLACES = {"底坑照片", "轿顶照片", "机房照片"}
places = pytest.mark.feature("MNT-04")
person = pytest.mark.feature("MNT-01", "MNT-02", "PER-10")


@pytest.fixture
def town(session: Any, world: World) -> World:
    make_policy(session, "preset", "quanzhou")
    session.commit()
    return world


def taken(session: Any, world: World, *kinds: str) -> dict[str, list[int]]:
    return {kind: [file_of(session, world, kind)] for kind in kinds}


def refused(session: Any, world: World, visit: Visit, **more: Any) -> set[str]:
    with pytest.raises(Refusal) as refusal:
        leave(session, world, visit, LATER, **more)
    session.rollback()
    return rules_of(refusal)


# --- the places


@places
def test_quanzhou_wants_all_three_and_says_which_are_missing(session: Any, town: World) -> None:
    visit = arrive(session, town)
    assert refused(session, town, visit) == PLACES
    assert refused(session, town, visit, place_ids=taken(session, town, "photo_pit")) == PLACES - {"底坑照片"}
    # A photo that shows no place stands for none.
    assert refused(session, town, visit, photo_ids=[file_of(session, town, "photo")]) == PLACES
    leave(session, town, visit, LATER, place_ids=taken(session, town, *Place))
    assert visit.checked_out_at == LATER
    assert [f.kind for f in attachments.of(session, "visit", visit.id)] == list(Place)


@places
def test_a_photo_of_one_place_is_none_of_another(session: Any, town: World) -> None:
    visit = arrive(session, town)
    files = taken(session, town, *Place)
    files["photo_pit"] = files["photo_top"]
    with pytest.raises(Refusal) as refusal:
        leave(session, town, visit, LATER, place_ids=files)
    assert rules_of(refusal) == {"附件"}


@places
def test_no_machine_room_is_said_by_its_item(session: Any, town: World) -> None:
    visit = arrive(session, town)
    given = answers(visit)
    given["A-1-01"] = {"result": "na", "value": "", "reason": "无机房"}
    leave(session, town, visit, LATER, results=given, place_ids=taken(session, town, "photo_pit", "photo_top"))
    assert visit.checked_out_at == LATER


@places
def test_not_applicable_without_a_reason_says_nothing(session: Any, town: World) -> None:
    visit = arrive(session, town)
    given = answers(visit)
    given["A-1-01"] = {"result": "na", "value": "", "reason": ""}
    told = refused(session, town, visit, results=given, place_ids=taken(session, town, "photo_pit", "photo_top"))
    assert told == {"机房照片", "不适用的理由"}


@places
def test_an_escalator_is_asked_for_its_drive_alone(session: Any, town: World) -> None:
    town.own.category = next(iter(ESCALATORS))
    session.commit()
    visit = arrive(session, town)
    assert refused(session, town, visit) == {"机房照片"}
    told = phone_copy.of_visit(session, visit)["running"]["photos"]
    assert [one["kind"] for one in told] == ["photo_room"]


@places
@pytest.mark.parametrize(("level", "asks"), [("half_month", False), ("quarter", False), ("half_year", True)])
def test_from_the_level_that_the_region_names(session: Any, world: World, level: str, asks: bool) -> None:
    make_policy(session, "preset", "huzhou")
    make_policy(session, "photo_pit", "half_year")
    session.commit()
    visit = arrive(session, world)
    visit.level = level
    session.commit()
    if asks:
        assert refused(session, world, visit) == {"底坑照片"}
    else:
        assert leave(session, world, visit, LATER).checked_out_at == LATER


@places
@pytest.mark.parametrize("preset", ["huzhou", "nantong", "shenzhen", "xinxiang"])
def test_elsewhere_no_place_is_asked_for(session: Any, world: World, preset: str) -> None:
    make_policy(session, "preset", preset)
    session.commit()
    visit = arrive(session, world, code=world.own.public_token)
    leave(session, world, visit, LATER, code=world.own.public_token)
    assert phone_copy.of_visit(session, visit)["running"]["photos"] == []


# --- the person


@pytest.fixture
def watched(session: Any, world: World) -> World:
    """The small region, where whoever checks in is photographed."""
    make_policy(session, "preset", "huzhou")
    make_policy(session, "person_proof", "photo")
    session.commit()
    return world


def selfie(session: Any, world: World, visit: Visit) -> Attachment:
    with transaction(session):
        return attachments.store(
            session, world.actor("worker"), START, io.BytesIO(picture("JPEG", (640, 480))), "本人.jpg", "selfie",
            "visit", visit.id, visit.unit_id, visit.region_code,
        )  # fmt: skip


@person
def test_without_a_photo_of_himself_nobody_checks_in(session: Any, watched: World) -> None:
    watched.own.status = "suspended"
    session.commit()
    with pytest.raises(Refusal) as refusal:
        arrive(session, watched)
    assert rules_of(refusal) == {"请对本人进行拍摄", "电梯已停用"}
    assert session.scalar(select(Visit.id)) is None


@person
def test_the_photo_stays_with_the_visit(session: Any, watched: World) -> None:
    visit = arrive(session, watched, selfie_ids=[file_of(session, watched, "selfie")])
    assert [f.kind for f in attachments.of(session, "visit", visit.id)] == ["selfie"]


@person
def test_beforehand_it_is_told_and_stops_nothing(session: Any, watched: World) -> None:
    _lift, findings = presence.gate(session, watched.actor("worker"), watched.own.code, HERE, START)
    early = next(f for f in findings if f.field == "selfie")
    assert not early.ok and not any(f.stops for f in findings)


@person
def test_where_nobody_asks_for_it_nothing_is_said_of_it(session: Any, world: World) -> None:
    make_policy(session, "preset", "huzhou")
    session.commit()
    _lift, findings = presence.gate(session, world.actor("worker"), world.own.code, HERE, START)
    assert "selfie" not in {f.field for f in findings}
    assert arrive(session, world).state == "open"


@person
def test_it_lies_sealed_and_is_seen_with_a_reason_only(session: Any, watched: World, folder: Path) -> None:
    visit = arrive(session, watched, selfie_ids=[file_of(session, watched, "selfie")])
    with transaction(session):
        for row in attachments.of(session, "visit", visit.id):
            session.delete(row)
    row = selfie(session, watched, visit)
    for small in (False, True):
        place = attachments.path(None, row, small=small)
        assert sealed_files.key_name(place, "selfie") and b"JFIF" not in place.read_bytes()
        with sealed_files.opened(place, "selfie") as file:
            assert file.read(3) == b"\xff\xd8\xff"
    # Himself, who took it; nobody else by its address.
    assert attachments.for_download(session, watched.actor("worker"), row.id).id == row.id
    for who in ("maintenance_head", "inspector", "use_head"):
        with pytest.raises(NotAllowed, match="填写原因"):
            attachments.for_download(session, watched.actor(who), row.id)
    for who in ("maintenance_head", "inspector"):
        with transaction(session):
            found = revealing.reveal(session, watched.actor(who), "visit", visit.id, "selfie", "核对签到人", START)
        assert found.id == row.id
    with pytest.raises(Refusal, match="查看原因"), transaction(session):
        revealing.reveal(session, watched.actor("inspector"), "visit", visit.id, "selfie", " ", START)
    with pytest.raises((NotFound, NotAllowed)), transaction(session):
        revealing.reveal(session, watched.actor("use_head"), "visit", visit.id, "selfie", "看看是谁", START)
    told = session.scalars(select(AuditEntry).where(AuditEntry.action == "visit.reveal")).all()
    assert [(e.entity_id, e.after["fields"], e.after["reason"]) for e in told] == [
        (visit.id, ["selfie"], "核对签到人")
    ] * 2


@person
def test_beside_it_is_shown_what_the_worker_consented_to(session: Any, watched: World, folder: Path) -> None:
    visit = arrive(session, watched, selfie_ids=[file_of(session, watched, "selfie")])
    assert set(revealing.kinds_of(session, visit)) == {"selfie"}
    with transaction(session):
        base = consents.give_face(
            session, watched.actor("worker"), io.BytesIO(picture("JPEG")), "本人.jpg", True, START
        )
    assert set(revealing.kinds_of(session, visit)) == {"selfie", "face"}
    with transaction(session):
        found = revealing.reveal(session, watched.actor("inspector"), "visit", visit.id, "face", "对照", START)
    assert found.id == base.id
    with transaction(session):
        consents.withdraw_face(session, watched.actor("worker"), START)
    assert set(revealing.kinds_of(session, visit)) == {"selfie"}


@person
def test_it_is_erased_in_time_and_the_visit_stays(session: Any, watched: World, folder: Path) -> None:
    visit = arrive(session, watched, selfie_ids=[file_of(session, watched, "selfie")])
    key, kept = visit.id, dt.timedelta(days=180)
    for night, left in ((START + kept - DAY, 1), (START + kept, 0)):
        done = retention.run(session, SYSTEM.by("test"), night)
        assert done["selfie"] == 1 - left
        assert len(attachments.of(session, "visit", key)) == left
    assert session.get(Visit, key) is not None


@person
def test_it_goes_at_once_where_he_asks_to_be_erased(session: Any, watched: World, folder: Path) -> None:
    visit = arrive(session, watched, selfie_ids=[file_of(session, watched, "selfie")])
    with transaction(session):
        assert retention.erase_person(session, watched.worker) == ["selfie"]
    assert attachments.of(session, "visit", visit.id) == []
