"""Signing in: a try is counted before the password is looked at, so that a hundred parallel guesses are one try each.

Two short transactions round the slow hash: `begin` (counts, refuses while locked), then `Try.matches`, then `finish`.

A browser that the account was signed in from has its own count; all others share one, within which each place has one
of its own. So strangers who know a name lock themselves out, at worst all strange browsers, and never its owner's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, or_, select

from app import clock, vault
from app.errors import Finding, Refusal
from app.models import Account, KnownDevice, LoginGuard, Region
from app.models.account import password_of_nobody_matches
from app.models.policy import policy_value
from app.models.sealed import holding, normal
from app.permissions import Actor
from app.policy.keys import Key
from app.rules.devices import place_of
from app.rules.first_passwords import FirstPassword
from app.rules.identifiers import check_mobile, login_key, normal_code
from app.transaction import AnySession, insert_of
from app.wording import say
from app.workflows.access import codes, devices, passwords, second_factor
from app.workflows.core import audit

# One address may fail this many times as often as one account before it waits too: offices share an address.
ADDRESS_FACTOR = 40
# All browsers that are not known, wherever they are, have so many times the tries of one place, within so many times
# the minutes: as many guesses a day as from one place.
PLACES = 4
# After so many wrong tries of a name a question against machines is asked as well (ACC-04).
CAPTCHA_AFTER = 2
# Longer than any policy's lock: 1440 minutes in one place, PLACES times that everywhere.
KEPT = dt.timedelta(days=5)
FIELD = "username"


class SignInRefused(Refusal):
    """Wrong name or password, or locked: the words are the same whether the account exists or not."""

    status_code = 401


class QuestionOwed(SignInRefused):
    """After wrong tries this name signs in by the page only, where a question is asked; that counts as no try."""


@dataclass(frozen=True, slots=True)
class Count:
    """One count that a try fell under: its key, how many tries are left there after it, how long it locks.

    `whose` is "device" (a browser that is known), "place" (an address), "everywhere" (all other browsers together),
    "confirm" (who has the password or a session already), or "address" (whatever name it tries).
    """

    whose: str
    key: str
    left: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Try:
    """One counted try: whose (None = nobody has this name) and what it was counted under, the nearest first."""

    account: Account | None
    counts: tuple[Count, ...]
    address: str | None
    via: str

    @property
    def tightest(self) -> Count:
        """The count that locks next; an address that many people share says nothing to one of them."""
        return min((c for c in self.counts if c.whose != "address"), key=lambda c: c.left)

    @property
    def left(self) -> int:
        return self.tightest.left

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
    asked: bool = True, tokens: Sequence[str] = (),
) -> Try:  # fmt: skip
    """Count one try for the name and the address; refuse while either is locked.

    `asked=False`: the door asked no question against machines. Where one is owed it refuses and counts nothing: else
    anybody could keep any known name locked from a door that asks none, or by many calls at once from one that does.
    `tokens`: what the browser carries of accounts that were signed in there (`devices`).
    """
    account = find_account(session, typed)
    device = devices.known(session, account, tokens, at)
    under = _under(session, account, login_key(typed), at, address, device)
    return _begin(session, account, under, at, via, address, asked)


def captcha_needed(
    session: AnySession, typed: str, at: dt.datetime, address: str | None = None, tokens: Sequence[str] = ()
) -> bool:
    """Whether this name must answer a question first; a name that nobody has asks for it just the same."""
    account = find_account(session, typed)
    device = devices.known(session, account, tokens, at)
    for whose, key, most, minutes in _under(session, account, login_key(typed), at, address, device):
        row = session.get(LoginGuard, key, populate_existing=True)
        if row is not None and _owes(row, whose, at, most, minutes):
            return True
    return False


def _owes(row: LoginGuard, whose: str, at: dt.datetime, most: int, minutes: int) -> bool:
    """Before the last try at the latest: a lock of few tries would else come without a question.

    Of all places together only after half of the tries: a few wrong ones anywhere would else keep others from doors
    that ask no question.
    """
    if whose not in ("device", "place", "everywhere"):
        return False
    after = most // 2 if whose == "everywhere" else max(1, min(CAPTCHA_AFTER, most - 1))
    return row.tries >= after and row.last_try_at > at - dt.timedelta(minutes=minutes)


def begin_confirmation(
    session: AnySession, account: Account, at: dt.datetime, address: str | None = None, tokens: Sequence[str] = ()
) -> Try:
    """Count one try of who has the password or a session already and confirms by password or code.

    Apart from the tries of strangers, who could else keep the owner from his own deeds; on a known browser together
    with its sign-ins, so that neither door is a way round the other's lock.
    """
    tries, minutes = lock_policy(session, at)
    device = devices.known(session, account, tokens, at)
    base = _key_of(account, "")
    under = [("device", f"{base}#{device.id}", tries, minutes) if device else ("confirm", f"{base}!", tries, minutes)]
    return _begin(session, account, under + _address_under(address, tries, minutes), at, "web", address)


Under = tuple[str, str, int, int]


def _under(
    session: AnySession, account: Account | None, name: str, at: dt.datetime, address: str | None,
    device: KnownDevice | None,
) -> list[Under]:  # fmt: skip
    """What a try to sign in is counted under: (whose, key, most tries, minutes), in the order in which it is locked."""
    tries, minutes = lock_policy(session, at)
    base = _key_of(account, name)
    if device is not None:
        under = [("device", f"{base}#{device.id}", tries, minutes)]
    else:
        place = hashlib.sha256(place_of(address).encode()).hexdigest()[:10]
        under = [
            ("place", f"{base}@{place}", tries, minutes),
            ("everywhere", base, tries * PLACES, minutes * PLACES),
        ]
    return under + _address_under(address, tries, minutes)


def _address_under(address: str | None, tries: int, minutes: int) -> list[Under]:
    place = place_of(address)
    return [("address", f"address:{place}"[:64], tries * ADDRESS_FACTOR, minutes)] if place else []


def _begin(
    session: AnySession, account: Account | None, under: list[Under], at: dt.datetime, via: str, address: str | None,
    asked: bool = True,
) -> Try:  # fmt: skip
    rows = [(_guard(session, key, at), whose, most, minutes) for whose, key, most, minutes in under]
    locked = [row.locked_until for row, *_ in rows if row.locked_until and row.locked_until > at]
    if locked:
        raise _locked(max(locked), at)
    if not asked and any(_owes(row, whose, at, most, minutes) for row, whose, most, minutes in rows):
        raise QuestionOwed(
            Finding("登录", False, "多次输错，须先回答图形验证码", "请用浏览器在登录页登录一次，之后再试", field=FIELD)
        )
    for row, _whose, most, minutes in rows:
        window = dt.timedelta(minutes=minutes)
        if row.locked_until or row.last_try_at <= at - window:
            row.tries, row.locked_until = 0, None
        row.tries += 1
        row.last_try_at = at
        if row.tries > most:  # tries that run right now already take the last chance
            raise _locked(at + window, at)
    session.flush()
    counts = tuple(Count(whose, row.key, most - row.tries, minutes) for row, whose, most, minutes in rows)
    return Try(account, counts, address, via)


def finish(
    session: AnySession, tried: Try, ok: bool, at: dt.datetime, *, login: bool = True, by_code: bool = False
) -> Refusal | None:
    """Settle a try. Gives the refusal instead of raising it: the caller commits the count first, then raises.

    `login=False` settles a confirmation, which is no sign-in; `by_code` says that it was by the second factor.
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
            ended = {"first_password_until": first.until.isoformat(timespec="seconds")}
            audit.record(session, tried.actor, at, "login.refused", "account", account.id, after=ended)
            return _first_over(account, first)
        _forgive(session, tried, at, wholly=by_code or second_factor.factor_of(account) is None)
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
    nearest = tried.tightest
    if nearest.left > 0:
        what = "用户名或密码不正确" if login else "密码不正确"
        return _wrong(
            what, say("还可以试 %(left)s 次，之后锁定 %(minutes)s 分钟", left=nearest.left, minutes=nearest.minutes)
        )
    ends = {}
    for count in tried.counts:
        if count.left <= 0 and count.whose != "address":
            ends[count.whose] = at + dt.timedelta(minutes=count.minutes)
            _guard(session, count.key, at).locked_until = ends[count.whose]
    locks = {whose: until.isoformat(timespec="seconds") for whose, until in ends.items()}
    audit.record(session, stranger, at, "login.locked", "account", known, after=locks)
    return _locked(max(ends.values()), at)


