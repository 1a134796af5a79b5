"""How notices leave the house (NTF-01): each person's channels and quiet hours, and the words of each channel."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Date, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped

from app.models.base import BigId, Instant, Json, Model, col

NOTICE_GROUP = {
    "approval": _l("待我审批"), "decision": _l("我的申请的进展"), "escalation": _l("期限和上报"),
    "visit": _l("维保记录"), "complaint": _l("投诉和留言"), "rescue": _l("困人救援"),
    "repair": _l("报修和电梯异常"), "enforcement": _l("约谈和处罚"), "check": _l("核查和抽查"),
    "duty": _l("主体责任、巡检和参保"), "expiry": _l("证书和许可到期"),
    "policy": _l("政策参数"), "job": _l("后台任务和文件"), "other": _l("其他"),
}  # fmt: skip


class NoticeChoice(Model):
    """What an account wants beside the inbox: by group the channels, where to, and when not.

    Quiet hours are minutes of the Shanghai day, `quiet_from` up to `quiet_until`, perhaps over midnight.
    """

    __tablename__ = "notice_choice"
    account_id: Mapped[int] = col(
        _l("账号"), Integer, ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    channels: Mapped[dict[str, Any]] = col(_l("渠道"), Json, default=dict)
    webhook_url: Mapped[str | None] = col(_l("网址回调地址"), String(300))
    # Sealed (`vault`): with it the receiver checks the signature.
    webhook_secret: Mapped[str | None] = col(_l("网址回调密钥"), Text)
    quiet_from: Mapped[int | None] = col(_l("免打扰开始"), Integer)
    quiet_until: Mapped[int | None] = col(_l("免打扰结束"), Integer)
    updated_at: Mapped[dt.datetime] = col(_l("更新时间"), Instant)


class NoticeTemplate(Model):
    """The words of one group on one channel; where there is none, the built-in ones hold."""

    __tablename__ = "notice_template"
    channel: Mapped[str] = col(_l("渠道"), String(10), primary_key=True)
    group: Mapped[str] = col(_l("通知种类"), String(20), primary_key=True, choices=NOTICE_GROUP)
    title: Mapped[str] = col(_l("标题"), String(200))
    body: Mapped[str] = col(_l("内容"), String(1000))
    updated_at: Mapped[dt.datetime] = col(_l("更新时间"), Instant)
    updated_by_id: Mapped[int | None] = col(_l("修改人"), Integer)


class ToldExpiry(Model):
    """That a paper's end was told at one step (`rules.expiry`): never again, even when the notice itself is long gone.

    A paper that is renewed has another last day, and steps of its own.
    """

    __tablename__ = "told_expiry"
    paper: Mapped[str] = col(_l("证书"), String(20), primary_key=True)
    entity_id: Mapped[int] = col(_l("对象编号"), BigId, primary_key=True, autoincrement=False)
    until: Mapped[dt.date] = col(_l("有效期至"), Date, primary_key=True)
    step: Mapped[int] = col(_l("提前天数"), Integer, primary_key=True, autoincrement=False)
    told_at: Mapped[dt.datetime] = col(_l("通知时间"), Instant)
