"""The handbook's part 一 系统注册: 1.1 用户注册, 1.2 用户登录, and what a registered unit may do until it is approved.

The filing of its people and elevators (二 备案信息上报) is told with step 3 and with quanzhou's chapters.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from app import clock
from tests.journeys.conftest import PHONE
from tests.journeys.steps import fact, follow, go, menu, path_of, press, read_picture, rows, sign_in, uscc
from tests.journeys.test_03_filing import fill
from tests.journeys.test_04_approval import decide, open_from_queue

FIRM, LOGIN = "青坪溪桥电梯维保有限公司", "qpxqdt"
FORM = {
    "用户名": LOGIN, "单位名称": FIRM, "统一社会信用代码": uscc(181), "资格证书编号": "TS3398018-2030",
    "单位法人": "苏见微", "负责人": "闻人歌", "负责人手机": "19905551801", "单位地址": "青坪区溪桥路 26 号",
}  # fmt: skip


def write(page: Any, values: dict[str, str], password: str = "Xinxiang.2026") -> None:
    """The registration form; passwords are never sent back, so they are typed each time."""
    page.get_by_label("维保单位", exact=True).check()
    for label, value in values.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("密码", exact=True).fill(password)
    page.get_by_label("再输入一次").fill(password)


@pytest.mark.feature("ACC-03", "ACC-04", "ACC-13", "UNT-01", "UNT-05")
def test_chapter_1_registration_and_sign_in(product: Any, enter: Any, open_page: Any, shot: Any) -> None:
    # 1.1, 2: 单击企业注册按钮.
    page = open_page()
    page.goto("/login/")
    go(page.get_by_role("link", name="单位注册"))

    # 1.1, 3 with its notes: 用户名应为英文字母; 手机号码应为 11 位; 行政区划需要单击选择. All mistakes at once.
    write(page, FORM | {"用户名": "企业", "负责人手机": "1990555180", "统一社会信用代码": uscc(181)[:-1] + "?"})
    page.locator("#region_id").evaluate("box => box.required = false")
    read_picture(page, product)
    press(page, "注册提交")
    main = page.locator("form").first
    for said in ("5 至 20 个", "11 位", "请选择", "统一社会信用代码"):
        expect(main).to_contain_text(said)
    assert page.get_by_label("单位名称").input_value() == FIRM, "nothing typed is lost"
    assert page.get_by_label("密码", exact=True).input_value() == ""
    shot(page, "1.1 every mistake at its field")

    # The question against machines; whoever does not see it asks for one in words.
    write(page, FORM)
    page.get_by_label("行政区划").select_option(label="澜州市 青坪区")
    page.get_by_label("图形验证码").fill("0000")
    press(page, "注册提交")
    assert path_of(page) == "/register/" and page.get_by_text("不正确或已过期").count()
    press(page, "看不清或看不见？改用文字问题")
    assert page.get_by_role("alert").count() == 0, "asking for words is no try"
    said = page.locator("#captcha-words").inner_text()
    numbers = ["零一二三四五六七八九".index(sign) for sign in re.findall("[一二三四五六七八九]", said)[:2]]
    write(page, FORM)
    page.get_by_label("验证问题").fill(str(sum(numbers)))
    shot(page, "1.1 the form filled in, with a question in words")
    press(page, "注册提交")
    expect(page.get_by_role("main")).to_contain_text("审核通过前只能填报")

    # Another one takes neither its login name nor its place.
    rival = open_page()
    rival.goto("/register/")
    write(rival, FORM | {"单位名称": "青坪溪桥电梯有限公司", "负责人手机": "19905551802"})
    rival.get_by_label("行政区划").select_option(label="澜州市 青坪区")
    read_picture(rival, product)
    press(rival, "注册提交")
    expect(rival.locator("form").first).to_contain_text(LOGIN)
    write(rival, {"用户名": "qpxqdt2"})
    read_picture(rival, product)
    press(rival, "注册提交")
    assert path_of(rival).startswith("/units/")

    # 1.2 注册完毕，输入注册的账号、密码即可登录程序.
    page = sign_in(open_page(), LOGIN, "Xinxiang.2026")
    expect(page.get_by_role("heading", name="开始使用")).to_be_visible()
    shot(page, "1.2 signed in, nothing approved yet")

    # Until it is approved: its own filing and nothing else.
    side = page.get_by_role("navigation", name="主菜单")
    assert side.get_by_role("link", name="单位", exact=True).count() == 1
    for name in ("电梯", "人员与证书", "维保合同", "维保任务", "导入", "我的子用户"):
        assert side.get_by_role("link", name=name, exact=True).count() == 0, name
    for path in ("/elevators/", "/elevators/new", "/people/", "/sub-accounts/", "/imports/", "/contracts/"):
        page.goto(path)
        assert path_of(page) == "/" or page.get_by_text("没有权限").or_(page.get_by_text("不能")).count(), path
    page.goto("/units/")
    assert [row["单位名称"].split(" ")[0] for row in rows(page)] == [FIRM], "nobody else's unit"

    # 2.1 红色标注内容为单位注册时填写的内容: complete the rest and 审核上报.
    page.goto("/units/mine")
    assert fact(page, "负责人") == "闻人歌"
    follow(page, "修改")
    fill(page, {"许可级别": "B", "许可有效期至": (clock.today() + dt.timedelta(days=800)).isoformat()})
    press(page, "保存并上报")
    expect(page.get_by_role("main")).to_contain_text("已上报，等待审核")
    shot(page, "2.1 reported, waits for the officer")

    officer = enter("区域管理员")
    open_from_queue(officer, FIRM)
    shot(officer, "the officer sees what was registered")
    decide(officer, "同意")

    # Approved: the same account does a unit's work from the next request on.
    page.goto("/")
    for name in ("电梯", "人员与证书", "维保合同", "我的子用户"):
        assert side.get_by_role("link", name=name).count() >= 1, name
    page.goto("/people/new")
    page.get_by_label("姓名").fill("岳知秋")
    press(page, "保存人员")
    expect(page.get_by_role("heading", name="岳知秋")).to_be_visible()
    menu(page, "我的子用户")
    phone = sign_in(open_page(PHONE), LOGIN, "Xinxiang.2026")
    shot(phone, "an approved unit's first page on the phone")

    # The rival's registration of the same code can't come into force beside it.
    rival.goto("/units/mine")
    follow(rival, "修改")
    fill(rival, {"许可级别": "B", "许可有效期至": (clock.today() + dt.timedelta(days=800)).isoformat()})
    press(rival, "保存并上报")
    expect(rival.get_by_role("main")).to_contain_text(uscc(181))
    shot(rival, "one code, one unit in force")
