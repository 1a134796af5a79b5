"""Long work as rows: progress, result, error, who and what for; a killed worker's job resumes or fails clearly."""

import datetime as dt
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped

from app.models.base import ONCE, BigId, Instant, Json, Model, col, pk
from app.models.choices import JOB_STATE
from app.models.said import SaidText
from app.models.sealed import SealedJson

JOB_KIND = {
    "import_check": _l("校验导入文件"), "import": _l("导入"), "import_undo": _l("撤销导入"), "export": _l("导出"),
    "schedule": _l("排班"), "age": _l("记录状态更新"), "score": _lp("job", "计算得分"),
    "nightly_scores": _l("每晚计算得分"), "report": _l("统计报表"),
    "policy_test": _l("政策回测"), "provincial": _l("同步省平台"),
    "audit_export": _l("审计日志核验包"),
    "bulletin": _l("生成通报"), "bulletin_files": _l("通报成文"), "open_data": _l("公开数据"),
    "retention": _l("删除到期内容"), "expiry": _l("证书到期通知"),
    "fraud": _l("签到疑点检查"), "submit": _l("批量上报"), "labels": _l("一梯一码 标签"),
    "sheets": _l("批量维保单"), "usual_parts": _l("登记常用组件"), "decide": _l("批量审批"),
    "apply_check": _l("批量申请核对"), "apply": _l("批量申请"), "mend": _l("整批补正"),
}  # fmt: skip


class Job(Model):
    """`queued` is inserted in the caller's transaction; the id is sent after commit; a worker claims it by UPDATE."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_state", "state", "heartbeat_at"), Index("ix_job_owner", "created_by_id", "id"), ONCE,
    )  # fmt: skip
    id: Mapped[int] = pk()
    kind: Mapped[str] = col(_l("任务"), String(20), choices=JOB_KIND)
    title: Mapped[str] = col(_l("说明"), SaidText(160))
    params: Mapped[dict[str, Any]] = col(_l("参数"), SealedJson("job.params", whole=True), default=dict)
    state: Mapped[str] = col(_l("状态"), String(10), default="queued", choices=JOB_STATE)
    done: Mapped[int] = col(_l("已完成"), Integer, default=0, server_default="0")
    total: Mapped[int] = col(_l("总数"), Integer, default=0, server_default="0")
    message: Mapped[str | None] = col(_l("进度"), SaidText(300))
    result: Mapped[dict[str, Any] | None] = col(_l("结果"), Json)
    error: Mapped[str | None] = col(_l("错误"), SaidText())
    attachment_id: Mapped[int | None] = col(_l("文件"), BigId, ForeignKey("attachment.id"))
    tries: Mapped[int] = col(_l("次数"), Integer, default=0, server_default="0")
    claim: Mapped[str | None] = col(_l("认领"), String(40))
    created_by_id: Mapped[int | None] = col(_l("发起人"), Integer, ForeignKey("ab_user.id"))
    created_at: Mapped[dt.datetime] = col(_l("发起时间"), Instant)
    started_at: Mapped[dt.datetime | None] = col(_l("开始时间"), Instant)
    heartbeat_at: Mapped[dt.datetime] = col(_l("心跳"), Instant)
    finished_at: Mapped[dt.datetime | None] = col(_l("结束时间"), Instant)
    stop_asked_at: Mapped[dt.datetime | None] = col(_l("要求停止的时间"), Instant)


class ServiceHeartbeat(Model):
    """When worker and beat last showed that they live; `/health` reads it."""

    __tablename__ = "service_heartbeat"
    name: Mapped[str] = col(_l("服务"), String(40), primary_key=True)
    at: Mapped[dt.datetime] = col(_l("时间"), Instant)
