"""An office's wall: 数据驾驶舱 fills the screen, brings itself anew, and says when the server can't be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import go


@pytest.mark.feature("DSH-02")
def test_the_cockpit_stays_on_the_wall(enter: Callable[..., Any]) -> None:
    page = enter("区域管理员")
    go(page.get_by_role("link", name="数据驾驶舱"))
    page.get_by_role("button", name="全屏").click()
    expect(page.get_by_role("button", name="退出全屏")).to_be_visible()
    # The next minute's content takes the place of this one's, and the screen stays full.
    page.locator(".ck-clock").evaluate("clock => { clock.textContent = 'old' }")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".ck-clock")).not_to_have_text("old")
    expect(page.get_by_role("button", name="退出全屏")).to_be_visible()
    assert page.evaluate("!!document.fullscreenElement")
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("连不上服务器").wait_for()
    page.context.set_offline(False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("连不上服务器").wait_for(state="hidden")
    # A place opens its own cockpit, and the way up leads back.
    go(page.get_by_role("link", name="临河区").first)
    page.get_by_role("heading", name="临河区电梯安全数据驾驶舱").wait_for()
    go(page.get_by_role("link", name="回到上一级"))
    page.get_by_role("heading", name="澜州市电梯安全数据驾驶舱").wait_for()
