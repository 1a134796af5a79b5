"""The back office's chapters 一 to 十: an account is given, its unit makes accounts, files its papers and customers.

Where the handbook would have a face taken by the office (七 2, 维保验证), the person gives it himself, or declines:
that is told with quanzhou's chapters. Chapters 11 to 18 are told in steps 3, 5 and 11.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect

from app import clock
from tests.journeys.steps import (
    PASSWORD,
    change_first_password,
    code_in,
    fact,
    follow,
    go,
    menu,
    path_of,
    pdf,
    picture,
    press,
    read_picture,
    rows,
    sign_in,
    uscc,
)
from tests.journeys.test_02_accounts import issued, make_unit
from tests.journeys.test_03_filing import approve, fill
from tests.journeys.test_16_huzhou_accounts import set_level

FIRM, CUSTOMER = "青坪云岫电梯工程有限公司", "青坪鹿鸣物业服务有限公司"


def add_paper(page: Any, button: str, name: str, *more: str) -> None:
    """附件: choose the kind, take the files, keep them."""
    card = page.locator("section.ta-card", has=page.get_by_role("heading", name=button, exact=True))
    if card.get_by_role("link", name="上传", exact=True).count():
        go(card.get_by_role("link", name="上传", exact=True))
    files = [picture(one) if one.endswith(".jpg") else pdf(one) for one in (name, *more)]
    card.locator("input[type=file]").set_input_files(files)
    for file in files:
        expect(card.locator(".ta-up__one", has_text=file["name"])).to_contain_text("已上传")
    press(page, "保存")
    assert card.locator(".ta-files__one").count() >= len(files)


@pytest.mark.feature("ACC-02", "ACC-08", "ACC-12", "PER-07", "UNT-01", "UNT-04", "UNT-05", "UNT-06", "UNT-07")
def test_chapters_1_to_10(product: Any, enter: Any, open_page: Any, sms: Any, shot: Any) -> None:
    today, admin = clock.today(), enter("区域管理员")

    # 一 登录账号是由每个地区的负责人创建的: 单位名称、所在地区、负责人姓名、电话. No 111111: a random one, once.
    login, first = make_unit(admin, "维保单位", FIRM, uscc(171), "19905551701")
    # 二 输入账号、密码，点击登录; 登录后进入到平台首页. 三 修改密码: 当前密码、新密码、确认新密码.
    head = sign_in(open_page(), login, first)
    change_first_password(head, first)
    expect(head.get_by_role("heading", name="开始使用")).to_be_visible()
    shot(head, "2 the first page")

    # 六 点击新增: 选择清楚 用户分类、所属单位、应急角色、用户角色 (the unit is one's own; use units' accounts below).
    menu(head, "我的子用户")
    follow(head, "新增子用户")
    head.get_by_label("账号").fill("sz.weibao17")
    head.get_by_label("姓名", exact=False).first.fill("霍雨眠")
    head.get_by_label("维保员", exact=True).check()
    head.get_by_label("应急角色").select_option(label="救援人员")
    head.get_by_label("全部，包括以后新增的").check()
    press(head, "建立子用户")
    issued(head)
    # 四 账号维护: 选择账号，点击编辑. 五 填写带*号的重要信息. 完成点击提交.
    menu(head, "我的子用户")
    go(head.get_by_role("main").get_by_role("link", name="编辑", exact=True))
    head.get_by_label("姓名").fill("")
    assert not head.get_by_label("姓名").evaluate("box => box.checkValidity()"), "what is marked must be filled in"
    head.get_by_label("姓名").fill("霍雨晴")
    head.get_by_label("应急角色").select_option(label="救援值班")
    press(head, "保存")
    assert [(row["账号"], row["姓名"]) for row in rows(head)] == [("sz.weibao17", "霍雨晴")]
    head.goto("/accounts/?cols=username,name,kind,roles,unit,rescue_role")
    listed = next(row for row in rows(head) if row["登录名"] == "sz.weibao17")
    assert (listed["用户分类"], listed["用户角色"]) == ("子用户", "维保员")
    shot(head, "4 the accounts of the unit")

    # 七 1 资质认证 of a worker: 上传资质证书、自我声明承诺书, 填选资质有效期.
    menu(head, "人员与证书")
    follow(head, "霍雨眠")
    worker = path_of(head)
    follow(head, "添加等级证书")
    set_level(head, "G-17-01")
    head.get_by_label("有效期至", exact=True).fill((today + dt.timedelta(days=900)).isoformat())
    press(head, "提交审核")
    approve(admin, "霍雨眠")
    head.goto(worker)
    assert rows(head)[0]["审核状态"].startswith("通过")
    head.goto(f"/attached/person/{worker.rsplit('/', 1)[-1]}")
    add_paper(head, head.get_by_role("main").locator("h2").first.inner_text(), "作业人员证.jpg", "自我声明承诺书.pdf")
    shot(head, "7 the papers of a worker")

    # 八 组织架构, 电梯维保单位: 基础信息、联系人信息, 在地图上标记正确的地理位置, 提交.
    menu(head, "单位")
    follow(head, FIRM)
    own = path_of(head)
    follow(head, "修改")
    fill(head, {
        "企业地址": "青坪区云岫路 17 号", "企业法人": "纪云深", "负责人": "纪云深", "负责人手机": "19905551701",
        "24 小时值班电话": "0398-5551700", "纬度": "30.6812", "经度": "120.0634",
    })  # fmt: skip
    press(head, "保存草稿")
    assert fact(head, "企业法人") == "纪云深"
    # 九 资质认证: 上传营业执照、资质证书、资质有效期、自我声明承诺书, 提交.
    follow(head, "修改")
    fill(head, {
        "资格证书编号": "TS3398017-2031", "许可级别": "A2",
        "许可有效期至": (today + dt.timedelta(days=900)).isoformat(),
    })  # fmt: skip
    press(head, "保存草稿")
    head.goto(f"/attached/{own.strip('/').replace('units', 'unit')}")
    add_paper(head, "营业执照", "营业执照.jpg")
    for kind in head.get_by_role("main").locator("h2").all_inner_texts()[1:3]:
        add_paper(head, kind, f"{kind}.pdf")
    shot(head, "9 the papers of the unit")
    head.goto(own)
    press(head, "审核上报")
    approve(admin, FIRM)

    # 十 使用单位: 点击新增，填写好带*号的必选项，标记好地理位置, 提交.
    menu(head, "单位")
    follow(head, "登记单位")
    fill(head, {
        "统一社会信用代码": uscc(172), "单位名称": CUSTOMER, "所在地区": "青坪区", "企业地址": "青坪区鹿鸣路 8 号",
        "使用单位": True, "负责人": "慕青禾", "负责人手机": "19905551702", "安全管理员": "慕青禾",
        "安全管理员电话": "19905551702", "纬度": "30.69", "经度": "120.07",
    })  # fmt: skip
    press(head, "保存并上报")
    expect(head.get_by_role("main")).to_contain_text("已上报，等待审核")
    shot(head, "10 a use unit is entered and reported")

    # 六 once more: 使用单位账号, when the regulator has approved the unit; nobody here sees its password.
    head.goto("/partner-accounts/")
    assert rows(head)[0]["账号"] == "没有"
    expect(head.get_by_role("main")).to_contain_text("审核通过后可建立")
    approve(admin, CUSTOMER)
    head.reload()
    press(head, "建立账号")
    assert rows(head)[0]["账号"] == "从未登录"
    shot(head, "6 an account for the use unit")
    theirs = open_page()
    theirs.goto("/recover/")
    theirs.get_by_label("用户名或已绑定手机号").fill(uscc(172))
    read_picture(theirs, product)
    press(theirs, "获取验证码")
    theirs.get_by_label("新密码").fill(PASSWORD)
    theirs.get_by_label("再输入一次").fill(PASSWORD)
    theirs.get_by_label("手机验证码").fill(code_in(sms("19905551702")))
    press(theirs, "设置新密码")
    sign_in(theirs, uscc(172), PASSWORD)
    theirs.goto("/units/mine")
    expect(theirs.get_by_role("heading", level=1)).to_contain_text(CUSTOMER)
    assert theirs.goto("/sub-accounts/").status == 200
