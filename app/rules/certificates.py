"""The days of a certificate: what can be meant at all, which comes first, and whether it still holds."""

from __future__ import annotations

from datetime import date

from app.errors import Finding
from app.rules.calendar import day_finding
from app.wording import say

OPERATOR = (("certificate_issued_on", "证书发证日期"), ("certificate_until", "证书有效期至"))
GRADE = (("issued_on", "发证日期"), ("valid_until", "有效期至"))


def day_findings(
    issued_on: date | None, until_on: date | None, today: date, names: tuple[tuple[str, str], tuple[str, str]]
) -> list[Finding]:
    """What is wrong with the days that were given. One that has run out may stand in a register: `held_finding`."""
    (issued, issued_label), (until, until_label) = names
    given = [(issued_on, issued, issued_label), (until_on, until, until_label)]
    found = [f for day, name, label in given if day is not None and (f := day_finding(day, name, label)).stops]
    if found:
        return found
    if issued_on is not None and issued_on > today:
        said = say("%(issued_on)s 在今天之后", issued_on=issued_on)
        found.append(Finding(issued_label, False, said, "请按证书核对", field=issued, value=issued_on.isoformat()))
    if issued_on is not None and until_on is not None and until_on <= issued_on:
        said = say("%(valid_until)s 不晚于发证日期 %(issued_on)s", valid_until=until_on, issued_on=issued_on)
        remedy = "请按证书核对这两个日期"
        found.append(Finding(until_label, False, said, remedy, field=until, value=until_on.isoformat()))
    return found


def held_finding(until_on: date, today: date, names: tuple[tuple[str, str], tuple[str, str]]) -> Finding:
    """Whether it still holds: what is handed in anew must."""
    field, label = names[1]
    ok = until_on >= today
    found = say("有效期至 %(valid_until)s", valid_until=until_on) if ok else say(
        "已于 %(valid_until)s 到期", valid_until=until_on
    )
    return Finding(label, ok, found, "" if ok else "请换证后再填", field=field, value=until_on.isoformat())
