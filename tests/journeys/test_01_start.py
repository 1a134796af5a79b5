"""Step 1: started by one command, looked at by everyone, stopped with Ctrl-C in the middle of work, started again."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import job_done, menu, path_of, press, sign_in

ROLES = [
    "平台管理员", "区域管理员", "监察员", "维保单位负责人", "维保经理", "维保文员", "维保员", "使用单位负责人",
    "使用单位安全员", "检验人员、单位负责人", "检验人员", "应急坐席", "救援人员、单位负责人", "救援人员",
]  # fmt: skip


def well(health: dict[str, Any]) -> set[str]:
    """The parts that say that they are well."""
    return {name for name, part in health.items() if name != "ok" and part["ok"]}


@pytest.mark.feature("ACC-04", "ACC-13", "DSH-01")
def test_the_start_shows_an_address_and_accounts_that_work(product: Any, open_page: Any, shot: Any) -> None:
    assert product.address in product.said
    assert [login.role for login in product.logins] == ROLES
    passwords = {login.password for login in product.logins}
    assert len(passwords) == len(ROLES)
    assert all(len(password) >= 12 for password in passwords)

    visitor = open_page()
    visitor.goto("/elevators/")
    expect(visitor.get_by_role("button", name="登录")).to_be_visible()
    shot(visitor, "login")

    for login in product.logins:
        phone = login.role == "维保员"
        page = open_page(PHONE if phone else DESK)
        sign_in(page, login.name, login.password)
        if phone and path_of(page) == "/m/":
            shot(page, "first page of 维保员")
            continue
        expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("夜深了|上午好|下午好|晚上好"))
        page.locator("header details > summary").click()
        own = page.locator("header details")
        expect(own).to_contain_text(login.role)
        for link in ("个人信息", "修改密码"):
            expect(own.get_by_role("link", name=link)).to_be_visible()
        shot(page, f"home of {login.role}")


def test_ctrl_c_loses_no_job_and_the_next_start_keeps_the_secrets(product: Any, enter: Any, shot: Any) -> None:
    health = enter("平台管理员")
    answer = health.goto("/health")
    assert answer.status == 200
    # Whoever waits for the address waits for the worker, not for the one of rescues, which may be seconds behind.
    parts = {"beat", "broker", "database", "migrations", "urgent", "worker"}
    for _ in range(60):
        if well(answer.json()) == parts:
            break
        health.wait_for_timeout(1000)
        answer = health.goto("/health")
    assert well(answer.json()) == parts

    page = enter("区域管理员")
    menu(page, "后台任务")
    press(page, "运行")
    job, context = path_of(page), page.context
    page.close()  # it would ask for the job again and again, and come anew in the middle of what follows
    assert product.stop(signal.SIGINT) == 0

    said = product.start()
    assert product.address in said
    assert not any(login.password in said for login in product.logins)
    page = context.new_page()
    page.goto(job)
    job_done(page)
    expect(page.get_by_role("main")).to_contain_text("生成任务")
    shot(page, "the job is done after the restart")
