"""The handbook's part 1, 一 账号登陆, 三 个人信息, 四 我的子用户, and part 3, 一 账号问题, each by its numbered steps.

浙里办 is an identity from outside; how one is bound is told in the tests with a provider, here it is taken off again
(1.4.8, 3.1.3). Left out is 3.1.5, a screen of that provider's own. The accounts of use units (3.1.6) are made in the
story of shenzhen's chapters.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import clock
from app.models import Account, Elevator, ExternalIdentity, Unit
from tests.journeys.conftest import PHONE
from tests.journeys.steps import (
    PASSWORD,
    answer_question,
    change_first_password,
    code_in,
    fact,
    follow,
    go,
    look_for,
    menu,
    path_of,
    pdf,
    press,
    read_picture,
    rows,
    search,
    sign_in,
)
from tests.journeys.test_02_accounts import issued, make_unit
from tests.journeys.test_04_approval import decide, open_from_queue
from tests.journeys.test_07_site import add_sub_account

# Of the demo's maintenance units those without an account; each story takes its own.
FIRMS = ("青禾", "联升", "正鼎", "河川")


def firm_without_account(product: Any, number: int) -> tuple[str, str]:
    """Name and code of one of the demo's maintenance units that cannot sign in yet."""
    with product.session() as session:
        held = select(Account.unit_id).where(Account.unit_id.is_not(None))
        wanted = select(Unit).where(Unit.is_maintenance, Unit.approved_version > 0, Unit.id.not_in(held))
        unit = session.scalar(wanted.where(Unit.name.contains(FIRMS[number])))
        return unit.name, unit.uscc


def set_level(page: Any, number: str) -> None:
    """The form 更新级别, at the desk or on the phone."""
    page.get_by_label("等级", exact=True).select_option(label="高级工")
    page.get_by_label("证书编号").fill(number)
    page.get_by_label("发证日期").fill((clock.today() - dt.timedelta(days=400)).isoformat())
    page.locator("#scan").set_input_files(pdf("证书.pdf"))


def bind_outside(product: Any, login: str) -> None:
    """As if its owner had bound an identity of the provider's: `tests/views/test_identities.py` tells how."""
    with product.session() as session:
        account = session.scalar(select(Account).where(Account.username == login))
        session.add(
            ExternalIdentity(
                user_id=account.id, provider="zheliban", subject=f"out-{login}", shown_name="浙里办用户",
                bound_at=clock.now(),
            )
        )  # fmt: skip


def give_code(page: Any, sms: Any, phone: str, button: str) -> None:
    page.get_by_label("手机验证码").fill(code_in(sms(phone)))
    press(page, button)


@pytest.mark.feature("ACC-02", "ACC-04", "ACC-06", "ACC-07", "ACC-15", "PER-07")
def test_part_1_chapter_3_own_data(product: Any, enter: Any, open_page: Any, sms: Any, shot: Any) -> None:
    name, code = firm_without_account(product, 0)
    admin = enter("区域管理员")
    # 一 主账号登录用户名为本单位的统一社会信用代码; 初次登录后请及时更改密码.
    login, first = make_unit(admin, "维保单位", name, code)
    assert login == code
    head = sign_in(open_page(), login, first)
    change_first_password(head, first)

    # 1.3.1 单击右上角"姓名"处, 点击"个人信息".
    head.locator("header details > summary").click()
    go(head.locator("header details").get_by_role("link", name="个人信息"))
    head.get_by_label("性别").select_option(label="女")
    press(head, "保存")
    expect(head.get_by_label("性别").locator("option:checked")).to_have_text("女")

    # 1.3.2 手机号码认证: 获取验证码, 输入收到的验证码, 提交. Whoever binds a phone gives the password as well.
    phone = "19905551601"
    head.get_by_label("手机号码").fill(phone)
    head.locator("#phone_password").fill("not.the.password.1")
    press(head, "获取验证码")
    expect(head.get_by_role("main")).to_contain_text("密码")
    assert head.get_by_label("手机验证码").count() == 0, "no code without the password"
    head.locator("#phone_password").fill(PASSWORD)
    press(head, "获取验证码")
    head.get_by_label("手机验证码").fill("000000")
    press(head, "绑定")
    expect(head.get_by_role("main")).to_contain_text("不正确")
    give_code(head, sms, phone, "绑定")
    assert fact(head, "手机") == "199****1601"
    shot(head, "1.3.2 the phone is bound")

    # 1.3.3 在子账号的个人信息维护页, 点击"更新级别": 选择级别, 上传证书扫描件. 系统默认子账号为普工级别.
    worker_first = add_sub_account(head, "huzhou.weibao01", "季维安", "维保员")
    worker = sign_in(open_page(), "huzhou.weibao01", worker_first)
    change_first_password(worker, worker_first)
    worker.goto("/profile/")
    assert fact(worker, "等级") == "普工"
    follow(worker, "更新级别")
    worker.locator("#level summary").click()
    set_level(worker, "G-16-01")
    shot(worker, "1.3.3 a level with its certificate")
    press(worker, "提交")
    worker.goto("/profile/")
    assert fact(worker, "等级") == "普工", "a certificate counts when it is approved"
    open_from_queue(admin, "季维安")
    decide(admin, "同意")
    worker.goto("/m/me/data")
    expect(worker.locator("body")).to_contain_text("0 / 120")
    worker.goto("/profile/")
    assert fact(worker, "等级") == "高级工"

    # 1.3.4 登录短信认证: 之后每次登录需要获取手机验证码.
    head.goto("/profile/")
    head.locator("#sms_password").fill(PASSWORD)
    press(head, "启用登录短信认证")
    other = sign_in(open_page(), code, PASSWORD)
    assert path_of(other) == "/login/second/"
    give_code(other, sms, phone, "登录")
    assert path_of(other) == "/"
    shot(other, "1.3.4 signed in by password and code")

    # 1.3.5 修改密码: 必须由字母、数字、点和下划线中两种以上字符组成.
    head.locator("header details > summary").click()
    go(head.locator("header details").get_by_role("link", name="修改密码"))
    change_first_password(head, PASSWORD, "12345678901")
    expect(head.get_by_role("main")).to_contain_text("至少两种")
    change_first_password(head, PASSWORD, "Huzhou.2026_x")
    other.goto("/profile/")
    assert path_of(other) == "/login/", "other devices are signed out with the old password"
    # The new one, and the bound phone as login name.
    again = sign_in(open_page(PHONE), phone, "Huzhou.2026_x")
    give_code(again, sms, phone, "登录")
    again.goto("/profile/")
    shot(again, "1.3 own data on the phone")


