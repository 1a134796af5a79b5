"""Identities from outside: bound by whoever is signed in with the password, never by a name or e-mail (INT-02)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from app.errors import refuse
from app.models import Account, ExternalIdentity
from app.permissions import Actor
from app.scope import visible
from app.transaction import AnySession, lock
from app.wording import say
from app.workflows.access.accounts import managed
from app.workflows.access.sub_accounts import own_sub_account, own_unit
from app.workflows.core import audit, outbox
from app.workflows.core.actors import own_account


def of(session: AnySession, account_id: int) -> list[ExternalIdentity]:
    """The account's identities. The caller has the account through scope."""
    statement = select(ExternalIdentity).where(ExternalIdentity.user_id == account_id).order_by(ExternalIdentity.id)
    return list(session.scalars(statement.execution_options(skip_scope=True)))


def account_of(session: AnySession, provider: str, subject: str, at: dt.datetime) -> Account | None:
    """The account that this identity is bound to, outside scope: nobody acts yet."""
    row = _held(session, provider, subject)
    if row is None:
        return None
    row.used_at = at
    account: Account | None = session.scalar(
        select(Account).where(Account.id == row.user_id).execution_options(skip_scope=True)
    )
    return account


def bind(session: AnySession, actor: Actor, provider: str, subject: str, shown_name: str, at: dt.datetime) -> None:
    """Bind a proven identity to one's own account. The caller has had the password confirmed just before."""
    account = own_account(session, actor)
    own_or_same = or_(
        (ExternalIdentity.provider == provider) & (ExternalIdentity.subject == subject),
        (ExternalIdentity.provider == provider) & (ExternalIdentity.user_id == account.id),
    )
    found = session.scalars(select(ExternalIdentity).where(own_or_same).execution_options(skip_scope=True)).all()
    if any(row.user_id == account.id for row in found):
        raise refuse("外部身份", "本账号已绑定这一来源的身份", "更换时请先解除原来的绑定")
    if found:
        raise refuse("外部身份", "这个身份已绑定其他账号", "请用那个账号登录后解除，或由管理员解除")
    row = ExternalIdentity(
        user_id=account.id, provider=provider, subject=subject, shown_name=shown_name or None, bound_at=at
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise refuse("外部身份", "这个身份刚刚被绑定", "请刷新页面查看") from error
    audit.record(session, actor, at, "identity.bind", "account", account.id, after={"provider": provider})
    outbox.notify(
        session, at, [account.id], "account", say("账号绑定了外部身份"),
        body=say("以后可以用它登录。不是您本人办理的，请立即在“个人信息”中解除并修改密码。"), link="/profile/",
    )  # fmt: skip


def unbind(session: AnySession, actor: Actor, identity_id: int, at: dt.datetime) -> None:
    """End one's own binding, and all sessions: whoever came in by it must not stay. The caller has had the password
    confirmed, and begins a session anew.
    """
    account = own_account(session, actor)
    _end(session, actor, account, identity_id, at)
    account.session_epoch += 1


def unbind_of_sub(session: AnySession, actor: Actor, account_id: int, identity_id: int, at: dt.datetime) -> None:
    """End a sub-account's binding (ACC-11), and with it its sessions; the main account's password was confirmed."""
    own_unit(session, actor)
    account = own_sub_account(session, actor, account_id)
    _end(session, actor, account, identity_id, at)
    account.session_epoch += 1


def unbind_below(session: AnySession, actor: Actor, account_id: int, at: dt.datetime) -> int:
    """End all bindings of an account that the administrator rules over, and its sessions; gives how many."""
    account = managed(session, actor, account_id)
    rows = of(session, account.id)
    for row in rows:
        _end(session, actor, account, row.id, at)
    if rows:
        account.session_epoch += 1
    return len(rows)


def _end(session: AnySession, actor: Actor, account: Account, identity_id: int, at: dt.datetime) -> None:
    row: ExternalIdentity = visible(session, actor, ExternalIdentity, identity_id, "这个外部身份")
    if row.user_id != account.id:
        raise refuse("外部身份", "不是这个账号的", "请从该账号的页面打开")
    if lock(session, ExternalIdentity, row.id) is None:
        raise refuse("外部身份", "刚刚已解除绑定", "请刷新页面查看")
    before = {"provider": row.provider}
    session.delete(row)
    session.flush()
    audit.record(session, actor, at, "identity.unbind", "account", account.id, before)


def _held(session: AnySession, provider: str, subject: str) -> ExternalIdentity | None:
    row: ExternalIdentity | None = session.scalar(
        select(ExternalIdentity)
        .where(ExternalIdentity.provider == provider, ExternalIdentity.subject == subject)
        .execution_options(skip_scope=True)
    )
    return row
