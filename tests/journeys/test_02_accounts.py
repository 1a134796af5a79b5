"""Step 2: a regional administrator makes accounts below; their first sign-in; what a new regulator sees."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from tests.journeys.steps import (
    PASSWORD,
    answer_question,
    change_first_password,
    comes_to,
    fact,
    follow,
    go,
    menu,
    number_in,
    path_of,
    press,
    rows,
    search,
    sign_in,
    total,
    uscc,
)

QINGPING = "980403000000"


def issued(page: Any) -> tuple[str, str]:
    """The login name and password that are shown this once."""
    expect(page.get_by_role("main")).to_contain_text("只在本页显示这一次")
    return fact(page, "登录名"), fact(page, "初始密码")


def make_unit(page: Any, kind: str, name: str, code: str, phone: str = "19905550001") -> tuple[str, str]:
    """新建单位主账号, from the list of accounts."""
    page.goto("/accounts/")
    go(page.get_by_role("link", name="新建单位主账号"))
    page.get_by_label(kind).check()
    page.get_by_label("单位名称").fill(name)
    page.get_by_label("统一社会信用代码").fill(code)
    page.get_by_label("所在地区").select_option(label="青坪区")
    page.get_by_label("负责人姓名").fill("秦若谷")
    page.get_by_label("负责人手机").fill(phone)
    press(page, "建立主账号")
    return issued(page)


@pytest.mark.feature("ACC-01", "ACC-02", "ACC-04", "ACC-05", "ACC-13")
def test_accounts_are_made_below_and_opened(product: Any, enter: Any, open_page: Any, shot: Any) -> None:
    with product.session() as session:
        from app.models import Elevator, Region

        approved = select(func.count()).select_from(Elevator).where(Elevator.approved_version > 0)
        in_district = session.scalar(approved.where(Elevator.region_code.startswith(QINGPING[:6])))
        secret = session.scalar(
            approved.where(Elevator.region_code.startswith(QINGPING[:6]), Elevator.is_secret)
        )
        kept = session.scalar(approved.where(Elevator.status != "scrapped"))
        kept_there = session.scalar(
            approved.where(Elevator.region_code.startswith(QINGPING[:6]), Elevator.status != "scrapped")
        )
        below_city = session.scalar(
            select(func.count()).select_from(Region).where(Region.code.startswith("9804"))
        )

    admin = enter("区域管理员")
    figure = admin.get_by_role("region", name="今日数字").get_by_role("link").filter(has_text="管辖电梯")
    comes_to(admin, lambda: number_in(figure.locator(".n").inner_text()), kept)
    shot(admin, "home of the region's administrator")

    menu(admin, "地区")
    tree = {row["区划代码"]: row for row in rows(admin)}
    assert len(tree) == below_city, "the own subtree, whole"
    assert "980000000000" not in tree, "nothing above the own node"
    assert tree["980400000000"]["名称"] == "澜州市"
    assert number_in(tree["980400000000"]["电梯"]) == kept
    assert number_in(tree[QINGPING]["电梯"]) == kept_there
    shot(admin, "region tree")

    menu(admin, "账号")
    follow(admin, "新建监管或坐席账号")
    admin.get_by_label("账号").fill("qing")
    admin.get_by_label("姓名").fill("许牧之")
    admin.get_by_label("管辖地区").select_option(label="青坪区")
    admin.get_by_label("监察员").check()
    press(admin, "建立账号")
    expect(admin.get_by_role("main")).to_contain_text("5 至 20 个")
    assert admin.get_by_label("姓名").input_value() == "许牧之", "a refused form keeps its input"
    admin.get_by_label("账号").fill("qingping")
    press(admin, "建立账号")
    inspector, first = issued(admin)
    assert inspector == "qingping"
    shot(admin, "password shown once")
    admin.reload()
    expect(admin.get_by_role("main")).not_to_contain_text(first)

    firm_name, firm_password = make_unit(admin, "维保单位", "澜州渡云电梯有限公司", uscc(11))
    assert firm_name == uscc(11), "a main account's name is the unit's code"
    use_name, use_password = make_unit(admin, "使用单位", "澜州听竹物业服务有限公司", uscc(12))
    assert len({first, firm_password, use_password}) == 3

    # First sign-in: nothing but the change of the password, and no weak one.
    page = sign_in(open_page(), inspector, first)
    page.goto("/elevators/")
    expect(page.get_by_role("heading", name="修改密码")).to_be_visible()
    change_first_password(page, first, "12345678901")
    expect(page.get_by_role("main")).to_contain_text("至少两种")
    shot(page, "a weak password is refused")
    change_first_password(page, first)
    menu(page, "电梯")
    page.goto("/elevators/?tab=every&f_approved=1")
    assert total(page) == in_district - secret, "secret ones are for those who hold the right"
    page.goto("/regions/")
    assert "980402000000" not in page.content(), "the district beside is not theirs"

    # Tries are limited: the fifth wrong one locks, and then the right password opens nothing either.
    stranger = open_page()
    for _ in range(5):
        sign_in(stranger, use_name, "wrong-Password.1")
        answer_question(stranger, product, "wrong-Password.1")
        assert path_of(stranger) == "/login/"
    expect(stranger.get_by_role("alert").first).to_contain_text("已锁定至")
    sign_in(stranger, use_name, use_password)
    answer_question(stranger, product, use_password)
    expect(stranger.get_by_role("alert")).to_contain_text("锁定")
    shot(stranger, "locked after five tries")

    menu(admin, "账号")
    search(admin, "账号", use_name)
    follow(admin, use_name)
    assert fact(admin, "状态") == "锁定"
    press(admin, "解锁")
    assert fact(admin, "状态") == "在用"
    sign_in(stranger, use_name, use_password)
    change_first_password(stranger, use_password, PASSWORD)
    expect(stranger.get_by_role("heading", name="开始使用")).to_be_visible()
    shot(stranger, "a new use unit begins")
