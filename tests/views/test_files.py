"""/files/<id>: within scope at the moment of fetching, under its Chinese name, never run as a page."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote

import pytest

from app import clock, vault
from app.models import AuditEntry
from app.transaction import transaction
from app.views.frame import uploads
from app.workflows.files import attachments
from tests.conftest import csrf
from tests.factories import World, picture

pytestmark = pytest.mark.feature("UNT-04")


def store(world: World, content: bytes = b"%PDF-1.7", name: str = "营业执照 (一).pdf", kind: str = "licence") -> int:
    with transaction(world.session):
        row = attachments.store(
            world.session, world.actor("clerk"), clock.now(), io.BytesIO(content), name, kind, "unit", world.firm.id,
            world.firm.id, world.firm.region_code,
        )  # fmt: skip
        return int(row.id)


@pytest.fixture
def fetch(sign_in: Any, world: World) -> Any:
    """Get a file as a persona."""
    return lambda persona, key, query="": sign_in(world.accounts[persona]).get(f"/files/{key}{query}")


def test_the_owner_saves_it_under_its_name(fetch: Any, world: World) -> None:
    answer = fetch("clerk", store(world))
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"%PDF-1.7", "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert f"filename*=UTF-8''{quote('营业执照 (一).pdf', safe='')}" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_picture_opens_when_asked_and_a_table_never(fetch: Any, world: World) -> None:
    shown = store(world, picture(), "井道.png", "photo")
    assert fetch("clerk", shown, "?view=1").headers["Content-Disposition"].startswith("inline")
    table = store(world, "识别码\n".encode(), "电梯.csv", "import")
    assert fetch("clerk", table, "?view=1").headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("persona", ["other_head", "use_head", "other_inspector"])
def test_a_foreign_file_and_a_missing_one_look_alike(fetch: Any, world: World, persona: str) -> None:
    assert fetch(persona, store(world)).status_code == 404
    assert fetch(persona, 987654).status_code == 404


def test_nobody_is_sent_to_the_login(client: Any, world: World) -> None:
    assert client.get(f"/files/{store(world)}").status_code in (302, 401)


def test_an_export_fetched_is_in_the_log_and_gone_with_the_right(fetch: Any, world: World) -> None:
    key = store(world, "识别码\n".encode(), "电梯.csv", "export")
    assert fetch("clerk", key).status_code == 200
    world.session.rollback()  # SQLite: an open read still sees the database of before the request
    logged = world.session.query(AuditEntry).filter_by(action="attachment.download").one()
    assert logged.actor_id == world.accounts["clerk"].id and logged.after["attachment"] == key
    assert fetch("maintenance_head", key).status_code == 404
    world.session.rollback()  # SQLite: a read begun before the request can't turn into a write
    clerk = world.accounts["clerk"]
    clerk.roles = list(world.accounts["worker"].roles)
    world.session.commit()
    assert fetch("clerk", key).status_code == 403


def test_a_sealed_export_comes_whole_and_in_parts_like_an_open_one(sign_in: Any, app: Any, world: World) -> None:
    content = "".join(f"识别码{n},13811112222\n" for n in range(9000)).encode()
    key = store(world, content, "电梯.csv", "export")
    place = attachments.path(app.config["UPLOAD_DIR"], world.session.get(attachments.Attachment, key))
    assert len(content) > 3 * vault.BLOCK and b"13811112222" not in place.read_bytes()
    browser, address = sign_in(world.accounts["clerk"]), f"/files/{key}"
    whole = browser.get(address)
    assert (whole.status_code, whole.data) == (200, content)
    assert whole.content_length == len(content) and whole.headers["Accept-Ranges"] == "bytes"
    tag = whole.headers["ETag"]
    edge = vault.BLOCK
    for asked, part in (
        ("0-9", content[:10]), (f"{edge - 5}-{edge + 4}", content[edge - 5 : edge + 5]), ("-7", content[-7:]),
        (f"{2 * edge}-", content[2 * edge :]),
    ):  # fmt: skip
        answer = browser.get(address, headers={"Range": f"bytes={asked}", "If-Range": tag})
        assert (answer.status_code, answer.data, answer.content_length) == (206, part, len(part)), asked
        assert answer.headers["Content-Range"].endswith(f"/{len(content)}")
    assert browser.get(address, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert browser.get(address, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).data == content
    again = browser.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    head = browser.head(address)
    assert (head.content_length, head.data) == (len(content), b"")


def test_a_sealed_file_goes_out_in_blocks(sign_in: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the whole of it in memory: an export may have 2 GB."""
    content = b"1," * (3 * vault.BLOCK)
    key = store(world, content, "电梯.csv", "export")
    most, read = [0], vault.SealedReader.readinto

    def counted(self: Any, buffer: Any) -> int:
        most[0] = max(most[0], len(buffer))
        return read(self, buffer)

    monkeypatch.setattr(vault.SealedReader, "readinto", counted)
    answer = sign_in(world.accounts["clerk"]).get(f"/files/{key}", buffered=False)
    pieces = [len(piece) for piece in answer.iter_encoded()]
    answer.close()
    assert sum(pieces) == len(content) and max(pieces) <= vault.BLOCK and most[0] <= vault.BLOCK


