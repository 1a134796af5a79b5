"""Notices beside the inbox: what each person chose, written with the inbox's notice, sent by the outbox (NTF-01)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import and_, case, or_, select

from app import clock, targets, vault
from app.errors import Finding, NotAllowed, raise_failing, refuse
from app.models import Account, NoticeChoice, NoticeTemplate, Notification, Unit
from app.models.among import among_given
from app.models.notification import CHANNEL
from app.models.policy import policy_value
from app.permissions import Actor, Verb, require
from app.policy import Key
from app.rules.notices import (
    CHANNELS,
    DEFAULTS,
    GROUPS,
    LONGEST_SMS,
    UNIT_SMS,
    fill,
    group_of,
    is_urgent,
    quiet_end,
    template_findings,
)
from app.telling import speaking, told
from app.transaction import AnySession, all_written, asked_in_turn
from app.wording import say
from app.workflows.core import audit

LONGEST_ADDRESS = 300
# Account, name, language and address of whoever is written to.
To = tuple[int, str, str | None, str]
# What messages call the product, and where its links lead; set by whoever starts it.
_platform, _origin = "梯安", ""


def use_place(platform: str, origin: str) -> None:
    """Take the product's name and public address for messages; without an address links stay out."""
    global _platform, _origin
    _platform, _origin = platform, origin.rstrip("/")


def asking(
    session: AnySession, account_ids: Collection[int], topic: str, offered: Iterable[str]
) -> list[tuple[Any, dict[str, Any]]]:
    """What `fan_out` has to know of the recipients of a topic, for `transaction.asked_in_turn`: one statement for all
    of them; none where there is no other way."""
    if not account_ids or not _ways(offered):
        return []
    all_written(session)
    group = group_of(topic)
    heads = "sms" in _ways(offered) and any(group in groups for groups in UNIT_SMS.values())
    return [(_recipients(session.get_bind().dialect.name, heads), {"accounts": sorted(set(account_ids))})]


def fan_out(
    session: AnySession, at: dt.datetime, account_ids: Collection[int], topic: str, title: str, body: str,
    link: str | None, offered: Iterable[str], recipients: Iterable[Sequence[Any]] | None = None,
) -> int:  # fmt: skip
    """Write the same notice once more for each channel that a recipient chose and this installation offers.

    In quiet hours it waits for their end unless it is urgent. How many were written. `recipients`: what `asking` found
    of these accounts, and perhaps of others, where it was asked before.
    """
    group, ways, told_ids = group_of(topic), _ways(offered), set(account_ids)
    if not told_ids or not ways:
        return 0
    if recipients is None:
        recipients = asked_in_turn(session, *asking(session, told_ids, topic, offered))[0].rows
    messages: list[tuple[To, str, dt.datetime]] = []
    for recipient in (_Recipient(*row) for row in recipients):
        if recipient.account_id in told_ids:
            messages += _messages(session, recipient, topic, ways, at)
    if not messages:
        return 0
    words = _templates(session, group, ways)
    for to, channel, told_at in messages:
        _write(session, at, to, topic, (title, body, link), channel, words[channel], told_at)
    session.flush()
    return len(messages)


def _ways(offered: Iterable[str]) -> list[str]:
    held = set(offered)
    return [channel for channel in CHANNELS if channel in held]


class _Recipient(NamedTuple):
    """An account that is told of something, with what it chose; of a unit's main account, what the unit says."""

    account_id: int
    name: str
    language: str | None
    phone: str | None
    mail: str | None
    channels: dict[str, Any] | None
    webhook_url: str | None
    quiet_from: int | None
    quiet_until: int | None
    is_head: bool | None = None
    head_phone: str | None = None
    region_code: str | None = None


@lru_cache(maxsize=4)
def _recipients(dialect: str, heads: bool) -> Any:
    """Those of some accounts that chose anything; with `heads` units' main accounts, too."""
    account, choice, unit = Account.__table__, NoticeChoice.__table__, Unit.__table__
    columns = [
        account.c.id, account.c.first_name, account.c.language, account.c.phone,
        case((account.c.email_verified_at.is_not(None), account.c.email)), choice.c.channels, choice.c.webhook_url,
        choice.c.quiet_from, choice.c.quiet_until,
    ]  # fmt: skip
    tables, wanted = account.outerjoin(choice, choice.c.account_id == account.c.id), choice.c.account_id.is_not(None)
    if heads:
        columns += [unit.c.id.is_not(None), unit.c.head_phone, unit.c.region_code]
        tables = tables.outerjoin(unit, and_(unit.c.id == account.c.unit_id, account.c.is_main.is_(True)))
        wanted = or_(wanted, unit.c.id.is_not(None))
    found = select(*columns).select_from(tables)
    return found.where(among_given(dialect, account.c.id, "accounts"), account.c.active.is_(True), wanted).order_by(
        account.c.id
    )


