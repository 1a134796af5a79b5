"""Sign-in on Flask-AppBuilder: our account model, rights by verb, counted tries, sessions that end.

None of FAB's own user, role and permission screens is registered: with them a sub-administrator can raise himself
(`/users/edit` hands out any role, `/resetpassword?pk=` takes any account). Accounts: `workflows.access.accounts`.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, g, request, session
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import bindparam, select
from sqlalchemy.orm import defer, joinedload

from app import clock
from app.models import Account
from app.permissions import NOBODY, Verb
from app.scope import BIGGEST_ACCOUNT
from app.views.access.browser import why_ended
from app.views.access.proving import sign_in
from app.views.access.sign_in import SecurityApi, SignIn
from app.views.frame import screens
from app.workflows.access import second_factor, sessions, signin
from app.workflows.core import actors

# All that a request must know of who asks, as it is now: the account, its roles, whether this session was ended.
# What a sub-account may do hangs on its giver's rights of this moment.
# Nobody needs the address of mail for that, and a page can say that a key is missing only if it knows who asks.
_giver = joinedload(Account.giver)
ACCOUNT = (
    select(Account, sessions.ended(bindparam("number")))
    .where(Account.id == bindparam("account"))
    .options(joinedload(Account.roles), _giver.joinedload(Account.roles), _giver.joinedload(Account.unit))
    .options(defer(Account.email), _giver.defer(Account.email))
    .execution_options(skip_scope=True)
)


class SecurityManager(FabSecurityManager):
    """FAB's manager with the account of ours. A screen's FAB permission resolves to a verb of the role table."""

    user_model = Account
    userstatschartview = None

    def register_views(self) -> None:
        """Only sign-in and the token API; everything else of FAB's security screens stays out."""
        self.auth_view = self.appbuilder.add_view_no_menu(SignIn())
        self.lm.login_view = "SignIn.login"
        self.appbuilder.add_api(SecurityApi)
        screens.declare("OpenApi", "can_get", Verb.HOME)
        screens.declare("SwaggerView", "can_show", Verb.HOME)

    def create_limiter(self, app: Flask) -> Limiter:
        """None that is asked at each request: calls are counted by `api.limits`, tries to sign in by `signin`."""
        return Limiter(key_func=get_remote_address)

    def load_user(self, pk: Any) -> Account | None:
        """The account of a session, or None when that has ended; read outside scope, for scope is made from it."""
        account, signed_out = self._account(pk, session.get("number"))
        if account is None:
            return None
        g.session_ended = ended = why_ended(account, signed_out)
        return None if ended else account

    def load_user_jwt(self, _header: dict[str, Any], data: dict[str, Any]) -> Any:
        """Whose token it is. One made before the password, a role or the scope changed is worth nothing."""
        found = self._caller(data.get("sub"))
        if found is None or data.get("epoch") != found.session_epoch or found.must_change_password:
            return None
        if second_factor.is_owed(found, current_app.config["SECOND_FACTOR_FOR"]):
            return None
        g.user = found
        make = actors.actor_of_caller if isinstance(found, actors.Caller) else actors.actor_of
        g.actor = make(found, "api", request.remote_addr)
        return found

    def _caller(self, pk: Any) -> Any:
        """The account that may act by a token, as it is now."""
        key = _whole(pk)
        found = None if key is None else actors.caller(self.session, key)
        if found is None or not found.is_active:
            return None
        held = found.locked_until is not None and found.locked_until > clock.now()
        return None if held else found

    def _account(self, pk: Any, number: Any = None) -> tuple[Account | None, bool]:
        """The account that may act, and whether the session of this number was signed out; in one statement."""
        key = _whole(pk)
        if key is None:
            return None, False
        asked = {"account": key, "number": number if isinstance(number, str) else ""}
        found = self.session.execute(ACCOUNT, asked).unique().one_or_none()
        if found is None or not found[0].is_active:
            return None, False
        account: Account = found[0]
        held = account.locked_until is not None and account.locked_until > clock.now()
        return (None if held else account), bool(found[1])

    def auth_user_db(self, username: str | None, password: str | None) -> Account | None:
        """FAB's own door, kept shut to a quieter answer: every sign-in goes through `sign_in` and its count."""
        try:
            return sign_in(username or "", password or "")
        except signin.SignInRefused:
            return None

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Nothing is public by a role: pages without login say so in code."""
        return False

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """By who acts alone, which was asked when the request came in: FAB would look for its own kinds of users."""
        return self._has_view_access(None, permission_name, view_name)

    def _has_view_access(self, user: Any, permission_name: str, view_name: str) -> bool:
        verb = screens.verb_of(view_name, permission_name)
        return verb is not None and g.get("actor", NOBODY).may(verb)


def _whole(pk: Any) -> int | None:
    try:
        key = int(pk)
    except (TypeError, ValueError):
        return None
    return key if 0 <= key <= BIGGEST_ACCOUNT else None