def _forgive(session: AnySession, tried: Try, at: dt.datetime, wholly: bool) -> None:
    """What a right try takes back: all wrong ones from here, and of the wider counts what came from here.

    `wholly=False`: only this try. The password alone forgives no wrong codes: whoever has it could guess codes without
    end.
    """
    nearest, *wider = tried.counts
    own = _guard(session, nearest.key, at)
    whole = own.tries if nearest.whose == "place" else 1
    for count in wider:
        row = _guard(session, count.key, at)
        row.tries = max(0, row.tries - (whole if count.whose == "everywhere" else 1))
    if wholly or nearest.whose == "place":
        session.execute(delete(LoginGuard).where(LoginGuard.key == nearest.key))
    else:
        own.tries -= 1


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
    session.execute(delete(LoginGuard).where(_of_account(account_id)))


def count_stranger(session: AnySession, what: str, address: str | None, most: int, at: dt.datetime) -> bool:
    """Count one deed of somebody without an account by where he comes from; whether `most` a day are not passed."""
    place = place_of(address)
    if not place:
        return True
    row = _guard(session, f"{what}:{place}"[:64], at)
    row.tries = 1 if clock.local_day(row.last_try_at) != clock.local_day(at) else row.tries + 1
    row.last_try_at = at
    session.flush()
    return row.tries <= most


