"""What other systems call with: personal tokens, and the answers kept for calls that are sent again (INT-04)."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from app.models.account import Account
from app.models.base import Instant, Json, Model, col, pk


class ApiToken(Model):
    """A key that acts for an account within the ticked verbs. Only its digest is kept.

    `epoch` is the account's `session_epoch` when it was made: a password, role or scope changed since ends it, as it
    ends sessions.
    """

    __tablename__ = "api_token"
    __table_args__ = (Index("ix_api_token_account", "account_id", "id"),)
    id: Mapped[int] = pk()
    account_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    name: Mapped[str] = col(_l("名称"), String(60), help=_l("写明哪个系统使用"))
    digest: Mapped[str] = col(_l("摘要"), String(64), unique=True)
    start: Mapped[str] = col(_l("开头"), String(12), help=_l("用来辨认，不能用来登录"))
    verbs: Mapped[list[str]] = col(_l("权限"), Json, default=list)
    epoch: Mapped[int] = col(_l("会话代"), Integer)
    made_at: Mapped[dt.datetime] = col(_l("建立时间"), Instant)
    ends_on: Mapped[dt.date] = col(_l("有效期至"), Date)
    used_on: Mapped[dt.date | None] = col(_l("最近使用"), Date)
    revoked_at: Mapped[dt.datetime | None] = col(_l("撤销时间"), Instant)
    revoked_by_id: Mapped[int | None] = col(_l("撤销人"), Integer, ForeignKey("ab_user.id"))

    account: Mapped[Account] = relationship(foreign_keys=[account_id])

    def __repr__(self) -> str:
        return self.name


class ApiCall(Model):
    """The answer to a call with an Idempotency-Key, written in the transaction of the deed itself."""

    __tablename__ = "api_call"
    __table_args__ = (UniqueConstraint("account_id", "key"), Index("ix_api_call_made", "made_at"))
    id: Mapped[int] = pk()
    account_id: Mapped[int] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    key: Mapped[str] = col(_l("请求键"), String(80))
    digest: Mapped[str] = col(_l("请求摘要"), String(64))
    code: Mapped[int] = col(_l("状态码"), Integer)
    answer: Mapped[Any] = col(_l("回答"), Json, nullable=True)
    made_at: Mapped[dt.datetime] = col(_l("时间"), Instant)
