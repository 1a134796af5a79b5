"""UNT-04: the scanner sees every file first; what it can't say today waits, and nothing goes out meanwhile."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app import clock, scanner
from app.errors import NotAllowed, Refusal
from app.models import Attachment, AuditEntry, Notification
from app.tasks import files as task
from app.transaction import transaction
from app.workflows.files import attachments, file_scans, infected, places
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.gateways import MALWARE, clamd

pytestmark = pytest.mark.feature("UNT-04")
PDF = b"%PDF-1.7\n1 0 obj"
BAD = PDF + MALWARE
NOBODY = "clamd://127.0.0.1:1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[None]:
    before = places._folder
    attachments.use_folder(tmp_path)
    yield
    scanner.use({})
    if before is not None:
        attachments.use_folder(before)


def store(world: World, content: bytes = PDF, name: str = "合同.pdf") -> Attachment:
    with transaction(world.session):
        return attachments.store(
            world.session, world.actor("clerk"), clock.now(), io.BytesIO(content), name, "document", "unit",
            world.firm.id, world.firm.id, world.firm.region_code,
        )  # fmt: skip


def fetch(world: World, row: Attachment) -> Any:
    world.session.expire_all()
    return attachments.for_download(world.session, world.actor("clerk"), row.id)


def test_without_a_scanner_nothing_is_said_to_be_clean(world: World) -> None:
    assert store(world, BAD).scan == "off"


@pytest.mark.parametrize("by_socket", [False, True])
def test_clamd_is_given_the_whole_file_by_port_and_by_socket(world: World, tmp_path: Path, by_socket: bool) -> None:
    with clamd(str(tmp_path / "clamd.sock") if by_socket else None) as server:
        scanner.use({"SCANNER_URL": server.url})
        content = PDF + b"0" * 200_000
        assert store(world, content).scan == "clean"
        assert server.taken[0][1] == content
        with pytest.raises(Refusal, match=r"“毒\.pdf”含有病毒.*Tian\.Invented\.Mark"):
            store(world, BAD, "毒.pdf")
    assert world.session.query(Attachment).count() == 1


def test_a_command_does_as_well(world: World, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import sys\nfound = b'INVENTED-MALWARE' in open(sys.argv[1], 'rb').read()\n"
        "print(sys.argv[1] + ': Tian.Mark FOUND' if found else 'OK')\nsys.exit(1 if found else 0)\n"
    )
    scanner.use({"SCANNER_URL": f"command:{sys.executable} {script}"})
    assert store(world).scan == "clean"
    with pytest.raises(Refusal, match=r"（Tian\.Mark）"):
        store(world, BAD)
    scanner.use({"SCANNER_URL": f"command:{sys.executable} -c raise(SystemExit(2))"})
    assert store(world).scan == "waiting"


@pytest.mark.parametrize("said", ["INSTREAM size limit exceeded. ERROR", "", "stream: OK FOUND ERROR"])
def test_an_answer_that_is_neither_is_no_yes(world: World, said: str) -> None:
    with clamd() as server:
        server.body["say"] = said
        scanner.use({"SCANNER_URL": server.url})
        assert store(world).scan == "waiting"


def test_a_waiting_file_is_closed_until_it_was_scanned(app: Any, world: World) -> None:
    scanner.use({"SCANNER_URL": NOBODY})
    good, bad = store(world), store(world, BAD, "毒.pdf")
    assert (good.scan, bad.scan) == ("waiting", "waiting")
    with pytest.raises(Refusal, match="等待查毒"):
        fetch(world, good)
    world.session.rollback()
    with app.app_context():
        assert task.scan() == {"clean": 0, "infected": 0}, "it is still down"
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        with app.app_context():
            attachments.use_folder(places._root())
            assert task.scan() == {"clean": 1, "infected": 1}
            assert task.scan() == {"clean": 0, "infected": 0}
    assert fetch(world, good).scan == "clean"
    with pytest.raises(NotAllowed, match="封存"):
        fetch(world, bad)
    told = world.session.query(Notification).filter_by(recipient_id=world.accounts["clerk"].id).one()
    assert "毒.pdf" in told.title
    assert world.session.query(AuditEntry).filter_by(action="attachment.infected").count() == 1


def test_rows_over_the_same_bytes_are_scanned_once_and_each_sender_is_told_once(app: Any, world: World) -> None:
    scanner.use({"SCANNER_URL": NOBODY})
    bad, session = store(world, BAD, "毒.pdf"), world.session
    with transaction(session):
        for role, times in (("clerk", 3), ("use_head", 2)):
            for _time in range(times):
                attachments.copied(session, world.actor(role), clock.now(), bad, "application", None, None)
    good = store(world)
    with clamd() as server:
        scanner.use({"SCANNER_URL": server.url})
        with app.app_context():
            assert task.scan() == {"clean": 1, "infected": 6}
        assert len(server.taken) == 2
    session.expire_all()
    assert {row.scan for row in session.query(Attachment).filter_by(sha256=bad.sha256)} == {"infected"}
    told = session.query(Notification).filter_by(topic="file").all()
    assert sorted(one.recipient_id for one in told) == sorted(
        world.accounts[role].id for role in ("clerk", "use_head")
    )
    (log,) = session.query(AuditEntry).filter_by(action="attachment.infected").all()
    assert log.after["rows"] == 6
    with pytest.raises(NotAllowed, match="含有病毒"), transaction(session):
        attachments.copied(session, world.actor("clerk"), clock.now(), bad, "application", None, None)
    with transaction(session):
        assert attachments.copied(session, world.actor("clerk"), clock.now(), good, "application", None, None).scan == (
            "clean"
        )


def rows_over(world: World, digest: str) -> list[str]:
    world.session.rollback()
    rows = world.session.query(Attachment).filter_by(sha256=digest).order_by(Attachment.id)
    return [row.scan for row in rows]


@pytest.mark.parametrize("by", ["upload", "page", "api", "waiting"])
def test_what_was_judged_clean_before_is_stopped_with_the_same_bytes(
    app: Any, world: World, sign_in: Any, by: str
) -> None:
    """The signature is younger than the files: two clean ones, one of which is on no record any more, one unseen."""
    session = world.session
    unseen = store(world, BAD, "没查.pdf")
    scanner.use({"SCANNER_URL": "command:true"})
    clean = store(world, BAD, "先前.pdf")
    with transaction(session):
        gone = attachments.copied(session, world.actor("use_head"), clock.now(), clean, "application", None, None)
        gone.removed_at = clock.now()
    other = store(world)
    assert [unseen.scan, clean.scan, gone.scan, other.scan] == ["off", "clean", "clean", "clean"]
    digest, left = clean.sha256, 0
    session.commit()
    with clamd() as server:
        if by == "waiting":
            scanner.use({"SCANNER_URL": NOBODY})
            left = 1 if store(world, BAD, "新的.pdf").scan == "waiting" else 0
            assert left
            scanner.use({"SCANNER_URL": server.url})
            with app.app_context():
                assert task.scan() == {"clean": 0, "infected": 4}
        else:
            scanner.use({"SCANNER_URL": server.url})
            for _time in range(2):
                if by == "upload":
                    with pytest.raises(Refusal, match="含有病毒"):
                        store(world, BAD, "再传.pdf")
                elif by == "api":
                    phone = app.test_client()
                    body = {"username": world.accounts["worker"].username, "password": PASSWORD, "provider": "db"}
                    token = phone.post("/api/v1/security/login", json=body).json["access_token"]
                    file, headers = {"file": (io.BytesIO(BAD), "维保单.pdf")}, {"Authorization": f"Bearer {token}"}
                    answer = phone.post("/api/v1/files?kind=sheet", data=file, headers=headers)
                    assert answer.status_code == 422 and "含有病毒" in answer.text
                    session.rollback()
                else:
                    client = sign_in(world.accounts["clerk"])
                    data = {"kind": "document", "file": (io.BytesIO(BAD), "再传.pdf"), "csrf_token": csrf(client)}
                    answer = client.post("/files/", data=data)
                    assert answer.status_code == 422 and "含有病毒" in answer.text
                session.rollback()
    assert rows_over(world, digest) == ["infected"] * (3 + left)
    assert session.get(Attachment, other.id).scan == "clean"
    with pytest.raises(NotAllowed, match="封存"):
        fetch(world, clean)
    (log,) = session.query(AuditEntry).filter_by(action="attachment.infected").all()
    assert log.after["rows"] == 3 + left and log.after["attachment"] == unseen.id
    told = session.query(Notification).filter_by(topic="file", channel="inbox").all()
    assert sorted(one.recipient_id for one in told) == sorted(
        world.accounts[role].id for role in ("clerk", "use_head")
    )


@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")  # SQLite has one writer at a time
@pytest.mark.parametrize("first", ["copy", "stop"])
def test_no_copy_of_infected_bytes_is_made_meanwhile(world: World, database: Any, first: str) -> None:
    """A batch copies a paper thousands of times: the copy that was not committed yet stayed open for good."""
    scanner.use({"SCANNER_URL": "command:true"})
    row = store(world)
    key, digest, actor = row.id, row.sha256, world.actor("use_head")
    world.session.rollback()

    def copy(own: Any) -> None:
        file = own.get(Attachment, key, execution_options={"skip_scope": True})
        attachments.copied(own, actor, clock.now(), file, "application", None, None)

    def stop(own: Any) -> None:
        infected.stop(own, digest, "Eicar", clock.now())

    mine, others = (copy, stop) if first == "copy" else (stop, copy)
    refused: list[Exception] = []
    ended = threading.Event()

    def meanwhile() -> None:
        try:
            with Session(database.engine) as own, transaction(own):
                others(own)
        except NotAllowed as refusal:
            refused.append(refusal)
        ended.set()

    thread = threading.Thread(target=meanwhile)
    with Session(database.engine) as own:
        with transaction(own):
            mine(own)
            thread.start()
            assert not ended.wait(0.5), "it waits for the first"
        thread.join(30)
    assert ended.is_set() and len(refused) == (first == "stop")
    assert rows_over(world, digest) == ["infected"] * (1 + (first == "copy"))


@pytest.mark.parametrize("db_kind", ["postgresql"], scope="session")
def test_two_who_find_the_same_bytes_infected_do_not_wait_for_each_other(
    world: World, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at what waits held its row and wanted all others; an upload held all others and wanted that one."""
    scanner.use({"SCANNER_URL": "command:true"})
    store(world, name="先前.pdf")
    scanner.use({"SCANNER_URL": NOBODY})
    row = store(world, name="新的.pdf")
    key, digest, real = row.id, row.sha256, infected.stop
    world.session.rollback()
    ended = threading.Event()

    def by_an_upload() -> None:
        with Session(database.engine) as own, transaction(own):
            real(own, digest, "Eicar", clock.now())
        ended.set()

    thread = threading.Thread(target=by_an_upload)

    def stop_late(*args: Any) -> int:
        thread.start()
        ended.wait(1)
        return real(*args)

    monkeypatch.setattr(infected, "stop", stop_late)
    with Session(database.engine) as own, transaction(own):
        file_scans.judge(own, key, scanner.Verdict(scanner.INFECTED, "Eicar"), clock.now())
    thread.join(30)
    assert ended.is_set() and rows_over(world, digest) == ["infected"] * 2


def test_what_happens_while_the_scanner_is_down_is_configured(world: World) -> None:
    scanner.use({"SCANNER_URL": NOBODY, "SCANNER_WHEN_DOWN": "refuse"})
    with pytest.raises(Refusal, match="暂时不能查毒"):
        store(world)
    scanner.use({"SCANNER_URL": NOBODY, "SCANNER_WHEN_DOWN": "pass"})
    row = store(world)
    assert row.scan == "late" and fetch(world, row)


@pytest.mark.parametrize("wrong", [{"SCANNER_URL": "http://x"}, {"SCANNER_WHEN_DOWN": "maybe"}])
def test_a_wrong_setting_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match="SCANNER_"):
        scanner.use(wrong)


def test_what_the_product_makes_is_not_scanned(world: World) -> None:
    scanner.use({"SCANNER_URL": NOBODY})
    with transaction(world.session):
        row = attachments.store(
            world.session, world.actor("clerk"), clock.now(), io.BytesIO("识别码\n".encode()), "电梯.csv", "export",
            "job", 1, world.firm.id, None,
        )  # fmt: skip
    assert row.scan == "off"
