"""Step 8: what is near or over, counted in the menu, coloured, and taken away as a file."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.journeys.steps import comes_to, go, menu, number_in, rows, tab_count, total

KINDS = {
    "maintenance": "维保", "inspection": "年检", "governor": "限速器", "component": "组件寿命", "contract": "合同",
    "certificate": "资质证书", "licence": "许可证", "device": "物联网设备",
}  # fmt: skip
PAPERS = ("certificate", "licence")
LEVELS = {"over": "超期", "near": "临近"}


@pytest.mark.feature("WRN-01", "PLN-09", "CON-02")
def test_warnings_say_who_must_act(product: Any, enter: Any, shot: Any) -> None:
    page = enter("区域管理员")
    menu(page, "预警")
    over_in_all = 0
    for kind, word in KINDS.items():
        go(page.get_by_role("navigation", name="预警种类").get_by_role("link", name=word))
        levels = LEVELS | ({"over": "过期"} if kind in PAPERS else {})
        counts = {level: tab_count(page, f"{word}预警", label) for level, label in levels.items()}
        over_in_all += counts["over"]
        assert tab_count(page, "预警种类", word) == sum(counts.values())
        for level, label in levels.items():
            go(page.get_by_role("navigation", name=f"{word}预警", exact=True).get_by_role("link", name=label))
            if counts[level]:
                assert total(page) == counts[level]
                assert kind in PAPERS or all(row["识别码"].isdigit() for row in rows(page))
                shot(page, f"{kind} {level}")
    # The menu counts what is over.
    told = page.get_by_role("navigation", name="主菜单").get_by_role("link", name=re.compile("^预警")).locator(".ta-n")
    comes_to(page, lambda: number_in(told.inner_text()), over_in_all)