def _messages(
    session: AnySession, who: _Recipient, topic: str, ways: Iterable[str], at: dt.datetime
) -> Iterator[tuple[To, str, dt.datetime]]:
    """To where, by which way and when somebody is told beside the inbox.

    The main account of a unit that chose no way for this group has it by SMS where the region's policy says so: to the
    account's own phone, else to the head's in the unit's record.
    """
    group, chosen = group_of(topic), who.channels or {}
    told_at = _when(who, topic, at)
    for channel in (c for c in ways if c in chosen.get(group, ())):
        address = _address(channel, who)
        if address is not None:
            yield (who.account_id, who.name, who.language, address), channel, told_at
    phone = who.phone or who.head_phone
    unchosen = who.is_head and group not in chosen and "sms" in ways
    if unchosen and phone and group in unasked(session, who.region_code, at):
        yield (who.account_id, who.name, who.language, phone), "sms", told_at


def _write(
    session: AnySession, at: dt.datetime, to: To, topic: str, said: tuple[str, str, str | None], channel: str,
    words: tuple[str, str], next_try_at: dt.datetime,
) -> None:  # fmt: skip
    account_id, name, language, address = to
    title, body, link = said
    with speaking(language):
        values = _values(told(title), told(body), link, at, name)
        head, text = (fill(told(part_), values) for part_ in words)
    session.add(
        Notification(
            channel=channel, recipient_id=account_id, address=address, topic=topic[:40],
            title=" ".join(head.split()) or told("通知"), body=text[:LONGEST_SMS] if channel == "sms" else text,
            link=link, state="queued", tries=0, created_at=at, next_try_at=next_try_at,
        )
    )  # fmt: skip


def unasked(session: AnySession, region_code: str | None, at: dt.datetime) -> frozenset[str]:
    """The groups that go by SMS to a unit's head of this region who chose nothing."""
    return UNIT_SMS[policy_value(session, Key.UNIT_SMS, region_code, clock.local_day(at))]


def channels_of(session: AnySession, account: Account, at: dt.datetime) -> dict[str, list[str]]:
    """The ways by group as they are now, what the policy says for a unit's head who chose nothing among them."""
    choice = choice_of(session, account.id)
    chosen: dict[str, list[str]] = dict((choice.channels if choice is not None else None) or {})
    if account.is_main and account.unit_id is not None:
        unit = session.get(Unit, account.unit_id, execution_options={"skip_scope": True})
        region_code = unit.region_code if unit is not None else account.region_code
        chosen = {group: ["sms"] for group in unasked(session, region_code, at)} | chosen
    return chosen


def _when(who: _Recipient, topic: str, at: dt.datetime) -> dt.datetime:
    if is_urgent(topic):
        return at
    over = quiet_end(clock.local(at), who.quiet_from, who.quiet_until)
    return at if over is None else over


def _address(channel: str, who: _Recipient) -> str | None:
    if channel in ("sms", "email"):
        return who.phone if channel == "sms" else who.mail
    # The whole address is read again when it is sent: it may hold a token, which no log shows.
    return webhook_host(who.webhook_url) if who.webhook_url else None


def webhook_host(url: str) -> str:
    """What lists show of a webhook's address."""
    return url.split("//", 1)[-1].split("/", 1)[0].rpartition("@")[2][:120]


def _values(title: str, body: str, link: str | None, at: dt.datetime, name: str) -> dict[str, str]:
    shown = f"{_origin}{link}" if link and _origin else ""
    return {
        "标题": title, "内容": body or "", "链接": shown, "时间": f"{clock.local(at):%Y-%m-%d %H:%M}", "收件人": name,
        "平台": told(_platform),
    }  # fmt: skip


def _templates(session: AnySession, group: str, channels: Iterable[str]) -> dict[str, tuple[str, str]]:
    kept = session.scalars(select(NoticeTemplate).where(NoticeTemplate.group == group))
    return {c: DEFAULTS[c] for c in channels} | {row.channel: (row.title, row.body) for row in kept}


# --- one's own choice


def choice_of(session: AnySession, account_id: int) -> NoticeChoice | None:
    statement = select(NoticeChoice).where(NoticeChoice.account_id == account_id)
    found: NoticeChoice | None = session.scalar(statement.execution_options(skip_scope=True))
    return found


