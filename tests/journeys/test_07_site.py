"""Step 7: the main account makes a worker's account; the worker serves an elevator by phone; the use unit reviews."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import change_first_password, fact, follow, menu, press, rows, sign_in

WORKER = "yuan.weibao7"


def add_sub_account(page: Any, login: str, name: str, role: str) -> str:
    """新增子用户, from 我的子用户; gives the first password."""
    menu(page, "我的子用户")
    follow(page, "新增子用户")
    page.get_by_label("帐号").fill(login)
    page.get_by_label("姓名", exact=False).first.fill(name)
    page.get_by_label(role, exact=True).check()
    press(page, "建立子用户")
    expect(page.get_by_role("main")).to_contain_text("只在本页显示这一次")
    return fact(page, "初始密码")


@pytest.mark.feature("ACC-08", "ACC-10", "ACC-11", "ACC-14")
def test_a_main_account_makes_sub_accounts_and_gives_them_elevators(
    product: Any, enter: Any, open_page: Any, shot: Any
) -> None:
    mine, other = product.spare[7], product.spare[8]
    head = enter("维保单位负责人")
    first = add_sub_account(head, WORKER, "白屿白", "维保员")
    follow(head, "分配电梯")
    head.get_by_role("textbox", name="搜索", exact=True).fill(mine.code)
    press(head, "查找")
    head.get_by_label(mine.code, exact=True).check()
    press(head, "分配所选")
    expect(head.get_by_role("main")).to_contain_text("新分配 1 台")
    shot(head, "one elevator given")
    menu(head, "我的子用户")
    row = next(r for r in rows(head) if r["帐号"] == WORKER)
    assert (row["姓名"], row["角色"], row["电梯"], row["状态"]) == ("白屿白", "维保员", "1", "在用")
    shot(head, "sub-accounts")

    worker = sign_in(open_page(), WORKER, first)
    change_first_password(worker, first)
    worker.goto("/elevators/")
    assert [r["识别码"] for r in rows(worker)] == [mine.code], "a sub-account sees what it was given and nothing else"
    assert worker.goto(f"/elevators/{other.id}").status == 404
    shot(worker, "what the sub-account sees")