def count_number(session: AnySession, what: str, number: str, address: str | None, at: dt.datetime) -> int:
    """Count one deed of somebody who types this phone number, by where he comes from; how many there were before today.

    Whoever types a number that is not his uses up his own network's count alone. The count goes with the deed: of what
    is refused nothing stays. The number stands there as its digest.
    """
    mark = vault.indexes_of(normal(number), f"guard.{what}")[0]
    row = _guard(session, f"{what}:{mark}@{place_of(address)}"[:64], at)
    before = row.tries if clock.local_day(row.last_try_at) == clock.local_day(at) else 0
    row.tries, row.last_try_at = before + 1, at
    session.flush()
    return before


def forget_old_tries(session: AnySession, at: dt.datetime) -> int:
    """Drop guards that no longer count (nightly); the number dropped."""
    done = session.execute(delete(LoginGuard).where(LoginGuard.last_try_at < at - KEPT))
    return int(getattr(done, "rowcount", 0))


def locked_accounts(session: AnySession, account_ids: list[int], at: dt.datetime) -> dict[int, dt.datetime]:
    """Until when each of these accounts is locked by wrong tries, be it in some places only."""
    found: dict[int, dt.datetime] = {}
    for number in account_ids:
        last = select(func.max(LoginGuard.locked_until)).where(_of_account(number), LoginGuard.locked_until > at)
        until = session.scalar(last)
        if until is not None:
            found[number] = until
    return found


def _of_account(account_id: int) -> ColumnElement[bool]:
    """All counts of an account: its base and what hangs on it by a mark that is no digit."""
    base = f"account:{account_id}"
    return or_(LoginGuard.key == base, *(LoginGuard.key.like(f"{base}{mark}%") for mark in "@#!"))


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
    made = insert_of(session, LoginGuard).values(key=key, tries=0, last_try_at=at)
    session.execute(made.on_conflict_do_nothing())
    statement = select(LoginGuard).where(LoginGuard.key == key).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def _wrong(found: str, remedy: str) -> SignInRefused:
    return SignInRefused(Finding("登录", False, found, remedy, field=FIELD))


def _first_over(account: Account, first: FirstPassword) -> SignInRefused:
    until = clock.local(first.until)
    found = say(
        "初始密码已于 %(year)s 年 %(month)s 月 %(day)s 日 %(until)s 过期",
        year=until.year,
        month=until.month,
        day=until.day,
        until=f"{until:%H:%M}",
    )
    or_by_phone = "；已绑定手机的，也可以用“找回密码”" if account.phone and codes.available() else ""
    return _wrong(found, passwords.who_issues(account) + or_by_phone)


def _locked(until: dt.datetime, at: dt.datetime) -> SignInRefused:
    # Rounded up: told "until 10:05" a person who tries at 10:05 must get in.
    shown = clock.local(until + dt.timedelta(seconds=59))
    day = (
        "" if shown.date() == clock.local_day(at) else say("%(month)s 月 %(day)s 日 ", month=shown.month, day=shown.day)
    )
    by_phone = "用“找回密码”，或" if codes.available() else ""
    remedy = say("请到时再试，或用登录过的浏览器；忘记密码请%(by_phone)s由主账号或上级管理员重置", by_phone=by_phone)
    return _wrong(say("输错次数过多，已锁定至 %(day)s%(shown)s", day=day, shown=f"{shown:%H:%M}"), remedy)
