"""Codes, numbers, names and passwords: how each is normalised, checked and masked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date

from app.errors import Finding, refuse
from app.wording import say

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I O S V Z
USCC_FORM = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
RESIDENT_ID_FORM = re.compile(r"[1-9][0-9]{16}[0-9X]")
RESIDENT_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_ID_CHECKS = "10X98765432"
MOBILE_FORM = re.compile(r"1[3-9][0-9]{9}")
LOGIN_NAME_FORM = re.compile(r"[A-Za-z0-9._]{5,20}")
REGISTRATION_CODE_FORM = re.compile(r"[0-9]{20}")
CERTIFICATE_NO_FORM = re.compile(r"梯[1-4][1-3][一-龥][A-Z][0-9A-Z]{5}[(（][0-9]{2}[)）]")
EQUIPMENT_CODE_FORM = re.compile(r"3[0-9]{3}[0-9A-Z]{14,15}")
# What a stranger guesses first here; what stands beside such a word must be worth something by itself.
GUESSED_WORDS = (
    "tian", "dianti", "tejian", "zhijian", "jianguan", "weibao", "weihu", "elevator", "lift", "admin", "administrator",
    "root", "password", "passwd", "mima", "worker", "clerk", "inspector", "wuye", "test", "demo", "welcome", "qwerty",
    "asdfgh", "zxcvbn", "abc", "woaini", "huanying", "梯安", "电梯", "特监", "特检", "质监", "监管", "维保", "维护",
    "管理员", "密码", "物业",
)  # fmt: skip
GUESSED_REST = 4
# NUL and half a surrogate pair are in no text that a database keeps; JSON and lines of a network can hold both.
BROKEN = re.compile("[\x00\ud800-\udfff]")
PASSWORD_MAX_LENGTH = 128  # long enough for a sentence, short enough that hashing it is no attack


def _plain(text: str) -> str:
    """NFKC, without white space and without invisible format characters (zero-width space, BOM, bidi marks)."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc"))


def normal_code(text: str) -> str:
    """A code as it is compared and stored: NFKC, upper case, no white space inside or outside.

    Invisible characters go too: a zero-width space would otherwise make a second "unique" code that looks the same.
    """
    if text.isascii() and text.isalnum():
        return text.upper()
    code = _plain(text)
    # Upper-casing can undo NFKC for a few letters, so both are applied until nothing changes; two rounds do.
    for _ in range(3):
        code = _plain(code.upper())
    return code


def unbroken(text: str) -> str:
    """What a database keeps of a text that may be none."""
    return BROKEN.sub("\ufffd", text)


def normal_codes(texts: Sequence[str]) -> list[str]:
    """`normal_code` of each: looked at all at once, for nearly all codes of a register stand in their normal form."""
    held = "".join(texts)
    if held.isascii() and (held.isalnum() or not held):
        return list(texts) if held == held.upper() else [text.upper() for text in texts]
    return list(map(normal_code, texts))


