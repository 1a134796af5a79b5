"""Every round that takes on so many rows at once, with more rows than that: all of them come to their turn, also where
the first ones can't be done. Limits of applications are in `test_limit_rounds`, silent devices in `test_iot_silence`,
sealing in `test_sealing`, papers that end in `test_expiry`."""

from __future__ import annotations

import datetime as dt
import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app import clock, scanner
from app.models import (
    Attachment,
    AuditEntry,
    Captcha,
    FaceCheck,
    Job,
    Notification,
    RealNameCheck,
    Rescue,
    RescueStep,
    Visit,
)
from app.permissions import SYSTEM
from app.rules.face_checks import FaceState
from app.tasks import audit as sealing
from app.tasks import faces, files, fraud, real_names, rescues
from app.transaction import transaction
from app.workflows.access import captchas
from app.workflows.core import audit, jobs, outbox
from app.workflows.files import attachments, file_scans, places, sent_ahead
from app.workflows.inspection import inspection_clocks
from app.workflows.people import real_names as asked
from app.workflows.privacy import retention
from app.workflows.rescue import rescue_help
from app.workflows.visits import ageing, face_checks
from tests.factories import World, make_elevator, make_person, picture
from tests.gateways import clamd
from tests.workflows.clock_world import add_visit
from tests.workflows.rescues.ground import report

CAP, COUNT = 2, 5
AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def all_of(world: World, column: Any) -> list[Any]:
    world.session.expire_all()
    return list(world.session.scalars(select(column).execution_options(skip_scope=True)))


def copies(session: Any, row: Any, own: list[dict[str, Any]]) -> list[int]:
    """Rows like it by one statement, each with what is its own: what makes one of them is told elsewhere."""
    table = type(row).__table__
    given = [column for column in table.columns if column.computed is None and column.name != "id"]
    like = dict(session.execute(select(*given).where(table.c.id == row.id)).mappings().one())
    made = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    keys = list(session.scalars(made, [like | each for each in own]))
    session.commit()
    return keys


