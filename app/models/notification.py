"""The outbox: notices written in the transaction, delivered after it. The in-page inbox is its first channel."""

import datetime as dt

from flask_babel import lazy_gettext as _l
from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped

from app.models.base import ONCE, Instant, Model, col, pk
from app.models.said import SaidText
from app.models.sealed import Sealed

NOTICE_STATE = {"queued": _l("待发"), "sent": _l("已发"), "failed": _l("失败")}
CHANNEL = {
    "inbox": _l("站内信"), "sms": _l("短信"), "email": _l("邮件"), "dingtalk": _l("钉钉机器人"),
    "webhook": _l("网址回调"),
}  # fmt: skip


class Notification(Model):
    """One notice to one account (or address) by one channel. `dedupe_key` makes a repeated verb send once.

    `is_secret` takes the content away once the notice was sent or given up (a code is nobody's later reading).
    """

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_recipient", "recipient_id", "read_at", "id"),
        Index("ix_notification_state", "state", "next_try_at"),
        # The few that nobody has read: those about a matter are settled with it.
        Index(
            "ix_notification_unread_link", "link",
            sqlite_where=text("read_at IS NULL AND link IS NOT NULL"),
            postgresql_where=text("read_at IS NULL AND link IS NOT NULL"),
        ),
        ONCE,
    )
    id: Mapped[int] = pk()
    channel: Mapped[str] = col(_l("渠道"), String(10), default="inbox", choices=CHANNEL)
    # None: to an address of somebody who has no account yet.
    recipient_id: Mapped[int | None] = col(_l("收件人"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    topic: Mapped[str] = col(_l("主题"), String(40))
    title: Mapped[str] = col(_l("标题"), SaidText(160))
    body: Mapped[str | None] = col(_l("内容"), Sealed("notification.body", sought=False, said=True))
    address: Mapped[str | None] = col(_l("发往"), Sealed("notification.address"), sensitive="mobile")
    is_secret: Mapped[bool] = col(_l("发后清除内容"), Boolean, default=False, server_default=text("false"))
    link: Mapped[str | None] = col(_l("链接"), String(200))
    dedupe_key: Mapped[str | None] = col(_l("去重键"), String(120), unique=True)
    state: Mapped[str] = col(_l("状态"), String(10), default="queued", choices=NOTICE_STATE)
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    error: Mapped[str | None] = col(_l("错误"), String(500))
    created_at: Mapped[dt.datetime] = col(_l("写入时间"), Instant)
    next_try_at: Mapped[dt.datetime | None] = col(_l("下次尝试"), Instant)
    sent_at: Mapped[dt.datetime | None] = col(_l("送达时间"), Instant)
    read_at: Mapped[dt.datetime | None] = col(_l("已读时间"), Instant)
