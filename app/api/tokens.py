"""`/api/v1/tokens`: the interface tokens of the accounts that one keeps, and ending them. None is made here."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from app import clock, scope
from app.api import listed
from app.api.base import Resource, actor, answers, iso
from app.extensions import db
from app.listings.api_tokens import API_TOKENS
from app.models import ApiToken
from app.permissions import Verb
from app.transaction import transaction
from app.views.frame import screens
from app.workflows.access import api_tokens


class TokenApi(Resource):
    """What is known of tokens; never their text, of which only a digest is kept."""

    resource_name = "tokens"
    openapi_spec_tag = "Accounts"

    @answers("", "GET")
    def list(self) -> Any:
        """Give tokens, the newest first; the first tab is those in use.
        ---
        get:
          summary: 辖内账号的接口令牌；缺省为在用的
          paged: true
          parameters:
            - {in: query, name: q, schema: {type: string, maxLength: 60}, description: 名称、登录名、姓名}
            - {in: query, name: tab, schema: {type: string, enum: [live, ended, all]}}
          gives: {200: TokenPage}
        """
        return listed.page(API_TOKENS, _token)

    @answers("/<int:key>", "GET")
    def get(self, key: int) -> Any:
        """Give one token.
        ---
        get:
          summary: 一个接口令牌
          gives: {200: Token}
        """
        return jsonify(_token(scope.visible(db.session, actor(), ApiToken, key, "这个令牌")))

    @answers("/<int:key>/revoke", "POST")
    def revoke(self, key: int) -> Any:
        """End one: of one's own account, or of an account that one may lock. Ended twice is ended.
        ---
        post:
          summary: 撤销接口令牌：本人的（用令牌调用时只有它自己），或下级账号、子用户的
          gives: {200: Token}
        """
        with transaction(db.session) as session:
            row = api_tokens.revoke(session, actor(), key, clock.now())
        return jsonify(_token(row))


def _token(row: ApiToken) -> dict[str, Any]:
    dead = api_tokens.why_dead(row, clock.now())
    return {
        "id": row.id, "name": row.name, "start": row.start, "live": not dead, "why_dead": dead or None,
        "account": {"id": row.account_id, "name": row.account.get_full_name()},
        "verbs": [name for name in row.verbs if name in api_tokens.OFFERED], "made_at": iso(row.made_at),
        "ends_on": iso(row.ends_on), "used_on": iso(row.used_on), "revoked_at": iso(row.revoked_at),
    }  # fmt: skip


def register(appbuilder: Any) -> None:
    """Add this resource. Whose token one may end is the workflow's to say."""
    for name in ("list", "get"):
        screens.declare("TokenApi", f"can_{name}", Verb.ACCOUNT_READ)
    screens.declare("TokenApi", "can_revoke", Verb.HOME)
    appbuilder.add_api(TokenApi)
