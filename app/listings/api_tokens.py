"""Interface tokens of the accounts that one keeps (INT-04)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_
from sqlalchemy.orm import joinedload

from app import clock
from app.listing import Column, Listing, Tab, column, register
from app.models import Account, ApiToken
from app.workflows.access.api_tokens import why_dead

API_TOKENS = register(
    Listing(
        name="api_tokens",
        title=_l("接口令牌"),
        model=ApiToken,
        columns=(
            column(ApiToken, "name"),
            Column("account", _l("账号"), lambda row: row.account.get_full_name(), "text", Account.first_name),
            Column("username", _l("登录名"), lambda row: row.account.username, "code", Account.username),
            Column("state", _l("状态"), lambda row: why_dead(row, clock.now()) or "有效"),
            Column("count", _l("权限项数"), lambda row: len(row.verbs), "number"),
            column(ApiToken, "made_at"),
            column(ApiToken, "ends_on"),
            column(ApiToken, "used_on"),
        ),
        default=("name", "account", "username", "state", "count", "ends_on", "used_on"),
        search=(ApiToken.name, Account.username, Account.first_name),
        search_hint=_l("名称、登录名、姓名"),
        tabs=(
            Tab("live", _l("在用"), lambda m: and_(ApiToken.revoked_at.is_(None), ApiToken.ends_on >= m.today)),
            Tab("ended", _l("已撤销或过期"), lambda m: or_(
                ApiToken.revoked_at.is_not(None), ApiToken.ends_on < m.today)),
            Tab("all", _l("全部")),
        ),
        order=("id", True),
        load=(joinedload(ApiToken.account),),
        join=lambda statement: statement.join(Account, Account.id == ApiToken.account_id),
    )
)  # fmt: skip
