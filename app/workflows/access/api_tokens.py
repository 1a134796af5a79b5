"""Personal tokens for other systems (INT-04): made by their owner, shown once, never worth more than he is.

What a token may do is decided at each request, in `Actor.may`: the account's roles as they are then, and the verbs
that were ticked. A token that was revoked, ran out, or whose account was locked, ended or changed is nobody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable

from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload

from app import clock
from app.errors import Finding, NotAllowed, raise_failing
from app.models import Account, ApiToken
from app.permissions import Actor, Verb, require
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access import accounts, sub_accounts
from app.workflows.core import audit
from app.workflows.core.actors import actor_of, own_account

PREFIX = "tian_"
LONGEST_DAYS, LONGEST_NAME, MOST_LIVE = 365, 60, 20
V = Verb
# What the interface can be asked for, in groups as the form shows them. What is not here no token ever has.
GROUPS: tuple[tuple[str, tuple[Verb, ...]], ...] = (
    ("registers", (
        V.UNIT_READ, V.ELEVATOR_READ, V.SECRET_READ, V.UNIT_EDIT, V.ELEVATOR_EDIT, V.ELEVATOR_SURVEY, V.COMPONENT_EDIT,
        V.LABEL_EDIT, V.FILING_SUBMIT, V.REGISTER_SYNC,
    )),
    ("people", (V.PERSON_READ, V.PERSON_EDIT, V.INVITATION_APPROVE, V.OWN_CERTIFICATE, V.PRIVACY_DECIDE)),
    ("accounts", (V.ACCOUNT_READ, V.ACCOUNT_CREATE, V.SUBACCOUNT_EDIT)),
    ("applications", (V.APPLICATION_READ, V.APPLICATION_SUBMIT, V.APPLICATION_DECIDE, V.COMMENT)),
    ("contracts", (V.CONTRACT_READ, V.CONTRACT_EDIT)),
    ("papers", (V.COMMITMENT_READ, V.COMMITMENT_EDIT, V.INSURANCE_READ, V.INSURANCE_EDIT)),
    ("maintenance", (
        V.LEDGER_READ, V.LEDGER_EDIT, V.ORDER_READ, V.ORDER_EDIT, V.VISIT_READ, V.VISIT_MAKE, V.VISIT_APPROVE,
        V.VISIT_LABEL, V.VISIT_SHEET, V.ITEM_EDIT,
    )),
    ("inspections", (V.INSPECTION_READ, V.INSPECTION_EDIT, V.INSPECTION_REPORT)),
    ("safety", (V.SAFETY_READ, V.SAFETY_EDIT, V.SAFETY_RECORD, V.PATROL_READ, V.PATROL_EDIT)),
    ("scores", (V.SCORE_READ, V.REPORT_READ)),
    ("policy", (V.POLICY_READ, V.POLICY_EDIT)),
    ("complaints", (V.COMPLAINT_READ, V.COMPLAINT_HANDLE, V.COMPLAINT_REVIEW, V.COMPLAINT_CLOSE)),
    ("rescues", (V.RESCUE_READ, V.RESCUE_DESK, V.RESCUE_HANDLE)),
    ("repairs", (
        V.REPAIR_READ, V.REPAIR_REPORT, V.REPAIR_ASSIGN, V.REPAIR_DO, V.REPAIR_APPROVE, V.ANOMALY_READ,
        V.ANOMALY_REPORT, V.ANOMALY_HANDLE,
    )),
    ("enforcement", (
        V.ENFORCEMENT_READ, V.ENFORCEMENT_EDIT, V.ENFORCEMENT_DECIDE, V.ENFORCEMENT_REPLY, V.APPEAL_SUBMIT,
    )),
    ("checks", (
        V.FRAUD_READ, V.FRAUD_DECIDE, V.FRAUD_CASE, V.FRAUD_ANSWER, V.SPOT_READ, V.SPOT_DRAW, V.SPOT_CHECK, V.SPOT_FIX,
    )),
    ("iot", (V.IOT_READ, V.IOT_EDIT, V.IOT_SEND)),
    ("bulletins", (V.BULLETIN_READ, V.BULLETIN_EDIT, V.BULLETIN_ISSUE)),
    ("proof", (V.EXPORT, V.AUDIT_READ)),
    ("notices", (V.INBOX,)),
)
OFFERED = frozenset(verb for _name, verbs in GROUPS for verb in verbs)


def offered(actor: Actor) -> list[tuple[str, list[Verb]]]:
    """The groups with what the actor may tick: what he may do himself, and nothing else."""
    found = [(name, [verb for verb in verbs if actor.may(verb)]) for name, verbs in GROUPS]
    return [(name, verbs) for name, verbs in found if verbs]


def make(
    session: AnySession, actor: Actor, name: str, verbs: Iterable[str], ends_on: dt.date | None, at: dt.datetime
) -> tuple[ApiToken, str]:
    """A new token and its text, which is told this once and kept nowhere. No token makes a token."""
    account = own_account(session, actor)
    if actor.ticked is not None:
        raise NotAllowed(Finding("令牌", False, "令牌不能建立令牌", "请登录网页，在“接口令牌”里建立"))
    lock(session, Account, account.id)  # his tokens are counted: two forms at once wait for each other
    chosen = list(dict.fromkeys(verbs))
    raise_failing([
        _named(name), *_verbs(actor, chosen), _until(ends_on, clock.local_day(at)), _room(session, account, at),
    ])  # fmt: skip
    assert ends_on is not None
    text = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        account_id=account.id, name=name.strip(), digest=digest_of(text), start=text[:10], verbs=sorted(chosen),
        epoch=account.session_epoch, made_at=at, ends_on=ends_on,
    )  # fmt: skip
    session.add(row)
    session.flush()
    after = {"name": row.name, "verbs": row.verbs, "ends_on": ends_on}
    audit.record(session, actor, at, "api_token.create", "api_token", row.id, after=after)
    return row, text


def revoke(session: AnySession, actor: Actor, token_id: int, at: dt.datetime) -> ApiToken:
    """End a token: its owner, or whoever may lock his account. Ended twice is ended.

    A token ends itself, and no other of its owner's: a leaked one that may only read must not stop his systems.
    """
    visible(session, actor, ApiToken, token_id, "这个令牌")
    row = lock(session, ApiToken, token_id)
    assert row is not None
    if row.account_id != actor.user_id:
        may_end(session, actor, row.account_id)
    elif actor.ticked is not None and number_of(actor) != row.id:
        raise NotAllowed(Finding("令牌", False, "令牌只能撤销自己", "请登录网页，在“接口令牌”里撤销其他令牌"))
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by_id = at, actor.user_id
        session.flush()
        audit.record(session, actor, at, "api_token.revoke", "api_token", row.id, after={"name": row.name})
    return row


def may_end(session: AnySession, actor: Actor, account_id: int) -> None:
    """Raise unless the actor rules over the account: an administrator, or the main account of its unit."""
    if actor.unit_id is not None:
        require(actor, Verb.SUBACCOUNT_EDIT)
        sub_accounts.own_sub_account(session, actor, account_id)
    else:
        accounts.managed(session, actor, account_id)


def actor_by_text(
    session: AnySession, text: str, at: dt.datetime, address: str | None
) -> tuple[ApiToken, Actor] | None:
    """The token of this text and who acts by it, now; None when it is none, or none any more."""
    statement = (
        select(ApiToken).where(ApiToken.digest == digest_of(text))
        .options(joinedload(ApiToken.account).selectinload(Account.roles))
        .execution_options(skip_scope=True)
    )  # fmt: skip
    row = session.scalar(statement)
    if row is None or why_dead(row, at):
        return None
    ticked = frozenset(Verb(name) for name in row.verbs if name in OFFERED)
    return row, actor_of(row.account, "api", address).by_token(row.id, ticked)


def note_use(session: AnySession, token_id: int, on: dt.date) -> None:
    """Keep the day of the last call; the caller asks once a day, not at each call."""
    session.execute(
        update(ApiToken).where(ApiToken.id == token_id).values(used_on=on).execution_options(skip_scope=True)
    )


def number_of(actor: Actor) -> int | None:
    """Which token acts, if one does."""
    number = actor.via.removeprefix("token:")
    return int(number) if actor.ticked is not None and number.isdigit() else None


def why_dead(row: ApiToken, at: dt.datetime) -> str:
    """Why a token is worth nothing (any more); empty while it lives."""
    account = row.account
    if row.revoked_at is not None:
        return "已撤销"
    if row.ends_on < clock.local_day(at):
        return "已过期"
    if not account.is_active:
        return "账号已注销"
    if account.locked_until is not None and account.locked_until > at:
        return "账号已锁定"
    return "" if row.epoch == account.session_epoch and not account.must_change_password else "密码或权限已变更"


def of_account(session: AnySession, account_id: int) -> list[ApiToken]:
    """An account's tokens, the newest first; the caller has the account through scope."""
    statement = select(ApiToken).where(ApiToken.account_id == account_id).order_by(ApiToken.id.desc()).limit(100)
    return list(session.scalars(statement.options(joinedload(ApiToken.account)).execution_options(skip_scope=True)))


