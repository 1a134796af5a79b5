"""A label that the browser cannot read: its picture is read by this server (MNT-01)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from app import code_reader
from app.models import Attachment
from tests.conftest import csrf
from tests.factories import World
from tests.labels import photo
from tests.rules.test_files import in_passes


@pytest.fixture(autouse=True)
def _fresh_window(app: Any) -> Any:
    app.extensions["tian_window"].reset()
    yield
    app.extensions["tian_window"].reset()


def send(client: Any, picture: bytes | None) -> Any:
    form: dict[str, Any] = {"csrf_token": csrf(client)}
    if picture is not None:
        form["picture"] = (io.BytesIO(picture), "label.jpg")
    return client.post("/m/scan/read", data=form, content_type="multipart/form-data")


@pytest.mark.feature("MNT-01")
@pytest.mark.parametrize(("turned", "blurred", "form"), [(0, 0, "JPEG"), (17, 1.5, "JPEG"), (180, 0, "PNG")])
def test_a_photographed_label_is_read(world: World, sign_in: Any, turned: int, blurred: float, form: str) -> None:
    address = f"https://lifts.example.cn/m/p/{world.own.public_token}"
    client = sign_in(world.accounts["worker"])
    answer = send(client, photo(address, turned, blurred, form))
    assert answer.status_code == 200 and answer.json == {"text": address}
    # What it says goes where a scanned address goes, and nothing of the picture is kept.
    assert client.get("/m/scan", query_string={"code": answer.json["text"]}).location.endswith(world.own.public_token)
    assert world.session.query(Attachment).count() == 0


@pytest.mark.feature("MNT-01")
def test_a_phones_photo_with_a_second_picture_behind_it_is_read() -> None:
    """Phones keep a small or brighter one there, which makes of "JPEG" a form of another name: no page was given."""
    kept = io.BytesIO()
    label = Image.open(io.BytesIO(photo("980001")))
    label.save(kept, "MPO", save_all=True, append_images=[label.resize((40, 30))])
    with Image.open(kept) as opened:
        assert opened.format == "MPO"
    assert code_reader.code_in(kept) == "980001"


@pytest.mark.feature("MNT-01")
def test_a_picture_without_a_code_says_what_to_do(world: World, sign_in: Any) -> None:
    client, blank = sign_in(world.accounts["worker"]), io.BytesIO()
    Image.new("RGB", (800, 600), "white").save(blank, "JPEG")
    for picture in (blank.getvalue(), b"no picture at all", photo("x")[:900], b""):
        answer = send(client, picture)
        assert answer.status_code == 422 and "没有认出二维码" in answer.json["message"]
    answer = send(client, None)
    assert answer.status_code == 422 and "没有收到照片" in answer.json["message"]


@pytest.mark.feature("MNT-01")
def test_of_two_labels_in_a_picture_none_is_guessed(world: World, sign_in: Any) -> None:
    one, other = (Image.open(io.BytesIO(photo(text))) for text in ("980001", "980002"))
    both, kept = Image.new("RGB", (3000, 2000)), io.BytesIO()
    both.paste(one, (0, 0))
    both.paste(other, (1500, 0))
    both.save(kept, "JPEG")
    assert send(sign_in(world.accounts["worker"]), kept.getvalue()).status_code == 422


@pytest.mark.parametrize(("width", "height"), [(12_001, 400), (400, 12_001), (4_000, 3_001)])
def test_a_picture_that_is_large_when_decoded_is_none(width: int, height: int) -> None:
    """A line of millions of points is a small file; a PNG is decoded whole."""
    label, wide, kept = Image.open(io.BytesIO(photo("980001"))).crop((480, 700, 880, 1100)), None, io.BytesIO()
    wide = Image.new("L", (width, height), 200)
    wide.paste(label, (0, 0))
    wide.save(kept, "PNG")
    assert code_reader.code_in(kept) is None
    assert code_reader.code_in(io.BytesIO(in_passes(800, 800, 101))) is None
    kept = io.BytesIO()
    wide.crop((0, 0, 400, 400)).save(kept, "PNG")
    assert code_reader.code_in(kept) == "980001"


@pytest.mark.feature("MNT-01")
def test_while_another_picture_is_read_it_is_said(
    world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_reader, "_WAIT_SECONDS", 0.01)
    client = sign_in(world.accounts["worker"])
    with code_reader._turn:
        answer = send(client, photo("980001"))
    assert answer.status_code == 503 and "稍后再拍" in answer.json["message"]
    assert send(client, photo("980001")).json == {"text": "980001"}


def test_an_account_reads_so_many_and_others_go_on(world: World, sign_in: Any) -> None:
    client, other = sign_in(world.accounts["worker"]), sign_in(world.accounts["use_head"])
    answers = [send(client, b"none").status_code for _ in range(21)]
    assert answers[:20] == [422] * 20 and answers[20] == 429
    assert send(other, photo("980001")).status_code == 200


def test_who_is_not_signed_in_reads_nothing(app: Any) -> None:
    client = app.test_client()
    answer = send(client, photo("980001"))
    assert answer.status_code in (302, 401) and "980001" not in answer.text