@pytest.mark.feature("AUD-01")
def test_entries_are_sealed_round_by_round(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST_BATCHES", CAP)
    monkeypatch.setattr(audit, "seal", partial(audit.seal, most=CAP))
    with transaction(world.session):
        for n in range(4 * CAP + 1):
            audit.record(world.session, SYSTEM, AT, "unit.edit", "unit", n)
    count = len(all_of(world, AuditEntry.id))
    world.session.rollback()
    with app.app_context():
        rounds = [sealing.seal() for _ in range(count // CAP)]
    assert sum(rounds) == -(-count // CAP) and max(rounds) == CAP
    assert None not in all_of(world, AuditEntry.batch)


@pytest.mark.feature("MNT-08")
def test_visits_age_to_the_last_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ageing, "AT_ONCE", CAP)
    for n in range(COUNT):
        add_visit(
            world.session, world.own, make_person(world.session, world.firm), dt.date(2026, 3, 1 + n), state="open",
            checked_out_at=None, next_change_at=AT - DAY,
        )  # fmt: skip
    world.session.commit()
    with transaction(world.session):
        assert ageing.run(world.session, AT).looked_at == COUNT
    assert set(all_of(world, Visit.state)) == {"void"} and not ageing.is_due(world.session, AT)


@pytest.mark.feature("INS-01")
def test_clocks_of_inspections_are_told_to_the_last_elevator(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_clocks, "PART", CAP)
    for _ in range(COUNT):
        make_elevator(world.session, next_inspection_on=dt.date(2027, 5, 1))
    world.session.commit()
    assert inspection_clocks.refresh_all(world.session, AT) >= COUNT
    assert inspection_clocks.refresh_all(world.session, AT) == 0


@pytest.mark.feature("NTF-01")
def test_notices_that_fail_make_way_for_those_behind_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any) -> None:
        raise OSError("down")

    monkeypatch.setitem(outbox.SENDERS, "sms", dead)
    with transaction(world.session):
        for n in range(COUNT):
            world.session.add(Notification(
                channel="sms", recipient_id=world.accounts["clerk"].id, topic="t", title=f"{n}", created_at=AT,
                next_try_at=AT, is_secret=n < CAP,
            ))  # fmt: skip
    for n in range(COUNT):
        now = AT + n * MINUTE
        with transaction(world.session):
            leased = outbox.lease(world.session, now, CAP)
        for key in leased:
            with transaction(world.session):
                assert not outbox.send(world.session, key, now)
    assert 0 not in all_of(world, Notification.tries)


@pytest.mark.feature("ACC-06")
def test_questions_that_get_no_answer_make_way_too(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any) -> bool:
        raise OSError("down")

    monkeypatch.setattr(asked, "MOST_AT_ONCE", CAP)
    asked.use(dead)
    people = [make_person(world.session, world.firm, resident_id=f"98040219900101{n:03d}X") for n in range(COUNT)]
    for person in people:
        person.real_name = "waiting"
        world.session.add(RealNameCheck(person_id=person.id, asked_at=AT, state="queued", next_try_at=AT))
    world.session.commit()
    try:
        for n in range(2 * COUNT):
            with app.app_context(), clock.frozen(AT + n * MINUTE):
                real_names.check()
    finally:
        asked.use(None)
    assert 0 not in all_of(world, RealNameCheck.tries)


@pytest.mark.feature("PER-10")
def test_a_photo_over_which_comparing_breaks_keeps_no_other_from_it(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(face_checks, "MOST_AT_ONCE", CAP)
    for _ in range(COUNT):
        world.session.add(FaceCheck(
            person_id=world.worker.id, elevator_id=world.own.id, unit_id=world.firm.id, state="waiting", began_at=AT,
            region_code=world.firm.region_code, next_try_at=AT,
        ))  # fmt: skip
    world.session.commit()
    broken = set(sorted(all_of(world, FaceCheck.id))[:CAP])
    world.session.rollback()

    def photos(_session: Any, key: int) -> tuple[bytes, bytes]:
        if key in broken:
            raise KeyError("of the photo")
        return b"", b""

    monkeypatch.setattr(face_checks, "photos", photos)
    face_checks.use(lambda *_: FaceState.MATCHED)
    try:
        for n in range(COUNT):
            with app.app_context(), clock.frozen(AT + n * MINUTE):
                faces.compare()
    finally:
        face_checks.use(None)
    held = {row.id: row for row in all_of(world, FaceCheck)}
    assert {key for key, row in held.items() if row.state != "matched"} == broken
    assert all(held[key].tries and held[key].error == "NoAnswer: KeyError" for key in broken)
    assert "could not be compared: KeyError" in caplog.text and "of the photo" not in caplog.text


@pytest.mark.feature("ACC-01")
def test_questions_of_forms_and_pictures_sent_ahead_are_gone_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(captchas, "TAKEN_ALONG", CAP)
    monkeypatch.setattr(sent_ahead, "MOST_AT_ONCE", CAP)
    with transaction(world.session) as session:
        session.add_all(Captcha(id=f"{n}", answer="x", expires_at=AT) for n in range(COUNT))
        for n in range(COUNT):
            attachments.store(
                session, world.actor("worker"), AT, io.BytesIO(b"%PDF-1.7\n%" + str(n).encode()), "图.pdf", "document",
                attachments.AHEAD, None, world.firm.id, world.firm.region_code,
            )  # fmt: skip
        session.flush()
        session.execute(update(Attachment).values(kind="selfie").execution_options(skip_scope=True))
    for _ in range(-(-COUNT // CAP)):
        with transaction(world.session) as session:
            captchas._forget_some(session, AT)
            sent_ahead.forget(session, AT + 2 * DAY)
    assert all_of(world, Captcha.id) == [] == all_of(world, Attachment.id)
    with transaction(world.session) as session:
        assert places.forget_strays(session, dt.datetime.now(dt.UTC) + 3 * HOUR) == COUNT
    assert not [one for one in folder.rglob("*") if one.is_file() and "draft" not in one.name]


@pytest.mark.feature("STA-01")
def test_messages_of_jobs_in_a_long_queue_are_all_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those sent the longest ago first: the oldest of a queue that stands would else be sent again and again."""
    monkeypatch.setattr(jobs, "MOST_RESENT", CAP)
    with transaction(world.session):
        entered = {jobs.enqueue(world.session, SYSTEM, AT, "export", f"{n}").id for n in range(COUNT)}
    sent: list[int] = []
    for n in range(1, 1 + -(-COUNT // CAP)):
        with transaction(world.session):
            sent += jobs.reap(world.session, AT + n * (jobs.RESEND_AFTER + dt.timedelta(seconds=1)), 60).again
    assert entered <= set(sent) and set(all_of(world, Job.state)) == {"queued"}


@pytest.mark.feature("RES-04")
def test_rescues_that_fail_each_time_stand_before_no_other(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = report(world, AT, elevator=make_elevator(world.session, maintenance_unit=world.firm))
    own = [{"code": f"5{n:05d}", "public_token": f"many{n}"} for n in range(199)]
    lifts = copies(world.session, world.own, own)
    own = [{"number": f"JY-{n:04d}", "elevator_id": lift} for n, lift in enumerate(lifts)]
    others = copies(world.session, first, own)
    kept = report(world, AT, elevator=make_elevator(world.session, maintenance_unit=world.firm))
    broken, act = {first.id, *others}, rescue_help.act
    assert rescue_help.due(world.session, AT + 60 * MINUTE) == [first.id, *others, kept.id] and len(broken) == 200

    def acts(session: Any, key: int, at: dt.datetime) -> Any:
        if key in broken:
            raise KeyError(key)
        return act(session, key, at)

    monkeypatch.setattr(rescue_help, "act", acts)
    last = kept.id
    world.session.rollback()
    with app.app_context(), clock.frozen(AT + 60 * MINUTE):
        assert rescues.act() == 1
    world.session.expire_all()
    row = world.session.get(Rescue, last, execution_options={"skip_scope": True})
    assert row is not None and row.status == "dispatched"


@pytest.mark.feature("PER-10")
def test_places_of_rescues_are_erased_in_one_night(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BLOCK", CAP)
    rescue = report(world, AT)
    rescue.status, rescue.ended_at, rescue.act_at = "closed", AT, None
    for n in range(COUNT):
        place = {"latitude": 30.0 + n, "longitude": 120.0}
        world.session.add(RescueStep(rescue_id=rescue.id, name="甲", verb="arrive", at=AT, **place))
    world.session.commit()
    retention.run(world.session, SYSTEM, AT + 20 * 366 * DAY)
    assert set(all_of(world, RescueStep.latitude)) == {None}


@pytest.fixture
def stored(world: World, folder: Path) -> list[Attachment]:
    """So many that came while the scanner was down."""
    scanner.use({"SCANNER_URL": "clamd://127.0.0.1:1"})
    rows = []
    for n in range(COUNT):
        with transaction(world.session):
            rows.append(attachments.store(
                world.session, world.actor("clerk"), clock.now(), io.BytesIO(b"%PDF-1.7\n%" + str(n).encode()),
                f"{n}.pdf", "document", "unit", world.firm.id, world.firm.id, world.firm.region_code,
            ))  # fmt: skip
    return rows


def scan(app: Any, world: World, folder: Path) -> dict[str, int]:
    world.session.rollback()
    with app.app_context():
        attachments.use_folder(folder)
        return files.scan()


@pytest.mark.feature("UNT-04")
def test_files_that_are_gone_from_the_disk_keep_no_other_from_the_scanner(
    app: Any, world: World, stored: list[Attachment], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_scans, "PART", CAP)
    monkeypatch.setattr(files, "MOST", CAP)
    for row in stored[:CAP]:
        attachments.path(None, row).unlink()
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        rounds = [scan(app, world, folder)["clean"] for _ in range(3)]
    scanner.use({})
    assert rounds == [CAP, COUNT - 2 * CAP, 0]
    assert all_of(world, Attachment.scan) == ["waiting"] * CAP + ["clean"] * (COUNT - CAP)


@pytest.mark.feature("UNT-04")
def test_files_for_which_the_scanner_has_no_answer_keep_no_other_from_it(
    app: Any, world: World, stored: list[Attachment], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too large for it, say; when it answers for nothing any more, the round is over."""
    monkeypatch.setattr(file_scans, "PART", CAP)
    ask, tried = scanner.scan, list[bytes]()

    def scans(place: Path) -> scanner.Verdict:
        tried.append(place.read_bytes())
        large = tried[-1][-1:] in (b"0", b"1")
        return scanner.Verdict(scanner.DOWN, "INSTREAM size limit exceeded. ERROR") if large else ask(place)

    monkeypatch.setattr(scanner, "scan", scans)
    assert scan(app, world, folder)["clean"] == 0 and len(tried) == 2, "nobody is there: one file, and once to be sure"
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        assert scan(app, world, folder)["clean"] == COUNT - CAP
    scanner.use({})
    assert all_of(world, Attachment.scan) == ["waiting"] * CAP + ["clean"] * (COUNT - CAP)


@pytest.mark.feature("UNT-04")
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_file_keeps_no_other_from_the_scanner(
    app: Any, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, damage: str
) -> None:
    scanner.use({"SCANNER_URL": "clamd://127.0.0.1:1"})
    rows = []
    for kind, name, content in (("face", "脸.jpg", picture("JPEG")), ("document", "合同.pdf", b"%PDF-1.7")):
        with transaction(world.session):
            rows.append(attachments.store(
                world.session, world.actor("clerk"), clock.now(), io.BytesIO(content), name, kind, "unit",
                world.firm.id, world.firm.id, world.firm.region_code,
            ))  # fmt: skip
    place, number = attachments.path(None, rows[0]), rows[0].id
    whole = place.read_bytes()
    damaged = {"cut": whole[:-20], "flipped": whole[:-1] + bytes([whole[-1] ^ 1])}.get(damage)
    if damaged is None:
        # Between the look at the disk and the scanner's.
        monkeypatch.setattr(Path, "is_file", lambda self: self.exists() or self == place)
        place.unlink()
    else:
        place.write_bytes(damaged)
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        assert scan(app, world, folder)["clean"] == 1
    scanner.use({})
    assert all_of(world, Attachment.scan) == ["waiting", "clean"]
    assert [r.getMessage() for r in caplog.records if f"file {number} was not scanned" in r.getMessage()]


@pytest.mark.feature("UNT-04")
def test_files_without_an_answer_are_counted_and_the_next_round_begins_behind_them(
    app: Any, world: World, stored: list[Attachment], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the scanner has no answer for fill a round, no more; so does the time that it takes over them."""
    keys, tried = [row.id for row in stored], list[int]()

    def judged(key: int, _place: Path, _kind: str) -> scanner.Verdict:
        tried.append(keys.index(key))
        return scanner.Verdict(scanner.DOWN if tried[-1] < 3 else scanner.CLEAN)

    monkeypatch.setattr(files, "_verdict", judged)
    monkeypatch.setattr(scanner, "answers", lambda: True)
    monkeypatch.setattr(files, "MOST", CAP)
    rounds = []
    for _ in range(3):
        scan(app, world, folder)
        rounds.append(list(tried))
        tried.clear()
    assert rounds == [[0, 1], [2, 3], [4, 0]]
    # No time at all: nobody is asked, and nobody's turn is lost.
    with app.app_context():
        assert files.scan(seconds=0)["clean"] == 0 and not tried
    scan(app, world, folder)
    assert tried == [1, 2]


@pytest.mark.feature("UNT-04")
def test_one_round_of_scanning_runs_at_a_time(
    app: Any, world: World, stored: list[Attachment], folder: Path
) -> None:
    at = clock.now()
    with transaction(world.session) as session:
        assert file_scans.begin_round(session, at) == 0
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        assert scan(app, world, folder)["clean"] == 0, "another process has the turn"
        # Whoever has it was killed: it ends by itself.
        with transaction(world.session) as session:
            assert file_scans.begin_round(session, at + MINUTE) is None
            assert file_scans.begin_round(session, at + file_scans.ROUND_LASTS) == 0
            file_scans.end_round(session, stored[2].id, at)
        assert scan(app, world, folder)["clean"] == COUNT
    scanner.use({})
    with transaction(world.session) as session:
        assert file_scans.begin_round(session, at + DAY) == stored[2].id, "behind the last one that was asked about"


@pytest.mark.feature("FRD-01")
def test_days_that_were_missed_are_looked_at_night_by_night(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fraud, "MOST_DAYS", CAP)
    first, looked = dt.date(2026, 3, 2), list[dt.date]()
    with transaction(world.session):
        fraud._mark(world.session, first - DAY, None)
    for night in range(COUNT):
        for day in fraud._days(world.session, first + 3 * DAY + night * DAY, None):
            looked.append(day)
            with transaction(world.session):
                fraud._mark(world.session, day, None)
    assert looked == [first + n * DAY for n in range(8)]
