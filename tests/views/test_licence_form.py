"""A photo of a business licence fills the form of a unit (UNT-03): read by the real program, checked, never saved."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import pytest
from sqlalchemy import func, select

from app import picture_reader
from app.models import Attachment, Unit
from app.rules.identifiers import uscc_check_char
from tests.conftest import csrf
from tests.factories import World, picture
from tests.pages import flat

pytestmark = pytest.mark.feature("UNT-03")
FIRST = "91980402000000077"
CODE = FIRST + uscc_check_char(FIRST)
SCOPE = "特种设备安装改造修理；电梯维修服务；机械设备销售。"


@cache
def licence() -> bytes:
    """An invented licence as a photo would show it: two columns, letters spread apart, one value over two lines."""
    import subprocess

    from PIL import Image, ImageDraw, ImageFont

    asked = ["fc-match", "-f", "%{file}", "Noto Sans CJK SC:lang=zh-cn"]
    face = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    image = Image.new("RGB", (2400, 1650), (250, 248, 240))
    draw = ImageDraw.Draw(image)

    def write(left: int, top: int, text: str, size: int = 32) -> None:
        # Half as large again: a phone's picture has more points than this layout.
        place, font = (left * 3 // 2, top * 3 // 2), ImageFont.truetype(face, size * 3 // 2)
        draw.text(place, text, font=font, fill=(20, 20, 20))

    write(620, 80, "营业执照", 90)
    write(120, 220, "统一社会信用代码")
    write(120, 265, CODE, 36)
    lines = [
        ("名　　称", "澜州恒枢电梯工程有限公司", "注册资本", "伍佰万元整"),
        ("类　　型", "有限责任公司", "成立日期", "2015年03月12日"),
        ("法定代表人", "顾以宁", "营业期限", "2015年03月12日至2035年03月11日"),
        ("经营范围", SCOPE[:18], "住　　所", "临河区东门路18号"),
    ]
    for number, (left, value, right, other) in enumerate(lines):
        for place, text in ((120, left), (340, value), (960, right), (1140, other)):
            write(place, 370 + 66 * number, text, 26 if len(text) > 20 else 32)
    write(340, 370 + 66 * 4 - 18, SCOPE[18:])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def send(client: Any, data: dict[str, Any], url: str = "/units/new") -> Any:
    form = {"then": "read", "csrf_token": csrf(client)} | data
    return client.post(url, data=form, content_type="multipart/form-data")


@pytest.fixture
def clerk(sign_in: Any, world: World, session: Any) -> Any:
    session.commit()
    return sign_in(world.accounts["clerk"])


def test_the_empty_fields_are_filled_and_nothing_is_saved(clerk: Any, session: Any) -> None:
    before = session.scalar(select(func.count()).select_from(Unit))
    session.rollback()
    answer = send(clerk, {"licence_picture": (io.BytesIO(licence()), "执照.png"), "name": "手填的名称"})
    page = flat(answer.get_data(as_text=True))
    assert answer.status_code == 200, page[-2000:]
    assert "还没有保存" in page and f'value="{CODE}"' in page and 'value="2015-03-12"' in page
    assert 'value="2035-03-11"' in page and "电梯维修服务" in page
    # What was typed stands; that the picture says otherwise is told.
    assert 'value="手填的名称"' in page and "没有改动" in page and "恒枢电梯工程有限公司" in page
    assert session.scalar(select(func.count()).select_from(Unit)) == before
    assert session.scalar(select(func.count()).select_from(Attachment)) == 0


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (None, "没有选择照片"),
        ((picture(), "空白.png"), "没有认出营业执照上的内容"),
        ((b"%PDF-1.4 not a picture", "执照.pdf"), "请上传照片"),
        ((b"MZ\x90\x00 no picture at all", "执照.png"), "无法识别的格式"),
    ],
)
def test_what_can_not_be_read_is_told_and_the_input_stays(clerk: Any, file: Any, told: str) -> None:
    data: dict[str, Any] = {"name": "手填的名称"}
    if file is not None:
        data["licence_picture"] = (io.BytesIO(file[0]), file[1])
    answer = send(clerk, data)
    page = flat(answer.get_data(as_text=True))
    assert answer.status_code == 422 and told in page and 'value="手填的名称"' in page


def test_without_the_program_the_form_is_as_ever(clerk: Any) -> None:
    picture_reader.use({"PICTURE_READER": "off"})
    try:
        assert "识别并填表" not in flat(clerk.get("/units/new").get_data(as_text=True))
        answer = send(clerk, {"licence_picture": (io.BytesIO(licence()), "执照.png")})
        assert answer.status_code == 422 and "不影响备案" in flat(answer.get_data(as_text=True))
    finally:
        picture_reader.use({})
    assert "识别并填表" in flat(clerk.get("/units/new").get_data(as_text=True))


def test_a_program_that_hangs_or_fails_is_nobodys_error(tmp_path: Any) -> None:
    broken = tmp_path / "reader"
    broken.write_text("#!/bin/sh\n[ \"$1\" = --list-langs ] && { echo chi_sim; exit 0; }\nexit 3\n")
    broken.chmod(0o755)
    picture_reader.use({"PICTURE_READER": str(broken)})
    try:
        assert picture_reader.is_on() and picture_reader.words_of(tmp_path / "none.png") is None
    finally:
        picture_reader.use({})


def test_elevators_read_no_licence(clerk: Any) -> None:
    assert "识别并填表" not in flat(clerk.get("/elevators/new").get_data(as_text=True))
    assert send(clerk, {}, "/elevators/new").status_code == 404
