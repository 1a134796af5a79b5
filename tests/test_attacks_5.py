"""An attacker's fifth review, of whole bodies, of doors at once and of what was sent before: each finding as it was."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.errors import Refusal
from app.models import Captcha
from app.reports import proof
from app.transaction import transaction
from app.views.frame import bodies
from app.workflows.access import captchas
from tests.conftest import csrf
from tests.factories import World
from tests.imports.test_hostile_files import BOMBS, packed

FORM = "application/x-www-form-urlencoded"


# --- bodies of a size


@pytest.mark.feature("ACC-15")
@pytest.mark.parametrize(
    ("part", "times"), [("name=%&", 600_000), ("%" * 1024, 5_000), ("k=1&", 60_000), ("&", 60_000)],
    ids=["much", "signs", "fields", "nothing"],
)
def test_a_stranger_keeps_no_process_with_one_form(app: Any, client: Any, part: str, times: int) -> None:
    """20 MB of "%" was ten seconds of a process for one call without an account, to whatever address."""
    body = part * times
    for told in (len(body), None):
        more = {} if told else {"wsgi.input_terminated": True}
        answer = client.post(
            "/login/", input_stream=io.BytesIO(body.encode()), content_type=FORM, content_length=told,
            environ_overrides=more,
        )  # fmt: skip
        assert answer.status_code == 413, answer.text[:200]
        assert "表单文字不超过 4 MB" in answer.text


@pytest.mark.feature("ACC-15")
def test_a_long_form_that_is_real_goes_through(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    body = "&".join(["body=" + "%E5%AD%97" * 100_000, "csrf_token=" + csrf(browser)] + ["ids=1"] * 20_000)
    answer = browser.post("/about/feedback", data=body, content_type=FORM)
    assert answer.status_code == 422, "told what is wrong with it, not that it is too long"


@pytest.mark.feature("INT-04")
def test_json_of_millions_of_values_is_refused_unread(app: Any, client: Any) -> None:
    """Of 20 MB of "[]," half a gigabyte was made before anybody asked who sends it."""
    for sent in (b"[" + b"[]," * bodies.MOST_VALUES + b"1]", b"{" + b'"k":1,' * bodies.MOST_VALUES + b'"a":1}'):
        answer = client.post("/api/v1/contracts", data=sent, content_type="application/json")
        assert answer.status_code == 413 and answer.json["errors"], answer.text[:200]


@pytest.mark.feature("INT-04")
@pytest.mark.parametrize("sent", [b"[" * 100_000, b'{"a":' * 100_000, b'["\\u0000", ' + b"[" * 50_000])
def test_json_without_a_bottom_is_told_as_what_it_is(app: Any, client: Any, sent: bytes) -> None:
    """It was said to hold characters that can't be kept."""
    answer = client.post("/api/v1/contracts", data=sent, content_type="application/json")
    assert answer.status_code == 400 and "一层套一层太多" in answer.text


@pytest.mark.feature("ELV-07")
@pytest.mark.parametrize(
    "address", ["/ledgers/deed/batch", "/ledgers/deed/labels", "/elevators/deed/labels", "/people/deed/sheet"]
)
def test_what_is_no_row_is_not_carried_on_in_an_address(app: Any, world: World, sign_in: Any, address: str) -> None:
    """The next page's address held what was sent word for word: longer than a proxy takes, and so a 502."""
    browser = sign_in(world.accounts["maintenance_head"])
    sent = {"csrf_token": csrf(browser), "ids": ["字" * 6000, str(world.own.id), "-1", "9" * 40]}
    answer = browser.post(address, data=sent)
    assert answer.status_code == 302
    assert answer.location.endswith(f"?ids={world.own.id}")


@pytest.mark.feature("PLN-04")
def test_a_plan_for_no_row_is_not_one_for_all(app: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["maintenance_head"])
    answer = browser.post("/ledgers/deed/plan", data={"csrf_token": csrf(browser), "ids": ["x", "-1"]})
    assert "/year-plans/" not in (answer.location or "")


# --- questions against machines


@pytest.mark.feature("ACC-04")
def test_who_opens_a_page_again_and_again_fills_no_table(session: Any, world: World) -> None:
    """Each look at 找回密码 writes a question; what nobody answered stayed until the night."""
    at = clock.now()
    with transaction(session):
        for _n in range(12):
            captchas.ask(session, at)
    later = at + dt.timedelta(minutes=captchas.MINUTES)
    with transaction(session):
        for _n in range(3):
            captchas.ask(session, later)
    assert session.scalar(select(func.count()).select_from(Captcha)) == 3


# --- workbooks that are proved


@pytest.mark.feature("RPR-01")
@pytest.mark.parametrize("name", [*BOMBS, "beyond"])
def test_a_cell_far_out_ends_no_process_that_serves_pages(tmp_path: Path, name: str) -> None:
    """A file of 600 bytes, given to 核对导出文件 by whoever may export, ended the process with all that it was at."""
    path = tmp_path / "far.xlsx"
    path.write_bytes(BOMBS.get(name) or packed('<row r="1"><c r="ZZZZ1"/><c r="A99999999"><v>1</v></c></row>'))
    with pytest.raises(Refusal, match="导出文件"):
        proof.read(path)


@pytest.mark.feature("RPR-01")
def test_a_small_file_is_not_read_without_end(tmp_path: Path, monkeypatch: Any) -> None:
    """A few kilobytes that say gigabytes once they are unpacked."""
    path = tmp_path / "long.xlsx"
    path.write_bytes(packed("".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 5000))))
    monkeypatch.setattr(proof, "LEAST_LINES", 1000)
    monkeypatch.setattr(proof, "LINES_A_BYTE", 0)
    with pytest.raises(Refusal, match="不是能打开的工作簿"):
        proof.read(path)