def uscc_check_char(first17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100: weights 3^i mod 31)."""
    total = sum(USCC_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def check_uscc(text: str, field: str = "uscc") -> str:
    """The normalised 统一社会信用代码, or a refusal. N2… (rural collectives) is real."""
    code = normal_code(text)
    rule = "统一社会信用代码（GB 32100）"
    if not code:
        raise refuse(rule, "没有填写", "请按营业执照填写 18 位代码", field=field, value=text)
    if len(code) != 18:
        found = say("应为 18 位，现为 %(count)s 位", count=len(code))
        raise refuse(rule, found, "请按营业执照核对，不要多填或漏填", field=field, value=text)
    if not USCC_FORM.fullmatch(code):
        remedy = "请按营业执照核对：代码只含数字和大写字母，没有 I、O、S、V、Z，第 3 至 8 位为数字"
        raise refuse(rule, "含有代码中不会出现的字符", remedy, field=field, value=text)
    if uscc_check_char(code[:17]) != code[17]:
        remedy = "请按营业执照逐位核对，常见为看错或输错一位"
        raise refuse(rule, "末位校验码与前 17 位不符", remedy, field=field, value=text)
    return code


def check_resident_id(text: str, today: date, field: str = "resident_id") -> str:
    """The normalised 身份证号 (GB 11643, mod 11-2), or a refusal.

    The region part is not looked up: 81/82/83 are residence permits, and areas were recoded after people were born.
    The refusal masks the number, since refusals are logged.
    """
    code = normal_code(text)
    rule = "居民身份证号（GB 11643）"
    shown = mask_resident_id(code)
    if len(code) != 18:
        raise refuse(
            rule,
            say("应为 18 位，现为 %(count)s 位", count=len(code)),
            "请填写 18 位身份证号",
            field=field,
            value=shown,
        )
    if not RESIDENT_ID_FORM.fullmatch(code):
        raise refuse(rule, "前 17 位应为数字，末位为数字或 X", "请按身份证核对", field=field, value=shown)
    try:
        born_on = date(int(code[6:10]), int(code[10:12]), int(code[12:14]))
    except ValueError:
        raise refuse(rule, "第 7 至 14 位不是真实的出生日期", "请按身份证核对", field=field, value=shown) from None
    if born_on > today:
        raise refuse(rule, "第 7 至 14 位的出生日期在今天之后", "请按身份证核对", field=field, value=shown)
    total = sum(int(c) * w for c, w in zip(code[:17], RESIDENT_ID_WEIGHTS, strict=True))
    if RESIDENT_ID_CHECKS[total % 11] != code[17]:
        raise refuse(rule, "末位校验码与前 17 位不符", "请按身份证逐位核对", field=field, value=shown)
    return code


def check_mobile(text: str, field: str = "mobile") -> str:
    """The 11 digits of a mobile number, or a refusal. Spaces, hyphens and +86 in front are taken off."""
    number = re.sub(r"^(\+86|0086)", "", _plain(text).replace("-", ""))
    if not MOBILE_FORM.fullmatch(number):
        found = (
            "没有填写"
            if not number
            else say("应为 11 位、以 13 至 19 开头的数字，现为 %(count)s 位", count=len(number))
        )
        if len(number) == 11:
            found = "应为 11 位、以 13 至 19 开头的数字"
        raise refuse("手机号码", found, "请核对后重新填写", field=field, value=text)
    return number


def check_call_number(text: str, field: str = "phone") -> str:
    """A number that one can be called back under, mobile or landline, in digits alone; somebody in need typed it."""
    value = re.sub(r"[\s()+-]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[0-9]{5,15}", value):
        raise refuse("电话", "不是电话号码", "请填写手机或带区号的座机，不方便时可以不填", field=field, value=text)
    return value


def check_login_name(text: str, field: str = "login_name") -> str:
    """A login name (ACC-08: 5–20 letters, digits, dot, underscore) as typed, without outer blanks, or a refusal."""
    name = unicodedata.normalize("NFKC", text).strip()
    if not LOGIN_NAME_FORM.fullmatch(name):
        length = "" if 5 <= len(name) <= 20 else say("，现为 %(count)s 个字符", count=len(name))
        found = say("应为 5 至 20 个字母、数字、点或下划线%(length)s", length=length)
        raise refuse("账号", found, "请换一个账号，例如 weibao.01", field=field, value=text)
    return name


def login_key(text: str) -> str:
    """What makes two login names the same: Ann.01 and ann.01 can't be two people."""
    return _plain(text).casefold()


_DIGITS = re.compile(r"(?:\[0-9\]|\\d)\{(\d+)(?:,(\d+))?\}")


def code_form(pattern: str) -> str:
    """A policy's pattern as people say it; one that is more than so many digits is told as it stands."""
    digits = _DIGITS.fullmatch(pattern)
    if digits is None:
        return pattern
    least, most = digits[1], digits[2] or digits[1]
    return say("%(n)s 位数字", n=least) if least == most else say("%(a)s 至 %(b)s 位数字", a=least, b=most)


def is_elevator_code(text: str, pattern: str) -> bool:
    """Whether the whole 识别码, normalised, has the form of a region's policy."""
    return re.fullmatch(pattern, normal_code(text)) is not None


def elevator_code_finding(text: str, pattern: str, field: str = "code") -> Finding:
    """Whether a 识别码 has the form of the region's policy; the whole code must match, after normalising."""
    code, ok = normal_code(text), is_elevator_code(text, pattern)
    return Finding(
        "识别码格式",
        ok,
        say("识别码 %(code)s%(more)s", code=code, more="" if ok else say(" 不符合本地区的格式：%(form)s",
            form=code_form(pattern))) if code else "没有填写识别码",
        "" if ok else "请按电梯标牌核对；格式由所在地区的政策规定",
        field=field,
        value=text,
    )


def _soft(rule: str, form: re.Pattern[str], text: str, field: str, expected: str) -> Finding:
    ok = form.fullmatch(normal_code(text)) is not None
    found = f"{text}" if ok else say("%(text)s 不是%(expected)s", text=text or "（空）", expected=expected)
    remedy = "" if ok else "可以保存；请对照登记资料核对，旧编号可以保留"
    return Finding(rule, ok, found, remedy, field=field, value=text, level="warn")


def registration_code_warning(text: str, field: str = "registration_code") -> Finding:
    """注册代码: 20 digits. Placeholders (EMPTY-…) and 17-digit codes are in real registers: warn, never refuse."""
    return _soft("注册代码", REGISTRATION_CODE_FORM, text, field, " 20 位数字的注册代码")


def certificate_no_warning(text: str, field: str = "certificate_no") -> Finding:
    """使用登记证编号 such as 梯11苏A00001(17). Older ones lack the year or hold two letters: warn, never refuse."""
    return _soft("使用登记证编号", CERTIFICATE_NO_FORM, text, field, "“梯11苏A00001(17)”这样的编号")


