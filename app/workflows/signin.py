"""Signing in: a try is counted before the password is looked at, so that a hundred parallel guesses are one try each.

Two short transactions round the slow hash: `begin` (counts, refuses while locked), then `Try.matches`, then `finish`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.errors import Finding, Refusal
from app.models import Account, LoginGuard, Region
from app.models.account import password_of_nobody_matches
from app.models.policy import policy_value
from app.models.sealed import holding
from app.permissions import Actor
from app.policy.keys import Key
from app.rules.first_passwords import FirstPassword
from app.rules.identifiers import check_mobile, login_key, normal_code
from app.transaction import AnySession
from app.workflows import audit, codes, passwords, second_factor

# One address may fail this many times as often as one account before it waits too: offices share an address.
ADDRESS_FACTOR = 40
# After so many wrong tries of a name a question against machines is asked as well (ACC-04).
CAPTCHA_AFTER = 2
FIELD = "username"


class SignInRefused(Refusal):
    """Wrong name or password, or locked: the words are the same whether the account exists or not."""

    status_code = 401


class QuestionOwed(SignInRefused):
    """After wrong tries this name signs in by the page only, where a question is asked; that counts as no try."""


@dataclass(frozen=True, slots=True)
class Try:
    """One counted try: whose (None = nobody has this name), under which guard keys, and how many are left after it."""

    account: Account | None
    keys: tuple[str, ...]
    left: int
    minutes: int
    address: str | None
    via: str

    def matches(self, password: str) -> bool:
        """Whether the password is right; takes as long for a name that nobody has. Never inside a transaction."""
        if not password or "\0" in password or len(password) > 1024:
            return password_of_nobody_matches("")
        if self.account is None:
            return password_of_nobody_matches(password)
        return self.account.password_matches(password)

    @property
    def actor(self) -> Actor:
        assert self.account is not None
        return Actor(self.account.id, self.account.get_full_name(), via=self.via, address=self.address)


def find_account(session: AnySession, typed: str) -> Account | None:
    """The account of a login name or bound phone, outside scope: nobody acts yet.

    Names are stored folded (a main account's USCC in upper case), so upper and lower case are the same to a person.
    """
    key = login_key(typed)
    if not key:
        return None
    found: list[Account] = list(
        session.scalars(
            select(Account)
            .where(Account.username.in_({key, normal_code(typed), typed.strip()}))
            .execution_options(skip_scope=True)
        )
    )
    if found:
        return found[0]
    try:
        phone = check_mobile(typed)
    except Refusal:
        return None
    account: Account | None = session.scalar(
        select(Account).where(holding(Account.phone, phone)).execution_options(skip_scope=True)
    )
    return account


def begin(
    session: AnySession, typed: str, at: dt.datetime, *, via: str = "web", address: str | None = None,
    asked: bool = True,
) -> Try:  # fmt: skip
    """Count one try for the name and the address; refuse while either is locked.

    `asked=False`: the door asked no question against machines. Where one is owed it refuses and counts nothing: else
    anybody could keep any known name locked from a door that asks none, or by many calls at once from one that does.
    """
    return _begin(session, find_account(session, typed), login_key(typed), at, via, address, asked)


def captcha_needed(session: AnySession, typed: str, at: dt.datetime) -> bool:
    """Whether this name must answer a question first; a name that nobody has asks for it just the same."""
    account = find_account(session, typed)
    row = session.get(LoginGuard, _key_of(account, login_key(typed)), populate_existing=True)
    return row is not None and _owes(row, at, *lock_policy(session, at))


def _owes(row: LoginGuard, at: dt.datetime, most: int, minutes: int) -> bool:
    """Before the last try at the latest: a lock of few tries would else come without a question."""
    after = max(1, min(CAPTCHA_AFTER, most - 1))
    return row.tries >= after and row.last_try_at > at - dt.timedelta(minutes=minutes)


def begin_confirmation(session: AnySession, account: Account, at: dt.datetime, address: str | None = None) -> Try:
    """Count one try of an account that confirms a deed with its own password: no way round the lock by that door."""
    return _begin(session, account, "", at, "web", address)


def _begin(
    session: AnySession, account: Account | None, name: str, at: dt.datetime, via: str, address: str | None,
    asked: bool = True,
) -> Try:  # fmt: skip
    tries, minutes = lock_policy(session, at)
    rows = [(_guard(session, _key_of(account, name), at), tries)]
    if address and not _is_local(address):
        rows.append((_guard(session, f"address:{address}"[:64], at), tries * ADDRESS_FACTOR))
    window = dt.timedelta(minutes=minutes)
    locked = [row.locked_until for row, _ in rows if row.locked_until and row.locked_until > at]
    if locked:
        raise _locked(max(locked), at)
    if not asked and _owes(rows[0][0], at, tries, minutes):
        raise QuestionOwed(
            Finding("登录", False, "多次输错，须先回答图形验证码", "请用浏览器在登录页登录一次，之后再试", field=FIELD)
        )
    for row, most in rows:
        if row.locked_until or row.last_try_at <= at - window:
            row.tries, row.locked_until = 0, None
        row.tries += 1
        row.last_try_at = at
        if row.tries > most:  # tries that run right now already take the last chance
            raise _locked(at + window, at)
    session.flush()
    return Try(account, tuple(row.key for row, _ in rows), tries - rows[0][0].tries, minutes, address, via)


def finish(session: AnySession, tried: Try, ok: bool, at: dt.datetime, *, login: bool = True) -> Refusal | None:
    """Settle a try. Gives the refusal instead of raising it: the caller commits the count first, then raises.

    `login=False` settles a confirmation by one's own password, which is no sign-in.
    """
    account = tried.account
    if ok and account is not None:
        held = account.locked_until is not None and account.locked_until > at
        if held or not account.active:
            after = {"active": bool(account.active), "locked": held}
            audit.record(session, tried.actor, at, "login.refused", "account", account.id, after=after)
            return _wrong("账号已被停用或锁定", "请联系主账号或上级管理员")
        # Told to nobody but who has the right password: to others it would say that there is such an account.
        first = passwords.first_password_of(session, account, at) if login else None
        if first is not None and first.over:
            after = {"first_password_until": first.until.isoformat(timespec="seconds")}
            audit.record(session, tried.actor, at, "login.refused", "account", account.id, after=after)
            return _first_over(account, first)
        if login and second_factor.factor_of(account):
            # The password alone forgives no wrong codes: whoever has it could guess codes without end.
            _guard(session, tried.keys[0], at).tries -= 1
        else:
            session.execute(delete(LoginGuard).where(LoginGuard.key == tried.keys[0]))
        for key in tried.keys[1:]:
            _guard(session, key, at).tries -= 1
        account.locked_until = None
        if login:
            account.login_count = (account.login_count or 0) + 1
            account.last_login = clock.local(at).replace(tzinfo=None)
            audit.record(session, tried.actor, at, "login.ok", "account", account.id)
        return None
    # Never the typed name: people type their password there.
    known = account.id if account else None
    stranger = Actor(None, "未登录", via=tried.via, address=tried.address)
    audit.record(session, stranger, at, "login.failed", "account", known, after={"known": account is not None})
    if tried.left > 0:
        what = "用户名或密码不正确" if login else "密码不正确"
        return _wrong(what, f"还可以试 {tried.left} 次，之后锁定 {tried.minutes} 分钟")
    until = at + dt.timedelta(minutes=tried.minutes)
    _guard(session, tried.keys[0], at).locked_until = until
    end = {"until": until.isoformat(timespec="seconds")}
    audit.record(session, stranger, at, "login.locked", "account", known, after=end)
    return _locked(until, at)


def by_identity(session: AnySession, account: Account, provider: str, at: dt.datetime, address: str | None) -> None:
    """Settle a sign-in that an outside identity proved. Wrong passwords that others typed do not stand in its way."""
    actor = Actor(account.id, account.get_full_name(), via="web", address=address)
    held = account.locked_until is not None and account.locked_until > at
    if held or not account.active:
        raise _wrong("账号已被停用或锁定", "请联系主账号或上级管理员")
    account.login_count = (account.login_count or 0) + 1
    account.last_login = clock.local(at).replace(tzinfo=None)
    audit.record(session, actor, at, "login.ok", "account", account.id, after={"by": provider})


def count_try(session: AnySession, key: str, most: int, minutes: int, at: dt.datetime) -> Refusal | None:
    """Count one try under a key of another door than sign-in; the refusal while it is locked. The caller commits."""
    row = _guard(session, key[:64], at)
    if row.locked_until is not None and row.locked_until > at:
        return _locked(row.locked_until, at)
    if row.locked_until is not None or row.last_try_at <= at - dt.timedelta(minutes=minutes):
        row.tries, row.locked_until = 0, None
    row.tries += 1
    row.last_try_at = at
    if row.tries >= most:
        row.locked_until = at + dt.timedelta(minutes=minutes)
    session.flush()
    return None


def unlock(session: AnySession, account_id: int) -> None:
    """Forget the wrong tries of an account (an administrator unlocked it or gave it a new password)."""
    session.execute(delete(LoginGuard).where(LoginGuard.key == f"account:{account_id}"))


def forget_old_tries(session: AnySession, at: dt.datetime) -> int:
    """Drop guards that no longer count (nightly); the number dropped."""
    done = session.execute(delete(LoginGuard).where(LoginGuard.last_try_at < at - dt.timedelta(days=2)))
    return int(getattr(done, "rowcount", 0))


def locked_accounts(session: AnySession, account_ids: list[int], at: dt.datetime) -> dict[int, dt.datetime]:
    """Until when each of these accounts is locked by wrong tries."""
    keys = {f"account:{number}": number for number in account_ids}
    rows = session.scalars(select(LoginGuard).where(LoginGuard.key.in_(keys), LoginGuard.locked_until > at))
    return {keys[row.key]: row.locked_until for row in rows if row.locked_until}


def lock_policy(session: AnySession, at: dt.datetime) -> tuple[int, int]:
    """Tries and minutes of the whole installation (the top region's): before sign-in nobody has a region yet, and a
    district's own numbers would tell existing names from others."""
    top = session.scalar(select(Region.code).where(Region.parent_id.is_(None)).order_by(Region.code).limit(1))
    on = clock.local_day(at)
    return (
        int(policy_value(session, Key.LOCK_TRIES, top, on)),
        int(policy_value(session, Key.LOCK_MINUTES, top, on)),
    )


def _key_of(account: Account | None, name: str) -> str:
    return f"account:{account.id}" if account else "name:" + hashlib.sha256(name.encode()).hexdigest()[:48]


def _guard(session: AnySession, key: str, at: dt.datetime) -> LoginGuard:
    """The guard's row, made when missing and held until the transaction ends."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(LoginGuard).values(key=key, tries=0, last_try_at=at).on_conflict_do_nothing())
    statement = select(LoginGuard).where(LoginGuard.key == key).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def _is_local(address: str) -> bool:
    """A reverse proxy on this host is everybody: locking its address would lock all."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True


def _wrong(found: str, remedy: str) -> SignInRefused:
    return SignInRefused(Finding("登录", False, found, remedy, field=FIELD))


def _first_over(account: Account, first: FirstPassword) -> SignInRefused:
    until = clock.local(first.until)
    found = f"初始密码已于 {until.year} 年 {until.month} 月 {until.day} 日 {until:%H:%M} 过期"
    or_by_phone = "；已绑定手机的，也可以用“找回密码”" if account.phone and codes.available() else ""
    return _wrong(found, passwords.who_issues(account) + or_by_phone)


def _locked(until: dt.datetime, at: dt.datetime) -> SignInRefused:
    # Rounded up: told "until 10:05" a person who tries at 10:05 must get in.
    shown = clock.local(until + dt.timedelta(seconds=59))
    day = "" if shown.date() == clock.local_day(at) else f"{shown.month} 月 {shown.day} 日 "
    return _wrong(f"输错次数过多，已锁定至 {day}{shown:%H:%M}", "请到时再试；忘记密码请由主账号或上级管理员重置")
