"""Codes, numbers, names and passwords."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refusal, raise_failing
from app.rules import identifiers as ids

TODAY = date(2026, 11, 21)


def uscc(first17: str) -> str:
    return first17 + ids.uscc_check_char(first17)


def resident_id(first17: str) -> str:
    total = sum(int(c) * w for c, w in zip(first17, ids.RESIDENT_ID_WEIGHTS, strict=True))
    return first17 + ids.RESIDENT_ID_CHECKS[total % 11]


@pytest.mark.feature("UNT-02")
@pytest.mark.parametrize("first17", ["91350100M000100Y4", "N2350100MA000000X", "11100000000013127"])
def test_uscc_normalised(first17: str) -> None:
    code = uscc(first17)
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    assert ids.check_uscc(code) == code
    assert ids.check_uscc(f"  {code[:4].lower()} {code[4:].lower()}\u200b ") == code
    assert ids.check_uscc(wide) == code


def test_uscc_known_value() -> None:
    assert ids.check_uscc("91350100M000100Y43") == "91350100M000100Y43"  # the standard's own example


@pytest.mark.feature("UNT-02")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "没有填写"),
        ("91350100M000100Y4", "现为 17 位"),
        ("91350100M000100Y44", "校验码"),
        ("91350100I000100Y43", "不会出现的字符"),
        ("9135010０M000100Y4٣", "不会出现的字符"),
        ("91AB0100M000100Y43", "不会出现的字符"),
    ],
)
def test_uscc_refused(text: str, found: str) -> None:
    with pytest.raises(Refusal) as caught:
        ids.check_uscc(text)
    finding = caught.value.findings[0]
    assert found in finding.found
    assert (finding.field, finding.value) == ("uscc", text)
    assert finding.remedy


@given(st.text(ids.USCC_ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(ids.USCC_ALPHABET))
def test_uscc_check_finds_each_single_slip(first17: str, at: int, other: str) -> None:
    if first17[at] != other:
        slipped = first17[:at] + other + first17[at + 1 :]
        assert ids.uscc_check_char(slipped) != ids.uscc_check_char(first17)


@given(st.text())
def test_normal_code_settles(text: str) -> None:
    code = ids.normal_code(text)
    assert ids.normal_code(code) == code
    assert not any(c.isspace() for c in code)


@pytest.mark.feature("PER-05")
def test_resident_id() -> None:
    code = resident_id("11010519491231002")
    assert code == "11010519491231002X"
    assert ids.check_resident_id("11010519491231002x", TODAY) == code
    permit = resident_id("81000019900101001")
    assert ids.check_resident_id(permit, TODAY) == permit
    today = resident_id("110105" + "20261121" + "002")
    assert ids.check_resident_id(today, TODAY) == today


@pytest.mark.feature("PER-05")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("110105491231002", "现为 15 位"),
        ("01010519491231002X", "前 17 位应为数字"),
        (resident_id("11010519490231002"), "出生日期"),
        (resident_id("11010520261122002"), "今天之后"),
        ("110105194912310021", "校验码"),
        ("1101051949123100٢X", "前 17 位应为数字"),
    ],
)
def test_resident_id_refused_without_being_quoted(text: str, found: str) -> None:
    with pytest.raises(Refusal) as caught:
        ids.check_resident_id(text, TODAY)
    assert found in str(caught.value)
    assert text not in str(caught.value.findings[0].as_dict())


@pytest.mark.parametrize(
    "text", ["13800008000", "138 0000 8000", "138-0000-8000", "+86 13800008000", "１３８００００８０００"]
)
def test_mobile(text: str) -> None:
    assert ids.check_mobile(text) == "13800008000"


@pytest.mark.parametrize("text", ["", "12800008000", "1380000800", "138000080000", "1380000800a", "٣٣٨٠٠٠٠٨٠٠٠"])
def test_mobile_refused(text: str) -> None:
    with pytest.raises(Refusal):
        ids.check_mobile(text)


@pytest.mark.feature("ACC-08")
@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("abcde", True),
        ("a" * 20, True),
        ("wei.bao_01", True),
        ("abcd", False),
        ("a" * 21, False),
        ("abc de", False),
        ("维保员一号", False),
        ("abc-de", False),
        ("", False),
    ],
)
def test_login_name(text: str, ok: bool) -> None:
    if ok:
        assert ids.check_login_name(f" {text} ") == text
    else:
        with pytest.raises(Refusal):
            ids.check_login_name(text)


@pytest.mark.feature("ELV-01")
def test_elevator_code_by_policy() -> None:
    assert ids.elevator_code_finding("tc 123456", "TC[0-9]{6}").ok
    bad = ids.elevator_code_finding("TC1234567", "TC[0-9]{6}")
    assert bad.stops
    assert bad.remedy
    assert ids.elevator_code_finding("", "TC[0-9]{6}").found == "没有填写识别码"
    # A clerk reads words where the form is so many digits, else the form itself.
    for pattern, said in (
        ("[0-9]{6,8}", "6 至 8 位数字"), (r"\d{6}", "6 位数字"), ("[0-9]{7,7}", "7 位数字"),
        ("TC[0-9]{6}", "TC[0-9]{6}"),
    ):  # fmt: skip
        assert ids.elevator_code_finding("12345", pattern).found == f"识别码 12345 不符合本地区的格式：{said}"


@pytest.mark.feature("ELV-01")
def test_soft_checks_warn_and_never_stop() -> None:
    assert ids.registration_code_warning("3" * 20).ok
    assert ids.certificate_no_warning("梯11苏A00001(17)").ok
    assert ids.certificate_no_warning("梯11苏A00001（17）").ok
    assert ids.equipment_code_warning("311010AB1202400001").ok
    for finding in (
        ids.registration_code_warning("EMPTY-0001"),
        ids.registration_code_warning("3" * 17),
        ids.certificate_no_warning("梯11粤EM0866"),
        ids.equipment_code_warning("4110"),
    ):
        assert not finding.ok
        assert not finding.stops
        assert finding.remedy


def test_masks() -> None:
    assert ids.mask_mobile("13800008000") == "138****8000"
    assert ids.mask_mobile("1380000") == "*******"
    assert ids.mask_resident_id("11010519491231002X") == "110***********002X"
    assert ids.mask_resident_id("110105") == "******"


def check_password(text: str, min_length: int, login_name: str = "") -> str:
    """The password unchanged, or a refusal with every reason, as the doors that set one do it."""
    raise_failing(ids.password_findings(text, min_length, login_name))
    return text


@pytest.mark.feature("ACC-05")
@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("abcdefghi1", True),
        ("abcdefgh.i", True),
        ("1234567890", False),
        ("abcdefghij", False),
        ("abcDEFghij", False),
        ("abcdefgh1", False),
        ("a1" * 64, True),
        ("a1" * 64 + "b", False),
        ("abcdefgh1\n", False),
        ("正确的马电池订书钉一号1", True),
    ],
)
def test_password(text: str, ok: bool) -> None:
    if ok:
        assert check_password(text, 10) == text
    else:
        with pytest.raises(Refusal) as caught:
            check_password(text, 10)
        assert text not in str(caught.value)


@pytest.mark.feature("ACC-05")
def test_password_tells_all_reasons_at_once() -> None:
    with pytest.raises(Refusal) as caught:
        check_password("aaa", 10)
    assert {f.rule for f in caught.value.findings} == {"密码长度", "密码组成"}
    with pytest.raises(Refusal):
        check_password("Weibao.000001", 10, login_name="weibao.000001")


def test_login_names_that_look_alike_are_one() -> None:
    assert ids.login_key("Ann.01") == ids.login_key("ann.01 ")
