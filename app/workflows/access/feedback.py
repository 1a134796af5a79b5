"""意见反馈: what somebody who uses the platform says of it, told to the administrators of his region."""

from __future__ import annotations

import datetime as dt

from app.errors import Finding, Refusal, raise_failing
from app.models.choices import FEEDBACK_KIND
from app.permissions import Actor, Verb, require
from app.telling import source
from app.transaction import AnySession
from app.wording import say
from app.workflows.access import signin
from app.workflows.core import audit, outbox

MOST_A_DAY = 10
LEAST, LONGEST = 5, 1000


class TooOften(Refusal):
    """The day's number is used up."""

    status_code = 429


def send(session: AnySession, actor: Actor, kind: str, body: str, page: str, at: dt.datetime) -> int:
    """Tell the nearest administrators of the region, or the platform's; gives how many. Some a day, and no more.

    `page` is where somebody stood, a path of ours. What was said stands in the notices alone.
    """
    require(actor, Verb.INBOX)
    text = " ".join(line.strip() for line in body.splitlines() if line.strip())
    known = kind in FEEDBACK_KIND
    length = say("%(n)s 个字", n=len(text)) if text else "没有填写"
    remedy = say("请写明遇到的问题或建议，%(least)s 至 %(most)s 个字", least=LEAST, most=LONGEST)
    raise_failing([
        Finding("反馈类别", known, "" if known else "没有选择", "请从列表选择", field="kind", value=kind[:40]),
        Finding("内容", LEAST <= len(text) <= LONGEST, length, remedy, field="body"),
    ])  # fmt: skip
    if signin.count_number(session, "feedback", f"{actor.user_id}", None, at) >= MOST_A_DAY:
        found = say("今天已经提交了 %(n)s 条", n=MOST_A_DAY)
        raise TooOften(Finding("意见反馈", False, found, "请明天再提交；急事请按支持联系方式联系", field="body"))
    told = _administrators(session, actor)
    if not told:
        raise Refusal(Finding("意见反馈", False, "没有可以收到的管理员", "请按支持联系方式联系", field="body"))
    title = say("意见反馈（%(kind)s）：%(name)s", kind=FEEDBACK_KIND[kind], name=actor.name)
    where = page if page.startswith("/") and not page.startswith("//") else ""
    said = say("%(text)s（页面：%(page)s）", text=text, page=where[:120]) if where else text
    outbox.notify(session, at, told, "feedback", title, said, f"/accounts/{actor.user_id}")
    audit.record(
        session, actor, at, "feedback.send", "account", actor.user_id,
        after={"kind": source(FEEDBACK_KIND[kind]), "count": len(told)},
    )  # fmt: skip
    return len(told)


def _administrators(session: AnySession, actor: Actor) -> list[int]:
    """Of the nearest region upwards that has any but himself."""
    for office in outbox.offices_of(session, actor.region_code, Verb.ACCOUNT_CREATE):
        if others := [account for account in office if account != actor.user_id]:
            return others
    return [account for account in outbox.platform_admins(session) if account != actor.user_id]
