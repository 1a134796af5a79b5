"""Two persons, really two: who may be the second where one alone may not decide (POL-01, LIF-07).

An account that made another one can sign in as it; so neither of the two may stand above the other in the line of
who made whom, however long that line is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import Finding


@dataclass(frozen=True, slots=True)
class Party:
    """An account with those who made it, nearest first, and the person behind it where that is known."""

    account_id: int
    makers: Sequence[int] = ()
    person_id: int | None = None


def independent(first: Party, second: Party) -> list[Finding]:
    """Whether the second may decide what the first proposed."""
    same = first.account_id == second.account_id
    made = second.account_id in first.makers or first.account_id in second.makers
    one = not same and first.person_id is not None and first.person_id == second.person_id
    return [
        Finding(
            "须由第二人决定", not same, "您就是提议人" if same else "您不是提议人",
            "请由另一位有权的人员决定" if same else "", field="decided_by",
        ),
        Finding(
            "两人须互不隶属", not made,
            "您与提议人的账号，一个由另一个建立" if made else "您与提议人的账号互不由对方建立",
            "请由另一位账号不是由对方建立的人员决定" if made else "", field="decided_by",
        ),
        Finding(
            "两个账号不能是同一人", not one, "您与提议人的账号是同一人" if one else "您与提议人不是同一人",
            "请由另一位人员决定" if one else "", field="decided_by",
        ),
    ]  # fmt: skip
