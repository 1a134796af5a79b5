"""What a business licence says (UNT-03), from words and their boxes: columns, lines that go on, letters misread."""

from __future__ import annotations

import pytest

from app.rules.identifiers import uscc_check_char
from app.rules.licence_text import Word, fields_of

pytestmark = pytest.mark.feature("UNT-03")
FIRST = "91980402MA2K0000" + "1"
CODE = FIRST + uscc_check_char(FIRST)


def at(left: int, row: int, text: str, size: int = 30) -> Word:
    """A word of square letters in a row of 50 pixels."""
    return Word(text, left, 100 + 50 * row, size * len(text), size)


def test_two_columns_and_lines_that_go_on() -> None:
    words = [
        at(100, 0, "统一社会信用代码"), at(100, 1, CODE),
        at(100, 3, "名"), at(190, 3, "称"), at(340, 3, "澜州恒枢电梯工程有限公司"),
        at(900, 3, "注册资本"), at(1100, 3, "伍佰万元整"),
        at(100, 4, "法定代表人"), at(340, 4, "顾以宁"), at(900, 4, "成立日期"), at(1100, 4, "2015年03月12日"),
        at(100, 5, "经营范围"), at(340, 5, "特种设备安装改造修理；"), at(900, 5, "住所"), at(1100, 5, "澜州市听澜路"),
        at(340, 6, "电梯维修服务。"), at(1100, 6, "18号"),
    ]  # fmt: skip
    assert fields_of(words) == {
        "uscc": CODE, "name": "澜州恒枢电梯工程有限公司", "registered_capital": "伍佰万元整", "legal_person": "顾以宁",
        "established_on": "2015-03-12", "business_scope": "特种设备安装改造修理；电梯维修服务",
        "address": "澜州市听澜路18号",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2015年03月12日至2035年03月11日", "2035-03-11"),
        ("2015年03月12日至长期", None),
        ("长期", None),
        ("2015年03月12日至2035年02月30日", None),
    ],
)
def test_a_term_ends_or_goes_on(text: str, until: str | None) -> None:
    assert fields_of([at(100, 0, "营业期限"), at(300, 0, text)]).get("business_until") == until


def test_letters_that_the_code_never_has_are_the_figures_they_look_like() -> None:
    misread = CODE.replace("0", "O").replace("1", "I", 1).lower()
    assert fields_of([at(100, 0, misread)])["uscc"] == CODE
    wrong = CODE[:-1] + ("0" if CODE[-1] != "0" else "1")
    assert fields_of([at(100, 0, wrong)]) == {}, "a code that contradicts itself is left out"


def test_a_label_within_a_value_is_no_label() -> None:
    words = [at(100, 0, "名称"), at(300, 0, "澜州名称类型咨询有限公司"), at(100, 1, "类型"), at(300, 1, "有限责任公司")]
    assert fields_of(words) == {"name": "澜州名称类型咨询有限公司", "enterprise_type": "有限责任公司"}


def test_a_label_of_four_letters_may_have_one_misread() -> None:
    words = [at(100, 0, "经营范转"), at(300, 0, "电梯维修"), at(900, 0, "注朋资木"), at(1100, 0, "五十万元")]
    assert fields_of(words)["business_scope"].startswith("电梯维修") and "registered_capital" not in fields_of(words)
    assert fields_of([at(100, 0, "住听"), at(300, 0, "听澜路18号")]) == {}


def test_what_is_said_in_one_line_ends_with_it() -> None:
    words = [at(100, 0, "法定代表人"), at(340, 0, "顾以宁"), at(100, 1, "登记机关说明")]
    assert fields_of(words) == {"legal_person": "顾以宁"}


def test_what_is_far_below_is_no_part_of_the_value() -> None:
    words = [at(100, 0, "住所"), at(300, 0, "听澜路18号"), at(300, 6, "登记机关")]
    assert fields_of(words) == {"address": "听澜路18号"}


@pytest.mark.parametrize("words", [[], [Word(" ", 0, 0, 10, 10)], [Word("澜", 0, 0, 10, 0)], [at(100, 0, "合影留念")]])
def test_no_licence_gives_nothing(words: list[Word]) -> None:
    assert fields_of(words) == {}