def choose(
    session: AnySession, actor: Actor, wanted: Mapping[str, Iterable[str]], quiet: tuple[int | None, int | None],
    at: dt.datetime,
) -> NoticeChoice:  # fmt: skip
    """Keep which channels the actor wants for which group, and the hours in which nothing but the urgent comes."""
    row = _own(session, actor, at)
    start, end = quiet
    raise_failing([
        Finding(
            "免打扰", (start is None) == (end is None), "只填了一头", "请把开始和结束都填上，或都留空",
            field="quiet_from",
        ),
        Finding("免打扰", start is None or start != end, "开始和结束相同", "请填不同的时间", field="quiet_from"),
    ])  # fmt: skip
    channels = {g: [c for c in CHANNELS if c in set(wanted.get(g, ()))] for g in GROUPS}
    before = {"channels": row.channels, "quiet_from": row.quiet_from, "quiet_until": row.quiet_until}
    row.channels, row.quiet_from, row.quiet_until, row.updated_at = channels, start, end, at
    session.flush()
    after = {"channels": channels, "quiet_from": start, "quiet_until": end}
    audit.record(session, actor, at, "notice.set", "account", actor.user_id, before, after)
    return row


def set_webhook(session: AnySession, actor: Actor, url: str | None, at: dt.datetime) -> str | None:
    """Set or take away the actor's webhook; an address that may not be called is refused (`targets`).

    A new address has a new secret, which is given back once; the receiver checks the signature with it.
    """
    url = (url or "").strip()
    if len(url) > LONGEST_ADDRESS:
        raise refuse(
            "网址回调地址",
            say("%(count)s 个字", count=len(url)),
            say("最多 %(longest_address)s 个字", longest_address=LONGEST_ADDRESS),
            field="webhook",
        )
    if url:
        targets.target(url)
    row = _own(session, actor, at)
    if not url:
        row.webhook_url = row.webhook_secret = secret = None
    else:
        secret = secrets.token_urlsafe(32)
        row.webhook_url, row.webhook_secret = url, vault.seal(secret)
    row.updated_at = at
    session.flush()
    host = webhook_host(url) if url else ""
    audit.record(session, actor, at, "notice.set", "account", actor.user_id, after={"webhook": host})
    return secret


def _own(session: AnySession, actor: Actor, at: dt.datetime) -> NoticeChoice:
    if actor.user_id is None:
        raise NotAllowed(Finding("通知设置", False, "没有登录", "请登录后设置"))
    row = choice_of(session, actor.user_id)
    if row is None:
        row = NoticeChoice(account_id=actor.user_id, channels={}, updated_at=at)
        session.add(row)
        session.flush()
    return row


def seal_anew(session: AnySession) -> int:
    """Seal the secrets of webhooks under the current key; how many."""
    rows = session.scalars(
        select(NoticeChoice).where(NoticeChoice.webhook_secret.is_not(None)).execution_options(skip_scope=True)
    ).all()
    for row in rows:
        row.webhook_secret = vault.renewed(row.webhook_secret or "")
    session.flush()
    return len(rows)


# --- words


def words_of(session: AnySession, channel: str, group: str) -> tuple[str, str, bool]:
    """Title and body as they are now, and whether somebody wrote them."""
    row = session.get(NoticeTemplate, (channel, group))
    return (*DEFAULTS[channel], False) if row is None else (row.title, row.body, True)


def set_words(
    session: AnySession, actor: Actor, channel: str, group: str, title: str, body: str, at: dt.datetime
) -> NoticeTemplate | None:
    """Write the words of a group on a channel; both left empty go back to the built-in ones."""
    require(actor, Verb.OPS)
    if channel not in DEFAULTS or group not in GROUPS:
        raise refuse("通知模板", "没有这种渠道或通知", "请从列表选择", field="group")
    title, body = title.strip(), body.replace("\r\n", "\n").strip()
    row = session.get(NoticeTemplate, (channel, group))
    before: dict[str, Any] | None = None if row is None else {"title": row.title, "body": row.body}
    if not title and not body:
        if row is not None:
            session.delete(row)
            session.flush()
            audit.record(session, actor, at, "notice.template", "notification", None, before, {"channel": channel})
        return None
    raise_failing(template_findings(title, body))
    if row is None:
        row = NoticeTemplate(channel=channel, group=group)
        session.add(row)
    row.title, row.body, row.updated_at, row.updated_by_id = title, body, at, actor.user_id
    session.flush()
    told = {"channel": str(CHANNEL[channel]), "group": group, "title": title, "body": body}
    audit.record(session, actor, at, "notice.template", "notification", None, before, told)
    return row


def preview(title: str, body: str, name: str, at: dt.datetime) -> tuple[str, str]:
    """The words with an example's values."""
    example, number = told("待审批：停用登记　澜州示例小区 1 幢"), say("申请编号 %(number)s", number="TY-2026-00001")
    values = _values(example, told(number), "/applications/1", at, name)
    return fill(told(title), values), fill(told(body), values)