def test_lost_bytes_are_said_clearly(fetch: Any, app: Any, world: World) -> None:
    key = store(world)
    row = world.session.get(attachments.Attachment, key)
    attachments.path(app.config["UPLOAD_DIR"], row).unlink()
    answer = fetch("clerk", key)
    assert answer.status_code == 404


# --- sent ahead of a form


@pytest.fixture
def send(sign_in: Any, world: World) -> Any:
    """Send a file ahead as a persona."""

    def sent(persona: str, content: bytes, name: str, kind: str = "document") -> Any:
        data = {"kind": kind, "file": (io.BytesIO(content), name)}
        client = sign_in(world.accounts[persona])
        return client.post("/files/", data=data | {"csrf_token": csrf(client)})

    return sent


def test_a_file_goes_ahead_of_its_form(send: Any, fetch: Any) -> None:
    answer = send("clerk", picture(), "../井道.png", "document")
    told = answer.get_json()
    assert (answer.status_code, told["name"], told["thumb"], told["waits"]) == (201, "井道.png", True, False)
    small = fetch("clerk", told["id"], "?thumb=1")
    assert small.mimetype == "image/jpeg" and small.data.startswith(b"\xff\xd8\xff")
    assert fetch("maintenance_head", told["id"]).status_code in (403, 404)


def test_a_wrong_one_is_told_by_name_rule_and_way_out(send: Any) -> None:
    answer = send("clerk", b"<html>", "合同.pdf")
    assert answer.status_code == 422
    said = answer.get_json()["errors"]
    assert len(said) == 1 and "“合同.pdf”" in said[0] and "只接受" in said[0] and "请换用允许的格式" in said[0]


@pytest.mark.parametrize("kind", ["export", "import", "signature", "nothing", ""])
def test_only_what_people_upload_goes_ahead(send: Any, kind: str) -> None:
    assert send("clerk", b"%PDF-1.7", "合同.pdf", kind).status_code == 422


def test_nobody_sends_anything(client: Any) -> None:
    assert client.post("/files/", data={"kind": "document"}).status_code in (400, 401, 403)


def test_a_shown_file_runs_nothing(fetch: Any, world: World) -> None:
    shown = fetch("clerk", store(world, picture(), "图.png", "photo"), "?view=1").headers["Content-Security-Policy"]
    saved = fetch("clerk", store(world, "识别码\n".encode(), "电梯.csv", "import")).headers["Content-Security-Policy"]
    read = fetch("clerk", store(world), "?view=1").headers
    assert "default-src 'none'" in shown and "sandbox" in shown and "sandbox" in saved
    assert "default-src 'none'" in read["Content-Security-Policy"] and read["X-Content-Type-Options"] == "nosniff"
    assert read["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.feature("UNT-04")
@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "1 KB"), (193, "1 KB"), (2048, "2 KB"), (1024 * 1024 - 1, "1024 KB"), (1024 * 1024, "1.0 MB")],
)
def test_sizes_are_said_as_the_page_says_them_while_sending(count: int, words: str) -> None:
    assert uploads.size_words(count) == words