def digest_of(text: str) -> str:
    """What is kept. The text is 256 random bits: no salt or slow hash would add anything."""
    return hashlib.sha256(text.encode()).hexdigest()


def _named(name: str) -> Finding:
    length = len(name.strip())
    return Finding(
        "名称", 0 < length <= LONGEST_NAME, say("%(length)s 个字", length=length),
            say("请填写 1 至 %(longest_name)s 个字，写明哪个系统使用", longest_name=LONGEST_NAME),
        field="name",
    )  # fmt: skip


def _verbs(actor: Actor, chosen: list[str]) -> list[Finding]:
    if not chosen:
        return [Finding("权限", False, "没有勾选", "请至少勾选一项", field="verbs")]
    known = {verb.value for verb in OFFERED if actor.may(verb)}
    wrong = [name for name in chosen if name not in known]
    found = (
        say("勾选了 %(count)s 项", count=len(chosen))
        if not wrong
        else say("您自己没有“%(wrong)s”这项权限", wrong=wrong[0][:30])
    )
    return [Finding("权限", not wrong, found, "" if not wrong else "请只勾选列出的权限", field="verbs")]


def _until(ends_on: dt.date | None, today: dt.date) -> Finding:
    last = today + dt.timedelta(days=LONGEST_DAYS)
    ok = ends_on is not None and today <= ends_on <= last
    return Finding(
        "有效期", ok, "没有填写" if ends_on is None else ends_on.isoformat(),
        "" if ok else say("请填写今天至 %(last)s（最长 %(longest_days)s 天）", last=last, longest_days=LONGEST_DAYS),
            field="ends_on",
    )  # fmt: skip


def _room(session: AnySession, account: Account, at: dt.datetime) -> Finding:
    live = select(func.count()).select_from(ApiToken).where(
        ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None), ApiToken.ends_on >= clock.local_day(at),
        ApiToken.epoch == account.session_epoch,
    )  # fmt: skip
    held = session.scalar(live.execution_options(skip_scope=True)) or 0
    return Finding(
        "数量",
        held < MOST_LIVE,
        say("已有 %(held)s 个有效的令牌", held=held),
        say("最多 %(most_live)s 个，请先撤销不用的", most_live=MOST_LIVE),
    )
