"""个人信息: what one writes oneself, and what a picture and an address of mail must be (ACC-06)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from app import clock
from app.errors import Refusal
from app.models import Account, Attachment, Notification
from app.rules.identifiers import check_mail, mask_mail
from app.transaction import transaction
from app.workflows.core import outbox
from app.workflows.files import attachments, sealed_files
from app.workflows.privacy import own_data
from tests.conftest import csrf
from tests.factories import PASSWORD, World
from tests.rules.test_files import in_passes

pytestmark = pytest.mark.feature("ACC-06")


@pytest.fixture
def mail(monkeypatch: Any) -> Iterator[None]:
    monkeypatch.setitem(outbox.SENDERS, "email", lambda *_: None)
    yield


def picture(size: tuple[int, int] = (900, 600), kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **more)
    return out.getvalue()


def post(browser: Any, address: str, **fields: Any) -> Any:
    data = {"csrf_token": csrf(browser), **fields}
    return browser.post(address, data=data, content_type="multipart/form-data")


def pictures(session: Any) -> list[Attachment]:
    session.rollback()
    return list(session.scalars(select(Attachment).where(Attachment.kind == "avatar")))


@pytest.mark.feature("UNT-04")
def test_a_picture_is_made_small_square_and_bare(session: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    exif = Image.Exif()
    exif[0x010F] = "maker of the phone"
    given = picture(kind="JPEG", exif=exif)
    assert post(browser, "/profile/avatar", avatar=(io.BytesIO(given), "我.jpg")).status_code == 302
    row = pictures(session)[0]
    kept = attachments.path(None, row)
    assert sealed_files.key_name(kept, "avatar"), "it lies sealed, one row's alone"
    with sealed_files.opened(kept, "avatar") as content, Image.open(content) as shown:
        assert (shown.size, shown.format, dict(shown.getexif())) == ((256, 256), "JPEG", {})
    with sealed_files.opened(kept, "avatar") as content:
        assert b"maker" not in content.read()
    assert row.mime == "image/jpeg"
    assert f"/files/{row.id}" in browser.get("/profile/").get_data(as_text=True)
    answer = browser.get(f"/files/{row.id}?view=1")
    assert answer.status_code == 200 and answer.get_data()[:2] == b"\xff\xd8"
    assert sign_in(world.accounts["other_worker"]).get(f"/files/{row.id}").status_code in (403, 404)


def test_a_new_picture_takes_the_place_of_the_old_and_its_bytes_go(session: Any, world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    post(browser, "/profile/avatar", avatar=(io.BytesIO(picture()), "a.png"))
    first = attachments.path(None, pictures(session)[0])
    other = io.BytesIO()
    Image.new("RGB", (300, 300), (0, 90, 0)).save(other, "PNG")
    post(browser, "/profile/avatar", avatar=(io.BytesIO(other.getvalue()), "b.png"))
    assert len(pictures(session)) == 1 and not first.exists()
    second = attachments.path(None, pictures(session)[0])
    post(browser, "/profile/avatar", off="1")
    assert pictures(session) == [] and not second.exists(), "at once, not by the next sweep"
    assert post(browser, "/profile/avatar", off="1").status_code == 302


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "content",
    [
        b"", SVG, b"%PDF-1.7", b"\x89PNG\r\n\x1a\n broken", picture()[:60], picture(kind="GIF"),
        b"\xff\xd8\xff" + b"0" * 99, in_passes(80, 80, 101),
    ],
    ids=["nothing", "svg", "pdf", "broken png", "half", "gif", "broken jpg", "a hundred passes"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_whatever_its_name(
    session: Any, world: World, sign_in: Any, content: bytes
) -> None:
    answer = post(sign_in(world.accounts["clerk"]), "/profile/avatar", avatar=(io.BytesIO(content), "a.png"))
    assert answer.status_code == 422 and "头像" in answer.get_data(as_text=True)
    assert pictures(session) == []


def test_a_picture_of_too_many_points_is_not_unpacked() -> None:
    with pytest.raises(Refusal, match="像素太大"):
        own_data.shrunk(io.BytesIO(picture((8000, 6000))))
    with pytest.raises(Refusal, match="超过 8 MB"):
        own_data.shrunk(io.BytesIO(b"\x89PNG" + b"0" * (8 * 1024 * 1024)))


@pytest.mark.parametrize(("sex", "kept"), [("female", "female"), ("", None)])
def test_ones_sex(session: Any, world: World, sign_in: Any, sex: str, kept: str | None) -> None:
    assert post(sign_in(world.accounts["clerk"]), "/profile/sex", sex=sex).status_code == 302
    session.rollback()
    assert world.accounts["clerk"].sex == kept


def test_no_other_field_is_taken_with_it(session: Any, world: World, sign_in: Any) -> None:
    clerk = world.accounts["clerk"]
    before = (clerk.first_name, clerk.email, clerk.unit_id, clerk.is_main, clerk.ticked)
    browser = sign_in(clerk)
    more = {"first_name": "x", "email": "x@example.com", "is_main": "1", "unit_id": "1", "ticked": " ops "}
    assert post(browser, "/profile/sex", sex="other", **more).status_code == 422
    post(browser, "/profile/sex", sex="male", **more)
    session.rollback()
    assert (clerk.first_name, clerk.email, clerk.unit_id, clerk.is_main, clerk.ticked) == before and clerk.sex == "male"


def code_in(session: Any) -> str:
    session.rollback()
    notice = session.scalars(
        select(Notification).where(Notification.channel == "email").order_by(Notification.id.desc()).limit(1)
    ).one()
    assert notice.is_secret and notice.title == "验证码" and "验证邮箱" in notice.body
    found = re.search(r"\d{6}", notice.body)
    assert found
    return found[0]


def test_mail_is_verified_by_the_code_that_went_there(session: Any, world: World, sign_in: Any, mail: None) -> None:
    clerk = world.accounts["clerk"]
    browser = sign_in(clerk)
    assert "未验证" in browser.get("/profile/").get_data(as_text=True)
    asked = post(browser, "/profile/mail/code", mail="Wen.Zhiqiu@Example.com", mail_password=PASSWORD)
    page = asked.get_data(as_text=True)
    assert "w***@example.com" in page and 'name="mail_code"' in page
    code = code_in(session)
    wrong = "000000" if code != "000000" else "000001"
    assert post(browser, "/profile/mail", mail="wen.zhiqiu@example.com", mail_code=wrong).status_code == 422
    assert post(browser, "/profile/mail", mail="another@example.com", mail_code=code).status_code == 422
    session.rollback()
    assert clerk.email_verified_at is None
    # That try used the code up: it had been asked for another address.
    with clock.frozen(clock.now().replace(microsecond=0) + own_data.dt.timedelta(seconds=61)):
        post(browser, "/profile/mail/code", mail="wen.zhiqiu@example.com", mail_password=PASSWORD)
        answer = post(browser, "/profile/mail", mail="wen.zhiqiu@example.com", mail_code=code_in(session))
    assert answer.status_code == 302
    session.rollback()
    assert clerk.email == "wen.zhiqiu@example.com" and clerk.email_verified_at is not None
    assert "w***@example.com" in browser.get("/profile/").get_data(as_text=True)


def test_whose_an_address_is_learns_only_who_reads_its_mail(session: Any, world: World, mail: None) -> None:
    with transaction(session):
        row = session.get(Account, world.accounts["worker"].id)
        row.email, row.email_verified_at = "taken@example.com", clock.now()
    me, at = world.actor("clerk"), clock.now()
    with transaction(session):
        assert own_data.ask_mail(session, me, "taken@example.com", at, None) == "t***@example.com"
    code = code_in(session)
    with transaction(session):
        refusal = own_data.verify_mail(session, me, "taken@example.com", code, at)
    assert refusal is not None and "另一账号" in str(refusal)
    assert world.accounts["clerk"].email_verified_at is None


def test_without_a_mail_server_nothing_is_offered(world: World, sign_in: Any) -> None:
    browser = sign_in(world.accounts["clerk"])
    assert "/profile/mail/code" not in browser.get("/profile/").get_data(as_text=True)
    assert post(browser, "/profile/mail/code", mail="a@example.com", mail_password=PASSWORD).status_code == 422


def test_the_profile_names_level_and_certificate(world: World, sign_in: Any) -> None:
    page = sign_in(world.accounts["worker"]).get("/profile/").get_data(as_text=True)
    assert world.worker.certificate_no in page and "有效期至 2035-12-31" in page and "普工" in page


@pytest.mark.parametrize(
    "typed",
    ["", "a", "a@b", "a@b.", "a<b@example.com", "a@@example.com", "a@exa_mple.com", "a..b@example.com", "x@y.invalid",
     "a@example.com\nBcc: b@example.com", "名@example.com", "a" * 60 + "@example.com"],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(Refusal):
        check_mail(typed)


def test_addresses_are_kept_in_small_letters_and_shown_in_part() -> None:
    assert check_mail(" A.B+c@Example.COM ") == "a.b+c@example.com"
    assert mask_mail("abc@example.com") == "a***@example.com"
