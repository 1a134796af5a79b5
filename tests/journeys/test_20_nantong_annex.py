"""Annex 1 of nantong's notice, part 4 各地账号及初始密码: each district's and each street's office has its own account.

The annex gives every office the same first password; here each is random, shown once and changed at the first sign-in.
Parts 1 to 3 of the annex (电梯管理, 维保记录, 重点关注内容) are told where the offices look at what is theirs.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from app.models import Elevator
from tests.journeys.steps import change_first_password, fact, follow, menu, press, rows, sign_in, total
from tests.journeys.test_02_accounts import issued

DISTRICT, STREETS = "望湖区", {"明水街道": "980404001000", "棉纺街道": "980404002000"}


def make_office(page: Any, login: str, name: str, region: str, role: str) -> tuple[str, str]:
    """新建监管或坐席账号, from the list of accounts; the region by its name and those above it."""
    menu(page, "账号")
    follow(page, "新建监管或坐席账号")
    page.get_by_label("账号").fill(login)
    page.get_by_label("姓名").fill(name)
    options = page.get_by_label("管辖地区").locator("option")
    shown = [text.strip("　 ") for text in options.all_inner_texts()]
    page.get_by_label("管辖地区").select_option(index=shown.index(region))
    page.get_by_label(role).check()
    press(page, "建立账号")
    return issued(page)


@pytest.mark.feature("ACC-01", "ACC-02", "ACC-05", "ACC-12", "ELV-02", "MNT-12")
def test_annex_1_part_4_an_account_for_each_office(product: Any, enter: Any, open_page: Any, shot: Any) -> None:
    with product.session() as session:
        open_ones = select(func.count()).select_from(Elevator).where(
            Elevator.approved_version > 0, Elevator.is_secret.is_(False)
        )  # fmt: skip
        count = {code: session.scalar(open_ones.where(Elevator.region_code == code)) for code in STREETS.values()}
    city = enter("区域管理员")

    # 区域 | 市场监督管理局 | 账号 | 密码: the city makes the district's account …
    login, first = make_office(city, "wanghu_sjj", "望湖区市场监督管理局", DISTRICT, "区域管理员")
    district = sign_in(open_page(), login, first)
    change_first_password(district, first)

    # … and the district those of its streets, none above or beside it.
    menu(district, "账号")
    follow(district, "新建监管或坐席账号")
    offered = "".join(district.get_by_label("管辖地区").locator("option").all_inner_texts())
    assert "望湖区" in offered and "明水街道" in offered
    assert "澜州市" not in offered and "临河区" not in offered and "青坪区" not in offered
    offices = {}
    for number, street in enumerate(STREETS, 1):
        offices[street] = make_office(district, f"wanghu_jd{number}", f"{street}市场监督管理局", street, "监察员")
    assert len({first, *(password for _name, password in offices.values())}) == 3, "no password is another's"
    shot(district, "a street's account, its password shown once")

    # The table of the annex: who has which account, by area; it can be exported.
    menu(district, "账号")
    table = {row["登录名"]: row for row in rows(district)}
    for number, street in enumerate(STREETS, 1):
        row = table[f"wanghu_jd{number}"]
        assert (row["姓名"], row["管辖地区"], row["用户角色"]) == (f"{street}市场监督管理局", street, "监察员")
    assert "linhe" not in table and "shiju" not in table, "nothing above or beside"
    shot(district, "the accounts of the district's offices")

    # First sign-in of a street's office; what it sees is its street's (parts 1 and 2 of the annex).
    street, code = next(iter(STREETS.items()))
    office = sign_in(open_page(), *offices[street])
    office.goto("/elevators/")
    change_first_password(office, offices[street][1])
    office.goto("/elevators/?tab=every&f_approved=1")
    assert total(office) == count[code]
    shot(office, "1 the street's elevators")
    menu(office, "维保记录")
    expect(office.get_by_role("main").locator("summary", has_text="导出")).to_be_visible()
    beside = next(code for name, code in STREETS.items() if name != street)
    office.goto(f"/elevators/?tab=every&f_region={beside}")
    assert office.get_by_role("main").locator("tbody tr td a").count() == 0
    office.goto("/accounts/new-regulator")
    assert office.get_by_role("button", name="建立账号").count() == 0

    # Whoever lost the password turns to the office above; nobody is given 888888.
    menu(district, "账号")
    follow(district, offices[street][0])
    press(district, "重置密码")
    login, again = issued(district)
    assert again not in {first, offices[street][1], "888888"}
    office.goto("/elevators/")
    expect(office.get_by_role("button", name="登录")).to_be_visible()
    sign_in(office, login, again)
    change_first_password(office, again)
    office.goto("/profile/")
    assert fact(office, "管辖地区") == street
