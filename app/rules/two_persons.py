"""Two persons, really two: who may be the second where one alone may not decide (POL-01, LIF-07).

An account that made another one, or set its password, can sign in as it; so neither of the two may stand above the
other in the line of who made whom, however long that line is, nor have set the other's password.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.errors import Finding
from app.wording import say


@dataclass(frozen=True, slots=True)
class Party:
    """An account with those who made it, nearest first, and the person behind it where that is known.

    `reset_by` are those who set its password: the last one, and all since the matter was put forward.
    """

    account_id: int
    makers: Sequence[int] = ()
    person_id: int | None = None
    reset_by: Collection[int] = ()


def independent(first: Party, second: Party, who: str = "提议人") -> list[Finding]:
    """Whether the second may decide what the first (`who` in words) proposed."""
    same = first.account_id == second.account_id
    made = second.account_id in first.makers or first.account_id in second.makers
    reset = second.account_id in first.reset_by or first.account_id in second.reset_by
    one = not same and first.person_id is not None and first.person_id == second.person_id
    return [
        Finding(
            "须由第二人决定", not same, say("您就是%(who)s", who=who) if same else say("您不是%(who)s", who=who),
            "请由另一位有权的人员决定" if same else "", field="decided_by",
        ),
        Finding(
            "两人须互不隶属", not made,
            say("您与%(who)s的账号，一个由另一个建立", who=who) if made else say("您与%(who)s的账号互不由对方建立",
                who=who),
            "请由另一位账号不是由对方建立的人员决定" if made else "", field="decided_by",
        ),
        Finding(
            "两个账号不能是同一人", not one,
            say("您与%(who)s的账号是同一人", who=who) if one else say("您与%(who)s不是同一人", who=who),
            "请由另一位人员决定" if one else "", field="decided_by",
        ),
        Finding(
            "两人须各自掌握密码", not reset,
            say("您与%(who)s的账号，一个的密码由另一个重置过", who=who)
            if reset else say("您与%(who)s没有互相重置过密码", who=who),
            "请由另一位人员决定" if reset else "", field="decided_by",
        ),
    ]  # fmt: skip
