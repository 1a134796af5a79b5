"""How a 营业期限 says that it has no end."""

from __future__ import annotations

import pytest

from app.rules.licence_text import is_forever

pytestmark = pytest.mark.feature("UNT-02")


@pytest.mark.parametrize(
    "text",
    [
        "长期", " 长 期 ", "长期有效", "长期经营", "永久", "永久存续", "永续经营", "无固定期限", "无期限", "无限期",
        "不约定期限", "2015-03-12至长期", "2015年03月12日 至 无固定期限", "自2015年3月12日起至永久", "2015/3/12 — 长期",
        "2015.3.12～长期", "(长期)", "营业期限：长期", "Long-term", "no fixed term", "Permanent",
        "unbefristet", "indefinido",
    ],
)  # fmt: skip
def test_no_end(text: str) -> None:
    assert is_forever(text)


@pytest.mark.parametrize(
    "text", ["", "2035-03-12", "2015-03-12至2035-03-12", "非长期", "长期有限公司", "至", "一年", "不长期", "是", "期"]
)
def test_an_end_or_nothing(text: str) -> None:
    assert not is_forever(text)