def equipment_code_warning(text: str, field: str = "equipment_code") -> Finding:
    """设备代码: 18 characters from the maker, 19 from the registrar, both beginning with catalogue class 3."""
    return _soft("设备代码", EQUIPMENT_CODE_FORM, text, field, "以 3 开头的 18 或 19 位设备代码")


MAIL_FORM = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")


def check_mail(text: str, field: str = "mail") -> str:
    """An address of mail in small letters, of at most 60 signs; two addresses that differ in case are one."""
    address = _plain(text).strip().lower()
    if len(address) > 60 or not MAIL_FORM.fullmatch(address) or ".." in address or address.endswith(".invalid"):
        found = "不是有效的邮箱地址" if address else "没有填写"
        remedy = "请填写如 name@example.com 的地址，最多 60 个字符"
        raise refuse("邮箱", found, remedy, field=field, value=text[:80])
    return address


def mask_mail(text: str) -> str:
    """w***@example.com: the first sign and the house."""
    name, _at, house = text.partition("@")
    return f"{name[:1]}***@{house}"


def mask_mobile(text: str) -> str:
    """138****8000; anything that is not 11 characters is hidden whole."""
    return f"{text[:3]}****{text[-4:]}" if len(text) == 11 else "*" * len(text)


def mask_resident_id(text: str) -> str:
    """First 3 and last 4 characters of 18; anything of another length is hidden whole."""
    return f"{text[:3]}{'*' * 11}{text[-4:]}" if len(text) == 18 else "*" * len(text)


def mask_login(text: str) -> str:
    """Its first third: of an ID number the six digits of the place, as nantong's records show it."""
    shown = len(text) // 3
    return text[:shown] + "*" * (len(text) - shown)


# By the sensitivity that a column declares.
MASKS: dict[str, Callable[[str], str]] = {
    "mobile": mask_mobile, "id": mask_resident_id, "mail": mask_mail, "login": mask_login,
}  # fmt: skip
_NUMBER = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")


def masked(kind: str, text: str) -> str:
    """A person's number as everybody may see it."""
    return MASKS[kind](text) if text else text


def mask_numbers(text: str) -> str:
    """A text with whatever looks like a person's mobile, ID number or address of mail masked: nobody vouches for it."""
    text = MAIL_FORM.sub(lambda found: mask_mail(found[0]), text)
    return _NUMBER.sub(lambda found: masked("mobile" if len(found[0]) == 11 else "id", found[0]), text)


def told_fault(error: Exception, most: int = 500) -> str:
    """What is kept of a call that failed: the other side likes to repeat whom it was asked about, or says what no
    database keeps."""
    return unbroken(mask_numbers(f"{type(error).__name__}: {error}"))[:most]


def password_findings(text: str, min_length: int, login_name: str = "", field: str = "password") -> list[Finding]:
    """ACC-05 as findings, all at once. Upper and lower case are one kind; the password itself is never quoted."""
    kinds = {
        "letter" if c.isalpha() else "digit" if c.isdigit() else c if c in "._" else "other"
        for c in text
    }
    return [
        Finding(
            "密码长度",
            min_length <= len(text) <= PASSWORD_MAX_LENGTH,
            say("%(count)s 个字符，应为 %(min_length)s 至 %(password_max_length)s 个", count=len(text),
                min_length=min_length, password_max_length=PASSWORD_MAX_LENGTH),
            "请加长或缩短密码",
            field=field,
        ),
        Finding(
            "密码组成",
            len(kinds) >= 2,
            say("含 %(count)s 种字符，字母、数字、点、下划线、其他符号中至少要有两种", count=len(kinds)),
            "请混合使用，例如字母加数字",
            field=field,
        ),
        Finding(
            "密码字符",
            text.isprintable(),
            "全部可显示" if text.isprintable() else "含有看不见的控制字符",
            "请重新输入，不要粘贴换行或制表符",
            field=field,
        ),
        Finding(
            "密码与账号不同",
            not login_name or login_key(text) != login_key(login_name),
            "不能与账号相同",
            "请换一个密码",
            field=field,
        ),
        Finding(
            "容易猜的词",
            not is_guessable(text, login_name),
            "主要由“电梯、维保、tian、admin”一类的词或账号加数字、符号组成",
            say("请换一个，或在这个词之外再加至少 %(guessed_rest)s 个字母或汉字", guessed_rest=GUESSED_REST),
            field=field,
        ),
    ]


def is_guessable(text: str, login_name: str = "") -> bool:
    """Whether, but for words of this place (or the login name), hardly a letter is left: weibao2026, Tian@123456."""
    rest = login_key(text)
    words = [login_key(login_name), *GUESSED_WORDS] if len(login_name) >= GUESSED_REST else list(GUESSED_WORDS)
    held = [word for word in words if word in rest]
    for word in sorted(held, key=len, reverse=True):
        rest = rest.replace(word, "")
    return bool(held) and len({c for c in rest if c.isalpha()}) < GUESSED_REST
