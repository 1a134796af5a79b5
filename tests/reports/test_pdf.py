"""PDF forms: a Chinese font embedded, the text in it, nothing fetched, and words when this machine can't (LIF-07)."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from app.models import Elevator
from app.reports import pdf
from tests.factories import World
from tests.workflows.filing_world import decide, elevator_data, fresh, save, submit
from tests.workflows.test_applications import suspend

pytestmark = pytest.mark.feature("LIF-07")
TEXT = "停用登记申请表"


def page(text: str, family: str = "Noto Sans CJK SC") -> str:
    return f'<html lang="zh-CN"><body style="font-family:\'{family}\',sans-serif"><p>{text}</p></body></html>'


def test_a_chinese_font_is_embedded_with_every_character() -> None:
    made = pdf.render(page(f"{TEXT} TY-2026-000001 → 临河区"))
    assert made.content.startswith(b"%PDF-") and any("CJK" in family for family in made.fonts)
    assert set(TEXT) | set("临河区TY2026→") <= made.characters
    # What is embedded is a subset of the font, not the whole of it.
    assert len(made.content) < 600_000


def test_a_page_fetches_nothing() -> None:
    made = pdf.render(page(f'{TEXT}<img src="file:///etc/hostname"><img src="http://127.0.0.1:1/x.png">'))
    assert set(TEXT) <= made.characters and b"hostname" not in made.content


def test_without_pango_or_a_font_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.setitem(sys.modules, "weasyprint", Broken())
    with pytest.raises(pdf.PdfUnavailable, match=r"没有安装排版组件 Pango.*apt-get install fonts-noto-cjk"):
        pdf.render(page(TEXT))
    monkeypatch.undo()
    monkeypatch.setattr(pdf, "SAMPLE", frozenset("\U000f1234"))
    with pytest.raises(pdf.PdfUnavailable, match="没有安装中文字体"):
        pdf.render(page("\U000f1234"))


def test_the_form_of_an_application(session: Any, world: World, sign_in: Any) -> None:
    application = suspend(world)
    decide(session, world.actor("inspector"), application, "return", "请附楼宇公告")
    client = sign_in(world.accounts["use_head"])
    answer = client.get(f"/applications/{application.id}/form.pdf")
    assert answer.status_code == 200 and answer.mimetype == "application/pdf"
    assert application.number in answer.headers["Content-Disposition"]
    shown = client.get(f"/applications/{application.id}/print").text
    for words in (TEXT, application.number, world.own.code, world.use_unit.name, "请附楼宇公告", "登记机关（盖章）"):
        assert words in shown
    assert set(TEXT) <= pdf.render(shown).characters
    stranger = sign_in(world.accounts["other_head"])
    for tail in ("form.pdf", "print"):
        assert stranger.get(f"/applications/{application.id}/{tail}").status_code == 404


def test_a_form_says_each_fact_once_and_leaves_room_for_opinions(world: World, sign_in: Any) -> None:
    head = world.actor("maintenance_head")
    row = save(world.session, head, Elevator, None, elevator_data(world))
    application = submit(world.session, head, row)
    shown = sign_in(world.accounts["inspector"]).get(f"/applications/{application.id}/print").text
    for label in ("识别码", "注册代码", "使用单位", "地址"):
        assert shown.count(f"<th>{label}</th>") == 1, label
    # Short facts stand two to a line, so that a filing fits on a sheet.
    assert re.search(r"<tr><th>识别码</th><td>[^<]+</td><th>", shown)


def test_where_it_can_not_be_made_the_page_to_print_is_offered(
    session: Any, world: World, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = suspend(world)
    key = application.id
    fresh(session)
    client = sign_in(world.accounts["inspector"])
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    monkeypatch.setattr(pdf, "render", _unable)
    page = client.get(f"/applications/{key}/form.pdf", follow_redirects=True)
    assert page.status_code == 200 and "没有安装中文字体" in page.text and "Ctrl+P" in page.text


def _unable(_html: str) -> Any:
    raise pdf._unavailable("服务器没有安装中文字体")
