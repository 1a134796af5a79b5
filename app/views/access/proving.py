"""Proving who one is, by password and second factor: counted, locked and audited the same from every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import current_app, request

from app import clock
from app.errors import Finding, Refusal
from app.models import Account
from app.transaction import transaction
from app.views.access.browser import browser_tokens
from app.workflows.access import codes, second_factor, signin
from app.workflows.core import audit


def sign_in(username: str, password: str, via: str = "web", *, asked: bool = False) -> Account:
    """The account of this name and password, or SignInRefused; counted, locked and audited the same from every door.

    `asked`: a question against machines was answered just now, where this name owes one.
    """
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        tried = signin.begin(
            database, username[:200], clock.now(), via=via, address=request.remote_addr, asked=asked,
            tokens=browser_tokens(),
        )  # fmt: skip
    ok = tried.matches(password)
    renewed = tried.account.hash_anew(password) if ok and tried.account else None
    with transaction(database):
        refusal = signin.finish(database, tried, ok, clock.now())
        if refusal is None and renewed and tried.account:
            # The same password, so no session ends.
            tried.account.password = renewed
    if refusal is not None:
        raise refusal
    assert tried.account is not None
    return tried.account


def confirm_second_factor(account: Account, code: str, asked_by: str | None, login: bool = True) -> Refusal | None:
    """None when the code is right; wrong ones are counted and lock, and no right password forgives them.

    `asked_by` is the browser or call that a code by SMS was sent for.
    """
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    try:
        with transaction(database):
            tried = signin.begin_confirmation(database, account, clock.now(), request.remote_addr, browser_tokens())
    except Refusal as refusal:
        return refusal
    wrong: Refusal | None = None
    factor = second_factor.factor_of(account)
    with transaction(database):
        try:
            if factor == "totp":
                second_factor.check_totp(database, account, code, clock.now())
            else:
                codes.check(
                    database, account.id, "login", code, clock.now(), request=asked_by, sent_to=account.phone or ""
                )  # fmt: skip
        except Refusal as refusal:
            wrong = refusal
        locked = signin.finish(database, tried, wrong is None, clock.now(), login=False, by_code=True)
        if wrong is None and locked is None and login:
            after = {"factor": factor}
            audit.record(database, tried.actor, clock.now(), "login.second", "account", account.id, after=after)
    # A right code for an account that was locked or ended since its password: that refuses, though nothing was wrong.
    return locked if locked is not None and (wrong is None or tried.left <= 0) else wrong


def confirm_own_password(account: Account, password: str, field: str) -> None:
    """Refuse unless this is the signed-in person's own password; tries count like those of sign-in."""
    database = current_app.appbuilder.session  # type: ignore[attr-defined]
    with transaction(database):
        tried = signin.begin_confirmation(database, account, clock.now(), request.remote_addr, browser_tokens())
    ok = tried.matches(password)
    with transaction(database):
        refusal = signin.finish(database, tried, ok, clock.now(), login=False)
    if refusal is not None:
        refusal.findings = [replace(f, rule="原密码", field=field) for f in refusal.findings]
        refusal.status_code = 422
        raise refusal


def confirm_oneself(account: Account, field: str = "password", given: Mapping[str, str] | None = None) -> None:
    """Refuse unless the form holds the own password and, of an account with an app, its code (`<field>_code`).

    `given`: what a call of the interface holds in place of a form.

    For what signing in or recovering an account stands on: whoever has the password alone must not change that.
    """
    held = request.form if given is None else given
    confirm_own_password(account, held.get(field, ""), field)
    if second_factor.factor_of(account) != "totp":
        return
    typed = held.get(f"{field}_code", "")[:20]
    wrong: Refusal | None = Refusal(Finding("动态口令", False, "没有填写", "请输入验证器上显示的 6 位数字"))
    if typed.strip():
        wrong = confirm_second_factor(account, typed, None, login=False)
    if wrong is not None:
        wrong.findings = [replace(f, field=f"{field}_code") for f in wrong.findings]
        wrong.status_code = 422
        raise wrong
