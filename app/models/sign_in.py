"""What proves who signs in beside the password: pictures against machines, codes sent to a phone."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from app.models.base import BigId, Instant, Model, col, pk
from app.models.sealed import Sealed, index_of


class Captcha(Model):
    """A question that was shown and what answers it, sealed; good for one try."""

    __tablename__ = "captcha"
    __table_args__ = (Index("ix_captcha_expires", "expires_at"),)
    id: Mapped[str] = col(_l("编号"), String(32), primary_key=True)
    answer: Mapped[str] = col(_l("答案"), Text)
    expires_at: Mapped[dt.datetime] = col(_l("有效至"), Instant)


class OneTimeCode(Model):
    """A code sent to a phone for one purpose. Only its hash is kept; a newer one of the purpose replaces it."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("ix_one_time_code_target", "target_index", "created_at"),
        Index("ix_one_time_code_account", "account_id", "purpose", "created_at"),
        Index("ix_one_time_code_asked_from", "asked_from", "created_at"),
    )
    id: Mapped[int] = pk()
    purpose: Mapped[str] = col(_l("用途"), String(12))
    # Of an account; or of somebody who has none yet, under what it is for (an invitation and its number).
    account_id: Mapped[int | None] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    subject: Mapped[str | None] = col(_l("事由"), String(40), index=True)
    target: Mapped[str] = col(_l("发往"), Sealed("one_time_code.target"), sensitive="mobile")
    target_index: Mapped[str | None] = index_of("target")
    code_hash: Mapped[str] = col(_l("验证码摘要"), String(64))
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    # Which browser or call asked for it: only there it is good.
    request: Mapped[str | None] = col(_l("请求"), String(43))
    asked_from: Mapped[str | None] = col(_l("来源地址"), String(60))
    created_at: Mapped[dt.datetime] = col(_l("发出时间"), Instant)
    expires_at: Mapped[dt.datetime] = col(_l("有效至"), Instant)
    used_at: Mapped[dt.datetime | None] = col(_l("使用时间"), Instant)


class NumberAsk(Model):
    """That a unit was told of a number that is somebody's elsewhere; as many a day as `workflows.access.asking` says.

    The number itself is not kept, only a keyed digest that tells one from another for as long as the row lives.
    """

    __tablename__ = "number_ask"
    __table_args__ = (Index("ix_number_ask_unit", "unit_id", "asked_on"),)
    id: Mapped[int] = pk()
    unit_id: Mapped[int] = col(_l("单位"), BigId, ForeignKey("unit.id", ondelete="CASCADE"))
    account_id: Mapped[int | None] = col(_l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    asked_on: Mapped[dt.date] = col(_l("日期"), Date)
    digest: Mapped[str] = col(_l("号码摘要"), String(26))
