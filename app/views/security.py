"""Sign-in on Flask-AppBuilder: our account model, scope-free account loading, rights by verb."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.models import Account
from app.permissions import NOBODY


class SecurityManager(FabSecurityManager):
    """FAB's manager with the account of ours. A screen's FAB permission resolves to a verb of the role table."""

    user_model = Account
    userstatschartview = None

    def load_user(self, pk: Any) -> Account | None:
        """The account of a session; read outside scope, for scope is made from it."""
        account: Account | None = self.session.scalar(
            select(Account)
            .where(Account.id == int(pk))
            .options(selectinload(Account.roles))
            .execution_options(skip_scope=True)
        )
        return account if account is not None and account.is_active else None

    def _has_view_access(self, user: Any, permission_name: str, view_name: str) -> bool:
        from app.views.screens import verb_of

        verb = verb_of(view_name, permission_name)
        return verb is not None and g.get("actor", NOBODY).may(verb)