@pytest.mark.feature("ACC-07", "ACC-08", "ACC-09", "ACC-10", "ACC-11", "ACC-14", "PER-07")
def test_part_1_chapter_4_sub_accounts(product: Any, enter: Any, open_page: Any, sms: Any, shot: Any) -> None:
    name, code = firm_without_account(product, 1)
    admin = enter("区域管理员")
    login, first = make_unit(admin, "维保单位", name, code)
    head = sign_in(open_page(), login, first)
    change_first_password(head, first)
    with product.session() as session:
        unit = session.scalar(select(Unit).where(Unit.uscc == code))
        mine = session.scalars(
            select(Elevator).where(Elevator.maintenance_unit_id == unit.id, Elevator.is_secret.is_(False))
            .order_by(Elevator.id).limit(2)
        ).all()  # fmt: skip
        given, kept = [(one.id, one.code) for one in mine]

    # 1.4.1 新增子用户: 账号名 5-20 位，不能重复; 系统会自动设置一个随机密码，请记录后再关闭窗口.
    menu(head, "我的子用户")
    expect(head.get_by_role("main")).to_contain_text("最多 10 个")
    follow(head, "新增子用户")
    head.get_by_label("账号").fill("w02")
    head.get_by_label("姓名", exact=False).first.fill("梁鹤鸣")
    head.get_by_label("维保员", exact=True).check()
    press(head, "建立子用户")
    expect(head.get_by_role("main")).to_contain_text("5 至 20 个")
    head.get_by_label("账号").fill("huzhou.weibao02")
    head.get_by_label("性别").select_option(label="男")
    head.get_by_label("手机").fill("19905551602")
    press(head, "建立子用户")
    login, first = issued(head)
    shot(head, "1.4.1 the random password, once")
    add_sub_account(head, "huzhou.weibao03", "沈折枝", "维保文员")

    # 1.4.2 编辑: 只能对子用户"姓名"、"性别"和"状态"进行修改.
    menu(head, "我的子用户")
    line = head.locator("tbody tr", has_text="huzhou.weibao03")
    go(line.get_by_role("link", name="编辑"))
    assert head.get_by_label("账号", exact=True).count() == 0
    head.get_by_label("姓名").fill("沈折柳")
    press(head, "保存")
    assert next(r for r in rows(head) if r["账号"] == "huzhou.weibao03")["姓名"] == "沈折柳"

    # 1.4.3 删除.
    go(line.get_by_role("link", name="编辑"))
    go(head.get_by_role("navigation", name="子用户").get_by_role("link", name="删除"))
    press(head, "确认删除")
    assert [r["账号"] for r in rows(head)] == ["huzhou.weibao02"]

    # 1.4.4 子用户权限: 根据实际情况勾选相应的权限.
    worker = sign_in(open_page(), login, first)
    change_first_password(worker, first)
    line = head.locator("tbody tr", has_text="huzhou.weibao02")
    head.reload()
    assert next(iter(rows(head)))["权限"] == "全部"
    go(line.get_by_role("link", name="全部").first)
    head.get_by_label("查看设备履历").uncheck()
    shot(head, "1.4.4 rights by tick")
    press(head, "保存权限")
    worker.goto("/ledgers/")
    assert worker.get_by_role("navigation", name="主菜单").get_by_role("link", name="设备履历").count() == 0

    # 1.4.5 子用户电梯分配: 只有分配电梯后，子用户才能查询到本单位下所维保的电梯.
    worker.goto("/elevators/")
    assert worker.get_by_role("main").locator("tbody tr td a").count() == 0
    menu(head, "我的子用户")
    go(line.get_by_role("link", name="分配电梯"))
    look_for(head, given[1])
    head.get_by_label(given[1], exact=True).check()
    press(head, "分配所选")
    worker.goto("/elevators/")
    assert [row["识别码"] for row in rows(worker)] == [given[1]]
    assert worker.goto(f"/elevators/{kept[0]}").status == 404
    # 按维保单位: all of them, later ones too.
    press(head, "分配全部电梯")
    expect(head.get_by_role("main")).to_contain_text("包括以后新增的")
    assert worker.goto(f"/elevators/{kept[0]}").status == 200

    # 1.4.6 密码重置: 输入当前登录账号的密码; 生成随机密码, 输入固定密码.
    menu(head, "我的子用户")
    go(line.get_by_role("link", name="重置密码"))
    head.get_by_label("您自己的登录密码").fill("not.mine.2026")
    press(head, "重置密码")
    expect(head.get_by_role("main")).to_contain_text("密码")
    head.get_by_label("您自己的登录密码").fill(PASSWORD)
    press(head, "重置密码")
    _login, second = issued(head)
    worker.goto("/profile/")
    assert path_of(worker) == "/login/", "who was signed in with the old password is out"
    menu(head, "我的子用户")
    go(line.get_by_role("link", name="重置密码"))
    head.get_by_label("自行输入").check()
    head.get_by_label("输入的新密码").fill("Gudingmima.7")
    expect(head.locator("meter + span")).to_have_text("中")
    head.get_by_label("您自己的登录密码").fill(PASSWORD)
    press(head, "重置密码")
    assert issued(head)[1] == "Gudingmima.7" != second
    shot(head, "1.4.6 a password of one's own choice")
    sign_in(worker, login, "Gudingmima.7")
    change_first_password(worker, "Gudingmima.7")

    # 1.4.7 级别管理: 系统默认子账号为普工级别; 主账号选择级别并上传相应的证书, 可以查看级别和证书信息.
    menu(head, "我的子用户")
    assert next(iter(rows(head)))["等级"] == "普工"
    go(line.get_by_role("link", name="普工"))
    follow(head, "添加等级证书")
    set_level(head, "G-16-02")
    press(head, "提交审核")
    expect(head.get_by_role("main")).to_contain_text("证书.pdf")
    open_from_queue(admin, "梁鹤鸣")
    decide(admin, "同意")
    menu(head, "我的子用户")
    assert next(iter(rows(head)))["等级"] == "高级工"
    shot(head, "1.4.7 the level in the list")

    # 1.4.8 浙里办解绑; whose phone is bound elsewhere now is not let in by it any more.
    bind_outside(product, login)
    go(line.get_by_role("link", name="编辑"))
    go(head.get_by_role("navigation", name="子用户").get_by_role("link", name="登录与安全"))
    expect(head.get_by_role("main")).to_contain_text("浙里办用户")
    outside = head.locator("form", has=head.get_by_role("button", name="解除绑定"))
    outside.get_by_label("您自己的登录密码").fill("not.mine.2026")
    press(head, "解除绑定")
    expect(head.get_by_role("main")).to_contain_text("浙里办用户")
    outside.get_by_label("您自己的登录密码").fill(PASSWORD)
    press(head, "解除绑定")
    assert head.get_by_text("浙里办用户").count() == 0
    worker.goto("/profile/")
    assert path_of(worker) == "/login/"
    sign_in(worker, login, PASSWORD)
    menu(head, "我的子用户")

    # 1.4.9 短信认证: 如果开通，则该子账号之后每次登录网页端都需要获取手机验证码. 只针对已经绑定手机号码的子账号.
    # What the main account typed is not bound yet: its owner proves it by a code first.
    worker.goto("/profile/")
    worker.get_by_label("手机号码").fill("19905551602")
    worker.locator("#phone_password").fill(PASSWORD)
    press(worker, "获取验证码")
    give_code(worker, sms, "19905551602", "绑定")
    go(line.get_by_role("link", name="编辑"))
    go(head.get_by_role("navigation", name="子用户").get_by_role("link", name="登录与安全"))
    for button in ("启用", "停用"):
        head.get_by_label("您自己的登录密码").first.fill(PASSWORD)
        press(head, button)
        page = sign_in(open_page(), login, PASSWORD)
        assert (path_of(page) == "/login/second/") == (button == "启用")
    shot(head, "1.4.9 sign-in and security of a sub-account")


