"""`/api/v1/sessions`, `/accounts/{key}/sessions`: where an account is signed in, and signing it out (ACC-15)."""

from __future__ import annotations

from typing import Any

from flask import jsonify, session

from app import clock, scope
from app.api.base import Resource, actor, answers, iso
from app.extensions import db
from app.models import Account
from app.permissions import Verb
from app.transaction import transaction
from app.views.access.sessions import shown_of
from app.views.frame import screens
from app.views.frame.account_forms import me
from app.workflows.access import sessions


class SessionApi(Resource):
    """One's own, by whoever signed in himself: a personal token neither sees nor ends its owner's."""

    resource_name = "sessions"
    openapi_spec_tag = "Accounts"

    @answers("", "GET")
    def list(self) -> Any:
        """Give one's own sessions, the last used first.
        ---
        get:
          summary: 本人的登录设备（个人令牌不能查看）
          gives: {200: Sessions}
        """
        sessions.not_by_token(actor(), actor().user_id)
        return jsonify(rows=_rows(me()))

    @answers("/<int:key>", "DELETE")
    def end(self, key: int) -> Any:
        """Sign a browser out: one's own, or of an account that one rules over.
        ---
        delete:
          summary: 退出一台设备上的登录：本人的，或下级账号、子用户的
          gives: {200: Done}
        """
        with transaction(db.session) as unit:
            sessions.end_one(unit, actor(), key, clock.now())
        return jsonify(done=True)


class AccountSessionApi(Resource):
    """Those of one account."""

    resource_name = "accounts"
    openapi_spec_tag = "Accounts"

    @answers("/<int:key>/sessions", "GET")
    def list_sessions(self, key: int) -> Any:
        """Give an account's sessions, the last used first.
        ---
        get:
          summary: 一个账号的登录设备
          gives: {200: Sessions}
        """
        row: Account = scope.visible(db.session, actor(), Account, key, "账号")
        sessions.not_by_token(actor(), row.id)
        return jsonify(rows=_rows(row))

    @answers("/<int:key>/sessions", "DELETE")
    def end_sessions(self, key: int) -> Any:
        """Sign an account out everywhere, its tokens too; who ends his own keeps the browser that asks.
        ---
        delete:
          summary: 退出一个账号在所有设备上的登录，令牌同时失效
          gives: {200: Done}
        """
        with transaction(db.session) as unit:
            row = sessions.end_all(unit, actor(), key, clock.now())
        if row.id == actor().user_id and isinstance(session.get("number"), str):
            with transaction(db.session) as unit:
                sessions.keep(unit, row, session["number"])
            session["epoch"] = row.session_epoch
        return jsonify(done=True)


def _rows(account: Account) -> list[dict[str, Any]]:
    return [
        {"id": one.row.id, "device": one.row.device, "address": one.row.address, "here": one.here,
         "created_at": iso(one.row.created_at), "seen_at": iso(one.row.seen_at)}
        for one in shown_of(account)
    ]  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add these resources. Whose sessions one may end is the workflow's to say."""
    screens.declare("SessionApi", "can_list", Verb.HOME)
    screens.declare("SessionApi", "can_end", Verb.HOME)
    screens.declare("AccountSessionApi", "can_list_sessions", Verb.ACCOUNT_READ)
    screens.declare("AccountSessionApi", "can_end_sessions", Verb.HOME)
    appbuilder.add_api(SessionApi)
    appbuilder.add_api(AccountSessionApi)