@pytest.mark.feature("ACC-04", "ACC-05", "ACC-11")
def test_part_3_chapter_1_questions_about_accounts(
    product: Any, enter: Any, open_page: Any, sms: Any, shot: Any
) -> None:
    name, code = firm_without_account(product, 2)
    admin, phone = enter("区域管理员"), "19905551603"
    login, first = make_unit(admin, "维保单位", name, code, phone)
    head = sign_in(open_page(), login, first)
    change_first_password(head, first)
    add_sub_account(head, "huzhou.wenyuan", "程砚秋", "维保文员")

    # 3.1.1 账号不存在: 单位账号为统一社会信用代码，请先核对; whether there is such an account is not told.
    stranger = open_page()
    said = []
    for typed in (code[:-1] + "A", code):
        sign_in(stranger, typed, "Wrong-Password.1")
        said.append(stranger.locator("#login-err").inner_text())
    assert said[0] == said[1]
    # 请联系系统管理员核对单位统一社会信用代码是否与系统中的一致.
    menu(admin, "账号")
    search(admin, "账号", code)
    assert [row["登录名"] for row in rows(admin)] == [code]
    # 如果是子账号，请联系本单位主账号查询账号名称.
    menu(head, "我的子用户")
    assert [row["账号"] for row in rows(head)] == ["huzhou.wenyuan"]

    # 3.1.2 用户密码遗忘: 输错次数过多，系统会暂时锁定该账号; 已绑定手机号，点击"忘记密码".
    for _ in range(4):
        sign_in(stranger, code, "Wrong-Password.1")
        answer_question(stranger, product, "Wrong-Password.1")
    expect(stranger.get_by_role("alert").first).to_contain_text("已锁定至")
    go(stranger.get_by_role("link", name="找回密码"))
    stranger.get_by_label("用户名或已绑定手机号").fill(code)
    read_picture(stranger, product)
    shot(stranger, "3.1.2 a forgotten password")
    press(stranger, "获取验证码")
    expect(stranger.locator("body")).to_contain_text("如果这个账号存在")
    stranger.get_by_label("新密码").fill("Zhaohui.2026")
    expect(stranger.locator("meter + span")).to_have_text("中")
    stranger.get_by_label("再输入一次").fill("Zhaohui.2026")
    give_code(stranger, sms, phone, "设置新密码")
    expect(stranger.locator("body")).to_contain_text("密码已重新设置")
    sign_in(stranger, phone, "Zhaohui.2026")
    assert path_of(stranger) == "/", "the bound phone is a login name, and the lock has ended"
    head.goto("/profile/")
    assert path_of(head) == "/login/"

    # 还未绑定手机: 子账号联系主账号重置 (1.4.6); 主账号联系系统管理员重置密码.
    follow(admin, code)
    press(admin, "重置密码")
    _login, third = issued(admin)
    sign_in(head, code, "Zhaohui.2026")
    assert path_of(head) == "/login/"
    sign_in(head, code, third)
    answer_question(head, product, third)
    change_first_password(head, third)
    assert path_of(head) == "/"

    # 3.1.3 浙里办解绑: 如果是主账号，请联系系统管理员.
    bind_outside(product, code)
    menu(admin, "账号")
    search(admin, "账号", code)
    follow(admin, code)
    press(admin, "解除外部身份")
    assert admin.get_by_role("button", name="解除外部身份").count() == 0
    head.goto("/profile/")
    assert path_of(head) == "/login/"
    sign_in(head, code, PASSWORD)

    # 3.1.4 登录网页端需要获取手机验证码: 将该功能关闭.
    for button, asked in (("启用登录短信认证", True), ("停用登录短信认证", False)):
        head.goto("/profile/")
        head.locator("#sms_password").fill(PASSWORD)
        press(head, button)
        page = sign_in(open_page(), code, PASSWORD)
        assert (path_of(page) == "/login/second/") == asked
    shot(head, "3.1.4 codes at sign-in are off again")
